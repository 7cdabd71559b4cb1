"""A served gateway, and clients of it that know nothing of who runs the tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from botocore.config import Config

from sandbox.clock import Clock
from sandbox.gateway.pipeline import Gateway
from sandbox.isolation import isolated_session, local_config

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)

#: Makes a client: service, credentials as AWS_* variables (default: the learner's), further configuration.
Clients = Callable[..., Any]


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    clock = Clock()
    made = Gateway(clock)
    made.serve()
    yield made
    made.close()
    clock.close()


@pytest.fixture(scope="session")
def session() -> Any:
    """One for all clients: each is given its own credentials, and botocore's models are loaded once."""
    return isolated_session({"AWS_ACCESS_KEY_ID": "-", "AWS_SECRET_ACCESS_KEY": "-"}, "us-east-1")


@pytest.fixture(scope="module")
def clients(gateway: Gateway, session: Any) -> Clients:
    def make(
        service: str,
        credentials: Mapping[str, str] | None = None,
        *,
        region: str = "us-east-1",
        config: Config | None = None,
    ) -> Any:
        settings = local_config(service, attempts=1)
        given = credentials or gateway.learner
        return session.client(
            service,
            region_name=region,
            endpoint_url=gateway.endpoint_url,
            aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=given.get("AWS_SESSION_TOKEN"),
            config=settings.merge(config) if config else settings,
        )

    return make


@pytest.fixture(scope="module")
def role_arn(clients: Clients) -> str:
    """A role that Lambda may take."""
    made = clients("iam").create_role(RoleName="fn", AssumeRolePolicyDocument=TRUST)
    return str(made["Role"]["Arn"])


@pytest.fixture(scope="module")
def trust_policy() -> str:
    return TRUST
