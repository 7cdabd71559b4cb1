"""From the names by which callers speak of resources to ARNs, and to the keys that encrypt them, in moto's state.

tests/gateway/test_moto_contract.py holds what is used of moto here.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from sandbox.gateway import moto_adapter, moto_iam, moto_resources
from sandbox.gateway.moto_resources import arn_of, store

#: AWS's own keys have aliases that begin so: who uses a service uses them without leave.
_AWS_ALIAS = "alias/aws/"


def secret(account: str, region: str, given: str) -> str | None:
    """The ARN of a secret, with the six characters that AWS puts behind its name; `given` is its name or ARN.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html#ARN_secretnamehyphen
    """
    arn = arn_of(given)
    if arn is None:
        kept, name = store("secretsmanager", account, region), given
    else:
        if moto_resources.secret(arn) is not None:
            return given
        kept, name = store("secretsmanager", arn.account, arn.region), arn.resource.removeprefix("secret:")
    found = dict.get(kept.secrets, name) if kept is not None else None
    return str(found.arn) if found is not None else None


def key(account: str, region: str, given: str) -> str | None:
    """The ARN of the KMS key with this id, ARN or alias (`alias/orders`, or the alias's ARN)."""
    found = _key(account, region, given)
    return str(found.arn) if found is not None else None


def _key(account: str, region: str, given: str) -> Any:
    arn = arn_of(given)
    if arn is not None:
        account, region, given = arn.account, arn.region, arn.resource.removeprefix("key/")
    kept = store("kms", account, region)
    if kept is None:
        return None
    if given.startswith("alias/"):
        return next((each for each in list(kept.keys.values()) if given in each.aliases), None)
    return kept.keys.get(given)


def key_of_ciphertext(region: str, given: str) -> str | None:
    """The ARN of the key that encrypted a CiphertextBlob, which is given as Latin-1."""
    return moto_adapter.key_of_ciphertext(given.encode("latin-1", "replace"), region)


def owner_of_access_key(given: str) -> str | None:
    """The ARN of the user with this access key."""
    found = moto_adapter.find_key(given)
    return found.user_arn if found is not None else None


def role_of_instance_profile(account: str, given: str) -> str | None:
    """The ARN of the role in an instance profile."""
    kept = moto_iam.iam_of(account)
    profile = kept.instance_profiles.get(given) if kept is not None else None
    return next((str(role.arn) for role in profile.roles), None) if profile is not None else None


def stream_of_iterator(account: str, region: str, given: str) -> str | None:
    """The ARN of the Kinesis stream that a shard iterator reads."""
    kept = store("kinesis", account, region)
    try:
        name = base64.b64decode(given).decode().partition(":")[0]
    except (binascii.Error, ValueError):
        return None
    found = kept.streams.get(name) if kept is not None else None
    return str(found.arn) if found is not None else None


def consumer(given: str) -> str | None:
    """The ARN of a stream's consumer; `given` is `STREAM-ARN/NAME`."""
    stream_arn, _, name = given.rpartition("/")
    arn = arn_of(stream_arn)
    found = moto_resources.stream(arn) if arn is not None else None
    if found is None:
        return None
    return next((str(each.consumer_arn) for each in list(found.consumers) if each.consumer_name == name), None)


def security_group(account: str, region: str, given: str) -> str | None:
    """The ARN of a security group of this name, in whichever VPC."""
    kept = store("ec2", account, region)
    groups = (group for vpc in list(kept.groups.values()) for group in vpc.values()) if kept is not None else ()
    found = next((group.id for group in groups if group.name == given), None)
    return f"arn:aws:ec2:{region}:{account}:security-group/{found}" if found is not None else None


def associated(account: str, region: str, kind: str, given: str) -> str | None:
    """The ARN of the route table (`kind` route-table) or the subnet in the association of the two with this id."""
    kept = store("ec2", account, region)
    for table in list(kept.route_tables.values()) if kept is not None else ():
        if given in table._associations:
            found = table.id if kind == "route-table" else table._associations[given]
            return f"arn:aws:ec2:{region}:{account}:{kind}/{found}"
    return None


def elastic_ip(account: str, region: str, given: str) -> str | None:
    """The ARN of an elastic IP address."""
    kept = store("ec2", account, region)
    addresses = list(kept.addresses) if kept is not None else []
    found = next((each.allocation_id for each in addresses if each.public_ip == given), None)
    return f"arn:aws:ec2:{region}:{account}:elastic-ip/{found}" if found is not None else None


def launch_template(account: str, region: str, given: str) -> str | None:
    """The ARN of a launch template."""
    kept = store("ec2", account, region)
    found = kept.launch_template_name_to_ids.get(given) if kept is not None else None
    return f"arn:aws:ec2:{region}:{account}:launch-template/{found}" if found is not None else None


def partition_key(table_arn: str, index: str | None) -> str | None:
    """The name of the partition key of a table, or of one of its indexes; None if there is no such table or index."""
    arn = arn_of(table_arn)
    table = moto_resources.table(arn) if arn is not None else None
    if table is None:
        return None
    if index is None:
        return str(table.hash_key_attr)
    for each in (*table.indexes, *table.global_indexes):
        if each.name == index:
            hashed = (element["AttributeName"] for element in each.schema if element["KeyType"] == "HASH")
            return next(hashed, None)
    return None


def encryption_key(text: str) -> str | None:
    """The ARN of the customer's key that encrypts a secret, parameter, queue, topic, bucket (its default) or object.

    None where AWS's own keys do.
    """
    arn = arn_of(text)
    named = _named_key(arn) if arn is not None else None
    if arn is None or not named:
        return None
    account = moto_adapter.bucket_account(arn.resource.partition("/")[0]) or "" if arn.service == "s3" else arn.account
    region = moto_resources.bucket(arn).region_name if arn.service == "s3" else arn.region
    found = _key(account, region, named)
    if found is None or any(alias.startswith(_AWS_ALIAS) for alias in found.aliases):
        return None
    return str(found.arn)


def _named_key(arn: moto_resources.Arn) -> str | None:
    """The key (id, ARN or alias) that a resource says it is encrypted with."""
    if arn.service == "secretsmanager":
        return getattr(moto_resources.secret(arn), "kms_key_id", None)
    if arn.service == "sqs":
        return getattr(moto_resources.queue(arn), "kms_master_key_id", None)
    if arn.service == "sns":
        return getattr(moto_resources.topic(arn), "kms_master_key_id", None)
    if arn.service == "ssm":
        kept = store("ssm", arn.account, arn.region)
        name = arn.resource.removeprefix("parameter/")
        versions = dict.get(kept._parameters, f"/{name}") or dict.get(kept._parameters, name) if kept else None
        return getattr(versions[-1], "keyid", None) if versions else None
    if arn.service == "s3":
        if "/" in arn.resource:
            found = moto_resources.object_of(arn)
            return found.kms_key_id if getattr(found, "encryption", None) in ("aws:kms", "aws:kms:dsse") else None
        encryption = getattr(moto_resources.bucket(arn), "encryption", None)
        default = encryption["Rule"].get("ApplyServerSideEncryptionByDefault", {}) if encryption else {}
        return default.get("KMSMasterKeyID")
    return None
