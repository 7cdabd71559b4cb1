"""What CloudFormation refuses in a template before it knows any value: names that name nothing, functions out of place.

It looks into both branches of Fn::If: a name must be somewhere in the template, whatever the conditions are.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ValidateTemplate.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sandbox.templates.document import walk
from sandbox.templates.errors import TemplateError
from sandbox.templates.graph import expressions
from sandbox.templates.references import (
    CONDITION_FUNCTIONS,
    PSEUDO_PARAMETERS,
    RULE_FUNCTIONS,
    VALUE_FUNCTIONS,
    Reference,
    function_of,
    no_mapping,
    references,
    refuse_function,
    undefined_attribute,
    unresolved,
)
from sandbox.templates.template import Resource, Template


def check(template: Template) -> None:
    """TemplateError for the first thing in a template that can't be, in the order in which its sections stand."""
    _check_conditions(template)
    for resource in template.resources.values():
        _check_functions(expressions(resource), VALUE_FUNCTIONS)
        _check_condition(template, resource.condition, "Resources")
    _check_names(template, "Resources", _of_resources(template.resources.values()))
    for output in template.outputs.values():
        _check_functions([output.value, output.export], VALUE_FUNCTIONS)
        _check_condition(template, output.condition, "Outputs")
    named = (one for output in template.outputs.values() for one in references([output.value, output.export]))
    _check_names(template, "Outputs", named)


def _of_resources(resources: Iterable[Resource]) -> Iterator[Reference]:
    for resource in resources:
        yield from references(expressions(resource))
        yield from (Reference("DependsOn", name) for name in resource.depends_on)


def _check_names(template: Template, section: str, named: Iterable[Reference]) -> None:
    missing = []
    for one in named:
        if one.function == "Fn::FindInMap":
            if one.name not in template.mappings:
                raise no_mapping(one.name)
        elif one.function in ("Fn::If", "Condition"):
            if one.name not in template.conditions:
                raise TemplateError(f"Template error: unresolved condition dependency {one.name} in Fn::If")
        elif one.attribute is not None:
            if one.name not in template.resources:
                raise undefined_attribute(one.function, one.name, one.attribute)
        elif one.name not in template.resources and (
            one.function == "DependsOn" or not _is_parameter(template, one.name)
        ):
            missing.append(one.name)
    if missing:
        raise unresolved(missing, section)


def _is_parameter(template: Template, name: str) -> bool:
    return name in template.parameters or name in PSEUDO_PARAMETERS


def _check_conditions(template: Template) -> None:
    """Conditions know parameters, mappings and other conditions, and no resource."""
    needed: dict[str, set[str]] = {}
    for name, expression in template.conditions.items():
        _check_functions(expression, VALUE_FUNCTIONS | CONDITION_FUNCTIONS)
        foreign: list[str] = []
        needed[name] = set()
        for one in references(expression, in_conditions=True):
            if one.function in ("Fn::If", "Condition"):
                _check_condition(template, one.name, "Conditions")
                needed[name].add(one.name)
            elif one.function == "Fn::FindInMap":
                if one.name not in template.mappings:
                    raise no_mapping(one.name)
            elif one.attribute is not None or not _is_parameter(template, one.name):
                foreign.append(one.name)
        if foreign:
            listed = ", ".join(dict.fromkeys(foreign))
            raise TemplateError(
                f"Template format error: Unresolved dependencies [{listed}]. Cannot reference resources in the "
                "Conditions block of the template"
            )
    decided: set[str] = set()
    while ready := [name for name in needed if name not in decided and needed[name] <= decided]:
        decided.update(ready)
    circular = [name for name in needed if name not in decided]
    if circular:
        raise TemplateError(f"Template error: Found circular condition dependency: {', '.join(circular)}")
    for rule in template.rules.values():
        _check_functions(
            [rule.condition, *(one.condition for one in rule.assertions)],
            VALUE_FUNCTIONS | CONDITION_FUNCTIONS | RULE_FUNCTIONS,
        )


def _check_condition(template: Template, name: str | None, section: str) -> None:
    if name is not None and name not in template.conditions:
        raise TemplateError(
            f"Template format error: Unresolved condition dependency {name} in the {section} block of the template"
        )


def _check_functions(value: Any, known: frozenset[str]) -> None:
    for _, inner in walk(value):
        called = function_of(inner)
        if called is not None and (called[0] not in known or called[0] == "Fn::Transform"):
            raise refuse_function(called[0])
