"""Deploys a template by a change set, as `sam deploy` and `aws cloudformation deploy` do, and reads stacks back.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from checks.contract import Uncheckable
from sandbox.progress import Progress
from sandbox.templates import read
from sandbox.templates.document import Document

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

#: How long a change set or a stack may take, in seconds of the cloud's time.
LONGEST_SECONDS = 900.0
#: How often AWS is asked, in seconds; locally a stack takes less than that.
ASK_SECONDS = 2.0
ASK_SECONDS_LOCALLY = 0.02
#: What a change set says that changes nothing: by CloudFormation, and after a transform.
#: https://github.com/aws/aws-cli/blob/develop/awscli/customizations/cloudformation/deployer.py
NOTHING = ("The submitted information didn't contain changes.", "No updates are to be performed.")


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason for a change. `recreation` is "Always", "Never", "Conditionally" or empty; `property` may be empty.

    `source` says where the change comes from: "DirectModification", "ResourceAttribute", "ParameterReference" ...
    """

    attribute: str
    property: str
    recreation: str
    source: str
    entity: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a change set. `replacement` is "True", "False", "Conditional", or empty where none can be."""

    action: str
    logical_id: str
    type: str
    physical_id: str = ""
    replacement: str = ""
    causes: tuple[Cause, ...] = ()
    #: What becomes of the old one: "Delete", "Retain", "ReplaceAndDelete", "ReplaceAndRetain" ..., or empty.
    policy_action: str = ""


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """What a deployment would do. `reason` says why it can't be executed; `empty` that there is nothing to do."""

    name: str
    stack: str
    changes: tuple[Change, ...]
    reason: str = ""

    @property
    def empty(self) -> bool:
        return self.reason.startswith(NOTHING)


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stack, as DescribeStackEvents has it."""

    id: str
    logical_id: str
    type: str
    status: str
    reason: str
    time: datetime
    physical_id: str = ""


@dataclass(frozen=True, slots=True)
class Deployment:
    """How one deployment ended: the stack's status ("UPDATE_COMPLETE"), and its own events, oldest first.

    `status` is "NO_CHANGE" if there was nothing to do, and "REFUSED" if no change set could be made; `reason` says why.
    """

    stack: str
    status: str
    reason: str = ""
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = field(default=(), repr=False)

    @property
    def succeeded(self) -> bool:
        return self.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "NO_CHANGE")

    def __str__(self) -> str:
        what = ", ".join(f"{one.action} {one.logical_id}" for one in self.changes)
        return f"{self.stack}: {self.status}" + (f" ({self.reason})" if self.reason else f" ({what})" if what else "")


# -- deploying -------------------------------------------------------------------------------------------------


def deploy(cloud: Cloud, stack: str, template: str, **parameters: object) -> Deployment:
    """Bring a stack to a template: create it, or change it; wait until it is done. Failures are Deployments too.

    Parameters that are not given keep their value, or take their default. A stack whose creation was rolled back can
    only be removed, so that is done first.
    """
    if status(cloud, stack) in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "REVIEW_IN_PROGRESS"):
        delete(cloud, stack)
    planned = plan(cloud, stack, template, **parameters)
    if planned.reason:
        return Deployment(stack, "NO_CHANGE" if planned.empty else "REFUSED", planned.reason)
    known = {one.id for one in events(cloud, stack)}
    cloud.client("cloudformation").execute_change_set(StackName=stack, ChangeSetName=planned.name)
    ended, reason = settled(cloud, stack)
    own = tuple(one for one in events(cloud, stack) if one.id not in known)
    return Deployment(stack, ended, reason, planned.changes, own)


def plan(cloud: Cloud, stack: str, template: str, **parameters: object) -> ChangeSet:
    """Make a change set and read it, without executing it. One that can't be executed is taken away again."""
    stacks = cloud.client("cloudformation")
    name = f"lab02-{secrets.token_hex(4)}"
    there = status(cloud, stack) not in (None, "REVIEW_IN_PROGRESS")
    declared = read(template).get("Parameters", {}) if parameters or there else {}
    values: list[dict[str, Any]] = [
        {"ParameterKey": key, "ParameterValue": str(value)} for key, value in parameters.items()
    ]
    if there:
        had = {one["ParameterKey"] for one in described(cloud, stack).get("Parameters", [])}
        kept = [key for key in declared if key in had and key not in parameters]
        values += [{"ParameterKey": key, "UsePreviousValue": True} for key in kept]
    try:
        stacks.create_change_set(
            StackName=stack,
            ChangeSetName=name,
            ChangeSetType="UPDATE" if there else "CREATE",
            TemplateBody=template,
            Parameters=values,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
    except ClientError as refusal:
        return ChangeSet(name, stack, (), str(refusal.response["Error"].get("Message")))

    def made() -> bool:
        return stacks.describe_change_set(StackName=stack, ChangeSetName=name)["Status"] not in (
            "CREATE_PENDING",
            "CREATE_IN_PROGRESS",
        )

    wait(cloud, made, f"the change set of {stack}")
    told = stacks.describe_change_set(StackName=stack, ChangeSetName=name)
    if told["Status"] == "FAILED":
        stacks.delete_change_set(StackName=stack, ChangeSetName=name)
        if not there:
            delete(cloud, stack)
        return ChangeSet(name, stack, (), str(told.get("StatusReason")))
    return ChangeSet(name, stack, changes_in(cloud, stack, name))


def changes_in(cloud: Cloud, stack: str, name: str) -> tuple[Change, ...]:
    """The changes of a change set that is there, all pages of them."""
    pages = cloud.client("cloudformation").get_paginator("describe_change_set")
    found = [one for page in pages.paginate(StackName=stack, ChangeSetName=name) for one in page["Changes"]]
    return tuple(_change(one["ResourceChange"]) for one in found if "ResourceChange" in one)


def _change(told: Mapping[str, Any]) -> Change:
    causes = tuple(
        Cause(
            attribute=str(one["Target"].get("Attribute", "")),
            property=str(one["Target"].get("Name", "")),
            recreation=str(one["Target"].get("RequiresRecreation", "")),
            source=str(one.get("ChangeSource", "")),
            entity=str(one.get("CausingEntity", "")),
        )
        for one in told.get("Details", [])
    )
    return Change(
        action=told["Action"],
        logical_id=told["LogicalResourceId"],
        type=told["ResourceType"],
        physical_id=str(told.get("PhysicalResourceId", "")),
        replacement=str(told.get("Replacement", "")),
        causes=causes,
        policy_action=str(told.get("PolicyAction", "")),
    )


def settled(cloud: Cloud, stack: str) -> tuple[str, str]:
    """Wait until nothing goes on with a stack: its status, and the reason that it gives."""
    wait(cloud, lambda: not str(status(cloud, stack)).endswith("_IN_PROGRESS"), f"the stack {stack}")
    told = described(cloud, stack)
    return str(told.get("StackStatus", "DELETE_COMPLETE")), str(told.get("StackStatusReason", ""))


def delete(cloud: Cloud, stack: str) -> None:
    """Remove a stack, if it is there, and wait until it is gone. RuntimeError if CloudFormation can't."""
    told = described(cloud, stack)
    if not told:
        return
    stacks, id = cloud.client("cloudformation"), told["StackId"]
    stacks.delete_stack(StackName=id)
    wait(cloud, lambda: not str(status(cloud, id)).endswith("_IN_PROGRESS"), f"the deletion of {stack}")
    left = described(cloud, id)
    if left.get("StackStatus", "DELETE_COMPLETE") != "DELETE_COMPLETE":
        raise RuntimeError(f"{stack}: {left['StackStatus']}, {left.get('StackStatusReason', '')}")


def wait(cloud: Cloud, done: Callable[[], bool], what: str, seconds: float = LONGEST_SECONDS) -> None:
    """Ask until it is so, and say so where it takes its time. TimeoutError after `seconds` of the cloud's time."""
    end = cloud.clock.timestamp() + seconds
    pause = ASK_SECONDS_LOCALLY if cloud.target == "local" else ASK_SECONDS / cloud.clock.speedup
    with Progress(f"waiting for {what}", lambda: None):
        while not done():
            if cloud.clock.timestamp() > end:
                raise TimeoutError(f"{what} is not done after {seconds:.0f} seconds")
            time.sleep(pause)


# -- reading ---------------------------------------------------------------------------------------------------


def described(cloud: Cloud, stack: str) -> dict[str, Any]:
    """A stack as DescribeStacks has it; empty if there is none."""
    try:
        told = cloud.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as refusal:
        if refusal.response["Error"].get("Code") == "ValidationError":
            return {}
        raise
    return dict(told[0])


def status(cloud: Cloud, stack: str) -> str | None:
    """A stack's status; None if there is no such stack."""
    return described(cloud, stack).get("StackStatus")


def outputs(cloud: Cloud, stack: str) -> dict[str, str]:
    """A stack's outputs by name."""
    return {one["OutputKey"]: one["OutputValue"] for one in described(cloud, stack).get("Outputs", [])}


def resources(cloud: Cloud, stack: str) -> dict[str, dict[str, Any]]:
    """A stack's resources by logical id, as ListStackResources has them: PhysicalResourceId, ResourceType and so on.

    Uncheckable if there is no such stack.
    """
    pages = cloud.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    with _known(stack):
        return {one["LogicalResourceId"]: one for page in pages for one in page["StackResourceSummaries"]}


@contextmanager
def _known(stack: str) -> Iterator[None]:
    """Uncheckable, for a learner whose cells ran in another order, where CloudFormation knows no such stack."""
    try:
        yield
    except ClientError as refusal:
        if "does not exist" not in str(refusal.response["Error"].get("Message")):
            raise
        raise Uncheckable(f"There is no stack {stack}. Run the cell that deploys it, then this one.") from None


def physical(cloud: Cloud, stack: str, logical_id: str) -> str:
    """What one resource of a stack is called. Uncheckable if the stack has none of that logical id."""
    name = resources(cloud, stack).get(logical_id, {}).get("PhysicalResourceId")
    if not name:
        raise Uncheckable(
            f"The stack {stack} has no resource {logical_id}. Run the cell that deploys it, then this one."
        )
    return str(name)


def events(cloud: Cloud, stack: str) -> list[Event]:
    """A stack's events, oldest first (CloudFormation gives the newest first); none if there is no such stack."""
    found: list[Event] = []
    with suppress(cloud.client("cloudformation").exceptions.ClientError):
        pages = cloud.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=stack)
        found = [_event(one) for page in pages for one in page["StackEvents"]]
    return found[::-1]


def _event(told: Mapping[str, Any]) -> Event:
    return Event(
        id=told["EventId"],
        logical_id=told["LogicalResourceId"],
        type=told["ResourceType"],
        status=told["ResourceStatus"],
        reason=str(told.get("ResourceStatusReason", "")),
        time=told["Timestamp"],
        physical_id=str(told.get("PhysicalResourceId", "")),
    )


def template_of(cloud: Cloud, stack: str, stage: str = "Original") -> Document:
    """A stack's template: as it was sent ("Original"), or as the transform left it ("Processed").

    Uncheckable if there is no such stack.
    """
    with _known(stack):
        body = cloud.client("cloudformation").get_template(StackName=stack, TemplateStage=stage)["TemplateBody"]
    return read(body if isinstance(body, str) else json.dumps(body))
