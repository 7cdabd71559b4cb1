"""`./coldstart sandbox`: served in the foreground, used from another shell, reset, and gone without a trace."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.house.support import ROOT, command, family, gone, run, surroundings, wait_until


class Served:
    """A `sandbox serve` that is running, with a state folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            command("sandbox", "serve", "--port", "0"),
            env=surroundings(COLDSTART_STATE=str(folder)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
        )
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        assert first.startswith("AWS_ENDPOINT_URL=http://127.0.0.1:"), first
        self.endpoint = first.partition("=")[2].strip()
        wait_until((folder / "sandbox.json").exists, "the sandbox's record is written")

    def shell(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a shell script after `eval "$(./coldstart sandbox env)"`."""
        return subprocess.run(
            ["/bin/sh", "-c", f'eval "$("$PYTHON" -P -m checks.cli sandbox env)" && {script}'],
            env=surroundings(COLDSTART_STATE=str(self.folder), PYTHON=command()[0], AWS_PROFILE="work"),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        self.process.communicate(timeout=30)
        return self.process.returncode


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path)
    try:
        yield served
    finally:
        if served.process.poll() is None:
            served.end()


def test_another_shell_uses_it_with_the_labs_aws(served: Served) -> None:
    done = served.shell("command -v aws && aws sqs create-queue --queue-name orders && aws sqs list-queues")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == str(ROOT / "checks" / "workbench" / "bin" / "aws")
    assert done.stdout.count("/orders") == 2
    assert served.endpoint in run("sandbox", "status", COLDSTART_STATE=str(served.folder)).stdout


def test_reset_is_a_fresh_sandbox_at_the_same_place(served: Served) -> None:
    assert served.shell("aws sqs create-queue --queue-name orders").returncode == 0
    done = run("sandbox", "reset", COLDSTART_STATE=str(served.folder))
    assert done.returncode == 0, done.stderr
    after = served.shell("aws sqs list-queues && echo $AWS_ENDPOINT_URL")
    assert after.returncode == 0, after.stderr
    assert after.stdout == f"{served.endpoint}\n"
    # Terminals that were told of the old credentials have to be told of the new ones.
    assert 'eval "$(./coldstart sandbox env)"' in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_with_all_it_started(served: Served, number: int) -> None:
    processes = family(served.process.pid)
    assert served.end(number) == 0
    assert gone(processes)
    assert run("sandbox", "status", COLDSTART_STATE=str(served.folder)).returncode == 1


def test_after_a_kill_nothing_stays_that_blocks(served: Served) -> None:
    processes = family(served.process.pid)
    served.process.kill()
    served.process.communicate(timeout=30)
    wait_until(lambda: gone(processes), "the sandbox noticed that its command is gone")
    assert run("sandbox", "env", COLDSTART_STATE=str(served.folder)).returncode == 1
    again = Served(served.folder)
    assert again.end() == 0


def test_a_second_one_at_its_port_says_where_the_first_is(served: Served) -> None:
    port = served.endpoint.rpartition(":")[2]
    done = run("sandbox", "serve", "--port", port, COLDSTART_STATE=str(served.folder))
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert served.endpoint in done.stderr
    assert "--port" in done.stderr


def test_a_sandbox_that_is_killed_is_said_to_be(served: Served) -> None:
    process = json.loads((served.folder / "sandbox.json").read_text("utf-8"))["process"][0]
    os.kill(int(process), signal.SIGKILL)
    said, _ = served.process.communicate(timeout=30)
    assert "SIGKILL" in said.splitlines()[-1]
    assert served.process.returncode == 1
    assert run("sandbox", "status", COLDSTART_STATE=str(served.folder)).returncode == 1


def test_a_busy_port_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    with closing(socket.socket()) as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        done = run("sandbox", "serve", "--port", str(busy.getsockname()[1]), COLDSTART_STATE=str(tmp_path))
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "--port takes another" in done.stderr
