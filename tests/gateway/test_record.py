"""CloudTrail: LookupEvents tells who did what, and what was denied."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.clock import Clock
from sandbox.gateway import record
from sandbox.gateway.call import AwsError, Call, Principal
from sandbox.gateway.pipeline import Gateway


def events(client: Any, **attributes: str) -> list[dict[str, Any]]:
    lookup = [{"AttributeKey": key, "AttributeValue": value} for key, value in attributes.items()]
    return list(client.lookup_events(LookupAttributes=lookup)["Events"])


def test_an_event_has_awss_shape(clients: Any, gateway: Gateway) -> None:
    clients("dynamodb").create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    (event,) = events(clients("cloudtrail"), EventName="CreateTable")
    assert event["Username"] == "learner"
    assert event["EventSource"] == "dynamodb.amazonaws.com"
    assert event["ReadOnly"] == "false"
    assert event["AccessKeyId"] == gateway.learner["AWS_ACCESS_KEY_ID"]
    assert event["Resources"] == [{"ResourceType": "AWS::DynamoDB::Table", "ResourceName": "orders"}]
    assert abs(event["EventTime"].timestamp() - gateway.clock.now()) < 30
    content = json.loads(event["CloudTrailEvent"])
    assert content["eventName"] == "CreateTable"
    assert content["eventID"] == event["EventId"]
    assert content["userIdentity"]["type"] == "IAMUser"
    assert content["userIdentity"]["userName"] == "learner"
    assert content["requestParameters"]["tableName"] == "orders"
    assert content["awsRegion"] == "us-east-1"
    assert "errorCode" not in content


def test_a_failed_call_has_its_error_whoever_answered(clients: Any) -> None:
    with pytest.raises(ClientError):
        clients("dynamodb").delete_table(TableName="absent")
    with pytest.raises(ClientError):
        clients("iam").get_role(RoleName="absent")
    with pytest.raises(ClientError):
        clients("codepipeline").delete_pipeline(name="absent")
    trail = clients("cloudtrail")
    found = {
        name: json.loads(events(trail, EventName=name)[0]["CloudTrailEvent"])
        for name in ("DeleteTable", "GetRole", "DeletePipeline")
    }
    assert found["DeleteTable"]["errorCode"] == "ResourceNotFoundException"
    assert found["GetRole"]["errorCode"] == "NoSuchEntity"
    assert "absent" in found["GetRole"]["errorMessage"]
    assert found["DeletePipeline"]["errorCode"] == "NotImplementedException"


def test_a_denied_call_of_a_role_names_its_session(
    clients: Any, gateway: Gateway, role_arn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(call: Call) -> None:
        if call.principal.kind == "AssumedRole":
            raise AwsError("AccessDenied", f"User: {call.principal.arn} is not authorized", 403)

    monkeypatch.setattr(gateway.authoriser, "authorise", deny)
    session = gateway.issue_session(role_arn, "fn-session", 900)
    with pytest.raises(ClientError):
        clients("sns", session).create_topic(Name="t")
    (event,) = events(clients("cloudtrail"), Username="fn-session")
    content = json.loads(event["CloudTrailEvent"])
    assert content["errorCode"] == "AccessDenied"
    assert content["userIdentity"]["arn"].endswith(":assumed-role/fn/fn-session")
    assert content["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] == role_arn


def test_secrets_are_hidden_and_data_events_left_out(clients: Any) -> None:
    clients("secretsmanager").create_secret(Name="db", SecretString="hunter2")
    sqs = clients("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="hunter2")
    s3 = clients("s3")
    s3.create_bucket(Bucket="data")
    s3.put_object(Bucket="data", Key="k", Body=b"hunter2")
    found = events(clients("cloudtrail"))
    assert {"CreateSecret", "CreateQueue", "CreateBucket"} <= {event["EventName"] for event in found}
    assert not {"SendMessage", "PutObject"} & {event["EventName"] for event in found}
    assert not [event for event in found if "hunter2" in event["CloudTrailEvent"]]


def test_pages_and_times_hold_each_event_once(clients: Any, gateway: Gateway) -> None:
    sns, trail = clients("sns"), clients("cloudtrail")
    gateway.clock.advance(3600)
    start = gateway.clock.datetime() - timedelta(seconds=1)
    for number in range(7):
        sns.create_topic(Name=f"paged-{number}")
    end = gateway.clock.datetime()
    gateway.clock.advance(60)
    sns.create_topic(Name="after")
    pages = trail.get_paginator("lookup_events").paginate(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateTopic"}],
        StartTime=start,
        EndTime=end,
        PaginationConfig={"PageSize": 3},
    )
    sizes, names = [], []
    for page in pages:
        sizes.append(len(page["Events"]))
        names += [json.loads(event["CloudTrailEvent"])["requestParameters"]["name"] for event in page["Events"]]
    assert sizes == [3, 3, 1]
    assert names == [f"paged-{number}" for number in reversed(range(7))]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "a"}] * 2}, "InvalidLookupAttributes"),
        ({"MaxResults": 50, "NextToken": "bm9uZQ=="}, "InvalidNextTokenException"),
        (
            {"StartTime": datetime(2026, 2, 1, tzinfo=UTC), "EndTime": datetime(2026, 1, 1, tzinfo=UTC)},
            "InvalidTimeRangeException",
        ),
    ],
)
def test_a_lookup_that_makes_no_sense_is_refused(clients: Any, params: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError, match=code):
        clients("cloudtrail").lookup_events(**params)


def test_a_trail_that_would_deliver_nothing_is_refused(clients: Any) -> None:
    with pytest.raises(ClientError, match="cloudtrail:CreateTrail"):
        clients("cloudtrail").create_trail(Name="t", S3BucketName="b")


def test_the_history_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    principal = Principal("123456789012", "arn:aws:iam::123456789012:user/ana", "AIDA", "IAMUser")

    def call(number: int, size: int = 1) -> Call:
        params = {"Name": str(number), "Other": ["x" * 900] * size}
        return Call("sns", "CreateTopic", params, principal, "123456789012", "us-east-1", str(number), clock.datetime())

    def names(trail: record.Trail) -> list[str]:
        found = trail.operations["LookupEvents"](call(0))
        assert found is not None
        return [json.loads(event["CloudTrailEvent"])["requestID"] for event in found["Events"]]

    monkeypatch.setattr(record, "MAX_EVENTS", 3)
    trail = record.Trail(clock)
    for number in range(5):
        trail.add(call(number), None)
    assert names(trail) == ["4", "3", "2"]
    monkeypatch.setattr(record, "MAX_BYTES", 50_000)
    for number in range(5, 8):
        trail.add(call(number, size=40), None)
    assert names(trail) == ["7"]
    clock.close()


def test_an_account_sees_its_own_events_and_what_others_do_with_its_resources(clients: Any, gateway: Gateway) -> None:
    role = "arn:aws:iam::210987654321:role/OrganizationAccountAccessRole"
    made = clients("sts").assume_role(RoleArn=role, RoleSessionName="auditor")["Credentials"]
    member = {
        "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
        "AWS_SESSION_TOKEN": made["SessionToken"],
    }
    url = clients("sqs", member).create_queue(QueueName="audited")["QueueUrl"]
    clients("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "5"})
    ours, theirs = clients("cloudtrail"), clients("cloudtrail", member)
    assert not [event for event in events(ours, EventName="CreateQueue") if "audited" in event["CloudTrailEvent"]]
    (created,) = events(theirs, EventName="CreateQueue")
    assert json.loads(created["CloudTrailEvent"])["recipientAccountId"] == "210987654321"
    for name in ("AssumeRole", "SetQueueAttributes"):
        (at_home,) = [json.loads(event["CloudTrailEvent"]) for event in events(ours, EventName=name)][:1]
        (abroad,) = [json.loads(event["CloudTrailEvent"]) for event in events(theirs, EventName=name)]
        assert (at_home["recipientAccountId"], abroad["recipientAccountId"]) == ("123456789012", "210987654321")
        assert at_home["sharedEventID"] == abroad["sharedEventID"]
        assert at_home["eventID"] != abroad["eventID"]
        assert abroad["userIdentity"]["accountId"] == "123456789012"


def test_temporary_credentials_tell_where_they_come_from(clients: Any, role_arn: str) -> None:
    sts = clients("sts")
    role = sts.assume_role(RoleArn=role_arn, RoleSessionName="sourced", SourceIdentity="ana.admin")
    user = sts.get_session_token()
    federated = sts.get_federation_token(Name="bob")
    contexts = {}
    for name, made in (("role", role), ("user", user), ("federated", federated)):
        own = {
            "AWS_ACCESS_KEY_ID": made["Credentials"]["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": made["Credentials"]["SecretAccessKey"],
            "AWS_SESSION_TOKEN": made["Credentials"]["SessionToken"],
        }
        clients("sns", own).list_topics()
        (event,) = events(clients("cloudtrail"), AccessKeyId=own["AWS_ACCESS_KEY_ID"])
        contexts[name] = json.loads(event["CloudTrailEvent"])["userIdentity"]
    assert contexts["role"]["sessionContext"]["sourceIdentity"] == "ana.admin"
    assert contexts["role"]["sessionContext"]["attributes"]["creationDate"].endswith("Z")
    assert contexts["user"]["type"] == "IAMUser"
    assert "sessionIssuer" not in contexts["user"]["sessionContext"]
    assert contexts["federated"]["type"] == "FederatedUser"
    assert contexts["federated"]["sessionContext"]["sessionIssuer"]["userName"] == "learner"
