"""The clock: due work is done in order, nothing overtakes work that is still going, and time never jumps back."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from sandbox.clock import MAX_ADVANCE_SECONDS, Clock


@pytest.fixture
def clock() -> Iterator[Clock]:
    made = Clock()
    yield made
    made.close()


def until(holds: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def test_sandbox_time_is_wall_time_plus_what_was_advanced(clock: Clock) -> None:
    assert abs(clock.now() - time.time()) < 1
    clock.advance(3600)
    assert abs(clock.now() - time.time() - 3600) < 1
    assert abs(clock.offset - 3600) < 1
    assert abs(clock.now_ms() / 1000 - clock.now()) < 1
    assert abs(clock.datetime().timestamp() - clock.now()) < 1


def test_due_work_is_done_in_the_order_of_its_time_and_sees_its_time(clock: Clock) -> None:
    start = clock.now()
    done: list[tuple[str, float]] = []
    for name, after in (("c", 300.0), ("a", 60.0), ("b", 120.0)):
        clock.after(after, lambda name=name: done.append((name, clock.now() - start)))  # type: ignore[misc]
    clock.advance(400)
    assert [name for name, _ in done] == ["a", "b", "c"]
    for (_, seen), due in zip(done, (60.0, 120.0, 300.0), strict=True):
        assert due <= seen < due + 5


def test_work_that_is_not_due_waits(clock: Clock) -> None:
    done: list[str] = []
    clock.after(100, lambda: done.append("later"))
    clock.advance(99)
    assert done == []
    clock.advance(2)
    assert done == ["later"]


def test_a_due_action_does_not_overtake_one_that_is_still_going(clock: Clock) -> None:
    done: list[str] = []
    go = threading.Event()

    def slow() -> None:
        assert go.wait(10)
        done.append("slow")

    clock.after(10, slow)
    clock.after(20, lambda: done.append("next"))
    advance = threading.Thread(target=clock.advance, args=(60,))
    advance.start()
    until(lambda: clock.offset > 9)
    assert clock.offset < 20
    assert done == []
    go.set()
    advance.join(10)
    assert done == ["slow", "next"]


def test_what_due_work_makes_due_is_done_in_the_same_advance(clock: Clock) -> None:
    done: list[float] = []
    start = clock.now()

    def again() -> None:
        done.append(clock.now() - start)
        if len(done) < 5:
            clock.after(60, again)

    clock.after(60, again)
    clock.advance(400)
    assert [round(seen / 60) for seen in done] == [1, 2, 3, 4, 5]


def test_a_busy_block_holds_an_advance_back(clock: Clock) -> None:
    advance = threading.Thread(target=clock.advance, args=(1000,))
    with clock.busy():
        advance.start()
        advance.join(0.2)
        assert advance.is_alive()
        assert clock.offset == 0
    advance.join(10)
    assert clock.offset > 900


def test_a_cancelled_timer_does_not_run(clock: Clock) -> None:
    done: list[str] = []
    timer = clock.after(10, lambda: done.append("cancelled"))
    clock.after(10, lambda: done.append("kept"))
    timer.cancel()
    clock.advance(20)
    assert done == ["kept"]


def test_an_action_that_fails_touches_no_other(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    def fail() -> None:
        raise RuntimeError("by design")

    clock.after(10, fail)
    clock.after(20, lambda: done.append("next"))
    clock.advance(30)
    assert done == ["next"]
    assert "by design" in caplog.text


def test_timers_run_by_themselves_when_time_flows(clock: Clock) -> None:
    ran = threading.Event()
    clock.after(0.05, ran.set)
    assert ran.wait(5)
    past = threading.Event()
    clock.at(clock.now() - 100, past.set)
    assert past.wait(5)


def test_settling_waits_for_what_is_due(clock: Clock) -> None:
    done: list[str] = []
    for number in range(20):
        clock.at(clock.now(), lambda number=number: done.append(str(number)))  # type: ignore[misc]
    clock.settle()
    assert len(done) == 20


@pytest.mark.parametrize("seconds", [-1, MAX_ADVANCE_SECONDS + 1, float("nan"), float("inf")])
def test_an_advance_has_limits(clock: Clock, seconds: float) -> None:
    with pytest.raises(ValueError, match="can't advance by"):
        clock.advance(seconds)
    assert clock.offset == 0


def test_two_advances_add_up(clock: Clock) -> None:
    threads = [threading.Thread(target=clock.advance, args=(100,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert abs(clock.offset - 400) < 1


def test_the_shared_file_follows_the_offset_and_goes_away(clock: Clock) -> None:
    path = clock.share()
    assert struct.unpack("d", path.read_bytes()) == (0.0,)
    clock.advance(500)
    assert struct.unpack("d", path.read_bytes())[0] == clock.offset
    assert clock.share() == path
    clock.close()
    assert not path.exists()


def test_a_closed_clock_takes_no_timers() -> None:
    clock = Clock()
    done: list[str] = []
    clock.after(10, lambda: done.append("dropped"))
    clock.close()
    assert clock.after(0, lambda: done.append("refused")).cancelled
    clock.close()
    assert done == []


class TestRate:
    """A clock that stands in for an account's waiting: sandbox time runs faster than the wall."""

    @pytest.fixture
    def fast(self) -> Iterator[Clock]:
        made = Clock(rate=100)
        yield made
        made.close()

    def test_time_runs_at_its_rate(self, fast: Clock) -> None:
        assert fast.rate == 100
        sandbox, wall = fast.now(), time.time()
        until(lambda: fast.now() - sandbox > 20)
        assert 0.5 < (fast.now() - sandbox) / (100 * (time.time() - wall)) < 1.5

    def test_a_timer_comes_that_much_sooner(self, fast: Clock) -> None:
        ran = threading.Event()
        started = time.monotonic()
        fast.after(30, ran.set)
        assert ran.wait(5)
        assert 0.25 < time.monotonic() - started < 3

    def test_handlers_see_it_too(self, fast: Clock) -> None:
        path = fast.share()

        def shared() -> float:
            return float(struct.unpack("d", path.read_bytes())[0])

        first = shared()
        until(lambda: shared() > first + 10)
        assert abs(shared() - fast.offset) < 20

    @pytest.mark.parametrize("rate", [0, -1, float("nan")])
    def test_a_clock_goes_forward(self, rate: float) -> None:
        with pytest.raises(ValueError, match="above 0"):
            Clock(rate=rate)
