"""When alarms are evaluated: at the end of each minute (10 s, hour) of sandbox time, one round after the other.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection

from sandbox.clock import Clock, Timer

#: How long after a period's end it is looked at, in seconds of sandbox time: what began at its end still counts. Each
#: alarm of AWS has a second of its own.
EVALUATED_AFTER = 5
#: Rounds that are later than this are left out (the machine slept).
MAX_BEHIND = 3600


class Rounds:
    """Calls `evaluate` with the time that a round is due at. While nothing is to be evaluated there is no timer."""

    def __init__(self, clock: Clock, evaluate: Callable[[int], None]) -> None:
        self._clock = clock
        self._evaluate = evaluate
        self._lock = threading.Lock()
        self._step: int | None = None
        self._timer: Timer | None = None

    def plan(self, intervals: Collection[int]) -> None:
        """Have a round at each of these intervals (seconds) from now on; with none of them, no more."""
        with self._lock:
            self._step = min(intervals, default=None)
            now = self._clock.now()
            if self._timer is not None and self._timer.due <= now:
                # That round is on its way, and plans the next one itself.
                return
            self._next(now)

    def _next(self, after: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._step is not None:
            due = (int(after - EVALUATED_AFTER) // self._step + 1) * self._step + EVALUATED_AFTER
            self._timer = self._clock.at(due, lambda: self._round(due))

    def _round(self, due: int) -> None:
        with self._lock:
            if self._timer is None or self._timer.due != due:
                return
        try:
            self._evaluate(due)
        finally:
            with self._lock:
                # Rounds that are late are caught up with one by one: each looks at its own time.
                self._next(max(due, self._clock.now() - MAX_BEHIND))
