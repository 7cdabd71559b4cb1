"""Would like to say good-bye: prints a line when it is asked to end."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="shutdown")


def say_goodbye(signum: int, frame: FrameType | None) -> None:
    print('{"from": "function", "said": "SIGTERM has come"}', flush=True)
    sys.exit(0)


signal.signal(signal.SIGTERM, say_goodbye)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    logger.info("answered")
    return {"environment": context.log_stream_name[-4:]}
