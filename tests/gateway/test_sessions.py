"""STS: sessions of roles, and a role's trust in a service."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.gateway.pipeline import Gateway
from sandbox.gateway.sessions import trusts


def as_variables(credentials: dict[str, Any]) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
    }


def test_an_assumed_role_is_who_one_is(clients: Any, role_arn: str) -> None:
    made = clients("sts").assume_role(RoleArn=role_arn, RoleSessionName="ana")
    arn = made["AssumedRoleUser"]["Arn"]
    assert arn == "arn:aws:sts::123456789012:assumed-role/fn/ana"
    identity = clients("sts", as_variables(made["Credentials"])).get_caller_identity()
    assert identity["Arn"] == arn
    assert identity["UserId"] == made["AssumedRoleUser"]["AssumedRoleId"]
    assert identity["UserId"].endswith(":ana")


def test_a_session_token_is_its_users(clients: Any) -> None:
    made = clients("sts").get_session_token(DurationSeconds=900)
    own = clients("sts", as_variables(made["Credentials"]))
    assert own.get_caller_identity()["Arn"].endswith(":user/learner")
    with pytest.raises(ClientError, match="AccessDenied"):
        own.get_session_token()


@pytest.mark.parametrize(
    ("params", "code", "words"),
    [
        ({"RoleArn": "arn:aws:iam::123456789012:role/absent"}, "AccessDenied", "role/absent"),
        ({"DurationSeconds": 899}, "ValidationError", "greater than or equal to 900"),
        ({"DurationSeconds": 43_201}, "ValidationError", "less than or equal to 43200"),
        ({"DurationSeconds": 7_200}, "ValidationError", "MaxSessionDuration"),
        ({"RoleSessionName": "a b"}, "ValidationError", "a b"),
        ({"Policy": "{}"}, "NotImplementedException", "session policy"),
    ],
)
def test_a_session_that_can_not_be_is_refused(
    clients: Any, role_arn: str, params: dict[str, Any], code: str, words: str
) -> None:
    unchecked = clients("sts", config=Config(parameter_validation=False))
    with pytest.raises(ClientError) as caught:
        unchecked.assume_role(**{"RoleArn": role_arn, "RoleSessionName": "ana", **params})
    assert caught.value.response["Error"]["Code"] == code
    assert words in caught.value.response["Error"]["Message"]


def test_a_role_trusts_the_services_that_its_policy_names(gateway: Gateway, role_arn: str) -> None:
    assert gateway.role_trusts(role_arn, "lambda.amazonaws.com")
    assert not gateway.role_trusts(role_arn, "codedeploy.amazonaws.com")
    assert not gateway.role_trusts("arn:aws:iam::123456789012:role/absent", "lambda.amazonaws.com")


LAMBDA = {"Service": "lambda.amazonaws.com"}


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([{"Effect": "Allow", "Principal": LAMBDA, "Action": "sts:AssumeRole"}], True),
        ([{"Effect": "Allow", "Principal": LAMBDA, "Action": ["sts:TagSession", "sts:AssumeRole"]}], True),
        ([{"Effect": "Allow", "Principal": LAMBDA, "Action": "sts:*"}], True),
        ([{"Effect": "Allow", "Principal": {"Service": ["a", "lambda.amazonaws.com"]}, "Action": "*"}], True),
        ({"Effect": "Allow", "Principal": LAMBDA, "Action": "sts:AssumeRole"}, True),
        ([{"Effect": "Allow", "Principal": LAMBDA, "Action": "sts:TagSession"}], False),
        ([{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}], False),
        ([{"Effect": "Deny", "Principal": LAMBDA, "Action": "sts:AssumeRole"}], False),
        (
            [
                {"Effect": "Allow", "Principal": LAMBDA, "Action": "sts:AssumeRole"},
                {"Effect": "Deny", "Principal": LAMBDA, "Action": "sts:AssumeRole"},
            ],
            False,
        ),
        ([], False),
    ],
)
def test_trust(statements: Any, expected: bool) -> None:
    assert trusts(json.dumps({"Version": "2012-10-17", "Statement": statements}), "lambda.amazonaws.com") is expected


@pytest.mark.parametrize("policy", ["", "{", "[]", '{"Statement": ["x"]}'])
def test_no_trust_in_what_is_no_policy(policy: str) -> None:
    assert not trusts(policy, "lambda.amazonaws.com")
