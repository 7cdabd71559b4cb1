"""A template's parameters: what is declared, what is given, and the values that follow, or CloudFormation's refusal.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox import regular_expressions
from sandbox.regular_expressions import InvalidExpression, TooCostly
from sandbox.templates.errors import TemplateError
from sandbox.templates.values import text_of

#: What stands in place of a NoEcho value wherever CloudFormation shows parameters.
HIDDEN = "****"
LONGEST_VALUE = 4096

_OF_AWS = (
    *("AWS::EC2::AvailabilityZone::Name", "AWS::EC2::Image::Id", "AWS::EC2::Instance::Id"),
    *("AWS::EC2::SecurityGroup::GroupName", "AWS::EC2::SecurityGroup::Id", "AWS::EC2::Subnet::Id"),
    *("AWS::EC2::VPC::Id", "AWS::EC2::Volume::Id", "AWS::Route53::HostedZone::Id"),
)
_SINGLE = frozenset({"String", "Number", *_OF_AWS, "AWS::EC2::KeyPair::KeyName"})
_LISTS = frozenset({"CommaDelimitedList", "List<String>", "List<Number>", *(f"List<{one}>" for one in _OF_AWS)})
_STORED = frozenset(f"AWS::SSM::Parameter::Value<{one}>" for one in _SINGLE | _LISTS | {"AWS::SSM::Parameter::Name"})
TYPES = _SINGLE | _LISTS | _STORED | {"AWS::SSM::Parameter::Name"}

_KEYS = (
    *("Type", "Default", "Description", "NoEcho", "AllowedValues", "AllowedPattern", "ConstraintDescription"),
    *("MinLength", "MaxLength", "MinValue", "MaxValue"),
)
_ALPHANUMERIC = re.compile(r"[A-Za-z0-9]{1,255}")

#: The value of the SSM parameter of that name; None if there is none (or it is a SecureString).
StoredValue = Callable[[str], str | None]
#: Whether a thing of an AWS-specific type (`AWS::EC2::VPC::Id`) with that id is in the account.
Existing = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A declared parameter. `default` and `allowed_values` are the texts that CloudFormation makes of them."""

    name: str
    type: str
    default: str | None = None
    description: str | None = None
    no_echo: bool = False
    allowed_values: tuple[str, ...] | None = None
    allowed_pattern: str | None = None
    constraint_description: str | None = None
    min_length: float | None = None
    max_length: float | None = None
    min_value: float | None = None
    max_value: float | None = None

    @property
    def stored(self) -> bool:
        """Whether the value given is the name of an SSM parameter that holds the value."""
        return self.type in _STORED

    @property
    def value_type(self) -> str:
        """The type of the value itself: `String` of `AWS::SSM::Parameter::Value<String>`."""
        return self.type.removeprefix("AWS::SSM::Parameter::Value<")[:-1] if self.stored else self.type

    @property
    def is_list(self) -> bool:
        """Whether Ref gives a list."""
        return self.value_type in _LISTS


@dataclass(frozen=True, slots=True)
class Given:
    """A parameter of CreateStack, UpdateStack or CreateChangeSet. `value` is None with UsePreviousValue."""

    key: str
    value: str | None = None
    use_previous: bool = False


@dataclass(frozen=True, slots=True)
class ParameterValue:
    """A parameter's value: `text` as given, `resolved` as read from SSM (None for other types), `value` as of Ref."""

    key: str
    text: str
    value: str | list[str]
    resolved: str | None = None
    no_echo: bool = False

    def shown(self) -> dict[str, str]:
        """As DescribeStacks and DescribeChangeSet show it."""
        described = {"ParameterKey": self.key, "ParameterValue": HIDDEN if self.no_echo else self.text}
        if self.resolved is not None:
            described["ResolvedValue"] = HIDDEN if self.no_echo else self.resolved
        return described


def declaration(name: str, value: Any) -> Parameter:
    """The parameter that a member of Parameters declares."""
    if not isinstance(value, dict):
        raise TemplateError(f"Template format error: Every Parameters member must be an object: {name}")
    if not _ALPHANUMERIC.fullmatch(name):
        raise TemplateError(f"Template format error: Parameter name {name} is non alphanumeric.")
    for key in value:
        if key not in _KEYS:
            raise TemplateError(f"Invalid template parameter property '{key}'")
    kind = value.get("Type")
    if not isinstance(kind, str):
        raise TemplateError("Template format error: Every Parameters object must contain a Type member.")
    if kind not in TYPES:
        raise TemplateError(f"Template format error: Unrecognized parameter type: {kind}")
    default = text_of(value["Default"]) if "Default" in value else None
    if "Default" in value and default is None:
        raise TemplateError("Template format error: Every Default member must be a string.")
    pattern = _text(value, "AllowedPattern")
    parameter = Parameter(
        name=name,
        type=kind,
        default=default,
        description=_text(value, "Description"),
        no_echo=text_of(value.get("NoEcho", False)) in ("true", "True"),
        allowed_values=_allowed_values(name, value),
        allowed_pattern=pattern,
        constraint_description=_text(value, "ConstraintDescription"),
        min_length=_number(name, value, "MinLength"),
        max_length=_number(name, value, "MaxLength"),
        min_value=_number(name, value, "MinValue"),
        max_value=_number(name, value, "MaxValue"),
    )
    if pattern is not None:
        _matches(name, pattern, "")  # says no to what is no pattern
    return parameter


def resolve(
    declared: Mapping[str, Parameter],
    given: Iterable[Given],
    previous: Mapping[str, str] | None = None,
    *,
    stored_value: StoredValue = lambda name: None,
    existing: Existing = lambda kind, identifier: True,
) -> dict[str, ParameterValue]:
    """The values of all declared parameters, in the order of the template.

    `previous` are the texts of the stack's parameters (None when it is created). `stored_value` reads SSM, `existing`
    tells whether a thing of an AWS-specific type exists. TemplateError for what CloudFormation refuses.
    """
    texts: dict[str, str] = {}
    unknown: list[str] = []
    for one in given:
        if one.key in texts:
            raise TemplateError(f"Parameter {one.key} is specified more than once")
        if one.key not in declared:
            unknown.append(one.key)
            continue
        if one.use_previous == (one.value is not None):
            raise TemplateError(
                f"Invalid input for parameter key {one.key}. Need to specify either usePreviousValue as true or a "
                "value for the parameter"
            )
        if one.value is not None:
            texts[one.key] = one.value
        elif previous is None or one.key not in previous:
            raise TemplateError(
                f"Invalid input for parameter key {one.key}. Cannot specify usePreviousValue as true for a parameter "
                "key not in the previous template"
            )
        else:
            texts[one.key] = previous[one.key]
    if unknown:
        raise TemplateError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    missing = []
    for name, parameter in declared.items():
        if name not in texts and parameter.default is None:
            missing.append(name)
        elif name not in texts and parameter.default is not None:
            texts[name] = parameter.default
    if missing:
        raise TemplateError(f"Parameters: [{', '.join(missing)}] must have values")
    read = _read_stored(declared, texts, stored_value)
    return {name: _value(one, texts[name], read.get(name), existing) for name, one in declared.items()}


def _read_stored(
    declared: Mapping[str, Parameter], texts: Mapping[str, str], stored_value: StoredValue
) -> dict[str, str]:
    found = {name: stored_value(texts[name]) for name, one in declared.items() if one.stored}
    lacking = [texts[name] for name, value in found.items() if value is None]
    if lacking:
        raise TemplateError(f"Unable to fetch parameters [{','.join(lacking)}] from parameter store for this account.")
    return {name: value for name, value in found.items() if value is not None}


def _value(parameter: Parameter, text: str, resolved: str | None, existing: Existing) -> ParameterValue:
    if len(text.encode("utf-8", "surrogatepass")) > LONGEST_VALUE:
        raise TemplateError(
            f"Parameter '{parameter.name}' must not be longer than {LONGEST_VALUE} bytes: it has {len(text.encode())}"
        )
    # The constraints of a stored parameter are about its name; the value is read later.
    _check(parameter, [text] if parameter.stored else _parts(parameter, text))
    held = text if resolved is None else resolved
    value: str | list[str] = _parts(parameter, held) if parameter.is_list else held
    kind = parameter.value_type.removeprefix("List<").removesuffix(">")
    for one in [value] if isinstance(value, str) else value:
        if kind == "Number" and _as_number(one) is None:
            raise _refused(parameter, "must be a number")
        if kind.startswith("AWS::") and not existing(kind, one):
            raise TemplateError(
                f"Parameter validation failed: parameter value {one} for parameter name {parameter.name} does not exist"
            )
    return ParameterValue(parameter.name, text, value, resolved, parameter.no_echo)


def _parts(parameter: Parameter, text: str) -> list[str]:
    """The members of a list's text, without the space around them; the empty text is an empty list."""
    if not parameter.is_list:
        return [text]
    return [part.strip() for part in text.split(",")] if text else []


def _check(parameter: Parameter, parts: list[str]) -> None:
    for part in parts:
        if parameter.allowed_values is not None and part not in parameter.allowed_values:
            raise _refused(parameter, "must be one of AllowedValues")
        if parameter.min_length is not None and len(part) < parameter.min_length:
            raise _refused(parameter, f"must contain at least {parameter.min_length:g} characters")
        if parameter.max_length is not None and len(part) > parameter.max_length:
            raise _refused(parameter, f"must contain at most {parameter.max_length:g} characters")
        if parameter.allowed_pattern is not None and not _matches(parameter.name, parameter.allowed_pattern, part):
            raise _refused(parameter, f"must match pattern {parameter.allowed_pattern}")
        if parameter.min_value is None and parameter.max_value is None:
            continue
        number = _as_number(part)
        if number is None:
            raise _refused(parameter, "must be a number")
        if parameter.min_value is not None and number < parameter.min_value:
            raise _refused(parameter, f"must be a number not less than {parameter.min_value:g}")
        if parameter.max_value is not None and number > parameter.max_value:
            raise _refused(parameter, f"must be a number not greater than {parameter.max_value:g}")


def _refused(parameter: Parameter, reason: str) -> TemplateError:
    if parameter.constraint_description is not None:
        return TemplateError(
            f"Parameter {parameter.name} failed to satisfy constraint: {parameter.constraint_description}"
        )
    return TemplateError(f"Parameter '{parameter.name}' {reason}")


def _matches(name: str, pattern: str, text: str) -> bool:
    """Whether a value is of the AllowedPattern of its parameter."""
    try:
        return regular_expressions.fits(pattern, text)
    except TooCostly as found:
        raise TemplateError(f"Parameter '{name}' AllowedPattern: {found}") from found
    except InvalidExpression as found:
        raise TemplateError(f"Parameter '{name}' AllowedPattern must be a valid regular expression.") from found


def _as_number(text: str) -> float | None:
    try:
        return float(text) if re.fullmatch(r"\s*[-+]?[0-9.]+([eE][-+]?[0-9]+)?\s*", text) else None
    except ValueError:
        return None


def _text(value: Mapping[str, Any], key: str) -> str | None:
    found = value.get(key)
    if found is not None and not isinstance(found, str):
        raise TemplateError(f"Template format error: Every {key} member must be a string.")
    return found


def _number(name: str, value: Mapping[str, Any], key: str) -> float | None:
    if key not in value:
        return None
    text = text_of(value[key])
    number = None if text is None else _as_number(text)
    if number is None:
        raise TemplateError(f"Template format error: {key} of parameter '{name}' must be a number.")
    return number


def _allowed_values(name: str, value: Mapping[str, Any]) -> tuple[str, ...] | None:
    if "AllowedValues" not in value:
        return None
    if not isinstance(value["AllowedValues"], list):
        raise TemplateError(f"Template format error: AllowedValues of parameter '{name}' must be a list.")
    texts = [text_of(one) for one in value["AllowedValues"]]
    if None in texts:
        raise TemplateError("Template format error: Every AllowedValues value must be a string.")
    return tuple(text for text in texts if text is not None)
