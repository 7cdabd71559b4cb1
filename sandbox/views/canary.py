"""The picture of a canary: traffic by version, errors, latency, alarms and the deployment's steps on one time axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from sandbox.views import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, WIDTH, Picture, counted, number, styled

#: The first version of a picture is the one that was there; told apart in lightness, too.
_VERSIONS = ("#a9cfe8", ORANGE, PURPLE, GREEN)
_STATES: Mapping[str, str] = {
    "OK": "#9bd3bf",
    "ALARM": VERMILION,
    "INSUFFICIENT_DATA": "#d9d9d9",
    "InProgress": BLUE,
    "Succeeded": BLUE,
    "Failed": BLACK,
    "Stopped": BLACK,
    "Skipped": GREY,
}
_STEP_WORDS: Mapping[str, str] = {"InProgress": "going on", "Succeeded": "done"}
_PANEL = WIDTH - 120
_ROW = 24
_LEFT = 150


@dataclass(frozen=True, slots=True)
class Bin:
    """What one version did in a stretch of time that begins `at` seconds: requests, errors, p95 of latency in ms.

    `p95_ms` is None where nothing was measured.
    """

    at: float
    version: str
    requests: int
    errors: int
    p95_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Weight:
    """From `at` seconds on the alias gives the new version this share of requests, 0 to 1."""

    at: float
    share: float


@dataclass(frozen=True, slots=True)
class Span:
    """Something was so from `start` to `end`, in seconds: an alarm in its state, a lifecycle event in its status."""

    name: str
    state: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Canary:
    """All that the picture shows. `new` is the version that is tried; `width` is a bin's length in seconds.

    Seconds count from the picture's beginning; `until` is where it ends.
    """

    bins: Sequence[Bin]
    new: str
    until: float
    weights: Sequence[Weight] = ()
    alarms: Sequence[Span] = ()
    steps: Sequence[Span] = ()
    width: float = 60.0


def canary(shown: Canary) -> Picture:
    """Five panels on one axis of minutes: share and weight, errors, latency, alarms, steps; those without data are
    left out."""
    # The version that was there first: which colour is whose then does not depend on the run.
    versions = sorted({one.version for one in shown.bins}, key=lambda name: (name == shown.new, name))
    colours, quiet = _colours(versions, legend=bool(versions)), _colours(versions, legend=False)
    bands = [(spans, title) for spans, title in ((shown.alarms, "alarms"), (shown.steps, "deployment")) if spans]
    timed = any(one.p95_ms is not None for one in shown.bins)
    panels = [_shares(shown, colours), _errors(shown, quiet, last=not (timed or bands))]
    if timed:
        panels.append(_latency(shown, quiet, last=not bands))
    for place, (spans, title) in enumerate(bands, 1):
        panels.append(_bands(spans, title, shown.until, last=place == len(bands)))
    chart = alt.vconcat(*panels, spacing=10).resolve_scale(x="shared", color="independent")
    return Picture(styled(chart), told(shown))


def _colours(versions: Sequence[str], *, legend: bool) -> alt.Color:
    return alt.Color(
        "version:N",
        title=None,
        scale=alt.Scale(domain=[f"version {one}" for one in versions], range=list(_VERSIONS[: len(versions)])),
        legend=alt.Legend(orient="top", symbolType="square") if legend else None,
    )


def _x(until: float, field: str = "from:Q", *, last: bool = False) -> alt.X:
    """The axis of minutes. Only the last panel has its numbers: they hold for those above it, too."""
    return alt.X(
        field,
        title="minutes" if last else None,
        scale=alt.Scale(domain=[0, max(until, 60.0) / 60], nice=False),
        axis=alt.Axis(tickMinStep=1, grid=True, labels=last, ticks=last),
    )


def _y(field: str, title: str | list[str], **scale: Any) -> alt.Y:
    """The same room on the left in each panel: their axes of minutes then stand below one another."""
    axis = alt.Axis(minExtent=_LEFT, maxExtent=_LEFT, titlePadding=8, tickCount=4)
    return alt.Y(field, title=title, scale=alt.Scale(**scale), axis=axis)


def _rows(shown: Canary) -> list[dict[str, Any]]:
    totals: dict[float, int] = {}
    for one in shown.bins:
        totals[one.at] = totals.get(one.at, 0) + one.requests
    ends = {one.at: min(one.at + shown.width, max(shown.until, one.at + 1)) for one in shown.bins}
    return [
        {
            "from": one.at / 60,
            "to": ends[one.at] / 60,
            "middle": (one.at + ends[one.at]) / 2 / 60,
            "version": f"version {one.version}",
            # What is tried is at the bottom: its share is read off the axis.
            "order": 0 if one.version == shown.new else 1,
            "share": 100 * one.requests / totals[one.at] if totals[one.at] else 0.0,
            "errors": one.errors,
            "p95": one.p95_ms,
        }
        for one in sorted(shown.bins, key=lambda one: (one.at, one.version))
    ]


def _stacked(rows: Sequence[Mapping[str, Any]], field: str) -> list[dict[str, Any]]:
    """Each row with where its bar begins and ends, one on top of the other within a stretch of time."""
    heights: dict[float, float] = {}
    found = []
    for row in sorted(rows, key=lambda row: (row["from"], row["order"], row["version"])):
        low = heights.get(row["from"], 0.0)
        heights[row["from"]] = low + row[field]
        found.append({**row, "low": low, "high": low + row[field]})
    return found


def _shares(shown: Canary, colours: alt.Color) -> Any:
    rows = _stacked(_rows(shown), "share")
    bars = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar(stroke="white", strokeWidth=1)
        .encode(
            x=_x(shown.until),
            x2="to:Q",
            y=_y("low:Q", ["share of", "requests, %"], domain=[0, 100]),
            y2="high:Q",
            color=colours,
        )
    )
    layers = [bars]
    if shown.weights:
        values: list[dict[str, float]] = []
        for one in shown.weights:
            values.append({"from": one.at / 60, "weight": one.share * 100})
        values.append({"from": shown.until / 60, "weight": values[-1]["weight"]})
        layers.append(
            alt.Chart(alt.InlineData(values=values))
            .mark_line(interpolate="step-after", color=BLACK, strokeWidth=2, strokeDash=[5, 3])
            .encode(x="from:Q", y=alt.Y("weight:Q", scale=alt.Scale(domain=[0, 100])))
        )
    return alt.layer(*layers).properties(width=_PANEL, height=110)


def _errors(shown: Canary, colours: alt.Color, *, last: bool) -> Any:
    rows = _stacked(_rows(shown), "errors")
    return (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar(stroke="white", strokeWidth=1)
        .encode(
            x=_x(shown.until, last=last),
            x2="to:Q",
            y=_y("low:Q", ["errors", _each(shown.width)], domain=[0, max([row["high"] for row in rows] + [4])]),
            y2="high:Q",
            color=colours,
        )
        .properties(width=_PANEL, height=70)
    )


def _latency(shown: Canary, colours: alt.Color, *, last: bool) -> Any:
    rows = [row for row in _rows(shown) if row["p95"] is not None]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=_x(shown.until, "middle:Q", last=last),
        y=_y("p95:Q", ["latency p95,", "ms"], zero=True),
        color=colours,
    )
    return (base.mark_line() + base.mark_point(filled=True, size=40, opacity=1)).properties(width=_PANEL, height=70)


def _bands(spans: Sequence[Span], title: str, until: float, *, last: bool) -> Any:
    names = list(dict.fromkeys(one.name for one in spans))
    states = list(dict.fromkeys(one.state for one in spans))
    # A moment is seen, too, and stays within the panel.
    least = max(until, 1.0) / 60 * 3 / _PANEL
    begun = [max(min(one.start / 60, until / 60 - least), 0.0) for one in spans]
    rows = [
        {"name": one.name, "state": one.state, "from": start, "to": max(one.end / 60, start + least)}
        for one, start in zip(spans, begun, strict=True)
    ]
    return (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar(height=14)
        .encode(
            x=_x(until, last=last),
            x2="to:Q",
            y=alt.Y(
                "name:N",
                sort=names,
                title=title,
                axis=alt.Axis(
                    labelLimit=_LEFT - 2, minExtent=_LEFT, maxExtent=_LEFT, titlePadding=8, ticks=False, domain=False
                ),
            ),
            color=alt.Color(
                "state:N",
                title=None,
                scale=alt.Scale(domain=states, range=[_STATES.get(one, GREY) for one in states]),
                legend=alt.Legend(orient="bottom", symbolType="square"),
            ),
        )
        .properties(width=_PANEL, height=_ROW * len(names))
    )


def _each(width: float) -> str:
    return "a minute" if width == 60 else f"in {number(width)} s"


# -- the text --------------------------------------------------------------------------------------------------


def told(shown: Canary) -> str:
    """What the picture shows, in sentences."""
    said: list[str] = []
    for version in sorted({one.version for one in shown.bins}):
        mine = [one for one in shown.bins if one.version == version]
        requests, errors = sum(one.requests for one in mine), sum(one.errors for one in mine)
        slowest = max((one.p95_ms for one in mine if one.p95_ms is not None), default=None)
        latency = f", p95 at most {number(slowest, 'ms')}" if slowest is not None else ""
        said.append(f"Version {version}: {counted(requests, 'request')}, {counted(errors, 'error')}{latency}.")
    if shown.weights:
        steps = ", ".join(f"{number(one.share * 100)} % from {_minute(one.at)}" for one in shown.weights)
        said.append(f"Weight of version {shown.new}: {steps}.")
    for name in dict.fromkeys(one.name for one in shown.alarms):
        states = ", ".join(f"{one.state} from {_minute(one.start)}" for one in shown.alarms if one.name == name)
        said.append(f"Alarm {name}: {states}.")
    said += [
        f"{one.name}: {_minute(one.start)} to {_minute(one.end)}, {_STEP_WORDS.get(one.state, one.state)}."
        for one in shown.steps
    ]
    return " ".join(said) or "Nothing has happened yet."


def _minute(seconds: float) -> str:
    """A moment as minutes and seconds: 65 is 1:05."""
    whole = max(round(seconds), 0)
    return f"{whole // 60}:{whole % 60:02d}"
