"""The rules by which datapoints become a state, as tables: AWS's own where it has one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.telemetry.evaluation import (
    Criteria,
    Datapoint,
    Verdict,
    alarm_time,
    evaluate,
    evaluation_range,
    interval_of,
    java_number,
)

#: 2026-11-21T10:05:05Z
AT = 1_795_255_505.0
RETAINED = "retained"


def criteria(**settings: Any) -> Criteria:
    given = {"period": 60, "periods": 1, "threshold": 1.0, "comparison": "GreaterThanThreshold", **settings}
    return Criteria(**given)


def points(drawn: str, settings: Criteria) -> list[Datapoint]:
    """Datapoints as AWS's page draws them, the newest at the right: 0 is within the threshold, X breaches, - lacks."""
    marks = drawn.split()
    times = evaluation_range(settings, AT)[-len(marks) :]
    values = {"0": 0.0, "X": 5.0, "-": None}
    return [
        Datapoint(time, values[mark], 1.0 if mark != "-" else None) for time, mark in zip(times, marks, strict=True)
    ]


def state(drawn: str, settings: Criteria) -> str:
    verdict = evaluate(settings, points(drawn, settings), AT)
    return RETAINED if verdict is None else verdict.state


TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
INSUFFICIENT = "INSUFFICIENT_DATA"
#: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html: both tables of «How
#: alarm state is evaluated when data is missing», with EvaluationPeriods 3 and an evaluation range of 5.
#: DatapointsToAlarm, the datapoints, and the state for each treatment in the order of TREATMENTS.
DOCUMENTED = [
    (3, "0 - X - X", "OK", "OK", "OK", "OK"),
    (3, "0 - - - -", "OK", "OK", "OK", "OK"),
    (3, "- - - - -", INSUFFICIENT, RETAINED, "ALARM", "OK"),
    (3, "0 X X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
    (3, "- - X - -", "ALARM", RETAINED, "ALARM", "OK"),
    (2, "0 - X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
    (2, "0 0 X 0 X", "ALARM", "ALARM", "ALARM", "ALARM"),
    (2, "0 - X - -", "OK", "OK", "ALARM", "OK"),
    (2, "- - - - 0", "OK", "OK", "ALARM", "OK"),
    (2, "- - - X -", "ALARM", RETAINED, "ALARM", "OK"),
    # The section «Avoiding premature transitions to alarm state» of that page: not yet, one more may be within the
    # threshold. The page's editions up to 2020 had the state of the first: Insufficient data.
    (3, "- - - - X", INSUFFICIENT, RETAINED, "ALARM", "OK"),
    (3, "- - - X -", INSUFFICIENT, RETAINED, "ALARM", "OK"),
    (3, "- - - X 0", "OK", "OK", "OK", "OK"),
    (3, "- - X - 0", "OK", "OK", "OK", "OK"),
    (3, "X - - - -", "ALARM", RETAINED, "ALARM", "OK"),
    (2, "- - - - X", INSUFFICIENT, RETAINED, "ALARM", "OK"),
]
CASES = [
    pytest.param(row[0], row[1], treatment, expected, id=f"{row[0]} of 3, {row[1]}, {treatment}")
    for row in DOCUMENTED
    for treatment, expected in zip(TREATMENTS, row[2:], strict=True)
]


@pytest.mark.parametrize(("needed", "drawn", "treatment", "expected"), CASES)
def test_the_documented_table_of_missing_data(needed: int, drawn: str, treatment: str, expected: str) -> None:
    assert state(drawn, criteria(periods=3, datapoints=needed, missing=treatment)) == expected


#: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
RULES = [
    ("three out of three, as in the page's figure", {"periods": 3}, "0 0 X X X", "ALARM"),
    ("one of the last three within", {"periods": 3}, "X X X X 0", "OK"),
    ("M out of N, not in a row", {"periods": 5, "datapoints": 3}, "0 0 X 0 X 0 X", "ALARM"),
    ("M out of N, one too few", {"periods": 5, "datapoints": 3}, "X X X 0 0 0 X", "OK"),
    ("only the newest N count if all are there", {"periods": 1}, "X X 0", "OK"),
    ("an older one counts if the newest lack", {"periods": 1}, "X - -", "ALARM"),
    ("what lacks is not needed when enough is there", {"periods": 1, "missing": "breaching"}, "0 - -", "OK"),
    ("no data at all", {"periods": 2}, "- - - -", INSUFFICIENT),
    (
        "two breaching are enough, whatever lacks",
        {"periods": 3, "datapoints": 2, "missing": "ignore"},
        "- - X - X",
        "ALARM",
    ),
]


@pytest.mark.parametrize(("settings", "drawn", "expected"), [row[1:] for row in RULES], ids=[row[0] for row in RULES])
def test_the_rules_of_evaluation(settings: dict[str, Any], drawn: str, expected: str) -> None:
    assert state(drawn, criteria(**settings)) == expected


@pytest.mark.parametrize(
    ("comparison", "value", "breaches"),
    [
        ("GreaterThanThreshold", 1.0, False),
        ("GreaterThanOrEqualToThreshold", 1.0, True),
        ("LessThanThreshold", 1.0, False),
        ("LessThanOrEqualToThreshold", 1.0, True),
        ("LessThanThreshold", 0.5, True),
        ("GreaterThanThreshold", 1.5, True),
    ],
)
def test_the_comparisons(comparison: str, value: float, breaches: bool) -> None:
    assert criteria(comparison=comparison).breaches(value) is breaches


# -- the range ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("period", "periods", "interval"),
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
    [
        (60, 1, 60),
        (300, 3, 60),
        (10, 1, 10),
        (20, 3, 10),
        (30, 1, 10),
        (86_400, 1, 60),
        (3600, 25, 3600),
        (86_400, 3, 3600),
    ],
)
def test_how_often_an_alarm_is_evaluated(period: int, periods: int, interval: int) -> None:
    assert interval_of(period, periods) == interval


def test_the_window_slides_minute_by_minute_whatever_the_period() -> None:
    # «at the end of minute 5 the alarm evaluates based on data from minutes 1 to 5. Then at the end of minute 6 ...»
    five = criteria(period=300, periods=1)
    assert [int(AT - 5) - time for time in evaluation_range(five, AT)] == [900, 600, 300]
    assert evaluation_range(five, AT + 60)[-1] == evaluation_range(five, AT)[-1] + 60


def test_a_high_resolution_window_slides_by_ten_seconds() -> None:
    thirty = criteria(period=30, periods=2)
    assert evaluation_range(thirty, AT + 10)[-1] == evaluation_range(thirty, AT)[-1] + 10


def test_a_multi_day_alarm_looks_at_whole_hours() -> None:
    daily = criteria(period=86_400, periods=3)
    assert evaluation_range(daily, AT)[-1] + 86_400 == AT // 3600 * 3600


# -- percentiles -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statistic", "samples", "expected"),
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html
    [
        ("p99", 999, RETAINED),
        ("p99", 1000, "ALARM"),
        ("p50", 19, RETAINED),
        ("p50", 20, "ALARM"),
        ("p10", 99, RETAINED),
        ("p10", 100, "ALARM"),
        ("p100", 1, "ALARM"),
        ("Average", 1, "ALARM"),
    ],
)
def test_a_percentile_of_few_samples_changes_nothing_if_so_asked(statistic: str, samples: int, expected: str) -> None:
    asked = criteria(statistic=statistic, ignore_low_samples=True)
    verdict = evaluate(asked, [Datapoint(int(AT) - 65, 9.0, samples)], AT)
    assert (RETAINED if verdict is None else verdict.state) == expected
    plain = evaluate(criteria(statistic=statistic), [Datapoint(int(AT) - 65, 9.0, samples)], AT)
    assert plain is not None
    assert plain.state == "ALARM"


# -- reasons, in AWS's words -------------------------------------------------------------------------------------


def verdict_of(drawn: str, **settings: Any) -> Verdict:
    asked = criteria(**settings)
    found = evaluate(asked, points(drawn, asked), AT)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("drawn", "settings", "reason"),
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html has the first two;
    # the others are as alarms in accounts show them.
    [
        (
            "- - X",
            {"datapoints": 1},
            "Threshold Crossed: 1 out of the last 1 datapoints [5.0 (21/11/26 10:04:00)] was greater than the "
            "threshold (1.0) (minimum 1 datapoint for OK -> ALARM transition).",
        ),
        (
            "- - 0",
            {"datapoints": 1},
            "Threshold Crossed: 1 out of the last 1 datapoints [0.0 (21/11/26 10:04:00)] was not greater than the "
            "threshold (1.0) (minimum 1 datapoint for ALARM -> OK transition).",
        ),
        ("- - X", {}, "Threshold Crossed: 1 datapoint [5.0 (21/11/26 10:04:00)] was greater than the threshold (1.0)."),
        (
            "0 0 X X",
            {"periods": 2, "comparison": "GreaterThanOrEqualToThreshold"},
            "Threshold Crossed: 2 datapoints [5.0 (21/11/26 10:04:00), 5.0 (21/11/26 10:03:00)] were greater than or "
            "equal to the threshold (1.0).",
        ),
        (
            "0 0 0 X 0 X 0",
            {"periods": 5, "datapoints": 3},
            "Threshold Crossed: 3 out of the last 5 datapoints [0.0 (21/11/26 10:04:00), 0.0 (21/11/26 10:02:00), 0.0 "
            "(21/11/26 10:00:00)] were not greater than the threshold (1.0) (minimum 3 datapoints for ALARM -> OK "
            "transition).",
        ),
        (
            "- - - X",
            {"periods": 2, "datapoints": 1, "missing": "notBreaching"},
            "Threshold Crossed: 1 out of the last 2 datapoints [5.0 (21/11/26 10:04:00)] was greater than the "
            "threshold (1.0) and 1 missing datapoint was treated as [NonBreaching] (minimum 1 datapoint for OK -> "
            "ALARM transition).",
        ),
        (
            "- - -",
            {"missing": "notBreaching"},
            "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as "
            "[NonBreaching].",
        ),
        (
            "- - - - -",
            {"periods": 3, "missing": "breaching"},
            "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were treated as "
            "[Breaching].",
        ),
        ("- - - - -", {"periods": 3}, "Insufficient Data: 3 datapoints were unknown."),
        (
            "- - X X X X X",
            {"periods": 5, "datapoints": 5},
            "Threshold Crossed: 5 out of the last 5 datapoints were greater than the threshold (1.0). The most recent "
            "datapoints which crossed the threshold: [5.0 (21/11/26 10:04:00), 5.0 (21/11/26 10:03:00), 5.0 (21/11/26 "
            "10:02:00), 5.0 (21/11/26 10:01:00), 5.0 (21/11/26 10:00:00)] (minimum 5 datapoints for OK -> ALARM "
            "transition).",
        ),
    ],
)
def test_a_reason_reads_as_awss(drawn: str, settings: dict[str, Any], reason: str) -> None:
    assert verdict_of(drawn, **settings).reason == reason


def test_the_reasons_data() -> None:
    found = json.loads(verdict_of("0 0 X 0", periods=2, datapoints=1, statistic="Sum", unit="Count").data)
    assert found == {
        "version": "1.0",
        "queryDate": "2026-11-21T10:05:05.000+0000",
        "startDate": "2026-11-21T10:03:00.000+0000",
        "unit": "Count",
        "statistic": "Sum",
        "period": 60,
        "recentDatapoints": [5.0, 0.0],
        "threshold": 1.0,
        "evaluatedDatapoints": [
            {"timestamp": "2026-11-21T10:04:00.000+0000", "sampleCount": 1.0, "value": 0.0},
            {"timestamp": "2026-11-21T10:03:00.000+0000", "sampleCount": 1.0, "value": 5.0},
        ],
    }


def test_the_reasons_data_without_data() -> None:
    found = json.loads(verdict_of("- - - -", periods=2).data)
    assert "startDate" not in found
    assert found["recentDatapoints"] == []
    assert found["evaluatedDatapoints"] == [
        {"timestamp": "2026-11-21T10:04:00.000+0000"},
        {"timestamp": "2026-11-21T10:03:00.000+0000"},
    ]


def test_a_long_reasons_data_stays_within_4000_characters() -> None:
    asked = criteria(period=60, periods=1440)
    many = [Datapoint(time, 0.1234567890123456, 1.0) for time in evaluation_range(asked, AT)]
    found = evaluate(asked, many, AT)
    assert found is not None
    assert len(found.data) < 4000
    assert len(found.reason) < 1024


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5.0"),
        (0.0666851903306472, "0.0666851903306472"),
        (45628, "45628.0"),
        (1e7, "1.0E7"),
        (12.5e9, "1.25E10"),
        (0.0001, "1.0E-4"),
        (-3, "-3.0"),
        (0, "0.0"),
        (123456789.25, "1.2345678925E8"),
        (float("nan"), "NaN"),
    ],
)
def test_numbers_read_as_javas(value: float, text: str) -> None:
    assert java_number(value) == text


def test_times_read_as_alarms_write_them() -> None:
    assert alarm_time(AT + 0.0426) == "2026-11-21T10:05:05.043+0000"
