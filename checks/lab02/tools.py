"""Runs the real `sam` and `aws` commands on the lab's cloud from a cell, and calls an API over HTTP."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from checks.execution import search_path
from checks.state import ROOT
from sandbox.progress import Progress

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

BIN = ROOT / "checks" / "workbench" / "bin"
LONGEST_SECONDS = 600.0
#: So many lines of a command that failed without an `Error:`.
_LAST_LINES = 8
#: What `sam` says for every run, and what has nothing to do with the template.
_CHATTER = ("Auto resolution of buckets", "To use a specific S3 bucket", "Above settings can be stored")


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended: its exit code, and the lines that it printed."""

    exit_code: int
    lines: tuple[str, ...] = field(repr=False)

    def line(self, words: str) -> str:
        """The first line that has these words in it; empty if none has."""
        return next((one.strip() for one in self.lines if words in one), "")

    @property
    def complaint(self) -> str:
        """What it says of its failure: from the line with `Error:` on, or the last lines that are no stack trace."""
        begins = next((index for index, one in enumerate(self.lines) if one.startswith("Error:")), None)
        if begins is not None:
            said = self.lines[begins:]
            ends = next((index for index, one in enumerate(said) if one.startswith("Traceback")), len(said))
            return "\n".join(said[:ends])
        shown = [one for one in self.lines if one and not one.startswith(("Traceback", "  "))]
        return "\n".join(shown[-_LAST_LINES:])


def sam(cloud: Cloud, arguments: str, folder: Path, *, quiet: bool = False) -> Ran:
    """Run `sam` with these arguments in a folder, and print its lines as they come; if `quiet` none of them, only
    that it takes its time.

    In an account what it deploys gets the lab's tags, by which `lab.finish()` finds it.
    """
    given = shlex.split(arguments)
    if cloud.target == "account" and given[:1] == ["deploy"]:
        given += ["--tags", *(f"{name}={value}" for name, value in cloud.tags.items())]
    return run(cloud, ["sam", *given], folder, quiet=quiet)


def aws(cloud: Cloud, arguments: str, folder: Path, *, quiet: bool = False) -> Ran:
    """Run `aws` with these arguments in a folder, and print its lines as they come (none of them if `quiet`)."""
    return run(cloud, ["aws", *shlex.split(arguments)], folder, quiet=quiet)


def run(cloud: Cloud, command: list[str], folder: Path, *, quiet: bool = False) -> Ran:
    """Run one of the labs' commands on a cloud. TimeoutError if it does not end."""
    if quiet:
        with Progress(shlex.join(command[:2]), lambda: None):
            return _ran(cloud, command, folder, quiet=True)
    return _ran(cloud, command, folder, quiet=False)


def _ran(cloud: Cloud, command: list[str], folder: Path, *, quiet: bool) -> Ran:
    lines: list[str] = []
    process = subprocess.Popen(
        [str(BIN / command[0]), *command[1:]],
        cwd=folder,
        env=environment(cloud),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert process.stdout is not None
    late = threading.Event()

    def end() -> None:
        late.set()
        _kill(process)

    # Its lines are read until it closes them: only somebody else can end one that hangs.
    timer = threading.Timer(LONGEST_SECONDS, end)
    timer.daemon = True
    timer.start()
    try:
        with process:
            for line in process.stdout:
                shown = line.rstrip().replace(str(folder), folder.name)
                if any(words in shown for words in _CHATTER) or (not shown and (not lines or not lines[-1])):
                    continue
                lines.append(shown)
                if not quiet:
                    print(shown)
    finally:
        timer.cancel()
    if late.is_set():
        raise TimeoutError(f"{shlex.join(command[:2])} did not end within {LONGEST_SECONDS:.0f} s")
    return Ran(process.returncode, tuple(lines))


def _kill(process: subprocess.Popen[str]) -> None:
    """End a command and what it has started, which would keep its lines open (`sam build` starts pip)."""
    with suppress(psutil.NoSuchProcess):
        started = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        for one in started:
            with suppress(psutil.NoSuchProcess):
                one.kill()


def machine() -> dict[str, str]:
    """What a learner's command gets of this machine when the judge runs it, confined: programs, and no credentials."""
    return {
        "PATH": search_path(),
        "COLDSTART_PYTHON": sys.executable,
        "PYTHONDONTWRITEBYTECODE": "1",
        "LANG": "C.UTF-8",
        "COLUMNS": "120",
        "NO_COLOR": "1",
        # nbval is the course's own, and takes longer to import than a learner's tests to run.
        "PYTEST_ADDOPTS": "-p no:nbval",
    }


def environment(cloud: Cloud) -> dict[str, str]:
    """The variables that lead a command to this cloud, and to no other."""
    kept = dict(os.environ)
    if cloud.endpoint is not None:
        # A stand-in for an account has an endpoint and credentials, and no profile.
        kept = {name: value for name, value in kept.items() if not name.startswith(("AWS_", "COLDSTART_ACCOUNT"))}
        kept.pop("COLDSTART_TARGET", None)
    return {**kept, **cloud.environment, "COLUMNS": "120", "NO_COLOR": "1"}


@dataclass(frozen=True, slots=True)
class Reply:
    """What an API answered: its status, the body (decoded, where it is JSON), the headers by names in lower case."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        return f"{self.status}  {self.body if isinstance(self.body, str) else json.dumps(self.body)}"


def call(
    cloud: Cloud, url: str, method: str = "GET", body: Any = None, headers: Mapping[str, str] | None = None
) -> Reply:
    """Call an API by its AWS URL; a body is sent as JSON. An answer of 3xx, 4xx or 5xx is a Reply too.

    No redirection is followed: it could lead anywhere.
    """
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        cloud.url(url), data=data, method=method, headers={"Content-Type": "application/json", **(headers or {})}
    )
    proxies = urllib.request.ProxyHandler({}) if cloud.endpoint else urllib.request.ProxyHandler()
    opener = urllib.request.build_opener(proxies, _StayHere)
    try:
        with opener.open(request, timeout=35) as answer:
            return Reply(answer.status, _decoded(answer.read()), _named(answer.headers))
    except urllib.error.HTTPError as refusal:
        with refusal:
            return Reply(refusal.code, _decoded(refusal.read()), _named(refusal.headers))


def _named(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


class _StayHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _decoded(body: bytes) -> Any:
    text = body.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except ValueError:
        return text
