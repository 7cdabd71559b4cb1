"""How many invocations may run at once: provisioned, then reserved, then the account's unreserved pool.

Rules: https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html and
https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

from sandbox.compute.errors import invalid

#: Facts lambda-account-concurrency, lambda-reserved-min-unreserved, lambda-scaling-rate, lambda-rps-per-env.
ACCOUNT_LIMIT = 1000
MIN_UNRESERVED = 100
NEW_ENVIRONMENTS = 1000
SCALING_SECONDS = 10.0
REQUESTS_PER_ENVIRONMENT = 10

ACCOUNT_CONCURRENCY = "ConcurrentInvocationLimitExceeded"
RESERVED_CONCURRENCY = "ReservedFunctionConcurrentInvocationLimitExceeded"
REQUEST_RATE = "FunctionInvocationRateLimitExceeded"
RESERVED_REQUEST_RATE = "ReservedFunctionInvocationRateLimitExceeded"


@dataclass(slots=True)
class _Allowance:
    """Requests that may still come: filled at `10 x concurrency` a second, and holding one second's worth."""

    tokens: float = -1.0
    filled: float = 0.0

    def take(self, concurrency: int, now: float) -> bool:
        rate = float(concurrency * REQUESTS_PER_ENVIRONMENT)
        if self.tokens < 0:
            self.tokens = rate
        else:
            self.tokens = min(rate, self.tokens + max(now - self.filled, 0.0) * rate)
        self.filled = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass(slots=True)
class _Usage:
    reserved: int | None = None
    provisioned: int = 0
    on_demand: int = 0
    in_provisioned: int = 0
    allowance: _Allowance = field(default_factory=_Allowance)
    born: deque[float] = field(default_factory=deque)

    @property
    def in_flight(self) -> int:
        return self.on_demand + self.in_provisioned


@dataclass(frozen=True, slots=True)
class Load:
    """How many invocations run, at one moment: of the function, of the account, and in the unreserved pool."""

    function: int
    account: int
    unreserved: int


class Concurrency:
    """The concurrency of one account in one Region. Functions are known by name."""

    def __init__(self, limit: int = ACCOUNT_LIMIT) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._functions: dict[str, _Usage] = {}
        self._reserved = 0
        self._provisioned_unreserved = 0
        self._unreserved_in_flight = 0
        self._in_flight = 0
        self._allowance = _Allowance()

    @property
    def unreserved(self) -> int:
        """UnreservedConcurrentExecutions of GetAccountSettings."""
        return self.limit - self._reserved

    def admit(
        self, function: str, now: float, *, provisioned: bool = False, fresh: bool = False, synchronous: bool = True
    ) -> Load | str:
        """Let one invocation in, and say how many run then; or the reason for which it is throttled.

        `provisioned`: it has a provisioned environment. `fresh`: it would start a new environment.
        Only synchronous invocations count against the request rate (quota "Invocation requests per second").
        """
        with self._lock:
            usage = self._functions.get(function)
            if usage is None:
                usage = self._functions[function] = _Usage()
            reason = self._obstacle(usage, now, provisioned, fresh, synchronous)
            if reason is not None:
                return reason
            if fresh:
                usage.born.append(now)
            if provisioned:
                usage.in_provisioned += 1
            else:
                usage.on_demand += 1
                if usage.reserved is None:
                    self._unreserved_in_flight += 1
            self._in_flight += 1
            return Load(usage.on_demand + usage.in_provisioned, self._in_flight, self._unreserved_in_flight)

    def release(self, function: str, *, provisioned: bool = False) -> None:
        """One admitted invocation has ended."""
        with self._lock:
            usage = self._functions[function]
            if provisioned:
                usage.in_provisioned -= 1
            else:
                usage.on_demand -= 1
                if usage.reserved is None:
                    self._unreserved_in_flight -= 1
            self._in_flight -= 1

    def _obstacle(self, usage: _Usage, now: float, provisioned: bool, fresh: bool, synchronous: bool) -> str | None:
        if usage.reserved is not None:
            if usage.reserved == 0 or (not provisioned and usage.on_demand >= usage.reserved - usage.provisioned):
                return RESERVED_CONCURRENCY
            if synchronous and not usage.allowance.take(usage.reserved, now):
                return RESERVED_REQUEST_RATE
        else:
            unreserved = self.limit - self._reserved
            if not provisioned and self._unreserved_in_flight >= unreserved - self._provisioned_unreserved:
                return ACCOUNT_CONCURRENCY
            if synchronous and not self._allowance.take(unreserved, now):
                return REQUEST_RATE
        if fresh and not provisioned:
            born = usage.born
            while born and born[0] <= now - SCALING_SECONDS:
                born.popleft()
            if len(born) >= NEW_ENVIRONMENTS:
                return ACCOUNT_CONCURRENCY
        return None

    # -- reserving -------------------------------------------------------------------------------

    def reserve(self, function: str, executions: int) -> None:
        """Set a function's reserved concurrency; AwsError if fewer than 100 would stay for the others."""
        with self._lock:
            usage = self._functions.setdefault(function, _Usage())
            if executions < usage.provisioned:
                raise invalid(
                    f"ReservedConcurrentExecutions {executions} should not be lower than function's total provisioned "
                    f"concurrency [{usage.provisioned}]."
                )
            others = self._reserved - (usage.reserved or 0)
            outside = self._provisioned_unreserved - (usage.provisioned if usage.reserved is None else 0)
            if self.limit - others - executions - outside < MIN_UNRESERVED:
                raise invalid(
                    "Specified ReservedConcurrentExecutions for function decreases account's "
                    f"UnreservedConcurrentExecution below its minimum value of [{MIN_UNRESERVED}]."
                )
            self._set_reserved(usage, executions)

    def unreserve(self, function: str) -> None:
        """Take a function's reserved concurrency away; no error if it has none."""
        with self._lock:
            usage = self._functions.get(function)
            if usage is not None:
                self._set_reserved(usage, None)

    def _set_reserved(self, usage: _Usage, executions: int | None) -> None:
        if usage.reserved is None:
            self._unreserved_in_flight -= usage.on_demand
            self._provisioned_unreserved -= usage.provisioned
        self._reserved += (executions or 0) - (usage.reserved or 0)
        usage.reserved = executions
        usage.allowance = _Allowance()
        if executions is None:
            self._unreserved_in_flight += usage.on_demand
            self._provisioned_unreserved += usage.provisioned

    def provision(self, function: str, change: int) -> None:
        """Set `change` more (or fewer) executions aside for provisioned environments; AwsError if there aren't any."""
        with self._lock:
            usage = self._functions.setdefault(function, _Usage())
            wanted = usage.provisioned + change
            if usage.reserved is not None:
                if change > 0 and wanted > usage.reserved:
                    raise invalid(
                        f"Requested Provisioned Concurrency [{wanted}] should not be greater than the "
                        f"reservedConcurrentExecution for function [{usage.reserved}]"
                    )
            else:
                left = self.limit - self._reserved - self._provisioned_unreserved - change
                if change > 0 and left < MIN_UNRESERVED:
                    raise invalid(
                        "Specified ConcurrentExecutions for function decreases account's "
                        f"UnreservedConcurrentExecution below its minimum value of [{MIN_UNRESERVED}]."
                    )
                self._provisioned_unreserved += change
            usage.provisioned = wanted

    def forget(self, function: str) -> None:
        """The function is gone, and with it what was set aside. Invocations that still run count until they end."""
        with self._lock:
            usage = self._functions.get(function)
            if usage is None:
                return
            if usage.reserved is None:
                self._provisioned_unreserved -= usage.provisioned
            usage.provisioned = 0
            self._set_reserved(usage, None)

    def reserved_for(self, function: str) -> int | None:
        usage = self._functions.get(function)
        return usage.reserved if usage is not None else None

    def in_flight(self, function: str) -> int:
        """Invocations of the function that run now."""
        usage = self._functions.get(function)
        return usage.in_flight if usage is not None else 0
