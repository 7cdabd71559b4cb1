"""The operations that tell of stacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.gateway.call import Call
from sandbox.templates.stacks import shapes
from sandbox.templates.stacks.engine import Engine
from sandbox.templates.stacks.requests import given_name, invalid, is_waiter, page
from sandbox.templates.stacks.stack import StackRecord, StackResource
from sandbox.templates.states import StackStatus

#: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
ACCOUNT_LIMITS = {"StackLimit": 2000, "StackOutputsLimit": 200, "ConcurrentResourcesLimit": 2500}

#: For so long, in wall seconds, a waiter is told nothing of a stack on which work is under way: the waiters of `sam`
#: and `aws` would sleep up to 30 s before they ask again. No client gives up on an answer sooner than after 60 s.
WAITED_SECONDS = 20.0

Answer = Mapping[str, Any]


class Reads:
    """Operations that change nothing. `operations` are by name."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.operations: Mapping[str, Callable[[Call], Answer]] = {
            "DescribeAccountLimits": self._describe_account_limits,
            "DescribeStackEvents": self._describe_stack_events,
            "DescribeStackResource": self._describe_stack_resource,
            "DescribeStackResources": self._describe_stack_resources,
            "DescribeStacks": self._describe_stacks,
            "GetStackPolicy": self._get_stack_policy,
            "ListExports": self._list_exports,
            "ListImports": self._list_imports,
            "ListStackResources": self._list_stack_resources,
            "ListStacks": self._list_stacks,
        }

    def find(self, call: Call, missing: Callable[[str], str]) -> StackRecord:
        """The stack that a call names; AwsError ValidationError with the words of `missing` if there is none."""
        given = given_name(call)
        stack = self._engine.stacks.find(call.account, call.region, given)
        if stack is None:
            raise invalid(missing(given))
        return stack

    def _describe_stacks(self, call: Call) -> Answer:
        if call.params.get("StackName"):
            stack = self.find(call, with_id)
            running = self._engine.running(stack)
            if running is not None and is_waiter(call):
                running.done.wait(WAITED_SECONDS)
                # Deleted by now, a name is nobody's.
                stack = self.find(call, with_id)
            return {"Stacks": [shapes.stack_shape(stack)]}
        living = self._engine.stacks.living(call.account, call.region)
        found = page(call.params, living, "Stacks")
        return {**found, "Stacks": [shapes.stack_shape(one) for one in found["Stacks"]]}

    def _list_stacks(self, call: Call) -> Answer:
        wanted = call.params.get("StackStatusFilter") or []
        known = StackStatus.__args__  # type: ignore[attr-defined]
        for one in wanted:
            if one not in known and not str(one).startswith("IMPORT_"):
                raise invalid(
                    f"1 validation error detected: Value '[{', '.join(wanted)}]' at 'stackStatusFilter' failed to "
                    "satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: "
                    f"[{', '.join(known)}]]"
                )
        stacks = self._engine.stacks.all(call.account, call.region)
        found = page(call.params, [one for one in stacks if not wanted or one.status in wanted], "StackSummaries")
        return {**found, "StackSummaries": [shapes.summary(one) for one in found["StackSummaries"]]}

    def _describe_stack_events(self, call: Call) -> Answer:
        stack = self.find(call, bracketed)
        with stack.lock:
            events = stack.events[::-1]
        found = page(call.params, events, "StackEvents")
        return {**found, "StackEvents": [one.described() for one in found["StackEvents"]]}

    def _list_stack_resources(self, call: Call) -> Answer:
        stack = self.find(call, with_id)
        found = page(call.params, _resources(stack), "StackResourceSummaries")
        return {
            **found,
            "StackResourceSummaries": [shapes.resource_summary(one) for one in found["StackResourceSummaries"]],
        }

    def _describe_stack_resource(self, call: Call) -> Answer:
        stack = self.find(call, quoted)
        name = given_name(call, "LogicalResourceId")
        resource = stack.resources.get(name)
        if resource is None:
            raise invalid(f"Resource {name} does not exist for stack {stack.name}")
        return {"StackResourceDetail": shapes.resource_detail(stack, resource)}

    def _describe_stack_resources(self, call: Call) -> Answer:
        name, physical_id = call.params.get("LogicalResourceId"), call.params.get("PhysicalResourceId")
        if physical_id and call.params.get("StackName"):
            raise invalid("The parameters StackName and PhysicalResourceId can't be given both")
        if physical_id:
            living = self._engine.stacks.living(call.account, call.region)
            stack = next((one for one in living if _has(one, physical_id)), None)
            if stack is None:
                raise invalid(f"Stack for {physical_id} does not exist")
        else:
            stack = self.find(call, with_id)
        found = [one for one in _resources(stack) if name in (None, "", one.logical_id)]
        if name and not found:
            raise invalid(f"Resource {name} does not exist for stack {stack.name}")
        return {"StackResources": [shapes.resource_shape(stack, one) for one in found[:100]]}

    def _list_exports(self, call: Call) -> Answer:
        exports = self._engine.stacks.exports(call.account, call.region)
        shown = [
            {"ExportingStackId": stack.id, "Name": name, "Value": value}
            for name, (value, stack) in sorted(exports.items())
        ]
        return page(call.params, shown, "Exports")

    def _list_imports(self, call: Call) -> Answer:
        name = given_name(call, "ExportName")
        if name not in self._engine.stacks.exports(call.account, call.region):
            raise invalid(f"Export '{name}' does not exist.")
        using = self._engine.stacks.importers(call.account, call.region, name)
        if not using:
            raise invalid(f"Export '{name}' is not imported by any stack.")
        return page(call.params, [one.name for one in using], "Imports")

    def _describe_account_limits(self, call: Call) -> Answer:
        return {"AccountLimits": [{"Name": name, "Value": value} for name, value in ACCOUNT_LIMITS.items()]}

    def _get_stack_policy(self, call: Call) -> Answer:
        self.find(call, with_id)
        return {}


def with_id(given: str) -> str:
    """The words of most operations for a stack that is not there."""
    return f"Stack with id {given} does not exist"


def bracketed(given: str) -> str:
    """The words of some operations for it."""
    return f"Stack [{given}] does not exist"


def quoted(given: str) -> str:
    """The words of DescribeStackResource for it."""
    return f"Stack '{given}' does not exist"


def _resources(stack: StackRecord) -> list[StackResource]:
    with stack.lock:
        return [stack.resources[name] for name in sorted(stack.resources)]


def _has(stack: StackRecord, physical_id: str) -> bool:
    with stack.lock:
        return any(one.physical_id == physical_id for one in stack.resources.values())
