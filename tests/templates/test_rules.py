"""Rules: assertions about parameters.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-rules.html
"""

from __future__ import annotations

import pytest

from sandbox.templates import TemplateError, Unsupported, check, check_rules
from tests.templates.building import evaluation

TEMPLATE = """
Parameters:
  Environment: {{Type: String, Default: test}}
  InstanceType: {{Type: String, Default: a1.medium}}
  Subnets: {{Type: "List<AWS::EC2::Subnet::Id>", Default: "subnet-1, subnet-2"}}
  Groups: {{Type: "AWS::EC2::SecurityGroup::Id", Default: sg-1}}
Rules:
  R:
    {condition}
    Assertions:
      - Assert: {assertion}
        AssertDescription: the description
Resources: {{Queue: {{Type: "AWS::SQS::Queue"}}}}
"""


#: RuleCondition, Assert, whether the rule is satisfied.
@pytest.mark.parametrize(
    ("condition", "assertion", "satisfied"),
    [
        ("", "!Contains [[a1.medium, a1.large], !Ref InstanceType]", True),
        ("", "!Contains [[a1.large], !Ref InstanceType]", False),
        ("RuleCondition: !Equals [!Ref Environment, prod]", "!Contains [[a1.large], !Ref InstanceType]", True),
        ("RuleCondition: !Equals [!Ref Environment, test]", "!Contains [[a1.large], !Ref InstanceType]", False),
        ("", "!Not [!Contains [['1', '2'], !Ref Environment]]", True),
        ("", "!EachMemberEquals [[a, a], a]", True),
        ("", "!EachMemberEquals [[a, b], a]", False),
        ("", "!EachMemberIn [!Ref Subnets, [subnet-1, subnet-2, subnet-3]]", True),
        ("", "!EachMemberIn [!Ref Subnets, [subnet-1]]", False),
        ("", "!Contains [!RefAll 'AWS::EC2::Subnet::Id', subnet-2]", True),
        ("", "!EachMemberIn [!RefAll 'AWS::EC2::SecurityGroup::Id', [sg-1]]", True),
        ("", "!And [!Contains [[a], a], !Or [!Equals [a, b], !Equals [a, a]]]", True),
    ],
)
def test_a_rule_is_satisfied_or_not(condition: str, assertion: str, satisfied: bool) -> None:
    evaluating = evaluation(TEMPLATE.format(condition=condition, assertion=assertion))
    check(evaluating.template)
    if satisfied:
        check_rules(evaluating)
    else:
        with pytest.raises(TemplateError, match=r"^the description$"):
            check_rules(evaluating)


def test_attributes_of_existing_resources_are_refused_by_name() -> None:
    text = TEMPLATE.format(condition="", assertion="!EachMemberEquals [!ValueOf [Subnets, VpcId], vpc-1]")
    with pytest.raises(Unsupported, match="Fn::ValueOf is not supported by this sandbox"):
        check_rules(evaluation(text))


def test_functions_of_rules_are_rules_only() -> None:
    text = TEMPLATE.format(condition="", assertion="!Equals [a, a]") + "Conditions: {C: !Contains [[a], a]}\n"
    with pytest.raises(TemplateError, match="unsupported function: Fn::Contains"):
        check(evaluation(text).template)
