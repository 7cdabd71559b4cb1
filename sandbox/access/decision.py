"""What comes out: a decision, and, when asked, why: every policy, every statement, and which one decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sandbox.access.policy import Policy, Statement
from sandbox.access.request import Request

PolicyKind = Literal["identity", "resource", "boundary", "session", "service-control", "resource-control"]

#: Why a request is allowed or denied. `explicit` is a Deny statement that matched; the others say which kind of policy
#: did not allow.
Reason = Literal[
    "allowed", "explicit", "identity", "resource", "boundary", "session", "service-control", "resource-control"
]


@dataclass(frozen=True, slots=True)
class Source:
    """A policy where it is attached: what kind, its name or ARN, and to what (`role/orders`, `group/devs`, an ARN)."""

    kind: PolicyKind
    name: str
    policy: Policy
    attached_to: str = ""


@dataclass(frozen=True, slots=True)
class Policies:
    """All policies that bear on one request.

    None for `boundary`, `session` or `resource` means that there is none (an empty `session` would allow nothing).
    `service_controls` and `resource_controls` have one member for each level from the organization's root to the
    account: the policies attached there, of which one must allow. They are empty where such policies don't apply (no
    organization; the management account; a service-linked role).
    `resource_decides` is true for key policies and role trust policies: without their allow nothing is allowed, and
    an identity-based policy counts only if they name the account.
    """

    identity: Sequence[Source] = ()
    resource: Source | None = None
    boundary: Source | None = None
    session: Sequence[Source] | None = None
    service_controls: Sequence[Sequence[Source]] = ()
    resource_controls: Sequence[Sequence[Source]] = ()
    resource_decides: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """Allowed or not. `by` is the source that decided (a matching Deny; the Allow that sufficed), where one did."""

    allowed: bool
    reason: Reason
    request: Request
    by: Source | None = None
    statement: Statement | None = None
    #: Whether principal and resource are of different accounts.
    cross_account: bool = False


#: The element of a statement that kept it from applying.
Element = Literal["Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition"]


@dataclass(frozen=True, slots=True)
class ConditionReport:
    """One operator and key of a Condition block: what the policy wants, what the request had (None: no such key)."""

    operator: str
    key: str
    wanted: tuple[str, ...]
    had: tuple[str, ...] | None
    met: bool


@dataclass(frozen=True, slots=True)
class StatementReport:
    """Whether a statement applied to the request, and, if not, the first element that did not fit, in a sentence."""

    source: Source
    statement: Statement
    index: int
    applies: bool
    failed: Element | None
    why: str
    conditions: tuple[ConditionReport, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision with the whole way to it, in the order in which AWS looks."""

    decision: Decision
    statements: tuple[StatementReport, ...]
    #: One sentence in the words of a denial (or "Allowed by ...").
    sentence: str
