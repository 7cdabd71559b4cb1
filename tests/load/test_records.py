"""Counting the records of a run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.load.records import Bucket, Record, percentile, summary

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def record(at: float, version: str, seconds: float = 0.01, error: str = "", mix: str = "web") -> Record:
    return Record(0, mix, at, NOON + timedelta(seconds=at), "ann", 200, version, seconds, "r", error)


def test_a_summary_counts_by_minute_mix_and_version() -> None:
    records = [
        record(10, "1"),
        record(59.9, "1", 0.03),
        record(20, "2", 0.5, "boom"),
        record(30, "1", 0.02),
        record(60, "2", mix="web"),
        record(61, "", mix="app"),
    ]
    assert summary(records) == [
        Bucket(NOON, "web", "1", 3, 0, 0.75, 0.02, 0.03),
        Bucket(NOON, "web", "2", 1, 1, 0.25, 0.5, 0.5),
        Bucket(NOON + timedelta(minutes=1), "app", "", 1, 0, 1.0, 0.01, 0.01),
        Bucket(NOON + timedelta(minutes=1), "web", "2", 1, 0, 1.0, 0.01, 0.01),
    ]
    assert [one.requests for one in summary(records, every=3600)] == [1, 3, 2]
    assert summary([]) == []
    with pytest.raises(ValueError, match="0"):
        summary(records, every=0)


def test_percentiles_are_measured_values() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert (percentile(values, 50), percentile(values, 95), percentile([7.0], 1)) == (50.0, 95.0, 7.0)
