"""The request that carries an event to an API destination.

Nothing leaves the machine: what is reached are APIs and function URLs of this sandbox, by their AWS names.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from sandbox.events.api_destinations import ApiDestination
from sandbox.events.connections import Connection
from sandbox.events.undelivered import Undelivered

#: "must have a maximum client execution timeout of 5 seconds"
TIMEOUT_SECONDS = 5.0
#: What is read of an answer: as much as the header Range asks for, in bytes.
ANSWER_BYTES = 1_048_576
#: Status codes after which the same request may be taken later; all of 500 and above, too.
RETRIED = frozenset({401, 407, 409, 429})
#: Headers that are EventBridge's own, and those that nobody else may set.
_OWN: Mapping[str, str] = {
    "User-Agent": "Amazon/EventBridge/ApiDestinations",
    "Range": f"bytes=0-{ANSWER_BYTES - 1}",
    "Accept-Encoding": "gzip,deflate",
    "Connection": "close",
}
_REMOVED = frozenset(
    {"a-im", "accept-charset", "accept-datetime", "accept-encoding", "cache-control", "connection"}
    | {"content-encoding", "content-length", "content-md5", "date", "expect", "forwarded", "from", "host"}
    | {"http2-settings", "if-match", "if-modified-since", "if-none-match", "if-range"}
    | {"if-unmodified-since", "max-forwards", "origin", "pragma", "proxy-authorization", "range"}
    | {"referer", "te", "trailer", "transfer-encoding", "user-agent", "upgrade", "via", "warning"}
)

#: An AWS URL's own address here, `{"url": ...}`; None for a URL that this sandbox does not answer.
Resolve = Callable[[str], Mapping[str, Any] | None]


def send(
    destination: ApiDestination,
    connection: Connection,
    parameters: Mapping[str, Any],
    payload: str,
    trace: str,
    resolve: Resolve,
) -> None:
    """Send an event's payload; `parameters` are the target's HttpParameters. Undelivered unless the answer is 2xx."""
    url = url_of(destination, connection, parameters)
    found = resolve(url)
    if found is None:
        raise Undelivered(
            "CONNECTION_FAILURE",
            f"nothing leaves this machine: {destination.endpoint} is no API and no function URL of this sandbox",
        )
    parts = urlsplit(str(found["url"]))
    headers = headers_of(connection, parameters)
    if trace:
        headers["X-Amzn-Trace-Id"] = trace
    body = body_of(connection, payload).encode("utf-8", "replace")
    line = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=TIMEOUT_SECONDS)
    try:
        line.request(destination.method, parts.path + (f"?{parts.query}" if parts.query else ""), body, headers)
        answer = line.getresponse()
        answer.read(ANSWER_BYTES)
    except TimeoutError as error:
        raise Undelivered(
            "TIMEOUT", f"{destination.endpoint} did not answer within {TIMEOUT_SECONDS:.0f} s", passing=True
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise Undelivered(
            "CONNECTION_FAILURE", f"{destination.endpoint} does not answer: {error}", passing=True
        ) from error
    finally:
        line.close()
    if not 200 <= answer.status < 300:
        raise refused(destination.endpoint, answer.status, answer.getheader("Retry-After"))


def refused(endpoint: str, status: int, retry_after: str | None) -> Undelivered:
    """What an answer other than 2xx means; a negative Retry-After asks for no further try."""
    passing, wait = status in RETRIED or status >= 500, 0.0
    if passing and retry_after is not None:
        try:
            wait = float(retry_after)
        except ValueError:
            # A date, or nonsense: the retry policy alone decides.
            wait = 0.0
        passing = wait >= 0
    return Undelivered(
        "ERROR_FROM_TARGET", f"{endpoint} answered with status {status}.", passing=passing, wait=max(wait, 0.0)
    )


def url_of(destination: ApiDestination, connection: Connection, parameters: Mapping[str, Any]) -> str:
    """The endpoint with its wildcards filled in, and with the query of target and connection (which goes first)."""
    base, _, query = destination.endpoint.partition("?")
    values = list(parameters.get("PathParameterValues") or ())
    pieces = base.split("*")
    if len(values) < len(pieces) - 1:
        raise Undelivered(
            "INVALID_PARAMETER",
            f"{destination.endpoint} has {len(pieces) - 1} wildcards, and the target {len(values)} PathParameterValues",
        )
    filled = pieces[0] + "".join(
        quote(str(value), safe="/") + piece for value, piece in zip(values, pieces[1:], strict=False)
    )
    given = {**(parameters.get("QueryStringParameters") or {}), **connection.further("QueryStringParameters")}
    joined = "&".join(each for each in (query, urlencode(given)) if each)
    return f"{filled}?{joined}" if joined else filled


def headers_of(connection: Connection, parameters: Mapping[str, Any]) -> dict[str, str]:
    """The headers: the target's, above them the connection's, above them EventBridge's own."""
    found: dict[str, tuple[str, str]] = {"content-type": ("Content-Type", "application/json; charset=utf-8")}
    given = (parameters.get("HeaderParameters") or {}, connection.further("HeaderParameters"))
    for some in (*given, dict([connection.authorisation()])):
        for name, value in some.items():
            if name.lower() not in _REMOVED:
                found[name.lower()] = (name, value)
    return {**dict(found.values()), **_OWN}


def body_of(connection: Connection, payload: str) -> str:
    """The payload, with the connection's body parameters in it."""
    further = connection.further("BodyParameters")
    if not further:
        return payload
    try:
        content = json.loads(payload)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise Undelivered("INVALID_JSON", "The connection has body parameters, and the input is no JSON object.")
    return json.dumps({**content, **further})
