"""Acting as somebody else: a session of a role, with clients of its own, and what its calls were answered."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from sandbox.isolation import client_config, isolated_session, local_config

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

#: How long a new role may take until it can be assumed, in an account.
SETTLE_SECONDS = 60.0
POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Acting:
    """A session of a role. `arn` is the session's, as GetCallerIdentity gives it; `name` the role's."""

    name: str
    arn: str
    user_id: str
    region: str
    endpoint: str | None
    _session: boto3.Session

    def client(self, service: str) -> Any:
        """A boto3 client that signs with the session's credentials."""
        config = (local_config if self.endpoint else client_config)(service)
        return self._session.client(service, endpoint_url=self.endpoint, config=config)


@dataclass(frozen=True)
class Outcome:
    """How one call went. `code` and `message` are the error's, both empty if it was answered."""

    what: str
    code: str = ""
    message: str = ""
    answer: Any = None

    @property
    def allowed(self) -> bool:
        return not self.code

    def __str__(self) -> str:
        return f"{self.what}: {'allowed' if self.allowed else f'{self.code}: {self.message}'}"


def assume(cloud: Cloud, role: str, session: str = "learner", **more: Any) -> Acting:
    """Assume a role, by its name or (another account's) by its ARN. `more` goes to AssumeRole: Policy, say."""
    arn = role if role.startswith("arn:") else f"arn:aws:iam::{cloud.account}:role/{role}"
    sts = cloud.client("sts")
    end = time.monotonic() + (SETTLE_SECONDS if cloud.target == "account" else 0.0)
    while True:
        try:
            given = sts.assume_role(RoleArn=arn, RoleSessionName=session, **more)
            break
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied" or time.monotonic() > end:
                raise
            time.sleep(POLL_SECONDS)
    keys, who = given["Credentials"], given["AssumedRoleUser"]
    credentials = {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }
    return Acting(
        name=arn.rpartition("/")[2],
        arn=who["Arn"],
        user_id=who["AssumedRoleId"],
        region=cloud.region,
        endpoint=cloud.endpoint,
        _session=_session(cloud, credentials),
    )


def _session(cloud: Cloud, credentials: dict[str, str]) -> boto3.Session:
    if cloud.endpoint is not None:
        return isolated_session(credentials, cloud.region)
    return boto3.Session(
        aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=credentials["AWS_SESSION_TOKEN"],
        region_name=cloud.region,
    )


def attempt(what: str, call: Callable[..., Any], **params: Any) -> Outcome:
    """Make a call, and tell how it went: a refusal is an outcome too."""
    try:
        answer = call(**params)
    except ClientError as error:
        return Outcome(what, error.response["Error"]["Code"], error.response["Error"]["Message"])
    return Outcome(what, answer=answer)
