"""The tokens that lead from one page of an answer of CloudWatch Logs to the next, and the ids of its events."""

from __future__ import annotations

import base64
import binascii
import re

from sandbox.telemetry.log_checks import invalid

#: Where an event stands: its time (Unix ms), and its number in the order of arrival.
Place = tuple[int, int]


def digits(place: Place) -> str:
    """A place in time as 56 digits, the way AWS writes event ids."""
    time, order = place
    return f"{(min(time, 1 << 42) << 144) + order:056d}"


def read_token(token: str) -> tuple[str, Place]:
    """The direction (f or b) and the place in a token of events; AwsError if there are none."""
    plain = token if token.endswith("/s") else _decode(token)
    found = re.fullmatch(r"([fb])/(\d{56})/s", plain)
    if found is None:
        raise invalid("The specified nextToken is invalid.")
    number = int(found[2])
    return found[1], (number >> 144, number & ((1 << 144) - 1))


def encode(text: str) -> str:
    """A token that says nothing to whoever gets it."""
    return base64.urlsafe_b64encode(text.encode()).decode()


def _decode(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, UnicodeError):
        raise invalid("The specified nextToken is invalid.") from None


def name_after(token: str | None) -> str:
    """The name that the last page ended with; empty before the first page."""
    return _decode(token) if token else ""


def stream_after(token: str | None) -> tuple[int, str] | None:
    """Time and name of the stream that the last page ended with; None before the first page."""
    if not token:
        return None
    time, space, name = _decode(token).partition(" ")
    if not space or not time.isdecimal():
        raise invalid("The specified nextToken is invalid.")
    return int(time), name
