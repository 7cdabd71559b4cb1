"""Kinesis: data streams.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kinesis-stream.html
"""

from __future__ import annotations

from typing import Any

from sandbox.templates.types.resource_type import Failed, ResourceType, Work

#: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_IncreaseStreamRetentionPeriod.html
_RETENTION_HOURS = 24
_ON_DEMAND = {"StreamMode": "ON_DEMAND"}
_PROVISIONED = {"StreamMode": "PROVISIONED"}


def _mode(work: Work) -> dict[str, Any]:
    given: dict[str, Any] | None = work["StreamModeDetails"]
    return given if given is not None else _PROVISIONED


def _create(work: Work) -> str:
    name = work.name("Name", 128)
    mode, shards = _mode(work), work["ShardCount"]
    if mode == _PROVISIONED and shards is None:
        shards = 1
    work.call("kinesis", "CreateStream", StreamName=name, ShardCount=shards, StreamModeDetails=mode)
    work.made(name)
    work.call("kinesis", "AddTagsToStream", StreamName=name, Tags=work.tags())
    if work["RetentionPeriodHours"] or work["StreamEncryption"]:
        # A stream that is being made can't be changed.
        _settle(work)
        _set_retention(work, _RETENTION_HOURS)
        if work["StreamEncryption"]:
            work.call("kinesis", "StartStreamEncryption", StreamName=name, **work["StreamEncryption"])
    return name


def _settle(work: Work) -> None:
    if not work.acting.wait(lambda: _active(work), 600):
        raise Failed(f"The stream {work.physical_id} did not become active", "NotStabilized")


def _active(work: Work) -> bool:
    answer = work.call("kinesis", "DescribeStreamSummary", StreamName=work.physical_id)
    return bool(answer["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE")


def _set_retention(work: Work, before: int) -> None:
    after = int(work["RetentionPeriodHours"] or _RETENTION_HOURS)
    if after != before:
        operation = "IncreaseStreamRetentionPeriod" if after > before else "DecreaseStreamRetentionPeriod"
        work.call("kinesis", operation, StreamName=work.physical_id, RetentionPeriodHours=after)


def _update(work: Work) -> None:
    name, changed = work.physical_id, work.changed
    if "StreamModeDetails" in changed:
        work.call("kinesis", "UpdateStreamMode", StreamARN=_arn(work), StreamModeDetails=_mode(work))
        _settle(work)
    if "ShardCount" in changed and _mode(work) == _PROVISIONED:
        shards = int(work["ShardCount"] or 1)
        work.call(
            "kinesis", "UpdateShardCount", StreamName=name, TargetShardCount=shards, ScalingType="UNIFORM_SCALING"
        )
        _settle(work)
    elif "ShardCount" in changed and work["ShardCount"] is not None:
        raise Failed("ShardCount can't be set on a stream in on-demand mode.", "InvalidRequest")
    if "RetentionPeriodHours" in changed:
        _set_retention(work, int(work.before.get("RetentionPeriodHours") or _RETENTION_HOURS))
        _settle(work)
    if "StreamEncryption" in changed:
        _change_encryption(work)
    added, removed = work.tag_changes()
    if added:
        work.call("kinesis", "AddTagsToStream", StreamName=name, Tags=added)
    if removed:
        work.call("kinesis", "RemoveTagsFromStream", StreamName=name, TagKeys=removed)


def _change_encryption(work: Work) -> None:
    before, after = work.before.get("StreamEncryption"), work["StreamEncryption"]
    if after is not None:
        work.call("kinesis", "StartStreamEncryption", StreamName=work.physical_id, **after)
    elif before is not None:
        work.call("kinesis", "StopStreamEncryption", StreamName=work.physical_id, **before)


def _arn(work: Work) -> str:
    return work.arn("kinesis", f"stream/{work.physical_id}")


STREAM = ResourceType(
    "AWS::Kinesis::Stream",
    create=_create,
    update=_update,
    delete=lambda work: work.call("kinesis", "DeleteStream", StreamName=work.physical_id, EnforceConsumerDeletion=True),
    attributes=lambda work: {"Arn": _arn(work)},
    named="Name",
    ready=_active,
    refused={
        "DesiredShardLevelMetrics": "shards have no metrics of their own",
        "MaxRecordSizeInKiB": "the size of records can't be raised",
        "RecordDistributionStrategy": "records go to shards by their keys alone",
        "WarmThroughputMiBps": "throughput is not limited",
    },
)

TYPES = (STREAM,)
