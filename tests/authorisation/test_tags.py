"""The condition keys that resources bring, from the state that calls have made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sandbox.authorisation.in_force import PoliciesInForce
from sandbox.authorisation.need import Need
from sandbox.gateway.pipeline import Gateway
from tests.authorisation.conftest import TRUST, Clients, policy

ACCOUNT = "123456789012"
TAGS = [{"Key": "Team", "Value": "orders"}]


@pytest.fixture(scope="module")
def in_force(gateway: Gateway) -> PoliciesInForce:
    return PoliciesInForce(gateway.organization)


@pytest.fixture
def tags(in_force: PoliciesInForce) -> Any:
    """The context of a resource without what says whose it is."""

    def find(action: str, resource: str, **context: str) -> dict[str, Any]:
        found = in_force.resource_context(Need(action, resource, context))
        whose = ("aws:ResourceAccount", "aws:ResourceOrgID", "aws:ResourceOrgPaths", "s3:ResourceAccount")
        return {key: value for key, value in found.items() if key not in whose}

    return find


def test_whose_a_resource_is(in_force: PoliciesInForce, gateway: Gateway, member: Clients) -> None:
    organization = gateway.organization
    assert in_force.resource_context(Need("sqs:SendMessage", f"arn:aws:sqs:us-east-1:{ACCOUNT}:q")) == {
        "aws:ResourceAccount": ACCOUNT,
        "aws:ResourceOrgID": organization.id,
        "aws:ResourceOrgPaths": organization.paths(ACCOUNT),
    }
    # An account of somebody else.
    stranger = Need("sqs:SendMessage", "arn:aws:sqs:us-east-1:999999999999:q")
    assert in_force.resource_context(stranger) == {"aws:ResourceAccount": "999999999999"}
    # A bucket's ARN names no account.
    member("s3").create_bucket(Bucket="whose-bucket")
    context = in_force.resource_context(Need("s3:GetObject", "arn:aws:s3:::whose-bucket/key"))
    assert context["aws:ResourceAccount"] == context["s3:ResourceAccount"] == "210987654321"
    assert in_force.resource_context(Need("s3:ListAllMyBuckets", "*")) == {}
    named = in_force.resource_context(Need("s3:ListAllMyBuckets", "*", resource_account=ACCOUNT))
    assert named["aws:ResourceAccount"] == ACCOUNT


def test_the_tags_of_queues_topics_tables_and_streams(tags: Any, clients: Clients) -> None:
    plain = {"Team": "orders"}
    clients("sqs").create_queue(QueueName="tagged", tags=plain)
    topic = clients("sns").create_topic(Name="tagged", Tags=TAGS)["TopicArn"]
    clients("dynamodb").create_table(
        TableName="Tagged",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        Tags=TAGS,
    )
    clients("kinesis").create_stream(StreamName="tagged", ShardCount=1)
    clients("kinesis").add_tags_to_stream(StreamName="tagged", Tags=plain)
    table = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/Tagged"
    for resource in (
        f"arn:aws:sqs:us-east-1:{ACCOUNT}:tagged",
        topic,
        table,
        f"{table}/index/any",
        f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/tagged",
    ):
        assert tags("any:Action", resource) == {"aws:ResourceTag/Team": "orders"}, resource


def test_tags_that_are_taken_away_are_gone(tags: Any, clients: Clients) -> None:
    sqs = clients("sqs")
    url = sqs.create_queue(QueueName="untagged", tags={"Team": "orders"})["QueueUrl"]
    sqs.untag_queue(QueueUrl=url, TagKeys=["Team"])
    assert tags("sqs:SendMessage", f"arn:aws:sqs:us-east-1:{ACCOUNT}:untagged") == {}


def both(own: str) -> Mapping[str, str]:
    return {"aws:ResourceTag/Team": "orders", f"{own}Team": "orders"}


def test_services_with_a_key_of_their_own_bring_both(tags: Any, clients: Clients) -> None:
    secret = clients("secretsmanager").create_secret(Name="tagged", SecretString="s", Tags=TAGS)["ARN"]
    assert tags("secretsmanager:GetSecretValue", secret) == both("secretsmanager:ResourceTag/")
    for name in ("/shop/tagged", "tagged"):
        clients("ssm").put_parameter(Name=name, Value="v", Type="String", Tags=TAGS)
        arn = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/{name.lstrip('/')}"
        assert tags("ssm:GetParameter", arn) == both("ssm:resourceTag/")
    repository = clients("ecr").create_repository(repositoryName="tagged", tags=TAGS)["repository"]["repositoryArn"]
    assert tags("ecr:BatchGetImage", repository) == both("ecr:ResourceTag/")
    vpc = clients("ec2").create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    clients("ec2").create_tags(Resources=[vpc], Tags=TAGS)
    assert tags("ec2:DeleteVpc", f"arn:aws:ec2:us-east-1:{ACCOUNT}:vpc/{vpc}") == both("ec2:ResourceTag/")


def test_the_tags_of_what_iam_keeps(tags: Any, clients: Clients) -> None:
    iam = clients("iam")
    made = [
        iam.create_role(RoleName="tagged", Path="/p/", AssumeRolePolicyDocument=TRUST, Tags=TAGS)["Role"]["Arn"],
        iam.create_user(UserName="tagged", Tags=TAGS)["User"]["Arn"],
        iam.create_policy(PolicyName="tagged", PolicyDocument=policy("s3:*"), Tags=TAGS)["Policy"]["Arn"],
        iam.create_instance_profile(InstanceProfileName="tagged", Tags=TAGS)["InstanceProfile"]["Arn"],
        iam.create_open_id_connect_provider(
            Url="https://ci.example.com", ThumbprintList=["a" * 40], ClientIDList=["aud"], Tags=TAGS
        )["OpenIDConnectProviderArn"],
    ]
    for arn in made:
        assert tags("iam:GetRole", arn) == both("iam:ResourceTag/"), arn


def test_the_boundary_of_a_user_or_role_is_a_key(tags: Any, clients: Clients) -> None:
    boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    arn = clients("iam").create_role(
        RoleName="with-boundary", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=boundary
    )["Role"]["Arn"]
    assert tags("iam:AttachRolePolicy", arn) == {"iam:PermissionsBoundary": boundary}


def test_a_key_of_kms_tells_of_itself(tags: Any, clients: Clients) -> None:
    kms = clients("kms")
    key = kms.create_key(Tags=[{"TagKey": "Team", "TagValue": "orders"}])["KeyMetadata"]
    kms.create_alias(AliasName="alias/orders", TargetKeyId=key["KeyId"])
    assert tags("kms:Decrypt", key["Arn"]) == {
        "aws:ResourceTag/Team": "orders",
        "kms:KeySpec": "SYMMETRIC_DEFAULT",
        "kms:KeyUsage": "ENCRYPT_DECRYPT",
        "kms:KeyOrigin": "AWS_KMS",
        "kms:MultiRegion": "false",
        "kms:ResourceAliases": ("alias/orders",),
    }


def test_the_tags_of_objects_are_those_of_the_version(tags: Any, clients: Clients) -> None:
    s3 = clients("s3")
    s3.create_bucket(Bucket="tagged-objects")
    s3.put_bucket_tagging(Bucket="tagged-objects", Tagging={"TagSet": TAGS})
    s3.put_bucket_versioning(Bucket="tagged-objects", VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket="tagged-objects", Key="a/b", Body=b"1", Tagging="State=draft")["VersionId"]
    s3.put_object(Bucket="tagged-objects", Key="a/b", Body=b"2", Tagging="State=final")
    arn = "arn:aws:s3:::tagged-objects/a/b"
    assert tags("s3:GetObject", arn) == {"s3:ExistingObjectTag/State": "final"}
    assert tags("s3:GetObjectVersion", arn, **{"s3:VersionId": first}) == {"s3:ExistingObjectTag/State": "draft"}
    assert tags("s3:GetObject", "arn:aws:s3:::tagged-objects/absent") == {}
    s3.delete_object(Bucket="tagged-objects", Key="a/b")
    assert tags("s3:GetObject", arn) == {}
    # A bucket's own tags authorise nothing until it is told to.
    assert tags("s3:ListBucket", "arn:aws:s3:::tagged-objects") == {}


def test_what_the_sandboxs_own_services_keep_is_asked_of_them() -> None:
    in_force = PoliciesInForce(tags={"lambda": lambda arn: {"Team": arn[-1]}})
    context = in_force.resource_context(Need("lambda:InvokeFunction", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"))
    assert context["aws:ResourceTag/Team"] == "f"


@pytest.mark.parametrize("service", ["sqs", "sns", "secretsmanager", "ssm", "dynamodb", "kms", "ec2", "iam", "events"])
def test_what_is_not_there_brings_nothing(tags: Any, service: str) -> None:
    for resource in (f"arn:aws:{service}:us-east-1:999999999999:thing/absent", f"arn:aws:{service}:::", "*"):
        assert tags(f"{service}:Do", resource) == {}
