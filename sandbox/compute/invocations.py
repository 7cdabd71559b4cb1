"""One invocation, from a function's name to its result: route, admit, environment, run, measure.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.clock import Clock
from sandbox.compute.arns import LATEST
from sandbox.compute.concurrency import Concurrency
from sandbox.compute.contract import Invocation, InvocationResult
from sandbox.compute.errors import conflict, throttled
from sandbox.compute.functions import Function, Version
from sandbox.compute.measurements import Measurements, Metrics
from sandbox.compute.recursion import expect_no_loop
from sandbox.compute.traces import NO_TRACE, Trace
from sandbox.gateway.call import AwsError

#: The largest payloads, in bytes: fact lambda-payload.
MAX_SYNCHRONOUS_BYTES = 6 * 1024 * 1024
MAX_ASYNCHRONOUS_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an invocation came to, and the version that ran."""

    result: InvocationResult
    executed: str


class Invoker:
    """Runs invocations within the concurrency of each account and Region."""

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self._lock = threading.Lock()
        self._places: dict[tuple[str, str], tuple[Concurrency, Measurements]] = {}

    def concurrency(self, account: str, region: str) -> Concurrency:
        return self._place(account, region)[0]

    def measurements(self, account: str, region: str) -> Measurements:
        return self._place(account, region)[1]

    def _place(self, account: str, region: str) -> tuple[Concurrency, Measurements]:
        place = self._places.get((account, region))
        if place is None:
            with self._lock:
                place = self._places.setdefault(
                    (account, region), (Concurrency(), Measurements(self._metrics, account, region))
                )
        return place

    def run(
        self,
        function: Function,
        qualifier: str | None,
        payload: bytes,
        request_id: str,
        *,
        synchronous: bool = True,
        client_context: str = "",
        trace: Trace = NO_TRACE,
        admitted: Callable[[], None] | None = None,
    ) -> Outcome:
        """Invoke a function and wait for its end.

        `payload` is a JSON text. `admitted` is called once an environment is sure. AwsError if the function is unknown
        or Pending, in a loop, or if the invocation is throttled; a function that fails is an Outcome.
        """
        try:
            expect_no_loop(function, trace)
        except AwsError:
            measurements = self._place(function.account, function.region)[1]
            measurements.queued(
                function.name, qualifier, "RecursiveInvocationsDropped", 1.0, "Count", self._clock.now()
            )
            raise
        version = function.route(qualifier, trace)
        with self._clock.busy():
            return self._run(
                function, version, qualifier, payload, request_id, synchronous, client_context, trace, admitted
            )

    def _run(
        self,
        function: Function,
        version: Version,
        qualifier: str | None,
        payload: bytes,
        request_id: str,
        synchronous: bool,
        client_context: str,
        trace: Trace,
        admitted: Callable[[], None] | None,
    ) -> Outcome:
        now = self._clock.now()
        if version.pending(now):
            raise conflict(
                "The operation cannot be performed at this time. The function is currently in the following state: "
                "Pending"
            )
        concurrency, measurements = self._place(function.account, function.region)
        resource = qualifier or LATEST
        pool = version.pool(now)
        slot = pool.take(resource, now)
        provisioned = slot is not None and slot.qualifier is not None
        load = concurrency.admit(
            function.name, now, provisioned=provisioned, fresh=slot is None, synchronous=synchronous
        )
        if isinstance(load, str):
            if slot is not None:
                pool.give_back(slot, slot.idle_since)
            measurements.throttled(function.name, qualifier, version.number, now)
            raise throttled(load)
        usable = False
        try:
            if admitted is not None:
                admitted()
            if slot is None:
                slot = pool.start(now)
            measurements.concurrency(function.name, qualifier, load.function, load.account, load.unreserved, now)
            if function.provisioned and resource in function.provisioned:
                measurements.provisioned(
                    function.name,
                    resource,
                    version.number,
                    spilled=not provisioned,
                    in_use=pool.in_use(resource),
                    ready=pool.ready(resource),
                    at=now,
                )
            result = slot.environment.invoke(
                Invocation(
                    request_id,
                    payload,
                    function.arn if qualifier is None else f"{function.arn}:{qualifier}",
                    trace.continued(now, active=version.configuration.tracing == "Active", function_arn=function.arn),
                    client_context,
                )
            )
            usable = result.usable
        finally:
            concurrency.release(function.name, provisioned=provisioned)
            if slot is not None:
                pool.give_back(slot, self._clock.now(), usable=usable)
        measurements.invoked(
            function.name,
            qualifier,
            version.number,
            failed=bool(result.function_error),
            duration_ms=result.duration_ms,
            at=now,
        )
        return Outcome(result, version.number)
