"""Finds orders for the shop's support: one by its number, or all of a customer."""

from __future__ import annotations

import os
from typing import Any

import boto3

#: The index that has orders by customer; empty if the table's own key has them.
INDEX = os.environ.get("INDEX", "")

orders = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    match event:
        case {"order_id": str(order_id)}:
            found = orders.get_item(Key={"order_id": order_id}).get("Item")
            return {"orders": [plain(found)] if found else []}
        case {"customer": str(customer)}:
            return {"orders": of_customer(customer)}
    return {"refused": "give an order_id or a customer"}


def of_customer(customer: str) -> list[dict[str, Any]]:
    where = {"IndexName": INDEX} if INDEX else {}
    pages: list[dict[str, Any]] = []
    start: dict[str, Any] = {}
    while True:
        page = orders.query(
            KeyConditionExpression="customer = :customer",
            ExpressionAttributeValues={":customer": customer},
            **where,
            **start,
        )
        pages += [plain(item) for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            return pages
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def plain(item: dict[str, Any]) -> dict[str, Any]:
    """An item as the caller gets it: numbers are whole ones."""
    return {name: value if isinstance(value, str) else int(value) for name, value in item.items()}
