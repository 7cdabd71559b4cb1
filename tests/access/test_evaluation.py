"""How the kinds of policies work together, and what an explanation says.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
The wide table of cases is in cases/; here are the rules that one statement or one principal more decides.
"""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.access import Context, Decision, Policies, PolicyKind, Principal, Request, Source, decide, explain, parse

HERE, THERE = "123456789012", "210987654321"
ANNA = Principal("User", f"arn:aws:iam::{HERE}:user/anna", HERE)
ROOT = Principal("Root", f"arn:aws:iam::{HERE}:root", HERE)
ROLE = f"arn:aws:iam::{HERE}:role/team/orders"
SESSION = Principal("AssumedRole", f"arn:aws:sts::{HERE}:assumed-role/orders/fn", HERE, ROLE)
FRED = Principal("FederatedUser", f"arn:aws:sts::{HERE}:federated-user/fred", HERE, ANNA.arn)
STRANGER = Principal("AssumedRole", f"arn:aws:sts::{THERE}:assumed-role/a/b", THERE, f"arn:aws:iam::{THERE}:role/a")
SNS = Principal("Service", "sns.amazonaws.com")
ANYONE = Principal("Anonymous", "anonymous")
GITHUB = Principal("WebIdentity", f"arn:aws:iam::{HERE}:oidc-provider/token.actions.githubusercontent.com")

QUEUE = f"arn:aws:sqs:us-east-1:{HERE}:orders"
SEND = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
NOTHING = {"Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": "*"}
NEVER = {"Effect": "Deny", "Action": "*", "Resource": "*"}


def source(kind: PolicyKind, *statements: dict[str, Any], name: str = "p") -> Source:
    return Source(kind, name, parse({"Version": "2012-10-17", "Statement": list(statements)}))


def of_resource(principal: Any, **more: Any) -> Source:
    return source("resource", {**SEND, "Principal": principal, **more})


def asked(principal: Principal = ANNA, action: str = "sqs:SendMessage", **more: Any) -> Request:
    return Request(principal, action, QUEUE, **more)


def outcome(decision: Decision) -> str:
    return "allowed" if decision.allowed else decision.reason


ALLOWED = [source("identity", SEND)]
DIRECT = [
    (ANNA, ANNA.arn),
    (SESSION, SESSION.arn),
    (FRED, FRED.arn),
    (ANNA, "*"),
    (SESSION, "*"),
]


@pytest.mark.parametrize(("principal", "named"), DIRECT)
def test_resource_policy_that_names_the_principal_itself_passes_over_boundary_and_session(
    principal: Principal, named: str
) -> None:
    policies = Policies(
        resource=of_resource({"AWS": named}), boundary=source("boundary", NOTHING), session=[source("session", NOTHING)]
    )
    assert decide(asked(principal), policies).allowed


@pytest.mark.parametrize(("principal", "named"), [(SESSION, ROLE), (FRED, ANNA.arn)])
def test_resource_policy_that_names_what_is_behind_the_session_is_limited_by_boundary_and_session(
    principal: Principal, named: str
) -> None:
    granted = of_resource({"AWS": named})
    send, nothing = source("boundary", SEND), source("boundary", NOTHING)
    session, no_session = [source("session", SEND)], [source("session", NOTHING)]
    assert (
        outcome(decide(asked(principal), Policies(resource=granted, boundary=nothing, session=session))) == "boundary"
    )
    assert outcome(decide(asked(principal), Policies(resource=granted, boundary=send, session=no_session))) == "session"
    assert outcome(decide(asked(principal), Policies(resource=granted, boundary=send, session=session))) == "allowed"


@pytest.mark.parametrize("named", [HERE, ROOT.arn])
@pytest.mark.parametrize("principal", [ANNA, SESSION])
def test_naming_the_account_delegates_to_its_identity_policies(principal: Principal, named: str) -> None:
    granted = of_resource({"AWS": named})
    assert outcome(decide(asked(principal), Policies(resource=granted))) == "identity"
    assert outcome(decide(asked(principal), Policies(resource=granted, identity=ALLOWED))) == "allowed"
    assert outcome(decide(asked(principal), Policies(resource=granted, resource_decides=True))) == "identity"


def test_key_and_trust_policies_must_allow_whatever_identity_policies_say() -> None:
    other = of_resource({"AWS": f"arn:aws:iam::{HERE}:user/bert"})
    for granted in (None, other):
        policies = Policies(identity=ALLOWED, resource=granted, resource_decides=True)
        assert outcome(decide(asked(), policies)) == "resource"
        assert outcome(decide(asked(ROOT), policies)) == "resource"
    itself = Policies(resource=of_resource({"AWS": ANNA.arn}), resource_decides=True)
    assert outcome(decide(asked(), itself)) == "allowed"


@pytest.mark.parametrize("named", ["*", THERE, STRANGER.arn, STRANGER.role_arn])
def test_across_accounts_both_sides_must_allow(named: str) -> None:
    granted = of_resource({"AWS": named})
    assert outcome(decide(asked(STRANGER), Policies(identity=ALLOWED))) == "resource"
    assert outcome(decide(asked(STRANGER), Policies(resource=granted))) == "identity"
    both = decide(asked(STRANGER), Policies(identity=ALLOWED, resource=granted))
    assert both.allowed
    assert both.cross_account
    bounded = Policies(identity=ALLOWED, resource=granted, boundary=source("boundary", NOTHING))
    assert outcome(decide(asked(STRANGER), bounded)) == "boundary"
    limited = Policies(identity=ALLOWED, resource=granted, session=[])
    assert outcome(decide(asked(STRANGER), limited)) == "session"


def test_the_owner_of_a_bucket_is_told_with_the_request() -> None:
    request = Request(ANNA, "s3:GetObject", "arn:aws:s3:::theirs/x", resource_account=THERE)
    policies = Policies(identity=[source("identity", {**SEND, "Action": "s3:*"})])
    assert outcome(decide(request, policies)) == "resource"
    assert decide(Request(ANNA, "s3:GetObject", "arn:aws:s3:::mine/x"), policies).allowed


def test_what_aws_owns_is_not_another_account() -> None:
    request = Request(ANNA, "iam:GetPolicy", "arn:aws:iam::aws:policy/AdministratorAccess")
    assert decide(request, Policies(identity=[source("identity", {**SEND, "Action": "iam:*"})])).allowed


@pytest.mark.parametrize(
    ("principal", "named"),
    [(SNS, {"Service": "sns.amazonaws.com"}), (ANYONE, "*"), (GITHUB, {"Federated": GITHUB.arn})],
)
def test_who_has_no_account_lives_from_the_resource_policy_alone(principal: Principal, named: Any) -> None:
    assert outcome(decide(asked(principal), Policies(identity=ALLOWED))) == "resource"
    assert outcome(decide(asked(principal), Policies(resource=of_resource({"AWS": ANNA.arn})))) == "resource"
    granted = of_resource(named)
    assert decide(asked(principal), Policies(resource=granted)).allowed
    # Service control policies bind principals of an account; resource control policies bind everyone.
    assert decide(
        asked(principal), Policies(resource=granted, service_controls=[[source("service-control", NEVER)]])
    ).allowed
    everyone = source("resource-control", {**NEVER, "Principal": "*"})
    assert outcome(decide(asked(principal), Policies(resource=granted, resource_controls=[[everyone]]))) == "explicit"


@pytest.mark.parametrize(
    "named",
    [
        {"AWS": f"arn:aws:iam::{HERE}:user/Anna"},
        {"AWS": f"arn:aws:iam::{HERE}:user/*"},
        {"AWS": "12345678901"},
        {"AWS": f"arn:aws:iam::{THERE}:root"},
        {"AWS": "AIDACKCEVSQ6C2EXAMPLE"},
        {"Service": ANNA.arn},
        {"Federated": ANNA.arn},
        {"CanonicalUser": ANNA.arn},
        {"AWS": []},
        {},
    ],
)
def test_who_is_not_named_is_not_allowed(named: Any) -> None:
    assert outcome(decide(asked(), Policies(resource=of_resource(named)))) == "identity"


def test_the_canonical_user_stands_for_the_account() -> None:
    anna = Principal("User", ANNA.arn, HERE, canonical_user="79a59d")
    policies = Policies(resource=of_resource({"CanonicalUser": "79a59d"}), resource_decides=True)
    assert outcome(decide(asked(anna), policies)) == "identity"
    root = Principal("Root", ROOT.arn, HERE, canonical_user="79a59d")
    assert decide(asked(root), policies).allowed


def spared(principal: Principal, *names: str, bounded: bool = False) -> bool:
    denial = source("resource", {**NEVER, "NotPrincipal": {"AWS": list(names)}})
    boundary = source("boundary", SEND) if bounded else None
    return decide(asked(principal), Policies(identity=ALLOWED, resource=denial, boundary=boundary)).allowed


def test_not_principal_spares_who_is_named_with_all_that_stands_above() -> None:
    assert spared(ANNA, ANNA.arn, HERE)
    assert not spared(ANNA, ANNA.arn)
    assert not spared(ANNA, HERE)
    assert spared(SESSION, SESSION.arn, ROLE, ROOT.arn)
    assert not spared(SESSION, ROLE, ROOT.arn)
    assert not spared(SESSION, SESSION.arn, ROOT.arn)
    assert not spared(SESSION, SESSION.arn, ROLE)
    assert spared(ROOT, HERE)
    assert not spared(ANYONE, HERE)


def test_not_principal_spares_nobody_who_has_a_boundary() -> None:
    assert not spared(ANNA, ANNA.arn, HERE, bounded=True)


def test_each_level_of_service_control_policies_must_allow() -> None:
    full, none = source("service-control", SEND), source("service-control", NOTHING)
    assert decide(asked(), Policies(identity=ALLOWED, service_controls=[[full], [none, full]])).allowed
    for levels in ([[full], [none]], [[full], []], [[none], [full]]):
        for principal in (ANNA, ROOT):
            denied = decide(asked(principal), Policies(identity=ALLOWED, service_controls=levels))
            assert outcome(denied) == "service-control"


def test_no_session_policy_is_not_the_same_as_an_empty_one() -> None:
    assert decide(asked(SESSION), Policies(identity=ALLOWED, session=None)).allowed
    assert outcome(decide(asked(SESSION), Policies(identity=ALLOWED, session=[]))) == "session"
    assert outcome(decide(asked(FRED), Policies(identity=ALLOWED, session=None))) == "session"


def test_the_root_user_needs_no_allow_but_heeds_a_deny() -> None:
    assert decide(asked(ROOT), Policies()).allowed
    denial = source("resource", {**NEVER, "Principal": "*"})
    assert outcome(decide(asked(ROOT), Policies(resource=denial))) == "explicit"


def test_a_statement_of_the_wrong_shape_for_its_kind_never_allows_and_always_denies() -> None:
    unnamed = source("resource", SEND)
    assert not decide(asked(SNS), Policies(resource=unnamed)).allowed
    named = source("identity", {**SEND, "Principal": "*"})
    assert not decide(asked(), Policies(identity=[named])).allowed
    without_resource = source("identity", {"Effect": "Allow", "Action": "*"})
    assert not decide(asked(), Policies(identity=[without_resource])).allowed
    denial = source("identity", {"Effect": "Deny", "Action": "*"})
    assert outcome(decide(asked(), Policies(identity=[*ALLOWED, denial]))) == "explicit"


@pytest.mark.parametrize("element", ["Action", "NotAction"])
def test_an_empty_list_applies_to_nothing(element: str) -> None:
    statement = {"Effect": "Allow", element: [], "Resource": "*"}
    assert not decide(asked(), Policies(identity=[source("identity", statement)])).allowed


def test_not_resource_with_a_variable_without_value_never_gives_access() -> None:
    but_mine = {"Action": "sqs:*", "NotResource": f"arn:aws:sqs:us-east-1:{HERE}:${{aws:username}}"}
    allow, deny = {**but_mine, "Effect": "Allow"}, {**but_mine, "Effect": "Deny"}
    assert not decide(asked(), Policies(identity=[source("identity", allow)])).allowed
    assert not decide(asked(), Policies(identity=[*ALLOWED, source("identity", deny)])).allowed
    anna = asked(context=Context({"aws:username": "anna"}))
    assert decide(anna, Policies(identity=[source("identity", allow)])).allowed


@pytest.mark.parametrize("action", ["sqs:sendmessage", "SQS:SendMessage", "sqs:SENDMESSAGE"])
def test_case_of_actions_does_not_count(action: str) -> None:
    assert decide(asked(action=action), Policies(identity=ALLOWED)).allowed


def test_decision_names_the_policy_and_the_statement_that_decided() -> None:
    first, second = source("identity", NOTHING, name="first"), source("identity", NOTHING, SEND, name="second")
    allowed = decide(asked(), Policies(identity=[first, second]))
    assert (allowed.by, allowed.statement) == (second, second.policy.statements[1])
    boundary = source("boundary", SEND, NEVER, name="limit")
    denied = decide(asked(), Policies(identity=[second], boundary=boundary))
    assert (denied.by, denied.statement) == (boundary, boundary.policy.statements[1])


WHY: list[tuple[dict[str, Any], str, str]] = [
    ({"Action": "sqs:Get*"}, "Action", "sqs:SendMessage is not among sqs:Get*."),
    ({"NotAction": "sqs:*", "Action": ...}, "NotAction", "sqs:SendMessage is excepted by sqs:*."),
    ({"Resource": "arn:aws:sqs:*:*:bills"}, "Resource", f"{QUEUE} is not among arn:aws:sqs:*:*:bills."),
    ({"NotResource": "*", "Resource": ...}, "NotResource", f"{QUEUE} is excepted by *."),
    ({"Resource": "${no:such}"}, "Resource", "A policy variable in ${no:such} has no value in this request."),
    (
        {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
        "Condition",
        "Bool wants aws:SecureTransport to fit true; the request has false.",
    ),
    (
        {"Condition": {"StringEquals": {"aws:username": ["anna", "bert"]}}},
        "Condition",
        "StringEquals wants aws:username to fit anna, bert; the request has no such key.",
    ),
]


@pytest.mark.parametrize(("change", "failed", "why"), WHY)
def test_explanation_says_which_element_kept_a_statement_from_applying(
    change: dict[str, Any], failed: str, why: str
) -> None:
    statement = {name: value for name, value in {**SEND, **change}.items() if value is not ...}
    request = asked(context=Context({"aws:SecureTransport": False}))
    explanation = explain(request, Policies(identity=[source("identity", statement)]))
    (report,) = explanation.statements
    assert (report.applies, report.failed, report.why) == (False, failed, why)


def test_explanation_shows_the_conditions_with_what_was_wanted_and_had() -> None:
    statement = {**SEND, "Condition": {"StringLike": {"aws:UserName": "a*"}, "Bool": {"aws:ViaAWSService": "true"}}}
    request = asked(context=Context({"aws:username": "anna"}))
    (report,) = explain(request, Policies(identity=[source("identity", statement)])).statements
    assert [(each.operator, each.key, each.wanted, each.had, each.met) for each in report.conditions] == [
        ("StringLike", "aws:UserName", ("a*",), ("anna",), True),
        ("Bool", "aws:ViaAWSService", ("true",), None, False),
    ]


def test_explanation_goes_through_all_policies_in_the_order_of_aws() -> None:
    policies = Policies(
        identity=ALLOWED,
        resource=of_resource("*"),
        boundary=source("boundary", SEND),
        session=[source("session", SEND)],
        service_controls=[[source("service-control", SEND)]],
        resource_controls=[[source("resource-control", {**SEND, "Principal": "*"})]],
    )
    explanation = explain(asked(), policies)
    kinds = [report.source.kind for report in explanation.statements]
    assert kinds == ["resource-control", "service-control", "resource", "identity", "boundary", "session"]
    assert all(report.applies for report in explanation.statements)


def test_explanation_has_a_sentence() -> None:
    admin = Source("identity", "Admin", parse({"Statement": {**SEND, "Sid": "All"}}), "group/admins")
    assert explain(asked(), Policies(identity=[admin])).sentence == "Allowed by statement All in Admin of group/admins."
    assert explain(asked(ROOT), Policies()).sentence == "Allowed: the account's root user needs no policy."
    assert explain(asked(), Policies()).sentence == (
        f"User: {ANNA.arn} is not authorized to perform: sqs:SendMessage on resource: {QUEUE} "
        "because no identity-based policy allows the sqs:SendMessage action"
    )
