"""Change sets: made, looked at, executed and dropped."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.templates.stacks.conftest import Cloud, queues, text

NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


def make(cloud: Cloud, stack: str, template: Any, kind: str = "UPDATE", **given: Any) -> dict[str, Any]:
    """A change set, as it is described."""
    given = {"ChangeSetName": "change", **given}
    made = cloud.cloudformation.create_change_set(
        StackName=stack, ChangeSetType=kind, TemplateBody=text(template), **given
    )
    found: dict[str, Any] = cloud.cloudformation.describe_change_set(ChangeSetName=made["Id"])
    return found


def test_a_stack_is_made_by_executing_its_change_set(cloud: Cloud) -> None:
    name = cloud.name()
    found = make(cloud, name, queues(A={}), "CREATE", Description="first", Tags=[{"Key": "team", "Value": "shop"}])
    assert (found["Status"], found["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    assert [one["ResourceChange"]["Action"] for one in found["Changes"]] == ["Add"]
    assert cloud.status(name) == "REVIEW_IN_PROGRESS"
    assert cloud.resources(name) == {}
    cloud.cloudformation.execute_change_set(ChangeSetName="change", StackName=name)
    stack = cloud.stack(name)
    assert (stack["StackStatus"], stack["ChangeSetId"]) == ("CREATE_COMPLETE", found["ChangeSetId"])
    assert stack["Tags"] == [{"Key": "team", "Value": "shop"}]
    again = cloud.cloudformation.describe_change_set(ChangeSetName=found["ChangeSetId"])
    assert again["ExecutionStatus"] == "EXECUTE_COMPLETE"
    with pytest.raises(ClientError, match=r"InvalidChangeSetStatus.*EXECUTE_COMPLETE"):
        cloud.cloudformation.execute_change_set(ChangeSetName="change", StackName=name)


@pytest.mark.parametrize("kind", ["CREATE", "UPDATE"])
def test_executing_one_drops_what_was_planned_besides(cloud: Cloud, kind: str) -> None:
    name = cloud.name() if kind == "CREATE" else cloud.create(queues(A={}))
    for change in ("one", "other"):
        make(cloud, name, queues(A={"DelaySeconds": 1}, B={}), kind, ChangeSetName=change)
    cloud.cloudformation.execute_change_set(ChangeSetName="one", StackName=name)
    assert cloud.rest(name) == f"{kind}_COMPLETE"
    known = cloud.cloudformation.list_change_sets(StackName=name)["Summaries"]
    assert [one["ChangeSetName"] for one in known] == ["one"]


def test_a_replacement_is_seen_before_it_happens(cloud: Cloud) -> None:
    name = cloud.create(queues(Renamed={}, Changed={"DelaySeconds": 1}, Gone={}))
    before = cloud.resources(name)
    found = make(cloud, name, queues(Renamed={"QueueName": cloud.name("q")}, Changed={"DelaySeconds": 2}, New={}))
    changes = {one["ResourceChange"]["LogicalResourceId"]: one["ResourceChange"] for one in found["Changes"]}
    assert {key: (one["Action"], one.get("Replacement")) for key, one in changes.items()} == {
        "Renamed": ("Modify", "True"),
        "Changed": ("Modify", "False"),
        "Gone": ("Remove", None),
        "New": ("Add", None),
    }
    assert changes["Renamed"]["Details"][0]["Target"]["Name"] == "QueueName"
    assert cloud.resources(name) == before


def test_values_are_told_when_they_are_asked_for(cloud: Cloud) -> None:
    name = cloud.create(queues(A={"DelaySeconds": 1}))
    found = make(cloud, name, queues(A={"DelaySeconds": 2}))
    [change] = cloud.cloudformation.describe_change_set(ChangeSetName=found["ChangeSetId"], IncludePropertyValues=True)[
        "Changes"
    ]
    target = change["ResourceChange"]["Details"][0]["Target"]
    assert (target["BeforeValue"], target["AfterValue"]) == ("1", "2")


def test_one_without_changes_fails_and_can_not_be_executed(cloud: Cloud) -> None:
    name = cloud.create(queues(A={}))
    found = make(cloud, name, queues(A={}))
    assert (found["Status"], found["StatusReason"], found["ExecutionStatus"]) == ("FAILED", NO_CHANGES, "UNAVAILABLE")
    with pytest.raises(ClientError, match=r"InvalidChangeSetStatus.*in its current status of \[FAILED\]"):
        cloud.cloudformation.execute_change_set(ChangeSetName="change", StackName=name)
    cloud.cloudformation.delete_change_set(ChangeSetName="change", StackName=name)
    assert cloud.cloudformation.list_change_sets(StackName=name)["Summaries"] == []


def test_the_others_go_when_one_is_executed(cloud: Cloud) -> None:
    name = cloud.create(queues(A={}))
    for delay in (1, 2):
        make(cloud, name, queues(A={"DelaySeconds": delay}), ChangeSetName=f"delay{delay}")
    listed = cloud.cloudformation.list_change_sets(StackName=name)["Summaries"]
    assert {one["ChangeSetName"] for one in listed} == {"delay1", "delay2"}
    cloud.cloudformation.execute_change_set(ChangeSetName="delay2", StackName=name)
    assert cloud.status(name) == "UPDATE_COMPLETE"
    with pytest.raises(ClientError, match=r"ChangeSetNotFound.*ChangeSet \[delay1\] does not exist"):
        cloud.cloudformation.describe_change_set(ChangeSetName="delay1", StackName=name)


def test_an_update_by_other_means_drops_them_too(cloud: Cloud) -> None:
    name = cloud.create(queues(A={}))
    found = make(cloud, name, queues(A={"DelaySeconds": 1}))
    cloud.update(name, queues(A={"DelaySeconds": 2}))
    with pytest.raises(ClientError, match="ChangeSetNotFound"):
        cloud.cloudformation.execute_change_set(ChangeSetName=found["ChangeSetId"])


def test_many_changes_come_in_pages(cloud: Cloud) -> None:
    name = cloud.name()
    first = make(cloud, name, queues(**{f"Queue{number}": {} for number in range(120)}), "CREATE")
    assert len(first["Changes"]) == 100
    rest = cloud.cloudformation.describe_change_set(ChangeSetName=first["ChangeSetId"], NextToken=first["NextToken"])
    assert len(rest["Changes"]) == 20
    assert "NextToken" not in rest
    cloud.cloudformation.delete_stack(StackName=name)


def test_rollback_is_decided_when_it_is_executed_unless_it_was_said(cloud: Cloud) -> None:
    name = cloud.name()
    make(cloud, name, queues(A={"QueueName": "not a name!"}), "CREATE")
    cloud.cloudformation.execute_change_set(ChangeSetName="change", StackName=name, DisableRollback=True)
    assert cloud.status(name) == "CREATE_FAILED"
    described = cloud.cloudformation.describe_change_set(ChangeSetName="change", StackName=name)
    assert described["ExecutionStatus"] == "EXECUTE_FAILED"
    other = cloud.name()
    make(cloud, other, queues(A={"QueueName": "not a name!"}), "CREATE", OnStackFailure="DELETE")
    with pytest.raises(ClientError, match="OnStackFailure"):
        cloud.cloudformation.execute_change_set(ChangeSetName="change", StackName=other, DisableRollback=True)
    cloud.cloudformation.execute_change_set(ChangeSetName="change", StackName=other)
    with pytest.raises(ClientError, match="does not exist"):
        cloud.stack(other)


@pytest.mark.parametrize(
    ("kind", "given", "words"),
    [
        ("UPDATE", {"StackName": "nowhere"}, r"Stack \[nowhere\] does not exist"),
        ("IMPORT", {}, "does not support ChangeSetType of cloudformation:CreateChangeSet"),
        ("CREATE", {"ChangeSetName": "1st"}, "at 'changeSetName' failed to satisfy constraint"),
        ("CREATE", {"TemplateBody": "Resources: {A: {Type: 'AWS::No::Thing'}}"}, "Unrecognized resource types"),
    ],
)
def test_what_can_not_be_planned_is_refused_and_leaves_no_stack(
    cloud: Cloud, kind: str, given: dict[str, Any], words: str
) -> None:
    name = cloud.name()
    call = {"StackName": name, "ChangeSetName": "change", "TemplateBody": text(queues(A={})), **given}
    with pytest.raises(ClientError, match=words):
        cloud.cloudformation.create_change_set(ChangeSetType=kind, **call)
    with pytest.raises(ClientError, match="does not exist"):
        cloud.stack(name)


def test_one_that_creates_wants_no_stack_of_that_name(cloud: Cloud) -> None:
    name = cloud.create(queues(A={}))
    with pytest.raises(ClientError, match=rf"Stack \[{name}\] already exists and cannot be created again"):
        make(cloud, name, queues(A={}), "CREATE")
    make(cloud, name, queues(A={}, B={}))
    with pytest.raises(ClientError, match="AlreadyExistsException"):
        make(cloud, name, queues(A={}, C={}))


def test_nested_stacks_are_not_looked_into(cloud: Cloud) -> None:
    nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "https://s3.amazonaws.com/a/b"}}
    with pytest.raises(ClientError, match="does not support IncludeNestedStacks"):
        make(cloud, cloud.name(), {"Resources": {"Inner": nested}}, "CREATE", IncludeNestedStacks=True)
