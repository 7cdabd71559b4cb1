"""Helpers of the tests of execution environments: functions as text, and a sandbox's worth of surroundings."""

from __future__ import annotations

import json
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from sandbox.clock import Clock
from sandbox.compute.contract import EnvironmentSpec, Invocation, InvocationResult
from sandbox.compute.environment import ExecutionEnvironment
from sandbox.compute.host import EnvironmentHost
from sandbox.compute.wardens import Mode

ARN = "arn:aws:lambda:us-east-1:123456789012:function:probe"
PATIENCE_SECONDS = 10.0


def eventually(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until `condition` is true; fail if it is not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.01)


class Surroundings:
    """A host with its clock and what it has logged."""

    def __init__(self, folder: Path, mode: Mode | None = None, *, stand_in: bool = False) -> None:
        self.folder = folder
        self.clock = Clock()
        self.logged: list[tuple[int, str]] = []
        self.host = EnvironmentHost(self.clock, self._take, folder / "shared", mode=mode, stand_in=stand_in)

    def _take(self, group: str, stream: str, events: Sequence[tuple[int, str]], *, account: str, region: str) -> None:
        self.logged.extend(events)

    @property
    def lines(self) -> list[str]:
        """What was logged, without the line feeds that close events of the text format."""
        return [text.removesuffix("\n") for _, text in self.logged]

    def environment(self, source: str | None = None, **changes: Any) -> ExecutionEnvironment:
        """An environment whose app.py is `source`."""
        if source is not None:
            changes.setdefault("code", self.folder_with({"app.py": source}))
        values: dict[str, Any] = {
            "account": "123456789012",
            "region": "us-east-1",
            "function_name": "probe",
            "version": "$LATEST",
            "arn": ARN,
            "handler": "app.handler",
            "runtime": "python3.11",
            "memory_mb": 1769,
            "timeout_s": 10,
            "log_group": "/aws/lambda/probe",
            "log_stream": "2026/11/21/[$LATEST]0123456789abcdef0123456789abcdef",
            "endpoint_url": "http://127.0.0.1:9",
            **changes,
        }
        return self.host.create(EnvironmentSpec(**values))

    def folder_with(self, files: dict[str, str]) -> Path:
        """A folder of text files; what begins with #! can be executed."""
        folder = self.folder / uuid.uuid4().hex
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text).lstrip())
            if path.read_text().startswith("#!"):
                path.chmod(0o755)
        return folder

    def close(self) -> None:
        self.host.close()
        self.clock.close()


@contextmanager
def surroundings(folder: Path, mode: Mode | None = None, *, stand_in: bool = False) -> Iterator[Surroundings]:
    made = Surroundings(folder, mode, stand_in=stand_in)
    try:
        yield made
    finally:
        made.close()


def invocation(event: Any = None, **changes: Any) -> Invocation:
    values: dict[str, Any] = {
        "request_id": str(uuid.uuid4()),
        "payload": json.dumps(event).encode(),
        "invoked_arn": ARN,
        **changes,
    }
    return Invocation(**values)


def call(environment: ExecutionEnvironment, event: Any = None) -> Any:
    """The function's answer; fails if it has none."""
    result = environment.invoke(invocation(event))
    assert result.status == "success", result.log_tail.decode()
    return answer(result)


def answer(result: InvocationResult) -> Any:
    return json.loads(result.payload)


def running(marker: str) -> list[psutil.Process]:
    """Processes of this machine whose command line or variables contain `marker`."""
    found = []
    for process in psutil.process_iter():
        try:
            if marker in " ".join(process.cmdline()) or marker in process.environ().values():
                found.append(process)
        except psutil.Error:
            continue
    return found
