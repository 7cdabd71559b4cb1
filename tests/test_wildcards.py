"""Texts with stars."""

from __future__ import annotations

import pytest

from sandbox import wildcards


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        ("", "", True),
        ("*", "", True),
        ("*", "anything", True),
        ("a", "ab", False),
        ("a*", "a", True),
        ("*a", "ba", True),
        ("a*b*c", "a-b-b-c", True),
        ("a*b*c", "a-c-b", False),
        ("a*a", "a", False),
        ("ab*bc", "abc", False),
        ("a**b", "ab", True),
        ("A*", "a", False),
        ("*a" * 200, "a" * 10_000, True),
        ("*a" * 200, "a" * 10_000 + "b", False),
    ],
)
def test_a_star_is_any_number_of_characters(pattern: str, value: str, fits: bool) -> None:
    assert wildcards.fits(value, pattern.split("*")) is fits
