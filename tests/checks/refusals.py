"""What a check says to a wrong answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from checks.contract import Incorrect


def refusal(work: Callable[[], None]) -> str:
    """All three parts of the Incorrect that the work raises: what was seen, what was expected, why it matters."""
    with pytest.raises(Incorrect) as caught:
        work()
    miss = caught.value
    assert miss.seen
    assert miss.expected
    assert miss.why
    return f"{miss.seen} {miss.expected} {miss.why}"
