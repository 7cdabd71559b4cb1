"""The expressions of GitHub Actions: `${{ ... }}` in a workflow, and the conditions of jobs and steps.

https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
A small language of its own, read and evaluated here: nothing of a workflow is ever run as Python.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class BadExpression(ValueError):
    """An expression that can't be read, or asks for what there is not. The text says which."""


#: The values that an expression sees: `github`, `env`, `steps`, ...; all of them plain data.
Contexts = Mapping[str, Any]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>-?(?:0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.]))"
    r"|(?P<text>'(?:[^']|'')*')"
    r"|(?P<name>[A-Za-z_][\w-]*)"
    r"|(?P<sign>&&|\|\||==|!=|<=|>=|[!<>()\[\].,*]))"
)
_PLACE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_DEEPEST = 50
_LONGEST = 21_000
_LITERALS: Mapping[str, Any] = {"true": True, "false": False, "null": None}

#: The functions that tell how things stand, by name; what they answer is the runner's to say.
STATUS_FUNCTIONS = ("success", "failure", "always", "cancelled")


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression is evaluated on: its contexts, and the answers of success(), failure(), ..."""

    contexts: Contexts
    status: Mapping[str, bool]


def fill(text: str, scope: Scope) -> str:
    """A text with each `${{ ... }}` replaced by its value. BadExpression, too for one that is not closed."""
    must_be_closed(text)
    return _PLACE.sub(lambda place: written(evaluate(place[1], scope)), text)


def must_be_closed(text: str) -> None:
    """BadExpression for a text in which an expression begins and does not end."""
    if "${{" in _PLACE.sub("", text):
        opened = text[text.rindex("${{") :].split("\n")[0][:60]
        raise BadExpression(f"the expression is not closed: {opened!r} has no }}}}")


def holds(condition: str, scope: Scope) -> bool:
    """Whether an `if` is met. One that asks for no status asks for success() besides. BadExpression.

    https://docs.github.com/en/actions/reference/workflows-and-actions/expressions#status-check-functions
    """
    inner = _PLACE.fullmatch(condition.strip())
    expression = inner[1] if inner is not None else _PLACE.sub(lambda place: place[1], condition)
    if not expression.strip():
        return scope.status["success"]
    met = truth(evaluate(expression, scope))
    asks = any(re.search(rf"\b{name}\s*\(", expression, re.IGNORECASE) for name in STATUS_FUNCTIONS)
    return met and (asks or scope.status["success"])


def places(text: str) -> Iterator[str]:
    """The expressions that stand in a text."""
    for place in _PLACE.finditer(text):
        yield place[1].strip()


def evaluate(expression: str, scope: Scope) -> Any:
    """The value of an expression: None, a truth value, a number, a text, a list or a map. BadExpression."""
    if len(expression) > _LONGEST:
        raise BadExpression(f"an expression of {len(expression)} characters is too long: {_LONGEST} are allowed")
    return _Reader(expression, scope).whole()


def truth(value: Any) -> bool:
    """What counts as true: all but false, 0, '', null and NaN."""
    return not (value is None or value is False or value == "" or value == 0 or value != value)


def written(value: Any) -> str:
    """A value as text stands in a workflow: null is nothing, a list or map is JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(value, indent=2)


class _Reader:
    """Reads an expression and evaluates it as it goes; both sides of && and || are evaluated."""

    def __init__(self, expression: str, scope: Scope) -> None:
        self.expression = expression.strip()
        self.scope = scope
        self.tokens = list(self._tokens())
        self.place = 0
        self.depth = 0

    def whole(self) -> Any:
        value = self._either()
        if self.place < len(self.tokens):
            raise self._unexpected()
        return value

    def _tokens(self) -> Iterator[tuple[str, str]]:
        at = 0
        while at < len(self.expression):
            found = _TOKEN.match(self.expression, at)
            if found is None:
                if not self.expression[at:].strip():
                    return
                raise BadExpression(f"{self.expression!r} can't be read from {self.expression[at:].strip()[:20]!r} on")
            assert found.lastgroup is not None
            yield found.lastgroup, found[found.lastgroup]
            at = found.end()

    def _next(self, *signs: str) -> str | None:
        """The next token if it is one of these signs; it is taken then."""
        if self.place < len(self.tokens):
            kind, text = self.tokens[self.place]
            if kind == "sign" and text in signs:
                self.place += 1
                return text
        return None

    def _expect(self, sign: str) -> None:
        if self._next(sign) is None:
            raise self._unexpected(f"where {sign!r} is wanted")

    def _unexpected(self, where: str = "") -> BadExpression:
        text = repr(self.tokens[self.place][1]) if self.place < len(self.tokens) else "its end"
        return BadExpression(f"{self.expression!r} has {text} {where}".rstrip())

    def _either(self) -> Any:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise BadExpression(f"{self.expression[:40]!r}... is nested more than {_DEEPEST} levels deep")
        value = self._both()
        while self._next("||"):
            other = self._both()
            value = value if truth(value) else other
        self.depth -= 1
        return value

    def _both(self) -> Any:
        value = self._equal()
        while self._next("&&"):
            other = self._equal()
            value = other if truth(value) else value
        return value

    def _equal(self) -> Any:
        value = self._ordered()
        while sign := self._next("==", "!="):
            value = _same(value, self._ordered()) == (sign == "==")
        return value

    def _ordered(self) -> Any:
        value = self._negated()
        while sign := self._next("<", "<=", ">", ">="):
            value = _compare(sign, value, self._negated())
        return value

    def _negated(self) -> Any:
        if self._next("!"):
            self.depth += 1
            if self.depth > _DEEPEST:
                raise BadExpression(f"{self.expression[:40]!r}... is nested more than {_DEEPEST} levels deep")
            value = not truth(self._negated())
            self.depth -= 1
            return value
        return self._member()

    def _member(self) -> Any:
        value = self._primary()
        while sign := self._next(".", "["):
            if sign == "[":
                key = None if self._next("*") else self._either()
                self._expect("]")
                value = _all_of(value) if key is None else _at(value, key)
            elif self._next("*"):
                value = _all_of(value)
            else:
                kind, text = self.tokens[self.place] if self.place < len(self.tokens) else ("", "")
                if kind != "name":
                    raise self._unexpected("where a name is wanted")
                self.place += 1
                value = _at(value, text)
        return value

    def _primary(self) -> Any:
        if self.place >= len(self.tokens):
            raise self._unexpected()
        if self._next("("):
            value = self._either()
            self._expect(")")
            return value
        kind, text = self.tokens[self.place]
        if kind == "sign":
            raise self._unexpected()
        self.place += 1
        if kind == "number":
            return _float(int(text, 16)) if "0x" in text else float(text)
        if kind == "text":
            return text[1:-1].replace("''", "'")
        if self._next("("):
            return self._call(text)
        if text.lower() in _LITERALS:
            return _LITERALS[text.lower()]
        context = next((value for name, value in self.scope.contexts.items() if name == text.lower()), _NONE)
        if context is _NONE:
            raise BadExpression(f"there is no context {text!r} here: there are {', '.join(self.scope.contexts)}")
        return context

    def _call(self, name: str) -> Any:
        given: list[Any] = []
        if self._next(")") is None:
            given.append(self._either())
            while self._next(","):
                given.append(self._either())
            self._expect(")")
        lower = name.lower()
        if lower in self.scope.status:
            return self.scope.status[lower]
        found = _FUNCTIONS.get(lower)
        if found is None:
            raise BadExpression(f"{name}() is not supported: there are {', '.join((*_FUNCTIONS, *STATUS_FUNCTIONS))}")
        function, least, most = found
        if not least <= len(given) <= most:
            raise BadExpression(f"{name}() does not take {len(given)} arguments")
        try:
            return function(*given)
        except (ValueError, IndexError, RecursionError) as error:
            raise BadExpression(f"{name}(): {error}") from error


_NONE = object()


def _at(value: Any, key: Any) -> Any:
    """A member by its name, in whatever case; None where there is none. Of a filtered list: its items' members."""
    if isinstance(value, Filtered):
        return Filtered(found for one in value if (found := _at(one, key)) is not None)
    if isinstance(value, Mapping) and isinstance(key, str):
        return next((one for name, one in value.items() if str(name).lower() == key.lower()), None)
    if isinstance(value, list) and isinstance(key, float) and 0 <= key < len(value):
        return value[int(key)]
    return None


class Filtered(list[Any]):
    """What `*` gives: the members of a map or the items of a list."""


def _all_of(value: Any) -> Filtered:
    if isinstance(value, Filtered):
        return Filtered(inner for one in value for inner in _all_of(one))
    return Filtered(value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ())


def _number(value: Any) -> float:
    """How a value is compared with one of another kind."""
    if value is None or value == "":
        return 0.0
    if isinstance(value, (bool, int, float)):
        return float(value)
    if isinstance(value, str):
        try:
            return _float(int(value, 16)) if value.lower().startswith("0x") else float(value)
        except ValueError:
            return math.nan
    return math.nan


def _float(number: int) -> float:
    """A whole number as expressions have it: one that is too large is endless."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _same(one: Any, other: Any) -> bool:
    """Texts are equal in whatever case; values of different kinds as numbers."""
    if isinstance(one, str) and isinstance(other, str):
        return one.lower() == other.lower()
    if isinstance(one, (Mapping, list)) or isinstance(other, (Mapping, list)):
        return one is other
    if type(one) is type(other):
        return bool(one == other)
    return _number(one) == _number(other)


def _compare(sign: str, one: Any, other: Any) -> bool:
    pair: tuple[Any, Any] = (_number(one), _number(other))
    if isinstance(one, str) and isinstance(other, str):
        pair = (one.lower(), other.lower())
    less: bool = pair[0] < pair[1]
    same: bool = pair[0] == pair[1]
    more: bool = pair[0] > pair[1]
    return {"<": less, "<=": less or same, ">": more, ">=": more or same}[sign]


def _contains(where: Any, what: Any) -> bool:
    if isinstance(where, list):
        return any(_same(one, what) for one in where)
    return written(what).lower() in written(where).lower()


def _format(pattern: Any, *values: Any) -> str:
    def put(found: re.Match[str]) -> str:
        if found[0] in ("{{", "}}"):
            return found[0][0]
        if found[1] is None:
            raise ValueError(f"{pattern!r} has a single brace")
        return written(values[int(found[1])])

    return re.sub(r"\{\{|\}\}|\{(\d{1,3})\}|[{}]", put, written(pattern))


def _join(values: Any, between: Any = ",") -> str:
    return written(between).join(map(written, values)) if isinstance(values, list) else written(values)


def _from_json(text: Any) -> Any:
    return _with_floats(json.loads(written(text)))


def _with_floats(value: Any) -> Any:
    """Numbers as expressions have them."""
    if isinstance(value, dict):
        return {key: _with_floats(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_with_floats(one) for one in value]
    return _float(value) if isinstance(value, int) and not isinstance(value, bool) else value


_FUNCTIONS: Mapping[str, tuple[Callable[..., Any], int, int]] = {
    "contains": (_contains, 2, 2),
    "startswith": (lambda text, start: written(text).lower().startswith(written(start).lower()), 2, 2),
    "endswith": (lambda text, end: written(text).lower().endswith(written(end).lower()), 2, 2),
    "format": (_format, 1, 100),
    "join": (_join, 1, 2),
    "tojson": (lambda value: json.dumps(value, indent=2), 1, 1),
    "fromjson": (_from_json, 1, 1),
}


def named(expression: str) -> Sequence[str]:
    """The dotted names in an expression, in lower case: `secrets.aws_key`. For what may not be used at all."""
    return [found.lower() for found in re.findall(r"[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*", expression)]
