"""Whether new properties need a new resource: rules of a resource type as data, and what they say of two states.

The rules are those of "Update requires" in the reference of each type: no interruption (Never), some interruptions or
replacement (Conditionally), replacement (Always).
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.templates.changes import Recreation
from sandbox.templates.values import same, unknown

_IMPACT: Mapping[Recreation, int] = {"Never": 0, "Conditionally": 1, "Always": 2}


@dataclass(frozen=True, slots=True)
class TypeRules:
    """What a change of a property means for a resource of a type; a property that is not named means Never.

    A name may be a path, `VpcConfig/VpcId`: then a change elsewhere in that property counts as of the property itself.
    `tags` is the property that holds the resource's tags, None if it has none.
    """

    recreation: Mapping[str, Recreation] = field(default_factory=dict)
    tags: str | None = "Tags"


def recreation(rules: TypeRules, name: str, before: Any, after: Any) -> Recreation:
    """What the change of one property requires. None stands for a property that is absent."""
    required: Recreation = rules.recreation.get(name, "Never")
    for path in differences(before, after, name):
        parts = path.split("/")
        for end in range(2, len(parts) + 1):
            found = rules.recreation.get("/".join(parts[:end]), "Never")
            required = max(required, found, key=_IMPACT.__getitem__)
    return required


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The names of the properties that differ; one whose value is not known yet does."""
    return [name for name in {**before, **after} if differs(before.get(name), after.get(name))]


def required(rules: TypeRules, before: Mapping[str, Any], after: Mapping[str, Any]) -> Recreation:
    """What the change from one state of a resource's properties to another requires, in all."""
    found = (recreation(rules, name, before.get(name), after.get(name)) for name in changed(before, after))
    return max(found, key=_IMPACT.__getitem__, default="Never")


def differs(before: Any, after: Any) -> bool:
    """Whether two values differ. None stands for one that is absent; one that is not known yet differs."""
    if before is None or after is None:
        return before is not after
    return unknown(after) is not None or not same(before, after)


def differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """The paths at which two values differ, down to scalars and lists: `VpcConfig/SubnetIds`."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in {**before, **after}:
            yield from differences(before.get(key), after.get(key), f"{path}/{key}" if path else str(key))
    elif differs(before, after):
        yield path
