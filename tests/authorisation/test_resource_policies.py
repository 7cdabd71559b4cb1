"""The resource-based policy that bears on a need, service by service, from the state that calls have made."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any, get_args

import pytest

from sandbox.access import Source
from sandbox.authorisation.cloud_state import CloudState
from sandbox.authorisation.in_force import PoliciesInForce
from sandbox.authorisation.look_up import Kind
from sandbox.authorisation.need import Need
from sandbox.gateway.call import Principal
from sandbox.gateway.pipeline import Gateway
from tests.authorisation.conftest import TRUST, Clients, Who, policy

ACCOUNT = "123456789012"


@pytest.fixture(scope="module")
def in_force(gateway: Gateway) -> PoliciesInForce:
    return PoliciesInForce(gateway.organization)


@pytest.fixture(scope="module")
def learner(gateway: Gateway, who: Who) -> Principal:
    return who(gateway.learner)


@pytest.fixture
def of(in_force: PoliciesInForce, learner: Principal) -> Any:
    """The resource policy for an action on a resource."""

    def find(action: str, resource: str) -> Source | None:
        return in_force.policies(learner, Need(action, resource)).resource

    return find


def sids(source: Source | None) -> list[Any]:
    assert source is not None
    assert source.kind == "resource"
    return [statement.sid for statement in source.policy.statements]


def statement(sid: str, *actions: str, resource: str = "*") -> str:
    return policy(*actions, resource=resource, Sid=sid, Principal={"AWS": ACCOUNT})


def test_a_bucket_policy_covers_the_bucket_and_its_objects(of: Any, clients: Clients) -> None:
    s3 = clients("s3")
    s3.create_bucket(Bucket="shop-photos")
    assert of("s3:ListBucket", "arn:aws:s3:::shop-photos") is None
    s3.put_bucket_policy(Bucket="shop-photos", Policy=statement("B", "s3:*", resource="arn:aws:s3:::shop-photos/*"))
    for resource in ("arn:aws:s3:::shop-photos", "arn:aws:s3:::shop-photos/a/b.jpg", "arn:aws:s3:::shop-photos/*"):
        found = of("s3:GetObject", resource)
        assert sids(found) == ["B"]
        assert (found.name, found.attached_to) == ("bucket policy", resource)
    assert of("s3:GetObject", "arn:aws:s3:::shop-photos-2/a") is None
    s3.delete_bucket_policy(Bucket="shop-photos")
    assert of("s3:GetObject", "arn:aws:s3:::shop-photos/a") is None


def test_a_bucket_policy_of_another_account_is_found_by_the_buckets_name(of: Any, member: Clients) -> None:
    member("s3").create_bucket(Bucket="members-bucket")
    member("s3").put_bucket_policy(Bucket="members-bucket", Policy=statement("M", "s3:*"))
    assert sids(of("s3:GetObject", "arn:aws:s3:::members-bucket/a")) == ["M"]


def test_a_queue_has_a_policy_once_it_is_given_one(of: Any, clients: Clients) -> None:
    sqs = clients("sqs")
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:orders"
    assert of("sqs:SendMessage", arn) is None
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": statement("Q", "sqs:SendMessage", resource=arn)})
    assert sids(of("sqs:SendMessage", arn)) == ["Q"]
    sqs.add_permission(QueueUrl=url, Label="more", AWSAccountIds=["210987654321"], Actions=["ReceiveMessage"])
    assert sids(of("sqs:SendMessage", arn)) == ["Q", "more"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    assert of("sqs:SendMessage", arn) is None


def test_a_new_topic_has_the_policy_that_aws_gives_it(of: Any, clients: Clients) -> None:
    sns = clients("sns")
    arn = sns.create_topic(Name="placed")["TopicArn"]
    found = of("sns:Publish", arn)
    assert sids(found) == ["__default_statement_ID"]
    condition = found.policy.statements[0].document["Condition"]
    assert condition == {"StringEquals": {"AWS:SourceOwner": ACCOUNT}}
    sns.set_topic_attributes(
        TopicArn=arn, AttributeName="Policy", AttributeValue=statement("T", "sns:Publish", resource=arn)
    )
    assert sids(of("sns:Publish", arn)) == ["T"]
    assert sids(of("sns:Unsubscribe", f"{arn}:2bcfbf39-05c3-41de-beaa-fcfcc21c8f55")) == ["T"]


def test_a_secrets_policy(of: Any, clients: Clients) -> None:
    secrets = clients("secretsmanager")
    arn = secrets.create_secret(Name="shop/db-main", SecretString="s")["ARN"]
    assert of("secretsmanager:GetSecretValue", arn) is None
    secrets.put_resource_policy(SecretId="shop/db-main", ResourcePolicy=statement("S", "secretsmanager:GetSecretValue"))
    assert sids(of("secretsmanager:GetSecretValue", arn)) == ["S"]
    # The six characters at the end are a part of the name: other ones are another secret.
    assert of("secretsmanager:GetSecretValue", arn[:-6] + "AAAAAA") is None


def decides(in_force: PoliciesInForce, learner: Principal, action: str, resource: str) -> bool:
    return in_force.policies(learner, Need(action, resource)).resource_decides


def test_a_keys_policy_decides_and_names_the_account_by_default(
    of: Any, in_force: PoliciesInForce, learner: Principal, clients: Clients
) -> None:
    kms = clients("kms")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    assert sids(of("kms:Decrypt", arn)) == ["Enable IAM User Permissions"]
    assert decides(in_force, learner, "kms:Decrypt", arn)
    kms.put_key_policy(KeyId=arn, PolicyName="default", Policy=statement("K", "kms:Decrypt"))
    assert sids(of("kms:Decrypt", arn)) == ["K"]
    # An alias has no policy, and neither have keys that are not there: the caller's policies decide.
    for resource in (f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/orders", arn[:-4] + "0000", "*"):
        assert of("kms:CreateAlias", resource) is None
        assert not decides(in_force, learner, "kms:CreateAlias", resource)


def test_a_keys_policy_says_nothing_of_other_services_actions(
    of: Any, in_force: PoliciesInForce, learner: Principal, clients: Clients
) -> None:
    arn = clients("kms").create_key()["KeyMetadata"]["Arn"]
    assert of("kinesis:StartStreamEncryption", arn) is None
    assert not decides(in_force, learner, "kinesis:StartStreamEncryption", arn)


def test_a_grant_is_a_statement_of_the_keys_policy(of: Any, clients: Clients) -> None:
    kms = clients("kms")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    grantee = f"arn:aws:iam::{ACCOUNT}:role/worker"
    made = kms.create_grant(
        KeyId=arn,
        GranteePrincipal=grantee,
        Operations=["Decrypt", "GenerateDataKey"],
        Constraints={"EncryptionContextSubset": {"tenant": "a"}},
    )
    granted = of("kms:Decrypt", arn).policy.statements[1].document
    assert granted["Principal"] == {"AWS": grantee}
    assert granted["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert granted["Condition"] == {"StringEquals": {"kms:EncryptionContext:tenant": "a"}}
    kms.revoke_grant(KeyId=arn, GrantId=made["GrantId"])
    assert sids(of("kms:Decrypt", arn)) == ["Enable IAM User Permissions"]


def test_an_aws_managed_key_is_used_through_its_service_alone(of: Any, clients: Clients) -> None:
    arn = clients("kms").describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["Arn"]
    use, look = of("kms:Decrypt", arn).policy.statements
    assert use.document["Condition"]["StringEquals"] == {
        "kms:CallerAccount": ACCOUNT,
        "kms:ViaService": "s3.us-east-1.amazonaws.com",
    }
    assert "kms:Decrypt" not in look.document["Action"]


def test_a_roles_trust_policy_decides_who_may_take_it(
    of: Any, in_force: PoliciesInForce, learner: Principal, clients: Clients
) -> None:
    clients("iam").create_role(RoleName="taken", Path="/shop/", AssumeRolePolicyDocument=TRUST)
    arn = f"arn:aws:iam::{ACCOUNT}:role/shop/taken"
    for action in ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"):
        assert len(of(action, arn).policy.statements) == 2
        assert decides(in_force, learner, action, arn)
    # Without its path it is another role; and who may pass it or look at it is not the trust policy's matter.
    assert of("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/taken") is None
    assert decides(in_force, learner, "sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/taken")
    for action in ("iam:PassRole", "iam:GetRole"):
        assert of(action, arn) is None
        assert not decides(in_force, learner, action, arn)


def test_the_policy_of_an_event_bus_covers_its_rules(of: Any, clients: Clients) -> None:
    events = clients("events")
    events.create_event_bus(Name="shop")
    bus = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/shop"
    assert of("events:PutEvents", bus) is None
    events.put_permission(
        EventBusName="shop", Action="events:PutEvents", Principal="210987654321", StatementId="member"
    )
    assert sids(of("events:PutEvents", bus)) == ["member"]
    assert sids(of("events:PutRule", f"arn:aws:events:us-east-1:{ACCOUNT}:rule/shop/all")) == ["member"]
    assert of("events:PutRule", f"arn:aws:events:us-east-1:{ACCOUNT}:rule/all") is None


def test_a_tables_policy_covers_its_indexes_and_goes_with_the_table(of: Any, clients: Clients) -> None:
    dynamodb = clients("dynamodb")
    arn = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/Orders"

    def create() -> None:
        dynamodb.create_table(
            TableName="Orders",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )

    create()
    dynamodb.put_resource_policy(ResourceArn=arn, Policy=statement("D", "dynamodb:GetItem", resource=arn))
    assert sids(of("dynamodb:GetItem", arn)) == ["D"]
    assert sids(of("dynamodb:Query", f"{arn}/index/by-day")) == ["D"]
    assert of("dynamodb:GetRecords", f"{arn}/stream/2026-11-21T00:00:00.000") is None
    dynamodb.delete_table(TableName="Orders")
    assert of("dynamodb:GetItem", arn) is None
    create()
    assert of("dynamodb:GetItem", arn) is None


def test_a_streams_policy_goes_with_the_stream(of: Any, clients: Clients) -> None:
    kinesis = clients("kinesis")
    arn = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/clicks"
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    kinesis.put_resource_policy(ResourceARN=arn, Policy=statement("C", "kinesis:GetRecords", resource=arn))
    assert sids(of("kinesis:GetRecords", arn)) == ["C"]
    kinesis.delete_stream(StreamName="clicks")
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    assert of("kinesis:GetRecords", arn) is None


def test_a_repositorys_policy(of: Any, clients: Clients) -> None:
    ecr = clients("ecr")
    arn = ecr.create_repository(repositoryName="shop/api")["repository"]["repositoryArn"]
    assert of("ecr:BatchGetImage", arn) is None
    document = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Sid": "E", "Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "ecr:BatchGetImage"}
            ],
        }
    )
    ecr.set_repository_policy(repositoryName="shop/api", policyText=document)
    assert sids(of("ecr:BatchGetImage", arn)) == ["E"]


def test_what_the_sandboxs_own_services_keep_is_asked_of_them(learner: Principal) -> None:
    asked = []

    def function_policy(arn: str) -> dict[str, Any] | None:
        asked.append(arn)
        return json.loads(statement("L", "lambda:InvokeFunction")) if arn.endswith(":live") else None

    in_force = PoliciesInForce(policies={"lambda": function_policy})
    function = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
    found = in_force.policies(learner, Need("lambda:InvokeFunction", f"{function}:live")).resource
    assert sids(found) == ["L"]
    assert found is not None
    assert found.name == "function policy"
    assert in_force.policies(learner, Need("lambda:InvokeFunction", function)).resource is None
    assert asked == [f"{function}:live", function]


@pytest.fixture
def damaged(clients: Clients) -> Iterator[Callable[[bytes], str]]:
    from sandbox.gateway import moto_resources

    clients("s3").create_bucket(Bucket="damaged")
    arn = moto_resources.arn_of("arn:aws:s3:::damaged/key")
    assert arn is not None

    def damage(policy: bytes) -> str:
        moto_resources.bucket(arn).policy = policy
        return arn.text

    yield damage
    clients("s3").delete_bucket_policy(Bucket="damaged")


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (b"no JSON", [("Deny", "CannotBeRead")]),
        (b"[]", [("Deny", "CannotBeRead")]),
        (b"[" * 100_000, [("Deny", "CannotBeRead")]),
        (b'{"Version": "2012-10-17", "Statement": "all"}', [("Deny", "CannotBeRead")]),
        (b'{"Version": "2012-10-17", "Statement": [{"Effect": "Perhaps"}]}', [("Deny", "CannotBeRead")]),
        (b'{"Version": "2012-10-17", "Statement": [{"Effect": "Deny"}]}', [("Deny", "CannotBeRead")]),
        (b'{"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]}', []),
        (b'{"Version": "2020-01-01", "Statement": [{"Effect": "Allow"}]}', [("Deny", "CannotBeRead")]),
        (
            b'{"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}, {"Sid": "Good", "Effect": "Allow", '
            b'"Principal": "*", "Action": "s3:*", "Resource": "*"}]}',
            [("Allow", "Good")],
        ),
    ],
)
def test_of_a_policy_that_cannot_be_read_nothing_is_allowed_that_cannot_be_judged(
    of: Any, damaged: Callable[[bytes], str], document: bytes, expected: list[tuple[str, str]]
) -> None:
    found = of("s3:GetObject", damaged(document))
    assert [(statement.effect, statement.sid) for statement in found.policy.statements] == expected


@pytest.mark.parametrize(
    "resource",
    [
        "*",
        "",
        "arn:",
        "arn:aws:sqs:us-east-1::",
        "arn:aws:sqs:us-east-1:999999999999:q",
        "arn:aws:sqs:nowhere-9:123456789012:q",
        "arn:aws:s3:::",
        "arn:aws:iam::999999999999:role/r",
        "arn:aws:events:us-east-1:123456789012:other",
        "arn:aws:nothing:us-east-1:123456789012:x",
    ],
)
def test_what_is_not_there_has_no_policy(of: Any, resource: str) -> None:
    assert of("sqs:SendMessage", resource) is None


def test_looking_makes_no_accounts(of: Any) -> None:
    import moto.sqs.models

    of("sqs:SendMessage", "arn:aws:sqs:us-east-1:888888888888:q")
    assert "888888888888" not in moto.sqs.models.sqs_backends


def test_no_resource_however_odd_breaks_the_reading(in_force: PoliciesInForce, learner: Principal) -> None:
    state = CloudState()
    chance = random.Random(7)
    services = [
        "s3",
        "sqs",
        "sns",
        "iam",
        "kms",
        "dynamodb",
        "events",
        "kinesis",
        "ecr",
        "ssm",
        "secretsmanager",
        "ec2",
    ]
    pieces = [
        "",
        "*",
        "/",
        ":",
        "table/",
        "key/",
        "secret:",
        "role/",
        "rule/",
        "stream/",
        "é",
        "\ud800",
        "?",
        "a" * 300,
    ]
    for _ in range(3000):
        head = [chance.choice(["us-east-1", "", "x"]), chance.choice([ACCOUNT, "", "999999999999", "aws", "*"])]
        resource = ":".join(["arn:aws", chance.choice(services), *head, "".join(chance.choices(pieces, k=3))])
        need = Need(chance.choice(["sts:AssumeRole", "s3:GetObject", ""]), resource)
        in_force.policies(learner, need)
        in_force.resource_context(need)
        state.encryption_key(resource)
        state.partition_key(resource, None)
        state.permissions_boundary(resource)
        for kind in get_args(Kind):
            state.arn(chance.choice([ACCOUNT, ""]), chance.choice(["us-east-1", ""]), kind, resource)
