"""What SNS sends to its subscribers: the JSON envelope for queues, the record for functions.

Messages here are not signed: nothing at the address in the envelope could be fetched to verify a signature with. The
fields are there in their documented shape, and the text behind `Signature` (base64) says so.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html,
https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from sandbox.compute.timestamps import zulu
from sandbox.deliveries.filter_policies import Attributes

UNSIGNED = base64.b64encode(b"coldstart does not sign messages").decode()


@dataclass(frozen=True, slots=True)
class Notification:
    """A message on its way to one subscription. `at` is sandbox time in Unix seconds."""

    topic_arn: str
    subscription_arn: str
    message_id: str
    message: str
    at: float
    subject: str | None = None
    attributes: Attributes = field(default_factory=dict)
    signature_version: str = "1"

    @property
    def _region(self) -> str:
        return self.topic_arn.split(":")[3]

    @property
    def _certificate(self) -> str:
        return f"https://sns.{self._region}.amazonaws.com/SimpleNotificationService-{'0' * 32}.pem"

    @property
    def _unsubscribe(self) -> str:
        return f"https://sns.{self._region}.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={self.subscription_arn}"


def envelope(notification: Notification) -> str:
    """The body of a queue's message, unless the subscription takes messages raw."""
    content: dict[str, Any] = {
        "Type": "Notification",
        "MessageId": notification.message_id,
        "TopicArn": notification.topic_arn,
    }
    if notification.subject:
        content["Subject"] = notification.subject
    content |= {
        "Message": notification.message,
        "Timestamp": zulu(notification.at),
        "SignatureVersion": notification.signature_version,
        "Signature": UNSIGNED,
        "SigningCertURL": notification._certificate,
        "UnsubscribeURL": notification._unsubscribe,
    }
    if notification.attributes:
        content["MessageAttributes"] = notification.attributes
    return json.dumps(content, indent=2)


def records(notification: Notification) -> dict[str, Any]:
    """The event of a function. Two of its fields are spelled otherwise than in the envelope."""
    return {
        "Records": [
            {
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "EventSubscriptionArn": notification.subscription_arn,
                "Sns": {
                    "Type": "Notification",
                    "MessageId": notification.message_id,
                    "TopicArn": notification.topic_arn,
                    "Subject": notification.subject or None,
                    "Message": notification.message,
                    "Timestamp": zulu(notification.at),
                    "SignatureVersion": notification.signature_version,
                    "Signature": UNSIGNED,
                    "SigningCertUrl": notification._certificate,
                    "UnsubscribeUrl": notification._unsubscribe,
                    "MessageAttributes": notification.attributes,
                },
            }
        ]
    }


def text_for(message: str, protocol: str, structure: str | None) -> str:
    """What one protocol's subscribers get of a message; with the structure `json` each may have a text of its own.

    ValueError for a structure that is none; the text is the one SNS gives.
    https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
    """
    if structure != "json":
        return message
    try:
        texts = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise ValueError("Message Structure - JSON message body failed to parse") from error
    if not isinstance(texts, dict):
        raise ValueError("Message Structure - JSON message body failed to parse")
    if not isinstance(texts.get("default"), str):
        raise ValueError("Message Structure - No default entry in JSON message body")
    own = texts.get(protocol)
    return own if isinstance(own, str) else str(texts["default"])
