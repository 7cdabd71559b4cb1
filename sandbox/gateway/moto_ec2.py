"""What moto's EC2 lets pass and AWS does not: networks can't be taken away under what is in them, nor be invented.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (DependencyViolation),
https://docs.aws.amazon.com/vpc/latest/userguide/delete-vpc.html

tests/templates/types/test_ec2.py holds what is used of moto here.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from sandbox.gateway import moto_adapter


def install() -> None:
    """Have moto changed when it loads EC2."""
    moto_adapter.after_import("moto.ec2.models.vpcs", _vpcs)
    moto_adapter.after_import("moto.ec2.models.subnets", _subnets)
    moto_adapter.after_import("moto.ec2.models.security_groups", _security_groups)
    moto_adapter.after_import("moto.ec2.models.internet_gateways", _internet_gateways)
    moto_adapter.after_import("moto.ec2.models.nat_gateways", _nat_gateways)
    moto_adapter.after_import("moto.ec2.models.elastic_ip_addresses", _elastic_addresses)
    moto_adapter.after_import("moto.ec2.models.route_tables", _route_tables)


def _violation(message: str) -> Exception:
    from moto.ec2.exceptions import DependencyViolationError

    error: Exception = DependencyViolationError(message)
    return error


def _error(code: str, message: str) -> Exception:
    from moto.ec2.exceptions import EC2ClientError

    error: Exception = EC2ClientError(code, message)
    return error


def _endpoints(backend: Any, vpc_id: str | None = None) -> list[Any]:
    kept = [each for each in list(backend.vpc_end_points.values()) if each.state != "deleted"]
    return [each for each in kept if vpc_id in (None, each.vpc_id)]


def _nats(backend: Any) -> list[Any]:
    return [each for each in list(backend.nat_gateways.values()) if each.state != "deleted"]


def _vpcs(module: ModuleType) -> None:
    delete, create_endpoint = module.VPCBackend.delete_vpc, module.VPCBackend.create_vpc_endpoint

    def delete_vpc(self: Any, vpc_id: str) -> Any:
        groups = [each for each in self.groups.get(vpc_id, {}).values() if each.name != "default"]
        gateways = [each for each in self.internet_gateways.values() if each.vpc is not None and each.vpc.id == vpc_id]
        if groups or gateways or _endpoints(self, vpc_id):
            raise _violation(f"The vpc '{vpc_id}' has dependencies and cannot be deleted.")
        deleted = delete(self, vpc_id)
        # moto keeps what goes with the network.
        for network_acl in [each for each in list(self.network_acls.values()) if each.vpc_id == vpc_id]:
            self.network_acls.pop(network_acl.id, None)
        return deleted

    def create_vpc_endpoint(
        self: Any, vpc_id: str, service_name: str, endpoint_type: str | None, *rest: Any, **named: Any
    ) -> Any:
        # Without one it is a gateway, and moto can't delete it.
        return create_endpoint(self, vpc_id, service_name, endpoint_type or "Gateway", *rest, **named)

    module.VPCBackend.delete_vpc = delete_vpc
    module.VPCBackend.create_vpc_endpoint = create_vpc_endpoint


def _subnets(module: ModuleType) -> None:
    delete = module.SubnetBackend.delete_subnet

    def delete_subnet(self: Any, subnet_id: str) -> Any:
        if any(each.subnet is not None and each.subnet.id == subnet_id for each in list(self.enis.values())):
            raise _violation(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
        return delete(self, subnet_id)

    module.SubnetBackend.delete_subnet = delete_subnet


def _security_groups(module: ModuleType) -> None:
    backend = module.SecurityGroupBackend
    create, delete = backend.create_security_group, backend._delete_security_group

    def create_security_group(
        self: Any, name: str, description: str, vpc_id: str | None = None, *rest: Any, **named: Any
    ) -> Any:
        if vpc_id is not None and vpc_id not in self.vpcs:
            raise _error("InvalidVpcID.NotFound", f"The vpc ID '{vpc_id}' does not exist")
        return create(self, name, description, vpc_id, *rest, **named)

    def delete_security_group(self: Any, vpc_id: str | None, group_id: str) -> None:
        group = self.get_security_group_from_id(group_id)
        if group is not None and group.name != "default" and _used(self, group_id):
            raise _violation(f"resource {group_id} has a dependent object")
        delete(self, vpc_id, group_id)

    def same_rule(self: Any, other: Any) -> bool:
        return _plain(self) == _plain(other)

    backend.create_security_group = create_security_group
    backend._delete_security_group = delete_security_group
    module.SecurityGroupRule.__eq__ = same_rule


def _plain(rule: Any) -> tuple[Any, ...]:
    """What tells one rule from another: all but its description, which can be changed."""
    ports = (rule.from_port, rule.to_port) if rule.ip_protocol != "-1" else ()
    peers = ({key: value for key, value in (each or {}).items() if key != "Description"} for each in _peers(rule))
    return rule.ip_protocol, *ports, *peers


def _peers(rule: Any) -> tuple[Any, ...]:
    return rule.ip_range, rule.source_group, rule.prefix_list_id


def _used(backend: Any, group_id: str) -> bool:
    """Whether an interface, an endpoint or another group's rule names a group."""
    if any(group_id in (each.security_group_ids or ()) for each in _endpoints(backend)):
        return True
    if any(group_id in {group.id for group in each.group_set} for each in list(backend.enis.values())):
        return True
    others = [group for groups in list(backend.groups.values()) for group in list(groups.values())]
    rules = [rule for group in others if group.id != group_id for rule in (*group.ingress_rules, *group.egress_rules)]
    return any((rule.source_group or {}).get("GroupId") == group_id for rule in rules)


def _internet_gateways(module: ModuleType) -> None:
    detach = module.InternetGatewayBackend.detach_internet_gateway

    def detach_internet_gateway(self: Any, internet_gateway_id: str, vpc_id: str) -> None:
        if any(each.vpc_id == vpc_id and each.connectivity_type != "private" for each in _nats(self)):
            raise _violation(
                f"Network {vpc_id} has some mapped public address(es). Please unmap those public address(es) before "
                "detaching the gateway."
            )
        detach(self, internet_gateway_id, vpc_id)

    module.InternetGatewayBackend.detach_internet_gateway = detach_internet_gateway


def _nat_gateways(module: ModuleType) -> None:
    delete = module.NatGatewayBackend.delete_nat_gateway

    def delete_nat_gateway(self: Any, nat_gateway_id: str) -> Any:
        found = self.nat_gateways.get(nat_gateway_id)
        if found is None:
            raise _error("NatGatewayNotFound", f"NatGateway {nat_gateway_id} was not found")
        for address in found.address_set:
            if address.get("publicIp"):
                self.disassociate_address(address=address["publicIp"])
        self.enis.pop(found._eni.id, None)
        return delete(self, nat_gateway_id)

    module.NatGatewayBackend.delete_nat_gateway = delete_nat_gateway


def _elastic_addresses(module: ModuleType) -> None:
    release = module.ElasticAddressBackend.release_address

    def release_address(self: Any, address: str | None = None, allocation_id: str | None = None) -> None:
        for nat in _nats(self):
            for each in nat.address_set:
                if (address or allocation_id) in (each.get("publicIp"), each.get("allocationId")):
                    raise _error("InvalidIPAddress.InUse", f"Address {each.get('publicIp')} is in use.")
        release(self, address, allocation_id)

    module.ElasticAddressBackend.release_address = release_address


def _route_tables(module: ModuleType) -> None:
    associate = module.RouteBackend.associate_route_table

    def associate_route_table(
        self: Any, route_table_id: str, gateway_id: str | None = None, subnet_id: str | None = None
    ) -> Any:
        # moto would give the association that the subnet has, with whichever table.
        for table in list(self.route_tables.values()):
            if table.id != route_table_id and subnet_id is not None and subnet_id in table._associations.values():
                held = next(key for key, subnet in table._associations.items() if subnet == subnet_id)
                raise _error(
                    "Resource.AlreadyAssociated",
                    f"the specified association for route table {route_table_id} conflicts with an existing "
                    f"association {held}",
                )
        return associate(self, route_table_id, gateway_id, subnet_id)

    module.RouteBackend.associate_route_table = associate_route_table
