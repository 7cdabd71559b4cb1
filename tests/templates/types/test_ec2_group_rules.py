"""Rules of security groups as resources: made, described anew, refused where they are there already, and deleted."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.templates.types.conftest import Bench

INGRESS, EGRESS = "AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress"


@pytest.fixture(scope="module")
def groups(bench: Bench) -> tuple[str, str]:
    """Two groups of the default network."""
    ec2 = bench.client("ec2")
    made = [ec2.create_security_group(GroupName=name, Description=name)["GroupId"] for name in ("doors", "walls")]
    return made[0], made[1]


def rules(bench: Bench, group: str, *, out: bool) -> list[dict[str, Any]]:
    found = bench.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    listed: list[dict[str, Any]] = found["IpPermissionsEgress" if out else "IpPermissions"]
    return listed


def test_a_rule_names_another_group_and_goes_again(bench: Bench, groups: tuple[str, str]) -> None:
    first, second = groups
    given = {"GroupId": first, "IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "SourceSecurityGroupId": second}
    made = bench.create(INGRESS, {**given, "Description": "in"})
    assert made.physical_id.startswith("sgr-")
    assert bench.attributes(made) == {"Id": made.physical_id}
    [rule] = rules(bench, first, out=False)
    assert (rule["FromPort"], rule["UserIdGroupPairs"][0]["GroupId"]) == (5432, second)
    bench.update(made, {**given, "Description": "anew"})
    [rule] = rules(bench, first, out=False)
    assert rule["UserIdGroupPairs"][0]["Description"] == "anew"
    bench.delete(made)
    assert rules(bench, first, out=False) == []


def test_a_rule_that_is_there_is_refused(bench: Bench, groups: tuple[str, str]) -> None:
    given = {"GroupId": groups[0], "IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIp": "10.0.0.0/8"}
    made = bench.create(INGRESS, given)
    with pytest.raises(ClientError, match=r"InvalidPermission\.Duplicate"):
        bench.create(INGRESS, given)
    bench.delete(made)


def test_what_goes_out_has_rules_besides_the_groups_own(bench: Bench, groups: tuple[str, str]) -> None:
    before = rules(bench, groups[0], out=True)
    made = bench.create(
        EGRESS, {"GroupId": groups[0], "IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "CidrIp": "10.0.0.2/32"}
    )
    assert len(rules(bench, groups[0], out=True)) == len(before) + 1
    bench.delete(made)
    assert rules(bench, groups[0], out=True) == before
