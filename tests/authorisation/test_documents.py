"""Calls that put policies: malformed ones are refused in the service's own code, and change nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.authorisation.documents import check_documents, principal_exists
from sandbox.gateway.call import AwsError, Call, Principal
from sandbox.gateway.pipeline import Gateway

ACCOUNT, MEMBER = "123456789012", "210987654321"
MALFORMED = "MalformedPolicyDocument"
ANNA = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/anna", "AIDAANNA", "IAMUser")
IDENTITY = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::photos/*"}
TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
GONE = {"AWS": f"arn:aws:iam::{ACCOUNT}:role/gone"}


def policy(statement: dict[str, Any], **elements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **elements}]})


def resource(service: str, **elements: Any) -> str:
    made = {"Effect": "Allow", "Principal": ROOT, "Action": f"{service}:*", "Resource": "*"}
    if service == "s3":
        made["Resource"] = "arn:aws:s3:::photos/*"
    if service == "sns":
        made["Action"] = "sns:Publish"
    return policy({**made, **elements})


def call(service: str, operation: str, principal: Principal = ANNA, **params: Any) -> Call:
    time = datetime(2026, 11, 21, tzinfo=UTC)
    return Call(service, operation, params, principal, principal.account, "us-east-1", "id", time)


#: Service, operation, parameters with the policy as None, a good policy, a malformed one, the code.
CASES: list[tuple[str, str, dict[str, Any], str, str, str]] = [
    *(
        ("iam", operation, {name: "n", "PolicyDocument": None}, policy(IDENTITY), policy(TRUST), MALFORMED)
        for operation, name in (
            ("CreatePolicy", "PolicyName"),
            ("CreatePolicyVersion", "PolicyArn"),
            ("PutUserPolicy", "UserName"),
            ("PutRolePolicy", "RoleName"),
            ("PutGroupPolicy", "GroupName"),
        )
    ),
    ("iam", "CreateRole", {"AssumeRolePolicyDocument": None}, policy(TRUST), policy(IDENTITY), MALFORMED),
    ("iam", "UpdateAssumeRolePolicy", {"PolicyDocument": None}, policy(TRUST), "{", MALFORMED),
    ("s3", "PutBucketPolicy", {"Bucket": "photos", "Policy": None}, resource("s3"), "{", "MalformedPolicy"),
    ("sqs", "CreateQueue", {"Attributes": {"Policy": None}}, resource("sqs"), "{", "InvalidAttributeValue"),
    ("sqs", "SetQueueAttributes", {"Attributes": {"Policy": None}}, resource("sqs"), "{", "InvalidAttributeValue"),
    ("sns", "CreateTopic", {"Attributes": {"Policy": None}}, resource("sns"), "{", "InvalidParameter"),
    (
        "sns",
        "SetTopicAttributes",
        {"AttributeName": "Policy", "AttributeValue": None},
        resource("sns"),
        resource("sns", Action="SNS:*"),
        "InvalidParameter",
    ),
    ("kms", "CreateKey", {"Policy": None}, resource("kms"), "{", "MalformedPolicyDocumentException"),
    ("kms", "PutKeyPolicy", {"Policy": None}, resource("kms"), "{", "MalformedPolicyDocumentException"),
    *(
        ("secretsmanager", operation, {"ResourcePolicy": None}, resource("secretsmanager"), "{", code)
        for operation, code in (
            ("PutResourcePolicy", "MalformedPolicyDocumentException"),
            ("ValidateResourcePolicy", "MalformedPolicyDocumentException"),
        )
    ),
    ("dynamodb", "CreateTable", {"ResourcePolicy": None}, resource("dynamodb"), "{", "ValidationException"),
    ("dynamodb", "PutResourcePolicy", {"Policy": None}, resource("dynamodb"), "{", "ValidationException"),
    ("kinesis", "PutResourcePolicy", {"Policy": None}, resource("kinesis"), "{", "InvalidArgumentException"),
    ("events", "PutPermission", {"Policy": None}, resource("events"), "{", "ValidationException"),
]  # fmt: skip


def filled(params: dict[str, Any], document: str) -> dict[str, Any]:
    return {
        name: filled(value, document) if isinstance(value, dict) else document if value is None else value
        for name, value in params.items()
    }


@pytest.mark.parametrize(
    ("service", "operation", "params", "good", "bad", "code"), CASES, ids=[f"{each[0]}:{each[1]}" for each in CASES]
)
def test_a_malformed_policy_is_refused_in_the_services_code(
    service: str, operation: str, params: dict[str, Any], good: str, bad: str, code: str
) -> None:
    check_documents(call(service, operation, **filled(params, good)))
    with pytest.raises(AwsError) as raised:
        check_documents(call(service, operation, **filled(params, bad)))
    assert (raised.value.code, raised.value.status) == (code, 400)


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("s3", "PutObject", {"Body": b"{"}),
        ("sqs", "CreateQueue", {"QueueName": "q"}),
        ("sqs", "SetQueueAttributes", {"Attributes": {"Policy": ""}}),
        ("sns", "SetTopicAttributes", {"AttributeName": "DisplayName", "AttributeValue": "{"}),
        ("kms", "CreateKey", {}),
        ("events", "PutPermission", {"Action": "events:PutEvents", "Principal": "*"}),
        ("dynamodb", "CreateTable", {"TableName": "t"}),
    ],
)
def test_calls_without_a_policy_pass(service: str, operation: str, params: dict[str, Any]) -> None:
    check_documents(call(service, operation, **params))


def refused(made: Call, **hooks: Any) -> AwsError:
    with pytest.raises(AwsError) as raised:
        check_documents(made, **hooks)
    return raised.value


def test_sizes_are_limits_exceeded() -> None:
    wide = policy(IDENTITY, Resource=[f"arn:aws:s3:::photos/{number:040}" for number in range(100)])
    error = refused(call("iam", "CreatePolicy", PolicyDocument=wide))
    assert (error.code, error.status) == ("LimitExceeded", 409)
    assert error.message == "Cannot exceed quota for PolicySize: 6144"
    many = policy(TRUST, Principal={"AWS": [f"arn:aws:iam::{number:012}:root" for number in range(100)]})
    error = refused(call("iam", "CreateRole", AssumeRolePolicyDocument=many))
    assert (error.code, error.message) == ("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")


def test_inline_policies_have_a_quota_together() -> None:
    wide = policy(IDENTITY, Resource=[f"arn:aws:s3:::photos/{number:040}" for number in range(70)])
    put = call("iam", "PutRolePolicy", RoleName="orders", PolicyName="new", PolicyDocument=wide)
    check_documents(put, inline=lambda *whose: {"new": wide, "other": wide})
    error = refused(put, inline=lambda *whose: {"one": wide, "other": wide})
    assert (error.code, error.status) == ("LimitExceeded", 409)
    assert error.message == "Maximum policy size of 10240 bytes exceeded for role orders"


@pytest.mark.parametrize(
    ("document", "said"),
    [(" " * 131_073, "length less than or equal to 131072"), (policy(IDENTITY) + "\u0456", "printable ASCII")],
)
def test_iams_own_constraints_come_first(document: str, said: str) -> None:
    error = refused(call("iam", "PutUserPolicy", UserName="anna", PolicyName="p", PolicyDocument=document))
    assert error.code == "ValidationError"
    assert said in error.message


def test_a_principal_that_is_not_there_is_refused() -> None:
    put = call("s3", "PutBucketPolicy", Bucket="photos", Policy=resource("s3", Principal=GONE))
    assert refused(put, exists=lambda name: False).message == "Invalid principal in policy"
    check_documents(put, exists=lambda name: True)


def test_a_key_may_not_be_locked() -> None:
    bert = {"AWS": f"arn:aws:iam::{ACCOUNT}:user/bert"}
    only_bert = resource("kms", Principal=bert)
    there = {"exists": lambda name: True}
    error = refused(call("kms", "PutKeyPolicy", Policy=only_bert), **there)
    assert error.code == "MalformedPolicyDocumentException"
    assert error.message == "The new key policy will not allow you to update the key policy in the future."
    check_documents(call("kms", "PutKeyPolicy", Policy=only_bert, BypassPolicyLockoutSafetyCheck=True), **there)
    check_documents(call("kms", "PutKeyPolicy", Policy=resource("kms", Principal={"AWS": ANNA.arn})), **there)
    check_documents(call("kms", "PutKeyPolicy", Policy=resource("kms")), **there)
    refused(call("kms", "PutKeyPolicy", Policy=resource("kms", Action="kms:Decrypt")), **there)
    refused(call("kms", "PutKeyPolicy", Policy=resource("kms", Effect="Deny")), **there)
    platform = Principal(ACCOUNT, "coldstart.amazonaws.com", "coldstart.amazonaws.com", "AWSService")
    check_documents(call("kms", "PutKeyPolicy", platform, Policy=only_bert), **there)


def test_a_secret_can_be_kept_from_everyone() -> None:
    public = resource("secretsmanager", Principal="*")
    check_documents(call("secretsmanager", "PutResourcePolicy", ResourcePolicy=public))
    error = refused(call("secretsmanager", "PutResourcePolicy", ResourcePolicy=public, BlockPublicPolicy=True))
    assert error.code == "PublicPolicyException"
    narrow = resource("secretsmanager", Principal="*", Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}})
    check_documents(call("secretsmanager", "PutResourcePolicy", ResourcePolicy=narrow, BlockPublicPolicy=True))


# -- through the gateway -------------------------------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def _checked(gateway: Gateway) -> None:
    gateway.before_answer(check_documents)


def test_who_is_there_is_known_for_the_organizations_accounts(clients: Any) -> None:
    iam = clients("iam")
    iam.create_user(UserName="there")
    role = iam.create_role(RoleName="there", Path="/team/", AssumeRolePolicyDocument=policy(TRUST))["Role"]["Arn"]
    assert principal_exists(role)
    assert principal_exists(f"arn:aws:iam::{ACCOUNT}:user/there")
    assert principal_exists(f"arn:aws:iam::{ACCOUNT}:root")
    assert principal_exists(f"arn:aws:sts::{ACCOUNT}:assumed-role/there/session")
    assert principal_exists(f"arn:aws:iam::{MEMBER}:role/OrganizationAccountAccessRole")
    assert principal_exists("arn:aws:iam::999999999999:role/unknown")
    assert principal_exists("999999999999")
    for gone in (f"arn:aws:iam::{ACCOUNT}:role/there", f"arn:aws:iam::{MEMBER}:user/there", GONE["AWS"]):
        assert not principal_exists(gone)
    assert not principal_exists(f"arn:aws:sts::{ACCOUNT}:assumed-role/gone/session")


def test_malformed_policies_change_nothing(clients: Any) -> None:
    iam = clients("iam")
    with pytest.raises(ClientError, match="Has prohibited field Resource") as raised:
        iam.create_role(RoleName="bad", AssumeRolePolicyDocument=policy(TRUST, Resource="*"))
    assert raised.value.response["Error"]["Code"] == "MalformedPolicyDocument"
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName="bad")
    with pytest.raises(ClientError, match='Invalid principal in policy: "AWS":"'):
        iam.create_role(RoleName="bad", AssumeRolePolicyDocument=policy(TRUST, Principal=GONE))


def test_policies_without_version_are_taken(clients: Any) -> None:
    # SAM writes such inline policies; moto alone would refuse them.
    iam = clients("iam")
    iam.create_role(RoleName="sam", AssumeRolePolicyDocument=json.dumps({"Statement": TRUST}))
    iam.put_role_policy(RoleName="sam", PolicyName="p", PolicyDocument=json.dumps({"Statement": IDENTITY}))
    assert iam.get_role_policy(RoleName="sam", PolicyName="p")["PolicyDocument"] == {"Statement": IDENTITY}
    with pytest.raises(ClientError, match="must be version 2012-10-17 or greater"):
        iam.create_policy(PolicyName="old", PolicyDocument=json.dumps({"Statement": IDENTITY}))


def test_inline_policies_that_are_there_count(clients: Any) -> None:
    iam = clients("iam")
    iam.create_user(UserName="full")
    wide = policy(IDENTITY, Resource=[f"arn:aws:s3:::photos/{number:040}" for number in range(20)])
    iam.put_user_policy(UserName="full", PolicyName="one", PolicyDocument=wide)
    iam.put_user_policy(UserName="full", PolicyName="one", PolicyDocument=wide)
    with pytest.raises(iam.exceptions.LimitExceededException, match="2048 bytes exceeded for user full"):
        iam.put_user_policy(UserName="full", PolicyName="two", PolicyDocument=wide)


def test_services_refuse_in_their_own_protocols(clients: Any) -> None:
    s3, sqs, sns, kms, secrets = (clients(name) for name in ("s3", "sqs", "sns", "kms", "secretsmanager"))
    s3.create_bucket(Bucket="photos-documents")
    with pytest.raises(ClientError) as raised:
        s3.put_bucket_policy(Bucket="photos-documents", Policy=resource("s3"))
    assert raised.value.response["Error"] == {"Code": "MalformedPolicy", "Message": "Policy has invalid resource"}
    with pytest.raises(ClientError) as raised:
        sqs.create_queue(QueueName="documents", Attributes={"Policy": resource("s3")})
    assert raised.value.response["Error"]["Code"].endswith("InvalidAttributeValue")
    topic = sns.create_topic(Name="documents")["TopicArn"]
    with pytest.raises(sns.exceptions.InvalidParameterException, match="out of service scope!"):
        sns.set_topic_attributes(
            TopicArn=topic, AttributeName="Policy", AttributeValue=resource("sns", Action="SNS:*", Resource=topic)
        )
    with pytest.raises(kms.exceptions.MalformedPolicyDocumentException, match="invalid principals"):
        kms.create_key(Policy=resource("kms", Principal=GONE))
    secret = secrets.create_secret(Name="documents", SecretString="s")["ARN"]
    with pytest.raises(secrets.exceptions.MalformedPolicyDocumentException, match="unsupported principal"):
        secrets.put_resource_policy(SecretId=secret, ResourcePolicy=resource("secretsmanager", Principal=GONE))
    secrets.put_resource_policy(SecretId=secret, ResourcePolicy=resource("secretsmanager"))
