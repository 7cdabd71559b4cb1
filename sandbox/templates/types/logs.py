"""CloudWatch Logs: log groups.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Logs.html
"""

from __future__ import annotations

from sandbox.templates.types.resource_type import ResourceType, Unsupported, Work


def _refuse_others(work: Work) -> None:
    # What they say by default is true here.
    if work["LogGroupClass"] not in (None, "STANDARD"):
        raise Unsupported(f"LogGroupClass {work['LogGroupClass']} is not supported by this sandbox")
    for name in ("BearerTokenAuthenticationEnabled", "DeletionProtectionEnabled"):
        if work[name]:
            raise Unsupported(f"{name} is not supported by this sandbox")


def _create(work: Work) -> str:
    _refuse_others(work)
    name = work.name("LogGroupName", 512)
    work.call("logs", "CreateLogGroup", logGroupName=name, tags=work.tags())
    work.made(name)
    if work["RetentionInDays"] is not None:
        work.call("logs", "PutRetentionPolicy", logGroupName=name, retentionInDays=work["RetentionInDays"])
    return name


def _update(work: Work) -> None:
    _refuse_others(work)
    name = work.physical_id
    if "RetentionInDays" in work.changed:
        if work["RetentionInDays"] is None:
            work.call("logs", "DeleteRetentionPolicy", logGroupName=name)
        else:
            work.call("logs", "PutRetentionPolicy", logGroupName=name, retentionInDays=work["RetentionInDays"])
    added, removed = work.tag_changes()
    arn = work.arn("logs", f"log-group:{name}")
    if added:
        work.call("logs", "TagResource", resourceArn=arn, tags=added)
    if removed:
        work.call("logs", "UntagResource", resourceArn=arn, tagKeys=removed)


LOG_GROUP = ResourceType(
    "AWS::Logs::LogGroup",
    create=_create,
    update=_update,
    delete=lambda work: work.call("logs", "DeleteLogGroup", logGroupName=work.physical_id),
    attributes=lambda work: {"Arn": work.arn("logs", f"log-group:{work.physical_id}:*")},
    named="LogGroupName",
    refused={
        "DataProtectionPolicy": "log events are not masked",
        "FieldIndexPolicies": "there is no query engine that would use indexes",
        "KmsKeyId": "log events are not encrypted",
        "ResourcePolicyDocument": "log groups have no resource policies here",
    },
)

TYPES = (LOG_GROUP,)
