"""A served gateway that judges nobody, clients of it, and who they are as the gateway knows them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from sandbox.clock import Clock
from sandbox.gateway.authorise import AllowAll
from sandbox.gateway.call import Call, Principal
from sandbox.gateway.pipeline import Gateway
from sandbox.isolation import isolated_session, local_config

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
            {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": ["sts:AssumeRole", "sts:TagSession"]},
        ],
    }
)

#: Makes a client: service, credentials as AWS_* variables (default: the learner's), Region.
Clients = Callable[..., Any]


class Onlooker(AllowAll):
    """Allows everything, and remembers who called, by access key."""

    def __init__(self) -> None:
        self.seen: dict[str | None, Principal] = {}

    def authorise(self, call: Call) -> None:
        self.seen[call.principal.access_key] = call.principal


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    clock = Clock()
    made = Gateway(clock)
    made.authoriser = Onlooker()
    made.serve()
    yield made
    made.close()
    clock.close()


@pytest.fixture(scope="session")
def session() -> Any:
    return isolated_session({"AWS_ACCESS_KEY_ID": "-", "AWS_SECRET_ACCESS_KEY": "-"}, "us-east-1")


@pytest.fixture(scope="module")
def clients(gateway: Gateway, session: Any) -> Clients:
    def make(service: str, credentials: Mapping[str, str] | None = None, region: str = "us-east-1") -> Any:
        given = credentials or gateway.learner
        return session.client(
            service,
            region_name=region,
            endpoint_url=gateway.endpoint_url,
            aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=given.get("AWS_SESSION_TOKEN"),
            config=local_config(service, attempts=1),
        )

    return make


@pytest.fixture(scope="module")
def member(clients: Clients) -> Clients:
    """Makes clients of an administrator of the second account."""
    credentials = assume(clients, "arn:aws:iam::210987654321:role/OrganizationAccountAccessRole")
    return lambda service, region="us-east-1": clients(service, credentials, region)


def assume(clients: Clients, role_arn: str, **parameters: Any) -> dict[str, str]:
    """The AWS_* variables of a new session of a role."""
    made = clients("sts").assume_role(RoleArn=role_arn, RoleSessionName="tests", **parameters)["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
        "AWS_SESSION_TOKEN": made["SessionToken"],
    }


#: The principal that calls with these credentials (AWS_* variables).
Who = Callable[[Mapping[str, str]], Principal]


@pytest.fixture(scope="module")
def who(gateway: Gateway, clients: Clients) -> Who:
    def ask(credentials: Mapping[str, str]) -> Principal:
        clients("sts", credentials).get_caller_identity()
        assert isinstance(gateway.authoriser, Onlooker)
        return gateway.authoriser.seen[credentials["AWS_ACCESS_KEY_ID"]]

    return ask


@pytest.fixture(scope="module")
def user(clients: Clients, who: Who) -> Callable[..., Principal]:
    """Makes a user with an access key, and gives the principal that signs with it."""

    def make(name: str, **parameters: Any) -> Principal:
        iam = clients("iam")
        iam.create_user(UserName=name, **parameters)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return who({"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]})

    return make


@pytest.fixture(scope="module")
def role_session(clients: Clients, who: Who) -> Callable[..., Principal]:
    """Makes a role, and gives the principal of a session of it."""

    def make(name: str, session: Mapping[str, Any] | None = None, **parameters: Any) -> Principal:
        made = clients("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, **parameters)["Role"]
        return who(assume(clients, made["Arn"], **(session or {})))

    return make


def policy(*actions: str, effect: str = "Allow", resource: str = "*", **more: Any) -> str:
    """A policy of one statement."""
    statement = {"Effect": effect, "Action": list(actions), "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
