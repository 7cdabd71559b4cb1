"""Greets whoever the event names. Only the name is missing yet."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="hello")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    logger.info("greeting", guest=event["name"])
    # The dots stand for the name in the event.
    return {"message": "Hello, ..."}
