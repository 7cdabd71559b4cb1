"""The lifecycle's pictures: what they say, and that they are drawn without a network."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from sandbox.views import Picture, counted, listed, number
from sandbox.views.lifecycle import (
    Bar,
    Call,
    Size,
    environments,
    power_tuning,
    shutdown_marks,
    spans,
    spread,
)


def texts(picture: Picture) -> str:
    root = ElementTree.fromstring(picture.svg())
    return " ".join(text for element in root.iter() if (text := (element.text or "").strip()))


def test_spans_name_every_part_the_axis_and_the_total() -> None:
    picture = spans(
        [Bar("call 1, cold", [("import boto3", 90.4), ("handler", 4.25)]), Bar("call 2, warm", [("handler", 2.0)])]
    )
    drawn = texts(picture)
    for expected in ("call 1, cold", "call 2, warm", "import boto3", "handler", "milliseconds", "95 ms"):
        assert expected in drawn
    assert "call 1, cold: 95 ms, of which import boto3 90 ms and handler 4.2 ms." in picture.text
    assert "call 2, warm: 2 ms, of which handler 2 ms." in picture.text


def test_environments_tell_calls_failures_and_frozen_time() -> None:
    picture = environments(
        [
            Call("a3f1", start=10.2, end=10.5, init_start=10.0, notes={"counter": "1"}),
            Call("a3f1", start=12.5, end=12.8, notes={"counter": "2"}),
            Call("a3f1", start=12.9, end=13.0, outcome="error", notes={"counter": "3"}),
            Call("b004", start=12.5, end=13.0, init_start=12.3),
        ],
        text="The thread ticked 0 times.",
    )
    assert "Environment a3f1 ran 3 calls, saw 1 of them fail and was frozen for 2.1 s." in picture.text
    assert "Environment b004 ran 1 call." in picture.text
    assert "counter: 1, 2, 3." in picture.text
    assert picture.text.endswith("The thread ticked 0 times.")
    drawn = texts(picture)
    for expected in ("a3f1", "b004", "counter", "seconds", "Init", "handler running", "handler, failed", "frozen"):
        assert expected in drawn


def test_an_init_that_ran_again_is_told_from_the_first() -> None:
    picture = environments(
        [
            Call("a3f1", start=0.2, end=1.0, init_start=0.0, outcome="timeout"),
            Call("a3f1", start=1.5, end=1.6, init_start=1.0, init_again=True),
        ]
    )
    assert "Init again" in texts(picture)
    assert picture.text == "Environment a3f1 ran 2 calls, saw 1 of them fail and had its Init again in 1."


def test_notes_of_short_calls_are_moved_apart_within_the_picture() -> None:
    assert spread([1.0, 1.0, 1.1, 9.9], 1.0, 10.0) == [1.0, 2.0, 3.0, 9.9]
    assert spread([9.5, 9.6, 9.7], 1.0, 10.0) == [8.0, 9.0, 10.0]
    assert spread([], 1.0, 10.0) == []


def test_environments_show_only_kinds_that_occur() -> None:
    drawn = texts(environments([Call("a3f1", start=1.0, end=2.0)]))
    assert "handler running" in drawn
    assert "frozen" not in drawn.replace("Environment a3f1", "")


def test_power_tuning_names_the_cheapest_size_within_the_target() -> None:
    sizes = [Size(128, 600.0, 1.4), Size(512, 200.0, 1.9), Size(1024, 120.0, 2.4)]
    picture = power_tuning(sizes, target_ms=250)
    assert "Within 250 ms the cheapest is 512 MB." in picture.text
    drawn = texts(picture)
    for expected in ("128 MB", "1,024 MB", "target 250 ms", "US dollars for a million calls"):
        assert expected in drawn
    assert "cheapest" not in power_tuning(sizes, target_ms=1).text


def test_shutdown_marks_say_who_wrote_and_who_did_not() -> None:
    picture = shutdown_marks({"plain 0001": [], "watched 0002": [0.0, 0.3, 1.8]}, budget_s=2)
    assert "Environment plain 0001 wrote nothing." in picture.text
    assert "Environment watched 0002 wrote 3 lines, the last after 1.8 s." in picture.text
    assert "the environment has 2 s" in texts(picture)


@pytest.mark.parametrize(
    "picture",
    [
        spans([]),
        environments([]),
        power_tuning([]),
        shutdown_marks({}, budget_s=2),
    ],
    ids=["spans", "environments", "power tuning", "shutdown"],
)
def test_a_picture_of_nothing_is_still_a_picture(picture: Picture) -> None:
    assert ElementTree.fromstring(picture.svg()).tag.endswith("svg")


def test_a_picture_brings_its_text_and_an_svg_without_addresses() -> None:
    picture = spans([Bar("call <1>", [("handler", 1.0)])])
    bundle = picture._repr_mimebundle_()
    assert bundle["text/plain"] == picture.text
    svg = bundle["image/svg+xml"]
    assert "call &lt;1&gt;: 1 ms" in svg
    assert "href" not in svg
    assert picture.png().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (number(0.04, "ms"), "0 ms"),
        (number(9.96), "10"),
        (number(1234.5, "ms"), "1234 ms"),
        (listed([]), ""),
        (listed(["a"]), "a"),
        (listed("abc"), "a, b and c"),
        (counted(1, "call"), "1 call"),
        (counted(2, "entry", "entries"), "2 entries"),
    ],
)
def test_words(said: str, expected: str) -> None:
    assert said == expected
