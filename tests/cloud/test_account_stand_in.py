"""The account target end to end, against a second sandbox with /_sandbox closed that stands in for AWS."""

from __future__ import annotations

import http.client
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sandbox.cloud import Cloud, Mix, Refused, open_cloud
from sandbox.nursery import Nursery, SandboxHandle

ACCOUNT = "123456789012"
SPEEDUP = 60
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture(scope="module")
def stand_in() -> Iterator[SandboxHandle]:
    nursery = Nursery()
    nursery.start()
    yield nursery.fork(seed=1, control=False, speedup=SPEEDUP)
    nursery.close()


@pytest.fixture
def cloud(stand_in: SandboxHandle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cloud:
    for name, value in {
        "COLDSTART_TARGET": "account",
        "COLDSTART_ACCOUNT_PROFILE": "stand-in",
        "COLDSTART_ACCOUNT_IDS": ACCOUNT,
        "COLDSTART_ACCOUNT_ENDPOINT": stand_in.endpoint,
        "COLDSTART_ACCOUNT_SPEEDUP": str(SPEEDUP),
        "COLDSTART_ACCOUNT_NAMES": stand_in.names,
        "COLDSTART_ACCOUNT_CONFIRM": "yes",
        "COLDSTART_JOURNAL": str(tmp_path),
        "COLDSTART_LAB": "01",
        **stand_in.learner,
    }.items():
        monkeypatch.setenv(name, value)
    return open_cloud(credentials=stand_in.learner)


def zipped(source: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", source)
    return buffer.getvalue()


def test_the_control_calls_are_closed(stand_in: SandboxHandle) -> None:
    parts = urlsplit(stand_in.endpoint)
    for method, path in (
        ("GET", "/_sandbox/clock"),
        ("POST", "/_sandbox/clock/advance"),
        ("GET", "/_sandbox/resolve?name=a"),
    ):
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
        connection.request(method, path, body='{"seconds": 1}' if method == "POST" else None)
        assert connection.getresponse().status >= 400
        connection.close()


def test_a_function_is_made_tagged_called_and_removed_and_nothing_is_left(
    cloud: Cloud, stand_in: SandboxHandle
) -> None:
    iam, function, logs = cloud.client("iam"), cloud.client("lambda"), cloud.client("logs")
    with pytest.raises(Refused, match="held back"):
        iam.create_role(RoleName="orders", AssumeRolePolicyDocument=json.dumps(TRUST))
    cloud.cost_estimate({"lambda_requests": 10, "lambda_gb_s": 1})
    role = iam.create_role(RoleName="orders", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    iam.attach_role_policy(
        RoleName="orders", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    )
    arn = function.create_function(
        FunctionName="orders",
        Runtime="python3.11",
        Role=role["Arn"],
        Handler="app.handler",
        Code={"ZipFile": zipped("def handler(event, context):\n    print('hi')\n    return event\n")},
    )["FunctionArn"]
    function.get_waiter("function_active_v2").wait(FunctionName="orders", WaiterConfig={"Delay": 1})
    assert function.list_tags(Resource=arn)["Tags"] == cloud.tags
    assert {tag["Key"]: tag["Value"] for tag in iam.list_role_tags(RoleName="orders")["Tags"]} == cloud.tags

    responses = cloud.traffic.steady("orders", rate=0.5, seconds=12, payloads={"n": 1})
    assert [response.result for response in responses] == [{"n": 1}] * 6
    offsets = [(response.at - responses[0].at).total_seconds() for response in responses]
    assert all(offset >= 2 * index - 0.1 for index, offset in enumerate(offsets))
    run = cloud.traffic.play(Mix("web", "orders", rate=0.5), 12)
    assert [(one.ok, one.version, one.customer[-1]) for one in run.records] == [
        (True, "$LATEST", str(number)) for number in range(1, 7)
    ]
    assert all((one.at.timestamp() - run.started.timestamp()) >= one.offset - 0.1 for one in run.records)

    assert {one.name for one in cloud.leftovers()} >= {arn, role["Arn"]}
    function.delete_function(FunctionName="orders")
    iam.detach_role_policy(
        RoleName="orders", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    )
    iam.delete_role(RoleName="orders")
    (left,) = cloud.leftovers()
    assert (left.service, left.found_by) == ("logs", "function")
    logs.delete_log_group(logGroupName="/aws/lambda/orders")
    assert cloud.leftovers() == []


def test_an_api_of_the_stand_in_is_called_from_any_process(cloud: Cloud) -> None:
    cloud.cost_estimate({"http_api_requests": 2}, confirm=True)
    gateway = cloud.client("apigateway")
    api = gateway.create_rest_api(name="orders")
    where = {"restApiId": api["id"], "resourceId": api["rootResourceId"], "httpMethod": "GET"}
    gateway.put_method(**where, authorizationType="NONE")
    gateway.put_integration(**where, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
    gateway.put_method_response(**where, statusCode="200")
    gateway.put_integration_response(**where, statusCode="200", responseTemplates={"application/json": '"hello"'})
    gateway.create_deployment(restApiId=api["id"], stageName="prod")
    name = f"https://{api['id']}.execute-api.us-east-1.amazonaws.com/prod"
    script = (
        "import sys, urllib.request; from sandbox.cloud import open_cloud\n"
        "print(urllib.request.urlopen(open_cloud().url(sys.argv[1]), timeout=10).read().decode())"
    )
    done = subprocess.run([sys.executable, "-c", script, name], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == '"hello"\n'
    # What the stand-in does not know stays what it is, as in an account.
    assert cloud.url("https://example.com/x") == "https://example.com/x"
    gateway.delete_rest_api(restApiId=api["id"])
    assert cloud.url(name) == name


def test_who_resolves_names_does_nothing_else(stand_in: SandboxHandle) -> None:
    parts = urlsplit(stand_in.names)
    for method, path in (("GET", "/_sandbox/clock"), ("POST", "/_sandbox/clock/advance"), ("POST", "/")):
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
        connection.request(method, path, body='{"seconds": 1}' if method == "POST" else None)
        assert connection.getresponse().status == 404
        connection.close()


def test_queues_buckets_tables_and_log_groups_carry_the_tags(cloud: Cloud) -> None:
    cloud.cost_estimate({"logs_gb": 0})
    sqs, s3, dynamodb, logs = (cloud.client(name) for name in ("sqs", "s3", "dynamodb", "logs"))
    queue = sqs.create_queue(QueueName="orders")["QueueUrl"]
    assert sqs.list_queue_tags(QueueUrl=queue)["Tags"] == cloud.tags
    s3.create_bucket(Bucket="orders-of-a-run")
    assert {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket="orders-of-a-run")["TagSet"]} == cloud.tags
    table = dynamodb.create_table(
        TableName="orders",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )["TableDescription"]["TableArn"]
    tags: list[Any] = dynamodb.list_tags_of_resource(ResourceArn=table)["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == cloud.tags
    logs.create_log_group(logGroupName="/orders")
    assert logs.list_tags_log_group(logGroupName="/orders")["tags"] == cloud.tags
    assert len(cloud.leftovers()) >= 4

    sqs.delete_queue(QueueUrl=queue)
    s3.delete_bucket(Bucket="orders-of-a-run")
    dynamodb.delete_table(TableName="orders")
    logs.delete_log_group(logGroupName="/orders")
    assert cloud.leftovers() == []


def test_time_is_waited_for_at_the_stated_speed_up(cloud: Cloud) -> None:
    def of_the_stand_in() -> float:
        expires = cloud.client("sts").get_session_token(DurationSeconds=900)["Credentials"]["Expiration"]
        return float(expires.timestamp() - 900)

    before = of_the_stand_in()
    assert abs(cloud.clock.now().timestamp() - before) < SPEEDUP
    cloud.clock.advance(90)
    assert 89 <= of_the_stand_in() - before < 90 + 5 * SPEEDUP
