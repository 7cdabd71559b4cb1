"""Change sets: what a new template would change, kept until somebody executes it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.gateway.call import AwsError, Call
from sandbox.templates.document import read
from sandbox.templates.errors import TemplateError
from sandbox.templates.events import USER_INITIATED
from sandbox.templates.plan import NESTED_STACK, NO_CHANGES
from sandbox.templates.stacks.change_set import ChangeSet, executable
from sandbox.templates.stacks.engine import Engine
from sandbox.templates.stacks.operation import Operation
from sandbox.templates.stacks.planning import changes_nothing, plan_update
from sandbox.templates.stacks.preparation import check_parameters, prepare
from sandbox.templates.stacks.requests import (
    acknowledged,
    failure_action,
    flag,
    given_name,
    invalid,
    keeps_failed,
    new_name,
    page,
    parameters,
    refuse_unsupported,
    tags,
    token,
    topics,
    unsupported,
)
from sandbox.templates.stacks.stack import StackRecord
from sandbox.templates.stacks.writes import Writes, refuse
from sandbox.templates.template import refuse_macros, transforms

Answer = Mapping[str, Any]

_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")


class ChangeSets:
    """Operations on change sets. `operations` are by name."""

    def __init__(self, engine: Engine, writes: Writes) -> None:
        self._engine = engine
        self._writes = writes
        self.operations: Mapping[str, Callable[[Call], Answer | None]] = {
            "CreateChangeSet": self._create_change_set,
            "DeleteChangeSet": self._delete_change_set,
            "DescribeChangeSet": self._describe_change_set,
            "ExecuteChangeSet": self._execute_change_set,
            "ListChangeSets": self._list_change_sets,
        }

    def find(self, call: Call) -> ChangeSet:
        """The change set that a call names by its ARN, or by its name and its stack's."""
        given = given_name(call, "ChangeSetName")
        missing = AwsError("ChangeSetNotFound", f"ChangeSet [{given}] does not exist", 404)
        if given.startswith("arn:"):
            found = self._engine.change_sets.get(given)
            if found is None or found.stack.account != call.account or found.stack.region != call.region:
                raise missing
            return found
        if not call.params.get("StackName"):
            raise invalid("StackName must be specified if ChangeSetName is not specified as an ARN.")
        stack = self._writes.find(call)
        found = self.of(stack).get(given)
        if found is None:
            raise missing
        return found

    def of(self, stack: StackRecord) -> dict[str, ChangeSet]:
        """The change sets of a stack, by name."""
        return {one.name: one for one in self._engine.change_sets_of(stack)}

    # -- operations --------------------------------------------------------------------------------------

    def _create_change_set(self, call: Call) -> Answer:
        kind = call.params.get("ChangeSetType") or "UPDATE"
        if kind == "IMPORT":
            raise unsupported(call, "ChangeSetType", "resource import is not built")
        if kind not in ("CREATE", "UPDATE"):
            raise invalid(
                f"1 validation error detected: Value '{kind}' at 'changeSetType' failed to satisfy constraint: Member "
                "must satisfy enum value set: [IMPORT, UPDATE, CREATE]"
            )
        refuse_unsupported(call)
        name = given_name(call, "ChangeSetName")
        if not _NAME.fullmatch(name):
            raise invalid(
                f"1 validation error detected: Value '{name}' at 'changeSetName' failed to satisfy constraint: Member "
                "must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
            )
        stack = self._stack_for(call, kind == "CREATE", name)
        given = token(call, "ClientToken")
        other = self.of(stack).get(name)
        if other is not None:
            if given is not None and other.token == given:
                return {"Id": other.id, "StackId": stack.id}
            raise AwsError("AlreadyExistsException", f"ChangeSet {name} already exists")
        change_set = self._planned(call, stack, name, kind == "CREATE", given)
        if kind == "CREATE" and self._engine.stacks.add(stack):
            operation = Operation(self._engine, stack, self._writes.rights(call, stack))
            operation.tell("REVIEW_IN_PROGRESS", USER_INITIATED)
        self._engine.change_sets[change_set.id] = change_set
        return {"Id": change_set.id, "StackId": stack.id}

    def _stack_for(self, call: Call, creates: bool, name: str) -> StackRecord:
        given = given_name(call)
        present = self._engine.stacks.find(call.account, call.region, given)
        if not creates:
            stack = self._writes.find(call)
            refuse(stack, "update")
            return stack
        if present is not None and present.status != "DELETE_COMPLETE":
            if present.status != "REVIEW_IN_PROGRESS":
                raise invalid(
                    f"Stack [{given}] already exists and cannot be created again with the changeSet [{name}]."
                )
            return present
        return self._writes.new_stack(call, new_name(call))

    def _planned(self, call: Call, stack: StackRecord, name: str, creates: bool, given: str | None) -> ChangeSet:
        rights = self._writes.rights(call, stack)
        operation = Operation(self._engine, stack, rights, token=given)
        before = None if creates else stack.definition
        text = self._writes.text(call, rights, stack)
        own_tags, own_topics = tags(call), topics(call)
        stack_tags = (before.tags if before is not None else {}) if own_tags is None else own_tags
        arns = (before.notification_arns if before is not None else ()) if own_topics is None else own_topics
        # What is not said here, ExecuteChangeSet may say.
        failure = (
            failure_action(call, "OnStackFailure") if call.params.get("OnStackFailure") or keeps_failed(call) else None
        )
        if failure == "DELETE" and not creates:
            raise invalid("OnStackFailure DELETE may only be used with change sets of the type CREATE.")
        change_set = ChangeSet(
            name,
            ":".join([*stack.id.split(":")[:5], f"changeSet/{name}/{uuid.uuid4()}"]),
            stack,
            self._engine.clock.datetime(),
            creates,
            acknowledged(call),
            given,
            call.params.get("Description"),
            call.params.get("RoleARN"),
            failure,
            flag(call, "IncludeNestedStacks"),
            text,
            tags=stack_tags,
        )
        document = read(text)
        refuse_macros(document)
        transformed = bool(transforms(document))
        previous = before.texts if before is not None else None
        if transformed:
            check_parameters(operation, document, parameters(call), previous)
        try:
            definition = prepare(
                operation,
                text,
                parameters(call),
                previous=previous,
                tags=stack_tags,
                acknowledged=change_set.capabilities,
                notification_arns=arns,
            )
            change_set.definition, change_set.plan = definition, plan_update(operation, definition)
        except (TemplateError, AwsError) as error:
            # What comes out once the transform has run is told by the change set's status.
            if not transformed:
                raise
            change_set.reason = error.message
            return change_set
        if changes_nothing(operation, definition, change_set.plan):
            change_set.reason = NO_CHANGES
        if change_set.nested and any(one.type == NESTED_STACK for one in definition.template.resources.values()):
            raise unsupported(call, "IncludeNestedStacks", "change sets of nested stacks are not built")
        return change_set

    def _describe_change_set(self, call: Call) -> Answer:
        return self.find(call).shape(call)

    def _list_change_sets(self, call: Call) -> Answer:
        found = sorted(self.of(self._writes.find(call)).values(), key=lambda one: one.created, reverse=True)
        return page(call.params, [one.summary() for one in found], "Summaries")

    def _delete_change_set(self, call: Call) -> Answer:
        change_set = self.find(call)
        if change_set.execution == "EXECUTE_IN_PROGRESS":
            raise AwsError(
                "InvalidChangeSetStatus",
                f"ChangeSet [{change_set.id}] cannot be deleted in its current status of [CREATE_COMPLETE] and "
                "execution status of [EXECUTE_IN_PROGRESS]",
            )
        self._engine.change_sets.pop(change_set.id, None)
        return {}

    def _execute_change_set(self, call: Call) -> Answer:
        change_set = self.find(call)
        stack = change_set.stack
        given = token(call)
        if self._writes.repeated(stack, given, "create" if change_set.creates else "update"):
            return {}
        executable(change_set)
        if change_set.on_failure is not None and call.params.get("DisableRollback") is not None:
            raise invalid("DisableRollback can't be specified for a change set that was created with OnStackFailure.")
        on_failure = change_set.on_failure or failure_action(call, "OnFailure")
        rights = self._engine.rights.of(call.principal, change_set.role_arn or stack.role_arn)
        operation = Operation(self._engine, stack, rights, token=given)
        with stack.lock:
            definition = executable(change_set)
            if change_set.creates:
                if stack.status != "REVIEW_IN_PROGRESS":
                    raise invalid(f"Stack:{stack.id} is in {stack.status} state and can not be created.")
            else:
                refuse(stack, "update")
            change_set.execution = "EXECUTE_IN_PROGRESS"
            self._engine.forget_change_sets(stack, but=change_set)
            if change_set.role_arn:
                stack.role_arn = change_set.role_arn
            stack.change_set_id = change_set.id
            stack.disable_rollback = on_failure == "DO_NOTHING"
            stack.retain_except_on_create = flag(call, "RetainExceptOnCreate")
            if change_set.creates:
                stack.definition = definition
        if change_set.creates:
            self._writes.create(operation, definition, on_failure, change_set)
        else:
            self._writes.update(operation, definition, change_set)
        return {}
