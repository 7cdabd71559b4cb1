"""What a run of traffic keeps of its requests, and what can be counted from it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Record:
    """One request and its answer.

    `index` is its place in the order of sending, over all mixes; `offset` the seconds after the run's start at which
    it was due: both, like `customer`, are the seed's. `at` is the cloud's time of sending, `seconds` the wall time that
    its sender waited, both measured. `status` is HTTP's, 0 where no answer came. `version` is the one that ran, of a
    function's URL or an API unknown. `error` is empty on success, else the error in words.
    """

    index: int
    mix: str
    offset: float
    at: datetime
    customer: str
    status: int
    version: str
    seconds: float
    request_id: str
    error: str

    @property
    def ok(self) -> bool:
        """Whether it was answered without an error of the service or of the function."""
        return not self.error


@dataclass(frozen=True, slots=True)
class Bucket:
    """The requests of one mix that one version answered within a stretch of time.

    `start` is its beginning on the cloud's clock; `share` the part of all requests of the mix in that stretch, 0 to 1;
    `p50` and `p95` are latencies in seconds, measured.
    """

    start: datetime
    mix: str
    version: str
    requests: int
    failed: int
    share: float
    p50: float
    p95: float


def summary(records: Iterable[Record], every: float = 60.0) -> list[Bucket]:
    """The records counted by stretches of `every` seconds, mix and version, in this order. ValueError for no seconds.

    The stretches begin at multiples of `every` on the clock, as the periods of CloudWatch's metrics do.
    """
    if not every > 0:
        raise ValueError(f"stretches of {every!r} seconds: give a number above 0")
    groups: defaultdict[tuple[float, str, str], list[Record]] = defaultdict(list)
    totals: defaultdict[tuple[float, str], int] = defaultdict(int)
    for record in records:
        start = record.at.timestamp() // every * every
        groups[start, record.mix, record.version].append(record)
        totals[start, record.mix] += 1
    return [
        Bucket(
            start=datetime.fromtimestamp(start, UTC),
            mix=mix,
            version=version,
            requests=len(group),
            failed=sum(1 for record in group if not record.ok),
            share=len(group) / totals[start, mix],
            p50=percentile([record.seconds for record in group], 50),
            p95=percentile([record.seconds for record in group], 95),
        )
        for (start, mix, version), group in sorted(groups.items())
    ]


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of a hundred are not above (nearest rank). Values in any order."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]
