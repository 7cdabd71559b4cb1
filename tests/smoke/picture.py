"""Makes the README's picture, docs/lab01.png: lab 01, solved, in JupyterLab. `python -m tests.smoke.picture`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from checks.course import load_course
from tests.smoke.browser import ROOT, browsing, coldstart, errors_of, notebook_url, run_all, solved_course

#: The check whose verdict stands in the picture, below the learner's own time axis.
CHECK = "01.2 explain"


def draw(target: Path) -> None:
    """Run lab 01 solved, and save what JupyterLab shows of a round."""
    lab = load_course().lab("01")
    with tempfile.TemporaryDirectory(prefix="coldstart-picture-") as scratch:
        course = solved_course(Path(scratch), lab.id)
        address = coldstart(Path(scratch), course)
        with address as url, browsing(notebook_url(url, f"{lab.name}.ipynb"), width=1360, height=980) as (page, _):
            notebook = run_all(page, course / "labs" / f"{lab.name}.ipynb")
            if errors := errors_of(notebook):
                raise SystemExit(f"lab 01 did not run: {errors[0]}")
            verdict = page.locator('.jp-OutputArea-output [role="status"]').filter(has_text=CHECK).last
            # Cells take their height as they come into view, so the first jump lands only near by.
            for _ in range(5):
                verdict.evaluate("element => element.scrollIntoView({block: 'end'})")
                page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            page.mouse.move(0, 0)
            target.parent.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=target)


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "lab01.png")
