"""Watches a release: what CloudWatch's metrics, the alarms' history and CodeDeploy tell, put on one axis of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from checks.lab03 import alarms, codedeploy, shop
from sandbox.views.canary import Bin, Canary, Span, Weight

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

PERIOD = 60
_SHIFTS = {"Canary": (10, 2), "Linear": (10, 10), "AllAtOnce": (100, 1)}


def watched(
    cloud: Cloud,
    function: str,
    new: str,
    *,
    since: datetime,
    until: datetime | None = None,
    deployments: Sequence[str] = (),
    alarm_names: Sequence[str] = (),
    weights: Sequence[tuple[datetime, float]] = (),
) -> Canary:
    """What the picture shows of a release: `new` is the version that is tried beside version 1, or the one before it.

    `weights` are those that were set by hand; a deployment's are worked out from its configuration and its times.
    """
    start = since.replace(second=0, microsecond=0)
    end = until or cloud.clock.now()

    def seconds(moment: datetime) -> float:
        return (moment - start).total_seconds()

    steps = [codedeploy.told(cloud, id) for id in deployments]
    steps += [codedeploy.told(cloud, one.rollback) for one in steps if one.rollback]
    moves = [(seconds(at), share) for at, share in weights]
    moves += [(seconds(at), share) for one in steps for at, share in _weights(one, end)]
    spans = [span for one in steps for span in _spans(one, end)]
    return Canary(
        bins=_bins(cloud, function, start, end, _versions(new, steps)),
        new=new,
        until=seconds(end),
        weights=_changes([(0.0, 0.0), *moves]),
        alarms=[
            Span(_short(name), state, seconds(began), seconds(over))
            for name in alarm_names
            for state, began, over in _states(cloud, name, start, end)
        ],
        steps=[Span(name, state, seconds(began), seconds(over)) for name, state, began, over in spans],
    )


def _changes(moves: Sequence[tuple[float, float]]) -> list[Weight]:
    """The weights that differ from those before them; of two within a second the later one."""
    found: list[Weight] = []
    for at, share in moves:
        if found and at - found[-1].at < 1:
            found[-1] = Weight(found[-1].at, share)
        elif not found or found[-1].share != share:
            found.append(Weight(at, share))
    return found


def _short(name: str) -> str:
    """An alarm's name without that of its function, or of its stack and what CloudFormation adds."""
    _, colon, own = name.partition(":")
    if colon:
        return own
    return name.removeprefix(f"{shop.STACK}-").removeprefix(f"{shop.OWN_STACK}-").partition("-")[0]


def _versions(new: str, steps: Sequence[codedeploy.Told]) -> list[str]:
    """The versions that may answer: the new one, and those that its deployments name."""
    named = {one for step in steps for one in (step.current, step.target) if one}
    return sorted({new, *(named or {str(int(new) - 1)})}, key=int)


def _bins(cloud: Cloud, function: str, start: datetime, end: datetime, versions: Sequence[str]) -> list[Bin]:
    """Each version's requests, errors and p95 in each minute, from CloudWatch.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
    """
    queries = [
        {
            "Id": f"{name.lower()}{version}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/Lambda",
                    "MetricName": name,
                    "Dimensions": alarms.dimensions(function, version),
                },
                "Period": PERIOD,
                "Stat": stat,
            },
        }
        for version in versions
        for name, stat in (("Invocations", "Sum"), ("Errors", "Sum"), ("Duration", "p95"))
    ]
    found: dict[str, dict[datetime, float]] = {}
    pages = cloud.client("cloudwatch").get_paginator("get_metric_data")
    for page in pages.paginate(MetricDataQueries=queries, StartTime=start, EndTime=end + timedelta(seconds=PERIOD)):
        for one in page["MetricDataResults"]:
            found.setdefault(one["Id"], {}).update(zip(one["Timestamps"], one["Values"], strict=True))
    return [
        Bin(
            at=(moment - start).total_seconds(),
            version=version,
            requests=round(count),
            errors=round(found.get(f"errors{version}", {}).get(moment, 0.0)),
            p95_ms=found.get(f"duration{version}", {}).get(moment),
        )
        for version in versions
        for moment, count in sorted(found.get(f"invocations{version}", {}).items())
        if moment < end
    ]


def _states(cloud: Cloud, name: str, start: datetime, end: datetime) -> Iterator[tuple[str, datetime, datetime]]:
    """In which state an alarm was, from when to when."""
    changes = [one for one in alarms.history(cloud, name) if one.at <= end]
    began = start
    for one in changes:
        if one.at > began:
            yield one.before, began, one.at
        began = max(one.at, start)
    yield changes[-1].after if changes else alarms.state(cloud, name), began, end


def _weights(told: codedeploy.Told, end: datetime) -> Iterator[tuple[datetime, float]]:
    """When a deployment gave its new version which share of the requests; what takes it back gives it none."""
    shift = next((one for one in told.lifecycle if one.name == "AllowTraffic"), None)
    if shift is None or shift.began is None:
        return
    if not told.config.startswith(("Canary", "Linear")):
        yield shift.began, 0.0 if _takes_back(told) else 1.0
        return
    kind = told.config[:6]
    percentage, steps = _SHIFTS[kind]
    minutes = minutes_between(told.config)
    until = shift.ended or end
    for step in range(steps):
        at = shift.began + timedelta(minutes=step * minutes)
        if at > until:
            return
        yield at, 1.0 if step == steps - 1 else percentage * (step + 1) / 100


def _takes_back(told: codedeploy.Told) -> bool:
    return int(told.target) < int(told.current)


def minutes_between(config: str) -> int:
    """The minutes between two shifts of one of AWS's configurations: "Linear10PercentEvery1Minute" says 1."""
    digits = config.partition("Percent")[2].removeprefix("Every")
    return int("".join(one for one in digits if one.isdigit()))


def _spans(told: codedeploy.Told, end: datetime) -> Iterator[tuple[str, str, datetime, datetime]]:
    """A deployment's lifecycle events that have begun: name, status, from when to when."""
    taken_back = told.config == "AllAtOnce" and _takes_back(told)
    for one in told.lifecycle:
        if one.began is not None and (not taken_back or one.name == "AllowTraffic"):
            yield "rollback" if taken_back else one.name, one.status, one.began, one.ended or end
