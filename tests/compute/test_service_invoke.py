"""Synchronous invocation through the API."""

from __future__ import annotations

import base64
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

MB = 1024 * 1024


def test_an_event_goes_in_and_an_answer_comes_out(compute: Any) -> None:
    compute.create("echo")
    answer = compute.invoke("echo", {"a": [1, "ä"]}, LogType="Tail")
    assert answer["StatusCode"] == 200
    assert answer["Payload"] == {"a": [1, "ä"]}
    assert "FunctionError" not in answer
    tail = base64.b64decode(answer["LogResult"]).decode()
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert f"START RequestId: {request_id} Version: $LATEST" in tail
    assert f"REPORT RequestId: {request_id}\tDuration: " in tail
    assert compute.invoke("echo").get("LogResult") is None


def test_no_payload_is_an_empty_object(compute: Any) -> None:
    compute.create("nothing")
    assert json.loads(compute.functions.invoke(FunctionName="nothing")["Payload"].read()) == {}


def test_a_failing_function_answers_200_and_unhandled(compute: Any) -> None:
    compute.create("fails", "def handler(event, context):\n    raise KeyError('order')\n")
    answer = compute.invoke("fails")
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert (answer["Payload"]["errorType"], answer["Payload"]["errorMessage"]) == ("KeyError", "'order'")
    assert compute.metric("Errors", FunctionName="fails") == 1


def test_a_dry_run_does_not_run(compute: Any) -> None:
    compute.create("rehearsed", "def handler(event, context):\n    print('ran')\n")
    answer = compute.functions.invoke(FunctionName="rehearsed", InvocationType="DryRun")
    assert answer["StatusCode"] == 204
    assert compute.lines("rehearsed", "ran") == []
    assert compute.refusal("invoke", FunctionName="none", InvocationType="DryRun")[0] == "ResourceNotFoundException"


def test_an_idle_environment_is_used_again_and_reclaimed_after_a_while(compute: Any) -> None:
    compute.create(
        "warm", "count = 0\ndef handler(event, context):\n    global count\n    count += 1\n    return count\n"
    )
    assert [compute.invoke("warm")["Payload"] for _ in range(3)] == [1, 2, 3]
    compute.clock.advance(599)
    assert compute.invoke("warm")["Payload"] == 4
    compute.clock.advance(601)
    assert compute.invoke("warm")["Payload"] == 1
    today = f"{compute.clock.datetime():%Y/%m/%d}"
    assert all(re.fullmatch(rf"{today}/\[\$LATEST\][0-9a-f]{{32}}", stream) for stream in compute.streams("warm"))
    assert len(compute.streams("warm")) == 2


def test_one_environment_a_concurrent_call(compute: Any) -> None:
    compute.create(
        "parallel", "import time, os\ndef handler(event, context):\n    time.sleep(0.5)\n    return os.getpid()\n"
    )
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: compute.invoke("parallel"), range(4)))
    assert len(compute.streams("parallel")) == 4
    assert compute.metric("ConcurrentExecutions", "Maximum", FunctionName="parallel") == 4


def test_a_handler_has_its_roles_credentials_and_the_client_context(compute: Any) -> None:
    source = (
        "import boto3\n"
        "def handler(event, context):\n"
        "    caller = boto3.client('sts').get_caller_identity()['Arn']\n"
        "    return [caller, context.client_context.custom['k']]\n"
    )
    compute.create("identified", source, Timeout=30)
    context = base64.b64encode(json.dumps({"custom": {"k": "v"}}).encode()).decode()
    assert compute.invoke("identified", ClientContext=context)["Payload"] == [
        "arn:aws:sts::123456789012:assumed-role/compute/identified",
        "v",
    ]


@pytest.mark.parametrize(("kind", "limit"), [("RequestResponse", 6 * MB), ("Event", MB)])
def test_a_payload_has_its_limit(compute: Any, kind: str, limit: int) -> None:
    if not any(f["FunctionName"] == "limited" for f in compute.functions.list_functions()["Functions"]):
        compute.create("limited", "def handler(event, context):\n    return len(event)\n")
    largest = b'"' + b"x" * (limit - 2) + b'"'
    assert compute.functions.invoke(FunctionName="limited", InvocationType=kind, Payload=largest)["StatusCode"] < 300
    with pytest.raises(compute.functions.exceptions.RequestTooLargeException) as caught:
        compute.functions.invoke(FunctionName="limited", InvocationType=kind, Payload=largest + b" ")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert caught.value.response["Error"]["Message"] == (
        f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
    )


@pytest.mark.parametrize(
    ("params", "code", "message"),
    [
        ({"Payload": b"{not json"}, "InvalidRequestContentException", "Could not parse request body into json"),
        ({"InvocationType": "Later"}, "ValidationException", "at 'invocationType'"),
        ({"ClientContext": "%%%"}, "InvalidRequestContentException", "Base64"),
        ({"TenantId": "t"}, "InvalidParameterValueException", "does not support TenantId"),
    ],
)
def test_a_request_that_cannot_be_run(compute: Any, params: dict[str, Any], code: str, message: str) -> None:
    if not any(f["FunctionName"] == "asked" for f in compute.functions.list_functions()["Functions"]):
        compute.create("asked")
    refused = compute.refusal("invoke", FunctionName="asked", **params)
    assert refused[0] == code
    assert message in refused[1]
