"""A stack's events, as CloudFormation tells them to SNS topics (NotificationARNs).

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-console-add-tags.html (notification options); the
message is a line `Name='value'` for each member, as https://repost.aws/knowledge-center/cloudformation-rollback-email
takes it apart.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.gateway.call import AwsError
from sandbox.templates.events import StackEvent

log = logging.getLogger(__name__)

SUBJECT = "AWS CloudFormation Notification"


def message(event: StackEvent) -> str:
    """The message that tells of an event."""
    stamp = event.time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{event.time.microsecond // 1000:03d}Z"
    properties = "null" if event.properties is None else json.dumps(event.properties, separators=(",", ":"))
    members = {
        "StackId": event.stack_id,
        "Timestamp": stamp,
        "EventId": event.id,
        "LogicalResourceId": event.logical_id,
        "Namespace": event.stack_id.split(":")[4],
        "PhysicalResourceId": event.physical_id,
        "ResourceProperties": properties,
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason or "",
        "ResourceType": event.type,
        "StackName": event.stack_name,
        "ClientRequestToken": event.token or "null",
    }
    return "".join(f"{name}='{value}'\n" for name, value in members.items())


def notify(event: StackEvent, topics: Sequence[str], client: Callable[[], Any]) -> None:
    """Publish an event to topics. One that does not take it changes nothing."""
    for topic in topics:
        try:
            client().publish(TopicArn=topic, Subject=SUBJECT, Message=message(event))
        except (ClientError, BotoCoreError, AwsError) as error:
            log.warning("topic %s was not told of an event of stack %s: %s", topic, event.stack_name, error)
