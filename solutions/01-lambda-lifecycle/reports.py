"""Tax reports for the book-keepers: a handful of calls a month. The tables are made when the module is loaded."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

RATES = {"AT": 20, "BE": 21, "DE": 19, "DK": 25, "ES": 21, "FR": 20, "IT": 22, "NL": 21, "PL": 23, "SE": 25}
LARGEST_CENTS = 150_000


def _table(percent: int) -> tuple[int, ...]:
    rate = Decimal(percent) / (100 + Decimal(percent))
    return tuple(int((cents * rate).quantize(Decimal(1), ROUND_HALF_UP)) for cents in range(LARGEST_CENTS + 1))


#: The tax contained in a price, by country and by the price in cents.
TAX = {country: _table(percent) for country, percent in RATES.items()}


def tax_report(country: str, totals_cents: list[int]) -> dict[str, Any]:
    """Net and tax of some orders' totals. KeyError for a country without a rate."""
    table = TAX[country]
    tax = sum(table[total] for total in totals_cents)
    return {"country": country, "orders": len(totals_cents), "net_cents": sum(totals_cents) - tax, "tax_cents": tax}
