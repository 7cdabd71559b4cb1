"""The resource-based policies that moto's services keep, and those that AWS gives resources by itself.

tests/gateway/test_moto_contract.py holds what is used of moto here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from sandbox.gateway import moto_adapter, moto_iam, moto_resources
from sandbox.gateway.moto_resources import Arn, store


def _bucket_policy(arn: Arn) -> str | None:
    bucket = moto_resources.bucket(arn)
    policy = bucket.policy if bucket is not None else None
    return policy.decode("utf-8", "replace") if isinstance(policy, bytes) else policy


def _queue_policy(arn: Arn) -> str | None:
    """None until one is set: a new queue can be used by its own account alone.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-overview-of-managing-access.html
    """
    queue = moto_resources.queue(arn)
    return queue.policy if queue is not None else None


def _topic_policy(arn: Arn) -> str | None:
    """A new topic has one. It asks for aws:SourceOwner, a key that some AWS services bring and callers don't.

    https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
    """
    topic = moto_resources.topic(arn)
    return topic.policy if topic is not None else None


def _secret_policy(arn: Arn) -> str | None:
    return getattr(moto_resources.secret(arn), "policy", None)


def _bus_policy(arn: Arn) -> str | None:
    """It speaks of the rules on the bus too: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-perms.html"""
    bus = moto_resources.event_bus(arn)
    return bus.policy if bus is not None else None


def _table_policy(arn: Arn) -> str | None:
    """A table's policy covers its indexes; a stream has one of its own.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/access-control-resource-based.html
    """
    table = moto_resources.table(arn)
    if table is None:
        return None
    held_by = arn.text if "/stream/" in arn.resource else table.table_arn
    policy = store("dynamodb", arn.account, arn.region).resource_policies.get(held_by)
    return policy.policy_doc if policy is not None else None


def _stream_policy(arn: Arn) -> str | None:
    if moto_resources.stream(arn) is None:
        return None
    policy: str | None = store("kinesis", arn.account, arn.region).resource_policies.get(arn.text)
    return policy


def _repository_policy(arn: Arn) -> str | None:
    return getattr(moto_resources.repository(arn), "policy", None)


def _key_policy(arn: Arn) -> str | None:
    key = moto_resources.encryption_key(arn)
    if key is None:
        return None
    if any(name.startswith("alias/aws/") for name in key.aliases):
        return _policy_of_aws_key(key)
    return _with_grants(key) if key.grants else str(key.policy)


def _trust_policy(arn: Arn) -> str | None:
    role = moto_iam.identity(arn.text)
    return role.trust_policy if role is not None else None


_PRINCIPAL = re.compile(r"arn:aws:(iam|sts)::\d{12}:[\w+=,.@/-]+", re.ASCII)

#: By the service in a resource's ARN.
_POLICIES: Mapping[str, Callable[[Arn], str | None]] = {
    "dynamodb": _table_policy,
    "ecr": _repository_policy,
    "events": _bus_policy,
    "iam": _trust_policy,
    "kinesis": _stream_policy,
    "kms": _key_policy,
    "s3": _bucket_policy,
    "secretsmanager": _secret_policy,
    "sns": _topic_policy,
    "sqs": _queue_policy,
}


def policy(arn: Arn) -> str | None:
    """The text of the resource-based policy of a bucket or its objects, a queue, a key, a role (trust) and so on."""
    read = _POLICIES.get(arn.service)
    return read(arn) if read is not None else None


def _policy_of_aws_key(key: Any) -> str:
    """The policy of an AWS managed key, which nobody can change: use through its service, and looking at it.

    https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-key
    """
    service = next(name for name in key.aliases if name.startswith("alias/aws/")).rpartition("/")[2]
    through_service = {
        "kms:CallerAccount": key.account_id,
        "kms:ViaService": f"{service}.{key.region}.amazonaws.com",
    }
    use = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey"]
    look = ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"]
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Id": f"auto-{service}-1",
            "Statement": [
                {
                    "Sid": f"Allow access through {service} for all principals in the account that may use it",
                    "Effect": "Allow",
                    "Principal": {"AWS": "*"},
                    "Action": use,
                    "Resource": "*",
                    "Condition": {"StringEquals": through_service},
                },
                {
                    "Sid": "Allow direct access to key metadata to the account",
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{key.account_id}:root"},
                    "Action": look,
                    "Resource": "*",
                },
            ],
        }
    )


def _with_grants(key: Any) -> str:
    """The key policy with a statement for each grant: a grant allows its grantee as a key policy would.

    https://docs.aws.amazon.com/kms/latest/developerguide/grants.html
    """
    document = json.loads(key.policy)
    statements = document.get("Statement", [])
    statements = list(statements) if isinstance(statements, list) else [statements]
    for grant in list(key.grants.values()):
        if _PRINCIPAL.fullmatch(str(grant.grantee_principal)) is None:
            continue  # moto takes any text for one
        statement: dict[str, Any] = {
            "Sid": f"Grant{grant.id}",
            "Effect": "Allow",
            "Principal": {"AWS": grant.grantee_principal},
            "Action": [f"kms:{operation}" for operation in grant.operations],
            "Resource": "*",
        }
        # https://docs.aws.amazon.com/kms/latest/developerguide/create-grant-overview.html#grant-constraints
        exact = (grant.constraints or {}).get("EncryptionContextEquals")
        pairs = exact or (grant.constraints or {}).get("EncryptionContextSubset") or {}
        if pairs:
            condition: dict[str, Any] = {
                "StringEquals": {f"kms:EncryptionContext:{name}": value for name, value in pairs.items()}
            }
            if exact:
                condition["ForAllValues:StringEquals"] = {"kms:EncryptionContextKeys": list(exact)}
            statement["Condition"] = condition
        statements.append(statement)
    return json.dumps({**document, "Statement": statements})


# -- changes to moto, made as its modules are imported -----------------------------------------------------


def install() -> None:
    """Keep moto from judging by itself, and from keeping what is gone."""
    moto_adapter.after_import("moto.s3.models", _leave_buckets_to_us)
    moto_adapter.after_import("moto.kms.responses", _leave_keys_to_us)
    moto_adapter.after_import("moto.dynamodb.models", _forget_policies_of_tables)
    moto_adapter.after_import("moto.kinesis.models", _forget_policies_of_streams)


def _leave_buckets_to_us(models: ModuleType) -> None:
    """moto judges by bucket policies itself: without conditions, so that a Deny on insecure transport denies all."""

    def no_opinion(self: Any, action: str, resource: str) -> Any:
        from moto.iam.access_control import PermissionResult

        return PermissionResult.NEUTRAL

    models.FakeBucket.get_permission = no_opinion


def _leave_keys_to_us(responses: ModuleType) -> None:
    """moto judges by key policies itself, without conditions."""
    responses.validate_policy = lambda key, action: None  # type: ignore[attr-defined]


def _forget_policies_of_tables(models: ModuleType) -> None:
    """A table's policy goes with the table: moto would give it to the next of that name."""
    delete = models.DynamoDBBackend.delete_table

    def delete_table(self: Any, name: str) -> Any:
        deleted = delete(self, name)
        for arn in [arn for arn in self.resource_policies if f"{arn}/".startswith(f"{deleted.table_arn}/")]:
            del self.resource_policies[arn]
        return deleted

    models.DynamoDBBackend.delete_table = delete_table


def _forget_policies_of_streams(models: ModuleType) -> None:
    """A stream's policy goes with the stream."""
    delete = models.KinesisBackend.delete_stream

    def delete_stream(self: Any, stream_arn: str | None, stream_name: str | None) -> Any:
        deleted = delete(self, stream_arn, stream_name)
        for arn in [arn for arn in self.resource_policies if f"{arn}/".startswith(f"{deleted.arn}/")]:
            del self.resource_policies[arn]
        return deleted

    models.KinesisBackend.delete_stream = delete_stream
