"""SAM's DeploymentPreference through the real `sam deploy`: canaries that end well, and those that are taken back."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.cloud import Cloud
from sandbox.nursery import SandboxHandle
from tests.integration.canary import BAD, GOOD, Shop
from tests.integration.terminal import Terminal


def told(text: str, ended: subprocess.CompletedProcess[str]) -> bool:
    """Whether `sam` has printed a text, in the lines of its table."""
    return "".join(text.split()) in "".join(ended.stdout.split())


class Customers:
    """Call both functions by their aliases; the time between two calls goes by at once."""

    def __init__(self, shop: Shop, every: float) -> None:
        self._shop = shop
        self._every = every
        self._names = [shop.there[name] for name in ("Checkout", "Search") if name in shop.there]
        self._stop = threading.Event()
        self.failed: list[str] = []
        self.called: list[str] = []
        self._thread = threading.Thread(target=self._call, daemon=True)
        self._thread.start()

    def _call(self) -> None:
        while not self._stop.is_set():
            for name in self._names:
                try:
                    answer = self._shop.functions.invoke(FunctionName=name, Qualifier="live", Payload=b"{}")
                except self._shop.functions.exceptions.ResourceNotFoundException:
                    continue
                self.called.append(name)
                if "FunctionError" in answer:
                    self.failed.append(name)
            self._shop.cloud.clock.advance(self._every)

    def leave(self) -> None:
        self._stop.set()
        self._thread.join(60)


@contextmanager
def customers(shop: Shop, every: float = 4.0) -> Iterator[Customers]:
    """Customers, for as long as the block lasts."""
    made = Customers(shop, every)
    try:
        yield made
    finally:
        made.leave()


@pytest.fixture
def shop(tmp_path: Path, sandbox: SandboxHandle, cloud: Cloud, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """The application, deployed."""
    name = request.node.name.partition("[")[0].replace("_", "-")[5:45].strip("-")
    made = Shop(Terminal.of(tmp_path, sandbox), cloud, name)
    deployed = made.deploy()
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    yield made
    cloud.client("cloudformation").delete_stack(StackName=name)


def test_a_good_version_ends_with_all_customers(shop: Shop) -> None:
    assert (shop.alias(), shop.deployments()) == (("1", {}), [])
    shop.write(checkout=GOOD.format(number=2), hook="Tested")
    with customers(shop) as them:
        deployed = shop.deploy()
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    assert shop.status == "UPDATE_COMPLETE"
    assert (shop.alias(), shop.alias("Search"), them.failed) == (("2", {}), ("1", {}), [])
    (deployment,) = shop.deployments()
    assert (deployment["status"], deployment["deploymentConfigName"]) == (
        "Succeeded",
        "CodeDeployDefault.LambdaCanary10Percent5Minutes",
    )
    took = deployment["completeTime"] - deployment["startTime"]
    assert 300 <= took.total_seconds() < 330
    assert shop.pages() == ["SUCCEEDED"]


def test_a_bad_version_is_taken_back_by_its_alarm(shop: Shop) -> None:
    shop.write(checkout=BAD.format(number=2))
    with customers(shop) as them:
        failed = shop.deploy()
    assert failed.returncode == 1
    assert f"Error: Failed to create/update the stack: {shop.name}" in failed.stderr
    assert told("One or more alarms have been activated according to the Amazon CloudWatch metrics", failed)
    assert "UPDATE_ROLLBACK_COMPLETE" in failed.stdout
    assert (shop.status, shop.alias()) == ("UPDATE_ROLLBACK_COMPLETE", ("1", {}))
    stopped, back = shop.deployments()
    assert (stopped["status"], stopped["errorInformation"]["code"]) == ("Stopped", "ALARM_ACTIVE")
    assert (back["status"], back["creator"]) == ("Succeeded", "codeDeployRollback")
    assert f"<{shop.there['Failing']}>" in stopped["errorInformation"]["message"]
    # Far less than one in ten: it was stopped long before the canary's end.
    assert 0 < len(them.failed) < len(them.called) / 10
    assert shop.pages() == ["IN_PROGRESS", "STOPPED", "SUCCEEDED"]
    # A version that is mended goes out, once the alarm has come to rest.
    shop.cloud.clock.advance(180)
    shop.write(checkout=GOOD.format(number=3))
    with customers(shop):
        assert shop.deploy().returncode == 0
    assert shop.alias() == ("3", {})


def test_a_smoke_test_saves_all_customers(shop: Shop) -> None:
    shop.write(checkout=BAD.format(number=2), hook="Tested")
    with customers(shop) as them:
        failed = shop.deploy()
    assert failed.returncode == 1
    assert told("one or more of the lifecycle event validation functions failed", failed)
    assert (shop.status, shop.alias(), them.failed) == ("UPDATE_ROLLBACK_COMPLETE", ("1", {}), [])
    assert shop.deployments()[0]["errorInformation"]["code"] == "HOOK_EXECUTION_FAILURE"


def test_a_hook_that_never_answers_ends_after_an_hour(shop: Shop) -> None:
    shop.write(checkout=GOOD.format(number=2), hook="")
    with customers(shop, every=120):
        failed = shop.deploy()
    assert failed.returncode == 1
    assert (shop.status, shop.alias()) == ("UPDATE_ROLLBACK_COMPLETE", ("1", {}))
    deployment = shop.deployments()[0]
    assert deployment["errorInformation"]["code"] == "TIMEOUT"
    assert (deployment["completeTime"] - deployment["startTime"]).total_seconds() >= 3600


def started(shop: Shop, wait_until: Callable[..., None]) -> subprocess.Popen[str]:
    """`sam deploy`, once a tenth of the customers gets the new version."""
    process = shop.terminal.started(*shop.command())
    wait_until(lambda: bool(shop.alias()[1]), "traffic to be shifted", 60.0)
    return process


def test_an_alarm_that_goes_in_mid_deployment_stops_it(shop: Shop, wait_until: Callable[..., None]) -> None:
    shop.write(checkout=GOOD.format(number=2))
    process = started(shop, wait_until)
    shop.cloud.client("cloudwatch").delete_alarms(AlarmNames=[shop.there["Slow"]])
    with customers(shop):
        process.communicate(timeout=120)
    assert process.returncode == 1
    assert (shop.status, shop.alias()) == ("UPDATE_ROLLBACK_COMPLETE", ("1", {}))
    assert shop.deployments()[0]["status"] == "Stopped"


def test_a_function_that_goes_in_mid_deployment_can_not_be_brought_back(
    shop: Shop, wait_until: Callable[..., None]
) -> None:
    shop.write(checkout=GOOD.format(number=2))
    process = started(shop, wait_until)
    shop.functions.delete_function(FunctionName=shop.there["Checkout"])
    with customers(shop, every=30):
        process.communicate(timeout=120)
    assert process.returncode == 1
    assert shop.status == "UPDATE_ROLLBACK_FAILED"
    assert shop.deployments()[0]["errorInformation"]["code"] == "INVALID_LAMBDA_FUNCTION"
    assert shop.alias("Search") == ("1", {})


def test_two_deployments_at_once_end_on_one_version_each(shop: Shop) -> None:
    shop.write(checkout=GOOD.format(number=2), search=GOOD.format(number=2))
    with customers(shop):
        assert shop.deploy().returncode == 0
    assert (shop.alias(), shop.alias("Search")) == (("2", {}), ("2", {}))
    shop.write(checkout=GOOD.format(number=3), search=BAD.format(number=3))
    with customers(shop):
        assert shop.deploy().returncode == 1
    assert shop.status == "UPDATE_ROLLBACK_COMPLETE"
    assert (shop.alias(), shop.alias("Search")) == (("2", {}), ("2", {}))


def test_a_killed_client_changes_nothing(shop: Shop, wait_until: Callable[..., None]) -> None:
    shop.write(checkout=GOOD.format(number=2))
    process = started(shop, wait_until)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    with customers(shop):
        wait_until(lambda: shop.status == "UPDATE_COMPLETE", "the update to end", 60.0)
    assert shop.alias() == ("2", {})


def test_what_a_condition_leaves_out_deploys_nothing(shop: Shop) -> None:
    with customers(shop):
        assert shop.deploy("Watched=no").returncode == 0
    assert {"CheckoutDeploymentGroup", "CheckoutAliaslive", "Failing"} & shop.there.keys() == set()
    shop.write(search=GOOD.format(number=2))
    with customers(shop, every=20):
        assert shop.deploy("Watched=no", "Type=Linear10PercentEvery1Minute").returncode == 0
    assert shop.alias("Search") == ("2", {})
    (deployment,) = shop.deployments("Search")
    assert 540 <= (deployment["completeTime"] - deployment["startTime"]).total_seconds() < 600
