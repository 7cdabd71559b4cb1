"""Regular expressions that a learner wrote, in a template or for an API: matched for a limited time.

One that backtracks without end, such as `(a+)+` on a long text, would stop the whole sandbox.
"""

from __future__ import annotations

import functools
import math
import re
from typing import Any

import regex

#: Seconds that one match may take.
PATIENCE = 1.0
#: Characters that an expression may ask for by its counts, `(a{10}){10}` for 100: they are written out in memory.
MAX_COUNTED = 100_000

_COUNT = re.compile(r"(.)\{(\d+)", re.DOTALL)


class InvalidExpression(ValueError):
    """The text is no regular expression, or one that costs too much; the message says why."""


class TooCostly(InvalidExpression):
    """An expression that is too large or too slow to be matched here."""


def fits(pattern: str, text: str) -> bool:
    """Whether the whole text matches. InvalidExpression, TooCostly."""
    return _timely(pattern, _compiled(pattern).fullmatch, text)


def is_in(pattern: str, text: str) -> bool:
    """Whether some part of the text matches. InvalidExpression, TooCostly."""
    return _timely(pattern, _compiled(pattern).search, text)


def _timely(pattern: str, match: Any, text: str) -> bool:
    try:
        return match(text, timeout=PATIENCE) is not None
    except TimeoutError as late:
        raise TooCostly(
            f"the regular expression {pattern} can't be matched with a text of {len(text)} characters in {PATIENCE:g} s"
        ) from late


@functools.lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    groups, others = 1.0, [1.0]
    for before, count in _COUNT.findall(pattern):
        times = float(count) if len(count) < 9 else math.inf
        if before in ")}":
            groups *= max(times, 1)
        else:
            others.append(times)
    if groups * max(others) > MAX_COUNTED:
        raise TooCostly(f"the counts of the regular expression {pattern} come to more than {MAX_COUNTED}")
    try:
        return regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError) as found:
        raise InvalidExpression(f"{pattern} is no regular expression: {found}") from found
