"""Releases the orders service by a template, under customers' traffic: who met the new version, and how it ended."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from checks.lab02 import packaging, stacks, trials
from checks.lab03 import alarms, codedeploy, shop
from checks.lab03.releases import Release
from sandbox.load.mixes import Mix
from sandbox.templates.document import Document

if TYPE_CHECKING:
    from sandbox.cloud import Cloud
    from sandbox.load.records import Record

FILE = "orders/template.yaml"
FOLDER = shop.FILES / "orders"

#: So many customers may fail by a bad release, until it is taken back.
BUDGET = 25
#: A customer who has waited so long has failed, too: the app gives up.
PATIENCE_SECONDS = 0.8
#: A good release is with all customers after so many minutes.
LONGEST_MINUTES = 10
#: How much longer a deployment may go on before the judge stops it.
GRACE_MINUTES = 2
#: How often a deployment is looked at, in seconds of real time.
LOOK_SECONDS = 0.2
LOOK_SECONDS_IN_AN_ACCOUNT = 5.0
#: Customers' orders a second: most for what fails seldom, many for what can't start, and else few. A tenth of them must
#: be evidence enough in each minute.
SELDOM_RATE, CRASH_RATE, RATE = 8.0, 6.0, 4.0
#: So long the service is left in peace at a time, until its alarms are what they were, in seconds; and how often.
PEACE_SECONDS = 70.0
PEACE_TURNS = 5
PEACEFUL_RATE = 1.0

DISTRICTS = ("east", "south", "west")
#: Where nobody has delivered yet: the release before can't take such orders.
NORTH = "north"
NORTHERN = 0.2
#: Nobody ever delivers there: such an order fails, whichever version gets it.
NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class Service:
    """A stack of the template that stands: the function behind its alias, and how CodeDeploy moves it.

    `minutes` is how long the shifting takes, from the first shift to the last; `at_once` that there is only one.
    """

    cloud: Cloud
    stack: str
    function: str
    application: str
    group: str
    config: str
    minutes: float
    at_once: bool
    alarms: tuple[str, ...]

    @property
    def address(self) -> str:
        """The alias, as Lambda invokes it."""
        return f"{self.function}:{shop.ALIAS}"

    def live(self) -> str:
        """The version that the alias points at."""
        told = self.cloud.client("lambda").get_alias(FunctionName=self.function, Name=shop.ALIAS)
        return str(told["FunctionVersion"])

    def split(self) -> bool:
        """Whether a second version has a share of the traffic."""
        told = self.cloud.client("lambda").get_alias(FunctionName=self.function, Name=shop.ALIAS)
        return bool((told.get("RoutingConfig") or {}).get("AdditionalVersionWeights"))

    def alarming(self) -> list[str]:
        """Those of its alarms that are in ALARM."""
        return alarms.alarming(self.cloud, self.alarms)


class NotMoved(LookupError):
    """The stack has no deployment group: nobody but CloudFormation moves its alias. The text says what is missing."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows where a cell, and not the judge, meets it."""
        return [
            f"There is {self} yet. Give the function AutoPublishAlias: {shop.ALIAS} and a DeploymentPreference in "
            f"{FILE}, deploy it, then run this cell again."
        ]


def service_of(cloud: Cloud, stack: str) -> Service:
    """What stands. NotMoved without a stack, an alias `live`, or a deployment group."""
    if stacks.status(cloud, stack) is None:
        raise NotMoved(f"no stack {stack}")
    there = list(stacks.resources(cloud, stack).values())
    aliases = [one["PhysicalResourceId"] for one in there if one["ResourceType"] == "AWS::Lambda::Alias"]
    live = [arn.split(":")[6] for arn in aliases if arn.rpartition(":")[2] == shop.ALIAS]
    groups = [one["PhysicalResourceId"] for one in there if one["ResourceType"] == "AWS::CodeDeploy::DeploymentGroup"]
    applications = [one["PhysicalResourceId"] for one in there if one["ResourceType"] == "AWS::CodeDeploy::Application"]
    if not live:
        raise NotMoved(f"no alias {shop.ALIAS}")
    if not groups or not applications:
        raise NotMoved("no deployment group of CodeDeploy")
    client = cloud.client("codedeploy")
    told = client.get_deployment_group(applicationName=applications[0], deploymentGroupName=groups[0])[
        "deploymentGroupInfo"
    ]
    watched = told.get("alarmConfiguration") or {}
    config = told["deploymentConfigName"]
    routing = client.get_deployment_config(deploymentConfigName=config)["deploymentConfigInfo"].get(
        "trafficRoutingConfig", {}
    )
    return Service(
        cloud=cloud,
        stack=stack,
        function=live[0],
        application=applications[0],
        group=groups[0],
        config=config,
        minutes=minutes_of(routing),
        at_once=routing.get("type", "AllAtOnce") == "AllAtOnce",
        alarms=tuple(one["name"] for one in watched.get("alarms", ())) if watched.get("enabled") else (),
    )


def minutes_of(routing: Mapping[str, Any]) -> float:
    """From the first shift to the last of a TrafficRoutingConfig, in minutes."""
    if canary := routing.get("timeBasedCanary"):
        return float(canary["canaryInterval"])
    if linear := routing.get("timeBasedLinear"):
        steps = -(-100 // int(linear["linearPercentage"]))
        return float((steps - 1) * linear["linearInterval"])
    return 0.0


def packaged(cloud: Cloud, document: Document, release: Release, folder: Path = FOLDER) -> str:
    """The template's text with this release as the code of `src/`, and the rest from `folder`. Incorrect."""

    def upload(code: Path) -> str:
        if code.name != "src":
            return packaging.upload(cloud, code)
        with release.folder() as place:
            return packaging.upload(cloud, place)

    return trials.text_of(trials.code_of(document, FILE, folder, upload))


# -- customers ---------------------------------------------------------------------------------------------------


class OneFailure:
    """Which customers live where nobody delivers, so that a new version fails once, and once only.

    One customer after the other, until the version that answered one of them is not the one `before`: two at a time
    could both meet the new version.
    """

    def __init__(self, before: str, records: Callable[[], list[Record]]) -> None:
        self._before = before
        self._records = records
        self._sent = ""
        self._over = False

    def __call__(self, customer: str) -> bool:
        """Whether this customer, the next one, lives there."""
        if self._over:
            return False
        if self._sent:
            answered = next((one for one in self._records() if one.customer == self._sent), None)
            if answered is None:
                return False
            if answered.version not in ("", self._before):
                self._over = True
                return False
        self._sent = customer
        return True


def orders(
    *, northern: bool = False, lost: Callable[[str], bool] = lambda customer: False
) -> Callable[[int, Random, str], dict[str, Any]]:
    """Payloads: one order for each customer.

    With `northern` some of them live where nobody has delivered yet; those who are `lost` where nobody ever will.
    """

    def order(index: int, rng: Random, customer: str) -> dict[str, Any]:
        district, share = rng.choice(DISTRICTS), rng.random()
        if lost(customer):
            district = NOWHERE
        elif northern and share < NORTHERN:
            district = NORTH
        return {
            "order": f"order-{index:05d}",
            "customer": customer,
            "district": district,
            "goods_cents": rng.randrange(400, 9000),
        }

    return order


def failed(records: list[Record], version: str, until: datetime) -> list[str]:
    """The customers whom this version has failed or has kept waiting until some time, each once."""
    own = [one for one in records if one.version == version and one.at <= until]
    return list(dict.fromkeys(one.customer for one in own if not one.ok or one.seconds > PATIENCE_SECONDS))


# -- a release ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ended:
    """How one release ended.

    `version` is the new one, `before` the one that was live; `live` is what the alias is at now. `failed` are the
    customers that the new version has failed until the deployment was over. `stopped` is whether it was stopped for
    taking too long. `deployment` is its id at CodeDeploy, empty if none was made; `reason` is what CodeDeploy says.
    """

    release: Release
    stack: stacks.Deployment
    before: str
    version: str
    live: str
    deployment: str
    reason: str
    lifecycle: Mapping[str, str]
    alarms: tuple[str, ...]
    stopped: bool
    failed: tuple[str, ...]
    records: list[Record] = field(repr=False)

    @property
    def through(self) -> bool:
        """Whether all customers have the release now."""
        return self.stack.status == "UPDATE_COMPLETE" and self.live == self.version

    @property
    def taken_back(self) -> bool:
        """Whether all customers have the version from before."""
        return self.stack.status == "UPDATE_ROLLBACK_COMPLETE" and self.live == self.before

    @property
    def caught_by(self) -> str:
        """What stopped it: the lifecycle event before any customer came, or the alarms; empty if nothing did."""
        if self.lifecycle.get("BeforeAllowTraffic") == "Failed" and not self.alarms:
            return "BeforeAllowTraffic"
        return ", ".join(self.alarms)

    def __str__(self) -> str:
        how = "is live" if self.through else "was taken back" if self.taken_back else f"ended as {self.stack.status}"
        who = f"{len(self.failed)} customers" if len(self.failed) != 1 else "1 customer"
        return f"{self.release.name:<8} {self.deployment}: version {self.version} {how}; it failed {who}"


def release(
    service: Service,
    text: str,
    what: Release,
    *,
    rate: float,
    seed: int = 0,
    noise: bool = False,
) -> Ended:
    """Bring the stack to the template's text while customers order, `rate` a second.

    With `noise` many customers of the version before fail, and of the new one a single one: every trial of a good
    release has one failure in it, however many environments share the calls. The customers stop when the stack is
    done: what comes then tells no more.
    """
    cloud, before = service.cloud, service.live()
    known = set(deployments(service))
    began = cloud.clock.now()
    lost = OneFailure(before, lambda: customers.records) if noise else lambda customer: False
    mix = Mix("customers", service.address, rate, orders(northern=noise, lost=lost))
    customers = cloud.traffic.background(mix, during="deployment", after=0.0, seed=seed)
    with _watched(service, known) as stopped, customers:
        done = stacks.deploy(cloud, service.stack, text)
        customers.stop()
    told = [codedeploy.told(cloud, id) for id in deployments(service) if id not in known]
    own = next((one for one in told if one.id not in {each.rollback for each in told}), None)
    version = own.target if own and own.target else _newest(service)
    records = customers.records
    now = cloud.clock.now()
    return Ended(
        release=what,
        stack=done,
        before=before,
        version=version,
        live=service.live(),
        deployment=own.id if own else "",
        reason=(own.message if own else "") or trials.cause(done),
        lifecycle={one.name: one.status for one in own.lifecycle} if own else {},
        alarms=tuple(alarmed(service, began, now)),
        stopped=stopped.is_set(),
        failed=tuple(failed(records, version, max((one.ended for one in told if one.ended), default=now))),
        records=records,
    )


def rate_for(release: Release) -> float:
    """Orders a second under which one of the lab's releases is tried."""
    return {"errors": SELDOM_RATE, "crash": CRASH_RATE}.get(release.name, RATE)


def settle(service: Service, seed: int = 0) -> None:
    """Leave the service in peace while one of its alarms still shows the release that was taken back."""
    for _ in range(PEACE_TURNS):
        if not service.alarming():
            return
        left_alone(service, PEACEFUL_RATE, PEACE_SECONDS, seed)


def left_alone(service: Service, rate: float, seconds: float, seed: int) -> None:
    """Let customers order for so long, and release nothing."""
    service.cloud.traffic.play(Mix("customers", service.address, rate, orders()), seconds, seed=seed)


@contextmanager
def _watched(service: Service, known: set[str]) -> Iterator[threading.Event]:
    """Within the block: stop a deployment that can't be in time any more, and say so."""
    over, stopped = threading.Event(), threading.Event()
    cloud = service.cloud
    pause = LOOK_SECONDS_IN_AN_ACCOUNT / cloud.clock.speedup if cloud.target == "account" else LOOK_SECONDS
    longest = timedelta(minutes=LONGEST_MINUTES + GRACE_MINUTES)
    before_shifting = timedelta(minutes=max(LONGEST_MINUTES - service.minutes, GRACE_MINUTES))

    def watch() -> None:
        shifting = False
        while not over.wait(pause):
            shifting = shifting or service.split()
            for id in [one for one in deployments(service) if one not in known]:
                told = codedeploy.told(cloud, id)
                limit = longest if shifting else before_shifting
                if told.status not in codedeploy.ENDS and _age(cloud, told) > limit:
                    stopped.set()
                    cloud.client("codedeploy").stop_deployment(deploymentId=id, autoRollbackEnabled=True)

    thread = threading.Thread(target=watch, name="deployment", daemon=True)
    thread.start()
    try:
        yield stopped
    finally:
        over.set()
        thread.join(30.0)


def _age(cloud: Cloud, told: codedeploy.Told) -> timedelta:
    now = cloud.clock.now()
    return now - (told.began or now)


# -- reading back ------------------------------------------------------------------------------------------------


def deployments(service: Service) -> list[str]:
    """The ids of the group's deployments, oldest first; those that take one back, too."""
    return codedeploy.deployments(service.cloud, service.group, service.application)


def alarmed(service: Service, start: datetime, end: datetime) -> list[str]:
    """Those of the group's alarms that went into ALARM between two times, in that order."""
    found: dict[str, datetime] = {}
    for name in service.alarms:
        pages = service.cloud.client("cloudwatch").get_paginator("describe_alarm_history")
        for page in pages.paginate(
            AlarmName=name,
            AlarmTypes=alarms.TYPES,
            HistoryItemType="StateUpdate",
            StartDate=start,
            EndDate=end + timedelta(seconds=1),
        ):
            for one in page["AlarmHistoryItems"]:
                if json.loads(one["HistoryData"])["newState"]["stateValue"] == "ALARM":
                    found[name] = min(one["Timestamp"], found.get(name, one["Timestamp"]))
    return sorted(found, key=lambda name: found[name])


def _newest(service: Service) -> str:
    pages = service.cloud.client("lambda").get_paginator("list_versions_by_function")
    numbers = [
        int(one["Version"])
        for page in pages.paginate(FunctionName=service.function)
        for one in page["Versions"]
        if one["Version"].isdigit()
    ]
    return str(max(numbers, default=0))
