"""HTTP/1.1 of one connection, the little that runtimes and extensions speak: bytes in, requests out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

_MOST_HEADER = 2 * 1024 * 1024
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class MalformedRequest(ValueError):
    """What came is not HTTP; nothing after it can be understood."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are in lower case. `size` counts the body's bytes, also those not kept in `body`."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    size: int


class HttpConnection:
    """Takes requests apart. Of a body at most `most_body` bytes are kept; the rest is read and counted."""

    def __init__(self, most_body: int) -> None:
        self._most = most_body
        self._buffer = bytearray()
        self._head: tuple[str, str, dict[str, str]] | None = None
        self._body = bytearray()
        self._size = 0
        self._left = 0
        self._chunked = False

    def feed(self, data: bytes) -> tuple[list[Request], bytes]:
        """The requests that are complete with `data`, and what to send before them (100 Continue)."""
        self._buffer += data
        requests: list[Request] = []
        interim = b""
        while True:
            head = self._head
            if head is None:
                head = self._head = self._begin()
                if head is None:
                    return requests, interim
                if head[2].get("expect", "").lower() == "100-continue":
                    interim += _CONTINUE
            if not (self._take_chunks() if self._chunked else self._take()):
                return requests, interim
            requests.append(Request(*head, bytes(self._body), self._size))
            self._head = None

    def _begin(self) -> tuple[str, str, dict[str, str]] | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _MOST_HEADER:
                raise MalformedRequest("a header without end")
            return None
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        try:
            method, path, _ = lines[0].split(" ")
            self._left = int(headers.get("content-length", "0"))
        except ValueError as error:
            raise MalformedRequest(lines[0]) from error
        self._chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        self._body = bytearray()
        self._size = 0
        return method, path, headers

    def _take(self) -> bool:
        """Take what has come of the body; whether that is all of it."""
        part = self._buffer[: self._left]
        if part:
            del self._buffer[: len(part)]
            self._left -= len(part)
            self._size += len(part)
            self._body += part[: max(self._most - len(self._body), 0)]
        return self._left == 0

    def _take_chunks(self) -> bool:
        while True:
            if self._left:
                # The chunk, and the newline after it, which is not the body's.
                if len(self._buffer) < self._left:
                    return False
                chunk = self._buffer[: self._left - 2]
                del self._buffer[: self._left]
                self._left = 0
                self._size += len(chunk)
                self._body += chunk[: max(self._most - len(self._body), 0)]
            end = self._buffer.find(b"\r\n")
            if end < 0:
                return False
            try:
                length = int(self._buffer[:end].split(b";")[0], 16)
            except ValueError as error:
                raise MalformedRequest("a chunk without length") from error
            if length == 0:
                last = self._buffer.find(b"\r\n\r\n", end)
                if last < 0:
                    return False
                del self._buffer[: last + 4]
                return True
            del self._buffer[: end + 2]
            self._left = length + 2


def response(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    """A whole response, to be sent at once: head and body apart cost 40 ms of delayed acknowledgement."""
    lines = [f"HTTP/1.1 {status} {_REASONS[status]}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    lines.append(f"Content-Length: {len(body)}\r\n\r\n")
    return "\r\n".join(lines).encode("latin-1", "replace") + body


def json_response(status: int, value: Any, headers: dict[str, str] | None = None) -> bytes:
    return response(status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})
