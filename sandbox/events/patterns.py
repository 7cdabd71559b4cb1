"""Event patterns: which events a rule takes, and which records a filter lets through.

The language: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html and
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html. What is wrong with a pattern
is worded as in Event Ruler, AWS's own implementation (without the place in the text that it adds).

A match takes time in proportion to the pattern's size times the event's: there are no regular expressions in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sandbox.events.literals import literal, load
from sandbox.events.pattern_operators import OPERATORS, InvalidPattern, Rule

__all__ = ["InvalidPattern", "Match", "compile_pattern"]

#: A pattern's $or alternatives, multiplied out:
#: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html#eb-filtering-complex-example-or
MAX_COMBINATIONS = 1000
#: Objects in a pattern within one another. AWS names no limit; this machine needs one.
MAX_DEPTH = 100

#: Whether an event fits.
Match = Callable[[Mapping[str, Any]], bool]

#: Whether an object of an event fits; the view tells of the whole event.
_Part = Callable[[Mapping[str, Any], "_View"], bool]

#: What has an operator's name as a field is no alternative of $or, but an array of matches.
_RESERVED = frozenset(OPERATORS)


def compile_pattern(text: str) -> Match:
    """Read a pattern, a JSON text; InvalidPattern if it is none.

    Numbers are equal if they are written alike: give an event that `literals.load` has read where that matters.
    """
    try:
        pattern = load(text)
    except (ValueError, RecursionError) as error:
        raise InvalidPattern("Invalid JSON") from error
    if not isinstance(pattern, dict):
        raise InvalidPattern("Filter is not an object")
    part, combinations = _object(pattern, ())
    if combinations > MAX_COMBINATIONS:
        raise InvalidPattern(
            f"Too many combinations of $or alternatives: {combinations}, at most {MAX_COMBINATIONS} are allowed"
        )
    return lambda event: part(event, _View(event))


class _View:
    """An event as a whole, for rules that ask whether a field is anywhere in it."""

    __slots__ = ("_event", "_known")

    def __init__(self, event: Mapping[str, Any]) -> None:
        self._event = event
        self._known: dict[tuple[str, ...], bool] = {}

    def has(self, path: tuple[str, ...]) -> bool:
        """Whether the event has a value (no object, no empty array) at this path, in whatever elements of arrays."""
        found = self._known.get(path)
        if found is None:
            nodes: list[Any] = [self._event]
            for key in path[:-1]:
                nodes = [inner for node in nodes if key in node for inner in _objects(node[key])]
            found = any(True for node in nodes if path[-1] in node for _ in _values(node[path[-1]]))
            self._known[path] = found
        return found


def _elements(value: Any) -> Iterator[Any]:
    """A value itself, or the elements of an array and of the arrays in it."""
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, list):
            pending.extend(reversed(each))
        else:
            yield each


def _values(value: Any) -> Iterator[Any]:
    return (each for each in _elements(value) if not isinstance(each, dict))


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    return (each for each in _elements(value) if isinstance(each, dict))


# -- objects and $or: each gives its part, and how many combinations of alternatives it has --------------------


def _object(pattern: Mapping[str, Any], path: tuple[str, ...], *, alternative: bool = False) -> tuple[_Part, int]:
    if not pattern:
        raise InvalidPattern("Empty objects are not allowed")
    if len(path) >= MAX_DEPTH:
        raise InvalidPattern(f"Objects are nested more than {MAX_DEPTH} levels deep")
    parts: list[_Part] = []
    combinations = 1
    for key, wanted in pattern.items():
        if key == "$or" and _is_alternatives(wanted):
            part, count = _either(wanted, path)
        elif alternative and key in _RESERVED:
            raise InvalidPattern(f"{key} is Ruler reserved fieldName which cannot be used inside $or.")
        elif isinstance(wanted, dict):
            inner, count = _object(wanted, (*path, key), alternative=alternative)
            part = _nested(key, inner)
        elif isinstance(wanted, list):
            part, count = _field(key, wanted, (*path, key)), 1
        else:
            raise InvalidPattern(f'"{key}" must be an object or an array')
        parts.append(part)
        combinations *= count
    if len(parts) == 1:
        return parts[0], combinations
    return lambda node, view: all(part(node, view) for part in parts), combinations


def _is_alternatives(wanted: Any) -> bool:
    """Whether what stands under "$or" are alternatives, and it is not the name of a field."""
    if not isinstance(wanted, list) or not all(isinstance(each, dict) for each in wanted):
        return False
    return not all(each and set(each) <= _RESERVED for each in wanted)


def _either(alternatives: Sequence[Mapping[str, Any]], path: tuple[str, ...]) -> tuple[_Part, int]:
    if len(alternatives) < 2:
        raise InvalidPattern("There must have at least 2 Objects in $or relationship.")
    made = [_object(each, path, alternative=True) for each in alternatives]
    parts = [part for part, _ in made]
    return lambda node, view: any(part(node, view) for part in parts), sum(count for _, count in made)


def _nested(key: str, inner: _Part) -> _Part:
    def fits(node: Mapping[str, Any], view: _View) -> bool:
        empty = True
        for each in _objects(node.get(key)):
            empty = False
            # What is asked of the elements of an array must hold for one and the same element.
            if inner(each, view):
                return True
        # Where there is no object its fields are missing, and that may be what is wanted.
        return empty and inner({}, view)

    return fits


# -- fields: arrays of values and operators ------------------------------------------------------------------


def _field(key: str, wanted: Sequence[Any], path: tuple[str, ...]) -> _Part:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns-arrays.html"""
    if not wanted:
        raise InvalidPattern("Empty arrays are not allowed")
    exact: set[str] = set()
    rules: list[Rule] = []
    absence = False
    for each in wanted:
        if isinstance(each, list):
            raise InvalidPattern("Match value must be String, number, true, false, or null")
        if not isinstance(each, dict):
            exact.add(literal(each))
        elif _operator(each) == ("exists", False):
            absence = True
        else:
            name, operand = _operator(each)
            rules.append(OPERATORS[name](operand))

    def fits(node: Mapping[str, Any], view: _View) -> bool:
        if key in node:
            for value in _values(node[key]):
                if (exact and literal(value) in exact) or any(rule(value) for rule in rules):
                    return True
        return absence and not view.has(path)

    return fits


def _operator(match: Mapping[str, Any]) -> tuple[str, Any]:
    if not match:
        raise InvalidPattern("Match expression name not found")
    name, operand = next(iter(match.items()))
    if name not in OPERATORS:
        raise InvalidPattern(f"Unrecognized match type {name}")
    if len(match) != 1:
        raise InvalidPattern("Only one key allowed in match expression")
    return name, operand
