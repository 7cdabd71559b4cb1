"""The grammar of metric math: an expression's text to its tree.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

#: An expression nested deeper than this is refused.
MAX_DEPTH = 50

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
    |(?P<name>[A-Za-z][A-Za-z0-9_]*)
    |(?P<text>"[^"]*"|'[^']*')
    |(?P<mark>==|!=|<=|>=|&&|\|\||[-+*/^<>(),\[\]]))""",
    re.VERBOSE,
)
#: Binary operators, those that bind least first. `^` binds more than the sign, and is read from the right.
_LEVELS = (("OR", "||"), ("AND", "&&"), ("==", "!=", "<", ">", "<=", ">="), ("+", "-"), ("*", "/"))
_SAME = {"||": "OR", "&&": "AND"}


class MathError(ValueError):
    """An expression that is none, or that can't be computed; the message says why."""


@dataclass(frozen=True, slots=True)
class Number:
    value: float


@dataclass(frozen=True, slots=True)
class Text:
    value: str


@dataclass(frozen=True, slots=True)
class Name:
    """A metric's or expression's id, or a word that a function takes (REPEAT, DESC, AVG)."""

    name: str


@dataclass(frozen=True, slots=True)
class Array:
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Negative:
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Call:
    function: str
    arguments: tuple[Node, ...]


Node = Number | Text | Name | Array | Negative | Binary | Call


def parse(text: str) -> Node:
    """The tree of an expression; MathError if the text is none."""
    return _Parser(text).whole()


def names(node: Node) -> Iterator[str]:
    """The ids that a tree refers to (they begin with a small letter)."""
    match node:
        case Name(name=name) if name[0].islower():
            yield name
        case Array(items=parts) | Call(arguments=parts):
            for part in parts:
                yield from names(part)
        case Negative(operand=operand):
            yield from names(operand)
        case Binary(left=left, right=right):
            yield from names(left)
            yield from names(right)
        case _:
            return


def calls(node: Node) -> Iterator[str]:
    """The functions that a tree calls."""
    match node:
        case Call(function=function, arguments=parts):
            yield function
            for part in parts:
                yield from calls(part)
        case Array(items=parts):
            for part in parts:
                yield from calls(part)
        case Negative(operand=operand):
            yield from calls(operand)
        case Binary(left=left, right=right):
            yield from calls(left)
            yield from calls(right)
        case _:
            return


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._level(0)
        if self._at < len(self._tokens):
            raise MathError(f"Unexpected '{self._tokens[self._at]}'")
        return node

    def _level(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._signed()
        node = self._level(level + 1)
        while self._peek() in _LEVELS[level]:
            operator = self._take()
            node = Binary(_SAME.get(operator, operator), node, self._level(level + 1))
        return node

    def _signed(self) -> Node:
        if self._peek() in ("-", "+"):
            sign = self._take()
            self._deeper()
            operand = self._signed()
            self._depth -= 1
            return Negative(operand) if sign == "-" else operand
        base = self._operand()
        if self._peek() == "^":
            self._take()
            self._deeper()
            exponent = self._signed()
            self._depth -= 1
            return Binary("^", base, exponent)
        return base

    def _operand(self) -> Node:
        token = self._take()
        if token == "(":
            return self._enclosed(")")[0]
        if token == "[":
            return Array(tuple(self._enclosed("]", many=True)))
        if token[0] in "\"'":
            return Text(token[1:-1])
        if token[0].isdigit() or token[0] == ".":
            return Number(float(token))
        if not token[0].isalpha():
            raise MathError(f"Unexpected '{token}'")
        if self._peek() != "(":
            return Name(token)
        self._take()
        if self._peek() == ")":
            self._take()
            return Call(token, ())
        return Call(token, tuple(self._enclosed(")", many=True)))

    def _enclosed(self, end: str, *, many: bool = False) -> list[Node]:
        self._deeper()
        items = [self._level(0)]
        while many and self._peek() == ",":
            self._take()
            items.append(self._level(0))
        if self._peek() != end:
            found = self._peek()
            raise MathError(f"Missing '{end}'" + (f" before '{found}'" if found else ""))
        self._take()
        self._depth -= 1
        return items

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise MathError(f"Nested more than {MAX_DEPTH} deep")

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        if self._at >= len(self._tokens):
            raise MathError("Unexpected end of expression")
        self._at += 1
        return self._tokens[self._at - 1]


def _tokens(text: str) -> Iterator[str]:
    place = 0
    while text[place:].strip():
        found = _TOKEN.match(text, place)
        if found is None:
            raise MathError(f"Unexpected character '{text[place:].strip()[0]}'")
        yield found[0].strip()
        place = found.end()
