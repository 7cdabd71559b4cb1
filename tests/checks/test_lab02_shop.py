"""Lab 02's stacks: deployed, changed, refused and read back, and gone again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.contract import Uncheckable
from checks.functions import runtime
from checks.inventory import inventory
from checks.judge import NurseryProcess
from checks.lab02 import by_hand, copies, doors, reading, rounds, shop, stacks, tools
from checks.lab02.packaging import packaged, upload_bytes
from checks.lab06.reading import actions_of
from sandbox.cloud import Cloud, open_cloud

LAB = Path(__file__).parents[2] / "labs" / "02-sam-templating"
PYTHON = runtime()


@pytest.fixture(scope="module")
def cloud(nursery: NurseryProcess) -> Iterator[Cloud]:
    handle = nursery().fork(seed=2)
    cloud = open_cloud("local", endpoint=handle.endpoint, credentials=handle.judge)
    shop.make(cloud)
    yield cloud
    nursery().stop(handle)


@pytest.fixture(scope="module")
def first(cloud: Cloud) -> stacks.Deployment:
    return stacks.deploy(cloud, shop.FIRST, packaged(cloud, LAB / "first" / "template.yaml"), Runtime=PYTHON)


def test_all_that_the_lab_makes_goes_again(nursery: NurseryProcess) -> None:
    handle = nursery().fork(seed=3)
    try:
        cloud = open_cloud("local", endpoint=handle.endpoint, credentials=handle.judge)
        before = inventory(cloud)
        for _ in range(2):
            shop.make(cloud)
        by_hand.by_hand(cloud, LAB / "first" / "src")
        tools.sam(cloud, f"deploy --parameter-overrides Runtime={PYTHON}", LAB / "first", quiet=True)
        solved = shop.FILES / "cycle" / "template.yaml"
        assert stacks.deploy(cloud, shop.CYCLE, packaged(cloud, solved), Runtime=PYTHON).succeeded
        bucket = stacks.outputs(cloud, shop.CYCLE)["Bucket"]
        cloud.client("s3").put_object(Bucket=bucket, Key="receipts/one.json", Body=b'{"lines": []}')
        assert {item.kind for item in inventory(cloud)[0] - before[0]} >= {"stack", "HTTP API", "bucket", "function"}
        shop.clear(cloud)
        assert inventory(cloud) == before
        shop.clear(cloud)
    finally:
        nursery().stop(handle)


def test_the_script_goes_on_after_errors_and_leaves_a_second_api(cloud: Cloud) -> None:
    source = LAB / "first" / "src"
    assert [one.code for one in by_hand.by_hand(cloud, source)] == [""] * 12
    again = by_hand.by_hand(cloud, source)
    assert [one.number for one in again if one.code] == [1, 3, 5, 7, 12]
    apis = dict(by_hand.apis_by_hand(cloud))
    assert len(apis) == 2
    (works,) = by_hand.let_in(cloud)
    order = {"customer": "ada", "total_cents": 100}
    replies = {id: tools.call(cloud, f"{url}/orders", "POST", order).status for id, url in apis.items()}
    assert replies == {id: 201 if id == works else 500 for id in apis}


def test_a_deployment_tells_what_it_did_and_the_next_one_that_there_is_nothing_to_do(
    cloud: Cloud, first: stacks.Deployment
) -> None:
    assert first.status == "CREATE_COMPLETE"
    assert {one.action for one in first.changes} == {"Add"}
    assert first.events[0].status == "CREATE_IN_PROGRESS"
    assert first.events[-1].logical_id == shop.FIRST
    again = stacks.deploy(cloud, shop.FIRST, packaged(cloud, LAB / "first" / "template.yaml"))
    assert again.status == "NO_CHANGE"
    assert again.succeeded
    assert not again.events


def test_a_template_that_is_none_is_refused_and_leaves_no_stack(cloud: Cloud) -> None:
    for template in ("Resources: {}", packaged(cloud, LAB / "cycle" / "before.yaml")):
        refused = stacks.deploy(cloud, "orders-none", template)
        assert refused.status == "REFUSED"
        assert refused.reason
        assert not refused.succeeded
        assert stacks.status(cloud, "orders-none") is None


def test_a_statement_that_a_hand_took_away_is_put_back_under_its_name(cloud: Cloud, first: stacks.Deployment) -> None:
    assert first.succeeded
    url = f"{stacks.outputs(cloud, shop.FIRST)['Url']}/orders"
    order = {"customer": "ada", "total_cents": 100}
    post = doors.door(cloud, shop.FIRST, "OrdersPlacePermission")
    assert post.principal == "apigateway.amazonaws.com"
    assert post.source_arn.endswith("/POST/orders")
    doors.take_away(cloud, post)
    assert tools.call(cloud, url, "POST", order).status == 500
    doors.put_back(cloud, post)
    assert tools.call(cloud, url, "POST", order).status == 201
    assert doors.door(cloud, shop.FIRST, "OrdersPlacePermission") == post


def test_the_policy_template_grants_a_list_on_one_table(cloud: Cloud, first: stacks.Deployment) -> None:
    assert first.succeeded
    table = stacks.physical(cloud, shop.FIRST, "OrdersTable")
    crud = doors.policy_of(cloud, shop.FIRST, "OrdersRole")
    arns = doors.resources_of(crud)
    assert [arn.rpartition("table/")[2] for arn in arns] == [table, f"{table}/index/*"]
    assert len(actions_of(crud)) < len(actions_of(doors.full_access(cloud)))


def test_only_code_and_memory_publish_a_version(cloud: Cloud) -> None:
    work = copies.copied(LAB / "versions")
    source = work / "template.yaml"

    def deployed(name: str) -> reading.Standing:
        stacks.deploy(cloud, shop.VERSIONS, packaged(cloud, source), Runtime=PYTHON)
        return reading.standing(cloud, shop.VERSIONS, name)

    assert deployed("first").live == 1
    copies.new_release(work / "src" / "app.py")
    code = deployed("code")
    assert code.live == 2
    assert code.versions[0].code_sha != code.versions[1].code_sha
    copies.edited(source, "Timeout: 5", "Timeout: 10")
    timeout = deployed("timeout")
    assert (timeout.live, timeout.serving.timeout, timeout.latest.timeout) == (2, 5, 10)
    with pytest.raises(ValueError, match="has no 'Timeout: 5'"):
        copies.edited(source, "Timeout: 5", "Timeout: 10")


def test_a_change_set_waits_and_is_read_back(cloud: Cloud) -> None:
    before = (LAB / "changes" / "template.yaml").read_text(encoding="utf-8")
    assert stacks.deploy(cloud, shop.CHANGES, before, Runtime=PYTHON).succeeded
    assert reading.planned(cloud, shop.CHANGES) == ()
    wanted = stacks.plan(cloud, shop.CHANGES, (LAB / "changes" / "wanted.yaml").read_text(encoding="utf-8"))
    assert {one.logical_id: one.replacement for one in wanted.changes} == {
        "Register": "False",
        "Orders": "False",
        "Customers": "Conditional",
        "Registered": "True",
    }
    assert reading.planned(cloud, shop.CHANGES) == wanted.changes
    assert reading.planned(cloud, "orders-none") == ()


def test_the_first_failure_of_the_round_is_the_layer_and_the_next_deployment_begins_anew(cloud: Cloud) -> None:
    template = (LAB / "failing" / "template.yaml").read_text(encoding="utf-8")
    for _ in range(2):
        failed = stacks.deploy(cloud, shop.FAILING, template, Runtime=PYTHON)
        assert failed.status == "ROLLBACK_COMPLETE"
        first = rounds.first_failure(failed.events, shop.FAILING)
        assert first is not None
        assert first.logical_id == "Print"
        assert "does not exist" in first.reason
        assert reading.failed_deployment(cloud, shop.FAILING) == list(failed.events)


def test_the_same_bytes_have_one_place(cloud: Cloud) -> None:
    assert upload_bytes(cloud, b"one") == upload_bytes(cloud, b"one")
    assert upload_bytes(cloud, b"one") != upload_bytes(cloud, b"two")


def test_an_order_that_nobody_placed_is_not_found(cloud: Cloud, first: stacks.Deployment) -> None:
    assert first.succeeded
    url = f"{stacks.outputs(cloud, shop.FIRST)['Url']}/orders"
    assert tools.call(cloud, f"{url}/unknown").status == 404
    placed = tools.call(cloud, url, "POST", {"customer": "ada", "total_cents": 1490})
    assert tools.call(cloud, f"{url}/{placed.body['id']}").body == placed.body


def test_a_stack_or_resource_that_is_not_there_is_told_in_a_sentence(cloud: Cloud, first: stacks.Deployment) -> None:
    for work in (
        lambda: stacks.resources(cloud, "orders-nowhere"),
        lambda: stacks.physical(cloud, "orders-nowhere", "Orders"),
        lambda: stacks.template_of(cloud, "orders-nowhere", "Processed"),
    ):
        with pytest.raises(Uncheckable, match=r"There is no stack orders-nowhere\. Run the cell that deploys it"):
            work()
    with pytest.raises(Uncheckable, match=f"The stack {first.stack} has no resource Receipts"):
        stacks.physical(cloud, first.stack, "Receipts")
