"""Says who it is to AWS: the session that its clients sign with."""

from __future__ import annotations

from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="whoami")
sts = boto3.client("sts")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    identity = sts.get_caller_identity()
    logger.info("asked", arn=identity["Arn"], user_id=identity["UserId"])
    return {"arn": identity["Arn"], "user_id": identity["UserId"]}
