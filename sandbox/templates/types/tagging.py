"""Tags of types that do not get CloudFormation's own tags (aws:cloudformation:...): the resource's and the stack's.

Which types these are, their schemas say: `tagging.cloudFormationSystemTags`.
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html#schema-properties-tagging
"""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.templates.types.resource_type import Work

_SYSTEM = "aws:"


def own(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that AWS's services did not set."""
    return {key: value for key, value in tags.items() if not key.startswith(_SYSTEM)}


def own_list(work: Work, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """The resource's and the stack's tags as most APIs take them."""
    return [{key: name, value: text} for name, text in own(work.tags()).items()]


def pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as most APIs take them."""
    return [{"Key": name, "Value": text} for name, text in tags.items()]
