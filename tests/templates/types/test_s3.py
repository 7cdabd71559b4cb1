"""Buckets and their policies, as a template makes them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.templates.types.resource_type import Failed, Unsupported
from tests.templates.types.conftest import STACK_ID, Bench

ALL_BLOCKED = dict.fromkeys(
    ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"),
    True,
)


def _public(bucket: str) -> dict[str, Any]:
    resource = f"arn:aws:s3:::{bucket}/*"
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": resource}
    return {"Version": "2012-10-17", "Statement": [statement]}


def test_a_bucket_has_a_name_in_small_letters_tags_and_addresses(bench: Bench) -> None:
    bucket = bench.create("AWS::S3::Bucket", {"Tags": [{"Key": "team", "Value": "shop"}]}, "Pictures")
    name = bench.ref(bucket)
    assert re.fullmatch(r"shop-pictures-[a-z0-9]{12}", name)
    assert bench.attributes(bucket) == {
        "Arn": f"arn:aws:s3:::{name}",
        "DomainName": f"{name}.s3.amazonaws.com",
        "DualStackDomainName": f"{name}.s3.dualstack.us-east-1.amazonaws.com",
        "RegionalDomainName": f"{name}.s3.us-east-1.amazonaws.com",
        "WebsiteURL": f"http://{name}.s3-website-us-east-1.amazonaws.com",
    }
    tags = {tag["Key"]: tag["Value"] for tag in bench.client("s3").get_bucket_tagging(Bucket=name)["TagSet"]}
    assert (tags["team"], tags["project"]) == ("shop", "coldstart")
    assert tags["aws:cloudformation:stack-id"] == STACK_ID


def test_settings_are_put_and_taken_back(bench: Bench) -> None:
    given = {
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
        },
        "CorsConfiguration": {
            "CorsRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "ExposedHeaders": ["etag"], "MaxAge": 9}]
        },
        "LifecycleConfiguration": {
            "Rules": [
                {
                    "Id": "old",
                    "Status": "Enabled",
                    "Prefix": "logs/",
                    "TagFilters": [{"Key": "keep", "Value": "no"}],
                    "ExpirationInDays": 30,
                    "NoncurrentVersionExpirationInDays": 3,
                    "Transitions": [{"StorageClass": "GLACIER", "TransitionInDays": 7}],
                }
            ]
        },
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "PublicAccessBlockConfiguration": ALL_BLOCKED,
        "VersioningConfiguration": {"Status": "Enabled"},
    }
    bucket = bench.create("AWS::S3::Bucket", given)
    s3, name = bench.client("s3"), bucket.physical_id
    [rule] = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms"}
    [rule] = s3.get_bucket_cors(Bucket=name)["CORSRules"]
    assert (rule["ExposeHeaders"], rule["MaxAgeSeconds"]) == (["etag"], 9)
    [rule] = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert rule["Filter"] == {"And": {"Prefix": "logs/", "Tags": [{"Key": "keep", "Value": "no"}]}}
    assert rule["Expiration"] == {"Days": 30}
    assert rule["Transitions"] == [{"Days": 7, "StorageClass": "GLACIER"}]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 3}
    assert s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"] == ALL_BLOCKED
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    bench.update(bucket, {})
    for read in ("bucket_encryption", "bucket_cors", "bucket_lifecycle_configuration", "public_access_block"):
        with pytest.raises(ClientError, match=r"Not ?Found|NoSuch|not found"):
            getattr(s3, f"get_{read}")(Bucket=name)
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Suspended"


def test_notifications_go_to_a_queue_and_stop(bench: Bench) -> None:
    queue = bench.create("AWS::SQS::Queue", {}, "Arrivals")
    arn = bench.attributes(queue)["Arn"]
    allow = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [{**allow, "Resource": arn}]}
    bench.create("AWS::SQS::QueuePolicy", {"Queues": [queue.physical_id], "PolicyDocument": policy})
    rules = [{"Name": "prefix", "Value": "in/"}]
    one = {"Event": "s3:ObjectCreated:*", "Queue": arn, "Filter": {"S3Key": {"Rules": rules}}}
    bucket = bench.create("AWS::S3::Bucket", {"NotificationConfiguration": {"QueueConfigurations": [one]}})
    s3, sqs = bench.client("s3"), bench.client("sqs")

    def received() -> list[str]:
        """The keys in the notifications that wait, and a test message as its name."""
        messages = sqs.receive_message(QueueUrl=queue.physical_id, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            sqs.delete_message(QueueUrl=queue.physical_id, ReceiptHandle=message["ReceiptHandle"])
        bodies = [json.loads(message["Body"]) for message in messages]
        return [body["Records"][0]["s3"]["object"]["key"] if "Records" in body else body["Event"] for body in bodies]

    assert received() == ["s3:TestEvent"]
    s3.put_object(Bucket=bucket.physical_id, Key="in/one", Body=b"1")
    s3.put_object(Bucket=bucket.physical_id, Key="out/two", Body=b"2")
    assert received() == ["in/one"]
    bench.update(bucket, {"NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}})
    found = s3.get_bucket_notification_configuration(Bucket=bucket.physical_id)
    assert "QueueConfigurations" not in found
    assert found["EventBridgeConfiguration"] == {}


def test_a_bucket_with_something_in_it_is_not_deleted(bench: Bench) -> None:
    bucket = bench.create("AWS::S3::Bucket", {})
    s3 = bench.client("s3")
    s3.put_object(Bucket=bucket.physical_id, Key="one", Body=b"1")
    with pytest.raises(ClientError, match="The bucket you tried to delete is not empty"):
        bench.delete(bucket)
    s3.delete_object(Bucket=bucket.physical_id, Key="one")
    bench.delete(bucket)
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3.list_objects_v2(Bucket=bucket.physical_id)


def test_a_name_that_is_taken_is_refused(bench: Bench) -> None:
    bench.create("AWS::S3::Bucket", {"BucketName": "taken-name"})
    with pytest.raises(Failed, match="taken-name already exists"):
        bench.create("AWS::S3::Bucket", {"BucketName": "taken-name"})


def test_acls_need_an_ownership_that_takes_them(bench: Bench) -> None:
    with pytest.raises(Failed, match="BucketOwnerEnforced"):
        bench.create("AWS::S3::Bucket", {"AccessControl": "LogDeliveryWrite"})
    preferred = {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}}
    bench.create("AWS::S3::Bucket", {"AccessControl": "LogDeliveryWrite", **preferred})
    with pytest.raises(Failed, match="BlockPublicAccess"):
        bench.create("AWS::S3::Bucket", {"AccessControl": "PublicRead", **preferred})
    unblocked = {"PublicAccessBlockConfiguration": {"BlockPublicAcls": False}}
    with pytest.raises(Unsupported, match="AccessControl PublicRead"):
        bench.create("AWS::S3::Bucket", {"AccessControl": "PublicRead", **preferred, **unblocked})
    bench.create("AWS::S3::Bucket", {"AccessControl": "Private"})


def test_a_policy_is_put_changed_and_taken_off(bench: Bench) -> None:
    bucket = bench.create("AWS::S3::Bucket", {}).physical_id
    given = {"Bucket": bucket, "PolicyDocument": _public(bucket)}
    policy = bench.create("AWS::S3::BucketPolicy", given)
    assert bench.ref(policy) == bucket
    with pytest.raises(Failed, match="The bucket policy already exists on bucket"):
        bench.create("AWS::S3::BucketPolicy", given)
    other = {**_public(bucket), "Id": "other"}
    policy = bench.update(policy, {"Bucket": bucket, "PolicyDocument": other})
    s3 = bench.client("s3")
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]) == other
    bench.delete(policy)
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=bucket)


def test_a_blocked_bucket_takes_no_public_policy(bench: Bench) -> None:
    bucket = bench.create("AWS::S3::Bucket", {"PublicAccessBlockConfiguration": ALL_BLOCKED}).physical_id
    with pytest.raises(ClientError, match="BlockPublicPolicy"):
        bench.create("AWS::S3::BucketPolicy", {"Bucket": bucket, "PolicyDocument": _public(bucket)})
