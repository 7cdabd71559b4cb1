"""Rules of security groups: from properties of a template to the permissions that EC2's calls take.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroup.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

Rules = dict[str, dict[str, Any]]

#: What a group lets out when nothing is said: everything.
ALL_OUT: Mapping[str, Any] = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}


def permission(rule: Mapping[str, Any]) -> dict[str, Any]:
    """One rule as EC2 takes it."""
    given: dict[str, Any] = {"IpProtocol": str(rule["IpProtocol"])}
    for name in ("FromPort", "ToPort"):
        if rule.get(name) is not None:
            given[name] = int(rule[name])
    about = {"Description": rule["Description"]} if rule.get("Description") is not None else {}
    group = {
        "GroupId": rule.get("SourceSecurityGroupId") or rule.get("DestinationSecurityGroupId"),
        "GroupName": rule.get("SourceSecurityGroupName"),
        "UserId": rule.get("SourceSecurityGroupOwnerId"),
    }
    prefixes = rule.get("SourcePrefixListId") or rule.get("DestinationPrefixListId")
    if rule.get("CidrIp"):
        given["IpRanges"] = [{"CidrIp": rule["CidrIp"], **about}]
    if rule.get("CidrIpv6"):
        given["Ipv6Ranges"] = [{"CidrIpv6": rule["CidrIpv6"], **about}]
    if prefixes:
        given["PrefixListIds"] = [{"PrefixListId": prefixes, **about}]
    if group["GroupId"] or group["GroupName"]:
        named = {name: str(value) for name, value in group.items() if value is not None}
        given["UserIdGroupPairs"] = [{**named, **about}]
    return given


def keyed(rules: Iterable[Mapping[str, Any]] | None) -> Rules:
    """Rules by what they say, each once."""
    found = (permission(rule) for rule in rules or ())
    return {json.dumps(one, sort_keys=True): one for one in found}


def outgoing(rules: Iterable[Mapping[str, Any]] | None) -> Rules:
    """The rules of what goes out: without any everything does."""
    return keyed(rules or (ALL_OUT,))
