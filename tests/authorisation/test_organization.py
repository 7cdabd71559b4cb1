"""The organization: its tree, its control policies, and what of them binds an account."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.authorisation.organization import RESOURCE_CONTROL, SERVICE_CONTROL
from sandbox.gateway.call import DEFAULT_ACCOUNT, MEMBER_ACCOUNT
from sandbox.gateway.pipeline import Gateway

NO_QUEUES = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "sqs:*", "Resource": "*"}]})
NO_TOPICS = NO_QUEUES.replace("sqs", "sns")
NOBODY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}],
    }
)


@pytest.fixture(scope="module")
def organizations(clients: Any) -> Any:
    return clients("organizations")


@pytest.fixture
def root(organizations: Any) -> str:
    return str(organizations.list_roots()["Roots"][0]["Id"])


@pytest.fixture
def unit(organizations: Any, root: str) -> Iterator[str]:
    """An organizational unit with the second account in it."""
    made = organizations.create_organizational_unit(ParentId=root, Name="workloads")["OrganizationalUnit"]["Id"]
    organizations.move_account(AccountId=MEMBER_ACCOUNT, SourceParentId=root, DestinationParentId=made)
    yield str(made)
    organizations.move_account(AccountId=MEMBER_ACCOUNT, SourceParentId=made, DestinationParentId=root)
    for kind in (SERVICE_CONTROL, RESOURCE_CONTROL):
        for policy in organizations.list_policies_for_target(TargetId=made, Filter=kind)["Policies"]:
            if not policy["AwsManaged"]:
                organizations.detach_policy(PolicyId=policy["Id"], TargetId=made)
    organizations.delete_organizational_unit(OrganizationalUnitId=made)


@pytest.fixture
def scp(organizations: Any) -> Iterator[str]:
    """A service control policy against queues, attached to nothing."""
    made = organizations.create_policy(Type=SERVICE_CONTROL, Name="no-queues", Description="", Content=NO_QUEUES)[
        "Policy"
    ]["PolicySummary"]["Id"]
    yield str(made)
    for target in organizations.list_targets_for_policy(PolicyId=made)["Targets"]:
        organizations.detach_policy(PolicyId=made, TargetId=target["TargetId"])
    organizations.delete_policy(PolicyId=made)


def error_of(operation: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        operation(**params)
    response = caught.value.response
    return response["Error"]["Code"], str(response.get("Reason", ""))


def names(gateway: Gateway, account: str, kind: Any = SERVICE_CONTROL) -> list[list[str]]:
    return [[policy.name for policy in level] for level in gateway.organization.levels(account, kind)]


# -- what is there from the start ------------------------------------------------------------------------


def test_both_accounts_see_the_same_organization(organizations: Any, member: Any) -> None:
    seen = organizations.describe_organization()["Organization"]
    assert seen["MasterAccountId"] == DEFAULT_ACCOUNT
    assert seen["FeatureSet"] == "ALL"
    assert seen["Arn"] == f"arn:aws:organizations::{DEFAULT_ACCOUNT}:organization/{seen['Id']}"
    assert member("organizations").describe_organization()["Organization"] == seen


def test_a_member_account_may_ask_nothing_else(member: Any) -> None:
    for operation in ("list_accounts", "list_roots", "list_create_account_status"):
        assert error_of(getattr(member("organizations"), operation))[0] == "AccessDeniedException"


def test_the_accounts_are_told(organizations: Any, root: str) -> None:
    accounts = {account["Id"]: account for account in organizations.list_accounts()["Accounts"]}
    assert accounts.keys() == {DEFAULT_ACCOUNT, MEMBER_ACCOUNT}
    assert accounts[MEMBER_ACCOUNT]["JoinedMethod"] == "CREATED"
    assert accounts[MEMBER_ACCOUNT]["Status"] == "ACTIVE"
    assert organizations.describe_account(AccountId=MEMBER_ACCOUNT)["Account"] == accounts[MEMBER_ACCOUNT]
    children = organizations.list_children(ParentId=root, ChildType="ACCOUNT")["Children"]
    assert {child["Id"] for child in children} == accounts.keys()
    assert organizations.list_parents(ChildId=MEMBER_ACCOUNT)["Parents"] == [{"Id": root, "Type": "ROOT"}]


def test_service_control_policies_are_enabled_and_allow_everything(organizations: Any, root: str) -> None:
    (described,) = organizations.list_roots()["Roots"]
    assert described["PolicyTypes"] == [{"Type": SERVICE_CONTROL, "Status": "ENABLED"}]
    for target in (root, DEFAULT_ACCOUNT, MEMBER_ACCOUNT):
        (policy,) = organizations.list_policies_for_target(TargetId=target, Filter=SERVICE_CONTROL)["Policies"]
        assert (policy["Id"], policy["AwsManaged"]) == ("p-FullAWSAccess", True)
    content = json.loads(organizations.describe_policy(PolicyId="p-FullAWSAccess")["Policy"]["Content"])
    assert content["Statement"] == [{"Effect": "Allow", "Action": "*", "Resource": "*"}]


# -- what binds an account -------------------------------------------------------------------------------


def test_the_policies_of_each_level_bind_a_member_and_never_the_management_account(
    gateway: Gateway, organizations: Any, unit: str, scp: str
) -> None:
    organizations.attach_policy(PolicyId=scp, TargetId=unit)
    assert names(gateway, MEMBER_ACCOUNT) == [["FullAWSAccess"], ["FullAWSAccess", "no-queues"], ["FullAWSAccess"]]
    assert names(gateway, DEFAULT_ACCOUNT) == []
    assert names(gateway, "999999999999") == []
    attached = gateway.organization.levels(MEMBER_ACCOUNT)[1][1]
    assert attached.document == NO_QUEUES
    assert attached.place == f"ou/{unit}"
    assert attached.arn.endswith(f"/service_control_policy/{scp}")
    organizations.detach_policy(PolicyId=scp, TargetId=unit)
    assert names(gateway, MEMBER_ACCOUNT)[1] == ["FullAWSAccess"]


def test_a_policy_binds_as_it_was_last_written(gateway: Gateway, organizations: Any, scp: str) -> None:
    organizations.attach_policy(PolicyId=scp, TargetId=MEMBER_ACCOUNT)
    assert gateway.organization.levels(MEMBER_ACCOUNT)[-1][1].document == NO_QUEUES
    organizations.update_policy(PolicyId=scp, Name="no-topics", Content=NO_TOPICS)
    attached = gateway.organization.levels(MEMBER_ACCOUNT)[-1][1]
    assert (attached.name, attached.document) == ("no-topics", NO_TOPICS)


def test_an_account_that_is_moved_is_bound_by_its_new_place(gateway: Gateway, organizations: Any, root: str) -> None:
    assert len(names(gateway, MEMBER_ACCOUNT)) == 2
    assert gateway.organization.paths(MEMBER_ACCOUNT) == (f"{gateway.organization.id}/{root}/",)
    outer = organizations.create_organizational_unit(ParentId=root, Name="outer")["OrganizationalUnit"]["Id"]
    inner = organizations.create_organizational_unit(ParentId=outer, Name="inner")["OrganizationalUnit"]["Id"]
    organizations.move_account(AccountId=MEMBER_ACCOUNT, SourceParentId=root, DestinationParentId=inner)
    assert len(names(gateway, MEMBER_ACCOUNT)) == 4
    assert gateway.organization.paths(MEMBER_ACCOUNT) == (f"{gateway.organization.id}/{root}/{outer}/{inner}/",)
    assert error_of(organizations.delete_organizational_unit, OrganizationalUnitId=inner)[0] == (
        "OrganizationalUnitNotEmptyException"
    )
    organizations.move_account(AccountId=MEMBER_ACCOUNT, SourceParentId=inner, DestinationParentId=root)
    organizations.delete_organizational_unit(OrganizationalUnitId=inner)
    organizations.delete_organizational_unit(OrganizationalUnitId=outer)
    assert len(names(gateway, MEMBER_ACCOUNT)) == 2


def test_resource_control_policies_bind_once_they_are_enabled(gateway: Gateway, organizations: Any, root: str) -> None:
    assert names(gateway, MEMBER_ACCOUNT, RESOURCE_CONTROL) == []
    created = organizations.create_policy(Type=RESOURCE_CONTROL, Name="nobody", Description="", Content=NOBODY)
    policy = created["Policy"]["PolicySummary"]["Id"]
    assert error_of(organizations.attach_policy, PolicyId=policy, TargetId=root)[0] == "PolicyTypeNotEnabledException"
    organizations.enable_policy_type(RootId=root, PolicyType=RESOURCE_CONTROL)
    organizations.attach_policy(PolicyId=policy, TargetId=root)
    assert names(gateway, MEMBER_ACCOUNT, RESOURCE_CONTROL) == [["RCPFullAWSAccess", "nobody"], ["RCPFullAWSAccess"]]
    assert names(gateway, DEFAULT_ACCOUNT, RESOURCE_CONTROL) == []
    assert error_of(organizations.detach_policy, PolicyId="p-RCPFullAWSAccess", TargetId=root) == (
        "InvalidInputException",
        "NON_DETACHABLE_POLICY",
    )
    organizations.disable_policy_type(RootId=root, PolicyType=RESOURCE_CONTROL)
    assert names(gateway, MEMBER_ACCOUNT, RESOURCE_CONTROL) == []
    organizations.delete_policy(PolicyId=policy)


# -- what AWS refuses ------------------------------------------------------------------------------------


def test_the_last_policy_of_a_target_stays(organizations: Any, scp: str) -> None:
    last = {"PolicyId": "p-FullAWSAccess", "TargetId": MEMBER_ACCOUNT}
    assert error_of(organizations.detach_policy, **last) == (
        "ConstraintViolationException",
        "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
    )
    organizations.attach_policy(PolicyId=scp, TargetId=MEMBER_ACCOUNT)
    organizations.detach_policy(**last)
    organizations.attach_policy(**last)


def test_a_target_takes_five_policies(organizations: Any) -> None:
    made = []
    for number in range(5):
        created = organizations.create_policy(
            Type=SERVICE_CONTROL, Name=f"number {number}", Description="", Content=NO_QUEUES
        )
        made.append(created["Policy"]["PolicySummary"]["Id"])
    for policy in made[:4]:
        organizations.attach_policy(PolicyId=policy, TargetId=MEMBER_ACCOUNT)
    assert error_of(organizations.attach_policy, PolicyId=made[4], TargetId=MEMBER_ACCOUNT) == (
        "ConstraintViolationException",
        "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
    )
    for policy in made[:4]:
        organizations.detach_policy(PolicyId=policy, TargetId=MEMBER_ACCOUNT)
    for policy in made:
        organizations.delete_policy(PolicyId=policy)


def test_an_attached_policy_is_not_deleted_and_not_attached_twice(organizations: Any, scp: str) -> None:
    organizations.attach_policy(PolicyId=scp, TargetId=MEMBER_ACCOUNT)
    again = {"PolicyId": scp, "TargetId": MEMBER_ACCOUNT}
    assert error_of(organizations.attach_policy, **again)[0] == "DuplicatePolicyAttachmentException"
    assert error_of(organizations.delete_policy, PolicyId=scp)[0] == "PolicyInUseException"


@pytest.mark.parametrize(
    ("operation", "params", "code"),
    [
        ("delete_policy", {"PolicyId": "p-FullAWSAccess"}, "InvalidInputException"),
        ("update_policy", {"PolicyId": "p-FullAWSAccess", "Name": "x"}, "InvalidInputException"),
        ("describe_policy", {"PolicyId": "p-absentabsent"}, "PolicyNotFoundException"),
        ("attach_policy", {"PolicyId": "p-FullAWSAccess", "TargetId": "999999999999"}, "TargetNotFoundException"),
        ("detach_policy", {"PolicyId": "p-absentabsent", "TargetId": MEMBER_ACCOUNT}, "PolicyNotFoundException"),
        ("describe_account", {"AccountId": "999999999999"}, "AccountNotFoundException"),
        ("list_accounts_for_parent", {"ParentId": "ou-abcd-12345678"}, "ParentNotFoundException"),
        ("describe_organizational_unit", {"OrganizationalUnitId": "ou-a"}, "OrganizationalUnitNotFoundException"),
        ("enable_policy_type", {"RootId": "r-none", "PolicyType": SERVICE_CONTROL}, "RootNotFoundException"),
        ("list_policies", {"Filter": "TAG_POLICY"}, "InvalidInputException"),
        ("create_account", {"Email": "no mail", "AccountName": "x"}, "InvalidInputException"),
        ("create_account", {"Email": "workloads@example.com", "AccountName": "x"}, "InvalidInputException"),
        ("describe_create_account_status", {"CreateAccountRequestId": "car-x"}, "CreateAccountStatusNotFoundException"),
        ("list_accounts", {"NextToken": "nonsense"}, "InvalidInputException"),
        ("list_accounts", {"MaxResults": 21}, "InvalidInputException"),
        ("create_organization", {}, "NotImplementedException"),
        ("close_account", {"AccountId": MEMBER_ACCOUNT}, "NotImplementedException"),
        ("enable_aws_service_access", {"ServicePrincipal": "ram.amazonaws.com"}, "NotImplementedException"),
    ],
)
def test_what_can_not_be_is_refused(clients: Any, operation: str, params: dict[str, Any], code: str) -> None:
    unchecked = clients("organizations")
    unchecked.meta.config.merge(Config(parameter_validation=False))
    assert error_of(getattr(unchecked, operation), **params)[0] == code


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("{", "MalformedPolicyDocumentException"),
        ("[]", "MalformedPolicyDocumentException"),
        (json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny"}]}), "MalformedPolicyDocumentException"),
        (NO_QUEUES + " " * 5_120, "ConstraintViolationException"),
    ],
)
def test_a_control_policy_that_is_none_is_refused(organizations: Any, content: str, code: str) -> None:
    params = {"Type": SERVICE_CONTROL, "Name": "none", "Description": ""}
    assert error_of(organizations.create_policy, **params, Content=content)[0] == code


def test_names_are_taken_once(organizations: Any, root: str, unit: str, scp: str) -> None:
    again = {"Type": SERVICE_CONTROL, "Name": "no-queues", "Description": "", "Content": NO_QUEUES}
    assert error_of(organizations.create_policy, **again)[0] == "DuplicatePolicyException"
    again = {"ParentId": root, "Name": "workloads"}
    assert error_of(organizations.create_organizational_unit, **again)[0] == "DuplicateOrganizationalUnitException"
    named = organizations.update_organizational_unit(OrganizationalUnitId=unit, Name="renamed")["OrganizationalUnit"]
    assert organizations.describe_organizational_unit(OrganizationalUnitId=unit)["OrganizationalUnit"] == named
    listed = organizations.list_organizational_units_for_parent(ParentId=root)["OrganizationalUnits"]
    assert listed == [named]


def test_units_are_nested_five_deep_at_most(organizations: Any, root: str) -> None:
    made = [root]
    for depth in range(5):
        unit = organizations.create_organizational_unit(ParentId=made[-1], Name=f"depth {depth}")
        made.append(unit["OrganizationalUnit"]["Id"])
    assert error_of(organizations.create_organizational_unit, ParentId=made[-1], Name="deeper") == (
        "ConstraintViolationException",
        "OU_DEPTH_LIMIT_EXCEEDED",
    )
    for unit in reversed(made[1:]):
        organizations.delete_organizational_unit(OrganizationalUnitId=unit)


def test_tags_are_kept(organizations: Any, scp: str) -> None:
    organizations.tag_resource(ResourceId=scp, Tags=[{"Key": "team", "Value": "orders"}, {"Key": "a", "Value": "b"}])
    organizations.untag_resource(ResourceId=scp, TagKeys=["a"])
    assert organizations.list_tags_for_resource(ResourceId=scp)["Tags"] == [{"Key": "team", "Value": "orders"}]
    organizations.tag_resource(ResourceId=MEMBER_ACCOUNT, Tags=[{"Key": "stage", "Value": "production"}])
    assert organizations.list_tags_for_resource(ResourceId=MEMBER_ACCOUNT)["Tags"][0]["Value"] == "production"


def test_lists_come_in_pages(organizations: Any) -> None:
    pages = list(organizations.get_paginator("list_accounts").paginate(PaginationConfig={"PageSize": 1}))
    assert [len(page["Accounts"]) for page in pages] == [1, 1]
    assert {page["Accounts"][0]["Id"] for page in pages} == {DEFAULT_ACCOUNT, MEMBER_ACCOUNT}
