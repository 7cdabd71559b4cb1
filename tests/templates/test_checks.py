"""What is refused in a template before any value is known.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ValidateTemplate.html
"""

from __future__ import annotations

import pytest

from sandbox.templates import TemplateError, Unsupported, check, parse

QUEUE = "Queue: {Type: 'AWS::SQS::Queue'"
RESOURCES = "Template format error: Unresolved resource dependencies [{}] in the Resources block of the template"
#: A template and CloudFormation's words. Those of resource dependencies, Fn::GetAtt and conditions are AWS's.
REFUSED: list[tuple[str, str]] = [
    (f"Resources: {{{QUEUE}, Properties: {{N: !Ref Nope}}}}}}", RESOURCES.format("Nope")),
    (
        f"Resources: {{{QUEUE}, Properties: {{N: [!Ref A, !Sub '${{B}}', !Ref A], M: !If [C, !Ref D, !Ref E]}}}}}}\n"
        "Conditions: {C: !Equals [a, b]}",
        RESOURCES.format("A, B, D, E"),
    ),
    (f"Resources: {{{QUEUE}, DependsOn: [Queue2, Nope]}}, Queue2: {{Type: T}}}}", RESOURCES.format("Nope")),
    (
        f"Resources: {{{QUEUE}, DependsOn: P}}}}\nParameters: {{P: {{Type: String}}}}",
        RESOURCES.format("P"),
    ),
    (f"Resources: {{{QUEUE}, Metadata: {{N: !Ref Nope}}}}}}", RESOURCES.format("Nope")),
    (
        f"Resources: {{{QUEUE}, Properties: {{N: !GetAtt Nope.Arn}}}}}}",
        "Template error: instance of Fn::GetAtt references undefined resource Nope",
    ),
    (
        f"Resources: {{{QUEUE}, Properties: {{N: !Sub '${{Nope.Arn}}'}}}}}}",
        "Template error: instance of Fn::Sub references invalid resource attribute Nope.Arn",
    ),
    (
        f"Resources: {{{QUEUE}, Condition: Nope}}}}",
        "Template format error: Unresolved condition dependency Nope in the Resources block of the template",
    ),
    (
        f"Resources: {{{QUEUE}, Properties: {{N: !If [Nope, a, b]}}}}}}",
        "Template error: unresolved condition dependency Nope in Fn::If",
    ),
    (
        f"Resources: {{{QUEUE}, Properties: {{N: !FindInMap [Nope, a, b]}}}}}}",
        "Template error: Mapping named 'Nope' is not present in the 'Mappings' section of template.",
    ),
    (
        f"Resources: {{{QUEUE}, Properties: {{N: !Equals [a, b]}}}}}}",
        "Template error: Fn::Equals cannot be partially collapsed",
    ),
    (
        f"Resources: {{{QUEUE}}}}}\nOutputs: {{O: {{Value: !Ref Nope}}}}",
        "Template format error: Unresolved resource dependencies [Nope] in the Outputs block of the template",
    ),
    (
        f"Resources: {{{QUEUE}}}}}\nOutputs: {{O: {{Value: a, Export: {{Name: !Ref Nope}}}}}}",
        "Template format error: Unresolved resource dependencies [Nope] in the Outputs block of the template",
    ),
    (
        f"Resources: {{{QUEUE}}}}}\nOutputs: {{O: {{Value: a, Condition: Nope}}}}",
        "Template format error: Unresolved condition dependency Nope in the Outputs block of the template",
    ),
    (
        f"Resources: {{{QUEUE}}}}}\nConditions: {{C: !Equals [!Ref Queue, !Ref Nope]}}",
        "Template format error: Unresolved dependencies [Queue, Nope]. Cannot reference resources in the Conditions "
        "block of the template",
    ),
    (
        f"Resources: {{{QUEUE}}}}}\nConditions: {{C: !Not [!Condition Nope]}}",
        "Template format error: Unresolved condition dependency Nope in the Conditions block of the template",
    ),
    (
        f"Resources: {{{QUEUE}}}}}\n"
        "Conditions: {A: !Not [!Condition B], B: !Not [!Condition A], C: !Not [!Condition A]}",
        "Template error: Found circular condition dependency: A, B, C",
    ),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_a_name_that_names_nothing_is_refused(text: str, message: str) -> None:
    template = parse("---\n" + text)
    with pytest.raises(TemplateError) as refused:
        check(template)
    assert refused.value.message == message


@pytest.mark.parametrize(
    "text",
    [
        f"Resources: {{{QUEUE}, Properties: {{N: !Sub ['${{a}}', {{a: b}}], M: !Ref 'AWS::NoValue'}}}}}}",
        f"Resources: {{{QUEUE}, Properties: {{P: {{Statement: [{{Condition: {{Bool: {{a: b}}}}}}]}}}}}}}}",
        f"Resources: {{{QUEUE}, Properties: {{N: '${{Nope}}'}}}}}}",
        f"Resources: {{{QUEUE}}}}}\n"
        "Conditions: {C: !Equals [!Ref 'AWS::Region', a], D: !And [!Condition C, !Condition C]}",
    ],
)
def test_a_template_that_is_right_passes(text: str) -> None:
    check(parse("---\n" + text))


def test_macros_in_a_resource_are_refused_by_name() -> None:
    template = parse(f"---\nResources: {{{QUEUE}, Properties: {{N: !Transform {{Name: M}}}}}}}}")
    with pytest.raises(Unsupported, match="Fn::Transform"):
        check(template)
