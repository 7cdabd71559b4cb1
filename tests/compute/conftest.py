"""A sandbox with its endpoint, seen through boto3, and functions to put into it."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.config import Config

from sandbox.isolation import isolated_session, local_config
from sandbox.sandbox import Sandbox

WAIT_SECONDS = 20.0
ECHO = "def handler(event, context):\n    return event\n"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}

#: What the tests' functions, their event source mappings and their destinations do.
EXECUTION = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:PutLogEvents",
                "sqs:ReceiveMessage",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:SendMessage",
                "sns:Publish",
                "events:PutEvents",
                "lambda:InvokeFunction",
                "s3:PutObject",
            ],
            "Resource": "*",
        }
    ],
}


def package(source: str | dict[str, str]) -> bytes:
    """A zip of one module `app`, or of files by name."""
    files = {"app.py": source} if isinstance(source, str) else source
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, text)
    return content.getvalue()


class Compute:
    """A sandbox and an administrator's clients."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.clock = sandbox.clock
        self._session = isolated_session(sandbox.gateway.learner, "us-east-1")
        self._clients: dict[str, Any] = {}
        self.functions = self.client("lambda")
        self.role = self.client("iam").create_role(RoleName="compute", AssumeRolePolicyDocument=json.dumps(TRUST))[
            "Role"
        ]["Arn"]
        self.client("iam").put_role_policy(
            RoleName="compute", PolicyName="compute", PolicyDocument=json.dumps(EXECUTION)
        )
        self.package = package

    def client(self, service: str) -> Any:
        if service not in self._clients:
            # The service has to refuse what boto3 would not even send; and a throttle is to be seen, not tried again.
            config = local_config(service).merge(Config(parameter_validation=False, retries={"total_max_attempts": 1}))
            self._clients[service] = self._session.client(
                service, endpoint_url=self.sandbox.gateway.endpoint_url, config=config
            )
        return self._clients[service]

    def create(self, name: str, source: str = ECHO, **settings: Any) -> dict[str, Any]:
        """Create a function and wait until it is Active."""
        settings.setdefault("Code", {"ZipFile": package(source)})
        answer = self.functions.create_function(
            **{
                "FunctionName": name,
                "Runtime": "python3.11",
                "Handler": "app.handler",
                "Role": self.role,
                "MemorySize": 1769,
                **settings,
            }
        )
        self.settled(name)
        return dict(answer)

    def settled(self, name: str) -> None:
        self.functions.get_waiter("function_updated_v2").wait(FunctionName=name)

    def change(self, name: str, source: str) -> None:
        self.functions.update_function_code(FunctionName=name, ZipFile=package(source))
        self.settled(name)

    def invoke(self, name: str, event: Any = None, **settings: Any) -> dict[str, Any]:
        answer = self.functions.invoke(FunctionName=name, Payload=json.dumps(event or {}).encode(), **settings)
        text = answer["Payload"].read()
        return {**answer, "Payload": json.loads(text) if text else None}

    def refusal(self, operation: str, **params: Any) -> tuple[str, str]:
        """Code and message of the error that an operation of Lambda gives."""
        with pytest.raises(self.functions.exceptions.ClientError) as caught:
            getattr(self.functions, operation)(**params)
        error = caught.value.response["Error"]
        return error["Code"], error["Message"]

    def lines(self, name: str, containing: str = "") -> list[str]:
        """A function's own log lines, in order."""
        logs = self.client("logs")
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"].rstrip() for event in events if containing in event["message"]]

    def streams(self, name: str) -> list[str]:
        found = self.client("logs").describe_log_streams(logGroupName=f"/aws/lambda/{name}")["logStreams"]
        return [stream["logStreamName"] for stream in found]

    def metric(self, name: str, statistic: str = "Sum", **dimensions: str) -> float | None:
        """One figure over the last hours, under exactly these dimensions."""
        now = self.clock.now()
        answer = self.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=name,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=now - 20 * 3600,
            EndTime=now + 3600,
            Period=86400,
            Statistics=[statistic],
        )
        figures = [point[statistic] for point in answer["Datapoints"]]
        if not figures:
            return None
        return max(figures) if statistic == "Maximum" else sum(figures)

    def queue(self, name: str, **attributes: str) -> tuple[str, str]:
        """A queue's URL and ARN."""
        sqs = self.client("sqs")
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def let_send(self, url: str, service: str, source_arn: str) -> None:
        """Give a queue a policy that lets a service (`sns.amazonaws.com`) send for one topic or rule."""
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sqs:SendMessage",
            "Resource": "*",
            "Condition": {"ArnEquals": {"aws:SourceArn": source_arn}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})

    def receive(self, url: str) -> list[dict[str, Any]]:
        """The messages that are in sight, with all their attributes."""
        answer = self.client("sqs").receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], WaitTimeSeconds=0
        )
        return list(answer.get("Messages", ()))

    def left_in(self, url: str) -> int:
        """Messages in a queue, in sight or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)

    @staticmethod
    def eventually(what: Callable[[], Any]) -> Any:
        """Wait until `what` is true, and give what it gives."""
        end = time.monotonic() + WAIT_SECONDS
        while not (found := what()):
            assert time.monotonic() < end, "what was waited for did not come"
            time.sleep(0.01)
        return found


@pytest.fixture(scope="module")
def compute() -> Iterator[Compute]:
    sandbox = Sandbox(seed=7)
    try:
        sandbox.serve()
        yield Compute(sandbox)
    finally:
        sandbox.close()
