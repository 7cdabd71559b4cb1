"""Dependencies, cycles, and the order of creation and deletion.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-dependson.html
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.templates import Order, TemplateError, check_cycles, dependencies, parse, reversed_graph, waves
from tests.templates.building import evaluation

TEMPLATE = """
Parameters: {Stage: {Type: String, Default: dev}}
Conditions: {IsProduction: !Equals [!Ref Stage, prod]}
Resources:
  Role: {Type: AWS::IAM::Role}
  Table: {Type: AWS::DynamoDB::Table}
  Alarm: {Type: AWS::CloudWatch::Alarm, Condition: IsProduction, Properties: {A: !Ref Table}}
  Function:
    Type: AWS::Lambda::Function
    DependsOn: Alarm
    Properties:
      Role: !GetAtt Role.Arn
      Environment: {Variables: {TABLE: !Sub "${AWS::StackName}/${Table}", STAGE: !Ref Stage}}
      Topic: !If [IsProduction, !Ref Topic, !Ref "AWS::NoValue"]
  Topic: {Type: AWS::SNS::Topic, Metadata: {Function: !Ref Queue}}
  Queue: {Type: AWS::SQS::Queue, UpdatePolicy: {A: !Sub ["${b}", {b: !Ref Role}]}}
"""


def test_what_a_resource_needs() -> None:
    assert dependencies(parse(TEMPLATE)) == {
        "Role": set(),
        "Table": set(),
        "Alarm": {"Table"},
        "Function": {"Alarm", "Role", "Table", "Topic"},
        "Topic": {"Queue"},
        "Queue": {"Role"},
    }


def test_only_resources_and_branches_whose_condition_is_true_count() -> None:
    evaluating = evaluation(TEMPLATE)
    graph = dependencies(evaluating.template, evaluating.condition)
    assert list(graph) == ["Role", "Table", "Function", "Topic", "Queue"]
    assert graph["Function"] == {"Role", "Table"}
    production = evaluation(TEMPLATE, Stage="prod")
    assert dependencies(production.template, production.condition) == dependencies(production.template)


def test_waves_are_what_can_be_made_at_once() -> None:
    graph = dependencies(parse(TEMPLATE))
    assert waves(graph) == [["Role", "Table"], ["Queue", "Alarm"], ["Topic"], ["Function"]]
    assert waves(reversed_graph(graph)) == [["Function"], ["Alarm", "Topic"], ["Table", "Queue"], ["Role"]]


#: The graph, and the names in CloudFormation's words: those on a cycle, and those that need one of them.
@pytest.mark.parametrize(
    ("needs", "named"),
    [
        ({"A": "B", "B": "A"}, "A, B"),
        ({"A": "A"}, "A"),
        ({"Function": "Policy", "Bucket": "Function", "Policy": "Bucket", "Free": ""}, "Function, Bucket, Policy"),
        ({"A": "B", "B": "C", "C": "B", "D": "", "E": "D"}, "A, B, C"),
    ],
)
def test_a_cycle_is_refused(needs: dict[str, str], named: str) -> None:
    graph = {name: frozenset(filter(None, [needed])) for name, needed in needs.items()}
    with pytest.raises(TemplateError) as refused:
        check_cycles(graph)
    assert refused.value.message == f"Circular dependency between resources: [{named}]"


def test_a_function_a_bucket_and_a_policy_that_need_each_other_are_refused() -> None:
    template = parse(
        """
        Resources:
          Function: {Type: AWS::Lambda::Function, Properties: {Role: !GetAtt Role.Arn}}
          Role: {Type: AWS::IAM::Role, Properties: {Policy: !Sub "${Bucket.Arn}/*"}}
          Bucket: {Type: AWS::S3::Bucket, DependsOn: Permission, Properties: {Function: !GetAtt Function.Arn}}
          Permission: {Type: AWS::Lambda::Permission, Properties: {FunctionName: !Ref Function}}
          Table: {Type: AWS::DynamoDB::Table}
        """
    )
    with pytest.raises(TemplateError, match=r"between resources: \[Function, Role, Bucket, Permission\]"):
        check_cycles(dependencies(template))


def test_an_order_starts_what_waits_for_nothing_more() -> None:
    order = Order({"A": frozenset(), "B": frozenset({"A"}), "C": frozenset({"A", "B"}), "D": frozenset()})
    assert order.ready() == ["A", "D"]
    order.start("A")
    assert order.ready() == ["D"]
    assert order.working == {"A"}
    order.finish("A")
    assert order.ready() == ["D", "B"]
    order.start("B")
    order.finish("B")
    order.finish("B")
    assert order.ready() == ["D", "C"]


def test_what_failed_keeps_back_those_that_need_it() -> None:
    order = Order({"A": frozenset(), "B": frozenset({"A"})})
    order.start("A")
    assert order.ready() == []
    assert order.working == {"A"}


def test_an_order_goes_on_where_another_stopped() -> None:
    graph = {"A": frozenset[str](), "B": frozenset({"A"}), "C": frozenset({"B"})}
    assert Order(graph, finished=["A"]).ready() == ["B"]


@given(st.lists(st.sets(st.integers(0, 11)), min_size=1, max_size=12))
def test_every_resource_comes_after_what_it_needs(needs: list[set[int]]) -> None:
    graph = {f"R{i}": frozenset(f"R{j}" for j in needed if j < i) for i, needed in enumerate(needs)}
    found = waves(graph)
    place = {name: number for number, wave in enumerate(found) for name in wave}
    assert place.keys() == graph.keys()
    for name, needed in graph.items():
        assert place[name] == max((place[one] + 1 for one in needed), default=0)
