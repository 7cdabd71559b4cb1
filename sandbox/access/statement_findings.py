"""Findings on a statement: its elements, its actions, and what passing roles and service-linked roles come to."""

from __future__ import annotations

import difflib
import re

from sandbox.access import catalog
from sandbox.access.condition_findings import check_conditions
from sandbox.access.elements import STATEMENT_ELEMENTS
from sandbox.access.patterns import Wildcard
from sandbox.access.principal_findings import check_principals
from sandbox.access.request import fold
from sandbox.access.resource_findings import check_resources
from sandbox.access.review import Place, Review, each_of

_EXCLUSIVE = (("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal"))
_SID = re.compile(r"[0-9A-Za-z]*")

#: Above this many comparisons of actions, redundant ones are not looked for: such a list has other troubles.
_MOST_COMPARISONS = 100_000


def check_statement(review: Review, statement: Place, trust: bool) -> None:
    """Look at one statement. `trust`: it belongs to a role's trust policy."""
    if statement.node.kind != "object":
        review.add("DATA_TYPE_MISMATCH", statement, data_type="Object")
        return
    for name, _ in statement.members():
        if name not in STATEMENT_ELEMENTS:
            review.add("INVALID_POLICY_ELEMENT", statement.key(name), element=name)
    for one, other in _EXCLUSIVE:
        if statement.member(one) and statement.member(other):
            places = (statement.key(one), statement.key(other))
            review.add("UNSUPPORTED_ELEMENT_COMBINATION", *places, element1=one, element2=other)
    _sid(review, statement)
    _effect(review, statement)
    _actions(review, statement)
    check_principals(review, statement, trust)
    check_resources(review, statement, trust)
    check_conditions(review, statement)
    if review.policy_type == "IDENTITY_POLICY" and effect_of(statement) == "Allow":
        _grants(review, statement)
    if review.policy_type == "RESOURCE_CONTROL_POLICY":
        _resource_control(review, statement)


def effect_of(statement: Place) -> str | None:
    """The text of a statement's Effect."""
    effect = statement.member("Effect")
    return None if effect is None else effect.text


def _sid(review: Review, statement: Place) -> None:
    sid = statement.member("Sid")
    if sid is None:
        return
    text = review.text(sid)
    if text == "":
        review.add("EMPTY_SID_VALUE", sid)
    elif text is not None and "${" in text:
        review.add("VARIABLE_UNSUPPORTED_IN_ELEMENT", sid, variable=text)
    elif text is not None and review.policy_type == "IDENTITY_POLICY" and not _SID.fullmatch(text):
        review.add("UNSUPPORTED_SID", sid)


def _effect(review: Review, statement: Place) -> None:
    effect = statement.member("Effect")
    if effect is None:
        review.add("MISSING_EFFECT", statement)
        return
    text = review.text(effect)
    if text is not None and text not in ("Allow", "Deny"):
        review.add("INVALID_EFFECT", effect, effect=text)


# -- actions -------------------------------------------------------------------------------------------


def _actions(review: Review, statement: Place) -> None:
    element = statement.member("Action") or statement.member("NotAction")
    if element is None:
        review.add("MISSING_ACTION", statement)
        return
    actions = element.each()
    if not actions:
        review.add("EMPTY_ARRAY_ACTION", element)
    for action in actions:
        text = review.text(action)
        if text is not None:
            _action(review, action, text)
    _redundant_actions(review, [action for action in actions if action.text is not None])


def _action(review: Review, place: Place, text: str) -> None:
    if "${" in text:
        review.add("VARIABLE_UNSUPPORTED_IN_ELEMENT", place, variable=text[text.index("${") :])
        return
    if text in ("*", "*:*"):
        return
    service, colon, name = text.partition(":")
    if not colon:
        review.add("INVALID_ACTION", place, action=text, suggestion="")
        return
    if fold(service) not in catalog.services():
        near = _near(review, fold(service), sorted(catalog.services()))
        review.add("INVALID_SERVICE_IN_ACTION", place, service=service, suggestion=_did_you_mean(*near))
    elif not _exists(review, text):
        names = [each.name for each in catalog.actions(service).values()]
        near = _near(review, name, names) if "*" not in name and "?" not in name else []
        suggestion = _did_you_mean(*(f"{fold(service)}:{each}" for each in near))
        review.add("INVALID_ACTION", place, action=text, suggestion=suggestion)
    if review.resource_type is not None:
        expected = SERVICES[review.resource_type]
        if fold(service) not in expected:
            review.add("UNSUPPORTED_ACTION_IN_POLICY", place, action=text, resource_type=review.resource_type)


#: The services whose actions the policies of a resource type may name.
SERVICES = {
    "AWS::S3::Bucket": ("s3",),
    "AWS::S3::AccessPoint": ("s3",),
    "AWS::S3::MultiRegionAccessPoint": ("s3",),
    "AWS::S3ObjectLambda::AccessPoint": ("s3-object-lambda", "s3"),
    "AWS::IAM::AssumeRolePolicyDocument": ("sts",),
    "AWS::DynamoDB::Table": ("dynamodb",),
}


def _exists(review: Review, action: str) -> bool:
    """Whether an action pattern matches any action of its service."""
    if "*" not in action and "?" not in action:
        return catalog.action(action) is not None
    return not review.look() or catalog.count(action) > 0


def _near(review: Review, name: str, names: list[str]) -> list[str]:
    """The name that was meant, perhaps."""
    return difflib.get_close_matches(name[:128], names, 1) if review.look() else []


def _did_you_mean(*names: str) -> str:
    return f" Did you mean {names[0]}?" if names else ""


def _redundant_actions(review: Review, actions: list[Place]) -> None:
    folded = [fold(action.text or "") for action in actions]
    # An action is redundant if another of the list matches its text: what a star in it means, that other's means too.
    wide = [(index, Wildcard.of(text)) for index, text in enumerate(folded) if "*" in text or "?" in text]
    redundant = []
    seen: set[str] = set()
    if len(wide) * len(folded) > _MOST_COMPARISONS:
        return
    for index, text in enumerate(folded):
        covered = any(other != index and folded[other] != text and one.matches(text) for other, one in wide)
        if covered or text in seen:
            redundant.append(actions[index])
        seen.add(text)
    if redundant:
        review.add("REDUNDANT_ACTION", *redundant, count=len(redundant), action=redundant[0].text)


# -- what a statement grants ---------------------------------------------------------------------------


def _grants(review: Review, statement: Place) -> None:
    """iam:PassRole and iam:CreateServiceLinkedRole on more than was named."""
    condition = statement.member("Condition")
    keys = {fold(key) for _, block in (condition.members() if condition else ()) for key in block.node.members}
    if "iam:passedtoservice" not in keys:
        _grant(review, statement, "iam:passrole", "PASS_ROLE")
    _grant(review, statement, "iam:createservicelinkedrole", "CREATE_SLR")


def _grant(review: Review, statement: Place, action: str, code: str) -> None:
    actions, how = _granting(statement, action)
    if not actions:
        return
    denied = statement.member("NotResource")
    if denied is not None:
        review.add(f"{code}_WITH_{how}NOT_RESOURCE", *actions, denied)
        return
    wide = [resource for resource in each_of(statement.member("Resource")) if _every_role(resource.text or "")]
    if not wide:
        return
    suffix = {
        "": "STAR_IN_RESOURCE",
        "STAR_IN_ACTION_AND_": "STAR_IN_ACTION_AND_RESOURCE",
        "NOT_ACTION_AND_": "STAR_IN_RESOURCE_AND_NOT_ACTION",
    }[how]
    review.add(f"{code}_WITH_{suffix}", *actions, *wide)


def _granting(statement: Place, action: str) -> tuple[list[Place], str]:
    """The places that grant an action, and whether by name, by wildcard or by NotAction."""
    spared = statement.member("NotAction")
    if spared is not None:
        excluded = any(Wildcard.of(fold(each.text or "")).matches(action) for each in spared.each())
        return ([] if excluded else [spared]), "NOT_ACTION_AND_"
    listed = [each for each in each_of(statement.member("Action")) if each.text is not None]
    named = [each for each in listed if fold(each.text or "") == action]
    if named:
        return named, ""
    return [each for each in listed if Wildcard.of(fold(each.text or "")).matches(action)], "STAR_IN_ACTION_AND_"


def _every_role(resource: str) -> bool:
    """Whether a resource pattern means roles of any name."""
    if resource == "*":
        return True
    parts = resource.split(":", 5)
    if len(parts) != 6 or parts[2] not in ("iam", "*"):
        return False
    return parts[5].rstrip("*") in ("", "r", "ro", "rol", "role", "role/") and "*" in parts[5]


# -- resource control policies -------------------------------------------------------------------------


def _resource_control(review: Review, statement: Place) -> None:
    """https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_syntax.html"""
    spared = statement.member("NotAction")
    if spared is not None:
        review.add("RCP_SYNTAX_ERROR_NOTACTION", statement.key("NotAction"))
    actions = each_of(statement.member("Action"))
    if effect_of(statement) == "Allow":
        resources = [each.text for each in each_of(statement.member("Resource"))]
        principal = statement.member("Principal")
        everyone = principal is not None and principal.text == "*"
        if resources != ["*"] or not everyone or statement.member("Condition"):
            review.add("RCP_SYNTAX_ERROR_ALLOW", statement)
        return
    for action in actions:
        if action.text is not None and not catalog.supports_resource_control(action.text.partition(":")[0]):
            review.add("RCP_SYNTAX_ERROR_ACTION", action)
