"""The metrics of AWS/Lambda, under the dimensions that CloudWatch shows them by.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from __future__ import annotations

import functools
from typing import Protocol

from sandbox.compute.arns import LATEST

NAMESPACE = "AWS/Lambda"

Dimensions = tuple[tuple[str, str], ...]

_ACCOUNT: Dimensions = ()


class Metrics(Protocol):
    """What is needed of the telemetry's Metrics."""

    def put(
        self,
        namespace: str,
        name: str,
        dimensions: Dimensions,
        value: float,
        unit: str,
        at: float,
        *,
        account: str,
        region: str,
    ) -> None: ...


@functools.lru_cache(maxsize=4096)
def dimension_sets(function: str, qualifier: str | None, executed: str) -> tuple[Dimensions, ...]:
    """The account's, the function's, and the resource's: `fn:alias` or `fn:version`, also with the version that ran."""
    resource = function if qualifier is None or qualifier == LATEST else f"{function}:{qualifier}"
    of_function: Dimensions = (("FunctionName", function),)
    of_resource: Dimensions = (*of_function, ("Resource", resource))
    if resource == function:
        return _ACCOUNT, of_function, of_resource
    return _ACCOUNT, of_function, of_resource, (("ExecutedVersion", executed), *of_resource)


class Measurements:
    """Puts the metrics of one account in one Region."""

    def __init__(self, metrics: Metrics, account: str, region: str) -> None:
        self._metrics = metrics
        self._account = account
        self._region = region

    def _put(self, sets: tuple[Dimensions, ...], name: str, value: float, unit: str, at: float) -> None:
        put, account, region = self._metrics.put, self._account, self._region
        for dimensions in sets:
            put(NAMESPACE, name, dimensions, value, unit, at, account=account, region=region)

    def invoked(
        self, function: str, qualifier: str | None, executed: str, *, failed: bool, duration_ms: float, at: float
    ) -> None:
        """One invocation that ran. AWS counts it by the time at which it was invoked."""
        sets = dimension_sets(function, qualifier, executed)
        self._put(sets, "Invocations", 1.0, "Count", at)
        self._put(sets, "Errors", 1.0 if failed else 0.0, "Count", at)
        self._put(sets, "Throttles", 0.0, "Count", at)
        self._put(sets, "Duration", duration_ms, "Milliseconds", at)

    def throttled(self, function: str, qualifier: str | None, executed: str, at: float) -> None:
        """One invocation request that no environment took: it counts neither as an invocation nor as an error."""
        self._put(dimension_sets(function, qualifier, executed), "Throttles", 1.0, "Count", at)

    def concurrency(
        self, function: str, qualifier: str | None, of_function: int, of_account: int, unreserved: int, at: float
    ) -> None:
        """How many invocations run, as one more begins."""
        sets = dimension_sets(function, qualifier, "")
        self._put(sets[:1], "ConcurrentExecutions", of_account, "Count", at)
        self._put(sets[1:3], "ConcurrentExecutions", of_function, "Count", at)
        self._put(sets[:1], "UnreservedConcurrentExecutions", unreserved, "Count", at)

    def provisioned(
        self, function: str, qualifier: str, executed: str, *, spilled: bool, in_use: int, ready: int, at: float
    ) -> None:
        """One invocation under a qualifier with provisioned concurrency; `spilled` if it found all of it in use."""
        sets = dimension_sets(function, qualifier, executed)[1:]
        name = "ProvisionedConcurrencySpilloverInvocations" if spilled else "ProvisionedConcurrencyInvocations"
        self._put(sets, name, 1.0, "Count", at)
        self._put(sets, "ProvisionedConcurrentExecutions", in_use, "Count", at)
        self._put(sets, "ProvisionedConcurrencyUtilization", in_use / ready if ready else 1.0, "Count", at)

    def queued(self, function: str, qualifier: str | None, name: str, value: float, unit: str, at: float) -> None:
        """A metric of asynchronous invocation: AsyncEventsReceived, AsyncEventAge, AsyncEventsDropped, ..."""
        self._put(dimension_sets(function, qualifier, "")[1:3], name, value, unit, at)
