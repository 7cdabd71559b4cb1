"""How large batches are, and how many run at once."""

from __future__ import annotations

import pytest

from sandbox.compute.queue_poller import Settings, _Message, batches_allowed, cut

ARN = "arn:aws:sqs:us-east-1:123456789012:q"
MB = 1024 * 1024


@pytest.mark.parametrize(
    ("maximum", "busy_seconds", "allowed"),
    [(None, 0.0, 5), (None, 60.0, 305), (None, 3600.0, 1250), (2, 0.0, 2), (2, 600.0, 2), (100, 60.0, 100)],
)
def test_batches_begin_with_five_and_grow_by_three_hundred_a_minute(
    maximum: int | None, busy_seconds: float, allowed: int
) -> None:
    assert batches_allowed(Settings(ARN, maximum_concurrency=maximum), busy_seconds) == allowed


@pytest.mark.parametrize(
    ("sizes", "batch_size", "count"),
    [([1] * 3, 10, 3), ([1] * 12, 10, 10), ([MB] * 8, 10, 6), ([7 * MB, 1], 10, 1), ([], 10, 0)],
)
def test_a_batch_has_its_size_and_fits_into_a_payload(sizes: list[int], batch_size: int, count: int) -> None:
    assert cut([_Message({}, {}, size) for size in sizes], batch_size) == count
