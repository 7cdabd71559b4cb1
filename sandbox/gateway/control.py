"""The three calls beside AWS's APIs: read the clock, advance it, find where a name lives on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any

from sandbox.clock import Clock
from sandbox.gateway.message import Request, Response
from sandbox.loopback import is_meant_for

#: Where a name of AWS's leads on this machine: `{"host": ..., "port": ...}` or `{"url": ...}`; None for a strange name.
Resolve = Callable[[str], Mapping[str, Any] | None]


class Control:
    """What answers below `/_sandbox`: JSON in, JSON out, no signature. Not open, it answers nothing but 404.

    Without a signature any web page could ask: what comes from a page of another machine is refused.
    """

    def __init__(self, clock: Clock, *, open_: bool) -> None:
        self._clock = clock
        self._open = open_
        self._resolvers: list[Resolve] = []

    def add(self, resolve: Resolve) -> None:
        """Let `resolve` answer for the names that it knows."""
        self._resolvers.append(resolve)

    def handle(self, request: Request) -> Response:
        """The response to a request below `/_sandbox`."""
        if not self._open:
            return _json(404, {"error": "this endpoint has no /_sandbox"})
        return _from_outside(request) or self._answer(request)

    def handle_names(self, request: Request) -> Response:
        """The response of a listener that resolves names and does nothing else, open or not."""
        if (request.method, request.path) != ("GET", "/_sandbox/resolve"):
            return _json(404, {"error": f"there is no {request.method} {request.path}"})
        return _from_outside(request) or self._answer(request)

    def _answer(self, request: Request) -> Response:
        route = (request.method, request.path)
        if route == ("GET", "/_sandbox/clock"):
            return self._now()
        if route == ("POST", "/_sandbox/clock/advance"):
            return self._advance(request.body)
        if route == ("GET", "/_sandbox/resolve"):
            return self._resolve(request.query_value("name") or "")
        return _json(404, {"error": f"there is no {request.method} {request.path}"})

    def _now(self) -> Response:
        moment = self._clock.datetime().astimezone(UTC).isoformat(timespec="milliseconds")
        return _json(200, {"now": moment.replace("+00:00", "Z")})

    def _resolve(self, name: str) -> Response:
        for resolve in self._resolvers:
            found = resolve(name)
            if found is not None:
                return _json(200, found)
        return _json(404, {"error": f"nothing in this sandbox has the name {name!r}"})

    def _advance(self, body: bytes) -> Response:
        try:
            seconds = json.loads(body)["seconds"]
            if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
                raise TypeError(f"seconds is {seconds!r}, which is not a number")
            self._clock.advance(seconds)
        except (ValueError, TypeError, KeyError) as error:
            why = str(error) if isinstance(error, (ValueError, TypeError)) else "seconds is missing"
            return _json(400, {"error": f'send {{"seconds": 300}}: {why}'})
        return self._now()


def _from_outside(request: Request) -> Response | None:
    host, origin = request.headers.get("host"), request.headers.get("origin")
    if is_meant_for(host, origin):
        return None
    return _json(403, {"error": f"/_sandbox is for this machine only, not for host {host}, origin {origin}"})


def _json(status: int, content: Mapping[str, Any]) -> Response:
    return Response(status, {"Content-Type": "application/json"}, json.dumps(content).encode())
