"""What is answered by whom, what is refused and in which words, in every protocol."""

from __future__ import annotations

import threading
import time
import urllib.request
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from sandbox.gateway import cbor, moto_adapter
from sandbox.gateway.call import AwsError, Call
from sandbox.gateway.pipeline import Gateway


def error(client: Any, operation: str, **params: Any) -> tuple[str, str, int]:
    attempts = []
    client.meta.events.register("before-send", lambda **_: attempts.append(1))
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)(**params)
    response = caught.value.response
    assert len(attempts) == 1, "an SDK tried it again"
    assert response["ResponseMetadata"]["RequestId"]
    return response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize(
    ("service", "operation", "params", "named"),
    [
        ("sqs", "list_message_move_tasks", {"SourceArn": "arn"}, "sqs:ListMessageMoveTasks"),
        ("dynamodb", "list_contributor_insights", {}, "dynamodb:ListContributorInsights"),
        ("iam", "list_policies_granting_service_access", {"Arn": "a" * 20, "ServiceNamespaces": ["s3"]}, "iam:"),
        ("ec2", "describe_fast_launch_images", {}, "ec2:DescribeFastLaunchImages"),
        ("s3", "get_bucket_request_payment", {"Bucket": "abc"}, "s3:GetBucketRequestPayment"),
        ("s3", "delete_bucket_inventory_configuration", {"Bucket": "abc", "Id": "i"}, "s3:DeleteBucketInventory"),
        ("apigatewayv2", "list_portals", {}, "apigatewayv2:ListPortals"),
        ("appconfig", "list_extensions", {}, "appconfig:ListExtensions"),
        ("route53", "list_cidr_collections", {}, "route53:ListCidrCollections"),
        ("gamelift", "list_builds", {}, "gamelift:ListBuilds"),
        ("lambda", "list_functions", {}, "lambda:ListFunctions"),
        ("sts", "decode_authorization_message", {"EncodedMessage": "m"}, "sts:DecodeAuthorizationMessage"),
    ],
)
def test_what_is_not_built_is_refused_by_name(
    clients: Any, service: str, operation: str, params: dict[str, Any], named: str
) -> None:
    code, message, status = error(clients(service), operation, **params)
    assert status == 400
    assert code == "NotImplementedException"
    assert message.startswith(f"coldstart does not support {named}")


ARN = "arn:aws:lambda:us-east-1:123456789012:function:fn"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:orders"


SUBSCRIBE = {"TopicArn": "arn:aws:sns:us-east-1:123456789012:t", "Protocol": "email", "Endpoint": "a@b.example"}


@pytest.mark.parametrize(
    ("service", "operation", "params", "reason"),
    [
        ("codepipeline", "list_pipelines", {}, "no engine behind it"),
        ("sns", "subscribe", SUBSCRIBE, "'email'"),
        ("sns", "publish", {"PhoneNumber": "+431", "Message": "m"}, "PhoneNumber"),
        (
            "logs",
            "put_subscription_filter",
            {"logGroupName": "g", "filterName": "f", "filterPattern": "", "destinationArn": ARN},
            "subscribers",
        ),
        ("scheduler", "list_schedules", {}, "at its time"),
        ("xray", "get_trace_summaries", {"StartTime": 0, "EndTime": 1}, "traces"),
        ("rds", "describe_db_proxies", {}, "no database"),
        ("stepfunctions", "start_sync_execution", {"stateMachineArn": "s"}, "waited for"),
        ("secretsmanager", "rotate_secret", {"SecretId": "s"}, "invoke"),
    ],
)
def test_what_moto_only_pretends_is_refused_by_name(
    clients: Any, service: str, operation: str, params: dict[str, Any], reason: str
) -> None:
    code, message, status = error(clients(service), operation, **params)
    assert (code, status) == ("NotImplementedException", 400)
    assert f"coldstart does not support {service}:" in message
    assert reason in message


def test_what_moto_does_for_real_is_not_refused(clients: Any) -> None:
    sqs, sns, s3 = (clients(name) for name in ("sqs", "sns", "s3"))
    url = sqs.create_queue(QueueName="fan-out")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="by topic")
    s3.create_bucket(Bucket="notes")
    s3.put_bucket_notification_configuration(
        Bucket="notes",
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]},
    )
    s3.put_object(Bucket="notes", Key="by-bucket", Body=b"")
    received = [sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []) for _ in range(2)]
    bodies = "\n".join(message["Body"] for messages in received for message in messages)
    assert all(words in bodies for words in ("by topic", "by-bucket"))


def post(gateway: Gateway, service: str, headers: Mapping[str, str], body: str | bytes, path: str = "/") -> Any:
    request = AWSRequest("POST", gateway.endpoint_url + path, data=body, headers=dict(headers))
    key = Credentials(gateway.learner["AWS_ACCESS_KEY_ID"], gateway.learner["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(key, service, "us-east-1").add_auth(request)
    prepared = request.prepare()
    data = prepared.body if isinstance(prepared.body, bytes) else prepared.body.encode()
    sent = urllib.request.Request(prepared.url, data=data, method="POST", headers=dict(prepared.headers.items()))
    try:
        return urllib.request.urlopen(sent)
    except urllib.error.HTTPError as failed:
        return failed


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("service", "headers", "body", "path", "status", "expected"),
    [
        ("iam", FORM, "Action=Nonsense&Version=2010-05-08", "/", 400, "<Code>InvalidAction</Code>"),
        ("ec2", FORM, "Action=Nonsense&Version=2016-11-15", "/", 400, "<Response><Errors><Error><Code>InvalidAction"),
        ("dynamodb", {"X-Amz-Target": "DynamoDB_20120810.Nonsense"}, "{}", "/", 400, "UnknownOperationException"),
        ("lambda", {}, "{}", "/2015-03-31/nonsense", 404, "UnknownOperationException"),
        ("s3", {}, "", "/", 405, "<Code>MethodNotAllowed</Code>"),
        ("no-such-service", {}, "{}", "/", 400, "no-such-service"),
        ("no-such-service", FORM, "Action=Nonsense&Version=1", "/", 400, "no-such-service:Nonsense"),
    ],
)
def test_what_aws_does_not_have_is_an_error_of_the_protocol(
    gateway: Gateway, service: str, headers: dict[str, str], body: str, path: str, status: int, expected: str
) -> None:
    response = post(gateway, service, headers, body, path)
    text = response.read().decode()
    assert response.status == status
    assert expected in text
    assert "<html" not in text.lower()
    if expected.startswith("<"):
        assert "Nonsense" in text or service == "s3"


class Orders:
    """A service of ours."""

    name = "codestar-notifications"
    whole = True
    refused: Mapping[str, str] = {"ListTargets": "targets come later"}

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.operations = {"ListEventTypes": self.list_event_types, "Unsubscribe": self.fail, "Subscribe": self.refuse}

    def list_event_types(self, call: Call) -> dict[str, Any]:
        self.calls.append(call)
        return {"EventTypes": [{"EventTypeId": "made here"}]}

    def fail(self, call: Call) -> None:
        raise RuntimeError("a bug of ours")

    def refuse(self, call: Call) -> None:
        raise AwsError("ResourceNotFoundException", f"no {call.params['Arn']}", 404)


@pytest.fixture(scope="module")
def orders(gateway: Gateway) -> Orders:
    service = Orders()
    gateway.add(service)
    return service


def test_a_service_of_ours_answers_its_operations(clients: Any, gateway: Gateway, orders: Orders) -> None:
    client = clients("codestar-notifications")
    assert client.list_event_types(MaxResults=7)["EventTypes"] == [{"EventTypeId": "made here"}]
    call = orders.calls[-1]
    assert call.params["MaxResults"] == 7
    assert call.principal.arn == "arn:aws:iam::123456789012:user/learner"
    assert call.read_only
    assert abs(call.time.timestamp() - gateway.clock.now()) < 10


def test_a_whole_service_lets_nothing_through(clients: Any, orders: Orders) -> None:
    client = clients("codestar-notifications")
    assert "targets come later" in error(client, "list_targets")[1]
    assert "codestar-notifications:ListNotificationRules" in error(client, "list_notification_rules")[1]


def test_our_own_bug_is_one_clear_error(clients: Any, orders: Orders) -> None:
    code, message, status = error(clients("codestar-notifications"), "unsubscribe", Arn="a", TargetAddress="b")
    assert (code, status) == ("InternalFailure", 400)
    assert "codestar-notifications:Unsubscribe" in message
    assert "a bug of ours" in message


def test_an_error_keeps_its_code_message_and_status(clients: Any, orders: Orders) -> None:
    found = error(clients("codestar-notifications"), "subscribe", Arn="it", Target={})
    assert found == ("ResourceNotFoundException", "no it", 404)


def test_a_fault_inside_moto_is_one_clear_error(clients: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moto_adapter, "_app", lambda *_: lambda environ, start_response: 1 / 0)
    code, message, status = error(clients("sns"), "list_topics")
    assert (code, status) == ("InternalFailure", 400)
    assert "sns:ListTopics" in message
    assert "ZeroDivisionError" in message


def test_a_service_can_be_added_once_and_only_with_operations_that_aws_has(gateway: Gateway, orders: Orders) -> None:
    with pytest.raises(ValueError, match="codestar-notifications is answered already"):
        gateway.add(orders)
    wrong = Orders()
    wrong.name = "signer"
    with pytest.raises(ValueError, match="AWS's signer has no operation ListEventTypes"):
        gateway.add(wrong)


def test_an_authoriser_that_denies_is_obeyed(clients: Any, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(call: Call) -> None:
        if call.operation == "CreateTopic":
            raise AwsError("AuthorizationError", f"User: {call.principal.arn} is not authorized", 403)

    monkeypatch.setattr(gateway.authoriser, "authorise", deny)
    assert error(clients("sns"), "create_topic", Name="denied")[0] == "AuthorizationError"
    topics = clients("sns").list_topics()["Topics"]
    assert not [topic for topic in topics if topic["TopicArn"].endswith(":denied")]


def test_listeners_hear_of_calls_that_succeeded(clients: Any, gateway: Gateway) -> None:
    heard: list[str] = []
    gateway.on_call(lambda call, result: heard.append(f"{call.service}:{call.operation}"))
    sns = clients("sns")
    with pytest.raises(ClientError):
        sns.publish(TopicArn="arn:aws:sns:us-east-1:123456789012:absent", Message="m")
    sns.list_topics()
    assert heard == ["sns:ListTopics"]


class TestWaitingForMessages:
    @pytest.fixture
    def queue(self, clients: Any) -> tuple[Any, str]:
        sqs = clients("sqs")
        url = sqs.create_queue(QueueName=f"wait-{time.monotonic_ns()}")["QueueUrl"]
        return sqs, url

    def waiting(self, sqs: Any, url: str, **params: Any) -> tuple[threading.Thread, list[Any]]:
        got: list[Any] = []
        thread = threading.Thread(
            target=lambda: got.append(sqs.receive_message(QueueUrl=url, **params).get("Messages", []))
        )
        thread.start()
        return thread, got

    def test_a_message_wakes_the_one_who_waits_and_others_are_not_held_up(self, queue: tuple[Any, str]) -> None:
        sqs, url = queue
        started = time.monotonic()
        thread, got = self.waiting(sqs, url, WaitTimeSeconds=20)
        sqs.send_message(QueueUrl=url, MessageBody="hello")
        thread.join(10)
        assert [message["Body"] for message in got[0]] == ["hello"]
        assert time.monotonic() - started < 5

    def test_waiting_ends_by_sandbox_time(self, queue: tuple[Any, str], gateway: Gateway) -> None:
        sqs, url = queue
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"ReceiveMessageWaitTimeSeconds": "20"})
        thread, got = self.waiting(sqs, url)
        deadline = time.monotonic() + 10
        while thread.is_alive() and time.monotonic() < deadline:
            gateway.clock.advance(5)
        thread.join(10)
        assert got == [[]]

    def test_a_delayed_message_comes_when_sandbox_time_has_come(self, queue: tuple[Any, str], gateway: Gateway) -> None:
        sqs, url = queue
        sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=600)
        assert "Messages" not in sqs.receive_message(QueueUrl=url)
        gateway.clock.advance(595)
        thread, got = self.waiting(sqs, url, WaitTimeSeconds=20)
        gateway.clock.advance(6)
        thread.join(10)
        assert [message["Body"] for message in got[0]] == ["later"]


def test_a_query_client_of_a_json_service_is_understood(gateway: Gateway) -> None:
    response = post(gateway, "sqs", FORM, "Action=CreateQueue&QueueName=old&Version=2012-11-05")
    assert response.status == 200
    assert b"/123456789012/old</QueueUrl>" in response.read()


class Metrics:
    name = "cloudwatch"
    whole = False
    refused: Mapping[str, str] = {}

    def __init__(self) -> None:
        self.params: list[dict[str, Any]] = []
        self.operations = {"PutMetricData": lambda call: self.params.append(call.params), "ListMetrics": self.list}

    def list(self, call: Call) -> dict[str, Any]:
        return {"Metrics": [{"Namespace": "Shop", "MetricName": "Orders", "Dimensions": []}]}


def test_a_client_that_speaks_cbor_is_understood(gateway: Gateway) -> None:
    service = Metrics()
    gateway.add(service)
    headers = {"smithy-protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"}
    path = "/service/GraniteServiceVersion20100801/operation/"
    body = cbor.encode({"Namespace": "Shop", "MetricData": [{"MetricName": "Orders", "Value": 1.5}]})
    assert post(gateway, "monitoring", headers, body, path + "PutMetricData").status == 200
    assert service.params == [{"Namespace": "Shop", "MetricData": [{"MetricName": "Orders", "Value": 1.5}]}]
    listed = post(gateway, "monitoring", headers, cbor.encode({}), path + "ListMetrics")
    assert listed.headers["smithy-protocol"] == "rpc-v2-cbor"
    assert cbor.decode(listed.read())["Metrics"][0]["MetricName"] == "Orders"
    refused = post(gateway, "monitoring", headers, cbor.encode({}), path + "ListDashboards")
    assert refused.status == 400
    assert "cloudwatch:ListDashboards" in cbor.decode(refused.read())["message"]


def test_the_way_of_an_invoke(clients: Any, gateway: Gateway) -> None:
    seen: list[Call] = []

    class Functions:
        name = "lambda"
        whole = True
        refused: Mapping[str, str] = {}

        def __init__(self) -> None:
            self.operations = {"Invoke": self.invoke}

        def invoke(self, call: Call) -> dict[str, Any]:
            seen.append(call)
            if call.params["FunctionName"] == "busy":
                raise AwsError(
                    "TooManyRequestsException",
                    "Rate Exceeded.",
                    429,
                    Reason="ReservedFunctionConcurrentInvocationLimitExceeded",
                    retryAfterSeconds="1",
                )
            return {
                "StatusCode": 202 if call.params.get("InvocationType") == "Event" else 200,
                "FunctionError": "Unhandled",
                "ExecutedVersion": "7",
                "LogResult": "bG9n",
                "Payload": b'{"a": 1}',
            }

    gateway.add(Functions())
    client = clients("lambda")
    answer = client.invoke(
        FunctionName="arn:aws:lambda:us-east-1:123456789012:function:fn",
        Qualifier="live",
        LogType="Tail",
        ClientContext="e30=",
        Payload=b'{"q": 1}',
    )
    assert answer["Payload"].read() == b'{"a": 1}'
    assert (answer["StatusCode"], answer["FunctionError"], answer["ExecutedVersion"], answer["LogResult"]) == (
        200,
        "Unhandled",
        "7",
        "bG9n",
    )
    assert seen[-1].params == {
        "FunctionName": "arn:aws:lambda:us-east-1:123456789012:function:fn",
        "Qualifier": "live",
        "LogType": "Tail",
        "ClientContext": "e30=",
        "Payload": b'{"q": 1}',
    }
    assert client.invoke(FunctionName="fn", InvocationType="Event")["StatusCode"] == 202
    with pytest.raises(client.exceptions.TooManyRequestsException) as caught:
        client.invoke(FunctionName="busy")
    response = caught.value.response
    assert response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"
    assert response["Error"]["Message"] == "Rate Exceeded."
