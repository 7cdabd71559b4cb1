"""Layers through the API, AWS's public Powertools layer among them."""

from __future__ import annotations

from typing import Any

import pytest

OWN = "arn:aws:lambda:us-east-1:123456789012:layer:"
POWERTOOLS = "arn:aws:lambda:us-east-1:017000801446:layer:AWSLambdaPowertoolsPythonV3-python311-x86_64:27"


def publish(compute: Any, name: str, text: str, **more: Any) -> dict[str, Any]:
    content = {"ZipFile": compute.package({"python/shared.py": text})}
    return dict(compute.functions.publish_layer_version(LayerName=name, Content=content, **more))


def test_a_function_imports_from_its_layers_the_last_one_wins(compute: Any) -> None:
    first = publish(compute, "first", "NAME = 'first'\n")["LayerVersionArn"]
    second = publish(compute, "second", "NAME = 'second'\n")["LayerVersionArn"]
    source = "import shared\ndef handler(event, context):\n    return [shared.NAME, shared.__file__]\n"
    compute.create("layered", source, Layers=[first, second])
    assert compute.invoke("layered")["Payload"][0] == "second"
    compute.functions.update_function_configuration(FunctionName="layered", Layers=[first])
    compute.settled("layered")
    assert compute.invoke("layered")["Payload"][0] == "first"
    described = compute.functions.get_function(FunctionName="layered")["Configuration"]["Layers"]
    assert [layer["Arn"] for layer in described] == [first]


def test_versions_of_a_layer_are_numbered_listed_and_deleted(compute: Any) -> None:
    functions = compute.functions
    assert publish(compute, "counted", "A = 1", CompatibleRuntimes=["python3.11"])["Version"] == 1
    again = publish(compute, "counted", "A = 2", Description="second", LicenseInfo="MIT")
    assert again["LayerVersionArn"] == f"{OWN}counted:2"
    versions = functions.list_layer_versions(LayerName="counted")["LayerVersions"]
    assert [version["Version"] for version in versions] == [2, 1]
    fitting = functions.list_layer_versions(LayerName="counted", CompatibleRuntime="python3.11")["LayerVersions"]
    assert [version["Version"] for version in fitting] == [1]
    got = functions.get_layer_version(LayerName="counted", VersionNumber=2)
    assert (got["Description"], got["LicenseInfo"]) == ("second", "MIT")
    assert functions.get_layer_version_by_arn(Arn=f"{OWN}counted:2")["Content"] == got["Content"]
    functions.delete_layer_version(LayerName="counted", VersionNumber=2)
    assert compute.refusal("get_layer_version", LayerName="counted", VersionNumber=2) == (
        "ResourceNotFoundException",
        "The resource you requested does not exist.",
    )
    assert publish(compute, "counted", "A = 3")["Version"] == 3
    layers = {layer["LayerName"]: layer for layer in functions.list_layers()["Layers"]}
    assert layers["counted"]["LatestMatchingVersion"]["Version"] == 3


def test_a_function_keeps_a_layer_that_is_deleted(compute: Any) -> None:
    arn = publish(compute, "gone", "NAME = 'kept'\n")["LayerVersionArn"]
    compute.create("keeper", "import shared\ndef handler(event, context):\n    return shared.NAME\n", Layers=[arn])
    compute.functions.delete_layer_version(LayerName="gone", VersionNumber=1)
    assert compute.invoke("keeper")["Payload"] == "kept"


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([f"{OWN}twice:1", f"{OWN}twice:2"], "Two different versions of the same layer"),
        ([f"{OWN}l{n}:1" for n in range(6)], "Cannot reference more than 5 layers."),
        ([f"{OWN}never:1"], f"Layer version {OWN}never:1 does not exist."),
    ],
)
def test_lists_of_layers_that_are_refused(compute: Any, layers: list[str], message: str) -> None:
    if not compute.functions.list_layer_versions(LayerName="twice")["LayerVersions"]:
        publish(compute, "twice", "A = 1")
        publish(compute, "twice", "A = 2")
    code, text = compute.refusal(
        "create_function",
        FunctionName="refused",
        Runtime="python3.11",
        Handler="app.handler",
        Role=compute.role,
        Code={"ZipFile": compute.package("x = 1")},
        Layers=layers,
    )
    assert code == "InvalidParameterValueException"
    assert text.startswith(message)


def test_another_accounts_layer_is_denied(compute: Any) -> None:
    arn = "arn:aws:lambda:us-east-1:999999999999:layer:theirs:1"
    code, message = compute.refusal("get_layer_version_by_arn", Arn=arn)
    assert code == "AccessDeniedException"
    assert f"lambda:GetLayerVersion on resource: {arn}" in message


def test_permissions_of_a_layer(compute: Any) -> None:
    functions = compute.functions
    publish(compute, "permitted", "A = 1")
    where = {"LayerName": "permitted", "VersionNumber": 1}
    grant = {"StatementId": "all", "Action": "lambda:GetLayerVersion", "Principal": "*"}
    functions.add_layer_version_permission(**where, **grant)
    assert '"Principal":"*"' in functions.get_layer_version_policy(**where)["Policy"]
    policy_of = compute.sandbox.compute.policy_of
    assert [statement["Sid"] for statement in policy_of(f"{OWN}permitted:1")["Statement"]] == ["all"]
    assert policy_of(f"{OWN}permitted:2") is None
    assert compute.refusal("add_layer_version_permission", **where, **grant)[0] == "ResourceConflictException"
    functions.remove_layer_version_permission(StatementId="all", **where)
    assert compute.refusal("get_layer_version_policy", **where)[0] == "ResourceNotFoundException"


def test_powertools_come_under_awss_own_arn(compute: Any) -> None:
    layer = compute.functions.get_layer_version_by_arn(Arn=POWERTOOLS)
    assert layer["CompatibleRuntimes"] == ["python3.11"]
    assert compute.sandbox.compute.policy_of(POWERTOOLS)["Statement"][0]["Principal"] == "*"
    assert layer["Content"]["CodeSize"] < 100_000_000
    source = (
        "from aws_lambda_powertools import Logger, Metrics, Tracer\n"
        "from aws_lambda_powertools.utilities.parser import BaseModel\n"
        "import aws_lambda_powertools, pydantic_core\n"
        "logger = Logger(service='orders')\n"
        "class Order(BaseModel):\n"
        "    id: int\n"
        "@logger.inject_lambda_context\n"
        "def handler(event, context):\n"
        "    logger.info('seen', extra={'order': Order(**event).id})\n"
        "    return aws_lambda_powertools.__file__\n"
    )
    compute.create("powered", source, Layers=[POWERTOOLS], Timeout=60)
    assert "/python/aws_lambda_powertools/" in compute.invoke("powered", {"id": 4})["Payload"]
    assert len(compute.lines("powered", '"order":4')) == 1


def test_without_the_layer_there_is_no_powertools(compute: Any) -> None:
    compute.create("bare", "import aws_lambda_powertools\ndef handler(event, context):\n    return 1\n")
    assert compute.invoke("bare")["Payload"]["errorType"] == "Runtime.ImportModuleError"
