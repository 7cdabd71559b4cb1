"""Thursday evening's change: what the change set's answers are held against, and a prod that can be brought back."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from checks.contract import Answers, Incorrect, Uncheckable
from checks.judge import NurseryProcess
from checks.lab02 import replacement, shop, stacks, trials
from sandbox.cloud import Cloud, open_cloud
from sandbox.templates import read


@pytest.fixture(scope="module")
def cloud(nursery: NurseryProcess) -> Iterator[Cloud]:
    handle = nursery().fork(seed=6)
    cloud = open_cloud("local", endpoint=handle.endpoint, credentials=handle.judge, seed=6)
    shop.make(cloud)
    yield cloud
    nursery().stop(handle)


def merged(cloud: Cloud) -> str:
    return replacement.packaged(cloud, read(replacement.MERGED.read_text(encoding="utf-8")))


def test_the_merged_change_is_what_the_learner_begins_with() -> None:
    text = replacement.MERGED.read_text(encoding="utf-8")
    assert (shop.STARTER / "hurry" / "merged.yaml").read_text(encoding="utf-8") == text
    assert (shop.STARTER / replacement.FILE).read_text(encoding="utf-8") == text


def test_orders_are_as_many_as_were_drawn_and_every_customer_has_one() -> None:
    for count in (4, 30, 80):
        found = replacement.orders(random.Random(count), count)
        assert len({one["order_id"] for one in found}) == count
        assert {one["customer"] for one in found} == set(replacement.CUSTOMERS)


def explain(cloud: Cloud, **answer: Any) -> None:
    count = replacement.count_of(cloud, "shop-prod-orders")
    right = {
        "logical_id": "Orders",
        "physical_id": "shop-prod-orders",
        "because_of": "TableName",
        "old_one": "ReplaceAndDelete",
        "orders": count,
    }
    replacement.found(cloud, Answers({**right, **answer}))


def test_nothing_has_landed_yet(cloud: Cloud) -> None:
    with pytest.raises(Uncheckable, match="Nothing has landed"):
        replacement.found(cloud, Answers({}))


def test_the_change_set_is_explained_or_refused_with_where_to_look(cloud: Cloud) -> None:
    replacement.land(cloud, replacement.FOLDER)
    explain(cloud)
    explain(cloud, because_of=["TableName"])
    for answer, says in (
        ({"logical_id": "FindOrders"}, "whose Replacement is False"),
        ({"logical_id": "Table"}, "which is in no line of the change set"),
        ({"physical_id": "Orders"}, "what the table is called today"),
        ({"because_of": "KeySchema"}, "whose RequiresRecreation is Conditionally"),
        ({"because_of": ["TableName", "BillingMode"]}, "because_of has 'BillingMode'"),
        ({"because_of": []}, "because_of has 0 of 1"),
        ({"because_of": 7}, "because_of is 7"),
        ({"old_one": "Delete"}, "what becomes of the table that is replaced"),
        ({"orders": 1}, "has another number of items"),
    ):
        with pytest.raises(Incorrect) as refused:
            explain(cloud, **answer)
        assert says in str(refused.value)
    assert stacks.status(cloud, replacement.STACK) == "CREATE_COMPLETE"


def test_who_executed_it_is_told_so_and_prod_comes_back(cloud: Cloud) -> None:
    replacement.land(cloud, replacement.FOLDER)
    assert stacks.deploy(cloud, replacement.STACK, merged(cloud), **trials.parameters()).succeeded
    with pytest.raises(Incorrect, match="The change set was executed"):
        replacement.found(cloud, Answers({}))
    assert not trials.still_there(cloud, replacement.TABLE_TYPE, "shop-prod-orders")
    assert replacement.land(cloud, replacement.FOLDER) == "shop-prod is CREATE_COMPLETE, its table is shop-prod-orders"
    assert replacement.FEWEST <= replacement.count_of(cloud, "shop-prod-orders") <= replacement.MOST
    explain(cloud)
