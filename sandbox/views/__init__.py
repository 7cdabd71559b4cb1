"""Pictures: plain data in, a chart with its sentence of text out. Nothing here calls AWS.

A picture is drawn to SVG on this machine, so that it stays in the saved notebook and shows without a network.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert as vlc

#: The widths that a chart's plotting area may take: legible at a notebook's width, with room for axis titles.
WIDTH = 640

#: Okabe and Ito's palette: told apart by readers with any kind of colour vision.
BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#999999"


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart, and the text that says the same for who can't see it."""

    chart: alt.TopLevelMixin
    text: str

    def svg(self) -> str:
        """The chart as an SVG document, with the text as its title for screen readers."""
        drawn: str = vlc.vegalite_to_svg(self._spec(), vl_version=alt.SCHEMA_VERSION.rpartition(".")[0])
        start = drawn.index(">", drawn.index("<svg")) + 1
        label = f'<title>{html.escape(self.text)}</title><rect width="100%" height="100%" fill="white"/>'
        return drawn[:start] + label + drawn[start:]

    def png(self, scale: float = 2.0) -> bytes:
        """The chart as a PNG image."""
        drawn: bytes = vlc.svg_to_png(self.svg(), scale=scale)
        return drawn

    def _spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.chart.to_dict()
        return spec

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"image/svg+xml": self.svg(), "text/plain": self.text}

    def __str__(self) -> str:
        return self.text


def styled(chart: Any) -> Any:
    """The common look: readable sizes, quiet grid, no frame."""
    return (
        chart.configure(font="DejaVu Sans, Verdana, sans-serif")
        .configure_view(stroke=None)
        .configure_axis(labelFontSize=12, titleFontSize=12, titleFontWeight="normal", gridColor="#e6e6e6")
        .configure_legend(labelFontSize=12, titleFontSize=12, symbolStrokeWidth=0)
        .configure_title(fontSize=14, anchor="start", fontWeight="normal")
    )


def number(value: float, unit: str = "") -> str:
    """A figure as a sentence says it: no digits that the measurement does not carry."""
    text = f"{value:.0f}" if abs(value) >= 10 else f"{value:.1f}".removesuffix(".0")
    return f"{text} {unit}".rstrip()


def listed(words: Iterable[object]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    parts: Sequence[str] = [str(word) for word in words]
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 call`, `3 calls`."""
    return f"{count} {noun if count == 1 else plural or noun + 's'}"
