"""Stacks as resources of other stacks: each has its own resources and events, and comes and goes with the one above.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-nested-stacks.html
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.templates.errors import TemplateError, Unsupported
from sandbox.templates.events import USER_INITIATED
from sandbox.templates.parameters import Given
from sandbox.templates.stacks.actor import Actor, GivenUp, Halt
from sandbox.templates.stacks.parallel import Hold
from sandbox.templates.stacks.planning import plan_update
from sandbox.templates.stacks.preparation import prepare
from sandbox.templates.stacks.requests import LONGEST_NAME
from sandbox.templates.stacks.sources import read_object
from sandbox.templates.stacks.stack import Definition, Physical, StackRecord, StackResource, begin_update, new_id
from sandbox.templates.types import fitting
from sandbox.templates.types.resource_type import Work, tags_of

if TYPE_CHECKING:
    from sandbox.templates.stacks.deployment import Deployment
    from sandbox.templates.stacks.operation import Operation

#: AWS names no limit of depth, but one of all resources in an operation on nested stacks:
#: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MOST_RESOURCES = 2500
#: A template that has itself as a nested stack ends here.
DEEPEST = 10

_RANDOM = string.ascii_uppercase + string.digits
_RANDOM_LETTERS = 12


class NestedStacks:
    """What the engine does for resources of the type AWS::CloudFormation::Stack."""

    def create(self, work: Work, actor: Actor) -> str:
        """Makes a stack; its ARN."""
        above = actor.operation.stack
        name = _name(above.name, work.logical_id)
        stack = StackRecord(
            name,
            new_id(name, above.account, above.region),
            above.account,
            above.region,
            actor.clock.datetime(),
            "CREATE_IN_PROGRESS",
            role_arn=above.role_arn,
            parent_id=above.id,
            root_id=above.root_id or above.id,
            disable_rollback=above.disable_rollback,
            retain_except_on_create=above.retain_except_on_create,
        )
        timeout = work["TimeoutInMinutes"]
        stack.timeout_minutes = int(timeout) if timeout is not None else None
        self._check_number(actor.operation, stack)
        operation = actor.operation.of(stack)
        definition = self._definition(work, actor, operation)
        stack.definition = definition
        actor.operation.stacks.add(stack)
        work.made(stack.id)
        operation.tell("CREATE_IN_PROGRESS", USER_INITIATED)
        _deployment(operation, actor.hold, actor.halt).create(
            definition, "DO_NOTHING" if stack.disable_rollback else "ROLLBACK", nested=True
        )
        self._expect(stack, "CREATE_COMPLETE", "created", actor.halt)
        return stack.id

    def update(self, work: Work, actor: Actor) -> None:
        """Brings a stack to what its resource says now. Its clean-up waits for the stack above."""
        stack = self._stack(work, actor)
        timeout = work["TimeoutInMinutes"]
        stack.timeout_minutes = int(timeout) if timeout is not None else None
        operation = actor.operation.of(stack)
        definition = self._definition(work, actor, operation)
        before = stack.definition
        if (
            before is not None
            and not stack.status.endswith("FAILED")
            and plan_update(operation, definition).empty
            and (before.tags, before.notification_arns) == (definition.tags, definition.notification_arns)
        ):
            return
        with stack.lock:
            begin_update(stack, definition)
            stack.disable_rollback = actor.operation.stack.disable_rollback
            stack.updated = actor.clock.datetime()
        operation.tell("UPDATE_IN_PROGRESS", USER_INITIATED)
        _deployment(operation, actor.hold, actor.halt).update(definition, nested=True)
        self._expect(stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "updated", actor.halt)

    def back(
        self,
        above: Operation,
        record: StackResource,
        target: Physical,
        hold: Hold,
        halt: Halt,
        skipped: frozenset[str],
    ) -> bool:
        """Brings a stack back to its last stable state, with the one above; whether it succeeded.

        Of `skipped` those count that are written NAME-OF-THE-STACK.RESOURCE.
        """
        stack = above.stacks.by_id(target.id)
        changed = stack is not None and stack.stable is not None and stack.stable.definition is not None
        if stack is not None and changed:
            above.tell_of(record, "UPDATE_IN_PROGRESS", shown=target.shown)
            operation = above.of(stack)
            operation.tell("UPDATE_ROLLBACK_IN_PROGRESS", USER_INITIATED)
            # Those of stacks further down are handed on as they are.
            own = [one.removeprefix(f"{stack.name}.") for one in skipped if "." in one]
            _deployment(operation, hold, halt).roll_back_update(own)
            if stack.status != "UPDATE_ROLLBACK_COMPLETE":
                reason = f"Embedded stack {stack.id} was not successfully updated: {stack.reason or stack.status}"
                above.tell_of(record, "UPDATE_FAILED", reason, shown=target.shown)
                return False
        with above.stack.lock:
            record.physical, record.attempted = target, None
        if changed or record.status == "UPDATE_FAILED":
            above.tell_of(record, "UPDATE_COMPLETE", shown=target.shown)
        return True

    def delete(self, work: Work, actor: Actor) -> None:
        """Deletes a stack with all that it has."""
        from sandbox.templates.stacks.outputs import refuse_used

        stack = actor.operation.stacks.by_id(work.physical_id)
        if stack is None or stack.status == "DELETE_COMPLETE":
            return
        refuse_used(actor.operation.stacks, stack)
        operation = actor.operation.of(stack)
        operation.tell("DELETE_IN_PROGRESS", USER_INITIATED)
        _deployment(operation, actor.hold, actor.halt).delete(creation=actor.operation.undoes_creation)
        self._expect(stack, "DELETE_COMPLETE", "deleted", actor.halt)

    def outputs(self, work: Work, actor: Actor) -> Mapping[str, str]:
        """The outputs of a stack, by name."""
        return {one.name: one.value for one in self._stack(work, actor).outputs}

    # -- inside ------------------------------------------------------------------------------------------

    def _definition(self, work: Work, actor: Actor, operation: Operation) -> Definition:
        above = actor.operation.stack.definition
        assert above is not None
        text = read_object(actor.client("s3"), fitting.text(work["TemplateURL"]))
        topics = work["NotificationARNs"]
        return prepare(
            operation,
            text,
            [Given(name, _parameter(value)) for name, value in (work["Parameters"] or {}).items()],
            tags={**work.stack_tags, **tags_of(work["Tags"])},
            acknowledged=above.capabilities,
            notification_arns=above.notification_arns if topics is None else tuple(topics),
            expands=False,
        )

    @staticmethod
    def _check_number(above: Operation, stack: StackRecord) -> None:
        depth, parent = 0, stack.parent_id
        while parent is not None:
            depth += 1
            record = above.stacks.by_id(parent)
            parent = record.parent_id if record is not None else None
        if depth > DEEPEST:
            raise Unsupported(
                f"Stacks nested deeper than {DEEPEST} levels are not supported by this sandbox: does the template of "
                f"{above.stack.name} have itself as a nested stack?"
            )
        family = [
            one for one in above.stacks.living(stack.account, stack.region) if stack.root_id in (one.id, one.root_id)
        ]
        number = sum(len(one.resources) for one in family)
        if number >= MOST_RESOURCES:
            raise TemplateError(
                f"Limit exceeded: an operation on nested stacks may have at most {MOST_RESOURCES} resources"
            )

    @staticmethod
    def _stack(work: Work, actor: Actor) -> StackRecord:
        stack = actor.operation.stacks.by_id(work.physical_id)
        if stack is None or stack.status == "DELETE_COMPLETE":
            raise TemplateError(f"Stack [{work.physical_id}] does not exist")
        return stack

    @staticmethod
    def _expect(stack: StackRecord, status: str, done: str, halt: Halt) -> None:
        if stack.status == status:
            return
        if halt.is_set:
            raise GivenUp
        raise TemplateError(f"Embedded stack {stack.id} was not successfully {done}: {stack.reason or stack.status}")


def _deployment(operation: Operation, hold: Hold, above: Halt) -> Deployment:
    from sandbox.templates.stacks.deployment import Deployment

    return Deployment(operation, hold, above)


def _name(above: str, logical_id: str) -> str:
    random = "".join(secrets.choice(_RANDOM) for _ in range(_RANDOM_LETTERS))
    return f"{above}-{logical_id}"[: LONGEST_NAME - len(random) - 1] + f"-{random}"


def _parameter(value: Any) -> str:
    """A list goes to a list parameter, which is written with commas."""
    return ",".join(map(fitting.text, value)) if isinstance(value, list) else fitting.text(value)
