"""Metered time: share of the CPU by memory, waiting as it was, the bill."""

from __future__ import annotations

import math

import pytest

from sandbox.compute.metering import INIT_VCPUS, Usage, billed_ms, metered, next_look, vcpus


@pytest.mark.parametrize(
    ("memory_mb", "expected"),
    [(128, 0.072), (512, 0.289), (1769, 1.0), (3008, 1.70), (10240, 5.79), (20000, 6.0)],
)
def test_cpu_share_grows_with_memory_up_to_six_vcpus(memory_mb: int, expected: float) -> None:
    assert vcpus(memory_mb) == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize(
    ("case", "usage", "share", "expected"),
    [
        ("waiting counts as it was", Usage(2.0, 0.0, 0.0), 0.1, 2.0),
        ("CPU time is stretched by the share", Usage(1.0, 1.0, 0.0), 0.25, 4.0),
        ("a mix of both", Usage(1.5, 0.5, 0.0), 0.5, 2.0),
        ("more than one vCPU does not speed one thread up", Usage(1.0, 1.0, 0.0), 4.0, 1.0),
        ("two threads on two vCPUs", Usage(1.0, 2.0, 0.0), 2.0, 1.0),
        ("two threads on one vCPU", Usage(1.0, 2.0, 0.0), 1.0, 2.0),
        ("time in this machine's run queue counts nothing", Usage(3.0, 1.0, 2.0), 1.0, 1.0),
        ("queues of several threads don't make it negative", Usage(1.0, 0.5, 4.0), 1.0, 0.5),
        ("Init is as it was", Usage(1.0, 0.6, 0.0), INIT_VCPUS, 1.0),
        ("Init without its queue", Usage(1.0, 0.6, 0.3), INIT_VCPUS, 0.7),
    ],
)
def test_metered(case: str, usage: Usage, share: float, expected: float) -> None:
    assert metered(usage, share) == pytest.approx(expected), case


@pytest.mark.parametrize(
    ("duration", "init", "expected"),
    [
        (12.34, 0.0, 13),
        (13.0, 0.0, 13),
        (12.34, 120.5, 133),
        (0.9, 0.0, 1),
        (0.001, 0.0, 1),
        (3000.0, 0.0, 3000),
        # Not a millisecond more than the two figures shown add up to.
        (10.0004, 0.0, 10),
        (0.1, 0.2, 1),
        (100.15, 200.85, 301),
    ],
)
def test_bill_is_the_sum_of_what_is_shown_rounded_up(duration: float, init: float, expected: int) -> None:
    assert billed_ms(duration, init) == expected


@pytest.mark.parametrize("cores", [1, 2, 64])
@pytest.mark.parametrize("share", [0.072, 1.0, 5.8])
def test_limit_is_not_passed_before_the_next_look(cores: int, share: float) -> None:
    usage = Usage(1.0, 0.05, 0.0)
    wait = next_look(usage, share, 3.0, cores)
    busiest = Usage(usage.wall + wait, usage.cpu + wait * cores, 0.0)
    assert metered(busiest, share) <= 3.0 + 1e-9 + 0.002 * max(1, cores / share)


def test_a_look_is_due_soon_once_the_limit_is_reached() -> None:
    assert 0 < next_look(Usage(5.0, 0.0, 0.0), 1.0, 3.0, 2) < 0.01


def test_init_share_is_no_share() -> None:
    assert math.inf == INIT_VCPUS
