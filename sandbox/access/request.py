"""What is asked: one principal, one action, one resource, and the context of the call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

PrincipalKind = Literal["Root", "User", "AssumedRole", "FederatedUser", "WebIdentity", "Service", "Anonymous"]

#: The longest text of a request that is judged; one that is longer is denied. (An ARN has at most 2,048 characters.)
LONGEST = 16_384

#: A value of a context key. A sequence makes the key multivalued, even with one member or none.
Value = str | bool | int | float | datetime | bytes
Values = Value | Sequence[Value]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks.

    `arn` is what sts:GetCallerIdentity gives: the user's, the session's (`arn:aws:sts::ACCOUNT:assumed-role/NAME/
    SESSION`) or the account root's; for a service its name (`lambda.amazonaws.com`), for a web identity the ARN of
    its provider. `role_arn` is the IAM ARN of a session's role; of a FederatedUser it is the ARN of the user who asked
    for the token. `account` is None for services, web identities and the anonymous. `canonical_user` is S3's name of
    the account.
    """

    kind: PrincipalKind
    arn: str
    account: str | None = None
    role_arn: str | None = None
    canonical_user: str | None = None


class Context(Mapping[str, tuple[str, ...]]):
    """The context keys of a request. Names compare without case; values are texts, one for a single-valued key.

    A bool becomes `true` or `false`, a datetime ISO 8601 in UTC, bytes stay what they decode to in UTF-8.
    `multivalued` names the keys that were given as a sequence.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """

    __slots__ = ("_names", "_values", "longest", "multivalued")

    def __init__(self, values: Mapping[str, Values] | None = None) -> None:
        self._values: dict[str, tuple[str, ...]] = {}
        self._names: dict[str, str] = {}
        several = set()
        for name, value in (values or {}).items():
            key = fold(name)
            self._names[key] = name
            if isinstance(value, Sequence) and not isinstance(value, str | bytes):
                self._values[key] = tuple(_text(each) for each in value)
                several.add(key)
            else:
                self._values[key] = (_text(value),)
        self.multivalued = frozenset(several)
        #: The length of the longest value.
        self.longest = max((len(text) for texts in self._values.values() for text in texts), default=0)

    def find(self, folded: str) -> tuple[str, ...] | None:
        """The values of the key of this name, given in lower case (see `fold`); None if the request has no such key."""
        return self._values.get(folded)

    def __getitem__(self, name: str) -> tuple[str, ...]:
        return self._values[fold(name)]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and fold(name) in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._names.values())

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Context({ {name: self[name] for name in self} })"


@dataclass(frozen=True, slots=True)
class Request:
    """One question. `action` is `service:Name`; `resource` an ARN, or `*` for an action that knows no resource.

    `resource_account` owns the resource, for ARNs that name no account (S3's): by default what the ARN says, else the
    principal's own.
    """

    principal: Principal
    action: str
    resource: str
    context: Context = field(default_factory=Context)
    resource_account: str | None = None

    @property
    def owner(self) -> str | None:
        """The account that owns the resource."""
        if self.resource_account is not None:
            return self.resource_account
        parts = self.resource.split(":", 5)
        named = parts[4] if len(parts) == 6 else ""
        # What AWS itself owns (`arn:aws:iam::aws:policy/...`) is no other customer's.
        return named if len(named) == 12 and named.isdecimal() else self.principal.account


def fold(text: str) -> str:
    """The text in lower case. No letter outside ASCII becomes one of ASCII: the Kelvin sign stays what it is."""
    if text.isascii():
        return text.lower()
    return "".join(_lower(letter) for letter in text)


def _lower(letter: str) -> str:
    low = letter.lower()
    return letter if low.isascii() and not letter.isascii() else low


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return str(value)
