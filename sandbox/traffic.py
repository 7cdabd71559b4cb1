"""The load generator: requests that arrive by the clock, whether or not earlier ones have been answered.

Arrivals, payloads and the order of sending depend on the seed alone; latencies are measured.
"""

from __future__ import annotations

import base64
import json
import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from .load import senders
from .load.answers import Answer, Json, answer_of_error, decoded, words_of_failure
from .load.deployments import Deployments
from .load.mixes import MAX_REQUESTS, Arrivals, Mix
from .load.run import Run, Timeline
from .progress import Progress

Payloads = Json | Sequence[Json] | Callable[[int, random.Random], Json] | None
Target = str | Callable[[Json], Any]

#: Requests that may be in flight at one time.
MAX_IN_FLIGHT = 256
#: The most that is sent to an account, requests a second of all mixes.
MAX_ACCOUNT_RATE = 100.0
#: After Ctrl-C: how long requests in flight may still answer, wall seconds.
GRACE_SECONDS = 2.0
#: The longest wait for one request to be on its way before the next may follow, wall seconds.
HAND_OVER_SECONDS = 5.0


class Cloud(senders.Cloud, Protocol):
    """What mixes need of the cloud beside its time."""

    def client(self, service: str) -> Any: ...
    def announce(self, plan: Mapping[str, float]) -> None: ...


@dataclass(frozen=True, slots=True)
class Response:
    """How one request was answered.

    `index` counts arrivals from 0; `at` is the cloud's time of sending; `seconds` is what the caller waited.
    `status_code` is HTTP's (429 for a throttle), 0 if no answer came. `result` is the decoded JSON payload, of a
    failed function its error object. `function_error` is Lambda's ("Unhandled") or empty. `error` is empty
    on success, else the error in words. `log_tail` is the end of the invocation's log (4 KB at most).
    """

    index: int
    at: datetime
    payload: Json
    status_code: int
    result: Json
    function_error: str
    request_id: str
    executed_version: str
    seconds: float
    log_tail: str
    error: str

    @property
    def ok(self) -> bool:
        """Whether the request was answered without an error of the service or of the function."""
        return 200 <= self.status_code < 300 and not self.error


@dataclass(frozen=True, slots=True)
class Departure:
    """One request that is about to be sent. `at` is the cloud's time; `sent` is set once it is on its way."""

    index: int
    at: float
    payload: Json
    sent: threading.Event


# -- what decides: arrivals, payloads and trace ids ----------------------------------------------------------


def arrival_times(start: float, end: float, seconds: float, arrivals: Arrivals, seed: int) -> list[float]:
    """Seconds after the beginning at which requests arrive, while the rate goes from `start` to `end` per second.

    "even": the i-th arrives when the rate adds up to i. "poisson": independent arrivals at that rate.
    """
    total = (start + end) / 2 * seconds
    if arrivals == "even":
        # A millionth, so that 0.1 a second for 30 seconds are 3 in floating point, too.
        sums: Iterator[float] = (float(i) for i in range(math.ceil(total - 1e-6)))
    else:
        sums = _poisson(total, random.Random(f"{seed}:arrivals"))
    return [_when(reached, start, end, seconds) for reached in sums]


def _poisson(total: float, rng: random.Random) -> Iterator[float]:
    reached = rng.expovariate(1.0)
    while reached < total:
        yield reached
        reached += rng.expovariate(1.0)


def _when(reached: float, start: float, end: float, seconds: float) -> float:
    """The time at which `start` t + (`end` - `start`) t^2 / (2 `seconds`) is `reached`."""
    slope = (end - start) / seconds
    # The form of the quadratic's root that holds for a slope of 0, too.
    root = math.sqrt(max(start * start + 2 * slope * reached, 0.0))
    return 0.0 if reached == 0 else min(2 * reached / (start + root), seconds)


def choose_payloads(payloads: Payloads, count: int, seed: int) -> list[Json]:
    """One payload for each index: {} for None, the same one, a seeded choice of a list, or a function's."""
    rng = random.Random(f"{seed}:payloads")
    chosen: list[Json]
    if payloads is None:
        chosen = [{} for _ in range(count)]
    elif callable(payloads):
        chosen = [payloads(index, rng) for index in range(count)]
    elif isinstance(payloads, list | tuple):
        if not payloads:
            raise ValueError("payloads is an empty list: give at least one payload, or None for {}")
        chosen = [rng.choice(payloads) for _ in range(count)]
    else:
        chosen = [payloads] * count
    for index, payload in enumerate(chosen):
        try:
            json.dumps(payload)
        except (TypeError, ValueError) as error:
            raise ValueError(f"payload {index} can't be sent as JSON ({error}): {payload!r}") from None
    return chosen


def trace_header(seed: int, run: int, index: int, at: float) -> str:
    """The X-Amzn-Trace-Id that a request starts: of one seed the same, but for the time in it.

    By it the local sandbox chooses between an alias's versions, so that requests sent at one time, which arrive in
    any order, go to the same versions each time.
    """
    unique = random.Random(f"{seed}:trace:{run}:{index}").getrandbits(96)
    return f"Root=1-{int(at):08x}-{unique:024x}"


# -- sending --------------------------------------------------------------------------------------


class Traffic:
    """Sends requests to a function, or to anything callable, along the cloud's clock.

    A target is a function's name or ARN (invoked synchronously through Lambda, alias or version included), or a
    callable that takes the payload. Payloads: None for {}, one JSON value for all, a list to choose from, or a
    callable of (index, random.Random). Each method returns the Responses in the order of arrival; throttles and
    errors are Responses, never exceptions. Ctrl-C stops sending and returns what was answered.

    Locally time is virtual: with nothing in flight it jumps to the next arrival, and while a request is in
    flight it flows at the wall's rate. In an account arrivals are waited for.

    `play` and `background` send several mixes at once and keep a Record of each request.
    """

    def __init__(
        self, timeline: Timeline, invoker: Callable[[], Any], *, seed: int = 0, cloud: Cloud | None = None
    ) -> None:
        self._timeline = timeline
        self._cloud = cloud
        self._invoker = invoker
        self._seed = seed
        self._client: Any = None
        self._lock = threading.Lock()
        self._slot = threading.local()
        self._runs = 0

    def steady(
        self,
        target: Target,
        rate: float = 10,
        seconds: float = 60,
        payloads: Payloads = None,
        *,
        seed: int | None = None,
        arrivals: Arrivals = "even",
        concurrency: int = MAX_IN_FLIGHT,
    ) -> list[Response]:
        """`rate` requests a second for `seconds`. Ends when all are answered and the time is up."""
        return self.ramp(target, rate, rate, seconds, payloads, seed=seed, arrivals=arrivals, concurrency=concurrency)

    def ramp(
        self,
        target: Target,
        start: float,
        end: float,
        seconds: float,
        payloads: Payloads = None,
        *,
        seed: int | None = None,
        arrivals: Arrivals = "even",
        concurrency: int = MAX_IN_FLIGHT,
    ) -> list[Response]:
        """From `start` to `end` requests a second in `seconds`. Ends when all are answered and the time is up."""
        for name, number in (("start", start), ("end", end)):
            if not (math.isfinite(number) and number >= 0):
                raise ValueError(f"a rate of {number!r} requests a second ({name}): give a number of at least 0")
        if not (math.isfinite(seconds) and seconds > 0):
            raise ValueError(f"{seconds!r} seconds of traffic: give a number above 0")
        if arrivals not in ("even", "poisson"):
            raise ValueError(f"arrivals {arrivals!r}: give 'even' or 'poisson'")
        expected = (start + end) / 2 * seconds
        if expected > MAX_REQUESTS:
            raise ValueError(f"{expected:.0f} requests: one call sends {MAX_REQUESTS} at most")
        seed = self._seed if seed is None else seed
        times = arrival_times(start, end, seconds, arrivals, seed)
        return self._run(target, times, choose_payloads(payloads, len(times), seed), seconds, concurrency, seed)

    def burst(
        self,
        target: Target,
        count: int,
        payloads: Payloads = None,
        *,
        seed: int | None = None,
        concurrency: int = MAX_IN_FLIGHT,
    ) -> list[Response]:
        """`count` requests at one time. ValueError for more than `concurrency`, which is 256 at most."""
        if not 0 < count <= concurrency:
            raise ValueError(
                f"a burst of {count!r} requests: give 1 to {concurrency}, as many as may be in flight; "
                "more than that is a steady load"
            )
        seed = self._seed if seed is None else seed
        return self._run(target, [0.0] * count, choose_payloads(payloads, count, seed), 0.0, concurrency, seed)

    # -- mixes -----------------------------------------------------------------------------------

    def play(self, mixes: Mix | Sequence[Mix], seconds: float, *, seed: int | None = None) -> Run:
        """Send mixes of requests for `seconds` of the cloud's time, and return the run: its records, its summary.

        In virtual time the run begins at the next full minute, and its arrivals keep clear of the moments at which
        alarms and deployments act: the same seed gives the same requests, versions and failures. In an account it
        begins at once, after what it costs has been printed. Ctrl-C, Jupyter's stop button, ends it, and what was
        recorded stays. Raises ValueError for what can't be sent, and Refused before spending has been agreed to.
        """
        return self._prepared(mixes, seconds, seed, deployment=False, after=0.0).start().wait()

    def background(
        self,
        mixes: Mix | Sequence[Mix],
        seconds: float | None = None,
        *,
        seed: int | None = None,
        during: Literal["block", "deployment"] = "block",
        after: float = 60.0,
    ) -> Run:
        """Traffic beside a client that blocks, `sam deploy` or a waiter: `with cloud.traffic.background(mix) as run:`.

        Locally this is what advances the clock. It ends with the block, after `seconds` of the cloud's time if they
        are given, or by `run.stop()`; an exception of the block goes through, and what was recorded stays.

        `during="deployment"` holds requests and time back until CodeDeploy has begun a deployment, plays from the next
        full minute on, and rests from `after` seconds (full minutes) after the last deployment has ended, until
        another one begins. How long the client takes before and afterwards then makes no difference: the same seed
        gives the same requests, versions, failures, alarm transitions and steps. In an account, where time can't be
        held, it is as "block".
        """
        if during not in ("block", "deployment"):
            raise ValueError(f"traffic during {during!r}: give 'block' or 'deployment'")
        return self._prepared(mixes, seconds, seed, deployment=during == "deployment", after=after)

    def _prepared(
        self, mixes: Mix | Sequence[Mix], seconds: float | None, seed: int | None, *, deployment: bool, after: float
    ) -> Run:
        cloud = self._cloud
        if cloud is None:
            raise RuntimeError("mixes need a cloud: take the traffic of open_cloud()")
        mixes = (mixes,) if isinstance(mixes, Mix) else tuple(mixes)
        _expect_sendable(mixes, seconds, after)
        if cloud.target == "account":
            _announce(cloud, mixes, seconds)
        return Run(
            self._timeline,
            mixes,
            {mix.name: senders.sender(mix.target, cloud, self._invoker) for mix in mixes},
            seed=self._seed if seed is None else seed,
            seconds=seconds,
            deployments=(lambda since: Deployments(cloud.client("codedeploy"), since)) if deployment else None,
            after=after,
        )

    # -- inside ----------------------------------------------------------------------------------

    def _run(
        self, target: Target, times: list[float], payloads: list[Json], seconds: float, concurrency: int, seed: int
    ) -> list[Response]:
        if not 0 < concurrency <= MAX_IN_FLIGHT:
            raise ValueError(f"concurrency {concurrency!r}: give 1 to {MAX_IN_FLIGHT} requests in flight")
        flight = Flight(self._timeline, len(times), concurrency, self._sender(target, seed))
        name = target if isinstance(target, str) else getattr(target, "__name__", "callable")
        with Progress(f"{len(times)} requests to {name}", flight.fraction):
            try:
                for index, (offset, payload) in enumerate(zip(times, payloads, strict=True)):
                    flight.reach(offset)
                    flight.send(index, payload)
                flight.land(seconds)
            except KeyboardInterrupt:
                flight.stop()
        return flight.responses()

    def _sender(self, target: Target, seed: int) -> Callable[[Departure], Answer]:
        if isinstance(target, str):
            if not target:
                raise ValueError("the target is empty: give a function's name or ARN, or a callable")
            # Now, because making the client takes longer than the first requests may be apart.
            self._lambda()
            with self._lock:
                self._runs += 1
                run = self._runs
            return lambda departure: self._invoke(
                target, departure, trace_header(seed, run, departure.index, departure.at)
            )
        if callable(target):
            return lambda departure: _call(target, departure)
        raise TypeError(f"the target is {target!r}: give a function's name or ARN, or a callable")

    def _lambda(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = self._invoker()
                self._client.meta.events.register("before-call.lambda.Invoke", self._before_call)
                self._client.meta.events.register("before-send.lambda.Invoke", self._on_send)
            return self._client

    def _before_call(self, params: dict[str, Any], **_: Any) -> None:
        trace = getattr(self._slot, "trace", None)
        if trace is not None:
            params["headers"]["X-Amzn-Trace-Id"] = trace

    def _on_send(self, **_: Any) -> None:
        event = getattr(self._slot, "sent", None)
        if event is not None:
            event.set()

    def _invoke(self, function: str, departure: Departure, trace: str) -> Answer:
        self._slot.sent, self._slot.trace = departure.sent, trace
        payload = json.dumps(departure.payload).encode()
        try:
            got = self._lambda().invoke(FunctionName=function, LogType="Tail", Payload=payload)
            result = decoded(got["Payload"].read())
        finally:
            self._slot.sent = self._slot.trace = None
        failed = got.get("FunctionError", "")
        return Answer(
            status_code=got["StatusCode"],
            result=result,
            function_error=failed,
            request_id=got["ResponseMetadata"].get("RequestId", ""),
            executed_version=got.get("ExecutedVersion", ""),
            log_tail=base64.b64decode(got.get("LogResult", "")).decode("utf-8", "replace"),
            error=words_of_failure(result, failed),
        )


def _call(target: Callable[[Json], Any], departure: Departure) -> Answer:
    departure.sent.set()
    result = target(departure.payload)
    metadata = result.get("ResponseMetadata", {}) if isinstance(result, dict) else {}
    return Answer(
        status_code=int(metadata.get("HTTPStatusCode", 200)),
        request_id=metadata.get("RequestId", ""),
        result=result,
    )


def _expect_sendable(mixes: Sequence[Mix], seconds: float | None, after: float) -> None:
    if not mixes:
        raise ValueError("there is no mix to send: give at least one")
    names = [mix.name for mix in mixes]
    if len(set(names)) < len(names):
        raise ValueError(f"the mixes are called {', '.join(names)}: give each a name of its own")
    if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
        raise ValueError(f"{seconds!r} seconds of traffic: give a number above 0")
    if not (math.isfinite(after) and after >= 0):
        raise ValueError(f"{after!r} seconds after a deployment: give a number of at least 0")
    expected = sum(mix.expected(seconds) for mix in mixes) if seconds is not None else 0.0
    if expected > MAX_REQUESTS:
        raise ValueError(f"{expected:.0f} requests: one run sends {MAX_REQUESTS} at most")


def _announce(cloud: Cloud, mixes: Sequence[Mix], seconds: float | None) -> None:
    """Say what the requests cost, of an hour where no end is known; ValueError for more than an account is sent."""
    peak = sum(mix.peak() for mix in mixes)
    if peak > MAX_ACCOUNT_RATE:
        raise ValueError(f"{peak:g} requests a second: an account is sent {MAX_ACCOUNT_RATE:g} at most")
    counted: dict[str, float] = {}
    for mix in mixes:
        if isinstance(mix.target, str):
            requests = mix.expected(seconds if seconds is not None else 3600.0)
            counted["lambda_requests"] = counted.get("lambda_requests", 0.0) + requests
            # Of what is behind a URL the dearest is reckoned: a function of 128 MB behind a REST API, 100 ms each.
            counted["lambda_gb_s"] = counted.get("lambda_gb_s", 0.0) + requests * 0.125 * 0.1
            if "://" in mix.target:
                counted["rest_api_requests"] = counted.get("rest_api_requests", 0.0) + requests
    print(
        "Traffic "
        + (f"for {seconds:g} s" if seconds is not None else "for each hour that it lasts")
        + ", at 128 MB and 100 ms a request:"
    )
    cloud.announce(counted)


class Flight:
    """One run: requests on their way, each in a thread of its own, and the answers so far."""

    def __init__(
        self,
        timeline: Timeline,
        count: int,
        limit: int,
        sender: Callable[[Departure], Answer],
    ) -> None:
        self._timeline = timeline
        self._limit = limit
        self._sender = sender
        self._answered: list[Response | None] = [None] * count
        self._done = 0
        self._in_flight = 0
        self._closed = False
        self._changed = threading.Condition()
        self._start = self._anchor()

    def fraction(self) -> float:
        return self._done / max(len(self._answered), 1)

    def reach(self, offset: float) -> None:
        """Return when the cloud's time is `offset` seconds past the start."""
        due = self._start + offset
        while (gap := due - self._now()) > 0:
            with self._changed:
                if self._in_flight or not self._timeline.virtual:
                    # Time flows by itself; on virtual time the last answer ends the wait, and the rest is a jump.
                    self._changed.wait(gap / self._timeline.speedup)
                    continue
            self._cloud, self._wall = self._timeline.jump(gap), time.monotonic()
            return

    def send(self, index: int, payload: Json) -> None:
        """Start one request, and return once it is on its way: the next is sent after it."""
        at = self._now()
        with self._changed:
            full = self._in_flight >= self._limit
            if not full:
                self._in_flight += 1
        if full:
            error = f"not sent: {self._limit} requests were in flight, the load generator's limit"
            self._note(index, at, payload, 0.0, Answer(error=error))
            return
        departure = Departure(index, at, payload, threading.Event())
        threading.Thread(target=self._fly, args=(departure,), name=f"traffic-{index}", daemon=True).start()
        departure.sent.wait(HAND_OVER_SECONDS)

    def land(self, offset: float) -> None:
        """Wait for all answers, and for the time `offset` seconds past the start."""
        with self._changed:
            while self._in_flight:
                # With a time-out, because a wait without one holds Ctrl-C back on some systems.
                self._changed.wait(1.0)
        self.reach(offset)

    def stop(self) -> None:
        """Give requests in flight a moment to be answered, then leave them behind."""
        end = time.monotonic() + GRACE_SECONDS
        with self._changed:
            while self._in_flight and (left := end - time.monotonic()) > 0:
                self._changed.wait(left)
            self._closed = True

    def responses(self) -> list[Response]:
        return [response for response in self._answered if response is not None]

    def _fly(self, departure: Departure) -> None:
        began = time.perf_counter()
        try:
            answer = self._sender(departure)
        except Exception as error:
            answer = answer_of_error(error)
        finally:
            departure.sent.set()
        self._note(departure.index, departure.at, departure.payload, time.perf_counter() - began, answer)
        with self._changed:
            self._in_flight -= 1
            if not self._in_flight:
                self._changed.notify_all()

    def _note(self, index: int, at: float, payload: Json, seconds: float, answer: Answer) -> None:
        response = Response(
            index=index,
            at=datetime.fromtimestamp(at, UTC),
            payload=payload,
            status_code=answer.status_code,
            result=answer.result,
            function_error=answer.function_error,
            request_id=answer.request_id,
            executed_version=answer.executed_version,
            seconds=seconds,
            log_tail=answer.log_tail,
            error=answer.error,
        )
        with self._changed:
            if not self._closed:
                self._answered[index] = response
                self._done += 1

    def _anchor(self) -> float:
        """Read the cloud's time, once: until the next jump it goes on at the wall's rate."""
        self._cloud, self._wall = self._timeline.timestamp(), time.monotonic()
        return self._cloud

    def _now(self) -> float:
        return self._cloud + (time.monotonic() - self._wall) * self._timeline.speedup
