"""A client's request as an API or a function URL sees it, and the plain answers that need no function."""

from __future__ import annotations

import base64
import functools
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, unquote

from sandbox.compute.traces import read_trace
from sandbox.gateway.message import Request, Response

#: Bodies of these types go to a function as text, others as base64.
#: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
_TEXT = re.compile(r"text/.*|application/(?:json|javascript|xml|.*\+json|.*\+xml)", re.IGNORECASE)


@dataclass
class Arrival:
    """One request: `host` is AWS's name of the API or function URL, `path` what follows it, still percent-encoded."""

    request: Request
    host: str
    path: str
    request_id: str
    time: datetime

    @property
    def method(self) -> str:
        return self.request.method

    @property
    def origin(self) -> str | None:
        return self.request.headers.get("origin")

    @functools.cached_property
    def trace(self) -> str:
        """The trace header, the client's own or a new one.

        https://docs.aws.amazon.com/xray/latest/devguide/xray-services-apigateway.html
        """
        given = self.request.headers.get("x-amzn-trace-id")
        return given or f"Root=1-{int(self.time.timestamp()):08x}-{secrets.token_hex(12)}"

    def sample(self) -> None:
        """Let the trace be sampled: from here on its header names a segment of the front's own, and the decision.

        A client's own decision stays, as with AWS; where he has made none every request is sampled (AWS's default
        rule takes the first of each second and 5 % of the others). The front's segment is not collected: traces are
        not part of this sandbox yet.
        https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-xray.html
        """
        trace = read_trace(self.trace)
        self.trace = trace.continued(self.time.timestamp(), active=True)

    @functools.cached_property
    def headers(self) -> list[tuple[str, str]]:
        """The headers one by one, names as written, with AWS's host and what AWS's front adds."""
        kept = [(name, value) for name, value in self.request.header_pairs() if name.lower() not in _REPLACED]
        return [
            *kept,
            ("Host", self.host),
            ("X-Amzn-Trace-Id", self.trace),
            ("X-Forwarded-For", self.request.source_ip),
            ("X-Forwarded-Port", "443"),
            ("X-Forwarded-Proto", "https"),
        ]

    @functools.cached_property
    def query(self) -> list[tuple[str, str]]:
        """The query string's names and values, decoded, in order."""
        return parse_qsl(self.request.query, keep_blank_values=True)

    @functools.cached_property
    def segments(self) -> tuple[str, ...]:
        """The path's parts, decoded."""
        return tuple(unquote(part) for part in self.path.split("/")[1:])

    def header(self, name: str) -> str | None:
        """A header's value by its name in lower case; several are joined by commas."""
        return self.host if name == "host" else self.request.headers.get(name)

    def is_text(self) -> bool:
        """Whether the body is of a type that a function gets as text."""
        kind = self.request.headers.get("content-type")
        if kind is None:
            return _decodes(self.request.body)
        return _TEXT.fullmatch(kind.partition(";")[0].strip()) is not None and _decodes(self.request.body)

    def body(self, *, binary: bool) -> tuple[str | None, bool]:
        """The body as a function gets it, and whether it is base64; None for none."""
        raw = self.request.body
        if not raw:
            return None, False
        return (base64.b64encode(raw).decode(), True) if binary else (raw.decode("utf-8", "replace"), False)


_REPLACED = frozenset(
    {"host", "connection", "transfer-encoding", "x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port"}
    | {"x-forwarded-proto"}
)


def _decodes(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def message(
    status: int, text: str | None, headers: Mapping[str, str] | None = None, *, key: str = "message"
) -> Response:
    """An answer of the front itself: `{"message": ...}`."""
    body = json.dumps({key: text}, separators=(",", ":")).encode()
    return Response(status, {"Content-Type": "application/json", **(headers or {})}, body)
