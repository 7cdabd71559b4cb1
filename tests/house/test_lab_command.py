"""`./coldstart lab`: it comes up, says where, survives a crashed run, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.house.support import command, family, gone, run, surroundings, wait_until

COURSE = """
title = "A course for tests"
[[labs]]
id = "01"
name = "01-first"
title = "First"
minutes = 5
"""
NOTEBOOK = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


class Started:
    """A `lab` command that is running, with a course and a state folder of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.variables = {"COLDSTART_STATE": str(folder / "state"), "COLDSTART_COURSE": str(folder / "course")}
        self.process = subprocess.Popen(
            command("lab", "--no-browser", *arguments),
            env=surroundings(**self.variables, AWS_PROFILE="work", HOME=str(folder)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
        )
        assert self.process.stdout is not None
        self.said = ""
        self.url = ""
        for line in self.process.stdout:
            self.said += line
            if found := re.search(r"http://\S+", line):
                self.url = found[0]
                break

    @property
    def port(self) -> int:
        return int(self.url.split(":")[2].partition("/")[0])

    def ask(self, path: str, data: dict[str, object] | None = None) -> object:
        token = self.url.partition("token=")[2]
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            headers={"Authorization": f"token {token}"},
            data=None if data is None else json.dumps(data).encode(),
        )
        with urllib.request.urlopen(request, timeout=20) as response:
            return json.loads(response.read())

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=30)
        return self.process.returncode, self.said + rest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    labs = tmp_path / "course" / "labs"
    labs.mkdir(parents=True)
    (labs / "course.toml").write_text(COURSE)
    (labs / "00-start-here.ipynb").write_text(json.dumps(NOTEBOOK))
    return tmp_path


@pytest.fixture
def started(folder: Path) -> Iterator[Started]:
    started = Started(folder, "--port", str(free_port()))
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.end()


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def open_kernel(started: Started) -> None:
    kernel = started.ask("/api/kernels", {"name": "python3"})
    assert isinstance(kernel, dict)
    assert kernel["name"] == "python3"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_opens_the_start_page_and_ends_all_it_started(started: Started, number: int) -> None:
    assert "/lab/tree/00-start-here.ipynb?token=" in started.url
    with urllib.request.urlopen(started.url, timeout=20) as response:
        assert response.status == 200
    open_kernel(started)
    processes = family(started.process.pid)
    assert len(processes) >= 4
    code, said = started.end(number)
    assert code == 0, said
    assert gone(processes)
    assert not (Path(started.variables["COLDSTART_STATE"]) / "lab.json").exists()


def test_the_page_needs_its_token(started: Started) -> None:
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"http://127.0.0.1:{started.port}/api/contents", timeout=20)


def test_a_second_start_says_where_the_first_one_is(started: Started) -> None:
    second = run("lab", "--no-browser", **started.variables)
    assert second.returncode == 0
    assert "already running" in second.stdout
    assert started.url in second.stdout
    other = run("lab", "--no-browser", "--port", str(free_port()), **started.variables)
    assert other.returncode == 1
    assert started.url in other.stderr


def test_after_a_kill_nothing_stays_and_the_next_start_works(folder: Path, started: Started) -> None:
    open_kernel(started)
    processes = family(started.process.pid)
    started.process.kill()
    started.process.communicate(timeout=30)
    wait_until(lambda: gone(processes), "judge, JupyterLab and kernel noticed that their command is gone")
    again = Started(folder, "--port", str(started.port))
    try:
        assert again.url, again.said
        assert again.url != started.url
    finally:
        again.end()


def test_a_port_that_was_asked_for_and_is_busy_is_an_error(folder: Path) -> None:
    with closing(socket.socket()) as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        done = run("lab", "--no-browser", "--port", str(port), COLDSTART_STATE=str(folder / "state"))
    assert done.returncode == 1
    assert done.stderr.startswith(f"coldstart: port {port} is in use by another program")
    assert len(done.stderr.splitlines()) == 1


def test_a_busy_usual_port_is_said_and_another_taken(folder: Path) -> None:
    with closing(socket.socket()) as busy:
        busy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            busy.bind(("127.0.0.1", 8888))
            busy.listen()
        except OSError:
            pass  # another program has it, which is just as well
        started = Started(folder)
        code, said = started.end()
    assert code == 0, said
    assert "Port 8888 is in use by another program; taking " in said
    assert started.port != 8888


def test_a_judge_that_cannot_start_is_one_line(folder: Path) -> None:
    (folder / "course" / "labs" / "course.toml").write_text("title = ")
    done = run(
        *("lab", "--no-browser", "--port", str(free_port())),
        COLDSTART_STATE=str(folder / "state"),
        COLDSTART_COURSE=str(folder / "course"),
    )
    assert done.returncode == 1
    assert "The judge ended" in done.stderr
    assert "course.toml" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_terminals_find_the_labs_aws_first_and_nothing_of_the_users_settings(folder: Path, started: Started) -> None:
    """What JupyterLab's environment gives to kernels and terminals."""
    jupyter = next(each for each in family(started.process.pid) if "checks.workbench" in each.cmdline())
    environ = jupyter.environ()
    assert environ["PATH"].split(os.pathsep)[0].endswith("checks/workbench/bin")
    assert environ["AWS_CONFIG_FILE"] == environ["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert environ["AWS_EC2_METADATA_DISABLED"] == "true"
    assert "AWS_PROFILE" not in environ
    shell = subprocess.run(
        ["bash", "--rcfile", "checks/workbench/shell/bashrc", "-i", "-c", "command -v aws; echo ${AWS_PROFILE-none}"],
        cwd=Path(__file__).resolve().parents[2],
        env=environ | {"HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert shell.stdout.splitlines() == [f"{environ['COLDSTART_BIN']}/aws", "none"]


def test_jupyterlab_fetches_no_news_and_no_updates(started: Started) -> None:
    settings = started.ask("/lab/api/settings/@jupyterlab/apputils-extension:notification")
    assert isinstance(settings, dict)
    properties = settings["schema"]["properties"]
    assert properties["fetchNews"]["default"] == "false"
    assert properties["checkForUpdates"]["default"] is False
