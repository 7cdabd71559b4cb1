"""Scheduled rules, on sandbox time."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from tests.events.conftest import ACCOUNT, World


def test_a_rate_fires_in_order_while_time_is_played(world: World) -> None:
    arn = world.rule("often", world.teller("often"), ScheduleExpression="rate(10 minutes)")
    world.permit("often", arn)
    made = world.clock.now()
    world.clock.advance(3500)
    events = world.got("often")
    times = [datetime.fromisoformat(event["time"]).timestamp() for event in events]
    assert len(times) == 5
    assert times == sorted(times)
    assert 590 <= times[0] - made <= 601
    assert {later - earlier for earlier, later in itertools.pairwise(times)} == {600}
    (first, *_) = events
    assert first == {
        "version": "0",
        "id": first["id"],
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": first["time"],
        "region": "us-east-1",
        "resources": [arn],
        "detail": {},
    }
    world.events.disable_rule(Name="often")


def test_cron_fires_on_the_minute(world: World) -> None:
    arn = world.rule("nightly", world.teller("nightly"), ScheduleExpression="cron(30 3 * * ? *)")
    world.permit("nightly", arn)
    world.clock.advance(3 * 86_400)
    assert [event["time"][11:] for event in world.got("nightly")] == ["03:30:00Z"] * 3
    world.events.disable_rule(Name="nightly")


def test_a_rule_fires_only_while_it_is_enabled_and_as_it_was_put_last(world: World) -> None:
    url, queue = world.open_queue("ticks")
    world.rule("ticks", queue, ScheduleExpression="rate(1 hour)", State="DISABLED")
    world.clock.advance(7200)
    assert world.receive(url) == []
    world.events.enable_rule(Name="ticks")
    world.clock.advance(3650)
    assert len(world.receive(url)) == 1
    world.events.put_rule(Name="ticks", ScheduleExpression="rate(1 minute)")
    world.clock.advance(125)
    assert len(world.receive(url)) == 2
    world.events.put_rule(Name="ticks", EventPattern='{"source": ["ticks"]}')
    world.clock.advance(7200)
    assert world.receive(url) == []
    world.events.put_rule(Name="ticks", ScheduleExpression="rate(1 minute)")
    world.events.remove_targets(Rule="ticks", Ids=["t"])
    world.events.delete_rule(Name="ticks")
    world.rule("ticks", queue)
    world.clock.advance(125)
    assert world.receive(url) == []


def test_a_rule_may_have_a_pattern_beside_its_schedule(world: World) -> None:
    url, queue = world.open_queue("both")
    world.rule("both", queue, ScheduleExpression="rate(1 hour)", EventPattern='{"source": ["both"]}')
    world.put("both")
    assert len(world.receive(url)) == 1
    world.clock.advance(3605)
    assert len(world.receive(url)) == 1
    world.events.disable_rule(Name="both")


def test_a_schedule_alone_takes_no_events(world: World) -> None:
    url, queue = world.open_queue("alone")
    world.rule("alone", queue, ScheduleExpression=f"cron(0 0 1 1 ? {datetime.now(UTC).year + 20})")
    world.put("alone")
    assert world.receive(url) == []


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"ScheduleExpression": "rate(1 minutes)"}, "Parameter ScheduleExpression is not valid."),
        ({"ScheduleExpression": "cron(0 10 * * * *)"}, "Parameter ScheduleExpression is not valid."),
        (
            {"ScheduleExpression": "rate(1 minute)", "EventBusName": "scheduled"},
            "ScheduleExpression is supported only on the default event bus.",
        ),
    ],
)
def test_a_schedule_that_can_not_be_is_refused(world: World, params: dict[str, str], message: str) -> None:
    if "EventBusName" in params:
        world.events.create_event_bus(Name="scheduled")
    with pytest.raises(ClientError) as refused:
        world.events.put_rule(Name="wrong", **params)
    error = refused.value.response["Error"]
    assert (error["Code"], error["Message"]) == ("ValidationException", message)
