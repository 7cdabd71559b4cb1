"""`open_cloud()` on a real sandbox: clients, clock, names, and traffic on virtual time."""

from __future__ import annotations

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


def test_a_message_is_visible_again_after_virtual_time(cloud: Cloud) -> None:
    sqs = cloud.client("sqs")
    queue = sqs.create_queue(QueueName="orders", Attributes={"VisibilityTimeout": "300"})["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="one")
    assert len(sqs.receive_message(QueueUrl=queue)["Messages"]) == 1
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    cloud.clock.advance(301)
    assert len(sqs.receive_message(QueueUrl=queue)["Messages"]) == 1
