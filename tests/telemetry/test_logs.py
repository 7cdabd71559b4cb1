"""CloudWatch Logs as its callers see it."""

from __future__ import annotations

import logging

import pytest

from sandbox.telemetry import log_streams
from tests.telemetry.conftest import NOW_MS, Telemetry

DAY_MS = 86_400_000


def put(telemetry: Telemetry, *events: tuple[int, str], stream: str = "s1") -> dict[str, object]:
    return telemetry.call(
        "PutLogEvents",
        logGroupName="/app",
        logStreamName=stream,
        logEvents=[{"timestamp": time, "message": text} for time, text in events],
    )


# -- groups and streams --------------------------------------------------------------------------


def test_log_group_is_described_as_made(telemetry: Telemetry) -> None:
    telemetry.call("CreateLogGroup", logGroupName="/a/b", tags={"team": "x"})
    (group,) = telemetry.call("DescribeLogGroups")["logGroups"]
    assert group == {
        "logGroupName": "/a/b",
        "creationTime": NOW_MS,
        "metricFilterCount": 0,
        "arn": "arn:aws:logs:us-east-1:123456789012:log-group:/a/b:*",
        "logGroupArn": "arn:aws:logs:us-east-1:123456789012:log-group:/a/b",
        "storedBytes": 0,
        "logGroupClass": "STANDARD",
    }


def test_log_groups_are_found_by_prefix_and_pattern_and_paged(telemetry: Telemetry) -> None:
    for name in ("/aws/lambda/b", "/aws/lambda/a", "/other", "/aws/rds/a"):
        telemetry.call("CreateLogGroup", logGroupName=name)

    def names(**params: object) -> list[str]:
        return [group["logGroupName"] for group in telemetry.call("DescribeLogGroups", **params)["logGroups"]]

    assert names(logGroupNamePrefix="/aws/lambda") == ["/aws/lambda/a", "/aws/lambda/b"]
    assert names(logGroupNamePattern="LAMBDA/B") == ["/aws/lambda/b"]
    first = telemetry.call("DescribeLogGroups", limit=3)
    assert len(first["logGroups"]) == 3
    assert names(limit=3, nextToken=first["nextToken"]) == ["/other"]


def test_regions_are_apart(telemetry: Telemetry) -> None:
    telemetry.call("CreateLogGroup", logGroupName="/app")
    assert telemetry.call("DescribeLogGroups", region="eu-west-1")["logGroups"] == []


def test_streams_are_ordered_by_name_or_last_event_and_paged(telemetry: Telemetry, group: str) -> None:
    for name in ("s3", "s2"):
        telemetry.call("CreateLogStream", logGroupName=group, logStreamName=name)
    put(telemetry, (NOW_MS - 10, "x"), stream="s3")
    put(telemetry, (NOW_MS - 5, "x"), stream="s1")

    def names(**params: object) -> list[str]:
        found: list[str] = []
        while True:
            page = telemetry.call("DescribeLogStreams", logGroupName=group, **params)
            found += [stream["logStreamName"] for stream in page["logStreams"]]
            if "nextToken" not in page:
                return found
            params["nextToken"] = page["nextToken"]

    assert names() == ["s1", "s2", "s3"]
    assert names(limit=1) == ["s1", "s2", "s3"]
    assert names(descending=True, limit=2) == ["s3", "s2", "s1"]
    assert names(orderBy="LastEventTime", descending=True, limit=1) == ["s1", "s3", "s2"]
    assert names(logStreamNamePrefix="s2") == ["s2"]


def test_stream_shows_its_first_and_last_event(telemetry: Telemetry, group: str) -> None:
    put(telemetry, (NOW_MS - 50, "a"), (NOW_MS - 20, "b"))
    (stream,) = telemetry.call("DescribeLogStreams", logGroupName=group)["logStreams"]
    assert stream["firstEventTimestamp"] == NOW_MS - 50
    assert stream["lastEventTimestamp"] == NOW_MS - 20
    assert stream["lastIngestionTime"] == NOW_MS
    assert stream["arn"] == "arn:aws:logs:us-east-1:123456789012:log-group:/app:log-stream:s1"


def test_deleted_stream_and_group_are_gone(telemetry: Telemetry, group: str) -> None:
    put(telemetry, (NOW_MS, "a"))
    telemetry.call("DeleteLogStream", logGroupName=group, logStreamName="s1")
    assert telemetry.messages(logGroupName=group) == []
    assert telemetry.call("DescribeLogGroups")["logGroups"][0]["storedBytes"] == 0
    telemetry.call("DeleteLogGroup", logGroupName=group)
    assert telemetry.refusal("FilterLogEvents", logGroupName=group).code == "ResourceNotFoundException"


def test_tags_by_arn_and_by_name_are_the_same(telemetry: Telemetry, group: str) -> None:
    arn = "arn:aws:logs:us-east-1:123456789012:log-group:/app"
    telemetry.call("TagResource", resourceArn=arn, tags={"a": "1", "b": "2"})
    telemetry.call("TagLogGroup", logGroupName=group, tags={"c": "3"})
    telemetry.call("UntagResource", resourceArn=f"{arn}:*", tagKeys=["a"])
    telemetry.call("UntagLogGroup", logGroupName=group, tags=["b"])
    assert telemetry.call("ListTagsForResource", resourceArn=arn)["tags"] == {"c": "3"}
    assert telemetry.call("ListTagsLogGroup", logGroupName=group)["tags"] == {"c": "3"}
    for each in (arn, f"{arn}:*", f"{arn}:log-stream:s"):
        assert telemetry.logs.tags_of(each) == {"c": "3"}
    assert telemetry.logs.tags_of(f"{arn}2") == telemetry.logs.tags_of("*") == {}


@pytest.mark.parametrize(
    ("operation", "params", "code", "says"),
    [
        ("CreateLogGroup", {"logGroupName": "/app"}, "ResourceAlreadyExistsException", "log group already exists"),
        (
            "CreateLogStream",
            {"logGroupName": "/app", "logStreamName": "s1"},
            "ResourceAlreadyExistsException",
            "log stream already exists",
        ),
        (
            "CreateLogGroup",
            {"logGroupName": "a b"},
            "InvalidParameterException",
            "Value 'a b' at 'logGroupName' failed to satisfy constraint",
        ),
        ("CreateLogGroup", {"logGroupName": "a" * 513}, "InvalidParameterException", "less than or equal to 512"),
        ("CreateLogGroup", {"logGroupName": "x", "kmsKeyId": "k"}, "InvalidParameterException", "kmsKeyId is not"),
        (
            "CreateLogGroup",
            {"logGroupName": "x", "logGroupClass": "INFREQUENT_ACCESS"},
            "InvalidParameterException",
            "INFREQUENT_ACCESS",
        ),
        (
            "CreateLogStream",
            {"logGroupName": "/app", "logStreamName": "a:b"},
            "InvalidParameterException",
            "Value 'a:b' at 'logStreamName'",
        ),
        (
            "CreateLogStream",
            {"logGroupName": "/no", "logStreamName": "s"},
            "ResourceNotFoundException",
            "The specified log group does not exist.",
        ),
        (
            "GetLogEvents",
            {"logGroupName": "/app", "logStreamName": "no"},
            "ResourceNotFoundException",
            "The specified log stream does not exist.",
        ),
        ("DeleteLogGroup", {"logGroupName": "/no"}, "ResourceNotFoundException", "log group does not exist"),
        (
            "PutRetentionPolicy",
            {"logGroupName": "/app", "retentionInDays": 2},
            "InvalidParameterException",
            "Value '2' at 'retentionInDays'",
        ),
        (
            "DescribeLogStreams",
            {"logGroupName": "/app", "orderBy": "LastEventTime", "logStreamNamePrefix": "s"},
            "InvalidParameterException",
            "Cannot order by LastEventTime with a logStreamNamePrefix.",
        ),
        ("DescribeLogGroups", {"limit": 51}, "InvalidParameterException", "less than or equal to 50"),
        (
            "FilterLogEvents",
            {"logGroupName": "/app", "limit": 10_001},
            "InvalidParameterException",
            "less than or equal to 10000",
        ),
        (
            "FilterLogEvents",
            {"logGroupName": "/app", "filterPattern": "a-b"},
            "InvalidParameterException",
            "Invalid filter pattern: Invalid character(s) in term 'a-b'",
        ),
        (
            "FilterLogEvents",
            {"logGroupName": "/app", "logStreamNames": ["s1"], "logStreamNamePrefix": "s"},
            "InvalidParameterException",
            "logStreamNamePrefix",
        ),
        (
            "FilterLogEvents",
            {"logGroupName": "/app", "nextToken": "junk"},
            "InvalidParameterException",
            "The specified nextToken is invalid.",
        ),
        (
            "GetLogEvents",
            {"logGroupName": "/app", "logStreamName": "s1", "nextToken": "f/1/s"},
            "InvalidParameterException",
            "The specified nextToken is invalid.",
        ),
        (
            "ListTagsForResource",
            {"resourceArn": "arn:aws:sqs:us-east-1:123456789012:q"},
            "InvalidParameterException",
            "is not the ARN of a log group",
        ),
        (
            "TagLogGroup",
            {"logGroupName": "/app", "tags": {str(i): "" for i in range(51)}},
            "TooManyTagsException",
            "at most 50",
        ),
    ],
)
def test_bad_call_gets_awss_error(
    telemetry: Telemetry, group: str, operation: str, params: dict[str, object], code: str, says: str
) -> None:
    error = telemetry.refusal(operation, **params)
    assert (error.code, error.status) == (code, 400)
    assert says in error.message


@pytest.mark.parametrize("operation", ["StartQuery", "PutMetricFilter", "PutSubscriptionFilter", "StartLiveTail"])
def test_what_is_missing_is_refused_by_name(telemetry: Telemetry, operation: str) -> None:
    assert telemetry.logs.whole
    assert telemetry.logs.refused[operation]
    assert operation not in telemetry.logs.operations


# -- putting -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "says"),
    [
        ([], "greater than or equal to 1"),
        ([(NOW_MS, "b"), (NOW_MS - 1, "a")], "must be in chronological order"),
        ([(NOW_MS - 2 * DAY_MS, "a"), (NOW_MS, "b")], "cannot span more than 24 hours"),
        ([(NOW_MS, "x" * 1_048_576)], "Log event too large: 1048602 bytes exceeds limit of 1048576"),
        ([(NOW_MS, "x" * 600_000)] * 2, "Upload too large: 1200052 bytes exceeds limit of 1048576"),
        ([(NOW_MS, "é" * 524_288)], "Log event too large: 1048602 bytes"),
        ([(NOW_MS, "x")] * 10_001, "less than or equal to 10000"),
        ([(NOW_MS, "")], "greater than or equal to 1"),
    ],
)
def test_bad_batch_is_refused_as_a_whole(
    telemetry: Telemetry, group: str, events: list[tuple[int, str]], says: str
) -> None:
    params = [{"timestamp": time, "message": text} for time, text in events]
    error = telemetry.refusal("PutLogEvents", logGroupName=group, logStreamName="s1", logEvents=params)
    assert error.code == "InvalidParameterException"
    assert says in error.message
    assert telemetry.messages(logGroupName=group) == []


def test_events_too_old_or_too_new_are_rejected_one_by_one(telemetry: Telemetry, group: str) -> None:
    hour = 3_600_000
    answer = put(telemetry, (NOW_MS - 15 * DAY_MS, "ancient"), (NOW_MS, "now"), (NOW_MS + 3 * hour, "future"))
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 2}
    assert telemetry.messages(logGroupName=group) == ["now"]


def test_events_older_than_the_retention_are_rejected_as_expired(telemetry: Telemetry, group: str) -> None:
    telemetry.call("PutRetentionPolicy", logGroupName=group, retentionInDays=1)
    answer = put(telemetry, (NOW_MS - 2 * DAY_MS, "old"), (NOW_MS, "new"))
    assert answer["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}


def test_retention_runs_on_the_sandbox_clock(telemetry: Telemetry, group: str) -> None:
    put(telemetry, (NOW_MS, "first"))
    telemetry.clock.time += 2 * 86_400
    put(telemetry, (NOW_MS + 2 * DAY_MS, "second"))
    assert telemetry.messages(logGroupName=group) == ["first", "second"]
    telemetry.call("PutRetentionPolicy", logGroupName=group, retentionInDays=1)
    assert telemetry.messages(logGroupName=group) == ["second"]
    telemetry.call("DeleteRetentionPolicy", logGroupName=group)
    telemetry.clock.time += 400 * 86_400
    assert telemetry.messages(logGroupName=group) == ["second"]


def test_put_makes_group_and_stream_as_lambda_does(telemetry: Telemetry) -> None:
    telemetry.logs.put("/aws/lambda/f", "2026/01/15/[$LATEST]abc", [(NOW_MS, "START\n"), (NOW_MS, "END\n")])
    page = telemetry.call("FilterLogEvents", logGroupName="/aws/lambda/f")
    assert [(event["logStreamName"], event["message"]) for event in page["events"]] == [
        ("2026/01/15/[$LATEST]abc", "START\n"),
        ("2026/01/15/[$LATEST]abc", "END\n"),
    ]
    assert page["events"][0]["ingestionTime"] == NOW_MS


@pytest.mark.parametrize("letter", ["x", "é"])
def test_a_line_too_long_for_one_event_becomes_several(telemetry: Telemetry, letter: str) -> None:
    text = letter * 1_500_000
    telemetry.logs.put("/g", "s", [(NOW_MS, text)])
    found = telemetry.messages(logGroupName="/g")
    assert len(found) > 1
    assert "".join(found) == text


# -- reading -------------------------------------------------------------------------------------


def test_get_log_events_gives_the_newest_first_page_in_order_of_time(telemetry: Telemetry, group: str) -> None:
    put(telemetry, *((NOW_MS + i, f"m{i}") for i in range(5)))

    def read(**params: object) -> tuple[list[str], str, str]:
        page = telemetry.call("GetLogEvents", logGroupName=group, logStreamName="s1", limit=2, **params)
        return [e["message"] for e in page["events"]], page["nextForwardToken"], page["nextBackwardToken"]

    newest, forward, backward = read()
    assert newest == ["m3", "m4"]
    older, _, further = read(nextToken=backward)
    assert older == ["m1", "m2"]
    assert read(nextToken=further)[0] == ["m0"]
    # At the end the same token comes back, and what arrives later is found with it.
    nothing, again, _ = read(nextToken=forward, startFromHead=True)
    assert (nothing, again) == ([], forward)
    put(telemetry, (NOW_MS + 9, "m9"))
    assert read(nextToken=forward, startFromHead=True)[0] == ["m9"]


def test_get_log_events_from_the_head_reads_all_once(telemetry: Telemetry, group: str) -> None:
    put(telemetry, *((NOW_MS, f"m{i}") for i in range(7)))
    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = telemetry.call(
            "GetLogEvents", logGroupName=group, logStreamName="s1", startFromHead=True, limit=3, **token
        )
        found += [event["message"] for event in page["events"]]
        if page["nextForwardToken"] == token.get("nextToken"):
            break
        token = {"nextToken": page["nextForwardToken"]}
    assert found == [f"m{i}" for i in range(7)]


def test_tokens_of_an_empty_stream_find_what_comes(telemetry: Telemetry, group: str) -> None:
    page = telemetry.call("GetLogEvents", logGroupName=group, logStreamName="s1")
    put(telemetry, (NOW_MS, "late"))
    page = telemetry.call("GetLogEvents", logGroupName=group, logStreamName="s1", nextToken=page["nextForwardToken"])
    assert [event["message"] for event in page["events"]] == ["late"]


def test_end_time_is_excluded_by_get_and_included_by_filter(telemetry: Telemetry, group: str) -> None:
    put(telemetry, *((NOW_MS + i, f"m{i}") for i in range(4)))
    window = {"startTime": NOW_MS + 1, "endTime": NOW_MS + 3}
    got = telemetry.call("GetLogEvents", logGroupName=group, logStreamName="s1", **window)
    assert [event["message"] for event in got["events"]] == ["m1", "m2"]
    assert telemetry.messages(logGroupName=group, **window) == ["m1", "m2", "m3"]


def test_filter_interleaves_streams_by_time_across_pages(telemetry: Telemetry, group: str) -> None:
    telemetry.call("CreateLogStream", logGroupName=group, logStreamName="s2")
    put(telemetry, (NOW_MS, "a"), (NOW_MS + 20, "c"), (NOW_MS + 40, "e"))
    put(telemetry, (NOW_MS + 10, "b"), (NOW_MS + 20, "d"), stream="s2")
    assert telemetry.messages(logGroupName=group, limit=2) == ["a", "b", "c", "d", "e"]
    assert telemetry.messages(logGroupName=group, limit=2, startFromHead=False) == ["e", "d", "c", "b", "a"]
    assert telemetry.messages(logGroupName=group, logStreamNames=["s2"]) == ["b", "d"]
    assert telemetry.messages(logGroupName=group, logStreamNamePrefix="s1") == ["a", "c", "e"]
    assert telemetry.messages(logGroupIdentifier="arn:aws:logs:us-east-1:123456789012:log-group:/app:*", limit=1) == [
        *"abcde"
    ]


def test_filter_pages_through_matches_only(telemetry: Telemetry, group: str) -> None:
    put(telemetry, *((NOW_MS + i, f"{'ERROR' if i % 3 == 0 else 'INFO'} {i}") for i in range(10)))
    assert telemetry.messages(logGroupName=group, filterPattern="ERROR", limit=2) == [
        "ERROR 0",
        "ERROR 3",
        "ERROR 6",
        "ERROR 9",
    ]
    assert telemetry.messages(logGroupName=group, filterPattern="-ERROR", limit=4)[0] == "INFO 1"


def test_a_page_holds_about_one_megabyte(telemetry: Telemetry, group: str) -> None:
    for i in range(3):
        put(telemetry, (NOW_MS + i, str(i) * 600_000))
    page = telemetry.call("FilterLogEvents", logGroupName=group)
    assert len(page["events"]) == 2
    assert len(telemetry.messages(logGroupName=group)) == 3


def test_late_events_take_their_place_in_time(telemetry: Telemetry, group: str) -> None:
    put(telemetry, (NOW_MS + 10, "b"), (NOW_MS + 30, "d"))
    put(telemetry, (NOW_MS, "a"), (NOW_MS + 20, "c"))
    assert telemetry.messages(logGroupName=group) == ["a", "b", "c", "d"]


def test_event_ids_are_56_digits_and_unique(telemetry: Telemetry, group: str) -> None:
    put(telemetry, (NOW_MS, "a"), (NOW_MS, "a"))
    ids = [event["eventId"] for event in telemetry.call("FilterLogEvents", logGroupName=group)["events"]]
    assert len(set(ids)) == 2
    assert all(len(each) == 56 and each.isdecimal() for each in ids)


# -- bounds --------------------------------------------------------------------------------------


def test_a_full_group_drops_its_oldest_events_and_says_so(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(log_streams, "GROUP_BYTES", 100_000)
    caplog.set_level(logging.WARNING)
    for i in range(2000):
        telemetry.logs.put("/g", f"s{i % 3}", [(NOW_MS + i, f"line {i:04d} " + "x" * 90)])
    found = telemetry.messages(logGroupName="/g")
    assert found[-1].startswith("line 1999")
    kept = [message for message in found if message.startswith("line")]
    dropped = [message for message in found if message.startswith("[coldstart]")]
    assert len(dropped) == 3
    assert sum(int(message.split()[1]) for message in dropped) + len(kept) == 2000
    assert kept == sorted(kept)
    assert "log group /g was full" in caplog.text
    assert 0 < telemetry.call("DescribeLogGroups")["logGroups"][0]["storedBytes"] <= 100_000


def test_all_groups_together_are_bounded_too(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_streams, "TOTAL_BYTES", 100_000)
    for i in range(500):
        telemetry.logs.put("/big", "s", [(NOW_MS + i, "x" * 300)])
        telemetry.logs.put("/small", "s", [(NOW_MS + i, "y")])
    groups = {g["logGroupName"]: g["storedBytes"] for g in telemetry.call("DescribeLogGroups")["logGroups"]}
    assert sum(groups.values()) <= 100_000
    assert telemetry.messages(logGroupName="/small") == ["y"] * 500


def test_100_000_invocations_stay_quick_to_search(telemetry: Telemetry) -> None:
    for i in range(100_000):
        lines = [(NOW_MS + i, f"{word} RequestId: {i:012d}\n") for word in ("START", "INFO", "END", "REPORT")]
        telemetry.logs.put("/aws/lambda/f", f"s{i % 40}", lines)
    one = telemetry.messages(logGroupName="/aws/lambda/f", filterPattern='"000000077777"')
    assert one == [f"{word} RequestId: 000000077777\n" for word in ("START", "INFO", "END", "REPORT")]
    window = {"startTime": NOW_MS + 50_000, "endTime": NOW_MS + 50_099}
    assert len(telemetry.messages(logGroupName="/aws/lambda/f", **window)) == 400
