"""Metric math: what each operator and function makes of series, and how errors read.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.telemetry.math_expressions import MathError, parse
from sandbox.telemetry.metric_math import Calculation
from sandbox.telemetry.time_series import Range, TimeSeries, time_series
from tests.telemetry.conftest import NOW, Telemetry

_ = None
RANGE = Range(600, 900, 60)


def series(name: str, *values: float | None, period: int = 60) -> TimeSeries:
    points = {RANGE.start + period * place: float(value) for place, value in enumerate(values) if value is not None}
    return TimeSeries(points, period, name, name, metric=True)


def value(expression: str, *given: TimeSeries) -> Any:
    """A number, or what each series of the result holds in the range's five minutes (a list of lists for an array)."""
    found = Calculation(RANGE, {each.id: each for each in given}, given).value(parse(expression))
    many = time_series(found)
    if many is None:
        return found
    rows = [[one.points.get(RANGE.start + 60 * place) for place in range(5)] for one in many]
    return rows if isinstance(found, list) else rows[0]


M1, M2, M3 = series("m1", 1, 1, 0, 0, _), series("m2", 30, _, 0, 0, 30), series("m3", 0, 0, 20, _, 20)
FIRST, SECOND = series("metric1", 30, 20, 0, 0), series("metric2", 20, _, 20, _)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # The page's examples of comparison and logical operators.
        ("(metric1 < metric2)", [0, 0, 1, 0, _]),
        ("(metric1 >= 30)", [1, 0, 0, 0, _]),
        ("(metric1 > 15 AND metric2 > 15)", [1, 0, 0, 0, _]),
        ("(metric1 > 15 && metric2 > 15)", [1, 0, 0, 0, _]),
        ("(metric1 > 15 || metric2 > 15)", [1, 1, 1, 0, _]),
        ("metric1 == 20", [0, 1, 0, 0, _]),
        ("metric1 != 20", [1, 0, 1, 1, _]),
    ],
)
def test_comparisons_and_logic(expression: str, expected: list[float | None]) -> None:
    assert value(expression, FIRST, SECOND) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # The page's tables of IF.
        ("IF(m1, m2, m3)", [30, 0, 20, _, _]),
        ("IF(m1, 5, m3)", [5, 5, 20, _, _]),
        ("IF(m1, m2, 5)", [30, 0, 5, 5, _]),
        ("IF(m1, m2)", [30, 0, _, _, _]),
        ("IF(m2 > 10, 1, 0)", [1, _, 0, 0, 1]),
        ("IF(1, m2, m3)", [30, _, 0, 0, 30]),
        ("IF(0, m2, m3)", [0, 0, 20, _, 20]),
        ("IF(0, m2)", [_, _, _, _, _]),
    ],
)
def test_if(expression: str, expected: list[float | None]) -> None:
    assert value(expression, M1, M2, M3) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # A missing value counts as 0; what would divide by 0 is dropped.
        ("m1 + m2", [31, 1, 0, 0, 30]),
        ("m2 / m1", [30, 0, _, _, _]),
        ("100 * m3 / m2", [0, _, _, _, 100 * 20 / 30]),
        ("2 + 3 * m1 ^ 2", [5, 5, 2, 2, _]),
        ("-m1 ^ 2", [-1, -1, 0, 0, _]),
        ("2 ^ 3 ^ 0 * m1", [2, 2, 0, 0, _]),
        ("(1 - 2) - 3 + m1", [-3, -3, -4, -4, _]),
        ("[m1, m2] / 2", [[0.5, 0.5, 0, 0, _], [15, _, 0, 0, 15]]),
        ("SUM([m1, m2] / m3)", [_, _, 0, _, 1.5]),
        ("METRICS() * 10", [[10, 10, 0, 0, _], [300, _, 0, 0, 300], [0, 0, 200, _, 200]]),
    ],
)
def test_arithmetic(expression: str, expected: Any) -> None:
    assert value(expression, M1, M2, M3) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("SUM(METRICS())", [31, 1, 20, 0, 50]),
        ("AVG([m1, m2])", [15.5, 0.5, 0, 0, 15]),
        ("MIN([m1, m2])", [1, 1, 0, 0, 30]),
        ("MAX(METRICS())", [30, 1, 20, 0, 30]),
        ("STDDEV([m1, m2])", [14.5, 0, 0, 0, 0]),
        ("SUM(METRICS('m2'))", [30, _, 0, 0, 30]),
        ("m1 - AVG(m1)", [0.5, 0.5, -0.5, -0.5, _]),
        ("m1 / SUM(m1)", [0.5, 0.5, 0, 0, _]),
        ("m1 - MIN(m1) + MAX(m2)", [31, 31, 30, 30, _]),
        ("m1 / STDDEV(m1)", [2, 2, 0, 0, _]),
        ("FILL(m2, 7)", [30, 7, 0, 0, 30]),
        ("FILL(m2, REPEAT)", [30, 30, 0, 0, 30]),
        ("FILL(m2, LINEAR)", [30, 15, 0, 0, 30]),
        ("FILL(m2, m1)", [30, 1, 0, 0, 30]),
        ("FILL(m2, MIN(m3))", [30, 0, 0, 0, 30]),
        ("FILL(m1, LINEAR)", [1, 1, 0, 0, _]),
        ("FILL(METRICS(), 0)", [[1, 1, 0, 0, 0], [30, 0, 0, 0, 30], [0, 0, 20, 0, 20]]),
        ("DIFF(m2)", [_, _, -30, 0, 30]),
        ("DIFF_TIME(m2)", [_, _, 120, 60, 60]),
        ("RATE(m2)", [_, _, -0.25, 0, 0.5]),
        ("RUNNING_SUM(m1)", [1, 2, 2, 2, _]),
        ("ABS(m1 - m2)", [29, 1, 0, 0, 30]),
        ("CEIL(m1 / 4)", [1, 1, 0, 0, _]),
        ("FLOOR(m1 / 4)", [0, 0, 0, 0, _]),
        ("LOG10(m1 * 100)", [2, 2, _, _, _]),
        ("LOG(m1)", [0, 0, _, _, _]),
        ("m1 / PERIOD(m1) * 60", [1, 1, 0, 0, _]),
        ("m1 * METRIC_COUNT(METRICS())", [3, 3, 0, 0, _]),
        ("m1 * DATAPOINT_COUNT(m2)", [4, 4, 0, 0, _]),
        ("DATAPOINT_COUNT(METRICS())", [3, 2, 3, 2, 2]),
        ("FIRST(SORT(METRICS(), MAX, DESC))", [30, _, 0, 0, 30]),
        ("LAST(METRICS())", [0, 0, 20, _, 20]),
        ("SORT(METRICS(), SUM, ASC, 1)", [[1, 1, 0, 0, _]]),
        ("SLICE(METRICS(), 1)", [[30, _, 0, 0, 30], [0, 0, 20, _, 20]]),
        ("SLICE(METRICS(), 0, 1)", [[1, 1, 0, 0, _]]),
        ("METRIC_COUNT(REMOVE_EMPTY([m1, IF(0, m1)]))", 1),
        ("TIME_SERIES(MAX(m2))", [30, 30, 30, 30, 30]),
        ("EPOCH(m1) - 600", [0, 60, 120, 180, 240]),
        ("MINUTE(m1)", [10, 11, 12, 13, 14]),
        (
            "IF(YEAR(m2) == 1970 AND MONTH(m2) == 1 AND DATE(m2) == 1 AND DAY(m2) == 4 AND HOUR(m2) == 0, m2)",
            [30, 0, 0, 0, 30],
        ),
    ],
)
def test_functions(expression: str, expected: Any) -> None:
    assert value(expression, M1, M2, M3) == expected


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("m1 +", "Unexpected end of expression"),
        ("(m1", "Missing ')'"),
        ("m1 m2", "Unexpected 'm2'"),
        ("m1 $ 2", "Unexpected character '$'"),
        ("m9 * 2", "Undefined metric or expression 'm9'"),
        ("sum(m1)", "Unknown function 'sum'"),
        ("SUM(m1, m2)", "SUM takes 1 argument, not 2"),
        ("IF(m1)", "IF takes 2 to 3 arguments, not 1"),
        ("IF(METRICS(), 1, 0)", "does not take arrays"),
        ("SUM(5)", "SUM takes an array of time series"),
        ("ABS(5) + PERIOD(m1 + 1)", "PERIOD takes a metric"),
        ("SORT(METRICS(), MEDIAN, ASC)", "AVG, MIN, MAX or SUM"),
        ("[m1, 5]", "An array holds time series"),
        ("METRICS() + METRICS()", "two arrays"),
        ("ANOMALY_DETECTION_BAND(m1, 2)", "anomaly detection is not part of this sandbox"),
        ("SEARCH('{App} m', 'Sum', 60)", "search expressions are not part of this sandbox"),
        ("(" * 200 + "m1" + ")" * 200, "deep"),
    ],
)
def test_errors_say_what_is_wrong(expression: str, says: str) -> None:
    with pytest.raises(MathError) as caught:
        value(expression, M1, M2)
    assert says in str(caught.value)


# -- GetMetricData -----------------------------------------------------------------------------------------------

START = datetime.fromtimestamp(NOW, UTC)


def data(telemetry: Telemetry, *queries: dict[str, Any]) -> list[dict[str, Any]]:
    return list(
        telemetry.call(
            "GetMetricData",
            MetricDataQueries=list(queries),
            StartTime=START,
            EndTime=START + timedelta(minutes=5),
            ScanBy="TimestampAscending",
        )["MetricDataResults"]
    )


def metric(name: str, query: str, **more: Any) -> dict[str, Any]:
    stat = {"Metric": {"Namespace": "App", "MetricName": name}, "Period": 60, "Stat": "Sum"}
    return {"Id": query, "MetricStat": stat, **more}


@pytest.fixture
def filled(telemetry: Telemetry) -> Telemetry:
    for minute, (requests, errors) in enumerate(((10, 1), (20, None), (10, 5))):
        telemetry.metrics.put("App", "Requests", (), requests, "Count", NOW + 60 * minute)
        if errors is not None:
            telemetry.metrics.put("App", "Errors", (), errors, "Count", NOW + 60 * minute)
    return telemetry


def test_an_error_rate(filled: Telemetry) -> None:
    (rate,) = data(
        filled,
        {"Id": "rate", "Expression": "100 * errors / requests", "Label": "Error rate"},
        metric("Errors", "errors", ReturnData=False),
        metric("Requests", "requests", ReturnData=False),
    )
    assert (rate["Id"], rate["Label"], rate["StatusCode"]) == ("rate", "Error rate", "Complete")
    assert rate["Values"] == [10.0, 0.0, 50.0]
    assert rate["Timestamps"][1] == START + timedelta(minutes=1)


def test_an_expression_over_an_expression_in_any_order(filled: Telemetry) -> None:
    second, _first, _m = data(
        filled, {"Id": "e2", "Expression": "e1 + 1"}, {"Id": "e1", "Expression": "m * 2"}, metric("Requests", "m")
    )
    assert second["Values"] == [21.0, 41.0, 21.0]
    assert second["Label"] == "e2"


def test_an_array_gives_a_result_for_each_of_its_series(filled: Telemetry) -> None:
    found = data(
        filled,
        {"Id": "e", "Expression": "FILL(METRICS(), 0)", "Label": "Filled:"},
        metric("Errors", "m1", ReturnData=False),
        metric("Requests", "m2", ReturnData=False),
    )
    assert [(one["Id"], one["Label"], one["Values"]) for one in found] == [
        ("e", "Filled: Errors", [1.0, 0.0, 5.0, 0.0, 0.0]),
        ("e", "Filled: Requests", [10.0, 20.0, 10.0, 0.0, 0.0]),
    ]


@pytest.mark.parametrize(
    ("queries", "says"),
    [
        ([{"Id": "e", "Expression": "m +"}], "Error in expression 'e': Unexpected end of expression"),
        ([{"Id": "e", "Expression": "m * 2"}], "Error in expression 'e': Undefined metric or expression 'm'"),
        ([{"Id": "e", "Expression": "AVG(m)"}, metric("Errors", "m")], "must be a time series"),
        ([{"Id": "a", "Expression": "b + 1"}, {"Id": "b", "Expression": "a + 1"}], "Circular dependency"),
        ([{"Id": "e", "Expression": "SELECT AVG(x) FROM y"}], "Metrics Insights queries are not part of this sandbox"),
        ([{"Id": "e", "Expression": "SEARCH('x', 'Sum', 60)"}], "search expressions are not part of this sandbox"),
        ([{"Id": "e", "Expression": "m", **metric("Errors", "e")}], "mutually exclusive"),
    ],
)
def test_bad_expressions_are_refused(telemetry: Telemetry, queries: list[dict[str, Any]], says: str) -> None:
    error = telemetry.refusal("GetMetricData", MetricDataQueries=queries, StartTime=START, EndTime=START + timedelta(1))
    assert error.code == "ValidationError"
    assert says in error.message


def test_an_expression_may_have_a_period_of_its_own(filled: Telemetry) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html"""
    queries = [{"Id": f"every{period}", "Expression": "TIME_SERIES(7)", "Period": period} for period in (60, 300)]
    found = data(filled, metric("Requests", "m"), *queries)
    assert {one["Id"]: one["Values"] for one in found[1:]} == {"every60": [7.0] * 5, "every300": [7.0]}


def test_numbers_are_good_inside_other_expressions(filled: Telemetry) -> None:
    (found,) = data(
        filled,
        {"Id": "most", "Expression": "MAX(m)", "ReturnData": False},
        {"Id": "share", "Expression": "m / most"},
        metric("Requests", "m", ReturnData=False),
    )
    assert found["Values"] == [0.5, 1.0, 0.5]


def test_a_day_of_one_minute_data_of_many_metrics_is_put_and_read(telemetry: Telemetry) -> None:
    """A day of one-minute data of 24 metrics: each datapoint comes back, and the sum over all of them is right."""
    begin = START - timedelta(days=1)
    for number in range(24):
        for half in range(2):
            entries = [
                {"MetricName": f"m{number}", "Value": float(minute), "Timestamp": begin + timedelta(minutes=minute)}
                for minute in range(720 * half, 720 * half + 720)
            ]
            telemetry.call("PutMetricData", Namespace="Day", MetricData=entries)
    queries = [
        {
            "Id": f"q{number}",
            "MetricStat": {"Metric": {"Namespace": "Day", "MetricName": f"m{number}"}, "Period": 60, "Stat": "p99"},
        }
        for number in range(24)
    ]
    answer = telemetry.call(
        "GetMetricData",
        MetricDataQueries=[*queries, {"Id": "all", "Expression": "SUM(METRICS())"}],
        StartTime=begin,
        EndTime=START,
        ScanBy="TimestampAscending",
    )
    results = {one["Id"]: one["Values"] for one in answer["MetricDataResults"]}
    assert all(results[f"q{number}"] == [float(minute) for minute in range(1440)] for number in range(24))
    assert results["all"] == [24.0 * minute for minute in range(1440)]
