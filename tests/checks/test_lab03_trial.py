"""Lab 03's releases under traffic, with the solved template: through, taken back, counted, and read back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.contract import Answers, Incorrect
from checks.judge import NurseryProcess
from checks.lab02 import shop as artifacts
from checks.lab03 import demands, history, service, shop, trial
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
