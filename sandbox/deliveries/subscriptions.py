"""What SNS refuses: subscriptions and their attributes, and messages of several texts, checked before they are kept.

https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html,
https://docs.aws.amazon.com/sns/latest/api/API_SetSubscriptionAttributes.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from sandbox.deliveries.filter_policies import InvalidPolicy, Scope, compile_policy
from sandbox.deliveries.sns_messages import text_for
from sandbox.gateway import moto_resources
from sandbox.gateway.call import AwsError, Call
from sandbox.gateway.moto_resources import arn_of

SCOPES = ("MessageAttributes", "MessageBody")
_FUNCTION = re.compile(r"arn:aws[\w-]*:lambda:[a-z0-9-]+:\d{12}:function:[\w-]{1,64}(:(\$LATEST|[\w-]+))?", re.ASCII)
_QUEUE = re.compile(r"arn:aws[\w-]*:sqs:[a-z0-9-]+:\d{12}:[\w-]{1,80}(\.fifo)?", re.ASCII)


def check_messaging(call: Call) -> None:
    """AwsError if a call of SNS asks for what SNS does not take; other calls pass."""
    topic = call.params.get("TopicArn") if call.service == "sns" else None
    if topic is not None and arn_of(str(topic)) is None:
        raise _invalid("TopicArn")
    check = _CHECKS.get((call.service, call.operation))
    if check is not None:
        check(call.params)


def _subscribe(params: Mapping[str, Any]) -> None:
    topic, protocol = str(params.get("TopicArn") or ""), str(params.get("Protocol") or "")
    endpoint, attributes = str(params.get("Endpoint") or ""), dict(params.get("Attributes") or {})
    if protocol == "lambda":
        if topic.endswith(".fifo"):
            # https://docs.aws.amazon.com/sns/latest/dg/fifo-message-delivery.html
            raise _invalid("Invalid protocol type: lambda")
        if not _FUNCTION.fullmatch(endpoint):
            raise _invalid("Lambda endpoint ARN")
    elif protocol == "sqs":
        if not _QUEUE.fullmatch(endpoint):
            raise _invalid("SQS endpoint ARN")
        if endpoint.endswith(".fifo") and not topic.endswith(".fifo"):
            raise _invalid(
                "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics"
            )
    else:
        return
    scope = attributes.get("FilterPolicyScope")
    for name, value in attributes.items():
        _check(name, str(value), protocol, topic, scope, "Attributes Reason: ")
    place = arn_of(topic)
    existing = moto_resources.subscription_of(place, protocol, endpoint) if place is not None else None
    if existing is not None and any(_differs(existing, name, value) for name, value in attributes.items()):
        raise _invalid("Attributes Reason: Subscription already exists with different attributes")


def _set_attributes(params: Mapping[str, Any]) -> None:
    arn, name = str(params.get("SubscriptionArn") or ""), str(params.get("AttributeName") or "")
    value = params.get("AttributeValue")
    place = arn_of(arn)
    subscription = moto_resources.subscription(place) if place is not None else None
    if subscription is None:
        return
    topic = str(subscription.topic_arn)
    scope = subscription.attributes.get("FilterPolicyScope")
    _check(name, str(value or ""), subscription.protocol, topic, scope, "")
    if name == "FilterPolicyScope" and subscription.attributes.get("FilterPolicy"):
        # A nested policy is none for attributes.
        _check("FilterPolicy", subscription.attributes["FilterPolicy"], "", topic, str(value), "")


def _publish(params: Mapping[str, Any]) -> None:
    structure = params.get("MessageStructure")
    if structure is None:
        return
    if structure != "json":
        raise _invalid("MessageStructure")
    try:
        text_for(str(params.get("Message") or ""), "default", structure)
    except ValueError as error:
        raise _invalid(str(error)) from error


_CHECKS: Mapping[tuple[str, str], Callable[[Mapping[str, Any]], None]] = {
    ("sns", "Publish"): _publish,
    ("sns", "SetSubscriptionAttributes"): _set_attributes,
    ("sns", "Subscribe"): _subscribe,
}


def _check(name: str, value: str, protocol: str, topic: str, scope: str | None, where: str) -> None:
    """`where` stands before the reason, and only Subscribe has it."""
    if name == "FilterPolicyScope":
        if value not in SCOPES:
            raise _invalid(
                f"{where}FilterPolicyScope: Invalid value [{value}]. Please use either {' or '.join(SCOPES)}"
            )
    elif name == "FilterPolicy":
        if not value:
            return
        try:
            compile_policy(value, cast(Scope, scope if scope in SCOPES else SCOPES[0]))
        except InvalidPolicy as error:
            raise _invalid(f"{where}FilterPolicy: {error}") from error
    elif name == "RawMessageDelivery":
        if value.lower() not in ("true", "false"):
            raise _invalid(f"{where}RawMessageDelivery: Invalid value [{value}]. Must be true or false.")
        if value.lower() == "true" and protocol != "sqs":
            raise _invalid(f"{where}Delivery protocol [{protocol}] does not support raw message delivery.")
    elif name == "RedrivePolicy" and value:
        _check_redrive(value, topic, where)
    elif name == "ReplayPolicy":
        raise _invalid(f"{where}ReplayPolicy: archives of topics are not built in coldstart")


def _check_redrive(value: str, topic: str, where: str) -> None:
    """https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html"""
    try:
        policy = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise _invalid(f"{where}RedrivePolicy: failed to parse JSON.") from error
    target = policy.get("deadLetterTargetArn") if isinstance(policy, dict) else None
    if not isinstance(target, str) or not _QUEUE.fullmatch(target):
        raise _invalid(f"{where}RedrivePolicy: deadLetterTargetArn is an invalid arn")
    if target.split(":")[3:5] != topic.split(":")[3:5]:
        raise _invalid(f"{where}RedrivePolicy: deadLetterTargetArn must be in the same account and Region")
    if target.endswith(".fifo") != topic.endswith(".fifo"):
        kind = "FIFO" if topic.endswith(".fifo") else "standard"
        raise _invalid(f"{where}RedrivePolicy: must use a {kind} queue as DLQ for a {kind} topic")


def _differs(subscription: Any, name: str, value: Any) -> bool:
    kept = subscription.attributes.get(name, SCOPES[0] if name == "FilterPolicyScope" else None)
    return str(kept).lower() != str(value).lower() if isinstance(kept, bool) else bool(kept != value)


def _invalid(reason: str) -> AwsError:
    return AwsError("InvalidParameter", f"Invalid parameter: {reason}", 400)
