"""The alarms of a round: on an alias or on one version of it, and when they changed their state."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from checks.lab03 import shop

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

TYPES = ["MetricAlarm", "CompositeAlarm"]


@dataclass(frozen=True, slots=True)
class Transition:
    """An alarm went from one state into another; `reason` is CloudWatch's, `value` the newest datapoint that it saw."""

    at: datetime
    before: str
    after: str
    reason: str
    value: float | None = None


def dimensions(function: str, version: str = "") -> list[dict[str, str]]:
    """Those of the alias's metrics, or of one version behind it.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    """
    found = {"FunctionName": function, "Resource": f"{function}:{shop.ALIAS}"}
    if version:
        found["ExecutedVersion"] = version
    return [{"Name": name, "Value": value} for name, value in found.items()]


def on_errors(
    cloud: Cloud,
    function: str,
    name: str,
    *,
    version: str = "",
    above: float = 0,
    period: int = 60,
    periods: int = 1,
    missing: str = "notBreaching",
) -> str:
    """An alarm on how many requests fail in each of so many periods of so many seconds. Its name."""
    return _put(
        cloud,
        function,
        name,
        periods,
        missing,
        above,
        {
            "Namespace": "AWS/Lambda",
            "MetricName": "Errors",
            "Dimensions": dimensions(function, version),
            "Statistic": "Sum",
            "Period": period,
        },
    )


def on_error_rate(
    cloud: Cloud,
    function: str,
    name: str,
    *,
    version: str = "",
    above: float,
    period: int = 60,
    periods: int = 1,
    missing: str = "notBreaching",
) -> str:
    """An alarm on the share of requests that fail, in percent. Its name."""

    def metric(id: str, metric_name: str) -> dict[str, Any]:
        of = {"Namespace": "AWS/Lambda", "MetricName": metric_name, "Dimensions": dimensions(function, version)}
        return {"Id": id, "ReturnData": False, "MetricStat": {"Metric": of, "Period": period, "Stat": "Sum"}}

    rate = {"Id": "rate", "Expression": "100 * errors / requests", "Label": "errors, %", "ReturnData": True}
    metrics = [metric("errors", "Errors"), metric("requests", "Invocations"), rate]
    return _put(cloud, function, name, periods, missing, above, {"Metrics": metrics})


def _put(
    cloud: Cloud, function: str, name: str, periods: int, missing: str, above: float, what: Mapping[str, Any]
) -> str:
    full = f"{function}:{name}"
    cloud.client("cloudwatch").put_metric_alarm(
        AlarmName=full,
        EvaluationPeriods=periods,
        DatapointsToAlarm=periods,
        Threshold=above,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData=missing,
        **what,
    )
    return full


def names_of(cloud: Cloud, function: str) -> list[str]:
    """The names of a function's alarms, in the order of the alphabet."""
    pages = cloud.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{function}:")
    return sorted(one["AlarmName"] for page in pages for one in page["MetricAlarms"])


def state(cloud: Cloud, name: str) -> str:
    """The state of an alarm; empty if there is no such alarm."""
    found = _described(cloud, [name])
    return str(found[0]["StateValue"]) if found else ""


def alarming(cloud: Cloud, names: Sequence[str]) -> list[str]:
    """Those of the alarms that are in ALARM."""
    return [one["AlarmName"] for one in _described(cloud, names) if one["StateValue"] == "ALARM"]


def saw(cloud: Cloud, name: str, start: datetime, end: datetime) -> str:
    """In words, what an alarm had to look at between two times: nothing, or from which value to which."""
    found = _described(cloud, [name])
    if not found:
        return f"{name} does not exist"
    alarm = found[0]
    if "Threshold" not in alarm:
        return f"{name} is {alarm['AlarmRule']}"
    values = _values(cloud, alarm, start, end)
    if not values:
        return f"{name} had no datapoint"
    least, most = _number(min(values)), _number(max(values))
    between = f"of {least}" if least == most else f"from {least} to {most}"
    many = "1 datapoint" if len(values) == 1 else f"{len(values)} datapoints"
    return f"{name} had {many} {between}, and its threshold is {_number(alarm['Threshold'])}"


def _number(value: float) -> str:
    return f"{round(value, 4):.10g}"


def _values(cloud: Cloud, alarm: Mapping[str, Any], start: datetime, end: datetime) -> list[float]:
    queries = alarm.get("Metrics")
    if not queries:
        of = {one: alarm[one] for one in ("Namespace", "MetricName", "Dimensions")}
        stat = alarm.get("Statistic") or alarm["ExtendedStatistic"]
        queries = [{"Id": "watched", "MetricStat": {"Metric": of, "Period": alarm["Period"], "Stat": stat}}]
    pages = cloud.client("cloudwatch").get_paginator("get_metric_data")
    found = pages.paginate(MetricDataQueries=queries, StartTime=start, EndTime=end)
    return [value for page in found for one in page["MetricDataResults"] for value in one["Values"]]


def _described(cloud: Cloud, names: Sequence[str]) -> list[dict[str, Any]]:
    """The alarms of these names. Without AlarmTypes AWS leaves composite alarms out.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
    """
    if not names:
        return []
    told = cloud.client("cloudwatch").describe_alarms(AlarmNames=list(names), AlarmTypes=TYPES)
    return [*told.get("MetricAlarms", ()), *told.get("CompositeAlarms", ())]


def history(cloud: Cloud, name: str) -> list[Transition]:
    """All changes of an alarm's state that CloudWatch remembers, oldest first."""
    pages = cloud.client("cloudwatch").get_paginator("describe_alarm_history")
    found = [
        _transition(one)
        for page in pages.paginate(AlarmName=name, AlarmTypes=TYPES, HistoryItemType="StateUpdate")
        for one in page["AlarmHistoryItems"]
    ]
    return sorted(found, key=lambda one: one.at)


def _transition(item: Mapping[str, Any]) -> Transition:
    told = json.loads(item["HistoryData"])
    new = told["newState"]
    recent = new.get("stateReasonData", {}).get("recentDatapoints") or [None]
    return Transition(
        at=item["Timestamp"],
        before=told["oldState"]["stateValue"],
        after=new["stateValue"],
        reason=new["stateReason"],
        value=recent[-1],
    )
