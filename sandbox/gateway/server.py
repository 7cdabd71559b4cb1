"""The HTTP server: werkzeug's threads, HTTP/1.1 connections that stay open, one write for a response.

werkzeug's own handler closes the connection after each response and writes headers and body apart, which with
Nagle's algorithm costs 40 ms a request.
"""

from __future__ import annotations

import contextlib
import email.parser
import errno
import functools
import io
import json
import logging
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from werkzeug.serving import ThreadedWSGIServer

from sandbox.gateway.message import Request, Response, WsgiEnvironment
from sandbox.gateway.moto_adapter import MotoRequestHandler

log = logging.getLogger(__name__)

#: The largest body that is read. Lambda's largest is a 50 MB zip in base64; an S3 object may be larger here.
MAX_BODY_BYTES = 512 * 1024 * 1024
#: The longest line of a head or of a chunk's beginning, in bytes, and the most headers: http.server's own limits.
_MAX_LINE = 65_536
_MAX_HEADERS = 99
#: A header as nearly all are: a name, a colon, and a value without a carriage return in it.
_PLAIN = re.compile(r"([!-9;-~]+):[ \t]*([^\r\n]*)\r?\n")
_REASONS = {status.value: status.phrase for status in HTTPStatus}
#: Headers that a response's transport decides about, not its content.
_TRANSPORT = frozenset({"content-length", "connection", "transfer-encoding", "date", "server", "status"})

Handle = Callable[[Request], Response]


class BadRequest(Exception):
    """The bytes on the wire are no request that could be answered. Carries the status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Handler(MotoRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listener

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server.opened(self.connection)

    def finish(self) -> None:
        self.server.gone(self.connection)
        super().finish()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def parse_request(self) -> bool:
        """http.server's, which has the e-mail parser read each head: that took a quarter of a small request's time."""
        line = str(self.raw_requestline, "iso-8859-1").rstrip("\r\n")
        words = line.split()
        if len(words) != 3 or words[2] != "HTTP/1.1":
            return super().parse_request()
        self.requestline = line
        self.command, path, self.request_version = words
        self.path = f"/{path.lstrip('/')}" if path.startswith("//") else path
        lines: list[bytes] = []
        while (read := self.rfile.readline(_MAX_LINE + 1)) not in (b"\r\n", b"\n", b""):
            lines.append(read)
            if len(read) > _MAX_LINE or len(lines) > _MAX_HEADERS:
                self.send_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
                return False
        self.headers = self._message([each.decode("iso-8859-1") for each in lines])
        self.close_connection = self.headers.get("Connection", "").lower() == "close"
        if self.headers.get("Expect", "").lower() == "100-continue":
            return self.handle_expect_100()
        return True

    def _message(self, lines: list[str]) -> Any:
        message = self.MessageClass()
        for line in lines:
            plain = _PLAIN.fullmatch(line)
            if plain is None:
                # Folded lines, and what is no header.
                return email.parser.Parser(_class=self.MessageClass).parsestr("".join(lines) + "\r\n")
            message.set_raw(plain[1], plain[2])
        return message

    def _answer(self) -> None:
        try:
            if not self.path.startswith("/"):
                # http://HOST/PATH is for proxies, and its host would go before the header's.
                raise BadRequest(400, f"{self.path[:100]!r} is not a path")
            body = self._read_body()
        except BadRequest as error:
            # What is left on the wire can't be told from a next request.
            self.close_connection = True
            self._send(_unreadable(error))
            return
        path, _, query = self.path.partition("?")
        request = Request(
            method=self.command,
            path=path,
            query=query,
            headers=self._header_values(),
            body=body,
            environ=lambda: self._environment(body),
            source_ip=self.client_address[0],
            listed=self.headers.items,
        )
        self._send(self.server.handle(request))

    def _header_values(self) -> dict[str, str]:
        values: dict[str, str] = {}
        for name, value in self.headers.items():
            name = name.lower()
            values[name] = f"{values[name]},{value}" if name in values else value
        return values

    def _environment(self, body: bytes) -> WsgiEnvironment:
        environ = self.make_environ()
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        return environ

    def _read_body(self) -> bytes:
        encoding = self.headers.get("Transfer-Encoding", "").strip().lower()
        if encoding == "chunked":
            return self._read_chunks()
        if encoding:
            raise BadRequest(501, f"Transfer-Encoding {encoding!r} is not supported")
        length = self.headers.get("Content-Length")
        if length is None:
            return b""
        if not length.isdecimal():
            raise BadRequest(400, f"Content-Length {length!r} is not a number")
        size = int(length)
        _expect_size(size)
        body = self.rfile.read(size)
        if len(body) < size:
            raise BadRequest(400, f"the body ended after {len(body)} of {size} bytes")
        return body

    def _read_chunks(self) -> bytes:
        body = bytearray()
        while True:
            line = self.rfile.readline(_MAX_LINE).split(b";")[0].strip()
            try:
                size = int(line, 16)
            except ValueError as error:
                raise BadRequest(400, f"{line[:20]!r} is not the size of a chunk") from error
            if size < 0:
                raise BadRequest(400, "a chunk's size is negative")
            _expect_size(len(body) + size)
            if size == 0:
                while self.rfile.readline(_MAX_LINE).strip():
                    pass
                return bytes(body)
            body += self.rfile.read(size)
            self.rfile.readline(_MAX_LINE)

    def _send(self, response: Response) -> None:
        status = response.status
        lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}"]
        length: str | None = None
        for name, value in (*response.headers.items(), *response.further):
            lower = name.lower()
            if lower == "content-length":
                length = value
            if lower not in _TRANSPORT:
                lines.append(f"{name}: {_one_line(value)}")
        bodiless = self.command == "HEAD" or status in (204, 304)
        if status not in (204, 304):
            # S3 tells an object's size in the answer to HEAD.
            lines.append(f"Content-Length: {length if bodiless and length else len(response.body)}")
        lines.append(f"Date: {_date(int(time.time()))}")
        if self.close_connection:
            lines.append("Connection: close")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
        self.wfile.write(head if bodiless else head + response.body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """http.server's own complaints (a broken request line, too many headers): not as HTML."""
        self.close_connection = True
        self._send(_unreadable(BadRequest(int(code), message or _REASONS.get(int(code), ""))))

    def log(self, type: str, message: str, *args: Any) -> None:
        log.debug(message, *args)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """No access log: a sandbox answers thousands of calls a minute."""


@functools.lru_cache(maxsize=2)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


def _expect_size(size: int) -> None:
    if size > MAX_BODY_BYTES:
        raise BadRequest(413, f"the body is above {MAX_BODY_BYTES} bytes")


def _one_line(value: object) -> str:
    text = str(value)
    return text.replace("\r", " ").replace("\n", " ") if "\n" in text or "\r" in text else text


def _unreadable(error: BadRequest) -> Response:
    code = "RequestEntityTooLarge" if error.status == 413 else "BadRequest"
    body = json.dumps({"__type": code, "message": str(error)}).encode()
    return Response(error.status, {"Content-Type": "application/json", "x-amzn-ErrorType": code}, body)


def listen(port: int) -> socket.socket:
    """A socket that listens on 127.0.0.1 (any free port for 0); OSError, naming the port, if it is taken."""
    try:
        return socket.create_server(("127.0.0.1", port), backlog=1024)
    except OverflowError as error:
        raise OSError(errno.EINVAL, f"port {port} is none: ports are below 65536") from error
    except OSError as error:
        raise OSError(error.errno, f"port {port} of 127.0.0.1: {os.strerror(error.errno or 0)}") from error


class _Listener(ThreadedWSGIServer):
    """Accepts connections, a thread for each, and knows those that are open."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, handle: Handle, port: int) -> None:
        # Not made by werkzeug, which ends the whole process when the port is taken.
        self._socket = listen(port)
        self.handle = handle
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__("127.0.0.1", port, _no_application, handler=_Handler, fd=self._socket.fileno())

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.add(connection)

    def gone(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.discard(connection)

    def drop_connections(self) -> None:
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):  # its client was quicker
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            return
        log.exception("a connection of %s failed", client_address)

    def close_socket(self) -> None:
        self.server_close()
        self._socket.close()


def _no_application(environ: Any, start_response: Any) -> Any:
    raise RuntimeError("requests do not come through WSGI here")


class Server:
    """Listens on 127.0.0.1 from its making on; OSError if the port is taken."""

    def __init__(self, handle: Handle, port: int = 0) -> None:
        self._listener = _Listener(handle, port)
        self.port = int(self._listener.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._listener.serve_forever, kwargs={"poll_interval": 0.05}, name="gateway", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening and drop all connections."""
        self._listener.shutdown()
        self._thread.join(5)
        self._listener.close_socket()
        self._listener.drop_connections()
