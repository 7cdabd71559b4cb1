"""SAM's DeploymentPreference through the real `sam deploy`: canaries that end well, and those that are taken back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.cloud import Cloud
from sandbox.nursery import SandboxHandle
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


def told(text: str, ended: subprocess.CompletedProcess[str]) -> bool:
    """Whether `sam` has printed a text, in the lines of its table."""
    return "".join(text.split()) in "".join(ended.stdout.split())


class Customers:
    """Call both functions by their aliases; the time between two calls goes by at once."""

    def __init__(self, shop: Shop, every: float) -> None:
        self._shop = shop
        self._every = every
        self._names = [shop.there[name] for name in ("Checkout", "Search") if name in shop.there]
        self._stop = threading.Event()
        self.failed: list[str] = []
        self.called: list[str] = []
        self._thread = threading.Thread(target=self._call, daemon=True)
        self._thread.start()

    def _call(self) -> None:
        while not self._stop.is_set():
            for name in self._names:
                try:
                    answer = self._shop.functions.invoke(FunctionName=name, Qualifier="live", Payload=b"{}")
                except self._shop.functions.exceptions.ResourceNotFoundException:
                    continue
                self.called.append(name)
                if "FunctionError" in answer:
                    self.failed.append(name)
            self._shop.cloud.clock.advance(self._every)

    def leave(self) -> None:
        self._stop.set()
        self._thread.join(60)


@contextmanager
def customers(shop: Shop, every: float = 4.0) -> Iterator[Customers]:
    """Customers, for as long as the block lasts."""
    made = Customers(shop, every)
    try:
        yield made
    finally:
        made.leave()


@pytest.fixture
def shop(tmp_path: Path, sandbox: SandboxHandle, cloud: Cloud, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """The application, deployed."""
    name = request.node.name.partition("[")[0].replace("_", "-")[5:45].strip("-")
    made = Shop(Terminal.of(tmp_path, sandbox), cloud, name)
    deployed = made.deploy()
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    yield made
    cloud.client("cloudformation").delete_stack(StackName=name)


def test_a_good_version_ends_with_all_customers(shop: Shop) -> None:
    assert (shop.alias(), shop.deployments()) == (("1", {}), [])
    shop.write(checkout=GOOD.format(number=2), hook="Tested")
    with customers(shop) as them:
        deployed = shop.deploy()
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    assert shop.status == "UPDATE_COMPLETE"
    assert (shop.alias(), shop.alias("Search"), them.failed) == (("2", {}), ("1", {}), [])
    (deployment,) = shop.deployments()
    assert (deployment["status"], deployment["deploymentConfigName"]) == (
        "Succeeded",
        "CodeDeployDefault.LambdaCanary10Percent5Minutes",
    )
    took = deployment["completeTime"] - deployment["startTime"]
    assert 300 <= took.total_seconds() < 330
    assert shop.pages() == ["SUCCEEDED"]


def test_a_bad_version_is_taken_back_by_its_alarm(shop: Shop) -> None:
    shop.write(checkout=BAD.format(number=2))
    with customers(shop) as them:
        failed = shop.deploy()
    assert failed.returncode == 1
    assert f"Error: Failed to create/update the stack: {shop.name}" in failed.stderr
    assert told("One or more alarms have been activated according to the Amazon CloudWatch metrics", failed)
    assert "UPDATE_ROLLBACK_COMPLETE" in failed.stdout
    assert (shop.status, shop.alias()) == ("UPDATE_ROLLBACK_COMPLETE", ("1", {}))
    stopped, back = shop.deployments()
    assert (stopped["status"], stopped["errorInformation"]["code"]) == ("Stopped", "ALARM_ACTIVE")
    assert (back["status"], back["creator"]) == ("Succeeded", "codeDeployRollback")
    assert f"<{shop.there['Failing']}>" in stopped["errorInformation"]["message"]
    # Far less than one in ten: it was stopped long before the canary's end.
    assert 0 < len(them.failed) < len(them.called) / 10
    assert shop.pages() == ["IN_PROGRESS", "STOPPED", "SUCCEEDED"]
    # A version that is mended goes out, once the alarm has come to rest.
    shop.cloud.clock.advance(180)
    shop.write(checkout=GOOD.format(number=3))
    with customers(shop):
        assert shop.deploy().returncode == 0
    assert shop.alias() == ("3", {})


def test_a_smoke_test_saves_all_customers(shop: Shop) -> None:
    shop.write(checkout=BAD.format(number=2), hook="Tested")
    with customers(shop) as them:
        failed = shop.deploy()
    assert failed.returncode == 1
    assert told("one or more of the lifecycle event validation functions failed", failed)
    assert (shop.status, shop.alias(), them.failed) == ("UPDATE_ROLLBACK_COMPLETE", ("1", {}), [])
    assert shop.deployments()[0]["errorInformation"]["code"] == "HOOK_EXECUTION_FAILURE"


def test_a_hook_that_never_answers_ends_after_an_hour(shop: Shop) -> None:
    shop.write(checkout=GOOD.format(number=2), hook="")
    with customers(shop, every=120):
        failed = shop.deploy()
    assert failed.returncode == 1
    assert (shop.status, shop.alias()) == ("UPDATE_ROLLBACK_COMPLETE", ("1", {}))
    deployment = shop.deployments()[0]
    assert deployment["errorInformation"]["code"] == "TIMEOUT"
    assert (deployment["completeTime"] - deployment["startTime"]).total_seconds() >= 3600


def started(shop: Shop, wait_until: Callable[..., None]) -> subprocess.Popen[str]:
    """`sam deploy`, once a tenth of the customers gets the new version."""
    process = shop.terminal.started(*shop.command())
    wait_until(lambda: bool(shop.alias()[1]), "traffic to be shifted", 60.0)
    return process


def test_an_alarm_that_goes_in_mid_deployment_stops_it(shop: Shop, wait_until: Callable[..., None]) -> None:
    shop.write(checkout=GOOD.format(number=2))
    process = started(shop, wait_until)
    shop.cloud.client("cloudwatch").delete_alarms(AlarmNames=[shop.there["Slow"]])
    with customers(shop):
        process.communicate(timeout=120)
    assert process.returncode == 1
    assert (shop.status, shop.alias()) == ("UPDATE_ROLLBACK_COMPLETE", ("1", {}))
    assert shop.deployments()[0]["status"] == "Stopped"


def test_a_function_that_goes_in_mid_deployment_can_not_be_brought_back(
    shop: Shop, wait_until: Callable[..., None]
) -> None:
    shop.write(checkout=GOOD.format(number=2))
    process = started(shop, wait_until)
    shop.functions.delete_function(FunctionName=shop.there["Checkout"])
    with customers(shop, every=30):
        process.communicate(timeout=120)
    assert process.returncode == 1
    assert shop.status == "UPDATE_ROLLBACK_FAILED"
    assert shop.deployments()[0]["errorInformation"]["code"] == "INVALID_LAMBDA_FUNCTION"
    assert shop.alias("Search") == ("1", {})


def test_two_deployments_at_once_end_on_one_version_each(shop: Shop) -> None:
    shop.write(checkout=GOOD.format(number=2), search=GOOD.format(number=2))
    with customers(shop):
        assert shop.deploy().returncode == 0
    assert (shop.alias(), shop.alias("Search")) == (("2", {}), ("2", {}))
    shop.write(checkout=GOOD.format(number=3), search=BAD.format(number=3))
    with customers(shop):
        assert shop.deploy().returncode == 1
    assert shop.status == "UPDATE_ROLLBACK_COMPLETE"
    assert (shop.alias(), shop.alias("Search")) == (("2", {}), ("2", {}))


def test_a_killed_client_changes_nothing(shop: Shop, wait_until: Callable[..., None]) -> None:
    shop.write(checkout=GOOD.format(number=2))
    process = started(shop, wait_until)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    with customers(shop):
        wait_until(lambda: shop.status == "UPDATE_COMPLETE", "the update to end", 60.0)
    assert shop.alias() == ("2", {})


def test_what_a_condition_leaves_out_deploys_nothing(shop: Shop) -> None:
    with customers(shop):
        assert shop.deploy("Watched=no").returncode == 0
    assert {"CheckoutDeploymentGroup", "CheckoutAliaslive", "Failing"} & shop.there.keys() == set()
    shop.write(search=GOOD.format(number=2))
    with customers(shop, every=20):
        assert shop.deploy("Watched=no", "Type=Linear10PercentEvery1Minute").returncode == 0
    assert shop.alias("Search") == ("2", {})
    (deployment,) = shop.deployments("Search")
    assert 540 <= (deployment["completeTime"] - deployment["startTime"]).total_seconds() < 600
