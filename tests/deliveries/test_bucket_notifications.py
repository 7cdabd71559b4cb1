"""Buckets that notify functions: what they are told, when they may be, and which configurations S3 takes."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.deliveries.conftest import ACCOUNT, Cloud


class Bucket:
    """A bucket, and the function it notifies."""

    def __init__(self, cloud: Cloud, name: str) -> None:
        self.cloud, self.name = cloud, name
        self.s3 = cloud.client("s3")
        self.s3.create_bucket(Bucket=name)
        self.arn = f"arn:aws:s3:::{name}"

    def function(self, **condition: str) -> str:
        """Make a function that the bucket may invoke; its ARN."""
        arn = self.cloud.teller(self.name)
        self.cloud.permit(self.name, "s3", **(condition or {"SourceArn": self.arn, "SourceAccount": ACCOUNT}))
        return arn

    def notify(self, arn: str, *events: str, **more: Any) -> None:
        self.configure(one(arn, *events, **more))

    def configure(self, *functions: dict[str, Any], **more: Any) -> None:
        self.s3.put_bucket_notification_configuration(
            Bucket=self.name, NotificationConfiguration={"LambdaFunctionConfigurations": list(functions), **more}
        )

    def put(self, key: str, body: bytes = b"") -> dict[str, Any]:
        return dict(self.s3.put_object(Bucket=self.name, Key=key, Body=body))

    def refusal(self, *functions: dict[str, Any], **more: Any) -> dict[str, str]:
        with pytest.raises(ClientError) as refused:
            self.configure(*functions, **more)
        return dict(refused.value.response["Error"])

    def names(self, count: int) -> list[str]:
        return [event["Records"][0]["eventName"] for event in self.cloud.waits_for(self.name, count)]


def one(arn: str, *events: str, prefix: str | None = None, suffix: str | None = None, **more: Any) -> dict[str, Any]:
    """One configuration."""
    rules = [{"Name": name, "Value": value} for name, value in (("prefix", prefix), ("suffix", suffix)) if value]
    given: dict[str, Any] = {"LambdaFunctionArn": arn, "Events": list(events or ["s3:ObjectCreated:*"]), **more}
    return {**given, "Filter": {"Key": {"FilterRules": rules}}} if rules else given


def test_a_function_is_told_of_an_object_as_s3_documents_it(cloud: Cloud) -> None:
    bucket = Bucket(cloud, "documented")
    bucket.notify(bucket.function(), Id="uploads")
    before = cloud.clock.now()
    answer = bucket.put("in box/my file(1).txt", b"12345")
    (event,) = cloud.waits_for(bucket.name)
    (record,) = event["Records"]
    caller = cloud.client("sts").get_caller_identity()
    response = answer["ResponseMetadata"]
    told_at = record.pop("eventTime")
    assert datetime.fromisoformat(told_at).timestamp() >= before - 0.001
    assert len(record["s3"]["object"].pop("sequencer")) == 18
    owner = record["s3"]["bucket"].pop("ownerIdentity")
    assert len(owner["principalId"]) == 14
    assert record == {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": f"AWS:{caller['UserId']}"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {
            "x-amz-request-id": response["RequestId"],
            "x-amz-id-2": response["HTTPHeaders"]["x-amz-id-2"],
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "uploads",
            "bucket": {"name": "documented", "arn": "arn:aws:s3:::documented"},
            "object": {
                "key": "in+box/my+file%281%29.txt",
                "size": 5,
                "eTag": answer["ETag"].strip('"'),
            },
        },
    }


def test_each_call_raises_its_one_event(cloud: Cloud) -> None:
    bucket = Bucket(cloud, "calls")
    every = ("s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*", "s3:ObjectAcl:Put")
    bucket.notify(bucket.function(), *every)
    s3, place = bucket.s3, {"Bucket": bucket.name, "Key": "a"}
    s3.put_object(**place, Body=b"1", Tagging="x=y")
    s3.copy_object(Bucket=bucket.name, Key="b", CopySource={"Bucket": bucket.name, "Key": "a"})
    upload = s3.create_multipart_upload(Bucket=bucket.name, Key="c")["UploadId"]
    part = s3.upload_part(Bucket=bucket.name, Key="c", UploadId=upload, PartNumber=1, Body=b"2")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    s3.complete_multipart_upload(Bucket=bucket.name, Key="c", UploadId=upload, MultipartUpload=parts)
    s3.put_object_tagging(**place, Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    s3.delete_object_tagging(**place)
    s3.put_object_acl(**place, ACL="private")
    s3.delete_object(**place)
    s3.delete_object(**place)
    s3.delete_objects(Bucket=bucket.name, Delete={"Objects": [{"Key": "b"}, {"Key": "absent"}]})
    events = [event["Records"][0] for event in cloud.waits_for(bucket.name, 8)]
    assert sorted(f"{event['eventName']} {event['s3']['object']['key']}" for event in events) == [
        "ObjectAcl:Put a",
        "ObjectCreated:CompleteMultipartUpload c",
        "ObjectCreated:Copy b",
        "ObjectCreated:Put a",
        "ObjectRemoved:Delete a",
        "ObjectRemoved:Delete b",
        "ObjectTagging:Delete a",
        "ObjectTagging:Put a",
    ]
    by_name = {event["eventName"]: event for event in events}
    assert by_name["ObjectTagging:Put"]["eventVersion"] == "2.3"
    assert sorted(by_name["ObjectRemoved:Delete"]["s3"]["object"]) == ["key", "sequencer"]


def test_versions_are_told_and_markers_are_not_deletions(cloud: Cloud) -> None:
    bucket = Bucket(cloud, "versions")
    bucket.s3.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    bucket.notify(bucket.function(), "s3:ObjectCreated:*", "s3:ObjectRemoved:*")
    first = bucket.put("k", b"1")["VersionId"]
    bucket.put("k", b"2")
    marker = bucket.s3.delete_object(Bucket=bucket.name, Key="k")["VersionId"]
    bucket.s3.delete_object(Bucket=bucket.name, Key="k", VersionId=first)
    records = sorted(
        (event["Records"][0] for event in cloud.waits_for(bucket.name, 4)),
        key=lambda record: str(record["s3"]["object"]["sequencer"]),
    )
    told = [(record["eventName"], record["s3"]["object"]["versionId"]) for record in records]
    assert told[0] == ("ObjectCreated:Put", first)
    assert told[2:] == [("ObjectRemoved:DeleteMarkerCreated", marker), ("ObjectRemoved:Delete", first)]


def test_prefix_and_suffix_choose_the_keys(cloud: Cloud) -> None:
    bucket = Bucket(cloud, "filters")
    bucket.notify(bucket.function(), prefix="in/", suffix=".csv")
    for key in ("in/a.txt", "out/a.csv", "in/a.csv", "a.csv", "in/a.csv.bak", "out/in/a.csv"):
        bucket.put(key)
    bucket.put("in/last.csv")
    events = cloud.waits_for(bucket.name, 2)
    assert sorted(event["Records"][0]["s3"]["object"]["key"] for event in events) == ["in/a.csv", "in/last.csv"]


def test_a_filter_is_written_as_in_a_url(cloud: Cloud) -> None:
    bucket = Bucket(cloud, "encoded-filters")
    bucket.notify(bucket.function(), prefix="my+files/", suffix="%2Btotal.csv")
    for key in ("my+files/a+total.csv", "my files/a total.csv", "my files/a%2Btotal.csv", "my files/a+total.csv"):
        bucket.put(key)
    bucket.put("my files/last+total.csv")
    keys = [event["Records"][0]["s3"]["object"]["key"] for event in cloud.waits_for(bucket.name, 2)]
    assert sorted(keys) == ["my+files/a%2Btotal.csv", "my+files/last%2Btotal.csv"]


def test_a_configuration_is_given_back_as_s3_gives_it(cloud: Cloud) -> None:
    bucket = Bucket(cloud, "given-back")
    arn = bucket.function()
    bucket.configure(one(arn, "s3:ObjectCreated:Put", prefix="in/", Id="first"), EventBridgeConfiguration={})
    answer = bucket.s3.get_bucket_notification_configuration(Bucket=bucket.name)
    del answer["ResponseMetadata"]
    assert answer == {
        "LambdaFunctionConfigurations": [
            {
                "Id": "first",
                "LambdaFunctionArn": arn,
                "Events": ["s3:ObjectCreated:Put"],
                "Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "in/"}]}},
            }
        ],
        "EventBridgeConfiguration": {},
    }
    # What is given back can be put as it is.
    bucket.s3.put_bucket_notification_configuration(Bucket=bucket.name, NotificationConfiguration=answer)
    assert cloud.told(bucket.name) == []


@pytest.mark.parametrize(
    ("name", "condition", "accepted"),
    [
        ("sourced", {"SourceArn": "arn:aws:s3:::sourced", "SourceAccount": ACCOUNT}, True),
        ("liked", {"SourceArn": "arn:aws:s3:::lik*"}, True),
        ("other-source", {"SourceArn": "arn:aws:s3:::another"}, False),
        ("other-account", {"SourceAccount": "210987654321"}, False),
    ],
)
def test_the_functions_policy_decides_when_s3_is_told(
    cloud: Cloud, name: str, condition: dict[str, str], accepted: bool
) -> None:
    bucket = Bucket(cloud, name)
    arn = bucket.function(**condition)
    if accepted:
        bucket.notify(arn)
        return
    error = bucket.refusal(one(arn))
    assert error["Code"] == "InvalidArgument"
    assert error["Message"] == "Unable to validate the following destination configurations"
    assert error["ArgumentName1"] == arn
    assert error["ArgumentValue1"] == f"Not authorized to invoke function [{arn}]"
    assert "LambdaFunctionConfigurations" not in bucket.s3.get_bucket_notification_configuration(Bucket=name)


def test_a_function_that_is_not_there_is_no_destination(cloud: Cloud) -> None:
    bucket = Bucket(cloud, "no-function")
    error = bucket.refusal(one(f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:absent"))
    assert error["ArgumentValue1"] == "The destination Lambda does not exist"


def test_a_permission_that_is_taken_away_drops_what_comes_after(cloud: Cloud) -> None:
    bucket = Bucket(cloud, "taken-away")
    bucket.notify(bucket.function())
    bucket.put("before")
    cloud.waits_for(bucket.name)
    cloud.functions.remove_permission(FunctionName=bucket.name, StatementId="let")
    bucket.put("without")
    cloud.permit(bucket.name, "s3")
    bucket.put("after")
    keys = [event["Records"][0]["s3"]["object"]["key"] for event in cloud.waits_for(bucket.name, 2)]
    assert keys == ["before", "after"]


def test_an_alias_is_notified_by_its_own_policy(cloud: Cloud) -> None:
    bucket = Bucket(cloud, "aliased")
    bucket.function()
    cloud.functions.publish_version(FunctionName=bucket.name)
    alias = cloud.functions.create_alias(FunctionName=bucket.name, Name="live", FunctionVersion="1")["AliasArn"]
    assert bucket.refusal(one(alias))["ArgumentValue1"] == f"Not authorized to invoke function [{alias}]"
    cloud.permit(bucket.name, "s3", Qualifier="live", SourceArn=bucket.arn)
    bucket.notify(alias)
    bucket.put("k")
    cloud.waits_for(bucket.name)
    assert "[1]" in cloud.streams(bucket.name)[0]


def test_an_event_goes_the_way_of_asynchronous_invocation(cloud: Cloud) -> None:
    bucket = Bucket(cloud, "dead-letters")
    url, queue = cloud.queue("dead-letters")
    source = "def handler(event, context):\n    raise ValueError('no')\n"
    arn = str(cloud.create(bucket.name, source, DeadLetterConfig={"TargetArn": queue})["FunctionArn"])
    cloud.permit(bucket.name, "s3")
    bucket.notify(arn)
    bucket.put("k")
    cloud.eventually(lambda: cloud.lines(bucket.name, "ValueError"))
    cloud.clock.advance(400)
    (message,) = cloud.eventually(lambda: cloud.receive(url))
    assert json.loads(message["Body"])["Records"][0]["s3"]["object"]["key"] == "k"
    assert message["MessageAttributes"]["ErrorMessage"]["StringValue"] == "no"


OVERLAP = "Configurations overlap. Configurations on the same bucket cannot share a common event type."
AMBIGUOUS = "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules"


@pytest.fixture(scope="module")
def judged(cloud: Cloud) -> tuple[Bucket, str]:
    bucket = Bucket(cloud, "judged")
    return bucket, bucket.function()


@pytest.mark.parametrize(
    ("configurations", "message"),
    [
        ([{}, {}], OVERLAP),
        ([{"events": ["s3:ObjectCreated:Put"]}, {}], OVERLAP),
        ([{"events": ["s3:ObjectCreated:Put", "s3:ObjectCreated:*"]}], OVERLAP),
        ([{"events": ["s3:ObjectRemoved:*"]}, {}], None),
        ([{"prefix": "a/"}, {"prefix": "b/"}], None),
        ([{"prefix": "a/"}, {"prefix": "a/b/"}], AMBIGUOUS),
        ([{"prefix": "a/"}, {}], AMBIGUOUS),
        ([{"prefix": "a/", "suffix": ".jpg"}, {"prefix": "a/b", "suffix": ".png"}], None),
        ([{"prefix": "a/", "suffix": "jpg"}, {"prefix": "a/b", "suffix": ".jpg"}], AMBIGUOUS),
        ([{"Id": "x", "prefix": "a"}, {"Id": "x", "prefix": "b"}], "Same ID used for multiple configurations."),
        ([{"events": ["s3:Nonsense"]}], "The event 's3:Nonsense' is not supported for notifications"),
        ([{"prefix": "a" * 1025}], "Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation"),
    ],
)
def test_which_configurations_can_stand_together(
    judged: tuple[Bucket, str], configurations: list[dict[str, Any]], message: str | None
) -> None:
    bucket, arn = judged
    made = [one(arn, *each.pop("events", ()), **each) for each in (dict(each) for each in configurations)]
    if message is None:
        bucket.configure(*made)
    else:
        error = bucket.refusal(*made)
        assert (error["Code"], error["Message"][: len(message)]) == ("InvalidArgument", message)


def test_a_filter_has_a_prefix_and_a_suffix_and_nothing_else(judged: tuple[Bucket, str]) -> None:
    bucket, arn = judged

    def filtered(*rules: tuple[str, str]) -> dict[str, Any]:
        listed = [{"Name": name, "Value": value} for name, value in rules]
        return {**one(arn), "Filter": {"Key": {"FilterRules": listed}}}

    bucket.configure(filtered(("Prefix", "a"), ("SUFFIX", "b")))
    assert bucket.refusal(filtered(("infix", "a")))["Message"] == "filter rule name must be either prefix or suffix"
    twice = bucket.refusal(filtered(("prefix", "a"), ("prefix", "b")))["Message"]
    assert twice == "Cannot specify more than one prefix rule in a filter."


@pytest.mark.parametrize(
    "event",
    ["s3:Replication:*", "s3:LifecycleExpiration:Delete", "s3:ObjectRestore:Completed", "s3:IntelligentTiering"],
)
def test_events_that_would_never_come_are_refused_by_name(judged: tuple[Bucket, str], event: str) -> None:
    bucket, arn = judged
    error = bucket.refusal(one(arn, event))
    assert error["Code"] == "NotImplementedException"
    assert event in error["Message"]


def test_a_function_in_another_region_is_no_destination(judged: tuple[Bucket, str]) -> None:
    bucket, arn = judged
    with pytest.raises(ClientError, match="service region is not valid"):
        bucket.s3.put_bucket_notification_configuration(
            Bucket=bucket.name,
            NotificationConfiguration={"LambdaFunctionConfigurations": [one(arn.replace("us-east-1", "eu-west-1"))]},
            SkipDestinationValidation=True,
        )


def test_a_function_that_writes_where_it_is_told_from_is_stopped(cloud: Cloud) -> None:
    bucket = Bucket(cloud, "loop")
    source = (
        "import boto3\n"
        "def handler(event, context):\n"
        "    key = event['Records'][0]['s3']['object']['key']\n"
        "    boto3.client('s3').put_object(Bucket='loop', Key=key + 'x', Body=b'')\n"
    )
    arn = str(cloud.create(bucket.name, source)["FunctionArn"])
    cloud.permit(bucket.name, "s3")
    bucket.notify(arn)
    bucket.put("x")
    cloud.eventually(lambda: cloud.metric("RecursiveInvocationsDropped", FunctionName="loop"))
    # The last invocation is counted when it ends, after what it wrote was dropped.
    cloud.eventually(lambda: cloud.metric("Invocations", FunctionName="loop") == 16)
    assert bucket.s3.list_objects_v2(Bucket=bucket.name)["KeyCount"] == 17


def test_event_bridge_is_told_in_its_own_form(cloud: Cloud) -> None:
    bucket = Bucket(cloud, "bridged")
    url, queue = cloud.queue("bridged")
    events = cloud.client("events")
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": ["bridged"]}}}
    rule = events.put_rule(Name="bridged", EventPattern=json.dumps(pattern))["RuleArn"]
    cloud.let_send(url, "events.amazonaws.com", rule)
    events.put_targets(Rule="bridged", Targets=[{"Id": "q", "Arn": queue}])
    bucket.configure(EventBridgeConfiguration={})
    answer = bucket.put("a b", b"123")
    (message,) = cloud.eventually(lambda: cloud.receive(url))
    event = json.loads(message["Body"])
    assert (event["detail-type"], event["resources"]) == ("Object Created", [bucket.arn])
    content = event["detail"].pop("object")
    assert len(content.pop("sequencer")) == 18
    assert content == {"key": "a b", "size": 3, "etag": answer["ETag"].strip('"')}
    assert event["detail"] == {
        "version": "0",
        "bucket": {"name": "bridged"},
        "request-id": answer["ResponseMetadata"]["RequestId"],
        "requester": ACCOUNT,
        "source-ip-address": "127.0.0.1",
        "reason": "PutObject",
    }
    bucket.s3.delete_object(Bucket="bridged", Key="a b")
    (message,) = cloud.eventually(lambda: cloud.receive(url))
    assert json.loads(message["Body"])["detail"]["deletion-type"] == "Permanently Deleted"


def test_a_deleted_bucket_leaves_its_notifications_behind(cloud: Cloud) -> None:
    bucket = Bucket(cloud, "made-again")
    bucket.notify(bucket.function())
    bucket.s3.delete_bucket(Bucket=bucket.name)
    bucket.s3.create_bucket(Bucket=bucket.name)
    answer = bucket.s3.get_bucket_notification_configuration(Bucket=bucket.name)
    assert "LambdaFunctionConfigurations" not in answer
    with pytest.raises(ClientError, match="NoSuchBucket"):
        bucket.s3.get_bucket_notification_configuration(Bucket="there-is-none")
