"""The log of one environment on its way to CloudWatch Logs: stamped with sandbox time, in order, in batches."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from sandbox.clock import Clock

#: What LogResult holds: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
TAIL_BYTES = 4096
#: Output of one invocation beyond this is dropped and counted, so that a flood can't exhaust memory. Ours.
MOST_BYTES = 16 * 1024 * 1024

_BATCH_BYTES = 256 * 1024


class Journal:
    """Takes lines, hands them on in batches, and keeps the tail of the present invocation."""

    def __init__(self, clock: Clock, sink: Callable[[Sequence[tuple[int, str]]], None], *, ending: str = "") -> None:
        """`ending` closes each event: in the text format CloudWatch's Lambda events end with a line feed."""
        self._clock = clock
        self._sink = sink
        self._ending = ending
        self._waiting: list[tuple[int, str]] = []
        self._waiting_bytes = 0
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self._taken = 0
        self.dropped_records = 0
        self.dropped_bytes = 0

    def begin(self) -> None:
        """A new invocation: an empty tail, and a fresh allowance."""
        self._tail.clear()
        self._tail_bytes = 0
        self._taken = 0
        self.dropped_records = 0
        self.dropped_bytes = 0

    def output(self, lines: Iterable[str]) -> None:
        """Lines of the function or an extension: kept up to MOST_BYTES an invocation."""
        for line in lines:
            size = len(line)
            if self._taken + size > MOST_BYTES:
                self.dropped_records += 1
                self.dropped_bytes += size
                continue
            self._taken += size
            self._add(line)
        if self._waiting_bytes > _BATCH_BYTES:
            self.flush()

    def platform(self, lines: Iterable[str]) -> None:
        """Lines of the platform, which are never dropped."""
        for line in lines:
            self._add(line)

    def flush(self) -> None:
        """Hand on what is waiting."""
        if self._waiting:
            batch, self._waiting, self._waiting_bytes = self._waiting, [], 0
            self._sink(batch)

    def tail(self) -> bytes:
        """The last TAIL_BYTES of this invocation's lines."""
        return b"".join(self._tail)[-TAIL_BYTES:]

    def _add(self, line: str) -> None:
        self._waiting.append((self._clock.now_ms(), line + self._ending))
        self._waiting_bytes += len(line)
        encoded = line.encode("utf-8", "replace") + b"\n"
        self._tail.append(encoded)
        self._tail_bytes += len(encoded)
        while self._tail_bytes - len(self._tail[0]) >= TAIL_BYTES:
            self._tail_bytes -= len(self._tail.popleft())
