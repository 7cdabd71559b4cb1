"""Permissions, event source mappings, URLs and asynchronous settings of functions, as a template makes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.templates.types.conftest import ROLE_TRUST, Bench
from tests.templates.types.test_lambda_functions import CODE


@pytest.fixture(scope="module")
def function(bench: Bench) -> str:
    iam = bench.client("iam")
    made = iam.create_role(RoleName="invocation-types", AssumeRolePolicyDocument=json.dumps(ROLE_TRUST))
    queue = "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"
    iam.attach_role_policy(RoleName="invocation-types", PolicyArn=queue)
    given = {"Code": CODE, "Handler": "index.handler", "Role": made["Role"]["Arn"], "Runtime": "python3.11"}
    return bench.create("AWS::Lambda::Function", {**given, "FunctionName": "invoked"}).physical_id


def _statements(bench: Bench, function: str) -> list[dict[str, Any]]:
    policy = bench.client("lambda").get_policy(FunctionName=function)["Policy"]
    return list(json.loads(policy)["Statement"])


def test_a_permission_is_a_statement_with_a_generated_id(bench: Bench, function: str) -> None:
    given = {
        "FunctionName": function,
        "Action": "lambda:InvokeFunction",
        "Principal": "s3.amazonaws.com",
        "SourceArn": "arn:aws:s3:::orders",
        "SourceAccount": "123456789012",
    }
    permission = bench.create("AWS::Lambda::Permission", given, "FromBucket")
    assert bench.ref(permission).startswith("shop-FromBucket-")
    assert bench.attributes(permission) == {"Id": bench.ref(permission)}
    [statement] = _statements(bench, function)
    assert statement["Sid"] == bench.ref(permission)
    assert statement["Condition"] == {
        "StringEquals": {"AWS:SourceAccount": "123456789012"},
        "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::orders"},
    }
    bench.delete(permission)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        _statements(bench, function)


def test_a_permission_for_a_url_has_its_conditions(bench: Bench, function: str) -> None:
    common = {"FunctionName": function, "Principal": "*"}
    url = {**common, "Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"}
    through = {**common, "Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": "true"}
    made = [bench.create("AWS::Lambda::Permission", one) for one in (url, through)]
    conditions = [statement["Condition"] for statement in _statements(bench, function)]
    assert {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}} in conditions
    assert {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}} in conditions
    for one in made:
        bench.delete(one)


def test_a_mapping_is_enabled_changed_and_gone(bench: Bench, function: str) -> None:
    queue = bench.attributes(bench.create("AWS::SQS::Queue", {}, "Jobs"))["Arn"]
    given = {
        "EventSourceArn": queue,
        "FunctionName": function,
        "BatchSize": 5,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": 2},
        "FilterCriteria": {"Filters": [{"Pattern": '{"body": {"kind": ["order"]}}'}]},
        "Tags": [{"Key": "team", "Value": "shop"}],
    }
    mapping = bench.create("AWS::Lambda::EventSourceMapping", given)
    client = bench.client("lambda")
    found = client.get_event_source_mapping(UUID=bench.ref(mapping))
    assert (found["State"], found["BatchSize"]) == ("Enabled", 5)
    assert found["EventSourceMappingArn"] == bench.attributes(mapping)["EventSourceMappingArn"]
    assert client.list_tags(Resource=found["EventSourceMappingArn"])["Tags"]["team"] == "shop"
    mapping = bench.update(mapping, {"EventSourceArn": queue, "FunctionName": function, "Enabled": False})
    assert bench.wait(lambda: _state(bench, mapping.physical_id) == "Disabled", 10)
    found = client.get_event_source_mapping(UUID=bench.ref(mapping))
    assert (found["BatchSize"], found["FunctionResponseTypes"]) == (10, [])
    assert "ScalingConfig" not in found or not found["ScalingConfig"]
    assert "FilterCriteria" not in found
    assert "team" not in client.list_tags(Resource=found["EventSourceMappingArn"])["Tags"]
    bench.delete(mapping)
    assert bench.wait(lambda: _state(bench, mapping.physical_id) == "", 10)


def _state(bench: Bench, identifier: str) -> str:
    try:
        return str(bench.client("lambda").get_event_source_mapping(UUID=identifier)["State"])
    except ClientError:
        return ""


def test_a_mapping_of_a_stream_is_refused_by_name(bench: Bench, function: str) -> None:
    stream = "arn:aws:kinesis:us-east-1:123456789012:stream/clicks"
    given = {"EventSourceArn": stream, "FunctionName": function, "StartingPosition": "LATEST"}
    with pytest.raises(ClientError, match="does not support event source mappings of kinesis"):
        bench.create("AWS::Lambda::EventSourceMapping", given)


def test_a_url_is_known_by_its_function_and_told_as_an_attribute(bench: Bench, function: str) -> None:
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function}"
    cors = {"AllowOrigins": ["https://example.com"], "AllowMethods": ["GET"]}
    url = bench.create("AWS::Lambda::Url", {"TargetFunctionArn": arn, "AuthType": "NONE", "Cors": cors})
    assert bench.ref(url) == arn
    address = bench.attributes(url)["FunctionUrl"]
    assert address.startswith("https://")
    assert address.endswith(".lambda-url.us-east-1.on.aws/")
    client = bench.client("lambda")
    assert client.get_function_url_config(FunctionName=function)["Cors"] == cors
    url = bench.update(url, {"TargetFunctionArn": arn, "AuthType": "AWS_IAM"})
    found = client.get_function_url_config(FunctionName=function)
    assert (found["AuthType"], found.get("Cors") or {}) == ("AWS_IAM", {})
    assert bench.attributes(url)["FunctionUrl"] == address
    bench.delete(url)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client.get_function_url_config(FunctionName=function)


def test_asynchronous_settings_are_put_changed_and_taken_off(bench: Bench, function: str) -> None:
    queue = bench.attributes(bench.create("AWS::SQS::Queue", {}, "Failures"))["Arn"]
    named = {"FunctionName": function, "Qualifier": "$LATEST"}
    failures = {"OnFailure": {"Destination": queue}}
    given = {**named, "MaximumRetryAttempts": "0", "DestinationConfig": failures}
    config = bench.create("AWS::Lambda::EventInvokeConfig", given)
    client = bench.client("lambda")
    found = client.get_function_event_invoke_config(**named)
    assert found["MaximumRetryAttempts"] == 0
    assert found["DestinationConfig"]["OnFailure"] == {"Destination": queue}
    config = bench.update(config, {**named, "MaximumEventAgeInSeconds": 60})
    found = client.get_function_event_invoke_config(**named)
    assert (found["MaximumRetryAttempts"], found["MaximumEventAgeInSeconds"]) == (2, 60)
    assert not found["DestinationConfig"].get("OnFailure")
    bench.delete(config)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client.get_function_event_invoke_config(**named)
