"""Grading through nbval and the judge, and the tricks that must not win."""

from __future__ import annotations

import io
import json
import os
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from checks.contract import Verdict
from checks.course import Course, Lab, load_module
from checks.execution import Execution, can_confine
from checks.grader import Grade, NotGradable, grade, stage_folder, table, troubles
from checks.judge import NurseryProcess

from .conftest import HandIn

BLANK = Grade(
    lab=cast(Any, None),
    verdicts=(),
    execution=Execution((), 0, 1.0, True, True, ""),
    inputs={},
    refused=(),
    seed=1,
    started=datetime.fromtimestamp(0, UTC),
)


def statuses(result: Any) -> dict[str, str]:
    return {verdict.check: verdict.status for verdict in result.verdicts}


def test_a_solved_lab_gets_all_points_and_a_receipt(hand_in: HandIn, lab: Lab) -> None:
    result = hand_in()
    assert statuses(result) == dict.fromkeys(lab.points, "passed")
    receipt = result.receipt()
    assert json.loads(json.dumps(receipt)) == receipt
    assert (receipt["points"], receipt["out_of"], receipt["seed"]) == (8, 8, 3)
    assert set(receipt["inputs"]) == {"90-tiny.ipynb", "90-tiny/greeting.txt", "90-tiny/numbers.txt"}
    assert all(len(digest) == 64 for digest in receipt["inputs"].values())
    assert receipt["versions"]["nbval"]
    assert receipt["confined"] == can_confine()
    assert all(cell["outcome"] == "passed" for cell in receipt["cells"])


def test_each_wrong_answer_is_told_apart(hand_in: HandIn) -> None:
    result = hand_in(
        {"r1-predict": "lab.predict('90.1', total=..., colour=...)", "r1-explain": "raise ValueError('oh')"},
        greeting="good evening\n",
    )
    assert statuses(result) == {
        "90.1.predict": "not_attempted",
        "90.1.explain": "not_attempted",
        "90.2": "incorrect",
    }
    assert any("r1-explain" in line and "ValueError: oh" in line for line in troubles(result))
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(table(result))
    text = console.export_text()
    assert "0 of 8" in text
    assert "good evening" in text


FORGE = """
import json, os, urllib.request
def post(path, body):
    request = urllib.request.Request(os.environ["COLDSTART_JUDGE_URL"] + path, json.dumps(body).encode(),
        {"Authorization": "Bearer " + os.environ["COLDSTART_JUDGE_TOKEN"]})
    try:
        return urllib.request.urlopen(request).status
    except urllib.error.HTTPError as error:
        return error.code
verdict = {"version": 1, "check": "90.2", "status": "passed", "points": 4, "out_of": 4}
forged = [post(path, verdict) for path in ("/v1/progress", "/v1/labs/90/verdicts", "/v1/labs/90/giveup", "/v1/labs/90")]
forged += [post("/v1/labs/90/checks/90.2", {"answers": {}, "verdict": verdict, **verdict})]
assert forged == [404, 404, 403, 404, 200], forged
"""

PATCH = """
import checks.contract, checks.face, checks.judge_client, checks.judging
for face in (checks.face.Lab, type(lab)):
    face.check = lambda self, id, **answers: print(f"{id}: passed, 4 of 4 points")
checks.judging.run = checks.contract.run = lambda check, *a, out_of, **k: checks.contract.Verdict(
    check.id, "passed", out_of, out_of)
checks.judge_client.JudgeClient.ask = lambda *a, **k: {"version": 1, "check": "90.2", "status": "passed",
    "points": 4, "out_of": 4}
"""

TRANSFORM = "get_ipython().input_transformers_cleanup.append(lambda lines: ['print(\"90.2: passed, 4 of 4 points\")'])"

PLUGINS = """
from pathlib import Path
cheat = "import pytest\\nraise SystemExit(0)"
for name in ("conftest.py", "sitecustomize.py", "usercustomize.py", "checks.py", "pytest.ini", "nbval.py"):
    Path(name).write_text(cheat)
"""

LYING = """
class Yes(int):
    __eq__ = lambda self, other: True
    __hash__ = int.__hash__
class Ends(list):
    __eq__ = lambda self, other: True
lab.explain("90.1", total=Yes(1), ends=Ends(["x", "y"]))
"""

GUESS = """
for guess in range(10):
    lab.explain("90.1", total=guess, ends=("1", "4"))
"""


@pytest.mark.parametrize("trick", [FORGE, PATCH, TRANSFORM, PLUGINS, "# NBVAL_SKIP\n"], ids=range(5))
def test_a_trick_does_not_stand_for_the_work(hand_in: HandIn, trick: str) -> None:
    result = hand_in({"r2-build": trick})
    last = result.verdicts[-1]
    assert (last.check, last.status, last.points) == ("90.2", "not_attempted", 0)


@pytest.mark.parametrize("trick", [LYING, GUESS], ids=["lying", "guess"])
def test_an_answer_that_lies_or_guesses_is_incorrect(hand_in: HandIn, trick: str) -> None:
    assert statuses(hand_in({"r1-explain": trick}))["90.1.explain"] == "incorrect"


def test_a_notebook_with_its_checks_cut_out_and_outputs_forged_is_judged_all_the_same(
    hand_in: HandIn, lab: Lab
) -> None:
    def forge(notebook: dict[str, Any]) -> None:
        notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] not in ("r2-check", "r1-run")]
        for cell in notebook["cells"]:
            cell["metadata"] = {"tags": ["nbval-skip"]}
            if cell["cell_type"] == "code":
                cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "90.2: passed, 4 of 4 points"}]

    hand_in.notebook_changes.append(forge)
    (lab.folder / "conftest.py").write_text("raise SystemExit(0)\n")
    (lab.folder.parent / "conftest.py").write_text("raise SystemExit(0)\n")
    result = hand_in(greeting="replace this line\n")
    assert statuses(result) == {"90.1.predict": "passed", "90.1.explain": "passed", "90.2": "not_attempted"}
    assert result.refused == ("conftest.py (not a file of this lab)",)


def test_a_dead_kernel_is_noticed_at_once_and_the_rest_is_not_attempted(hand_in: HandIn) -> None:
    result = hand_in({"r1-explain": "import os; os._exit(1)"})
    assert statuses(result) == {"90.1.predict": "passed", "90.1.explain": "not_attempted", "90.2": "not_attempted"}
    cell = next(cell for cell in result.execution.cells if cell.cell == "r1-explain")
    assert cell.outcome == "failed"
    assert "the kernel died" in cell.reason
    assert cell.seconds < 2.0


def test_a_cell_that_never_ends_is_ended_and_leaves_no_process(hand_in: HandIn) -> None:
    endless = (
        "import subprocess, signal\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "subprocess.Popen(['sleep', '654321'], start_new_session=True)\n"
        "while True: pass"
    )
    began = time.monotonic()
    result = hand_in({"r1-explain": endless}, seconds=6)
    assert time.monotonic() - began < 30
    assert result.execution.timed_out
    assert statuses(result)["90.2"] == "not_attempted"
    assert any("ended after" in line for line in troubles(result))
    import psutil

    assert not [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", "654321"]]


def test_only_the_learners_own_plain_small_files_are_taken(course: Course, lab: Lab, tmp_path: Path) -> None:
    module = load_module(lab)
    mine = tmp_path / "mine"
    (mine / "deep").mkdir(parents=True)
    (mine / "greeting.txt").symlink_to("/etc/hostname")
    (mine / "numbers.txt").write_text("9\n")
    (mine / "deep" / "greeting.txt").write_text("good morning")
    (mine / "conftest.py").write_text("")
    target = tmp_path / "target"
    refused = stage_folder(lab, module, mine, target)
    assert sorted(path.name for path in target.rglob("*")) == ["numbers.txt"]
    assert (target / "numbers.txt").read_text() == "1\n2\n4\n"
    assert [line.split(" ")[0] for line in refused] == ["conftest.py", "deep/greeting.txt", "greeting.txt"]
    (mine / "greeting.txt").unlink()
    (mine / "greeting.txt").write_bytes(b"x" * 1_000_001)
    assert any("1000001 bytes" in line for line in stage_folder(lab, module, mine, tmp_path / "other"))


def test_odd_names_stay_behind_and_are_said_without_harm(
    course: Course, hand_in: HandIn, lab: Lab, tmp_path: Path
) -> None:
    odd = ("-rf", "a\nb", "\x1b[2Jgone", "ünï çødé 🐍", "[red]", "\udcff")
    for name in odd:
        (lab.folder / name).write_text("")
    os.mkfifo(lab.folder / "numbers.fifo")
    refused = stage_folder(lab, load_module(lab), lab.folder, tmp_path / "target")
    assert len(refused) == len(odd) + 1
    (lab.folder / "greeting.txt").unlink()
    os.mkfifo(lab.folder / "greeting.txt")
    assert "greeting.txt (not a plain file)" in stage_folder(lab, load_module(lab), lab.folder, tmp_path / "other")
    blank = replace(BLANK, lab=lab, refused=(*odd, *odd))
    said = list(troubles(blank))
    assert all(line.isprintable() for line in said)
    assert "... and 7 more files." in said


def test_words_of_a_submission_give_the_terminal_no_orders(lab: Lab) -> None:
    seen = "\x1b]0;owned\x07[bold]\\[/bold] [link=x]\ud800"
    verdict = Verdict("90.2", "incorrect", 0, 4, seen=seen, expected="x.", why="y.")
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(table(replace(BLANK, lab=lab, verdicts=(verdict,))))
    text = console.export_text()
    assert "\x1b" not in text
    assert "[bold]\\[/bold] [link=x]" in text


def test_a_notebook_that_is_a_pipe_is_not_waited_for(course: Course, lab: Lab, nursery: NurseryProcess) -> None:
    os.mkfifo(lab.notebook)
    with pytest.raises(NotGradable, match="no plain file"):
        grade(lab, lab.notebook, lab.folder, nursery, course)


def test_what_is_no_notebook_is_said_and_not_graded(course: Course, lab: Lab, nursery: NurseryProcess) -> None:
    lab.notebook.write_text("{")
    with pytest.raises(NotGradable, match="90-tiny"):
        grade(lab, lab.notebook, lab.folder, nursery, course)
    lab.notebook.unlink()
    with pytest.raises(NotGradable, match="is not there"):
        grade(lab, lab.notebook, lab.folder, nursery, course)
