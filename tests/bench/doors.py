"""What a front door costs: HTTP through each kind of API to a warm function beside a signed Invoke, and 8 clients."""

from __future__ import annotations

import http.client
import io
import json
import os
import statistics
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox.cloud import open_cloud
from tests.bench.figures import Figure, Ours, ours
from tests.bench.peers import ROOT, client

NAME = "door"
BODY = b'{"ok": true}'
HANDLER = "def handler(event, context):\n    return {'statusCode': 200, 'body': '{\"ok\": true}'}\n"


class Direct:
    """lambda:Invoke on a connection that stays open. Signing comes before, so that the server's time alone counts."""

    def __init__(self, sandbox: Ours) -> None:
        keys = sandbox.credentials
        self._signer = SigV4Auth(
            Credentials(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"]), "lambda", "us-east-1"
        )
        self._url = f"{sandbox.endpoint}/2015-03-31/functions/{NAME}/invocations"
        self._connection = http.client.HTTPConnection(urlsplit(sandbox.endpoint).netloc, timeout=60)

    def timed(self) -> float:
        """Milliseconds of one answered call. RuntimeError if the answer is not the handler's."""
        request = AWSRequest(method="POST", url=self._url, data=b"{}")
        self._signer.add_auth(request)
        headers = dict(request.headers.items())
        began = time.perf_counter()
        self._connection.request("POST", urlsplit(self._url).path, b"{}", headers)
        answer = self._connection.getresponse()
        payload = answer.read()
        took = (time.perf_counter() - began) * 1000
        if answer.status != 200 or json.loads(payload).get("body", "").encode() != BODY:
            raise RuntimeError(f"Invoke answered {answer.status} {payload[:200]!r}")
        return took


class Door:
    """GET on a URL, on a connection that stays open."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._path = parts.path
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=60)

    def timed(self) -> float:
        """Milliseconds of one answered request. RuntimeError if the answer is not the handler's."""
        began = time.perf_counter()
        self._connection.request("GET", self._path)
        answer = self._connection.getresponse()
        body = answer.read()
        took = (time.perf_counter() - began) * 1000
        if answer.status != 200 or body != BODY:
            raise RuntimeError(f"{self._path} answered {answer.status} {body[:200]!r}")
        return took


def opened(sandbox: Ours) -> dict[str, str]:
    """A function behind an HTTP API, a REST API and a function URL: where each is called on this machine."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        entry = zipfile.ZipInfo("app.py")
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, HANDLER)
    sandbox.create(NAME, "bare", code=code.getvalue())
    functions = sandbox.caller
    arn = functions.get_function_configuration(FunctionName=NAME)["FunctionArn"]
    functions.add_permission(
        FunctionName=NAME, StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com"
    )
    functions.add_permission(
        FunctionName=NAME,
        StatementId="url",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )
    functions.add_permission(
        FunctionName=NAME,
        StatementId="function",
        Action="lambda:InvokeFunction",
        Principal="*",
        InvokedViaFunctionUrl=True,
    )
    http_api = client("apigatewayv2", sandbox.endpoint, sandbox.credentials).create_api(
        Name="bench", ProtocolType="HTTP", Target=arn
    )["ApiEndpoint"]
    rest = client("apigateway", sandbox.endpoint, sandbox.credentials)
    api = rest.create_rest_api(name="bench")
    where = {"restApiId": api["id"], "resourceId": api["rootResourceId"], "httpMethod": "GET"}
    rest.put_method(**where, authorizationType="NONE")
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
    rest.put_integration(**where, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    rest.create_deployment(restApiId=api["id"], stageName="dev")
    url = functions.create_function_url_config(FunctionName=NAME, AuthType="NONE")["FunctionUrl"]
    cloud = open_cloud("local", endpoint=sandbox.endpoint, credentials=sandbox.credentials)
    return {
        "HTTP API": cloud.url(f"{http_api}/"),
        "REST API": cloud.url(f"https://{api['id']}.execute-api.us-east-1.amazonaws.com/dev/"),
        "function URL": cloud.url(url),
    }


def doors(rounds: int) -> list[Figure]:
    """Requests one after the other, in blocks taken in turn with direct invocations."""
    block = 50
    with ours() as sandbox:
        urls = opened(sandbox)
        callers: dict[str, Direct | Door] = {"Invoke": Direct(sandbox)}
        callers.update({name: Door(url) for name, url in urls.items()})
        taken: dict[str, list[float]] = {name: [] for name in callers}
        for turn in range(max(rounds // block, 1) + 1):
            for name, caller in callers.items():
                block_taken = [caller.timed() for _ in range(block)]
                if turn:
                    taken[name] += block_taken
    direct = statistics.median(taken["Invoke"])
    figures = []
    for name in urls:
        through = statistics.median(taken[name])
        detail = f"{through:.2f} ms against {direct:.2f} ms, {len(taken[name])} each in turn"
        figures.append(Figure(f"{name} p50 over Invoke", through - direct, "ms", 2.0, detail=detail))
    return figures


def doors_throughput(seconds: float) -> list[Figure]:
    """8 clients in a process of their own, on the same cores, at each door."""
    figures = []
    with ours() as sandbox:
        for name, url in opened(sandbox).items():
            for length in (1.0, seconds):
                done = subprocess.run(
                    [sys.executable, "-m", "tests.bench.load", url, "-", "8", str(length)],
                    cwd=ROOT,
                    env=dict(os.environ),
                    check=True,
                    capture_output=True,
                    timeout=length + 60,
                )
            result = json.loads(done.stdout)
            if result["failed"]:
                raise RuntimeError(f"{result['failed']} of the requests to the {name} failed")
            detail = f"{result['ok']} requests in {result['seconds']:.1f} s, none failed"
            rate = result["ok"] / result["seconds"]
            figures.append(Figure(f"8 clients at the {name}", rate, "requests/s", 300.0, at_least=True, detail=detail))
    return figures


MEASURES: dict[str, tuple[Callable[[Any], list[Figure]], Any, Any]] = {
    "doors": (doors, 1000, 100),
    "doors-throughput": (doors_throughput, 5.0, 1.0),
}
