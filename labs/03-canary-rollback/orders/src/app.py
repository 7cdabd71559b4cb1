"""Checkout: takes an order, says what it costs, and charges the card."""

from __future__ import annotations

import json
import os
from typing import Any

from bank import Bank

VERSION = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
#: What a delivery costs, by district.
DELIVERY_CENTS = {"east": 490, "south": 490, "west": 690}

bank = Bank()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    log("order received", event, context)
    total = event["goods_cents"] + DELIVERY_CENTS[event["district"]]
    payment = bank.charge(event["customer"], total)
    log("order placed", event, context)
    return {"order": event["order"], "total_cents": total, "payment": payment, "version": VERSION}


def log(message: str, event: dict[str, Any], context: Any) -> None:
    """One line of JSON: it can be counted by any of its fields."""
    told = {"message": message, "order": event["order"], "customer": event["customer"]}
    print(json.dumps({**told, "version": VERSION, "request": context.aws_request_id}))
