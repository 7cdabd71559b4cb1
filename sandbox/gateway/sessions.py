"""STS: sessions of roles and users, which end by sandbox time, and who a caller is.

moto's own STS makes sessions of roles that do not exist and gives everyone the same example credentials for
GetSessionToken; a signature could not be verified with those.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sandbox.clock import Clock
from sandbox.gateway import moto_adapter
from sandbox.gateway.call import DEFAULT_ACCOUNT, AwsError, Call, Operation, Principal
from sandbox.gateway.identify import Key

#: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
MIN_SESSION_SECONDS = 900
MAX_SESSION_SECONDS = 43_200
DEFAULT_SESSION_SECONDS = 3_600
#: A session that was made with a role's session lasts an hour at most (role chaining).
MAX_CHAINED_SECONDS = 3_600
#: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
MAX_USER_SESSION_SECONDS = 129_600
#: A session is forgotten this long after its end: until then its user reads "expired", later "unknown key".
FORGET_AFTER = timedelta(days=1)

_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}\Z", re.ASCII)
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_CANT_VERIFY = "it can't verify the token of an identity provider"


@dataclass(frozen=True, slots=True)
class Session:
    """Temporary credentials, and the principal that signs with them."""

    access_key: str
    secret: str
    token: str
    expires: datetime
    principal: Principal
    started: datetime

    def key(self) -> Key:
        return Key(self.secret, self.principal, self.token, self.expires)

    def shape(self) -> dict[str, Any]:
        """The Credentials structure of STS."""
        return {
            "AccessKeyId": self.access_key,
            "SecretAccessKey": self.secret,
            "SessionToken": self.token,
            "Expiration": self.expires.replace(microsecond=0),
        }

    def variables(self) -> dict[str, str]:
        """The environment variables by which every SDK finds credentials."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_SESSION_TOKEN": self.token,
        }


class Sts:
    """The service sts: keeps all sessions, answers for their credentials."""

    name = "sts"
    whole = True
    refused: Mapping[str, str] = {
        "AssumeRoleWithWebIdentity": _CANT_VERIFY,
        "AssumeRoleWithSAML": _CANT_VERIFY,
        "GetFederationToken": "federated users are not kept",
        "AssumeRoot": "there is no organization whose root users could be assumed",
        "DecodeAuthorizationMessage": "no authorization message is encoded here",
    }

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()
        self.operations: Mapping[str, Operation] = {
            "AssumeRole": self._assume_role,
            "GetCallerIdentity": self._get_caller_identity,
            "GetSessionToken": self._get_session_token,
            "GetAccessKeyInfo": self._get_access_key_info,
        }

    # -- for the gateway -------------------------------------------------------------------------------

    def find_key(self, access_key: str) -> Key | None:
        """The session's key with this id, ended or not."""
        session = self._sessions.get(access_key)
        return session.key() if session is not None else None

    def start_role_session(self, role_arn: str, session_name: str, seconds: int) -> Session:
        """A session of a role; AwsError NoSuchEntity if the role does not exist."""
        role = moto_adapter.find_role(role_arn)
        if role is None:
            raise AwsError("NoSuchEntity", f"The role with ARN {role_arn} cannot be found.", 404)
        account = role_arn.split(":")[4]
        principal = Principal(
            account=account,
            arn=f"arn:aws:sts::{account}:assumed-role/{role.name}/{session_name}",
            user_id=f"{role.role_id}:{session_name}",
            kind="AssumedRole",
            role_arn=role_arn,
        )
        return self._start(principal, seconds)

    def _start(self, principal: Principal, seconds: int) -> Session:
        now = self._clock.datetime()
        expires = now + timedelta(seconds=seconds)
        access_key = "ASIA" + "".join(secrets.choice(_BASE32) for _ in range(16))
        session = Session(
            access_key=access_key,
            secret=moto_adapter.new_secret(),
            token=base64.b64encode(secrets.token_bytes(216)).decode(),
            expires=expires,
            principal=Principal(
                account=principal.account,
                arn=principal.arn,
                user_id=principal.user_id,
                kind=principal.kind,
                access_key=access_key,
                role_arn=principal.role_arn,
                session_expires=expires,
            ),
            started=now,
        )
        with self._lock:
            for old in [key for key, kept in self._sessions.items() if kept.expires + FORGET_AFTER < now]:
                del self._sessions[old]
            self._sessions[access_key] = session
        return session

    # -- operations ------------------------------------------------------------------------------------

    def _assume_role(self, call: Call) -> Mapping[str, Any]:
        role_arn, name = str(call.params.get("RoleArn", "")), str(call.params.get("RoleSessionName", ""))
        seconds = int(call.params.get("DurationSeconds", DEFAULT_SESSION_SECONDS))
        if not _SESSION_NAME.match(name):
            raise _invalid("roleSessionName", name, "Member must satisfy regular expression pattern: [\\w+=,.@-]{2,64}")
        _expect_seconds(seconds, MAX_SESSION_SECONDS)
        role = moto_adapter.find_role(role_arn)
        if role is None:
            # AWS does not tell a caller whether a role that he may not assume exists.
            raise AwsError(
                "AccessDenied",
                f"User: {call.principal.arn} is not authorized to perform: sts:AssumeRole on resource: {role_arn}",
                403,
            )
        if seconds > role.max_session_seconds:
            raise AwsError(
                "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            )
        if call.principal.kind == "AssumedRole" and seconds > MAX_CHAINED_SECONDS:
            raise AwsError(
                "ValidationError",
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
            )
        if call.params.get("Policy") or call.params.get("PolicyArns"):
            raise AwsError(
                "NotImplementedException",
                "coldstart does not support sts:AssumeRole with a session policy: it would not be enforced",
            )
        session = self.start_role_session(role_arn, name, seconds)
        return {
            "Credentials": session.shape(),
            "AssumedRoleUser": {"AssumedRoleId": session.principal.user_id, "Arn": session.principal.arn},
        }

    def _get_session_token(self, call: Call) -> Mapping[str, Any]:
        if call.principal.kind != "IAMUser" or call.principal.session_expires is not None:
            raise AwsError("AccessDenied", "Cannot call GetSessionToken with session credentials", 403)
        seconds = int(call.params.get("DurationSeconds", MAX_SESSION_SECONDS))
        _expect_seconds(seconds, MAX_USER_SESSION_SECONDS)
        return {"Credentials": self._start(call.principal, seconds).shape()}

    def _get_caller_identity(self, call: Call) -> Mapping[str, Any]:
        return {"UserId": call.principal.user_id, "Account": call.principal.account, "Arn": call.principal.arn}

    def _get_access_key_info(self, call: Call) -> Mapping[str, Any]:
        access_key = str(call.params.get("AccessKeyId", ""))
        session = self._sessions.get(access_key)
        if session is None and moto_adapter.find_key(access_key) is None:
            raise AwsError("ValidationError", f"Invalid access key id: {access_key}")
        return {"Account": session.principal.account if session is not None else DEFAULT_ACCOUNT}


def trusts(trust_policy: str, service_principal: str) -> bool:
    """Whether a role's trust policy lets a service (lambda.amazonaws.com, say) assume it. Conditions are not looked at.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    try:
        statements = json.loads(trust_policy).get("Statement", [])
    except (ValueError, AttributeError):
        return False
    allowed = False
    for statement in statements if isinstance(statements, list) else [statements]:
        if not isinstance(statement, dict) or not _names(statement, service_principal):
            continue
        actions = statement.get("Action", [])
        actions = [actions] if isinstance(actions, str) else actions
        if not any(str(action).lower() in ("sts:assumerole", "sts:*", "*") for action in actions):
            continue
        if statement.get("Effect") == "Deny":
            return False
        allowed = allowed or statement.get("Effect") == "Allow"
    return allowed


def _names(statement: dict[str, Any], service_principal: str) -> bool:
    principal = statement.get("Principal", {})
    if not isinstance(principal, dict):
        return False
    services = principal.get("Service", [])
    return service_principal in ([services] if isinstance(services, str) else services)


def _expect_seconds(seconds: int, most: int) -> None:
    if not MIN_SESSION_SECONDS <= seconds <= most:
        bound, word = (MIN_SESSION_SECONDS, "greater") if seconds < MIN_SESSION_SECONDS else (most, "less")
        raise _invalid("durationSeconds", str(seconds), f"Member must have value {word} than or equal to {bound}")


def _invalid(field: str, value: str, rule: str) -> AwsError:
    return AwsError(
        "ValidationError",
        f"1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: {rule}",
    )
