"""Filter criteria: which records an event source mapping hands to its function.

The pattern language: https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html and
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

#: A mapping takes this many filters by default; any one that matches suffices.
MAX_FILTERS = 5
MAX_PATTERN_BYTES = 4096

#: Whether one value of a record fits. A value that is not there is `_MISSING`.
Rule = Callable[[Any], bool]
#: Whether a record fits.
Match = Callable[[Mapping[str, Any]], bool]

_MISSING = object()
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "=": lambda value, limit: value == limit,
    "<": lambda value, limit: value < limit,
    "<=": lambda value, limit: value <= limit,
    ">": lambda value, limit: value > limit,
    ">=": lambda value, limit: value >= limit,
}
_MAX_NUMBER = 5e9


class InvalidPattern(ValueError):
    """The text is no filter pattern; the message says where it fails."""


def compile_filter(text: str) -> Match:
    """Read one pattern, a JSON text; InvalidPattern if it is none."""
    if len(text.encode()) > MAX_PATTERN_BYTES:
        raise InvalidPattern(f"a pattern has at most {MAX_PATTERN_BYTES} bytes")
    try:
        pattern = json.loads(text)
    except ValueError as error:
        raise InvalidPattern(f"not JSON: {error}") from error
    if not isinstance(pattern, dict):
        raise InvalidPattern("a pattern is a JSON object")
    return _object(pattern, "")


def compile_sqs_filter(text: str) -> Match:
    """Read a pattern for SQS records, whose `body` is a text that may be JSON.

    A pattern of JSON under `body` drops bodies that are plain text, a pattern of plain values drops those that are
    JSON: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html
    """
    match = compile_filter(text)
    wants = json.loads(text).get("body")

    def fits(record: Mapping[str, Any]) -> bool:
        content = _content(record.get("body"))
        if not isinstance(content, (dict, list)):
            return match(record)
        return not isinstance(wants, list) and match({**record, "body": content})

    return fits


def _content(body: Any) -> Any:
    try:
        return json.loads(body)
    except (TypeError, ValueError):
        return body


# -- the pattern as a tree of rules ----------------------------------------------------------------


def _object(pattern: Mapping[str, Any], path: str) -> Match:
    if not pattern:
        raise InvalidPattern(f"the pattern{_at(path)} is empty")
    parts: list[Match] = []
    for key, wanted in pattern.items():
        here = f"{path}.{key}" if path else key
        if key == "$or" and isinstance(wanted, list):
            parts.append(_either(wanted, path))
        elif isinstance(wanted, dict):
            parts.append(_nested(key, _object(wanted, here), _absent_fits(wanted)))
        elif isinstance(wanted, list):
            parts.append(_field(key, _rules(wanted, here)))
        else:
            raise InvalidPattern(f"{here} must be an object or an array of values, not {json.dumps(wanted)}")

    def fits(record: Mapping[str, Any]) -> bool:
        return all(part(record) for part in parts)

    return fits


def _either(alternatives: Sequence[Any], path: str) -> Match:
    if len(alternatives) < 2 or not all(isinstance(alternative, dict) for alternative in alternatives):
        raise InvalidPattern(f"$or{_at(path)} takes an array of two or more objects")
    matches = [_object(alternative, path) for alternative in alternatives]
    return lambda record: any(match(record) for match in matches)


def _nested(key: str, match: Match, absent_fits: bool) -> Match:
    def fits(record: Mapping[str, Any]) -> bool:
        value = record.get(key, _MISSING)
        if isinstance(value, list):
            return any(isinstance(item, dict) and match(item) for item in value)
        if isinstance(value, dict):
            return match(value)
        return value is _MISSING and absent_fits and match({})

    return fits


def _absent_fits(pattern: Mapping[str, Any]) -> bool:
    """Whether everything under a key could be missing: only `exists: false` rules below it."""
    for wanted in pattern.values():
        if isinstance(wanted, dict):
            if not _absent_fits(wanted):
                return False
        elif wanted != [{"exists": False}]:
            return False
    return True


def _field(key: str, rules: Sequence[Rule]) -> Match:
    def fits(record: Mapping[str, Any]) -> bool:
        value = record.get(key, _MISSING)
        values = value if isinstance(value, list) else [value]
        if isinstance(value, list) and not value:
            values = [_MISSING]
        return any(rule(item) for item in values for rule in rules)

    return fits


def _rules(wanted: Sequence[Any], path: str) -> list[Rule]:
    if not wanted:
        raise InvalidPattern(f"{path} is an empty array")
    return [_rule(item, path) for item in wanted]


def _rule(wanted: Any, path: str) -> Rule:
    if isinstance(wanted, dict):
        if len(wanted) != 1:
            raise InvalidPattern(f"a rule{_at(path)} has one operator, not {json.dumps(wanted)}")
        ((operator, operand),) = wanted.items()
        make = _OPERATORS.get(operator)
        if make is None:
            raise InvalidPattern(f"unrecognized match type {operator}{_at(path)}")
        return make(operand, path)
    if isinstance(wanted, list):
        raise InvalidPattern(f"{path} holds an array within an array")
    return _exactly(wanted)


def _exactly(wanted: Any) -> Rule:
    def fits(value: Any) -> bool:
        # In JSON true is not 1, in Python it is.
        return value is not _MISSING and value == wanted and isinstance(value, bool) == isinstance(wanted, bool)

    return fits


def _text_rule(test: Callable[[str, str], bool]) -> Callable[[Any, str], Rule]:
    """An operator on text: its operand is a text, or {"equals-ignore-case": text}."""

    def make(operand: Any, path: str) -> Rule:
        if isinstance(operand, dict) and list(operand) == ["equals-ignore-case"]:
            folded = _text(operand["equals-ignore-case"], path).casefold()
            return lambda value: isinstance(value, str) and test(value.casefold(), folded)
        text = _text(operand, path)
        return lambda value: isinstance(value, str) and test(value, text)

    return make


def _text(operand: Any, path: str) -> str:
    if not isinstance(operand, str):
        raise InvalidPattern(f"the operand{_at(path)} must be a string, not {json.dumps(operand)}")
    return operand


def _ignore_case(operand: Any, path: str) -> Rule:
    folded = _text(operand, path).casefold()
    return lambda value: isinstance(value, str) and value.casefold() == folded


def _exists(operand: Any, path: str) -> Rule:
    if not isinstance(operand, bool):
        raise InvalidPattern(f"exists{_at(path)} takes true or false")
    return lambda value: (value is not _MISSING) == operand


def _wildcard(operand: Any, path: str) -> Rule:
    text = _text(operand, path)
    if "**" in text:
        raise InvalidPattern(f"consecutive wildcard characters{_at(path)}: {text}")
    parts: list[str] = []
    escaped = False
    for character in text:
        if escaped:
            if character not in "*\\":
                raise InvalidPattern(f"an invalid escape{_at(path)}: {text}")
            parts.append(re.escape(character))
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            parts.append(".*" if character == "*" else re.escape(character))
    if escaped:
        raise InvalidPattern(f"an invalid escape{_at(path)}: {text}")
    compiled = re.compile("".join(parts), re.DOTALL)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _numeric(operand: Any, path: str) -> Rule:
    """`["=", 3]` or `[">", 0, "<=", 5]`."""
    if not isinstance(operand, list) or len(operand) not in (2, 4):
        raise InvalidPattern(f"numeric{_at(path)} takes one comparison, or a lower and an upper limit")
    tests: list[tuple[Callable[[float, float], bool], float]] = []
    for operator, limit in zip(operand[::2], operand[1::2], strict=True):
        if not isinstance(operator, str) or operator not in _COMPARISONS:
            raise InvalidPattern(f"unrecognized numeric range operator{_at(path)}: {operator}")
        if isinstance(limit, bool) or not isinstance(limit, (int, float)) or abs(limit) > _MAX_NUMBER:
            raise InvalidPattern(f"the value of {operator}{_at(path)} must be a number between -5e9 and 5e9")
        tests.append((_COMPARISONS[operator], limit))
    if len(operand) == 4 and (operand[0] not in (">", ">=") or operand[2] not in ("<", "<=")):
        raise InvalidPattern(f"a range{_at(path)} is a lower limit and then an upper one")
    if len(operand) == 4 and operand[1] >= operand[3]:
        raise InvalidPattern(f"the lower limit{_at(path)} must lie below the upper one")

    def fits(value: Any) -> bool:
        return (
            isinstance(value, (int, float))
            and not isinstance(value, bool)
            and all(test(value, limit) for test, limit in tests)
        )

    return fits


def _anything_but(operand: Any, path: str) -> Rule:
    """A value, some values, or one operator on text with one operand or several."""
    if isinstance(operand, dict):
        if len(operand) != 1 or next(iter(operand)) not in _NEGATABLE:
            raise InvalidPattern(f"anything-but{_at(path)} knows {', '.join(sorted(_NEGATABLE))}")
        ((operator, inner),) = operand.items()
        rules = [_NEGATABLE[operator](item, path) for item in (inner if isinstance(inner, list) else [inner])]
    else:
        values = operand if isinstance(operand, list) else [operand]
        if any(isinstance(value, (dict, list)) for value in values):
            raise InvalidPattern(f"anything-but{_at(path)} takes plain values")
        rules = [_exactly(value) for value in values]
    if not rules:
        raise InvalidPattern(f"anything-but{_at(path)} has no value")
    return lambda value: value is not _MISSING and not any(rule(value) for rule in rules)


_NEGATABLE: dict[str, Callable[[Any, str], Rule]] = {
    "prefix": _text_rule(str.startswith),
    "suffix": _text_rule(str.endswith),
    "equals-ignore-case": _ignore_case,
    "wildcard": _wildcard,
}
_OPERATORS: dict[str, Callable[[Any, str], Rule]] = {
    **_NEGATABLE,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "exists": _exists,
}


def _at(path: str) -> str:
    return f" at {path}" if path else ""
