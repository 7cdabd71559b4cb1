"""CloudFormation: stacks in stacks, and custom resources. The engine does the work itself.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_CloudFormation.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol, cast

from sandbox.templates.replacement import TypeRules
from sandbox.templates.types.resource_type import ResourceType, Work


class Engine(Protocol):
    """What the engine lends to these types besides what it lends to all."""

    def create_stack(self, work: Work) -> str: ...

    def update_stack(self, work: Work) -> None: ...

    def delete_stack(self, work: Work) -> None: ...

    def stack_outputs(self, work: Work) -> Mapping[str, str]: ...

    def ask(self, work: Work, request: Literal["Create", "Update", "Delete"]) -> None: ...


def _engine(work: Work) -> Engine:
    return cast(Engine, work.acting)


def _outputs(work: Work) -> Mapping[str, Any]:
    return {f"Outputs.{name}": value for name, value in _engine(work).stack_outputs(work).items()}


STACK = ResourceType(
    "AWS::CloudFormation::Stack",
    create=lambda work: _engine(work).create_stack(work),
    update=lambda work: _engine(work).update_stack(work),
    delete=lambda work: _engine(work).delete_stack(work),
    attributes=_outputs,
)


def _create_custom(work: Work) -> str:
    _engine(work).ask(work, "Create")
    return work.physical_id


CUSTOM_RESOURCE = ResourceType(
    "AWS::CloudFormation::CustomResource",
    create=_create_custom,
    update=lambda work: _engine(work).ask(work, "Update"),
    delete=lambda work: _engine(work).ask(work, "Delete"),
    attributes=lambda work: work.found,
    # Another ServiceToken is refused, and not a replacement as the schema says.
    rules=TypeRules(tags=None),
)

TYPES = (CUSTOM_RESOURCE, STACK)
