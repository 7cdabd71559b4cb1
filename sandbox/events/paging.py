"""Lists in pages: Limit and NextToken."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from sandbox.events.errors import invalid, violated
from sandbox.gateway.call import Call

PAGE = 100


def page(call: Call, items: Sequence[Any]) -> tuple[Sequence[Any], dict[str, str]]:
    """The items of a page, and its NextToken if there is more."""
    limit = call.params.get("Limit") or PAGE
    if not 1 <= limit <= PAGE:
        raise violated(str(limit), "limit", f"Member must have value between 1 and {PAGE}")
    start = 0
    token = call.params.get("NextToken")
    if token:
        try:
            start = int(base64.urlsafe_b64decode(token.encode()))
        except ValueError as error:
            raise invalid("Invalid value for parameter NextToken.") from error
    end = start + limit
    more = {"NextToken": base64.urlsafe_b64encode(str(end).encode()).decode()} if end < len(items) else {}
    return items[start:end], more
