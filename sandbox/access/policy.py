"""Policies as documents, and compiled: parsed once, then asked many times.

`parse` is strict about structure, so that nothing is ever evaluated as something it is not: an unknown element, a
duplicate key or a value of the wrong type makes a policy malformed. What a service checks beyond that when a policy is
put (Principal only in resource policies, vendors of actions, ...) is in `grammar`.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, NoReturn

from sandbox.access.conditions import Condition, conditions
from sandbox.access.patterns import Patterns, template
from sandbox.access.request import Context, Principal, fold

Effect = Literal["Allow", "Deny"]
Version = Literal["2008-10-17", "2012-10-17"]

_OF_POLICY = frozenset({"Version", "Id", "Statement"})
_OF_STATEMENT = frozenset(
    {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)
_KINDS_OF_PRINCIPAL = frozenset({"AWS", "Service", "Federated", "CanonicalUser"})


class MalformedPolicy(ValueError):
    """A document that is no policy. `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Actions:
    """The patterns of an Action or NotAction element. Case doesn't count."""

    __slots__ = ("match", "texts")

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = tuple(texts)
        #: Whether an action, in lower case, is among them.
        self.match = Patterns(map(fold, texts)).match


class Resources:
    """The patterns of a Resource or NotResource element."""

    __slots__ = ("_patterns", "_templates", "texts")

    def __init__(self, texts: Sequence[str], variables: bool) -> None:
        self.texts = tuple(texts)
        shapes = [(template(text) if variables else None, text) for text in texts]
        self._patterns = Patterns(text for shape, text in shapes if shape is None)
        self._templates = tuple(shape for shape, _ in shapes if shape is not None)

    def match(self, resource: str, context: Context) -> bool | None:
        """Whether a resource is among them. None: among none that can be told, but a variable has no value."""
        if self._patterns.match(resource):
            return True
        unknown = False
        for shape in self._templates:
            pattern = shape.pattern(context)
            if pattern is None:
                unknown = True
            elif pattern.matches(resource):
                return True
        return None if unknown else False


#: How a Principal element names a principal: itself (or everyone), the role of its session or the user behind its
#: federated session, or its account.
Naming = Literal["itself", "role", "account"]


class Principals:
    """The names in a Principal or NotPrincipal element.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """

    __slots__ = ("_accounts", "_arns", "_canonical", "_federated", "_services", "everyone", "texts")

    def __init__(self, everyone: bool, named: Mapping[str, Sequence[str]], texts: Sequence[str]) -> None:
        self.texts = tuple(texts)
        aws = named.get("AWS", ())
        self.everyone = everyone or "*" in aws
        self._accounts = frozenset(account for account in map(_account, aws) if account)
        self._arns = frozenset(aws)
        self._services = frozenset(map(fold, named.get("Service", ())))
        self._federated = frozenset(named.get("Federated", ()))
        self._canonical = frozenset(named.get("CanonicalUser", ()))

    def naming(self, principal: Principal) -> Naming | None:
        """The most direct way in which the principal is named; None if it isn't."""
        if self.everyone:
            return "itself"
        if principal.kind == "Service":
            return "itself" if fold(principal.arn) in self._services or "*" in self._services else None
        if principal.kind == "WebIdentity":
            return "itself" if principal.arn in self._federated else None
        if principal.kind == "Anonymous":
            return None
        if principal.arn in self._arns:
            return "itself"
        if principal.role_arn is not None and principal.role_arn in self._arns:
            return "role"
        return self._as_account(principal)

    def _as_account(self, principal: Principal) -> Naming | None:
        named = principal.account in self._accounts or (
            principal.canonical_user is not None and principal.canonical_user in self._canonical
        )
        return None if not named else "itself" if principal.kind == "Root" else "account"

    def spares(self, principal: Principal) -> bool:
        """Whether a Deny with these names as NotPrincipal leaves the principal alone.

        It must name the principal with all that stands above it: the role of a session, and the account.
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
        """
        if self.everyone:
            return True
        if principal.kind in ("Service", "WebIdentity", "Anonymous"):
            return self.naming(principal) is not None
        if principal.kind == "Root":
            return self._as_account(principal) is not None
        above = principal.role_arn is None or principal.role_arn in self._arns
        return principal.arn in self._arns and above and self._as_account(principal) is not None


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """One statement, compiled. An element that the statement doesn't have is None."""

    sid: str | None
    effect: Effect
    index: int
    document: Mapping[str, Any] = field(repr=False)
    actions: Actions = field(repr=False)
    resources: Resources | None = field(repr=False)
    principals: Principals | None = field(repr=False)
    conditions: tuple[Condition, ...] = field(repr=False)
    #: Whether the element is NotAction, NotResource, NotPrincipal.
    not_action: bool = False
    not_resource: bool = False
    not_principal: bool = False
    #: Whether it can apply to anything: not with an empty list of actions, resources or principals.
    live: bool = True


#: A policy with more conditions is refused, so that none takes long to read. Ours: within AWS's sizes there are fewer.
MOST_CONDITIONS = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A policy document, compiled."""

    version: Version
    id: str | None
    statements: tuple[Statement, ...]
    document: Mapping[str, Any] = field(repr=False)


def parse(document: str | bytes | Mapping[str, Any], *, max_chars: int = 131_072) -> Policy:
    """The policy of a document, or of its JSON. The same text gives the same policy, compiled once.

    Raises MalformedPolicy, also for a text longer than `max_chars`.
    """
    if isinstance(document, bytes):
        if len(document) > 4 * max_chars:
            raise MalformedPolicy(f"The policy is longer than {max_chars} characters")
        try:
            document = document.decode("utf-8")
        except UnicodeDecodeError as error:
            raise MalformedPolicy("The policy is not encoded in UTF-8") from error
    if isinstance(document, Mapping):
        try:
            document = json.dumps(dict(document), allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise MalformedPolicy(f"The policy is no JSON: {error}") from error
    if not isinstance(document, str):
        raise MalformedPolicy("The policy must be a JSON document")
    if len(document) > max_chars:
        raise MalformedPolicy(f"The policy is longer than {max_chars} characters")
    return _parse(document)


@lru_cache(maxsize=1024)
def _parse(text: str) -> Policy:
    try:
        document = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except MalformedPolicy:
        raise
    except RecursionError as error:
        raise MalformedPolicy("The policy is nested too deeply") from error
    except ValueError as error:
        raise MalformedPolicy(f"The policy is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise MalformedPolicy("The policy must be a JSON object")
    _only(document, _OF_POLICY, "policy")
    version = document.get("Version", "2008-10-17")
    if version not in ("2008-10-17", "2012-10-17"):
        raise MalformedPolicy("The Version must be 2012-10-17 or 2008-10-17")
    identifier = document.get("Id")
    if identifier is not None and not isinstance(identifier, str):
        raise MalformedPolicy("The Id must be a text")
    if "Statement" not in document:
        raise MalformedPolicy("The policy has no Statement")
    listed = document["Statement"]
    listed = listed if isinstance(listed, list) else [listed]
    if _conditions_in(listed) > MOST_CONDITIONS:
        raise MalformedPolicy(f"The policy has more than {MOST_CONDITIONS} conditions")
    variables = version == "2012-10-17"
    try:
        statements = tuple(_statement(each, index, variables) for index, each in enumerate(listed))
    except MalformedPolicy:
        raise
    except ValueError as error:
        raise MalformedPolicy(str(error)) from error
    return Policy(version, identifier, statements, document)


def _statement(document: Any, index: int, variables: bool) -> Statement:
    if not isinstance(document, dict):
        raise MalformedPolicy("A statement must be an object")
    _only(document, _OF_STATEMENT, "statement")
    effect = document.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise MalformedPolicy("A statement's Effect must be Allow or Deny")
    sid = document.get("Sid")
    if sid is not None and not isinstance(sid, str):
        raise MalformedPolicy("A Sid must be a text")
    action = _either(document, "Action", "NotAction")
    if action is None:
        raise MalformedPolicy("A statement needs an Action or a NotAction")
    actions = _listed(document, action)
    for text in actions:
        if not text.isascii():
            raise MalformedPolicy(f"An action has ASCII letters only: {text[:80]!r}")
        if ":" not in text and text.strip("*"):
            raise MalformedPolicy(f"An action begins with its service and a colon: {text[:80]!r}")
    resource = _either(document, "Resource", "NotResource")
    resources = _listed(document, resource) if resource else None
    principal = _either(document, "Principal", "NotPrincipal")
    principals = _principals(document[principal]) if principal else None
    if principal == "NotPrincipal" and effect == "Allow":
        raise MalformedPolicy("NotPrincipal can't be used with Allow")
    return Statement(
        sid=sid,
        effect=effect,
        index=index,
        document=document,
        actions=Actions(actions),
        resources=None if resources is None else Resources(resources, variables),
        principals=principals,
        conditions=conditions(document.get("Condition", {}), variables),
        not_action=action == "NotAction",
        not_resource=resource == "NotResource",
        not_principal=principal == "NotPrincipal",
        live=bool(actions) and resources != [] and (principals is None or bool(principals.texts)),
    )


def _conditions_in(statements: list[Any]) -> int:
    blocks = [each["Condition"] for each in statements if isinstance(each, dict) and "Condition" in each]
    operators = [keys for block in blocks if isinstance(block, dict) for keys in block.values()]
    return sum(len(keys) for keys in operators if isinstance(keys, dict))


def _principals(element: Any) -> Principals:
    if element == "*":
        return Principals(True, {}, ("*",))
    if not isinstance(element, dict):
        raise MalformedPolicy('A principal is "*", or an object with AWS, Service, Federated or CanonicalUser')
    _only(element, _KINDS_OF_PRINCIPAL, "principal")
    named = {kind: _listed(element, kind) for kind in element}
    return Principals(False, named, [f"{kind}:{text}" for kind, texts in named.items() for text in texts])


def _account(name: str) -> str | None:
    """The account that a principal's name stands for: twelve digits, or the ARN of its root."""
    if name.startswith("arn:"):
        parts = name.split(":", 5)
        if len(parts) != 6 or parts[2:4] != ["iam", ""] or parts[5] != "root":
            return None
        name = parts[4]
    return name if len(name) == 12 and name.isascii() and name.isdecimal() else None


def _either(document: Mapping[str, Any], plain: str, negated: str) -> str | None:
    if plain in document and negated in document:
        raise MalformedPolicy(f"A statement has {plain} or {negated}, not both")
    return plain if plain in document else negated if negated in document else None


def _listed(document: Mapping[str, Any], name: str) -> list[str]:
    value = document[name]
    listed = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str) for each in listed):
        raise MalformedPolicy(f"The element {name} must be a text or a list of texts")
    return listed


def _only(document: Mapping[str, Any], known: frozenset[str], what: str) -> None:
    for name in document:
        if name not in known:
            raise MalformedPolicy(f"Unknown element in a {what}: {name[:80]!r}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise MalformedPolicy("A key is given twice in one object")
    return made


def _no_constant(name: str) -> NoReturn:
    raise MalformedPolicy(f"The policy is no JSON: {name}")
