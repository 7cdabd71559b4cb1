"""A function whose releases can be told apart: the round writes another release into a copy of this file."""

from __future__ import annotations

from typing import Any

RELEASE = "first"


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return {"release": RELEASE, "version": context.function_version, "memory_mb": int(context.memory_limit_in_mb)}
