"""Custom resources: requests, answers, and none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.templates.stacks.conftest import ACCOUNT, Cloud, Vendor, text

SOURCE = """
import cfnresponse

def handler(event, context):
    given = event["ResourceProperties"]
    cfnresponse.send(event, context, cfnresponse.SUCCESS, {"Double": int(given.get("Number", 0)) * 2}, "doubler")
"""


def test_requests_tell_what_is_documented(cloud: Cloud, vendor: Vendor) -> None:
    name = cloud.name()
    template = vendor.template(Number=3, Flag=True, Deep={"List": [1.5, "x"]})
    template["Outputs"] = {"Answer": {"Value": {"Fn::GetAtt": ["Thing", "Answer"]}}, "Id": {"Value": {"Ref": "Thing"}}}
    [create] = vendor.work(lambda: cloud.create(template, name), {"Data": {"Answer": "42"}, "PhysicalResourceId": "t1"})
    stack = cloud.stack(name)["StackId"]
    properties = {"ServiceToken": vendor.token, "Number": "3", "Flag": "true", "Deep": {"List": ["1.5", "x"]}}
    url, request_id = create.pop("ResponseURL"), create.pop("RequestId")
    assert create == {
        "RequestType": "Create",
        "ServiceToken": vendor.token,
        "StackId": stack,
        "LogicalResourceId": "Thing",
        "ResourceType": "Custom::Thing",
        "ResourceProperties": properties,
    }
    assert "X-Amz-Signature=" in url
    assert len(request_id) == 36
    assert cloud.outputs(name) == {"Answer": "42", "Id": "t1"}
    template["Resources"]["Thing"]["Properties"]["Number"] = 4
    [update] = vendor.work(lambda: cloud.update(name, template), {"Data": {"Answer": "43"}})
    assert (update["RequestType"], update["PhysicalResourceId"]) == ("Update", "t1")
    assert update["OldResourceProperties"] == properties
    assert update["ResourceProperties"]["Number"] == "4"
    assert cloud.outputs(name) == {"Answer": "43", "Id": "t1"}
    [delete] = vendor.work(lambda: cloud.cloudformation.delete_stack(StackName=name), {})
    assert (delete["RequestType"], delete["PhysicalResourceId"]) == ("Delete", "t1")
    assert cloud.status(stack) == "DELETE_COMPLETE"


def test_a_function_answers_by_cfnresponse(cloud: Cloud) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    template: dict[str, Any] = {
        "Resources": {
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}},
            },
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Runtime": "python3.11",
                    "Handler": "index.handler",
                    "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                    "Code": {"ZipFile": SOURCE},
                },
            },
            "Thing": {
                "Type": "AWS::CloudFormation::CustomResource",
                "Properties": {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}, "Number": 21},
            },
        },
        "Outputs": {"Double": {"Value": {"Fn::GetAtt": ["Thing", "Double"]}}},
    }
    name = cloud.create(template, Capabilities=["CAPABILITY_IAM"])
    assert cloud.status(name) == "CREATE_COMPLETE"
    assert cloud.outputs(name) == {"Double": "42"}
    buckets = [one["Name"] for one in cloud.client("s3").list_buckets()["Buckets"]]
    assert not [one for one in buckets if "custom-resource" in one]
    identifier = cloud.stack(name)["StackId"]
    cloud.cloudformation.delete_stack(StackName=name)
    assert cloud.rest(identifier) == "DELETE_COMPLETE"


def test_another_physical_id_is_a_replacement(cloud: Cloud, vendor: Vendor) -> None:
    name = cloud.name()
    vendor.work(lambda: cloud.create(vendor.template(Size=1), name), {"PhysicalResourceId": "one"})
    asked = vendor.work(lambda: cloud.update(name, vendor.template(Size=2)), {"PhysicalResourceId": "two"}, {})
    assert [(one["RequestType"], one["PhysicalResourceId"]) for one in asked] == [("Update", "one"), ("Delete", "one")]
    assert cloud.resources(name)["Thing"] == "two"


def test_a_refusal_is_told_and_what_was_made_is_deleted(cloud: Cloud, vendor: Vendor) -> None:
    name = cloud.name()
    failed = {"status": "FAILED", "Reason": "no more of them", "PhysicalResourceId": "half"}
    create, delete = vendor.work(lambda: cloud.create(vendor.template(), name), failed, {})
    assert cloud.status(name) == "ROLLBACK_COMPLETE"
    assert cloud.reason(name, "Thing", "CREATE_FAILED") == (
        "Received response status [FAILED] from custom resource. Message returned: no more of them "
        f"(RequestId: {create['RequestId']})"
    )
    assert (delete["RequestType"], delete["PhysicalResourceId"]) == ("Delete", "half")


def test_what_nobody_could_be_asked_to_make_nobody_is_asked_to_delete(cloud: Cloud) -> None:
    nowhere = f"arn:aws:sns:us-east-1:{ACCOUNT}:no-such-topic"
    things = {name: {"Type": "Custom::Thing", "Properties": {"ServiceToken": nowhere}} for name in ("One", "Two")}
    name = cloud.create({"Resources": things})
    assert cloud.status(name) == "ROLLBACK_COMPLETE"
    assert "DELETE_IN_PROGRESS" not in cloud.statuses(name, "One")


@pytest.mark.parametrize(("given", "seconds"), [({}, 3600), ({"ServiceTimeout": 30}, 30)])
def test_no_answer_in_time_is_a_failure(cloud: Cloud, vendor: Vendor, given: dict[str, int], seconds: int) -> None:
    name = cloud.name()
    cloud.cloudformation.create_stack(StackName=name, TemplateBody=text(vendor.template(**given)))
    asked = vendor.request()
    cloud.clock.advance(seconds - 20)
    assert cloud.status(name) == "CREATE_IN_PROGRESS"
    cloud.clock.advance(40)
    vendor.answer(vendor.request())
    assert cloud.rest(name) == "ROLLBACK_COMPLETE"
    assert f"Please check your logs for requestId [{asked['RequestId']}]" in cloud.reason(
        name, "Thing", "CREATE_FAILED"
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"no JSON", "Invalid response object"),
        (b'{"Status": "MAYBE"}', "must be SUCCESS or FAILED"),
        (b'{"Status": "SUCCESS"}', "Invalid PhysicalResourceId"),
        (json.dumps({"Status": "SUCCESS", "Data": "x" * 4096}).encode(), "Response object is too long."),
    ],
)
def test_an_answer_that_is_none_is_a_failure(cloud: Cloud, vendor: Vendor, body: bytes, words: str) -> None:
    name = cloud.name()
    vendor.work(lambda: cloud.create(vendor.template(), name), {"body": body}, {})
    assert cloud.status(name) == "ROLLBACK_COMPLETE"
    assert words in cloud.reason(name, "Thing", "CREATE_FAILED")


def test_what_the_vendor_keeps_secret_is_not_shown(cloud: Cloud, vendor: Vendor) -> None:
    name, secret = cloud.name(), cloud.name("secret")
    template = vendor.template()
    template["Resources"]["Queue"] = {
        "Type": "AWS::SQS::Queue",
        "Properties": {"QueueName": {"Fn::GetAtt": ["Thing", "Name"]}},
    }
    vendor.work(lambda: cloud.create(template, name), {"Data": {"Name": secret}, "NoEcho": True})
    assert secret in cloud.queues()
    shown = {
        one["ResourceProperties"]
        for one in cloud.cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        if one["LogicalResourceId"] == "Queue"
    }
    assert shown == {'{"QueueName":"****"}'}


def test_an_attribute_that_the_answer_has_not(cloud: Cloud, vendor: Vendor) -> None:
    name = cloud.name()
    template = vendor.template()
    template["Resources"]["Queue"] = {
        "Type": "AWS::SQS::Queue",
        "Properties": {"QueueName": {"Fn::GetAtt": ["Thing", "Missing"]}},
    }
    vendor.work(lambda: cloud.create(template, name), {}, {})
    assert "Vendor response doesn't contain Missing attribute" in cloud.reason(name, "Queue", "CREATE_FAILED")


def test_another_service_token_is_refused(cloud: Cloud, vendor: Vendor) -> None:
    name, other = cloud.name(), Vendor(cloud)
    vendor.work(lambda: cloud.create(vendor.template(), name), {})
    assert cloud.update(name, other.template()) == "UPDATE_ROLLBACK_COMPLETE"
    assert cloud.reason(name, "Thing", "UPDATE_FAILED") == "Modifying service token is not allowed."
