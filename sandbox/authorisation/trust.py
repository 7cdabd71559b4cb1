"""Who may assume a role, by its trust policy alone: for services, and for those who come with a web identity.

What a principal of AWS needs beside it, his own policies, is decided with every other call (authoriser.py).
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_terms-and-concepts.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sandbox.access.decision import Decision, Policies, Source
from sandbox.access.evaluation import decide
from sandbox.access.policy import MalformedPolicy, parse
from sandbox.access.request import Context, Principal, Request, Values
from sandbox.authorisation.organization import Levels
from sandbox.gateway.moto_adapter import Role


def decide_trust(
    role: Role,
    principal: Principal,
    action: str,
    context: Mapping[str, Values],
    resource_controls: Levels = (),
) -> Decision:
    """The decision on one action (`sts:AssumeRole`, `sts:AssumeRoleWithWebIdentity`) of a principal on a role.

    A trust policy that can't be read trusts nobody. `resource_controls` bind the account that has the role.
    """
    account = role.arn.split(":")[4]
    request = Request(principal, action, role.arn, Context(context), account)
    policies = Policies(
        resource=_source(role.trust_policy, role.name),
        resource_decides=True,
        resource_controls=control_sources(resource_controls),
    )
    return decide(request, policies)


def trusts_service(role: Role, service_principal: str, now: datetime, source_arn: str | None = None) -> bool:
    """Whether a role lets a service (lambda.amazonaws.com, say) assume it for its own account."""
    context: dict[str, Values] = {
        "aws:CurrentTime": now,
        "aws:EpochTime": int(now.timestamp()),
        "aws:PrincipalIsAWSService": True,
        "aws:PrincipalServiceName": service_principal,
        "aws:SecureTransport": True,
        "aws:SourceAccount": role.arn.split(":")[4],
    }
    if source_arn is not None:
        context["aws:SourceArn"] = source_arn
    return decide_trust(role, Principal("Service", service_principal), "sts:AssumeRole", context).allowed


def control_sources(levels: Levels) -> Sequence[Sequence[Source]]:
    """Resource control policies as the evaluator takes them."""
    return tuple(
        tuple(Source("resource-control", each.name, parse(each.document), each.place) for each in level)
        for level in levels
    )


def _source(document: str, role_name: str) -> Source | None:
    try:
        return Source("resource", "trust policy", parse(document), f"role/{role_name}")
    except MalformedPolicy:
        return None
