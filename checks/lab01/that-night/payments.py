"""The payments function of the shop, which another team runs. How well it does is in its variables."""

from __future__ import annotations

import hmac
import os
import time
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

#: What the team's last release made of it.
DELAY_SECONDS = float(os.environ.get("DELAY_SECONDS", "0"))
REFUSES = os.environ.get("REFUSES", "")
KEY = os.environ["KEY"]

logger = Logger(service="payments")


class LedgerError(Exception):
    """The ledger is not to be had."""


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    logger.info("charging", order_id=event["order_id"], amount_cents=event["amount_cents"])
    time.sleep(DELAY_SECONDS)
    if REFUSES:
        raise LedgerError(REFUSES)
    charge = f"{event['order_id']}:{event['amount_cents']}"
    return {"payment_id": f"pay-{hmac.new(KEY.encode(), charge.encode(), 'sha256').hexdigest()[:12]}"}
