"""CloudWatch: alarms, composite alarms and dashboards.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_CloudWatch.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sandbox.templates.types import tagging
from sandbox.templates.types.fitting import document
from sandbox.templates.types.resource_type import Failed, ResourceType, Work, refuse_existing

_NO_TAGS_SENT = "tags are not sent with an alarm's notifications"
_NO_PROMQL = "PromQL queries are not part of this sandbox"
_KINDS = ("MetricAlarm", "CompositeAlarm")


# -- alarms ------------------------------------------------------------------------------------------------


def _put(work: Work, operation: str, name: str, *, tagged: bool) -> None:
    """Both operations replace all settings: what the template no longer gives has its default again."""
    settings = work.fitted("cloudwatch", operation, without=("AlarmName", "Tags"))
    work.call("cloudwatch", operation, AlarmName=name, **settings, Tags=work.tag_list() if tagged else None)


def _create(operation: str) -> Callable[[Work], str]:
    def create(work: Work) -> str:
        name = work.name("AlarmName", 255)
        if work["AlarmName"] is not None:
            found = work.call("cloudwatch", "DescribeAlarms", AlarmNames=[name], AlarmTypes=_KINDS)
            if found["MetricAlarms"] or found["CompositeAlarms"]:
                raise Failed(f"{name} already exists", "AlreadyExists")
        _put(work, operation, name, tagged=True)
        return name

    return create


def _update(operation: str) -> Callable[[Work], None]:
    def update(work: Work) -> None:
        if work.changed - {"Tags"}:
            _put(work, operation, work.physical_id, tagged=False)
        _retag(work, _alarm_arn(work))

    return update


def _retag(work: Work, arn: str) -> None:
    added, removed = work.tag_changes()
    if added:
        work.call("cloudwatch", "TagResource", ResourceARN=arn, Tags=tagging.pairs(added))
    if removed:
        work.call("cloudwatch", "UntagResource", ResourceARN=arn, TagKeys=removed)


def _alarm_arn(work: Work) -> str:
    return work.arn("cloudwatch", f"alarm:{work.physical_id}")


def _attributes(work: Work) -> Mapping[str, str]:
    return {"Arn": _alarm_arn(work)}


def _delete(work: Work) -> None:
    work.call("cloudwatch", "DeleteAlarms", AlarmNames=[work.physical_id])


ALARM = ResourceType(
    "AWS::CloudWatch::Alarm",
    create=_create("PutMetricAlarm"),
    update=_update("PutMetricAlarm"),
    delete=_delete,
    attributes=_attributes,
    named="AlarmName",
    refused={
        "ActionConfiguration": _NO_TAGS_SENT,
        "EvaluationCriteria": _NO_PROMQL,
        "EvaluationInterval": _NO_PROMQL,
        "ThresholdMetricId": "anomaly detection is not part of this sandbox",
        "WarmUpConfiguration": "warm-up periods of alarms are not part of this sandbox",
    },
)

COMPOSITE_ALARM = ResourceType(
    "AWS::CloudWatch::CompositeAlarm",
    create=_create("PutCompositeAlarm"),
    update=_update("PutCompositeAlarm"),
    delete=_delete,
    attributes=_attributes,
    named="AlarmName",
    refused={"ActionConfiguration": _NO_TAGS_SENT},
)


# -- dashboards --------------------------------------------------------------------------------------------


def _create_dashboard(work: Work) -> str:
    name = work.name("DashboardName", 255)
    if work["DashboardName"] is not None:
        refuse_existing(name, lambda: work.call("cloudwatch", "GetDashboard", DashboardName=name))
    body = document(work["DashboardBody"])
    work.call("cloudwatch", "PutDashboard", DashboardName=name, DashboardBody=body, Tags=work.tag_list())
    return name


def _update_dashboard(work: Work) -> None:
    if "DashboardBody" in work.changed:
        body = document(work["DashboardBody"])
        work.call("cloudwatch", "PutDashboard", DashboardName=work.physical_id, DashboardBody=body)
    # A dashboard belongs to no Region.
    _retag(work, f"arn:{work.stack.partition}:cloudwatch::{work.stack.account}:dashboard/{work.physical_id}")


DASHBOARD = ResourceType(
    "AWS::CloudWatch::Dashboard",
    create=_create_dashboard,
    update=_update_dashboard,
    delete=lambda work: work.call("cloudwatch", "DeleteDashboards", DashboardNames=[work.physical_id]),
    named="DashboardName",
)

TYPES = (ALARM, COMPOSITE_ALARM, DASHBOARD)
