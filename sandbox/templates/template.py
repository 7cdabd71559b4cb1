"""A template's sections as typed data, and CloudFormation's refusals of a document that is built in another way.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
A template with a transform (SAM) is a template only after the transform: `transforms` tells which there are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.templates.document import Document, walk
from sandbox.templates.errors import TemplateError, Unsupported
from sandbox.templates.parameters import Parameter, declaration

#: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MOST = {"Resources": 500, "Parameters": 200, "Outputs": 200, "Mappings": 200}
LONGEST_DESCRIPTION = 1024
MOST_MAPPING_ATTRIBUTES = 200

VERSION = "2010-09-09"
SERVERLESS = "AWS::Serverless-2016-10-31"
#: Macros that AWS hosts, beside SAM's: none of them is expanded here.
HOSTED_MACROS = frozenset(
    {"AWS::CodeDeployBlueGreen", "AWS::Include", "AWS::LanguageExtensions", "AWS::SecretsManager-2020-07-23"}
    | {"AWS::SecretsManager-2024-09-16", "AWS::ServiceCatalog"}
)

_SECTIONS = (
    *("AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings", "Conditions"),
    *("Transform", "Resources", "Outputs", "Hooks"),
)
_MAPS = ("Metadata", "Parameters", "Rules", "Mappings", "Conditions", "Resources", "Outputs", "Hooks")
#: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-product-attribute-reference.html
_OF_RESOURCE = (
    *("Type", "Properties", "DependsOn", "Condition", "Metadata", "DeletionPolicy", "UpdateReplacePolicy"),
    *("CreationPolicy", "UpdatePolicy", "Version", "Description"),
)
_OF_OUTPUT = ("Value", "Description", "Export", "Condition")
_DELETION_POLICIES = ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot")
_REPLACE_POLICIES = ("Delete", "Retain", "Snapshot")
_ALPHANUMERIC = re.compile(r"[A-Za-z0-9]{1,255}")
_MAPPING_NAME = re.compile(r"[A-Za-z0-9.-]{1,255}")

Value = Any


@dataclass(frozen=True, slots=True)
class Resource:
    """A member of Resources, its values unevaluated.

    `deletion_policy` and `replace_policy` are as written: None where the template says nothing (then a resource is
    deleted, but for types that AWS takes a snapshot of).
    """

    name: str
    type: str
    properties: Mapping[str, Value] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    condition: str | None = None
    deletion_policy: Value = None
    replace_policy: Value = None
    metadata: Value = None
    creation_policy: Value = None
    update_policy: Value = None


@dataclass(frozen=True, slots=True)
class Output:
    """A member of Outputs, its values unevaluated. `export` is the Name of its Export."""

    name: str
    value: Value
    description: str | None = None
    export: Value = None
    condition: str | None = None


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a rule demands, and what CloudFormation says if it is not so."""

    condition: Value
    description: str | None


@dataclass(frozen=True, slots=True)
class Rule:
    """A member of Rules: the assertions hold if the condition does (None: always)."""

    name: str
    condition: Value
    assertions: tuple[Assertion, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """A template. `document` is the plain document that it was made of."""

    document: Document
    description: str | None
    parameters: Mapping[str, Parameter]
    rules: Mapping[str, Rule]
    mappings: Mapping[str, Mapping[str, Mapping[str, Value]]]
    conditions: Mapping[str, Value]
    resources: Mapping[str, Resource]
    outputs: Mapping[str, Output]
    metadata: Value = None

    @classmethod
    def of(cls, document: Document) -> Template:
        """The template that a document (after its transforms) describes. TemplateError if it is built another way."""
        _check_sections(document)
        return cls(
            document=document,
            description=document.get("Description"),
            parameters={name: declaration(name, one) for name, one in document.get("Parameters", {}).items()},
            rules={name: _rule(name, one) for name, one in document.get("Rules", {}).items()},
            mappings={name: _mapping(name, one) for name, one in document.get("Mappings", {}).items()},
            conditions=_conditions(document.get("Conditions", {})),
            resources={name: _resource(name, one) for name, one in document["Resources"].items()},
            outputs={name: _output(name, one) for name, one in document.get("Outputs", {}).items()},
            metadata=document.get("Metadata"),
        )


def transforms(document: Document) -> tuple[str, ...]:
    """The names of the macros that a document wants to be passed through, in order."""
    wanted = document.get("Transform", ())
    names = []
    for one in wanted if isinstance(wanted, (list, tuple)) else [wanted]:
        name = one.get("Name") if isinstance(one, dict) else one
        if not isinstance(name, str):
            raise TemplateError(
                "Template format error: every Transform member must be a string or a macro with a Name."
            )
        names.append(name)
    return tuple(names)


def refuse_macros(document: Document) -> None:
    """Unsupported for a macro other than SAM's, at the top of a document or in it (Fn::Transform, Fn::ForEach)."""
    for name in transforms(document):
        if name in HOSTED_MACROS:
            raise Unsupported(f"Transform {name} is not supported by this sandbox")
        if name != SERVERLESS:
            raise Unsupported(f"Macros are not supported by this sandbox: Transform {name}")
    for _, inner in walk(document):
        for key in inner if isinstance(inner, dict) else ():
            if key == "Fn::Transform":
                named = ", ".join(transforms({"Transform": inner[key]}))
                raise Unsupported(f"Macros are not supported by this sandbox: Fn::Transform {named}")
            if key.startswith("Fn::ForEach"):
                raise Unsupported(f"Transform AWS::LanguageExtensions is not supported by this sandbox: {key}")


def _check_sections(document: Document) -> None:
    unknown = [key for key in document if key not in _SECTIONS]
    if unknown:
        raise TemplateError(f"Invalid template property or properties [{', '.join(unknown)}]")
    version = document.get("AWSTemplateFormatVersion", VERSION)
    if version != VERSION:
        raise TemplateError(f"Template format error: {version} is not a supported value for AWSTemplateFormatVersion.")
    description = document.get("Description")
    if description is not None and not isinstance(description, str):
        raise TemplateError("Template format error: every Description member must be a string.")
    if description is not None and len(description.encode()) > LONGEST_DESCRIPTION:
        raise TemplateError(f"Template format error: 'Description' length is greater than {LONGEST_DESCRIPTION}")
    for section in _MAPS:
        if not isinstance(document.get(section, {}), dict):
            raise TemplateError(f"Template format error: every {section} member must be a map.")
    if not document.get("Resources"):
        raise TemplateError("Template format error: At least one Resources member must be defined.")
    for section, most in MOST.items():
        number = len(document.get(section, ()))
        if number > most:
            raise TemplateError(
                f"Template format error: Number of {section.lower()}, {number}, is greater than maximum allowed, {most}"
            )
    if document.get("Hooks"):
        raise Unsupported("Hooks are not supported by this sandbox")
    for name, one in document["Resources"].items():
        if isinstance(one, dict) and str(one.get("Type")).endswith("::MODULE"):
            raise Unsupported(f"Modules are not supported by this sandbox: resource {name} of type {one['Type']}")


def _resource(name: str, value: Any) -> Resource:
    where = f"[/Resources/{name}]"
    if not isinstance(value, dict):
        raise TemplateError(f"Template format error: {where} Every Resources member must be an object.")
    if not _ALPHANUMERIC.fullmatch(name):
        raise TemplateError(f"Template format error: Resource name {name} is non alphanumeric.")
    if not isinstance(value.get("Type"), str):
        raise TemplateError(f"Template format error: {where} Every Resources object must contain a Type member.")
    for key in value:
        if key not in _OF_RESOURCE:
            raise TemplateError(f"Invalid template resource property '{key}'")
    if not isinstance(value.get("Properties", {}), dict):
        raise TemplateError(f"Template format error: [/Resources/{name}/Properties] Properties must be an object.")
    depends = value.get("DependsOn", [])
    depends = [depends] if isinstance(depends, str) else depends
    if not isinstance(depends, list) or not all(isinstance(one, str) for one in depends):
        raise TemplateError("Template format error: DependsOn must be a string or list of strings.")
    _policy(name, "DeletionPolicy", value.get("DeletionPolicy"), _DELETION_POLICIES)
    _policy(name, "UpdateReplacePolicy", value.get("UpdateReplacePolicy"), _REPLACE_POLICIES)
    return Resource(
        name=name,
        type=value["Type"],
        properties=value.get("Properties", {}),
        depends_on=tuple(dict.fromkeys(depends)),
        condition=_condition_name("Resources", value),
        deletion_policy=value.get("DeletionPolicy"),
        replace_policy=value.get("UpdateReplacePolicy"),
        metadata=value.get("Metadata"),
        creation_policy=value.get("CreationPolicy"),
        update_policy=value.get("UpdatePolicy"),
    )


def _policy(name: str, attribute: str, value: Any, known: tuple[str, ...]) -> None:
    if isinstance(value, dict):
        raise Unsupported(
            "Transform AWS::LanguageExtensions is not supported by this sandbox: "
            f"{attribute} of resource {name} is a function"
        )
    if value is not None and value not in known:
        raise TemplateError(f"Template error: Invalid value for {attribute} in resource {name}: {value}")


def _condition_name(section: str, value: Mapping[str, Any]) -> str | None:
    condition = value.get("Condition")
    if condition is not None and not isinstance(condition, str):
        raise TemplateError(f"Template format error: Every {section} Condition member must be a string.")
    return condition


def _output(name: str, value: Any) -> Output:
    if not _ALPHANUMERIC.fullmatch(name):
        raise TemplateError(f"Template format error: Output name {name} is non alphanumeric.")
    if not isinstance(value, dict) or "Value" not in value:
        raise TemplateError("Template format error: Every Outputs member must contain a Value object")
    for key in value:
        if key not in _OF_OUTPUT:
            raise TemplateError(f"Invalid template output property '{key}'")
    if not isinstance(value.get("Description", ""), str):
        raise TemplateError("Template format error: Every Description member must be a string.")
    export = value.get("Export")
    if export is not None and (not isinstance(export, dict) or set(export) != {"Name"}):
        raise TemplateError("Template format error: Output Export must be an object with a Name.")
    return Output(
        name=name,
        value=value["Value"],
        description=value.get("Description"),
        export=export["Name"] if export is not None else None,
        condition=_condition_name("Outputs", value),
    )


def _mapping(name: str, value: Any) -> Mapping[str, Mapping[str, Value]]:
    if not _ALPHANUMERIC.fullmatch(name):
        raise TemplateError(f"Template format error: Mappings name '{name}' must contain only alphanumeric characters.")
    if not isinstance(value, dict):
        raise TemplateError(f"Template format error: Every Mappings member {name} must be a map")
    if len(value) > MOST_MAPPING_ATTRIBUTES:
        raise TemplateError(
            f"Template format error: Number of mapping attributes, {len(value)}, is greater than maximum allowed, "
            f"{MOST_MAPPING_ATTRIBUTES}"
        )
    for key, attributes in value.items():
        if not isinstance(attributes, dict):
            raise TemplateError(f"Template format error: Every Mappings member {key} must be a map")
        for attribute, held in attributes.items():
            if not _MAPPING_NAME.fullmatch(attribute):
                raise TemplateError(
                    f"Template format error: Mappings attribute name '{attribute}' must contain only alphanumeric "
                    "characters."
                )
            plain = not isinstance(held, (dict, list)) or (
                isinstance(held, list) and not any(isinstance(one, (dict, list)) for one in held)
            )
            if not plain:
                raise TemplateError("Template format error: Every Mappings attribute must be a String or a List.")
    return value


def _conditions(conditions: Mapping[str, Any]) -> Mapping[str, Value]:
    # Their names may be of any characters: AWS's own quickstart of a VPC has one with an ampersand.
    if not all(isinstance(value, dict) for value in conditions.values()):
        raise TemplateError("Template format error: Any Conditions member must be a JSON object.")
    return conditions


def _rule(name: str, value: Any) -> Rule:
    if not isinstance(value, dict) or not isinstance(value.get("Assertions"), list):
        raise TemplateError(f"Template format error: Every Rules member must contain Assertions: {name}")
    for key in value:
        if key not in ("RuleCondition", "Assertions"):
            raise TemplateError(f"Invalid template rule property '{key}'")
    assertions = []
    for one in value["Assertions"]:
        if not isinstance(one, dict) or "Assert" not in one or set(one) - {"Assert", "AssertDescription"}:
            raise TemplateError(f"Template format error: Every Assertions member must contain an Assert: {name}")
        assertions.append(Assertion(one["Assert"], one.get("AssertDescription")))
    return Rule(name, value.get("RuleCondition"), tuple(assertions))
