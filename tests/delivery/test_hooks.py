"""Hooks: functions that check a version before and after it gets its traffic.

https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html#appspec-hooks-lambda
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.delivery.conftest import ALL_AT_ONCE, CANARY, Delivery

FAILED = "The deployment failed because one or more of the lifecycle event validation functions failed."
TIMED_OUT = (
    "The deployment timed out while waiting for a status callback. CodeDeploy expects a status callback within one "
    "hour after a deployment hook is invoked."
)


@pytest.fixture(scope="module")
def good(delivery: Delivery) -> str:
    return delivery.hook("good", "Succeeded")


@pytest.fixture(scope="module")
def bad(delivery: Delivery) -> str:
    return delivery.hook("bad", "Failed")


@pytest.fixture(scope="module")
def silent(delivery: Delivery) -> str:
    return delivery.hook("silent", "NOTHING")


def told(delivery: Delivery, hook: str) -> list[dict[str, Any]]:
    """What a hook was invoked with."""
    return [json.loads(line.removeprefix("HOOK ")) for line in delivery.lines(hook, "HOOK ")]


def test_hooks_are_told_deployment_and_execution_and_nothing_else(delivery: Delivery, good: str) -> None:
    delivery.versions("told")
    delivery.group("told", ALL_AT_ONCE)
    spec = delivery.spec("told", BeforeAllowTraffic=good, AfterAllowTraffic=good)
    identifier = delivery.begin("told", spec)
    assert delivery.info(identifier)["status"] == "Succeeded"
    before, after = [event for event in told(delivery, good) if event["DeploymentId"] == identifier]
    assert set(before) == {"DeploymentId", "LifecycleEventHookExecutionId"}
    assert before["LifecycleEventHookExecutionId"] != after["LifecycleEventHookExecutionId"]
    for event in delivery.target(identifier)["lifecycleEvents"]:
        assert event["status"] == "Succeeded"
        assert event["startTime"] <= event["endTime"]


def test_a_hook_that_fails_before_the_traffic_keeps_it_away(delivery: Delivery, bad: str) -> None:
    delivery.versions("before")
    delivery.group("before")
    identifier = delivery.begin("before", delivery.spec("before", BeforeAllowTraffic=bad))
    assert delivery.error(identifier) == ("Failed", "HOOK_EXECUTION_FAILURE", FAILED)
    assert delivery.lifecycle(identifier) == {
        "BeforeAllowTraffic": "Failed",
        "AllowTraffic": "Skipped",
        "AfterAllowTraffic": "Skipped",
    }
    assert delivery.alias("before") == ("1", {})
    assert delivery.rollback_of(identifier)["status"] == "Succeeded"


def test_a_hook_that_fails_after_the_traffic_brings_it_back(delivery: Delivery, good: str, bad: str) -> None:
    delivery.versions("after")
    delivery.group("after")
    spec = delivery.spec("after", BeforeAllowTraffic=good, AfterAllowTraffic=bad)
    identifier = delivery.begin("after", spec)
    assert delivery.alias("after") == ("1", {"2": 0.1})
    delivery.clock.advance(310)
    assert delivery.error(identifier) == ("Failed", "HOOK_EXECUTION_FAILURE", FAILED)
    assert delivery.lifecycle(identifier) == {
        "BeforeAllowTraffic": "Succeeded",
        "AllowTraffic": "Succeeded",
        "AfterAllowTraffic": "Failed",
    }
    # The rollback runs no hooks.
    rollback = delivery.rollback_of(identifier)
    assert rollback["status"] == "Succeeded"
    assert set(delivery.lifecycle(rollback["deploymentId"]).values()) == {"Succeeded"}
    assert delivery.alias("after") == ("1", {})


@pytest.mark.parametrize("event", ["BeforeAllowTraffic", "AfterAllowTraffic"])
def test_a_hook_that_never_answers_fails_the_deployment_after_an_hour(
    delivery: Delivery, silent: str, event: str
) -> None:
    delivery.versions(event)
    delivery.group(event, ALL_AT_ONCE)
    identifier = delivery.begin(event, delivery.spec(event, **{event: silent}))
    delivery.clock.advance(3590)
    assert delivery.info(identifier)["status"] == "InProgress"
    assert delivery.lifecycle(identifier)[event] == "InProgress"
    delivery.clock.advance(20)
    assert delivery.error(identifier) == ("Failed", "TIMEOUT", TIMED_OUT)
    assert delivery.alias(event) == ("1", {})
    (late,) = [each for each in told(delivery, silent) if each["DeploymentId"] == identifier]
    assert (
        delivery.refused(
            "put_lifecycle_event_hook_execution_status",
            deploymentId=identifier,
            lifecycleEventHookExecutionId=late["LifecycleEventHookExecutionId"],
            status="Succeeded",
        )[0]
        == "LifecycleEventAlreadyCompletedException"
    )


def test_a_hook_that_breaks_is_waited_for_all_the_same(delivery: Delivery) -> None:
    broken = delivery.hook("broken", "BREAK")
    delivery.versions("breaks")
    delivery.group("breaks")
    identifier = delivery.begin("breaks", delivery.spec("breaks", BeforeAllowTraffic=broken))
    delivery.clock.advance(600)
    assert delivery.info(identifier)["status"] == "InProgress"
    # Whoever has the execution's id may answer for it.
    event = told(delivery, broken)[0]
    delivery.deploy.put_lifecycle_event_hook_execution_status(
        deploymentId=identifier,
        lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
        status="Succeeded",
    )
    delivery.clock.settle()
    assert delivery.lifecycle(identifier)["AllowTraffic"] == "InProgress"
    delivery.clock.advance(310)
    assert delivery.info(identifier)["status"] == "Succeeded"


def test_a_hook_that_is_not_there_fails_the_deployment_at_once(delivery: Delivery) -> None:
    delivery.versions("missing")
    delivery.group("missing")
    identifier = delivery.begin("missing", delivery.spec("missing", BeforeAllowTraffic="CodeDeployHook_nobody"))
    assert delivery.error(identifier) == ("Failed", "HOOK_EXECUTION_FAILURE", FAILED)
    diagnostics = delivery.target(identifier)["lifecycleEvents"][0]["diagnostics"]
    assert diagnostics["errorCode"] == "UnknownError"
    assert "CodeDeployHook_nobody" in diagnostics["message"]


def test_the_managed_policy_lets_hooks_of_its_name_only_be_invoked(delivery: Delivery) -> None:
    # https://github.com/aws/serverless-application-model/issues/219
    delivery.create("smoke-test")
    delivery.versions("named")
    delivery.group("named", CANARY)
    identifier = delivery.begin("named", delivery.spec("named", BeforeAllowTraffic="smoke-test"))
    status, code, message = delivery.error(identifier)
    assert (status, code) == ("Failed", "IAM_ROLE_PERMISSIONS")
    assert "in the following AWS service: AWSLambda." in message


def test_answers_that_belong_to_no_hook_are_refused(delivery: Delivery, silent: str) -> None:
    delivery.versions("answers")
    delivery.group("answers")
    identifier = delivery.begin("answers", delivery.spec("answers", BeforeAllowTraffic=silent))
    (event,) = [each for each in told(delivery, silent) if each["DeploymentId"] == identifier]
    execution = event["LifecycleEventHookExecutionId"]

    def code(deployment: str | None, execution_id: str | None, status: str) -> str:
        given = {"deploymentId": deployment, "lifecycleEventHookExecutionId": execution_id}
        params = {name: value for name, value in given.items() if value is not None}
        return delivery.refused("put_lifecycle_event_hook_execution_status", status=status, **params)[0]

    assert code(None, execution, "Succeeded") == "DeploymentIdRequiredException"
    assert code("x", execution, "Succeeded") == "InvalidDeploymentIdException"
    assert code("d-000000000", execution, "Succeeded") == "DeploymentDoesNotExistException"
    assert code(identifier, "abc", "Succeeded") == "InvalidLifecycleEventHookExecutionIdException"
    assert code(identifier, execution, "Skipped") == "InvalidLifecycleEventHookExecutionStatusException"
    answer = delivery.deploy.put_lifecycle_event_hook_execution_status(
        deploymentId=identifier, lifecycleEventHookExecutionId=execution, status="Failed"
    )
    assert answer["lifecycleEventHookExecutionId"] == execution
    assert code(identifier, execution, "Succeeded") == "LifecycleEventAlreadyCompletedException"
    delivery.clock.settle()
    assert delivery.info(identifier)["status"] == "Failed"
