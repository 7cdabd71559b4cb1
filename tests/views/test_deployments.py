"""The pictures of deployments: what they draw, and the text that says the same."""

from __future__ import annotations

import re

from sandbox.views.deployments import Moment, Upload, course, uploads
from tests.views.test_lifecycle import texts


def test_a_course_marks_the_failure_that_came_first_and_tells_the_cancelled_from_it() -> None:
    picture = course(
        [
            Moment(0.0, "shop", "CREATE_IN_PROGRESS"),
            Moment(0.1, "Table", "CREATE_IN_PROGRESS"),
            Moment(0.1, "Queue", "CREATE_IN_PROGRESS"),
            Moment(0.5, "Table", "CREATE_COMPLETE"),
            Moment(0.6, "Function", "CREATE_IN_PROGRESS"),
            Moment(12.0, "Function", "CREATE_FAILED", "no such layer."),
            Moment(12.1, "Queue", "CREATE_FAILED", "Resource creation cancelled"),
            Moment(12.5, "Table", "DELETE_IN_PROGRESS"),
            Moment(13.0, "Table", "DELETE_COMPLETE"),
            Moment(14.0, "shop", "ROLLBACK_COMPLETE"),
        ],
        stack="shop",
    )
    assert picture.text == (
        "Made: Table. After 12 s Function was the first to fail (CREATE_FAILED): no such layer. "
        "Cancelled because of it: Queue. The stack ended as ROLLBACK_COMPLETE."
    )
    drawn = texts(picture)
    for word in (
        "seconds since the deployment began",
        "Table",
        "Queue",
        "Function",
        "CREATE_FAILED first",
        "cancelled",
    ):
        assert word in drawn


def test_a_course_of_a_moment_is_told_in_milliseconds_on_an_axis_that_can_be_read() -> None:
    moments = [
        Moment(0.01, "Table", "CREATE_IN_PROGRESS"),
        Moment(0.045, "Table", "CREATE_FAILED", "no"),
        Moment(0.171, "Queue", "CREATE_COMPLETE"),
    ]
    picture = course(moments, stack="shop")
    assert "After 45 ms Table was the first to fail" in picture.text
    ticks = [word for word in texts(picture).split() if re.fullmatch(r"0\.\d+", word)]
    assert 2 <= len(ticks) <= 10, ticks


def test_a_course_without_a_failure_says_what_was_made() -> None:
    moments = [Moment(0.0, "Table", "CREATE_IN_PROGRESS"), Moment(1.0, "Table", "CREATE_COMPLETE")]
    assert course(moments, stack="shop").text == "Made: Table."


def test_uploads_tell_what_was_sent_and_what_was_there() -> None:
    picture = uploads(
        [
            Upload("first", "InZip", 2_048_000),
            Upload("first", "Tax", 2_048_000),
            Upload("one line", "InZip", 2_048_100),
            Upload("one line", "Tax", 0),
        ]
    )
    assert picture.text == (
        "first: 2000 KB for InZip and 2000 KB for Tax uploaded. one line: 2000 KB for InZip uploaded."
    )
    drawn = texts(picture)
    for word in ("first", "one line", "InZip", "Tax", "uploaded, in KB (logarithmic)", "nothing", "2000 KB"):
        assert word in drawn
