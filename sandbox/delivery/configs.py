"""Deployment configurations: CodeDeploy's own for Lambda, and those that users make.

Those of the other compute platforms are not kept.
https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.delivery.errors import LAMBDA, OTHER_PLATFORMS, error, no_config, unsupported
from sandbox.delivery.names import check_name
from sandbox.delivery.paging import page
from sandbox.delivery.shifting import PREDEFINED, InvalidRouting, routing_of
from sandbox.delivery.store import Config, Place, Store
from sandbox.gateway.call import Call, Operation

#: Names that begin so are CodeDeploy's.
RESERVED = "CodeDeployDefault."
#: What a group without a configuration gets.
DEFAULT = f"{RESERVED}LambdaAllAtOnce"
#: https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html
MAX_CONFIGS = 50

_OWN = {
    name: Config(name, routing, id=f"00000000-0000-0000-0000-0000000001{at:02d}")
    for at, (name, routing) in enumerate(PREDEFINED.items(), start=1)
}


class Configs:
    """The operations on deployment configurations."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.operations: Mapping[str, Operation] = {
            "CreateDeploymentConfig": self._create,
            "GetDeploymentConfig": self._get,
            "ListDeploymentConfigs": self._list,
            "DeleteDeploymentConfig": self._delete,
        }

    def find(self, call: Call, name: str | None) -> Config:
        """The configuration of a name, the default without one; AwsError if there is none."""
        name = name or DEFAULT
        found = _OWN.get(name) or self._store.configs[call.account, call.region].get(name)
        if found is not None:
            return found
        if name.startswith(RESERVED):
            raise unsupported(call, f"deploymentConfigName {name!r}: the configurations here are Lambda's")
        raise no_config(name)

    def _create(self, call: Call) -> dict[str, Any]:
        params = call.params
        name = check_name(params.get("deploymentConfigName"), "Deployment configuration", "DeploymentConfig")
        platform = params.get("computePlatform") or "Server"
        if platform in OTHER_PLATFORMS:
            raise unsupported(call, f"computePlatform {platform!r}: {OTHER_PLATFORMS[platform]}; 'Lambda' works")
        if platform != LAMBDA:
            raise error("InvalidComputePlatform", f"The compute platform {platform!r} is none of Lambda, Server, ECS")
        if params.get("minimumHealthyHosts") is not None:
            message = "minimumHealthyHosts can't be specified for the compute platform Lambda"
            raise error("InvalidMinimumHealthyHostValue", message)
        if params.get("zonalConfig") is not None:
            message = "zonalConfig can't be specified for the compute platform Lambda"
            raise error("InvalidZonalDeploymentConfiguration", message)
        try:
            routing = routing_of(params.get("trafficRoutingConfig") or {"type": "AllAtOnce"})
        except InvalidRouting as invalid:
            raise error("InvalidTrafficRoutingConfiguration", str(invalid)) from invalid
        configs = self._store.configs[call.account, call.region]
        with self._store.lock:
            if name in configs or name.startswith(RESERVED):
                raise error("DeploymentConfigAlreadyExists", f"Deployment configuration name {name} is already in use")
            if len(configs) >= MAX_CONFIGS:
                raise error("DeploymentConfigLimitExceeded", f"There are {MAX_CONFIGS} deployment configurations")
            config = configs[name] = Config(name, routing, call.time, str(uuid.uuid4()))
        return {"deploymentConfigId": config.id}

    def _get(self, call: Call) -> dict[str, Any]:
        if not call.params.get("deploymentConfigName"):
            raise error("DeploymentConfigNameRequired", "Deployment configuration name is missing")
        config = self.find(call, call.params["deploymentConfigName"])
        described: dict[str, Any] = {
            "deploymentConfigId": config.id,
            "deploymentConfigName": config.name,
            "computePlatform": LAMBDA,
            "trafficRoutingConfig": config.routing.describe(),
        }
        if config.created is not None:
            described["createTime"] = config.created
        return {"deploymentConfigInfo": described}

    def _list(self, call: Call) -> dict[str, Any]:
        with self._store.lock:
            names = [*_OWN, *self._store.configs[call.account, call.region]]
        return page(call.params, names, "deploymentConfigsList")

    def _delete(self, call: Call) -> None:
        name = call.params.get("deploymentConfigName")
        if not name:
            raise error("DeploymentConfigNameRequired", "Deployment configuration name is missing")
        if name.startswith(RESERVED):
            raise error("InvalidOperation", f"The deployment configuration {name} is CodeDeploy's and can't be deleted")
        place = (call.account, call.region)
        with self._store.lock:
            if any(name == used for used in self._used(place)):
                raise error("DeploymentConfigInUse", f"The deployment configuration {name} is still in use")
            # Deleting one that isn't there is no error.
            self._store.configs[place].pop(name, None)

    def _used(self, place: Place) -> Iterator[str]:
        for application in self._store.applications[place].values():
            for group in application.groups.values():
                yield group.config_name
        for deployment in self._store.deployments[place].values():
            if not deployment.ended:
                yield deployment.config.name
