"""`cloud.traffic`: arrivals by the clock, answers as data, the same run for the same seed."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import threading
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.cloud import Cloud, open_cloud
from sandbox.traffic import Traffic, arrival_times, choose_payloads


@pytest.fixture
def cloud(endpoint: Any, credentials: dict[str, str]) -> Cloud:
    return open_cloud(endpoint=endpoint.url, credentials=credentials)


class RealTimeline:
    virtual = False

    def __init__(self, speedup: float = 1.0) -> None:
        self.speedup = speedup
        self.began = time.monotonic()

    def timestamp(self) -> float:
        return 1e9 + (time.monotonic() - self.began) * self.speedup

    def jump(self, seconds: float) -> float:
        raise AssertionError("real time does not jump")


# -- arrivals and payloads


@pytest.mark.parametrize(
    ("start", "end", "seconds", "expected"),
    [
        (2, 2, 2, [0.0, 0.5, 1.0, 1.5]),
        (0.1, 0.1, 30, [0.0, 10.0, 20.0]),
        (0, 4, 2, [0.0, 1.0, 2**0.5, 3**0.5]),
        (4, 0, 2, [0.0, 2 - 3**0.5, 2 - 2**0.5, 1.0]),
        (0, 0, 5, []),
    ],
)
def test_even_arrivals_follow_the_rate(start: float, end: float, seconds: float, expected: list[float]) -> None:
    assert arrival_times(start, end, seconds, "even", 1) == pytest.approx(expected)


def test_poisson_arrivals_have_the_rate_and_the_spread_of_independent_ones() -> None:
    times = arrival_times(50, 50, 200, "poisson", 7)
    assert 9_600 < len(times) < 10_400
    assert times == sorted(times)
    assert times[0] > 0
    assert times[-1] < 200
    gaps = [after - before for before, after in itertools.pairwise(times)]
    mean = sum(gaps) / len(gaps)
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert deviation == pytest.approx(mean, rel=0.05)
    assert times == arrival_times(50, 50, 200, "poisson", 7)
    assert times != arrival_times(50, 50, 200, "poisson", 8)


def test_a_poisson_ramp_grows() -> None:
    times = arrival_times(0, 100, 20, "poisson", 3)
    first = sum(1 for at in times if at < 10)
    assert 0.2 < first / len(times) < 0.3


def test_payloads_are_none_one_a_choice_or_made() -> None:
    assert choose_payloads(None, 2, 1) == [{}, {}]
    assert choose_payloads({"a": 1}, 2, 1) == [{"a": 1}, {"a": 1}]
    chosen = choose_payloads([1, 2, 3], 300, 1)
    assert set(chosen) == {1, 2, 3}
    assert chosen == choose_payloads([1, 2, 3], 300, 1)
    assert chosen != choose_payloads([1, 2, 3], 300, 2)

    def make(index: int, rng: random.Random) -> dict[str, int]:
        return {"index": index, "amount": rng.randint(1, 100)}

    made = choose_payloads(make, 20, 1)
    assert [one["index"] for one in made] == list(range(20))
    assert made == choose_payloads(make, 20, 1)
    assert len({one["amount"] for one in made}) > 5


@pytest.mark.parametrize(("payloads", "says"), [([], "empty list"), ([{1, 2}], "payload 0"), (object(), "payload 0")])
def test_payloads_that_can_not_be_sent_are_refused_before_anything_is(payloads: Any, says: str, cloud: Cloud) -> None:
    sent: list[Any] = []
    with pytest.raises(ValueError, match=says):
        cloud.traffic.burst(sent.append, 3, payloads)
    assert sent == []


# -- virtual time


def test_virtual_minutes_pass_in_moments_and_arrivals_keep_their_times(cloud: Cloud, endpoint: Any) -> None:
    before = cloud.clock.now().timestamp()
    wall = time.monotonic()
    responses = cloud.traffic.steady("orders", rate=0.2, seconds=300, payloads=[{"n": 1}, {"n": 2}], seed=7)
    assert time.monotonic() - wall < 20
    start = endpoint.invoked[0][0]
    assert start >= before
    assert len(responses) == 60
    assert [response.index for response in responses] == list(range(60))
    arrived = [at - start for at, _ in endpoint.invoked]
    assert arrived == pytest.approx([i * 5 for i in range(60)], abs=0.5)
    assert [response.at.timestamp() - start for response in responses] == pytest.approx(arrived, abs=0.5)
    assert cloud.clock.now().timestamp() - before >= 300
    assert all(response.ok and response.result == response.payload for response in responses)


def test_the_same_seed_sends_the_same_in_the_same_order(cloud: Cloud, endpoint: Any) -> None:
    def run(seed: int) -> list[Any]:
        del endpoint.invoked[:]
        cloud.traffic.steady(
            "f", rate=1, seconds=20, payloads=lambda i, rng: [i, rng.random()], seed=seed, arrivals="poisson"
        )
        start = endpoint.invoked[0][0]
        return [(round(at - start), payload) for at, payload in endpoint.invoked]

    one, other = run(7), run(7)
    assert [payload for _, payload in one] == [payload for _, payload in other]
    assert [at for at, _ in one] == pytest.approx([at for at, _ in other], abs=1)
    assert run(8) != one


def test_the_clouds_seed_is_the_default(endpoint: Any, credentials: dict[str, str]) -> None:
    def payloads(**options: Any) -> list[Any]:
        cloud = open_cloud(endpoint=endpoint.url, credentials=credentials, seed=3)
        return [one.payload for one in cloud.traffic.burst(str, 10, list(range(100)), **options)]

    assert payloads() == payloads(seed=3) != payloads(seed=4)


def test_time_does_not_jump_while_a_request_is_in_flight(cloud: Cloud, endpoint: Any) -> None:
    def slow(payload: Any) -> tuple[int, dict[str, str], Any]:
        time.sleep(0.3)
        return 200, {}, payload

    endpoint.function = slow
    responses = cloud.traffic.steady("slow", rate=10, seconds=0.5)
    starts = [at for at, _ in endpoint.invoked]
    assert len(responses) == 5
    # Open loop: all five were sent before the second could have been, had each waited for the one before.
    assert starts[-1] - starts[0] == pytest.approx(0.4, abs=0.15)
    assert all(jump < 0.11 for jump in endpoint.jumps)


def test_a_burst_is_in_flight_at_one_time(cloud: Cloud, endpoint: Any) -> None:
    together = threading.Barrier(100, timeout=20)

    def meet(payload: Any) -> tuple[int, dict[str, str], Any]:
        together.wait()
        return 200, {}, payload

    endpoint.function = meet
    responses = cloud.traffic.burst("f", 100, lambda index, rng: index)
    assert [response.result for response in responses] == list(range(100))
    assert endpoint.jumps == []


def test_a_burst_is_sent_in_the_order_of_its_index(cloud: Cloud) -> None:
    order: list[int] = []
    cloud.traffic.burst(order.append, 50, lambda index, rng: index)
    assert order == list(range(50))


def test_what_exceeds_the_limit_in_flight_is_told_not_hidden(cloud: Cloud) -> None:
    gate = threading.Event()
    responses: list[Any] = []

    def wait(payload: Any) -> str:
        gate.wait(20)
        return "done"

    run = threading.Thread(
        target=lambda: responses.extend(cloud.traffic.steady(wait, rate=20, seconds=0.25, concurrency=2))
    )
    run.start()
    run.join(1.0)
    gate.set()
    run.join(20)
    assert [response.status_code for response in responses] == [200, 200, 0, 0, 0]
    assert responses[2].error.startswith("not sent: 2 requests were in flight")
    assert not responses[2].ok


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda traffic: traffic.burst("f", 257), "257"),
        (lambda traffic: traffic.burst("f", 0), "0 requests"),
        (lambda traffic: traffic.burst("f", 10, concurrency=1000), "1000"),
        (lambda traffic: traffic.steady("f", concurrency=257), "257"),
        (lambda traffic: traffic.steady("f", rate=-1), "-1"),
        (lambda traffic: traffic.steady("f", seconds=0), "0 seconds"),
        (lambda traffic: traffic.steady("f", rate=float("nan")), "nan"),
        (lambda traffic: traffic.steady("f", rate=1000, seconds=3600), "3600000 requests"),
        (lambda traffic: traffic.steady("f", arrivals="regular"), "'regular'"),
        (lambda traffic: traffic.steady("", seconds=1), "target is empty"),
    ],
)
def test_what_can_not_be_sent_is_refused_by_value(cloud: Cloud, endpoint: Any, call: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call(cloud.traffic)
    with pytest.raises(TypeError, match="42"):
        cloud.traffic.burst(42, 1)  # type: ignore[arg-type]
    assert endpoint.invoked == []


# -- answers


def test_an_answer_carries_what_lambda_said(cloud: Cloud, endpoint: Any) -> None:
    endpoint.function = lambda payload: (
        200,
        {"X-Amz-Executed-Version": "3", "X-Amz-Log-Result": "U1RBUlQK"},
        {"echo": payload},
    )
    (response,) = cloud.traffic.burst("f:live", 1, {"a": 1})
    assert (response.status_code, response.result) == (200, {"echo": {"a": 1}})
    assert (response.executed_version, response.request_id, response.log_tail) == ("3", "req-1", "START\n")
    assert response.seconds > 0
    assert response.ok


def test_throttles_and_errors_are_responses_and_are_not_retried(cloud: Cloud, endpoint: Any) -> None:
    answers = iter(
        [
            (
                429,
                {"x-amzn-ErrorType": "TooManyRequestsException"},
                {"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "message": "Rate Exceeded."},
            ),
            (404, {"x-amzn-ErrorType": "ResourceNotFoundException"}, {"Message": "Function not found: f"}),
            (
                200,
                {"X-Amz-Function-Error": "Unhandled"},
                {"errorType": "KeyError", "errorMessage": "'order'", "requestId": "r"},
            ),
            (500, {"x-amzn-ErrorType": "ServiceException"}, {"Message": "broken"}),
        ]
    )
    endpoint.function = lambda payload: next(answers)
    responses = cloud.traffic.steady("f", rate=1, seconds=4)
    assert [response.status_code for response in responses] == [429, 404, 200, 500]
    assert [response.error for response in responses] == [
        "TooManyRequestsException: Rate Exceeded. (ReservedFunctionConcurrentInvocationLimitExceeded)",
        "ResourceNotFoundException: Function not found: f",
        "KeyError: 'order'",
        "ServiceException: broken",
    ]
    assert [response.function_error for response in responses] == ["", "", "Unhandled", ""]
    assert responses[2].result["errorType"] == "KeyError"
    assert all(response.request_id for response in responses)
    assert not any(response.ok for response in responses)
    assert len(endpoint.invoked) == 4


def test_a_callable_answers_with_its_result_or_its_error(cloud: Cloud) -> None:
    def target(payload: int) -> Any:
        if payload == 1:
            raise ClientError(
                {"Error": {"Code": "Denied", "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 403}}, "Op"
            )
        if payload == 2:
            raise ZeroDivisionError("by zero")
        return {"ResponseMetadata": {"HTTPStatusCode": 202, "RequestId": "r-0"}}

    responses = cloud.traffic.burst(target, 3, lambda index, rng: index)
    assert [(one.status_code, one.error) for one in responses] == [
        (202, ""),
        (403, "Denied: no"),
        (0, "ZeroDivisionError: by zero"),
    ]
    assert responses[0].request_id == "r-0"


def test_an_endpoint_that_goes_away_is_a_response_without_status(cloud: Cloud, endpoint: Any) -> None:
    gone = open_cloud(
        endpoint="http://127.0.0.1:9", credentials={"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    )
    traffic = Traffic(RealTimeline(), lambda: gone.client("lambda"))
    (response,) = traffic.burst("f", 1)
    assert response.status_code == 0
    assert "http://127.0.0.1:9" in response.error


# -- real time, and stopping


def test_an_accounts_arrivals_are_waited_for_divided_by_the_speed_up() -> None:
    began = time.monotonic()
    Traffic(RealTimeline(), lambda: None).steady(lambda payload: payload, rate=20, seconds=0.5)
    assert time.monotonic() - began >= 0.5
    began = time.monotonic()
    responses = Traffic(RealTimeline(100), lambda: None).steady(lambda payload: payload, rate=1, seconds=50)
    assert 0.5 <= time.monotonic() - began < 10
    offsets = [(one.at - responses[0].at).total_seconds() for one in responses]
    assert len(responses) == 50
    assert all(offset >= index - 0.01 for index, offset in enumerate(offsets))


def test_ctrl_c_stops_sending_and_returns_what_was_answered(cloud: Cloud) -> None:
    sent: list[int] = []

    def target(payload: int) -> int:
        sent.append(payload)
        if payload == 4:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)
        return payload

    responses = cloud.traffic.steady(target, rate=10, seconds=60, payloads=lambda index, rng: index)
    assert [response.index for response in responses] == sent
    assert 5 <= len(sent) < 600


def test_ctrl_c_leaves_behind_what_does_not_answer(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.traffic.GRACE_SECONDS", 0.2)
    gate = threading.Event()

    def target(payload: int) -> int:
        if payload == 1:
            os.kill(os.getpid(), signal.SIGINT)
            gate.wait(20)
        return payload

    try:
        responses = cloud.traffic.burst(target, 2, lambda index, rng: index)
        assert [response.index for response in responses] == [0]
    finally:
        gate.set()


def test_responses_are_plain_data(cloud: Cloud) -> None:
    (response,) = cloud.traffic.burst(lambda payload: payload, 1, {"a": [1]})
    assert json.dumps(response.payload) == '{"a": [1]}'
