"""Work that the service does by itself, on threads of its own.

A piece of work holds the clock busy from the moment it is handed over until it has ended, so `advance` never jumps
over it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sandbox.clock import Clock

log = logging.getLogger(__name__)


class Background:
    """At most `workers` pieces of work at once; the others wait in their order."""

    def __init__(self, clock: Clock, name: str, workers: int) -> None:
        self._clock = clock
        self._name = name
        self._workers = workers
        self._executor: ThreadPoolExecutor | None = None
        self._closed = False
        self._lock = threading.Lock()

    def do(self, work: Callable[[], None]) -> None:
        """Run `work` soon. Its exception is logged. After `close` nothing is run any more."""
        busy = self._clock.busy()
        busy.__enter__()
        try:
            with self._lock:
                if self._closed:
                    raise RuntimeError("closed")
                if self._executor is None:
                    self._executor = ThreadPoolExecutor(self._workers, thread_name_prefix=self._name)
                future = self._executor.submit(self._run, work)
        except RuntimeError:
            busy.__exit__(None, None, None)
            return
        # Also when `close` cancels it: the clock must not stay busy for ever.
        future.add_done_callback(lambda _: busy.__exit__(None, None, None))

    def close(self) -> None:
        """Drop what has not begun; what runs ends on its own."""
        with self._lock:
            self._closed = True
            executor = self._executor
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:
            if not self._closed:
                log.exception("%s: a piece of work failed", self._name)
