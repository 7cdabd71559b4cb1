"""The CodeDeploy service: its parts put together, and what it does not do, by name.

https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.clock import Clock
from sandbox.delivery.applications import Applications
from sandbox.delivery.configs import Configs
from sandbox.delivery.deployment_operations import DeploymentOperations
from sandbox.delivery.deployments import Deployments
from sandbox.delivery.groups import Groups
from sandbox.delivery.members import typed
from sandbox.delivery.rights import Gateway
from sandbox.delivery.store import Store
from sandbox.gateway.call import Operation

_MACHINES = "there are no machines that applications could be deployed to"
_GITHUB = "nothing leaves this machine: there are no connections to GitHub"

REFUSED: Mapping[str, str] = {
    **dict.fromkeys(
        (
            *("AddTagsToOnPremisesInstances", "BatchGetOnPremisesInstances", "DeregisterOnPremisesInstance"),
            *("GetOnPremisesInstance", "ListOnPremisesInstances", "RegisterOnPremisesInstance"),
            "RemoveTagsFromOnPremisesInstances",
        ),
        _MACHINES,
    ),
    **dict.fromkeys(("DeleteGitHubAccountToken", "ListGitHubAccountTokenNames"), _GITHUB),
    "DeleteResourcesByExternalId": "blue/green deployments of CloudFormation are not built",
}


class CodeDeploy:
    """The service `codedeploy`, for the compute platform Lambda. `seed` is what deployments' ids are drawn from."""

    name = "codedeploy"
    whole = True

    def __init__(self, clock: Clock, gateway: Gateway, *, seed: int = 0) -> None:
        store = Store()
        configs = Configs(store)
        applications = Applications(store)
        self.deployments = Deployments(store, clock, gateway, seed)
        parts = (
            applications,
            configs,
            Groups(store, configs, gateway.role_trusts),
            DeploymentOperations(store, configs, self.deployments),
        )
        self.operations: Mapping[str, Operation] = {
            name: typed(name, operation) for part in parts for name, operation in part.operations.items()
        }
        self.refused: Mapping[str, str] = REFUSED
        self.tags_of = applications.tags_of

    def close(self) -> None:
        """Leave all deployments where they are."""
        self.deployments.close()
