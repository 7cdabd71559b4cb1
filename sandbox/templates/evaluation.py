"""Values of a template's expressions, on what is known so far.

Before a resource is made its id and attributes are Unknown, and so is what follows from them; what follows from
parameters, mappings and conditions is known at once. So one evaluation serves validation, change sets and deployment.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.templates.conditions import Predicate, truth
from sandbox.templates.errors import TemplateError
from sandbox.templates.functions import FUNCTIONS
from sandbox.templates.parameters import ParameterValue
from sandbox.templates.references import (
    PSEUDO_PARAMETERS,
    Naming,
    function_of,
    refuse_function,
    undefined_attribute,
    unresolved,
)
from sandbox.templates.template import Template
from sandbox.templates.values import NO_VALUE, Unknown, unknown


@dataclass(frozen=True, slots=True)
class Made:
    """A resource that exists: its physical id, which Ref gives (unless `ref` says otherwise), and its attributes."""

    physical_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    ref: str | None = None


@dataclass(frozen=True, slots=True)
class Stack:
    """What the pseudo parameters tell. `id` is the stack's ARN.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html
    """

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


#: Characters that one function may make, more than any property holds (a function's inline code has 4 MB), and that all
#: functions of a template may: a few nested Fn::Sub could fill any memory. AWS publishes no limit.
LONGEST_TEXT, MOST_TEXT = 4 * 2**20, 64 * 2**20


@dataclass(frozen=True, slots=True)
class Touched:
    """What the value of an expression came from: parameters, exports, resources with attributes (None: Ref)."""

    parameters: frozenset[str] = frozenset()
    resources: frozenset[tuple[str, str | None]] = frozenset()
    exports: frozenset[str] = frozenset()


_Touch = tuple[Literal["parameter", "resource", "export"], str, str | None]


class Evaluation:
    """The expressions of a template, with the values of its parameters and the resources that are made.

    `made` may grow while a stack is created. `zones` gives a region's availability zones, `exported` the value of an
    export (TemplateError if there is none). Not for several threads at a time.
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
        self.zones = zones
        self.exported = exported
        self._section = "Resources"
        self._touched: list[_Touch] = []
        self._conditions: dict[str, tuple[bool, list[_Touch]]] = {}
        self._deciding: list[str] = []
        self._made_characters = 0

    def condition(self, name: str) -> bool:
        """Whether a condition of the template is true."""
        with self._tracing("Conditions"):
            return self.decided(name)

    def exists(self, resource: str) -> bool:
        """Whether the template has the resource, and its condition is true."""
        found = self.template.resources.get(resource)
        return found is not None and (found.condition is None or self.condition(found.condition))

    def value(self, expression: Any, section: str = "Resources") -> Any:
        """The value of an expression, with Unknown where it follows from a resource that is not made yet.

        None for AWS::NoValue. TemplateError for what CloudFormation refuses; `section` stands in its words.
        """
        return self.traced(expression, section)[0]

    def traced(self, expression: Any, section: str = "Resources") -> tuple[Any, Touched]:
        """The value of an expression, and what it came from."""
        with self._tracing(section) as touched:
            value = self.inner(expression)
        named = {
            kind: frozenset(name for found, name, _ in touched if found == kind) for kind in ("parameter", "export")
        }
        resources = frozenset((name, attribute) for found, name, attribute in touched if found == "resource")
        return (None if value is NO_VALUE else value), Touched(named["parameter"], resources, named["export"])

    def whole(self, expression: Any, section: str = "Resources") -> Any:
        """The value of an expression of which everything must be known. TemplateError if something is not."""
        value = self.value(expression, section)
        missing = unknown(value)
        if missing is not None:
            names = sorted(name if attribute is None else f"{name}.{attribute}" for name, attribute in missing.of)
            raise TemplateError(f"Template error: reference {', '.join(names)} not ready")
        return value

    def truth(self, expression: Any, more: Mapping[str, Predicate] | None = None) -> bool:
        """Whether an expression of condition functions (and of those in `more`) is true."""
        with self._tracing("Conditions"):
            return truth(self, expression, more)

    # What the functions use, within an evaluation.

    def inner(self, value: Any) -> Any:
        """The value of an argument; NO_VALUE as it is."""
        called = function_of(value)
        if called is not None:
            name, argument = called
            function = FUNCTIONS.get(name)
            if function is None:
                raise refuse_function(name)
            found = function(self, argument)
            if isinstance(found, str):
                self._made_characters += len(found)
                if self._made_characters > MOST_TEXT:
                    raise TemplateError(
                        f"Template error: the functions of the template make more than {MOST_TEXT} characters"
                    )
            return found
        if isinstance(value, dict):
            members = ((key, self.inner(one)) for key, one in value.items())
            return {key: one for key, one in members if one is not NO_VALUE}
        if isinstance(value, list):
            return [one for one in map(self.inner, value) if one is not NO_VALUE]
        return value

    def joined(self, texts: Sequence[str], delimiter: str = "") -> str:
        """The texts in one. TemplateError if it is too long for anything."""
        if sum(map(len, texts)) + len(delimiter) * (len(texts) - 1) > LONGEST_TEXT:
            raise TemplateError(f"Template error: a function makes more than {LONGEST_TEXT} characters")
        return delimiter.join(texts)

    def touch(self, kind: Literal["parameter", "resource", "export"], name: str, attribute: str | None = None) -> None:
        """Notes what a value comes from."""
        self._touched.append((kind, name, attribute))

    def reference(self, name: str, attribute: str | None, function: Naming) -> Any:
        """The value of a pseudo parameter, of a parameter, or of a resource or its attribute."""
        if attribute is None and name in PSEUDO_PARAMETERS:
            return self.stack.pseudo_parameter(name)
        if attribute is None and name in self.parameters:
            self.touch("parameter", name)
            return self.parameters[name].value
        if not self.exists(name):
            if attribute is not None and name not in self.template.resources:
                raise undefined_attribute(function, name, attribute)
            raise unresolved([name], self._section)
        self.touch("resource", name, attribute)
        made = self.made.get(name)
        if made is None:
            return Unknown(frozenset({(name, attribute)}))
        if attribute is None:
            return made.ref if made.ref is not None else made.physical_id
        if attribute not in made.attributes:
            raise self._no_attribute(name, attribute)
        return made.attributes[attribute]

    def decided(self, name: str) -> bool:
        """Whether a condition of the template is true; what it came from is noted."""
        if name not in self._conditions:
            if name not in self.template.conditions:
                raise TemplateError(f"Template error: unresolved condition dependency {name}")
            if name in self._deciding:
                raise TemplateError(f"Template error: Found circular condition dependency: {name}")
            self._deciding.append(name)
            try:
                with self._tracing("Conditions") as touched:
                    true = truth(self, self.template.conditions[name])
            finally:
                self._deciding.pop()
            self._conditions[name] = true, touched
        true, touched = self._conditions[name]
        self._touched.extend(touched)
        return true

    @contextmanager
    def _tracing(self, section: str) -> Iterator[list[_Touch]]:
        before, self._touched = self._touched, []
        within, self._section = self._section, section
        try:
            yield self._touched
        finally:
            self._touched, self._section = before, within

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
