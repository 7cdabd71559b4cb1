from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from checks.notebook import UnreadableNotebook, read_notebook, splice, without_orders


def code(id: str, source: str, **metadata: Any) -> dict[str, Any]:
    return {
        "id": id,
        "cell_type": "code",
        "metadata": metadata,
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def notebook(*cells: dict[str, Any]) -> dict[str, Any]:
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


PRISTINE = notebook(
    code("answer", "x = ...", answer="answer"),
    code("check", 'lab.check("90.2")', tags=["nbval-check-output"]),
)


def sources(made: dict[str, Any]) -> dict[str, str]:
    return {cell["id"]: cell["source"] for cell in made["cells"]}


def test_only_answers_are_taken_and_everything_else_stays_pristine() -> None:
    submitted = notebook(
        code("extra", "import os"),
        {**code("answer", "x = 3", tags=["nbval-skip"]), "outputs": [{"output_type": "stream"}], "execution_count": 7},
        code("check", "print('90.2: passed, 4 of 4 points')"),
    )
    made = splice(PRISTINE, submitted)
    assert sources(made) == {"answer": "x = 3", "check": 'lab.check("90.2")'}
    assert made["cells"][0]["metadata"] == {"answer": "answer"}
    assert made["cells"][0]["outputs"] == []
    assert made["cells"][0]["execution_count"] is None


def test_a_deleted_check_cell_is_there_again() -> None:
    made = splice(PRISTINE, notebook(code("answer", "x = 3")))
    assert [cell["id"] for cell in made["cells"]] == ["answer", "check"]


def test_a_missing_answer_stays_the_stub_and_the_first_of_two_counts() -> None:
    assert sources(splice(PRISTINE, notebook()))["answer"] == "x = ..."
    made = splice(PRISTINE, notebook(code("answer", "x = 1"), code("answer", "x = 2")))
    assert sources(made)["answer"] == "x = 1"


def test_the_pristine_notebook_is_not_changed_by_splicing() -> None:
    splice(PRISTINE, notebook(code("answer", "x = 3")))
    assert PRISTINE["cells"][0]["source"] == "x = ..."


@pytest.mark.parametrize("order", ["# NBVAL_SKIP", "  ## NBVAL_IGNORE_OUTPUT  ", "#NBVAL_RAISES_EXCEPTION"])
def test_comments_that_nbval_obeys_are_taken_out(order: str) -> None:
    assert without_orders(f"x = 1\n{order}\ny = 2") == "x = 1\ny = 2"
    assert without_orders(f"x = 1\f{order}\n") == "x = 1\f"
    assert without_orders("# NBVAL_SKIP this is prose") == "# NBVAL_SKIP this is prose"


@pytest.mark.parametrize("content", ["", "[]", "{", '{"cells": 1, "nbformat": 4}', '{"cells": [], "nbformat": 3}'])
def test_what_is_no_notebook_is_refused_by_name(tmp_path: Path, content: str) -> None:
    path = tmp_path / "90-tiny.ipynb"
    path.write_text(content)
    with pytest.raises(UnreadableNotebook, match=r"90-tiny\.ipynb"):
        read_notebook(path)


def test_strange_cells_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps({"cells": [1, None, {"cell_type": "code", "id": 5}], "nbformat": 4}))
    assert sources(splice(PRISTINE, read_notebook(path)))["answer"] == "x = ..."
