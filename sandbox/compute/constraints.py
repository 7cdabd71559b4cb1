"""Checks a request's members against the limits of AWS's model, and words a violation as AWS does.

boto3 checks types and required members before it sends; lengths, ranges, patterns and sets of values are left to
the service. They stand in botocore's model of Lambda, so they are read from there.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape

from sandbox.compute.errors import violated

#: Where the model allows what only Lambda Managed Instances do, a function here keeps to the quota of other functions:
#: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_LOWER_MAXIMUM = {"memorySize": 10_240, "timeout": 900, "ephemeralStorage.size": 10_240}

#: Shapes whose members are judged elsewhere, with a better answer than the model's.
_JUDGED_ELSEWHERE = frozenset({"Runtime"})


def check(operation: str, params: Mapping[str, Any]) -> None:
    """Raise AwsError(ValidationException) if a member of `params` breaks a limit of the operation's input."""
    shape = _model().operation_model(operation).input_shape
    if shape is None:
        return
    found = [violation for name, value in params.items() for violation in _member(shape, name, value, "")]
    if found:
        raise violated(found)


@functools.cache
def _model() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("lambda", "service-2"), "lambda")


def preload() -> None:
    """Read the model now instead of at the first call."""
    _model()


def _member(shape: Any, name: str, value: Any, path: str) -> Iterator[str]:
    member = shape.members.get(name)
    if member is not None and value is not None:
        yield from _violations(member, value, f"{path}{name[0].lower()}{name[1:]}")


def _violations(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if shape.name in _JUDGED_ELSEWHERE:
        return
    for constraint in _broken(shape, value, path):
        shown = "" if shape.metadata.get("sensitive") else f"'{_shown(value)}' "
        yield f"Value {shown}at '{path}' failed to satisfy constraint: {constraint}"
    if shape.type_name == "structure":
        for name, inner in value.items():
            yield from _member(shape, name, inner, f"{path}.")
    elif shape.type_name == "list":
        for place, inner in enumerate(value, 1):
            yield from _violations(shape.member, inner, f"{path}.{place}.member")
    elif shape.type_name == "map":
        for key, inner in value.items():
            for constraint in _broken(shape.key, key, path):
                yield (
                    f"Value at '{path}' failed to satisfy constraint: Map keys must satisfy constraint: [{constraint}]"
                )
            yield from _violations(shape.value, inner, f"{path}.{key}.member")


def _broken(shape: Shape, value: Any, path: str) -> Iterator[str]:
    metadata = shape.metadata
    low, high = metadata.get("min"), _LOWER_MAXIMUM.get(path, metadata.get("max"))
    if shape.type_name in ("integer", "long", "double", "float"):
        if low is not None and value < low:
            yield f"Member must have value greater than or equal to {low}"
        if high is not None and value > high:
            yield f"Member must have value less than or equal to {high}"
    elif shape.type_name in ("string", "list", "map", "blob"):
        if low is not None and len(value) < low:
            yield f"Member must have length greater than or equal to {low}"
        if high is not None and len(value) > high:
            yield f"Member must have length less than or equal to {high}"
    if shape.type_name == "string":
        enum = getattr(shape, "enum", None)
        if enum and value not in enum:
            yield f"Member must satisfy enum value set: [{', '.join(enum)}]"
        pattern = metadata.get("pattern")
        compiled = _compiled(pattern) if pattern else None
        if compiled is not None and compiled.fullmatch(value) is None:
            yield f"Member must satisfy regular expression pattern: {pattern}"


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except re.error:  # Java's classes such as \p{L} have no twin in Python; the tags that use them are judged by length
        return None


def _shown(value: Any) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)
