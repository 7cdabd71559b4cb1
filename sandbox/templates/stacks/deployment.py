"""One operation on a stack from its beginning to its end: create, update, roll back, delete.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from sandbox.templates.errors import TemplateError
from sandbox.templates.events import ROLLBACK_REQUESTED, USER_INITIATED, failed
from sandbox.templates.plan import NESTED_STACK
from sandbox.templates.stacks.actor import Halt
from sandbox.templates.stacks.bringing import Bringing
from sandbox.templates.stacks.operation import Operation
from sandbox.templates.stacks.outputs import evaluated_outputs, imports_of, refuse_used
from sandbox.templates.stacks.parallel import Hold, work_through
from sandbox.templates.stacks.removal import Removal
from sandbox.templates.stacks.requests import OnFailure
from sandbox.templates.stacks.stack import Definition, Left, Physical, StackResource

TIMED_OUT = "Stack creation time exceeded the specified timeout."
CLEAN_UP_FAILED = "Update successful. One or more resources could not be deleted."


@dataclass(frozen=True, slots=True)
class Problem:
    """Why bringing up a definition failed: resources, or (`message`) something about the whole stack."""

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    message: str = ""

    def reason(self, *, rolls_back: bool = False) -> str:
        """As the stack's event tells it."""
        if self.message:
            return f"{self.message} {ROLLBACK_REQUESTED}" if rolls_back else self.message
        return failed(self.created, self.updated, rolls_back=rolls_back)


class Deployment:
    """Works on one stack; its methods return when the stack has come to rest.

    `done` is set then. `supersede` and `cancel` may be called from other threads meanwhile.
    """

    def __init__(self, operation: Operation, hold: Hold, above: Halt | None = None) -> None:
        self.operation = operation
        self.stack = operation.stack
        self.done = threading.Event()
        self.hold = hold
        self._above = above
        self._halt = Halt(above)
        self._stopped = threading.Event()
        self._cancelled = ""
        self._skipped: frozenset[str] = frozenset()

    # -- from other threads ------------------------------------------------------------------------------

    def supersede(self) -> None:
        """Stop, and leave the stack to the operation that comes next."""
        self._stopped.set()
        self._halt.set()

    def cancel(self, reason: str = USER_INITIATED) -> None:
        """Stop, and roll back."""
        self._cancelled = reason
        self._halt.set()

    # -- operations --------------------------------------------------------------------------------------

    def create(self, definition: Definition, on_failure: OnFailure, *, nested: bool = False) -> None:
        """Makes all that a definition says. With `nested` what failed is left to the stack above."""
        timer = None
        if self.stack.timeout_minutes is not None:
            timer = self.operation.clock.after(self.stack.timeout_minutes * 60.0, lambda: self.cancel(TIMED_OUT))
        problem = self._bring(definition, keep_going=on_failure == "DO_NOTHING")
        if timer is not None:
            timer.cancel()
        if self._stopped.is_set():
            return
        if problem is None:
            self.operation.tell("CREATE_COMPLETE")
        elif on_failure == "DO_NOTHING" or nested:
            self.operation.tell("CREATE_FAILED", problem.reason())
        elif on_failure == "DELETE":
            self.operation.tell("DELETE_IN_PROGRESS", problem.reason())
            self.delete(creation=True)
        else:
            self.operation.tell("ROLLBACK_IN_PROGRESS", problem.reason(rolls_back=True))
            self.roll_back_creation()

    def roll_back_creation(self) -> None:
        """Deletes all that a creation made; the stack stays, without resources."""
        retain = not self.stack.retain_except_on_create
        self.operation.undoes_creation = True
        undone = self._removal().remove_all(self.hold, creation=True, retain_policies=retain)
        if self._stopped.is_set():
            return
        if undone:
            self.operation.tell("ROLLBACK_FAILED", failed(deleted=undone))
        else:
            self.operation.tell("ROLLBACK_COMPLETE")

    def update(self, definition: Definition, *, nested: bool = False) -> None:
        """Brings the stack to another definition. With `nested` clean-up and rollback are left to the stack above."""
        problem = self._bring(definition, keep_going=self.stack.disable_rollback)
        if self._stopped.is_set():
            return
        if problem is None:
            self.operation.tell("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
            if not nested:
                self.clean_up()
        elif self.stack.disable_rollback or nested:
            self.operation.tell("UPDATE_FAILED", problem.reason())
        else:
            self.operation.tell("UPDATE_ROLLBACK_IN_PROGRESS", problem.reason())
            self.roll_back_update()

    def clean_up(self) -> None:
        """The end of an update that succeeded: what was replaced or removed goes."""
        assert self.stack.definition is not None
        self._sort_out(self.stack.definition)
        for nested in self.operation.stacks.children(self.stack):
            if nested.status == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
                Deployment(self.operation.of(nested), self.hold, self._above).clean_up()
        undone = self._removal().clean_up(self.hold)
        if self._stopped.is_set():
            return
        with self.stack.lock:
            self.stack.stable = None
        self.operation.tell("UPDATE_COMPLETE", CLEAN_UP_FAILED if undone else None)

    def roll_back_update(self, skipped: Iterable[str] = ()) -> None:
        """Brings the stack back to its last stable state. Of `skipped` resources it is taken to be so already."""
        stable = self.stack.stable
        assert stable is not None
        assert stable.definition is not None
        bringing = Bringing(self.operation, stable.definition, self._new_halt())
        self._skipped = kept = frozenset(skipped)

        def act(name: str, hold: Hold) -> bool:
            return self._back(bringing, self.stack.resources[name], stable.physicals[name], hold, name in kept)

        graph = {name: one.needs & stable.physicals.keys() for name, one in stable.physicals.items()}
        undone = work_through(self.operation.clock, graph, act, self.hold, lambda: not self._stopped.is_set())
        if self._stopped.is_set():
            return
        if undone:
            self.operation.tell("UPDATE_ROLLBACK_FAILED", failed(updated=undone))
            return
        never: list[StackResource] = []
        with self.stack.lock:
            retain = not self.stack.retain_except_on_create
            for name, record in [*self.stack.resources.items()]:
                if name in stable.physicals:
                    continue
                if record.physical is None:
                    never.append(record)
                else:
                    retained = retain and record.physical.deletion_policy == "Retain"
                    self.stack.left.append(Left(name, record.physical, retained))
                del self.stack.resources[name]
            self.stack.definition, self.stack.outputs = stable.definition, list(stable.outputs)
            self.stack.imports = stable.imports
        self.operation.tell("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        for record in never:
            self.operation.tell_of(record, "DELETE_COMPLETE")
        self.operation.undoes_creation = True
        self._removal().clean_up(self.hold)
        if self._stopped.is_set():
            return
        with self.stack.lock:
            self.stack.stable = None
        self.operation.tell("UPDATE_ROLLBACK_COMPLETE")

    def delete(self, *, retain: Iterable[str] = (), forced: bool = False, creation: bool = False) -> None:
        """Deletes all that the stack has, and then the stack. What `retain` names stays."""
        policies = not (creation and self.stack.retain_except_on_create)
        self.operation.undoes_creation = creation
        with self.stack.lock:
            # Of an update that never came to its end: what it replaced is there yet.
            stable, self.stack.stable = self.stack.stable, None
            for name, old in (stable.physicals if stable is not None else {}).items():
                record = self.stack.resources.get(name)
                if record is not None and record.physical is not None and record.physical.id != old.id:
                    self.stack.left.append(Left(name, old, old.deletion_policy in ("Retain", "RetainExceptOnCreate")))
        undone = self._removal().remove_all(
            self.hold, retain=retain, forced=forced, creation=creation, retain_policies=policies
        )
        if self._stopped.is_set():
            return
        if undone:
            self.operation.tell("DELETE_FAILED", failed(deleted=undone))
            return
        with self.stack.lock:
            self.stack.deleted = self.operation.clock.datetime()
        self.operation.stacks.forget_name(self.stack)
        self.operation.tell("DELETE_COMPLETE")

    # -- inside ------------------------------------------------------------------------------------------

    def _new_halt(self) -> Halt:
        """For a new phase: what stopped the one before stops it no more, but for the end of the deployment."""
        self._halt = Halt(self._above)
        if self._stopped.is_set():
            self._halt.set()
        return self._halt

    def _removal(self) -> Removal:
        return Removal(self.operation, self._new_halt())

    def _bring(self, definition: Definition, *, keep_going: bool) -> Problem | None:
        try:
            bringing = Bringing(self.operation, definition, self._halt)
            with self.stack.lock:
                self.stack.imports |= imports_of(bringing.evaluation)
        except TemplateError as error:
            return Problem(message=error.message)

        def act(name: str, hold: Hold) -> bool:
            done = bringing.bring(name, hold)
            if not done and not keep_going:
                self._halt.set()
            return done

        work_through(self.operation.clock, bringing.graph, act, self.hold, lambda: not self._halt.is_set)
        if self._stopped.is_set():
            return Problem(message=USER_INITIATED)
        if self._cancelled:
            return Problem(message=self._cancelled)
        if bringing.failed_creations or bringing.failed_updates:
            return Problem(tuple(bringing.failed_creations), tuple(bringing.failed_updates))
        try:
            # An export is looked for and made in one go: two stacks may want the same.
            with self.operation.stacks.exporting:
                outputs = evaluated_outputs(bringing.evaluation, self.operation.stacks, self.stack)
                refuse_used(self.operation.stacks, self.stack, outputs)
                with self.stack.lock:
                    self.stack.outputs, self.stack.imports = outputs, imports_of(bringing.evaluation)
        except TemplateError as error:
            return Problem(message=error.message)
        return None

    def _sort_out(self, definition: Definition) -> None:
        """After an update: what is no longer wanted is left to the clean-up."""
        stable = self.stack.stable
        present = self.operation.evaluation(definition)
        with self.stack.lock:
            before = stable.physicals if stable is not None else {}
            for name, record in [*self.stack.resources.items()]:
                old, new = before.get(name), record.physical
                if not present.exists(name):
                    for one in {id(one): one for one in (old, new) if one is not None}.values():
                        if one is old or old is None or one.id != old.id:
                            kept = one.deletion_policy in ("Retain", "RetainExceptOnCreate")
                            self.stack.left.append(Left(name, one, kept))
                    del self.stack.resources[name]
                elif old is not None and new is not None and old.id != new.id:
                    self.stack.left.append(Left(name, old, new.replace_policy == "Retain"))

    def _back(self, bringing: Bringing, record: StackResource, target: Physical, hold: Hold, skipped: bool) -> bool:
        """Brings one resource back to what it was in the stable state."""
        current = record.physical
        touched = record.attempted is not None or (
            current is not None
            and current.id == target.id
            and (current.given != target.given or current.stack_tags != target.stack_tags)
        )
        if target.type == NESTED_STACK and not skipped and current is not None and current.id == target.id:
            return self.operation.engine.nested.back(self.operation, record, target, hold, self._halt, self._skipped)
        if touched and not skipped and current is not None and current.id == target.id:
            return bringing.back(record, target, hold)
        moved = current is None or current.id != target.id
        with self.stack.lock:
            if moved and current is not None:
                self.stack.left.append(Left(record.logical_id, current, retained=False))
            record.physical, record.attempted = target, None
            record.physical_id = target.id
        if moved or touched or skipped or record.status == "UPDATE_FAILED":
            self.operation.tell_of(record, "UPDATE_COMPLETE", shown=target.shown)
        return True
