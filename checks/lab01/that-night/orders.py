"""The orders function of the shop: prices an order and has it paid. Slow since the last release."""

from __future__ import annotations

import json
from typing import Any

import boto3
import reports
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

PRICES_PARAMETER = "/shop/orders/prices"

logger = Logger(service="orders")


class InvalidOrder(ValueError):
    """An order that can't be priced; the message says why."""


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    if "report" in event:
        return reports.tax_report(event["report"], event["totals_cents"])
    try:
        order_id, total_cents = price(event, current_prices())
    except InvalidOrder as reason:
        return {"status": "refused", "reason": str(reason)}
    payment_id = pay(order_id, total_cents)
    return {"status": "paid", "order_id": order_id, "total_cents": total_cents, "payment_id": payment_id}


def current_prices() -> dict[str, Any]:
    """The price list, from Parameter Store."""
    ssm = boto3.session.Session().client("ssm")
    prices: dict[str, Any] = json.loads(ssm.get_parameter(Name=PRICES_PARAMETER)["Parameter"]["Value"])
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
    """Have the order paid; the payment's id."""
    logger.info("asking payments", order_id=order_id)
    payments = boto3.session.Session().client("lambda")
    charge = {"order_id": order_id, "amount_cents": amount_cents}
    answer = payments.invoke(FunctionName="payments", Payload=json.dumps(charge).encode())
    receipt = json.load(answer["Payload"])
    logger.info("payments answered", order_id=order_id, payment_id=receipt["payment_id"])
    return str(receipt["payment_id"])
