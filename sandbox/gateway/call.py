"""What travels through the pipeline: a call, the principal behind it, and the error that may answer it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

DEFAULT_ACCOUNT = "123456789012"
#: The second account: a member of the organization whose management account is the default one.
MEMBER_ACCOUNT = "210987654321"
DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """A session policy. `document` is the text that was passed; None for a managed policy, known by its ARN."""

    name: str
    document: str | None = None


@dataclass(frozen=True, slots=True)
class SessionDetails:
    """What temporary credentials carry besides their principal, from the call of STS that made them (`via`).

    `policies` is None where no session policy limits the session (an empty one allows nothing). `tags` holds the
    session tags as passed and as inherited; `transitive` the keys of those that go on to a chained session.
    `provider` is the ARN of the identity provider of a web identity (aws:FederatedProvider), `claims` the condition
    keys that its token gave and that stay in the session. `user_arn` is the IAM user who asked for the session
    himself (GetSessionToken, GetFederationToken). `chained` says that a role's session was assumed by another's.
    """

    via: Literal["AssumeRole", "AssumeRoleWithWebIdentity", "GetSessionToken", "GetFederationToken"]
    issued: datetime
    policies: tuple[SessionPolicy, ...] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive: frozenset[str] = frozenset()
    source_identity: str | None = None
    provider: str | None = None
    claims: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    user_arn: str | None = None
    chained: bool = False


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. `arn` is as sts:GetCallerIdentity gives it (an assumed role's is the session's ARN).

    A web identity's is its provider's, and its `user_id` PROVIDER:AUDIENCE:SUBJECT. `session` is there for temporary
    credentials only. `via` are the services (`cloudformation.amazonaws.com`) that call in the principal's name, the
    first one first (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html). `service`
    is the service that took the role itself and works with its rights.
    """

    account: str
    arn: str
    user_id: str
    kind: Literal["Root", "IAMUser", "AssumedRole", "FederatedUser", "WebIdentity", "AWSService", "Anonymous"]
    access_key: str | None = None
    role_arn: str | None = None
    session_expires: datetime | None = None
    session: SessionDetails | None = None
    via: tuple[str, ...] = ()
    service: str | None = None

    @property
    def calling_service(self) -> str | None:
        """The AWS service that makes the call, if it is one of those."""
        return self.via[-1] if self.via else self.service

    @property
    def is_aws(self) -> bool:
        """Whether it is an AWS service that calls."""
        return self.calling_service is not None or self.kind == "AWSService"


@dataclass(slots=True)
class Call:
    """One API call. `params` has botocore's shape for the operation's input (blobs are bytes).

    `account` is the one from whose resources the call is answered: the caller's own (`principal.account`), or that of
    a resource that the parameters name in another account (owner.py). `time` is sandbox time. `trace` is the
    X-Amzn-Trace-Id header that the caller sent. `withheld` are those of s3:DeleteObjects' objects (by their place) that
    the caller may not delete, and why.
    """

    service: str
    operation: str
    params: dict[str, Any]
    principal: Principal
    account: str
    region: str
    request_id: str
    time: datetime
    source_ip: str = "127.0.0.1"
    user_agent: str = ""
    trace: str = ""
    read_only: bool = False
    resources: list[str] = field(default_factory=list)
    withheld: dict[int, str] = field(default_factory=dict)


class AwsError(Exception):
    """An error as AWS gives it: serialised by the gateway in the service's own protocol.

    `members` are further members of the modelled error shape (`Reason` of TooManyRequestsException, say).
    """

    def __init__(self, code: str, message: str, status: int = 400, **members: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = members


Operation = Callable[[Call], Mapping[str, Any] | None]


class Service(Protocol):
    """A service of ours: answers some operations of one AWS service; moto answers the rest.

    `name` is botocore's service name. An operation returns botocore's output shape, or raises AwsError.
    `refused` names operations that must not fall through to moto, each with the reason that the caller reads.
    With `whole` true nothing falls through: an operation that is neither in `operations` nor in `refused` is
    refused too, by name.
    """

    name: str
    whole: bool
    operations: Mapping[str, Operation]
    refused: Mapping[str, str]
