"""The part of the service `iam` that is ours; the rest is moto's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from sandbox.gateway.call import Operation


class Part(Protocol):
    """Some operations of IAM: simulation, or what was last used."""

    operations: Mapping[str, Operation]


class Iam:
    """The service `iam`, put together from parts."""

    name = "iam"
    whole = False
    refused: Mapping[str, str] = {}

    def __init__(self, *parts: Part) -> None:
        self.operations: Mapping[str, Operation] = {
            name: operation for part in parts for name, operation in part.operations.items()
        }
