"""What the learner's own stack has released: each deployment, which release it was, and what stopped it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from checks.functions import runtime
from checks.lab02 import packaging, stacks, trials
from checks.lab02.copies import copied
from checks.lab03 import codedeploy, shop, trial, watching
from checks.lab03.releases import BREAK, Release, plain
from checks.lab03.trial import Ended, Service
from sandbox.templates import read
from sandbox.views import Picture
from sandbox.views.canary import canary

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.cloud import Cloud

STACK = shop.OWN_STACK


@dataclass(frozen=True, slots=True)
class Deployed:
    """One deployment of CodeDeploy. `release` is the name of the release, empty if it is none of the lab's.

    `lifecycle` is the status of each lifecycle event; `alarms` went into ALARM while it was under way.
    """

    id: str
    release: str
    version: str
    status: str
    lifecycle: Mapping[str, str]
    alarms: tuple[str, ...]

    @property
    def causes(self) -> tuple[str, ...]:
        """What can be said to have stopped it: the lifecycle event before any traffic, or the alarms."""
        if self.status == "Succeeded":
            return ()
        return ("BeforeAllowTraffic",) if self.lifecycle.get("BeforeAllowTraffic") == "Failed" else self.alarms


def deployed(service: Service) -> list[Deployed]:
    """All ended deployments of the service that brought something new, oldest first."""
    known = {_sha(one): one.name for one in BREAK.values()}
    told = [codedeploy.told(service.cloud, id) for id in trial.deployments(service)]
    taken_back = {one.rollback for one in told}
    return [
        Deployed(
            id=one.id,
            release=known.get(_code_of(service, one.target), ""),
            version=one.target,
            status=one.status,
            lifecycle={each.name: each.status for each in one.lifecycle},
            alarms=tuple(trial.alarmed(service, one.began, one.ended)),
        )
        for one in told
        if one.id not in taken_back and one.target and one.began and one.ended
    ]


def _sha(release: Release) -> str:
    """The CodeSha256 of a function that has this release's code."""
    with release.folder() as place:
        return base64.b64encode(hashlib.sha256(packaging.zipped(place)).digest()).decode()


def _code_of(service: Service, version: str) -> str:
    client = service.cloud.client("lambda")
    try:
        told = client.get_function_configuration(FunctionName=service.function, Qualifier=version)
    except client.exceptions.ResourceNotFoundException:
        return ""
    return str(told["CodeSha256"])


# -- the learner's own runs --------------------------------------------------------------------------------------


def opened(cloud: Cloud, folder: Path) -> Service:
    """The learner's stack anew, with the service as it is, by their template: what the releases come after.

    RuntimeError if it can't be deployed, LookupError if nobody moves its alias.
    """
    stacks.delete(cloud, STACK)
    done = stacks.deploy(cloud, STACK, _text(cloud, folder, plain()), Runtime=runtime())
    if not done.succeeded:
        raise RuntimeError(f"{done}: {trials.cause(done)}")
    return trial.service_of(cloud, STACK)


def released(service: Service, folder: Path, name: str) -> Ended:
    """Release one of the lab's releases by the learner's template, while customers order. Prints how it ended."""
    trial.settle(service)
    one = BREAK[name]
    text = _text(service.cloud, folder, one)
    ended = trial.release(service, text, one, rate=trial.rate_for(one), noise=one.good)
    print(ended)
    return ended


def _text(cloud: Cloud, folder: Path, release: Release) -> str:
    """The learner's template, as CloudFormation gets it, with a release's code and their own hook."""
    document = read((folder / trial.FILE).read_text(encoding="utf-8"))
    return trial.packaged(cloud, document, release, folder / "orders")


def as_release(folder: Path, name: str = "tuesday") -> Path:
    """A copy of the learner's folder `orders` whose code is a release of its own, for `sam build` and `sam deploy`."""
    work = copied(folder / "orders")
    for file, text in plain(name).files.items():
        (work / "src" / file).write_text(text, encoding="utf-8")
    return work


def picture(service: Service, id: str) -> Picture:
    """One deployment of the service on its axis of time, with a minute of what came after it."""
    told = codedeploy.told(service.cloud, id)
    over = codedeploy.told(service.cloud, told.rollback).ended if told.rollback else told.ended
    now = service.cloud.clock.now()
    return canary(
        watching.watched(
            service.cloud,
            service.function,
            told.target,
            since=told.began or now,
            until=min(over + timedelta(minutes=1), now) if over else now,
            deployments=[id],
            alarm_names=service.alarms,
        )
    )
