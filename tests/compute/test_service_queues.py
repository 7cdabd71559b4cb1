"""SQS event source mappings on the virtual clock."""

from __future__ import annotations

import json
from typing import Any

import pytest

#: Writes a line for each batch. A body that begins with `bad` makes the batch fail.
WORK = (
    "def handler(event, context):\n"
    "    bodies = [record['body'] for record in event['Records']]\n"
    "    print('batch', ' '.join(bodies))\n"
    "    if any(body.startswith('bad') for body in bodies):\n"
    "        raise ValueError('bad message')\n"
)
#: Reports bodies that begin with `bad` as failed.
REPORT = (
    "def handler(event, context):\n"
    "    print('batch', ' '.join(record['body'] for record in event['Records']))\n"
    "    failed = [r['messageId'] for r in event['Records'] if r['body'].startswith('bad')]\n"
    "    return {'batchItemFailures': [{'itemIdentifier': i} for i in failed]}\n"
)


def connect(
    compute: Any, name: str, source: str = WORK, *, queue: dict[str, str] | None = None, **settings: Any
) -> Any:
    """A queue, a function and a mapping between them, all of one name. The queue's URL and the mapping's UUID."""
    fifo = ".fifo" if (queue or {}).get("FifoQueue") else ""
    url, arn = compute.queue(name + fifo, **(queue or {}))
    compute.create(name, source)
    mapping = compute.functions.create_event_source_mapping(FunctionName=name, EventSourceArn=arn, **settings)
    assert mapping["State"] == "Creating"
    assert compute.sandbox.compute.mapped_function(mapping["EventSourceMappingArn"]) == mapping["FunctionArn"]
    enabled(compute, mapping["UUID"])
    return url, mapping["UUID"]


def enabled(compute: Any, uuid: str, state: str = "Enabled") -> None:
    compute.eventually(lambda: compute.functions.get_event_source_mapping(UUID=uuid)["State"] == state)


def send(compute: Any, url: str, *bodies: str) -> None:
    entries = [{"Id": str(place), "MessageBody": body} for place, body in enumerate(bodies)]
    compute.client("sqs").send_message_batch(QueueUrl=url, Entries=entries)


def batches(compute: Any, name: str) -> list[list[str]]:
    return [line.split()[1:] for line in compute.lines(name, "batch")]


def dealt_with(compute: Any, url: str) -> None:
    compute.eventually(lambda: compute.left_in(url) == 0)


def test_a_message_reaches_the_function_and_is_deleted(compute: Any) -> None:
    source = "import json\ndef handler(event, context):\n    print(json.dumps(event))\n"
    url, _ = connect(compute, "plain", source)
    attributes = {"kind": {"DataType": "String", "StringValue": "order"}}
    sent = compute.client("sqs").send_message(QueueUrl=url, MessageBody="hello", MessageAttributes=attributes)
    dealt_with(compute, url)
    (line,) = compute.lines("plain", "Records")
    (record,) = json.loads(line)["Records"]
    assert record["messageId"] == sent["MessageId"]
    assert (record["body"], record["md5OfBody"]) == ("hello", sent["MD5OfMessageBody"])
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert set(record["attributes"]) >= {"SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"}
    assert record["messageAttributes"]["kind"]["stringValue"] == "order"
    assert (record["eventSource"], record["awsRegion"]) == ("aws:sqs", "us-east-1")
    assert record["eventSourceARN"] == "arn:aws:sqs:us-east-1:123456789012:plain"
    assert record["receiptHandle"]


def test_messages_sent_together_come_in_batches(compute: Any) -> None:
    url, _ = connect(compute, "batched", BatchSize=4)
    send(compute, url, *(str(number) for number in range(10)))
    dealt_with(compute, url)
    found = batches(compute, "batched")
    assert sorted(len(batch) for batch in found) == [2, 4, 4]
    assert sorted(body for batch in found for body in batch) == [str(number) for number in range(10)]


def test_a_window_gathers_messages(compute: Any) -> None:
    url, _ = connect(compute, "windowed", BatchSize=100, MaximumBatchingWindowInSeconds=20)
    send(compute, url, "a", "b")
    compute.clock.advance(10)
    send(compute, url, "c")
    compute.clock.settle()
    assert batches(compute, "windowed") == []
    compute.clock.advance(11)
    dealt_with(compute, url)
    assert [sorted(batch) for batch in batches(compute, "windowed")] == [["a", "b", "c"]]


def test_a_full_batch_does_not_wait_for_its_window(compute: Any) -> None:
    url, _ = connect(compute, "full", BatchSize=3, MaximumBatchingWindowInSeconds=300)
    send(compute, url, "a", "b", "c")
    dealt_with(compute, url)
    assert len(batches(compute, "full")) == 1


def test_a_failed_batch_comes_back_after_the_visibility_time_out(compute: Any) -> None:
    url, _ = connect(compute, "failing", queue={"VisibilityTimeout": "60"})
    send(compute, url, "bad", "good")
    compute.eventually(lambda: len(batches(compute, "failing")) == 1)
    compute.clock.advance(55)
    assert len(batches(compute, "failing")) == 1
    compute.clock.advance(10)
    assert [sorted(batch) for batch in batches(compute, "failing")] == [["bad", "good"]] * 2
    assert compute.left_in(url) == 2


def test_reported_failures_alone_come_back(compute: Any) -> None:
    url, _ = connect(
        compute, "partial", REPORT, queue={"VisibilityTimeout": "60"}, FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    send(compute, url, "bad", "good", "fine")
    compute.eventually(lambda: compute.left_in(url) == 1)
    compute.clock.advance(65)
    assert batches(compute, "partial")[1:] == [["bad"]]


def test_without_the_setting_a_report_means_nothing(compute: Any) -> None:
    url, _ = connect(compute, "unread", REPORT)
    send(compute, url, "bad", "good")
    dealt_with(compute, url)


def test_a_poison_message_goes_to_the_dead_letter_queue(compute: Any) -> None:
    dead, dead_arn = compute.queue("dead")
    policy = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": "3"})
    url, _ = connect(compute, "redriven", queue={"VisibilityTimeout": "30", "RedrivePolicy": policy})
    send(compute, url, "bad")
    compute.clock.advance(300)
    assert batches(compute, "redriven") == [["bad"]] * 3
    assert compute.left_in(url) == 0
    assert [message["Body"] for message in compute.receive(dead)] == ["bad"]


def test_a_filter_drops_what_does_not_match(compute: Any) -> None:
    pattern = json.dumps({"body": {"total": [{"numeric": [">", 100]}]}})
    url, _ = connect(compute, "filtered", FilterCriteria={"Filters": [{"Pattern": pattern}]})
    send(compute, url, '{"total":50}', '{"total":500}', "plain")
    dealt_with(compute, url)
    assert batches(compute, "filtered") == [['{"total":500}']]


def test_a_delayed_message_comes_when_its_delay_is_over(compute: Any) -> None:
    url, _ = connect(compute, "delayed")
    compute.client("sqs").send_message(QueueUrl=url, MessageBody="later", DelaySeconds=120)
    compute.clock.advance(118)
    assert batches(compute, "delayed") == []
    compute.clock.advance(4)
    assert batches(compute, "delayed") == [["later"]]


def test_a_message_made_visible_again_is_taken(compute: Any) -> None:
    url, uuid = connect(compute, "released")
    functions, sqs = compute.functions, compute.client("sqs")
    functions.update_event_source_mapping(UUID=uuid, Enabled=False)
    enabled(compute, uuid, "Disabled")
    send(compute, url, "held")
    (message,) = compute.receive(url)
    functions.update_event_source_mapping(UUID=uuid, Enabled=True)
    enabled(compute, uuid)
    compute.clock.settle()
    assert batches(compute, "released") == []
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    dealt_with(compute, url)
    assert batches(compute, "released") == [["held"]]


def test_a_topic_feeds_the_queue(compute: Any) -> None:
    url, _ = connect(compute, "fanned")
    sns = compute.client("sns")
    topic = sns.create_topic(Name="orders")["TopicArn"]
    compute.let_send(url, "sns.amazonaws.com", topic)
    arn = "arn:aws:sqs:us-east-1:123456789012:fanned"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    sns.publish(TopicArn=topic, Message="announced")
    dealt_with(compute, url)
    assert batches(compute, "fanned") == [["announced"]]


def test_no_more_batches_at_once_than_the_maximum_concurrency(compute: Any) -> None:
    source = (
        "import time\n"
        "def handler(event, context):\n"
        "    time.sleep(0.3)\n"
        "    print('batch', event['Records'][0]['body'])\n"
    )
    url, _ = connect(compute, "few", source, BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})
    send(compute, url, *(str(number) for number in range(6)))
    dealt_with(compute, url)
    assert len(batches(compute, "few")) == 6
    assert compute.metric("ConcurrentExecutions", "Maximum", FunctionName="few") == 2


def test_a_message_group_keeps_its_order(compute: Any) -> None:
    url, _ = connect(compute, "ordered", queue={"FifoQueue": "true", "ContentBasedDeduplication": "true"}, BatchSize=2)
    sqs = compute.client("sqs")
    for number in range(5):
        sqs.send_message(QueueUrl=url, MessageBody=f"m{number}", MessageGroupId="g")
    dealt_with(compute, url)
    assert [body for batch in batches(compute, "ordered") for body in batch] == [f"m{number}" for number in range(5)]


def test_a_throttled_batch_comes_back(compute: Any) -> None:
    url, _ = connect(compute, "throttled", queue={"VisibilityTimeout": "30"})
    compute.functions.put_function_concurrency(FunctionName="throttled", ReservedConcurrentExecutions=0)
    send(compute, url, "patient")
    compute.eventually(lambda: compute.metric("Throttles", FunctionName="throttled"))
    compute.functions.delete_function_concurrency(FunctionName="throttled")
    compute.clock.advance(35)
    dealt_with(compute, url)
    assert batches(compute, "throttled") == [["patient"]]


def test_a_disabled_or_deleted_mapping_leaves_the_queue_alone(compute: Any) -> None:
    url, uuid = connect(compute, "quiet")
    functions = compute.functions
    assert functions.update_event_source_mapping(UUID=uuid, Enabled=False)["State"] == "Disabling"
    enabled(compute, uuid, "Disabled")
    send(compute, url, "a")
    compute.clock.advance(120)
    assert compute.left_in(url) == 1
    assert functions.update_event_source_mapping(UUID=uuid, Enabled=True)["State"] == "Enabling"
    enabled(compute, uuid)
    dealt_with(compute, url)
    assert functions.delete_event_source_mapping(UUID=uuid)["State"] == "Deleting"
    compute.clock.advance(1)
    assert compute.refusal("get_event_source_mapping", UUID=uuid)[0] == "ResourceNotFoundException"
    send(compute, url, "b")
    compute.clock.advance(120)
    assert compute.left_in(url) == 1


def test_a_queue_or_function_that_goes_away_is_told_in_the_mapping(compute: Any) -> None:
    url, uuid = connect(compute, "vanishing")
    compute.functions.delete_function(FunctionName="vanishing")
    send(compute, url, "a")
    result = compute.eventually(
        lambda: "PROBLEM" in (r := compute.functions.get_event_source_mapping(UUID=uuid)["LastProcessingResult"]) and r
    )
    assert result.startswith("PROBLEM: Function not found")
    compute.create("vanishing", WORK)
    compute.clock.advance(61)
    dealt_with(compute, url)


def test_an_update_changes_how_the_queue_is_read(compute: Any) -> None:
    url, uuid = connect(compute, "changed", BatchSize=1)
    answer = compute.functions.update_event_source_mapping(UUID=uuid, BatchSize=10)
    assert (answer["State"], answer["BatchSize"]) == ("Updating", 10)
    assert compute.refusal("update_event_source_mapping", UUID=uuid, BatchSize=5)[0] == "ResourceInUseException"
    enabled(compute, uuid)
    send(compute, url, "a", "b", "c")
    dealt_with(compute, url)
    assert [sorted(batch) for batch in batches(compute, "changed")] == [["a", "b", "c"]]


def test_mappings_are_listed_by_function_and_by_queue(compute: Any) -> None:
    _, uuid = connect(compute, "listed")
    arn = "arn:aws:sqs:us-east-1:123456789012:listed"
    functions = compute.functions
    for where in ({"FunctionName": "listed"}, {"EventSourceArn": arn}):
        assert [m["UUID"] for m in functions.list_event_source_mappings(**where)["EventSourceMappings"]] == [uuid]
    assert functions.list_event_source_mappings(FunctionName="other")["EventSourceMappings"] == []
    code, message = compute.refusal("create_event_source_mapping", FunctionName="listed", EventSourceArn=arn)
    assert code == "ResourceConflictException"
    assert message.endswith(f"existing mapping with UUID {uuid}")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"EventSourceArn": "arn:aws:kinesis:us-east-1:123456789012:stream/s"}, "event source mappings of kinesis"),
        ({"EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:none"}, "SQS Error Code: "),
        ({"BatchSize": 11}, "Maximum batch window in seconds must be greater than 0"),
        ({"BatchSize": 10001}, "less than or equal to 10000"),
        ({"ScalingConfig": {"MaximumConcurrency": 1}}, "greater than or equal to 2"),
        ({"FilterCriteria": {"Filters": [{"Pattern": "{"}]}}, "Invalid filter pattern definition."),
        ({"FilterCriteria": {"Filters": [{"Pattern": '{"a": ["b"]}'}] * 6}}, "at most 5 filters"),
        ({"StartingPosition": "LATEST"}, "StartingPosition"),
        ({"ProvisionedPollerConfig": {"MinimumPollers": 2}}, "does not support ProvisionedPollerConfig"),
        ({"FunctionName": "missing"}, "Function not found: "),
        ({"FunctionName": "slow"}, "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds"),
    ],
)
def test_mappings_that_are_refused(compute: Any, params: dict[str, Any], message: str) -> None:
    if not any(f["FunctionName"] == "slow" for f in compute.functions.list_functions()["Functions"]):
        compute.create("slow", Timeout=60)
        compute.create("quick")
        compute.queue("asked")
    given = {"FunctionName": "quick", "EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:asked", **params}
    assert message in compute.refusal("create_event_source_mapping", **given)[1]
