"""Mixes: who asks for what and how often, and the plan of requests that a seed makes of them.

What is decided here depends on the mixes and the seed alone: arrivals, customers, payloads and trace ids.
"""

from __future__ import annotations

import heapq
import itertools
import json
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from sandbox.load.answers import Json

Arrivals = Literal["even", "poisson"]
#: Requests a second, or points (seconds after the start, requests a second) that are joined by straight lines.
Rate = float | Sequence[tuple[float, float]]
Payloads = Json | Sequence[Json] | Callable[[int, random.Random, str], Json] | None
Target = str | Callable[[Json], object]

#: Requests of one run; above it a caller has mixed up his units.
MAX_REQUESTS = 100_000
#: Arrivals in virtual time keep out of the first seconds of a minute, and of the last quarter of a second before each
#: multiple of five seconds. That is when the cloud acts by itself: deployments that began at such a time shift then,
#: alarms are evaluated five seconds past the minute, CodeDeploy looks at them each ten seconds. So whether a request
#: comes before or after a step doesn't depend on how fast this machine is.
QUIET_SECONDS = 5.0
WINDOW_SECONDS = 5.0
CLEAR_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Mix:
    """One kind of requests.

    `target`: a function's name or ARN (alias or version included), which is invoked synchronously through Lambda; an
    API's or a function's URL, which gets a POST of JSON; or a callable that takes the payload.

    `rate`: requests a second of the cloud's time, or a shape: points (seconds, rate), joined by straight lines, the
    first rate before and the last one after them. `arrivals`: "even", or "poisson" for independent ones.

    `customers`: None makes each request a customer of its own; a number lets that many return, a list names them.
    `payloads`: None for {"customer": ...}, one JSON value for all, a list to choose from, or a callable of
    (index, random.Random, customer).
    """

    name: str
    target: Target
    rate: Rate = 10.0
    payloads: Payloads = None
    customers: int | Sequence[str] | None = None
    arrivals: Arrivals = "even"

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a mix has no name: give one, it stands in each of its records")
        if isinstance(self.target, str):
            if not self.target:
                raise ValueError(f"the target of {self.name!r} is empty: give a function, a URL or a callable")
        elif not callable(self.target):
            raise TypeError(f"the target of {self.name!r} is {self.target!r}: give a function, a URL or a callable")
        if self.arrivals not in ("even", "poisson"):
            raise ValueError(f"arrivals {self.arrivals!r} of {self.name!r}: give 'even' or 'poisson'")
        points = self.points()
        for seconds, rate in points:
            if not (math.isfinite(rate) and rate >= 0 and math.isfinite(seconds) and seconds >= 0):
                raise ValueError(f"{self.name!r} has {rate!r} requests a second at {seconds!r} s: give numbers from 0")
        if not points or any(before >= after for (before, _), (after, _) in itertools.pairwise(points)):
            raise ValueError(f"the rate of {self.name!r} is {self.rate!r}: give a number, or points in order of time")
        if self.customers is not None and not isinstance(self.customers, int) and not self.customers:
            raise ValueError(f"{self.name!r} has an empty list of customers: give None, a number or names")
        if isinstance(self.customers, int) and self.customers < 1:
            raise ValueError(f"{self.name!r} has {self.customers!r} customers: give at least 1, or None")
        if isinstance(self.payloads, list | tuple) and not self.payloads:
            raise ValueError(f"{self.name!r} has an empty list of payloads: give at least one, or None")

    def points(self) -> list[tuple[float, float]]:
        """The rate as points (seconds, requests a second)."""
        if isinstance(self.rate, int | float):
            return [(0.0, float(self.rate))]
        return [(float(seconds), float(rate)) for seconds, rate in self.rate]

    def peak(self) -> float:
        """The highest rate, requests a second."""
        return max(rate for _, rate in self.points())

    def expected(self, seconds: float) -> float:
        """How many requests are to be expected within `seconds`."""
        return sum(area for _, _, _, _, area in _segments(self.points(), seconds))


@dataclass(frozen=True, slots=True)
class Departure:
    """One request to be sent, `offset` seconds after the start; `index` counts all, `number` those of its mix."""

    index: int
    number: int
    mix: Mix
    offset: float
    customer: str
    body: bytes
    unique: str

    def trace(self, at: float) -> str:
        """The X-Amzn-Trace-Id that the request starts at the cloud's time `at`: by it an alias chooses a version."""
        return f"Root=1-{int(at):08x}-{self.unique}"


def plan(mixes: Sequence[Mix], seed: int, seconds: float | None, *, clear: bool) -> Iterator[Departure]:
    """All requests of the mixes in their order, one after the other; without end if `seconds` is None.

    `clear` keeps the arrivals clear of the times at which the cloud acts by itself.
    """
    streams = [
        # Offset, place of the mix, number within it: two at one time leave in the order of the mixes.
        zip(_arrivals(mix, seed, seconds, clear=clear), itertools.repeat(place), itertools.count())
        for place, mix in enumerate(mixes)
    ]
    makers = [_Maker(mix, seed) for mix in mixes]
    for index, (offset, place, number) in enumerate(heapq.merge(*streams)):
        yield makers[place].departure(index, number, offset)


class _Maker:
    """Makes the requests of one mix."""

    def __init__(self, mix: Mix, seed: int) -> None:
        self._mix = mix
        self._seed = seed
        self._customers = random.Random(f"{seed}:{mix.name}:customers")
        self._payloads = random.Random(f"{seed}:{mix.name}:payloads")

    def departure(self, index: int, number: int, offset: float) -> Departure:
        mix = self._mix
        customer = self._customer(number)
        unique = random.Random(f"{self._seed}:{mix.name}:trace:{number}").getrandbits(96)
        return Departure(index, number, mix, offset, customer, self._body(number, customer), f"{unique:024x}")

    def _customer(self, number: int) -> str:
        customers = self._mix.customers
        if customers is None:
            return f"{self._mix.name}-{number + 1:06d}"
        if isinstance(customers, int):
            width = len(str(customers))
            return f"{self._mix.name}-{self._customers.randint(1, customers):0{width}d}"
        return str(self._customers.choice(customers))

    def _body(self, number: int, customer: str) -> bytes:
        payloads = self._mix.payloads
        payload: Json
        if payloads is None:
            payload = {"customer": customer}
        elif callable(payloads):
            payload = payloads(number, self._payloads, customer)
        elif isinstance(payloads, list | tuple):
            payload = self._payloads.choice(payloads)
        else:
            payload = payloads
        try:
            return json.dumps(payload).encode()
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"payload {number} of {self._mix.name!r} can't be sent as JSON ({error}): {payload!r}"
            ) from None


# -- arrivals ----------------------------------------------------------------------------------------------------


def _arrivals(mix: Mix, seed: int, seconds: float | None, *, clear: bool) -> Iterator[float]:
    offsets = _when(mix.points(), seconds, _sums(mix, seed))
    return map(keep_clear, offsets) if clear else offsets


def _sums(mix: Mix, seed: int) -> Iterator[float]:
    """What the rate has to add up to at each arrival."""
    if mix.arrivals == "even":
        # From the middle of the first gap on: two runs side by side, or a run and the minute, do not coincide.
        return (number + 0.5 for number in itertools.count())
    rng = random.Random(f"{seed}:{mix.name}:arrivals")
    return itertools.accumulate(rng.expovariate(1.0) for _ in itertools.repeat(None))


def _segments(
    points: Sequence[tuple[float, float]], seconds: float | None
) -> Iterator[tuple[float, float, float, float, float]]:
    """The stretches between points: start, length, rates at its start and at its end, and how many arrive in it."""
    end = math.inf if seconds is None else seconds
    corners = [(0.0, points[0][1]), *(point for point in points if point[0] > 0), (math.inf, points[-1][1])]
    for (start, first), (stop, last) in itertools.pairwise(corners):
        if start >= end:
            return
        length = min(stop, end) - start
        if stop > end and math.isfinite(stop):
            last = first + (last - first) * length / (stop - start)
        area = (first + last) / 2 * length if first or last else 0.0
        yield start, length, first, last, area


def _when(points: Sequence[tuple[float, float]], seconds: float | None, sums: Iterator[float]) -> Iterator[float]:
    """When the rate adds up to each of `sums`, in seconds, until the time or the rate has ended."""
    reached = 0.0
    wanted = next(sums)
    for start, length, first, last, area in _segments(points, seconds):
        slope = (last - first) / length if math.isfinite(length) else 0.0
        while (need := wanted - reached) < area:
            # The form of the quadratic's root that holds for a slope of 0, too.
            root = math.sqrt(max(first * first + 2 * slope * need, 0.0))
            yield start + min(2 * need / (first + root), length)
            wanted = next(sums)
        reached += area


def keep_clear(offset: float) -> float:
    """An arrival within its minute, moved out of the times at which the cloud acts; their order stays."""
    minute, within = divmod(offset, 60.0)
    windows = (60.0 - QUIET_SECONDS) / WINDOW_SECONDS
    window, part = divmod(within / 60.0 * windows, 1.0)
    return minute * 60.0 + QUIET_SECONDS + window * WINDOW_SECONDS + part * (WINDOW_SECONDS - CLEAR_SECONDS)
