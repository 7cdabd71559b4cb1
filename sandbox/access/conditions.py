"""The Condition element: every operator, with IfExists, the set operators, and the rules for absent keys.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

import base64
import binascii
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Literal

from sandbox.access.patterns import ArnPattern, Patterns, Template, template
from sandbox.access.request import Context, fold

#: Whether one value of the request fits any value of the policy. None: it fits none that can be told, but the policy
#: has one that can't (a variable without value, a number that is none).
Fits = Callable[[str, Context], bool | None]

SetOperator = Literal["ForAllValues", "ForAnyValue"]


class BadCondition(ValueError):
    """A Condition element that is none. The text says why."""


class Condition:
    """One operator with one key: `{"StringEquals": {"aws:username": ["anna", "bert"]}}`."""

    __slots__ = ("_fits", "_folded", "_if_exists", "_negated", "_null", "_set", "key", "operator", "wanted")

    def __init__(self, name: str, key: str, values: Sequence[str], variables: bool) -> None:
        self.operator, self.key, self.wanted = name, key, tuple(values)
        self._folded = fold(key)
        bare, self._set, self._if_exists = split(name)
        self._null, self._negated = bare == "Null", bare in _NEGATED
        self._fits: Fits = _absence if self._null else OPERATORS[bare](self.wanted, variables)

    def met(self, context: Context, deny: bool) -> bool:
        """Whether the request fulfils it. `deny` tells the effect of the statement, for what AWS leaves open.

        AWS says of a variable without value that it may void the statement, and of a multivalued key that it needs a
        set operator, but not what comes of it otherwise. Both are read so that they never give access: an Allow
        then needs each value to fit, for a Deny one is enough.
        """
        values = context.find(self._folded)
        if self._null:
            # Of what is neither true nor false a Deny is met, as for the other operators' values that can't be read.
            return any(
                deny if sought is None else sought == _TRUTH[not values] for sought in map(_boolean, self.wanted)
            )
        if self._set is not None and values == ("",):
            # "... or if the context key value resolves to a null dataset, such as an empty string"
            values = None
        if not values:
            if self._if_exists or self._set == "ForAllValues":
                return True
            return self._negated and self._set is None
        if len(values) == 1:
            return self._one(values[0], context, deny)
        each = (self._one(value, context, deny) for value in values)
        several = any if self._set == "ForAnyValue" or (self._set is None and deny) else all
        return several(each)

    def _one(self, value: str, context: Context, deny: bool) -> bool:
        fits = self._fits(value, context)
        if self._negated:
            return deny if fits is None else not fits
        return fits is True


def conditions(block: Any, variables: bool) -> tuple[Condition, ...]:
    """The conditions of a Condition element, all of which must be met. Raises BadCondition, BadVariable."""
    if not isinstance(block, Mapping):
        raise BadCondition("The Condition element must be an object")
    found = []
    for name, keys in block.items():
        bare, _, if_exists = split(name)
        if bare != "Null" and bare not in OPERATORS:
            raise BadCondition(f"Invalid Condition type : {name[:80]}")
        if bare == "Null" and if_exists:
            raise BadCondition("The Null operator takes no IfExists")
        if not isinstance(keys, Mapping):
            raise BadCondition(f"The condition operator {name} needs an object of context keys")
        found += [Condition(name, key, _texts(name, value), variables) for key, value in keys.items()]
    return tuple(found)


@lru_cache(maxsize=512)
def split(name: str) -> tuple[str, SetOperator | None, bool]:
    """An operator's own name, its set operator, and whether it ends in IfExists."""
    prefix, colon, rest = name.partition(":")
    several: SetOperator | None = None
    if colon and prefix == "ForAllValues":
        name, several = rest, "ForAllValues"
    elif colon and prefix == "ForAnyValue":
        name, several = rest, "ForAnyValue"
    bare = name.removesuffix("IfExists")
    return bare, several, bare != name


def _texts(name: str, value: Any) -> list[str]:
    values = value if isinstance(value, list | tuple) else [value]
    texts = []
    for each in values:
        if isinstance(each, bool):
            texts.append("true" if each else "false")
        elif isinstance(each, str | int | float):
            texts.append(str(each))
        else:
            raise BadCondition(f"The values of {name} must be texts, numbers or booleans")
    return texts


def _templates(wanted: Sequence[str], variables: bool) -> tuple[list[str], list[Template]]:
    """The values without policy variables, and those with."""
    if not variables or not any("${" in text for text in wanted):
        return list(wanted), []
    plain, made = [], []
    for text in wanted:
        shape = template(text)
        if shape is None:
            plain.append(text)
        else:
            made.append(shape)
    return plain, made


def _equal(change: Callable[[str], str] | None) -> Callable[[Sequence[str], bool], Fits]:
    def build(wanted: Sequence[str], variables: bool) -> Fits:
        plain, made = _templates(wanted, variables)
        texts = frozenset(map(change, plain) if change else plain)

        def fits(value: str, context: Context) -> bool | None:
            value = change(value) if change else value
            if value in texts:
                return True
            unknown = False
            for shape in made:
                text = shape.literal(context)
                if text is None:
                    unknown = True
                elif (change(text) if change else text) == value:
                    return True
            return None if unknown else False

        return fits

    return build


def _like(wanted: Sequence[str], variables: bool) -> Fits:
    plain, made = _templates(wanted, variables)
    patterns = Patterns(plain)

    def fits(value: str, context: Context) -> bool | None:
        if patterns.match(value):
            return True
        unknown = False
        for shape in made:
            pattern = shape.pattern(context)
            if pattern is None:
                unknown = True
            elif pattern.matches(value):
                return True
        return None if unknown else False

    return fits


def _arns(wanted: Sequence[str], variables: bool) -> Fits:
    plain, made = _templates(wanted, variables)
    exact = frozenset(text for text in plain if "*" not in text and "?" not in text and text.count(":") >= 5)
    patterns = [ArnPattern.of([(text, False)]) for text in plain if "*" in text or "?" in text]

    def fits(value: str, context: Context) -> bool | None:
        if value in exact or any(pattern.matches(value) for pattern in patterns):
            return True
        unknown = False
        for shape in made:
            parts = shape.resolved(context)
            if parts is None:
                unknown = True
            elif ArnPattern.of(parts).matches(value):
                return True
        return None if unknown else False

    return fits


def _compared(read: Callable[[str], Any], compare: Callable[[Any, Any], Any]) -> Callable[[Sequence[str], bool], Fits]:
    """An operator that reads both sides (None: can't be read) and compares the request's to the policy's."""

    def build(wanted: Sequence[str], variables: bool) -> Fits:
        limits = [read(text) for text in wanted]
        unknown = None in limits
        known = [limit for limit in limits if limit is not None]

        def fits(value: str, context: Context) -> bool | None:
            had = read(value)
            if had is not None and any(compare(had, limit) for limit in known):
                return True
            return None if unknown else False

        return fits

    return build


_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?")
_DATE = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})"
    r"(?:T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?P<fraction>\.[0-9]{1,9})?)?"
    r"(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?)?)?)?"
)


def number(text: str) -> Decimal | None:
    """A number of the Numeric operators; None if the text is none."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


@lru_cache(maxsize=1024)
def moment(text: str) -> Decimal | None:
    """A time of the Date operators in seconds since 1970: ISO 8601 (UTC where no zone is given), or those seconds.

    A text of four digits is a year. https://www.w3.org/TR/NOTE-datetime
    """
    parts = _DATE.fullmatch(text)
    if parts is None:
        return number(text)
    zone = parts["zone"] or "Z"
    shift = 0 if zone == "Z" else int(zone[0] + "1") * (int(zone[1:3]) * 3600 + int(zone[-2:]) * 60)
    fields = [int(parts[name] or least) for name, least in _FIELDS]
    try:
        whole = (datetime(*fields, tzinfo=UTC) - _EPOCH).total_seconds()  # type: ignore[misc, arg-type]
    except ValueError:
        return None
    return Decimal(int(whole)) - shift + Decimal(parts["fraction"] or 0)


_FIELDS = (("year", 1), ("month", 1), ("day", 1), ("hour", 0), ("minute", 0), ("second", 0))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


_TRUTH = {True: "true", False: "false"}


def _boolean(text: str) -> str | None:
    low = fold(text)
    return low if low in ("true", "false") else None


def _bytes(wanted: Sequence[str], variables: bool) -> Fits:
    blobs = set()
    unknown = False
    for text in wanted:
        try:
            blobs.add(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError):
            unknown = True

    def fits(value: str, context: Context) -> bool | None:
        try:
            blob = value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            blob = value.encode("utf-8", "surrogatepass")
        return True if blob in blobs else None if unknown else False

    return fits


@lru_cache(maxsize=1024)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _within(wanted: Sequence[str], variables: bool) -> Fits:
    networks = [_network(text) for text in wanted]
    unknown = None in networks
    known = [network for network in networks if network is not None]

    def fits(value: str, context: Context) -> bool | None:
        address = _address(value)
        if address is not None and any(address in network for network in known):
            return True
        return None if unknown else False

    return fits


def _absence(value: str, context: Context) -> bool | None:
    raise AssertionError("Null looks at whether there is a value, not at the value")


#: Each operator: the values of the policy in, what says whether a value of the request fits them out.
OPERATORS: dict[str, Callable[[Sequence[str], bool], Fits]] = {
    "StringEquals": _equal(None),
    "StringNotEquals": _equal(None),
    "StringEqualsIgnoreCase": _equal(fold),
    "StringNotEqualsIgnoreCase": _equal(fold),
    "StringLike": _like,
    "StringNotLike": _like,
    "NumericEquals": _compared(number, operator.eq),
    "NumericNotEquals": _compared(number, operator.eq),
    "NumericLessThan": _compared(number, operator.lt),
    "NumericLessThanEquals": _compared(number, operator.le),
    "NumericGreaterThan": _compared(number, operator.gt),
    "NumericGreaterThanEquals": _compared(number, operator.ge),
    "DateEquals": _compared(moment, operator.eq),
    "DateNotEquals": _compared(moment, operator.eq),
    "DateLessThan": _compared(moment, operator.lt),
    "DateLessThanEquals": _compared(moment, operator.le),
    "DateGreaterThan": _compared(moment, operator.gt),
    "DateGreaterThanEquals": _compared(moment, operator.ge),
    "Bool": _compared(_boolean, operator.eq),
    "BinaryEquals": _bytes,
    "IpAddress": _within,
    "NotIpAddress": _within,
    "ArnEquals": _arns,
    "ArnLike": _arns,
    "ArnNotEquals": _arns,
    "ArnNotLike": _arns,
}

#: These are met where no value of the policy fits, and so also where the request lacks the key.
_NEGATED = frozenset(name for name in OPERATORS if "Not" in name)
