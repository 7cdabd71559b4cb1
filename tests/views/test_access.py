"""The pictures of permissions: what they say, and that they are drawn without a network."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from sandbox.views import Picture
from sandbox.views.access import Grant, Stage, Statement, evaluation, granted, privilege_gap


def texts(picture: Picture) -> list[str]:
    root = ElementTree.fromstring(picture.svg())
    return [text for element in root.iter() if (text := (element.text or "").strip())]


DENY = Statement("identity", "intern", "Ticket4711", "Deny", action=True, resource=True, applies=True)
ALLOW = Statement("identity", "shop-support", "LookAfterOrders", "Allow", action=True, resource=True, applies=True)
SILENT = Statement("identity", "shop-support", "ReadReceipts", "Allow", action=False, resource=False)
BOUNDARY = Statement("boundary", "intern-boundary", "Most", "Allow", action=True, resource=True, applies=True)


def decided(one: Statement, **more: Any) -> Statement:
    return Statement(
        one.kind,
        one.policy,
        one.name,
        one.effect,
        action=one.action,
        resource=one.resource,
        applies=one.applies,
        **{"decided": True, **more},
    )


def test_an_evaluation_shows_every_kind_every_statement_and_what_of_it_fits() -> None:
    picture = evaluation([decided(DENY), ALLOW, SILENT, BOUNDARY], call="dynamodb:GetItem on customers", allowed=False)
    drawn = texts(picture)
    for expected in (
        "dynamodb:GetItem on customers: denied",
        "identity-based policies: grant",
        "permissions boundary: limits",
        "intern · Ticket4711",
        "shop-support · LookAfterOrders",
        "principal",
        "action",
        "resource",
        "condition",
        "denies",
        "is silent",
    ):
        assert expected in drawn
    # Service control policies, the resource's and the session's are not there, and the picture says so.
    assert drawn.count("none here") == 3
    assert drawn.count("✗") == 2
    assert "Ticket4711 of intern (Deny) denies and decides." in picture.text
    assert "LookAfterOrders of shop-support (Allow) allows." in picture.text
    assert "ReadReceipts of shop-support (Allow) does not apply: the action and resource do not fit." in picture.text


def test_where_nothing_decided_the_kind_that_did_not_allow_is_named() -> None:
    picture = evaluation(
        [SILENT, BOUNDARY], call="a call", allowed=False, reason="identity", sentence="No policy allows it."
    )
    assert "none allows" in texts(picture)
    assert "Of the identity-based policies none allows, and that decides. No policy allows it." in picture.text
    assert "none allows" not in texts(evaluation([decided(ALLOW)], call="a call", allowed=True, reason="allowed"))


def test_a_condition_that_does_not_fit_is_told_in_its_own_sentence() -> None:
    missing = Statement(
        "identity", "trial", "Own", "Allow", action=True, resource=True, condition=False, why="There is no such key."
    )
    picture = evaluation([missing], call="a Scan", allowed=False, reason="identity")
    assert "Own of trial (Allow) does not apply: There is no such key." in picture.text


def test_resource_control_policies_are_shown_where_there_are_any() -> None:
    limit = Statement("resource-control", "guard", "OnlyUs", "Deny", action=True, resource=True, applies=True)
    assert "resource control policies: limit" in texts(evaluation([decided(limit)], call="a call", allowed=False))
    assert "resource control policies: limit" not in texts(evaluation([ALLOW], call="a call", allowed=True))


def test_wildcards_are_counted_by_access_level_beside_what_was_used() -> None:
    picture = granted([Grant("dynamodb:*", {"Read": 30, "Write": 39, "Permissions management": 3}, {"Read": 2})])
    drawn = texts(picture)
    for expected in ("dynamodb:*", "used of dynamodb:*", "72", "2", "number of actions", "Permissions management"):
        assert expected in drawn
    assert picture.text == (
        "dynamodb:* grants 72 actions (30 Read, 39 Write and 3 Permissions management); 2 of them were used."
    )
    assert "none of them were used" in granted([Grant("s3:Get*", {"Read": 63}, {})]).text


def test_the_gap_is_told_stage_by_stage() -> None:
    picture = privilege_gap([Stage("incident", 8, 412), Stage("generated", 8, 23), Stage("tightened", 7, 0, missing=1)])
    drawn = texts(picture)
    for expected in ("incident", "gap 412", "gap 23", "gap 0, 1 missing", "pairs of action and resource"):
        assert expected in drawn
    assert "incident: 420 pairs granted, 8 needed, gap 412." in picture.text
    assert "1 needed and missing" in picture.text
    assert picture.text.endswith("The gap went from 412 to 0.")


@pytest.mark.parametrize(
    "picture",
    [evaluation([], call="a call", allowed=False), granted([]), privilege_gap([])],
    ids=["evaluation", "granted", "gap"],
)
def test_a_picture_of_nothing_is_still_a_picture(picture: Picture) -> None:
    assert ElementTree.fromstring(picture.svg()).tag.endswith("svg")


def test_names_in_a_picture_are_text_whatever_they_hold() -> None:
    odd = Statement("identity", 'a"b\\c', "<x> & 'y'", "Allow", action=True, resource=True, applies=True)
    assert "a\"b\\c · <x> & 'y'" in texts(evaluation([odd], call="a call", allowed=True))
