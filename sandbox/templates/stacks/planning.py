"""What a new definition would change in a stack as it is."""

from __future__ import annotations

from sandbox.templates.changes import Plan
from sandbox.templates.plan import plan_changes
from sandbox.templates.stacks.operation import Operation
from sandbox.templates.stacks.stack import Definition
from sandbox.templates.types import registry


def plan_update(operation: Operation, definition: Definition) -> Plan:
    """The changes from the operation's stack to a definition. TemplateError if it can't be changed to that."""
    stack = operation.stack
    present = stack.physicals
    after = operation.evaluation(definition)
    if stack.definition is None or not stack.resources:
        return plan_changes(None, after, registry.rules, tags_after=definition.tags)
    # What an earlier attempt left of a resource that is in no template any more is no change of this one.
    made = {name: one.made for name, one in present.items() if name in stack.definition.template.resources}
    return plan_changes(
        operation.evaluation(stack.definition, made),
        after,
        registry.rules,
        tags_before=stack.definition.tags,
        tags_after=definition.tags,
    )


def changes_nothing(operation: Operation, definition: Definition, plan: Plan) -> bool:
    """Whether an update to a definition would have nothing to do: then it is refused.

    A stack that was left as it failed always has something: the failed resources are tried again.
    """
    before = operation.stack.definition
    return (
        plan.empty
        and before is not None
        and (before.tags, before.notification_arns) == (definition.tags, definition.notification_arns)
        and not operation.stack.status.endswith("_FAILED")
    )
