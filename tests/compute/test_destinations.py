"""What a destination and a dead-letter queue are told."""

from __future__ import annotations

from sandbox.compute.destinations import Ended, dead_letter_attributes, record

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST"


def test_the_record_of_an_event_whose_retries_are_exhausted() -> None:
    response = b'{"errorMessage": "no", "errorType": "ValueError"}'
    ended = Ended("id", "f", ARN, "RetriesExhausted", 3, b'{"order": 1}', 200, "$LATEST", "Unhandled", response)
    assert record(ended, 1_768_478_400.25) == {
        "version": "1.0",
        "timestamp": "2026-01-15T12:00:00.250Z",
        "requestContext": {
            "requestId": "id",
            "functionArn": ARN,
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": {"order": 1},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorMessage": "no", "errorType": "ValueError"},
    }
    attributes = dead_letter_attributes(ended)
    assert {name: value["StringValue"] for name, value in attributes.items()} == {
        "RequestID": "id",
        "ErrorCode": "200",
        "ErrorMessage": "no",
    }
    assert attributes["ErrorCode"]["DataType"] == "Number"


def test_an_event_that_never_ran_has_no_response() -> None:
    ended = Ended("id", "f", ARN, "EventAgeExceeded", 0, b"[1]", 429, "", "", b"")
    content = record(ended, 0.0)
    assert content["requestPayload"] == [1]
    assert "responseContext" not in content
    assert "responsePayload" not in content
    assert dead_letter_attributes(ended)["ErrorMessage"]["StringValue"] == "Rate Exceeded."


def test_a_long_error_is_cut_to_a_kilobyte() -> None:
    response = b'{"errorMessage": "' + b"\xc3\xa4" * 2000 + b'"}'
    ended = Ended("id", "f", ARN, "RetriesExhausted", 3, b"{}", 200, "1", "Unhandled", response)
    assert dead_letter_attributes(ended)["ErrorMessage"]["StringValue"] == "ä" * 512
