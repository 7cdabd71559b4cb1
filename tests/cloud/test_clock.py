"""`cloud.clock`: virtual time over HTTP, and waiting in an account."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.cloud import Cloud, Unresolved, VirtualClock, WaitingClock, open_cloud


@pytest.fixture
def cloud(endpoint: Any, credentials: dict[str, str]) -> Cloud:
    return open_cloud(endpoint=endpoint.url, credentials=credentials)


def test_advancing_moves_the_sandbox_and_not_the_wall(cloud: Cloud, endpoint: Any) -> None:
    before, wall = cloud.clock.now(), time.monotonic()
    after = cloud.clock.advance(timedelta(hours=2))
    assert time.monotonic() - wall < 5
    assert timedelta(hours=2) <= after - before < timedelta(hours=2, seconds=5)
    assert endpoint.jumps == [7200.0]
    assert after.tzinfo is not None
    cloud.clock.advance(1.5)
    assert endpoint.jumps == [7200.0, 1.5]


@pytest.mark.parametrize(
    ("amount", "error", "says"),
    [
        (-1, ValueError, "-1: the clock does not go back"),
        (timedelta(seconds=-3), ValueError, "does not go back"),
        (float("nan"), ValueError, "nan"),
        (float("inf"), ValueError, "inf"),
        (3 * 366 * 86_400, ValueError, "732 days"),
        ("300", TypeError, "'300': give seconds as a number, or a timedelta"),
        (True, TypeError, "True"),
        (None, TypeError, "None"),
    ],
)
def test_an_amount_no_clock_can_advance_by_is_named(
    cloud: Cloud, endpoint: Any, amount: Any, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        cloud.clock.advance(amount)
    with pytest.raises(error):
        WaitingClock(60, 0.0).advance(amount)
    assert endpoint.jumps == []


def test_a_clock_without_a_sandbox_says_what_to_do() -> None:
    with pytest.raises(ConnectionError, match=r"nothing answers at http://127\.0\.0\.1:9"):
        VirtualClock("http://127.0.0.1:9").now()


def test_an_endpoint_with_closed_control_is_named_a_stand_in(cloud: Cloud, endpoint: Any) -> None:
    endpoint.control = False
    with pytest.raises(ConnectionError, match="target='account'"):
        cloud.clock.now()


def test_an_accounts_clock_waits_and_is_real() -> None:
    clock = WaitingClock()
    began = time.monotonic()
    after = clock.advance(0.2)
    assert time.monotonic() - began >= 0.2
    assert abs((after - datetime.now(UTC)).total_seconds()) < 1


def test_a_stand_ins_clock_waits_by_its_speed_up() -> None:
    start = 1_800_000_000.0
    clock = WaitingClock(100, start)
    began = time.monotonic()
    after = clock.advance(20)
    assert 0.2 <= time.monotonic() - began < 5
    assert after.timestamp() - start >= 20


def test_an_account_waits_no_longer_than_a_day() -> None:
    with pytest.raises(ValueError, match="1 days"):
        WaitingClock().advance(timedelta(days=2))


def test_names_resolve_to_what_the_sandbox_says(cloud: Cloud, endpoint: Any) -> None:
    endpoint.names["orders.proxy-1.us-east-1.rds.amazonaws.com"] = {"host": "127.0.0.5", "port": 5432}
    endpoint.names["https://abc.lambda-url.us-east-1.on.aws/?a=b c"] = {"url": "http://127.0.0.1:4566/u/abc"}
    assert cloud.address("orders.proxy-1.us-east-1.rds.amazonaws.com") == ("127.0.0.5", 5432)
    assert cloud.url("https://abc.lambda-url.us-east-1.on.aws/?a=b c") == "http://127.0.0.1:4566/u/abc"


def test_a_name_nothing_has_is_refused_by_name(cloud: Cloud, endpoint: Any) -> None:
    for ask in (cloud.address, cloud.url):
        with pytest.raises(Unresolved, match=r"db\.example"):
            ask("db.example")
        with pytest.raises(LookupError, match="empty"):
            ask("")
    endpoint.names["a"] = {"url": "http://127.0.0.1:1/"}
    endpoint.names["b"] = {"host": "127.0.0.1", "port": 1}
    with pytest.raises(Unresolved, match=r"cloud\.url"):
        cloud.address("a")
    with pytest.raises(Unresolved, match=r"cloud\.address"):
        cloud.url("b")
