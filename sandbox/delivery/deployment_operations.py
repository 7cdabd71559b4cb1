"""The operations on deployments: https://docs.aws.amazon.com/codedeploy/latest/userguide/deployments.html"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.delivery import group_settings, revisions
from sandbox.delivery.configs import Configs
from sandbox.delivery.deployment import STATUSES, Deployment
from sandbox.delivery.deployments import Deployments
from sandbox.delivery.errors import error, unsupported
from sandbox.delivery.names import check_description
from sandbox.delivery.paging import page
from sandbox.delivery.run import Run
from sandbox.delivery.store import Store
from sandbox.gateway.call import AwsError, Call, Operation

#: https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_BatchGetDeployments.html
MAX_BATCH = 25
_ID = re.compile(r"d-[A-Za-z0-9]+")
_TARGET_STATUSES = frozenset({"Failed", "InProgress", "Pending", "Ready", "Skipped", "Succeeded", "Unknown"})


class DeploymentOperations:
    """What users ask of deployments."""

    def __init__(self, store: Store, configs: Configs, deployments: Deployments) -> None:
        self._store = store
        self._configs = configs
        self._deployments = deployments
        self.operations: Mapping[str, Operation] = {
            "CreateDeployment": self._create,
            "GetDeployment": self._get,
            "BatchGetDeployments": self._batch_get,
            "ListDeployments": self._list,
            "StopDeployment": self._stop,
            "ContinueDeployment": self._not_for_lambda,
            "SkipWaitTimeForInstanceTermination": self._not_for_lambda,
            "PutLifecycleEventHookExecutionStatus": self._put_status,
            "ListDeploymentTargets": self._list_targets,
            "GetDeploymentTarget": self._get_target,
            "BatchGetDeploymentTargets": self._batch_get_targets,
            "ListDeploymentInstances": self._no_instances,
            "GetDeploymentInstance": self._no_instances,
            "BatchGetDeploymentInstances": self._no_instances,
        }

    # -- making ------------------------------------------------------------------------------------------------

    def _create(self, call: Call) -> dict[str, Any]:
        params = call.params
        group = self._store.application((call.account, call.region), params.get("applicationName")).group(
            params.get("deploymentGroupName")
        )
        check_description(params.get("description"))
        _check_platform(call)
        config = self._configs.find(call, params.get("deploymentConfigName") or group.config_name)
        given = params.get("revision") or group.target_revision
        revision = revisions.checked(given)
        more: dict[str, Any] = {
            "description": params.get("description"),
            "file_exists_behavior": params.get("fileExistsBehavior") or "DISALLOW",
        }
        more["alarms"] = group.settings.get("alarmConfiguration", {})
        if params.get("overrideAlarmConfiguration") is not None:
            more["alarms"] = more["override_alarms"] = group_settings.alarms(params["overrideAlarmConfiguration"])
        more["rollback"] = group.settings.get("autoRollbackConfiguration", {})
        if params.get("autoRollbackConfiguration") is not None:
            more["rollback"] = group_settings.rollback(params["autoRollbackConfiguration"])
        return {"deploymentId": self._deployments.create(group, config, revision, "user", **more).id}

    # -- reading -----------------------------------------------------------------------------------------------

    def _get(self, call: Call) -> dict[str, Any]:
        with self._store.lock:
            return {"deploymentInfo": self._named(call).describe()}

    def _batch_get(self, call: Call) -> dict[str, Any]:
        identifiers = call.params.get("deploymentIds") or ()
        if not identifiers:
            raise error("DeploymentIdRequired", "At least one deployment ID must be specified.")
        if len(identifiers) > MAX_BATCH:
            message = f"{len(identifiers)} deployments are asked for; at most {MAX_BATCH} can be"
            raise error("BatchLimitExceeded", message)
        for identifier in identifiers:
            _check_id(identifier)
        known = self._store.deployments[call.account, call.region]
        with self._store.lock:
            return {"deploymentsInfo": [known[each].describe() for each in identifiers if each in known]}

    def _list(self, call: Call) -> dict[str, Any]:
        params = call.params
        place = (call.account, call.region)
        name, group_name = params.get("applicationName"), params.get("deploymentGroupName")
        if group_name and not name:
            raise error("ApplicationNameRequired", "Application name is missing")
        group = self._store.application(place, name).group(group_name) if name else None
        statuses = params.get("includeOnlyStatuses") or ()
        for status in statuses:
            if status not in STATUSES:
                raise error("InvalidDeploymentStatus", f"The deployment status {status!r} does not exist")
        between = params.get("createTimeRange") or {}
        start, end = _moment(between.get("start")), _moment(between.get("end"))
        if start is not None and end is not None and start > end:
            raise error("InvalidTimeRange", "The start time must be earlier than the end time.")

        def wanted(deployment: Deployment) -> bool:
            if group is not None and deployment.group is not group:
                return False
            if statuses and deployment.status not in statuses:
                return False
            # No deployment here is linked to something outside CodeDeploy.
            return not params.get("externalId") and _within(deployment.created, start, end)

        with self._store.lock:
            found = [each.id for each in self._store.deployments[place].values() if wanted(each)]
        return page(params, found[::-1], "deployments")

    # -- while they run ----------------------------------------------------------------------------------------

    def _stop(self, call: Call) -> dict[str, Any]:
        deployment = self._named(call)
        run = self._deployments.run_of(deployment)
        if run is None or not run.stop(call.params.get("autoRollbackEnabled")):
            message = f"The deployment {deployment.id} has already completed"
            raise error("DeploymentAlreadyCompleted", message)
        return {
            "status": "Pending",
            "statusMessage": "Stopping Pending. Stopping to schedule commands in the deployment instances",
        }

    def _put_status(self, call: Call) -> dict[str, Any]:
        deployment = self._named(call)
        status = call.params.get("status")
        if status not in ("Succeeded", "Failed"):
            raise error(
                "InvalidLifecycleEventHookExecutionStatus",
                f"The result of a Lambda validation function is Succeeded or Failed, not {status!r}",
            )
        execution_id = str(call.params.get("lifecycleEventHookExecutionId") or "")
        taken = self._answered(deployment, self._deployments.run_of(deployment), execution_id, status == "Succeeded")
        if taken is None:
            raise error(
                "InvalidLifecycleEventHookExecutionId",
                f"The deployment {deployment.id} has no lifecycle event hook with the execution ID {execution_id!r}",
            )
        if not taken:
            raise error(
                "LifecycleEventAlreadyCompleted",
                "An attempt to return the status of an already completed lifecycle event occurred.",
            )
        return {"lifecycleEventHookExecutionId": execution_id}

    @staticmethod
    def _answered(deployment: Deployment, run: Run | None, execution_id: str, succeeded: bool) -> bool | None:
        if run is not None:
            return run.answer(execution_id, succeeded)
        return False if any(event.execution_id == execution_id for event in deployment.events) else None

    def _not_for_lambda(self, call: Call) -> dict[str, Any]:
        deployment = self._named(call)
        message = f"{call.operation} is not supported for the deployment {deployment.id}: it is one of Lambda"
        raise error("UnsupportedActionForDeploymentType", message)

    # -- targets -----------------------------------------------------------------------------------------------

    def _list_targets(self, call: Call) -> dict[str, Any]:
        deployment = self._started(call)
        filters = call.params.get("targetFilters") or {}
        for name, values in filters.items():
            if name not in ("TargetStatus", "ServerInstanceLabel"):
                raise error("InvalidTargetFilterName", f"The target filter name {name!r} is invalid")
            if name == "TargetStatus" and not set(values) <= _TARGET_STATUSES:
                raise error("InvalidInstanceStatus", f"The target status filter {values} is invalid")
        wanted = deployment.target_status in filters.get("TargetStatus", _TARGET_STATUSES)
        targets = [deployment.target_id] if deployment.target_id and wanted else []
        return page(call.params, targets, "targetIds")

    def _get_target(self, call: Call) -> dict[str, Any]:
        deployment = self._started(call)
        return {"deploymentTarget": _target(deployment, call.params.get("targetId"))}

    def _batch_get_targets(self, call: Call) -> dict[str, Any]:
        deployment = self._started(call)
        identifiers = call.params.get("targetIds") or ()
        if not identifiers:
            raise error("DeploymentTargetIdRequired", "A deployment target ID was not provided.")
        if len(identifiers) > MAX_BATCH:
            message = f"{len(identifiers)} targets are asked for; at most {MAX_BATCH} can be"
            raise error("DeploymentTargetListSizeExceeded", message)
        return {"deploymentTargets": [_target(deployment, each) for each in identifiers]}

    def _no_instances(self, call: Call) -> dict[str, Any]:
        deployment = self._named(call)
        message = (
            f"The deployment {deployment.id} is one of Lambda: it has no instances. Use {_INSTEAD[call.operation]}."
        )
        raise error("InvalidComputePlatform", message)

    # -- inside ------------------------------------------------------------------------------------------------

    def _named(self, call: Call) -> Deployment:
        identifier = call.params.get("deploymentId")
        if not identifier:
            raise error("DeploymentIdRequired", "At least one deployment ID must be specified.")
        _check_id(identifier)
        return self._deployments.find((call.account, call.region), identifier)

    def _started(self, call: Call) -> Deployment:
        deployment = self._named(call)
        if deployment.started is None:
            raise error("DeploymentNotStarted", f"The deployment {deployment.id} has not started.")
        return deployment


_INSTEAD = {
    "ListDeploymentInstances": "ListDeploymentTargets",
    "GetDeploymentInstance": "GetDeploymentTarget",
    "BatchGetDeploymentInstances": "BatchGetDeploymentTargets",
}


def _check_id(identifier: str) -> None:
    if not _ID.fullmatch(identifier):
        raise error("InvalidDeploymentId", f"The deployment ID {identifier!r} was specified in an invalid format.")


def _check_platform(call: Call) -> None:
    """AwsError for what is the other compute platforms'."""
    params = call.params
    if params.get("targetInstances"):
        raise error("InvalidTargetInstances", "targetInstances can't be specified for the compute platform Lambda")
    if params.get("updateOutdatedInstancesOnly"):
        raise error(
            "InvalidUpdateOutdatedInstancesOnlyValue",
            "updateOutdatedInstancesOnly can't be true for the compute platform Lambda",
        )
    if params.get("ec2DeploymentOptions") is not None:
        raise error("InvalidInput", "ec2DeploymentOptions can't be specified for the compute platform Lambda")
    if params.get("deploymentMode") not in (None, "STANDARD"):
        raise unsupported(call, f"deploymentMode {params['deploymentMode']!r}: there are no instances to restart")


def _moment(given: datetime | None) -> datetime | None:
    """A time of a call's, which is UTC where it says nothing else."""
    return given.replace(tzinfo=UTC) if given is not None and given.tzinfo is None else given


def _within(moment: datetime, start: datetime | None, end: datetime | None) -> bool:
    return (start is None or moment >= start) and (end is None or moment <= end)


def _target(deployment: Deployment, identifier: str | None) -> dict[str, Any]:
    if not identifier:
        raise error("DeploymentTargetIdRequired", "A deployment target ID was not provided.")
    if identifier != deployment.target_id:
        raise _no_target(deployment, identifier)
    return deployment.describe_target()


def _no_target(deployment: Deployment, identifier: str) -> AwsError:
    message = f"The deployment {deployment.id} has no target {identifier}"
    return error("DeploymentTargetDoesNotExist", message)
