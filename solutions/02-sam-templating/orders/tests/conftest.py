"""The service with a table and a queue of the tests' own: nothing here talks to AWS."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

os.environ |= {
    "AWS_DEFAULT_REGION": "us-east-1",
    "POWERTOOLS_SERVICE_NAME": "orders",
    "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/orders",
    "TABLE": "orders",
}
sys.path.insert(0, str(Path(__file__).parents[1] / "src"))


class Table:
    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}

    def put_item(self, *, Item: dict[str, Any]) -> None:
        self.items[Item["order_id"]] = Item

    def get_item(self, *, Key: dict[str, str]) -> dict[str, Any]:
        found = self.items.get(Key["order_id"])
        return {} if found is None else {"Item": found}


class Queue:
    def __init__(self) -> None:
        self.bodies: list[str] = []

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> None:
        self.bodies.append(MessageBody)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    import app

    monkeypatch.setattr(app, "orders", Table())
    monkeypatch.setattr(app, "queues", Queue())
    return app
