"""What metric math works on: time series, and the range that a request covers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class TimeSeries:
    """Values by time (Unix seconds), ascending. `id` and `label` name the query that it came from; `metric` is set for
    a metric's own series.
    """

    points: Mapping[int, float]
    period: int
    id: str = ""
    label: str = ""
    metric: bool = False

    def of(self, points: Mapping[int, float]) -> TimeSeries:
        return replace(self, points=points, metric=False)


Value = float | TimeSeries | list[TimeSeries]


@dataclass(frozen=True, slots=True)
class Range:
    """What a request covers: Unix seconds, the end not included. `period` is that of series that expressions make."""

    start: int
    end: int
    period: int

    def slots(self, period: int, like: Iterable[int] = ()) -> range:
        """The times of all periods, in step with the points of `like` (a series), if it has any."""
        first = next(iter(like), self.start)
        return range(self.start + (first - self.start) % period, self.end, period)


def time_series(value: Value) -> list[TimeSeries] | None:
    """A result as series; None for a number, which no query may end in."""
    if isinstance(value, TimeSeries):
        return [value]
    return value if isinstance(value, list) else None
