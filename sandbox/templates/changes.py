"""A change set as data, and in the shape of DescribeChangeSet.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChangeDetail.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.templates.values import Unknown, text_of

Action = Literal["Add", "Modify", "Remove"]
Attribute = Literal[
    "Properties", "Metadata", "CreationPolicy", "UpdatePolicy", "DeletionPolicy", "UpdateReplacePolicy", "Tags"
]
ChangeType = Literal["Add", "Remove", "Modify"]
ChangeSource = Literal[
    "ResourceReference", "ParameterReference", "ResourceAttribute", "DirectModification", "Automatic"
]
Evaluated = Literal["Static", "Dynamic"]
PolicyAction = Literal["Delete", "Retain", "Snapshot", "ReplaceAndDelete", "ReplaceAndRetain", "ReplaceAndSnapshot"]
Recreation = Literal["Never", "Conditionally", "Always"]
Replacement = Literal["True", "False", "Conditional"]

#: What stands in a change set for a value that is known once the change set is executed.
KNOWN_LATER = "{{changeSet:KNOWN_AFTER_APPLY}}"


@dataclass(frozen=True, slots=True)
class Detail:
    """One cause of a change: what of the resource changes (`name` is a property), why, and how surely.

    `cause` is the parameter, the resource, or the resource with its attribute (`Table.Arn`) that the change comes from.
    Static: the value surely changes. Dynamic: whether it does, comes out when the change set is executed.
    """

    attribute: Attribute
    name: str | None
    recreation: Recreation
    evaluation: Evaluated
    source: ChangeSource
    cause: str | None = None
    change_type: ChangeType = "Modify"
    before: Any = None
    after: Any = None

    def described(self, values: bool = False) -> dict[str, Any]:
        """A ResourceChangeDetail; with `values` also the property's path and its values before and after."""
        target: dict[str, Any] = {"Attribute": self.attribute, "RequiresRecreation": self.recreation}
        if self.name is not None:
            target["Name"] = self.name
        if values:
            target["Path"] = f"/{self.attribute}" + (f"/{self.name}" if self.name is not None else "")
            target["AttributeChangeType"] = self.change_type
            if self.change_type != "Add":
                target["BeforeValue"] = _text(self.before)
            if self.change_type != "Remove":
                target["AfterValue"] = _text(self.after)
        described: dict[str, Any] = {
            "Target": target,
            "Evaluation": self.evaluation,
            "ChangeSource": self.source,
        }
        if self.cause is not None:
            described["CausingEntity"] = self.cause
        return described


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one resource. `before` and `after` are its attributes as a change set shows them."""

    action: Action
    logical_id: str
    type: str
    physical_id: str | None = None
    replacement: Replacement | None = None
    policy_action: PolicyAction | None = None
    details: tuple[Detail, ...] = ()
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None

    @property
    def scope(self) -> tuple[Attribute, ...]:
        """The attributes that change, each once, in the order of the details."""
        return tuple(dict.fromkeys(detail.attribute for detail in self.details))

    def described(self, values: bool = False) -> dict[str, Any]:
        """A Change of DescribeChangeSet; with `values` as IncludePropertyValues gives it."""
        change: dict[str, Any] = {
            "Action": self.action,
            "LogicalResourceId": self.logical_id,
            "ResourceType": self.type,
            "Scope": list(self.scope),
            "Details": [detail.described(values) for detail in self.details],
        }
        if self.physical_id is not None:
            change["PhysicalResourceId"] = self.physical_id
        if self.policy_action is not None:
            change["PolicyAction"] = self.policy_action
        if self.replacement is not None:
            change["Replacement"] = self.replacement
        if values and self.before is not None:
            change["BeforeContext"] = _json(self.before)
        if values and self.after is not None:
            change["AfterContext"] = _json(self.after)
        return {"Type": "Resource", "ResourceChange": change}


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes from one template to another, by logical id, and whether outputs change."""

    changes: tuple[Change, ...]
    outputs_changed: bool

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do: CloudFormation refuses such a change set, and such an update."""
        return not self.changes and not self.outputs_changed

    def of(self, logical_id: str) -> Change | None:
        """The change of that resource, if it changes."""
        return next((one for one in self.changes if one.logical_id == logical_id), None)


def shown(value: Any) -> Any:
    """A value as a change set shows it, with a place holder for what is not known yet."""
    if isinstance(value, Unknown):
        return KNOWN_LATER
    if isinstance(value, dict):
        return {key: shown(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shown(inner) for inner in value]
    return value


def _text(value: Any) -> str:
    plain = shown(value)
    text = text_of(plain)
    return text if text is not None else _json(plain)


def _json(value: Any) -> str:
    return json.dumps(shown(value), separators=(",", ":"), ensure_ascii=False)
