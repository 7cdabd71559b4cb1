"""Logs read back into records."""

from __future__ import annotations

from typing import Any

import pytest

from checks.readings import invocations, read, report_in

ONE = "11111111-1111-4111-8111-111111111111"
TWO = "22222222-2222-4222-8222-222222222222"
THREE = "33333333-3333-4333-8333-333333333333"


def events(stream: str, *lines: tuple[int, str]) -> list[dict[str, Any]]:
    return [{"timestamp": at, "message": f"{line}\n", "logStreamName": stream} for at, line in lines]


def report(request_id: str, rest: str = "", duration: str = "5.00", billed: int = 6) -> str:
    return (
        f"REPORT RequestId: {request_id}\tDuration: {duration} ms\tBilled Duration: {billed} ms\t"
        f"Memory Size: 512 MB\tMax Memory Used: 60 MB\t{rest}"
    )


LIFE = events(
    "2026/11/21/[$LATEST]aaaa",
    (1_000, "INIT_START Runtime Version: python:3.11.v1\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:1"),
    (1_100, "loading"),
    (1_200, f"START RequestId: {ONE} Version: $LATEST"),
    (1_201, '{"calls": 1, "message": "begins"}'),
    (1_202, '{"calls": 7, "message": "ends"}'),
    (1_203, "not { json"),
    (1_205, f"END RequestId: {ONE}"),
    (1_205, report(ONE, "Init Duration: 180.25 ms\t", billed=186)),
    (3_000, f"START RequestId: {TWO} Version: $LATEST"),
    (6_000, report(TWO, "Status: timeout", duration="3000.00", billed=3000)),
    (6_500, f"START RequestId: {THREE} Version: $LATEST"),
    (6_600, f"END RequestId: {THREE}"),
    (6_600, report(THREE, "Status: error\tError Type: Runtime.ExitError")),
    (9_000, '{"written_ms": 0}'),
    (9_300, '{"written_ms": 300}'),
)


class FakeLogs:
    class exceptions:
        class ResourceNotFoundException(Exception):
            pass

    def __init__(self, found: list[dict[str, Any]] | None) -> None:
        self.found = found

    def get_paginator(self, operation: str) -> FakeLogs:
        assert operation == "filter_log_events"
        return self

    def paginate(self, logGroupName: str) -> list[dict[str, Any]]:
        if self.found is None:
            raise self.exceptions.ResourceNotFoundException
        half = len(self.found) // 2
        return [{"events": self.found[:half]}, {"events": self.found[half:]}]


class FakeCloud:
    def __init__(self, found: list[dict[str, Any]] | None) -> None:
        self.logs = FakeLogs(found)

    def client(self, service: str) -> Any:
        assert service == "logs"
        return self.logs


def test_a_cold_call_has_its_init_and_its_lines() -> None:
    first = read("orders", LIFE)[0].readings[0]
    assert (first.request_id, first.init_ms, first.duration_ms, first.billed_ms) == (ONE, 180.25, 5.0, 186)
    assert (first.memory_mb, first.max_memory_mb, first.status, first.error_type) == (512, 60, "success", "")
    assert first.init_start is not None
    assert first.init_start.timestamp() == 1.0
    assert (first.start.timestamp(), first.end.timestamp()) == (1.2, 1.205)
    assert first.lines == ('{"calls": 1, "message": "begins"}', '{"calls": 7, "message": "ends"}', "not { json")
    assert (first.value("calls"), first.last("calls"), first.value("ticks", "none")) == (1, 7, "none")


def test_a_time_out_without_an_end_line_ends_with_its_report() -> None:
    second = read("orders", LIFE)[0].readings[1]
    assert (second.status, second.init_ms, second.init_start) == ("timeout", None, None)
    assert second.end.timestamp() == 6.0


def test_a_crash_has_its_error_type() -> None:
    third = read("orders", LIFE)[0].readings[2]
    assert (third.status, third.error_type) == ("error", "Runtime.ExitError")


def test_lines_before_the_first_call_and_after_the_last_belong_to_the_environment() -> None:
    life = read("orders", LIFE)[0]
    assert life.before == ("loading",)
    assert [record["written_ms"] for record in life.last_words] == [0, 300]
    assert life.last_line is not None
    assert life.last_line.timestamp() == 9.3


def test_an_invocation_without_a_report_is_not_finished() -> None:
    running = events("s", (1_000, f"START RequestId: {ONE} Version: 1"), (1_001, "working"))
    assert read("orders", running)[0].readings == ()


def test_invocations_of_all_environments_come_in_the_order_of_their_start() -> None:
    other = events("other", (2_000, f"START RequestId: {'4' * 36} Version: 1"), (2_100, report("4" * 36)))
    found = invocations(FakeCloud([*LIFE, *other]), "orders")  # type: ignore[arg-type]
    assert [one.request_id[0] for one in found] == ["1", "4", "2", "3"]


def test_a_function_without_a_log_has_no_invocations() -> None:
    assert invocations(FakeCloud(None), "orders") == []  # type: ignore[arg-type]


def test_a_report_that_never_comes_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("checks.readings.ARRIVAL_SECONDS", 0.0)
    with pytest.raises(TimeoutError, match="abc"):
        invocations(FakeCloud(LIFE), "orders", wait_for=["abc"])  # type: ignore[arg-type]


def test_the_report_is_found_in_the_tail_of_a_call() -> None:
    tail = f"START RequestId: {ONE} Version: $LATEST\nhello\nEND RequestId: {ONE}\n{report(ONE)}\n"
    found = report_in(tail)
    assert found is not None
    assert (found.request_id, found.duration_ms, found.billed_ms) == (ONE, 5.0, 6)
    assert report_in("no report here") is None


FORGED = (
    f"REPORT RequestId: {ONE}\tDuration: 0.01 ms\tBilled Duration: 1 ms\tMemory Size: 512 MB\tMax Memory Used: 9 MB"
)


def test_a_report_that_the_function_printed_does_not_count() -> None:
    platform = f"END RequestId: {ONE}\n{report(ONE)}\nXRAY TraceId: 1-a\tSegmentId: b\n"
    tail = f"START RequestId: {ONE} Version: 1\n{FORGED}\n{platform}"
    found = report_in(tail)
    assert found is not None
    assert found.duration_ms == 5.0
    # In JSON format the platform's own line is an object.
    assert report_in(f'{FORGED}\n{{"type": "platform.report"}}\n') is None


def test_in_the_log_the_last_report_of_an_invocation_counts() -> None:
    lines = (
        *((1_000, f"START RequestId: {ONE} Version: 1"), (1_001, "works")),
        *((1_002, f"END RequestId: {ONE}"), (1_003, FORGED), (1_004, "works on")),
        *((1_005, f"END RequestId: {ONE}"), (1_006, report(ONE)), (1_007, "afterwards")),
    )
    (environment,) = read("orders", events("s", *lines))
    (reading,) = environment.readings
    assert (reading.duration_ms, reading.lines, reading.end.timestamp()) == (5.0, ("works", "works on"), 1.005)
    assert environment.after == ("afterwards",)


TWO_CALLS = (
    *((1_000, f"START RequestId: {ONE} Version: 1"), (1_001, "works"), (1_002, f"END RequestId: {ONE}")),
    *((1_003, report(ONE)), (2_000, f"START RequestId: {TWO} Version: 1"), (2_001, f"END RequestId: {TWO}")),
    (2_002, report(TWO)),
)
OTHER = "7" * 36


def printed(call: str, *lines: str) -> list[dict[str, Any]]:
    """Two calls in one environment, of which one prints these lines as its first ones."""
    place = next(number for number, (_, line) in enumerate(TWO_CALLS) if line.startswith(f"START RequestId: {call}"))
    moment = TWO_CALLS[place][0]
    return events("s", *TWO_CALLS[: place + 1], *((moment, line) for line in lines), *TWO_CALLS[place + 1 :])


@pytest.mark.parametrize(
    "found",
    [
        printed(ONE, f"START RequestId: {OTHER} Version: 1", f"END RequestId: {OTHER}", FORGED.replace(ONE, OTHER)),
        printed(ONE, FORGED, f"START RequestId: {OTHER} Version: 1"),
        printed(TWO, FORGED),
        printed(TWO, f"START RequestId: {ONE} Version: 1", FORGED),
    ],
    ids=["another call's log", "a start of its own", "the report of the call before", "that call once more"],
)
def test_what_a_function_prints_of_other_calls_is_no_call(found: list[dict[str, Any]]) -> None:
    (environment,) = read("orders", found)
    assert [(one.request_id, one.duration_ms) for one in environment.readings] == [(ONE, 5.0), (TWO, 5.0)]


def test_the_callers_own_ids_decide_between_calls_that_overlap() -> None:
    lines = (
        *(f"START RequestId: {ONE} Version: 1", FORGED, f"START RequestId: {OTHER} Version: 1"),
        *(f"END RequestId: {ONE}", report(ONE), f"START RequestId: {TWO} Version: 1"),
        *(FORGED.replace(ONE, OTHER), f"END RequestId: {TWO}", report(TWO)),
    )
    (environment,) = read("orders", events("s", *enumerate(lines, 1_000)), known=[ONE, TWO])
    assert [(one.request_id, one.duration_ms) for one in environment.readings] == [(ONE, 5.0), (TWO, 5.0)]


def test_lines_of_a_call_that_still_runs_are_not_the_environments_last_words() -> None:
    running = events("s", *TWO_CALLS, (3_000, f"START RequestId: {OTHER} Version: 1"), (3_001, '{"calls": 3}'))
    (environment,) = read("orders", running)
    assert environment.last_words == ()
