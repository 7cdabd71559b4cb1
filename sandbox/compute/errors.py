"""The errors that Lambda answers with, in Lambda's words.

Codes and status: https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html and each operation's own list.
"""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.gateway.call import AwsError


def invalid(message: str) -> AwsError:
    """A parameter that is well-formed and still can't be used."""
    return AwsError("InvalidParameterValueException", message, 400, Type="User")


def unsupported(member: str, reason: str) -> AwsError:
    """A parameter that AWS knows and this sandbox doesn't: refused, so that nobody relies on it."""
    return invalid(f"This sandbox does not support {member}: {reason}")


def not_found(message: str) -> AwsError:
    return AwsError("ResourceNotFoundException", message, 404, Type="User")


def conflict(message: str) -> AwsError:
    return AwsError("ResourceConflictException", message, 409, Type="User")


def function_not_found(arn: str) -> AwsError:
    return not_found(f"Function not found: {arn}")


def update_in_progress(arn: str) -> AwsError:
    return conflict(
        f"The operation cannot be performed at this time. An update is in progress for resource: {arn}",
    )


def stale_revision(reader: str = "GetFunction/GetAlias") -> AwsError:
    return AwsError(
        "PreconditionFailedException",
        f"The RevisionId provided does not match the latest RevisionId. Call the {reader} API to retrieve the latest "
        "RevisionId for your resource.",
        412,
        Type="User",
    )


def throttled(reason: str) -> AwsError:
    """429, with the limit that was met: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html"""
    return AwsError("TooManyRequestsException", "Rate Exceeded.", 429, Type="User", Reason=reason)


def too_large(limit: int, operation: str) -> AwsError:
    return AwsError(
        "RequestTooLargeException",
        f"Request must be smaller than {limit} bytes for the {operation} operation",
        413,
        Type="User",
    )


def violated(violations: Sequence[str]) -> AwsError:
    """Members that break the limits of the model, each in AWS's words."""
    count = len(violations)
    return AwsError(
        "ValidationException",
        f"{count} validation error{'s' if count > 1 else ''} detected: {'; '.join(violations)}",
        400,
    )
