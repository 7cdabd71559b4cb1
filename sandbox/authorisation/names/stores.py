"""How DynamoDB, Kinesis, RDS, SNS and SQS name their resources in calls."""

from __future__ import annotations

import base64
import json

from sandbox.authorisation.arns import in_partition
from sandbox.authorisation.look_up import LookUp
from sandbox.authorisation.names.keys import key_arn
from sandbox.authorisation.names.maker import Maker, Paths
from sandbox.authorisation.parameters import text
from sandbox.gateway.call import Call


def _queue(call: Call, look_up: LookUp, given: str) -> str:
    """A queue by URL, name or ARN. The URL's host is the endpoint's; the account is in its path.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html"""
    if given.startswith("arn:"):
        return given
    parts = given.rstrip("/").split("/")
    owner = parts[-2] if len(parts) > 1 and len(parts[-2]) == 12 and parts[-2].isdigit() else call.account
    if call.operation == "GetQueueUrl":
        owner = text(call.params, "QueueOwnerAWSAccountId") or owner
    return in_partition(call, "sqs", parts[-1], account=owner)


def _moved_from(call: Call, look_up: LookUp, given: str) -> str | None:
    found = look_up.arn(call.account, call.region, "sqs:message-move-task", given)
    if found is not None:
        return found
    try:
        handle = json.loads(base64.b64decode(given + "=="))
    except (ValueError, RecursionError):
        return None
    source = handle.get("sourceArn") if isinstance(handle, dict) else None
    return source if isinstance(source, str) else None


def _topic(call: Call, look_up: LookUp, given: str) -> str:
    """A topic by name or ARN; a subscription's ARN is its topic's with an id behind."""
    if not given.startswith("arn:"):
        return in_partition(call, "sns", given)
    parts = given.split(":")
    return ":".join(parts[:6]) if len(parts) == 7 and "/" not in parts[5] else given


def _table(call: Call, look_up: LookUp, given: str) -> str:
    return given if given.startswith("arn:") else in_partition(call, "dynamodb", f"table/{given}")


def _index(call: Call, look_up: LookUp, given: str) -> str | None:
    table = text(call.params, "TableName")
    return None if table is None else f"{_table(call, look_up, table)}/index/{given}"


def _stream_of_iterator(call: Call, look_up: LookUp, given: str) -> str | None:
    """An iterator of DynamoDB Streams begins with its stream's ARN."""
    return given.partition("|")[0] if given.startswith("arn:") else None


def _kinesis_stream(call: Call, look_up: LookUp, given: str) -> str | None:
    if given.startswith("arn:"):
        return given
    if call.operation == "GetRecords":
        return look_up.arn(call.account, call.region, "kinesis:shard-iterator", given)
    return in_partition(call, "kinesis", f"stream/{given}")


def _consumer(call: Call, look_up: LookUp, given: str) -> str | None:
    if ":consumer/" in given or "/consumer/" in given:
        return given
    # Given by its stream and its name; the ARN ends in the second of its making.
    # https://docs.aws.amazon.com/streams/latest/dev/controlling-access.html
    name = text(call.params, "ConsumerName")
    if name is None:
        return None
    found = look_up.arn(call.account, call.region, "kinesis:consumer", f"{given}/{name}")
    return found or f"{given}/consumer/{name}:*"


NAMES: dict[str, Paths] = {
    "dynamodb:table": ("TableName", "TableArn"),
    "kinesis:stream": ("+StreamARN", "+StreamName"),
    "rds:auto-backup": ("DBInstanceAutomatedBackupsArn", "DbiResourceId"),
    "rds:cev.Engine": ("Engine",),
    "rds:cluster": (
        "DBClusterIdentifier",
        "DBClusterIdentifiers[]",
        "DbClusterIdentifier",
        "TargetDbClusterIdentifier",
    ),
    "rds:cluster-auto-backup": ("DbClusterResourceId",),
    "rds:cluster-endpoint": ("DBClusterEndpointIdentifier",),
    "rds:cluster-pg": ("DBClusterParameterGroupName", "TargetDBClusterParameterGroupName"),
    "rds:cluster-snapshot": ("DBClusterSnapshotIdentifier", "SnapshotIdentifier", "FinalDBSnapshotIdentifier"),
    "rds:db": (
        "DBInstanceIdentifier",
        "DBInstanceIdentifiers[]",
        "SourceDBInstanceIdentifier",
        "SourceDBInstanceArn",
        "TargetDBInstanceIdentifier",
    ),
    "rds:deployment": ("BlueGreenDeploymentIdentifier", "BlueGreenDeploymentName"),
    "rds:es": ("SubscriptionName",),
    "rds:global-cluster": ("GlobalClusterIdentifier",),
    "rds:integration": ("IntegrationIdentifier", "IntegrationName"),
    "rds:og": ("OptionGroupName",),
    "rds:pg": ("DBParameterGroupName", "TargetDBParameterGroupName"),
    "rds:proxy": ("DBProxyName",),
    "rds:proxy-endpoint": ("DBProxyEndpointName",),
    "rds:ri": ("ReservedDBInstanceId",),
    "rds:secgrp": ("DBSecurityGroupName", "DBSecurityGroups[]"),
    "rds:shardgrp": ("DBShardGroupIdentifier",),
    "rds:snapshot": ("DBSnapshotIdentifier",),
    "rds:subgrp": ("DBSubnetGroupName",),
    "rds:target-group": ("TargetGroupName", "=default"),
    "rds:tenant-database": ("TenantDBName",),
    "sns:topic": ("TopicArn", "SubscriptionArn"),
    "sqs:queue": ("QueueUrl", "QueueName", "SourceArn"),
}

_GLOBAL_TABLE: dict[str, Paths] = {"global-table": ("GlobalTableName",), "table": ("GlobalTableName",)}
_MAINTAINED: dict[str, Paths] = {"cluster": ("?", "ResourceIdentifier"), "db": ("?", "ResourceIdentifier")}
_INSIGHTS: dict[str, Paths] = {"table": ("TableName",), "index": ("?", "IndexName")}

RULES: dict[str, dict[str, Paths]] = {
    "dynamodb:CreateGlobalTable": _GLOBAL_TABLE,
    "dynamodb:DescribeContributorInsights": _INSIGHTS,
    "dynamodb:GetRecords": {"stream": ("ShardIterator",)},
    "dynamodb:ImportTable": {"table": ("TableCreationParameters.TableName",)},
    "dynamodb:RestoreTableFromBackup": {"backup": ("BackupArn",), "table": ("TargetTableName",)},
    "dynamodb:RestoreTableToPointInTime": {
        "table": ("+SourceTableArn", "+SourceTableName", "+TargetTableName"),
    },
    "dynamodb:SearchVectors": {"index": ("IndexName",)},
    "dynamodb:UpdateContributorInsights": _INSIGHTS,
    "dynamodb:UpdateGlobalTable": _GLOBAL_TABLE,
    "dynamodb:UpdateGlobalTableSettings": _GLOBAL_TABLE,
    "kinesis:DeregisterStreamConsumer": {"consumer": ("ConsumerARN", "StreamARN")},
    "kinesis:DescribeStreamConsumer": {"consumer": ("ConsumerARN", "StreamARN")},
    "kinesis:GetRecords": {"stream": ("StreamARN", "ShardIterator")},
    "rds:ApplyPendingMaintenanceAction": _MAINTAINED,
    "rds:CreateCustomDBEngineVersion": {"cev": ("=*",)},
    "rds:CreateTenantDatabase": {"db": ("DBInstanceIdentifier",), "tenant-database": ("=*",)},
    "rds:DeleteCustomDBEngineVersion": {"cev": ("=*",)},
    "rds:DeleteTenantDatabase": {"db": ("DBInstanceIdentifier",), "tenant-database": ("=*",)},
    "rds:DescribeDBInstanceAutomatedBackups": {"auto-backup": ("DBInstanceAutomatedBackupsArn", "DbiResourceId", "=*")},
    "rds:DescribePendingMaintenanceActions": _MAINTAINED,
    "rds:ModifyActivityStream": {"db": ("ResourceArn",)},
    "rds:ModifyCustomDBEngineVersion": {"cev": ("=*",)},
    "rds:ModifyTenantDatabase": {"db": ("DBInstanceIdentifier",), "tenant-database": ("=*",)},
    "rds:CopyDBClusterParameterGroup": {
        "cluster-pg": ("+SourceDBClusterParameterGroupIdentifier", "+TargetDBClusterParameterGroupIdentifier"),
    },
    "rds:CopyDBClusterSnapshot": {
        "cluster-snapshot": ("+SourceDBClusterSnapshotIdentifier", "+TargetDBClusterSnapshotIdentifier"),
    },
    "rds:CopyDBParameterGroup": {"pg": ("+SourceDBParameterGroupIdentifier", "+TargetDBParameterGroupIdentifier")},
    "rds:CopyDBSnapshot": {"snapshot": ("+SourceDBSnapshotIdentifier", "+TargetDBSnapshotIdentifier")},
    "rds:CopyOptionGroup": {"og": ("+SourceOptionGroupIdentifier", "+TargetOptionGroupIdentifier")},
    "rds:CreateDBInstanceReadReplica": {
        "db": ("+DBInstanceIdentifier", "+SourceDBInstanceIdentifier"),
        "cluster": ("?", "SourceDBClusterIdentifier"),
        "og": ("?", "OptionGroupName"),
        "pg": ("?", "DBParameterGroupName"),
        "subgrp": ("?", "DBSubnetGroupName"),
    },
    "rds:RestoreDBInstanceToPointInTime": {
        "db": ("+SourceDBInstanceIdentifier", "+TargetDBInstanceIdentifier"),
        "og": ("?", "OptionGroupName"),
        "pg": ("?", "DBParameterGroupName"),
        "subgrp": ("?", "DBSubnetGroupName"),
    },
    "rds:StartExportTask": {
        "cluster": ("?", "SourceArn"),
        "cluster-snapshot": ("?", "SourceArn"),
        "snapshot": ("?", "SourceArn"),
    },
    "sns:Publish": {"topic": ("?", "+TopicArn", "+TargetArn")},
    "sqs:CancelMessageMoveTask": {"queue": ("TaskHandle",)},
}

MAKERS: dict[str, Maker] = {
    "dynamodb:GetRecords/stream": _stream_of_iterator,
    "dynamodb:index": _index,
    "dynamodb:table": _table,
    "kinesis:consumer": _consumer,
    "kinesis:kmsKey": key_arn,
    "kinesis:stream": _kinesis_stream,
    "sns:topic": _topic,
    "sqs:CancelMessageMoveTask/queue": _moved_from,
    "sqs:queue": _queue,
}
