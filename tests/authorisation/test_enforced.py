"""Every call of a sandbox is decided, services' own included, and a denial reads as AWS's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.isolation import isolated_session, local_config
from sandbox.sandbox import Sandbox
from tests.compute.conftest import TRUST, package
from tests.compute.environment_support import eventually

ACCOUNT = "123456789012"
ARN = f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/test"


class World:
    """A sandbox, an administrator, and a role `worker` with the policy that a test gives it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._administrator = isolated_session(sandbox.gateway.learner, "us-east-1")
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                TRUST["Statement"][0],
                {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"},
            ],
        }
        self.role = self.admin("iam").create_role(RoleName="worker", AssumeRolePolicyDocument=json.dumps(trust))[
            "Role"
        ]["Arn"]

    def admin(self, service: str) -> Any:
        return self._client(self._administrator, service)

    def _client(self, session: Any, service: str) -> Any:
        return session.client(service, endpoint_url=self.sandbox.gateway.endpoint_url, config=local_config(service))

    def allow(self, *actions: str, on: str | list[str] = "*", name: str = "given", **more: Any) -> None:
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": on, **more}
        self.admin("iam").put_role_policy(
            RoleName="worker",
            PolicyName=name,
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )

    def worker(self, service: str) -> Any:
        """A client with a session of the role."""
        given = self.admin("sts").assume_role(RoleArn=self.role, RoleSessionName="test")["Credentials"]
        variables = {
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
        }
        return self._client(isolated_session(variables, "us-east-1"), service)

    def function(self, name: str, source: str, role: str | None = None) -> None:
        functions = self.admin("lambda")
        functions.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Handler="app.handler",
            Role=role or self.role,
            Code={"ZipFile": package(source)},
            MemorySize=1769,
            Timeout=20,
        )
        functions.get_waiter("function_active_v2").wait(FunctionName=name)

    def invoke(self, name: str, event: Any = None) -> Any:
        answer = self.admin("lambda").invoke(FunctionName=name, Payload=json.dumps(event or {}).encode())
        return json.loads(answer["Payload"].read())


@pytest.fixture
def world() -> Iterator[World]:
    sandbox = Sandbox()
    try:
        sandbox.serve()
        yield World(sandbox)
    finally:
        sandbox.close()


def refusal(call: Callable[..., Any], **params: Any) -> tuple[str, str, int]:
    """Code, message and status of the error that a call gives."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    response: Mapping[str, Any] = caught.value.response
    return response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_role_without_policies_may_nothing_and_each_service_says_it_in_its_own_form(world: World) -> None:
    queue = world.admin("sqs").create_queue(QueueName="orders")["QueueUrl"]
    topic = world.admin("sns").create_topic(Name="orders")["TopicArn"]
    table = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/orders"
    asked = {
        "dynamodb": (
            refusal(world.worker("dynamodb").get_item, TableName="orders", Key={"id": {"S": "1"}}),
            ("AccessDeniedException", 400, f"dynamodb:GetItem on resource: {table} "),
        ),
        "sqs": (
            refusal(world.worker("sqs").send_message, QueueUrl=queue, MessageBody="x"),
            ("AccessDenied", 403, f"sqs:sendmessage on resource: arn:aws:sqs:us-east-1:{ACCOUNT}:orders "),
        ),
        "sns": (
            refusal(world.worker("sns").publish, TopicArn=topic, Message="x"),
            ("AuthorizationError", 403, f"SNS:Publish on resource: {topic} "),
        ),
        "s3": (
            refusal(world.worker("s3").put_object, Bucket="receipts", Key="a/b", Body=b""),
            ("AccessDenied", 403, 's3:PutObject on resource: "arn:aws:s3:::receipts/a/b" '),
        ),
        "lambda": (
            refusal(world.worker("lambda").invoke, FunctionName="f"),
            ("AccessDeniedException", 403, "lambda:InvokeFunction on resource: "),
        ),
        "iam": (
            refusal(world.worker("iam").get_role, RoleName="worker"),
            ("AccessDenied", 403, ""),
        ),
    }
    for service, ((code, message, status), (wanted_code, wanted_status, words)) in asked.items():
        assert (code, status) == (wanted_code, wanted_status), service
        assert message.startswith(f"User: {ARN} is not authorized to perform: {words}"), service
        assert "because no identity-based policy allows the " in message, service


def test_what_the_policy_allows_goes_through_and_no_more(world: World) -> None:
    for name in ("orders", "customers"):
        world.admin("dynamodb").create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    world.allow("dynamodb:PutItem", on=f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/orders")
    tables = world.worker("dynamodb")
    tables.put_item(TableName="orders", Item={"id": {"S": "1"}})
    assert world.admin("dynamodb").get_item(TableName="orders", Key={"id": {"S": "1"}})["Item"] == {"id": {"S": "1"}}
    assert refusal(tables.put_item, TableName="customers", Item={"id": {"S": "1"}})[0] == "AccessDeniedException"
    assert refusal(tables.get_item, TableName="orders", Key={"id": {"S": "1"}})[0] == "AccessDeniedException"
    assert "Item" not in world.admin("dynamodb").get_item(TableName="customers", Key={"id": {"S": "1"}})


def test_a_transaction_needs_every_one_of_its_actions(world: World) -> None:
    world.admin("dynamodb").create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    world.allow("dynamodb:PutItem")
    put = {"Put": {"TableName": "orders", "Item": {"id": {"S": "1"}}}}
    delete = {"Delete": {"TableName": "orders", "Key": {"id": {"S": "2"}}}}
    tables = world.worker("dynamodb")
    tables.transact_write_items(TransactItems=[put])
    code, message, _ = refusal(tables.transact_write_items, TransactItems=[put, delete])
    assert (code, "dynamodb:DeleteItem" in message) == ("AccessDeniedException", True)


def test_who_creates_a_function_must_be_allowed_to_pass_its_role(world: World) -> None:
    admin_role = world.admin("iam").create_role(RoleName="admin", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    world.allow("lambda:CreateFunction")
    settings = {
        "FunctionName": "escalated",
        "Runtime": "python3.11",
        "Handler": "app.handler",
        "Role": admin_role["Arn"],
        "Code": {"ZipFile": package("def handler(event, context):\n    return 1\n")},
    }
    code, message, _ = refusal(world.worker("lambda").create_function, **settings)
    assert code == "AccessDeniedException"
    assert f"iam:PassRole on resource: {admin_role['Arn']}" in message
    passing = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    world.allow("iam:PassRole", name="pass", Condition=passing)
    assert refusal(world.worker("lambda").create_function, **settings)[0] == "AccessDeniedException"
    passing["StringEquals"]["iam:PassedToService"] = "lambda.amazonaws.com"
    world.allow("iam:PassRole", name="pass", Condition=passing)
    assert world.worker("lambda").create_function(**settings)["FunctionName"] == "escalated"


def test_a_function_acts_with_its_execution_role(world: World) -> None:
    source = (
        "import boto3\n\n\ndef handler(event, context):\n    try:\n"
        "        boto3.client('dynamodb').list_tables()\n        return 'allowed'\n"
        "    except Exception as error:\n        return str(error)\n"
    )
    world.function("lister", source)
    denied = world.invoke("lister")
    assert "AccessDeniedException" in denied
    assert "assumed-role/worker/lister is not authorized to perform: dynamodb:ListTables" in denied
    world.allow("dynamodb:ListTables")
    assert world.invoke("lister") == "allowed"


def test_logs_arrive_only_if_the_execution_role_may_write_them(world: World) -> None:
    source = "def handler(event, context):\n    print('here')\n"
    world.function("silent", source)
    tail = world.admin("lambda").invoke(FunctionName="silent", LogType="Tail")
    assert tail["LogResult"]
    groups = world.admin("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/silent")["logGroups"]
    assert groups == []
    world.admin("iam").attach_role_policy(
        RoleName="worker", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    )
    world.invoke("silent")
    events = world.admin("logs").filter_log_events(logGroupName="/aws/lambda/silent")["events"]
    assert sum(event["message"] == "here\n" for event in events) == 1


def test_code_in_s3_is_fetched_with_the_callers_rights(world: World) -> None:
    storage = world.admin("s3")
    storage.create_bucket(Bucket="code")
    storage.put_object(Bucket="code", Key="f.zip", Body=package("def handler(event, context):\n    return 1\n"))
    world.allow("lambda:CreateFunction", "iam:PassRole")
    settings = {
        "FunctionName": "from-s3",
        "Runtime": "python3.11",
        "Handler": "app.handler",
        "Role": world.role,
        "Code": {"S3Bucket": "code", "S3Key": "f.zip"},
    }
    code, message, _ = refusal(world.worker("lambda").create_function, **settings)
    assert code == "AccessDeniedException"
    assert "Your access has been denied by S3" in message
    world.allow("s3:GetObject", on="arn:aws:s3:::code/*", name="code")
    assert world.worker("lambda").create_function(**settings)["CodeSize"] > 0


def test_an_event_source_mapping_needs_a_role_that_may_read_the_queue(world: World) -> None:
    queue = world.admin("sqs").create_queue(QueueName="orders")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:orders"
    world.function("consumer", "def handler(event, context):\n    return None\n")
    functions = world.admin("lambda")
    code, message, _ = refusal(functions.create_event_source_mapping, FunctionName="consumer", EventSourceArn=arn)
    assert code == "InvalidParameterValueException"
    assert message == "The provided execution role does not have permissions to call ReceiveMessage on SQS"
    world.allow("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", on=arn)
    functions.create_event_source_mapping(FunctionName="consumer", EventSourceArn=arn)
    world.admin("sqs").send_message(QueueUrl=queue, MessageBody="one")

    def left() -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = world.admin("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        return sum(map(int, told.values()))

    eventually(lambda: left() == 0)


def test_a_service_invokes_a_function_only_by_its_resource_policy(world: World) -> None:
    world.function("open", "def handler(event, context):\n    return 1\n")
    assert refusal(world.worker("lambda").invoke, FunctionName="open")[0] == "AccessDeniedException"
    world.admin("lambda").add_permission(
        FunctionName="open", StatementId="worker", Action="lambda:InvokeFunction", Principal=world.role
    )
    assert world.worker("lambda").invoke(FunctionName="open")["StatusCode"] == 200


def test_a_denied_call_stands_in_the_event_history(world: World) -> None:
    refusal(world.worker("secretsmanager").get_secret_value, SecretId="shop/key")
    (event,) = world.admin("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "GetSecretValue"}]
    )["Events"]
    content = json.loads(event["CloudTrailEvent"])
    assert content["errorCode"] == "AccessDenied"
    assert content["errorMessage"].startswith(
        f"User: {ARN} is not authorized to perform: secretsmanager:GetSecretValue"
    )
    assert content["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] == world.role


def test_a_session_policy_takes_away_and_a_session_ends_with_the_sandbox_clock(world: World) -> None:
    world.allow("dynamodb:ListTables", "sqs:ListQueues")
    only = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"}}
    given = world.admin("sts").assume_role(
        RoleArn=world.role, RoleSessionName="test", Policy=json.dumps(only), DurationSeconds=900
    )["Credentials"]
    variables = {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }
    session = isolated_session(variables, "us-east-1")
    endpoint = world.sandbox.gateway.endpoint_url
    queues = session.client("sqs", endpoint_url=endpoint, config=local_config("sqs"))
    tables = session.client("dynamodb", endpoint_url=endpoint, config=local_config("dynamodb"))
    queues.list_queues()
    code, message, _ = refusal(tables.list_tables)
    assert code == "AccessDeniedException"
    assert "because no session policy allows the dynamodb:ListTables action" in message
    world.sandbox.clock.advance(901)
    assert refusal(queues.list_queues)[0] == "ExpiredToken"


def test_a_service_control_policy_binds_the_member_account_and_not_the_management_account(world: World) -> None:
    organizations = world.admin("organizations")
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "sqs:*", "Resource": "*"}],
    }
    policy = organizations.create_policy(
        Name="no-queues", Description="", Type="SERVICE_CONTROL_POLICY", Content=json.dumps(document)
    )["Policy"]["PolicySummary"]["Id"]
    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.attach_policy(PolicyId=policy, TargetId=root)
    given = world.admin("sts").assume_role(
        RoleArn="arn:aws:iam::210987654321:role/OrganizationAccountAccessRole", RoleSessionName="test"
    )["Credentials"]
    variables = {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }
    member = isolated_session(variables, "us-east-1").client(
        "sqs", endpoint_url=world.sandbox.gateway.endpoint_url, config=local_config("sqs")
    )
    code, message, _ = refusal(member.list_queues)
    assert (code, "with an explicit deny in a service control policy" in message) == ("AccessDenied", True)
    assert "QueueUrls" not in world.admin("sqs").list_queues()
