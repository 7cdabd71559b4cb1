"""Route keys of HTTP APIs, and which route a request takes.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DEFAULT = "$default"
METHODS = ("ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")

_VARIABLE = re.compile(r"\{([A-Za-z0-9._\-]+)(\+?)\}")
_PART = re.compile(r"[^{}?#\s]*")


class BadKey(ValueError):
    """A route key that is none. The text says why."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A route's method and path. Each part of the path is a text, a variable (`{id}`) or greedy (`{proxy+}`)."""

    method: str
    parts: tuple[str, ...]

    @property
    def order(self) -> tuple[Any, ...]:
        """Sorts by precedence: full matches before greedy ones, texts before variables, a method before ANY."""
        kinds = tuple(_kind(part) for part in self.parts)
        return (2 in kinds, kinds, self.method == "ANY")

    def match(self, method: str, segments: Sequence[str]) -> dict[str, str] | None:
        """The path's variables; None if the request is for another route."""
        if self.method not in ("ANY", method):
            return None
        return match_path(self.parts, segments)


def match_path(parts: Sequence[str], segments: Sequence[str]) -> dict[str, str] | None:
    """The variables of a path; None if it does not fit."""
    variables: dict[str, str] = {}
    for position, part in enumerate(parts):
        kind = _kind(part)
        if kind == 2:
            rest = segments[position:]
            if not rest or rest == [""] or rest == ("",):
                return None
            variables[part[1:-2]] = "/".join(rest)
            return variables
        if position >= len(segments):
            return None
        if kind == 1:
            if not segments[position]:
                return None
            variables[part[1:-1]] = segments[position]
        elif part != segments[position]:
            return None
    return variables if len(parts) == len(segments) else None


def _kind(part: str) -> int:
    if not part.startswith("{"):
        return 0
    return 2 if part.endswith("+}") else 1


def parse_path(path: str) -> tuple[str, ...]:
    """The parts of a path with variables; BadKey if it is none."""
    if not path.startswith("/"):
        raise BadKey(f"the path {path!r} does not begin with /")
    parts = tuple(path[1:].split("/"))
    names: list[str] = []
    for position, part in enumerate(parts):
        variable = _VARIABLE.fullmatch(part)
        if variable is None:
            if _PART.fullmatch(part) is None:
                raise BadKey(f"{part!r} is neither a text nor a whole variable")
            continue
        names.append(str(variable[1]))
        if variable[2] and position != len(parts) - 1:
            raise BadKey(f"the greedy variable {part} is not the last part of the path")
    if len(set(names)) != len(names):
        raise BadKey("a path variable stands twice in it")
    return parts


def parse_key(key: str) -> Pattern | None:
    """A route key's pattern, None for `$default`; BadKey if it is none."""
    if key == DEFAULT:
        return None
    method, _, path = key.partition(" ")
    if method not in METHODS:
        raise BadKey(f"the method {method!r} is none of {', '.join(METHODS)}")
    return Pattern(method, parse_path(path))


class Router:
    """The routes of one deployment, in the order of their precedence."""

    def __init__(self, routes: Iterable[Mapping[str, Any]]) -> None:
        self._default: Mapping[str, Any] | None = None
        found: list[tuple[Pattern, Mapping[str, Any]]] = []
        for route in routes:
            pattern = parse_key(str(route["RouteKey"]))
            if pattern is None:
                self._default = route
            else:
                found.append((pattern, route))
        self._routes = sorted(found, key=lambda each: each[0].order)

    def find(self, method: str, segments: Sequence[str]) -> tuple[Mapping[str, Any], dict[str, str]] | None:
        """The route that a request takes and its path's variables; None if there is none."""
        for pattern, route in self._routes:
            variables = pattern.match(method, segments)
            if variables is not None:
                return route, variables
        # The default route's path is a greedy variable that nobody named.
        return None if self._default is None else (self._default, {})
