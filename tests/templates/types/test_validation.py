"""Properties against the schemas of their types: what they become, and what CloudFormation says is wrong with them.

The sentences as CloudFormation's events have them: https://repost.aws/knowledge-center/cloudformation-resolve-model-val-failed
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.templates import Unknown
from sandbox.templates.types import schemas
from sandbox.templates.types.validation import Violation, check_properties, refusal
from tests.templates.types.test_schemas import TYPES

UNKNOWN = Unknown(frozenset({("Role", "Arn")}))
CODE: dict[str, Any] = {"Code": {"ZipFile": "x"}, "Role": "arn:aws:iam::123456789012:role/orders"}


def said(name: str, properties: dict[str, Any]) -> list[str]:
    """What is wrong with properties, a sentence each."""
    return [str(one) for one in check_properties(name, properties)[1]]


# -- values --------------------------------------------------------------------------------------------

COERCED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("AWS::SQS::Queue", {"DelaySeconds": "30"}, {"DelaySeconds": 30}),
    ("AWS::SQS::Queue", {"FifoQueue": "true"}, {"FifoQueue": True}),
    ("AWS::SQS::Queue", {"FifoQueue": "False"}, {"FifoQueue": False}),
    ("AWS::SQS::Queue", {"QueueName": 5}, {"QueueName": "5"}),
    ("AWS::SQS::Queue", {"QueueName": True}, {"QueueName": "true"}),
    ("AWS::SQS::Queue", {"Tags": [{"Key": "n", "Value": 1}]}, {"Tags": [{"Key": "n", "Value": "1"}]}),
    ("AWS::Logs::LogGroup", {"RetentionInDays": "14"}, {"RetentionInDays": 14}),
    (
        "AWS::Lambda::Function",
        {"Environment": {"Variables": {"NUMBER": 1, "TRUTH": True, "HALF": 0.5}}},
        {"Environment": {"Variables": {"NUMBER": "1", "TRUTH": "true", "HALF": "0.5"}}},
    ),
    (
        "AWS::DynamoDB::Table",
        {"ProvisionedThroughput": {"ReadCapacityUnits": "5", "WriteCapacityUnits": 5.0}},
        {"ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}},
    ),
    (
        "AWS::DynamoDB::Table",
        {"KeySchema": [{"AttributeName": 1, "KeyType": "HASH"}]},
        {"KeySchema": [{"AttributeName": "1", "KeyType": "HASH"}]},
    ),
    ("AWS::CloudFormation::Stack", {"Parameters": {"Size": 3}}, {"Parameters": {"Size": "3"}}),
    # A document stays as it was written, a map or a text.
    (
        "AWS::IAM::Role",
        {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{"Sid": 1, "Condition": {"a": True}}]}},
        {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{"Sid": 1, "Condition": {"a": True}}]}},
    ),
    ("AWS::IAM::Role", {"AssumeRolePolicyDocument": "{}"}, {"AssumeRolePolicyDocument": "{}"}),
    ("AWS::SSM::Parameter", {"Value": 1.5}, {"Value": "1.5"}),
    # What can't be what is wanted stays, and is named.
    ("AWS::SQS::Queue", {"DelaySeconds": "soon"}, {"DelaySeconds": "soon"}),
    ("AWS::SQS::Queue", {"DelaySeconds": "{{resolve:ssm:delay}}"}, {"DelaySeconds": "{{resolve:ssm:delay}}"}),
    ("AWS::SQS::Queue", {"DelaySeconds": UNKNOWN}, {"DelaySeconds": UNKNOWN}),
    (
        "AWS::CloudFormation::CustomResource",
        {"ServiceToken": "t", "ServiceTimeout": "5", "Id": {"Deep": [True, "5"]}},
        {"ServiceToken": "t", "ServiceTimeout": 5, "Id": {"Deep": [True, "5"]}},
    ),
]


@pytest.mark.parametrize(("name", "properties", "became"), COERCED)
def test_scalars_become_what_the_schema_wants(name: str, properties: dict[str, Any], became: dict[str, Any]) -> None:
    found, _ = check_properties(name, properties)
    assert found == became
    assert repr(found) == repr(became)


def test_the_properties_given_stay_as_they_are() -> None:
    properties = {"DelaySeconds": "30", "Tags": [{"Key": 1, "Value": 2}]}
    check_properties("AWS::SQS::Queue", properties)
    assert properties == {"DelaySeconds": "30", "Tags": [{"Key": 1, "Value": 2}]}


# -- violations ----------------------------------------------------------------------------------------

WRONG: list[tuple[str, dict[str, Any], list[str]]] = [
    ("AWS::SQS::Queue", {}, []),
    ("AWS::SQS::Queue", {"Foo": 1}, ["#: extraneous key [Foo] is not permitted"]),
    ("AWS::SQS::Queue", {"Arn": "a"}, ["#: extraneous key [Arn] is not permitted"]),
    ("AWS::SQS::Queue", {"Tags": [{"Key": "k"}]}, ["#/Tags/0: required key [Value] not found"]),
    ("AWS::SQS::Queue", {"Tags": {"Key": "k"}}, ["#/Tags: expected type: JSONArray, found: JSONObject"]),
    ("AWS::SQS::Queue", {"DelaySeconds": "soon"}, ["#/DelaySeconds: expected type: Number, found: String"]),
    ("AWS::SQS::Queue", {"DelaySeconds": 1.5}, ["#/DelaySeconds: expected type: Integer, found: Double"]),
    ("AWS::SQS::Queue", {"DelaySeconds": 901}, ["#/DelaySeconds: 901 is not less or equal to 900"]),
    ("AWS::SQS::Queue", {"FifoQueue": "yes"}, ["#/FifoQueue: expected type: Boolean, found: String"]),
    (
        "AWS::Lambda::Function",
        {"Timeout": 3},
        ["#: required key [Code] not found", "#: required key [Role] not found"],
    ),
    ("AWS::Lambda::Function", CODE | {"Role": ["a"]}, ["#/Role: expected type: String, found: JSONArray"]),
    ("AWS::Lambda::Function", CODE | {"MemorySize": 1}, ["#/MemorySize: 1 is not greater or equal to 128"]),
    ("AWS::Lambda::Function", CODE | {"Runtime": "cobol"}, ["#/Runtime: cobol is not a valid enum value"]),
    (
        "AWS::Lambda::Function",
        CODE | {"Architectures": "arm64"},
        ["#/Architectures: expected type: JSONArray, found: String"],
    ),
    (
        "AWS::Lambda::Function",
        CODE | {"Environment": {"Variables": {"HOSTS": ["a", "b"]}}},
        ["#/Environment/Variables/HOSTS: expected type: String, found: JSONArray"],
    ),
    ("AWS::SSM::Parameter", {"Type": "SecureString", "Value": "v"}, ["#/Type: SecureString is not a valid enum value"]),
    ("AWS::Logs::LogGroup", {"RetentionInDays": "15"}, ["#/RetentionInDays: 15 is not a valid enum value"]),
    (
        "AWS::Logs::LogGroup",
        {"RetentionInDays": "long"},
        [
            "#/RetentionInDays: expected type: Number, found: String",
            "#/RetentionInDays: long is not a valid enum value",
        ],
    ),
    (
        "AWS::IAM::Policy",
        {"PolicyName": "a b", "PolicyDocument": {}, "Roles": ["r"]},
        [r"#/PolicyName: string [a b] does not match pattern ^[\w+=,.@-]+$"],
    ),
    (
        "AWS::IAM::Role",
        {"AssumeRolePolicyDocument": {}, "ManagedPolicyArns": ["arn:aws:iam::aws:policy/A"] * 2},
        ["#/ManagedPolicyArns: array items are not unique"],
    ),
    ("AWS::CloudFormation::Stack", {"TemplateURL": ""}, ["#/TemplateURL: expected minLength: 1, actual: 0"]),
    (
        "AWS::CloudFormation::Stack",
        {"TemplateURL": "u" * 1025},
        ["#/TemplateURL: expected maxLength: 1024, actual: 1025"],
    ),
    (
        "AWS::Lambda::Url",
        {"TargetFunctionArn": "f", "AuthType": "NONE", "Cors": {"AllowMethods": ["GET", "TRACE"]}},
        ["#/Cors/AllowMethods/1: TRACE is not a valid enum value"],
    ),
    (
        "AWS::Events::Connection",
        {
            "AuthParameters": {
                "BasicAuthParameters": {"Username": "u", "Password": "p"},
                "ApiKeyAuthParameters": {"ApiKeyName": "n", "ApiKeyValue": "v"},
            }
        },
        ["#/AuthParameters: 2 subschemas matched instead of one"],
    ),
    (
        "AWS::IAM::Policy",
        {"PolicyName": "p", "PolicyDocument": {}},
        [f"#: required key [{name}] not found" for name in ("Users", "Groups", "Roles")],
    ),
    (
        "AWS::DynamoDB::Table",
        {
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "PointInTimeRecoverySpecification": {"RecoveryPeriodInDays": 7},
        },
        ["#/PointInTimeRecoverySpecification: property [PointInTimeRecoveryEnabled] is required"],
    ),
    ("Custom::Thing", {"Anything": 1}, ["#: required key [ServiceToken] not found"]),
]


@pytest.mark.parametrize(("name", "properties", "sentences"), WRONG)
def test_what_is_wrong_is_said_as_cloudformation_says_it(
    name: str, properties: dict[str, Any], sentences: list[str]
) -> None:
    assert said(name, properties) == sentences


def test_a_refusal_lists_all_that_is_wrong() -> None:
    _, violations = check_properties("AWS::SQS::Queue", {"Foo": 1, "DelaySeconds": "soon"})
    assert refusal("Orders", violations) == (
        "Properties validation failed for resource Orders with message:\n"
        "[#: extraneous key [Foo] is not permitted, #/DelaySeconds: expected type: Number, found: String]"
    )


def test_a_sentence_without_the_value() -> None:
    _, [pattern] = check_properties("AWS::IAM::User", {"UserName": "s e c r e t"})
    assert pattern.scrubbed == "#/UserName: failed validation constraint for keyword [pattern]"
    assert Violation((), "required", "required key [A] not found").scrubbed == "#: required key [A] not found"


@pytest.mark.parametrize(
    ("name", "properties"),
    [
        ("AWS::Lambda::Function", CODE | {"Role": UNKNOWN, "Timeout": UNKNOWN, "Layers": UNKNOWN}),
        ("AWS::Lambda::Function", CODE | {"Environment": {"Variables": {"TABLE": UNKNOWN}}}),
        ("AWS::IAM::Role", {"AssumeRolePolicyDocument": {}, "ManagedPolicyArns": [UNKNOWN, UNKNOWN]}),
        ("AWS::IAM::User", {"UserName": "ada-{{resolve:ssm:name:1}}"}),
        ("AWS::SQS::Queue", {"FifoQueue": "{{resolve:secretsmanager:fifo}}"}),
        (
            "AWS::Events::Connection",
            {"AuthParameters": {"BasicAuthParameters": UNKNOWN, "ApiKeyAuthParameters": UNKNOWN}},
        ),
    ],
)
def test_what_is_not_known_yet_is_right(name: str, properties: dict[str, Any]) -> None:
    assert said(name, properties) == []


def test_what_is_around_the_unknown_is_checked() -> None:
    assert said("AWS::SQS::Queue", {"KmsMasterKeyId": UNKNOWN, "Foo": UNKNOWN}) == [
        "#: extraneous key [Foo] is not permitted"
    ]


def test_no_properties_at_all() -> None:
    """`Properties: !Ref AWS::NoValue`."""
    assert check_properties("AWS::SQS::Queue", None) == ({}, [])


def test_a_pattern_that_would_take_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    catastrophic = {"properties": {"Name": {"type": "string", "pattern": "^(a+)+$"}}, "additionalProperties": False}
    monkeypatch.setattr("sandbox.templates.types.validation.schema", lambda name: catastrophic)
    monkeypatch.setattr("sandbox.templates.types.validation.read_only", lambda name: frozenset())
    assert said("AWS::Any::Type", {"Name": "a" * 5_000 + "!"}) == []
    assert said("AWS::Any::Type", {"Name": "b"}) == ["#/Name: string [b] does not match pattern ^(a+)+$"]


# -- odd values ----------------------------------------------------------------------------------------

NAMES = sorted({name for one in TYPES for name in schemas.schema(one)["properties"]})
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(UNKNOWN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(TYPES), st.data())
def test_any_value_is_checked(name: str, data: st.DataObject) -> None:
    of = sorted(schemas.schema(name)["properties"])
    properties = data.draw(st.dictionaries(st.sampled_from(of), VALUES, max_size=4))
    found, violations = check_properties(name, properties)
    assert found.keys() == properties.keys()
    assert refusal("Any", violations)
    # What was made of the values is made of them again.
    assert repr(check_properties(name, found)) == repr((found, violations))
