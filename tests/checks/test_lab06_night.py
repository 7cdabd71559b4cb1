"""The night's cause: how a refusal is read from a log, and what is said to answers that do not fit it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from checks.contract import Uncheckable
from checks.lab06 import night, shop
from checks.readings import Reading
from tests.checks.test_lab06_edges import event
from tests.checks.test_lab06_rounds import refusal

ACCOUNT = "123456789012"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/orders-prod/orders-prod"
SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:shop/payment-key-AbCdEf"
TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/orders"


def line(action: str, resource: str) -> str:
    return (
        f"[ERROR] ClientError: An error occurred (AccessDenied) when calling it: User: {SESSION} is not authorized to "
        f"perform: {action} on resource: {resource} because no identity-based policy allows the {action} action"
    )


def call(id: str, *lines: str, function: str = "orders-prod") -> Reading:
    moment = datetime.fromtimestamp(1, UTC)
    return Reading(function, id, "s", moment, moment, 1, 1, 512, 60, lines=lines)


WELL = call("well", "{}")
BY_SECRET = [WELL, call("bad", line("secretsmanager:GetSecretValue", "shop/payment-key"))]
BY_ITEM = [WELL, call("bad", line("dynamodb:PutItem", TABLE))]
REFUSED = event("trail", "GetSecretValue", "orders-prod", "AccessDenied")
ANSWERED = event("fine", "GetSecretValue", "orders-prod")


def cause(calls: list[Reading], events: list[Any], **answer: Any) -> None:
    night.cause(
        calls,
        {"orders": [call("other", function="orders")]},
        events,
        role="orders-prod",
        secrets={"shop/payment-key": SECRET},
        **answer,
    )


def of_secret(events: list[Any] | None = None, **answer: Any) -> None:
    given = {
        "failed": "bad",
        "action": "secretsmanager:GetSecretValue",
        "resource": "shop/payment-key",
        "principal": SESSION,
        "event": "trail",
        **answer,
    }
    named = [REFUSED, ANSWERED] if events is None else events
    cause(BY_SECRET, [_of_vault(one) for one in named], **given)


def _of_vault(one: Any) -> Any:
    return replace(one, service="secretsmanager")


def of_item(**answer: Any) -> None:
    given = {
        "failed": "bad",
        "action": "dynamodb:PutItem",
        "resource": TABLE,
        "principal": SESSION,
        "event": None,
        **answer,
    }
    cause(BY_ITEM, [_of_vault(ANSWERED)], **given)


def test_a_refusal_is_read_in_the_words_of_every_service() -> None:
    s3 = f'User: {SESSION} is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::b/k" because no'
    assert night.denial_in(s3) == night.Denial(SESSION, "s3:PutObject", "arn:aws:s3:::b/k", "because no")
    with_deny = f"User: {SESSION} is not authorized to perform: SNS:Publish on resource: {TABLE} with an explicit deny"
    assert night.denial_in(with_deny) == night.Denial(SESSION, "SNS:Publish", TABLE, "with an explicit deny")
    assert night.denial_in("Task timed out after 3.00 seconds") is None


def test_the_cause_is_accepted_by_name_by_arn_and_for_session_or_role() -> None:
    of_secret()
    of_secret(resource=SECRET, principal=f"arn:aws:iam::{ACCOUNT}:role/orders-prod")
    of_item()
    of_item(action="DynamoDB:PutItem")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"failed": "well"}, "its log has no refusal"),
        ({"failed": "other"}, "a call of the function orders"),
        ({"failed": "8f0c"}, "in no REPORT line"),
        ({"action": "secretsmanager:*"}, "Only the missing action"),
        ({"resource": "*"}, "A permission is a pair"),
        ({"principal": f"arn:aws:iam::{ACCOUNT}:user/learner"}, "Who calls the function is one principal"),
        ({"event": None}, "its event history has 1"),
        ({"event": "fine"}, "a GetSecretValue of orders-prod in CloudTrail"),
        ({"event": "8f0c"}, "no event there"),
    ],
    ids=lambda value: str(value) if not isinstance(value, dict) else "-",
)
def test_a_wrong_cause_is_refused_with_where_to_look(answer: dict[str, Any], says: str) -> None:
    assert says in refusal(lambda: of_secret(**answer))


def test_a_data_event_has_no_event_in_the_history_and_the_answer_says_none() -> None:
    assert "no refusal of dynamodb:PutItem at all" in refusal(lambda: of_item(event="fine"))


def test_a_management_event_that_has_not_arrived_is_waited_for() -> None:
    with pytest.raises(Uncheckable, match="some minutes"):
        of_secret([ANSWERED], event=None)


def test_the_clean_up_drops_one_action_and_leaves_the_others() -> None:
    statements = json.loads(shop.PRODUCTION_POLICY.read_text())["Statement"]
    whole = {name for one in statements for name in night._actions(one)}
    for dropped in set(night.DROPPED):
        left = {name for one in night._without(statements, dropped) for name in night._actions(one)}
        assert whole - left == {dropped}
