"""The grid of trials: every cell's word, the axes, and a text that says the same."""

from __future__ import annotations

import pytest

from sandbox.views.grid import Cell, grid
from tests.views.test_lifecycle import texts

CELLS = [
    Cell("the shop's own", "none", "arrived"),
    Cell("the shop's own", "aws:SourceArn", "arrived", "3 arrived"),
    Cell("a stranger's", "none", "arrived"),
    Cell("a stranger's", "aws:SourceArn", "kept out"),
]


def test_a_grid_writes_every_outcome_names_its_axes_and_says_it_row_by_row() -> None:
    picture = grid(CELLS, rows="topic", columns="condition", outcomes=("kept out", "arrived"), text="One was kept out.")
    shown = texts(picture)
    for word in ("topic", "condition", "the shop's own", "a stranger's", "aws:SourceArn", "kept out", "3 arrived"):
        assert word in shown
    assert picture.text == (
        "One was kept out. the shop's own: none (arrived), aws:SourceArn (3 arrived). "
        "a stranger's: none (arrived), aws:SourceArn (kept out)."
    )


def test_a_grid_has_colours_for_four_outcomes_and_says_so() -> None:
    with pytest.raises(ValueError, match="5 outcomes"):
        grid(CELLS, rows="", columns="", outcomes=("a", "b", "c", "d", "e"), text="")
