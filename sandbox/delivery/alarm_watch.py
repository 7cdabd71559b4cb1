"""The alarms of a deployment, asked for with its service role.

https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-create-alarms.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from sandbox.delivery import failures
from sandbox.delivery.rights import Rights

#: They are asked for at each multiple of this, in seconds of sandbox time, before each shift, and when one has changed.
EVERY_SECONDS = 10.0


def next_look(now: float) -> float:
    """When alarms are to be looked at next, Unix seconds."""
    return (now // EVERY_SECONDS + 1) * EVERY_SECONDS


class AlarmWatch:
    """The alarms of an AlarmConfiguration."""

    def __init__(self, configuration: Mapping[str, Any], role_arn: str) -> None:
        enabled = bool(configuration.get("enabled"))
        self.names = [str(alarm["name"]) for alarm in configuration.get("alarms", ())] if enabled else []
        self._patient = bool(configuration.get("ignorePollAlarmFailure"))
        self._role_arn = role_arn

    def look(self, rights: Rights) -> None:
        """DeploymentFailure if one is in ALARM, or if the state of one can't be told and that isn't to be ignored.

        An alarm that has been deleted has no state that could be told.
        """
        if not self.names:
            return
        try:
            states = _states(rights.client("cloudwatch"), self.names)
        except ClientError as error:
            if self._patient:
                return
            if error.response["Error"]["Code"] in failures.DENIED:
                raise failures.role_permissions(self._role_arn, "AmazonCloudWatch") from error
            raise failures.alarms_unknown(self.names) from error
        active = [name for name in self.names if states.get(name) == "ALARM"]
        if active:
            raise failures.alarms_active(active)
        unknown = [name for name in self.names if name not in states]
        if unknown and not self._patient:
            raise failures.alarms_unknown(unknown)


def _states(cloudwatch: Any, names: list[str]) -> dict[str, str]:
    answer = cloudwatch.describe_alarms(AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    found = [*answer.get("MetricAlarms", ()), *answer.get("CompositeAlarms", ())]
    return {alarm["AlarmName"]: alarm["StateValue"] for alarm in found}
