"""StopDeployment: https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_StopDeployment.html"""

from __future__ import annotations

import pytest

from tests.delivery.conftest import EVENTS, Delivery

NONE = {"enabled": False, "events": []}


@pytest.mark.parametrize(
    ("configuration", "asked", "rolls_back"),
    [
        ({"enabled": True, "events": EVENTS}, None, True),
        ({"enabled": True, "events": EVENTS}, False, False),
        ({"enabled": True, "events": ["DEPLOYMENT_FAILURE"]}, None, False),
        ({"enabled": False, "events": EVENTS}, None, False),
        (NONE, None, False),
        (NONE, True, True),
    ],
)
def test_a_deployment_that_is_stopped_is_rolled_back_if_asked_or_configured(
    delivery: Delivery, configuration: dict[str, object], asked: bool | None, rolls_back: bool
) -> None:
    name = f"stopped-{len(delivery.deploy.list_deployment_groups(applicationName='shop')['deploymentGroups'])}"
    delivery.versions(name)
    delivery.group(name, autoRollbackConfiguration=configuration)
    identifier = delivery.begin(name)
    more = {} if asked is None else {"autoRollbackEnabled": asked}
    assert delivery.deploy.stop_deployment(deploymentId=identifier, **more)["status"] == "Pending"
    delivery.clock.settle()
    status, code, _ = delivery.error(identifier)
    assert (status, code) == ("Stopped", "MANUAL_STOP")
    assert delivery.lifecycle(identifier)["AllowTraffic"] == "Failed"
    if rolls_back:
        assert delivery.rollback_of(identifier)["status"] == "Succeeded"
        assert delivery.alias(name) == ("1", {})
    else:
        # https://docs.aws.amazon.com/codedeploy/latest/userguide/troubleshooting-deployments-lambda.html
        assert "rollbackInfo" not in delivery.info(identifier)
        assert delivery.alias(name) == ("1", {"2": 0.1})
    delivery.clock.advance(600)
    assert delivery.alias(name)[0] == "1"


def test_a_deployment_that_has_ended_cannot_be_stopped(delivery: Delivery) -> None:
    delivery.versions("over")
    delivery.group("over")
    identifier = delivery.begin("over")
    delivery.clock.advance(310)
    code, message = delivery.refused("stop_deployment", deploymentId=identifier)
    assert code == "DeploymentAlreadyCompletedException"
    assert identifier in message


def test_what_is_for_machines_only_is_not_for_lambda(delivery: Delivery) -> None:
    delivery.versions("machines")
    delivery.group("machines")
    identifier = delivery.begin("machines")
    code, _ = delivery.refused("continue_deployment", deploymentId=identifier)
    assert code == "UnsupportedActionForDeploymentTypeException"
    code, _ = delivery.refused("list_deployment_instances", deploymentId=identifier)
    assert code == "InvalidComputePlatformException"
