"""Networks, as a template makes them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.templates.types.resource_type import Unsupported, Work
from tests.templates.types.conftest import Bench

TEAM = {"Tags": [{"Key": "team", "Value": "shop"}]}


@pytest.fixture
def vpc(bench: Bench) -> Work:
    return bench.create("AWS::EC2::VPC", {"CidrBlock": "10.0.0.0/16"}, "Net")


def tags(bench: Bench, resource: str) -> dict[str, str]:
    filters = [{"Name": "resource-id", "Values": [resource]}]
    return {each["Key"]: each["Value"] for each in bench.client("ec2").describe_tags(Filters=filters)["Tags"]}


def test_a_vpc_has_its_settings_its_tags_and_what_comes_with_it(bench: Bench) -> None:
    client = bench.client("ec2")

    def flag(name: str, member: str) -> bool:
        return bool(client.describe_vpc_attribute(VpcId=vpc.physical_id, Attribute=name)[member]["Value"])

    given = {"CidrBlock": "10.9.0.0/16", "EnableDnsHostnames": "true", "EnableDnsSupport": True}
    vpc = bench.create("AWS::EC2::VPC", {**given, **TEAM})
    assert tags(bench, vpc.physical_id)["team"] == "shop"
    assert tags(bench, vpc.physical_id)["aws:cloudformation:stack-name"] == "shop"
    assert flag("enableDnsHostnames", "EnableDnsHostnames")
    found = bench.attributes(vpc)
    assert (found["VpcId"], found["CidrBlock"]) == (bench.ref(vpc), "10.9.0.0/16")
    assert found["DefaultSecurityGroup"].startswith("sg-")
    assert found["DefaultNetworkAcl"].startswith("acl-")
    assert len(found["CidrBlockAssociations"]) == 1
    vpc = bench.update(vpc, {"CidrBlock": "10.9.0.0/16", "EnableDnsSupport": "false"})
    assert not flag("enableDnsHostnames", "EnableDnsHostnames")
    assert not flag("enableDnsSupport", "EnableDnsSupport")
    assert "team" not in tags(bench, vpc.physical_id)
    bench.delete(vpc)
    with pytest.raises(ClientError, match="NotFound"):
        bench.delete(vpc)


def test_a_public_network_goes_in_the_order_in_which_it_came(bench: Bench, vpc: Work) -> None:
    client = bench.client("ec2")
    given = {"VpcId": vpc.physical_id, "CidrBlock": "10.0.1.0/24", "AvailabilityZone": "us-east-1a"}
    subnet = bench.create("AWS::EC2::Subnet", {**given, "MapPublicIpOnLaunch": True, **TEAM})
    attributes = bench.attributes(subnet)
    assert (attributes["AvailabilityZone"], attributes["VpcId"]) == ("us-east-1a", vpc.physical_id)
    assert attributes["NetworkAclAssociationId"].startswith("aclassoc-")
    assert client.describe_subnets(SubnetIds=[bench.ref(subnet)])["Subnets"][0]["MapPublicIpOnLaunch"]
    subnet = bench.update(subnet, given)
    assert not client.describe_subnets(SubnetIds=[bench.ref(subnet)])["Subnets"][0]["MapPublicIpOnLaunch"]
    with pytest.raises(ClientError, match="DependencyViolation"):
        bench.delete(vpc)

    gateway = bench.create("AWS::EC2::InternetGateway", TEAM)
    assert bench.attributes(gateway) == {"InternetGatewayId": bench.ref(gateway)}
    attached = {"VpcId": vpc.physical_id, "InternetGatewayId": gateway.physical_id}
    attachment = bench.create("AWS::EC2::VPCGatewayAttachment", attached)
    assert bench.ref(attachment) == f"IGW|{vpc.physical_id}"
    with pytest.raises(ClientError, match="DependencyViolation"):
        bench.delete(gateway)

    table = bench.create("AWS::EC2::RouteTable", {"VpcId": vpc.physical_id, **TEAM})
    table = bench.update(table, {"VpcId": vpc.physical_id})
    assert "team" not in tags(bench, bench.attributes(table)["RouteTableId"])
    away = {"RouteTableId": table.physical_id, "DestinationCidrBlock": "0.0.0.0/0"}
    route = bench.create("AWS::EC2::Route", {**away, "GatewayId": gateway.physical_id})
    assert bench.ref(route) == f"{table.physical_id}|0.0.0.0/0"
    assert bench.attributes(route) == {"CidrBlock": "0.0.0.0/0"}
    place = {"SubnetId": subnet.physical_id, "RouteTableId": table.physical_id}
    association = bench.create("AWS::EC2::SubnetRouteTableAssociation", place)
    other = bench.create("AWS::EC2::RouteTable", {"VpcId": vpc.physical_id}, "Other")
    moved = bench.create("AWS::EC2::SubnetRouteTableAssociation", {**place, "RouteTableId": other.physical_id})
    with pytest.raises(ClientError, match="NotFound"):
        bench.delete(association)
    with pytest.raises(ClientError, match="DependencyViolation"):
        bench.delete(other)
    bench.delete(moved)
    bench.delete(other)

    address = bench.create("AWS::EC2::EIP", {"Domain": "vpc"})
    allocation = bench.attributes(address)["AllocationId"]
    address = bench.update(address, {"Domain": "vpc", **TEAM})
    assert tags(bench, allocation)["team"] == "shop"
    nat = bench.create("AWS::EC2::NatGateway", {"SubnetId": subnet.physical_id, "AllocationId": allocation})
    assert bench.attributes(nat)["EniId"].startswith("eni-")
    bench.update(route, {**away, "NatGatewayId": nat.physical_id})
    routes = client.describe_route_tables(RouteTableIds=[table.physical_id])["RouteTables"][0]["Routes"]
    assert [each["NatGatewayId"] for each in routes if each.get("NatGatewayId")] == [nat.physical_id]
    with pytest.raises(ClientError, match="InUse"):
        bench.delete(address)
    with pytest.raises(ClientError, match="mapped public"):
        bench.delete(attachment)
    with pytest.raises(ClientError, match="DependencyViolation"):
        bench.delete(subnet)
    for work in (nat, address, route, table, attachment, gateway, subnet, vpc):
        bench.delete(work)
    with pytest.raises(ClientError, match="NotFound"):
        bench.delete(table)


def test_what_comes_with_a_network_goes_with_it(bench: Bench) -> None:
    made = bench.create("AWS::EC2::VPC", {"CidrBlock": "10.8.0.0/16"})
    within = [{"Name": "vpc-id", "Values": [made.physical_id]}]
    client = bench.client("ec2")
    assert client.describe_network_acls(Filters=within)["NetworkAcls"]
    bench.delete(made)
    assert client.describe_network_acls(Filters=within)["NetworkAcls"] == []
    assert client.describe_route_tables(Filters=within)["RouteTables"] == []


def test_a_security_group_of_no_network_is_refused(bench: Bench) -> None:
    given = {"GroupDescription": "of nowhere", "VpcId": "vpc-0123456789abcdef0"}
    with pytest.raises(ClientError, match=r"InvalidVpcID.NotFound.* The vpc ID 'vpc-0123456789abcdef0' does not exist"):
        bench.create("AWS::EC2::SecurityGroup", given)


def test_a_security_group_has_its_rules_and_only_these(bench: Bench, vpc: Work) -> None:
    client = bench.client("ec2")

    def rules(group: str) -> tuple[list[Any], list[Any]]:
        found = client.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
        return tuple(  # type: ignore[return-value]
            sorted(
                (each["IpProtocol"], each.get("FromPort"), *(one["CidrIp"] for one in each["IpRanges"]))
                for each in found[way]
            )
            for way in ("IpPermissions", "IpPermissionsEgress")
        )

    http = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": "80", "CidrIp": "0.0.0.0/0", "Description": "all"}
    https = {**http, "FromPort": 443, "ToPort": 443}
    given = {"GroupDescription": "web", "VpcId": vpc.physical_id}
    group = bench.create("AWS::EC2::SecurityGroup", {**given, "SecurityGroupIngress": [http]}, "Web")
    attributes = bench.attributes(group)
    assert attributes == {"GroupId": bench.ref(group), "Id": bench.ref(group), "VpcId": vpc.physical_id}
    named = client.describe_security_groups(GroupIds=[group.physical_id])["SecurityGroups"][0]["GroupName"]
    assert named.startswith("shop-Web-")
    assert rules(group.physical_id) == ([("tcp", 80, "0.0.0.0/0")], [("-1", None, "0.0.0.0/0")])
    out = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "CidrIp": "10.0.0.0/16"}
    group = bench.update(group, {**given, "SecurityGroupIngress": [https], "SecurityGroupEgress": [out], **TEAM})
    assert rules(group.physical_id) == ([("tcp", 443, "0.0.0.0/0")], [("tcp", 5432, "10.0.0.0/16")])
    assert tags(bench, group.physical_id)["team"] == "shop"
    group = bench.update(group, given)
    assert rules(group.physical_id) == ([], [("-1", None, "0.0.0.0/0")])
    inner = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "SourceSecurityGroupId": group.physical_id}
    other = bench.create("AWS::EC2::SecurityGroup", {**given, "SecurityGroupIngress": [inner]}, "Inner")
    with pytest.raises(ClientError, match="DependencyViolation"):
        bench.delete(group)
    for work in (other, group, vpc):
        bench.delete(work)


def test_a_group_of_the_default_vpc_goes_by_its_name(bench: Bench) -> None:
    group = bench.create("AWS::EC2::SecurityGroup", {"GroupDescription": "d", "GroupName": "plain"})
    assert bench.ref(group) == "plain"
    assert bench.attributes(group)["GroupId"].startswith("sg-")
    group = bench.update(group, {"GroupDescription": "d", "GroupName": "plain", **TEAM})
    bench.delete(group)
    with pytest.raises(ClientError, match="NotFound"):
        bench.delete(group)


def test_endpoints_of_a_vpc(bench: Bench, vpc: Work) -> None:
    client = bench.client("ec2")
    table = bench.create("AWS::EC2::RouteTable", {"VpcId": vpc.physical_id})
    given = {"VpcId": vpc.physical_id, "ServiceName": "com.amazonaws.us-east-1.dynamodb"}
    policy = {"Version": "2012-10-17", "Statement": []}
    endpoint = bench.create(
        "AWS::EC2::VPCEndpoint", {**given, "RouteTableIds": [table.physical_id], "PolicyDocument": policy, **TEAM}
    )
    endpoint = bench.update(endpoint, given)
    found = client.describe_vpc_endpoints(VpcEndpointIds=[bench.attributes(endpoint)["Id"]])["VpcEndpoints"][0]
    assert (found["RouteTableIds"], found["VpcEndpointType"]) == ([], "Gateway")
    assert "Allow" in found["PolicyDocument"]
    subnet = bench.create("AWS::EC2::Subnet", {"VpcId": vpc.physical_id, "CidrBlock": "10.0.2.0/24"})
    group = bench.create("AWS::EC2::SecurityGroup", {"GroupDescription": "d", "VpcId": vpc.physical_id})
    inside = {
        "VpcId": vpc.physical_id,
        "ServiceName": "com.amazonaws.us-east-1.sqs",
        "VpcEndpointType": "Interface",
        "SubnetIds": [subnet.physical_id],
        "SecurityGroupIds": [group.physical_id],
        "PrivateDnsEnabled": True,
    }
    interface = bench.create("AWS::EC2::VPCEndpoint", inside, "Inside")
    assert len(bench.attributes(interface)["NetworkInterfaceIds"]) == 1
    assert ":" in bench.attributes(interface)["DnsEntries"][0]
    for work in (group, subnet):
        with pytest.raises(ClientError, match="DependencyViolation"):
            bench.delete(work)
    with pytest.raises(Unsupported, match="GatewayLoadBalancer"):
        bench.create("AWS::EC2::VPCEndpoint", {**given, "VpcEndpointType": "GatewayLoadBalancer"})
    for work in (interface, endpoint, group, subnet, table, vpc):
        bench.delete(work)
