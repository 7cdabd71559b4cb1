"""The decision: all policies that bear on a request, brought together in the order in which AWS looks at them.

First any Deny, of whatever policy; then resource control policies, service control policies, the resource's policy,
identity policies, the permissions boundary and the session policy.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sandbox.access.decision import (
    ConditionReport,
    Decision,
    Element,
    Explanation,
    Policies,
    PolicyKind,
    Reason,
    Source,
    StatementReport,
)
from sandbox.access.policy import Naming, Statement
from sandbox.access.request import LONGEST, Context, Principal, Request, fold
from sandbox.access.wording import denial

#: Kinds whose statements name principals.
_NAMING_KINDS = frozenset({"resource", "resource-control"})
#: They belong to no account: no identity policy, no service control policy is theirs.
_WITHOUT_ACCOUNT = frozenset({"Service", "Anonymous", "WebIdentity"})
#: How far a resource policy's Allow reaches, by how it names the principal.
_REACH: dict[Naming, int] = {"account": 0, "role": 1, "itself": 2}


class Question(NamedTuple):
    """A request as statements look at it."""

    principal: Principal
    action: str
    resource: str
    context: Context
    #: Whether the principal has a permissions boundary.
    bounded: bool


class Hit(NamedTuple):
    """A statement that applies."""

    source: Source
    statement: Statement
    naming: Naming


def question(request: Request, policies: Policies) -> Question:
    """The request, prepared once for all statements."""
    return Question(
        request.principal, fold(request.action), request.resource, request.context, policies.boundary is not None
    )


def decide(request: Request, policies: Policies) -> Decision:
    """Whether the request is allowed, and by or for want of what. Never raises."""
    principal = request.principal
    stateless = principal.kind in _WITHOUT_ACCOUNT
    cross = not stateless and request.owner != principal.account
    asked = question(request, policies)
    if not judgeable(request):
        return Decision(False, "resource" if stateless else "identity", request, cross_account=cross)

    allows: dict[PolicyKind, Hit | None] = {}
    missing: Reason | None = None
    for kind, sources, needed in _layers(policies, stateless):
        hit = _look(kind, sources, asked)
        if hit is not None and hit.statement.effect == "Deny":
            return Decision(False, "explicit", request, hit.source, hit.statement, cross)
        if hit is None and needed and missing is None:
            missing = kind
        allows[kind] = hit
    if missing is not None:
        return Decision(False, missing, request, cross_account=cross)

    reason, hit = _allowed(principal, policies, allows, cross, stateless)
    if reason != "allowed" or hit is None:
        return Decision(reason == "allowed", reason, request, cross_account=cross)
    return Decision(True, reason, request, hit.source, hit.statement, cross)


def judgeable(request: Request) -> bool:
    """Whether this can be a request at all: an action of ASCII letters with its service, and texts of sane length."""
    action = request.action
    return (
        action.isascii()
        and 0 < action.find(":") < len(action) - 1
        and len(action) <= LONGEST
        and len(request.resource) <= LONGEST
        and request.context.longest <= LONGEST
    )


def _layers(policies: Policies, stateless: bool) -> Iterator[tuple[PolicyKind, Sequence[Source], bool]]:
    """Kinds of policies with their sources, in AWS's order, and whether without an Allow of them nothing is allowed."""
    for level in policies.resource_controls:
        yield "resource-control", level, True
    if not stateless:
        for level in policies.service_controls:
            yield "service-control", level, True
    if policies.resource is not None:
        yield "resource", (policies.resource,), False
    if stateless:
        return
    yield "identity", policies.identity, False
    if policies.boundary is not None:
        yield "boundary", (policies.boundary,), False
    if policies.session is not None:
        yield "session", policies.session, False


def _look(kind: PolicyKind, sources: Sequence[Source], asked: Question) -> Hit | None:
    """The first Deny that applies, else the Allow that reaches furthest."""
    best: Hit | None = None
    for source in sources:
        for statement in source.policy.statements:
            if best is not None and statement.effect == "Allow" and best.naming == "itself":
                continue
            if statement.actions.match(asked.action) is statement.not_action:
                continue
            naming = applies(statement, kind, asked)
            if naming is None:
                continue
            if statement.effect == "Deny":
                return Hit(source, statement, naming)
            if best is None or _REACH[naming] > _REACH[best.naming]:
                best = Hit(source, statement, naming)
    return best


def applies(statement: Statement, kind: PolicyKind, asked: Question) -> Naming | None:
    """How a statement, whose actions fit, applies to the request; None if it doesn't.

    A statement that lacks what its kind of policy needs, or names principals where none may be named, never allows,
    and denies as if the element weren't there. (Such policies are refused when they are put.)
    """
    deny = statement.effect == "Deny"
    if not statement.live or not fits_resource(statement, kind, asked):
        return None
    naming = names(statement, kind, asked)
    if naming is None:
        return None
    for condition in statement.conditions:
        if not condition.met(asked.context, deny):
            return None
    return naming


def fits_resource(statement: Statement, kind: PolicyKind, asked: Question) -> bool:
    """Whether the resource is one of the statement's. In a resource policy it may go without saying (a role's)."""
    deny = statement.effect == "Deny"
    resources = statement.resources
    if resources is None:
        return deny or kind == "resource"
    matched = resources.match(asked.resource, asked.context)
    if statement.not_resource:
        return deny if matched is None else not matched
    return matched is True


def names(statement: Statement, kind: PolicyKind, asked: Question) -> Naming | None:
    """How the statement names the principal; None if it doesn't."""
    deny = statement.effect == "Deny"
    principals = statement.principals
    if kind not in _NAMING_KINDS or principals is None:
        return "itself" if deny or (principals is None and kind not in _NAMING_KINDS) else None
    if statement.not_principal:
        # "The NotPrincipal element with a Deny effect will always deny any IAM principal that has a permissions
        # boundary policy attached": access_policies_boundaries.html
        return "itself" if asked.bounded or not principals.spares(asked.principal) else None
    return principals.naming(asked.principal)


def _allowed(
    principal: Principal, policies: Policies, allows: dict[PolicyKind, Hit | None], cross: bool, stateless: bool
) -> tuple[Reason, Hit | None]:
    """With no Deny and all controls passed: "allowed" and by what, or what is missing."""
    granted = allows.get("resource")
    if stateless:
        # There is no account whose policies could say more.
        return ("allowed" if granted else "resource"), granted
    if not cross and granted is not None and granted.naming == "itself":
        # access_policies_boundaries.html: what a resource policy grants to the user, to the session, or to everyone is
        # not limited by an implicit deny elsewhere.
        return "allowed", granted
    if granted is None and (cross or policies.resource_decides):
        # Across accounts both sides must allow: reference_policies_evaluation-logic-cross-account.html
        return "resource", None
    by = allows.get("identity")
    if by is None and principal.kind != "Root":
        if cross or granted is None or granted.naming != "role":
            return "identity", None
        # A grant to the role's ARN needs no identity policy, but boundary and session policy limit it.
        by = granted
    if policies.boundary is not None and allows.get("boundary") is None:
        return "boundary", None
    if _has_session(policies, principal) and allows.get("session") is None:
        return "session", None
    return "allowed", by


def _has_session(policies: Policies, principal: Principal) -> bool:
    """Whether the session limits the principal. Without a session policy a federated user's session allows nothing.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html
    """
    return policies.session is not None or principal.kind == "FederatedUser"


def explain(request: Request, policies: Policies) -> Explanation:
    """The decision with every statement of every policy, in the order in which AWS looks, and why each did (not) apply.

    Never raises.
    """
    decision = decide(request, policies)
    asked = question(request, policies)
    considered = [(kind, source) for kind, sources, _ in _layers(policies, False) for source in sources]
    reports = tuple(
        _report(kind, source, statement, asked, request)
        for kind, source in considered
        for statement in source.policy.statements
    )
    return Explanation(decision, reports, _sentence(decision))


def _report(
    kind: PolicyKind, source: Source, statement: Statement, asked: Question, request: Request
) -> StatementReport:
    failed, why = _failure(kind, statement, asked, request)
    conditions = tuple(
        ConditionReport(
            condition.operator,
            condition.key,
            condition.wanted,
            asked.context.find(fold(condition.key)),
            condition.met(asked.context, statement.effect == "Deny"),
        )
        for condition in statement.conditions
    )
    if failed is None and (unmet := [report for report in conditions if not report.met]):
        failed, why = "Condition", _unmet(unmet[0])
    if failed is None:
        why = f"It applies, and {'denies' if statement.effect == 'Deny' else 'allows'} {request.action}."
    return StatementReport(source, statement, statement.index, failed is None, failed, why, conditions)


def _failure(kind: PolicyKind, statement: Statement, asked: Question, request: Request) -> tuple[Element | None, str]:
    """The first element, conditions apart, for which the statement doesn't apply, and a sentence; None if all fit."""
    principal = asked.principal
    action: Element = "NotAction" if statement.not_action else "Action"
    resource: Element = "NotResource" if statement.not_resource else "Resource"
    if not judgeable(request):
        return action, "The request is none that AWS would take: its action or one of its values has no valid form."
    if principal.kind in _WITHOUT_ACCOUNT and kind not in _NAMING_KINDS:
        return "Principal", f"A policy of this kind bears on principals of an account, and {principal.arn} has none."
    if statement.actions.match(asked.action) is statement.not_action:
        listed = _listed(statement.actions.texts)
        return action, f"{request.action} {'is excepted by' if statement.not_action else 'is not among'} {listed}."
    if not statement.live:
        return action, "An empty list makes the statement apply to nothing."
    if not fits_resource(statement, kind, asked):
        if statement.resources is None:
            return resource, "The statement names no resource."
        listed = _listed(statement.resources.texts)
        if statement.resources.match(asked.resource, asked.context) is None:
            return resource, f"A policy variable in {listed} has no value in this request."
        return resource, f"{asked.resource} {'is excepted by' if statement.not_resource else 'is not among'} {listed}."
    if names(statement, kind, asked) is None:
        if statement.principals is None or kind not in _NAMING_KINDS:
            must = "must name" if kind in _NAMING_KINDS else "can't name"
            return "Principal", f"A policy of this kind {must} principals."
        listed = _listed(statement.principals.texts)
        if statement.not_principal:
            return "NotPrincipal", f"{principal.arn} is excepted by {listed}."
        return "Principal", f"{principal.arn} is not among {listed}."
    return None, ""


def _unmet(report: ConditionReport) -> str:
    wanted = _listed(report.wanted)
    if report.had is None:
        return f"{report.operator} wants {report.key} to fit {wanted}; the request has no such key."
    return f"{report.operator} wants {report.key} to fit {wanted}; the request has {_listed(report.had)}."


def _listed(texts: Sequence[str]) -> str:
    """The texts for a sentence, cut where they would fill a page."""
    shown = [text if len(text) <= 200 else text[:199] + "…" for text in texts[:10]]
    return ", ".join([*shown, *(["…"] if len(texts) > 10 else [])]) or "nothing"


def _sentence(decision: Decision) -> str:
    if not decision.allowed:
        return denial(decision)
    if decision.by is None or decision.statement is None:
        return "Allowed: the account's root user needs no policy."
    where = f" of {decision.by.attached_to}" if decision.by.attached_to else ""
    sid = decision.statement.sid or f"number {decision.statement.index + 1}"
    return f"Allowed by statement {sid} in {decision.by.name}{where}."
