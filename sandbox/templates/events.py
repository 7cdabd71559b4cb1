"""Stack events: their shape, and CloudFormation's words for what happened.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackEvent.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

STACK_TYPE = "AWS::CloudFormation::Stack"

USER_INITIATED = "User Initiated"
CREATION_INITIATED = "Resource creation Initiated"
REPLACEMENT = "Requested update requires the creation of a new physical resource; hence creating one."
CREATION_CANCELLED = "Resource creation cancelled"
UPDATE_CANCELLED = "Resource update cancelled"
ROLLBACK_REQUESTED = "Rollback requested by user."

#: https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html
HandlerErrorCode = Literal[
    "NotUpdatable",
    "InvalidRequest",
    "AccessDenied",
    "InvalidCredentials",
    "AlreadyExists",
    "NotFound",
    "ResourceConflict",
    "Throttling",
    "ServiceLimitExceeded",
    "NotStabilized",
    "GeneralServiceException",
    "ServiceInternalError",
    "NetworkFailure",
    "InternalFailure",
]

#: A part of a service's error code, and the handler's error code that it becomes; the first that fits counts.
_CODES: Sequence[tuple[str, HandlerErrorCode]] = (
    ("AccessDenied", "AccessDenied"),
    ("NotAuthorized", "AccessDenied"),
    ("Unauthorized", "AccessDenied"),
    ("Throttl", "Throttling"),
    ("TooManyRequests", "Throttling"),
    ("AlreadyExists", "AlreadyExists"),
    ("AlreadyOwnedByYou", "AlreadyExists"),
    ("Duplicate", "AlreadyExists"),
    ("NotFound", "NotFound"),
    ("NoSuch", "NotFound"),
    ("NonExistent", "NotFound"),
    ("LimitExceeded", "ServiceLimitExceeded"),
    ("Conflict", "ResourceConflict"),
    ("InUse", "ResourceConflict"),
    ("Invalid", "InvalidRequest"),
    ("Validation", "InvalidRequest"),
    ("Malformed", "InvalidRequest"),
    ("BadRequest", "InvalidRequest"),
)


@dataclass(frozen=True, slots=True)
class StackEvent:
    """One event. `time` is sandbox time, in UTC; `properties` are those of the resource as its type gets them."""

    id: str
    stack_id: str
    stack_name: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    time: datetime.datetime
    reason: str | None = None
    properties: Mapping[str, Any] | None = None
    token: str | None = None

    def described(self) -> dict[str, Any]:
        """A StackEvent of DescribeStackEvents."""
        event: dict[str, Any] = {
            "StackId": self.stack_id,
            "EventId": self.id,
            "StackName": self.stack_name,
            "LogicalResourceId": self.logical_id,
            "PhysicalResourceId": self.physical_id,
            "ResourceType": self.type,
            "Timestamp": self.time,
            "ResourceStatus": self.status,
        }
        if self.reason:
            event["ResourceStatusReason"] = self.reason
        if self.properties is not None:
            event["ResourceProperties"] = json.dumps(self.properties, separators=(",", ":"), ensure_ascii=False)
        if self.token is not None:
            event["ClientRequestToken"] = self.token
        return event


def stack_event(
    stack_id: str,
    stack_name: str,
    status: str,
    time: datetime.datetime,
    reason: str | None = None,
    *,
    token: str | None = None,
) -> StackEvent:
    """An event of the stack itself: its logical id is its name, its physical id its ARN."""
    return StackEvent(
        str(uuid.uuid4()), stack_id, stack_name, stack_name, stack_id, STACK_TYPE, status, time, reason, None, token
    )


def resource_event(
    stack_id: str,
    stack_name: str,
    logical_id: str,
    physical_id: str,
    kind: str,
    status: str,
    time: datetime.datetime,
    reason: str | None = None,
    properties: Mapping[str, Any] | None = None,
    *,
    token: str | None = None,
) -> StackEvent:
    """An event of a resource. Its id names the resource, the status and the time, as CloudFormation's do."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"
    identifier = f"{logical_id}-{status}-{stamp}"
    return StackEvent(
        identifier, stack_id, stack_name, logical_id, physical_id, kind, status, time, reason, properties, token
    )


def failed(
    created: Sequence[str] = (), updated: Sequence[str] = (), deleted: Sequence[str] = (), *, rolls_back: bool = False
) -> str:
    """The stack's reason: which resources could not be created, updated, deleted; and that it is rolled back."""
    sentences = [
        f"The following resource(s) failed to {what}: [{', '.join(names)}]."
        for what, names in (("create", created), ("update", updated), ("delete", deleted))
        if names
    ]
    if rolls_back:
        sentences.append(ROLLBACK_REQUESTED)
    # Where nothing follows, CloudFormation leaves the space after the last sentence.
    return " ".join(sentences) + ("" if rolls_back or not sentences else " ")


def handler_message(message: str, error_code: str, token: str) -> str:
    """A resource's reason: what its service answered, as CloudFormation's resource handlers report it.

    `error_code` is the service's; `token` a UUID of the attempt.
    """
    return (
        f'Resource handler returned message: "{message}" (RequestToken: {token}, '
        f"HandlerErrorCode: {handler_error_code(error_code)})"
    )


def handler_error_code(error_code: str) -> HandlerErrorCode:
    """The handler's error code for a service's error code: ResourceConflict for `ResourceConflictException`."""
    return next((code for part, code in _CODES if part in error_code), "GeneralServiceException")
