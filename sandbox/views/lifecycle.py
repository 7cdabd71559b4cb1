"""Pictures of a function's life: what a call is made of, when environments ran, cost against duration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

import altair as alt

from sandbox.views import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    WIDTH,
    YELLOW,
    Picture,
    counted,
    listed,
    number,
    styled,
)

Outcome = Literal["answered", "error", "timeout"]

#: The parts of a call, in the order in which they are told apart: neighbours differ in lightness as well as in hue.
PART_COLOURS = (GREY, ORANGE, SKY, YELLOW, PURPLE, GREEN, VERMILION)
HANDLER = "handler"

INIT = "Init"
INIT_AGAIN = "Init again"
RUNNING = "handler running"
FAILED = "handler, failed"
FROZEN = "frozen"
KIND_COLOURS = {INIT: ORANGE, INIT_AGAIN: YELLOW, RUNNING: BLUE, FAILED: VERMILION, FROZEN: "#e4e4e4"}

ROW_HEIGHT = 34
#: The distance between two rows of notes, and of the first from the last band, in rows.
NOTE_STEP = 0.62
FIRST_NOTE = 0.15
#: The room that a note takes along the axis, in pixels.
NOTE_PIXELS = 17
HATCH_PIXELS = 7
#: What a call is drawn with at least, in pixels: a call of 2 ms in a picture of 10 s should be seen.
LEAST_PIXELS = 2.5


@dataclass(frozen=True, slots=True)
class Bar:
    """One call: its name, and its parts in their order with their milliseconds. The part `handler` is drawn in blue."""

    name: str
    parts: Sequence[tuple[str, float]]

    @property
    def total(self) -> float:
        return sum(ms for _, ms in self.parts)


def spans(bars: Sequence[Bar]) -> Picture:
    """What calls are made of: one bar a call, one coloured span a part, on an axis of milliseconds."""
    names = list(dict.fromkeys(part for bar in bars for part, _ in bar.parts))
    palette = iter(PART_COLOURS * (len(names) // len(PART_COLOURS) + 1))
    colours = {name: BLUE if name == HANDLER else next(palette) for name in names}
    rows: list[dict[str, Any]] = []
    totals: list[dict[str, Any]] = []
    # Twice what is seen: the white line between two parts takes a pixel of each.
    least = max((bar.total for bar in bars), default=0.0) * 2 * LEAST_PIXELS / WIDTH
    for bar in bars:
        at = 0.0
        for part, ms in bar.parts:
            shown = max(ms, least)
            rows.append({"call": bar.name, "part": part, "from": at, "to": at + shown})
            at += shown
        totals.append({"call": bar.name, "to": at, "label": number(bar.total, "ms")})
    order = [bar.name for bar in bars]
    y = alt.Y(
        "call:N", sort=order, title=None, axis=alt.Axis(labelLimit=220, labelPadding=6, ticks=False, domain=False)
    )
    base = alt.Chart(alt.InlineData(values=rows))
    drawn = base.mark_bar(height=22, stroke="white", strokeWidth=1).encode(
        x=alt.X(
            "from:Q",
            title="milliseconds since the call's start",
            scale=alt.Scale(zero=True, nice=True),
            axis=alt.Axis(labelFlush=False, labelOverlap="greedy", labelSeparation=6),
        ),
        x2="to:Q",
        y=y,
        color=alt.Color(
            "part:N",
            title=None,
            sort=names,
            scale=alt.Scale(domain=names, range=[colours[name] for name in names]),
            legend=alt.Legend(orient="top", columns=4, labelLimit=260),
        ),
    )
    labels = (
        alt.Chart(alt.InlineData(values=totals))
        .mark_text(align="left", dx=5, fontSize=12)
        .encode(x="to:Q", y=y, text="label:N")
    )
    chart = (drawn + labels).properties(width=WIDTH - 60, height=len(bars) * ROW_HEIGHT)
    said = " ".join(f"{bar.name}: {number(bar.total, 'ms')}, of which {_parts(bar)}." for bar in bars)
    return Picture(styled(chart), said)


def _parts(bar: Bar) -> str:
    return listed(f"{part} {number(ms, 'ms')}" for part, ms in bar.parts)


@dataclass(frozen=True, slots=True)
class Call:
    """One invocation on a time axis, in seconds. `init_start` is set where Init ran ahead of its handler.

    With `init_again` it is a suppressed init, in an environment that had run before. `notes` are short texts shown
    below the call, by their row's name.
    """

    environment: str
    start: float
    end: float
    init_start: float | None = None
    init_again: bool = False
    outcome: Outcome = "answered"
    notes: Mapping[str, str] = field(default_factory=dict)


def environments(calls: Sequence[Call], *, text: str = "") -> Picture:
    """A band for each environment: filled where it ran, hatched where it was frozen, orange where Init ran.

    `text` is said after the sentences that the picture makes by itself.
    """
    names = list(dict.fromkeys(call.environment for call in sorted(calls, key=_first)))
    note_rows = list(dict.fromkeys(name for call in calls for name in call.notes))
    origin = min((_first(call) for call in calls), default=0.0)
    span = max((call.end - origin for call in calls), default=1.0) or 1.0
    least = span * LEAST_PIXELS / WIDTH
    bands: list[dict[str, Any]] = []
    gaps: list[tuple[int, float, float]] = []
    noted: list[tuple[int, float, Call]] = []
    for row, name in enumerate(names):
        free_from: float | None = None
        for call in sorted((call for call in calls if call.environment == name), key=_first):
            start, end = call.start - origin, max(call.end - origin, call.start - origin + least)
            first = start if call.init_start is None else call.init_start - origin
            if free_from is not None and first > free_from:
                gaps.append((row, free_from, first))
            if call.init_start is not None:
                bands.append(_band(row, first, start, INIT_AGAIN if call.init_again else INIT))
            bands.append(_band(row, start, end, RUNNING if call.outcome == "answered" else FAILED))
            free_from = end
            if call.notes:
                noted.append((row, (start + end) / 2, call))
    places = spread([at for _, at, _ in noted], span * NOTE_PIXELS / WIDTH, span)
    notes = [
        {"x": place, "y": _note_row(len(names), line), "note": call.notes[note]}
        for place, (_, _, call) in zip(places, noted, strict=True)
        for line, note in enumerate(note_rows)
        if note in call.notes
    ]
    leaders = [
        {"x": at, "x2": place, "y": row + 0.34, "y2": _note_row(len(names), 0) - 0.27}
        for place, (row, at, _) in zip(places, noted, strict=True)
    ]
    bands += [_band(row, start, end, FROZEN) for row, start, end in gaps]
    hatches = [line for gap in gaps for line in _hatch(*gap, span)]
    kinds = [kind for kind in KIND_COLOURS if any(band["kind"] == kind for band in bands)]
    labels = {float(row): name for row, name in enumerate(names)}
    labels.update({_note_row(len(names), line): note for line, note in enumerate(note_rows)})
    bottom = max(labels, default=0.0) + 0.5
    spoken = "".join(f"abs(datum.value - {at}) < 0.001 ? {label!r} : " for at, label in labels.items()) + "''"
    x = alt.X(
        "x:Q",
        title="seconds",
        scale=alt.Scale(domain=[0, span * 1.01], nice=False),
        axis=alt.Axis(tickCount=10, labelFlush=False),
    )
    y = alt.Y(
        "y:Q",
        title="environment",
        scale=alt.Scale(domain=[bottom, -0.5], nice=False, zero=False),
        axis=alt.Axis(values=list(labels), labelExpr=spoken, grid=False, ticks=False, domain=False, labelLimit=220),
    )
    layers = [
        alt.Chart(alt.InlineData(values=bands))
        .mark_rect()
        .encode(
            x=x,
            x2="x2:Q",
            y=y,
            y2="y2:Q",
            color=alt.Color(
                "kind:N",
                title=None,
                sort=kinds,
                scale=alt.Scale(domain=kinds, range=[KIND_COLOURS[kind] for kind in kinds]),
                legend=alt.Legend(orient="top"),
            ),
        ),
        alt.Chart(alt.InlineData(values=hatches))
        .mark_rule(color="#9a9a9a", strokeWidth=1)
        .encode(x=x, x2="x2:Q", y=y, y2="y2:Q"),
        alt.Chart(alt.InlineData(values=leaders))
        .mark_rule(color="#c8c8c8", strokeWidth=1)
        .encode(x=x, x2="x2:Q", y=y, y2="y2:Q"),
        alt.Chart(alt.InlineData(values=notes)).mark_text(fontSize=12).encode(x=x, y=y, text="note:N"),
    ]
    chart = alt.layer(*layers).properties(width=WIDTH, height=max((bottom + 0.5) * ROW_HEIGHT, 80))
    return Picture(styled(chart), f"{_told(names, calls, gaps)} {text}".strip())


def spread(places: Sequence[float], room: float, end: float) -> list[float]:
    """The places moved apart so that `room` lies between any two, none past `end`, each as near as may be."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    moved = list(places)
    for before, index in pairwise(order):
        moved[index] = max(moved[index], moved[before] + room)
    limit = end
    for index in reversed(order):
        moved[index] = min(moved[index], limit)
        limit = moved[index] - room
    return moved


def _note_row(environments: int, line: int) -> float:
    return round(environments + FIRST_NOTE + line * NOTE_STEP, 3)


def _first(call: Call) -> float:
    return call.start if call.init_start is None else call.init_start


def _band(row: int, start: float, end: float, kind: str) -> dict[str, Any]:
    return {"x": start, "x2": end, "y": row - 0.32, "y2": row + 0.32, "kind": kind}


def _hatch(row: int, start: float, end: float, span: float) -> list[dict[str, Any]]:
    """Slanted lines inside a band: frozen time is told from running time without colour, too."""
    step = span * HATCH_PIXELS / WIDTH
    slant = step * 1.6
    lines = []
    at = start
    while at + slant <= end:
        lines.append({"x": at, "x2": at + slant, "y": row + 0.32, "y2": row - 0.32})
        at += step
    return lines


def _told(names: Sequence[str], calls: Sequence[Call], gaps: Sequence[tuple[int, float, float]]) -> str:
    said = []
    for row, name in enumerate(names):
        mine = sorted((call for call in calls if call.environment == name), key=_first)
        failed = sum(call.outcome != "answered" for call in mine)
        frozen = sum(end - start for at, start, end in gaps if at == row)
        again = sum(call.init_again and call.init_start is not None for call in mine)
        told = [f"ran {counted(len(mine), 'call')}"]
        if failed:
            told.append(f"saw {failed} of them fail")
        if again:
            told.append(f"had its Init again in {again}")
        if frozen >= 0.05:
            told.append(f"was frozen for {frozen:.1f} s")
        said.append(f"Environment {name} {listed(told)}.")
    for note in dict.fromkeys(name for call in calls for name in call.notes):
        values = [call.notes[note] for call in sorted(calls, key=lambda call: call.start) if note in call.notes]
        said.append(f"{note}: {', '.join(values)}.")
    return " ".join(said)


def shutdown_marks(rows: Mapping[str, Sequence[float]], *, budget_s: float) -> Picture:
    """What was written in environments at their end: a mark a line, in seconds; what they have at most, as a limit."""
    names = list(rows)
    points = [{"environment": name, "at": at} for name, marks in rows.items() for at in marks]
    # A row without a mark says so in words: an empty row looks like a fault of the picture.
    silent = [{"environment": name, "at": 0.0, "label": "nothing"} for name, marks in rows.items() if not marks]
    y = alt.Y(
        "environment:N",
        sort=names,
        title=None,
        scale=alt.Scale(domain=names),
        axis=alt.Axis(labelLimit=220, labelPadding=6, ticks=False, domain=False),
    )
    scale = alt.Scale(domain=[0, budget_s * 1.25], nice=False)
    x = alt.X("at:Q", title="seconds since the extension was told", scale=scale)
    limit = alt.InlineData(values=[{"at": budget_s, "label": f"the environment has {number(budget_s, 's')}"}])
    layers = [
        alt.Chart(alt.InlineData(values=points)).mark_tick(color=BLUE, thickness=3, size=18).encode(x=x, y=y),
        alt.Chart(alt.InlineData(values=silent))
        .mark_text(align="left", dx=4, fontSize=12)
        .encode(x=x, y=y, text="label:N"),
        alt.Chart(limit).mark_rule(color=VERMILION, strokeDash=[6, 4]).encode(x=x),
        alt.Chart(limit)
        .mark_text(color=VERMILION, align="left", dx=5, fontSize=12, baseline="top")
        .encode(x=x, y=alt.value(2), text="label:N"),
    ]
    said = [
        f"Environment {name} wrote {counted(len(marks), 'line')}, the last after {marks[-1]:.1f} s."
        if marks
        else f"Environment {name} wrote nothing."
        for name, marks in rows.items()
    ]
    chart = alt.layer(*layers).properties(width=WIDTH - 60, height=max(len(names) * ROW_HEIGHT, 60))
    return Picture(styled(chart), " ".join(said))


@dataclass(frozen=True, slots=True)
class Size:
    """What one memory size gives: warm milliseconds, and US dollars for a million calls."""

    memory_mb: int
    ms: float
    usd_per_million: float


def power_tuning(sizes: Sequence[Size], *, target_ms: float | None = None) -> Picture:
    """Cost against duration, one point a memory size, joined in the order of size. `target_ms` is drawn as a limit."""
    rows: list[dict[str, Any]] = [
        {
            "order": order,
            "ms": size.ms,
            "usd": size.usd_per_million,
            "label": f"{size.memory_mb:,} MB",
        }
        for order, size in enumerate(sorted(sizes, key=lambda size: size.memory_mb))
    ]
    x = alt.X(
        "ms:Q",
        title="duration of a warm call, milliseconds (logarithmic)",
        scale=alt.Scale(type="log", nice=False, domain=_around([row["ms"] for row in rows])),
        axis=alt.Axis(values=[10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000], format="d"),
    )
    y = alt.Y("usd:Q", title="US dollars for a million calls", scale=alt.Scale(zero=True, nice=True))
    base = alt.Chart(alt.InlineData(values=rows))
    layers = [
        base.mark_line(color=SKY, strokeWidth=2).encode(x=x, y=y, order="order:Q"),
        base.mark_point(color=BLUE, filled=True, size=90).encode(x=x, y=y),
        base.mark_text(align="left", dx=8, dy=-8, fontSize=12).encode(x=x, y=y, text="label:N"),
    ]
    if target_ms is not None:
        limit = alt.Chart(alt.InlineData(values=[{"ms": target_ms, "label": f"target {number(target_ms, 'ms')}"}]))
        layers.append(limit.mark_rule(color=VERMILION, strokeDash=[6, 4]).encode(x=x))
        layers.append(
            limit.mark_text(color=VERMILION, align="left", dx=5, fontSize=12, baseline="top").encode(
                x=x, y=alt.value(2), text="label:N"
            )
        )
    chart = alt.layer(*layers).properties(width=WIDTH - 40, height=300)
    said = [
        f"{size.memory_mb} MB: {number(size.ms, 'ms')}, {size.usd_per_million:.2f} dollars a million."
        for size in sorted(sizes, key=lambda size: size.memory_mb)
    ]
    if target_ms is not None:
        fits = [size for size in sizes if size.ms <= target_ms]
        if fits:
            best = min(fits, key=lambda size: size.usd_per_million)
            said.append(f"Within {number(target_ms, 'ms')} the cheapest is {best.memory_mb} MB.")
    return Picture(styled(chart), " ".join(said))


def _around(values: Sequence[float]) -> list[float]:
    """A logarithmic axis's ends: the values, with room for their labels."""
    return [min(values, default=10) / 1.4, max(values, default=1000) * 1.6]
