"""The states of stacks and resources, and which call is refused in which.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

from __future__ import annotations

from typing import get_args

import botocore.session
import pytest

from sandbox.templates.states import (
    NEXT,
    NEXT_OF_RESOURCE,
    Operation,
    ResourceStatus,
    StackStatus,
    in_progress,
    may_follow,
    refusal,
    resource_may_follow,
    stranded,
)

ARN = "arn:aws:cloudformation:us-east-1:123456789012:stack/orders/5f2e"
API = botocore.session.get_session().get_service_model("cloudformation")
STATUSES: tuple[StackStatus, ...] = get_args(StackStatus)

#: What happens to a stack, and the statuses it passes, as AWS's pages tell it.
COURSES: dict[str, str] = {
    "created": "CREATE_IN_PROGRESS CREATE_COMPLETE",
    "created by a change set": "REVIEW_IN_PROGRESS CREATE_IN_PROGRESS CREATE_COMPLETE",
    "failed to be created": (
        "CREATE_IN_PROGRESS ROLLBACK_IN_PROGRESS ROLLBACK_COMPLETE DELETE_IN_PROGRESS DELETE_COMPLETE"
    ),
    "failed, nothing rolled back": "CREATE_IN_PROGRESS CREATE_FAILED UPDATE_IN_PROGRESS UPDATE_COMPLETE",
    "failed, rolled back by hand": "CREATE_IN_PROGRESS CREATE_FAILED ROLLBACK_IN_PROGRESS ROLLBACK_COMPLETE",
    "failed, deleted": "CREATE_IN_PROGRESS DELETE_IN_PROGRESS DELETE_COMPLETE",
    "updated": (
        "CREATE_IN_PROGRESS CREATE_COMPLETE UPDATE_IN_PROGRESS UPDATE_COMPLETE_CLEANUP_IN_PROGRESS UPDATE_COMPLETE"
    ),
    "failed to be updated": (
        "CREATE_IN_PROGRESS CREATE_COMPLETE UPDATE_IN_PROGRESS UPDATE_ROLLBACK_IN_PROGRESS "
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS UPDATE_ROLLBACK_COMPLETE UPDATE_IN_PROGRESS UPDATE_COMPLETE"
    ),
    "failed to be rolled back": (
        "CREATE_IN_PROGRESS CREATE_COMPLETE UPDATE_IN_PROGRESS UPDATE_ROLLBACK_IN_PROGRESS UPDATE_ROLLBACK_FAILED "
        "UPDATE_ROLLBACK_IN_PROGRESS UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS UPDATE_ROLLBACK_COMPLETE"
    ),
    "failed to be deleted": (
        "CREATE_IN_PROGRESS CREATE_COMPLETE DELETE_IN_PROGRESS DELETE_FAILED DELETE_IN_PROGRESS DELETE_COMPLETE"
    ),
}


@pytest.mark.parametrize("course", COURSES.values(), ids=COURSES)
def test_the_course_of_a_stack(course: str) -> None:
    status: StackStatus | None = None
    for name in course.split():
        [following] = [one for one in STATUSES if one == name]
        assert may_follow(status, following), (status, following)
        status = following


@pytest.mark.parametrize(
    ("status", "following"),
    [
        (None, "UPDATE_IN_PROGRESS"),
        ("CREATE_COMPLETE", "CREATE_IN_PROGRESS"),
        ("ROLLBACK_COMPLETE", "UPDATE_IN_PROGRESS"),
        ("UPDATE_ROLLBACK_FAILED", "UPDATE_IN_PROGRESS"),
        ("UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"),
        ("DELETE_COMPLETE", "CREATE_IN_PROGRESS"),
    ],
)
def test_what_never_follows(status: StackStatus | None, following: StackStatus) -> None:
    assert not may_follow(status, following)


def test_the_statuses_are_those_of_the_api_but_for_imports() -> None:
    assert set(STATUSES) == {one for one in API.shape_for("StackStatus").enum if not one.startswith("IMPORT")}
    assert set(get_args(ResourceStatus)) <= set(API.shape_for("ResourceStatus").enum)
    assert NEXT.keys() - {None} == set(STATUSES)
    assert NEXT_OF_RESOURCE.keys() - {None} == set(get_args(ResourceStatus))


def test_every_status_can_be_reached_and_all_work_ends() -> None:
    assert {one for following in NEXT.values() for one in following} == set(STATUSES)
    for status in STATUSES:
        if in_progress(status):
            ends = [one for one in NEXT[status] if not in_progress(one)]
            assert ends, status
            assert stranded(status) in ends
        else:
            assert stranded(status) is None


def test_the_course_of_a_resource() -> None:
    course: list[ResourceStatus] = [
        *("CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_FAILED"),
        *("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "DELETE_IN_PROGRESS", "DELETE_FAILED", "DELETE_SKIPPED"),
    ]
    for status, following in zip([None, *course], course, strict=False):
        assert resource_may_follow(status, following), (status, following)
    assert not resource_may_follow("DELETE_COMPLETE", "UPDATE_IN_PROGRESS")


#: An operation, the stack's status, and CloudFormation's words (None: it is taken).
REFUSED: list[tuple[Operation, StackStatus | None, str | None]] = [
    ("create", None, None),
    ("create", "DELETE_COMPLETE", None),
    ("create", "REVIEW_IN_PROGRESS", None),
    ("create", "CREATE_COMPLETE", "Stack [orders] already exists"),
    ("create", "ROLLBACK_COMPLETE", "Stack [orders] already exists"),
    ("update", None, "Stack [orders] does not exist"),
    ("update", "CREATE_COMPLETE", None),
    ("update", "UPDATE_ROLLBACK_COMPLETE", None),
    ("update", "CREATE_FAILED", None),
    ("update", "ROLLBACK_COMPLETE", f"Stack:{ARN} is in ROLLBACK_COMPLETE state and can not be updated."),
    ("update", "UPDATE_IN_PROGRESS", f"Stack:{ARN} is in UPDATE_IN_PROGRESS state and can not be updated."),
    ("update", "UPDATE_ROLLBACK_FAILED", f"Stack:{ARN} is in UPDATE_ROLLBACK_FAILED state and can not be updated."),
    ("delete", None, None),
    ("delete", "CREATE_IN_PROGRESS", None),
    ("delete", "DELETE_IN_PROGRESS", None),
    ("delete", "UPDATE_IN_PROGRESS", f"Stack [{ARN}] cannot be deleted while in status UPDATE_IN_PROGRESS"),
    ("continue-rollback", "UPDATE_ROLLBACK_FAILED", None),
    ("continue-rollback", "CREATE_COMPLETE", f"Stack:{ARN} is in CREATE_COMPLETE state and can not continue rollback."),
    ("rollback", "UPDATE_FAILED", None),
    ("rollback", "UPDATE_COMPLETE", f"Stack:{ARN} is in UPDATE_COMPLETE state and can not be rolled back."),
    ("cancel-update", "UPDATE_IN_PROGRESS", None),
    ("cancel-update", "UPDATE_COMPLETE", "CancelUpdateStack cannot be called from current stack status"),
]


@pytest.mark.parametrize(("operation", "status", "message"), REFUSED)
def test_a_call_in_the_wrong_state_is_refused(
    operation: Operation, status: StackStatus | None, message: str | None
) -> None:
    refused = refusal(operation, status, "orders", ARN)
    assert (refused.message if refused is not None else None) == message


def test_a_stack_that_is_there_has_its_own_error_code() -> None:
    refused = refusal("create", "CREATE_COMPLETE", "orders")
    assert refused is not None
    assert refused.code == "AlreadyExistsException"


def test_a_protected_stack_is_not_deleted() -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-protect-stacks.html"""
    refused = refusal("delete", "CREATE_COMPLETE", "orders", ARN, protected=True)
    assert refused is not None
    assert refused.message == "Stack [orders] cannot be deleted while TerminationProtection is enabled"
