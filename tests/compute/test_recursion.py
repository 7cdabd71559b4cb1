"""Functions that make themselves be invoked: stopped after sixteen invocations, unless that is allowed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.awsrequest import AWSRequest

from tests.compute.conftest import Compute

#: Fact recursion-detection.
INVOCATIONS = 16
AGAIN = """
import boto3, json, os
def handler(event, context):
    if event["left"]:
        boto3.client("lambda").invoke(
            FunctionName=context.function_name, InvocationType="Event", Payload=json.dumps({"left": event["left"] - 1})
        )
"""


def test_a_loop_ends_and_its_event_goes_where_failed_ones_go(compute: Compute) -> None:
    url, queue = compute.queue("loop")
    compute.create("loop", AGAIN, DeadLetterConfig={"TargetArn": queue})
    assert compute.functions.get_function_recursion_config(FunctionName="loop")["RecursiveLoop"] == "Terminate"
    compute.invoke("loop", {"left": 50}, InvocationType="Event")
    (message,) = compute.eventually(lambda: compute.receive(url))
    assert json.loads(message["Body"]) == {"left": 50 - INVOCATIONS}
    compute.clock.settle()
    assert compute.metric("Invocations", FunctionName="loop") == INVOCATIONS
    assert compute.metric("RecursiveInvocationsDropped", FunctionName="loop") == 1


def test_a_loop_that_is_allowed_goes_on(compute: Compute) -> None:
    compute.create("allowed", AGAIN)
    answer = compute.functions.put_function_recursion_config(FunctionName="allowed", RecursiveLoop="Allow")
    assert answer["RecursiveLoop"] == "Allow"
    compute.invoke("allowed", {"left": 20}, InvocationType="Event")
    compute.eventually(lambda: compute.metric("Invocations", FunctionName="allowed") == 21)


def test_many_events_of_one_request_are_no_loop(compute: Compute) -> None:
    source = (
        "import boto3\n"
        "def handler(event, context):\n"
        "    for number in range(20):\n"
        "        boto3.client('lambda').invoke(FunctionName='leaf', InvocationType='Event', Payload=b'{}')\n"
    )
    compute.create("leaf")
    compute.create("spread", source, Timeout=30)
    assert "FunctionError" not in compute.invoke("spread")
    compute.eventually(lambda: compute.metric("Invocations", FunctionName="leaf") == 20)


def test_a_synchronous_loop_is_told_to_its_caller(compute: Compute) -> None:
    compute.create("chain", "import os\ndef handler(event, context):\n    return os.environ['_X_AMZN_TRACE_ID']\n")
    header = compute.invoke("chain")["Payload"]

    def refusal(count: int) -> str:
        def bring(request: AWSRequest, **_: Any) -> None:
            request.headers["X-Amzn-Trace-Id"] = f"{header.rpartition(':')[0]}:{count}"

        events = compute.functions.meta.events
        events.register("before-sign.lambda.Invoke", bring)
        try:
            compute.invoke("chain")
        except compute.functions.exceptions.RecursiveInvocationException as error:
            return str(error.response["Error"]["Message"])
        finally:
            events.unregister("before-sign.lambda.Invoke", bring)
        return ""

    assert refusal(INVOCATIONS - 1) == ""
    assert refusal(INVOCATIONS).startswith("Lambda has detected your function being invoked in a recursive loop")


@pytest.mark.parametrize("value", ["Stop", ""])
def test_only_two_settings_are_known(compute: Compute, value: str) -> None:
    code, _ = compute.refusal("put_function_recursion_config", FunctionName="loop", RecursiveLoop=value)
    assert code == "ValidationException"
