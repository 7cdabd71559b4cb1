"""Waiting for deployments in lab 03."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from checks.lab03 import codedeploy


class Clock:
    """Each wait takes ten minutes."""

    def __init__(self) -> None:
        self._now = 0.0

    def timestamp(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += 600


def test_a_deployment_that_stands_still_is_not_waited_for_without_end(monkeypatch: Any) -> None:
    still = SimpleNamespace(id="d-ONE", status="InProgress", rollback="", lifecycle=())
    monkeypatch.setattr(codedeploy, "told", lambda cloud, id: still)
    with pytest.raises(TimeoutError, match="d-ONE is still InProgress"):
        codedeploy.ended(cast(Any, SimpleNamespace(target="account", clock=Clock())), "d-ONE")
