"""The credentials of execution roles, as environments and pollers use them: sessions, renewed well before they end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from sandbox.clock import Clock
from sandbox.gateway.call import AwsError

#: A session's length in seconds, and how much of it an environment must have ahead of it when it starts: an
#: environment lives two hours at most (pool.py), its last invocation up to 15 minutes more.
SESSION_SECONDS = 6 * 3600
NEEDED_SECONDS = 3 * 3600

#: (role ARN, session name, seconds) to AWS_* variables: Gateway.issue_session.
Issue = Callable[[str, str, int], Mapping[str, str]]
#: (access key id, action, resource ARN) to whether that key's principal may: Gateway.permits.
May = Callable[[str, str, str], bool]


class RoleCredentials:
    """One session for each role and function, shared by its environments."""

    def __init__(self, clock: Clock, issue: Issue) -> None:
        self._clock = clock
        self._issue = issue
        self._lock = threading.Lock()
        self._sessions: dict[tuple[str, str], tuple[float, Mapping[str, str]]] = {}

    def of(self, role: str, function: str) -> Mapping[str, str]:
        """AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; AwsError if there is no such role now."""
        key = (role, function)
        with self._lock:
            known = self._sessions.get(key)
        if known is not None and known[0] - self._clock.now() > NEEDED_SECONDS:
            return known[1]
        try:
            issued = self._issue(role, function, SESSION_SECONDS)
        except AwsError as gone:
            message = "The role defined for the function cannot be assumed by Lambda."
            raise AwsError("AccessDeniedException", message, 403) from gone
        with self._lock:
            self._sessions[key] = (self._clock.now() + SESSION_SECONDS, issued)
        return issued

    def forget(self, function: str) -> None:
        """Drop a deleted function's sessions: its next namesake gets sessions of the role as it is then."""
        with self._lock:
            for key in [key for key in self._sessions if key[1] == function]:
                del self._sessions[key]
