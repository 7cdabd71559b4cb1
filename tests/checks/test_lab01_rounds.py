"""What lab 01 works out from a learner's log, and what it says to answers that do not fit."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from checks.contract import Uncheckable
from checks.lab01 import rounds
from checks.readings import Environment, Reading
from tests.checks.refusals import refusal


def reading(name: str, start: float, end: float, *, stream: str = "aaaa", **more: Any) -> Reading:
    """A reading from `start` to `end` seconds; other than Reading's own names become one JSON line."""
    own = {key: more.pop(key) for key in list(more) if key in Reading.__dataclass_fields__}
    own.setdefault("duration_ms", (end - start) * 1000)
    own.setdefault("billed_ms", round((end - start) * 1000) + 1)
    return Reading(
        function=own.pop("function", "survives"),
        request_id=name,
        stream=stream,
        start=datetime.fromtimestamp(start, UTC),
        end=datetime.fromtimestamp(end, UTC),
        memory_mb=own.pop("memory_mb", 512),
        max_memory_mb=60,
        lines=(json.dumps(more),) if more else (),
        **own,
    )


OTHER = {"payments": [reading("other", 1, 2, function="payments")]}

# -- 1 ---------------------------------------------------------------------------------------------------------

COLD = reading("cold", 1, 1.0043, init_ms=150.4, billed_ms=155, duration_ms=4.3, steps={"boto3": 90, "client": 30})
WARM = reading("warm", 2, 2.002, duration_ms=2.0, billed_ms=2)


def cold_start(**answer: Any) -> None:
    given = {"cold": "cold", "dearest": "boto3", "billed_for_init_ms": 150, **answer}
    rounds.cold_start([COLD, WARM], elsewhere=OTHER, **given)


def test_a_cold_start_is_accepted_by_its_id_its_dearest_step_and_its_share_of_the_bill() -> None:
    cold_start()
    cold_start(billed_for_init_ms=150.4)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"cold": "warm"}, "no Init Duration"),
        ({"cold": "other"}, "a call of the function payments"),
        ({"cold": "8f0c"}, "in no REPORT line"),
        ({"dearest": "client"}, "took 30 ms"),
        ({"dearest": "numpy"}, "not among the steps"),
        ({"billed_for_init_ms": 0}, "1 August 2025"),
        ({"billed_for_init_ms": 155}, "the whole bill"),
        ({"billed_for_init_ms": 145}, "that the handler did not run for"),
    ],
)
def test_a_wrong_cold_start_is_told_why(answer: dict[str, Any], says: str) -> None:
    assert says in refusal(lambda: cold_start(**answer))


def test_without_a_call_nothing_can_be_said() -> None:
    with pytest.raises(Uncheckable):
        rounds.cold_start([], cold="x", dearest="y", billed_for_init_ms=1, elsewhere={})


# -- 2 ---------------------------------------------------------------------------------------------------------

FOUR = [
    reading("one", 1.0, 1.4, init_ms=100.0, calls=1, ticks_before=0, ticks_after=3),
    reading("two", 3.5, 3.9, calls=2, ticks_before=3, ticks_after=6),
    reading("crash", 3.91, 3.95, calls=3, ticks_before=6, status="error"),
    reading("last", 4.0, 4.5, calls=1, ticks_before=0, ticks_after=3),
]
#: The environment was reclaimed, and a fifth call found a new one.
RECLAIMED = [*FOUR, reading("fifth", 4000.0, 4000.4, stream="bbbb", init_ms=90.0, calls=1, ticks_before=0)]


def survives(readings: list[Reading], between: tuple[str, str], before: str) -> None:
    rounds.survives(readings, frozen_between=between, reset_before=before, elsewhere=OTHER)


@pytest.mark.parametrize("readings", [FOUR, RECLAIMED, FOUR[::-1]], ids=["four", "reclaimed", "any order"])
def test_freeze_and_reset_are_accepted_in_any_run(readings: list[Reading]) -> None:
    survives(readings, ("one", "two"), "last")


def test_the_wait_until_an_environment_was_reclaimed_is_a_freeze_too() -> None:
    survives(RECLAIMED, ("last", "fifth"), "last")


@pytest.mark.parametrize(
    ("between", "before", "says"),
    [
        (("two", "crash"), "last", "the environment was busy"),
        (("two", "one"), "last", "in the order in which they ran"),
        (("one", "crash"), "last", "did not follow on each other"),
        (("one", "one"), "last", "did not follow on each other"),
        (("other", "two"), "last", "a call of the function payments"),
        (("8f0c", "21d7"), "last", "in no REPORT line"),
        (("one", "two"), "crash", "is the call that crashed"),
        (("one", "two"), "two", "stood at 2"),
        (("one", "two"), "one", "A new environment is not a reset one"),
        (("one", "two"), "fifth", "A new environment is not a reset one"),
    ],
)
def test_wrong_calls_are_told_why(between: tuple[str, str], before: str, says: str) -> None:
    assert says in refusal(lambda: survives(RECLAIMED, between, before))


def test_a_busy_gap_is_told_with_its_ticks() -> None:
    said = refusal(lambda: survives([*FOUR[:2], reading("next", 3.904, 4.2, calls=3, ticks_before=6, ticks_after=9)],
                                    ("two", "next"), "last"))  # fmt: skip
    assert "began 4 ms after the first ended" in said
    assert "ticked 3 times" in said


# -- 3 ---------------------------------------------------------------------------------------------------------

BURST = [
    reading("a", 1.0, 1.5, init_ms=90.0),
    reading("b", 2.0, 2.5),
    reading("c", 3.0, 3.5),
    reading("d", 3.2, 3.7, stream="bbbb", init_ms=90.0),
    reading("e", 3.3, 3.8, stream="cccc", init_ms=90.0),
]


def concurrency(**answer: Any) -> None:
    given = {"environments": 3, "cold": ["a", "d", "e"], "warm_in_burst": "c", **answer}
    rounds.concurrency(BURST, elsewhere=OTHER, **given)


def test_environments_cold_calls_and_the_warm_one_are_accepted_in_any_order() -> None:
    concurrency()
    concurrency(cold=["e", "a", "d"])


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"environments": 5}, "number of log streams"),
        ({"cold": ["a", "c", "d", "e"]}, "starts at once"),
        ({"cold": ["d", "e"]}, "the very first call included"),
        ({"cold": ["other"]}, "a call of the function payments"),
        ({"warm_in_burst": "d"}, "waited for an Init"),
        ({"warm_in_burst": "b"}, "ran alone"),
    ],
)
def test_a_wrong_count_of_environments_is_told_why(answer: dict[str, Any], says: str) -> None:
    assert says in refusal(lambda: concurrency(**answer))


# -- 4 ---------------------------------------------------------------------------------------------------------

FAILED = [
    reading("first", 1, 1.1, init_ms=90.0, do="answer", calls=1),
    reading("raise", 2, 2.1, do="raise", calls=2),
    reading("kept", 3, 3.1, do="answer", calls=3),
    reading("late", 4, 6.0, do="time out", calls=4, status="timeout"),
    reading("after late", 7, 7.2, do="answer", calls=1),
    reading("exit", 8, 8.1, do="exit", calls=2, status="error", error_type="Runtime.ExitError"),
    reading("after exit", 9, 9.2, do="answer", calls=1),
]


def failures(**answer: Any) -> None:
    given = {"timed_out": "late", "after_reset": ["after late", "after exit"], "kept": "kept", **answer}
    rounds.failures(FAILED, elsewhere=OTHER, **given)


def test_time_out_resets_and_the_kept_process_are_accepted() -> None:
    failures()
    failures(after_reset=["after exit", "after late"])


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"timed_out": "exit"}, "says Status: error"),
        ({"timed_out": "kept"}, "it answered"),
        ({"after_reset": ["after late", "after exit", "kept"]}, "found the same process"),
        ({"after_reset": ["first", "after late", "after exit"]}, "with an Init of its own"),
        ({"after_reset": ["late", "exit"]}, "found the same process"),
        ({"after_reset": ["after exit"]}, "1 of the calls after a reset"),
        ({"kept": "after exit"}, "told to exit"),
        ({"kept": "first"}, "no call"),
    ],
)
def test_a_wrong_reset_is_told_why(answer: dict[str, Any], says: str) -> None:
    assert says in refusal(lambda: failures(**answer))


# -- 5 ---------------------------------------------------------------------------------------------------------


def words(*marks: int) -> tuple[str, ...]:
    return tuple(json.dumps({"written_ms": mark}) for mark in marks)


PLAIN = [Environment("2026/p", (WARM,))]
WATCHED = [Environment("2026/w", (WARM,), after=words(0, 300, 1801)), Environment("2026/v", (WARM,))]


def test_the_last_mark_of_the_environment_that_was_shut_down_is_accepted() -> None:
    rounds.shutdown(WATCHED, PLAIN, shut_down="2026/w", last_written_ms=1801)


@pytest.mark.parametrize(
    ("stream", "written", "says"),
    [
        ("2026/p", 0, "without an extension"),
        ("2026/v", 0, "was not shut down yet"),
        ("nothing", 0, "no log stream"),
        ("2026/w", 2000, "the last of them"),
        ("2026/w", 300, "the last of them"),
    ],
)
def test_a_wrong_shutdown_is_told_why(stream: str, written: int, says: str) -> None:
    assert says in refusal(lambda: rounds.shutdown(WATCHED, PLAIN, shut_down=stream, last_written_ms=written))


# -- 6 ---------------------------------------------------------------------------------------------------------

PRICES = {"usd_per_gb_second": 1.66667e-05, "usd_requests": 0.2}
SIZES = [
    reading(f"{memory}-{number}", at, at + 0.1, memory_mb=memory, duration_ms=float(ms), billed_ms=ms)
    for at, (memory, ms) in enumerate([(128, 600), (512, 200), (1024, 120), (1769, 100)])
    for number in range(3)
] + [reading("cold", 9, 10, memory_mb=512, duration_ms=900.0, billed_ms=1100, init_ms=200.0)]
RIGHT = 0.2 * 0.5 * 1.66667e-05 * 1_000_000 + 0.2


def cost(**answer: Any) -> None:
    rounds.cost(SIZES, **{"choose_mb": 512, "usd": RIGHT, **PRICES, **answer})


def test_the_cheapest_size_within_the_target_is_accepted_with_its_price() -> None:
    cost()
    cost(usd=round(RIGHT, 2))


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"choose_mb": 128}, "within the budget of 250 ms"),
        ({"choose_mb": 1769}, "another one is cheaper"),
        ({"choose_mb": 700}, "sizes that you measured"),
        ({"usd": RIGHT - 0.2}, "plus the price of a million requests"),
        ({"usd": RIGHT * 1.03}, "1,024 MB"),
    ],
)
def test_a_wrong_size_or_price_is_told_why(answer: dict[str, Any], says: str) -> None:
    assert says in refusal(lambda: cost(**answer))


def test_one_size_is_no_measurement() -> None:
    with pytest.raises(Uncheckable):
        rounds.cost(SIZES[:3], choose_mb=128, usd=1.0, **PRICES)


# -- the slow dependency ---------------------------------------------------------------------------------------

ORDERS = [
    reading("well", 1, 1.2, function="orders", order_id="order-1"),
    reading("late", 2, 5, function="orders", order_id="order-2", status="timeout"),
    reading("in init", 5, 8, function="orders", status="timeout"),
]
PAYMENTS = [
    reading("p1", 1.1, 1.15, function="payments", order_id="order-1"),
    reading("p2", 2.5, 6.5, function="payments", order_id="order-2"),
]


def cause(timed_out: str, payments_call: str) -> None:
    rounds.cause(ORDERS, PAYMENTS, timed_out=timed_out, payments_call=payments_call, elsewhere={})


def test_the_time_out_and_the_call_it_waited_for_are_accepted() -> None:
    cause("late", "p2")


@pytest.mark.parametrize(
    ("timed_out", "payments_call", "says"),
    [
        ("well", "p1", "Status: timeout"),
        ("late", "p1", "was waiting for order order-2"),
        ("p2", "late", "a call of the function payments"),
        ("late", "late", "a call of the function orders"),
        ("in init", "p2", "before it asked payments"),
    ],
)
def test_a_wrong_cause_is_told_why(timed_out: str, payments_call: str, says: str) -> None:
    assert says in refusal(lambda: cause(timed_out, payments_call))
