"""The context keys that a call brings."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sandbox.access import catalog
from sandbox.access.request import Context
from sandbox.authorisation import key_sources
from sandbox.authorisation.keys import call_context, clock_context
from sandbox.authorisation.look_up import NOTHING, LookUp
from sandbox.authorisation.needs import needs
from tests.authorisation.calls import NOON, Known, called

KEY = "arn:aws:kms:us-east-1:123456789012:key/1111"


def context(service: str, operation: str, /, look_up: LookUp = NOTHING, **params: Any) -> dict[str, Any]:
    """The context of the first thing that a call needs."""
    return dict(needs(called(service, operation, **params), look_up)[0].context)


# -- keys of every call: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html ----


def test_every_call_tells_when_where_and_from_whence_it_came() -> None:
    told = call_context(called("sqs", "SendMessage", region="eu-west-1"))
    assert told == {
        "aws:CurrentTime": NOON,
        "aws:EpochTime": 1_772_366_400,
        "aws:RequestedRegion": "eu-west-1",
        "aws:SecureTransport": True,
        "aws:SourceIp": "127.0.0.1",
        "aws:UserAgent": "Boto3/1.44",
        "aws:ViaAWSService": False,
    }
    assert Context(told)["aws:currenttime"] == ("2026-03-01T12:00:00Z",)


def test_services_without_regions_are_called_in_one() -> None:
    assert call_context(called("iam", "ListUsers", region="eu-west-1"))["aws:RequestedRegion"] == "us-east-1"
    assert call_context(called("organizations", "ListRoots", region="eu-west-1"))["aws:RequestedRegion"] == "us-east-1"
    assert call_context(called("sts", "AssumeRole", region="eu-west-1"))["aws:RequestedRegion"] == "eu-west-1"


def test_a_call_that_a_service_forwards_tells_the_way() -> None:
    way = ("cloudformation.amazonaws.com", "dynamodb.amazonaws.com")
    call = called("kms", "Decrypt")
    told = call_context(replace(call, principal=replace(call.principal, via=way)))
    assert "aws:SourceIp" not in told
    assert told["aws:ViaAWSService"] is True
    assert told["aws:CalledVia"] == list(way)
    assert (told["aws:CalledViaFirst"], told["aws:CalledViaLast"]) == way


def test_the_clock_tells_the_time_alone() -> None:
    assert clock_context(NOON + timedelta(seconds=1))["aws:EpochTime"] == 1_772_366_401


# -- tags in the request -------------------------------------------------------------------------------

CAPITAL = [{"Key": "team", "Value": "shop"}, {"Key": "cost", "Value": "1"}]
SMALL = [{"key": "team", "value": "shop"}, {"key": "cost", "value": "1"}]
OF_KMS = [{"TagKey": "team", "TagValue": "shop"}, {"TagKey": "cost", "TagValue": "1"}]


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("lambda", "CreateFunction", {"FunctionName": "f", "Tags": {"team": "shop", "cost": "1"}}),
        ("dynamodb", "CreateTable", {"TableName": "t", "Tags": CAPITAL}),
        ("sqs", "CreateQueue", {"QueueName": "q", "tags": {"team": "shop", "cost": "1"}}),
        ("iam", "TagRole", {"RoleName": "r", "Tags": CAPITAL}),
        ("kms", "TagResource", {"KeyId": "1", "Tags": OF_KMS}),
        ("logs", "CreateLogGroup", {"logGroupName": "g", "tags": {"team": "shop", "cost": "1"}}),
        ("ecr", "CreateRepository", {"repositoryName": "r", "tags": CAPITAL}),
        ("stepfunctions", "CreateStateMachine", {"name": "m", "tags": SMALL}),
        (
            "ec2",
            "CreateVpc",
            {
                "TagSpecifications": [
                    {"ResourceType": "vpc", "Tags": CAPITAL},
                    {"ResourceType": "subnet", "Tags": [{"Key": "other", "Value": "x"}]},
                ]
            },
        ),
        ("apigateway", "CreateRestApi", {"name": "a", "tags": {"team": "shop", "cost": "1"}}),
    ],
)
def test_tags_in_a_request(service: str, operation: str, params: dict[str, Any]) -> None:
    told = context(service, operation, **params)
    assert told["aws:RequestTag/team"] == "shop"
    assert told["aws:RequestTag/cost"] == "1"
    assert told["aws:TagKeys"] == ["team", "cost"]
    assert "aws:RequestTag/other" not in told


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("lambda", "UntagResource", {"Resource": "arn:aws:lambda:us-east-1:123456789012:function:f", "TagKeys": ["a"]}),
        ("iam", "UntagUser", {"UserName": "u", "TagKeys": ["a"]}),
        ("sqs", "UntagQueue", {"QueueUrl": "http://x/123456789012/q", "TagKeys": ["a"]}),
    ],
)
def test_removed_tags_tell_their_keys_only(service: str, operation: str, params: dict[str, Any]) -> None:
    told = context(service, operation, **params)
    assert told["aws:TagKeys"] == ["a"]
    assert not [name for name in told if name.startswith("aws:RequestTag/")]


def test_an_action_that_knows_no_request_tags_has_none() -> None:
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
    assert context("dynamodb", "DescribeTable", TableName="t", Tags=[{"Key": "a", "Value": "b"}]) == {}


# -- keys of services ----------------------------------------------------------------------------------

SERVICE_KEYS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    # https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html
    (
        "lambda",
        "CreateEventSourceMapping",
        {"FunctionName": "f:live", "EventSourceArn": "arn:aws:sqs:::q"},
        {"lambda:FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:f:live"},
    ),
    (
        "lambda",
        "AddPermission",
        {"FunctionName": "f", "Principal": "s3.amazonaws.com", "FunctionUrlAuthType": "NONE"},
        {"lambda:Principal": "s3.amazonaws.com", "lambda:FunctionUrlAuthType": "NONE"},
    ),
    (
        "lambda",
        "CreateFunctionUrlConfig",
        {"FunctionName": "f", "AuthType": "AWS_IAM"},
        {
            "lambda:FunctionUrlAuthType": "AWS_IAM",
            "lambda:FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:f",
        },
    ),
    (
        "lambda",
        "UpdateFunctionConfiguration",
        {"FunctionName": "f", "Layers": ["l:1"], "VpcConfig": {"SubnetIds": ["s1"], "SecurityGroupIds": ["g1"]}},
        {"lambda:Layer": ["l:1"], "lambda:SubnetIds": ["s1"], "lambda:SecurityGroupIds": ["g1"]},
    ),
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
    (
        "iam",
        "AttachRolePolicy",
        {"RoleName": "r", "PolicyArn": "arn:aws:iam::aws:policy/X"},
        {"iam:PolicyARN": "arn:aws:iam::aws:policy/X"},
    ),
    ("iam", "CreateRole", {"RoleName": "r", "PermissionsBoundary": "arn:b"}, {"iam:PermissionsBoundary": "arn:b"}),
    (
        "iam",
        "PutRolePermissionsBoundary",
        {"RoleName": "r", "PermissionsBoundary": "arn:b"},
        {"iam:PermissionsBoundary": "arn:b"},
    ),
    (
        "iam",
        "CreateServiceLinkedRole",
        {"AWSServiceName": "ecs.amazonaws.com"},
        {"iam:AWSServiceName": "ecs.amazonaws.com"},
    ),
    (
        "sts",
        "AssumeRole",
        {
            "RoleArn": "arn:aws:iam::123456789012:role/r",
            "RoleSessionName": "s",
            "ExternalId": "x",
            "SourceIdentity": "ann",
            "TransitiveTagKeys": ["team"],
            "Tags": [{"Key": "team", "Value": "shop"}],
        },
        {
            "sts:RoleSessionName": "s",
            "sts:ExternalId": "x",
            "sts:SourceIdentity": "ann",
            "sts:TransitiveTagKeys": ["team"],
            "aws:RequestTag/team": "shop",
            "aws:TagKeys": ["team"],
        },
    ),
    (
        "sns",
        "Subscribe",
        {"TopicArn": "arn:aws:sns:us-east-1:123456789012:t", "Protocol": "https", "Endpoint": "https://x"},
        {"sns:Protocol": "https", "sns:Endpoint": "https://x"},
    ),
    # https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
    (
        "kms",
        "Encrypt",
        {"KeyId": "alias/a", "Plaintext": b"", "EncryptionContext": {"app": "shop", "kind": "card"}},
        {
            "kms:EncryptionContext:app": "shop",
            "kms:EncryptionContext:kind": "card",
            "kms:EncryptionContextKeys": ["app", "kind"],
            "kms:RequestAlias": "alias/a",
            "kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
            "kms:CallerAccount": "123456789012",
        },
    ),
    (
        "kms",
        "CreateGrant",
        {
            "KeyId": "1",
            "GranteePrincipal": "arn:p",
            "Operations": ["Decrypt"],
            "Constraints": {"EncryptionContextSubset": {"a": "b"}},
        },
        {
            "kms:GranteePrincipal": "arn:p",
            "kms:GrantOperations": ["Decrypt"],
            "kms:GrantConstraintType": "EncryptionContextSubset",
            "kms:EncryptionContext:a": "b",
        },
    ),
    (
        "kms",
        "CreateKey",
        {},
        {
            "kms:KeySpec": "SYMMETRIC_DEFAULT",
            "kms:KeyUsage": "ENCRYPT_DECRYPT",
            "kms:KeyOrigin": "AWS_KMS",
            "kms:MultiRegion": False,
            "kms:BypassPolicyLockoutSafetyCheck": False,
        },
    ),
    ("kms", "ScheduleKeyDeletion", {"KeyId": "1"}, {"kms:ScheduleKeyDeletionPendingWindowInDays": 30}),
    (
        "kms",
        "Sign",
        {"KeyId": "1", "SigningAlgorithm": "RSASSA_PSS_SHA_256"},
        {"kms:SigningAlgorithm": "RSASSA_PSS_SHA_256", "kms:MessageType": "RAW"},
    ),
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html
    (
        "secretsmanager",
        "GetSecretValue",
        {"SecretId": "db", "VersionStage": "AWSPREVIOUS", "VersionId": "v"},
        {
            "secretsmanager:SecretId": "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-??????",
            "secretsmanager:VersionStage": "AWSPREVIOUS",
            "secretsmanager:VersionId": "v",
        },
    ),
    (
        "secretsmanager",
        "CreateSecret",
        {"Name": "db", "KmsKeyId": "1111", "Description": "d"},
        {
            "secretsmanager:Name": "db",
            "secretsmanager:Description": "d",
            "secretsmanager:KmsKeyId": "1111",
            "secretsmanager:KmsKeyArn": KEY,
        },
    ),
    (
        "secretsmanager",
        "DeleteSecret",
        {"SecretId": "db", "ForceDeleteWithoutRecovery": True},
        {"secretsmanager:ForceDeleteWithoutRecovery": True},
    ),
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-access.html
    ("ssm", "PutParameter", {"Name": "a", "Value": "b", "Overwrite": True}, {"ssm:Overwrite": "true"}),
    ("ssm", "GetParametersByPath", {"Path": "/a", "Recursive": True}, {"ssm:Recursive": "true"}),
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html
    ("cloudwatch", "PutMetricData", {"Namespace": "Shop", "MetricData": []}, {"cloudwatch:namespace": "Shop"}),
    (
        "cloudwatch",
        "PutMetricAlarm",
        {"AlarmName": "a", "AlarmActions": ["x"], "OKActions": ["y"]},
        {"cloudwatch:AlarmActions": ["x", "y"]},
    ),
    (
        "cloudwatch",
        "PutInsightRule",
        {"RuleName": "r", "RuleDefinition": json.dumps({"LogGroupNames": ["/a", "/b"]})},
        {"cloudwatch:requestInsightRuleLogGroups": ["/a", "/b"]},
    ),
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
    (
        "events",
        "PutRule",
        {"Name": "r", "EventPattern": json.dumps({"source": ["shop"], "detail-type": ["paid", {"prefix": "x"}]})},
        {"events:source": ["shop"], "events:detail-type": ["paid"], "events:creatorAccount": "123456789012"},
    ),
    (
        "events",
        "PutTargets",
        {"Rule": "r", "Targets": [{"Id": "1", "Arn": "arn:a"}, {"Id": "2", "Arn": "arn:b"}]},
        {"events:TargetArn": ["arn:a", "arn:b"]},
    ),
    (
        "events",
        "PutEvents",
        {"Entries": [{"Source": "shop", "DetailType": "paid"}]},
        {"events:source": ["shop"], "events:detail-type": ["paid"]},
    ),
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/control-access-with-iam.html
    (
        "cloudformation",
        "CreateChangeSet",
        {"StackName": "s", "ChangeSetName": "c", "RoleARN": "arn:aws:iam::1:role/r", "ResourceTypes": ["AWS::S3::*"]},
        {
            "cloudformation:ChangeSetName": "c",
            "cloudformation:RoleArn": "arn:aws:iam::1:role/r",
            "cloudformation:ResourceTypes": ["AWS::S3::*"],
        },
    ),
    (
        "stepfunctions",
        "StartExecution",
        {"stateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:m:live"},
        {"states:StateMachineQualifier": ["live"]},
    ),
    (
        "organizations",
        "EnableAWSServiceAccess",
        {"ServicePrincipal": "x.amazonaws.com"},
        {"organizations:ServicePrincipal": "x.amazonaws.com"},
    ),
    (
        "rds",
        "CreateDBInstance",
        {
            "DBInstanceIdentifier": "m",
            "Engine": "postgres",
            "DBInstanceClass": "db.t4g.micro",
            "StorageEncrypted": True,
        },
        {"rds:DatabaseEngine": "postgres", "rds:DatabaseClass": "db.t4g.micro", "rds:StorageEncrypted": True},
    ),
    (
        "apigateway",
        "CreateRestApi",
        {"name": "shop", "endpointConfiguration": {"types": ["REGIONAL"]}, "disableExecuteApiEndpoint": True},
        {
            "apigateway:Request/ApiName": "shop",
            "apigateway:Request/EndpointType": ["REGIONAL"],
            "apigateway:Request/DisableExecuteApiEndpoint": True,
        },
    ),
]


@pytest.mark.parametrize(("service", "operation", "params", "expected"), SERVICE_KEYS)
def test_keys_of_a_service(service: str, operation: str, params: dict[str, Any], expected: dict[str, Any]) -> None:
    told = context(service, operation, **params)
    assert {name: told.get(name) for name in expected} == expected


def test_a_users_own_boundary_counts_where_the_request_sets_none() -> None:
    role = "arn:aws:iam::123456789012:role/r"
    state = Known(boundaries={role: "arn:aws:iam::123456789012:policy/edge"})
    told = context("iam", "PutRolePolicy", state, RoleName="r", PolicyName="p", PolicyDocument="{}")
    assert told["iam:PermissionsBoundary"] == "arn:aws:iam::123456789012:policy/edge"
    assert "iam:PermissionsBoundary" not in context("iam", "CreateRole", state, RoleName="r")


def test_a_mapping_tells_the_function_that_it_invokes() -> None:
    mapping = "arn:aws:lambda:us-east-1:123456789012:event-source-mapping:u"
    function = "arn:aws:lambda:us-east-1:123456789012:function:f"
    state = Known(mappings={mapping: function})
    assert context("lambda", "DeleteEventSourceMapping", state, UUID="u")["lambda:FunctionArn"] == function
    changed = context("lambda", "UpdateEventSourceMapping", state, UUID="u", FunctionName="other")
    assert changed["lambda:FunctionArn"] == "arn:aws:lambda:us-east-1:123456789012:function:other"


def test_every_instance_has_the_keys_of_its_own_type() -> None:
    found = needs(called("ec2", "RunInstances", ImageId="ami-1", InstanceType="t3.micro", SubnetId="subnet-1"))
    told = {need.resource.rpartition(":")[2]: need.context for need in found}
    assert told["instance/*"]["ec2:InstanceType"] == "t3.micro"
    assert "ec2:InstanceType" not in told["image/ami-1"]
    assert told["subnet/subnet-1"]["ec2:Region"] == "us-east-1"


def test_every_key_is_one_that_aws_knows() -> None:
    for service, table in key_sources.KEYS.items():
        known = {key.name for key in catalog.condition_keys(service).values()}
        assert set(table) <= known, service
