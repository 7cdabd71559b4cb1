"""What the service tells of stacks and templates, and what it refuses by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.templates.stacks.conftest import Cloud, queues, text


def test_resources_are_told_in_three_ways(cloud: Cloud) -> None:
    name = cloud.create(queues(B={}, A={}))
    client = cloud.cloudformation
    summaries = client.list_stack_resources(StackName=name)["StackResourceSummaries"]
    assert [one["LogicalResourceId"] for one in summaries] == ["A", "B"]
    assert summaries[0]["ResourceStatus"] == "CREATE_COMPLETE"
    physical_id = summaries[0]["PhysicalResourceId"]
    by_id = client.describe_stack_resources(PhysicalResourceId=physical_id)["StackResources"]
    assert [one["LogicalResourceId"] for one in by_id] == ["A", "B"]
    one = client.describe_stack_resources(StackName=name, LogicalResourceId="B")["StackResources"]
    assert [found["LogicalResourceId"] for found in one] == ["B"]
    detail = client.describe_stack_resource(StackName=name, LogicalResourceId="A")["StackResourceDetail"]
    assert (detail["PhysicalResourceId"], detail["StackId"]) == (physical_id, cloud.stack(name)["StackId"])
    with pytest.raises(ClientError, match=f"Resource C does not exist for stack {name}"):
        client.describe_stack_resource(StackName=name, LogicalResourceId="C")


def test_many_events_come_in_pages(cloud: Cloud) -> None:
    name = cloud.create(queues(**{f"Q{number}": {} for number in range(40)}))
    first = cloud.cloudformation.describe_stack_events(StackName=name)
    assert len(first["StackEvents"]) == 100
    assert len(cloud.events(name)) == 2 + 40 * 3
    with pytest.raises(ClientError, match="Invalid NextToken"):
        cloud.cloudformation.describe_stack_events(StackName=name, NextToken="elsewhere")


def test_stacks_are_listed_by_status(cloud: Cloud) -> None:
    name = cloud.create({**queues(A={}), "Description": "what it is for"})
    pages = cloud.cloudformation.get_paginator("list_stacks").paginate(StackStatusFilter=["CREATE_COMPLETE"])
    found = [one for page in pages for one in page["StackSummaries"]]
    assert {one["StackStatus"] for one in found} == {"CREATE_COMPLETE"}
    assert next(one for one in found if one["StackName"] == name)["TemplateDescription"] == "what it is for"
    assert name in [one["StackName"] for one in cloud.cloudformation.describe_stacks()["Stacks"]]
    with pytest.raises(ClientError, match="stackStatusFilter"):
        cloud.cloudformation.list_stacks(StackStatusFilter=["DONE"])


def test_stacks_of_another_region_are_others(cloud: Cloud) -> None:
    name = cloud.create(queues(A={}))
    there = cloud.client("cloudformation", region="eu-west-1")
    with pytest.raises(ClientError, match=f"Stack with id {name} does not exist"):
        there.describe_stacks(StackName=name)
    there.create_stack(StackName=name, TemplateBody=text(queues(A={})))
    assert ":eu-west-1:" in there.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
    urls = cloud.client("sqs", region="eu-west-1").list_queues(QueueNamePrefix=f"{name}-A-")["QueueUrls"]
    assert len(urls) == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda client: client.describe_stacks(StackName="none"), "Stack with id none does not exist"),
        (lambda client: client.describe_stack_events(StackName="none"), r"Stack \[none\] does not exist"),
        (lambda client: client.list_stack_resources(StackName="none"), "Stack with id none does not exist"),
        (lambda client: client.describe_stack_resources(StackName="none"), "Stack with id none does not exist"),
        (lambda client: client.get_template(StackName="none"), "Stack with id none does not exist"),
        (lambda client: client.update_stack(StackName="none", TemplateBody="{}"), r"Stack \[none\] does not exist"),
        (lambda client: client.list_change_sets(StackName="none"), r"Stack \[none\] does not exist"),
        (lambda client: client.cancel_update_stack(StackName="none"), r"Stack \[none\] does not exist"),
        (lambda client: client.continue_update_rollback(StackName="none"), r"Stack \[none\] does not exist"),
        (lambda client: client.list_imports(ExportName="none"), "Export 'none' does not exist"),
    ],
)
def test_a_stack_that_is_not_there(cloud: Cloud, call: Callable[[Any], Any], words: str) -> None:
    with pytest.raises(ClientError, match=words):
        call(cloud.cloudformation)


def test_templates_are_given_back_as_they_came(cloud: Cloud) -> None:
    written = "# queues\nResources:\n  A: {Type: 'AWS::SQS::Queue'}\n"
    name = cloud.create(written)
    for stage in ("Original", "Processed"):
        found = cloud.cloudformation.get_template(StackName=name, TemplateStage=stage)
        assert (found["TemplateBody"], found["StagesAvailable"]) == (written, ["Original", "Processed"])
    other = cloud.create(queues(A={}))
    assert cloud.cloudformation.get_template(StackName=other)["TemplateBody"] == queues(A={})


def test_a_template_is_summed_up(cloud: Cloud) -> None:
    role = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "named", "AssumeRolePolicyDocument": {}}}
    template = queues(A={})
    template["Resources"]["Role"] = role
    template["Description"] = "queues and a role"
    template["Metadata"] = {"Owner": "shop"}
    template["Parameters"] = {"Stage": {"Type": "String", "Default": "dev", "AllowedValues": ["dev", "prod"]}}
    found = cloud.cloudformation.get_template_summary(TemplateBody=json.dumps(template))
    assert found["Parameters"] == [
        {
            "ParameterKey": "Stage",
            "DefaultValue": "dev",
            "ParameterType": "String",
            "NoEcho": False,
            "ParameterConstraints": {"AllowedValues": ["dev", "prod"]},
        }
    ]
    assert found["Capabilities"] == ["CAPABILITY_NAMED_IAM"]
    assert found["CapabilitiesReason"] == "The following resource(s) require capabilities: [AWS::IAM::Role]"
    assert found["ResourceTypes"] == ["AWS::SQS::Queue", "AWS::IAM::Role"]
    assert (found["Description"], json.loads(found["Metadata"])) == ("queues and a role", {"Owner": "shop"})
    short = cloud.cloudformation.validate_template(TemplateBody=json.dumps(template))
    assert (short["Capabilities"], short["Description"]) == (["CAPABILITY_NAMED_IAM"], "queues and a role")
    name = cloud.create(queues(A={}))
    assert cloud.cloudformation.get_template_summary(StackName=name)["ResourceTypes"] == ["AWS::SQS::Queue"]


@pytest.mark.parametrize(
    ("capabilities", "named", "words"),
    [
        ([], False, r"Requires capabilities : \[CAPABILITY_IAM\]"),
        ([], True, r"Requires capabilities : \[CAPABILITY_NAMED_IAM\]"),
        (["CAPABILITY_IAM"], True, r"Requires capabilities : \[CAPABILITY_NAMED_IAM\]"),
    ],
)
def test_capabilities_must_be_acknowledged(cloud: Cloud, capabilities: list[str], named: bool, words: str) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    properties: dict[str, Any] = {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}}
    if named:
        properties["RoleName"] = cloud.name("named")
    template = {"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": properties}}}
    with pytest.raises(ClientError, match=f"InsufficientCapabilitiesException.*{words}"):
        cloud.create(template, Capabilities=capabilities)
    with pytest.raises(ClientError, match=words):
        cloud.cloudformation.create_change_set(
            StackName=cloud.name(),
            ChangeSetName="c",
            ChangeSetType="CREATE",
            TemplateBody=text(template),
            Capabilities=capabilities,
        )
    name = cloud.create(template, Capabilities=["CAPABILITY_NAMED_IAM"])
    assert cloud.stack(name)["Capabilities"] == ["CAPABILITY_NAMED_IAM"]


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.set_stack_policy(StackName="any", StackPolicyBody="{}"),
        lambda client: client.detect_stack_drift(StackName="any"),
        lambda client: client.signal_resource(StackName="any", LogicalResourceId="A", UniqueId="1", Status="SUCCESS"),
        lambda client: client.create_stack_set(StackSetName="any"),
        lambda client: client.register_type(TypeName="My::Own::Type", SchemaHandlerPackage="s3://a/b"),
        lambda client: client.create_generated_template(GeneratedTemplateName="any"),
        lambda client: client.describe_events(StackName="any"),
    ],
)
def test_what_is_not_built_is_refused_by_name(cloud: Cloud, call: Callable[[Any], Any]) -> None:
    with pytest.raises(ClientError, match="coldstart does not support cloudformation:"):
        call(cloud.cloudformation)


def test_limits_and_policies_are_told(cloud: Cloud) -> None:
    limits = cloud.cloudformation.describe_account_limits()["AccountLimits"]
    assert {one["Name"]: one["Value"] for one in limits}["StackLimit"] == 2000
    name = cloud.create(queues(A={}))
    assert "StackPolicyBody" not in cloud.cloudformation.get_stack_policy(StackName=name)
