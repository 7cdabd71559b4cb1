"""Deployments as other services see them: their end, and what follows from it."""

from __future__ import annotations

import pytest

from sandbox.gateway.call import AwsError
from tests.delivery.conftest import ALL_AT_ONCE, Delivery


def test_who_waits_for_a_deployment_is_woken_at_its_end_with_the_rollback_known(delivery: Delivery) -> None:
    deployments = delivery.sandbox.delivery.deployments
    delivery.versions("awaited")
    delivery.group("awaited")
    identifier = delivery.begin("awaited")
    woken: list[str] = []
    deployments.when_finished(identifier, lambda: woken.append(delivery.info(identifier)["status"]))
    assert (deployments.finished(identifier), woken) == (False, [])
    delivery.deploy.stop_deployment(deploymentId=identifier)
    delivery.clock.settle()
    assert (deployments.finished(identifier), woken) == (True, ["Stopped"])
    rollback = delivery.rollback_of(identifier)["deploymentId"]
    # Who comes late is woken at once.
    deployments.when_finished(rollback, lambda: woken.append("late"))
    assert woken == ["Stopped", "late"]


def test_a_deployment_that_is_not_there_cannot_be_waited_for(delivery: Delivery) -> None:
    with pytest.raises(AwsError, match="DeploymentDoesNotExistException"):
        delivery.sandbox.delivery.deployments.when_finished("d-NOBODY000", lambda: None)


def test_a_group_is_busy_until_its_rollback_has_ended(delivery: Delivery) -> None:
    delivery.versions("again")
    delivery.group("again", ALL_AT_ONCE)
    first = delivery.begin("again", delivery.spec("again", AfterAllowTraffic="CodeDeployHook_nobody"))
    assert delivery.alias("again") == ("1", {})
    group = delivery.deploy.get_deployment_group(applicationName="shop", deploymentGroupName="again")
    described = group["deploymentGroupInfo"]
    rollback = delivery.rollback_of(first)
    assert described["lastAttemptedDeployment"]["deploymentId"] == rollback["deploymentId"]
    assert described["lastSuccessfulDeployment"]["deploymentId"] == rollback["deploymentId"]
    second = delivery.begin("again")
    assert delivery.info(second)["status"] == "Succeeded"
    assert delivery.info(second)["previousRevision"] == rollback["revision"]
    assert delivery.alias("again") == ("2", {})


def test_a_group_that_is_deleted_in_mid_deployment_does_not_keep_the_alias_between_versions(
    delivery: Delivery,
) -> None:
    delivery.versions("orphan")
    delivery.group("orphan")
    identifier = delivery.begin("orphan")
    delivery.deploy.delete_deployment_group(applicationName="shop", deploymentGroupName="orphan")
    delivery.deploy.stop_deployment(deploymentId=identifier)
    delivery.clock.settle()
    assert delivery.rollback_of(identifier)["status"] == "Succeeded"
    assert delivery.alias("orphan") == ("1", {})


def test_a_rollback_that_fails_is_not_rolled_back(delivery: Delivery) -> None:
    delivery.versions("hopeless")
    delivery.group("hopeless")
    identifier = delivery.begin("hopeless")
    delivery.functions.delete_function(FunctionName="hopeless")
    delivery.clock.advance(310)
    rollback = delivery.rollback_of(identifier)
    assert rollback["status"] == "Failed"
    assert "rollbackDeploymentId" not in rollback["rollbackInfo"]
    # The group is free again.
    delivery.versions("hopeful")
    again = delivery.begin("hopeless", delivery.spec("hopeful"))
    assert delivery.info(again)["status"] == "InProgress"
