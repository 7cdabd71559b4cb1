"""Lab 03's releases under traffic, with the solved template: through, taken back, counted, and read back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from checks.contract import Answers, Incorrect
from checks.judge import NurseryProcess
from checks.lab02 import shop as artifacts
from checks.lab03 import alarms, demands, history, service, shop, trial
from checks.lab03.trial import Ended, Service
from sandbox.cloud import Cloud, open_cloud

SOLVED = shop.FILES


@pytest.fixture(scope="module")
def cloud(nursery: NurseryProcess) -> Iterator[Cloud]:
    handle = nursery().fork(seed=2)
    cloud = open_cloud("local", endpoint=handle.endpoint, credentials=handle.judge)
    artifacts.make_bucket(cloud)
    yield cloud
    nursery().stop(handle)


@pytest.fixture(scope="module")
def own(cloud: Cloud) -> Service:
    return history.opened(cloud, SOLVED)


@pytest.fixture(scope="module")
def ended(own: Service) -> dict[str, Ended]:
    """The bad releases, one after the other."""
    return {name: history.released(own, SOLVED, name) for name in ("crash", "errors", "slow")}


def test_the_hook_takes_a_crash_back_before_any_customer(ended: dict[str, Ended]) -> None:
    assert ended["crash"].taken_back
    assert not ended["crash"].through
    assert ended["crash"].caught_by == "BeforeAllowTraffic"
    assert ended["crash"].failed == ()


@pytest.mark.parametrize(("name", "alarm"), [("errors", "NewVersionFails"), ("slow", "NewVersionIsSlow")])
def test_an_alarm_takes_the_others_back_within_the_budget(ended: dict[str, Ended], name: str, alarm: str) -> None:
    one = ended[name]
    assert one.taken_back
    assert alarm in one.caught_by
    assert 0 < len(one.failed) <= trial.BUDGET
    assert not one.stopped


def test_a_good_release_under_noise_goes_through_with_a_failure_of_its_own(
    own: Service, ended: dict[str, Ended]
) -> None:
    good = history.released(own, SOLVED, "north")
    assert ended["slow"].taken_back
    assert good.through
    assert good.caught_by == ""
    of_the_new = [one for one in good.records if one.version == good.version]
    assert not of_the_new[0].ok
    assert 1 <= len(good.failed) <= 2
    assert sum(not one.ok for one in good.records if one.version == good.before) > 50


def test_failed_orders_are_those_of_the_log(own: Service, ended: dict[str, Ended]) -> None:
    one = ended["errors"]
    logged = [each for each in service.requests(own.cloud, own.function) if each.version == one.version]
    lost = {each.id for each in logged if not each.placed}
    assert lost == {each.request_id for each in one.records if each.version == one.version and not each.ok}


def test_deployments_are_told_by_the_code_that_they_brought(own: Service, ended: dict[str, Ended]) -> None:
    found = {one.release: one for one in history.deployed(own)}
    assert {name: found[name].id for name in ended} == {name: one.deployment for name, one in ended.items()}
    assert found["crash"].causes == ("BeforeAllowTraffic",)
    assert all(found[name].causes == ended[name].alarms for name in ("errors", "slow"))


def test_the_picture_says_what_the_release_was(own: Service, ended: dict[str, Ended]) -> None:
    assert "NewVersionFails" in history.picture(own, ended["errors"].deployment).text


def test_a_release_without_alarms_or_steps_is_not_tried(cloud: Cloud, tmp_path: Path) -> None:
    (tmp_path / "orders").mkdir()
    solved = (SOLVED / trial.FILE).read_text()
    for old, new, says in (
        ("Canary10Percent5Minutes", "AllAtOnce", "all traffic at once"),
        ("Canary10Percent5Minutes", "Linear10PercentEvery2Minutes", "after 18 minutes"),
    ):
        (tmp_path / trial.FILE).write_text(solved.replace(old, new))
        with pytest.raises(Incorrect, match=says):
            demands.built(cloud, Answers({}, seed=1, folder=tmp_path))
    assert not [one for one in artifacts.all_stacks(cloud) if one["StackName"].startswith("orders-trial")]


def test_a_stack_that_is_not_there_or_is_moved_by_nobody_is_told(cloud: Cloud) -> None:
    with pytest.raises(trial.NotMoved, match="no stack orders-none") as missing:
        trial.service_of(cloud, "orders-none")
    # A cell of the notebook shows the way on, and no traceback.
    (shown,) = missing.value._render_traceback_()
    assert shown.startswith("There is no stack orders-none yet. Give the function AutoPublishAlias: live")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (("- !Ref NewVersionFails", "- NewVersionFails"), "Alarms without a state: <NewVersionFails>"),
        (("TreatMissingData: notBreaching", "TreatMissingData: breaching"), "Activated alarms: <orders-trial-"),
    ],
)
def test_what_stops_every_release_is_no_canary(
    cloud: Cloud, tmp_path: Path, changed: tuple[str, str], says: str
) -> None:
    (tmp_path / "orders").mkdir()
    (tmp_path / trial.FILE).write_text((SOLVED / trial.FILE).read_text().replace(*changed))
    with pytest.raises(Incorrect, match=f"good release .* was taken back: .*{says}"):
        demands.built(cloud, Answers({}, seed=1, folder=tmp_path))


def test_a_composite_alarm_is_seen_like_any_other(cloud: Cloud, own: Service) -> None:
    client = cloud.client("cloudwatch")
    rule = f"ALARM({own.alarms[0]}) OR NOT ALARM({own.alarms[0]})"
    client.put_composite_alarm(AlarmName="either", AlarmRule=rule)
    assert replace(own, alarms=("either",)).alarming() == ["either"]
    assert alarms.state(cloud, "either") == "ALARM"
    assert [one.after for one in alarms.history(cloud, "either")] == ["ALARM"]
    client.delete_alarms(AlarmNames=["either"])
    assert alarms.state(cloud, "either") == ""


def test_it_is_told_what_an_alarm_had_to_look_at(cloud: Cloud) -> None:
    client = cloud.client("cloudwatch")
    start = cloud.clock.now()
    for name, metric in (("none", "Nothing"), ("some", "Something")):
        client.put_metric_alarm(
            AlarmName=name,
            Namespace="Lab",
            MetricName=metric,
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=10,
            ComparisonOperator="GreaterThanThreshold",
        )
    client.put_composite_alarm(AlarmName="both", AlarmRule="ALARM(none) AND ALARM(some)")
    for value in (2.0, 7.5):
        client.put_metric_data(Namespace="Lab", MetricData=[{"MetricName": "Something", "Value": value}])
        cloud.clock.advance(60)
    said = [alarms.saw(cloud, name, start, cloud.clock.now()) for name in ("none", "some", "both", "gone")]
    assert said == [
        "none had no datapoint",
        "some had 2 datapoints from 2 to 7.5, and its threshold is 10",
        "both is ALARM(none) AND ALARM(some)",
        "gone does not exist",
    ]
