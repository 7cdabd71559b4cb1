"""Lists in pages, as Lambda's List operations give them: MaxItems at most, and a NextMarker while there is more."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.compute.errors import invalid


def page(params: Mapping[str, Any], items: Sequence[Any], member: str, most: int = 50) -> dict[str, Any]:
    """One page of `items` under `member`. `most` is the length of a page when the caller does not limit it."""
    start = _start(params.get("Marker"))
    end = start + min(int(params.get("MaxItems") or most), most)
    answer: dict[str, Any] = {member: list(items[start:end])}
    if end < len(items):
        answer["NextMarker"] = base64.b64encode(f"from:{end}".encode()).decode()
    return answer


def _start(marker: str | None) -> int:
    if not marker:
        return 0
    try:
        return int(base64.b64decode(marker, validate=True).decode().removeprefix("from:"))
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise invalid(f"The Marker {marker!r} is not one that a List operation gave.") from error
