"""S3 Block Public Access: what a bucket's owner has forbidden is refused, whoever asks.

The four settings: public ACLs and public policies are not taken; public ACLs are ignored (all are here: no ACL grants
anything); a public policy that is there lets in nobody but AWS's services and the bucket's own account.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.access.policy import MalformedPolicy, Statement, parse
from sandbox.access.request import fold
from sandbox.gateway import moto_resources
from sandbox.gateway.call import AwsError, Call
from sandbox.gateway.moto_resources import arn_of

#: With a fixed value for one of these a statement speaks of certain callers.
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
_FIXING = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    }
)
_POSITIVE = re.compile(r"(forall|forany)?(values:)?(string|arn)(equals|like|equalsignorecase)|ipaddress")
#: More addresses than these are no certain ones: a prefix of fewer bits.
_LEAST_BITS = {4: 8, 6: 32}

_PUBLIC_ACLS = frozenset({"public-read", "public-read-write", "authenticated-read"})
_PUBLIC_GRANTEES = ("/groups/global/AllUsers", "/groups/global/AuthenticatedUsers")
_GRANTS = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")
_SETS_ACL = frozenset({"PutBucketAcl", "PutObjectAcl", "PutObject", "CopyObject", "CreateMultipartUpload"})


def check_public_access(call: Call) -> None:
    """AwsError AccessDenied for a call that a bucket's settings forbid."""
    if call.service != "s3" or "Bucket" not in call.params or call.principal.kind == "AWSService":
        return
    arn = arn_of(f"arn:aws:s3:::{call.params['Bucket']}")
    bucket = moto_resources.bucket(arn) if arn is not None else None
    settings = getattr(bucket, "public_access_block", None)
    if bucket is None or settings is None:
        return
    if call.operation == "PutBucketPolicy" and settings.block_public_policy and is_public(call.params["Policy"]):
        raise _denied(call, "public policies are prevented by the BlockPublicPolicy setting")
    if call.operation in _SETS_ACL and settings.block_public_acls and _grants_everyone(call.params):
        raise _denied(call, "public access control lists (ACLs) are prevented by the BlockPublicAcls setting")
    outside = call.principal.account != bucket.account_id or call.principal.kind == "Anonymous"
    if outside and settings.restrict_public_buckets and bucket.policy and is_public(bucket.policy):
        raise _denied(call, "public policies are restricted by the RestrictPublicBuckets setting")


def is_public(document: str | bytes | Mapping[str, Any]) -> bool:
    """Whether a bucket policy allows anything to everybody, as S3 judges it. A policy that is none is not."""
    try:
        policy = parse(document)
    except MalformedPolicy:
        return False
    return any(_speaks_to_everybody(statement) for statement in policy.statements)


def _speaks_to_everybody(statement: Statement) -> bool:
    if statement.effect != "Allow" or statement.principals is None:
        return False
    if not (statement.principals.everyone or statement.not_principal):
        return False
    return not any(_fixes(operator, key, values) for operator, key, values in _conditions(statement.document))


def _conditions(statement: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    for operator, block in (statement.get("Condition") or {}).items():
        for key, values in block.items():
            yield (
                fold(operator),
                fold(key),
                [str(value) for value in (values if isinstance(values, list) else [values])],
            )


def _fixes(operator: str, key: str, values: list[str]) -> bool:
    if key not in _FIXING or _POSITIVE.fullmatch(operator) is None:
        return False
    if key == "aws:sourceip":
        return all(_narrow(value) for value in values)
    if key in ("aws:sourcearn", "aws:principalarn"):
        # An ARN is fixed by its account, or by a bucket that has none in it.
        return all(_names_account(value) for value in values)
    return not any("*" in value or "?" in value or "${" in value for value in values)


def _narrow(block: str) -> bool:
    address, _, bits = block.partition("/")
    version = 6 if ":" in address else 4
    return not bits or (bits.isdigit() and int(bits) >= _LEAST_BITS[version])


def _names_account(arn: str) -> bool:
    parts = arn.split(":", 5)
    if len(parts) != 6:
        return False
    return parts[4].isdigit() if parts[4] else not any(sign in parts[5] for sign in "*?$")


def _grants_everyone(params: Mapping[str, Any]) -> bool:
    if params.get("ACL") in _PUBLIC_ACLS:
        return True
    texts = [str(params.get(name) or "") for name in _GRANTS]
    grants = (params.get("AccessControlPolicy") or {}).get("Grants") or ()
    texts.extend(str((grant.get("Grantee") or {}).get("URI") or "") for grant in grants)
    return any(grantee in text for text in texts for grantee in _PUBLIC_GRANTEES)


def _denied(call: Call, why: str) -> AwsError:
    action = call.operation
    resource = f"arn:aws:s3:::{call.params['Bucket']}"
    if call.params.get("Key"):
        resource = f"{resource}/{call.params['Key']}"
    return AwsError(
        "AccessDenied",
        f'User: {call.principal.arn} is not authorized to perform: s3:{action} on resource: "{resource}" because {why} '
        "in S3 Block Public Access.",
        403,
    )
