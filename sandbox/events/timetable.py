"""When scheduled rules are due, on sandbox time.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.clock import Clock, Timer
from sandbox.events.schedules import parse

#: Account, Region and name of a rule on the default bus.
Place = tuple[str, str, str]
#: Does what is due at a time, Unix seconds.
Fire = Callable[[Place, float], None]


@dataclass(slots=True)
class _Plan:
    expression: str
    timer: Timer | None = None


class Timetable:
    """Fires each planned rule again and again, always for the time that it was due at."""

    def __init__(self, clock: Clock, fire: Fire) -> None:
        self._clock = clock
        self._fire = fire
        self._plans: dict[Place, _Plan] = {}
        self._lock = threading.Lock()

    def plan(self, place: Place, expression: str | None) -> None:
        """Plan a rule from now on, or with None no more. One whose expression is what it was goes on as it did."""
        with self._lock:
            known = self._plans.get(place)
            if known is not None and known.expression == expression:
                return
            self._plans.pop(place, None)
            if known is not None and known.timer is not None:
                known.timer.cancel()
            if expression is None:
                return
            plan = self._plans[place] = _Plan(expression)
            self._next(place, plan, self._clock.now())

    def _next(self, place: Place, plan: _Plan, moment: float) -> None:
        due = parse(plan.expression).next_after(moment)
        if due is not None:
            plan.timer = self._clock.at(due, lambda: self._due(place, plan, due))

    def _due(self, place: Place, plan: _Plan, due: float) -> None:
        with self._lock:
            if self._plans.get(place) is not plan:
                return
            self._next(place, plan, due)
        self._fire(place, due)
