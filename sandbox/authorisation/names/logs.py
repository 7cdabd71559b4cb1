"""How CloudWatch, its Logs, CloudTrail and X-Ray name their resources in calls."""

from __future__ import annotations

import re
from collections.abc import Callable

from sandbox.authorisation import arns
from sandbox.authorisation.arns import in_partition
from sandbox.authorisation.look_up import LookUp
from sandbox.authorisation.names.maker import Maker, Paths, as_given
from sandbox.authorisation.need import Underivable
from sandbox.authorisation.parameters import text
from sandbox.gateway.call import Call


def _log_group_name(given: str) -> str:
    """The name of a log group that is given by name or by ARN (with or without `:*` behind)."""
    if given.startswith("arn:") and ":log-group:" in given:
        return given.partition(":log-group:")[2].partition(":")[0]
    return given


def _log_group(call: Call, look_up: LookUp, given: str) -> str:
    """A log group. But for tags the ARN that is asked about goes on to the log streams, so that a policy has to end in
    `:*`: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html. A denial names
    it as `log-group:NAME:log-stream:`; what is about no single group has an empty name there."""
    if given.startswith("arn:") and ":log-group:" not in given:
        return given
    owner = arns.parse(given)
    return in_partition(
        call, "logs", f"log-group:{_log_group_name(given)}:log-stream:", account=owner.account if owner else None
    )


def _tagged_log_group(call: Call, look_up: LookUp, given: str) -> str:
    if given.startswith("arn:"):
        return given.removesuffix(":*")
    return in_partition(call, "logs", f"log-group:{given}")


def _log_stream(call: Call, look_up: LookUp, given: str) -> str | None:
    name, identifier = text(call.params, "logGroupName"), text(call.params, "logGroupIdentifier")
    if name is not None and identifier is not None:
        raise Underivable(f"logs:{call.operation} names its log group twice")
    group = name or identifier
    return None if group is None else _log_group(call, look_up, group) + given


def _log_groups(call: Call) -> str:
    """All log groups, as logs:DescribeLogGroups asks."""
    return in_partition(call, "logs", "log-group::log-stream:")


def _tracing_group(call: Call, look_up: LookUp, given: str) -> str:
    return given if given.startswith("arn:") else in_partition(call, "xray", f"group/{given}/*")


def _queried_store(call: Call, look_up: LookUp, given: str) -> str:
    """The event data store in a query's FROM.
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/query-limitations.html"""
    found = re.search(r"\bfrom\s+['\"]?([0-9a-f-]{36})", given, re.IGNORECASE)
    return in_partition(call, "cloudtrail", f"eventdatastore/{found[1] if found else '*'}")


NAMES: dict[str, Paths] = {
    "cloudtrail:channel": ("Channel", "Name"),
    "cloudtrail:dashboard": ("DashboardId", "Name"),
    "cloudtrail:eventdatastore": ("EventDataStore", "EventDataStores[]"),
    "cloudtrail:trail": ("Name", "TrailName"),
    "cloudwatch:alarm": ("AlarmName", "AlarmNames[]"),
    "cloudwatch:insight-rule": ("RuleName", "RuleNames[]"),
    "logs:log-group": (
        "+logGroupName",
        "+logGroupIdentifier",
        "+logGroupIdentifiers",
        "+logGroupNames",
        "+logGroupArnList",
        "+resourceIdentifier",
        "=",
    ),
    "logs:log-stream": ("logStreamName",),
    "xray:group": ("+GroupARN", "+GroupName"),
    "xray:sampling-rule": (
        "RuleARN",
        "RuleName",
        "SamplingRule.RuleARN",
        "SamplingRule.RuleName",
        "SamplingRuleUpdate.RuleARN",
        "SamplingRuleUpdate.RuleName",
    ),
}

_TAGGED_LOGS: dict[str, Paths] = {"log-group": ("resourceArn", "logGroupName")}

RULES: dict[str, dict[str, Paths]] = {
    "cloudtrail:CancelQuery": {"eventdatastore": ("EventDataStore", "=*")},
    "cloudtrail:CreateChannel": {"channel": ("Name",), "eventdatastore": ("Destinations[].Location",)},
    "cloudtrail:CreateEventDataStore": {"eventdatastore": ("=*",)},
    "cloudtrail:GetQueryResults": {"eventdatastore": ("EventDataStore", "=*")},
    "cloudtrail:ListInsightsData": {"trail": ("InsightSource",)},
    "cloudtrail:ListTags": {"trail": ("ResourceIdList[]",)},
    "cloudtrail:StartQuery": {"eventdatastore": ("QueryStatement", "=*")},
    "cloudwatch:PutAlarmMuteRule": {"alarm-mute-rule": ("Name",), "alarm": ("?", "MuteTargets.AlarmNames[]")},
    "logs:DeleteDeliverySource": {"delivery-source": ("name",)},
    "logs:ListTagsForResource": _TAGGED_LOGS,
    "logs:ListTagsLogGroup": _TAGGED_LOGS,
    "logs:TagLogGroup": _TAGGED_LOGS,
    "logs:TagResource": _TAGGED_LOGS,
    "logs:UntagLogGroup": _TAGGED_LOGS,
    "logs:UntagResource": _TAGGED_LOGS,
    "logs:UpdateDeliveryConfiguration": {"delivery": ("id",)},
}

MAKERS: dict[str, Maker] = {
    "cloudtrail:ListInsightsData/trail": as_given,
    "cloudtrail:ListTags/trail": as_given,
    "cloudtrail:StartQuery/eventdatastore": _queried_store,
    "logs:ListTagsForResource/log-group": _tagged_log_group,
    "logs:ListTagsLogGroup/log-group": _tagged_log_group,
    "logs:TagLogGroup/log-group": _tagged_log_group,
    "logs:TagResource/log-group": _tagged_log_group,
    "logs:UntagLogGroup/log-group": _tagged_log_group,
    "logs:UntagResource/log-group": _tagged_log_group,
    "logs:log-group": _log_group,
    "logs:log-stream": _log_stream,
    "xray:group": _tracing_group,
}

WHOLE: dict[str, Callable[[Call], str]] = {
    "logs:DescribeLogGroups": _log_groups,
    "logs:DescribeResourcePolicies": _log_groups,
    "logs:PutResourcePolicy": _log_groups,
}
