"""IAM's policy simulator, through boto3 on a served gateway."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.authorisation.exclusions import expect_identifiers
from sandbox.authorisation.iam import Iam
from sandbox.authorisation.last_accessed import LastAccessed
from sandbox.authorisation.need import Need
from sandbox.authorisation.organization import SERVICE_CONTROL
from sandbox.authorisation.simulation import Simulation
from sandbox.authorisation.usage import Usage
from sandbox.gateway import moto_iam
from sandbox.gateway.call import DEFAULT_ACCOUNT, MEMBER_ACCOUNT, AwsError, Principal
from sandbox.gateway.moto_iam import AttachedPolicy
from sandbox.gateway.pipeline import Gateway

USER = f"arn:aws:iam::{DEFAULT_ACCOUNT}:user/ana"
ROLE = f"arn:aws:iam::{DEFAULT_ACCOUNT}:role/orders"
GROUP = f"arn:aws:iam::{DEFAULT_ACCOUNT}:group/devs"
TABLE = f"arn:aws:dynamodb:us-east-1:{DEFAULT_ACCOUNT}:table/orders"
OTHER_TABLE = f"arn:aws:dynamodb:us-east-1:{DEFAULT_ACCOUNT}:table/customers"
OBJECT = "arn:aws:s3:::photos/cat.jpg"
STRANGER = "999988887777"

#: Makes a client: service, credentials as AWS_* variables.
Clients = Callable[..., Any]


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


TRUST = policy({"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"})
READ = policy(allow(["dynamodb:GetItem", "dynamodb:Query"], TABLE))


class World:
    """A gateway with the IAM part, one user with a group, and a role."""

    def __init__(self, gateway: Gateway, clients: Clients, usage: Usage) -> None:
        self.gateway, self.clients, self.usage = gateway, clients, usage
        self.iam = clients("iam")

    def custom(self, *policies: str, actions: Any = "dynamodb:GetItem", **more: Any) -> Any:
        names = [actions] if isinstance(actions, str) else actions
        return self.iam.simulate_custom_policy(PolicyInputList=list(policies), ActionNames=names, **more)

    def principal(self, arn: str = USER, actions: Any = "dynamodb:GetItem", **more: Any) -> Any:
        names = [actions] if isinstance(actions, str) else actions
        return self.iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=names, **more)


@pytest.fixture(scope="module")
def world(gateway: Gateway, clients: Clients) -> World:
    usage = Usage()
    gateway.add(Iam(Simulation(gateway.organization), LastAccessed(gateway.clock, usage)))
    made = World(gateway, clients, usage)
    iam = made.iam
    iam.create_user(UserName="ana")
    iam.create_group(GroupName="devs")
    iam.add_user_to_group(GroupName="devs", UserName="ana")
    iam.put_group_policy(GroupName="devs", PolicyName="queues", PolicyDocument=policy(allow("sqs:SendMessage")))
    iam.put_user_policy(UserName="ana", PolicyName="read", PolicyDocument=READ)
    iam.create_role(RoleName="orders", AssumeRolePolicyDocument=TRUST)
    managed = iam.create_policy(PolicyName="orders-write", PolicyDocument=policy(allow("dynamodb:PutItem", TABLE)))
    iam.attach_role_policy(RoleName="orders", PolicyArn=managed["Policy"]["Arn"])
    return made


def only(answer: Any) -> Any:
    assert len(answer["EvaluationResults"]) == 1
    return answer["EvaluationResults"][0]


def ids(result: Any) -> list[str]:
    return [each["SourcePolicyId"] for each in result["MatchedStatements"]]


# -- decisions -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statements", "resource", "expected"),
    [
        ([allow("dynamodb:*")], "*", "allowed"),
        ([allow("dynamodb:*", TABLE)], TABLE, "allowed"),
        ([allow("dynamodb:*", TABLE)], OTHER_TABLE, "implicitDeny"),
        # Not named, a resource is `*`, which only a statement about everything covers.
        ([allow("dynamodb:*", TABLE)], "*", "implicitDeny"),
        ([allow("sqs:*")], "*", "implicitDeny"),
        ([allow("*"), deny("dynamodb:GetItem")], "*", "explicitDeny"),
        ([deny("dynamodb:GetItem")], TABLE, "explicitDeny"),
        ([allow("*"), deny("dynamodb:GetItem", OTHER_TABLE)], TABLE, "allowed"),
    ],
)
def test_decisions_of_given_policies(world: World, statements: list[Any], resource: str, expected: str) -> None:
    assert only(world.custom(policy(*statements), ResourceArns=[resource]))["EvalDecision"] == expected


def test_the_example_of_the_commands_page(world: World) -> None:
    # https://docs.aws.amazon.com/cli/latest/reference/iam/simulate-custom-policy.html#examples
    text = (
        '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*",'
        '"Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}'
    )

    def at(time: str) -> Any:
        entry = {"ContextKeyName": "aws:CurrentTime", "ContextKeyValues": [time], "ContextKeyType": "date"}
        return only(world.custom(text, actions="dynamodb:CreateBackup", ContextEntries=[entry]))

    result = at("2019-04-25T11:00:00Z")
    assert result["EvalDecision"] == "allowed"
    assert result["MatchedStatements"] == [
        {
            "SourcePolicyId": "PolicyInputList.1",
            "SourcePolicyType": "IAM Policy",
            "StartPosition": {"Line": 1, "Column": 38},
            "EndPosition": {"Line": 1, "Column": 167},
        }
    ]
    assert result["MissingContextValues"] == []
    assert "ResourceSpecificResults" not in result
    assert "EvalDecisionDetails" not in result
    early = at("2014-04-25T11:00:00Z")
    assert (early["EvalDecision"], early["MatchedStatements"]) == ("implicitDeny", [])


def test_a_users_policies_and_those_of_his_groups_take_part(world: World) -> None:
    read = only(world.principal(ResourceArns=[TABLE]))
    assert (read["EvalDecision"], ids(read)) == ("allowed", ["user_ana_read"])
    send = only(world.principal(actions="sqs:SendMessage"))
    assert (send["EvalDecision"], ids(send)) == ("allowed", ["group_devs_queues"])
    assert only(world.principal(actions="sqs:DeleteMessage"))["EvalDecision"] == "implicitDeny"


def test_a_group_is_simulated_by_its_own_policies(world: World) -> None:
    assert only(world.principal(GROUP, "sqs:SendMessage"))["EvalDecision"] == "allowed"
    assert only(world.principal(GROUP, ResourceArns=[TABLE]))["EvalDecision"] == "implicitDeny"


def test_a_managed_policy_is_told_by_its_name_and_positions_count_in_its_text(world: World) -> None:
    result = only(world.principal(ROLE, "dynamodb:PutItem", ResourceArns=[TABLE]))
    (matched,) = result["MatchedStatements"]
    assert matched["SourcePolicyId"] == "orders-write"
    assert matched["StartPosition"] == {"Line": 1, "Column": 41}
    assert matched["EndPosition"]["Column"] == len(policy(allow("dynamodb:PutItem", TABLE))) - 1


def test_a_policy_of_aws_has_the_positions_that_aws_tells(world: World) -> None:
    # As recorded answers for AdministratorAccess have them.
    (matched,) = only(world.principal(f"arn:aws:iam::{DEFAULT_ACCOUNT}:user/learner", "s3:GetObject"))[
        "MatchedStatements"
    ]
    assert matched == {
        "SourcePolicyId": "AdministratorAccess",
        "SourcePolicyType": "IAM Policy",
        "StartPosition": {"Line": 3, "Column": 17},
        "EndPosition": {"Line": 8, "Column": 6},
    }


@pytest.mark.parametrize(
    ("action", "resources", "expected"),
    [
        ("s3:GetObject", ["*"], "arn:${Partition}:s3:::${BucketName}/${ObjectName}"),
        ("s3:GetObject", [OBJECT], "arn:${Partition}:s3:::${BucketName}/${ObjectName}"),
        ("s3:ListBucket", ["*"], "arn:${Partition}:s3:::${BucketName}"),
        ("sqs:SendMessage", ["*"], "arn:${Partition}:sqs:${Region}:${Account}:${QueueName}"),
        ("s3:ListAllMyBuckets", ["*"], "*"),
        ("s3:NoSuchThing", ["*"], "*"),
    ],
)
def test_a_result_names_the_format_of_its_resources(
    world: World, action: str, resources: list[str], expected: str
) -> None:
    result = only(world.custom(policy(allow("*")), actions=action, ResourceArns=resources))
    assert result["EvalResourceName"] == expected


def test_given_policies_are_added_to_those_attached(world: World) -> None:
    more = policy(deny("dynamodb:GetItem"))
    result = only(world.principal(ResourceArns=[TABLE], PolicyInputList=[more]))
    assert (result["EvalDecision"], ids(result)) == ("explicitDeny", ["PolicyInputList.1"])


# -- one result an action ------------------------------------------------------------------------------


def test_one_result_for_each_action_with_each_resource_in_it(world: World) -> None:
    answer = world.custom(
        policy(allow("dynamodb:GetItem", TABLE), allow("dynamodb:PutItem", "*"), deny("dynamodb:PutItem", OTHER_TABLE)),
        actions=["dynamodb:GetItem", "dynamodb:PutItem"],
        ResourceArns=[TABLE, OTHER_TABLE],
    )
    get, put = answer["EvaluationResults"]
    assert (get["EvalActionName"], get["EvalDecision"]) == ("dynamodb:GetItem", "implicitDeny")
    assert get["EvalResourceName"] == "arn:${Partition}:dynamodb:${Region}:${Account}:table/${TableName}"
    assert get["MatchedStatements"] == []
    assert get["EvalDecisionDetails"] == {}
    specific = {each["EvalResourceName"]: each for each in get["ResourceSpecificResults"]}
    assert {arn: each["EvalResourceDecision"] for arn, each in specific.items()} == {
        TABLE: "allowed",
        OTHER_TABLE: "implicitDeny",
    }
    assert ids(specific[TABLE]) == ["PolicyInputList.1"]
    # The strictest decision is the action's, and only what decided it is told.
    assert put["EvalDecision"] == "explicitDeny"
    (decided,) = put["MatchedStatements"]
    assert decided == put["ResourceSpecificResults"][1]["MatchedStatements"][0]
    assert put["ResourceSpecificResults"][0]["EvalResourceDecision"] == "allowed"


def test_results_come_in_pages(world: World) -> None:
    actions = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:DeleteItem"]
    first = world.custom(READ, actions=actions, MaxItems=2)
    assert first["IsTruncated"] is True
    assert [each["EvalActionName"] for each in first["EvaluationResults"]] == actions[:2]
    pages = world.iam.get_paginator("simulate_custom_policy").paginate(
        PolicyInputList=[READ], ActionNames=actions, PaginationConfig={"PageSize": 2}
    )
    assert [each["EvalActionName"] for page in pages for each in page["EvaluationResults"]] == actions


def test_a_page_ends_early_when_there_is_much_to_decide(world: World) -> None:
    tables = [f"{TABLE}-{number}" for number in range(900)]
    answer = world.custom(READ, actions=["dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"], ResourceArns=tables)
    assert len(answer["EvaluationResults"]) == 2
    assert answer["IsTruncated"] is True
    rest = world.custom(
        READ,
        actions=["dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"],
        ResourceArns=tables,
        Marker=answer["Marker"],
    )
    assert [each["EvalActionName"] for each in rest["EvaluationResults"]] == ["dynamodb:Scan"]


# -- boundaries, service control policies --------------------------------------------------------------


def test_a_given_boundary_limits_and_is_reported(world: World) -> None:
    result = only(
        world.custom(
            policy(allow("*")), ResourceArns=[TABLE], PermissionsBoundaryPolicyInputList=[policy(allow("s3:*"))]
        )
    )
    assert result["EvalDecision"] == "implicitDeny"
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    assert result["MatchedStatements"] == []
    (specific,) = result["ResourceSpecificResults"]
    assert specific["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    wide = only(world.custom(policy(allow("*")), PermissionsBoundaryPolicyInputList=[policy(allow("dynamodb:*"))]))
    assert wide["EvalDecision"] == "allowed"
    assert wide["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": True}
    assert ids(wide) == ["PolicyInputList.1"]


def test_a_boundary_that_denies_is_the_statement_that_is_told(world: World) -> None:
    result = only(
        world.custom(policy(allow("*")), PermissionsBoundaryPolicyInputList=[policy(allow("*"), deny("dynamodb:*"))])
    )
    assert result["EvalDecision"] == "explicitDeny"
    (matched,) = result["MatchedStatements"]
    assert matched["SourcePolicyType"] == "Permissions Boundary Policy"
    assert matched["SourcePolicyId"] == "PermissionsBoundaryPolicyInputList.1"


def test_a_given_boundary_takes_the_place_of_the_attached_one(world: World) -> None:
    narrow = world.iam.create_policy(PolicyName="narrow", PolicyDocument=policy(allow("s3:*")))["Policy"]["Arn"]
    world.iam.put_role_permissions_boundary(RoleName="orders", PermissionsBoundary=narrow)
    try:
        attached = only(world.principal(ROLE, "dynamodb:PutItem", ResourceArns=[TABLE]))
        replaced = only(
            world.principal(
                ROLE,
                "dynamodb:PutItem",
                ResourceArns=[TABLE],
                PermissionsBoundaryPolicyInputList=[policy(allow("dynamodb:*"))],
            )
        )
        left_out = only(
            world.principal(
                ROLE,
                "dynamodb:PutItem",
                ResourceArns=[TABLE],
                PolicyExclusionList=[{"PolicyType": "permission-boundary"}],
            )
        )
    finally:
        world.iam.delete_role_permissions_boundary(RoleName="orders")
    assert attached["EvalDecision"] == "implicitDeny"
    assert replaced["EvalDecision"] == left_out["EvalDecision"] == "allowed"
    assert "PermissionsBoundaryDecisionDetail" not in left_out


def test_service_control_policies_in_order(world: World) -> None:
    everything, not_tables = policy(allow("*")), policy(allow("*"), deny("dynamodb:*"))
    some = policy(allow("s3:*"))

    def under(*levels: list[str]) -> Any:
        given = [{"ServiceControlPolicyInputList": level} for level in levels]
        return only(world.custom(policy(allow("*")), ResourceArns=[TABLE], OrderedOrganizationPolicyInputList=given))

    assert under([everything], [everything])["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": True}
    denied = under([everything], [not_tables])
    assert denied["EvalDecision"] == "explicitDeny"
    assert denied["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": False}
    # The simulation ends there; no statements of service control policies are told.
    assert denied["MatchedStatements"] == []
    assert "EvalDecisionDetails" not in denied
    assert under([everything], [some])["EvalDecision"] == "implicitDeny"
    assert under([everything], [some, everything])["EvalDecision"] == "allowed"
    assert under([everything], [])["EvalDecision"] == "implicitDeny"


def test_the_member_accounts_principals_are_bound_by_its_service_control_policies(world: World) -> None:
    made = world.gateway.organization.add_policy(SERVICE_CONTROL, "no-tables", "", policy(deny("dynamodb:*")))
    node = world.gateway.organization.nodes[MEMBER_ACCOUNT]
    node.policies.append(made)
    world.gateway.organization.changed()
    try:
        session = world.gateway.issue_session(
            f"arn:aws:iam::{MEMBER_ACCOUNT}:role/OrganizationAccountAccessRole", "test", 900
        )
        iam = world.clients("iam", session)
        arn = iam.create_role(RoleName="worker", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        iam.put_role_policy(RoleName="worker", PolicyName="all", PolicyDocument=policy(allow("*")))
        simulate = iam.simulate_principal_policy
        result = only(simulate(PolicySourceArn=arn, ActionNames=["dynamodb:GetItem"]))
        free = only(simulate(PolicySourceArn=arn, ActionNames=["s3:GetObject"]))
        without = only(
            simulate(PolicySourceArn=arn, ActionNames=["dynamodb:GetItem"], PolicyExclusionList=[{"PolicyType": "scp"}])
        )
    finally:
        node.policies.remove(made)
        world.gateway.organization.changed()
    assert result["EvalDecision"] == "explicitDeny"
    assert result["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": False}
    assert free["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": True}
    assert without["EvalDecision"] == "allowed"
    # Nothing binds the management account.
    assert "OrganizationsDecisionDetail" not in only(world.principal())


# -- resource policies ---------------------------------------------------------------------------------


def grants(action: Any, resource: Any = "arn:aws:s3:::photos/*", principal: Any = USER) -> str:
    return policy({**allow(action, resource), "Principal": {"AWS": principal}})


def test_a_resource_policy_allows_within_an_account_by_itself(world: World) -> None:
    # https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html (Same-Account Simulation)
    only_iam = policy(allow("iam:*"))
    result = only(
        world.custom(
            only_iam,
            actions="s3:PutObject",
            CallerArn=USER,
            ResourceArns=[OBJECT],
            ResourceOwner=f"arn:aws:iam::{DEFAULT_ACCOUNT}:root",
            PermissionsBoundaryPolicyInputList=[only_iam],
            ResourcePolicy=grants(["s3:List*", "s3:Put*"]),
        )
    )
    assert result["EvalDecision"] == "allowed"
    assert result["EvalDecisionDetails"] == {}
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    (matched,) = result["MatchedStatements"]
    assert (matched["SourcePolicyId"], matched["SourcePolicyType"]) == ("ResourcePolicy", "Resource Policy")
    (specific,) = result["ResourceSpecificResults"]
    assert specific["MatchedStatements"] == [matched]
    assert "EvalDecisionDetails" not in specific


def test_across_accounts_each_kind_of_policy_has_its_decision(world: World) -> None:
    # https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html (Cross-Account Simulation)
    result = only(
        world.principal(
            USER,
            "s3:PutObject",
            ResourceArns=[OBJECT],
            ResourceOwner=f"arn:aws:iam::{STRANGER}:root",
            PermissionsBoundaryPolicyInputList=[policy(allow("iam:*"))],
            ResourcePolicy=grants(["s3:List*", "s3:Put*"]),
        )
    )
    expected = {
        "IAM Policy": "implicitDeny",
        "Resource Policy": "allowed",
        "Permissions Boundary Policy": "implicitDeny",
    }
    assert result["EvalDecision"] == "implicitDeny"
    assert result["EvalDecisionDetails"] == expected
    assert result["MatchedStatements"] == []
    (specific,) = result["ResourceSpecificResults"]
    assert specific["EvalDecisionDetails"] == expected
    assert ids(specific) == ["ResourcePolicy"]


def test_across_accounts_both_sides_must_allow(world: World) -> None:
    def decided(identity: str, resource: str) -> str:
        return str(
            only(
                world.custom(
                    identity,
                    actions="s3:PutObject",
                    CallerArn=USER,
                    ResourceArns=[OBJECT],
                    ResourceOwner=f"arn:aws:iam::{STRANGER}:root",
                    ResourcePolicy=resource,
                )
            )["EvalDecision"]
        )

    assert decided(policy(allow("s3:*")), grants("s3:Put*")) == "allowed"
    assert decided(policy(allow("s3:*")), grants("s3:List*")) == "implicitDeny"
    assert decided(policy(allow("sqs:*")), grants("s3:Put*")) == "implicitDeny"


def test_without_a_resource_policy_only_the_callers_own_policies_count(world: World) -> None:
    foreign = f"arn:aws:iam::{STRANGER}:role/theirs"
    result = only(world.custom(policy(allow("sts:AssumeRole")), actions="sts:AssumeRole", ResourceArns=[foreign]))
    assert result["EvalDecision"] == "allowed"


# -- the context ---------------------------------------------------------------------------------------

HOME = policy(
    allow("s3:ListBucket", "arn:aws:s3:::photos", Condition={"StringLike": {"s3:prefix": "${aws:username}/*"}}),
    allow("sqs:SendMessage", Condition={"Bool": {"aws:SecureTransport": "true"}}),
)


def test_keys_that_are_not_given_are_missing_whatever_the_action(world: World) -> None:
    # https://github.com/boto/boto3/issues/3111
    result = only(world.custom(HOME, actions="sqs:SendMessage"))
    assert result["EvalDecision"] == "implicitDeny"
    assert result["MissingContextValues"] == ["s3:prefix", "aws:username", "aws:SecureTransport"]


def test_the_caller_gives_some_keys_and_entries_come_first(world: World) -> None:
    prefix = {"ContextKeyName": "s3:prefix", "ContextKeyValues": ["ana/cats"], "ContextKeyType": "string"}
    about = {"actions": "s3:ListBucket", "ResourceArns": ["arn:aws:s3:::photos"]}
    as_ana = only(world.custom(HOME, CallerArn=USER, ContextEntries=[prefix], **about))
    assert as_ana["EvalDecision"] == "allowed"
    assert as_ana["MissingContextValues"] == ["aws:SecureTransport"]
    assert as_ana["ResourceSpecificResults"][0]["MissingContextValues"] == ["aws:SecureTransport"]
    named = {"ContextKeyName": "aws:UserName", "ContextKeyValues": ["bert"], "ContextKeyType": "string"}
    as_bert = only(world.custom(HOME, CallerArn=USER, ContextEntries=[prefix, named], **about))
    assert as_bert["EvalDecision"] == "implicitDeny"


def test_keys_of_service_control_policies_and_boundaries_are_not_missing(world: World) -> None:
    regional = policy(allow("*", Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}}))
    result = only(
        world.custom(
            policy(allow("*")),
            OrderedOrganizationPolicyInputList=[{"ServiceControlPolicyInputList": [regional]}],
            PermissionsBoundaryPolicyInputList=[regional],
        )
    )
    assert result["MissingContextValues"] == []
    assert result["EvalDecision"] == "implicitDeny"


def test_a_key_with_many_values(world: World) -> None:
    tagged = policy(allow("ec2:CreateTags", Condition={"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}))

    def decided(*keys: str) -> str:
        entry = {"ContextKeyName": "aws:TagKeys", "ContextKeyValues": list(keys), "ContextKeyType": "stringList"}
        return str(only(world.custom(tagged, actions="ec2:CreateTags", ContextEntries=[entry]))["EvalDecision"])

    assert decided("a", "b") == "allowed"
    assert decided("a", "c") == "implicitDeny"


def test_the_keys_that_policies_ask_for(world: World) -> None:
    given = world.iam.get_context_keys_for_custom_policy(PolicyInputList=[HOME])
    assert given["ContextKeyNames"] == ["s3:prefix", "aws:username", "aws:SecureTransport"]
    attached = world.iam.get_context_keys_for_principal_policy(PolicySourceArn=USER, PolicyInputList=[HOME])
    assert attached["ContextKeyNames"] == ["s3:prefix", "aws:username", "aws:SecureTransport"]
    assert world.iam.get_context_keys_for_principal_policy(PolicySourceArn=ROLE)["ContextKeyNames"] == []


# -- policies left out ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ({"PolicyType": "inline"}, "allowed"),
        ({"PolicyType": "user-managed"}, "implicitDeny"),
        ({"PolicyType": "aws-managed"}, "allowed"),
        ({"PolicyArn": f"arn:aws:iam::{DEFAULT_ACCOUNT}:policy/orders-write"}, "implicitDeny"),
        ({"PolicyArn": f"arn:aws:iam::{DEFAULT_ACCOUNT}:policy/orders-*"}, "implicitDeny"),
        ({"PolicyArn": f"arn:aws:iam::{DEFAULT_ACCOUNT}:policy/other"}, "allowed"),
        ({"PolicyType": "rcp"}, "allowed"),
    ],
)
def test_policies_can_be_left_out(world: World, identifier: dict[str, str], expected: str) -> None:
    answer = world.principal(ROLE, "dynamodb:PutItem", ResourceArns=[TABLE], PolicyExclusionList=[identifier])
    assert only(answer)["EvalDecision"] == expected


def test_an_inline_policy_can_be_left_out_by_its_name_and_holder(world: World) -> None:
    def decided(kind: str, holder: str, name: str = "read") -> str:
        inline = {"PolicyName": name, "AttachmentType": kind, "AttachmentName": holder}
        answer = world.principal(ResourceArns=[TABLE], PolicyExclusionList=[{"InlinePolicyIdentifier": inline}])
        return str(only(answer)["EvalDecision"])

    assert decided("user", "ana") == decided("user", "a*") == "implicitDeny"
    assert decided("group", "ana") == decided("user", "bert") == decided("user", "ana", "queues") == "allowed"


# -- errors --------------------------------------------------------------------------------------------


def code(raised: pytest.ExceptionInfo[ClientError]) -> str:
    return str(raised.value.response["Error"]["Code"])


def test_what_is_not_there(world: World) -> None:
    for arn, said in (
        (f"arn:aws:iam::{DEFAULT_ACCOUNT}:role/nobody", "The role with name nobody cannot be found."),
        (f"arn:aws:iam::{DEFAULT_ACCOUNT}:user/nobody", "The user with name nobody cannot be found."),
        (f"arn:aws:iam::{DEFAULT_ACCOUNT}:group/nobody", "The group with name nobody cannot be found."),
    ):
        with pytest.raises(ClientError) as raised:
            world.principal(arn)
        assert code(raised) == "NoSuchEntity"
        assert raised.value.response["Error"]["Message"] == said
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"ResourceArns": ["14a050d4-021e"]}, "ResourceNames are not in a valid ARN format: 14a050d4-021e."),
        ({"ResourceArns": [TABLE, "*"]}, "ResourceNames are not in a valid ARN format: *."),
        ({"ResourceOwner": "123456789012"}, "'123456789012' is not a valid as a Resource Owner."),
        ({"ActionNames": ["GetItem"]}, "Invalid Input Actions: GetItem"),
        ({"ActionNames": ["dynamodb:*"]}, "has a wildcard"),
        (
            {"ActionNames": ["dynamodb:GetItem", "dynamodb:ListTables"], "ResourceArns": [TABLE]},
            "Invalid Input Actions: [dynamodb:GetItem] and [dynamodb:ListTables] require different authorization "
            "information.",
        ),
        ({"PolicyInputList": ["{}"]}, "Invalid policy PolicyInputList.1"),
        ({"PolicyInputList": ["no json"]}, "Invalid policy PolicyInputList.1"),
        ({"PolicyInputList": [READ, grants("s3:*")]}, "Invalid policy PolicyInputList.2"),
        ({"PermissionsBoundaryPolicyInputList": [READ, READ]}, "Only one permissions boundary"),
        ({"ResourcePolicy": grants("s3:*")}, "Invalid caller - Caller cannot be null or empty."),
        (
            {"ResourcePolicy": grants("s3:*"), "CallerArn": ROLE},
            "Invalid caller - Caller must be an IAM user in this context.",
        ),
        (
            {"CallerArn": f"arn:aws:sts::{DEFAULT_ACCOUNT}:assumed-role/orders/one"},
            "does not clearly define entity type and name.",
        ),
        ({"ResourcePolicy": "{", "CallerArn": USER}, "Invalid policy ResourcePolicy"),
        ({"Marker": "elsewhere"}, "Invalid Marker"),
        ({"ResourceHandlingOption": "EC2-Moon"}, "Invalid resource handling option EC2-Moon"),
        ({"ResourceHandlingOption": "EC2-VPC-EBS"}, "Action does not support resource handling options"),
        (
            {"ContextEntries": [{"ContextKeyName": "aws:Key", "ContextKeyValues": ["x"], "ContextKeyType": "numeric"}]},
            "Invalid value 'x' of context key aws:Key",
        ),
    ],
)
def test_invalid_input(world: World, arguments: dict[str, Any], said: str) -> None:
    request = {"PolicyInputList": [READ], "ActionNames": ["dynamodb:GetItem"], **arguments}
    with pytest.raises(ClientError) as raised:
        world.iam.simulate_custom_policy(**request)
    assert code(raised) == "InvalidInput"
    assert said in raised.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("arn", "said"),
    [
        (
            f"arn:aws:sts::{DEFAULT_ACCOUNT}:assumed-role/orders/one",
            "Invalid Entity Arn: arn:aws:sts::123456789012:assumed-role/orders/one does not clearly define entity "
            "type and name.",
        ),
        (
            f"arn:aws:iam::{STRANGER}:user/ana",
            "Invalid Policy Source Arn: caller's account 123456789012 does not have access to policies in account "
            "999988887777",
        ),
    ],
)
def test_entities_that_cannot_be_simulated(world: World, arn: str, said: str) -> None:
    with pytest.raises(ClientError) as raised:
        world.principal(arn)
    assert code(raised) == "InvalidInput"
    assert raised.value.response["Error"]["Message"] == said


def test_a_role_is_not_simulated_with_a_resource_policy(world: World) -> None:
    with pytest.raises(ClientError) as raised:
        world.principal(ROLE, "s3:PutObject", ResourceArns=[OBJECT], ResourcePolicy=grants("s3:*"))
    assert raised.value.response["Error"]["Message"] == "Invalid caller - Caller must be an IAM user in this context."


def test_instances_need_all_their_resources(world: World) -> None:
    def arn(kind: str) -> str:
        return f"arn:aws:ec2:us-east-1:{DEFAULT_ACCOUNT}:{kind}/x-1"

    request = {"actions": "ec2:RunInstances", "ResourceHandlingOption": "EC2-VPC-InstanceStore"}
    kinds = ["instance", "image", "security-group", "network-interface"]
    whole = only(world.custom(policy(allow("ec2:*")), ResourceArns=[arn(kind) for kind in kinds], **request))
    assert whole["EvalDecision"] == "allowed"
    with pytest.raises(ClientError) as raised:
        world.custom(policy(allow("ec2:*")), ResourceArns=[arn(kind) for kind in kinds[:3]], **request)
    assert "network-interface" in raised.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    "identifier",
    [
        {},
        {"PolicyType": "inline", "PolicyArn": f"arn:aws:iam::{DEFAULT_ACCOUNT}:policy/orders"},
        {"PolicyType": "magic"},
        {"PolicyArn": f"arn:aws:iam::{DEFAULT_ACCOUNT}:*/orders"},
        {"PolicyArn": f"arn:aws:iam::{DEFAULT_ACCOUNT}:policy/*or*"},
        {"InlinePolicyIdentifier": {"PolicyName": "a", "AttachmentType": "user", "AttachmentName": "a*b*"}},
        {"InlinePolicyIdentifier": {"PolicyName": "a", "AttachmentType": "robot", "AttachmentName": "a"}},
    ],
)
def test_exclusions_that_are_none_are_refused(identifier: dict[str, Any]) -> None:
    with pytest.raises(AwsError) as raised:
        expect_identifiers([identifier])
    assert raised.value.code == "InvalidInput"
    expect_identifiers([{"PolicyType": "scp"}] * 256)
    with pytest.raises(AwsError):
        expect_identifiers([{"PolicyType": "scp"}] * 257)


def test_a_stored_policy_that_is_none_cannot_be_evaluated(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = AttachedPolicy("read", "{", "user/ana")
    monkeypatch.setattr(moto_iam.Identity, "policies", property(lambda self: [broken]))
    with pytest.raises(ClientError) as raised:
        world.principal()
    assert code(raised) == "PolicyEvaluation"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        policy(allow("s3:*", "arn:aws:s3:::" + "*a" * 60_000)),
        policy(allow("s3:*", ["arn:aws:s3:::a"] * 6_000)),
        json.dumps({"Statement": [{**allow("s3:*"), "Principal": "*"}] * 1_500}),
        policy(allow("s3:*", "${" * 60_000)),
    ],
)
def test_large_and_deep_policies_are_refused_or_decided_soon(world: World, text: str) -> None:
    for member in ("PolicyInputList", "ResourcePolicy"):
        request: dict[str, Any] = {"PolicyInputList": [READ], "ActionNames": ["s3:GetObject"], "CallerArn": USER}
        request[member] = text if member == "ResourcePolicy" else [text]
        began = time.perf_counter()
        try:
            said = only(world.iam.simulate_custom_policy(**request, ResourceArns=[OBJECT]))["EvalDecision"]
        except ClientError as error:
            said = error.response["Error"]["Code"]
        assert said in ("allowed", "implicitDeny", "InvalidInput")
        assert time.perf_counter() - began < 20


# -- what was last used --------------------------------------------------------------------------------


def test_reports_name_the_services_that_may_be_used_and_when_they_were(world: World) -> None:
    used = Principal(
        DEFAULT_ACCOUNT,
        f"arn:aws:sts::{DEFAULT_ACCOUNT}:assumed-role/orders/one",
        "AROA:one",
        "AssumedRole",
        role_arn=ROLE,
    )
    world.iam.put_role_policy(
        RoleName="orders", PolicyName="more", PolicyDocument=policy(allow(["sqs:*", "nosuch:*"]), deny("s3:*"))
    )
    try:
        when = world.gateway.clock.now() - 60
        world.usage.record(used, Need("dynamodb:PutItem", TABLE), when, "us-east-1")
        world.usage.record(used, Need("kms:Decrypt", "*"), when, "us-east-1")
        job = world.iam.generate_service_last_accessed_details(Arn=ROLE, Granularity="ACTION_LEVEL")["JobId"]
        report = world.iam.get_service_last_accessed_details(JobId=job)
    finally:
        world.iam.delete_role_policy(RoleName="orders", PolicyName="more")
    assert (report["JobStatus"], report["JobType"]) == ("COMPLETED", "ACTION_LEVEL")
    table, queue = report["ServicesLastAccessed"]
    assert (table["ServiceNamespace"], table["ServiceName"]) == ("dynamodb", "Amazon DynamoDB")
    assert (table["LastAuthenticatedEntity"], table["TotalAuthenticatedEntities"]) == (ROLE, 1)
    assert abs(table["LastAuthenticated"].timestamp() - when) < 1
    assert [each["ActionName"] for each in table["TrackedActionsLastAccessed"]] == ["PutItem"]
    assert queue["ServiceNamespace"] == "sqs"
    assert "LastAuthenticated" not in queue


def test_an_administrators_report_comes_in_pages(world: World) -> None:
    job = world.iam.generate_service_last_accessed_details(Arn=f"arn:aws:iam::{DEFAULT_ACCOUNT}:user/learner")["JobId"]
    page = world.iam.get_service_last_accessed_details(JobId=job)
    assert len(page["ServicesLastAccessed"]) == 100
    assert page["IsTruncated"] is True
    following = world.iam.get_service_last_accessed_details(JobId=job, Marker=page["Marker"])
    assert following["ServicesLastAccessed"][0]["ServiceNamespace"] > "b"


def test_a_report_is_for_who_asked_for_it(world: World) -> None:
    job = world.iam.generate_service_last_accessed_details(Arn=USER)["JobId"]
    with pytest.raises(ClientError) as raised:
        world.clients("iam", world.gateway.judge).get_service_last_accessed_details(JobId=job)
    assert code(raised) == "NoSuchEntity"
    with pytest.raises(ClientError) as raised:
        world.iam.generate_service_last_accessed_details(Arn=GROUP)
    assert code(raised) == "NotImplementedException"


def test_when_a_key_was_last_used(world: World) -> None:
    key = world.iam.create_access_key(UserName="ana")["AccessKey"]["AccessKeyId"]
    fresh = world.iam.get_access_key_last_used(AccessKeyId=key)
    assert fresh["UserName"] == "ana"
    assert fresh["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}
    user = Principal(DEFAULT_ACCOUNT, USER, "AIDA", "IAMUser", access_key=key)
    when = world.gateway.clock.datetime() + timedelta(seconds=5)
    world.usage.record(user, Need("logs:PutLogEvents", "*"), when.timestamp(), "eu-west-1")
    used = world.iam.get_access_key_last_used(AccessKeyId=key)["AccessKeyLastUsed"]
    assert (used["ServiceName"], used["Region"]) == ("logs", "eu-west-1")
    assert used["LastUsedDate"] == when.replace(microsecond=0)
    with pytest.raises(ClientError) as raised:
        world.iam.get_access_key_last_used(AccessKeyId="AKIAIOSFODNN7EXAMPLE")
    assert code(raised) == "NoSuchEntity"


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("generate_credential_report", {}),
        ("get_credential_report", {}),
        ("create_virtual_mfa_device", {"VirtualMFADeviceName": "phone"}),
        ("create_login_profile", {"UserName": "ana", "Password": "secret"}),
        ("list_policies", {"PolicyUsageFilter": "PermissionsBoundary"}),
        ("get_service_last_accessed_details_with_entities", {"JobId": "0" * 36, "ServiceNamespace": "s3"}),
    ],
)
def test_what_moto_would_only_pretend_is_refused_by_name(world: World, operation: str, arguments: Any) -> None:
    with pytest.raises(ClientError) as raised:
        getattr(world.iam, operation)(**arguments)
    assert code(raised) == "NotImplementedException"
