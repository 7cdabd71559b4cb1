"""Checkout: takes an order and says what it costs. The release of Monday: delivery is free from 50.00 on."""

from __future__ import annotations

import json
import os
from typing import Any

VERSION = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
DELIVERY_CENTS = 490
FREE_FROM_CENTS = 5000


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    log("order received", event, context)
    goods = event["goods_cents"]
    total = goods if goods >= FREE_FROM_CENTS else goods + DELIVERY_CENTS
    log("order placed", event, context)
    return {"order": event["order"], "total_cents": total, "version": VERSION}


def log(message: str, event: dict[str, Any], context: Any) -> None:
    """One line of JSON: it can be counted by any of its fields."""
    told = {"message": message, "order": event["order"], "customer": event["customer"]}
    print(json.dumps({**told, "version": VERSION, "request": context.aws_request_id}))
