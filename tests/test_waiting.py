"""Threads that wait in sandbox time."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from sandbox.clock import Clock
from sandbox.waiting import Waiting

GUARD = 20.0


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock()
    yield clock
    clock.close()


@pytest.fixture
def waiting(clock: Clock) -> Iterator[Waiting]:
    waiting = Waiting(clock)
    yield waiting
    waiting.close()


def test_an_hour_is_over_as_soon_as_it_is_played(clock: Clock, waiting: Waiting) -> None:
    seen: list[float] = []
    begun = clock.now()

    def work() -> None:
        waiting.sleep(3600)
        seen.append(clock.now() - begun)
        waiting.sleep(60)
        seen.append(clock.now() - begun)

    waiting.thread(work).start()
    clock.advance(3600)
    assert [round(at, -1) for at in seen] == [3600]
    clock.advance(60)
    assert [round(at, -1) for at in seen] == [3600, 3660]


def test_time_does_not_jump_over_work_that_others_wait_for(clock: Clock, waiting: Waiting) -> None:
    seen: list[float] = []
    begun = clock.now()

    def inner() -> None:
        waiting.sleep(10)

    def outer() -> None:
        for _ in range(5):
            thread = waiting.thread(inner)
            thread.start()
            thread.join()
        seen.append(clock.now() - begun)

    waiting.thread(outer).start()
    clock.advance(1000)
    assert [round(at, -1) for at in seen] == [50]


def test_an_event_comes_in_time_or_not(clock: Clock, waiting: Waiting) -> None:
    came: list[bool] = []
    done = threading.Event()
    event = waiting.event()

    def work() -> None:
        came.append(event.wait(30))
        came.append(event.wait(30))
        done.set()

    thread = waiting.thread(work)
    thread.start()
    clock.advance(31)
    assert (came, thread.is_alive()) == ([False], True)
    event.set()
    assert done.wait(GUARD)
    assert came == [False, True]


def test_whoever_waits_when_all_is_closed_ends(clock: Clock, waiting: Waiting) -> None:
    ended = threading.Event()

    def work() -> None:
        try:
            waiting.event().wait()
        finally:
            ended.set()

    waiting.thread(work).start()
    clock.settle()
    waiting.close()
    assert ended.wait(GUARD)
    clock.settle()
