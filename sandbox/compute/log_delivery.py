"""Logs of functions on their way to CloudWatch Logs, with the rights of the execution role.

Without logs:PutLogEvents on the stream nothing arrives, and nobody is told, as in AWS; the caller's LogResult has the
lines all the same. https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from sandbox.compute.contract import EnvironmentSpec
from sandbox.compute.credentials import May
from sandbox.telemetry.logs import Logs

log = logging.getLogger(__name__)


class LogDelivery:
    """The LogSink of a sandbox's environments."""

    def __init__(self, logs: Logs, may: May) -> None:
        self._logs = logs
        self._may = may
        self._told: set[tuple[str, str]] = set()

    def __call__(self, spec: EnvironmentSpec, lines: Sequence[tuple[int, str]]) -> None:
        key = spec.credentials.get("AWS_ACCESS_KEY_ID", "")
        for action, resource in self._needed(spec):
            if not self._may(key, action, resource):
                self._tell(spec, action)
                return
        self._logs.put(spec.log_group, spec.log_stream, lines, account=spec.account, region=spec.region)

    def _needed(self, spec: EnvironmentSpec) -> Iterator[tuple[str, str]]:
        group, stream = self._logs.known(spec.log_group, spec.log_stream, account=spec.account, region=spec.region)
        arn = f"arn:aws:logs:{spec.region}:{spec.account}:log-group:{spec.log_group}"
        if not group:
            yield "logs:CreateLogGroup", f"{arn}:log-stream:"
        if not stream:
            yield "logs:CreateLogStream", f"{arn}:log-stream:{spec.log_stream}"
        yield "logs:PutLogEvents", f"{arn}:log-stream:{spec.log_stream}"

    def _tell(self, spec: EnvironmentSpec, action: str) -> None:
        if (spec.arn, action) not in self._told:
            self._told.add((spec.arn, action))
            log.warning("logs of %s are not delivered: its execution role may not %s", spec.arn, action)
