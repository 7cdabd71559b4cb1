"""A stand-in for the sandbox's endpoint, small enough to be sure of: its clock, its names, Lambda's Invoke, STS."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

ACCOUNT = "123456789012"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIAFAKE", "AWS_SECRET_ACCESS_KEY": "secret"}


class Endpoint:
    """What the server keeps: a virtual offset, names, the requests it saw, and how a function answers."""

    def __init__(self) -> None:
        self.offset = 0.0
        self.control = True
        self.jumps: list[float] = []
        self.names: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str]] = []
        self.invoked: list[tuple[float, Any]] = []
        self.function: Callable[[Any], tuple[int, dict[str, str], Any]] = lambda payload: (200, {}, payload)
        self.lock = threading.Lock()
        self.url = ""

    def now(self) -> float:
        return time.time() + self.offset


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    endpoint: Endpoint

    def log_message(self, *_: Any) -> None:
        """Tests read no server log."""

    def do_GET(self) -> None:
        self.answer(b"")

    def do_POST(self) -> None:
        self.answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    do_PUT = do_DELETE = do_POST

    def answer(self, body: bytes) -> None:
        endpoint = self.endpoint
        parts = urlsplit(self.path)
        with endpoint.lock:
            endpoint.requests.append((self.command, self.path))
        if parts.path.startswith("/_sandbox"):
            if not endpoint.control:
                self.send(404, b"<html>not found</html>", {"Content-Type": "text/html"})
            elif parts.path == "/_sandbox/clock":
                self.send_now()
            elif parts.path == "/_sandbox/clock/advance":
                seconds = json.loads(body)["seconds"]
                with endpoint.lock:
                    endpoint.offset += seconds
                    endpoint.jumps.append(seconds)
                self.send_now()
            else:
                name = parse_qs(parts.query)["name"][0]
                found = endpoint.names.get(name)
                self.send(200 if found else 404, json.dumps(found or {"error": f"nothing has the name {name!r}"}))
        elif parts.path.endswith("/invocations"):
            payload = json.loads(body or b"null")
            with endpoint.lock:
                endpoint.invoked.append((endpoint.now(), payload))
            status, headers, result = endpoint.function(payload)
            self.send(status, json.dumps(result), {"x-amzn-RequestId": f"req-{len(endpoint.invoked)}", **headers})
        elif b"Action=GetCallerIdentity" in body:
            self.send(
                200,
                "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::1:user/x</Arn><UserId>U</UserId>"
                f"<Account>{ACCOUNT}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>",
            )
        elif b"Action=GetSessionToken" in body:
            until = datetime.fromtimestamp(endpoint.now() + 900, UTC).isoformat(timespec="seconds")
            self.send(
                200,
                "<GetSessionTokenResponse><GetSessionTokenResult><Credentials><AccessKeyId>A</AccessKeyId>"
                "<SecretAccessKey>S</SecretAccessKey><SessionToken>T</SessionToken>"
                f"<Expiration>{until}</Expiration></Credentials></GetSessionTokenResult></GetSessionTokenResponse>",
            )
        else:
            self.send(400, json.dumps({"__type": "Unknown", "message": self.path}))

    def send_now(self) -> None:
        self.send(200, json.dumps({"now": datetime.fromtimestamp(self.endpoint.now(), UTC).isoformat()}))

    def send(self, status: int, body: str | bytes, headers: dict[str, str] | None = None) -> None:
        data = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    state = Endpoint()
    handler = type("BoundHandler", (Handler,), {"endpoint": state})

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

    server = Server(("127.0.0.1", 0), handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the AWS configuration of the one who runs it."""
    import os

    for name in list(os.environ):
        if name.startswith(("AWS_", "COLDSTART_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def credentials() -> dict[str, str]:
    return dict(CREDENTIALS)
