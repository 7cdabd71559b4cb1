"""The privilege gap: what counts as needed, what as beyond need, and that a policy's shape does not matter."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from checks.lab06 import shop
from checks.lab06.gap import MOST_EXCESS, PRODUCTION_EXCESS, Gap, Shop, gap, identity, universe
from sandbox.access import Source, catalog, parse

HERE = Shop(
    account="123456789012",
    region="us-east-1",
    function="orders",
    role="orders-execution",
    payment_key_arn="arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/payment-key-AbCdEf",
    salaries_arn="arn:aws:secretsmanager:us-east-1:123456789012:secret:hr/salaries-AbCdEf",
    bucket="shop-receipts-123456789012",
)


def filled(text: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        text.replace("REGION:ACCOUNT", "us-east-1:123456789012").replace("ACCOUNT", "123456789012")
    )
    return document


LEAST = filled((shop.HANDLERS / shop.POLICY_FILE).read_text())
PRODUCTION = filled(shop.PRODUCTION_POLICY.read_text())
INCIDENT = filled(shop.INCIDENT.read_text())


def gap_of(
    *documents: dict[str, Any], boundary: dict[str, Any] | None = None, tags: dict[str, str] | None = None
) -> Gap:
    sources = [Source("identity", "p", parse(document)) for document in documents]
    limit = Source("boundary", "b", parse(boundary)) if boundary else None
    return gap(identity(sources, limit), HERE, tags)


def changed(sid: str, **elements: Any) -> dict[str, Any]:
    return {
        **LEAST,
        "Statement": [{**one, **(elements if one["Sid"] == sid else {})} for one in LEAST["Statement"]],
    }


def test_the_least_policy_has_all_that_is_needed_and_nothing_beyond() -> None:
    found = gap_of(LEAST)
    assert [str(one) for one in found.excess] == []
    assert [str(one) for one in found.missing] == []
    assert len(found.needed) == sum(one.use == "needed" for one in universe(HERE))


def test_the_incidents_policy_grants_most_of_the_universe() -> None:
    found = gap_of(INCIDENT)
    assert found.size > 80
    assert not found.missing
    assert len(found.needed) == 8


def test_the_starter_is_the_incidents_policy() -> None:
    starter = shop.HANDLERS.parents[1] / "labs" / shop.HANDLERS.name / shop.POLICY_FILE
    assert json.loads(starter.read_text()) == json.loads(shop.INCIDENT.read_text())


def test_a_policy_without_statements_that_apply_has_no_gap_and_lacks_everything() -> None:
    found = gap_of({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
    assert (found.size, len(found.needed)) == (0, 0)
    assert len(found.missing) == 8


def test_production_does_its_work_with_the_gap_that_a_mend_may_have() -> None:
    found = gap(identity([Source("identity", "p", parse(PRODUCTION))]), replace(HERE, function="orders-prod"), None)
    assert (found.size, len(found.missing)) == (PRODUCTION_EXCESS, 0)


def test_every_action_of_the_universe_is_one_of_aws_and_every_pair_stands_once() -> None:
    pairs = universe(HERE)
    for pair in pairs:
        known = catalog.action(pair.action)
        assert known is not None, pair
        assert known.full_name == pair.action
    assert len({str(one) for one in pairs}) == len(pairs)


@pytest.mark.parametrize(
    ("document", "beyond"),
    [
        (
            changed("OrdersOfItsTenant", Condition={}),
            {
                "dynamodb:GetItem on orders of globex, another tenant",
                "dynamodb:PutItem on orders of globex, another tenant",
            }
            | {"dynamodb:Query on orders of globex, another tenant"},
        ),
        (
            changed("EncryptedReceipts", Condition={}),
            {"s3:PutObject on receipts of acme, encryption not asked for"},
        ),
        (
            changed("PaymentKey", Resource="arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/payment-key-*"),
            {"secretsmanager:GetSecretValue on shop/payment-key-archive"},
        ),
    ],
    ids=["any tenant", "any upload", "a longer name"],
)
def test_what_a_looser_policy_grants_beyond_need_is_named(document: dict[str, Any], beyond: set[str]) -> None:
    assert {str(one) for one in gap_of(document).excess} == beyond


def test_a_scan_counts_where_only_for_all_values_guards_it() -> None:
    loose = changed(
        "OrdersOfItsTenant",
        Action="dynamodb:*",
        Condition={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["acme"]}},
    )
    beyond = {str(one) for one in gap_of(loose).excess}
    assert "dynamodb:Scan on all orders" in beyond
    assert "dynamodb:GetItem on orders of globex, another tenant" not in beyond


def test_a_policy_that_is_as_narrow_by_other_means_is_as_good() -> None:
    """Split in two, by a principal's tag, by the function's ARN, by a boundary: what counts is what it grants."""
    first, rest = {**LEAST, "Statement": LEAST["Statement"][:2]}, {**LEAST, "Statement": LEAST["Statement"][2:]}
    assert gap_of(first, rest) == gap_of(LEAST)
    condition = {
        "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["${aws:PrincipalTag/tenant}"]},
        "Null": {"dynamodb:LeadingKeys": "false"},
        "ArnEquals": {"lambda:SourceFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:orders"},
    }
    by_tag = gap_of(changed("OrdersOfItsTenant", Condition=condition), tags={"tenant": "acme"})
    assert (by_tag.size, len(by_tag.missing)) == (0, 0)
    bounded = gap_of(INCIDENT, boundary=LEAST)
    assert (bounded.size, len(bounded.missing)) == (0, 0)


def test_the_record_of_a_day_passes_no_check() -> None:
    """What Access Analyzer generates knows neither the next receipt nor whose key it is."""
    recorded = changed("OrdersOfItsTenant", Condition={})
    for one in recorded["Statement"]:
        if one["Sid"] == "EncryptedReceipts":
            one["Resource"] = "arn:aws:s3:::shop-receipts-123456789012/acme/order-1.json"
    found = gap_of(recorded)
    assert found.size > MOST_EXCESS
    assert [one.action for one in found.missing] == ["s3:PutObject"]
