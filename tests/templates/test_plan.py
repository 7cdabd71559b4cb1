"""Change sets: from a stack to a new template.

The answers of AWS are those that localstack recorded, tests/aws/services/cloudformation/test_change_set*.snapshot.json;
the rules are of https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChangeDetail.html
"""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.templates import Made, Plan, TemplateError, TypeRules, parse, plan_changes, unknown
from sandbox.templates.changes import KNOWN_LATER
from tests.templates.building import evaluation

RULES = {
    "AWS::SNS::Topic": TypeRules({"TopicName": "Always"}),
    "AWS::SSM::Parameter": TypeRules({"Name": "Always", "Type": "Never"}),
    "AWS::EC2::Instance": TypeRules({"KeyName": "Always", "InstanceType": "Conditionally"}),
    "AWS::DynamoDB::Table": TypeRules({"TableName": "Always", "KeySchema": "Conditionally"}),
    "AWS::Lambda::Function": TypeRules({"FunctionName": "Always", "VpcConfig/VpcId": "Always"}),
}
ATTRIBUTES = {"Arn": "arn:x", "TopicName": "topic-1", "DisplayName": "display-1", "Outputs.Url": "u"}


def rules(kind: str) -> TypeRules:
    return RULES.get(kind, TypeRules())


def planned(
    before: str | None, after: str, was: dict[str, str] | None = None, given: dict[str, str] | None = None, **more: Any
) -> Plan:
    """The plan from one template with its parameters to another, all resources of the first being made."""
    old = None
    if before is not None:
        made = {name: Made(f"{name}-1", ATTRIBUTES) for name in parse(before).resources}
        old = evaluation(before, made, **(was or {}))
        old.made = {name: one for name, one in made.items() if old.exists(name)}
    return plan_changes(old, evaluation(after, **(given or {})), rules, **more)


def changes(plan: Plan) -> list[Any]:
    return [change.described()["ResourceChange"] for change in plan.changes]


def topic(name: str, other: str = "") -> str:
    return f"Resources:\n  Foo: {{Type: AWS::SNS::Topic, Properties: {{TopicName: {name}}}}}\n{other}"


def target(name: str, recreation: str) -> dict[str, str]:
    return {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreation}


def test_the_first_template_adds() -> None:
    plan = planned(None, topic("topic-1"))
    assert changes(plan) == [
        {"Action": "Add", "Details": [], "LogicalResourceId": "Foo", "ResourceType": "AWS::SNS::Topic", "Scope": []}
    ]
    assert plan.changes[0].described(values=True)["ResourceChange"]["AfterContext"] == (
        '{"Properties":{"TopicName":"topic-1"}}'
    )


def test_a_name_changed_in_the_template_replaces() -> None:
    """AWS, test_change_sets.py::TestCaptureUpdateProcess::test_direct_update."""
    plan = planned(topic("topic-1"), topic("topic-2"))
    detail = {"ChangeSource": "DirectModification", "Evaluation": "Static", "Target": target("TopicName", "Always")}
    assert changes(plan) == [
        {
            "Action": "Modify",
            "Details": [detail],
            "LogicalResourceId": "Foo",
            "PhysicalResourceId": "Foo-1",
            "PolicyAction": "ReplaceAndDelete",
            "Replacement": "True",
            "ResourceType": "AWS::SNS::Topic",
            "Scope": ["Properties"],
        }
    ]
    described = plan.changes[0].described(values=True)["ResourceChange"]
    assert described["Details"][0]["Target"] == target("TopicName", "Always") | {
        "Path": "/Properties/TopicName",
        "AttributeChangeType": "Modify",
        "BeforeValue": "topic-1",
        "AfterValue": "topic-2",
    }
    assert described["BeforeContext"] == '{"Properties":{"TopicName":"topic-1"}}'


def test_what_follows_from_a_replaced_resource_surely_changes() -> None:
    """AWS, test_change_sets.py::TestCaptureUpdateProcess::test_dynamic_update."""
    parameter = "  Parameter: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !GetAtt Foo.TopicName}}\n"
    plan = planned(topic("topic-1", parameter), topic("topic-2", parameter))
    detail = {
        "CausingEntity": "Foo.TopicName",
        "ChangeSource": "ResourceAttribute",
        "Evaluation": "Static",
        "Target": target("Value", "Never"),
    }
    change = changes(plan)[1]
    assert (change["LogicalResourceId"], change["Replacement"], change["Details"]) == ("Parameter", "False", [detail])
    after = plan.changes[1].described(values=True)["ResourceChange"]["AfterContext"]
    assert after == f'{{"Properties":{{"Type":"String","Value":"{KNOWN_LATER}"}}}}'


def test_a_name_of_a_resource_that_stays_is_no_cause_of_a_change() -> None:
    template = """
Parameters: {Shown: {Type: String}, Stage: {Type: String}}
Resources:
  Foo: {Type: AWS::SNS::Topic, Properties: {TopicName: topic-1, DisplayName: !Ref Shown}}
  Parameter: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Sub "${Foo} in ${Stage}"}}
"""
    plan = planned(template, template, {"Shown": "a", "Stage": "dev"}, {"Shown": "b", "Stage": "prod"})
    change = next(one for one in changes(plan) if one["LogicalResourceId"] == "Parameter")
    assert [(one["ChangeSource"], one.get("CausingEntity")) for one in change["Details"]] == [
        ("ParameterReference", "Stage"),
        ("DirectModification", None),
    ]


def test_what_follows_from_an_attribute_of_a_modified_resource_may_change() -> None:
    """AWS, test_change_set_fn_get_attr.py::TestChangeSetFnGetAttr::test_direct_attribute_value_change."""
    text = """
    Resources:
      Topic1: {Type: AWS::SNS::Topic, Properties: {TopicName: a, DisplayName: NAME}}
      Topic2: {Type: AWS::SNS::Topic, Properties: {TopicName: b, DisplayName: !GetAtt Topic1.DisplayName}}
      Topic3: {Type: AWS::SNS::Topic, Properties: {TopicName: c, DisplayName: !Ref Topic1}}
    """
    plan = planned(text.replace("NAME", "display-1"), text.replace("NAME", "display-2"))
    assert [(change.logical_id, change.replacement) for change in plan.changes] == [
        ("Topic1", "False"),
        ("Topic2", "False"),
    ]
    assert changes(plan)[1]["Details"] == [
        {
            "CausingEntity": "Topic1.DisplayName",
            "ChangeSource": "ResourceAttribute",
            "Evaluation": "Dynamic",
            "Target": target("DisplayName", "Never"),
        }
    ]


PARAMETER = """
Parameters: {TopicName: {Type: String}}
Resources: {Foo: {Type: AWS::SNS::Topic, Properties: {TopicName: !Ref TopicName}}}
"""


def test_a_parameter_is_the_cause() -> None:
    """AWS, test_change_set_parameters.py::TestChangeSetParameters::test_update_parameter_default_value."""
    plan = planned(PARAMETER, PARAMETER, {"TopicName": "topic-name-1"}, {"TopicName": "topic-name-2"})
    [change] = changes(plan)
    assert change["Replacement"] == "True"
    assert change["Details"] == [
        {
            "CausingEntity": "TopicName",
            "ChangeSource": "ParameterReference",
            "Evaluation": "Static",
            "Target": target("TopicName", "Always"),
        },
        {
            "ChangeSource": "DirectModification",
            "Evaluation": "Dynamic",
            "Target": target("TopicName", "Always"),
        },
    ]


def test_the_same_values_are_no_change() -> None:
    same = PARAMETER.replace("!Ref TopicName", "!Sub '${TopicName}'")
    assert planned(PARAMETER, same, {"TopicName": "a"}, {"TopicName": "a"}).empty


def test_a_reference_to_a_replaced_resource_replaces_in_turn() -> None:
    """gocfn's recorded change set of AWS: a bucket policy of a bucket that is replaced."""
    text = """
    Resources:
      Table: {Type: AWS::DynamoDB::Table, Properties: {TableName: NAME}}
      Policy: {Type: AWS::SNS::Topic, Properties: {TopicName: !Ref Table, DisplayName: !Sub '${Table} x'}}
    """
    plan = planned(text.replace("NAME", "a"), text.replace("NAME", "b"))
    policy = changes(plan)[0]
    assert policy["LogicalResourceId"] == "Policy"
    assert policy["Replacement"] == "True"
    assert [
        (detail["CausingEntity"], detail["ChangeSource"], detail["Evaluation"]) for detail in policy["Details"]
    ] == [
        ("Table", "ResourceReference", "Static"),
        ("Table", "ResourceReference", "Static"),
    ]


def test_a_perhaps_replaced_resource_perhaps_replaces_what_refers_to_it() -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets-samples.html"""
    text = """
    Resources:
      Instance: {Type: AWS::EC2::Instance, Properties: {InstanceType: TYPE}}
      Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: !Ref Instance}}
    """
    plan = planned(text.replace("TYPE", "t2.micro"), text.replace("TYPE", "t2.small"))
    assert [(change.logical_id, change.replacement) for change in plan.changes] == [
        ("Instance", "Conditional"),
        ("Topic", "Conditional"),
    ]
    assert changes(plan)[1]["Details"][0]["Evaluation"] == "Dynamic"
    assert "PolicyAction" not in changes(plan)[1]


def test_a_new_reference_to_a_new_resource() -> None:
    new = "  Queue: {Type: AWS::SQS::Queue}\n  Bar: {Type: AWS::SNS::Topic, Properties: {DisplayName: VALUE}}\n"
    old = topic("a", "  Bar: {Type: AWS::SNS::Topic, Properties: {DisplayName: x}}\n")
    plan = planned(old, topic("a", new.replace("VALUE", "!Ref Queue")))
    assert [(change.action, change.logical_id) for change in plan.changes] == [("Modify", "Bar"), ("Add", "Queue")]
    assert [(detail.source, detail.evaluation, detail.cause) for detail in plan.changes[0].details] == [
        ("ResourceReference", "Static", "Queue"),
        ("DirectModification", "Dynamic", None),
    ]
    assert unknown(plan.changes[0].details[0].after) is not None


@pytest.mark.parametrize(
    ("policy", "action"),
    [
        ("", "Delete"),
        ("DeletionPolicy: Retain", "Retain"),
        ("DeletionPolicy: Snapshot", "Snapshot"),
        ("DeletionPolicy: RetainExceptOnCreate", "Retain"),
    ],
)
def test_what_is_no_more_in_the_template_is_removed(policy: str, action: str) -> None:
    plan = planned(topic("a", f"  Queue: {{Type: AWS::SQS::Queue, {policy}}}\n"), topic("a"))
    assert changes(plan) == [
        {
            "Action": "Remove",
            "Details": [],
            "LogicalResourceId": "Queue",
            "PhysicalResourceId": "Queue-1",
            "PolicyAction": action,
            "ResourceType": "AWS::SQS::Queue",
            "Scope": [],
        }
    ]


def test_a_condition_that_turns_false_removes() -> None:
    text = """
    Parameters: {Stage: {Type: String}}
    Conditions: {P: !Equals [!Ref Stage, prod]}
    Resources:
      Queue: {Type: AWS::SQS::Queue, Condition: P}
      Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !If [P, !Ref Queue, none]}}
    """
    plan = planned(text, text, {"Stage": "prod"}, {"Stage": "dev"})
    assert [(change.action, change.logical_id) for change in plan.changes] == [("Remove", "Queue"), ("Modify", "Topic")]
    assert [(detail.source, detail.cause) for detail in plan.changes[1].details] == [
        ("ParameterReference", "Stage"),
        ("DirectModification", None),
    ]
    back = planned(text, text, {"Stage": "dev"}, {"Stage": "prod"})
    assert [(change.action, change.logical_id) for change in back.changes] == [("Add", "Queue"), ("Modify", "Topic")]


@pytest.mark.parametrize(
    ("policy", "action"),
    [("Retain", "ReplaceAndRetain"), ("Snapshot", "ReplaceAndSnapshot"), ("Delete", "ReplaceAndDelete")],
)
def test_the_policy_of_a_replacement(policy: str, action: str) -> None:
    text = (
        f"Resources: {{T: {{Type: AWS::SNS::Topic, UpdateReplacePolicy: {policy}, Properties: {{TopicName: NAME}}}}}}"
    )
    [change] = planned(text.replace("NAME", "a"), text.replace("NAME", "b")).changes
    assert (change.replacement, change.policy_action) == ("True", action)


#: What is written into a resource before and after, and the scope of its change.
@pytest.mark.parametrize(
    ("before", "after", "scope"),
    [
        ("Metadata: {A: b}", "Metadata: {A: c}", ("Metadata",)),
        ("DeletionPolicy: Retain", "", ("DeletionPolicy",)),
        ("", "UpdateReplacePolicy: Retain", ("UpdateReplacePolicy",)),
        ("", "UpdatePolicy: {A: b}", ("UpdatePolicy",)),
        ("", "CreationPolicy: {A: b}", ("CreationPolicy",)),
        ("Properties: {Tags: [a]}", "Properties: {Tags: [b]}", ("Tags",)),
        ("Properties: {Tags: [a], A: b}", "Properties: {Tags: [b], A: c}", ("Tags", "Properties")),
        ("DependsOn: B", "", ()),
        ("Properties: {A: 1, B: true}", "Properties: {A: '1', B: 'true'}", ()),
        ("Properties: {A: [1, 2]}", "Properties: {A: [2, 1]}", ("Properties",)),
        ("Properties: {A: !Ref 'AWS::NoValue'}", "", ()),
    ],
)
def test_the_scope_of_a_change(before: str, after: str, scope: tuple[str, ...]) -> None:
    text = "Resources: {A: {Type: 'AWS::SQS::Queue', %s}, B: {Type: 'AWS::SQS::Queue'}}"
    plan = planned("---\n" + text % before, "---\n" + text % after)
    assert [change.scope for change in plan.changes] == ([scope] if scope else [])
    assert all(change.replacement == "False" for change in plan.changes)


def test_tags_have_no_name() -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets-samples.html"""
    text = "Resources: {A: {Type: AWS::EC2::Instance, Properties: {Tags: [{Key: k, Value: VALUE}]}}}"
    [change] = changes(planned(text.replace("VALUE", "a"), text.replace("VALUE", "b")))
    assert change["Details"] == [
        {
            "ChangeSource": "DirectModification",
            "Evaluation": "Static",
            "Target": {"Attribute": "Tags", "RequiresRecreation": "Never"},
        }
    ]


def test_new_tags_of_the_stack_modify_what_bears_tags() -> None:
    RULES["AWS::Lambda::Permission"] = TypeRules(tags=None)
    text = topic("a", "  P: {Type: AWS::Lambda::Permission}\n")
    plan = planned(text, text, tags_before={"a": "b"}, tags_after={"a": "c"})
    assert [(change.logical_id, change.scope, change.replacement) for change in plan.changes] == [
        ("Foo", ("Tags",), "False")
    ]


def test_a_nested_stack_may_always_have_changed() -> None:
    text = "Resources: {Nested: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: u}}}"
    [change] = changes(planned(text, text))
    assert (change["Replacement"], change["Details"]) == (
        "False",
        [
            {
                "ChangeSource": "Automatic",
                "Evaluation": "Dynamic",
                "Target": {"Attribute": "Properties", "RequiresRecreation": "Never"},
            }
        ],
    )


def test_a_nested_property_may_be_the_one_that_replaces() -> None:
    text = "Resources: {F: {Type: AWS::Lambda::Function, Properties: {VpcConfig: {VpcId: VPC, Subnets: NETS}}}}"
    before = text.replace("VPC,", "a,").replace("NETS", "[a]")
    assert planned(before, before.replace("[a]", "[b]")).changes[0].replacement == "False"
    assert planned(before, before.replace("VpcId: a", "VpcId: b")).changes[0].replacement == "True"


def test_a_mapping_that_changed_is_a_change_of_the_template() -> None:
    text = (
        "Mappings: {M: {a: {b: VALUE}}}\nResources: {T: {Type: AWS::SNS::Topic, Properties: {N: !FindInMap [M, a, b]}}}"
    )
    [change] = planned(text.replace("VALUE", "1"), text.replace("VALUE", "2")).changes
    assert [(detail.source, detail.evaluation) for detail in change.details] == [("DirectModification", "Static")]


def test_outputs_alone_are_a_change_without_resources() -> None:
    plan = planned(topic("a"), topic("a") + "Outputs: {O: {Value: v}}\n")
    assert (plan.changes, plan.outputs_changed, plan.empty) == ((), True, False)
    assert planned(topic("a"), "Description: d\n" + topic("a")).empty


def test_a_secret_is_not_shown() -> None:
    text = """
    Parameters: {Password: {Type: String, NoEcho: true}}
    Resources: {A: {Type: AWS::RDS::DBInstance, Properties: {MasterUserPassword: !Sub "x${Password}"}}}
    """
    [change] = planned(text, text, {"Password": "secret-1"}, {"Password": "secret-2"}).changes
    assert "secret" not in str(change.described(values=True))
    assert (
        change.described(values=True)["ResourceChange"]["AfterContext"]
        == '{"Properties":{"MasterUserPassword":"****"}}'
    )


def test_a_resource_keeps_its_type() -> None:
    with pytest.raises(TemplateError) as refused:
        planned(topic("a"), topic("a").replace("SNS::Topic", "SQS::Queue"))
    assert refused.value.message == (
        "Update of resource type is not permitted. The new template modifies resource type of the following resources: "
        "[Foo]"
    )


def test_a_new_template_with_a_cycle_is_refused() -> None:
    with pytest.raises(TemplateError, match=r"Circular dependency between resources: \[A, B\]"):
        planned(None, "Resources: {A: {Type: T, DependsOn: B}, B: {Type: T, DependsOn: A}}")


def test_changes_are_in_the_order_of_their_names() -> None:
    plan = planned(topic("a", "  Zebra: {Type: T}\n"), "Resources: {Bee: {Type: T}, Ant: {Type: T}}")
    assert [change.logical_id for change in plan.changes] == ["Ant", "Bee", "Foo", "Zebra"]
    assert plan.of("Bee") is plan.changes[1]
    assert plan.of("Nope") is None


def test_the_words_are_those_of_the_api() -> None:
    import botocore.session

    model = botocore.session.get_session().get_service_model("cloudformation")
    text = topic("a", "  Q: {Type: T}\n")
    for change in planned(topic("b", "  R: {Type: T}\n"), text).changes:
        described = change.described(values=True)
        shape = model.shape_for("ResourceChange")
        assert described["ResourceChange"].keys() <= shape.members.keys()
        for detail in described["ResourceChange"]["Details"]:
            assert detail["Target"].keys() <= model.shape_for("ResourceTargetDefinition").members.keys()
            assert detail["ChangeSource"] in model.shape_for("ChangeSource").enum
