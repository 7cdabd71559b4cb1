"""Bringing resources to what a stack's definition says: created, updated in place, replaced, or left as they are.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html
"""

from __future__ import annotations

import dataclasses
import threading
import uuid
from collections.abc import Mapping
from typing import Any

from sandbox.templates.evaluation import Made
from sandbox.templates.events import CREATION_CANCELLED, CREATION_INITIATED, REPLACEMENT, UPDATE_CANCELLED
from sandbox.templates.graph import dependencies
from sandbox.templates.plan import NESTED_STACK
from sandbox.templates.replacement import changed, required
from sandbox.templates.stacks.actor import Actor, GivenUp, Halt, Untouched
from sandbox.templates.stacks.operation import Operation
from sandbox.templates.stacks.parallel import Hold
from sandbox.templates.stacks.removal import Removal
from sandbox.templates.stacks.stack import Definition, Left, Physical, StackResource
from sandbox.templates.stacks.wanted import given_to, refuse_second_name, wanted_of, with_attributes_of_template
from sandbox.templates.states import ResourceStatus
from sandbox.templates.template import Resource
from sandbox.templates.types import registry
from sandbox.templates.types.resource_type import Failed, Properties, ResourceType, Unsupported, Work

#: What a type raises Failed with if a change that seemed to need no replacement needs one.
NOT_UPDATABLE = "NotUpdatable"


class Bringing:
    """One go at a definition. `bring` may be called by several threads, each with a resource of its own.

    `evaluation` is only to be used while `lock` is held.
    """

    def __init__(self, operation: Operation, definition: Definition, halt: Halt) -> None:
        self.definition = definition
        self.lock = threading.Lock()
        self.made: dict[str, Made] = {name: one.made for name, one in operation.stack.physicals.items()}
        self.evaluation = operation.evaluation(definition, self.made)
        self.graph = dependencies(definition.template, self.evaluation.condition)
        self.failed_creations: list[str] = []
        self.failed_updates: list[str] = []
        self._operation = operation
        self._stack = operation.stack
        self._removal = Removal(operation, halt)
        self._halt = halt

    def bring(self, name: str, hold: Hold) -> bool:
        """Makes of a resource what the definition says; whether it succeeded. What happens stands in the events."""
        resource = self.definition.template.resources[name]
        record = self._stack.resources.get(name)
        if record is not None and record.failed_creation and record.physical is not None:
            # Of no use, and perhaps in the way of the name.
            if not self._removal.remove(record, record.physical, hold):
                self.failed_creations.append(name)
                return False
            record.physical = None
        present = record.physical if record is not None else None
        if record is None or present is None:
            return self._create(resource, self._recorded(resource), hold)
        return self._update(resource, record, present, hold)

    def _wanted(self, resource: Resource) -> Physical:
        secret = frozenset(name for name, one in self._stack.physicals.items() if one.no_echo)
        with self.lock:
            return wanted_of(self.evaluation, self.definition, resource, self.graph[resource.name], secret)

    def _recorded(self, resource: Resource) -> StackResource:
        with self._stack.lock:
            record = self._stack.resources.get(resource.name)
            if record is None or record.type != resource.type:
                record = StackResource(
                    resource.name, resource.type, "CREATE_IN_PROGRESS", self._operation.clock.datetime()
                )
                self._stack.resources[resource.name] = record
            record.physical_id = "" if record.physical is None else record.physical_id
            return record

    # -- creating ----------------------------------------------------------------------------------------

    def _create(self, resource: Resource, record: StackResource, hold: Hold) -> bool:
        actor = self._operation.actor(hold, self._halt)
        token = str(uuid.uuid4())
        wanted: Physical | None = None
        try:
            wanted = self._wanted(resource)
            self._tell(record, "CREATE_IN_PROGRESS", None, wanted)
            self._make(resource, record, wanted, actor, token, "CREATE_IN_PROGRESS")
        except GivenUp:
            return self._failed(record, "CREATE_FAILED", CREATION_CANCELLED, wanted)
        except Exception as error:
            if wanted is None:
                self._tell(record, "CREATE_IN_PROGRESS", None, None)
            return self._failed(record, "CREATE_FAILED", actor.reason(error, token), wanted)
        if self._halt.is_set:
            return self._failed(record, "CREATE_FAILED", CREATION_CANCELLED, wanted)
        self._tell(record, "CREATE_COMPLETE", None, wanted)
        return True

    def _make(
        self,
        resource: Resource,
        record: StackResource,
        wanted: Physical,
        actor: Actor,
        token: str,
        status: ResourceStatus,
    ) -> None:
        """Creates the thing itself; the record has it from the moment that its id is known."""
        entry = registry.find(resource.type)
        given = given_to(self._operation, resource, wanted, entry)
        work = self._work(resource, wanted, given, actor, token)
        said = ""

        def made(physical_id: str) -> None:
            nonlocal said
            if physical_id == said:
                return
            with self._stack.lock:
                record.physical_id = physical_id
                record.physical = dataclasses.replace(wanted, id=physical_id, given=given)
            if not said:
                self._tell(record, status, CREATION_INITIATED, wanted)
            said = physical_id

        work.on_made = made
        work.made(str(entry.create(work)))
        self._complete(record, wanted, work, entry, actor, given)

    def _complete(
        self,
        record: StackResource,
        wanted: Physical,
        work: Work,
        entry: ResourceType,
        actor: Actor,
        given: Mapping[str, Any],
    ) -> None:
        """Waits until it is ready, and takes down what references to it give."""
        if entry.ready is not None:
            ready = entry.ready
            if not actor.wait(lambda: ready(work), entry.patience):
                raise Failed(f"{record.type} {work.physical_id} did not stabilize.", "NotStabilized")
        attributes = dict(entry.attributes(work))
        ref = entry.ref(work) if entry.ref is not None else None
        if work.unread:
            names = ", ".join(work.unread)
            raise Unsupported(f"Properties of {record.type} that are not supported by this sandbox: [{names}]")
        physical = dataclasses.replace(
            wanted, id=work.physical_id, given=given, attributes=attributes, ref=ref, no_echo=work.secret
        )
        with self._stack.lock:
            record.physical, record.attempted = physical, None
            record.physical_id = physical.id
        with self.lock:
            self.made[record.logical_id] = physical.made

    # -- updating ----------------------------------------------------------------------------------------

    def _update(self, resource: Resource, record: StackResource, present: Physical, hold: Hold) -> bool:
        actor = self._operation.actor(hold, self._halt)
        token = str(uuid.uuid4())
        wanted: Physical | None = None
        try:
            wanted = self._wanted(resource)
            if record.attempted is not None:
                # Its last update failed, nobody knows how far it came: first back to where it was.
                self._apply(resource, record, record.attempted, present, actor, token, back=True)
            if not self._begin_update(resource, record, present, wanted):
                return True
            entry = registry.find(resource.type)
            rules = registry.rules(resource.type)
            needed = required(rules, present.properties, wanted.properties)
            differing = changed(present.properties, wanted.properties)
            retagged = rules.tags is not None and present.stack_tags != wanted.stack_tags
            if needed == "Always" or (differing and entry.update is None):
                return self._replace(resource, record, present, wanted, actor, token)
            if not differing and resource.type != NESTED_STACK and (not retagged or entry.update is None):
                self._tell(record, "UPDATE_IN_PROGRESS", None, wanted)
                with self._stack.lock:
                    record.physical = with_attributes_of_template(present, wanted)
            else:
                self._tell(record, "UPDATE_IN_PROGRESS", None, wanted)
                try:
                    self._apply(resource, record, present, wanted, actor, token)
                except Failed as failed:
                    if failed.code != NOT_UPDATABLE:
                        raise
                    record.attempted = None
                    return self._replace(resource, record, present, wanted, actor, token)
        except GivenUp:
            return self._failed(record, "UPDATE_FAILED", UPDATE_CANCELLED, wanted)
        except Exception as error:
            if isinstance(error, Untouched):
                record.attempted = None
            if wanted is None or record.status != "UPDATE_IN_PROGRESS":
                self._tell(record, "UPDATE_IN_PROGRESS", None, wanted)
            return self._failed(record, "UPDATE_FAILED", actor.reason(error, token), wanted)
        if self._halt.is_set:
            with self._stack.lock:
                record.attempted = record.physical
                record.physical = present
            return self._failed(record, "UPDATE_FAILED", UPDATE_CANCELLED, wanted)
        self._tell(record, "UPDATE_COMPLETE", None, wanted)
        return True

    def _begin_update(self, resource: Resource, record: StackResource, present: Physical, wanted: Physical) -> bool:
        """Whether there is anything to do; policies alone are taken down without a word."""
        rules = registry.rules(resource.type)
        retagged = rules.tags is not None and present.stack_tags != wanted.stack_tags
        if (
            changed(present.properties, wanted.properties)
            or retagged
            or resource.type == NESTED_STACK
            or present.metadata != wanted.metadata
            or present.update_policy != wanted.update_policy
            or record.status == "UPDATE_FAILED"
        ):
            return True
        with self._stack.lock:
            record.physical = with_attributes_of_template(present, wanted)
        return False

    def _replace(
        self,
        resource: Resource,
        record: StackResource,
        present: Physical,
        wanted: Physical,
        actor: Actor,
        token: str,
    ) -> bool:
        """Makes the new thing beside the old one, which goes in the clean-up."""
        self._tell(record, "UPDATE_IN_PROGRESS", REPLACEMENT, wanted)
        reason = CREATION_CANCELLED
        try:
            refuse_second_name(present, wanted)
            self._make(resource, record, wanted, actor, token, "UPDATE_IN_PROGRESS")
        except GivenUp:
            pass
        except Exception as error:
            reason = actor.reason(error, token)
        else:
            if not self._halt.is_set:
                self._leave(record.logical_id, present)
                self._tell(record, "UPDATE_COMPLETE", None, wanted)
                return True
        done = self._failed(record, "UPDATE_FAILED", reason, wanted)
        with self._stack.lock:
            if record.physical is not None and record.physical is not present:
                # What was made of the new thing is of no use; the old one is the resource's as before.
                self._stack.left.append(Left(record.logical_id, record.physical, retained=False))
            record.physical, record.physical_id = present, present.id
        return done

    def _leave(self, logical_id: str, replaced: Physical) -> None:
        """What is replaced goes in the clean-up; what a rollback would come back to is known without this."""
        stable = self._stack.stable.physicals if self._stack.stable is not None else {}
        kept = stable.get(logical_id)
        with self._stack.lock:
            if kept is None or kept.id != replaced.id:
                self._stack.left.append(Left(logical_id, replaced, replaced.replace_policy == "Retain"))

    def _apply(
        self,
        resource: Resource,
        record: StackResource,
        before: Physical,
        wanted: Physical,
        actor: Actor,
        token: str,
        *,
        back: bool = False,
    ) -> None:
        """Updates the thing in place; `back` says that this is the way back."""
        entry = registry.find(resource.type)
        assert entry.update is not None
        given = wanted.given or given_to(self._operation, resource, wanted, entry)
        work = self._work(resource, wanted, given, actor, token)
        work.physical_id, work.before = record.physical_id, before.given
        work.stack_tags_before = before.stack_tags
        work.rolls_back = back
        if record.physical is not None:
            work.found = record.physical.attributes
        with self._stack.lock:
            record.attempted = dataclasses.replace(wanted, id=record.physical_id, given=given)
        entry.update(work)
        self._complete(record, wanted, work, entry, actor, given)

    def back(self, record: StackResource, target: Physical, hold: Hold) -> bool:
        """Brings a resource back to what it was; whether it succeeded."""
        resource = self.definition.template.resources[record.logical_id]
        attempted = record.attempted if record.attempted is not None else record.physical
        actor = self._operation.actor(hold, self._halt)
        token = str(uuid.uuid4())
        self._tell(record, "UPDATE_IN_PROGRESS", None, target)
        try:
            assert attempted is not None
            self._apply(resource, record, attempted, target, actor, token, back=True)
        except Exception as error:
            # Where it is to come back from is still what the update wanted.
            record.attempted = attempted
            reason = UPDATE_CANCELLED if isinstance(error, GivenUp) else actor.reason(error, token)
            return self._failed(record, "UPDATE_FAILED", reason, target)
        self._tell(record, "UPDATE_COMPLETE", None, target)
        return True

    # -- inside ------------------------------------------------------------------------------------------

    def _work(self, resource: Resource, wanted: Physical, given: Mapping[str, Any], actor: Actor, token: str) -> Work:
        return Work(
            acting=actor,
            stack=self._stack.pseudo,
            logical_id=resource.name,
            type=resource.type,
            properties=Properties(given),
            stack_tags=wanted.stack_tags,
            stack_tags_before=wanted.stack_tags,
            token=token,
            update_policy=wanted.update_policy,
        )

    def _tell(self, record: StackResource, status: ResourceStatus, reason: str | None, wanted: Physical | None) -> None:
        self._operation.tell_of(record, status, reason, shown=wanted.shown if wanted else None)

    def _failed(self, record: StackResource, status: ResourceStatus, reason: str, wanted: Physical | None) -> bool:
        self._tell(record, status, reason, wanted)
        failures = self.failed_creations if status == "CREATE_FAILED" else self.failed_updates
        failures.append(record.logical_id)
        return False
