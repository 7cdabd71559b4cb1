"""Keeps something in a global, in /tmp and in a thread, and says at each call what is left of it."""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="survives")

#: /tmp in Lambda.
CALLS_FILE = Path(tempfile.gettempdir()) / "calls"
TICK_SECONDS = 0.1
WORK_SECONDS = 0.35

calls = 0
ticks = 0


def tick() -> None:
    global ticks
    while True:
        time.sleep(TICK_SECONDS)
        ticks += 1


threading.Thread(target=tick, name="heartbeat", daemon=True).start()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    global calls
    calls += 1
    with CALLS_FILE.open("a") as file:
        file.write(f"{context.aws_request_id}\n")
    lines = len(CALLS_FILE.read_text().splitlines())
    logger.info("begins", calls=calls, lines=lines, ticks_before=ticks)
    if event.get("crash"):
        sys.exit(1)
    time.sleep(WORK_SECONDS)
    logger.info("ends", ticks_after=ticks)
    return {"calls": calls, "lines": lines, "ticks": ticks, "environment": context.log_stream_name[-4:]}
