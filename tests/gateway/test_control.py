"""The three calls below /_sandbox, and nothing else there."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import datetime
from typing import Any

import pytest

from sandbox.gateway.pipeline import Gateway


def call(gateway: Gateway, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(gateway.endpoint_url + path, data=data, method=method)
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_the_clock_is_read_and_advanced(gateway: Gateway) -> None:
    status, before = call(gateway, "GET", "/_sandbox/clock")
    assert status == 200
    status, after = call(gateway, "POST", "/_sandbox/clock/advance", {"seconds": 300})
    assert status == 200
    passed = datetime.fromisoformat(after["now"]) - datetime.fromisoformat(before["now"])
    assert 300 <= passed.total_seconds() < 330
    assert before["now"].endswith("Z")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"seconds": -1}, "-1"),
        ({"seconds": 1e12}, "1000000000000.0"),
        ({"seconds": "300"}, "'300'"),
        ({"seconds": True}, "True"),
        ({}, "missing"),
        ([1], "list"),
        (b"{", "Expecting"),
        (b'{"seconds": NaN}', "nan"),
    ],
)
def test_an_advance_that_makes_no_sense_changes_nothing(gateway: Gateway, body: Any, words: str) -> None:
    before = gateway.clock.offset
    status, answer = call(gateway, "POST", "/_sandbox/clock/advance", body)
    assert status == 400
    assert words in answer["error"]
    assert gateway.clock.offset == before


def test_a_name_that_nothing_has_is_refused_by_name(gateway: Gateway) -> None:
    status, answer = call(gateway, "GET", "/_sandbox/resolve?name=orders.proxy-1.us-east-1.rds.amazonaws.com")
    assert status == 404
    assert "orders.proxy-1.us-east-1.rds.amazonaws.com" in answer["error"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/_sandbox/clock"), ("GET", "/_sandbox/clock/advance"), ("GET", "/_sandbox"), ("GET", "/_sandbox/reset")],
)
def test_nothing_else_is_there(gateway: Gateway, method: str, path: str) -> None:
    assert call(gateway, method, path, {} if method == "POST" else None)[0] == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.example:4566"},
        {"Host": "localhost.example"},
        {"Origin": "https://page.example"},
        {"Origin": "http://127.0.0.1.example"},
        {"Origin": "null"},
    ],
)
def test_a_web_page_of_another_machine_is_refused(gateway: Gateway, headers: dict[str, str]) -> None:
    before = gateway.clock.offset
    request = urllib.request.Request(
        f"{gateway.endpoint_url}/_sandbox/clock/advance", data=b'{"seconds": 300}', headers=headers
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 403
    assert gateway.clock.offset == before


@pytest.mark.parametrize("host", ["localhost:4566", "127.0.0.2", "[::1]:80"])
def test_every_name_of_this_machine_may_ask(gateway: Gateway, host: str) -> None:
    headers = {"Host": host, "Origin": f"http://{host}"}
    with urllib.request.urlopen(
        urllib.request.Request(f"{gateway.endpoint_url}/_sandbox/clock", headers=headers)
    ) as ok:
        assert ok.status == 200


CLOSED = """
import json, urllib.error, urllib.request
from sandbox.clock import Clock
from sandbox.gateway.pipeline import Gateway
clock = Clock(rate=50)
gateway = Gateway(clock, control=False)
url = gateway.serve()
for path in ("/_sandbox/clock", "/_sandbox/resolve?name=a"):
    try:
        urllib.request.urlopen(url + path)
    except urllib.error.HTTPError as error:
        assert error.code == 404, error.code
    else:
        raise AssertionError(path)
assert gateway.client("sts").get_caller_identity()["Account"] == "123456789012"
gateway.close()
clock.close()
Gateway(Clock()).close()
print("closed")
"""


def test_they_can_be_closed() -> None:
    done = subprocess.run([sys.executable, "-c", CLOSED], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "closed\n", done.stderr


def test_a_process_has_one_sandbox_at_a_time(gateway: Gateway) -> None:
    with pytest.raises(RuntimeError, match="already has a sandbox"):
        Gateway(gateway.clock)
