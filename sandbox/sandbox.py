"""One sandbox: its clock, its endpoint, and the services behind it, put together."""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
from pathlib import Path

from sandbox.authorisation.analyzer import AccessAnalyzer
from sandbox.authorisation.authoriser import Authoriser
from sandbox.authorisation.cloud_state import CloudState
from sandbox.authorisation.deliveries import Deliveries
from sandbox.authorisation.documents import check_documents
from sandbox.authorisation.entrances import Entrances
from sandbox.authorisation.iam import Iam
from sandbox.authorisation.in_force import PoliciesInForce
from sandbox.authorisation.last_accessed import LastAccessed
from sandbox.authorisation.public_access import check_public_access
from sandbox.authorisation.simulation import Simulation
from sandbox.authorisation.usage import Usage
from sandbox.clock import Clock
from sandbox.compute import service
from sandbox.compute.host import EnvironmentHost
from sandbox.compute.log_delivery import LogDelivery
from sandbox.compute.service import LambdaService
from sandbox.delivery.service import CodeDeploy
from sandbox.endpoints import endpoints
from sandbox.endpoints.endpoints import Endpoints
from sandbox.events.service import EventBridge
from sandbox.gateway import moto_cognito, pipeline
from sandbox.gateway.pipeline import Gateway
from sandbox.state_machines import StateMachines
from sandbox.telemetry.alarms import Alarms
from sandbox.telemetry.cloudwatch import CloudWatch
from sandbox.telemetry.logs import Logs
from sandbox.telemetry.metrics import Metrics
from sandbox.templates.stacks.service import CloudFormation

log = logging.getLogger(__name__)

#: The folder of a sandbox begins with this.
ROOT_PREFIX = "coldstart-"


def preload() -> None:
    """Load what sandboxes use, before the first of them (or before forking). Starts no thread."""
    pipeline.preload()
    service.preload()
    endpoints.preload()


class Sandbox:
    """A whole cloud in this process. A process has one at a time.

    `control=False` closes the calls below `/_sandbox`, and `speedup` lets sandbox time run that many times as fast
    as the wall: together they stand in for an account, where time can only be waited for. `root` is the folder that
    all its files go to (a temporary one by default); `close` removes it.
    """

    def __init__(
        self, *, seed: int = 0, control: bool = True, speedup: float | None = None, root: Path | None = None
    ) -> None:
        self.root = root or Path(tempfile.mkdtemp(prefix=ROOT_PREFIX))
        self.clock = Clock(rate=speedup or 1.0, folder=self.root)
        self.gateway = Gateway(self.clock, seed=seed, control=control)
        self.metrics = Metrics(self.clock)
        self.logs = Logs(self.clock, self.metrics)
        self.host = EnvironmentHost(self.clock, LogDelivery(self.logs, self.gateway.permits), self.root)
        self.compute = LambdaService(self.clock, self.gateway, self.metrics, self.host, self.root, seed=seed)
        self.alarms = Alarms(
            self.clock, self.metrics, lambda service, region: self.gateway.client(service, region=region)
        )
        self.cloudwatch = CloudWatch(self.clock, self.metrics, self.alarms)
        for part in (self.cloudwatch, self.logs, self.compute):
            self.gateway.add(part)
        self._authorise_calls()

    def serve(self, port: int = 0) -> str:
        """Answer on 127.0.0.1 (any free port for 0); the endpoint's URL. OSError if the port is taken."""
        endpoint = self.gateway.serve(port)
        # Beside answering: what starts execution environments is a process of its own, and not there at once.
        threading.Thread(target=self._prepare_host, name="host", daemon=True).start()
        return endpoint

    def _authorise_calls(self) -> None:
        organization = self.gateway.organization
        usage = Usage()
        in_force = PoliciesInForce(
            organization,
            policies={
                "lambda": self.compute.policy_of,
                "execute-api": lambda arn: self.endpoints.policy_of(arn),
                "logs": self.logs.policy_of,
            },
            tags={
                "lambda": self.compute.tags_of,
                "logs": self.logs.tags_of,
                "cloudwatch": self.cloudwatch.tags_of,
                "apigateway": lambda arn: self.endpoints.tags_of(arn),
                "cloudformation": lambda arn: self.stacks.tags_of(arn),
                "codedeploy": lambda arn: self.delivery.tags_of(arn),
            },
        )
        self.delivery = CodeDeploy(self.clock, self.gateway, seed=self.gateway.seed)
        self.stacks = CloudFormation(self.clock, self.gateway, self.delivery.deployments.when_finished)
        state = CloudState(
            organization, self.compute.mapped_function, self.stacks.arn_of, self.delivery.deployments.group_arn
        )
        deliveries = Deliveries(self.clock, in_force, organization)
        self.gateway.authoriser = Authoriser(
            self.clock, in_force, state, usage, platform=pipeline.PLATFORM, refusal=self.gateway.refusal
        )
        self.gateway.before_answer(check_documents)
        self.gateway.before_answer(check_public_access)
        self.gateway.before_answer(deliveries.check)
        self.gateway.judge_deliveries(deliveries.allows)
        self.gateway.deliver_to(self.compute)
        self.machines = StateMachines(self.clock, self.gateway, self.logs)
        self.events = EventBridge(
            self.clock,
            self.compute,
            self.logs,
            self.metrics,
            lambda service, region: self.gateway.client(service, region=region),
            deliveries.allows,
            start_execution=self.machines.start,
            resolve=lambda url: self.endpoints.resolve(url),
        )
        self.gateway.add(self.events)
        self.gateway.announce_by(self.events.send)
        entrances = Entrances(self.clock, in_force, usage, self.gateway.role_trusts)
        self.endpoints = Endpoints(
            self.clock,
            self.compute,
            self.logs,
            self.metrics,
            entrances,
            self.gateway.find_key,
            lambda issuer: self.gateway.issuer.keys(issuer) or moto_cognito.keys(issuer),
        )
        for part in self.endpoints.services:
            self.gateway.add(part)
        self.gateway.resolve_by(self.endpoints.resolve)
        self.gateway.add(self.stacks)
        self.gateway.add(self.delivery)
        self.alarms.on_transition(lambda change: self.delivery.deployments.alarm_changed(*change.alarm.place))
        self.gateway.add(Iam(Simulation(organization), LastAccessed(self.clock, usage)))
        self.gateway.add(AccessAnalyzer(self.clock, usage, self.gateway.role_trusts))

    def _prepare_host(self) -> None:
        try:
            self.host.prepare()
        except Exception:
            log.warning("functions can't be started ahead of the first one", exc_info=True)

    def close(self) -> None:
        """Stop answering, end every process that functions started, and remove the files."""
        self.stacks.close()
        self.delivery.close()
        self.machines.close()
        self.gateway.close()
        self.endpoints.close()
        self.alarms.close()
        self.events.close()
        self.compute.close()
        self.host.close()
        self.clock.close()
        shutil.rmtree(self.root, ignore_errors=True)
