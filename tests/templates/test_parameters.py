"""Parameters: declared, given, resolved; and CloudFormation's refusals.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.templates import Given, ParameterValue, TemplateError, resolve
from sandbox.templates.parameters import TYPES, declaration

#: Type, text given, and what Ref gives.
VALUES: list[tuple[str, str, str | list[str]]] = [
    ("String", "a,b", "a,b"),
    ("String", "", ""),
    ("Number", "8080", "8080"),
    ("Number", "-1.5e3", "-1.5e3"),
    # "AWS::CloudFormation trims spaces": "test, dev" has two members.
    ("CommaDelimitedList", "test, dev,prod ", ["test", "dev", "prod"]),
    ("CommaDelimitedList", "", []),
    ("CommaDelimitedList", "a,,b", ["a", "", "b"]),
    ("List<Number>", "80, 20", ["80", "20"]),
    ("List<String>", "a", ["a"]),
    ("AWS::EC2::VPC::Id", "vpc-1", "vpc-1"),
    ("List<AWS::EC2::Subnet::Id>", "subnet-1, subnet-2", ["subnet-1", "subnet-2"]),
    ("AWS::SSM::Parameter::Name", "/orders/table", "/orders/table"),
]


@pytest.mark.parametrize(("kind", "text", "value"), VALUES)
def test_a_value_is_what_its_type_makes_of_it(kind: str, text: str, value: str | list[str]) -> None:
    parameter = declaration("P", {"Type": kind})
    assert resolve({"P": parameter}, [Given("P", text)])["P"] == ParameterValue("P", text, value)


@pytest.mark.parametrize("text", ["1", "2.5", "10"])
def test_both_ends_of_a_range_are_in_it(text: str) -> None:
    parameter = declaration("P", {"Type": "Number", "MinValue": 1, "MaxValue": 10})
    assert resolve({"P": parameter}, [Given("P", text)])["P"].value == text


@pytest.mark.parametrize(
    ("rules", "text", "value"),
    [
        ({"AllowedValues": ["a", "b"]}, "b, a", ["b", "a"]),
        ({"AllowedPattern": "[a-z]"}, "a,b", ["a", "b"]),
        ({"MaxLength": 2}, "ab,cd,ef", ["ab", "cd", "ef"]),
    ],
)
def test_a_lists_constraints_are_about_each_of_its_values(rules: dict[str, Any], text: str, value: list[str]) -> None:
    parameter = declaration("P", {"Type": "CommaDelimitedList", **rules})
    assert resolve({"P": parameter}, [Given("P", text)])["P"].value == value


def test_all_types_of_the_reference_are_known() -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html"""
    from cfnlint.helpers import VALID_PARAMETER_TYPES

    assert set(VALID_PARAMETER_TYPES) <= TYPES


#: Declaration, text given, and the refusal.
CONSTRAINTS: list[tuple[dict[str, Any], str, str]] = [
    ({"Type": "String", "AllowedValues": ["dev", "prod"]}, "test", "Parameter 'P' must be one of AllowedValues"),
    ({"Type": "String", "AllowedPattern": "[a-z]+"}, "ab1", "Parameter 'P' must match pattern [a-z]+"),
    ({"Type": "String", "AllowedPattern": "a|b"}, "ab", "Parameter 'P' must match pattern a|b"),
    (
        {"Type": "String", "AllowedPattern": "([a-z]|[a-z0-9]{2})+"},
        "a" * 60 + "-",
        "Parameter 'P' AllowedPattern: the regular expression ([a-z]|[a-z0-9]{2})+ can't be matched with a text of 61 "
        "characters in 1 s",
    ),
    ({"Type": "String", "MinLength": 8}, "short", "Parameter 'P' must contain at least 8 characters"),
    ({"Type": "String", "MaxLength": "4"}, "longer", "Parameter 'P' must contain at most 4 characters"),
    ({"Type": "Number", "MinValue": 1}, "0", "Parameter 'P' must be a number not less than 1"),
    ({"Type": "Number", "MaxValue": 10.5}, "11", "Parameter 'P' must be a number not greater than 10.5"),
    ({"Type": "Number"}, "ten", "Parameter 'P' must be a number"),
    ({"Type": "Number"}, "", "Parameter 'P' must be a number"),
    ({"Type": "List<Number>"}, "1,x", "Parameter 'P' must be a number"),
    # "When applied to a parameter of type CommaDelimitedList, the pattern must match each value in the list."
    ({"Type": "CommaDelimitedList", "AllowedPattern": "[a-z]"}, "a,1", "Parameter 'P' must match pattern [a-z]"),
    ({"Type": "CommaDelimitedList", "AllowedValues": ["a"]}, "a,b", "Parameter 'P' must be one of AllowedValues"),
    (
        {"Type": "String", "AllowedPattern": "[a-z]+", "ConstraintDescription": "Lower case only"},
        "A",
        "Parameter P failed to satisfy constraint: Lower case only",
    ),
    ({"Type": "String"}, "x" * 4097, "Parameter 'P' must not be longer than 4096 bytes: it has 4097"),
]


@pytest.mark.parametrize(("declared", "text", "message"), CONSTRAINTS)
def test_a_value_that_breaks_a_constraint_is_refused(declared: dict[str, Any], text: str, message: str) -> None:
    with pytest.raises(TemplateError) as refused:
        resolve({"P": declaration("P", declared)}, [Given("P", text)])
    assert refused.value.message == message


@pytest.mark.parametrize(
    ("declared", "text"),
    [
        ({"Type": "String", "AllowedValues": [True, 1, "x"]}, "true"),
        ({"Type": "String", "AllowedPattern": r"\p{Alnum}+", "MinLength": 1, "MaxLength": 3}, "a1"),
        ({"Type": "String", "AllowedPattern": r"[\p{Alpha}-]+[\p{Digit}]"}, "a-1"),
        ({"Type": "Number", "MinValue": 1, "MaxValue": 3, "AllowedValues": [1, 2]}, "2"),
    ],
)
def test_a_value_within_its_constraints_is_taken(declared: dict[str, Any], text: str) -> None:
    assert resolve({"P": declaration("P", declared)}, [Given("P", text)])["P"].value == text


#: A member of Parameters, and the refusal.
DECLARATIONS: list[tuple[Any, str]] = [
    ({"Default": "a"}, "Template format error: Every Parameters object must contain a Type member."),
    ({"Type": "Strin"}, "Template format error: Unrecognized parameter type: Strin"),
    ({"Type": "String", "Properties": {}}, "Invalid template parameter property 'Properties'"),
    ({"Type": "String", "Default": ["a"]}, "Template format error: Every Default member must be a string."),
    ({"Type": "String", "MinLength": "x"}, "Template format error: MinLength of parameter 'P' must be a number."),
    ({"Type": "String", "AllowedPattern": "("}, "Parameter 'P' AllowedPattern must be a valid regular expression."),
    ({"Type": "String", "AllowedValues": "a"}, "Template format error: AllowedValues of parameter 'P' must be a list."),
    ("String", "Template format error: Every Parameters member must be an object: P"),
]


@pytest.mark.parametrize(("value", "message"), DECLARATIONS)
def test_a_wrong_declaration_is_refused(value: Any, message: str) -> None:
    with pytest.raises(TemplateError) as refused:
        declaration("P", value)
    assert refused.value.message == message


def declared(**members: dict[str, Any]) -> dict[str, Any]:
    return {name: declaration(name, member) for name, member in members.items()}


def test_defaults_stand_in_for_what_is_not_given() -> None:
    values = resolve(
        declared(A={"Type": "Number", "Default": 5}, B={"Type": "String", "Default": True}), [Given("B", "x")]
    )
    assert [(value.key, value.value) for value in values.values()] == [("A", "5"), ("B", "x")]


def test_the_previous_value_is_used_when_asked_for_and_only_then() -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Parameter.html"""
    members = declared(A={"Type": "String", "Default": "new"}, B={"Type": "String", "Default": "new"})
    values = resolve(members, [Given("A", use_previous=True)], {"A": "old", "B": "old"})
    assert (values["A"].value, values["B"].value) == ("old", "new")


EITHER = (
    "Invalid input for parameter key A. Need to specify either usePreviousValue as true or a value for the parameter"
)
#: What is given to A (a String) and B (a String with a default), the previous values, and the refusal.
GIVEN: list[tuple[list[Given], dict[str, str] | None, str]] = [
    ([], None, "Parameters: [A] must have values"),
    ([Given("A", "a"), Given("X", "x"), Given("Y", "y")], None, "Parameters: [X, Y] do not exist in the template"),
    (
        [Given("A", use_previous=True)],
        None,
        "Invalid input for parameter key A. Cannot specify usePreviousValue as true for a parameter key not in the "
        "previous template",
    ),
    (
        [Given("A", use_previous=True)],
        {"B": "b"},
        "Invalid input for parameter key A. Cannot specify usePreviousValue as true for a parameter key not in the "
        "previous template",
    ),
    (
        [Given("A", "a", use_previous=True)],
        {"A": "a"},
        EITHER,
    ),
    (
        [Given("A")],
        None,
        EITHER,
    ),
    ([Given("A", "a"), Given("A", "b")], None, "Parameter A is specified more than once"),
]


@pytest.mark.parametrize(("given", "previous", "message"), GIVEN)
def test_what_is_given_wrongly_is_refused(given: list[Given], previous: dict[str, str] | None, message: str) -> None:
    members = declared(A={"Type": "String"}, B={"Type": "String", "Default": "b"})
    with pytest.raises(TemplateError) as refused:
        resolve(members, given, previous)
    assert refused.value.message == message


def test_a_stored_parameter_is_read_from_ssm() -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html"""
    store = {"/image": "ami-1", "/zones": "a, b"}
    members = declared(
        Image={"Type": "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", "Default": "/image"},
        Zones={"Type": "AWS::SSM::Parameter::Value<List<String>>", "Default": "/zones"},
    )
    values = resolve(members, [], stored_value=store.get)
    assert values["Image"] == ParameterValue("Image", "/image", "ami-1", "ami-1")
    assert values["Zones"].value == ["a", "b"]
    # A constraint is about the name that is given.
    named = declaration("P", {"Type": "AWS::SSM::Parameter::Value<String>", "AllowedPattern": "/[a-z]+"})
    assert resolve({"P": named}, [Given("P", "/image")], stored_value=store.get)["P"].value == "ami-1"
    with pytest.raises(TemplateError, match="must match pattern"):
        resolve({"P": named}, [Given("P", "ami-1")], stored_value=lambda name: "/image")
    assert values["Image"].shown() == {
        "ParameterKey": "Image",
        "ParameterValue": "/image",
        "ResolvedValue": "ami-1",
    }
    with pytest.raises(TemplateError) as refused:
        resolve(members, [])
    assert refused.value.message == "Unable to fetch parameters [/image,/zones] from parameter store for this account."


def test_what_does_not_exist_in_the_account_is_refused() -> None:
    members = declared(Vpc={"Type": "AWS::EC2::VPC::Id"}, Subnets={"Type": "List<AWS::EC2::Subnet::Id>"})
    there = {("AWS::EC2::VPC::Id", "vpc-1"), ("AWS::EC2::Subnet::Id", "subnet-1")}
    given = [Given("Vpc", "vpc-1"), Given("Subnets", "subnet-1,subnet-2")]
    with pytest.raises(TemplateError) as refused:
        resolve(members, given, existing=lambda kind, identifier: (kind, identifier) in there)
    assert refused.value.message == (
        "Parameter validation failed: parameter value subnet-2 for parameter name Subnets does not exist"
    )


@pytest.mark.parametrize("no_echo", [True, "true"])
def test_a_value_that_is_not_echoed_is_not_shown(no_echo: Any) -> None:
    value = resolve({"P": declaration("P", {"Type": "String", "NoEcho": no_echo})}, [Given("P", "secret")])["P"]
    assert value.value == "secret"
    assert value.shown() == {"ParameterKey": "P", "ParameterValue": "****"}
