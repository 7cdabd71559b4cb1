"""Why a deployment ends before its time: CodeDeploy's codes and messages.

https://docs.aws.amazon.com/codedeploy/latest/userguide/error-codes.html
https://docs.aws.amazon.com/codedeploy/latest/userguide/troubleshooting-deployments-lambda.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from botocore.exceptions import ClientError

from sandbox.delivery.appspec import InvalidAppSpec
from sandbox.delivery.group_settings import FAILURE, STOP_ON_ALARM, STOP_ON_REQUEST

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})


class DeploymentFailure(Exception):
    """Ends a deployment. `event` is the event that rolls it back, where the group lists it."""

    status: Literal["Failed", "Stopped"] = "Failed"
    event = FAILURE

    def __init__(self, code: str, message: str, diagnostics: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.diagnostics = diagnostics


class AlarmStop(DeploymentFailure):
    status = "Stopped"
    event = STOP_ON_ALARM


class RequestedStop(DeploymentFailure):
    status = "Stopped"
    event = STOP_ON_REQUEST


def alarms_active(names: Sequence[str]) -> AlarmStop:
    activated = " ".join(f"<{name}>" for name in names)
    return AlarmStop(
        "ALARM_ACTIVE",
        "One or more alarms have been activated according to the Amazon CloudWatch metrics you selected, and the "
        f"affected deployments have been stopped. Activated alarms: {activated}",
    )


def alarms_unknown(names: Sequence[str]) -> AlarmStop:
    """Unless ignorePollAlarmFailure is set the deployment stops, AWS says; the message is not known.

    https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_AlarmConfiguration.html
    """
    missing = " ".join(f"<{name}>" for name in names)
    return AlarmStop(
        "ALARM_ACTIVE",
        "The current state of one or more alarms could not be retrieved from Amazon CloudWatch, and the affected "
        f"deployments have been stopped. Alarms without a state: {missing}",
    )


def stopped_by_request() -> RequestedStop:
    return RequestedStop("MANUAL_STOP", "The deployment was stopped by a user.")


def group_missing(name: str) -> DeploymentFailure:
    return DeploymentFailure("DEPLOYMENT_GROUP_MISSING", f"The deployment group is missing: {name}")


def role_missing(group: str) -> DeploymentFailure:
    """https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-sns-event-notifications-json-format.html"""
    return DeploymentFailure("IAM_ROLE_MISSING", f"IAM Role is missing for deployment group: {group}")


def role_permissions(role_arn: str, service: str) -> DeploymentFailure:
    """`service` is how the message calls it: AWSLambda, AmazonS3."""
    return DeploymentFailure(
        "IAM_ROLE_PERMISSIONS",
        f"The IAM role {role_arn} does not give you permission to perform operations in the following AWS service: "
        f"{service}. Contact your AWS administrator if you need help. If you are an AWS administrator, you can grant "
        "permissions to your users or groups by creating IAM policies.",
    )


def invalid_configuration(why: InvalidAppSpec) -> DeploymentFailure:
    return DeploymentFailure("INVALID_LAMBDA_CONFIGURATION", str(why))


def alias_elsewhere() -> DeploymentFailure:
    return invalid_configuration(
        InvalidAppSpec("The Lambda function alias version does not match the current version in AppSpec file.")
    )


def hook_failed(diagnostics: str) -> DeploymentFailure:
    return DeploymentFailure(
        "HOOK_EXECUTION_FAILURE",
        "The deployment failed because one or more of the lifecycle event validation functions failed.",
        diagnostics,
    )


def hook_silent() -> DeploymentFailure:
    message = (
        "The deployment timed out while waiting for a status callback. CodeDeploy expects a status callback within one "
        "hour after a deployment hook is invoked."
    )
    return DeploymentFailure("TIMEOUT", message, message)


def of_lambda(failure: ClientError, role_arn: str) -> DeploymentFailure:
    """What an error of Lambda's, on the alias, means for a deployment."""
    error = failure.response["Error"]
    code, message = error["Code"], str(error.get("Message"))
    if code in DENIED:
        return role_permissions(role_arn, "AWSLambda")
    if code == "ResourceNotFoundException":
        return DeploymentFailure(
            "INVALID_LAMBDA_FUNCTION",
            f"The deployment failed because a Lambda function, version or alias does not exist. {message}",
        )
    if code == "PreconditionFailedException":
        return alias_elsewhere()
    if code in ("InvalidParameterValueException", "ValidationException"):
        return invalid_configuration(InvalidAppSpec(message))
    if code == "TooManyRequestsException":
        return DeploymentFailure("THROTTLED", f"The deployment failed because Lambda throttled it. {message}")
    return DeploymentFailure("INTERNAL_ERROR", f"The deployment failed because of an error of Lambda's. {message}")


def of_bucket(failure: ClientError, role_arn: str, bucket: str, key: str) -> DeploymentFailure:
    """What an error of S3's, on the AppSpec file, means for a deployment."""
    code = failure.response["Error"]["Code"]
    if code in DENIED or code == "403":
        return role_permissions(role_arn, "AmazonS3")
    return no_file(bucket, key)


def no_file(bucket: str, key: str) -> DeploymentFailure:
    return DeploymentFailure(
        "REVISION_MISSING", f"The AppSpec file cannot be located in the specified S3 bucket: s3://{bucket}/{key}"
    )
