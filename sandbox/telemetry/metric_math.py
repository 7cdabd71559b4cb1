"""Metric math: what expressions make of time series.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sandbox.telemetry.math_expressions import Array, Binary, Call, MathError, Name, Negative, Node, Number, Text
from sandbox.telemetry.math_functions import (
    AGGREGATES,
    FUNCTIONS,
    arrays,
    expect_array,
    expect_count,
    expect_number,
    fill,
    many,
)
from sandbox.telemetry.math_operators import apply, each
from sandbox.telemetry.time_series import Range, TimeSeries, Value

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
                return [series for item in items for series in many(self.value(item))]
            case Negative(operand=operand):
                return each(operator.neg, self.value(operand))
            case Binary(operator=sign, left=left, right=right):
                return apply(sign, self.value(left), self.value(right))
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
        if function in FORMS:
            least, most, form = FORMS[function]
            expect_count(function, arguments, least, most)
            return form(self, function, arguments)
        if function not in FUNCTIONS:
            raise MathError(f"Unknown function '{function}'")
        least, most, plain = FUNCTIONS[function]
        expect_count(function, arguments, least, most)
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
        filled = [fill(self.covers, series, manner, filler) for series in arrays(function, source)]
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
        aggregate = AGGREGATES[by.name]
        found = expect_array(function, self.value(arguments[0]))
        down = order.name == "DESC"
        filled = [series for series in found if series.points]
        filled.sort(key=lambda series: aggregate(list(series.points.values())), reverse=down)
        result = filled + [series for series in found if not series.points]
        if len(arguments) > 3:
            result = result[: int(expect_number(function, self.value(arguments[3])))]
        return result


_Form = Callable[[Calculation, str, Sequence[Node]], Value]

#: Functions that look at their arguments themselves: the least and most of them, and the function.
FORMS: Mapping[str, tuple[int, int, _Form]] = {
    "FILL": (2, 2, Calculation._fill),
    "IF": (2, 3, Calculation._if),
    "METRICS": (0, 1, Calculation._metrics),
    "SORT": (3, 4, Calculation._sort),
}
