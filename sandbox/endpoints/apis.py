"""What REST and HTTP APIs have in common: ids, times, host names, ARNs and stages."""

from __future__ import annotations

import secrets
import string
import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from sandbox.clock import Clock
from sandbox.endpoints.throttle import Throttle

Members = dict[str, Any]
#: The largest payload: fact apigw-timeouts.
MAX_BODY_BYTES = 10 * 1024 * 1024
_LETTERS = string.ascii_lowercase + string.digits


def new_id(length: int = 10) -> str:
    """An id as API Gateway gives them: lower-case letters and digits."""
    return secrets.choice(string.ascii_lowercase) + "".join(secrets.choice(_LETTERS) for _ in range(length - 1))


def time_of(clock: Clock) -> datetime:
    """Sandbox time as API Gateway tells it: in whole seconds."""
    return clock.datetime().replace(microsecond=0)


@dataclass
class Stage:
    """A stage: its members as its operation returns them, and what it keeps between requests."""

    name: str
    members: Members
    throttle: Throttle = field(default_factory=Throttle)


class Api:
    """An API of an account and Region. `members` are what its operation of AWS returns."""

    #: Which of the members is the id.
    id_member: ClassVar[str]

    def __init__(self, account: str, region: str, members: Members) -> None:
        self.account = account
        self.region = region
        self.members = members
        self.lock = threading.RLock()
        self.authorizers: dict[str, Members] = {}
        self.stages: dict[str, Stage] = {}

    @property
    def id(self) -> str:
        return str(self.members[self.id_member])

    @property
    def host(self) -> str:
        return f"{self.id}.execute-api.{self.region}.amazonaws.com"

    @property
    def execution_arn(self) -> str:
        """What aws:SourceArn and execute-api:Invoke name: `/STAGE/METHOD/path` follows."""
        return f"arn:aws:execute-api:{self.region}:{self.account}:{self.id}"
