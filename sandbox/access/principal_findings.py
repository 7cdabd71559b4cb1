"""Findings on the principals of a statement: where they may stand, what they look like, and whom they let in."""

from __future__ import annotations

import re

from sandbox.access.request import fold
from sandbox.access.review import Place, Review, each_of

_KEYS = ("AWS", "CanonicalUser", "Federated", "Service")
_SERVICE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:amazonaws|amazon)\.com(?:\.cn)?|aws\.internal")
_SAML = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:saml-provider/[\w+=,.@-]+")
_OIDC = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:oidc-provider/(?P<url>[\w.:/-]+)|(?P<domain>[\w-]+(?:\.[\w-]+)+)")
_SESSION = re.compile(r"arn:(aws[a-z-]*):sts::(\d{12}):assumed-role/([^/]+)/.+")

GITHUB = "token.actions.githubusercontent.com"
#: Keys that say for whom a service acts.
SOURCES = ("aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths")
#: Keys about the caller that a service has not, when it acts as itself. AWS names the first.
_NOT_OF_SERVICES = ("aws:principalorgid", "aws:principalorgpaths")


def check_principals(review: Review, statement: Place, trust: bool) -> None:
    """Look at a statement's Principal or NotPrincipal."""
    name = "Principal" if statement.member("Principal") is not None else "NotPrincipal"
    element = statement.member(name)
    if review.policy_type == "IDENTITY_POLICY":
        if element is not None:
            review.add("UNSUPPORTED_PRINCIPAL", statement.key(name), policy_type=review.policy_type)
        return
    if review.policy_type == "SERVICE_CONTROL_POLICY":
        if element is not None:
            review.add("SCP_SYNTAX_ERROR_PRINCIPAL", statement.key(name))
        return
    if element is None:
        review.add("MISSING_PRINCIPAL", statement)
        return
    if review.policy_type == "RESOURCE_CONTROL_POLICY":
        if name == "NotPrincipal" or element.text != "*":
            review.add("RCP_SYNTAX_ERROR_PRINCIPAL", statement.key(name))
        return
    effect = statement.member("Effect")
    allows = effect is not None and effect.text == "Allow"
    if name == "NotPrincipal":
        if trust:
            review.add("ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL", statement.key(name))
        elif allows:
            review.add("ALLOW_WITH_NOT_PRINCIPAL", statement.key(name))
    _principal(review, element, trust)
    if trust:
        _trusted(review, statement, element)
    if allows and name == "Principal" and element.node.kind == "object":
        _let_in(review, statement, element, trust)


def _principal(review: Review, element: Place, trust: bool) -> None:
    if element.text == "*":
        if trust:
            review.add("ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL", element)
        return
    if element.node.kind != "object":
        review.add("INVALID_PRINCIPAL_FORMAT", element)
        return
    if not element.node.members:
        review.add("EMPTY_OBJECT_PRINCIPAL", element)
    for key, given in element.members():
        if key not in _KEYS:
            review.add("INVALID_PRINCIPAL_KEY", element.key(key), key=key)
            continue
        values = given.each()
        if not values:
            review.add("EMPTY_ARRAY_PRINCIPAL", given)
        for value in values:
            text = review.text(value)
            if text is not None:
                _name(review, value, key, text, trust)


def _name(review: Review, place: Place, key: str, text: str, trust: bool) -> None:
    if "${" in text:
        review.add("VARIABLE_UNSUPPORTED_IN_ELEMENT", place, variable=text)
        return
    if ("*" in text or "?" in text) and not (key == "AWS" and text == "*"):
        review.add("UNSUPPORTED_WILDCARD_IN_PRINCIPAL", place, key=key)
        return
    if key == "AWS" and re.fullmatch(r"AROA[A-Z0-9]{8,}", text):
        review.add("INVALID_ROLE_REFERENCE", place, id=text)
    if key == "AWS" and re.fullmatch(r"AIDA[A-Z0-9]{8,}", text):
        review.add("INVALID_USER_REFERENCE", place, id=text)
    if key == "Service" and not _SERVICE.fullmatch(text):
        review.add("INVALID_SERVICE_PRINCIPAL_FORMAT", place, format="service-name.amazonaws.com")
    if key == "Federated":
        if not trust and review.resource_type is not None:
            review.add("FEDERATED_PRINCIPAL_NOT_SUPPORTED", place)
        elif trust and not _SAML.fullmatch(text) and not _OIDC.fullmatch(text):
            review.add("INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY", place)


# -- role trust policies -------------------------------------------------------------------------------


def _trusted(review: Review, statement: Place, element: Place) -> None:
    actions = {fold(each.text or ""): each for each in each_of(statement.member("Action"))}
    federated = [each for each in each_of(element.member("Federated")) if each.text]
    others = [each for key in ("AWS", "Service") for each in each_of(element.member(key)) if each.text]
    saml = [each for each in federated if _SAML.fullmatch(each.text or "")]
    oidc = [each for each in federated if each not in saml]
    wrong = {
        "sts:assumerole": federated,
        "sts:assumerolewithsaml": oidc + others,
        "sts:assumerolewithwebidentity": saml + others,
    }
    for action, principals in wrong.items():
        if action in actions and principals:
            names = ", ".join(each.text or "" for each in principals)
            review.add(
                "MISMATCHED_ACTION_FOR_PRINCIPAL",
                actions[action],
                *principals,
                action=actions[action].text,
                principals=names,
            )
    _roles_anywhere(review, element, set(actions))
    _sessions(review, element)
    _missing_actions(review, statement, set(actions))


def _roles_anywhere(review: Review, element: Place, actions: set[str]) -> None:
    for service in each_of(element.member("Service")):
        if service.text == "rolesanywhere.amazonaws.com" and not actions & {"*", "sts:*"}:
            needed = {"sts:assumerole", "sts:setsourceidentity", "sts:tagsession"}
            if not needed <= actions:
                review.add("MISSING_ACTION_FOR_ROLES_ANYWHERE_TRUST_POLICY", service)


def _sessions(review: Review, element: Place) -> None:
    """Sessions whose role is named too."""
    named = each_of(element.member("AWS"))
    texts = {each.text for each in named}
    for each in named:
        found = _SESSION.fullmatch(each.text or "")
        if not found:
            continue
        role = f"arn:{found[1]}:iam::{found[2]}:role/{found[3]}"
        if role in texts:
            review.add("REDUNDANT_PRINCIPAL_IN_ROLE_TRUST_POLICY", each, principal=each.text, role=role)


def _missing_actions(review: Review, statement: Place, actions: set[str]) -> None:
    """Keys of what a caller sets with an action of its own.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
    """
    if not actions or actions & {"*", "sts:*"}:
        return
    for key, place in keys_of(statement):
        folded = fold(key)
        needed = ""
        if folded == "sts:sourceidentity":
            needed = "sts:SetSourceIdentity"
        elif folded in ("aws:tagkeys", "sts:transitivetagkeys") or folded.startswith("aws:requesttag/"):
            needed = "sts:TagSession"
        if needed and fold(needed) not in actions:
            review.add("MISSING_ACTION_FOR_CONDITION_KEY", place, action=needed, key=key)


def keys_of(statement: Place) -> list[tuple[str, Place]]:
    """The condition keys of a statement, each with the place of its values."""
    condition = statement.member("Condition")
    return [] if condition is None else [pair for _, block in condition.members() for pair in block.members()]


# -- who is let in -------------------------------------------------------------------------------------


def _let_in(review: Review, statement: Place, element: Place, trust: bool) -> None:
    keys = {fold(key): (key, place) for key, place in keys_of(statement)}
    services = [each for each in each_of(element.member("Service")) if each.text]
    if services and not trust:
        _services(review, services, keys)
    for each in each_of(element.member("Federated")):
        found = _OIDC.fullmatch(each.text or "")
        if not trust or not found:
            continue
        provider = found["url"] or found["domain"]
        own = [key for key in keys if key.startswith(f"{fold(provider)}:")]
        if provider == GITHUB and f"{GITHUB}:sub" not in keys:
            review.add("MISSING_GITHUB_REPO_CONDITION_KEY", each)
        elif not own:
            review.add("MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL", each)


def _services(review: Review, services: list[Place], keys: dict[str, tuple[str, Place]]) -> None:
    unsupported = [keys[key] for key in _NOT_OF_SERVICES if key in keys]
    if unsupported:
        names = ", ".join(key for key, _ in unsupported)
        review.add(
            "UNSUPPORTED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL", services[0], *(p for _, p in unsupported), keys=names
        )
    if any(key in keys for key in SOURCES):
        return
    if "aws:referer" in keys:
        name, place = keys["aws:referer"]
        prefix = (services[0].text or "").partition(".")[0]
        review.add("RECOMMENDED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL", place, principal=prefix, key=name)
        return
    for service in services:
        review.add("RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL", service)
