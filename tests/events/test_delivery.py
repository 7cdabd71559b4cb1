"""From PutEvents to what a rule's target gets, and where events end that it does not take."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.events.conftest import ACCOUNT, MEMBER, World


def test_an_event_reaches_a_function_whose_policy_lets_the_rule(world: World) -> None:
    arn = world.rule("shop", world.teller("taker"))
    world.permit("taker", arn)
    name = world.put("shop", {"total": 42.5, "tags": ["a"]}, Resources=["arn:aws:s3:::b"], Time=1_700_000_000)
    world.put("other")
    (event,) = world.got("taker")
    assert event == {
        "version": "0",
        "id": name,
        "detail-type": "d",
        "source": "shop",
        "account": ACCOUNT,
        "time": "2023-11-14T22:13:20Z",
        "region": "us-east-1",
        "resources": ["arn:aws:s3:::b"],
        "detail": {"total": 42.5, "tags": ["a"]},
    }
    assert world.count("Invocations", "shop") == world.count("MatchedEvents", "shop") == 1
    assert world.count("FailedInvocations", "shop") == 0


def test_a_function_that_fails_is_tried_again_by_lambda(world: World) -> None:
    source = "def handler(event, context):\n    print('TRY')\n    raise ValueError\n"
    world.create("failing", source)
    world.permit(
        "failing",
        world.rule("failing", world.functions.get_function(FunctionName="failing")["Configuration"]["FunctionArn"]),
    )
    world.put("failing")
    world.clock.advance(600)
    assert len(world.lines("failing", "TRY")) == 3
    assert world.count("FailedInvocations", "failing") == 0


def test_what_a_functions_policy_does_not_let_ends_in_the_dead_letter_queue(world: World) -> None:
    url, queue = world.open_queue("dead-letters")
    function = world.teller("closed")
    arn = world.rule("closed", {"Arn": function, "DeadLetterConfig": {"Arn": queue}})
    world.permit("closed", f"{arn}-other")
    name = world.put("closed", {"n": 1})
    assert world.got("closed") == []
    (message,) = world.receive(url)
    assert json.loads(message["Body"])["id"] == name
    attributes = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert "closed" in attributes.pop("ERROR_MESSAGE")
    assert attributes == {"RULE_ARN": arn, "TARGET_ARN": function, "ERROR_CODE": "NO_PERMISSIONS"}
    assert world.count("FailedInvocations", "closed") == world.count("InvocationsSentToDlq", "closed") == 1


def test_a_dead_letter_queue_has_to_let_the_rule_too(world: World) -> None:
    url, queue = world.queue("dead-letters-closed")
    world.rule("nobody", {"Arn": world.teller("nobody"), "DeadLetterConfig": {"Arn": queue}})
    world.put("nobody")
    assert world.receive(url) == []
    assert world.count("InvocationsFailedToBeSentToDlq", "nobody") == 1


@pytest.mark.parametrize(
    ("target", "code"),
    [
        (f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:absent", "NO_RESOURCE"),
        (f"arn:aws:sqs:us-east-1:{ACCOUNT}:absent", "NO_RESOURCE"),
        (f"arn:aws:sns:us-east-1:{ACCOUNT}:absent", "NO_RESOURCE"),
        (f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/absent", "NO_RESOURCE"),
        ("arn:aws:lambda:us-east-1:210987654321:function:theirs", "NO_PERMISSIONS"),
    ],
)
def test_a_target_that_is_not_there_fails_at_once(world: World, target: str, code: str) -> None:
    url, queue = world.open_queue("dead-letters-absent")
    world.rule("absent", {"Arn": target, "DeadLetterConfig": {"Arn": queue}})
    world.put("absent")
    (message,) = world.receive(url)
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == code


def test_topics_take_what_their_policy_lets(world: World) -> None:
    url, queue = world.queue("behind-topic")
    sns = world.client("sns")
    topic = sns.create_topic(Name="topic")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})
    world.let_send(url, "sns.amazonaws.com", topic)
    arn = world.rule("announce", topic)
    world.put("announce")
    assert world.receive(url) == []
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
        "Condition": {"ArnEquals": {"aws:SourceArn": arn}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    name = world.put("announce")
    (message,) = world.receive(url)
    assert json.loads(message["Body"])["id"] == name


def test_another_bus_gets_the_event_as_it_is_and_sends_it_to_no_third(world: World) -> None:
    for bus in ("first", "second", "third"):
        world.events.create_event_bus(Name=bus)
    url, queue = world.open_queue("second-bus")
    dead_url, dead = world.open_queue("third-bus")
    to = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/"
    world.rule("hop", f"{to}second", EventBusName="first", EventPattern='{"source": ["hop"]}')
    world.rule("end", queue, EventBusName="second", EventPattern='{"source": ["hop"]}')
    world.rule(
        "on",
        {"Arn": f"{to}third", "DeadLetterConfig": {"Arn": dead}},
        EventBusName="second",
        EventPattern='{"source": ["hop"]}',
    )
    name = world.put("hop", EventBusName="first")
    (message,) = world.receive(url)
    assert json.loads(message["Body"])["id"] == name
    (failed,) = world.receive(dead_url)
    assert failed["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "THIRD_ACCOUNT_HOP_DETECTED"
    assert world.count("MatchedEvents", "end", EventBusName="second") == 1


def test_an_account_may_put_events_on_anothers_bus_and_they_tell_so(world: World) -> None:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-perms.html"""
    made = world.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{MEMBER}:role/OrganizationAccountAccessRole", RoleSessionName="tests"
    )["Credentials"]
    keys = {
        "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
        "AWS_SESSION_TOKEN": made["SessionToken"],
    }
    theirs = world.sandbox.gateway.client("events", keys)
    bus = world.events.create_event_bus(Name="shared")["EventBusArn"]
    url, queue = world.open_queue("shared")
    world.rule("shared", queue, EventBusName="shared", EventPattern=json.dumps({"account": [MEMBER]}))
    entry = {"Source": "shop", "DetailType": "d", "Detail": "{}", "EventBusName": bus}
    with pytest.raises(ClientError, match="not authorized to perform: events:PutEvents"):
        theirs.put_events(Entries=[entry])
    world.events.put_permission(
        EventBusName="shared", Action="events:PutEvents", Principal=MEMBER, StatementId="member"
    )
    assert theirs.put_events(Entries=[entry])["FailedEntryCount"] == 0
    (message,) = world.receive(url)
    assert json.loads(message["Body"])["account"] == MEMBER


def test_what_s3_tells_reaches_the_default_buss_rules(world: World) -> None:
    url, queue = world.open_queue("uploads")
    s3 = world.client("s3")
    s3.create_bucket(Bucket="told")
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"object": {"key": [{"prefix": "in/"}]}},
    }
    world.rule("uploads", queue, EventPattern=json.dumps(pattern))
    s3.put_object(Bucket="told", Key="in/0", Body=b"x")
    s3.put_bucket_notification_configuration(Bucket="told", NotificationConfiguration={"EventBridgeConfiguration": {}})
    s3.put_object(Bucket="told", Key="in/a b", Body=b"x")
    s3.put_object(Bucket="told", Key="out", Body=b"x")
    world.clock.settle()
    (message,) = world.receive(url)
    event = json.loads(message["Body"])
    assert (event["account"], event["resources"]) == (ACCOUNT, ["arn:aws:s3:::told"])
    assert event["detail"]["object"]["key"] == "in/a b"


@pytest.mark.parametrize(
    ("settings", "body"),
    [
        ({"Input": '{"constant": 1}'}, '{"constant": 1}'),
        ({"InputPath": "$.detail.order"}, '{"id":7}'),
        ({"InputPath": "$.detail.absent"}, "{}"),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"id": "$.detail.order.id", "who": "$.source"},
                    "InputTemplate": '{"text": "<who> ordered <id>", "id": <id>, "rule": <aws.events.rule-name>}',
                }
            },
            '{"text": "inputs ordered 7", "id": 7, "rule": "inputs"}',
        ),
    ],
)
def test_a_target_gets_what_it_asks_for(world: World, settings: dict[str, Any], body: str) -> None:
    url, queue = world.open_queue("inputs")
    world.rule("inputs", {"Arn": queue, **settings})
    world.put("inputs", {"order": {"id": 7}})
    (message,) = world.receive(url)
    assert message["Body"] == body


def test_text_that_is_no_json_does_not_go_to_a_function(world: World) -> None:
    url, queue = world.open_queue("no-json")
    arn = world.rule(
        "no-json",
        {
            "Arn": world.teller("no-json"),
            "InputTransformer": {"InputPathsMap": {"s": "$.source"}, "InputTemplate": "from <s>"},
            "DeadLetterConfig": {"Arn": queue},
        },
    )
    world.permit("no-json", arn)
    world.put("no-json")
    assert world.got("no-json") == []
    (message,) = world.receive(url)
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "INVALID_JSON"


def test_a_log_group_takes_what_the_logs_policy_lets(world: World) -> None:
    logs = world.client("logs")
    logs.create_log_group(logGroupName="/aws/events/all")
    group = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/events/all"
    arn = world.rule("logged", group)
    world.put("logged", {"n": 1})
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"{group}:*",
        "Condition": {"ArnEquals": {"aws:SourceArn": arn}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    logs.put_resource_policy(policyName="events", policyDocument=document)
    world.put("logged", {"n": 2})
    (event,) = logs.filter_log_events(logGroupName="/aws/events/all")["events"]
    assert json.loads(event["message"])["detail"] == {"n": 2}
    logs.delete_resource_policy(policyName="events")
    world.put("logged", {"n": 3})
    assert len(logs.filter_log_events(logGroupName="/aws/events/all")["events"]) == 1


def test_disabled_rules_take_nothing(world: World) -> None:
    url, queue = world.open_queue("switched")
    world.rule("switched", queue)
    world.events.disable_rule(Name="switched")
    world.put("switched")
    assert world.receive(url) == []
    world.events.enable_rule(Name="switched")
    world.put("switched")
    assert len(world.receive(url)) == 1


# -- PutEvents ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"DetailType": "d", "Detail": "{}"}, "InvalidArgument"),
        ({"Source": "s", "Detail": "{}"}, "InvalidArgument"),
        ({"Source": "s", "DetailType": "d"}, "InvalidArgument"),
        ({"Source": "s", "DetailType": "d" * 129, "Detail": "{}"}, "InvalidArgument"),
        ({"Source": "aws.s3", "DetailType": "d", "Detail": "{}"}, "NotAuthorizedForSourceException"),
        ({"Source": "s", "DetailType": "d", "Detail": "{"}, "MalformedDetail"),
        ({"Source": "s", "DetailType": "d", "Detail": "[]"}, "MalformedDetail"),
        ({"Source": "s", "DetailType": "d", "Detail": '{"a": NaN}'}, "MalformedDetail"),
        ({"Source": "s", "DetailType": "d", "Detail": '{"a":' * 5000 + "1" + "}" * 5000}, "MalformedDetail"),
    ],
)
def test_an_entry_that_is_not_taken_keeps_no_other_back(world: World, entry: dict[str, str], code: str) -> None:
    good = {"Source": "s", "DetailType": "d", "Detail": "{}"}
    answer = world.events.put_events(Entries=[entry, good])
    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][0]["ErrorCode"] == code
    assert answer["Entries"][1]["EventId"]


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ([{"Source": "s", "DetailType": "d", "Detail": "{}"}] * 11, "less than or equal to 10"),
        ([{"Source": "s", "DetailType": "d", "Detail": '{"a": "' + "x" * 2**20 + '"}'}], "over the limit"),
    ],
)
def test_a_call_takes_ten_entries_and_a_megabyte(world: World, entries: list[Any], says: str) -> None:
    with pytest.raises(ClientError, match=says) as refused:
        world.events.put_events(Entries=entries)
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_patterns_can_be_tried(world: World) -> None:
    event = {
        "id": "1",
        "account": ACCOUNT,
        "source": "s",
        "time": "2026-01-01T00:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail-type": "d",
    }
    for pattern, result in (('{"source": ["s"]}', True), ('{"source": ["t"]}', False)):
        answer = world.events.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))
        assert answer["Result"] is result
    with pytest.raises(ClientError, match=r"Event pattern is not valid\. Reason: Empty arrays are not allowed"):
        world.events.test_event_pattern(EventPattern='{"source": []}', Event=json.dumps(event))
    with pytest.raises(ClientError, match="Parameter Event is not valid"):
        world.events.test_event_pattern(EventPattern='{"source": ["s"]}', Event="{}")


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("create_archive", {"ArchiveName": "a", "EventSourceArn": "arn:aws:events:us-east-1:1:event-bus/b"}),
        ("create_partner_event_source", {"Name": "a", "Account": ACCOUNT}),
        ("list_endpoints", {}),
    ],
)
def test_what_is_not_built_is_refused_by_name(world: World, operation: str, params: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="coldstart does not support events:") as refused:
        getattr(world.events, operation)(**params)
    assert refused.value.response["Error"]["Code"] == "NotImplementedException"
