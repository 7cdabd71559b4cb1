"""What a transform made, what needs what, and where a cycle lies: read from documents alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from checks.contract import Incorrect, Uncheckable
from checks.lab02 import pictures
from checks.lab02.packaging import packaged, with_code, zipped
from checks.lab02.stacks import Change
from checks.lab02.tools import Ran
from checks.lab02.transform import cycle_in, made_of, needs_of
from sandbox.templates import read
from sandbox.templates.document import Document
from sandbox.templates.serverless import expand
from sandbox.views.templates import Need

LAB = Path(__file__).parents[2] / "labs" / "02-sam-templating"
SOLVED = LAB.parents[1] / "solutions" / LAB.name


def document(path: Path) -> Document:
    return with_code(read(path.read_text(encoding="utf-8")), lambda folder: f"s3://shop/{folder}")


def expanded(path: Path) -> Document:
    return expand(document(path), {}, region="eu-west-1")


def test_each_generated_resource_belongs_to_the_one_that_it_is_named_after() -> None:
    path = LAB / "first" / "template.yaml"
    found = {one.name: one for one in made_of(document(path), expanded(path))}
    assert list(found) == ["Orders", "OrdersTable", "OrderEvents", "OrdersLog", "ServerlessHttpApi"]
    assert found["Orders"].made[0] == ("Orders", "AWS::Lambda::Function")
    assert {id for id, _ in found["Orders"].made} == {
        "Orders",
        "OrdersRole",
        "OrdersPlacePermission",
        "OrdersFindPermission",
    }
    assert found["OrdersTable"].copied
    assert not found["ServerlessHttpApi"].written
    assert len(found["ServerlessHttpApi"].made) == 2


def test_a_layers_hash_does_not_hide_where_it_comes_from() -> None:
    path = LAB / "layers" / "template.yaml"
    tax = next(one for one in made_of(document(path), expanded(path)) if one.name == "Tax")
    ((id, kind),) = tax.made
    assert id.startswith("Tax")
    assert id != "Tax"
    assert kind == "AWS::Lambda::LayerVersion"


def test_the_cycle_of_the_round_is_found_and_gone_in_the_solution() -> None:
    before = needs_of(expanded(LAB / "cycle" / "before.yaml"))
    assert Need("AddUpRole", "Receipts", "Policies") in before
    assert Need("Receipts", "AddUpArrivedPermission", "DependsOn") in before
    assert set(cycle_in(before)) == {"Receipts", "AddUp", "AddUpRole"}
    assert cycle_in(needs_of(expanded(SOLVED / "cycle" / "template.yaml"))) == []


def test_the_shortest_cycle_is_named_and_a_template_that_fans_out_takes_no_time() -> None:
    names = [f"R{number}" for number in range(200)]
    fan = [Need(one, other) for index, one in enumerate(names) for other in names[index + 1 :]]
    assert cycle_in(fan) == []
    assert len(cycle_in([*fan, Need("R150", "R100")])) == 2
    assert cycle_in([Need("A", "A")]) == ["A"]


def test_only_folders_on_this_machine_are_packaged() -> None:
    given = read(
        """
Resources:
  A: {Type: "AWS::Serverless::Function", Properties: {CodeUri: src/}}
  B: {Type: "AWS::Serverless::Function", Properties: {CodeUri: "s3://there/already"}}
  C: {Type: "AWS::Serverless::Function", Properties: {InlineCode: "x = 1"}}
  D: {Type: "AWS::Serverless::LayerVersion", Properties: {ContentUri: layer/}}
  E: {Type: "AWS::SQS::Queue"}
  F: {Type: "AWS::Serverless::Function", Properties: {CodeUri: {Bucket: b, Key: k}}}
"""
    )
    changed = with_code(given, lambda folder: f"s3://shop/{folder}")["Resources"]
    assert changed["A"]["Properties"]["CodeUri"] == "s3://shop/src/"
    assert changed["B"]["Properties"]["CodeUri"] == "s3://there/already"
    assert changed["D"]["Properties"]["ContentUri"] == "s3://shop/layer/"
    assert changed["F"]["Properties"]["CodeUri"] == {"Bucket": "b", "Key": "k"}
    assert given["Resources"]["A"]["Properties"]["CodeUri"] == "src/"


def test_the_same_files_make_the_same_zip_and_none_make_none(tmp_path: Path) -> None:
    (tmp_path / "src" / "part").mkdir(parents=True)
    (tmp_path / "src" / "part" / "app.py").write_text("x = 1\n")
    first = zipped(tmp_path / "src")
    assert first == zipped(tmp_path / "src")
    (tmp_path / "src" / "part" / "app.py").write_text("x = 2\n")
    assert zipped(tmp_path / "src") != first
    with pytest.raises(FileNotFoundError, match="no code in"):
        zipped(tmp_path / "nothing")


def test_what_the_learner_edits_begins_as_the_refused_template() -> None:
    assert (LAB / "cycle" / "template.yaml").read_bytes() == (LAB / "cycle" / "before.yaml").read_bytes()


def test_what_is_added_and_what_goes_does_not_stay() -> None:
    planned = [
        Change("Add", "Index", "AWS::SQS::Queue"),
        Change("Remove", "Old", "AWS::SQS::Queue", policy_action="Delete"),
        Change("Modify", "Find", "AWS::Lambda::Function", replacement="False"),
    ]
    text = pictures.changes(planned).text
    assert "What stays: Find." in text
    assert "What is replaced or goes: Old." in text
    assert "What is new: Index." in text


def test_a_template_that_cant_be_read_has_no_picture_and_no_traceback() -> None:
    with pytest.raises(Uncheckable, match="can't be read: Template format error"):
        pictures.needs("Resources: [", "us-east-1")


def test_a_template_that_cant_be_packaged_is_named(tmp_path: Path) -> None:
    cloud: Any = None
    file = tmp_path / "cycle" / "template.yaml"
    with pytest.raises(Incorrect, match=r"cycle/template\.yaml is not there"):
        packaged(cloud, file)
    file.parent.mkdir()
    file.write_text("Resources: [")
    with pytest.raises(Incorrect, match=r"cycle/template\.yaml can't be read: Template format error"):
        packaged(cloud, file)
    file.write_text('Resources: {A: {Type: "AWS::Serverless::Function", Properties: {CodeUri: scr/}}}')
    with pytest.raises(Incorrect, match="there is no code in cycle/scr"):
        packaged(cloud, file)


def test_of_a_command_that_failed_the_error_is_shown_and_no_stack_trace() -> None:
    assert Ran(1, ("Building", "", "Error: no such folder", "  see above")).complaint == (
        "Error: no such folder\n  see above"
    )
    explained = Ran(1, ("Error: 'Resources' section is required", "Traceback:", '  File "x.py", line 3'))
    assert explained.complaint == "Error: 'Resources' section is required"
    crashed = Ran(1, ("Traceback (most recent call last):", '  File "x.py", line 3', "    raise X", "X: no Resources"))
    assert crashed.complaint == "X: no Resources"
