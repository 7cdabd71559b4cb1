"""Where the statements of a policy stand in its text, in lines and columns, as IAM's policy simulator tells it.

A statement begins where the parser stands before it: behind the `[` of the list, behind the `}` of the statement before
it, or, for a single statement that is no list, behind its own `{`. It ends behind its `}`. Lines and columns count
from 1. This is what the examples show, and agrees with recorded answers for AWS managed policies:
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html#API_SimulatePrincipalPolicy_Examples
https://docs.aws.amazon.com/cli/latest/reference/iam/simulate-custom-policy.html#examples
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.access.spans import Lines, Node, read


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a text; line and column count from 1."""

    line: int
    column: int

    def shape(self) -> dict[str, Any]:
        """The Position structure of IAM."""
        return {"Line": self.line, "Column": self.column}


@functools.lru_cache(maxsize=64)
def statement_positions(text: str) -> tuple[tuple[Position, Position], ...]:
    """Start and end of each statement of a policy's JSON text, in order. JsonError for a text that is none."""
    statements = read(text).get("Statement")
    if statements is None:
        return ()
    lines = Lines(text)

    def position(offset: int) -> Position:
        found = lines.position(offset)
        return Position(found.line, found.column + 1)

    return tuple((position(start), position(end)) for start, end in _spans(statements))


def _spans(statements: Node) -> Iterator[tuple[int, int]]:
    before = statements.start + 1
    for _, statement in statements.each():
        yield before, statement.end
        before = statement.end
