"""What a call needs to be allowed: an action on a resource, in a context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.access.request import Values


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that must be allowed for a call to go on.

    `context` holds the keys that this action and resource bring (dynamodb:LeadingKeys, iam:PassedToService,
    aws:RequestTag/...); the keys of every call are added where calls are authorised. `resource_account` owns a
    resource whose ARN names no account.
    """

    action: str
    resource: str
    context: Mapping[str, Values] = field(default_factory=dict)
    resource_account: str | None = None


class Underivable(Exception):
    """A call whose action or resource can't be told: it fails closed. The text names the operation and what lacks."""


class NoAction(Underivable):
    """The operation has no action that AWS's reference knows."""
