"""SNS: topics, subscriptions and topic policies.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_SNS.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.templates.types.fitting import document, text
from sandbox.templates.types.resource_type import ResourceType, Unsupported, Work, refuse_existing

# -- topics ----------------------------------------------------------------------------------------------------

#: Properties that are attributes of a topic, and what they go back to.
#: https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html
_TOPIC = {
    "ContentBasedDeduplication": "false",
    "DisplayName": "",
    "FifoThroughputScope": "Topic",
    "KmsMasterKeyId": "",
    "SignatureVersion": "1",
}


def _refuse_tracing(work: Work) -> None:
    if work["TracingConfig"] not in (None, "PassThrough"):
        raise Unsupported(
            f"TracingConfig {work['TracingConfig']} is not supported by this sandbox: topics send no traces"
        )


def _create_topic(work: Work) -> str:
    _refuse_tracing(work)
    fifo = str(work["FifoTopic"]).lower() == "true"
    attributes = {name: text(work[name]) for name in _TOPIC if work[name] is not None}
    name = work.name("TopicName", 256, suffix=".fifo" if fifo else "")
    if work["TopicName"] is not None:
        refuse_existing(name, lambda: work.call("sns", "GetTopicAttributes", TopicArn=work.arn("sns", name)))
    if fifo:
        attributes["FifoTopic"] = "true"
    answer = work.call(
        "sns",
        "CreateTopic",
        Name=name,
        Attributes=attributes,
        Tags=work.tag_list(),
    )
    arn = work.made(str(answer["TopicArn"]))
    for protocol, endpoint in _inline(work.properties):
        work.call("sns", "Subscribe", TopicArn=arn, Protocol=protocol, Endpoint=endpoint)
    return arn


def _inline(properties: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(one["Protocol"], one["Endpoint"]) for one in properties.get("Subscription") or ()]


def _update_topic(work: Work) -> None:
    _refuse_tracing(work)
    arn, changed = work.physical_id, work.changed
    for name, default in _TOPIC.items():
        if name in changed:
            value = text(work[name]) if work[name] is not None else default
            work.call("sns", "SetTopicAttributes", TopicArn=arn, AttributeName=name, AttributeValue=value)
    before, after = _inline(work.before), _inline(work.properties)
    removed = [one for one in before if one not in after]
    if removed:
        pages = work.acting.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arn)
        for found in (one for page in pages for one in page["Subscriptions"]):
            if (found["Protocol"], found["Endpoint"]) in removed and found["SubscriptionArn"].startswith("arn:"):
                work.call("sns", "Unsubscribe", SubscriptionArn=found["SubscriptionArn"])
    for protocol, endpoint in after:
        if (protocol, endpoint) not in before:
            work.call("sns", "Subscribe", TopicArn=arn, Protocol=protocol, Endpoint=endpoint)
    tags, keys = work.tag_changes()
    if tags:
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        work.call("sns", "TagResource", ResourceArn=arn, Tags=listed)
    if keys:
        work.call("sns", "UntagResource", ResourceArn=arn, TagKeys=keys)


TOPIC = ResourceType(
    "AWS::SNS::Topic",
    create=_create_topic,
    update=_update_topic,
    delete=lambda work: work.call("sns", "DeleteTopic", TopicArn=work.physical_id),
    attributes=lambda work: {"TopicArn": work.physical_id, "TopicName": work.physical_id.rpartition(":")[2]},
    named="TopicName",
    refused={
        "ArchivePolicy": "messages are not archived",
        "DataProtectionPolicy": "messages are not searched for personal data",
        "DeliveryStatusLogging": "deliveries are not logged",
        "MaximumMessageSize": "a topic's limit can't be lowered",
    },
)


# -- subscriptions ---------------------------------------------------------------------------------------------

#: Properties that are attributes of a subscription, and what they go back to.
#: https://docs.aws.amazon.com/sns/latest/api/API_SetSubscriptionAttributes.html
_SUBSCRIPTION = {
    "DeliveryPolicy": "",
    # First: a filter is read by its scope.
    "FilterPolicyScope": "MessageAttributes",
    "FilterPolicy": "{}",
    "RawMessageDelivery": "false",
    "RedrivePolicy": "",
    "SubscriptionRoleArn": "",
}


def _in_region(work: Work) -> Any:
    """The client of the topic's Region, which may be another than the stack's."""
    named = (work["TopicArn"].split(":") + [""] * 4)[3]
    return work.acting.client("sns", work["Region"] or named or None)


def _create_subscription(work: Work) -> str:
    given = {name: text(work[name]) for name in _SUBSCRIPTION if work[name] is not None}
    endpoint = {} if work["Endpoint"] is None else {"Endpoint": str(work["Endpoint"])}
    answer = _in_region(work).subscribe(
        TopicArn=work["TopicArn"],
        Protocol=work["Protocol"],
        **endpoint,
        Attributes=given,
        ReturnSubscriptionArn=True,
    )
    return str(answer["SubscriptionArn"])


def _update_subscription(work: Work) -> None:
    changed = work.changed
    client = _in_region(work)
    if "FilterPolicyScope" in changed and work.before.get("FilterPolicy") is not None:
        # The filter there is may be none by the new scope.
        changed.add("FilterPolicy")
        _set_attribute(client, work, "FilterPolicy", _SUBSCRIPTION["FilterPolicy"])
    for name, default in _SUBSCRIPTION.items():
        if name in changed:
            _set_attribute(client, work, name, text(work[name]) if work[name] is not None else default)


def _set_attribute(client: Any, work: Work, name: str, value: str) -> None:
    client.set_subscription_attributes(SubscriptionArn=work.physical_id, AttributeName=name, AttributeValue=value)


SUBSCRIPTION = ResourceType(
    "AWS::SNS::Subscription",
    create=_create_subscription,
    update=_update_subscription,
    delete=lambda work: _in_region(work).unsubscribe(SubscriptionArn=work.physical_id),
    attributes=lambda work: {"Arn": work.physical_id},
    refused={"ReplayPolicy": "messages are not archived"},
)


# -- topic policies --------------------------------------------------------------------------------------------


def _set_policies(work: Work) -> None:
    policy = document(work["PolicyDocument"])
    for arn in work["Topics"]:
        work.call("sns", "SetTopicAttributes", TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
    for arn in work.before.get("Topics") or ():
        if arn not in work["Topics"]:
            _reset_policy(work, arn)


def _reset_policy(work: Work, arn: str) -> None:
    """Back to the policy that a new topic has.

    https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
    """
    account = arn.split(":")[4]
    actions = ("GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic",
               "Subscribe", "ListSubscriptionsByTopic", "Publish")  # fmt: skip
    policy = {
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [
            {
                "Sid": "__default_statement_ID",
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": [f"SNS:{action}" for action in actions],
                "Resource": arn,
                "Condition": {"StringEquals": {"AWS:SourceOwner": account}},
            }
        ],
    }
    work.call("sns", "SetTopicAttributes", TopicArn=arn, AttributeName="Policy", AttributeValue=document(policy))


def _create_policy(work: Work) -> str:
    _set_policies(work)
    return work.generated(128)


def _delete_policy(work: Work) -> None:
    for arn in work["Topics"]:
        _reset_policy(work, arn)


TOPIC_POLICY = ResourceType(
    "AWS::SNS::TopicPolicy",
    create=_create_policy,
    update=_set_policies,
    delete=_delete_policy,
    attributes=lambda work: {"Id": work.physical_id},
)

TYPES = (TOPIC, SUBSCRIPTION, TOPIC_POLICY)
