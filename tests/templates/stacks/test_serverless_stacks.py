"""Templates with SAM's transform, as stacks."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.templates.stacks.conftest import Cloud, text

FUNCTION = {
    "Type": "AWS::Serverless::Function",
    "Properties": {
        "Runtime": "python3.11",
        "Handler": "index.handler",
        "InlineCode": "def handler(event, context):\n    return 'hello'\n",
        "Description": {"Ref": "Text"},
    },
}


def template(**resources: Any) -> dict[str, Any]:
    return {
        "Transform": "AWS::Serverless-2016-10-31",
        "Parameters": {"Text": {"Type": "String", "Default": "a function"}},
        "Resources": resources or {"Hello": FUNCTION},
    }


def change_set(cloud: Cloud, name: str, body: Any, *capabilities: str) -> dict[str, Any]:
    made = cloud.cloudformation.create_change_set(
        StackName=name,
        ChangeSetName="change",
        ChangeSetType="CREATE",
        TemplateBody=text(body),
        Capabilities=list(capabilities),
    )
    found: dict[str, Any] = cloud.cloudformation.describe_change_set(ChangeSetName=made["Id"])
    return found


def test_a_function_comes_up_with_its_role(cloud: Cloud) -> None:
    name = cloud.name("sam")
    found = change_set(cloud, name, template(), "CAPABILITY_IAM")
    assert {one["ResourceChange"]["ResourceType"] for one in found["Changes"]} == {
        "AWS::Lambda::Function",
        "AWS::IAM::Role",
    }
    cloud.cloudformation.execute_change_set(ChangeSetName="change", StackName=name)
    assert cloud.rest(name) == "CREATE_COMPLETE"
    answer = cloud.client("lambda").invoke(FunctionName=cloud.resources(name)["Hello"])
    assert answer["Payload"].read() == b'"hello"'
    original = cloud.cloudformation.get_template(StackName=name)["TemplateBody"]
    processed = cloud.cloudformation.get_template(StackName=name, TemplateStage="Processed")["TemplateBody"]
    assert original["Resources"]["Hello"]["Type"] == "AWS::Serverless::Function"
    assert processed["Resources"]["Hello"]["Type"] == "AWS::Lambda::Function"
    assert cloud.update(name, template(), Parameters=[{"ParameterKey": "Text", "ParameterValue": "other"}], **ALL)
    configuration = cloud.client("lambda").get_function_configuration(FunctionName=cloud.resources(name)["Hello"])
    assert configuration["Description"] == "other"
    summary = cloud.cloudformation.get_template_summary(StackName=name)
    assert summary["DeclaredTransforms"] == ["AWS::Serverless-2016-10-31"]


ALL: dict[str, Any] = {"Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]}


def test_without_a_change_set_expanding_must_be_acknowledged(cloud: Cloud) -> None:
    with pytest.raises(ClientError, match=r"Requires capabilities : \[CAPABILITY_AUTO_EXPAND\]"):
        cloud.create(template(), Capabilities=["CAPABILITY_IAM"])
    assert cloud.status(cloud.create(template(), **ALL)) == "CREATE_COMPLETE"


def test_what_comes_out_of_the_transform_is_told_by_the_change_set(cloud: Cloud) -> None:
    name = cloud.name("sam")
    found = change_set(cloud, name, template())
    assert (found["Status"], found["StatusReason"]) == ("FAILED", "Requires capabilities : [CAPABILITY_IAM]")
    assert cloud.status(name) == "REVIEW_IN_PROGRESS"
    other = cloud.name("sam")
    broken = {**FUNCTION, "Properties": {"Runtime": "python3.11"}}
    found = change_set(cloud, other, template(Hello=broken), "CAPABILITY_IAM")
    assert found["Status"] == "FAILED"
    assert found["StatusReason"].startswith(
        "Transform AWS::Serverless-2016-10-31 failed with: Invalid Serverless Application Specification document."
    )
    with pytest.raises(ClientError, match=r"Parameters: \[Text\] must have values"):
        change_set(cloud, cloud.name(), {**template(), "Parameters": {"Text": {"Type": "String"}}})
    cloud.cloudformation.delete_stack(StackName=name)
    with pytest.raises(ClientError, match="does not exist"):
        cloud.stack(name)
