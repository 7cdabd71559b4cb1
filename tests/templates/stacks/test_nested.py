"""Stacks in stacks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.templates.stacks.conftest import Cloud, queues, wait_for
from tests.templates.stacks.test_creation import INVALID

BUCKET = "nested-templates"


@pytest.fixture(scope="module", autouse=True)
def bucket(cloud: Cloud) -> None:
    cloud.client("s3").create_bucket(Bucket=BUCKET)


def put(cloud: Cloud, template: Any, key: str | None = None) -> str:
    """Put a template into the bucket; its URL."""
    key = key or f"{cloud.name('template')}.json"
    cloud.client("s3").put_object(Bucket=BUCKET, Key=key, Body=json.dumps(template).encode())
    return f"https://s3.amazonaws.com/{BUCKET}/{key}"


def above(url: str, parameters: Any = None, **more: Any) -> dict[str, Any]:
    """A template with one nested stack."""
    properties = {"TemplateURL": url, **({"Parameters": parameters} if parameters else {})}
    return {"Resources": {"Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": properties}, **more}}


def inner(**properties: Any) -> dict[str, Any]:
    template = queues(Queue={"DelaySeconds": {"Ref": "Delay"}, **properties})
    template["Parameters"] = {"Delay": {"Type": "Number", "Default": 0}}
    template["Outputs"] = {"Arn": {"Value": {"Fn::GetAtt": ["Queue", "Arn"]}}}
    return template


def test_an_inner_stack_has_its_own_resources_and_gives_its_outputs(cloud: Cloud) -> None:
    url = put(cloud, inner())
    user = {"RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Inner", "Outputs.Arn"]}, "maxReceiveCount": 2}}
    template = above(url, {"Delay": 7}, **queues(User=user)["Resources"])
    name = cloud.create(template, Tags=[{"Key": "team", "Value": "shop"}])
    assert cloud.status(name) == "CREATE_COMPLETE"
    identifier = cloud.resources(name)["Inner"]
    stack = cloud.stack(identifier)
    assert stack["StackName"].startswith(f"{name}-Inner-")
    assert stack["ParentId"] == stack["RootId"] == cloud.stack(name)["StackId"]
    assert stack["Tags"] == [{"Key": "team", "Value": "shop"}]
    queue = cloud.resources(identifier)["Queue"]
    assert cloud.attribute(queue, "DelaySeconds") == "7"
    assert queue.rpartition("/")[2] in (cloud.attribute(cloud.resources(name)["User"], "RedrivePolicy") or "")
    cloud.cloudformation.delete_stack(StackName=name)
    assert cloud.status(identifier) == "DELETE_COMPLETE"
    assert queue.rpartition("/")[2] not in cloud.queues()


def test_an_inner_stack_that_fails_fails_the_one_above(cloud: Cloud) -> None:
    name = cloud.create(above(put(cloud, queues(Bad=INVALID, Good={}))))
    assert cloud.status(name) == "ROLLBACK_COMPLETE"
    reason = cloud.reason(name, "Inner", "CREATE_FAILED")
    assert reason.startswith(f"Embedded stack arn:aws:cloudformation:us-east-1:123456789012:stack/{name}-Inner-")
    assert "was not successfully created: The following resource(s) failed to create: [" in reason
    identifier = cloud.resources(name)["Inner"]
    assert cloud.statuses(identifier, cloud.stack(identifier)["StackName"]) == [
        "CREATE_IN_PROGRESS",
        "CREATE_FAILED",
        "DELETE_IN_PROGRESS",
        "DELETE_COMPLETE",
    ]


def test_a_template_that_is_wrong_fails_the_resource(cloud: Cloud) -> None:
    name = cloud.create(above(put(cloud, {"Resources": {"A": {"Type": "AWS::No::Thing"}}})))
    assert "Unrecognized resource types: [AWS::No::Thing]" in cloud.reason(name, "Inner", "CREATE_FAILED")
    missing = cloud.create(above(f"https://s3.amazonaws.com/{BUCKET}/nothing.json"))
    assert "S3 error: The specified key does not exist." in cloud.reason(missing, "Inner", "CREATE_FAILED")


def test_an_update_reaches_the_inner_stack(cloud: Cloud) -> None:
    name = cloud.create(above(put(cloud, inner())))
    identifier = cloud.resources(name)["Inner"]
    queue = cloud.resources(identifier)["Queue"]
    assert cloud.update(name, above(put(cloud, inner()), {"Delay": 9})) == "UPDATE_COMPLETE"
    assert cloud.attribute(queue, "DelaySeconds") == "9"
    assert cloud.status(identifier) == "UPDATE_COMPLETE"
    renamed = inner(QueueName=cloud.name("renamed"))
    assert cloud.update(name, above(put(cloud, renamed))) == "UPDATE_COMPLETE"
    assert queue.rpartition("/")[2] not in cloud.queues()


def test_a_failure_above_brings_the_inner_stack_back(cloud: Cloud) -> None:
    url = put(cloud, inner())
    name = cloud.create(above(url))
    identifier = cloud.resources(name)["Inner"]
    queue = cloud.resources(identifier)["Queue"]
    bad = {"Bad": {"Type": "AWS::SQS::Queue", "Properties": INVALID, "DependsOn": "Inner"}}
    changed = above(put(cloud, inner(QueueName=cloud.name("renamed"))), **bad)
    assert cloud.update(name, changed) == "UPDATE_ROLLBACK_COMPLETE"
    assert cloud.status(identifier) == "UPDATE_ROLLBACK_COMPLETE"
    assert cloud.resources(identifier)["Queue"] == queue
    assert queue.rpartition("/")[2] in cloud.queues()


def test_a_failure_inside_brings_the_stack_above_back(cloud: Cloud) -> None:
    name = cloud.create(above(put(cloud, inner()), **queues(Beside={"DelaySeconds": 1})["Resources"]))
    identifier = cloud.resources(name)["Inner"]
    broken = {**inner(), "Resources": queues(Queue={}, Bad=INVALID)["Resources"]}
    template = above(put(cloud, broken), **queues(Beside={"DelaySeconds": 2})["Resources"])
    template["Resources"]["Inner"]["DependsOn"] = "Beside"
    assert cloud.update(name, template) == "UPDATE_ROLLBACK_COMPLETE"
    assert "was not successfully updated" in cloud.reason(name, "Inner", "UPDATE_FAILED")
    assert cloud.status(identifier) == "UPDATE_ROLLBACK_COMPLETE"
    assert cloud.attribute(cloud.resources(name)["Beside"], "DelaySeconds") == "1"


def test_a_template_that_nests_itself_comes_to_an_end(cloud: Cloud) -> None:
    url = f"https://s3.amazonaws.com/{BUCKET}/endless.json"
    put(cloud, above(url), "endless.json")
    name = cloud.name()
    cloud.cloudformation.create_stack(StackName=name, TemplateURL=url)
    wait_for(lambda: cloud.status(name) == "ROLLBACK_COMPLETE", "the recursion to end")
    living = cloud.cloudformation.get_paginator("describe_stacks").paginate().build_full_result()["Stacks"]
    assert [one["StackName"] for one in living if one["StackName"].startswith(f"{name}-")] == []
    pages = cloud.cloudformation.get_paginator("list_stacks").paginate(StackStatusFilter=["DELETE_COMPLETE"])
    deepest = [
        one
        for page in pages
        for one in page["StackSummaries"]
        if one["StackName"].startswith(f"{name}-Inner") and "nested deeper than 10 levels" in str(reasons(cloud, one))
    ]
    assert deepest


def reasons(cloud: Cloud, stack: dict[str, Any]) -> list[str | None]:
    return [reason for _, _, reason in cloud.events(stack["StackId"])]


def test_capabilities_are_those_of_the_stack_above(cloud: Cloud) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": document}}
    template = above(put(cloud, {"Resources": {"Role": role}}))
    name = cloud.create(template)
    assert cloud.reason(name, "Inner", "CREATE_FAILED") == "Requires capabilities : [CAPABILITY_IAM]"
    assert cloud.status(cloud.create(template, Capabilities=["CAPABILITY_IAM"])) == "CREATE_COMPLETE"


def test_an_output_that_the_inner_stack_has_not(cloud: Cloud) -> None:
    template = above(put(cloud, inner()))
    template["Outputs"] = {"None": {"Value": {"Fn::GetAtt": ["Inner", "Outputs.Missing"]}}}
    name = cloud.create(template)
    assert cloud.status(name) == "ROLLBACK_COMPLETE"
    template["Outputs"]["None"]["Value"]["Fn::GetAtt"][1] = "Something"
    with pytest.raises(ClientError, match="Requested attribute Something does not exist"):
        cloud.create(template)
