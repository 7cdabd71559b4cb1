"""Notebooks as plain data: reading a learner's, taking the answers out, and splicing them into the pristine one."""

from __future__ import annotations

import copy
import json
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

LARGEST_NOTEBOOK_BYTES = 50_000_000
LARGEST_ANSWER_CHARACTERS = 200_000

#: What nbval takes as an order to it when a comment line says so: skipping a cell, say.
#: https://nbval.readthedocs.io/en/latest/ ("Cell markers")
NBVAL_ORDERS = {
    "PYTEST_VALIDATE_IGNORE_OUTPUT",
    "NBVAL_IGNORE_OUTPUT",
    "NBVAL_CHECK_OUTPUT",
    "NBVAL_RAISES_EXCEPTION",
    "NBVAL_SKIP",
}

CHECK_TAG = "nbval-check-output"


class UnreadableNotebook(ValueError):
    """A file that should be a notebook is none; the message names it."""


def read_notebook(path: Path) -> dict[str, Any]:
    """A notebook of format 4 as data. Raises UnreadableNotebook."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_NOTEBOOK_BYTES:
            raise UnreadableNotebook(f"{path.name} is no plain file, or has more than {LARGEST_NOTEBOOK_BYTES} bytes")
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UnreadableNotebook(f"{path} is not there") from None
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, UnreadableNotebook):
            raise
        raise UnreadableNotebook(f"{path.name} is no notebook ({error})") from error
    if not isinstance(data, dict) or not isinstance(data.get("cells"), list) or data.get("nbformat") != 4:
        raise UnreadableNotebook(f"{path.name} is no notebook of format 4")
    return data


def source_of(cell: Mapping[str, Any]) -> str:
    """A cell's source, which the format allows to be a text or a list of lines."""
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""


def answer_of(cell: Mapping[str, Any]) -> str | None:
    """The name of the answer that a cell holds, if it holds one."""
    metadata = cell.get("metadata")
    name = metadata.get("answer") if isinstance(metadata, Mapping) else None
    return name if isinstance(name, str) else None


def answer_sources(path: Path, ids: Iterable[str]) -> dict[str, str]:
    """The sources of the answer cells among these cells of a notebook of ours, by cell id."""
    wanted = set(ids)
    cells = read_notebook(path)["cells"]
    return {cell["id"]: source_of(cell) for cell in cells if cell.get("id") in wanted and answer_of(cell)}


def splice(pristine: Mapping[str, Any], submitted: Mapping[str, Any]) -> dict[str, Any]:
    """The pristine notebook with the submitted sources in its answer cells.

    Nothing else of the submission is taken: no other cell, no metadata, no tag, no output. A comment that nbval
    would obey is taken out. An answer cell that is missing stays the stub; of two with one id the first counts.
    """
    answers: dict[str, str] = {}
    for cell in submitted["cells"]:
        if isinstance(cell, Mapping) and cell.get("cell_type") == "code" and isinstance(cell.get("id"), str):
            answers.setdefault(cell["id"], source_of(cell)[:LARGEST_ANSWER_CHARACTERS])
    result = copy.deepcopy(dict(pristine))
    for cell in result["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
            if answer_of(cell) is not None and cell["id"] in answers:
                cell["source"] = without_orders(answers[cell["id"]])
    return result


def without_orders(source: str) -> str:
    """A cell's source without the comments that nbval obeys."""
    # nbval reads comments line by line and with str.splitlines, so this does, too.
    lines = source.splitlines(keepends=True)
    return "".join(line for line in lines if not _is_order(line))


def _is_order(line: str) -> bool:
    line = line.strip()
    return line.startswith("#") and line.lstrip("#").strip() in NBVAL_ORDERS


def write_notebook(path: Path, notebook: Mapping[str, Any]) -> None:
    """Write as Jupyter does, keys sorted: the same notebook gives the same bytes."""
    text = json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n", encoding="utf-8")
