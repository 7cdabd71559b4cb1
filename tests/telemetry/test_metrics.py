"""CloudWatch metrics as their callers see them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.telemetry import metrics as module
from sandbox.telemetry import series
from tests.telemetry.conftest import NOW, Telemetry

HOUR, DAY = 3600, 86_400
DIMENSIONS = [{"Name": "FunctionName", "Value": "f"}]
START = datetime.fromtimestamp(NOW, UTC)


def statistics(telemetry: Telemetry, **params: Any) -> list[dict[str, Any]]:
    asked = {
        "Namespace": "App",
        "MetricName": "m",
        "StartTime": START,
        "EndTime": START + timedelta(hours=1),
        "Period": 60,
        "Statistics": ["Sum"],
        **params,
    }
    return list(telemetry.call("GetMetricStatistics", **asked)["Datapoints"])


def put(telemetry: Telemetry, **datum: Any) -> None:
    telemetry.call("PutMetricData", Namespace="App", MetricData=[{"MetricName": "m", **datum}])


# -- putting and reading -------------------------------------------------------------------------


def test_values_are_summed_up_by_minute(telemetry: Telemetry) -> None:
    for offset, value in ((0, 1), (59.9, 5), (60, 7)):
        telemetry.metrics.put("App", "m", (), value, "Milliseconds", NOW + offset)
    every = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"]
    assert statistics(telemetry, Statistics=every) == [
        {
            "Timestamp": START,
            "Unit": "Milliseconds",
            "SampleCount": 2.0,
            "Average": 3.0,
            "Sum": 6.0,
            "Minimum": 1.0,
            "Maximum": 5.0,
        },
        {
            "Timestamp": START + timedelta(seconds=60),
            "Unit": "Milliseconds",
            "SampleCount": 1.0,
            "Average": 7.0,
            "Sum": 7.0,
            "Minimum": 7.0,
            "Maximum": 7.0,
        },
    ]
    (hour,) = statistics(telemetry, Period=3600)
    assert (hour["Timestamp"], hour["Sum"]) == (START, 13.0)


def test_periods_count_from_the_rounded_start_and_end_is_not_included(telemetry: Telemetry) -> None:
    for minute in range(10):
        telemetry.metrics.put("App", "m", (), 1, "Count", NOW + 60 * minute)
    window = {"StartTime": START + timedelta(seconds=90), "EndTime": START + timedelta(minutes=9)}
    found = statistics(telemetry, Period=300, **window)
    assert [(point["Timestamp"] - START, point["Sum"]) for point in found] == [
        (timedelta(minutes=1), 5.0),
        (timedelta(minutes=6), 3.0),
    ]


def test_dimensions_must_match_exactly_in_any_order(telemetry: Telemetry) -> None:
    telemetry.metrics.put("App", "m", (("b", "2"), ("a", "1")), 3, "Count", NOW)
    telemetry.metrics.put("App", "m", (("a", "1"), ("b", "2")), 4, "Count", NOW)
    both = [{"Name": "b", "Value": "2"}, {"Name": "a", "Value": "1"}]
    assert [point["Sum"] for point in statistics(telemetry, Dimensions=both)] == [7.0]
    assert statistics(telemetry, Dimensions=both[:1]) == []
    assert statistics(telemetry) == []
    assert len(telemetry.call("ListMetrics")["Metrics"]) == 1


def test_units_are_kept_apart(telemetry: Telemetry) -> None:
    put(telemetry, Value=1, Unit="Seconds")
    put(telemetry, Value=500, Unit="Milliseconds")
    assert {(point["Unit"], point["Sum"]) for point in statistics(telemetry)} == {
        ("Seconds", 1.0),
        ("Milliseconds", 500.0),
    }
    assert [point["Sum"] for point in statistics(telemetry, Unit="Seconds")] == [1.0]
    assert statistics(telemetry, Unit="Bytes") == []


def test_regions_are_apart(telemetry: Telemetry) -> None:
    put(telemetry, Value=1)
    assert telemetry.call("ListMetrics", region="eu-west-1")["Metrics"] == []


def test_values_with_counts_and_statistic_sets(telemetry: Telemetry) -> None:
    put(telemetry, Values=[1, 10], Counts=[3, 2])
    (point,) = statistics(telemetry, Statistics=["Sum", "SampleCount"], ExtendedStatistics=["p50", "p90"])
    assert (point["Sum"], point["SampleCount"]) == (23.0, 5.0)
    assert point["ExtendedStatistics"] == {"p50": 1.0, "p90": 10.0}
    put(telemetry, StatisticValues={"SampleCount": 4, "Sum": 40, "Minimum": 5, "Maximum": 20})
    (point,) = statistics(telemetry, Statistics=["Sum", "Maximum"], ExtendedStatistics=["p50"])
    assert (point["Sum"], point["Maximum"]) == (63.0, 20.0)
    # A statistic set of more than one value leaves nothing to take a percentile of.
    assert "ExtendedStatistics" not in point


def test_a_datum_carries_its_own_time(telemetry: Telemetry) -> None:
    put(telemetry, Value=1, Timestamp=START - timedelta(hours=2))
    assert statistics(telemetry) == []
    assert len(statistics(telemetry, StartTime=START - timedelta(hours=3))) == 1


@pytest.mark.parametrize(("period", "expected"), [(1, [1.0, 2.0, 4.0]), (10, [3.0, 4.0]), (60, [7.0])])
def test_high_resolution_data_is_kept_by_the_second(telemetry: Telemetry, period: int, expected: list[float]) -> None:
    for second, value in ((0, 1), (5, 2), (15, 4)):
        put(telemetry, Value=value, StorageResolution=1, Timestamp=START + timedelta(seconds=second))
    window = {"StartTime": START, "EndTime": START + timedelta(minutes=1)}
    assert [point["Sum"] for point in statistics(telemetry, Period=period, **window)] == expected


@pytest.mark.parametrize(
    ("age", "period", "kept"),
    [
        (2 * HOUR, 1, True),
        (4 * HOUR, 1, False),
        (4 * HOUR, 60, True),
        (16 * DAY, 60, False),
        (16 * DAY, 300, True),
        (64 * DAY, 300, False),
        (64 * DAY, 3600, True),
        (456 * DAY, 3600, False),
    ],
)
def test_data_grows_coarser_with_age(telemetry: Telemetry, age: int, period: int, kept: bool) -> None:
    put(telemetry, Value=1, StorageResolution=1)
    telemetry.clock.time += age
    window = {"StartTime": START, "EndTime": START + timedelta(seconds=60)}
    assert bool(statistics(telemetry, Period=period, **window)) is kept


def test_percentiles(telemetry: Telemetry) -> None:
    for value in range(1, 101):
        telemetry.metrics.put("App", "m", (), value, "Milliseconds", NOW)
    wanted = ["p0", "p50", "p95", "p99.9", "p100"]
    (point,) = statistics(telemetry, Statistics=[], ExtendedStatistics=wanted)
    assert point["ExtendedStatistics"] == {"p0": 1, "p50": 50, "p95": 95, "p99.9": 100, "p100": 100}


def test_percentiles_of_very_many_values_keep_their_precision(telemetry: Telemetry) -> None:
    for value in range(20_000):
        telemetry.metrics.put("App", "m", (), 1000 + value / 7, "Milliseconds", NOW)
    (point,) = statistics(telemetry, Statistics=["Maximum"], ExtendedStatistics=["p50", "p100"])
    assert point["ExtendedStatistics"]["p50"] == pytest.approx(1000 + 10_000 / 7, rel=0.005)
    assert point["ExtendedStatistics"]["p100"] == pytest.approx(point["Maximum"], rel=0.005)


def test_get_metric_data_orders_pages_and_labels(telemetry: Telemetry) -> None:
    for minute in range(3):
        telemetry.metrics.put("App", "m", (("FunctionName", "f"),), minute, "Count", NOW + 60 * minute)
    metric = {"Namespace": "App", "MetricName": "m", "Dimensions": DIMENSIONS}
    queries = [
        {"Id": "total", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}},
        {"Id": "p99", "Label": "slow", "MetricStat": {"Metric": metric, "Period": 300, "Stat": "p99"}},
        {"Id": "hidden", "ReturnData": False, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}},
    ]
    window = {"StartTime": START, "EndTime": START + timedelta(minutes=5)}
    answer = telemetry.call("GetMetricData", MetricDataQueries=queries, **window)
    assert [(result["Id"], result["Label"], result["Values"]) for result in answer["MetricDataResults"]] == [
        ("total", "m", [2.0, 1.0, 0.0]),
        ("p99", "slow", [2.0]),
    ]
    assert answer["MetricDataResults"][0]["Timestamps"][0] == START + timedelta(minutes=2)
    upwards = telemetry.call("GetMetricData", MetricDataQueries=queries, ScanBy="TimestampAscending", **window)
    assert upwards["MetricDataResults"][0]["Values"] == [0.0, 1.0, 2.0]

    pages = []
    token: dict[str, str] = {}
    while True:
        page = telemetry.call("GetMetricData", MetricDataQueries=queries, MaxDatapoints=2, **window, **token)
        pages.append([(result["Id"], result["Values"]) for result in page["MetricDataResults"] if result["Values"]])
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert pages == [[("total", [2.0, 1.0])], [("total", [0.0]), ("p99", [2.0])]]


def test_metrics_are_listed_by_namespace_name_and_dimension(telemetry: Telemetry) -> None:
    telemetry.metrics.put("App", "m", (("FunctionName", "f"),), 1, "Count", NOW)
    telemetry.metrics.put("App", "m", (("FunctionName", "g"), ("Resource", "g:live")), 1, "Count", NOW)
    telemetry.metrics.put("App", "n", (), 1, "Count", NOW)
    telemetry.metrics.put("Other", "m", (), 1, "Count", NOW)

    def count(**params: Any) -> int:
        return len(telemetry.call("ListMetrics", **params)["Metrics"])

    assert count() == 4
    assert count(Namespace="App") == 3
    assert count(Namespace="App", MetricName="m") == 2
    assert count(Dimensions=[{"Name": "FunctionName"}]) == 2
    assert count(Dimensions=[{"Name": "FunctionName", "Value": "g"}]) == 1
    assert count(Dimensions=[{"Name": "FunctionName"}, {"Name": "Resource"}]) == 1
    telemetry.clock.time += 4 * HOUR
    assert count(RecentlyActive="PT3H") == 0
    telemetry.clock.time += 15 * DAY
    assert count() == 0


def test_list_metrics_pages_by_500(telemetry: Telemetry) -> None:
    for i in range(1001):
        telemetry.metrics.put("App", f"m{i:04d}", (), 1, "Count", NOW)
    names: list[str] = []
    token: dict[str, str] = {}
    sizes = []
    while True:
        page = telemetry.call("ListMetrics", **token)
        sizes.append(len(page["Metrics"]))
        names += [metric["MetricName"] for metric in page["Metrics"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert sizes == [500, 500, 1]
    assert len(set(names)) == 1001


# -- bad calls -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("datum", "code", "says"),
    [
        ({}, "MissingParameter", "MetricData.member.1.Value"),
        ({"Value": float("nan")}, "InvalidParameterValue", "The value NaN for parameter MetricData.member.1.Value is"),
        ({"Value": float("inf")}, "InvalidParameterValue", "The value Infinity for parameter"),
        ({"Value": 2.0**361}, "InvalidParameterValue", "MetricData.member.1.Value is invalid"),
        (
            {"Value": 1, "Values": [1]},
            "InvalidParameterCombination",
            "MetricData.member.1.Value and MetricData.member.1.Values are mutually exclusive",
        ),
        (
            {"Value": 1, "StatisticValues": {"SampleCount": 1, "Sum": 1, "Minimum": 1, "Maximum": 1}},
            "InvalidParameterCombination",
            "mutually exclusive",
        ),
        (
            {"Values": [1, 2], "Counts": [1]},
            "InvalidParameterValue",
            "The parameters MetricData.member.1.Values and MetricData.member.1.Counts must be of the same size.",
        ),
        ({"Values": [1], "Counts": [0]}, "InvalidParameterValue", "Counts is invalid"),
        ({"Values": list(range(151))}, "InvalidParameterValue", "1 to 150 entries, and has 151"),
        ({"StatisticValues": {"SampleCount": 1}}, "MissingParameter", "StatisticValues.Sum is required"),
        (
            {"StatisticValues": {"SampleCount": 2, "Sum": 3, "Minimum": 2, "Maximum": 1}},
            "InvalidParameterCombination",
            "must not be greater",
        ),
        ({"Value": 1, "Unit": "Bushels"}, "InvalidParameterValue", "MetricData.member.1.Unit must be a value in"),
        (
            {"Value": 1, "StorageResolution": 300},
            "InvalidParameterValue",
            "The parameter MetricData.member.1.StorageResolution must be a value in the set [ 1, 60 ].",
        ),
        (
            {"Value": 1, "Timestamp": START - timedelta(days=15)},
            "InvalidParameterValue",
            "The parameter MetricData.member.1.Timestamp must specify a time within the past two weeks.",
        ),
        ({"Value": 1, "Timestamp": START + timedelta(hours=3)}, "InvalidParameterValue", "two hours in the future"),
        ({"Value": 1, "MetricName": ""}, "MissingParameter", "MetricData.member.1.MetricName"),
        (
            {"Value": 1, "Dimensions": [{"Name": f"d{i}", "Value": "x"} for i in range(31)]},
            "InvalidParameterValue",
            "greater than 30",
        ),
        ({"Value": 1, "Dimensions": [{"Name": "d", "Value": ""}]}, "MissingParameter", "Dimensions.member.1.Value"),
        ({"Value": 1, "Dimensions": [{"Name": "d", "Value": "x"}] * 2}, "InvalidParameterValue", "more than once"),
    ],
)
def test_bad_datum_is_refused_and_nothing_of_its_batch_is_kept(
    telemetry: Telemetry, datum: dict[str, Any], code: str, says: str
) -> None:
    data = [{"MetricName": "m", **datum}, {"MetricName": "good", "Value": 1}]
    error = telemetry.refusal("PutMetricData", Namespace="App", MetricData=data)
    assert error.code == code
    assert says in error.message
    assert telemetry.call("ListMetrics")["Metrics"] == []


@pytest.mark.parametrize(
    ("params", "code", "says"),
    [
        ({"MetricData": [{"MetricName": "m", "Value": 1}]}, "MissingParameter", "Namespace is required"),
        ({"Namespace": "App"}, "MissingParameter", "MetricData is required"),
        ({"Namespace": "AWS/Lambda", "MetricData": [{"MetricName": "m", "Value": 1}]}, "InvalidParameterValue", "AWS/"),
        (
            {"Namespace": "App", "MetricData": [{"MetricName": "m", "Value": 1}] * 1001},
            "InvalidParameterValue",
            "The collection MetricData must not have a size greater than 1000.",
        ),
        ({"Namespace": "App", "EntityMetricData": [{}]}, "InvalidParameterValue", "EntityMetricData is not supported"),
    ],
)
def test_bad_put_is_refused(telemetry: Telemetry, params: dict[str, Any], code: str, says: str) -> None:
    error = telemetry.refusal("PutMetricData", **params)
    assert error.code == code
    assert says in error.message


@pytest.mark.parametrize(
    ("params", "code", "says"),
    [
        (
            {"EndTime": START + timedelta(hours=48)},
            "InvalidParameterCombination",
            "You have requested up to 2,880 datapoints, which exceeds the limit of 1,440. You may reduce the "
            "datapoints requested by increasing Period, or decreasing the time range.",
        ),
        (
            {"EndTime": START},
            "InvalidParameterCombination",
            "The parameter StartTime must be less than the parameter EndTime.",
        ),
        ({"Statistics": []}, "InvalidParameterCombination", "Must specify either Statistics or ExtendedStatistics"),
        ({"Statistics": ["Median"]}, "InvalidParameterValue", "The value Median for parameter Statistics"),
        ({"ExtendedStatistics": ["tm99"]}, "InvalidParameterValue", "The value tm99 for parameter ExtendedStatistics"),
        ({"ExtendedStatistics": ["p101"]}, "InvalidParameterValue", "p101"),
        ({"Period": 45}, "InvalidParameterValue", "multiple of 60, and is 45"),
        ({"Unit": "Bushels"}, "InvalidParameterValue", "The parameter Unit must be a value in the set"),
    ],
)
def test_bad_statistics_request_is_refused(telemetry: Telemetry, params: dict[str, Any], code: str, says: str) -> None:
    asked = {
        "Namespace": "App",
        "MetricName": "m",
        "StartTime": START,
        "EndTime": START + timedelta(hours=1),
        "Period": 60,
        "Statistics": ["Sum"],
        **params,
    }
    error = telemetry.refusal("GetMetricStatistics", **asked)
    assert error.code == code
    assert says in error.message


STAT = {"Metric": {"Namespace": "App", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}


@pytest.mark.parametrize(
    ("queries", "says"),
    [
        ([], "MetricDataQueries is required"),
        ([{"Id": "a", "MetricStat": STAT}] * 501, "greater than 500"),
        ([{"Id": "A", "MetricStat": STAT}], "^[a-z][a-zA-Z0-9_]*$"),
        ([{"Id": "a", "MetricStat": STAT}, {"Id": "a", "MetricStat": STAT}], "a is there twice"),
        ([{"Id": "a"}], "MetricDataQueries.member.1.MetricStat is required"),
        ([{"Id": "a", "Expression": "m1/m2"}], "Undefined metric or expression 'm1'"),
        ([{"Id": "a", "MetricStat": STAT, "AccountId": "1"}], "AccountId is not supported"),
    ],
)
def test_bad_query_is_refused(telemetry: Telemetry, queries: list[dict[str, Any]], says: str) -> None:
    window = {"StartTime": START, "EndTime": START + timedelta(hours=1)}
    error = telemetry.refusal("GetMetricData", MetricDataQueries=queries, **window)
    assert error.code == "ValidationError"
    assert says in error.message


def test_bad_time_range_and_token_are_refused(telemetry: Telemetry) -> None:
    query = [{"Id": "a", "MetricStat": STAT}]
    error = telemetry.refusal("GetMetricData", MetricDataQueries=query, StartTime=START, EndTime=START)
    assert error.message == "The parameter StartTime must not equal parameter EndTime."
    earlier = START - timedelta(hours=1)
    error = telemetry.refusal("GetMetricData", MetricDataQueries=query, StartTime=START, EndTime=earlier)
    assert error.message == "The parameter EndTime must be greater than StartTime."
    assert telemetry.refusal("ListMetrics", NextToken="junk").code == "InvalidNextToken"


@pytest.mark.parametrize("operation", ["PutInsightRule", "PutAlarmMuteRule", "PutMetricStream", "PutAnomalyDetector"])
def test_what_is_missing_is_refused_by_name(telemetry: Telemetry, operation: str) -> None:
    assert telemetry.cloudwatch.whole
    assert telemetry.cloudwatch.refused[operation]


# -- bounds --------------------------------------------------------------------------------------


def test_the_number_of_metrics_is_bounded_loudly(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MAX_SERIES", 3)
    for i in range(5):
        telemetry.metrics.put("App", f"m{i}", (), 1, "Count", NOW)
    assert len(telemetry.call("ListMetrics")["Metrics"]) == 3
    assert "takes no new ones" in caplog.text
    data = [{"MetricName": "other", "Value": 1}]
    assert telemetry.refusal("PutMetricData", Namespace="App", MetricData=data).code == "LimitExceeded"


def test_old_minutes_are_folded_so_that_a_long_life_stays_small() -> None:
    made = series.Series(series.SeriesKey("a", "r", "App", "m", (), "Count"))
    for minute in range(120 * 24 * 60):
        made.minute(NOW + 60 * minute).add(1)
    assert len(made.minutes) < 60_000
    assert sum(bucket.count for bucket in made.minutes.values()) == 120 * 24 * 60


def test_300_000_points_are_read_from_few_buckets(telemetry: Telemetry) -> None:
    dimensions = (("FunctionName", "f"),)
    for i in range(300_000):
        telemetry.metrics.put("AWS/Lambda", "Duration", dimensions, i % 997 / 3, "Milliseconds", NOW + i / 100)
    (point,) = statistics(
        telemetry,
        Namespace="AWS/Lambda",
        MetricName="Duration",
        Dimensions=DIMENSIONS,
        Statistics=["SampleCount"],
        ExtendedStatistics=["p99"],
        Period=3600,
    )
    assert point["SampleCount"] == 300_000
    assert point["ExtendedStatistics"]["p99"] == pytest.approx(996 * 0.99 / 3, rel=0.01)
