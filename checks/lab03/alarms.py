"""The alarms of a round: on an alias or on one version of it, and when they changed their state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from checks.lab03 import shop

if TYPE_CHECKING:
    from sandbox.cloud import Cloud


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
    found = cloud.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return str(found[0]["StateValue"]) if found else ""


def history(cloud: Cloud, name: str) -> list[Transition]:
    """All changes of an alarm's state that CloudWatch remembers, oldest first."""
    pages = cloud.client("cloudwatch").get_paginator("describe_alarm_history")
    found = [
        _transition(one)
        for page in pages.paginate(AlarmName=name, HistoryItemType="StateUpdate")
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
