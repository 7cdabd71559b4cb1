"""Lists in pages, as CodeDeploy's List operations give them: a nextToken while there is more."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.delivery.errors import error

#: https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html
LENGTH = 100


def page(params: Mapping[str, Any], items: Sequence[Any], member: str) -> dict[str, Any]:
    """One page of `items` under `member`. InvalidNextTokenException for a token that no list gave."""
    start = _start(params.get("nextToken"))
    end = start + LENGTH
    answer: dict[str, Any] = {member: list(items[start:end])}
    if end < len(items):
        answer["nextToken"] = base64.b64encode(f"from:{end}".encode()).decode()
    return answer


def _start(token: str | None) -> int:
    if not token:
        return 0
    try:
        return int(base64.b64decode(token, validate=True).decode().removeprefix("from:"))
    except (binascii.Error, UnicodeDecodeError, ValueError) as failure:
        raise error("InvalidNextToken", f"The next token {token!r} was specified in an invalid format.") from failure
