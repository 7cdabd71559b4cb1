"""Which resources calls are about: every operation of the labs' services, and the forms in which names come."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest

from sandbox.access import catalog
from sandbox.authorisation import actions
from sandbox.authorisation.look_up import LookUp, Nothing
from sandbox.authorisation.need import Underivable
from sandbox.authorisation.needs import needs
from sandbox.compute.arns import parse_function
from sandbox.gateway.call import AwsError
from tests.authorisation.calls import ANN, NOON, SESSION, Known, called
from tests.authorisation.test_actions import SERVICES, model

HERE = "us-east-1:123456789012"


def resources(service: str, operation: str, look_up: LookUp | None = None, **params: Any) -> list[str]:
    """What the operation's own action is asked about; ARNs of the call's region and account without what they share."""
    found = needs(called(service, operation, **params), look_up or Nothing())
    first = found[0].action
    return [need.resource.removeprefix("arn:aws:").replace(HERE, "") for need in found if need.action == first]


# -- one call after another ----------------------------------------------------------------------------

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:orders"
ROLE = "arn:aws:iam::123456789012:role/orders"
GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/orders"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/shop/0b05dfd0"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1111"

CASES: list[tuple[str, str, dict[str, Any], list[str]]] = [
    # https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html
    ("lambda", "Invoke", {"FunctionName": "orders"}, ["lambda::function:orders"]),
    ("lambda", "Invoke", {"FunctionName": "orders:live"}, ["lambda::function:orders:live"]),
    ("lambda", "Invoke", {"FunctionName": "orders", "Qualifier": "live"}, ["lambda::function:orders:live"]),
    ("lambda", "Invoke", {"FunctionName": "orders", "Qualifier": "$LATEST"}, ["lambda::function:orders:$LATEST"]),
    ("lambda", "Invoke", {"FunctionName": FUNCTION}, ["lambda::function:orders"]),
    ("lambda", "Invoke", {"FunctionName": FUNCTION + ":7"}, ["lambda::function:orders:7"]),
    ("lambda", "Invoke", {"FunctionName": "123456789012:function:orders:7"}, ["lambda::function:orders:7"]),
    (
        "lambda",
        "Invoke",
        {"FunctionName": "210987654321:function:orders"},
        ["lambda:us-east-1:210987654321:function:orders"],
    ),
    ("lambda", "GetAlias", {"FunctionName": "orders", "Name": "live"}, ["lambda::function:orders"]),
    (
        "lambda",
        "PutProvisionedConcurrencyConfig",
        {"FunctionName": "orders", "Qualifier": "live", "ProvisionedConcurrentExecutions": 1},
        ["lambda::function:orders:live"],
    ),
    ("lambda", "ListFunctions", {}, ["*"]),
    ("lambda", "CreateEventSourceMapping", {"FunctionName": "orders", "EventSourceArn": "arn:aws:sqs:::q"}, ["*"]),
    ("lambda", "DeleteEventSourceMapping", {"UUID": "91eaeb7e"}, ["lambda::event-source-mapping:91eaeb7e"]),
    ("lambda", "GetLayerVersion", {"LayerName": "tools", "VersionNumber": 3}, ["lambda::layer:tools:3"]),
    ("lambda", "PublishLayerVersion", {"LayerName": "tools", "Content": {"ZipFile": b""}}, ["lambda::layer:tools"]),
    ("lambda", "TagResource", {"Resource": FUNCTION, "Tags": {"a": "b"}}, ["lambda::function:orders"]),
    (
        "lambda",
        "GetLayerVersionByArn",
        {"Arn": "arn:aws:lambda:us-east-1:1:layer:t:3"},
        ["lambda:us-east-1:1:layer:t:3"],
    ),
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html
    ("sqs", "SendMessage", {"QueueUrl": "http://127.0.0.1:4566/123456789012/jobs"}, ["sqs::jobs"]),
    ("sqs", "SendMessage", {"QueueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/jobs"}, ["sqs::jobs"]),
    (
        "sqs",
        "ReceiveMessage",
        {"QueueUrl": "http://127.0.0.1:4566/210987654321/jobs.fifo"},
        ["sqs:us-east-1:210987654321:jobs.fifo"],
    ),
    ("sqs", "CreateQueue", {"QueueName": "jobs"}, ["sqs::jobs"]),
    (
        "sqs",
        "GetQueueUrl",
        {"QueueName": "jobs", "QueueOwnerAWSAccountId": "210987654321"},
        ["sqs:us-east-1:210987654321:jobs"],
    ),
    ("sqs", "ListQueues", {}, ["*"]),
    # https://docs.aws.amazon.com/sns/latest/dg/sns-using-identity-based-policies.html
    ("sns", "Publish", {"TopicArn": "arn:aws:sns:us-east-1:123456789012:news", "Message": "m"}, ["sns::news"]),
    ("sns", "Publish", {"PhoneNumber": "+1", "Message": "m"}, ["*"]),
    (
        "sns",
        "Publish",
        {"TargetArn": "arn:aws:sns:us-east-1:123456789012:endpoint/GCM/app/1", "Message": "m"},
        ["sns::endpoint/GCM/app/1"],
    ),
    ("sns", "CreateTopic", {"Name": "news"}, ["sns::news"]),
    ("sns", "Unsubscribe", {"SubscriptionArn": "arn:aws:sns:us-east-1:123456789012:news:6d6f"}, ["sns::news"]),
    ("sns", "ListTopics", {}, ["*"]),
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/security_iam_service-with-iam.html
    ("dynamodb", "DescribeTable", {"TableName": "orders"}, ["dynamodb::table/orders"]),
    ("dynamodb", "CreateTable", {"TableName": "orders"}, ["dynamodb::table/orders"]),
    ("dynamodb", "ListTables", {}, ["*"]),
    (
        "dynamodb",
        "TagResource",
        {"ResourceArn": "arn:aws:dynamodb:us-east-1:123456789012:table/orders", "Tags": []},
        ["dynamodb::table/orders"],
    ),
    (
        "dynamodb",
        "RestoreTableToPointInTime",
        {"SourceTableName": "orders", "TargetTableName": "copy"},
        ["dynamodb::table/orders", "dynamodb::table/copy"],
    ),
    (
        "dynamodbstreams",
        "GetRecords",
        {"ShardIterator": "arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/2026|1|AAAA"},
        ["dynamodb::table/orders/stream/2026"],
    ),
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    ("iam", "GetRole", {"RoleName": "orders"}, ["iam::123456789012:role/orders"]),
    ("iam", "CreateRole", {"RoleName": "orders", "Path": "/svc/"}, ["iam::123456789012:role/svc/orders"]),
    ("iam", "CreateUser", {"UserName": "bob"}, ["iam::123456789012:user/bob"]),
    ("iam", "CreatePolicy", {"PolicyName": "p", "Path": "/a/"}, ["iam::123456789012:policy/a/p"]),
    (
        "iam",
        "AttachRolePolicy",
        {"RoleName": "r", "PolicyArn": "arn:aws:iam::aws:policy/X"},
        ["iam::123456789012:role/r"],
    ),
    ("iam", "GetPolicy", {"PolicyArn": "arn:aws:iam::aws:policy/X"}, ["iam::aws:policy/X"]),
    ("iam", "GetUser", {}, ["iam::123456789012:user/staff/ann"]),
    ("iam", "ChangePassword", {"OldPassword": "a", "NewPassword": "b"}, ["iam::123456789012:user/staff/ann"]),
    ("iam", "ListUsers", {}, ["iam::123456789012:user/"]),
    ("iam", "ListRoles", {"PathPrefix": "/svc/"}, ["iam::123456789012:role/svc/"]),
    ("iam", "ListPolicies", {}, ["policy path /"]),
    ("iam", "GetAccountSummary", {}, ["*"]),
    (
        "iam",
        "CreateOpenIDConnectProvider",
        {"Url": "https://token.actions.githubusercontent.com"},
        ["iam::123456789012:oidc-provider/token.actions.githubusercontent.com"],
    ),
    (
        "iam",
        "CreateServiceLinkedRole",
        {"AWSServiceName": "ecs.amazonaws.com"},
        ["iam::123456789012:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleFor*"],
    ),
    ("iam", "SimulatePrincipalPolicy", {"PolicySourceArn": ROLE, "ActionNames": []}, ["iam::123456789012:role/orders"]),
    ("iam", "GenerateServiceLastAccessedDetails", {"Arn": ROLE}, ["iam::123456789012:role/orders"]),
    ("iam", "CreateVirtualMFADevice", {"VirtualMFADeviceName": "phone"}, ["iam::123456789012:mfa/phone"]),
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html
    ("sts", "AssumeRole", {"RoleArn": ROLE, "RoleSessionName": "s"}, ["iam::123456789012:role/orders"]),
    ("sts", "GetFederationToken", {"Name": "bob"}, ["sts::123456789012:federated-user/bob"]),
    ("sts", "AssumeRoot", {"TargetPrincipal": "210987654321"}, ["iam::210987654321:root"]),
    ("sts", "DecodeAuthorizationMessage", {"EncodedMessage": "x"}, ["*"]),
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
    ("logs", "CreateLogGroup", {"logGroupName": "/app"}, ["logs::log-group:/app:log-stream:"]),
    ("logs", "PutLogEvents", {"logGroupName": "/app", "logStreamName": "a"}, ["logs::log-group:/app:log-stream:a"]),
    (
        "logs",
        "GetLogEvents",
        {"logGroupIdentifier": GROUP, "logStreamName": "a"},
        ["logs::log-group:/aws/lambda/orders:log-stream:a"],
    ),
    (
        "logs",
        "FilterLogEvents",
        {"logGroupIdentifier": GROUP + ":*"},
        ["logs::log-group:/aws/lambda/orders:log-stream:"],
    ),
    ("logs", "DescribeLogGroups", {"logGroupNamePrefix": "/app"}, ["logs::log-group::log-stream:"]),
    (
        "logs",
        "StartQuery",
        {"logGroupNames": ["/a", "/b"]},
        ["logs::log-group:/a:log-stream:", "logs::log-group:/b:log-stream:"],
    ),
    ("logs", "GetQueryResults", {"queryId": "q"}, ["logs::log-group::log-stream:"]),
    ("logs", "TagResource", {"resourceArn": GROUP, "tags": {"a": "b"}}, ["logs::log-group:/aws/lambda/orders"]),
    (
        "logs",
        "PutSubscriptionFilter",
        {"logGroupName": "/app", "destinationArn": FUNCTION},
        ["logs::log-group:/app:log-stream:"],
    ),
    ("logs", "StopQuery", {"queryId": "q"}, ["*"]),
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/permissions-reference-cw.html
    ("cloudwatch", "PutMetricData", {"Namespace": "Shop"}, ["*"]),
    ("cloudwatch", "PutMetricAlarm", {"AlarmName": "late"}, ["cloudwatch::alarm:late"]),
    ("cloudwatch", "DeleteAlarms", {"AlarmNames": ["a", "b"]}, ["cloudwatch::alarm:a", "cloudwatch::alarm:b"]),
    ("cloudwatch", "DescribeAlarms", {}, ["cloudwatch::alarm:*"]),
    ("cloudwatch", "PutDashboard", {"DashboardName": "d"}, ["cloudwatch::123456789012:dashboard/d"]),
    # https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_iam-policies.html
    ("secretsmanager", "GetSecretValue", {"SecretId": "db"}, ["secretsmanager::secret:db-??????"]),
    ("secretsmanager", "CreateSecret", {"Name": "db"}, ["secretsmanager::secret:db-??????"]),
    (
        "secretsmanager",
        "GetSecretValue",
        {"SecretId": "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"},
        ["secretsmanager::secret:db-AbCdEf"],
    ),
    ("secretsmanager", "ListSecrets", {}, ["*"]),
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-access.html
    ("ssm", "GetParameter", {"Name": "/shop/db"}, ["ssm::parameter/shop/db"]),
    ("ssm", "GetParameter", {"Name": "flag"}, ["ssm::parameter/flag"]),
    ("ssm", "GetParameter", {"Name": "/shop/db:3"}, ["ssm::parameter/shop/db"]),
    ("ssm", "GetParameters", {"Names": ["/a", "b"]}, ["ssm::parameter/a", "ssm::parameter/b"]),
    ("ssm", "GetParametersByPath", {"Path": "/shop"}, ["ssm::parameter/shop"]),
    ("ssm", "GetParametersByPath", {"Path": "/"}, ["ssm::parameter/"]),
    ("ssm", "DescribeParameters", {}, ["*"]),
    ("ssm", "AddTagsToResource", {"ResourceType": "Parameter", "ResourceId": "/a", "Tags": []}, ["ssm::parameter/a"]),
    (
        "ssm",
        "SendCommand",
        {"DocumentName": "AWS-RunShellScript", "InstanceIds": ["i-1", "mi-2"]},
        ["ssm:us-east-1::document/AWS-RunShellScript", "ec2::instance/i-1", "ssm::managed-instance/mi-2"],
    ),
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-manage-iam-access.html
    ("events", "PutRule", {"Name": "nightly"}, ["events::rule/nightly"]),
    ("events", "PutRule", {"Name": "nightly", "EventBusName": "default"}, ["events::rule/nightly"]),
    ("events", "PutRule", {"Name": "paid", "EventBusName": "shop"}, ["events::rule/shop/paid"]),
    (
        "events",
        "PutTargets",
        {"Rule": "paid", "EventBusName": "arn:aws:events:us-east-1:123456789012:event-bus/shop", "Targets": []},
        ["events::rule/shop/paid"],
    ),
    (
        "events",
        "TagResource",
        {"ResourceARN": "arn:aws:events:us-east-1:123456789012:rule/shop/paid", "Tags": []},
        ["events::rule/shop/paid"],
    ),
    ("events", "DescribeEventBus", {}, ["events::event-bus/default"]),
    ("events", "CreateEventBus", {"Name": "shop"}, ["events::event-bus/shop"]),
    # https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html
    ("kms", "DescribeKey", {"KeyId": "1111"}, ["kms::key/1111"]),
    ("kms", "DescribeKey", {"KeyId": KEY}, ["kms::key/1111"]),
    ("kms", "Encrypt", {"KeyId": "alias/unknown", "Plaintext": b"x"}, ["kms::alias/unknown"]),
    ("kms", "CreateAlias", {"AliasName": "alias/a", "TargetKeyId": "1111"}, ["kms::alias/a", "kms::key/1111"]),
    ("kms", "CreateKey", {}, ["*"]),
    ("kms", "RetireGrant", {"GrantToken": "t"}, ["*"]),
    # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/security_iam_service-with-iam.html
    ("cloudtrail", "LookupEvents", {}, ["*"]),
    ("cloudtrail", "GetTrail", {"Name": "all"}, ["cloudtrail::trail/all"]),
    (
        "cloudtrail",
        "StartLogging",
        {"Name": "arn:aws:cloudtrail:us-east-1:123456789012:trail/all"},
        ["cloudtrail::trail/all"],
    ),
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/control-access-with-iam.html
    ("cloudformation", "CreateStack", {"StackName": "shop"}, ["cloudformation::stack/shop/*"]),
    ("cloudformation", "DescribeStacks", {"StackName": STACK}, ["cloudformation::stack/shop/0b05dfd0"]),
    ("cloudformation", "DescribeStacks", {}, ["*"]),
    (
        "cloudformation",
        "ExecuteChangeSet",
        {"StackName": "shop", "ChangeSetName": "c"},
        ["cloudformation::stack/shop/*"],
    ),
    ("cloudformation", "ValidateTemplate", {"TemplateBody": "{}"}, ["*"]),
    # https://docs.aws.amazon.com/codedeploy/latest/userguide/auth-and-access-control-permissions-reference.html
    (
        "codedeploy",
        "CreateDeployment",
        {"applicationName": "shop", "deploymentGroupName": "live"},
        ["codedeploy::deploymentgroup:shop/live"],
    ),
    ("codedeploy", "GetDeploymentConfig", {"deploymentConfigName": "c"}, ["codedeploy::deploymentconfig:c"]),
    # https://docs.aws.amazon.com/step-functions/latest/dg/auth-version-alias.html
    ("stepfunctions", "StartExecution", {"stateMachineArn": MACHINE}, ["states::stateMachine:orders"]),
    ("stepfunctions", "StartExecution", {"stateMachineArn": MACHINE + ":live"}, ["states::stateMachine:orders"]),
    ("stepfunctions", "CreateStateMachine", {"name": "orders", "roleArn": ROLE}, ["states::stateMachine:orders"]),
    (
        "stepfunctions",
        "StopExecution",
        {"executionArn": "arn:aws:states:us-east-1:123456789012:execution:orders:1"},
        ["states::execution:orders:1"],
    ),
    ("kinesis", "PutRecord", {"StreamName": "clicks", "Data": b""}, ["kinesis::stream/clicks"]),
    (
        "kinesis",
        "DescribeStreamConsumer",
        {"StreamARN": "arn:aws:kinesis:us-east-1:123456789012:stream/clicks", "ConsumerName": "c"},
        ["kinesis::stream/clicks/consumer/c:*"],
    ),
    ("scheduler", "GetSchedule", {"Name": "n"}, ["scheduler::schedule/default/n"]),
    ("scheduler", "GetSchedule", {"Name": "n", "GroupName": "g"}, ["scheduler::schedule/g/n"]),
    (
        "cognito-idp",
        "AdminGetUser",
        {"UserPoolId": "us-east-1_x", "Username": "u"},
        ["cognito-idp::userpool/us-east-1_x"],
    ),
    (
        "ecr",
        "BatchGetImage",
        {"repositoryName": "app", "registryId": "210987654321"},
        ["ecr:us-east-1:210987654321:repository/app"],
    ),
    ("ecr", "DescribeRepositories", {}, ["ecr::repository/*"]),
    ("xray", "PutTraceSegments", {"TraceSegmentDocuments": []}, ["*"]),
    ("xray", "CreateGroup", {"GroupName": "g"}, ["xray::group/g/*"]),
    ("xray", "CreateSamplingRule", {"SamplingRule": {"RuleName": "r"}}, ["xray::sampling-rule/r"]),
    ("accessanalyzer", "ValidatePolicy", {"policyDocument": "{}"}, ["*"]),
    ("accessanalyzer", "GetAnalyzer", {"analyzerName": "a"}, ["access-analyzer::analyzer/a"]),
    ("rds", "DescribeDBInstances", {}, ["rds::db:*"]),
    ("rds", "DescribeDBInstances", {"DBInstanceIdentifier": "main"}, ["rds::db:main"]),
    (
        "rds",
        "CreateDBInstance",
        {"DBInstanceIdentifier": "main", "DBSubnetGroupName": "g"},
        ["rds::db:main", "rds::subgrp:g"],
    ),
    ("rds", "CreateDBProxy", {"DBProxyName": "p"}, ["*"]),
    # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ExamplePolicies_EC2.html
    ("ec2", "DescribeInstances", {}, ["*"]),
    ("ec2", "TerminateInstances", {"InstanceIds": ["i-1", "i-2"]}, ["ec2::instance/i-1", "ec2::instance/i-2"]),
    ("ec2", "CreateVpc", {"CidrBlock": "10.0.0.0/16"}, ["ec2::vpc/*"]),
    ("ec2", "CreateSecurityGroup", {"GroupName": "web", "VpcId": "vpc-1"}, ["ec2::security-group/*", "ec2::vpc/vpc-1"]),
    (
        "ec2",
        "CreateTags",
        {"Resources": ["i-1", "ami-2"], "Tags": []},
        ["ec2::instance/i-1", "ec2:us-east-1::image/ami-2"],
    ),
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-iam-policy-examples.html
    ("apigateway", "GetRestApis", {}, ["apigateway:us-east-1::/restapis"]),
    (
        "apigateway",
        "PutIntegration",
        {"restApiId": "a", "resourceId": "r", "httpMethod": "GET"},
        ["apigateway:us-east-1::/restapis/a/resources/r/methods/GET/integration"],
    ),
    (
        "apigateway",
        "GetTags",
        {"resourceArn": "arn:aws:apigateway:us-east-1::/restapis/a"},
        ["apigateway:us-east-1::/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2Fa"],
    ),
    ("apigatewayv2", "CreateRoute", {"ApiId": "a", "RouteKey": "GET /"}, ["apigateway:us-east-1::/apis/a/routes"]),
]


@pytest.mark.parametrize(("service", "operation", "params", "expected"), CASES)
def test_resources_of_a_call(service: str, operation: str, params: dict[str, Any], expected: list[str]) -> None:
    assert resources(service, operation, **params) == expected


# -- what the state knows ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "given", "arn", "service", "operation", "params"),
    [
        (
            "secretsmanager:Secret",
            "db",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf",
            "secretsmanager",
            "GetSecretValue",
            {"SecretId": "db"},
        ),
        ("kms:key", "alias/main", KEY, "kms", "Encrypt", {"KeyId": "alias/main", "Plaintext": b"x"}),
        ("kms:ciphertext", "sealed", KEY, "kms", "Decrypt", {"CiphertextBlob": b"sealed"}),
        ("kms:key", "alias/main", KEY, "kms", "Decrypt", {"CiphertextBlob": b"sealed", "KeyId": "alias/main"}),
        ("iam:role", "orders", "arn:aws:iam::123456789012:role/svc/orders", "iam", "GetRole", {"RoleName": "orders"}),
        ("iam:user", "bob", "arn:aws:iam::123456789012:user/staff/bob", "iam", "DeleteUser", {"UserName": "bob"}),
        ("iam:access-key", "AKIA1", ANN.arn, "iam", "GetAccessKeyLastUsed", {"AccessKeyId": "AKIA1"}),
        ("cloudformation:stack", "shop", STACK, "cloudformation", "DeleteStack", {"StackName": "shop"}),
        (
            "cloudformation:stack",
            "arn:aws:cloudformation:us-east-1:123456789012:changeSet/c/1",
            STACK,
            "cloudformation",
            "DescribeChangeSet",
            {"ChangeSetName": "arn:aws:cloudformation:us-east-1:123456789012:changeSet/c/1"},
        ),
        (
            "codedeploy:deployment",
            "d-1",
            "arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:shop/live",
            "codedeploy",
            "GetDeployment",
            {"deploymentId": "d-1"},
        ),
        (
            "kinesis:shard-iterator",
            "AAAA",
            "arn:aws:kinesis:us-east-1:123456789012:stream/clicks",
            "kinesis",
            "GetRecords",
            {"ShardIterator": "AAAA"},
        ),
        (
            "organizations:organization",
            "",
            "arn:aws:organizations::123456789012:organization/o-abc",
            "organizations",
            "DescribeOrganization",
            {},
        ),
    ],
)
def test_the_state_tells_what_a_name_does_not(
    kind: Any, given: str, arn: str, service: str, operation: str, params: dict[str, Any]
) -> None:
    found = needs(called(service, operation, **params), Known({(kind, given): arn}))
    assert found[0].resource == ("*" if operation == "DescribeOrganization" else arn)


def test_ids_of_an_organization_stand_in_its_arns() -> None:
    state = Known({("organizations:organization", ""): "arn:aws:organizations::123456789012:organization/o-abc"})
    attached = needs(called("organizations", "AttachPolicy", PolicyId="p-1", TargetId="ou-1"), state)
    assert {need.resource for need in attached} == {
        "arn:aws:organizations::123456789012:ou/o-abc/ou-1",
        "arn:aws:organizations::123456789012:policy/o-abc/*/p-1",
    }
    moved = needs(
        called(
            "organizations",
            "MoveAccount",
            AccountId="210987654321",
            SourceParentId="r-1",
            DestinationParentId="ou-1",
        ),
        state,
    )
    assert {need.resource.rpartition("/")[2] for need in moved} == {"210987654321", "r-1", "ou-1"}


def test_a_caller_without_a_user_name_has_no_user_of_its_own() -> None:
    (need,) = needs(called("iam", "GetUser", by=SESSION))
    assert need.resource == "*"


def test_re_encryption_asks_both_keys() -> None:
    state = Known({("kms:ciphertext", "sealed"): KEY, ("kms:key", "2222"): KEY.replace("1111", "2222")})
    found = needs(called("kms", "ReEncrypt", CiphertextBlob=b"sealed", DestinationKeyId="2222"), state)
    assert [(need.action, need.resource[-4:], need.context["kms:ReEncryptOnSameKey"]) for need in found] == [
        ("kms:ReEncryptFrom", "1111", False),
        ("kms:ReEncryptTo", "2222", False),
    ]


def test_an_alias_that_moves_asks_for_both_keys() -> None:
    state = Known({("kms:key", "alias/a"): KEY, ("kms:key", "2222"): KEY.replace("1111", "2222")})
    found = needs(called("kms", "UpdateAlias", AliasName="alias/a", TargetKeyId="2222"), state)
    assert {need.resource.rpartition(":")[2] for need in found} == {"alias/a", "key/1111", "key/2222"}


# -- what can't be told --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("kms", "Decrypt", {"CiphertextBlob": b"sealed"}),
        ("kinesis", "GetRecords", {"ShardIterator": "AAAA"}),
        ("kinesis", "PutRecord", {"Data": b""}),
        ("cloudformation", "RecordHandlerProgress", {"BearerToken": "t"}),
        ("organizations", "AttachPolicy", {"PolicyId": "p-1", "TargetId": "r-1"}),
        ("sts", "AssumeRole", {"RoleArn": "orders", "RoleSessionName": "s"}),
        ("dynamodb", "UpdateTable", {}),
        ("dynamodb", "GetItem", {"TableName": {"not": "a name"}, "Key": {}}),
        ("dynamodb", "TransactWriteItems", {"TransactItems": []}),
        ("dynamodb", "BatchGetItem", {"RequestItems": []}),
        ("lambda", "Invoke", {"FunctionName": "orders/../secret"}),
        ("lambda", "Invoke", {"FunctionName": {"a": 7}}),
        ("lambda", "Invoke", {"FunctionName": "arn:aws:lambda:us-east-1:123456789012:layer:x"}),
        ("s3", "DeleteObjects", {"Bucket": "b", "Delete": {"Objects": []}}),
        ("ec2", "CreateTags", {"Resources": ["x-1"], "Tags": []}),
        ("logs", "GetLogEvents", {"logGroupName": "/a", "logGroupIdentifier": "/b", "logStreamName": "s"}),
        ("apigatewaymanagementapi", "PostToConnection", {"ConnectionId": "c", "Data": b""}),
        ("apigateway", "GetRestApi", {}),
        ("events", "PutEvents", {"Entries": []}),
        ("events", "PutEvents", {"Entries": ["x"]}),
    ],
)
def test_a_resource_that_cannot_be_told_refuses_the_call_by_name(
    service: str, operation: str, params: dict[str, Any]
) -> None:
    with pytest.raises(Underivable, match=operation):
        needs(called(service, operation, **params))


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("dynamodb", "GetItem", {"TableName": "arn:aws:dynamodb:eu-west-1:123456789012:table/t", "Key": {}}),
        ("dynamodb", "DescribeTable", {"TableName": "arn:aws:dynamodb:eu-west-1:123456789012:table/t"}),
        ("lambda", "Invoke", {"FunctionName": FUNCTION.replace("us-east-1", "eu-west-1")}),
        ("lambda", "Invoke", {"FunctionName": "eu-west-1:orders"}),
        ("sns", "Publish", {"TopicArn": "arn:aws:sns:eu-west-1:123456789012:t", "Message": "m"}),
        ("kms", "Decrypt", {"KeyId": KEY.replace("us-east-1", "eu-west-1"), "CiphertextBlob": b""}),
        ("events", "PutEvents", {"Entries": [{"EventBusName": "arn:aws:events:eu-west-1:1:event-bus/b"}]}),
    ],
)
def test_an_arn_of_another_region_is_refused(service: str, operation: str, params: dict[str, Any]) -> None:
    # What answers goes by the name in the ARN: it would be another resource than the one that was asked about.
    with pytest.raises(Underivable, match="another region"):
        needs(called(service, operation, **params))


def test_a_region_given_with_a_function_is_no_name() -> None:
    # Lambda reads REGION:NAME; as name and qualifier it would be another function.
    assert resources("lambda", "Invoke", FunctionName="us-east-1:orders") == ["lambda::function:orders"]


@pytest.mark.parametrize(
    "given",
    [
        "orders",
        "orders:live",
        "orders:$LATEST",
        "function:orders:7",
        "123456789012:orders",
        "123456789012:function:orders:live",
        "210987654321:function:orders",
        "us-east-1:orders",
        "us-east-1:123456789012:function:orders",
        FUNCTION,
        FUNCTION + ":live",
        "123456789012",
        "us-east-1",
        "function",
        "function:function",
        "a:b:c",
        "",
        "orders:",
        "órders",
        "orders\n",
    ],
)
def test_functions_are_read_as_lambda_reads_them(given: str) -> None:
    try:
        answered = parse_function(given, "123456789012", "us-east-1").arn
    except AwsError:
        with pytest.raises(Underivable):
            needs(called("lambda", "Invoke", FunctionName=given))
    else:
        assert needs(called("lambda", "Invoke", FunctionName=given))[0].resource == answered


# -- every operation of the labs' services -------------------------------------------------------------

#: Operations that only AWS's own state could tell the resource of, or that the sandbox has no use for: they are
#: refused unless the parameters name it.
UNTOLD = {
    ("apigatewaymanagementapi", "DeleteConnection"),
    ("apigatewaymanagementapi", "GetConnection"),
    ("apigatewaymanagementapi", "PostToConnection"),
    ("cloudformation", "ExecuteStackRefactor"),
    ("cloudformation", "RecordHandlerProgress"),
    ("ec2", "DeleteTrafficMirrorFilterRule"),
    ("ec2", "DetachNetworkInterface"),
    ("ec2", "DisassociateIamInstanceProfile"),
    ("ec2", "DisassociateNatGatewayAddress"),
    ("ec2", "DisassociateSubnetCidrBlock"),
    ("ec2", "ModifyTrafficMirrorFilterRule"),
    ("ec2", "MoveCapacityReservationInstances"),
    ("ec2", "ReplaceIamInstanceProfileAssociation"),
    ("ec2", "ReplaceNetworkAclAssociation"),
    ("lambda", "SendDurableExecutionCallbackFailure"),
    ("lambda", "SendDurableExecutionCallbackHeartbeat"),
    ("lambda", "SendDurableExecutionCallbackSuccess"),
    ("organizations", "TerminateResponsibilityTransfer"),
    ("organizations", "UpdateResponsibilityTransfer"),
    ("s3", "WriteGetObjectResponse"),
    ("ssm", "CancelMaintenanceWindowExecution"),
}

#: Operations for which AWS knows resource types, and that are asked about `*` although all their parameters are given.
WHOLE = {
    ("cloudformation", "ListHookResults"),
    ("cloudwatch", "GetMetricData"),
    ("cloudwatch", "ListMetrics"),
    ("cloudwatch", "PutMetricData"),
    ("ec2", "CancelImportTask"),
    ("ec2", "DeleteNetworkInterfacePermission"),
    ("ec2", "DeleteVpcEndpointConnectionNotifications"),
    ("ec2", "DisassociateVpcCidrBlock"),
    ("ec2", "ModifyVpcEndpointConnectionNotification"),
    ("iam", "GetAccessKeyLastUsed"),
    ("logs", "ListLogAnomalyDetectors"),
    ("organizations", "InviteAccountToOrganization"),
    ("organizations", "InviteOrganizationToTransferResponsibility"),
    ("ssm", "StartAccessRequest"),
}

#: Values that have to have a form, by member.
_FORMS = {
    "CopySource": "b/k",
    "InstanceId": "i-1",
    "RequestRoute": "r",
    "ResourceIds": "vpc-1",
    "Resources": "i-1",
    "Statement": "SELECT * FROM t WHERE a = 1",
    "StackPolicyDuringUpdateURL": "https://b.s3.amazonaws.com/k",
    "StackPolicyURL": "https://b.s3.amazonaws.com/k",
    "TemplateURL": "https://b.s3.amazonaws.com/k",
}
_OF_ORGANIZATIONS = {
    "AccountId": "210987654321",
    "ChildId": "210987654321",
    "DestinationParentId": "ou-1",
    "HandshakeId": "h-1",
    "OrganizationalUnitId": "ou-1",
    "ParentId": "r-1",
    "PolicyId": "p-1",
    "ResourceId": "p-1",
    "RootId": "r-1",
    "SourceParentId": "r-1",
    "TargetId": "210987654321",
}


_OF_OPERATIONS: dict[tuple[str, str], dict[str, Any]] = {
    ("dynamodbstreams", "GetRecords"): {
        "ShardIterator": "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/l|1|x",
    },
    ("events", "StartReplay"): {
        "EventSourceArn": "arn:aws:events:us-east-1:123456789012:archive/a",
        "Destination": {"Arn": "arn:aws:events:us-east-1:123456789012:event-bus/b"},
    },
    ("logs", "CreateDelivery"): {
        "deliveryDestinationArn": "arn:aws:logs:us-east-1:123456789012:delivery-destination:d",
    },
    ("logs", "GetLogEvents"): {"logGroupIdentifier": None},
    ("secretsmanager", "RotateSecret"): {"RotationLambdaARN": FUNCTION},
}


class Answering(Known):
    """Knows an ARN of the right kind for everything that only the state knows."""

    _MADE = {  # noqa: RUF012
        "cloudformation:stack": STACK,
        "codedeploy:deployment": "arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:a/g",
        "ec2:associated-route-table": "arn:aws:ec2:us-east-1:123456789012:route-table/rtb-1",
        "ec2:associated-subnet": "arn:aws:ec2:us-east-1:123456789012:subnet/subnet-1",
        "iam:instance-profile-role": ROLE,
        "kinesis:shard-iterator": "arn:aws:kinesis:us-east-1:123456789012:stream/s",
        "kms:ciphertext": KEY,
        "organizations:organization": "arn:aws:organizations::123456789012:organization/o-abc",
        "sqs:message-move-task": "arn:aws:sqs:us-east-1:123456789012:q",
    }

    def arn(self, account: str, region: str, kind: Any, given: str) -> str | None:
        return self._MADE.get(kind)


def _arn_for(service: str, operation: str, member: str) -> str | None:
    """The ARN of a resource of the type that a member is likeliest to take."""
    action = actions.action(service, operation)
    known = [catalog.resource_type(action, use) for use in action.resources]
    types = [each for each in known if each is not None]
    plain = re.sub("[^a-z0-9]", "", member.lower())
    types.sort(key=lambda each: (re.sub("[^a-z0-9]", "", each.name.lower()) not in plain, -len(each.name)))
    if not types:
        return None
    given = {"Partition": "aws", "Region": "us-east-1", "Account": "123456789012"}
    return re.sub(r"\$\{([^}]+)\}", lambda match: given.get(match[1], "x"), types[0].arns[0])


def _filled(shape: Any, name: str, service: str, operation: str, depth: int = 0) -> Any:
    """A value for every member of a shape."""
    kind = shape.type_name
    if kind == "structure":
        if depth > 3:
            return {}
        return {key: _filled(inner, key, service, operation, depth + 1) for key, inner in shape.members.items()}
    if kind == "list":
        return [_filled(shape.member, name, service, operation, depth + 1)]
    if kind == "map":
        return {"k": _filled(shape.value, name, service, operation, depth + 1)}
    if kind == "string":
        return _text(shape, name, service, operation)
    plain: dict[str, Any] = {"boolean": True, "blob": b"x", "timestamp": NOON, "float": 1.0, "double": 1.0}
    return plain.get(kind, 1)


def _text(shape: Any, name: str, service: str, operation: str) -> str:
    lower = name.lower()
    if service == "organizations" and name in _OF_ORGANIZATIONS:
        return _OF_ORGANIZATIONS[name]
    if service == "ssm" and name == "InstanceId" and "Managed" in operation:
        return "mi-1"
    if name in _FORMS:
        return _FORMS[name]
    if getattr(shape, "enum", None):
        return str(shape.enum[0])
    if "rolearn" in lower:
        return ROLE
    if lower.endswith(("arn", "arns")) or (
        lower in ("resource", "resourceid", "resourceidlist", "resourcename") and service != "ssm"
    ):
        return _arn_for(service, operation, name) or f"{name}-value"
    return f"{name}-value"


@pytest.mark.parametrize("service", [each for each in SERVICES if each not in actions.HTTP_VERBS])
def test_every_operation_tells_its_resources_or_is_listed(service: str) -> None:
    untold, whole = set(), set()
    for operation in model(service).operation_names:
        listed = operation in actions.WITHOUT_ACTION.get(service, ())
        if listed or not actions.needs_permission(service, operation):
            continue
        shape = model(service).operation_model(operation).input_shape
        told_by_parameters = operation in actions.TOLD_BY_PARAMETERS.get(service, ())
        named = "DescribeTable" if told_by_parameters and service == "dynamodb" else operation
        named = "Encrypt" if told_by_parameters and service == "kms" else named
        params = {} if shape is None else _filled(shape, "", service, named)
        params.update(_OF_OPERATIONS.get((service, operation), {}))
        try:
            found = needs(called(service, operation, **params), Answering())
        except Underivable:
            untold.add((service, operation))
            continue
        for need in found:
            assert need.resource == "*" or not re.search(r"\$\{", need.resource), operation
        types = () if told_by_parameters else actions.action(service, operation).resources
        if types and found[0].resource == "*":
            whole.add((service, operation))
    assert untold == {each for each in UNTOLD if each[0] == service}
    assert whole == {each for each in WHOLE if each[0] == service}


def test_resources_are_of_the_types_that_the_reference_has_for_the_action() -> None:
    for service, operation, params, _ in CASES:
        if service in actions.HTTP_VERBS or service == "lambda" or "TargetArn" in params or operation == "Encrypt":
            # A function's versions and aliases are types of their own, that the reference has for few actions; SNS's
            # endpoints it has not at all; an unknown alias of KMS stands for no key.
            continue
        action = actions.action(service, operation)
        for need in needs(called(service, operation, **params)):
            if need.action == action.full_name and need.resource.startswith("arn:") and action.resources:
                assert catalog.applies(action, need.resource), (operation, need.resource)


def test_moments_are_no_names() -> None:
    # A member that is named like a resource, but of another type of value, names nothing.
    assert resources("cloudwatch", "DescribeAlarms", AlarmNames=datetime(2026, 1, 1)) == ["cloudwatch::alarm:*"]
