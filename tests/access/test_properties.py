"""What holds of every request and every set of policies.

Requests and policies are drawn from so few names that statements often apply.
"""

from __future__ import annotations

import dataclasses
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.access import (
    Context,
    Explanation,
    Policies,
    PolicyKind,
    Principal,
    Request,
    Source,
    decide,
    explain,
    parse,
)

ACCOUNT, OTHER = "123456789012", "210987654321"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
PRINCIPALS = [
    Principal("User", f"arn:aws:iam::{ACCOUNT}:user/u", ACCOUNT),
    Principal("Root", f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT),
    Principal("AssumedRole", f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s", ACCOUNT, ROLE),
    Principal("FederatedUser", f"arn:aws:sts::{ACCOUNT}:federated-user/f", ACCOUNT),
    Principal("User", f"arn:aws:iam::{OTHER}:user/u", OTHER),
    Principal("Service", "s3.amazonaws.com"),
    Principal("WebIdentity", f"arn:aws:iam::{ACCOUNT}:oidc-provider/o"),
    Principal("Anonymous", "anonymous"),
]
NAMES = ["*", ACCOUNT, OTHER, ROLE, *(principal.arn for principal in PRINCIPALS)]
ACTIONS = ["s3:GetObject", "s3:PutObject", "sqs:SendMessage"]
RESOURCES = ["arn:aws:s3:::b/k", "arn:aws:s3:::b/u/k", f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"]


def some(choices: list[str]) -> st.SearchStrategy[Any]:
    return st.one_of(st.sampled_from(choices), st.lists(st.sampled_from(choices), max_size=3))


ACTION_PATTERNS = some([*ACTIONS, "*", "s3:*", "S3:get*", "s?s:Send?essage"])
RESOURCE_PATTERNS = some([*RESOURCES, "*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/${aws:username}/*", "arn:aws:sqs:*"])
NAMED = st.one_of(
    st.just("*"), st.fixed_dictionaries({"AWS": some(NAMES)}), st.fixed_dictionaries({"Service": some(NAMES)})
)
OPERATORS = [
    prefix + operator + suffix
    for operator in (
        "StringEquals",
        "StringNotEquals",
        "StringLike",
        "NumericLessThan",
        "ArnLike",
        "NotIpAddress",
        "Bool",
    )
    for prefix in ("", "ForAllValues:", "ForAnyValue:")
    for suffix in ("", "IfExists")
]
VALUES = ["u", "k", "true", "5", "10.0.0.0/8", ROLE, "${aws:username}", "${k, 'u'}", "u*"]
CONDITION = st.dictionaries(
    st.sampled_from([*OPERATORS, "Null"]),
    st.dictionaries(st.sampled_from(["aws:username", "k", "l"]), some(VALUES), max_size=2),
    max_size=2,
)


@st.composite
def statements(draw: st.DrawFn, kind: PolicyKind, effect: str | None = None) -> dict[str, Any]:
    statement = {"Effect": effect or draw(st.sampled_from(["Allow", "Allow", "Deny"]))}
    statement[draw(st.sampled_from(["Action", "Action", "NotAction"]))] = draw(ACTION_PATTERNS)
    statement[draw(st.sampled_from(["Resource", "Resource", "NotResource"]))] = draw(RESOURCE_PATTERNS)
    if kind in ("resource", "resource-control"):
        negated = statement["Effect"] == "Deny" and draw(st.booleans())
        statement["NotPrincipal" if negated else "Principal"] = draw(NAMED)
    if draw(st.booleans()):
        statement["Condition"] = draw(CONDITION)
    return statement


def made(kind: PolicyKind, listed: list[dict[str, Any]]) -> Source:
    return Source(kind, "p", parse({"Version": "2012-10-17", "Statement": listed}))


def sources(kind: PolicyKind) -> st.SearchStrategy[Source]:
    return st.lists(statements(kind), max_size=3).map(lambda listed: made(kind, listed))


def lists(kind: PolicyKind) -> st.SearchStrategy[list[Source]]:
    return st.lists(sources(kind), max_size=2)


def levels(kind: PolicyKind) -> st.SearchStrategy[list[list[Source]]]:
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    full = made(kind, [everything if kind == "service-control" else {**everything, "Principal": "*"}])
    return st.lists(st.lists(st.one_of(st.just(full), sources(kind)), min_size=1, max_size=2), max_size=2)


REQUESTS = st.builds(
    Request,
    st.sampled_from(PRINCIPALS),
    st.sampled_from(ACTIONS),
    st.sampled_from(RESOURCES),
    st.dictionaries(
        st.sampled_from(["aws:username", "k", "l"]),
        st.one_of(
            st.sampled_from(["u", "k", "", "5", "10.1.1.1", ROLE, True]),
            st.lists(st.sampled_from(["u", "k"]), max_size=2),
        ),
    ).map(Context),
    st.sampled_from([None, ACCOUNT, OTHER]),
)
POLICIES = st.builds(
    Policies,
    identity=lists("identity"),
    resource=st.none() | sources("resource"),
    boundary=st.none() | sources("boundary"),
    session=st.none() | lists("session"),
    service_controls=levels("service-control"),
    resource_controls=levels("resource-control"),
    resource_decides=st.booleans(),
)
MANY = settings(max_examples=200, deadline=None)


@MANY
@given(REQUESTS, POLICIES, st.data())
def test_a_deny_more_never_allows(request: Request, policies: Policies, data: st.DataObject) -> None:
    kind: PolicyKind = data.draw(st.sampled_from(["identity", "resource", "boundary", "session", "service-control"]))
    denial = data.draw(statements(kind, "Deny"))
    more = with_statement(policies, kind, denial)
    assert decide(request, policies).allowed or not decide(request, more).allowed


def with_statement(policies: Policies, kind: PolicyKind, statement: dict[str, Any]) -> Policies:
    """The policies with one statement more, in a policy that is there."""

    def grown(source: Source) -> Source:
        return made(kind, [*(dict(each.document) for each in source.policy.statements), statement])

    if kind == "identity" and policies.identity:
        return dataclasses.replace(policies, identity=[grown(policies.identity[0]), *policies.identity[1:]])
    if kind == "resource" and policies.resource:
        return dataclasses.replace(policies, resource=grown(policies.resource))
    if kind == "boundary" and policies.boundary:
        return dataclasses.replace(policies, boundary=grown(policies.boundary))
    if kind == "session" and policies.session:
        return dataclasses.replace(policies, session=[grown(policies.session[0]), *policies.session[1:]])
    if kind == "service-control" and policies.service_controls:
        (first, *rest), *others = policies.service_controls
        return dataclasses.replace(policies, service_controls=[[grown(first), *rest], *others])
    return dataclasses.replace(policies, identity=[*policies.identity, made("identity", [statement])])


@MANY
@given(REQUESTS, POLICIES, sources("boundary"))
def test_a_boundary_never_allows(request: Request, policies: Policies, boundary: Source) -> None:
    without = dataclasses.replace(policies, boundary=None)
    bounded = dataclasses.replace(policies, boundary=boundary)
    assert decide(request, without).allowed or not decide(request, bounded).allowed


@MANY
@given(REQUESTS, POLICIES, lists("session"))
def test_a_session_policy_never_allows_a_role_or_user_more(
    request: Request, policies: Policies, session: list[Source]
) -> None:
    without = dataclasses.replace(policies, session=None)
    limited = dataclasses.replace(policies, session=session)
    federated = request.principal.kind == "FederatedUser"
    assert decide(request, without).allowed or federated or not decide(request, limited).allowed


@MANY
@given(REQUESTS, POLICIES, st.lists(sources("service-control"), max_size=2))
def test_a_level_of_service_control_policies_never_allows(
    request: Request, policies: Policies, level: list[Source]
) -> None:
    more = dataclasses.replace(policies, service_controls=[*policies.service_controls, level])
    assert decide(request, policies).allowed or not decide(request, more).allowed


@MANY
@given(REQUESTS, POLICIES, st.lists(sources("resource-control"), max_size=2))
def test_a_level_of_resource_control_policies_never_allows(
    request: Request, policies: Policies, level: list[Source]
) -> None:
    more = dataclasses.replace(policies, resource_controls=[*policies.resource_controls, level])
    assert decide(request, policies).allowed or not decide(request, more).allowed


@MANY
@given(REQUESTS, POLICIES, st.integers())
def test_neither_the_order_of_statements_nor_that_of_policies_matters(
    request: Request, policies: Policies, seed: int
) -> None:
    chance = random.Random(seed)

    def shuffled(listed: Any) -> list[Any]:
        return chance.sample(list(listed), len(listed))

    def turned(source: Source) -> Source:
        return made(source.kind, shuffled([dict(each.document) for each in source.policy.statements]))

    def all_turned(listed: Any) -> list[Source]:
        return shuffled([turned(source) for source in listed])

    other = Policies(
        identity=all_turned(policies.identity),
        resource=policies.resource and turned(policies.resource),
        boundary=policies.boundary and turned(policies.boundary),
        session=None if policies.session is None else all_turned(policies.session),
        service_controls=shuffled([all_turned(level) for level in policies.service_controls]),
        resource_controls=shuffled([all_turned(level) for level in policies.resource_controls]),
        resource_decides=policies.resource_decides,
    )
    one, two = decide(request, policies), decide(request, other)
    assert (one.allowed, one.reason) == (two.allowed, two.reason)


@MANY
@given(REQUESTS, POLICIES)
def test_a_policy_twice_is_as_good_as_once(request: Request, policies: Policies) -> None:
    doubled = Policies(
        identity=[*policies.identity, *policies.identity],
        resource=policies.resource
        and made("resource", [dict(each.document) for each in policies.resource.policy.statements] * 2),
        boundary=policies.boundary,
        session=None if policies.session is None else [*policies.session, *policies.session],
        service_controls=[*policies.service_controls, *policies.service_controls],
        resource_controls=[*policies.resource_controls, *policies.resource_controls],
        resource_decides=policies.resource_decides,
    )
    one, two = decide(request, policies), decide(request, doubled)
    assert (one.allowed, one.reason) == (two.allowed, two.reason)


@MANY
@given(REQUESTS, POLICIES)
def test_a_decision_agrees_with_the_statements_that_apply(request: Request, policies: Policies) -> None:
    explanation = explain(request, policies)
    decision = explanation.decision
    assert decision == decide(request, policies)
    denials = applying(explanation, "Deny")
    assert (decision.reason == "explicit") == bool(denials)
    if decision.reason == "explicit":
        assert decision.statement in denials
    if decision.allowed and request.principal.kind != "Root":
        assert decision.statement in applying(explanation, "Allow")
    for report in explanation.statements:
        assert report.applies == (report.failed is None)


def applying(explanation: Explanation, effect: str) -> list[Any]:
    return [each.statement for each in explanation.statements if each.applies and each.statement.effect == effect]


@MANY
@given(REQUESTS, POLICIES)
def test_case_of_an_action_never_matters(request: Request, policies: Policies) -> None:
    loud = dataclasses.replace(request, action=request.action.upper())
    assert decide(request, policies).allowed == decide(loud, policies).allowed


@MANY
@given(REQUESTS, POLICIES)
def test_without_any_allow_only_the_root_user_is_allowed(request: Request, policies: Policies) -> None:
    allows = [
        each for each in explain(request, policies).statements if each.applies and each.statement.effect == "Allow"
    ]
    assert allows or request.principal.kind == "Root" or not decide(request, policies).allowed
