"""How a front door invokes a function: judged by the function's resource policy, for a limited time.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-control-access-using-iam-policies-to-invoke-api.html
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sandbox.clock import Clock
from sandbox.compute.contract import InvocationResult
from sandbox.compute.errors import too_large
from sandbox.compute.invocations import MAX_SYNCHRONOUS_BYTES, Outcome
from sandbox.gateway.call import AwsError, Principal

log = logging.getLogger(__name__)

API_GATEWAY = "apigateway.amazonaws.com"
INVOKE = "lambda:InvokeFunction"

_FUNCTION = re.compile(
    r"(?:arn:[a-z-]+:apigateway:[a-z0-9-]+:lambda:path/2015-03-31/functions/)?"
    r"(?P<arn>arn:[a-z-]+:lambda:[a-z0-9-]+:\d{12}:function:[a-zA-Z0-9-_]+(?::(?:\$LATEST|[a-zA-Z0-9-_]+))?)"
    r"(?:/invocations)?"
)
_VARIABLE = re.compile(r"\$\{stageVariables\.([A-Za-z0-9_]+)\}")


class Compute(Protocol):
    """What the endpoints need of Lambda."""

    def invoke_internal(
        self,
        function: str,
        payload: bytes,
        *,
        account: str,
        region: str,
        request_id: str | None = None,
        synchronous: bool = True,
        trace: str = "",
    ) -> Outcome | None: ...

    def timeout_of(self, arn: str) -> int:
        """The function's time-out in seconds; AwsError if there is no such function."""
        ...


class Judge(Protocol):
    """Decides what comes through the front doors."""

    def allows(self, principal: Principal, action: str, resource: str, context: Mapping[str, Any]) -> bool: ...
    def session(self, role_arn: str, service: str) -> Principal | None:
        """The service as a session of a role; None if there is no such role, or it does not trust the service."""
        ...


class NotPermitted(Exception):
    """The function's policy does not let the front door invoke it. The text names the function."""


class Rejected(Exception):
    """Lambda refused the invocation: throttled, no such function. Carries Lambda's error."""

    def __init__(self, error: AwsError) -> None:
        super().__init__(str(error))
        self.error = error


class Late(Exception):
    """The function took longer than the front door waits. It goes on, and nobody hears its answer."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who invokes: the ARN in whose name (aws:SourceArn), its account, and the role that it takes, if any.

    `caller` is there where the function is invoked with the client's own rights.
    """

    source_arn: str
    account: str
    role_arn: str | None = None
    caller: Principal | None = None


class Functions:
    """Invokes functions for the endpoints."""

    def __init__(self, clock: Clock, compute: Compute, judge: Judge) -> None:
        self._clock = clock
        self._compute = compute
        self._judge = judge

    def invoke(self, arn: str, event: Any, asker: Asker, limit: float, *, trace: str = "") -> InvocationResult:
        """The outcome of a synchronous invocation; NotPermitted, Rejected, or Late after `limit` seconds."""
        if not self._may(arn, asker):
            raise NotPermitted(f"{asker.source_arn} may not invoke {arn}")
        return self.run(arn, event, limit, trace=trace).result

    def run(self, arn: str, event: Any, limit: float | None, *, trace: str = "") -> Outcome:
        """The same for one who may: that has been decided. Without a limit the function's own time-out is all."""
        payload = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
        if len(payload) > MAX_SYNCHRONOUS_BYTES:
            raise Rejected(too_large(MAX_SYNCHRONOUS_BYTES, "InvokeFunction"))
        parts = arn.split(":")

        def invoke() -> Outcome:
            try:
                outcome = self._compute.invoke_internal(arn, payload, account=parts[4], region=parts[3], trace=trace)
            except AwsError as error:
                raise Rejected(error) from error
            assert outcome is not None
            return outcome

        try:
            # An Init before the invocation has its own ten seconds.
            if limit is None or self._compute.timeout_of(arn) + 10 <= limit:
                return invoke()
        except AwsError as error:
            raise Rejected(error) from error
        return _within(self._clock, limit, invoke)

    def _may(self, arn: str, asker: Asker) -> bool:
        context = {"aws:SourceArn": asker.source_arn, "aws:SourceAccount": asker.account}
        if asker.caller is not None:
            return self._judge.allows(asker.caller, INVOKE, arn, {})
        if asker.role_arn is not None:
            session = self._judge.session(asker.role_arn, API_GATEWAY)
            return session is not None and self._judge.allows(session, INVOKE, arn, {})
        service = Principal(account="", arn=API_GATEWAY, user_id=API_GATEWAY, kind="AWSService")
        return self._judge.allows(service, INVOKE, arn, context)


def _within(clock: Clock, limit: float, run: Callable[[], Outcome]) -> Outcome:
    """What `run` gives within `limit` seconds of sandbox time; else Late, and it goes on by itself."""
    ended = threading.Event()
    given: list[Outcome] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            given.append(run())
        except BaseException as error:
            if not isinstance(error, Rejected):
                log.exception("a function could not be invoked")
            failed.append(error)
        finally:
            ended.set()

    timer = clock.after(limit, ended.set)
    threading.Thread(target=work, name="endpoint", daemon=True).start()
    ended.wait()
    timer.cancel()
    if failed:
        raise failed[0]
    if not given:
        raise Late
    return given[0]


def function_of(uri: str, variables: Mapping[str, str] | None = None) -> str | None:
    """The function's ARN in an integration's or authorizer's URI, stage variables filled in; None if it names none.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/aws-api-gateway-stage-variables-reference.html
    """
    filled = _VARIABLE.sub(lambda match: (variables or {}).get(str(match[1]), ""), uri)
    found = _FUNCTION.fullmatch(filled)
    return found["arn"] if found is not None else None


def filled(text: str, variables: Mapping[str, str]) -> str:
    """A text with its `${stageVariables.name}` filled in."""
    return _VARIABLE.sub(lambda match: variables.get(str(match[1]), ""), text)
