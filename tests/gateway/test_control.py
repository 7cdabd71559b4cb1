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
