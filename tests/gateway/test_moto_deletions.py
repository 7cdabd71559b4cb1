"""What hangs on what can't be deleted before it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.gateway.conftest import Clients

DOCUMENT = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
)


@pytest.fixture
def iam(clients: Clients) -> Any:
    return clients("iam")


def test_a_policy_with_versions_or_attached_stays(iam: Any) -> None:
    arn = iam.create_policy(PolicyName="kept", PolicyDocument=DOCUMENT)["Policy"]["Arn"]
    iam.create_user(UserName="holder")
    iam.attach_user_policy(UserName="holder", PolicyArn=arn)
    with pytest.raises(ClientError, match=r"DeleteConflict.*attached to entities"):
        iam.delete_policy(PolicyArn=arn)
    iam.detach_user_policy(UserName="holder", PolicyArn=arn)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=DOCUMENT)
    with pytest.raises(ClientError, match="more than one version"):
        iam.delete_policy(PolicyArn=arn)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    iam.delete_policy(PolicyArn=arn)


def test_a_user_with_a_key_or_in_a_group_stays(iam: Any) -> None:
    iam.create_user(UserName="busy")
    iam.create_group(GroupName="team")
    iam.add_user_to_group(GroupName="team", UserName="busy")
    with pytest.raises(ClientError, match="remove users from group first"):
        iam.delete_user(UserName="busy")
    with pytest.raises(ClientError, match="remove users from group first"):
        iam.delete_group(GroupName="team")
    iam.remove_user_from_group(GroupName="team", UserName="busy")
    key = iam.create_access_key(UserName="busy")["AccessKey"]["AccessKeyId"]
    with pytest.raises(ClientError, match="delete access keys first"):
        iam.delete_user(UserName="busy")
    iam.delete_access_key(UserName="busy", AccessKeyId=key)
    iam.delete_user(UserName="busy")


def test_a_group_with_policies_stays(iam: Any) -> None:
    iam.create_group(GroupName="ruled")
    iam.put_group_policy(GroupName="ruled", PolicyName="read", PolicyDocument=DOCUMENT)
    with pytest.raises(ClientError, match="must delete policies first"):
        iam.delete_group(GroupName="ruled")
    iam.delete_group_policy(GroupName="ruled", PolicyName="read")
    iam.delete_group(GroupName="ruled")
