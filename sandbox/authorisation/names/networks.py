"""How EC2 names its resources in calls."""

from __future__ import annotations

from sandbox.authorisation.arns import in_partition
from sandbox.authorisation.look_up import Kind, LookUp
from sandbox.authorisation.names.maker import Maker, Paths
from sandbox.authorisation.need import Underivable
from sandbox.gateway.call import Call

#: What EC2's ids begin with, and the type of resource that they are of.
#: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html
_ID_PREFIXES = {
    "acl": "network-acl",
    "ami": "image",
    "cgw": "customer-gateway",
    "cr": "capacity-reservation",
    "dopt": "dhcp-options",
    "eigw": "egress-only-internet-gateway",
    "eipalloc": "elastic-ip",
    "eni": "network-interface",
    "fl": "vpc-flow-log",
    "fleet": "fleet",
    "h": "dedicated-host",
    "i": "instance",
    "igw": "internet-gateway",
    "key": "key-pair",
    "lt": "launch-template",
    "nat": "natgateway",
    "pcx": "vpc-peering-connection",
    "pg": "placement-group",
    "pl": "prefix-list",
    "rtb": "route-table",
    "sg": "security-group",
    "sgr": "security-group-rule",
    "sir": "spot-instances-request",
    "snap": "snapshot",
    "subnet": "subnet",
    "tgw": "transit-gateway",
    "tgw-attach": "transit-gateway-attachment",
    "tgw-rtb": "transit-gateway-route-table",
    "vgw": "vpn-gateway",
    "vol": "volume",
    "vpc": "vpc",
    "vpce": "vpc-endpoint",
    "vpce-svc": "vpc-endpoint-service",
    "vpn": "vpn-connection",
}


def _tagged_by_ec2(call: Call, look_up: LookUp, given: str) -> str:
    kind = _ID_PREFIXES.get(given.rpartition("-")[0])
    if kind is None:
        raise Underivable(f"ec2:{call.operation}: the type of {given!r} can't be told")
    # Images and snapshots are of no account in ARNs.
    return in_partition(call, "ec2", f"{kind}/{given}", account="" if kind in ("image", "snapshot") else None)


def _by_id_or(prefix: str, resource: str, kind: Kind) -> Maker:
    """By an id, or by another name that the state knows."""

    def make(call: Call, look_up: LookUp, given: str) -> str | None:
        if given.startswith("arn:"):
            return given
        named = given if given.startswith(prefix) else None
        found = None if named else look_up.arn(call.account, call.region, kind, given)
        return found or in_partition(call, "ec2", f"{resource}/{given}")

    return make


def _associated(kind: Kind) -> Maker:
    """What an association's id stands for; nothing for one that is not there."""
    return lambda call, look_up, given: look_up.arn(call.account, call.region, kind, given)


_security_group = _by_id_or("sg-", "security-group", "ec2:security-group")

_elastic_ip = _by_id_or("eipalloc-", "elastic-ip", "ec2:elastic-ip")

_launch_template = _by_id_or("lt-", "launch-template", "ec2:launch-template")


NAMES: dict[str, Paths] = {
    "ec2:certificate": ("CertificateArn",),
    "ec2:coip-pool": ("CoipPoolId", "PoolIds[]", "PoolId"),
    "ec2:declarative-policies-report": ("ReportId",),
    "ec2:dedicated-host": ("HostId", "HostIds[]"),
    "ec2:elastic-ip": ("AllocationId", "AllocationIds[]", "PublicIp", "Address"),
    "ec2:image-usage-report": ("ReportId",),
    "ec2:instance": ("InstanceId", "InstanceIds[]", "Instances[]"),
    "ec2:ipv4pool-ec2": ("PoolId", "PublicIpv4Pool"),
    "ec2:ipv6pool-ec2": ("PoolId", "Ipv6Pool"),
    "ec2:key-pair": ("KeyName", "KeyPairId"),
    "ec2:launch-template": ("LaunchTemplateId", "LaunchTemplateName", "LaunchTemplate.LaunchTemplateId"),
    "ec2:local-gateway-route-table": ("LocalGatewayRouteTableId",),
    "ec2:network-acl": ("NetworkAclId",),
    "ec2:placement-group": ("GroupName", "Placement.GroupName"),
    "ec2:reserved-instances": ("ReservedInstancesId", "ReservedInstancesIds[]", "ReservedInstanceIds[]"),
    "ec2:security-group": ("GroupId", "SecurityGroupIds[]", "SecurityGroupId", "Groups[]", "GroupName"),
    "ec2:spot-fleet-request": ("SpotFleetRequestId", "SpotFleetRequestIds[]"),
    "ec2:spot-instances-request": ("SpotInstanceRequestIds[]",),
    "ec2:vpc-block-public-access-exclusion": ("ExclusionId", "ExclusionIds[]"),
    "ec2:vpc-endpoint-connection": ("VpcEndpointConnectionId", "VpcEndpointIds[]"),
    "ec2:vpc-endpoint-service": ("ServiceId", "ServiceIds[]"),
    "ec2:vpc-flow-log": ("FlowLogId", "FlowLogIds[]"),
}

RULES: dict[str, dict[str, Paths]] = {
    "ec2:AcceptVpcPeeringConnection": {"vpc-peering-connection": ("VpcPeeringConnectionId",), "vpc": ("=*",)},
    "ec2:AllocateAddress": {
        "elastic-ip": ("=*",),
        "ipam-pool": ("?", "IpamPoolId"),
        "ipv4pool-ec2": ("?", "PublicIpv4Pool"),
    },
    "ec2:AssociateIpamResourceDiscovery": {
        "ipam": ("IpamId",),
        "ipam-resource-discovery": ("IpamResourceDiscoveryId",),
        "ipam-resource-discovery-association": ("=*",),
    },
    "ec2:CreateFlowLogs": {"vpc-flow-log": ("=*",), "vpc": ("ResourceIds[]",)},
    "ec2:CreateRestoreImageTask": {"image": ("=*",)},
    "ec2:CreateTags": {"instance": ("Resources[]",)},
    "ec2:DeleteTags": {"instance": ("Resources[]",)},
    "ec2:DisableFastSnapshotRestores": {"snapshot": ("SourceSnapshotIds[]",)},
    "ec2:DisableVgwRoutePropagation": {"route-table": ("RouteTableId",), "vpn-gateway": ("GatewayId",)},
    "ec2:DisassociateRouteTable": {"route-table": ("?", "AssociationId"), "subnet": ("?", "AssociationId")},
    "ec2:EnableFastSnapshotRestores": {"snapshot": ("SourceSnapshotIds[]",)},
    "ec2:EnableVgwRoutePropagation": {"route-table": ("RouteTableId",), "vpn-gateway": ("GatewayId",)},
    "ec2:ModifyInstanceCreditSpecification": {"instance": ("InstanceCreditSpecifications[].InstanceId",)},
    "ec2:ModifySecurityGroupRules": {
        "security-group": ("GroupId",),
        "security-group-rule": ("SecurityGroupRules[].SecurityGroupRuleId",),
    },
}

MAKERS: dict[str, Maker] = {
    "ec2:CreateFlowLogs/vpc": _tagged_by_ec2,
    "ec2:CreateTags/instance": _tagged_by_ec2,
    "ec2:DeleteTags/instance": _tagged_by_ec2,
    "ec2:DisassociateRouteTable/route-table": _associated("ec2:associated-route-table"),
    "ec2:DisassociateRouteTable/subnet": _associated("ec2:associated-subnet"),
    "ec2:elastic-ip": _elastic_ip,
    "ec2:launch-template": _launch_template,
    "ec2:security-group": _security_group,
}
