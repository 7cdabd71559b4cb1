"""Which messages a filter pattern matches."""

from __future__ import annotations

import json

import pytest

from sandbox.telemetry.filter_patterns import InvalidPattern, compile_pattern, single_term

LINE = "[ERROR] 2026-01-15 order-17 failed: Timeout after 3.00 seconds"

DOCUMENT = json.dumps(
    {
        "level": "ERROR",
        "took": 12.5,
        "count": 3,
        "ok": False,
        "cold_start": True,
        "trace": None,
        "user": {"name": "Ada Lovelace", "roles": ["admin", "ops"]},
        "items": [{"sku": "a-1", "price": 10}, {"sku": "b-2", "price": 99}],
        "odd key": "x",
        "dotted.key": "y",
    }
)


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("", True),
        ("   ", True),
        ("ERROR", True),
        ("error", False),
        ("ERROR Timeout", True),
        ("ERROR Success", False),
        ('"failed: Timeout"', True),
        ('"failed Timeout"', False),
        ('"order-17"', True),
        ("?WARN ?ERROR", True),
        ("?WARN ?INFO", False),
        ("-WARN", True),
        ("-ERROR", False),
        ("Timeout -ERROR", False),
        ("Timeout -WARN", True),
        ('Timeout -"order-17"', False),
        # AWS ignores optional terms beside others.
        ("?WARN Timeout", True),
        ("?ERROR Success", False),
    ],
)
def test_terms_select_lines(pattern: str, matches: bool) -> None:
    assert compile_pattern(pattern)(LINE) is matches


def test_escaped_quotes_are_part_of_a_phrase() -> None:
    assert compile_pattern(r'"said \"no\""')('he said "no"')


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ('{ $.level = "ERROR" }', True),
        ("{ $.level = ERROR }", True),
        ('{$.level="ERROR"}', True),
        ('{ $.level = "WARN" }', False),
        ('{ $.level != "WARN" }', True),
        ('{ $.level = "ERR*" }', True),
        ('{ $.level = "*ROR" }', True),
        ('{ $.level = "RR" }', False),
        ("{ $.took > 12 }", True),
        ("{ $.took > 12.5 }", False),
        ("{ $.took >= 12.5 }", True),
        ("{ $.took < 1e2 }", True),
        ("{ $.took <= 12 }", False),
        ("{ $.count = 3 }", True),
        ("{ $.count != 3 }", False),
        ('{ $.count = "3" }', True),
        ("{ $.ok IS FALSE }", True),
        ("{ $.ok IS TRUE }", False),
        ("{ $.cold_start is true }", True),
        ("{ $.trace IS NULL }", True),
        ("{ $.level IS NULL }", False),
        ("{ $.missing NOT EXISTS }", True),
        ("{ $.level NOT EXISTS }", False),
        ('{ $.missing = "x" }', False),
        ('{ $.missing != "x" }', False),
        ('{ $.user.name = "Ada*" }', True),
        ('{ $.user.roles[1] = "ops" }', True),
        ('{ $.user.roles[2] = "ops" }', False),
        ('{ $.user.roles[*] = "ops" }', True),
        ("{ $.items[*].price > 50 }", True),
        ("{ $.items[0].price > 50 }", False),
        ("{ $.['odd key'] = \"x\" }", True),
        ('{ $.["dotted.key"] = "y" }', True),
        ('{ $.level = "ERROR" && $.count = 3 }', True),
        ('{ $.level = "ERROR" && $.count = 4 }', False),
        ('{ $.level = "WARN" || $.count = 3 }', True),
        # && binds stronger than ||
        ('{ $.count = 3 || $.count = 4 && $.level = "WARN" }', True),
        ('{ ($.count = 3 || $.count = 4) && $.level = "WARN" }', False),
    ],
)
def test_json_patterns_select_documents(pattern: str, matches: bool) -> None:
    assert compile_pattern(pattern)(DOCUMENT) is matches
    assert compile_pattern(pattern)(DOCUMENT + "\n") is matches


def test_many_stars_take_no_longer_than_few() -> None:
    match = compile_pattern('{ $.level = "' + "*a" * 200 + '" }')
    assert match(json.dumps({"level": "a" * 5_000}))
    assert not match(json.dumps({"level": "a" * 5_000 + "b"}))


def test_json_pattern_passes_over_what_is_not_json() -> None:
    match = compile_pattern("{ $.level NOT EXISTS }")
    assert not match(LINE)
    assert not match('{"broken": ')
    assert not match("[" * 100_000)
    assert not match('{"a":' * 100_000)


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("order-17", r"Invalid character\(s\) in term 'order-17'"),
        ('""', "Invalid character"),
        ('"open', "Unbalanced quotes"),
        ('{ $.level = "ERROR"', "it must end with"),
        ("{ level = 3 }", "property selector"),
        ("{ $.level }", "comparison is due"),
        ("{ $.level = }", "value is due"),
        ('{ $.level > "ERROR" }', "compares numbers"),
        ("{ $.level LIKE x }", "'LIKE x' is not a comparison"),
        ("{ ($.level = 3 }", "Unbalanced parentheses"),
        ("{ $.level = 3 ) }", r"Invalid token '\)'"),
        ("{ " + "(" * 50 + "$.a = 1" + ")" * 50 + " }", "nest at most"),
        ("{ $.level = %E.*% }", "regular expressions are not supported"),
        ("%ERROR%", "regular expressions are not supported"),
        ("[ip, user, status = 4*]", "space-delimited patterns are not supported"),
        ("x" * 1025, "at most 1024"),
    ],
)
def test_bad_or_unsupported_pattern_is_refused_by_name(pattern: str, says: str) -> None:
    with pytest.raises(InvalidPattern, match=says):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "term"),
    [
        ("ERROR", "ERROR"),
        ('"a b"', "a b"),
        (' "a b" ', "a b"),
        ("a b", None),
        ("-a", None),
        ("?a", None),
        ("", None),
        ("{$.a=1}", None),
    ],
)
def test_a_pattern_of_one_term_is_recognised(pattern: str, term: str | None) -> None:
    assert single_term(pattern) == term
