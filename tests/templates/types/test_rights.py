"""A caller with the rights that AWS's handlers of a type need has those that the type needs here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.templates.types import registry, schemas
from tests.templates.types.conftest import ROLE_TRUST, STACK, Bench

KEY_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
    ],
}
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
TAGS = [{"Key": "team", "Value": "shop"}]


class Limited(Bench):
    """The bench with another caller: one who may do what a policy says."""

    def __init__(self, bench: Bench) -> None:
        self.sandbox = bench.sandbox
        self.clock = bench.clock
        self._iam = bench.client("iam")
        self._iam.create_user(UserName="limited")
        key = self._iam.create_access_key(UserName="limited")["AccessKey"]
        found = self.sandbox.gateway.find_key(key["AccessKeyId"])
        assert found is not None
        self._credentials = self.sandbox.gateway.forward_access(found.principal, "cloudformation.amazonaws.com", 3600)

    def allow(self, actions: list[str]) -> None:
        statement = {"Effect": "Allow", "Action": sorted(set(actions)), "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._iam.create_policy(PolicyName="rights", PolicyDocument=document)
        self._iam.attach_user_policy(UserName="limited", PolicyArn=self._arn)

    def forbid(self) -> None:
        self._iam.detach_user_policy(UserName="limited", PolicyArn=self._arn)
        self._iam.delete_policy(PolicyArn=self._arn)

    _arn = f"arn:aws:iam::{STACK.account}:policy/rights"


@pytest.fixture(scope="module")
def limited(bench: Bench) -> Limited:
    return Limited(bench)


@pytest.fixture(scope="module")
def there(bench: Bench) -> Mapping[str, str]:
    """What the resources refer to, by the names that stand in the cases."""
    role = bench.create("AWS::IAM::Role", {"AssumeRolePolicyDocument": ROLE_TRUST}, "Role")
    queues = "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"
    bench.client("iam").attach_role_policy(RoleName=role.physical_id, PolicyArn=queues)
    code = {"ZipFile": "def handler(event, context): pass\n"}
    role_arn = bench.attributes(role)["Arn"]
    given = {"Code": code, "Handler": "index.handler", "Role": role_arn, "Runtime": "python3.11"}
    function = bench.create("AWS::Lambda::Function", given, "Function")
    queue = bench.create("AWS::SQS::Queue", {}, "Queue")
    return {
        "ROLE_ARN": role_arn,
        "ROLE": role.physical_id,
        "FUNCTION_ARN": bench.attributes(function)["Arn"],
        "FUNCTION": function.physical_id,
        "QUEUE_ARN": bench.attributes(queue)["Arn"],
        "TOPIC": bench.ref(bench.create("AWS::SNS::Topic", {}, "Topic")),
        "BUCKET": bench.ref(bench.create("AWS::S3::Bucket", {}, "Bucket")),
        "KEY": bench.ref(bench.create("AWS::KMS::Key", {"KeyPolicy": KEY_POLICY}, "Key")),
        "GROUP": bench.ref(bench.create("AWS::IAM::Group", {}, "Group")),
    }


#: Type, properties at first, properties then (None: it is not updated).
CASES: list[tuple[str, dict[str, Any], dict[str, Any] | None]] = [
    (
        "AWS::Lambda::Function",
        {
            "Code": {"ZipFile": "def handler(event, context): pass\n"},
            "Handler": "index.handler",
            "Role": "$ROLE_ARN",
            "Runtime": "python3.11",
            "ReservedConcurrentExecutions": 1,
            "Tags": TAGS,
        },
        {
            "Code": {"ZipFile": "def handler(event, context): return 1\n"},
            "Handler": "index.handler",
            "Role": "$ROLE_ARN",
            "Runtime": "python3.11",
            "MemorySize": 256,
        },
    ),
    ("AWS::Lambda::Version", {"FunctionName": "$FUNCTION"}, None),
    (
        "AWS::Lambda::Alias",
        {"FunctionName": "$FUNCTION", "FunctionVersion": "$$LATEST", "Name": "live"},
        {"FunctionName": "$FUNCTION", "FunctionVersion": "$$LATEST", "Name": "live", "Description": "new"},
    ),
    (
        "AWS::Lambda::Permission",
        {"FunctionName": "$FUNCTION", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"},
        None,
    ),
    (
        "AWS::Lambda::EventSourceMapping",
        {"FunctionName": "$FUNCTION", "EventSourceArn": "$QUEUE_ARN", "Tags": TAGS},
        {"FunctionName": "$FUNCTION", "EventSourceArn": "$QUEUE_ARN", "BatchSize": 3},
    ),
    (
        "AWS::Lambda::Url",
        {"TargetFunctionArn": "$FUNCTION_ARN", "AuthType": "NONE"},
        {"TargetFunctionArn": "$FUNCTION_ARN", "AuthType": "AWS_IAM"},
    ),
    (
        "AWS::Lambda::EventInvokeConfig",
        {"FunctionName": "$FUNCTION", "Qualifier": "$$LATEST", "MaximumRetryAttempts": 0},
        {"FunctionName": "$FUNCTION", "Qualifier": "$$LATEST", "MaximumRetryAttempts": 1},
    ),
    (
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": ROLE_TRUST,
            "ManagedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
            "Policies": [{"PolicyName": "one", "PolicyDocument": POLICY}],
            "Tags": TAGS,
        },
        {"AssumeRolePolicyDocument": ROLE_TRUST, "Description": "new"},
    ),
    (
        "AWS::IAM::Policy",
        {"PolicyName": "one", "PolicyDocument": POLICY, "Roles": ["$ROLE"]},
        {"PolicyName": "two", "PolicyDocument": POLICY, "Roles": ["$ROLE"]},
    ),
    (
        "AWS::IAM::ManagedPolicy",
        {"PolicyDocument": POLICY, "Roles": ["$ROLE"]},
        {"PolicyDocument": {**POLICY, "Id": "new"}},
    ),
    ("AWS::IAM::InstanceProfile", {"Roles": ["$ROLE"]}, None),
    ("AWS::IAM::User", {"Groups": ["$GROUP"], "Tags": TAGS}, {"Path": "/new/"}),
    (
        "AWS::IAM::Group",
        {"Policies": [{"PolicyName": "one", "PolicyDocument": POLICY}]},
        {"Policies": [{"PolicyName": "two", "PolicyDocument": POLICY}]},
    ),
    (
        "AWS::IAM::OIDCProvider",
        {"Url": "https://issuer.example.com", "ClientIdList": ["one"], "Tags": TAGS},
        {"Url": "https://issuer.example.com", "ClientIdList": ["two"]},
    ),
    ("AWS::Logs::LogGroup", {"RetentionInDays": 7, "Tags": TAGS}, {}),
    (
        "AWS::DynamoDB::Table",
        {
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            "TimeToLiveSpecification": {"AttributeName": "end", "Enabled": True},
            "StreamSpecification": {"StreamViewType": "KEYS_ONLY"},
            "Tags": TAGS,
        },
        {
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        },
    ),
    (
        "AWS::S3::Bucket",
        {
            "BucketName": "made-with-few-rights",
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            },
            "PublicAccessBlockConfiguration": {"BlockPublicPolicy": True},
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "ExpirationInDays": 3}]},
            "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
            "VersioningConfiguration": {"Status": "Enabled"},
        },
        {"BucketName": "made-with-few-rights", "Tags": TAGS},
    ),
    (
        "AWS::S3::BucketPolicy",
        {
            "Bucket": "$BUCKET",
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:GetObject",
                        "Resource": "arn:aws:s3:::$BUCKET/*",
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    }
                ],
            },
        },
        None,
    ),
    (
        "AWS::SNS::Topic",
        {"Subscription": [{"Protocol": "sqs", "Endpoint": "$QUEUE_ARN"}], "Tags": TAGS},
        {"DisplayName": "new"},
    ),
    (
        "AWS::SNS::Subscription",
        {"TopicArn": "$TOPIC", "Protocol": "sqs", "Endpoint": "$QUEUE_ARN"},
        {"TopicArn": "$TOPIC", "Protocol": "sqs", "Endpoint": "$QUEUE_ARN", "RawMessageDelivery": True},
    ),
    ("AWS::Events::EventBus", {"Name": "few-rights", "Tags": TAGS}, {"Name": "few-rights"}),
    (
        "AWS::Events::Rule",
        {"EventPattern": {"source": ["a"]}, "Targets": [{"Id": "one", "Arn": "$QUEUE_ARN"}], "Tags": TAGS},
        {"EventPattern": {"source": ["b"]}},
    ),
    (
        "AWS::SSM::Parameter",
        {"Type": "String", "Value": "1", "Tags": {"team": "shop"}},
        {"Type": "String", "Value": "2"},
    ),
    (
        "AWS::SecretsManager::Secret",
        {"GenerateSecretString": {"PasswordLength": 20}, "Tags": TAGS},
        {"GenerateSecretString": {"PasswordLength": 30}, "Description": "new"},
    ),
    (
        "AWS::KMS::Key",
        {"KeyPolicy": KEY_POLICY, "EnableKeyRotation": True, "Tags": TAGS},
        {"KeyPolicy": KEY_POLICY, "Enabled": False},
    ),
    ("AWS::KMS::Alias", {"AliasName": "alias/few", "TargetKeyId": "$KEY"}, None),
    (
        "AWS::Kinesis::Stream",
        {"ShardCount": 1, "RetentionPeriodHours": 48, "Tags": TAGS},
        {"ShardCount": 2, "StreamEncryption": {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}},
    ),
]


def _filled(value: Any, there: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return re.sub(r"\$(\$|\w+)", lambda found: "$" if found[1] == "$" else there[found[1]], value)
    if isinstance(value, list):
        return [_filled(one, there) for one in value]
    if isinstance(value, dict):
        return {name: _filled(one, there) for name, one in value.items()}
    return value


def _needs(kind: str, handler: str) -> list[str]:
    found = schemas.schema(kind).get("handlers", {}).get(handler, {}).get("permissions", ())
    return [str(action) for action in found]


@pytest.mark.parametrize(("kind", "first", "then"), CASES, ids=[case[0] for case in CASES])
def test_the_rights_of_the_handlers_suffice(
    limited: Limited,
    there: Mapping[str, str],
    kind: str,
    first: dict[str, Any],
    then: dict[str, Any] | None,
) -> None:
    limited.allow(_needs(kind, "create"))
    try:
        work = limited.create(kind, _filled(first, there), "Few")
        limited.forbid()
        limited.allow(_needs(kind, "create") + _needs(kind, "read"))
        limited.attributes(work)
        if then is not None:
            limited.forbid()
            limited.allow(_needs(kind, "update"))
            work = limited.update(work, _filled(then, there))
            entry = registry.find(kind)
            if entry.ready is not None:
                assert limited.wait(lambda: entry.ready(work), 10)  # type: ignore[misc]
        limited.forbid()
        limited.allow(_needs(kind, "delete"))
        limited.delete(work)
    finally:
        limited.forbid()


def test_without_the_rights_there_is_nothing(limited: Limited) -> None:
    limited.allow(["sns:ListTopics"])
    try:
        with pytest.raises(ClientError, match=r"is not authorized to perform: (sns|SNS):CreateTopic"):
            limited.create("AWS::SNS::Topic", {}, "Denied")
    finally:
        limited.forbid()
