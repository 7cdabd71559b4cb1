"""What a service says of its resources' names: where they stand in a call, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.authorisation.look_up import LookUp
from sandbox.gateway.call import Call

#: From the name (or id, URL, ARN) in a call to the resource's ARN; None if it names nothing of the type.
Maker = Callable[[Call, LookUp, str], str | None]
#: A list of paths into a call's parameters, as the package's docstring says.
Paths = tuple[str, ...]


def as_given(call: Call, look_up: LookUp, given: str) -> str | None:
    """An ARN as it is."""
    return given if given.startswith("arn:") else None
