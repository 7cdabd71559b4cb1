"""From a template's text and its parameters to a definition that can be deployed, or CloudFormation's refusal.

Everything that can be told before anything is made is told here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sandbox.templates import serverless
from sandbox.templates.checks import check
from sandbox.templates.document import Document, read
from sandbox.templates.errors import TemplateError, Unsupported
from sandbox.templates.evaluation import Evaluation
from sandbox.templates.graph import check_cycles, dependencies, expressions
from sandbox.templates.parameters import Given, Parameter, ParameterValue, declaration, resolve
from sandbox.templates.references import references
from sandbox.templates.rules import check_rules
from sandbox.templates.stacks import capabilities
from sandbox.templates.stacks.operation import Operation
from sandbox.templates.stacks.stack import Definition
from sandbox.templates.template import SERVERLESS, Resource, Template, refuse_macros, transforms
from sandbox.templates.types import alias_updates, registry, schemas


def parameters_of(document: Document) -> dict[str, Parameter]:
    """The parameters that a document declares, before its transforms."""
    declared = document.get("Parameters", {})
    if not isinstance(declared, dict):
        raise TemplateError("Template format error: every Parameters member must be a map.")
    return {name: declaration(name, one) for name, one in declared.items()}


def check_parameters(
    operation: Operation, document: Document, given: Iterable[Given], previous: Mapping[str, str] | None
) -> dict[str, ParameterValue]:
    """The values of a document's parameters, before its transforms. TemplateError for those that can't be."""
    return resolve(
        parameters_of(document), given, previous, stored_value=operation.stored_value, existing=operation.existing
    )


def prepare(
    operation: Operation,
    text: str,
    given: Iterable[Given],
    *,
    previous: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
    acknowledged: Sequence[str] = (),
    notification_arns: Sequence[str] = (),
    expands: bool = True,
) -> Definition:
    """The definition that a template's text and the parameters given are. TemplateError, AwsError if they are none.

    `previous` are the texts of the stack's parameters, None when it is created. With `expands` false the caller must
    have acknowledged a transform.
    """
    document = read(text)
    refuse_macros(document)
    names = transforms(document)
    if names and not expands and capabilities.EXPAND not in acknowledged:
        raise capabilities.insufficient([capabilities.EXPAND])
    if "Resources" not in document or not document["Resources"]:
        raise TemplateError("Template format error: At least one Resources member must be defined.")
    values = check_parameters(operation, document, given, previous)
    if SERVERLESS in names:
        document = expanded(operation, document, values)
    template = Template.of(document)
    if SERVERLESS in names:
        # What SAM adds are no parameters of the caller's.
        values = resolve(
            template.parameters,
            [Given(name, one.text) for name, one in values.items() if name in template.parameters],
            stored_value=lambda name: next((one.resolved for one in values.values() if one.text == name), None),
        )
    check_template(template)
    capabilities.check(template, acknowledged)
    definition = Definition(
        text, template, values, dict(tags or {}), tuple(acknowledged), tuple(notification_arns), names
    )
    evaluation = operation.evaluation(definition)
    for name in template.conditions:
        evaluation.condition(name)
    check_rules(evaluation)
    check_cycles(dependencies(template, evaluation.condition))
    check_values(evaluation)
    return definition


def expanded(operation: Operation, document: Document, values: Mapping[str, ParameterValue]) -> Document:
    """A document of serverless resources as CloudFormation processes it."""
    return serverless.expand(
        document,
        {name: one.value for name, one in values.items()},
        region=operation.stack.region,
        managed_policies=operation.managed_policies,
    )


def check_template(template: Template) -> None:
    """TemplateError for what is wrong with a template whatever its parameters are."""
    check(template)
    registry.check_known(one.type for one in template.resources.values())
    if not template.conditions:
        check_cycles(dependencies(template))
    for resource in template.resources.values():
        for what, policy in _policies(resource):
            if policy == "Snapshot" and registry.supported(resource.type) and not registry.find(resource.type).snapshot:
                raise TemplateError(
                    f"Template error: resource type {resource.type} does not support {what} policy Snapshot"
                )
    for one in _attributes(template):
        kind = template.resources[one.name].type
        if one.attribute and registry.supported(kind) and registry.find(kind).checked:
            refused = schemas.refused_attribute(kind, one.attribute)
            if refused is not None:
                raise TemplateError(f"Template error: {refused}" if not refused.startswith("Requested") else refused)


def check_values(evaluation: Evaluation) -> None:
    """TemplateError for what is wrong with the values that are known before anything is made."""
    present = {name: one for name, one in evaluation.template.resources.items() if evaluation.exists(name)}
    # What a condition leaves out need not be built.
    registry.check(one.type for one in present.values())
    for name, resource in present.items():
        check_supported(resource, evaluation.value(resource.update_policy))
        refused = registry.find(resource.type).refused
        evaluation.value(resource.metadata)
        for key, expression in resource.properties.items():
            value = evaluation.value(expression)
            if value is not None and key in refused:
                raise Unsupported(
                    f"Property {key} of {resource.type} is not supported by this sandbox (resource {name}): "
                    f"{refused[key]}"
                )
    for output in evaluation.template.outputs.values():
        if output.condition is None or evaluation.condition(output.condition):
            evaluation.value([output.value, output.export], "Outputs")


def check_supported(resource: Resource, update_policy: Any) -> None:
    """Unsupported for attributes of a resource that the sandbox does not act on. `update_policy` is evaluated."""
    if resource.creation_policy is not None:
        raise Unsupported(f"CreationPolicy is not supported by this sandbox: resource {resource.name}")
    if update_policy is not None:
        check_update_policy(resource, update_policy)
    if any(policy == "Snapshot" for _, policy in _policies(resource)):
        raise Unsupported(f"Snapshots are not supported by this sandbox: resource {resource.name}")


def check_update_policy(resource: Resource, policy: Any) -> None:
    """Unsupported for another policy than that of a Lambda alias, TemplateError for one that is written wrong.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html
    """
    if not isinstance(policy, dict):
        raise TemplateError(f"Template format error: UpdatePolicy of resource {resource.name} must be a map.")
    others = [name for name in policy if name != alias_updates.POLICY or resource.type != alias_updates.ALIAS]
    if others:
        named = ", ".join(others)
        raise Unsupported(f"UpdatePolicy {named} is not supported by this sandbox: resource {resource.name}")
    alias_updates.check(policy)


def _policies(resource: Resource) -> Iterable[tuple[str, str | None]]:
    return ("deletion", resource.deletion_policy), ("update replace", resource.replace_policy)


def _attributes(template: Template) -> Iterable[Any]:
    parts = [expressions(resource) for resource in template.resources.values()]
    parts.extend([output.value, output.export] for output in template.outputs.values())
    return (one for one in references(parts) if one.attribute is not None and one.name in template.resources)
