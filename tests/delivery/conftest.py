"""A sandbox with a function whose versions tell who they are, an alias on it, and a deployment group for that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.sandbox import Sandbox
from tests.compute.conftest import EXECUTION, Compute

ACCOUNT = "123456789012"
CANARY = "CodeDeployDefault.LambdaCanary10Percent5Minutes"
LINEAR = "CodeDeployDefault.LambdaLinear10PercentEvery1Minute"
ALL_AT_ONCE = "CodeDeployDefault.LambdaAllAtOnce"
EVENTS = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"]
LAMBDA_POLICY = "arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambda"
CODEDEPLOY = "codedeploy.amazonaws.com"
STYLE = {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"}

VERSION = "def handler(event, context):\n    return {number!r}\n"
#: A hook that writes down its event and answers what its environment says (nothing for NOTHING).
HOOK = """
import json, os, boto3
def handler(event, context):
    print('HOOK ' + json.dumps(event))
    status = os.environ['STATUS']
    if status == 'BREAK':
        raise RuntimeError('broken')
    if status != 'NOTHING':
        boto3.client('codedeploy').put_lifecycle_event_hook_execution_status(
            deploymentId=event['DeploymentId'],
            lifecycleEventHookExecutionId=event['LifecycleEventHookExecutionId'],
            status=status)
"""


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def inline(text: str, **more: str) -> dict[str, Any]:
    """A revision of the type AppSpecContent."""
    content = {"content": text, "sha256": hashlib.sha256(text.encode()).hexdigest(), **more}
    return {"revisionType": "AppSpecContent", "appSpecContent": content}


class Delivery(Compute):
    """A sandbox, an administrator's clients, and what deployments need. Everything has a name of its own."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.deploy = self.client("codedeploy")
        self.alarms = self.client("cloudwatch")
        iam = self.client("iam")
        made = iam.create_role(RoleName="deploying", AssumeRolePolicyDocument=trust(CODEDEPLOY))
        self.service_role = made["Role"]["Arn"]
        iam.attach_role_policy(RoleName="deploying", PolicyArn=LAMBDA_POLICY)
        report = {
            "Effect": "Allow",
            "Action": "codedeploy:PutLifecycleEventHookExecutionStatus",
            "Resource": f"arn:aws:codedeploy:us-east-1:{ACCOUNT}:deploymentgroup:shop/*",
        }
        document = {"Version": "2012-10-17", "Statement": [*EXECUTION["Statement"], report]}
        iam.create_role(RoleName="hooks", AssumeRolePolicyDocument=trust("lambda.amazonaws.com"))
        iam.put_role_policy(RoleName="hooks", PolicyName="hooks", PolicyDocument=json.dumps(document))
        self.hook_role = f"arn:aws:iam::{ACCOUNT}:role/hooks"
        self.deploy.create_application(applicationName="shop", computePlatform="Lambda")

    # -- making ------------------------------------------------------------------------------------------------

    def versions(self, name: str, count: int = 2) -> None:
        """A function with published versions that answer their numbers, and the alias `live` on the first."""
        self.create(name, VERSION.format(number=1), Publish=True)
        for number in range(2, count + 1):
            self.change(name, VERSION.format(number=number))
            assert self.functions.publish_version(FunctionName=name)["Version"] == str(number)
        self.functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")

    def group(self, name: str, config: str = CANARY, **settings: Any) -> None:
        settings.setdefault("autoRollbackConfiguration", {"enabled": True, "events": EVENTS})
        settings.setdefault("serviceRoleArn", self.service_role)
        self.deploy.create_deployment_group(
            applicationName="shop",
            deploymentGroupName=name,
            deploymentConfigName=config,
            deploymentStyle=STYLE,
            **settings,
        )

    def hook(self, name: str, status: str) -> str:
        """A function that answers a hook; its name, as the managed policy wants it."""
        full = f"CodeDeployHook_{name}"
        self.create(full, HOOK, Role=self.hook_role, Environment={"Variables": {"STATUS": status}}, Timeout=20)
        return full

    def alarm(self, name: str, state: str = "OK") -> None:
        self.alarms.put_metric_alarm(
            AlarmName=name,
            Namespace="Shop",
            MetricName=name,
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="ignore",
        )
        self.set_alarm(name, state)

    def set_alarm(self, name: str, state: str) -> None:
        self.alarms.set_alarm_state(AlarmName=name, StateValue=state, StateReason="by hand")

    @staticmethod
    def spec(function: str, current: str = "1", target: str = "2", **hooks: str) -> str:
        properties = {"Name": function, "Alias": "live", "CurrentVersion": current, "TargetVersion": target}
        content: dict[str, Any] = {
            "version": 0.0,
            "Resources": [{"it": {"Type": "AWS::Lambda::Function", "Properties": properties}}],
        }
        if hooks:
            content["Hooks"] = [{event: hook} for event, hook in hooks.items()]
        return json.dumps(content)

    def begin(self, name: str, spec: str | None = None, **more: Any) -> str:
        """A deployment of the function `name` in the group of the same name; its id, after its first steps."""
        more.setdefault("revision", inline(spec if spec is not None else self.spec(name)))
        answer = self.deploy.create_deployment(applicationName="shop", deploymentGroupName=name, **more)
        self.clock.settle()
        return str(answer["deploymentId"])

    # -- reading -----------------------------------------------------------------------------------------------

    def info(self, identifier: str) -> dict[str, Any]:
        return dict(self.deploy.get_deployment(deploymentId=identifier)["deploymentInfo"])

    def error(self, identifier: str) -> tuple[str, str, str]:
        """Status, code and message of a deployment that has ended early."""
        info = self.info(identifier)
        return info["status"], info["errorInformation"]["code"], info["errorInformation"]["message"]

    def rollback_of(self, identifier: str) -> dict[str, Any]:
        """The deployment that rolled back another."""
        return self.info(self.info(identifier)["rollbackInfo"]["rollbackDeploymentId"])

    def target(self, identifier: str) -> dict[str, Any]:
        (target_id,) = self.deploy.list_deployment_targets(deploymentId=identifier)["targetIds"]
        answer = self.deploy.get_deployment_target(deploymentId=identifier, targetId=target_id)
        return dict(answer["deploymentTarget"]["lambdaTarget"])

    def lifecycle(self, identifier: str) -> dict[str, str]:
        """The status of each lifecycle event."""
        return {event["lifecycleEventName"]: event["status"] for event in self.target(identifier)["lifecycleEvents"]}

    def alias(self, name: str) -> tuple[str, dict[str, float]]:
        """An alias's version and weights."""
        described = self.functions.get_alias(FunctionName=name, Name="live")
        return described["FunctionVersion"], described.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})

    def refused(self, operation: str, **params: Any) -> tuple[str, str]:
        """Code and message of the error that an operation of CodeDeploy gives."""
        with pytest.raises(self.deploy.exceptions.ClientError) as caught:
            getattr(self.deploy, operation)(**params)
        found = caught.value.response["Error"]
        return found["Code"], found["Message"]


@pytest.fixture(scope="module")
def delivery() -> Iterator[Delivery]:
    sandbox = Sandbox(seed=7)
    try:
        sandbox.serve()
        yield Delivery(sandbox)
    finally:
        sandbox.close()
