"""moto's timers and dates follow the sandbox's clock."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from sandbox.gateway.pipeline import Gateway

DAY = 86_400


@pytest.fixture(scope="module", autouse=True)
def ahead(gateway: Gateway) -> None:
    gateway.clock.advance(30 * DAY)


def near(moment: datetime | float, gateway: Gateway, seconds: float = 60) -> bool:
    at = moment.timestamp() if isinstance(moment, datetime) else moment
    return abs(at - gateway.clock.now()) < seconds


def test_a_message_is_hidden_for_its_visibility_time_out(clients: Any, gateway: Gateway) -> None:
    sqs = clients("sqs")
    url = sqs.create_queue(QueueName="hidden", Attributes={"VisibilityTimeout": "300"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="one")
    (message,) = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"])["Messages"]
    assert near(int(message["Attributes"]["SentTimestamp"]) / 1000, gateway)
    gateway.clock.advance(295)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    gateway.clock.advance(6)
    (again,) = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"])["Messages"]
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"


def test_a_delayed_message_waits(clients: Any, gateway: Gateway) -> None:
    sqs = clients("sqs")
    url = sqs.create_queue(QueueName="delayed", Attributes={"DelaySeconds": "600"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="one")
    gateway.clock.advance(595)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    gateway.clock.advance(6)
    assert sqs.receive_message(QueueUrl=url)["Messages"]


def test_what_is_made_has_sandbox_dates(clients: Any, gateway: Gateway, trust_policy: str) -> None:
    s3, iam, secrets = clients("s3"), clients("iam"), clients("secretsmanager")
    s3.create_bucket(Bucket="dated")
    s3.put_object(Bucket="dated", Key="k", Body=b"")
    assert near(s3.list_buckets()["Buckets"][0]["CreationDate"], gateway)
    assert near(s3.head_object(Bucket="dated", Key="k")["LastModified"], gateway)
    assert near(iam.create_role(RoleName="dated", AssumeRolePolicyDocument=trust_policy)["Role"]["CreateDate"], gateway)
    secrets.create_secret(Name="dated", SecretString="s")
    assert near(secrets.describe_secret(SecretId="dated")["CreatedDate"], gateway)
    ssm = clients("ssm")
    ssm.put_parameter(Name="/dated", Value="v", Type="String")
    assert near(ssm.get_parameter(Name="/dated")["Parameter"]["LastModifiedDate"], gateway)
    key = clients("kms").create_key()["KeyMetadata"]
    assert near(key["CreationDate"], gateway)


def test_a_table_and_its_stream_have_sandbox_dates(clients: Any, gateway: Gateway) -> None:
    table = clients("dynamodb").create_table(
        TableName="dated",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    assert near(table["CreationDateTime"], gateway)


def test_credentials_of_an_assumed_role_end_in_sandbox_time(clients: Any, gateway: Gateway, role_arn: str) -> None:
    made = clients("sts").assume_role(RoleArn=role_arn, RoleSessionName="dated", DurationSeconds=900)
    assert near(made["Credentials"]["Expiration"].timestamp() - 900, gateway)


def test_only_moto_is_shifted() -> None:
    import time

    import botocore.utils

    assert botocore.utils.time is time
    assert abs(datetime.now().timestamp() - time.time()) < 5
