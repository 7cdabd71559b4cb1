"""The operations by which stacks come out of updates: cancelled, rolled back, or a rollback gone on with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.gateway.call import Call
from sandbox.templates.events import USER_INITIATED
from sandbox.templates.stacks.engine import Engine
from sandbox.templates.stacks.operation import Operation
from sandbox.templates.stacks.requests import flag, invalid, refuse_unsupported, token
from sandbox.templates.stacks.stack import StackRecord, StackResource
from sandbox.templates.stacks.writes import Writes, refuse, remember

Answer = Mapping[str, Any]


class Recovery:
    """Operations on stacks whose update is under way or has failed. `operations` are by name."""

    def __init__(self, engine: Engine, writes: Writes) -> None:
        self._engine = engine
        self._writes = writes
        self.operations: Mapping[str, Callable[[Call], Answer | None]] = {
            "CancelUpdateStack": self._cancel_update_stack,
            "ContinueUpdateRollback": self._continue_update_rollback,
            "RollbackStack": self._rollback_stack,
        }

    def _cancel_update_stack(self, call: Call) -> None:
        stack = self._writes.find(call)
        refuse(stack, "cancel-update")
        running = self._engine.running(stack)
        if running is not None:
            running.cancel()

    def _continue_update_rollback(self, call: Call) -> Answer:
        refuse_unsupported(call)
        stack = self._writes.find(call)
        given = token(call)
        if self._writes.repeated(stack, given, "continue-rollback"):
            return {}
        skipped = [str(one) for one in call.params.get("ResourcesToSkip") or []]
        rights = self._writes.rights(call, stack)
        operation = Operation(self._engine, stack, rights, token=given)
        with stack.lock:
            refuse(stack, "continue-rollback")
            for name in skipped:
                resource = self._named(stack, name)
                if resource is None or resource.status != "UPDATE_FAILED":
                    raise invalid(
                        f"Resource {name} can't be skipped: ResourcesToSkip may only name resources of the stack that "
                        "are in the state UPDATE_FAILED."
                    )
            remember(stack, given, "continue-rollback")
            operation.tell("UPDATE_ROLLBACK_IN_PROGRESS", USER_INITIATED)
        self._engine.start(operation, lambda deployment: deployment.roll_back_update(skipped))
        return {}

    def _named(self, stack: StackRecord, name: str) -> StackResource | None:
        """The resource that ResourcesToSkip names: of the stack, or (NAME-OF-THE-STACK.RESOURCE) of one nested in it.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ContinueUpdateRollback.html
        """
        nested, dot, logical_id = name.rpartition(".")
        if not dot:
            return stack.resources.get(name)
        living = self._engine.stacks.living(stack.account, stack.region)
        found = next((one for one in living if one.name == nested and one.root_id == (stack.root_id or stack.id)), None)
        return found.resources.get(logical_id) if found is not None else None

    def _rollback_stack(self, call: Call) -> Answer:
        refuse_unsupported(call)
        stack = self._writes.find(call)
        given = token(call)
        if self._writes.repeated(stack, given, "rollback"):
            return {"StackId": stack.id}
        operation = Operation(self._engine, stack, self._writes.rights(call, stack), token=given)
        with stack.lock:
            refuse(stack, "rollback")
            remember(stack, given, "rollback")
            stack.retain_except_on_create = flag(call, "RetainExceptOnCreate")
            creation = stack.status == "CREATE_FAILED"
            operation.tell("ROLLBACK_IN_PROGRESS" if creation else "UPDATE_ROLLBACK_IN_PROGRESS", USER_INITIATED)
        if creation:
            self._engine.start(operation, lambda deployment: deployment.roll_back_creation())
        else:
            self._engine.start(operation, lambda deployment: deployment.roll_back_update())
        return {"StackId": stack.id}
