"""Stacks being deleted: in the reverse order, with what stays and what can't go."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.templates.stacks.conftest import Cloud, Vendor, queues, text, wait_for

FAILED = {"status": "FAILED", "Reason": "still in use"}


def test_a_thing_goes_once_what_needs_it_is_gone(cloud: Cloud) -> None:
    template = queues(First={}, Second={})
    template["Resources"]["Second"]["DependsOn"] = "First"
    identifier = cloud.stack(cloud.create(template))["StackId"]
    cloud.cloudformation.delete_stack(StackName=identifier)
    events = [(one, status) for one, status, _ in cloud.events(identifier)][-6:]
    name = identifier.split("/")[1]
    assert events == [
        (name, "DELETE_IN_PROGRESS"),
        *(("Second", f"DELETE_{status}") for status in ("IN_PROGRESS", "COMPLETE")),
        *(("First", f"DELETE_{status}") for status in ("IN_PROGRESS", "COMPLETE")),
        (name, "DELETE_COMPLETE"),
    ]


def test_a_deleted_stack_is_known_by_its_id_for_90_days(cloud: Cloud) -> None:
    name = cloud.create(queues(A={}))
    identifier = cloud.stack(name)["StackId"]
    cloud.cloudformation.delete_stack(StackName=name)
    with pytest.raises(ClientError, match=f"Stack with id {name} does not exist"):
        cloud.stack(name)
    assert cloud.stack(identifier)["DeletionTime"] is not None
    cloud.cloudformation.delete_stack(StackName=name)

    def listed() -> bool:
        pages = cloud.cloudformation.get_paginator("list_stacks").paginate(StackStatusFilter=["DELETE_COMPLETE"])
        return any(one["StackId"] == identifier for page in pages for one in page["StackSummaries"])

    assert listed()
    assert cloud.create(queues(A={}), name)
    cloud.clock.advance(91 * 86_400)
    assert not listed()


def test_what_is_gone_already_is_no_obstacle(cloud: Cloud) -> None:
    name = cloud.create(queues(A={}))
    identifier = cloud.stack(name)["StackId"]
    cloud.sqs.delete_queue(QueueUrl=cloud.resources(name)["A"])
    cloud.cloudformation.delete_stack(StackName=name)
    assert cloud.status(identifier) == "DELETE_COMPLETE"


@pytest.mark.parametrize("policy", ["Retain", "RetainExceptOnCreate"])
def test_a_thing_with_retain_stays(cloud: Cloud, policy: str) -> None:
    template = queues(Kept={}, Gone={})
    template["Resources"]["Kept"]["DeletionPolicy"] = policy
    name = cloud.create(template)
    identifier, url = cloud.stack(name)["StackId"], cloud.resources(name)["Kept"]
    cloud.cloudformation.delete_stack(StackName=name)
    assert cloud.statuses(identifier, "Kept")[-1] == "DELETE_SKIPPED"
    assert cloud.attribute(url, "QueueArn")


@pytest.mark.parametrize("way", ["again", "retain", "force"])
def test_a_deletion_that_failed_can_be_tried_again(cloud: Cloud, vendor: Vendor, way: str) -> None:
    template = vendor.template()
    template["Resources"]["Under"] = {"Type": "AWS::SQS::Queue"}
    template["Resources"]["Thing"]["DependsOn"] = "Under"
    name = cloud.name()
    vendor.work(lambda: cloud.create(template, name), {})
    identifier = cloud.stack(name)["StackId"]
    delete = cloud.cloudformation.delete_stack
    for given in ({"RetainResources": ["Thing"]}, {"DeletionMode": "FORCE_DELETE_STACK"}):
        with pytest.raises(ClientError, match="DELETE_FAILED"):
            delete(StackName=name, **given)
    vendor.work(lambda: delete(StackName=name), FAILED)
    assert cloud.rest(name) == "DELETE_FAILED"
    assert cloud.stack(name)["StackStatusReason"] == "The following resource(s) failed to delete: [Thing]. "
    assert "still in use" in cloud.reason(name, "Thing", "DELETE_FAILED")
    assert "Under" in cloud.resources(name)
    if way == "again":
        vendor.work(lambda: delete(StackName=name), {})
    elif way == "retain":
        delete(StackName=name, RetainResources=["Thing"])
    else:
        vendor.work(lambda: delete(StackName=name, DeletionMode="FORCE_DELETE_STACK"), FAILED)
    wait_for(lambda: cloud.status(identifier) == "DELETE_COMPLETE", "the stack to go")
    assert cloud.statuses(identifier, "Thing")[-1] == ("DELETE_COMPLETE" if way == "again" else "DELETE_SKIPPED")


def public_network() -> dict[str, Any]:
    """A network with a way out, in which nothing says that it needs the attachment of the gateway."""
    of_network = {"VpcId": {"Ref": "Network"}}
    return {
        "Resources": {
            "Network": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
            "Gateway": {"Type": "AWS::EC2::InternetGateway"},
            "Attachment": {
                "Type": "AWS::EC2::VPCGatewayAttachment",
                "Properties": {**of_network, "InternetGatewayId": {"Ref": "Gateway"}},
            },
            "Subnet": {"Type": "AWS::EC2::Subnet", "Properties": {**of_network, "CidrBlock": "10.0.1.0/24"}},
            "Address": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}},
            "Nat": {
                "Type": "AWS::EC2::NatGateway",
                "Properties": {
                    "SubnetId": {"Ref": "Subnet"},
                    "AllocationId": {"Fn::GetAtt": ["Address", "AllocationId"]},
                },
            },
            "Table": {"Type": "AWS::EC2::RouteTable", "Properties": of_network},
            "Away": {
                "Type": "AWS::EC2::Route",
                "Properties": {
                    "RouteTableId": {"Ref": "Table"},
                    "DestinationCidrBlock": "0.0.0.0/0",
                    "NatGatewayId": {"Ref": "Nat"},
                },
            },
        }
    }


def test_what_something_else_holds_goes_after_it(cloud: Cloud) -> None:
    name = cloud.create(public_network())
    identifier = cloud.stack(name)["StackId"]
    cloud.cloudformation.delete_stack(StackName=name)
    wait_for(lambda: cloud.rest(identifier) == "DELETE_COMPLETE", "the stack to go")
    assert cloud.statuses(identifier, "Attachment")[-2:] == ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]


def test_what_somebody_else_holds_stays_and_is_named(cloud: Cloud) -> None:
    template = public_network()
    for one in ("Address", "Nat", "Table", "Away"):
        del template["Resources"][one]
    name = cloud.create(template)
    identifier, resources = cloud.stack(name)["StackId"], cloud.resources(name)
    ec2 = cloud.client("ec2")
    group = ec2.create_security_group(GroupName="own", Description="of somebody", VpcId=resources["Network"])["GroupId"]
    cloud.cloudformation.delete_stack(StackName=name)
    assert cloud.rest(name) == "DELETE_FAILED"
    assert "has dependencies and cannot be deleted" in cloud.reason(name, "Network", "DELETE_FAILED")
    assert {cloud.statuses(name, one)[-1] for one in ("Attachment", "Gateway", "Subnet")} == {"DELETE_COMPLETE"}
    ec2.delete_security_group(GroupId=group)
    cloud.cloudformation.delete_stack(StackName=name)
    assert cloud.rest(identifier) == "DELETE_COMPLETE"


def test_a_stack_that_is_being_created_can_be_deleted(cloud: Cloud, vendor: Vendor) -> None:
    name = cloud.name()
    template = vendor.template()
    template["Resources"]["Queue"] = {"Type": "AWS::SQS::Queue"}
    made = cloud.cloudformation.create_stack(StackName=name, TemplateBody=text(template))
    vendor.request()
    [deletion] = vendor.work(lambda: cloud.cloudformation.delete_stack(StackName=name), {})
    assert deletion["RequestType"] == "Delete"
    wait_for(lambda: cloud.status(made["StackId"]) == "DELETE_COMPLETE", "the stack to go")
    assert not [one for one in cloud.queues() if one.startswith(f"{name}-")]
    assert "ROLLBACK_IN_PROGRESS" not in cloud.statuses(made["StackId"], name)


def test_a_protected_stack_stays(cloud: Cloud) -> None:
    name = cloud.create(queues(A={}), EnableTerminationProtection=True)
    with pytest.raises(ClientError, match=rf"Stack \[{name}\] cannot be deleted while TerminationProtection is"):
        cloud.cloudformation.delete_stack(StackName=name)
    cloud.cloudformation.update_termination_protection(StackName=name, EnableTerminationProtection=False)
    cloud.cloudformation.delete_stack(StackName=name)
    with pytest.raises(ClientError, match="does not exist"):
        cloud.stack(name)
