"""What calls need beside their own action: roles passed, tags on what is made, keys, code and layers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sandbox.access import catalog
from sandbox.authorisation import passing
from sandbox.authorisation.look_up import NOTHING, LookUp
from sandbox.authorisation.need import Need, Underivable
from sandbox.authorisation.needs import needs
from sandbox.gateway.call import SessionDetails
from tests.authorisation.calls import NOON, SESSION, Known, called

ROLE = "arn:aws:iam::123456789012:role/worker"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1111"
TAGS = [{"Key": "team", "Value": "shop"}]


def beside(service: str, operation: str, /, look_up: LookUp = NOTHING, **params: Any) -> list[Need]:
    """All needs but those for the operation's own action."""
    found = needs(called(service, operation, **params), look_up)
    return [need for need in found if need.action != found[0].action]


# -- passing roles: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html --------------------


@pytest.mark.parametrize(
    ("service", "operation", "params", "passed_to"),
    [
        ("lambda", "CreateFunction", {"FunctionName": "f", "Role": ROLE}, "lambda"),
        ("lambda", "UpdateFunctionConfiguration", {"FunctionName": "f", "Role": ROLE}, "lambda"),
        ("events", "PutRule", {"Name": "r", "RoleArn": ROLE}, "events"),
        ("events", "PutTargets", {"Rule": "r", "Targets": [{"Id": "1", "Arn": "a", "RoleArn": ROLE}]}, "events"),
        ("stepfunctions", "CreateStateMachine", {"name": "m", "roleArn": ROLE}, "states"),
        (
            "codedeploy",
            "CreateDeploymentGroup",
            {"applicationName": "a", "deploymentGroupName": "g", "serviceRoleArn": ROLE},
            "codedeploy",
        ),
        ("cloudformation", "CreateStack", {"StackName": "s", "RoleARN": ROLE}, "cloudformation"),
        ("cloudformation", "DeleteStack", {"StackName": "s", "RoleARN": ROLE}, "cloudformation"),
        ("scheduler", "CreateSchedule", {"Name": "s", "Target": {"Arn": "a", "RoleArn": ROLE}}, "scheduler"),
        ("pipes", "CreatePipe", {"Name": "p", "RoleArn": ROLE, "Source": "s", "Target": "t"}, "pipes"),
        ("logs", "PutSubscriptionFilter", {"logGroupName": "g", "destinationArn": "d", "roleArn": ROLE}, "logs"),
        ("rds", "CreateDBInstance", {"DBInstanceIdentifier": "m", "MonitoringRoleArn": ROLE}, "monitoring.rds"),
        ("rds", "CreateDBProxy", {"DBProxyName": "p", "RoleArn": ROLE}, "rds"),
        (
            "apigateway",
            "PutIntegration",
            {"restApiId": "a", "resourceId": "r", "httpMethod": "GET", "credentials": ROLE},
            "apigateway",
        ),
        ("apigatewayv2", "CreateIntegration", {"ApiId": "a", "CredentialsArn": ROLE}, "apigateway"),
        (
            "apigateway",
            "UpdateAccount",
            {"patchOperations": [{"op": "replace", "path": "/cloudwatchRoleArn", "value": ROLE}]},
            "apigateway",
        ),
        ("cloudtrail", "CreateTrail", {"Name": "t", "CloudWatchLogsRoleArn": ROLE}, "cloudtrail"),
        ("cognito-idp", "CreateUserPool", {"PoolName": "p", "SmsConfiguration": {"SnsCallerArn": ROLE}}, "cognito-idp"),
        ("s3", "PutBucketReplication", {"Bucket": "b", "ReplicationConfiguration": {"Role": ROLE, "Rules": []}}, "s3"),
        (
            "ecs",
            "RegisterTaskDefinition",
            {"family": "f", "taskRoleArn": ROLE, "containerDefinitions": []},
            "ecs-tasks",
        ),
        (
            "firehose",
            "CreateDeliveryStream",
            {"DeliveryStreamName": "d", "ExtendedS3DestinationConfiguration": {"RoleARN": ROLE}},
            "firehose",
        ),
        (
            "sns",
            "SetTopicAttributes",
            {
                "TopicArn": "arn:aws:sns:us-east-1:123456789012:t",
                "AttributeName": "LambdaSuccessFeedbackRoleArn",
                "AttributeValue": ROLE,
            },
            "sns",
        ),
        ("iam", "AddRoleToInstanceProfile", {"InstanceProfileName": "p", "RoleName": "worker"}, "ec2"),
        # Nobody listed it: a role's ARN in what changes something is taken to be passed.
        ("appsync", "CreateDataSource", {"apiId": "a", "name": "n", "serviceRoleArn": ROLE}, "appsync"),
    ],
)
def test_a_role_is_passed(service: str, operation: str, params: dict[str, Any], passed_to: str) -> None:
    found = needs(called(service, operation, **params))
    (passed,) = [need for need in found if need.action == "iam:PassRole"]
    assert passed.resource == ROLE
    assert passed.context["iam:PassedToService"] == f"{passed_to}.amazonaws.com"


def test_the_resource_that_gets_the_role_is_told() -> None:
    (passed,) = beside("lambda", "CreateFunction", FunctionName="f", Role=ROLE)
    assert passed.context["iam:AssociatedResourceArn"] == "arn:aws:lambda:us-east-1:123456789012:function:f"


def test_each_role_is_passed_once() -> None:
    other = ROLE + "2"
    targets = [{"Id": str(at), "Arn": "a", "RoleArn": role} for at, role in enumerate((ROLE, other, ROLE))]
    passed = beside("events", "PutTargets", Rule="r", Targets=targets)
    assert [need.resource for need in passed] == [ROLE, other]


def test_a_role_given_by_name_is_passed_by_its_arn() -> None:
    by_name = Known({("iam:role", "worker"): "arn:aws:iam::123456789012:role/svc/worker"})
    (passed,) = beside("iam", "AddRoleToInstanceProfile", by_name, InstanceProfileName="p", RoleName="worker")
    assert passed.resource == "arn:aws:iam::123456789012:role/svc/worker"


def test_an_instance_profile_passes_the_role_in_it() -> None:
    state = Known({("iam:instance-profile-role", "web"): ROLE})
    for profile in ({"Name": "web"}, {"Arn": "arn:aws:iam::123456789012:instance-profile/a/web"}):
        found = needs(called("ec2", "RunInstances", ImageId="ami-1", IamInstanceProfile=profile), state)
        (passed,) = [need for need in found if need.action == "iam:PassRole"]
        assert (passed.resource, passed.context["iam:PassedToService"]) == (ROLE, "ec2.amazonaws.com")
    with pytest.raises(Underivable, match="web"):
        needs(called("ec2", "RunInstances", ImageId="ami-1", IamInstanceProfile={"Name": "web"}))


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("lambda", "UpdateFunctionConfiguration", {"FunctionName": "f", "Timeout": 3}),
        ("iam", "GetRole", {"RoleName": "worker"}),
        ("sts", "AssumeRole", {"RoleArn": ROLE, "RoleSessionName": "s"}),
        ("sso", "ListAccountRoles", {"accessToken": "t", "accountId": "1"}),
        ("glue", "GetJobs", {"RoleArn": ROLE}),
        ("events", "DescribeRule", {"Name": "r"}),
    ],
)
def test_naming_a_role_does_not_pass_it(service: str, operation: str, params: dict[str, Any]) -> None:
    assert not [need for need in needs(called(service, operation, **params)) if need.action == "iam:PassRole"]


# -- tags ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "operation", "params", "action", "resource"),
    [
        (
            "lambda",
            "CreateFunction",
            {"FunctionName": "f", "Tags": {"team": "shop"}},
            "lambda:TagResource",
            "lambda:us-east-1:123456789012:function:f",
        ),
        (
            "lambda",
            "CreateEventSourceMapping",
            {"FunctionName": "f", "Tags": {"team": "shop"}},
            "lambda:TagResource",
            "lambda:us-east-1:123456789012:event-source-mapping:*",
        ),
        (
            "sqs",
            "CreateQueue",
            {"QueueName": "q", "tags": {"team": "shop"}},
            "sqs:TagQueue",
            "sqs:us-east-1:123456789012:q",
        ),
        ("sns", "CreateTopic", {"Name": "t", "Tags": TAGS}, "sns:TagResource", "sns:us-east-1:123456789012:t"),
        (
            "dynamodb",
            "CreateTable",
            {"TableName": "t", "Tags": TAGS},
            "dynamodb:TagResource",
            "dynamodb:us-east-1:123456789012:table/t",
        ),
        (
            "logs",
            "CreateLogGroup",
            {"logGroupName": "/g", "tags": {"team": "shop"}},
            "logs:TagResource",
            "logs:us-east-1:123456789012:log-group:/g",
        ),
        (
            "iam",
            "CreateRole",
            {"RoleName": "r", "Path": "/p/", "Tags": TAGS},
            "iam:TagRole",
            "iam::123456789012:role/p/r",
        ),
        ("iam", "CreateUser", {"UserName": "u", "Tags": TAGS}, "iam:TagUser", "iam::123456789012:user/u"),
        (
            "kms",
            "CreateKey",
            {"Tags": [{"TagKey": "team", "TagValue": "shop"}]},
            "kms:TagResource",
            "kms:us-east-1:123456789012:key/*",
        ),
        (
            "secretsmanager",
            "CreateSecret",
            {"Name": "db", "Tags": TAGS},
            "secretsmanager:TagResource",
            "secretsmanager:us-east-1:123456789012:secret:db-??????",
        ),
        (
            "ssm",
            "PutParameter",
            {"Name": "/a", "Value": "v", "Tags": TAGS},
            "ssm:AddTagsToResource",
            "ssm:us-east-1:123456789012:parameter/a",
        ),
        (
            "events",
            "PutRule",
            {"Name": "r", "Tags": TAGS},
            "events:TagResource",
            "events:us-east-1:123456789012:rule/r",
        ),
        (
            "cloudwatch",
            "PutMetricAlarm",
            {"AlarmName": "a", "Tags": TAGS},
            "cloudwatch:TagResource",
            "cloudwatch:us-east-1:123456789012:alarm:a",
        ),
        (
            "rds",
            "CreateDBInstance",
            {"DBInstanceIdentifier": "m", "Tags": TAGS},
            "rds:AddTagsToResource",
            "rds:us-east-1:123456789012:db:m",
        ),
        (
            "ec2",
            "CreateVpc",
            {"TagSpecifications": [{"ResourceType": "vpc", "Tags": TAGS}]},
            "ec2:CreateTags",
            "ec2:us-east-1:123456789012:vpc/*",
        ),
    ],
)
def test_tagging_what_is_made_needs_an_action_of_its_own(
    service: str, operation: str, params: dict[str, Any], action: str, resource: str
) -> None:
    (tagging,) = beside(service, operation, **params)
    assert (tagging.action, tagging.resource) == (action, f"arn:aws:{resource}")
    assert tagging.context["aws:RequestTag/team"] == "shop"
    assert tagging.context["aws:TagKeys"] == ["team"]
    if service == "ec2":
        assert tagging.context["ec2:CreateAction"] == "CreateVpc"


def test_without_tags_nothing_is_tagged() -> None:
    assert beside("sqs", "CreateQueue", QueueName="q", tags={}) == []
    assert beside("iam", "CreateRole", RoleName="r") == []


# -- sessions: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html ----------------------------


def test_tags_and_source_identity_of_a_session_need_their_own_actions() -> None:
    found = beside("sts", "AssumeRole", RoleArn=ROLE, RoleSessionName="s", Tags=TAGS, SourceIdentity="ann")
    assert [(need.action, need.resource) for need in found] == [
        ("sts:TagSession", ROLE),
        ("sts:SetSourceIdentity", ROLE),
    ]
    assert found[0].context["aws:RequestTag/team"] == "shop"
    assert found[1].context["sts:SourceIdentity"] == "ann"
    # Of tags and the external id only the actions know for which the reference has the keys.
    assert "aws:RequestTag/team" not in found[1].context


def test_what_goes_on_to_the_next_role_needs_them_too() -> None:
    session = SessionDetails(
        "AssumeRole",
        NOON,
        tags={"team": "shop", "mine": "x"},
        transitive=frozenset({"team"}),
        source_identity="ann",
    )
    chained = replace(SESSION, session=session)
    found = needs(called("sts", "AssumeRole", by=chained, RoleArn=ROLE, RoleSessionName="s"))
    tagging, identity = found[1:]
    assert (tagging.action, identity.action) == ("sts:TagSession", "sts:SetSourceIdentity")
    assert tagging.context["aws:RequestTag/team"] == "shop"
    assert "aws:RequestTag/mine" not in tagging.context
    assert tagging.context["sts:TransitiveTagKeys"] == ["team"]
    assert identity.context["sts:SourceIdentity"] == "ann"


# -- code, layers, templates ---------------------------------------------------------------------------


def test_code_in_s3_and_layers_are_read_in_the_callers_name() -> None:
    layer = "arn:aws:lambda:us-east-1:210987654321:layer:tools:3"
    found = beside(
        "lambda", "CreateFunction", FunctionName="f", Code={"S3Bucket": "b", "S3Key": "a/k.zip"}, Layers=[layer]
    )
    assert [(need.action, need.resource) for need in found] == [
        ("s3:GetObject", "arn:aws:s3:::b/a/k.zip"),
        ("lambda:GetLayerVersion", layer),
    ]
    (version,) = beside("lambda", "UpdateFunctionCode", FunctionName="f", S3Bucket="b", S3Key="k", S3ObjectVersion="v")
    assert (version.action, version.context["s3:versionid"]) == ("s3:GetObjectVersion", "v")
    (content,) = beside("lambda", "PublishLayerVersion", LayerName="l", Content={"S3Bucket": "b", "S3Key": "k"})
    assert content.resource == "arn:aws:s3:::b/k"
    assert beside("lambda", "UpdateFunctionCode", FunctionName="f", ZipFile=b"") == []


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.amazonaws.com/b/a/t%20x.yml",
        "https://b.s3.us-east-1.amazonaws.com/a/t x.yml",
        "http://127.0.0.1:4566/b/a/t%20x.yml",
    ],
)
def test_a_template_in_s3_is_read_in_the_callers_name(url: str) -> None:
    (read,) = beside("cloudformation", "CreateStack", StackName="s", TemplateURL=url)
    assert (read.action, read.resource) == ("s3:GetObject", "arn:aws:s3:::b/a/t x.yml")


# -- keys ----------------------------------------------------------------------------------------------


def test_a_functions_own_key_is_granted_in_the_callers_name() -> None:
    found = beside("lambda", "CreateFunction", FunctionName="f", KMSKeyArn=KEY, Environment={"Variables": {"A": "b"}})
    assert [(need.action, need.resource) for need in found] == [("kms:CreateGrant", KEY), ("kms:Encrypt", KEY)]
    assert found[0].context["kms:ViaService"] == "lambda.us-east-1.amazonaws.com"


SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"


@pytest.mark.parametrize(
    ("service", "operation", "params", "arn", "uses"),
    [
        ("secretsmanager", "GetSecretValue", {"SecretId": SECRET}, SECRET, ["Decrypt"]),
        (
            "secretsmanager",
            "PutSecretValue",
            {"SecretId": SECRET, "SecretString": "x"},
            SECRET,
            ["GenerateDataKey", "Decrypt"],
        ),
        ("secretsmanager", "DescribeSecret", {"SecretId": SECRET}, SECRET, []),
        (
            "sqs",
            "SendMessage",
            {"QueueUrl": "http://x/123456789012/q"},
            "arn:aws:sqs:us-east-1:123456789012:q",
            ["GenerateDataKey", "Decrypt"],
        ),
        (
            "sqs",
            "ReceiveMessage",
            {"QueueUrl": "http://x/123456789012/q"},
            "arn:aws:sqs:us-east-1:123456789012:q",
            ["Decrypt"],
        ),
        (
            "sns",
            "Publish",
            {"TopicArn": "arn:aws:sns:us-east-1:123456789012:t"},
            "arn:aws:sns:us-east-1:123456789012:t",
            ["GenerateDataKey", "Decrypt"],
        ),
        (
            "ssm",
            "GetParameter",
            {"Name": "/a", "WithDecryption": True},
            "arn:aws:ssm:us-east-1:123456789012:parameter/a",
            ["Decrypt"],
        ),
        ("ssm", "GetParameter", {"Name": "/a"}, "arn:aws:ssm:us-east-1:123456789012:parameter/a", []),
        (
            "kinesis",
            "PutRecord",
            {"StreamName": "s", "Data": b""},
            "arn:aws:kinesis:us-east-1:123456789012:stream/s",
            ["GenerateDataKey"],
        ),
    ],
)
def test_an_encrypted_resource_uses_its_key_in_the_callers_name(
    service: str, operation: str, params: dict[str, Any], arn: str, uses: list[str]
) -> None:
    encrypted = Known(encryption_keys={arn: KEY})
    found = beside(service, operation, encrypted, **params)
    assert [need.action.partition(":")[2] for need in found] == uses
    for need in found:
        assert need.resource == KEY
        assert need.context["kms:ViaService"] == f"{service}.us-east-1.amazonaws.com"
        assert arn in need.context.values()
    assert beside(service, operation, **params) == []


def test_a_key_for_a_new_secret_or_parameter_is_used_at_once() -> None:
    made = beside("secretsmanager", "CreateSecret", Name="db", SecretString="x", KmsKeyId="1111")
    assert [(need.action, need.resource) for need in made] == [("kms:GenerateDataKey", KEY), ("kms:Decrypt", KEY)]
    assert beside("secretsmanager", "CreateSecret", Name="db", KmsKeyId="alias/aws/secretsmanager") == []
    (put,) = beside("ssm", "PutParameter", Name="/a", Value="v", Type="SecureString", KeyId="1111")
    assert (put.action, put.resource) == ("kms:Encrypt", KEY)
    assert beside("ssm", "PutParameter", Name="/a", Value="v", Type="SecureString") == []


# -- others --------------------------------------------------------------------------------------------


def test_secrets_read_in_a_batch_are_each_read() -> None:
    found = beside("secretsmanager", "BatchGetSecretValue", SecretIdList=["db", SECRET])
    assert [(need.action, need.resource) for need in found] == [
        ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-??????"),
        ("secretsmanager:GetSecretValue", SECRET),
    ]


def test_rotation_invokes_its_function() -> None:
    function = "arn:aws:lambda:us-east-1:123456789012:function:rotate"
    (invoke,) = beside("secretsmanager", "RotateSecret", SecretId=SECRET, RotationLambdaARN=function)
    assert (invoke.action, invoke.resource) == ("lambda:InvokeFunction", function)


def test_unmasked_logs_need_a_permission_of_their_own() -> None:
    (unmask,) = beside("logs", "FilterLogEvents", logGroupName="/g", unmask=True)
    assert unmask.action == "logs:Unmask"
    assert beside("logs", "FilterLogEvents", logGroupName="/g", unmask=False) == []


def test_a_redrive_moves_messages_in_the_callers_name() -> None:
    source, target = "arn:aws:sqs:us-east-1:123456789012:dead", "arn:aws:sqs:us-east-1:123456789012:jobs"
    found = beside("sqs", "StartMessageMoveTask", SourceArn=source, DestinationArn=target)
    assert [(need.action.partition(":")[2], need.resource) for need in found] == [
        ("ReceiveMessage", source),
        ("DeleteMessage", source),
        ("GetQueueAttributes", source),
        ("SendMessage", target),
    ]


def test_events_are_each_asked_about_on_their_bus() -> None:
    entries = [
        {"Source": "shop", "DetailType": "paid"},
        {"Source": "shop", "DetailType": "paid"},
        {"Source": "shop", "DetailType": "sent", "EventBusName": "other"},
    ]
    found = needs(called("events", "PutEvents", Entries=entries))
    assert [(need.resource.rpartition("/")[2], need.context["events:detail-type"]) for need in found] == [
        ("default", ["paid"]),
        ("other", ["sent"]),
    ]


def test_all_actions_beside_are_known_to_aws() -> None:
    for name, action in passing.TAGGING.items():
        service = name.partition(":")[0]
        assert catalog.action(f"{service}:{action}") is not None, name
        assert catalog.action(name) is not None, name
    for name in passing.ENCRYPTED:
        assert name == "sqs:SendMessageBatch" or name == "sns:PublishBatch" or catalog.action(name) is not None, name
