"""Reads the shop's customers, with whatever role it was given."""

from __future__ import annotations

from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="escalated")
tables = boto3.client("dynamodb")
sts = boto3.client("sts")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    arn = sts.get_caller_identity()["Arn"]
    found = tables.scan(TableName="customers", Select="COUNT")
    logger.info("customers read", arn=arn, customers=found["Count"])
    return {"arn": arn, "customers": found["Count"]}
