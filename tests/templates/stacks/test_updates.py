"""Stacks being updated: in place, by replacement, and back again if something fails."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.templates.stacks.conftest import Cloud, Vendor, queues, text
from tests.templates.stacks.test_creation import INVALID

REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."


def test_only_what_differs_is_updated(cloud: Cloud) -> None:
    name = cloud.create(queues(A={"DelaySeconds": 1}, B={"DelaySeconds": 1}))
    before = cloud.resources(name)
    assert cloud.update(name, queues(A={"DelaySeconds": "1"}, B={"DelaySeconds": 2}, C={})) == "UPDATE_COMPLETE"
    assert cloud.statuses(name, "A")[-1] == "CREATE_COMPLETE"
    assert cloud.statuses(name, "B")[-2:] == ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]
    assert cloud.attribute(before["B"], "DelaySeconds") == "2"
    assert cloud.resources(name).items() >= before.items()


def test_nothing_to_do_is_an_error(cloud: Cloud) -> None:
    name = cloud.create(queues(A={}))
    with pytest.raises(ClientError, match=r"No updates are to be performed\."):
        cloud.update(name)
    assert cloud.status(name) == "CREATE_COMPLETE"


def test_the_old_thing_goes_once_the_new_one_is_in_use(cloud: Cloud) -> None:
    user = {"RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 3}}
    name = cloud.create(queues(User=user, Dead={}))
    old, new = cloud.resources(name)["Dead"], cloud.name("renamed")
    cloud.update(name, queues(User=user, Dead={"QueueName": new}))
    events = cloud.events(name)
    assert ("Dead", "UPDATE_IN_PROGRESS", REPLACING) in events
    tail = [(one, status) for one, status, _ in events[-8:]]
    assert tail == [
        ("Dead", "UPDATE_IN_PROGRESS"),
        ("Dead", "UPDATE_COMPLETE"),
        ("User", "UPDATE_IN_PROGRESS"),
        ("User", "UPDATE_COMPLETE"),
        (name, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("Dead", "DELETE_IN_PROGRESS"),
        ("Dead", "DELETE_COMPLETE"),
        (name, "UPDATE_COMPLETE"),
    ]
    assert new in cloud.queues()
    assert old.rpartition("/")[2] not in cloud.queues()
    assert new in (cloud.attribute(cloud.resources(name)["User"], "RedrivePolicy") or "")


def test_what_the_template_no_longer_has_is_deleted_last(cloud: Cloud) -> None:
    name = cloud.create(queues(A={}, B={}))
    cloud.update(name, queues(A={}))
    assert list(cloud.resources(name)) == ["A"]
    assert [one for one, _, _ in cloud.events(name)][-4:] == [name, "B", "B", name]
    assert not [one for one in cloud.queues() if one.startswith(f"{name}-B")]


def test_what_is_removed_goes_in_the_reverse_order(cloud: Cloud) -> None:
    before = queues(Under={}, Middle={}, Upper={}, Stays={})
    before["Resources"]["Middle"]["DependsOn"] = "Under"
    before["Resources"]["Upper"]["DependsOn"] = "Middle"
    name = cloud.create(before)
    assert cloud.update(name, queues(Stays={})) == "UPDATE_COMPLETE"
    deleted = [(one, status) for one, status, _ in cloud.events(name) if status.startswith("DELETE_")]
    assert deleted == [
        (one, f"DELETE_{status}") for one in ("Upper", "Middle", "Under") for status in ("IN_PROGRESS", "COMPLETE")
    ]


def test_a_policy_that_comes_with_the_replacement_keeps_what_is_replaced(cloud: Cloud) -> None:
    name = cloud.create(queues(A={}))
    before = cloud.resources(name)["A"].rpartition("/")[2]
    after = queues(A={"QueueName": cloud.name("renamed")})
    after["Resources"]["A"]["UpdateReplacePolicy"] = "Retain"
    planned = cloud.cloudformation.create_change_set(StackName=name, ChangeSetName="renames", TemplateBody=text(after))
    told = cloud.cloudformation.describe_change_set(ChangeSetName=planned["Id"])["Changes"][0]["ResourceChange"]
    assert told["PolicyAction"] == "ReplaceAndRetain"
    assert cloud.update(name, after) == "UPDATE_COMPLETE"
    assert before in cloud.queues()


@pytest.mark.parametrize("given", [False, True])
def test_what_a_failed_update_made_stays_if_it_is_retained(cloud: Cloud, given: bool) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateStack.html (RetainExceptOnCreate)"""
    name = cloud.create(queues(A={}))
    after = queues(A={}, Kept={}, New={}, Bad=INVALID)
    after["Resources"]["Kept"]["DeletionPolicy"] = "Retain"
    after["Resources"]["Bad"]["DependsOn"] = ["Kept", "New"]
    assert cloud.update(name, after, RetainExceptOnCreate=given) == "UPDATE_ROLLBACK_COMPLETE"
    assert cloud.statuses(name, "Kept")[-1] == ("DELETE_COMPLETE" if given else "DELETE_SKIPPED")
    assert cloud.statuses(name, "New")[-1] == "DELETE_COMPLETE"
    left = [one for one in cloud.queues() if one.startswith((f"{name}-Kept", f"{name}-New"))]
    assert len(left) == (0 if given else 1)


def test_the_way_back_goes_in_the_order_of_needs(cloud: Cloud) -> None:
    def template(seconds: int) -> dict[str, Any]:
        found = queues(
            Under={"DelaySeconds": seconds}, Middle={"DelaySeconds": seconds}, Upper={"DelaySeconds": seconds}
        )
        found["Resources"]["Middle"]["DependsOn"] = "Under"
        found["Resources"]["Upper"]["DependsOn"] = "Middle"
        return found

    name, after = cloud.create(template(1)), template(2)
    after["Resources"]["Bad"] = {"Type": "AWS::SQS::Queue", "Properties": INVALID, "DependsOn": "Upper"}
    assert cloud.update(name, after) == "UPDATE_ROLLBACK_COMPLETE"
    events = [(one, status) for one, status, _ in cloud.events(name)]
    back = events[events.index((name, "UPDATE_ROLLBACK_IN_PROGRESS")) + 1 :]
    assert back[:6] == [
        (one, f"UPDATE_{status}") for one in ("Under", "Middle", "Upper") for status in ("IN_PROGRESS", "COMPLETE")
    ]


def test_policies_keep_what_is_removed_or_replaced(cloud: Cloud) -> None:
    template = queues(Removed={}, Replaced={})
    template["Resources"]["Removed"]["DeletionPolicy"] = "Retain"
    template["Resources"]["Replaced"]["UpdateReplacePolicy"] = "Retain"
    name = cloud.create(template)
    kept = {url.rpartition("/")[2] for url in cloud.resources(name).values()}
    after = queues(Replaced={"QueueName": cloud.name("renamed")})
    after["Resources"]["Replaced"]["UpdateReplacePolicy"] = "Retain"
    cloud.update(name, after)
    assert kept <= set(cloud.queues())
    assert cloud.statuses(name, "Removed")[-1] == cloud.statuses(name, "Replaced")[-1] == "DELETE_SKIPPED"


def test_a_named_thing_that_needs_a_replacement_wants_another_name(cloud: Cloud) -> None:
    queue = cloud.name("named")
    name = cloud.create(queues(A={"QueueName": f"{queue}.fifo", "FifoQueue": True}))
    template = queues(A={"QueueName": f"{queue}.fifo", "FifoQueue": False})
    assert cloud.update(name, template) == "UPDATE_ROLLBACK_COMPLETE"
    assert cloud.reason(name, "A", "UPDATE_FAILED") == (
        "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename "
        f"{queue}.fifo and update the stack again."
    )
    assert cloud.statuses(name, "A")[-1] == "UPDATE_COMPLETE"


def test_a_failed_update_leaves_the_stack_as_it_was(cloud: Cloud) -> None:
    dead = {"deadLetterTargetArn": {"Fn::GetAtt": ["Replaced", "Arn"]}, "maxReceiveCount": 3}
    name = cloud.create(queues(Changed={"DelaySeconds": 1, "RedrivePolicy": dead}, Replaced={}, Removed={}))
    before, queues_before = cloud.resources(name), set(cloud.queues())
    after = queues(
        Changed={"DelaySeconds": 2, "RedrivePolicy": dead}, Replaced={"QueueName": cloud.name("renamed")}, New={}
    )
    after["Resources"]["Bad"] = {"Type": "AWS::SQS::Queue", "Properties": INVALID, "DependsOn": ["Changed", "New"]}
    assert cloud.update(name, after) == "UPDATE_ROLLBACK_COMPLETE"
    assert cloud.reason(name, name, "UPDATE_ROLLBACK_IN_PROGRESS") == (
        "The following resource(s) failed to create: [Bad]. "
    )
    assert cloud.resources(name) == before
    assert set(cloud.queues()) == queues_before
    assert cloud.attribute(before["Changed"], "DelaySeconds") == "1"
    assert before["Replaced"].rpartition("/")[2] in (cloud.attribute(before["Changed"], "RedrivePolicy") or "")
    with pytest.raises(ClientError, match="No updates are to be performed"):
        cloud.update(name)
    assert cloud.update(name, queues(Changed={"DelaySeconds": 3})) == "UPDATE_COMPLETE"


def test_without_rollback_the_failure_is_kept_and_mended_later(cloud: Cloud) -> None:
    name = cloud.create(queues(A={"DelaySeconds": 1}))
    broken = queues(A={"DelaySeconds": 2}, Bad=INVALID)
    assert cloud.update(name, broken, DisableRollback=True) == "UPDATE_FAILED"
    assert cloud.attribute(cloud.resources(name)["A"], "DelaySeconds") == "2"
    assert cloud.update(name, queues(A={"DelaySeconds": 2}, Bad={})) == "UPDATE_COMPLETE"
    assert cloud.update(name, queues(A={"DelaySeconds": 5}, Bad={}, C=INVALID), DisableRollback=True)
    cloud.cloudformation.rollback_stack(StackName=name)
    assert cloud.rest(name) == "UPDATE_ROLLBACK_COMPLETE"
    assert cloud.attribute(cloud.resources(name)["A"], "DelaySeconds") == "2"


def test_what_a_kept_failure_left_goes_with_the_stack(cloud: Cloud, vendor: Vendor) -> None:
    name = cloud.create(queues(A={}))
    before = cloud.resources(name)["A"]
    broken = queues(A={"QueueName": cloud.name("renamed")}, Bad=INVALID)
    assert cloud.update(name, broken, DisableRollback=True) == "UPDATE_FAILED"
    assert before.rpartition("/")[2] in cloud.queues()
    after = cloud.resources(name)["A"]
    cloud.cloudformation.delete_stack(StackName=name)
    assert not {url.rpartition("/")[2] for url in (before, after)} & set(cloud.queues())


def test_a_replacement_that_failed_halfway_is_made_anew(cloud: Cloud, vendor: Vendor) -> None:
    """The thing is made, and then turns out not to be supported as it should be."""
    name, first, second = cloud.create(queues(A={})), cloud.name("one"), cloud.name("two")
    after = queues(A={"QueueName": first})
    slow = {**vendor.template()["Resources"]["Thing"], "DependsOn": []}
    after["Resources"]["Slow"] = slow
    failed = {"status": "FAILED", "Reason": "no"}
    vendor.work(lambda: cloud.update(name, after, DisableRollback=True), failed)
    assert cloud.status(name) == "UPDATE_FAILED"
    assert cloud.resources(name)["A"].endswith(first)
    vendor.work(lambda: cloud.update(name, queues(A={"QueueName": second})), {})
    assert cloud.status(name) == "UPDATE_COMPLETE"
    assert [one for one in cloud.queues() if one in (first, second) or one.startswith(f"{name}-")] == [second]


def test_a_replacement_that_failed_once_it_was_made_goes_again(cloud: Cloud) -> None:
    before, after = ({"Resources": {"A": {"Type": "AWS::S3::Bucket", "Properties": {}}}} for _ in range(2))
    name, bucket = cloud.create(before), cloud.name("replacing-")
    nobody = {"Event": "s3:ObjectCreated:*", "Queue": "arn:aws:sqs:us-east-1:123456789012:nobody"}
    after["Resources"]["A"]["Properties"] = {
        "BucketName": bucket,
        "NotificationConfiguration": {"QueueConfigurations": [nobody]},
    }
    old = cloud.resources(name)["A"]
    assert cloud.update(name, after) == "UPDATE_ROLLBACK_COMPLETE"
    assert cloud.resources(name)["A"] == old
    known = [one["Name"] for one in cloud.client("s3").list_buckets()["Buckets"]]
    assert old in known
    assert bucket not in known


def test_previous_template_values_and_tags_stay_unless_they_are_given(cloud: Cloud) -> None:
    template = {
        **queues(A={"DelaySeconds": {"Ref": "Delay"}, "VisibilityTimeout": {"Ref": "Visible"}}),
        "Parameters": {"Delay": {"Type": "Number"}, "Visible": {"Type": "Number", "Default": 30}},
    }

    def values(delay: str | None) -> list[dict[str, Any]]:
        given: dict[str, Any] = {"UsePreviousValue": True} if delay is None else {"ParameterValue": delay}
        return [{"ParameterKey": "Delay", **given}, {"ParameterKey": "Visible", "ParameterValue": "40"}]

    tags = [{"Key": "team", "Value": "shop"}]
    name = cloud.create(template, Parameters=values("7")[:1], Tags=tags)
    assert cloud.update(name, Parameters=values(None)) == "UPDATE_COMPLETE"
    url = cloud.resources(name)["A"]
    assert (cloud.attribute(url, "DelaySeconds"), cloud.attribute(url, "VisibilityTimeout")) == ("7", "40")
    assert cloud.stack(name)["Tags"] == tags
    with pytest.raises(ClientError, match=r"Parameters: \[Delay\] must have values"):
        cloud.update(name)


def test_new_tags_alone_are_an_update_of_what_has_tags(cloud: Cloud) -> None:
    name = cloud.create(queues(A={}), Tags=[{"Key": "team", "Value": "shop"}])
    assert cloud.update(name, Tags=[{"Key": "stage", "Value": "prod"}]) == "UPDATE_COMPLETE"
    found = cloud.sqs.list_queue_tags(QueueUrl=cloud.resources(name)["A"])["Tags"]
    assert found.get("stage") == "prod"
    assert "team" not in found


def test_a_condition_that_turns_makes_and_deletes(cloud: Cloud) -> None:
    template = queues(Always={}, Sometimes={})
    template["Parameters"] = {"Stage": {"Type": "String"}}
    template["Conditions"] = {"IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}}
    template["Resources"]["Sometimes"]["Condition"] = "IsProd"
    name = cloud.create(template, Parameters=[{"ParameterKey": "Stage", "ParameterValue": "dev"}])
    assert list(cloud.resources(name)) == ["Always"]
    for stage, expected in (("prod", ["Always", "Sometimes"]), ("dev", ["Always"])):
        cloud.update(name, Parameters=[{"ParameterKey": "Stage", "ParameterValue": stage}])
        assert list(cloud.resources(name)) == expected


def test_a_type_can_not_change(cloud: Cloud) -> None:
    name = cloud.create(queues(A={}))
    after = {"Resources": {"A": {"Type": "AWS::Logs::LogGroup"}}}
    with pytest.raises(ClientError, match="Update of resource type is not permitted"):
        cloud.update(name, after)


def test_an_update_under_way_can_be_cancelled(cloud: Cloud, vendor: Vendor) -> None:
    name = cloud.create(queues(A={"DelaySeconds": 1}))
    after = queues(A={"DelaySeconds": 2})
    after["Resources"]["Slow"] = {**vendor.template()["Resources"]["Thing"], "DependsOn": "A"}
    cloud.cloudformation.update_stack(StackName=name, TemplateBody=text(after))
    asked = vendor.request()
    with pytest.raises(ClientError, match="is in UPDATE_IN_PROGRESS state and can not be updated"):
        cloud.update(name, queues(A={}))
    cloud.cloudformation.cancel_update_stack(StackName=name)
    deletion = vendor.request()
    assert (asked["RequestType"], deletion["RequestType"]) == ("Create", "Delete")
    vendor.answer(deletion)
    assert cloud.rest(name) == "UPDATE_ROLLBACK_COMPLETE"
    assert cloud.attribute(cloud.resources(name)["A"], "DelaySeconds") == "1"
    with pytest.raises(ClientError, match="CancelUpdateStack cannot be called from current stack status"):
        cloud.cloudformation.cancel_update_stack(StackName=name)


@pytest.mark.parametrize("skip", [False, True])
def test_a_rollback_that_failed_can_be_continued(cloud: Cloud, vendor: Vendor, skip: bool) -> None:
    name = cloud.name()
    vendor.work(lambda: cloud.create(vendor.template(Size=1), name), {})
    failed = {"status": "FAILED", "Reason": "broken"}
    vendor.work(lambda: cloud.update(name, vendor.template(Size=2)), failed, failed)
    assert cloud.status(name) == "UPDATE_ROLLBACK_FAILED"
    assert cloud.stack(name)["StackStatusReason"] == "The following resource(s) failed to update: [Thing]. "
    with pytest.raises(ClientError, match="is in UPDATE_ROLLBACK_FAILED state and can not be updated"):
        cloud.update(name, vendor.template(Size=3))
    if skip:
        cloud.cloudformation.continue_update_rollback(StackName=name, ResourcesToSkip=["Thing"])
    else:
        [again] = vendor.work(lambda: cloud.cloudformation.continue_update_rollback(StackName=name), {})
        assert again["ResourceProperties"]["Size"] == "1"
        assert again["OldResourceProperties"]["Size"] == "2"
    assert cloud.rest(name) == "UPDATE_ROLLBACK_COMPLETE"
    assert cloud.statuses(name, "Thing")[-1] == "UPDATE_COMPLETE"


def test_only_what_failed_to_come_back_can_be_skipped(cloud: Cloud, vendor: Vendor) -> None:
    name, failed = cloud.name(), {"status": "FAILED", "Reason": "broken"}

    def template(size: int) -> dict[str, Any]:
        found = vendor.template(Size=size)
        found["Resources"]["Fine"] = {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": size}}
        return found

    vendor.work(lambda: cloud.create(template(1), name), {})
    vendor.work(lambda: cloud.update(name, template(2)), failed, failed)
    assert cloud.status(name) == "UPDATE_ROLLBACK_FAILED"
    for skipped in ("Fine", "Nothing"):
        with pytest.raises(ClientError, match=f"Resource {skipped} can't be skipped"):
            cloud.cloudformation.continue_update_rollback(StackName=name, ResourcesToSkip=[skipped])
    assert cloud.status(name) == "UPDATE_ROLLBACK_FAILED"
    cloud.cloudformation.continue_update_rollback(StackName=name, ResourcesToSkip=["Thing"])
    assert cloud.rest(name) == "UPDATE_ROLLBACK_COMPLETE"
    assert cloud.attribute(cloud.resources(name)["Fine"], "DelaySeconds") == "1"


def test_what_can_not_be_deleted_in_the_clean_up_is_left_behind(cloud: Cloud, vendor: Vendor) -> None:
    name = cloud.name()
    vendor.work(lambda: cloud.create(vendor.template(), name), {})
    failed = {"status": "FAILED", "Reason": "not now"}
    vendor.work(lambda: cloud.update(name, queues(A={})), failed, failed, failed)
    assert cloud.status(name) == "UPDATE_COMPLETE"
    assert list(cloud.resources(name)) == ["A"]
    assert cloud.statuses(name, "Thing")[-1] == "DELETE_FAILED"


def test_metadata_and_policies_are_taken_over_without_touching_the_thing(cloud: Cloud) -> None:
    name = cloud.create(queues(A={}))
    after = queues(A={})
    after["Resources"]["A"] |= {"Metadata": {"Owner": "shop"}, "DeletionPolicy": "Retain"}
    assert cloud.update(name, after) == "UPDATE_COMPLETE"
    detail = cloud.cloudformation.describe_stack_resource(StackName=name, LogicalResourceId="A")["StackResourceDetail"]
    assert detail["Metadata"] == '{"Owner": "shop"}'
    cloud.cloudformation.delete_stack(StackName=name)
    assert [one for one in cloud.queues() if one.startswith(f"{name}-A")]
