"""Rules and their targets: the operations on them. moto keeps them.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.events.errors import invalid, invalid_pattern, no_bus, no_rule, unsupported, violated
from sandbox.events.paging import page
from sandbox.events.patterns import InvalidPattern, compile_pattern
from sandbox.events.schedules import InvalidSchedule, parse
from sandbox.events.target_checks import check_target
from sandbox.events.targets import Targets
from sandbox.gateway import moto_events
from sandbox.gateway.call import AwsError, Call, Operation

#: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
MAX_RULES = 300
MAX_TARGETS = 5
MAX_TARGETS_A_CALL = 10
MAX_PATTERN, MAX_SCHEDULE = 4096, 256

_NAME = re.compile(r"[.\-_A-Za-z0-9]{1,64}", re.ASCII)

#: Told of each rule that was made, changed or (True) deleted.
Changed = Callable[[Any, bool], None]


class Rules:
    """PutRule, PutTargets and the others."""

    def __init__(self, targets: Targets, changed: Changed) -> None:
        self._targets = targets
        self._changed = changed
        self._lock = threading.Lock()
        self.operations: Mapping[str, Operation] = {
            "DeleteRule": self._delete,
            "DescribeRule": self._describe,
            "DisableRule": lambda call: self._switch(call, "DISABLED"),
            "EnableRule": lambda call: self._switch(call, "ENABLED"),
            "ListRuleNamesByTarget": self._list_names_by_target,
            "ListRules": self._list,
            "ListTargetsByRule": self._list_targets,
            "PutRule": self._put,
            "PutTargets": self._put_targets,
            "RemoveTargets": self._remove_targets,
        }

    # -- rules -------------------------------------------------------------------------------------------------

    def _put(self, call: Call) -> dict[str, Any]:
        params = call.params
        name = str(params.get("Name", ""))
        if not _NAME.fullmatch(name):
            raise violated(name, "name", r"Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+")
        state = params.get("State") or "ENABLED"
        if state == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS":
            raise unsupported("PutRule", f"State {state}: calls that CloudTrail records come to no bus")
        if state not in ("ENABLED", "DISABLED"):
            raise violated(
                state,
                "state",
                "Member must satisfy enum value set: "
                "[ENABLED, DISABLED, ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS]",
            )
        pattern, schedule = params.get("EventPattern") or None, params.get("ScheduleExpression") or None
        if pattern is None and schedule is None:
            raise invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
        bus = _bus(call)
        if pattern is not None:
            check_pattern(pattern)
        if schedule is not None:
            _check_schedule(schedule, bus.name)
        with self._lock:
            known = moto_events.find_rule(bus, name)
            if known is None and len(moto_events.rules_of(bus)) >= MAX_RULES:
                raise AwsError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
            rule = moto_events.put_rule(
                bus,
                name,
                pattern=pattern,
                schedule=schedule,
                state=state,
                description=params.get("Description"),
                role_arn=params.get("RoleArn"),
            )
            # Tags in the call are for a new rule only.
            if known is None and params.get("Tags"):
                moto_events.tag_rule(rule, params["Tags"])
            self._changed(rule, False)
        return {"RuleArn": rule.arn}

    def _delete(self, call: Call) -> None:
        with self._lock:
            bus = _bus(call)
            rule = moto_events.find_rule(bus, str(call.params.get("Name", "")))
            if rule is None:
                return
            if rule.targets:
                raise invalid("Rule can't be deleted since it has targets.")
            moto_events.drop_rule(bus, rule)
            self._changed(rule, True)

    def _switch(self, call: Call, state: str) -> None:
        with self._lock:
            rule = _rule(call, "Name")
            rule.state = state
            self._changed(rule, False)

    def _describe(self, call: Call) -> dict[str, Any]:
        rule = _rule(call, "Name")
        return {**_described(rule), "CreatedBy": rule.account_id}

    def _list(self, call: Call) -> dict[str, Any]:
        prefix = call.params.get("NamePrefix") or ""
        rules = [rule for rule in moto_events.rules_of(_bus(call)) if rule.name.startswith(prefix)]
        some, token = page(call, sorted(rules, key=lambda rule: str(rule.name)))
        return {"Rules": [_described(rule) for rule in some], **token}

    def _list_names_by_target(self, call: Call) -> dict[str, Any]:
        arn = call.params.get("TargetArn")
        rules = moto_events.rules_of(_bus(call))
        names = sorted(rule.name for rule in rules if any(target["Arn"] == arn for target in rule.targets))
        some, token = page(call, names)
        return {"RuleNames": list(some), **token}

    # -- targets -----------------------------------------------------------------------------------------------

    def _put_targets(self, call: Call) -> dict[str, Any]:
        given: list[dict[str, Any]] = call.params.get("Targets") or []
        if not 1 <= len(given) <= MAX_TARGETS_A_CALL:
            limit = f"Member must have length between 1 and {MAX_TARGETS_A_CALL}"
            raise violated(str(len(given)), "targets", limit)
        with self._lock:
            rule = _rule(call, "Rule")
            for target in given:
                check_target(target, self._targets)
            kept = {target["Id"]: target for target in rule.targets}
            kept.update((target["Id"], dict(target)) for target in given)
            if len(kept) > MAX_TARGETS:
                raise AwsError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
            rule.targets[:] = kept.values()
        return {"FailedEntryCount": 0, "FailedEntries": []}

    def _remove_targets(self, call: Call) -> dict[str, Any]:
        with self._lock:
            rule = _rule(call, "Rule")
            known = {target["Id"] for target in rule.targets}
            ids: list[str] = call.params.get("Ids") or []
            rule.targets[:] = [target for target in rule.targets if target["Id"] not in ids]
        failed = [
            {
                "TargetId": name,
                "ErrorCode": "ResourceNotFoundException",
                "ErrorMessage": f"Rule '{rule.name}' does not have a target with the Id '{name}'.",
            }
            for name in ids
            if name not in known
        ]
        return {"FailedEntryCount": len(failed), "FailedEntries": failed}

    def _list_targets(self, call: Call) -> dict[str, Any]:
        some, token = page(call, list(_rule(call, "Rule").targets))
        return {"Targets": list(some), **token}


def check_pattern(text: str) -> None:
    """AwsError if this is no event pattern.

    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
    """
    if len(text) > MAX_PATTERN:
        raise violated(text, "eventPattern", f"Member must have length less than or equal to {MAX_PATTERN}")
    try:
        compile_pattern(text)
    except InvalidPattern as error:
        raise invalid_pattern(error) from error


def _check_schedule(text: str, bus: str) -> None:
    if bus != "default":
        raise invalid("ScheduleExpression is supported only on the default event bus.")
    if len(text) > MAX_SCHEDULE:
        raise violated(text, "scheduleExpression", f"Member must have length less than or equal to {MAX_SCHEDULE}")
    try:
        parse(text)
    except InvalidSchedule as error:
        raise invalid("Parameter ScheduleExpression is not valid.") from error


def _bus(call: Call) -> Any:
    given = str(call.params.get("EventBusName") or "default")
    name = given.partition(":event-bus/")[2] if given.startswith("arn:") else given
    found = moto_events.find_bus(call.account, call.region, name)
    if found is None:
        raise no_bus(name)
    return found


def _rule(call: Call, member: str) -> Any:
    bus = _bus(call)
    name = str(call.params.get(member, ""))
    found = moto_events.find_rule(bus, name)
    if found is None:
        raise no_rule(name, bus.name)
    return found


def _described(rule: Any) -> dict[str, Any]:
    described = {
        "Name": rule.name,
        "Arn": rule.arn,
        "EventPattern": moto_events.pattern_of(rule),
        "State": rule.state,
        "Description": rule.description,
        "ScheduleExpression": rule.scheduled_expression,
        "RoleArn": rule.role_arn,
        "ManagedBy": rule.managed_by,
        "EventBusName": rule.event_bus_name,
    }
    return {name: value for name, value in described.items() if value is not None}
