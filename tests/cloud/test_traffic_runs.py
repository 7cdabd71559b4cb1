"""`cloud.traffic.play` and `cloud.traffic.background`: beginning, ending, and what goes wrong on the way."""

from __future__ import annotations

import os
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from sandbox import progress
from sandbox.cloud import Cloud, Mix, Refused, open_cloud
from sandbox.load.run import Run
from sandbox.traffic import Traffic
from tests.cloud.conftest import ACCOUNT

HANG_SECONDS = 20.0


@pytest.fixture
def cloud(endpoint: Any, credentials: dict[str, str]) -> Cloud:
    return open_cloud(endpoint=endpoint.url, credentials=credentials)


def reach(run: Run, count: int) -> None:
    """Return when so many requests have been answered."""
    pause, deadline = threading.Event(), time.monotonic() + HANG_SECONDS
    while len(run.records) < count:
        assert time.monotonic() < deadline, f"{len(run.records)} of {count} requests"
        pause.wait(0.01)


def test_ten_minutes_are_played_and_begin_at_a_full_minute(cloud: Cloud, endpoint: Any) -> None:
    run = cloud.traffic.play([Mix("web", "f:live", rate=0.2), Mix("app", "g", rate=0.1)], 600)
    assert run.started is not None
    start = run.started.timestamp()
    assert start % 60 == 0
    assert len(run.records) == len(endpoint.invoked) == 180
    assert [one.index for one in run.records] == list(range(180))
    arrived = [at - start for at, _ in endpoint.invoked]
    assert arrived == pytest.approx([one.offset for one in run.records], abs=0.5)
    assert [one.at.timestamp() - start for one in run.records] == pytest.approx(arrived, abs=0.5)
    assert cloud.clock.now().timestamp() - start >= 600
    assert not run.running
    assert (str(run), run.unanswered) == ("web, app: 180 requests, 0 failed", 0)
    paths = {path for _, path in endpoint.requests if path.endswith("/invocations")}
    assert paths == {f"/2015-03-31/functions/{name}/invocations" for name in ("f%3Alive", "g")}


def test_a_record_carries_what_lambda_said(cloud: Cloud, endpoint: Any) -> None:
    answers = iter(
        [
            (200, {"X-Amz-Executed-Version": "3"}, {"fine": True}),
            (200, {"X-Amz-Function-Error": "Unhandled", "X-Amz-Executed-Version": "4"}, {"errorType": "E"}),
            (429, {"x-amzn-ErrorType": "TooManyRequestsException"}, {"Reason": "R", "message": "Rate Exceeded."}),
        ]
    )
    endpoint.function = lambda payload: next(answers)
    run = cloud.traffic.play(Mix("web", "f", rate=1, customers=["ann"]), 3)
    seen = [(one.status, one.version, one.error, one.request_id, one.ok) for one in run.records]
    assert seen == [
        (200, "3", "", "req-1", True),
        (200, "4", "E", "req-2", False),
        (429, "", "TooManyRequestsException: Rate Exceeded. (R)", "req-3", False),
    ]
    assert all(one.seconds > 0 for one in run.records)
    assert run.customers == run.failed_customers == ["ann"]
    assert [(one.version, one.requests, one.failed) for one in run.summary()] == [("", 1, 1), ("3", 1, 0), ("4", 1, 1)]


def test_a_slow_answer_holds_no_later_request_back(cloud: Cloud) -> None:
    second = threading.Event()

    def target(payload: int) -> None:
        if payload == 0:
            assert second.wait(HANG_SECONDS)
        else:
            second.set()

    run = cloud.traffic.play(Mix("web", target, rate=5, payloads=lambda index, rng, customer: index), 1)
    assert [one.error for one in run.records] == [""] * 5
    assert run.records[0].seconds >= 0.1


def test_background_traffic_lasts_as_long_as_its_block(cloud: Cloud, endpoint: Any) -> None:
    before = cloud.clock.now()
    with cloud.traffic.background(Mix("web", "f", rate=1)) as run:
        reach(run, 120)
        assert run.running
    count = len(endpoint.invoked)
    assert len(run.records) == count >= 120
    assert not run.running
    # It is what advances the clock.
    assert (cloud.clock.now() - before).total_seconds() > 110
    assert run.unanswered == 0


def test_background_traffic_ends_after_its_time_and_the_block_goes_on(cloud: Cloud, endpoint: Any) -> None:
    with cloud.traffic.background(Mix("web", "f", rate=1), seconds=30) as run:
        run.wait()
        assert len(endpoint.invoked) == 30
    assert len(run.records) == 30


def test_background_traffic_can_be_stopped_by_hand(cloud: Cloud, endpoint: Any) -> None:
    with cloud.traffic.background(Mix("web", "f", rate=1)) as run:
        reach(run, 5)
        run.stop()
        count = len(endpoint.invoked)
        cloud.clock.advance(60)
        assert len(endpoint.invoked) == count == len(run.records)
    with pytest.raises(RuntimeError, match="has begun already"):
        run.start()


def test_an_exception_of_the_block_goes_through_and_the_records_stay(cloud: Cloud) -> None:
    run = cloud.traffic.background(Mix("web", "f", rate=1))

    def block() -> None:
        with run:
            reach(run, 3)
            raise ZeroDivisionError("in the block")

    with pytest.raises(ZeroDivisionError, match="in the block"):
        block()
    assert not run.running
    assert len(run.records) >= 3


def test_what_breaks_the_run_is_told_at_its_end(cloud: Cloud) -> None:
    mix = Mix("web", "f", rate=1, payloads=lambda index, rng, customer: object() if index == 2 else index)
    with pytest.raises(ValueError, match="payload 2 of 'web'"):
        cloud.traffic.play(mix, 10)
    run = cloud.traffic.background(mix)

    def block() -> None:
        with run:
            while run.running:
                threading.Event().wait(0.01)
            raise KeyError("of the block")

    with pytest.raises(KeyError) as caught:
        block()
    assert any("payload 2 of 'web'" in note for note in caught.value.__notes__)
    assert len(run.records) == 2


def test_ctrl_c_ends_a_run_and_keeps_what_was_recorded(cloud: Cloud) -> None:
    def target(payload: int) -> None:
        if payload == 4:
            os.kill(os.getpid(), signal.SIGINT)

    run = cloud.traffic.play(Mix("web", target, rate=1, payloads=lambda index, rng, customer: index), 6000)
    assert 5 <= len(run.records) < 6000
    assert not run.running


def test_what_never_answers_is_left_behind_and_counted(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.load.run.GRACE_SECONDS", 0.1)
    hanging, gate = threading.Event(), threading.Event()

    def target(payload: int) -> None:
        if payload == 2:
            hanging.set()
            gate.wait(HANG_SECONDS)

    mix = Mix("web", target, rate=1, payloads=lambda index, rng, customer: index)
    run = cloud.traffic.background(mix)

    def block() -> None:
        with run:
            assert hanging.wait(HANG_SECONDS)
            raise ZeroDivisionError

    try:
        with pytest.raises(ZeroDivisionError):
            block()
        assert [one.index for one in run.records] == [0, 1]
        assert run.unanswered == 1
    finally:
        gate.set()


def test_the_same_seed_sends_the_same(endpoint: Any, credentials: dict[str, str]) -> None:
    def sent(**options: Any) -> list[Any]:
        cloud = open_cloud(endpoint=endpoint.url, credentials=credentials, seed=3)
        del endpoint.invoked[:]
        cloud.traffic.play(Mix("web", "f", rate=2, customers=50, arrivals="poisson"), 60, **options)
        return [payload for _, payload in endpoint.invoked]

    assert sent() == sent(seed=3) != sent(seed=4)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda traffic: traffic.play([], 10), "no mix"),
        (lambda traffic: traffic.play([Mix("a", "f"), Mix("a", "g")], 10), "a, a"),
        (lambda traffic: traffic.play(Mix("a", "f"), 0), "0 seconds"),
        (lambda traffic: traffic.play(Mix("a", "f", rate=1000), 3600), "3600000 requests"),
        (lambda traffic: traffic.background(Mix("a", "f"), after=-1), "-1"),
        (lambda traffic: traffic.background(Mix("a", "f"), during="always"), "'always'"),
    ],
)
def test_what_can_not_be_played_is_refused_by_value(cloud: Cloud, endpoint: Any, call: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call(cloud.traffic)
    assert endpoint.invoked == []


# -- URLs


def test_a_url_gets_the_payload_as_a_post_and_its_status_counts(cloud: Cloud, endpoint: Any) -> None:
    seen: list[tuple[str, str, bytes]] = []

    class Api(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((self.path, self.headers["X-Amzn-Trace-Id"], body))
            self.send_response(502 if len(seen) == 2 else 201)
            self.send_header("apigw-requestid", f"r-{len(seen)}")
            answer = b'{"message": "Internal server error"}'
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Tests read no server log."""

    server = HTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        name = "https://abc.execute-api.us-east-1.amazonaws.com/prod/orders"
        endpoint.names[name] = {"url": f"http://127.0.0.1:{server.server_port}/abc/prod/orders"}
        run = cloud.traffic.play(Mix("web", name, rate=1), 3)
    finally:
        server.shutdown()
        server.server_close()
    assert [(one.status, one.error, one.request_id) for one in run.records] == [
        (201, "", "r-1"),
        (502, "502 Bad Gateway: Internal server error", "r-2"),
        (201, "", "r-3"),
    ]
    assert [path for path, _, _ in seen] == ["/abc/prod/orders"] * 3
    assert seen[0][2] == b'{"customer": "web-000001"}'
    assert all(trace.startswith("Root=1-") for _, trace, _ in seen)


def test_a_url_that_leaves_this_machine_is_refused(cloud: Cloud, endpoint: Any) -> None:
    endpoint.names["https://example.com/"] = {"url": "http://192.0.2.1/"}
    with pytest.raises(Refused, match=r"192\.0\.2\.1"):
        cloud.traffic.play(Mix("web", "https://example.com/"), 1)


# -- progress


def test_progress_is_drawn_with_and_without_an_end(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[str, float | None]] = []
    ended: list[str] = []

    class Face:
        def draw(self, line: str, fraction: float | None) -> None:
            drawn.append((line, fraction))

        def last(self, line: str) -> None:
            ended.append(line)

    monkeypatch.setattr(progress, "face", Face)
    monkeypatch.setattr(progress, "SHOW_AFTER_SECONDS", 0.01)
    monkeypatch.setattr(progress, "REDRAW_EVERY_SECONDS", 0.01)
    pause = threading.Event()

    def wait_until_drawn(run: Run) -> None:
        deadline = time.monotonic() + HANG_SECONDS
        while not drawn and time.monotonic() < deadline:
            pause.wait(0.01)

    with cloud.traffic.background(Mix("web", "f", rate=1)) as run:
        wait_until_drawn(run)
    assert drawn[0][1] is None
    assert drawn[0][0].startswith("web: ")
    assert ended[0].startswith(f"{run}: done in ")
    drawn.clear()
    with cloud.traffic.background(Mix("web", "f", rate=1), seconds=6000) as run:
        wait_until_drawn(run)
    fraction = drawn[0][1]
    assert fraction is not None
    assert 0 <= fraction <= 1


# -- an account


class AccountCloud:
    """A cloud of the target `account` whose time runs a hundred times as fast."""

    target = "account"
    endpoint = None
    region = "us-east-1"
    virtual = False
    speedup = 100.0

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.announced: list[Any] = []

    def timestamp(self) -> float:
        return 1e9 + (time.monotonic() - self.began) * self.speedup

    def jump(self, seconds: float) -> float:
        raise AssertionError("real time does not jump")

    def url(self, name: str) -> str:
        return name

    def credentials(self) -> Any:
        raise AssertionError(f"the account is {ACCOUNT}, and its client signs")

    def client(self, service: str) -> Any:
        raise AssertionError("CodeDeploy is not asked for")

    def announce(self, plan: Any) -> None:
        self.announced.append(plan)


def test_in_an_account_arrivals_are_waited_for_and_the_cost_is_told_first() -> None:
    account = AccountCloud()
    traffic = Traffic(account, lambda: None, cloud=account)
    began = time.monotonic()
    run = traffic.play(Mix("web", lambda payload: account.announced[0], rate=2), 50)
    assert time.monotonic() - began >= 0.5
    assert run.started is not None
    late = [(one.at - run.started).total_seconds() - one.offset for one in run.records]
    assert len(late) == 100
    assert min(late) >= -0.01
    assert account.announced == [{}]


def test_an_account_is_sent_no_more_than_the_cap() -> None:
    account = AccountCloud()
    traffic = Traffic(account, lambda: None, cloud=account)
    with pytest.raises(ValueError, match="120 requests a second"):
        traffic.play([Mix("a", "f", rate=60), Mix("b", "f", rate=60)], 10)
    assert account.announced == []


def test_traffic_during_a_deployment_is_plain_background_traffic_in_an_account() -> None:
    account = AccountCloud()
    traffic = Traffic(account, lambda: None, cloud=account)
    with traffic.background(Mix("web", lambda payload: None, rate=20), during="deployment") as run:
        reach(run, 10)
    assert len(run.records) >= 10
