"""JSON whose numbers keep how they are written: an event pattern's 300 is not an event's 300.0 or 3.0e2.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
"""

from __future__ import annotations

import json
import math
from typing import Any


class WrittenFloat(float):
    """A number with a fraction or an exponent, and its text."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> WrittenFloat:
        made = super().__new__(cls, text)
        if math.isinf(made):
            raise ValueError(f"{text} is too large a number")
        made.text = text
        return made


def load(text: str | bytes) -> Any:
    """Read a JSON text; ValueError if it is none (NaN is not JSON), RecursionError for a very deep one."""
    return json.loads(text, parse_float=WrittenFloat, parse_constant=_refuse)


def literal(value: Any) -> str:
    """A string, number, true, false or null as it is written in JSON."""
    return value.text if isinstance(value, WrittenFloat) else json.dumps(value)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
