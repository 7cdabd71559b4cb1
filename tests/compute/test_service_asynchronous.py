"""Asynchronous invocation on the virtual clock: retries, age, dead letters, destinations."""

from __future__ import annotations

import json
from typing import Any

import pytest

#: Writes a line for each attempt, and fails if the event says so.
TRY = (
    "def handler(event, context):\n"
    "    print('attempt', event['id'], context.aws_request_id)\n"
    "    if event.get('fail'):\n"
    "        raise ValueError('broken ' + event['id'])\n"
    "    return {'done': event['id']}\n"
)


def send(compute: Any, name: str, event: dict[str, Any], **more: Any) -> str:
    answer = compute.functions.invoke(
        FunctionName=name, InvocationType="Event", Payload=json.dumps(event).encode(), **more
    )
    assert answer["StatusCode"] == 202
    assert answer["Payload"].read() == b""
    return str(answer["ResponseMetadata"]["RequestId"])


def attempts(compute: Any, name: str) -> list[str]:
    return list(compute.lines(name, "attempt"))


def test_an_event_runs_once_when_it_succeeds(compute: Any) -> None:
    compute.create("once", TRY)
    request_id = send(compute, "once", {"id": "a"})
    compute.clock.advance(600)
    assert attempts(compute, "once") == [f"attempt a {request_id}"]
    assert compute.metric("AsyncEventsReceived", FunctionName="once") == 1
    assert compute.metric("AsyncEventAge", "SampleCount", FunctionName="once") == 1
    assert compute.metric("AsyncEventsDropped", FunctionName="once") is None


def test_a_failing_event_is_tried_again_after_one_and_two_minutes(compute: Any) -> None:
    compute.create("thrice", TRY)
    request_id = send(compute, "thrice", {"id": "a", "fail": True})
    compute.clock.settle()
    assert len(attempts(compute, "thrice")) == 1
    compute.clock.advance(58)
    assert len(attempts(compute, "thrice")) == 1
    compute.clock.advance(4)
    assert len(attempts(compute, "thrice")) == 2
    compute.clock.advance(116)
    assert len(attempts(compute, "thrice")) == 2
    compute.clock.advance(6)
    assert attempts(compute, "thrice") == [f"attempt a {request_id}"] * 3
    compute.clock.advance(3600)
    assert len(attempts(compute, "thrice")) == 3
    assert compute.metric("AsyncEventsDropped", FunctionName="thrice") == 1
    assert compute.metric("Errors", FunctionName="thrice") == 3


def test_fewer_retries_if_so_configured(compute: Any) -> None:
    compute.create("never", TRY)
    compute.functions.put_function_event_invoke_config(FunctionName="never", MaximumRetryAttempts=0)
    send(compute, "never", {"id": "a", "fail": True})
    compute.clock.advance(600)
    assert len(attempts(compute, "never")) == 1


def test_an_event_ends_by_its_age(compute: Any) -> None:
    url, arn = compute.queue("aged")
    compute.create("aging", TRY)
    compute.functions.put_function_event_invoke_config(
        FunctionName="aging", MaximumEventAgeInSeconds=90, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    send(compute, "aging", {"id": "a", "fail": True})
    compute.clock.advance(600)
    assert len(attempts(compute, "aging")) == 2, "the third attempt would come after its age"
    (message,) = compute.receive(url)
    context = json.loads(message["Body"])["requestContext"]
    assert (context["condition"], context["approximateInvokeCount"]) == ("EventAgeExceeded", 2)


def test_a_throttled_event_waits_until_there_is_room(compute: Any) -> None:
    compute.create("held", "import time\ndef handler(event, context):\n    time.sleep(1.2)\n    print('attempt')\n")
    compute.functions.put_function_concurrency(FunctionName="held", ReservedConcurrentExecutions=1)
    for number in range(2):
        send(compute, "held", {"id": str(number)})
    compute.clock.advance(60)
    assert len(attempts(compute, "held")) == 2
    assert (compute.metric("Throttles", FunctionName="held") or 0) >= 1


def test_reserved_zero_ends_an_event_at_once(compute: Any) -> None:
    url, arn = compute.queue("zeroed")
    compute.create("zero", TRY)
    compute.functions.put_function_concurrency(FunctionName="zero", ReservedConcurrentExecutions=0)
    compute.functions.put_function_event_invoke_config(
        FunctionName="zero", DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    send(compute, "zero", {"id": "a"})
    compute.clock.settle()
    (message,) = compute.receive(url)
    assert json.loads(message["Body"])["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert attempts(compute, "zero") == []


def test_destinations_get_a_record_of_success_and_failure(compute: Any) -> None:
    good, good_arn = compute.queue("good")
    bad, bad_arn = compute.queue("bad")
    compute.create("reported", TRY)
    compute.functions.put_function_event_invoke_config(
        FunctionName="reported",
        MaximumRetryAttempts=1,
        DestinationConfig={"OnSuccess": {"Destination": good_arn}, "OnFailure": {"Destination": bad_arn}},
    )
    first = send(compute, "reported", {"id": "a"})
    second = send(compute, "reported", {"id": "b", "fail": True})
    compute.clock.advance(120)
    (success,) = [json.loads(message["Body"]) for message in compute.receive(good)]
    (failure,) = [json.loads(message["Body"]) for message in compute.receive(bad)]
    arn = "arn:aws:lambda:us-east-1:123456789012:function:reported:$LATEST"
    assert success.pop("timestamp").endswith("Z")
    assert success == {
        "version": "1.0",
        "requestContext": {
            "requestId": first,
            "functionArn": arn,
            "condition": "Success",
            "approximateInvokeCount": 1,
        },
        "requestPayload": {"id": "a"},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": {"done": "a"},
    }
    assert failure["requestContext"]["requestId"] == second
    assert failure["requestContext"]["condition"] == "RetriesExhausted"
    assert failure["requestContext"]["approximateInvokeCount"] == 2
    assert failure["responseContext"]["functionError"] == "Unhandled"
    assert failure["responsePayload"]["errorMessage"] == "broken b"


def test_a_dead_letter_queue_gets_the_event_itself(compute: Any) -> None:
    url, arn = compute.queue("letters")
    compute.create("dead", TRY, DeadLetterConfig={"TargetArn": arn})
    request_id = send(compute, "dead", {"id": "a", "fail": True})
    compute.clock.advance(400)
    (message,) = compute.receive(url)
    assert json.loads(message["Body"]) == {"id": "a", "fail": True}
    values = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert values == {"RequestID": request_id, "ErrorCode": "200", "ErrorMessage": "broken a"}


def test_a_dead_letter_topic_gets_it_too(compute: Any) -> None:
    url, queue_arn = compute.queue("subscribed")
    sns = compute.client("sns")
    topic = sns.create_topic(Name="letters")["TopicArn"]
    compute.let_send(url, "sns.amazonaws.com", topic)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn, Attributes={"RawMessageDelivery": "true"})
    compute.create("dead-topic", TRY, DeadLetterConfig={"TargetArn": topic})
    compute.functions.put_function_event_invoke_config(FunctionName="dead-topic", MaximumRetryAttempts=0)
    send(compute, "dead-topic", {"id": "a", "fail": True})
    compute.clock.settle()
    (message,) = compute.receive(url)
    assert json.loads(message["Body"]) == {"id": "a", "fail": True}


def test_a_function_and_a_bucket_are_destinations_too(compute: Any) -> None:
    compute.client("s3").create_bucket(Bucket="failures")
    compute.create(
        "receiver", "def handler(event, context):\n    print('attempt', event['requestContext']['condition'])\n"
    )
    target = compute.functions.get_function(FunctionName="receiver")["Configuration"]["FunctionArn"]
    compute.create("chained", TRY)
    compute.functions.put_function_event_invoke_config(
        FunctionName="chained",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnSuccess": {"Destination": target}, "OnFailure": {"Destination": "arn:aws:s3:::failures"}},
    )
    send(compute, "chained", {"id": "a"})
    send(compute, "chained", {"id": "b", "fail": True})
    compute.eventually(lambda: attempts(compute, "receiver") == ["attempt Success"])
    compute.clock.settle()
    (content,) = compute.client("s3").list_objects_v2(Bucket="failures")["Contents"]
    assert content["Key"].startswith("aws/lambda/async/chained/")


def test_an_event_bus_is_a_destination(compute: Any) -> None:
    url, queue_arn = compute.queue("from-bus")
    events = compute.client("events")
    rule = events.put_rule(Name="results", EventPattern=json.dumps({"source": ["lambda"]}))["RuleArn"]
    compute.let_send(url, "events.amazonaws.com", rule)
    events.put_targets(Rule="results", Targets=[{"Id": "q", "Arn": queue_arn}])
    compute.create("bussed", TRY)
    compute.functions.put_function_event_invoke_config(
        FunctionName="bussed",
        DestinationConfig={"OnSuccess": {"Destination": "arn:aws:events:us-east-1:123456789012:event-bus/default"}},
    )
    send(compute, "bussed", {"id": "a"})
    compute.clock.settle()
    (message,) = compute.receive(url)
    body = json.loads(message["Body"])
    assert body["detail-type"] == "Lambda Function Invocation Result - Success"
    assert body["detail"]["responsePayload"] == {"done": "a"}


def test_a_destination_that_does_not_exist_is_counted(compute: Any) -> None:
    compute.create("lost", TRY, DeadLetterConfig={"TargetArn": "arn:aws:sqs:us-east-1:123456789012:nowhere"})
    compute.functions.put_function_event_invoke_config(
        FunctionName="lost",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:123456789012:nowhere"}},
    )
    send(compute, "lost", {"id": "a", "fail": True})
    compute.clock.settle()
    assert compute.metric("DestinationDeliveryFailures", FunctionName="lost") == 1
    assert compute.metric("DeadLetterErrors", FunctionName="lost") == 1


def test_an_alias_has_settings_of_its_own(compute: Any) -> None:
    compute.create("aliased", TRY, Publish=True)
    functions = compute.functions
    functions.create_alias(FunctionName="aliased", Name="live", FunctionVersion="1")
    functions.put_function_event_invoke_config(FunctionName="aliased", Qualifier="live", MaximumRetryAttempts=0)
    send(compute, "aliased", {"id": "a", "fail": True}, Qualifier="live")
    compute.clock.advance(600)
    assert len(attempts(compute, "aliased")) == 1


def test_the_operations_on_event_settings(compute: Any) -> None:
    compute.create("set")
    functions = compute.functions
    code, message = compute.refusal("get_function_event_invoke_config", FunctionName="set")
    assert (code, message) == (
        "ResourceNotFoundException",
        "The function arn:aws:lambda:us-east-1:123456789012:function:set:$LATEST doesn't have an EventInvokeConfig",
    )
    functions.put_function_event_invoke_config(FunctionName="set", MaximumRetryAttempts=1)
    functions.update_function_event_invoke_config(FunctionName="set", MaximumEventAgeInSeconds=120)
    got = functions.get_function_event_invoke_config(FunctionName="set")
    assert (got["MaximumRetryAttempts"], got["MaximumEventAgeInSeconds"]) == (1, 120)
    assert got["FunctionArn"].endswith(":function:set:$LATEST")
    functions.put_function_event_invoke_config(FunctionName="set", MaximumRetryAttempts=2)
    got = functions.get_function_event_invoke_config(FunctionName="set")
    assert "MaximumEventAgeInSeconds" not in got, "put replaces what was set"
    assert len(functions.list_function_event_invoke_configs(FunctionName="set")["FunctionEventInvokeConfigs"]) == 1
    functions.delete_function_event_invoke_config(FunctionName="set")
    assert functions.list_function_event_invoke_configs(FunctionName="set")["FunctionEventInvokeConfigs"] == []


@pytest.mark.parametrize(
    ("params", "code", "message"),
    [
        ({}, "InvalidParameterValueException", "You must specify at least one"),
        ({"MaximumRetryAttempts": 3}, "ValidationException", "less than or equal to 2"),
        ({"MaximumEventAgeInSeconds": 59}, "ValidationException", "greater than or equal to 60"),
        (
            {"DestinationConfig": {"OnSuccess": {"Destination": "arn:aws:s3:::bucket"}}},
            "InvalidParameterValueException",
            "OnFailure only",
        ),
        (
            {"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:123456789012:q.fifo"}}},
            "InvalidParameterValueException",
            "FIFO",
        ),
        (
            {"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:dynamodb:us-east-1:123456789012:table/t"}}},
            "InvalidParameterValueException",
            "is invalid",
        ),
    ],
)
def test_settings_that_are_refused(compute: Any, params: dict[str, Any], code: str, message: str) -> None:
    if not any(f["FunctionName"] == "strict" for f in compute.functions.list_functions()["Functions"]):
        compute.create("strict")
    refused = compute.refusal("put_function_event_invoke_config", FunctionName="strict", **params)
    assert refused[0] == code
    assert message in refused[1]
