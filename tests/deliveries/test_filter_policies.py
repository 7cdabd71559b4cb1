"""The language of filter policies: what each operator takes, over attributes and bodies, and its limits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.deliveries.filter_policies import InvalidPolicy, Scope, compile_policy


def text(value: str) -> dict[str, str]:
    return {"Type": "String", "Value": value}


def number(value: str) -> dict[str, str]:
    return {"Type": "Number", "Value": value}


def array(*values: Any) -> dict[str, str]:
    return {"Type": "String.Array", "Value": json.dumps(values)}


BINARY = {"Type": "Binary", "Value": "cnVnYnk="}


@pytest.mark.parametrize(
    ("policy", "attributes", "taken"),
    [
        # Exact matching: https://docs.aws.amazon.com/sns/latest/dg/string-value-matching.html
        (["rugby", "tennis"], text("tennis"), True),
        (["rugby"], text("Rugby"), False),
        (["rugby"], array("baseball", "rugby"), True),
        (["rugby"], array("baseball"), False),
        (["rugby"], None, False),
        (["rugby"], BINARY, False),
        (["301"], number("301"), False),
        (["[1]"], text("[1]"), True),
        ([True], array(True), True),
        ([True], text("true"), False),
        ([True], number("1"), False),
        ([None], array(None, "a"), True),
        # Anything but: one value that is none of these is enough.
        ([{"anything-but": ["rugby", "tennis"]}], text("baseball"), True),
        ([{"anything-but": ["rugby", "tennis"]}], text("rugby"), False),
        ([{"anything-but": ["rugby", "tennis"]}], array("rugby", "baseball"), True),
        ([{"anything-but": ["rugby", "tennis"]}], array("rugby", "tennis"), False),
        ([{"anything-but": "rugby"}], text("rugby"), False),
        ([{"anything-but": ["rugby"]}], None, False),
        ([{"anything-but": ["rugby"]}, {"exists": False}], None, True),
        ([{"anything-but": {"prefix": "order-"}}], text("data-1"), True),
        ([{"anything-but": {"prefix": "order-"}}], text("order-1"), False),
        ([{"anything-but": {"suffix": "ball"}}], text("rugby"), True),
        ([{"anything-but": {"suffix": "ball"}}], text("baseball"), False),
        ([{"anything-but": {"wildcard": "*ball"}}], text("football"), False),
        # Operators on text.
        ([{"prefix": "bas"}], text("baseball"), True),
        ([{"prefix": "bas"}], text("rugby"), False),
        ([{"prefix": "bas"}], array("rugby", "basketball"), True),
        ([{"suffix": "ball"}], text("baseball"), True),
        ([{"suffix": "ball"}], number("5"), False),
        ([{"equals-ignore-case": "tennis"}], text("TENnis"), True),
        ([{"equals-ignore-case": "TENNIS"}], text("tennis"), True),
        ([{"equals-ignore-case": "tennis"}], text("rugby"), False),
        ([{"wildcard": "*ball"}], text("football"), True),
        ([{"wildcard": "b*b*"}], text("baseball"), True),
        ([{"wildcard": "*ball"}], text("rugby"), False),
        ([{"wildcard": "a\\*"}], text("a*"), True),
        ([{"wildcard": "a\\*"}], text("ab"), False),
        ([{"cidr": "10.0.0.0/24"}], text("10.0.0.255"), True),
        ([{"cidr": "10.0.0.0/24"}], text("10.1.1.0"), False),
        ([{"cidr": "10.0.0.0/24"}], text("not an address"), False),
        # Numbers: https://docs.aws.amazon.com/sns/latest/dg/numeric-value-matching.html
        ([301.5], number("3.015e2"), True),
        ([100], number("100.0"), True),
        ([100], number("1e2"), True),
        ([100], text("100"), False),
        ([100], array(50, 100), True),
        ([{"numeric": ["=", 301.5]}], number("3.015e2"), True),
        ([{"numeric": ["=", 0.123451]}], number("0.123449"), True),
        ([{"numeric": ["=", 0.1234]}], number("0.1235"), False),
        ([{"numeric": ["<", 0]}], number("-1"), True),
        ([{"numeric": ["<", 0]}], number("0"), False),
        ([{"numeric": [">", 0, "<=", 150]}], number("150"), True),
        ([{"numeric": [">", 0, "<=", 150]}], number("150.1"), False),
        ([{"numeric": [">=", 10]}], text("11"), False),
        ([{"anything-but": [100, 500]}], number("100.1"), True),
        ([{"anything-but": [100, 500]}], number("500"), False),
        ([{"anything-but": 100}], number("100.0"), False),
        ([{"anything-but": [100, 500]}], {"Type": "Number.Array", "Value": "[100, 50]"}, True),
        # Keys: https://docs.aws.amazon.com/sns/latest/dg/attribute-key-matching.html
        ([{"exists": True}], text("x"), True),
        ([{"exists": True}], None, False),
        ([{"exists": False}], text("x"), False),
        ([{"exists": False}], None, True),
        ([{"exists": True}], BINARY, False),
    ],
)
def test_one_attribute(policy: list[Any], attributes: dict[str, str] | None, taken: bool) -> None:
    given = {"other": text("o"), **({"it": attributes} if attributes is not None else {})}
    assert compile_policy(json.dumps({"it": policy}), "MessageAttributes")("", given) is taken


EITHER = {"source": ["shop"], "$or": [{"metric": ["cpu"]}, {"space": [{"prefix": "ec"}]}]}


@pytest.mark.parametrize(
    ("policy", "scope", "message", "attributes", "taken"),
    [
        ({}, "MessageAttributes", "m", {}, True),
        ({}, "MessageBody", "no JSON", {}, True),
        ({"a": ["1"], "b": ["2"]}, "MessageAttributes", "", {"a": text("1"), "b": text("2")}, True),
        ({"a": ["1"], "b": ["2"]}, "MessageAttributes", "", {"a": text("1")}, False),
        ({"a": ["1"]}, "MessageAttributes", '{"a": "1"}', {}, False),
        (EITHER, "MessageAttributes", "", {"source": text("shop"), "metric": text("cpu")}, True),
        (EITHER, "MessageAttributes", "", {"source": text("shop"), "space": text("ecs")}, True),
        (EITHER, "MessageAttributes", "", {"source": text("shop")}, False),
        (EITHER, "MessageAttributes", "", {"metric": text("cpu")}, False),
        (EITHER, "MessageBody", '{"source": "shop", "space": "ec2"}', {}, True),
        ({"a": ["1"]}, "MessageBody", '{"a": "1"}', {}, True),
        ({"a": ["1"]}, "MessageBody", '{"a": ["0", "1"]}', {}, True),
        ({"a": ["1"]}, "MessageBody", '{"b": "1"}', {"a": text("1")}, False),
        ({"a": ["1"]}, "MessageBody", "no JSON", {}, False),
        ({"a": ["1"]}, "MessageBody", '["a"]', {}, False),
        ({"a": [None]}, "MessageBody", '{"a": null}', {}, True),
        ({"a": [True]}, "MessageBody", '{"a": true}', {}, True),
        ({"a": [1]}, "MessageBody", '{"a": true}', {}, False),
        ({"a": [1]}, "MessageBody", '{"a": 1.0}', {}, True),
        ({"a": {"b": [{"numeric": [">", 5]}]}}, "MessageBody", '{"a": {"b": 6}}', {}, True),
        ({"a": {"b": ["x"]}}, "MessageBody", '{"a": [{"b": "y"}, {"b": "x"}]}', {}, True),
        ({"a": {"b": ["x"], "c": ["y"]}}, "MessageBody", '{"a": [{"b": "x"}, {"c": "y"}]}', {}, False),
        ({"a": {"b": [{"exists": False}]}}, "MessageBody", '{"a": {"c": 1}}', {}, True),
        ({"a": {"b": ["x"]}}, "MessageBody", '{"a": "x"}', {}, False),
    ],
)
def test_whole_messages(
    policy: dict[str, Any], scope: Scope, message: str, attributes: dict[str, Any], taken: bool
) -> None:
    assert compile_policy(json.dumps(policy), scope)(message, attributes) is taken


def nested(depth: int) -> dict[str, Any]:
    policy: dict[str, Any] = {"k": ["v"]}
    for _ in range(depth):
        policy = {"k": policy}
    return policy


@pytest.mark.parametrize(
    ("policy", "scope", "reason"),
    [
        ("{", "MessageAttributes", "failed to parse JSON."),
        ("[]", "MessageAttributes", "Filter policy must be a JSON object"),
        ('{"a": NaN}', "MessageAttributes", "failed to parse JSON."),
        ({"a": "x"}, "MessageAttributes", '"a" must be an object or an array'),
        ({"a": []}, "MessageAttributes", "Empty arrays are not allowed"),
        ({"a": [["x"]]}, "MessageAttributes", "Match value must be String, number, true, false, or null"),
        ({"a": {"b": ["x"]}}, "MessageAttributes", "scope MessageAttributes does not support nested filter policy"),
        ({"a": [{"begins": "x"}]}, "MessageAttributes", "Unrecognized match type begins"),
        ({"a": [{"exists": "yes"}]}, "MessageAttributes", "exists match pattern must be either true or false."),
        ({"a": [{"numeric": ["<", "100"]}]}, "MessageAttributes", "Value of < must be numeric"),
        ({"a": [{"numeric": ["<>", 1]}]}, "MessageAttributes", "Unrecognized numeric range operator: <>"),
        ({"a": [{"numeric": [">", 5, "<", 5]}]}, "MessageAttributes", "Bottom must be less than top"),
        ({"a": [{"cidr": "10.0.0.0"}]}, "MessageAttributes", "Malformed CIDR"),
        ({"a": [1_000_000_001]}, "MessageAttributes", "Value 1000000001 must be between"),
        ({str(key): ["x"] for key in range(6)}, "MessageAttributes", "can not have more than 5 keys"),
        ({"p": {str(key): ["x"] for key in range(6)}}, "MessageBody", "can not have more than 5 keys"),
        ({"a": list(range(151))}, "MessageAttributes", "Filter policy is too complex"),
        ({"a": {"b": {"c": list(range(51))}}}, "MessageBody", "Filter policy is too complex"),
        (nested(5000), "MessageBody", "failed to parse JSON."),
    ],
)
def test_what_is_no_filter_policy_is_refused(policy: Any, scope: Scope, reason: str) -> None:
    try:
        written = policy if isinstance(policy, str) else json.dumps(policy)
    except RecursionError:
        written = '{"k":' * 5000 + "[]" + "}" * 5000
    with pytest.raises(InvalidPolicy) as refused:
        compile_policy(written, scope)
    assert reason in str(refused.value)


def test_the_documented_example_of_combinations_is_within_the_limit() -> None:
    """https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html: 4 x 3 x 3 x 2 = 72."""
    policy = {
        "key_a": {"key_b": {"key_c": ["one", "two", "three", "four"]}},
        "key_d": {"key_e": ["one", "two", "three"]},
    }
    compile_policy(json.dumps(policy), "MessageBody")
    policy["key_a"]["key_b"]["key_c"] = [str(number) for number in range(9)]
    with pytest.raises(InvalidPolicy, match="too complex"):
        compile_policy(json.dumps(policy), "MessageBody")
