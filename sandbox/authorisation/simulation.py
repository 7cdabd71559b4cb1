"""IAM's policy simulator: SimulatePrincipalPolicy, SimulateCustomPolicy and the keys that policies ask for.

As in AWS a simulation sees the policies of the entity that it is given, its boundary and the account's service control
policies; of resources it sees only the policy in the request, and no resource control policies. Of the context it
knows who the caller is; what else a policy asks for must be given, and is reported as missing if not.

One result for each action; the decisions on single resources stand in its ResourceSpecificResults.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html

Differences: role trust policies given as ResourcePolicy are evaluated (AWS ignores them in a simulation,
https://github.com/aws/aws-cli/issues/10314), and which actions may be simulated together is told by the Service
Authorization Reference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sandbox.access import Context, MalformedPolicy, Policy, Principal, Source, catalog, parse
from sandbox.access.decision import PolicyKind
from sandbox.access.grammar import check
from sandbox.access.request import Values
from sandbox.access.spans import JsonError
from sandbox.authorisation.context_keys import entries, invalid, keys_of
from sandbox.authorisation.exclusions import excluded, expect_identifiers
from sandbox.authorisation.organization import SERVICE_CONTROL, Organization
from sandbox.authorisation.paging import bounds, more
from sandbox.authorisation.positions import statement_positions
from sandbox.authorisation.simulated import Outcome, PolicyType, Scene, Taking, simulate, strictest
from sandbox.gateway import moto_iam
from sandbox.gateway.call import AwsError, Call, Operation
from sandbox.gateway.moto_iam import AttachedPolicy, Identity

#: A page ends early when so many single decisions are made: "IAM might return fewer than the MaxItems number".
_MAX_DECISIONS = 2_000
#: https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreatePolicy.html; the model's own limit.
_MAX_LEVELS = 7

_MORE = "Please refer to the documentation for more details: https://docs.aws.amazon.com/IAM/latest/APIReference"
_ENTITY = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):(user|group|role)/.+")
_ACCOUNT = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):root")

#: What resources each kind of EC2 simulation must have.
_HANDLING = {
    "EC2-VPC-InstanceStore": ("instance", "image", "security-group", "network-interface"),
    "EC2-VPC-InstanceStore-Subnet": ("instance", "image", "security-group", "network-interface", "subnet"),
    "EC2-VPC-EBS": ("instance", "image", "security-group", "network-interface", "volume"),
    "EC2-VPC-EBS-Subnet": ("instance", "image", "security-group", "network-interface", "subnet", "volume"),
}


class Simulation:
    """IAM's operations that evaluate policies without doing anything."""

    def __init__(self, organization: Organization | None = None) -> None:
        self._organization = organization
        self.operations: Mapping[str, Operation] = {
            "SimulatePrincipalPolicy": self._simulate_principal,
            "SimulateCustomPolicy": self._simulate_custom,
            "GetContextKeysForPrincipalPolicy": self._keys_for_principal,
            "GetContextKeysForCustomPolicy": self._keys_for_custom,
        }

    # -- operations ------------------------------------------------------------------------------------

    def _simulate_principal(self, call: Call) -> Mapping[str, Any]:
        params = call.params
        exclusions = params.get("PolicyExclusionList") or []
        expect_identifiers(exclusions)
        entity = _entity(params, call.account)
        attached = [policy for policy in entity.policies if not excluded(policy, exclusions)]
        identity = [_attached("identity", "IAM Policy", policy) for policy in attached]
        identity += _inputs(params, "PolicyInputList", "identity", "IAM Policy")
        boundary = _only_boundary(params)
        if boundary is None and entity.boundary is not None:
            boundary = _attached("boundary", "Permissions Boundary Policy", entity.boundary)
        if any(each.get("PolicyType") == "permission-boundary" for each in exclusions):
            boundary = None
        caller, context = _caller(str(params.get("CallerArn") or entity.arn), entity)
        levels = self._levels(entity.arn)
        if any(each.get("PolicyType") == "scp" for each in exclusions):
            levels = ()
        return _answer(params, Scene(caller, identity, boundary, None, levels), context)

    def _simulate_custom(self, call: Call) -> Mapping[str, Any]:
        params = call.params
        given = params.get("CallerArn")
        if given:
            caller, context = _caller(str(given), None)
        else:
            caller, context = Principal("User", "", call.account), {}
        scene = Scene(
            caller,
            _inputs(params, "PolicyInputList", "identity", "IAM Policy"),
            _only_boundary(params),
            None,
            _given_levels(params),
        )
        return _answer(params, scene, context)

    def _keys_for_principal(self, call: Call) -> Mapping[str, Any]:
        entity = _entity(call.params, call.account)
        policies = [_attached("identity", "IAM Policy", policy) for policy in entity.policies]
        policies += _inputs(call.params, "PolicyInputList", "identity", "IAM Policy")
        return {"ContextKeyNames": list(keys_of(each.source.policy.document for each in policies))}

    def _keys_for_custom(self, call: Call) -> Mapping[str, Any]:
        # These may be any policies, resource-based ones too.
        texts = [str(text) for text in call.params.get("PolicyInputList") or []]
        return {"ContextKeyNames": list(keys_of(_parsed(text, "PolicyInputList").document for text in texts))}

    def _levels(self, arn: str) -> tuple[tuple[Source, ...], ...]:
        # Service-linked roles are bound by no service control policy.
        if self._organization is None or ":role/aws-service-role/" in arn:
            return ()
        return tuple(
            tuple(Source("service-control", each.name, parse(each.document), each.place) for each in level)
            for level in self._organization.levels(arn.split(":")[4], SERVICE_CONTROL)
        )


# -- the question --------------------------------------------------------------------------------------


def _entity(params: Mapping[str, Any], account: str) -> Identity:
    arn = str(params.get("PolicySourceArn") or "")
    match = _ENTITY.fullmatch(arn)
    if match is None:
        raise invalid(f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    owner, kind = match.groups()
    if owner != account:
        raise invalid(
            f"Invalid Policy Source Arn: caller's account {account} does not have access to policies in account {owner}"
        )
    found = moto_iam.group(arn) if kind == "group" else moto_iam.identity(arn)
    if found is None:
        raise AwsError("NoSuchEntity", f"The {kind} with name {arn.rpartition('/')[2]} cannot be found.", 404)
    return found


def _caller(arn: str, entity: Identity | None) -> tuple[Principal, dict[str, Values]]:
    """Who asks in the simulation, and what the context says of him."""
    match = _ENTITY.fullmatch(arn)
    if match is None:
        raise invalid(f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    account, kind = match.groups()
    context: dict[str, Values] = {"aws:PrincipalArn": arn, "aws:PrincipalAccount": account}
    if entity is not None and entity.arn == arn:
        context["aws:userid"] = entity.id
    if kind == "user":
        context["aws:username"] = arn.rpartition("/")[2]
    if kind == "role":
        return Principal("AssumedRole", arn, account, arn), context
    return Principal("User", arn, account), context


def _attached(kind: PolicyKind, told: PolicyType, policy: AttachedPolicy) -> Taking:
    try:
        parsed = parse(policy.document)
    except MalformedPolicy as error:
        raise AwsError(
            "PolicyEvaluation", f"The policy {policy.name} of {policy.attached_to} can't be evaluated: {error}", 500
        ) from error
    of_aws = policy.name.startswith("arn:aws:iam::aws:")
    text = _as_aws_writes(parsed.document) if of_aws else policy.document
    return Taking(_id_of(policy), told, Source(kind, policy.name, parsed, policy.attached_to), text)


def _as_aws_writes(document: Mapping[str, Any]) -> str:
    """The text of one of AWS's own policies, of which moto keeps the content only: by recorded answers most are so."""
    return json.dumps({name: document[name] for name in ("Version", "Statement") if name in document}, indent=2)


def _id_of(policy: AttachedPolicy) -> str:
    """A managed policy is told by its name, an inline one as `user_ana_s3-read`."""
    if policy.name.startswith("arn:"):
        return policy.name.rpartition("/")[2]
    return f"{policy.attached_to.replace('/', '_')}_{policy.name}"


def _inputs(params: Mapping[str, Any], member: str, kind: PolicyKind, told: PolicyType) -> list[Taking]:
    found = []
    for number, text in enumerate(params.get(member) or [], 1):
        try:
            policy = check(str(text), "identity")
        except MalformedPolicy as error:
            raise invalid(f"Invalid policy {member}.{number}: {error.reason}") from error
        name = f"{member}.{number}"
        found.append(Taking(name, told, Source(kind, name, policy, name), str(text)))
    return found


def _only_boundary(params: Mapping[str, Any]) -> Taking | None:
    member = "PermissionsBoundaryPolicyInputList"
    given = _inputs(params, member, "boundary", "Permissions Boundary Policy")
    if len(given) > 1:
        raise invalid(f"Only one permissions boundary can be simulated; {member} has {len(given)}.")
    return given[0] if given else None


def _given_levels(params: Mapping[str, Any]) -> tuple[tuple[Source, ...], ...]:
    member = "OrderedOrganizationPolicyInputList"
    given = params.get(member) or []
    if len(given) > _MAX_LEVELS:
        raise invalid(f"{member} has {len(given)} levels: there are at most {_MAX_LEVELS}.")
    levels = []
    for number, level in enumerate(given, 1):
        sources = []
        for place, text in enumerate(level.get("ServiceControlPolicyInputList") or [], 1):
            name = f"{member}.{number}.ServiceControlPolicyInputList.{place}"
            try:
                policy = check(str(text), "service-control")
            except MalformedPolicy as error:
                raise invalid(f"Invalid policy {name}: {error.reason}") from error
            sources.append(Source("service-control", name, policy, name))
        levels.append(tuple(sources))
    return tuple(levels)


def _with_resource_policy(params: Mapping[str, Any], scene: Scene) -> Scene:
    owner = params.get("ResourceOwner")
    if owner:
        match = _ACCOUNT.fullmatch(str(owner))
        if match is None:
            raise invalid(f"'{owner}' is not a valid as a Resource Owner.")
        scene = replace(scene, owner=match.group(1))
    text = params.get("ResourcePolicy")
    if not text:
        return scene
    if not scene.caller.arn:
        raise invalid("Invalid caller - Caller cannot be null or empty.")
    if ":user/" not in scene.caller.arn:
        # "Simulation of resource-based policies isn't supported for IAM roles."
        raise invalid("Invalid caller - Caller must be an IAM user in this context.")
    policy = _parsed(str(text), "ResourcePolicy")
    try:
        statement_positions(str(text))
    except JsonError as error:
        raise invalid(f"Invalid policy ResourcePolicy: {error}") from error
    source = Source("resource", "ResourcePolicy", policy, "ResourcePolicy")
    return replace(scene, resource=Taking("ResourcePolicy", "Resource Policy", source, str(text)))


def _parsed(text: str, member: str) -> Policy:
    try:
        return parse(text)
    except MalformedPolicy as error:
        raise invalid(f"Invalid policy {member}: {error.reason}") from error


def _actions(params: Mapping[str, Any]) -> list[str]:
    actions = [str(action) for action in params.get("ActionNames") or []]
    if not actions:
        raise invalid("ActionNames is empty: name at least one action.")
    for action in actions:
        service, _, name = action.partition(":")
        if not service or not name or ":" in name:
            raise invalid(f"Invalid Input Actions: {action} has no service and name, such as iam:CreateUser.")
        if "*" in action or "?" in action:
            raise invalid(f"Invalid Input Actions: {action} has a wildcard, which a simulation does not support.")
    return actions


def _resources(params: Mapping[str, Any], actions: Sequence[str]) -> list[str]:
    """The resources that are named; empty for all of them (`*`)."""
    resources = [str(resource) for resource in params.get("ResourceArns") or []]
    if resources in ([], ["*"]):
        return []
    for resource in resources:
        parts = resource.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn" or not parts[1] or not parts[2] or not parts[5]:
            raise invalid(f"ResourceNames are not in a valid ARN format: {resource}.")
    with_resources = [action for action in actions if _has_resources(action)]
    without = [action for action in actions if not _has_resources(action)]
    if with_resources and without:
        raise invalid(
            f"Invalid Input Actions: [{','.join(with_resources)}] and [{','.join(without)}] require different "
            f"authorization information. {_MORE}/API_SimulatePrincipalPolicy.html"
        )
    return resources


def _has_resources(action: str) -> bool:
    known = catalog.action(action)
    return known is not None and bool(known.resources)


def _expect_handled(params: Mapping[str, Any], actions: Sequence[str], resources: Sequence[str]) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html (ResourceHandlingOption)"""
    option = params.get("ResourceHandlingOption")
    if not option:
        return
    needed = _HANDLING.get(str(option))
    if needed is None:
        raise invalid(f"Invalid resource handling option {option}: it is one of {', '.join(_HANDLING)}.")
    for action in actions:
        if action.lower() != "ec2:runinstances":
            raise invalid(
                f"Invalid input resource handling options. Action does not support resource handling options: {action}."
            )
    has = {resource.split(":", 5)[5].partition("/")[0] for resource in resources}
    lacking = [kind for kind in needed if kind not in has]
    if lacking:
        raise invalid(f"The resource handling option {option} needs resources of these types too: {', '.join(lacking)}")


# -- the answer ----------------------------------------------------------------------------------------


def _answer(params: Mapping[str, Any], scene: Scene, known: Mapping[str, Values]) -> Mapping[str, Any]:
    actions = _actions(params)
    resources = _resources(params, actions)
    _expect_handled(params, actions, resources)
    scene = _with_resource_policy(params, scene)
    given = entries(params.get("ContextEntries") or [])
    names = {name.lower() for name in given}
    defaults = {name: value for name, value in known.items() if name.lower() not in names}
    scene = replace(scene, context=Context({**defaults, **given}))
    start, size = bounds(params, len(actions))
    end = start + max(1, min(size, _MAX_DECISIONS // max(1, len(resources))))
    missing = scene.missing
    results = [_result(scene, action, resources, missing) for action in actions[start:end]]
    return {"EvaluationResults": results, **more(end, len(actions))}


def _result(scene: Scene, action: str, resources: Sequence[str], missing: Sequence[str]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html"""
    outcomes = [simulate(scene, action, resource) for resource in resources or ["*"]]
    verdict = strictest(outcome.verdict for outcome in outcomes)
    deciding = [outcome for outcome in outcomes if outcome.verdict == verdict]
    # Only statements that contributed to the reported decision; each once.
    matched = dict.fromkeys(each for outcome in deciding if verdict != "implicitDeny" for each in outcome.matched)
    result: dict[str, Any] = {
        "EvalActionName": action,
        "EvalResourceName": _template(action, resources),
        "EvalDecision": verdict,
        "MatchedStatements": [each.shape() for each in matched],
        "MissingContextValues": list(missing),
    }
    if outcomes[0].organization is not None:
        result["OrganizationsDecisionDetail"] = {
            "AllowedByOrganizations": all(outcome.organization for outcome in outcomes)
        }
    if outcomes[0].boundary is not None:
        result["PermissionsBoundaryDecisionDetail"] = {
            "AllowedByPermissionsBoundary": all(outcome.boundary for outcome in outcomes)
        }
    if resources:
        if all(outcome.organization is not False for outcome in outcomes):
            result["EvalDecisionDetails"] = _details(outcomes)
        result["ResourceSpecificResults"] = [
            _specific(resource, outcome, missing) for resource, outcome in zip(resources, outcomes, strict=True)
        ]
    return result


def _specific(resource: str, outcome: Outcome, missing: Sequence[str]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ResourceSpecificResult.html"""
    result: dict[str, Any] = {
        "EvalResourceName": resource,
        "EvalResourceDecision": outcome.verdict,
        "MatchedStatements": [each.shape() for each in outcome.matched],
        "MissingContextValues": list(missing),
    }
    if outcome.details is not None:
        result["EvalDecisionDetails"] = dict(outcome.details)
    if outcome.boundary is not None:
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": outcome.boundary}
    return result


def _details(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """The most restrictive verdict of each kind of policy; empty within one account."""
    told: dict[str, Any] = {}
    for outcome in outcomes:
        for kind, verdict in (outcome.details or {}).items():
            told[kind] = strictest([told.get(kind, verdict), verdict])
    return told


def _template(action: str, resources: Sequence[str]) -> str:
    """The ARN format of the resources that an action is about: of the type that is simulated, else the likeliest."""
    known = catalog.action(action)
    if known is None:
        return "*"
    # Required types first; access points, through which S3's actions may come, last.
    uses = sorted(known.resources, key=lambda use: (not use.required, use.name.startswith("accesspoint")))
    types = [kind for use in uses if (kind := catalog.resource_type(known, use)) is not None]
    for kind in types:
        if any(kind.admits(resource) for resource in resources):
            return kind.arns[0]
    return types[0].arns[0] if types else "*"
