"""The ways by which a request leaves: signed to Lambda, posted to a URL, or handed to a callable.

A function of an endpoint on this machine is invoked over connections that stay open, signed here: a client of boto3
takes as long for that as the sandbox takes to answer.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import quote

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from sandbox.isolation import INVOKE_READ_TIMEOUT_SECONDS, require_loopback
from sandbox.load.answers import Answer, Json, answer_of_function, decoded, words_of_failure
from sandbox.load.mixes import Departure, Target
from sandbox.load.wire import Wire

#: As long as a function may take: API Gateway answers sooner, a function URL waits for it.
_URL_SECONDS = float(INVOKE_READ_TIMEOUT_SECONDS)
_CONNECT_SECONDS = 5.0


class Sender(Protocol):
    """Sends requests to one target."""

    def send(self, departure: Departure, at: float) -> Answer:
        """Send one request at the cloud's time `at` (Unix seconds), and wait for its answer.

        Safe to use from many threads; an exception is for `answer_of_error`.
        """
        ...


class Cloud(Protocol):
    """What senders need of the cloud: where it is, who asks, and where names lead.

    `endpoint` is None for AWS itself.
    """

    target: str
    endpoint: str | None
    region: str

    def url(self, name: str) -> str: ...
    def credentials(self) -> Any: ...


def sender(target: Target, cloud: Cloud, invoker: Callable[[], Any]) -> Sender:
    """What sends requests to a target. `invoker` gives a Lambda client that tries once.

    Raises what `cloud.url` raises for a URL that leads nowhere, and Refused for one that leaves this machine.
    """
    if not isinstance(target, str):
        return _Calls(target)
    if "://" in target:
        return _Posts(target, cloud)
    if cloud.endpoint is not None:
        return SignedInvocations(target, cloud.endpoint, cloud.region, cloud.credentials)
    return _Invocations(target, invoker())


class _Calls:
    """Hands payloads to a callable."""

    def __init__(self, target: Callable[[Json], Any]) -> None:
        self._target = target

    def send(self, departure: Departure, at: float) -> Answer:
        result = self._target(json.loads(departure.body))
        metadata = result.get("ResponseMetadata", {}) if isinstance(result, dict) else {}
        return Answer(
            status_code=int(metadata.get("HTTPStatusCode", 200)),
            result=result,
            request_id=metadata.get("RequestId", ""),
        )


class _Posts:
    """Posts payloads to a URL."""

    def __init__(self, target: str, cloud: Cloud) -> None:
        url = cloud.url(target)
        if cloud.target == "local":
            url = require_loopback(url, f"the target {target!r}")
        self._url = url
        # Redirects are the answer, and nothing is tried again: each request is to be counted once.
        self._pool = urllib3.PoolManager(
            maxsize=64, timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=_URL_SECONDS), retries=False
        )

    def send(self, departure: Departure, at: float) -> Answer:
        headers = {"Content-Type": "application/json", "X-Amzn-Trace-Id": departure.trace(at)}
        response = self._pool.request("POST", self._url, body=departure.body, headers=headers, redirect=False)
        result = decoded(response.data)
        error = ""
        if response.status >= 400:
            message = result.get("message") if isinstance(result, dict) else None
            error = f"{response.status} {response.reason or ''}".rstrip() + (f": {message}" if message else "")
        ids = (response.headers.get(name) for name in ("x-amzn-requestid", "apigw-requestid"))
        return Answer(status_code=response.status, result=result, request_id=next(filter(None, ids), ""), error=error)


# -- functions -----------------------------------------------------------------------------------------------------


class SignedInvocations:
    """Invokes a function of an endpoint on this machine: a connection for each thread, kept open."""

    def __init__(self, function: str, endpoint: str, region: str, credentials: Callable[[], Any]) -> None:
        self.endpoint = require_loopback(endpoint, "the endpoint")
        self._path = f"/2015-03-31/functions/{quote(function, safe='-._~')}/invocations"
        self._region = region
        self._credentials = credentials
        self._own = threading.local()

    def request(self, wire: Wire, departure: Departure, at: float) -> bytes:
        """The signed request of a departure, as it stands on the wire."""
        headers = {"Content-Type": "application/json", "X-Amzn-Trace-Id": departure.trace(at)}
        request = AWSRequest("POST", f"{self.endpoint}{self._path}", data=departure.body, headers=headers)
        SigV4Auth(self._credentials(), "lambda", self._region).add_auth(request)
        return wire.request(self._path, dict(request.headers.items()), departure.body)

    def send(self, departure: Departure, at: float) -> Answer:
        """Invoke, and wait for the answer. Not tried again: the request may have run, and is to be counted once."""
        wire: Wire | None = getattr(self._own, "wire", None)
        if wire is None:
            wire = Wire(self.endpoint)
        self._own.wire = None
        wire.write(self.request(wire, departure, at))
        answer = wire.read()
        self._own.wire = wire
        return answer_of_function(*answer)


class _Invocations:
    """Invokes a function through a client of boto3."""

    def __init__(self, function: str, client: Any) -> None:
        self._function = function
        self._client = client
        self._own = threading.local()
        client.meta.events.register("before-call.lambda.Invoke", self._before_call)

    def _before_call(self, params: dict[str, Any], **_: Any) -> None:
        trace = getattr(self._own, "trace", None)
        if trace is not None:
            params["headers"]["X-Amzn-Trace-Id"] = trace

    def send(self, departure: Departure, at: float) -> Answer:
        self._own.trace = departure.trace(at)
        try:
            got = self._client.invoke(FunctionName=self._function, Payload=departure.body)
            result = decoded(got["Payload"].read())
        finally:
            self._own.trace = None
        failed = got.get("FunctionError", "")
        return Answer(
            status_code=got["StatusCode"],
            result=result,
            function_error=failed,
            request_id=got["ResponseMetadata"].get("RequestId", ""),
            executed_version=got.get("ExecutedVersion", ""),
            error=words_of_failure(result, failed),
        )
