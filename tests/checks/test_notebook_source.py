from __future__ import annotations

from typing import Any

import pytest

from checks.course import Lab
from checks.notebook_source import SourceError, cut, read_source


def code(source: str, **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "metadata": metadata}


SOLUTION = code("x = 3", answer="a", tags=["solution", "nbval-check-output"])
STUB = code("x = ...", answer="a", tags=["stub"])


def test_an_answers_cells_become_one(lab: Lab) -> None:
    source = cut("n.md", [SOLUTION, STUB, code("x = 4", answer="a", tags=["wrong"], check="90.1", says="four")])
    (cell,) = source.cells
    assert (cell.id, cell.source, cell.stub, cell.tags) == ("a", "x = 3", "x = ...", ("nbval-check-output",))
    (wrong,) = source.wrong
    assert (wrong.check, wrong.verdict, wrong.source, wrong.says) == ("90.1", "incorrect", "x = 4", "four")


def test_stub_and_solution_have_the_same_cells(lab: Lab) -> None:
    source = read_source(lab.source)
    stub, solved = source.notebook(solved=False), source.notebook(solved=True)
    assert [cell["id"] for cell in stub["cells"]] == [cell["id"] for cell in solved["cells"]]
    by_id = {cell["id"]: "".join(cell["source"]) for cell in stub["cells"]}
    assert by_id["r1-predict"] == 'lab.predict("90.1", total=..., colour=...)'
    assert not any("solution" in cell["metadata"].get("tags", []) for cell in solved["cells"])
    assert len(source.wrong) == 5


def test_cutting_twice_gives_the_same(lab: Lab) -> None:
    assert read_source(lab.source).notebook(solved=False) == read_source(lab.source).notebook(solved=False)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([code("x = 1")], "needs an `id`"),
        ([SOLUTION], "needs a cell tagged solution and one tagged stub"),
        ([SOLUTION, STUB, STUB], "two stubs"),
        ([SOLUTION, SOLUTION, STUB], "two solutions"),
        ([code("x = 1", tags=["stub"])], "an answer's cell has"),
        ([code("x = 1", answer="a")], "an answer's cell has"),
        ([SOLUTION, STUB, code("x", answer="b", tags=["wrong"], check="90.1")], "does not exist"),
        ([SOLUTION, STUB, code("x", answer="a", tags=["wrong"])], "names its check"),
        ([SOLUTION, STUB, code("x", answer="a", tags=["wrong"], check=1.8)], "in quotes"),
        ([SOLUTION, STUB, code("x", answer="a", tags=["wrong"], check="90.1", verdict="passed")], "verdict"),
        ([SOLUTION, STUB, code("x", answer="a", tags=["wrong"], check="90.1", says="(")], "regular expression"),
        ([code("x = 1", id="one"), code("x = 2", id="one")], "two cells have the id 'one'"),
        ([code("x = 1", id="one cell")], "is no cell id"),
    ],
)
def test_a_source_that_can_not_be_cut_is_refused(cells: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(SourceError, match=words):
        cut("n.md", cells)
