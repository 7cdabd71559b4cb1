"""A deployment at work: each of its steps is a timer of the clock's.

At each step the alarms are looked at first. One step is done at a time; between two the deployment waits for the
next shift, for a hook's answer, or for the next look at its alarms, whichever comes first.
https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-steps-lambda.html
"""

from __future__ import annotations

import base64
import json
import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import ClientError, ParamValidationError

from sandbox.clock import Clock, Timer
from sandbox.delivery import alarm_watch, failures, notices
from sandbox.delivery.alarm_watch import AlarmWatch
from sandbox.delivery.alias import MovedAlias
from sandbox.delivery.deployment import Deployment, LifecycleEvent
from sandbox.delivery.failures import DeploymentFailure
from sandbox.delivery.rights import Gateway, Rights
from sandbox.delivery.shifting import Shift, schedule
from sandbox.delivery.spec_reading import read_spec
from sandbox.gateway.call import AwsError

log = logging.getLogger(__name__)

#: A hook must answer within this, in seconds. facts.yml codedeploy-lambda-limits
HOOK_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a deployment ended: `failure` is None where it succeeded.

    `at_work` says that the deployment has found its alias as it should be: only then there is something to roll back.
    `rollback` is what StopDeployment asked for, if it did.
    """

    failure: DeploymentFailure | None
    at_work: bool
    rollback: bool | None = None


class Run:
    """Runs one deployment. `settle` writes down its end, and gives what is to be done once that has been told."""

    def __init__(
        self,
        deployment: Deployment,
        clock: Clock,
        gateway: Gateway,
        settle: Callable[[Deployment, Outcome], Callable[[], None]],
    ) -> None:
        self.deployment = deployment
        self._clock = clock
        self._settle = settle
        self._role_arn = deployment.group.role_arn
        region = deployment.group.application.place[1]
        self._rights = Rights(gateway, clock, self._role_arn, deployment.id, region)
        self._watch = AlarmWatch(deployment.alarms, self._role_arn)
        #: Held for a step: it calls other services. `_mail` is for what comes in between.
        self._working = threading.Lock()
        self._mail = threading.Lock()
        self._over = threading.Event()
        self._stop: tuple[bool | None] | None = None
        self._answers: dict[str, bool] = {}
        self._timer: Timer | None = None
        self._alias: MovedAlias | None = None
        self._at_work = False
        self._shifts: tuple[Shift, ...] = schedule(deployment.config.routing)
        self._first_shift = 0.0
        self._done = 0
        self._hook_ends: float | None = None

    # -- from outside ------------------------------------------------------------------------------------------

    def begin(self) -> None:
        self._wake()

    def stop(self, rollback: bool | None) -> bool:
        """Ask it to stop, and say whether to roll back (None: as its settings are). False if it has ended."""
        with self._mail:
            if self._over.is_set():
                return False
            if self._stop is None:
                self._stop = (rollback,)
        self._wake()
        return True

    def answer(self, execution_id: str, succeeded: bool) -> bool | None:
        """Take a hook's answer. None if no hook has this id, False if there is nothing to answer (any more)."""
        event = next((each for each in self.deployment.events if each.execution_id == execution_id), None)
        if event is None:
            return None
        with self._mail:
            if event.status != "InProgress" or execution_id in self._answers:
                return False
            self._answers[execution_id] = succeeded
        self._wake()
        return True

    def alarm_changed(self, name: str) -> None:
        """Look at the alarms at once, if an alarm of this name is among them."""
        if name in self._watch.names:
            self._wake()

    def close(self) -> None:
        """Do no further step, and let the one that is under way end without a word."""
        with self._mail:
            self._over.set()

    def _wake(self) -> None:
        self._clock.at(self._clock.now(), self._step)

    # -- one step ----------------------------------------------------------------------------------------------

    def _step(self) -> None:
        with self._working:
            if self._over.is_set():
                return
            failure: DeploymentFailure | None = None
            try:
                if not self._go_on():
                    self._plan()
                    return
            except DeploymentFailure as found:
                failure = found
            except AwsError as error:
                # The role has gone since the last step.
                failure = failures.role_missing(self.deployment.group.name)
                log.info("%s: %s", self.deployment.id, error)
            except Exception as error:
                if self._over.is_set():
                    return
                log.exception("%s failed", self.deployment.id)
                failure = DeploymentFailure("INTERNAL_ERROR", f"coldstart failed ({type(error).__name__}: {error})")
            self._end(failure)

    def _go_on(self) -> bool:
        """Do what is to be done now; whether that was all. DeploymentFailure if something stands against it."""
        with self._mail:
            if self._stop is not None:
                raise failures.stopped_by_request()
        if self._alias is None:
            self._start()
        assert self._alias is not None
        self._watch.look(self._rights)
        return self._checked("BeforeAllowTraffic") and self._shifted(self._alias) and self._checked("AfterAllowTraffic")

    def _plan(self) -> None:
        """Set the timer for the next step."""
        due = []
        if self._watch.names:
            due.append(alarm_watch.next_look(self._clock.now()))
        if self._hook_ends is not None:
            due.append(self._hook_ends)
        elif 0 < self._done < len(self._shifts):
            due.append(self._first_shift + self._shifts[self._done].seconds)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.at(min(due), self._step)

    def _start(self) -> None:
        deployment = self.deployment
        group = deployment.group
        notices.tell(deployment, "Created", self._rights)
        deployment.started = self._clock.datetime()
        deployment.status = "InProgress"
        deployment.target_status = "InProgress"
        notices.tell(deployment, "InProgress", self._rights)
        if deployment.undoes is None and group.application.groups.get(group.name) is not group:
            raise failures.group_missing(group.name)
        if not self._rights.there():
            raise failures.role_missing(group.name)
        spec = deployment.spec or read_spec(deployment.revision, self._rights, self._role_arn)
        deployment.spec = spec
        alias = MovedAlias(spec, self._rights, self._role_arn)
        if deployment.undoes is None:
            # A rollback takes the alias wherever it is.
            alias.expect(0.0)
        self._alias = alias
        self._at_work = True

    # -- hooks -------------------------------------------------------------------------------------------------

    def _checked(self, name: str) -> bool:
        """Whether a lifecycle event that a hook may check is through."""
        event = self.deployment.event(name)
        if event.status == "Succeeded":
            return True
        assert self.deployment.spec is not None
        hook = self.deployment.spec.hooks.get(name)
        if event.status == "Pending":
            self._enter(event)
            if hook is not None:
                self._invoke(event, hook)
        if hook is not None:
            with self._mail:
                succeeded = self._answers.get(event.execution_id or "")
            if succeeded is None:
                if self._hook_ends is not None and self._clock.now() >= self._hook_ends:
                    raise failures.hook_silent()
                return False
            self._hook_ends = None
            if not succeeded:
                raise failures.hook_failed(f"The function {hook} reported Failed")
        self._leave(event)
        return True

    def _invoke(self, event: LifecycleEvent, hook: str) -> None:
        """Invoke a hook; whether it fails in itself makes no difference, what counts is that it answers."""
        event.execution_id = _execution_id()
        self._hook_ends = self._clock.now() + HOOK_SECONDS
        payload = {"DeploymentId": self.deployment.id, "LifecycleEventHookExecutionId": event.execution_id}
        try:
            self._rights.client("lambda").invoke(
                FunctionName=hook, InvocationType="Event", Payload=json.dumps(payload).encode()
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in failures.DENIED:
                raise failures.role_permissions(self._role_arn, "AWSLambda") from error
            raise failures.hook_failed(str(error.response["Error"].get("Message"))) from error
        except ParamValidationError as error:
            raise failures.hook_failed(str(error)) from error

    # -- traffic -----------------------------------------------------------------------------------------------

    def _shifted(self, alias: MovedAlias) -> bool:
        """Whether all of the traffic is with the new version."""
        event = self.deployment.event("AllowTraffic")
        if event.status == "Succeeded":
            return True
        if event.status == "Pending":
            self._enter(event)
            self._first_shift = self._clock.now()
        while self._done < len(self._shifts):
            shift = self._shifts[self._done]
            if self._done and self._first_shift + shift.seconds > self._clock.now():
                return False
            if self.deployment.undoes is None:
                alias.shift(shift.weight, alias.expect(self.deployment.weight))
            else:
                alias.shift(shift.weight)
            self._done += 1
            self.deployment.weight = shift.weight
            self.deployment.updated = self._clock.datetime()
        self._leave(event)
        return True

    # -- lifecycle ---------------------------------------------------------------------------------------------

    def _enter(self, event: LifecycleEvent) -> None:
        event.started = self.deployment.updated = self._clock.datetime()
        event.status = "InProgress"

    def _leave(self, event: LifecycleEvent) -> None:
        event.ended = self.deployment.updated = self._clock.datetime()
        event.status = "Succeeded"

    def _end(self, failure: DeploymentFailure | None) -> None:
        deployment = self.deployment
        now = self._clock.datetime()
        for event in deployment.events:
            if event.status == "InProgress":
                event.status, event.ended = "Failed", now
                event.error = (failure.diagnostics or failure.message) if failure is not None else None
            elif event.status == "Pending":
                event.status = "Skipped"
        deployment.started = deployment.started or now
        deployment.target_status = "Succeeded" if failure is None else "Failed"
        deployment.updated = now
        if self._timer is not None:
            self._timer.cancel()
        with self._mail:
            self._over.set()
            rollback = self._stop[0] if self._stop is not None else None
        follow_up = self._settle(deployment, Outcome(failure, self._at_work, rollback))
        notices.tell(deployment, deployment.status, self._rights)
        follow_up()


def _execution_id() -> str:
    """What a hook has to answer with: sealed, and of no meaning to anybody else."""
    sealed = {
        "encryptedData": base64.b64encode(secrets.token_bytes(96)).decode(),
        "ivParameterSpec": base64.b64encode(secrets.token_bytes(12)).decode(),
        "materialSetSerial": 1,
    }
    return base64.b64encode(json.dumps(sealed, separators=(",", ":")).encode()).decode()
