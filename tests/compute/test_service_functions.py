"""Functions through the API: create, read, update, delete, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from typing import Any

import pytest

ARN = "arn:aws:lambda:us-east-1:123456789012:function:"


def settings(compute: Any, name: str, **more: Any) -> dict[str, Any]:
    return {
        "FunctionName": name,
        "Runtime": "python3.11",
        "Handler": "app.handler",
        "Role": compute.role,
        "Code": {"ZipFile": compute.package("def handler(event, context): return 1")},
        **more,
    }


def test_a_new_function_is_pending_then_active(compute: Any) -> None:
    created = compute.functions.create_function(**settings(compute, "born", Description="first", Timeout=7))
    code, message = compute.refusal("invoke", FunctionName="born")
    assert (created["State"], created["StateReasonCode"]) == ("Pending", "Creating")
    assert code == "ResourceConflictException"
    assert message.endswith("The function is currently in the following state: Pending")
    compute.functions.get_waiter("function_active_v2").wait(FunctionName="born")
    got = compute.functions.get_function(FunctionName="born")
    configuration = got["Configuration"]
    package = compute.package("def handler(event, context): return 1")
    assert configuration["State"] == "Active"
    assert configuration["LastUpdateStatus"] == "Successful"
    assert configuration["FunctionArn"] == ARN + "born"
    assert configuration["CodeSha256"] == base64.b64encode(hashlib.sha256(package).digest()).decode()
    assert configuration["CodeSize"] == len(package)
    assert (configuration["MemorySize"], configuration["Timeout"]) == (128, 7)
    assert configuration["Description"] == "first"
    assert configuration["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "/aws/lambda/born"}
    assert compute.invoke("born")["Payload"] == 1


def test_an_update_replaces_the_environments(compute: Any) -> None:
    compute.create("updated", "def handler(event, context): return 'old'")
    assert compute.invoke("updated")["Payload"] == "old"
    answer = compute.functions.update_function_code(
        FunctionName="updated", ZipFile=compute.package("def handler(event, context): return 'new'")
    )
    assert answer["LastUpdateStatus"] == "InProgress"
    code, message = compute.refusal("update_function_configuration", FunctionName="updated", Timeout=9)
    assert (code, message.split(":")[0]) == (
        "ResourceConflictException",
        "The operation cannot be performed at this time. An update is in progress for resource",
    )
    compute.settled("updated")
    assert compute.invoke("updated")["Payload"] == "new"
    assert len(compute.streams("updated")) == 2


def test_a_configuration_update_keeps_what_it_does_not_name(compute: Any) -> None:
    variables = {"Variables": {"STAGE": "test"}}
    source = "import os\ndef handler(event, context):\n    return [os.environ.get('STAGE'), context.memory_limit_in_mb]"
    compute.create("configured", source, Environment=variables, MemorySize=256)
    compute.functions.update_function_configuration(FunctionName="configured", MemorySize=512)
    compute.settled("configured")
    assert [str(value) for value in compute.invoke("configured")["Payload"]] == ["test", "512"]
    compute.functions.update_function_configuration(FunctionName="configured", Environment={"Variables": {}})
    compute.settled("configured")
    assert compute.invoke("configured")["Payload"][0] is None
    assert "Environment" not in compute.functions.get_function_configuration(FunctionName="configured")


def test_an_old_revision_is_refused(compute: Any) -> None:
    revision = compute.create("revised")["RevisionId"]
    compute.functions.update_function_configuration(FunctionName="revised", Timeout=4, RevisionId=revision)
    compute.settled("revised")
    code, _ = compute.refusal("update_function_configuration", FunctionName="revised", Timeout=5, RevisionId=revision)
    assert code == "PreconditionFailedException"


def test_a_dry_run_of_an_update_changes_nothing(compute: Any) -> None:
    before = compute.create("dry")["CodeSha256"]
    answer = compute.functions.update_function_code(
        FunctionName="dry", ZipFile=compute.package("def handler(e, c): return 2"), DryRun=True
    )
    assert answer["CodeSha256"] != before
    assert compute.functions.get_function(FunctionName="dry")["Configuration"]["CodeSha256"] == before


def test_code_comes_from_s3_too(compute: Any) -> None:
    s3 = compute.client("s3")
    s3.create_bucket(Bucket="packages")
    s3.put_object(Bucket="packages", Key="f.zip", Body=compute.package("def handler(event, context): return 's3'"))
    compute.create("stored", Code={"S3Bucket": "packages", "S3Key": "f.zip"})
    assert compute.invoke("stored")["Payload"] == "s3"
    code, message = compute.refusal(
        "update_function_code", FunctionName="stored", S3Bucket="packages", S3Key="missing.zip"
    )
    assert code == "InvalidParameterValueException"
    assert message.startswith("Error occurred while GetObject. S3 Error Code: NoSuchKey.")


def test_functions_are_listed_in_pages(compute: Any) -> None:
    for name in ("page-a", "page-b", "page-c"):
        compute.functions.create_function(**settings(compute, name))
    pages = list(compute.functions.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2}))
    assert max(len(page["Functions"]) for page in pages) == 2
    names = [function["FunctionName"] for page in pages for function in page["Functions"]]
    assert {"page-a", "page-b", "page-c"} <= set(names)
    assert names == sorted(set(names))


def test_a_deleted_function_is_gone_and_its_version_numbers_are_not_used_again(compute: Any) -> None:
    compute.create("deleted")
    assert compute.functions.publish_version(FunctionName="deleted")["Version"] == "1"
    compute.functions.delete_function(FunctionName="deleted")
    assert compute.refusal("get_function", FunctionName="deleted") == (
        "ResourceNotFoundException",
        f"Function not found: {ARN}deleted",
    )
    assert compute.refusal("invoke", FunctionName="deleted:live")[1] == f"Function not found: {ARN}deleted:live"
    compute.create("deleted")
    assert compute.functions.publish_version(FunctionName="deleted")["Version"] == "2"


def test_a_name_is_taken_once(compute: Any) -> None:
    compute.create("taken")
    assert compute.refusal("create_function", **settings(compute, "taken")) == (
        "ResourceConflictException",
        "Function already exist: taken",
    )


def test_tags(compute: Any) -> None:
    arn = compute.create("tagged", Tags={"team": "orders", "old": "x"})["FunctionArn"]
    compute.functions.tag_resource(Resource=arn, Tags={"stage": "test"})
    compute.functions.untag_resource(Resource=arn, TagKeys=["old"])
    assert compute.functions.list_tags(Resource=arn)["Tags"] == {"team": "orders", "stage": "test"}
    assert compute.functions.get_function(FunctionName="tagged")["Tags"] == {"team": "orders", "stage": "test"}
    # As who authorises asks for them: a version or alias has the function's.
    for each in (arn, f"{arn}:1"):
        assert compute.sandbox.compute.tags_of(each) == {"team": "orders", "stage": "test"}
    assert compute.sandbox.compute.tags_of(f"{arn}-2") == {}


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        (
            {"MemorySize": 64},
            "ValidationException",
            "1 validation error detected: Value '64' at 'memorySize' failed to satisfy constraint: "
            "Member must have value greater than or equal to 128",
        ),
        (
            {"MemorySize": 10241, "Timeout": 901},
            "ValidationException",
            "2 validation errors detected: Value '901' at 'timeout' failed to satisfy constraint: Member must have "
            "value less than or equal to 900; Value '10241' at 'memorySize' failed to satisfy constraint: Member must "
            "have value less than or equal to 10240",
        ),
        ({"Role": "nobody"}, "ValidationException", "Value 'nobody' at 'role' failed to satisfy constraint"),
        ({"Handler": "has space"}, "ValidationException", "regular expression pattern: [^\\s]+"),
        ({"TracingConfig": {"Mode": "Maybe"}}, "ValidationException", "enum value set: [Active, PassThrough]"),
        ({"FunctionName": "x" * 65}, "ValidationException", "Member must have length less than or equal to 64"),
        (
            {"Role": "arn:aws:iam::123456789012:role/missing"},
            "InvalidParameterValueException",
            "The role defined for the function cannot be assumed by Lambda.",
        ),
        ({"Runtime": "nodejs22.x"}, "InvalidParameterValueException", "python3.11"),
        ({"Code": {"ZipFile": b"no zip"}}, "InvalidParameterValueException", "Could not unzip uploaded file."),
        (
            {"Environment": {"Variables": {"AWS_REGION": "x"}}},
            "InvalidParameterValueException",
            "Reserved keys used in this request: AWS_REGION",
        ),
        (
            {"Environment": {"Variables": {"AB": "x" * 4096}}},
            "InvalidParameterValueException",
            "exceeded the 4KB limit. String measured: ",
        ),
        ({"Environment": {"Variables": {"1A": "x"}}}, "ValidationException", "Map keys must satisfy constraint"),
        ({"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}, None, "does not support VpcConfig"),
        ({"SnapStart": {"ApplyOn": "PublishedVersions"}}, None, "does not support SnapStart"),
        ({"PackageType": "Image", "Code": {"ImageUri": "x"}}, None, "does not support"),
        ({"LoggingConfig": {"LogFormat": "Text", "SystemLogLevel": "WARN"}}, None, "LogFormat JSON"),
        ({"DeadLetterConfig": {"TargetArn": "arn:aws:s3:::bucket"}}, None, "neither an SQS queue nor an SNS topic"),
        ({"Layers": ["arn:aws:lambda:us-east-1:123456789012:layer:none:1"]}, None, "does not exist"),
    ],
)
def test_what_create_refuses(compute: Any, changes: dict[str, Any], code: str | None, message: str) -> None:
    refused = compute.refusal("create_function", **settings(compute, "refused", **changes))
    assert refused[0] == (code or "InvalidParameterValueException")
    assert message in refused[1]
    assert compute.refusal("get_function", FunctionName="refused")[0] == "ResourceNotFoundException"


def test_a_role_that_lambda_may_not_assume_is_refused(compute: Any) -> None:
    trust = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, '
    )
    trust += '"Action": "sts:AssumeRole"}]}'
    role = compute.client("iam").create_role(RoleName="other", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    refused = compute.refusal("create_function", **settings(compute, "refused", Role=role))
    assert refused[1] == "The role defined for the function cannot be assumed by Lambda."


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("list_code_signing_configs", {}),
    ],
)
def test_what_is_not_built_is_refused_by_name(compute: Any, operation: str, params: dict[str, Any]) -> None:
    message = compute.refusal(operation, **params)[1]
    assert "".join(word.capitalize() for word in operation.split("_")) in message


def test_every_operation_of_lambda_is_answered_or_refused(compute: Any) -> None:
    service = compute.sandbox.compute
    model = compute.functions.meta.service_model
    assert set(model.operation_names) == set(service.operations) | set(service.refused)


def test_a_package_that_grows_beyond_its_layers_is_refused(compute: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("app.py", "def handler(event, context): return 1")
        archive.writestr("big.bin", bytes(200_000))
    layer = compute.functions.publish_layer_version(LayerName="big", Content={"ZipFile": content.getvalue()})
    compute.create("layered", Layers=[layer["LayerVersionArn"]])
    monkeypatch.setattr("sandbox.compute.layers.MAX_UNZIPPED_BYTES", 300_000)
    refused = compute.refusal("update_function_code", FunctionName="layered", ZipFile=content.getvalue())
    assert refused[1].startswith("Function code combined with layers exceeds the maximum allowed size")
