"""What lab 06 works out from a learner's run, and what it says to answers that do not fit."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from checks.contract import Uncheckable
from checks.lab06 import rounds
from checks.lab06.reading import Event
from sandbox.access import Explanation, Policies, Principal, Request, Source, explain, parse
from tests.checks.refusals import refusal

ACCOUNT = "123456789012"
INTERN = f"arn:aws:iam::{ACCOUNT}:role/intern"


def event(id: str, name: str, role: str, code: str = "") -> Event:
    return Event(
        event_id=id,
        time=datetime(2026, 11, 21, tzinfo=UTC),
        service="secretsmanager",
        name=name,
        principal=f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/x",
        role=role,
        session="x",
        code=code,
        message="",
    )


# -- 1 ---------------------------------------------------------------------------------------------------------

GUEST = {"Sid": "guest-1", "Effect": "Allow", "Principal": {"AWS": INTERN}}
TOPIC = {"Sid": "topic", "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}}


def who(statements: list[dict[str, Any]] | None = None, **answer: str) -> None:
    given = {"acts_with": "AROAONE", "session_name": "whoami", "let_in_by": "guest-1", **answer}
    rounds.who(
        **given,
        function="whoami",
        role="plain-execution",
        role_ids={"plain-execution": "AROAONE", "intern": "AROATWO"},
        statements=[GUEST, TOPIC] if statements is None else statements,
        guest=INTERN,
    )


def test_a_function_is_known_by_its_roles_id_its_session_and_its_own_policy() -> None:
    who()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"acts_with": "AROATWO"}, "the id of the role intern"),
        ({"acts_with": "AROAONE:whoami"}, "with a session's name behind it"),
        ({"acts_with": "AIDAME"}, "begins like the id of a user"),
        ({"acts_with": "plain-execution"}, "no unique id of a role"),
        ({"session_name": "plain-execution"}, "the role's name"),
        ({"session_name": "learner"}, "not what stands behind the last slash"),
        ({"let_in_by": "LookAfterOrders"}, "no Sid in the policy of whoami"),
        ({"let_in_by": "topic"}, "the statement that names"),
    ],
)
def test_a_wrong_identity_is_told_why(answer: dict[str, str], says: str) -> None:
    assert says in refusal(lambda: who(**answer))


def test_without_a_policy_on_the_function_nothing_can_be_said_of_it() -> None:
    with pytest.raises(Uncheckable):
        who(statements=[])


# -- 2 ---------------------------------------------------------------------------------------------------------

ORDERS = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/orders"
CUSTOMERS = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/customers"


def source(kind: Any, name: str, *statements: dict[str, Any]) -> Source:
    return Source(kind, name, parse({"Version": "2012-10-17", "Statement": list(statements)}), "role/intern")


DENY = {"Sid": "Ticket1", "Effect": "Deny", "Action": "dynamodb:*", "Resource": CUSTOMERS}
POLICIES = Policies(
    identity=[
        source("identity", "intern", DENY),
        source(
            "identity",
            f"arn:aws:iam::{ACCOUNT}:policy/shop-support",
            {"Sid": "Look", "Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"},
            {"Sid": "Receipts", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"},
        ),
    ],
    boundary=source(
        "boundary",
        f"arn:aws:iam::{ACCOUNT}:policy/intern-boundary",
        {"Sid": "Most", "Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*"},
    ),
)


def explained(action: str, resource: str, policies: Policies = POLICIES) -> Explanation:
    asker = Principal("AssumedRole", f"arn:aws:sts::{ACCOUNT}:assumed-role/intern/anna", ACCOUNT, INTERN)
    return explain(Request(asker, action, resource), policies)


EVENTS = [
    event("e-assume", "AssumeRole", ""),
    event("e-denied", "GetSecretValue", "intern", "AccessDenied"),
    event("e-read", "GetSecretValue", "orders-execution"),
]


def decision(events: list[Event] = EVENTS, policies: Policies = POLICIES, **answer: str) -> None:
    given = {"denied_event": "e-denied", "deny_sid": "Ticket1", "limited_by": "intern-boundary", **answer}
    rounds.decision(
        **given,
        events=events,
        role="intern",
        explicit=explained("dynamodb:GetItem", CUSTOMERS, policies),
        limited=explained("dynamodb:UpdateItem", ORDERS, policies),
    )


def test_three_refusals_are_accepted_with_the_boundary_by_name_or_arn() -> None:
    decision()
    decision(limited_by=f"arn:aws:iam::{ACCOUNT}:policy/intern-boundary")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"denied_event": "e-assume"}, "is an event AssumeRole"),
        ({"denied_event": "e-read"}, "of orders-execution, with no error"),
        ({"denied_event": "8f0c"}, "no event id in CloudTrail"),
        ({"deny_sid": "Look"}, "its Effect is Allow"),
        ({"deny_sid": "Receipts"}, "does not apply to the call: dynamodb:GetItem is not among s3:GetObject"),
        ({"deny_sid": "Ticket2"}, "no Sid in the intern's policies"),
        ({"limited_by": "shop-support"}, "shop-support allows the call, by its statement Look"),
        ({"limited_by": "somebody"}, "limited_by is 'somebody'"),
    ],
)
def test_a_wrong_reason_is_told_why(answer: dict[str, str], says: str) -> None:
    assert says in refusal(lambda: decision(**answer))


def test_refusals_that_are_not_there_can_not_be_judged() -> None:
    with pytest.raises(Uncheckable, match="events take some minutes"):
        decision(events=EVENTS[:1])
    with pytest.raises(Uncheckable, match="deny customers no more"):
        decision(policies=Policies(identity=POLICIES.identity[1:], boundary=POLICIES.boundary))
    with pytest.raises(Uncheckable, match="does not limit"):
        decision(policies=Policies(identity=POLICIES.identity))


# -- 3 ---------------------------------------------------------------------------------------------------------

OF_ROLE = {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan", "s3:PutBucketPolicy", "sns:Publish"}
USED = {"dynamodb:GetItem", "sns:Publish"}


def wildcards(used_by_role: set[str] | None = None, **answer: Any) -> None:
    given: dict[str, Any] = {
        "granted": 3,
        "used": ["dynamodb:GetItem"],
        "permissions_management": 1,
        "trail_event": "e-read",
        **answer,
    }
    rounds.wildcards(
        **given,
        service="dynamodb",
        of_role=OF_ROLE,
        used_by_role=USED if used_by_role is None else used_by_role,
        managing=1,
        events=EVENTS,
        role="orders-execution",
    )


def test_counted_wildcards_are_accepted() -> None:
    wildcards()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"granted": 1}, "so many were used"),
        ({"granted": 5}, "of all services together"),
        ({"granted": 80}, "stands for every action"),
        ({"used": ["dynamodb:GetItem", "dynamodb:Scan"]}, "which the role may, and did not use"),
        ({"used": ["secretsmanager:GetSecretValue"]}, "no action of dynamodb that the role has"),
        ({"used": []}, "used lacks dynamodb:GetItem"),
        ({"permissions_management": 2}, "the access level tells"),
        ({"trail_event": "8f0c"}, "no event id in CloudTrail"),
        ({"trail_event": "e-denied"}, "is an event GetSecretValue of intern"),
    ],
)
def test_a_wrong_count_is_told_why(answer: dict[str, Any], says: str) -> None:
    assert says in refusal(lambda: wildcards(**answer))


def test_a_role_that_was_not_at_work_can_not_be_judged() -> None:
    with pytest.raises(Uncheckable):
        wildcards(used_by_role={"sns:Publish"})


# -- 4 ---------------------------------------------------------------------------------------------------------


def trial(role: str, *may: str) -> rounds.Trial:
    return rounds.Trial(role, **{name: name in may for name in ("own", "other", "scan", "encrypted", "unencrypted")})


TRIALS = [
    trial("trial-1", "own", "scan"),
    trial("trial-2", "own"),
    trial("trial-3", "encrypted"),
    trial("trial-4", "encrypted", "unencrypted"),
]


def conditions(trials: list[rounds.Trial] = TRIALS, **answer: Any) -> None:
    given: dict[str, Any] = {"leaks": "trial-1", "leaked": 5, "unencrypted": "trial-4", **answer}
    rounds.conditions(**given, trials=trials, of_others=5, of_all=8)


def test_the_leaking_conditions_are_accepted() -> None:
    conditions()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"leaks": "trial-2"}, "a Scan of the orders is refused"),
        ({"leaks": "trial-4"}, "reading an own order is refused"),
        ({"leaks": "orders-execution"}, "no role of this round's trials"),
        ({"leaked": 8}, "so many items the table has in all"),
        ({"leaked": 0}, "leaked is 0."),
        ({"unencrypted": "trial-3"}, "skips the condition"),
        ({"unencrypted": "trial-1"}, "one that asks for AES256 refused"),
    ],
)
def test_a_wrong_condition_is_told_why(answer: dict[str, Any], says: str) -> None:
    assert says in refusal(lambda: conditions(**answer))


def test_a_role_that_does_not_keep_tenants_apart_is_not_the_leaking_one() -> None:
    open_to_all = [trial("trial-0", "own", "other", "scan"), *TRIALS]
    assert "refuses another tenant" in refusal(lambda: conditions(trials=open_to_all, leaks="trial-0"))


def test_without_the_trials_nothing_can_be_said() -> None:
    with pytest.raises(Uncheckable):
        conditions(trials=TRIALS[:2])
