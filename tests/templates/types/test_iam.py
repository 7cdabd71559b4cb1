"""Roles, users, groups and instance profiles, as a template makes them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.templates.types import registry
from tests.templates.types.conftest import ROLE_TRUST, Bench

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
LAMBDA_BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


def _policy(action: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


def _inline(name: str, action: str) -> dict[str, Any]:
    return {"PolicyName": name, "PolicyDocument": _policy(action)}


def test_a_role_has_its_policies_boundary_and_tags_but_none_of_cloudformation(bench: Bench) -> None:
    given = {
        "AssumeRolePolicyDocument": ROLE_TRUST,
        "Description": "of the orders",
        "ManagedPolicyArns": [LAMBDA_BASIC],
        "MaxSessionDuration": "7200",
        "Path": "/shop/",
        "PermissionsBoundary": READ_ONLY,
        "Policies": [_inline("read", "s3:GetObject")],
        "Tags": [{"Key": "team", "Value": "shop"}],
    }
    role = bench.create("AWS::IAM::Role", given, "OrdersRole")
    name = bench.ref(role)
    assert name.startswith("shop-OrdersRole-")
    iam = bench.client("iam")
    found = iam.get_role(RoleName=name)["Role"]
    assert bench.attributes(role) == {"Arn": f"arn:aws:iam::123456789012:role/shop/{name}", "RoleId": found["RoleId"]}
    assert found["MaxSessionDuration"] == 7200
    assert found["PermissionsBoundary"]["PermissionsBoundaryArn"] == READ_ONLY
    assert {tag["Key"]: tag["Value"] for tag in found["Tags"]} == {"team": "shop", "project": "coldstart"}
    assert iam.get_role_policy(RoleName=name, PolicyName="read")["PolicyDocument"] == _policy("s3:GetObject")
    assert [one["PolicyArn"] for one in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]] == [
        LAMBDA_BASIC
    ]


def test_a_role_is_brought_to_what_the_template_says_now(bench: Bench) -> None:
    before = {
        "AssumeRolePolicyDocument": ROLE_TRUST,
        "Description": "before",
        "ManagedPolicyArns": [LAMBDA_BASIC],
        "MaxSessionDuration": 7200,
        "PermissionsBoundary": READ_ONLY,
        "Policies": [_inline("read", "s3:GetObject"), _inline("write", "s3:PutObject")],
        "Tags": [{"Key": "team", "Value": "shop"}],
    }
    role = bench.create("AWS::IAM::Role", before)
    trust = {**ROLE_TRUST, "Statement": [{**ROLE_TRUST["Statement"][0], "Sid": "New"}]}  # type: ignore[dict-item]
    after = {
        "AssumeRolePolicyDocument": trust,
        "ManagedPolicyArns": [READ_ONLY],
        "Policies": [_inline("write", "s3:DeleteObject")],
    }
    bench.update(role, after)
    iam = bench.client("iam")
    found = iam.get_role(RoleName=role.physical_id)["Role"]
    assert found["AssumeRolePolicyDocument"] == trust
    assert (found.get("Description", ""), found["MaxSessionDuration"]) == ("", 3600)
    assert "PermissionsBoundary" not in found
    assert {tag["Key"] for tag in found["Tags"]} == {"project"}
    assert iam.list_role_policies(RoleName=role.physical_id)["PolicyNames"] == ["write"]
    document = iam.get_role_policy(RoleName=role.physical_id, PolicyName="write")["PolicyDocument"]
    assert document == _policy("s3:DeleteObject")
    attached = iam.list_attached_role_policies(RoleName=role.physical_id)["AttachedPolicies"]
    assert [one["PolicyArn"] for one in attached] == [READ_ONLY]


def test_a_trust_policy_without_version_is_good(bench: Bench) -> None:
    trust = {"Statement": ROLE_TRUST["Statement"]}
    role = bench.create("AWS::IAM::Role", {"AssumeRolePolicyDocument": trust})
    assert bench.attributes(role)["Arn"].endswith(role.physical_id)


def test_a_role_goes_with_its_own_policies_and_not_with_those_of_others(bench: Bench) -> None:
    given = {"AssumeRolePolicyDocument": ROLE_TRUST, "Policies": [_inline("read", "s3:GetObject")]}
    role = bench.create("AWS::IAM::Role", {**given, "ManagedPolicyArns": [LAMBDA_BASIC]})
    iam = bench.client("iam")
    iam.attach_role_policy(RoleName=role.physical_id, PolicyArn=READ_ONLY)
    with pytest.raises(ClientError, match="must detach all policies first"):
        bench.delete(role)
    iam.detach_role_policy(RoleName=role.physical_id, PolicyArn=READ_ONLY)
    bench.delete(role)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_role(RoleName=role.physical_id)


def test_a_role_with_a_bad_policy_is_there_to_be_removed(bench: Bench) -> None:
    made: list[str] = []
    given = {"AssumeRolePolicyDocument": ROLE_TRUST, "Policies": [_inline("bad", "no-action")]}
    work = bench._work("AWS::IAM::Role", given, "Bad")
    work.on_made = made.append
    with pytest.raises(ClientError, match="MalformedPolicy"):
        registry.find("AWS::IAM::Role").create(work)
    assert made
    bench.delete(work)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        bench.client("iam").get_role(RoleName=made[0])


def test_a_user_joins_and_leaves_groups(bench: Bench) -> None:
    groups = [bench.ref(bench.create("AWS::IAM::Group", {"GroupName": name})) for name in ("devs", "ops")]
    user = bench.create(
        "AWS::IAM::User",
        {"UserName": "ada", "Groups": groups[:1], "Policies": [_inline("read", "s3:GetObject")], "Path": "/shop/"},
    )
    assert bench.ref(user) == "ada"
    assert bench.attributes(user)["Arn"] == "arn:aws:iam::123456789012:user/shop/ada"
    iam = bench.client("iam")
    user = bench.update(user, {"UserName": "ada", "Groups": groups[1:], "Path": "/shop/"})
    assert [one["GroupName"] for one in iam.list_groups_for_user(UserName="ada")["Groups"]] == ["ops"]
    assert iam.list_user_policies(UserName="ada")["PolicyNames"] == []
    key = iam.create_access_key(UserName="ada")["AccessKey"]["AccessKeyId"]
    with pytest.raises(ClientError, match="must delete access keys first"):
        bench.delete(user)
    iam.delete_access_key(UserName="ada", AccessKeyId=key)
    bench.delete(user)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_user(UserName="ada")


def test_a_group_with_users_is_not_deleted(bench: Bench) -> None:
    group = bench.create("AWS::IAM::Group", {"ManagedPolicyArns": [READ_ONLY], "Policies": [_inline("a", "s3:*")]})
    iam = bench.client("iam")
    iam.create_user(UserName="member")
    iam.add_user_to_group(GroupName=group.physical_id, UserName="member")
    with pytest.raises(ClientError, match="must remove users from group first"):
        bench.delete(group)
    iam.remove_user_from_group(GroupName=group.physical_id, UserName="member")
    bench.delete(group)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_group(GroupName=group.physical_id)


def test_an_instance_profile_changes_its_role(bench: Bench) -> None:
    roles = [bench.ref(bench.create("AWS::IAM::Role", {"AssumeRolePolicyDocument": ROLE_TRUST})) for _ in range(2)]
    profile = bench.create("AWS::IAM::InstanceProfile", {"Roles": roles[:1]})
    assert bench.attributes(profile)["Arn"] == f"arn:aws:iam::123456789012:instance-profile/{bench.ref(profile)}"
    profile = bench.update(profile, {"Roles": roles[1:]})
    iam = bench.client("iam")
    found = iam.get_instance_profile(InstanceProfileName=bench.ref(profile))["InstanceProfile"]
    assert [role["RoleName"] for role in found["Roles"]] == roles[1:]
    bench.delete(profile)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_instance_profile(InstanceProfileName=bench.ref(profile))


def test_an_access_key_goes_out_of_use_and_away(bench: Bench) -> None:
    user = bench.ref(bench.create("AWS::IAM::User", {"UserName": "grace"}))
    key = bench.create("AWS::IAM::AccessKey", {"UserName": user, "Serial": 1, "Status": "Inactive"})
    iam = bench.client("iam")
    (listed,) = iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
    assert (listed["AccessKeyId"], listed["Status"]) == (bench.ref(key), "Inactive")
    assert len(bench.attributes(key)["SecretAccessKey"]) == 40
    bench.update(key, {"UserName": user, "Serial": 1})
    assert iam.list_access_keys(UserName=user)["AccessKeyMetadata"][0]["Status"] == "Active"
    bench.delete(key)
    assert iam.list_access_keys(UserName=user)["AccessKeyMetadata"] == []
