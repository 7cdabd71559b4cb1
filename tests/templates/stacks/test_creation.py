"""Stacks being created: in order, at once where they may, and taken back if something fails."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from tests.templates.stacks.conftest import Cloud, Vendor, queues, text, wait_for

INVALID = {"QueueName": "no such name!"}


def test_a_resource_is_made_once_what_it_needs_is_there(cloud: Cloud) -> None:
    redrive = {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 3}
    name = cloud.create(queues(Orders={"RedrivePolicy": redrive}, Dead={}))
    events = cloud.events(name)
    assert events[0] == (name, "CREATE_IN_PROGRESS", "User Initiated")
    assert events[1:] == [
        ("Dead", "CREATE_IN_PROGRESS", None),
        ("Dead", "CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("Dead", "CREATE_COMPLETE", None),
        ("Orders", "CREATE_IN_PROGRESS", None),
        ("Orders", "CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("Orders", "CREATE_COMPLETE", None),
        (name, "CREATE_COMPLETE", None),
    ]
    found = cloud.attribute(cloud.resources(name)["Orders"], "RedrivePolicy")
    assert cloud.resources(name)["Dead"].rpartition("/")[2] in (found or "")


def test_depends_on_orders_what_no_value_does(cloud: Cloud) -> None:
    template = queues(First={}, Second={})
    template["Resources"]["First"]["DependsOn"] = "Second"
    name = cloud.create(template)
    done = [one for one, status, _ in cloud.events(name) if status == "CREATE_COMPLETE"]
    assert done == ["Second", "First", name]


def test_events_have_one_time_each_and_the_newest_comes_first(cloud: Cloud) -> None:
    name = cloud.create(queues(A={}, B={}, C={}))
    times = [one["Timestamp"] for one in cloud.cloudformation.describe_stack_events(StackName=name)["StackEvents"]]
    assert times == sorted(set(times), reverse=True)


def test_a_failure_takes_everything_back_and_says_why(cloud: Cloud) -> None:
    template = queues(Good={}, Bad=INVALID)
    template["Resources"]["Bad"]["DependsOn"] = "Good"
    name = cloud.create(template)
    assert cloud.status(name) == "ROLLBACK_COMPLETE"
    reason = cloud.reason(name, "Bad", "CREATE_FAILED")
    assert reason.startswith('Resource handler returned message: "')
    assert "(Service: Sqs, Status Code: 400, Request ID: " in reason
    assert "HandlerErrorCode: InvalidRequest)" in reason
    assert cloud.reason(name, name, "ROLLBACK_IN_PROGRESS") == (
        "The following resource(s) failed to create: [Bad]. Rollback requested by user."
    )
    assert cloud.statuses(name, "Bad") == ["CREATE_IN_PROGRESS", "CREATE_FAILED", "DELETE_COMPLETE"]
    assert cloud.statuses(name, "Good")[-2:] == ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    assert not [one for one in cloud.queues() if one.startswith(f"{name}-")]


def test_a_stack_that_was_rolled_back_can_only_be_deleted(cloud: Cloud) -> None:
    name = cloud.create(queues(Bad=INVALID))
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        cloud.update(name, queues(Good={}))
    with pytest.raises(ClientError, match=rf"AlreadyExistsException.*Stack \[{name}\] already exists"):
        cloud.create(queues(Good={}), name)
    cloud.cloudformation.delete_stack(StackName=name)
    assert cloud.status(cloud.create(queues(Good={}), name)) == "CREATE_COMPLETE"


def test_what_waits_is_cancelled_when_something_else_fails(cloud: Cloud, vendor: Vendor) -> None:
    slow = vendor.template()["Resources"]["Thing"]
    name = cloud.name()
    template = {"Resources": {"Slow": slow, "Failing": slow}}
    cloud.cloudformation.create_stack(StackName=name, TemplateBody=text(template))
    asked = {one["LogicalResourceId"]: one for one in (vendor.request(), vendor.request())}
    vendor.answer(asked["Failing"], "FAILED", Reason="no luck")
    for _ in range(2):
        vendor.answer(vendor.request())
    assert cloud.rest(name) == "ROLLBACK_COMPLETE"
    assert cloud.reason(name, "Slow", "CREATE_FAILED") == "Resource creation cancelled"
    assert "Message returned: no luck" in cloud.reason(name, "Failing", "CREATE_FAILED")


def test_do_nothing_leaves_what_was_made_and_goes_on_beside_the_failure(cloud: Cloud) -> None:
    template = queues(Good={}, Bad=INVALID, After={})
    template["Resources"]["After"]["DependsOn"] = "Bad"
    name = cloud.create(template, OnFailure="DO_NOTHING")
    assert cloud.status(name) == "CREATE_FAILED"
    assert cloud.statuses(name, "Good")[-1] == "CREATE_COMPLETE"
    assert cloud.statuses(name, "After") == []
    assert cloud.stack(name)["StackStatusReason"] == "The following resource(s) failed to create: [Bad]. "
    assert cloud.update(name, queues(Good={}, Bad={}, After={})) == "UPDATE_COMPLETE"
    assert len(cloud.resources(name)) == 3


def test_a_stack_left_as_it_failed_can_be_rolled_back(cloud: Cloud) -> None:
    name = cloud.create(queues(Good={}, Bad=INVALID), DisableRollback=True)
    cloud.cloudformation.rollback_stack(StackName=name)
    assert cloud.rest(name) == "ROLLBACK_COMPLETE"
    assert not [one for one in cloud.queues() if one.startswith(f"{name}-")]


def test_on_failure_delete_leaves_no_stack(cloud: Cloud) -> None:
    name = cloud.name()
    made = cloud.cloudformation.create_stack(
        StackName=name, TemplateBody=text(queues(Good={}, Bad=INVALID)), OnFailure="DELETE"
    )
    wait_for(lambda: cloud.status(made["StackId"]) == "DELETE_COMPLETE", "the stack to go")
    with pytest.raises(ClientError, match=f"Stack with id {name} does not exist"):
        cloud.stack(name)


def test_disable_rollback_and_on_failure_exclude_each_other(cloud: Cloud) -> None:
    with pytest.raises(ClientError, match="either DisableRollback or OnFailure, but not both"):
        cloud.create(queues(A={}), OnFailure="DELETE", DisableRollback=True)


def test_what_is_retained_stays_when_a_creation_is_rolled_back(cloud: Cloud) -> None:
    def template(policy: str) -> dict[str, object]:
        found = queues(Kept={}, Bad=INVALID)
        found["Resources"]["Kept"]["DeletionPolicy"] = policy
        found["Resources"]["Bad"]["DependsOn"] = "Kept"
        return found

    name = cloud.create(template("Retain"))
    assert cloud.statuses(name, "Kept")[-1] == "DELETE_SKIPPED"
    assert [one for one in cloud.queues() if one.startswith(f"{name}-Kept")]
    for policy, given in (("RetainExceptOnCreate", False), ("Retain", True)):
        name = cloud.create(template(policy), RetainExceptOnCreate=given)
        assert cloud.statuses(name, "Kept")[-1] == "DELETE_COMPLETE"


def test_what_is_retained_except_on_create_goes_with_a_stack_that_is_deleted_for_failing(cloud: Cloud) -> None:
    template = queues(Kept={}, Bad=INVALID)
    template["Resources"]["Kept"]["DeletionPolicy"] = "RetainExceptOnCreate"
    template["Resources"]["Bad"]["DependsOn"] = "Kept"
    name = cloud.name()
    made = cloud.cloudformation.create_stack(StackName=name, TemplateBody=text(template), OnFailure="DELETE")
    assert cloud.rest(made["StackId"]) == "DELETE_COMPLETE"
    assert cloud.statuses(made["StackId"], "Kept")[-1] == "DELETE_COMPLETE"
    assert not [one for one in cloud.queues() if one.startswith(f"{name}-Kept")]


def test_a_creation_that_takes_too_long_is_rolled_back(cloud: Cloud, vendor: Vendor) -> None:
    name = cloud.name()
    cloud.cloudformation.create_stack(StackName=name, TemplateBody=text(vendor.template()), TimeoutInMinutes=5)
    asked = vendor.request()
    assert cloud.status(name) == "CREATE_IN_PROGRESS"
    cloud.clock.advance(301)
    deletion = vendor.request()
    assert (asked["RequestType"], deletion["RequestType"]) == ("Create", "Delete")
    vendor.answer(deletion)
    assert cloud.rest(name) == "ROLLBACK_COMPLETE"
    assert "Stack creation time exceeded" in cloud.reason(name, name, "ROLLBACK_IN_PROGRESS")
    assert cloud.reason(name, "Thing", "CREATE_FAILED") == "Resource creation cancelled"


def test_the_same_token_again_is_the_same_creation(cloud: Cloud) -> None:
    name = cloud.name()
    given = {"StackName": name, "TemplateBody": text(queues(A={})), "ClientRequestToken": "once"}
    first = cloud.cloudformation.create_stack(**given)["StackId"]
    assert cloud.cloudformation.create_stack(**given)["StackId"] == first
    with pytest.raises(ClientError, match="TokenAlreadyExistsException"):
        cloud.update(name, queues(B={}), ClientRequestToken="once")
    tokens = {
        one.get("ClientRequestToken")
        for one in cloud.cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    }
    assert tokens == {"once"}


def test_tags_of_the_stack_are_tags_of_its_resources(cloud: Cloud) -> None:
    name = cloud.create(queues(A={"Tags": [{"Key": "own", "Value": "1"}]}), Tags=[{"Key": "team", "Value": "shop"}])
    found = cloud.sqs.list_queue_tags(QueueUrl=cloud.resources(name)["A"])["Tags"]
    assert (found["own"], found["team"], found["aws:cloudformation:logical-id"]) == ("1", "shop", "A")
    assert found["aws:cloudformation:stack-id"] == cloud.stack(name)["StackId"]


def test_properties_against_the_schema_fail_the_resource(cloud: Cloud) -> None:
    name = cloud.create(queues(A={"DelaySeconds": "soon"}))
    assert cloud.reason(name, "A", "CREATE_FAILED").startswith("Properties validation failed for resource A with")


def test_a_secret_parameter_is_hidden_wherever_it_is_told(cloud: Cloud) -> None:
    template = {
        **queues(A={"QueueName": {"Ref": "Secret"}}),
        "Parameters": {"Secret": {"Type": "String", "NoEcho": True}},
    }
    secret = cloud.name("whisper")
    name = cloud.create(template, Parameters=[{"ParameterKey": "Secret", "ParameterValue": secret}])
    assert cloud.stack(name)["Parameters"] == [{"ParameterKey": "Secret", "ParameterValue": "****"}]
    shown = [
        json.loads(one["ResourceProperties"])
        for one in cloud.cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        if "ResourceProperties" in one
    ]
    assert shown
    assert all(one == {"QueueName": "****"} for one in shown)
    assert secret in cloud.queues()


def test_topics_hear_of_the_events(cloud: Cloud, vendor: Vendor) -> None:
    heard = Vendor(cloud)
    name = cloud.create(queues(A={}), NotificationARNs=[heard.token])
    lines = []
    for _ in cloud.events(name):
        lines.append(heard.message())
    assert f"LogicalResourceId='{name}'\n" in lines[0]
    assert "ResourceStatus='CREATE_IN_PROGRESS'\n" in lines[0]
    assert "ResourceStatus='CREATE_COMPLETE'\n" in lines[-1]
    assert cloud.stack(name)["NotificationARNs"] == [heard.token]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"StackName": "no_good"}, "Member must satisfy regular expression pattern"),
        ({"StackName": "a" * 129}, "Member must have length less than or equal to 128"),
        ({"Tags": [{"Key": "aws:x", "Value": "1"}]}, "aws: prefixed tag key names are not allowed for external use"),
        ({"Capabilities": ["CAPABILITY_FLY"]}, "Member must satisfy enum value set"),
        ({"StackPolicyBody": "{}"}, "does not support StackPolicyBody of cloudformation:CreateStack"),
        ({"ResourceTypes": ["AWS::SQS::*"]}, "does not support ResourceTypes of cloudformation:CreateStack"),
        (
            {"RollbackConfiguration": {"RollbackTriggers": [{"Arn": "a", "Type": "AWS::CloudWatch::Alarm"}]}},
            "does not support RollbackConfiguration",
        ),
        ({"Parameters": [{"ParameterKey": "P", "ParameterValue": "1"}]}, r"Parameters: \[P\] do not exist"),
        ({"TemplateBody": "{}"}, "At least one Resources member must be defined"),
    ],
)
def test_what_can_not_be_created_is_refused_before_there_is_a_stack(
    cloud: Cloud, given: dict[str, object], words: str
) -> None:
    name = cloud.name()
    with pytest.raises(ClientError, match=words):
        cloud.cloudformation.create_stack(**{"StackName": name, "TemplateBody": text(queues(A={})), **given})
    with pytest.raises(ClientError, match=f"Stack with id {name} does not exist"):
        cloud.stack(name)


def test_an_answer_comes_though_the_work_goes_on(cloud: Cloud, vendor: Vendor) -> None:
    name = cloud.name()
    cloud.cloudformation.create_stack(StackName=name, TemplateBody=text(vendor.template()))
    assert cloud.status(name) == "CREATE_IN_PROGRESS"
    vendor.answer(vendor.request())
    assert cloud.rest(name) == "CREATE_COMPLETE"


def test_what_a_condition_leaves_out_need_not_be_built(cloud: Cloud) -> None:
    template = {
        **queues(A={}),
        "Parameters": {"Wanted": {"Type": "String", "Default": "no"}},
        "Conditions": {"Wanted": {"Fn::Equals": [{"Ref": "Wanted"}, "yes"]}},
    }
    template["Resources"]["Images"] = {"Type": "AWS::Neptune::DBCluster", "Condition": "Wanted"}
    assert cloud.status(cloud.create(template)) == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match=r"not supported by this sandbox: \[AWS::Neptune::DBCluster\]"):
        cloud.create(template, Parameters=[{"ParameterKey": "Wanted", "ParameterValue": "yes"}])


def test_an_express_deployment_ends_when_all_is_there(cloud: Cloud) -> None:
    assert cloud.status(cloud.create(queues(A={}), DeploymentConfig={"Mode": "EXPRESS"})) == "CREATE_COMPLETE"
    kept = {"Mode": "EXPRESS", "DisableRollback": True}
    failed = cloud.create(queues(A=INVALID, B={}), DeploymentConfig=kept)
    assert cloud.status(failed) == "CREATE_FAILED"
    name = cloud.name()
    made = cloud.cloudformation.create_change_set(
        StackName=name,
        ChangeSetName="a",
        ChangeSetType="CREATE",
        TemplateBody=text(queues(A=INVALID, B={})),
        DeploymentConfig=kept,
    )
    cloud.cloudformation.execute_change_set(ChangeSetName=made["Id"])
    assert cloud.rest(name) == "CREATE_FAILED"
    with pytest.raises(ClientError, match=r"deploymentConfig\.mode"):
        cloud.create(queues(A={}), DeploymentConfig={"Mode": "FAST"})
