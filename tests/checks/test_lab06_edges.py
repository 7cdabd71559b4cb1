"""What rounds 5 to 7 of lab 06 work out, and what they say to answers that do not fit."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from checks.contract import Uncheckable
from checks.lab06 import edges
from checks.lab06.edge_trials import Arrived
from checks.lab06.reading import Event
from checks.readings import Reading
from tests.checks.test_lab06_rounds import refusal

ACCOUNT = "123456789012"


def event(id: str, name: str, role: str = "", code: str = "", message: str = "", passes: str = "") -> Event:
    return Event(
        event_id=id,
        time=datetime(2026, 11, 21, tzinfo=UTC),
        service="lambda",
        name=name,
        principal=f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/x" if role else "arn:aws:iam::123456789012:user/me",
        role=role,
        session="x" if role else "",
        code=code,
        message=message,
        request={"role": passes} if passes else {},
    )


# -- 5 ---------------------------------------------------------------------------------------------------------

ADMIN = f"arn:aws:iam::{ACCOUNT}:role/shop-admin"
PLAIN = f"arn:aws:iam::{ACCOUNT}:role/plain-execution"
BY_POLICY = "... because no identity-based policy allows the iam:PassRole action"
BY_BOUNDARY = "... because no permissions boundary allows the iam:PassRole action"
CREATED = [
    event("mine", "CreateFunction", "", passes=PLAIN),
    event("up", "CreateFunction20150331", "deployer", passes=ADMIN),
    event("policy", "CreateFunction20150331", "deployer", "AccessDenied", BY_POLICY, passes=ADMIN),
    event("boundary", "CreateFunction20150331", "deployer", "AccessDeniedException", BY_BOUNDARY, passes=ADMIN),
    event("work", "CreateFunction20150331", "deployer", passes=PLAIN),
    event("other", "ListFunctions20150331", "deployer"),
]


def passed_on(events: list[Event] | None = None, **answer: str) -> None:
    given = {
        "escalated": "up",
        "refused_by_policy": "policy",
        "refused_by_boundary": "boundary",
        "customers_read_as": f"arn:aws:sts::{ACCOUNT}:assumed-role/shop-admin/escalated",
        **answer,
    }
    edges.passed_on(
        CREATED if events is None else events,
        deployer="deployer",
        admin="shop-admin",
        function="escalated",
        account=ACCOUNT,
        **given,
    )


def test_an_escalation_is_told_by_the_three_events_and_by_the_session_that_read() -> None:
    passed_on()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"escalated": "nowhere"}, "no event id in CloudTrail"),
        ({"escalated": "mine"}, "an event CreateFunction of deployer"),
        ({"escalated": "other"}, "an event ListFunctions20150331"),
        ({"escalated": "policy"}, "A refusal is no escalation"),
        ({"escalated": "work"}, "made a function with plain-execution"),
        ({"refused_by_policy": "up"}, "was answered"),
        ({"refused_by_policy": "boundary", "refused_by_boundary": "policy"}, "no permissions boundary allows"),
        ({"customers_read_as": f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/friday"}, "never read a customer"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-",
)
def test_a_wrong_way_of_the_role_is_refused_with_what_the_event_says(answer: dict[str, str], says: str) -> None:
    assert says in refusal(lambda: passed_on(**answer))


def test_without_events_nothing_can_be_said() -> None:
    with pytest.raises(Uncheckable, match="some minutes"):
        passed_on([])


# -- 6 ---------------------------------------------------------------------------------------------------------

OWN = f"arn:aws:sns:us-east-1:{ACCOUNT}:order-placed"
NEIGHBOUR = f"arn:aws:sns:us-east-1:{ACCOUNT}:marketing-news"
STRANGER = "arn:aws:sns:us-east-1:210987654321:free-vouchers"
QUEUE = [
    Arrived("own-1", OWN, "none"),
    Arrived("near-1", NEIGHBOUR, "none"),
    Arrived("far-1", STRANGER, "none"),
    Arrived("own-2", OWN, "aws:SourceAccount"),
    Arrived("near-2", NEIGHBOUR, "aws:SourceAccount"),
    Arrived("own-3", OWN, "aws:SourceArn"),
]


def deputy(arrived: list[Arrived] | None = None, second: str = "210987654321", **answer: str) -> None:
    given = {"neighbour": "near-2", "stranger": "far-1", "shut_by": "aws:SourceArn", **answer}
    edges.deputy(QUEUE if arrived is None else arrived, own=OWN, account=ACCOUNT, second_account=second, **given)


def test_a_confused_deputy_is_told_by_the_two_messages_and_the_key() -> None:
    deputy()
    deputy(shut_by="AWS:sourcearn")


def test_without_a_second_account_there_is_no_stranger_to_name() -> None:
    deputy([one for one in QUEUE if one.topic != STRANGER], second="", stranger="")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"neighbour": "far-1"}, "came from a topic of account 210987654321"),
        ({"neighbour": "near-1"}, "the condition 'none'"),
        ({"neighbour": "own-2"}, "the shop's own topic"),
        ({"neighbour": "never"}, "no message in the queue has this id"),
        ({"stranger": "near-1"}, "a topic of your own account"),
        ({"shut_by": "aws:SourceAccount"}, "a message of marketing-news came in"),
        ({"shut_by": "aws:PrincipalOrgID"}, "on whose behalf"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-",
)
def test_a_wrong_message_or_key_is_refused_with_where_it_came_from(answer: dict[str, str], says: str) -> None:
    assert says in refusal(lambda: deputy(**answer))


def test_a_queue_without_the_last_trial_says_nothing() -> None:
    with pytest.raises(Uncheckable, match="last trial"):
        deputy(QUEUE[:-1])


# -- 7 ---------------------------------------------------------------------------------------------------------

OLD, NEW = "aaaaaa", "bbbbbb"


def call(function: str, number: int, fingerprint: str) -> Reading:
    moment = datetime.fromtimestamp(number, UTC)
    return Reading(
        function=function,
        request_id=f"{function}-{number}",
        stream="s",
        start=moment,
        end=moment,
        duration_ms=1,
        billed_ms=1,
        memory_mb=512,
        max_memory_mb=60,
        lines=(json.dumps({"fingerprint": fingerprint}),),
    )


CALLS = {
    "reads-each-time": [call("reads-each-time", number, OLD if number < 4 else NEW) for number in range(1, 7)],
    "reads-cached": [call("reads-cached", number, OLD if number < 6 else NEW) for number in range(1, 7)],
    "reads-variable": [call("reads-variable", number, OLD) for number in range(1, 7)],
}
COUNTS = {"reads-each-time": 6, "reads-cached": 2, "reads-variable": 0}


def secret_reads(calls: dict[str, list[Reading]] | None = None, **answer: Any) -> None:
    given: dict[str, Any] = {
        "each_time": 6,
        "cached": 2,
        "rotated": "put",
        "last_old": "reads-cached-5",
        "never_new": "reads-variable",
        **answer,
    }
    edges.secret_reads(CALLS if calls is None else calls, COUNTS, [event("put", "PutSecretValue")], NEW, **given)


def test_reads_and_rotation_are_told_by_counts_ids_and_the_function_that_never_learns() -> None:
    secret_reads()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"each_time": 8}, "CloudTrail has 6 events"),
        ({"cached": 6}, "A cache reads once for each environment"),
        ({"rotated": "get"}, "no event PutSecretValue"),
        ({"last_old": "reads-cached-3"}, "call 3 of reads-cached, which had the old key"),
        ({"last_old": "reads-cached-6"}, "call 6 of reads-cached, which had the new key"),
        ({"last_old": "reads-each-time-3"}, "a call of reads-each-time"),
        ({"last_old": "8f0c"}, "in no REPORT line"),
        ({"never_new": "reads-cached"}, "had the new key in the end"),
    ],
    ids=lambda value: str(value) if not isinstance(value, dict) else "-",
)
def test_a_wrong_count_or_call_is_refused_with_what_was_seen(answer: dict[str, Any], says: str) -> None:
    assert says in refusal(lambda: secret_reads(**answer))


def test_before_the_rotation_nothing_can_be_said() -> None:
    with pytest.raises(Uncheckable, match="rotation"):
        secret_reads({name: found[:3] for name, found in CALLS.items()})
