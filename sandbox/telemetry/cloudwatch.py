"""The CloudWatch service: its parts put together, and what it does not do, by name.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.clock import Clock
from sandbox.gateway.call import Operation
from sandbox.telemetry.alarm_operations import AlarmOperations
from sandbox.telemetry.alarms import Alarms
from sandbox.telemetry.dashboards import Dashboards
from sandbox.telemetry.metrics import Metrics
from sandbox.telemetry.resource_tags import ResourceTags

_DETECTORS = "anomaly detection is not part of this sandbox"
_STREAMS = "metric streams are not part of this sandbox"
_RULES = "Contributor Insights rules are not evaluated"
_MUTES = "mute rules of alarms are not part of this sandbox"
_LOG_ALARMS = "alarms on log queries are not part of this sandbox"

REFUSED: Mapping[str, str] = {
    **dict.fromkeys(("PutAnomalyDetector", "DescribeAnomalyDetectors", "DeleteAnomalyDetector"), _DETECTORS),
    **dict.fromkeys(
        (
            "PutMetricStream",
            "GetMetricStream",
            "ListMetricStreams",
            "DeleteMetricStream",
            "StartMetricStreams",
            "StopMetricStreams",
        ),
        _STREAMS,
    ),
    **dict.fromkeys(
        (
            "PutInsightRule",
            "DeleteInsightRules",
            "DescribeInsightRules",
            "DisableInsightRules",
            "EnableInsightRules",
            "GetInsightRuleReport",
            "ListManagedInsightRules",
            "PutManagedInsightRules",
        ),
        _RULES,
    ),
    **dict.fromkeys(("PutAlarmMuteRule", "GetAlarmMuteRule", "ListAlarmMuteRules", "DeleteAlarmMuteRule"), _MUTES),
    "PutLogAlarm": _LOG_ALARMS,
    "DescribeAlarmContributors": "alarms have one time series each: there are no contributors",
    "GetMetricWidgetImage": "no pictures are drawn on the server",
}


class CloudWatch:
    """The service `cloudwatch`."""

    name = "cloudwatch"
    whole = True

    def __init__(self, clock: Clock, metrics: Metrics, alarms: Alarms) -> None:
        dashboards = Dashboards(clock)
        tags = ResourceTags(alarms, dashboards)
        self.tags_of = tags.tags_of
        self.operations: Mapping[str, Operation] = {
            **metrics.operations,
            **AlarmOperations(clock, alarms).operations,
            **dashboards.operations,
            **tags.operations,
        }
        self.refused: Mapping[str, str] = REFUSED
