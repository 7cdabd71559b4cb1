"""Works out what the rounds of lab 01 showed, from readings of the learner's own logs, and holds an answer against it.

Each function is given readings and an answer, and returns if the answer is right; else it raises Incorrect. None of
them calls AWS.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from checks.contract import Incorrect, Uncheckable
from checks.readings import Environment, Reading

#: A wait of at least this many seconds between two calls counts as idle.
IDLE_SECONDS = 1.0
#: How far an answer in milliseconds may lie from the log's, which rounds up.
MS_TOLERANCE = 2.0
COST_TOLERANCE = 0.01
#: The budget of round 6: so many times the duration at the fastest size.
TARGET_FACTOR = 2.5

Readings = Sequence[Reading]


def short(request_id: str) -> str:
    """A request id as feedback says it."""
    return request_id[:8]


def pick(readings: Readings, request_id: str, what: str, elsewhere: Mapping[str, Readings] | None = None) -> Reading:
    """The reading with this request id. Raises Incorrect that says where the id comes from, if anywhere."""
    if not readings:
        raise Uncheckable("There is no call in this function's log yet. Run the round's cells first.")
    for reading in readings:
        if reading.request_id == request_id:
            return reading
    for name, others in (elsewhere or {}).items():
        if any(reading.request_id == request_id for reading in others):
            seen = f"{what} is {short(request_id)}, a call of the function {name}."
            break
    else:
        seen = f"{what} is {request_id[:40]!r}, which is in no REPORT line of {readings[0].function}."
    raise Incorrect(
        seen,
        f"the request id of one of the {len(readings)} calls in this round's log.",
        "A request id ties an answer to one call of one function; START, END and REPORT all carry it.",
    )


# -- 1: anatomy of a cold start --------------------------------------------------------------------------------


def cold_start(
    readings: Readings, *, cold: str, dearest: str, billed_for_init_ms: float, elsewhere: Mapping[str, Readings]
) -> None:
    """`cold` names the call with Init, `dearest` its longest step, and the rest is what Init added to the bill."""
    call = pick(readings, cold, "cold", elsewhere)
    if call.init_ms is None:
        raise Incorrect(
            f"{short(cold)} has no Init Duration in its REPORT line.",
            "the call whose REPORT line has one.",
            "A warm environment has Init behind it: only the first call in an environment waits for it.",
        )
    steps = call.value("steps")
    if not isinstance(steps, dict) or not steps:
        raise Uncheckable("The call's log has no line with its steps. Run the round's cells again.")
    longest = max(steps, key=lambda name: steps[name])
    if dearest != longest:
        known = f"{dearest} took {steps[dearest]} ms" if dearest in steps else f"{dearest!r} is not among the steps"
        raise Incorrect(
            f"{known}.",
            f"the step that took longest; the steps are {', '.join(steps)}.",
            "What is dearest to load is the first thing to load later, or not at all.",
        )
    share = call.billed_ms - math.ceil(call.duration_ms)
    if billed_for_init_ms == call.billed_ms:
        raise Incorrect(
            f"billed_for_init_ms is {billed_for_init_ms:g}, and that is the whole bill of the call.",
            f"what is left of it without the handler's {call.duration_ms:g} ms.",
            "Billed Duration is Init Duration and Duration together, rounded up to a whole millisecond.",
        )
    if min(abs(billed_for_init_ms - share), abs(billed_for_init_ms - call.init_ms)) > MS_TOLERANCE:
        if billed_for_init_ms == 0:
            why = "Init has been billed for every configuration since 1 August 2025 (fact lambda-init-billing)."
        else:
            why = "Billed Duration is Init Duration and Duration together, rounded up to a whole millisecond."
        raise Incorrect(
            f"billed_for_init_ms is {billed_for_init_ms:g}; the call was billed {call.billed_ms} ms, "
            f"and its handler ran for {call.duration_ms:g} ms.",
            "the billed milliseconds that the handler did not run for.",
            why,
        )


# -- 2: what survives ------------------------------------------------------------------------------------------


def survives(
    readings: Readings, *, frozen_between: tuple[str, str], reset_before: str, elsewhere: Mapping[str, Readings]
) -> None:
    """The freeze lies between two calls in a row with an idle second or more; the reset before a call that counts 1."""
    before, after = (pick(readings, one, "frozen_between", elsewhere) for one in frozen_between)
    if before.start > after.start:
        raise Incorrect(
            f"{short(before.request_id)} began after {short(after.request_id)}.",
            "the two calls in the order in which they ran.",
            "A freeze begins when one call ends, and ends when the next one comes.",
        )
    following = _next(readings, before)
    if following is not after:
        raise Incorrect(
            f"{short(before.request_id)} and {short(after.request_id)} did not follow on each other.",
            "two calls with no other call between them.",
            "With a call in between, the environment was thawed for it.",
        )
    idle = (after.start - before.end).total_seconds()
    if idle < IDLE_SECONDS:
        ticked = _ticks_within(after)
        raise Incorrect(
            f"Between {short(before.request_id)} and {short(after.request_id)} the environment was busy: the second "
            f"call began {max(idle * 1000, 0):.0f} ms after the first ended"
            + (f", and the thread ticked {ticked} times inside it." if ticked is not None else "."),
            f"two calls with {IDLE_SECONDS:.0f} s or more between them.",
            "Look for the gap in the picture: only there had the thread time to tick, and did not get it.",
        )
    reset = pick(readings, reset_before, "reset_before", elsewhere)
    if reset.init_ms is not None:
        raise Incorrect(
            f"{short(reset_before)} is the first call of environment {reset.environment}, with its own Init Duration.",
            "a call in an environment that had answered before.",
            "A new environment is not a reset one: its /tmp is empty, too.",
        )
    previous = _previous_in_environment(readings, reset)
    if reset.value("calls") != 1 or previous is None:
        if reset.status != "success":
            seen = f"{short(reset_before)} is the call that crashed; its counter stood at {reset.value('calls')}."
        else:
            seen = f"The counter of {short(reset_before)} stood at {reset.value('calls')}."
        raise Incorrect(
            seen,
            "the call whose counter began at 1 again.",
            "The crash ends the process. The next call finds a new one, in the same environment.",
        )


def frozen_gaps(readings: Readings) -> list[tuple[Reading, Reading]]:
    """Pairs of calls that follow on each other with an idle second or more between them."""
    return [
        (before, after)
        for before, after in pairwise(sorted(readings, key=_began))
        if (after.start - before.end).total_seconds() >= IDLE_SECONDS
    ]


def resets(readings: Readings) -> list[Reading]:
    """Calls that found a new process in an environment that had run before: a suppressed init."""
    return [
        reading
        for reading in sorted(readings, key=_began)
        if reading.value("calls") == 1
        and reading.init_ms is None
        and _previous_in_environment(readings, reading) is not None
    ]


def _began(reading: Reading) -> tuple[object, object]:
    return reading.start, reading.end


def _next(readings: Readings, reading: Reading) -> Reading | None:
    ordered = sorted(readings, key=_began)
    place = ordered.index(reading)
    return ordered[place + 1] if place + 1 < len(ordered) else None


def _previous_in_environment(readings: Readings, reading: Reading) -> Reading | None:
    earlier = [one for one in readings if one.stream == reading.stream and _began(one) < _began(reading)]
    return max(earlier, key=_began, default=None)


def _ticks_within(reading: Reading) -> int | None:
    before, after = reading.value("ticks_before"), reading.value("ticks_after")
    return after - before if isinstance(before, int) and isinstance(after, int) else None


# -- 3: one environment a concurrent call ----------------------------------------------------------------------


def concurrency(
    readings: Readings,
    *,
    environments: int,
    cold: Sequence[str],
    warm_in_burst: str,
    elsewhere: Mapping[str, Readings],
) -> None:
    """How many environments there were, which calls waited for Init, and which call of the burst did not have to."""
    chosen = [pick(readings, one, "cold", elsewhere) for one in cold]
    expected = {reading.request_id for reading in readings if reading.init_ms is not None}
    for reading in chosen:
        if reading.request_id not in expected:
            raise Incorrect(
                f"{short(reading.request_id)} has no Init Duration in its REPORT line.",
                "the calls that waited for an Init, and no others.",
                "A call that finds a free environment starts at once.",
            )
    if missing := expected - {reading.request_id for reading in chosen}:
        raise Incorrect(
            f"{len(expected) - len(missing)} of the calls that waited for an Init are named.",
            f"all {len(expected)} of them, the very first call included.",
            "Each environment has its own Init, and one call that waits for it.",
        )
    streams = {reading.stream for reading in readings}
    if environments != len(streams):
        raise Incorrect(
            f"environments is {environments}; {len(readings)} calls ran.",
            "the number of log streams: each environment writes one.",
            "An environment answers one call at a time, and the next one after it.",
        )
    warm = pick(readings, warm_in_burst, "warm_in_burst", elsewhere)
    if warm.init_ms is not None:
        raise Incorrect(
            f"{short(warm_in_burst)} waited for an Init of {warm.init_ms:.0f} ms.",
            "a call of the burst that found an environment ready.",
            "What the calls before had warmed up serves one call of the burst.",
        )
    if not any(_overlap(warm, other) for other in readings if other is not warm):
        raise Incorrect(
            f"{short(warm_in_burst)} ran alone: no other call was in flight.",
            "a call of the burst: others ran at the same time, in other environments.",
            "One after the other, the calls share one environment. Only at the same time they need several.",
        )


def _overlap(one: Reading, other: Reading) -> bool:
    return one.start < other.end and (other.init_start or other.start) < one.end


# -- 4: time-out, out of memory, exit --------------------------------------------------------------------------


def failures(
    readings: Readings, *, timed_out: str, after_reset: Sequence[str], kept: str, elsewhere: Mapping[str, Readings]
) -> None:
    """The call that timed out, the calls that found a new process, and the one after the exception, which did not."""
    late = pick(readings, timed_out, "timed_out", elsewhere)
    if late.status != "timeout":
        raise Incorrect(
            f"The REPORT line of {short(timed_out)} says {_status_of(late)}.",
            "the call whose REPORT line ends with Status: timeout.",
            'In the present log format the line "Task timed out after ..." is gone (fact lambda-log-timeout-format). '
            "An alarm on that text sees nothing.",
        )
    expected = [reading.request_id for reading in resets(readings)]
    for one in after_reset:
        reading = pick(readings, one, "after_reset", elsewhere)
        if reading.request_id not in expected:
            if reading.init_ms is not None:
                seen = f"{short(one)} is the first call of its environment, with an Init of its own."
            else:
                seen = f"The counter of {short(one)} stood at {reading.value('calls')}: it found the same process."
            raise Incorrect(
                seen,
                "the calls that counted from 1 again in an environment that had answered before.",
                "Init ran again inside them. It is in no log line of its own, only in their Duration.",
            )
    if missing := set(expected) - set(after_reset):
        raise Incorrect(
            f"{len(expected) - len(missing)} of the calls after a reset are named.",
            f"all {len(expected)}: one after each failure that ends the process.",
            "A time-out, a full memory and an exit all end it. What the log calls them differs.",
        )
    after = pick(readings, kept, "kept", elsewhere)
    previous = _previous_in_environment(readings, after)
    if previous is None or previous.value("do") != "raise" or after.value("calls") == 1:
        told = "no call" if previous is None else f"a call that was told to {previous.value('do')}"
        raise Incorrect(
            f"Before {short(kept)} the environment had run {told}; its counter stood at {after.value('calls')}.",
            "the call right after the exception.",
            "An exception is an answer like another: the runtime reports it, and the process stays.",
        )


def _status_of(reading: Reading) -> str:
    return f"Status: {reading.status}" if reading.status != "success" else "nothing of a status: it answered"


# -- 5: shutdown and an extension ------------------------------------------------------------------------------


def shutdown(
    watched: Sequence[Environment],
    plain: Sequence[Environment],
    *,
    shut_down: str,
    last_written_ms: float,
) -> None:
    """`shut_down` is a log stream in which the extension was told of SHUTDOWN, and how far its writing came."""
    if any(one.stream == shut_down for one in plain):
        raise Incorrect(
            f"{shut_down[-8:]} is an environment of the function without an extension; its log ends with REPORT.",
            "the log stream in which something was written after the last REPORT.",
            "Without an extension the shutdown lasts 0 ms: no signal handler runs (fact lambda-shutdown-limit).",
        )
    chosen = next((one for one in watched if one.stream == shut_down), None)
    if chosen is None:
        raise Incorrect(
            f"shut_down is {shut_down[:60]!r}, which is no log stream of the watched function.",
            "the name of the log stream, as logs.describe_log_streams gives it.",
            "A log stream is an environment's whole life, from Init to its last words.",
        )
    marks = [record["written_ms"] for record in chosen.last_words if isinstance(record.get("written_ms"), int | float)]
    if not marks:
        raise Incorrect(
            f"Environment {shut_down[-4:]} was not shut down yet: its extension has written nothing.",
            "an environment with lines after its last REPORT.",
            "An idle environment is frozen, not ended. Advance the clock far enough first.",
        )
    if last_written_ms != marks[-1]:
        raise Incorrect(
            f"last_written_ms is {last_written_ms:g}; the extension's log has {len(marks)} marks.",
            "the written_ms of the last of them.",
            "What came after the last mark was cut off: the budget ends with SIGKILL, which nobody can catch.",
        )


# -- 6: memory, CPU and cost -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Measured:
    """The warm calls of one memory size: their median duration and median billed duration, both milliseconds."""

    memory_mb: int
    ms: float
    billed_ms: float


def measured(readings: Readings) -> list[Measured]:
    """The memory sizes of which the log has a warm call, smallest first."""
    by_size: dict[int, list[Reading]] = {}
    for reading in readings:
        if reading.init_ms is None and reading.status == "success":
            by_size.setdefault(reading.memory_mb, []).append(reading)
    return [
        Measured(size, median(one.duration_ms for one in mine), median(one.billed_ms for one in mine))
        for size, mine in sorted(by_size.items())
    ]


def target_ms(sizes: Sequence[Measured]) -> float:
    """The budget for a warm call: a multiple of the fastest size's duration."""
    return TARGET_FACTOR * min(size.ms for size in sizes)


def usd_per_million(memory_mb: float, billed_ms: float, *, usd_per_gb_second: float, usd_requests: float) -> float:
    """What a million calls cost, duration and requests. A GB is 1,024 MB in Lambda's price."""
    return billed_ms / 1000 * memory_mb / 1024 * usd_per_gb_second * 1_000_000 + usd_requests


def cost(readings: Readings, *, choose_mb: int, usd: float, usd_per_gb_second: float, usd_requests: float) -> None:
    """`choose_mb` is the cheapest size within the budget, `usd` what a million of its warm calls cost."""
    sizes = measured(readings)
    if len(sizes) < 2:
        raise Uncheckable("The log has warm calls of fewer than two memory sizes. Run the round's cells first.")

    def price(size: Measured) -> float:
        return usd_per_million(
            size.memory_mb, size.billed_ms, usd_per_gb_second=usd_per_gb_second, usd_requests=usd_requests
        )

    limit = target_ms(sizes)
    chosen = next((size for size in sizes if size.memory_mb == choose_mb), None)
    if chosen is None:
        raise Incorrect(
            f"choose_mb is {choose_mb}.",
            f"one of the sizes that you measured: {', '.join(str(size.memory_mb) for size in sizes)}.",
            "A size that was not measured is a guess.",
        )
    if chosen.ms > limit:
        raise Incorrect(
            f"At {choose_mb} MB a warm call takes {chosen.ms:.0f} ms.",
            f"a size that answers within the budget of {limit:.0f} ms.",
            "The smallest size has the smallest share of a processor, and the caller waits for it.",
        )
    best = min((size for size in sizes if size.ms <= limit), key=price)
    if chosen is not best and price(chosen) > price(best) * (1 + COST_TOLERANCE):
        raise Incorrect(
            f"{choose_mb} MB keeps the budget, and costs {price(chosen):.2f} dollars a million.",
            f"the cheapest size within {limit:.0f} ms; another one is cheaper by "
            f"{(1 - price(best) / price(chosen)) * 100:.0f} %.",
            "Above the size where the budget is kept, more memory buys speed that nobody asked for.",
        )
    right = price(chosen)
    if abs(usd - right) > max(right * COST_TOLERANCE, 0.005):
        raise Incorrect(
            f"usd_per_million is {usd:.4g}; at {choose_mb} MB a warm call is billed {chosen.billed_ms:g} ms.",
            "billed seconds times GB (of 1,024 MB) times the price of a GB-second, for a million calls, "
            "plus the price of a million requests.",
            "An estimate that forgets the requests or the size is wrong by more than a discount would save.",
        )


# -- the slow dependency ---------------------------------------------------------------------------------------


def cause(
    orders: Readings, payments: Readings, *, timed_out: str, payments_call: str, elsewhere: Mapping[str, Readings]
) -> None:
    """`timed_out` is a call of orders that ran out of time, `payments_call` the call of payments it was waiting for."""
    late = pick(orders, timed_out, "timed_out", {"payments": payments, **elsewhere})
    if late.status != "timeout":
        raise Incorrect(
            f"The REPORT line of {short(timed_out)} says {_status_of(late)}.",
            "a call of orders whose REPORT line ends with Status: timeout.",
            "The customer's error is in the call that was cut off, not in those that only were slow.",
        )
    order_id = late.value("order_id")
    if order_id is None:
        raise Incorrect(
            f"{short(timed_out)} ran out of time before it asked payments: its log has no order_id.",
            "the call that had asked payments, and had no answer.",
            "After a time-out Init runs again inside the next call, and takes its time from the same budget.",
        )
    asked = pick(payments, payments_call, "payments_call", {"orders": orders, **elsewhere})
    if asked.value("order_id") != order_id:
        raise Incorrect(
            f"{short(payments_call)} charged order {asked.value('order_id')}; "
            f"{short(timed_out)} was waiting for order {order_id}.",
            "the call of payments with the same order_id.",
            "The order's id is the one thing that both logs share. Without it two logs can't be put side by side.",
        )
