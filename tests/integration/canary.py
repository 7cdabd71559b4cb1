"""An application of two functions that CodeDeploy deploys: its template, its code, and `sam deploy` of it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from sandbox.cloud import Cloud
from tests.integration import orders
from tests.integration.terminal import Terminal

CANARY = "Canary10Percent5Minutes"
GOOD = "def handler(event, context):\n    return {number}\n"
BAD = "def handler(event, context):\n    raise RuntimeError('no checkout in {number}')\n"
#: A hook says what a file beside it says, once it has called the new version.
HOOK = """\
import os, pathlib, boto3

def handler(event, context):
    new = boto3.client('lambda').invoke(FunctionName=os.environ['NEW'])
    status = pathlib.Path(__file__).with_name('answer').read_text()
    if status == 'Tested':
        status = 'Failed' if 'FunctionError' in new else 'Succeeded'
    if status:
        boto3.client('codedeploy').put_lifecycle_event_hook_execution_status(
            deploymentId=event['DeploymentId'],
            lifecycleEventHookExecutionId=event['LifecycleEventHookExecutionId'],
            status=status)
"""
TEMPLATE = f"""\
Transform: AWS::Serverless-2016-10-31
Parameters:
  Type: {{Type: String, Default: {CANARY}}}
  Watched: {{Type: String, AllowedValues: ["yes", "no"], Default: "yes"}}
Conditions:
  IsWatched: !Equals [!Ref Watched, "yes"]
Globals:
  Function: {{Handler: app.handler, Runtime: {orders.RUNTIME}, Timeout: 20}}
Resources:
  Checkout:
    Type: AWS::Serverless::Function
    Condition: IsWatched
    Properties:
      CodeUri: checkout/
      AutoPublishAlias: live
      DeploymentPreference:
        Type: !Ref Type
        PassthroughCondition: true
        Alarms: [!Ref Failing, !Ref Slow]
        Hooks: {{PreTraffic: !Ref Smoke, PostTraffic: !Ref Smoke}}
        TriggerConfigurations:
          - TriggerName: told
            TriggerTargetArn: !Ref Pager
            TriggerEvents: [DeploymentSuccess, DeploymentRollback, DeploymentStop, DeploymentFailure]
  Search:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: search/
      AutoPublishAlias: live
      DeploymentPreference: {{Type: !Ref Type, Alarms: [!Ref SearchFailing]}}
  Smoke:
    Type: AWS::Serverless::Function
    Condition: IsWatched
    Properties:
      FunctionName: !Sub CodeDeployHook_${{AWS::StackName}}
      CodeUri: smoke/
      DeploymentPreference: {{Enabled: false}}
      Environment: {{Variables: {{NEW: !Ref Checkout.Version}}}}
      Policies:
        - Statement:
            - Effect: Allow
              Action: codedeploy:PutLifecycleEventHookExecutionStatus
              Resource: !Sub "arn:aws:codedeploy:${{AWS::Region}}:${{AWS::AccountId}}:deploymentgroup:\
${{ServerlessDeploymentApplication}}/*"
            - {{Effect: Allow, Action: lambda:InvokeFunction, Resource: !Ref Checkout.Version}}
  Failing:
    Type: AWS::CloudWatch::Alarm
    Condition: IsWatched
    Properties:
      Namespace: AWS/Lambda
      MetricName: Errors
      Dimensions:
        - {{Name: FunctionName, Value: !Ref Checkout}}
        - {{Name: Resource, Value: !Sub "${{Checkout}}:live"}}
        - {{Name: ExecutedVersion, Value: !GetAtt Checkout.Version.Version}}
      Statistic: Sum
      Period: 60
      EvaluationPeriods: 1
      Threshold: 1
      ComparisonOperator: GreaterThanOrEqualToThreshold
      TreatMissingData: notBreaching
  Slow:
    Type: AWS::CloudWatch::Alarm
    Condition: IsWatched
    Properties:
      Namespace: AWS/Lambda
      MetricName: Duration
      Dimensions:
        - {{Name: FunctionName, Value: !Ref Checkout}}
        - {{Name: Resource, Value: !Sub "${{Checkout}}:live"}}
      ExtendedStatistic: p95
      Period: 60
      EvaluationPeriods: 2
      Threshold: 5000
      ComparisonOperator: GreaterThanThreshold
      TreatMissingData: notBreaching
  SearchFailing:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Namespace: AWS/Lambda
      MetricName: Errors
      Dimensions:
        - {{Name: FunctionName, Value: !Ref Search}}
        - {{Name: Resource, Value: !Sub "${{Search}}:live"}}
      Statistic: Sum
      Period: 60
      EvaluationPeriods: 1
      Threshold: 1
      ComparisonOperator: GreaterThanOrEqualToThreshold
  Pager: {{Type: AWS::SNS::Topic}}
  Pages: {{Type: AWS::SQS::Queue}}
  Paging:
    Type: AWS::SNS::Subscription
    Properties: {{TopicArn: !Ref Pager, Protocol: sqs, Endpoint: !GetAtt Pages.Arn, RawMessageDelivery: true}}
  MayPage:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Pages]
      PolicyDocument:
        Statement:
          - {{Effect: Allow, Principal: {{Service: sns.amazonaws.com}}, Action: sqs:SendMessage, Resource: "*"}}
"""


class Shop:
    """A stack of two functions that CodeDeploy deploys, deployed by `sam deploy` from a folder of its own."""

    def __init__(self, terminal: Terminal, cloud: Cloud, name: str) -> None:
        self.terminal, self.cloud, self.name = terminal, cloud, name
        self.deploy_api = cloud.client("codedeploy")
        self.functions = cloud.client("lambda")
        (terminal.folder / "template.yaml").write_text(TEMPLATE)
        self.write(checkout=GOOD.format(number=1), search=GOOD.format(number=1), hook="Succeeded")

    def write(self, *, checkout: str = "", search: str = "", hook: str | None = None) -> None:
        """The code of the functions, and what the hook answers: Succeeded, Failed, what it found (Tested), nothing."""
        for folder, code in (("checkout", checkout), ("search", search), ("smoke", HOOK if hook is not None else "")):
            if code:
                (self.terminal.folder / folder).mkdir(exist_ok=True)
                (self.terminal.folder / folder / "app.py").write_text(code)
        if hook is not None:
            (self.terminal.folder / "smoke" / "answer").write_text(hook)

    def command(self, *parameters: str) -> list[str]:
        given = ["--parameter-overrides", *parameters] if parameters else []
        return ["sam", "deploy", "--stack-name", self.name, "--resolve-s3", "--capabilities", "CAPABILITY_IAM", *given]

    def deploy(self, *parameters: str) -> subprocess.CompletedProcess[str]:
        return self.terminal.run(*self.command(*parameters))

    @property
    def status(self) -> str | None:
        try:
            (found,) = self.cloud.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        except ClientError:
            return None
        return str(found["StackStatus"])

    @property
    def there(self) -> dict[str, str]:
        """The physical ids of the stack's resources."""
        pages = self.cloud.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.name)
        return {
            one["LogicalResourceId"]: one.get("PhysicalResourceId", "")
            for page in pages
            for one in page["StackResourceSummaries"]
        }

    def alias(self, function: str = "Checkout") -> tuple[str, Mapping[str, float]]:
        found = self.functions.get_alias(FunctionName=self.there[function], Name="live")
        return found["FunctionVersion"], found.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})

    def deployments(self, function: str = "Checkout") -> list[dict[str, Any]]:
        """What CodeDeploy tells of a function's deployments, the first one first."""
        names = self.there
        found = self.deploy_api.list_deployments(
            applicationName=names["ServerlessDeploymentApplication"],
            deploymentGroupName=names[f"{function}DeploymentGroup"],
        )["deployments"]
        return [self.deploy_api.get_deployment(deploymentId=one)["deploymentInfo"] for one in reversed(found)]

    def pages(self) -> list[str]:
        """The statuses of deployments that the topic's subscriber was told of."""
        sqs, url, told = self.cloud.client("sqs"), self.there["Pages"], []
        while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            told.extend(str(json.loads(one["Body"])["status"]) for one in found)
            for one in found:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return sorted(told)
