"""A clock that stands still, the two services on it, and a way to call them; and one that alarms are played on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from sandbox.clock import Clock
from sandbox.gateway.call import DEFAULT_ACCOUNT, DEFAULT_REGION, AwsError, Call, Principal
from sandbox.telemetry.alarms import Alarms
from sandbox.telemetry.cloudwatch import CloudWatch
from sandbox.telemetry.logs import Logs
from sandbox.telemetry.metrics import Metrics

#: 2026-01-15T12:00:00Z
NOW = 1_768_478_400.0
NOW_MS = int(NOW * 1000)


class StandingClock(Clock):
    """Time as the test sets it."""

    def __init__(self) -> None:
        super().__init__()
        self.time = NOW

    def now(self) -> float:
        return self.time

    def now_ms(self) -> int:
        return int(self.time * 1000)


@dataclass
class Telemetry:
    clock: Any
    logs: Logs
    metrics: Metrics
    alarms: Alarms

    def __post_init__(self) -> None:
        self.cloudwatch = CloudWatch(self.clock, self.metrics, self.alarms)

    def call(self, operation: str, *, region: str = DEFAULT_REGION, **params: Any) -> dict[str, Any]:
        # Tags have operations of the same names in both.
        ours = operation in self.cloudwatch.operations and "resourceArn" not in params
        service: Logs | CloudWatch = self.cloudwatch if ours else self.logs
        call = Call(
            service=service.name,
            operation=operation,
            params=params,
            principal=Principal(DEFAULT_ACCOUNT, f"arn:aws:iam::{DEFAULT_ACCOUNT}:root", DEFAULT_ACCOUNT, "Root"),
            account=DEFAULT_ACCOUNT,
            region=region,
            request_id="11111111-1111-1111-1111-111111111111",
            time=self.clock.datetime(),
        )
        return dict(service.operations[operation](call) or {})

    def refusal(self, operation: str, **params: Any) -> AwsError:
        with pytest.raises(AwsError) as caught:
            self.call(operation, **params)
        return caught.value

    def messages(self, **params: Any) -> list[str]:
        """What FilterLogEvents finds, all pages."""
        found: list[str] = []
        while True:
            page = self.call("FilterLogEvents", **params)
            found += [event["message"] for event in page["events"]]
            if "nextToken" not in page:
                return found
            params["nextToken"] = page["nextToken"]


def _telemetry(clock: Clock) -> Telemetry:
    metrics = Metrics(clock)
    # No topics here: that actions reach them is for tests with a whole sandbox.
    return Telemetry(clock, Logs(clock, metrics), metrics, Alarms(clock, metrics, lambda service, region: None))


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    clock = StandingClock()
    yield _telemetry(clock)
    clock.close()


@pytest.fixture
def played() -> Iterator[Telemetry]:
    """On a clock that can be advanced."""
    clock = Clock()
    found = _telemetry(clock)
    yield found
    found.alarms.close()
    clock.close()


@pytest.fixture
def group(telemetry: Telemetry) -> str:
    telemetry.call("CreateLogGroup", logGroupName="/app")
    telemetry.call("CreateLogStream", logGroupName="/app", logStreamName="s1")
    return "/app"


Refusal = Callable[..., AwsError]
