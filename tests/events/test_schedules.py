"""When a schedule is due: the examples of EventBridge's pages, and their edges."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sandbox.events.schedules import InvalidSchedule, parse


def after(expression: str, moment: str, count: int = 1) -> list[str]:
    """The next times, as text to the minute."""
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()
    schedule, found = parse(expression), []
    for _ in range(count):
        due = schedule.next_after(now)
        if due is None:
            break
        found.append(f"{datetime.fromtimestamp(due, UTC):%Y-%m-%d %H:%M}")
        now = due
    return found


@pytest.mark.parametrize(
    ("expression", "seconds"),
    [("rate(1 minute)", 60), ("rate(5 minutes)", 300), ("rate(1 hour)", 3600), ("rate(7 days)", 604_800)],
)
def test_a_rate_counts_from_where_it_begins(expression: str, seconds: float) -> None:
    assert parse(expression).next_after(1000.5) == 1000.5 + seconds


@pytest.mark.parametrize(
    ("expression", "moment", "due"),
    [
        # 2026-01-01 is a Thursday.
        ("cron(0 10 * * ? *)", "2026-01-01T09:59", ["2026-01-01 10:00", "2026-01-02 10:00"]),
        ("cron(0 10 * * ? *)", "2026-01-01T10:00", ["2026-01-02 10:00"]),
        ("cron(15 12 * * ? *)", "2026-12-31T12:15:30", ["2027-01-01 12:15"]),
        ("cron(0 18 ? * MON-FRI *)", "2026-01-02T18:00", ["2026-01-05 18:00", "2026-01-06 18:00"]),
        ("cron(0 8 1 * ? *)", "2026-01-01T08:00", ["2026-02-01 08:00", "2026-03-01 08:00"]),
        ("cron(0/15 * * * ? *)", "2026-01-01T00:01", ["2026-01-01 00:15", "2026-01-01 00:30", "2026-01-01 00:45"]),
        ("cron(0/10 * ? * MON-FRI *)", "2026-01-02T23:50", ["2026-01-05 00:00"]),
        ("cron(0/5 8-17 ? * MON-FRI *)", "2026-01-01T17:55", ["2026-01-02 08:00"]),
        ("cron(0/30 20-23,0-2 ? * MON-FRI *)", "2026-01-01T02:30", ["2026-01-01 20:00"]),
        ("cron(1/10 * * * ? *)", "2026-01-01T00:00", ["2026-01-01 00:01", "2026-01-01 00:11"]),
        ("cron(10-30/10 * * * ? *)", "2026-01-01T00:00", ["2026-01-01 00:10", "2026-01-01 00:20", "2026-01-01 00:30"]),
        ("cron(0 0 1 JAN,jul ? *)", "2026-01-01T00:00", ["2026-07-01 00:00", "2027-01-01 00:00"]),
        ("cron(0 0 ? * 1 *)", "2026-01-01T00:00", ["2026-01-04 00:00"]),
        ("cron(0 0 ? * SAT *)", "2026-01-01T00:00", ["2026-01-03 00:00"]),
        (
            "cron(0 0 ? * FRI-MON *)",
            "2026-01-01T00:00",
            ["2026-01-02 00:00", "2026-01-03 00:00", "2026-01-04 00:00", "2026-01-05 00:00", "2026-01-09 00:00"],
        ),
        ("cron(0 0 29 2 ? *)", "2026-01-01T00:00", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("cron(0 0 31 * ? *)", "2026-01-31T00:00", ["2026-03-31 00:00", "2026-05-31 00:00"]),
        # L
        ("cron(0 0 L * ? *)", "2026-01-31T00:00", ["2026-02-28 00:00", "2026-03-31 00:00"]),
        ("cron(0 0 ? * L *)", "2026-01-01T00:00", ["2026-01-03 00:00", "2026-01-10 00:00"]),
        ("cron(0 0 ? * 6L *)", "2026-01-01T00:00", ["2026-01-30 00:00", "2026-02-27 00:00"]),
        ("cron(0 0 ? * FRIL *)", "2026-01-01T00:00", ["2026-01-30 00:00"]),
        # W
        ("cron(0 0 3W * ? *)", "2026-01-01T00:00", ["2026-01-02 00:00", "2026-02-03 00:00"]),
        ("cron(0 0 4W * ? *)", "2026-01-01T00:00", ["2026-01-05 00:00"]),
        ("cron(0 0 1W * ? *)", "2026-07-31T00:00", ["2026-08-03 00:00"]),
        ("cron(0 0 31W * ? *)", "2026-01-01T00:00", ["2026-01-30 00:00"]),
        ("cron(0 0 31W * ? *)", "2026-05-02T00:00", ["2026-05-29 00:00"]),
        ("cron(0 0 LW * ? *)", "2026-01-01T00:00", ["2026-01-30 00:00", "2026-02-27 00:00"]),
        # #
        ("cron(0 0 ? * 3#2 *)", "2026-01-01T00:00", ["2026-01-13 00:00", "2026-02-10 00:00"]),
        ("cron(0 0 ? * THU#5 *)", "2026-01-01T00:00", ["2026-01-29 00:00", "2026-04-30 00:00"]),
        # Years
        ("cron(0 0 1 1 ? 2030)", "2026-01-01T00:00", ["2030-01-01 00:00"]),
        ("cron(0 0 1 1 ? 2026/2)", "2026-06-01T00:00", ["2028-01-01 00:00", "2030-01-01 00:00"]),
        ("cron(0 0 1 1 ? 2020)", "2026-01-01T00:00", []),
        ("cron(0 0 31 2 ? *)", "2026-01-01T00:00", []),
    ],
)
def test_a_cron_expression_is_due(expression: str, moment: str, due: list[str]) -> None:
    assert after(expression, moment, max(len(due), 1)) == due


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "rate()",
        "rate(0 minutes)",
        "rate(1 minutes)",
        "rate(5 minute)",
        "rate(5 seconds)",
        "rate(1.5 hours)",
        "rate(-1 hours)",
        "rate(5  minutes)",
        " rate(5 minutes)",
        "cron()",
        "cron(0 10 * * *)",
        "cron(0 10 * * ? * *)",
        "cron(0 10 * * * *)",
        "cron(0 10 ? * ? *)",
        "cron(0 10 1 * MON *)",
        "cron(60 10 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 10 0 * ? *)",
        "cron(0 10 32 * ? *)",
        "cron(0 10 1 13 ? *)",
        "cron(0 10 1 FEBR ? *)",
        "cron(0 10 ? * 0 *)",
        "cron(0 10 ? * 8 *)",
        "cron(0 10 ? * 2#6 *)",
        "cron(0 10 ? * 2#0 *)",
        "cron(0 10 ? * 5W *)",
        "cron(0 10 L-3 * ? *)",
        "cron(0 10 32W * ? *)",
        "cron(30-10 10 * * ? *)",
        "cron(0/0 10 * * ? *)",
        "cron(0 10 * * ? 1969)",
        "cron(0 10 * * ? 2200)",
        "cron(? 10 * * ? *)",
        "cron(L 10 * * ? *)",
        "cron(1, 10 * * ? *)",
        "at(2026-01-01T00:00:00)",
    ],
)
def test_what_is_no_schedule_is_refused(expression: str) -> None:
    with pytest.raises(InvalidSchedule):
        parse(expression)
