"""Cutting output into log lines."""

from __future__ import annotations

import pytest

from sandbox.compute.output import LONGEST_LINE, Output


def frame(text: str, kind: bytes = b"\xa5\x5a\x00\x03") -> bytes:
    body = text.encode()
    return kind + len(body).to_bytes(4, "big") + (1).to_bytes(8, "big") + body


@pytest.mark.parametrize(
    ("case", "data", "expected"),
    [
        ("lines", b"one\ntwo\n", ["one", "two"]),
        ("empty lines stay", b"one\n\ntwo\n", ["one", "", "two"]),
        ("no newline at the end", b"one\ntwo", ["one", "two"]),
        ("a frame is one line", frame("a\nb\n"), ["a\nb"]),
        ("a level's frame", frame("x", b"\xa5\x5a\x00\x17"), ["x"]),
        ("text between frames keeps its place", frame("a") + b"b\n" + frame("c\n"), ["a", "b", "c"]),
        ("unfinished text before a frame", b"half" + frame("whole"), ["half", "whole"]),
        ("not UTF-8", b"\xff\xfe\n", ["��"]),
        ("an impossible frame is text", b"\xa5\x5a\x00\x03\xff\xff\xff\xffx\n", ["�Z\x00\x03����x"]),
        ("a killed writer's frame", frame("abcdef")[:-2], ["abcd"]),
    ],
)
def test_lines(case: str, data: bytes, expected: list[str]) -> None:
    output = Output()
    assert output.feed(data) + output.finish() == expected, case


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_lines_do_not_depend_on_how_they_arrive(size: int) -> None:
    data = b"one\n" + frame("two\nthree\n") + b"f\xc3\xbcr\nend\n" + frame("last")
    output = Output()
    lines = [line for at in range(0, len(data), size) for line in output.feed(data[at : at + size])]
    assert lines + output.finish() == ["one", "two\nthree", "für", "end", "last"]


@pytest.mark.parametrize("framed", [True, False])
def test_line_beyond_the_limit_goes_on_in_the_next(framed: bool) -> None:
    text = "x" * (LONGEST_LINE + 10)
    output = Output()
    lines = output.feed(frame(text) if framed else text.encode() + b"\n") + output.finish()
    assert [len(line) for line in lines] == [LONGEST_LINE, 10]


def test_endless_line_is_not_collected() -> None:
    output = Output()
    lines = [line for _ in range(64) for line in output.feed(b"x" * 65536)]
    assert sum(map(len, lines)) >= 64 * 65536 - LONGEST_LINE
