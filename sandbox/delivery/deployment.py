"""A deployment as CodeDeploy tells of it: its status, what went wrong, its lifecycle events and its target.

https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeploymentInfo.html
https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_LambdaTarget.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sandbox.delivery.appspec import AppSpec
from sandbox.delivery.errors import LAMBDA
from sandbox.delivery.group_settings import STYLE
from sandbox.delivery.store import Config, Group

Status = Literal["Created", "Queued", "InProgress", "Succeeded", "Failed", "Stopped"]
#: Of lifecycle events, and of the target.
EventStatus = Literal["Pending", "InProgress", "Succeeded", "Failed", "Skipped", "Unknown"]

ENDS: frozenset[Status] = frozenset({"Succeeded", "Failed", "Stopped"})
STATUSES: frozenset[str] = frozenset(
    {"Created", "Queued", "InProgress", "Baking", "Succeeded", "Failed", "Stopped", "Ready"}
)
EVENTS = ("BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic")


@dataclass(slots=True)
class LifecycleEvent:
    """A step of a deployment. `execution_id` is what its hook has to answer with."""

    name: str
    status: EventStatus = "Pending"
    started: datetime | None = None
    ended: datetime | None = None
    error: str | None = None
    execution_id: str | None = None

    def describe(self) -> dict[str, Any]:
        """LifecycleEvent."""
        described: dict[str, Any] = {"lifecycleEventName": self.name, "status": self.status}
        if self.started is not None:
            described["startTime"] = self.started
        if self.ended is not None:
            described["endTime"] = self.ended
        if self.error is not None:
            described["diagnostics"] = {"errorCode": "UnknownError", "message": self.error}
        return described


@dataclass(slots=True)
class Deployment:
    """A deployment to a group.

    `alarms` and `rollback` are the AlarmConfiguration and the AutoRollbackConfiguration that it runs with, `undoes` is
    the deployment that it rolls back. `spec` is there once it has been read, `weight` the share of the new version.
    """

    id: str
    group: Group
    config: Config
    revision: Mapping[str, Any]
    creator: str
    created: datetime
    description: str | None = None
    alarms: Mapping[str, Any] = field(default_factory=dict)
    override_alarms: Mapping[str, Any] | None = None
    rollback: Mapping[str, Any] = field(default_factory=dict)
    previous_revision: Mapping[str, Any] | None = None
    file_exists_behavior: str = "DISALLOW"
    undoes: Deployment | None = None
    status: Status = "Created"
    started: datetime | None = None
    completed: datetime | None = None
    error: tuple[str, str] | None = None
    rollback_info: dict[str, str] = field(default_factory=dict)
    spec: AppSpec | None = None
    weight: float = 0.0
    target_status: EventStatus = "Pending"
    updated: datetime | None = None
    events: tuple[LifecycleEvent, ...] = field(default_factory=lambda: tuple(map(LifecycleEvent, EVENTS)))

    @property
    def ended(self) -> bool:
        return self.status in ENDS

    def event(self, name: str) -> LifecycleEvent:
        return next(event for event in self.events if event.name == name)

    def overview(self) -> dict[str, int]:
        """DeploymentOverview: one function is all there is."""
        counted = dict.fromkeys(("Pending", "InProgress", "Succeeded", "Failed", "Skipped", "Ready"), 0)
        if self.started is not None:
            counted[self.target_status] += 1
        return counted

    def describe(self) -> dict[str, Any]:
        """DeploymentInfo."""
        described: dict[str, Any] = {
            "applicationName": self.group.application.name,
            "deploymentGroupName": self.group.name,
            "deploymentConfigName": self.config.name,
            "deploymentId": self.id,
            "revision": self.revision,
            "status": self.status,
            "createTime": self.created,
            "deploymentOverview": self.overview(),
            "creator": self.creator,
            "ignoreApplicationStopFailures": False,
            "updateOutdatedInstancesOnly": False,
            "deploymentStyle": STYLE,
            "instanceTerminationWaitTimeStarted": False,
            "fileExistsBehavior": self.file_exists_behavior,
            "deploymentStatusMessages": [],
            "computePlatform": LAMBDA,
        }
        for name, value in (
            ("previousRevision", self.previous_revision),
            ("description", self.description),
            ("startTime", self.started),
            ("completeTime", self.completed),
            ("autoRollbackConfiguration", self.rollback or None),
            ("overrideAlarmConfiguration", self.override_alarms),
            ("rollbackInfo", dict(self.rollback_info) or None),
        ):
            if value is not None:
                described[name] = value
        if self.error is not None:
            described["errorInformation"] = {"code": self.error[0], "message": self.error[1]}
        return described

    @property
    def target_id(self) -> str | None:
        """https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_BatchGetDeploymentTargets.html"""
        return self.spec.function.split(":function:")[-1] if self.spec is not None else None

    def describe_target(self) -> dict[str, Any]:
        """DeploymentTarget. For a deployment whose AppSpec file has been read."""
        assert self.spec is not None
        account, region = self.group.application.place
        target: dict[str, Any] = {
            "deploymentId": self.id,
            "targetId": self.target_id,
            "targetArn": f"arn:aws:lambda:{region}:{account}:function:{self.target_id}:{self.spec.alias}",
            "status": self.target_status,
            "lifecycleEvents": [event.describe() for event in self.events],
            "lambdaFunctionInfo": {
                "functionName": self.target_id,
                "functionAlias": self.spec.alias,
                "currentVersion": self.spec.current,
                "targetVersion": self.spec.target,
                "targetVersionWeight": self.weight,
            },
        }
        if self.updated is not None:
            target["lastUpdatedAt"] = self.updated
        return {"deploymentTargetType": "LambdaTarget", "lambdaTarget": target}
