"""Asynchronous invocation: the queue between a 202 and the function, its retries, and where events end.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sandbox.clock import Clock
from sandbox.compute.arns import LATEST
from sandbox.compute.background import Background
from sandbox.compute.credentials import RoleCredentials
from sandbox.compute.destinations import Condition, Ended, MakeClient, deliver, deliver_dead_letter
from sandbox.compute.event_invoke import EventSettings, settings_of
from sandbox.compute.functions import Function
from sandbox.compute.invocations import Invoker, Outcome
from sandbox.compute.recursion import STOPPED
from sandbox.compute.traces import NO_TRACE, Trace
from sandbox.gateway.call import AwsError

log = logging.getLogger(__name__)

#: After the first and the second function error, in seconds: fact async-retries.
RETRY_SECONDS = (60.0, 120.0)
#: After throttles and system errors: doubled each time, between these. Fact async-throttle-retry.
BACK_OFF_SECONDS = 1.0
MAX_BACK_OFF_SECONDS = 300.0


@dataclass(slots=True)
class Event:
    """One event in the queue. `received` is sandbox time, Unix seconds."""

    function: Function
    qualifier: str | None
    payload: bytes
    request_id: str
    received: float
    client_context: str = ""
    trace: Trace = NO_TRACE
    invocations: int = 0
    failures: int = 0
    refusals: int = 0
    last: Outcome | None = None
    last_status: int = 0


class EventQueue:
    """Takes events, runs their attempts at their times on sandbox time, and hands them on when they have ended."""

    def __init__(
        self,
        clock: Clock,
        invoker: Invoker,
        background: Background,
        credentials: RoleCredentials,
        client: MakeClient,
    ) -> None:
        self._clock = clock
        self._invoker = invoker
        self._background = background
        self._credentials = credentials
        self._client = client

    def accept(self, event: Event) -> None:
        """Queue an event: its first attempt is due now."""
        self._measure(event, "AsyncEventsReceived", 1.0)
        self._background.do(lambda: self._attempt(event))

    def _later(self, event: Event, seconds: float, settings: EventSettings) -> None:
        now = self._clock.now()
        # An event whose age ends before its next attempt ends then, not at the attempt.
        due = min(now + seconds, event.received + settings.age_seconds)
        self._clock.at(due, lambda: self._background.do(lambda: self._attempt(event)))

    def _attempt(self, event: Event) -> None:
        function = event.function
        if function.deleted:
            self._measure(event, "AsyncEventsDropped", 1.0)
            return
        settings = settings_of(function, event.qualifier)
        now = self._clock.now()
        if now - event.received >= settings.age_seconds:
            self._end(event, settings, "EventAgeExceeded")
            return
        concurrency = self._invoker.concurrency(function.account, function.region)
        if concurrency.reserved_for(function.name) == 0:
            event.last_status = 429
            self._end(event, settings, "ZeroReservedConcurrency")
            return
        try:
            event.last = self._invoker.run(
                function,
                event.qualifier,
                event.payload,
                event.request_id,
                synchronous=False,
                client_context=event.client_context,
                trace=event.trace,
                admitted=lambda: self._measure_age(event),
            )
        except Exception as error:
            event.last_status = error.status if isinstance(error, AwsError) else 500
            if not isinstance(error, AwsError):
                log.exception("the sandbox could not run an event for %s", function.name)
            elif error.code == STOPPED:
                self._end(event, settings, "RetriesExhausted")
                return
            wait = min(BACK_OFF_SECONDS * 2**event.refusals, MAX_BACK_OFF_SECONDS)
            event.refusals += 1
            self._later(event, wait, settings)
            return
        event.invocations += 1
        event.last_status = 200
        if not event.last.result.function_error:
            self._end(event, settings, "Success")
            return
        event.failures += 1
        if event.failures > min(settings.retries, len(RETRY_SECONDS)):
            self._end(event, settings, "RetriesExhausted")
        else:
            self._later(event, RETRY_SECONDS[event.failures - 1], settings)

    # -- the end ---------------------------------------------------------------------------------

    def _end(self, event: Event, settings: EventSettings, condition: Condition) -> None:
        function = event.function
        outcome = event.last
        ended = Ended(
            event.request_id,
            function.name,
            f"{function.arn}:{event.qualifier or LATEST}",
            condition,
            event.invocations,
            event.payload,
            event.last_status,
            outcome.executed if outcome is not None else "",
            outcome.result.function_error if outcome is not None else "",
            outcome.result.payload if outcome is not None else b"",
        )
        if condition == "Success":
            if settings.on_success:
                self._deliver(event, settings.on_success, ended)
            return
        self._measure(event, "AsyncEventsDropped", 1.0)
        try:
            dead_letter = function.version(event.qualifier).configuration.dead_letter
        except AwsError:
            dead_letter = ""
        if dead_letter:
            try:
                deliver_dead_letter(self._client, self._rights(event), dead_letter, ended)
            except Exception as error:
                log.warning("an event of %s did not reach its dead-letter target: %s", function.name, error)
                self._measure(event, "DeadLetterErrors", 1.0)
        if settings.on_failure:
            self._deliver(event, settings.on_failure, ended)

    def _deliver(self, event: Event, arn: str, ended: Ended) -> None:
        try:
            deliver(self._client, self._rights(event), arn, ended, self._clock.now())
        except Exception as error:
            log.warning("an event of %s did not reach its destination: %s", event.function.name, error)
            self._measure(event, "DestinationDeliveryFailures", 1.0)

    def _rights(self, event: Event) -> dict[str, str]:
        role = event.function.version(event.qualifier).configuration.role
        return dict(self._credentials.of(role, event.function.name))

    def _measure_age(self, event: Event) -> None:
        age = max(self._clock.now() - event.received, 0.0) * 1000
        self._measure(event, "AsyncEventAge", age, "Milliseconds")

    def _measure(self, event: Event, name: str, value: float, unit: str = "Count") -> None:
        function = event.function
        self._invoker.measurements(function.account, function.region).queued(
            function.name, event.qualifier, name, value, unit, self._clock.now()
        )
