"""Which records a filter lets through."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.compute.event_filters import InvalidPattern, compile_filter, compile_sqs_filter

ORDER = {
    "id": "o-17",
    "total": 42.5,
    "paid": True,
    "note": None,
    "city": "",
    "tags": ["gift", "fast"],
    "customer": {"name": "Ada", "zip": "8000"},
    "lines": [{"sku": "a", "n": 1}, {"sku": "b", "n": 5}],
}


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ({"id": ["o-17"]}, True),
        ({"id": ["o-1", "o-17"]}, True),
        ({"id": ["o-1"]}, False),
        ({"missing": ["x"]}, False),
        ({"id": ["o-17"], "paid": [False]}, False),
        ({"paid": [True]}, True),
        ({"paid": [1]}, False),
        ({"note": [None]}, True),
        ({"city": [""]}, True),
        ({"missing": [None]}, False),
        ({"total": [42.5]}, True),
        ({"tags": ["fast"]}, True),
        ({"tags": ["slow"]}, False),
        ({"customer": {"name": ["Ada"]}}, True),
        ({"customer": {"name": ["Bob"]}}, False),
        ({"id": {"name": ["Ada"]}}, False),
        ({"lines": {"sku": ["b"]}}, True),
        ({"lines": {"sku": ["c"]}}, False),
        ({"id": [{"prefix": "o-"}]}, True),
        ({"id": [{"prefix": "p-"}]}, False),
        ({"id": [{"prefix": {"equals-ignore-case": "O-"}}]}, True),
        ({"id": [{"suffix": "17"}]}, True),
        ({"id": [{"suffix": "18"}]}, False),
        ({"total": [{"prefix": "4"}]}, False),
        ({"customer": {"name": [{"equals-ignore-case": "aDa"}]}}, True),
        ({"id": [{"wildcard": "o-*7"}]}, True),
        ({"id": [{"wildcard": "*x*"}]}, False),
        ({"id": [{"wildcard": "o-\\*"}]}, False),
        ({"id": [{"anything-but": "o-17"}]}, False),
        ({"id": [{"anything-but": ["o-1", "o-2"]}]}, True),
        ({"id": [{"anything-but": {"prefix": "o-"}}]}, False),
        ({"id": [{"anything-but": {"suffix": ["8", "9"]}}]}, True),
        ({"id": [{"anything-but": {"wildcard": "*17"}}]}, False),
        ({"id": [{"anything-but": {"equals-ignore-case": ["O-17"]}}]}, False),
        ({"missing": [{"anything-but": "x"}]}, False),
        ({"total": [{"anything-but": 1}]}, True),
        ({"total": [{"numeric": ["=", 42.5]}]}, True),
        ({"total": [{"numeric": [">", 42.5]}]}, False),
        ({"total": [{"numeric": [">=", 42.5]}]}, True),
        ({"total": [{"numeric": [">", 0, "<=", 100]}]}, True),
        ({"total": [{"numeric": [">", 0, "<", 42.5]}]}, False),
        ({"id": [{"numeric": [">", 0]}]}, False),
        ({"paid": [{"numeric": ["=", 1]}]}, False),
        ({"id": [{"exists": True}]}, True),
        ({"note": [{"exists": True}]}, True),
        ({"missing": [{"exists": True}]}, False),
        ({"missing": [{"exists": False}]}, True),
        ({"id": [{"exists": False}]}, False),
        ({"missing": {"inner": [{"exists": False}]}}, True),
        ({"missing": {"inner": ["x"]}}, False),
        ({"id": ["no", {"prefix": "o-"}]}, True),
        ({"$or": [{"id": ["no"]}, {"paid": [True]}]}, True),
        ({"$or": [{"id": ["no"]}, {"paid": [False]}]}, False),
        ({"total": [42.5], "$or": [{"id": ["no"]}, {"paid": [True]}]}, True),
        ({"customer": {"$or": [{"name": ["Bob"]}, {"zip": ["8000"]}]}}, True),
    ],
)
def test_a_pattern_fits_or_does_not(pattern: dict[str, Any], fits: bool) -> None:
    assert compile_filter(json.dumps(pattern))(ORDER) is fits


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Invalid JSON"),
        ("[]", "not an object"),
        ("{}", "Empty objects"),
        ('{"a": "x"}', "must be an object or an array"),
        ('{"a": []}', "Empty arrays"),
        ('{"a": [[1]]}', "Match value must be"),
        ('{"a": [{"starts-with": "x"}]}', "Unrecognized match type starts-with"),
        ('{"a": [{"prefix": "x", "suffix": "y"}]}', "Only one key"),
        ('{"a": [{"prefix": 1}]}', "must be a string"),
        ('{"a": [{"numeric": ["!", 1]}]}', "range operator"),
        ('{"a": [{"numeric": [">", "1"]}]}', "must be numeric"),
        ('{"a": [{"numeric": ["<", 1, ">", 0]}]}', "Too many elements"),
        ('{"a": [{"numeric": [">", 5, "<", 5]}]}', "Bottom must be less"),
        ('{"a": [{"exists": "yes"}]}', "true or false"),
        ('{"a": [{"wildcard": "a**b"}]}', "Consecutive wildcard"),
        ('{"a": [{"anything-but": {"numeric": ["=", 1]}}]}', "anything-but"),
        ('{"$or": [{"a": [1]}]}', "at least 2 Objects"),
    ],
)
def test_a_wrong_pattern_is_refused_with_its_reason(text: str, message: str) -> None:
    with pytest.raises(InvalidPattern, match=message):
        compile_filter(text)


@pytest.mark.parametrize(
    ("pattern", "body", "fits"),
    [
        ({"body": {"kind": ["order"]}}, '{"kind": "order"}', True),
        ({"body": {"kind": ["order"]}}, '{"kind": "refund"}', False),
        ({"body": {"kind": ["order"]}}, "order", False),
        ({"body": {"kind": [{"exists": False}]}}, "order", False),
        ({"body": ["order"]}, "order", True),
        ({"body": [{"prefix": "ord"}]}, "refund", False),
        ({"body": [{"exists": True}]}, '{"kind": "order"}', False),
        ({"messageAttributes": {"kind": {"stringValue": ["order"]}}}, "anything", True),
        ({"messageAttributes": {"kind": {"stringValue": ["refund"]}}}, '{"kind": "refund"}', False),
        ({"$or": [{"body": {"kind": ["order"]}}, {"body": {"kind": ["refund"]}}]}, '{"kind": "refund"}', True),
    ],
)
def test_the_body_of_a_message_is_text_or_json(pattern: dict[str, Any], body: str, fits: bool) -> None:
    record = {"body": body, "messageAttributes": {"kind": {"stringValue": "order"}}}
    assert compile_sqs_filter(json.dumps(pattern))(record) is fits
