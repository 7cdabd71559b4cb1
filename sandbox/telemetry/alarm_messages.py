"""What alarms send: the message for topics, the event for functions, the details for EventBridge.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html,
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html,
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
"""

from __future__ import annotations

import functools
import json
import uuid
from collections.abc import Mapping
from typing import Any

import botocore.session

from sandbox.telemetry.alarm import ACTIONS, Alarm, CompositeAlarm, MetricAlarm, State
from sandbox.telemetry.evaluation import alarm_time

MAX_SUBJECT = 99
MAX_TRIGGERING = 10
_STATISTICS = {
    "SampleCount": "SAMPLE_COUNT",
    "Average": "AVERAGE",
    "Sum": "SUM",
    "Minimum": "MINIMUM",
    "Maximum": "MAXIMUM",
}


@functools.cache
def region_name(region: str) -> str:
    """A Region as notifications name it: US East (N. Virginia), EU (Ireland)."""
    for partition in botocore.session.get_session().get_data("endpoints")["partitions"]:
        found = partition["regions"].get(region)
        if found is not None:
            return str(found["description"]).replace("Europe ", "EU ")
    return region


# -- topics ------------------------------------------------------------------------------------------------------


def subject(alarm: Alarm) -> str:
    """A notification's subject; what is longer than a subject may be is cut."""
    text = f'{alarm.state.value}: "{alarm.name}" in {region_name(alarm.place[1])}'
    return text if len(text) <= MAX_SUBJECT else text[: MAX_SUBJECT - 3] + "..."


def notification(alarm: Alarm, before: State, after: State) -> str:
    """A notification's message, a JSON text."""
    settings = alarm.settings
    content: dict[str, Any] = {
        "AlarmName": alarm.name,
        "AlarmDescription": settings.get("AlarmDescription"),
        "AWSAccountId": alarm.place[0],
        "AlarmConfigurationUpdatedTimestamp": alarm_time(alarm.configured),
        "NewStateValue": after.value,
        "NewStateReason": after.reason,
        "StateChangeTime": alarm_time(after.updated),
        "Region": region_name(alarm.place[1]),
        "AlarmArn": alarm.arn,
        "OldStateValue": before.value,
        **{member: settings[member] for member in ("OKActions", "AlarmActions", "InsufficientDataActions")},
    }
    if isinstance(alarm, MetricAlarm):
        content["Trigger"] = _trigger(alarm)
    else:
        content["AlarmRule"] = settings["AlarmRule"]
        triggering = json.loads(after.data).get("triggeringAlarms", ()) if after.data else ()
        content["TriggeringChildren"] = [
            {"Arn": each["arn"], "State": {"Value": each["state"]["value"], "Timestamp": each["state"]["timestamp"]}}
            for each in triggering[:MAX_TRIGGERING]
        ]
    return json.dumps(content, separators=(",", ":"))


def _trigger(alarm: MetricAlarm) -> dict[str, Any]:
    settings, criteria = alarm.settings, alarm.criteria
    trigger: dict[str, Any] = {}
    if "MetricName" in settings:
        trigger = {"MetricName": settings["MetricName"], "Namespace": settings["Namespace"]}
        if "Statistic" in settings:
            trigger |= {"StatisticType": "Statistic", "Statistic": _STATISTICS[settings["Statistic"]]}
        else:
            trigger |= {"StatisticType": "ExtendedStatistic", "ExtendedStatistic": settings["ExtendedStatistic"]}
        trigger |= {"Unit": settings.get("Unit"), "Dimensions": _pairs(settings.get("Dimensions"))}
    trigger |= {"Period": criteria.period, "EvaluationPeriods": criteria.periods}
    if criteria.datapoints is not None:
        trigger["DatapointsToAlarm"] = criteria.datapoints
    trigger |= {
        "ComparisonOperator": criteria.comparison,
        "Threshold": criteria.threshold,
        "TreatMissingData": settings.get("TreatMissingData", "missing"),
        "EvaluateLowSampleCountPercentile": settings.get("EvaluateLowSampleCountPercentile", ""),
    }
    if "Metrics" in settings:
        trigger["Metrics"] = [_queried(query) for query in settings["Metrics"]]
    return trigger


def _pairs(dimensions: Any) -> list[dict[str, str]]:
    return [{"value": each["Value"], "name": each["Name"]} for each in dimensions or ()]


def _queried(query: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: query[name] for name in ("Expression", "Id", "Label") if query.get(name) is not None}
    if query.get("MetricStat") is not None:
        stat = query["MetricStat"]
        metric = stat["Metric"]
        shown["MetricStat"] = {
            "Metric": {
                "Dimensions": _pairs(metric.get("Dimensions")),
                "MetricName": metric["MetricName"],
                "Namespace": metric["Namespace"],
            },
            "Period": stat["Period"],
            "Stat": stat["Stat"],
        }
        if stat.get("Unit") is not None:
            shown["MetricStat"]["Unit"] = stat["Unit"]
    return shown | {"ReturnData": query.get("ReturnData") is not False}


# -- functions and EventBridge -----------------------------------------------------------------------------------


def function_event(alarm: Alarm, before: State, after: State) -> dict[str, Any]:
    """The event that a function gets."""
    account, region, _ = alarm.place
    return {
        "source": "aws.cloudwatch",
        "alarmArn": alarm.arn,
        "accountId": account,
        "time": alarm_time(after.updated),
        "region": region,
        "alarmData": state_change(alarm, before, after),
    }


def state_change(alarm: Alarm, before: State, after: State) -> dict[str, Any]:
    """The detail of the event «CloudWatch Alarm State Change»."""
    return {
        "alarmName": alarm.name,
        "state": _state(after),
        "previousState": _state(before),
        "configuration": _watched(alarm),
    }


def configuration_change(alarm: Alarm, operation: str, previous: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The detail of the event «CloudWatch Alarm Configuration Change»; `previous` is what `configuration` gave."""
    state: dict[str, Any] = {"value": alarm.state.value, "timestamp": alarm_time(alarm.state.updated)}
    if alarm.state.suppressed_by is not None:
        state["actionsSuppressedBy"] = alarm.state.suppressed_by
    detail = {
        "alarmName": alarm.name,
        "operation": operation,
        "state": state,
        "configuration": configuration(alarm),
    }
    return detail if previous is None else {**detail, "previousConfiguration": previous}


def configuration(alarm: Alarm) -> dict[str, Any]:
    """All settings, as the event of their change tells them."""
    shown: dict[str, Any] = {}
    if isinstance(alarm, MetricAlarm):
        criteria = alarm.criteria
        shown = {
            "evaluationPeriods": criteria.periods,
            "threshold": criteria.threshold,
            "comparisonOperator": criteria.comparison,
        }
        if criteria.datapoints is not None:
            shown["datapointsToAlarm"] = criteria.datapoints
        for setting, name in (
            ("TreatMissingData", "treatMissingData"),
            ("EvaluateLowSampleCountPercentile", "evaluateLowSampleCountPercentile"),
        ):
            if setting in alarm.settings:
                shown[name] = alarm.settings[setting]
    return {
        **shown,
        **_watched(alarm),
        "alarmName": alarm.name,
        "actionsEnabled": alarm.actions_enabled,
        "timestamp": alarm_time(alarm.configured),
        "okActions": alarm.settings["OKActions"],
        "alarmActions": alarm.settings["AlarmActions"],
        "insufficientDataActions": alarm.settings["InsufficientDataActions"],
    }


def _watched(alarm: Alarm) -> dict[str, Any]:
    """What the alarm looks at."""
    settings = alarm.settings
    shown: dict[str, Any] = {}
    if isinstance(alarm, CompositeAlarm):
        for setting in (
            "AlarmRule",
            "ActionsSuppressor",
            "ActionsSuppressorWaitPeriod",
            "ActionsSuppressorExtensionPeriod",
        ):
            if setting in settings:
                shown[_lower(setting)] = settings[setting]
    elif "Metrics" in settings:
        shown["metrics"] = [_asked(query) for query in settings["Metrics"]]
    else:
        metric = {name: settings[name] for name in ("Namespace", "MetricName", "Dimensions")}
        statistic = settings.get("Statistic") or settings.get("ExtendedStatistic")
        stat = {"Metric": metric, "Period": settings["Period"], "Stat": statistic, "Unit": settings.get("Unit")}
        # AWS makes up an id at each change; here it is the same for the same alarm.
        query = {"Id": str(uuid.uuid5(uuid.NAMESPACE_URL, alarm.arn)), "MetricStat": stat}
        shown["metrics"] = [_asked(query)]
    if settings.get("AlarmDescription"):
        shown["description"] = settings["AlarmDescription"]
    return shown


def _asked(query: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": query["Id"]}
    for setting in ("Expression", "Label", "Period"):
        if query.get(setting) is not None:
            shown[setting.lower()] = query[setting]
    stat = query.get("MetricStat")
    if stat is not None:
        metric = stat["Metric"]
        shown["metricStat"] = {
            "metric": {
                "namespace": metric["Namespace"],
                "name": metric["MetricName"],
                "dimensions": {each["Name"]: each["Value"] for each in metric.get("Dimensions") or ()},
            },
            "period": stat["Period"],
            "stat": stat["Stat"],
        }
        if stat.get("Unit") is not None:
            shown["metricStat"]["unit"] = stat["Unit"]
    shown["returnData"] = query.get("ReturnData") is not False
    return shown


def _state(state: State) -> dict[str, Any]:
    shown: dict[str, Any] = {"value": state.value, "reason": state.reason}
    if state.data is not None:
        shown["reasonData"] = state.data
    shown["timestamp"] = alarm_time(state.updated)
    if state.suppressed_by is not None:
        shown["actionsSuppressedBy"] = state.suppressed_by
        shown["actionsSuppressedReason"] = state.suppressed_reason
    return shown


# -- history -----------------------------------------------------------------------------------------------------


def camel(alarm: Alarm) -> dict[str, Any]:
    """An alarm with all its settings, as history spells them."""
    shown: dict[str, Any] = {
        _lower(name): value for name, value in alarm.settings.items() if name not in (*ACTIONS.values(), "Dimensions")
    }
    if "Dimensions" in alarm.settings:
        shown["dimensions"] = _pairs(alarm.settings["Dimensions"])
    return {
        **shown,
        "alarmArn": alarm.arn,
        "alarmConfigurationUpdatedTimestamp": alarm_time(alarm.configured),
        "stateValue": alarm.state.value,
        "stateUpdatedTimestamp": alarm_time(alarm.state.updated),
        "actionsEnabled": alarm.actions_enabled,
        "alarmActions": alarm.settings["AlarmActions"],
        "insufficientDataActions": alarm.settings["InsufficientDataActions"],
        "okactions": alarm.settings["OKActions"],
    }


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]
