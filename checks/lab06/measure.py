"""Measures a role's privilege gap: reads its policies from IAM and holds them against the shop's universe of pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from checks.lab06 import reading, shop
from checks.lab06.gap import Gap, Shop, gap, identity, universe
from sandbox.access import Source, parse
from sandbox.views import Picture
from sandbox.views.access import Stage, privilege_gap

if TYPE_CHECKING:
    from sandbox.cloud import Cloud


def names(cloud: Cloud, function: str = shop.ORDERS, role: str = shop.ORDERS_ROLE) -> Shop:
    """The names that this account's universe is about."""
    return Shop(
        account=cloud.account,
        region=cloud.region,
        function=function,
        role=role,
        payment_key_arn=shop.secret_arn(cloud, shop.PAYMENT_KEY),
        salaries_arn=shop.secret_arn(cloud, shop.SALARIES),
        bucket=shop.receipts_bucket(cloud),
        tenant=shop.TENANT,
        other_tenant=shop.OTHER_TENANT,
    )


def gap_of(cloud: Cloud, role: str = shop.ORDERS_ROLE, function: str = shop.ORDERS) -> Gap:
    """The privilege gap of a function's role, by all its policies and its boundary as IAM gives them."""
    policies = reading.policies_of(cloud, role)
    listed = cloud.client("iam").list_role_tags(RoleName=role)["Tags"]
    tags = {one["Key"]: one["Value"] for one in listed}
    return gap(identity(policies.identity, policies.boundary), names(cloud, function, role), tags)


def gap_of_policy(cloud: Cloud, document: Mapping[str, Any] | str) -> Gap:
    """The privilege gap that the orders function's role would have with this policy alone."""
    text = shop.policy_text(cloud, document) if isinstance(document, str) else document
    return gap(identity([Source("identity", "policy", parse(text))]), names(cloud))


def incident_policy() -> str:
    """The policy file of the incident, REGION and ACCOUNT still in it."""
    return shop.INCIDENT.read_text(encoding="utf-8")


def pairs(cloud: Cloud) -> int:
    """How many pairs the universe has."""
    return len(universe(names(cloud)))


def picture(stages: Mapping[str, Gap]) -> Picture:
    """The gap, stage by stage."""
    return privilege_gap([Stage(name, len(one.needed), one.size, len(one.missing)) for name, one in stages.items()])


def described(document: Mapping[str, Any]) -> Iterator[str]:
    """A policy's statements in two lines each: the actions, and the first of the resources."""
    for one in document["Statement"]:
        actions, resources = (
            [named] if isinstance(named, str) else named for named in (one["Action"], one["Resource"])
        )
        more = f", and {len(resources) - 1} more" if len(resources) > 1 else ""
        yield f"{', '.join(actions)}\n    {resources[0]}{more}"


def spoken(pairs: Sequence[object], most: int = 3) -> str:
    """The first few of some pairs, for a sentence."""
    shown = "; ".join(str(one) for one in pairs[:most])
    return f"{shown}; and {len(pairs) - most} more" if len(pairs) > most else shown
