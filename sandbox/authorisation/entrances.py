"""What comes in through front doors: a client who calls an API or a function URL, a front door that invokes a function.

Decided by the policies in force like any call; AWS counts them as uses of the same actions.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-control-access-using-iam-policies-to-invoke-api.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sandbox.access import Context, Request, Values, decide
from sandbox.authorisation.in_force import PoliciesInForce
from sandbox.authorisation.need import Need
from sandbox.authorisation.usage import Usage
from sandbox.clock import Clock
from sandbox.gateway import moto_adapter
from sandbox.gateway.call import Principal


class Entrances:
    """Judges what comes in. `role_trusts` tells whether a role may be taken by a service."""

    def __init__(
        self, clock: Clock, in_force: PoliciesInForce, usage: Usage, role_trusts: Callable[[str, str], bool]
    ) -> None:
        self._clock = clock
        self._in_force = in_force
        self._usage = usage
        self._role_trusts = role_trusts

    def allows(self, principal: Principal, action: str, resource: str, context: Mapping[str, Values]) -> bool:
        """Whether a principal may; `context` are the keys that the request brings."""
        now = self._clock.datetime()
        need = Need(action, resource)
        keys: dict[str, Values] = {
            "aws:CurrentTime": now,
            "aws:EpochTime": int(now.timestamp()),
            "aws:SecureTransport": True,
            "aws:ViaAWSService": False,
            **self._in_force.principal_context(principal),
            **self._in_force.resource_context(need),
            **context,
        }
        asker = self._in_force.caller(principal)
        decision = decide(Request(asker, action, resource, Context(keys)), self._in_force.policies(principal, need))
        if principal.kind not in ("AWSService", "Anonymous"):
            region = resource.split(":")[3]
            if decision.allowed:
                self._usage.record(principal, need, now.timestamp(), region)
            else:
                self._usage.denied(principal, need, now.timestamp(), region, decision)
        return decision.allowed

    def session(self, role_arn: str, service: str) -> Principal | None:
        """A service (`apigateway.amazonaws.com`) as a session of a role; None where it can't take the role."""
        role = moto_adapter.find_role(role_arn)
        if role is None or not self._role_trusts(role_arn, service):
            return None
        account, name = role_arn.split(":")[4], service.partition(".")[0]
        return Principal(
            account=account,
            arn=f"arn:aws:sts::{account}:assumed-role/{role.name}/{name}",
            user_id=f"{role.role_id}:{name}",
            kind="AssumedRole",
            role_arn=role_arn,
        )
