"""Processes that a command starts: each in a group of its own, ended with everything that it started itself."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

import psutil

from checks.command import CommandError

#: Seconds that a process gets to end by itself after SIGTERM, before it is killed.
GRACE_SECONDS = 5.0


class Ended(CommandError):
    """A child ended, or did not answer, when it should be running. The message says what to do."""


class Child:
    """A process in its own group, so that Ctrl-C reaches only the command that started it.

    Its standard input is a pipe which nobody writes to unless `tell` does: a child that reads end of file there knows
    that the command is gone, even when that was killed. Its errors go to the file `log`.
    """

    def __init__(
        self, name: str, command: Sequence[str], *, env: Mapping[str, str], log: Path, cwd: Path | None = None
    ) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                list(command),
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def tell(self, line: str) -> None:
        """Write one line to the child's standard input."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            raise Ended(self.last_words()) from None

    def first_line(self, seconds: float) -> str:
        """The first line of the child's output, waited for up to `seconds`. Later output is read and dropped."""
        lines = self.lines(seconds)
        line = next(lines, "")
        if not line:
            raise Ended(self.last_words())
        threading.Thread(target=lambda: deque(lines, maxlen=0), name=f"output of {self.name}", daemon=True).start()
        return line

    def lines(self, seconds: float) -> Iterator[str]:
        """The lines of the child's output until it ends. Raises Ended if the first takes longer than `seconds`."""
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            raise Ended(f"{self.name} did not answer within {seconds:.0f} s. Look at {self.log}, then start again.")
        for line in self.process.stdout:
            yield line.decode(errors="replace").rstrip("\n")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(GRACE_SECONDS)

    def last_words(self) -> str:
        """One line about a child that ended: its own last line of error, or the signal, and where the rest is."""
        if (code := self.process.poll()) is not None and code < 0:
            # What it said before has nothing to do with that.
            return f"{self.name} was ended from outside by {_signal_name(-code)} (its log is {self.log})."
        lines = [line.strip() for line in self.log.read_text("utf-8", errors="replace").splitlines() if line.strip()]
        said = lines[-1] if lines else f"it left with code {self.process.poll()} and said nothing"
        return f"{self.name} ended: {said} (more in {self.log})."


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def end(children: Iterable[Child], *, grace: float = GRACE_SECONDS) -> None:
    """End all children and all that they started: SIGTERM, `grace` seconds, then SIGKILL for what is left."""
    children = list(children)
    family: dict[int, psutil.Process] = {}
    for child in children:
        with contextlib.suppress(psutil.Error):
            parent = psutil.Process(child.pid)
            family |= {process.pid: process for process in [*parent.children(recursive=True), parent]}
    for child in children:
        if child.running:
            with contextlib.suppress(ProcessLookupError):
                child.process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + grace
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(max(deadline - time.monotonic(), 0.0))
    for child in children:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    # psutil compares creation times, so a process number that was given out again meanwhile is safe.
    for process in family.values():
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(list(family.values()), timeout=2)
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(2)


class Stopped(BaseException):
    """The command was asked to stop: Ctrl-C, SIGTERM, or its terminal closed."""


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Turn the first SIGINT, SIGTERM or SIGHUP into Stopped; later ones don't disturb the clearing up."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in signals:
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    before = {number: signal.signal(number, stop) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def identity(pid: int) -> list[float] | None:
    """What tells a process from a later one with the same number: [number, creation time]; None if there is none."""
    try:
        return [pid, psutil.Process(pid).create_time()]
    except psutil.Error:
        return None


def is_running(known: object) -> bool:
    """Is the process of this `identity`, read back from a file perhaps, still there?"""
    if not (isinstance(known, list) and len(known) == 2 and all(isinstance(part, int | float) for part in known)):
        return False
    now = identity(int(known[0]))
    return now is not None and abs(now[1] - known[1]) < 1.0


def end_leftovers(known: Iterable[object], *, grace: float = GRACE_SECONDS) -> None:
    """End the groups of processes that a crashed command left behind, given by their leaders' identities."""
    left = [int(leader[0]) for leader in known if isinstance(leader, list) and is_running(leader)]
    for pid in left:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGTERM)
    gone_by = time.monotonic() + grace
    for pid in left:
        with contextlib.suppress(psutil.Error):
            psutil.Process(pid).wait(max(gone_by - time.monotonic(), 0.0))
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def python(*arguments: str) -> list[str]:
    """A command line for this very interpreter that takes nothing from the current folder."""
    return [sys.executable, "-P", *arguments]
