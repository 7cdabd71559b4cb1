"""Regular expressions of learners."""

from __future__ import annotations

import pytest

from sandbox import regular_expressions
from sandbox.regular_expressions import InvalidExpression, TooCostly


def test_the_whole_text_or_a_part_of_it_matches() -> None:
    assert regular_expressions.fits("a|ab", "ab")
    assert not regular_expressions.fits("a", "ab")
    assert regular_expressions.is_in("b", "ab")
    assert not regular_expressions.is_in("^b", "ab")


@pytest.mark.parametrize("pattern", ["(", "[a", "a{2,1}", r"\p{NoSuchProperty}", "(" * 5_000 + ")" * 5_000])
def test_what_is_no_regular_expression_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidExpression):
        regular_expressions.fits(pattern, "a")


def test_a_match_that_takes_for_ever_is_given_up() -> None:
    with pytest.raises(TooCostly, match=r"\(a\|aa\)\+ can't be matched with a text of 101 characters"):
        regular_expressions.fits("(a|aa)+", "a" * 100 + "b")


@pytest.mark.parametrize("pattern", ["(a{1000}){1000}", "a{1000000}", "((a{90}){90}){90}", "(a){9999999999}"])
def test_counts_that_would_fill_the_memory_are_refused(pattern: str) -> None:
    with pytest.raises(TooCostly, match="come to more than 100000"):
        regular_expressions.fits(pattern, "a")


def test_counts_of_everyday_expressions_are_taken() -> None:
    uuid = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    assert regular_expressions.fits(uuid, "01234567-89ab-cdef-0123-456789abcdef")
    assert regular_expressions.fits(r"arn:aws:iam::\d{12}:role/[\w+=,.@-]{1,64}", "arn:aws:iam::123456789012:role/a")
    assert regular_expressions.fits(r"((\d{1,3})\.){3}\d{1,3}/\d{1,2}", "10.0.0.0/16")
