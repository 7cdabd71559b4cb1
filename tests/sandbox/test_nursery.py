"""Sandboxes from the nursery: fresh, apart from each other, and gone with everything they started."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from sandbox.cloud import Cloud, open_cloud
from sandbox.nursery import Nursery, NurseryError, SandboxHandle
from sandbox.sandbox import ROOT_PREFIX


@pytest.fixture(scope="module", autouse=True)
def own_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where everything temporary of these processes goes, so that what is left can be counted."""
    folder = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", None)
        yield folder


@pytest.fixture(scope="module")
def nursery(own_folder: Path) -> Iterator[Nursery]:
    made = Nursery()
    made.start()
    yield made
    made.close()


@pytest.fixture
def nursery_of_its_own(own_folder: Path) -> Iterator[Nursery]:
    made = Nursery()
    made.start()
    yield made
    made.close()


def now(endpoint: str) -> str:
    with urllib.request.urlopen(f"{endpoint}/_sandbox/clock", timeout=5) as response:
        return str(json.loads(response.read())["now"])


def answers(endpoint: str) -> bool:
    try:
        now(endpoint)
    except OSError:
        return False
    return True


def cloud_of(handle: SandboxHandle) -> Cloud:
    return open_cloud("local", endpoint=handle.endpoint, credentials=handle.learner)


def until(holds: Callable[[], bool], what: str, seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.02)


def family(pid: int) -> list[psutil.Process]:
    """A process and all that came from it."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def left(processes: list[psutil.Process]) -> list[psutil.Process]:
    found = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def roots(folder: Path) -> set[Path]:
    """The folders of all sandboxes."""
    return set(folder.glob(f"{ROOT_PREFIX}*"))


def a_function_that_lingers(cloud: Cloud) -> None:
    """Make and call a function whose process has a child of its own."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    iam = cloud.client("iam")
    role = iam.create_role(RoleName="fn", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.attach_role_policy(RoleName="fn", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        module = zipfile.ZipInfo("app.py")
        module.external_attr = 0o644 << 16
        code.writestr(
            module,
            "import subprocess\n"
            "def handler(event, context):\n"
            "    subprocess.Popen(['sleep', '600'])\n"
            "    return 'done'\n",
        )
    client = cloud.client("lambda")
    client.create_function(
        FunctionName="lingers",
        Runtime="python3.11",
        Handler="app.handler",
        Role=role,
        Code={"ZipFile": archive.getvalue()},
    )
    client.get_waiter("function_active_v2").wait(FunctionName="lingers", WaiterConfig={"Delay": 1})
    assert json.loads(client.invoke(FunctionName="lingers")["Payload"].read()) == "done"


def test_each_sandbox_is_fresh_and_apart(nursery: Nursery) -> None:
    first, second = nursery.fork(seed=1), nursery.fork(seed=1)
    cloud_of(first).client("sqs").create_queue(QueueName="mine")
    assert "QueueUrls" not in cloud_of(second).client("sqs").list_queues()
    cloud_of(first).clock.advance(86_400)
    assert now(first.endpoint)[:10] > now(second.endpoint)[:10]
    # With one seed too, nothing that keeps others out is the same.
    secrets = [handle.learner["AWS_SECRET_ACCESS_KEY"] for handle in (first, second)]
    secrets += [handle.judge["AWS_SECRET_ACCESS_KEY"] for handle in (first, second)]
    assert len(set(secrets)) == 4
    made = [
        cloud_of(handle).client("iam").create_access_key(UserName="learner")["AccessKey"]["SecretAccessKey"]
        for handle in (first, second)
    ]
    assert made[0] != made[1]
    with pytest.raises(Exception, match="InvalidClientTokenId"):
        open_cloud("local", endpoint=second.endpoint, credentials=first.learner).client("sts").get_caller_identity()


def test_a_stopped_sandbox_leaves_nothing(nursery: Nursery, own_folder: Path) -> None:
    kept = nursery.fork()
    before = roots(own_folder)
    stopped = nursery.fork()
    a_function_that_lingers(cloud_of(stopped))
    processes = family(stopped.pid)
    assert len(processes) > 2
    nursery.stop(stopped)
    until(lambda: not left(processes), "its processes have ended")
    assert not answers(stopped.endpoint)
    assert answers(kept.endpoint)
    assert roots(own_folder) == before
    nursery.stop(stopped)


def test_a_sandbox_that_is_killed_takes_its_processes_and_files_along(nursery: Nursery, own_folder: Path) -> None:
    before = roots(own_folder)
    handle = nursery.fork()
    a_function_that_lingers(cloud_of(handle))
    processes = family(handle.pid)
    os.kill(handle.pid, signal.SIGKILL)
    until(lambda: not left(processes), "its processes have ended")
    until(lambda: roots(own_folder) == before, "its files are gone")
    assert answers(nursery.fork().endpoint)


def test_closing_the_nursery_ends_everything(nursery_of_its_own: Nursery, own_folder: Path) -> None:
    nursery, before = nursery_of_its_own, roots(own_folder)
    handles = [nursery.fork() for _ in range(3)]
    a_function_that_lingers(cloud_of(handles[0]))
    processes = [process for handle in handles for process in family(handle.pid)]
    nursery.close()
    until(lambda: not left(processes), "all processes have ended")
    assert roots(own_folder) == before
    with pytest.raises(NurseryError, match="not running"):
        nursery.fork()


def test_a_nursery_that_is_killed_takes_everything_along(nursery_of_its_own: Nursery, own_folder: Path) -> None:
    nursery, before = nursery_of_its_own, roots(own_folder)
    handles = [nursery.fork() for _ in range(2)]
    a_function_that_lingers(cloud_of(handles[0]))
    processes = [process for handle in handles for process in family(handle.pid)]
    assert nursery._process is not None
    nursery._process.kill()
    until(lambda: not left(processes), "all processes have ended")
    assert roots(own_folder) == before
    with pytest.raises(NurseryError, match="has ended"):
        nursery.fork()


def test_a_port_that_is_taken_is_said_and_hurts_nobody(nursery: Nursery) -> None:
    handle = nursery.fork()
    port = int(handle.endpoint.rpartition(":")[2])
    with pytest.raises(NurseryError, match=f"port {port} of 127.0.0.1: Address already in use"):
        nursery.fork(port=port)
    assert answers(handle.endpoint)
    nursery.stop(handle)
    assert nursery.fork(port=port).endpoint == handle.endpoint


def test_the_nursery_stays_single_threaded(nursery: Nursery) -> None:
    nursery.fork()
    assert nursery._process is not None
    assert psutil.Process(nursery._process.pid).num_threads() == 1


def test_a_sandbox_can_stand_in_for_an_account(nursery: Nursery) -> None:
    handle = nursery.fork(control=False, speedup=60)
    assert not answers(handle.endpoint)
    sts = cloud_of(handle).client("sts")
    assert sts.get_caller_identity()["Account"] == "123456789012"


class Served:
    """`python -m sandbox.serve` with what it prints."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sandbox.serve", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def variables(self) -> dict[str, str]:
        assert self.process.stdout is not None
        lines = [self.process.stdout.readline().strip() for _ in range(5)]
        return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    started: list[Served] = []

    def start(*arguments: str) -> Served:
        started.append(Served(*arguments))
        return started[-1]

    yield start
    for served in started:
        served.process.kill()
        served.process.communicate()


class TestServe:
    def test_it_prints_what_an_sdk_needs_and_ends_clean(self, serve: Any, own_folder: Path) -> None:
        before = roots(own_folder)
        served = serve("--port", "0")
        variables = served.variables()
        assert set(variables) == {
            "AWS_ENDPOINT_URL",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_DEFAULT_REGION",
            "AWS_REGION",
        }
        cloud = open_cloud("local", endpoint=variables["AWS_ENDPOINT_URL"], credentials=variables)
        assert cloud.client("sts").get_caller_identity()["Arn"].endswith(":user/learner")
        a_function_that_lingers(cloud)
        processes = family(served.process.pid)
        served.process.send_signal(signal.SIGINT)
        assert served.process.wait(20) == 0
        until(lambda: not left(processes), "all processes have ended")
        assert roots(own_folder) == before
        assert served.process.stderr.read() == ""

    def test_a_reset_is_a_fresh_sandbox_at_the_same_port(self, serve: Any, own_folder: Path) -> None:
        folders = roots(own_folder)
        served = serve("--port", "0")
        before = served.variables()
        cloud = open_cloud("local", endpoint=before["AWS_ENDPOINT_URL"], credentials=before)
        cloud.client("sqs").create_queue(QueueName="old")
        cloud.clock.advance(86_400)
        served.process.send_signal(signal.SIGHUP)
        after = served.variables()
        assert after["AWS_ENDPOINT_URL"] == before["AWS_ENDPOINT_URL"]
        assert after["AWS_SECRET_ACCESS_KEY"] != before["AWS_SECRET_ACCESS_KEY"]
        fresh = open_cloud("local", endpoint=after["AWS_ENDPOINT_URL"], credentials=after)
        assert "QueueUrls" not in fresh.client("sqs").list_queues()
        assert abs(fresh.clock.now().timestamp() - time.time()) < 30
        assert len(roots(own_folder) - folders) == 1
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(20) == 0

    def test_a_busy_port_is_one_clear_line(self, serve: Any) -> None:
        first = serve("--port", "0")
        port = first.variables()["AWS_ENDPOINT_URL"].rpartition(":")[2]
        second = serve("--port", port)
        _, errors = second.process.communicate(timeout=20)
        assert second.process.returncode == 1
        assert errors.count("\n") == 1
        assert f"port {port} of 127.0.0.1: Address already in use" in errors
        assert "--port" in errors

    def test_a_killed_one_takes_everything_along(self, serve: Any) -> None:
        served = serve("--port", "0")
        served.variables()
        processes = family(served.process.pid)
        served.process.kill()
        until(lambda: not left(processes), "all processes have ended")
