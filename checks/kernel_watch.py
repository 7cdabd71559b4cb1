"""A pytest plugin beside nbval: it notices within a second that a kernel has died, ends one that floods, and tells how
each cell ended.

nbval waits for a dead kernel as long as for a slow one, and keeps whatever a cell prints, several times over. Loaded
with `-p checks.kernel_watch`. The cells' outcomes go, one JSON line each, to the file that COLDSTART_CELL_REPORT names:
they inform, nothing is graded by them.
"""

from __future__ import annotations

import json
import os
import re
import resource
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from nbval.kernel import RunningKernel

POLL_SECONDS = 0.5
LONGEST_REASON = 2000
#: What a whole notebook may print and show.
LARGEST_OUTPUT_BYTES = 50_000_000
#: What one process of the run may take in memory, and write to one file.
LARGEST_PROCESS_BYTES = 2 << 30
LARGEST_FILE_BYTES = 1 << 30
#: What a terminal takes as an order to change the colour: IPython's tracebacks are full of it.
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class KernelDied(RuntimeError):
    """The kernel process has ended, or had to be ended."""


def pytest_configure(config: pytest.Config) -> None:
    # The kernel inherits them.
    _limit(resource.RLIMIT_DATA, LARGEST_PROCESS_BYTES)
    _limit(resource.RLIMIT_FSIZE, LARGEST_FILE_BYTES)
    _limit(resource.RLIMIT_CORE, 0)
    RunningKernel.get_message = _watching(RunningKernel.get_message)
    config.pluginmanager.register(CellReport(os.environ.get("COLDSTART_CELL_REPORT", "")), "coldstart-cells")


def _limit(what: int, most: int) -> None:
    hard = resource.getrlimit(what)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


def _watching(get_message: Callable[..., Any]) -> Callable[..., Any]:
    """nbval's wait for a message in short pieces, with a look at the kernel's process and its output between them."""
    shown = 0

    def watch(self: Any, stream: str, timeout: float | None = None) -> Any:
        nonlocal shown
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = POLL_SECONDS if deadline is None else min(POLL_SECONDS, max(deadline - time.monotonic(), 0.0))
            try:
                message = get_message(self, stream, timeout=left)
                shown += _size(message)
                if shown > LARGEST_OUTPUT_BYTES:
                    self.km.shutdown_kernel(now=True)
                    raise KernelDied(f"the kernel was ended: its cells put out more than {LARGEST_OUTPUT_BYTES} bytes")
                return message
            except Empty:
                if not self.is_alive():
                    raise KernelDied("the kernel died: something in this cell ended its process") from None
                if deadline is not None and time.monotonic() >= deadline:
                    raise

    return watch


def _size(message: Any) -> int:
    """About how much a message brings to show."""
    content = message.get("content", {})
    texts = [content.get("text", ""), *content.get("traceback", ()), *content.get("data", {}).values()]
    return sum(len(text) if isinstance(text, str) else len(str(text)) for text in texts)


class CellReport:
    def __init__(self, path: str) -> None:
        self._path = Path(path) if path else None
        self._ids: dict[str, str] = {}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        self._ids = {item.nodeid: item.cell.get("id", item.name) for item in items if hasattr(item, "cell")}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._path is None or (report.when != "call" and report.passed):
            return
        line = {
            "cell": self._ids.get(report.nodeid, report.nodeid),
            "outcome": "xfailed" if hasattr(report, "wasxfail") else report.outcome,
            "seconds": round(report.duration, 3),
            "reason": COLOUR.sub("", report.longreprtext)[-LONGEST_REASON:] if report.failed else "",
        }
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
