"""Functions, versions and aliases, as a template makes them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.templates.types.resource_type import Failed, Unsupported
from tests.templates.types.conftest import ROLE_TRUST, STACK_ID, Bench

CODE = {"ZipFile": "def handler(event, context):\n    return 'one'\n"}
OTHER = {"ZipFile": "def handler(event, context):\n    return 'other'\n"}


@pytest.fixture(scope="module")
def role(bench: Bench) -> str:
    made = bench.client("iam").create_role(RoleName="lambda-types", AssumeRolePolicyDocument=json.dumps(ROLE_TRUST))
    return str(made["Role"]["Arn"])


@pytest.fixture
def given(role: str) -> dict[str, Any]:
    return {"Code": CODE, "Handler": "index.handler", "Role": role, "Runtime": "python3.11"}


def _answer(bench: Bench, name: str) -> Any:
    return json.loads(bench.client("lambda").invoke(FunctionName=name)["Payload"].read())


def test_a_function_of_inline_code_answers_and_has_the_tags_of_its_stack(bench: Bench, given: dict[str, Any]) -> None:
    function = bench.create("AWS::Lambda::Function", {**given, "MemorySize": 256, "Timeout": "7"}, "Orders")
    name = bench.ref(function)
    assert re.fullmatch(r"shop-Orders-[A-Za-z0-9]{12}", name)
    assert bench.attributes(function)["Arn"] == f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
    assert _answer(bench, name) == "one"
    found = bench.client("lambda").get_function(FunctionName=name)
    assert (found["Configuration"]["MemorySize"], found["Configuration"]["Timeout"]) == (256, 7)
    assert found["Tags"]["aws:cloudformation:stack-id"] == STACK_ID
    assert found["Tags"]["project"] == "coldstart"


def test_what_a_template_no_longer_gives_goes_back_to_its_default(bench: Bench, given: dict[str, Any]) -> None:
    settings = {
        "Description": "of before",
        "Environment": {"Variables": {"STAGE": "dev"}},
        "EphemeralStorage": {"Size": 1024},
        "LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "LogGroup": "/shop/orders"},
        "MemorySize": 512,
        "ReservedConcurrentExecutions": 3,
        "Timeout": 30,
        "TracingConfig": {"Mode": "Active"},
        "Tags": [{"Key": "team", "Value": "shop"}],
    }
    function = bench.create("AWS::Lambda::Function", {**given, **settings})
    client = bench.client("lambda")
    before = client.get_function(FunctionName=function.physical_id)
    assert before["Concurrency"] == {"ReservedConcurrentExecutions": 3}
    assert before["Configuration"]["LoggingConfig"]["LogGroup"] == "/shop/orders"
    bench.update(function, given)
    after = client.get_function(FunctionName=function.physical_id)
    found = after["Configuration"]
    assert (found["Description"], found["MemorySize"], found["Timeout"]) == ("", 128, 3)
    assert "Environment" not in found
    assert found["EphemeralStorage"] == {"Size": 512}
    assert found["TracingConfig"] == {"Mode": "PassThrough"}
    assert found["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{function.physical_id}"}
    assert "Concurrency" not in after
    assert "team" not in after["Tags"]


def test_new_code_and_a_new_setting_come_in_one_update(bench: Bench, given: dict[str, Any]) -> None:
    function = bench.create("AWS::Lambda::Function", given)
    after = {**given, "Code": OTHER, "MemorySize": 192, "Tags": [{"Key": "team", "Value": "shop"}]}
    bench.update(function, after)
    assert _answer(bench, function.physical_id) == "other"
    found = bench.client("lambda").get_function(FunctionName=function.physical_id)
    assert found["Configuration"]["MemorySize"] == 192
    assert found["Tags"]["team"] == "shop"


def test_code_of_a_bucket_is_taken_from_there(bench: Bench, given: dict[str, Any]) -> None:
    from sandbox.templates.types import inline_code

    s3 = bench.client("s3")
    s3.create_bucket(Bucket="packages-of-types")
    package = inline_code.package("def handler(event, context):\n    return 'stored'\n")
    s3.put_object(Bucket="packages-of-types", Key="one.zip", Body=package)
    code = {"S3Bucket": "packages-of-types", "S3Key": "one.zip"}
    function = bench.create("AWS::Lambda::Function", {**given, "Code": code})
    assert _answer(bench, function.physical_id) == "stored"


def test_a_pinned_runtime_is_refused_by_name(bench: Bench, given: dict[str, Any]) -> None:
    pinned = {"UpdateRuntimeOn": "Manual", "RuntimeVersionArn": "arn"}
    with pytest.raises(Unsupported, match="RuntimeManagementConfig"):
        bench.create("AWS::Lambda::Function", {**given, "RuntimeManagementConfig": pinned})


def test_loops_are_allowed_and_stopped_again(bench: Bench, given: dict[str, Any]) -> None:
    function = bench.create("AWS::Lambda::Function", {**given, "RecursiveLoop": "Allow"})
    client = bench.client("lambda")
    named = {"FunctionName": function.physical_id}
    assert client.get_function_recursion_config(**named)["RecursiveLoop"] == "Allow"
    bench.update(function, given)
    assert client.get_function_recursion_config(**named)["RecursiveLoop"] == "Terminate"


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"Code": {"ImageUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/a:b"}}, "ImageUri"),
        ({"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}, "VpcConfig"),
        ({"SnapStart": {"ApplyOn": "PublishedVersions"}}, "SnapStart"),
        ({"KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/1"}, "KMSKeyArn"),
    ],
)
def test_what_lambda_refuses_here_is_refused_in_a_template(
    bench: Bench, given: dict[str, Any], asked: dict[str, Any], named: str
) -> None:
    with pytest.raises(ClientError, match=f"does not support.*{named}"):
        bench.create("AWS::Lambda::Function", {**given, **asked})


def test_a_version_is_published_once_for_a_state_of_the_function(bench: Bench, given: dict[str, Any]) -> None:
    function = bench.create("AWS::Lambda::Function", given)
    version = bench.create("AWS::Lambda::Version", {"FunctionName": function.physical_id, "Description": "first"})
    assert bench.ref(version) == f"{bench.attributes(function)['Arn']}:1"
    assert bench.attributes(version) == {"FunctionArn": bench.ref(version), "Version": "1"}
    with pytest.raises(Failed, match=r"A version for this Lambda function exists \( 1 \)"):
        bench.create("AWS::Lambda::Version", {"FunctionName": function.physical_id})
    bench.delete(version)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        bench.client("lambda").get_function(FunctionName=version.physical_id)


def test_an_alias_moves_shifts_weight_and_goes(bench: Bench, given: dict[str, Any]) -> None:
    function = bench.create("AWS::Lambda::Function", given)
    named = {"FunctionName": function.physical_id}
    bench.create("AWS::Lambda::Version", named)
    bench.update(function, {**given, "Code": OTHER})
    bench.create("AWS::Lambda::Version", named)
    alias = bench.create("AWS::Lambda::Alias", {**named, "Name": "live", "FunctionVersion": "1", "Description": "x"})
    assert bench.ref(alias) == f"{bench.attributes(function)['Arn']}:live"
    weights = [{"FunctionVersion": "2", "FunctionWeight": 0.25}]
    shifted = {**named, "Name": "live", "FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": weights}}
    alias = bench.update(alias, shifted)
    client = bench.client("lambda")
    found = client.get_alias(**named, Name="live")
    assert found["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.25}}
    assert found["Description"] == ""
    alias = bench.update(alias, {**named, "Name": "live", "FunctionVersion": "2"})
    found = client.get_alias(**named, Name="live")
    assert found["FunctionVersion"] == "2"
    assert not found.get("RoutingConfig", {}).get("AdditionalVersionWeights")
    bench.delete(alias)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client.get_alias(**named, Name="live")


def test_provisioned_concurrency_of_an_alias_is_ready_when_the_alias_is(bench: Bench, given: dict[str, Any]) -> None:
    function = bench.create("AWS::Lambda::Function", given)
    named = {"FunctionName": function.physical_id}
    bench.create("AWS::Lambda::Version", named)
    plain = {**named, "Name": "live", "FunctionVersion": "1"}
    warm = {**plain, "ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 1}}
    alias = bench.create("AWS::Lambda::Alias", warm)
    client = bench.client("lambda")
    found = client.get_provisioned_concurrency_config(**named, Qualifier="live")
    assert (found["Status"], found["AvailableProvisionedConcurrentExecutions"]) == ("READY", 1)
    bench.update(alias, plain)
    with pytest.raises(ClientError, match="ProvisionedConcurrencyConfigNotFound"):
        client.get_provisioned_concurrency_config(**named, Qualifier="live")


def test_a_deleted_function_is_gone(bench: Bench, given: dict[str, Any]) -> None:
    function = bench.create("AWS::Lambda::Function", {**given, "FunctionName": "short-lived"})
    bench.delete(function)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        bench.client("lambda").get_function(FunctionName="short-lived")
