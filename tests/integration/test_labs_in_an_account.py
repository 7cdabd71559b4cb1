"""Labs in an account: their solutions pass against a second sandbox, its /_sandbox closed, that stands in for AWS."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from checks.contract import Verdict
from checks.course import load_course
from checks.gate import Replayer
from checks.judge import JudgeServer
from checks.judging import Judge
from checks.notebook_source import read_source
from checks.state import ROOT
from sandbox.nursery import Nursery, SandboxHandle

#: Above it the two seconds of lab 01's round 2's wait would be longer than an idle environment lives (ten minutes).
SPEEDUP = 200
#: Lab 03 has customers at work all the time: so many requests a second of the wall are what a small machine can do.
SPEEDUPS = {"03": 25}
#: The longest that a solution may take there, wall seconds.
LONGEST_SECONDS = 900.0


@pytest.fixture
def speedup(lab_id: str) -> int:
    return SPEEDUPS.get(lab_id, SPEEDUP)


@pytest.fixture
def stand_in(nursery: Nursery, speedup: int) -> Iterator[SandboxHandle]:
    made = nursery.fork(seed=1, control=False, speedup=speedup)
    yield made
    nursery.stop(made)


@pytest.fixture
def account(stand_in: SandboxHandle, speedup: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a notebook that works in the account, which is the judge's, too."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "COLDSTART_"))]:
        monkeypatch.delenv(name)
    variables = {
        **stand_in.learner,
        "COLDSTART_TARGET": "account",
        "COLDSTART_ACCOUNT_PROFILE": "stand-in",
        "COLDSTART_ACCOUNT_IDS": "123456789012",
        "COLDSTART_ACCOUNT_ENDPOINT": stand_in.endpoint,
        "COLDSTART_ACCOUNT_SPEEDUP": str(speedup),
        "COLDSTART_ACCOUNT_NAMES": stand_in.names,
        "COLDSTART_ACCOUNT_CONFIRM": "yes",
        "COLDSTART_JOURNAL": str(tmp_path),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


def replayed(lab_id: str, folder: Path, account: dict[str, str]) -> tuple[list[Verdict], dict[str, Any]]:
    """Run a lab's solved notebook from top to bottom with a judge of its own: the verdicts, errors and the output."""
    course = load_course()
    lab = course.lab(lab_id)
    shutil.copytree(lab.solved_folder, folder / lab.name)
    cells = [(cell.id, cell.source) for cell in read_source(lab.source).cells if cell.type == "code"]
    judge = Judge(course, lambda: pytest.fail("the judge asked for a local sandbox"), folders=(folder,), seed=1)
    server, replayer = JudgeServer(judge), Replayer()
    environment = {
        **account,
        "COLDSTART_JUDGE_URL": server.url,
        "COLDSTART_JUDGE_TOKEN": server.token,
        "PYTHONPATH": str(ROOT),
    }
    try:
        replayer.ask({"open": {"environment": environment, "folder": str(folder)}})
        done = replayer.ask({"run": cells}, seconds=LONGEST_SECONDS)
        replayer.ask({"end": True})
    finally:
        replayer.close()
        server.close()
        judge.close()
    return judge.verdicts(lab_id), done


@pytest.mark.parametrize("lab_id", ["00", "01", "02", "03", "06"])
def test_the_solution_passes_in_an_account_and_nothing_is_left(
    lab_id: str, account: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "labs"
    folder.mkdir()
    verdicts, done = replayed(lab_id, folder, account)
    assert done["errors"] == []
    assert [one.text for one in verdicts if one.status != "passed"] == []
    assert {one.check for one in verdicts} == set(load_course().lab(lab_id).points)
    assert " removed, nothing left." in done["output"].splitlines()[-2]
