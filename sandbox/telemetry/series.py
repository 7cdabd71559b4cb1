"""A metric's data: what was put, gathered by minute (and by second where that was asked for).

How long data is kept, and how fine: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
(seconds for 3 hours, minutes for 15 days, five minutes for 63 days, hours for 455 days).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import NamedTuple

_SIZES = tuple(f"{prefix}{unit}" for unit in ("ytes", "its") for prefix in ("B", "Kilob", "Megab", "Gigab", "Terab"))

#: The units that CloudWatch knows.
UNITS = frozenset(("Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "Count/Second", "None", *_SIZES)) | {
    f"{size}/Second" for size in _SIZES
}

#: A bucket keeps this many different values as they are; from then on it rounds to three significant digits, so a
#: percentile of more values than that is exact to 0.5 %. Count, sum, minimum and maximum are always exact.
EXACT_VALUES = 512

HOUR, DAY = 3600, 86_400
SECONDS_KEPT = 3 * HOUR
MINUTES_KEPT = 15 * DAY
FIVE_MINUTES_KEPT = 63 * DAY
HOURS_KEPT = 455 * DAY

_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100(?:\.0{1,10})?)")
_LIMIT = 2.0**360


def is_storable(value: float) -> bool:
    """Whether CloudWatch takes `value`: a number between -2**360 and 2**360."""
    return -_LIMIT <= value <= _LIMIT


def percentile_of(statistic: str) -> float | None:
    """The number in a statistic like p99 or p99.9; None for any other statistic."""
    found = _PERCENTILE.fullmatch(statistic)
    return float(found[1]) if found else None


class Bucket:
    """The values of one stretch of time, added up."""

    __slots__ = ("_rounded", "count", "high", "low", "total", "values")

    def __init__(self) -> None:
        self.count = 0.0
        self.total = 0.0
        self.low = float("inf")
        self.high = float("-inf")
        #: How often each value came; None once something was put of which only a summary is known.
        self.values: dict[float, float] | None = {}
        self._rounded = False

    def add(self, value: float, count: float = 1.0) -> None:
        self.count += count
        self.total += value * count
        if value < self.low:
            self.low = value
        if value > self.high:
            self.high = value
        values = self.values
        if values is not None:
            if self._rounded:
                value = float(f"{value:.3g}")
            values[value] = values.get(value, 0.0) + count
            if len(values) > EXACT_VALUES and not self._rounded:
                self._round()

    def add_summary(self, count: float, total: float, low: float, high: float) -> None:
        """A statistic set. Percentiles survive it only if it stands for one value (a rule of CloudWatch)."""
        if count == 1 or low == high:
            self.add(low, count)
            return
        self.count += count
        self.total += total
        self.low = min(self.low, low)
        self.high = max(self.high, high)
        self.values = None

    def merge(self, other: Bucket) -> None:
        self.count += other.count
        self.total += other.total
        self.low = min(self.low, other.low)
        self.high = max(self.high, other.high)
        if self.values is None or other.values is None:
            self.values = None
            return
        for value, count in other.values.items():
            self.values[value] = self.values.get(value, 0.0) + count

    def statistic(self, name: str) -> float | None:
        """SampleCount, Sum, Average, Minimum, Maximum or a percentile; None where there is no such figure."""
        match name:
            case "SampleCount":
                return self.count
            case "Sum":
                return self.total
            case "Average":
                return self.total / self.count
            case "Minimum":
                return self.low
            case "Maximum":
                return self.high
            case _:
                rank = percentile_of(name)
                return None if rank is None else self.percentile(rank)

    def percentile(self, rank: float) -> float | None:
        """The smallest value that at least `rank` per cent of the values don't exceed.

        None if a summary was put or a value is negative: CloudWatch has no percentiles then.
        """
        if self.values is None or self.low < 0:
            return None
        due = self.count * rank / 100
        passed = 0.0
        for value in sorted(self.values):
            passed += self.values[value]
            if passed >= due - 1e-9:
                return min(max(value, self.low), self.high)
        return self.high

    def _round(self) -> None:
        rounded: dict[float, float] = {}
        for value, count in (self.values or {}).items():
            near = float(f"{value:.3g}")
            rounded[near] = rounded.get(near, 0.0) + count
        self.values = rounded
        self._rounded = True


class SeriesKey(NamedTuple):
    """What tells one series from another. `dimensions` is sorted by name."""

    account: str
    region: str
    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    unit: str


class Series:
    """One metric under one dimension set in one unit."""

    __slots__ = ("_tidy_at", "key", "last", "minutes", "seconds")

    def __init__(self, key: SeriesKey) -> None:
        self.key = key
        self.minutes: dict[int, Bucket] = {}
        self.seconds: dict[int, Bucket] = {}
        #: The time of the newest datapoint, Unix seconds.
        self.last = float("-inf")
        self._tidy_at = 4096

    def minute(self, at: float) -> Bucket:
        """The bucket of the minute that `at` (Unix seconds) lies in."""
        if at > self.last:
            self.last = at
        time = int(at) // 60 * 60
        bucket = self.minutes.get(time)
        if bucket is None:
            if len(self.minutes) >= self._tidy_at:
                self._tidy()
            bucket = self.minutes[time] = Bucket()
        return bucket

    def second(self, at: float) -> Bucket:
        """The bucket of the second that `at` lies in: for data put at high resolution, beside its minute."""
        time = int(at)
        bucket = self.seconds.get(time)
        if bucket is None:
            if len(self.seconds) >= 2 * SECONDS_KEPT:
                self._tidy()
            bucket = self.seconds[time] = Bucket()
        return bucket

    def read(self, start: int, end: int, period: int, now: float) -> dict[int, Bucket]:
        """Buckets of `period` seconds, counted from `start`, by the time each begins; `end` is not included.

        What is older than its resolution is kept for is left out.
        """
        oldest = now - _kept_for(period)
        source = self.seconds if period < 60 and self.seconds else self.minutes
        found: dict[int, Bucket] = {}
        first = max(start, math.ceil(oldest))
        step = 1 if source is self.seconds else 60
        if (end - first) // step < len(source):
            times: Iterable[int] = (time for time in range(-(-first // step) * step, end, step) if time in source)
        else:
            times = sorted(time for time in source if first <= time < end)
        for time in times:
            slot = start + (time - start) // period * period
            if slot not in found:
                found[slot] = Bucket()
            found[slot].merge(source[time])
        return found

    def _tidy(self) -> None:
        """Make old data as coarse as CloudWatch does, and drop the oldest."""
        now = self.last
        self.seconds = {time: bucket for time, bucket in self.seconds.items() if time >= now - SECONDS_KEPT}
        kept: dict[int, Bucket] = {}
        for time in sorted(self.minutes):
            age = now - time
            if age > HOURS_KEPT:
                continue
            step = 60 if age <= MINUTES_KEPT else 300 if age <= FIVE_MINUTES_KEPT else 3600
            slot = time // step * step
            if slot in kept:
                kept[slot].merge(self.minutes[time])
            else:
                kept[slot] = self.minutes[time]
        self.minutes = kept
        self._tidy_at = 2 * len(self.minutes) + 4096


def merged(readings: Iterable[dict[int, Bucket]]) -> dict[int, Bucket]:
    """Several series read alike, as one."""
    found: dict[int, Bucket] = {}
    for reading in readings:
        for time, bucket in reading.items():
            if time in found:
                found[time].merge(bucket)
            else:
                found[time] = bucket
    return found


def _kept_for(period: int) -> int:
    if period < 60:
        return SECONDS_KEPT
    if period % 3600 == 0:
        return HOURS_KEPT
    return FIVE_MINUTES_KEPT if period % 300 == 0 else MINUTES_KEPT
