"""The picture of a canary: what it draws, and the text that says the same."""

from __future__ import annotations

from sandbox.views.canary import Bin, Canary, Span, Weight, canary, told
from tests.views.test_lifecycle import texts

RELEASE = Canary(
    bins=[
        Bin(0.0, "1", 240, 0, 12.0),
        Bin(60.0, "1", 216, 0, 13.0),
        Bin(60.0, "2", 24, 7, 910.0),
        Bin(120.0, "1", 240, 0, 12.0),
    ],
    new="2",
    until=180.0,
    weights=[Weight(0.0, 0.0), Weight(60.0, 0.1), Weight(125.0, 0.0)],
    alarms=[Span("errors", "OK", 0.0, 125.0), Span("errors", "ALARM", 125.0, 180.0), Span("alias", "OK", 0.0, 180.0)],
    steps=[
        Span("BeforeAllowTraffic", "Succeeded", 60.0, 60.0),
        Span("AllowTraffic", "Failed", 60.0, 125.0),
        Span("rollback", "Succeeded", 125.0, 125.0),
    ],
)


def test_versions_weights_alarms_and_steps_are_drawn_on_one_axis_of_minutes() -> None:
    drawn = texts(canary(RELEASE))
    for words in (
        "version 1",
        "version 2",
        "share of",
        "errors",
        "latency p95,",
        "ALARM",
        "alias",
        "AllowTraffic",
        "rollback",
        "Failed",
    ):
        assert words in drawn
    # Five panels, one row of numbers below the last.
    assert drawn.count("minutes") == 1


def test_the_text_says_what_the_picture_shows() -> None:
    assert told(RELEASE) == (
        "Version 1: 696 requests, 0 errors, p95 at most 13 ms. Version 2: 24 requests, 7 errors, p95 at most 910 ms. "
        "Weight of version 2: 0 % from 0:00, 10 % from 1:00, 0 % from 2:05. "
        "Alarm errors: OK from 0:00, ALARM from 2:05. Alarm alias: OK from 0:00. "
        "BeforeAllowTraffic: 1:00 to 1:00, done. AllowTraffic: 1:00 to 2:05, Failed. rollback: 2:05 to 2:05, done."
    )


def test_a_last_minute_that_is_not_over_ends_at_the_edge() -> None:
    whole = [Bin(0.0, "1", 10, 0, 5.0), Bin(60.0, "1", 2, 0, 5.0)]
    drawn = canary(Canary(bins=whole, new="2", until=64.0)).chart.to_dict()
    rows = drawn["datasets"][drawn["vconcat"][2]["data"]["name"]]
    assert [round(row["middle"] * 60) for row in rows] == [30, 62]


def test_a_moment_at_the_end_is_drawn_within_the_panel() -> None:
    steps = [Span("rollback", "Succeeded", 120.0, 120.0)]
    drawn = canary(Canary(bins=[Bin(0.0, "1", 5, 0)], new="2", until=120.0, steps=steps)).chart.to_dict()
    (row,) = drawn["datasets"][drawn["vconcat"][-1]["data"]["name"]]
    assert row["from"] < row["to"] <= 2.0


def test_without_latencies_there_is_no_panel_of_them_and_the_one_above_has_the_minutes() -> None:
    drawn = texts(canary(Canary(bins=[Bin(0.0, "1", 5, 0)], new="2", until=20.0)))
    assert "latency p95," not in drawn
    assert drawn.count("minutes") == 1


def test_before_the_first_request_the_picture_has_a_size() -> None:
    steps = [Span("AllowTraffic", "InProgress", 0.0, 0.0)]
    assert "Infinity" not in canary(Canary(bins=[], new="2", until=0.0, steps=steps)).svg()


def test_what_has_not_happened_yet_is_left_out() -> None:
    picture = canary(Canary(bins=[], new="2", until=0.0))
    assert picture.text == "Nothing has happened yet."
    drawn = texts(picture)
    assert "deployment" not in drawn
    assert "alarms" not in drawn


def test_the_version_that_is_tried_has_the_same_colour_whatever_its_number() -> None:
    # 9 comes after 10 in the alphabet: the one that was there is first all the same.
    drawn = texts(canary(Canary([Bin(0.0, "9", 9, 0), Bin(0.0, "10", 1, 0)], new="10", until=60.0)))
    assert drawn.index("version 9") < drawn.index("version 10")


def test_a_version_that_never_answered_leaves_a_picture() -> None:
    picture = canary(Canary([Bin(0.0, "1", 9, 0, 3.0)], new="2", until=60.0, weights=[Weight(0.0, 0.0)]))
    assert picture.text == "Version 1: 9 requests, 0 errors, p95 at most 3 ms. Weight of version 2: 0 % from 0:00."
    assert picture.svg().startswith("<svg")
