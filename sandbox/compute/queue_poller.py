"""Reads an SQS queue for one event source mapping: gathers batches, invokes, deletes what was dealt with.

Nothing waits in a loop: a poller looks when a message has come, when one comes in sight again, when a batching window
ends, and when a batch has ended that held it up. It acts with the rights of the function's execution role.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sandbox.clock import Clock, Timer
from sandbox.compute.background import Background
from sandbox.compute.destinations import queue_url
from sandbox.compute.event_filters import Match
from sandbox.compute.event_payloads import failed_items, sqs_record
from sandbox.compute.invocations import MAX_SYNCHRONOUS_BYTES, Outcome
from sandbox.gateway.call import AwsError

log = logging.getLogger(__name__)

#: Batches at once: fact sqs-esm-scaling.
FIRST_BATCHES = 5
MORE_BATCHES_PER_MINUTE = 300
MAX_BATCHES = 1250
#: SQS hands out and deletes this many messages in one call.
SQS_MOST = 10
#: How long a poller rests when queue, role or function is missing, in seconds. AWS documents no figure.
REST_SECONDS = 60.0
#: What a record takes beside its body and attributes, in bytes, roughly: receipt handle, times, ARN.
_RECORD_BYTES = 1500
#: A message comes in sight just after the millisecond that SQS names.
_JUST_AFTER = 0.002


@dataclass(slots=True)
class Settings:
    """What a mapping says about its batches."""

    queue_arn: str
    batch_size: int = 10
    window_seconds: int = 0
    filters: tuple[Match, ...] = ()
    report_failures: bool = False
    maximum_concurrency: int | None = None


class Target(Protocol):
    """The function behind a mapping."""

    def ready_at(self) -> float | None:
        """When it can be invoked: a time that has passed, or, if it is Pending, one to come; None: it is gone."""

    def invoke(self, payload: bytes) -> Outcome:
        """One invocation; AwsError if it is throttled."""

    def sqs(self) -> Any:
        """A client with the execution role's rights."""


@dataclass(slots=True)
class _Message:
    received: Mapping[str, Any]
    record: Mapping[str, Any]
    size: int


@dataclass(slots=True)
class _Buffer:
    """Messages of the next batch, and when the batch has to go whatever it holds."""

    messages: list[_Message] = field(default_factory=list)
    deadline: float = 0.0


def batches_allowed(settings: Settings, busy_seconds: float) -> int:
    """How many batches may run at once when there has been more to do than allowed for `busy_seconds`."""
    scaled = FIRST_BATCHES + int(busy_seconds * MORE_BATCHES_PER_MINUTE / 60)
    return min(scaled, MAX_BATCHES, settings.maximum_concurrency or MAX_BATCHES)


def cut(messages: Sequence[_Message], batch_size: int) -> int:
    """How many of the messages make one batch: at most `batch_size`, and what fits into a payload."""
    total = 0
    for count, message in enumerate(messages[:batch_size]):
        total += message.size
        if total > MAX_SYNCHRONOUS_BYTES and count:
            return count
    return min(len(messages), batch_size)


class QueuePoller:
    """One mapping at work. `told` hears the result of each batch, and each problem."""

    def __init__(
        self,
        clock: Clock,
        target: Target,
        settings: Settings,
        background: Background,
        batches: Background,
        next_visible: Callable[[], float | None],
        told: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._target = target
        self.settings = settings
        self._background = background
        self._batches = batches
        self._next_visible = next_visible
        self._told = told
        self._lock = threading.Lock()
        self._running = False
        self._looking = False
        self._again = False
        self._held_up = False
        self._in_flight = 0
        self._busy_since: float | None = None
        self._buffer = _Buffer()
        self._timer: Timer | None = None
        self._url = ""

    def start(self) -> None:
        with self._lock:
            self._running = True
        self.wake()

    def stop(self) -> None:
        """Receive no more. Batches that run end; messages gathered for a next one come in sight again by themselves."""
        with self._lock:
            self._running = False
            self._buffer = _Buffer()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def wake(self) -> None:
        """Look into the queue soon."""
        with self._lock:
            if not self._running:
                return
            if self._looking:
                self._again = True
                return
            self._looking = True
        self._background.do(self._look)

    # -- looking ---------------------------------------------------------------------------------

    def _look(self) -> None:
        while True:
            try:
                self._gather()
            except Exception as error:
                self._told(f"PROBLEM: {_reason(error)}")
                log.info("polling %s: %s", self.settings.queue_arn, error)
                self._wake_at(self._clock.now() + REST_SECONDS)
            with self._lock:
                if not (self._again and self._running):
                    self._looking = False
                    return
                self._again = False

    def _gather(self) -> None:
        while self._running:
            now = self._clock.now()
            ready = self._target.ready_at()
            if ready is None:
                raise LookupError("Function not found")
            if ready > now:
                self._wake_at(ready)
                return
            if not self._may_start_another(now):
                return
            # Before the look: a message that comes in sight in between is then either received or waited for.
            visible = self._next_visible()
            received = self._receive()
            if received and not self._buffer.messages:
                self._buffer.deadline = now + self.settings.window_seconds
            self._buffer.messages.extend(self._wanted(received))
            if self._due(bool(received)):
                self._dispatch()
            elif not received:
                self._busy_since = None
                if self._buffer.messages:
                    visible = min(self._buffer.deadline, visible or self._buffer.deadline)
                if visible is not None:
                    self._wake_at(visible + _JUST_AFTER)
                return

    def _may_start_another(self, now: float) -> bool:
        with self._lock:
            busy = now - self._busy_since if self._busy_since is not None else 0.0
            if self._in_flight < batches_allowed(self.settings, busy):
                return True
            self._held_up = True
            if self._busy_since is None:
                self._busy_since = now
            return False

    def _due(self, more_may_come: bool) -> bool:
        buffer = self._buffer
        if not buffer.messages:
            return False
        full = cut(buffer.messages, self.settings.batch_size)
        if full == self.settings.batch_size or full < len(buffer.messages):
            return True
        if self.settings.window_seconds == 0:
            return not (more_may_come and self.settings.batch_size > SQS_MOST)
        return self._clock.now() >= buffer.deadline

    def _receive(self) -> list[Mapping[str, Any]]:
        sqs = self._target.sqs()
        if not self._url:
            self._url = queue_url(sqs, self.settings.queue_arn)
        room = max(self.settings.batch_size - len(self._buffer.messages), 1)
        answer = sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=min(room, SQS_MOST),
            WaitTimeSeconds=0,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return list(answer.get("Messages") or ())

    def _wanted(self, received: Sequence[Mapping[str, Any]]) -> list[_Message]:
        """The messages that pass a filter. The others are deleted at once, as Lambda does."""
        wanted: list[_Message] = []
        dropped: list[Mapping[str, Any]] = []
        for message in received:
            record = sqs_record(message, self.settings.queue_arn)
            if self.settings.filters and not any(match(record) for match in self.settings.filters):
                dropped.append(message)
                continue
            size = _RECORD_BYTES + len(record["body"].encode()) + len(json.dumps(record["messageAttributes"]))
            wanted.append(_Message(message, record, size))
        self._delete(dropped)
        return wanted

    def _wake_at(self, due: float) -> None:
        with self._lock:
            if not self._running:
                return
            timer = self._timer
            if timer is not None and not timer.cancelled and self._clock.now() < timer.due <= due:
                return
            if timer is not None:
                timer.cancel()
            self._timer = self._clock.at(due, self.wake)

    # -- batches ---------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        buffer = self._buffer
        count = cut(buffer.messages, self.settings.batch_size)
        batch, buffer.messages = buffer.messages[:count], buffer.messages[count:]
        buffer.deadline = self._clock.now() + self.settings.window_seconds
        with self._lock:
            self._in_flight += 1
        self._batches.do(lambda: self._process(batch))

    def _process(self, batch: Sequence[_Message]) -> None:
        try:
            self._told(self._run(batch))
        except Exception as error:
            # Throttled, say. The messages come in sight again when their visibility time-out is over.
            self._told(f"PROBLEM: {_reason(error)}")
            if not isinstance(error, AwsError):
                log.exception("a batch of %s failed", self.settings.queue_arn)
        finally:
            with self._lock:
                self._in_flight -= 1
                held_up, self._held_up = self._held_up, False
            # A message group of a FIFO queue goes on only when its batch before has ended.
            if held_up or self.settings.queue_arn.endswith(".fifo"):
                self.wake()

    def _run(self, batch: Sequence[_Message]) -> str:
        payload = json.dumps({"Records": [message.record for message in batch]}, separators=(",", ":"))
        outcome = self._target.invoke(payload.encode())
        if outcome.result.function_error:
            return "PROBLEM: Function call failed"
        failed: frozenset[str] = frozenset()
        if self.settings.report_failures:
            failed = failed_items(outcome.result.payload, [message.record["messageId"] for message in batch])
        self._delete([message.received for message in batch if message.record["messageId"] not in failed])
        return "OK" if not failed else "PROBLEM: Function call failed for some records of the batch"

    def _delete(self, messages: Sequence[Mapping[str, Any]]) -> None:
        for start in range(0, len(messages), SQS_MOST):
            self._target.sqs().delete_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(place), "ReceiptHandle": message["ReceiptHandle"]}
                    for place, message in enumerate(messages[start : start + SQS_MOST])
                ],
            )


def _reason(error: Exception) -> str:
    return error.message if isinstance(error, AwsError) else str(error)
