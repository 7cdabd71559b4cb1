"""The threads, events and pauses of moto's engine for state machines, in sandbox time (see moto_stepfunctions.py)."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from datetime import datetime
from types import ModuleType
from typing import Any

from sandbox.gateway import moto_adapter
from sandbox.gateway.shifted_time import overlay
from sandbox.waiting import Waiting

_ASL = "moto.stepfunctions.parser.asl"
_STATES = f"{_ASL}.component.state"
_TASKS = f"{_STATES}.exec.state_task"

#: The modules with threads, events or pauses.
_WAITING_MODULES = (
    f"{_ASL}.component.program.program",
    f"{_ASL}.component.common.retry.retrier_decl",
    f"{_ASL}.eval.callback.callback",
    f"{_ASL}.eval.environment",
    f"{_STATES}.exec.execute_state",
    f"{_STATES}.exec.state_map.iteration.inline_iteration_component",
    f"{_STATES}.exec.state_map.iteration.job",
    f"{_STATES}.exec.state_map.iteration.itemprocessor.map_run_record",
    f"{_STATES}.exec.state_parallel.branch_worker",
    f"{_STATES}.exec.state_parallel.branches_decl",
    f"{_TASKS}.service.state_task_service_callback",
)

_waiting: Waiting | None = None


def wait_by(waiting: Waiting | None) -> None:
    """Let executions wait in this way; with None none can run."""
    global _waiting
    _waiting = waiting


def _waits() -> Waiting:
    if _waiting is None:
        raise RuntimeError("no sandbox runs state machines")
    return _waiting


def install() -> None:
    """Have moto's engine changed when it is loaded."""
    for name in _WAITING_MODULES:
        moto_adapter.after_import(name, _wait_in_sandbox_time)
    moto_adapter.after_import(f"{_ASL}.eval.count_down_latch", _count_in_sandbox_time)
    moto_adapter.after_import(f"{_STATES}.wait.wait_function.timestamp", _read_timestamps)


def thread(
    target: Callable[..., Any], args: tuple[Any, ...] = (), name: str | None = None, daemon: bool | None = None
) -> Any:
    # moto names a thread by the whole of its program.
    return _waits().thread(target, args, name and name[:40])


def _event() -> Any:
    return _waits().event()


def _sleep(seconds: float) -> None:
    _waits().sleep(seconds)


def _wait_in_sandbox_time(module: ModuleType) -> None:
    names = vars(module)
    if "threading" in names:
        # The types stay what they were: they stand in annotations.
        module.threading = overlay(names["threading"], Thread=thread, Event=_event)  # type: ignore[attr-defined]
    if names.get("Thread") is threading.Thread:
        module.Thread = thread  # type: ignore[attr-defined]
    if names.get("Event") is threading.Event:
        module.Event = _event  # type: ignore[attr-defined]
    if "time" in names:
        module.time = overlay(names["time"], sleep=_sleep)  # type: ignore[attr-defined]


def _count_in_sandbox_time(module: ModuleType) -> None:
    class CountDownLatch:
        """As moto's."""

        def __init__(self, num: int) -> None:
            self._left = num
            self._lock = threading.Lock()
            self._done = _event()

        def count_down(self) -> None:
            with self._lock:
                self._left -= 1
                over = self._left <= 0
            if over:
                self._done.set()

        def wait(self) -> None:
            if self._left > 0:
                self._done.wait()

    module.CountDownLatch = CountDownLatch  # type: ignore[attr-defined]


def _read_timestamps(module: ModuleType) -> None:
    # moto's are of the time zone of the process, and whole seconds short of it.
    def _get_wait_seconds(self: Any, env: Any) -> int:
        self.string.eval(env=env)
        given = env.stack.pop()
        try:
            due = datetime.fromisoformat(str(given))
        except ValueError:
            due = None
        if due is None or due.tzinfo is None:
            raise module.FailureEventException(self._create_failure_event(env, given))
        return max(math.ceil(due.timestamp() - _waits().now()), 0)

    module.Timestamp._get_wait_seconds = _get_wait_seconds
