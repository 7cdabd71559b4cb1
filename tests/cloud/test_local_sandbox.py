"""`open_cloud()` on a real sandbox: clients, clock, names, and traffic on virtual time."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from sandbox.cloud import Cloud, Unresolved, open_cloud
from sandbox.nursery import Nursery, SandboxHandle


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxHandle]:
    nursery = Nursery()
    nursery.start()
    yield nursery.fork(seed=1)
    nursery.close()


@pytest.fixture
def cloud(sandbox: SandboxHandle) -> Cloud:
    return open_cloud("local", endpoint=sandbox.endpoint, credentials=sandbox.learner)


def test_the_account_is_the_sandboxes(cloud: Cloud) -> None:
    assert cloud.account == "123456789012"


def test_the_clock_is_the_sandboxes(cloud: Cloud) -> None:
    def of_the_sandbox() -> datetime:
        expires: datetime = cloud.client("sts").get_session_token(DurationSeconds=900)["Credentials"]["Expiration"]
        return expires - timedelta(seconds=900)

    assert abs(cloud.clock.now() - of_the_sandbox()) < timedelta(seconds=3)
    before = cloud.clock.now()
    after = cloud.clock.advance(timedelta(minutes=5))
    assert timedelta(minutes=5) <= after - before < timedelta(minutes=5, seconds=5)
    assert abs(after - of_the_sandbox()) < timedelta(seconds=3)


def test_no_name_resolves_yet_and_is_refused_by_name(cloud: Cloud) -> None:
    for ask in (cloud.address, cloud.url):
        with pytest.raises(Unresolved, match=r"orders\.proxy-abc\.us-east-1\.rds\.amazonaws\.com"):
            ask("orders.proxy-abc.us-east-1.rds.amazonaws.com")


def test_an_absent_function_is_a_response(cloud: Cloud) -> None:
    (response,) = cloud.traffic.burst("absent", 1)
    assert response.status_code == 404
    assert response.error.startswith("ResourceNotFoundException: ")
    assert "absent" in response.error


def test_one_seed_gives_a_burst_the_same_versions_each_time(cloud: Cloud, sandbox: SandboxHandle) -> None:
    """Its requests reach the alias in whatever order the threads of client and server run."""
    versions = weighted_alias(cloud)

    def burst(seed: int) -> list[str]:
        # As a lab that is started again: the count of runs begins anew.
        fresh = open_cloud("local", endpoint=sandbox.endpoint, credentials=sandbox.learner)
        responses = fresh.traffic.burst("weighted:live", 40, seed=seed)
        assert all(response.ok for response in responses)
        return [response.executed_version for response in responses]

    first = burst(7)
    assert set(first) == versions
    assert burst(7) == first
    assert burst(8) != first


def test_a_second_run_of_one_load_is_not_a_copy_of_the_first(cloud: Cloud) -> None:
    weighted_alias(cloud)
    runs = [cloud.traffic.burst("weighted:live", 40, seed=7) for _ in range(2)]
    first, second = ([response.executed_version for response in run] for run in runs)
    assert first != second


def weighted_alias(cloud: Cloud) -> set[str]:
    """The function `weighted` with the alias `live`, which shares its traffic over two versions: their numbers."""
    functions, roles = cloud.client("lambda"), cloud.client("iam")
    numbers = {"1", "2"}
    if "weighted" in [function["FunctionName"] for function in functions.list_functions()["Functions"]]:
        return numbers
    trust = {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = roles.create_role(RoleName="weighted", AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    for number in sorted(numbers):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as package:
            entry = zipfile.ZipInfo("app.py")
            entry.external_attr = 0o100644 << 16
            package.writestr(entry, f"def handler(event, context):\n    return {number}\n")
        code = buffer.getvalue()
        if number == "1":
            functions.create_function(
                FunctionName="weighted", Runtime="python3.11", Handler="app.handler", Role=role, Code={"ZipFile": code}
            )
        else:
            functions.update_function_code(FunctionName="weighted", ZipFile=code)
        functions.get_waiter("function_updated_v2").wait(FunctionName="weighted")
        assert functions.publish_version(FunctionName="weighted")["Version"] == number
    functions.create_alias(
        FunctionName="weighted",
        Name="live",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.4}},
    )
    return numbers


def test_a_message_is_visible_again_after_virtual_time(cloud: Cloud) -> None:
    sqs = cloud.client("sqs")
    queue = sqs.create_queue(QueueName="orders", Attributes={"VisibilityTimeout": "300"})["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="one")
    assert len(sqs.receive_message(QueueUrl=queue)["Messages"]) == 1
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    cloud.clock.advance(301)
    assert len(sqs.receive_message(QueueUrl=queue)["Messages"]) == 1
