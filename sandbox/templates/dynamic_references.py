"""`{{resolve:service:key}}` in a resource's properties: found, and replaced by what a hook reads.

Templates and change sets show such a reference as it is; its value is read when the resource is made or updated.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.templates.document import Path, walk
from sandbox.templates.errors import TemplateError

MOST_REFERENCES = 60

Service = Literal["ssm", "ssm-secure", "secretsmanager"]

_REFERENCE = re.compile(r"\{\{resolve:(ssm|ssm-secure|secretsmanager):([^{}]*)\}\}")
_SSM_KEY = re.compile(r"([a-zA-Z0-9_.\-/]+)(?::(\d+))?")
_ARN_PARTS = 7


@dataclass(frozen=True, slots=True)
class DynamicReference:
    """A reference: `text` is its place holder, `name` the parameter's name or the secret's id or ARN.

    Of a parameter: `version` (None: the newest). Of a secret: `json_key` (None: the whole string), and `version_stage`
    or `version` (a version id) if they are said; AWSCURRENT is meant if not.
    """

    text: str
    service: Service
    name: str
    version: str | None = None
    json_key: str | None = None
    version_stage: str | None = None


#: Reads a parameter's value or a secret's string. It raises TemplateError, with the service's words, if it can't.
Read = Callable[[DynamicReference], str]


def dynamic_references(value: Any) -> Iterator[tuple[Path, DynamicReference]]:
    """The references in a value, each with the path of the string in which it stands."""
    for path, inner in walk(value):
        if isinstance(inner, str) and "{{resolve:" in inner:
            for found in _REFERENCE.finditer(inner):
                yield path, _parsed(found)


def resolve_references(value: Any, read: Read) -> Any:
    """The value with all references in it replaced. What is read is not looked through again."""
    if isinstance(value, dict):
        return {key: resolve_references(inner, read) for key, inner in value.items()}
    if isinstance(value, list):
        return [resolve_references(inner, read) for inner in value]
    if isinstance(value, str) and "{{resolve:" in value:
        return _REFERENCE.sub(lambda found: _read(_parsed(found), read), value)
    return value


def _parsed(found: re.Match[str]) -> DynamicReference:
    text, service, key = found[0], found[1], found[2]
    if service == "secretsmanager":
        return _secret(text, key)
    matched = _SSM_KEY.fullmatch(key)
    if not matched:
        raise TemplateError(f"Incorrect format is used in the following SSM reference: [{text}]")
    return DynamicReference(text, "ssm" if service == "ssm" else "ssm-secure", matched[1], version=matched[2])


def _secret(text: str, key: str) -> DynamicReference:
    parts = key.split(":")
    if parts[0] == "arn":
        parts = [":".join(parts[:_ARN_PARTS]), *parts[_ARN_PARTS:]]
    name, kind, json_key, stage, version, *more = [*parts, *[""] * 4]
    if not name or kind not in ("", "SecretString") or any(more) or (stage and version):
        raise TemplateError(f"Incorrect format is used in the following SecretsManager reference: [{text}]")
    return DynamicReference(
        text, "secretsmanager", name, version=version or None, json_key=json_key or None, version_stage=stage or None
    )


def _read(reference: DynamicReference, read: Read) -> str:
    value = read(reference)
    if reference.json_key is None:
        return value
    try:
        members = json.loads(value)
    except (ValueError, RecursionError) as found:
        raise TemplateError(f"Could not parse SecretString JSON of {reference.text}") from found
    if not isinstance(members, dict) or reference.json_key not in members:
        raise TemplateError(f"Could not find a value associated with JSONKey in SecretString: {reference.text}")
    member = members[reference.json_key]
    return member if isinstance(member, str) else json.dumps(member)
