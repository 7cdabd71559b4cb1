"""Queues and their policies, as a template makes them."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from sandbox.templates.types.resource_type import Failed
from tests.templates.types.conftest import STACK_ID, Bench


def test_a_queue_has_its_settings_its_tags_and_a_name_of_the_stack(bench: Bench) -> None:
    queue = bench.create(
        "AWS::SQS::Queue",
        {"VisibilityTimeout": 90, "Tags": [{"Key": "team", "Value": "shop"}], "RedrivePolicy": None},
        "Orders",
    )
    name = bench.attributes(queue)["QueueName"]
    assert name.startswith("shop-Orders-")
    assert len(name) == len("shop-Orders-") + 12
    assert bench.ref(queue).endswith(f"/123456789012/{name}")
    sqs = bench.client("sqs")
    found = sqs.get_queue_attributes(QueueUrl=queue.physical_id, AttributeNames=["All"])["Attributes"]
    assert found["VisibilityTimeout"] == "90"
    assert found["QueueArn"] == bench.attributes(queue)["Arn"]
    assert sqs.list_queue_tags(QueueUrl=queue.physical_id)["Tags"] == {
        "team": "shop",
        "project": "coldstart",
        "aws:cloudformation:stack-name": "shop",
        "aws:cloudformation:logical-id": "Orders",
        "aws:cloudformation:stack-id": STACK_ID,
    }


def test_a_setting_that_is_taken_out_of_the_template_goes_back_to_its_default(bench: Bench) -> None:
    queue = bench.create("AWS::SQS::Queue", {"VisibilityTimeout": 90, "DelaySeconds": 5})
    bench.update(queue, {"DelaySeconds": 6, "Tags": [{"Key": "team", "Value": "shop"}]})
    sqs = bench.client("sqs")
    found = sqs.get_queue_attributes(QueueUrl=queue.physical_id, AttributeNames=["All"])["Attributes"]
    assert (found["VisibilityTimeout"], found["DelaySeconds"]) == ("30", "6")
    assert sqs.list_queue_tags(QueueUrl=queue.physical_id)["Tags"]["team"] == "shop"


def test_a_policy_goes_to_each_queue_and_is_taken_off_again(bench: Bench) -> None:
    queues = [bench.create("AWS::SQS::Queue", {}, name) for name in ("One", "Two")]
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    document = {"Version": "2012-10-17", "Statement": [{**statement, "Resource": "*"}]}
    given = {"Queues": [queue.physical_id for queue in queues], "PolicyDocument": document}
    policy = bench.create("AWS::SQS::QueuePolicy", given, "Policy")
    sqs = bench.client("sqs")

    def policies() -> list[str | None]:
        asked = (sqs.get_queue_attributes(QueueUrl=one.physical_id, AttributeNames=["Policy"]) for one in queues)
        return [answer.get("Attributes", {}).get("Policy") or None for answer in asked]

    assert [json.loads(text or "{}") for text in policies()] == [document, document]
    policy = bench.update(policy, {**given, "Queues": [queues[0].physical_id]})
    assert [text is None for text in policies()] == [False, True]
    bench.delete(policy)
    assert policies() == [None, None]


def test_a_deleted_queue_is_gone(bench: Bench) -> None:
    queue = bench.create("AWS::SQS::Queue", {"QueueName": "short-lived"})
    bench.delete(queue)
    with pytest.raises(ClientError, match="NonExistentQueue"):
        bench.client("sqs").get_queue_url(QueueName="short-lived")


def test_a_queue_of_that_name_is_not_taken_over(bench: Bench) -> None:
    given = {"QueueName": "taken"}
    first = bench.create("AWS::SQS::Queue", given)
    with pytest.raises(Failed, match="taken already exists"):
        bench.create("AWS::SQS::Queue", given)
    bench.delete(first)
