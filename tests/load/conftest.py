"""A shop in a fresh sandbox: a function whose second version fails, an alias, an alarm and a deployment group."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from sandbox.cloud import Cloud, open_cloud
from sandbox.nursery import Nursery
from tests.compute.conftest import EXECUTION, package

CANARY = "CodeDeployDefault.LambdaCanary10Percent5Minutes"
LINEAR = "CodeDeployDefault.LambdaLinear10PercentEvery1Minute"
#: A version that loses every third customer, and logs whom.
CHECKOUT = """
def handler(event, context):
    if {bad} and int(event['customer'][-2:]) % 3 == 0:
        raise RuntimeError('lost ' + event['customer'])
    return {{'customer': event['customer']}}
"""


class Shop:
    """A cloud with the function `checkout`, versions 1 (good) and 2 (bad), and the alias `live` on the first."""

    def __init__(self, cloud: Cloud, threshold: float) -> None:
        self.cloud = cloud
        self.functions, self.alarms = cloud.client("lambda"), cloud.client("cloudwatch")
        self.deploy = cloud.client("codedeploy")
        role = self._role("checkout", "lambda.amazonaws.com", json.dumps(EXECUTION))
        for bad in (False, True):
            code = package(CHECKOUT.format(bad=bad))
            if not bad:
                self.functions.create_function(
                    FunctionName="checkout",
                    Runtime="python3.11",
                    Handler="app.handler",
                    Role=role,
                    Code={"ZipFile": code},
                )
            else:
                self.functions.update_function_code(FunctionName="checkout", ZipFile=code)
            cloud.clock.advance(1)
            self.functions.publish_version(FunctionName="checkout")
        self.functions.create_alias(FunctionName="checkout", Name="live", FunctionVersion="1")
        self.alarms.put_metric_alarm(
            AlarmName="errors",
            Namespace="AWS/Lambda",
            MetricName="Errors",
            Dimensions=[
                {"Name": "FunctionName", "Value": "checkout"},
                {"Name": "Resource", "Value": "checkout:live"},
            ],
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=threshold,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="notBreaching",
        )
        # The alarm is evaluated: OK.
        cloud.clock.advance(120)

    def weigh(self, weight: float) -> None:
        """Give version 2 a share of the alias's traffic."""
        self.functions.update_alias(
            FunctionName="checkout", Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": weight}}
        )

    def group(self, config: str = CANARY) -> None:
        """The deployment group `checkout`, which watches the alarm `errors`."""
        role = self._role("deploying", "codedeploy.amazonaws.com", None)
        self.cloud.client("iam").attach_role_policy(
            RoleName="deploying", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambda"
        )
        self.deploy.create_application(applicationName="shop", computePlatform="Lambda")
        self.deploy.create_deployment_group(
            applicationName="shop",
            deploymentGroupName="checkout",
            serviceRoleArn=role,
            deploymentConfigName=config,
            deploymentStyle={"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
            alarmConfiguration={"enabled": True, "alarms": [{"name": "errors"}]},
            autoRollbackConfiguration={"enabled": True, "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]},
        )

    def begin(self) -> str:
        """A deployment from version 1 to version 2; its id."""
        properties = {"Name": "checkout", "Alias": "live", "CurrentVersion": "1", "TargetVersion": "2"}
        resource = {"it": {"Type": "AWS::Lambda::Function", "Properties": properties}}
        text = json.dumps({"version": 0.0, "Resources": [resource]})
        content = {"content": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}
        answer = self.deploy.create_deployment(
            applicationName="shop",
            deploymentGroupName="checkout",
            revision={"revisionType": "AppSpecContent", "appSpecContent": content},
        )
        return str(answer["deploymentId"])

    def transitions(self, start: Any) -> list[tuple[float, str]]:
        """When the alarm changed its state, in seconds after `start`, and into what."""
        pages = self.alarms.get_paginator("describe_alarm_history").paginate(
            AlarmName="errors", HistoryItemType="StateUpdate", ScanBy="TimestampAscending"
        )
        items = [item for page in pages for item in page["AlarmHistoryItems"] if item["Timestamp"] >= start]
        return [
            (
                round((item["Timestamp"] - start).total_seconds()),
                json.loads(item["HistoryData"])["newState"]["stateValue"],
            )
            for item in items
        ]

    def logged(self, pattern: str) -> list[str]:
        """The messages in the function's log group that match a filter pattern."""
        pages = self.cloud.client("logs").get_paginator("filter_log_events")
        found = pages.paginate(logGroupName="/aws/lambda/checkout", filterPattern=pattern)
        return [event["message"] for page in found for event in page["events"]]

    def _role(self, name: str, service: str, policy: str | None) -> str:
        iam = self.cloud.client("iam")
        statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        if policy is not None:
            iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=policy)
        return str(arn)


class Shops:
    """Makes shops, each in a sandbox of its own with the same seed."""

    def __init__(self, nursery: Nursery, stack: ExitStack) -> None:
        self._nursery = nursery
        self._stack = stack

    def open(self, threshold: float = 5.0) -> Shop:
        """A shop whose alarm allows so many errors a minute."""
        handle = self._nursery.fork(seed=5)
        self._stack.callback(self._nursery.stop, handle)
        return Shop(open_cloud("local", endpoint=handle.endpoint, credentials=handle.learner), threshold)


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    made.start()
    yield made
    made.close()


@pytest.fixture
def shops(nursery: Nursery) -> Iterator[Shops]:
    with ExitStack() as stack:
        yield Shops(nursery, stack)
