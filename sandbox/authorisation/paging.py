"""Pages of IAM's lists: MaxItems at most, and a Marker while there is more.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html (MaxItems, Marker)
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.authorisation.context_keys import invalid
from sandbox.gateway.call import AwsError

_PAGE = 100
_MAX_PAGE = 1_000


def bounds(params: Mapping[str, Any], count: int) -> tuple[int, int]:
    """Where the page that is asked for begins, and how many items it may have; AwsError for a page that is none."""
    return _start(params.get("Marker"), count), _size(params.get("MaxItems"))


def more(end: int, count: int) -> dict[str, Any]:
    """IsTruncated of a page that ends at `end`, and the Marker of the next one."""
    if end >= count:
        return {"IsTruncated": False}
    return {"IsTruncated": True, "Marker": base64.b64encode(f"from:{end}".encode()).decode()}


def page(params: Mapping[str, Any], items: Sequence[Any], member: str) -> dict[str, Any]:
    """One page of `items` under `member`."""
    start, size = bounds(params, len(items))
    return {member: list(items[start : start + size]), **more(start + size, len(items))}


def _size(given: Any) -> int:
    if given is None:
        return _PAGE
    size = int(given)
    if not 1 <= size <= _MAX_PAGE:
        bound, word = (1, "greater") if size < 1 else (_MAX_PAGE, "less")
        raise AwsError(
            "ValidationError",
            f"1 validation error detected: Value '{size}' at 'maxItems' failed to satisfy constraint: Member must "
            f"have value {word} than or equal to {bound}",
        )
    return size


def _start(marker: Any, count: int) -> int:
    if not marker:
        return 0
    try:
        start = int(base64.b64decode(str(marker), validate=True).decode().removeprefix("from:"))
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise invalid(f"Invalid Marker {marker!r}: it is none that this operation gave.") from error
    if not 0 <= start < max(count, 1):
        raise invalid(f"Invalid Marker {marker!r}: it is none that this operation gave.")
    return start
