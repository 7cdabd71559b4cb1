"""Policies that are resources by themselves, and OpenID Connect providers, as a template makes them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.templates.types.resource_type import Failed
from tests.templates.types.conftest import ROLE_TRUST, Bench
from tests.templates.types.test_iam import _policy


@pytest.fixture(scope="module")
def roles(bench: Bench) -> list[str]:
    return [bench.ref(bench.create("AWS::IAM::Role", {"AssumeRolePolicyDocument": ROLE_TRUST})) for _ in range(2)]


def test_an_inline_policy_goes_to_its_roles_and_follows_the_template(bench: Bench, roles: list[str]) -> None:
    given: dict[str, Any] = {"PolicyName": "read", "PolicyDocument": _policy("s3:GetObject"), "Roles": roles}
    policy = bench.create("AWS::IAM::Policy", given)
    iam = bench.client("iam")

    def names() -> list[list[str]]:
        return [iam.list_role_policies(RoleName=role)["PolicyNames"] for role in roles]

    assert names() == [["read"], ["read"]]
    policy = bench.update(policy, {**given, "PolicyName": "look", "Roles": roles[:1]})
    assert names() == [["look"], []]
    bench.delete(policy)
    assert names() == [[], []]


def test_an_inline_policy_needs_somebody(bench: Bench) -> None:
    with pytest.raises(Failed, match=r"At least one of \[Groups,Roles,Users\]"):
        bench.create("AWS::IAM::Policy", {"PolicyName": "read", "PolicyDocument": _policy("s3:GetObject")})


def test_a_managed_policy_has_a_new_default_version_for_each_new_document(bench: Bench, roles: list[str]) -> None:
    given = {"ManagedPolicyName": "reading", "PolicyDocument": _policy("s3:GetObject"), "Roles": roles[:1]}
    policy = bench.create("AWS::IAM::ManagedPolicy", given)
    arn = "arn:aws:iam::123456789012:policy/reading"
    assert bench.ref(policy) == arn
    attributes = bench.attributes(policy)
    assert (attributes["PolicyArn"], attributes["DefaultVersionId"], attributes["AttachmentCount"]) == (arn, "v1", 1)
    for action in ("s3:A*", "s3:B*", "s3:C*", "s3:D*", "s3:E*", "s3:F*"):
        policy = bench.update(policy, {**given, "PolicyDocument": _policy(action)})
    iam = bench.client("iam")
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert len(versions) == 5
    default = next(version["VersionId"] for version in versions if version["IsDefaultVersion"])
    assert default == "v7"
    found = iam.get_policy_version(PolicyArn=arn, VersionId=default)["PolicyVersion"]["Document"]
    assert found == _policy("s3:F*")
    policy = bench.update(policy, {**given, "PolicyDocument": _policy("s3:F*"), "Roles": roles[1:]})
    holders = iam.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"]
    assert [one["RoleName"] for one in holders] == roles[1:]
    policy = bench.update(policy, {**given, "PolicyDocument": _policy("s3:F*")})
    iam.attach_role_policy(RoleName=roles[1], PolicyArn=arn)
    with pytest.raises(ClientError, match="Cannot delete a policy attached to entities"):
        bench.delete(policy)
    iam.detach_role_policy(RoleName=roles[1], PolicyArn=arn)
    bench.delete(policy)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_policy(PolicyArn=arn)


def test_a_provider_of_identities_changes_its_clients(bench: Bench) -> None:
    given = {
        "Url": "https://token.actions.githubusercontent.com",
        "ClientIdList": ["sts.amazonaws.com"],
        "ThumbprintList": ["6938fd4d98bab03faadb97b34396831e3780aea1"],
        "Tags": [{"Key": "team", "Value": "shop"}],
    }
    provider = bench.create("AWS::IAM::OIDCProvider", given)
    arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    assert (bench.ref(provider), bench.attributes(provider)) == (arn, {"Arn": arn})
    after = {**given, "ClientIdList": ["https://github.com/shop"], "Tags": []}
    provider = bench.update(provider, after)
    iam = bench.client("iam")
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert found["ClientIDList"] == ["https://github.com/shop"]
    assert {tag["Key"] for tag in found["Tags"]} == {"project"}
    bench.delete(provider)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
