"""The shop of lab 06: made, at work, read back, and gone again, in the sandbox and in what stands for an account."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.functions import invoke
from checks.inventory import inventory
from checks.judge import NurseryProcess
from checks.lab06 import reading, shop
from checks.lab06.sessions import assume, attempt
from checks.lab06.trials import of_others, reads, trial, uploads
from checks.readings import invocations
from sandbox.cloud import Cloud, open_cloud

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def cloud(nursery: NurseryProcess) -> Iterator[Cloud]:
    handle = nursery().fork(seed=6)
    cloud = open_cloud("local", endpoint=handle.endpoint, credentials=handle.judge)
    shop.make(cloud)
    yield cloud
    nursery().stop(handle)


def test_the_shop_is_made_again_over_itself_and_leaves_nothing(nursery: NurseryProcess) -> None:
    handle = nursery().fork(seed=7)
    try:
        cloud = open_cloud("local", endpoint=handle.endpoint, credentials=handle.judge)
        before = inventory(cloud)
        for _ in range(2):
            shop.make(cloud)
        assert {item.kind for item in inventory(cloud)[0] - before[0]} >= {
            "role",
            "policy",
            "secret",
            "bucket",
            "queue",
        }
        trial(cloud, shop.allow("s3:ListAllMyBuckets", "*"))
        shop.work(cloud)
        shop.clear(cloud)
        assert inventory(cloud) == before
    finally:
        nursery().stop(handle)


def test_the_starter_policy_is_the_star_and_the_handlers_are_the_solved_ones() -> None:
    starter, solved = ROOT / "labs" / "06-iam-least-privilege", ROOT / "solutions" / "06-iam-least-privilege"
    assert (starter / shop.POLICY_FILE).read_bytes() == shop.INCIDENT.read_bytes()
    (statement,) = json.loads(shop.INCIDENT.read_text())["Statement"]
    assert statement["Resource"] == "*"
    assert {"dynamodb:*", "iam:PassRole"} <= set(statement["Action"])
    for name in ("orders.py", "newsletter.py", "whoami/app.py"):
        assert (starter / name).read_bytes() == (solved / name).read_bytes()


@pytest.mark.parametrize("function", [shop.ORDERS, shop.PRODUCTION])
def test_orders_does_all_its_work_under_the_star_and_under_productions_policy(cloud: Cloud, function: str) -> None:
    answers = shop.work(cloud, function, orders=2)
    assert [one.error for one in answers] == [""] * 5
    assert answers[1].result["status"] == "paid"
    assert {one["tenant"] for one in answers[-1].result["orders"]} == {shop.TENANT}
    assert invocations(cloud, function)


def test_orders_refuses_what_is_no_order(cloud: Cloud) -> None:
    for event in ({}, {"place": "x"}, {"place": 1, "total_cents": 1}, {"read": None}):
        assert invoke(cloud, shop.ORDERS, event).result["status"] == "refused"


def test_the_newsletter_reaches_those_who_want_it(cloud: Cloud) -> None:
    assert invoke(cloud, shop.NEWSLETTER, {"news": "Tea is cheaper"}).result == {"sent": 4}


def test_an_order_reaches_the_queue(cloud: Cloud) -> None:
    invoke(cloud, shop.ORDERS, {"place": "order-told", "total_cents": 700})
    queues, url, seen = cloud.client("sqs"), shop.queue_url(cloud), set()
    while messages := queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        seen |= {json.loads(one["Body"])["order_id"] for one in messages}
    assert "order-told" in seen


def test_a_policy_file_holds_in_every_account() -> None:
    arns = ("sns:REGION:ACCOUNT:t", "s3:::shop-receipts-ACCOUNT/acme/*", "iam::ACCOUNT:role/x")

    class Elsewhere:
        region, account = "eu-west-1", "111122223333"

    filled = [shop.policy_text(Elsewhere(), f"arn:aws:{one}") for one in (*arns, "ACCOUNT")]  # type: ignore[arg-type]
    assert filled == [
        "arn:aws:sns:eu-west-1:111122223333:t",
        "arn:aws:s3:::shop-receipts-111122223333/acme/*",
        "arn:aws:iam::111122223333:role/x",
        "arn:aws:ACCOUNT",
    ]


def test_what_is_worked_out_from_the_policies_is_what_the_cloud_answers(cloud: Cloud) -> None:
    anna = assume(cloud, shop.INTERN_ROLE, session="anna")
    tables, storage = anna.client("dynamodb"), anna.client("s3")
    order = shop.item({"tenant": shop.TENANT, "order_id": "order-1"})
    change = {"UpdateExpression": "SET note = :n", "ExpressionAttributeValues": {":n": {"S": "x"}}}
    customer = shop.item({"customer_id": "customer-1"})
    secret = shop.secret_arn(cloud, shop.PAYMENT_KEY)
    bucket = shop.receipts_bucket(cloud)
    customers = shop.table_arn(cloud, shop.CUSTOMERS_TABLE)
    for action, resource, outcome in (
        (
            "dynamodb:GetItem",
            shop.table_arn(cloud, shop.ORDERS_TABLE),
            attempt("read", tables.get_item, TableName=shop.ORDERS_TABLE, Key=order),
        ),
        (
            "dynamodb:UpdateItem",
            shop.table_arn(cloud, shop.ORDERS_TABLE),
            attempt("change", tables.update_item, TableName=shop.ORDERS_TABLE, Key=order, **change),
        ),
        (
            "dynamodb:GetItem",
            customers,
            attempt("customer", tables.get_item, TableName=shop.CUSTOMERS_TABLE, Key=customer),
        ),
        (
            "secretsmanager:GetSecretValue",
            secret,
            attempt("key", anna.client("secretsmanager").get_secret_value, SecretId=shop.PAYMENT_KEY),
        ),
        (
            "s3:PutObject",
            f"arn:aws:s3:::{bucket}/x",
            attempt("receipt", storage.put_object, Bucket=bucket, Key="x", Body=b""),
        ),
    ):
        explanation = reading.explained(cloud, anna, action, resource)
        assert explanation.decision.allowed == outcome.allowed, action
        if not outcome.allowed:
            assert explanation.sentence == outcome.message
        picture = reading.picture(explanation)
        assert ("is allowed." if outcome.allowed else "is denied.") in picture.text
    (denied,) = reading.denied_events(cloud, name="GetSecretValue", role=shop.INTERN_ROLE)
    assert (denied.action, denied.session, denied.code) == ("secretsmanager:GetSecretValue", "anna", "AccessDenied")


def test_the_policies_of_every_kind_of_resource_are_read_back(cloud: Cloud) -> None:
    shop.let_in(cloud, shop.NEWSLETTER, shop.INTERN_ROLE)
    for action, resource, statements in (
        ("sqs:SendMessage", shop.queue_arn(cloud), 1),
        ("s3:GetObject", f"arn:aws:s3:::{shop.receipts_bucket(cloud)}/x", 1),
        ("lambda:InvokeFunction", shop.function_arn(cloud, shop.NEWSLETTER), 1),
        ("sts:AssumeRole", shop.role_arn(cloud, shop.INTERN_ROLE), 1),
    ):
        found = reading.resource_policy(cloud, action, resource)
        assert found is not None, action
        assert len(found.policy.statements) == statements
    for action, resource in (
        ("lambda:InvokeFunction", shop.function_arn(cloud, shop.ORDERS)),
        ("secretsmanager:GetSecretValue", shop.secret_arn(cloud, shop.PAYMENT_KEY)),
        ("dynamodb:GetItem", shop.table_arn(cloud, shop.ORDERS_TABLE)),
        ("iam:PassRole", shop.role_arn(cloud, shop.INTERN_ROLE)),
        ("s3:ListAllMyBuckets", "*"),
    ):
        assert reading.resource_policy(cloud, action, resource) is None, action


def test_the_generated_policy_names_what_the_role_did(cloud: Cloud) -> None:
    shop.work(cloud, orders=1)
    used = reading.actions_of(reading.generated(cloud, shop.ORDERS_ROLE))
    assert used >= {
        "dynamodb:PutItem",
        "dynamodb:Query",
        "s3:PutObject",
        "sns:Publish",
        "secretsmanager:GetSecretValue",
    }
    assert "dynamodb:DeleteItem" not in used


def test_trials_tell_conditions_apart_that_look_alike(cloud: Cloud) -> None:
    table = shop.table_arn(cloud, shop.ORDERS_TABLE)
    keys = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [shop.TENANT]}}
    leaking = trial(cloud, shop.allow(["dynamodb:GetItem", "dynamodb:Scan"], table, Condition=keys))
    own, other, scan = reads(cloud, leaking)
    assert (own.allowed, other.allowed, scan.allowed) == (True, False, True)
    assert 4 <= of_others(scan) <= 9
    if_exists = {"StringEqualsIfExists": {"s3:x-amz-server-side-encryption": shop.ENCRYPTION}}
    receipts = f"arn:aws:s3:::{shop.receipts_bucket(cloud)}/*"
    lax = trial(cloud, shop.allow("s3:PutObject", receipts, Condition=if_exists))
    assert [one.allowed for one in uploads(cloud, lax)] == [True, True]
    assert set(shop.trial_roles(cloud)) >= {leaking, lax}


def test_access_levels_are_counted_by_the_first_that_an_action_has() -> None:
    assert reading.by_level(["dynamodb:GetItem", "s3:PutBucketPolicy", "sns:TagResource", "no:Such"]) == {
        "Read": 1,
        "Permissions management": 1,
        "Tagging": 1,
        "Write": 1,
    }


def test_a_role_that_somebody_else_made_stays_in_an_account(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud, "target", "account")
    with pytest.raises(RuntimeError, match="role deployer that this lab did not make"):
        shop.remove_role(cloud, shop.DEPLOYER_ROLE)
