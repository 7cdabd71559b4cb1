"""What a resource is to be: its properties as they evaluate, and as its type gets them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from sandbox.templates.dynamic_references import resolve_references
from sandbox.templates.errors import TemplateError
from sandbox.templates.evaluation import Evaluation
from sandbox.templates.parameters import HIDDEN
from sandbox.templates.stacks.operation import Operation
from sandbox.templates.stacks.stack import Definition, Physical
from sandbox.templates.template import Resource
from sandbox.templates.types import registry, validation
from sandbox.templates.types.resource_type import ResourceType, Unsupported
from sandbox.templates.values import unknown


def wanted_of(
    evaluation: Evaluation,
    definition: Definition,
    resource: Resource,
    needs: frozenset[str],
    secret: frozenset[str],
) -> Physical:
    """What the resource is to be, by the values that are known now. TemplateError if they can't be had.

    `needs` are the resources that it needs; `secret` those of which what Fn::GetAtt gives is not shown.
    """
    properties: dict[str, Any] = {}
    shown: dict[str, Any] = {}
    for name, expression in resource.properties.items():
        value, touched = evaluation.traced(expression)
        if unknown(value) is not None:
            evaluation.whole(expression)
        if value is None:
            continue
        hidden = any(definition.parameters[one].no_echo for one in touched.parameters) or any(
            one in secret and attribute is not None for one, attribute in touched.resources
        )
        properties[name] = value
        shown[name] = HIDDEN if hidden else value
    return Physical(
        resource.type,
        "",
        properties,
        {},
        shown,
        definition.tags,
        needs,
        resource.deletion_policy,
        resource.replace_policy,
        evaluation.value(resource.metadata),
        evaluation.value(resource.update_policy),
    )


def given_to(operation: Operation, resource: Resource, wanted: Physical, entry: ResourceType) -> Mapping[str, Any]:
    """The properties as the type gets them: dynamic references read, of the types that the schema says.

    TemplateError for what can't be read or is against the schema, Unsupported for what the type refuses.
    """
    given = resolve_references(wanted.properties, lambda one: operation.reference(one, resource))
    for name in given:
        if name in entry.refused:
            raise unsupported_property(resource, name, entry.refused[name])
    if not entry.checked:
        return dict(given)
    coerced, violations = validation.check_properties(resource.type, given)
    if violations:
        raise TemplateError(validation.refusal(resource.name, violations))
    return coerced


def with_attributes_of_template(present: Physical, wanted: Physical) -> Physical:
    """The thing as it is, with what the template says about it and no service need know."""
    return dataclasses.replace(
        present,
        needs=wanted.needs,
        deletion_policy=wanted.deletion_policy,
        replace_policy=wanted.replace_policy,
        metadata=wanted.metadata,
        update_policy=wanted.update_policy,
        stack_tags=wanted.stack_tags,
    )


def refuse_second_name(present: Physical, wanted: Physical) -> None:
    """TemplateError if the new thing would have the name that the old one has still."""
    named = registry.find(wanted.type).named
    name = wanted.properties.get(named) if named is not None else None
    if name is not None and named is not None and name == present.properties.get(named):
        raise TemplateError(
            f"CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename {name} and "
            "update the stack again."
        )


def unsupported_property(resource: Resource, name: str, why: str) -> Unsupported:
    """The refusal of a property that a type's entry names as not supported."""
    return Unsupported(
        f"Property {name} of {resource.type} is not supported by this sandbox (resource {resource.name}): {why}"
    )
