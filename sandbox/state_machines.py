"""What state machines run on: sandbox time, the rights of their roles, and their log groups.

https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from sandbox.clock import Clock
from sandbox.gateway import moto_stepfunctions
from sandbox.gateway.call import AwsError
from sandbox.gateway.pipeline import Gateway
from sandbox.telemetry.logs import Logs
from sandbox.waiting import Waiting

_SERVICE = "states.amazonaws.com"
_SESSION_SECONDS = 3600
#: A session is used no longer than this: whoever gets it may hold it a while.
_RENEW_SECONDS = 1800
_GROUP = re.compile(r"arn:[a-z-]+:logs:([a-z0-9-]+):(\d{12}):log-group:([^:]+)(?::\*)?")


class StateMachines:
    """The surroundings of all executions of a sandbox. `close` ends those that wait."""

    def __init__(self, clock: Clock, gateway: Gateway, logs: Logs) -> None:
        self.waiting = Waiting(clock)
        self._clock = clock
        self._gateway = gateway
        self._logs = logs
        self._sessions: dict[str, tuple[float, Mapping[str, str]]] = {}
        self._lock = threading.Lock()
        moto_stepfunctions.run_by(self)

    def close(self) -> None:
        self.waiting.close()
        moto_stepfunctions.run_by(None)

    def start(self, machine_arn: str, name: str, given: str) -> None:
        """Starts an execution for a service that has been found to have the right. AwsError if it does not start.

        `given` is the input, a JSON text.
        """
        states = self._gateway.client("stepfunctions", region=machine_arn.split(":")[3])
        try:
            states.start_execution(stateMachineArn=machine_arn, name=name, input=given)
        except ClientError as error:
            told = error.response["Error"]
            raise AwsError(str(told.get("Code", "")), str(told.get("Message", ""))) from error

    def now(self) -> float:
        return self._clock.now()

    def client(self, service: str, region: str, role_arn: str) -> Any:
        """Without retries of its own: a machine says itself what is tried again."""
        if not self.assumes(role_arn, region):
            message = f"User: {_SERVICE} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
            error = {"Error": {"Code": "AccessDeniedException", "Message": message}}
            metadata = {"ResponseMetadata": {"HTTPStatusCode": 403, "RequestId": "", "HTTPHeaders": {}}}
            raise ClientError({**error, **metadata}, "AssumeRole")
        return self._gateway.client(service, self._session(role_arn), region, attempts=1)

    def _session(self, role_arn: str) -> Mapping[str, str]:
        with self._lock:
            kept = self._sessions.get(role_arn)
            if kept is None or kept[0] < self.now():
                variables = self._gateway.issue_session(role_arn, "StepFunctions", _SESSION_SECONDS)
                kept = self._sessions[role_arn] = (self.now() + _RENEW_SECONDS, variables)
            return kept[1]

    def assumes(self, role_arn: str, region: str) -> bool:
        """A role may trust the service everywhere, or in the Region of the machine alone."""
        regional = _SERVICE.replace("states.", f"states.{region}.")
        return any(self._gateway.role_trusts(role_arn, each) for each in (_SERVICE, regional))

    def may_log(self, role_arn: str) -> bool:
        key = self._session(role_arn)["AWS_ACCESS_KEY_ID"]
        return self._gateway.permits(key, "logs:CreateLogDelivery", "*")

    def log(self, group_arn: str, stream: str, time_ms: int, message: str) -> None:
        found = _GROUP.fullmatch(group_arn)
        if found is not None:
            region, account, group = found.groups()
            self._logs.put(group, stream, [(time_ms, message)], account=account, region=region)
