"""Pictures of templates: what a transform made of one, and which of its resources needs which."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from sandbox.views import BLACK, ORANGE, SKY, VERMILION, WIDTH, Picture, counted, listed, styled

ROW_HEIGHT = 30
#: Fills that black letters can be read on: of what was written, and of what was made of it.
_WRITTEN, _COPIED, _MADE = SKY, "#dddddd", "#f2c36b"
_QUIET = "#6b6b6b"


# -- what a transform made -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Expansion:
    """One resource of a template, and what the transform made of it: logical ids with their types.

    `written` is False for what nobody wrote: an API that stands for the events of functions, say.
    """

    name: str
    type: str
    made: tuple[tuple[str, str], ...]
    written: bool = True

    @property
    def copied(self) -> bool:
        """Whether it passed the transform as it was."""
        return self.made == ((self.name, self.type),)


def expansion(expansions: Sequence[Expansion]) -> Picture:
    """Each resource as it was written, on the left, and the resources that came of it, on the right."""
    rows = sum(len(one.made) for one in expansions)
    left, right, width = 275, 345, 815
    boxes: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    row = 0
    for one in expansions:
        middle = row + (len(one.made) - 1) / 2
        fill = _COPIED if one.copied else _WRITTEN
        name = one.name if one.written else f"({one.name})"
        boxes.append({"x": 0, "x2": left, "row": middle, "name": name, "type": _short(one.type), "fill": fill})
        for id, kind in one.made:
            fill = _COPIED if one.copied else _MADE
            boxes.append({"x": right, "x2": width, "row": row, "name": id, "type": _short(kind), "fill": fill})
            lines.append({"x": left, "x2": right, "row": middle, "row2": row})
            row += 1
    for box in boxes:
        box |= {"top": box["row"] - 0.42, "bottom": box["row"] + 0.42, "at": box["x"] + 8, "end": box["x2"] - 8}
    y = alt.Y("row:Q", axis=None, scale=alt.Scale(domain=[rows - 0.5, -1.5], nice=False, zero=False))
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, width], nice=False))
    data = alt.InlineData(values=boxes)
    links = alt.Chart(alt.InlineData(values=lines)).mark_rule(color=_QUIET).encode(x=x, x2="x2:Q", y=y, y2="row2:Q")
    rects = (
        alt.Chart(data)
        .mark_rect(cornerRadius=4)
        .encode(
            x=x,
            x2="x2:Q",
            y=alt.Y("top:Q", axis=None),
            y2="bottom:Q",
            color=alt.Color("fill:N", scale=None, legend=None),
        )
    )
    names = (
        alt.Chart(data)
        .mark_text(align="left", fontSize=12, fontWeight="bold")
        .encode(x=alt.X("at:Q", axis=None), y=y, text="name:N")
    )
    types = (
        alt.Chart(data)
        .mark_text(align="right", fontSize=10.5, dy=0)
        .encode(x=alt.X("end:Q", axis=None), y=y, text="type:N")
    )
    heads = [
        {"x": 0, "row": -1, "text": f"in the template: {counted(sum(one.written for one in expansions), 'resource')}"},
        {"x": right, "row": -1, "text": f"after the transform: {counted(rows, 'resource')}"},
    ]
    titles = (
        alt.Chart(alt.InlineData(values=heads)).mark_text(align="left", fontSize=12).encode(x=x, y=y, text="text:N")
    )
    chart = alt.layer(links, rects, names, types, titles).properties(width=width, height=(rows + 1) * ROW_HEIGHT)
    return Picture(styled(chart), _told_expansion(expansions, rows))


def _told_expansion(expansions: Sequence[Expansion], rows: int) -> str:
    written = sum(one.written for one in expansions)
    said = [f"{counted(written, 'resource')} in the template, {rows} after the transform."]
    for one in expansions:
        made = listed(f"{id} ({kind})" for id, kind in one.made)
        if one.copied:
            said.append(f"{one.name} ({one.type}) stayed as it was.")
        elif one.written:
            said.append(f"{one.name} ({one.type}) became {made}.")
        else:
            said.append(f"Nobody wrote {one.name} ({one.type}): it is {made}.")
    return " ".join(said)


def _short(type: str) -> str:
    return type.removeprefix("AWS::")


# -- what needs what -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Need:
    """One resource needs another to be there before it; `by` is the property that says so, or "DependsOn"."""

    resource: str
    needs: str
    by: str = ""


def needs(found: Sequence[Need], cycle: Sequence[str] = ()) -> Picture:
    """Who needs whom. An arrow leads from a resource to what it needs; what lies on the cycle is marked.

    `cycle` are the names along one cycle, in its order; empty if there is none.
    """
    names = list(dict.fromkeys([*cycle, *(name for one in found for name in (one.resource, one.needs))]))
    places = _circle(names)
    on_cycle = {(one, cycle[(index + 1) % len(cycle)]) for index, one in enumerate(cycle)}
    edges: list[dict[str, Any]] = []
    for pair in dict.fromkeys((one.resource, one.needs) for one in found):
        by = list(dict.fromkeys(one.by for one in found if (one.resource, one.needs) == pair and one.by))
        edges.append(_edge(places, pair, ", ".join(by), marked=pair in on_cycle))
    _place_labels(edges, [(place[0], _name_y(place[1]), name) for name, place in places.items()])
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, WIDTH], nice=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[_GRAPH_HEIGHT, 0], nice=False))
    layers: list[alt.Chart] = []
    for marked in (False, True):
        mine = alt.InlineData(values=[one for one in edges if one["marked"] is marked])
        colour = VERMILION if marked else _QUIET
        layers.append(
            alt.Chart(mine)
            .mark_rule(color=colour, strokeWidth=2.5 if marked else 1)
            .encode(x=x, y=y, x2="x2:Q", y2="y2:Q")
        )
        layers.append(
            alt.Chart(mine)
            .mark_point(shape="triangle-up", filled=True, color=colour, size=110, opacity=1)
            .encode(x=alt.X("x2:Q", axis=None), y=alt.Y("y2:Q", axis=None), angle=alt.Angle("angle:Q", scale=None))
        )
    nodes = [
        {
            "x": place[0],
            "y": place[1],
            "name_y": _name_y(place[1]),
            "name": name,
            "fill": ORANGE if name in cycle else _COPIED,
        }
        for name, place in places.items()
    ]
    shown = alt.Chart(alt.InlineData(values=nodes))
    layers.append(
        shown.mark_point(shape="circle", filled=True, size=420, opacity=1, stroke="white").encode(
            x=x, y=y, color=alt.Color("fill:N", scale=None, legend=None)
        )
    )
    layers.append(
        shown.mark_text(fontSize=12, fontWeight="bold").encode(x=x, y=alt.Y("name_y:Q", axis=None), text="name:N")
    )
    labels = alt.Chart(alt.InlineData(values=[one for one in edges if one["by"]]))
    layers.append(
        labels.mark_text(fontSize=11, color=BLACK, stroke="white", strokeWidth=4).encode(
            x=alt.X("middle_x:Q", axis=None), y=alt.Y("middle_y:Q", axis=None), text="by:N"
        )
    )
    layers.append(
        labels.mark_text(fontSize=11, color=BLACK).encode(
            x=alt.X("middle_x:Q", axis=None), y=alt.Y("middle_y:Q", axis=None), text="by:N"
        )
    )
    chart = alt.layer(*layers).properties(width=WIDTH, height=_GRAPH_HEIGHT)
    return Picture(styled(chart), _told_needs(found, cycle))


_GRAPH_HEIGHT = 370
#: Where on its arrow a label may stand, the best place first.
_LABEL_PLACES = (0.4, 0.3, 0.5, 0.22, 0.6, 0.7)
#: Half of a letter's width, and the height of a label, in pixels.
_HALF_LETTER, _LABEL_HEIGHT = 3.6, 16
#: How far from a node's middle an arrow ends, in pixels.
_CLEAR = 17


def _circle(names: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Places on an ellipse, the first on the left."""
    places = {}
    for index, name in enumerate(names):
        angle = math.pi + 2 * math.pi * index / max(len(names), 1)
        places[name] = (WIDTH / 2 + 235 * math.cos(angle), _GRAPH_HEIGHT / 2 + 132 * math.sin(angle))
    return places


def _name_y(y: float) -> float:
    """Where a node's name stands: on the side from which no arrow comes, as the others lie around the middle."""
    return y + (26 if y >= _GRAPH_HEIGHT / 2 else -22)


def _place_labels(edges: Sequence[dict[str, Any]], names: Sequence[tuple[float, float, str]]) -> None:
    """Puts each arrow's label on it, where it covers neither a name nor another label, if there is such a place."""
    taken = [*names]
    for edge in edges:
        if not edge["by"]:
            continue
        places = [
            (edge["x"] + part * (edge["x2"] - edge["x"]), edge["y"] + part * (edge["y2"] - edge["y"]), edge["by"])
            for part in _LABEL_PLACES
        ]
        free = (place for place in places if not any(_cover(place, other) for other in taken))
        chosen = next(free, places[0])
        edge |= {"middle_x": chosen[0], "middle_y": chosen[1]}
        taken.append(chosen)


def _cover(one: tuple[float, float, str], other: tuple[float, float, str]) -> bool:
    wide = (len(one[2]) + len(other[2])) * _HALF_LETTER
    return abs(one[0] - other[0]) < wide and abs(one[1] - other[1]) < _LABEL_HEIGHT


def _edge(places: Mapping[str, tuple[float, float]], pair: tuple[str, str], by: str, *, marked: bool) -> dict[str, Any]:
    (x, y), (x2, y2) = places[pair[0]], places[pair[1]]
    length = math.hypot(x2 - x, y2 - y) or 1.0
    along = ((x2 - x) / length, (y2 - y) / length)
    return {
        "x": x + _CLEAR * along[0],
        "y": y + _CLEAR * along[1],
        "x2": x2 - _CLEAR * along[0],
        "y2": y2 - _CLEAR * along[1],
        # A triangle points up at 0 and turns clockwise.
        "angle": math.degrees(math.atan2(along[1], along[0])) + 90,
        "by": by,
        "marked": marked,
    }


def _told_needs(found: Sequence[Need], cycle: Sequence[str]) -> str:
    said = []
    for name in dict.fromkeys(one.resource for one in found):
        mine = [one for one in found if one.resource == name]
        needed = dict.fromkeys(one.needs for one in mine)
        with_reason = (
            f"{other} ({listed(dict.fromkeys(one.by for one in mine if one.needs == other and one.by)) or 'named'})"
            for other in needed
        )
        said.append(f"{name} needs {listed(with_reason)}.")
    if cycle:
        said.append(f"A cycle: {' needs '.join([*cycle, cycle[0]])}. None of them can be made first.")
    else:
        said.append("There is no cycle.")
    return " ".join(said)
