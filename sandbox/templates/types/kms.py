"""KMS: keys and their aliases.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_KMS.html
"""

from __future__ import annotations

import json
from typing import Any

from sandbox.templates.types import tagging
from sandbox.templates.types.fitting import document
from sandbox.templates.types.resource_type import Failed, ResourceType, Work

#: What a key is made as, it stays.
_FIXED = frozenset({"KeySpec", "KeyUsage", "MultiRegion", "Origin"})


def _true(value: Any, default: bool) -> bool:
    return default if value is None else str(value).lower() == "true"


def _note_for_later(work: Work) -> None:
    """Properties that have an effect when something else happens: a deletion, a rotation, a new policy."""
    for name in ("BypassPolicyLockoutSafetyCheck", "PendingWindowInDays", "RotationPeriodInDays"):
        work.properties.get(name)


def _create_key(work: Work) -> str:
    _note_for_later(work)
    policy = work["KeyPolicy"]
    answer = work.call(
        "kms",
        "CreateKey",
        Policy=document(policy) if policy is not None else None,
        BypassPolicyLockoutSafetyCheck=work["BypassPolicyLockoutSafetyCheck"],
        Description=work["Description"],
        KeySpec=work["KeySpec"],
        KeyUsage=work["KeyUsage"],
        MultiRegion=work["MultiRegion"],
        Origin=work["Origin"],
        Tags=[{"TagKey": key, "TagValue": value} for key, value in tagging.own(work.tags()).items()],
    )
    key = work.made(str(answer["KeyMetadata"]["KeyId"]))
    # Rotation can't be changed once the key is disabled.
    if _true(work["EnableKeyRotation"], False):
        _rotate(work)
    if not _true(work["Enabled"], True):
        work.call("kms", "DisableKey", KeyId=key)
    return key


def _rotate(work: Work) -> None:
    work.call(
        "kms", "EnableKeyRotation", KeyId=work.physical_id, RotationPeriodInDays=work["RotationPeriodInDays"] or 365
    )


def _update_key(work: Work) -> None:
    _note_for_later(work)
    key, changed = work.physical_id, work.changed
    fixed = sorted(changed & _FIXED)
    if fixed:
        raise Failed(f"{', '.join(fixed)} of a KMS key can't be changed.", "InvalidRequest")
    if "Enabled" in changed and _true(work["Enabled"], True):
        work.call("kms", "EnableKey", KeyId=key)
    if changed & {"EnableKeyRotation", "RotationPeriodInDays"}:
        if _true(work["EnableKeyRotation"], False):
            _rotate(work)
        elif "EnableKeyRotation" in changed:
            work.call("kms", "DisableKeyRotation", KeyId=key)
    if "Enabled" in changed and not _true(work["Enabled"], True):
        work.call("kms", "DisableKey", KeyId=key)
    if "KeyPolicy" in changed:
        work.call(
            "kms",
            "PutKeyPolicy",
            KeyId=key,
            PolicyName="default",
            Policy=document(work["KeyPolicy"]) if work["KeyPolicy"] is not None else _default_policy(work),
            BypassPolicyLockoutSafetyCheck=work["BypassPolicyLockoutSafetyCheck"],
        )
    if "Description" in changed:
        work.call("kms", "UpdateKeyDescription", KeyId=key, Description=work["Description"] or "")
    added, removed = work.tag_changes()
    if tagging.own(added):
        tags = [{"TagKey": name, "TagValue": value} for name, value in tagging.own(added).items()]
        work.call("kms", "TagResource", KeyId=key, Tags=tags)
    if removed:
        work.call("kms", "UntagResource", KeyId=key, TagKeys=removed)


def _default_policy(work: Work) -> str:
    """https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html"""
    statement = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{work.stack.partition}:iam::{work.stack.account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]})


def _delete_key(work: Work) -> None:
    state = work.call("kms", "DescribeKey", KeyId=work.physical_id)["KeyMetadata"]["KeyState"]
    if state != "PendingDeletion":
        days = work["PendingWindowInDays"] or 30
        work.call("kms", "ScheduleKeyDeletion", KeyId=work.physical_id, PendingWindowInDays=days)


KEY = ResourceType(
    "AWS::KMS::Key",
    create=_create_key,
    update=_update_key,
    delete=_delete_key,
    attributes=lambda work: {"Arn": work.arn("kms", f"key/{work.physical_id}"), "KeyId": work.physical_id},
)

ALIAS = ResourceType(
    "AWS::KMS::Alias",
    create=lambda work: _alias(work, "CreateAlias"),
    update=lambda work: _alias(work, "UpdateAlias"),
    delete=lambda work: work.call("kms", "DeleteAlias", AliasName=work.physical_id),
    named="AliasName",
)


def _alias(work: Work, operation: str) -> str:
    name = str(work["AliasName"])
    work.call("kms", operation, AliasName=name, TargetKeyId=work["TargetKeyId"])
    return name


TYPES = (KEY, ALIAS)
