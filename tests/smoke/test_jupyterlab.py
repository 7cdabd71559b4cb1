"""JupyterLab as a learner meets it, in a headless Chromium: the start page, and lab 01 from top to bottom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.course import load_course
from checks.suite import chromium
from checks.widgets import WIDGET_VIEW
from tests.smoke.browser import browsing, coldstart, errors_of, notebook_url, run_all, solved_course

pytestmark = pytest.mark.skipif(chromium() is None, reason="there is no Chromium on this machine")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("smoke")


@pytest.fixture(scope="module")
def course(place: Path) -> Path:
    return solved_course(place, "01")


@pytest.fixture(scope="module")
def url(place: Path, course: Path) -> Iterator[str]:
    with coldstart(place, course) as url:
        yield url


def test_the_start_page_opens_and_runs_without_an_error(url: str, course: Path) -> None:
    with browsing(url) as (page, seen):
        notebook = run_all(page, course / "labs" / "00-start-here.ipynb")
        assert "00-start" in page.title()
        printed = page.locator(".jp-RenderedText pre").first
        assert printed.evaluate("pre => getComputedStyle(pre).wordBreak") == "normal"
        assert page.get_by_role("button", name="Hint").count() == 1
    # A view ends with its kernel, and is not saved.
    assert WIDGET_VIEW not in json.dumps(notebook)
    assert "Run this cell again for hints and the solution." in json.dumps(notebook)
    assert errors_of(notebook) == []
    assert all(cell["execution_count"] for cell in notebook["cells"] if cell["cell_type"] == "code")
    assert seen.errors == []
    assert seen.outside == []


def test_lab_01_solved_passes_every_check_in_the_browser(url: str, course: Path, place: Path) -> None:
    lab = load_course().lab("01")
    with browsing(notebook_url(url, f"{lab.name}.ipynb")) as (page, seen):
        notebook = run_all(page, course / "labs" / f"{lab.name}.ipynb")
        assert errors_of(notebook) == []
        verdicts = page.locator('.jp-OutputArea-output [role="status"]').filter(has_text="points")
        shown = verdicts.all_text_contents()
        assert len(shown) >= len(lab.points), shown
        assert all("Passed" in text for text in shown), shown
        assert page.locator(".jp-OutputArea-output svg, .jp-OutputArea-output img").count() >= 3
        assert page.locator(".jp-OutputArea-output .widget-button").first.is_enabled()
    assert seen.errors == []
    assert seen.outside == []
    progress = json.loads((place / "state" / "progress.json").read_text("utf-8"))
    assert "01.4.explain" in json.dumps(progress)
