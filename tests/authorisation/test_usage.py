"""The record of uses: what is counted for whom, in which time, and what happens when it is full."""

from __future__ import annotations

import threading

import pytest

from sandbox.authorisation import usage
from sandbox.authorisation.need import Need
from sandbox.authorisation.usage import Usage
from sandbox.gateway.call import DEFAULT_ACCOUNT, Principal

ROLE = f"arn:aws:iam::{DEFAULT_ACCOUNT}:role/orders"
USER = f"arn:aws:iam::{DEFAULT_ACCOUNT}:user/ana"
TABLE = f"arn:aws:dynamodb:us-east-1:{DEFAULT_ACCOUNT}:table/orders"
#: A full minute, in Unix seconds.
NOON = 1_800_000_000.0


def session(name: str = "one", key: str = "ASIAEXAMPLEEXAMPLEXX") -> Principal:
    return Principal(
        account=DEFAULT_ACCOUNT,
        arn=f"arn:aws:sts::{DEFAULT_ACCOUNT}:assumed-role/orders/{name}",
        user_id=f"AROAEXAMPLE:{name}",
        kind="AssumedRole",
        access_key=key,
        role_arn=ROLE,
    )


def user() -> Principal:
    return Principal(DEFAULT_ACCOUNT, USER, "AIDAEXAMPLE", "IAMUser", access_key="AKIAEXAMPLEEXAMPLEXX")


GET = Need("dynamodb:GetItem", TABLE)
PUT = Need("dynamodb:PutItem", TABLE)


def test_sessions_count_for_their_role() -> None:
    record = Usage()
    record.record(session("one"), GET, NOON)
    record.record(session("two"), GET, NOON + 1)
    (used,) = record.uses(ROLE)
    assert (used.action, used.resource, used.count, used.first, used.last) == (
        "dynamodb:GetItem",
        TABLE,
        2,
        NOON,
        NOON + 1,
    )
    assert record.principals() == (ROLE,)


def test_users_count_for_themselves() -> None:
    record = Usage()
    record.record(user(), GET, NOON)
    record.record(session(), PUT, NOON)
    assert [used.action for used in record.uses(USER)] == ["dynamodb:GetItem"]
    assert [used.action for used in record.uses(ROLE)] == ["dynamodb:PutItem"]


def test_uses_of_many_minutes_are_one_use() -> None:
    record = Usage()
    for minute in range(10):
        record.record(session(), GET, NOON + 60 * minute)
    (used,) = record.uses(ROLE)
    assert (used.count, used.first, used.last) == (10, NOON, NOON + 540)


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (None, None, ["dynamodb:GetItem", "dynamodb:PutItem"]),
        (NOON + 1, None, ["dynamodb:PutItem"]),
        (NOON + 30, None, ["dynamodb:PutItem"]),
        (NOON + 31, None, []),
        (None, NOON + 29, ["dynamodb:GetItem"]),
        (None, NOON - 1, []),
        (NOON, NOON, ["dynamodb:GetItem"]),
        (NOON + 100, NOON + 200, []),
    ],
)
def test_a_time_cuts_within_a_minute_exactly(since: float | None, until: float | None, expected: list[str]) -> None:
    record = Usage()
    record.record(session(), GET, NOON)
    record.record(session(), PUT, NOON + 30)
    assert [used.action for used in record.uses(ROLE, since, until)] == expected


def test_passing_a_role_to_two_services_is_two_uses() -> None:
    record = Usage()
    for service in ("lambda.amazonaws.com", "states.amazonaws.com"):
        record.record(user(), Need("iam:PassRole", ROLE, {"iam:PassedToService": service}), NOON)
    assert [used.context for used in record.uses(USER)] == [
        (("iam:PassedToService", "lambda.amazonaws.com"),),
        (("iam:PassedToService", "states.amazonaws.com"),),
    ]


def test_denials_are_apart_and_do_not_count_as_uses() -> None:
    record = Usage()
    record.denied(session(), PUT, NOON)
    record.denied(user(), GET, NOON + 5)
    assert record.uses(ROLE) == ()
    (denied,) = record.denials(ROLE)
    assert (denied.caller, denied.need, denied.time) == (session().arn, PUT, NOON)
    assert [each.principal for each in record.denials(since=NOON + 1)] == [USER]
    assert len(record.denials()) == 2


def test_a_full_record_drops_the_oldest_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "MAX_WINDOWS", 100)
    record = Usage()
    for number in range(100):
        record.record(session(), Need("s3:GetObject", f"arn:aws:s3:::photos/{number}"), NOON + number)
    assert record.complete_since == 0.0
    record.record(session(), Need("s3:GetObject", "arn:aws:s3:::photos/100"), NOON + 100)
    assert record.complete_since == NOON
    assert len(record.uses(ROLE)) == 100
    assert "arn:aws:s3:::photos/0" not in [used.resource for used in record.uses(ROLE)]


def test_denials_and_keys_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "MAX_KEYS", 2)
    record = Usage()
    for number in range(usage.MAX_DENIALS + 5):
        record.denied(session(), GET, NOON + number)
    assert len(record.denials()) == usage.MAX_DENIALS
    assert record.denials()[0].time == NOON + 5
    for number in range(3):
        key = Principal(DEFAULT_ACCOUNT, USER, "AIDA", "IAMUser", access_key=f"AKIA{number}")
        record.record(key, GET, NOON)
    assert record.key_use("AKIA0") is None
    assert record.key_use("AKIA2") is not None


def test_the_last_use_of_a_users_key_is_known_whether_allowed_or_not() -> None:
    record = Usage()
    record.record(user(), GET, NOON, "us-east-1")
    record.denied(user(), Need("sqs:SendMessage", "arn:aws:sqs:eu-west-1:123456789012:q"), NOON + 9, "eu-west-1")
    record.record(session(), GET, NOON)
    last = record.key_use("AKIAEXAMPLEEXAMPLEXX")
    assert last == usage.KeyUse(NOON + 9, "sqs", "eu-west-1")
    assert record.key_use("ASIAEXAMPLEEXAMPLEXX") is None


def test_many_threads_lose_no_use() -> None:
    record = Usage()

    def work(name: str) -> None:
        for number in range(500):
            record.record(session(name), GET, NOON + number % 7)

    threads = [threading.Thread(target=work, args=(f"session-{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(used.count for used in record.uses(ROLE)) == 4_000
