"""Filter criteria: which records an event source mapping hands to its function.

The pattern language is EventBridge's: https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox.events.literals import load
from sandbox.events.patterns import InvalidPattern, Match, compile_pattern

__all__ = ["InvalidPattern", "Match", "compile_filter", "compile_sqs_filter"]

#: A mapping takes this many filters by default; any one that matches suffices.
MAX_FILTERS = 5
MAX_PATTERN_BYTES = 4096


def compile_filter(text: str) -> Match:
    """Read one pattern, a JSON text; InvalidPattern if it is none."""
    if len(text.encode()) > MAX_PATTERN_BYTES:
        raise InvalidPattern(f"a pattern has at most {MAX_PATTERN_BYTES} bytes")
    return compile_pattern(text)


def compile_sqs_filter(text: str) -> Match:
    """Read a pattern for SQS records, whose `body` is a text that may be JSON.

    A pattern of JSON under `body` drops bodies that are plain text, a pattern of plain values drops those that are
    JSON: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html
    """
    match = compile_filter(text)
    wants = json.loads(text).get("body")

    def fits(record: Mapping[str, Any]) -> bool:
        content = _content(record.get("body"))
        if not isinstance(content, (dict, list)):
            return not isinstance(wants, dict) and match(record)
        return not isinstance(wants, list) and match({**record, "body": content})

    return fits


def _content(body: Any) -> Any:
    try:
        return load(body)
    except (TypeError, ValueError, RecursionError):
        return body
