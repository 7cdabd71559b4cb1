"""A sandbox with rules, and what they send events to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.sandbox import Sandbox
from tests.compute.conftest import Compute

ACCOUNT = "123456789012"
MEMBER = "210987654321"
#: A function that writes down each event.
TELL = "import json\ndef handler(event, context):\n    print('GOT ' + json.dumps(event))\n"


class World(Compute):
    """A sandbox, an administrator's clients, and rules."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.events = self.client("events")

    def teller(self, name: str) -> str:
        """A function that writes down each event; its ARN."""
        return str(self.create(name, TELL)["FunctionArn"])

    def permit(self, function: str, rule_arn: str) -> None:
        self.functions.add_permission(
            FunctionName=function,
            StatementId=f"s{self.clock.now_ms()}",
            Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com",
            SourceArn=rule_arn,
        )

    def rule(self, name: str, target: dict[str, Any] | str | None = None, **settings: Any) -> str:
        """Make a rule, with a target if one is given; its ARN."""
        if not {"EventPattern", "ScheduleExpression"} & set(settings):
            settings["EventPattern"] = json.dumps({"source": [name]})
        arn = str(self.events.put_rule(Name=name, **settings)["RuleArn"])
        if target is not None:
            each = {"Id": "t", **({"Arn": target} if isinstance(target, str) else target)}
            bus = {key: value for key, value in settings.items() if key == "EventBusName"}
            assert self.events.put_targets(Rule=name, Targets=[each], **bus)["FailedEntryCount"] == 0
        return arn

    def put(self, source: str, detail: Any = None, **members: Any) -> str:
        """Put an event; its id."""
        entry = {"Source": source, "DetailType": "d", "Detail": json.dumps({} if detail is None else detail), **members}
        answer = self.events.put_events(Entries=[entry])
        assert answer["FailedEntryCount"] == 0, answer
        return str(answer["Entries"][0]["EventId"])

    def got(self, function: str) -> list[Any]:
        """The events that a function has written down, once all that is due has been done."""
        self.clock.settle()
        return [json.loads(line.removeprefix("GOT ")) for line in self.lines(function, "GOT ")]

    def open_queue(self, name: str) -> tuple[str, str]:
        """A queue that takes what EventBridge sends: URL and ARN."""
        url, arn = self.queue(name)
        statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
        document = {"Version": "2012-10-17", "Statement": [{**statement, "Resource": arn}]}
        self.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(document)})
        return url, arn

    def receive(self, url: str) -> list[dict[str, Any]]:
        """The messages that are in sight, with all their attributes; they are deleted."""
        found = super().receive(url)
        for message in found:
            self.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def count(self, metric: str, rule: str, **more: str) -> float:
        """A figure of AWS/Events over the last hours."""
        now = self.clock.now()
        points = self.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Events",
            MetricName=metric,
            Dimensions=[{"Name": key, "Value": value} for key, value in {"RuleName": rule, **more}.items()],
            StartTime=now - 20 * 3600,
            EndTime=now + 3600,
            Period=86400,
            Statistics=["Sum"],
        )["Datapoints"]
        return float(sum(point["Sum"] for point in points))


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    sandbox = Sandbox(seed=7)
    try:
        sandbox.serve()
        yield World(sandbox)
    finally:
        sandbox.close()
