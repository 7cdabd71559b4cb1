"""The organization: its accounts in their tree, and the policies attached to them, as data.

The default account is the management account, the second a member. Service control policies bind the member accounts'
principals, resource control policies their resources; neither binds the management account.
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html
"""

from __future__ import annotations

import json
import secrets
import string
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sandbox.clock import Clock
from sandbox.gateway.call import DEFAULT_ACCOUNT, MEMBER_ACCOUNT

PolicyType = Literal["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"]
SERVICE_CONTROL: PolicyType = "SERVICE_CONTROL_POLICY"
RESOURCE_CONTROL: PolicyType = "RESOURCE_CONTROL_POLICY"

#: AWS's own policies, attached to everything from the moment their type is enabled.
#: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html
_FULL_ACCESS: dict[PolicyType, tuple[str, str, dict[str, object]]] = {
    SERVICE_CONTROL: ("p-FullAWSAccess", "FullAWSAccess", {"Effect": "Allow", "Action": "*", "Resource": "*"}),
    RESOURCE_CONTROL: (
        "p-RCPFullAWSAccess",
        "RCPFullAWSAccess",
        {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"},
    ),
}
_DESCRIPTIONS = {
    SERVICE_CONTROL: "Allows access to every operation",
    RESOURCE_CONTROL: "Allows access to every resource",
}

#: The role that an account made in the organization begins with, which trusts the management account.
#: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_access.html
ACCESS_ROLE = "OrganizationAccountAccessRole"
ACCESS_ROLE_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{DEFAULT_ACCOUNT}:root"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)

_LETTERS = string.ascii_lowercase + string.digits


@dataclass(slots=True)
class ControlPolicy:
    """A service or resource control policy."""

    id: str
    arn: str
    name: str
    description: str
    type: PolicyType
    document: str
    aws_managed: bool = False
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Node:
    """The root, an organizational unit or an account. `policies` are attached to it, in order."""

    id: str
    arn: str
    name: str
    type: Literal["ROOT", "ORGANIZATIONAL_UNIT", "ACCOUNT"]
    parent: Node | None
    policies: list[ControlPolicy] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    email: str = ""
    joined: datetime | None = None
    joined_method: Literal["INVITED", "CREATED"] = "CREATED"

    @property
    def place(self) -> str:
        """What an attached policy hangs on, as a reader sees it: `root/r-ab12`, `ou/ou-ab12-...`, `account/2109...`."""
        kind = {"ROOT": "root", "ORGANIZATIONAL_UNIT": "ou", "ACCOUNT": "account"}[self.type]
        return f"{kind}/{self.id}"

    def line(self) -> Iterator[Node]:
        """From the root down to this node."""
        if self.parent is not None:
            yield from self.parent.line()
        yield self


@dataclass(frozen=True, slots=True)
class Attached:
    """A control policy where it is attached: its name and ARN, its document, and the place (`Node.place`)."""

    name: str
    arn: str
    document: str
    place: str


Levels = tuple[tuple[Attached, ...], ...]


class Organization:
    """One organization with all features enabled, from the start of a sandbox. Safe to read from any thread.

    What changes it holds `lock`, and calls `changed` afterwards.
    """

    def __init__(self, clock: Clock) -> None:
        self.lock = threading.RLock()
        self.id = "o-" + letters(10)
        self.management = DEFAULT_ACCOUNT
        self.arn = self.arn_of("organization", self.id)
        root = "r-" + letters(4)
        self.root = Node(root, self.arn_of("root", f"{self.id}/{root}"), "Root", "ROOT", None)
        self.nodes: dict[str, Node] = {root: self.root}
        self.policies: dict[str, ControlPolicy] = {}
        self.enabled: list[PolicyType] = []
        self._clock = clock
        self._levels: dict[tuple[str, PolicyType], Levels] = {}
        self.add_account(DEFAULT_ACCOUNT, "management", "management@example.com", "INVITED")
        self.add_account(MEMBER_ACCOUNT, "workloads", "workloads@example.com")
        self.enable(SERVICE_CONTROL)

    # -- what decisions ask ----------------------------------------------------------------------------

    def has(self, account: str) -> bool:
        """Whether an account is in the organization."""
        node = self.nodes.get(account)
        return node is not None and node.type == "ACCOUNT"

    def levels(self, account: str, kind: PolicyType = SERVICE_CONTROL) -> Levels:
        """The control policies of one kind that bind an account: for each level, from the root to the account itself,
        those attached there. Empty for the management account, a stranger, and a kind that is not enabled.
        """
        key = (account, kind)
        known = self._levels.get(key)
        if known is None:
            with self.lock:
                known = self._levels[key] = self._compute(account, kind)
        return known

    def paths(self, account: str) -> tuple[str, ...]:
        """The account's aws:PrincipalOrgPaths: `o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/`; empty for a stranger.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed-view-data-orgs.html#access_policies_last-accessed-viewing-orgs-entity-path
        """
        node = self.nodes.get(account)
        if node is None or node.parent is None:
            return ()
        return ("/".join([self.id, *(each.id for each in node.parent.line())]) + "/",)

    def _compute(self, account: str, kind: PolicyType) -> Levels:
        if account == self.management or kind not in self.enabled or not self.has(account):
            return ()
        return tuple(
            tuple(
                Attached(policy.name, policy.arn, policy.document, node.place)
                for policy in node.policies
                if policy.type == kind
            )
            for node in self.nodes[account].line()
        )

    # -- what changes it -------------------------------------------------------------------------------

    def changed(self) -> None:
        """Forget what was worked out for decisions."""
        self._levels = {}

    def arn_of(self, kind: str, rest: str) -> str:
        return f"arn:aws:organizations::{DEFAULT_ACCOUNT}:{kind}/{rest}"

    def add_account(
        self, account: str, name: str, email: str, method: Literal["INVITED", "CREATED"] = "CREATED"
    ) -> Node:
        """An account below the root."""
        arn = self.arn_of("account", f"{self.id}/{account}")
        node = Node(
            account, arn, name, "ACCOUNT", self.root, email=email, joined=self._clock.datetime(), joined_method=method
        )
        return self._add(node)

    def add_unit(self, parent: Node, name: str) -> Node:
        """An organizational unit below another node."""
        unit = f"ou-{self.root.id[2:]}-{letters(8)}"
        return self._add(Node(unit, self.arn_of("ou", f"{self.id}/{unit}"), name, "ORGANIZATIONAL_UNIT", parent))

    def _add(self, node: Node) -> Node:
        with self.lock:
            self.nodes[node.id] = node
            node.policies += [self.policies[_FULL_ACCESS[kind][0]] for kind in self.enabled]
            self.changed()
        return node

    def add_policy(self, kind: PolicyType, name: str, description: str, document: str) -> ControlPolicy:
        """A policy of a customer, attached to nothing yet."""
        return self._add_policy("p-" + letters(8), kind, name, description, document)

    def _add_policy(
        self, policy_id: str, kind: PolicyType, name: str, description: str, document: str, *, aws: bool = False
    ) -> ControlPolicy:
        arn = (
            f"arn:aws:organizations::aws:policy/{kind.lower()}/{policy_id}"
            if aws
            else self.arn_of("policy", f"{self.id}/{kind.lower()}/{policy_id}")
        )
        policy = self.policies[policy_id] = ControlPolicy(policy_id, arn, name, description, kind, document, aws)
        return policy

    def enable(self, kind: PolicyType) -> None:
        """Let policies of a kind bind; AWS's own, which allows everything, is attached to everything."""
        policy_id, name, statement = _FULL_ACCESS[kind]
        with self.lock:
            if policy_id not in self.policies:
                document = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)
                self._add_policy(policy_id, kind, name, _DESCRIPTIONS[kind], document, aws=True)
            self.enabled.append(kind)
            for node in self.nodes.values():
                node.policies.append(self.policies[policy_id])
            self.changed()

    def disable(self, kind: PolicyType) -> None:
        """Let policies of a kind bind no longer; all of them are detached from everything."""
        with self.lock:
            self.enabled.remove(kind)
            for node in self.nodes.values():
                node.policies = [policy for policy in node.policies if policy.type != kind]
            self.changed()


def letters(count: int) -> str:
    """Random small letters and digits, of which AWS makes ids."""
    return "".join(secrets.choice(_LETTERS) for _ in range(count))
