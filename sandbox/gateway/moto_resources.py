"""The resources that moto's services keep, by their ARN: themselves, and their tags.

They are found in the stores where moto has them: nothing is loaded, made or searched for.
tests/gateway/test_moto_contract.py holds what is used of moto here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sandbox.gateway import moto_adapter, moto_iam


class Arn(NamedTuple):
    """An ARN in its parts. `resource` is all that follows the account."""

    text: str
    service: str
    region: str
    account: str
    resource: str


def arn_of(text: str) -> Arn | None:
    """The parts of an ARN; None for what is none (`*`, say)."""
    fields = text.split(":", 5)
    if len(fields) != 6 or fields[0] != "arn":
        return None
    return Arn(text, fields[2], fields[3], fields[4], fields[5])


def store(service: str, account: str, region: str) -> Any:
    """moto's store of a service; None if nothing is kept there. (moto would make one for whatever it is asked for.)"""
    # A module that another thread is importing is there, and its stores are not yet.
    stores = getattr(sys.modules.get(f"moto.{service}.models"), f"{service}_backends", None)
    regions = stores.get(account) if stores is not None else None
    return regions.get(region) if regions is not None else None


# -- the resources, as moto has them; None for one that is not there ---------------------------------------


def bucket(arn: Arn) -> Any:
    """The bucket of an object's ARN too."""
    name = arn.resource.partition("/")[0]
    owner = moto_adapter.bucket_account(name)
    kept = store("s3", owner, "aws") if owner is not None else None
    return kept.buckets.get(name) if kept is not None else None


def object_of(arn: Arn, version: str | None = None) -> Any:
    """An object in a bucket, by default its newest version (which may be a delete marker)."""
    found = bucket(arn)
    key = arn.resource.partition("/")[2]
    if found is None or not key:
        return None
    if version is None:
        return found.keys.get(key)
    return next((each for each in found.keys.getlist(key, []) if each.version_id == version), None)


def queue(arn: Arn) -> Any:
    kept = store("sqs", arn.account, arn.region)
    return kept.queues.get(arn.resource) if kept is not None else None


def topic(arn: Arn) -> Any:
    """The topic of a subscription's ARN too: it is the topic's with an id behind it."""
    kept = store("sns", arn.account, arn.region)
    return kept.topics.get(":".join(arn.text.split(":")[:6])) if kept is not None else None


def subscription(arn: Arn) -> Any:
    found = topic(arn)
    return found.sns_backend.subscriptions.get(arn.text) if found is not None else None


def subscription_of(arn: Arn, protocol: str, endpoint: str) -> Any:
    """A topic's subscription with this endpoint."""
    found = topic(arn)
    return found.sns_backend._find_subscription(found.arn, endpoint, protocol) if found is not None else None


def secret(arn: Arn) -> Any:
    kept = store("secretsmanager", arn.account, arn.region)
    if kept is None:
        return None
    # moto's store looks for a secret by going through all; as a plain dict it has them by name, copies by ARN.
    for key in (arn.resource.removeprefix("secret:").rpartition("-")[0], arn.text):
        found = dict.get(kept.secrets, key)
        if found is not None and found.arn == arn.text:
            return found
    return None


def encryption_key(arn: Arn) -> Any:
    """A key of KMS; an alias is none."""
    kind, _, key_id = arn.resource.partition("/")
    kept = store("kms", arn.account, arn.region) if kind == "key" else None
    return kept.keys.get(key_id) if kept is not None else None


def event_bus(arn: Arn) -> Any:
    """The bus of a rule's ARN too: `rule/NAME` on the default bus, `rule/BUS/NAME` on another."""
    kept = store("events", arn.account, arn.region)
    kind, _, name = arn.resource.partition("/")
    if kept is None or kind not in ("event-bus", "rule"):
        return None
    if kind == "rule":
        name = name.partition("/")[0] if "/" in name else "default"
    return kept.event_buses.get(name)


def table(arn: Arn) -> Any:
    """The table of an index's or a stream's ARN too."""
    kept = store("dynamodb", arn.account, arn.region)
    kind, _, name = arn.resource.partition("/")
    return kept.tables.get(name.partition("/")[0]) if kept is not None and kind == "table" else None


def stream(arn: Arn) -> Any:
    """The stream of a consumer's ARN too."""
    kept = store("kinesis", arn.account, arn.region)
    kind, _, name = arn.resource.partition("/")
    return kept.streams.get(name.partition("/")[0]) if kept is not None and kind == "stream" else None


def repository(arn: Arn) -> Any:
    kept = store("ecr", arn.account, arn.region)
    kind, _, name = arn.resource.partition("/")
    return kept.repositories.get(name) if kept is not None and kind == "repository" else None


# -- tags ------------------------------------------------------------------------------------------------


def _queue_tags(arn: Arn) -> Mapping[str, str]:
    found = queue(arn)
    return found.tags if found is not None else {}


def _topic_tags(arn: Arn) -> Mapping[str, str]:
    found = topic(arn)
    return found._tags if found is not None else {}


def _secret_tags(arn: Arn) -> Mapping[str, str]:
    found = secret(arn)
    # A replica has its source's.
    return _pairs(getattr(found, "source", found).tags) if found is not None else {}


def _key_tags(arn: Arn) -> Mapping[str, str]:
    found = encryption_key(arn)
    return _tagged("kms", arn, found.id) if found is not None else {}


def _table_tags(arn: Arn) -> Mapping[str, str]:
    found = table(arn)
    return _pairs(found.tags) if found is not None else {}


def _stream_tags(arn: Arn) -> Mapping[str, str]:
    found = stream(arn)
    return found.tags if found is not None else {}


def _parameter_tags(arn: Arn) -> Mapping[str, str]:
    kept = store("ssm", arn.account, arn.region)
    kind, _, name = arn.resource.partition("/")
    if kept is None or kind != "parameter":
        return {}
    # `parameter/a/b` is the ARN of /a/b; `parameter/a` that of a, and of /a.
    tags = kept._resource_tags.get("Parameter", {})
    return tags.get(f"/{name}") or tags.get(name) or {}


def _ec2_tags(arn: Arn) -> Mapping[str, str]:
    kept = store("ec2", arn.account, arn.region)
    return kept.tags.get(arn.resource.rpartition("/")[2], {}) if kept is not None else {}


def _tagged(service: str, arn: Arn, key: str) -> Mapping[str, str]:
    kept = store(service, arn.account, arn.region)
    found: Mapping[str, str] = kept.tagger.tags.get(key, {}) if kept is not None else {}
    return found


def _pairs(tags: Any) -> Mapping[str, str]:
    """[{"Key": ..., "Value": ...}] as a dict."""
    return {tag["Key"]: tag.get("Value") or "" for tag in list(tags or ())}


#: By the service in a resource's ARN.
_TAGS: Mapping[str, Callable[[Arn], Mapping[str, str]]] = {
    "dynamodb": _table_tags,
    "ec2": _ec2_tags,
    "ecr": lambda arn: _tagged("ecr", arn, arn.text),
    "events": lambda arn: _tagged("events", arn, arn.text),
    "iam": lambda arn: moto_iam.tags_by_arn(arn.text),
    "kinesis": _stream_tags,
    "kms": _key_tags,
    "secretsmanager": _secret_tags,
    "sns": _topic_tags,
    "sqs": _queue_tags,
    "ssm": _parameter_tags,
    "states": lambda arn: _tagged("stepfunctions", arn, arn.text),
}


def tags(arn: Arn) -> Mapping[str, str]:
    """The tags of a resource; none for one that is not there, or that AWS does not authorise by its tags (a bucket)."""
    read = _TAGS.get(arn.service)
    return read(arn) if read is not None else {}


def object_tags(arn: Arn, version: str | None = None) -> Mapping[str, str]:
    """The tags of an object in a bucket, by default of its newest version."""
    # A delete marker has no tags, and no ARN.
    name = getattr(object_of(arn, version), "arn", None)
    if name is None:
        return {}
    found: Mapping[str, str] = store("s3", bucket(arn).account_id, "aws").tagger.tags.get(name, {})
    return found


def key_facts(arn: Arn) -> Mapping[str, str | tuple[str, ...]]:
    """The condition keys that hang on a KMS key itself.

    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
    """
    found = encryption_key(arn)
    if found is None:
        return {}
    return {
        "kms:KeySpec": str(found.key_spec),
        "kms:KeyUsage": str(found.key_usage or "ENCRYPT_DECRYPT"),
        "kms:KeyOrigin": str(found.origin),
        "kms:MultiRegion": "true" if found.multi_region else "false",
        "kms:ResourceAliases": tuple(found.aliases),
    }
