"""Whose resources a call is about: the caller's account, or the one that a parameter names.

Where AWS lets a caller name a resource of another account, by ARN, queue URL or bucket, that account answers; whether
the caller may, its policies and those of the resource decide.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from sandbox.gateway import moto_adapter, refusals
from sandbox.gateway.call import AwsError, Call

#: Parameters that take the ARN of a resource of another account, by service.
_ARN_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "dynamodb": ("TableName", "ResourceArn", "TableArn", "StreamArn"),
    "dynamodbstreams": ("StreamArn",),
    "events": ("EventBusName", "ResourceARN"),
    "kinesis": ("StreamARN", "ConsumerARN", "ResourceARN"),
    "kms": ("KeyId",),
    "lambda": ("FunctionName", "LayerName", "Resource", "ResourceArn", "Arn"),
    "secretsmanager": ("SecretId",),
    "sns": ("TopicArn", "TargetArn", "SubscriptionArn", "ResourceArn"),
}
#: `arn:aws:SERVICE:REGION:ACCOUNT:...`, or as Lambda also takes it, `ACCOUNT:function:NAME`.
_ACCOUNT = re.compile(r"(?:arn:[\w-]+:[\w-]+:[\w-]*:)?(\d{12}):", re.ASCII)
_QUEUE_PATH = re.compile(r"/(\d{12})/[^/]+/?\Z", re.ASCII)


def answering_account(call: Call) -> str:
    """The account from which a call is to be answered; AwsError if it names resources of several.

    A number that is no account of this sandbox changes nothing.
    """
    own = call.principal.account
    named = {account for account in _named(call) if moto_adapter.has_account(account)}
    if len(named) > 1:
        raise refusals.unsupported(
            call.service, call.operation, f"one call can't be about several accounts ({', '.join(sorted(named))})"
        )
    return named.pop() if named else own


def expect_bucket_owner(call: Call) -> None:
    """AwsError if a call says whose the bucket is, and it is someone else's.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
    """
    if call.service != "s3":
        return
    source = str(call.params.get("CopySource") or "").lstrip("/").partition("/")[0]
    for parameter, bucket in (
        ("ExpectedBucketOwner", call.params.get("Bucket")),
        ("ExpectedSourceBucketOwner", source),
    ):
        expected = call.params.get(parameter)
        if expected and moto_adapter.bucket_account(str(bucket)) not in (None, expected):
            raise AwsError("AccessDenied", "Access Denied", 403)


def _named(call: Call) -> Iterable[str]:
    params = call.params
    if call.service == "s3":
        if call.operation != "CreateBucket":
            owner = moto_adapter.bucket_account(str(params.get("Bucket", "")))
            yield from () if owner is None else (owner,)
        return
    if call.service == "sqs":
        yield from _of_queue(params)
        return
    for parameter in _ARN_PARAMETERS.get(call.service, ()):
        yield from _of_arn(params.get(parameter))
    if call.service == "kms":
        yield from _of_keys(call)
        return
    own = call.principal.account
    for resource in _listed(call):
        yield from _of_arn(resource) or (own,)


def _of_arn(text: object) -> tuple[str, ...]:
    found = _ACCOUNT.match(text) if isinstance(text, str) else None
    return (found[1],) if found else ()


def _of_queue(params: Mapping[str, Any]) -> tuple[str, ...]:
    owner = params.get("QueueOwnerAWSAccountId")
    if isinstance(owner, str) and owner:
        return (owner,)
    url = params.get("QueueUrl")
    try:
        found = _QUEUE_PATH.search(urlsplit(url).path) if isinstance(url, str) else None
    except ValueError:
        found = None
    return (found[1],) if found else ()


def _of_keys(call: Call) -> Iterable[str]:
    """What is encrypted tells its key; re-encrypting has two keys, each with its account."""
    params = call.params
    if call.operation in ("Decrypt", "ReEncrypt") and not params.get("KeyId"):
        blob = params.get("CiphertextBlob")
        key = moto_adapter.key_of_ciphertext(blob, call.region) if isinstance(blob, bytes) else None
        yield from _of_arn(key)
    if call.operation == "ReEncrypt":
        yield from _of_arn(params.get("DestinationKeyId")) or (call.principal.account,)


def _listed(call: Call) -> Iterable[object]:
    """The resources of batches and transactions."""
    params = call.params
    if call.service == "secretsmanager":
        yield from _items(params.get("SecretIdList"))
    elif call.service == "events":
        for entry in _items(params.get("Entries")):
            yield entry.get("EventBusName") if isinstance(entry, Mapping) else None
    elif call.service == "dynamodb":
        requests = params.get("RequestItems")
        if isinstance(requests, Mapping):
            yield from requests
        for item in _items(params.get("TransactItems")):
            if isinstance(item, Mapping):
                yield from (part.get("TableName") for part in item.values() if isinstance(part, Mapping))


def _items(value: object) -> list[Any]:
    """A list as it should be: parameters of the JSON protocols come as the caller sent them."""
    return value if isinstance(value, list) else []
