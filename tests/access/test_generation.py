"""From uses to the least policy: it allows them all, and nothing beside."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sandbox.access import Context, Policies, Principal, Request, Source, decide, parse
from sandbox.access.findings import validate
from sandbox.access.generation import Use, least_policy
from sandbox.access.grammar import check

ACCOUNT = "123456789012"
TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/orders"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/orders"
STREAM = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/lambda/orders:log-stream:"
LAMBDA = (("iam:PassedToService", "lambda.amazonaws.com"),)
EVENTS = (("iam:PassedToService", "events.amazonaws.com"),)

USES = [
    Use("dynamodb:GetItem", TABLE, 3),
    Use("dynamodb:PutItem", TABLE),
    Use("dynamodb:Query", f"{TABLE}/index/by-day"),
    Use("dynamodb:ListTables"),
    Use("s3:ListBucket", "arn:aws:s3:::photos"),
    Use("s3:GetObject", "arn:aws:s3:::photos/cat.jpg"),
    Use("logs:PutLogEvents", STREAM + "2026/11/21/[$LATEST]ab12"),
    Use("logs:CreateLogStream", STREAM + "2026/11/21/[$LATEST]cd34"),
    Use("iam:PassRole", ROLE, 1, LAMBDA),
    Use("iam:PassRole", ROLE, 2, EVENTS),
    Use("xray:PutTraceSegments", "*"),
]


def statements(uses: list[Use], **options: Any) -> dict[str, dict[str, Any]]:
    return {each["Sid"]: each for each in least_policy(uses, **options)["Statement"]}


def allowed(policy: dict[str, Any], action: str, resource: str, **context: str) -> bool:
    anna = Principal("User", f"arn:aws:iam::{ACCOUNT}:user/anna", ACCOUNT)
    identity = [Source("identity", "p", parse(json.dumps(policy)))]
    return decide(Request(anna, action, resource, Context(context)), Policies(identity=identity)).allowed


def test_actions_on_the_same_resources_share_a_statement() -> None:
    made = statements(USES)
    assert made["DynamodbTableOrders"] == {
        "Sid": "DynamodbTableOrders",
        "Effect": "Allow",
        "Action": ["dynamodb:GetItem", "dynamodb:PutItem"],
        "Resource": TABLE,
    }
    assert made["DynamodbTableOrdersIndexByDay"]["Action"] == ["dynamodb:Query"]


def test_a_bucket_and_its_objects_are_apart() -> None:
    made = statements(USES)
    assert made["S3Photos"]["Resource"] == "arn:aws:s3:::photos"
    assert made["S3PhotosCatJpg"]["Resource"] == "arn:aws:s3:::photos/cat.jpg"


def test_an_action_without_resources_stands_with_a_star() -> None:
    made = statements([Use("dynamodb:ListTables", TABLE), Use("xray:PutTraceSegments")])
    assert made["Dynamodb"]["Resource"] == made["Xray"]["Resource"] == "*"


def test_what_is_named_anew_each_time_becomes_a_star() -> None:
    assert statements(USES)["LogsLogGroupAwsLambdaOrdersLogStream"]["Resource"] == STREAM + "*"


def test_a_role_is_passed_to_the_services_it_was_passed_to() -> None:
    made = statements(USES)["IamRoleOrders"]
    assert made["Condition"] == {
        "StringEquals": {"iam:PassedToService": ["events.amazonaws.com", "lambda.amazonaws.com"]}
    }


def test_a_use_without_condition_covers_those_with_one() -> None:
    (made,) = least_policy([Use("iam:PassRole", ROLE, 1, LAMBDA), Use("iam:PassRole", ROLE)])["Statement"]
    assert "Condition" not in made


def test_more_resources_than_fit_are_joined_by_what_they_have_in_common() -> None:
    objects = [Use("s3:GetObject", f"arn:aws:s3:::photos/2026/{number}.jpg") for number in range(30)]
    (made,) = least_policy(objects)["Statement"]
    assert made["Resource"] == "arn:aws:s3:::photos/2026/*"
    (made,) = least_policy(objects, most_resources=30)["Statement"]
    assert len(made["Resource"]) == 30
    tables = [Use("dynamodb:GetItem", f"{TABLE}{number}") for number in range(30)]
    (made,) = least_policy([*tables, Use("dynamodb:GetItem", f"{TABLE}1/index/i")])["Statement"]
    assert made["Resource"] == TABLE.removesuffix("orders") + "*"


def test_joined_objects_never_leave_their_bucket() -> None:
    objects = [Use("s3:GetObject", f"arn:aws:s3:::photos-{name}/{number}") for name in "ab" for number in range(30)]
    (made,) = least_policy(objects)["Statement"]
    assert made["Resource"] == ["arn:aws:s3:::photos-a/*", "arn:aws:s3:::photos-b/*"]


def test_wildcards_in_a_key_are_no_wildcards_in_the_policy() -> None:
    policy = least_policy([Use("s3:GetObject", "arn:aws:s3:::photos/a*b?${c}")])
    assert allowed(policy, "s3:GetObject", "arn:aws:s3:::photos/a*b?${c}")
    assert not allowed(policy, "s3:GetObject", "arn:aws:s3:::photos/axxb?${c}")


def test_placeholders_are_awss() -> None:
    made = least_policy(USES, placeholders=True)["Statement"]
    assert {str(each["Resource"]) for each in made} == {
        "*",
        "arn:aws:dynamodb:${Region}:${Account}:table/${TableName}",
        "arn:aws:dynamodb:${Region}:${Account}:table/${TableName}/index/${IndexName}",
        "arn:aws:iam::${Account}:role/${RoleNameWithPath}",
        "arn:aws:logs:${Region}:${Account}:log-group:${LogGroupName}:log-stream:${LogStreamName}",
        "arn:aws:s3:::${BucketName}",
        "arn:aws:s3:::${BucketName}/${ObjectName}",
    }


def test_unknown_actions_are_kept_as_they_are() -> None:
    (made,) = least_policy([Use("new:Thing", "arn:aws:new:::thing/t")])["Statement"]
    assert (made["Action"], made["Resource"]) == (["new:Thing"], "arn:aws:new:::thing/t")


def test_nothing_used_is_nothing_allowed() -> None:
    assert least_policy([]) == {"Version": "2012-10-17", "Statement": []}


def test_the_policy_can_be_put_and_has_no_findings() -> None:
    text = json.dumps(least_policy(USES))
    check(text, "managed")
    assert validate(text, "IDENTITY_POLICY") == []


ACTIONS = st.sampled_from(["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "s3:GetObject", "s3:ListBucket"])
NAMES = st.text("ab/-*?${}", min_size=1, max_size=6)


def _resource(action: str, name: str) -> str:
    if action == "s3:GetObject":
        return f"arn:aws:s3:::photos/{name}"
    plain = "".join(letter for letter in name if letter in "ab-") or "a"
    return f"arn:aws:s3:::{plain}" if action == "s3:ListBucket" else f"{TABLE}{plain}"


LISTS = st.lists(st.builds(lambda action, name: Use(action, _resource(action, name)), ACTIONS, NAMES), max_size=12)


@given(LISTS, LISTS)
def test_it_allows_what_was_used_and_nothing_else(uses: list[Use], others: list[Use]) -> None:
    policy = least_policy(uses)
    used = {(use.action, use.resource) for use in uses}
    for use in uses + others:
        assert allowed(policy, use.action, use.resource) is ((use.action, use.resource) in used)


@given(st.permutations(USES), LISTS)
def test_it_depends_on_the_uses_not_on_their_order(uses: list[Use], more: list[Use]) -> None:
    assert least_policy([*uses, *more]) == least_policy([*more, *USES])
    names = [each["Sid"] for each in least_policy([*uses, *more])["Statement"]]
    assert len(set(names)) == len(names)
    assert all(name.isalnum() and name.isascii() for name in names)
