"""The reader that keeps places: it reads what json reads, and knows where."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.access import spans
from sandbox.access.spans import JsonError, Lines, Position, read


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [1, -2.5e3, {"b": "x\\"y\\u00e9"}], "c": {}, "d": [], "e": null, "f": true, "g": false}',
        "[]",
        '"x"',
        " 1 ",
    ],
)
def test_values_are_those_of_json(text: str) -> None:
    assert read(text).plain() == json.loads(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=25,
)


@given(VALUES, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_any_value_is_read_as_json_reads_it(value: Any, indent: Any, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert read(text).plain() == json.loads(text)


@given(VALUES, st.sampled_from([None, 2]))
def test_a_span_cut_out_is_the_value(value: Any, indent: Any) -> None:
    text = json.dumps(value, indent=indent)
    waiting = [read(text)]
    while waiting:
        node = waiting.pop()
        assert json.loads(text[node.start : node.end]) == node.plain()
        waiting += node.items
        for member in node.members.values():
            assert json.loads(text[member.start : member.end]) == member.name
            waiting.append(member.value)


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("", 0),
        ("{", 1),
        ('{"a"}', 4),
        ('{"a":1,}', 7),
        ("[1,]", 3),
        ('{"a":1 "b":2}', 7),
        ("nul", 0),
        ('"\n"', 0),
        ('"\\x"', 0),
        ('{"a":1}x', 7),
        ('{"a":1,"a":2}', 7),
        ("NaN", 0),
        ("01", 1),
        ("[" * 40 + "]" * 40, spans.DEEPEST),
        ("\ufeff{}", 0),
    ],
)
def test_what_is_no_json_is_refused_where_it_goes_wrong(text: str, offset: int) -> None:
    with pytest.raises(JsonError) as raised:
        read(text)
    assert raised.value.offset == offset


@given(st.text(alphabet='{}[]",:\\ \n1atrue', max_size=30))
def test_nothing_is_taken_that_json_does_not_take(text: str) -> None:
    try:
        value = read(text).plain()
    except JsonError:
        return
    assert json.loads(text) == value


def test_lines_count_from_one_columns_and_offsets_from_zero() -> None:
    lines = Lines("ab\nc\n\nd")
    places = [lines.position(offset) for offset in (0, 2, 3, 5, 6, 7)]
    assert places == [
        Position(1, 0, 0),
        Position(1, 2, 2),
        Position(2, 0, 3),
        Position(3, 0, 5),
        Position(4, 0, 6),
        Position(4, 1, 7),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 10**7,
        '"' + "a" * 10**7,
        '"' + "\\\\" * 10**6,
        '"' + "\\" * 10**6,
        "[" + "1," * 10**6,
        "1" * 10**6,
        " " * 10**7,
    ],
)
def test_long_texts_are_refused_soon(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(JsonError):
        read(text)
    assert time.perf_counter() - start < 5
