"""Resource policies of functions through the API."""

from __future__ import annotations

import json
from typing import Any

import pytest

ARN = "arn:aws:lambda:us-east-1:123456789012:function:guarded"


@pytest.fixture
def guarded(compute: Any) -> Any:
    if not any(f["FunctionName"] == "guarded" for f in compute.functions.list_functions()["Functions"]):
        compute.create("guarded", Publish=True)
    yield compute.functions
    for where in ({}, {"Qualifier": "1"}):
        for sid in ("bus", "other"):
            try:
                compute.functions.remove_permission(FunctionName="guarded", StatementId=sid, **where)
            except compute.functions.exceptions.ResourceNotFoundException:
                continue


def grant(functions: Any, **more: Any) -> dict[str, Any]:
    params = {
        "FunctionName": "guarded",
        "StatementId": "bus",
        "Action": "lambda:InvokeFunction",
        "Principal": "events.amazonaws.com",
        **more,
    }
    return dict(json.loads(functions.add_permission(**params)["Statement"]))


@pytest.mark.parametrize(
    ("more", "principal", "condition"),
    [
        ({}, {"Service": "events.amazonaws.com"}, None),
        ({"Principal": "alexa-appkit.amazon.com"}, {"Service": "alexa-appkit.amazon.com"}, None),
        ({"Principal": "111111111111"}, {"AWS": "arn:aws:iam::111111111111:root"}, None),
        ({"Principal": "arn:aws:iam::111111111111:role/r"}, {"AWS": "arn:aws:iam::111111111111:role/r"}, None),
        (
            {"Principal": "*", "PrincipalOrgID": "o-abcdefghij"},
            "*",
            {"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}},
        ),
        (
            {"SourceArn": "arn:aws:events:us-east-1:123456789012:rule/r", "SourceAccount": "123456789012"},
            {"Service": "events.amazonaws.com"},
            {
                "StringEquals": {"AWS:SourceAccount": "123456789012"},
                "ArnLike": {"AWS:SourceArn": "arn:aws:events:us-east-1:123456789012:rule/r"},
            },
        ),
    ],
)
def test_a_statement_says_who_may_invoke(guarded: Any, more: Any, principal: Any, condition: Any) -> None:
    statement = grant(guarded, **more)
    assert statement == {
        "Sid": "bus",
        "Effect": "Allow",
        "Principal": principal,
        "Action": "lambda:InvokeFunction",
        "Resource": ARN,
        **({"Condition": condition} if condition else {}),
    }
    policy = json.loads(guarded.get_policy(FunctionName="guarded")["Policy"])
    assert policy["Statement"] == [statement]


def test_each_version_has_its_own_policy(compute: Any, guarded: Any) -> None:
    assert grant(guarded, Qualifier="1")["Resource"] == f"{ARN}:1"
    assert compute.refusal("get_policy", FunctionName="guarded")[0] == "ResourceNotFoundException"
    assert json.loads(guarded.get_policy(FunctionName="guarded", Qualifier="1")["Policy"])["Statement"]
    policy_of = compute.sandbox.compute.policy_of
    assert [statement["Sid"] for statement in policy_of(f"{ARN}:1")["Statement"]] == ["bus"]
    for none in (ARN, f"{ARN}:2", f"{ARN}-2", ARN.rpartition(":")[0] + ":*", "arn:aws:lambda:::", "*"):
        assert policy_of(none) is None, none


def test_a_statement_is_removed(compute: Any, guarded: Any) -> None:
    grant(guarded)
    grant(guarded, StatementId="other")
    guarded.remove_permission(FunctionName="guarded", StatementId="bus")
    policy = json.loads(guarded.get_policy(FunctionName="guarded")["Policy"])
    assert [statement["Sid"] for statement in policy["Statement"]] == ["other"]
    assert compute.refusal("remove_permission", FunctionName="guarded", StatementId="bus") == (
        "ResourceNotFoundException",
        "Statement bus is not found in resource policy.",
    )


def test_what_is_refused(compute: Any, guarded: Any) -> None:
    grant(guarded)
    code, message = compute.refusal(
        "add_permission", FunctionName="guarded", StatementId="bus", Action="lambda:InvokeFunction", Principal="*"
    )
    assert (code, message.split(".")[0]) == (
        "ResourceConflictException",
        "The statement id (bus) provided already exists",
    )
    params = {"FunctionName": "guarded", "StatementId": "other", "Action": "lambda:InvokeFunction"}
    assert "The provided principal was invalid" in compute.refusal("add_permission", Principal="nobody", **params)[1]
    assert "$LATEST" in compute.refusal("add_permission", Principal="*", Qualifier="$LATEST", **params)[1]
    stale = compute.refusal("add_permission", Principal="*", RevisionId="0" * 8, **params)
    assert stale[0] == "PreconditionFailedException"
