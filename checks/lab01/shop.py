"""The shop's opening state: two functions, a price list, and roles with no more rights than they need."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.functions import deploy, execution_role, invoke, package, remove, set_variables

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

#: The releases of the night of the incident.
NIGHT = Path(__file__).parent / "that-night"
REPORTS = Path(__file__).parents[2] / "solutions" / "01-lambda-lifecycle" / "reports.py"

ORDERS = "orders"
PAYMENTS = "payments"
BASELINE = "orders-of-that-night"
ORDERS_ROLE = "orders-execution"
#: For functions that need nothing but their log.
PLAIN_ROLE = "plain-execution"
ORDERS_MEMORY_MB = 1024
ORDERS_TIMEOUT_S = 3
PRICES_PARAMETER = "/shop/orders/prices"
PRICES: Mapping[str, Any] = {
    "articles": {"tea": 650, "pot": 3490, "cup": 890, "tray": 2400, "strainer": 475, "biscuits": 380},
    "delivery": 490,
    "free_delivery_from": 5000,
}
ROUND_FUNCTIONS = ("anatomy", "survives", "burst", "failures", "plain", "watched", "sizes")
EXTENSION_LAYER = "clerk"
#: What the lab uses at most, run twice over: the measure of its cost in an account.
PLAN: Mapping[str, float] = {"lambda_requests": 800, "lambda_gb_s": 240}


def make(cloud: Cloud) -> None:
    """Set the shop up as it ran on the night of the incident."""
    if cloud.target == "account":
        # Spending is held back until an estimate was made, by the judge's cloud as well as by the learner's.
        cloud.cost_estimate(PLAN)
    account = f"{cloud.region}:{cloud.account}"
    cloud.client("ssm").put_parameter(Name=PRICES_PARAMETER, Type="String", Value=json.dumps(PRICES))
    execution_role(cloud, PLAIN_ROLE)
    execution_role(
        cloud,
        ORDERS_ROLE,
        [
            {
                "Effect": "Allow",
                "Action": "ssm:GetParameter",
                "Resource": f"arn:aws:ssm:{account}:parameter{PRICES_PARAMETER}",
            },
            {
                "Effect": "Allow",
                "Action": "lambda:InvokeFunction",
                "Resource": f"arn:aws:lambda:{account}:function:{PAYMENTS}",
            },
        ],
        functions=(ORDERS, BASELINE),
    )
    deploy(
        cloud,
        PAYMENTS,
        [NIGHT / "payments.py"],
        role=PLAIN_ROLE,
        handler="payments.handler",
        timeout_s=30,
        variables={"DELAY_SECONDS": "0", "REFUSES": "", "KEY": secrets.token_hex(16)},
    )
    deploy_night(cloud, ORDERS)
    cloud.client("lambda").publish_version(FunctionName=ORDERS, Description="the release of that night")


def deploy_night(cloud: Cloud, name: str) -> None:
    """The orders function as it ran that night, under this name."""
    deploy(
        cloud,
        name,
        [NIGHT / "orders.py", REPORTS],
        role=ORDERS_ROLE,
        handler="orders.handler",
        memory_mb=ORDERS_MEMORY_MB,
        timeout_s=ORDERS_TIMEOUT_S,
    )


def night_code_sha256() -> str:
    """CodeSha256 of that night's package, as Lambda gives it."""
    return base64.b64encode(hashlib.sha256(package([NIGHT / "orders.py", REPORTS])).digest()).decode()


def clear(cloud: Cloud) -> None:
    """Remove what the lab makes, as far as it is there. In an account nothing else may be touched."""
    for name in (ORDERS, PAYMENTS, BASELINE, *ROUND_FUNCTIONS):
        remove(cloud, name)
    functions, iam, ssm = cloud.client("lambda"), cloud.client("iam"), cloud.client("ssm")
    for layer in functions.list_layer_versions(LayerName=EXTENSION_LAYER).get("LayerVersions", []):
        functions.delete_layer_version(LayerName=EXTENSION_LAYER, VersionNumber=layer["Version"])
    for role in (ORDERS_ROLE, PLAIN_ROLE):
        with suppress(iam.exceptions.NoSuchEntityException):
            for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
                iam.delete_role_policy(RoleName=role, PolicyName=policy)
            iam.delete_role(RoleName=role)
    with suppress(ssm.exceptions.ParameterNotFound):
        ssm.delete_parameter(Name=PRICES_PARAMETER)


# -- orders that nobody has seen -------------------------------------------------------------------------------


def prices(cloud: Cloud) -> dict[str, Any]:
    """The price list as it stands in Parameter Store."""
    listed: dict[str, Any] = json.loads(cloud.client("ssm").get_parameter(Name=PRICES_PARAMETER)["Parameter"]["Value"])
    return listed


def put_prices(cloud: Cloud, listed: Mapping[str, Any]) -> None:
    cloud.client("ssm").put_parameter(Name=PRICES_PARAMETER, Type="String", Value=json.dumps(listed), Overwrite=True)


def some_order(draw: random.Random, listed: Mapping[str, Any]) -> dict[str, Any]:
    """An order of one to three articles."""
    skus = draw.sample(sorted(listed["articles"]), draw.randint(1, 3))
    return {
        "order_id": f"order-{draw.randrange(16**8):08x}",
        "items": [{"sku": sku, "quantity": draw.randint(1, 4)} for sku in skus],
    }


def total_cents(order: Mapping[str, Any], listed: Mapping[str, Any]) -> int:
    """What the order costs, delivery included."""
    goods = sum(item["quantity"] * listed["articles"][item["sku"]] for item in order["items"])
    return int(goods + (0 if goods >= listed["free_delivery_from"] else listed["delivery"]))


def payment_id(cloud: Cloud, order: Mapping[str, Any], cents: int) -> str:
    """The id that payments gives to this charge."""
    have = cloud.client("lambda").get_function_configuration(FunctionName=PAYMENTS)
    key = have["Environment"]["Variables"]["KEY"].encode()
    charge = f"{order['order_id']}:{cents}".encode()
    return f"pay-{hmac.new(key, charge, 'sha256').hexdigest()[:12]}"


@contextmanager
def payments_as(cloud: Cloud, *, delay_seconds: float = 0, refuses: str = "") -> Iterator[None]:
    """Payments behaves so within the block, and as before after it. When it is well it is awake, too: a first call
    would have its Init in somebody's patience.
    """
    have = cloud.client("lambda").get_function_configuration(FunctionName=PAYMENTS)["Environment"]["Variables"]
    wanted = {"DELAY_SECONDS": f"{delay_seconds:g}", "REFUSES": refuses}
    before = {name: have.get(name, "") for name in wanted}
    if before != wanted:
        set_variables(cloud, PAYMENTS, **wanted)
    try:
        if not (delay_seconds or refuses):
            invoke(cloud, PAYMENTS, {"order_id": "order-none", "amount_cents": 0})
        yield
    finally:
        if before != wanted:
            set_variables(cloud, PAYMENTS, **before)


def config_reads(cloud: Cloud, function: str) -> set[str]:
    """The ids of the CloudTrail events in which this function read parameters."""
    pages = cloud.client("cloudtrail").get_paginator("lookup_events")
    found = pages.paginate(LookupAttributes=[{"AttributeKey": "EventSource", "AttributeValue": "ssm.amazonaws.com"}])
    return {
        event["EventId"]
        for page in found
        for event in page["Events"]
        if event.get("Username") == function and event["EventName"].startswith("GetParameter")
    }
