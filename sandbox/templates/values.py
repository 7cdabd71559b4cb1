"""What expressions come to: plain values, no value at all, or values that are not known yet."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

#: What Ref of AWS::NoValue gives: the property or list member that it stands for is left out.
NO_VALUE = object()


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that is known once resources are made: `of` has each of them with the attribute (None: its Ref)."""

    of: frozenset[tuple[str, str | None]]


def unknown(value: Any) -> Unknown | None:
    """What is not known in a value, in one; None if all of it is known."""
    if isinstance(value, Unknown):
        return value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    of: frozenset[tuple[str, str | None]] = frozenset()
    for one in inner:
        found = unknown(one)
        of |= found.of if found is not None else frozenset()
    return Unknown(of) if of else None


def text_of(value: Any) -> str | None:
    """A scalar as CloudFormation writes it where it wants a string: true, 1.5. None for a list or a map."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number_text(value)
    return str(value) if isinstance(value, int) else None


def _number_text(value: float) -> str:
    """As Java writes a double: 1.5, 1000.0, 1.2345678901E10."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    rest = "".join(map(str, digits[1:])) or "0"
    return f"{'-' if sign else ''}{digits[0]}.{rest}E{len(digits) - 1 + int(exponent)}"


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal to CloudFormation: a number or boolean equals its text."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(inner, other[key]) for key, inner in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, Unknown) or isinstance(other, Unknown):
        return False
    text = text_of(one)
    return text is not None and text == text_of(other)
