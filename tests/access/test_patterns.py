"""Wildcards, policy variables and ARN patterns, also against a matcher that is too simple to be wrong."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.access.patterns import ArnPattern, BadVariable, Wildcard, template
from sandbox.access.request import Context, fold


def simple(pattern: str, value: str) -> bool:
    """Which prefixes of the value each prefix of the pattern matches, in a table."""
    row = [True] + [False] * len(value)
    for sign in pattern:
        before = row
        if sign == "*":
            row = [any(before[: end + 1]) for end in range(len(value) + 1)]
        else:
            row = [False] + [before[end] and sign in ("?", letter) for end, letter in enumerate(value)]
    return row[-1]


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        ("abc", "abc", True),
        ("abc", "abcd", False),
        ("", "", True),
        ("", "a", False),
        ("*", "", True),
        ("**", "anything", True),
        ("*?*", "", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("a*c", "ac", True),
        ("a*a", "a", False),
        ("*ab*ba*", "aba", False),
        ("*ab*ba*", "abba", True),
        ("a*b*c", "a-b-b-c", True),
        ("?*?", "ab", True),
        ("?*?", "a", False),
        ("*a?c*", "aacabc", True),
        # Nothing else is a wildcard.
        ("[ab]", "a", False),
        ("a.c", "abc", False),
        ("a\nb*", "a\nbc", True),
        ("a*", "a\n", True),
        # Case counts.
        ("a*", "A", False),
        # A star goes over colons and slashes.
        ("arn:aws:s3:::b/*/x", "arn:aws:s3:::b/one/two:three/x", True),
    ],
)
def test_wildcards(pattern: str, value: str, matches: bool) -> None:
    assert Wildcard.of(pattern).matches(value) is matches


@settings(max_examples=1000, deadline=None)
@given(st.text("ab*?", max_size=12), st.text("ab", max_size=12))
def test_wildcard_matches_what_the_simple_matcher_matches(pattern: str, value: str) -> None:
    assert Wildcard.of(pattern).matches(value) == simple(pattern, value)


@settings(max_examples=300, deadline=None)
@given(st.text("ab?", min_size=12, max_size=40), st.text("ab", min_size=12, max_size=60))
def test_long_pieces_with_many_question_marks_match_likewise(piece: str, value: str) -> None:
    pattern = f"*{piece}*"
    assert Wildcard.of(pattern).matches(value) == simple(pattern, value)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=20))
def test_every_text_matches_itself_where_it_has_no_wildcard(text: str) -> None:
    assert Wildcard.of(text).matches(text)


CONTEXT = Context({"aws:username": "anna", "aws:PrincipalTag/Team": "blue*", "aws:TagKeys": ["one"], "x:empty": ""})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("home/${aws:username}/*", "home/anna/*"),
        ("${AWS:UserName}", "anna"),
        ("${ aws:username }", "anna"),
        ("${x:none, 'guest'}", "guest"),
        ("${x:none,'guest'}", "guest"),
        ("${x:none, ''}", ""),
        ("${aws:username, 'guest'}", "anna"),
        ("${x:empty, 'guest'}", ""),
        ("${*}-${?}-${$}", "*-?-$"),
        ("${$}{aws:username}", "${aws:username}"),
        ("${aws:principaltag/team}", "blue*"),
        # "You cannot use a multivalued context key as a policy variable", not even with a default.
        ("${aws:TagKeys}", None),
        ("${aws:TagKeys, 'x'}", None),
        ("a${x:none}b", None),
    ],
)
def test_variables(text: str, value: str | None) -> None:
    shape = template(text)
    assert shape is not None
    assert shape.literal(CONTEXT) == value


def test_a_text_without_variable_needs_no_template() -> None:
    assert template("arn:aws:s3:::$b/{c}*") is None


@pytest.mark.parametrize("text", ["${", "a${b", "${}", "${ }", "${a,b}", "${a, 'b'", "${a{b}}", "${${a}}", "${a 'b'}"])
def test_what_begins_like_a_variable_and_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadVariable):
        template(text)


def test_stars_in_the_value_of_a_variable_are_no_wildcards() -> None:
    shape = template("${aws:PrincipalTag/team}/*")
    assert shape is not None
    pattern = shape.pattern(CONTEXT)
    assert pattern is not None
    assert pattern.matches("blue*/x")
    assert not pattern.matches("blueish/x")


def test_escaped_wildcards_stand_for_themselves() -> None:
    shape = template("what${?}${*}*")
    assert shape is not None
    pattern = shape.pattern(CONTEXT)
    assert pattern is not None
    assert pattern.matches("what?*and more")
    assert not pattern.matches("whatever")


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        ("arn:aws:sns:us-east-1:123456789012:orders", "arn:aws:sns:us-east-1:123456789012:orders", True),
        ("arn:aws:sns:*:*:orders", "arn:aws:sns:us-east-1:123456789012:orders", True),
        ("arn:aws:sns:*:orders", "arn:aws:sns:us-east-1:123456789012:orders", False),
        ("arn:aws:sns:*", "arn:aws:sns:us-east-1:123456789012:orders", False),
        ("arn:aws:s3:::b*", "arn:aws:s3:::bucket", True),
        ("arn:aws:lambda:*:*:function:f", "arn:aws:lambda:us-east-1:123456789012:function:f", True),
        ("arn:aws:lambda:*:*:function:?", "arn:aws:lambda:us-east-1:123456789012:function:f:live", False),
        ("arn:aws:lambda:*:*:function:*", "arn:aws:lambda:us-east-1:123456789012:function:f:live", True),
        ("*", "arn:aws:sns:us-east-1:123456789012:orders", True),
        ("*", "no arn", False),
        ("*:*:*:*:*:*", "a:b:c:d:e:f", False),
        # A star of one part doesn't reach into the next.
        ("arn:aws:sqs:*:123456789012:q", "arn:aws:sqs:us-east-1:210987654321:x:123456789012:q", False),
    ],
)
def test_arn_operators_compare_part_by_part(pattern: str, value: str, matches: bool) -> None:
    assert ArnPattern.of([(pattern, False)]).matches(value) is matches


def test_no_letter_outside_ascii_folds_to_one_of_ascii() -> None:
    assert fold("S3:GetObject") == "s3:getobject"
    assert fold("ÄÖ") == "äö"
    for code in range(128, 0x110000):
        assert not fold(chr(code)).isascii(), hex(code)
