"""The sections of a template, and what is refused in them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.templates import Template, TemplateError, Unsupported, parse, read, refuse_macros, transforms
from sandbox.templates.document import Document

QUEUE = "Resources: {Queue: {Type: 'AWS::SQS::Queue'}}\n"


def test_the_sections_of_a_template() -> None:
    template = parse(
        """
        AWSTemplateFormatVersion: 2010-09-09
        Description: Orders.
        Parameters: {Stage: {Type: String, Default: dev}}
        Mappings: {Sizes: {dev: {Memory: 128, Zones: [a, b]}}}
        Conditions: {IsProduction: !Equals [!Ref Stage, prod]}
        Rules: {Known: {Assertions: [{Assert: !Equals [a, a], AssertDescription: d}]}}
        Resources:
          Queue:
            Type: AWS::SQS::Queue
            DependsOn: Role
            Condition: IsProduction
            DeletionPolicy: Retain
            UpdateReplacePolicy: Snapshot
            Metadata: {Why: because}
            Properties: {QueueName: q}
          Role: {Type: 'AWS::IAM::Role', DependsOn: [A, B, A]}
        Outputs: {Url: {Value: !Ref Queue, Description: u, Export: {Name: url}, Condition: IsProduction}}
        """
    )
    queue = template.resources["Queue"]
    assert (queue.type, queue.depends_on, queue.condition) == ("AWS::SQS::Queue", ("Role",), "IsProduction")
    assert (queue.deletion_policy, queue.replace_policy) == ("Retain", "Snapshot")
    assert template.resources["Role"].depends_on == ("A", "B")
    assert template.outputs["Url"].export == "url"
    assert template.mappings["Sizes"]["dev"]["Zones"] == ["a", "b"]
    assert template.rules["Known"].assertions[0].description == "d"
    assert template.description == "Orders."


#: A document beside a queue, and CloudFormation's words for it. Of those that it is recorded for in AWS's answers, the
#: words are AWS's: unknown properties, no Resources, no Type, mappings, outputs.
REFUSED: list[tuple[Any, str]] = [
    ({"Resources": {}}, "Template format error: At least one Resources member must be defined."),
    ({"Nope": 1, "Globals": {}}, "Invalid template property or properties [Nope, Globals]"),
    ({"Resources": {"A": {"Type": "T", "Invalid": 1}}}, "Invalid template resource property 'Invalid'"),
    (
        {"Resources": {"A": {"Properties": {}}}},
        "Template format error: [/Resources/A] Every Resources object must contain a Type member.",
    ),
    ({"Resources": {"My-Queue": {"Type": "T"}}}, "Template format error: Resource name My-Queue is non alphanumeric."),
    ({"Resources": {"A": "T"}}, "Template format error: [/Resources/A] Every Resources member must be an object."),
    ({"Resources": ["A"]}, "Template format error: every Resources member must be a map."),
    (
        {"Resources": {"A": {"Type": "T", "DependsOn": [1]}}},
        "Template format error: DependsOn must be a string or list of strings.",
    ),
    (
        {"Resources": {"A": {"Type": "T", "DeletionPolicy": "Keep"}}},
        "Template error: Invalid value for DeletionPolicy in resource A: Keep",
    ),
    (
        {"Resources": {f"A{i}": {"Type": "T"} for i in range(501)}},
        "Template format error: Number of resources, 501, is greater than maximum allowed, 500",
    ),
    (
        {"Parameters": {f"P{i}": {"Type": "String"} for i in range(201)}},
        "Template format error: Number of parameters, 201, is greater than maximum allowed, 200",
    ),
    (
        {"Outputs": {f"O{i}": {"Value": "v"} for i in range(201)}},
        "Template format error: Number of outputs, 201, is greater than maximum allowed, 200",
    ),
    ({"Description": "d" * 1025}, "Template format error: 'Description' length is greater than 1024"),
    ({"Mappings": {"M": {"a": "b"}}}, "Template format error: Every Mappings member a must be a map"),
    ({"Mappings": {"M": "b"}}, "Template format error: Every Mappings member M must be a map"),
    (
        {"Mappings": {"M": {"a": {"b": {"c": "d"}}}}},
        "Template format error: Every Mappings attribute must be a String or a List.",
    ),
    (
        {"Mappings": {"M": {"a": {"b": {"Ref": "P"}}}}},
        "Template format error: Every Mappings attribute must be a String or a List.",
    ),
    (
        {"Outputs": {"O": {"Description": "d"}}},
        "Template format error: Every Outputs member must contain a Value object",
    ),
    ({"Outputs": {"O-1": {"Value": "d"}}}, "Template format error: Output name O-1 is non alphanumeric."),
    ({"Outputs": {"O": {"Value": "d", "Name": "n"}}}, "Invalid template output property 'Name'"),
    ({"Conditions": {"C": "yes"}}, "Template format error: Any Conditions member must be a JSON object."),
    ({"Rules": {"R": {"Assert": 1}}}, "Template format error: Every Rules member must contain Assertions: R"),
]


@pytest.mark.parametrize(("document", "message"), REFUSED)
def test_what_a_section_must_not_have_is_refused(document: Any, message: str) -> None:
    with pytest.raises(TemplateError) as refused:
        Template.of({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}} | document)
    assert refused.value.message == message


def test_the_macros_of_a_template_are_told() -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/transform-section-structure.html"""
    assert transforms(read(QUEUE)) == ()
    assert transforms(read("Transform: AWS::Serverless-2016-10-31\n" + QUEUE)) == ("AWS::Serverless-2016-10-31",)
    assert transforms(read("Transform: [A, {Name: B, Parameters: {}}]\n" + QUEUE)) == ("A", "B")
    refuse_macros(read("Transform: AWS::Serverless-2016-10-31\n" + QUEUE))


def expanded(document: Document) -> Template:
    """As a service reads a template."""
    refuse_macros(document)
    return Template.of(document)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Transform: AWS::LanguageExtensions\n", "AWS::LanguageExtensions"),
        ("Transform: [MyMacro, AWS::Serverless-2016-10-31]\n", "MyMacro"),
        ("Transform: {Name: AWS::Include, Parameters: {Location: s3}}\n", "AWS::Include"),
        ("Outputs: {O: {Value: {Fn::Transform: {Name: AWS::Include}}}}\n", "AWS::Include"),
        ("Outputs: {'Fn::ForEach::Each': [x, [a], {}]}\n", "AWS::LanguageExtensions"),
        ("Resources: {A: {Type: 'My::S3::Bucket::MODULE'}}\n", "Modules .* resource A of type My::S3::Bucket::MODULE"),
        ("Hooks: {H: {Type: 'AWS::CodeDeploy::BlueGreen'}}\n", "Hooks"),
        (
            "Outputs: {O: {Value: v}}\nResources: {A: {Type: T, DeletionPolicy: !Ref P}}\n",
            "DeletionPolicy of resource A",
        ),
    ],
)
def test_macros_and_extensions_are_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(Unsupported, match=named):
        expanded(read(QUEUE) | read(text))


def test_a_condition_may_have_any_name() -> None:
    """As in https://github.com/aws-quickstart/quickstart-aws-vpc"""
    assert list(parse(QUEUE + "Conditions: {'A&B-c': !Equals [a, b]}\n").conditions) == ["A&B-c"]


def test_a_document_is_a_template_after_its_transform() -> None:
    document = json.loads('{"Transform": "AWS::Serverless-2016-10-31", "Resources": {"A": {"Type": "T"}}}')
    assert Template.of(document).resources["A"].type == "T"
