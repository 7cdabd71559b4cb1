"""Lab 03's service: released, watched, counted, and gone again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from checks.inventory import inventory
from checks.judge import NurseryProcess
from checks.lab02 import stacks
from checks.lab03 import alarms, codedeploy, pictures, service, shop, stack, watching
from sandbox.cloud import Cloud, open_cloud

TEMPLATE = Path(__file__).parents[2] / "labs" / "03-canary-rollback" / "rolled-back" / "template.yaml"


@pytest.fixture(scope="module")
def cloud(nursery: NurseryProcess) -> Iterator[Cloud]:
    handle = nursery().fork(seed=3)
    cloud = open_cloud("local", endpoint=handle.endpoint, credentials=handle.judge)
    shop.make(cloud)
    yield cloud
    nursery().stop(handle)


def test_orders_are_the_same_for_a_seed_and_three_in_ten_have_a_voucher() -> None:
    drawn = [service.order(index, random.Random(index)) for index in range(1000)]
    assert drawn == [service.order(index, random.Random(index)) for index in range(1000)]
    assert 250 < sum(bool(one["voucher"]) for one in drawn) < 350
    assert 25 < sum(bool(one["gift"]) for one in drawn) < 80


def test_failed_requests_agree_with_the_functions_log(cloud: Cloud) -> None:
    function = shop.BY_HAND
    live, old = service.first_release(cloud, function)
    new = service.publish(cloud, function, "vouchers")
    service.point(cloud, function, old, also=new, share=0.5)
    answers = cloud.traffic.steady(live, 2, 60, service.order)
    logged = service.requests(cloud, function)
    assert {one.id for one in logged if not one.placed} == {one.request_id for one in service.failed(answers)}
    assert {one.id: one.version for one in logged} == {one.request_id: one.executed_version for one in answers}
    assert {one.customer for one in logged if not one.placed} == service.hit(answers)


@pytest.mark.parametrize("release", ["monday", "thursday"])
def test_a_good_release_fails_for_nobody(cloud: Cloud, release: str) -> None:
    live, _ = service.first_release(cloud, shop.ALL_AT_ONCE, release)
    assert service.failed(cloud.traffic.steady(live, 2, 20, service.order)) == []


def test_a_bad_release_is_taken_back_and_the_picture_tells_how(cloud: Cloud) -> None:
    function = shop.LINEAR
    live, old = service.first_release(cloud, function)
    new = service.publish(cloud, function, "friday")
    name = alarms.on_errors(cloud, function, "new", version=new)
    codedeploy.group(cloud, function, "Linear10PercentEvery1Minute", alarms=[name])
    service.full_minute(cloud)
    began = cloud.clock.now()
    id = codedeploy.start(cloud, function, codedeploy.appspec(function, old, new))
    answers = cloud.traffic.steady(live, 2, 120, service.order)
    done = codedeploy.ended(cloud, id)
    assert (done.status, done.error) == ("Stopped", "ALARM_ACTIVE")
    assert name in done.message
    assert alarms.history(cloud, name)[-1].after == "ALARM"
    watched = watching.watched(cloud, function, new, since=began, deployments=[id], alarm_names=[name])
    assert sum(one.errors for one in watched.bins) == len(service.failed(answers)) > 0
    assert [one.share for one in watched.weights] == [0.1, 0.2, 0.0]
    assert [(one.name, one.state) for one in watched.steps] == [
        ("BeforeAllowTraffic", "Succeeded"),
        ("AllowTraffic", "Failed"),
        ("rollback", "Succeeded"),
    ]
    assert "Alarm new: " in pictures.release(cloud, function, id).text


def test_the_smoke_test_keeps_a_version_that_cannot_start_from_customers(cloud: Cloud) -> None:
    function = shop.SMOKED
    live, old = service.first_release(cloud, function)
    for release, status in (("crash", "Failed"), ("monday", "InProgress")):
        new = service.publish(cloud, function, release)
        hook = service.smoke_test(cloud, function, new)
        codedeploy.group(cloud, function, "Canary10Percent5Minutes")
        id = codedeploy.start(cloud, function, codedeploy.appspec(function, old, new, hook=hook))
        assert service.failed(cloud.traffic.steady(live, 1, 20, service.order)) == []
        assert codedeploy.told(cloud, id).status == status
        assert service.said(cloud, hook)[-1]["status"] == ("Failed" if status == "Failed" else "Succeeded")


def test_a_stack_takes_a_bad_release_back(cloud: Cloud) -> None:
    assert stack.release(cloud, TEMPLATE).status == "CREATE_COMPLETE"
    with cloud.traffic.background(service.customers(stack.alias(cloud), 2), during="deployment") as run:
        released = stack.release(cloud, TEMPLATE, "friday")
    assert released.status == "UPDATE_ROLLBACK_COMPLETE"
    first, second = (codedeploy.told(cloud, id) for id in stack.deployments(cloud))
    assert (first.rollback, second.status) == (second.id, "Succeeded")
    assert stack.alarmed(cloud)
    # Some 25 as a rule; who meets the new version is drawn by the function's name, which is another each time.
    assert 0 < len(run.failed_customers) < 60
    alias = cloud.client("lambda").get_alias(FunctionName=stack.function(cloud), Name=shop.ALIAS)
    assert (alias["FunctionVersion"], alias.get("RoutingConfig")) == ("1", None)
    # What the log has is what the customers met.
    lost = [one for one in service.requests(cloud, stack.function(cloud)) if not one.placed]
    assert {one.customer for one in lost} == set(run.failed_customers)


def test_all_that_the_lab_makes_goes_again(nursery: NurseryProcess) -> None:
    handle = nursery().fork(seed=4)
    try:
        cloud = open_cloud("local", endpoint=handle.endpoint, credentials=handle.judge)
        before = inventory(cloud)
        shop.make(cloud)
        live, old = service.first_release(cloud, shop.CANARY)
        new = service.publish(cloud, shop.CANARY, "monday")
        name = alarms.on_error_rate(cloud, shop.CANARY, "new", version=new, above=2)
        codedeploy.group(cloud, shop.CANARY, "Canary10Percent5Minutes", alarms=[name])
        hook = service.smoke_test(cloud, shop.CANARY, new)
        # In mid-deployment: it is stopped, and goes with the rest.
        codedeploy.start(cloud, shop.CANARY, codedeploy.appspec(shop.CANARY, old, new))
        cloud.traffic.steady(live, 1, 5, service.order)
        assert stack.release(cloud, TEMPLATE).succeeded
        cloud.traffic.steady(stack.alias(cloud), 1, 2, service.order)
        assert {item.kind for item in inventory(cloud)[0] - before[0]} >= {"stack", "function", "alarm", "log group"}
        assert hook == shop.SMOKE_TEST
        shop.clear(cloud)
        assert inventory(cloud)[0] == before[0]
        assert stacks.status(cloud, shop.STACK) is None
        shop.clear(cloud)
    finally:
        nursery().stop(handle)


def test_a_weight_that_was_set_by_hand_is_drawn_from_its_moment(cloud: Cloud) -> None:
    now = cloud.clock.now()
    since = now - timedelta(minutes=1)
    watched = watching.watched(cloud, shop.DILUTED, "2", since=since, weights=[(now, 0.1)])
    assert [one.share for one in watched.weights] == [0.0, 0.1]
