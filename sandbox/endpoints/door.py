"""Where clients come in: one listener on loopback for all APIs and function URLs of a sandbox.

AWS gives each API and function URL a host name. Here the name is the first part of the path:
`http://127.0.0.1:PORT/APIID.execute-api.us-east-1.amazonaws.com/STAGE/path`. A request that gives the name in its Host
header is answered just the same. What a function sees is AWS's name, and the path without it.
"""

from __future__ import annotations

import logging
import re
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sandbox.clock import Clock
from sandbox.endpoints.arrival import Arrival, message
from sandbox.gateway.message import Request, Response
from sandbox.gateway.server import Server
from sandbox.loopback import is_loopback

log = logging.getLogger(__name__)

Answer = Callable[[Arrival], Response]

_HOST = re.compile(r"[a-z0-9]+\.(?:execute-api\.[a-z0-9-]+\.amazonaws\.com|lambda-url\.[a-z0-9-]+\.on\.aws)")


@dataclass(frozen=True, slots=True)
class _Place:
    host: str
    path: str


class Door:
    """The listener, opened when the first URL is asked for, and who answers for which host name."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._server: Server | None = None
        self._answers: dict[str, Answer] = {}
        self._finders: list[Callable[[str], Answer | None]] = []

    def add(self, find: Callable[[str], Answer | None]) -> None:
        """Let `find` say who answers for a host name (None for a strange one)."""
        self._finders.append(find)

    def open(self, host: str, answer: Answer) -> None:
        """Let `answer` answer what is sent to `host`."""
        self._answers[host] = answer

    def shut(self, host: str) -> None:
        """Let nobody answer for `host` any more."""
        self._answers.pop(host, None)

    def url(self) -> str:
        """Where the door listens on this machine."""
        with self._lock:
            if self._server is None:
                self._server = Server(self.handle)
            return self._server.url

    def resolve(self, name: str) -> dict[str, Any] | None:
        """What `/_sandbox/resolve` answers for an API's or a function's URL or host; None for any other name."""
        parts = urlsplit(name if "://" in name else f"https://{name}")
        host = parts.netloc.lower()
        if parts.scheme != "https" or self._find(host) is None:
            return None
        return {"url": f"{self.url()}/{host}{parts.path}" + (f"?{parts.query}" if parts.query else "")}

    def close(self) -> None:
        """Stop listening."""
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            server.close()

    def _find(self, host: str) -> Answer | None:
        own = self._answers.get(host)
        if own is not None:
            return own
        return next((answer for find in self._finders if (answer := find(host)) is not None), None)

    def handle(self, request: Request) -> Response:
        """The response to one request."""
        place = _place(request)
        answer = self._find(place.host) if place is not None else None
        if place is None or answer is None:
            what = "no API and no function URL" if place is None else f"nothing that has the name {place.host}"
            return message(404, f"there is {what} at this address: cloud.url gives the URL to call")
        arrival = Arrival(request, place.host, place.path, str(uuid.uuid4()), self._clock.datetime())
        try:
            # A client is waiting: time flows at the wall's rate until he has his answer.
            with self._clock.busy():
                return answer(arrival)
        except Exception:
            log.exception("%s %s of %s could not be answered", request.method, place.path, place.host)
            return message(500, f"coldstart failed inside {place.host}; the sandbox's log has the details")


def _place(request: Request) -> _Place | None:
    named = request.headers.get("host", "").lower().partition(":")[0]
    if _HOST.fullmatch(named):
        return _Place(named, request.path or "/")
    # A page whose own name has been resolved to 127.0.0.1 was not meant for this door.
    if not is_loopback(f"http://{request.headers.get('host', '')}"):
        return None
    host, _, rest = request.path.lstrip("/").partition("/")
    return _Place(host.lower(), f"/{rest}") if _HOST.fullmatch(host.lower()) else None
