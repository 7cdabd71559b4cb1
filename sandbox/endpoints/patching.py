"""Patch operations of API Gateway's REST control plane: paths into a resource, values as texts.

https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.gateway.call import AwsError


def invalid_path(path: str) -> AwsError:
    return AwsError("BadRequestException", f"Invalid patch path {path}", 400)


def steps_of(path: str) -> list[str]:
    """The names along a path, `~1` and `~0` decoded."""
    return [step.replace("~1", "/").replace("~0", "~") for step in str(path).lstrip("/").split("/")]


def apply(
    members: dict[str, Any], shape: Any, operations: Sequence[Mapping[str, Any]], fixed: Sequence[str] = ()
) -> None:
    """Change `members` as the operations say; `shape` is botocore's of them. `fixed` names what can't change."""
    for operation in operations:
        path = str(operation.get("path", ""))
        steps = steps_of(path)
        if steps[0] in fixed or steps[0] not in shape.members:
            raise invalid_path(path)
        _change(members, shape, steps, str(operation.get("op", "")), operation.get("value"), path)


def _change(place: dict[str, Any], shape: Any, steps: list[str], verb: str, value: Any, path: str) -> None:
    name, rest = steps[0], steps[1:]
    inner = shape.value if shape.type_name == "map" else shape.members.get(name)
    if inner is None:
        raise invalid_path(path)
    if inner.type_name == "list":
        _change_list(place, name, rest, verb, value, path)
    elif rest and inner.type_name in ("structure", "map"):
        nested = place.get(name)
        if not isinstance(nested, dict):
            nested = place[name] = {}
        _change(nested, inner, rest, verb, value, path)
    elif rest:
        raise invalid_path(path)
    elif verb == "remove":
        place.pop(name, None)
    elif verb in ("replace", "add"):
        place[name] = _converted(inner, value, path)
    else:
        raise AwsError("BadRequestException", f"Invalid patch operation {verb} on {path}", 400)


def _change_list(place: dict[str, Any], name: str, rest: list[str], verb: str, value: Any, path: str) -> None:
    items = list(place.get(name) or [])
    given = rest[0] if rest else value
    if verb == "remove":
        place[name] = [item for item in items if item != given] if given else []
    elif verb == "add" and given is not None:
        place[name] = [*items, *([] if given in items else [given])]
    elif verb == "replace":
        # With an item in the path that one is exchanged, else the whole list.
        kept = [item for item in items if item != rest[0]] if rest else []
        place[name] = [*kept, *([] if value is None else str(value).split(","))]
    else:
        raise invalid_path(path)


def _converted(shape: Any, value: Any, path: str) -> Any:
    text = "" if value is None else str(value)
    if shape.type_name == "boolean":
        if text.lower() not in ("true", "false"):
            raise AwsError("BadRequestException", f"Invalid boolean value {text!r} for {path}", 400)
        return text.lower() == "true"
    if shape.type_name in ("integer", "long", "double", "float"):
        try:
            return int(text) if shape.type_name in ("integer", "long") else float(text)
        except ValueError as error:
            raise AwsError("BadRequestException", f"Invalid number {text!r} for {path}", 400) from error
    return text
