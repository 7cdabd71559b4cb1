"""Virtual time: what every timer in the sandbox asks.

Sandbox time is wall time plus an offset that only `advance` raises (a clock with a rate, which stands in for an
account's waiting, runs that much faster than the wall besides). Work that falls due is done in
the order of its due time. While work that was started by a timer is still going, `advance` does not
jump: time flows at the wall's rate until the work has settled, so one due action never overtakes
another that came before it.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import mmap
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

log = logging.getLogger(__name__)

Action = Callable[[], None]

#: The longest stretch that one call may advance, in seconds: two years. Above it a caller has mixed up his units.
MAX_ADVANCE_SECONDS = 2 * 366 * 86_400.0

#: How often the shared offset of a clock with a rate is written anew, in wall seconds.
SHARE_EVERY_SECONDS = 0.02

# The clock is module-level on purpose: `wall` is what `time.time` was before anything could shift it.
wall = time.time


class Timer:
    """A due action. `cancel` before it has begun, and it will not run."""

    __slots__ = ("action", "cancelled", "due")

    def __init__(self, due: float, action: Action) -> None:
        self.due = due
        self.action = action
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Clock:
    """Sandbox time in Unix seconds, and the actions that fall due on it.

    `now()` never goes backwards by an advance. Timers run on worker threads, started in the order of
    their due time; an exception in one is logged and touches no other. `rate` is how many seconds of sandbox
    time go by in one of the wall's. `folder` is where the shared file goes, by default the system's for such.
    """

    def __init__(self, *, workers: int = 64, rate: float = 1.0, folder: Path | None = None) -> None:
        if not rate > 0:
            raise ValueError(f"a clock can't run at the rate {rate!r}: it must be above 0")
        self._rate = rate
        self._folder = folder
        self._started = wall()
        self._offset = 0.0
        self._queue: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._advancing = threading.Lock()
        self._busy = 0
        self._closed = False
        self._workers = workers
        self._pool: ThreadPoolExecutor | None = None
        self._dispatcher: threading.Thread | None = None
        self._shared: mmap.mmap | None = None
        self._shared_path: Path | None = None

    # -- reading ---------------------------------------------------------------------------------

    @property
    def offset(self) -> float:
        """Seconds that sandbox time is ahead of wall time."""
        if self._rate == 1.0:
            return self._offset
        return self._offset + (wall() - self._started) * (self._rate - 1.0)

    @property
    def rate(self) -> float:
        """Seconds of sandbox time in one of the wall's."""
        return self._rate

    def now(self) -> float:
        """Sandbox time, Unix seconds."""
        return wall() + self.offset

    def now_ms(self) -> int:
        """Sandbox time, Unix milliseconds."""
        return int(self.now() * 1000)

    def datetime(self) -> datetime:
        """Sandbox time, an aware datetime in UTC."""
        return datetime.fromtimestamp(self.now(), UTC)

    def share(self) -> Path:
        """A file of eight bytes, a native double: the offset, kept current. Handlers map it to see sandbox time."""
        with self._lock:
            if self._shared_path is None:
                with tempfile.NamedTemporaryFile(prefix="coldstart-clock-", dir=self._folder, delete=False) as file:
                    file.write(struct.pack("d", self.offset))
                    file.flush()
                    self._shared = mmap.mmap(file.fileno(), 8)
                self._shared_path = Path(file.name)
                self._shared_path.chmod(0o444)
                if self._rate != 1.0:
                    threading.Thread(target=self._keep_sharing, name="clock share", daemon=True).start()
            return self._shared_path

    # -- timers ----------------------------------------------------------------------------------

    def at(self, due: float, action: Action) -> Timer:
        """Run `action` once when sandbox time has reached `due` (Unix seconds); at once if it has passed."""
        timer = Timer(due, action)
        with self._changed:
            if self._closed:
                timer.cancelled = True
                return timer
            heapq.heappush(self._queue, (due, next(self._order), timer))
            if self._dispatcher is None:
                self._dispatcher = threading.Thread(target=self._dispatch, name="clock", daemon=True)
                self._dispatcher.start()
            self._changed.notify_all()
        return timer

    def after(self, seconds: float, action: Action) -> Timer:
        """Run `action` once when `seconds` of sandbox time have gone by."""
        return self.at(self.now() + seconds, action)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Hold time to the wall's rate: `advance` waits with its next jump until this block has ended."""
        with self._changed:
            self._busy += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def advance(self, seconds: float) -> float:
        """Play `seconds` of sandbox time, all due work included, and return the new `now()`.

        Returns when everything that fell due by then has been done. Raises ValueError for a negative
        number or one above MAX_ADVANCE_SECONDS. Two callers advance one after the other.
        """
        if not 0 <= seconds <= MAX_ADVANCE_SECONDS:
            raise ValueError(
                f"can't advance by {seconds!r} seconds: the number must lie between 0 and {MAX_ADVANCE_SECONDS:.0f}"
            )
        with self._advancing:
            target = self.now() + seconds
            while True:
                with self._changed:
                    self._start_due()
                    if self._busy:
                        self._changed.wait(timeout=1.0)
                        continue
                    due = self._next_due()
                    now = self.now()
                    if due is not None and due <= now:
                        continue
                    if due is not None and due <= target:
                        self._jump(due - now)
                        continue
                    if target > now:
                        self._jump(target - now)
                    return self.now()

    def settle(self) -> None:
        """Wait until all that is due by now has been done."""
        self.advance(0)

    def close(self) -> None:
        """Drop all timers; those running end on their own."""
        with self._changed:
            self._closed = True
            self._queue.clear()
            self._changed.notify_all()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            if self._shared is not None:
                self._shared.close()
                self._shared = None
        if self._shared_path is not None:
            self._shared_path.unlink(missing_ok=True)

    # -- inside (the lock is held) ---------------------------------------------------------------

    def _next_due(self) -> float | None:
        while self._queue and self._queue[0][2].cancelled:
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else None

    def _jump(self, seconds: float) -> None:
        self._offset += seconds
        self._write_share()

    def _write_share(self) -> None:
        if self._shared is not None:
            self._shared[:8] = struct.pack("d", self.offset)

    def _start_due(self) -> None:
        now = self.now()
        while (due := self._next_due()) is not None and due <= now:
            timer = heapq.heappop(self._queue)[2]
            self._busy += 1
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="clock")
            self._pool.submit(self._run, timer)

    def _run(self, timer: Timer) -> None:
        try:
            if not timer.cancelled:
                timer.action()
        except Exception:
            log.exception("a timer's action failed")
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def _dispatch(self) -> None:
        with self._changed:
            while not self._closed:
                self._start_due()
                due = self._next_due()
                self._changed.wait(timeout=None if due is None else max(due - self.now(), 0.0) / self._rate)

    def _keep_sharing(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                self._write_share()
                self._changed.wait(timeout=SHARE_EVERY_SECONDS)
