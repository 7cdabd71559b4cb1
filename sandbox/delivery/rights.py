"""The rights that a deployment acts with: those of its group's service role.

https://docs.aws.amazon.com/codedeploy/latest/userguide/getting-started-create-service-role.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from sandbox.clock import Clock

_SERVICE = "codedeploy.amazonaws.com"
SESSION_SECONDS = 3600
#: A session is renewed when less than this is left of it, in sandbox seconds: more than any step takes.
NEEDED_SECONDS = 600


def principals(region: str) -> tuple[str, str]:
    """The names under which a role may trust CodeDeploy in a Region: everywhere, or there alone."""
    return _SERVICE, _SERVICE.replace(".", f".{region}.", 1)


class Gateway(Protocol):
    """What is needed of the gateway."""

    def role_trusts(self, role_arn: str, service_principal: str) -> bool: ...

    def issue_session(
        self, role_arn: str, session_name: str, seconds: int, service: str | None = None
    ) -> Mapping[str, str]: ...

    def client(self, service: str, credentials: Mapping[str, str] | None = None, region: str = ...) -> Any: ...


class Rights:
    """Clients of one deployment with its service role. For one thread at a time."""

    def __init__(self, gateway: Gateway, clock: Clock, role_arn: str, session_name: str, region: str) -> None:
        self._gateway = gateway
        self._clock = clock
        self._role_arn = role_arn
        self._session_name = session_name
        self._region = region
        self._ends = float("-inf")
        self._credentials: Mapping[str, str] = {}

    def there(self) -> bool:
        """Whether there is such a role (still), and it trusts CodeDeploy."""
        return any(self._gateway.role_trusts(self._role_arn, each) for each in principals(self._region))

    def client(self, service: str, region: str | None = None) -> Any:
        """A boto3 client, by default in the deployment's Region. AwsError NoSuchEntity if the role has gone."""
        if self._ends - self._clock.now() < NEEDED_SECONDS:
            self._credentials = self._gateway.issue_session(
                self._role_arn, self._session_name, SESSION_SECONDS, _SERVICE
            )
            self._ends = self._clock.now() + SESSION_SECONDS
        return self._gateway.client(service, self._credentials, region or self._region)
