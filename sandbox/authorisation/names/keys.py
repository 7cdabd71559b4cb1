"""How KMS and Secrets Manager name their resources in calls."""

from __future__ import annotations

from sandbox.authorisation.arns import in_partition
from sandbox.authorisation.look_up import LookUp
from sandbox.authorisation.names.maker import Maker, Paths
from sandbox.gateway.call import Call


def key_arn(call: Call, look_up: LookUp, given: str) -> str:
    """The ARN of a KMS key, given by id, ARN, or an alias's name or ARN. An unknown alias stands for itself.
    https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id"""
    found = look_up.arn(call.account, call.region, "kms:key", given)
    if found is not None:
        return found
    if given.startswith("arn:"):
        return given
    return in_partition(call, "kms", given if given.startswith("alias/") else f"key/{given}")


def _alias(call: Call, look_up: LookUp, given: str) -> str:
    return given if given.startswith("arn:") else in_partition(call, "kms", given)


def _key_of_alias(call: Call, look_up: LookUp, given: str) -> str | None:
    return look_up.arn(call.account, call.region, "kms:key", given)


def _secret(call: Call, look_up: LookUp, given: str) -> str:
    """A secret by name or ARN. AWS puts a hyphen and six characters behind the name; those of a secret that isn't there
    (yet) stand as `??????`, so that a policy on `...:secret:orders-??????` or `...:secret:orders-*` is about it.
    https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_iam-policies.html"""
    if call.operation != "CreateSecret":
        found = look_up.arn(call.account, call.region, "secretsmanager:Secret", given)
        if found is not None:
            return found
    if given.startswith("arn:"):
        return given
    return in_partition(call, "secretsmanager", f"secret:{given}-??????")


NAMES: dict[str, Paths] = {
    "kms:alias": ("AliasName",),
    "kms:key": ("KeyId", "TargetKeyId"),
    "secretsmanager:Secret": ("SecretId", "Name"),
}

RULES: dict[str, dict[str, Paths]] = {
    "kms:DeleteAlias": {"alias": ("AliasName",), "key": ("?", "AliasName")},
    "kms:RetireGrant": {"key": ("?", "KeyId")},
    # https://docs.aws.amazon.com/kms/latest/developerguide/alias-access.html: the key that the alias leaves, too.
    "kms:UpdateAlias": {"alias": ("AliasName",), "key": ("+TargetKeyId", "+AliasName")},
    "secretsmanager:ValidateResourcePolicy": {"Secret": ("?", "SecretId")},
}

MAKERS: dict[str, Maker] = {
    "kms:DeleteAlias/key": _key_of_alias,
    "kms:alias": _alias,
    "kms:key": key_arn,
    "secretsmanager:Secret": _secret,
}
