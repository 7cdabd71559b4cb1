"""SQS: queues and their policies.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_SQS.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.templates.types.fitting import document, text
from sandbox.templates.types.resource_type import ResourceType, Work, refuse_existing

_ATTRIBUTES = (
    *("ContentBasedDeduplication", "DeduplicationScope", "DelaySeconds", "FifoQueue", "FifoThroughputLimit"),
    *("KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId", "MaximumMessageSize", "MessageRetentionPeriod"),
    *("ReceiveMessageWaitTimeSeconds", "RedriveAllowPolicy", "RedrivePolicy", "SqsManagedSseEnabled"),
    "VisibilityTimeout",
)
#: What an attribute goes back to when the template no longer gives it.
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
_DEFAULTS = {
    "DelaySeconds": "0",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "RedriveAllowPolicy": "",
    "RedrivePolicy": "",
    "VisibilityTimeout": "30",
    "KmsMasterKeyId": "",
}


def _attributes(work: Work) -> dict[str, str]:
    return {name: text(work[name]) for name in _ATTRIBUTES if work[name] is not None}


def _create_queue(work: Work) -> str:
    name = work.name("QueueName", 80, suffix=".fifo" if work["FifoQueue"] else "")
    if work["QueueName"] is not None:
        refuse_existing(name, lambda: work.call("sqs", "GetQueueUrl", QueueName=name))
    url = work.call("sqs", "CreateQueue", QueueName=name, Attributes=_attributes(work), tags=work.tags())["QueueUrl"]
    return str(url)


def _update_queue(work: Work) -> None:
    changed = [name for name in _ATTRIBUTES if name in work.changed]
    values = {name: text(work[name]) if work[name] is not None else _DEFAULTS.get(name) for name in changed}
    if values:
        given = {name: value for name, value in values.items() if value is not None}
        work.call("sqs", "SetQueueAttributes", QueueUrl=work.physical_id, Attributes=given)
    added, removed = work.tag_changes()
    if added:
        work.call("sqs", "TagQueue", QueueUrl=work.physical_id, Tags=added)
    if removed:
        work.call("sqs", "UntagQueue", QueueUrl=work.physical_id, TagKeys=removed)


def _queue_attributes(work: Work) -> Mapping[str, Any]:
    name = work.physical_id.rpartition("/")[2]
    return {"Arn": work.arn("sqs", name), "QueueName": name, "QueueUrl": work.physical_id}


QUEUE = ResourceType(
    "AWS::SQS::Queue",
    create=_create_queue,
    update=_update_queue,
    delete=lambda work: work.call("sqs", "DeleteQueue", QueueUrl=work.physical_id),
    attributes=_queue_attributes,
    named="QueueName",
)


def _set_policies(work: Work) -> None:
    for url in work["Queues"]:
        policy = {"Policy": document(work["PolicyDocument"])}
        work.call("sqs", "SetQueueAttributes", QueueUrl=url, Attributes=policy)
    for url in work.before.get("Queues", ()):
        if url not in work["Queues"]:
            work.call("sqs", "SetQueueAttributes", QueueUrl=url, Attributes={"Policy": ""})


def _create_policy(work: Work) -> str:
    _set_policies(work)
    return work.generated(128)


def _delete_policy(work: Work) -> None:
    for url in work["Queues"]:
        work.call("sqs", "SetQueueAttributes", QueueUrl=url, Attributes={"Policy": ""})


QUEUE_POLICY = ResourceType("AWS::SQS::QueuePolicy", create=_create_policy, update=_set_policies, delete=_delete_policy)

TYPES = (QUEUE, QUEUE_POLICY)
