"""The execution environments of one version: which of them serves an invocation, and when one ends.

An invocation takes the environment that was used last, so that the others grow old and are reclaimed. AWS documents
no idle time-out and says that even busy environments end every few hours:
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from sandbox.clock import Clock, Timer
from sandbox.compute.background import Background
from sandbox.compute.contract import EnvironmentSpec, InitResult, Invocation, InvocationResult

log = logging.getLogger(__name__)

#: Ours, in seconds of sandbox time: AWS keeps environments "for some time".
IDLE_SECONDS = 600.0
LIFETIME_SECONDS = 2 * 3600.0

Kind = Literal["on-demand", "provisioned-concurrency"]


class Environment(Protocol):
    """What a pool needs of an ExecutionEnvironment."""

    def init(self) -> InitResult: ...
    def invoke(self, invocation: Invocation) -> InvocationResult: ...
    def shutdown(self, reason: str = "spindown") -> None: ...


class Host(Protocol):
    """What a pool needs of an EnvironmentHost."""

    def create(self, spec: EnvironmentSpec) -> Environment: ...


@dataclass(slots=True, eq=False)
class Slot:
    """One environment in a pool. `qualifier` is set on a provisioned one: the alias or version it stands ready for."""

    environment: Environment
    born: float
    idle_since: float
    qualifier: str | None = None


class Pool:
    """Environments of one configuration. `spec_of` gives the specification of the next one of a kind."""

    def __init__(
        self, clock: Clock, host: Host, background: Background, spec_of: Callable[[Kind], EnvironmentSpec]
    ) -> None:
        self._clock = clock
        self._host = host
        self._background = background
        self._spec_of = spec_of
        self._lock = threading.Lock()
        self._idle: list[Slot] = []
        self._provisioned: dict[str, list[Slot]] = {}
        #: How many provisioned environments each qualifier shall have, has (in use included), and has being made.
        self._wanted: dict[str, int] = {}
        self._ready: dict[str, int] = {}
        self._starting: dict[str, int] = {}
        self._retired = False
        self._timer: Timer | None = None

    # -- invocations -----------------------------------------------------------------------------

    def take(self, qualifier: str, now: float) -> Slot | None:
        """An idle environment for an invocation under `qualifier`, provisioned ones first; None: a new one is due."""
        ended: list[Slot] = []
        found: Slot | None = None
        with self._lock:
            if self._provisioned:
                found = self._take_provisioned(qualifier, now, ended)
            while found is None and self._idle:
                slot = self._idle.pop()
                if now - slot.idle_since >= IDLE_SECONDS or now - slot.born >= LIFETIME_SECONDS:
                    ended.append(slot)
                else:
                    found = slot
        for slot in ended:
            self._end(slot)
        return found

    def start(self, now: float) -> Slot:
        """A new environment on demand. Its Init runs inside its first invocation."""
        return Slot(self._host.create(self._spec_of("on-demand")), now, now)

    def give_back(self, slot: Slot, now: float, *, usable: bool = True) -> None:
        """The invocation is over. An environment that can't go on, or whose pool is retired, ends."""
        keep = usable and now - slot.born < LIFETIME_SECONDS
        with self._lock:
            keep = keep and not self._retired
            if keep and slot.qualifier is not None:
                # More than are wanted: the setting was lowered while this one was in use.
                keep = self._ready.get(slot.qualifier, 0) <= self._wanted.get(slot.qualifier, 0)
            if keep:
                slot.idle_since = now
                if slot.qualifier is None:
                    self._idle.append(slot)
                    if self._timer is None:
                        self._timer = self._clock.at(now + IDLE_SECONDS, self._reclaim)
                else:
                    self._provisioned.setdefault(slot.qualifier, []).append(slot)
                return
        self._end(slot)

    def retire(self) -> None:
        """End all environments: the idle ones now, those in use after their invocation."""
        with self._lock:
            self._retired = True
            slots = self._idle + [slot for slots in self._provisioned.values() for slot in slots]
            self._idle = []
            self._provisioned.clear()
            self._wanted.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        for slot in slots:
            self._end(slot)

    # -- provisioned concurrency -----------------------------------------------------------------

    def provision(self, qualifier: str, wanted: int, told: Callable[[InitResult], None]) -> None:
        """Have `wanted` initialised environments stand ready for `qualifier`; more are ended.

        `told` hears how each Init ended, on the thread that ran it.
        """
        ended: list[Slot] = []
        with self._lock:
            if self._retired:
                return
            self._wanted[qualifier] = wanted
            ready, starting = self._ready.get(qualifier, 0), self._starting.get(qualifier, 0)
            slots = self._provisioned.get(qualifier, [])
            while slots and ready - len(ended) > wanted:
                ended.append(slots.pop(0))
            missing = max(wanted - ready - starting, 0)
            self._starting[qualifier] = starting + missing
        for slot in ended:
            self._end(slot)
        for _ in range(missing):
            self._background.do(lambda: self._initialise(qualifier, told))

    def ready(self, qualifier: str) -> int:
        """Provisioned environments that stand ready or serve."""
        return self._ready.get(qualifier, 0)

    def in_use(self, qualifier: str) -> int:
        """Provisioned environments that serve now."""
        with self._lock:
            return self._ready.get(qualifier, 0) - len(self._provisioned.get(qualifier, ()))

    def _take_provisioned(self, qualifier: str, now: float, ended: list[Slot]) -> Slot | None:
        slots = self._provisioned.get(qualifier)
        while slots:
            slot = slots.pop()
            if now - slot.born < LIFETIME_SECONDS:
                return slot
            ended.append(slot)
        return None

    def _initialise(self, qualifier: str, told: Callable[[InitResult], None]) -> None:
        slot: Slot | None = None
        try:
            with self._lock:
                needed = not self._retired and self._ready.get(qualifier, 0) < self._wanted.get(qualifier, 0)
            if not needed:
                return
            now = self._clock.now()
            slot = Slot(self._host.create(self._spec_of("provisioned-concurrency")), now, now, qualifier)
            result = slot.environment.init()
        except Exception as error:
            log.exception("a provisioned environment could not be started")
            result = InitResult(False, 0.0, "Sandbox.Error", str(error))
        finally:
            with self._lock:
                self._starting[qualifier] -= 1
        assert slot is not None or not result.ok
        if slot is not None:
            if result.ok:
                with self._lock:
                    self._ready[qualifier] = self._ready.get(qualifier, 0) + 1
                self.give_back(slot, self._clock.now())
            else:
                slot.environment.shutdown("failure")
        told(result)

    # -- ends ------------------------------------------------------------------------------------

    def _end(self, slot: Slot) -> None:
        refill = False
        if slot.qualifier is not None:
            with self._lock:
                self._ready[slot.qualifier] -= 1
                refill = not self._retired and self._ready[slot.qualifier] < self._wanted.get(slot.qualifier, 0)
                if refill:
                    self._starting[slot.qualifier] = self._starting.get(slot.qualifier, 0) + 1
        self._background.do(slot.environment.shutdown)
        if refill and slot.qualifier is not None:
            qualifier = slot.qualifier
            self._background.do(lambda: self._initialise(qualifier, lambda _: None))

    def _reclaim(self) -> None:
        now = self._clock.now()
        ended: list[Slot] = []
        with self._lock:
            self._timer = None
            # The environment that was used last is at the end, so those at the start have been idle longest.
            while self._idle and now - self._idle[0].idle_since >= IDLE_SECONDS:
                ended.append(self._idle.pop(0))
            if self._idle and not self._retired:
                self._timer = self._clock.at(self._idle[0].idle_since + IDLE_SECONDS, self._reclaim)
        for slot in ended:
            self._end(slot)
