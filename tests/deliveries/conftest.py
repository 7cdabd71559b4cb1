"""A whole sandbox with functions that tell what they were given, and what services deliver to them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.sandbox import Sandbox
from tests.compute.conftest import Compute

ACCOUNT = "123456789012"
#: Writes its event as one line of its log.
TELL = "import json\ndef handler(event, context):\n    print('EVENT ' + json.dumps(event))\n"


class Cloud(Compute):
    """A sandbox, an administrator's clients, and functions that were told things."""

    def teller(self, name: str, **settings: Any) -> str:
        """Make a function that tells what it is given; its ARN."""
        return str(self.create(name, TELL, **settings)["FunctionArn"])

    def permit(self, function: str, service: str, statement: str = "let", **more: Any) -> None:
        self.functions.add_permission(
            FunctionName=function,
            StatementId=statement,
            Action="lambda:InvokeFunction",
            Principal=f"{service}.amazonaws.com",
            **more,
        )

    def told(self, function: str) -> list[Any]:
        """All events that a function was given."""
        return [json.loads(line.partition(" ")[2]) for line in self.lines(function, "EVENT ")]

    def waits_for(self, function: str, count: int = 1) -> list[Any]:
        """The events of a function, once there are so many, and no more under way."""

        self.eventually(lambda: len(self.told(function)) >= count)
        self.clock.settle()
        return self.told(function)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    sandbox = Sandbox(seed=7)
    try:
        sandbox.serve()
        yield Cloud(sandbox)
    finally:
        sandbox.close()
