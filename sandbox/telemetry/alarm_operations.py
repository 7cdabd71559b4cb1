"""CloudWatch's operations on alarms.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Operations.html (the page of each operation)
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sandbox.clock import Clock
from sandbox.gateway.call import AwsError, Call, Operation
from sandbox.telemetry import alarm_checks
from sandbox.telemetry.alarm import (
    ACTIONS,
    INITIAL_REASON,
    Alarm,
    AlarmType,
    CompositeAlarm,
    MetricAlarm,
    State,
    name_of,
)
from sandbox.telemetry.alarm_checks import invalid
from sandbox.telemetry.alarms import Alarms

PAGE = 100
DEFAULT_PAGE = 50
STATES = ("OK", "ALARM", "INSUFFICIENT_DATA")
KINDS: tuple[AlarmType, ...] = ("MetricAlarm", "CompositeAlarm")
_LISTS: Mapping[AlarmType, str] = {"MetricAlarm": "MetricAlarms", "CompositeAlarm": "CompositeAlarms"}
_FAMILY = ("ChildrenOfAlarmName", "ParentsOfAlarmName")
_FILTERS = ("AlarmNames", "AlarmNamePrefix", "AlarmTypes", "StateValue", "ActionPrefix")

T = TypeVar("T")


class AlarmOperations:
    """Answers for the alarms that `alarms` keeps."""

    def __init__(self, clock: Clock, alarms: Alarms) -> None:
        self._clock = clock
        self._alarms = alarms
        self.operations: Mapping[str, Operation] = {
            "PutMetricAlarm": self._put_metric_alarm,
            "PutCompositeAlarm": self._put_composite_alarm,
            "DescribeAlarms": self._describe_alarms,
            "DescribeAlarmsForMetric": self._describe_alarms_for_metric,
            "DescribeAlarmHistory": self._describe_alarm_history,
            "DeleteAlarms": self._delete_alarms,
            "SetAlarmState": self._set_alarm_state,
            "EnableAlarmActions": lambda call: self._enable(call, True),
            "DisableAlarmActions": lambda call: self._enable(call, False),
        }

    # -- putting -----------------------------------------------------------------------------------------------

    def _put_metric_alarm(self, call: Call) -> None:
        definition = alarm_checks.metric_alarm(call.params, call.region)
        place = (call.account, call.region, call.params["AlarmName"])
        with self._alarms.changing() as effects:
            self._expect_kind(self._alarms.find(*place), "MetricAlarm")
            now = self._clock.now()
            self._alarms.put(
                MetricAlarm(
                    place,
                    definition.settings,
                    now,
                    State("INSUFFICIENT_DATA", INITIAL_REASON, now, now),
                    call.params.get("ActionsEnabled") is not False,
                    alarm_checks.tags(call.params.get("Tags"), by_aws=call.principal.is_aws),
                    criteria=definition.criteria,
                    queries=definition.queries,
                    watched=definition.watched,
                ),
                effects,
            )

    def _put_composite_alarm(self, call: Call) -> None:
        params = call.params
        definition = alarm_checks.composite_alarm(params, call.region)
        place = (call.account, call.region, params["AlarmName"])
        now = self._clock.now()
        suppressor = params.get("ActionsSuppressor")
        alarm = CompositeAlarm(
            place,
            definition.settings,
            now,
            State("INSUFFICIENT_DATA", INITIAL_REASON, now, now),
            params.get("ActionsEnabled") is not False,
            alarm_checks.tags(params.get("Tags"), by_aws=call.principal.is_aws),
            rule=definition.rule,
            suppressor=name_of(suppressor) if suppressor is not None else None,
            wait=params.get("ActionsSuppressorWaitPeriod") or 0,
            extension=params.get("ActionsSuppressorExtensionPeriod") or 0,
        )
        with self._alarms.changing() as effects:
            self._expect_kind(self._alarms.find(*place), "CompositeAlarm")
            known = {each.name for each in self._alarms.all(call.account, call.region)} | {alarm.name}
            absent = [name for name in alarm.children if name not in known]
            if absent:
                raise invalid(
                    f"Could not save the composite alarm as alarms [{', '.join(absent)}] in the alarm rule do not exist"
                )
            if alarm.suppressor is not None and (alarm.suppressor == alarm.name or alarm.suppressor not in known):
                raise invalid(
                    f"Could not save the composite alarm as the actions suppressor {suppressor} does not exist"
                )
            self._alarms.put(alarm, effects)

    def _expect_kind(self, existing: Alarm | None, kind: AlarmType) -> None:
        if existing is not None and existing.kind != kind:
            other = "composite" if existing.kind == "CompositeAlarm" else "metric"
            raise invalid(f"A {other} alarm with the name {existing.name} already exists.")

    # -- reading -----------------------------------------------------------------------------------------------

    def _describe_alarms(self, call: Call) -> dict[str, Any]:
        params = call.params
        family = [name for name in _FAMILY if params.get(name)]
        if family and (len(family) > 1 or any(params.get(name) for name in _FILTERS)):
            raise invalid(f"{family[0]} can't be used with other parameters than MaxRecords and NextToken.")
        if params.get("AlarmNames") and params.get("AlarmNamePrefix"):
            raise invalid("AlarmNames and AlarmNamePrefix can't be used together.")
        if params.get("StateValue") not in (None, *STATES):
            raise invalid(f"The parameter StateValue must be a value in the set [ {', '.join(STATES)} ].")
        with self._alarms.locked():
            if family:
                shown = self._related(call, family[0])
            else:
                shown = [(alarm.kind, alarm.name, alarm.described()) for alarm in self._filtered(call)]
        shown.sort(key=lambda entry: entry[1])
        page, token = _page(shown, params, PAGE)
        kinds = _kinds(params) if not family else KINDS
        answer: dict[str, Any] = {
            _LISTS[kind]: [alarm for its_kind, _, alarm in page if its_kind == kind] for kind in KINDS if kind in kinds
        }
        answer.setdefault("MetricAlarms", [])
        answer.setdefault("CompositeAlarms", [])
        return answer if token is None else {**answer, "NextToken": token}

    def _filtered(self, call: Call) -> list[Alarm]:
        params = call.params
        kinds, names = _kinds(params), params.get("AlarmNames")
        prefix, state, action = (params.get(name) for name in ("AlarmNamePrefix", "StateValue", "ActionPrefix"))
        return [
            alarm
            for alarm in self._alarms.all(call.account, call.region)
            if alarm.kind in kinds
            and (not names or alarm.name in names)
            and (not prefix or alarm.name.startswith(prefix))
            and state in (None, alarm.state.value)
            and (not action or any(each.startswith(action) for value in ACTIONS for each in alarm.actions(value)))
        ]

    def _related(self, call: Call, parameter: str) -> list[tuple[AlarmType, str, dict[str, Any]]]:
        alarm = self._alarms.find(call.account, call.region, call.params[parameter])
        if alarm is None:
            raise AwsError("ResourceNotFound", f"Alarm {call.params[parameter]} not found", 404)
        if parameter == "ParentsOfAlarmName":
            return [
                (each.kind, each.name, {"AlarmName": each.name, "AlarmArn": each.arn})
                for each in self._alarms.parents(alarm)
            ]
        if not isinstance(alarm, CompositeAlarm):
            raise invalid(f"{alarm.name} is not a composite alarm.")
        found = [self._alarms.find(call.account, call.region, name) for name in alarm.children]
        told = ("AlarmName", "AlarmArn", "StateValue", "StateUpdatedTimestamp")
        return [
            (each.kind, each.name, {name: value for name, value in each.described().items() if name in told})
            for each in found
            if each is not None
        ]

    def _describe_alarms_for_metric(self, call: Call) -> dict[str, Any]:
        params = call.params
        for name in ("MetricName", "Namespace"):
            if not params.get(name):
                raise AwsError("MissingParameter", f"The parameter {name} is required.")
        wanted = {(each["Name"], each["Value"]) for each in params.get("Dimensions") or ()}
        found = []
        with self._alarms.locked():
            for alarm in self._alarms.all(call.account, call.region):
                settings = alarm.settings
                if (settings.get("MetricName"), settings.get("Namespace")) != (
                    params["MetricName"],
                    params["Namespace"],
                ):
                    continue
                if {(each["Name"], each["Value"]) for each in settings.get("Dimensions") or ()} != wanted:
                    continue
                if all(
                    params.get(name) in (None, settings.get(name))
                    for name in ("Statistic", "ExtendedStatistic", "Period", "Unit")
                ):
                    found.append(alarm.described())
        return {"MetricAlarms": sorted(found, key=lambda alarm: str(alarm["AlarmName"]))}

    def _describe_alarm_history(self, call: Call) -> dict[str, Any]:
        params = call.params
        if params.get("AlarmContributorId") is not None:
            raise invalid("Alarms of this sandbox have no contributors (AlarmContributorId).")
        with self._alarms.locked():
            items = self._alarms.history.items(
                call.account,
                call.region,
                alarm=params.get("AlarmName"),
                kinds=_kinds(params),
                type=params.get("HistoryItemType"),
                start=_unix(params.get("StartDate")),
                end=_unix(params.get("EndDate")),
            )
        if params.get("ScanBy") != "TimestampAscending":
            items.reverse()
        page, token = _page(items, params, PAGE)
        answer: dict[str, Any] = {"AlarmHistoryItems": [item.shown() for item in page]}
        return answer if token is None else {**answer, "NextToken": token}

    # -- changing ----------------------------------------------------------------------------------------------

    def _delete_alarms(self, call: Call) -> None:
        names = list(dict.fromkeys(call.params.get("AlarmNames") or ()))
        if not names:
            raise AwsError("MissingParameter", "The parameter AlarmNames is required.")
        if len(names) > PAGE:
            raise invalid(f"The collection AlarmNames must not have a size greater than {PAGE}.")
        with self._alarms.changing() as effects:
            found = [self._alarms.find(call.account, call.region, name) for name in names]
            going = [alarm for alarm in found if alarm is not None]
            composites = [alarm for alarm in going if alarm.kind == "CompositeAlarm"]
            if len(composites) > 1:
                raise invalid("Only one composite alarm can be deleted at a time.")
            held = [
                alarm.name
                for alarm in going
                if any(each not in going or each is alarm for each in self._alarms.dependents(alarm))
            ]
            if held:
                # https://github.com/cloud-custodian/cloud-custodian/issues/7763 has AWS's words.
                them = "it" if len(held) == 1 else "them"
                raise invalid(f"Cannot delete {','.join(held)} as there are composite alarm(s) depending on {them}.")
            for alarm in (*composites, *(alarm for alarm in going if alarm.kind != "CompositeAlarm")):
                self._alarms.delete(alarm, effects)

    def _set_alarm_state(self, call: Call) -> None:
        params = call.params
        for name in ("AlarmName", "StateValue", "StateReason"):
            if params.get(name) is None:
                raise AwsError("MissingParameter", f"The parameter {name} is required.")
        if params["StateValue"] not in STATES:
            raise invalid(f"The parameter StateValue must be a value in the set [ {', '.join(STATES)} ].")
        data = params.get("StateReasonData")
        if data is not None:
            try:
                json.loads(data)
            except (ValueError, RecursionError) as error:
                raise AwsError("InvalidFormat", f"StateReasonData is not valid JSON: {error}") from error
        with self._alarms.changing() as effects:
            alarm = self._alarms.find(call.account, call.region, params["AlarmName"])
            if alarm is None:
                raise AwsError("ResourceNotFound", f"Alarm {params['AlarmName']} not found", 404)
            self._alarms.set_state(alarm, params["StateValue"], params["StateReason"], data, effects)

    def _enable(self, call: Call, enabled: bool) -> None:
        with self._alarms.changing() as effects:
            for name in call.params.get("AlarmNames") or ():
                alarm = self._alarms.find(call.account, call.region, name)
                if alarm is not None:
                    self._alarms.enable_actions(alarm, enabled, effects)


def _kinds(params: Mapping[str, Any]) -> Sequence[AlarmType]:
    asked = params.get("AlarmTypes") or ("MetricAlarm",)
    for kind in asked:
        if kind not in (*KINDS, "LogAlarm"):
            raise invalid(f"The parameter AlarmTypes must hold values in the set [ {', '.join(KINDS)} ].")
    return [kind for kind in KINDS if kind in asked]


def _page(entries: Sequence[T], params: Mapping[str, Any], most: int) -> tuple[Sequence[T], str | None]:
    size = params.get("MaxRecords") or DEFAULT_PAGE
    if not 1 <= size <= most:
        raise invalid(f"The parameter MaxRecords must be between 1 and {most}.")
    token = params.get("NextToken")
    digits = token.removeprefix("offset-") if token else "0"
    if not digits.isdecimal() or (token and digits == token):
        raise AwsError("InvalidNextToken", "Request parameter NextToken is invalid")
    start = int(digits)
    end = start + size
    return entries[start:end], f"offset-{end}" if end < len(entries) else None


def _unix(moment: Any) -> float | None:
    if moment is None:
        return None
    return moment.timestamp() if isinstance(moment, datetime) else float(moment)
