"""The tiny course, a nursery for its sandboxes, and a way to hand in answers."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from checks.course import Course, Lab, load_course
from checks.grader import Grade, grade
from checks.judge import Grant, JudgeServer, NurseryProcess
from checks.judge_client import JudgeClient
from checks.judging import Judge
from checks.notebook import write_notebook
from checks.notebook_source import read_source

FIXTURE = Path(__file__).parent / "fixture_course"


@pytest.fixture(scope="session")
def nursery() -> Iterator[NurseryProcess]:
    running = NurseryProcess()
    yield running
    running.close()


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A copy of the tiny course, free to be changed."""
    root = tmp_path / "course"
    shutil.copytree(FIXTURE, root, ignore=shutil.ignore_patterns("__pycache__"))
    return load_course(root)


@pytest.fixture
def lab(course: Course) -> Lab:
    return course.lab("90")


@dataclass
class Bench:
    """A judge behind HTTP, and clients of it."""

    judge: Judge
    server: JudgeServer
    state: Path

    def client(self, token: str | None = None) -> JudgeClient:
        return JudgeClient(
            {"COLDSTART_JUDGE_URL": self.server.url, "COLDSTART_JUDGE_TOKEN": token or self.server.token}
        )

    def graded_client(self) -> JudgeClient:
        return self.client(self.server.grant(Grant(lab="90", submit_only=True)))


@pytest.fixture
def bench(course: Course, nursery: NurseryProcess, tmp_path: Path) -> Iterator[Bench]:
    state = tmp_path / "state"
    judge = Judge(course, nursery, state=state, seed=7)
    server = JudgeServer(judge)
    yield Bench(judge, server, state)
    server.close()
    judge.close()


SOLVED = {
    "r1-predict": 'lab.predict("90.1", total=6, colour="red")',
    "r1-explain": 'lab.explain("90.1", total=sum(values), ends=(str(values[0]), str(values[-1])))',
    "r2-build": (
        'text = (lab.folder / "greeting.txt").read_text().strip()\n'
        'cloud.client("ssm").put_parameter(Name="/tiny/greeting", Value=text, Type="String", Overwrite=True)'
    ),
}


@dataclass
class HandIn:
    """Hands in a notebook with these sources in its answer cells, solved ones elsewhere, and grades it."""

    course: Course
    lab: Lab
    nursery: NurseryProcess
    notebook_changes: list[Callable[[dict], None]] = field(default_factory=list)

    def __call__(
        self, answers: Mapping[str, str] | None = None, *, greeting: str = "good morning\n", seconds: float = 60
    ) -> Grade:
        notebook = read_source(self.lab.source).notebook(solved=False)
        sources = {**SOLVED, **(answers or {})}
        for cell in notebook["cells"]:
            if cell["id"] in sources:
                cell["source"] = sources[cell["id"]].splitlines(keepends=True)
        for change in self.notebook_changes:
            change(notebook)
        write_notebook(self.lab.notebook, notebook)
        (self.lab.folder / "greeting.txt").write_text(greeting)
        return grade(self.lab, self.lab.notebook, self.lab.folder, self.nursery, self.course, seed=3, seconds=seconds)


@pytest.fixture
def hand_in(course: Course, lab: Lab, nursery: NurseryProcess) -> HandIn:
    return HandIn(course, lab, nursery)
