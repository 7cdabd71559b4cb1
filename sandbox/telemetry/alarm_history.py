"""What happened to alarms: their settings, their states, their actions.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_AlarmHistoryItem.html
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.telemetry.alarm import Alarm, AlarmType, State, moment
from sandbox.telemetry.alarm_messages import camel

#: How long history is kept, in seconds.
KEPT = 30 * 86_400
#: So many items one sandbox keeps at most; without a bound, an alarm that flaps for weeks would fill the memory.
MAX_ITEMS = 100_000

ItemType = Literal["ConfigurationUpdate", "StateUpdate", "Action"]
Change = Literal["Create", "Update", "Delete"]


@dataclass(frozen=True, slots=True)
class Item:
    at: float
    account: str
    region: str
    alarm: str
    kind: AlarmType
    type: ItemType
    summary: str
    data: str

    def shown(self) -> dict[str, Any]:
        return {
            "AlarmName": self.alarm,
            "AlarmType": self.kind,
            "Timestamp": moment(self.at),
            "HistoryItemType": self.type,
            "HistorySummary": self.summary,
            "HistoryData": self.data,
        }


@dataclass(slots=True)
class History:
    """All items, in their order. Not guarded: its alarms' lock is."""

    _items: deque[Item] = field(default_factory=lambda: deque(maxlen=MAX_ITEMS))

    def configured(self, alarm: Alarm, change: Change, at: float) -> None:
        """The alarm was created, updated or deleted."""
        done = {"Create": "created", "Update": "updated", "Delete": "deleted"}[change]
        data = {"version": "1.0", "type": change, f"{done}Alarm": camel(alarm)}
        self._add(alarm, "ConfigurationUpdate", f'Alarm "{alarm.name}" {done}', data, at)

    def changed(self, alarm: Alarm, before: State) -> None:
        """The alarm has gone into another state."""
        after = alarm.state
        data = {"version": "1.0", "oldState": _state(before), "newState": _state(after)}
        self._add(alarm, "StateUpdate", f"Alarm updated from {before.value} to {after.value}", data, after.updated)

    def acted(
        self, alarm: Alarm, action: str, updated: float, message: str | None, error: str | None, at: float
    ) -> None:
        """An action was taken for a state set at `updated`, or failed with `error`."""
        data = {
            "actionState": "Succeeded" if error is None else "Failed",
            "stateUpdateTimestamp": round(updated * 1000),
            "notificationResource": action,
            "publishedMessage": message,
            "error": error,
        }
        summary = f"Successfully executed action {action}"
        if error is not None:
            summary = f'Failed to execute action {action}. Received error: "{error}"'
        self._add(alarm, "Action", summary, data, at)

    def items(
        self,
        account: str,
        region: str,
        *,
        alarm: str | None = None,
        kinds: Sequence[str] = ("MetricAlarm",),
        type: str | None = None,
        start: float | None = None,
        end: float | None = None,
    ) -> list[Item]:
        """The items that fit, the oldest first; `start` and `end` are Unix seconds, both included."""
        return [
            item
            for item in self._items
            if (item.account, item.region) == (account, region)
            and item.kind in kinds
            and alarm in (None, item.alarm)
            and type in (None, item.type)
            and (start is None or item.at >= start)
            and (end is None or item.at <= end)
        ]

    def _add(self, alarm: Alarm, type: ItemType, summary: str, data: Mapping[str, Any], at: float) -> None:
        while self._items and self._items[0].at < at - KEPT:
            self._items.popleft()
        account, region, name = alarm.place
        text = json.dumps(data, separators=(",", ":"))
        self._items.append(Item(at, account, region, name, alarm.kind, type, summary[:255], text))


def _state(state: State) -> dict[str, Any]:
    shown: dict[str, Any] = {"stateValue": state.value, "stateReason": state.reason}
    if state.data is not None:
        shown["stateReasonData"] = json.loads(state.data)
    if state.suppressed_by is not None:
        shown["actionsSuppressedBy"] = state.suppressed_by
        shown["actionsSuppressedReason"] = state.suppressed_reason
    return shown
