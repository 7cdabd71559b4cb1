"""What moto delivers from one service to another, judged as AWS judges it: by the policies of where it goes.

A topic's messages for a queue, a bucket's notifications, a rule's events: AWS sends them as the service itself
(`sns.amazonaws.com`), and the queue's or topic's own policy must let it. What is not allowed is not delivered, and
nobody is told: the publisher's call succeeds. (In AWS the metrics of the sender count it: NumberOfNotificationsFailed
of a topic, FailedInvocations of a rule; with delivery status logging a topic's log group has the 403.)

tests/gateway/test_moto_contract.py holds what is used of moto here.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Literal, Protocol

from sandbox.gateway import moto_adapter, moto_names, moto_resources
from sandbox.gateway.moto_resources import Arn, arn_of

SNS = "sns.amazonaws.com"
S3 = "s3.amazonaws.com"
EVENTS = "events.amazonaws.com"


class Judge(Protocol):
    """Whether `principal` (a service's name, or the ARN of an account's root) may deliver; with a role, that role."""

    def __call__(
        self, principal: str, action: str, resource: str, context: Mapping[str, str], role_arn: str | None = None
    ) -> bool: ...


_judge: Judge | None = None


def judge_by(judge: Judge | None) -> None:
    """Let `judge` decide all deliveries from now on; with None everything that can be delivered is."""
    global _judge
    _judge = judge


Objection = Literal["absent", "denied"]


def objection(
    principal: str, target: Arn, source_arn: str, source_account: str, role_arn: str | None = None
) -> Objection | None:
    """Why a queue or topic does not take what a service delivers from a source; None if it does.

    One that is encrypted with a customer's key needs the key's policy too; AWS's own key can't be used by a service.
    https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html,
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html#compatibility-with-aws-services
    """
    kept = moto_resources.queue(target) if target.service == "sqs" else moto_resources.topic(target)
    if kept is None:
        return "absent"
    if _judge is None:
        return None
    context = {"aws:SourceArn": source_arn, "aws:SourceAccount": source_account}
    needed = [("sqs:SendMessage" if target.service == "sqs" else "sns:Publish", target.text)]
    if getattr(kept, "kms_master_key_id", None):
        key = moto_names.encryption_key(target.text)
        if key is None:
            return "denied"
        needed += [("kms:GenerateDataKey", key), ("kms:Decrypt", key)]
    for action, resource in needed:
        if not _judge(principal, action, resource, context, role_arn):
            return "denied"
    return None


# -- changes to moto, made as its modules are imported -----------------------------------------------------


def install() -> None:
    """Have moto ask before it delivers."""
    moto_adapter.after_import("moto.sns.models", _judge_subscriptions)
    moto_adapter.after_import("moto.s3.notifications", _judge_notifications)
    moto_adapter.after_import("moto.events.models", _judge_rules)


def _judge_subscriptions(models: ModuleType) -> None:
    """SNS to SQS."""
    publish = models.Subscription.publish

    def publish_where_allowed(self: Any, *message: Any, **details: Any) -> None:
        if self.protocol == "sqs":
            queue = arn_of(self.endpoint)
            if queue is None or objection(SNS, queue, self.topic.arn, self.topic.account_id):
                return
            # moto looks for the queue in this account: it is the queue's, whoever has the topic.
            self.account_id = queue.account
        publish(self, *message, **details)

    models.Subscription.publish = publish_where_allowed


def _judge_notifications(notifications: ModuleType) -> None:
    """S3 to SQS and SNS. (Notifications to functions are refused when they are asked for.)

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html
    """
    of_object, of_test = notifications._get_s3_event, notifications._get_test_event
    to_queue, to_topic = notifications._send_sqs_message, notifications._send_sns_message
    to_bus = notifications._send_event_bridge_message

    def deliver(account: str, bucket: Any, notification: Any, body: Any) -> None:
        target = arn_of(notification.arn)
        if target is None or objection(S3, target, bucket.arn, account):
            return
        if target.service == "sqs":
            to_queue(target.account, body, target.resource, target.region)
        else:
            to_topic(target.account, body, target.text, target.region)

    def send_event(account_id: str, event_name: Any, bucket: Any, key: Any) -> None:
        configuration = bucket.notification_configuration
        if configuration is None:
            return
        for notification in (*configuration.queue, *configuration.topic):
            if notification.matches(event_name, key.name):
                deliver(account_id, bucket, notification, of_object(event_name, bucket, key, notification.id))
        if configuration.event_bridge is not None:
            to_bus(account_id, bucket, event_name, key)

    def send_test_event(account_id: str, bucket: Any) -> None:
        configuration = bucket.notification_configuration
        # One to each destination, however often it is named.
        for notification in {each.arn: each for each in (*configuration.queue, *configuration.topic)}.values():
            deliver(account_id, bucket, notification, of_test(bucket.name))

    notifications.send_event = send_event  # type: ignore[attr-defined]
    notifications.send_test_event = send_test_event  # type: ignore[attr-defined]


def _judge_rules(models: ModuleType) -> None:
    """EventBridge to SQS and to other buses.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sqs-permissions,
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-perms.html
    """
    send = models.Rule.send_to_targets

    def send_where_allowed(self: Any, original_event: Any, transform_input: bool = True) -> None:
        if not self.event_pattern.matches_event(original_event):
            return
        for target in list(self.targets):
            arn = arn_of(target["Arn"])
            if arn is None or not _reaches(self, original_event, arn, target.get("RoleArn")):
                continue
            sender = copy.copy(self)
            sender.targets = [target]
            if arn.service == "sqs":
                # moto looks for the queue in the rule's account and Region.
                sender.account_id, sender.region_name = arn.account, arn.region
            send(sender, original_event, transform_input)

    models.Rule.send_to_targets = send_where_allowed


def _reaches(rule: Any, event: Mapping[str, Any], target: Arn, role_arn: str | None) -> bool:
    """Whether a rule's event gets to a target. Over accounts the target's policy is not enough: the rule needs a role.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-cross-account.html#eb-service-cross-account-permissions
    """
    role = arn_of(role_arn) if role_arn is not None else None
    if role_arn is not None and (role is None or role.account != rule.account_id):
        return False
    if target.service == "sqs":
        if target.account != rule.account_id and role is None:
            return False
        return objection(EVENTS, target, rule.arn, rule.account_id, role_arn) is None
    if target.service == "events" and target.resource.startswith("event-bus/"):
        if not moto_adapter.has_account(target.account) or moto_resources.event_bus(target) is None:
            return False
        if _judge is None or (target.account == rule.account_id and role is None):
            return True
        # Without a role another account's bus takes events as sent by the whole account.
        context = {
            "aws:SourceArn": rule.arn,
            "aws:SourceAccount": rule.account_id,
            "events:source": str(event.get("source", "")),
            "events:detail-type": str(event.get("detail-type", "")),
            "events:eventBusInvocation": "true",
        }
        return _judge(f"arn:aws:iam::{rule.account_id}:root", "events:PutEvents", target.text, context, role_arn)
    return True
