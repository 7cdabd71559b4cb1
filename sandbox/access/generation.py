"""From what was used to the least policy that covers it.

AWS's own policy generation (https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-policy-generation.html)
knows actions, and leaves resources to be filled in: `arn:aws:s3:::${BucketName}`. Who knows the resources too can have
them in the policy; both forms are made here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.access import catalog
from sandbox.access.request import fold

#: With more resources of one kind than this, a statement names what their ARNs have in common, and a star.
MOST_RESOURCES = 20


@dataclass(frozen=True, slots=True)
class Use:
    """An action that was allowed on a resource, `count` times.

    `conditions` are context keys with the values of this use, which the policy demands (iam:PassedToService).
    """

    action: str
    resource: str = "*"
    count: int = 1
    conditions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Grant:
    """What one statement allows."""

    service: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[tuple[str, tuple[str, ...]], ...] = ()


def least_policy(
    uses: Iterable[Use], *, placeholders: bool = False, most_resources: int = MOST_RESOURCES
) -> dict[str, Any]:
    """The document of a policy that allows these uses and, as far as ARNs can tell, nothing else.

    One statement for each set of resources that the same actions of a service were used on; order, names and Sids
    depend on the uses alone, not on their order. An action that knows no resources stands with `*`. What AWS names
    anew each time (log streams, executions) becomes a star; so do the ends of more than `most_resources` ARNs of one
    kind. With `placeholders` resources are as AWS gives them, `arn:aws:sqs:${Region}:${Account}:${QueueName}`.
    """
    by_action = _by_action(uses, placeholders)
    grants = _grants(by_action, most_resources)
    names: dict[str, int] = {}
    return {"Version": "2012-10-17", "Statement": [_statement(grant, names) for grant in grants]}


# -- uses to grants ------------------------------------------------------------------------------------

#: The conditions of a use.
_Conditions = tuple[tuple[str, str], ...]


def _by_action(uses: Iterable[Use], placeholders: bool) -> dict[tuple[str, _Conditions], set[str]]:
    """The resources that each action was used on, by the conditions of the use."""
    found: dict[tuple[str, _Conditions], set[str]] = {}
    for use in uses:
        known = catalog.action(use.action)
        name = known.full_name if known is not None else use.action
        conditions = tuple(sorted(use.conditions))
        found.setdefault((name, conditions), set()).add(_resource(known, use.resource, placeholders))
    # What is allowed without a condition needs no second statement with one.
    return {
        (action, conditions): left
        for (action, conditions), resources in found.items()
        if (left := resources - found.get((action, ()), set()) if conditions else resources)
    }


def _resource(known: catalog.Action | None, resource: str, placeholders: bool) -> str:
    if known is None:
        return resource
    if not known.resources:
        return "*"
    if not placeholders:
        return _lasting(resource)
    for use in known.resources:
        kind = catalog.resource_type(known, use)
        if kind is not None and resource != "*" and kind.admits(resource):
            template = next(each for each in kind.arns if catalog.admits(each, resource))
            return template.replace("${Partition}", resource.split(":", 2)[1])
    return "*"


#: The ends of ARNs that are never met again. https://docs.aws.amazon.com/service-authorization/latest/reference/
_MADE_ANEW = (
    re.compile(r"(arn:[^:]*:logs:[^:]*:[^:]*:log-group:[^:]+):log-stream:.+"),
    re.compile(r"(arn:[^:]*:states:[^:]*:[^:]*:(?:execution|express):[^:]+):.+"),
    re.compile(r"(arn:[^:]*:cloudformation:[^:]*:[^:]*:(?:stack|changeSet)/[^/]+)/.+"),
    re.compile(r"(arn:[^:]*:sts::[^:]*:assumed-role/[^/]+)/.+"),
)
_SPECIAL = re.compile(r"[*?]|\$(?=\{)")
_STARS = (":log-stream:*", ":*", "/*", "/*")


def _lasting(resource: str) -> str:
    bucket, slash, name = resource.partition("/")
    if slash and bucket.split(":")[2:3] == ["s3"] and bucket.count(":") == 5:
        # A key may have characters that a policy would take for a wildcard.
        return f"{bucket}/{_SPECIAL.sub(lambda found: '${' + found[0] + '}', name)}"
    for pattern, star in zip(_MADE_ANEW, _STARS, strict=True):
        found = pattern.fullmatch(resource)
        if found:
            return found[1] + star
    return resource


def _grants(by_action: Mapping[tuple[str, _Conditions], set[str]], most_resources: int) -> list[_Grant]:
    """One for each service, set of resources and conditions, in a fixed order."""
    alike: dict[tuple[str, tuple[str, ...], _Conditions], set[str]] = {}
    for (action, conditions), resources in by_action.items():
        service = fold(action.partition(":")[0])
        alike.setdefault((service, _shortened(resources, most_resources), conditions), set()).add(action)
    # Statements that differ in the value of one condition only become one with several values.
    values: dict[tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]], dict[str, set[str]]] = {}
    grants = []
    for (service, wanted, conditions), actions in alike.items():
        named = tuple(sorted(actions))
        if len(conditions) == 1:
            key, value = conditions[0]
            values.setdefault((service, named, wanted, (key,)), {}).setdefault(key, set()).add(value)
        else:
            grants.append(_Grant(service, named, wanted, tuple((key, (value,)) for key, value in conditions)))
    for (service, named, wanted, (key,)), merged in values.items():
        grants.append(_Grant(service, named, wanted, ((key, tuple(sorted(merged[key]))),)))
    return sorted(grants, key=lambda each: (each.service, each.resources, each.actions, each.conditions))


def _shortened(resources: set[str], most: int) -> tuple[str, ...]:
    """The resources; those of a kind that has too many are joined at the end of what they have in common."""
    if "*" in resources:
        return ("*",)
    kinds: dict[tuple[str, ...], list[str]] = {}
    for resource in resources:
        kinds.setdefault(_kind(resource), []).append(resource)
    kept: list[str] = []
    for kind in sorted(kinds):
        listed = sorted(kinds[kind])
        kept += listed if len(listed) <= most else [_common(listed, kind)]
    return tuple(sorted(kept))


def _kind(resource: str) -> tuple[str, ...]:
    """What two ARNs must have in common to be joined: all but the last name, and whether that is an object in S3."""
    parts = resource.split(":", 5)
    if len(parts) != 6:
        return (resource,)
    last = parts[5]
    if parts[2] == "s3":
        bucket, slash, _ = last.partition("/")
        return (*parts[:5], bucket + slash if slash else "")
    found = re.match(r"[A-Za-z-]+[/:]", last)
    return (*parts[:5], found[0] if found else "")


def _common(resources: Sequence[str], kind: tuple[str, ...]) -> str:
    # Not inside a name, where it may be chance: behind the last divider of what is common.
    first, last = min(resources), max(resources)
    length = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    common = first[:length]
    fixed = ":".join(kind)
    cut = max(common.rfind(divider) + 1 for divider in "/:-_.")
    return common[: max(cut, len(fixed))] + "*"


# -- grants to statements ------------------------------------------------------------------------------


def _statement(grant: _Grant, names: dict[str, int]) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Sid": _sid(grant, names),
        "Effect": "Allow",
        "Action": list(grant.actions),
        "Resource": grant.resources[0] if len(grant.resources) == 1 else list(grant.resources),
    }
    if grant.conditions:
        statement["Condition"] = {
            "StringEquals": {key: values[0] if len(values) == 1 else list(values) for key, values in grant.conditions}
        }
    return statement


def _sid(grant: _Grant, names: dict[str, int]) -> str:
    """A name of letters and digits: the service, and the kind of resource or the resource itself."""
    words = [grant.service]
    if len(grant.resources) == 1 and grant.resources[0] != "*" and "${" not in grant.resources[0]:
        words += re.findall(r"[A-Za-z0-9]+", grant.resources[0].split(":", 5)[-1])
    else:
        kinds = {kind.name for each in grant.resources for kind in catalog.resource_types_of(each)}
        words += sorted(kinds) if 0 < len(kinds) < 3 else []
    name = "".join(word[:1].upper() + word[1:] for part in words for word in re.findall(r"[A-Za-z0-9]+", part))[:60]
    names[name] = names.get(name, 0) + 1
    return name if names[name] == 1 else f"{name}{names[name]}"
