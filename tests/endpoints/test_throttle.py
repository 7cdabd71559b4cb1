"""Token buckets, and the limits of an account."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.endpoints import throttle as throttles
from sandbox.endpoints.throttle import ACCOUNT_BURST, ACCOUNT_RATE, AccountThrottle, Throttle
from tests.endpoints.apis import WRAPPED, Http, Rest


def passing(throttle: Throttle, rate: float | None, burst: float | None, count: int, now: float = 0.0) -> int:
    return sum(throttle.passes("key", rate, burst, now) for _ in range(count))


@pytest.mark.parametrize(
    ("rate", "burst", "asked", "passed"),
    [
        (None, None, 10, 10),
        (5, 2, 10, 2),
        (0, 0, 10, 0),
        # A limit that is left out, or -1, is the account's.
        (1, None, ACCOUNT_BURST + 10, ACCOUNT_BURST),
        (1, -1, ACCOUNT_BURST + 10, ACCOUNT_BURST),
        (-1, 3, 10, 3),
        (-1, -1, 10, 10),
    ],
)
def test_a_burst_may_come_at_once(rate: float | None, burst: float | None, asked: int, passed: int) -> None:
    assert passing(Throttle(), rate, burst, asked) == passed


def test_the_bucket_fills_with_the_rate() -> None:
    throttle = Throttle()
    assert passing(throttle, 2, 4, 10) == 4
    assert passing(throttle, 2, 4, 10, now=1.0) == 2
    assert passing(throttle, 2, 4, 10, now=60.0) == 4


def test_an_account_shares_its_limits_over_all_apis_of_a_region() -> None:
    account = AccountThrottle()
    passed = sum(account.passes("123456789012", "us-east-1", 0.0) for _ in range(ACCOUNT_BURST + 100))
    assert passed == ACCOUNT_BURST
    assert account.passes("123456789012", "eu-west-1", 0.0)
    assert account.passes("210987654321", "us-east-1", 0.0)
    more = sum(account.passes("123456789012", "us-east-1", 0.1) for _ in range(ACCOUNT_BURST))
    assert more == ACCOUNT_RATE * 0.1


def test_rest_and_http_apis_draw_on_the_accounts_limits(front: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    function = front.function("account-throttled", WRAPPED)
    rest, http = Rest(front, "account-rest", function), Http(front, "account-http", function)
    rest.method("GET", "/x")
    rest.deploy()
    http.route("GET /x")
    http.stage()
    monkeypatch.setattr(throttles, "ACCOUNT_RATE", 0.001)
    monkeypatch.setattr(throttles, "ACCOUNT_BURST", 2)
    assert [api.call("GET", "/x").status for api in (rest, http, rest, http)] == [200, 200, 429, 429]
    front.clock.advance(1001)
    assert [api.call("GET", "/x").status for api in (http, rest)] == [200, 429]
