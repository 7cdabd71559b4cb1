"""What was used: which principal was allowed which action on which resource, how often and when; denials apart.

Fed by the authoriser with every need of every call, so it knows what CloudTrail's event history leaves out: data
events (items, objects, messages, invocations) and iam:PassRole.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sandbox.access.decision import Decision
from sandbox.authorisation.need import Need
from sandbox.gateway.call import Principal

#: Uses are counted in windows of so many seconds of sandbox time.
WINDOW_SECONDS = 60.0
#: So many windows of uses are kept (one for each principal, action, resource and minute), about 10 MB; then the oldest
#: go, and `complete_since` says from when on the record is whole.
MAX_WINDOWS = 20_000
#: So many denials are kept, the newest.
MAX_DENIALS = 1_000
#: Of so many access keys the last use is kept.
MAX_KEYS = 1_000
#: A longer resource name is cut: ARNs have no more characters in policies.
_MAX_RESOURCE = 2_048


@dataclass(frozen=True, slots=True)
class Used:
    """An action on a resource that a principal was allowed. Times are Unix seconds of sandbox time.

    `principal` is the ARN of the user or role (a session counts for its role). `context` are values that went with
    the use and of which a tight policy makes conditions (iam:PassedToService); uses with other values are others.
    """

    principal: str
    action: str
    resource: str
    count: int
    first: float
    last: float
    region: str = ""
    context: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Denied:
    """One denial. `caller` is the ARN that called, `principal` the user or role behind it; `time` in Unix seconds."""

    principal: str
    caller: str
    need: Need
    time: float
    region: str = ""
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class KeyUse:
    """The last use of an access key: when (Unix seconds), of which service (its prefix in actions), where."""

    time: float
    service: str
    region: str


class _Window:
    """The uses of one action on one resource by one principal in one window."""

    __slots__ = ("count", "first", "last", "region")

    def __init__(self, time: float, region: str) -> None:
        self.count = 1
        self.first = self.last = time
        self.region = region


#: Principal, action, resource, context, number of the window.
_Key = tuple[str, str, str, tuple[tuple[str, str], ...], int]

#: Context values that are kept with a use: of these a tight policy makes conditions.
_KEPT_CONTEXT = ("iam:PassedToService",)


class Usage:
    """The record of what was used. Bounded in memory, safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._windows: OrderedDict[_Key, _Window] = OrderedDict()
        self._denials: deque[Denied] = deque(maxlen=MAX_DENIALS)
        self._keys: OrderedDict[str, KeyUse] = OrderedDict()
        self._complete_since = 0.0

    # -- for the authoriser ----------------------------------------------------------------------------

    def record(self, principal: Principal, need: Need, time: float, region: str = "") -> None:
        """Note that `principal` was allowed `need` at `time` (Unix seconds of sandbox time)."""
        key = (
            behind(principal),
            need.action,
            need.resource[:_MAX_RESOURCE],
            _kept(need.context) if need.context else (),
            int(time // WINDOW_SECONDS),
        )
        with self._lock:
            window = self._windows.get(key)
            if window is None:
                self._windows[key] = _Window(time, region)
                while len(self._windows) > MAX_WINDOWS:
                    self._drop_oldest()
            else:
                window.count += 1
                window.last = max(window.last, time)
                window.first = min(window.first, time)
                window.region = region or window.region
            self._touch(principal, need, time, region)

    def denied(
        self, principal: Principal, need: Need, time: float, region: str = "", decision: Decision | None = None
    ) -> None:
        """Note that `principal` was denied `need`."""
        with self._lock:
            self._denials.append(Denied(behind(principal), principal.arn, need, time, region, decision))
            self._touch(principal, need, time, region)

    def _touch(self, principal: Principal, need: Need, time: float, region: str) -> None:
        if principal.kind != "IAMUser" or principal.access_key is None or principal.session_expires is not None:
            return
        self._keys[principal.access_key] = KeyUse(time, need.action.partition(":")[0], region)
        self._keys.move_to_end(principal.access_key)
        if len(self._keys) > MAX_KEYS:
            self._keys.popitem(last=False)

    def _drop_oldest(self) -> None:
        _, window = self._windows.popitem(last=False)
        self._complete_since = max(self._complete_since, window.last)

    # -- reading ---------------------------------------------------------------------------------------

    @property
    def complete_since(self) -> float:
        """Uses after this time (Unix seconds) are all there; earlier ones may have been dropped. 0: none were."""
        return self._complete_since

    def uses(self, principal: str, since: float | None = None, until: float | None = None) -> tuple[Used, ...]:
        """What the user or role with this ARN was allowed in a time, both ends included; by action and resource.

        Whether something was used in the time is exact, unless the time lies within one window (a minute); counts are
        those of the windows that the time touches.
        """
        merged: dict[tuple[str, str, tuple[tuple[str, str], ...]], Used] = {}
        for (_, action, resource, context, _), window in self._of(principal):
            if (since is not None and window.last < since) or (until is not None and window.first > until):
                continue
            key = (action, resource, context)
            known = merged.get(key)
            if known is None:
                merged[key] = Used(
                    principal, action, resource, window.count, window.first, window.last, window.region, context
                )
            else:
                merged[key] = replace(
                    known,
                    count=known.count + window.count,
                    first=min(known.first, window.first),
                    last=max(known.last, window.last),
                    region=window.region or known.region,
                )
        return tuple(merged[key] for key in sorted(merged))

    def denials(self, principal: str | None = None, since: float | None = None) -> tuple[Denied, ...]:
        """The newest denials, oldest first; of one user or role if its ARN is given."""
        with self._lock:
            kept = tuple(self._denials)
        return tuple(
            each
            for each in kept
            if (principal is None or each.principal == principal) and (since is None or each.time >= since)
        )

    def principals(self) -> tuple[str, ...]:
        """The ARNs of all users and roles of which there are uses."""
        with self._lock:
            return tuple(sorted({key[0] for key in self._windows}))

    def key_use(self, access_key: str) -> KeyUse | None:
        """The last use of a user's access key, allowed or denied; None if there was none."""
        return self._keys.get(access_key)

    def _of(self, principal: str) -> list[tuple[_Key, _Window]]:
        with self._lock:
            return [(key, window) for key, window in self._windows.items() if key[0] == principal]


def behind(principal: Principal) -> str:
    """The ARN of the user or role that a caller acts as: a session's role, else its own."""
    return principal.role_arn or principal.arn


def _kept(context: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    return tuple((name, str(context[name])) for name in _KEPT_CONTEXT if name in context)
