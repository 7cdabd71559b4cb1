"""The client of the bank that charges our customers' cards, over a connection that it keeps."""

from __future__ import annotations

from uuid import uuid4

#: The bank closes a connection after so many payments. The one that meets the closed line fails; the customer is asked
#: to try again. It has always been so, and everybody can live with one order in 120.
PAYMENTS_PER_CONNECTION = 120


class ConnectionClosed(Exception):
    """The bank has closed the line, and did not take the payment."""


class Bank:
    """Charges cards. One for each execution environment."""

    def __init__(self) -> None:
        self._payments = 0

    def charge(self, customer: str, total_cents: int) -> str:
        """The payment's id. ConnectionClosed if the line is gone; the next payment opens another one."""
        self._payments += 1
        if self._payments % PAYMENTS_PER_CONNECTION == 0:
            raise ConnectionClosed(f"the bank closed the connection after {PAYMENTS_PER_CONNECTION - 1} payments")
        return f"payment-{uuid4().hex[:12]}"
