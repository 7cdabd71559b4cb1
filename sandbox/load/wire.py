"""A connection to the sandbox that stays open and takes two requests at once: advance the clock, then invoke.

The sandbox answers the requests of one connection in their order. To wait for the first answer before the second
request leaves would cost a run of traffic as much again as the request itself.
"""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from sandbox.isolation import require_loopback

Received = tuple[int, dict[str, str], bytes]

_READ_BYTES = 65_536
_CONNECT_SECONDS = 5.0


class Wire:
    """One connection to an endpoint on this machine. For one thread at a time; ConnectionError when it is gone."""

    def __init__(self, endpoint: str) -> None:
        parts = urlsplit(require_loopback(endpoint, "the endpoint"))
        self._host = parts.netloc
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 80), _CONNECT_SECONDS)
        self._socket.settimeout(None)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._buffer = bytearray()

    def close(self) -> None:
        self._socket.close()

    def advancing(self, seconds: float) -> bytes:
        """The request that advances the clock."""
        body = json.dumps({"seconds": seconds}).encode()
        return self.request("/_sandbox/clock/advance", {"Content-Type": "application/json"}, body)

    def request(self, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
        """A POST as it stands on the wire."""
        lines = [f"POST {path} HTTP/1.1", f"Host: {self._host}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body

    def write(self, requests: bytes) -> None:
        self._socket.sendall(requests)

    def advanced(self) -> float:
        """The cloud's time once it has been advanced, Unix seconds. ValueError if it was not."""
        status, _, body = self.read()
        said = json.loads(body)
        if status != 200:
            raise ValueError(said["error"])
        return datetime.fromisoformat(said["now"]).timestamp()

    def read(self) -> Received:
        """The next answer: status, headers (names in lower case) and body."""
        while (answer := self._take()) is None:
            self._receive()
        return answer

    def read_within(self, seconds: float) -> Received | None:
        """As `read`; None if nothing has come in `seconds` of the wall."""
        while (answer := self._take()) is None:
            if not self._poll.poll(seconds * 1000):
                return None
            self._receive()
        return answer

    def _receive(self) -> None:
        part = self._socket.recv(_READ_BYTES)
        if not part:
            raise ConnectionError("the sandbox closed the connection before it answered")
        self._buffer += part

    def _take(self) -> Received | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        # The gateway tells the length of all it answers.
        stop = end + 4 + int(headers["content-length"])
        if len(self._buffer) < stop:
            return None
        body = bytes(self._buffer[end + 4 : stop])
        del self._buffer[:stop]
        return int(first.split(" ", 2)[1]), headers, body
