"""The gateway's hook: every call is decided here, by the policies in force when it comes.

A call may need several things (a transaction, iam:PassRole beside lambda:CreateFunction); all must be allowed, and the
first that is not is the one that the error names. Of s3:DeleteObjects each object is decided for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sandbox.access import Context, Request, decide
from sandbox.access.decision import Decision
from sandbox.access.request import Values
from sandbox.authorisation import denials, s3
from sandbox.authorisation.cloud_state import CloudState
from sandbox.authorisation.in_force import PoliciesInForce
from sandbox.authorisation.keys import call_context
from sandbox.authorisation.need import Need, Underivable
from sandbox.authorisation.needs import needs
from sandbox.authorisation.usage import Usage
from sandbox.clock import Clock
from sandbox.gateway.call import DEFAULT_REGION, AwsError, Call, Principal


class Authoriser:
    """Decides calls. `platform` is the ARN of the sandbox itself, which nobody judges.

    `refusal` gives the error for a call that is refused by its name: of such a one nobody need know what it needs.
    """

    def __init__(
        self,
        clock: Clock,
        in_force: PoliciesInForce,
        state: CloudState,
        usage: Usage,
        *,
        platform: str,
        refusal: Callable[[Call], AwsError | None],
    ) -> None:
        self._clock = clock
        self._in_force = in_force
        self._state = state
        self._usage = usage
        self._platform = platform
        self._refusal = refusal

    def authorise(self, call: Call) -> None:
        """Return if the call may go on; AwsError, in the service's own form, if not."""
        principal = call.principal
        if principal.arn == self._platform:
            return
        try:
            wanted = needs(call, self._state)
        except Underivable as unknown:
            raise self._refusal(call) or denials.undecidable(call, unknown) from unknown
        shared = {**call_context(call), **self._in_force.principal_context(principal)}
        now = self._clock.now()
        by_object = (call.service, call.operation) == ("s3", "DeleteObjects")
        refused: list[tuple[Need, str]] = []
        allowed: list[Need] = []
        for need in wanted:
            decision = self._decide(principal, need, shared)
            if decision.allowed:
                allowed.append(need)
            else:
                self._usage.denied(principal, need, now, call.region, decision)
                error = denials.denied(call, decision)
                if not by_object:
                    raise error
                refused.append((need, error.message))
        if refused:
            call.withheld = s3.not_to_delete(call, refused)
        for need in allowed:
            self._usage.record(principal, need, now, call.region)

    def permits(self, principal: Principal, action: str, resource: str) -> bool:
        """Whether `principal` may, for what a service does with his rights (a function's log lines, say).

        `resource` is an ARN, or `*`.
        """
        if principal.arn == self._platform:
            return True
        need = Need(action, resource)
        moment = self._clock.datetime()
        shared: dict[str, Values] = {
            "aws:CurrentTime": moment,
            "aws:EpochTime": int(moment.timestamp()),
            "aws:SecureTransport": True,
            "aws:ViaAWSService": True,
            **self._in_force.principal_context(principal),
        }
        decision = self._decide(principal, need, shared)
        region = resource.split(":")[3] if resource != "*" else DEFAULT_REGION
        if decision.allowed:
            self._usage.record(principal, need, moment.timestamp(), region)
        else:
            self._usage.denied(principal, need, moment.timestamp(), region, decision)
        return decision.allowed

    def _decide(self, principal: Principal, need: Need, shared: Mapping[str, Values]) -> Decision:
        context = Context({**shared, **self._in_force.resource_context(need), **need.context})
        request = Request(self._in_force.caller(principal), need.action, need.resource, context, need.resource_account)
        return decide(request, self._in_force.policies(principal, need))
