"""How a deployment configuration moves an alias's traffic: shares of the new version, and when each is reached.

https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html#deployment-configuration-lambda
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

RoutingType = Literal["TimeBasedCanary", "TimeBasedLinear", "AllAtOnce"]

#: https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html, facts.yml codedeploy-lambda-limits
MAX_PERCENTAGE = 99
MAX_MINUTES = 2880


@dataclass(frozen=True, slots=True)
class Shift:
    """`seconds` after the first shift the new version gets `weight` of the traffic, a share in (0, 1]."""

    seconds: float
    weight: float


@dataclass(frozen=True, slots=True)
class Routing:
    """How traffic is shifted: `percentage` at first (canary) or at each step (linear), `minutes` between steps."""

    type: RoutingType
    percentage: int = 100
    minutes: int = 0

    def describe(self) -> dict[str, object]:
        """TrafficRoutingConfig."""
        match self.type:
            case "TimeBasedCanary":
                timed = {"canaryPercentage": self.percentage, "canaryInterval": self.minutes}
                return {"type": self.type, "timeBasedCanary": timed}
            case "TimeBasedLinear":
                timed = {"linearPercentage": self.percentage, "linearInterval": self.minutes}
                return {"type": self.type, "timeBasedLinear": timed}
            case _:
                return {"type": self.type}


ALL_AT_ONCE = Routing("AllAtOnce")


def schedule(routing: Routing) -> tuple[Shift, ...]:
    """All shifts of a deployment in their order; the first is at 0 s, the last gives everything to the new version.

    A canary shifts twice. A linear deployment shifts its percentage at the start of each interval, and with the last
    step what is left: ten percent every minute are through nine minutes after the first shift.
    """
    interval = routing.minutes * 60.0
    if routing.type == "AllAtOnce":
        return (Shift(0.0, 1.0),)
    if routing.type == "TimeBasedCanary":
        return (Shift(0.0, routing.percentage / 100), Shift(interval, 1.0))
    steps = -(-100 // routing.percentage)
    return tuple(Shift(at * interval, min((at + 1) * routing.percentage, 100) / 100) for at in range(steps))


class InvalidRouting(ValueError):
    """A TrafficRoutingConfig that no deployment can follow; the text says why."""


def routing_of(config: Mapping[str, object]) -> Routing:
    """The routing that a TrafficRoutingConfig says; InvalidRouting if it says none.

    https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_TrafficRoutingConfig.html
    """
    kind = config.get("type")
    canary, linear = config.get("timeBasedCanary"), config.get("timeBasedLinear")
    if kind == "AllAtOnce":
        _absent({"timeBasedCanary": canary, "timeBasedLinear": linear}, kind)
        return ALL_AT_ONCE
    if kind == "TimeBasedCanary":
        _absent({"timeBasedLinear": linear}, kind)
        return _timed("TimeBasedCanary", canary, "timeBasedCanary", "canary")
    if kind == "TimeBasedLinear":
        _absent({"timeBasedCanary": canary}, kind)
        routing = _timed("TimeBasedLinear", linear, "timeBasedLinear", "linear")
        last = schedule(routing)[-1].seconds / 60
        if last > MAX_MINUTES:
            raise InvalidRouting(
                f"The last traffic shift would come {last:.0f} minutes after the first one; at most {MAX_MINUTES} "
                "minutes may lie between them"
            )
        return routing
    raise InvalidRouting(f"The type {kind!r} is none of AllAtOnce, TimeBasedCanary, TimeBasedLinear")


def _absent(members: Mapping[str, object], kind: object) -> None:
    for name, value in members.items():
        if value is not None:
            raise InvalidRouting(f"{name} can't be specified for a configuration of the type {kind}")


def _timed(kind: Literal["TimeBasedCanary", "TimeBasedLinear"], given: object, member: str, prefix: str) -> Routing:
    if not isinstance(given, Mapping):
        raise InvalidRouting(f"{member} must be specified for a configuration of the type {kind}")
    percentage = _whole(given.get(f"{prefix}Percentage"), f"{prefix}Percentage", MAX_PERCENTAGE)
    minutes = _whole(given.get(f"{prefix}Interval"), f"{prefix}Interval", MAX_MINUTES)
    return Routing(kind, percentage, minutes)


def _whole(given: object, name: str, most: int) -> int:
    if not isinstance(given, int) or isinstance(given, bool):
        raise InvalidRouting(f"{name} must be specified")
    if not 1 <= given <= most:
        raise InvalidRouting(f"{name} must be between 1 and {most}, and is {given}")
    return given


#: https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html#deployment-configurations-predefined-lambda
PREDEFINED: Mapping[str, Routing] = {
    **{
        f"CodeDeployDefault.LambdaCanary10Percent{minutes}Minutes": Routing("TimeBasedCanary", 10, minutes)
        for minutes in (5, 10, 15, 30)
    },
    **{
        f"CodeDeployDefault.LambdaLinear10PercentEvery{minutes}Minute{'' if minutes == 1 else 's'}": Routing(
            "TimeBasedLinear", 10, minutes
        )
        for minutes in (1, 2, 3, 10)
    },
    "CodeDeployDefault.LambdaAllAtOnce": ALL_AT_ONCE,
}
