"""Temporary credentials: who signs with them, what they carry, and their end by sandbox time."""

from __future__ import annotations

import base64
import dataclasses
import secrets
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sandbox.clock import Clock
from sandbox.gateway import moto_adapter
from sandbox.gateway.call import AwsError, Principal, SessionDetails
from sandbox.gateway.identify import Key
from sandbox.gateway.moto_adapter import Role

#: A session is forgotten this long after its end: until then its user reads "expired", later "unknown key".
FORGET_AFTER = timedelta(days=1)
#: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html (MinimumSessionTokenSize)
MAX_TOKEN_BYTES = 4_096

_TOKEN_BYTES = 288
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@dataclass(frozen=True, slots=True)
class Session:
    """Temporary credentials, and the principal that signs with them."""

    access_key: str
    secret: str
    token: str
    expires: datetime
    principal: Principal

    def key(self) -> Key:
        return Key(self.secret, self.principal, self.token, self.expires)

    def shape(self) -> dict[str, Any]:
        """The Credentials structure of STS, and what its answers tell of the token beside it."""
        return {
            "Credentials": {
                "AccessKeyId": self.access_key,
                "SecretAccessKey": self.secret,
                "SessionToken": self.token,
                "Expiration": self.expires.replace(microsecond=0),
            },
            "SessionTokenSize": len(self.token),
            "SessionTokenUtilization": len(self.token) * 100 // MAX_TOKEN_BYTES,
        }

    def variables(self) -> dict[str, str]:
        """The environment variables by which every SDK finds credentials."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_SESSION_TOKEN": self.token,
        }


class Sessions:
    """All sessions of one sandbox, of every account."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def find(self, access_key: str) -> Session | None:
        """The session with this access key, ended or not."""
        return self._sessions.get(access_key)

    def find_key(self, access_key: str) -> Key | None:
        session = self._sessions.get(access_key)
        return session.key() if session is not None else None

    def start(self, principal: Principal, seconds: int, token_bytes: int = 0) -> Session:
        """A session of a principal with its details; the token has `token_bytes` characters at least."""
        now = self._clock.datetime()
        expires = now + timedelta(seconds=seconds)
        access_key = "ASIA" + "".join(secrets.choice(_BASE32) for _ in range(16))
        token = base64.b64encode(secrets.token_bytes(max(_TOKEN_BYTES, token_bytes) * 3 // 4 + 3)).decode()
        session = Session(
            access_key=access_key,
            secret=moto_adapter.new_secret(),
            token=token[: max(_TOKEN_BYTES, token_bytes)],
            expires=expires,
            principal=dataclasses.replace(principal, access_key=access_key, session_expires=expires),
        )
        with self._lock:
            for old in [key for key, kept in self._sessions.items() if kept.expires + FORGET_AFTER < now]:
                del self._sessions[old]
            self._sessions[access_key] = session
        return session

    def forward(self, principal: Principal, service: str, seconds: int) -> Session:
        """A session in which a service (`cloudformation.amazonaws.com`) goes on calling in a caller's name.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html
        """
        return self.start(dataclasses.replace(principal, via=(*principal.via, service)), seconds)

    def start_role_session(self, role_arn: str, session_name: str, seconds: int, service: str | None = None) -> Session:
        """A session of a role, as a service takes it; AwsError NoSuchEntity if the role does not exist.

        `service` is the one that calls with it, if it does not lend it to a customer's code.
        """
        role = moto_adapter.find_role(role_arn)
        if role is None:
            raise AwsError("NoSuchEntity", f"The role with ARN {role_arn} cannot be found.", 404)
        taken = assumed(role, session_name, SessionDetails("AssumeRole", self._clock.datetime()))
        return self.start(dataclasses.replace(taken, service=service), seconds)


def assumed(role: Role, session_name: str, details: SessionDetails) -> Principal:
    """The principal of a role's session."""
    account = role.arn.split(":")[4]
    return Principal(
        account=account,
        arn=f"arn:aws:sts::{account}:assumed-role/{role.name}/{session_name}",
        user_id=f"{role.role_id}:{session_name}",
        kind="AssumedRole",
        role_arn=role.arn,
        session=details,
    )
