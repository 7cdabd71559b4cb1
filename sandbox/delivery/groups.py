"""Deployment groups: https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-groups.html"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.delivery import group_settings
from sandbox.delivery.configs import Configs
from sandbox.delivery.deployment import Deployment
from sandbox.delivery.errors import LAMBDA, error
from sandbox.delivery.names import check_name, tags_of
from sandbox.delivery.paging import page
from sandbox.delivery.rights import principals
from sandbox.delivery.store import Group, Store
from sandbox.gateway.call import Call, Operation

#: https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html
MAX_GROUPS = 1000
#: https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_BatchGetDeploymentGroups.html
MAX_BATCH = 100


class Groups:
    """The operations on deployment groups. `trusts` says whether a role lets a service assume it."""

    def __init__(self, store: Store, configs: Configs, trusts: Callable[[str, str], bool]) -> None:
        self._store = store
        self._configs = configs
        self._trusts = trusts
        self.operations: Mapping[str, Operation] = {
            "CreateDeploymentGroup": self._create,
            "GetDeploymentGroup": self._get,
            "BatchGetDeploymentGroups": self._batch_get,
            "ListDeploymentGroups": self._list,
            "UpdateDeploymentGroup": self._update,
            "DeleteDeploymentGroup": self._delete,
        }

    def _create(self, call: Call) -> dict[str, Any]:
        params = call.params
        application = self._store.application((call.account, call.region), params.get("applicationName"))
        name = check_name(params.get("deploymentGroupName"), "Deployment Group", "DeploymentGroup")
        if name in application.groups:
            raise _taken(name)
        if not params.get("serviceRoleArn"):
            raise error("RoleRequired", "The role ID was not specified.")
        config = self._configs.find(call, params.get("deploymentConfigName"))
        settings = group_settings.checked(params)
        tags = tags_of(params.get("tags"))
        self._check_role(params["serviceRoleArn"], call.region)
        with self._store.lock:
            if name in application.groups:
                raise _taken(name)
            if len(application.groups) >= MAX_GROUPS:
                message = f"There are {MAX_GROUPS} deployment groups in the application {application.name}"
                raise error("DeploymentGroupLimitExceeded", message)
            group = Group(application, name, params["serviceRoleArn"], config.name, settings, tags)
            application.groups[name] = group
        return {"deploymentGroupId": group.id}

    def _get(self, call: Call) -> dict[str, Any]:
        return {"deploymentGroupInfo": _described(self._named(call, call.params.get("deploymentGroupName")))}

    def _batch_get(self, call: Call) -> dict[str, Any]:
        names = call.params.get("deploymentGroupNames") or ()
        if not names:
            raise error("DeploymentGroupNameRequired", "Deployment Group name is missing")
        if len(names) > MAX_BATCH:
            message = f"{len(names)} deployment groups are asked for; at most {MAX_BATCH} can be"
            raise error("BatchLimitExceeded", message)
        application = self._store.application((call.account, call.region), call.params.get("applicationName"))
        found = [application.groups[name] for name in names if name in application.groups]
        missing = [name for name in names if name not in application.groups]
        answer: dict[str, Any] = {"deploymentGroupsInfo": [_described(group) for group in found]}
        if missing:
            answer["errorMessage"] = f"No Deployment Group found for name: {', '.join(missing)}"
        return answer

    def _list(self, call: Call) -> dict[str, Any]:
        application = self._store.application((call.account, call.region), call.params.get("applicationName"))
        answer = page(call.params, list(application.groups), "deploymentGroups")
        return {"applicationName": application.name, **answer}

    def _update(self, call: Call) -> dict[str, Any]:
        params = call.params
        group = self._named(call, params.get("currentDeploymentGroupName"))
        settings = group_settings.checked(params)
        config_name = group.config_name
        if params.get("deploymentConfigName"):
            config_name = self._configs.find(call, params["deploymentConfigName"]).name
        role_arn = params.get("serviceRoleArn") or group.role_arn
        if role_arn != group.role_arn:
            self._check_role(role_arn, call.region)
        with self._store.lock:
            groups, new = group.application.groups, params.get("newDeploymentGroupName")
            if new is not None and new != group.name:
                check_name(new, "Deployment Group", "DeploymentGroup")
                if new in groups:
                    raise _taken(new)
                del groups[group.name]
                group.name = new
                groups[new] = group
            group.role_arn, group.config_name = role_arn, config_name
            group.settings = {**group.settings, **settings}
        return {"hooksNotCleanedUp": []}

    def _delete(self, call: Call) -> dict[str, Any]:
        application = self._store.application((call.account, call.region), call.params.get("applicationName"))
        name = call.params.get("deploymentGroupName")
        if not name:
            raise error("DeploymentGroupNameRequired", "Deployment Group name is missing")
        with self._store.lock:
            # Deleting one that isn't there is no error.
            application.groups.pop(name, None)
        return {"hooksNotCleanedUp": []}

    def _named(self, call: Call, name: str | None) -> Group:
        return self._store.application((call.account, call.region), call.params.get("applicationName")).group(name)

    def _check_role(self, role_arn: str, region: str) -> None:
        if not any(self._trusts(role_arn, each) for each in principals(region)):
            message = f"AWS CodeDeploy does not have the permissions required to assume the role {role_arn}."
            raise error("InvalidRole", message)


def _taken(name: str) -> Exception:
    return error("DeploymentGroupAlreadyExists", f"Deployment group already exists with the name: {name}")


def _described(group: Group) -> dict[str, Any]:
    described: dict[str, Any] = {
        "applicationName": group.application.name,
        "deploymentGroupId": group.id,
        "deploymentGroupName": group.name,
        "deploymentConfigName": group.config_name,
        "ec2TagFilters": [],
        "onPremisesInstanceTagFilters": [],
        "autoScalingGroups": [],
        "serviceRoleArn": group.role_arn,
        "triggerConfigurations": [],
        "deploymentStyle": group_settings.STYLE,
        "outdatedInstancesStrategy": "UPDATE",
        "computePlatform": LAMBDA,
        "terminationHookEnabled": False,
        **group.settings,
    }
    if group.target_revision is not None:
        described["targetRevision"] = group.target_revision
    for member, deployment in (
        ("lastSuccessfulDeployment", group.last_successful),
        ("lastAttemptedDeployment", group.last_attempted),
    ):
        if deployment is not None:
            described[member] = _last(deployment)
    return described


def _last(deployment: Deployment) -> dict[str, Any]:
    last = {"deploymentId": deployment.id, "status": deployment.status, "createTime": deployment.created}
    return last if deployment.completed is None else {**last, "endTime": deployment.completed}
