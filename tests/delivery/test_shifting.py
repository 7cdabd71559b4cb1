"""The schedule of each way to shift traffic."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.delivery.shifting import ALL_AT_ONCE, PREDEFINED, InvalidRouting, Routing, Shift, routing_of, schedule

PREFIX = "CodeDeployDefault.Lambda"


def seconds_and_weights(shifts: tuple[Shift, ...]) -> list[tuple[float, float]]:
    return [(shift.seconds, shift.weight) for shift in shifts]


@pytest.mark.parametrize(("name", "minutes"), [(f"Canary10Percent{m}Minutes", m) for m in (5, 10, 15, 30)])
def test_a_predefined_canary_waits_with_ten_percent(name: str, minutes: int) -> None:
    assert seconds_and_weights(schedule(PREDEFINED[PREFIX + name])) == [(0.0, 0.1), (minutes * 60.0, 1.0)]


@pytest.mark.parametrize(
    ("name", "minutes"),
    [
        ("Linear10PercentEvery1Minute", 1),
        ("Linear10PercentEvery2Minutes", 2),
        ("Linear10PercentEvery3Minutes", 3),
        ("Linear10PercentEvery10Minutes", 10),
    ],
)
def test_a_predefined_linear_shift_takes_ten_steps(name: str, minutes: int) -> None:
    expected = [(step * minutes * 60.0, (step + 1) / 10) for step in range(10)]
    assert seconds_and_weights(schedule(PREDEFINED[PREFIX + name])) == expected


def test_all_at_once_is_one_shift() -> None:
    assert schedule(PREDEFINED[PREFIX + "AllAtOnce"]) == (Shift(0.0, 1.0),)


def test_nothing_else_is_predefined() -> None:
    assert len(PREDEFINED) == 9


@pytest.mark.parametrize(
    ("percentage", "weights"),
    [
        (1, [n / 100 for n in range(1, 101)]),
        (7, [*(n / 100 for n in range(7, 99, 7)), 1.0]),
        (30, [0.3, 0.6, 0.9, 1.0]),
        (50, [0.5, 1.0]),
        (51, [0.51, 1.0]),
        (99, [0.99, 1.0]),
    ],
)
def test_the_last_linear_step_takes_what_is_left(percentage: int, weights: list[float]) -> None:
    shifts = schedule(Routing("TimeBasedLinear", percentage, 3))
    assert [shift.weight for shift in shifts] == weights
    assert [shift.seconds for shift in shifts] == [180.0 * at for at in range(len(weights))]


def canary(percentage: Any, interval: Any) -> dict[str, Any]:
    timed = {"canaryPercentage": percentage, "canaryInterval": interval}
    return {"type": "TimeBasedCanary", "timeBasedCanary": timed}


def linear(percentage: Any, interval: Any) -> dict[str, Any]:
    timed = {"linearPercentage": percentage, "linearInterval": interval}
    return {"type": "TimeBasedLinear", "timeBasedLinear": timed}


@pytest.mark.parametrize(
    "config", [{"type": "AllAtOnce"}, canary(1, 1), canary(99, 2880), linear(50, 2880), linear(1, 29)]
)
def test_a_routing_is_described_as_it_was_given(config: dict[str, Any]) -> None:
    assert routing_of(config).describe() == config


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ({}, "type None"),
        ({"type": "Slowly"}, "'Slowly'"),
        ({"type": "AllAtOnce", "timeBasedCanary": {"canaryPercentage": 1, "canaryInterval": 1}}, "timeBasedCanary"),
        ({"type": "TimeBasedCanary"}, "timeBasedCanary must be specified"),
        ({**canary(10, 5), "timeBasedLinear": {}}, "timeBasedLinear can't be"),
        ({"type": "TimeBasedLinear"}, "timeBasedLinear must be specified"),
        ({**linear(10, 5), "timeBasedCanary": {}}, "timeBasedCanary can't be"),
        (canary(None, 5), "canaryPercentage must be specified"),
        (canary(0, 5), "canaryPercentage must be between 1 and 99, and is 0"),
        (canary(100, 5), "between 1 and 99"),
        (canary(10, 0), "canaryInterval must be between 1 and 2880, and is 0"),
        (canary(10, 2881), "between 1 and 2880"),
        (linear(100, 5), "linearPercentage must be between 1 and 99"),
        # 99 intervals of 30 minutes are more than 48 hours.
        (linear(1, 30), "2970 minutes"),
        (linear(49, 1441), "2882 minutes"),
    ],
)
def test_a_routing_that_no_deployment_can_follow_is_told_apart(config: dict[str, Any], word: str) -> None:
    with pytest.raises(InvalidRouting, match=word):
        routing_of(config)


def test_all_at_once_says_nothing_but_its_type() -> None:
    assert ALL_AT_ONCE.describe() == {"type": "AllAtOnce"}
