"""Stack events in the shape and the words of CloudFormation.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackEvent.html
"""

from __future__ import annotations

import datetime
import uuid

import botocore.session
import pytest

from sandbox.templates.events import (
    CREATION_INITIATED,
    HandlerErrorCode,
    failed,
    handler_error_code,
    handler_message,
    resource_event,
    stack_event,
)

ARN = "arn:aws:cloudformation:us-east-1:123456789012:stack/orders/5f2e"
NOON = datetime.datetime(2026, 11, 21, 12, 0, 0, 123_456, tzinfo=datetime.UTC)
API = botocore.session.get_session().get_service_model("cloudformation")


def test_an_event_of_the_stack() -> None:
    event = stack_event(ARN, "orders", "CREATE_IN_PROGRESS", NOON, "User Initiated", token="t").described()
    assert uuid.UUID(event.pop("EventId"))
    assert event == {
        "StackId": ARN,
        "StackName": "orders",
        "LogicalResourceId": "orders",
        "PhysicalResourceId": ARN,
        "ResourceType": "AWS::CloudFormation::Stack",
        "Timestamp": NOON,
        "ResourceStatus": "CREATE_IN_PROGRESS",
        "ResourceStatusReason": "User Initiated",
        "ClientRequestToken": "t",
    }


def test_an_event_of_a_resource() -> None:
    """As AWS answered localstack's test_change_set_ref.py: the id names resource, status and time."""
    event = resource_event(
        *(ARN, "orders", "Topic", "arn:topic", "AWS::SNS::Topic", "CREATE_IN_PROGRESS", NOON, CREATION_INITIATED),
        {"TopicName": "t", "Ä": 1},
    ).described()
    assert event == {
        "StackId": ARN,
        "EventId": "Topic-CREATE_IN_PROGRESS-2026-11-21T12:00:00.123Z",
        "StackName": "orders",
        "LogicalResourceId": "Topic",
        "PhysicalResourceId": "arn:topic",
        "ResourceType": "AWS::SNS::Topic",
        "Timestamp": NOON,
        "ResourceStatus": "CREATE_IN_PROGRESS",
        "ResourceStatusReason": "Resource creation Initiated",
        "ResourceProperties": '{"TopicName":"t","Ä":1}',
    }
    assert event.keys() <= API.shape_for("StackEvent").members.keys()


def test_an_event_without_a_reason_has_none() -> None:
    event = resource_event(ARN, "orders", "Topic", "", "AWS::SNS::Topic", "CREATE_IN_PROGRESS", NOON).described()
    assert event["PhysicalResourceId"] == ""
    assert not {"ResourceStatusReason", "ResourceProperties", "ClientRequestToken"} & event.keys()


#: Reports of AWS's events: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (
            failed(created=["A", "B"], rolls_back=True),
            "The following resource(s) failed to create: [A, B]. Rollback requested by user.",
        ),
        (failed(updated=["A"]), "The following resource(s) failed to update: [A]. "),
        (
            failed(created=["A"], updated=["B"]),
            "The following resource(s) failed to create: [A]. The following resource(s) failed to update: [B]. ",
        ),
        (failed(deleted=["A"]), "The following resource(s) failed to delete: [A]. "),
        (failed(), ""),
    ],
)
def test_the_reason_of_a_stack_names_what_failed(reason: str, words: str) -> None:
    assert reason == words


@pytest.mark.parametrize(
    ("code", "handlers"),
    [
        ("AccessDeniedException", "AccessDenied"),
        ("AccessDenied", "AccessDenied"),
        ("EntityAlreadyExists", "AlreadyExists"),
        ("BucketAlreadyOwnedByYou", "AlreadyExists"),
        ("ResourceNotFoundException", "NotFound"),
        ("NoSuchEntity", "NotFound"),
        ("AWS.SimpleQueueService.NonExistentQueue", "NotFound"),
        ("ResourceConflictException", "ResourceConflict"),
        ("ResourceInUseException", "ResourceConflict"),
        ("ThrottlingException", "Throttling"),
        ("TooManyRequestsException", "Throttling"),
        ("LimitExceededException", "ServiceLimitExceeded"),
        ("InvalidParameterValueException", "InvalidRequest"),
        ("ValidationException", "InvalidRequest"),
        ("MalformedPolicyDocument", "InvalidRequest"),
        ("InternalServiceError", "GeneralServiceException"),
    ],
)
def test_the_code_of_a_handler(code: str, handlers: HandlerErrorCode) -> None:
    """https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html"""
    assert handler_error_code(code) == handlers
    assert handlers in API.shape_for("HandlerErrorCode").enum


def test_what_a_service_answered_is_the_reason_of_a_resource() -> None:
    assert handler_message("Table already exists: orders", "ResourceInUseException", "1-2") == (
        'Resource handler returned message: "Table already exists: orders" (RequestToken: 1-2, HandlerErrorCode: '
        "ResourceConflict)"
    )
