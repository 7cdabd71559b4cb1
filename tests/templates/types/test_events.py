"""Event buses and rules, as a template makes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.templates.types.resource_type import Failed
from tests.templates.types.conftest import STACK_ID, Bench


@pytest.fixture(scope="module")
def queues(bench: Bench) -> list[str]:
    made = [bench.create("AWS::SQS::Queue", {}, name) for name in ("First", "Second")]
    return [str(bench.attributes(queue)["Arn"]) for queue in made]


def _tags(bench: Bench, arn: str) -> dict[str, str]:
    found = bench.client("events").list_tags_for_resource(ResourceARN=arn)["Tags"]
    return {tag["Key"]: tag["Value"] for tag in found}


def test_a_rule_has_its_targets_and_changes_them(bench: Bench, queues: list[str]) -> None:
    pattern = {"source": ["shop.orders"]}
    first, second = ({"Id": name, "Arn": arn} for name, arn in zip(("first", "second"), queues, strict=True))
    given = {"EventPattern": pattern, "Targets": [first], "Tags": [{"Key": "team", "Value": "shop"}]}
    rule = bench.create("AWS::Events::Rule", given, "Orders")
    name = bench.ref(rule)
    assert name.startswith("shop-Orders-")
    arn = f"arn:aws:events:us-east-1:123456789012:rule/{name}"
    assert bench.attributes(rule) == {"Arn": arn, "RuleName": name}
    assert _tags(bench, arn)["team"] == "shop"
    assert _tags(bench, arn)["aws:cloudformation:stack-id"] == STACK_ID
    events = bench.client("events")
    assert json.loads(events.describe_rule(Name=name)["EventPattern"]) == pattern
    after = {"EventPattern": pattern, "State": "DISABLED", "Targets": [{**second, "Input": '{"a": 1}'}]}
    rule = bench.update(rule, after)
    assert events.describe_rule(Name=name)["State"] == "DISABLED"
    [target] = events.list_targets_by_rule(Rule=name)["Targets"]
    assert (target["Id"], target["Input"]) == ("second", '{"a": 1}')
    assert "team" not in _tags(bench, arn)
    bench.delete(rule)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        events.describe_rule(Name=name)


def test_a_rule_of_another_bus_is_known_by_both_names(bench: Bench, queues: list[str]) -> None:
    bus = bench.create("AWS::Events::EventBus", {"Name": "orders"})
    bus_arn = "arn:aws:events:us-east-1:123456789012:event-bus/orders"
    assert bench.ref(bus) == "orders"
    assert bench.attributes(bus)["Arn"] == bus_arn
    given: dict[str, Any] = {"EventBusName": bus_arn, "Name": "new", "EventPattern": {"source": ["shop"]}}
    rule = bench.create("AWS::Events::Rule", {**given, "Targets": [{"Id": "one", "Arn": queues[0]}]})
    assert bench.ref(rule) == "orders|new"
    assert bench.attributes(rule)["Arn"] == "arn:aws:events:us-east-1:123456789012:rule/orders/new"
    with pytest.raises(Failed) as failed:
        bench.update(rule, {**given, "EventBusName": "default"})
    assert failed.value.code == "NotUpdatable"
    bench.delete(rule)
    bench.delete(bus)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        bench.client("events").describe_event_bus(Name="orders")


def test_a_bus_has_its_policy_and_its_tags(bench: Bench) -> None:
    arn = "arn:aws:events:us-east-1:123456789012:event-bus/shared"
    allow = {"Sid": "Other", "Effect": "Allow", "Principal": {"AWS": "210987654321"}, "Action": "events:PutEvents"}
    policy = {"Version": "2012-10-17", "Statement": [{**allow, "Resource": arn}]}
    given = {"Name": "shared", "Policy": policy, "Tags": [{"Key": "team", "Value": "shop"}]}
    bus = bench.create("AWS::Events::EventBus", given)
    events = bench.client("events")
    [statement] = json.loads(events.describe_event_bus(Name="shared")["Policy"])["Statement"]
    assert statement["Sid"] == "Other"
    assert _tags(bench, arn)["team"] == "shop"
    bus = bench.update(bus, {"Name": "shared"})
    assert not json.loads(events.describe_event_bus(Name="shared").get("Policy") or '{"Statement": []}')["Statement"]
    assert "team" not in _tags(bench, arn)
    bench.delete(bus)


def test_a_schedule_is_a_rule(bench: Bench) -> None:
    rule = bench.create("AWS::Events::Rule", {"ScheduleExpression": "rate(5 minutes)"})
    found = bench.client("events").describe_rule(Name=bench.ref(rule))
    assert found["ScheduleExpression"] == "rate(5 minutes)"


def test_a_rule_of_that_name_is_not_taken_over(bench: Bench) -> None:
    given = {"Name": "taken", "ScheduleExpression": "rate(1 day)"}
    first = bench.create("AWS::Events::Rule", given)
    with pytest.raises(Failed, match="taken already exists"):
        bench.create("AWS::Events::Rule", given)
    bench.delete(first)


def test_a_target_that_somebody_took_away_does_not_hold_up_the_deletion(bench: Bench, queues: list[str]) -> None:
    rule = bench.create(
        "AWS::Events::Rule", {"EventPattern": {"source": ["shop"]}, "Targets": [{"Id": "one", "Arn": queues[0]}]}
    )
    events = bench.client("events")
    events.remove_targets(Rule=bench.ref(rule), Ids=["one"])
    bench.delete(rule)
    assert bench.ref(rule) not in [one["Name"] for one in events.list_rules()["Rules"]]


def test_a_connection_and_its_destination_are_made_changed_and_deleted(bench: Bench) -> None:
    events = bench.client("events")
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": "one"}}
    further = {"InvocationHttpParameters": {"QueryStringParameters": [{"Key": "a", "Value": "b"}]}}
    given = {"AuthorizationType": "API_KEY", "AuthParameters": {**key, **further}, "Description": "d"}
    connection = bench.create("AWS::Events::Connection", given, "Key")
    name = bench.ref(connection)
    assert name.startswith("shop-Key-")
    told = bench.attributes(connection)
    assert told["Arn"].startswith(f"arn:aws:events:us-east-1:123456789012:connection/{name}/")
    assert told["ArnForPolicy"] == f"arn:aws:events:us-east-1:123456789012:connection/{name}"
    assert f":secret:events!connection/{name}/" in told["SecretArn"]

    of_destination = {"ConnectionArn": told["Arn"], "InvocationEndpoint": "https://example.com/a", "HttpMethod": "POST"}
    destination = bench.create("AWS::Events::ApiDestination", {**of_destination, "InvocationRateLimitPerSecond": 7})
    target = bench.ref(destination)
    arns = bench.attributes(destination)
    assert arns["Arn"].startswith(f"{arns['ArnForPolicy']}/")
    assert events.describe_api_destination(Name=target)["InvocationRateLimitPerSecond"] == 7

    destination = bench.update(destination, {**of_destination, "HttpMethod": "PUT"})
    found = events.describe_api_destination(Name=target)
    assert (found["HttpMethod"], found["InvocationRateLimitPerSecond"]) == ("PUT", 300)
    after = {
        "AuthorizationType": "BASIC",
        "AuthParameters": {"BasicAuthParameters": {"Username": "u", "Password": "p"}},
    }
    connection = bench.update(connection, after)
    described = events.describe_connection(Name=name)
    assert described["AuthParameters"] == {"BasicAuthParameters": {"Username": "u"}}
    assert "Description" not in described
    assert bench.attributes(connection)["SecretArn"] == told["SecretArn"]

    bench.delete(destination)
    bench.delete(connection)
    with pytest.raises(ClientError, match="does not exist"):
        events.describe_api_destination(Name=target)
    with pytest.raises(ClientError, match="does not exist"):
        events.describe_connection(Name=name)
