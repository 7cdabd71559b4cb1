"""The errors that CodeDeploy answers with.

https://docs.aws.amazon.com/codedeploy/latest/APIReference/CommonErrors.html and each operation's own list. Where a
message is not known from AWS itself, it is what the reference says of the error, with the value that caused it.
"""

from __future__ import annotations

from sandbox.gateway import refusals
from sandbox.gateway.call import AwsError, Call

LAMBDA = "Lambda"
#: What computePlatform can be besides.
OTHER_PLATFORMS = {"Server": "there are no machines behind it", "ECS": "there are no containers behind it"}


def error(code: str, message: str) -> AwsError:
    return AwsError(f"{code}Exception", message, 400)


def unsupported(call: Call, reason: str) -> AwsError:
    """What AWS has and this sandbox has not."""
    return refusals.unsupported("codedeploy", call.operation, reason)


def no_application(name: str) -> AwsError:
    return error("ApplicationDoesNotExist", f"No application found for name: {name}")


def no_group(name: str) -> AwsError:
    return error("DeploymentGroupDoesNotExist", f"No Deployment Group found for name: {name}")


def no_config(name: str) -> AwsError:
    return error("DeploymentConfigDoesNotExist", f"No Deployment Configuration found for name: {name}")


def no_deployment(identifier: str) -> AwsError:
    return error("DeploymentDoesNotExist", f"The deployment {identifier} could not be found")


def invalid_revision(message: str) -> AwsError:
    return error("InvalidRevision", message)
