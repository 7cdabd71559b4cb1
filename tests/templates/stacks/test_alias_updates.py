"""Stack updates that let CodeDeploy move an alias (the update policy CodeDeployLambdaAliasUpdate)."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.templates.stacks.conftest import Cloud, wait_for

CANARY = "CodeDeployDefault.LambdaCanary10Percent5Minutes"
EVENTS = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"]
ROLES = ["arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambda"]
CODE = "def handler(event, context):\n    return {}\n"
#: A hook that answers what its environment says, or nothing.
HOOK = """
import boto3, os
def handler(event, context):
    if os.environ['STATUS']:
        boto3.client('codedeploy').put_lifecycle_event_hook_execution_status(
            deploymentId=event['DeploymentId'],
            lifecycleEventHookExecutionId=event['LifecycleEventHookExecutionId'],
            status=os.environ['STATUS'])
"""


def trust(service: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def allowed(action: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    return {"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}


def function(code: str, **more: Any) -> dict[str, Any]:
    properties = {"Runtime": "python3.11", "Handler": "index.handler", "Code": {"ZipFile": code}, **more}
    return {"Type": "AWS::Lambda::Function", "Properties": {"Role": {"Fn::GetAtt": "Role.Arn"}, **properties}}


def template(
    number: int, *, config: str = CANARY, alarm: bool = False, hook: str | None = None, rolls_back: bool = True
) -> dict[str, Any]:
    """A function in its version `number`, which is published, and an alias that CodeDeploy moves to it."""
    group: dict[str, Any] = {
        "ApplicationName": {"Ref": "Application"},
        "ServiceRoleArn": {"Fn::GetAtt": "Deploying.Arn"},
        "DeploymentConfigName": config,
        "AutoRollbackConfiguration": {"Enabled": rolls_back, "Events": EVENTS if rolls_back else []},
    }
    resources: dict[str, Any] = {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": trust("lambda.amazonaws.com"),
                "Policies": [allowed("codedeploy:PutLifecycleEventHookExecutionStatus")],
            },
        },
        "Deploying": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": trust("codedeploy.amazonaws.com"),
                "ManagedPolicyArns": ROLES,
                "Policies": [allowed("lambda:InvokeFunction")],
            },
        },
        "Function": function(CODE.format(number)),
        f"Version{number}": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Function"}}},
        "Application": {"Type": "AWS::CodeDeploy::Application", "Properties": {"ComputePlatform": "Lambda"}},
        "Group": {"Type": "AWS::CodeDeploy::DeploymentGroup", "Properties": group},
    }
    resources[f"Version{number}"]["DeletionPolicy"] = "Retain"
    policy = {"ApplicationName": {"Ref": "Application"}, "DeploymentGroupName": {"Ref": "Group"}}
    if hook is not None:
        status = {"answers": "Succeeded", "fails": "Failed"}.get(hook, "")
        resources["Hook"] = function(HOOK, Environment={"Variables": {"STATUS": status}}, Timeout=20)
        policy["BeforeAllowTrafficHook"] = {"Ref": "Hook"}
    if alarm:
        resources["Failing"] = {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "Namespace": "Shop",
                "MetricName": "Failed",
                "Statistic": "Sum",
                "Period": 60,
                "EvaluationPeriods": 1,
                "Threshold": 1,
                "ComparisonOperator": "GreaterThanOrEqualToThreshold",
                "TreatMissingData": "ignore",
            },
        }
        group["AlarmConfiguration"] = {"Enabled": True, "Alarms": [{"Name": {"Ref": "Failing"}}]}
    resources["Live"] = {
        "Type": "AWS::Lambda::Alias",
        "Properties": {
            "FunctionName": {"Ref": "Function"},
            "FunctionVersion": {"Fn::GetAtt": f"Version{number}.Version"},
            "Name": "live",
        },
        "UpdatePolicy": {"CodeDeployLambdaAliasUpdate": policy},
    }
    return {"Resources": resources}


class Rollout:
    """One stack of the template, on its first version: a new one, or that of a name."""

    def __init__(self, cloud: Cloud, name: str | None = None, **options: Any) -> None:
        self.cloud = cloud
        self.options = options
        self.deploy = cloud.client("codedeploy")
        self.name = name or cloud.create(template(1, **options), Capabilities=["CAPABILITY_IAM"])
        assert cloud.status(self.name) == "CREATE_COMPLETE", cloud.events(self.name)
        self.there = cloud.resources(self.name)

    def begin(self, number: int = 2, body: Any = None, **given: Any) -> str:
        """Update to another version; the id of the deployment that this begins."""
        before = set(self.deployments())
        self.cloud.cloudformation.update_stack(
            StackName=self.name,
            TemplateBody=json.dumps(body or template(number, **self.options)),
            Capabilities=["CAPABILITY_IAM"],
            **given,
        )
        wait_for(lambda: set(self.deployments()) > before or self.rests, "the deployment to begin")
        # One that fails at once has its way back beside it already: the latest comes first.
        return [one for one in self.deployments() if one not in before][-1]

    @property
    def rests(self) -> bool:
        return not self.cloud.status(self.name).endswith("_IN_PROGRESS")

    def play(self, minutes: float) -> str:
        """Let time go by; the stack's status once it rests."""
        self.cloud.clock.advance(minutes * 60)
        return self.cloud.rest(self.name)

    def deployments(self) -> list[str]:
        found = self.deploy.list_deployments(
            applicationName=self.there["Application"], deploymentGroupName=self.there["Group"]
        )
        return list(found["deployments"])

    def info(self, identifier: str) -> dict[str, Any]:
        return dict(self.deploy.get_deployment(deploymentId=identifier)["deploymentInfo"])

    def alias(self) -> tuple[str, dict[str, float]]:
        found = self.cloud.client("lambda").get_alias(FunctionName=self.there["Function"], Name="live")
        return found["FunctionVersion"], found.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})

    def reason(self) -> str:
        return self.cloud.reason(self.name, "Live", "UPDATE_FAILED")


def test_the_first_alias_is_deployed_by_nobody(cloud: Cloud) -> None:
    rollout = Rollout(cloud)
    assert (rollout.deployments(), rollout.alias()) == ([], ("1", {}))


def test_a_canary_ends_on_the_new_version(cloud: Cloud) -> None:
    rollout = Rollout(cloud)
    identifier = rollout.begin()
    assert rollout.alias() == ("1", {"2": 0.1})
    assert cloud.status(rollout.name) == "UPDATE_IN_PROGRESS"
    assert rollout.play(5) == "UPDATE_COMPLETE"
    assert rollout.alias() == ("2", {})
    assert rollout.info(identifier)["status"] == "Succeeded"
    assert cloud.statuses(rollout.name, "Live")[-2:] == ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]
    # Another: from where it is now.
    rollout.begin(3)
    assert rollout.alias() == ("2", {"3": 0.1})
    assert rollout.play(5) == "UPDATE_COMPLETE"
    assert rollout.alias() == ("3", {})
    cloud.cloudformation.delete_stack(StackName=rollout.name)
    wait_for(lambda: not rollout_there(cloud, rollout.name), "the stack to go")


def set_alarm(cloud: Cloud, rollout: Rollout, state: str) -> None:
    cloud.client("cloudwatch").set_alarm_state(
        AlarmName=rollout.there["Failing"], StateValue=state, StateReason="customers call"
    )


def rollout_there(cloud: Cloud, name: str) -> bool:
    return any(one["StackName"] == name for one in cloud.cloudformation.describe_stacks()["Stacks"])


def test_what_changes_besides_the_version_is_updated(cloud: Cloud) -> None:
    rollout = Rollout(cloud, config="CodeDeployDefault.LambdaAllAtOnce")
    body = template(2, config="CodeDeployDefault.LambdaAllAtOnce")
    body["Resources"]["Live"]["Properties"]["Description"] = "what customers get"
    rollout.begin(body=body)
    assert cloud.rest(rollout.name) == "UPDATE_COMPLETE"
    found = cloud.client("lambda").get_alias(FunctionName=rollout.there["Function"], Name="live")
    assert (found["FunctionVersion"], found["Description"]) == ("2", "what customers get")
    # A change of the description alone is nothing to deploy.
    body["Resources"]["Live"]["Properties"]["Description"] = "again"
    assert cloud.update(rollout.name, body, Capabilities=["CAPABILITY_IAM"]) == "UPDATE_COMPLETE"
    assert len(rollout.deployments()) == 1


def test_an_alarm_takes_the_version_and_the_stack_back(cloud: Cloud) -> None:
    rollout = Rollout(cloud, alarm=True)
    identifier = rollout.begin()
    cloud.clock.advance(60)
    set_alarm(cloud, rollout, "ALARM")
    assert rollout.play(0.5) == "UPDATE_ROLLBACK_COMPLETE"
    assert rollout.alias() == ("1", {})
    info = rollout.info(identifier)
    assert (info["status"], info["errorInformation"]["code"]) == ("Stopped", "ALARM_ACTIVE")
    assert rollout.info(info["rollbackInfo"]["rollbackDeploymentId"])["status"] == "Succeeded"
    # CodeDeploy's own way back is the only other deployment: the stack's makes none.
    assert len(rollout.deployments()) == 2
    assert info["errorInformation"]["message"] in rollout.reason()
    assert cloud.reason(rollout.name, rollout.name, "UPDATE_ROLLBACK_IN_PROGRESS").startswith(
        "The following resource(s) failed to update: [Live]."
    )
    assert cloud.statuses(rollout.name, "Live")[-4:] == [
        "UPDATE_IN_PROGRESS",
        "UPDATE_FAILED",
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE",
    ]


def test_a_group_without_rollbacks_leaves_that_to_the_stack(cloud: Cloud) -> None:
    rollout = Rollout(cloud, alarm=True, rolls_back=False)
    identifier = rollout.begin()
    set_alarm(cloud, rollout, "ALARM")
    assert rollout.play(0.5) == "UPDATE_ROLLBACK_COMPLETE"
    assert (rollout.alias(), rollout.deployments()) == (("1", {}), [identifier])


def test_a_resource_that_fails_after_the_canary_takes_it_back_at_once(cloud: Cloud) -> None:
    rollout = Rollout(cloud)
    body = template(2)
    body["Resources"]["Late"] = {
        "Type": "AWS::SQS::Queue",
        "DependsOn": "Live",
        "Properties": {"QueueName": cloud.name("taken")},
    }
    cloud.sqs.create_queue(QueueName=body["Resources"]["Late"]["Properties"]["QueueName"])
    rollout.begin(body=body)
    assert rollout.play(5) == "UPDATE_ROLLBACK_COMPLETE"
    assert rollout.alias() == ("1", {})
    assert len(rollout.deployments()) == 1


@pytest.mark.parametrize(
    ("hook", "minutes", "code"), [("fails", 1, "HOOK_EXECUTION_FAILURE"), ("is silent", 61, "TIMEOUT")]
)
def test_a_hook_that_does_not_say_yes(cloud: Cloud, hook: str, minutes: float, code: str) -> None:
    rollout = Rollout(cloud, hook=hook)
    identifier = rollout.begin()
    assert rollout.play(minutes) == "UPDATE_ROLLBACK_COMPLETE"
    assert rollout.alias() == ("1", {})
    assert rollout.info(identifier)["errorInformation"]["code"] == code


def test_a_hook_that_says_yes(cloud: Cloud) -> None:
    rollout = Rollout(cloud, hook="answers")
    rollout.begin()
    assert rollout.play(6) == "UPDATE_COMPLETE"
    assert rollout.alias() == ("2", {})


def test_a_cancelled_update_stops_its_deployment(cloud: Cloud) -> None:
    rollout = Rollout(cloud)
    identifier = rollout.begin()
    cloud.cloudformation.cancel_update_stack(StackName=rollout.name)
    assert cloud.rest(rollout.name) == "UPDATE_ROLLBACK_COMPLETE"
    info = rollout.info(identifier)
    assert (info["status"], info["errorInformation"]["code"]) == ("Stopped", "MANUAL_STOP")
    assert rollout.info(info["rollbackInfo"]["rollbackDeploymentId"])["status"] == "Succeeded"
    assert (rollout.alias(), rollout.reason()) == (("1", {}), "Resource update cancelled")


def test_a_stopped_deployment_is_a_failed_update(cloud: Cloud) -> None:
    rollout = Rollout(cloud)
    rollout.deploy.stop_deployment(deploymentId=rollout.begin())
    assert cloud.rest(rollout.name) == "UPDATE_ROLLBACK_COMPLETE"
    assert rollout.alias() == ("1", {})


def test_another_resource_that_fails_stops_the_deployment(cloud: Cloud) -> None:
    rollout = Rollout(cloud)
    body = template(2)
    # A custom resource that never hears from its function.
    body["Resources"]["Silent"] = function(CODE.format(0))
    body["Resources"]["Asking"] = {
        "Type": "Custom::Asking",
        "Properties": {"ServiceToken": {"Fn::GetAtt": "Silent.Arn"}, "ServiceTimeout": 60},
    }
    identifier = rollout.begin(body=body)
    assert rollout.play(6) == "UPDATE_ROLLBACK_COMPLETE"
    assert rollout.info(identifier)["status"] == "Stopped"
    assert rollout.alias() == ("1", {})


def test_an_update_that_is_not_rolled_back_begins_again_from_the_old_version(cloud: Cloud) -> None:
    rollout = Rollout(cloud, alarm=True, rolls_back=False)
    identifier = rollout.begin(DisableRollback=True)
    set_alarm(cloud, rollout, "ALARM")
    assert rollout.play(0.5) == "UPDATE_FAILED"
    # Nobody has taken it back.
    assert (rollout.info(identifier)["status"], rollout.alias()) == ("Stopped", ("1", {"2": 0.1}))
    set_alarm(cloud, rollout, "OK")
    rollout.begin(3)
    assert rollout.alias() == ("1", {"3": 0.1})
    assert rollout.play(5) == "UPDATE_COMPLETE"
    assert rollout.alias() == ("3", {})


def test_a_canary_in_a_nested_stack(cloud: Cloud) -> None:
    bucket = cloud.name("canaries")
    cloud.client("s3").create_bucket(Bucket=bucket)

    def above(number: int) -> str:
        cloud.client("s3").put_object(Bucket=bucket, Key=str(number), Body=json.dumps(template(number, alarm=True)))
        url = f"https://s3.amazonaws.com/{bucket}/{number}"
        inner = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}
        return json.dumps({"Resources": {"Inner": inner}})

    name = cloud.create(above(1), Capabilities=["CAPABILITY_IAM"])
    rollout = Rollout(cloud, cloud.resources(name)["Inner"])
    update = {"StackName": name, "TemplateBody": above(2), "Capabilities": ["CAPABILITY_IAM"]}
    cloud.cloudformation.update_stack(**update)
    wait_for(lambda: bool(rollout.deployments()), "the deployment to begin")
    set_alarm(cloud, rollout, "ALARM")
    cloud.clock.advance(30)
    assert cloud.rest(name) == "UPDATE_ROLLBACK_COMPLETE"
    assert (cloud.status(rollout.name), rollout.alias()) == ("UPDATE_ROLLBACK_COMPLETE", ("1", {}))


def test_a_second_deployment_in_the_group_is_refused(cloud: Cloud) -> None:
    rollout = Rollout(cloud)
    functions, name = cloud.client("lambda"), rollout.there["Function"]
    functions.update_function_configuration(FunctionName=name, Timeout=9)
    functions.get_waiter("function_updated_v2").wait(FunctionName=name)
    number = functions.publish_version(FunctionName=name)["Version"]
    properties = {"Name": name, "Alias": "live", "CurrentVersion": "1", "TargetVersion": number}
    spec = {"version": 0.0, "Resources": [{"it": {"Type": "AWS::Lambda::Function", "Properties": properties}}]}
    by_hand = rollout.deploy.create_deployment(
        applicationName=rollout.there["Application"],
        deploymentGroupName=rollout.there["Group"],
        revision={"revisionType": "AppSpecContent", "appSpecContent": {"content": json.dumps(spec)}},
    )["deploymentId"]
    cloud.clock.settle()
    assert cloud.update(rollout.name, template(2), Capabilities=["CAPABILITY_IAM"]) == "UPDATE_ROLLBACK_COMPLETE"
    assert "already has an active Deployment" in rollout.reason()
    # The stack's way back has put the alias where it was: the other one finds it elsewhere, and fails.
    cloud.clock.advance(301)
    assert rollout.info(by_hand)["errorInformation"]["code"] == "INVALID_LAMBDA_CONFIGURATION"
    assert rollout.alias() == ("1", {})


def test_two_stacks_deploy_at_once(cloud: Cloud) -> None:
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(lambda _: Rollout(cloud, alarm=True), range(2))
        threads.map(lambda one: one.begin(), (first, second))
    set_alarm(cloud, first, "ALARM")
    cloud.clock.advance(300)
    assert [cloud.rest(one.name) for one in (first, second)] == ["UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE"]
    assert [one.alias() for one in (first, second)] == [("1", {}), ("2", {})]


def test_a_function_that_goes_in_mid_deployment(cloud: Cloud) -> None:
    rollout = Rollout(cloud)
    identifier = rollout.begin()
    cloud.client("lambda").delete_function(FunctionName=rollout.there["Function"])
    assert rollout.play(5) == "UPDATE_ROLLBACK_FAILED"
    assert rollout.info(identifier)["errorInformation"]["code"] == "INVALID_LAMBDA_FUNCTION"
    cloud.cloudformation.delete_stack(StackName=rollout.name)
    wait_for(lambda: not rollout_there(cloud, rollout.name), "the stack to go")


def test_an_alarm_that_goes_in_mid_deployment(cloud: Cloud) -> None:
    rollout = Rollout(cloud, alarm=True)
    identifier = rollout.begin()
    cloud.client("cloudwatch").delete_alarms(AlarmNames=[rollout.there["Failing"]])
    assert rollout.play(1) == "UPDATE_ROLLBACK_COMPLETE"
    assert rollout.info(identifier)["status"] == "Stopped"
    assert rollout.alias() == ("1", {})


def test_a_deployment_that_takes_too_long(cloud: Cloud) -> None:
    rollout = Rollout(cloud)
    body = template(2)
    body["Resources"]["Group"]["Properties"]["DeploymentConfigName"] = {"Ref": "Slowly"}
    body["Resources"]["Slowly"] = {
        "Type": "AWS::CodeDeploy::DeploymentConfig",
        "Properties": {
            "ComputePlatform": "Lambda",
            "TrafficRoutingConfig": {
                "Type": "TimeBasedCanary",
                "TimeBasedCanary": {"CanaryPercentage": 10, "CanaryInterval": 180},
            },
        },
    }
    identifier = rollout.begin(body=body)
    assert rollout.play(120) == "UPDATE_ROLLBACK_COMPLETE"
    assert rollout.info(identifier)["status"] == "Stopped"
    assert (rollout.alias(), "timed out" in rollout.reason()) == (("1", {}), True)


def test_who_updates_needs_the_rights_to_deploy(cloud: Cloud) -> None:
    rollout = Rollout(cloud)
    actions = ["cloudformation:*", "lambda:*", "iam:*", "codedeploy:Get*"]
    user = cloud.user({"Effect": "Allow", "Action": actions, "Resource": "*"})
    cloud.client("cloudformation", user).update_stack(
        StackName=rollout.name, TemplateBody=json.dumps(template(2)), Capabilities=["CAPABILITY_IAM"]
    )
    assert cloud.rest(rollout.name) == "UPDATE_ROLLBACK_COMPLETE"
    assert "codedeploy:CreateDeployment" in rollout.reason()
    assert rollout.alias() == ("1", {})


@pytest.mark.parametrize(
    ("kind", "policy", "refusal"),
    [
        ("AWS::SQS::Queue", {"CodeDeployLambdaAliasUpdate": {}}, "UpdatePolicy CodeDeployLambdaAliasUpdate is not"),
        ("AWS::Lambda::Alias", {"AutoScalingRollingUpdate": {}}, "UpdatePolicy AutoScalingRollingUpdate is not"),
        (
            "AWS::Lambda::Alias",
            {"CodeDeployLambdaAliasUpdate": {"ApplicationName": "one", "Hook": "two"}},
            "Encountered unsupported property Hook",
        ),
        (
            "AWS::Lambda::Alias",
            {"CodeDeployLambdaAliasUpdate": {"ApplicationName": "one"}},
            "Property DeploymentGroupName cannot be empty",
        ),
    ],
)
def test_policies_that_are_not_this_one(cloud: Cloud, kind: str, policy: dict[str, Any], refusal: str) -> None:
    properties = {"FunctionName": "f", "FunctionVersion": "1", "Name": "n"} if "Alias" in kind else {}
    body = {"Resources": {"One": {"Type": kind, "Properties": properties, "UpdatePolicy": policy}}}
    with pytest.raises(ClientError, match=refusal):
        cloud.cloudformation.create_stack(StackName=cloud.name(), TemplateBody=json.dumps(body))
