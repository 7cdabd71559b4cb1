"""Resource policies of services when they are put: one grammar, and each service's own words.

Which words are documented, reported or ours (see `grammar`) is said beside them.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_identity-vs-resource.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NoReturn

from sandbox.access import catalog
from sandbox.access.elements import (
    CLOUDFRONT_USER,
    STATEMENT_ELEMENTS,
    BadOperator,
    Exists,
    InvalidPrincipal,
    condition_entries,
    is_principal,
    read,
    resource_flaw,
    statement_syntax,
    statements_of,
    strings,
    unique_sids,
)
from sandbox.access.policy import MalformedPolicy
from sandbox.access.request import fold


@dataclass(frozen=True, slots=True)
class _Words:
    """What a service says of each flaw. `{}` takes the name of the element, or the offending value."""

    vendor: str
    no_json: str
    syntax: str
    unknown: str
    missing: str
    empty: str
    version: str
    effect: str
    principal: str
    no_principal: str
    service_principal: str
    action: str
    resource: str
    condition: str
    sids: str
    mismatch: str
    needs_resource: bool = True


def _one_sentence(vendor: str, no_json: str, words: str, **others: Any) -> _Words:
    flaws = [each.name for each in fields(_Words) if each.type == "str" and each.name not in ("vendor", "no_json")]
    return _Words(vendor, no_json, **{**dict.fromkeys(flaws, words), **others})


def _ours(vendor: str, principal: str = "The policy contains a statement with an invalid principal.") -> _Words:
    """For services whose sentences we don't know."""
    return _Words(
        vendor,
        "The policy is not a valid JSON document.",
        syntax="The policy contains a syntax error.",
        unknown="The policy contains an unknown element: {}",
        missing="The policy contains a statement without {}.",
        empty="The policy contains no statement.",
        version="The policy contains an invalid version.",
        effect="The policy contains a statement with an invalid effect: {}",
        principal=principal,
        no_principal=principal,
        service_principal=principal,
        action="The policy contains a statement with an invalid action.",
        resource="The policy contains a statement with an invalid resource.",
        condition="The policy contains a statement with an invalid condition: {}",
        sids="The statement ids in the policy are not unique.",
        mismatch="The policy contains a statement with an invalid action.",
    )


RESOURCE_POLICIES: Mapping[str, _Words] = {
    # Reported: https://repost.aws/knowledge-center/s3-invalid-principal-in-policy-error and public issues.
    "s3": _Words(
        "s3",
        "Policies must be valid JSON and the first byte must be '{'",
        syntax="Invalid policy syntax.",
        unknown="Unknown field {}",
        missing="Missing required field {}",
        empty="Could not parse the policy: Statement is empty!",
        version="The policy must contain a valid version string",
        effect="Invalid effect: {}",
        principal="Invalid principal in policy",
        no_principal="Missing required field Principal cannot be empty!",
        service_principal="Invalid principal in policy",
        action="Policy has invalid action",
        resource="Policy has invalid resource",
        condition="Invalid Condition type : {}",
        sids="The Statement Ids in the policy are not unique",
        mismatch="Action does not apply to any resource(s) in statement",
    ),
    # Reported: SQS has one sentence.
    "sqs": _one_sentence(
        "sqs",
        "Invalid value for the parameter Policy.",
        "Invalid value for the parameter Policy.",
        needs_resource=False,
    ),
    # Reported.
    "sns": _one_sentence(
        "sns",
        "Invalid parameter: Policy Error: null",
        "Invalid parameter: Policy Error: null",
        principal="Invalid parameter: Policy Error: PrincipalNotFound",
        action="Invalid parameter: Policy statement action out of service scope!",
    ),
    # Documented: https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_resource-policies.html
    "secretsmanager": _one_sentence(
        "secretsmanager",
        "This resource policy contains a syntax error.",
        "This resource policy contains a syntax error.",
        principal="This resource policy contains an unsupported principal.",
        no_principal="This resource policy contains an unsupported principal.",
        service_principal="This resource policy contains an invalid service principal.",
    ),
    # The sentences about principals are reported, the others ours.
    "kms": _Words(
        "kms",
        "Policy is not a valid JSON document.",
        syntax="Policy contains a statement with a syntax error.",
        unknown="Policy contains an unknown element: {}",
        missing="Policy contains a statement without {}.",
        empty="Policy contains no statement.",
        version="Policy contains an invalid version.",
        effect="Policy contains a statement with an invalid effect: {}",
        principal="Policy contains a statement with one or more invalid principals.",
        no_principal="Policy contains a statement with no principal.",
        service_principal="Policy contains a statement with one or more invalid principals.",
        action="Policy contains a statement with one or more invalid actions.",
        resource="Policy contains a statement with one or more invalid resources.",
        condition="Policy contains a statement with an invalid condition: {}",
        sids="Policy contains statements with the same Sid.",
        mismatch="Policy contains a statement with one or more invalid actions.",
    ),
    "lambda": _ours("lambda", "The provided principal was invalid. Please check the principal and try again."),
    "dynamodb": _ours("dynamodb"),
    "kinesis": _ours("kinesis"),
    "events": _ours("events"),
    "logs": _ours("logs"),
}

#: The actions that a topic policy may name; `SNS:*` is refused, because it means actions of the account too.
#: https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-language-api-permissions-reference.html
_TOPIC_ACTIONS = frozenset(
    {
        "sns:addpermission",
        "sns:deletetopic",
        "sns:getdataprotectionpolicy",
        "sns:gettopicattributes",
        "sns:listsubscriptionsbytopic",
        "sns:listtagsforresource",
        "sns:publish",
        "sns:putdataprotectionpolicy",
        "sns:receive",
        "sns:removepermission",
        "sns:settopicattributes",
        "sns:subscribe",
        "sns:tagresource",
        "sns:untagresource",
    }
)


#: Older than AWS's lists of keys, and in the policy of each new topic.
#: https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
_OLD_KEYS = frozenset({"aws:sourceowner"})


def _refuse(words: str, value: object = "") -> NoReturn:
    raise MalformedPolicy(words.replace("{}", str(value)[:200]))


def check_resource(text: str, words: _Words, exists: Exists | None, attached_to: str | None) -> None:
    document = read(text, words.no_json)
    if words.vendor == "s3" and not text.startswith("{"):
        raise MalformedPolicy(words.no_json)
    for name in document:
        if name not in ("Version", "Id", "Statement"):
            _refuse(words.unknown, name)
    if document.get("Version", "2008-10-17") not in ("2008-10-17", "2012-10-17"):
        _refuse(words.version)
    if not isinstance(document.get("Id", ""), str):
        _refuse(words.syntax)
    if "Statement" not in document:
        _refuse(words.missing, "Statement")
    statements = statements_of(document)
    if not statements:
        _refuse(words.empty)
    for statement in statements:
        _resource_statement(statement, words)
        _resource_principal(statement, words, exists)
        _resource_actions(statement, words, attached_to)
    unique_sids(statements, None, words.sids)


def _resource_statement(statement: Any, words: _Words) -> None:
    """Elements and their types, and the conditions."""
    if not isinstance(statement, dict):
        _refuse(words.syntax)
    for name in statement:
        if name not in STATEMENT_ELEMENTS:
            _refuse(words.unknown, name)
    if "Effect" not in statement:
        _refuse(words.missing, "Effect")
    if statement["Effect"] not in ("Allow", "Deny"):
        _refuse(words.effect, statement["Effect"])
    try:
        entries = list(condition_entries(statement.get("Condition", {})))
    except BadOperator as error:
        raise MalformedPolicy(words.condition.replace("{}", str(error)[:200])) from error
    statement_syntax(statement, words.syntax)
    for _, key, _ in entries:
        # Keys of other services and of identity providers are taken as they are.
        named = fold(key)
        own = named.startswith(("aws:", f"{words.vendor}:")) and named not in _OLD_KEYS
        if own and catalog.condition_key(key) is None:
            _refuse("Policy has an invalid condition key" if words.vendor == "s3" else words.condition, key)


def _resource_principal(statement: Mapping[str, Any], words: _Words, exists: Exists | None) -> None:
    element = "Principal" if "Principal" in statement else "NotPrincipal"
    if element not in statement:
        _refuse(words.no_principal if words.vendor == "kms" else words.missing, "Principal")
    principal = statement[element]
    if principal == "*":
        return
    if not isinstance(principal, dict):
        raise InvalidPrincipal(words.principal, str(principal)[:200])
    if not principal:
        _refuse(words.no_principal)
    for key, given in principal.items():
        values = strings(given)
        if key not in ("AWS", "Service", "Federated", "CanonicalUser") or values is None:
            raise InvalidPrincipal(words.principal, key)
        if not values:
            _refuse(words.no_principal)
        for value in values:
            good = is_principal(key, value, exists)
            if not good and words.vendor == "s3" and CLOUDFRONT_USER.fullmatch(value):
                continue
            if not good:
                raise InvalidPrincipal(words.service_principal if key == "Service" else words.principal, value)


def _resource_actions(statement: Mapping[str, Any], words: _Words, attached_to: str | None) -> None:
    """Actions of the service on its resources."""
    actions = strings(statement.get("Action", statement.get("NotAction", []))) or []
    if not actions:
        _refuse(words.missing, "Action")
    resources = strings(statement.get("Resource", statement.get("NotResource", []))) or []
    if words.needs_resource and not resources:
        _refuse(words.missing, "Resource")
    for action in actions:
        _resource_action(action, words)
    for resource in resources:
        if resource_flaw(resource) or not _of_bucket(resource, words, attached_to):
            _refuse(words.resource, resource)
    if words.vendor == "s3" and "Action" in statement and "Resource" in statement:
        _matched(actions, resources, words)
        _conditions_apply(actions, statement.get("Condition", {}))


def _resource_action(action: str, words: _Words) -> None:
    folded = fold(action)
    if words.vendor == "sns":
        of_topics = folded.startswith("sns:")
        matched = [fold(each) for each in catalog.matching(action)] if of_topics else []
        matched = matched or [folded]
        if not _TOPIC_ACTIONS.issuperset(matched):
            _refuse(words.action, action)
        return
    if action == "*":
        return
    if not folded.startswith(f"{words.vendor}:") or folded.count(":") != 1:
        _refuse(words.action, action)
    if words.vendor == "s3" and not catalog.count(action):
        _refuse(words.action, action)


def _of_bucket(resource: str, words: _Words, attached_to: str | None) -> bool:
    """Whether a bucket policy's resource is the bucket or objects in it. `*` is not."""
    if words.vendor != "s3":
        return True
    if resource.split(":", 5)[:1] != ["arn"] or resource.count(":") < 5:
        return False
    parts = resource.split(":", 5)
    if parts[2] != "s3":
        return False
    return attached_to is None or parts[5].partition("/")[0] == attached_to.split(":", 5)[5]


def _matched(actions: Sequence[str], resources: Sequence[str], words: _Words) -> None:
    for pattern in actions:
        if "*" in pattern and pattern.rstrip("*") in ("", "s3:"):
            continue
        found = [catalog.action(name) for name in catalog.matching(pattern)]
        if not any(one and catalog.applies(one, resource) for one in found for resource in resources):
            _refuse(words.mismatch)


def _conditions_apply(actions: Sequence[str], block: Any) -> None:
    """S3 refuses its own condition keys beside actions that don't know them."""
    for _, key, _ in condition_entries(block):
        known = catalog.condition_key(key)
        if known is None or not fold(key).startswith("s3:"):
            continue
        for pattern in actions:
            found = [catalog.action(name) for name in catalog.matching(pattern)]
            if not any(one and known.name in one.all_condition_keys for one in found):
                raise MalformedPolicy(
                    "Conditions do not apply to combination of actions and resources in statement"  # reported
                )
