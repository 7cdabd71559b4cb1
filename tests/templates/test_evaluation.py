"""The values of expressions: every intrinsic function and pseudo parameter, known and not yet known, and refusals.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.templates import Evaluation, Made, TemplateError, Unknown, Unsupported, read, unknown
from sandbox.templates.evaluation import Touched
from tests.templates.building import STACK, evaluation

PAGE = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-"

TEMPLATE = """
Parameters:
  Stage: {Type: String, Default: dev}
  Zones: {Type: CommaDelimitedList, Default: "a, b,c"}
  Port: {Type: Number, Default: 8080}
Mappings:
  RegionMap:
    us-east-1: {HVM64: ami-1, Number: 1, Zones: [x, y]}
    eu-west-1: {HVM64: ami-2, Number: 2, Zones: [z]}
Conditions:
  IsProduction: !Equals [!Ref Stage, prod]
  IsDevelopment: !Not [!Condition IsProduction]
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Table: {Type: AWS::DynamoDB::Table}
  Absent: {Type: AWS::SQS::Queue, Condition: IsProduction}
  Own: {Type: Custom::Own}
"""
MADE = {
    "Queue": Made("https://queue/q", {"Arn": "arn:aws:sqs:eu-west-1:123456789012:q", "Tags": ["t"]}),
    "Own": Made("own-1", {"Nested.Name": "n"}),
}


def value_of(text: str) -> Any:
    hooks = {"exported": {"net-Vpc": "vpc-1"}.__getitem__}
    return evaluation(TEMPLATE, MADE, hooks).value(read(f"P: {text}")["P"])


#: The page (after PAGE), an expression, its value.
VALUES: list[tuple[str, str, Any]] = [
    ("ref", "!Ref Stage", "dev"),
    ("ref", "!Ref Zones", ["a", "b", "c"]),
    ("ref", "!Ref Port", "8080"),
    ("ref", "!Ref Queue", "https://queue/q"),
    ("ref", "!Ref AWS::AccountId", "123456789012"),
    ("ref", "!Ref AWS::Region", "eu-west-1"),
    ("ref", "!Ref AWS::Partition", "aws"),
    ("ref", "!Ref AWS::URLSuffix", "amazonaws.com"),
    ("ref", "!Ref AWS::StackName", "orders"),
    ("ref", "!Ref AWS::StackId", STACK.id),
    ("ref", "!Select [1, !Ref 'AWS::NotificationARNs']", "arn:aws:sns:eu-west-1:123456789012:b"),
    ("ref", "{A: !Ref 'AWS::NoValue', B: [1, !Ref 'AWS::NoValue']}", {"B": [1]}),
    ("ref", "!Ref AWS::NoValue", None),
    ("getatt", "!GetAtt Queue.Arn", "arn:aws:sqs:eu-west-1:123456789012:q"),
    ("getatt", "{Fn::GetAtt: Queue.Arn}", "arn:aws:sqs:eu-west-1:123456789012:q"),
    ("getatt", "!GetAtt Own.Nested.Name", "n"),
    ("getatt", "{Fn::GetAtt: [Own, Nested, Name]}", "n"),
    ("sub", "!Sub '${AWS::StackName}-${Stage}-${Port}'", "orders-dev-8080"),
    ("sub", "!Sub '${Queue}/${Queue.Arn}'", "https://queue/q/arn:aws:sqs:eu-west-1:123456789012:q"),
    ("sub", "!Sub ['${Domain}.${Stage}', {Domain: !Select [0, !Ref Zones]}]", "a.dev"),
    ("sub", "!Sub ['${Stage}', {Stage: own}]", "own"),
    # "To write a dollar sign and curly braces literally, add an exclamation point": ${!Literal}.
    ("sub", "!Sub '${!Literal} $${Stage} ${ Stage } {Stage} $Stage'", "${Literal} $dev dev {Stage} $Stage"),
    ("join", "!Join ['', ['arn:', !Ref 'AWS::Partition', ':', 1, true]]", "arn:aws:1true"),
    ("join", "!Join [',', !Ref Zones]", "a,b,c"),
    (
        "join",
        "!Join [' ', [012345678901, 1.5, 1e3, -0.0001, 123456789012]]",
        "1.2345678901E10 1.5 1000.0 -1.0E-4 123456789012",
    ),
    ("join", "!Join ['-', []]", ""),
    ("select", "!Select ['1', [apples, grapes]]", "grapes"),
    ("select", "!Select [2, !Ref Zones]", "c"),
    ("select", "!Select [1, !GetAZs '']", "eu-west-1b"),
    ("split", "!Split ['|', 'a|b||c|']", ["a", "b", "", "c", ""]),
    ("split", "!Select [2, !Split [',', !Join [',', !Ref Zones]]]", "c"),
    ("findinmap", "!FindInMap [RegionMap, !Ref 'AWS::Region', HVM64]", "ami-2"),
    ("findinmap", "!FindInMap [RegionMap, us-east-1, Number]", 1),
    ("findinmap", "!Select [1, !FindInMap [RegionMap, us-east-1, Zones]]", "y"),
    ("getavailabilityzones", "!GetAZs ''", ["eu-west-1a", "eu-west-1b", "eu-west-1c"]),
    ("getavailabilityzones", "!GetAZs us-east-1", ["us-east-1a", "us-east-1b", "us-east-1c"]),
    ("getavailabilityzones", "!GetAZs {Ref: 'AWS::Region'}", ["eu-west-1a", "eu-west-1b", "eu-west-1c"]),
    ("base64", "!Base64 AWS CloudFormation", "QVdTIENsb3VkRm9ybWF0aW9u"),
    ("base64", "!Base64 {Fn::Sub: '${Stage} é'}", "ZGV2IMOp"),
    ("cidr", "!Cidr ['192.168.0.0/24', 6, 5]", [f"192.168.0.{32 * i}/27" for i in range(6)]),
    ("cidr", "!Select [3, !Cidr ['10.0.0.0/16', '4', '8']]", "10.0.3.0/24"),
    ("cidr", "!Cidr ['10.0.0.0/24', 1]", ["10.0.0.0/24"]),
    ("cidr", "!Cidr ['2600:1f18:abc:de00::/56', 2, 64]", ["2600:1f18:abc:de00::/64", "2600:1f18:abc:de01::/64"]),
    ("importvalue", "!ImportValue {Fn::Sub: 'net-Vpc'}", "vpc-1"),
    ("conditions", "!If [IsProduction, !Ref Absent, small]", "small"),
    ("conditions", "!If [IsDevelopment, {Size: !Ref Port}, x]", {"Size": "8080"}),
    ("conditions", "[a, !If [IsProduction, b, !Ref 'AWS::NoValue'], c]", ["a", "c"]),
    # No function: a map with more than one key, and Condition outside of conditions.
    ("ref", "{Ref: x, Other: 1}", {"Ref": "x", "Other": 1}),
    ("conditions", "{Statement: {Condition: {Bool: {a: b}}}}", {"Statement": {"Condition": {"Bool": {"a": "b"}}}}),
]


@pytest.mark.parametrize(("page", "text", "value"), VALUES)
def test_a_function_gives_its_value(page: str, text: str, value: Any) -> None:
    assert value_of(text) == value


#: What can't be known before Table is made, and what it follows from.
UNKNOWN: list[tuple[str, Any]] = [
    ("!Ref Table", Unknown(frozenset({("Table", None)}))),
    ("!GetAtt Table.Arn", Unknown(frozenset({("Table", "Arn")}))),
    ("!Sub '${Table}-${Table.Arn}-${Stage}'", Unknown(frozenset({("Table", None), ("Table", "Arn")}))),
    ("!Sub ['${x}', {x: !Ref Table}]", Unknown(frozenset({("Table", None)}))),
    ("!Join ['/', [a, !Ref Table]]", Unknown(frozenset({("Table", None)}))),
    ("!Split ['/', !GetAtt Table.Arn]", Unknown(frozenset({("Table", "Arn")}))),
    ("!Select [1, !Split ['/', !GetAtt Table.Arn]]", Unknown(frozenset({("Table", "Arn")}))),
    ("!Base64 {Ref: Table}", Unknown(frozenset({("Table", None)}))),
    ("!Select [0, [a, !Ref Table]]", "a"),
    ("!Select [1, [a, !Ref Table]]", Unknown(frozenset({("Table", None)}))),
    ("{A: [!Ref Table], B: 1}", {"A": [Unknown(frozenset({("Table", None)}))], "B": 1}),
]


@pytest.mark.parametrize(("text", "value"), UNKNOWN)
def test_what_follows_from_a_resource_is_unknown_until_it_is_made(text: str, value: Any) -> None:
    assert value_of(text) == value


def test_what_is_made_later_becomes_known() -> None:
    made: dict[str, Made] = {}
    evaluating = evaluation(TEMPLATE, made)
    expression = read("P: [!Ref Table, !GetAtt Table.Arn, 1]")["P"]
    assert unknown(evaluating.value(expression)) == Unknown(frozenset({("Table", None), ("Table", "Arn")}))
    with pytest.raises(TemplateError, match=r"reference Table, Table\.Arn not ready"):
        evaluating.whole(expression)
    made["Table"] = Made("orders-Table-1", {"Arn": "arn:table"}, ref="orders")
    assert evaluating.whole(expression) == ["orders", "arn:table", 1]


def test_a_value_tells_what_it_comes_from() -> None:
    evaluating = evaluation(TEMPLATE, MADE, {"exported": lambda name: "vpc-1"})
    text = "[!Ref Zones, !Sub '${Queue.Arn}', !If [IsDevelopment, !Ref Table, !Ref Port], !ImportValue net]"
    _, touched = evaluating.traced(read(f"P: {text}")["P"])
    assert touched == Touched(
        frozenset({"Zones", "Stage"}), frozenset({("Queue", "Arn"), ("Table", None)}), frozenset({"net"})
    )
    # A condition that is decided already tells it again.
    assert evaluating.traced(read("P: !If [IsProduction, a, b]")["P"])[1].parameters == {"Stage"}


JOIN = (
    "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings "
    "to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined."
)
SUB = (
    "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as "
    "first argument, and an optional second argument to specify a mapping of values to replace in the string"
)
GET_ATT = (
    "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource "
    "attribute"
)
#: An expression and CloudFormation's words for it.
REFUSED: list[tuple[str, str]] = [
    (
        "!Ref Nope",
        "Template format error: Unresolved resource dependencies [Nope] in the Resources block of the template",
    ),
    (
        "!Ref Absent",
        "Template format error: Unresolved resource dependencies [Absent] in the Resources block of the template",
    ),
    (
        "!GetAtt Absent.Arn",
        "Template format error: Unresolved resource dependencies [Absent] in the Resources block of the template",
    ),
    (
        "!Sub '${Nope}'",
        "Template format error: Unresolved resource dependencies [Nope] in the Resources block of the template",
    ),
    ("!Sub '${Nope.Arn}'", "Template error: instance of Fn::Sub references invalid resource attribute Nope.Arn"),
    ("{Ref: [a]}", "Template error: All References must be of type string"),
    ("!GetAtt Nope.Arn", "Template error: instance of Fn::GetAtt references undefined resource Nope"),
    (
        "!GetAtt Queue.Nope",
        "Template error: resource Queue does not support attribute type Nope in Fn::GetAtt",
    ),
    (
        "!GetAtt Own.Nope",
        f"CustomResource attribute error: Vendor response doesn't contain Nope attribute in object {STACK.id}|Own",
    ),
    (
        "!GetAtt Queue",
        "Template error: if specifying one argument to Fn::GetAtt, that argument must be a non-empty string in format "
        "<LogicalId>.<Attribute>",
    ),
    ("!GetAtt [Queue, '']", GET_ATT),
    ("!GetAtt [Queue]", GET_ATT),
    ("!GetAtt [Queue, !Ref Zones]", GET_ATT),
    ("!Sub [a]", SUB),
    ("!Sub {a: b}", SUB),
    ("!Sub ['${a}', !Ref Zones]", SUB),
    (
        "!Sub ['${a}', {a: !Ref Zones}]",
        "Template error: every value of the context object of every Fn::Sub object must be a string or a function that "
        "returns a string",
    ),
    ("!Sub '${Zones}'", "Template error: variable Zones in Fn::Sub expression does not resolve to a string"),
    (
        "!Sub '${a b}'",
        "Template error: variable names in Fn::Sub syntax must contain only alphanumeric characters, underscores, "
        "periods, and colons",
    ),
    ("!Join [',']", JOIN),
    ("!Join [',', a]", JOIN),
    ("!Join [',', [[a]]]", JOIN),
    ("!Join [!Ref Zones, [a]]", JOIN),
    ("!Select [3, [a, b]]", "Template error: Fn::Select cannot select nonexistent value at index 3"),
    ("!Select [-1, [a, b]]", "Template error: Fn::Select cannot select nonexistent value at index -1"),
    (
        "!Select [x, [a, b]]",
        "Template error: Fn::Select requires a list argument with a valid index value as its first element",
    ),
    (
        "!Select [0, a]",
        "Template error: Fn::Select requires a list argument with two elements: an integer index and a list",
    ),
    (
        "!Split [',']",
        "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be "
        "split or a function that returns a string to be split.",
    ),
    (
        "!FindInMap [Nope, a, b]",
        "Template error: Mapping named 'Nope' is not present in the 'Mappings' section of template.",
    ),
    (
        "!FindInMap [RegionMap, sa-east-1, HVM64]",
        "Template error: Unable to get mapping for RegionMap::sa-east-1::HVM64",
    ),
    (
        "!FindInMap [RegionMap, us-east-1]",
        "Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the attribute "
        "for return value",
    ),
    ("!GetAZs [a]", "Template error: every Fn::GetAZs object must have a String-typed value."),
    ("!Base64 [a]", "Template error: every Fn::Base64 object must have a String-typed value."),
    ("!Cidr ['10.0.0.0/24', 9, 5]", "Template error: Fn::Cidr cannot fit 9 blocks with 5 CIDR bits in 10.0.0.0/24"),
    ("!Cidr ['10.0.0.0/16', 257, 5]", "Template error: Fn::Cidr count must be from 1 to 256, it is 257"),
    (
        "!ImportValue {Ref: Table}",
        "Template error: the attribute in Fn::ImportValue must not depend on any resources, imported values, or "
        "Fn::GetAZs: it depends on Table",
    ),
    ("!If [Nope, a, b]", "Template error: unresolved condition dependency Nope in Fn::If"),
    ("!If [IsProduction, a]", "Template error: Fn::If requires a list argument with three elements"),
    ("!Equals [a, b]", "Template error: Fn::Equals cannot be partially collapsed"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_a_wrong_expression_is_refused_in_cloudformations_words(text: str, message: str) -> None:
    with pytest.raises(TemplateError) as refused:
        value_of(text)
    assert refused.value.message == message


def test_an_unknown_function_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(TemplateError, match=r"Encountered unsupported function: Fn::Nope .*Fn::Sub.*Ref\]"):
        value_of("{Fn::Nope: a}")


@pytest.mark.parametrize(
    "text",
    [
        "!Length [a]",
        "!ToJsonString {a: b}",
        "!FindInMap [RegionMap, a, b, {DefaultValue: c}]",
        "{'Fn::ForEach::Loop': [a, [b], c]}",
    ],
)
def test_what_needs_the_language_extensions_is_refused_by_name(text: str) -> None:
    with pytest.raises(Unsupported, match=r"Fn::\w+.* AWS::LanguageExtensions.* not supported by this sandbox"):
        value_of(text)


def test_an_output_of_another_stack_is_refused_by_name() -> None:
    with pytest.raises(Unsupported, match="Fn::GetStackOutput is not supported by this sandbox"):
        value_of("{Fn::GetStackOutput: {StackName: s, OutputName: o}}")


def test_an_output_is_refused_with_its_own_section() -> None:
    with pytest.raises(TemplateError, match=r"\[Absent\] in the Outputs block of the template"):
        evaluation(TEMPLATE).value({"Ref": "Absent"}, "Outputs")


def test_there_is_no_export_by_default() -> None:
    with pytest.raises(TemplateError, match=r"No export named net-Vpc found\."):
        evaluation(TEMPLATE).value({"Fn::ImportValue": "net-Vpc"})


def conditions(**expressions: str) -> Evaluation:
    listed = "".join(f"  {name}: {text}\n" for name, text in expressions.items())
    return evaluation(TEMPLATE.replace("Conditions:\n", f"Conditions:\n{listed}"))


#: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-conditions.html
@pytest.mark.parametrize(
    ("text", "true"),
    [
        ("!Equals [a, a]", True),
        ("!Equals [a, A]", False),
        ("!Equals [true, 'true']", True),
        ("!Equals [!Ref Port, 8080]", True),
        ("!Equals [!Ref Zones, [a, b, c]]", True),
        ("!Equals [!Join ['', !Ref Zones], abc]", True),
        ("!Equals [!FindInMap [RegionMap, !Ref 'AWS::Region', HVM64], ami-2]", True),
        ("!Equals [!Select [0, !Ref Zones], !Sub '${Stage}']", False),
        ("!Not [!Equals [a, b]]", True),
        ("!And [!Equals [a, a], !Condition IsDevelopment]", True),
        ("!And [!Equals [a, a], !Condition IsProduction]", False),
        ("!Or [!Equals [a, b], !Not [!Condition IsProduction]]", True),
        ("!Or [!Equals [a, b], !Equals [a, b], !Equals [a, b]]", False),
        ("!Condition IsDevelopment", True),
    ],
)
def test_a_condition_is_true_or_false(text: str, true: bool) -> None:
    assert conditions(C=text).condition("C") is true


TEN = ", ".join(["!Equals [a, a]"] * 10)
BOOLEAN = "Template format error: Conditions can only be boolean operations on parameters and other conditions"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "!And [!Equals [a, a]]",
            "Template error: every Fn::And object requires a list of at least 2 and at most 10 boolean parameters.",
        ),
        (
            f"!Or [{TEN}, !Equals [a, a]]",
            "Template error: every Fn::Or object requires a list of at least 2 and at most 10 boolean parameters.",
        ),
        (
            "!Not [!Equals [a, a], !Equals [a, a]]",
            "Template error: every Fn::Not object requires a list with exactly 1 boolean parameter.",
        ),
        ("!Equals [a]", "Template error: Fn::Equals requires a list argument with two elements"),
        ("!Ref Stage", BOOLEAN),
        ("{A: b, C: d}", BOOLEAN),
        ("!Not [yes]", BOOLEAN),
        ("!Condition Nope", "Template error: unresolved condition dependency Nope"),
        ("!Condition C", "Template error: Found circular condition dependency: C"),
        ("{Condition: [a]}", "Template error: All Conditions must be of type string"),
    ],
)
def test_a_wrong_condition_is_refused(text: str, message: str) -> None:
    with pytest.raises(TemplateError) as refused:
        conditions(C=text).condition("C")
    assert refused.value.message == message


def test_ten_operands_are_not_too_many() -> None:
    assert conditions(C=f"!And [{TEN}]").condition("C")
