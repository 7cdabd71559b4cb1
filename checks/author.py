"""The author's tools: cut the labs from their sources, execute the solutions, and see that these still hold."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from checks import gate as _gate
from checks.course import Course, CourseError, Lab, load_course
from checks.execution import execute
from checks.grader import decided, judging
from checks.judge import NurseryProcess
from checks.judging import Nursery
from checks.notebook_source import SourceError, read_source
from checks.state import ROOT

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

gate = _gate.main


class BuildError(Exception):
    """A solution does not run through, or does not pass; the message says where."""


def build(labs: list[str] | None = None, *, course: Course | None = None) -> int:
    """What `./coldstart author build [LAB ...]` runs: the stub and the executed solution of each lab."""
    try:
        course = course or load_course()
        chosen = course.chosen(labs)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    nursery = NurseryProcess()
    try:
        for lab in chosen:
            print(f"lab {lab.id}: {lab.notebook.name}, stub and solution ...", flush=True)
            build_lab(course, lab, nursery)
    except (BuildError, SourceError, CourseError) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        nursery.close()
    return 0


def build_lab(course: Course, lab: Lab, nursery: Callable[[], Nursery]) -> None:
    """Write both notebooks of a lab. Raises BuildError, SourceError or CourseError, and then changes neither."""
    source = read_source(lab.source)
    solved = _executed(course, lab, source.notebook(solved=True), nursery)
    _write(lab.notebook, _node(source.notebook(solved=False)))
    _write(lab.solved, solved)


def _executed(course: Course, lab: Lab, notebook: dict[str, Any], nursery: Callable[[], Nursery]) -> Any:
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    node = _node(notebook)
    with tempfile.TemporaryDirectory(prefix="coldstart-build-", ignore_cleanup_errors=True) as scratch_name:
        scratch = Path(scratch_name)
        _lay_out_solution(lab, scratch)
        with judging(course, nursery, scratch) as (judge, server):
            client = NotebookClient(
                node,
                timeout=lab.cell_seconds,
                kernel_name="python3",
                record_timing=False,
                store_widget_state=False,
                resources={"metadata": {"path": str(scratch)}},
            )
            environment = {
                **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "COLDSTART_"))},
                "PYTHONPATH": str(ROOT),
                "COLDSTART_PLAIN": "1",
                "COLDSTART_JUDGE_URL": server.url,
                "COLDSTART_JUDGE_TOKEN": server.token,
            }
            try:
                client.execute(env=environment, stderr=subprocess.DEVNULL)
            except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
                raise BuildError(f"lab {lab.id}: the solution does not run through. {error}") from error
            missed = [one.text for one in decided(lab, judge.verdicts(lab.id)) if one.status != "passed"]
            if missed:
                raise BuildError(f"lab {lab.id}: the solution does not pass. {'; '.join(missed)}")
        return _cleaned(node, scratch)


def _node(notebook: dict[str, Any]) -> Any:
    """The notebook as nbformat has it in memory: a source is one text."""
    return _nbformat().reads(json.dumps(notebook), as_version=4)


def _cleaned(node: Any, scratch: Path) -> Any:
    """Without what a run leaves that no reader needs: widgets' views, kernel details, the folder it ran in."""
    node.metadata = {
        "kernelspec": node.metadata["kernelspec"],
        "language_info": {"name": "python"},
    }
    for cell in node.cells:
        if cell.cell_type != "code":
            continue
        cell.metadata.pop("execution", None)
        kept = []
        for output in cell.outputs:
            if "data" in output:
                output.data.pop(WIDGET_VIEW, None)
                if not output.data:
                    continue
            kept.append(output)
        cell.outputs = kept
    text = json.dumps(node)
    if str(scratch) in text:
        raise BuildError(f"an output names the folder that the solution ran in ({scratch}): print a relative path")
    return node


def _write(path: Path, node: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    library = _nbformat()
    library.write(node, path, version=library.NO_CONVERT)


def _nbformat() -> Any:
    # Typed in name only: its functions have no annotations.
    import nbformat

    return nbformat


def _lay_out_solution(lab: Lab, scratch: Path) -> None:
    target = scratch / lab.name
    if lab.solved_folder.is_dir():
        shutil.copytree(lab.solved_folder, target, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    else:
        target.mkdir()


def verify(labs: list[str] | None = None, *, course: Course | None = None) -> int:
    """Every solution through `nbval --nbval-lax` against a fresh judge: outputs as stored, all checks passed."""
    try:
        course = course or load_course()
        chosen = course.chosen(labs)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    nursery = NurseryProcess()
    troubles: list[str] = []
    try:
        for lab in chosen:
            found = verified(course, lab, nursery)
            print(f"lab {lab.id}: {'holds' if not found else 'does not hold'}", flush=True)
            troubles += found
    finally:
        nursery.close()
    for trouble in troubles:
        print(trouble, file=sys.stderr)
    return 1 if troubles else 0


def verified(course: Course, lab: Lab, nursery: Callable[[], Nursery]) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="coldstart-verify-", ignore_cleanup_errors=True) as scratch_name:
        scratch = Path(scratch_name)
        _lay_out_solution(lab, scratch)
        notebook = scratch / lab.solved.name
        try:
            shutil.copyfile(lab.solved, notebook)
        except OSError as error:
            return [f"lab {lab.id}: {lab.solved.name}: {error.strerror}; ./coldstart author build makes it"]
        with judging(course, nursery, scratch) as (judge, server):
            execution = execute(
                notebook,
                environment={"COLDSTART_JUDGE_URL": server.url, "COLDSTART_JUDGE_TOKEN": server.token},
                cell_seconds=lab.cell_seconds,
                seconds=lab.grade_seconds,
                confine=False,
            )
            verdicts = decided(lab, judge.verdicts(lab.id))
    found = [
        f"lab {lab.id}, cell {cell.cell} {cell.outcome}: {cell.reason}"
        for cell in execution.cells
        if cell.outcome != "passed"
    ]
    found += [f"lab {lab.id}: {verdict.text}" for verdict in verdicts if verdict.status != "passed"]
    if not execution.cells or execution.timed_out:
        found.append(f"lab {lab.id}: nbval did not come to its end. {execution.output[-500:]}")
    return found
