"""S3: buckets and their policies.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_S3.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from sandbox.templates.types import s3_settings
from sandbox.templates.types.fitting import document
from sandbox.templates.types.resource_type import Failed, ResourceType, Unsupported, Work, gone


class _Setting(NamedTuple):
    """One property: the call that puts it, the parameter that takes it, its form there, and what it goes back to.

    `off` is an operation that takes it away, or a value to put.
    """

    operation: str
    parameter: str
    form: Callable[[Any], Any]
    off: str | Mapping[str, Any]


def _as_it_is(given: Any) -> Any:
    return given


_SETTINGS: Mapping[str, _Setting] = {
    "OwnershipControls": _Setting(
        "PutBucketOwnershipControls", "OwnershipControls", _as_it_is, "DeleteBucketOwnershipControls"
    ),
    "PublicAccessBlockConfiguration": _Setting(
        "PutPublicAccessBlock", "PublicAccessBlockConfiguration", _as_it_is, "DeletePublicAccessBlock"
    ),
    "BucketEncryption": _Setting(
        "PutBucketEncryption", "ServerSideEncryptionConfiguration", s3_settings.encryption, "DeleteBucketEncryption"
    ),
    "VersioningConfiguration": _Setting(
        "PutBucketVersioning", "VersioningConfiguration", _as_it_is, {"Status": "Suspended"}
    ),
    "LifecycleConfiguration": _Setting(
        "PutBucketLifecycleConfiguration", "LifecycleConfiguration", s3_settings.lifecycle, "DeleteBucketLifecycle"
    ),
    "CorsConfiguration": _Setting("PutBucketCors", "CORSConfiguration", s3_settings.cors, "DeleteBucketCors"),
    "ObjectLockConfiguration": _Setting("PutObjectLockConfiguration", "ObjectLockConfiguration", _as_it_is, {}),
    "NotificationConfiguration": _Setting(
        "PutBucketNotificationConfiguration", "NotificationConfiguration", s3_settings.notifications, {}
    ),
}
#: ACLs that let in others than the account; in templates they are written like this.
_PUBLIC_ACLS = ("PublicRead", "PublicReadWrite", "AuthenticatedRead")


# -- buckets ---------------------------------------------------------------------------------------------------


def _canned_acl(work: Work) -> str | None:
    """The API's name of AccessControl. A new bucket takes no ACL but a private one, unless its ownership says so.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html. The sentences are reported.
    """
    given = work["AccessControl"]
    if given in (None, "Private"):
        return None
    rules = (work["OwnershipControls"] or {}).get("Rules") or [{}]
    if rules[0].get("ObjectOwnership", "BucketOwnerEnforced") == "BucketOwnerEnforced":
        raise Failed("Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting", "InvalidRequest")
    if given in _PUBLIC_ACLS:
        block = work["PublicAccessBlockConfiguration"]
        if block is None or str(block.get("BlockPublicAcls")).lower() == "true":
            raise Failed("Bucket cannot have public ACLs set with BlockPublicAccess enabled", "InvalidRequest")
        raise Unsupported(f"AccessControl {given} is not supported by this sandbox: ACLs let nobody in here")
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in given).lstrip("-")


def _create_bucket(work: Work) -> str:
    name = work.name("BucketName", 63, lower=True)
    if work["BucketName"] is not None and _is_there(work, name):
        # S3 would answer the owner of a bucket in us-east-1 as if it had made it.
        raise Failed(f"{name} already exists", "AlreadyExists")
    acl = _canned_acl(work)
    region = work.stack.region
    work.call(
        "s3",
        "CreateBucket",
        Bucket=name,
        CreateBucketConfiguration=None if region == "us-east-1" else {"LocationConstraint": region},
        ObjectLockEnabledForBucket=work["ObjectLockEnabled"],
        ObjectOwnership=((work["OwnershipControls"] or {}).get("Rules") or [{}])[0].get("ObjectOwnership"),
        ACL=acl,
    )
    work.made(name)
    work.call("s3", "PutBucketTagging", Bucket=name, Tagging={"TagSet": work.tag_list()})
    for prop in _SETTINGS:
        if work[prop] is not None:
            _put(work, prop)
    return name


def _is_there(work: Work, name: str) -> bool:
    try:
        work.call("s3", "HeadBucket", Bucket=name)
    except ClientError as error:
        return bool(error.response["ResponseMetadata"]["HTTPStatusCode"] != 404)
    return True


def _put(work: Work, prop: str) -> None:
    setting, given = _SETTINGS[prop], work[prop]
    if given is None and isinstance(setting.off, str):
        work.call("s3", setting.off, Bucket=work.physical_id)
        return
    value = setting.form(given) if given is not None else setting.off
    work.call("s3", setting.operation, Bucket=work.physical_id, **{setting.parameter: value})


def _update_bucket(work: Work) -> None:
    changed = work.changed
    if changed & {"AccessControl", "ObjectLockEnabled"}:
        acl = _canned_acl(work) or "private"
        if "AccessControl" in changed:
            work.call("s3", "PutBucketAcl", Bucket=work.physical_id, ACL=acl)
        if "ObjectLockEnabled" in changed:
            _lock_objects(work)
    for prop in _SETTINGS:
        if prop in changed:
            _put(work, prop)
    if any(work.tag_changes()):
        work.call("s3", "PutBucketTagging", Bucket=work.physical_id, Tagging={"TagSet": work.tag_list()})


def _lock_objects(work: Work) -> None:
    if str(work["ObjectLockEnabled"]).lower() != "true":
        raise Failed("Object Lock can't be disabled once it is enabled.", "InvalidRequest")
    if work["ObjectLockConfiguration"] is None:
        lock = {"ObjectLockEnabled": "Enabled"}
        work.call("s3", "PutObjectLockConfiguration", Bucket=work.physical_id, ObjectLockConfiguration=lock)


def _bucket_attributes(work: Work) -> Mapping[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteEndpoints.html has the Regions' two forms."""
    name, region = work.physical_id, work.stack.region
    return {
        "Arn": f"arn:{work.stack.partition}:s3:::{name}",
        "DomainName": f"{name}.s3.amazonaws.com",
        "DualStackDomainName": f"{name}.s3.dualstack.{region}.amazonaws.com",
        "RegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
        "WebsiteURL": f"http://{name}.s3-website{'-' if region in _DASHED else '.'}{region}.amazonaws.com",
    }


_DASHED = frozenset(
    {
        *("us-east-1", "us-west-1", "us-west-2", "us-gov-west-1", "ap-southeast-1", "ap-southeast-2"),
        *("ap-northeast-1", "eu-west-1", "sa-east-1"),
    }
)

BUCKET = ResourceType(
    "AWS::S3::Bucket",
    create=_create_bucket,
    update=_update_bucket,
    delete=lambda work: work.call("s3", "DeleteBucket", Bucket=work.physical_id),
    attributes=_bucket_attributes,
    named="BucketName",
    refused={
        "AbacStatus": "it is not built",
        "AccelerateConfiguration": "there is no accelerated endpoint",
        "AnalyticsConfigurations": "nothing analyses how objects are used",
        "BucketNamePrefix": "it is not built",
        "BucketNamespace": "it is not built",
        "IntelligentTieringConfigurations": "objects do not move between access tiers",
        "InventoryConfigurations": "no inventories are written",
        "LoggingConfiguration": "no server access logs are written",
        "MetadataConfiguration": "there are no metadata tables",
        "MetadataTableConfiguration": "there are no metadata tables",
        "MetricsConfigurations": "requests are not counted",
        "ReplicationConfiguration": "objects are not replicated",
        "WebsiteConfiguration": "no website answers",
    },
)


# -- bucket policies -------------------------------------------------------------------------------------------


def _put_policy(work: Work) -> None:
    work.call("s3", "PutBucketPolicy", Bucket=work["Bucket"], Policy=document(work["PolicyDocument"]))


def _create_policy(work: Work) -> str:
    bucket = str(work["Bucket"])
    try:
        work.call("s3", "GetBucketPolicy", Bucket=bucket)
    except ClientError as error:
        if not gone(error):
            raise
    else:
        # In CloudFormation's words, as users report them.
        raise Failed(f"The bucket policy already exists on bucket {bucket}.", "AlreadyExists")
    _put_policy(work)
    return bucket


BUCKET_POLICY = ResourceType(
    "AWS::S3::BucketPolicy",
    create=_create_policy,
    update=_put_policy,
    delete=lambda work: work.call("s3", "DeleteBucketPolicy", Bucket=work["Bucket"]),
)

TYPES = (BUCKET, BUCKET_POLICY)
