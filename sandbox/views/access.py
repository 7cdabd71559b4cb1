"""Pictures of permissions: how one call is decided, what wildcards grant, and how much of it nobody needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt

from sandbox.views import (
    BLACK,
    BLUE,
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
    styled,
)

Kind = Literal["resource-control", "service-control", "resource", "identity", "boundary", "session"]

#: Kinds of policies in the order in which they are looked at, with what each does in one account.
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
KINDS: Mapping[str, str] = {
    "service-control": "service control policies: limit",
    "resource": "resource-based policy: grants",
    "identity": "identity-based policies: grant",
    "boundary": "permissions boundary: limits",
    "session": "session policy: limits",
}
_RESOURCE_CONTROL = "resource control policies: limit"

LINE_HEIGHT = 24
_ELEMENTS = ("principal", "action", "resource", "condition")
_COLUMNS = ("Effect", *_ELEMENTS, "so it")
#: Of what is silent: darker than the palette's grey, which is too pale for small letters.
_QUIET = "#6b6b6b"
_FITS, _MISSES, _NONE = "✓", "✗", "–"
#: The widths of the names' column and of the others; names that are longer are cut.
_LABEL_PIXELS = 280
_COLUMN_PIXELS = 86
_TABLE_PIXELS = _LABEL_PIXELS + _COLUMN_PIXELS * len(_COLUMNS)
#: The lines above the table's first one.
_HEAD = 2
#: Blanks between words that a picture keeps.
_BLANKS = "\u00a0" * 3


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of one policy, held against one call.

    `policy` and `name` are what it is called by. An element is True where it fits the call, False where it doesn't,
    None where the statement has none. `applies` if all fit; `decided` marks the one statement that settled the call.
    `why` is a sentence on what does not fit, in place of the elements' names.
    """

    kind: Kind
    policy: str
    name: str
    effect: Literal["Allow", "Deny"]
    action: bool
    resource: bool | None
    principal: bool | None = None
    condition: bool | None = None
    applies: bool = False
    decided: bool = False
    why: str = ""

    def misses(self) -> list[str]:
        """The elements that do not fit."""
        return [name for name in _ELEMENTS if getattr(self, name) is False]


def evaluation(
    statements: Sequence[Statement], *, call: str, allowed: bool, reason: str = "", sentence: str = ""
) -> Picture:
    """How one call was decided: a line for each statement, by kind of policy, and what of it fits the call.

    `reason` is the kind of policy that did not allow, where a call is denied without a Deny: its heading is marked.
    """
    titles = dict(KINDS)
    if any(one.kind == "resource-control" for one in statements):
        titles = {"resource-control": _RESOURCE_CONTROL, **titles}
    silent = reason if not allowed and not any(one.decided for one in statements) else ""
    labels: dict[int, str] = {}
    headings: list[int] = []
    cells: list[dict[str, Any]] = []
    marked: list[dict[str, Any]] = []
    for kind, title in titles.items():
        row = len(labels)
        labels[row] = title
        headings.append(row)
        mine = [one for one in statements if one.kind == kind]
        if not mine:
            cells.append(_cell(row, "Effect", "none here", _QUIET))
        elif kind == silent:
            cells.append(_cell(row, "so it", "none allows", VERMILION, strong=True))
            marked.append({"row": row - 0.46, "row2": row + 0.46})
        for one in mine:
            row = len(labels)
            labels[row] = f"{one.policy} · {one.name}"
            cells += _line(row, one)
            if one.decided:
                marked.append({"row": row - 0.46, "row2": row + 0.46})
    chart = alt.layer(*_layers(labels, headings, cells, marked)).properties(
        width=_TABLE_PIXELS,
        height=(len(labels) + _HEAD) * LINE_HEIGHT,
        title=alt.Title(
            f"{call}: {'allowed' if allowed else 'denied'}",
            subtitle=_BLANKS.join(
                (f"{_FITS} fits", f"{_MISSES} does not fit", f"{_NONE} the statement has none", "marked: what decided")
            ),
            subtitleFontSize=12,
            offset=10,
        ),
    )
    return Picture(styled(chart), _told(statements, call, allowed, silent, titles, sentence))


def _line(row: int, one: Statement) -> list[dict[str, Any]]:
    effect = one.effect
    cells = [_cell(row, "Effect", effect, BLACK)]
    for name in _ELEMENTS:
        fits: bool | None = getattr(one, name)
        if fits is None:
            cells.append(_cell(row, name, _NONE, _QUIET))
        else:
            cells.append(_cell(row, name, _FITS if fits else _MISSES, BLUE if fits else VERMILION, strong=True))
    said = {"Allow": "allows", "Deny": "denies"}[effect] if one.applies else "is silent"
    colour = _QUIET if not one.applies else BLUE if effect == "Allow" else VERMILION
    return [*cells, _cell(row, "so it", said, colour, strong=one.applies)]


def _cell(row: int, column: str, text: str, colour: str, *, strong: bool = False) -> dict[str, Any]:
    return {"row": row, "column": column, "text": text, "colour": colour, "strong": strong}


def _layers(
    labels: Mapping[int, str], headings: Sequence[int], cells: Sequence[Mapping[str, Any]], marked: Sequence[Any]
) -> list[alt.Chart]:
    """The table, drawn in pixels from left to right and in lines from top to bottom: the headings are its axes."""
    y = alt.Y("row:Q", axis=None, scale=alt.Scale(domain=[len(labels) - 0.5, -_HEAD - 0.5], nice=False, zero=False))
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, _TABLE_PIXELS], nice=False))
    right = _TABLE_PIXELS
    band = (
        alt.Chart(alt.InlineData(values=[{"x": 0, "x2": right, **one} for one in marked]))
        .mark_rect(color=YELLOW, fillOpacity=0.45, stroke=BLACK, strokeWidth=1)
        .encode(x=x, x2="x2:Q", y=alt.Y("row:Q", axis=None), y2="row2:Q")
    )
    rules = (
        alt.Chart(alt.InlineData(values=[{"x": 0, "x2": right, "row": row - 0.5} for row in headings]))
        .mark_rule(color="#d0d0d0")
        .encode(x=x, x2="x2:Q", y=y)
    )
    named = [
        {"x": 6 if row in headings else 22, "row": row, "text": label, "strong": row in headings}
        for row, label in labels.items()
    ]
    named.append({"x": 6, "row": -1, "text": "kind of policy, and its statements", "strong": False})
    places = {name: _LABEL_PIXELS + (index + 0.5) * _COLUMN_PIXELS for index, name in enumerate(_COLUMNS)}
    heads = [_cell(-1, name, name, BLACK) for name in _COLUMNS]
    placed = [{**cell, "x": places[cell["column"]]} for cell in [*heads, *cells]]
    over = (places[_ELEMENTS[0]] + places[_ELEMENTS[-1]]) / 2
    placed.append({**_cell(-2, "", "does it fit the call?", BLACK), "x": over})
    layers = [band, rules]
    for strong in (False, True):
        look: dict[str, Any] = {"fontSize": 12, "fontWeight": "bold" if strong else "normal"}
        left = alt.Chart(alt.InlineData(values=[one for one in named if one["strong"] is strong]))
        layers.append(left.mark_text(align="left", limit=_LABEL_PIXELS - 24, **look).encode(x=x, y=y, text="text:N"))
        centred = alt.Chart(alt.InlineData(values=[one for one in placed if one["strong"] is strong]))
        colour = alt.Color("colour:N", scale=None, legend=None)
        layers.append(centred.mark_text(**look).encode(x=x, y=y, text="text:N", color=colour))
    return layers


def _told(
    statements: Sequence[Statement],
    call: str,
    allowed: bool,
    silent: str,
    titles: Mapping[str, str],
    sentence: str,
) -> str:
    said = [f"{call} is {'allowed' if allowed else 'denied'}."]
    for one in statements:
        if one.applies:
            how = f"{'allows' if one.effect == 'Allow' else 'denies'}{' and decides' if one.decided else ''}"
        else:
            missed = f"the {listed(one.misses())} {'do' if len(one.misses()) > 1 else 'does'} not fit"
            how = f"does not apply: {one.why.rstrip('.') or missed}"
        said.append(f"{one.name} of {one.policy} ({one.effect}) {how}.")
    if silent:
        said.append(f"Of the {titles.get(silent, silent).partition(':')[0]} none allows, and that decides.")
    return " ".join([*said, *([f"{sentence.rstrip('.')}."] if sentence else [])])


# -- wildcards counted -----------------------------------------------------------------------------------------

#: AWS's access levels, from the mildest to the one that can give more of itself.
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_understand-policy-summary-access-level-summaries.html
LEVEL_COLOURS: Mapping[str, str] = {
    "List": GREY,
    "Read": SKY,
    "Write": BLUE,
    "Tagging": YELLOW,
    "Permissions management": VERMILION,
}


@dataclass(frozen=True, slots=True)
class Grant:
    """A pattern of actions (`dynamodb:*`): how many it grants at each access level, and how many of them were used."""

    pattern: str
    granted: Mapping[str, int]
    used: Mapping[str, int]


def granted(grants: Sequence[Grant]) -> Picture:
    """What wildcards grant, by access level, and below each what was used of it."""
    names: list[str] = []
    rows: list[dict[str, Any]] = []
    totals: list[dict[str, Any]] = []
    levels = list(LEVEL_COLOURS)
    for grant in grants:
        for name, counts in ((grant.pattern, grant.granted), (f"used of {grant.pattern}", grant.used)):
            names.append(name)
            at = 0
            for level in levels:
                count = counts.get(level, 0)
                if count:
                    rows.append({"name": name, "level": level, "from": at, "to": at + count})
                at += count
            totals.append({"name": name, "to": at, "label": str(at)})
    y = alt.Y(
        "name:N",
        sort=names,
        title=None,
        scale=alt.Scale(domain=names),
        axis=alt.Axis(labelLimit=300, labelPadding=6, ticks=False, domain=False),
    )
    bars = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar(height=20, stroke="white", strokeWidth=1)
        .encode(
            x=alt.X("from:Q", title="number of actions", scale=alt.Scale(zero=True, nice=True)),
            x2="to:Q",
            y=y,
            color=alt.Color(
                "level:N",
                title="access level",
                sort=levels,
                scale=alt.Scale(domain=levels, range=list(LEVEL_COLOURS.values())),
                legend=alt.Legend(orient="top", columns=5, labelLimit=200),
            ),
        )
    )
    labels = (
        alt.Chart(alt.InlineData(values=totals))
        .mark_text(align="left", dx=5, fontSize=12)
        .encode(x="to:Q", y=y, text="label:N")
    )
    chart = (bars + labels).properties(width=WIDTH - 100, height=max(len(names) * 28, 40))
    said = [
        f"{one.pattern} grants {counted(sum(one.granted.values()), 'action')} ({_levels(one.granted)}); "
        f"{sum(one.used.values()) or 'none'} of them {'was' if sum(one.used.values()) == 1 else 'were'} used."
        for one in grants
    ]
    return Picture(styled(chart), " ".join(said))


def _levels(counts: Mapping[str, int]) -> str:
    return listed(f"{counts[level]} {level}" for level in LEVEL_COLOURS if counts.get(level))


# -- the privilege gap -----------------------------------------------------------------------------------------

_NEEDED, _EXCESS, _MISSING = "granted and needed", "granted beyond need", "needed and missing"
_GAP_COLOURS = {_NEEDED: BLUE, _EXCESS: ORANGE, _MISSING: PURPLE}


@dataclass(frozen=True, slots=True)
class Stage:
    """A policy at one stage of the work: of the pairs of action and resource, how many it grants that are needed, how
    many beyond need, and how many are needed and not granted."""

    name: str
    needed: int
    excess: int
    missing: int = 0


def privilege_gap(stages: Sequence[Stage]) -> Picture:
    """How far a role's rights go beyond what it needs, stage by stage: one bar a stage, the gap written beside it."""
    names = [one.name for one in stages]
    rows: list[dict[str, Any]] = []
    totals: list[dict[str, Any]] = []
    for one in stages:
        at = 0
        for part, count in ((_NEEDED, one.needed), (_EXCESS, one.excess), (_MISSING, one.missing)):
            if count:
                rows.append({"stage": one.name, "part": part, "from": at, "to": at + count})
            at += count
        label = f"gap {one.excess}" + (f", {one.missing} missing" if one.missing else "")
        totals.append({"stage": one.name, "to": at, "label": label})
    parts = [part for part in _GAP_COLOURS if any(row["part"] == part for row in rows)]
    # The labels stand behind the bars, so the axis ends beyond the longest.
    end = max((total["to"] for total in totals), default=1) * 1.22 or 1
    scale = alt.Scale(domain=[0, end], nice=False)
    y = alt.Y(
        "stage:N",
        sort=names,
        title=None,
        scale=alt.Scale(domain=names),
        axis=alt.Axis(labelLimit=300, labelPadding=6, ticks=False, domain=False),
    )
    bars = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar(height=24, stroke="white", strokeWidth=1)
        .encode(
            x=alt.X("from:Q", title="pairs of action and resource", scale=scale, axis=alt.Axis(tickMinStep=1)),
            x2="to:Q",
            y=y,
            color=alt.Color(
                "part:N",
                title=None,
                sort=parts,
                scale=alt.Scale(domain=parts, range=[_GAP_COLOURS[part] for part in parts]),
                legend=alt.Legend(orient="top", labelLimit=260),
            ),
        )
    )
    labels = (
        alt.Chart(alt.InlineData(values=totals))
        .mark_text(align="left", dx=5, fontSize=12)
        .encode(x=alt.X("to:Q", scale=scale), y=y, text="label:N")
    )
    chart = (bars + labels).properties(width=WIDTH - 60, height=max(len(names) * 36, 40))
    said = [
        f"{one.name}: {counted(one.needed + one.excess, 'pair')} granted, {one.needed} needed, gap {one.excess}"
        + (f", {one.missing} needed and missing." if one.missing else ".")
        for one in stages
    ]
    if len(stages) > 1 and stages[0].excess != stages[-1].excess:
        said.append(f"The gap went from {stages[0].excess} to {stages[-1].excess}.")
    return Picture(styled(chart), " ".join(said))
