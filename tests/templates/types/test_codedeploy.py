"""Applications, deployment groups and deployment configurations, as a template makes them."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.templates.types.conftest import Bench

APPLICATION = "AWS::CodeDeploy::Application"
GROUP = "AWS::CodeDeploy::DeploymentGroup"
CONFIG = "AWS::CodeDeploy::DeploymentConfig"
LAMBDA = {"ComputePlatform": "Lambda"}
CANARY = "CodeDeployDefault.LambdaCanary10Percent5Minutes"
STYLE = {"DeploymentType": "BLUE_GREEN", "DeploymentOption": "WITH_TRAFFIC_CONTROL"}
ARN = "arn:aws:codedeploy:us-east-1:123456789012"
NUMBERS = itertools.count(1)


@pytest.fixture
def role(bench: Bench) -> str:
    """The ARN of a new role that CodeDeploy may take."""
    trust = {"Effect": "Allow", "Principal": {"Service": "codedeploy.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    made = bench.client("iam").create_role(RoleName=f"deploying{next(NUMBERS)}", AssumeRolePolicyDocument=document)
    return str(made["Role"]["Arn"])


def tags(bench: Bench, arn: str) -> dict[str, str]:
    answer = bench.client("codedeploy").list_tags_for_resource(ResourceArn=arn)
    return {one["Key"]: one["Value"] for one in answer["Tags"]}


def settings(bench: Bench, application: str, group: str) -> dict[str, Any]:
    answer = bench.client("codedeploy").get_deployment_group(applicationName=application, deploymentGroupName=group)
    return dict(answer["deploymentGroupInfo"])


def test_an_application_has_a_platform_and_the_stacks_tags_alone(bench: Bench) -> None:
    application = bench.create(APPLICATION, {**LAMBDA, "Tags": [{"Key": "team", "Value": "shop"}]}, "Deploying")
    name = bench.ref(application)
    assert name.startswith("shop-Deploying-")
    codedeploy = bench.client("codedeploy")
    assert codedeploy.get_application(applicationName=name)["application"]["computePlatform"] == "Lambda"
    assert tags(bench, f"{ARN}:application:{name}") == {"team": "shop", "project": "coldstart"}
    application = bench.update(application, {**LAMBDA, "Tags": [{"Key": "stage", "Value": "test"}]})
    assert tags(bench, f"{ARN}:application:{name}") == {"stage": "test", "project": "coldstart"}
    bench.delete(application)
    with pytest.raises(ClientError, match="ApplicationDoesNotExist"):
        codedeploy.get_application(applicationName=name)
    bench.delete(application)


def test_a_platform_with_machines_is_refused(bench: Bench) -> None:
    for given in ({}, {"ComputePlatform": "ECS"}):
        with pytest.raises(ClientError, match="coldstart does not support codedeploy:CreateApplication"):
            bench.create(APPLICATION, given)


def test_a_group_has_what_sam_gives_it(bench: Bench, role: str) -> None:
    application = bench.ref(bench.create(APPLICATION, LAMBDA, "Application"))
    topic = "arn:aws:sns:us-east-1:123456789012:pager"
    trigger = {"TriggerName": "told", "TriggerTargetArn": topic, "TriggerEvents": ["DeploymentFailure"]}
    given = {
        "ApplicationName": application,
        "ServiceRoleArn": role,
        "DeploymentConfigName": CANARY,
        "DeploymentStyle": STYLE,
        "AlarmConfiguration": {"Enabled": True, "Alarms": [{"Name": "failing"}]},
        "AutoRollbackConfiguration": {"Enabled": True, "Events": ["DEPLOYMENT_FAILURE"]},
        "TriggerConfigurations": [trigger],
        "Tags": [{"Key": "team", "Value": "shop"}],
    }
    group = bench.create(GROUP, given, "Group")
    name = bench.ref(group)
    assert name.startswith("shop-Group-")
    found = settings(bench, application, name)
    assert found["deploymentConfigName"] == CANARY
    assert (found["alarmConfiguration"]["enabled"], found["alarmConfiguration"]["alarms"]) == (
        True,
        [{"name": "failing"}],
    )
    assert found["autoRollbackConfiguration"] == {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]}
    assert found["triggerConfigurations"] == [
        {"triggerName": "told", "triggerTargetArn": topic, "triggerEvents": ["DeploymentFailure"]}
    ]
    arn = f"{ARN}:deploymentgroup:{application}/{name}"
    assert tags(bench, arn) == {"team": "shop", "project": "coldstart"}

    group = bench.update(group, {"ApplicationName": application, "ServiceRoleArn": role})
    found = settings(bench, application, name)
    assert found["deploymentConfigName"] == "CodeDeployDefault.LambdaAllAtOnce"
    assert (found["alarmConfiguration"]["enabled"], found["alarmConfiguration"]["alarms"]) == (False, [])
    assert found["autoRollbackConfiguration"] == {"enabled": False, "events": []}
    assert found["triggerConfigurations"] == []
    assert tags(bench, arn) == {"project": "coldstart"}

    bench.delete(group)
    with pytest.raises(ClientError, match="DeploymentGroupDoesNotExist"):
        settings(bench, application, name)


def test_a_group_whose_alarms_are_none_watches_none(bench: Bench, role: str) -> None:
    application = bench.ref(bench.create(APPLICATION, LAMBDA, "Application"))
    given = {"ApplicationName": application, "ServiceRoleArn": role, "AlarmConfiguration": {}}
    group = bench.create(GROUP, given)
    assert settings(bench, application, bench.ref(group))["alarmConfiguration"]["alarms"] == []


def test_a_role_that_codedeploy_may_not_take_is_refused(bench: Bench) -> None:
    application = bench.ref(bench.create(APPLICATION, LAMBDA, "Application"))
    nobody = "arn:aws:iam::123456789012:role/nobody"
    with pytest.raises(ClientError, match="InvalidRole"):
        bench.create(GROUP, {"ApplicationName": application, "ServiceRoleArn": nobody})


@pytest.mark.parametrize(
    ("routing", "described"),
    [
        (
            {"Type": "TimeBasedCanary", "TimeBasedCanary": {"CanaryPercentage": 25, "CanaryInterval": 3}},
            {"type": "TimeBasedCanary", "timeBasedCanary": {"canaryPercentage": 25, "canaryInterval": 3}},
        ),
        (
            {"Type": "TimeBasedLinear", "TimeBasedLinear": {"LinearPercentage": 20, "LinearInterval": 2}},
            {"type": "TimeBasedLinear", "timeBasedLinear": {"linearPercentage": 20, "linearInterval": 2}},
        ),
        ({"Type": "AllAtOnce"}, {"type": "AllAtOnce"}),
    ],
)
def test_a_configuration_of_ones_own(bench: Bench, routing: dict[str, Any], described: dict[str, Any]) -> None:
    config = bench.create(CONFIG, {**LAMBDA, "TrafficRoutingConfig": routing}, "Slowly")
    name = bench.ref(config)
    assert name.startswith("shop-Slowly-")
    codedeploy = bench.client("codedeploy")
    found = codedeploy.get_deployment_config(deploymentConfigName=name)["deploymentConfigInfo"]
    assert found["trafficRoutingConfig"] == described
    bench.delete(config)
    with pytest.raises(ClientError, match="DeploymentConfigDoesNotExist"):
        codedeploy.get_deployment_config(deploymentConfigName=name)


def test_a_configuration_in_use_stays(bench: Bench, role: str) -> None:
    application = bench.ref(bench.create(APPLICATION, LAMBDA, "Application"))
    config = bench.create(CONFIG, {**LAMBDA, "TrafficRoutingConfig": {"Type": "AllAtOnce"}})
    given = {"ApplicationName": application, "ServiceRoleArn": role, "DeploymentConfigName": bench.ref(config)}
    group = bench.create(GROUP, given)
    with pytest.raises(ClientError, match="DeploymentConfigInUse"):
        bench.delete(config)
    bench.delete(group)
    bench.delete(config)
