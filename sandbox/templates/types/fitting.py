"""Properties of a template in the shape that an API's parameters have.

Most resource types name their properties as the service's API does, up to the case of the first letter; scalars may
come as text ("true", "30") and JSON documents as maps where the API takes a text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.model import Shape

from sandbox.templates.values import text_of

_TRUTH = {"true": True, "false": False}


def members(shape: Shape | None, properties: Mapping[str, Any], without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Those of the properties that a structure has members for, by the members' names, with values fitted to them.

    What the structure does not know is left out; `without` names properties to leave out besides.
    """
    known: Mapping[str, Shape] = getattr(shape, "members", {})
    found = {}
    for name in properties:
        member = _member(shape, name)
        if member is not None and name not in without:
            found[member] = fit(known[member], properties[name])
    return found


def fit(shape: Shape, value: Any) -> Any:
    """A value in the form that a shape wants, where there is one; as it is where there is none.

    A member that the structure does not have stays, so that the call is refused and names it.
    """
    kind = shape.type_name
    if kind == "structure" and isinstance(value, Mapping):
        if getattr(shape, "is_document_type", False):
            return value
        named = ((name, _member(shape, name)) for name in value)
        return {
            member or name: fit(shape.members[member], value[name]) if member else value[name] for name, member in named
        }
    if kind == "list" and isinstance(value, list):
        return [fit(shape.member, one) for one in value]
    if kind == "map" and isinstance(value, Mapping):
        return {str(key): fit(shape.value, one) for key, one in value.items()}
    return _scalar(kind, value)


def document(value: Any) -> str:
    """A JSON document as a text: policies may be written as either."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def text(value: Any) -> str:
    """A scalar as a text (true, 1.5), a list or a map as JSON."""
    written = text_of(value)
    return written if written is not None else document(value)


def _member(shape: Shape | None, name: str) -> str | None:
    known: Mapping[str, Shape] = getattr(shape, "members", {})
    if name in known:
        return name
    return next((member for member in known if member.lower() == name.lower()), None)


def _scalar(kind: str, value: Any) -> Any:
    if kind == "string":
        return value if value is None else text(value)
    if kind == "boolean" and isinstance(value, str):
        return _TRUTH.get(value.lower(), value)
    if kind in ("integer", "long") and isinstance(value, (str, float)):
        return _number(int, value)
    if kind in ("double", "float") and isinstance(value, (str, int)) and not isinstance(value, bool):
        return _number(float, value)
    if kind == "blob" and isinstance(value, str):
        return value.encode()
    return value


def _number(kind: type[int] | type[float], value: str | float) -> Any:
    try:
        number = float(value)
        return kind(number) if kind is float or number == int(number) else value
    except (ValueError, OverflowError):
        return value
