"""The rights that a stack's operations act with: the caller's own, or those of the role that the stack was given.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from sandbox.clock import Clock
from sandbox.gateway.call import AwsError, Principal
from sandbox.gateway.pipeline import Gateway

SERVICE = "cloudformation.amazonaws.com"
SESSION_NAME = "AWSCloudFormation"
SESSION_SECONDS = 3600
#: A session is renewed when less than this is left of it, in sandbox seconds: more than any call takes.
NEEDED_SECONDS = 1200


class Rights:
    """Clients with the rights of a principal or, if there is one, of a role. Sessions are renewed as time goes by."""

    def __init__(self, gateway: Gateway, clock: Clock, principal: Principal, role_arn: str | None) -> None:
        self.principal = principal
        self.role_arn = role_arn
        self._gateway = gateway
        self._clock = clock
        self._lock = threading.Lock()
        self._ends = float("-inf")
        self._credentials: Mapping[str, str] = {}

    def client(self, service: str, region: str) -> Any:
        """A boto3 client. AwsError if the role can't be assumed (any more)."""
        return self._gateway.client(service, self.credentials(), region)

    def credentials(self) -> Mapping[str, str]:
        """Temporary credentials (AWS_* variables) that last for a while yet."""
        with self._lock:
            if self._ends - self._clock.now() < NEEDED_SECONDS:
                self._credentials = self._issued()
                self._ends = self._clock.now() + SESSION_SECONDS
            return self._credentials

    def _issued(self) -> Mapping[str, str]:
        if self.role_arn is None:
            return self._gateway.forward_access(self.principal, SERVICE, SESSION_SECONDS)
        if not self._gateway.role_trusts(self.role_arn, SERVICE):
            raise invalid_role(self.role_arn)
        return self._gateway.issue_session(self.role_arn, SESSION_NAME, SESSION_SECONDS, SERVICE)


class AllRights:
    """Rights by whom they are: who deploys often does so with one session."""

    def __init__(self, gateway: Gateway, clock: Clock) -> None:
        self._gateway = gateway
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[tuple[str | None, tuple[str, ...], str | None], Rights] = {}

    def of(self, principal: Principal, role_arn: str | None) -> Rights:
        """The rights of a caller, or of a role. AwsError ValidationError if the role can't be assumed."""
        key = (principal.access_key, principal.via, role_arn)
        with self._lock:
            if len(self._known) > 200:
                self._known.clear()
            rights = self._known.setdefault(key, Rights(self._gateway, self._clock, principal, role_arn))
        if role_arn is not None and not self._gateway.role_trusts(role_arn, SERVICE):
            raise invalid_role(role_arn)
        return rights


def invalid_role(role_arn: str) -> AwsError:
    """The refusal of a role that is not there, or that does not trust CloudFormation."""
    return AwsError("ValidationError", f"Role {role_arn} is invalid or cannot be assumed")
