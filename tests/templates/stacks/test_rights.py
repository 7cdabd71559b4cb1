"""Whose rights a stack's resources are made with."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from tests.templates.stacks.conftest import Cloud, Vendor, queues, text

STACKS = {"Effect": "Allow", "Action": "cloudformation:*", "Resource": "*"}
SQS = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}


def test_a_caller_without_the_right_fails_with_the_services_words(cloud: Cloud) -> None:
    user = cloud.user(STACKS)
    name = cloud.name()
    cloud.client("cloudformation", user).create_stack(StackName=name, TemplateBody=text(queues(A={})))
    assert cloud.rest(name) == "ROLLBACK_COMPLETE"
    reason = cloud.reason(name, "A", "CREATE_FAILED")
    assert "is not authorized to perform: sqs:createqueue" in reason.lower()
    assert "HandlerErrorCode: AccessDenied" in reason


def test_calls_come_by_way_of_cloudformation(cloud: Cloud) -> None:
    only_there = {**SQS, "Condition": {"ForAnyValue:StringEquals": {"aws:CalledVia": "cloudformation.amazonaws.com"}}}
    user = cloud.user(STACKS, only_there)
    name = cloud.name()
    cloud.client("cloudformation", user).create_stack(StackName=name, TemplateBody=text(queues(A={})))
    assert cloud.rest(name) == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match="AccessDenied"):
        cloud.client("sqs", user).create_queue(QueueName=name)


def test_a_role_acts_in_the_callers_stead_and_stays_with_the_stack(cloud: Cloud) -> None:
    role = cloud.role("cloudformation.amazonaws.com", SQS)
    user = cloud.user(STACKS, {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role})
    as_user = cloud.client("cloudformation", user)
    name = cloud.name()
    as_user.create_stack(StackName=name, TemplateBody=text(queues(A={})), RoleARN=role)
    assert cloud.rest(name) == "CREATE_COMPLETE"
    assert cloud.stack(name)["RoleARN"] == role
    as_user.update_stack(StackName=name, TemplateBody=text(queues(A={"DelaySeconds": 1})))
    assert cloud.rest(name) == "UPDATE_COMPLETE"
    cloud.client("iam").delete_role_policy(RoleName=role.rpartition("/")[2], PolicyName="own")
    assert cloud.update(name, queues(A={"DelaySeconds": 2})) == "UPDATE_ROLLBACK_FAILED"
    assert "assumed-role" in cloud.reason(name, "A", "UPDATE_FAILED")


def test_the_role_of_a_change_set_is_the_stacks_from_then_on(cloud: Cloud) -> None:
    """As `sam deploy --role-arn` does it: who executes has no rights of their own on what is made."""
    role = cloud.role("cloudformation.amazonaws.com", SQS)
    planner = cloud.client(
        "cloudformation", cloud.user(STACKS, {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role})
    )
    as_user = cloud.client("cloudformation", cloud.user(STACKS))
    name = cloud.name()

    def executed(seconds: int, **given: str) -> str:
        planned = planner.create_change_set(
            StackName=name,
            ChangeSetName=f"to-{seconds}",
            TemplateBody=text(queues(A={"DelaySeconds": seconds})),
            **given,
        )
        as_user.execute_change_set(ChangeSetName=planned["Id"])
        return cloud.rest(name)

    assert executed(1, ChangeSetType="CREATE", RoleARN=role) == "CREATE_COMPLETE"
    assert cloud.stack(name)["RoleARN"] == role
    assert executed(2) == "UPDATE_COMPLETE"
    as_user.delete_stack(StackName=name)
    assert not [one for one in cloud.queues() if one.startswith(f"{name}-A")]
    name = cloud.create(queues(A={}))
    assert executed(3, RoleARN=role) == "UPDATE_COMPLETE"
    assert cloud.stack(name)["RoleARN"] == role


def test_a_role_must_be_passed_and_must_trust_cloudformation(cloud: Cloud) -> None:
    role = cloud.role("lambda.amazonaws.com", SQS)
    with pytest.raises(ClientError, match=f"Role {role} is invalid or cannot be assumed"):
        cloud.create(queues(A={}), RoleARN=role)
    user = cloud.user(STACKS)
    trusted = cloud.role("cloudformation.amazonaws.com", SQS)
    with pytest.raises(ClientError, match="iam:PassRole"):
        cloud.client("cloudformation", user).create_stack(
            StackName=cloud.name(), TemplateBody=text(queues(A={})), RoleARN=trusted
        )


def test_a_policy_may_be_about_one_stack(cloud: Cloud) -> None:
    name, other = cloud.create(queues(A={})), cloud.create(queues(A={}))
    arn = f"arn:aws:cloudformation:us-east-1:123456789012:stack/{name}/*"
    as_user = cloud.client("cloudformation", cloud.user({"Effect": "Allow", "Action": "*", "Resource": arn}))
    assert as_user.describe_stacks(StackName=name)["Stacks"]
    with pytest.raises(ClientError, match="AccessDenied"):
        as_user.describe_stacks(StackName=other)


def test_a_long_deployment_outlives_its_session(cloud: Cloud) -> None:
    vendor = Vendor(cloud)
    template = vendor.template()
    template["Resources"]["After"] = {"Type": "AWS::SQS::Queue", "DependsOn": "Thing"}
    role = cloud.role(
        "cloudformation.amazonaws.com", SQS, {"Effect": "Allow", "Action": "sns:Publish", "Resource": "*"}
    )
    name = cloud.name()
    cloud.cloudformation.create_stack(StackName=name, TemplateBody=text(template), RoleARN=role)
    asked = vendor.request()
    cloud.clock.advance(3500)
    vendor.answer(asked)
    assert cloud.rest(name) == "CREATE_COMPLETE"


def test_parameters_and_references_are_read_with_the_same_rights(cloud: Cloud) -> None:
    ssm, parameter = cloud.client("ssm"), cloud.name("/delay/")
    ssm.put_parameter(Name=parameter, Value="7", Type="String")
    secret = cloud.client("secretsmanager").create_secret(Name=cloud.name("s"), SecretString=json.dumps({"seconds": 9}))
    template = queues(
        A={
            "DelaySeconds": {"Ref": "Stored"},
            "VisibilityTimeout": "{{resolve:ssm:" + parameter + "}}",
            "ReceiveMessageWaitTimeSeconds": "{{resolve:secretsmanager:" + secret["ARN"] + ":SecretString:seconds}}",
        }
    )
    template["Parameters"] = {"Stored": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": parameter}}
    name = cloud.create(template)
    url = cloud.resources(name)["A"]
    found = [
        cloud.attribute(url, one) for one in ("DelaySeconds", "VisibilityTimeout", "ReceiveMessageWaitTimeSeconds")
    ]
    assert found == ["7", "7", "9"]
    assert cloud.stack(name)["Parameters"] == [
        {"ParameterKey": "Stored", "ParameterValue": parameter, "ResolvedValue": "7"}
    ]
    shown = cloud.cloudformation.describe_stack_events(StackName=name)["StackEvents"][1]["ResourceProperties"]
    assert "{{resolve:secretsmanager:" in shown
    user = cloud.client("cloudformation", cloud.user(STACKS, SQS))
    with pytest.raises(ClientError, match="ssm:GetParameters"):
        user.create_stack(StackName=cloud.name(), TemplateBody=text(template))
    del template["Parameters"], template["Resources"]["A"]["Properties"]["DelaySeconds"]
    other = cloud.name()
    user.create_stack(StackName=other, TemplateBody=text(template))
    assert cloud.rest(other) == "ROLLBACK_COMPLETE"
    assert "is not authorized to perform" in cloud.reason(other, "A", "CREATE_FAILED")


def test_a_secret_is_read_with_the_callers_rights_too(cloud: Cloud) -> None:
    secret = cloud.client("secretsmanager").create_secret(Name=cloud.name("s"), SecretString="9")["ARN"]
    template = queues(A={"DelaySeconds": "{{resolve:secretsmanager:" + secret + "}}"})
    name = cloud.name()
    user = cloud.client("cloudformation", cloud.user(STACKS, SQS))
    user.create_stack(StackName=name, TemplateBody=text(template))
    assert cloud.rest(name) == "ROLLBACK_COMPLETE"
    assert "secretsmanager:GetSecretValue" in cloud.reason(name, "A", "CREATE_FAILED")


def test_a_reference_reads_the_version_that_it_names(cloud: Cloud) -> None:
    ssm, secrets, parameter = cloud.client("ssm"), cloud.client("secretsmanager"), cloud.name("/delay/")
    for seconds in ("7", "8"):
        ssm.put_parameter(Name=parameter, Value=seconds, Type="String", Overwrite=True)
    secret = secrets.create_secret(Name=cloud.name("s"), SecretString="9")
    secrets.put_secret_value(SecretId=secret["ARN"], SecretString="10")
    named = "{{resolve:secretsmanager:" + secret["ARN"] + ":SecretString:"
    template = queues(
        Old={
            "DelaySeconds": "{{resolve:ssm:" + parameter + ":1}}",
            "VisibilityTimeout": named + ":AWSPREVIOUS}}",
            "ReceiveMessageWaitTimeSeconds": named + "::" + secret["VersionId"] + "}}",
        },
        New={"DelaySeconds": "{{resolve:ssm:" + parameter + "}}", "VisibilityTimeout": named + ":AWSCURRENT}}"},
    )
    urls = cloud.resources(cloud.create(template))
    seconds = {
        (id, name): cloud.attribute(url, name)
        for id, url in urls.items()
        for name in ("DelaySeconds", "VisibilityTimeout")
    }
    assert seconds == {
        ("Old", "DelaySeconds"): "7",
        ("Old", "VisibilityTimeout"): "9",
        ("New", "DelaySeconds"): "8",
        ("New", "VisibilityTimeout"): "10",
    }
    assert cloud.attribute(urls["Old"], "ReceiveMessageWaitTimeSeconds") == "9"


def test_what_is_encrypted_is_not_read_as_plain(cloud: Cloud) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-ssm.html"""
    parameter = cloud.name("/secret/")
    cloud.client("ssm").put_parameter(Name=parameter, Value="7", Type="SecureString")
    name = cloud.create(queues(A={"DelaySeconds": "{{resolve:ssm:" + parameter + "}}"}))
    assert cloud.status(name) == "ROLLBACK_COMPLETE"
    assert "have types not supported by CloudFormation" in cloud.reason(name, "A", "CREATE_FAILED")


def test_a_reference_to_nothing_fails_the_resource(cloud: Cloud) -> None:
    name = cloud.create(queues(A={"DelaySeconds": "{{resolve:ssm:/no/such/parameter:3}}"}))
    assert "/no/such/parameter:3" in cloud.reason(name, "A", "CREATE_FAILED")
    name = cloud.create(queues(A={"DelaySeconds": "{{resolve:ssm-secure:/a:1}}"}))
    assert cloud.reason(name, "A", "CREATE_FAILED") == "SSM Secure reference is not supported in: [AWS::SQS::Queue]"


def test_a_role_tags_for_cloudformation_and_its_calls_say_so(cloud: Cloud) -> None:
    """As a service it may set tags that begin with aws:, and CloudTrail tells whose call it is."""
    function = cloud.role("lambda.amazonaws.com")
    allowed = {"Effect": "Allow", "Action": ["lambda:*", "iam:PassRole"], "Resource": "*"}
    role = cloud.role("cloudformation.amazonaws.com", allowed)
    properties = {"Runtime": "python3.11", "Handler": "index.handler", "Role": function, "Code": {"ZipFile": "a = 1"}}
    template = {"Resources": {"Function": {"Type": "AWS::Lambda::Function", "Properties": properties}}}
    name = cloud.create(template, RoleARN=role)
    assert cloud.status(name) == "CREATE_COMPLETE"
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{cloud.resources(name)['Function']}"
    tags = cloud.client("lambda").list_tags(Resource=arn)["Tags"]
    assert tags["aws:cloudformation:stack-name"] == name
    found = cloud.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateFunction"}]
    )
    identity = json.loads(found["Events"][0]["CloudTrailEvent"])["userIdentity"]
    assert (identity["type"], identity["invokedBy"]) == ("AssumedRole", "cloudformation.amazonaws.com")
