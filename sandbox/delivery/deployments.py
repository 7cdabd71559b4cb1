"""The deployments of a sandbox: made, at work one to a group, ended, and rolled back by new ones.

https://docs.aws.amazon.com/codedeploy/latest/userguide/deployments-rollback-and-redeploy.html
"""

from __future__ import annotations

import random
import string
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.clock import Clock
from sandbox.delivery import revisions
from sandbox.delivery.deployment import Deployment
from sandbox.delivery.errors import error, no_deployment
from sandbox.delivery.failures import RequestedStop
from sandbox.delivery.rights import Gateway
from sandbox.delivery.run import Outcome, Run
from sandbox.delivery.shifting import ALL_AT_ONCE
from sandbox.delivery.store import Config, Group, Place, Store

_ID_LETTERS = string.ascii_uppercase + string.digits
#: A rollback takes the alias back in one step, whatever the group's configuration is.
_ROLLBACK_CONFIG = Config("CodeDeployDefault.LambdaAllAtOnce", ALL_AT_ONCE)


class Deployments:
    """Makes deployments and keeps those that are at work. `seed` is what their ids are drawn from."""

    def __init__(self, store: Store, clock: Clock, gateway: Gateway, seed: int) -> None:
        self._store = store
        self._clock = clock
        self._gateway = gateway
        self._draws = random.Random(f"{seed} deployments")
        self._runs: dict[str, Run] = {}
        self._waiting: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)

    # -- for other services ------------------------------------------------------------------------------------

    def finished(self, identifier: str) -> bool:
        """Whether a deployment has ended; AwsError if there is none of this id."""
        return self._any(identifier).ended

    def when_finished(self, identifier: str, wake: Callable[[], None]) -> None:
        """Call `wake` once the deployment has ended, at once if it has; AwsError if there is none of this id.

        The rollback of a deployment that has failed is there by then (`rollbackInfo`), and is one to wait for itself.
        `wake` is called on the thread of the deployment's last step, and must be quick.
        """
        with self._store.lock:
            if not self._any(identifier).ended:
                self._waiting[identifier].append(wake)
                return
        wake()

    def group_arn(self, account: str, region: str, identifier: str) -> str | None:
        """The ARN of a deployment's group; None if there is no such deployment."""
        found = self._store.deployments[account, region].get(identifier)
        return found.group.arn if found is not None else None

    def alarm_changed(self, account: str, region: str, name: str) -> None:
        """Let the deployments of an alarm look at it at once: it has gone into another state. Quick."""
        for run in list(self._runs.values()):
            if run.deployment.group.application.place == (account, region):
                run.alarm_changed(name)

    def close(self) -> None:
        """Do no further step."""
        for run in list(self._runs.values()):
            run.close()

    # -- for the operations ------------------------------------------------------------------------------------

    def create(
        self, group: Group, config: Config, revision: Mapping[str, Any], creator: str, **more: Any
    ) -> Deployment:
        """Make a deployment and set it to work. AwsError if another one is at work in its group."""
        with self._store.lock:
            if group.active is not None:
                raise error(
                    "DeploymentLimitExceeded",
                    f"The Deployment Group '{group.name}' already has an active Deployment '{group.active.id}'",
                )
            deployment = self._make(group, config, revision, creator, **more)
            revisions.used(group.application, revision, deployment.created)
            run = self._runs[deployment.id]
        run.begin()
        return deployment

    def find(self, place: Place, identifier: str) -> Deployment:
        """A deployment; AwsError if there is none of this id."""
        found = self._store.deployments[place].get(identifier)
        if found is None:
            raise no_deployment(identifier)
        return found

    def run_of(self, deployment: Deployment) -> Run | None:
        """What runs a deployment; None if it has ended."""
        return self._runs.get(deployment.id)

    # -- inside ------------------------------------------------------------------------------------------------

    def _any(self, identifier: str) -> Deployment:
        for deployments in list(self._store.deployments.values()):
            if identifier in deployments:
                return deployments[identifier]
        raise no_deployment(identifier)

    def _make(self, group: Group, config: Config, revision: Mapping[str, Any], creator: str, **more: Any) -> Deployment:
        """A new deployment that its group counts as active (the lock is held)."""
        deployments = self._store.deployments[group.application.place]
        identifier = self._draw()
        while identifier in deployments:
            identifier = self._draw()
        previous = group.last_successful.revision if group.last_successful is not None else None
        deployment = Deployment(
            identifier, group, config, revision, creator, self._clock.datetime(), previous_revision=previous, **more
        )
        deployments[identifier] = deployment
        group.active = group.last_attempted = deployment
        self._runs[identifier] = Run(deployment, self._clock, self._gateway, self._settle)
        return deployment

    def _draw(self) -> str:
        return "d-" + "".join(self._draws.choices(_ID_LETTERS, k=9))

    def _settle(self, deployment: Deployment, outcome: Outcome) -> Callable[[], None]:
        """Write down how a deployment ended, and make the one that rolls it back, if there is to be one."""
        failure = outcome.failure
        with self._store.lock:
            rollback = self._rollback(deployment) if _rolls_back(deployment, outcome) else None
            if failure is not None:
                deployment.error = (failure.code, failure.message)
            else:
                deployment.group.last_successful = deployment
                deployment.group.target_revision = deployment.revision
            deployment.completed = self._clock.datetime()
            deployment.status = "Succeeded" if failure is None else failure.status
            if rollback is None:
                deployment.group.active = None
            waiting = self._waiting.pop(deployment.id, [])
            del self._runs[deployment.id]

        def follow_up() -> None:
            if rollback is not None:
                self._runs[rollback.id].begin()
            for wake in waiting:
                wake()

        return follow_up

    def _rollback(self, failed: Deployment) -> Deployment:
        assert failed.spec is not None
        back = failed.spec.reversed()
        revision = revisions.checked({"revisionType": "AppSpecContent", "appSpecContent": {"content": back.text()}})
        made = self._make(failed.group, _ROLLBACK_CONFIG, revision, "codeDeployRollback", undoes=failed, spec=back)
        failed.rollback_info = {
            "rollbackDeploymentId": made.id,
            "rollbackMessage": (
                f"Deployment {failed.id} terminated. Automatic rollback is triggered with a DeploymentId {made.id}."
            ),
        }
        made.rollback_info = {
            "rollbackTriggeringDeploymentId": failed.id,
            "rollbackMessage": f"Deployment {made.id} is triggered to roll back deployment {failed.id}.",
        }
        return made


def _rolls_back(deployment: Deployment, outcome: Outcome) -> bool:
    """Whether a deployment is rolled back: its settings or StopDeployment say so, and it had begun its work."""
    failure = outcome.failure
    if failure is None or not outcome.at_work or deployment.undoes is not None:
        return False
    if isinstance(failure, RequestedStop) and outcome.rollback is not None:
        return outcome.rollback
    return bool(deployment.rollback.get("enabled")) and failure.event in deployment.rollback.get("events", ())
