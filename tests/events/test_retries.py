"""How often EventBridge tries again by itself, and what it says when it gives up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from sandbox.clock import Clock
from sandbox.events.delivery import Delivery
from sandbox.events.event import Event, make_event
from sandbox.events.targets import Sender
from sandbox.events.undelivered import Undelivered

SENDER = Sender("arn:aws:events:us-east-1:1:rule/r", "r", "default", "1", "us-east-1")
TARGET = "arn:aws:sqs:us-east-1:1:q"
DEAD = {"Arn": "arn:aws:sqs:us-east-1:1:dead"}


class Failing:
    """Targets of which none takes anything, at first or ever."""

    def __init__(self, clock: Clock, failures: list[Exception]) -> None:
        self._clock = clock
        self._failures = failures
        self.tried: list[float] = []
        self.dead: list[Mapping[str, str]] = []

    def takes_its_time(self, arn: Any) -> bool:
        return False

    def send(self, sender: Sender, arn: Any, target: Mapping[str, Any], event: Event, payload: str) -> None:
        self.tried.append(self._clock.now())
        if self._failures:
            raise self._failures.pop(0) if len(self._failures) > 1 else self._failures[0]

    def send_dead_letter(self, sender: Sender, queue: Any, body: str, attributes: Mapping[str, str]) -> None:
        self.dead.append({name: value for name, value in attributes.items() if value})


class NoMetrics:
    def put(self, *_: Any, **__: Any) -> None:
        pass


@pytest.fixture
def clock() -> Iterator[Clock]:
    made = Clock()
    yield made
    made.close()


def deliver(clock: Clock, failure: Exception, **target: Any) -> Failing:
    targets = Failing(clock, [failure])
    event = make_event("s", "d", {}, account="1", region="us-east-1", at=clock.now())
    delivery = Delivery(clock, targets, NoMetrics())  # type: ignore[arg-type]
    delivery.deliver(SENDER, {"Id": "t", "Arn": TARGET, "DeadLetterConfig": DEAD, **target}, event)
    clock.advance(2 * 86_400)
    return targets


def test_what_passes_is_tried_for_a_day_and_ever_more_seldom(clock: Clock) -> None:
    targets = deliver(clock, Undelivered("THROTTLING", "slow down", passing=True))
    assert 180 <= len(targets.tried) - 1 <= 185
    waits = [later - earlier for earlier, later in zip(targets.tried, targets.tried[1:], strict=False)]
    assert [round(wait) for wait in waits[:4]] == [1, 2, 4, 8]
    assert targets.tried[-1] - targets.tried[0] <= 86_400
    (attributes,) = targets.dead
    assert attributes["ERROR_CODE"] == "THROTTLING"
    assert attributes["EXHAUSTED_RETRY_CONDITION"] in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds")


@pytest.mark.parametrize(
    ("policy", "tries", "condition"),
    [
        ({"MaximumRetryAttempts": 0}, 1, "MaximumRetryAttempts"),
        ({"MaximumRetryAttempts": 3}, 4, "MaximumRetryAttempts"),
        ({"MaximumEventAgeInSeconds": 60}, 6, "MaximumEventAgeInSeconds"),
    ],
)
def test_the_targets_retry_policy_counts(clock: Clock, policy: dict[str, int], tries: int, condition: str) -> None:
    targets = deliver(clock, Undelivered("THROTTLING", "slow down", passing=True), RetryPolicy=policy)
    assert len(targets.tried) == tries
    assert targets.dead == [
        {
            "RULE_ARN": SENDER.arn,
            "TARGET_ARN": TARGET,
            "ERROR_CODE": "THROTTLING",
            "ERROR_MESSAGE": "slow down",
            "EXHAUSTED_RETRY_CONDITION": condition,
            "RETRY_ATTEMPTS": str(tries - 1),
        }
    ]


def test_what_does_not_pass_is_not_tried_again(clock: Clock) -> None:
    targets = deliver(clock, Undelivered("NO_PERMISSIONS", "no"))
    assert len(targets.tried) == 1
    assert targets.dead[0]["ERROR_CODE"] == "NO_PERMISSIONS"
    assert "RETRY_ATTEMPTS" not in targets.dead[0]


def test_a_fault_of_the_sandbox_itself_is_tried_again(clock: Clock) -> None:
    targets = deliver(clock, RuntimeError("broken"), RetryPolicy={"MaximumRetryAttempts": 1})
    assert len(targets.tried) == 2
    assert targets.dead[0]["ERROR_CODE"] == "INTERNAL_ERROR"
