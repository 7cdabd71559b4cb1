"""A change set as it is kept, and in the shapes of the API."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.gateway.call import AwsError, Call
from sandbox.templates.changes import Plan
from sandbox.templates.stacks.requests import OnFailure, flag, page
from sandbox.templates.stacks.stack import Definition, StackRecord


@dataclass(slots=True)
class ChangeSet:
    """A change set. `definition` and `plan` are there if its creation succeeded; `reason` says why it did not."""

    name: str
    id: str
    stack: StackRecord
    created: datetime.datetime
    creates: bool
    capabilities: tuple[str, ...]
    token: str | None = None
    description: str | None = None
    role_arn: str | None = None
    on_failure: OnFailure | None = None
    nested: bool = False
    text: str = ""
    definition: Definition | None = None
    plan: Plan | None = None
    reason: str | None = None
    execution: str = "AVAILABLE"
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        return self.reason is not None

    def executed(self, *, succeeded: bool) -> None:
        """Notes how the execution ended."""
        self.execution = "EXECUTE_COMPLETE" if succeeded else "EXECUTE_FAILED"

    def summary(self) -> dict[str, Any]:
        """A ChangeSetSummary."""
        shape = {
            "StackId": self.stack.id,
            "StackName": self.stack.name,
            "ChangeSetId": self.id,
            "ChangeSetName": self.name,
            "ExecutionStatus": "UNAVAILABLE" if self.failed else self.execution,
            "Status": "FAILED" if self.failed else "CREATE_COMPLETE",
            "CreationTime": self.created,
            "IncludeNestedStacks": self.nested,
        }
        if self.reason is not None:
            shape["StatusReason"] = self.reason
        if self.description is not None:
            shape["Description"] = self.description
        return shape

    def shape(self, call: Call) -> dict[str, Any]:
        """The answer of DescribeChangeSet."""
        values = flag(call, "IncludePropertyValues")
        changes = list(self.plan.changes) if self.plan is not None and not self.failed else []
        found = page(call.params, changes, "Changes")
        shape = {
            **self.summary(),
            "Changes": [one.described(values) for one in found["Changes"]],
            "Capabilities": list(self.capabilities),
            "RollbackConfiguration": {},
            "NotificationARNs": [],
            "Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()],
        }
        if "NextToken" in found:
            shape["NextToken"] = found["NextToken"]
        if self.definition is not None:
            shape["Parameters"] = [one.shown() for one in self.definition.parameters.values()]
            shape["NotificationARNs"] = list(self.definition.notification_arns)
        if self.on_failure is not None:
            shape["OnStackFailure"] = self.on_failure
        return shape


def executable(change_set: ChangeSet) -> Definition:
    """What executing a change set makes of its stack. AwsError InvalidChangeSetStatus if it can't be executed."""
    if change_set.failed or change_set.definition is None:
        status = "status of [FAILED]"
    elif change_set.execution != "AVAILABLE":
        status = f"execution status of [{change_set.execution}]"
    else:
        return change_set.definition
    raise AwsError("InvalidChangeSetStatus", f"ChangeSet [{change_set.id}] cannot be executed in its current {status}")
