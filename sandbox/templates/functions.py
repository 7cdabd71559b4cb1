"""Values of a template's expressions: all intrinsic functions and pseudo parameters, on what is known so far.

Before a resource is made its id and attributes are Unknown, and so is what follows from them; what follows from
parameters, mappings and conditions is known at once. So one evaluation serves validation, change sets and deployment.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sandbox.templates.errors import TemplateError, Unsupported
from sandbox.templates.parameters import ParameterValue, text_of
from sandbox.templates.references import (
    PSEUDO_PARAMETERS,
    attribute_name,
    function_of,
    pieces,
    references,
    refuse_function,
    substitution,
)
from sandbox.templates.template import Template

NO_VALUE = object()

#: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-cidr.html
MOST_CIDR_BLOCKS = 256


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that is known once resources are made: `of` has each of them with the attribute (None: its Ref)."""

    of: frozenset[tuple[str, str | None]]


@dataclass(frozen=True, slots=True)
class Made:
    """A resource that exists: its physical id, which Ref gives (unless `ref` says otherwise), and its attributes."""

    physical_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    ref: str | None = None


@dataclass(frozen=True, slots=True)
class Stack:
    """What the pseudo parameters tell. `id` is the stack's ARN."""

    name: str
    id: str
    account: str
    region: str
    partition: str = "aws"
    url_suffix: str = "amazonaws.com"
    notification_arns: tuple[str, ...] = ()

    def pseudo_parameter(self, name: str) -> Any:
        """The value of `AWS::...`."""
        return {
            "AWS::AccountId": self.account,
            "AWS::NoValue": NO_VALUE,
            "AWS::NotificationARNs": list(self.notification_arns),
            "AWS::Partition": self.partition,
            "AWS::Region": self.region,
            "AWS::StackId": self.id,
            "AWS::StackName": self.name,
            "AWS::URLSuffix": self.url_suffix,
        }[name]


def no_such_export(name: str) -> str:
    """The default of `exported`: there are no exports."""
    raise TemplateError(f"No export named {name} found.")


def three_zones(region: str) -> Sequence[str]:
    """The default of `zones`: a, b and c."""
    return [f"{region}{letter}" for letter in "abc"]


@dataclass(frozen=True, slots=True)
class Touched:
    """What the value of an expression came from: parameters, and resources with attributes (None: Ref)."""

    parameters: frozenset[str] = frozenset()
    resources: frozenset[tuple[str, str | None]] = frozenset()
    exports: frozenset[str] = frozenset()


class Evaluation:
    """The expressions of a template, with the values of its parameters and the resources that are made.

    `made` may grow while a stack is created. `zones` gives a region's availability zones, `exported` the value of an
    export (TemplateError if there is none).
    """

    def __init__(
        self,
        template: Template,
        parameters: Mapping[str, ParameterValue],
        stack: Stack,
        made: Mapping[str, Made] | None = None,
        *,
        zones: Callable[[str], Sequence[str]] = three_zones,
        exported: Callable[[str], str] = no_such_export,
    ) -> None:
        self.template = template
        self.parameters = parameters
        self.stack = stack
        self.made: Mapping[str, Made] = {} if made is None else made
        self._zones = zones
        self._exported = exported
        self._section = "Resources"
        self._touched: list[tuple[str, str, str | None]] = []
        self._conditions: dict[str, tuple[bool, Touched]] = {}
        self._deciding: list[str] = []

    def condition(self, name: str) -> bool:
        """Whether a condition of the template is true."""
        return self._decided(name)[0]

    def exists(self, resource: str) -> bool:
        """Whether the template has the resource, and its condition is true."""
        found = self.template.resources.get(resource)
        return found is not None and (found.condition is None or self.condition(found.condition))

    def value(self, expression: Any, section: str = "Resources") -> Any:
        """The value of an expression, with Unknown where it follows from a resource that is not made yet."""
        return self.traced(expression, section)[0]

    def traced(self, expression: Any, section: str = "Resources") -> tuple[Any, Touched]:
        """The value of an expression, and what it came from."""
        with self._tracing(section) as touched:
            value = self._evaluate(expression)
        return (None if value is NO_VALUE else value), _summed(touched)

    def whole(self, expression: Any, section: str = "Resources") -> Any:
        """The value of an expression of which everything must be known. TemplateError if something is not."""
        value = self.value(expression, section)
        missing = unknown(value)
        if missing is not None:
            names = sorted({name if attribute is None else f"{name}.{attribute}" for name, attribute in missing.of})
            raise TemplateError(f"Template error: reference {', '.join(names)} not ready")
        return value

    def truth(self, expression: Any, section: str = "Conditions") -> bool:
        """Whether an expression of condition functions is true."""
        with self._tracing(section):
            return self._truth(expression)

    @contextmanager
    def _tracing(self, section: str) -> Iterator[list[tuple[str, str, str | None]]]:
        before, self._touched = self._touched, []
        within, self._section = self._section, section
        try:
            yield self._touched
        finally:
            self._touched, self._section = before, within

    def _evaluate(self, value: Any) -> Any:
        called = function_of(value)
        if called is not None:
            name, argument = called
            function = _FUNCTIONS.get(name)
            if function is None:
                raise refuse_function(name)
            return function(self, argument)
        if isinstance(value, dict):
            members = ((key, self._evaluate(inner)) for key, inner in value.items())
            return {key: inner for key, inner in members if inner is not NO_VALUE}
        if isinstance(value, list):
            return [inner for inner in map(self._evaluate, value) if inner is not NO_VALUE]
        return value

    def _reference(self, name: str, attribute: str | None, function: str) -> Any:
        if attribute is None and name in PSEUDO_PARAMETERS:
            return self.stack.pseudo_parameter(name)
        if attribute is None and name in self.parameters:
            self._touched.append(("parameter", name, None))
            return self.parameters[name].value
        if not self.exists(name):
            if attribute is not None and name not in self.template.resources:
                raise undefined_attribute(function, name, attribute)
            raise unresolved([name], self._section)
        self._touched.append(("resource", name, attribute))
        made = self.made.get(name)
        if made is None:
            return Unknown(frozenset({(name, attribute)}))
        if attribute is None:
            return made.ref if made.ref is not None else made.physical_id
        if attribute not in made.attributes:
            raise self._no_attribute(name, attribute)
        return made.attributes[attribute]

    def _no_attribute(self, name: str, attribute: str) -> TemplateError:
        kind = self.template.resources[name].type
        if kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource":
            return TemplateError(
                f"CustomResource attribute error: Vendor response doesn't contain {attribute} attribute in object "
                f"{self.stack.id}|{name}"
            )
        return TemplateError(
            f"Template error: resource {name} does not support attribute type {attribute} in Fn::GetAtt"
        )

    def _ref(self, argument: Any) -> Any:
        if not isinstance(argument, str):
            raise TemplateError("Template error: All References must be of type string")
        return self._reference(argument, None, "Ref")

    def _get_att(self, argument: Any) -> Any:
        name, attribute = attribute_name(argument)
        text = self._evaluate(attribute)
        if not isinstance(text, str):
            raise TemplateError(
                "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the "
                "resource attribute"
            )
        return self._reference(name, text, "Fn::GetAtt")

    def _sub(self, argument: Any) -> Any:
        text, own = substitution(argument)
        values = {}
        for name, inner in own.items():
            value = self._evaluate(inner)
            if not isinstance(value, Unknown) and text_of(value) is None:
                raise TemplateError(
                    "Template error: every value of the context object of every Fn::Sub object must be a string or a "
                    "function that returns a string"
                )
            values[name] = value
        parts: list[Any] = []
        for piece, variable in pieces(text):
            if variable is None:
                parts.append(piece)
                continue
            name, _, attribute = variable.partition(".")
            value = values[variable] if variable in values else self._reference(name, attribute or None, "Fn::Sub")
            if not isinstance(value, Unknown) and text_of(value) is None:
                raise TemplateError(
                    f"Template error: variable {variable} in Fn::Sub expression does not resolve to a string"
                )
            parts.append(value)
        return unknown(parts) or "".join(text_of(part) or "" for part in parts)

    def _join(self, argument: Any) -> Any:
        wrong = TemplateError(
            "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of "
            "strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined."
        )
        if not isinstance(argument, list) or len(argument) != 2:
            raise wrong
        delimiter, parts = self._evaluate(argument[0]), self._evaluate(argument[1])
        missing = unknown([delimiter, parts])
        if missing is not None:
            return missing
        if not isinstance(delimiter, str) or not isinstance(parts, list):
            raise wrong
        texts = [text_of(part) for part in parts]
        if None in texts:
            raise wrong
        return delimiter.join(text for text in texts if text is not None)

    def _split(self, argument: Any) -> Any:
        wrong = TemplateError(
            "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string "
            "to be split or a function that returns a string to be split."
        )
        if not isinstance(argument, list) or len(argument) != 2:
            raise wrong
        delimiter, whole = self._evaluate(argument[0]), self._evaluate(argument[1])
        text = text_of(whole)
        if isinstance(whole, Unknown):
            return whole
        if not isinstance(delimiter, str) or not delimiter or text is None:
            raise wrong
        return text.split(delimiter)

    def _select(self, argument: Any) -> Any:
        if not isinstance(argument, list) or len(argument) != 2:
            raise TemplateError(
                "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"
            )
        index, members = self._evaluate(argument[0]), self._evaluate(argument[1])
        for one in (index, members):
            if isinstance(one, Unknown):
                return one
        try:
            number = int(text_of(index) or "")
        except ValueError as found:
            raise TemplateError(
                "Template error: Fn::Select requires a list argument with a valid index value as its first element"
            ) from found
        if not isinstance(members, list):
            raise TemplateError(
                "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"
            )
        if not 0 <= number < len(members):
            raise TemplateError(f"Template error: Fn::Select cannot select nonexistent value at index {number}")
        return members[number]

    def _find_in_map(self, argument: Any) -> Any:
        if isinstance(argument, list) and len(argument) == 4:
            raise Unsupported(
                "Fn::FindInMap with a DefaultValue needs the transform AWS::LanguageExtensions, which is not supported "
                "by this sandbox"
            )
        names = [text_of(self._evaluate(one)) for one in argument] if isinstance(argument, list) else []
        if len(names) != 3 or None in names:
            raise TemplateError(
                "Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the "
                "attribute for return value"
            )
        mapping, key, attribute = (str(name) for name in names)
        if mapping not in self.template.mappings:
            raise no_mapping(mapping)
        try:
            return self.template.mappings[mapping][key][attribute]
        except KeyError as found:
            raise TemplateError(f"Template error: Unable to get mapping for {mapping}::{key}::{attribute}") from found

    def _get_azs(self, argument: Any) -> Any:
        region = self._evaluate(argument)
        if isinstance(region, Unknown):
            return region
        if not isinstance(region, str):
            raise TemplateError("Template error: every Fn::GetAZs object must have a String-typed value.")
        return list(self._zones(region or self.stack.region))

    def _base64(self, argument: Any) -> Any:
        value = self._evaluate(argument)
        text = text_of(value)
        if isinstance(value, Unknown):
            return value
        if text is None:
            raise TemplateError("Template error: every Fn::Base64 object must have a String-typed value.")
        return base64.b64encode(text.encode()).decode()

    def _cidr(self, argument: Any) -> Any:
        if not isinstance(argument, list) or len(argument) not in (2, 3):
            raise TemplateError("Template error: Fn::Cidr requires a list argument: an IP block, a count and CIDR bits")
        values = [self._evaluate(one) for one in argument]
        missing = unknown(values)
        return missing if missing is not None else cidr_blocks(*(text_of(value) or "" for value in values))

    def _import_value(self, argument: Any) -> Any:
        name = self._evaluate(argument)
        if isinstance(name, Unknown):
            resources = sorted({resource for resource, _ in name.of})
            raise TemplateError(
                "Template error: the attribute in Fn::ImportValue must not depend on any resources, imported values, or "
                f"Fn::GetAZs: it depends on {', '.join(resources)}"
            )
        if not isinstance(name, str):
            raise TemplateError("Template error: every Fn::ImportValue object must have a String-typed value.")
        self._touched.append(("export", name, None))
        return self._exported(name)

    def _if(self, argument: Any) -> Any:
        if not isinstance(argument, list) or len(argument) != 3:
            raise TemplateError("Template error: Fn::If requires a list argument with three elements")
        if not isinstance(argument[0], str):
            raise TemplateError("Template error: Fn::If requires a list argument with the first element being a condition")
        if argument[0] not in self.template.conditions:
            raise TemplateError(f"Template error: unresolved condition dependency {argument[0]} in Fn::If")
        true, touched = self._decided(argument[0])
        self._touched.extend(("parameter", name, None) for name in touched.parameters)
        return self._evaluate(argument[1 if true else 2])

    def _decided(self, name: str) -> tuple[bool, Touched]:
        if name not in self._conditions:
            if name not in self.template.conditions:
                raise TemplateError(f"Template error: unresolved condition dependency {name}")
            if name in self._deciding:
                raise TemplateError(f"Template error: Found circular condition dependency: {name}")
            self._deciding.append(name)
            try:
                with self._tracing("Conditions") as touched:
                    true = self._truth(self.template.conditions[name])
            finally:
                self._deciding.pop()
            self._conditions[name] = true, _summed(touched)
        return self._conditions[name]

    def _truth(self, expression: Any) -> bool:
        if not isinstance(expression, dict) or len(expression) != 1:
            raise TemplateError(
                "Template format error: Conditions can only be boolean operations on parameters and other conditions"
            )
        [(name, argument)] = expression.items()
        if name == "Condition":
            if not isinstance(argument, str):
                raise TemplateError("Template error: All Conditions must be of type string")
            true, touched = self._decided(argument)
            self._touched.extend(("parameter", one, None) for one in touched.parameters)
            return true
        if name == "Fn::Not":
            if not isinstance(argument, list) or len(argument) != 1:
                raise TemplateError("Template error: every Fn::Not object requires a list with exactly 1 boolean parameter.")
            return not self._truth(argument[0])
        if name in ("Fn::And", "Fn::Or"):
            if not isinstance(argument, list) or not 2 <= len(argument) <= 10:
                raise TemplateError(
                    f"Template error: every {name} object requires a list of at least 2 and at most 10 boolean parameters."
                )
            truths = [self._truth(one) for one in argument]
            return all(truths) if name == "Fn::And" else any(truths)
        if name == "Fn::Equals":
            if not isinstance(argument, list) or len(argument) != 2:
                raise TemplateError("Template error: Fn::Equals requires a list argument with two elements")
            return same(*(self._evaluate(one) for one in argument))
        if name in _FUNCTIONS:
            raise TemplateError(
                "Template format error: Conditions can only be boolean operations on parameters and other conditions"
            )
        raise refuse_function(name)


_FUNCTIONS: Mapping[str, Callable[[Evaluation, Any], Any]] = {
    "Ref": Evaluation._ref,
    "Fn::Base64": Evaluation._base64,
    "Fn::Cidr": Evaluation._cidr,
    "Fn::FindInMap": Evaluation._find_in_map,
    "Fn::GetAZs": Evaluation._get_azs,
    "Fn::GetAtt": Evaluation._get_att,
    "Fn::If": Evaluation._if,
    "Fn::ImportValue": Evaluation._import_value,
    "Fn::Join": Evaluation._join,
    "Fn::Select": Evaluation._select,
    "Fn::Split": Evaluation._split,
    "Fn::Sub": Evaluation._sub,
}
