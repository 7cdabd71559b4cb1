"""Tags of CloudWatch's resources: alarms and dashboards.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_TagResource.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.gateway.call import AwsError, Call, Operation
from sandbox.telemetry import alarm_checks
from sandbox.telemetry.alarm import Alarm
from sandbox.telemetry.alarms import Alarms
from sandbox.telemetry.dashboards import Dashboard, Dashboards


class ResourceTags:
    """The operations on tags, by the ARN of what has them."""

    def __init__(self, alarms: Alarms, dashboards: Dashboards) -> None:
        self._alarms = alarms
        self._dashboards = dashboards
        self.operations: Mapping[str, Operation] = {
            "TagResource": self._tag_resource,
            "UntagResource": self._untag_resource,
            "ListTagsForResource": self._list_tags,
        }

    def tags_of(self, arn: str) -> Mapping[str, str]:
        """The tags of what has this ARN; none if there is no such thing."""
        dashboard = self._dashboards.by_arn(arn)
        return dict(dashboard.tags) if dashboard is not None else self._alarms.tags_of(arn)

    def _tag_resource(self, call: Call) -> None:
        with self._alarms.locked():
            found, by_aws = self._tagged(call), call.principal.is_aws
            alarm_checks.tags(call.params.get("Tags"), by_aws=by_aws)
            merged = {**found.tags, **{each["Key"]: each["Value"] for each in call.params.get("Tags") or ()}}
            # What stands there already may be AWS's: all that is new has been looked at.
            found.tags = alarm_checks.tags(_pairs(merged), by_aws=True)

    def _untag_resource(self, call: Call) -> None:
        with self._alarms.locked():
            found = self._tagged(call)
            for key in call.params.get("TagKeys") or ():
                found.tags.pop(key, None)

    def _list_tags(self, call: Call) -> dict[str, Any]:
        with self._alarms.locked():
            return {"Tags": _pairs(self._tagged(call).tags)}

    def _tagged(self, call: Call) -> Alarm | Dashboard:
        arn = call.params.get("ResourceARN") or ""
        dashboard = self._dashboards.by_arn(arn)
        if dashboard is not None and dashboard.account == call.account:
            return dashboard
        alarm = self._alarms.by_arn(arn)
        if alarm is None or alarm.place[:2] != (call.account, call.region):
            raise AwsError("ResourceNotFoundException", f"Resource {arn} not found", 404, ResourceId=arn)
        return alarm


def _pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
