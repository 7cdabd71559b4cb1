"""Topics that deliver to functions and queues: the payload, the filter, the judgement, dead letters, and refusals."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.deliveries.conftest import ACCOUNT, Cloud


class Topic:
    """A topic, and a function of the same name."""

    def __init__(self, cloud: Cloud, name: str, **attributes: str) -> None:
        self.cloud, self.name = cloud, name
        self.sns = cloud.client("sns")
        self.arn = str(self.sns.create_topic(Name=name, Attributes=attributes)["TopicArn"])

    def function(self, **attributes: str) -> str:
        """Make a function that the topic may invoke, and subscribe it; the subscription's ARN."""
        arn = self.cloud.teller(self.name)
        self.cloud.permit(self.name, "sns", SourceArn=self.arn)
        return self.subscribe("lambda", arn, **attributes)

    def subscribe(self, protocol: str, endpoint: str, **attributes: str) -> str:
        answer = self.sns.subscribe(
            TopicArn=self.arn, Protocol=protocol, Endpoint=endpoint, Attributes=attributes, ReturnSubscriptionArn=True
        )
        return str(answer["SubscriptionArn"])

    def queue(self, name: str) -> tuple[str, str]:
        """A queue that the topic may send to: URL and ARN."""
        url, arn = self.cloud.queue(name)
        self.cloud.let_send(url, "sns.amazonaws.com", self.arn)
        return url, arn

    def publish(self, message: str, **more: Any) -> str:
        return str(self.sns.publish(TopicArn=self.arn, Message=message, **more)["MessageId"])

    def refusal(self, protocol: str, endpoint: str, **attributes: str) -> tuple[str, str]:
        with pytest.raises(ClientError) as refused:
            self.subscribe(protocol, endpoint, **attributes)
        return refused.value.response["Error"]["Code"], refused.value.response["Error"]["Message"]


def test_a_function_is_given_a_message_as_sns_documents_it(cloud: Cloud) -> None:
    topic = Topic(cloud, "documented")
    subscription = topic.function()
    message = topic.publish(
        "hello",
        Subject="greeting",
        MessageAttributes={
            "text": {"DataType": "String", "StringValue": "a"},
            "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
        },
    )
    (event,) = cloud.waits_for("documented")
    (record,) = event["Records"]
    assert record["Sns"].pop("Timestamp").endswith("Z")
    assert base64.b64decode(record["Sns"].pop("Signature")) == b"coldstart does not sign messages"
    assert record["Sns"].pop("SigningCertUrl").startswith("https://sns.us-east-1.amazonaws.com/SimpleNotification")
    assert record == {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription,
        "Sns": {
            "Type": "Notification",
            "MessageId": message,
            "TopicArn": topic.arn,
            "Subject": "greeting",
            "Message": "hello",
            "SignatureVersion": "1",
            "UnsubscribeUrl": (
                f"https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={subscription}"
            ),
            "MessageAttributes": {
                "text": {"Type": "String", "Value": "a"},
                "bytes": {"Type": "Binary", "Value": base64.b64encode(b"\x00\xff").decode()},
            },
        },
    }


def test_without_subject_and_attributes_they_are_null_and_empty(cloud: Cloud) -> None:
    topic = Topic(cloud, "plain")
    topic.function()
    topic.publish("m")
    (event,) = cloud.waits_for("plain")
    assert event["Records"][0]["Sns"]["Subject"] is None
    assert event["Records"][0]["Sns"]["MessageAttributes"] == {}


def test_a_batch_reaches_the_function_message_by_message(cloud: Cloud) -> None:
    topic = Topic(cloud, "batch")
    topic.function()
    entries = [{"Id": str(number), "Message": str(number)} for number in range(10)]
    assert len(topic.sns.publish_batch(TopicArn=topic.arn, PublishBatchRequestEntries=entries)["Successful"]) == 10
    events = cloud.waits_for("batch", 10)
    assert sorted(event["Records"][0]["Sns"]["Message"] for event in events) == [str(number) for number in range(10)]


def test_each_protocol_gets_its_own_text(cloud: Cloud) -> None:
    topic = Topic(cloud, "texts")
    topic.function()
    url, queue = topic.queue("texts")
    topic.subscribe("sqs", queue)
    topic.publish(json.dumps({"default": "all", "lambda": "function"}), MessageStructure="json")
    (event,) = cloud.waits_for("texts")
    assert event["Records"][0]["Sns"]["Message"] == "function"
    (message,) = cloud.receive(url)
    assert json.loads(message["Body"])["Message"] == "all"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("{", "JSON message body failed to parse"),
        ("[]", "JSON message body failed to parse"),
        ('{"lambda": "x"}', "No default entry in JSON message body"),
    ],
)
def test_a_message_of_several_texts_must_have_a_default(cloud: Cloud, message: str, reason: str) -> None:
    topic = Topic(cloud, "no-default")
    with pytest.raises(ClientError, match=f"Invalid parameter: Message Structure - {reason}"):
        topic.publish(message, MessageStructure="json")


def test_the_envelope_for_queues_is_the_documented_one(cloud: Cloud) -> None:
    topic = Topic(cloud, "envelope", SignatureVersion="2")
    url, queue = topic.queue("envelope")
    topic.subscribe("sqs", queue)
    topic.publish("m", Subject="s")
    (message,) = cloud.receive(url)
    body = json.loads(message["Body"])
    assert list(body) == [
        "Type",
        "MessageId",
        "TopicArn",
        "Subject",
        "Message",
        "Timestamp",
        "SignatureVersion",
        "Signature",
        "SigningCertURL",
        "UnsubscribeURL",
    ]
    assert (body["SignatureVersion"], body["Message"]) == ("2", "m")


def test_a_raw_message_comes_as_it_was_published(cloud: Cloud) -> None:
    topic = Topic(cloud, "raw")
    url, queue = topic.queue("raw")
    topic.subscribe("sqs", queue, RawMessageDelivery="true")
    topic.publish("as it is", MessageAttributes={"n": {"DataType": "Number", "StringValue": "1.5"}})
    (message,) = cloud.receive(url)
    assert message["Body"] == "as it is"
    assert message["MessageAttributes"]["n"] == {"DataType": "Number", "StringValue": "1.5"}


# -- filters -------------------------------------------------------------------------------------------


def test_a_filter_policy_chooses_by_attributes(cloud: Cloud) -> None:
    topic = Topic(cloud, "by-attributes")
    topic.function(FilterPolicy=json.dumps({"kind": [{"wildcard": "order-*"}]}))
    for kind in ("order-new", "invoice", "order-old"):
        topic.publish(kind, MessageAttributes={"kind": {"DataType": "String", "StringValue": kind}})
    topic.publish("without")
    events = cloud.waits_for("by-attributes", 2)
    assert sorted(event["Records"][0]["Sns"]["Message"] for event in events) == ["order-new", "order-old"]


def test_a_filter_policy_can_choose_by_the_body_and_change_its_scope(cloud: Cloud) -> None:
    topic = Topic(cloud, "by-body")
    policy = json.dumps({"price": [{"numeric": [">", 100]}]})
    subscription = topic.function(FilterPolicy=policy, FilterPolicyScope="MessageBody")
    topic.publish('{"price": 50}')
    topic.publish('{"price": 150}')
    assert [event["Records"][0]["Sns"]["Message"] for event in cloud.waits_for("by-body")] == ['{"price": 150}']
    topic.sns.set_subscription_attributes(
        SubscriptionArn=subscription, AttributeName="FilterPolicyScope", AttributeValue="MessageAttributes"
    )
    topic.publish('{"price": 200}')
    topic.publish("now", MessageAttributes={"price": {"DataType": "Number", "StringValue": "200"}})
    assert [event["Records"][0]["Sns"]["Message"] for event in cloud.waits_for("by-body", 2)][1] == "now"
    topic.sns.set_subscription_attributes(
        SubscriptionArn=subscription, AttributeName="FilterPolicy", AttributeValue="{}"
    )
    topic.publish("all")
    assert len(cloud.waits_for("by-body", 3)) == 3


# -- judgement and dead letters ----------------------------------------------------------------------------


def test_the_functions_policy_decides_at_each_delivery(cloud: Cloud) -> None:
    topic = Topic(cloud, "judged")
    arn = cloud.teller("judged")
    topic.subscribe("lambda", arn)
    topic.publish("nothing allows it")
    cloud.permit("judged", "sns", "other", SourceArn=f"{topic.arn}-other")
    topic.publish("another topic may")
    cloud.permit("judged", "s3", "service", SourceArn=topic.arn)
    topic.publish("another service may")
    cloud.permit("judged", "sns", "account", SourceAccount=ACCOUNT)
    topic.publish("now")
    cloud.waits_for("judged")
    cloud.functions.remove_permission(FunctionName="judged", StatementId="account")
    topic.publish("taken away")
    cloud.permit("judged", "sns", "topic", SourceArn=topic.arn)
    topic.publish("again")
    events = cloud.waits_for("judged", 2)
    assert [event["Records"][0]["Sns"]["Message"] for event in events] == ["now", "again"]


def test_an_alias_is_subscribed_by_its_own_policy(cloud: Cloud) -> None:
    topic = Topic(cloud, "aliased")
    cloud.teller("aliased")
    cloud.functions.publish_version(FunctionName="aliased")
    alias = cloud.functions.create_alias(FunctionName="aliased", Name="live", FunctionVersion="1")["AliasArn"]
    topic.subscribe("lambda", alias)
    cloud.permit("aliased", "sns", SourceArn=topic.arn)
    topic.publish("the function's policy is not the alias's")
    cloud.permit("aliased", "sns", Qualifier="live", SourceArn=topic.arn)
    topic.publish("now")
    assert [event["Records"][0]["Sns"]["Message"] for event in cloud.waits_for("aliased")] == ["now"]


@pytest.mark.parametrize("fate", ["denied", "deleted"])
def test_what_a_function_does_not_take_goes_to_the_subscriptions_dead_letter_queue(cloud: Cloud, fate: str) -> None:
    topic = Topic(cloud, f"dead-{fate}")
    url, queue = topic.queue(f"dead-{fate}")
    topic.function(RedrivePolicy=json.dumps({"deadLetterTargetArn": queue}))
    if fate == "denied":
        cloud.functions.remove_permission(FunctionName=topic.name, StatementId="let")
    else:
        cloud.functions.delete_function(FunctionName=topic.name)
    published = topic.publish("undeliverable")
    (message,) = cloud.receive(url)
    body = json.loads(message["Body"])
    assert (body["MessageId"], body["Message"]) == (published, "undeliverable")


def test_what_a_queue_does_not_take_goes_on_as_raw_as_it_came(cloud: Cloud) -> None:
    topic = Topic(cloud, "dead-raw")
    url, dead = topic.queue("dead-raw")
    _, closed = cloud.queue("closed")
    redrive = json.dumps({"deadLetterTargetArn": dead})
    topic.subscribe("sqs", closed, RawMessageDelivery="true", RedrivePolicy=redrive)
    topic.publish("raw", MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}})
    (message,) = cloud.receive(url)
    assert (message["Body"], message["MessageAttributes"]["a"]["StringValue"]) == ("raw", "b")


def test_a_dead_letter_queue_must_let_the_topic_send(cloud: Cloud) -> None:
    topic = Topic(cloud, "dead-closed")
    url, queue = cloud.queue("dead-closed")
    topic.function(RedrivePolicy=json.dumps({"deadLetterTargetArn": queue}))
    cloud.functions.delete_function(FunctionName="dead-closed")
    topic.publish("lost")
    assert cloud.left_in(url) == 0


def test_a_failing_function_is_tried_again_by_lambda_and_not_by_sns(cloud: Cloud) -> None:
    topic = Topic(cloud, "failing")
    url, queue = topic.queue("failing")
    destination, target = cloud.queue("failed-events")
    source = "def handler(event, context):\n    raise ValueError('no')\n"
    arn = str(cloud.create("failing", source)["FunctionArn"])
    cloud.functions.put_function_event_invoke_config(
        FunctionName="failing", MaximumRetryAttempts=1, DestinationConfig={"OnFailure": {"Destination": target}}
    )
    cloud.permit("failing", "sns", SourceArn=topic.arn)
    topic.subscribe("lambda", arn, RedrivePolicy=json.dumps({"deadLetterTargetArn": queue}))
    topic.publish("m")
    cloud.eventually(lambda: cloud.lines("failing", "ValueError"))
    cloud.clock.advance(200)
    (record,) = cloud.eventually(lambda: cloud.receive(destination))
    content = json.loads(record["Body"])
    assert content["requestContext"]["condition"] == "RetriesExhausted"
    assert content["requestContext"]["approximateInvokeCount"] == 2
    assert content["requestPayload"]["Records"][0]["Sns"]["Message"] == "m"
    assert cloud.left_in(url) == 0


def test_a_buckets_notification_passes_a_topic_to_a_function(cloud: Cloud) -> None:
    topic = Topic(cloud, "fan-out")
    topic.function()
    allow = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sns:Publish", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    topic.sns.set_topic_attributes(TopicArn=topic.arn, AttributeName="Policy", AttributeValue=policy)
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="fan-out")
    s3.put_bucket_notification_configuration(
        Bucket="fan-out",
        NotificationConfiguration={"TopicConfigurations": [{"TopicArn": topic.arn, "Events": ["s3:ObjectCreated:*"]}]},
    )
    s3.put_object(Bucket="fan-out", Key="k", Body=b"")
    messages = [event["Records"][0]["Sns"] for event in cloud.waits_for("fan-out", 2)]
    assert {message["Subject"] for message in messages} == {"Amazon S3 Notification"}
    bodies = [json.loads(message["Message"]) for message in messages]
    assert sorted(body.get("Event") or body["Records"][0]["eventName"] for body in bodies) == [
        "ObjectCreated:Put",
        "s3:TestEvent",
    ]


def test_more_than_a_page_of_subscribers_are_all_told(cloud: Cloud) -> None:
    topic = Topic(cloud, "many")
    urls = []
    for number in range(101):
        url, queue = cloud.queue(f"many-{number}")
        topic.subscribe("sqs", queue)
        urls.append(url)
    cloud.let_send(urls[-1], "sns.amazonaws.com", topic.arn)
    topic.publish("m")
    assert cloud.left_in(urls[-1]) == 1


# -- what is refused -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def asked(cloud: Cloud) -> Iterator[Topic]:
    topic = Topic(cloud, "asked")
    yield topic
    # Nothing of what was refused is kept.
    assert topic.sns.list_subscriptions_by_topic(TopicArn=topic.arn)["Subscriptions"] == []


FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:fn"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"


@pytest.mark.parametrize(
    ("protocol", "endpoint", "attributes", "reason"),
    [
        ("lambda", "fn", {}, "Lambda endpoint ARN"),
        ("lambda", QUEUE, {}, "Lambda endpoint ARN"),
        ("lambda", f"{FUNCTION}:a:b", {}, "Lambda endpoint ARN"),
        ("sqs", FUNCTION, {}, "SQS endpoint ARN"),
        ("sqs", f"{QUEUE}.fifo", {}, "FIFO SQS Queues can not be subscribed to standard SNS topics"),
        (
            "lambda",
            FUNCTION,
            {"RawMessageDelivery": "true"},
            "Attributes Reason: Delivery protocol [lambda] does not support raw message delivery.",
        ),
        ("lambda", FUNCTION, {"FilterPolicy": '{"a": "b"}'}, 'Reason: FilterPolicy: "a" must be an object or an array'),
        ("lambda", FUNCTION, {"FilterPolicy": '{"a": {"b": ["c"]}}'}, "does not support nested filter policy"),
        ("lambda", FUNCTION, {"FilterPolicyScope": "Body"}, "FilterPolicyScope: Invalid value [Body]"),
        ("lambda", FUNCTION, {"RedrivePolicy": "{"}, "RedrivePolicy: failed to parse JSON."),
        ("lambda", FUNCTION, {"RedrivePolicy": "{}"}, "RedrivePolicy: deadLetterTargetArn is an invalid arn"),
        (
            "lambda",
            FUNCTION,
            {"RedrivePolicy": json.dumps({"deadLetterTargetArn": QUEUE.replace("east", "west")})},
            "same account and Region",
        ),
        (
            "lambda",
            FUNCTION,
            {"RedrivePolicy": json.dumps({"deadLetterTargetArn": f"{QUEUE}.fifo"})},
            "standard queue as DLQ",
        ),
    ],
)
def test_a_subscription_that_sns_does_not_take_is_refused(
    asked: Topic, protocol: str, endpoint: str, attributes: dict[str, str], reason: str
) -> None:
    code, message = asked.refusal(protocol, endpoint, **attributes)
    assert code == "InvalidParameter"
    assert message.startswith("Invalid parameter: ")
    assert reason in message


@pytest.mark.parametrize(
    ("protocol", "endpoint"),
    [
        ("http", "http://127.0.0.1/"),
        ("https", "https://shop.example/"),
        ("email", "a@shop.example"),
        ("email-json", "a@shop.example"),
        ("sms", "+43123456789"),
        ("application", f"arn:aws:sns:us-east-1:{ACCOUNT}:endpoint/GCM/a/b"),
        ("firehose", f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/d"),
    ],
)
def test_what_would_leave_the_machine_is_refused_by_name(asked: Topic, protocol: str, endpoint: str) -> None:
    code, message = asked.refusal(protocol, endpoint)
    assert code == "NotImplementedException"
    assert f"Protocol {protocol!r}" in message


def test_a_fifo_topic_has_no_functions(cloud: Cloud) -> None:
    topic = Topic(cloud, "ordered.fifo", FifoTopic="true")
    assert topic.refusal("lambda", FUNCTION) == (
        "InvalidParameter",
        "Invalid parameter: Invalid protocol type: lambda",
    )


def test_attributes_of_a_subscription_are_checked_when_they_are_set(cloud: Cloud) -> None:
    topic = Topic(cloud, "set")
    subscription = topic.function(FilterPolicyScope="MessageBody", FilterPolicy='{"a": {"b": ["c"]}}')

    def refusal(name: str, value: str) -> str:
        with pytest.raises(ClientError) as refused:
            topic.sns.set_subscription_attributes(
                SubscriptionArn=subscription, AttributeName=name, AttributeValue=value
            )
        return str(refused.value.response["Error"]["Message"])

    assert refusal("FilterPolicy", '{"a": []}') == "Invalid parameter: FilterPolicy: Empty arrays are not allowed"
    assert "nested" in refusal("FilterPolicyScope", "MessageAttributes")
    assert "raw message delivery" in refusal("RawMessageDelivery", "true")
    kept = topic.sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    assert (kept["FilterPolicy"], kept["FilterPolicyScope"]) == ('{"a": {"b": ["c"]}}', "MessageBody")


def test_the_same_subscription_again_is_the_same_and_with_other_attributes_refused(cloud: Cloud) -> None:
    topic = Topic(cloud, "twice")
    policy = '{"a": ["b"]}'
    first = topic.subscribe("lambda", FUNCTION, FilterPolicy=policy)
    assert topic.subscribe("lambda", FUNCTION, FilterPolicy=policy) == first
    code, message = topic.refusal("lambda", FUNCTION, FilterPolicy='{"a": ["c"]}')
    assert code == "InvalidParameter"
    assert message.endswith("Subscription already exists with different attributes")
