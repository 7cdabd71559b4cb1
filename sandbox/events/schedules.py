"""Schedules of rules: rate(...) and cron(...), and when they are due next. All times are UTC.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
FIRST_YEAR, LAST_YEAR = 1970, 2199

_UNITS: Mapping[str, float] = {"minute": 60.0, "hour": 3600.0, "day": 86_400.0}
_RATE = re.compile(r"rate\((\d{1,10}) (minute|hour|day)(s?)\)", re.ASCII)
_CRON = re.compile(r"cron\(([^()]*)\)", re.ASCII)
_NUMBER = re.compile(r"\d{1,4}", re.ASCII)
_SATURDAY, _SUNDAY = 7, 1


class InvalidSchedule(ValueError):
    """The text is no schedule."""


class Schedule(Protocol):
    def next_after(self, moment: float) -> float | None:
        """The first time it is due after a moment, both in Unix seconds; None if never again.

        A rate counts from the moment, that is from when the rule was made or fired last.
        """
        ...


def parse(text: str) -> Schedule:
    """Read a schedule expression; InvalidSchedule if it is none."""
    found = _RATE.fullmatch(text)
    if found is not None:
        value, plural = int(found[1]), bool(found[3])
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rate-expressions.html
        if value < 1 or plural != (value > 1):
            raise InvalidSchedule(text)
        return Rate(value * _UNITS[found[2]])
    found = _CRON.fullmatch(text)
    if found is None:
        raise InvalidSchedule(text)
    return _cron(found[1].split())


@dataclass(frozen=True, slots=True)
class Rate:
    """Again and again after so many seconds."""

    seconds: float

    def next_after(self, moment: float) -> float | None:
        return moment + self.seconds


@dataclass(frozen=True, slots=True)
class DayOfMonth:
    """One item of the third field: numbers, or `last` (L), moved to the nearest weekday or not (W)."""

    days: frozenset[int] = frozenset()
    last: bool = False
    weekday: bool = False

    def of(self, year: int, month: int) -> Iterator[int]:
        length = calendar.monthrange(year, month)[1]
        for day in (length,) if self.last else self.days:
            if day <= length:
                yield _nearest_weekday(year, month, day, length) if self.weekday else day


@dataclass(frozen=True, slots=True)
class DayOfWeek:
    """One item of the fifth field: days (1 is Sunday), each week's, or a certain one of the month (-1: the last)."""

    days: frozenset[int]
    which: int = 0

    def of(self, year: int, month: int) -> Iterator[int]:
        length = calendar.monthrange(year, month)[1]
        for each in self.days:
            first = 1 + (each - _day_of_week(year, month, 1)) % 7
            found = range(first, length + 1, 7)
            if not self.which:
                yield from found
            elif -len(found) <= self.which <= len(found):
                yield found[self.which - 1 if self.which > 0 else self.which]


@dataclass(frozen=True, slots=True)
class Cron:
    """Fixed times. The fields are those of the expression, in order."""

    minutes: Sequence[int]
    hours: Sequence[int]
    days: Sequence[DayOfMonth | DayOfWeek]
    months: Sequence[int]
    years: Sequence[int]

    def next_after(self, moment: float) -> float | None:
        start = datetime.fromtimestamp(moment, UTC)
        for year in self.years:
            if year < start.year:
                continue
            for month in self.months:
                if (year, month) < (start.year, start.month):
                    continue
                for day in sorted({day for each in self.days for day in each.of(year, month)}):
                    if (year, month, day) < (start.year, start.month, start.day):
                        continue
                    for hour in self.hours:
                        for minute in self.minutes:
                            due = datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp()
                            if due > moment:
                                return due
        return None


# -- cron's fields -----------------------------------------------------------------------------------------------


def _cron(fields: Sequence[str]) -> Cron:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cron-expressions.html"""
    if len(fields) != 6:
        raise InvalidSchedule(f"cron has six fields, not {len(fields)}")
    minutes, hours, day_of_month, month, day_of_week, year = fields
    # Either says on which days: the other must be `?`.
    if (day_of_month == "?") == (day_of_week == "?"):
        raise InvalidSchedule("one of day-of-month and day-of-week must be ?")
    days: list[DayOfMonth | DayOfWeek] = (
        [_day_of_month(item) for item in day_of_month.split(",")]
        if day_of_week == "?"
        else [_day_of_week_item(item) for item in day_of_week.split(",")]
    )
    return Cron(
        _values(minutes, 0, 59),
        _values(hours, 0, 23),
        days,
        _values(month, 1, 12, MONTHS),
        _values(year, FIRST_YEAR, LAST_YEAR),
    )


def _values(field: str, low: int, high: int, names: Sequence[str] = ()) -> Sequence[int]:
    return sorted({value for item in field.split(",") for value in _item(item, low, high, names)})


def _item(item: str, low: int, high: int, names: Sequence[str] = ()) -> range:
    """`*`, `5`, `1-5`, `*/10`, `5/10` (from 5 to the end) or `1-30/10`."""
    span, slash, step_text = item.partition("/")
    step = _number(step_text) if slash else 1
    if step < 1:
        raise InvalidSchedule(item)
    start_text, dash, end_text = span.partition("-")
    if span == "*":
        start, end = low, high
    else:
        start = _named(start_text, low, high, names)
        end = _named(end_text, low, high, names) if dash else (high if slash else start)
    if start > end:
        raise InvalidSchedule(item)
    return range(start, end + 1, step)


def _named(text: str, low: int, high: int, names: Sequence[str]) -> int:
    value = low + names.index(text.upper()) if text.upper() in names else _number(text)
    if not low <= value <= high:
        raise InvalidSchedule(text)
    return value


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise InvalidSchedule(text)
    return int(text)


def _day_of_month(item: str) -> DayOfMonth:
    if item in ("L", "LW"):
        return DayOfMonth(last=True, weekday=item == "LW")
    if item.endswith("W"):
        return DayOfMonth(frozenset((_named(item[:-1], 1, 31, ()),)), weekday=True)
    return DayOfMonth(frozenset(_item(item, 1, 31)))


def _day_of_week_item(item: str) -> DayOfWeek:
    if item == "L":
        # The last day of the week.
        return DayOfWeek(frozenset((_SATURDAY,)))
    if "#" in item:
        day, _, which = item.partition("#")
        number = _number(which)
        if not 1 <= number <= 5:
            raise InvalidSchedule(item)
        return DayOfWeek(frozenset((_named(day, 1, 7, DAYS),)), number)
    if item.endswith("L") and item.upper() not in DAYS:
        return DayOfWeek(frozenset((_named(item[:-1], 1, 7, DAYS),)), -1)
    start, dash, end = item.partition("-")
    if dash and "/" not in end and _named(start, 1, 7, DAYS) > _named(end, 1, 7, DAYS):
        # FRI-MON goes over the end of the week.
        first, last = _named(start, 1, 7, DAYS), _named(end, 1, 7, DAYS)
        return DayOfWeek(frozenset((*range(first, 8), *range(1, last + 1))))
    return DayOfWeek(frozenset(_item(item, 1, 7, DAYS)))


def _day_of_week(year: int, month: int, day: int) -> int:
    """1 is Sunday."""
    return (calendar.weekday(year, month, day) + 1) % 7 + 1


def _nearest_weekday(year: int, month: int, day: int, length: int) -> int:
    """The weekday nearest to a day, in the same month."""
    found = _day_of_week(year, month, day)
    if found == _SATURDAY:
        return day - 1 if day > 1 else day + 2
    if found == _SUNDAY:
        return day + 1 if day < length else day - 2
    return day
