"""What an environment consists of in the operating system: its processes, its Runtime API port, its pipes.

Nothing here runs by itself: whichever thread holds the environment drives it with `pump`. While nobody does, the
processes are stopped, so nothing needs serving.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sandbox.compute import processes, spawner
from sandbox.compute.http_connection import HttpConnection, MalformedRequest
from sandbox.compute.output import Output
from sandbox.compute.runtime_api import MOST_RESPONSE, Answer, RuntimeApi
from sandbox.compute.wardens import Note, Warden

_READ_BYTES = 256 * 1024
#: Linux: the time at which the last byte came in goes with what is read. The number is that of x86 and ARM.
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@ll")
_TIMESTAMP_SPACE = socket.CMSG_SPACE(_TIMESPEC.size)
_READABLE = select.POLLIN | select.POLLHUP | select.POLLERR
_CLEAR_SECONDS = 10.0
#: What is read of a pipe after its process has ended, when others still write to it.
_LAST_READS = 64


@dataclass(slots=True)
class Process:
    """The runtime or an external extension. `status` is its wait status once it has ended."""

    name: str
    path: str
    pipe: int
    output: Output = field(default_factory=Output)
    pid: int = 0
    started: float = 0.0
    status: int | None = None
    #: An errno if it could not be started.
    refused: int = 0
    cpu: float = 0.0
    #: The most memory it held, in bytes, told when it has ended.
    peak: int = 0


class _Connection:
    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.http = HttpConnection(MOST_RESPONSE)
        self.unsent = bytearray()


class Stage:
    """Processes and their conversation. Call everything from the thread that holds the environment, except `kill`."""

    def __init__(self, warden: Warden, clock_fd: int, write: Callable[[list[str]], None]) -> None:
        self._warden = warden
        self._clock_fd = clock_fd
        self._write = write
        self._poll = select.poll()
        self._readers: dict[int, Callable[[], None]] = {}
        self._connections: dict[int, _Connection] = {}
        self._api: RuntimeApi | None = None
        self._cleared = True
        self.processes: dict[int, Process] = {}
        #: Living processes as of the last look.
        self.pids: list[int] = []
        #: When the last request came in (time.monotonic). The kernel knows it, however late it is read.
        self.arrived = 0.0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self._listener.setblocking(False)
        if sys.platform == "linux":
            self._listener.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._watch(self._listener.fileno(), self._accept)
        self._watch(warden.channel.fileno(), self._hear)

    @property
    def gone(self) -> bool:
        """Everything has ended and can't be started again."""
        return self._warden.gone

    @property
    def set_up_failed(self) -> bool:
        """The environment's own view of the machine could not be made."""
        return self._warden.failed

    # -- processes -------------------------------------------------------------------------------

    def begin(self, api: RuntimeApi) -> None:
        """Take `api` for what comes in from now on. There must be no processes."""
        self._api = api
        self.processes.clear()
        self.pids = []

    def start(self, index: int, name: str, arguments: Sequence[str], variables: Mapping[str, str], folder: str) -> None:
        """Start a process; `processes[index]` tells how it fares."""
        pipe, theirs = os.pipe()
        os.set_blocking(pipe, False)
        process = Process(name, arguments[0], pipe)
        self.processes[index] = process
        self._watch(pipe, lambda: self._read(process))
        self._cleared = False
        self._warden.start(index, arguments, variables, folder, (theirs, self._clock_fd))
        os.close(theirs)

    def started(self, otherwise: float) -> float:
        """When the first process began to run (time.monotonic), `otherwise` if none has yet."""
        return min((process.started for process in self.processes.values() if process.started), default=otherwise)

    def look(self) -> list[int]:
        """The living processes, now."""
        self.pids = processes.descendants(self._warden.pid) if self._warden.pid else []
        return self.pids

    def cpu_seconds(self) -> float:
        """CPU time of the processes as of the last look, and of the runtime and extensions that have ended."""
        ended = sum(process.cpu for process in self.processes.values() if process.status is not None)
        return ended + processes.cpu_seconds(self.pids)

    def stop(self) -> None:
        """Freeze every process: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html"""
        stopped: set[int] = set()
        # A stopped process can't fork, so this ends when one look shows nothing new.
        while new := set(self.look()) - stopped:
            processes.send_signal(new, signal.SIGSTOP)
            stopped |= new
            if len(self.pids) == 1:
                return

    def resume(self) -> None:
        """Thaw what `stop` has frozen."""
        processes.send_signal(self.pids, signal.SIGCONT)

    def clear(self) -> None:
        """End all processes, the warden excepted; their last words are read, their connections closed."""
        if not self._cleared and not self.gone:
            self._warden.clear()
            end = time.monotonic() + _CLEAR_SECONDS
            while not self._cleared and not self.gone and time.monotonic() < end:
                self.serve(100)
        self.hush()

    def hush(self) -> None:
        """Read what is left in the pipes and close them, and all connections."""
        for process in self.processes.values():
            if process.pipe >= 0:
                self._read_rest(process)
                self._forget(process.pipe)
                os.close(process.pipe)
                process.pipe = -1
        for connection in list(self._connections.values()):
            self._drop(connection)
        self.pids = []

    def kill(self) -> None:
        """End everything at once. Any thread may do this: who pumps sees `gone`."""
        self._warden.kill()

    def close(self) -> None:
        """End everything and give up port and pipes."""
        self._warden.kill()
        self.hush()
        self._warden.close()
        self._listener.close()

    # -- conversation ----------------------------------------------------------------------------

    def send(self, answers: Sequence[Answer]) -> None:
        """Deliver events to the connections that wait for them."""
        for connection, data in answers:
            assert isinstance(connection, _Connection)
            self._send(connection, data)

    def pump(self, done: Callable[[], bool], wait: float, look: Callable[[], float | None]) -> None:
        """Serve until `done()`, until everything is gone, or until `look()` gives None.

        `look` is first called after `wait` seconds, then after as many as it gave.
        """
        due = time.monotonic() + wait
        while not (done() or self.gone):
            left = due - time.monotonic()
            if left > 0:
                self.serve(left * 1000 + 0.5)
                continue
            again = look()
            if again is None:
                return
            due = time.monotonic() + again

    def serve(self, timeout_ms: float) -> None:
        """One round: wait for something to happen, and deal with it."""
        for fd, event in self._poll.poll(timeout_ms):
            if event & select.POLLOUT and fd in self._connections:
                self._send(self._connections[fd], b"")
            reader = self._readers.get(fd)
            if event & _READABLE and reader is not None:
                reader()

    def read_output(self) -> None:
        """Take what the processes have written so far, to the last line although it may have no newline."""
        for process in self.processes.values():
            if process.pipe >= 0:
                self._read_rest(process)

    # -- inside ----------------------------------------------------------------------------------

    def _watch(self, fd: int, reader: Callable[[], None]) -> None:
        self._readers[fd] = reader
        self._poll.register(fd, select.POLLIN)

    def _forget(self, fd: int) -> None:
        if self._readers.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def _hear(self) -> None:
        for note in self._warden.notes():
            self._heard(note)
        if self._warden.gone:
            self._forget(self._warden.channel.fileno())

    def _heard(self, note: Note) -> None:
        if note.kind == spawner.CLEARED:
            self._cleared = True
            return
        process = self.processes.get(note.index)
        if process is None:
            return
        if note.kind == spawner.STARTED:
            process.pid = note.pid
            process.started = note.further / 1e9
            self.pids = [*self.pids, note.pid]
        elif note.kind == spawner.NOT_STARTED:
            process.refused = note.number
        elif note.kind == spawner.PEAK:
            process.peak = note.number * 1024
        elif note.kind == spawner.EXITED:
            process.status = note.number
            process.cpu = note.further / 1e9
            if self._api is not None:
                self._api.exited(process.name)

    def _read(self, process: Process) -> None:
        data = self._read_once(process)
        if data:
            self._write(process.output.feed(data))
        elif data is not None:
            self._forget(process.pipe)
            os.close(process.pipe)
            process.pipe = -1
            self._write(process.output.finish())

    def _read_rest(self, process: Process) -> None:
        for _ in range(_LAST_READS):
            data = self._read_once(process)
            if not data:
                break
            self._write(process.output.feed(data))
        self._write(process.output.finish())

    def _read_once(self, process: Process) -> bytes | None:
        """What is there, b"" if nothing will come any more, None if nothing is there now."""
        try:
            return os.read(process.pipe, _READ_BYTES)
        except BlockingIOError:
            return None

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            sock, _ = self._listener.accept()
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = _Connection(sock)
            self._connections[sock.fileno()] = connection
            self._watch(sock.fileno(), lambda: self._receive(connection))

    def _receive(self, connection: _Connection) -> None:
        try:
            data, ancillary, _, _ = connection.sock.recvmsg(_READ_BYTES, _TIMESTAMP_SPACE)
            self.arrived = _arrival(ancillary)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(connection)
            return
        try:
            requests, interim = connection.http.feed(data)
        except MalformedRequest:
            self._drop(connection)
            return
        if interim:
            self._send(connection, interim)
        for request in requests:
            assert self._api is not None
            answer = self._api.request(connection, request)
            if answer is not None:
                self._send(connection, answer)

    def _send(self, connection: _Connection, data: bytes) -> None:
        connection.unsent += data
        try:
            sent = connection.sock.send(connection.unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(connection)
            return
        had = len(connection.unsent)
        del connection.unsent[:sent]
        fd = connection.sock.fileno()
        if connection.unsent:
            self._poll.modify(fd, select.POLLIN | select.POLLOUT)
        elif had > len(data):
            self._poll.modify(fd, select.POLLIN)

    def _drop(self, connection: _Connection) -> None:
        fd = connection.sock.fileno()
        if self._connections.pop(fd, None) is not None:
            self._forget(fd)
            connection.sock.close()


def _arrival(ancillary: list[tuple[int, int, bytes]]) -> float:
    """When a message came in, on time.monotonic's clock; now, where the system does not tell."""
    now = time.monotonic()
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS) and len(content) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(content)
            late: float = time.clock_gettime(time.CLOCK_REALTIME) - seconds - nanoseconds / 1e9
            return now - max(late, 0.0)
    return now
