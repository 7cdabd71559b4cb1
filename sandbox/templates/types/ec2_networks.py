"""EC2: VPCs, subnets, security groups, route tables and routes.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_EC2.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.templates.types import ec2_rules
from sandbox.templates.types.resource_type import ResourceType, Work

EC2 = "ec2"
NO_IPV6 = "networks are IPv4 only"
NO_IPAM = "there is no address manager behind it"


def labels(work: Work, kind: str) -> list[dict[str, Any]]:
    """The tags of a resource that is only being made, as EC2 takes them."""
    return [{"ResourceType": kind, "Tags": work.tag_list()}]


def retag(work: Work, resource_id: str) -> None:
    """Brings the tags of what an update is about to those of the template."""
    added, removed = work.tag_changes()
    if added:
        tags = [{"Key": key, "Value": value} for key, value in added.items()]
        work.call(EC2, "CreateTags", Resources=[resource_id], Tags=tags)
    if removed:
        work.call(EC2, "DeleteTags", Resources=[resource_id], Tags=[{"Key": key} for key in removed])


def filtered(name: str, value: str) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": [value]}]


# -- VPCs ----------------------------------------------------------------------------------------------

_VPC_FLAGS = {"EnableDnsSupport": True, "EnableDnsHostnames": False}


def _true(value: Any) -> bool:
    return str(value).lower() == "true"


def _set_vpc_flags(work: Work, before: Mapping[str, Any]) -> None:
    for name, default in _VPC_FLAGS.items():
        old, new = (default if given is None else _true(given) for given in (before.get(name), work[name]))
        if old != new:
            work.call(EC2, "ModifyVpcAttribute", VpcId=work.physical_id, **{name: {"Value": new}})


def _create_vpc(work: Work) -> str:
    given = {name: work[name] for name in ("CidrBlock", "InstanceTenancy")}
    vpc = work.call(EC2, "CreateVpc", **given, TagSpecifications=labels(work, "vpc"))["Vpc"]
    work.made(vpc["VpcId"])
    _set_vpc_flags(work, {})
    return work.physical_id


def _update_vpc(work: Work) -> None:
    _set_vpc_flags(work, work.before)
    if "InstanceTenancy" in work.changed:
        work.call(EC2, "ModifyVpcTenancy", VpcId=work.physical_id, InstanceTenancy=work["InstanceTenancy"] or "default")
    retag(work, work.physical_id)


def _vpc_attributes(work: Work) -> Mapping[str, Any]:
    of_vpc = filtered("vpc-id", work.physical_id)
    vpc = work.call(EC2, "DescribeVpcs", VpcIds=[work.physical_id])["Vpcs"][0]
    groups = work.call(EC2, "DescribeSecurityGroups", Filters=of_vpc)["SecurityGroups"]
    lists = work.call(EC2, "DescribeNetworkAcls", Filters=of_vpc)["NetworkAcls"]
    return {
        "VpcId": work.physical_id,
        "CidrBlock": vpc["CidrBlock"],
        "CidrBlockAssociations": [each["AssociationId"] for each in vpc.get("CidrBlockAssociationSet", ())],
        "DefaultNetworkAcl": next((each["NetworkAclId"] for each in lists if each["IsDefault"]), ""),
        "DefaultSecurityGroup": next((each["GroupId"] for each in groups if each["GroupName"] == "default"), ""),
        "Ipv6CidrBlocks": [],
    }


VPC = ResourceType(
    "AWS::EC2::VPC",
    create=_create_vpc,
    update=_update_vpc,
    delete=lambda work: work.call(EC2, "DeleteVpc", VpcId=work.physical_id),
    attributes=_vpc_attributes,
    refused={
        "Ipv4IpamPoolId": NO_IPAM,
        "Ipv4NetmaskLength": NO_IPAM,
        "VpcEncryptionControl": "there is no traffic to encrypt",
    },
)


# -- subnets -------------------------------------------------------------------------------------------


def _map_addresses(work: Work) -> None:
    given = {"MapPublicIpOnLaunch": {"Value": _true(work["MapPublicIpOnLaunch"])}}
    work.call(EC2, "ModifySubnetAttribute", SubnetId=work.physical_id, **given)


def _create_subnet(work: Work) -> str:
    given = {name: work[name] for name in ("VpcId", "CidrBlock", "AvailabilityZone", "AvailabilityZoneId")}
    subnet = work.call(EC2, "CreateSubnet", **given, TagSpecifications=labels(work, "subnet"))["Subnet"]
    work.made(subnet["SubnetId"])
    if _true(work["MapPublicIpOnLaunch"]):
        _map_addresses(work)
    return work.physical_id


def _update_subnet(work: Work) -> None:
    if "MapPublicIpOnLaunch" in work.changed:
        _map_addresses(work)
    retag(work, work.physical_id)


def _subnet_attributes(work: Work) -> Mapping[str, Any]:
    subnet = work.call(EC2, "DescribeSubnets", SubnetIds=[work.physical_id])["Subnets"][0]
    lists = work.call(EC2, "DescribeNetworkAcls", Filters=filtered("association.subnet-id", work.physical_id))
    associations = [each for one in lists["NetworkAcls"] for each in one["Associations"]]
    of_subnet = (each["NetworkAclAssociationId"] for each in associations if each.get("SubnetId") == work.physical_id)
    return {
        "SubnetId": work.physical_id,
        "VpcId": subnet["VpcId"],
        "CidrBlock": subnet["CidrBlock"],
        "AvailabilityZone": subnet["AvailabilityZone"],
        "AvailabilityZoneId": subnet["AvailabilityZoneId"],
        "NetworkAclAssociationId": next(of_subnet, ""),
        "Ipv6CidrBlocks": [],
        "OutpostArn": "",
    }


SUBNET = ResourceType(
    "AWS::EC2::Subnet",
    create=_create_subnet,
    update=_update_subnet,
    delete=lambda work: work.call(EC2, "DeleteSubnet", SubnetId=work.physical_id),
    attributes=_subnet_attributes,
    refused={
        "AssignIpv6AddressOnCreation": NO_IPV6,
        "EnableDns64": NO_IPV6,
        "EnableLniAtDeviceIndex": "there are no Outposts behind it",
        "Ipv4IpamPoolId": NO_IPAM,
        "Ipv4NetmaskLength": NO_IPAM,
        "Ipv6CidrBlock": NO_IPV6,
        "Ipv6IpamPoolId": NO_IPV6,
        "Ipv6Native": NO_IPV6,
        "Ipv6NetmaskLength": NO_IPV6,
        "OutpostArn": "there are no Outposts behind it",
        "PrivateDnsNameOptionsOnLaunch": "there are no machines behind it",
    },
)


# -- security groups -----------------------------------------------------------------------------------


def _create_group(work: Work) -> str:
    name, vpc = work.name("GroupName", 255), work["VpcId"]
    tags = labels(work, "security-group")
    about = {"GroupName": name, "Description": work["GroupDescription"], "VpcId": vpc}
    group = str(work.call(EC2, "CreateSecurityGroup", **about, TagSpecifications=tags)["GroupId"])
    # Its id is the name where the template names no VPC.
    work.made(group if vpc is not None else name)
    _let(work, group, "Ingress", {}, ec2_rules.keyed(work["SecurityGroupIngress"]))
    _let(work, group, "Egress", ec2_rules.outgoing(None), ec2_rules.outgoing(work["SecurityGroupEgress"]))
    return work.physical_id


def _let(work: Work, group: str, way: str, before: ec2_rules.Rules, after: ec2_rules.Rules) -> None:
    gone = [rule for key, rule in before.items() if key not in after]
    new = [rule for key, rule in after.items() if key not in before]
    if gone:
        work.call(EC2, f"RevokeSecurityGroup{way}", GroupId=group, IpPermissions=gone)
    if new:
        work.call(EC2, f"AuthorizeSecurityGroup{way}", GroupId=group, IpPermissions=new)


def _update_group(work: Work) -> None:
    group, before = _group_id(work), work.before
    incoming = (ec2_rules.keyed(each) for each in (before.get("SecurityGroupIngress"), work["SecurityGroupIngress"]))
    _let(work, group, "Ingress", *incoming)
    outgoing = (ec2_rules.outgoing(each) for each in (before.get("SecurityGroupEgress"), work["SecurityGroupEgress"]))
    _let(work, group, "Egress", *outgoing)
    retag(work, group)


def _group_id(work: Work) -> str:
    if work["VpcId"] is not None:
        return work.physical_id
    return str(_group(work)["GroupId"])


def _group(work: Work) -> dict[str, Any]:
    which = {"GroupIds": [work.physical_id]} if work["VpcId"] is not None else {"GroupNames": [work.physical_id]}
    found: dict[str, Any] = work.call(EC2, "DescribeSecurityGroups", **which)["SecurityGroups"][0]
    return found


def _group_attributes(work: Work) -> Mapping[str, Any]:
    group = _group(work)
    return {"GroupId": group["GroupId"], "VpcId": group["VpcId"], "Id": work.physical_id}


SECURITY_GROUP = ResourceType(
    "AWS::EC2::SecurityGroup",
    create=_create_group,
    update=_update_group,
    delete=lambda work: work.call(EC2, "DeleteSecurityGroup", GroupId=_group_id(work)),
    attributes=_group_attributes,
    named="GroupName",
)


# -- route tables and routes ---------------------------------------------------------------------------


def _create_table(work: Work) -> str:
    tags = labels(work, "route-table")
    table = work.call(EC2, "CreateRouteTable", VpcId=work["VpcId"], TagSpecifications=tags)["RouteTable"]
    return str(table["RouteTableId"])


ROUTE_TABLE = ResourceType(
    "AWS::EC2::RouteTable",
    create=_create_table,
    update=lambda work: retag(work, work.physical_id),
    delete=lambda work: work.call(EC2, "DeleteRouteTable", RouteTableId=work.physical_id),
    attributes=lambda work: {"RouteTableId": work.physical_id},
)

_DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")


def _destination(work: Work) -> str:
    return next((str(work[name]) for name in _DESTINATIONS if work[name] is not None), "")


def _create_route(work: Work) -> str:
    work.call(EC2, "CreateRoute", **work.fitted(EC2, "CreateRoute"))
    return f"{work['RouteTableId']}|{_destination(work)}"


def _delete_route(work: Work) -> None:
    which = {name: work[name] for name in _DESTINATIONS}
    work.call(EC2, "DeleteRoute", RouteTableId=work["RouteTableId"], **which)


ROUTE = ResourceType(
    "AWS::EC2::Route",
    create=_create_route,
    update=lambda work: work.call(EC2, "ReplaceRoute", **work.fitted(EC2, "ReplaceRoute")),
    delete=_delete_route,
    attributes=lambda work: {"CidrBlock": _destination(work)},
    refused={
        "CarrierGatewayId": "there are no carrier networks behind it",
        "CoreNetworkArn": "there is no global network behind it",
        "InstanceId": "there are no machines behind it",
        "LocalGatewayId": "there are no Outposts behind it",
        "OdbNetworkArn": "there is no Oracle network behind it",
    },
)


def _associate(work: Work) -> str:
    """A subnet that has a table gets the new one in its place, as AWS's own handler has it."""
    subnet, table = work["SubnetId"], work["RouteTableId"]
    found = work.call(EC2, "DescribeRouteTables", Filters=filtered("association.subnet-id", subnet))["RouteTables"]
    associations = [each for one in found for each in one["Associations"] if each.get("SubnetId") == subnet]
    if not associations:
        return str(work.call(EC2, "AssociateRouteTable", SubnetId=subnet, RouteTableId=table)["AssociationId"])
    held = associations[0]["RouteTableAssociationId"]
    answer = work.call(EC2, "ReplaceRouteTableAssociation", AssociationId=held, RouteTableId=table)
    return str(answer["NewAssociationId"])


ASSOCIATION = ResourceType(
    "AWS::EC2::SubnetRouteTableAssociation",
    create=_associate,
    delete=lambda work: work.call(EC2, "DisassociateRouteTable", AssociationId=work.physical_id),
    attributes=lambda work: {"Id": work.physical_id},
)

TYPES = (VPC, SUBNET, SECURITY_GROUP, ROUTE_TABLE, ROUTE, ASSOCIATION)
