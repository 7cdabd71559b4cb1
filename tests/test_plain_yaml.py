"""YAML of learners as plain data."""

from __future__ import annotations

import pytest

from sandbox import plain_yaml
from sandbox.plain_yaml import InvalidYaml


def exploding(levels: int) -> str:
    """A document whose last value comes to 8 values, 8 times more with each level."""
    lines = ["v0: &v0 {a: 1}"]
    for level in range(1, levels):
        names = ", ".join(f"k{place}: *v{level - 1}" for place in range(8))
        lines.append(f"v{level}: &v{level} {{{names}}}")
    return "\n".join(lines)


def test_aliases_stand_for_their_values() -> None:
    assert plain_yaml.load("a: &x {b: 1}\nc: *x\nd: [*x, *x]") == {"a": {"b": 1}, "c": {"b": 1}, "d": [{"b": 1}] * 2}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (exploding(12), "more than 1000000 values"),
        ("a: &x [*x]", "nested too deeply"),
        ("a: &x {b: {c: *x}}", "nested too deeply"),
        ("[" * 20_000, "nested too deeply"),
        ("a: [", "expected"),
        ("a: " + "9" * 5_000, "4300 digits"),
        ("a: 2001-99-99", "month"),
        ("a: !!python/object:os.system {}", "could not determine a constructor"),
        ("a: \x00", "special characters"),
    ],
)
def test_what_no_document_can_be_is_refused(text: str, says: str) -> None:
    with pytest.raises(InvalidYaml, match=says):
        plain_yaml.load(text)
