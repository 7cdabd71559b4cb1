"""Adds up a receipt as soon as it is in the bucket, and keeps the sum in a table."""

from __future__ import annotations

import json
import logging
import os
from typing import Any
from urllib.parse import unquote_plus

import boto3

logger = logging.getLogger(__name__)
logger.setLevel("INFO")
receipts = boto3.client("s3")
sums = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    for record in event["Records"]:
        bucket, key = record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
        receipt = json.loads(receipts.get_object(Bucket=bucket, Key=key)["Body"].read())
        total_cents = sum(int(line["cents"]) for line in receipt["lines"])
        sums.put_item(Item={"receipt": key, "total_cents": total_cents})
        logger.info("added up", extra={"receipt": key})
    return {"added_up": len(event["Records"])}
