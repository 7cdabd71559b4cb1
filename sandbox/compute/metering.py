"""Metered time: what a stretch of running would have taken on the CPU share that the memory size buys.

CPU share is proportional to memory, 1,769 MB being one vCPU:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html (fact lambda-cpu-per-memory). Nothing is slowed
down here: time spent waiting counts as it was, CPU time is stretched by the share, and time spent in the run queue
of this machine, which a function in Lambda would not have waited, counts nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

MB_PER_VCPU = 1769
MOST_VCPUS = 6

#: The share that Init is metered with: time as it was. AWS documents no CPU rule for Init, so this is ours.
INIT_VCPUS = math.inf

#: The soonest that a running meter is worth another look, in seconds.
_SHORTEST_LOOK = 0.002


@dataclass(frozen=True, slots=True)
class Usage:
    """What a stretch of running took, in seconds.

    Wall time, CPU time of all threads, and the longest that one of them was ready and no core was free.
    """

    wall: float
    cpu: float
    queued: float


def vcpus(memory_mb: int) -> float:
    """The vCPUs that a memory size buys."""
    return min(memory_mb / MB_PER_VCPU, MOST_VCPUS)


def metered(usage: Usage, share: float) -> float:
    """Seconds that `usage` counts as, with `share` vCPUs."""
    running = min(usage.cpu, usage.wall)
    idle = max(usage.wall - running - usage.queued, 0.0)
    return idle + max(running, usage.cpu / share)


def next_look(usage: Usage, share: float, limit: float, cores: int) -> float:
    """Wall seconds in which the metered time can't yet have reached `limit` seconds, even with all cores busy."""
    return max((limit - metered(usage, share)) / max(1.0, cores / share), _SHORTEST_LOOK)


def billed_ms(duration_ms: float, init_ms: float = 0.0) -> int:
    """Milliseconds on the bill. Init is billed with the invocation that it came before (fact lambda-init-billing)."""
    # Both are shown with two decimals: what is billed must follow from what is shown.
    return max(math.ceil(round(round(duration_ms, 2) + round(init_ms, 2), 2)), 1)
