"""Seals a basket: some work for the processor, then a short wait as for a table. The usual mix of a function."""

from __future__ import annotations

import hashlib
import time
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="sizes")

ROUNDS = 240_000
WAIT_SECONDS = 0.06


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    seal = hashlib.pbkdf2_hmac("sha256", str(event.get("basket")).encode(), b"shop", ROUNDS)
    time.sleep(WAIT_SECONDS)
    return {"seal": seal.hex()}
