"""From operations to IAM actions, over every operation of the services that the labs use or will use."""

from __future__ import annotations

import functools
from typing import Any

import botocore.session
import pytest

from sandbox.access import catalog
from sandbox.authorisation import actions
from sandbox.authorisation.need import Underivable
from sandbox.authorisation.needs import needs
from sandbox.gateway.services import LABS_SERVICES
from tests.authorisation.calls import called

SERVICES = (
    *LABS_SERVICES,
    "accessanalyzer",
    "apigateway",
    "apigatewaymanagementapi",
    "apigatewayv2",
    "cloudformation",
    "codedeploy",
    "cognito-idp",
    "dynamodbstreams",
    "ec2",
    "ecr",
    "kinesis",
    "organizations",
    "rds",
    "scheduler",
    "stepfunctions",
    "xray",
)


@functools.cache
def model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def without_action(service: str) -> set[str]:
    found = set()
    for operation in model(service).operation_names:
        try:
            actions.action(service, operation)
        except Underivable:
            found.add(operation)
    return found


@pytest.mark.parametrize("service", [each for each in SERVICES if each not in actions.HTTP_VERBS])
def test_every_operation_has_an_action_that_aws_knows_or_is_listed(service: str) -> None:
    unknown = without_action(service) - actions.TOLD_BY_PARAMETERS.get(service, frozenset())
    unknown -= actions.WITHOUT_PERMISSION.get(service, frozenset())
    assert unknown == actions.WITHOUT_ACTION.get(service, frozenset())


def test_lists_name_operations_that_exist() -> None:
    for table in (actions.WITHOUT_PERMISSION, actions.WITHOUT_ACTION, actions.TOLD_BY_PARAMETERS):
        for service, operations in table.items():
            assert operations <= set(model(service).operation_names), service


@pytest.mark.parametrize("service", sorted(actions.HTTP_VERBS))
def test_every_operation_of_api_gateway_has_a_verb_that_aws_knows(service: str) -> None:
    known = {action.full_name for action in catalog.actions("apigateway").values()}
    for operation in model(service).operation_names:
        shape = model(service).operation_model(operation).input_shape
        placed = (
            {}
            if shape is None
            else {name: "x" for name, member in shape.members.items() if member.serialization.get("location") == "uri"}
        )
        for need in needs(called(service, operation, **placed)):
            assert need.action in known, operation
            assert need.resource.startswith("arn:aws:apigateway:us-east-1:"), operation
            assert "{" not in need.resource


def test_prefixes_of_all_services_are_those_of_the_reference() -> None:
    every = botocore.session.get_session().get_available_services()
    without = {service for service in every if actions.prefix(service) not in catalog.services()}
    # The reference has no page for these.
    assert without == {"applicationcostprofiler", "iotthingsgraph", "opensearchmemory"}


@pytest.mark.parametrize(
    ("service", "operation", "action"),
    [
        ("dynamodb", "GetItem", "dynamodb:GetItem"),
        ("lambda", "Invoke", "lambda:InvokeFunction"),
        ("lambda", "InvokeWithResponseStream", "lambda:InvokeFunction"),
        ("lambda", "GetLayerVersionByArn", "lambda:GetLayerVersion"),
        ("lambda", "CreateFunction", "lambda:CreateFunction"),
        ("sqs", "SendMessageBatch", "sqs:SendMessage"),
        ("sqs", "DeleteMessageBatch", "sqs:DeleteMessage"),
        ("sqs", "ChangeMessageVisibilityBatch", "sqs:ChangeMessageVisibility"),
        ("sns", "PublishBatch", "sns:Publish"),
        ("cloudwatch", "PutMetricData", "cloudwatch:PutMetricData"),
        ("stepfunctions", "StartExecution", "states:StartExecution"),
        ("elbv2", "CreateRule", "elasticloadbalancing:CreateRule"),
        ("elb", "CreateLoadBalancer", "elasticloadbalancing:CreateLoadBalancer"),
        ("sesv2", "SendEmail", "ses:SendEmail"),
        ("cognito-idp", "AdminCreateUser", "cognito-idp:AdminCreateUser"),
        ("accessanalyzer", "ValidatePolicy", "access-analyzer:ValidatePolicy"),
        ("accessanalyzer", "ListFindingsV2", "access-analyzer:ListFindings"),
        ("dynamodbstreams", "GetRecords", "dynamodb:GetRecords"),
        ("resourcegroupstaggingapi", "GetResources", "tag:GetResources"),
        ("opensearch", "CreateDomain", "es:CreateDomain"),
        ("efs", "CreateFileSystem", "elasticfilesystem:CreateFileSystem"),
        ("emr", "ListClusters", "elasticmapreduce:ListClusters"),
        ("service-quotas", "GetServiceQuota", "servicequotas:GetServiceQuota"),
        ("iot-data", "Publish", "iot:Publish"),
        ("budgets", "DescribeBudgets", "budgets:ViewBudget"),
        ("sso-admin", "ListInstances", "sso:ListInstances"),
        ("timestream-write", "WriteRecords", "timestream:WriteRecords"),
        ("s3", "HeadBucket", "s3:ListBucket"),
        ("s3", "HeadObject", "s3:GetObject"),
        ("s3", "ListObjectsV2", "s3:ListBucket"),
        ("s3", "ListObjectVersions", "s3:ListBucketVersions"),
        ("s3", "ListBuckets", "s3:ListAllMyBuckets"),
        ("s3", "GetBucketEncryption", "s3:GetEncryptionConfiguration"),
        ("s3", "DeleteBucketEncryption", "s3:PutEncryptionConfiguration"),
        ("s3", "PutBucketLifecycleConfiguration", "s3:PutLifecycleConfiguration"),
        ("s3", "PutBucketNotificationConfiguration", "s3:PutBucketNotification"),
        ("s3", "PutBucketCors", "s3:PutBucketCORS"),
        ("s3", "PutPublicAccessBlock", "s3:PutBucketPublicAccessBlock"),
        ("s3control", "PutPublicAccessBlock", "s3:PutAccountPublicAccessBlock"),
        ("s3", "UploadPart", "s3:PutObject"),
        ("s3", "ListParts", "s3:ListMultipartUploadParts"),
        ("s3", "ListMultipartUploads", "s3:ListBucketMultipartUploads"),
        ("s3", "GetBucketPolicy", "s3:GetBucketPolicy"),
        ("s3", "ListDirectoryBuckets", "s3express:ListAllMyDirectoryBuckets"),
    ],
)
def test_names_of_actions(service: str, operation: str, action: str) -> None:
    assert actions.action(service, operation).full_name == action


@pytest.mark.parametrize(
    ("service", "operation"),
    [("sts", "GetCallerIdentity"), ("sts", "GetSessionToken"), ("cognito-idp", "InitiateAuth")],
)
def test_operations_that_need_no_permission_have_no_needs(service: str, operation: str) -> None:
    assert needs(called(service, operation)) == ()


@pytest.mark.parametrize(
    ("service", "operation"),
    [("iam", "AcquireRole"), ("lambda", "NoSuchOperation"), ("nosuchservice", "DoIt"), ("mturk", "NoSuch")],
)
def test_an_operation_without_an_action_is_refused_by_name(service: str, operation: str) -> None:
    with pytest.raises(Underivable, match=f"{service}:{operation}"):
        needs(called(service, operation))
