"""Events as services send them to a function, and what a function answers about a batch.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html and
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any


def sqs_record(message: Mapping[str, Any], queue_arn: str) -> dict[str, Any]:
    """One received message as a record of the event."""
    record: dict[str, Any] = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message.get("Body", ""),
        "attributes": dict(message.get("Attributes") or {}),
        "messageAttributes": {
            name: _attribute(attribute) for name, attribute in (message.get("MessageAttributes") or {}).items()
        },
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }
    if message.get("MD5OfMessageAttributes"):
        record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return record


def _attribute(attribute: Mapping[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if "StringValue" in attribute:
        content["stringValue"] = attribute["StringValue"]
    if "BinaryValue" in attribute:
        content["binaryValue"] = base64.b64encode(attribute["BinaryValue"]).decode()
    return {**content, "stringListValues": [], "binaryListValues": [], "dataType": attribute["DataType"]}


def failed_items(response: bytes, identifiers: Sequence[str]) -> frozenset[str]:
    """Which records of a batch a function with ReportBatchItemFailures calls failed.

    An empty answer, or an empty or null list, means that all went well. A text that is no such answer, an identifier
    that is empty, null or unknown, or a wrong key means that the whole batch failed.
    """
    everything = frozenset(identifiers)
    try:
        answer = json.loads(response) if response else None
    except ValueError:
        return everything
    if answer is None or answer == "" or answer == {}:
        return frozenset()
    if not isinstance(answer, dict):
        return everything
    failures = answer.get("batchItemFailures")
    if failures is None:
        return frozenset()
    if not isinstance(failures, list):
        return everything
    failed = set()
    for failure in failures:
        identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else None
        if not isinstance(identifier, str) or identifier not in everything:
            return everything
        failed.add(identifier)
    return frozenset(failed)
