"""Reads back what the rounds made: configurations, versions, failed deployments, packages, planned changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checks.lab02 import rounds, shop, stacks
from checks.lab02.tools import Ran
from sandbox.views.deployments import Upload

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

#: What `sam deploy` says where the change set was executed, and the stack then failed.
_BEGUN = "create/update the stack"
FUNCTION, LAYER = "AWS::Lambda::Function", "AWS::Lambda::LayerVersion"


# -- functions -------------------------------------------------------------------------------------------------


def configured(cloud: Cloud, stack: str, function: str) -> dict[str, Any]:
    """A function's configuration as Lambda has it: Timeout, MemorySize, Environment, Layers and so on."""
    name = stacks.physical(cloud, stack, function)
    return dict(cloud.client("lambda").get_function_configuration(FunctionName=name))


def of_function(configuration: Mapping[str, Any]) -> rounds.Configured:
    """What the rounds ask of a configuration."""
    return rounds.Configured(
        timeout=configuration["Timeout"],
        variables=configuration.get("Environment", {}).get("Variables", {}),
        layers=tuple(one["Arn"] for one in configuration.get("Layers", [])),
    )


def tags_of(cloud: Cloud, stack: str, function: str) -> dict[str, str]:
    """A function's tags, without those that CloudFormation and the lab put on everything."""
    arn = configured(cloud, stack, function)["FunctionArn"]
    tags = cloud.client("lambda").list_tags(Resource=arn)["Tags"]
    return {name: value for name, value in tags.items() if ":" not in name}


@dataclass(frozen=True, slots=True)
class Standing:
    """A function's versions after one deployment, $LATEST, and the version that its alias points to."""

    deployment: str
    versions: tuple[rounds.Version, ...]
    latest: rounds.Version
    live: int

    @property
    def serving(self) -> rounds.Version:
        """The version that callers of the alias get."""
        return next(one for one in self.versions if one.number == self.live)


def standing(cloud: Cloud, stack: str, deployment: str, function: str = "Orders", alias: str = "live") -> Standing:
    """What versions a function of a stack has now, and to which its alias points."""
    functions, name = cloud.client("lambda"), stacks.physical(cloud, stack, function)
    pages = functions.get_paginator("list_versions_by_function").paginate(FunctionName=name)
    listed = [one for page in pages for one in page["Versions"]]
    return Standing(
        deployment=deployment,
        versions=tuple(_version(one) for one in listed if one["Version"] != "$LATEST"),
        latest=next(_version(one) for one in listed if one["Version"] == "$LATEST"),
        live=int(functions.get_alias(FunctionName=name, Name=alias)["FunctionVersion"]),
    )


def _version(told: Mapping[str, Any]) -> rounds.Version:
    number = 0 if told["Version"] == "$LATEST" else int(told["Version"])
    return rounds.Version(number, told["CodeSha256"], told["MemorySize"], told["Timeout"])


# -- stacks ----------------------------------------------------------------------------------------------------


def prod_only(cloud: Cloud) -> dict[str, str]:
    """What the stack of prod has and that of dev has not, layers apart (their logical ids carry a hash)."""
    dev, prod = (stacks.resources(cloud, name) for name in (shop.DEV, shop.PROD))
    return {id: one["PhysicalResourceId"] for id, one in prod.items() if id not in dev and one["ResourceType"] != LAYER}


def failed_deployment(cloud: Cloud, stack: str) -> list[stacks.Event]:
    """The events of a stack's last deployment, oldest first: from where somebody began it."""
    found = stacks.events(cloud, stack)
    begun = [
        index
        for index, one in enumerate(found)
        if one.logical_id == stack and one.status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")
    ]
    return found[begun[-1] :] if begun else []


def trouble(cloud: Cloud, stack: str, deployed: Ran) -> str:
    """Why a `sam deploy` failed: what it says, and the first failure among the events of a deployment that began."""
    said = deployed.complaint
    first = rounds.first_failure(failed_deployment(cloud, stack), stack) if _BEGUN in said else None
    return said if first is None else f"{said}\n\nFirst: {first.logical_id} ({first.type}): {first.reason}"


def planned(cloud: Cloud, stack: str) -> tuple[stacks.Change, ...]:
    """The changes of a stack's newest change set that was not executed; none if there is no such change set."""
    if stacks.described(cloud, stack) == {}:
        return ()
    pages = cloud.client("cloudformation").get_paginator("list_change_sets").paginate(StackName=stack)
    there = [one for page in pages for one in page["Summaries"] if one.get("ExecutionStatus") == "AVAILABLE"]
    if not there:
        return ()
    newest = max(there, key=lambda one: one["CreationTime"])
    return stacks.changes_in(cloud, stack, newest["ChangeSetName"])


# -- packages --------------------------------------------------------------------------------------------------


def packages(cloud: Cloud, stack: str) -> dict[str, str]:
    """The S3 keys of the packages of a stack's template, by the logical ids of the template as it was sent."""
    found = {}
    for id, resource in stacks.template_of(cloud, stack)["Resources"].items():
        properties = resource.get("Properties", {})
        place = properties.get("CodeUri") or properties.get("ContentUri")
        if isinstance(place, str) and place.startswith("s3://"):
            found[id] = place.rpartition("/")[2]
    return found


def sent(cloud: Cloud, stack: str, deployment: str, before: Mapping[str, str] | None = None) -> list[Upload]:
    """What a deployment with `sam` uploaded: the sizes of its packages that were not there `before` (by logical id)."""
    bucket = stacks.outputs(cloud, shop.MANAGED)["SourceBucket"]
    old = set((before or {}).values())
    return [
        Upload(
            deployment,
            id,
            0 if key in old else int(cloud.client("s3").head_object(Bucket=bucket, Key=key)["ContentLength"]),
        )
        for id, key in packages(cloud, stack).items()
    ]
