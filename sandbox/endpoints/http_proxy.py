"""HTTP_PROXY integrations: the request goes on to another server of this machine, and its answer comes back.

Nothing leaves the machine: URLs lead to loopback, or to another API or function URL of the sandbox.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-http.html
"""

from __future__ import annotations

import http.client
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from sandbox.endpoints.apis import MAX_BODY_BYTES
from sandbox.endpoints.arrival import Arrival
from sandbox.gateway.message import Response
from sandbox.loopback import is_loopback

_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding"}
    | {"upgrade", "host", "content-length"}
)


#: So often a request goes from one API to the next here. AWS documents no limit; a ring of APIs would fill the machine.
MAX_FORWARDS = 20


class Unreachable(Exception):
    """There is no answer: nobody gives one, or too long a one, or the URL leads off this machine or round in a ring.

    The text says which.
    """


def forward(
    arrival: Arrival,
    method: str,
    uri: str,
    variables: Mapping[str, str],
    resolve: Callable[[str], Mapping[str, Any] | None],
    seconds: float,
) -> Response:
    """The answer of the server at `uri`, path variables filled in; Unreachable or TimeoutError without one."""
    for name, value in variables.items():
        filled = quote(value, safe="/")
        uri = uri.replace(f"{{{name}+}}", filled).replace(f"{{{name}}}", filled)
    found = resolve(uri)
    parts = urlsplit(str(found["url"]) if found is not None else uri)
    if not is_loopback(parts.geturl()) or parts.scheme != "http":
        raise Unreachable(f"nothing leaves this machine: {uri} is not reached")
    query = "&".join(each for each in (parts.query, arrival.request.query) if each)
    headers = {name: value for name, value in arrival.request.headers.items() if name not in _HOP}
    before = headers.get("forwarded", "")
    if before.count("host=") >= MAX_FORWARDS:
        raise Unreachable(f"{uri} leads back to where the request comes from: it was forwarded {MAX_FORWARDS} times")
    by = f"for={arrival.request.source_ip};host={arrival.host}"
    headers |= {"x-amzn-trace-id": arrival.trace, "forwarded": f"{before}, {by}" if before else by}
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=seconds)
    try:
        connection.request(
            arrival.method if method == "ANY" else method,
            (parts.path or "/") + (f"?{query}" if query else ""),
            arrival.request.body or None,
            headers,
        )
        answer = connection.getresponse()
        body = answer.read(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES:
            raise Unreachable(f"{uri} answers with more than {MAX_BODY_BYTES} bytes")
        pairs = tuple((name, value) for name, value in answer.getheaders() if name.lower() not in _HOP)
    except TimeoutError:
        raise
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"{uri} does not answer: {error}") from error
    finally:
        connection.close()
    return Response(answer.status, {}, body, pairs)
