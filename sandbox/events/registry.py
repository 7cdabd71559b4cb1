"""Things with names in an account's Region: connections, API destinations."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from sandbox.gateway.call import AwsError, Call
from sandbox.gateway.moto_resources import Arn


class Named(Protocol):
    """What a registry holds. Its ARN ends in its kind, its name and an id: connection/NAME/ID."""

    @property
    def arn(self) -> str: ...


T = TypeVar("T", bound=Named)


class Registry(Generic[T]):
    """All things of a `kind`, as their ARNs have it; `word` is what errors call one. At most `most` in a Region."""

    def __init__(self, kind: str, word: str, most: int) -> None:
        self._kind, self._word, self._most = kind, word, most
        self._all: dict[tuple[str, str], dict[str, T]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Within the block nobody else changes anything."""
        with self._lock:
            yield

    def find(self, arn: Arn) -> T | None:
        """The one with this ARN; None if there is none."""
        kind, _, name = arn.resource.partition("/")
        found = self._of(arn.account, arn.region).get(name.partition("/")[0])
        return found if kind == self._kind and found is not None and found.arn == arn.text else None

    def named(self, call: Call) -> T:
        """The one that a call names; AwsError if there is none."""
        name = str(call.params.get("Name", ""))
        found = self._of(call.account, call.region).get(name)
        if found is None:
            raise AwsError("ResourceNotFoundException", f"{self._word} '{name}' does not exist.")
        return found

    def add(self, call: Call, make: Callable[[str], T]) -> T:
        """Make one by the name that a call gives; AwsError if there is one already, or there are too many."""
        name, known = str(call.params["Name"]), self._of(call.account, call.region)
        if name in known:
            raise AwsError("ResourceAlreadyExistsException", f"{self._word} '{name}' already exists.")
        if len(known) >= self._most:
            raise AwsError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
        known[name] = made = make(name)
        return made

    def drop(self, call: Call) -> T:
        """Remove the one that a call names, and give it back; AwsError if there is none."""
        found = self.named(call)
        del self._of(call.account, call.region)[str(call.params["Name"])]
        return found

    def listed(self, call: Call) -> list[T]:
        """Those whose names begin with the call's NamePrefix, by their names."""
        prefix, known = call.params.get("NamePrefix") or "", self._of(call.account, call.region)
        return [known[name] for name in sorted(known) if name.startswith(prefix)]

    def _of(self, account: str, region: str) -> dict[str, T]:
        return self._all.setdefault((account, region), {})
