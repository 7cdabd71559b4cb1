"""What CloudWatch Logs takes: names, ARNs, limits, tags and batches of log events, and how it refuses others.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/ (the page of each operation)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.gateway.call import AwsError
from sandbox.telemetry.log_streams import size_of

DAY_MS = 86_400_000
MAX_BATCH_BYTES = 1_048_576
MAX_BATCH_EVENTS = 10_000
MAX_EVENT_BYTES = 1_048_576
MAX_BATCH_SPAN_MS = DAY_MS
MAX_PAST_MS, MAX_FUTURE_MS = 14 * DAY_MS, 2 * 3_600_000
MAX_TAGS = 50

_GROUP_NAME = r"[\.\-_/#A-Za-z0-9]+"
_STREAM_NAME = r"[^:*]*"
_GROUP_ARN = re.compile(r"arn:aws[\w-]*:logs:[\w-]*:\d*:log-group:([^:*]+)(?::\*)?")


def invalid(message: str) -> AwsError:
    """What most of what is wrong is refused with."""
    return AwsError("InvalidParameterException", message)


def constraint(value: Any, where: str, constraint: str) -> AwsError:
    """The refusal of a value by the constraint of its member."""
    return invalid(
        f"1 validation error detected: Value '{value}' at '{where}' failed to satisfy constraint: {constraint}"
    )


def group_name(params: Mapping[str, Any], member: str = "logGroupName") -> str:
    """The log group that a call names; AwsError if that can be none's name."""
    name = str(params.get(member) or "")
    if not re.fullmatch(_GROUP_NAME, name):
        raise constraint(name, member, f"Member must satisfy regular expression pattern: {_GROUP_NAME}")
    if len(name) > 512:
        raise constraint(name, member, "Member must have length less than or equal to 512")
    return name


def stream_name(params: Mapping[str, Any]) -> str:
    """The log stream that a call names; AwsError if that can be none's name."""
    name = str(params.get("logStreamName") or "")
    if not name:
        raise constraint(name, "logStreamName", "Member must have length greater than or equal to 1")
    if not re.fullmatch(_STREAM_NAME, name):
        raise constraint(name, "logStreamName", f"Member must satisfy regular expression pattern: {_STREAM_NAME}")
    if len(name) > 512:
        raise constraint(name, "logStreamName", "Member must have length less than or equal to 512")
    return name


def identified(params: Mapping[str, Any]) -> str:
    """The log group that a call names, by logGroupName or by logGroupIdentifier (a name or an ARN)."""
    identifier = params.get("logGroupIdentifier")
    if identifier is None:
        return group_name(params)
    if params.get("logGroupName"):
        raise invalid("Only one of logGroupName or logGroupIdentifier can be provided.")
    if str(identifier).startswith("arn:"):
        return group_of_arn(str(identifier))
    return group_name(params, "logGroupIdentifier")


def group_of_arn(arn: str) -> str:
    """The name of the log group of an ARN; AwsError if the ARN is of something else."""
    found = _GROUP_ARN.fullmatch(arn)
    if found is None:
        raise invalid(f"'{arn}' is not the ARN of a log group, the only resource of CloudWatch Logs in this sandbox.")
    return found[1]


def page_limit(params: Mapping[str, Any], most: int) -> int:
    """How many items a page is to have, `most` where the call doesn't say; AwsError for more, and for none."""
    limit = params.get("limit")
    if limit is None:
        return most
    if limit < 1:
        raise constraint(limit, "limit", "Member must have value greater than or equal to 1")
    if limit > most:
        raise constraint(limit, "limit", f"Member must have value less than or equal to {most}")
    return int(limit)


def merged_tags(new: Mapping[str, str], old: Mapping[str, str], by_aws: bool = False) -> dict[str, str]:
    """The tags once new ones are set; AwsError for one that is not valid, and for too many."""
    for key, value in new.items():
        if not 1 <= len(key) <= 128 or len(value) > 256 or (key.startswith("aws:") and not by_aws):
            raise invalid(f"The tag '{key}' = '{value}' is not valid.")
    tags = {**old, **new}
    if sum(not key.startswith("aws:") for key in tags) > MAX_TAGS:
        raise AwsError("TooManyTagsException", f"A resource can have at most {MAX_TAGS} tags.")
    return tags


def check_batch(events: Sequence[tuple[int, str]]) -> None:
    """AwsError for log events, (Unix ms, message), that PutLogEvents takes none of.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
    """
    if not events:
        raise constraint("[]", "logEvents", "Member must have length greater than or equal to 1")
    if len(events) > MAX_BATCH_EVENTS:
        raise constraint("[...]", "logEvents", f"Member must have length less than or equal to {MAX_BATCH_EVENTS}")
    total = 0
    last = events[0][0]
    for place, (time, text) in enumerate(events, 1):
        if not text:
            where = f"logEvents.{place}.member.message"
            raise constraint(text, where, "Member must have length greater than or equal to 1")
        if time < last:
            raise invalid("Log events in a single PutLogEvents request must be in chronological order.")
        last = time
        size = size_of(text)
        if size > MAX_EVENT_BYTES:
            raise invalid(f"Log event too large: {size} bytes exceeds limit of {MAX_EVENT_BYTES}")
        total += size
    if total > MAX_BATCH_BYTES:
        raise invalid(f"Upload too large: {total} bytes exceeds limit of {MAX_BATCH_BYTES}")


def sort_out(
    events: Sequence[tuple[int, str]], now: int, retention_days: int | None
) -> tuple[dict[str, int], Sequence[tuple[int, str]]]:
    """RejectedLogEventsInfo, and the events between its bounds."""
    too_old = sum(time < now - MAX_PAST_MS for time, _ in events)
    expired = sum(time < now - retention_days * DAY_MS for time, _ in events) if retention_days is not None else 0
    too_new = len(events) - sum(time > now + MAX_FUTURE_MS for time, _ in events)
    rejected = {}
    if too_new < len(events):
        rejected["tooNewLogEventStartIndex"] = too_new
    if too_old:
        rejected["tooOldLogEventEndIndex"] = too_old
    if expired:
        rejected["expiredLogEventEndIndex"] = expired
    return rejected, events[max(too_old, expired) : too_new]
