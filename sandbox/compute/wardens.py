"""The sandbox's side of the spawner: starts it, asks it for wardens, and speaks with each of them."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sandbox.compute import processes, runtimes, spawner

Mode = Literal["namespaces", "plain"]

_START_SECONDS = 20.0
_END_SECONDS = 5.0
_CREDENTIALS = struct.Struct("3i")
_LINUX = sys.platform == "linux"


class SpawnerFailed(RuntimeError):
    """The operating system refused to start what is needed to start processes."""


@dataclass(frozen=True, slots=True)
class Note:
    """What a warden tells. `pid` is the sender's, as this process sees it."""

    kind: bytes
    index: int
    number: int
    further: int
    pid: int


class Warden:
    """The first process of one environment, from outside."""

    def __init__(self, channel: socket.socket, mode: Mode) -> None:
        self.channel = channel
        self.mode: Mode = mode
        #: As seen here; 0 until it has told that it is there.
        self.pid = 0
        self.gone = False
        self.failed = False

    def start(
        self,
        index: int,
        arguments: Sequence[str],
        variables: Mapping[str, str],
        folder: str,
        fds: Sequence[int],
    ) -> None:
        """Start a process with `fds` (its output, the clock). Notes tell when it has started, and when it has ended."""
        request = {
            "do": "start",
            "index": index,
            "arguments": list(arguments),
            "variables": dict(variables),
            "folder": folder,
        }
        self._send(request, fds)

    def clear(self) -> None:
        """Ask for the end of all processes; a note tells when it is done."""
        self._send({"do": "clear"})

    def _send(self, request: dict[str, Any], fds: Sequence[int] = ()) -> None:
        try:
            spawner.send(self.channel, request, fds)
        except OSError:
            self.gone = True

    def notes(self) -> list[Note]:
        """What has come since the last look; sets `gone` when nothing will come any more."""
        found: list[Note] = []
        while not self.gone:
            try:
                data, ancillary, _, _ = self.channel.recvmsg(
                    spawner.MESSAGE.size, socket.CMSG_SPACE(_CREDENTIALS.size), socket.MSG_DONTWAIT
                )
            except BlockingIOError:
                break
            except OSError:
                data, ancillary = b"", []
            if len(data) < spawner.MESSAGE.size:
                self.gone = True
                break
            kind, index, number, further = spawner.MESSAGE.unpack(data)
            pid = number
            for level, what, content in ancillary:
                if _LINUX and (level, what) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                    pid = _CREDENTIALS.unpack(content)[0]
            if kind == spawner.READY:
                self.pid = pid
            if kind == spawner.FAILED:
                self.gone = self.failed = True
            found.append(Note(kind, index, number, further, pid))
        return found

    def kill(self) -> None:
        """End the warden and everything below it, now. Any thread may do this."""
        if not self.pid and not self.gone:
            self._await_start()
        if self.pid and not self.gone:
            if self.mode == "plain":
                while pids := processes.descendants(self.pid):
                    processes.kill_groups(pids)
                    processes.send_signal(pids, signal.SIGKILL)
                    time.sleep(0.001)
            processes.send_signal([self.pid], signal.SIGKILL)

    def close(self) -> None:
        """Kill, and wait until the last process is gone."""
        self.kill()
        self.channel.settimeout(_END_SECONDS)
        with contextlib.suppress(OSError):
            while self.channel.recv(4096):
                pass
        self.gone = True
        self.channel.close()

    def _await_start(self) -> None:
        end = time.monotonic() + _END_SECONDS
        while not self.pid and not self.gone and time.monotonic() < end:
            self.notes()
            time.sleep(0.001)


class Spawner:
    """The spawner process of one sandbox."""

    def __init__(self, place: Path, mode: Mode | None, *, stand_in: bool) -> None:
        """Start it. `place` is an empty folder of its own; `mode` None takes namespaces if the system allows them."""
        self._lock = threading.Lock()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        #: Why there are no namespaces, empty if there are or if they were not asked for.
        self.refusal = ""
        content = {
            "place": str(place.resolve()),
            "runtime": [[str(path), name] for path, name in runtimes.runtime_folder(stand_in=stand_in)],
            "interpreters": [_shown(runtimes.own(), default=True)],
        }
        wanted: list[Mode] = [mode] if mode is not None else ["namespaces", "plain"] if _LINUX else ["plain"]
        if mode is None and _refused_before():
            wanted = ["plain"]
            self.refusal = _refused_before()
        for attempt in wanted:
            self.mode: Mode = attempt
            # Root can give functions a user of their own, unless it is itself confined to one.
            for own_user in (True, False) if attempt == "namespaces" and os.geteuid() == 0 else (False,):
                if self._start({**content, "own_user": own_user}):
                    return
            if attempt == "namespaces":
                self.refusal = self._last_words() or "the system refuses user namespaces"
                _refusals.append(self.refusal)
        raise SpawnerFailed(f"execution environments can't be started ({self.mode}): {self._last_words()}")

    def warden(self, code: Path, layers: Path | None, ephemeral_mb: int, interpreter: runtimes.Interpreter) -> Warden:
        """A new environment's first process. It may still fail to set itself up: then it is soon gone."""
        ours, theirs = socket.socketpair()
        if _LINUX:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        request = {
            "code": str(code.resolve()),
            "opt": str(layers.resolve()) if layers is not None else "",
            "ephemeral_mb": ephemeral_mb,
            "interpreters": [_shown(interpreter, default=False)],
        }
        with self._lock, theirs:
            try:
                spawner.send(self._control, request, [theirs.fileno()])
            except OSError as error:
                ours.close()
                raise SpawnerFailed(f"the spawner has ended: {self._last_words() or error}") from error
        return Warden(ours, self.mode)

    def failure(self) -> str:
        """What the spawner or a warden last complained about."""
        return self._last_words()

    def close(self) -> None:
        """End the spawner, and with namespaces all wardens with it."""
        with self._lock:
            self._control.close()
            try:
                self._process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._log.close()

    def _start(self, content: dict[str, Any]) -> bool:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [runtimes.own().executable, "-I", "-S", str(spawner.__file__), str(theirs.fileno()), self.mode],
                pass_fds=[theirs.fileno()],
                env={},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._log,
                # A Ctrl-C in the terminal is for the sandbox, which then ends its environments in order.
                start_new_session=True,
            )
        self._control = ours
        ours.settimeout(_START_SECONDS)
        try:
            spawner.send(ours, content)
            if ours.recv(1) == spawner.READY:
                ours.settimeout(None)
                return True
        except OSError:
            pass
        ours.close()
        self._process.kill()
        self._process.wait()
        return False

    def _last_words(self) -> str:
        # Several processes append to this file: read it without moving their position.
        size = os.fstat(self._log.fileno()).st_size
        text = os.pread(self._log.fileno(), 4096, max(size - 4096, 0)).decode(errors="replace").strip()
        return text.splitlines()[-1] if text else ""


#: Whether namespaces are allowed does not change while a process lives: ask once.
_refusals: list[str] = []


def _refused_before() -> str:
    return _refusals[0] if _refusals else ""


@functools.cache
def _shown(interpreter: runtimes.Interpreter, *, default: bool) -> dict[str, Any]:
    """An interpreter as the spawner shows it in its root; the default one is also plain `python3`."""
    names = [f"python{interpreter.version}", *(("python3", "python") if default else ())]
    return {"executable": interpreter.executable, "prefixes": list(interpreter.prefixes), "names": names}
