"""The orders function of the shop: takes a tenant's orders, announces them, keeps a receipt, and finds them again."""

from __future__ import annotations

import hmac
import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.typing import LambdaContext

TENANT = os.environ["TENANT"]
TABLE = os.environ["TABLE"]
TOPIC_ARN = os.environ["TOPIC_ARN"]
RECEIPTS = os.environ["RECEIPTS"]
PAYMENT_KEY = os.environ["PAYMENT_KEY"]
#: A new payment key is taken up within five minutes.
KEY_SECONDS = 300

logger = Logger(service="orders")
orders = boto3.resource("dynamodb").Table(TABLE)
topics = boto3.client("sns")
receipts = boto3.client("s3")
vault = parameters.SecretsProvider()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    match event:
        case {"place": str(order_id), "total_cents": int(total_cents)}:
            return place(order_id, total_cents)
        case {"read": str(order_id)}:
            found = orders.get_item(Key={"tenant": TENANT, "order_id": order_id}).get("Item")
            return plain(found) if found else {"status": "unknown", "order_id": order_id}
        case {"list": True}:
            of_tenant = orders.query(
                KeyConditionExpression="tenant = :tenant", ExpressionAttributeValues={":tenant": TENANT}
            )
            return {"orders": [plain(one) for one in of_tenant["Items"]]}
    return {"status": "refused", "reason": "an order needs place and total_cents, read, or list"}


def place(order_id: str, total_cents: int) -> dict[str, Any]:
    """Store the order, keep its receipt, and tell those who wait for it."""
    logger.append_keys(order_id=order_id)
    order = {"tenant": TENANT, "order_id": order_id, "total_cents": total_cents, "status": "paid"}
    signature = hmac.new(payment_key(), f"{order_id}:{total_cents}".encode(), "sha256").hexdigest()
    orders.put_item(Item={**order, "signature": signature})
    receipts.put_object(
        Bucket=RECEIPTS,
        Key=f"{TENANT}/{order_id}.json",
        Body=json.dumps(order).encode(),
        ServerSideEncryption="AES256",
    )
    topics.publish(TopicArn=TOPIC_ARN, Message=json.dumps(order))
    logger.info("order placed")
    return {"status": "paid", "order_id": order_id, "total_cents": total_cents, "signature": signature}


def payment_key() -> bytes:
    """The key that payments are signed with: read once in five minutes, never kept in a variable of the function."""
    secret: dict[str, str] = vault.get(PAYMENT_KEY, max_age=KEY_SECONDS, transform="json")
    return secret["key"].encode()


def plain(item: dict[str, Any]) -> dict[str, Any]:
    """An item as the caller gets it: numbers are whole ones."""
    return {name: value if isinstance(value, str) else int(value) for name, value in item.items()}
