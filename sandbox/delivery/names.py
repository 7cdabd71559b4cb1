"""Names, descriptions and tags as CodeDeploy takes them.

https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.delivery.errors import error

_NAME = re.compile(r"[A-Za-z0-9._+=,@-]{1,100}")
MAX_DESCRIPTION = 1000
MAX_TAGS = 50


def check_name(name: str | None, what: str, member: str) -> str:
    """A name that may be given to something; AwsError Invalid...NameException or ...NameRequiredException if not.

    `what` is how messages call it (Application), `member` how the error's code does (DeploymentGroup).
    """
    if not name:
        raise error(f"{member}NameRequired", f"{what} name is missing")
    if not _NAME.fullmatch(name):
        raise error(
            f"Invalid{member}Name",
            f"{what} name {name!r} is invalid: it may have up to 100 letters, digits and the characters . _ + = , @ -",
        )
    return name


def check_description(text: str | None) -> None:
    if text is not None and len(text) > MAX_DESCRIPTION:
        raise error("DescriptionTooLong", f"The description is too long: {len(text)} characters, {MAX_DESCRIPTION} fit")


def tags_of(given: Sequence[Mapping[str, Any]] | None) -> dict[str, str]:
    """The tags in a TagList; AwsError InvalidTagsToAddException where AWS refuses them."""
    tags: dict[str, str] = {}
    for tag in given or ():
        key, value = tag.get("Key"), tag.get("Value") or ""
        if not key or len(key) > 128 or len(value) > 256 or key.lower().startswith("aws:"):
            raise error("InvalidTagsToAdd", f"The tag with the key {key!r} is invalid")
        if key in tags:
            raise error("InvalidTagsToAdd", f"The key {key!r} is given more than once")
        tags[key] = value
    if len(tags) > MAX_TAGS:
        raise error("InvalidTagsToAdd", f"There are {len(tags)} tags; at most {MAX_TAGS} are allowed")
    return tags
