"""Texts with stars, as AWS's services write them outside policies: `*` is any number of characters, also none.

A pattern is cut at its stars, and its pieces are looked for once from left to right: the first place where a piece fits
is the best, for what comes after it has the most room there. So no pattern can take long, as a regular expression with
many stars can. (IAM's patterns, which have question marks too, are in sandbox/access/patterns.py.)
"""

from __future__ import annotations

from collections.abc import Sequence


def fits(value: str, pieces: Sequence[str]) -> bool:
    """Whether the whole value is these pieces in their order, with anything between each two. Case counts."""
    first, last = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return value == first
    end = len(value) - len(last)
    if len(first) > end or not value.startswith(first) or not value.endswith(last):
        return False
    at = len(first)
    for piece in pieces[1:-1]:
        at = value.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True
