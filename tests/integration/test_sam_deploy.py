"""The real `sam` and `aws cloudformation` from build to delete, against a real sandbox."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.cloud import Cloud
from sandbox.nursery import SandboxHandle
from tests.integration import orders
from tests.integration.terminal import Terminal

#: A function that can be called by its alias, and what a test adds.
SMALL = f"""\
Transform: AWS::Serverless-2016-10-31
Parameters:
  Word: {{Type: String, Default: hello}}
Resources:
  Greeting:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: app.handler
      Runtime: {orders.RUNTIME}
      AutoPublishAlias: live
      Environment:
        Variables: {{WORD: !Ref Word}}
Outputs:
  Name: {{Value: !Ref Greeting}}
"""
CODE = "import os\n\n\ndef handler(event, context):\n    return os.environ['WORD'] + ' ONE'\n"
#: A log group of the name exists when this is deployed after the alias.
TAKEN = """\
  Taken:
    Type: AWS::Logs::LogGroup
    DependsOn: GreetingAliaslive
    Properties: {LogGroupName: taken}
Outputs:"""
DEPLOY = ("sam", "deploy", "--resolve-s3", "--capabilities", "CAPABILITY_IAM")


class Service:
    """The orders service, deployed by `sam deploy` and a samconfig.toml."""

    def __init__(self, terminal: Terminal, cloud: Cloud) -> None:
        self.terminal, self.cloud = terminal, cloud
        self.stack = "orders"
        orders.write(terminal.folder)
        (terminal.folder / "samconfig.toml").write_text(
            f"""version = 0.1
[default.global.parameters]
stack_name = "{self.stack}"
[default.deploy.parameters]
resolve_s3 = true
s3_prefix = "{self.stack}"
capabilities = "CAPABILITY_IAM"
parameter_overrides = "Stage=staging Attempts=5"
tags = "team=\\"shop\\""
"""
        )

    def deploy(self) -> str:
        return self.terminal.done("sam", "build") + self.terminal.done("sam", "deploy")

    @property
    def outputs(self) -> dict[str, str]:
        (found,) = self.cloud.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"]
        return {one["OutputKey"]: one["OutputValue"] for one in found["Outputs"]}

    def ask(self, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and answer of a request to the API."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.cloud.url(self.outputs["Url"] + path), data, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, sandbox: SandboxHandle, cloud: Cloud) -> Service:
    made = Service(Terminal.of(tmp_path_factory.mktemp("orders"), sandbox), cloud)
    made.deploy()
    return made


@pytest.fixture
def terminal(tmp_path: Path, sandbox: SandboxHandle) -> Terminal:
    """A folder with the small application, built."""
    made = Terminal.of(tmp_path, sandbox)
    (tmp_path / "src").mkdir()
    written(made)
    return made


def written(terminal: Terminal, template: str = SMALL, code: str = CODE) -> None:
    """Writes the application and builds it."""
    (terminal.folder / "template.yaml").write_text(template)
    (terminal.folder / "src" / "app.py").write_text(code)
    terminal.done("sam", "build")


@pytest.fixture
def stack(cloud: Cloud, request: pytest.FixtureRequest) -> Iterator[str]:
    """A name for a stack, which is gone afterwards."""
    name = request.node.name.partition("[")[0].replace("_", "-")[5:65].strip("-")
    yield name
    cloud.client("cloudformation").delete_stack(StackName=name)


def status(cloud: Cloud, stack: str) -> str | None:
    """A stack's status; None for one that is not there."""
    try:
        (found,) = cloud.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError:
        return None
    return str(found["StackStatus"])


def resources(cloud: Cloud, stack: str) -> dict[str, str]:
    """The physical ids of a stack's resources."""
    pages = cloud.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    return {
        one["LogicalResourceId"]: one.get("PhysicalResourceId", "")
        for page in pages
        for one in page["StackResourceSummaries"]
    }


def greeting(cloud: Cloud, stack: str, qualifier: str = "live") -> str:
    """What the small application answers, by its alias or another name of a version."""
    name = resources(cloud, stack)["Greeting"]
    answer = cloud.client("lambda").invoke(FunctionName=name, Qualifier=qualifier)
    return str(json.loads(answer["Payload"].read()))


# -- the orders service


def test_a_deployed_service_takes_orders_and_ships_them(service: Service, wait_until: Callable[..., None]) -> None:
    assert service.ask("/orders", {"id": "7"}) == (201, {"id": "7", "state": "taken"})
    wait_until(lambda: service.ask("/orders/7") == (200, {"id": "7", "state": "sent"}), "the order is sent")
    assert service.ask("/orders/8") == (404, {"message": "no such order"})


def test_parameters_and_tags_of_samconfig_reach_the_resources(service: Service) -> None:
    names = resources(service.cloud, "orders")
    configuration = service.cloud.client("lambda").get_function(FunctionName=names["Taking"])
    assert configuration["Configuration"]["Environment"]["Variables"]["STAGE"] == "staging"
    assert configuration["Tags"]["team"] == "shop"
    queue = service.cloud.client("sqs").get_queue_attributes(
        QueueUrl=names["Shipping"], AttributeNames=["RedrivePolicy"]
    )
    assert json.loads(queue["Attributes"]["RedrivePolicy"])["maxReceiveCount"] == 5


def test_a_deployment_without_a_change_says_so(service: Service) -> None:
    refused = service.terminal.run("sam", "deploy")
    assert (refused.returncode, refused.stderr.count("No changes to deploy. Stack orders is up to date")) == (1, 1)
    assert "No changes to deploy. Stack orders is up to date" in service.terminal.done(
        "sam", "deploy", "--no-fail-on-empty-changeset"
    )


def test_logs_of_a_deployed_service_are_read(service: Service, wait_until: Callable[..., None]) -> None:
    service.ask("/orders", {"id": "logged"})
    wait_until(lambda: "order logged taken" in service.terminal.done("sam", "logs"), "the line is in the logs")
    assert "order logged taken" in service.terminal.done("sam", "logs", "--name", "Taking", "--filter", "logged")


def test_what_is_deployed_is_listed(service: Service) -> None:
    listed = json.loads(service.terminal.run("sam", "list", "stack-outputs", "--output", "json").stdout)
    assert {one["OutputKey"]: one["OutputValue"] for one in listed} == service.outputs
    listed = json.loads(service.terminal.run("sam", "list", "resources", "--output", "json").stdout)
    found = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in listed}
    assert found["Orders"] == service.outputs["Table"]


def test_a_deployed_function_is_invoked_and_a_queue_sent_to(service: Service) -> None:
    event = json.dumps({"pathParameters": {"id": "nobody"}})
    ended = service.terminal.run("sam", "remote", "invoke", "Taking", "--event", event)
    assert json.loads(ended.stdout)["statusCode"] == 404
    assert "REPORT RequestId" in ended.stderr
    sent = json.loads(service.terminal.run("sam", "remote", "invoke", "Lost", "--event", "{}").stdout)
    assert sent["MessageId"]


def test_traces_are_refused_by_name(service: Service) -> None:
    refused = service.terminal.run("sam", "traces")
    assert refused.returncode == 1
    assert "coldstart does not support xray:GetTraceSummaries" in refused.stderr


def test_endpoints_are_refused_by_name(service: Service) -> None:
    refused = service.terminal.run("sam", "list", "endpoints")
    assert refused.returncode == 1
    assert "coldstart does not support cloudcontrol:GetResource" in refused.stderr


# -- a small application of a stack's own


def test_an_update_publishes_a_version(terminal: Terminal, cloud: Cloud, stack: str) -> None:
    terminal.done(*DEPLOY, "--stack-name", stack)
    assert greeting(cloud, stack) == "hello ONE"
    written(terminal, code=CODE.replace("ONE", "TWO"))
    printed = terminal.done(*DEPLOY, "--stack-name", stack)
    assert "UPDATE_COMPLETE" in printed
    assert greeting(cloud, stack) == "hello TWO"
    versions = cloud.client("lambda").list_versions_by_function(FunctionName=resources(cloud, stack)["Greeting"])
    assert [one["Version"] for one in versions["Versions"]] == ["$LATEST", "1", "2"]


def test_a_failed_update_leaves_the_old_version_answering(terminal: Terminal, cloud: Cloud, stack: str) -> None:
    terminal.done(*DEPLOY, "--stack-name", stack)
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="taken")
    written(terminal, SMALL.replace("Outputs:", TAKEN), CODE.replace("ONE", "BROKEN"))
    failed = terminal.run(*DEPLOY, "--stack-name", stack)
    assert failed.returncode == 1
    assert f"Error: Failed to create/update the stack: {stack}" in failed.stderr
    assert 'Resource handler returned message: "The specified log group already exists' in failed.stdout
    assert "UPDATE_ROLLBACK_COMPLETE" in failed.stdout
    assert status(cloud, stack) == "UPDATE_ROLLBACK_COMPLETE"
    assert (greeting(cloud, stack), greeting(cloud, stack, "$LATEST")) == ("hello ONE", "hello ONE")
    logs.delete_log_group(logGroupName="taken")
    # The same code again would be refused, as in AWS: the version that the failed update made was kept.
    written(terminal, SMALL.replace("Outputs:", TAKEN), CODE.replace("ONE", "MENDED"))
    terminal.done(*DEPLOY, "--stack-name", stack)
    assert greeting(cloud, stack) == "hello MENDED"


@pytest.mark.parametrize(("on_failure", "left"), [("ROLLBACK", "ROLLBACK_COMPLETE"), ("DELETE", None)])
def test_a_failed_creation_is_undone(
    terminal: Terminal, cloud: Cloud, stack: str, on_failure: str, left: str | None
) -> None:
    before = cloud.client("lambda").list_functions()["Functions"]
    no_layer = "Layers: [arn:aws:lambda:us-east-1:123456789012:layer:none:1]"
    written(terminal, SMALL.replace("      Runtime:", f"      {no_layer}\n      Runtime:"))
    failed = terminal.run(*DEPLOY, "--stack-name", stack, "--on-failure", on_failure)
    assert failed.returncode == 1
    assert status(cloud, stack) == left
    assert cloud.client("lambda").list_functions()["Functions"] == before


def test_delete_leaves_nothing(terminal: Terminal, cloud: Cloud) -> None:
    terminal.done(*DEPLOY, "--stack-name", "gone", "--s3-prefix", "gone")
    s3 = cloud.client("s3")
    (bucket,) = [one["Name"] for one in s3.list_buckets()["Buckets"] if "samclisourcebucket" in one["Name"]]
    assert s3.list_objects_v2(Bucket=bucket, Prefix="gone/")["KeyCount"] == 2
    names = resources(cloud, "gone")
    terminal.done("sam", "delete", "--stack-name", "gone", "--s3-bucket", bucket, "--s3-prefix", "gone", "--no-prompts")
    assert status(cloud, "gone") is None
    assert s3.list_objects_v2(Bucket=bucket, Prefix="gone/")["KeyCount"] == 0
    with pytest.raises(ClientError, match="ResourceNotFound"):
        cloud.client("lambda").get_function(FunctionName=names["Greeting"])
    with pytest.raises(ClientError, match="NoSuchEntity"):
        cloud.client("iam").get_role(RoleName=names["GreetingRole"])


def test_guided_answers_are_kept_for_the_next_time(terminal: Terminal, cloud: Cloud) -> None:
    # Stack, Region, the parameter, confirm changes, roles may be made, no rollback, save, file, environment.
    terminal.done("sam", "deploy", "--guided", typed="guided\n\nhi\nN\nY\nN\nY\n\n\n")
    assert greeting(cloud, "guided") == "hi ONE"
    assert "No changes to deploy. Stack guided is up to date" in terminal.run("sam", "deploy").stderr
    terminal.done("sam", "delete", typed="y\ny\n")
    assert status(cloud, "guided") is None
    s3 = cloud.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        assert s3.list_objects_v2(Bucket=bucket["Name"], Prefix="guided/")["KeyCount"] == 0


def test_a_role_deploys_with_its_own_rights(terminal: Terminal, cloud: Cloud, stack: str) -> None:
    iam = cloud.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "cloudformation.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName="deployer", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    deploy = (*DEPLOY, "--stack-name", stack, "--role-arn", role)
    # S3 for the code of functions alone: the function's own role can't be made.
    allowed = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [allowed]}
    iam.put_role_policy(RoleName="deployer", PolicyName="deploy", PolicyDocument=json.dumps(policy))
    failed = terminal.run(*deploy, "--on-failure", "DELETE")
    assert failed.returncode == 1
    told = "".join(failed.stdout.split())
    assert "assumed-role/deployer/AWSCloudFormationisnotauthorizedtoperform:iam:" in told
    policy["Statement"] = [{**allowed, "Action": ["s3:GetObject", "iam:*", "lambda:*"]}]
    iam.put_role_policy(RoleName="deployer", PolicyName="deploy", PolicyDocument=json.dumps(policy))
    terminal.done(*deploy)
    assert greeting(cloud, stack) == "hello ONE"


def test_applications_nest(terminal: Terminal, cloud: Cloud, stack: str) -> None:
    inner = terminal.folder / "inner"
    inner.mkdir()
    (inner / "template.yaml").write_text(
        "Parameters: {Size: {Type: Number}}\nResources:\n  Waiting:\n    Type: AWS::SQS::Queue\n    Properties: "
        "{DelaySeconds: !Ref Size}\nOutputs:\n  Queue: {Value: !Ref Waiting}\n"
    )
    nested = (
        "  Inner:\n    Type: AWS::Serverless::Application\n    Properties: {Location: inner/template.yaml, "
        "Parameters: {Size: 7}}\nOutputs:\n  Queue: {Value: !GetAtt Inner.Outputs.Queue}\n"
    )
    written(terminal, SMALL.replace("Outputs:\n", nested))
    deploy = ("--stack-name", stack, "--resolve-s3", "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND")
    terminal.done("sam", "deploy", *deploy)
    (told,) = cloud.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    queue = next(one["OutputValue"] for one in told["Outputs"] if one["OutputKey"] == "Queue")
    found = cloud.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["DelaySeconds"])
    assert found["Attributes"]["DelaySeconds"] == "7"
    inside = resources(cloud, stack)["Inner"]
    terminal.done("sam", "delete", "--stack-name", stack, "--no-prompts")
    assert status(cloud, inside) == "DELETE_COMPLETE"


def test_sync_brings_code_into_a_running_stack(terminal: Terminal, cloud: Cloud, stack: str) -> None:
    sync = ("sam", "sync", "--stack-name", stack, "--no-watch", "--capabilities", "CAPABILITY_IAM")
    terminal.done(*sync, "CAPABILITY_AUTO_EXPAND", typed="Y\n")
    assert greeting(cloud, stack) == "hello ONE"
    (terminal.folder / "src" / "app.py").write_text(CODE.replace("ONE", "SYNCED"))
    terminal.done("sam", "sync", "--stack-name", stack, "--no-watch", "--code", typed="Y\n")
    assert greeting(cloud, stack) == "hello SYNCED"


def test_a_deployment_goes_on_when_its_client_is_killed(
    terminal: Terminal, cloud: Cloud, stack: str, wait_until: Callable[..., None]
) -> None:
    process = terminal.started(*DEPLOY, "--stack-name", stack)
    wait_until(lambda: status(cloud, stack) not in (None, "REVIEW_IN_PROGRESS"), "the creation is under way", 60.0)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    wait_until(lambda: status(cloud, stack) == "CREATE_COMPLETE", "the creation ends", 60.0)
    written(terminal, code=CODE.replace("ONE", "TWO"))
    terminal.done(*DEPLOY, "--stack-name", stack)
    assert greeting(cloud, stack) == "hello TWO"


def test_a_client_killed_before_it_executes_leaves_a_stack_to_go_on_with(
    terminal: Terminal, cloud: Cloud, stack: str
) -> None:
    asked = terminal.run(*DEPLOY, "--stack-name", stack, "--confirm-changeset", typed="n\n")
    assert asked.returncode == 0, asked.stderr
    assert status(cloud, stack) == "REVIEW_IN_PROGRESS"
    terminal.done(*DEPLOY, "--stack-name", stack)
    assert greeting(cloud, stack) == "hello ONE"


# -- the AWS CLI


def test_the_aws_cli_deploys_updates_and_deletes(
    terminal: Terminal, cloud: Cloud, stack: str, wait_until: Callable[..., None]
) -> None:
    def run(*command: str) -> subprocess.CompletedProcess[str]:
        # The AWS CLI names its change sets by the second, in which AWS would not have done with the one before.
        ended, second = terminal.run(*command), int(time.time())
        wait_until(lambda: int(time.time()) > second, "a second goes by")
        return ended

    bucket = "aws-cli-artifacts"
    cloud.client("s3").create_bucket(Bucket=bucket)
    cloudformation = ("aws", "cloudformation")
    terminal.done(
        *cloudformation, "package", "--template-file", "template.yaml", "--s3-bucket", bucket,
        "--output-template-file", "packaged.yaml",
    )  # fmt: skip
    deploy = (*cloudformation, "deploy", "--template-file", "packaged.yaml", "--stack-name", stack)
    assert "Requires capabilities : [CAPABILITY_IAM]" in run(*deploy).stderr
    assert run(*deploy, "--capabilities", "CAPABILITY_IAM", "--tags", "team=shop").returncode == 0
    assert greeting(cloud, stack) == "hello ONE"
    again = run(*deploy, "--capabilities", "CAPABILITY_IAM", "--tags", "team=shop")
    assert (again.returncode, "No changes to deploy" in again.stderr) == (255, True)
    assert run(*deploy, "--capabilities", "CAPABILITY_IAM", "--parameter-overrides", "Word=hi").returncode == 0
    # Only new code makes SAM publish a version: what answers without an alias has the new parameter.
    assert (greeting(cloud, stack), greeting(cloud, stack, "$LATEST")) == ("hello ONE", "hi ONE")
    (told,) = json.loads(terminal.done(*cloudformation, "describe-stacks", "--stack-name", stack))["Stacks"]
    assert told["StackStatus"] == "UPDATE_COMPLETE"
    assert told["Parameters"] == [{"ParameterKey": "Word", "ParameterValue": "hi"}]
    listed = json.loads(terminal.done(*cloudformation, "describe-stack-resources", "--stack-name", stack))
    assert {one["LogicalResourceId"] for one in listed["StackResources"]} >= {"Greeting", "GreetingAliaslive"}
    events = json.loads(terminal.done(*cloudformation, "describe-stack-events", "--stack-name", stack))["StackEvents"]
    assert events[0]["ResourceStatus"] == "UPDATE_COMPLETE"
    terminal.done(*cloudformation, "delete-stack", "--stack-name", stack)
    terminal.done(*cloudformation, "wait", "stack-delete-complete", "--stack-name", stack)
    assert status(cloud, stack) is None
