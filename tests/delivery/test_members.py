"""Calls whose members are of another type than the model's, as a client other than boto3 may send them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.delivery.members import typed
from sandbox.gateway.call import AwsError, Call, Principal

ROOT = Principal("123456789012", "arn:aws:iam::123456789012:root", "123456789012", "Root")


def seen(operation: str, params: dict[str, Any]) -> Mapping[str, Any] | None:
    """The parameters as an operation gets them."""
    call = Call(
        service="codedeploy",
        operation=operation,
        params=params,
        principal=ROOT,
        account=ROOT.account,
        region="us-east-1",
        request_id="r",
        time=datetime(2026, 11, 21, tzinfo=UTC),
    )
    return typed(operation, lambda call: call.params)(call)


@pytest.mark.parametrize(
    ("operation", "params", "message"),
    [
        ("GetDeployment", {"deploymentId": 7}, "NUMBER_VALUE can not be converted to a String"),
        ("GetDeployment", {"deploymentId": True}, "TRUE_VALUE can not be converted to a String"),
        ("GetApplication", {"applicationName": ["a"]}, "Start of list found where not expected."),
        ("GetApplication", {"applicationName": {"a": 1}}, "Start of structure or map found where not expected."),
        ("BatchGetApplications", {"applicationNames": "a"}, "STRING_VALUE can not be converted to a List"),
        ("BatchGetApplications", {"applicationNames": [1]}, "NUMBER_VALUE can not be converted to a String"),
        ("StopDeployment", {"autoRollbackEnabled": "no"}, "STRING_VALUE can not be converted to a Boolean"),
        ("ListDeployments", {"createTimeRange": {"start": "x"}}, "STRING_VALUE can not be converted to a Timestamp"),
        ("ListDeploymentTargets", {"targetFilters": []}, "Start of list found where not expected."),
    ],
)
def test_a_member_of_another_type_is_refused(operation: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(AwsError) as caught:
        seen(operation, params)
    assert (caught.value.code, caught.value.message) == ("SerializationException", message)


def test_nulls_and_what_the_model_does_not_know_are_left_out() -> None:
    params = {"applicationName": None, "includeOnlyStatuses": ["Failed", None], "colour": "red"}
    assert seen("ListDeployments", params) == {"includeOnlyStatuses": ["Failed"]}
