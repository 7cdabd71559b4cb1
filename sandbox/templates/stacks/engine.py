"""What all stacks of a sandbox share: where they are kept, whose rights they act with, and the threads that work."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sandbox.clock import Clock
from sandbox.compute.background import Background
from sandbox.gateway.pipeline import Gateway
from sandbox.templates.events import StackEvent
from sandbox.templates.stacks.actor import Halt
from sandbox.templates.stacks.custom_resources import CustomResources
from sandbox.templates.stacks.deployment import Deployment
from sandbox.templates.stacks.nested import NestedStacks
from sandbox.templates.stacks.notifications import notify
from sandbox.templates.stacks.operation import Operation
from sandbox.templates.stacks.parallel import Hold
from sandbox.templates.stacks.rights import AllRights, Rights
from sandbox.templates.stacks.stack import StackRecord
from sandbox.templates.stacks.store import Stacks
from sandbox.templates.states import stranded

if TYPE_CHECKING:
    from sandbox.templates.stacks.change_set import ChangeSet

log = logging.getLogger(__name__)

WhenDeployed = Callable[[str, Callable[[], None]], None]

#: For so long, in wall seconds, an answer waits for the work that it starts: a client's waiter sees the end at once.
HELD_SECONDS = 2.0


class Engine:
    """Starts operations on stacks, one at a time for each.

    `when_deployed` calls a function once a deployment of CodeDeploy's, by its id, has ended.
    """

    def __init__(self, clock: Clock, gateway: Gateway, when_deployed: WhenDeployed) -> None:
        self.clock = clock
        self.gateway = gateway
        self.when_deployed = when_deployed
        self.stacks = Stacks(clock)
        self.rights = AllRights(gateway, clock)
        #: By their ARNs.
        self.change_sets: dict[str, ChangeSet] = {}
        self.nested = NestedStacks()
        self.custom = CustomResources(clock, gateway)
        self._end = Halt()
        self._lock = threading.Lock()
        self._running: dict[str, Deployment] = {}
        self._notifications = Background(clock, "stack notifications", 1)

    def publish(self, event: StackEvent, topics: Sequence[str], rights: Rights) -> None:
        """Tells topics of an event, in order, beside the work."""
        region = event.stack_id.split(":")[3]
        self._notifications.do(lambda: notify(event, topics, lambda: rights.client("sns", region)))

    def change_sets_of(self, stack: StackRecord) -> list[ChangeSet]:
        """The change sets of a stack."""
        return [one for one in [*self.change_sets.values()] if one.stack is stack]

    def forget_change_sets(self, stack: StackRecord, but: ChangeSet | None = None) -> None:
        """Drops what was planned for the stack as it was."""
        for one in self.change_sets_of(stack):
            if one is not but:
                self.change_sets.pop(one.id, None)

    def running(self, stack: StackRecord) -> Deployment | None:
        """The operation that is under way on a stack."""
        with self._lock:
            return self._running.get(stack.id)

    def start(self, operation: Operation, work: Callable[[Deployment], None], *, supersede: bool = False) -> None:
        """Lets `work` be done on a stack, on a thread of its own. Returns when it is, or some seconds later.

        With `supersede` an operation that is under way is stopped first; else the stack's status, which the caller has
        set, keeps operations apart.
        """
        stack = operation.stack
        deployment = Deployment(operation, Hold(self.clock), self._end)
        with self._lock:
            before = self._running.get(stack.id)
            self._running[stack.id] = deployment
        if before is not None and supersede:
            before.supersede()
        threading.Thread(
            target=self._run, args=(deployment, before, work), name=f"stack {stack.name}", daemon=True
        ).start()
        # The wall's time: it is a client that waits.
        deployment.done.wait(HELD_SECONDS)

    def close(self) -> None:
        """Stop all that is under way."""
        with self._lock:
            running = list(self._running.values())
        for one in running:
            one.supersede()
        self._end.set()
        self._notifications.close()
        for one in running:
            one.done.wait(1.0)

    def _run(self, deployment: Deployment, before: Deployment | None, work: Callable[[Deployment], None]) -> None:
        stack = deployment.stack
        try:
            if before is not None:
                with deployment.hold.paused():
                    before.done.wait()
            work(deployment)
        except Exception as error:
            log.exception("the operation on stack %s broke off", stack.name)
            left = stranded(stack.status)
            if left is not None:
                deployment.operation.tell(left, f"Internal failure in the sandbox: {type(error).__name__}: {error}")
        finally:
            with self._lock:
                if self._running.get(stack.id) is deployment:
                    del self._running[stack.id]
            deployment.done.set()
            deployment.hold.release()
