"""CodeDeploy by its own calls: a deployment group for a function, a deployment, and what AWS tells of one."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from checks.lab03 import shop

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

CONFIG = "CodeDeployDefault.Lambda"
ENDS = ("Succeeded", "Failed", "Stopped")
#: What ends a deployment by itself, and takes it back.
ROLLED_BACK_ON = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"]
#: How long a deployment may take, in seconds of the cloud's time.
LONGEST_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """One lifecycle event of a deployment. Its times are None until it has begun, or ended."""

    name: str
    status: str
    began: datetime | None
    ended: datetime | None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A deployment as GetDeployment and GetDeploymentTarget tell of it.

    `weight` is the share of the requests that the new version got last. `error` and `rollback` (the id of the
    deployment that took this one back) are empty where there is none. `minutes` and `percentage` are its
    configuration's, 0 and 100 for all at once.
    """

    id: str
    status: str
    config: str
    error: str
    message: str
    rollback: str
    current: str
    target: str
    weight: float
    lifecycle: tuple[Lifecycle, ...] = field(repr=False)
    began: datetime | None = None
    ended: datetime | None = None

    def event(self, name: str) -> Lifecycle:
        """The lifecycle event of this name."""
        return next(one for one in self.lifecycle if one.name == name)


def group(cloud: Cloud, function: str, config: str, *, alarms: Sequence[str] = ()) -> None:
    """A deployment group for the function, with a configuration ("Canary10Percent5Minutes") and alarms; made anew."""
    client = cloud.client("codedeploy")
    if shop.APPLICATION not in client.list_applications()["applications"]:
        client.create_application(applicationName=shop.APPLICATION, computePlatform="Lambda")
    client.delete_deployment_group(applicationName=shop.APPLICATION, deploymentGroupName=function)
    client.create_deployment_group(
        applicationName=shop.APPLICATION,
        deploymentGroupName=function,
        deploymentConfigName=f"{CONFIG}{config}",
        serviceRoleArn=f"arn:aws:iam::{cloud.account}:role/{shop.CODEDEPLOY_ROLE}",
        deploymentStyle={"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
        alarmConfiguration={"enabled": bool(alarms), "alarms": [{"name": name} for name in alarms]},
        autoRollbackConfiguration={"enabled": True, "events": ROLLED_BACK_ON},
    )


def appspec(function: str, current: str, target: str, *, hook: str = "") -> dict[str, Any]:
    """What a deployment is to do: move the alias of a function from one version to another.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html
    """
    properties = {"Name": function, "Alias": shop.ALIAS, "CurrentVersion": current, "TargetVersion": target}
    spec: dict[str, Any] = {
        "version": 0.0,
        "Resources": [{"checkout": {"Type": "AWS::Lambda::Function", "Properties": properties}}],
    }
    if hook:
        spec["Hooks"] = [{"BeforeAllowTraffic": hook}]
    return spec


def start(cloud: Cloud, function: str, spec: dict[str, Any]) -> str:
    """Begin a deployment to the function's group. Its id."""
    revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": json.dumps(spec)}}
    made = cloud.client("codedeploy").create_deployment(
        applicationName=shop.APPLICATION, deploymentGroupName=function, revision=revision
    )
    return str(made["deploymentId"])


def told(cloud: Cloud, id: str) -> Told:
    """What AWS tells of a deployment now."""
    client = cloud.client("codedeploy")
    info = client.get_deployment(deploymentId=id)["deploymentInfo"]
    target = _target(client, id)
    function = target.get("lambdaFunctionInfo", {})
    error = info.get("errorInformation", {})
    return Told(
        id=id,
        status=info["status"],
        config=str(info["deploymentConfigName"]).removeprefix(CONFIG),
        error=error.get("code", ""),
        message=error.get("message", ""),
        rollback=info.get("rollbackInfo", {}).get("rollbackDeploymentId", ""),
        current=function.get("currentVersion", ""),
        target=function.get("targetVersion", ""),
        weight=float(function.get("targetVersionWeight", 0.0)),
        lifecycle=tuple(_lifecycle(one) for one in target.get("lifecycleEvents", ())),
        began=info.get("startTime"),
        ended=info.get("completeTime"),
    )


def _target(client: Any, id: str) -> dict[str, Any]:
    """The deployment's only target; empty before it has one."""
    try:
        ids = client.list_deployment_targets(deploymentId=id)["targetIds"]
    except client.exceptions.DeploymentNotStartedException:
        return {}
    if not ids:
        return {}
    return dict(client.get_deployment_target(deploymentId=id, targetId=ids[0])["deploymentTarget"]["lambdaTarget"])


def _lifecycle(one: dict[str, Any]) -> Lifecycle:
    return Lifecycle(
        name=one["lifecycleEventName"],
        status=one["status"],
        began=one.get("startTime"),
        ended=one.get("endTime"),
        message=one.get("diagnostics", {}).get("message", ""),
    )


def ended(cloud: Cloud, id: str) -> Told:
    """Wait until a deployment has ended, and what takes it back, too. TimeoutError if it does not."""
    limit = cloud.clock.timestamp() + LONGEST_SECONDS
    while True:
        now = told(cloud, id)
        last = told(cloud, now.rollback) if now.rollback else now
        if now.status in ENDS and last.status in ENDS:
            return now
        _pause(cloud, last, limit)


def _pause(cloud: Cloud, now: Told, limit: float) -> None:
    """Until AWS is asked again: locally somebody else advances the clock, the customers. TimeoutError after `limit`."""
    if cloud.clock.timestamp() > limit:
        raise TimeoutError(f"the deployment {now.id} is still {now.status}")
    if cloud.target == "local":
        time.sleep(0.02)
    else:
        cloud.clock.advance(2)


def deployments(cloud: Cloud, function: str, application: str = shop.APPLICATION) -> list[str]:
    """The ids of all deployments to the function's group, oldest first."""
    pages = cloud.client("codedeploy").get_paginator("list_deployments")
    found = pages.paginate(applicationName=application, deploymentGroupName=function)
    return [id for page in found for id in page["deployments"]][::-1]
