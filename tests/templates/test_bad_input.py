"""Templates that mean no good: refused or read, soon, without a crash."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.templates import Evaluation, Stack, TemplateError, check, dependencies, parse, read, resolve, waves

STACK = Stack("s", "arn:aws:cloudformation:us-east-1:123456789012:stack/s/1", "123456789012", "us-east-1")


@contextmanager
def soon() -> Iterator[None]:
    """Within a hundredfold of what it takes."""
    start = time.perf_counter()
    yield
    assert time.perf_counter() - start < 10


def evaluate(text: str) -> None:
    """All that is done with a template before anything is made."""
    template = parse(text)
    check(template)
    evaluation = Evaluation(template, resolve(template.parameters, []), STACK)
    waves(dependencies(template, evaluation.condition))
    for resource in template.resources.values():
        evaluation.value(resource.properties)
    for output in template.outputs.values():
        evaluation.value(output.value, "Outputs")


def evaluated_or_refused(document: dict[str, Any]) -> None:
    """No other exception than CloudFormation's refusal leaves the library."""
    with suppress(TemplateError):
        evaluate(json.dumps(document))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 1_000_000,
        "A: " + "[" * 1_000_000,
        "A: " + "{a: " * 300_000,
        "".join(f"{' ' * depth}a:\n" for depth in range(1_400)),
        "- " * 500_000,
        '{"A": ' + "[" * 1_000_000,
        '{"A":' * 200_000,
        "A: " + "!Ref " * 200_000,
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "\n".join(f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]" for i in range(20)),
        "A: &A [*A]",
        "x" * 1_000_000,
        '"' * 999_999,
        "A: '" + "'' " * 300_000,
        "? " * 300_000,
        "#" * 1_000_000,
        "A: " + "9" * 1_000_000,
        "A: 0b" + "1" * 1_000_000,
        "Description: 1" + ":1" * 100_000,
        "Resources: {A: {Type: T, Properties: {P: !Join ['', [0x" + "f" * 500_000 + "]]}}}",
        "%" * 100_000,
        "&a " * 100_000,
    ],
)
def test_a_template_of_a_million_characters_is_refused(text: str) -> None:
    with soon(), pytest.raises(TemplateError):
        evaluate(text)


def test_a_template_of_a_million_characters_is_read() -> None:
    resources = {f"Queue{i}": {"Type": "AWS::SQS::Queue", "Properties": {"Name": "n" * 1_800}} for i in range(499)}
    text = json.dumps({"Resources": resources})
    with soon():
        evaluate(text)
    with soon():
        evaluate(yaml.safe_dump({"Resources": resources}))


@pytest.mark.parametrize(
    "value",
    [
        {"Fn::Sub": "${" * 300_000},
        {"Fn::Sub": "${a" * 300_000},
        {"Fn::Sub": "${!" * 300_000 + "}"},
        {"Fn::Join": ["", ["a"] * 100_000]},
        {"Fn::Split": [",", "," * 300_000]},
        {"Fn::Cidr": ["::/0", 256, 128]},
        {"Fn::Cidr": ["10.0.0.0/8", "9" * 10_000, 8]},
        {"Fn::Select": ["9" * 10_000, []]},
        "{{resolve:" * 50_000,
    ],
)
def test_an_expression_of_a_million_characters_is_evaluated_soon(value: Any) -> None:
    with soon():
        evaluated_or_refused({"Resources": {"A": {"Type": "T", "Properties": {"P": value}}}})


def test_five_hundred_resources_that_all_need_each_other_are_put_in_order_soon() -> None:
    resources = {f"R{i}": {"Type": "T", "DependsOn": [f"R{j}" for j in range(max(0, i - 80), i)]} for i in range(500)}
    with soon():
        evaluate(json.dumps({"Resources": resources}))


FUNCTIONS = [
    *("Ref", "Fn::GetAtt", "Fn::Sub", "Fn::Join", "Fn::Select", "Fn::Split", "Fn::FindInMap", "Fn::GetAZs", "Fn::If"),
    *("Fn::Base64", "Fn::Cidr", "Fn::ImportValue", "Fn::Equals", "Fn::And", "Fn::Not", "Condition", "Fn::Transform"),
    *("Fn::Length", "Fn::ForEach::X", "Fn::Nope", "Fn::Contains"),
]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 300)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        ["A", "B", "C", "AWS::Region", "AWS::NoValue", "A.Arn", "${A}", "${A.Arn}-${B}", "", "10.0.0.0/24", "x"]
    )
    | st.text(max_size=8)
)
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(FUNCTIONS), inner, min_size=1, max_size=1)
        | st.dictionaries(st.sampled_from(["a", "Type", "Properties", "Ref"]), inner, max_size=3)
    ),
    max_leaves=12,
)
SECTIONS = st.fixed_dictionaries(
    {
        "Resources": st.fixed_dictionaries(
            {
                "A": st.fixed_dictionaries(
                    {"Type": st.just("T"), "Properties": st.fixed_dictionaries({"P": EXPRESSIONS})}
                )
            }
        )
    },
    optional={
        "Parameters": st.fixed_dictionaries({"B": EXPRESSIONS | st.just({"Type": "String", "Default": "b"})}),
        "Conditions": st.fixed_dictionaries({"C": EXPRESSIONS}),
        "Mappings": EXPRESSIONS,
        "Outputs": st.fixed_dictionaries({"O": st.fixed_dictionaries({"Value": EXPRESSIONS})}),
        "Rules": EXPRESSIONS,
        "Description": EXPRESSIONS,
        "Transform": EXPRESSIONS,
    },
)


@settings(max_examples=300, deadline=None)
@given(SECTIONS)
def test_any_structure_is_evaluated_or_refused(document: dict[str, Any]) -> None:
    evaluated_or_refused(document)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab:{}[]&*!-?|>'\"\n #,%@`\t~01.<=", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(TemplateError):
        document = read(text)
        assert isinstance(document, dict)
        assert read(json.dumps(document)) == document


class Flat(yaml.SafeDumper):
    """Writes every string in quotes, and nothing as an alias."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


Flat.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.text(min_size=1, max_size=5),
        st.recursive(
            st.booleans() | st.integers() | st.text(max_size=10),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
            max_leaves=8,
        ),
        max_size=4,
    )
)
def test_yaml_and_json_of_one_document_are_read_alike(document: dict[str, Any]) -> None:
    assert read(json.dumps(document)) == document
    assert read("---\n" + yaml.dump(document, Dumper=Flat)) == document
