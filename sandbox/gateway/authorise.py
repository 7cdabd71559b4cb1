"""The hook by which a call is allowed or denied, between knowing who calls and answering."""

from __future__ import annotations

from typing import Protocol

from sandbox.gateway.call import Call, Principal


class Authoriser(Protocol):
    """Decides what principals may do."""

    def authorise(self, call: Call) -> None:
        """Return if the call may go on; AwsError (AccessDenied and its like) if not."""
        ...

    def permits(self, principal: Principal, action: str, resource: str) -> bool:
        """Whether `principal` may: for what a service does with a principal's rights without a call of his."""
        ...


class AllowAll:
    """Every identified caller may do everything: a gateway without policies, for tests of what lies behind it."""

    def authorise(self, call: Call) -> None:
        return

    def permits(self, principal: Principal, action: str, resource: str) -> bool:
        return True
