"""What S3 Block Public Access refuses, and which policies are public."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.authorisation.public_access import is_public
from sandbox.gateway.call import MEMBER_ACCOUNT
from sandbox.sandbox import Sandbox

ALL = dict.fromkeys(("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True)


def _policy(principal: Any = "*", condition: Any = None, effect: str = "Allow", resource: str = "*") -> dict[str, Any]:
    statement = {"Effect": effect, "Principal": principal, "Action": "s3:GetObject", "Resource": resource}
    if condition is not None:
        statement["Condition"] = condition
    return {"Version": "2012-10-17", "Statement": [statement]}


@pytest.mark.parametrize(
    ("policy", "public"),
    [
        (_policy(), True),
        (_policy({"AWS": "*"}), True),
        (_policy(effect="Deny"), False),
        (_policy({"AWS": "arn:aws:iam::210987654321:root"}), False),
        (_policy({"Service": "cloudtrail.amazonaws.com"}), False),
        (_policy("*", {"StringEquals": {"aws:SourceVpce": "vpce-1"}}), False),
        (_policy("*", {"StringLike": {"aws:SourceVpc": "vpc-91237329"}}), False),
        (_policy("*", {"StringLike": {"aws:SourceVpc": "vpc-*"}}), True),
        (_policy("*", {"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}), True),
        (_policy("*", {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}), False),
        (_policy("*", {"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:123456789012:*"}}), False),
        (_policy("*", {"ArnLike": {"aws:SourceArn": "arn:aws:sns:us-east-1:*:mine"}}), True),
        (_policy("*", {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}), False),
        (_policy("*", {"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}}), True),
        (_policy("*", {"Bool": {"aws:SecureTransport": "true"}}), True),
        (_policy("*", {"StringEquals": {"s3:prefix": "open/"}}), True),
    ],
)
def test_a_policy_is_public_unless_it_speaks_of_certain_callers(policy: dict[str, Any], public: bool) -> None:
    assert is_public(json.dumps(policy)) is public


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox()
    made.serve()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def s3(sandbox: Sandbox) -> Any:
    return sandbox.gateway.client("s3", sandbox.gateway.learner)


def _bucket(s3: Any, name: str, **settings: bool) -> str:
    s3.create_bucket(Bucket=name)
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=settings)
    return name


def test_a_public_policy_is_refused_and_another_taken(s3: Any) -> None:
    bucket = _bucket(s3, "blocks-policies", **ALL)
    resource = f"arn:aws:s3:::{bucket}/*"
    with pytest.raises(ClientError, match=r"AccessDenied.*BlockPublicPolicy setting in S3 Block Public Access"):
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(_policy(resource=resource)))
    other = _policy({"AWS": f"arn:aws:iam::{MEMBER_ACCOUNT}:root"}, resource=resource)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(other))
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(_policy(resource=resource)))


def test_public_acls_are_refused(s3: Any) -> None:
    bucket = _bucket(s3, "blocks-acls", BlockPublicAcls=True)
    with pytest.raises(ClientError, match="BlockPublicAcls"):
        s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    with pytest.raises(ClientError, match="BlockPublicAcls"):
        s3.put_object(Bucket=bucket, Key="one", Body=b"1", ACL="public-read")
    everyone = 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'
    with pytest.raises(ClientError, match="BlockPublicAcls"):
        s3.put_object(Bucket=bucket, Key="one", Body=b"1", GrantRead=everyone)
    s3.put_object(Bucket=bucket, Key="one", Body=b"1", ACL="private")


def test_a_restricted_bucket_with_a_public_policy_answers_its_own_account_alone(sandbox: Sandbox, s3: Any) -> None:
    bucket = _bucket(s3, "restricts", RestrictPublicBuckets=False)
    s3.put_object(Bucket=bucket, Key="one", Body=b"1")
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(_policy(resource=f"arn:aws:s3:::{bucket}/*")))
    role = f"arn:aws:iam::{MEMBER_ACCOUNT}:role/OrganizationAccountAccessRole"
    session = sandbox.gateway.client("sts", sandbox.gateway.learner).assume_role(RoleArn=role, RoleSessionName="other")
    given = session["Credentials"]
    other = sandbox.gateway.client(
        "s3",
        {
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
        },
    )
    assert other.get_object(Bucket=bucket, Key="one")["Body"].read() == b"1"
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    with pytest.raises(ClientError, match="RestrictPublicBuckets"):
        other.get_object(Bucket=bucket, Key="one")
    assert s3.get_object(Bucket=bucket, Key="one")["Body"].read() == b"1"
