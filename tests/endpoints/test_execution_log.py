"""Execution logs of REST APIs: the role that writes them, the levels, and the lines."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.endpoints.apis import WRAPPED, Rest

FAILING = """
def handler(event, context):
    raise ValueError("no")
"""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
PUSH = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"


def set_role(front: Any, arn: str) -> None:
    operation = {"op": "replace", "path": "/cloudwatchRoleArn", "value": arn}
    front.client("apigateway").update_account(patchOperations=[operation])


@pytest.fixture
def role(front: Any) -> Iterator[str]:
    iam, name = front.client("iam"), f"push-{uuid.uuid4().hex[:8]}"
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn=PUSH)
    set_role(front, arn)
    yield name
    operation = {"op": "remove", "path": "/cloudwatchRoleArn"}
    front.client("apigateway").update_account(patchOperations=[operation])


@pytest.fixture(scope="module")
def wrapped(front: Any) -> str:
    return str(front.function("logged", WRAPPED))


@pytest.fixture(scope="module")
def failing(front: Any) -> str:
    return str(front.function("logged-failing", FAILING))


def lines(api: Rest) -> list[str]:
    logs = api.front.client("logs")
    group = f"API-Gateway-Execution-Logs_{api.id}/dev"
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        return []
    return [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]


def test_a_role_must_be_named_that_may_write(front: Any, wrapped: str) -> None:
    api = Rest(front, "unlogged", wrapped)
    api.method("GET", "/x")
    api.deploy()
    bad = api.rest.exceptions.BadRequestException
    with pytest.raises(bad, match="CloudWatch Logs role ARN must be set in account settings to enable logging"):
        api.patch_stage(("replace", "/*/*/logging/loglevel", "INFO"))
    # A role that does not trust API Gateway, and one that trusts it and may do nothing.
    idle = front.client("iam").create_role(RoleName="idle", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    for arn in (front.role, idle, "arn:aws:iam::123456789012:role/none"):
        with pytest.raises(bad, match="does not have required permissions configured"):
            set_role(front, arn)


def test_a_request_is_told_line_by_line(front: Any, wrapped: str, role: str) -> None:
    api = Rest(front, "told", wrapped)
    api.method("GET", "/x/{id}")
    api.deploy()
    api.patch_stage(("replace", "/*/*/logging/loglevel", "INFO"))
    with pytest.raises(api.rest.exceptions.BadRequestException, match="LOUD"):
        api.patch_stage(("replace", "/*/*/logging/loglevel", "LOUD"))
    request_id = api.call("GET", "/x/1").headers["x-amzn-requestid"]
    told = lines(api)
    assert {line[: len(request_id) + 2] for line in told} == {f"({request_id})"}
    bare = [line.partition(") ")[2] for line in told]
    assert bare[0].startswith("Extended Request Id: ")
    assert f"Starting execution for request: {request_id}" in bare
    assert "HTTP Method: GET, Resource Path: /x/{id}" in bare
    assert any(
        line.startswith("Sending request to https://lambda.us-east-1.amazonaws.com/2015-03-31/") for line in bare
    )
    assert any(line.startswith("Received response. Status: 200, Integration latency: ") for line in bare)
    assert bare[-2:] == ["Successfully completed execution", "Method completed with status: 200"]
    assert not any("body" in line for line in bare)


def test_a_data_trace_tells_of_requests_and_answers_and_masks_secrets(front: Any, wrapped: str, role: str) -> None:
    api = Rest(front, "traced-data", wrapped)
    api.method("POST", "/x/{id}")
    api.deploy()
    api.patch_stage(
        ("replace", "/~1x~1{id}/POST/logging/loglevel", "INFO"),
        ("replace", "/~1x~1{id}/POST/logging/dataTrace", "true"),
    )
    api.call("POST", "/x/7?a=1", "hello" * 300, headers={"Authorization": "secret-token-123456"})
    bare = [line.partition(") ")[2] for line in lines(api)]
    assert "Method request path: {id=7}" in bare
    assert "Method request query string: {a=1}" in bare
    headers = next(line for line in bare if line.startswith("Method request headers: "))
    assert "Authorization=*************123456" in headers
    assert f"Method request body before transformations: {('hello' * 300)[:1024]} [TRUNCATED]" in bare
    assert any(line.startswith('Endpoint response body before transformations: {"statusCode": 200') for line in bare)
    assert any(line.startswith("Method response headers: ") for line in bare)


def test_level_error_tells_of_failures_alone(front: Any, wrapped: str, failing: str, role: str) -> None:
    api = Rest(front, "errors", wrapped)
    api.method("GET", "/good")
    api.function = failing
    front.permit(failing)
    api.method("GET", "/bad")
    api.deploy()
    api.patch_stage(("replace", "/*/*/logging/loglevel", "ERROR"))
    assert api.call("GET", "/good").status == 200
    assert lines(api) == []
    answer = api.call("GET", "/bad")
    why = "Execution failed due to configuration error: Malformed Lambda proxy response"
    assert lines(api) == [f"({answer.headers['x-amzn-requestid']}) {why}"]


def test_a_role_that_may_no_longer_write_writes_nothing(front: Any, wrapped: str, role: str) -> None:
    api = Rest(front, "revoked", wrapped)
    api.method("GET", "/x")
    api.deploy()
    api.patch_stage(("replace", "/*/*/logging/loglevel", "INFO"))
    front.client("iam").detach_role_policy(RoleName=role, PolicyArn=PUSH)
    assert api.call("GET", "/x").status == 200
    assert lines(api) == []
