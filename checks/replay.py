"""Runs authored cells without Jupyter: a warm process that forks for each replay. The gate's other half.

`python -m checks.replay` reads one JSON line a command and answers with one. `open` forks a child with an environment
and a folder; `run` executes cells in it; `try` executes cells in a fork of it, so that many endings can follow one
beginning; `end` closes it. Cells run one after the other, whatever became of the one before, as nbval runs them.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

#: Imported before the first fork: what nearly every replay needs. Nothing here starts a thread.
PRELOAD = ("boto3", "IPython", "sandbox.cloud", "sandbox.views", "checks.face", "checks.readings", "checks.facts")
#: Services of which nearly every lab makes a client: their models are read once, and not by every child.
SERVICES = ("cloudformation", "iam", "lambda", "logs")
LONGEST_OUTPUT = 4000


class Channel:
    """Commands in and answers out, on descriptors of their own: what cells print goes elsewhere."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading = reading
        self._writing = writing

    def read(self) -> dict[str, Any] | None:
        """The next command; None at the end. Read byte by byte, so that a fork never holds another's command."""
        line = bytearray()
        while not line.endswith(b"\n"):
            byte = os.read(self._reading, 1)
            if not byte:
                return None
            line += byte
        command: dict[str, Any] = json.loads(line)
        return command

    def write(self, answer: Mapping[str, Any]) -> None:
        data = json.dumps(answer).encode() + b"\n"
        while data:
            data = data[os.write(self._writing, data) :]


class Cells:
    """A namespace in which cells run, magics included."""

    def __init__(self) -> None:
        from IPython.core.interactiveshell import InteractiveShell
        from traitlets.config import Config

        shell: Any = InteractiveShell
        # No history: its database has a thread, and a process with threads should not fork.
        self._shell = shell.instance(config=Config({"HistoryManager": {"enabled": False}}))
        self._shell.colors = "NoColor"

    def run(self, cells: list[tuple[str, str]]) -> dict[str, Any]:
        """Execute cells: which of them raised what, and the end of what they printed."""
        errors: list[tuple[str, str]] = []
        with tempfile.TemporaryFile() as output:
            sys.stdout.flush()
            sys.stderr.flush()
            kept = os.dup(1), os.dup(2)
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            try:
                for id, source in cells:
                    result = self._shell.run_cell(source)
                    failure = result.error_before_exec or result.error_in_exec
                    if failure is not None:
                        errors.append((id, f"{type(failure).__name__}: {failure}"[:300]))
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                for number, descriptor in enumerate(kept, 1):
                    os.dup2(descriptor, number)
                    os.close(descriptor)
            output.seek(max(output.tell() - LONGEST_OUTPUT, 0))
            return {"errors": errors, "output": output.read().decode(errors="replace")}


def _forked(work: Any) -> dict[str, Any]:
    """Do `work` in a fork, and give back what it returns; {"died": status} if the fork ended before."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        status = 1
        try:
            Channel(-1, writing).write(work())
            status = 0
        finally:
            with suppress(OSError, ValueError):
                sys.stdout.flush()
            os._exit(status)
    os.close(writing)
    answer = bytearray()
    while piece := os.read(reading, 65536):
        answer += piece
    os.close(reading)
    _, status = os.waitpid(pid, 0)
    try:
        result: dict[str, Any] = json.loads(answer)
    except ValueError:
        return {"died": os.waitstatus_to_exitcode(status), "errors": [], "output": ""}
    return result


def _replay(channel: Channel, environment: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """The child of one `open`: serves its commands until `end`."""
    os.environ.update(environment)
    os.chdir(folder)
    cells = Cells()
    channel.write({"ready": True})
    while (command := channel.read()) is not None and "end" not in command:
        if "run" in command:
            channel.write(cells.run(command["run"]))
        else:
            attempt = command["try"]
            channel.write(_forked(lambda attempt=attempt: cells.run(attempt)))
    return {"ended": True}


def _read_models() -> None:
    from sandbox.isolation import isolated_session

    nobody = isolated_session({"AWS_ACCESS_KEY_ID": "-", "AWS_SECRET_ACCESS_KEY": "-"}, "us-east-1")
    for service in SERVICES:
        nobody.client(service, endpoint_url="http://127.0.0.1:9")


def main() -> int:
    channel = Channel(os.dup(0), os.dup(1))
    quiet = os.open(os.devnull, os.O_RDWR)
    os.dup2(quiet, 0)
    os.dup2(quiet, 1)
    for name in PRELOAD:
        with suppress(ImportError):
            importlib.import_module(name)
    _read_models()
    channel.write({"ready": True})
    while (command := channel.read()) is not None:
        if "open" not in command:
            # A child that died on the way left this one to be answered.
            channel.write({"ended": True})
            continue
        opening = command["open"]
        channel.write(_forked(lambda o=opening: _replay(channel, o["environment"], Path(o["folder"]))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
