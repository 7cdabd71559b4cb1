"""How an alias divides its traffic."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.compute.routing import Alias, choose, seeded, weights_of
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
        alias = Alias(arn, "live", "1", seeded(seed, arn), weights={"2": 0.5})
        return [alias.choose() for _ in range(64)]

    assert sequence(3, ARN + ":live") == sequence(3, ARN + ":live")
    assert sequence(3, ARN + ":live") != sequence(4, ARN + ":live")
    assert sequence(3, ARN + ":live") != sequence(3, ARN + ":beta")


def test_the_share_is_that_of_the_weight() -> None:
    alias = Alias(ARN, "live", "1", seeded(1, ARN), weights={"2": 0.1})
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
