"""What a call asks, read from its parameters and checked as CloudFormation's front checks it."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from sandbox.gateway.call import AwsError, Call
from sandbox.templates.parameters import Given
from sandbox.templates.stacks import capabilities

MOST_TAGS = 50
MOST_TOPICS = 5
LONGEST_NAME = 128

#: EXPRESS lets CloudFormation end an operation before its resources are ready to serve. Here they are ready a moment
#: later, and an operation ends when they are, as in STANDARD.
#: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-express-mode.html
MODES = ("STANDARD", "EXPRESS")

_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]*")
_FEATURES = re.compile(r"\bm/(\S+)")
_TOKEN = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]{0,127}")

OnFailure = Literal["DO_NOTHING", "ROLLBACK", "DELETE"]

#: Parameters that are refused whenever they are given, each with the reason.
REFUSED = {
    "StackPolicyBody": "stack policies",
    "StackPolicyURL": "stack policies",
    "StackPolicyDuringUpdateBody": "stack policies",
    "StackPolicyDuringUpdateURL": "stack policies",
    "ResourceTypes": "a restriction to resource types",
    "ResourcesToImport": "resource import",
    "ImportExistingResources": "resource import",
    "DeploymentMode": "deployment modes",
}


def invalid(message: str) -> AwsError:
    """ValidationError."""
    return AwsError("ValidationError", message)


def refuse_unsupported(call: Call) -> None:
    """AwsError for parameters that the sandbox does not act on."""
    for name, what in REFUSED.items():
        if call.params.get(name):
            raise unsupported(call, name, f"{what} are not built" if what.endswith("s") else f"{what} is not built")
    mode = (call.params.get("DeploymentConfig") or {}).get("Mode") or "STANDARD"
    if mode not in MODES:
        raise invalid(
            f"1 validation error detected: Value '{mode}' at 'deploymentConfig.mode' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(MODES)}]"
        )
    rollback = call.params.get("RollbackConfiguration") or {}
    if rollback.get("RollbackTriggers"):
        raise unsupported(call, "RollbackConfiguration", "no alarm would be watched")


def unsupported(call: Call, parameter: str, reason: str) -> AwsError:
    """The refusal of a parameter, by name."""
    return invalid(f"coldstart does not support {parameter} of cloudformation:{call.operation}: {reason}")


def new_name(call: Call) -> str:
    """The name of a stack that is to be created."""
    name = str(call.params.get("StackName") or "")
    if not _NAME.fullmatch(name):
        raise invalid(
            f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member must "
            "satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        )
    if len(name) > LONGEST_NAME:
        raise invalid(
            f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member must "
            f"have length less than or equal to {LONGEST_NAME}"
        )
    return name


def given_name(call: Call, member: str = "StackName") -> str:
    """The name or ARN of a stack that is to be there."""
    given = str(call.params.get(member) or "")
    if not given:
        raise invalid(
            f"1 validation error detected: Value null at '{member[0].lower()}{member[1:]}' failed to satisfy "
            "constraint: Member must not be null"
        )
    return given


def parameters(call: Call) -> list[Given]:
    """The template's parameters."""
    found = []
    for one in call.params.get("Parameters") or []:
        key = one.get("ParameterKey")
        if not key:
            raise invalid("Each element of Parameters list must have non-empty ParameterKey.")
        found.append(Given(str(key), one.get("ParameterValue"), _truth(one.get("UsePreviousValue"))))
    return found


def tags(call: Call) -> dict[str, str] | None:
    """The stack's tags; None if the call says nothing about them."""
    if call.params.get("Tags") is None:
        return None
    found: dict[str, str] = {}
    for one in call.params["Tags"]:
        key, value = str(one.get("Key") or ""), str(one.get("Value") or "")
        if key.lower().startswith("aws:"):
            raise invalid("aws: prefixed tag key names are not allowed for external use.")
        if not 1 <= len(key) <= 128 or len(value) > 256:
            raise invalid(f"Tag key {key!r} must have 1 to 128 characters, its value at most 256.")
        if key in found:
            raise invalid(f"Duplicate tag keys: {key}")
        found[key] = value
    if len(found) > MOST_TAGS:
        raise invalid(
            "1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less "
            f"than or equal to {MOST_TAGS}"
        )
    return found


def acknowledged(call: Call) -> tuple[str, ...]:
    """The capabilities."""
    given = tuple(str(one) for one in call.params.get("Capabilities") or ())
    if any(one not in capabilities.ALL for one in given):
        raise invalid(
            f"1 validation error detected: Value '[{', '.join(given)}]' at 'capabilities' failed to satisfy "
            "constraint: Member must satisfy constraint: [Member must satisfy enum value set: "
            f"[{', '.join(reversed(capabilities.ALL))}]]"
        )
    return given


def topics(call: Call) -> tuple[str, ...] | None:
    """The ARNs of the topics that hear of the stack's events; None if the call says nothing about them."""
    if call.params.get("NotificationARNs") is None:
        return None
    found = tuple(str(one) for one in call.params["NotificationARNs"])
    if len(found) > MOST_TOPICS:
        raise invalid(f"NotificationARNs may name at most {MOST_TOPICS} topics.")
    for arn in found:
        if arn.split(":")[2:3] != ["sns"]:
            raise invalid(f"Invalid Notification ARN: {arn}")
    return found


def token(call: Call, member: str = "ClientRequestToken") -> str | None:
    """The client's token."""
    given = call.params.get(member)
    if given is not None and not _TOKEN.fullmatch(str(given)):
        raise invalid(
            f"1 validation error detected: Value '{given}' at '{member[0].lower()}{member[1:]}' failed to satisfy "
            "constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9][-a-zA-Z0-9]*"
        )
    return None if given is None else str(given)


def flag(call: Call, member: str) -> bool:
    """A parameter that is true or false; false where it is missing."""
    return _truth(call.params.get(member))


def is_waiter(call: Call) -> bool:
    """Whether it is an SDK's waiter that calls: it says so among the features in its user agent (`m/E,B,N`).

    The letters are the same for all SDKs: botocore/useragent.py has them (WAITER).
    """
    features = _FEATURES.search(call.user_agent)
    return features is not None and "B" in features[1].split(",")


def keeps_failed(call: Call) -> bool:
    """Whether what fails is to stay as it is, by DisableRollback or by the deployment configuration's."""
    return flag(call, "DisableRollback") or _truth((call.params.get("DeploymentConfig") or {}).get("DisableRollback"))


def failure_action(call: Call, member: str) -> OnFailure:
    """What is to be done if the creation fails."""
    given = call.params.get(member)
    if given is not None and call.params.get("DisableRollback") is not None:
        raise invalid(f"You can specify either DisableRollback or {member}, but not both.")
    if given is None:
        return "DO_NOTHING" if keeps_failed(call) else "ROLLBACK"
    if given not in ("DO_NOTHING", "ROLLBACK", "DELETE"):
        raise invalid(
            f"1 validation error detected: Value '{given}' at '{member[0].lower()}{member[1:]}' failed to satisfy "
            "constraint: Member must satisfy enum value set: [DO_NOTHING, ROLLBACK, DELETE]"
        )
    return cast(OnFailure, given)


def _truth(value: Any) -> bool:
    return value is True or str(value).lower() == "true"


def page(
    params: Mapping[str, Any], items: Sequence[Any], member: str, size: int = 100, *, limit: int | None = None
) -> dict[str, Any]:
    """One page of a list, and the NextToken of the next."""
    start = 0
    given = params.get("NextToken")
    size = min(size, limit) if limit else size
    if given:
        try:
            start = int(base64.urlsafe_b64decode(str(given)).decode().removeprefix(f"{member}:"))
        except (binascii.Error, UnicodeDecodeError, ValueError) as error:
            raise invalid("Invalid NextToken") from error
    shown: dict[str, Any] = {member: list(items[start : start + size])}
    if start + size < len(items):
        shown["NextToken"] = base64.urlsafe_b64encode(f"{member}:{start + size}".encode()).decode()
    return shown
