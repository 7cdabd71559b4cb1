"""An alarm: its settings as given, its state, and how the API shows it.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html,
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_CompositeAlarm.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from sandbox.clock import Timer
from sandbox.telemetry.alarm_rules import Rule, children
from sandbox.telemetry.evaluation import Criteria, StateValue, interval_of
from sandbox.telemetry.metric_queries import Query

AlarmType = Literal["MetricAlarm", "CompositeAlarm"]
#: Account, Region and name.
Place = tuple[str, str, str]

INITIAL_REASON = "Unchecked: Initial alarm creation"
#: The setting that names what is to be done in a state.
ACTIONS: Mapping[StateValue, str] = {
    "OK": "OKActions",
    "ALARM": "AlarmActions",
    "INSUFFICIENT_DATA": "InsufficientDataActions",
}
_ARN_PART = ":alarm:"


@dataclass(frozen=True, slots=True)
class State:
    """`updated` is when it was set, `transitioned` when the value last changed, Unix seconds; `data` is a JSON text.

    `suppressed_by` says what holds a composite alarm's actions back: WaitPeriod, ExtensionPeriod or Alarm.
    """

    value: StateValue
    reason: str
    updated: float
    transitioned: float
    data: str | None = None
    suppressed_by: str | None = None

    @property
    def suppressed_reason(self) -> str | None:
        return None if self.suppressed_by is None else f"Actions suppressed by {self.suppressed_by}"


@dataclass(slots=True, eq=False)
class Alarm:
    """What metric and composite alarms share. `settings` has the API's shape; `configured` is when they were put."""

    place: Place
    settings: Mapping[str, Any]
    configured: float
    state: State
    actions_enabled: bool = True
    tags: dict[str, str] = field(default_factory=dict)

    kind: AlarmType = field(default="MetricAlarm", init=False)

    @property
    def name(self) -> str:
        return self.place[2]

    @property
    def arn(self) -> str:
        account, region, name = self.place
        return f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}"

    def actions(self, state: StateValue) -> Sequence[str]:
        """What is to be done when the alarm has gone into a state, by ARN."""
        return list(self.settings.get(ACTIONS[state]) or ())

    def described(self) -> dict[str, Any]:
        """What DescribeAlarms tells."""
        state = self.state
        shown = {
            **self.settings,
            "AlarmArn": self.arn,
            "AlarmConfigurationUpdatedTimestamp": moment(self.configured),
            "ActionsEnabled": self.actions_enabled,
            "StateValue": state.value,
            "StateReason": state.reason,
            "StateUpdatedTimestamp": moment(state.updated),
            "StateTransitionedTimestamp": moment(state.transitioned),
        }
        if state.data is not None:
            shown["StateReasonData"] = state.data
        if state.suppressed_by is not None:
            shown["ActionsSuppressedBy"] = state.suppressed_by
            shown["ActionsSuppressedReason"] = state.suppressed_reason
        return shown


@dataclass(slots=True, eq=False)
class MetricAlarm(Alarm):
    """`queries` are what is read: one metric, or a list with expressions, of which `watched` is looked at."""

    criteria: Criteria = field(kw_only=True)
    queries: Sequence[Query] = field(kw_only=True)
    watched: str = field(kw_only=True)

    @property
    def interval(self) -> int:
        """How often it is evaluated, in seconds."""
        return interval_of(self.criteria.period, self.criteria.periods)


@dataclass(slots=True, eq=False)
class CompositeAlarm(Alarm):
    """`suppressor` is an alarm's name, `wait` and `extension` are in seconds.

    `settled` is the state whose actions have been taken; while they are held back, `release` waits for their time.
    `extended_until` is when the extension after the suppressor's alarm ends.
    """

    rule: Rule = field(kw_only=True)
    suppressor: str | None = field(default=None, kw_only=True)
    wait: int = field(default=0, kw_only=True)
    extension: int = field(default=0, kw_only=True)
    settled: StateValue = field(default="INSUFFICIENT_DATA", kw_only=True)
    release: Timer | None = field(default=None, kw_only=True)
    extended_until: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        self.kind = "CompositeAlarm"

    @property
    def children(self) -> list[str]:
        """The names of the alarms that its rule names, each once."""
        return list(dict.fromkeys(name_of(each) for each in children(self.rule)))


def name_of(alarm: str) -> str:
    """An alarm's name, from its name or ARN."""
    return alarm.partition(_ARN_PART)[2] if alarm.startswith("arn:") and _ARN_PART in alarm else alarm


def moment(time: float) -> datetime:
    """A time as the API shows it: to the millisecond."""
    return datetime.fromtimestamp(round(time, 3), UTC)
