from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from checks.judge import LARGEST_BODY_BYTES, Grant, read_json
from checks.judging import Refusal
from checks.state import ROOT

from .conftest import FIXTURE, Bench


def ask(url: str, token: str, method: str, path: str, body: bytes = b"{}") -> tuple[int, Any]:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=20)
    try:
        connection.request(method, path, body=body, headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def test_it_listens_on_loopback_only(bench: Bench) -> None:
    assert urlsplit(bench.server.url).hostname == "127.0.0.1"


@pytest.mark.parametrize(
    "headers", [{"Host": "rebound.example"}, {"Origin": "https://page.example"}, {"Origin": "null"}, {"Host": ""}]
)
def test_a_web_page_is_refused_even_with_the_token(bench: Bench, headers: dict[str, str]) -> None:
    address = urlsplit(bench.server.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=20)
    connection.request("GET", "/v1/progress", headers={"Authorization": f"Bearer {bench.server.token}", **headers})
    response = connection.getresponse()
    assert response.status == 403
    assert b"web pages" in response.read()
    connection.close()


@pytest.mark.parametrize("token", ["", "wrong", "ünknown"])
def test_an_unknown_token_is_refused(bench: Bench, token: str) -> None:
    status, answer = ask(bench.server.url, token.encode().decode("latin-1"), "GET", "/v1/progress")
    assert status == 401
    assert "./coldstart" in answer["error"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/progress"),
        ("GET", "/v1/labs/90"),
        ("POST", "/v1/labs/90/hint"),
        ("POST", "/v1/labs/90/giveup"),
        ("POST", "/v1/labs/90/solution"),
        ("POST", "/v1/labs/91/start"),
        ("POST", "/v1/labs/91/checks/91.1"),
    ],
)
def test_a_graded_notebooks_token_can_only_submit_for_its_lab(bench: Bench, method: str, path: str) -> None:
    token = bench.server.grant(Grant(lab="90", submit_only=True))
    assert ask(bench.server.url, token, method, path)[0] == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/v1/progress"),
        ("POST", "/v1/progress"),
        ("GET", "/v1/labs/90/verdicts"),
        ("POST", "/v1/labs/90/verdicts"),
        ("POST", "/v1/labs/90"),
        ("POST", "/v1/labs/90/checks/../start"),
    ],
)
def test_no_call_writes_a_verdict(bench: Bench, method: str, path: str) -> None:
    forged = json.dumps({"status": "passed", "points": 4, "check": "90.2"}).encode()
    for token in (bench.server.token, bench.server.grant(Grant(lab="90", submit_only=True))):
        status, _ = ask(bench.server.url, token, "POST" if method == "PUT" else method, path, forged)
        assert status in (403, 404)
    assert bench.judge.progress()["labs"][0]["points"] == 0


def test_a_verdict_sent_as_an_answer_is_an_answer(bench: Bench) -> None:
    bench.judge.start("90")
    body = json.dumps({"answers": {"status": "passed", "points": 4}, "status": "passed"}).encode()
    status, verdict = ask(bench.server.url, bench.server.token, "POST", "/v1/labs/90/checks/90.2", body)
    assert (status, verdict["status"], verdict["points"]) == (200, "not_attempted", 0)


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"[]",
        b'{"a": NaN}',
        b"\xff",
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b'{"a":' * 25 + b"1" + b"}" * 25,
        b'{"a": ' + b"9" * 5000 + b"}",
        b"cos\nsystem\n(S'true'\ntR.",
    ],
)
def test_what_is_no_small_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        read_json(raw)
    assert refused.value.status == 400


def test_too_large_a_request_is_not_read(bench: Bench) -> None:
    address = urlsplit(bench.server.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=20)
    connection.putrequest("POST", "/v1/labs/90/checks/90.2")
    connection.putheader("Authorization", f"Bearer {bench.server.token}")
    connection.putheader("Content-Length", str(LARGEST_BODY_BYTES + 1))
    connection.endheaders()
    response = connection.getresponse()
    assert response.status == 413
    response.read()
    connection.close()


def test_an_unknown_check_names_those_there_are(bench: Bench) -> None:
    status, answer = ask(bench.server.url, bench.server.token, "POST", "/v1/labs/90/checks/90.9")
    assert status == 404
    assert "90.1.explain" in answer["error"]


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "checks.judge", "--state-dir", str(tmp_path), "--course", str(FIXTURE)]
    running = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    yield running
    running.kill()
    running.wait()
    for pipe in (running.stdin, running.stdout):
        assert pipe is not None
        pipe.close()


def test_the_process_answers_and_ends_with_its_parent_and_all_it_started(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    assert process.stdin is not None
    told = json.loads(process.stdout.readline())
    status, answer = ask(told["url"], told["token"], "POST", "/v1/labs/90/start")
    assert status == 200, answer
    family = psutil.Process(process.pid).children(recursive=True)
    assert family
    process.stdin.close()
    assert process.wait(20) == 0
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
