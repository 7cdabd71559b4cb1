"""Records of a queue, and what a function says about them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.compute.event_payloads import failed_items, sqs_record

ALL = frozenset({"a", "b"})


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (None, frozenset()),
        ({}, frozenset()),
        ({"batchItemFailures": []}, frozenset()),
        ({"batchItemFailures": None}, frozenset()),
        ({"other": 1}, frozenset()),
        ({"batchItemFailures": [{"itemIdentifier": "b"}]}, frozenset({"b"})),
        ({"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "b"}]}, ALL),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, ALL),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, ALL),
        ({"batchItemFailures": [{"itemIdentifier": "unknown"}]}, ALL),
        ({"batchItemFailures": [{"identifier": "a"}]}, ALL),
        ({"batchItemFailures": "a"}, ALL),
        (["a"], ALL),
        ("nonsense", ALL),
    ],
)
def test_which_records_failed(answer: Any, failed: frozenset[str]) -> None:
    assert failed_items(json.dumps(answer).encode(), ["a", "b"]) == failed


def test_an_answer_that_is_no_json_fails_the_batch() -> None:
    assert failed_items(b"{", ["a", "b"]) == ALL
    assert failed_items(b"", ["a", "b"]) == frozenset()


def test_a_message_as_a_record() -> None:
    message = {
        "MessageId": "m",
        "ReceiptHandle": "r",
        "Body": "text",
        "MD5OfBody": "5",
        "MD5OfMessageAttributes": "6",
        "Attributes": {"ApproximateReceiveCount": "1"},
        "MessageAttributes": {
            "kind": {"StringValue": "order", "DataType": "String"},
            "raw": {"BinaryValue": b"\x00\x01", "DataType": "Binary"},
        },
    }
    assert sqs_record(message, "arn:aws:sqs:eu-west-1:123456789012:orders") == {
        "messageId": "m",
        "receiptHandle": "r",
        "body": "text",
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {
            "kind": {"stringValue": "order", "stringListValues": [], "binaryListValues": [], "dataType": "String"},
            "raw": {"binaryValue": "AAE=", "stringListValues": [], "binaryListValues": [], "dataType": "Binary"},
        },
        "md5OfBody": "5",
        "md5OfMessageAttributes": "6",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:orders",
        "awsRegion": "eu-west-1",
    }
