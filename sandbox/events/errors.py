"""EventBridge's errors, as it words them: https://docs.aws.amazon.com/eventbridge/latest/APIReference/CommonErrors.html"""

from __future__ import annotations

from sandbox.gateway import refusals
from sandbox.gateway.call import AwsError


def invalid(message: str) -> AwsError:
    """A parameter that can't be."""
    return AwsError("ValidationException", message, 400)


def violated(value: str, member: str, constraint: str) -> AwsError:
    """A parameter beyond a limit of the API's model."""
    return invalid(
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
    )


def invalid_pattern(reason: object) -> AwsError:
    """An event pattern that is none."""
    return AwsError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}", 400)


def no_bus(name: str) -> AwsError:
    """There is no such bus."""
    return AwsError("ResourceNotFoundException", f"Event bus {name} does not exist.", 400)


def no_rule(name: str, bus: str) -> AwsError:
    """There is no such rule."""
    return AwsError("ResourceNotFoundException", f"Rule {name} does not exist on EventBus {bus}.", 400)


def unsupported(operation: str, reason: str) -> AwsError:
    """What AWS does and this sandbox doesn't."""
    return refusals.unsupported("events", operation, reason)
