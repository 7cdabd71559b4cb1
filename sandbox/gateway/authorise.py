"""The hook by which a call is allowed or denied, between knowing who calls and answering."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.gateway.call import Call

#: Returns if the call may go on, raises AwsError (AccessDenied and its like) if not.
Authoriser = Callable[[Call], None]


def allow_all(call: Call) -> None:
    """Every identified caller may do everything."""
