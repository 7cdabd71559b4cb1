"""Set-up: once, whole, again when the lock changes, and with a word of advice when it fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from checks import setup

ROOT = Path(__file__).resolve().parents[2]


class Steps:
    """Stands in for the commands that set-up runs: notes them, and makes what `python -m venv` would make.

    Those for the SAM CLI's environment have "sam " before their name. They run beside the others, and are noted apart.
    """

    def __init__(self) -> None:
        self.project: list[str] = []
        self.sam: list[str] = []
        self.failing = ""

    def __call__(self, command: list[str], log: Path, advice: str, *, counted: bool = False) -> str:
        name = "venv" if "venv" in command else "pip" if "pip" in command else "try"
        own = log.name == "setup-sam.log"
        (self.sam if own else self.project).append(name)
        if ("sam " if own else "") + name == self.failing:
            raise setup.SetupError(f"no luck. {advice}, then run ./coldstart again.")
        if name == "venv":
            interpreter = Path(command[-1]) / "bin" / "python"
            interpreter.parent.mkdir(parents=True)
            interpreter.symlink_to(sys.executable)
        # What the interpreter says when it is asked for its folder of packages.
        return f"{Path(command[0]).parent.parent}\n"

    def again(self) -> None:
        self.project, self.sam, self.failing = [], [], ""


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Steps:
    (tmp_path / "requirements.lock").write_text("one==1\n")
    (tmp_path / "checks" / "tools").mkdir(parents=True)
    (tmp_path / "checks" / "tools" / "sam.lock").write_text("sam==1\n")
    steps = Steps()
    monkeypatch.setattr(setup, "run", steps)
    return steps


def environments(root: Path) -> tuple[setup.Environment, setup.Environment]:
    project = setup.project(root)
    return project, setup.sam(root, project.python)


def ready(root: Path) -> list[bool]:
    return [each.ready() for each in environments(root)]


def test_first_start_makes_both_environments_and_the_second_does_nothing(steps: Steps, tmp_path: Path) -> None:
    setup.set_up(tmp_path)
    assert steps.project == steps.sam == ["venv", "pip", "try", "try"]
    assert ready(tmp_path) == [True, True]
    steps.again()
    setup.set_up(tmp_path)
    assert (steps.project, steps.sam) == ([], [])


@pytest.mark.parametrize(
    ("lock", "ran", "idle"), [("requirements.lock", "project", "sam"), ("checks/tools/sam.lock", "sam", "project")]
)
def test_a_changed_lock_renews_what_is_made_from_it_and_nothing_else(
    steps: Steps, tmp_path: Path, lock: str, ran: str, idle: str
) -> None:
    setup.set_up(tmp_path)
    steps.again()
    (tmp_path / lock).write_text("one==2\n")
    assert sorted(ready(tmp_path)) == [False, True]
    setup.set_up(tmp_path)
    assert getattr(steps, ran) == ["pip", "try", "try"]
    assert getattr(steps, idle) == []
    assert ready(tmp_path) == [True, True]


@pytest.mark.parametrize("failing", ["pip", "try"])
def test_an_unfinished_environment_is_made_anew_with_what_is_in_its_folder(
    steps: Steps, tmp_path: Path, failing: str
) -> None:
    steps.failing = failing
    with pytest.raises(setup.SetupError, match=r"then run \./coldstart again"):
        setup.set_up(tmp_path)
    assert ready(tmp_path) == [False, False]
    (tmp_path / ".venv" / "leftover").touch()
    steps.again()
    setup.set_up(tmp_path)
    assert steps.project[0] == steps.sam[0] == "venv"
    assert not (tmp_path / ".venv" / "leftover").exists()


@pytest.mark.parametrize("failing", ["sam pip", "sam try"])
def test_a_tool_that_fails_in_a_renewal_leaves_the_project_as_it_is(steps: Steps, tmp_path: Path, failing: str) -> None:
    setup.set_up(tmp_path)
    steps.again()
    (tmp_path / "checks" / "tools" / "sam.lock").write_text("sam==2\n")
    steps.failing = failing
    with pytest.raises(setup.SetupError, match=r"then run \./coldstart again"):
        setup.set_up(tmp_path)
    assert ready(tmp_path) == [True, False]
    steps.again()
    setup.set_up(tmp_path)
    assert (steps.project, steps.sam) == ([], ["venv", "pip", "try", "try"])


@pytest.mark.parametrize("lost", ["bin/python", setup.STAMP])
def test_a_tool_without_its_interpreter_or_its_stamp_is_repaired(steps: Steps, tmp_path: Path, lost: str) -> None:
    setup.set_up(tmp_path)
    steps.again()
    (environments(tmp_path)[1].folder / lost).unlink()
    setup.set_up(tmp_path)
    assert (steps.project, steps.sam) == ([], ["venv", "pip", "try", "try"])
    assert ready(tmp_path) == [True, True]


def test_an_environment_that_was_moved_is_made_anew(steps: Steps, tmp_path: Path) -> None:
    setup.set_up(tmp_path)
    stamp = tmp_path / ".venv" / setup.STAMP
    stamp.write_bytes(b"/another/place\n" + (tmp_path / "requirements.lock").read_bytes())
    steps.again()
    setup.set_up(tmp_path)
    assert steps.project[0] == steps.sam[0] == "venv"


def test_another_tools_interpreter_gets_the_sam_cli_beside_it(steps: Steps, tmp_path: Path) -> None:
    conda = tmp_path / "conda" / "bin" / "python"
    setup.set_up_sam(tmp_path, conda)
    assert (steps.project, steps.sam) == ([], ["venv", "pip", "try", "try"])
    assert setup.sam(tmp_path, conda).folder == tmp_path / "conda" / "tools" / "sam"
    steps.again()
    setup.set_up_sam(tmp_path, conda)
    assert steps.sam == []


def test_a_failing_step_is_reported_with_its_error_and_the_log(tmp_path: Path) -> None:
    program = "import sys; print('ERROR: no matching distribution'); print('more'); sys.exit(3)"
    with pytest.raises(setup.SetupError) as error:
        setup.run([sys.executable, "-c", program], tmp_path / "setup.log", "Check the network")
    assert "ERROR: no matching distribution" in str(error.value)
    assert "Check the network, then run ./coldstart again." in str(error.value)
    assert "more" in (tmp_path / "setup.log").read_text()


def launcher(root: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(root / "coldstart"), *arguments],
        env={"PATH": path or os.defpath, "HOME": str(root)},
        capture_output=True,
        text=True,
        cwd="/",
        timeout=30,
        check=False,
    )


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A folder with a space in its name that has the launcher, and a .venv whose python prints what it is given."""
    house = tmp_path / "a house"
    (house / "checks" / "tools").mkdir(parents=True)
    shutil.copy(ROOT / "coldstart", house)
    shutil.copy(ROOT / "checks" / "setup.py", house / "checks")
    (house / "requirements.lock").write_text("one==1\n")
    (house / "checks" / "tools" / "sam.lock").write_text("sam==1\n")
    for each in environments(house.resolve()):
        each.python.parent.mkdir(parents=True)
        each.python.write_text('#!/bin/sh\necho "$@"\n')
        each.python.chmod(0o755)
        each.stamp.write_bytes(each.finished_stamp())
    return house


def test_the_launcher_runs_the_command_line_from_any_folder_and_through_a_link(house: Path, tmp_path: Path) -> None:
    done = launcher(house, "test", "a b")
    assert (done.returncode, done.stdout) == (0, "-P -m checks.cli test a b\n"), done.stderr
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "coldstart").symlink_to("../a house/coldstart")
    assert launcher(tmp_path / "bin", "lab").stdout == "-P -m checks.cli lab\n"


@pytest.mark.parametrize("lost", [".venv", ".venv/tools/sam"])
def test_without_a_python_that_is_new_enough_the_launcher_says_which_is_needed(
    house: Path, tmp_path: Path, lost: str
) -> None:
    (house / lost / setup.STAMP).unlink()
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("dirname", "readlink", "cat", "cmp"):
        found = shutil.which(tool)
        assert found
        (tools / tool).symlink_to(found)
    old = tools / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2 && exit 0\nexit 1\n')
    old.chmod(0o755)
    done = launcher(house, "lab", path=str(tools))
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr
    assert "Python 3.9.2" in done.stderr
    assert len(done.stderr.splitlines()) == 1
