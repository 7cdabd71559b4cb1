"""Tables of tax by postal code: a dependency with much data in it, as many have."""

from __future__ import annotations

from pathlib import Path

#: A byte of tax rate for each postal code, in per mill: written by the round, new in every run.
TABLE = (Path(__file__).parent / "tables.bin").read_bytes()


def per_mill(postal_code: int) -> int:
    """The tax rate of a postal code."""
    return TABLE[postal_code % len(TABLE)]
