"""The functions of metric math whose arguments are values.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html#metric-math-syntax-functions-list
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from sandbox.telemetry.math_expressions import MathError, Node
from sandbox.telemetry.math_operators import each
from sandbox.telemetry.time_series import Range, TimeSeries, Value, time_series

AGGREGATES: Mapping[str, Callable[[Sequence[float]], float]] = {
    "AVG": lambda values: sum(values) / len(values),
    "MAX": max,
    "MIN": min,
    "STDDEV": statistics.pstdev,
    "SUM": math.fsum,
}


def _aggregate(covers: Range, function: str, values: Sequence[Value]) -> Value:
    """Over the points of a series a number; over the series of an array, at each time, a series."""
    aggregate = AGGREGATES[function]
    source = values[0]
    if isinstance(source, TimeSeries):
        return aggregate(list(source.points.values())) if source.points else 0.0
    found = expect_array(function, source)
    times = sorted({time for series in found for time in series.points})
    points: dict[int, float] = {}
    for time in times:
        here = [series.points[time] for series in found if time in series.points]
        # In the average of an array a missing value is a 0.
        points[time] = sum(here) / len(found) if function == "AVG" else aggregate(here)
    return TimeSeries(points, max((series.period for series in found), default=covers.period))


def _pointwise(compute: Callable[[float], float | None]) -> Plain:
    def apply(covers: Range, function: str, values: Sequence[Value]) -> Value:
        return each(compute, values[0])

    return apply


def _stepwise(compute: Callable[[int, float, int, float], float]) -> Plain:
    """From each point and the one before it."""

    def one(series: TimeSeries) -> TimeSeries:
        listed = list(series.points.items())
        return series.of(
            {
                time: compute(before, earlier, time, value)
                for (before, earlier), (time, value) in itertools.pairwise(listed)
            }
        )

    return _of_series(one)


def _of_series(one: Callable[[TimeSeries], TimeSeries]) -> Plain:
    def apply(covers: Range, function: str, values: Sequence[Value]) -> Value:
        found = [one(series) for series in arrays(function, values[0])]
        return found if isinstance(values[0], list) else found[0]

    return apply


def _running_sum(series: TimeSeries) -> TimeSeries:
    total = 0.0
    points: dict[int, float] = {}
    for time, value in series.points.items():
        total += value
        points[time] = total
    return series.of(points)


def _of_time(part: Callable[[datetime], float]) -> Plain:
    def apply(covers: Range, function: str, values: Sequence[Value]) -> Value:
        series = values[0]
        if not isinstance(series, TimeSeries):
            raise MathError(f"{function} takes a time series")
        slots = covers.slots(series.period, series.points)
        return series.of({time: float(part(datetime.fromtimestamp(time, UTC))) for time in slots})

    return apply


def _datapoint_count(covers: Range, function: str, values: Sequence[Value]) -> Value:
    if isinstance(values[0], TimeSeries):
        return float(len(values[0].points))
    found = expect_array(function, values[0])
    points: dict[int, float] = {}
    for time in sorted({time for series in found for time in series.points}):
        points[time] = float(sum(1 for series in found if time in series.points))
    return TimeSeries(points, max((series.period for series in found), default=covers.period))


def _end(place: int) -> Plain:
    def apply(covers: Range, function: str, values: Sequence[Value]) -> Value:
        found = expect_array(function, values[0])
        return found[place] if found else TimeSeries({}, covers.period)

    return apply


def _metric_count(covers: Range, function: str, values: Sequence[Value]) -> Value:
    return float(len(expect_array(function, values[0])))


def _period(covers: Range, function: str, values: Sequence[Value]) -> Value:
    series = values[0]
    if not isinstance(series, TimeSeries) or not series.metric:
        raise MathError("PERIOD takes a metric")
    return float(series.period)


def _remove_empty(covers: Range, function: str, values: Sequence[Value]) -> Value:
    return [series for series in expect_array(function, values[0]) if series.points]


def _slice(covers: Range, function: str, values: Sequence[Value]) -> Value:
    found = expect_array(function, values[0])
    bounds = [int(expect_number(function, value)) for value in values[1:]]
    if any(bound < 0 for bound in bounds):
        raise MathError("SLICE takes places from 0 on")
    return found[bounds[0] :] if len(bounds) == 1 else found[bounds[0] : bounds[1]]


def _constant_series(covers: Range, function: str, values: Sequence[Value]) -> Value:
    number = expect_number(function, values[0])
    slots = covers.slots(covers.period) if math.isfinite(number) else ()
    return TimeSeries(dict.fromkeys(slots, number), covers.period)


def fill(covers: Range, series: TimeSeries, manner: str | None, filler: float | TimeSeries) -> TimeSeries:
    points: dict[int, float] = {}
    known = list(series.points)
    following = 0
    last: int | None = None
    for time in covers.slots(series.period, series.points):
        if time in series.points:
            points[time], last = series.points[time], time
            continue
        if manner is None:
            if not isinstance(filler, TimeSeries):
                points[time] = filler
            elif time in filler.points:
                points[time] = filler.points[time]
        elif last is not None and manner == "REPEAT":
            points[time] = series.points[last]
        elif last is not None:
            while following < len(known) and known[following] < time:
                following += 1
            if following < len(known):
                until = known[following]
                share = (time - last) / (until - last)
                points[time] = series.points[last] + share * (series.points[until] - series.points[last])
    return series.of(points)


Plain = Callable[[Range, str, Sequence[Value]], Value]

#: Least and most arguments, and the function itself.
FUNCTIONS: Mapping[str, tuple[int, int, Plain]] = {
    **dict.fromkeys(AGGREGATES, (1, 1, _aggregate)),
    "ABS": (1, 1, _pointwise(abs)),
    "CEIL": (1, 1, _pointwise(lambda value: float(math.ceil(value)))),
    "FLOOR": (1, 1, _pointwise(lambda value: float(math.floor(value)))),
    "LOG": (1, 1, _pointwise(lambda value: math.log(value) if value > 0 else None)),
    "LOG10": (1, 1, _pointwise(lambda value: math.log10(value) if value > 0 else None)),
    "DIFF": (1, 1, _stepwise(lambda before, earlier, time, value: value - earlier)),
    "DIFF_TIME": (1, 1, _stepwise(lambda before, earlier, time, value: float(time - before))),
    "RATE": (1, 1, _stepwise(lambda before, earlier, time, value: (value - earlier) / (time - before))),
    "RUNNING_SUM": (1, 1, _of_series(_running_sum)),
    "DATAPOINT_COUNT": (1, 1, _datapoint_count),
    "FIRST": (1, 1, _end(0)),
    "LAST": (1, 1, _end(-1)),
    "METRIC_COUNT": (1, 1, _metric_count),
    "PERIOD": (1, 1, _period),
    "REMOVE_EMPTY": (1, 1, _remove_empty),
    "SLICE": (2, 3, _slice),
    "TIME_SERIES": (1, 1, _constant_series),
    "MINUTE": (1, 1, _of_time(lambda moment: moment.minute)),
    "HOUR": (1, 1, _of_time(lambda moment: moment.hour)),
    # Monday is 1, Sunday 7.
    "DAY": (1, 1, _of_time(lambda moment: moment.isoweekday())),
    "DATE": (1, 1, _of_time(lambda moment: moment.day)),
    "MONTH": (1, 1, _of_time(lambda moment: moment.month)),
    "YEAR": (1, 1, _of_time(lambda moment: moment.year)),
    "EPOCH": (1, 1, _of_time(lambda moment: moment.timestamp())),
}


# -- what arguments must be -----------------------------------------------------------------------------------


def expect_count(function: str, arguments: Sequence[Node], least: int, most: int) -> None:
    if not least <= len(arguments) <= most:
        wanted = f"{least}" if least == most else f"{least} to {most}"
        raise MathError(f"{function} takes {wanted} argument{'' if wanted == '1' else 's'}, not {len(arguments)}")


def arrays(function: str, value: Value) -> list[TimeSeries]:
    found = time_series(value)
    if found is None:
        raise MathError(f"{function} takes a time series or an array of them, not a number")
    return found


def expect_array(function: str, value: Value) -> list[TimeSeries]:
    if not isinstance(value, list):
        raise MathError(f"{function} takes an array of time series")
    return value


def expect_number(function: str, value: Value) -> float:
    if isinstance(value, list | TimeSeries):
        raise MathError(f"{function} takes a number")
    return value


def many(value: Value) -> list[TimeSeries]:
    found = time_series(value)
    if found is None:
        raise MathError("An array holds time series, not numbers")
    return found
