"""Which addresses are this machine's own, and whether a request was meant for a server on it."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from urllib.parse import urlsplit


@lru_cache(maxsize=1024)
def is_loopback(url: str) -> bool:
    """Whether an http(s) URL's host is a loopback address or `localhost`."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not host:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_meant_for(host: str | None, origin: str | None) -> bool:
    """Whether a request with these headers, Host and Origin, can be meant for a server on loopback.

    A web page reaches such servers, too: it names itself as the origin, or, having had its own name resolved to
    127.0.0.1, gives that name as the host.
    """
    return is_loopback(f"http://{host}") and (origin is None or is_loopback(origin))
