"""What is saved of a notebook with widgets in it."""

from __future__ import annotations

from typing import Any

from checks.widgets import SAVED_AS, WIDGET_VIEW
from checks.workbench.saving import without_widgets

VERDICT = {"output_type": "display_data", "data": {"text/plain": "01.7: passed"}, "metadata": {}}


def view(**metadata: str) -> dict[str, Any]:
    return {"output_type": "display_data", "data": {WIDGET_VIEW: {"model_id": "m"}}, "metadata": metadata}


def saved(*outputs: dict[str, Any]) -> list[dict[str, Any]]:
    cells = [{"cell_type": "markdown", "source": ""}, {"cell_type": "code", "outputs": list(outputs)}]
    model = {"type": "notebook", "content": {"cells": cells}}
    without_widgets(model=model, path="01.ipynb", contents_manager=None)
    kept: list[dict[str, Any]] = cells[1]["outputs"]  # type: ignore[assignment]
    return kept


def test_a_view_with_a_sentence_is_saved_as_it() -> None:
    one, other = saved(VERDICT, view(**{SAVED_AS: "Run this cell again for <hints>."}))
    assert one == VERDICT
    assert other["data"] == {
        "text/plain": "Run this cell again for <hints>.",
        "text/html": "<small>Run this cell again for &lt;hints&gt;.</small>",
    }


def test_a_view_without_one_is_not_saved() -> None:
    assert saved(view(), VERDICT) == [VERDICT]


def test_what_a_learner_shows_beside_a_view_of_their_own_is_kept() -> None:
    mine = view()
    mine["data"]["text/plain"] = "IntSlider(value=3)"
    (kept,) = saved(mine)
    assert kept["data"] == {"text/plain": "IntSlider(value=3)"}


def test_other_files_are_left_alone() -> None:
    model = {"type": "file", "content": "text"}
    without_widgets(model=model)
    assert model == {"type": "file", "content": "text"}
