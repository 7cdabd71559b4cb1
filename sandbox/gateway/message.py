"""An HTTP request and its response, as plain data: what enters and leaves the pipeline."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

WsgiEnvironment = dict[str, Any]


@dataclass(slots=True)
class Request:
    """One request as it came over the wire.

    `path` is still percent-encoded and without its query; `query` is the raw query string. Header names are in
    lower case; a header sent several times has its values joined by commas. `environ` makes a WSGI environment
    of the same request (moto's entry), only when it is needed.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    environ: Callable[[], WsgiEnvironment]
    source_ip: str = "127.0.0.1"
    _query_pairs: list[tuple[str, str]] | None = field(default=None, repr=False)

    def query_pairs(self) -> list[tuple[str, str]]:
        """The query string's names and values, decoded, in order."""
        if self._query_pairs is None:
            self._query_pairs = parse_qsl(self.query, keep_blank_values=True) if self.query else []
        return self._query_pairs

    def query_value(self, name: str) -> str | None:
        """The first value of a query parameter, its name compared case-insensitively; None without it."""
        wanted = name.lower()
        return next((value for key, value in self.query_pairs() if key.lower() == wanted), None)

    def with_body(self, body: bytes, changes: Mapping[str, str | None]) -> Request:
        """The same request with another body and these headers changed (None removes one)."""
        headers = {name: value for name, value in {**self.headers, **changes}.items() if value is not None}
        original = self.environ

        def environ() -> WsgiEnvironment:
            environment = original()
            environment["wsgi.input"] = io.BytesIO(body)
            environment["CONTENT_LENGTH"] = str(len(body))
            for name, value in changes.items():
                key = "HTTP_" + name.upper().replace("-", "_")
                environment.pop(key, None)
                if value is not None:
                    environment[key] = value
            return environment

        return Request(self.method, self.path, self.query, headers, body, environ, self.source_ip)


@dataclass(slots=True)
class Response:
    """What goes back. Content-Length, Date and Connection are the server's business."""

    status: int
    headers: dict[str, str]
    body: bytes
