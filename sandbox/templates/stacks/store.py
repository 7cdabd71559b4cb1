"""All stacks of a sandbox: found by account, Region and name, or by ARN; and what they export to each other.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html
"""

from __future__ import annotations

import datetime
import threading
from collections.abc import Mapping

from sandbox.clock import Clock
from sandbox.templates.stacks.stack import StackRecord

#: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStacks.html
DELETED_ARE_KEPT = datetime.timedelta(days=90)


class Stacks:
    """The stacks of all accounts and Regions. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._by_id: dict[str, StackRecord] = {}
        self._by_name: dict[tuple[str, str, str], StackRecord] = {}
        #: Held while a stack's exports are made.
        self.exporting = threading.Lock()

    def add(self, stack: StackRecord) -> bool:
        """Keeps a new stack; false, and nothing done, if there is one of its name."""
        key = (stack.account, stack.region, stack.name)
        with self._lock:
            if key in self._by_name:
                return False
            self._by_name[key] = self._by_id[stack.id] = stack
            return True

    def forget_name(self, stack: StackRecord) -> None:
        """Frees the name of a stack that is deleted; by its ARN it is still found for a while."""
        key = (stack.account, stack.region, stack.name)
        with self._lock:
            if self._by_name.get(key) is stack:
                del self._by_name[key]

    def find(self, account: str, region: str, given: str) -> StackRecord | None:
        """The stack of a name, or (deleted ones too) of an ARN."""
        with self._lock:
            if given.startswith("arn:"):
                found = self._by_id.get(given)
                return found if found is not None and found.account == account and found.region == region else None
            return self._by_name.get((account, region, given))

    def by_id(self, identifier: str) -> StackRecord | None:
        """The stack of an ARN, in whatever account."""
        with self._lock:
            return self._by_id.get(identifier)

    def all(self, account: str, region: str) -> list[StackRecord]:
        """The stacks of an account and Region, the newest first, with those deleted lately."""
        oldest = self._clock.datetime() - DELETED_ARE_KEPT
        with self._lock:
            return [
                one
                for one in reversed(self._by_id.values())
                if one.account == account and one.region == region and (one.deleted is None or one.deleted > oldest)
            ]

    def living(self, account: str, region: str) -> list[StackRecord]:
        """Those that are not deleted."""
        return [one for one in self.all(account, region) if one.status != "DELETE_COMPLETE"]

    def children(self, stack: StackRecord) -> list[StackRecord]:
        """The stacks nested in a stack that are not deleted."""
        return [one for one in self.living(stack.account, stack.region) if one.parent_id == stack.id]

    def exports(self, account: str, region: str) -> Mapping[str, tuple[str, StackRecord]]:
        """The exports of an account and Region by name: their values and stacks."""
        return {name: (value, stack) for stack in self.living(account, region) for name, value in stack.exports.items()}

    def importers(self, account: str, region: str, export: str) -> list[StackRecord]:
        """The stacks that import an export."""
        return [one for one in self.living(account, region) if export in one.imports]
