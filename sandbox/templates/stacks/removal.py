"""Deleting the things behind resources, or leaving them where a policy says so.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Protocol

from botocore.exceptions import ClientError

from sandbox.templates.graph import Graph, reversed_graph
from sandbox.templates.stacks.actor import GivenUp, Halt
from sandbox.templates.stacks.operation import Operation
from sandbox.templates.stacks.parallel import Hold, work_through
from sandbox.templates.stacks.stack import Physical, StackResource
from sandbox.templates.types import registry
from sandbox.templates.types.resource_type import Failed, Properties, Work, gone

#: What EC2 answers while something else of a network is not gone yet, which need not be what the template says.
#: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
_IN_THE_WAY = "DependencyViolation"

#: How often the clean-up tries to delete a thing before it leaves it where it is.
CLEAN_UP_ATTEMPTS = 3


class _Act(Protocol):
    """Deletes a thing. With `patient` it is None if another has to go first."""

    def __call__(self, name: str, hold: Hold, *, patient: bool = ...) -> bool | None: ...


class Removal:
    """Deletes things of one stack."""

    def __init__(self, operation: Operation, halt: Halt) -> None:
        self._operation = operation
        self._stack = operation.stack
        self._halt = halt

    def remove(
        self, record: StackResource, physical: Physical, hold: Hold, *, retained: bool = False, forced: bool = False
    ) -> bool:
        """Deletes the thing of a resource (with `retained` it stays); whether it is done. Its events tell.

        With `forced` what can't be deleted stays, and counts as done.
        """
        return bool(self._remove(record, physical, hold, retained=retained, forced=forced))

    def _remove(
        self,
        record: StackResource,
        physical: Physical,
        hold: Hold,
        *,
        retained: bool,
        forced: bool = False,
        patient: bool = False,
        again: bool = False,
    ) -> bool | None:
        """As `remove`. With `patient` it is None, and no event tells of it, if another thing has to go first; `again`
        says that it was so before.
        """
        if retained:
            self._operation.tell_of(record, "DELETE_SKIPPED", shown=physical.shown)
            return True
        token = str(uuid.uuid4())
        actor = self._operation.actor(hold, self._halt)
        if not again:
            self._operation.tell_of(record, "DELETE_IN_PROGRESS", shown=physical.shown)
        try:
            entry = registry.find(physical.type)
            work = Work(
                acting=actor,
                stack=self._stack.pseudo,
                logical_id=record.logical_id,
                type=physical.type,
                properties=Properties(physical.given),
                physical_id=physical.id,
                stack_tags=physical.stack_tags,
                stack_tags_before=physical.stack_tags,
                token=token,
                update_policy=physical.update_policy,
            )
            try:
                entry.delete(work)
            except ClientError as error:
                if not gone(error):
                    raise
            absent = entry.absent
            if absent is not None and not actor.wait(lambda: absent(work), entry.patience):
                raise Failed(f"{physical.type} {physical.id} did not stabilize.", "NotStabilized")
        except GivenUp:
            self._operation.tell_of(record, "DELETE_FAILED", "Resource deletion cancelled", shown=physical.shown)
            return False
        except Exception as error:
            if patient and _blocked(error):
                return None
            reason = actor.reason(error, token)
            self._operation.tell_of(record, "DELETE_FAILED", reason, shown=physical.shown)
            if forced:
                self._operation.tell_of(record, "DELETE_SKIPPED", shown=physical.shown)
            return forced
        self._operation.tell_of(record, "DELETE_COMPLETE", shown=physical.shown)
        return True

    def remove_all(
        self,
        hold: Hold,
        *,
        retain: Iterable[str] = (),
        forced: bool = False,
        creation: bool = False,
        retain_policies: bool = True,
    ) -> list[str]:
        """Deletes all that the stack has, each thing once what needs it is gone; the resources that could not be.

        `creation` says that the stack's creation is rolled back: then RetainExceptOnCreate means Delete, and so does
        Retain with `retain_policies` false. `retain` are resources that stay though their deletion failed before.
        """
        kept = frozenset(retain)
        with self._stack.lock:
            records = dict(self._stack.resources)
        for record in records.values():
            if record.physical is None and record.status not in ("DELETE_COMPLETE", "DELETE_SKIPPED"):
                # It never came to be.
                self._operation.tell_of(record, "DELETE_COMPLETE")

        def act(name: str, hold: Hold, *, patient: bool = True) -> bool | None:
            record, physical = records[name], physicals[name]
            policies = ("Retain",) if creation else ("Retain", "RetainExceptOnCreate")
            retained = name in kept or (physical.deletion_policy in policies and retain_policies)
            again = name in begun
            begun.add(name)
            done = self._remove(record, physical, hold, retained=retained, forced=forced, patient=patient, again=again)
            if done:
                with self._stack.lock:
                    record.physical = None
            return done

        begun: set[str] = set()

        physicals = self._stack.physicals
        graph = {name: one.needs & physicals.keys() for name, one in physicals.items()}
        failed = self._work_through(graph, act, hold)
        return [*failed, *self.clean_up(hold)]

    def _work_through(self, graph: Graph, act: _Act, hold: Hold) -> list[str]:
        """Does `act` for each name once all that need it are gone: patiently, as long as others may make way."""
        return work_through(
            self._operation.clock,
            reversed_graph(graph),
            act,
            hold,
            lambda: not self._halt.is_set,
            lambda name, hold: act(name, hold, patient=False),
        )

    def clean_up(self, hold: Hold) -> list[str]:
        """Deletes what an update left over; what can't be deleted after some attempts stays, and its name is given."""
        with self._stack.lock:
            left, self._stack.left = self._stack.left, []
        things = {f"{one.logical_id} {number}": one for number, one in enumerate(left)}
        keys: dict[str, list[str]] = {}
        for key, one in things.items():
            keys.setdefault(one.logical_id, []).append(key)
        graph = {
            key: frozenset(other for need in one.physical.needs for other in keys.get(need, ()))
            for key, one in things.items()
        }

        begun: set[str] = set()

        def act(name: str, hold: Hold, *, patient: bool = True) -> bool | None:
            one = things[name]
            now = self._operation.clock.datetime()
            # The resource itself may go on with another thing: its status is not touched.
            record = StackResource(one.logical_id, one.physical.type, "DELETE_IN_PROGRESS", now, one.physical.id)
            for _ in range(CLEAN_UP_ATTEMPTS):
                again = name in begun
                begun.add(name)
                done = self._remove(record, one.physical, hold, retained=one.retained, patient=patient, again=again)
                if done is None or done:
                    return done
                begun.discard(name)
            return False

        failed = self._work_through(graph, act, hold)
        return [things[key].logical_id for key in failed]


def _blocked(error: Exception) -> bool:
    """Whether a thing can't go because another is there still."""
    return isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") == _IN_THE_WAY
