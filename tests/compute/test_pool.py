"""Which environment serves, and when one ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.clock import Clock
from sandbox.compute.background import Background
from sandbox.compute.contract import EnvironmentSpec, InitResult, Invocation, InvocationResult
from sandbox.compute.pool import IDLE_SECONDS, LIFETIME_SECONDS, Kind, Pool


class FakeEnvironment:
    def __init__(self, spec: EnvironmentSpec, init: InitResult) -> None:
        self.spec = spec
        self.ended = threading.Event()
        self._init = init

    def init(self) -> InitResult:
        return self._init

    def invoke(self, invocation: Invocation) -> InvocationResult:
        raise NotImplementedError

    def shutdown(self, reason: str = "spindown") -> None:
        self.ended.set()


class FakeHost:
    def __init__(self) -> None:
        self.made: list[FakeEnvironment] = []
        self.init = InitResult(True, 10.0)

    def create(self, spec: EnvironmentSpec) -> FakeEnvironment:
        self.made.append(FakeEnvironment(spec, self.init))
        return self.made[-1]


class Bench:
    def __init__(self) -> None:
        self.clock = Clock()
        self.host = FakeHost()
        self.background = Background(self.clock, "test", 4)
        self.pool = Pool(self.clock, self.host, self.background, self.spec)

    def spec(self, kind: Kind) -> EnvironmentSpec:
        return EnvironmentSpec(
            *("1", "us-east-1", "f", "1", "arn", "app.handler", "python3.11", 128, 3, Path(), "g", "s", "http://x"),
            initialization_type=kind,
        )

    def served(self, count: int = 1) -> list[Any]:
        """That many environments, at work at the same time and then idle."""
        now = self.clock.now()
        slots = [self.pool.take("$LATEST", now) or self.pool.start(now) for _ in range(count)]
        for slot in slots:
            self.pool.give_back(slot, self.clock.now())
        return [slot.environment for slot in slots]

    def provision(self, count: int) -> list[InitResult]:
        told: list[InitResult] = []
        self.pool.provision("live", count, told.append)
        self.clock.settle()
        return told


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.background.close()
    bench.clock.close()


def eventually(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not what():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_the_environment_used_last_serves_next(bench: Bench) -> None:
    first, second = bench.served(2)
    slot = bench.pool.take("$LATEST", bench.clock.now())
    assert slot is not None
    assert slot.environment is second
    assert bench.pool.take("$LATEST", bench.clock.now()).environment is first  # type: ignore[union-attr]
    assert bench.pool.take("$LATEST", bench.clock.now()) is None


def test_an_idle_environment_is_reclaimed_and_a_busy_one_is_not(bench: Bench) -> None:
    first, second = bench.served(2)
    bench.clock.advance(IDLE_SECONDS / 2)
    assert bench.served() == [second]
    bench.clock.advance(IDLE_SECONDS / 2 + 1)
    assert first.ended.is_set()
    assert not second.ended.is_set()
    bench.clock.advance(IDLE_SECONDS)
    assert second.ended.is_set()


def test_an_old_environment_is_not_used_again(bench: Bench) -> None:
    (environment,) = bench.served()
    for _ in range(int(LIFETIME_SECONDS / (IDLE_SECONDS / 2)) - 1):
        bench.clock.advance(IDLE_SECONDS / 2)
        assert bench.served() == [environment]
    bench.clock.advance(IDLE_SECONDS / 2)
    assert bench.served() != [environment]
    eventually(environment.ended.is_set)


def test_an_environment_that_cannot_go_on_ends(bench: Bench) -> None:
    slot = bench.pool.start(bench.clock.now())
    bench.pool.give_back(slot, bench.clock.now(), usable=False)
    eventually(slot.environment.ended.is_set)  # type: ignore[attr-defined]
    assert bench.pool.take("$LATEST", bench.clock.now()) is None


def test_a_retired_pool_ends_idle_environments_now_and_busy_ones_after_their_invocation(bench: Bench) -> None:
    (idle,) = bench.served()
    slot = bench.pool.take("$LATEST", bench.clock.now())
    assert slot is not None
    busy = bench.pool.start(bench.clock.now())
    bench.pool.give_back(slot, bench.clock.now())
    bench.pool.retire()
    eventually(idle.ended.is_set)
    assert not busy.environment.ended.is_set()  # type: ignore[attr-defined]
    bench.pool.give_back(busy, bench.clock.now())
    eventually(busy.environment.ended.is_set)  # type: ignore[attr-defined]


def test_provisioned_environments_are_initialised_and_serve_their_qualifier_only(bench: Bench) -> None:
    assert [result.ok for result in bench.provision(2)] == [True, True]
    assert bench.pool.ready("live") == 2
    assert {made.spec.initialization_type for made in bench.host.made} == {"provisioned-concurrency"}
    assert bench.pool.take("1", bench.clock.now()) is None
    slot = bench.pool.take("live", bench.clock.now())
    assert slot is not None
    assert slot.qualifier == "live"
    assert bench.pool.in_use("live") == 1
    assert bench.pool.take("live", bench.clock.now()) is not None
    assert bench.pool.take("live", bench.clock.now()) is None, "the third spills over"


def test_provisioned_environments_are_not_reclaimed(bench: Bench) -> None:
    bench.provision(1)
    bench.clock.advance(IDLE_SECONDS * 3)
    assert not bench.host.made[0].ended.is_set()


def test_a_lower_setting_ends_environments_also_those_in_use(bench: Bench) -> None:
    bench.provision(2)
    slot = bench.pool.take("live", bench.clock.now())
    assert slot is not None
    bench.provision(0)
    assert sum(made.ended.is_set() for made in bench.host.made) == 1
    bench.pool.give_back(slot, bench.clock.now())
    eventually(lambda: all(made.ended.is_set() for made in bench.host.made))
    assert bench.pool.ready("live") == 0


def test_a_provisioned_environment_that_ends_is_replaced(bench: Bench) -> None:
    bench.provision(1)
    slot = bench.pool.take("live", bench.clock.now())
    assert slot is not None
    bench.pool.give_back(slot, bench.clock.now(), usable=False)
    eventually(lambda: len(bench.host.made) == 2 and bench.pool.ready("live") == 1)


def test_a_failed_init_of_a_provisioned_environment_is_told(bench: Bench) -> None:
    bench.host.init = InitResult(False, 1.0, "Runtime.ImportModuleError", "no module")
    assert [result.error_type for result in bench.provision(1)] == ["Runtime.ImportModuleError"]
    assert bench.pool.ready("live") == 0
    assert bench.host.made[0].ended.is_set()
