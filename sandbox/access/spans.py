"""Where each value of a JSON text stands: the text read into nodes that know their places.

`json` gives values without places, and reads what a policy may not have (duplicate names, NaN). This reader takes one
pass, keeps no call stack, and refuses what is nested deeper than any policy.
"""

from __future__ import annotations

import bisect
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

#: A policy's deepest value is a condition's, at level 7, and a long policy has some thousand values.
DEEPEST = 32
MOST_VALUES = 10_000

Scalar = str | int | float | bool | None

_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"')
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,307})(?:\.\d{1,307})?(?:[eE][-+]?\d{1,4})?", re.ASCII)
_WORDS: dict[str, Scalar] = {"true": True, "false": False, "null": None}
_WORD = re.compile(r"true|false|null")


class JsonError(ValueError):
    """A text that is no JSON, or not a policy's. `offset` is the place of the first character that does not fit."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(f"{reason} at offset {offset}")
        self.reason = reason
        self.offset = offset


class Position(NamedTuple):
    """A place in a text: lines count from 1, columns and offsets from 0."""

    line: int
    column: int
    offset: int


@dataclass(slots=True)
class Node:
    """A value and where it stands: from `start` up to, not including, `end`; quotes and brackets belong to it.

    `kind` is object, array, string, number, boolean or null. An object has `members`, an array `items`, any other a
    `value`.
    """

    kind: str
    start: int
    end: int
    value: Scalar = None
    members: dict[str, Member] = field(default_factory=dict)
    items: list[Node] = field(default_factory=list)

    def get(self, name: str) -> Node | None:
        """The member's value; None if the object has no such member, or if this is no object."""
        found = self.members.get(name)
        return found.value if found is not None else None

    def plain(self) -> Any:
        """The value as `json` would give it."""
        if self.kind == "object":
            return {name: member.value.plain() for name, member in self.members.items()}
        if self.kind == "array":
            return [item.plain() for item in self.items]
        return self.value

    def each(self) -> Iterator[tuple[int | None, Node]]:
        """The array's items with their numbers, or this very value with None: a policy takes both for a list."""
        if self.kind == "array":
            yield from enumerate(self.items)
        else:
            yield None, self


@dataclass(slots=True)
class Member:
    """A name in an object, where it stands, and its value."""

    name: str
    start: int
    end: int
    value: Node


def read(text: str) -> Node:
    """The text's value. JsonError for what is no JSON, and for what no policy is.

    That is: a name twice in one object, nesting beyond DEEPEST levels, more than MOST_VALUES values.
    """
    return _Reader(text).read()


class Lines:
    """The lines of a text, to tell positions."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def position(self, offset: int) -> Position:
        """The line and column of an offset."""
        line = bisect.bisect_right(self._starts, offset)
        return Position(line, offset - self._starts[line - 1], offset)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._values = 0

    def read(self) -> Node:
        top: Node | None = None
        # Each open object or array, with the member whose value comes next.
        open_nodes: list[tuple[Node, Member | None]] = []
        while True:
            value = self._opening_or_scalar(len(open_nodes))
            if not open_nodes:
                top = value
            else:
                self._put(*open_nodes[-1], value)
            if value.kind in ("object", "array") and value.end < 0:
                member = self._name(value) if value.kind == "object" else None
                open_nodes.append((value, member))
                continue
            while open_nodes:
                container, _ = open_nodes[-1]
                if self._next(container):
                    member = self._name(container) if container.kind == "object" else None
                    open_nodes[-1] = (container, member)
                    break
                open_nodes.pop()
            else:
                self._skip()
                if self._at < len(self._text):
                    raise JsonError("something follows the document", self._at)
                assert top is not None
                return top

    def _skip(self) -> str:
        found = _SPACE.match(self._text, self._at)
        assert found is not None
        self._at = found.end()
        return self._text[self._at : self._at + 1]

    def _opening_or_scalar(self, depth: int) -> Node:
        """A scalar, an empty object or array, or one that is now open (its end is -1)."""
        character = self._skip()
        start = self._at
        self._values += 1
        if self._values > MOST_VALUES:
            raise JsonError(f"more than {MOST_VALUES} values", start)
        if character in ("{", "["):
            if depth >= DEEPEST:
                raise JsonError(f"nested deeper than {DEEPEST} levels", start)
            self._at += 1
            node = Node("object" if character == "{" else "array", start, -1)
            if self._skip() == ("}" if character == "{" else "]"):
                self._at += 1
                node.end = self._at
            return node
        if character == '"':
            text = self._string()
            return Node("string", start, self._at, text)
        found = _WORD.match(self._text, start)
        if found:
            self._at = found.end()
            kind = "null" if found[0] == "null" else "boolean"
            return Node(kind, start, self._at, _WORDS[found[0]])
        found = _NUMBER.match(self._text, start)
        if not found:
            raise JsonError("a value is expected", start)
        self._at = found.end()
        return Node("number", start, self._at, json.loads(found[0]))

    def _string(self) -> str:
        found = _STRING.match(self._text, self._at)
        if not found:
            raise JsonError("a string does not end, or has a character or an escape that JSON does not know", self._at)
        self._at = found.end()
        inside = found[0]
        return str(json.loads(inside)) if "\\" in inside else inside[1:-1]

    def _name(self, container: Node) -> Member:
        if self._skip() != '"':
            raise JsonError("a name in quotes is expected", self._at)
        start = self._at
        name = self._string()
        end = self._at
        if name in container.members:
            raise JsonError(f"the name {name[:80]!r} stands twice in one object", start)
        if self._skip() != ":":
            raise JsonError("a colon is expected", self._at)
        self._at += 1
        return Member(name, start, end, container)

    @staticmethod
    def _put(container: Node, member: Member | None, value: Node) -> None:
        if member is None:
            container.items.append(value)
        else:
            member.value = value
            container.members[member.name] = member

    def _next(self, container: Node) -> bool:
        """Whether another value follows in the container; if not, it is closed."""
        character = self._skip()
        if character == ",":
            self._at += 1
            return True
        if character == ("}" if container.kind == "object" else "]"):
            self._at += 1
            container.end = self._at
            return False
        raise JsonError("a comma or the closing bracket is expected", self._at)
