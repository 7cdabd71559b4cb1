"""Stacks in stacks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.templates.stacks.conftest import Cloud, Vendor, queues, wait_for
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
    assert cloud.outputs(identifier)["Arn"].rpartition(":")[2] == queue.rpartition("/")[2]


@pytest.mark.parametrize(
    ("policy", "given", "stays"),
    [("Retain", False, True), ("Retain", True, False), ("RetainExceptOnCreate", False, False)],
)
@pytest.mark.parametrize("begins", ["creation", "update", "deletion"])
def test_what_an_inner_stack_keeps_when_the_creation_above_is_taken_back(
    cloud: Cloud, policy: str, given: bool, stays: bool, begins: str
) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html"""
    kept = queues(Kept={})
    kept["Resources"]["Kept"]["DeletionPolicy"] = policy
    middle = above(put(cloud, kept))
    bad = {"Bad": {"Type": "AWS::SQS::Queue", "Properties": INVALID, "DependsOn": "Inner"}}
    template, name = above(put(cloud, middle), **bad), cloud.name()
    if begins == "update":
        cloud.create(queues(A={}), name)
        template["Resources"]["A"] = {"Type": "AWS::SQS::Queue"}
        assert cloud.update(name, template, RetainExceptOnCreate=given) == "UPDATE_ROLLBACK_COMPLETE"
    elif begins == "creation":
        assert cloud.status(cloud.create(template, name, RetainExceptOnCreate=given)) == "ROLLBACK_COMPLETE"
    else:
        made = cloud.cloudformation.create_stack(
            StackName=name, TemplateBody=json.dumps(template), OnFailure="DELETE", RetainExceptOnCreate=given
        )
        assert cloud.rest(made["StackId"]) == "DELETE_COMPLETE"
    assert bool([one for one in cloud.queues() if one.startswith(f"{name}-Inner-")]) == stays


def test_without_rollback_an_inner_stack_goes_on_with_what_needs_nothing_that_failed(cloud: Cloud) -> None:
    chain = queues(Bad=INVALID, First={}, Second={}, Third={})
    for one, other in (("Second", "First"), ("Third", "Second")):
        chain["Resources"][one]["DependsOn"] = other
    name = cloud.create(above(put(cloud, chain)), DisableRollback=True)
    assert cloud.status(name) == "CREATE_FAILED"
    identifier = cloud.resources(name)["Inner"]
    assert cloud.status(identifier) == "CREATE_FAILED"
    assert cloud.statuses(identifier, "Third")[-1] == "CREATE_COMPLETE"


def test_what_failed_to_come_back_in_an_inner_stack_can_be_skipped(cloud: Cloud, vendor: Vendor) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ContinueUpdateRollback.html"""
    name, failed = cloud.name(), {"status": "FAILED", "Reason": "broken"}

    def template(size: int) -> dict[str, Any]:
        return above(put(cloud, above(put(cloud, vendor.template(Size=size)))))

    vendor.work(lambda: cloud.create(template(1), name), {})
    vendor.work(lambda: cloud.update(name, template(2)), failed, failed)
    assert cloud.status(name) == "UPDATE_ROLLBACK_FAILED"
    middle = cloud.resources(name)["Inner"]
    innermost = cloud.resources(middle)["Inner"]
    skipped = f"{cloud.stack(innermost)['StackName']}.Thing"
    go_on = cloud.cloudformation.continue_update_rollback
    for wrong in ("Thing", f"{name}.Thing", skipped.replace("Thing", "Other")):
        with pytest.raises(ClientError, match=f"Resource {wrong} can't be skipped"):
            go_on(StackName=name, ResourcesToSkip=[wrong])
    go_on(StackName=name, ResourcesToSkip=[skipped])
    assert cloud.rest(name) == "UPDATE_ROLLBACK_COMPLETE"
    assert [cloud.status(one) for one in (middle, innermost)] == ["UPDATE_ROLLBACK_COMPLETE"] * 2


def test_a_stack_stays_while_an_export_of_an_inner_one_is_in_use(cloud: Cloud) -> None:
    export = cloud.name("export")
    template = inner()
    template["Outputs"]["Arn"]["Export"] = {"Name": export}
    name = cloud.create(above(put(cloud, template)))
    importing = queues(B={})
    importing["Outputs"] = {"Told": {"Value": {"Fn::ImportValue": export}}}
    user = cloud.create(importing)
    cloud.cloudformation.delete_stack(StackName=name)
    assert cloud.rest(name) == "DELETE_FAILED"
    assert f"in use by {user}" in cloud.reason(name, "Inner", "DELETE_FAILED")
    assert cloud.status(cloud.resources(name)["Inner"]) == "CREATE_COMPLETE"


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
