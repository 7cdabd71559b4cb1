"""A sandbox with functions behind front doors, called over HTTP as a client calls them."""

from __future__ import annotations

import http.client
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox.isolation import isolated_session, local_config
from sandbox.sandbox import Sandbox

ECHO = "def handler(event, context):\n    return event\n"
ACCOUNT = "123456789012"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@dataclass
class Answer:
    """What a client got. Header names are in lower case; `several` has all values of a name."""

    status: int
    headers: dict[str, str]
    several: dict[str, list[str]]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Front:
    """A sandbox, an administrator's clients, and an HTTP client."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.clock = sandbox.clock
        self.learner = dict(sandbox.gateway.learner)
        self._clients: dict[tuple[str, str], Any] = {}
        role = self.client("iam").create_role(RoleName="front", AssumeRolePolicyDocument=json.dumps(TRUST))
        self.role = role["Role"]["Arn"]

    def client(self, service: str, credentials: Mapping[str, str] | None = None) -> Any:
        given = credentials or self.learner
        key = (service, given["AWS_ACCESS_KEY_ID"])
        if key not in self._clients:
            self._clients[key] = isolated_session(given, "us-east-1").client(
                service, endpoint_url=self.sandbox.gateway.endpoint_url, config=local_config(service)
            )
        return self._clients[key]

    def function(self, name: str, source: str = ECHO, **settings: Any) -> str:
        """Make a function; its ARN."""
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr(zipfile.ZipInfo("app.py"), source)
        functions = self.client("lambda")
        made = functions.create_function(
            **{
                "FunctionName": name,
                "Runtime": "python3.11",
                "Handler": "app.handler",
                "Role": self.role,
                "MemorySize": 1769,
                "Code": {"ZipFile": content.getvalue()},
                **settings,
            }
        )
        functions.get_waiter("function_active_v2").wait(FunctionName=name)
        return str(made["FunctionArn"])

    def permit(self, function: str, source_arn: str | None = None) -> None:
        """Let API Gateway invoke a function."""
        self.client("lambda").add_permission(
            FunctionName=function,
            StatementId=f"s{self.clock.now_ms()}",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            **({"SourceArn": source_arn} if source_arn else {}),
        )

    def url(self, name: str) -> str:
        """Where an AWS URL leads on this machine."""
        status, _, _, body = self._ask(
            "GET", f"{self.sandbox.gateway.endpoint_url}/_sandbox/resolve?name={quote(name, safe='')}"
        )
        assert status == 200, body
        return str(json.loads(body)["url"])

    def call(
        self,
        method: str,
        url: str,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
        *,
        sign: tuple[str, Mapping[str, str]] | None = None,
    ) -> Answer:
        """Call a URL of this machine, or an AWS URL that is resolved first. `sign` is a service and credentials."""
        if url.startswith("https://"):
            url = self.url(url)
        pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers or [])
        if sign is not None:
            service, keys = sign
            credentials = Credentials(
                keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], keys.get("AWS_SESSION_TOKEN")
            )
            request = AWSRequest(method=method, url=url, data=body, headers=dict(pairs))
            SigV4Auth(credentials, service, "us-east-1").add_auth(request)
            pairs = list(request.headers.items())
        return Answer(*self._ask(method, url, body, pairs))

    @staticmethod
    def _ask(
        method: str, url: str, body: bytes | str | None = None, headers: list[tuple[str, str]] | None = None
    ) -> tuple[int, dict[str, str], dict[str, list[str]], bytes]:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=60)
        try:
            raw = body.encode() if isinstance(body, str) else body
            named = any(name.lower() == "host" for name, _ in headers or [])
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.putrequest(method, target, skip_host=named, skip_accept_encoding=True)
            for name, value in headers or []:
                connection.putheader(name, value)
            if raw is not None:
                connection.putheader("Content-Length", str(len(raw)))
            connection.endheaders(raw)
            answer = connection.getresponse()
            several: dict[str, list[str]] = {}
            for name, value in answer.getheaders():
                several.setdefault(name.lower(), []).append(value)
            single = {name: values[-1] for name, values in several.items()}
            return answer.status, single, several, answer.read()
        finally:
            connection.close()

    def log_lines(self, group: str) -> list[str]:
        events = self.client("logs").filter_log_events(logGroupName=group)["events"]
        return [event["message"] for event in events]


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    sandbox = Sandbox(seed=7)
    try:
        sandbox.serve()
        yield Front(sandbox)
    finally:
        sandbox.close()
