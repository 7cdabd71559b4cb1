"""Threads that wait in sandbox time: while one works time keeps to the wall's pace, while all wait it may jump.

For code that was written for the wall's time, with threads, events and pauses. A thread holds the clock (`Clock.busy`)
while it works and lets go of it while it waits. Whoever wakes it takes hold in its name, so that no jump comes between.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from sandbox.clock import Clock

log = logging.getLogger(__name__)

#: Above this a wait has no end: two years of sandbox time can be played at most.
_ENDLESS = 50_000_000.0


class Closed(BaseException):
    """The threads of these surroundings are to end. (No error: what catches errors must let it through.)"""


class _Waiter:
    """One thread that waits, and the hold on the clock that was taken for it when it was woken."""

    __slots__ = ("hold", "woken")

    def __init__(self) -> None:
        self.woken = False
        self.hold: AbstractContextManager[None] | None = None


class Waiting:
    """Makes events and threads of one clock. `close` ends all of them that wait, by `Closed`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Condition()
        self._waiters: set[_Waiter] = set()
        self._own = threading.local()
        self._closed = False

    def now(self) -> float:
        """Sandbox time, Unix seconds."""
        return self._clock.now()

    def event(self) -> Event:
        return Event(self)

    def thread(self, target: Callable[..., Any], args: tuple[Any, ...] = (), name: str | None = None) -> Thread:
        return Thread(self, target, args, name)

    def sleep(self, seconds: float) -> None:
        """Wait some seconds of sandbox time. Closed if that is not to be."""
        self._wait(_Waiter(), seconds)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for waiter in self._waiters:
                self._wake(waiter)

    # -- inside ----------------------------------------------------------------------------------

    def _wake(self, waiter: _Waiter) -> None:
        """Lets a waiter go on (the lock is held): time stands by for it from here on."""
        if not waiter.woken:
            waiter.woken = True
            waiter.hold = self._clock.busy()
            waiter.hold.__enter__()
            self._lock.notify_all()

    def _wake_late(self, waiter: _Waiter) -> None:
        with self._lock:
            self._wake(waiter)

    def _wait(self, waiter: _Waiter, seconds: float | None) -> None:
        """Wait until a waiter is woken, or for some seconds. The thread holds the clock again afterwards, if it did."""
        held: AbstractContextManager[None] | None = getattr(self._own, "hold", None)
        timer = None
        if seconds is not None and seconds < _ENDLESS:
            timer = self._clock.after(max(seconds, 0.0), lambda: self._wake_late(waiter))
        with self._lock:
            if self._closed:
                raise Closed
            self._waiters.add(waiter)
        if held is not None:
            self._own.hold = None
            held.__exit__(None, None, None)
        with self._lock:
            while not waiter.woken:
                self._lock.wait()
            self._waiters.discard(waiter)
            closed = self._closed
        if timer is not None:
            timer.cancel()
        if held is not None:
            self._own.hold = waiter.hold
        elif waiter.hold is not None:
            waiter.hold.__exit__(None, None, None)
        if closed:
            raise Closed

    @contextlib.contextmanager
    def _working(self, hold: AbstractContextManager[None]) -> Iterator[None]:
        """What a thread does, with a hold that was taken for it when it was started."""
        self._own.hold = hold
        try:
            yield
        except Closed:
            pass
        finally:
            held: AbstractContextManager[None] | None = self._own.hold
            if held is not None:
                self._own.hold = None
                held.__exit__(None, None, None)


class Event:
    """As threading.Event; a wait's seconds are the sandbox's."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self._set = False
        self._waiters: set[_Waiter] = set()

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        with self._waiting._lock:
            self._set = True
            for waiter in self._waiters:
                self._waiting._wake(waiter)
            self._waiters.clear()

    def clear(self) -> None:
        with self._waiting._lock:
            self._set = False

    def wait(self, timeout: float | None = None) -> bool:
        """Whether the event came before the time was over."""
        waiter = _Waiter()
        with self._waiting._lock:
            if self._set:
                return True
            self._waiters.add(waiter)
        try:
            self._waiting._wait(waiter, timeout)
        finally:
            with self._waiting._lock:
                in_time = waiter not in self._waiters
                self._waiters.discard(waiter)
        return in_time


class Thread:
    """As threading.Thread, always a daemon: started, it holds the clock; to join it is to wait in sandbox time."""

    def __init__(
        self, waiting: Waiting, target: Callable[..., Any], args: tuple[Any, ...] = (), name: str | None = None
    ) -> None:
        self._waiting = waiting
        self._target = target
        self._args = args
        self._done = waiting.event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._hold: AbstractContextManager[None] | None = None

    @property
    def name(self) -> str:
        return self._thread.name

    @property
    def native_id(self) -> int | None:
        return self._thread.native_id

    def start(self) -> None:
        self._hold = self._waiting._clock.busy()
        self._hold.__enter__()
        try:
            self._thread.start()
        except BaseException:
            self._hold.__exit__(None, None, None)
            raise

    def join(self, timeout: float | None = None) -> None:
        self._done.wait(timeout)

    def is_alive(self) -> bool:
        return self._hold is not None and not self._done.is_set()

    def _run(self) -> None:
        assert self._hold is not None
        with self._waiting._working(self._hold):
            try:
                self._target(*self._args)
            except Exception:
                log.exception("the thread %s failed", self.name)
            finally:
                self._done.set()
