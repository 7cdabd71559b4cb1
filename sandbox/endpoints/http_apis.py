"""What an HTTP API is made of: routes, integrations, authorizers, deployments and stages.

Each is kept as the members that its operation of AWS returns.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sandbox.endpoints.apis import Api, Members, Stage, new_id
from sandbox.endpoints.routes import Router


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a deployment froze."""

    router: Router
    integrations: dict[str, Members]
    authorizers: dict[str, Members]


@dataclass(slots=True)
class Deployment:
    members: Members
    snapshot: Snapshot


class HttpApi(Api):
    """One HTTP API."""

    id_member: ClassVar[str] = "ApiId"

    def __init__(self, account: str, region: str, members: Members) -> None:
        super().__init__(account, region, members)
        self.routes: dict[str, Members] = {}
        self.integrations: dict[str, Members] = {}
        self.deployments: dict[str, Deployment] = {}

    def deploy(self, now: datetime, description: str | None = None, *, automatic: bool = False) -> Deployment:
        """Freeze the API as it is."""
        snapshot = Snapshot(
            Router([dict(route) for route in self.routes.values()]),
            {key: dict(each) for key, each in self.integrations.items()},
            {key: dict(each) for key, each in self.authorizers.items()},
        )
        members: Members = {
            "AutoDeployed": automatic,
            "CreatedDate": now,
            "DeploymentId": new_id(6),
            "DeploymentStatus": "DEPLOYED",
        }
        if description is not None:
            members["Description"] = description
        if automatic:
            members.setdefault("Description", "Automatic deployment triggered by changes to the Api configuration")
        deployment = Deployment(members, snapshot)
        self.deployments[members["DeploymentId"]] = deployment
        return deployment

    def changed(self, now: datetime) -> None:
        """Deploy to the stages that follow every change."""
        following = [stage for stage in self.stages.values() if stage.members.get("AutoDeploy")]
        if not following:
            return
        deployment = self.deploy(now, automatic=True)
        for stage in following:
            former = stage.members.get("DeploymentId")
            stage.members["DeploymentId"] = deployment.members["DeploymentId"]
            stage.members["LastDeploymentStatusMessage"] = (
                f"Successfully deployed stage with deployment ID '{deployment.members['DeploymentId']}'"
            )
            stage.members["LastUpdatedDate"] = now
            if former in self.deployments and self.deployments[former].members["AutoDeployed"]:
                used = any(each.members.get("DeploymentId") == former for each in self.stages.values())
                if not used:
                    del self.deployments[former]

    def snapshot(self, stage: Stage) -> Snapshot | None:
        """What a stage serves; None before its first deployment."""
        deployment = self.deployments.get(str(stage.members.get("DeploymentId")))
        return deployment.snapshot if deployment is not None else None
