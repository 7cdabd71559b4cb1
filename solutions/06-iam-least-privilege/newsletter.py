"""The newsletter function of the shop: tells those customers the news who asked for them."""

from __future__ import annotations

import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="newsletter")
customers = boto3.resource("dynamodb").Table(os.environ["TABLE"])
topics = boto3.client("sns")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """`{"news": "..."}` goes to every customer of the list who wants it."""
    wanted = [one for one in customers.scan()["Items"] if one["news"]]
    for one in wanted:
        topics.publish(TopicArn=os.environ["TOPIC_ARN"], Subject=f"News for {one['name']}", Message=str(event["news"]))
    logger.info("news sent", receivers=len(wanted))
    return {"sent": len(wanted)}
