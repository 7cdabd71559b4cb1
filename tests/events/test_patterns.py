"""Which events a pattern takes: the rules of EventBridge's page on comparison operators, and beyond them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.events.literals import load
from sandbox.events.patterns import InvalidPattern, compile_pattern

EVENT = {
    "source": "shop",
    "region": "eu-west-1",
    "name": "Größe",
    "empty": "",
    "nothing": None,
    "paid": True,
    "count": 300,
    "price": 2.5,
    "large": 9e9,
    "ip": "10.0.0.17",
    "ip6": "2001:db8::11",
    "file": "dir/sub/a.png",
    "star": "a*b\\c",
    "tags": ["gift", "fast"],
    "deep": [["x", ["y"]]],
    "none": [],
    "hole": {},
    "detail": {"state": "running", "lines": [{"sku": "a", "n": 1}, {"sku": "b", "n": 5, "note": "x"}]},
}


def takes(pattern: Any, event: Any = EVENT) -> bool:
    text = pattern if isinstance(pattern, str) else json.dumps(pattern)
    return compile_pattern(text)(event)


@pytest.mark.parametrize(
    ("pattern", "taken"),
    [
        # Equals, null, empty: eb-event-patterns-null-values.html
        ({"source": ["shop"]}, True),
        ({"source": ["Shop"]}, False),
        ({"source": ["x", "shop"]}, True),
        ({"nothing": [None]}, True),
        ({"nothing": [""]}, False),
        ({"empty": [""]}, True),
        ({"empty": [None]}, False),
        ({"absent": [None]}, False),
        ({"none": [None]}, False),
        ({"paid": [True]}, True),
        ({"paid": [1]}, False),
        ({"paid": ["true"]}, False),
        ({"count": ["300"]}, False),
        # Fields are all wanted, values any: eb-event-patterns-arrays.html
        ({"source": ["shop"], "region": ["eu-west-1"]}, True),
        ({"source": ["shop"], "region": ["us-east-1"]}, False),
        ({"tags": ["slow", "fast"]}, True),
        ({"tags": ["slow"]}, False),
        ({"deep": ["y"]}, True),
        # Nested fields, and elements of arrays each by itself
        ({"detail": {"state": ["running"]}}, True),
        ({"detail": ["running"]}, False),
        ({"source": {"state": ["running"]}}, False),
        ({"detail": {"lines": {"sku": ["b"]}}}, True),
        ({"detail": {"lines": {"sku": ["b"], "n": [5]}}}, True),
        ({"detail": {"lines": {"sku": ["a"], "n": [5]}}}, False),
        # prefix, suffix
        ({"region": [{"prefix": "eu-"}]}, True),
        ({"region": [{"prefix": "EU-"}]}, False),
        ({"region": [{"prefix": {"equals-ignore-case": "EU-"}}]}, True),
        ({"name": [{"prefix": {"equals-ignore-case": "gR"}}]}, True),
        ({"name": [{"prefix": {"equals-ignore-case": "gö"}}]}, False),
        ({"region": [{"prefix": ""}]}, True),
        ({"count": [{"prefix": "3"}]}, False),
        ({"file": [{"suffix": ".png"}]}, True),
        ({"file": [{"suffix": ".PNG"}]}, False),
        ({"file": [{"suffix": {"equals-ignore-case": ".PNG"}}]}, True),
        # equals-ignore-case
        ({"source": [{"equals-ignore-case": "sHOP"}]}, True),
        ({"name": [{"equals-ignore-case": "GRÖßE"}]}, True),
        ({"name": [{"equals-ignore-case": "grösse"}]}, False),
        # anything-but
        ({"source": [{"anything-but": "shop"}]}, False),
        ({"source": [{"anything-but": "other"}]}, True),
        ({"source": [{"anything-but": ["other", "shop"]}]}, False),
        ({"count": [{"anything-but": 300}]}, False),
        ({"count": [{"anything-but": [1, 2]}]}, True),
        ({"count": [{"anything-but": "300"}]}, True),
        ({"absent": [{"anything-but": "x"}]}, False),
        ({"tags": [{"anything-but": "gift"}]}, True),
        ({"tags": [{"anything-but": ["gift", "fast"]}]}, False),
        ({"region": [{"anything-but": {"prefix": "us-"}}]}, True),
        ({"region": [{"anything-but": {"prefix": ["us-", "eu-"]}}]}, False),
        ({"file": [{"anything-but": {"suffix": ".png"}}]}, False),
        ({"source": [{"anything-but": {"equals-ignore-case": "SHOP"}}]}, False),
        ({"source": [{"anything-but": {"equals-ignore-case": ["A", "B"]}}]}, True),
        ({"file": [{"anything-but": {"wildcard": "*/sub/*"}}]}, False),
        ({"file": [{"anything-but": {"wildcard": ["*.jpg", "*.gif"]}}]}, True),
        # numeric
        ({"price": [{"numeric": ["=", 2.5]}]}, True),
        ({"price": [{"numeric": [">", 2.5]}]}, False),
        ({"price": [{"numeric": [">=", 2.5]}]}, True),
        ({"price": [{"numeric": ["<", 2.5]}]}, False),
        ({"price": [{"numeric": ["<=", 2.5]}]}, True),
        ({"count": [{"numeric": [">", 0, "<=", 300]}]}, True),
        ({"count": [{"numeric": [">", 0, "<", 300]}]}, False),
        ({"source": [{"numeric": [">", 0]}]}, False),
        ({"paid": [{"numeric": ["=", 1]}]}, False),
        ({"large": [{"numeric": [">", 0]}]}, False),
        # cidr
        ({"ip": [{"cidr": "10.0.0.0/24"}]}, True),
        ({"ip": [{"cidr": "10.0.1.0/24"}]}, False),
        ({"ip": [{"cidr": "10.0.0.9/24"}]}, True),
        ({"ip": [{"cidr": "0.0.0.0/0"}]}, True),
        ({"ip": [{"cidr": "::/0"}]}, False),
        ({"ip6": [{"cidr": "2001:db8::/64"}]}, True),
        ({"ip6": [{"cidr": "2001:db9::/64"}]}, False),
        ({"source": [{"cidr": "10.0.0.0/8"}]}, False),
        # exists: leaves only
        ({"source": [{"exists": True}]}, True),
        ({"nothing": [{"exists": True}]}, True),
        ({"absent": [{"exists": True}]}, False),
        ({"detail": [{"exists": True}]}, False),
        ({"absent": [{"exists": False}]}, True),
        ({"source": [{"exists": False}]}, False),
        ({"none": [{"exists": False}]}, True),
        ({"hole": [{"exists": False}]}, True),
        ({"absent": {"inner": [{"exists": False}]}}, True),
        ({"source": {"inner": [{"exists": False}]}}, True),
        ({"detail": {"lines": {"note": [{"exists": False}]}}}, False),
        ({"detail": {"lines": {"other": [{"exists": False}], "sku": ["a"]}}}, True),
        ({"absent": ["x", {"exists": False}]}, True),
        # wildcard
        ({"file": [{"wildcard": "dir/*.png"}]}, True),
        ({"file": [{"wildcard": "dir/*.jpg"}]}, False),
        ({"file": [{"wildcard": "*"}]}, True),
        ({"empty": [{"wildcard": "*"}]}, True),
        ({"file": [{"wildcard": "dir/sub/a.png"}]}, True),
        ({"file": [{"wildcard": "dir/sub/a.png*"}]}, True),
        ({"file": [{"wildcard": "*d*r*s*b*g"}]}, True),
        ({"file": [{"wildcard": "*sub*sub*"}]}, False),
        ({"source": [{"wildcard": "sho*hop"}]}, False),
        ({"star": [{"wildcard": "a\\*b\\\\c"}]}, True),
        ({"file": [{"wildcard": "dir/\\*"}]}, False),
        # $or
        ({"$or": [{"source": ["x"]}, {"paid": [True]}]}, True),
        ({"$or": [{"source": ["x"]}, {"paid": [False]}]}, False),
        ({"region": ["eu-west-1"], "$or": [{"source": ["x"]}, {"paid": [True]}]}, True),
        ({"region": ["x"], "$or": [{"source": ["shop"]}, {"paid": [True]}]}, False),
        ({"detail": {"$or": [{"state": ["x"]}, {"lines": {"sku": ["a"]}}]}}, True),
        ({"$or": [{"$or": [{"source": ["x"]}, {"source": ["y"]}]}, {"paid": [True]}]}, True),
        # Other names for the same matches, and several in one array
        ({"source": [{"exactly": "shop"}]}, True),
        ({"source": ["no", {"prefix": "sh"}]}, True),
    ],
)
def test_a_pattern_takes_an_event_or_does_not(pattern: dict[str, Any], taken: bool) -> None:
    assert takes(pattern) is taken


@pytest.mark.parametrize(
    ("written", "taken"), [("300", True), ("300.0", False), ("3.0e2", False), ("3e2", False), ("301", False)]
)
def test_numbers_are_equal_as_they_are_written(written: str, taken: bool) -> None:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html"""
    assert takes('{"n": [300]}', load(f'{{"n": {written}}}')) is taken
    assert takes(f'{{"n": [{written}]}}', load(f'{{"n": {written}}}'))


def test_a_field_may_be_named_as_the_alternatives_are() -> None:
    assert takes({"$or": ["x"]}, {"$or": "x"})
    assert takes({"$or": [{"prefix": "x"}, {"suffix": "y"}]}, {"$or": "ay"})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "Invalid JSON"),
        ("[]", "Filter is not an object"),
        ('"x"', "Filter is not an object"),
        ("{}", "Empty objects are not allowed"),
        ('{"a": {}}', "Empty objects are not allowed"),
        ('{"a": "x"}', '"a" must be an object or an array'),
        ('{"a": []}', "Empty arrays are not allowed"),
        ('{"a": [[1]]}', "Match value must be String, number, true, false, or null"),
        ('{"a": [{}]}', "Match expression name not found"),
        ('{"a": [{"starts": "x"}]}', "Unrecognized match type starts"),
        ('{"a": [{"prefix": "x", "suffix": "y"}]}', "Only one key allowed in match expression"),
        ('{"a": [{"prefix": 1}]}', "prefix match pattern must be a string"),
        ('{"a": [{"suffix": null}]}', "suffix match pattern must be a string"),
        ('{"a": [{"prefix": {"wildcard": "x"}}]}', "Unsupported prefix pattern: wildcard"),
        ('{"a": [{"equals-ignore-case": ["x"]}]}', "equals-ignore-case match pattern must be a string"),
        ('{"a": [{"wildcard": 1}]}', "wildcard match pattern must be a string"),
        ('{"a": [{"wildcard": "a**b"}]}', "Consecutive wildcard characters at pos 1"),
        ('{"a": [{"wildcard": "a\\\\b"}]}', "Invalid escape character at pos 1"),
        ('{"a": [{"wildcard": "a\\\\"}]}', "Invalid escape character at pos 1"),
        ('{"a": [{"exists": "yes"}]}', "exists match pattern must be either true or false."),
        ('{"a": [{"exists": 1}]}', "exists match pattern must be either true or false."),
        ('{"a": [{"cidr": "10.0.0.0"}]}', "Malformed CIDR, one '/' required"),
        ('{"a": [{"cidr": "10.0.0.0/x"}]}', "Malformed CIDR, mask bits must be an integer"),
        ('{"a": [{"cidr": "10.0.0.0/-1"}]}', "Malformed CIDR, mask bits must not be negative"),
        ('{"a": [{"cidr": "10.0.0.0/32"}]}', "IPv4 mask bits must be < 32"),
        ('{"a": [{"cidr": "10.0.0.0/' + "9" * 5_000 + '"}]}', "IPv4 mask bits must be < 32"),
        ('{"a": [{"cidr": "::/128"}]}', "IPv6 mask bits must be < 128"),
        ('{"a": [{"cidr": "host/8"}]}', "Nonstandard IP address: host"),
        ('{"a": [{"numeric": 1}]}', "Value of numeric must be an array."),
        ('{"a": [{"numeric": []}]}', "Invalid member in numeric match: ]"),
        ('{"a": [{"numeric": [1]}]}', "Invalid member in numeric match: 1"),
        ('{"a": [{"numeric": ["!", 1]}]}', "Unrecognized numeric range operator: !"),
        ('{"a": [{"numeric": ["="]}]}', "Value of equals must be numeric"),
        ('{"a": [{"numeric": ["=", 1, "<", 2]}]}', "Too many elements in numeric expression"),
        ('{"a": [{"numeric": [">", "1"]}]}', "Value of > must be numeric"),
        ('{"a": [{"numeric": ["<", 1, ">", 0]}]}', "Too many elements in numeric expression"),
        ('{"a": [{"numeric": [">", 1, "=", 2]}]}', "Bad numeric range operator: ="),
        ('{"a": [{"numeric": [">", 1, 2, 3]}]}', "Bad value in numeric range: 2"),
        ('{"a": [{"numeric": [">", 1, "<", 2, 3]}]}', "Too many terms in numeric range expression"),
        ('{"a": [{"numeric": [">", 5, "<", 5]}]}', "Bottom must be less than top"),
        ('{"a": [{"numeric": ["=", 6e9]}]}', "Value must be between -5.0E9 and 5.0E9, inclusive"),
        ('{"a": [{"anything-but": null}]}', "Value of anything-but must be an array or single string/number value."),
        ('{"a": [{"anything-but": []}]}', "either all values are number or string"),
        ('{"a": [{"anything-but": ["x", 1]}]}', "mixed type is not supported"),
        ('{"a": [{"anything-but": ["x", null]}]}', "start|null|boolean is not supported"),
        ('{"a": [{"anything-but": {"numeric": ["=", 1]}}]}', "Unsupported anything-but pattern: numeric"),
        ('{"a": [{"anything-but": {"prefix": ""}}]}', "Null prefix/suffix not allowed"),
        ('{"a": [{"anything-but": {"prefix": "x", "suffix": "y"}}]}', "Only one key allowed in match expression"),
        ('{"$or": [{"a": [1]}]}', "There must have at least 2 Objects in $or relationship."),
        (
            '{"$or": [{"a": [1]}, {"prefix": [1]}]}',
            "prefix is Ruler reserved fieldName which cannot be used inside $or.",
        ),
        ('{"a":' * 150 + "[1]" + "}" * 150, "nested more than 100 levels deep"),
        ('{"a":' * 5000 + "[1]" + "}" * 5000, "Invalid JSON"),
    ],
)
def test_a_wrong_pattern_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidPattern) as refused:
        compile_pattern(text)
    assert reason in str(refused.value)


def test_alternatives_multiply_up_to_a_thousand_combinations() -> None:
    def either(count: int, key: str) -> dict[str, Any]:
        return {key: {"$or": [{f"f{number}": [1]} for number in range(count)]}}

    compile_pattern(json.dumps({**either(20, "a"), **either(50, "b")}))
    with pytest.raises(InvalidPattern, match="1020"):
        compile_pattern(json.dumps({**either(20, "a"), **either(51, "b")}))


@pytest.mark.parametrize(
    ("pattern", "event"),
    [
        ({"s": [{"wildcard": "*a" * 500 + "*b"}]}, {"s": "a" * 200_000}),
        ({"s": [{"anything-but": {"wildcard": ["*a*a*a*a*a*a*b"]}}]}, {"s": "a" * 200_000}),
        ({"s": {"t": {"u": [{"exists": False}]}}}, {"s": [{"t": [{"u": 1}] * 50}] * 2000}),
        ({"s": ["x"]}, {"s": [[[["y"] * 50] * 50] * 40]}),
    ],
)
def test_no_pattern_takes_long(pattern: dict[str, Any], event: dict[str, Any]) -> None:
    # Each of these would keep a matcher that goes back and tries again busy for longer than anybody waits.
    takes(pattern, event)
