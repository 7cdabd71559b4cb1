"""What S3's calls need: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sandbox.authorisation.look_up import NOTHING, LookUp
from sandbox.authorisation.need import Need, Underivable
from sandbox.authorisation.needs import needs
from sandbox.gateway.call import Principal
from tests.authorisation.calls import NOON, Known, called

KEY = "arn:aws:kms:us-east-1:123456789012:key/1111"
POINT = "arn:aws:s3:us-east-1:123456789012:accesspoint/shop"


def of(operation: str, look_up: LookUp = NOTHING, **params: Any) -> tuple[Need, ...]:
    return needs(called("s3", operation, **params), look_up)


def pairs(operation: str, look_up: LookUp = NOTHING, **params: Any) -> list[str]:
    """Actions and resources, in short: `GetObject b/k`."""
    return [
        f"{need.action.removeprefix('s3:')} {need.resource.removeprefix('arn:aws:s3:::')}"
        for need in of(operation, look_up, **params)
    ]


CASES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("ListBuckets", {}, ["ListAllMyBuckets *"]),
    ("CreateBucket", {"Bucket": "b"}, ["CreateBucket b"]),
    ("CreateBucket", {"Bucket": "b", "ACL": "private"}, ["CreateBucket b", "PutBucketAcl b"]),
    (
        "CreateBucket",
        {"Bucket": "b", "ObjectLockEnabledForBucket": True},
        ["CreateBucket b", "PutBucketObjectLockConfiguration b", "PutBucketVersioning b"],
    ),
    ("CreateBucket", {"Bucket": "b", "ObjectOwnership": "x"}, ["CreateBucket b", "PutBucketOwnershipControls b"]),
    ("HeadBucket", {"Bucket": "b"}, ["ListBucket b"]),
    ("ListObjectsV2", {"Bucket": "b", "Prefix": "a/"}, ["ListBucket b"]),
    ("ListObjectVersions", {"Bucket": "b"}, ["ListBucketVersions b"]),
    ("GetBucketEncryption", {"Bucket": "b"}, ["GetEncryptionConfiguration b"]),
    ("DeleteBucketTagging", {"Bucket": "b"}, ["PutBucketTagging b"]),
    ("GetObject", {"Bucket": "b", "Key": "a/k.txt"}, ["GetObject b/a/k.txt"]),
    ("GetObject", {"Bucket": "b", "Key": "k", "VersionId": "v"}, ["GetObjectVersion b/k"]),
    ("HeadObject", {"Bucket": "b", "Key": "k"}, ["GetObject b/k"]),
    ("HeadObject", {"Bucket": "b", "Key": "k", "VersionId": "v"}, ["GetObjectVersion b/k"]),
    ("GetObjectTagging", {"Bucket": "b", "Key": "k", "VersionId": "v"}, ["GetObjectVersionTagging b/k"]),
    ("GetObjectAttributes", {"Bucket": "b", "Key": "k"}, ["GetObjectAttributes b/k", "GetObject b/k"]),
    ("PutObject", {"Bucket": "b", "Key": "k"}, ["PutObject b/k"]),
    ("PutObject", {"Bucket": "b", "Key": "k", "ACL": "public-read"}, ["PutObject b/k", "PutObjectAcl b/k"]),
    ("PutObject", {"Bucket": "b", "Key": "k", "GrantRead": "id=1"}, ["PutObject b/k", "PutObjectAcl b/k"]),
    ("PutObject", {"Bucket": "b", "Key": "k", "Tagging": "a=1"}, ["PutObject b/k", "PutObjectTagging b/k"]),
    (
        "PutObject",
        {"Bucket": "b", "Key": "k", "ObjectLockMode": "GOVERNANCE", "ObjectLockLegalHoldStatus": "ON"},
        ["PutObject b/k", "PutObjectRetention b/k", "PutObjectLegalHold b/k"],
    ),
    ("PutObjectTagging", {"Bucket": "b", "Key": "k", "Tagging": {"TagSet": []}}, ["PutObjectTagging b/k"]),
    ("CreateMultipartUpload", {"Bucket": "b", "Key": "k"}, ["PutObject b/k"]),
    ("UploadPart", {"Bucket": "b", "Key": "k", "PartNumber": 1, "UploadId": "u"}, ["PutObject b/k"]),
    ("CompleteMultipartUpload", {"Bucket": "b", "Key": "k", "UploadId": "u"}, ["PutObject b/k"]),
    ("AbortMultipartUpload", {"Bucket": "b", "Key": "k", "UploadId": "u"}, ["AbortMultipartUpload b/k"]),
    ("ListParts", {"Bucket": "b", "Key": "k", "UploadId": "u"}, ["ListMultipartUploadParts b/k"]),
    ("CopyObject", {"Bucket": "b", "Key": "k", "CopySource": "src/a/o"}, ["GetObject src/a/o", "PutObject b/k"]),
    ("CopyObject", {"Bucket": "b", "Key": "k", "CopySource": "/src/a%20o"}, ["GetObject src/a o", "PutObject b/k"]),
    (
        "CopyObject",
        {"Bucket": "b", "Key": "k", "CopySource": "src/o?versionId=v"},
        ["GetObjectVersion src/o", "PutObject b/k"],
    ),
    (
        "CopyObject",
        {"Bucket": "b", "Key": "k", "CopySource": {"Bucket": "src", "Key": "o"}},
        ["GetObject src/o", "PutObject b/k"],
    ),
    (
        "CopyObject",
        {"Bucket": "b", "Key": "k", "CopySource": "src/o", "Tagging": "a=1", "TaggingDirective": "REPLACE"},
        ["GetObject src/o", "PutObject b/k", "PutObjectTagging b/k"],
    ),
    (
        "UploadPartCopy",
        {"Bucket": "b", "Key": "k", "CopySource": "src/o", "PartNumber": 1, "UploadId": "u"},
        ["GetObject src/o", "PutObject b/k"],
    ),
    ("DeleteObject", {"Bucket": "b", "Key": "k"}, ["DeleteObject b/k"]),
    ("DeleteObject", {"Bucket": "b", "Key": "k", "VersionId": "v"}, ["DeleteObjectVersion b/k"]),
    (
        "DeleteObject",
        {"Bucket": "b", "Key": "k", "VersionId": "v", "BypassGovernanceRetention": True},
        ["DeleteObjectVersion b/k", "BypassGovernanceRetention b/k"],
    ),
    (
        "DeleteObjects",
        {"Bucket": "b", "Delete": {"Objects": [{"Key": "1"}, {"Key": "2", "VersionId": "v"}]}},
        ["DeleteObject b/1", "DeleteObjectVersion b/2"],
    ),
    ("SelectObjectContent", {"Bucket": "b", "Key": "k"}, ["GetObject b/k"]),
    ("GetObject", {"Bucket": POINT, "Key": "a/k"}, [f"GetObject {POINT}/object/a/k"]),
    ("ListObjectsV2", {"Bucket": POINT}, [f"ListBucket {POINT}"]),
    (
        "CopyObject",
        {"Bucket": "b", "Key": "k", "CopySource": f"{POINT}/object/o"},
        [f"GetObject {POINT}/object/o", "PutObject b/k"],
    ),
]


@pytest.mark.parametrize(("operation", "params", "expected"), CASES)
def test_needs_of_a_call(operation: str, params: dict[str, Any], expected: list[str]) -> None:
    assert pairs(operation, **params) == expected


@pytest.mark.parametrize(
    "source",
    ["src", "src/", "", "http://host/src/o", "//src/o", "src/o#part", "src/o;v", "s3://src/o", "arn:aws:s3:::src/o"],
)
def test_a_copy_source_that_could_be_read_in_two_ways_is_refused(source: str) -> None:
    # What copies reads it as a URL: its path, without host, parameters and fragment.
    with pytest.raises(Underivable, match="copy source"):
        of("CopyObject", Bucket="b", Key="k", CopySource=source)


def test_copying_a_tagged_object_copies_its_tags() -> None:
    tagged = Known(tagged=frozenset({("src", "o")}))
    expected = ["GetObject src/o", "GetObjectTagging src/o", "PutObjectTagging b/k", "PutObject b/k"]
    assert pairs("CopyObject", tagged, Bucket="b", Key="k", CopySource="src/o") == expected
    replaced = pairs("CopyObject", tagged, Bucket="b", Key="k", CopySource="src/o", TaggingDirective="REPLACE")
    assert replaced == ["GetObject src/o", "PutObject b/k"]


# -- keys ----------------------------------------------------------------------------------------------


def test_listing_tells_prefix_delimiter_and_number() -> None:
    (need,) = of("ListObjectsV2", Bucket="b", Prefix="home/ann/", Delimiter="/", MaxKeys=10)
    assert need.context["s3:prefix"] == "home/ann/"
    assert need.context["s3:delimiter"] == "/"
    assert need.context["s3:max-keys"] == 10


def test_an_empty_prefix_is_a_prefix_and_none_is_no_key() -> None:
    assert of("ListObjectsV2", Bucket="b", Prefix="")[0].context["s3:prefix"] == ""
    assert "s3:prefix" not in of("ListObjectsV2", Bucket="b")[0].context
    # HeadBucket is s3:ListBucket too, and lists nothing.
    assert "s3:prefix" not in of("HeadBucket", Bucket="b")[0].context


def test_writing_tells_encryption_acl_class_and_tags() -> None:
    (need, *_) = of(
        "PutObject",
        Bucket="b",
        Key="k",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId="1111",
        ACL="bucket-owner-full-control",
        StorageClass="STANDARD_IA",
        Tagging="team=shop&cost=a%20b",
    )
    context = need.context
    assert context["s3:x-amz-server-side-encryption"] == "aws:kms"
    assert context["s3:x-amz-server-side-encryption-aws-kms-key-id"] == KEY
    assert context["s3:x-amz-acl"] == "bucket-owner-full-control"
    assert context["s3:x-amz-storage-class"] == "STANDARD_IA"
    assert context["s3:RequestObjectTag/team"] == "shop"
    assert context["s3:RequestObjectTag/cost"] == "a b"
    assert context["s3:RequestObjectTagKeys"] == ["team", "cost"]
    assert context["s3:ObjectCreationOperation"] is True
    assert "aws:RequestTag/team" not in context


def test_a_copy_tells_its_source_and_a_part_creates_no_object() -> None:
    copied = of("CopyObject", Bucket="b", Key="k", CopySource="/src/a%20o", MetadataDirective="REPLACE")[1]
    assert copied.context["s3:x-amz-copy-source"] == "src/a o"
    assert copied.context["s3:x-amz-metadata-directive"] == "REPLACE"
    assert of("UploadPart", Bucket="b", Key="k")[0].context["s3:ObjectCreationOperation"] is False


def test_versions_and_locks_are_told() -> None:
    (need,) = of("GetObject", Bucket="b", Key="k", VersionId="v1")
    assert need.context["s3:versionid"] == "v1"
    (need,) = of(
        "PutObjectRetention",
        Bucket="b",
        Key="k",
        Retention={"Mode": "GOVERNANCE", "RetainUntilDate": NOON + timedelta(days=30)},
    )
    assert need.context["s3:object-lock-mode"] == "GOVERNANCE"
    assert need.context["s3:object-lock-remaining-retention-days"] == 30


def test_signed_requests_tell_the_signature_and_anonymous_ones_do_not() -> None:
    assert of("GetObject", Bucket="b", Key="k")[0].context["s3:signatureversion"] == "AWS4-HMAC-SHA256"
    anonymous = Principal("123456789012", "anonymous", "anonymous", "Anonymous")
    (need,) = needs(called("s3", "GetObject", by=anonymous, Bucket="b", Key="k"))
    assert "s3:signatureversion" not in need.context


def test_an_access_point_is_told() -> None:
    (need,) = of("GetObject", Bucket=POINT, Key="k")
    assert need.context["s3:DataAccessPointArn"] == POINT
    assert need.context["s3:DataAccessPointAccount"] == "123456789012"


def test_the_owner_of_a_bucket_is_that_of_its_objects() -> None:
    owned = Known(bucket_owners={"b": "210987654321"})
    (need,) = of("GetObject", owned, Bucket="b", Key="k")
    assert need.resource_account == "210987654321"
    assert need.context["s3:ResourceAccount"] == "210987654321"
    assert of("GetObject", Bucket="b", Key="k")[0].resource_account is None


# -- encryption ----------------------------------------------------------------------------------------


def test_a_customer_managed_key_in_the_request_is_used_in_the_callers_name() -> None:
    _, use = of("PutObject", Bucket="b", Key="k", ServerSideEncryption="aws:kms", SSEKMSKeyId="1111")
    assert (use.action, use.resource) == ("kms:GenerateDataKey", KEY)
    assert use.context["kms:ViaService"] == "s3.us-east-1.amazonaws.com"
    assert use.context["kms:EncryptionContext:aws:s3:arn"] == "arn:aws:s3:::b/k"
    assert use.context["kms:CallerAccount"] == "123456789012"


def test_aws_s3s_own_key_asks_nobody() -> None:
    assert pairs("PutObject", Bucket="b", Key="k", ServerSideEncryption="aws:kms") == ["PutObject b/k"]
    named = pairs("PutObject", Bucket="b", Key="k", ServerSideEncryption="aws:kms", SSEKMSKeyId="alias/aws/s3")
    assert named == ["PutObject b/k"]


def test_the_buckets_key_encrypts_what_names_no_other_way() -> None:
    encrypted = Known(encryption_keys={"arn:aws:s3:::b": KEY})
    assert pairs("PutObject", encrypted, Bucket="b", Key="k") == ["PutObject b/k", f"kms:GenerateDataKey {KEY}"]
    plain = pairs("PutObject", encrypted, Bucket="b", Key="k", ServerSideEncryption="AES256")
    assert plain == ["PutObject b/k"]
    parts = pairs("UploadPart", encrypted, Bucket="b", Key="k")
    assert parts == ["PutObject b/k", f"kms:GenerateDataKey {KEY}", f"kms:Decrypt {KEY}"]


def test_reading_an_encrypted_object_decrypts_it() -> None:
    encrypted = Known(encryption_keys={"arn:aws:s3:::b/k": KEY})
    assert pairs("GetObject", encrypted, Bucket="b", Key="k") == ["GetObject b/k", f"kms:Decrypt {KEY}"]
    copied = pairs("CopyObject", encrypted, Bucket="c", Key="k", CopySource="b/k")
    assert copied == ["GetObject b/k", f"kms:Decrypt {KEY}", "PutObject c/k"]
