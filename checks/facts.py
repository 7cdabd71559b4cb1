"""Figures about AWS, each with its source and the day it was checked: `fact("lambda-timeout")`.

Kept in `labs/facts.yml`. A fact shown in a notebook is its statement and one line of citation.
"""

from __future__ import annotations

import difflib
import html
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import yaml

FACTS_FILE = Path(__file__).parent.parent / "labs" / "facts.yml"

Confidence = Literal["high", "medium", "low"]


class UnknownFact(KeyError):
    """An id that facts.yml does not have. The message names near ones."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is widely believed instead. `verdict` is "wrong" or "outdated"; `why` may be empty."""

    claim: str
    verdict: str
    why: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One statement about AWS with its figures (`values`, by name) and its source.

    `confidence` is "high", "medium" or "low": no check turns on a fact that is not of high confidence. `url` is empty
    for what was computed. `checked_on` is an ISO date.
    """

    id: str
    topic: str
    statement: str
    values: Mapping[str, Any]
    source: str
    url: str
    checked_on: str
    confidence: Confidence
    mistakes: tuple[Mistake, ...]

    def __getitem__(self, name: str) -> Any:
        """The figure called `name`; KeyError names those there are."""
        try:
            return self.values[name]
        except KeyError:
            have = ", ".join(self.values) or "none"
            raise KeyError(f"the fact {self.id!r} has no figure {name!r}; it has: {have}") from None

    @property
    def citation(self) -> str:
        """One line: source, address, date, and the confidence where it is not high."""
        parts = [self.source, *([self.url] if self.url else []), f"checked {self.checked_on}"]
        if self.confidence != "high":
            parts.append(f"{self.confidence} confidence")
        return f"[{self.id}] " + ", ".join(parts)

    def __str__(self) -> str:
        return f"{self.statement}\n{self.citation}"

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        source = f"[{self.source}]({self.url})" if self.url else self.source
        return f"{self.statement}  \n*{source}, {self._remarks()} (`{self.id}`)*"

    def _repr_html_(self) -> str:
        source = html.escape(self.source)
        if self.url:
            source = f'<a href="{html.escape(self.url, quote=True)}">{source}</a>'
        return (
            f"<p>{html.escape(self.statement)}<br>"
            f"<small>{source}, {self._remarks()} (<code>{html.escape(self.id)}</code>)</small></p>"
        )

    def _remarks(self) -> str:
        checked = f"checked {self.checked_on}"
        return checked if self.confidence == "high" else f"{checked}, {self.confidence} confidence"


@cache
def facts() -> Mapping[str, Fact]:
    """All facts by id. ValueError names an entry that is not whole, or an id that stands twice."""
    return read(FACTS_FILE)


def read(path: Path) -> Mapping[str, Fact]:
    """The facts of a file, by id."""
    found: dict[str, Fact] = {}
    for number, entry in enumerate(yaml.safe_load(path.read_text(encoding="utf-8")), start=1):
        one = _fact(entry, f"{path.name}, entry {number} ({entry.get('id', 'without id')})")
        if one.id in found:
            raise ValueError(f"{path.name}: the id {one.id!r} stands twice")
        found[one.id] = one
    return MappingProxyType(found)


def fact(id: str) -> Fact:
    """The fact with this id; UnknownFact names near ids."""
    try:
        return facts()[id]
    except KeyError:
        near = difflib.get_close_matches(id, facts(), n=3, cutoff=0.4)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise UnknownFact(f"labs/facts.yml has no fact {id!r}{hint}") from None


def _fact(entry: Mapping[str, Any], where: str) -> Fact:
    for name in ("id", "topic", "statement", "source_title", "checked_on", "confidence"):
        if not entry.get(name):
            raise ValueError(f"{where}: {name} is missing")
    confidence = entry["confidence"]
    if confidence not in ("high", "medium", "low"):
        raise ValueError(f"{where}: confidence is {confidence!r}, not high, medium or low")
    return Fact(
        id=entry["id"],
        topic=entry["topic"],
        statement=entry["statement"],
        values=MappingProxyType(dict(entry.get("values") or {})),
        source=entry["source_title"],
        url=entry.get("source_url", ""),
        checked_on=str(entry["checked_on"]),
        confidence=confidence,
        mistakes=tuple(
            Mistake(one["claim"], one["verdict"], one.get("why", "")) for one in entry.get("common_mistakes") or ()
        ),
    )
