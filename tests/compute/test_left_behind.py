"""Whatever a function does, and however the sandbox ends, no process is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.compute.wardens import Mode, SpawnerFailed
from tests.compute.environment_support import Surroundings, call, eventually, invocation, running, surroundings

ROOT = Path(__file__).resolve().parents[2]

#: Each kind of process that might stay: a child, an orphan in its own session, one that takes no signal, threads.
STUBBORN = """
    import os, signal, subprocess, sys, threading, time
    def stay():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        while True:
            time.sleep(1)
    def handler(event, context):
        threading.Thread(target=lambda: time.sleep(1000)).start()
        subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(1000)"])
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                stay()
            os._exit(0)
        if os.fork() == 0:
            stay()
        if event:
            exec(event)
        return "done"
"""


@pytest.fixture(params=["namespaces", "plain"])
def mode(request: pytest.FixtureRequest) -> Mode:
    wanted: Mode = request.param
    return wanted


@pytest.fixture
def around(mode: Mode, tmp_path: Path) -> Iterator[Surroundings]:
    with surroundings(tmp_path, mode) as made:
        try:
            made.host.prepare()
        except SpawnerFailed as error:
            pytest.skip(str(error))
        yield made


@pytest.fixture
def marker() -> str:
    """A value in the variables of every process of a function."""
    return f"marker-{uuid.uuid4().hex}"


def gone(marker: str) -> None:
    eventually(lambda: not running(marker))


def test_shutdown_ends_everything_a_function_started(around: Surroundings, marker: str) -> None:
    environment = around.environment(STUBBORN, variables={"MARKER": marker})
    call(environment)
    call(environment)
    eventually(lambda: len(running(marker)) >= 7)
    environment.shutdown()
    gone(marker)


@pytest.mark.parametrize("code", ["time.sleep(60)", "os._exit(1)", "os.kill(os.getpid(), signal.SIGSEGV)"])
def test_failure_ends_everything_a_function_started(around: Surroundings, marker: str, code: str) -> None:
    environment = around.environment(STUBBORN, variables={"MARKER": marker}, timeout_s=1)
    assert environment.invoke(invocation(code)).status in ("timeout", "failure")
    gone(marker)
    call(environment)
    environment.shutdown()
    gone(marker)


def test_host_ends_all_its_environments_busy_or_frozen(around: Surroundings, marker: str) -> None:
    frozen = [around.environment(STUBBORN, variables={"MARKER": marker}) for _ in range(3)]
    for environment in frozen:
        call(environment)
    busy = around.environment(STUBBORN, variables={"MARKER": marker})
    results = []
    thread = threading.Thread(target=lambda: results.append(busy.invoke(invocation("time.sleep(60)"))))
    thread.start()
    eventually(lambda: len(running(marker)) >= 16)
    around.host.close()
    thread.join(10)
    assert not thread.is_alive()
    assert results[0].status == "failure"
    gone(marker)
    with pytest.raises(RuntimeError):
        around.environment(STUBBORN)


def test_endless_forking_is_ended(around: Surroundings, marker: str) -> None:
    """One parent, idle children: the machine these tests run on is shared."""
    environment = around.environment(
        """
        import os, time
        def handler(event, context):
            for _ in range(3000):
                try:
                    if os.fork() == 0:
                        time.sleep(1000)
                except OSError:
                    break
            time.sleep(1000)
        """,
        variables={"MARKER": marker},
        memory_mb=2048,
        timeout_s=3,
    )
    result = environment.invoke(invocation())
    assert result.status in ("timeout", "failure")
    gone(marker)
    environment.shutdown()


def test_processes_are_limited_as_in_lambda(mode: Mode, around: Surroundings) -> None:
    if mode == "plain":
        pytest.skip("only a user namespace has a count of its own")
    environment = around.environment(
        """
        import os, signal, time
        def handler(event, context):
            children = []
            try:
                while len(children) < 1500:
                    children.append(os.fork())
                    if not children[-1]:
                        signal.pause()
            except OSError as error:
                return [type(error).__name__, len(children)]
            finally:
                for child in children:
                    os.kill(child, signal.SIGKILL)
                    os.waitpid(child, 0)
            return ["none", len(children)]
        """,
        memory_mb=4096,
        timeout_s=60,
    )
    name, count = call(environment)
    assert name == "BlockingIOError"
    assert 1000 < count < 1024


def test_warden_killed_from_outside_costs_one_invocation(around: Surroundings, marker: str) -> None:
    environment = around.environment("def handler(event, context):\n    return 1\n", variables={"MARKER": marker})
    call(environment)
    stage = environment._stage
    assert stage is not None
    os.kill(stage._warden.pid, signal.SIGKILL)
    eventually(lambda: not Path(f"/proc/{stage._warden.pid}").exists())
    assert call(environment) == 1
    environment.shutdown()
    gone(marker)


SANDBOX = """
    import sys, tempfile, threading, time
    from pathlib import Path
    from tests.compute.environment_support import Surroundings, call, invocation
    around = Surroundings(Path({folder!r}), {mode!r})
    frozen = around.environment({source!r}, variables={{"MARKER": {marker!r}}})
    call(frozen)
    busy = around.environment({source!r}, variables={{"MARKER": {marker!r}}})
    threading.Thread(target=lambda: busy.invoke(invocation("time.sleep(60)"))).start()
    print("up", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_end_of_the_sandbox_ends_everything(mode: Mode, tmp_path: Path, marker: str, number: int) -> None:
    code = textwrap.dedent(SANDBOX).format(folder=str(tmp_path), mode=mode, source=STUBBORN, marker=marker)
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) as sandbox:
        assert sandbox.stdout is not None
        assert sandbox.stdout.readline() == b"up\n"
        eventually(lambda: len(running(marker)) >= 9)
        spawners = running(f"{ROOT}/sandbox/compute/spawner.py")
        mine = [process for process in spawners if sandbox.pid in (process.ppid(), process.pid)]
        assert mine
        sandbox.send_signal(number)
        if number == signal.SIGINT:
            # Its thread is still waiting for the function.
            time.sleep(0.2)
            sandbox.kill()
        sandbox.wait(10)
    gone(marker)
    eventually(lambda: not any(process.is_running() for process in mine))


def test_nothing_stays_in_the_shared_folder(mode: Mode, tmp_path: Path) -> None:
    with surroundings(tmp_path, mode) as around:
        environment = around.environment("def handler(event, context):\n    return 1\n")
        call(environment)
        environment.shutdown()
        assert not list((tmp_path / "shared").glob("tmp-*"))
