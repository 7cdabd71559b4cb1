"""Rules and targets: what can be put, and how it reads back."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.events.conftest import ACCOUNT, World

PATTERN = '{"source": ["s"]}'
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"


def refusal(world: World, operation: str, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        getattr(world.events, operation)(**params)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_rule_reads_back_as_it_was_put_last(world: World) -> None:
    arn = world.events.put_rule(
        Name="kept", EventPattern=PATTERN, Description="d", State="DISABLED", Tags=[{"Key": "a", "Value": "1"}]
    )["RuleArn"]
    assert arn == f"arn:aws:events:us-east-1:{ACCOUNT}:rule/kept"
    rule = world.events.describe_rule(Name="kept")
    del rule["ResponseMetadata"]
    assert rule == {
        "Name": "kept",
        "Arn": arn,
        "EventPattern": PATTERN,
        "State": "DISABLED",
        "Description": "d",
        "EventBusName": "default",
        "CreatedBy": ACCOUNT,
    }
    world.events.put_targets(Rule="kept", Targets=[{"Id": "1", "Arn": QUEUE}])
    world.events.put_rule(Name="kept", ScheduleExpression="rate(1 day)", Tags=[{"Key": "b", "Value": "2"}])
    again = world.events.describe_rule(Name="kept")
    assert (again.get("EventPattern"), again["State"], again["ScheduleExpression"]) == (None, "ENABLED", "rate(1 day)")
    assert world.events.list_targets_by_rule(Rule="kept")["Targets"] == [{"Id": "1", "Arn": QUEUE}]
    assert world.events.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "1"}]
    assert refusal(world, "delete_rule", Name="kept") == (
        "ValidationException",
        "Rule can't be deleted since it has targets.",
    )
    assert world.events.remove_targets(Rule="kept", Ids=["1", "2"])["FailedEntries"][0]["TargetId"] == "2"
    world.events.delete_rule(Name="kept")
    world.events.delete_rule(Name="kept")
    assert refusal(world, "describe_rule", Name="kept") == (
        "ResourceNotFoundException",
        "Rule kept does not exist on EventBus default.",
    )


def test_rules_are_listed_in_pages(world: World) -> None:
    for number in range(3):
        world.rule(f"page.{number}", QUEUE)
    world.rule("page-x")
    first = world.events.list_rules(NamePrefix="page.", Limit=2)
    second = world.events.list_rules(NamePrefix="page.", Limit=2, NextToken=first["NextToken"])
    assert [rule["Name"] for page in (first, second) for rule in page["Rules"]] == ["page.0", "page.1", "page.2"]
    assert "NextToken" not in second
    names = world.events.list_rule_names_by_target(TargetArn=QUEUE)["RuleNames"]
    assert set(names) >= {"page.0", "page.1", "page.2"}


@pytest.mark.parametrize(
    ("params", "code", "says"),
    [
        ({"Name": "r"}, "ValidationException", "EventPattern or ScheduleExpression must be specified"),
        ({"Name": "a b", "EventPattern": PATTERN}, "ValidationException", "regular expression pattern"),
        ({"Name": "r", "EventPattern": "{"}, "InvalidEventPatternException", "Event pattern is not valid. Reason: "),
        ({"Name": "r", "EventPattern": PATTERN, "State": "ON"}, "ValidationException", "enum value set"),
        ({"Name": "r", "EventPattern": PATTERN, "EventBusName": "x"}, "ResourceNotFoundException", "Event bus x"),
        (
            {"Name": "r", "EventPattern": '{"source": ["' + "x" * 4096 + '"]}'},
            "ValidationException",
            "less than or equal to 4096",
        ),
        (
            {"Name": "r", "EventPattern": PATTERN, "State": "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"},
            "NotImplementedException",
            "CloudTrail",
        ),
    ],
)
def test_a_rule_that_can_not_be_is_refused(world: World, params: dict[str, str], code: str, says: str) -> None:
    found, message = refusal(world, "put_rule", **params)
    assert found == code
    assert says in message


@pytest.mark.parametrize(
    ("target", "code", "says"),
    [
        ({"Arn": "q"}, "ValidationException", "Provided Arn is not in correct format"),
        ({"Arn": QUEUE, "Id": "a b"}, "ValidationException", "regular expression pattern"),
        ({"Arn": f"{QUEUE}.fifo"}, "NotImplementedException", ".fifo"),
        ({"Arn": QUEUE, "SqsParameters": {"MessageGroupId": "g"}}, "NotImplementedException", "SqsParameters"),
        ({"Arn": f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m"}, "ValidationException", "RoleArn is required"),
        ({"Arn": f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s"}, "NotImplementedException", "stream/s"),
        ({"Arn": f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/s"}, "NotImplementedException", "firehose"),
        ({"Arn": f"arn:aws:events:us-east-1:{ACCOUNT}:api-destination/d/1"}, "ValidationException", "RoleArn is"),
        ({"Arn": QUEUE, "HttpParameters": {"HeaderParameters": {"a": "b"}}}, "NotImplementedException", "HttpParam"),
        (
            {"Arn": QUEUE, "HttpParameters": {"HeaderParameters": {"a": "b\r\nc: d"}}},
            "ValidationException",
            "value of the header a",
        ),
        ({"Arn": QUEUE, "Input": "{"}, "ValidationException", "JSON syntax error in input for target t."),
        ({"Arn": QUEUE, "Input": "{}", "InputPath": "$"}, "ValidationException", "Only one of Input, InputPath"),
        ({"Arn": QUEUE, "InputPath": "detail"}, "ValidationException", "Invalid JSONPath"),
        (
            {"Arn": QUEUE, "InputTransformer": {"InputTemplate": "<x>"}},
            "ValidationException",
            "placeholder x",
        ),
        (
            {"Arn": f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/b", "Input": "{}"},
            "ValidationException",
            "Modifying the input for target t is not supported.",
        ),
        ({"Arn": QUEUE, "RetryPolicy": {"MaximumRetryAttempts": 186}}, "ValidationException", "equal to 185"),
        ({"Arn": QUEUE, "RetryPolicy": {"MaximumEventAgeInSeconds": 59}}, "ValidationException", "equal to 60"),
        ({"Arn": QUEUE, "DeadLetterConfig": {"Arn": f"{QUEUE}.fifo"}}, "ValidationException", "standard SQS queue"),
    ],
)
def test_a_target_that_can_not_be_is_refused(world: World, target: dict[str, Any], code: str, says: str) -> None:
    world.rule("targets")
    found, message = refusal(world, "put_targets", Rule="targets", Targets=[{"Id": "t", **target}])
    assert found == code
    assert says in message
    assert world.events.list_targets_by_rule(Rule="targets")["Targets"] == []


def test_a_rule_has_five_targets_at_most(world: World) -> None:
    world.rule("five")
    world.events.put_targets(Rule="five", Targets=[{"Id": str(number), "Arn": QUEUE} for number in range(5)])
    world.events.put_targets(Rule="five", Targets=[{"Id": "0", "Arn": QUEUE, "Input": "1"}])
    code, _ = refusal(world, "put_targets", Rule="five", Targets=[{"Id": "5", "Arn": QUEUE}])
    assert code == "LimitExceededException"
    assert refusal(world, "put_targets", Rule="absent", Targets=[{"Id": "5", "Arn": QUEUE}])[0] == (
        "ResourceNotFoundException"
    )
