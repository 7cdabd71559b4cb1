"""Filter policies: which messages of a topic a subscription takes.

The language is that of event patterns, with limits of its own, and numbers are compared by value.
https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html and the pages below it,
https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from sandbox.events.patterns import InvalidPattern, compile_pattern

Scope = Literal["MessageAttributes", "MessageBody"]

MAX_KEYS = 5
MAX_COMBINATIONS = 150
MAX_BYTES = 256 * 1024
MAX_NUMBER = 1_000_000_000
#: Numbers are compared to this many digits behind the point.
DIGITS = 5

#: A message attribute as SNS hands it on: {"Type": ..., "Value": ...}.
Attributes = Mapping[str, Mapping[str, Any]]
#: Whether a message (its text and its attributes) is taken.
Takes = Callable[[str, Attributes], bool]


class InvalidPolicy(ValueError):
    """The text is no filter policy; the message says why, as SNS says it behind `FilterPolicy: `."""


@functools.lru_cache(maxsize=1024)
def compile_policy(text: str, scope: Scope) -> Takes:
    """Read a filter policy, a JSON text; InvalidPolicy if it is none. An empty one takes every message."""
    if len(text.encode()) > MAX_BYTES:
        raise InvalidPolicy(f"Filter policy is larger than {MAX_BYTES} bytes")
    try:
        policy = _by_value(json.loads(text))
    except (ValueError, OverflowError, RecursionError) as error:
        raise InvalidPolicy("failed to parse JSON.") from error
    if not isinstance(policy, dict):
        raise InvalidPolicy("Filter policy must be a JSON object")
    if not policy:
        return lambda message, attributes: True
    if scope == "MessageAttributes" and any(isinstance(wanted, dict) for wanted in policy.values()):
        raise InvalidPolicy("Filter policy scope MessageAttributes does not support nested filter policy")
    try:
        fits = compile_pattern(json.dumps(policy))
    except InvalidPattern as error:
        raise InvalidPolicy(str(error)) from error
    _check_limits(policy)
    if scope == "MessageAttributes":
        return lambda message, attributes: fits(_properties(attributes))

    def body_fits(message: str, attributes: Attributes) -> bool:
        body = _read(message)
        return isinstance(body, dict) and fits(body)

    return body_fits


# -- messages ------------------------------------------------------------------------------------------


def _properties(attributes: Attributes) -> dict[str, Any]:
    """Message attributes as values: texts, numbers, arrays. Binary ones are as if they were not there."""
    values: dict[str, Any] = {}
    for name, attribute in attributes.items():
        kind, text = str(attribute.get("Type", "")), str(attribute.get("Value", ""))
        if kind.partition(".")[0] == "Number" or kind.endswith(".Array"):
            found = _read(text)
            if found is not None:
                values[name] = found
        elif kind.partition(".")[0] == "String":
            values[name] = text
    return values


def _read(text: str) -> Any:
    """A JSON text, numbers made comparable; None for what is none."""
    try:
        return _by_value(json.loads(text))
    except (ValueError, OverflowError, RecursionError):
        return None


def _by_value(content: Any) -> Any:
    """Content whose equal numbers are written alike."""
    if isinstance(content, float):
        rounded = round(content, DIGITS)
        return int(rounded) if rounded == int(rounded) else rounded
    if isinstance(content, list):
        return [_by_value(each) for each in content]
    if isinstance(content, dict):
        return {key: _by_value(each) for key, each in content.items()}
    return content


# -- limits --------------------------------------------------------------------------------------------


def _check_limits(policy: Mapping[str, Any]) -> None:
    if _keys(policy) > MAX_KEYS:
        raise InvalidPolicy(f"Filter policy can not have more than {MAX_KEYS} keys")
    if _combinations(policy, 1) > MAX_COMBINATIONS:
        raise InvalidPolicy("Filter policy is too complex")
    for number in _numbers(policy):
        if abs(number) > MAX_NUMBER:
            raise InvalidPolicy(f"Value {number} must be between -{MAX_NUMBER} and {MAX_NUMBER}")


def _keys(policy: Mapping[str, Any]) -> int:
    """The keys that have values; those that hold objects don't count."""
    count = 0
    for key, wanted in policy.items():
        if isinstance(wanted, dict):
            count += _keys(wanted)
        elif _is_either(key, wanted):
            count += sum(_keys(alternative) for alternative in wanted)
        else:
            count += 1
    return count


def _combinations(policy: Mapping[str, Any], depth: int) -> int:
    """The product over all keys of their values, each times its depth in the policy."""
    product = 1
    for key, wanted in policy.items():
        if isinstance(wanted, dict):
            product *= _combinations(wanted, depth + 1)
        elif _is_either(key, wanted):
            product *= sum(_combinations(alternative, depth) for alternative in wanted)
        else:
            product *= len(wanted) * depth
    return product


def _is_either(key: str, wanted: Any) -> bool:
    return key == "$or" and all(isinstance(each, dict) and _holds_arrays(each) for each in wanted)


def _holds_arrays(alternative: Mapping[str, Any]) -> bool:
    return all(isinstance(each, (dict, list)) for each in alternative.values())


def _numbers(content: Any) -> Iterator[float]:
    if isinstance(content, dict):
        for each in content.values():
            yield from _numbers(each)
    elif isinstance(content, list):
        for each in content:
            yield from _numbers(each)
    elif isinstance(content, (int, float)) and not isinstance(content, bool):
        yield content
