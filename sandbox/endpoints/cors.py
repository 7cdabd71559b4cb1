"""CORS, as an HTTP API or a function URL answers it by itself.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html,
https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html#urls-cors
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox import wildcards
from sandbox.endpoints.arrival import Arrival
from sandbox.gateway.message import Response

_PREFIX = "access-control-"


def preflight(settings: Mapping[str, Any], arrival: Arrival) -> Response | None:
    """The answer to a browser's question before a request; None for any other request. `settings` are botocore's."""
    if arrival.method != "OPTIONS" or arrival.origin is None:
        return None
    if arrival.header("access-control-request-method") is None:
        return None
    headers = allowing(settings, arrival.origin)
    if headers:
        for name, member in (("allow-methods", "AllowMethods"), ("allow-headers", "AllowHeaders")):
            if settings.get(member):
                headers[_PREFIX + name] = ",".join(settings[member])
        if settings.get("MaxAge") is not None:
            headers[_PREFIX + "max-age"] = str(settings["MaxAge"])
    return Response(204, headers, b"")


def allowing(settings: Mapping[str, Any], origin: str | None) -> dict[str, str]:
    """The headers that every answer to this origin has; none where the origin is not allowed."""
    if origin is None or not _allowed(settings.get("AllowOrigins") or [], origin):
        return {}
    any_origin = "*" in settings["AllowOrigins"] and not settings.get("AllowCredentials")
    headers = {_PREFIX + "allow-origin": "*" if any_origin else origin}
    if settings.get("AllowCredentials"):
        headers[_PREFIX + "allow-credentials"] = "true"
    if settings.get("ExposeHeaders"):
        headers[_PREFIX + "expose-headers"] = ",".join(settings["ExposeHeaders"])
    return headers


def apply(settings: Mapping[str, Any], arrival: Arrival, response: Response) -> None:
    """Put the API's headers in the place of those that the function gave."""
    response.headers = {
        name: value for name, value in response.headers.items() if not name.lower().startswith(_PREFIX)
    } | allowing(settings, arrival.origin)
    response.further = tuple(pair for pair in response.further if not pair[0].lower().startswith(_PREFIX))


def _allowed(origins: Sequence[str], origin: str) -> bool:
    return any(wildcards.fits(origin.lower(), pattern.lower().split("*")) for pattern in origins)
