"""The orders function: takes an order, keeps it in its table, tells its queue, and finds it again."""

from __future__ import annotations

import json
import logging
import os
import uuid
from typing import Any

import boto3

logger = logging.getLogger(__name__)
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))
orders = boto3.resource("dynamodb").Table(os.environ["TABLE"])
queue = boto3.resource("sqs").Queue(os.environ["QUEUE_URL"])


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    match event["routeKey"]:
        case "POST /orders":
            return place(json.loads(event["body"]))
        case "GET /orders/{id}":
            return find(event["pathParameters"]["id"])
    return answer(404, {"message": "no such route"})


def place(wanted: dict[str, Any]) -> dict[str, Any]:
    """Keep the order, then tell the queue: what was told of must be there."""
    order = {"id": str(uuid.uuid4()), "customer": str(wanted["customer"]), "total_cents": int(wanted["total_cents"])}
    orders.put_item(Item=order)
    queue.send_message(MessageBody=json.dumps({"placed": order["id"]}))
    logger.info("order placed", extra={"order": order["id"]})
    return answer(201, order)


def find(order_id: str) -> dict[str, Any]:
    found = orders.get_item(Key={"id": order_id}).get("Item")
    return answer(200, {**found, "total_cents": int(found["total_cents"])}) if found else answer(404, {"id": order_id})


def answer(status: int, body: dict[str, Any]) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}
