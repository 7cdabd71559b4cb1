"""Resource policies of CloudWatch Logs: how they are kept, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.events.conftest import World, world

__all__ = ["world"]

STATEMENT = {
    "Effect": "Allow",
    "Principal": {"Service": "events.amazonaws.com"},
    "Action": "logs:PutLogEvents",
    "Resource": "*",
}


def document(**changes: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{**STATEMENT, **changes}]})


def test_policies_are_kept_by_name_and_ten_of_them(world: World) -> None:
    logs = world.client("logs")
    for number in range(10):
        logs.put_resource_policy(policyName=f"p{number}", policyDocument=document())
    logs.put_resource_policy(policyName="p0", policyDocument=document(Sid="again"))
    with pytest.raises(logs.exceptions.LimitExceededException):
        logs.put_resource_policy(policyName="p10", policyDocument=document())
    first = logs.describe_resource_policies(limit=6)
    second = logs.describe_resource_policies(limit=6, nextToken=first["nextToken"])
    names = [policy["policyName"] for page in (first, second) for policy in page["resourcePolicies"]]
    assert names == [f"p{number}" for number in range(10)]
    assert "again" in first["resourcePolicies"][0]["policyDocument"]
    for name in names:
        logs.delete_resource_policy(policyName=name)
    assert logs.describe_resource_policies()["resourcePolicies"] == []
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.delete_resource_policy(policyName="p0")


@pytest.mark.parametrize(
    "params",
    [
        {"policyName": "p", "policyDocument": "{"},
        {"policyName": "p", "policyDocument": document(Effect="Maybe")},
        {"policyName": "p", "policyDocument": document(Resource="*" + "x" * 5200)},
        {"policyName": "p"},
        {"policyName": "p", "policyDocument": document(), "resourceArn": "arn:aws:logs:us-east-1:1:log-group:g"},
    ],
)
def test_a_policy_that_can_not_be_is_refused(world: World, params: dict[str, str]) -> None:
    logs = world.client("logs")
    with pytest.raises(logs.exceptions.InvalidParameterException):
        logs.put_resource_policy(**params)
