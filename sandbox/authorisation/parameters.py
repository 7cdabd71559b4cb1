"""Values in a call's parameters, by path.

A path is members with dots between them. `[]` after a member stands for every element of its list, `{}` for every key
of its map: `Targets[].RoleArn`, `RequestItems{}`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def at(params: Mapping[str, Any], path: str) -> list[Any]:
    """What stands at a path: no, one or (with `[]` or `{}` in the path) several values. Nothing is raised for what is
    of another shape than the path."""
    found: list[Any] = [params]
    for name, several in _steps(path):
        reached: list[Any] = []
        for each in found:
            value = each.get(name) if isinstance(each, Mapping) else None
            if value is None:
                continue
            if not several:
                reached.append(value)
            elif isinstance(value, Mapping):
                if several == "{}":
                    reached += value
            elif isinstance(value, Sequence) and not isinstance(value, str | bytes) and several == "[]":
                reached += value
        if not reached:
            return reached
        found = reached
    return found


def texts(params: Mapping[str, Any], path: str) -> list[str]:
    """The values at a path that are texts (numbers as texts too), without the empty ones; those of a list, too."""
    return [
        value if isinstance(value, str) else str(value)
        for found in at(params, path)
        for value in (found if isinstance(found, list | tuple) else (found,))
        if value != "" and isinstance(value, str | int) and not isinstance(value, bool)
    ]


def text(params: Mapping[str, Any], path: str) -> str | None:
    """The first text at a path."""
    found = texts(params, path)
    return found[0] if found else None


def members(value: Any, name: str) -> Iterator[Any]:
    """Every value of a member of this name, however deep it stands in `value`."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == name:
                yield inner
            else:
                yield from members(inner, name)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for inner in value:
            yield from members(inner, name)


@functools.lru_cache(maxsize=4096)
def _steps(path: str) -> tuple[tuple[str, str], ...]:
    steps = []
    for step in path.split("."):
        several = step[-2:] if step.endswith(("[]", "{}")) else ""
        steps.append((step.removesuffix(several) if several else step, several))
    return tuple(steps)
