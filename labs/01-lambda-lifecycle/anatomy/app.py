"""Takes the time of its own Init: what each import and the client cost, once for each environment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

STEPS: dict[str, float] = {}


@contextmanager
def step(name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    STEPS[name] = round((time.perf_counter() - began) * 1000, 1)


with step("import boto3"):
    import boto3

with step("make a client"):
    ssm = boto3.client("ssm")

with step("import Powertools"):
    from aws_lambda_powertools import Logger
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="anatomy")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    logger.info("called", steps=STEPS)
    return {"total_cents": sum(item["quantity"] * item["price_cents"] for item in event["items"])}
