"""Runs of traffic in virtual time, on whole sandboxes: one seed, one run."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from sandbox.cloud import Mix
from sandbox.load import run as running
from sandbox.load.answers import Answer
from sandbox.load.mixes import Departure
from tests.load.conftest import LINEAR, Shop, Shops

WAIT_SECONDS = 60.0


def wait_for_end(shop: Shop, identifier: str) -> str:
    """The status in which a deployment ended: asked for again and again, as a client that blocks does."""
    pause, deadline = threading.Event(), time.monotonic() + WAIT_SECONDS
    while not pause.wait(0.1) and time.monotonic() < deadline:
        info = shop.deploy.get_deployment(deploymentId=identifier)["deploymentInfo"]
        if info["status"] in ("Succeeded", "Failed", "Stopped"):
            return str(info["status"])
    raise AssertionError(f"{identifier} has not ended in {WAIT_SECONDS:.0f} s")


def test_one_seed_gives_two_sandboxes_the_same_versions_failures_and_alarm_transitions(shops: Shops) -> None:
    def play() -> tuple[Any, ...]:
        shop = shops.open()
        shop.weigh(0.3)
        mixes = [
            Mix("web", "checkout:live", rate=2, customers=500),
            Mix("app", "checkout:live", rate=[(0, 0.5), (60, 1.5)], arrivals="poisson"),
        ]
        run = shop.cloud.traffic.play(mixes, 150, seed=11)
        assert run.started is not None
        seen = [(one.mix, one.offset, one.customer, one.version, one.error) for one in run.records]
        return seen, run.failed_customers, shop.transitions(run.started)

    first, second = play(), play()
    assert first == second
    seen, failed, transitions = first
    assert {version for _, _, _, version, _ in seen} == {"1", "2"}
    assert failed
    assert transitions == [(65, "ALARM")]


def test_failed_customers_are_those_whose_errors_stand_in_the_logs(shops: Shops) -> None:
    shop = shops.open()
    shop.weigh(0.5)
    run = shop.cloud.traffic.play(Mix("web", "checkout:live", rate=4, customers=60), 60, seed=3)
    failures = [record for record in run.records if not record.ok]
    logged = shop.logged('"[ERROR]" "lost web-"')
    assert len(failures) == len(logged) > 10
    assert sorted(run.failed_customers) == sorted({line.split("lost ")[1].split()[0] for line in logged})
    # Each request ran, and none twice.
    ran = sorted(line.split()[2] for line in shop.logged('"START RequestId"'))
    assert ran == sorted(record.request_id for record in run.records)
    assert len(ran) == 240


def test_a_canary_under_background_traffic_is_taken_back_at_the_same_request_each_time(shops: Shops) -> None:
    def play(dawdle: float) -> tuple[Any, ...]:
        shop = shops.open()
        shop.group()
        mix = Mix("web", "checkout:live", rate=5)
        with shop.cloud.traffic.background(mix, seed=7, during="deployment") as run:
            # A client that takes its time, sam for one: nothing is sent meanwhile.
            run._stopping.wait(dawdle)
            assert run.records == []
            identifier = shop.begin()
            assert wait_for_end(shop, identifier) == "Stopped"
        assert run.started is not None
        steps = [
            (event["lifecycleEventName"], event["status"])
            for target in shop.deploy.batch_get_deployment_targets(
                deploymentId=identifier,
                targetIds=shop.deploy.list_deployment_targets(deploymentId=identifier)["targetIds"],
            )["deploymentTargets"]
            for event in target["lambdaTarget"]["lifecycleEvents"]
        ]
        seen = [(one.offset, one.customer, one.version, one.error) for one in run.records]
        return seen, run.failed_customers, shop.transitions(run.started), steps

    first, second = play(0.0), play(2.3)
    assert first == second
    seen, failed, transitions, steps = first
    assert transitions[0] == (65, "ALARM")
    assert ("AllowTraffic", "Failed") in steps
    after = [version for offset, _, version, _ in seen if offset > 70]
    assert set(after) == {"1"}
    assert 5 < len(failed) < 40
    # A minute after the deployment's end was seen the traffic rests.
    assert max(offset for offset, *_ in seen) < 180


def test_linear_steps_come_between_the_same_requests_each_time(shops: Shops) -> None:
    def play(dawdle: float) -> tuple[Any, ...]:
        shop = shops.open(threshold=1e6)
        shop.group(LINEAR)
        with shop.cloud.traffic.background(Mix("web", "checkout:live", rate=1), during="deployment") as run:
            run._stopping.wait(dawdle)
            assert wait_for_end(shop, shop.begin()) == "Succeeded"
        assert run.started is not None
        shares = {
            round((one.start - run.started).total_seconds()): one.share for one in run.summary() if one.version == "2"
        }
        return [(one.offset, one.customer, one.version, one.error) for one in run.records], shares

    first, second = play(1.1), play(0.0)
    assert first == second
    shares = first[1]
    assert [shares[60 * minute] for minute in range(9)] == pytest.approx(
        [minute / 10 for minute in range(1, 10)], abs=0.2
    )
    assert shares[540] == 1.0
    assert len(first[0]) == 600


def test_traffic_for_a_deployment_that_never_comes_sends_nothing_and_ends(shops: Shops) -> None:
    shop = shops.open()
    with shop.cloud.traffic.background(Mix("web", "checkout:live"), during="deployment") as run:
        assert "waiting for a deployment" in str(run)
    assert (run.records, run.started, run.running) == ([], None, False)


def test_traffic_ends_with_a_block_that_leaves_its_deployment_at_work(shops: Shops) -> None:
    shop = shops.open(threshold=1e6)
    shop.group()
    with shop.cloud.traffic.background(Mix("web", "checkout:live", rate=1), during="deployment") as run:
        identifier = shop.begin()
    assert shop.deploy.get_deployment(deploymentId=identifier)["deploymentInfo"]["status"] == "InProgress"
    assert not run.running


class WallClock:
    """Time as an account has it: it can't be moved."""

    virtual = False
    speedup = 1.0

    def timestamp(self) -> float:
        return time.time()

    def jump(self, seconds: float) -> float:
        raise AssertionError("nobody moves the time of an account")


class Hanging:
    """A target that answers when it is let go."""

    def __init__(self) -> None:
        self.asked, self.let_go = threading.Event(), threading.Event()

    def send(self, departure: Departure, at: float) -> Answer:
        self.asked.set()
        assert self.let_go.wait(WAIT_SECONDS)
        return Answer(status_code=200)


def test_what_is_not_answered_when_a_block_breaks_off_is_counted_and_comes_too_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(running, "GRACE_SECONDS", 0.01)
    target = Hanging()
    run = running.Run(WallClock(), [Mix("m", str, rate=100)], {"m": target}, seed=1, seconds=0.015)

    def break_off() -> None:
        with run:
            assert target.asked.wait(WAIT_SECONDS)
            raise KeyError

    with pytest.raises(KeyError):
        break_off()
    assert (run.records, run.unanswered > 0, run.running) == ([], True, True)
    unanswered = run.unanswered
    target.let_go.set()
    run.wait()
    assert (run.records, run.unanswered, run.running) == ([], unanswered, False)


def test_a_run_begins_once() -> None:
    target = Hanging()
    target.let_go.set()
    run = running.Run(WallClock(), [Mix("m", str, rate=100)], {"m": target}, seed=1, seconds=0.03)
    with pytest.raises(RuntimeError, match="has begun already"):
        run.start().start()
    run.wait()
    assert [record.customer for record in run.records] == ["m-000001", "m-000002", "m-000003"]
