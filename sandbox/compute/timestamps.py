"""Times as Lambda writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def timestamp(unix_seconds: float) -> str:
    """`2026-11-21T09:30:00.123+0000`: LastModified and CreatedDate."""
    moment = datetime.fromtimestamp(unix_seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def zulu(unix_seconds: float) -> str:
    """`2026-11-21T09:30:00.123Z`: the times in records for destinations."""
    return timestamp(unix_seconds).replace("+0000", "Z")


def stream_date(unix_seconds: float) -> str:
    """`2026/11/21`: the beginning of a log stream's name."""
    return f"{datetime.fromtimestamp(unix_seconds, UTC):%Y/%m/%d}"
