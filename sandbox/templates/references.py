"""What an expression of a template names: parameters, resources and their attributes, conditions, mappings.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.templates.errors import TemplateError, Unsupported

#: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html
PSEUDO_PARAMETERS = frozenset(
    f"AWS::{name}"
    for name in (
        *("AccountId", "NoValue", "NotificationARNs", "Partition", "Region", "StackId", "StackName", "URLSuffix"),
    )
)
#: The functions that make values, those of conditions, and those of rules only.
VALUE_FUNCTIONS = frozenset(
    f"Fn::{name}"
    for name in (
        *("Base64", "Cidr", "FindInMap", "GetAZs", "GetAtt", "If", "ImportValue", "Join", "Select", "Split", "Sub"),
        "Transform",
    )
) | {"Ref"}
CONDITION_FUNCTIONS = frozenset({"Fn::And", "Fn::Equals", "Fn::Not", "Fn::Or", "Condition"})
RULE_FUNCTIONS = frozenset(
    {"Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn", "Fn::RefAll", "Fn::ValueOf", "Fn::ValueOfAll"}
)
#: Those that exist with the transform AWS::LanguageExtensions only.
EXTENSION_FUNCTIONS = frozenset({"Fn::ForEach", "Fn::Length", "Fn::ToJsonString"})

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_VARIABLE_NAME = re.compile(r"[A-Za-z0-9_.:]+")

Naming = Literal["Ref", "Fn::GetAtt", "Fn::Sub", "Fn::If", "Condition", "Fn::FindInMap", "DependsOn"]


@dataclass(frozen=True, slots=True)
class Reference:
    """A function, or DependsOn, that names something. `attribute` is set if it names an attribute of a resource."""

    function: Naming
    name: str
    attribute: str | None = None


def function_of(value: Any) -> tuple[str, Any] | None:
    """The name and the argument of the function that a value is; None if it is none.

    Condition is a function in conditions only; elsewhere (in a policy statement) it is a key as any other.
    """
    if not isinstance(value, dict) or len(value) != 1:
        return None
    [(name, argument)] = value.items()
    return (name, argument) if name == "Ref" or name.startswith("Fn::") else None


def refuse_function(name: str) -> TemplateError:
    """The refusal of a function that is none, or not in this place."""
    if name.startswith("Fn::ForEach") or name in EXTENSION_FUNCTIONS:
        return Unsupported(
            f"{name} is a function of the transform AWS::LanguageExtensions, which is not supported by this sandbox"
        )
    if name == "Fn::Transform":
        return Unsupported("Macros are not supported by this sandbox: Fn::Transform")
    if name == "Fn::GetStackOutput":
        return Unsupported("Fn::GetStackOutput is not supported by this sandbox")
    if name in CONDITION_FUNCTIONS:
        return TemplateError(f"Template error: {name} cannot be partially collapsed")
    known = sorted(VALUE_FUNCTIONS | CONDITION_FUNCTIONS | RULE_FUNCTIONS)
    return TemplateError(
        f"Template Error: Encountered unsupported function: {name} Supported functions are: [{', '.join(known)}]"
    )


def unresolved(names: Iterable[str], section: str) -> TemplateError:
    """The refusal of names that are no parameter and no resource that exists."""
    listed = ", ".join(dict.fromkeys(names))
    return TemplateError(
        f"Template format error: Unresolved resource dependencies [{listed}] in the {section} block of the template"
    )


def undefined_attribute(function: Naming, name: str, attribute: str) -> TemplateError:
    """The refusal of an attribute of a resource that is not in the template."""
    if function == "Fn::Sub":
        return TemplateError(
            f"Template error: instance of Fn::Sub references invalid resource attribute {name}.{attribute}"
        )
    return TemplateError(f"Template error: instance of Fn::GetAtt references undefined resource {name}")


def no_mapping(name: str) -> TemplateError:
    """The refusal of a mapping that is not in the template."""
    return TemplateError(
        f"Template error: Mapping named '{name}' is not present in the 'Mappings' section of template."
    )


def attribute_name(argument: Any) -> tuple[str, Any]:
    """The resource and the attribute that an argument of Fn::GetAtt names; the attribute may be a function."""
    if isinstance(argument, str):
        resource, _, attribute = argument.partition(".")
        if not resource or not attribute:
            raise TemplateError(
                "Template error: if specifying one argument to Fn::GetAtt, that argument must be a non-empty string in "
                "format <LogicalId>.<Attribute>"
            )
        return resource, attribute
    if isinstance(argument, list) and len(argument) > 2 and all(isinstance(one, str) for one in argument):
        argument = [argument[0], ".".join(argument[1:])]
    usable = isinstance(argument, list) and len(argument) == 2 and isinstance(argument[0], str) and all(argument)
    if not usable or not (isinstance(argument[1], str) or function_of(argument[1])):
        raise TemplateError(
            "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the "
            "resource attribute"
        )
    return argument[0], argument[1]


def substitution(argument: Any) -> tuple[str, dict[str, Any]]:
    """The text and the own variables that an argument of Fn::Sub consists of."""
    if isinstance(argument, str):
        return argument, {}
    if (
        isinstance(argument, list)
        and len(argument) == 2
        and isinstance(argument[0], str)
        and isinstance(argument[1], dict)
        and function_of(argument[1]) is None
    ):
        return argument[0], argument[1]
    raise TemplateError(
        "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as "
        "first argument, and an optional second argument to specify a mapping of values to replace in the string"
    )


def pieces(text: str) -> Iterator[tuple[str, str | None]]:
    """A text of Fn::Sub, cut: a piece of text with None, or an empty one with the name of the variable there.

    `${!Name}` is the text `${Name}`.
    """
    end = 0
    for found in _VARIABLE.finditer(text):
        yield text[end : found.start()], None
        end = found.end()
        name = found[1].strip()
        if name.startswith("!"):
            yield f"${{{found[1].lstrip()[1:]}}}", None
            continue
        if not _VARIABLE_NAME.fullmatch(name):
            raise TemplateError(
                "Template error: variable names in Fn::Sub syntax must contain only alphanumeric characters, "
                "underscores, periods, and colons"
            )
        yield "", name
    yield text[end:], None


def references(value: Any, *, in_conditions: bool = False) -> Iterator[Reference]:
    """Everything that an expression names, in the order of the text, with both branches of Fn::If."""
    called = function_of(value)
    if called is None:
        if in_conditions and isinstance(value, dict) and set(value) == {"Condition"}:
            yield Reference("Condition", _condition_name(value["Condition"]))
            return
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        for one in inner:
            yield from references(one, in_conditions=in_conditions)
        return
    name, argument = called
    if name == "Ref":
        if not isinstance(argument, str):
            raise TemplateError("Template error: All References must be of type string")
        yield Reference("Ref", argument)
    elif name == "Fn::GetAtt":
        resource, attribute = attribute_name(argument)
        yield Reference("Fn::GetAtt", resource, attribute if isinstance(attribute, str) else "")
        yield from references(attribute, in_conditions=in_conditions)
    elif name == "Fn::Sub":
        text, own = substitution(argument)
        for _, variable in pieces(text):
            if variable is not None and variable not in own:
                resource, _, attribute = variable.partition(".")
                yield Reference("Fn::Sub", resource, attribute or None)
        yield from references(own, in_conditions=in_conditions)
    else:
        if name == "Fn::If" and isinstance(argument, list) and argument:
            yield Reference("Fn::If", _condition_name(argument[0]))
        if name == "Fn::FindInMap" and isinstance(argument, list) and argument and isinstance(argument[0], str):
            yield Reference("Fn::FindInMap", argument[0])
        yield from references(argument, in_conditions=in_conditions)


def _condition_name(value: Any) -> str:
    if not isinstance(value, str):
        raise TemplateError("Template error: All Conditions must be of type string")
    return value
