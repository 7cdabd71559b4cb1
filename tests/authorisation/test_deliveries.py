"""What services deliver by themselves: only what the policies of queues, topics, buses and keys let them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.authorisation.deliveries import Deliveries
from sandbox.authorisation.in_force import PoliciesInForce
from sandbox.events.service import EventBridge
from sandbox.gateway import moto_deliveries
from sandbox.gateway.pipeline import Gateway
from sandbox.telemetry.logs import Logs
from sandbox.telemetry.metrics import Metrics
from tests.authorisation.conftest import Clients, policy

ACCOUNT = "123456789012"
MEMBER = "210987654321"


class NoFunctions:
    """Lambda without functions."""

    def invoke_internal(self, function: str, payload: bytes, **details: Any) -> None:
        raise AssertionError(f"{function} was to be invoked")


@pytest.fixture(scope="module", autouse=True)
def deliveries(gateway: Gateway) -> Deliveries:
    made = Deliveries(gateway.clock, PoliciesInForce(gateway.organization), gateway.organization)
    gateway.judge_deliveries(made.allows)
    gateway.before_answer(made.check)
    metrics = Metrics(gateway.clock)
    bridge = EventBridge(
        gateway.clock,
        NoFunctions(),
        Logs(gateway.clock, metrics),
        metrics,
        lambda service, region: gateway.client(service, region=region),
        made.allows,
        lambda machine, name, given: None,
        lambda url: None,
    )
    gateway.add(bridge)
    return made


class Queue:
    """A queue, what lets services send to it, and what has come into it."""

    def __init__(self, make: Any, name: str, account: str = ACCOUNT, **attributes: str) -> None:
        self.sqs = make("sqs")
        self.url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.arn = f"arn:aws:sqs:us-east-1:{account}:{name}"

    def let(self, service: str, **condition: Any) -> None:
        """A policy that lets a service send, on a condition."""
        document = policy(
            "sqs:SendMessage",
            resource=self.arn,
            Principal={"Service": service},
            **({"Condition": condition} if condition else {}),
        )
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": document})

    def bodies(self) -> list[Any]:
        """The bodies of all messages, which are then deleted."""
        found = []
        while messages := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return found


# -- SNS to SQS --------------------------------------------------------------------------------------------


class Topic:
    def __init__(self, clients: Clients, name: str, queue: Queue) -> None:
        self.sns = clients("sns")
        self.arn = self.sns.create_topic(Name=name)["TopicArn"]
        self.sns.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=queue.arn)

    def publish(self, message: str) -> None:
        assert self.sns.publish(TopicArn=self.arn, Message=message)["MessageId"]


def test_a_topic_reaches_a_queue_only_when_the_queues_policy_lets_it(clients: Clients) -> None:
    queue = Queue(clients, "subscribed")
    topic = Topic(clients, "subscribed", queue)
    topic.publish("before")
    assert queue.bodies() == []
    queue.let("sns.amazonaws.com", ArnEquals={"aws:SourceArn": topic.arn})
    topic.publish("after")
    assert [body["Message"] for body in queue.bodies()] == ["after"]


@pytest.mark.parametrize(
    ("condition", "comes"),
    [
        ({"ArnLike": {"aws:SourceArn": "arn:aws:sns:us-east-1:123456789012:cond*"}}, True),
        ({"ArnEquals": {"aws:SourceArn": "arn:aws:sns:us-east-1:123456789012:other"}}, False),
        ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, True),
        ({"StringEquals": {"aws:SourceAccount": MEMBER}}, False),
        ({"Bool": {"aws:SecureTransport": "true"}}, True),
        ({"Bool": {"aws:PrincipalIsAWSService": "true"}}, True),
        ({"StringLike": {"aws:SourceOrgID": "o-*"}}, True),
        ({"StringLike": {"aws:PrincipalOrgID": "o-*"}}, False),
    ],
)
def test_the_conditions_of_the_queues_policy_count(clients: Clients, condition: dict[str, Any], comes: bool) -> None:
    queue = Queue(clients, "conditions")
    topic = Topic(clients, "conditions", queue)
    queue.let("sns.amazonaws.com", **condition)
    topic.publish("m")
    assert len(queue.bodies()) == comes


def test_another_services_name_in_the_policy_does_not_let_the_topic_in(clients: Clients) -> None:
    queue = Queue(clients, "for-events")
    topic = Topic(clients, "for-events", queue)
    queue.let("events.amazonaws.com")
    topic.publish("m")
    assert queue.bodies() == []


def test_batches_and_raw_messages_are_judged_alike(clients: Clients) -> None:
    queue = Queue(clients, "raw")
    topic = Topic(clients, "raw", queue)
    (subscription,) = topic.sns.list_subscriptions_by_topic(TopicArn=topic.arn)["Subscriptions"]
    topic.sns.set_subscription_attributes(
        SubscriptionArn=subscription["SubscriptionArn"], AttributeName="RawMessageDelivery", AttributeValue="true"
    )
    entries = [{"Id": number, "Message": json.dumps({"n": number})} for number in ("1", "2")]
    assert len(topic.sns.publish_batch(TopicArn=topic.arn, PublishBatchRequestEntries=entries)["Successful"]) == 2
    assert queue.bodies() == []
    queue.let("sns.amazonaws.com")
    topic.sns.publish_batch(TopicArn=topic.arn, PublishBatchRequestEntries=entries)
    assert sorted(body["n"] for body in queue.bodies()) == ["1", "2"]


def test_one_subscriber_that_refuses_keeps_nobody_else_from_his_message(clients: Clients) -> None:
    closed, open_ = Queue(clients, "closed"), Queue(clients, "open")
    topic = Topic(clients, "both", closed)
    topic.sns.subscribe(TopicArn=topic.arn, Protocol="sqs", Endpoint=open_.arn)
    open_.let("sns.amazonaws.com")
    topic.publish("m")
    assert (len(closed.bodies()), len(open_.bodies())) == (0, 1)


def test_a_queue_that_was_deleted_does_not_make_publishing_fail(clients: Clients) -> None:
    queue = Queue(clients, "short-lived")
    topic = Topic(clients, "short-lived", queue)
    queue.sqs.delete_queue(QueueUrl=queue.url)
    topic.publish("m")


def test_a_topic_reaches_another_accounts_queue(clients: Clients, member: Clients) -> None:
    queue, namesake = Queue(member, "across", MEMBER), Queue(clients, "across")
    namesake.let("sns.amazonaws.com")
    topic = Topic(clients, "across", queue)
    topic.publish("before")
    queue.let("sns.amazonaws.com", ArnEquals={"aws:SourceArn": topic.arn})
    topic.publish("after")
    assert [body["Message"] for body in queue.bodies()] == ["after"]
    assert namesake.bodies() == []


def test_an_encrypted_queue_needs_the_keys_policy_too(clients: Clients) -> None:
    kms = clients("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    queue = Queue(clients, "encrypted", KmsMasterKeyId=key)
    topic = Topic(clients, "encrypted", queue)
    queue.let("sns.amazonaws.com")
    topic.publish("before")
    assert queue.bodies() == []
    document = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    document["Statement"].append(
        {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": ["kms:GenerateDataKey*", "kms:Decrypt"],
            "Resource": "*",
        }
    )
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(document))
    topic.publish("after")
    assert [body["Message"] for body in queue.bodies()] == ["after"]


def test_no_service_can_use_sqss_own_key(clients: Clients) -> None:
    queue = Queue(clients, "aws-key", KmsMasterKeyId="alias/aws/sqs")
    topic = Topic(clients, "aws-key", queue)
    queue.let("sns.amazonaws.com")
    topic.publish("m")
    assert queue.bodies() == []


# -- S3 to SQS and SNS -----------------------------------------------------------------------------------------


@pytest.fixture
def s3(clients: Clients) -> Iterator[Any]:
    client = clients("s3")
    client.create_bucket(Bucket="uploads")
    yield client
    client.put_bucket_notification_configuration(Bucket="uploads", NotificationConfiguration={})


def notify(s3: Any, arn: str, **parameters: Any) -> None:
    kind = "Queue" if ":sqs:" in arn else "Topic"
    each = {f"{kind}Arn": arn, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket="uploads", NotificationConfiguration={f"{kind}Configurations": [each]}, **parameters
    )


def test_a_bucket_is_not_told_to_notify_a_queue_that_does_not_let_it(s3: Any, clients: Clients) -> None:
    queue = Queue(clients, "not-asked")
    with pytest.raises(ClientError) as refused:
        notify(s3, queue.arn)
    error = refused.value.response["Error"]
    assert error["Code"] == "InvalidArgument"
    assert error["Message"] == "Unable to validate the following destination configurations"
    assert error["ArgumentName1"] == queue.arn
    assert error["ArgumentValue1"] == (
        "Permissions on the destination queue do not allow S3 to publish notifications from this bucket"
    )
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket="uploads")


@pytest.mark.parametrize(("service", "kind"), [("sqs", "queue"), ("sns", "topic")])
def test_a_bucket_is_not_told_to_notify_what_is_not_there(s3: Any, service: str, kind: str) -> None:
    with pytest.raises(ClientError) as refused:
        notify(s3, f"arn:aws:{service}:us-east-1:{ACCOUNT}:absent")
    assert refused.value.response["Error"]["ArgumentValue1"] == f"The destination {kind} does not exist"


def test_a_bucket_notifies_a_queue_that_lets_it_for_as_long_as_it_does(s3: Any, clients: Clients) -> None:
    queue = Queue(clients, "notified")
    queue.let(
        "s3.amazonaws.com",
        ArnLike={"aws:SourceArn": "arn:aws:s3:*:*:uploads"},
        StringEquals={"aws:SourceAccount": ACCOUNT},
    )
    notify(s3, queue.arn)
    assert [body.get("Event") for body in queue.bodies()] == ["s3:TestEvent"]
    s3.put_object(Bucket="uploads", Key="a b", Body=b"")
    (record,) = (body["Records"][0] for body in queue.bodies())
    assert (record["eventName"], record["s3"]["object"]["key"]) == ("ObjectCreated:Put", "a+b")
    queue.let("s3.amazonaws.com", StringEquals={"aws:SourceAccount": MEMBER})
    s3.put_object(Bucket="uploads", Key="c", Body=b"")
    assert queue.bodies() == []


def test_the_check_can_be_skipped_and_nothing_comes(s3: Any, clients: Clients) -> None:
    queue = Queue(clients, "skipped")
    notify(s3, queue.arn, SkipDestinationValidation=True)
    s3.put_object(Bucket="uploads", Key="k", Body=b"")
    assert queue.bodies() == []


def test_a_topic_must_let_the_bucket_and_the_queue_the_topic(s3: Any, clients: Clients) -> None:
    queue = Queue(clients, "fan-out")
    topic = Topic(clients, "fan-out", queue)
    # The policy that a topic begins with lets no service but those that bring aws:SourceOwner.
    with pytest.raises(ClientError, match="Unable to validate"):
        notify(s3, topic.arn)
    allow = policy("sns:Publish", resource=topic.arn, Principal={"Service": "s3.amazonaws.com"})
    topic.sns.set_topic_attributes(TopicArn=topic.arn, AttributeName="Policy", AttributeValue=allow)
    notify(s3, topic.arn)
    assert queue.bodies() == []
    queue.let("sns.amazonaws.com")
    s3.put_object(Bucket="uploads", Key="k", Body=b"")
    (body,) = queue.bodies()
    assert json.loads(body["Message"])["Records"][0]["s3"]["object"]["key"] == "k"


def test_a_bucket_notifies_another_accounts_queue(s3: Any, member: Clients) -> None:
    queue = Queue(member, "uploads-of-others", MEMBER)
    queue.let("s3.amazonaws.com", StringEquals={"aws:SourceAccount": ACCOUNT})
    notify(s3, queue.arn)
    s3.put_object(Bucket="uploads", Key="k", Body=b"")
    assert [body.get("Event") or "Records" for body in queue.bodies()] == ["s3:TestEvent", "Records"]


# -- EventBridge to SQS and other buses ----------------------------------------------------------------------------


class Rule:
    """A rule on a bus of its own that matches events of this test."""

    def __init__(self, make: Any, name: str, **target: str) -> None:
        self.events = make("events")
        self.name = name
        self.events.create_event_bus(Name=name)
        pattern = json.dumps({"source": ["shop"]})
        self.arn = self.events.put_rule(Name="all", EventBusName=name, EventPattern=pattern)["RuleArn"]
        self.events.put_targets(Rule="all", EventBusName=name, Targets=[{"Id": "t", **target}])

    def put(self, number: int) -> None:
        entry = {"Source": "shop", "DetailType": "d", "Detail": json.dumps({"n": number}), "EventBusName": self.name}
        assert self.events.put_events(Entries=[entry])["FailedEntryCount"] == 0


def test_a_rule_reaches_a_queue_only_when_the_queues_policy_lets_it(clients: Clients) -> None:
    queue = Queue(clients, "ruled")
    rule = Rule(clients, "ruled", Arn=queue.arn)
    rule.put(1)
    assert queue.bodies() == []
    queue.let("events.amazonaws.com", ArnEquals={"aws:SourceArn": rule.arn})
    rule.put(2)
    assert [body["detail"]["n"] for body in queue.bodies()] == [2]
    queue.let("events.amazonaws.com", ArnEquals={"aws:SourceArn": f"{rule.arn}2"})
    rule.put(3)
    assert queue.bodies() == []


@pytest.fixture
def role(clients: Clients) -> Iterator[str]:
    """A role that EventBridge may take, without policies."""
    trust = json.loads(policy("sts:AssumeRole", Principal={"Service": "events.amazonaws.com"}))
    del trust["Statement"][0]["Resource"]
    iam = clients("iam")
    yield iam.create_role(RoleName="rule", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.delete_role_policy(RoleName="rule", PolicyName="send")
    iam.delete_role(RoleName="rule")


def test_another_accounts_queue_takes_events_from_a_role_alone(clients: Clients, member: Clients, role: str) -> None:
    queue = Queue(member, "events-of-others", MEMBER)
    queue.let("events.amazonaws.com")
    Rule(clients, "without-role", Arn=queue.arn).put(1)
    assert queue.bodies() == []
    rule = Rule(clients, "with-role", Arn=queue.arn, RoleArn=role)
    send = policy("sqs:SendMessage", resource=queue.arn)
    clients("iam").put_role_policy(RoleName="rule", PolicyName="send", PolicyDocument=send)
    rule.put(2)
    assert queue.bodies() == []
    allow = policy("sqs:SendMessage", resource=queue.arn, Principal={"AWS": role})
    queue.sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"Policy": allow})
    rule.put(3)
    assert [body["detail"]["n"] for body in queue.bodies()] == [3]


def test_a_rule_with_a_role_has_the_roles_rights(clients: Clients, role: str) -> None:
    iam = clients("iam")
    queue = Queue(clients, "by-role")
    rule = Rule(clients, "by-role", Arn=queue.arn, RoleArn=role)
    rule.put(1)
    assert queue.bodies() == []
    iam.put_role_policy(
        RoleName="rule", PolicyName="send", PolicyDocument=policy("sqs:SendMessage", resource=queue.arn)
    )
    rule.put(2)
    assert [body["detail"]["n"] for body in queue.bodies()] == [2]


def test_a_queue_that_is_not_there_does_not_make_putting_events_fail(clients: Clients) -> None:
    Rule(clients, "nowhere", Arn=f"arn:aws:sqs:us-east-1:{ACCOUNT}:absent").put(1)


def test_another_accounts_bus_takes_what_its_policy_lets_in(clients: Clients, member: Clients) -> None:
    queue = Queue(member, "theirs", MEMBER)
    receiving = Rule(member, "theirs", Arn=queue.arn)
    queue.let("events.amazonaws.com", ArnEquals={"aws:SourceArn": receiving.arn})
    sending = Rule(clients, "ours", Arn=f"arn:aws:events:us-east-1:{MEMBER}:event-bus/theirs")
    sending.put(1)
    assert queue.bodies() == []
    receiving.events.put_permission(
        EventBusName="theirs",
        Policy=policy(
            "events:PutEvents",
            resource=f"arn:aws:events:us-east-1:{MEMBER}:event-bus/theirs",
            Sid="others",
            Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            Condition={"StringEquals": {"events:source": "shop"}},
        ),
    )
    sending.put(2)
    assert [body["detail"]["n"] for body in queue.bodies()] == [2]
    sending.put(3)
    assert len(queue.bodies()) == 1


# -- and without a judge -------------------------------------------------------------------------------------------


def test_without_a_judge_everything_is_delivered(clients: Clients, gateway: Gateway, deliveries: Deliveries) -> None:
    queue = Queue(clients, "unjudged")
    topic = Topic(clients, "unjudged", queue)
    moto_deliveries.judge_by(None)
    try:
        topic.publish("m")
    finally:
        gateway.judge_deliveries(deliveries.allows)
    assert len(queue.bodies()) == 1
