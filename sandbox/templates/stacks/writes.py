"""The operations that make, change and delete stacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sandbox.gateway.call import AwsError, Call
from sandbox.templates.errors import TemplateError
from sandbox.templates.events import USER_INITIATED
from sandbox.templates.plan import NO_UPDATES
from sandbox.templates.stacks.deployment import Deployment
from sandbox.templates.stacks.engine import Engine
from sandbox.templates.stacks.operation import Operation
from sandbox.templates.stacks.outputs import refuse_used
from sandbox.templates.stacks.planning import changes_nothing, plan_update
from sandbox.templates.stacks.preparation import prepare
from sandbox.templates.stacks.reads import bracketed, with_id
from sandbox.templates.stacks.requests import (
    OnFailure,
    acknowledged,
    failure_action,
    flag,
    given_name,
    invalid,
    keeps_failed,
    new_name,
    parameters,
    refuse_unsupported,
    tags,
    token,
    topics,
)
from sandbox.templates.stacks.rights import Rights
from sandbox.templates.stacks.sources import text_of
from sandbox.templates.stacks.stack import Definition, StackRecord, begin_update, new_id
from sandbox.templates.states import Operation as Kind
from sandbox.templates.states import in_progress, refusal

if TYPE_CHECKING:
    from sandbox.templates.stacks.change_set import ChangeSet

Answer = Mapping[str, Any]


class Writes:
    """Operations on whole stacks. `operations` are by name."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.operations: Mapping[str, Callable[[Call], Answer | None]] = {
            "CreateStack": self._create_stack,
            "DeleteStack": self._delete_stack,
            "UpdateStack": self._update_stack,
            "UpdateTerminationProtection": self._update_termination_protection,
        }

    # -- parts of several operations ---------------------------------------------------------------------

    def find(self, call: Call, missing: Callable[[str], str] = bracketed) -> StackRecord:
        """The stack that a call names, if it is there."""
        given = given_name(call)
        stack = self._engine.stacks.find(call.account, call.region, given)
        if stack is None or stack.status == "DELETE_COMPLETE":
            raise invalid(missing(given))
        return stack

    def rights(self, call: Call, stack: StackRecord | None = None) -> Rights:
        """Those of the role that the call or the stack names, else the caller's."""
        role = call.params.get("RoleARN") or (stack.role_arn if stack is not None else None)
        return self._engine.rights.of(call.principal, str(role) if role else None)

    def text(self, call: Call, rights: Rights, stack: StackRecord | None = None) -> str:
        """The text of the template that a call gives, or says to be the stack's own."""
        if flag(call, "UsePreviousTemplate"):
            if call.params.get("TemplateBody") is not None or call.params.get("TemplateURL") is not None:
                raise invalid("You cannot specify a template when UsePreviousTemplate is set to true.")
            if stack is None or stack.definition is None:
                raise invalid("You cannot use UsePreviousTemplate for a stack that has no template.")
            return stack.definition.text
        return text_of(
            call.params.get("TemplateBody"),
            call.params.get("TemplateURL"),
            lambda: self._engine.rights.of(call.principal, None).client("s3", call.region),
        )

    def repeated(self, stack: StackRecord, given: str | None, kind: Kind) -> bool:
        """Whether a call with this token is one that was answered before. AwsError if the token was another's."""
        if given is None or given not in stack.tokens:
            return False
        if stack.tokens[given] == kind:
            return True
        raise AwsError("TokenAlreadyExistsException", f"A client request token {given} already exists")

    # -- creating ----------------------------------------------------------------------------------------

    def _create_stack(self, call: Call) -> Answer:
        refuse_unsupported(call)
        name = new_name(call)
        stacks = self._engine.stacks
        given = token(call)
        on_failure = failure_action(call, "OnFailure")
        present = stacks.find(call.account, call.region, name)
        if present is not None:
            if self.repeated(present, given, "create"):
                return {"StackId": present.id}
            refuse(present, "create")
            raise AwsError("AlreadyExistsException", f"Stack [{name}] already exists")
        rights = self.rights(call)
        stack = self.new_stack(call, name)
        operation = Operation(self._engine, stack, rights, token=given)
        definition = prepare(
            operation,
            self.text(call, rights),
            parameters(call),
            tags=tags(call),
            acknowledged=acknowledged(call),
            notification_arns=topics(call) or (),
            expands=False,
        )
        stack.definition = definition
        stack.disable_rollback = on_failure == "DO_NOTHING"
        stack.protected = flag(call, "EnableTerminationProtection")
        if call.params.get("TimeoutInMinutes") is not None:
            stack.timeout_minutes = int(call.params["TimeoutInMinutes"])
            if stack.timeout_minutes < 1:
                raise invalid(
                    f"1 validation error detected: Value '{stack.timeout_minutes}' at 'timeoutInMinutes' failed to "
                    "satisfy constraint: Member must have value greater than or equal to 1"
                )
        if not stacks.add(stack):
            raise AwsError("AlreadyExistsException", f"Stack [{name}] already exists")
        self.create(operation, definition, on_failure)
        return {"StackId": stack.id}

    def new_stack(self, call: Call, name: str) -> StackRecord:
        """The record of a stack that a call asks for; nobody sees it yet."""
        return StackRecord(
            name,
            new_id(name, call.account, call.region),
            call.account,
            call.region,
            self._engine.clock.datetime(),
            "REVIEW_IN_PROGRESS",
            role_arn=call.params.get("RoleARN"),
            retain_except_on_create=flag(call, "RetainExceptOnCreate"),
        )

    def create(
        self,
        operation: Operation,
        definition: Definition,
        on_failure: OnFailure,
        change_set: ChangeSet | None = None,
    ) -> None:
        """Starts a creation."""
        stack = operation.stack

        def work(deployment: Deployment) -> None:
            deployment.create(definition, on_failure)
            if change_set is not None:
                change_set.executed(succeeded=stack.status == "CREATE_COMPLETE")

        remember(stack, operation.token, "create")
        operation.tell("CREATE_IN_PROGRESS", USER_INITIATED)
        self._engine.start(operation, work)

    # -- updating ----------------------------------------------------------------------------------------

    def _update_stack(self, call: Call) -> Answer:
        refuse_unsupported(call)
        stack = self.find(call)
        given = token(call)
        if self.repeated(stack, given, "update"):
            return {"StackId": stack.id}
        refuse(stack, "update")
        assert stack.definition is not None
        rights = self.rights(call, stack)
        operation = Operation(self._engine, stack, rights, token=given)
        before = stack.definition
        own_tags, own_topics = tags(call), topics(call)
        definition = prepare(
            operation,
            self.text(call, rights, stack),
            parameters(call),
            previous=before.texts,
            tags=before.tags if own_tags is None else own_tags,
            acknowledged=acknowledged(call),
            notification_arns=before.notification_arns if own_topics is None else own_topics,
            expands=False,
        )
        if changes_nothing(operation, definition, plan_update(operation, definition)):
            raise TemplateError(NO_UPDATES)
        if call.params.get("RoleARN"):
            stack.role_arn = str(call.params["RoleARN"])
        stack.disable_rollback = keeps_failed(call)
        stack.retain_except_on_create = flag(call, "RetainExceptOnCreate")
        self.update(operation, definition)
        return {"StackId": stack.id}

    def update(self, operation: Operation, definition: Definition, change_set: ChangeSet | None = None) -> None:
        """Starts an update; change sets, but for the one that it executes, are no longer of use."""
        stack = operation.stack

        def work(deployment: Deployment) -> None:
            deployment.update(definition)
            if change_set is not None:
                change_set.executed(succeeded=stack.status == "UPDATE_COMPLETE")

        with stack.lock:
            refuse(stack, "update")
            begin_update(stack, definition)
            stack.updated = self._engine.clock.datetime()
            remember(stack, operation.token, "update")
            operation.tell("UPDATE_IN_PROGRESS", USER_INITIATED)
        self._engine.forget_change_sets(stack, but=change_set)
        self._engine.start(operation, work)

    # -- deleting ----------------------------------------------------------------------------------------

    def _delete_stack(self, call: Call) -> None:
        refuse_unsupported(call)
        stack = self._engine.stacks.find(call.account, call.region, given_name(call))
        if stack is None or stack.status == "DELETE_COMPLETE":
            # As AWS: what is not there is deleted.
            return
        given = token(call)
        if self.repeated(stack, given, "delete"):
            return
        mode = call.params.get("DeletionMode") or "STANDARD"
        if mode not in ("STANDARD", "FORCE_DELETE_STACK"):
            raise invalid(
                f"1 validation error detected: Value '{mode}' at 'deletionMode' failed to satisfy constraint: Member "
                "must satisfy enum value set: [FORCE_DELETE_STACK, STANDARD]"
            )
        retain = [str(one) for one in call.params.get("RetainResources") or []]
        operation = Operation(self._engine, stack, self.rights(call, stack), token=given)
        with stack.lock:
            refuse(stack, "delete")
            if stack.status == "DELETE_IN_PROGRESS":
                return
            failed_before = stack.status == "DELETE_FAILED"
            if (retain or mode != "STANDARD") and not failed_before:
                what = "specify which resources to retain" if retain else "use FORCE_DELETE_STACK"
                raise invalid(
                    f"Invalid operation on stack [{stack.id}]. You can only {what} when the stack is in the "
                    "DELETE_FAILED state."
                )
            unknown = [one for one in retain if one not in stack.resources]
            if unknown:
                raise invalid(f"The specified resources to retain do not exist in the stack: [{', '.join(unknown)}]")
            before = stack.status
            if call.params.get("RoleARN"):
                stack.role_arn = str(call.params["RoleARN"])
            remember(stack, given, "delete")
            operation.tell("DELETE_IN_PROGRESS", USER_INITIATED)
        try:
            refuse_used(self._engine.stacks, stack)
        except TemplateError as error:
            # https://github.com/aws/aws-cdk/issues/604: the stack is again what it was, with this reason.
            operation.tell(before, error.message)
            return
        self._engine.forget_change_sets(stack)
        self._engine.start(
            operation,
            lambda deployment: deployment.delete(retain=retain, forced=mode == "FORCE_DELETE_STACK"),
            supersede=in_progress(before),
        )

    def _update_termination_protection(self, call: Call) -> Answer:
        stack = self.find(call, with_id)
        if stack.parent_id is not None:
            raise invalid(
                "TerminationProtection cannot be updated for a nested stack: it is that of its root stack "
                f"{stack.root_id}"
            )
        stack.protected = flag(call, "EnableTerminationProtection")
        return {"StackId": stack.id}


def remember(stack: StackRecord, given: str | None, kind: Kind) -> None:
    """Notes a client's token."""
    if given is not None:
        stack.tokens[given] = kind


def refuse(stack: StackRecord, kind: Kind) -> None:
    """TemplateError if an operation is refused in the stack's status."""
    error = refusal(kind, stack.status, stack.name, stack.id, protected=stack.protected)
    if error is not None:
        raise error
