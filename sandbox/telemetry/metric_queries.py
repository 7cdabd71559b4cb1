"""Metric data queries: metrics to read and expressions over them, checked together and computed together.

GetMetricData and alarms on metric math use the same.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sandbox.telemetry import math_expressions
from sandbox.telemetry.math_expressions import MathError, Node
from sandbox.telemetry.metric_math import REFUSED, Calculation
from sandbox.telemetry.time_series import Range, TimeSeries, Value, time_series

Dimensions = tuple[tuple[str, str], ...]

_INSIGHTS = re.compile(r"\s*SELECT\s", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MetricStat:
    """A metric, and which of its statistics to read. `dimensions` are sorted; `period` is in seconds."""

    namespace: str
    name: str
    dimensions: Dimensions
    period: int
    statistic: str
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """One entry: `stat` for a metric, else `tree` for an expression, whose text is `expression`."""

    id: str
    stat: MetricStat | None = None
    expression: str = ""
    tree: Node | None = None
    label: str | None = None
    period: int | None = None
    returned: bool = True


#: Reads a metric, by the time each period begins.
Read = Callable[[MetricStat], dict[int, float]]
#: What a request covers, for results of a period.
Cover = Callable[[int], Range]


def parse_expression(query_id: str, text: str) -> Node:
    """The tree of a query's expression; MathError as CloudWatch words it."""
    if _INSIGHTS.match(text):
        raise MathError(f"Error in expression '{query_id}': Metrics Insights queries are not part of this sandbox")
    try:
        tree = math_expressions.parse(text)
        for function in math_expressions.calls(tree):
            if function in REFUSED:
                raise MathError(f"{function} is not supported: {REFUSED[function]}")
    except MathError as error:
        raise MathError(f"Error in expression '{query_id}': {error}") from error
    return tree


def check(queries: Sequence[Query]) -> dict[str, Value]:
    """MathError if the expressions can't be computed whatever the data is. Their results over no data, by id."""
    return compute(queries, lambda stat: {}, lambda period: Range(0, 0, period))


def compute(queries: Sequence[Query], read: Read, cover: Cover) -> dict[str, Value]:
    """The result of each query, by its id: a series, or an array of them."""
    results: dict[str, Value] = {}
    metrics: list[TimeSeries] = []
    finest = min((query.stat.period for query in queries if query.stat is not None), default=60)
    for query in queries:
        if query.stat is not None:
            label = query.label or query.stat.name
            series = TimeSeries(read(query.stat), query.stat.period, query.id, label, metric=True)
            metrics.append(series)
            results[query.id] = series
    by_id = {query.id: query for query in queries}
    for query in queries:
        if query.tree is not None:
            _resolve(query, by_id, results, metrics, cover, finest, ())
    return results


def _resolve(
    query: Query,
    by_id: dict[str, Query],
    results: dict[str, Value],
    metrics: Sequence[TimeSeries],
    cover: Cover,
    finest: int,
    path: tuple[str, ...],
) -> None:
    if query.id in results or query.tree is None:
        return
    if query.id in path:
        raise MathError(f"Error in expression '{query.id}': Circular dependency in the metrics list.")
    for name in math_expressions.names(query.tree):
        if name in by_id:
            _resolve(by_id[name], by_id, results, metrics, cover, finest, (*path, query.id))
    try:
        value = Calculation(cover(query.period or finest), results, metrics).value(query.tree)
        found = time_series(value)
        if found is None:
            # A number is good inside other expressions, but no result.
            if query.returned:
                raise MathError("The expression's result must be a time series or an array of them, not a number")
            results[query.id] = value
            return
    except MathError as error:
        raise MathError(f"Error in expression '{query.id}': {error}") from error
    if isinstance(value, list):
        results[query.id] = [_named(query, series, many=True) for series in found]
    else:
        results[query.id] = _named(query, found[0], many=False)


def _named(query: Query, series: TimeSeries, *, many: bool) -> TimeSeries:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html#adding-metrics-expression-console"""
    own = query.id if query.label is None else query.label
    label = f"{own} {series.label}".strip() if many and series.label else own
    return TimeSeries(series.points, series.period, query.id, label)
