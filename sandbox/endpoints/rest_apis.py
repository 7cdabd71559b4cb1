"""What a REST API is made of, and what a deployment freezes of it.

Each part is kept as the members that its operation of AWS returns.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from sandbox.endpoints.apis import Api, Members, Stage, new_id
from sandbox.endpoints.routes import match_path


@dataclass(slots=True)
class Resource:
    """One resource of the tree; `methods` by HTTP method."""

    id: str
    path: str
    parent: str | None
    part: str
    methods: dict[str, Members] = field(default_factory=dict)

    def describe(self, *, methods: bool) -> Members:
        found: Members = {"id": self.id, "path": self.path}
        if self.parent is not None:
            found |= {"parentId": self.parent, "pathPart": self.part}
        if self.methods:
            found["resourceMethods"] = {name: dict(each) if methods else {} for name, each in self.methods.items()}
        return found


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a deployment froze: the tree in the order of precedence, and what its methods refer to."""

    resources: tuple[tuple[tuple[str, ...], Resource], ...]
    authorizers: dict[str, Members]
    models: dict[str, Members]
    validators: dict[str, Members]
    gateway_responses: dict[str, Members]
    binary_media_types: tuple[str, ...]
    key_source: str
    policy: str | None

    def find(self, segments: Sequence[str]) -> tuple[Resource, dict[str, str]] | None:
        """The resource of a path (a slash at its end does not count) and its variables; None if there is none."""
        given = list(segments)
        if len(given) > 1 and given[-1] == "":
            given.pop()
        for parts, resource in self.resources:
            variables = match_path(parts, given)
            if variables is not None:
                return resource, variables
        return None


class RestApi(Api):
    """One REST API."""

    id_member: ClassVar[str] = "id"

    def __init__(self, account: str, region: str, members: Members) -> None:
        super().__init__(account, region, members)
        root = Resource(new_id(), "/", None, "")
        self.resources: dict[str, Resource] = {root.id: root}
        self.members["rootResourceId"] = root.id
        self.models: dict[str, Members] = {}
        self.validators: dict[str, Members] = {}
        self.gateway_responses: dict[str, Members] = {}
        self.deployments: dict[str, tuple[Members, Snapshot]] = {}

    @property
    def root(self) -> Resource:
        return self.resources[self.members["rootResourceId"]]

    def child(self, parent: Resource, part: str) -> Resource | None:
        own = (each for each in self.resources.values() if each.parent == parent.id and each.part == part)
        return next(own, None)

    def add_resource(self, parent: Resource, part: str) -> Resource:
        path = f"{parent.path.rstrip('/')}/{part}"
        resource = Resource(new_id(6), path, parent.id, part)
        self.resources[resource.id] = resource
        return resource

    def place(self, path: str) -> Resource:
        """The resource of a path, made with all that lead to it."""
        resource = self.root
        for part in [each for each in path.split("/") if each]:
            resource = self.child(resource, part) or self.add_resource(resource, part)
        return resource

    def deploy(self, now: datetime, description: str | None) -> Members:
        """Freeze the API as it is; the deployment's members."""
        members: Members = {"id": new_id(6), "createdDate": now}
        if description is not None:
            members["description"] = description
        tree = [(tuple(each.path[1:].split("/")), copy.deepcopy(each)) for each in self.resources.values()]
        tree.sort(key=lambda each: _order(each[0]))
        snapshot = Snapshot(
            resources=tuple(tree),
            authorizers=copy.deepcopy(self.authorizers),
            models=copy.deepcopy(self.models),
            validators=copy.deepcopy(self.validators),
            gateway_responses=copy.deepcopy(self.gateway_responses),
            binary_media_types=tuple(self.members.get("binaryMediaTypes") or ()),
            key_source=str(self.members.get("apiKeySource") or "HEADER"),
            policy=self.members.get("policy"),
        )
        self.deployments[members["id"]] = (members, snapshot)
        return members

    def snapshot(self, stage: Stage) -> Snapshot | None:
        """What a stage serves."""
        found = self.deployments.get(str(stage.members.get("deploymentId")))
        return found[1] if found is not None else None


def _order(parts: Sequence[str]) -> tuple[int, ...]:
    """Texts before variables before greedy ones."""
    return tuple(0 if not part.startswith("{") else 2 if part.endswith("+}") else 1 for part in parts)
