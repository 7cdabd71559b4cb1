"""The checkout service of a round: its releases, its alias, its customers, and what came of their requests."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checks.functions import deploy, wait_until_updated
from checks.lab03 import shop
from checks.readings import log_events, objects
from sandbox.load.mixes import Mix

if TYPE_CHECKING:
    from sandbox.cloud import Cloud
    from sandbox.traffic import Response

#: How many customers the shop has. Some order more than once.
CUSTOMERS = 600
#: The shares of orders with a voucher, and with a gift to wrap.
VOUCHERS, GIFTS = 0.30, 0.05


def order(index: int, rng: random.Random, customer: str = "") -> dict[str, Any]:
    """What the app sends for one order: a payload for `cloud.traffic`."""
    return {
        "order": f"order-{index:05d}",
        "customer": customer or f"customer-{rng.randrange(CUSTOMERS):03d}",
        "goods_cents": rng.randrange(400, 9000),
        "voucher": "SUMMER" if rng.random() < VOUCHERS else "",
        "gift": "gold" if rng.random() < GIFTS else "",
    }


def of_regulars(count: int) -> Callable[[int, random.Random], dict[str, Any]]:
    """Orders as `order` makes them, of so many customers in turn."""
    return lambda index, rng: order(index, rng, f"regular-{index % count:02d}")


def customers(live: str, rate: float) -> Mix:
    """The shop's customers, who order at this rate (a second): a mix for `cloud.traffic.background`."""
    return Mix("customer", live, rate=rate, customers=CUSTOMERS, payloads=order)


def full_minute(cloud: Cloud) -> None:
    """Go to the next full minute: what follows then lies in CloudWatch's periods in the same way each time."""
    cloud.clock.advance(60 - cloud.clock.timestamp() % 60)


def first_release(cloud: Cloud, function: str, release: str = "thursday") -> tuple[str, str]:
    """The function anew, with this release behind the alias `live`: the alias, as Lambda invokes it, and the version.

    The version is 1, unless a function of this name was there before: Lambda gives no number twice.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
    """
    _with_code(cloud, function, release, anew=True)
    client = cloud.client("lambda")
    version = str(client.publish_version(FunctionName=function, Description=release)["Version"])
    client.create_alias(FunctionName=function, Name=shop.ALIAS, FunctionVersion=version)
    return f"{function}:{shop.ALIAS}", version


def publish(cloud: Cloud, function: str, release: str) -> str:
    """A release as a new version of the function, which gets no traffic yet. The version's number."""
    _with_code(cloud, function, release)
    return str(cloud.client("lambda").publish_version(FunctionName=function, Description=release)["Version"])


def _with_code(cloud: Cloud, function: str, release: str, *, anew: bool = False) -> None:
    deploy(cloud, function, [shop.RELEASES / release / "app.py"], role=shop.ROLE, anew=anew)
    wait_until_updated(cloud, function)


def point(cloud: Cloud, function: str, version: str, *, also: str = "", share: float = 0.0) -> None:
    """Point the alias at a version, and give `share` of the requests to `also`."""
    weights = {also: share} if also else {}
    cloud.client("lambda").update_alias(
        FunctionName=function,
        Name=shop.ALIAS,
        FunctionVersion=version,
        RoutingConfig={"AdditionalVersionWeights": weights},
    )


# -- what came of it -------------------------------------------------------------------------------------------


def failed(responses: Iterable[Response]) -> list[Response]:
    """The requests that came back with an error."""
    return [one for one in responses if not one.ok]


def hit(responses: Iterable[Response]) -> set[str]:
    """The customers to whom that happened, each once."""
    return {one.payload["customer"] for one in failed(responses)}


@dataclass(frozen=True, slots=True)
class Request:
    """One order as the function's log tells of it: `placed` is whether it went through. `at` is Unix seconds."""

    id: str
    order: str
    customer: str
    version: str
    placed: bool
    at: float


def requests(cloud: Cloud, function: str) -> list[Request]:
    """All orders that a function has received, from its log, oldest first."""
    received: dict[str, tuple[float, dict[str, Any]]] = {}
    placed: set[str] = set()
    for event in log_events(cloud, f"/aws/lambda/{function}"):
        for line in objects([event["message"]]):
            if line.get("message") == "order received":
                received[str(line["request"])] = (event["timestamp"] / 1000, line)
            elif line.get("message") == "order placed":
                placed.add(str(line["request"]))
    found = [
        Request(id, line["order"], line["customer"], line["version"], id in placed, at)
        for id, (at, line) in received.items()
    ]
    return sorted(found, key=lambda one: one.at)


def newest(requests: Iterable[Request]) -> str:
    """The highest version that has answered one of these; empty if there are none."""
    return max((one.version for one in requests), key=int, default="")


def said(cloud: Cloud, function: str) -> list[dict[str, Any]]:
    """All lines of JSON in a function's log."""
    events = log_events(cloud, f"/aws/lambda/{function}")
    return [line for event in events for line in objects([event["message"]])]


def smoke_test(cloud: Cloud, function: str, version: str) -> str:
    """The smoke test of a version, as a function of its own: CodeDeploy invokes it. Its name."""
    deploy(
        cloud,
        shop.SMOKE_TEST,
        [shop.RELEASES / "smoke_test" / "app.py"],
        role=shop.SMOKE_ROLE,
        timeout_s=10,
        variables={"NEW_VERSION": f"{function}:{version}"},
        anew=True,
    )
    return shop.SMOKE_TEST
