"""A stack's outputs and exports, and what other stacks import of them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/outputs-section-structure.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-importvalue.html
"""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.templates.errors import TemplateError
from sandbox.templates.evaluation import Evaluation
from sandbox.templates.graph import expressions
from sandbox.templates.stacks.stack import StackOutput, StackRecord
from sandbox.templates.stacks.store import Stacks
from sandbox.templates.values import text_of

LONGEST_EXPORT_NAME = 255


def evaluated_outputs(evaluation: Evaluation, stacks: Stacks, stack: StackRecord) -> list[StackOutput]:
    """The outputs of a stack whose resources are all made. TemplateError for what CloudFormation refuses."""
    found: list[StackOutput] = []
    exported = stacks.exports(stack.account, stack.region)
    for name, output in evaluation.template.outputs.items():
        if output.condition is not None and not evaluation.condition(output.condition):
            continue
        value = text_of(evaluation.whole(output.value, "Outputs"))
        if value is None:
            raise TemplateError(
                f"Template format error: The Value field of every Outputs member must evaluate to a String: {name}"
            )
        export = None
        if output.export is not None:
            export = text_of(evaluation.whole(output.export, "Outputs"))
            if not export or len(export) > LONGEST_EXPORT_NAME:
                raise TemplateError(
                    f"Template format error: Output {name} is malformed. The Name field of every Export member must "
                    f"be specified and consist of 1 to {LONGEST_EXPORT_NAME} characters."
                )
            other = exported.get(export)
            if other is not None and other[1] is not stack:
                raise TemplateError(f"Export with name {export} is already exported by stack {other[1].name}")
            if any(one.export == export for one in found):
                raise TemplateError(f"Duplicate export names found: [{export}]")
        found.append(StackOutput(name, value, output.description, export))
    return found


def imports_of(evaluation: Evaluation) -> frozenset[str]:
    """The exports that a stack's expressions take their values from."""
    template = evaluation.template
    names: frozenset[str] = frozenset()
    for name, resource in template.resources.items():
        if evaluation.exists(name):
            names |= evaluation.traced(expressions(resource))[1].exports
    for output in template.outputs.values():
        if output.condition is None or evaluation.condition(output.condition):
            names |= evaluation.traced([output.value, output.export], "Outputs")[1].exports
    return names


def refuse_used(stacks: Stacks, stack: StackRecord, outputs: Iterable[StackOutput] = ()) -> None:
    """TemplateError if an export would be gone, or have another value, that another stack imports."""
    after = {one.export: one.value for one in outputs if one.export is not None}
    for name, value in stack.exports.items():
        if after.get(name) == value:
            continue
        using = [one.name for one in stacks.importers(stack.account, stack.region, name) if one is not stack]
        if using:
            done = "updated" if name in after else "deleted"
            raise TemplateError(f"Export {name} cannot be {done} as it is in use by {' and '.join(using)}")
