"""Properties with scalars of the types that a schema wants: "true" for a boolean, "30" for a number, 5 for a text.

CloudFormation makes texts of all scalars of a template and of each what the resource type wants; a value that can't be
what is wanted stays as it is, and validation names it. A single value is no list.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html (a Number is a text)
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import regex

from sandbox.templates.types.schemas import Schema, resolved
from sandbox.templates.values import Unknown, text_of

#: Seconds that the match of one pattern may take: some are such that a long text could take for ever.
PATIENCE = 0.02

_INTEGER = re.compile(r"[-+]?[0-9]{1,300}\Z", re.ASCII)
_NUMBER = re.compile(r"[-+]?([0-9]{1,300}\.?[0-9]{0,300}|\.[0-9]{1,300})([eE][-+]?[0-9]{1,3})?\Z", re.ASCII)
_TRUTH = {"true": True, "false": False}

#: What cfn-lint writes where AWS's own schema says string (a function's variables, a nested stack's parameters).
_TEXT = frozenset({"string", "number", "integer", "object", "array", "boolean"})


def coerced(of: Schema, node: Any, value: Any) -> Any:
    """A copy of the value, its scalars of the types that the node of a schema wants, wherever it says so."""
    variants = list(_variants(of, node))
    if isinstance(value, dict):
        return {name: _first(of, _members(variants, name), one) for name, one in value.items()}
    if isinstance(value, list):
        items = [variant["items"] for variant in variants if isinstance(variant.get("items"), Mapping)]
        return [_first(of, items, one) for one in value]
    if not isinstance(value, (str, bool, int, float)) or undecided(value):
        return value
    wanted = [kind for variant in variants for kind in types_of(variant)]
    return value if not wanted or kind_of(value) in wanted else _scalar(wanted, value)


def types_of(node: Schema) -> list[str]:
    """The types that a node names itself: none means any."""
    named = node.get("type", [])
    kinds = [named] if isinstance(named, str) else [one for one in named if isinstance(one, str)]
    if _TEXT.issubset(kinds):
        return ["string"]
    return [*kinds, "integer"] if "number" in kinds else kinds


def kind_of(value: Any) -> str:
    """The type of a value as schemas name it."""
    for kind, classes in (("boolean", bool), ("integer", int), ("number", float), ("string", str), ("array", list)):
        if isinstance(value, classes):
            return kind
    return "object" if isinstance(value, Mapping) else "null"


def undecided(value: Any) -> bool:
    """Whether something in a value is not known yet: an id or attribute, or what a dynamic reference stands for."""
    if isinstance(value, str):
        return "{{resolve:" in value
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return isinstance(value, Unknown) or any(map(undecided, inner))


def matches(pattern: str, text: str) -> bool:
    """Whether a text has a match of a schema's pattern; so it is with a pattern that can't be decided on."""
    compiled = _compiled(pattern)
    if compiled is None:
        return True
    try:
        return compiled.search(text, timeout=PATIENCE) is not None
    except TimeoutError:
        return True


@functools.cache
def _compiled(pattern: str) -> Any:
    """None for a pattern of a dialect that is not understood here: some of AWS's name halves of characters."""
    try:
        return regex.compile(pattern)
    except regex.error:
        return None


def _variants(of: Schema, node: Any, depth: int = 0) -> Iterator[Schema]:
    """The node and those that it combines."""
    found = resolved(of, node)
    yield found
    if depth < 4:
        for keyword in ("allOf", "anyOf", "oneOf"):
            for one in found.get(keyword, ()):
                yield from _variants(of, one, depth + 1)


def _members(variants: list[Schema], name: str) -> list[Any]:
    """What the variants say of a property of that name."""
    found = [variant["properties"][name] for variant in variants if name in variant.get("properties", {})]
    if found:
        return found
    for variant in variants:
        found += [one for pattern, one in variant.get("patternProperties", {}).items() if matches(pattern, name)]
        if isinstance(variant.get("additionalProperties"), Mapping):
            found.append(variant["additionalProperties"])
    return found


def _first(of: Schema, nodes: list[Any], value: Any) -> Any:
    return coerced(of, {"anyOf": nodes} if len(nodes) > 1 else nodes[0] if nodes else {}, value)


def _scalar(wanted: list[str], value: str | bool | int | float) -> Any:
    if isinstance(value, str):
        if "boolean" in wanted and value.lower() in _TRUTH:
            return _TRUTH[value.lower()]
        if "integer" in wanted and _INTEGER.match(value):
            return int(value)
        if "number" in wanted and _NUMBER.match(value) and math.isfinite(float(value)):
            return float(value)
    elif "integer" in wanted and isinstance(value, float) and value.is_integer():
        return int(value)
    elif "string" in wanted:
        return text_of(value)
    return value
