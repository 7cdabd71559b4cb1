"""The pictures of lab 03, from what the learner's own releases showed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from checks.lab03 import alarms, codedeploy, watching
from sandbox.views import Picture
from sandbox.views.canary import Bin, Canary, Weight, canary

if TYPE_CHECKING:
    from sandbox.cloud import Cloud
    from sandbox.traffic import Response


def answered(responses: Sequence[Response], new: str, share: float, every: float = 20.0) -> Picture:
    """Which version answered, in stretches of `every` seconds, from the answers themselves."""
    start = min(one.at for one in responses)
    found: dict[tuple[float, str], list[Response]] = {}
    for one in responses:
        at = (one.at - start).total_seconds() // every * every
        found.setdefault((at, one.executed_version), []).append(one)
    bins = [
        Bin(at, version, len(mine), sum(not one.ok for one in mine)) for (at, version), mine in sorted(found.items())
    ]
    until = max(at for at, _ in found) + every
    return canary(Canary(bins, new, until, weights=[Weight(0.0, share)], width=every))


def by_hand(
    cloud: Cloud, function: str, new: str, since: datetime, weights: Sequence[tuple[datetime, float]] = ()
) -> Picture:
    """A release whose weights somebody set, with all alarms of the function."""
    names = alarms.names_of(cloud, function)
    return canary(watching.watched(cloud, function, new, since=since, alarm_names=names, weights=weights))


def release(cloud: Cloud, function: str, id: str, names: Sequence[str] = ()) -> Picture:
    """A release by CodeDeploy, as far as it has come: the deployment, and the alarms of these names (of the function,
    if none are given)."""
    now = codedeploy.told(cloud, id)
    since = now.began or cloud.clock.now()
    shown = names or alarms.names_of(cloud, function)
    return canary(
        watching.watched(cloud, function, now.target or "2", since=since, deployments=[id], alarm_names=shown)
    )
