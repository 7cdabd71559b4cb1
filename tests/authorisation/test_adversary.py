"""What a caller tries who wants more than his policies give: no way of writing a request leads past them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.authorisation.test_enforced import ACCOUNT, World, refusal, world

__all__ = ["world"]

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NONE = {"Version": "2012-10-17", "Statement": []}


def target(name: str) -> dict[str, str]:
    return {"X-Amz-Target": name, "Content-Type": "application/x-amz-json-1.1"}


def send(
    world: World,
    service: str | None,
    method: str = "POST",
    path: str = "/",
    *,
    headers: Mapping[str, str] | None = None,
    body: str = "",
    host: str | None = None,
) -> tuple[int, bytes]:
    """Status and body of the answer to a request as it stands here, signed by the worker; unsigned without service."""
    address = urlsplit(world.sandbox.gateway.endpoint_url).netloc
    sent = {"Host": host or address, "Content-Length": str(len(body)), **(headers or {})}
    if service is not None:
        given = world.admin("sts").assume_role(RoleArn=world.role, RoleSessionName="test")["Credentials"]
        key = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        request = AWSRequest(method, f"http://{sent['Host']}{path}", data=body.encode(), headers=sent)
        (S3SigV4Auth if service == "s3" else SigV4Auth)(key, service, "us-east-1").add_auth(request)
        sent = dict(request.headers.items())
    connection = http.client.HTTPConnection(address, timeout=20)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders(body.encode())
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


# -- one request is not two ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/?SecretId=theirs", '{"SecretId": "mine"}'),
        ("/?Action=DeleteSecret&SecretId=theirs", '{"SecretId": "mine"}'),
        ("/", '{"SecretId": "mine", "note": "&SecretId=theirs&end="}'),
        ("/", '{"SecretId": "mine", "note": "&Action=DeleteSecret&SecretId=theirs&end="}'),
    ],
)
@pytest.mark.parametrize("headers", [{}, FORM])
def test_a_json_request_is_its_body_alone(world: World, path: str, body: str, headers: dict[str, str]) -> None:
    secrets = world.admin("secretsmanager")
    for name in ("mine", "theirs"):
        secrets.create_secret(Name=name, SecretString=f"of {name}")
    world.allow("secretsmanager:GetSecretValue", on="arn:aws:secretsmanager:*:*:secret:mine-*")
    status, answer = send(
        world, "secretsmanager", path=path, headers={**target("secretsmanager.GetSecretValue"), **headers}, body=body
    )
    assert status != 200 or json.loads(answer)["SecretString"] == "of mine"
    assert "DeletedDate" not in secrets.describe_secret(SecretId="theirs")
    assert secrets.get_secret_value(SecretId="theirs")["SecretString"] == "of theirs"


def test_a_queue_is_named_once_and_read_the_same_way_by_all(world: World) -> None:
    queues = world.admin("sqs")
    mine = queues.create_queue(QueueName="mine")["QueueUrl"]
    theirs = queues.create_queue(QueueName="theirs")["QueueUrl"]
    queues.send_message(QueueUrl=theirs, MessageBody="of theirs")
    world.allow("sqs:ReceiveMessage", on="arn:aws:sqs:*:*:mine")
    as_json = json.dumps({"QueueUrl": mine, "note": f"&QueueUrl={theirs}&Action=ReceiveMessage&end="})
    form = [("Action", "ReceiveMessage"), ("Version", "2012-11-05")]
    asked = [
        ("/", target("AmazonSQS.ReceiveMessage"), as_json),
        ("/", {**target("AmazonSQS.ReceiveMessage"), **FORM}, as_json),
        (urlsplit(theirs).path, target("AmazonSQS.ReceiveMessage"), json.dumps({"QueueUrl": mine})),
        ("/", FORM, urlencode([*form, ("QueueUrl", mine), ("QueueUrl", theirs)])),
        ("/", FORM, urlencode([*form, ("QueueUrl", theirs), ("QueueUrl", mine)])),
        (urlsplit(theirs).path, FORM, urlencode([*form, ("QueueUrl", mine)])),
        (urlsplit(theirs).path, FORM, urlencode(form)),
        (urlsplit(mine).path, FORM, urlencode([*form, ("QueueUrl", theirs)])),
    ]
    for path, headers, body in asked:
        assert b"of theirs" not in send(world, "sqs", path=path, headers=headers, body=body)[1], (path, body)
    assert send(world, "sqs", path=urlsplit(mine).path, headers=FORM, body=urlencode(form))[0] == 200


def test_one_form_asks_for_one_operation(world: World) -> None:
    world.allow("iam:ListUsers")
    listing = [("Action", "ListUsers"), ("Version", "2010-05-08")]
    making = [("Action", "CreateUser"), ("UserName", "mallory")]
    for path, pairs in (
        ("/", [*making, *listing]),
        ("/", [*listing, *making]),
        (f"/?{urlencode(making)}", listing),
    ):
        send(world, "iam", path=path, headers=FORM, body=urlencode(pairs))
    assert "mallory" not in {user["UserName"] for user in world.admin("iam").list_users()["Users"]}


def test_the_hosts_name_says_neither_region_nor_bucket_to_one_reader_only(world: World) -> None:
    storage, queues = world.admin("s3"), world.admin("sqs")
    for name in ("mine", "theirs"):
        storage.create_bucket(Bucket=name)
        storage.put_object(Bucket=name, Key="k", Body=f"of {name}".encode())
    world.allow("s3:GetObject", on="arn:aws:s3:::mine/*")
    for host in ("theirs.s3.amazonaws.com", "theirs.localhost", "theirs.example.com:80", "theirs.s3.localhost:1"):
        for path in ("/mine/k", "/k"):
            assert b"of theirs" not in send(world, "s3", "GET", path, host=host)[1], (host, path)
    assert send(world, "s3", "GET", "/k", host="mine.s3.amazonaws.com") == (200, b"of mine")
    queues.create_queue(QueueName="here")
    world.allow("sqs:ListQueues", name="list")
    listed = send(world, "sqs", headers=target("AmazonSQS.ListQueues"), body="{}", host="sqs.eu-west-1.amazonaws.com")
    assert b"/here" in listed[1]
    assert send(world, None, "GET", "http://sqs.eu-west-1.amazonaws.com/")[0] == 400


def test_what_a_url_asks_beside_the_operation_is_not_done(world: World) -> None:
    storage = world.admin("s3")
    storage.create_bucket(Bucket="mine")
    storage.put_object(Bucket="mine", Key="source", Body=b"secret")
    world.allow("s3:PutObject", on="arn:aws:s3:::mine/w/*")
    tagging = "<Tagging><TagSet></TagSet></Tagging>"
    for path, headers in (
        ("/mine/w/a?tagging", {"x-amz-copy-source": "mine/source"}),
        ("/mine/w/a?acl", {"x-amz-acl": "public-read"}),
        ("/mine/w/a?partNumber=1&uploadId=none", {"x-amz-copy-source": "mine/source"}),
        ("/mine/w/a", {"x-amz-acl": "public-read"}),
        ("/mine/w/a", {"x-amz-tagging": "a=b"}),
        ("/mine/w/a?x-amz-acl=public-read", {}),
        ("/mine/w/a?X-Amz-Tagging=a%3Db", {}),
    ):
        assert send(world, "s3", "PUT", path, headers=headers, body=tagging)[0] in (400, 403), (path, headers)
    assert "Contents" not in storage.list_objects_v2(Bucket="mine", Prefix="w/")


@pytest.mark.parametrize(
    "key", ["a b", "a+b", "ü/é", "a;b", "a#b", "a?b", "100%25", "end/", "a//b", "/first", "a/../b", "a&b=c", "a:b."]
)
def test_any_key_of_an_object_is_one_resource(world: World, key: str) -> None:
    storage = world.admin("s3")
    storage.create_bucket(Bucket="mine")
    storage.put_object(Bucket="mine", Key=key, Body=b"a=1&b=2", ContentType="application/x-www-form-urlencoded")
    storage.put_object(Bucket="mine", Key="other", Body=b"other")
    pattern = key.replace("?", "${?}")
    world.allow("s3:GetObject", on=f"arn:aws:s3:::mine/{pattern}")
    assert world.worker("s3").get_object(Bucket="mine", Key=key)["Body"].read() == b"a=1&b=2"
    assert refusal(world.worker("s3").get_object, Bucket="mine", Key="other")[0] == "AccessDenied"


# -- moto's own ----------------------------------------------------------------------------------------


def test_motos_own_pages_are_no_service(world: World) -> None:
    sign_in = {**target("AWSCognitoIdentityProviderService.InitiateAuth")}
    body = '{"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": "none"}'
    assert send(world, None, path="/moto-api/reset", headers=sign_in, body=body)[0] == 400
    assert send(world, None, "GET", "/moto-api/data.json")[0] == 403
    world.allow("s3:*", "sqs:*")
    send(world, "s3", "POST", "/moto-api/reset")
    send(world, "sqs", path="/moto-api/reset", headers=target("AmazonSQS.ListQueues"), body="{}")
    assert world.admin("iam").get_role(RoleName="worker")["Role"]["RoleName"] == "worker"


def test_a_client_does_not_choose_the_account_that_answers(world: World) -> None:
    world.allow("sqs:ListQueues")
    queue = world.admin("sqs").create_queue(QueueName="mine")["QueueUrl"]
    headers = {**target("AmazonSQS.ListQueues"), "x-moto-account-id": "210987654321"}
    assert queue.encode() in send(world, "sqs", headers=headers, body="{}")[1]


# -- without a signature -------------------------------------------------------------------------------


def test_whom_a_bucket_policy_lets_in_need_not_sign(world: World) -> None:
    storage = world.admin("s3")
    storage.create_bucket(Bucket="site")
    storage.put_object(Bucket="site", Key="open/a", Body=b"for all")
    storage.put_object(Bucket="site", Key="shut/a", Body=b"for none")
    assert send(world, None, "GET", "/site/open/a")[0] == 403
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::site/open/*"}
    storage.put_bucket_policy(Bucket="site", Policy=json.dumps({**NONE, "Statement": [statement]}))
    assert send(world, None, "GET", "/site/open/a") == (200, b"for all")
    for method, path in (
        ("GET", "/site/shut/a"),
        ("PUT", "/site/open/b"),
        ("DELETE", "/site/open/a"),
        ("GET", "/site"),
        ("DELETE", "/site"),
        ("GET", "/"),
        ("GET", "/nowhere/a"),
    ):
        status, answer = send(world, None, method, path)
        assert (status, b"<Message>Access Denied</Message>" in answer) == (403, True), (method, path)


# -- what can't be told --------------------------------------------------------------------------------


def test_what_is_refused_by_name_says_so_and_what_lacks_a_parameter_says_that(world: World) -> None:
    admin = world.admin
    code, message, _ = refusal(admin("scheduler").get_schedule, Name="nightly")
    assert (code, "nothing would start it at its time" in message) == ("NotImplementedException", True)
    assert refusal(admin("cloudwatch").list_metric_data_query_definitions)[0] == "NotImplementedException"
    world.allow("*")
    code, message = json.loads(
        send(world, "secretsmanager", headers=target("secretsmanager.GetSecretValue"), body="{}")[1]
    ).values()
    assert code == "ValidationException"
    assert message.startswith("1 validation error detected: Value null at 'SecretId'")
    form = urlencode({"Action": "GetRole", "Version": "2010-05-08"})
    assert b"<Code>ValidationError</Code>" in send(world, "iam", headers=FORM, body=form)[1]
    form = urlencode({"Action": "ReceiveMessage", "Version": "2012-11-05"})
    assert b"<Code>MissingParameter</Code>" in send(world, "sqs", headers=FORM, body=form)[1]


def test_a_session_of_a_role_that_is_gone_or_made_anew_may_nothing(world: World) -> None:
    world.allow("sqs:ListQueues")
    queues = world.worker("sqs")
    queues.list_queues()
    roles = world.admin("iam")
    trust = json.dumps(roles.get_role(RoleName="worker")["Role"]["AssumeRolePolicyDocument"])
    roles.delete_role_policy(RoleName="worker", PolicyName="given")
    assert refusal(queues.list_queues)[0] == "AccessDenied"
    roles.delete_role(RoleName="worker")
    assert refusal(queues.list_queues)[0] == "AccessDenied"
    roles.create_role(RoleName="worker", AssumeRolePolicyDocument=trust)
    world.allow("sqs:ListQueues")
    assert refusal(queues.list_queues)[0] == "AccessDenied"
    assert world.worker("sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert ACCOUNT in world.role


# -- several things in one call ------------------------------------------------------------------------


def test_of_many_objects_those_are_deleted_that_may_be(world: World) -> None:
    storage = world.admin("s3")
    storage.create_bucket(Bucket="mine")
    keys = ("w/a", "w/b&<c>", "shut/a", "w/ü d")
    for key in keys:
        storage.put_object(Bucket="mine", Key=key, Body=b"")
    world.allow("s3:DeleteObject", on="arn:aws:s3:::mine/w/*")
    answer = world.worker("s3").delete_objects(Bucket="mine", Delete={"Objects": [{"Key": key} for key in keys]})
    assert {each["Key"] for each in answer["Deleted"]} == set(keys) - {"shut/a"}
    (error,) = answer["Errors"]
    assert (error["Key"], error["Code"]) == ("shut/a", "AccessDenied")
    assert 's3:DeleteObject on resource: "arn:aws:s3:::mine/shut/a"' in error["Message"]
    answer = world.worker("s3").delete_objects(Bucket="mine", Delete={"Objects": [{"Key": "shut/a"}], "Quiet": True})
    assert ("Deleted" in answer, [each["Key"] for each in answer["Errors"]]) == (False, ["shut/a"])
    assert [each["Key"] for each in storage.list_objects_v2(Bucket="mine")["Contents"]] == ["shut/a"]


def test_a_version_that_may_not_be_deleted_stays_beside_one_that_may(world: World) -> None:
    storage = world.admin("s3")
    storage.create_bucket(Bucket="mine")
    storage.put_bucket_versioning(Bucket="mine", VersioningConfiguration={"Status": "Enabled"})
    version = storage.put_object(Bucket="mine", Key="a", Body=b"")["VersionId"]
    world.allow("s3:DeleteObject", on="arn:aws:s3:::mine/*")
    objects = [{"Key": "a"}, {"Key": "a", "VersionId": version}]
    answer = world.worker("s3").delete_objects(Bucket="mine", Delete={"Objects": objects})
    assert [each["Key"] for each in answer["Deleted"]] == ["a"]
    assert [each["VersionId"] for each in answer["Errors"]] == [version]
    assert storage.get_object(Bucket="mine", Key="a", VersionId=version)["VersionId"] == version


@pytest.mark.parametrize(
    "statement",
    [
        'SELECT * FROM "theirs"',
        'SELECT "v FROM theirs AS x, y" FROM "mine"',
        'SELECT size("v FROM theirs AS x, y") FROM "mine"',
        """SELECT * FROM "mine" WHERE id = 'a' AND EXISTS(SELECT * FROM "theirs")""",
        "SELECT * FROM mine, theirs",
        'SELECT * FROM "mine"; SELECT * FROM "theirs"',
        """UPDATE "theirs" SET v = 'gone' WHERE id = 'a'""",
        """UPDATE "mine" SET v = 'q" WHERE id=UPDATE "theirs' WHERE id = 'a'""",
        """DELETE FROM "theirs" WHERE id = 'a'""",
        """INSERT INTO "theirs" VALUE {'id': 'new'}""",
    ],
)
def test_a_partiql_statement_reaches_the_table_that_it_was_judged_for(world: World, statement: str) -> None:
    tables = world.admin("dynamodb")
    for name in ("mine", "theirs"):
        tables.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        tables.put_item(TableName=name, Item={"id": {"S": "a"}, "v": {"S": f"of {name}"}})
    world.allow("dynamodb:*", on=f"arn:aws:dynamodb:*:{ACCOUNT}:table/mine")
    body = json.dumps({"Statement": statement})
    answer = send(world, "dynamodb", headers=target("DynamoDB_20120810.ExecuteStatement"), body=body)
    assert b"of theirs" not in answer[1]
    assert tables.scan(TableName="theirs")["Items"] == [{"id": {"S": "a"}, "v": {"S": "of theirs"}}]
    mine = """SELECT v FROM "mine" WHERE id = 'a'"""
    assert len(world.worker("dynamodb").execute_statement(Statement=mine)["Items"]) == 1


# -- accounts ------------------------------------------------------------------------------------------


def test_a_bucket_name_that_another_account_has_is_taken(world: World) -> None:
    given = world.admin("sts").assume_role(
        RoleArn="arn:aws:iam::210987654321:role/OrganizationAccountAccessRole", RoleSessionName="test"
    )["Credentials"]
    variables = {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }
    world.sandbox.gateway.client("s3", variables).create_bucket(Bucket="taken")
    assert refusal(world.admin("s3").create_bucket, Bucket="taken")[0] == "BucketAlreadyExists"
    assert refusal(world.worker("s3").create_bucket, Bucket="taken")[0] == "AccessDenied"
