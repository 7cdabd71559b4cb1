"""The operators of metric math, on numbers, time series and arrays of them.

Where two series meet, a missing value counts as 0; a point that would divide by 0 is dropped.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html#metric-math-syntax-arithmetic
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import replace

from sandbox.telemetry.math_expressions import MathError
from sandbox.telemetry.time_series import TimeSeries, Value


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


def apply(sign: str, left: Value, right: Value) -> Value:
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


def each(compute: Callable[[float], float | None], value: Value) -> Value:
    if isinstance(value, list):
        return [_mapped(compute, series) for series in value]
    if isinstance(value, TimeSeries):
        return _mapped(compute, value)
    result = compute(value)
    return math.nan if result is None else result


def _mapped(compute: Callable[[float], float | None], series: TimeSeries) -> TimeSeries:
    results = ((time, compute(value)) for time, value in series.points.items())
    return series.of({time: result for time, result in results if result is not None})
