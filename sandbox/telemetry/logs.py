"""CloudWatch Logs: groups, streams and events, and the searches over them.

Rules: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/ (the page of each operation). Logs
Insights, subscription and metric filters, encryption and the rest come later or never and are refused by name.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sandbox.clock import Clock
from sandbox.gateway.call import DEFAULT_ACCOUNT, DEFAULT_REGION, AwsError, Call, Operation
from sandbox.telemetry import log_streams
from sandbox.telemetry.embedded_metrics import extract, looks_embedded
from sandbox.telemetry.filter_patterns import InvalidPattern, compile_pattern, single_term
from sandbox.telemetry.log_checks import (
    MAX_BATCH_SPAN_MS,
    MAX_EVENT_BYTES,
    check_batch,
    constraint,
    group_name,
    group_of_arn,
    identified,
    invalid,
    merged_tags,
    page_limit,
    sort_out,
    stream_name,
)
from sandbox.telemetry.log_streams import EVENT_OVERHEAD, Event, Group, Stream, size_of
from sandbox.telemetry.log_tokens import Place, digits, encode, name_after, read_token, stream_after
from sandbox.telemetry.metrics import Metrics
from sandbox.telemetry.resource_policies import ResourcePolicies

#: What one page of events holds at most.
PAGE_EVENTS, PAGE_BYTES = 10_000, 1_048_576
DESCRIBE_PAGE = 50

RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096),
    *(1827, 2192, 2557, 2922, 3288, 3653),
)

#: Sorts after every arrival number within a millisecond.
_LAST = 1 << 62
_END = (1 << 62, 0)

Groups = dict[str, Group]


class Logs:
    """The `logs` service."""

    name = "logs"
    whole = True

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self._lock = threading.Lock()
        self._policies = ResourcePolicies(clock)
        self._regions: dict[tuple[str, str], Groups] = {}
        self._stored = 0
        self._order = 0
        self.operations: Mapping[str, Operation] = {
            "CreateLogGroup": self._create_log_group,
            "DeleteLogGroup": self._delete_log_group,
            "DescribeLogGroups": self._describe_log_groups,
            "CreateLogStream": self._create_log_stream,
            "DeleteLogStream": self._delete_log_stream,
            "DescribeLogStreams": self._describe_log_streams,
            "PutLogEvents": self._put_log_events,
            "GetLogEvents": self._get_log_events,
            "FilterLogEvents": self._filter_log_events,
            "PutRetentionPolicy": self._put_retention_policy,
            "DeleteRetentionPolicy": self._delete_retention_policy,
            "TagResource": self._tag_resource,
            "UntagResource": self._untag_resource,
            "ListTagsForResource": self._list_tags_for_resource,
            "TagLogGroup": self._tag_log_group,
            "UntagLogGroup": self._untag_log_group,
            "ListTagsLogGroup": self._list_tags_log_group,
            **self._policies.operations,
        }
        insights = "CloudWatch Logs Insights is not part of this sandbox yet"
        metric_filters = "metric filters are not part of this sandbox yet"
        subscriptions = "subscription filters are not part of this sandbox yet"
        self.refused: Mapping[str, str] = {
            **dict.fromkeys(
                (
                    "StartQuery",
                    "StopQuery",
                    "GetQueryResults",
                    "DescribeQueries",
                    "GetLogGroupFields",
                    "GetLogRecord",
                    "PutQueryDefinition",
                    "DescribeQueryDefinitions",
                    "DeleteQueryDefinition",
                ),
                insights,
            ),
            **dict.fromkeys(
                ("PutMetricFilter", "DescribeMetricFilters", "DeleteMetricFilter", "TestMetricFilter"), metric_filters
            ),
            **dict.fromkeys(
                ("PutSubscriptionFilter", "DescribeSubscriptionFilters", "DeleteSubscriptionFilter"), subscriptions
            ),
            "StartLiveTail": "Live Tail is not part of this sandbox; poll FilterLogEvents",
        }

    # -- for the other services ------------------------------------------------------------------

    def known(self, group: str, stream: str, *, account: str, region: str) -> tuple[bool, bool]:
        """Whether a log group is there, and whether the stream is there in it."""
        with self._lock:
            found = self._groups(account, region).get(group)
            return found is not None, found is not None and stream in found.streams

    def tags_of(self, arn: str) -> Mapping[str, str]:
        """The tags of the log group of this ARN, which may be a stream's."""
        parts = arn.split(":", 6)
        if len(parts) != 7 or parts[5] != "log-group":
            return {}
        with self._lock:
            found = self._regions.get((parts[4], parts[3]), {}).get(parts[6].partition(":")[0])
            return dict(found.tags) if found is not None else {}

    def policy_of(self, arn: str) -> dict[str, Any] | None:
        """What resource policies say of the log group or stream of this ARN; None if there are none."""
        return self._policies.of(arn)

    def put(
        self,
        group: str,
        stream: str,
        events: Sequence[tuple[int, str]],
        *,
        account: str = DEFAULT_ACCOUNT,
        region: str = DEFAULT_REGION,
    ) -> None:
        """Append log events, (sandbox time in Unix ms, message), making group and stream if they aren't there.

        A message longer than AWS allows becomes several. Metrics in the embedded metric format go to CloudWatch.
        """
        now = self._clock.now_ms()
        embedded = []
        with self._lock:
            groups = self._groups(account, region)
            found = groups.get(group)
            if found is None:
                found = groups[group] = Group(group, now)
            target = found.streams.get(stream)
            if target is None:
                target = found.streams[stream] = Stream(stream, now)
            for time, text in events:
                if len(text) * 4 + EVENT_OVERHEAD <= MAX_EVENT_BYTES or size_of(text) <= MAX_EVENT_BYTES:
                    self._add(found, target, time, text, now)
                else:
                    for piece in _pieces(text):
                        self._add(found, target, time, piece, now)
                if looks_embedded(text):
                    embedded.append(text)
        if embedded:
            self._extract(embedded, group, now, account, region)

    # -- groups ----------------------------------------------------------------------------------

    def _create_log_group(self, call: Call) -> None:
        name = group_name(call.params)
        for refused in ("kmsKeyId", "deletionProtectionEnabled"):
            if call.params.get(refused):
                raise invalid(f"{refused} is not supported by this sandbox.")
        if call.params.get("logGroupClass", "STANDARD") != "STANDARD":
            raise invalid(f"logGroupClass {call.params['logGroupClass']} is not supported by this sandbox.")
        tags = merged_tags(call.params.get("tags") or {}, {}, _by_aws(call))
        with self._lock:
            groups = self._groups(call.account, call.region)
            if name in groups:
                raise AwsError("ResourceAlreadyExistsException", "The specified log group already exists")
            groups[name] = group = Group(name, self._clock.now_ms())
            group.tags = tags

    def _delete_log_group(self, call: Call) -> None:
        name = group_name(call.params)
        with self._lock:
            self._stored -= self._group(call, name).stored
            del self._groups(call.account, call.region)[name]

    def _describe_log_groups(self, call: Call) -> dict[str, Any]:
        params = call.params
        for refused in ("accountIdentifiers", "includeLinkedAccounts", "logGroupIdentifiers"):
            if params.get(refused):
                raise invalid(f"{refused} is not supported by this sandbox.")
        prefix, pattern = params.get("logGroupNamePrefix"), params.get("logGroupNamePattern")
        if prefix and pattern:
            raise invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
        limit = page_limit(params, DESCRIBE_PAGE)
        after = name_after(params.get("nextToken"))
        with self._lock:
            found = sorted(
                (group.name, group)
                for group in self._groups(call.account, call.region).values()
                if group.name.startswith(prefix or "")
                and (pattern or "").lower() in group.name.lower()
                and params.get("logGroupClass", "STANDARD") == "STANDARD"
                and group.name > after
            )
            for _, group in found[:limit]:
                self._expire(group)
            answer: dict[str, Any] = {"logGroups": [_describe_group(group, call) for _, group in found[:limit]]}
        if len(found) > limit:
            answer["nextToken"] = encode(found[limit - 1][0])
        return answer

    def _put_retention_policy(self, call: Call) -> None:
        name, days = group_name(call.params), call.params.get("retentionInDays")
        if days not in RETENTION_DAYS:
            allowed = ", ".join(map(str, RETENTION_DAYS))
            raise constraint(days, "retentionInDays", f"Member must satisfy enum value set: [{allowed}]")
        with self._lock:
            group = self._group(call, name)
            group.retention_days = days
            self._expire(group)

    def _delete_retention_policy(self, call: Call) -> None:
        name = group_name(call.params)
        with self._lock:
            self._group(call, name).retention_days = None

    # -- tags ------------------------------------------------------------------------------------

    def _tag_resource(self, call: Call) -> None:
        with self._lock:
            group = self._tagged(call)
            group.tags = merged_tags(call.params.get("tags") or {}, group.tags, _by_aws(call))

    def _untag_resource(self, call: Call) -> None:
        with self._lock:
            group = self._tagged(call)
            for key in call.params.get("tagKeys") or ():
                group.tags.pop(key, None)

    def _list_tags_for_resource(self, call: Call) -> dict[str, Any]:
        with self._lock:
            return {"tags": dict(self._tagged(call).tags)}

    def _tag_log_group(self, call: Call) -> None:
        with self._lock:
            group = self._group(call, group_name(call.params))
            group.tags = merged_tags(call.params.get("tags") or {}, group.tags, _by_aws(call))

    def _untag_log_group(self, call: Call) -> None:
        with self._lock:
            group = self._group(call, group_name(call.params))
            for key in call.params.get("tags") or ():
                group.tags.pop(key, None)

    def _list_tags_log_group(self, call: Call) -> dict[str, Any]:
        with self._lock:
            return {"tags": dict(self._group(call, group_name(call.params)).tags)}

    # -- streams ---------------------------------------------------------------------------------

    def _create_log_stream(self, call: Call) -> None:
        name = stream_name(call.params)
        with self._lock:
            group = self._group(call, group_name(call.params))
            if name in group.streams:
                raise AwsError("ResourceAlreadyExistsException", "The specified log stream already exists")
            group.streams[name] = Stream(name, self._clock.now_ms())

    def _delete_log_stream(self, call: Call) -> None:
        name = stream_name(call.params)
        with self._lock:
            group = self._group(call, group_name(call.params))
            stream = _stream(group, name)
            freed = sum(size for _, size in stream.sizes())
            group.stored -= freed
            self._stored -= freed
            del group.streams[name]

    def _describe_log_streams(self, call: Call) -> dict[str, Any]:
        params = call.params
        name = identified(params)
        prefix, order = params.get("logStreamNamePrefix"), params.get("orderBy", "LogStreamName")
        if order not in ("LogStreamName", "LastEventTime"):
            raise constraint(order, "orderBy", "Member must satisfy enum value set: [LogStreamName, LastEventTime]")
        if order == "LastEventTime" and prefix:
            raise invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
        limit = page_limit(params, DESCRIBE_PAGE)
        descending = bool(params.get("descending"))
        by_time = order == "LastEventTime"
        after = stream_after(params.get("nextToken"))
        with self._lock:
            group = self._group(call, name)
            self._expire(group)
            found = sorted(
                (
                    ((stream.last_time or 0) if by_time else 0, stream.name)
                    for stream in group.streams.values()
                    if stream.name.startswith(prefix or "")
                ),
                reverse=descending,
            )
            if after is not None:
                found = [key for key in found if (key < after if descending else key > after)]
            answer: dict[str, Any] = {
                "logStreams": [_describe_stream(group, group.streams[key[1]], call) for key in found[:limit]]
            }
        if len(found) > limit:
            time, last = found[limit - 1]
            answer["nextToken"] = encode(f"{time} {last}")
        return answer

    # -- events ----------------------------------------------------------------------------------

    def _put_log_events(self, call: Call) -> dict[str, Any]:
        name, own = group_name(call.params), stream_name(call.params)
        if call.params.get("entity"):
            raise invalid("entity is not supported by this sandbox.")
        events = [(int(event["timestamp"]), str(event["message"])) for event in call.params.get("logEvents") or ()]
        check_batch(events)
        embedded = []
        now = self._clock.now_ms()
        with self._lock:
            group = self._group(call, name)
            stream = _stream(group, own)
            self._expire(group)
            rejected, accepted = sort_out(events, now, group.retention_days)
            if accepted and accepted[-1][0] - accepted[0][0] > MAX_BATCH_SPAN_MS:
                raise invalid(
                    "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
                )
            for time, text in accepted:
                self._add(group, stream, time, text, now)
                if looks_embedded(text):
                    embedded.append(text)
            answer: dict[str, Any] = {"nextSequenceToken": f"{self._order:056d}"}
        if embedded:
            self._extract(embedded, name, now, call.account, call.region)
        if rejected:
            answer["rejectedLogEventsInfo"] = rejected
        return answer

    def _get_log_events(self, call: Call) -> dict[str, Any]:
        params = call.params
        name, own = identified(params), stream_name(params)
        limit = page_limit(params, PAGE_EVENTS)
        low: Place = (params.get("startTime", 0), 0)
        high: Place = (params["endTime"], 0) if params.get("endTime") is not None else _END
        token = read_token(params["nextToken"]) if params.get("nextToken") else None
        from_head = token[0] == "f" if token else bool(params.get("startFromHead"))
        with self._lock:
            group = self._group(call, name)
            stream = _stream(group, own)
            self._expire(group)
            if from_head:
                start = max(low, token[1]) if token else low
                found = list(_fitting(log_streams.forward([stream], start, high), limit))
            else:
                end = min(high, token[1]) if token else high
                found = list(_fitting(log_streams.backward([stream], low, end), limit))[::-1]
        if found:
            ahead, behind = (found[-1].time, found[-1].order + 1), (found[0].time, found[0].order)
        else:
            ahead = behind = token[1] if token else low
        return {
            "events": [
                {"timestamp": event.time, "message": event.text, "ingestionTime": event.ingested} for event in found
            ],
            "nextForwardToken": f"f/{digits(ahead)}/s",
            "nextBackwardToken": f"b/{digits(behind)}/s",
        }

    def _filter_log_events(self, call: Call) -> dict[str, Any]:
        params = call.params
        name = identified(params)
        names, prefix = params.get("logStreamNames"), params.get("logStreamNamePrefix")
        if names and prefix:
            raise invalid("Only one of logStreamNames or logStreamNamePrefix can be provided.")
        if names and len(names) > 100:
            raise constraint(names, "logStreamNames", "Member must have length less than or equal to 100")
        pattern = params.get("filterPattern") or ""
        try:
            match = compile_pattern(pattern)
        except InvalidPattern as error:
            raise invalid(f"Invalid filter pattern: {error}") from None
        term = single_term(pattern)
        limit = page_limit(params, PAGE_EVENTS)
        low: Place = (params.get("startTime", 0), 0)
        high: Place = (params["endTime"], _LAST) if params.get("endTime") is not None else _END
        from_head = params.get("startFromHead") is not False
        if params.get("nextToken"):
            direction, position = read_token(params["nextToken"])
            from_head = direction == "f"
            low, high = (max(low, position), high) if from_head else (low, min(high, position))
        with self._lock:
            group = self._group(call, name)
            self._expire(group)
            streams = [_stream(group, stream) for stream in names] if names else list(group.streams.values())
            if prefix:
                streams = [stream for stream in streams if stream.name.startswith(prefix)]
            walk = (log_streams.forward if from_head else log_streams.backward)(streams, low, high, term)
            matching = walk if term else (event for event in walk if match(event.text))
            found = list(_fitting(matching, limit))
            more = next(matching, None) is not None
        answer: dict[str, Any] = {
            "events": [
                {
                    "logStreamName": event.stream,
                    "timestamp": event.time,
                    "message": event.text,
                    "ingestionTime": event.ingested,
                    "eventId": digits((event.time, event.order)),
                }
                for event in found
            ],
            "searchedLogStreams": [],
        }
        if more:
            last = found[-1]
            place = (last.time, last.order + 1) if from_head else (last.time, last.order)
            answer["nextToken"] = encode(f"{'f' if from_head else 'b'}/{digits(place)}/s")
        return answer

    # -- inside (the lock is held) ---------------------------------------------------------------

    def _groups(self, account: str, region: str) -> Groups:
        groups = self._regions.get((account, region))
        if groups is None:
            groups = self._regions[account, region] = {}
        return groups

    def _group(self, call: Call, name: str) -> Group:
        group = self._groups(call.account, call.region).get(name)
        if group is None:
            raise AwsError("ResourceNotFoundException", "The specified log group does not exist.")
        return group

    def _tagged(self, call: Call) -> Group:
        return self._group(call, group_of_arn(str(call.params.get("resourceArn") or "")))

    def _add(self, group: Group, stream: Stream, time: int, text: str, now: int) -> None:
        self._order += 1
        self._stored += group.add(stream, time, self._order, text, now)
        if group.stored > log_streams.GROUP_BYTES:
            self._stored -= group.make_room(self._order)
        elif self._stored > log_streams.TOTAL_BYTES:
            largest = max(
                (each for groups in self._regions.values() for each in groups.values()), key=lambda each: each.stored
            )
            self._stored -= largest.make_room(self._order)

    def _expire(self, group: Group) -> None:
        self._stored -= group.expire(self._clock.now_ms())

    def _extract(self, messages: list[str], group: str, now: int, account: str, region: str) -> None:
        for message in messages:
            extraction = extract(message, now)
            for metric in extraction.metrics:
                for value in metric.values:
                    self._metrics.put(
                        metric.namespace,
                        metric.name,
                        metric.dimensions,
                        value,
                        metric.unit,
                        metric.at,
                        high_resolution=metric.high_resolution,
                        account=account,
                        region=region,
                    )
            for name, count in (
                ("EMFParsingErrors", extraction.parsing_errors),
                ("EMFValidationErrors", extraction.validation_errors),
            ):
                if count:
                    self._metrics.put(
                        "AWS/Logs",
                        name,
                        (("LogGroupName", group),),
                        count,
                        "Count",
                        now / 1000,
                        account=account,
                        region=region,
                    )


# -- answers -------------------------------------------------------------------------------------


def _group_arn(name: str, call: Call) -> str:
    return f"arn:aws:logs:{call.region}:{call.account}:log-group:{name}"


def _describe_group(group: Group, call: Call) -> dict[str, Any]:
    arn = _group_arn(group.name, call)
    answer = {
        "logGroupName": group.name,
        "creationTime": group.created,
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "storedBytes": group.stored,
        "logGroupClass": "STANDARD",
    }
    if group.retention_days is not None:
        answer["retentionInDays"] = group.retention_days
    return answer


def _describe_stream(group: Group, stream: Stream, call: Call) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "logStreamName": stream.name,
        "creationTime": stream.created,
        "arn": f"{_group_arn(group.name, call)}:log-stream:{stream.name}",
        # Always zero since June 2019, says AWS's page of LogStream.
        "storedBytes": 0,
    }
    if len(stream):
        answer["firstEventTimestamp"] = stream.first_time
        answer["lastEventTimestamp"] = stream.last_time
    if stream.last_ingested is not None:
        answer["lastIngestionTime"] = stream.last_ingested
        answer["uploadSequenceToken"] = f"{stream.last_ingested:056d}"
    return answer


def _fitting(events: Iterator[Event], limit: int) -> Iterator[Event]:
    """As many events as one page takes: `limit`, and 1 MB. Stops before it would take one too many."""
    room = PAGE_BYTES
    for count, event in enumerate(events, 1):
        yield event
        room -= size_of(event.text)
        if count >= limit or room <= 0:
            return


def _stream(group: Group, name: str) -> Stream:
    stream = group.streams.get(name)
    if stream is None:
        raise AwsError("ResourceNotFoundException", "The specified log stream does not exist.")
    return stream


def _by_aws(call: Call) -> bool:
    """Whether an AWS service calls (CloudFormation, say): it alone sets tags that begin with `aws:`."""
    return call.principal.is_aws


def _pieces(text: str) -> Iterator[str]:
    """A message too long for one event, in pieces that each fit."""
    step = (MAX_EVENT_BYTES - EVENT_OVERHEAD) // (1 if text.isascii() else 4)
    return (text[start : start + step] for start in range(0, len(text), step))
