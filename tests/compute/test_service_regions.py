"""Functions of another Region than us-east-1: their queues, destinations, logs and metrics are of that Region, too."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.cloud import Cloud, open_cloud

from .conftest import EXECUTION, TRUST, Compute, package

SOURCE = """
def handler(event, context):
    print(event)
    if event.get("fail"):
        raise ValueError("as asked")
    return event
"""


@pytest.fixture
def cloud(compute: Compute) -> Cloud:
    """The sandbox, seen from Ireland."""
    gateway = compute.sandbox.gateway
    return open_cloud("local", endpoint=gateway.endpoint_url, credentials=gateway.learner, region="eu-west-1")


@pytest.fixture
def function(cloud: Cloud) -> Iterator[str]:
    iam, functions = cloud.client("iam"), cloud.client("lambda")
    role = iam.create_role(RoleName="ireland", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName="ireland", PolicyName="ireland", PolicyDocument=json.dumps(EXECUTION))
    functions.create_function(
        FunctionName="ireland",
        Runtime="python3.11",
        Handler="app.handler",
        Role=role,
        Code={"ZipFile": package(SOURCE)},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="ireland", WaiterConfig={"Delay": 1})
    yield "ireland"
    functions.delete_function(FunctionName="ireland")
    iam.delete_role_policy(RoleName="ireland", PolicyName="ireland")
    iam.delete_role(RoleName="ireland")


def queue(cloud: Cloud, name: str) -> tuple[str, str]:
    """The URL and the ARN of a new queue."""
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def arrived(cloud: Cloud, url: str) -> Any:
    """The next message of a queue as JSON; time goes by until there is one."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        for message in cloud.client("sqs").receive_message(QueueUrl=url).get("Messages", []):
            return json.loads(message["Body"])
        cloud.clock.advance(1)
    raise AssertionError(f"nothing came to {url}")


def test_events_reach_their_destinations_and_dead_letter_queues(cloud: Cloud, function: str) -> None:
    functions = cloud.client("lambda")
    (well, well_arn), (failed, failed_arn), (dead, dead_arn) = (queue(cloud, name) for name in ("ok", "bad", "dead"))
    functions.put_function_event_invoke_config(
        FunctionName=function,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnSuccess": {"Destination": well_arn}, "OnFailure": {"Destination": failed_arn}},
    )
    functions.update_function_configuration(FunctionName=function, DeadLetterConfig={"TargetArn": dead_arn})
    functions.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 1})
    functions.invoke(FunctionName=function, InvocationType="Event", Payload=b'{"n": 1}')
    functions.invoke(FunctionName=function, InvocationType="Event", Payload=b'{"fail": true}')
    assert arrived(cloud, well)["responsePayload"] == {"n": 1}
    assert arrived(cloud, failed)["requestPayload"] == {"fail": True}
    assert arrived(cloud, dead) == {"fail": True}


def test_a_queue_feeds_a_function_whose_log_is_in_its_region(cloud: Cloud, function: str) -> None:
    functions, sqs = cloud.client("lambda"), cloud.client("sqs")
    url, arn = queue(cloud, "feeding")
    mapping = functions.create_event_source_mapping(EventSourceArn=arn, FunctionName=function)
    sqs.send_message(QueueUrl=url, MessageBody="from a queue")
    logs, end = cloud.client("logs"), time.monotonic() + 20
    seen: list[str] = []
    while not seen and time.monotonic() < end:
        cloud.clock.advance(1)
        groups = logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/ireland")["logGroups"]
        if groups:
            found = logs.filter_log_events(logGroupName="/aws/lambda/ireland", filterPattern='"from a queue"')["events"]
            seen = [event["message"] for event in found]
    assert arn in seen[0]
    assert groups[0]["arn"].startswith("arn:aws:logs:eu-west-1:")
    functions.delete_event_source_mapping(UUID=mapping["UUID"])
