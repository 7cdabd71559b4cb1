"""How an alias divides its traffic."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.compute.routing import Alias, Draws, choose, weights_of
from sandbox.compute.traces import read_trace
from sandbox.gateway.call import AwsError

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


@pytest.mark.parametrize(
    ("weights", "draw", "version"),
    [
        ({}, 0.0, "1"),
        ({"2": 0.1}, 0.0, "2"),
        ({"2": 0.1}, 0.0999, "2"),
        ({"2": 0.1}, 0.1, "1"),
        ({"2": 0.1}, 0.9999, "1"),
        ({"2": 0.0}, 0.0, "1"),
        ({"2": 1.0}, 0.9999, "2"),
    ],
)
def test_a_draw_falls_to_a_version(weights: dict[str, float], draw: float, version: str) -> None:
    assert choose("1", weights, draw) == version


def test_one_seed_gives_one_sequence_and_another_alias_another() -> None:
    def sequence(seed: int, arn: str) -> list[str]:
        alias = Alias(arn, "live", "1", Draws(seed, arn), weights={"2": 0.5})
        return [alias.choose() for _ in range(64)]

    assert sequence(3, ARN + ":live") == sequence(3, ARN + ":live")
    assert sequence(3, ARN + ":live") != sequence(4, ARN + ":live")
    assert sequence(3, ARN + ":live") != sequence(3, ARN + ":beta")


def started(number: int, time: str = "5759e988") -> Any:
    return read_trace(f"Root=1-{time}-{number:024x}")


def test_calls_that_start_a_trace_draw_by_its_id_in_whatever_order_they_come() -> None:
    alias = Alias(ARN, "live", "1", Draws(3, ARN), weights={"2": 0.5})
    forwards = {number: alias.choose(started(number)) for number in range(64)}
    backwards = {number: alias.choose(started(number, time="6abcdef0")) for number in reversed(range(64))}
    assert forwards == backwards
    assert set(forwards.values()) == {"1", "2"}
    other = Alias(ARN, "live", "1", Draws(4, ARN), weights={"2": 0.5})
    assert forwards != {number: other.choose(started(number)) for number in range(64)}


def test_calls_within_a_trace_are_chosen_for_one_by_one() -> None:
    # A function sends its own trace with all that it calls: that must not send them all to one version.
    alias, without = (Alias(ARN, "live", "1", Draws(3, ARN), weights={"2": 0.5}) for _ in range(2))
    within = read_trace("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")
    assert [alias.choose(within) for _ in range(64)] == [without.choose() for _ in range(64)]


def test_the_share_of_traced_calls_is_that_of_the_weight() -> None:
    alias = Alias(ARN, "live", "1", Draws(1, ARN), weights={"2": 0.1})
    versions = [alias.choose(started(number)) for number in range(5000)]
    assert 420 < versions.count("2") < 580


def test_the_share_is_that_of_the_weight() -> None:
    alias = Alias(ARN, "live", "1", Draws(1, ARN), weights={"2": 0.1})
    versions = [alias.choose() for _ in range(5000)]
    assert 420 < versions.count("2") < 580


@pytest.mark.parametrize(
    ("version", "weights", "message"),
    [
        ("$LATEST", {"1": 0.1}, "is not supported for an alias pointing to more than 1 version"),
        ("1", {"$LATEST": 0.1}, "must be a published version"),
        ("1", {"1": 0.1}, "is already included in routing configuration"),
        ("1", {"9": 0.1}, "Function version 9 does not exist"),
        ("1", {"2": 0.1, "3": 0.1}, "cannot be greater than 1"),
    ],
)
def test_weights_that_aws_refuses(version: str, weights: dict[str, float], message: str) -> None:
    with pytest.raises(AwsError, match=message) as caught:
        weights_of({"AdditionalVersionWeights": weights}, version, {"$LATEST", "1", "2", "3"}, ARN)
    assert caught.value.code == "InvalidParameterValueException"


@pytest.mark.parametrize("routing", [None, {}, {"AdditionalVersionWeights": {}}])
def test_no_weights(routing: dict[str, Any] | None) -> None:
    assert weights_of(routing, "$LATEST", {"$LATEST"}, ARN) == {}
