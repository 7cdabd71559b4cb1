"""The alarms: kept, evaluated as time passes, and what follows from a change of their state.

A metric alarm is evaluated in rounds, each minute for most. All that are due in one are evaluated in the order of their
creation, on one thread: with the same data the same transitions come in the same order. A composite alarm is looked at
when one of its children has changed.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html,
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-suppression.html
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sandbox.clock import Clock
from sandbox.compute.background import Background
from sandbox.gateway import moto_events
from sandbox.telemetry import alarm_messages, metric_queries
from sandbox.telemetry.alarm import Alarm, CompositeAlarm, MetricAlarm, Place, State, name_of
from sandbox.telemetry.alarm_actions import Actions, Client
from sandbox.telemetry.alarm_history import Change, History
from sandbox.telemetry.alarm_rounds import EVALUATED_AFTER, Rounds
from sandbox.telemetry.evaluation import Datapoint, StateValue, alarm_time, evaluate, evaluation_range
from sandbox.telemetry.math_expressions import MathError
from sandbox.telemetry.metric_queries import MetricStat
from sandbox.telemetry.metrics import Metrics
from sandbox.telemetry.time_series import Range, TimeSeries

log = logging.getLogger(__name__)

STATE_CHANGE = "CloudWatch Alarm State Change"
CONFIGURATION_CHANGE = "CloudWatch Alarm Configuration Change"


@dataclass(frozen=True, slots=True)
class Transition:
    """An alarm has gone from one state into another."""

    alarm: Alarm
    before: State
    after: State


#: Hears of a transition, on the thread that made it. Must be quick.
Listener = Callable[[Transition], None]
#: What follows from a change.
Effects = list[Callable[[], None]]


class Alarms:
    """All alarms of a sandbox. `client` makes a client with the sandbox's own rights."""

    def __init__(self, clock: Clock, metrics: Metrics, client: Client) -> None:
        self._clock = clock
        self._metrics = metrics
        self._actions = Actions(client)
        # One at a time, in the order of the transitions.
        self._background = Background(clock, "alarm actions", 1)
        self._lock = threading.RLock()
        self._alarms: dict[Place, Alarm] = {}
        self.history = History()
        self._listeners: list[Listener] = []
        self._rounds = Rounds(clock, self._round)

    # -- for other services ------------------------------------------------------------------------------------

    def state_of(self, account: str, region: str, name: str) -> StateValue | None:
        """The state of an alarm; None if there is none."""
        with self._lock:
            alarm = self._alarms.get((account, region, name))
            return alarm.state.value if alarm is not None else None

    def on_transition(self, listener: Listener) -> None:
        """Call `listener` for each transition from now on, in their order."""
        self._listeners.append(listener)

    def tags_of(self, arn: str) -> dict[str, str]:
        """The tags of the alarm with this ARN; none if there is no such alarm."""
        found = self.by_arn(arn)
        return dict(found.tags) if found is not None else {}

    def close(self) -> None:
        """Evaluate no more."""
        self._rounds.plan(())
        self._background.close()

    # -- reading -----------------------------------------------------------------------------------------------

    def locked(self) -> threading.RLock:
        """The lock to hold while several alarms are read as they are at one time."""
        return self._lock

    def find(self, account: str, region: str, name: str) -> Alarm | None:
        """An alarm by its name or ARN."""
        return self._alarms.get((account, region, name_of(name)))

    def by_arn(self, arn: str) -> Alarm | None:
        fields = arn.split(":", 6)
        if len(fields) < 7 or fields[5] != "alarm":
            return None
        with self._lock:
            return self._alarms.get((fields[4], fields[3], fields[6]))

    def all(self, account: str, region: str) -> list[Alarm]:
        """The alarms of an account in a Region, in the order of their creation."""
        with self._lock:
            return [alarm for place, alarm in self._alarms.items() if place[:2] == (account, region)]

    def parents(self, alarm: Alarm) -> list[CompositeAlarm]:
        """The composite alarms whose rules name an alarm."""
        return [each for each in self._composites(alarm) if alarm.name in each.children]

    def dependents(self, alarm: Alarm) -> list[CompositeAlarm]:
        """The composite alarms that an alarm can't be deleted before: its parents, and those that it suppresses."""
        return [
            each for each in self._composites(alarm) if alarm.name in each.children or alarm.name == each.suppressor
        ]

    # -- changes -----------------------------------------------------------------------------------------------

    @contextmanager
    def changing(self) -> Iterator[Effects]:
        """Hold the lock for changes; what follows from them is done once it is free."""
        effects: Effects = []
        with self._lock:
            yield effects
        for effect in effects:
            effect()

    def put(self, alarm: Alarm, effects: Effects) -> None:
        """Create an alarm, or give the one of its name new settings; state, tags and place in the order stay."""
        now = self._clock.now()
        previous = self._alarms.get(alarm.place)
        told = None
        if previous is not None:
            told = alarm_messages.configuration(previous)
            alarm.tags = previous.tags
            alarm.state = replace(previous.state, suppressed_by=None)
            self._forget_release(previous)
            if isinstance(alarm, CompositeAlarm):
                alarm.settled = alarm.state.value
        self._alarms[alarm.place] = alarm
        self._configured(alarm, "Create" if previous is None else "Update", now, effects, told)
        if isinstance(alarm, CompositeAlarm):
            why = "created" if previous is None else "updated"
            self._look(alarm, now, effects, f"{alarm.arn} was {why} and its alarm rule evaluates to ", None)
        self._plan()

    def delete(self, alarm: Alarm, effects: Effects) -> None:
        """Forget an alarm; its history stays."""
        if self._alarms.pop(alarm.place, None) is not None:
            self._forget_release(alarm)
            self._configured(alarm, "Delete", self._clock.now(), effects, None)
            self._plan()

    def enable_actions(self, alarm: Alarm, enabled: bool, effects: Effects) -> None:
        """Let an alarm's actions be taken, or not."""
        if alarm.actions_enabled != enabled:
            told, now = alarm_messages.configuration(alarm), self._clock.now()
            alarm.actions_enabled, alarm.configured = enabled, now
            self._configured(alarm, "Update", now, effects, told)

    def set_state(self, alarm: Alarm, value: StateValue, reason: str, data: str | None, effects: Effects) -> None:
        """Put an alarm into a state by hand; its next evaluation puts it right.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html
        """
        self._enter(alarm, value, reason, data, self._clock.now(), effects, ())

    def _configured(
        self, alarm: Alarm, change: Change, at: float, effects: Effects, previous: dict[str, Any] | None
    ) -> None:
        self.history.configured(alarm, change, at)
        detail = alarm_messages.configuration_change(alarm, change.lower(), previous)
        effects.append(lambda: self._announce(alarm, CONFIGURATION_CHANGE, detail, at))

    # -- evaluation as time passes -----------------------------------------------------------------------------

    def _plan(self) -> None:
        self._rounds.plan({alarm.interval for alarm in self._alarms.values() if isinstance(alarm, MetricAlarm)})

    def _round(self, due: int) -> None:
        """Evaluate what is due, in the order of creation."""
        with self._lock:
            alarms = [
                alarm
                for alarm in self._alarms.values()
                if isinstance(alarm, MetricAlarm) and (due - EVALUATED_AFTER) % alarm.interval == 0
            ]
        for alarm in alarms:
            self._evaluate(alarm, float(due))

    def _evaluate(self, alarm: MetricAlarm, at: float) -> None:
        with self.changing() as effects:
            if self._alarms.get(alarm.place) is not alarm:
                return
            verdict = evaluate(alarm.criteria, self._points(alarm, at), at)
            if verdict is not None and verdict.state != alarm.state.value:
                self._enter(alarm, verdict.state, verdict.reason, verdict.data, at, effects, ())

    def _points(self, alarm: MetricAlarm, at: float) -> list[Datapoint]:
        """The alarm's evaluation range, the oldest period first."""
        account, region, _ = alarm.place
        times = evaluation_range(alarm.criteria, at)
        start, end = times[0], times[-1] + alarm.criteria.period
        watched = next(query for query in alarm.queries if query.id == alarm.watched)
        if watched.stat is not None:
            read = self._metrics.read(account, region, watched.stat, start, end)
            return [Datapoint(time, *read.get(time, (None, None))) for time in times]

        def figures(stat: MetricStat) -> dict[int, float]:
            return {time: value for time, (value, _) in self._metrics.read(account, region, stat, start, end).items()}

        try:
            computed = metric_queries.compute(alarm.queries, figures, lambda period: Range(start, end, period))
        except MathError:
            log.warning("the expression of alarm %s can't be computed", alarm.name, exc_info=True)
            return [Datapoint(time) for time in times]
        series = computed[alarm.watched]
        points = series.points if isinstance(series, TimeSeries) else {}
        return [Datapoint(time, points.get(time)) for time in times]

    # -- a new state (the lock is held) ------------------------------------------------------------------------

    def _enter(
        self,
        alarm: Alarm,
        value: StateValue,
        reason: str,
        data: str | None,
        at: float,
        effects: Effects,
        path: Sequence[Place],
    ) -> None:
        before = alarm.state
        changed = before.value != value
        alarm.state = State(value, reason, at, at if changed else before.transitioned, data, before.suppressed_by)
        if not changed:
            return
        if isinstance(alarm, CompositeAlarm):
            held = self._hold(alarm, at)
            alarm.state = replace(alarm.state, suppressed_by=held)
            if held is None:
                alarm.settled = value
        self._tell(alarm, before, effects, act=alarm.state.suppressed_by is None)
        self._follow(alarm, at, effects, path)

    def _tell(self, alarm: Alarm, before: State, effects: Effects, *, act: bool) -> None:
        after = alarm.state
        self.history.changed(alarm, before)
        detail = alarm_messages.state_change(alarm, before, after)
        effects.append(lambda: self._announce(alarm, STATE_CHANGE, detail, after.updated))
        transition = Transition(alarm, before, after)
        effects.extend(_heard(listener, transition) for listener in self._listeners)
        if act and alarm.actions_enabled:
            for action in alarm.actions(after.value):
                effects.append(_acting(self._background, self._act, alarm, action, before, after))

    def _act(self, alarm: Alarm, action: str, before: State, after: State) -> None:
        done = self._actions.take(alarm, action, before, after)
        with self._lock:
            self.history.acted(alarm, action, after.updated, done.message, done.error, self._clock.now())

    def _announce(self, alarm: Alarm, kind: str, detail: dict[str, Any], at: float) -> None:
        account, region, _ = alarm.place
        moto_events.announce(
            "aws.cloudwatch", kind, detail, account=account, region=region, resources=[alarm.arn], at=at
        )

    # -- composite alarms (the lock is held) -------------------------------------------------------------------

    def _composites(self, alarm: Alarm) -> Iterator[CompositeAlarm]:
        with self._lock:
            alarms = list(self._alarms.values())
        for each in alarms:
            if isinstance(each, CompositeAlarm) and each.place[:2] == alarm.place[:2]:
                yield each

    def _follow(self, alarm: Alarm, at: float, effects: Effects, path: Sequence[Place]) -> None:
        """Look at the composite alarms that hang on one that has changed; a cycle ends the evaluation."""
        if alarm.place in path:
            return
        day = datetime.fromtimestamp(at, UTC)
        reason = f"{alarm.arn} transitioned to {alarm.state.value} at {day:%A %d %B, %Y %H:%M:%S} UTC"
        for composite in self._composites(alarm):
            if composite.suppressor == alarm.name:
                self._suppressor_changed(composite, at, effects)
            if alarm.name in composite.children and composite.place not in path:
                self._look(composite, at, effects, reason, alarm, (*path, alarm.place))

    def _look(
        self,
        composite: CompositeAlarm,
        at: float,
        effects: Effects,
        reason: str,
        cause: Alarm | None,
        path: Sequence[Place] = (),
    ) -> None:
        account, region, _ = composite.place

        def state_of(name: str) -> StateValue | None:
            found = self.find(account, region, name)
            return found.state.value if found is not None else None

        value: StateValue = "ALARM" if composite.rule.holds(state_of) else "OK"
        if value == composite.state.value:
            return
        if cause is None:
            reason += value
            triggers = [found for name in composite.children if (found := self.find(account, region, name))]
        else:
            triggers = [cause]
        told = [
            {"arn": each.arn, "state": {"value": each.state.value, "timestamp": alarm_time(each.state.updated)}}
            for each in triggers
        ]
        data = json.dumps({"triggeringAlarms": told}, separators=(",", ":"))
        self._enter(composite, value, reason, data, at, effects, path)

    # -- suppression of a composite alarm's actions (the lock is held) -----------------------------------------

    def _hold(self, alarm: CompositeAlarm, at: float) -> str | None:
        """What holds the actions of a new state back; None if nothing does."""
        if alarm.suppressor is None:
            return None
        account, region, _ = alarm.place
        suppressor = self.find(account, region, alarm.suppressor)
        if suppressor is not None and suppressor.state.value == "ALARM":
            self._forget_release(alarm)
            return "Alarm"
        if alarm.release is not None:
            return alarm.state.suppressed_by
        if at < alarm.extended_until:
            self._release_at(alarm, alarm.extended_until)
            return "ExtensionPeriod"
        if alarm.wait:
            self._release_at(alarm, at + alarm.wait)
            return "WaitPeriod"
        return None

    def _suppressor_changed(self, alarm: CompositeAlarm, at: float, effects: Effects) -> None:
        account, region, _ = alarm.place
        suppressor = self.find(account, region, alarm.suppressor or "")
        before = alarm.state
        if suppressor is not None and suppressor.state.value == "ALARM":
            alarm.extended_until = 0.0
            if before.suppressed_by is not None:
                self._forget_release(alarm)
                alarm.state = replace(before, updated=at, suppressed_by="Alarm")
                self._tell(alarm, before, effects, act=False)
            return
        alarm.extended_until = at + alarm.extension
        if before.suppressed_by != "Alarm":
            return
        if alarm.extension:
            alarm.state = replace(before, updated=at, suppressed_by="ExtensionPeriod")
            self._tell(alarm, before, effects, act=False)
            self._release_at(alarm, alarm.extended_until)
        else:
            self._let_go(alarm, at, effects)

    def _release_at(self, alarm: CompositeAlarm, due: float) -> None:
        def release() -> None:
            with self.changing() as effects:
                if alarm.release is timer and self._alarms.get(alarm.place) is alarm:
                    alarm.release = None
                    self._let_go(alarm, due, effects)

        timer = self._clock.at(due, release)
        alarm.release = timer

    def _let_go(self, alarm: CompositeAlarm, at: float, effects: Effects) -> None:
        """Take the actions that were held back, unless the alarm is again in the state it took them for last."""
        before = alarm.state
        alarm.state = replace(before, updated=at, suppressed_by=None)
        acts = alarm.settled != before.value
        alarm.settled = before.value
        self._tell(alarm, before, effects, act=acts)

    def _forget_release(self, alarm: Alarm) -> None:
        if isinstance(alarm, CompositeAlarm) and alarm.release is not None:
            alarm.release.cancel()
            alarm.release = None


def _heard(listener: Listener, transition: Transition) -> Callable[[], None]:
    def hear() -> None:
        try:
            listener(transition)
        except Exception:
            log.exception("a listener to alarms failed")

    return hear


def _acting(
    background: Background,
    act: Callable[[Alarm, str, State, State], None],
    alarm: Alarm,
    action: str,
    before: State,
    after: State,
) -> Callable[[], None]:
    return lambda: background.do(lambda: act(alarm, action, before, after))
