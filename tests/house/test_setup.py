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
    """Stands in for the commands that set-up runs: notes them, and makes what `python -m venv` would make."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ran: list[str] = []
        self.failing = ""

    def __call__(self, command: list[str], log: Path, advice: str, *, counted: bool = False) -> str:
        name = "venv" if "venv" in command else "pip" if "pip" in command else "try"
        self.ran.append(name)
        if name == self.failing:
            raise setup.SetupError(f"no luck. {advice}, then run ./coldstart again.")
        if name == "venv":
            (self.root / ".venv" / "bin").mkdir(parents=True)
            (self.root / ".venv" / "bin" / "python").symlink_to(sys.executable)
        return f"{self.root / '.venv'}\n"


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Steps:
    (tmp_path / "requirements.lock").write_text("one==1\n")
    steps = Steps(tmp_path)
    monkeypatch.setattr(setup, "run", steps)
    return steps


def test_first_start_makes_an_environment_and_the_second_does_nothing(steps: Steps, tmp_path: Path) -> None:
    setup.set_up(tmp_path)
    assert steps.ran == ["venv", "pip", "try", "try"]
    assert setup.ready(tmp_path)
    setup.set_up(tmp_path)
    assert len(steps.ran) == 4


def test_a_changed_lock_renews_the_environment_without_making_it_anew(steps: Steps, tmp_path: Path) -> None:
    setup.set_up(tmp_path)
    steps.ran.clear()
    (tmp_path / "requirements.lock").write_text("one==2\n")
    assert not setup.ready(tmp_path)
    setup.set_up(tmp_path)
    assert steps.ran == ["pip", "try", "try"]
    assert setup.ready(tmp_path)


@pytest.mark.parametrize("failing", ["pip", "try"])
def test_an_unfinished_environment_is_made_anew(steps: Steps, tmp_path: Path, failing: str) -> None:
    steps.failing = failing
    with pytest.raises(setup.SetupError, match=r"then run \./coldstart again"):
        setup.set_up(tmp_path)
    assert not setup.ready(tmp_path)
    (tmp_path / ".venv" / "leftover").touch()
    steps.failing, steps.ran = "", []
    setup.set_up(tmp_path)
    assert steps.ran[0] == "venv"
    assert not (tmp_path / ".venv" / "leftover").exists()


def test_an_environment_that_was_moved_is_made_anew(steps: Steps, tmp_path: Path) -> None:
    setup.set_up(tmp_path)
    stamp = tmp_path / ".venv" / setup.STAMP
    stamp.write_bytes(b"/another/place\n" + (tmp_path / "requirements.lock").read_bytes())
    steps.ran.clear()
    setup.set_up(tmp_path)
    assert steps.ran[0] == "venv"


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
    (house / "checks").mkdir(parents=True)
    shutil.copy(ROOT / "coldstart", house)
    shutil.copy(ROOT / "checks" / "setup.py", house / "checks")
    (house / "requirements.lock").write_text("one==1\n")
    python = house / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    (house / ".venv" / setup.STAMP).write_bytes(setup.stamp_of(house.resolve()))
    return house


def test_the_launcher_runs_the_command_line_from_any_folder_and_through_a_link(house: Path, tmp_path: Path) -> None:
    done = launcher(house, "test", "a b")
    assert (done.returncode, done.stdout) == (0, "-P -m checks.cli test a b\n"), done.stderr
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "coldstart").symlink_to("../a house/coldstart")
    assert launcher(tmp_path / "bin", "lab").stdout == "-P -m checks.cli lab\n"


def test_without_a_python_that_is_new_enough_the_launcher_says_which_is_needed(house: Path, tmp_path: Path) -> None:
    (house / ".venv" / setup.STAMP).unlink()
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
