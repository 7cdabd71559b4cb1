"""A picture of what was tried: one row and one column for each circumstance, and in each cell a word and its colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from sandbox.views import BLACK, ORANGE, SKY, WIDTH, YELLOW, Picture, styled

ROW_HEIGHT = 44
#: The width of a letter in a name, in pixels, on the safe side.
_LETTER = 7.5
#: The widest that one column gets, in pixels.
_COLUMN = 170
#: Colours for outcomes, in the order in which they are given. Black letters can be read on all of them.
_FILLS = (SKY, ORANGE, YELLOW, "#dddddd")


@dataclass(frozen=True, slots=True)
class Cell:
    """What came of one trial. `outcome` gives the colour; `word` is written in the cell (by default the outcome)."""

    row: str
    column: str
    outcome: str
    word: str = ""

    @property
    def written(self) -> str:
        return self.word or self.outcome


def grid(
    cells: Sequence[Cell], *, rows: str, columns: str, outcomes: Sequence[str], text: str, legend: str = "outcome"
) -> Picture:
    """All trials at a glance. `rows` and `columns` title the axes; `outcomes` are the possible ones, at most four.

    `text` says what the picture shows; the cells' words follow it, row by row.
    """
    if len(outcomes) > len(_FILLS):
        raise ValueError(f"{len(outcomes)} outcomes; a grid has colours for {len(_FILLS)}")
    names = list(dict.fromkeys(cell.row for cell in cells))
    places = list(dict.fromkeys(cell.column for cell in cells))
    values = [{"row": cell.row, "column": cell.column, "outcome": cell.outcome, "word": cell.written} for cell in cells]
    x = alt.X("column:N", sort=places, title=columns, axis=_axis(orient="top", labelAngle=0))
    # Room for the longest name: the title stands left of it.
    room = _LETTER * max((len(name) for name in names), default=0)
    y = alt.Y("row:N", sort=names, title=rows, axis=_axis(labelLimit=2 * room, minExtent=room))
    data = alt.InlineData(values=values)
    fills = alt.Color(
        "outcome:N",
        title=legend,
        scale=alt.Scale(domain=list(outcomes), range=list(_FILLS[: len(outcomes)])),
        legend=alt.Legend(orient="bottom", labelLimit=260, titleOrient="left"),
    )
    boxes = alt.Chart(data).mark_rect(stroke="white", strokeWidth=2).encode(x=x, y=y, color=fills)
    words = alt.Chart(data).mark_text(fontSize=12, color=BLACK).encode(x=x, y=y, text="word:N")
    width = min(WIDTH - 120, _COLUMN * len(places))
    chart = (boxes + words).properties(width=width, height=ROW_HEIGHT * len(names))
    return Picture(styled(chart), " ".join([text, *_told(cells, names)]))


def _axis(**more: Any) -> alt.Axis:
    return alt.Axis(ticks=False, domain=False, grid=False, labelPadding=8, titlePadding=12, **more)


def _told(cells: Sequence[Cell], names: Sequence[str]) -> list[str]:
    by_row: Mapping[str, list[str]] = {name: [] for name in names}
    for cell in cells:
        by_row[cell.row].append(f"{cell.column} ({cell.written})")
    return [f"{name}: {', '.join(said)}." for name, said in by_row.items()]
