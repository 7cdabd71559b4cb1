"""EC2: internet and NAT gateways, elastic addresses and VPC endpoints.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_EC2.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.templates.types.ec2_networks import EC2, NO_IPAM, labels, retag
from sandbox.templates.types.fitting import document
from sandbox.templates.types.resource_type import ResourceType, Unsupported, Work

# -- internet gateways ---------------------------------------------------------------------------------


def _create_gateway(work: Work) -> str:
    tags = labels(work, "internet-gateway")
    gateway = work.call(EC2, "CreateInternetGateway", TagSpecifications=tags)["InternetGateway"]
    return str(gateway["InternetGatewayId"])


INTERNET_GATEWAY = ResourceType(
    "AWS::EC2::InternetGateway",
    create=_create_gateway,
    update=lambda work: retag(work, work.physical_id),
    delete=lambda work: work.call(EC2, "DeleteInternetGateway", InternetGatewayId=work.physical_id),
    attributes=lambda work: {"InternetGatewayId": work.physical_id},
)


def _attach(work: Work) -> str:
    work.call(EC2, "AttachInternetGateway", InternetGatewayId=work["InternetGatewayId"] or "", VpcId=work["VpcId"])
    return f"IGW|{work['VpcId']}"


def _detach(work: Work, gateway: str) -> None:
    work.call(EC2, "DetachInternetGateway", InternetGatewayId=gateway, VpcId=work["VpcId"])


def _reattach(work: Work) -> None:
    _detach(work, work.before["InternetGatewayId"])
    _attach(work)


ATTACHMENT = ResourceType(
    "AWS::EC2::VPCGatewayAttachment",
    create=_attach,
    update=_reattach,
    delete=lambda work: _detach(work, work["InternetGatewayId"]),
    attributes=lambda work: {"AttachmentType": "IGW"},
    refused={"VpnGatewayId": "there are no VPN connections behind it"},
)


# -- elastic addresses ---------------------------------------------------------------------------------


def _create_address(work: Work) -> str:
    if work["Domain"] not in (None, "vpc"):
        raise Unsupported(f"Domain {work['Domain']} is not supported by this sandbox: it is vpc")
    given = {"Domain": "vpc", "TagSpecifications": labels(work, "elastic-ip")}
    return str(work.call(EC2, "AllocateAddress", **given)["PublicIp"])


def _allocation(work: Work) -> str:
    addresses = work.call(EC2, "DescribeAddresses", PublicIps=[work.physical_id])["Addresses"]
    return str(addresses[0]["AllocationId"])


def _address_attributes(work: Work) -> Mapping[str, Any]:
    return {"PublicIp": work.physical_id, "AllocationId": _allocation(work)}


ADDRESS = ResourceType(
    "AWS::EC2::EIP",
    create=_create_address,
    update=lambda work: retag(work, _allocation(work)),
    delete=lambda work: work.call(EC2, "ReleaseAddress", AllocationId=_allocation(work)),
    attributes=_address_attributes,
    refused={
        "Address": "addresses can't be chosen",
        "InstanceId": "there are no machines behind it",
        "IpamPoolId": NO_IPAM,
        "NetworkBorderGroup": "there are no Local Zones behind it",
        "PublicIpv4Pool": "there are no pools of own addresses behind it",
        "TransferAddress": "addresses are not passed between accounts",
    },
)


# -- NAT gateways --------------------------------------------------------------------------------------


def _create_nat(work: Work) -> str:
    given = {name: work[name] for name in ("SubnetId", "AllocationId", "ConnectivityType")}
    tags = labels(work, "natgateway")
    nat = work.call(EC2, "CreateNatGateway", **given, TagSpecifications=tags, ClientToken=work.token or None)
    return str(nat["NatGateway"]["NatGatewayId"])


def _nat(work: Work) -> dict[str, Any]:
    found: dict[str, Any] = work.call(EC2, "DescribeNatGateways", NatGatewayIds=[work.physical_id])["NatGateways"][0]
    return found


def _nat_attributes(work: Work) -> Mapping[str, Any]:
    addresses = _nat(work).get("NatGatewayAddresses") or [{}]
    return {"NatGatewayId": work.physical_id, "EniId": addresses[0].get("NetworkInterfaceId", "")}


NAT_GATEWAY = ResourceType(
    "AWS::EC2::NatGateway",
    create=_create_nat,
    update=lambda work: retag(work, work.physical_id),
    delete=lambda work: work.call(EC2, "DeleteNatGateway", NatGatewayId=work.physical_id),
    attributes=_nat_attributes,
    ready=lambda work: bool(_nat(work)["State"] == "available"),
    absent=lambda work: bool(_nat(work)["State"] == "deleted"),
    refused={
        "AvailabilityMode": "regional gateways are not built",
        "AvailabilityZoneAddresses": "regional gateways are not built",
        "MaxDrainDurationSeconds": "a gateway has one address",
        "PrivateIpAddress": "addresses can't be chosen",
        "SecondaryAllocationIds": "a gateway has one address",
        "SecondaryPrivateIpAddressCount": "a gateway has one address",
        "SecondaryPrivateIpAddresses": "a gateway has one address",
        "VpcId": "regional gateways are not built",
    },
)


# -- endpoints -----------------------------------------------------------------------------------------

#: What an endpoint lets pass when nothing is said.
#: https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html#default-endpoint-policy
_OPEN = {"Version": "2008-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}
_LISTS = ("RouteTableIds", "SecurityGroupIds", "SubnetIds")


def _create_endpoint(work: Work) -> str:
    kind = work["VpcEndpointType"] or "Gateway"
    if kind not in ("Gateway", "Interface"):
        raise Unsupported(f"VpcEndpointType {kind} is not supported by this sandbox: Gateway and Interface are")
    endpoint = work.call(
        EC2,
        "CreateVpcEndpoint",
        VpcId=work["VpcId"],
        ServiceName=work["ServiceName"],
        VpcEndpointType=kind,
        PolicyDocument=document(work["PolicyDocument"]) if work["PolicyDocument"] is not None else None,
        PrivateDnsEnabled=work["PrivateDnsEnabled"],
        TagSpecifications=labels(work, "vpc-endpoint"),
        **{name: work[name] for name in _LISTS},
    )
    return str(endpoint["VpcEndpoint"]["VpcEndpointId"])


def _update_endpoint(work: Work) -> None:
    changed = work.changed
    for name in ("PrivateDnsEnabled", "SubnetIds"):
        if name in changed:
            raise Unsupported(f"A change of {name} of an endpoint in place is not supported by this sandbox")
    given: dict[str, Any] = {}
    for name in ("RouteTableIds", "SecurityGroupIds"):
        old, new = work.before.get(name) or [], work[name] or []
        given[f"Add{name}"] = [each for each in new if each not in old] or None
        given[f"Remove{name}"] = [each for each in old if each not in new] or None
    if "PolicyDocument" in changed:
        given["PolicyDocument"] = document(work["PolicyDocument"] if work["PolicyDocument"] is not None else _OPEN)
    if any(value is not None for value in given.values()):
        work.call(EC2, "ModifyVpcEndpoint", VpcEndpointId=work.physical_id, **given)
    retag(work, work.physical_id)


def _endpoint(work: Work) -> dict[str, Any]:
    found: dict[str, Any] = work.call(EC2, "DescribeVpcEndpoints", VpcEndpointIds=[work.physical_id])["VpcEndpoints"][0]
    return found


def _endpoint_attributes(work: Work) -> Mapping[str, Any]:
    endpoint = _endpoint(work)
    return {
        "Id": work.physical_id,
        "CreationTimestamp": endpoint["CreationTimestamp"].isoformat(),
        "DnsEntries": [f"{each['HostedZoneId']}:{each['DnsName']}" for each in endpoint.get("DnsEntries", ())],
        "NetworkInterfaceIds": endpoint.get("NetworkInterfaceIds", []),
    }


ENDPOINT = ResourceType(
    "AWS::EC2::VPCEndpoint",
    create=_create_endpoint,
    update=_update_endpoint,
    delete=lambda work: work.call(EC2, "DeleteVpcEndpoints", VpcEndpointIds=[work.physical_id]),
    attributes=_endpoint_attributes,
    refused={
        "DnsOptions": "there is no resolver behind it",
        "IpAddressType": "networks are IPv4 only",
        "ResourceConfigurationArn": "VPC Lattice is not built",
        "ServiceNetworkArn": "VPC Lattice is not built",
        "ServiceRegion": "endpoints reach services of their own Region",
    },
)

TYPES = (INTERNET_GATEWAY, ATTACHMENT, ADDRESS, NAT_GATEWAY, ENDPOINT)
