"""One deployed stack of the orders service, as the judge looks at it, and what the lab asks of each stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checks.lab02 import tools

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

#: What the lab asks of each stage.
MEMORY_MB: Mapping[str, int] = {"dev": 256, "staging": 512, "prod": 1024}
PROTECTED = "prod"
ALIAS = "live"


@dataclass(frozen=True, slots=True)
class Service:
    """One deployed stack of the service."""

    cloud: Cloud
    stack: str
    stage: str
    retention: int
    outputs: Mapping[str, str]
    functions: Sequence[Mapping[str, Any]]

    @property
    def table(self) -> str:
        return self.outputs["TableName"]

    def call(self, method: str, path: str, body: Any = None) -> tools.Reply:
        return tools.call(self.cloud, self.outputs["ApiUrl"].rstrip("/") + path, method, body)
