"""What moto delivers from one service to another, judged as AWS judges it: by the policies of where it goes.

A topic's messages for a queue or a function, a bucket's notifications, a rule's events: AWS sends them as the service
itself (`sns.amazonaws.com`), and the policy of the queue, topic or function must let it. What is not allowed is not
delivered, and nobody is told: the publisher's call succeeds. (In AWS the metrics of the sender count it:
NumberOfNotificationsFailed of a topic, FailedInvocations of a rule; with delivery status logging a topic's log group
has the 403.)

tests/gateway/test_moto_contract.py holds what is used of moto here.
"""

from __future__ import annotations

import importlib
import json
import logging
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Literal, Protocol
from weakref import WeakKeyDictionary

from sandbox.deliveries import filter_policies, s3_events, sns_messages
from sandbox.deliveries.bucket_notifications import BucketNotifications
from sandbox.gateway import moto_adapter, moto_events, moto_names, moto_resources
from sandbox.gateway.call import AwsError, Call, Principal
from sandbox.gateway.moto_resources import Arn, arn_of

log = logging.getLogger(__name__)

SNS = "sns.amazonaws.com"
S3 = "s3.amazonaws.com"
EVENTS = "events.amazonaws.com"


class Judge(Protocol):
    """Whether `principal` (a service's name, or the ARN of an account's root) may deliver; with a role, that role.

    `also` is a second name that a policy may have the resource by.
    """

    def __call__(
        self,
        principal: str,
        action: str,
        resource: str,
        context: Mapping[str, str],
        role_arn: str | None = None,
        *,
        also: str | None = None,
    ) -> bool: ...


_judge: Judge | None = None


def judge_by(judge: Judge | None) -> None:
    """Let `judge` decide all deliveries from now on; with None everything that can be delivered is."""
    global _judge
    _judge = judge


class Functions(Protocol):
    """The functions of this sandbox, by the ARN of a function, version or alias."""

    def has(self, arn: str) -> bool: ...

    def send(self, arn: str, payload: bytes, trace: str) -> None:
        """Put an event into the function's asynchronous queue; `trace` is an X-Amzn-Trace-Id header."""


_functions: Functions | None = None


def deliver_to(functions: Functions | None) -> None:
    """Let functions be reached from now on; with None there are none."""
    global _functions
    _functions = functions


class _Cause(threading.local):
    """The call that this thread lets moto answer."""

    call: Call | None = None


_cause = _Cause()
_notifications: WeakKeyDictionary[Any, BucketNotifications] = WeakKeyDictionary()
_sequencers = s3_events.Sequencers()


@contextmanager
def caused_by(call: Call) -> Iterator[None]:
    """What moto delivers meanwhile, it delivers because of `call`."""
    before, _cause.call = _cause.call, call
    try:
        yield
    finally:
        _cause.call = before


def invoke(function: Arn, event: Mapping[str, Any]) -> bool:
    """Queue an event for a function, as asynchronous invocation does; whether there was one to take it."""
    if _functions is None:
        return False
    trace = _cause.call.trace if _cause.call is not None else ""
    try:
        _functions.send(function.text, json.dumps(event).encode(), trace)
    except AwsError as error:
        log.warning("%s did not take an event: %s", function.text, error)
        return False
    return True


Objection = Literal["absent", "denied"]


_ACTIONS = {"lambda": "lambda:InvokeFunction", "sns": "sns:Publish", "sqs": "sqs:SendMessage"}


def objection(
    principal: str,
    target: Arn,
    source_arn: str,
    source_account: str,
    role_arn: str | None = None,
    *,
    owner: str | None = None,
) -> Objection | None:
    """Why a queue, topic or function does not take what a service delivers from a source; None if it does.

    `owner` is there for services that bring aws:SourceOwner, the key that a topic's first policy asks for: with it an
    alarm reaches the topics of its own account.
    One that is encrypted with a customer's key needs the key's policy too; AWS's own key can't be used by a service.
    https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html,
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html#compatibility-with-aws-services
    """
    kept: Any = None
    if target.service == "lambda":
        if _functions is None or not _functions.has(target.text):
            return "absent"
    else:
        kept = moto_resources.queue(target) if target.service == "sqs" else moto_resources.topic(target)
        if kept is None:
            return "absent"
    if _judge is None:
        return None
    context = {"aws:SourceArn": source_arn, "aws:SourceAccount": source_account}
    if owner is not None:
        context["aws:SourceOwner"] = owner
    needed = [(_ACTIONS[target.service], target.text)]
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
    moto_adapter.after_import("moto.sns.models", _deliver_messages)
    moto_adapter.after_import("moto.s3.notifications", _deliver_notifications)
    moto_adapter.after_import("moto.s3.models", _tell_of_deletions)


def _deliver_messages(models: ModuleType) -> None:
    """SNS to SQS and Lambda: the filter, the text, the judgement, the way, and the dead-letter queue."""

    def publish_to_all(
        self: Any,
        message: str,
        subject: str | None = None,
        message_attributes: dict[str, Any] | None = None,
        group_id: str | None = None,
        deduplication_id: str | None = None,
        message_structure: str | None = None,
    ) -> str:
        message_id = str(uuid.uuid4())
        # moto itself would stop after a page of subscriptions, and keep all messages.
        for subscription in self.sns_backend._get_topic_subscriptions(self):
            subscription.publish(
                message, message_id, subject, message_attributes, group_id, deduplication_id, message_structure
            )
        return message_id

    def publish(
        self: Any,
        message: str,
        message_id: str,
        subject: str | None = None,
        message_attributes: dict[str, Any] | None = None,
        group_id: str | None = None,
        deduplication_id: str | None = None,
        message_structure: str | None = None,
    ) -> None:
        text = sns_messages.text_for(message, self.protocol, message_structure)
        attributes = message_attributes or {}
        policy = self.attributes.get("FilterPolicy")
        if policy:
            scope = self.attributes.get("FilterPolicyScope") or "MessageAttributes"
            if not filter_policies.compile_policy(policy, scope)(text, attributes):
                return
        notification = sns_messages.Notification(
            topic_arn=self.topic.arn,
            subscription_arn=self.arn,
            message_id=message_id,
            message=text,
            at=models.unix_time(),
            subject=subject,
            attributes=attributes,
            signature_version=str(getattr(self.topic, "signature_version", None) or "1"),
        )
        order = {"group_id": group_id, "deduplication_id": deduplication_id}
        if _hand_over(self, notification, order):
            return
        dead_letters = _dead_letter_queue(self)
        if dead_letters is None or objection(SNS, dead_letters, self.topic.arn, self.topic.account_id):
            return
        _queue_message(dead_letters, notification, bool(self.attributes.get("RawMessageDelivery")), order)

    models.Topic.publish = publish_to_all
    models.Subscription.publish = publish
    # sandbox/deliveries/subscriptions.py has checked it, by the whole language.
    models.SNSBackend._validate_filter_policy = lambda self, value, scope: None


def _hand_over(subscription: Any, notification: sns_messages.Notification, order: Mapping[str, Any]) -> bool:
    """Whether a message got to a subscription's endpoint. SNS does not try again where it may not or can't send.

    https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html#why-do-message-deliveries-fail
    """
    topic, target = subscription.topic, arn_of(subscription.endpoint)
    if target is None or objection(SNS, target, topic.arn, topic.account_id):
        return False
    if target.service == "lambda":
        return invoke(target, sns_messages.records(notification))
    return _queue_message(target, notification, bool(subscription.attributes.get("RawMessageDelivery")), order)


def _dead_letter_queue(subscription: Any) -> Arn | None:
    policy = subscription.attributes.get("RedrivePolicy")
    return arn_of(str(json.loads(policy).get("deadLetterTargetArn", ""))) if policy else None


def _queue_message(queue: Arn, notification: sns_messages.Notification, raw: bool, order: Mapping[str, Any]) -> bool:
    body = notification.message if raw else sns_messages.envelope(notification)
    attributes = {name: _queue_attribute(each) for name, each in notification.attributes.items()} if raw else None
    return _send_message(queue, body, message_attributes=attributes, validate_group_id=False, **order)


def _queue_attribute(attribute: Mapping[str, Any]) -> dict[str, str]:
    kind = str(attribute["Type"])
    member = "BinaryValue" if kind.startswith("Binary") else "StringValue"
    return {"DataType": kind, member: str(attribute["Value"])}


def _send_message(queue: Arn, body: str, **details: Any) -> bool:
    """Whether moto's SQS took a message for a queue: it looks for it where it is, whoever sends."""
    backends = importlib.import_module("moto.sqs.models").sqs_backends
    try:
        backends[queue.account][queue.region].send_message(queue.resource, body, **details)
    except Exception as error:
        log.warning("%s did not take a message: %s", queue.text, error)
        return False
    return True


def notifications_of(bucket: Any) -> BucketNotifications:
    """What one of moto's buckets is to notify."""
    return _notifications.get(bucket, BucketNotifications())


def set_notifications(bucket: Any, notifications: BucketNotifications) -> None:
    _notifications[bucket] = notifications


def send_test_messages(bucket: Any, request_id: str, at: float) -> None:
    """Try the queues and topics that a bucket is to notify: one message to each, however often it is named."""
    body = s3_events.test_message(bucket.name, request_id, at)
    for text in {each.arn: None for each in notifications_of(bucket).notifications}:
        target = arn_of(text)
        if target is not None and target.service != "lambda":
            _notify(bucket, target, body)


def _notify(bucket: Any, target: Arn, body: Mapping[str, Any]) -> None:
    """S3 to SQS, SNS and Lambda.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html
    """
    if objection(S3, target, bucket.arn, bucket.account_id):
        return
    if target.service == "lambda":
        invoke(target, body)
    elif target.service == "sqs":
        _send_message(target, json.dumps(body))
    else:
        topic = moto_resources.topic(target)
        if topic is not None:
            topic.publish(json.dumps(body), subject="Amazon S3 Notification")


def _deliver_notifications(notifications: ModuleType) -> None:
    def send_event(account_id: str, event_name: Any, bucket: Any, key: Any) -> None:
        # moto tells of deletions as of tags and of parts that belong to another call; each call has its one event.
        call = _cause.call
        event = str(event_name.value)
        if call is not None and s3_events.RAISED.get(call.operation) == event:
            size = key.size if event.startswith(("s3:ObjectCreated", "s3:ObjectRestore")) else None
            version = key.version_id if bucket.is_versioned else ""
            _tell(call, bucket, event, key.name, size=size, etag=key.etag.strip('"'), version=str(version))

    notifications.send_event = send_event  # type: ignore[attr-defined]


def _tell_of_deletions(models: ModuleType) -> None:
    """moto knows of one event for some of them only."""
    delete = models.S3Backend.delete_object

    def delete_and_tell(
        self: Any, bucket_name: str, key_name: str, version_id: str | None = None, bypass: bool = False
    ) -> Any:
        bucket = self.get_bucket(bucket_name)
        before = [str(each.version_id) for each in bucket.keys.getlist(key_name, [])]
        done, answer = delete(self, bucket_name, key_name, version_id, bypass)
        call = _cause.call
        if not done or call is None:
            return done, answer
        if not bucket.is_versioned:
            _tell(call, bucket, s3_events.DELETED, key_name)
        elif version_id is None:
            version = str(answer.get("version-id", ""))
            _tell(call, bucket, s3_events.MARKER_CREATED, key_name, etag=_EMPTY_ETAG, version=version)
        elif str(version_id) in before:
            _tell(call, bucket, s3_events.DELETED, key_name, version=str(version_id))
        return done, answer

    models.S3Backend.delete_object = delete_and_tell


#: The MD5 of nothing, which delete markers have.
_EMPTY_ETAG = "d41d8cd98f00b204e9800998ecf8427e"


def _tell(
    call: Call,
    bucket: Any,
    event: str,
    key: str,
    *,
    size: int | None = None,
    etag: str | None = None,
    version: str = "",
) -> None:
    """Tell all who are to know of what a call did to an object."""
    configuration = notifications_of(bucket)
    matching = list(configuration.matching(event, key))
    if not matching and not configuration.event_bridge:
        return
    at = call.time.timestamp()
    change = s3_events.Change(
        event=event,
        bucket=bucket.name,
        owner=bucket.account_id,
        region=bucket.region_name,
        key=key,
        at=at,
        size=size,
        etag=etag,
        version=version,
        user=_user(call.principal),
        requester=call.principal.account or call.principal.arn,
        source_ip=call.source_ip,
        request_id=call.request_id,
        operation=call.operation,
        sequencer=_sequencers.next(at),
    )
    for notification in matching:
        target = arn_of(notification.arn)
        if target is not None:
            _notify(bucket, target, s3_events.records(change, notification.id))
    if configuration.event_bridge:
        _tell_event_bridge(change)


def _user(principal: Principal) -> str:
    if principal.kind == "Anonymous":
        return "Anonymous"
    return s3_events.owner_id(principal.account) if principal.kind == "Root" else f"AWS:{principal.user_id}"


def _tell_event_bridge(change: s3_events.Change) -> None:
    """S3 to the default bus: https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html"""
    detail_type, detail = s3_events.bus_event(change)
    moto_events.announce(
        "aws.s3",
        detail_type,
        detail,
        account=change.owner,
        region=change.region,
        resources=(change.bucket_arn,),
        at=change.at,
    )
