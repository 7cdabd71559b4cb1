"""The states of stacks and resources: what may follow what, and which call is refused in which state.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html
The states of resource import are not here: resource import is not supported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from sandbox.templates.errors import AlreadyExists, TemplateError

StackStatus = Literal[
    "REVIEW_IN_PROGRESS",
    "CREATE_IN_PROGRESS",
    "CREATE_FAILED",
    "CREATE_COMPLETE",
    "ROLLBACK_IN_PROGRESS",
    "ROLLBACK_FAILED",
    "ROLLBACK_COMPLETE",
    "UPDATE_IN_PROGRESS",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    "UPDATE_COMPLETE",
    "UPDATE_FAILED",
    "UPDATE_ROLLBACK_IN_PROGRESS",
    "UPDATE_ROLLBACK_FAILED",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    "UPDATE_ROLLBACK_COMPLETE",
    "DELETE_IN_PROGRESS",
    "DELETE_FAILED",
    "DELETE_COMPLETE",
]
ResourceStatus = Literal[
    "CREATE_IN_PROGRESS",
    "CREATE_FAILED",
    "CREATE_COMPLETE",
    "UPDATE_IN_PROGRESS",
    "UPDATE_FAILED",
    "UPDATE_COMPLETE",
    "DELETE_IN_PROGRESS",
    "DELETE_FAILED",
    "DELETE_COMPLETE",
    "DELETE_SKIPPED",
]
Operation = Literal["create", "update", "delete", "continue-rollback", "rollback", "cancel-update"]

#: What may come after a status of a stack; after None (there is no stack) it begins.
NEXT: Mapping[StackStatus | None, frozenset[StackStatus]] = {
    None: frozenset({"REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS"}),
    "REVIEW_IN_PROGRESS": frozenset({"CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS"}),
    "CREATE_IN_PROGRESS": frozenset({"CREATE_COMPLETE", "CREATE_FAILED", "ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS"}),
    "CREATE_FAILED": frozenset({"UPDATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS"}),
    "CREATE_COMPLETE": frozenset({"UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"}),
    "ROLLBACK_IN_PROGRESS": frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_IN_PROGRESS"}),
    "ROLLBACK_FAILED": frozenset({"DELETE_IN_PROGRESS"}),
    "ROLLBACK_COMPLETE": frozenset({"DELETE_IN_PROGRESS"}),
    "UPDATE_IN_PROGRESS": frozenset(
        {"UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_FAILED", "UPDATE_ROLLBACK_IN_PROGRESS"}
    ),
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": frozenset({"UPDATE_COMPLETE"}),
    "UPDATE_COMPLETE": frozenset({"UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"}),
    "UPDATE_FAILED": frozenset({"UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS"}),
    "UPDATE_ROLLBACK_IN_PROGRESS": frozenset(
        {"UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"}
    ),
    "UPDATE_ROLLBACK_FAILED": frozenset({"UPDATE_ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS"}),
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": frozenset({"UPDATE_ROLLBACK_COMPLETE"}),
    "UPDATE_ROLLBACK_COMPLETE": frozenset({"UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"}),
    "DELETE_IN_PROGRESS": frozenset({"DELETE_COMPLETE", "DELETE_FAILED"}),
    "DELETE_FAILED": frozenset({"DELETE_IN_PROGRESS"}),
    "DELETE_COMPLETE": frozenset(),
}

#: What may come after a status of a resource. CREATE_IN_PROGRESS and UPDATE_IN_PROGRESS come twice: when CloudFormation
#: takes the resource up, and when its physical id is known. A resource whose update failed is brought back by the
#: rollback, which may have nothing to do (UPDATE_COMPLETE).
NEXT_OF_RESOURCE: Mapping[ResourceStatus | None, frozenset[ResourceStatus]] = {
    None: frozenset({"CREATE_IN_PROGRESS"}),
    "CREATE_IN_PROGRESS": frozenset({"CREATE_IN_PROGRESS", "CREATE_COMPLETE", "CREATE_FAILED"}),
    "CREATE_FAILED": frozenset({"CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "DELETE_COMPLETE", "DELETE_SKIPPED"}),
    "CREATE_COMPLETE": frozenset({"UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "DELETE_SKIPPED"}),
    "UPDATE_IN_PROGRESS": frozenset({"UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_FAILED"}),
    "UPDATE_FAILED": frozenset({"UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "DELETE_IN_PROGRESS", "DELETE_SKIPPED"}),
    "UPDATE_COMPLETE": frozenset({"UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "DELETE_SKIPPED"}),
    "DELETE_IN_PROGRESS": frozenset({"DELETE_COMPLETE", "DELETE_FAILED"}),
    "DELETE_FAILED": frozenset({"DELETE_IN_PROGRESS", "DELETE_SKIPPED"}),
    "DELETE_COMPLETE": frozenset(),
    "DELETE_SKIPPED": frozenset(),
}

_UPDATABLE: frozenset[StackStatus] = frozenset(
    status for status, following in NEXT.items() if status is not None and "UPDATE_IN_PROGRESS" in following
)
_DELETABLE: frozenset[StackStatus] = frozenset(
    status for status, following in NEXT.items() if status is not None and "DELETE_IN_PROGRESS" in following
) | {"DELETE_IN_PROGRESS"}


def in_progress(status: StackStatus) -> bool:
    """Whether CloudFormation is at work on the stack. A stack in review waits for its change set."""
    return status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"


def may_follow(status: StackStatus | None, following: StackStatus) -> bool:
    """Whether a stack in the one status may get the other."""
    return following in NEXT[status]


def resource_may_follow(status: ResourceStatus | None, following: ResourceStatus) -> bool:
    """Whether a resource in the one status may get the other."""
    return following in NEXT_OF_RESOURCE[status]


def stranded(status: StackStatus) -> StackStatus | None:
    """The status of a stack whose work broke off and goes on no more; None if none was under way."""
    return _STRANDED.get(status)


_STRANDED: Mapping[StackStatus, StackStatus] = {
    "CREATE_IN_PROGRESS": "CREATE_FAILED",
    "ROLLBACK_IN_PROGRESS": "ROLLBACK_FAILED",
    "UPDATE_IN_PROGRESS": "UPDATE_FAILED",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_IN_PROGRESS": "UPDATE_ROLLBACK_FAILED",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE",
    "DELETE_IN_PROGRESS": "DELETE_FAILED",
}


def refusal(
    operation: Operation, status: StackStatus | None, name: str, identifier: str = "", *, protected: bool = False
) -> TemplateError | None:
    """Why an operation on a stack is refused in its status (None: there is no such stack); None if it is not.

    `identifier` is the stack's ARN. `protected` is its termination protection. A change set of type UPDATE is an
    update, one of type CREATE on a stack in review is a creation.
    """
    if operation == "create":
        return (
            None
            if status in (None, "REVIEW_IN_PROGRESS", "DELETE_COMPLETE")
            else AlreadyExists(f"Stack [{name}] already exists")
        )
    if status in (None, "DELETE_COMPLETE"):
        return None if operation == "delete" else TemplateError(f"Stack [{name}] does not exist")
    assert status is not None
    if operation == "delete":
        if protected:
            return TemplateError(f"Stack [{name}] cannot be deleted while TerminationProtection is enabled")
        return (
            None
            if status in _DELETABLE
            else TemplateError(f"Stack [{identifier}] cannot be deleted while in status {status}")
        )
    if operation == "update" and status not in _UPDATABLE:
        return TemplateError(f"Stack:{identifier} is in {status} state and can not be updated.")
    if operation == "continue-rollback" and status != "UPDATE_ROLLBACK_FAILED":
        return TemplateError(f"Stack:{identifier} is in {status} state and can not continue rollback.")
    if operation == "rollback" and status not in ("CREATE_FAILED", "UPDATE_FAILED"):
        return TemplateError(f"Stack:{identifier} is in {status} state and can not be rolled back.")
    if operation == "cancel-update" and status != "UPDATE_IN_PROGRESS":
        return TemplateError("CancelUpdateStack cannot be called from current stack status")
    return None
