"""The tags in a request, and the condition keys that they fill.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-requesttag
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sandbox.access.request import Values
from sandbox.authorisation import arns
from sandbox.authorisation.parameters import at
from sandbox.gateway.call import Call

#: Members that hold tags to set: lists of key and value, or maps.
_TAG_MEMBERS = frozenset(
    {
        "addtags",
        "backupplantags",
        "backupvaulttags",
        "hostedzonetags",
        "identitypooltags",
        "newtags",
        "recoverypointtags",
        "tag",
        "taglist",
        "tags",
        "tagset",
        "tagslist",
        "tagstoadd",
        "userpooltags",
    }
)

#: Members that hold the keys of tags to remove.
_TAG_KEY_MEMBERS = frozenset({"tagkeylist", "tagkeys", "tagstoremove"})


def request_tags(params: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    """The tags that a request sets, and the keys of all tags that it sets or removes."""
    tags: dict[str, str] = {}
    keys: dict[str, None] = {}
    for name, value in params.items():
        lower = name.lower()
        if lower in _TAG_MEMBERS:
            for key, tag in tags_in(value):
                keys[key] = None
                if tag is not None:
                    tags[key] = tag
        elif lower in _TAG_KEY_MEMBERS and isinstance(value, Sequence):
            keys.update((str(key), None) for key in value)
        elif lower in ("tagging", "createbucketconfiguration") and isinstance(value, Mapping):
            inner = value.get("TagSet") or value.get("Tags")
            for key, tag in tags_in(inner):
                tags[key] = tag or ""
                keys[key] = None
    return tags, list(keys)


def tags_in(value: Any) -> Iterator[tuple[str, str | None]]:
    if isinstance(value, Mapping):
        if "Items" in value:
            # CloudFront's tags.
            yield from tags_in(value["Items"])
            return
        for key, tag in value.items():
            yield str(key), None if tag is None else str(tag)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for each in value:
            if isinstance(each, str):
                yield each, None
            elif isinstance(each, Mapping):
                lowered = {name.lower(): inner for name, inner in each.items()}
                key = lowered.get("key", lowered.get("tagkey"))
                tag = lowered.get("value", lowered.get("tagvalue"))
                if key is not None:
                    yield str(key), "" if tag is None else str(tag)


def tag_context(tags: Mapping[str, str], keys: Sequence[str]) -> dict[str, Values]:
    """aws:RequestTag/... and aws:TagKeys."""
    context: dict[str, Values] = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    if keys:
        context["aws:TagKeys"] = list(keys)
    return context


def context_of_request(call: Call, resource: str) -> dict[str, Values]:
    if call.service == "ec2" and "TagSpecifications" in call.params:
        # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html: tags belong to the
        # type of resource that they are for.
        arn = arns.parse(resource)
        kind = arn.resource.partition("/")[0] if arn is not None else ""
        tags: dict[str, str] = {}
        for each in at(call.params, "TagSpecifications[]"):
            if each.get("ResourceType") == kind or not kind:
                tags.update((key, value or "") for key, value in tags_in(each.get("Tags")))
        return tag_context(tags, list(tags))
    return tag_context(*request_tags(call.params))
