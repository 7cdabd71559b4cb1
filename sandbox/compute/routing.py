"""Aliases: which version a name stands for, and how an alias splits its traffic over two.

https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
"""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sandbox.compute.arns import LATEST
from sandbox.compute.errors import invalid
from sandbox.compute.traces import NO_TRACE, Trace

_NUMBER = re.compile(r"[0-9]+")


class Draws:
    """An alias's numbers in [0, 1): no other alias's traffic changes them.

    One seed and one order of calls give one sequence. Calls at one time come in no order, so a call that starts a
    trace of its own draws by the trace's id: a load generator that makes its ids from a seed gets the same versions
    for the same requests.
    """

    def __init__(self, seed: int, arn: str) -> None:
        self._name = f"{seed} {arn}"
        self._sequence = random.Random(self._name)

    def draw(self, trace: Trace) -> float:
        if trace.started_by_caller:
            return random.Random(f"{self._name} {trace.unique}").random()
        return self._sequence.random()


@dataclass(slots=True)
class Alias:
    """A name for one version, or for two with a weight. `weights` is {version: share of the traffic}, at most one.

    The choice is made for each invocation, by a number that `draws` gives.
    """

    arn: str
    name: str
    version: str
    draws: Draws
    description: str = ""
    weights: dict[str, float] = field(default_factory=dict)
    revision: str = field(default_factory=lambda: str(uuid.uuid4()))

    def choose(self, trace: Trace = NO_TRACE) -> str:
        """The version for one invocation."""
        return choose(self.version, self.weights, self.draws.draw(trace)) if self.weights else self.version

    def versions(self) -> tuple[str, ...]:
        return (self.version, *self.weights)

    def describe(self) -> dict[str, Any]:
        """AliasConfiguration."""
        description: dict[str, Any] = {
            "AliasArn": self.arn,
            "Name": self.name,
            "FunctionVersion": self.version,
            "Description": self.description,
            "RevisionId": self.revision,
        }
        if self.weights:
            description["RoutingConfig"] = {"AdditionalVersionWeights": dict(self.weights)}
        return description


def choose(version: str, weights: Mapping[str, float], draw: float) -> str:
    """The version that a number in [0, 1) falls to: the additional versions' shares first, the rest to `version`."""
    for additional, weight in weights.items():
        if draw < weight:
            return additional
        draw -= weight
    return version


class _Versions(Protocol):
    def __contains__(self, number: object) -> bool: ...


def weights_of(
    routing: Mapping[str, Any] | None, version: str, versions: _Versions, function_arn: str
) -> dict[str, float]:
    """The weights in a RoutingConfig; AwsError where AWS refuses them.

    At most one additional version, both published, both of this function, and not the same one twice.
    """
    weights = dict((routing or {}).get("AdditionalVersionWeights") or {})
    if not weights:
        return {}
    if len(weights) > 1:
        raise invalid(
            f"Number of items in AdditionalVersionWeights cannot be greater than 1: {', '.join(sorted(weights))}"
        )
    if version == LATEST:
        raise invalid(f"{LATEST} is not supported for an alias pointing to more than 1 version")
    (additional,) = weights
    if additional == LATEST or not _NUMBER.fullmatch(additional):
        raise invalid(
            f"Invalid function version {additional}. Function version used in AdditionalVersionWeights must be a "
            "published version."
        )
    if additional == version:
        raise invalid(
            f"Invalid function version {additional}. Function version {version} is already included in routing "
            "configuration."
        )
    if additional not in versions:
        raise invalid(f"Function version {additional} does not exist: {function_arn}:{additional}")
    return weights
