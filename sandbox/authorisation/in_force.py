"""The policies in force: all that bear on what a principal wants to do, read from the accounts' state when he asks.

Identity-based policies and boundaries come from IAM, session policies from the session, control policies from the
organization, resource-based ones from where each service keeps them.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from sandbox.access import Policies, PrincipalKind, Source, Values
from sandbox.access import Principal as Asker
from sandbox.authorisation.need import Need
from sandbox.authorisation.organization import RESOURCE_CONTROL, SERVICE_CONTROL, Levels, Organization, PolicyType
from sandbox.authorisation.resource_policies import PolicyReader, ResourcePolicies, source
from sandbox.authorisation.tags import TagReader, Tags
from sandbox.gateway import moto_adapter, moto_iam
from sandbox.gateway.call import Principal
from sandbox.gateway.moto_iam import Identity
from sandbox.gateway.moto_resources import arn_of

_KINDS: Mapping[str, PrincipalKind] = {
    "Root": "Root",
    "IAMUser": "User",
    "AssumedRole": "AssumedRole",
    "FederatedUser": "FederatedUser",
    "AWSService": "Service",
    "Anonymous": "Anonymous",
}
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable
_TYPES = {
    "Root": "Account",
    "IAMUser": "User",
    "AssumedRole": "AssumedRole",
    "FederatedUser": "FederatedUser",
    "Anonymous": "Anonymous",
}
#: Service-linked roles are bound by no control policy.
#: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
_SERVICE_LINKED = ":role/aws-service-role/"
#: Services whose resources resource control policies bind.
#: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html#rcp-supported-services
_RESOURCE_CONTROLLED = frozenset(
    {"aoss", "cognito-identity", "cognito-idp", "dynamodb", "ecr", "kms", "logs", "s3", "secretsmanager", "sqs", "sts"}
)

#: For a session policy that is there no longer: it allows nothing.
_NOTHING = '{"Version":"2012-10-17","Statement":[]}'

ControlLevels = tuple[tuple[Source, ...], ...]
Binding = Literal["service-control", "resource-control"]
_CONTROLS: Mapping[Binding, PolicyType] = {"service-control": SERVICE_CONTROL, "resource-control": RESOURCE_CONTROL}


class PoliciesInForce:
    """What decides about a call, besides the call itself.

    `policies` and `tags` read what services of the sandbox's own keep, by the service in a resource's ARN (`lambda`):
    each is asked with the ARN. What no reader is there for is moto's.
    """

    def __init__(
        self,
        organization: Organization | None = None,
        *,
        policies: Mapping[str, PolicyReader] | None = None,
        tags: Mapping[str, TagReader] | None = None,
    ) -> None:
        self._organization = organization
        self._resource_policies = ResourcePolicies(policies or {})
        self._tags = Tags(tags or {})
        self._controls: dict[tuple[str, Binding], tuple[Levels, ControlLevels]] = {}

    # -- policies --------------------------------------------------------------------------------------

    def caller(self, principal: Principal) -> Asker:
        """The principal as the evaluator knows him."""
        account = None if principal.kind in ("AWSService", "Anonymous") else principal.account
        return Asker(_KINDS[principal.kind], principal.arn, account, principal.role_arn)

    def policies(self, principal: Principal, need: Need) -> Policies:
        """All policies that bear on one need of a principal."""
        resource, resource_decides = self._resource_policies.of(need)
        identity = _identity(principal)
        boundary = identity.boundary if identity is not None else None
        return Policies(
            identity=[] if identity is None else [source("identity", *policy) for policy in identity.policies],
            resource=resource,
            boundary=None if boundary is None else source("boundary", *boundary),
            session=_session(principal),
            service_controls=self._service_controls(principal),
            resource_controls=self._resource_controls(principal, need),
            resource_decides=resource_decides,
        )

    def _service_controls(self, principal: Principal) -> ControlLevels:
        if principal.kind in ("AWSService", "Anonymous") or _is_service_linked(principal):
            return ()
        return self._control(principal.account, "service-control")

    def _resource_controls(self, principal: Principal, need: Need) -> ControlLevels:
        service = need.action.partition(":")[0].lower()
        if self._organization is None or service not in _RESOURCE_CONTROLLED or _is_service_linked(principal):
            return ()
        return self._control(_owner(need) or principal.account, "resource-control")

    def _control(self, account: str, kind: Binding) -> ControlLevels:
        if self._organization is None:
            return ()
        attached = self._organization.levels(account, _CONTROLS[kind])
        known = self._controls.get((account, kind))
        if known is not None and known[0] is attached:
            return known[1]
        levels = tuple(
            tuple(source(kind, policy.name, policy.document, policy.place) for policy in level) for level in attached
        )
        self._controls[account, kind] = (attached, levels)
        return levels

    # -- context ---------------------------------------------------------------------------------------

    def principal_context(self, principal: Principal) -> dict[str, Values]:
        """The condition keys that hang on who calls.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principal-properties
        """
        if principal.kind == "AWSService":
            return {
                "aws:PrincipalIsAWSService": True,
                "aws:PrincipalServiceName": principal.arn,
                "aws:PrincipalServiceNamesList": [principal.arn],
            }
        if principal.kind == "Anonymous":
            return {"aws:PrincipalType": "Anonymous", "aws:userid": "anonymous", "aws:PrincipalIsAWSService": False}
        context: dict[str, Values] = {
            "aws:PrincipalArn": principal.role_arn or principal.arn,
            "aws:PrincipalAccount": principal.account,
            "aws:PrincipalType": _TYPES[principal.kind],
            "aws:PrincipalIsAWSService": False,
            "aws:userid": principal.user_id,
        }
        if principal.kind == "IAMUser":
            context["aws:username"] = principal.arn.rpartition("/")[2]
        if self._organization is not None and self._organization.has(principal.account):
            context["aws:PrincipalOrgID"] = self._organization.id
            context["aws:PrincipalOrgPaths"] = self._organization.paths(principal.account)
        identity = _identity(principal)
        if identity is not None and principal.kind != "FederatedUser":
            for key, value in list(identity.tags.items()):
                context[f"aws:PrincipalTag/{key}"] = value or ""
        session = principal.session
        if session is not None:
            # A session tag takes the place of the role's tag with the same key, whatever its case.
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
            for key, value in session.tags.items():
                context[f"aws:PrincipalTag/{key}"] = value
            context["aws:TokenIssueTime"] = session.issued
            context["aws:MultiFactorAuthPresent"] = False
            if session.source_identity is not None:
                context["aws:SourceIdentity"] = session.source_identity
            if session.provider is not None:
                context["aws:FederatedProvider"] = session.provider
            context.update(session.claims)
        return context

    def resource_context(self, need: Need) -> dict[str, Values]:
        """The condition keys that hang on what is called.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-resource-properties
        """
        context = self._tags.of(need)
        owner = _owner(need)
        if owner is not None:
            context["aws:ResourceAccount"] = owner
            if self._organization is not None and self._organization.has(owner):
                context["aws:ResourceOrgID"] = self._organization.id
                context["aws:ResourceOrgPaths"] = self._organization.paths(owner)
            if need.action.startswith("s3:"):
                context["s3:ResourceAccount"] = owner
        return context


def _identity(principal: Principal) -> Identity | None:
    """The user or role behind a principal, if it is still there."""
    if principal.kind == "IAMUser":
        return moto_iam.user(principal.account, principal.user_id, principal.arn.rpartition("/")[2])
    if principal.kind == "AssumedRole":
        return moto_iam.role_with_id(principal.account, principal.user_id.partition(":")[0])
    if principal.kind == "FederatedUser" and principal.session is not None and principal.session.user_arn is not None:
        return moto_iam.identity(principal.session.user_arn)
    return None


def _session(principal: Principal) -> list[Source] | None:
    """The session policies; None where none limits the principal.

    A federated user for whom none was given may do nothing by himself.
    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html
    """
    session = principal.session
    if session is None or session.policies is None:
        return [] if principal.kind == "FederatedUser" else None
    found = []
    for policy in session.policies:
        document = policy.document
        if document is None:
            document = moto_iam.managed_policy(principal.account, policy.name) or _NOTHING
        found.append(source("session", policy.name, document, f"session/{principal.arn.rpartition('/')[2]}"))
    return found


def _owner(need: Need) -> str | None:
    """The account that owns what is needed, where that can be told."""
    if need.resource_account is not None:
        return need.resource_account
    arn = arn_of(need.resource)
    if arn is None:
        return None
    if arn.service == "s3" and not arn.account:
        return moto_adapter.bucket_account(arn.resource.partition("/")[0])
    return arn.account if arn.account.isdigit() else None


def _is_service_linked(principal: Principal) -> bool:
    return principal.role_arn is not None and _SERVICE_LINKED in principal.role_arn
