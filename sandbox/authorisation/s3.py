"""What S3's operations need: actions on buckets and objects, several where a request does several things.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote

from sandbox.authorisation import actions, arns
from sandbox.authorisation.arns import in_partition
from sandbox.authorisation.keys import s3_context
from sandbox.authorisation.look_up import LookUp
from sandbox.authorisation.names.keys import key_arn
from sandbox.authorisation.need import Need, Underivable
from sandbox.gateway.call import Call

#: Operations on an object that have another action where the request names a version.
_OF_VERSION = {
    "DeleteObject": "DeleteObjectVersion",
    "DeleteObjectAnnotation": "DeleteObjectVersionAnnotation",
    "DeleteObjectTagging": "DeleteObjectVersionTagging",
    "GetObject": "GetObjectVersion",
    "GetObjectAcl": "GetObjectVersionAcl",
    "GetObjectAnnotation": "GetObjectVersionAnnotation",
    "GetObjectAttributes": "GetObjectVersionAttributes",
    "GetObjectTagging": "GetObjectVersionTagging",
    "GetObjectTorrent": "GetObjectVersionTorrent",
    "ListObjectAnnotations": "ListObjectVersionAnnotations",
    "PutObjectAcl": "PutObjectVersionAcl",
    "PutObjectAnnotation": "PutObjectVersionAnnotation",
    "PutObjectTagging": "PutObjectVersionTagging",
}

#: Operations that write an object, and so may set its ACL, tags and lock and encrypt it.
_WRITES = frozenset({"PutObject", "CopyObject", "CreateMultipartUpload"})
_GRANTS = ("ACL", "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")


def needs(call: Call, look_up: LookUp) -> list[Need]:
    """All that an S3 operation needs."""
    params = call.params
    if "Bucket" not in params:
        # ListBuckets and the like; WriteGetObjectResponse answers for an access point that only its route names.
        if "RequestRoute" in params:
            raise Underivable("s3:WriteGetObjectResponse: the access point can't be told from RequestRoute")
        return [Need(actions.action("s3", call.operation).full_name, "*", s3_context(call, ""))]
    found = list(_of_bucket(call, look_up))
    return [_owned(need, look_up) for need in found]


def bucket_arn(call: Call, given: str) -> str:
    """The ARN of a bucket, or of an access point given by its ARN in the bucket's place."""
    return given if given.startswith("arn:") else in_partition(call, "s3", given, region="", account="")


def object_arn(call: Call, bucket: str, key: str) -> str:
    """The ARN of an object: by its bucket, or through an access point.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html"""
    arn = bucket_arn(call, bucket)
    return f"{arn}/object/{key}" if bucket.startswith("arn:") else f"{arn}/{key}"


def _of_bucket(call: Call, look_up: LookUp) -> Iterator[Need]:
    params = call.params
    operation = call.operation
    bucket = params["Bucket"]
    if operation == "CreateBucket":
        # The name may be taken in another account; what is asked for is a bucket in the caller's.
        for need in (_need(call, "CreateBucket", bucket_arn(call, bucket)), *_create_bucket(call)):
            yield replace(need, resource_account=call.principal.account)
        return
    if operation == "DeleteObjects":
        yield from _delete_objects(call)
        return
    name = actions.action("s3", operation).name
    if "Key" not in params:
        yield _need(call, name, bucket_arn(call, bucket))
        return
    arn = object_arn(call, bucket, params["Key"])
    if operation in ("CopyObject", "UploadPartCopy"):
        yield from _source(call, look_up)
    version = params.get("VersionId")
    if operation in ("RenameObject", "CreateSession"):
        yield _need(call, actions.action("s3", operation).full_name, bucket_arn(call, bucket))
        return
    yield _need(call, _OF_VERSION.get(name, name) if version else name, arn)
    if operation == "GetObjectAttributes":
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html
        yield _need(call, "GetObjectVersion" if version else "GetObject", arn)
    if params.get("BypassGovernanceRetention"):
        yield _need(call, "BypassGovernanceRetention", arn)
    if operation in _WRITES:
        yield from _written(call, arn)
    yield from _encryption(call, look_up, arn)


def _written(call: Call, arn: str) -> Iterator[Need]:
    """What the headers of a write ask for beside it."""
    params = call.params
    if any(params.get(name) for name in _GRANTS):
        yield _need(call, "PutObjectAcl", arn)
    copies_tags = call.operation == "CopyObject" and params.get("TaggingDirective", "COPY") == "COPY"
    if params.get("Tagging") and not copies_tags:
        yield _need(call, "PutObjectTagging", arn)
    if params.get("ObjectLockMode") or params.get("ObjectLockRetainUntilDate"):
        yield _need(call, "PutObjectRetention", arn)
    if params.get("ObjectLockLegalHoldStatus"):
        yield _need(call, "PutObjectLegalHold", arn)


def _create_bucket(call: Call) -> Iterator[Need]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html#API_CreateBucket_RequestSyntax"""
    params = call.params
    arn = bucket_arn(call, params["Bucket"])
    if any(params.get(name) for name in _GRANTS):
        yield _need(call, "PutBucketAcl", arn)
    if params.get("ObjectLockEnabledForBucket"):
        yield _need(call, "PutBucketObjectLockConfiguration", arn)
        yield _need(call, "PutBucketVersioning", arn)
    if params.get("ObjectOwnership"):
        yield _need(call, "PutBucketOwnershipControls", arn)
    if (params.get("CreateBucketConfiguration") or {}).get("Tags"):
        yield _need(call, "TagResource", arn)


def _delete_objects(call: Call) -> Iterator[Need]:
    objects = (call.params.get("Delete") or {}).get("Objects") or ()
    for each in objects:
        arn = object_arn(call, call.params["Bucket"], each["Key"])
        version = each.get("VersionId")
        context = s3_context(call, "DeleteObject")
        if version:
            context["s3:versionid"] = version
        yield Need("s3:DeleteObjectVersion" if version else "s3:DeleteObject", arn, context)
        if call.params.get("BypassGovernanceRetention"):
            yield Need("s3:BypassGovernanceRetention", arn, context)
    if not objects:
        raise Underivable("s3:DeleteObjects names no object")


def not_to_delete(call: Call, refused: Iterable[tuple[Need, str]]) -> dict[int, str]:
    """Which of s3:DeleteObjects' objects (by their place) may not be deleted, and why, if these needs are refused."""
    why = {(need.resource, need.context.get("s3:versionid")): message for need, message in refused}
    withheld = {}
    for place, each in enumerate(call.params["Delete"]["Objects"]):
        message = why.get((object_arn(call, call.params["Bucket"], each["Key"]), each.get("VersionId") or None))
        if message is not None:
            withheld[place] = message
    return withheld


def copy_source(given: str | Mapping[str, Any]) -> tuple[str, str, str | None]:
    """Bucket (or access point's ARN), key and version of a CopySource, which is URL-encoded.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html#AmazonS3-CopyObject-request-header-CopySource"""
    if isinstance(given, Mapping):
        return str(given["Bucket"]), str(given["Key"]), given.get("VersionId")
    path, _, query = given.partition("?")
    version = dict(parse_qsl(query)).get("versionId")
    # A URL's other parts (a scheme, a host, a fragment) would be read differently by what answers the call.
    if not path.startswith("//") and not set("#;") & set(given):
        decoded = unquote(path)
        if decoded.startswith("arn:"):
            bucket, _, key = decoded.partition("/object/")
        else:
            bucket, _, key = decoded.lstrip("/").partition("/")
        if key and (":" not in bucket or decoded.startswith("arn:")):
            return bucket, key, version
    raise Underivable(f"the copy source {given!r} is not BUCKET/KEY, URL-encoded")


def _source(call: Call, look_up: LookUp) -> Iterator[Need]:
    bucket, key, version = copy_source(call.params["CopySource"])
    arn = object_arn(call, bucket, key)
    context = s3_context(call, "GetObject")
    tags: dict[str, Any] = dict(context)
    if version:
        context["s3:versionid"] = version
    yield Need("s3:GetObjectVersion" if version else "s3:GetObject", arn, context)
    replaced = call.params.get("TaggingDirective") == "REPLACE"
    if call.operation == "CopyObject" and not replaced and look_up.object_has_tags(bucket, key, version):
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html: copying copies the tags.
        yield Need("s3:GetObjectVersionTagging" if version else "s3:GetObjectTagging", arn, tags)
        yield _need(call, "PutObjectTagging", object_arn(call, call.params["Bucket"], call.params["Key"]))
    encrypted_under = look_up.encryption_key(arn)
    if encrypted_under is not None:
        yield _kms(call, "Decrypt", encrypted_under, arn)


def _encryption(call: Call, look_up: LookUp, arn: str) -> Iterator[Need]:
    """Customer managed keys: S3 asks KMS in the caller's name.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html"""
    operation = call.operation
    if operation in ("GetObject", "HeadObject", "GetObjectAttributes", "SelectObjectContent", "ListParts"):
        key = look_up.encryption_key(arn)
        if key is not None:
            yield _kms(call, "Decrypt", key, arn)
    elif operation in _WRITES or operation in ("UploadPart", "UploadPartCopy", "CompleteMultipartUpload"):
        key = _write_key(call, look_up, arn)
        if key is None:
            return
        if operation != "CompleteMultipartUpload":
            yield _kms(call, "GenerateDataKey", key, arn)
        if operation not in ("PutObject", "CopyObject"):
            # https://repost.aws/knowledge-center/s3-large-file-encryption-kms-key: parts are decrypted to be joined.
            yield _kms(call, "Decrypt", key, arn)


def _write_key(call: Call, look_up: LookUp, arn: str) -> str | None:
    params = call.params
    given = params.get("SSEKMSKeyId")
    if given and str(params.get("ServerSideEncryption", "aws:kms")).startswith("aws:kms"):
        if "alias/aws/" in given:
            return None
        return key_arn(call, look_up, given)
    if params.get("ServerSideEncryption"):
        return None
    return look_up.encryption_key(bucket_arn(call, params["Bucket"]))


def _kms(call: Call, action: str, key: str, arn: str) -> Need:
    """A use of a key in the caller's name. The encryption context is the object's ARN (or, with a bucket key, the
    bucket's, which can't be told from the call)."""
    return Need(
        f"kms:{action}",
        key,
        {
            "kms:CallerAccount": call.principal.account,
            "kms:EncryptionContext:aws:s3:arn": arn,
            "kms:EncryptionContextKeys": ["aws:s3:arn"],
            "kms:ViaService": f"s3.{call.region}.amazonaws.com",
        },
    )


def _need(call: Call, action: str, arn: str) -> Need:
    name = action if ":" in action else f"s3:{action}"
    return Need(name, arn, s3_context(call, name.removeprefix("s3:")))


def _owned(need: Need, look_up: LookUp) -> Need:
    """With the bucket's owner, where it is known: an S3 ARN names no account."""
    arn = arns.parse(need.resource)
    if need.resource_account is not None or arn is None or arn.service != "s3" or arn.account:
        return need
    owner = look_up.bucket_owner(arn.resource.partition("/")[0])
    if owner is None:
        return need
    return Need(need.action, need.resource, {**need.context, "s3:ResourceAccount": owner}, owner)
