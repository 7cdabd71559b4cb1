"""Condition operators, one by one.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.access.conditions import OPERATORS, BadCondition, conditions, moment, number
from sandbox.access.request import Context, Values


def met(operator: str, wanted: Any, had: Values | None, deny: bool = False, variables: bool = True) -> bool:
    context = Context({} if had is None else {"Some:Key": had})
    return all(condition.met(context, deny) for condition in conditions({operator: {"some:key": wanted}}, variables))


@pytest.mark.parametrize(
    ("operator", "wanted", "had", "expected"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", "a", "A", False),
        ("StringEquals", ["a", "b"], "b", True),
        ("StringEquals", [], "b", False),
        ("StringEquals", "a*", "ab", False),
        ("StringEquals", "a*", "a*", True),
        ("StringNotEquals", ["a", "b"], "c", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringEqualsIgnoreCase", "ÄB", "äb", True),
        ("StringEqualsIgnoreCase", "k", "\u212a", False),
        ("StringNotEqualsIgnoreCase", "AB", "ab", False),
        ("StringLike", "a*c?", "abbcd", True),
        ("StringLike", "A*", "ab", False),
        ("StringNotLike", "a*", "ab", False),
        ("StringNotLike", "b*", "ab", True),
        ("NumericEquals", "10", 10, True),
        ("NumericEquals", 10, "10.0", True),
        ("NumericEquals", "0.1", 0.1, True),
        ("NumericEquals", "12345678901234567891", "12345678901234567890", False),
        ("NumericEquals", "ten", "10", False),
        ("NumericNotEquals", ["1", "2"], 2, False),
        ("NumericLessThan", "10", 9, True),
        ("NumericLessThan", "10", 10, False),
        ("NumericLessThan", "9", "10", False),
        ("NumericLessThanEquals", "10", 10, True),
        ("NumericGreaterThan", "-1", 0, True),
        ("NumericGreaterThanEquals", "10", 9, False),
        ("DateEquals", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", True),
        ("DateEquals", "1767225600", datetime(2026, 1, 1, tzinfo=UTC), True),
        ("DateNotEquals", "2026-01-01", "2026-01-01T00:00:00Z", False),
        ("DateLessThan", "2026-01-01", "2025-12-31T23:59:59Z", True),
        ("DateLessThanEquals", "2026-01", "2026-01-01T00:00:00Z", True),
        ("DateGreaterThan", "2026", "2026-01-01T00:00:00.5Z", True),
        ("DateGreaterThanEquals", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", False),
        ("DateLessThan", "no date", "2025-12-31T23:59:59Z", False),
        ("Bool", "true", True, True),
        ("Bool", True, True, True),
        ("Bool", "True", "true", True),
        ("Bool", "false", True, False),
        ("Bool", "yes", True, False),
        ("BinaryEquals", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", b"BinaryValueInBase64", True),
        ("BinaryEquals", "QmluYXJ5", b"binary", False),
        ("BinaryEquals", "not base64!", b"not base64!", False),
        ("BinaryEquals", "/w==", b"\xff", True),
        ("IpAddress", "203.0.113.0/24", "203.0.113.77", True),
        ("IpAddress", "203.0.113.7", "203.0.113.7", True),
        ("IpAddress", "203.0.113.7/24", "203.0.113.77", True),
        ("IpAddress", ["10.0.0.0/8", "2001:db8::/32"], "2001:DB8:1::1", True),
        ("IpAddress", "0.0.0.0/0", "2001:db8::1", False),
        ("IpAddress", "::/0", "10.0.0.1", False),
        ("IpAddress", "10.0.0.0/8", "not an address", False),
        ("NotIpAddress", "203.0.113.0/24", "203.0.113.77", False),
        ("NotIpAddress", "203.0.113.0/24", "198.51.100.1", True),
        ("ArnEquals", "arn:aws:sns:*:123456789012:*", "arn:aws:sns:us-east-1:123456789012:t", True),
        ("ArnEquals", "arn:aws:sns:us-east-1:123456789012:t", "arn:aws:sns:us-east-1:123456789012:t", True),
        ("ArnLike", "arn:aws:sns:*:t", "arn:aws:sns:us-east-1:123456789012:t", False),
        ("ArnLike", "same text", "same text", False),
        ("ArnNotLike", "arn:aws:sns:*:*:t*", "arn:aws:sns:us-east-1:123456789012:t", False),
        ("ArnNotEquals", "arn:aws:sns:*:*:t", "no arn", True),
        ("Null", "true", None, True),
        ("Null", "false", None, False),
        ("Null", True, "x", False),
        ("Null", "false", "x", True),
        ("Null", "true", [], True),
        ("Null", "maybe", "x", False),
    ],
)
def test_operator(operator: str, wanted: Any, had: Values | None, expected: bool) -> None:
    assert met(operator, wanted, had) is expected


@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_absent_key_meets_negated_operators_and_those_with_if_exists(operator: str) -> None:
    assert met(operator, "1", None) is ("Not" in operator)
    assert met(f"{operator}IfExists", "1", None)
    assert met(f"ForAllValues:{operator}", "1", None)
    assert not met(f"ForAnyValue:{operator}", "1", None)
    assert met(f"ForAnyValue:{operator}IfExists", "1", None)


@pytest.mark.parametrize(
    ("operator", "wanted", "had", "expected"),
    [
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "b", "a"], True),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], False),
        ("ForAllValues:StringEquals", ["a", "b"], "a", True),
        ("ForAllValues:StringEquals", ["a"], [], True),
        ("ForAllValues:StringEquals", ["a"], "", True),
        ("ForAllValues:StringNotEquals", ["a"], ["b", "c"], True),
        ("ForAllValues:StringNotEquals", ["a"], ["a", "c"], False),
        ("ForAnyValue:StringEquals", ["a", "b"], ["c", "b"], True),
        ("ForAnyValue:StringEquals", ["a", "b"], ["c"], False),
        ("ForAnyValue:StringEquals", ["a"], [], False),
        ("ForAnyValue:StringNotEquals", ["a"], ["a", "b"], True),
        ("ForAnyValue:StringNotEquals", ["a"], ["a", "a"], False),
        ("ForAnyValue:StringLike", "Dep*", ["Team", "Department"], True),
        ("ForAllValues:NumericLessThan", 5, [1, 2, 9], False),
    ],
)
def test_set_operators(operator: str, wanted: Any, had: Values, expected: bool) -> None:
    assert met(operator, wanted, had) is expected


def test_several_values_without_set_operator_never_give_access() -> None:
    assert not met("StringEquals", "a", ["a", "b"], deny=False)
    assert met("StringEquals", "a", ["a", "b"], deny=True)
    assert not met("StringNotEquals", "a", ["a", "b"], deny=False)
    assert met("StringNotEquals", "a", ["a", "b"], deny=True)


@pytest.mark.parametrize("operator", ["StringNotEquals", "StringNotLike", "ArnNotLike", "StringNotEqualsIgnoreCase"])
def test_negated_operator_with_a_variable_without_value_never_gives_access(operator: str) -> None:
    assert not met(operator, "${no:such}", "arn:a:b:c:d:e", deny=False)
    assert met(operator, "${no:such}", "arn:a:b:c:d:e", deny=True)


@pytest.mark.parametrize("operator", ["StringEquals", "StringLike", "ArnLike", "StringEqualsIgnoreCase"])
def test_variable_without_value_is_equal_to_nothing(operator: str) -> None:
    assert not met(operator, "${no:such}", "${no:such}")
    assert met(operator, ["${no:such}", "arn:a:b:c:d:e"], "arn:a:b:c:d:e")


def test_variables_are_texts_in_policies_of_2008_and_in_operators_that_know_none() -> None:
    assert met("StringEquals", "${some:key}", "${some:key}", variables=False)
    assert not met("StringEquals", "${some:key}", "${some:key}x", variables=False)
    assert not met("NumericEquals", "${some:key}", "5")
    assert met("StringEquals", "${some:key}", "5")


def test_all_keys_and_all_operators_must_be_met() -> None:
    block = {"StringEquals": {"a:x": "1", "a:y": "2"}, "Bool": {"a:z": "true"}}
    whole = {"a:x": "1", "a:y": "2", "a:z": True}
    assert all(condition.met(Context(whole), False) for condition in conditions(block, True))
    for key in whole:
        wrong = Context({**whole, key: "wrong"})
        assert not all(condition.met(wrong, False) for condition in conditions(block, True))


@pytest.mark.parametrize(
    "block",
    [
        None,
        [],
        "StringEquals",
        {"StringEqual": {"a:b": "c"}},
        {"stringequals": {"a:b": "c"}},
        {"ForAll:StringEquals": {"a:b": "c"}},
        {"ForAnyValue:ForAllValues:StringEquals": {"a:b": "c"}},
        {"NullIfExists": {"a:b": "true"}},
        {"IfExists": {"a:b": "true"}},
        {"StringEquals": "a:b"},
        {"StringEquals": {"a:b": None}},
        {"StringEquals": {"a:b": {"c": "d"}}},
        {"StringEquals": {"a:b": [["c"]]}},
    ],
)
def test_what_is_no_condition_is_refused(block: Any) -> None:
    with pytest.raises(BadCondition):
        conditions(block, True)


@pytest.mark.parametrize("text", ["", "1_000", "٣", "0x10", "nan", "inf", "1e9999", " 1", "1 ", "+-1", "9" * 100])
def test_what_is_no_number(text: str) -> None:
    assert number(text) is None


@pytest.mark.parametrize("text", ["2026-13-01", "2026-02-30", "2026-01-01T25:00Z", "0000-01-01", "2026-1-1", "now", ""])
def test_what_is_no_date(text: str) -> None:
    assert moment(text) is None
