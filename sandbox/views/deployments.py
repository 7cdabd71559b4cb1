"""Pictures of deployments: how one went, from its events, and what it sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from sandbox.views import BLUE, GREEN, ORANGE, SKY, VERMILION, WIDTH, Picture, listed, number, styled

_QUIET = "#6b6b6b"


# -- how a deployment went -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Moment:
    """One event of a stack: seconds since the deployment began, on which resource, its status, and its reason."""

    at: float
    resource: str
    status: str
    reason: str = ""


_BEING, _REMOVING, _CANCELLED, _FIRST = "being made", "being removed", "cancelled", "failed first"
_DONE, _GONE = "made", "gone"
_COURSE_COLOURS = {_BEING: SKY, _REMOVING: "#bbbbbb", _DONE: BLUE, _GONE: _QUIET, _CANCELLED: ORANGE, _FIRST: VERMILION}


def course(moments: Sequence[Moment], *, stack: str, what: str = "deployment") -> Picture:
    """A deployment from its events: a line for each resource, and the failure that came first marked.

    `moments` are in the order of time. The stack's own events (its name is `stack`) are left to the text.
    """
    names = list(dict.fromkeys(one.resource for one in moments if one.resource != stack))
    own = [one for one in moments if one.resource != stack]
    failures = [one for one in own if one.status.endswith("_FAILED") and "cancelled" not in one.reason]
    first = failures[0] if failures else None
    spans: list[dict[str, Any]] = []
    marks: list[dict[str, Any]] = []
    for name in names:
        began: Moment | None = None
        for one in (each for each in own if each.resource == name):
            if one.status.endswith("_IN_PROGRESS"):
                began = began or one
                continue
            if began is not None:
                kind = _REMOVING if began.status.startswith("DELETE") else _BEING
                spans.append({"resource": name, "from": began.at, "to": one.at, "kind": kind})
                began = None
            marks.append({"resource": name, "at": one.at, "kind": _kind(one, first)})
    colours = alt.Color(
        "kind:N",
        title=None,
        scale=alt.Scale(domain=list(_COURSE_COLOURS), range=list(_COURSE_COLOURS.values())),
        legend=alt.Legend(orient="bottom", columns=6, symbolType="square"),
    )
    y = alt.Y("resource:N", sort=names, title=None, scale=alt.Scale(domain=names), axis=alt.Axis(labelLimit=320))
    scale = alt.Scale(nice=False, zero=True, padding=10)
    axis = alt.Axis(tickCount=6, labelOverlap=True)
    bars = (
        alt.Chart(alt.InlineData(values=spans))
        .mark_bar(height=12)
        .encode(
            x=alt.X("from:Q", title=f"seconds since the {what} began", scale=scale, axis=axis),
            x2="to:Q",
            y=y,
            color=colours,
        )
    )
    points = (
        alt.Chart(alt.InlineData(values=marks))
        .mark_point(filled=True, size=90, opacity=1, shape="diamond")
        .encode(x=alt.X("at:Q", scale=scale, axis=axis), y=y, color=colours)
    )
    layers: list[alt.Chart] = [bars, points]
    if first is not None:
        label = [{"resource": first.resource, "at": first.at, "text": f"{first.status} first"}]
        layers.append(
            alt.Chart(alt.InlineData(values=label))
            .mark_text(align="left", dx=9, fontSize=12, fontWeight="bold", color=VERMILION)
            .encode(x=alt.X("at:Q", scale=scale), y=y, text="text:N")
        )
    chart = alt.layer(*layers).properties(width=WIDTH - 140, height=max(len(names) * 26, 40))
    return Picture(styled(chart), _told_course(own, moments, first, stack))


def _kind(one: Moment, first: Moment | None) -> str:
    if one is first:
        return _FIRST
    if one.status.endswith("_FAILED"):
        return _CANCELLED
    return _GONE if one.status.startswith("DELETE") else _DONE


def _told_course(own: Sequence[Moment], moments: Sequence[Moment], first: Moment | None, stack: str) -> str:
    made = list(dict.fromkeys(one.resource for one in own if one.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")))
    said = [f"Made: {listed(made) or 'nothing'}."]
    if first is not None:
        after = number(first.at * 1000, "ms") if first.at < 1 else number(first.at, "s")
        said.append(f"After {after} {first.resource} was the first to fail ({first.status}): ")
        said[-1] += f"{first.reason.rstrip('.')}."
    cancelled = [one.resource for one in own if one.status.endswith("_FAILED") and "cancelled" in one.reason]
    if cancelled:
        said.append(f"Cancelled because of it: {listed(cancelled)}.")
    ended = [one for one in moments if one.resource == stack]
    if ended:
        said.append(f"The stack ended as {ended[-1].status}.")
    return " ".join(said)


# -- what was uploaded -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Upload:
    """What one deployment sent to S3 for one package, in bytes; 0 if it was there already."""

    deployment: str
    package: str
    bytes: int


_KB = 1024


def uploads(sent: Sequence[Upload]) -> Picture:
    """What each deployment uploaded, package by package, in kilobytes on a logarithmic axis."""
    deployments = list(dict.fromkeys(one.deployment for one in sent))
    packages = list(dict.fromkeys(one.package for one in sent))
    rows: list[dict[str, Any]] = [
        {
            "deployment": one.deployment,
            "package": one.package,
            "kb": max(one.bytes / _KB, 0.1),
            "from": 0.1,
            "label": f"{number(one.bytes / _KB)} KB" if one.bytes else "nothing",
        }
        for one in sent
    ]
    data = alt.InlineData(values=rows)
    top = max(row["kb"] for row in rows) * 6
    scale = alt.Scale(type="log", domain=[0.1, top], nice=False)
    y = alt.Y("package:N", sort=packages, title=None, axis=alt.Axis(labelLimit=260, ticks=False, domain=False))
    base = alt.Chart(data)
    bars = base.mark_bar(height=16).encode(
        x=alt.X(
            "from:Q",
            title="uploaded, in KB (logarithmic)",
            scale=scale,
            axis=alt.Axis(values=[0.1, 1, 10, 100, 1_000, 10_000], format="~g"),
        ),
        x2="kb:Q",
        y=y,
        color=alt.Color(
            "package:N", sort=packages, legend=None, scale=alt.Scale(domain=packages, range=[BLUE, GREEN, ORANGE, SKY])
        ),
    )
    labels = base.mark_text(align="left", dx=4, fontSize=12).encode(x=alt.X("kb:Q", scale=scale), y=y, text="label:N")
    chart = (
        alt.layer(bars, labels, data=data)
        .properties(width=WIDTH - 220, height=26 * len(packages))
        .facet(
            row=alt.Row(
                "deployment:N",
                sort=deployments,
                title=None,
                header=alt.Header(labelAngle=0, labelAlign="left", labelFontSize=12),
            )
        )
        .resolve_scale(y="shared")
    )
    said = []
    for deployment in deployments:
        mine = [one for one in sent if one.deployment == deployment]
        parts = listed(f"{number(one.bytes / _KB)} KB for {one.package}" for one in mine if one.bytes)
        said.append(f"{deployment}: {parts or 'nothing'} uploaded.")
    return Picture(styled(chart), " ".join(said))
