"""What lab 03 works out from a learner's run, and what it says to answers that do not fit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from checks.contract import Uncheckable
from checks.lab03 import rounds
from checks.lab03.alarms import Transition
from checks.lab03.codedeploy import Lifecycle, Told
from checks.lab03.service import Request
from checks.lab03.watching import minutes_between
from tests.checks.refusals import refusal

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def request(number: int, customer: str, version: str = "1", *, placed: bool = True, at: float = 0.0) -> Request:
    return Request(f"id-{number}", f"order-{number}", customer, version, placed, NOON.timestamp() + at)


def deployment(**changed: Any) -> Told:
    lifecycle = (
        Lifecycle("BeforeAllowTraffic", "Succeeded", after(0), after(0)),
        Lifecycle("AllowTraffic", "Succeeded", after(0), after(300)),
        Lifecycle("AfterAllowTraffic", "Succeeded", after(300), after(300)),
    )
    plain = Told("d-ONE", "Succeeded", "Canary10Percent5Minutes", "", "", "", "1", "2", 1.0, lifecycle)
    return replace(plain, **changed)


# -- 1 ---------------------------------------------------------------------------------------------------------

EVENING = [
    request(1, "ada"),
    request(2, "ada", "2", placed=False),
    request(3, "ada", "2", placed=False),
    request(4, "bob", "2", placed=False),
    request(5, "eve"),
]


def all_at_once(requests: list[Request] | None = None, **answer: Any) -> None:
    given = {"failed": 3, "customers_hit": 2, "last": "id-4"}
    rounds.all_at_once(**{**given, **answer}, requests=EVENING if requests is None else requests)


def test_failures_customers_and_the_last_of_them_are_told() -> None:
    all_at_once()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"failed": 5}, "so many requests the function's log has in all"),
        ({"failed": 2}, "so many customers were hit"),
        ({"failed": 9}, "another number of orders"),
        ({"customers_hit": 3}, "customers_hit is 3: so many customers ordered at all|so many requests failed"),
        ({"customers_hit": 7}, "customers_hit is 7"),
        ({"last": "id-2"}, "failed, and others after it"),
        ({"last": "id-5"}, "was placed"),
        ({"last": "8f0c"}, "no request id"),
    ],
)
def test_other_answers_to_what_a_release_cost_are_refused(answer: dict[str, Any], says: str) -> None:
    said = refusal(lambda: all_at_once(**answer))
    assert any(words in said for words in says.split("|"))


def test_nothing_is_said_before_a_request_has_failed() -> None:
    with pytest.raises(Uncheckable):
        all_at_once([request(1, "ada")])


# -- 2 ---------------------------------------------------------------------------------------------------------

MIXED = [request(number, f"c{number % 7}", "2" if number in (3, 10, 19) else "1") for number in range(20)]


def two_weights(**answer: Any) -> None:
    given = {"of_the_new": 3, "one": "id-10", "met_both": "c3"}
    rounds.two_weights(**{**given, **answer}, requests=MIXED, new="2")


def test_who_answered_is_told() -> None:
    two_weights()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"of_the_new": 17}, "so many the old version answered"),
        ({"of_the_new": 2}, "10 % of the requests, and not what happened"),
        ({"of_the_new": 5}, "of_the_new is 5"),
        ({"one": "id-1"}, "was answered by the old version"),
        ({"one": "x"}, "no request id"),
        ({"met_both": "c1"}, "by version 1 alone"),
        ({"met_both": "nobody"}, "who has ordered nothing"),
    ],
)
def test_other_answers_to_who_answered_are_refused(answer: dict[str, Any], says: str) -> None:
    assert says in refusal(lambda: two_weights(**answer))


# -- 3 ---------------------------------------------------------------------------------------------------------

BAKED = [
    *[request(number, "c", "2" if number % 10 == 0 else "1", at=number) for number in range(300)],
    *[request(number, "c", "2", at=number) for number in range(300, 400)],
]


def shifted(told: Told | None = None, **answer: Any) -> None:
    given = {
        "deployment": "d-ONE",
        "lifecycle": ["BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic"],
        "seconds": 300,
        "new_in_the_bake": 30,
    }
    rounds.shifted(**{**given, **answer}, told=told or deployment(), requests=BAKED)


def test_what_a_deployment_did_is_told() -> None:
    shifted()
    # One request was on its way as the alias moved.
    shifted(new_in_the_bake=31, seconds=301)


def test_clocks_that_differ_are_allowed_for() -> None:
    shifted(new_in_the_bake=37, apart=5.0)
    refusal(lambda: shifted(new_in_the_bake=37))


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"deployment": "checkout"}, "deployment is 'checkout'"),
        ({"lifecycle": ["AllowTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"]}, "in another order"),
        ({"lifecycle": ["AllowTraffic"]}, "lifecycle is"),
        ({"seconds": 5}, "the number of its minutes"),
        ({"seconds": 250}, "seconds is 250."),
        ({"new_in_the_bake": 130}, "those after the second shift are in it"),
        ({"new_in_the_bake": 300}, "so many both versions answered"),
        ({"new_in_the_bake": 60}, "new_in_the_bake is 60."),
    ],
)
def test_other_answers_to_what_a_deployment_did_are_refused(answer: dict[str, Any], says: str) -> None:
    assert says in refusal(lambda: shifted(**answer))


def test_a_deployment_that_goes_on_is_not_judged() -> None:
    with pytest.raises(Uncheckable):
        shifted(deployment(status="InProgress"))


@pytest.mark.parametrize(
    ("config", "minutes"),
    [("Canary10Percent5Minutes", 5), ("Canary10Percent15Minutes", 15), ("Linear10PercentEvery1Minute", 1)],
)
def test_the_minutes_stand_in_a_configurations_name(config: str, minutes: int) -> None:
    assert minutes_between(config) == minutes


# -- 4 ---------------------------------------------------------------------------------------------------------


def canary_and_linear(**answer: Any) -> None:
    given = {
        "failed_with_the_canary": 2,
        "failed_with_linear": 5,
        "last_weight": 0.4,
        "stopped_by": "checkout-linear:new",
    }
    rounds.canary_and_linear(
        **{**given, **answer},
        canary=[request(number, "c", "2", placed=number > 1) for number in range(20)],
        linear=[request(number, "c", "2", placed=number > 4) for number in range(20)],
        told=deployment(status="Stopped", weight=0.4, message="Activated alarms: <checkout-linear:new>"),
        alarm_names=["checkout-linear:new", "checkout-linear:other"],
    )


def test_what_both_ways_cost_is_told() -> None:
    canary_and_linear()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"failed_with_the_canary": 5}, "so many failed in the other one"),
        ({"failed_with_linear": 2}, "so many failed in the other one"),
        ({"failed_with_linear": 43}, "another number"),
        ({"last_weight": 40}, "that is percent"),
        ({"last_weight": 0}, "the alias afterwards"),
        ({"last_weight": 0.1}, "last_weight is 0.1"),
        ({"stopped_by": "checkout-linear:other"}, "stopped_by is"),
        ({"stopped_by": "new"}, "stopped_by is"),
    ],
)
def test_other_answers_to_what_both_ways_cost_are_refused(answer: dict[str, Any], says: str) -> None:
    assert says in refusal(lambda: canary_and_linear(**answer))


# -- 5 ---------------------------------------------------------------------------------------------------------

HISTORIES = {
    "f:alias": [Transition(after(5), "INSUFFICIENT_DATA", "OK", "")],
    "f:strict": [Transition(after(5), "INSUFFICIENT_DATA", "ALARM", ""), Transition(after(185), "ALARM", "OK", "")],
    "f:version": [Transition(after(5), "INSUFFICIENT_DATA", "OK", ""), Transition(after(185), "OK", "ALARM", "", 4.2)],
}
TRIED = [
    request(number, "c", "2" if number >= 120 and number % 10 == 0 else "1", placed=number not in (130, 140), at=number)
    for number in range(220)
]


def three_alarms(histories: dict[str, list[Transition]] | None = None, **answer: Any) -> None:
    given = {"fired": "f:version", "datapoint": 4.2, "before_any_request": "f:strict", "errors_of_alias": 2.0}
    rounds.three_alarms(**{**given, **answer}, histories=histories or HISTORIES, requests=TRIED, new="2")


def test_which_alarm_saw_it_is_told() -> None:
    three_alarms()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"fired": "f:alias"}, "was never in ALARM"),
        ({"fired": "f:strict"}, "before the new version had answered anything"),
        ({"fired": "version"}, "no alarm of this round"),
        ({"datapoint": 0.042}, "that is a share"),
        ({"datapoint": 5.0}, "datapoint is 5"),
        ({"before_any_request": "f:version"}, "was not in ALARM then"),
        ({"before_any_request": "x"}, "no alarm of this round"),
        ({"errors_of_alias": 20.0}, "the share of version 2's own requests"),
        ({"errors_of_alias": 0.9}, "errors_of_alias is 0.90"),
    ],
)
def test_other_answers_to_which_alarm_saw_it_are_refused(answer: dict[str, Any], says: str) -> None:
    assert says in refusal(lambda: three_alarms(**answer))


def test_alarms_that_have_not_fired_are_not_judged() -> None:
    with pytest.raises(Uncheckable):
        three_alarms({"f:alias": HISTORIES["f:alias"], "f:strict": HISTORIES["f:strict"]})


# -- 6 ---------------------------------------------------------------------------------------------------------


def smoke_tested(**answer: Any) -> None:
    given = {"failed_event": "BeforeAllowTraffic", "code": "HOOK", "error_type": "KeyError", "weight": 0.0}
    rounds.smoke_tested(
        **{**given, **answer},
        told=deployment(
            status="Failed",
            error="HOOK",
            lifecycle=(
                Lifecycle("BeforeAllowTraffic", "Failed", after(0), after(2)),
                Lifecycle("AllowTraffic", "Skipped", None, None),
            ),
        ),
        said=[{"message": "smoke test", "result": {"errorType": "KeyError"}}, {"message": "other"}],
    )


def test_what_the_smoke_test_found_is_told() -> None:
    smoke_tested()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"failed_event": "AllowTraffic"}, "AllowTraffic is Skipped"),
        ({"failed_event": "Init"}, "failed_event is 'Init'"),
        ({"code": "ALARM_ACTIVE"}, "code is 'ALARM_ACTIVE'"),
        ({"error_type": "HOOK"}, "error_type is 'HOOK'"),
        ({"weight": 0.1}, "weight is 0.1"),
    ],
)
def test_other_answers_to_what_the_smoke_test_found_are_refused(answer: dict[str, Any], says: str) -> None:
    assert says in refusal(lambda: smoke_tested(**answer))


# -- 7 ---------------------------------------------------------------------------------------------------------


def rolled_back(failed: tuple[str, ...] = ("CheckoutAliaslive", "Other"), **answer: Any) -> None:
    given = {
        "deployment": "d-ONE",
        "rollback": "d-TWO",
        "alarm": "stack-Errors-X",
        "failed_resource": "CheckoutAliaslive",
        "stack_status": "UPDATE_ROLLBACK_COMPLETE",
    }
    rounds.rolled_back(
        **{**given, **answer},
        told=deployment(status="Stopped", rollback="d-TWO"),
        fired={"stack-Errors-X": after(185)},
        failed=failed,
        cancelled=["Table"],
        status="UPDATE_ROLLBACK_COMPLETE",
    )


def test_a_rollback_read_backwards_is_told() -> None:
    rolled_back()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"deployment": "d-TWO"}, "the deployment that took the release back"),
        ({"deployment": "x"}, "deployment is 'x'"),
        ({"rollback": "d-ONE"}, "rollback is 'd-ONE'"),
        ({"alarm": "Errors"}, "which did not fire"),
        ({"failed_resource": "Table"}, "was cancelled for another one's sake"),
        ({"failed_resource": "Checkout"}, "failed_resource is 'Checkout'"),
        ({"stack_status": "UPDATE_FAILED"}, "stack_status is 'UPDATE_FAILED'"),
    ],
)
def test_other_answers_to_a_rollback_are_refused(answer: dict[str, Any], says: str) -> None:
    assert says in refusal(lambda: rolled_back(**answer))


def test_a_stack_in_which_nothing_failed_is_not_judged() -> None:
    with pytest.raises(Uncheckable):
        rolled_back(())
