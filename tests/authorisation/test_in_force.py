"""The policies in force for a principal, from the state that calls have made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.access import Source
from sandbox.authorisation.in_force import PoliciesInForce
from sandbox.authorisation.need import Need
from sandbox.authorisation.organization import RESOURCE_CONTROL, SERVICE_CONTROL
from sandbox.clock import Clock
from sandbox.gateway.call import Principal, SessionDetails, SessionPolicy
from sandbox.gateway.identify import ANONYMOUS
from sandbox.gateway.pipeline import Gateway
from tests.authorisation.conftest import TRUST, Clients, Who, assume, policy

READ = Need("s3:GetObject", "arn:aws:s3:::anything/key")
AWS_POLICY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
SERVICE = Principal(account="123456789012", arn="sns.amazonaws.com", user_id="sns.amazonaws.com", kind="AWSService")

Users = Callable[..., Principal]


@pytest.fixture(scope="module")
def in_force(gateway: Gateway) -> PoliciesInForce:
    return PoliciesInForce(gateway.organization)


def attached(sources: Any) -> set[tuple[str, str]]:
    """Where each policy is attached, and its name."""
    return {(source.attached_to, source.name) for source in sources}


def actions(source: Source | None) -> Any:
    """What the first statement of a policy speaks of."""
    assert source is not None
    action = source.policy.statements[0].document["Action"]
    return [action] if isinstance(action, str) else action


def managed(clients: Clients, name: str, document: str) -> str:
    return str(clients("iam").create_policy(PolicyName=name, PolicyDocument=document)["Policy"]["Arn"])


# -- identity-based policies -------------------------------------------------------------------------------


def test_a_user_has_inline_and_managed_policies_and_those_of_the_groups(
    in_force: PoliciesInForce, clients: Clients, user: Users
) -> None:
    iam = clients("iam")
    ada = user("ada")
    own, groups = managed(clients, "own", policy("sqs:*")), managed(clients, "of-group", policy("sns:*"))
    iam.put_user_policy(UserName="ada", PolicyName="inline", PolicyDocument=policy("s3:*"))
    iam.attach_user_policy(UserName="ada", PolicyArn=own)
    iam.attach_user_policy(UserName="ada", PolicyArn=AWS_POLICY)
    for group in ("devs", "others"):
        iam.create_group(GroupName=group)
        iam.put_group_policy(GroupName=group, PolicyName="of-" + group, PolicyDocument=policy("logs:*"))
    iam.attach_group_policy(GroupName="devs", PolicyArn=groups)
    iam.add_user_to_group(GroupName="devs", UserName="ada")

    found = in_force.policies(ada, READ).identity
    assert attached(found) == {
        ("user/ada", "inline"),
        ("user/ada", own),
        ("user/ada", AWS_POLICY),
        ("group/devs", "of-devs"),
        ("group/devs", groups),
    }
    assert {source.kind for source in found} == {"identity"}
    assert actions(next(source for source in found if source.name == groups)) == ["sns:*"]

    iam.remove_user_from_group(GroupName="devs", UserName="ada")
    iam.delete_user_policy(UserName="ada", PolicyName="inline")
    assert attached(in_force.policies(ada, READ).identity) == {("user/ada", own), ("user/ada", AWS_POLICY)}


def test_a_managed_policy_counts_with_its_default_version(
    in_force: PoliciesInForce, clients: Clients, user: Users
) -> None:
    iam = clients("iam")
    bob = user("bob")
    arn = managed(clients, "versions", policy("s3:First"))
    iam.attach_user_policy(UserName="bob", PolicyArn=arn)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy("s3:Second"))
    assert actions(in_force.policies(bob, READ).identity[0]) == ["s3:First"]
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    assert actions(in_force.policies(bob, READ).identity[0]) == ["s3:Second"]


def test_the_policies_of_a_user_who_was_given_another_name_go_with_him(
    in_force: PoliciesInForce, clients: Clients, user: Users
) -> None:
    iam = clients("iam")
    before = user("maiden-name")
    iam.put_user_policy(UserName="maiden-name", PolicyName="inline", PolicyDocument=policy("s3:*"))
    iam.update_user(UserName="maiden-name", NewUserName="married-name")
    # Somebody else takes the old name.
    user("maiden-name")
    assert attached(in_force.policies(before, READ).identity) == {("user/married-name", "inline")}


def test_a_role_has_its_policies_whatever_its_path(
    in_force: PoliciesInForce, clients: Clients, role_session: Users
) -> None:
    caller = role_session("deep", Path="/a/b/")
    clients("iam").put_role_policy(RoleName="deep", PolicyName="inline", PolicyDocument=policy("s3:*"))
    clients("iam").attach_role_policy(RoleName="deep", PolicyArn=AWS_POLICY)
    assert attached(in_force.policies(caller, READ).identity) == {("role/deep", "inline"), ("role/deep", AWS_POLICY)}
    asker = in_force.caller(caller)
    assert (asker.kind, asker.account) == ("AssumedRole", "123456789012")
    assert asker.arn == "arn:aws:sts::123456789012:assumed-role/deep/tests"
    assert asker.role_arn == "arn:aws:iam::123456789012:role/a/b/deep"


def test_a_session_of_a_deleted_role_has_nothing_from_its_namesake(
    in_force: PoliciesInForce, clients: Clients, role_session: Users
) -> None:
    iam = clients("iam")
    old = role_session("twice")
    iam.delete_role(RoleName="twice")
    assert in_force.policies(old, READ).identity == []
    role_session("twice")
    iam.put_role_policy(RoleName="twice", PolicyName="inline", PolicyDocument=policy("s3:*"))
    assert in_force.policies(old, READ).identity == []


def test_roles_of_two_accounts_do_not_share_policies(
    in_force: PoliciesInForce, clients: Clients, member: Clients, who: Who
) -> None:
    for make, what in ((clients, "here"), (member, "there")):
        make("iam").create_role(RoleName="namesake", AssumeRolePolicyDocument=TRUST)
        make("iam").put_role_policy(RoleName="namesake", PolicyName=what, PolicyDocument=policy("s3:*"))
    here = who(assume(clients, "arn:aws:iam::123456789012:role/namesake"))
    there = who(assume(clients, "arn:aws:iam::210987654321:role/namesake"))
    assert attached(in_force.policies(here, READ).identity) == {("role/namesake", "here")}
    assert attached(in_force.policies(there, READ).identity) == {("role/namesake", "there")}


def test_the_administrators_have_administrator_access(in_force: PoliciesInForce, gateway: Gateway, who: Who) -> None:
    learner = who(gateway.learner)
    (source,) = in_force.policies(learner, READ).identity
    assert source.name == "arn:aws:iam::aws:policy/AdministratorAccess"
    assert actions(source) == ["*"]


# -- permissions boundaries ----------------------------------------------------------------------------------


def test_the_boundary_of_a_role(in_force: PoliciesInForce, clients: Clients, role_session: Users) -> None:
    iam = clients("iam")
    arn = managed(clients, "limit", policy("s3:*"))
    caller = role_session("bounded", PermissionsBoundary=arn)
    boundary = in_force.policies(caller, READ).boundary
    assert boundary is not None
    assert (boundary.kind, boundary.name, boundary.attached_to) == ("boundary", arn, "role/bounded")
    assert actions(boundary) == ["s3:*"]
    iam.delete_role_permissions_boundary(RoleName="bounded")
    assert in_force.policies(caller, READ).boundary is None
    iam.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=AWS_POLICY)
    boundary = in_force.policies(caller, READ).boundary
    assert boundary is not None
    assert boundary.name == AWS_POLICY


def test_the_boundary_of_a_user(in_force: PoliciesInForce, clients: Clients, user: Users) -> None:
    iam = clients("iam")
    eve = user("eve")
    assert in_force.policies(eve, READ).boundary is None
    assert "PermissionsBoundary" not in iam.get_user(UserName="eve")["User"]
    iam.put_user_permissions_boundary(UserName="eve", PermissionsBoundary=AWS_POLICY)
    boundary = in_force.policies(eve, READ).boundary
    assert boundary is not None
    assert (boundary.name, boundary.attached_to) == (AWS_POLICY, "user/eve")
    assert iam.get_user(UserName="eve")["User"]["PermissionsBoundary"] == {
        "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
        "PermissionsBoundaryArn": AWS_POLICY,
    }
    iam.delete_user_permissions_boundary(UserName="eve")
    assert in_force.policies(eve, READ).boundary is None


def test_a_user_can_be_made_with_a_boundary(in_force: PoliciesInForce, clients: Clients, user: Users) -> None:
    boundary = in_force.policies(user("mallory", PermissionsBoundary=AWS_POLICY), READ).boundary
    assert boundary is not None
    assert boundary.name == AWS_POLICY


def test_a_boundary_that_does_not_exist_is_refused_and_makes_no_user(clients: Clients) -> None:
    iam = clients("iam")
    absent = "arn:aws:iam::123456789012:policy/absent"
    with pytest.raises(iam.exceptions.NoSuchEntityException, match="absent"):
        iam.create_user(UserName="half-made", PermissionsBoundary=absent)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_user(UserName="half-made")
    with pytest.raises(iam.exceptions.NoSuchEntityException, match="absent"):
        iam.put_user_permissions_boundary(UserName="learner", PermissionsBoundary=absent)


# -- session policies ------------------------------------------------------------------------------------------


def test_a_session_without_session_policies_is_not_limited_by_any(
    in_force: PoliciesInForce, role_session: Users
) -> None:
    assert in_force.policies(role_session("plain"), READ).session is None


def test_session_policies_are_those_that_were_passed(
    in_force: PoliciesInForce, clients: Clients, role_session: Users
) -> None:
    caller = role_session("limited", {"Policy": policy("s3:Get*"), "PolicyArns": [{"arn": AWS_POLICY}]})
    found = in_force.policies(caller, READ).session
    assert found is not None
    assert {source.kind for source in found} == {"session"}
    assert AWS_POLICY in {source.name for source in found}
    assert ["s3:Get*"] in [actions(source) for source in found]


def test_a_session_policy_that_was_deleted_since_allows_nothing(in_force: PoliciesInForce) -> None:
    session = SessionDetails(
        "AssumeRole", Clock().datetime(), (SessionPolicy("arn:aws:iam::123456789012:policy/gone"),)
    )
    caller = Principal("123456789012", "arn:aws:sts::123456789012:assumed-role/r/s", "AROAX:s", "AssumedRole",
                       role_arn="arn:aws:iam::123456789012:role/r", session=session)  # fmt: skip
    found = in_force.policies(caller, READ).session
    assert found is not None
    assert [list(source.policy.statements) for source in found] == [[]]


def test_a_federated_user_is_limited_to_what_is_passed_of_what_the_user_may(
    in_force: PoliciesInForce, clients: Clients, user: Users
) -> None:
    broker = user("broker")
    clients("iam").put_user_policy(UserName="broker", PolicyName="inline", PolicyDocument=policy("s3:*"))
    for passed, expected in ((None, []), ((SessionPolicy("passed", policy("s3:Get*")),), [["s3:Get*"]])):
        session = SessionDetails("GetFederationToken", Clock().datetime(), passed, user_arn=broker.arn)
        caller = Principal("123456789012", "arn:aws:sts::123456789012:federated-user/bo", "123456789012:bo",
                           "FederatedUser", session=session)  # fmt: skip
        found = in_force.policies(caller, READ)
        assert attached(found.identity) == {("user/broker", "inline")}
        assert found.session is not None
        assert [actions(source) for source in found.session] == expected


# -- control policies ------------------------------------------------------------------------------------------


def test_the_management_account_is_bound_by_no_control_policy(
    in_force: PoliciesInForce, gateway: Gateway, who: Who
) -> None:
    found = in_force.policies(who(gateway.learner), READ)
    assert not found.service_controls
    assert not found.resource_controls


def test_a_member_is_bound_at_each_level(
    in_force: PoliciesInForce, clients: Clients, gateway: Gateway, who: Who
) -> None:
    organization = gateway.organization
    caller = who(assume(clients, "arn:aws:iam::210987654321:role/OrganizationAccountAccessRole"))
    before = in_force.policies(caller, READ).service_controls
    assert [[source.name for source in level] for level in before] == [["FullAWSAccess"], ["FullAWSAccess"]]
    denied = organization.add_policy(SERVICE_CONTROL, "no-ec2", "", policy("ec2:*", effect="Deny"))
    organization.nodes["210987654321"].policies.append(denied)
    organization.changed()
    root, account = in_force.policies(caller, READ).service_controls
    assert [source.name for source in root] == ["FullAWSAccess"]
    assert [(source.name, source.kind, source.attached_to) for source in account] == [
        ("FullAWSAccess", "service-control", "account/210987654321"),
        ("no-ec2", "service-control", "account/210987654321"),
    ]


def test_no_control_policy_binds_services_and_service_linked_roles(in_force: PoliciesInForce) -> None:
    role = "arn:aws:iam::210987654321:role/aws-service-role/elasticache.amazonaws.com/AWSServiceRoleForElastiCache"
    linked = Principal("210987654321", "arn:aws:sts::210987654321:assumed-role/AWSServiceRoleForElastiCache/s",
                       "AROAX:s", "AssumedRole", role_arn=role)  # fmt: skip
    for caller in (linked, SERVICE, ANONYMOUS):
        assert not in_force.policies(caller, READ).service_controls


def test_resource_control_policies_bind_the_resources_of_members(
    in_force: PoliciesInForce, gateway: Gateway, who: Who
) -> None:
    organization = gateway.organization
    organization.enable(RESOURCE_CONTROL)
    try:
        learner = who(gateway.learner)
        theirs = Need("sqs:SendMessage", "arn:aws:sqs:us-east-1:210987654321:q")
        for caller in (learner, SERVICE):
            levels = in_force.policies(caller, theirs).resource_controls
            assert [[source.name for source in level] for level in levels] == [["RCPFullAWSAccess"]] * 2
            assert levels[0][0].kind == "resource-control"
        ours = Need("sqs:SendMessage", "arn:aws:sqs:us-east-1:123456789012:q")
        assert not in_force.policies(learner, ours).resource_controls
        # Not a service whose resources such policies bind.
        topic = Need("sns:Publish", "arn:aws:sns:us-east-1:210987654321:t")
        assert not in_force.policies(learner, topic).resource_controls
    finally:
        organization.disable(RESOURCE_CONTROL)


# -- the context of a principal ----------------------------------------------------------------------------------


def test_the_context_of_a_user(in_force: PoliciesInForce, clients: Clients, gateway: Gateway, user: Users) -> None:
    caller = user("zoe", Path="/staff/", Tags=[{"Key": "Team", "Value": "orders"}])
    assert in_force.principal_context(caller) == {
        "aws:PrincipalArn": "arn:aws:iam::123456789012:user/staff/zoe",
        "aws:PrincipalAccount": "123456789012",
        "aws:PrincipalType": "User",
        "aws:PrincipalIsAWSService": False,
        "aws:userid": caller.user_id,
        "aws:username": "zoe",
        "aws:PrincipalOrgID": gateway.organization.id,
        "aws:PrincipalOrgPaths": gateway.organization.paths("123456789012"),
        "aws:PrincipalTag/Team": "orders",
    }


def test_the_context_of_a_roles_session(in_force: PoliciesInForce, gateway: Gateway, role_session: Users) -> None:
    caller = role_session(
        "tagged",
        {"Tags": [{"Key": "Team", "Value": "session"}, {"Key": "Case", "Value": "7"}]},
        Tags=[{"Key": "Team", "Value": "role"}, {"Key": "Stage", "Value": "test"}],
    )
    context = in_force.principal_context(caller)
    assert context["aws:PrincipalArn"] == "arn:aws:iam::123456789012:role/tagged"
    assert context["aws:PrincipalType"] == "AssumedRole"
    assert str(context["aws:userid"]).endswith(":tests")
    assert "aws:username" not in context
    assert context["aws:PrincipalTag/Team"] == "session"
    assert context["aws:PrincipalTag/Stage"] == "test"
    assert context["aws:PrincipalTag/Case"] == "7"
    assert caller.session is not None
    assert context["aws:TokenIssueTime"] == caller.session.issued
    assert context["aws:MultiFactorAuthPresent"] is False


def test_what_a_session_brings_is_in_the_context(in_force: PoliciesInForce) -> None:
    provider = "arn:aws:iam::123456789012:oidc-provider/ci.example.com"
    session = SessionDetails(
        "AssumeRoleWithWebIdentity",
        Clock().datetime(),
        source_identity="ada",
        provider=provider,
        claims={"ci.example.com:sub": "repo:shop"},
    )
    caller = Principal("123456789012", "arn:aws:sts::123456789012:assumed-role/r/s", "AROAX:s", "AssumedRole",
                       role_arn="arn:aws:iam::123456789012:role/r", session=session)  # fmt: skip
    context = in_force.principal_context(caller)
    assert context["aws:SourceIdentity"] == "ada"
    assert context["aws:FederatedProvider"] == provider
    assert context["ci.example.com:sub"] == "repo:shop"


def test_the_context_of_a_service_and_of_nobody(in_force: PoliciesInForce) -> None:
    assert in_force.principal_context(SERVICE) == {
        "aws:PrincipalIsAWSService": True,
        "aws:PrincipalServiceName": "sns.amazonaws.com",
        "aws:PrincipalServiceNamesList": ["sns.amazonaws.com"],
    }
    assert in_force.caller(SERVICE).account is None
    nobody = in_force.principal_context(ANONYMOUS)
    assert (nobody["aws:PrincipalType"], nobody["aws:userid"]) == ("Anonymous", "anonymous")
    assert "aws:PrincipalArn" not in nobody
    assert in_force.caller(ANONYMOUS).account is None


def test_a_root_user_has_no_policies_of_its_own(in_force: PoliciesInForce) -> None:
    root = Principal("210987654321", "arn:aws:iam::210987654321:root", "210987654321", "Root")
    found = in_force.policies(root, READ)
    assert found.identity == []
    assert found.service_controls
    assert in_force.caller(root).kind == "Root"
    assert in_force.principal_context(root)["aws:PrincipalType"] == "Account"
