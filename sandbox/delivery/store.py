"""What CodeDeploy keeps: applications with their groups and revisions, deployment configurations, deployments."""

from __future__ import annotations

import threading
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sandbox.delivery.errors import error, no_application, no_group
from sandbox.delivery.shifting import Routing

if TYPE_CHECKING:
    from sandbox.delivery.deployment import Deployment

#: An account and a Region.
Place = tuple[str, str]


@dataclass(slots=True)
class Revision:
    """A revision of an application, `location` as RevisionLocation."""

    location: Mapping[str, Any]
    registered: datetime
    description: str | None = None
    first_used: datetime | None = None
    last_used: datetime | None = None


@dataclass(slots=True)
class Group:
    """A deployment group. `settings` are DeploymentGroupInfo's members of its own, as they were given."""

    application: Application
    name: str
    role_arn: str
    config_name: str
    settings: dict[str, Any]
    tags: dict[str, str] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    target_revision: Mapping[str, Any] | None = None
    last_attempted: Deployment | None = None
    last_successful: Deployment | None = None
    active: Deployment | None = None

    @property
    def arn(self) -> str:
        account, region = self.application.place
        return f"arn:aws:codedeploy:{region}:{account}:deploymentgroup:{self.application.name}/{self.name}"


@dataclass(slots=True)
class Application:
    """An application: all of them are Lambda's."""

    place: Place
    name: str
    created: datetime
    tags: dict[str, str] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    groups: dict[str, Group] = field(default_factory=dict)
    revisions: list[Revision] = field(default_factory=list)

    @property
    def arn(self) -> str:
        account, region = self.place
        return f"arn:aws:codedeploy:{region}:{account}:application:{self.name}"

    def group(self, name: str | None) -> Group:
        """One of its groups; AwsError if there is none of that name."""
        if not name:
            raise error("DeploymentGroupNameRequired", "Deployment Group name is missing")
        found = self.groups.get(name)
        if found is None:
            raise no_group(name)
        return found


@dataclass(slots=True)
class Config:
    """A deployment configuration. `created` is None for one of CodeDeploy's own."""

    name: str
    routing: Routing
    created: datetime | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


class Store:
    """All of it, by account and Region. Hold `lock` for what must be seen or changed at once."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.applications: defaultdict[Place, dict[str, Application]] = defaultdict(dict)
        self.configs: defaultdict[Place, dict[str, Config]] = defaultdict(dict)
        self.deployments: defaultdict[Place, dict[str, Deployment]] = defaultdict(dict)

    def application(self, place: Place, name: str | None) -> Application:
        """An application; AwsError if there is none of that name."""
        if not name:
            raise error("ApplicationNameRequired", "Application name is missing")
        found = self.applications[place].get(name)
        if found is None:
            raise no_application(name)
        return found

    def tagged(self) -> Iterator[Application | Group]:
        """All that can have tags."""
        with self.lock:
            found = [each for applications in self.applications.values() for each in applications.values()]
        for application in found:
            yield application
            yield from list(application.groups.values())
