"""Whether CodeDeploy is at work: what background traffic asks, to begin and to end with a deployment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

#: https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeploymentInfo.html
_ENDED = frozenset({"Succeeded", "Failed", "Stopped"})
#: https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_BatchGetDeployments.html
_BATCH = 25


class Deployments:
    """The deployments that were created after `since`, of all applications. `client` is of CodeDeploy."""

    def __init__(self, client: Any, since: datetime) -> None:
        self._client = client
        self._since = since
        self._seen: list[str] = []

    def more(self) -> float | None:
        """When the first of the deployments was made that this has not seen before, Unix seconds; None for none.

        ClientError if it may not look.
        """
        found: list[str] = []
        pages = self._client.get_paginator("list_deployments")
        try:
            for page in pages.paginate(createTimeRange={"start": self._since}):
                found += page["deployments"]
        except ClientError as error:
            # A function or stack may be gone in mid-deployment, with its application.
            if error.response["Error"]["Code"] != "ApplicationDoesNotExistException":
                raise
        new = [identifier for identifier in found if identifier not in self._seen]
        self._seen += new
        return min((info["createTime"].timestamp() for info in self._infos(new)), default=None)

    def at_work(self) -> bool:
        """Whether one of them, or one that came since, has not ended."""
        self.more()
        return any(info["status"] not in _ENDED for info in self._infos(self._seen))

    def _infos(self, identifiers: Sequence[str]) -> Iterator[dict[str, Any]]:
        for first in range(0, len(identifiers), _BATCH):
            yield from self._client.batch_get_deployments(deploymentIds=identifiers[first : first + _BATCH])[
                "deploymentsInfo"
            ]
