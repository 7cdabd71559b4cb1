"""DynamoDB: tables.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.templates.replacement import TypeRules
from sandbox.templates.types import tagging
from sandbox.templates.types.fitting import document
from sandbox.templates.types.resource_type import Failed, ResourceType, Unsupported, Work

#: Parts of properties that the sandbox could only write down.
_UNSUPPORTED_PARTS = {"OnDemandThroughput": "throughput is not limited"}

_DEFAULT_CLASS = "STANDARD"
_DAYS_OF_RECOVERY = 35


# -- what a request has of the template ------------------------------------------------------------------------


def _refuse_others(work: Work) -> None:
    insights = [work["ContributorInsightsSpecification"] or {}]
    for index in work["GlobalSecondaryIndexes"] or ():
        insights.append(index.get("ContributorInsightsSpecification") or {})
        for name, reason in _UNSUPPORTED_PARTS.items():
            if index.get(name):
                raise Unsupported(f"{name} of a global secondary index is not supported by this sandbox: {reason}")
    if any(str(one.get("Enabled")).lower() == "true" for one in insights):
        raise Unsupported("ContributorInsightsSpecification is not supported by this sandbox: nothing counts accesses")
    for name in ("ResourcePolicy", "Tags"):
        if (work["StreamSpecification"] or {}).get(name):
            raise Unsupported(f"{name} of StreamSpecification is not supported by this sandbox: streams have none here")


def _indexes(properties: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The global secondary indexes by their names, as the API takes them."""
    without = ("ContributorInsightsSpecification",)
    return {
        index["IndexName"]: {name: value for name, value in index.items() if name not in without}
        for index in properties.get("GlobalSecondaryIndexes") or ()
    }


def _encryption(specification: Any) -> dict[str, Any] | None:
    if specification is None:
        return None
    renamed = {**specification, "Enabled": specification["SSEEnabled"]}
    del renamed["SSEEnabled"]
    return renamed


def _stream(specification: Any) -> dict[str, Any] | None:
    return {"StreamEnabled": True, "StreamViewType": specification["StreamViewType"]} if specification else None


# -- create ----------------------------------------------------------------------------------------------------


def _create(work: Work) -> str:
    _refuse_others(work)
    indexes = list(_indexes(work.properties).values())
    answer = work.call(
        "dynamodb",
        "CreateTable",
        TableName=work.name("TableName", 255),
        AttributeDefinitions=work["AttributeDefinitions"],
        KeySchema=work["KeySchema"],
        BillingMode=work["BillingMode"],
        ProvisionedThroughput=work["ProvisionedThroughput"],
        GlobalSecondaryIndexes=indexes or None,
        LocalSecondaryIndexes=work["LocalSecondaryIndexes"] or None,
        StreamSpecification=_stream(work["StreamSpecification"]),
        SSESpecification=_encryption(work["SSESpecification"]),
        TableClass=work["TableClass"],
        DeletionProtectionEnabled=work["DeletionProtectionEnabled"],
        WarmThroughput=work["WarmThroughput"],
        Tags=tagging.own_list(work),
    )
    name = work.made(str(answer["TableDescription"]["TableName"]))
    if work["TimeToLiveSpecification"] and _true(work["TimeToLiveSpecification"].get("Enabled")):
        _set_time_to_live(work, work["TimeToLiveSpecification"])
    if work["PointInTimeRecoverySpecification"]:
        _set_recovery(work)
    if work["ResourcePolicy"]:
        _set_policy(work)
    return name


def _true(value: Any) -> bool:
    return str(value).lower() == "true"


def _set_time_to_live(work: Work, specification: Mapping[str, Any]) -> None:
    work.call("dynamodb", "UpdateTimeToLive", TableName=work.physical_id, TimeToLiveSpecification=specification)


def _set_recovery(work: Work) -> None:
    given = work["PointInTimeRecoverySpecification"] or {}
    enabled = _true(given.get("PointInTimeRecoveryEnabled", False))
    specification: dict[str, Any] = {"PointInTimeRecoveryEnabled": enabled}
    if enabled:
        specification["RecoveryPeriodInDays"] = given.get("RecoveryPeriodInDays", _DAYS_OF_RECOVERY)
    work.call(
        "dynamodb",
        "UpdateContinuousBackups",
        TableName=work.physical_id,
        PointInTimeRecoverySpecification=specification,
    )


def _set_policy(work: Work) -> None:
    arn = _arn(work)
    if work["ResourcePolicy"]:
        policy = document(work["ResourcePolicy"]["PolicyDocument"])
        work.call("dynamodb", "PutResourcePolicy", ResourceArn=arn, Policy=policy)
    else:
        work.call("dynamodb", "DeleteResourcePolicy", ResourceArn=arn)


def _arn(work: Work) -> str:
    return work.arn("dynamodb", f"table/{work.physical_id}")


# -- update ----------------------------------------------------------------------------------------------------


def _update(work: Work) -> None:
    _refuse_others(work)
    changed = work.changed
    _expect_no_replacement(work, changed)
    for parameters in _table_updates(work, changed):
        work.call("dynamodb", "UpdateTable", TableName=work.physical_id, **parameters)
    if "TimeToLiveSpecification" in changed:
        _change_time_to_live(work)
    if "PointInTimeRecoverySpecification" in changed:
        _set_recovery(work)
    if "ResourcePolicy" in changed:
        _set_policy(work)
    added, removed = work.tag_changes()
    if tagging.own(added):
        work.call("dynamodb", "TagResource", ResourceArn=_arn(work), Tags=tagging.pairs(tagging.own(added)))
    if removed:
        work.call("dynamodb", "UntagResource", ResourceArn=_arn(work), TagKeys=removed)


def _expect_no_replacement(work: Work, changed: set[str]) -> None:
    """A table keeps its keys, the types of its attributes and its local indexes: others need another table."""
    before = {one["AttributeName"]: one["AttributeType"] for one in work.before.get("AttributeDefinitions") or ()}
    after = {one["AttributeName"]: one["AttributeType"] for one in work["AttributeDefinitions"] or ()}
    retyped = any(before[name] != after[name] for name in before.keys() & after.keys())
    if retyped or changed & {"KeySchema", "LocalSecondaryIndexes"}:
        raise Failed(f"The table {work.physical_id} has to be replaced.", "NotUpdatable")


def _table_updates(work: Work, changed: set[str]) -> list[dict[str, Any]]:
    """The calls of UpdateTable: what AWS does not take together comes one after the other."""
    calls: list[dict[str, Any]] = []
    general: dict[str, Any] = {}
    if changed & {"BillingMode", "ProvisionedThroughput"}:
        general["BillingMode"] = work["BillingMode"] or "PROVISIONED"
        general["ProvisionedThroughput"] = work["ProvisionedThroughput"]
    if changed & {"AttributeDefinitions", "GlobalSecondaryIndexes"}:
        general["AttributeDefinitions"] = work["AttributeDefinitions"]
        general["GlobalSecondaryIndexUpdates"] = _index_updates(work) or None
    if "DeletionProtectionEnabled" in changed:
        general["DeletionProtectionEnabled"] = work["DeletionProtectionEnabled"] or False
    if general:
        calls.append(general)
    if "StreamSpecification" in changed:
        if work.before.get("StreamSpecification"):
            calls.append({"StreamSpecification": {"StreamEnabled": False}})
        if work["StreamSpecification"]:
            calls.append({"StreamSpecification": _stream(work["StreamSpecification"])})
    if "SSESpecification" in changed:
        calls.append({"SSESpecification": _encryption(work["SSESpecification"]) or {"Enabled": False}})
    if "TableClass" in changed:
        calls.append({"TableClass": work["TableClass"] or _DEFAULT_CLASS})
    if "WarmThroughput" in changed and work["WarmThroughput"]:
        calls.append({"WarmThroughput": work["WarmThroughput"]})
    return calls


def _index_updates(work: Work) -> list[dict[str, Any]]:
    before, after = _indexes(work.before), _indexes(work.properties)
    deleted = [{"Delete": {"IndexName": name}} for name in before if name not in after]
    created = [{"Create": index} for name, index in after.items() if name not in before]
    updated, rebuilt = [], False
    for name in before.keys() & after.keys():
        if any(before[name].get(part) != after[name].get(part) for part in ("KeySchema", "Projection")):
            rebuilt = True
        elif before[name] != after[name]:
            parts = ("ProvisionedThroughput", "WarmThroughput")
            given = {part: after[name][part] for part in parts if part in after[name]}
            if given:
                updated.append({"Update": {"IndexName": name, **given}})
    if rebuilt or len(deleted) + len(created) > 1:
        # In CloudFormation's words, as users report them.
        raise Failed("Cannot perform more than one GSI creation or deletion in a single update", "InvalidRequest")
    return [*deleted, *created, *updated]


def _change_time_to_live(work: Work) -> None:
    before, after = work.before.get("TimeToLiveSpecification") or {}, work["TimeToLiveSpecification"] or {}
    if _true(after.get("Enabled")):
        _set_time_to_live(work, after)
    elif _true(before.get("Enabled")):
        _set_time_to_live(work, {"AttributeName": before["AttributeName"], "Enabled": False})


# -- the type --------------------------------------------------------------------------------------------------


def _describe(work: Work) -> Mapping[str, Any]:
    table: Mapping[str, Any] = work.call("dynamodb", "DescribeTable", TableName=work.physical_id)["Table"]
    return table


def _active(work: Work) -> bool:
    table = _describe(work)
    indexes = table.get("GlobalSecondaryIndexes") or ()
    return table["TableStatus"] == "ACTIVE" and all(index["IndexStatus"] == "ACTIVE" for index in indexes)


def _attributes(work: Work) -> Mapping[str, Any]:
    found: dict[str, Any] = {"Arn": _arn(work)}
    if work["StreamSpecification"]:
        found["StreamArn"] = _describe(work)["LatestStreamArn"]
    return found


TABLE = ResourceType(
    "AWS::DynamoDB::Table",
    create=_create,
    update=_update,
    delete=lambda work: work.call("dynamodb", "DeleteTable", TableName=work.physical_id),
    attributes=_attributes,
    named="TableName",
    ready=_active,
    # The schema has no rule for the attributes and the local indexes, which a table can't change either.
    rules=TypeRules(
        {
            "TableName": "Always",
            "ImportSourceSpecification": "Always",
            "AttributeDefinitions": "Conditionally",
            "KeySchema": "Conditionally",
            "LocalSecondaryIndexes": "Conditionally",
        }
    ),
    refused={
        "ImportSourceSpecification": "tables are not filled from S3",
        "KinesisStreamSpecification": "changes of items are not sent to Kinesis",
        "OnDemandThroughput": _UNSUPPORTED_PARTS["OnDemandThroughput"],
        "VectorIndexes": "there are no vector indexes",
    },
)

TYPES = (TABLE,)
