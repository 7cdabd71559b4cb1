"""The judge's own deployments: the learner's template read, its code found, and everything taken away again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from checks.contract import Answers, Incorrect, NotAttempted
from checks.judge import NurseryProcess
from checks.lab02 import orders, prove, shop, stacks, trials
from sandbox.cloud import Cloud, open_cloud
from sandbox.templates import read

SOLVED = read((trials.FILES / orders.FILE).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def cloud(nursery: NurseryProcess) -> Iterator[Cloud]:
    handle = nursery().fork(seed=4)
    cloud = open_cloud("local", endpoint=handle.endpoint, credentials=handle.judge)
    shop.make(cloud)
    yield cloud
    nursery().stop(handle)


def handed_in(folder: Path, text: str) -> Answers:
    target = folder / "02-sam-templating"
    (target / "orders").mkdir(parents=True)
    (target / orders.FILE).write_text(text, encoding="utf-8")
    return Answers({}, folder=target)


def test_an_untouched_template_is_not_attempted_whatever_its_blanks(tmp_path: Path) -> None:
    text = orders.BEGINNING.read_text(encoding="utf-8")
    with pytest.raises(NotAttempted):
        orders.own_template(handed_in(tmp_path, f"{text}\n\n# looked at it\n"))


def test_a_template_that_is_none_is_refused_in_cloudformations_words(tmp_path: Path) -> None:
    with pytest.raises(Incorrect, match="can't be read"):
        orders.own_template(handed_in(tmp_path, "Resources: [\n"))


def code_of(**properties: object) -> object:
    document = {"Resources": {"F": {"Type": "AWS::Serverless::Function", "Properties": properties}}}
    found = trials.code_of(document, orders.FILE, orders.FOLDER, lambda folder: f"s3://bucket/{folder.name}")
    return found["Resources"]["F"]["Properties"].get("CodeUri")


def test_code_is_taken_from_beside_the_template_and_from_nowhere_else() -> None:
    assert code_of(CodeUri="src/") == "s3://bucket/src"
    assert code_of(InlineCode="def handler(): pass") is None
    for place in ("../first/src", "/etc", "nowhere", "src/app.py"):
        with pytest.raises(Incorrect, match="takes code from"):
            code_of(CodeUri=place)


def test_code_that_all_functions_share_is_found_too() -> None:
    document = {"Globals": {"Function": {"CodeUri": "src", "Timeout": 3}}, "Resources": {}}
    found = trials.code_of(document, orders.FILE, orders.FOLDER, lambda folder: f"s3://bucket/{folder.name}")
    assert found["Globals"] == {"Function": {"CodeUri": "s3://bucket/src", "Timeout": 3}}


def failed(*reasons: str) -> stacks.Deployment:
    moment = datetime(2026, 11, 19, tzinfo=UTC)
    events = [
        stacks.Event(str(number), f"R{number}", "T", "CREATE_FAILED", reason, moment)
        for number, reason in enumerate(reasons)
    ]
    return stacks.Deployment("s", "ROLLBACK_COMPLETE", "", (), tuple(events))


def test_the_cause_is_the_first_failure_that_was_not_cancelled() -> None:
    assert trials.cause(failed("Resource creation cancelled", "no such key", "later")) == "R1 (T): no such key"
    assert trials.cause(stacks.Deployment("s", "REFUSED", "Parameters: [A] must have values")) == (
        "Parameters: [A] must have values"
    )


def test_what_is_protected_and_retained_goes_too(cloud: Cloud) -> None:
    properties = {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "DeletionProtectionEnabled": True,
    }
    table = {"Type": "AWS::DynamoDB::Table", "DeletionPolicy": "Retain", "Properties": properties}
    text = json.dumps({"Resources": {"Table": table, "Log": {"Type": "AWS::Logs::LogGroup"}}})
    with trials.removed(cloud, "kept", "never-made"):
        assert stacks.deploy(cloud, "kept", text).succeeded
        name, log = stacks.physical(cloud, "kept", "Table"), stacks.physical(cloud, "kept", "Log")
        assert trials.still_there(cloud, "AWS::DynamoDB::Table", name)
        assert trials.log_group(cloud, log) is not None
        stacks.delete(cloud, "kept")
        assert trials.still_there(cloud, "AWS::DynamoDB::Table", name)
    assert not trials.still_there(cloud, "AWS::DynamoDB::Table", name)
    assert trials.log_group(cloud, log) is None


def test_each_fault_is_one_resources_and_waits_for_the_table() -> None:
    found = prove.faults(SOLVED, "abc")
    assert {one.logical_id for one in found} == {"OrdersLog", "OrderEvents", "FailedOrderEvents", "OrdersFunction"}
    for one in found:
        changed = {id for id, resource in one.document["Resources"].items() if resource != SOLVED["Resources"][id]}
        assert changed == {one.logical_id}
        if one.logical_id != "OrdersFunction":
            assert one.document["Resources"][one.logical_id]["DependsOn"] == ["OrdersTable"]


def test_a_last_fault_waits_for_all_that_a_policy_may_keep() -> None:
    assert prove.last_faults(SOLVED, "abc") == []
    kept = {**SOLVED["Resources"]["OrderEvents"], "DeletionPolicy": "Retain"}
    (last,) = prove.last_faults({**SOLVED, "Resources": {**SOLVED["Resources"], "OrderEvents": kept}}, "abc")
    assert last.document["Resources"][last.logical_id]["DependsOn"] == ["OrdersTable", "OrderEvents"]


def proven(cloud: Cloud, folder: Path, old: str, new: str) -> None:
    text = (trials.FILES / orders.FILE).read_text(encoding="utf-8")
    assert text.count(old) == 1
    prove.proven(cloud, handed_in(folder, text.replace(old, new)))


@pytest.mark.parametrize("kind", ["AWS::S3::Bucket", "AWS::SNS::Topic"])
def test_what_a_rollback_keeps_is_seen_whatever_it_is(cloud: Cloud, tmp_path: Path, kind: str) -> None:
    more = f"  Kept:\n    Type: {kind}\n    DeletionPolicy: Retain\n\n  OrdersLog:\n"
    with pytest.raises(Incorrect, match=r"rolled back, and Kept .* was kept"):
        proven(cloud, tmp_path, "  OrdersLog:\n", more)


def test_what_a_deployment_of_the_lab_keeps_is_cleared(cloud: Cloud) -> None:
    packed = trials.text_of(trials.packaged(cloud, SOLVED, orders.FILE, orders.FOLDER))
    made = orders.deployed(cloud, "orders-dev", packed, "prod", 14)
    assert made.call("GET", "/orders/none").status == 404
    shop.clear(cloud)
    assert stacks.described(cloud, "orders-dev") == {}
    assert not trials.still_there(cloud, "AWS::DynamoDB::Table", made.table)
    shop.make(cloud)
