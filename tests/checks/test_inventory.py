"""What a lab has left in the cloud is listed, and can be removed again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from checks.inventory import inventory, remove
from checks.judge import NurseryProcess
from sandbox.cloud import Cloud, open_cloud
from tests.templates.stacks.test_alias_updates import template

ALARM: dict[str, Any] = {
    "Namespace": "Shop",
    "MetricName": "Failed",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 1,
    "ComparisonOperator": "GreaterThanThreshold",
}


@pytest.fixture
def cloud(nursery: NurseryProcess) -> Iterator[Cloud]:
    handle = nursery().fork(seed=5)
    yield open_cloud("local", endpoint=handle.endpoint, credentials=handle.judge)
    nursery().stop(handle)


def test_alarms_go_with_those_that_watch_them(cloud: Cloud) -> None:
    before, _ = inventory(cloud)
    cloudwatch = cloud.client("cloudwatch")
    cloudwatch.put_metric_alarm(AlarmName="metric", **ALARM)
    # Alphabetically the watched one comes first.
    cloudwatch.put_composite_alarm(AlarmName="a", AlarmRule='ALARM("metric")')
    cloudwatch.put_composite_alarm(AlarmName="b", AlarmRule='ALARM("a")')
    cloudwatch.put_composite_alarm(AlarmName="c", AlarmRule='ALARM("b") OR ALARM("a")')
    cloudwatch.put_dashboard(DashboardName="board", DashboardBody='{"widgets": []}')
    found, unseen = inventory(cloud)
    assert {str(item) for item in found - before} == {
        "alarm metric",
        "composite alarm a",
        "composite alarm b",
        "composite alarm c",
        "dashboard board",
    }
    assert not unseen
    remove(cloud, found - before)
    assert inventory(cloud) == (before, [])


def test_what_deploys_goes_and_codedeploys_own_stays(cloud: Cloud) -> None:
    before, _ = inventory(cloud)
    codedeploy = cloud.client("codedeploy")
    codedeploy.create_application(applicationName="shop", computePlatform="Lambda")
    codedeploy.create_deployment_config(
        deploymentConfigName="slowly", computePlatform="Lambda", trafficRoutingConfig={"type": "AllAtOnce"}
    )
    found, _ = inventory(cloud)
    assert {str(item) for item in found - before} == {
        "deployment application shop",
        "deployment configuration slowly",
    }
    remove(cloud, found)
    assert "CodeDeployDefault.LambdaAllAtOnce" in codedeploy.list_deployment_configs()["deploymentConfigsList"]
    assert not codedeploy.list_applications()["applications"]


def test_a_stack_whose_deployment_is_under_way_goes(cloud: Cloud) -> None:
    before, _ = inventory(cloud)
    cloudformation = cloud.client("cloudformation")
    stack = {"StackName": "shop", "Capabilities": ["CAPABILITY_IAM"]}
    cloudformation.create_stack(**stack, TemplateBody=json.dumps(template(1)))
    waiter = cloudformation.get_waiter("stack_create_complete")
    waiter.wait(StackName="shop", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    cloudformation.update_stack(**stack, TemplateBody=json.dumps(template(2)))
    assert cloudformation.describe_stacks(StackName="shop")["Stacks"][0]["StackStatus"] == "UPDATE_IN_PROGRESS"
    remove(cloud, inventory(cloud)[0] - before)
    assert inventory(cloud) == (before, [])
