"""awslambdaric's `runtime_client` in Python: stands in where the compiled one can't be had.

It runs inside the execution environment and imports only what is loaded anyway: an HTTP library would cost Init time.
Names and answers are those of the compiled module in awslambdaric 4.
"""

from __future__ import annotations

import os
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

_PATH = "/2018-06-01/runtime/invocation/"
_connection: tuple[socket.socket, BinaryIO] | None = None
_agent = ""


def initialize_client(user_agent: str) -> None:
    global _agent
    _agent = user_agent


def next() -> tuple[bytes, dict[str, object]]:
    """The next event: its body, and its headers as awslambdaric looks them up."""
    status, headers, body = _call("GET", "next", b"", {})
    if status != 200:
        raise RuntimeError(f"Failed to get next. Http response code: {status}.")

    def value(name: str) -> str | None:
        return headers.get("lambda-runtime-" + name)

    return body, {
        "Lambda-Runtime-Aws-Request-Id": value("aws-request-id"),
        "Lambda-Runtime-Trace-Id": value("trace-id"),
        "Lambda-Runtime-Invoked-Function-Arn": value("invoked-function-arn"),
        "Lambda-Runtime-Deadline-Ms": int(value("deadline-ms") or 0),
        "Lambda-Runtime-Client-Context": value("client-context"),
        "Lambda-Runtime-Cognito-Identity": value("cognito-identity"),
        "Lambda-Runtime-Aws-Tenant-Id": value("aws-tenant-id"),
        "Lambda-Runtime-Invocation-Id": value("invocation-id"),
        "Content-Type": headers.get("content-type"),
    }


def post_invocation_result(
    invoke_id: str, result_data: bytes, content_type: str, invocation_id: str | None = None
) -> None:
    status, _, _ = _call("POST", invoke_id + "/response", result_data, {"Content-Type": content_type})
    if status >= 300:
        raise RuntimeError(f"Failed to post invocation response. Http response code: {status}.")


def post_error(invoke_id: str, error_response_data: str, xray_fault: str, invocation_id: str | None = None) -> None:
    headers = {
        "Content-Type": "application/json",
        "Lambda-Runtime-Function-Error-Type": "Unhandled",
        "Lambda-Runtime-Function-XRay-Error-Cause": xray_fault.replace("\r", " ").replace("\n", " "),
    }
    status, _, _ = _call("POST", invoke_id + "/error", error_response_data.encode(), headers)
    if status >= 300:
        raise RuntimeError(f"Failed to post invocation error. Http response code: {status}.")


def _call(method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    """One request on the connection that is kept; head and body leave at once."""
    global _connection
    address = os.environ["AWS_LAMBDA_RUNTIME_API"]
    lines = [f"{method} {_PATH}{path} HTTP/1.1", "Host: " + address, "User-Agent: " + _agent]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}", "", ""]
    if _connection is None:
        host, _, port = address.rpartition(":")
        opened = socket.create_connection((host, int(port)))
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _connection = opened, opened.makefile("rb")
    sender, reader = _connection
    sender.sendall("\r\n".join(lines).encode("latin-1", "replace") + body)
    status = int(reader.readline().split()[1])
    answered = {}
    while True:
        line = reader.readline().decode("latin-1").strip()
        if not line:
            break
        name, _, value = line.partition(":")
        answered[name.lower()] = value.strip()
    return status, answered, reader.read(int(answered.get("content-length", 0)))
