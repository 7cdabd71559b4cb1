"""Alarms as time passes: their transitions, composite alarms, suppression, history and the operations on them."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import Any

import pytest

from sandbox.telemetry.alarms import Transition
from tests.telemetry.conftest import Telemetry

TOPIC = "arn:aws:sns:us-east-1:123456789012:t"
SINGLE = {
    "Namespace": "App",
    "MetricName": "m",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 1,
    "ComparisonOperator": "GreaterThanThreshold",
}


def put_alarm(telemetry: Telemetry, name: str, **settings: Any) -> None:
    given = {**SINGLE, **settings}
    telemetry.call(
        "PutMetricAlarm", AlarmName=name, **{key: value for key, value in given.items() if value is not None}
    )


def put_rule(telemetry: Telemetry, name: str, rule: str, **settings: Any) -> None:
    telemetry.call("PutCompositeAlarm", AlarmName=name, AlarmRule=rule, **settings)


def force(telemetry: Telemetry, name: str, state: str) -> None:
    telemetry.call("SetAlarmState", AlarmName=name, StateValue=state, StateReason="by hand")


def value(telemetry: Telemetry, amount: float, name: str = "m", **datum: Any) -> None:
    telemetry.call("PutMetricData", Namespace="App", MetricData=[{"MetricName": name, "Value": amount, **datum}])


def described(telemetry: Telemetry, name: str) -> dict[str, Any]:
    both = ["MetricAlarm", "CompositeAlarm"]
    answer = telemetry.call("DescribeAlarms", AlarmNames=[name], AlarmTypes=both)
    (found,) = answer["MetricAlarms"] + answer["CompositeAlarms"]
    return dict(found)


def state(telemetry: Telemetry, name: str) -> str:
    return str(described(telemetry, name)["StateValue"])


def history(telemetry: Telemetry, **params: Any) -> list[dict[str, Any]]:
    both = ["MetricAlarm", "CompositeAlarm"]
    params = {"AlarmTypes": both, "ScanBy": "TimestampAscending", "MaxRecords": 100, **params}
    return list(telemetry.call("DescribeAlarmHistory", **params)["AlarmHistoryItems"])


def changes(telemetry: Telemetry, name: str | None = None) -> list[str]:
    """What history tells of states, shortly."""
    more = {} if name is None else {"AlarmName": name}
    items = history(telemetry, HistoryItemType="StateUpdate", **more)
    return [f"{item['AlarmName']}: {item['HistorySummary'].removeprefix('Alarm updated from ')}" for item in items]


def next_minute(telemetry: Telemetry) -> None:
    """Go on to the beginning of a minute, past the look at the one before."""
    now = telemetry.clock.now()
    telemetry.clock.advance(60 - now % 60 + 10)


# -- metric alarms -----------------------------------------------------------------------------------------------


def test_an_alarm_begins_without_data_and_goes_off_when_the_minute_is_over(played: Telemetry) -> None:
    put_alarm(played, "a")
    made = described(played, "a")
    assert (made["StateValue"], made["StateReason"]) == ("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation")
    next_minute(played)
    assert state(played, "a") == "INSUFFICIENT_DATA"
    value(played, 5)
    assert state(played, "a") == "INSUFFICIENT_DATA"
    played.clock.advance(60)
    gone = described(played, "a")
    assert gone["StateValue"] == "ALARM"
    assert gone["StateReason"].startswith("Threshold Crossed: 1 datapoint [5.0 (")
    assert gone["StateUpdatedTimestamp"].second == 5
    assert json.loads(gone["StateReasonData"])["recentDatapoints"] == [5.0]
    value(played, 0)
    played.clock.advance(60)
    assert changes(played) == ["a: INSUFFICIENT_DATA to ALARM", "a: ALARM to OK"]


@pytest.mark.parametrize(
    ("treatment", "then"),
    [("notBreaching", "OK"), ("breaching", "ALARM"), ("missing", "INSUFFICIENT_DATA"), ("ignore", "ALARM")],
)
def test_when_data_stops_an_alarm_stays_for_its_range_and_then_does_as_told(
    played: Telemetry, treatment: str, then: str
) -> None:
    put_alarm(played, "a", TreatMissingData=treatment)
    next_minute(played)
    value(played, 5)
    played.clock.advance(60)
    assert state(played, "a") == "ALARM"
    # The breaching minute is in the evaluation range, three periods, for two minutes more.
    played.clock.advance(120)
    assert state(played, "a") == "ALARM"
    played.clock.advance(60)
    assert state(played, "a") == then


def test_an_alarm_on_dynamodb_ignores_missing_data_whatever_it_was_told(played: Telemetry) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html"""
    put_alarm(played, "a", Namespace="AWS/DynamoDB", TreatMissingData="breaching")
    played.clock.advance(300)
    assert state(played, "a") == "INSUFFICIENT_DATA"


def test_the_window_slides_so_five_minutes_are_looked_at_each_minute(played: Telemetry) -> None:
    put_alarm(played, "a", Period=300, Threshold=2, Statistic="SampleCount", TreatMissingData="notBreaching")
    next_minute(played)
    for _ in range(3):
        value(played, 1)
        played.clock.advance(60)
    assert state(played, "a") == "ALARM"


def test_only_the_very_dimensions_count(played: Telemetry) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html: the version behind an alias."""
    new = [("FunctionName", "f"), ("Resource", "f:live"), ("ExecutedVersion", "2")]
    put_alarm(
        played,
        "new version",
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Dimensions=[{"Name": name, "Value": value} for name, value in new],
    )
    put_alarm(
        played,
        "alias",
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Threshold=5,
        Dimensions=[{"Name": name, "Value": value} for name, value in new[:2]],
    )
    next_minute(played)
    now = played.clock.now()
    for dimensions in (new[:2], new):
        for _ in range(3):
            played.metrics.put("AWS/Lambda", "Errors", tuple(dimensions), 1, "Count", now)
    played.metrics.put("AWS/Lambda", "Errors", (*new[:2], ("ExecutedVersion", "1")), 100, "Count", now)
    played.clock.advance(60)
    assert (state(played, "new version"), state(played, "alias")) == ("ALARM", "OK")


def test_a_high_resolution_alarm_is_there_within_seconds(played: Telemetry) -> None:
    put_alarm(played, "a", Period=10)
    now = played.clock.now()
    played.clock.advance(10 - now % 10 + 6)
    value(played, 5, StorageResolution=1)
    played.clock.advance(10)
    assert state(played, "a") == "ALARM"


def test_a_high_resolution_alarm_on_a_minutes_metric_lapses(played: Telemetry) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html (Period)"""
    put_alarm(played, "a", Period=10)
    next_minute(played)
    value(played, 5)
    played.clock.advance(60)
    assert state(played, "a") == "INSUFFICIENT_DATA"


def test_a_percentile(played: Telemetry) -> None:
    put_alarm(played, "p95", Statistic=None, ExtendedStatistic="p95", Threshold=900)
    put_alarm(
        played,
        "ignoring",
        Statistic=None,
        ExtendedStatistic="p95",
        Threshold=900,
        EvaluateLowSampleCountPercentile="ignore",
    )
    next_minute(played)
    played.call(
        "PutMetricData", Namespace="App", MetricData=[{"MetricName": "m", "Values": [100, 950], "Counts": [9, 1]}]
    )
    played.clock.advance(60)
    assert (state(played, "p95"), state(played, "ignoring")) == ("ALARM", "INSUFFICIENT_DATA")


RATE = [
    {"Id": "rate", "Expression": "100 * errors / requests", "Label": "Error rate"},
    *(
        {
            "Id": name,
            "ReturnData": False,
            "MetricStat": {"Metric": {"Namespace": "App", "MetricName": name}, "Period": 60, "Stat": "Sum"},
        }
        for name in ("errors", "requests")
    ),
]
NO_METRIC = dict.fromkeys(("Namespace", "MetricName", "Statistic", "Period"))


def test_an_alarm_on_metric_math(played: Telemetry) -> None:
    put_alarm(played, "rate", **NO_METRIC, Metrics=RATE, Threshold=10, DatapointsToAlarm=1)
    next_minute(played)
    value(played, 40, "requests")
    value(played, 5, "errors")
    played.clock.advance(60)
    found = described(played, "rate")
    assert found["StateValue"] == "ALARM"
    assert "1 out of the last 1 datapoints [12.5 (" in found["StateReason"]
    assert "statistic" not in json.loads(found["StateReasonData"])
    assert [query["Id"] for query in found["Metrics"]] == ["rate", "errors", "requests"]
    # A minute without requests has no error rate: the point lacks.
    played.clock.advance(180)
    assert state(played, "rate") == "INSUFFICIENT_DATA"


def test_setting_a_state_lasts_until_the_next_evaluation(played: Telemetry) -> None:
    put_alarm(played, "a", TreatMissingData="notBreaching")
    next_minute(played)
    force(played, "a", "ALARM")
    assert described(played, "a")["StateReason"] == "by hand"
    played.clock.advance(60)
    assert state(played, "a") == "OK"
    assert changes(played)[1:] == ["a: OK to ALARM", "a: ALARM to OK"]


def test_new_settings_leave_the_state_until_the_next_evaluation(played: Telemetry) -> None:
    put_alarm(played, "a", AlarmDescription="first", Tags=[{"Key": "team", "Value": "red"}])
    next_minute(played)
    value(played, 5)
    played.clock.advance(60)
    put_alarm(played, "a", Threshold=10, Tags=[{"Key": "team", "Value": "blue"}])
    found = described(played, "a")
    assert (found["StateValue"], found["Threshold"], found.get("AlarmDescription")) == ("ALARM", 10, None)
    assert played.call("ListTagsForResource", ResourceARN=found["AlarmArn"]) == {
        "Tags": [{"Key": "team", "Value": "red"}]
    }
    played.clock.advance(60)
    assert state(played, "a") == "OK"


def test_the_same_data_makes_the_same_transitions_in_the_same_order(played: Telemetry) -> None:
    names = [f"a{9 - number}" for number in range(10)]
    for name in names:
        put_alarm(played, name, TreatMissingData="notBreaching")
    put_rule(played, "any", " OR ".join(f"ALARM({name})" for name in names))
    next_minute(played)
    for minute in range(6):
        value(played, 5.0 * (minute % 2))
        played.clock.advance(60)
    up, down = (
        [f"{names[0]}: {change}", *rest]
        for change, rest in (
            ("OK to ALARM", ["any: OK to ALARM", *(f"{name}: OK to ALARM" for name in names[1:])]),
            ("ALARM to OK", [*(f"{name}: ALARM to OK" for name in names[1:]), "any: ALARM to OK"]),
        )
    )
    first = ["any: INSUFFICIENT_DATA to OK", *(f"{name}: INSUFFICIENT_DATA to OK" for name in names)]
    assert changes(played) == [*first, *up, *down, *up, *down, *up]


def test_listeners_hear_of_transitions_in_their_order(played: Telemetry) -> None:
    heard: list[Transition] = []
    played.alarms.on_transition(heard.append)
    put_alarm(played, "a")
    put_rule(played, "c", "ALARM(a)")
    force(played, "a", "ALARM")
    assert [(one.alarm.name, one.before.value, one.after.value) for one in heard] == [
        ("c", "INSUFFICIENT_DATA", "OK"),
        ("a", "INSUFFICIENT_DATA", "ALARM"),
        ("c", "OK", "ALARM"),
    ]
    assert played.alarms.state_of("123456789012", "us-east-1", "c") == "ALARM"
    assert played.alarms.state_of("123456789012", "us-east-1", "gone") is None


def test_a_deleted_alarm_is_evaluated_no_more(played: Telemetry) -> None:
    put_alarm(played, "a", TreatMissingData="breaching")
    played.call("DeleteAlarms", AlarmNames=["a", "never was"])
    played.clock.advance(300)
    assert changes(played) == []
    assert played.call("DescribeAlarms")["MetricAlarms"] == []
    assert [item["HistorySummary"] for item in history(played)] == ['Alarm "a" created', 'Alarm "a" deleted']


def test_no_alarm_means_no_timer(played: Telemetry) -> None:
    before = threading.active_count()
    played.clock.advance(3600)
    assert threading.active_count() == before


def test_an_alarm_over_days_is_looked_at_each_hour_only(played: Telemetry) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html"""
    hour = 3600
    played.clock.advance(hour - played.clock.now() % hour + 600)
    put_alarm(played, "minutes", TreatMissingData="notBreaching")
    put_alarm(played, "days", Period=hour, EvaluationPeriods=25, TreatMissingData="notBreaching")
    next_minute(played)
    assert (state(played, "minutes"), state(played, "days")) == ("OK", "INSUFFICIENT_DATA")
    played.clock.advance(hour)
    assert state(played, "days") == "OK"


def test_an_evaluation_that_changes_nothing_leaves_the_reason(played: Telemetry) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html: StateUpdatedTimestamp"""
    put_alarm(played, "a")
    next_minute(played)
    value(played, 5)
    played.clock.advance(60)
    before = described(played, "a")
    value(played, 7)
    played.clock.advance(60)
    assert described(played, "a") == before


def test_setting_the_state_that_an_alarm_is_in_is_no_change(played: Telemetry) -> None:
    put_alarm(played, "a", TreatMissingData="ignore")
    force(played, "a", "ALARM")
    first = described(played, "a")
    played.clock.advance(60)
    force(played, "a", "ALARM")
    second = described(played, "a")
    assert second["StateTransitionedTimestamp"] == first["StateTransitionedTimestamp"]
    assert second["StateUpdatedTimestamp"] > first["StateUpdatedTimestamp"]
    assert changes(played) == ["a: INSUFFICIENT_DATA to ALARM"]


def test_metric_math_sees_the_whole_evaluation_range(played: Telemetry) -> None:
    both = [
        {"Id": "e", "Expression": "m1 * 1"},
        {
            "Id": "m1",
            "ReturnData": False,
            "MetricStat": {"Metric": {"Namespace": "App", "MetricName": "m"}, "Period": 60, "Stat": "Sum"},
        },
    ]
    alone = dict.fromkeys(("Namespace", "MetricName", "Statistic", "Period"))
    put_alarm(played, "plain")
    put_alarm(played, "math", Metrics=both, **alone)
    next_minute(played)
    value(played, 5)
    for expected in ("ALARM", "ALARM", "ALARM", "INSUFFICIENT_DATA"):
        played.clock.advance(60)
        assert (state(played, "plain"), state(played, "math")) == (expected, expected)


def test_an_expression_that_comes_to_a_number_with_this_data_stops_no_other_alarm(played: Telemetry) -> None:
    queries = [
        {"Id": "e", "Expression": "IF(AVG(m1) > 3, 1, m1)"},
        {
            "Id": "m1",
            "ReturnData": False,
            "MetricStat": {"Metric": {"Namespace": "App", "MetricName": "m"}, "Period": 60, "Stat": "Sum"},
        },
    ]
    alone = dict.fromkeys(("Namespace", "MetricName", "Statistic", "Period"))
    put_alarm(played, "number", Metrics=queries, TreatMissingData="breaching", **alone)
    put_alarm(played, "after")
    next_minute(played)
    value(played, 5)
    played.clock.advance(60)
    assert (state(played, "number"), state(played, "after")) == ("ALARM", "ALARM")


def test_an_alarm_deleted_in_a_round_is_not_evaluated_in_it(played: Telemetry) -> None:
    for name in ("first", "second"):
        put_alarm(played, name, TreatMissingData="notBreaching")

    def delete(transition: Transition) -> None:
        if transition.alarm.name == "first":
            played.call("DeleteAlarms", AlarmNames=["second"])

    played.alarms.on_transition(delete)
    next_minute(played)
    assert changes(played) == ["first: INSUFFICIENT_DATA to OK"]


# -- composite alarms --------------------------------------------------------------------------------------------


def test_a_composite_alarm_is_of_its_region(played: Telemetry) -> None:
    put_alarm(played, "a")
    put_rule(played, "c", "ALARM(a)")
    elsewhere = {**SINGLE, "AlarmName": "a", "TreatMissingData": "ignore"}
    played.call("PutMetricAlarm", region="eu-west-1", **elsewhere)
    played.call("SetAlarmState", region="eu-west-1", AlarmName="a", StateValue="ALARM", StateReason="by hand")
    assert state(played, "c") == "OK"
    played.call("DeleteAlarms", region="eu-west-1", AlarmNames=["a"])


def test_a_composite_alarm_follows_its_children_at_once(played: Telemetry) -> None:
    put_alarm(played, "a")
    put_alarm(played, "b")
    put_rule(played, "both", "ALARM(a) AND ALARM(b)")
    made = described(played, "both")
    assert made["StateValue"] == "OK"
    assert made["StateReason"] == f"{made['AlarmArn']} was created and its alarm rule evaluates to OK"
    force(played, "a", "ALARM")
    assert state(played, "both") == "OK"
    force(played, "b", "ALARM")
    found = described(played, "both")
    assert found["StateValue"] == "ALARM"
    child = described(played, "b")
    assert found["StateReason"].startswith(f"{child['AlarmArn']} transitioned to ALARM at ")
    (triggering,) = json.loads(found["StateReasonData"])["triggeringAlarms"]
    assert (triggering["arn"], triggering["state"]["value"]) == (child["AlarmArn"], "ALARM")
    force(played, "a", "OK")
    assert state(played, "both") == "OK"


def test_composites_of_composites_by_arn_and_name(played: Telemetry) -> None:
    put_alarm(played, "a")
    put_rule(played, "inner", "ALARM(a)")
    put_rule(played, "outer", f'ALARM("{described(played, "inner")["AlarmArn"]}") OR FALSE')
    force(played, "a", "ALARM")
    assert changes(played)[2:] == ["a: INSUFFICIENT_DATA to ALARM", "inner: OK to ALARM", "outer: OK to ALARM"]
    children = played.call("DescribeAlarms", ChildrenOfAlarmName="outer")
    assert [set(alarm) for alarm in children["CompositeAlarms"]] == [
        {"AlarmName", "AlarmArn", "StateValue", "StateUpdatedTimestamp"}
    ]
    parents = played.call("DescribeAlarms", ParentsOfAlarmName="a")
    assert [alarm["AlarmName"] for alarm in parents["CompositeAlarms"]] == ["inner"]


def test_a_cycle_ends_the_evaluation_and_keeps_both_from_deletion(played: Telemetry) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html"""
    put_rule(played, "x", "FALSE")
    put_rule(played, "y", "ALARM(x)")
    put_rule(played, "x", "NOT ALARM(y)")
    assert {state(played, "x"), state(played, "y")} == {"ALARM"}
    assert played.refusal("DeleteAlarms", AlarmNames=["x"]).code == "ValidationError"
    put_rule(played, "x", "FALSE")
    played.call("DeleteAlarms", AlarmNames=["y"])


def test_what_a_composite_alarm_needs_stays(played: Telemetry) -> None:
    for name in ("a", "b"):
        put_alarm(played, name)
    put_rule(played, "p", "ALARM(a) OR ALARM(b)")
    put_rule(
        played, "q", "TRUE", ActionsSuppressor="b", ActionsSuppressorWaitPeriod=0, ActionsSuppressorExtensionPeriod=0
    )
    error = played.refusal("DeleteAlarms", AlarmNames=["a"])
    assert error.message == "Cannot delete a as there are composite alarm(s) depending on it."
    error = played.refusal("DeleteAlarms", AlarmNames=["a", "b"])
    assert error.message == "Cannot delete a,b as there are composite alarm(s) depending on them."
    assert played.refusal("DeleteAlarms", AlarmNames=["p", "q"]).code == "ValidationError"
    assert len(played.call("DescribeAlarms")["MetricAlarms"]) == 2
    played.call("DeleteAlarms", AlarmNames=["a", "p"])


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"AlarmRule": "ALARM(a) OR ALARM(gone)"}, "as alarms [gone] in the alarm rule do not exist"),
        ({"AlarmRule": "ALARM(a"}, "where ')' is expected"),
        ({"AlarmRule": "TRUE", "ActionsSuppressor": "a"}, "are required with ActionsSuppressor"),
        ({"AlarmRule": "TRUE", "ActionsSuppressorWaitPeriod": 1}, "need an ActionsSuppressor"),
        (
            {
                "AlarmRule": "TRUE",
                "ActionsSuppressor": "gone",
                "ActionsSuppressorWaitPeriod": 1,
                "ActionsSuppressorExtensionPeriod": 1,
            },
            "the actions suppressor gone does not exist",
        ),
        ({"AlarmRule": "TRUE", "AlarmName": "a"}, "A metric alarm with the name a already exists"),
    ],
)
def test_what_is_no_composite_alarm(played: Telemetry, settings: dict[str, Any], says: str) -> None:
    put_alarm(played, "a")
    error = played.refusal("PutCompositeAlarm", **{"AlarmName": "c", **settings})
    assert error.code == "ValidationError"
    assert says in error.message


# -- suppression -------------------------------------------------------------------------------------------------


def suppressed(telemetry: Telemetry, wait: int = 120, extension: int = 180) -> list[tuple[str, str | None]]:
    """A composite alarm `c` over `a` with the suppressor `s`; a list that each of its updates goes to."""
    for name in ("a", "s"):
        put_alarm(telemetry, name, TreatMissingData="ignore")
    put_rule(telemetry, "c", "ALARM(a)")
    put_rule(
        telemetry,
        "c",
        "ALARM(a)",
        ActionsSuppressor="s",
        ActionsSuppressorWaitPeriod=wait,
        ActionsSuppressorExtensionPeriod=extension,
    )
    heard: list[tuple[str, str | None]] = []

    def hear(transition: Transition) -> None:
        if transition.alarm.name == "c":
            heard.append((transition.after.value, transition.after.suppressed_by))

    telemetry.alarms.on_transition(hear)
    return heard


# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-suppression.html
def test_actions_wait_for_the_suppressor_and_come_when_it_stays_away(played: Telemetry) -> None:
    heard = suppressed(played)
    force(played, "a", "ALARM")
    waiting = described(played, "c")
    assert waiting["ActionsSuppressedBy"] == "WaitPeriod"
    assert waiting["ActionsSuppressedReason"] == "Actions suppressed by WaitPeriod"
    played.clock.advance(119)
    assert heard == [("ALARM", "WaitPeriod")]
    played.clock.advance(2)
    assert heard == [("ALARM", "WaitPeriod"), ("ALARM", None)]
    assert "ActionsSuppressedBy" not in described(played, "c")


def test_the_suppressor_holds_actions_and_the_extension_after_it(played: Telemetry) -> None:
    heard = suppressed(played)
    force(played, "a", "ALARM")
    played.clock.advance(60)
    force(played, "s", "ALARM")
    played.clock.advance(600)
    force(played, "s", "OK")
    played.clock.advance(179)
    assert heard == [("ALARM", "WaitPeriod"), ("ALARM", "Alarm"), ("ALARM", "ExtensionPeriod")]
    played.clock.advance(2)
    assert heard[3:] == [("ALARM", None)]


def test_a_change_within_the_extension_is_held_too(played: Telemetry) -> None:
    heard = suppressed(played)
    force(played, "s", "ALARM")
    force(played, "s", "OK")
    force(played, "a", "ALARM")
    assert heard == [("ALARM", "ExtensionPeriod")]


# -- history -----------------------------------------------------------------------------------------------------


def test_history_tells_of_settings_and_states(played: Telemetry) -> None:
    put_alarm(played, "a", AlarmDescription="d", Dimensions=[{"Name": "k", "Value": "v"}])
    put_alarm(played, "a", Threshold=2)
    played.call("SetAlarmState", AlarmName="a", StateValue="ALARM", StateReason="why", StateReasonData='{"because": 1}')
    played.call("DisableAlarmActions", AlarmNames=["a"])
    created, updated, changed, disabled = history(played)
    assert created["HistorySummary"] == 'Alarm "a" created'
    data = json.loads(created["HistoryData"])
    assert (data["version"], data["type"]) == ("1.0", "Create")
    made = data["createdAlarm"]
    assert (made["alarmName"], made["threshold"], made["stateValue"]) == ("a", 1, "INSUFFICIENT_DATA")
    assert made["dimensions"] == [{"value": "v", "name": "k"}]
    assert json.loads(updated["HistoryData"])["updatedAlarm"]["threshold"] == 2
    assert (changed["HistoryItemType"], changed["AlarmType"]) == ("StateUpdate", "MetricAlarm")
    assert changed["HistorySummary"] == "Alarm updated from INSUFFICIENT_DATA to ALARM"
    assert json.loads(changed["HistoryData"]) == {
        "version": "1.0",
        "oldState": {"stateValue": "INSUFFICIENT_DATA", "stateReason": "Unchecked: Initial alarm creation"},
        "newState": {"stateValue": "ALARM", "stateReason": "why", "stateReasonData": {"because": 1}},
    }
    assert json.loads(disabled["HistoryData"])["updatedAlarm"]["actionsEnabled"] is False


def test_history_is_told_newest_first_by_pages_and_filters(played: Telemetry) -> None:
    put_alarm(played, "a")
    put_rule(played, "c", "FALSE")
    for number in range(6):
        force(played, "a", ("OK", "ALARM")[number % 2])
    assert [item["AlarmName"] for item in played.call("DescribeAlarmHistory")["AlarmHistoryItems"]] == ["a"] * 7
    page = played.call("DescribeAlarmHistory", AlarmName="a", MaxRecords=3)
    assert page["AlarmHistoryItems"][0]["HistorySummary"] == "Alarm updated from OK to ALARM"
    rest = played.call("DescribeAlarmHistory", AlarmName="a", NextToken=page["NextToken"])
    assert len(rest["AlarmHistoryItems"]) == 4
    assert "NextToken" not in rest
    composite = history(played, AlarmTypes=["CompositeAlarm"], HistoryItemType="ConfigurationUpdate")
    assert [item["HistorySummary"] for item in composite] == ['Alarm "c" created']
    later = played.clock.datetime() + timedelta(hours=1)
    assert history(played, StartDate=later) == []
    assert played.refusal("DescribeAlarmHistory", NextToken="junk").code == "InvalidNextToken"


# -- operations --------------------------------------------------------------------------------------------------


def test_alarms_are_found_by_name_prefix_state_action_and_type(played: Telemetry) -> None:
    put_alarm(played, "web-errors", AlarmActions=[TOPIC])
    put_alarm(played, "web-slow", OKActions=[TOPIC + "2"])
    put_alarm(played, "db")
    put_rule(played, "web", "ALARM(db)")
    force(played, "db", "ALARM")

    def names(**params: Any) -> list[str]:
        answer = played.call("DescribeAlarms", **params)
        return [alarm["AlarmName"] for alarm in answer["MetricAlarms"] + answer["CompositeAlarms"]]

    assert names() == ["db", "web-errors", "web-slow"]
    assert names(AlarmTypes=["CompositeAlarm"]) == ["web"]
    assert names(AlarmTypes=["CompositeAlarm", "MetricAlarm"], AlarmNamePrefix="web") == [
        "web-errors",
        "web-slow",
        "web",
    ]
    assert names(StateValue="ALARM") == ["db"]
    assert names(ActionPrefix=TOPIC) == ["web-errors", "web-slow"]
    assert names(AlarmNames=["db", "gone"]) == ["db"]
    page = played.call("DescribeAlarms", MaxRecords=2)
    assert [alarm["AlarmName"] for alarm in page["MetricAlarms"]] == ["db", "web-errors"]
    assert names(NextToken=page["NextToken"]) == ["web-slow"]
    assert played.call("DescribeAlarms", AlarmNames=["db"], region="eu-west-1")["MetricAlarms"] == []


def test_alarms_of_a_metric(played: Telemetry) -> None:
    dimensions = [{"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}]
    put_alarm(played, "plain")
    put_alarm(played, "dimensioned", Dimensions=dimensions)
    put_alarm(played, "maths", **NO_METRIC, Metrics=RATE)

    def names(**params: Any) -> list[str]:
        asked = {"Namespace": "App", "MetricName": "m", **params}
        return [alarm["AlarmName"] for alarm in played.call("DescribeAlarmsForMetric", **asked)["MetricAlarms"]]

    assert names() == ["plain"]
    assert names(Dimensions=dimensions[::-1]) == ["dimensioned"]
    assert names(Statistic="Average") == []
    assert names(Period=60, Statistic="Sum") == ["plain"]


def test_tags(played: Telemetry) -> None:
    put_alarm(played, "a", Tags=[{"Key": "team", "Value": "red"}])
    arn = described(played, "a")["AlarmArn"]
    played.call("TagResource", ResourceARN=arn, Tags=[{"Key": "stage", "Value": "prod"}])
    played.call("UntagResource", ResourceARN=arn, TagKeys=["team"])
    assert played.call("ListTagsForResource", ResourceARN=arn) == {"Tags": [{"Key": "stage", "Value": "prod"}]}
    assert played.alarms.tags_of(arn) == {"stage": "prod"}
    assert played.refusal("ListTagsForResource", ResourceARN=arn + "2").code == "ResourceNotFoundException"


ANOTHER = {"Id": "n", "MetricStat": {"Metric": {"Namespace": "App", "MetricName": "n"}, "Period": 300, "Stat": "Sum"}}


@pytest.mark.parametrize(
    ("settings", "code", "says"),
    [
        ({"MetricName": None}, "ValidationError", "MetricName must not be null"),
        ({"Statistic": None}, "MissingParameter", "Must specify either Statistic or ExtendedStatistic"),
        ({"ExtendedStatistic": "p9"}, "InvalidParameterCombination", "not both"),
        ({"EvaluationPeriods": None}, "MissingParameter", "EvaluationPeriods"),
        ({"DatapointsToAlarm": 2}, "ValidationError", "DatapointsToAlarm must be between 1 and EvaluationPeriods (1)"),
        ({"Period": 45}, "ValidationError", "Period must be 10, 20, 30 or a multiple of 60"),
        ({"EvaluationPeriods": 1441}, "ValidationError", "more than 1 day"),
        ({"Period": 3600, "EvaluationPeriods": 169}, "ValidationError", "more than 7 days"),
        ({"TreatMissingData": "bad"}, "ValidationError", "The value bad is not supported for TreatMissingData"),
        ({"EvaluateLowSampleCountPercentile": "no"}, "ValidationError", "Option no is not supported"),
        ({"AlarmActions": ["a topic"]}, "ValidationError", "Invalid arn syntax: a topic"),
        ({"AlarmActions": [TOPIC] * 6}, "ValidationError", "AlarmActions must not have a size greater than 5"),
        (
            {"AlarmActions": ["arn:aws:sns:eu-west-1:123456789012:t"]},
            "ValidationError",
            "Invalid region eu-west-1 specified. Only us-east-1 is supported.",
        ),
        ({"ComparisonOperator": "LikeThreshold"}, "ValidationError", "ComparisonOperator must be a value in the set"),
        ({"Metrics": RATE}, "InvalidParameterCombination", "Metrics and MetricName"),
        (
            {**NO_METRIC, "Metrics": RATE[1:]},
            "ValidationError",
            "Exactly one element of the metrics list should return",
        ),
        ({**NO_METRIC, "Metrics": [*RATE, ANOTHER]}, "ValidationError", "Exactly one element"),
        (
            {**NO_METRIC, "Metrics": [*RATE, {**ANOTHER, "ReturnData": False}]},
            "ValidationError",
            "must have the same period",
        ),
        (
            {**NO_METRIC, "Metrics": [{"Id": "e", "Expression": "METRICS()"}, *RATE[1:]]},
            "ValidationError",
            "An alarm watches a single time series",
        ),
        (
            {**NO_METRIC, "Metrics": [{"Id": "e", "Expression": "errors / gone"}, *RATE[1:]]},
            "ValidationError",
            "Error in expression 'e': Undefined metric or expression 'gone'",
        ),
        (
            {**NO_METRIC, "Metrics": [{"Id": "e", "Expression": "ANOMALY_DETECTION_BAND(errors)"}, *RATE[1:]]},
            "ValidationError",
            "anomaly detection is not part of this sandbox",
        ),
        # What is not built is refused by name.
        (
            {"AlarmActions": ["arn:aws:automate:us-east-1:ec2:stop"]},
            "NotImplementedException",
            "arn:aws:automate:us-east-1:ec2:stop: there are no machines",
        ),
        (
            {"AlarmActions": ["arn:aws:ssm:us-east-1:123456789012:opsitem:3"]},
            "NotImplementedException",
            "there are no OpsItems",
        ),
        (
            {"OKActions": ["arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:1:autoScalingGroupName/g"]},
            "NotImplementedException",
            "nothing is scaled",
        ),
        ({"ThresholdMetricId": "ad1"}, "NotImplementedException", "ThresholdMetricId: anomaly detection"),
        ({"ComparisonOperator": "LessThanLowerThreshold"}, "NotImplementedException", "anomaly detection"),
        ({"EvaluationWindow": {"WallClockWindow": {}}}, "NotImplementedException", "wall clock"),
        ({"WarmUpConfiguration": {}}, "NotImplementedException", "WarmUpConfiguration"),
        ({"Statistic": None, "ExtendedStatistic": "tm90"}, "NotImplementedException", "only percentiles"),
    ],
)
def test_what_is_no_alarm(played: Telemetry, settings: dict[str, Any], code: str, says: str) -> None:
    given = {key: value for key, value in {**SINGLE, **settings}.items() if value is not None}
    error = played.refusal("PutMetricAlarm", AlarmName="a", **given)
    assert (error.code, says in error.message) == (code, True), error
    assert played.call("DescribeAlarms")["MetricAlarms"] == []


def test_other_wrong_calls(played: Telemetry) -> None:
    put_alarm(played, "a")
    assert played.refusal("PutMetricAlarm", **SINGLE).code == "MissingParameter"
    refusal = played.refusal("SetAlarmState", AlarmName="gone", StateValue="OK", StateReason="r")
    assert refusal.code == "ResourceNotFound"
    refusal = played.refusal("SetAlarmState", AlarmName="a", StateValue="OK", StateReason="r", StateReasonData="{")
    assert refusal.code == "InvalidFormat"
    assert played.refusal("SetAlarmState", AlarmName="a", StateValue="RED", StateReason="r").code == "ValidationError"
    refusal = played.refusal("DescribeAlarms", ChildrenOfAlarmName="a", StateValue="OK")
    assert "other parameters than MaxRecords" in refusal.message
    assert "not a composite alarm" in played.refusal("DescribeAlarms", ChildrenOfAlarmName="a").message
    assert "together" in played.refusal("DescribeAlarms", AlarmNames=["a"], AlarmNamePrefix="a").message
