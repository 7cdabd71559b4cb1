"""A lab's source, solutions/NN-name.md (MyST), and the notebooks that are cut from it: the stub and the solved one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from checks.contract import Status

ROLES = ("solution", "stub", "wrong")
SETUP_TAG = "setup"
#: What steers the cutting and stays out of the notebooks.
STEERING = {"id", "check", "verdict", "says", "name"}


class SourceError(ValueError):
    """The source can't be cut; the message names the cell."""


@dataclass(frozen=True, slots=True)
class WrongAnswer:
    """A wrong submission for a check: this source in the answer's cell must be refused with this verdict."""

    answer: str
    check: str
    verdict: Status
    source: str
    name: str
    says: str = ""


@dataclass(slots=True)
class Cell:
    """One cell of both notebooks. For an answer, `source` is the solution's and `stub` the stub's."""

    id: str
    type: Literal["code", "markdown"]
    source: str
    metadata: dict[str, Any] = field(default_factory=dict)
    answer: str | None = None
    stub: str | None = None

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(self.metadata.get("tags", ()))

    def to_json(self, *, solved: bool) -> dict[str, Any]:
        source = self.source if solved or self.stub is None else self.stub
        cell: dict[str, Any] = {
            "id": self.id,
            "cell_type": self.type,
            "metadata": dict(self.metadata),
            "source": source.splitlines(keepends=True),
        }
        if self.answer is not None:
            cell["metadata"]["answer"] = self.answer
        if self.type == "code":
            cell["outputs"], cell["execution_count"] = [], None
        return cell


@dataclass(frozen=True, slots=True)
class Source:
    """A lab's cells in their order, and the wrong submissions that stand beside the answers."""

    cells: tuple[Cell, ...]
    wrong: tuple[WrongAnswer, ...]

    def notebook(self, *, solved: bool) -> dict[str, Any]:
        """The notebook as data, nothing run."""
        return {
            "cells": [cell.to_json(solved=solved) for cell in self.cells],
            "metadata": {
                "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
                "language_info": {"name": "python"},
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        }


def read_source(path: Path) -> Source:
    """Read a lab's source. Raises SourceError."""
    import jupytext  # here: it takes a third of a second, and only authors and the grader need it

    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SourceError(f"{path} can't be read: {error.strerror}") from error
    try:
        notebook = jupytext.reads(text, fmt="md:myst")
    except Exception as error:
        raise SourceError(f"{path.name}: {error}") from error
    return cut(path.name, [dict(cell) for cell in notebook.cells])


def cut(name: str, raw: list[dict[str, Any]]) -> Source:
    """The cells of a source, its answers put together. `raw` are notebook cells with our metadata."""
    cells: list[Cell] = []
    wrong: list[WrongAnswer] = []
    answers: dict[str, Cell] = {}
    stubs: set[str] = set()
    texts = 0
    for number, cell in enumerate(raw, 1):
        metadata = {key: _plain(value) for key, value in cell["metadata"].items()}
        tags = metadata.get("tags") or []
        where = (
            f"{name}, cell {number} ({cell['source'].strip().splitlines()[0][:50] if cell['source'].strip() else ''})"
        )
        if not isinstance(tags, list):
            raise SourceError(f"{where}: tags must be a list")
        roles = [tag for tag in tags if tag in ROLES]
        kept = {key: value for key, value in metadata.items() if key not in STEERING | {"answer", "tags"}}
        if plain_tags := [tag for tag in tags if tag not in ROLES]:
            kept["tags"] = plain_tags
        answer = metadata.get("answer")
        if (answer is None) != (not roles):
            raise SourceError(f"{where}: an answer's cell has `answer: NAME` and one of the tags {', '.join(ROLES)}")
        if cell["cell_type"] != "code":
            if answer is not None:
                raise SourceError(f"{where}: an answer stands in a code cell")
            texts += 1
            id = metadata.get("id") or _text_id(cells, texts)
            cells.append(Cell(str(id), "markdown", cell["source"], kept))
            continue
        if answer is None:
            if not metadata.get("id"):
                raise SourceError(f"{where}: a code cell needs an `id`")
            cells.append(Cell(str(metadata["id"]), "code", cell["source"], kept))
            continue
        if len(roles) != 1:
            raise SourceError(f"{where}: one of the tags {', '.join(ROLES)}, not {', '.join(roles)}")
        if roles == ["wrong"]:
            wrong.append(_wrong(where, str(answer), metadata, cell["source"], len(wrong) + 1))
            continue
        known = answers.get(answer)
        if known is None:
            known = answers[answer] = Cell(str(metadata.get("id") or answer), "code", "", {}, answer=str(answer))
            cells.append(known)
        elif "id" in metadata and metadata["id"] != known.id and known.id != answer:
            raise SourceError(f"{where}: the cells of answer {answer!r} have two ids, {known.id} and {metadata['id']}")
        if "id" in metadata:
            known.id = str(metadata["id"])
        if roles == ["stub"]:
            if answer in stubs:
                raise SourceError(f"{where}: answer {answer!r} has two stubs")
            stubs.add(answer)
            known.stub = cell["source"]
        elif known.source:
            raise SourceError(f"{where}: answer {answer!r} has two solutions")
        else:
            known.source = cell["source"]
        known.metadata = _merged(known.metadata, kept)
    for answer, known in answers.items():
        if known.stub is None or not known.source:
            raise SourceError(f"{name}: answer {answer!r} needs a cell tagged solution and one tagged stub")
    for one in wrong:
        if one.answer not in answers:
            raise SourceError(f"{name}: a wrong cell belongs to answer {one.answer!r}, which does not exist")
    ids = [cell.id for cell in cells]
    for id in ids:
        if ids.count(id) > 1:
            raise SourceError(f"{name}: two cells have the id {id!r}")
        if not re.fullmatch(r"[a-zA-Z0-9-_]{1,64}", id):
            raise SourceError(f"{name}: {id!r} is no cell id (letters, digits, - and _, at most 64)")
    return Source(tuple(cells), tuple(wrong))


def _text_id(cells: list[Cell], number: int) -> str:
    """An id that stays as it is while nothing before it changes: the text after which code, the how-manieth."""
    before = next((cell.id for cell in reversed(cells) if cell.type == "code"), "top")
    taken = {cell.id for cell in cells}
    return next(id for n in range(1, number + 1) if (id := f"{before}-text-{n}"[-64:]) not in taken)


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**one, **other}
    if tags := [*dict.fromkeys([*one.get("tags", ()), *other.get("tags", ())])]:
        merged["tags"] = tags
    return merged


def _wrong(where: str, answer: str, metadata: Mapping[str, Any], source: str, number: int) -> WrongAnswer:
    check, verdict, says = metadata.get("check"), metadata.get("verdict", "incorrect"), metadata.get("says", "")
    if not isinstance(check, str):
        raise SourceError(f'{where}: a wrong cell names its check, in quotes (check: "01.8"), not {check!r}')
    if verdict not in ("incorrect", "not_attempted"):
        raise SourceError(f"{where}: a wrong cell's verdict is incorrect or not_attempted, not {verdict!r}")
    try:
        re.compile(str(says))
    except re.error as error:
        raise SourceError(f"{where}: says is no regular expression: {error}") from error
    title = metadata.get("name") or metadata.get("id") or f"wrong {number}"
    return WrongAnswer(answer, check, verdict, source, str(title), str(says))


def _plain(value: Any) -> Any:
    """Metadata as JSON's own types, whatever the YAML reader made of it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
