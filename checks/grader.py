"""Grades a lab: the learner's answers in the pristine notebook, run against a fresh sandbox, decided by a judge."""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import logging
import platform
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from checks.contract import WORDS, Verdict, spoken_id
from checks.course import Course, CourseError, Lab, LabModule, load_course, load_module
from checks.execution import (
    CONFINED,
    NOT_APART,
    NOT_CONFINED,
    CellOutcome,
    Execution,
    apart,
    can_be_apart,
    can_confine,
    execute,
    network,
)
from checks.judge import Grant, JudgeServer, NurseryProcess
from checks.judging import Judge, Nursery
from checks.notebook import UnreadableNotebook, read_notebook, splice, write_notebook
from checks.notebook_source import SourceError, read_source
from checks.progress import write_json
from checks.state import state_folder

RECEIPT_VERSION = 1
LARGEST_FILE_BYTES = 1_000_000
LARGEST_FOLDER_BYTES = 10_000_000
VERSIONS_OF = ("nbval", "ipykernel", "boto3", "moto", "awslambdaric")


class NotGradable(Exception):
    """The submission can't be graded; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Grade:
    """One graded lab: a verdict for every check of the course, in its order."""

    lab: Lab
    verdicts: tuple[Verdict, ...]
    execution: Execution
    inputs: Mapping[str, str]
    refused: tuple[str, ...]
    seed: int
    started: datetime

    @property
    def points(self) -> int:
        return sum(verdict.points for verdict in self.verdicts)

    @property
    def passed(self) -> bool:
        return all(verdict.status == "passed" for verdict in self.verdicts)

    def receipt(self) -> dict[str, Any]:
        """All that is needed to see later what was graded, with what, and how it went. `inputs` are SHA-256 hashes."""
        return {
            "version": RECEIPT_VERSION,
            "lab": self.lab.id,
            "name": self.lab.name,
            "points": self.points,
            "out_of": self.lab.out_of,
            "verdicts": [verdict.to_json() for verdict in self.verdicts],
            "inputs": dict(self.inputs),
            "refused_files": list(self.refused),
            "seed": self.seed,
            "started": self.started.isoformat(timespec="seconds"),
            "seconds": round(self.execution.seconds, 2),
            "timed_out": self.execution.timed_out,
            "confined": self.execution.confined,
            "cells": [
                {"cell": cell.cell, "outcome": cell.outcome, "seconds": cell.seconds} for cell in self.execution.cells
            ],
            "versions": {
                "python": platform.python_version(),
                **{name: importlib.metadata.version(name) for name in VERSIONS_OF},
            },
        }


def grade(
    lab: Lab,
    notebook: Path,
    folder: Path,
    nursery: Callable[[], Nursery],
    course: Course,
    *,
    seed: int | None = None,
    confine: bool = True,
    seconds: float | None = None,
) -> Grade:
    """Grade one submission: a lab's notebook and its folder. Raises NotGradable."""
    started = datetime.now(UTC)
    seed = secrets.randbits(32) if seed is None else seed
    try:
        nursery()
    except Exception as error:
        raise NotGradable(f"No sandbox can be started ({error}). ./coldstart sandbox serve shows more.") from error
    try:
        module = load_module(lab)
        pristine = read_source(lab.source).notebook(solved=False)
        submitted = read_notebook(notebook)
    except (CourseError, SourceError, UnreadableNotebook) as error:
        raise NotGradable(f"{error}. Restore the file (git checkout) or repair it, then grade again.") from error
    with tempfile.TemporaryDirectory(prefix="coldstart-grade-", ignore_cleanup_errors=True) as scratch_name:
        scratch = Path(scratch_name)
        spliced = scratch / f"{lab.name}.ipynb"
        write_notebook(spliced, splice(pristine, submitted))
        refused = stage_folder(lab, module, folder, scratch / lab.name)
        inputs = {lab.notebook.name: _sha256(notebook), **_hashes(scratch / lab.name)}
        with judging(course, nursery, scratch, seed=seed) as (judge, server):
            execution = execute(
                spliced,
                environment={
                    "COLDSTART_JUDGE_URL": server.url,
                    "COLDSTART_JUDGE_TOKEN": server.grant(Grant(lab=lab.id, submit_only=True)),
                },
                cell_seconds=lab.cell_seconds,
                seconds=lab.grade_seconds if seconds is None else seconds,
                confine=confine,
            )
            verdicts = decided(lab, judge.verdicts(lab.id))
    return Grade(lab, verdicts, execution, inputs, tuple(refused), seed, started)


@contextmanager
def judging(
    course: Course, nursery: Callable[[], Nursery], folder: Path, *, seed: int | None = None
) -> Iterator[tuple[Judge, JudgeServer]]:
    """A fresh judge in this process, for labs' folders in `folder`. It keeps nothing, and counts first answers."""
    judge = Judge(course, nursery, folders=(folder,), seed=seed, first_answer_counts=True, target="local")
    server = JudgeServer(judge)
    try:
        yield judge, server
    finally:
        server.close()
        judge.close()


def decided(lab: Lab, verdicts: list[Verdict]) -> tuple[Verdict, ...]:
    """One verdict for each check that the course has: the last that was given, or that it was never asked for."""
    last = {verdict.check: verdict for verdict in verdicts}
    return tuple(
        replace(last[id], out_of=points)
        if id in last
        else Verdict(id, "not_attempted", 0, points, "The judge was never asked for it: its cell did not run.")
        for id, points in lab.points.items()
    )


def stage_folder(lab: Lab, module: LabModule, submitted: Path, target: Path) -> list[str]:
    """Lay out the lab's folder: the learner's own files from the submission, all others as the course has them.

    Links, files that are too large and whatever is none of the lab's stay behind; their names are returned.
    """
    target.mkdir(parents=True)
    for path in _files(lab.solved_folder):
        name = path.relative_to(lab.solved_folder)
        if not allowed(module, name):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / name)
    refused: list[str] = []
    total = 0
    for path in _files(submitted):
        name = path.relative_to(submitted)
        if not allowed(module, name):
            if not (lab.solved_folder / name).is_file() and not _is_litter(name):
                refused.append(f"{name} (not a file of this lab)")
            continue
        size = path.lstat().st_size
        if path.is_symlink() or not path.is_file():
            refused.append(f"{name} (not a plain file)")
        elif size > LARGEST_FILE_BYTES or total + size > LARGEST_FOLDER_BYTES:
            refused.append(f"{name} ({size} bytes are too many)")
        else:
            total += size
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / name, follow_symlinks=False)
    return refused


def allowed(module: LabModule, name: Path) -> bool:
    """Whether a file of the lab's folder is one that the learner edits."""
    return any(name.match(pattern) and len(name.parts) == len(Path(pattern).parts) for pattern in module.files)


def _files(folder: Path) -> Iterator[Path]:
    """Every file below, in order, without following a link to a folder."""
    pending = [folder] if folder.is_dir() and not folder.is_symlink() else []
    while pending:
        path = pending.pop()
        if path.is_dir() and not path.is_symlink():
            pending += sorted(path.iterdir(), reverse=True)
        else:
            yield path


def _is_litter(name: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in name.parts)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _hashes(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder.parent)): _sha256(path) for path in _files(folder)}


def table(grade: Grade) -> Table:
    """The verdicts as a table, with the points below."""
    shown = Table(title=f"Lab {grade.lab.id}: {grade.lab.title}", title_justify="left", show_footer=True)
    shown.add_column("Check", footer="Total")
    shown.add_column("Verdict")
    shown.add_column("Points", justify="right", footer=f"{grade.points} of {grade.lab.out_of}")
    shown.add_column("What was seen", overflow="fold")
    colours = {"passed": "blue", "incorrect": "red", "not_attempted": "bright_black", "cannot_tell": "magenta"}
    icons = {"passed": "✔", "incorrect": "✘", "not_attempted": "○", "cannot_tell": "?"}
    for verdict in grade.verdicts:
        said = (
            f"{verdict.seen} Expected: {verdict.expected}"
            if verdict.status == "incorrect"
            else ("" if verdict.status == "passed" else verdict.message)
        )
        shown.add_row(
            spoken_id(verdict.check),
            f"[{colours[verdict.status]}]{icons[verdict.status]} {WORDS[verdict.status]}[/]",
            f"{verdict.points} of {verdict.out_of}",
            escape(printable(said)),
        )
    return shown


def printable(text: str) -> str:
    """`text` without what a terminal would obey: a submission's words and file names can hold anything."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "\N{REPLACEMENT CHARACTER}" for sign in text)


def troubles(grade: Grade) -> Iterator[str]:
    """What the learner should know beside the verdicts: cells that failed, files left behind, a run cut short."""
    yield from (printable(line).replace("\n", " ") for line in _troubles(grade))


def _troubles(grade: Grade) -> Iterator[str]:
    if grade.execution.timed_out:
        yield f"The run was ended after {grade.lab.grade_seconds:.0f} s; what came after that was not judged."
    failed: list[CellOutcome] = [cell for cell in grade.execution.cells if cell.outcome != "passed"]
    for cell in failed[:5]:
        yield f"Cell {cell.cell} {cell.outcome}: {cell.last_line or 'see the cell before it'}"
    if len(failed) > 5:
        yield f"... and {len(failed) - 5} more cells."
    for name in grade.refused[:5]:
        yield f"Left behind: {name}."
    if len(grade.refused) > 5:
        yield f"... and {len(grade.refused) - 5} more files."
    if not grade.execution.cells and not grade.execution.timed_out:
        last = grade.execution.output.strip().splitlines()[-1:] or ["no output"]
        yield f"The notebook did not run: {last[0]}"


def check_lab(
    lab_id: str, *, own_network: bool = False, course: Course | None = None, console: Console | None = None
) -> Grade:
    """Grade the learner's own lab, show the table, and write the receipt to the state folder. Raises NotGradable.

    `own_network` says that this process is where nothing but loopback can be reached, and what it starts with it.
    """
    console = console or Console()
    try:
        course = course or load_course()
        lab = course.lab(lab_id)
    except CourseError as error:
        raise NotGradable(str(error)) from error
    if not lab.points:
        raise NotGradable(f"Lab {lab.id} has no checks to grade")
    if not can_confine():
        console.print(NOT_CONFINED, style="yellow")
    elif not own_network:
        console.print(NOT_APART, style="yellow")
    else:
        console.print(CONFINED)
    nursery = NurseryProcess()
    try:
        with console.status(f"Grading lab {lab.id} in a fresh sandbox ..."):
            result = grade(lab, lab.notebook, lab.folder, nursery, course)
    finally:
        nursery.close()
    console.print(table(result))
    for trouble in troubles(result):
        console.print(trouble, style="yellow", markup=False, highlight=False)
    stamp = result.started.strftime("%Y%m%dT%H%M%SZ")
    receipt = state_folder() / "receipts" / f"{lab.id}-{stamp}.json"
    write_json(receipt, {**result.receipt(), "own_network": own_network})
    console.print(f"Receipt: {receipt}", markup=False, highlight=False, soft_wrap=True)
    return result


def check(lab_id: str) -> int:
    """What `./coldstart check LAB` does: 0 if every check of the lab passed.

    Where it can be had, all of it runs in a network of its own: sandbox, functions, judge and notebook.
    """
    arguments = [lab_id, "--outside", network()]
    if can_be_apart():
        return apart([sys.executable, "-P", "-m", "checks.grader", *arguments])
    return main(arguments)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m checks.grader", description="Grade my lab.")
    parser.add_argument("lab", help="the lab's number")
    parser.add_argument("--outside", required=True, help="the network that must not be this process's own")
    options = parser.parse_args(arguments)
    state_folder().mkdir(parents=True, exist_ok=True)
    logging.basicConfig(filename=state_folder() / "grade.log", format="%(asctime)s %(name)s: %(message)s")
    # Whoever waits for this process ignores Ctrl-C, which is inherited.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return 0 if check_lab(options.lab, own_network=network() not in ("", options.outside)).passed else 1
    except NotGradable as error:
        print(f"coldstart: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
