"""The orders service as its callers see it: an HTTP request in, an answer out."""

from __future__ import annotations

import json
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

CONTEXT = SimpleNamespace(
    function_name="orders",
    function_version="7",
    memory_limit_in_mb=256,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:orders:live",
    aws_request_id="8f0c2d41-0000-4000-8000-000000000000",
)


def call(service: ModuleType, method: str, path: str, body: str | None = None) -> dict[str, Any]:
    event = {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "headers": {},
        "requestContext": {"http": {"method": method, "path": path}, "stage": "$default"},
        "body": body,
        "isBase64Encoded": False,
    }
    return service.handler(event, CONTEXT)


def test_an_order_is_kept_and_announced_and_found_again(service: ModuleType) -> None:
    placed = call(service, "POST", "/orders", json.dumps({"customer": "ada", "total_cents": 1250}))
    assert placed["statusCode"] == 201
    order = json.loads(placed["body"])
    assert order["total_cents"] == 1250
    assert [json.loads(body) for body in service.queues.bodies] == [{"type": "order-placed", **order}]

    found = call(service, "GET", f"/orders/{order['order_id']}")
    assert found["statusCode"] == 200
    assert json.loads(found["body"]) == order


def test_an_answer_says_which_version_made_it(service: ModuleType) -> None:
    placed = call(service, "POST", "/orders", json.dumps({"customer": "ada", "total_cents": 1}))
    assert "7" in str(placed["headers"]["x-orders-version"])


def test_an_unknown_order_is_not_found(service: ModuleType) -> None:
    assert call(service, "GET", "/orders/order-0")["statusCode"] == 404


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", '{"customer": "ada"}', '{"customer": "", "total_cents": 5}', '{"customer": "a", "total_cents": 0}'],
)
def test_what_is_no_order_is_refused_and_nothing_is_kept(service: ModuleType, body: str) -> None:
    assert call(service, "POST", "/orders", body)["statusCode"] == 400
    assert service.orders.items == {}
    assert service.queues.bodies == []
