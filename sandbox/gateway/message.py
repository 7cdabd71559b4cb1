"""An HTTP request and its response, as plain data: what enters and leaves the pipeline."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

WsgiEnvironment = dict[str, Any]


@dataclass(slots=True)
class Request:
    """One request as it came over the wire.

    `path` is still percent-encoded and without its query; `query` is the raw query string. Header names are in
    lower case; a header sent several times has its values joined by commas. `environ` makes a WSGI environment
    of the same request (moto's entry), only when it is needed; `listed` gives the headers one by one, as they were
    written.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    environ: Callable[[], WsgiEnvironment]
    source_ip: str = "127.0.0.1"
    listed: Callable[[], list[tuple[str, str]]] | None = None
    _query_pairs: list[tuple[str, str]] | None = field(default=None, repr=False)

    def header_pairs(self) -> list[tuple[str, str]]:
        """The headers one by one: their names as the client wrote them, those sent several times several times."""
        return list(self.headers.items()) if self.listed is None else self.listed()

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

    def rewritten(self, path: str, query: str, changes: Mapping[str, str | None], body: bytes) -> Request:
        """The same request for another path (percent-encoded) and query, with these headers changed, another body."""
        if path == self.path and query == self.query and not changes and body is self.body:
            return self
        changed = self.with_body(body, changes)
        before = changed.environ

        def environ() -> WsgiEnvironment:
            environment = before()
            target = f"{path}?{query}" if query else path
            environment["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1")
            environment["QUERY_STRING"] = query
            environment["REQUEST_URI"] = environment["RAW_URI"] = target
            if "content-type" in changes:
                environment["CONTENT_TYPE"] = changes["content-type"] or ""
                environment.pop("HTTP_CONTENT_TYPE", None)
            return environment

        return Request(self.method, path, query, changed.headers, body, environ, self.source_ip)


@dataclass(slots=True)
class Response:
    """What goes back. Content-Length, Date and Connection are the server's business.

    `further` are headers that stand beside others of the same name (Set-Cookie).
    """

    status: int
    headers: dict[str, str]
    body: bytes
    further: tuple[tuple[str, str], ...] = ()
