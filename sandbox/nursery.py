"""The nursery: a process that has everything loaded, and forks a fresh sandbox in some 20 ms whenever one is asked for.

`python -m sandbox.nursery` is the process. It stays single-threaded, so that forking it is safe. Requests come as
JSON lines on its standard input, each answered by a JSON line on standard output; when standard input ends, it kills
its sandboxes and ends too. `Nursery` is the other side, for whoever wants sandboxes.
"""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from sandbox.sandbox import ROOT_PREFIX, Sandbox, preload

log = logging.getLogger(__name__)

#: How long a new sandbox may take until it listens, in seconds.
START_SECONDS = 30.0
#: How long a sandbox may take to end by itself once it is asked to, in seconds.
STOP_SECONDS = 5.0


class NurseryError(RuntimeError):
    """No sandbox came of it. The message says what happened."""


# -- in the process that forks -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Order:
    """What kind of sandbox is asked for."""

    seed: int = 0
    port: int = 0
    control: bool = True
    speedup: float | None = None


#: This process's ends of the pipes to its sandboxes: a sandbox must not hold those of the others.
_held: set[int] = set()


class Cot:
    """A sandbox in a child process, seen from its parent. Its process group dies with it, whatever it started."""

    def __init__(self, order: Order) -> None:
        self._root = Path(tempfile.mkdtemp(prefix=ROOT_PREFIX))
        self._ready, ready_in_child = os.pipe()
        alive_in_child, self._alive = os.pipe()
        _held.update((self._ready, self._alive))
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            for descriptor in _held:
                os.close(descriptor)
            _be_sandbox(order, self._root, ready_in_child, alive_in_child)
        os.close(ready_in_child)
        os.close(alive_in_child)
        try:
            self.facts = self._wait_until_ready()
        except NurseryError:
            self.stop(0.0)
            raise

    def _wait_until_ready(self) -> dict[str, Any]:
        said = b""
        deadline = time.monotonic() + START_SECONDS
        while not said.endswith(b"\n"):
            if not select.select([self._ready], [], [], max(deadline - time.monotonic(), 0.0))[0]:
                raise NurseryError(f"the sandbox did not listen within {START_SECONDS:.0f} s")
            part = os.read(self._ready, 65_536)
            if not part:
                raise NurseryError("the sandbox ended before it listened; its error is in the log")
            said += part
        facts: dict[str, Any] = json.loads(said)
        if "error" in facts:
            raise NurseryError(facts["error"])
        return facts

    def ended(self) -> bool:
        """Whether the child has ended by itself; then nothing of its group is left either."""
        try:
            pid, _ = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:
            pid = self.pid
        if pid == 0:
            return False
        self._clear_up()
        return True

    def fileno(self) -> int:
        """Readable when the child has ended."""
        return self._ready

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Ask the child to end, wait that long, then kill it and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            # Its end of the pipe closes as it ends, so this wakes at once.
            select.select([self._ready], [], [], min(deadline - time.monotonic(), 0.05))
            if self.ended():
                return
        self._kill_group()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        self._clear_up()

    def _clear_up(self) -> None:
        self._kill_group()
        for descriptor in {self._ready, self._alive} & _held:
            _held.remove(descriptor)
            os.close(descriptor)
        shutil.rmtree(self._root, ignore_errors=True)

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def _be_sandbox(order: Order, root: Path, ready: int, alive: int) -> NoReturn:
    """The child's whole life."""
    status = 1
    try:
        os.setsid()
        ended = threading.Event()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, lambda *_: ended.set())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        # The parent's pipes are not the child's business, and what it prints must not look like an answer.
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        os.close(nothing)
        threading.Thread(target=_die_with_parent, args=(alive, ended), name="parent", daemon=True).start()
        try:
            sandbox = Sandbox(seed=order.seed, control=order.control, speedup=order.speedup, root=root)
            endpoint = sandbox.serve(order.port)
        except OSError as error:
            _tell(ready, {"error": f"{error.strerror or error}"})
        else:
            _tell(
                ready,
                {
                    "endpoint": endpoint,
                    "pid": os.getpid(),
                    "learner": sandbox.gateway.learner,
                    "judge": sandbox.gateway.judge,
                    "names": "" if order.control else sandbox.gateway.serve_names(),
                },
            )
            ended.wait()
            sandbox.close()
            status = 0
    except BaseException:
        log.exception("a sandbox failed")
    finally:
        logging.shutdown()
        os._exit(status)


def _tell(descriptor: int, content: dict[str, Any]) -> None:
    os.write(descriptor, json.dumps(content).encode() + b"\n")


def _die_with_parent(alive: int, ended: threading.Event) -> None:
    # Nobody writes: this returns when the parent's end has closed, however the parent died.
    with contextlib.suppress(OSError):
        os.read(alive, 1)
    ended.set()
    time.sleep(STOP_SECONDS)
    os.killpg(os.getpid(), signal.SIGKILL)


def make_ready() -> None:
    """Load everything that sandboxes use, and keep it out of the garbage collector's way (and of copied pages)."""
    preload()
    gc.collect()
    gc.freeze()


class _Forks:
    """Answers requests, one at a time."""

    def __init__(self) -> None:
        self._cots: dict[int, Cot] = {}

    def run(self) -> None:
        """Until standard input ends."""
        pending = b""
        while True:
            watched: list[Any] = [0, *self._cots.values()]
            readable = select.select(watched, [], [])[0]
            for cot in [one for one in readable if isinstance(one, Cot)]:
                if cot.ended():
                    log.warning("the sandbox of process %d ended by itself", cot.pid)
                    del self._cots[cot.pid]
            if 0 not in readable:
                continue
            part = os.read(0, 65_536)
            if not part:
                break
            *lines, pending = (pending + part).split(b"\n")
            for line in lines:
                _tell(1, self._answer(json.loads(line)))
        for cot in self._cots.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(cot.pid, signal.SIGTERM)
        for cot in self._cots.values():
            cot.stop()

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["op"] == "stop":
            cot = self._cots.pop(request["pid"], None)
            if cot is not None:
                cot.stop()
            return {}
        try:
            cot = Cot(Order(**request["order"]))
        except (NurseryError, OSError) as error:
            return {"error": str(error)}
        self._cots[cot.pid] = cot
        return cot.facts


def main() -> int:
    """The nursery process."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    # Ctrl-C reaches the whole terminal; whoever started the nursery ends it by closing its input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    make_ready()
    _tell(1, {"ready": True})
    _Forks().run()
    return 0


# -- for whoever wants sandboxes -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SandboxHandle:
    """A running sandbox: where it answers, and the credentials (AWS_* variables) of its two administrators.

    `names` is where one that stands in for an account resolves names, as DNS does for AWS; empty for any other.
    """

    endpoint: str
    pid: int
    learner: dict[str, str]
    judge: dict[str, str]
    names: str = ""


class Nursery:
    """Sandboxes on request. Thread-safe; `close` ends all of them."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the nursery's process and wait until it has loaded everything; NurseryError if it can't."""
        if self._process is not None:
            raise RuntimeError("the nursery is running already")
        variables = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sandbox.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=variables,
            cwd=os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
            start_new_session=True,
        )
        try:
            self._read()
        except NurseryError:
            self.close()
            raise

    def fork(
        self, *, seed: int = 0, port: int = 0, control: bool = True, speedup: float | None = None
    ) -> SandboxHandle:
        """A fresh sandbox, listening; NurseryError if the port is taken, say."""
        order = {"seed": seed, "port": port, "control": control, "speedup": speedup}
        return SandboxHandle(**self._ask({"op": "fork", "order": order}))

    def stop(self, handle: SandboxHandle) -> None:
        """End a sandbox and all that it started. Nothing happens if it has ended already."""
        self._ask({"op": "stop", "pid": handle.pid})

    def close(self) -> None:
        """End all sandboxes and the nursery."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(2 * STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            process = self._process
            if process is None:
                raise NurseryError("the nursery is not running")
            assert process.stdin is not None
            try:
                process.stdin.write(json.dumps(request).encode() + b"\n")
                process.stdin.flush()
            except OSError as error:
                raise NurseryError(f"the nursery has ended: {error}") from error
            return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise NurseryError("the nursery has ended; its error is in the log")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise NurseryError(answer["error"])
        return answer


if __name__ == "__main__":
    sys.exit(main())
