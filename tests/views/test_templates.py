"""The pictures of templates: what they draw, and the text that says the same."""

from __future__ import annotations

from sandbox.views.templates import Expansion, Need, expansion, needs
from tests.views.test_lifecycle import texts

FUNCTION, TABLE = "AWS::Serverless::Function", "AWS::DynamoDB::Table"


def test_an_expansion_shows_what_was_written_what_came_of_it_and_what_nobody_wrote() -> None:
    picture = expansion(
        [
            Expansion("Orders", FUNCTION, (("Orders", "AWS::Lambda::Function"), ("OrdersRole", "AWS::IAM::Role"))),
            Expansion("Kept", TABLE, (("Kept", TABLE),)),
            Expansion("ServerlessHttpApi", "AWS::Serverless::HttpApi", (("ServerlessHttpApi", "A::B::Api"),), False),
        ]
    )
    drawn = texts(picture)
    for word in ("Orders", "OrdersRole", "IAM::Role", "Kept", "(ServerlessHttpApi)"):
        assert word in drawn
    assert "in the template: 2 resources" in drawn
    assert "after the transform: 4 resources" in drawn
    assert "Orders (AWS::Serverless::Function) became Orders (AWS::Lambda::Function) and OrdersRole" in picture.text
    assert "Kept (AWS::DynamoDB::Table) stayed as it was." in picture.text
    assert "Nobody wrote ServerlessHttpApi" in picture.text


def test_needs_are_arrows_with_their_reasons_and_a_cycle_is_said() -> None:
    found = [Need("Bucket", "Function", "Notification"), Need("Function", "Role", "Role"), Need("Role", "Bucket")]
    picture = needs(found, ["Bucket", "Function", "Role"])
    for word in ("Bucket", "Function", "Role", "Notification"):
        assert word in texts(picture)
    assert "Bucket needs Function (Notification)." in picture.text
    assert "A cycle: Bucket needs Function needs Role needs Bucket." in picture.text
    assert "Role needs Bucket (named)." in picture.text


def test_without_a_cycle_the_picture_says_so() -> None:
    assert needs([Need("Function", "Role", "Role")]).text == "Function needs Role (Role). There is no cycle."
    assert needs([]).text == "There is no cycle."
