"""What background traffic finds out of CodeDeploy: whether there is a deployment yet, and whether it has ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.load.deployments import Deployments

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class CodeDeploy:
    """Answers as CodeDeploy does: at most 25 deployments at a time. `refuses` is a code that listing fails with."""

    def __init__(self, *statuses: str) -> None:
        self.statuses = list(statuses)
        self.refuses = ""

    def get_paginator(self, operation: str) -> CodeDeploy:
        assert operation == "list_deployments"
        return self

    def paginate(self, createTimeRange: dict[str, datetime]) -> Iterator[dict[str, Any]]:
        assert createTimeRange == {"start": NOON}
        if self.refuses:
            raise ClientError({"Error": {"Code": self.refuses, "Message": "no"}}, "ListDeployments")
        ids = [f"d-{place}" for place in range(len(self.statuses))][::-1]
        for first in range(0, len(ids), 10):
            yield {"deployments": ids[first : first + 10]}

    def batch_get_deployments(self, deploymentIds: list[str]) -> dict[str, Any]:
        assert 1 <= len(deploymentIds) <= 25
        places = [int(one.removeprefix("d-")) for one in deploymentIds]
        made = [{"status": self.statuses[place], "createTime": NOON + timedelta(seconds=place)} for place in places]
        return {"deploymentsInfo": made}


@pytest.mark.parametrize(
    ("status", "at_work"),
    [("Created", True), ("InProgress", True), ("Succeeded", False), ("Failed", False), ("Stopped", False)],
)
def test_a_deployment_is_at_work_until_it_has_ended(status: str, at_work: bool) -> None:
    assert Deployments(CodeDeploy("Succeeded", status), NOON).at_work() is at_work


def test_each_deployment_is_new_once_and_the_first_of_them_counts() -> None:
    client = CodeDeploy()
    seen = Deployments(client, NOON)
    assert seen.more() is None
    client.statuses += ["InProgress"] * 30
    assert seen.more() == NOON.timestamp()
    assert seen.more() is None
    client.statuses += ["InProgress"]
    assert seen.more() == NOON.timestamp() + 30


def test_one_that_begins_when_another_has_ended_is_at_work() -> None:
    client = CodeDeploy("Stopped")
    seen = Deployments(client, NOON)
    assert not seen.at_work()
    client.statuses.append("InProgress")
    assert seen.at_work()


def test_an_application_that_goes_away_in_between_is_no_error_and_missing_rights_are() -> None:
    client = CodeDeploy("InProgress")
    seen = Deployments(client, NOON)
    seen.more()
    client.refuses = "ApplicationDoesNotExistException"
    assert seen.at_work()
    client.refuses = "AccessDeniedException"
    with pytest.raises(ClientError):
        seen.at_work()
