"""Fails on demand, in the four ways in which a function can, and says what it remembers."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="failures")

CALLS_FILE = Path(tempfile.gettempdir()) / "calls"
MEGABYTE = 1024 * 1024

calls = 0


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    global calls
    calls += 1
    with CALLS_FILE.open("a") as file:
        file.write(f"{context.aws_request_id}\n")
    lines = len(CALLS_FILE.read_text().splitlines())
    do = event.get("do", "answer")
    logger.info("begins", do=do, calls=calls, lines=lines)
    if do == "raise":
        raise ValueError("no such article")
    if do == "time out":
        time.sleep(context.get_remaining_time_in_millis() / 1000 + 10)
    if do == "fill memory":
        fill_memory(2 * int(context.memory_limit_in_mb))
    if do == "exit":
        sys.exit(3)
    return {"calls": calls, "lines": lines}


def fill_memory(megabytes: int) -> None:
    held = []
    for _ in range(megabytes // 8):
        # Written to, so that the system really hands the pages out.
        held.append(bytearray(b"x") * (8 * MEGABYTE))
        time.sleep(0.002)
