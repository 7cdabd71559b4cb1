"""A run of traffic: one plan of requests, sent along the cloud's clock by a thread of its own.

In virtual time the run is what advances the clock. With nothing in flight time jumps to the next arrival, and all that
falls due on the way is done; while a request is in flight time flows at the wall's rate, and further ones leave beside
it. Where the cloud acts by itself (`mixes.keep_clear`) nothing is in flight and its work has come to rest before the
next request leaves, so that one seed gives one order of requests and steps. In an account arrivals are waited for.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self

from sandbox.load.answers import Answer, answer_of_error, answer_of_function
from sandbox.load.deployments import Deployments
from sandbox.load.mixes import MAX_REQUESTS, WINDOW_SECONDS, Departure, Mix, plan
from sandbox.load.records import Bucket, Record, summary
from sandbox.load.senders import Sender, SignedInvocations
from sandbox.load.wire import Wire
from sandbox.progress import Progress

MINUTE = 60.0
#: Requests that may be in flight at one time; those due meanwhile leave late.
LANES = 64
#: How long the last requests may take to be answered when a run ends, and when it is broken off; wall seconds.
LAST_SECONDS = 30.0
GRACE_SECONDS = 2.0
#: How long the end of a block waits for the minutes that follow a deployment, wall seconds.
CLOSING_SECONDS = 120.0
#: The longest wait for requests in flight before time goes over a mark, wall seconds.
MARK_SECONDS = 2.0
#: How long a request that is due waits for the one before it, wall seconds after that was sent, and at most as long as
#: requests are apart: two that come close together are sent in turn, not side by side in whatever order threads run.
TURN_SECONDS = 0.05
#: While no deployment has begun yet: how often it is asked for, in wall seconds, and how far time may go into a minute
#: before it is taken to the next one. What began by then shifts early in a minute, which arrivals keep clear of.
LOOK_SECONDS = 0.1
INTO_MINUTE_SECONDS = 1.5


class Timeline(Protocol):
    """The clock that arrivals go by. Seconds are Unix time of the cloud."""

    virtual: bool
    speedup: float

    def timestamp(self) -> float: ...
    def jump(self, seconds: float) -> float: ...


class Stopped(Exception):
    """The run is to end."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A request that leaves at the cloud's time `at`; `finish` gets its answer, `began` is of time.perf_counter."""

    departure: Departure
    at: float
    began: float
    finish: Callable[[], Answer]


class _Lanes:
    """Threads that send one request each at a time. Answers come back in one queue."""

    def __init__(self, came: Callable[[_Sent, Answer], None]) -> None:
        self._came = came
        self._idle: list[queue.SimpleQueue[_Sent | None]] = []
        self._all: list[queue.SimpleQueue[_Sent | None]] = []
        #: A lane is put here when its request has been answered.
        self._back: queue.SimpleQueue[queue.SimpleQueue[_Sent | None]] = queue.SimpleQueue()
        self.in_flight = 0
        self._last: queue.SimpleQueue[_Sent | None] | None = None
        self._last_sent = 0.0

    def send(self, sent: _Sent) -> None:
        """Start a request; waits for a lane if all are under way."""
        while self.in_flight >= LANES:
            self.wait(None)
        # The one used last, so that one connection serves as long as requests do not overlap.
        lane = self._idle.pop() if self._idle else self._open()
        self.in_flight += 1
        self._last, self._last_sent = lane, time.monotonic()
        lane.put(sent)

    def wait(self, seconds: float | None) -> None:
        """Wait for one answer, or for some wall seconds."""
        try:
            lane = self._back.get(timeout=seconds)
        except queue.Empty:
            return
        self.in_flight -= 1
        self._idle.append(lane)
        if lane is self._last:
            self._last = None

    def take_turns(self, seconds: float) -> None:
        """Wait for the answer to the request that was sent last, until `seconds` of the wall after it was."""
        while self._last is not None and (left := self._last_sent + seconds - time.monotonic()) > 0:
            self.wait(left)

    def drain(self, seconds: float) -> None:
        """Wait for all answers, for some wall seconds at most."""
        end = time.monotonic() + seconds
        while self.in_flight and (left := end - time.monotonic()) > 0:
            self.wait(left)

    def close(self) -> None:
        for lane in self._all:
            lane.put(None)

    def _open(self) -> queue.SimpleQueue[_Sent | None]:
        lane: queue.SimpleQueue[_Sent | None] = queue.SimpleQueue()
        self._all.append(lane)
        threading.Thread(target=self._serve, args=(lane,), name="traffic-lane", daemon=True).start()
        return lane

    def _serve(self, lane: queue.SimpleQueue[_Sent | None]) -> None:
        while (sent := lane.get()) is not None:
            try:
                answer = sent.finish()
            except Exception as error:
                answer = answer_of_error(error)
            self._came(sent, answer)
            self._back.put(lane)


class Run:
    """Traffic that is under way, or has been. `with` starts and ends it; `start` and `stop` do so by hand.

    `records` are the answered requests in the order of sending; `started` is the cloud's time from which their offsets
    count, None before. `unanswered` counts requests that had been sent and were given up when the run ended. All can be
    read at any time, from any thread.
    """

    def __init__(
        self,
        timeline: Timeline,
        mixes: Sequence[Mix],
        senders: Mapping[str, Sender],
        *,
        seed: int,
        seconds: float | None = None,
        deployments: Callable[[datetime], Deployments] | None = None,
        after: float = MINUTE,
    ) -> None:
        self.mixes = tuple(mixes)
        self.seed = seed
        self.started: datetime | None = None
        self.unanswered = 0
        self._timeline = timeline
        self._seconds = seconds
        self._deployments = deployments if timeline.virtual else None
        self._watch: Deployments | None = None
        self._after = after
        self._senders = senders
        self._lanes = _Lanes(self._came)
        self._wires: list[Wire] = []
        self._lock = threading.Lock()
        self._records: dict[int, Record] = {}
        self._failed = 0
        self._closed = False
        self._sent = 0
        self._stopping = threading.Event()
        self._closing = False
        self._ended = threading.Event()
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._shown = ExitStack()
        self._start = 0.0
        self._turn = min(TURN_SECONDS, 1.0 / max(sum(mix.peak() for mix in mixes), 1e-6)) if timeline.virtual else 0.0

    # -- what it has seen --------------------------------------------------------------------------------------

    @property
    def records(self) -> list[Record]:
        """What was answered so far, in the order of sending."""
        with self._lock:
            return [self._records[index] for index in sorted(self._records)]

    @property
    def customers(self) -> list[str]:
        """Everyone who asked, in the order of their first request."""
        return list(dict.fromkeys(record.customer for record in self.records))

    @property
    def failed_customers(self) -> list[str]:
        """Everyone who had a request that failed, in the order of their first failure."""
        return list(dict.fromkeys(record.customer for record in self.records if not record.ok))

    def summary(self, every: float = MINUTE) -> list[Bucket]:
        """Requests, failures, shares and latencies by version, for stretches of `every` seconds of the cloud's time."""
        return summary(self.records, every)

    @property
    def running(self) -> bool:
        return self._thread is not None and not self._ended.is_set()

    def __str__(self) -> str:
        with self._lock:
            count, failed = len(self._records), self._failed
        names = ", ".join(mix.name for mix in self.mixes)
        waits = ", waiting for a deployment" if self.running and self.started is None and self._deployments else ""
        return f"{names}: {count:,} requests, {failed:,} failed{waits}"

    __repr__ = __str__

    # -- from outside ------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Begin. RuntimeError if it has begun before."""
        if self._thread is not None:
            raise RuntimeError("this run has begun already: make another one for more traffic")
        if self._deployments is not None:
            # Here and not in the thread: a deployment that is made at once is one to play for, early in a minute.
            self._look()
            self._watch = self._deployments(datetime.fromtimestamp(self._now(), UTC))
            self._watch.more()
            self._jump(MINUTE - self._now() % MINUTE)
        self._thread = threading.Thread(target=self._drive, name="traffic", daemon=True)
        self._shown.enter_context(Progress(self.__str__, self._fraction))
        self._thread.start()
        return self

    def stop(self) -> Self:
        """Send no more, wait for the requests in flight, and keep what was recorded. Raises what broke the run."""
        return self._end(LAST_SECONDS)

    def wait(self) -> Self:
        """Return when the run has ended by itself. Ctrl-C (Jupyter's stop button) ends it at once, and is no error."""
        try:
            # In pieces, because a wait without an end holds Ctrl-C back on some systems.
            while not self._ended.wait(1.0):
                pass
        except KeyboardInterrupt:
            return self._end(GRACE_SECONDS)
        return self._end(0.0)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._close()
            return
        self._halt(GRACE_SECONDS)
        self._shown.__exit__(kind, error, trace)
        if self._error is not None and error is not None:
            error.add_note(f"The traffic beside it was broken off, too: {type(self._error).__name__}: {self._error}")

    def _close(self) -> Self:
        """The block has ended: end as well, but for what is to follow a deployment that has ended."""
        self._closing = True
        if self._deployments is not None:
            try:
                self._ended.wait(CLOSING_SECONDS)
            except KeyboardInterrupt:
                return self._end(GRACE_SECONDS)
        return self.stop()

    def _end(self, seconds: float) -> Self:
        self._halt(seconds)
        self._shown.close()
        if self._error is not None:
            raise self._error
        return self

    def _halt(self, seconds: float) -> None:
        """Stop, and leave behind what is not answered in `seconds` of the wall."""
        self._stopping.set()
        if self._thread is not None:
            self._ended.wait(seconds)
        with self._lock:
            if not self._closed:
                self._closed = True
                self.unanswered = self._sent - len(self._records)

    def _fraction(self) -> float | None:
        if self._seconds is None or self.started is None:
            return None
        return self._sent / max(sum(mix.expected(self._seconds) for mix in self.mixes), 1.0)

    # -- the thread --------------------------------------------------------------------------------------------

    def _drive(self) -> None:
        try:
            self._play()
        except Stopped:
            pass
        except BaseException as error:
            self._error = error
        finally:
            self._lanes.drain(LAST_SECONDS)
            self._lanes.close()
            for wire in self._wires:
                wire.close()
            with self._lock:
                if not self._closed:
                    self._closed = True
                    self.unanswered = self._sent - len(self._records)
            self._ended.set()

    def _play(self) -> None:
        departures = plan(self.mixes, self.seed, self._seconds, clear=self._timeline.virtual)
        watch = self._begin()
        mark = 0.0
        rests_at: float | None = None
        for departure in departures:
            if departure.index >= MAX_REQUESTS:
                raise RuntimeError(f"the run has sent {MAX_REQUESTS:,} requests, the most that one may: it was ended")
            while self._timeline.virtual and departure.offset >= mark:
                self._settle(mark)
                if watch is not None and mark % MINUTE == 0:
                    rests_at = self._rest(watch, mark, rests_at)
                mark += WINDOW_SECONDS
            self._lanes.take_turns(self._turn)
            self._depart(departure)
        while self._lanes.in_flight and not self._stopping.is_set():
            self._lanes.wait(1.0)
        if self._seconds is not None:
            self._reach(self._seconds)

    def _depart(self, departure: Departure) -> None:
        """Send a request when it is due."""
        sender = self._senders[departure.mix.name]
        if self._timeline.virtual and isinstance(sender, SignedInvocations) and not self._lanes.in_flight:
            self._depart_at_once(departure, sender)
            return
        self._reach(departure.offset)
        at = self._now()
        self._sent += 1
        self._lanes.send(_Sent(departure, at, time.perf_counter(), lambda: sender.send(departure, at)))

    def _depart_at_once(self, departure: Departure, sender: SignedInvocations) -> None:
        """Advance the clock and invoke, both on one wire. What is not answered in its turn is waited for by a lane."""
        wire = self._wires.pop() if self._wires else Wire(sender.endpoint)
        due = self._start + departure.offset
        gap = due - self._now()
        if self._stopping.is_set():
            raise Stopped
        self._sent += 1
        wire.write((wire.advancing(gap) if gap > 0 else b"") + sender.request(wire, departure, due))
        if gap > 0:
            self._cloud, self._wall = wire.advanced(), time.monotonic()
        began = time.perf_counter()

        def finish() -> Answer:
            answer = wire.read()
            self._wires.append(wire)
            return answer_of_function(*answer)

        sent = _Sent(departure, self._now(), began, finish)
        try:
            answer = wire.read_within(self._turn)
        except OSError as error:
            self._came(sent, answer_of_error(error))
            return
        if answer is None:
            self._lanes.send(sent)
            return
        self._wires.append(wire)
        self._came(sent, answer_of_function(*answer))

    def _begin(self) -> Deployments | None:
        """Find the start: now, the next full minute of virtual time, or the one after a deployment has begun."""
        if self._watch is not None:
            self._anchor(self._hold(self._watch), 0.0)
        else:
            self._look()
            self._anchor(self._now(), 0.0)
        return self._watch

    def _rest(self, watch: Deployments, mark: float, rests_at: float | None) -> float | None:
        """At a full minute: when to rest, if no deployment is at work, and the rest itself if it is time for it."""
        if watch.at_work():
            if self._closing:
                raise Stopped
            return None
        if rests_at is None:
            rests_at = mark + math.ceil(self._after / MINUTE) * MINUTE
        if mark < rests_at:
            return rests_at
        self._anchor(self._hold(watch), mark)
        return None

    def _anchor(self, now: float, reached: float) -> None:
        """Go on at the full minute of virtual time after `now`, at once in an account; `reached` seconds are over."""
        self._start = (math.ceil(now / MINUTE) * MINUTE if self._timeline.virtual else now) - reached
        if self.started is None:
            self.started = datetime.fromtimestamp(self._start, UTC)

    def _hold(self, watch: Deployments) -> float:
        """When a deployment was begun, once there is one. Meanwhile time stays early in a minute, nothing is sent."""
        while (begun := watch.more()) is None:
            if self._closing:
                raise Stopped
            self._look()
            into = self._now() % MINUTE
            if into > INTO_MINUTE_SECONDS:
                # What the cloud works on holds this up, and ends in this minute.
                self._jump(MINUTE - into)
            elif self._stopping.wait(LOOK_SECONDS):
                raise Stopped
        # Of the time at which it was made: time may have gone to the next minute between that and the look.
        self._look()
        return begun

    def _settle(self, offset: float) -> None:
        """Let time reach a mark with nothing in flight and nothing at work."""
        self._lanes.drain(MARK_SECONDS)
        if self._start + offset <= self._now() and not self._lanes.in_flight:
            self._jump(0.0)
        self._reach(offset)

    def _reach(self, offset: float) -> None:
        """Return when the cloud's time is `offset` seconds past the start."""
        due = self._start + offset
        while (gap := due - self._now()) > 0:
            if self._lanes.in_flight:
                self._lanes.wait(gap / self._timeline.speedup)
            elif self._timeline.virtual:
                self._jump(gap)
                break
            elif self._stopping.wait(gap / self._timeline.speedup):
                raise Stopped
            if self._stopping.is_set():
                raise Stopped
        if self._stopping.is_set():
            raise Stopped

    def _jump(self, seconds: float) -> None:
        self._cloud, self._wall = self._timeline.jump(seconds), time.monotonic()
        if self._stopping.is_set():
            raise Stopped

    def _look(self) -> None:
        """Read the cloud's time, once: until the next jump it goes on at the wall's rate."""
        self._cloud, self._wall = self._timeline.timestamp(), time.monotonic()

    def _now(self) -> float:
        return self._cloud + (time.monotonic() - self._wall) * self._timeline.speedup

    def _came(self, sent: _Sent, answer: Answer) -> None:
        seconds = time.perf_counter() - sent.began
        departure = sent.departure
        record = Record(
            index=departure.index,
            mix=departure.mix.name,
            offset=departure.offset,
            at=datetime.fromtimestamp(sent.at, UTC),
            customer=departure.customer,
            status=answer.status_code,
            version=answer.executed_version,
            seconds=seconds,
            request_id=answer.request_id,
            error=answer.error,
        )
        with self._lock:
            if not self._closed:
                self._records[departure.index] = record
                self._failed += not record.ok
