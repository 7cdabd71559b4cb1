"""The orders service of the shop: takes an order over HTTP, keeps it, and tells those who wait for it."""

from __future__ import annotations

import json
import os
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import BadRequestError, NotFoundError
from aws_lambda_powertools.utilities.typing import LambdaContext

QUEUE_URL = os.environ["QUEUE_URL"]

logger = Logger(service="orders")
app = APIGatewayHttpResolver()
orders = boto3.resource("dynamodb").Table(os.environ["TABLE"])
queues = boto3.client("sqs")


@app.post("/orders")
def place() -> Response[str]:
    order = {"order_id": f"order-{uuid4().hex}", **checked(body())}
    orders.put_item(Item=order)
    queues.send_message(QueueUrl=QUEUE_URL, MessageBody=json.dumps({"type": "order-placed", **order}))
    logger.info("order placed", order_id=order["order_id"], total_cents=order["total_cents"])
    return answer(HTTPStatus.CREATED, order)


@app.get("/orders/<order_id>")
def find(order_id: str) -> Response[str]:
    found = orders.get_item(Key={"order_id": order_id}).get("Item")
    if found is None:
        raise NotFoundError(f"there is no order {order_id}")
    return answer(HTTPStatus.OK, {**found, "total_cents": int(found["total_cents"])})


def body() -> Any:
    try:
        return app.current_event.json_body
    except ValueError as error:
        raise BadRequestError("the body is no JSON") from error


def checked(order: Any) -> dict[str, Any]:
    """What a customer may say about an order, and nothing else."""
    match order:
        case {"customer": str(customer), "total_cents": int(total_cents)} if customer and total_cents > 0:
            return {"customer": customer, "total_cents": total_cents}
    raise BadRequestError("an order needs a customer and its total_cents, a whole number above 0")


def answer(status: HTTPStatus, content: dict[str, Any]) -> Response[str]:
    """JSON, with the version of the function that made it: so that a deployment can be watched from outside."""
    version = {"x-orders-version": app.lambda_context.function_version}
    return Response(status, content_types.APPLICATION_JSON, json.dumps(content), version)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
