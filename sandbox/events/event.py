"""An event on its way: its envelope, and what EventBridge knows of it besides.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """`content` is the envelope, as targets get it. `ingested` is when EventBridge got it, Unix seconds.

    `forwarded` says that it came from another bus, `trace` is the X-Amzn-Trace-Id header it came with.
    """

    content: Mapping[str, Any]
    ingested: float
    forwarded: bool = False
    trace: str = field(default="", compare=False)

    @property
    def id(self) -> str:
        return str(self.content["id"])


def make_event(
    source: str,
    detail_type: str,
    detail: Mapping[str, Any],
    *,
    account: str,
    region: str,
    at: float,
    ingested: float | None = None,
    resources: Sequence[str] = (),
    trace: str = "",
) -> Event:
    """A new event of an account; `at` is its time, Unix seconds, by default also that of its arrival."""
    content = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": account,
        "time": zulu(at),
        "region": region,
        "resources": list(resources),
        "detail": detail,
    }
    return Event(content, at if ingested is None else ingested, trace=trace)


def zulu(moment: float) -> str:
    """A time as events have it, in seconds."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
