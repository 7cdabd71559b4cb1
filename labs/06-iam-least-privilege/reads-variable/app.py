"""Has the payment key in an environment variable, put there when it was deployed. Not an example to follow."""

from __future__ import annotations

import hashlib
import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="reads-variable")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    secret = os.environ["PAYMENT_KEY"]
    # What tells two keys apart, and gives neither away.
    fingerprint = hashlib.sha256(secret.encode()).hexdigest()[:6]
    logger.info("key at hand", fingerprint=fingerprint)
    return {"fingerprint": fingerprint}
