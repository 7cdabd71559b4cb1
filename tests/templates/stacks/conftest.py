"""A sandbox whose stacks are made and watched as a client does it."""

from __future__ import annotations

import itertools
import json
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sandbox.isolation import isolated_session, local_config
from sandbox.sandbox import Sandbox

#: Wall seconds after which a test that waits for something gives up.
HANGS_AFTER = 60.0
ACCOUNT = "123456789012"
QUEUE = "AWS::SQS::Queue"


class Cloud:
    """An administrator's clients, and what tests ask of stacks again and again."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.clock = sandbox.clock
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._numbers = itertools.count(1)
        self.cloudformation = self.client("cloudformation")
        self.sqs = self.client("sqs")

    def client(self, service: str, credentials: Mapping[str, str] | None = None, region: str = "us-east-1") -> Any:
        given = dict(credentials or self.sandbox.gateway.learner)
        key = (service, given["AWS_ACCESS_KEY_ID"], region)
        if key not in self._clients:
            self._clients[key] = isolated_session(given, region).client(
                service, endpoint_url=self.sandbox.gateway.endpoint_url, config=local_config(service)
            )
        return self._clients[key]

    def name(self, begin: str = "stack") -> str:
        """A name that no other test has."""
        return f"{begin}{next(self._numbers)}"

    def user(self, *statements: Mapping[str, Any]) -> dict[str, str]:
        """The credentials of a new user who may do what these statements say."""
        iam, name = self.client("iam"), self.name("user")
        iam.create_user(UserName=name)
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    def role(self, service: str, *statements: Mapping[str, Any]) -> str:
        """The ARN of a new role that a service may assume."""
        iam, name = self.client("iam"), self.name("role")
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        if statements:
            policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy)
        return str(arn)

    # -- stacks ------------------------------------------------------------------------------------------

    def create(self, template: Any, name: str | None = None, **given: Any) -> str:
        """Create a stack and wait until it has come to rest; its name."""
        name = name or self.name()
        self.cloudformation.create_stack(StackName=name, TemplateBody=text(template), **given)
        self.rest(name)
        return name

    def update(self, name: str, template: Any = None, **given: Any) -> str:
        """Update a stack and wait until it has come to rest; its status."""
        body = {"UsePreviousTemplate": True} if template is None else {"TemplateBody": text(template)}
        self.cloudformation.update_stack(StackName=name, **body, **given)
        return self.rest(name)

    def stack(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        return found

    def status(self, name: str) -> str:
        return str(self.stack(name)["StackStatus"])

    def rest(self, name: str) -> str:
        """Wait until nothing is under way on a stack; its status then."""
        identifier = self.stack(name)["StackId"]
        wait_for(lambda: not self.status(identifier).endswith("_IN_PROGRESS"), f"{name} to come to rest")
        return self.status(identifier)

    def outputs(self, name: str) -> dict[str, str]:
        return {one["OutputKey"]: one["OutputValue"] for one in self.stack(name)["Outputs"]}

    def events(self, name: str) -> list[tuple[str, str, str | None]]:
        """Logical id, status and reason, the oldest first."""
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(StackName=name)
        found = [one for page in pages for one in page["StackEvents"]]
        return [
            (one["LogicalResourceId"], one["ResourceStatus"], one.get("ResourceStatusReason"))
            for one in reversed(found)
        ]

    def reason(self, name: str, logical_id: str, status: str) -> str:
        """The reason of the last event of a resource with a status."""
        return next(
            reason or "" for one, found, reason in reversed(self.events(name)) if (one, found) == (logical_id, status)
        )

    def statuses(self, name: str, logical_id: str) -> list[str]:
        return [status for one, status, _ in self.events(name) if one == logical_id]

    def resources(self, name: str) -> dict[str, str]:
        """The physical ids by logical id."""
        found = self.cloudformation.describe_stack_resources(StackName=name)["StackResources"]
        return {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in found}

    def queues(self) -> list[str]:
        return [url.rpartition("/")[2] for url in self.sqs.list_queues().get("QueueUrls", [])]

    def attribute(self, url: str, attribute: str) -> str | None:
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return found.get(attribute)


def text(template: Any) -> str:
    return template if isinstance(template, str) else json.dumps(template)


def queues(**properties: Mapping[str, Any]) -> dict[str, Any]:
    """A template of queues."""
    return {"Resources": {name: {"Type": QUEUE, "Properties": dict(one)} for name, one in properties.items()}}


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Wait, in the wall's time, until something is so."""
    end = time.monotonic() + HANGS_AFTER
    while not condition():
        assert time.monotonic() < end, f"waited {HANGS_AFTER:g} s for {what}"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    sandbox = Sandbox()
    sandbox.serve()
    try:
        yield Cloud(sandbox)
    finally:
        sandbox.close()


class Vendor:
    """A topic for custom resources, and who answers what comes to it: the test."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        sns, name = cloud.client("sns"), cloud.name("vendor")
        self.token = sns.create_topic(Name=name)["TopicArn"]
        allowed = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [{**allowed, "Resource": "*"}]})
        self._queue = cloud.sqs.create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"]
        arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
        sns.subscribe(TopicArn=self.token, Protocol="sqs", Endpoint=arn)

    def template(self, **properties: Any) -> dict[str, Any]:
        """A template of one custom resource."""
        return {
            "Resources": {"Thing": {"Type": "Custom::Thing", "Properties": {"ServiceToken": self.token, **properties}}}
        }

    def message(self) -> str:
        """What comes next."""
        messages = self.cloud.sqs.receive_message(QueueUrl=self._queue, WaitTimeSeconds=20).get("Messages")
        assert messages, "no request came"
        self.cloud.sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=messages[0]["ReceiptHandle"])
        return str(json.loads(messages[0]["Body"])["Message"])

    def request(self) -> dict[str, Any]:
        """The next request."""
        found: dict[str, Any] = json.loads(self.message())
        return found

    def answer(self, asked: Mapping[str, Any], status: str = "SUCCESS", body: bytes | None = None, **given: Any) -> int:
        """Answer a request; the HTTP status."""
        answer = {
            "Status": status,
            "PhysicalResourceId": asked.get("PhysicalResourceId", "thing-1"),
            **{name: asked[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
            **given,
        }
        content = json.dumps(answer).encode() if body is None else body
        put = urllib.request.Request(asked["ResponseURL"], content, {"content-type": ""}, method="PUT")
        with urllib.request.urlopen(put) as response:
            return int(response.status)

    def work(self, action: Callable[[], Any], *answers: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Do something that asks this vendor, who answers one request after the other so; the requests."""
        asked = []
        with ThreadPoolExecutor(1) as beside:
            doing = beside.submit(action)
            for one in answers:
                asked.append(self.request())
                self.answer(asked[-1], **one)
            doing.result(HANGS_AFTER)
        return asked


@pytest.fixture(scope="module")
def vendor(cloud: Cloud) -> Vendor:
    return Vendor(cloud)
