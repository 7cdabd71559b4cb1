"""Texts of templates, JSON and YAML, and what they are read as.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html
"""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.templates.document import LARGEST_BODY, LARGEST_BY_URL, check_length, pointer, read, walk
from sandbox.templates.errors import TemplateError

#: A YAML value, and the plain value that it is.
#: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
VALUES: list[tuple[str, Any]] = [
    ("!Ref Queue", {"Ref": "Queue"}),
    ("!Ref AWS::Region", {"Ref": "AWS::Region"}),
    ("!Condition IsProduction", {"Condition": "IsProduction"}),
    ("!GetAtt Queue.Arn", {"Fn::GetAtt": ["Queue", "Arn"]}),
    ("!GetAtt Nested.Outputs.Url", {"Fn::GetAtt": ["Nested", "Outputs.Url"]}),
    ("!GetAtt [Queue, Arn]", {"Fn::GetAtt": ["Queue", "Arn"]}),
    ("!GetAtt Queue", {"Fn::GetAtt": "Queue"}),
    ("!Sub '${A}-b'", {"Fn::Sub": "${A}-b"}),
    ("!Sub ['${a}', {a: !Ref B}]", {"Fn::Sub": ["${a}", {"a": {"Ref": "B"}}]}),
    ("!Join ['', [a, !Ref B]]", {"Fn::Join": ["", ["a", {"Ref": "B"}]]}),
    ("!Select [0, !GetAZs '']", {"Fn::Select": [0, {"Fn::GetAZs": ""}]}),
    ("!GetAZs", {"Fn::GetAZs": ""}),
    ("!Split [',', a]", {"Fn::Split": [",", "a"]}),
    ("!FindInMap [M, !Ref 'AWS::Region', k]", {"Fn::FindInMap": ["M", {"Ref": "AWS::Region"}, "k"]}),
    ("!Base64 12", {"Fn::Base64": "12"}),
    ("!Cidr [10.0.0.0/16, 2, 8]", {"Fn::Cidr": ["10.0.0.0/16", 2, 8]}),
    ("!ImportValue x", {"Fn::ImportValue": "x"}),
    ("!If [C, a, !Ref 'AWS::NoValue']", {"Fn::If": ["C", "a", {"Ref": "AWS::NoValue"}]}),
    ("!And [!Condition A, !Not [!Condition B]]", {"Fn::And": [{"Condition": "A"}, {"Fn::Not": [{"Condition": "B"}]}]}),
    ("!Or [!Equals [a, b], !Condition A]", {"Fn::Or": [{"Fn::Equals": ["a", "b"]}, {"Condition": "A"}]}),
    ("!Transform {Name: 'AWS::Include'}", {"Fn::Transform": {"Name": "AWS::Include"}}),
    ("{Fn::Sub: '${A}'}", {"Fn::Sub": "${A}"}),
    # "CloudFormation doesn't support the binary, omap, pairs, set, and timestamp tags": a date is its text.
    ("2012-10-17", "2012-10-17"),
    ("2001-12-15T02:59:43.1Z", "2001-12-15T02:59:43.1Z"),
    # "CloudFormation supports the YAML Version 1.1 specification".
    ("yes", True),
    ("off", False),
    ("010", 8),
    ("0x1F", 31),
    ("1_000", 1000),
    ("1.5", 1.5),
    # AWS reads with SnakeYAML, to which these are floats: https://github.com/cloudtools/troposphere/issues/1290
    ("1e3", 1000.0),
    ("012345678901", 12345678901.0),
    ("1e999", "1e999"),
    (".inf", ".inf"),
    ("123456789012", 123456789012),
    ("'123456789012'", "123456789012"),
    ("!!str 12", "12"),
    ("! 12", "12"),
    ("{<<: a}", {"<<": "a"}),
    ("=", "="),
    ("''", ""),
    ("[]", []),
    ("{}", {}),
    ("|\n  a\n  b\n", "a\nb\n"),
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_yaml_is_read(text: str, value: Any) -> None:
    assert read(f"P: {text}") == {"P": value}


@pytest.mark.parametrize(
    ("text", "value"), [('{"a": {"Ref": "b"}}', {"a": {"Ref": "b"}}), ("\ufeff {}", {}), ("{}", {})]
)
def test_json_is_read(text: str, value: Any) -> None:
    assert read(text) == value


def test_the_last_of_two_equal_keys_counts() -> None:
    assert read("A: 1\nA: 2") == {"A": 2}
    assert read('{"A": 1, "A": 2}') == {"A": 2}


#: A text, and CloudFormation's words. Those of malformed texts, structure and null are recorded answers of AWS.
REFUSED = [
    ("A: &x 1\nB: *x", "Template error: YAML aliases are not allowed in CloudFormation templates"),
    ("A: *x", "Template error: YAML aliases are not allowed in CloudFormation templates"),
    ("A:\n  B: !Nope x", "Template format error: YAML not well-formed. (line 2, column 6)"),
    ("A: !Nope [x]", "Template format error: YAML not well-formed. (line 1, column 4)"),
    ("A: !!binary eA==", "Template format error: YAML not well-formed. (line 1, column 4)"),
    ("A: !!python/object:os.system x", "Template format error: YAML not well-formed. (line 1, column 4)"),
    ("A: !!int x", "Template format error: YAML not well-formed. (line 1, column 4)"),
    ("A: b: c", "Template format error: YAML not well-formed. (line 1, column 5)"),
    ("A: 1\n---\nB: 2", "Template format error: YAML not well-formed. (line 2, column 1)"),
    ("A: \x00", "Template format error: YAML not well-formed."),
    ("A: " + "9" * 5_000, "Template format error: YAML not well-formed. (line 1, column 4)"),
    ('{"invalid-template": }', "Template format error: JSON not well-formed. (line 1, column 22)"),
    ('{"A": NaN}', "Template format error: JSON not well-formed."),
    ('{"A": 1e999}', "Template format error: JSON not well-formed."),
    ("just text", "Template format error: unsupported structure."),
    ("- A", "Template format error: unsupported structure."),
    ("", "Template format error: unsupported structure."),
    ("Parameters:\nResources: {}", "[/Parameters] 'null' values are not allowed in templates"),
    ("Outputs: {MyOutput: {Value: }}", "[/Outputs/MyOutput/Value] 'null' values are not allowed in templates"),
    ('{"A": [1, null]}', "[/A/1] 'null' values are not allowed in templates"),
    ("A: {200: b}", "Template format error: [/A] map keys must be strings; received numeric [200] instead"),
    ("A: [{on: b}]", "Template format error: [/A/0] map keys must be strings; received boolean [true] instead"),
    ("A: {!Sub '${B}': c}", "Template format error: [/A] map keys must be strings; received a map instead"),
    ("A: {? [b] : c}", "Template format error: [/A] map keys must be strings; received a list instead"),
    ("A: \ud800", "Template format error: the template is not valid Unicode text."),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_what_is_no_template_is_refused_in_cloudformations_words(text: str, message: str) -> None:
    with pytest.raises(TemplateError) as refused:
        read(text)
    assert refused.value.message == message
    assert refused.value.code == "ValidationError"


def test_a_body_is_shorter_than_a_template_by_url() -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
    check_length("a" * LARGEST_BODY)
    check_length("a" * LARGEST_BY_URL, by_url=True)
    with pytest.raises(TemplateError, match=r"at 'templateBody' .* length less than or equal to 51200"):
        check_length("é" * (LARGEST_BODY // 2 + 1))
    with pytest.raises(TemplateError, match=r"Template may not exceed 1000000 bytes in size\."):
        check_length("a" * (LARGEST_BY_URL + 1), by_url=True)


def test_walk_goes_through_the_text_in_order() -> None:
    value = {"A": [1, {"B": 2}], "C": 3}
    assert [(pointer(path), inner) for path, inner in walk(value)][2:] == [
        ("/A/0", 1),
        ("/A/1", {"B": 2}),
        ("/A/1/B", 2),
        ("/C", 3),
    ]
