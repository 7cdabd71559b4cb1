"""Where log events are kept: groups of streams, each stream sorted by time.

Nothing here locks; the service does. Memory is bounded: a group that has grown past its limit loses its oldest
events, and the streams that lost some say so in their first line.
"""

from __future__ import annotations

import heapq
import logging
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

log = logging.getLogger(__name__)

#: What AWS adds to a message's bytes when it counts a log event.
EVENT_OVERHEAD = 26
#: The most bytes, counted as AWS does, that one log group and all groups together hold here. AWS has no such limit;
#: this machine's memory has (an event takes about 1.5 times what is counted).
GROUP_BYTES = 128 * 1024 * 1024
TOTAL_BYTES = 256 * 1024 * 1024
#: A group over its limit is cut back by this share of it, so that cutting stays rare.
CUT_SHARE = 8


def size_of(text: str) -> int:
    """The bytes that a message counts for."""
    return (len(text) if text.isascii() else len(text.encode("utf-8", "replace"))) + EVENT_OVERHEAD


class Event(NamedTuple):
    """A log event. (`time`, `order`) is its place: sandbox time in Unix ms, then the order of arrival."""

    time: int
    order: int
    stream: str
    text: str
    ingested: int


class Stream:
    """A log stream: parallel columns, sorted by time and, within a millisecond, by arrival."""

    def __init__(self, name: str, created: int) -> None:
        self.name = name
        self.created = created
        self.last_ingested: int | None = None
        self.dropped = 0
        self._times = array("q")
        self._orders = array("q")
        self._ingested = array("q")
        self._texts: list[str] = []

    def __len__(self) -> int:
        return len(self._texts)

    @property
    def first_time(self) -> int | None:
        return self._times[0] if self._texts else None

    @property
    def last_time(self) -> int | None:
        return self._times[-1] if self._texts else None

    def add(self, time: int, order: int, text: str, now: int) -> None:
        self.last_ingested = now
        if self._texts and time < self._times[-1]:
            place = bisect_right(self._times, time)
            self._times.insert(place, time)
            self._orders.insert(place, order)
            self._ingested.insert(place, now)
            self._texts.insert(place, text)
        else:
            self._times.append(time)
            self._orders.append(order)
            self._ingested.append(now)
            self._texts.append(text)

    def place_of(self, time: int, order: int) -> int:
        """The index of the first event at or after (time, order)."""
        place = bisect_left(self._times, time)
        while place < len(self._times) and self._times[place] == time and self._orders[place] < order:
            place += 1
        return place

    def event(self, place: int) -> Event:
        return Event(self._times[place], self._orders[place], self.name, self._texts[place], self._ingested[place])

    def texts(self) -> Sequence[str]:
        """The messages, for searching; `event(index)` gives the rest."""
        return self._texts

    def sizes(self) -> Iterator[tuple[int, int]]:
        """(time, counted bytes) of each event, oldest first."""
        return ((time, size_of(text)) for time, text in zip(self._times, self._texts, strict=True))

    def cut(self, before: int) -> tuple[int, int]:
        """Forget events older than `before`; returns how many, and their counted bytes."""
        count = bisect_left(self._times, before)
        if not count:
            return 0, 0
        freed = sum(size_of(text) for text in self._texts[:count])
        del self._times[:count], self._orders[:count], self._ingested[:count], self._texts[:count]
        return count, freed


class Group:
    """A log group with its streams and settings. `stored` is counted bytes."""

    def __init__(self, name: str, created: int) -> None:
        self.name = name
        self.created = created
        self.retention_days: int | None = None
        self.tags: dict[str, str] = {}
        self.streams: dict[str, Stream] = {}
        self.stored = 0

    def add(self, stream: Stream, time: int, order: int, text: str, now: int) -> int:
        """Returns the counted bytes that were added."""
        stream.add(time, order, text, now)
        size = size_of(text)
        self.stored += size
        return size

    def expire(self, now: int) -> int:
        """Forget what is older than the retention; returns the bytes freed."""
        if self.retention_days is None:
            return 0
        before = now - self.retention_days * 86_400_000
        freed = 0
        for stream in self.streams.values():
            if stream.first_time is not None and stream.first_time < before:
                freed += stream.cut(before)[1]
        self.stored -= freed
        return freed

    def make_room(self, order: int) -> int:
        """Forget the oldest events, a share of what is stored, and say so; returns the bytes freed."""
        due = self.stored // CUT_SHARE
        passed = 0
        before = 0
        for time, size in heapq.merge(*(stream.sizes() for stream in self.streams.values())):
            passed += size
            before = time + 1
            if passed >= due:
                break
        freed = 0
        for stream in self.streams.values():
            count, size = stream.cut(before)
            if not count:
                continue
            # An earlier notice of the stream is among what was just cut.
            stream.dropped += count - (1 if stream.dropped else 0)
            freed += size
            notice = (
                f"[coldstart] {stream.dropped} older log events of this stream were dropped: log group {self.name} was "
                "full, and the sandbox keeps a limited amount. Log less, or delete the log group."
            )
            freed -= size_of(notice)
            stream.add(before - 1, order, notice, stream.last_ingested or before)
        self.stored -= freed
        log.warning("log group %s was full: its oldest events were dropped", self.name)
        return freed


def forward(
    streams: Iterable[Stream], start: tuple[int, int], end: tuple[int, int], term: str | None = None
) -> Iterator[Event]:
    """The events from place `start` up to, not including, place `end`, oldest first.

    With `term`, only those whose message contains it: a quick sieve ahead of a filter pattern.
    """
    return heapq.merge(*(_walk(stream, start, end, term, reverse=False) for stream in _touched(streams, start, end)))


def backward(
    streams: Iterable[Stream], start: tuple[int, int], end: tuple[int, int], term: str | None = None
) -> Iterator[Event]:
    """The same events, newest first."""
    walks = (_walk(stream, start, end, term, reverse=True) for stream in _touched(streams, start, end))
    return heapq.merge(*walks, reverse=True)


def _touched(streams: Iterable[Stream], start: tuple[int, int], end: tuple[int, int]) -> Iterator[Stream]:
    for stream in streams:
        first, last = stream.first_time, stream.last_time
        if first is not None and last is not None and last >= start[0] and first <= end[0]:
            yield stream


def _walk(
    stream: Stream, start: tuple[int, int], end: tuple[int, int], term: str | None, *, reverse: bool
) -> Iterator[Event]:
    places = range(stream.place_of(*start), stream.place_of(*end))
    if reverse:
        places = places[::-1]
    if term is None:
        return map(stream.event, places)
    texts = stream.texts()
    return (stream.event(place) for place in places if term in texts[place])
