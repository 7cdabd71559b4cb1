"""Updates of API Gateway v1 are patches: from two states of properties to the operations between them.

https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.templates.types.fitting import text
from sandbox.templates.types.resource_type import Work
from sandbox.templates.values import same

API = "apigateway"

Patches = list[dict[str, Any]]


def replace(path: str, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": text(value)}


def escaped(part: str) -> str:
    """A name as a part of a path."""
    return part.replace("~", "~0").replace("/", "~1")


def scalars(before: Mapping[str, Any], after: Mapping[str, Any], paths: Mapping[str, tuple[str, Any]]) -> Patches:
    """For properties with a path each, and what each goes back to when it is no longer given (None: it is removed)."""
    found: Patches = []
    for name, (path, default) in paths.items():
        old, new = before.get(name), after.get(name)
        if _same(old, new):
            continue
        value = default if new is None else new
        found.append({"op": "remove", "path": path} if value is None else replace(path, value))
    return found


def members(before: Iterable[Any] | None, after: Iterable[Any] | None, path: str, *, within: bool = False) -> Patches:
    """For a list of texts: what is added and removed, by value or (`within`) by the end of the path."""
    old, new = [text(one) for one in before or ()], [text(one) for one in after or ()]
    changes = [("remove", one) for one in old if one not in new] + [("add", one) for one in new if one not in old]
    if within:
        return [{"op": verb, "path": f"{path}/{escaped(one)}"} for verb, one in changes]
    return [{"op": verb, "path": path, "value": one} for verb, one in changes]


def entries(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, path: str) -> Patches:
    """For a map of texts: what is set and removed."""
    old, new = before or {}, after or {}
    gone = [{"op": "remove", "path": f"{path}/{escaped(key)}"} for key in old if key not in new]
    return [
        *gone,
        *(replace(f"{path}/{escaped(key)}", new[key]) for key in new if not _same(old.get(key), new[key])),
    ]


def _same(old: Any, new: Any) -> bool:
    return (old is None) == (new is None) and (old is None or same(old, new))


def arn(work: Work, path: str) -> str:
    """The ARN of an API's part: `/restapis/ID`."""
    return f"arn:{work.stack.partition}:apigateway:{work.stack.region}::{path}"


def retag(work: Work, path: str) -> None:
    """Brings the tags of what an update is about to those of the template."""
    added, removed = work.tag_changes()
    if added:
        work.call(API, "TagResource", resourceArn=arn(work, path), tags=added)
    if removed:
        work.call(API, "UntagResource", resourceArn=arn(work, path), tagKeys=removed)
