"""Waits half a second, as for a slow table, and says which environment it ran in."""

from __future__ import annotations

import time
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="burst")

WAIT_SECONDS = 0.5


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    time.sleep(WAIT_SECONDS)
    logger.info("answered", order=event.get("order"))
    return {"order": event.get("order"), "environment": context.log_stream_name[-4:]}
