"""What an alarm does when it changes: it tells topics and functions, as their policies let it.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html. AWS tries again what did not get
through; here nothing is lost on the way.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from sandbox.gateway import moto_deliveries
from sandbox.gateway.moto_resources import Arn, arn_of
from sandbox.telemetry import alarm_messages
from sandbox.telemetry.alarm import Alarm, State

TOPICS = "cloudwatch.amazonaws.com"
FUNCTIONS = "lambda.alarms.cloudwatch.amazonaws.com"

#: Makes a client with the sandbox's own rights for a service and a Region.
Client = Callable[[str, str], Any]


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an action: the message as sent, and the error if it failed."""

    message: str | None = None
    error: str | None = None


class Actions:
    """Takes the actions of alarms."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def take(self, alarm: Alarm, action: str, before: State, after: State) -> Done:
        """Do what `action`, an ARN, says."""
        arn = arn_of(action)
        if arn is None:
            return Done(error=f"Invalid arn syntax: {action}")
        if arn.service == "lambda":
            return self._invoke(arn, alarm, before, after)
        return self._publish(arn, alarm, before, after)

    def _publish(self, topic: Arn, alarm: Alarm, before: State, after: State) -> Done:
        message = alarm_messages.notification(alarm, before, after)
        published = json.dumps({"default": message}, separators=(",", ":"))
        account = alarm.place[0]
        found = moto_deliveries.objection(TOPICS, topic, alarm.arn, account, owner=account)
        if found == "absent":
            return Done(published, f"Resource: {topic.text} not found")
        if found is not None:
            return Done(published, _denied("SNS:Publish", topic))
        try:
            self._client("sns", topic.region).publish(
                TopicArn=topic.text, Message=message, Subject=alarm_messages.subject(alarm)
            )
        except ClientError as error:
            return Done(published, str(error.response["Error"]["Message"]))
        return Done(published)

    def _invoke(self, function: Arn, alarm: Alarm, before: State, after: State) -> Done:
        event = alarm_messages.function_event(alarm, before, after)
        text = json.dumps(event, separators=(",", ":"))
        found = moto_deliveries.objection(FUNCTIONS, function, alarm.arn, alarm.place[0])
        if found == "absent":
            return Done(text, f"Function not found: {function.text}")
        if found is not None:
            return Done(text, _denied("lambda:InvokeFunction", function))
        if not moto_deliveries.invoke(function, event):
            return Done(text, f"{function.text} did not take the event")
        return Done(text)


def _denied(action: str, resource: Arn) -> str:
    return (
        f"CloudWatch Alarms is not authorized to perform: {action} on resource: {resource.text} because no "
        f"resource-based policy allows the {action} action"
    )
