"""Metric math: what expressions make of time series.

A value is a number, a time series, or an array of them. Where two series meet, a missing value counts as 0; a point
that would divide by 0 is dropped.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import itertools
import math
import operator
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sandbox.telemetry.math_expressions import (
    Array,
    Binary,
    Call,
    MathError,
    Name,
    Negative,
    Node,
    Number,
    Text,
)


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


#: Functions of AWS that are not built, each with the reason.
REFUSED: Mapping[str, str] = {
    "ANOMALY_DETECTION_BAND": "anomaly detection is not part of this sandbox",
    "DB_PERF_INSIGHTS": "Performance Insights is not part of this sandbox",
    "INSIGHT_RULE_METRIC": "Contributor Insights is not part of this sandbox",
    "LAMBDA": "Lambda data sources are not part of this sandbox",
    "SEARCH": "search expressions are not part of this sandbox",
    "SERVICE_QUOTA": "usage metrics are not part of this sandbox",
}


@dataclass(slots=True)
class Calculation:
    """Computes trees over the series of one request. `values` holds the results of all other queries, by id."""

    covers: Range
    values: Mapping[str, Value]
    metrics: Sequence[TimeSeries] = field(default_factory=list)

    def value(self, node: Node) -> Value:
        """What a tree comes to; MathError if it can't be."""
        match node:
            case Number(value=number):
                return number
            case Name(name=name):
                return self._named(name)
            case Array(items=items):
                return [series for item in items for series in _many(self.value(item))]
            case Negative(operand=operand):
                return _each(operator.neg, self.value(operand))
            case Binary(operator=sign, left=left, right=right):
                return _apply(sign, self.value(left), self.value(right))
            case Call(function=function, arguments=arguments):
                return self._call(function, arguments)
            case Text(value=text):
                raise MathError(f"A text is no operand: '{text}'")

    def _named(self, name: str) -> Value:
        if name not in self.values:
            raise MathError(f"Undefined metric or expression '{name}'")
        return self.values[name]

    def _call(self, function: str, arguments: Sequence[Node]) -> Value:
        if function in REFUSED:
            raise MathError(f"{function} is not supported: {REFUSED[function]}")
        if function in _FORMS:
            least, most, form = _FORMS[function]
            _expect_count(function, arguments, least, most)
            return form(self, function, arguments)
        if function not in _FUNCTIONS:
            raise MathError(f"Unknown function '{function}'")
        least, most, plain = _FUNCTIONS[function]
        _expect_count(function, arguments, least, most)
        return plain(self.covers, function, [self.value(each) for each in arguments])

    # -- functions that look at their arguments' text --------------------------------------------------------------

    def _metrics(self, function: str, arguments: Sequence[Node]) -> Value:
        part = ""
        if arguments:
            if not isinstance(arguments[0], Text):
                raise MathError("METRICS takes a text in quotation marks")
            part = arguments[0].value
        return [series for series in self.metrics if part in series.id]

    def _fill(self, function: str, arguments: Sequence[Node]) -> Value:
        source, by = self.value(arguments[0]), arguments[1]
        manner = by.name if isinstance(by, Name) and by.name in ("REPEAT", "LINEAR") else None
        filler: Value = 0.0 if manner else self.value(by)
        if isinstance(filler, list):
            raise MathError("FILL takes a number, a time series, REPEAT or LINEAR as its filler")
        filled = [_filled(self.covers, series, manner, filler) for series in _arrays(function, source)]
        return filled if isinstance(source, list) else filled[0]

    def _if(self, function: str, arguments: Sequence[Node]) -> Value:
        condition, then = self.value(arguments[0]), self.value(arguments[1])
        other = self.value(arguments[2]) if len(arguments) > 2 else None
        if isinstance(condition, list) or isinstance(then, list) or isinstance(other, list):
            raise MathError("IF does not take arrays of time series")
        if not isinstance(condition, TimeSeries):
            chosen = then if condition else other
            if chosen is None:
                return TimeSeries({}, self.covers.period)
            return chosen
        points: dict[int, float] = {}
        for time, decides in condition.points.items():
            if decides:
                # A missing point of the true value counts as 0.
                points[time] = then.points.get(time, 0.0) if isinstance(then, TimeSeries) else then
            elif isinstance(other, TimeSeries):
                if time in other.points:
                    points[time] = other.points[time]
            elif other is not None:
                points[time] = other
        return condition.of(points)

    def _sort(self, function: str, arguments: Sequence[Node]) -> Value:
        by, order = arguments[1], arguments[2]
        if not isinstance(by, Name) or by.name not in ("AVG", "MIN", "MAX", "SUM"):
            raise MathError("SORT sorts by AVG, MIN, MAX or SUM")
        if not isinstance(order, Name) or order.name not in ("ASC", "DESC"):
            raise MathError("SORT sorts in the order ASC or DESC")
        aggregate = _AGGREGATES[by.name]
        found = _expect_array(function, self.value(arguments[0]))
        down = order.name == "DESC"
        filled = [series for series in found if series.points]
        filled.sort(key=lambda series: aggregate(list(series.points.values())), reverse=down)
        result = filled + [series for series in found if not series.points]
        if len(arguments) > 3:
            result = result[: int(_expect_number(function, self.value(arguments[3])))]
        return result


def time_series(value: Value) -> list[TimeSeries] | None:
    """A result as series; None for a number, which no query may end in."""
    if isinstance(value, TimeSeries):
        return [value]
    return value if isinstance(value, list) else None


# -- operators ---------------------------------------------------------------------------------------------------


def _power(base: float, exponent: float) -> float | None:
    try:
        result = base**exponent
    except (OverflowError, ZeroDivisionError):
        return None
    return None if isinstance(result, complex) else result


_OPERATORS: Mapping[str, Callable[[float, float], float | None]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda left, right: left / right if right else None,
    "^": _power,
    "==": lambda left, right: float(left == right),
    "!=": lambda left, right: float(left != right),
    "<": lambda left, right: float(left < right),
    ">": lambda left, right: float(left > right),
    "<=": lambda left, right: float(left <= right),
    ">=": lambda left, right: float(left >= right),
    "AND": lambda left, right: float(bool(left) and bool(right)),
    "OR": lambda left, right: float(bool(left) or bool(right)),
}


def _apply(sign: str, left: Value, right: Value) -> Value:
    compute = _OPERATORS[sign]
    if isinstance(left, list) and isinstance(right, list):
        raise MathError(f"The operator {sign} does not take two arrays of time series")
    if isinstance(left, list):
        return [_pair(compute, series, right) for series in left]  # type: ignore[arg-type]
    if isinstance(right, list):
        return [replace(_pair(compute, left, series), id=series.id, label=series.label) for series in right]
    if isinstance(left, TimeSeries) or isinstance(right, TimeSeries):
        return _pair(compute, left, right)
    result = compute(left, right)
    # No number: with it, points have no value.
    return math.nan if result is None else result


def _pair(
    compute: Callable[[float, float], float | None], left: float | TimeSeries, right: float | TimeSeries
) -> TimeSeries:
    points: dict[int, float] = {}
    if isinstance(left, TimeSeries) and isinstance(right, TimeSeries):
        ones, others = left.points, right.points
        times = ones if ones.keys() == others.keys() else sorted(ones.keys() | others.keys())
        for time in times:
            result = compute(ones.get(time, 0.0), others.get(time, 0.0))
            if result is not None and math.isfinite(result):
                points[time] = result
        return replace(left.of(points), period=max(left.period, right.period))
    series = left if isinstance(left, TimeSeries) else right
    assert isinstance(series, TimeSeries)
    for time, value in series.points.items():
        one, other = (value, right) if series is left else (left, value)
        result = compute(one, other)  # type: ignore[arg-type]
        if result is not None and math.isfinite(result):
            points[time] = result
    return series.of(points)


def _each(compute: Callable[[float], float | None], value: Value) -> Value:
    if isinstance(value, list):
        return [_mapped(compute, series) for series in value]
    if isinstance(value, TimeSeries):
        return _mapped(compute, value)
    result = compute(value)
    return math.nan if result is None else result


def _mapped(compute: Callable[[float], float | None], series: TimeSeries) -> TimeSeries:
    results = ((time, compute(value)) for time, value in series.points.items())
    return series.of({time: result for time, result in results if result is not None})


# -- functions ---------------------------------------------------------------------------------------------------

_AGGREGATES: Mapping[str, Callable[[Sequence[float]], float]] = {
    "AVG": lambda values: sum(values) / len(values),
    "MAX": max,
    "MIN": min,
    "STDDEV": statistics.pstdev,
    "SUM": math.fsum,
}


def _aggregate(covers: Range, function: str, values: Sequence[Value]) -> Value:
    """Over the points of a series a number; over the series of an array, at each time, a series."""
    aggregate = _AGGREGATES[function]
    source = values[0]
    if isinstance(source, TimeSeries):
        return aggregate(list(source.points.values())) if source.points else 0.0
    found = _expect_array(function, source)
    times = sorted({time for series in found for time in series.points})
    points: dict[int, float] = {}
    for time in times:
        here = [series.points[time] for series in found if time in series.points]
        # In the average of an array a missing value is a 0.
        points[time] = sum(here) / len(found) if function == "AVG" else aggregate(here)
    return TimeSeries(points, max((series.period for series in found), default=covers.period))


def _pointwise(compute: Callable[[float], float | None]) -> _Plain:
    def apply(covers: Range, function: str, values: Sequence[Value]) -> Value:
        return _each(compute, values[0])

    return apply


def _stepwise(compute: Callable[[int, float, int, float], float]) -> _Plain:
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


def _of_series(one: Callable[[TimeSeries], TimeSeries]) -> _Plain:
    def apply(covers: Range, function: str, values: Sequence[Value]) -> Value:
        found = [one(series) for series in _arrays(function, values[0])]
        return found if isinstance(values[0], list) else found[0]

    return apply


def _running_sum(series: TimeSeries) -> TimeSeries:
    total = 0.0
    points: dict[int, float] = {}
    for time, value in series.points.items():
        total += value
        points[time] = total
    return series.of(points)


def _of_time(part: Callable[[datetime], float]) -> _Plain:
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
    found = _expect_array(function, values[0])
    points: dict[int, float] = {}
    for time in sorted({time for series in found for time in series.points}):
        points[time] = float(sum(1 for series in found if time in series.points))
    return TimeSeries(points, max((series.period for series in found), default=covers.period))


def _end(place: int) -> _Plain:
    def apply(covers: Range, function: str, values: Sequence[Value]) -> Value:
        found = _expect_array(function, values[0])
        return found[place] if found else TimeSeries({}, covers.period)

    return apply


def _metric_count(covers: Range, function: str, values: Sequence[Value]) -> Value:
    return float(len(_expect_array(function, values[0])))


def _period(covers: Range, function: str, values: Sequence[Value]) -> Value:
    series = values[0]
    if not isinstance(series, TimeSeries) or not series.metric:
        raise MathError("PERIOD takes a metric")
    return float(series.period)


def _remove_empty(covers: Range, function: str, values: Sequence[Value]) -> Value:
    return [series for series in _expect_array(function, values[0]) if series.points]


def _slice(covers: Range, function: str, values: Sequence[Value]) -> Value:
    found = _expect_array(function, values[0])
    bounds = [int(_expect_number(function, value)) for value in values[1:]]
    if any(bound < 0 for bound in bounds):
        raise MathError("SLICE takes places from 0 on")
    return found[bounds[0] :] if len(bounds) == 1 else found[bounds[0] : bounds[1]]


def _constant_series(covers: Range, function: str, values: Sequence[Value]) -> Value:
    number = _expect_number(function, values[0])
    slots = covers.slots(covers.period) if math.isfinite(number) else ()
    return TimeSeries(dict.fromkeys(slots, number), covers.period)


def _filled(covers: Range, series: TimeSeries, manner: str | None, filler: float | TimeSeries) -> TimeSeries:
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


_Plain = Callable[[Range, str, Sequence[Value]], Value]
_Form = Callable[[Calculation, str, Sequence[Node]], Value]

#: Least and most arguments, and the function itself.
_FUNCTIONS: Mapping[str, tuple[int, int, _Plain]] = {
    **dict.fromkeys(_AGGREGATES, (1, 1, _aggregate)),
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
_FORMS: Mapping[str, tuple[int, int, _Form]] = {
    "FILL": (2, 2, Calculation._fill),
    "IF": (2, 3, Calculation._if),
    "METRICS": (0, 1, Calculation._metrics),
    "SORT": (3, 4, Calculation._sort),
}


# -- what arguments must be --------------------------------------------------------------------------------------


def _expect_count(function: str, arguments: Sequence[Node], least: int, most: int) -> None:
    if not least <= len(arguments) <= most:
        wanted = f"{least}" if least == most else f"{least} to {most}"
        raise MathError(f"{function} takes {wanted} argument{'' if wanted == '1' else 's'}, not {len(arguments)}")


def _arrays(function: str, value: Value) -> list[TimeSeries]:
    found = time_series(value)
    if found is None:
        raise MathError(f"{function} takes a time series or an array of them, not a number")
    return found


def _expect_array(function: str, value: Value) -> list[TimeSeries]:
    if not isinstance(value, list):
        raise MathError(f"{function} takes an array of time series")
    return value


def _expect_number(function: str, value: Value) -> float:
    if isinstance(value, list | TimeSeries):
        raise MathError(f"{function} takes a number")
    return value


def _many(value: Value) -> list[TimeSeries]:
    found = time_series(value)
    if found is None:
        raise MathError("An array holds time series, not numbers")
    return found
