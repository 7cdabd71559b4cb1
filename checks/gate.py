"""The author's gate: stubs are refused, solutions pass, wrong submissions fail as stated, nothing is out of place.

The solved notebook is graded once more as a whole, as a learner's is.
"""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from typing import Any, cast

from checks.contract import Answers, Check, Status, Verdict, run
from checks.course import Course, CourseError, Lab, LabModule, load_course, load_module
from checks.grader import NotGradable, allowed, grade, troubles
from checks.house_rules import broken_files, broken_structure, cell_of_check
from checks.judge import JudgeServer, NurseryProcess
from checks.judging import Judge, Nursery
from checks.notebook import write_notebook
from checks.notebook_source import SETUP_TAG, Cell, Source, SourceError, read_source
from checks.state import ROOT

PARALLEL = 2
REPLAY_SECONDS = 240.0
FEWEST_WRONG = 3


@dataclass(frozen=True, slots=True)
class Case:
    """One submission that the gate makes for a check, and the verdict that it must get.

    `sources` replaces cells by id; `overlay` is a folder of files laid over the solved ones; with `starter` the
    learner's files are the untouched ones. `cells` are the ids to replay, in the notebook's order.
    """

    check: str
    name: str
    verdict: Status
    cells: tuple[str, ...]
    sources: Mapping[str, str] = field(default_factory=dict)
    starter: bool = False
    overlay: Path | None = None
    says: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """How one case went. `trouble` is empty if it went as it must."""

    case: Case
    trouble: str
    seconds: float

    @property
    def line(self) -> str:
        mark = "FAIL" if self.trouble else "ok"
        line = f"{mark:<4}  {self.case.check:<13} {self.case.name:<32} {self.case.verdict:<13} {self.seconds:6.2f} s"
        return f"{line}  {self.trouble}" if self.trouble else line


# -- the cases of a lab --------------------------------------------------------------------------------------


def cases_of(lab: Lab, module: LabModule, source: Source) -> list[Case]:
    """Every submission that the gate makes for a lab: for each check the stub, the wrong ones, the solution."""
    order = {cell.id: number for number, cell in enumerate(source.cells)}
    by_answer = {cell.answer: cell for cell in source.cells if cell.answer}
    found: list[Case] = []
    for id in lab.points:
        check = module.checks[id]
        cells = tuple(sorted(_replayed(check, source), key=order.__getitem__))
        stubs = {cell.id: cell.stub for cell in source.cells if cell.stub is not None and cell.id in cells}
        found.append(Case(id, "stub", "not_attempted", cells, stubs, starter=bool(check.files)))
        for wrong in source.wrong:
            if wrong.check == id:
                replaced = {by_answer[wrong.answer].id: wrong.source}
                found.append(Case(id, wrong.name, wrong.verdict, cells, replaced, says=wrong.says))
        found += _folders(lab, id, cells, order)
        found.append(Case(id, "solution", "passed", cells))
    return found


def _replayed(check: Check, source: Source) -> set[str]:
    wanted = set(check.cells)
    if not wanted and (own := cell_of_check(source, check.id)):
        wanted = {own}
    return wanted | {cell.id for cell in source.cells if SETUP_TAG in cell.tags}


def _folders(lab: Lab, check: str, cells: tuple[str, ...], order: Mapping[str, int]) -> Iterator[Case]:
    """The wrong submissions that are folders: checks/wrong/NN/NAME/ with its wrong.toml."""
    for path in sorted(lab.wrong.glob("*/wrong.toml")):
        stated = tomllib.loads(path.read_text(encoding="utf-8"))
        if stated.get("check") != check:
            continue
        chosen, replaced = stated.get("cells", {}), {}
        if isinstance(chosen, dict):
            replaced = {str(id): str(text) for id, text in chosen.items()}
        else:
            cells = tuple(sorted({*chosen, *cells}, key=order.__getitem__))
        verdict = cast(Status, stated.get("verdict", "incorrect"))
        yield Case(
            check, path.parent.name, verdict, cells, replaced, overlay=path.parent, says=str(stated.get("says", ""))
        )


def prediction_results(lab: Lab, check: Check) -> Iterator[Result]:
    """The wrong submissions that every prediction gets by itself: nothing, a field short, another type, a stranger."""
    right = {name: _sample(kind) for name, kind in check.fields.items()}
    name = next(iter(check.fields))
    tries: tuple[tuple[str, Status, dict[str, Any]], ...] = (
        ("nothing filled in", "not_attempted", {}),
        ("a field is missing", "not_attempted", {key: value for key, value in right.items() if key != name}),
        ("a value of another type", "incorrect", {**right, name: {"guess": 1}}),
        ("a field too many", "incorrect", {**right, "another": 1}),
        ("every field filled", "passed", right),
    )
    for title, expected, answers in tries:
        began = time.monotonic()
        verdict = run(check, cast(Any, None), Answers(answers), out_of=lab.points[check.id])
        case = Case(check.id, title, expected, ())
        yield Result(case, _mismatch(case, verdict), time.monotonic() - began)


def _sample(kind: Any) -> Any:
    if isinstance(kind, tuple):
        return kind[0]
    return {int: 1, float: 1.5, str: "a guess", bool: True, list: ["a guess"]}.get(kind)


def _mismatch(case: Case, verdict: Verdict | None, errors: str = "") -> str:
    if verdict is None:
        return f"the check was never asked for. {errors}".strip()
    said = " ".join((verdict.message, verdict.seen, verdict.expected, verdict.why)).strip()
    if verdict.status != case.verdict:
        return f"got {verdict.status}: {said} {errors}".strip()
    if verdict.status != "passed" and verdict.points:
        return f"a refused submission got {verdict.points} points"
    if case.says and not re.search(case.says, said):
        return f"says {said!r}, which does not match {case.says!r}"
    if verdict.status == "incorrect" and not all((verdict.seen, verdict.expected, verdict.why)):
        return "an incorrect verdict says what was seen, what was expected, and why it matters"
    return ""


# -- replaying -----------------------------------------------------------------------------------------------


class Replayer:
    """A warm process of checks/replay.py. One user at a time; it is started again after a replay that hangs."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, command: Mapping[str, Any], seconds: float = REPLAY_SECONDS) -> dict[str, Any]:
        """The answer to one command. Raises TimeoutError, and ends what hangs."""
        process = self._running()
        assert process.stdin is not None
        process.stdin.write(json.dumps(command).encode() + b"\n")
        process.stdin.flush()
        return self._answer(process, seconds)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "checks.replay"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=_environment(),
                start_new_session=True,
                bufsize=0,
            )
            self._answer(self._process, REPLAY_SECONDS)
        return self._process

    def _answer(self, process: subprocess.Popen[bytes], seconds: float) -> dict[str, Any]:
        assert process.stdout is not None
        deadline = time.monotonic() + seconds
        line = bytearray()
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([process.stdout], [], [], max(deadline - time.monotonic(), 0.0))
            piece = os.read(process.stdout.fileno(), 65536) if ready else b""
            if not piece:
                self.close()
                raise TimeoutError(f"the replay did not end within {seconds:.0f} s" if not ready else "the replay died")
            line += piece
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
            self._process = None


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "COLDSTART_"))}
    return {**kept, "PYTHONPATH": str(ROOT), "COLDSTART_PLAIN": "1"}


@dataclass(slots=True)
class Opened:
    """A lab opened for replays: its judge, and a replayer with a child for it."""

    lab: Lab
    judge: Judge
    replayer: Replayer

    def submit(self, case: Case, command: str, cells: list[tuple[str, str]]) -> tuple[Verdict | None, str]:
        """Run these cells, and give the verdict on the case's check that came of it, and what the cells raised."""
        before = len(self.judge.verdicts(self.lab.id))
        answer = self.replayer.ask({command: cells})
        given = [one for one in self.judge.verdicts(self.lab.id)[before:] if one.check == case.check]
        errors = "; ".join(f"cell {id} raised {text}" for id, text in answer.get("errors", ()))
        if "died" in answer:
            errors = f"the replay ended with status {answer['died']}"
        return (given[-1] if given else None), errors


@contextmanager
def opened(
    course: Course, lab: Lab, module: LabModule, case: Case, nursery: Callable[[], Nursery], replayer: Replayer
) -> Iterator[Opened]:
    """A fresh judge with the case's files laid out, and a replayer's child that knows it."""
    with tempfile.TemporaryDirectory(prefix="coldstart-gate-", ignore_cleanup_errors=True) as scratch_name:
        scratch = Path(scratch_name)
        lay_out(lab, module, case, scratch / lab.name)
        judge = Judge(course, nursery, folders=(scratch,))
        server = JudgeServer(judge)
        environment = {"COLDSTART_JUDGE_URL": server.url, "COLDSTART_JUDGE_TOKEN": server.token}
        try:
            replayer.ask({"open": {"environment": environment, "folder": str(scratch)}})
            yield Opened(lab, judge, replayer)
            replayer.ask({"end": True})
        except BaseException:
            replayer.close()
            raise
        finally:
            server.close()
            judge.close()


def lay_out(lab: Lab, module: LabModule, case: Case, target: Path) -> None:
    """The lab's folder for one case: the solved files, or the starter's, and the case's own on top."""
    target.mkdir(parents=True)
    if lab.solved_folder.is_dir():
        shutil.copytree(lab.solved_folder, target, dirs_exist_ok=True, ignore=_litter)
    if case.starter:
        for path in sorted(target.rglob("*")):
            if path.is_file() and allowed(module, path.relative_to(target)):
                path.unlink()
        if lab.folder.is_dir():
            shutil.copytree(lab.folder, target, dirs_exist_ok=True, ignore=_litter)
    if case.overlay is not None:
        shutil.copytree(case.overlay, target, dirs_exist_ok=True, ignore=_litter)
        (target / "wrong.toml").unlink(missing_ok=True)


_litter = shutil.ignore_patterns("__pycache__", ".*")


def batches(cases: list[Case], module: LabModule) -> list[list[Case]]:
    """The cases, put together where one run serves several: explanations that differ only in their last cell.

    What an explanation's check looks at is the run before it, and it changes nothing there; so one run is made
    and every answer, the wrong ones and the right one, is given to a fork of it.
    """
    together: dict[tuple[Any, ...], list[Case]] = {}
    for number, case in enumerate(cases):
        alone = module.checks[case.check].kind == "check" or case.overlay is not None or case.starter
        alone = alone or not case.cells or any(id != case.cells[-1] for id in case.sources)
        key = (number,) if alone else (case.check, case.cells)
        together.setdefault(key, []).append(case)
    return list(together.values())


def replay(
    course: Course,
    lab: Lab,
    module: LabModule,
    source: Source,
    batch: list[Case],
    nursery: Callable[[], Nursery],
    replayer: Replayer,
) -> Iterator[Result]:
    """Replay a batch: what the cases share once, then each one's own."""
    cells = {cell.id: cell for cell in source.cells}
    began = time.monotonic()
    first, waiting = batch[0], list(batch)
    try:
        with opened(course, lab, module, first, nursery, replayer) as ready:
            if len(batch) == 1:
                verdict, errors = ready.submit(first, "run", _sources(first, cells, first.cells))
                yield Result(waiting.pop(), _mismatch(first, verdict, errors), time.monotonic() - began)
                return
            _, shared = ready.submit(first, "run", _sources(first, cells, first.cells[:-1]))
            for case in batch:
                verdict, errors = ready.submit(case, "try", _sources(case, cells, case.cells[-1:]))
                yield Result(waiting.pop(0), _mismatch(case, verdict, f"{shared} {errors}"), time.monotonic() - began)
                began = time.monotonic()
    except TimeoutError as error:
        for case in waiting:
            yield Result(case, str(error), time.monotonic() - began)


def _sources(case: Case, cells: Mapping[str, Cell], ids: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(id, case.sources.get(id, cells[id].source)) for id in ids if cells[id].type == "code"]


# -- as a learner's own ---------------------------------------------------------------------------------------


def solution_as_a_learners(course: Course, lab: Lab, source: Source, nursery: Callable[[], Nursery]) -> list[str]:
    """What is wrong when the solved notebook is graded as a learner's is: confined, from top to bottom.

    A replay sees the whole project, the solutions among it; a learner's notebook does not. One line each, none if every
    check passes and no cell fails.
    """
    with tempfile.TemporaryDirectory(prefix="coldstart-gate-", ignore_cleanup_errors=True) as scratch:
        notebook = Path(scratch) / lab.notebook.name
        write_notebook(notebook, source.notebook(solved=True))
        try:
            graded = grade(lab, notebook, lab.solved_folder, nursery, course)
        except NotGradable as error:
            return [f"lab {lab.id}: {error}"]
    found = [
        f"{one.check} of the graded solution: {one.status}: {one.message} {one.seen}".strip()
        for one in graded.verdicts
        if one.status != "passed"
    ]
    return [f"lab {lab.id}: {line}" for line in (*found, *troubles(graded))]


# -- the gate ------------------------------------------------------------------------------------------------


def gate_lab(
    course: Course,
    lab: Lab,
    nursery: Callable[[], Nursery],
    replayers: Queue[Replayer],
    tell: Callable[[str], None],
    only: str = "",
) -> list[str]:
    """Everything the gate asks of one lab; what is wrong with it, one line each. `only` a check or a round."""
    try:
        module = load_module(lab)
        source = read_source(lab.source)
        if apart := broken_structure(lab, module, source):
            return [f"lab {lab.id}: {line}" for line in apart]
        cases = cases_of(lab, module, source)
    except (CourseError, SourceError, tomllib.TOMLDecodeError) as error:
        return [f"lab {lab.id}: {error}"]
    failures = [f"lab {lab.id}: {line}" for line in broken_files(course, lab, module, source)]

    def note(result: Result) -> None:
        tell(result.line)
        if result.trouble:
            failures.append(result.line)

    chosen = [id for id in lab.points if f"{id}.".startswith(f"{only}." if only else "")]
    for id in chosen:
        check = module.checks[id]
        if check.kind == "predict":
            for result in prediction_results(lab, check):
                note(result)
        elif (
            count := sum(case.check == id and case.name not in ("stub", "solution") for case in cases)
        ) < FEWEST_WRONG:
            failures.append(f"lab {lab.id}: {id} has {count} wrong submissions, and needs {FEWEST_WRONG}")

    def work(batch: list[Case]) -> None:
        replayer = replayers.get()
        try:
            for result in replay(course, lab, module, source, batch, nursery, replayer):
                note(result)
        finally:
            replayers.put(replayer)

    with ThreadPoolExecutor(PARALLEL) as pool:
        # It takes longest, and goes first.
        whole = None if only.partition(".")[2] else pool.submit(solution_as_a_learners, course, lab, source, nursery)
        for future in [
            pool.submit(work, batch) for batch in batches([case for case in cases if case.check in chosen], module)
        ]:
            future.result()
        if whole is not None:
            tell(f"{'FAIL' if whole.result() else 'ok':<4}  {lab.id:<13} the whole solution, graded")
            failures += whole.result()
    return failures


def main(labs: list[str] | None = None, *, course: Course | None = None) -> int:
    """What `./coldstart author gate [LAB or CHECK ...]` runs: 0 if nothing is wrong."""
    began = time.monotonic()
    try:
        course = course or load_course()
        chosen = [(course.lab(name.partition(".")[0]), name) for name in labs or [lab.id for lab in course.labs]]
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    nursery = NurseryProcess()
    replayers: Queue[Replayer] = Queue()
    for _ in range(PARALLEL):
        replayers.put(Replayer())
    lock = threading.Lock()

    def tell(line: str) -> None:
        with lock:
            print(line, flush=True)

    failures: list[str] = []
    try:
        for lab, name in chosen:
            failures += gate_lab(course, lab, nursery, replayers, tell, only=name)
    finally:
        while not replayers.empty():
            replayers.get().close()
        nursery.close()
    for failure in failures:
        if not failure.startswith("FAIL"):
            print(f"FAIL  {failure}")
    counted = f"{len(failures)} of the gate's demands are not met" if failures else "the gate is open"
    print(f"{counted}, {time.monotonic() - began:.1f} s")
    return 1 if failures else 0
