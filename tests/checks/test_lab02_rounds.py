"""What lab 02 works out from a learner's run, and what it says to answers that do not fit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from checks.contract import Uncheckable
from checks.lab02 import rounds
from checks.lab02.rounds import Configured, Version
from checks.lab02.stacks import Cause, Change, Event
from tests.checks.refusals import refusal

# -- 1 ---------------------------------------------------------------------------------------------------------


def one_template(apis: list[str] | None = None, **answer: Any) -> None:
    given = {"resources": 3, "role": "shop-OrdersRole-X", "permission": "OrdersPlacePermission", "orphan_api": "b"}
    rounds.one_template(
        **{**given, **answer},
        written=["Orders"],
        made={
            "Orders": "AWS::Lambda::Function",
            "OrdersRole": "AWS::IAM::Role",
            "OrdersPlacePermission": "AWS::Lambda::Permission",
        },
        physical={"Orders": "shop-Orders-X", "OrdersRole": "shop-OrdersRole-X", "OrdersPlacePermission": "sid"},
        permission_of_post="OrdersPlacePermission",
        apis=["a", "b"] if apis is None else apis,
        let_in=["a"],
    )


def test_the_transform_the_role_the_permission_and_the_orphan_are_told() -> None:
    one_template()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"resources": 1}, "so many stand in the template"),
        ({"resources": 7}, "resources is 7"),
        ({"role": "OrdersRole"}, "its logical id"),
        ({"role": "shop-Orders-X"}, "another resource of the stack"),
        ({"role": "admin"}, "has no resource of"),
        ({"permission": "Orders"}, "an AWS::Lambda::Function"),
        ({"permission": "x"}, "no logical id of the stack"),
        ({"orphan_api": "a"}, "the API of the first run"),
        ({"orphan_api": "z"}, "no id of an API that the script made"),
    ],
)
def test_a_wrong_reading_of_the_template_is_told_why(answer: dict[str, Any], says: str) -> None:
    assert says in refusal(lambda: one_template(**answer))


def test_a_script_that_ran_once_left_no_orphan() -> None:
    with pytest.raises(Uncheckable, match="only once"):
        one_template(apis=["a"])


# -- 2 ---------------------------------------------------------------------------------------------------------

PLACE = Configured(10, {"LOG_LEVEL": "DEBUG"}, ("arn:common", "arn:rates"))


def environments(**answer: Any) -> None:
    given = {"timeout": 10, "log_level": "DEBUG", "layers": ["arn:common", "arn:rates"], "only_in_prod": "q-1"}
    rounds.environments(
        **{**given, **answer},
        place=PLACE,
        find=Configured(5, {"LOG_LEVEL": "INFO"}, ("arn:common",)),
        in_dev=Configured(10, {"LOG_LEVEL": "DEBUG"}, ("arn:dev-common", "arn:dev-rates")),
        prod_only={"Refunds": "q-1"},
    )


def test_what_place_gets_from_where_is_told() -> None:
    environments()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"timeout": 5}, "that is what Globals say"),
        ({"timeout": 3}, "timeout is 3."),
        ({"log_level": "INFO"}, "merged key by key"),
        ({"layers": ["arn:rates", "arn:common"]}, "in another order"),
        ({"layers": ["arn:rates"]}, "has 1 of the 2 layers"),
        ({"layers": ["arn:dev-common", "arn:dev-rates"]}, "of Place in dev"),
        ({"layers": []}, "layers is []"),
        ({"only_in_prod": "Refunds"}, "its logical id"),
        ({"only_in_prod": "else"}, "no physical id of what dev lacks"),
    ],
)
def test_a_wrong_merge_is_told_why(answer: dict[str, Any], says: str) -> None:
    assert says in refusal(lambda: environments(**answer))


# -- 3 ---------------------------------------------------------------------------------------------------------


def doors(**answer: Any) -> None:
    given = {"taken_away": "sid-1", "source_arn": "arn:api/*/POST/orders", "actions": 2, "on": "arn:table"}
    rounds.doors_and_policies(
        **{**given, **answer},
        door="sid-1",
        other_doors=["sid-2"],
        source_of_door="arn:api/*/POST/orders",
        actions_of_policy=["dynamodb:GetItem", "dynamodb:PutItem"],
        actions_of_full_access=169,
        resources=["arn:table", "arn:table/index/*"],
        tables=["orders-1"],
    )


def test_the_statement_and_the_policy_are_told() -> None:
    doors()
    doors(on="arn:table/index/*")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"taken_away": "sid-2"}, "the statement of the other route"),
        ({"taken_away": "OrdersPlacePermission"}, "no Sid in the function's policy"),
        ({"source_arn": "arn:api/*"}, "the ARN in the statement's condition"),
        ({"actions": 169}, "so many the full access grants"),
        ({"actions": 1}, "actions is 1."),
        ({"on": "orders-1"}, "a table's name"),
        ({"on": "*"}, "which the policy does not name"),
    ],
)
def test_a_wrong_door_is_told_why(answer: dict[str, Any], says: str) -> None:
    assert says in refusal(lambda: doors(**answer))


# -- 4 ---------------------------------------------------------------------------------------------------------

VERSIONS = [Version(1, "old", 256, 5), Version(2, "new", 256, 5), Version(3, "new", 512, 5)]


def published(known: list[Version] | None = None, **answer: Any) -> None:
    given = {"versions": [1, 2, 3], "live": 3, "new_code_in": 2, "timeout_of_live": 5, "new_code": "new"}
    rounds.published(
        **{**given, **answer},
        known=VERSIONS if known is None else known,
        alias=3,
        latest=Version(0, "new", 512, 10),
    )


def test_versions_alias_and_code_are_told() -> None:
    published()
    published(versions=[3, 1, 2])


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"versions": [1, 2, 3, 4, 5]}, "publishes a version only when"),
        ({"live": 1}, "live is 1"),
        ({"new_code_in": 3}, "new_code_in is 3"),
        ({"new_code": "old"}, "the hash of version 1's code"),
        ({"new_code": "else"}, "not what that version's code has"),
        ({"timeout_of_live": 10}, "that is $LATEST's"),
        ({"timeout_of_live": 7}, "timeout_of_live is 7."),
    ],
)
def test_a_wrong_version_is_told_why(answer: dict[str, Any], says: str) -> None:
    assert says in refusal(lambda: published(**answer))


def test_versions_can_only_be_told_after_the_deployments() -> None:
    with pytest.raises(Uncheckable, match="1 published versions"):
        published(known=VERSIONS[:1])


# -- 5 ---------------------------------------------------------------------------------------------------------


def cause(property: str, recreation: str) -> Cause:
    return Cause("Properties", property, recreation, "DirectModification")


CHANGES = [
    Change("Modify", "Queue", "AWS::SQS::Queue", "q-1", "True", (cause("QueueName", "Always"),)),
    Change("Modify", "Table", "AWS::DynamoDB::Table", "t-1", "Conditional", (cause("KeySchema", "Conditionally"),)),
    Change("Modify", "Other", "AWS::DynamoDB::Table", "t-2", "False", (cause("BillingMode", "Never"),)),
]


def change_set(**answer: Any) -> None:
    given = {"replaced": ("Queue", "QueueName"), "perhaps": ("Table", "KeySchema"), "table": "t-1"}
    rounds.change_set(**{**given, **answer}, changes=CHANGES)


def test_what_is_replaced_and_what_may_be_is_told() -> None:
    change_set()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"replaced": ("Other", "BillingMode")}, "with Replacement False"),
        ({"replaced": ("Table", "KeySchema")}, "with Replacement Conditional"),
        ({"replaced": ("Nobody", "x")}, "which the change set does not have"),
        ({"replaced": ("Queue", "Tags")}, "has no change of 'Tags'"),
        ({"perhaps": ("Queue", "QueueName")}, "with Replacement True"),
        ({"table": "Table"}, "its logical id"),
        ({"table": "t-2"}, "the physical id of another resource"),
        ({"table": "customers"}, "table is 'customers'"),
    ],
)
def test_a_wrong_reading_of_a_change_set_is_told_why(answer: dict[str, Any], says: str) -> None:
    assert says in refusal(lambda: change_set(**answer))


# -- 6 ---------------------------------------------------------------------------------------------------------

BEGAN = datetime(2026, 11, 21, tzinfo=UTC)


def event(number: int, id: str, status: str, reason: str = "") -> Event:
    return Event(f"e{number}", id, "AWS::X::Y", status, reason, BEGAN + timedelta(seconds=number))


EVENTS = [
    event(0, "shop", "CREATE_IN_PROGRESS", "User Initiated"),
    event(1, "Table", "CREATE_IN_PROGRESS"),
    event(2, "Print", "CREATE_IN_PROGRESS"),
    event(3, "Print", "CREATE_FAILED", 'message: "No layer" (RequestToken: t, HandlerErrorCode: InvalidRequest)'),
    event(4, "Collect", "CREATE_FAILED", "Resource creation cancelled"),
    event(5, "shop", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Print, Collect]."),
    event(6, "Table", "DELETE_COMPLETE"),
]


def failure(events: list[Event] | None = None, **answer: str) -> None:
    given = {"failed": "Print", "code": "InvalidRequest", "event": "e3", **answer}
    rounds.failure(**given, events=EVENTS if events is None else events, stack="shop")


def test_the_first_failure_is_told() -> None:
    failure()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"failed": "Collect"}, "because another one had failed"),
        ({"failed": "Table"}, "did not fail"),
        ({"failed": "shop"}, "that it failed is the result"),
        ({"failed": "Nobody"}, "which the events do not name"),
        ({"event": "e2"}, "the event CREATE_IN_PROGRESS of Print"),
        ({"event": "x"}, "no event of this deployment"),
        ({"code": "CREATE_FAILED"}, "stands behind HandlerErrorCode"),
    ],
)
def test_a_wrong_cause_is_told_why(answer: dict[str, str], says: str) -> None:
    assert says in refusal(lambda: failure(**answer))


def test_without_a_failed_deployment_nothing_can_be_told() -> None:
    with pytest.raises(Uncheckable, match="no failed deployment"):
        failure(events=EVENTS[:3])


# -- 8 ---------------------------------------------------------------------------------------------------------


def layers(changed: bool = True, **answer: Any) -> None:
    given = {"sent_again": "k1", "kept": "k3", "thin_bytes": 300, **answer}
    rounds.layers(
        **given,
        keys={"InZip": "k1", "Thin": "k2", "Tax": "k3"},
        code_size={"InZip": 2_000_000, "Thin": 300},
        changed=changed,
    )


def test_what_a_line_sends_is_told() -> None:
    layers()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"sent_again": "k3"}, "the package of Tax"),
        ({"sent_again": "k0"}, "no package"),
        ({"kept": "k2"}, "kept is the package of Thin"),
        ({"kept": "k0"}, "no package of the stack"),
        ({"thin_bytes": 2_000_000}, "that is InZip"),
        ({"thin_bytes": 1}, "thin_bytes is 1."),
    ],
)
def test_a_wrong_package_is_told_why(answer: dict[str, Any], says: str) -> None:
    assert says in refusal(lambda: layers(**answer))


def test_packages_can_only_be_told_after_the_second_deployment() -> None:
    with pytest.raises(Uncheckable, match="only once"):
        layers(changed=False)
