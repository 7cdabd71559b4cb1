"""Reads a function's logs back into records: its environments, and what each of their invocations cost.

Everything here comes from CloudWatch Logs, as in an account. Notebook and judge read with the same eyes.
The lines are those of https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html, in text format.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

#: How long to wait for a log line that is on its way, in seconds of real time.
ARRIVAL_SECONDS = 20.0
POLL_SECONDS = 0.1

_ID = re.compile(r"^(START|END|REPORT) RequestId: ([0-9a-fA-F-]{36})")
_MEASURE = re.compile(r"(Init Duration|Billed Duration|Duration|Memory Size|Max Memory Used): ([0-9.]+) (?:ms|MB)")
_STATUS = re.compile(r"Status: (\w+)")
_ERROR_TYPE = re.compile(r"Error Type: ([\w.]+)")


@dataclass(frozen=True)
class Reading:
    """One invocation as its log tells it. Durations are milliseconds, memory is MB, times are aware and in UTC.

    `init_ms` is None unless Init came before this call, in this environment, and was logged: a suppressed init is
    not. `status` is "success", "error" or "timeout". `lines` are the function's own, without the platform's.
    """

    function: str
    request_id: str
    stream: str
    start: datetime
    end: datetime
    duration_ms: float
    billed_ms: int
    memory_mb: int
    max_memory_mb: int
    init_ms: float | None = None
    init_start: datetime | None = None
    status: str = "success"
    error_type: str = ""
    lines: tuple[str, ...] = ()

    @cached_property
    def records(self) -> tuple[dict[str, Any], ...]:
        """Those of its lines that are JSON objects, such as Powertools' Logger writes."""
        return tuple(objects(self.lines))

    def value(self, name: str, default: Any = None) -> Any:
        """The first value called `name` in its records."""
        return next((record[name] for record in self.records if name in record), default)

    def last(self, name: str, default: Any = None) -> Any:
        """The last value called `name` in its records."""
        return next((record[name] for record in reversed(self.records) if name in record), default)

    @property
    def environment(self) -> str:
        """The last four characters of the log stream: enough to tell environments apart in a picture."""
        return self.stream[-4:]


@dataclass(frozen=True)
class Environment:
    """One execution environment: one log stream. `before` are lines of its Init, `after` those past its last REPORT."""

    stream: str
    readings: tuple[Reading, ...]
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    opened: datetime | None = None
    last_line: datetime | None = None

    @cached_property
    def last_words(self) -> tuple[dict[str, Any], ...]:
        """Those of `after` that are JSON objects."""
        return tuple(objects(self.after))


def invocations(cloud: Cloud, function: str, *, wait_for: Iterable[str] = ()) -> list[Reading]:
    """All finished invocations of a function in the order in which they started.

    `wait_for` are request ids whose REPORT must be there first: in an account a log line takes seconds to arrive.
    TimeoutError names those that did not come. A function without a log has no invocations.
    """
    wanted = set(wait_for)
    end = time.monotonic() + ARRIVAL_SECONDS
    while True:
        lives = read(function, log_events(cloud, f"/aws/lambda/{function}"), known=wanted)
        found = [reading for one in lives for reading in one.readings]
        missing = wanted - {reading.request_id for reading in found}
        if not missing:
            return sorted(found, key=lambda reading: (reading.start, reading.end))
        if time.monotonic() > end:
            raise TimeoutError(f"no REPORT line of {function} for {', '.join(sorted(missing))} in its log")
        time.sleep(POLL_SECONDS)


def environments(cloud: Cloud, function: str) -> list[Environment]:
    """The environments of a function, oldest first."""
    return read(function, log_events(cloud, f"/aws/lambda/{function}"))


def log_events(cloud: Cloud, group: str) -> list[Mapping[str, Any]]:
    """Every event of a log group: `timestamp` (Unix ms), `message`, `logStreamName`. None without the group."""
    logs = cloud.client("logs")
    try:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event for page in pages for event in page["events"]]
    except logs.exceptions.ResourceNotFoundException:
        return []


def read(function: str, events: Iterable[Mapping[str, Any]], *, known: Iterable[str] = ()) -> list[Environment]:
    """The environments that a group's log events tell of, oldest first.

    A function may print lines that look like the platform's. Those that lie within an invocation are its own; where
    two invocations seem to overlap, the ids that are `known`, the caller's own, decide: no function can foresee them.
    """
    ids = frozenset(known)
    streams: dict[str, list[tuple[datetime, str]]] = {}
    for event in events:
        moment = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
        streams.setdefault(event["logStreamName"], []).append((moment, event["message"].rstrip("\n")))
    found = [_environment(function, stream, lines, ids) for stream, lines in streams.items()]
    return sorted(found, key=lambda one: (one.opened or datetime.max.replace(tzinfo=UTC), one.stream))


@dataclass(frozen=True, slots=True)
class _Span:
    """The lines of one invocation, from its START to its REPORT, as places in the stream."""

    request_id: str
    start: int
    report: int


def _spans(events: Sequence[tuple[datetime, str]], known: frozenset[str]) -> Iterator[_Span]:
    """The invocations of one stream: one after the other, for an environment runs one at a time."""
    starts: dict[str, int] = {}
    reports: dict[str, list[int]] = {}
    for place, (_, line) in enumerate(events):
        if (platform := _ID.match(line)) is None:
            continue
        word, request_id = platform.groups()
        if word == "START":
            starts.setdefault(request_id, place)
        elif word == "REPORT" and request_id in starts:
            reports.setdefault(request_id, []).append(place)

    def report_of(request_id: str) -> int:
        """Its last REPORT before another invocation began that outlasts it: what comes later, that one printed."""
        mine, start = reports[request_id], starts[request_id]
        for place in reversed(mine[1:]):
            overlaps = (
                start < starts[other] < place < theirs[-1]
                for other, theirs in reports.items()
                if other in known or request_id not in known
            )
            if not any(overlaps):
                return place
        return mine[0]

    end = -1
    for request_id in sorted(reports, key=starts.__getitem__):
        if starts[request_id] > end:
            end = report_of(request_id)
            yield _Span(request_id, starts[request_id], end)


@dataclass
class _Open:
    """An invocation whose START has been read."""

    request_id: str
    start: datetime
    end: datetime | None = None
    lines: list[str] = field(default_factory=list)


def _environment(
    function: str, stream: str, events: Sequence[tuple[datetime, str]], known: frozenset[str]
) -> Environment:
    readings: list[Reading] = []
    before: list[str] = []
    after: list[str] = []
    init_start = next((moment for moment, line in events if line.startswith("INIT_START")), None)
    spans = {span.start: span for span in _spans(events, known)}
    span: _Span | None = None
    current: _Open | None = None
    running = False
    for place, (moment, line) in enumerate(events):
        if place in spans:
            span, current, running = spans[place], _Open(spans[place].request_id, moment), False
        elif span is not None and current is not None:
            if place == span.report:
                first = not readings
                readings.append(_report(function, stream, current, moment, line, init_start if first else None))
                after.clear()
                span = current = None
            elif line.startswith(f"END RequestId: {span.request_id}"):
                current.end = moment
            elif not _is_platforms(line):
                current.lines.append(line)
        elif line.startswith("START RequestId: "):
            # No REPORT has come of it yet: what follows is not the environment's.
            running = True
        elif not running and not _is_platforms(line):
            (after if readings else before).append(line)
    opened = init_start or (events[0][0] if events else None)
    return Environment(stream, tuple(readings), tuple(before), tuple(after), opened, events[-1][0] if events else None)


def _is_platforms(line: str) -> bool:
    return _ID.match(line) is not None or line.startswith(
        ("INIT_START", "INIT_REPORT", "EXTENSION", "TELEMETRY", "LOGS")
    )


def report_in(tail: str, function: str = "") -> Reading | None:
    """What the REPORT line in the tail of a call's log says, at once; its times and lines are not known.

    It is the platform's last word, but for a trace's id: a line like it further up was printed by the function.
    """
    lines = [line for line in tail.splitlines() if line and not line.startswith("XRAY TraceId:")]
    found = _ID.match(lines[-1]) if lines else None
    if found is None or found.group(1) != "REPORT":
        return None
    epoch = datetime.fromtimestamp(0, UTC)
    return _report(function, "", _Open(found.group(2), epoch), epoch, lines[-1], None)


def _report(
    function: str, stream: str, opened: _Open, moment: datetime, line: str, init_start: datetime | None
) -> Reading:
    measures = {name: float(value) for name, value in _MEASURE.findall(line)}
    status = _STATUS.search(line)
    error_type = _ERROR_TYPE.search(line)
    return Reading(
        function=function,
        request_id=opened.request_id,
        stream=stream,
        start=opened.start,
        end=opened.end or moment,
        duration_ms=measures.get("Duration", 0.0),
        billed_ms=int(measures.get("Billed Duration", 0)),
        memory_mb=int(measures.get("Memory Size", 0)),
        max_memory_mb=int(measures.get("Max Memory Used", 0)),
        init_ms=measures.get("Init Duration"),
        init_start=init_start,
        status=status.group(1) if status else "success",
        error_type=error_type.group(1) if error_type else "",
        lines=tuple(opened.lines),
    )


def objects(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    """The JSON objects among lines of a log."""
    for line in lines:
        if line.startswith("{"):
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict):
                yield record
