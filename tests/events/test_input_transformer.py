"""What templates make of an event: the examples of EventBridge's page, and their edges."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.events.input_transformer import (
    InvalidTransformation,
    look_up,
    parse_path,
    parse_transformer,
    transform,
)

EVENT: dict[str, Any] = {
    "version": "0",
    "id": "7bf73129",
    "detail-type": "EC2 Instance State-change Notification",
    "source": "aws.ec2",
    "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111"],
    "detail": {
        "instance-id": "i-0123456789",
        "state": "RUNNING",
        "count": 3,
        "on": True,
        "nothing": None,
        "said": 'a "b"\n',
        "list": [{"n": 1}, {"n": 2}],
        "my.key": "dotted",
    },
}
PATHS = {
    "instance": "$.detail.instance-id",
    "state": "$.detail.state",
    "count": "$.detail.count",
    "on": "$.detail.on",
    "nothing": "$.detail.nothing",
    "said": "$.detail.said",
    "list": "$.detail.list",
    "resource": "$.resources[0]",
    "absent": "$.detail.absent",
}


def made(template: str) -> str:
    transformer = parse_transformer(PATHS, template)
    return transform(transformer, EVENT, rule_arn="arn:rule", rule_name="rule", ingested="2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ('"instance <instance> is in <state>"', '"instance i-0123456789 is in RUNNING"'),
        ("instance <instance> is in <state>", "instance i-0123456789 is in RUNNING"),
        ('{"instance": <instance>, "state": "<state>"}', '{"instance": "i-0123456789", "state": "RUNNING"}'),
        ('{"n": <count>, "on": <on>, "nothing": <nothing>}', '{"n": 3, "on": true, "nothing": null}'),
        ('{"n": "<count> <on>"}', '{"n": "3 true"}'),
        ('{"said": "<said>"}', '{"said": "a \\"b\\"\\n"}'),
        ('{"said": <said>}', '{"said": "a \\"b\\"\\n"}'),
        ('{"quoted": "\\"<state>\\" it is"}', '{"quoted": "\\"RUNNING\\" it is"}'),
        ('{"list": <list>}', '{"list": [{"n":1},{"n":2}]}'),
        ('{"list": "<list>"}', '{"list": "[{n:1},{n:2}]"}'),
        ("<instance>", '"i-0123456789"'),
        ("<list>", '[{"n":1},{"n":2}]'),
        ('"<resource>"', f'"{EVENT["resources"][0]}"'),
        ('"[<absent>]"', '"[]"'),
        (
            '{"rule": "<aws.events.rule-name>", "arn": <aws.events.rule-arn>}',
            '{"rule": "rule", "arn": "arn:rule"}',
        ),
        ('{"at": <aws.events.event.ingestion-time>}', '{"at": "2026-01-01T00:00:00Z"}'),
        ("a < b and c > d", "a < b and c > d"),
    ],
)
def test_a_template_is_filled_in(template: str, text: str) -> None:
    assert made(template) == text


def test_the_event_itself_is_with_and_without_its_detail() -> None:
    assert json.loads(made('{"e": <aws.events.event.json>}'))["e"] == EVENT
    assert json.loads(made('{"e": <aws.events.event>}'))["e"] == {
        key: value for key, value in EVENT.items() if key != "detail"
    }


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", (True, EVENT)),
        ("$.source", (True, "aws.ec2")),
        ("$.detail-type", (True, EVENT["detail-type"])),
        ("$.detail.list[1].n", (True, 2)),
        ("$.detail.list[*].n", (True, [1, 2])),
        ("$.detail.list.*", (True, [{"n": 1}, {"n": 2}])),
        ("$.detail.nothing", (True, None)),
        ("$['detail']['my.key']", (True, "dotted")),
        ("$.detail.list[2]", (False, None)),
        ("$.source.x", (False, None)),
        ("$.detail.state[0]", (False, None)),
    ],
)
def test_a_path_leads_to_a_part_of_the_event(path: str, found: tuple[bool, Any]) -> None:
    assert look_up(EVENT, parse_path(path)) == found


@pytest.mark.parametrize("path", ["", "detail", "$detail", "$..n", "$.a[", "$.a[x]", "$.a[?(@.n)]", "$.a."])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(InvalidTransformation, match="Invalid JSONPath"):
        parse_path(path)


def test_reserved_and_unknown_names_are_refused() -> None:
    with pytest.raises(InvalidTransformation, match="reserved"):
        parse_transformer({"aws.events.x": "$.source"}, "x")
    with pytest.raises(InvalidTransformation, match="placeholder other"):
        parse_transformer({"a": "$.source"}, "<a> <other>")
