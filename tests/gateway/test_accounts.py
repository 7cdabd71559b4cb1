"""Two accounts at one endpoint: each has its own state, and a resource of the other is reached by its name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.gateway.call import DEFAULT_ACCOUNT, MEMBER_ACCOUNT, Call
from sandbox.gateway.pipeline import Gateway

ACCESS_ROLE = f"arn:aws:iam::{MEMBER_ACCOUNT}:role/OrganizationAccountAccessRole"
ANYONE = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}


def as_variables(credentials: dict[str, Any]) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
    }


@pytest.fixture(scope="module")
def member(clients: Any) -> dict[str, str]:
    """Credentials of an administrator of the second account."""
    made = clients("sts").assume_role(RoleArn=ACCESS_ROLE, RoleSessionName="admin")
    return as_variables(made["Credentials"])


def error_of(operation: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        operation(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


# -- an account of its own -------------------------------------------------------------------------------


def test_the_management_account_gets_into_the_member_by_its_role(clients: Any, member: dict[str, str]) -> None:
    identity = clients("sts", member).get_caller_identity()
    assert identity["Account"] == MEMBER_ACCOUNT
    assert identity["Arn"] == f"arn:aws:sts::{MEMBER_ACCOUNT}:assumed-role/OrganizationAccountAccessRole/admin"
    iam = clients("iam", member)
    attached = iam.list_attached_role_policies(RoleName="OrganizationAccountAccessRole")["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AdministratorAccess"]
    trust = iam.get_role(RoleName="OrganizationAccountAccessRole")["Role"]["AssumeRolePolicyDocument"]
    assert trust["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{DEFAULT_ACCOUNT}:root"}


def test_the_management_account_has_no_such_role(clients: Any) -> None:
    assert error_of(clients("iam").get_role, RoleName="OrganizationAccountAccessRole")[0] == "NoSuchEntity"


@pytest.mark.parametrize(
    ("service", "make", "params", "listing", "key"),
    [
        ("sqs", "create_queue", {"QueueName": "apart"}, "list_queues", "QueueUrls"),
        ("sns", "create_topic", {"Name": "apart"}, "list_topics", "Topics"),
        ("secretsmanager", "create_secret", {"Name": "apart", "SecretString": "s"}, "list_secrets", "SecretList"),
        (
            "ssm",
            "put_parameter",
            {"Name": "apart", "Value": "v", "Type": "String"},
            "describe_parameters",
            "Parameters",
        ),
        ("iam", "create_user", {"UserName": "apart"}, "list_users", "Users"),
        ("s3", "create_bucket", {"Bucket": "apart-of-all"}, "list_buckets", "Buckets"),
        ("kms", "create_key", {}, "list_keys", "Keys"),
        (
            "dynamodb",
            "create_table",
            {
                "TableName": "apart",
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "BillingMode": "PAY_PER_REQUEST",
            },
            "list_tables",
            "TableNames",
        ),
    ],
)
def test_what_one_account_makes_the_other_does_not_list(
    clients: Any, member: dict[str, str], service: str, make: str, params: dict[str, Any], listing: str, key: str
) -> None:
    before = len(getattr(clients(service), listing)().get(key, []))
    theirs = len(getattr(clients(service, member), listing)().get(key, []))
    getattr(clients(service, member), make)(**params)
    assert len(getattr(clients(service), listing)().get(key, [])) == before
    assert len(getattr(clients(service, member), listing)().get(key, [])) == theirs + 1


def test_users_of_the_second_account_sign_with_their_own_keys(clients: Any, member: dict[str, str]) -> None:
    iam = clients("iam", member)
    iam.create_user(UserName="mia")
    key = iam.create_access_key(UserName="mia")["AccessKey"]
    own = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    assert clients("sts", own).get_caller_identity()["Arn"] == f"arn:aws:iam::{MEMBER_ACCOUNT}:user/mia"
    assert clients("sts").get_access_key_info(AccessKeyId=key["AccessKeyId"])["Account"] == MEMBER_ACCOUNT
    url = clients("sqs", own).create_queue(QueueName="mias")["QueueUrl"]
    assert f"/{MEMBER_ACCOUNT}/mias" in url
    iam.update_access_key(UserName="mia", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert error_of(clients("sts", own).get_caller_identity)[0] == "InvalidClientTokenId"


def test_a_policy_of_aws_counts_its_attachments_in_each_account(clients: Any, member: dict[str, str]) -> None:
    arn = "arn:aws:iam::aws:policy/AmazonSQSFullAccess"
    clients("iam", member).create_user(UserName="counted")
    clients("iam", member).attach_user_policy(UserName="counted", PolicyArn=arn)
    assert clients("iam", member).get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    assert clients("iam").get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 0


def test_a_client_does_not_choose_its_account_by_a_header(clients: Any, gateway: Gateway) -> None:
    sqs = clients("sqs")
    sqs.meta.events.register(
        "before-send.sqs", lambda request, **_: request.headers.__setitem__("x-moto-account-id", MEMBER_ACCOUNT)
    )
    url = sqs.create_queue(QueueName="mine")["QueueUrl"]
    assert f"/{DEFAULT_ACCOUNT}/mine" in url


class Functions:
    """A service of the sandbox's own, which tells the account it was asked in."""

    name = "lambda"
    whole = False
    refused: Mapping[str, str] = {}

    def __init__(self) -> None:
        self.operations = {"GetFunction": self._get}

    def _get(self, call: Call) -> dict[str, Any]:
        return {"Configuration": {"Role": call.account, "Description": call.principal.account}}


@pytest.fixture(scope="module")
def functions(gateway: Gateway) -> None:
    gateway.add(Functions())


@pytest.mark.usefixtures("functions")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("orders", DEFAULT_ACCOUNT),
        (f"arn:aws:lambda:us-east-1:{MEMBER_ACCOUNT}:function:orders", MEMBER_ACCOUNT),
        (f"arn:aws:lambda:us-east-1:{MEMBER_ACCOUNT}:function:orders:live", MEMBER_ACCOUNT),
        (f"{MEMBER_ACCOUNT}:function:orders", MEMBER_ACCOUNT),
        (f"arn:aws:lambda:us-east-1:{DEFAULT_ACCOUNT}:function:orders", DEFAULT_ACCOUNT),
        ("arn:aws:lambda:us-east-1:999999999999:function:orders", DEFAULT_ACCOUNT),
    ],
)
def test_our_own_services_are_asked_in_the_account_of_the_resource(clients: Any, name: str, expected: str) -> None:
    told = clients("lambda").get_function(FunctionName=name)["Configuration"]
    assert (told["Role"], told["Description"]) == (expected, DEFAULT_ACCOUNT)


# -- resources of the other account ----------------------------------------------------------------------


def test_a_queue_of_the_other_account_is_reached_by_its_url(clients: Any, member: dict[str, str]) -> None:
    theirs, ours = clients("sqs", member), clients("sqs")
    document = json.dumps({"Version": "2012-10-17", "Statement": [ANYONE]})
    url = theirs.create_queue(QueueName="shared", Attributes={"Policy": document})["QueueUrl"]
    own = ours.create_queue(QueueName="shared")["QueueUrl"]
    assert url != own
    assert ours.get_queue_url(QueueName="shared", QueueOwnerAWSAccountId=MEMBER_ACCOUNT)["QueueUrl"] == url
    ours.send_message(QueueUrl=url, MessageBody="across")
    assert "Messages" not in ours.receive_message(QueueUrl=own)
    assert [message["Body"] for message in theirs.receive_message(QueueUrl=url)["Messages"]] == ["across"]


def test_a_wait_for_messages_of_the_other_account_ends_when_one_comes(
    clients: Any, gateway: Gateway, member: dict[str, str]
) -> None:
    url = clients("sqs", member).create_queue(QueueName="waited-for")["QueueUrl"]
    clients("sqs", member).send_message(QueueUrl=url, MessageBody="later", DelaySeconds=5)
    gateway.clock.advance(5)
    found = clients("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=1)["Messages"]
    assert [message["Body"] for message in found] == ["later"]


def test_a_topic_a_secret_and_a_table_are_reached_by_arn(clients: Any, member: dict[str, str]) -> None:
    topic = clients("sns", member).create_topic(Name="shared")["TopicArn"]
    assert clients("sns").publish(TopicArn=topic, Message="m")["MessageId"]
    secret = clients("secretsmanager", member).create_secret(Name="shared", SecretString="theirs")["ARN"]
    clients("secretsmanager").create_secret(Name="shared", SecretString="ours")
    assert clients("secretsmanager").get_secret_value(SecretId=secret)["SecretString"] == "theirs"
    assert clients("secretsmanager").get_secret_value(SecretId="shared")["SecretString"] == "ours"


def table(clients: Any, credentials: dict[str, str] | None, name: str) -> str:
    made = clients("dynamodb", credentials).create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return str(made["TableDescription"]["TableArn"])


def test_a_table_of_the_other_account_is_reached_by_arn(clients: Any, member: dict[str, str]) -> None:
    arn = table(clients, member, "shared")
    own = table(clients, None, "shared")
    ours = clients("dynamodb")
    ours.put_item(TableName=arn, Item={"id": {"S": "1"}})
    assert clients("dynamodb", member).get_item(TableName="shared", Key={"id": {"S": "1"}})["Item"]
    assert "Item" not in ours.get_item(TableName="shared", Key={"id": {"S": "1"}})
    found = ours.batch_get_item(RequestItems={arn: {"Keys": [{"id": {"S": "1"}}]}})
    assert sum(map(len, found["Responses"].values())) == 1
    put = {"Item": {"id": {"S": "2"}}}
    code, message = error_of(
        ours.transact_write_items,
        TransactItems=[{"Put": {"TableName": arn, **put}}, {"Put": {"TableName": own, **put}}],
    )
    assert code == "NotImplementedException"
    assert "several accounts" in message


def test_secrets_of_the_other_account_are_fetched_in_a_batch(clients: Any, member: dict[str, str]) -> None:
    arns = [
        clients("secretsmanager", member).create_secret(Name=name, SecretString=name)["ARN"] for name in ("a1", "b1")
    ]
    found = clients("secretsmanager").batch_get_secret_value(SecretIdList=arns)["SecretValues"]
    assert sorted(secret["SecretString"] for secret in found) == ["a1", "b1"]


def test_a_key_of_the_other_account_encrypts_and_decrypts(clients: Any, member: dict[str, str]) -> None:
    arn = clients("kms", member).create_key()["KeyMetadata"]["Arn"]
    ours = clients("kms")
    blob = ours.encrypt(KeyId=arn, Plaintext=b"told")["CiphertextBlob"]
    assert ours.decrypt(CiphertextBlob=blob)["Plaintext"] == b"told"
    assert ours.decrypt(CiphertextBlob=blob, KeyId=arn)["KeyId"] == arn
    assert clients("kms", member).decrypt(CiphertextBlob=blob)["KeyId"] == arn
    own = ours.create_key()["KeyMetadata"]["Arn"]
    code, message = error_of(ours.re_encrypt, CiphertextBlob=blob, DestinationKeyId=own)
    assert (code, "several accounts" in message) == ("NotImplementedException", True)


def test_a_bucket_is_its_owners_whoever_asks(clients: Any, member: dict[str, str]) -> None:
    theirs, ours = clients("s3", member), clients("s3")
    theirs.create_bucket(Bucket="shared-between-two")
    ours.put_object(Bucket="shared-between-two", Key="k", Body=b"across")
    assert theirs.get_object(Bucket="shared-between-two", Key="k")["Body"].read() == b"across"
    assert "shared-between-two" not in [bucket["Name"] for bucket in ours.list_buckets()["Buckets"]]
    assert error_of(ours.create_bucket, Bucket="shared-between-two")[0] == "BucketAlreadyExists"
    ours.create_bucket(Bucket="of-the-first-account")
    source = {"Bucket": "shared-between-two", "Key": "k"}
    ours.copy_object(Bucket="of-the-first-account", Key="copy", CopySource=source)
    assert ours.get_object(Bucket="of-the-first-account", Key="copy")["Body"].read() == b"across"


def test_a_bucket_with_another_owner_than_expected_is_refused(clients: Any, member: dict[str, str]) -> None:
    clients("s3", member).create_bucket(Bucket="not-whose-you-think")
    clients("s3", member).put_object(Bucket="not-whose-you-think", Key="k", Body=b"x")
    s3 = clients("s3")
    for owner, refused in ((MEMBER_ACCOUNT, False), (DEFAULT_ACCOUNT, True)):
        asked = {"Bucket": "not-whose-you-think", "Key": "k", "ExpectedBucketOwner": owner}
        if refused:
            assert error_of(s3.get_object, **asked)[0] == "AccessDenied"
        else:
            assert s3.get_object(**asked)["Body"].read() == b"x"


# -- further accounts ------------------------------------------------------------------------------------


def test_an_account_that_the_organization_makes_works_as_the_second_does(clients: Any) -> None:
    organizations = clients("organizations")
    asked = organizations.create_account(Email="third@example.com", AccountName="third", RoleName="Admin")
    request = asked["CreateAccountStatus"]["Id"]
    status = organizations.describe_create_account_status(CreateAccountRequestId=request)["CreateAccountStatus"]
    assert (asked["CreateAccountStatus"]["State"], status["State"]) == ("IN_PROGRESS", "SUCCEEDED")
    account = status["AccountId"]
    session = clients("sts").assume_role(RoleArn=f"arn:aws:iam::{account}:role/Admin", RoleSessionName="first")
    own = as_variables(session["Credentials"])
    assert clients("sts", own).get_caller_identity()["Account"] == account
    assert f"/{account}/q" in clients("sqs", own).create_queue(QueueName="q")["QueueUrl"]
