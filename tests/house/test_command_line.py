"""The command line: help everywhere, exit code 0 only on success, one line that says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks import suite
from checks.command import CommandError
from tests.house.support import listening, run, write_json
from tests.house.test_aws import lab

COMMANDS = ["", "lab", "test", "check", "bench", "sandbox", "author"]
COMMANDS += [f"sandbox {name}" for name in ("serve", "env", "status", "reset")] + ["author build", "author gate"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    done = run(*command.split(), "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: ./coldstart {command}".rstrip())


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("fly", 2, "No such command 'fly'. What there is: ./coldstart --help"),
        ("lab --prot 8000", 2, "What there is: ./coldstart lab --help"),
        ("lab --port 99999", 2, "Invalid value for '--port'"),
        ("check", 2, "Missing argument 'NN'"),
        ("check 77", 1, "there is no lab '77'"),
        ("test nothing", 1, "there is no part 'nothing'"),
        ("sandbox", 2, "Missing command"),
        ("sandbox env", 1, "no sandbox is running: start one with ./coldstart sandbox serve"),
        ("sandbox status", 1, "no sandbox is running: start one with ./coldstart sandbox serve"),
        ("sandbox reset", 1, "no served sandbox is running: ./coldstart sandbox serve starts one"),
    ],
)
def test_an_error_is_one_line_that_says_what_to_do(tmp_path: Path, command: str, code: int, words: str) -> None:
    done = run(*command.split(), COLDSTART_STATE=str(tmp_path))
    assert done.returncode == code
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_an_unforeseen_error_has_its_traceback_only_on_demand(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    arguments = ("sandbox", "serve", "--port", "0")
    done = run(*arguments, COLDSTART_STATE=str(tmp_path / "state"))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "COLDSTART_DEBUG=1 shows where" in done.stderr
    done = run(*arguments, COLDSTART_STATE=str(tmp_path / "state"), COLDSTART_DEBUG="1")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_env_and_status_speak_of_the_lab_that_runs(tmp_path: Path) -> None:
    with listening() as endpoint:
        write_json(tmp_path / "labs.json", {"01": lab(endpoint)})
        status = run("sandbox", "status", COLDSTART_STATE=str(tmp_path))
        env = run("sandbox", "env", COLDSTART_STATE=str(tmp_path))
    assert status.returncode == 0
    assert f"lab 01   {endpoint}" in status.stdout
    assert f"export AWS_ENDPOINT_URL={endpoint}\n" in env.stdout
    assert "export AWS_ACCESS_KEY_ID=AKIDSANDBOX\n" in env.stdout
    assert "checks/workbench/bin" in env.stdout


@pytest.mark.parametrize(
    ("parts", "paths"),
    [
        ([], ["tests", "solutions"]),
        (["lint", "types"], ["tests/house/test_lint.py", "tests/house/test_types.py"]),
        (["smoke"], ["tests/smoke"]),
        (["checks"], ["tests/checks"]),
        (["sandbox/telemetry/"], ["tests/telemetry"]),
        (["tests/house/test_aws.py::test_this_machine"], ["tests/house/test_aws.py::test_this_machine"]),
    ],
)
def test_parts_of_the_tests(parts: list[str], paths: list[str]) -> None:
    assert suite.paths(parts) == paths


def test_unit_is_all_but_smoke_and_bench() -> None:
    paths = suite.paths(["unit"])
    assert {"tests/house", "tests/checks", "tests/telemetry"} <= set(paths)
    assert not {"tests/smoke", "tests/bench"} & set(paths)


def test_a_part_that_is_not_there_is_named() -> None:
    with pytest.raises(CommandError, match="there is no part 'sandbox/nowhere'"):
        suite.paths(["sandbox/nowhere"])
