"""The operators of event patterns: each makes of its operand a rule for one value of an event.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

import ipaddress
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox import wildcards
from sandbox.events.literals import literal

#: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html#filtering-numeric-matching
MAX_NUMBER = 5e9

#: Whether one value of an event fits.
Rule = Callable[[Any], bool]

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class InvalidPattern(ValueError):
    """The text is no event pattern; the message says why."""


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _exactly(operand: Any) -> Rule:
    text = _text(operand, "exact match")
    return lambda value: bool(value == text)


def _text(operand: Any, what: str) -> str:
    if not isinstance(operand, str):
        raise InvalidPattern(f"{what} pattern must be a string")
    return operand


def _fold(text: str) -> str:
    """Case taken away, character by character (no `ss` for `ß`)."""
    return text.upper().lower() if text.isascii() else "".join(_fold_character(each) for each in text)


def _fold_character(character: str) -> str:
    folded = character.upper().lower()
    return folded if len(folded) == 1 else character


def _affix(name: str, test: Callable[[str, str], bool]) -> Callable[[Any], Rule]:
    """prefix and suffix: their operand is a text, or {"equals-ignore-case": text}."""

    def make(operand: Any) -> Rule:
        if isinstance(operand, dict):
            if list(operand) != ["equals-ignore-case"]:
                raise InvalidPattern(f"Unsupported {name} pattern: {', '.join(operand)}")
            folded = _fold(_text(operand["equals-ignore-case"], "equals-ignore-case match"))
            return lambda value: isinstance(value, str) and test(_fold(value), folded)
        text = _text(operand, f"{name} match")
        return lambda value: isinstance(value, str) and test(value, text)

    return make


def _ignore_case(operand: Any) -> Rule:
    folded = _fold(_text(operand, "equals-ignore-case match"))
    return lambda value: isinstance(value, str) and _fold(value) == folded


def _exists(operand: Any) -> Rule:
    if operand is not True and operand is not False:
        raise InvalidPattern("exists match pattern must be either true or false.")
    return lambda value: bool(operand)


def _wildcard(operand: Any) -> Rule:
    """`*` is any number of characters, `\\*` an asterisk and `\\\\` a backslash."""
    text = _text(operand, "wildcard match")
    pieces: list[str] = [""]
    at = 0
    while at < len(text):
        if text[at] == "*":
            if text[at + 1 : at + 2] == "*":
                raise InvalidPattern(f"Consecutive wildcard characters at pos {at}")
            pieces.append("")
        elif text[at] == "\\":
            at += 1
            if text[at : at + 1] not in ("*", "\\"):
                raise InvalidPattern(f"Invalid escape character at pos {at - 1}")
            pieces[-1] += text[at]
        else:
            pieces[-1] += text[at]
        at += 1
    return lambda value: isinstance(value, str) and wildcards.fits(value, pieces)


def _numeric(operand: Any) -> Rule:
    """`["=", 3]` or `[">", 0, "<=", 5]`."""
    if not isinstance(operand, list):
        raise InvalidPattern("Value of numeric must be an array.")
    if not operand or not isinstance(operand[0], str):
        raise InvalidPattern(f"Invalid member in numeric match: {literal(operand[0]) if operand else ']'}")
    if operand[0] not in _COMPARISONS:
        raise InvalidPattern(f"Unrecognized numeric range operator: {operand[0]}")
    tests = [(_COMPARISONS[operand[0]], _limit(operand, 0))]
    if len(operand) > 2:
        if operand[0] not in (">", ">="):
            raise InvalidPattern("Too many elements in numeric expression")
        if not isinstance(operand[2], str):
            raise InvalidPattern(f"Bad value in numeric range: {literal(operand[2])}")
        if operand[2] not in ("<", "<="):
            raise InvalidPattern(f"Bad numeric range operator: {operand[2]}")
        tests.append((_COMPARISONS[operand[2]], _limit(operand, 2)))
        if len(operand) > 4:
            raise InvalidPattern("Too many terms in numeric range expression")
        if tests[0][1] >= tests[1][1]:
            raise InvalidPattern("Bottom must be less than top")

    def fits(value: Any) -> bool:
        return _is_number(value) and abs(value) <= MAX_NUMBER and all(test(value, limit) for test, limit in tests)

    return fits


def _limit(operand: Sequence[Any], at: int) -> float:
    name = "equals" if operand[at] == "=" else operand[at]
    if len(operand) < at + 2 or not _is_number(operand[at + 1]):
        raise InvalidPattern(f"Value of {name} must be numeric")
    return _in_range(operand[at + 1])


def _in_range(number: float) -> float:
    if not abs(number) <= MAX_NUMBER:
        raise InvalidPattern("Value must be between -5.0E9 and 5.0E9, inclusive")
    return number


def _cidr(operand: Any) -> Rule:
    text = _text(operand, "prefix match")
    address, slash, bits = text.partition("/")
    if not slash or "/" in bits:
        raise InvalidPattern("Malformed CIDR, one '/' required")
    if not (bits.removeprefix("-").isascii() and bits.removeprefix("-").isdecimal()):
        raise InvalidPattern("Malformed CIDR, mask bits must be an integer")
    if bits.startswith("-"):
        raise InvalidPattern("Malformed CIDR, mask bits must not be negative")
    found = _address(address)
    if found is None:
        raise InvalidPattern(f"Nonstandard IP address: {address}")
    # Longer than any number of bits: Python doesn't read a number of thousands of digits.
    if len(bits) > 9 or int(bits) >= found.max_prefixlen:
        raise InvalidPattern(f"IPv{found.version} mask bits must be < {found.max_prefixlen}")
    network = ipaddress.ip_network((found, int(bits)), strict=False)

    def fits(value: Any) -> bool:
        given = _address(value) if isinstance(value, str) else None
        return given is not None and given in network

    return fits


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _anything_but(operand: Any) -> Rule:
    """A value, some values of one kind, or one operator on text with one text or several."""
    if isinstance(operand, dict):
        if not operand:
            raise InvalidPattern("Anything-But expression name not found")
        name, inner = next(iter(operand.items()))
        if name not in _NEGATABLE:
            raise InvalidPattern(f"Unsupported anything-but pattern: {name}")
        if len(operand) != 1:
            raise InvalidPattern("Only one key allowed in match expression")
        texts = inner if isinstance(inner, list) else [inner]
        if not texts:
            raise InvalidPattern("Empty arrays are not allowed")
        if name in ("prefix", "suffix") and "" in texts:
            raise InvalidPattern("Null prefix/suffix not allowed")
        rules = [_NEGATABLE[name](text) for text in texts]
        return lambda value: not any(rule(value) for rule in rules)
    if not isinstance(operand, list):
        if not isinstance(operand, str) and not _is_number(operand):
            raise InvalidPattern("Value of anything-but must be an array or single string/number value.")
        operand = [operand]
    if not all(isinstance(each, str) or _is_number(each) for each in operand):
        raise InvalidPattern("Inside anything but list, start|null|boolean is not supported.")
    if len({isinstance(each, str) for each in operand}) != 1:
        raise InvalidPattern(
            "Inside anything but list, either all values are number or string, mixed type is not supported"
        )
    if isinstance(operand[0], str):
        names = frozenset(operand)
        return lambda value: not (isinstance(value, str) and value in names)
    numbers = frozenset(_in_range(each) for each in operand)
    return lambda value: not (_is_number(value) and value in numbers)


_NEGATABLE: Mapping[str, Callable[[Any], Rule]] = {
    "prefix": _affix("prefix", str.startswith),
    "suffix": _affix("suffix", str.endswith),
    "equals-ignore-case": _ignore_case,
    "wildcard": _wildcard,
}
#: By name. (`exists` with false is a matter of the whole event: patterns.py has it.)
OPERATORS: Mapping[str, Callable[[Any], Rule]] = {
    **_NEGATABLE,
    "exactly": _exactly,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "cidr": _cidr,
    "exists": _exists,
}
