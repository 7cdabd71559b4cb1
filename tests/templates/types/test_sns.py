"""Topics, subscriptions and topic policies, as a template makes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.templates.types.resource_type import Failed, Unsupported
from tests.templates.types.conftest import STACK_ID, Bench


@pytest.fixture(scope="module")
def queues(bench: Bench) -> list[str]:
    made = [bench.create("AWS::SQS::Queue", {}, name) for name in ("First", "Second")]
    return [str(bench.attributes(queue)["Arn"]) for queue in made]


def _topic(bench: Bench, arn: str) -> dict[str, str]:
    return dict(bench.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"])


def _subscribed(bench: Bench, arn: str) -> list[str]:
    found = bench.client("sns").list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    return [one["Endpoint"] for one in found]


def test_a_topic_has_its_name_its_tags_and_its_own_subscriptions(bench: Bench, queues: list[str]) -> None:
    one, other = ({"Protocol": "sqs", "Endpoint": queue} for queue in queues)
    given = {"DisplayName": "Orders", "Subscription": [one], "Tags": [{"Key": "team", "Value": "shop"}]}
    topic = bench.create("AWS::SNS::Topic", given, "Orders")
    arn = bench.ref(topic)
    name = arn.rpartition(":")[2]
    assert name.startswith("shop-Orders-")
    assert bench.attributes(topic) == {"TopicArn": arn, "TopicName": name}
    assert _topic(bench, arn)["DisplayName"] == "Orders"
    assert _subscribed(bench, arn) == queues[:1]

    def tags() -> dict[str, str]:
        found = bench.client("sns").list_tags_for_resource(ResourceArn=arn)["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found}

    assert tags()["team"] == "shop"
    assert tags()["aws:cloudformation:stack-id"] == STACK_ID
    topic = bench.update(topic, {"Subscription": [other]})
    assert _topic(bench, arn).get("DisplayName", "") == ""
    assert _subscribed(bench, arn) == queues[1:]
    assert "team" not in tags()
    bench.delete(topic)
    with pytest.raises(ClientError, match="NotFound"):
        _topic(bench, arn)


def test_a_subscription_to_what_is_no_topic_is_refused_by_sns(bench: Bench, queues: list[str]) -> None:
    given = {"TopicArn": "orders", "Protocol": "sqs", "Endpoint": queues[0]}
    with pytest.raises(ClientError, match=r"InvalidParameter.* Invalid parameter: TopicArn"):
        bench.create("AWS::SNS::Subscription", given)


def test_a_subscription_filters_as_the_template_says(bench: Bench, queues: list[str]) -> None:
    arn = bench.ref(bench.create("AWS::SNS::Topic", {}, "Filtered"))
    named = {"TopicArn": arn, "Protocol": "sqs", "Endpoint": queues[0]}
    given = {**named, "FilterPolicy": {"kind": ["order"]}, "RawMessageDelivery": "true"}
    subscription = bench.create("AWS::SNS::Subscription", given)
    assert bench.ref(subscription).startswith(f"{arn}:")
    assert bench.attributes(subscription) == {"Arn": bench.ref(subscription)}

    def attributes() -> dict[str, Any]:
        asked = bench.client("sns").get_subscription_attributes(SubscriptionArn=bench.ref(subscription))
        return dict(asked["Attributes"])

    assert json.loads(attributes()["FilterPolicy"]) == {"kind": ["order"]}
    assert attributes()["RawMessageDelivery"] == "true"
    nested = {**named, "FilterPolicyScope": "MessageBody", "FilterPolicy": {"order": {"kind": ["new"]}}}
    subscription = bench.update(subscription, nested)
    assert attributes()["FilterPolicyScope"] == "MessageBody"
    assert json.loads(attributes()["FilterPolicy"]) == {"order": {"kind": ["new"]}}
    assert attributes()["RawMessageDelivery"] == "false"
    subscription = bench.update(subscription, named)
    assert json.loads(attributes().get("FilterPolicy") or "{}") == {}
    bench.delete(subscription)
    assert _subscribed(bench, arn) == []


def test_a_topic_policy_is_set_and_gives_way_to_that_of_a_new_topic(bench: Bench) -> None:
    arn = bench.ref(bench.create("AWS::SNS::Topic", {}, "Shared"))
    before = json.loads(_topic(bench, arn)["Policy"])
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish"}
    document = {"Version": "2012-10-17", "Statement": [{**allow, "Resource": arn}]}
    policy = bench.create("AWS::SNS::TopicPolicy", {"Topics": [arn], "PolicyDocument": document})
    assert json.loads(_topic(bench, arn)["Policy"]) == document
    bench.delete(policy)
    after = json.loads(_topic(bench, arn)["Policy"])
    assert {action.lower() for action in after["Statement"][0]["Action"]} <= {
        action.lower() for action in before["Statement"][0]["Action"]
    }
    assert after["Statement"][0]["Condition"] == before["Statement"][0]["Condition"]


def test_traces_are_refused_by_name(bench: Bench) -> None:
    with pytest.raises(Unsupported, match="TracingConfig Active"):
        bench.create("AWS::SNS::Topic", {"TracingConfig": "Active"})


def test_a_topic_of_that_name_is_not_taken_over(bench: Bench) -> None:
    given = {"TopicName": "taken"}
    first = bench.create("AWS::SNS::Topic", given)
    with pytest.raises(Failed, match="taken already exists"):
        bench.create("AWS::SNS::Topic", given)
    bench.delete(first)
