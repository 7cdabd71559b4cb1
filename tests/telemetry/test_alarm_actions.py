"""What alarms do in a whole sandbox: topics, functions and EventBridge hear of them, as their policies let them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.sandbox import Sandbox
from tests.compute.conftest import Compute

ACCOUNT = "123456789012"
ALARMS = "lambda.alarms.cloudwatch.amazonaws.com"
TELL = "import json\ndef handler(event, context):\n    print('GOT ' + json.dumps(event))\n"
FAIL = "def handler(event, context):\n    raise ValueError('no')\n"


class World(Compute):
    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.cloudwatch = self.client("cloudwatch")
        self.sns = self.client("sns")
        self.sqs = self.client("sqs")

    def heard(self, name: str, principal: str) -> tuple[str, str]:
        """A queue that a service may send to: URL and ARN."""
        url, arn = self.queue(name)
        statement = {"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sqs:SendMessage"}
        document = {"Version": "2012-10-17", "Statement": [{**statement, "Resource": arn}]}
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(document)})
        return url, arn

    def put(self, name: str, **settings: Any) -> str:
        """An alarm on App's metric of its name; its ARN."""
        given = {
            "Namespace": "App",
            "MetricName": name,
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            **settings,
        }
        self.cloudwatch.put_metric_alarm(AlarmName=name, **given)
        return f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:{name}"

    def force(self, name: str, state: str = "ALARM") -> None:
        self.cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="by hand")
        self.clock.settle()

    def actions(self, name: str) -> list[dict[str, Any]]:
        items = self.cloudwatch.describe_alarm_history(
            AlarmName=name, HistoryItemType="Action", AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )["AlarmHistoryItems"]
        return [{"summary": item["HistorySummary"], **json.loads(item["HistoryData"])} for item in items]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    sandbox = Sandbox(seed=7)
    try:
        sandbox.serve()
        yield World(sandbox)
    finally:
        sandbox.close()


def test_a_topic_of_the_account_gets_the_notification(world: World) -> None:
    url, queue = world.heard("notified", "sns.amazonaws.com")
    topic = world.sns.create_topic(Name="alarms")["TopicArn"]
    world.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    dimensions = [{"Name": "FunctionName", "Value": "f"}]
    arn = world.put("orders", AlarmActions=[topic], AlarmDescription="Too many", Dimensions=dimensions)
    now = world.clock.now()
    world.clock.advance(60 - now % 60 + 10)
    datum = {"MetricName": "orders", "Value": 5, "Dimensions": dimensions}
    world.cloudwatch.put_metric_data(Namespace="App", MetricData=[datum])
    world.clock.advance(60)
    (message,) = world.receive(url)
    envelope = json.loads(message["Body"])
    assert envelope["Subject"] == 'ALARM: "orders" in US East (N. Virginia)'
    told = json.loads(envelope["Message"])
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
    assert {name: told[name] for name in ("AlarmName", "AlarmDescription", "AWSAccountId", "AlarmArn", "Region")} == {
        "AlarmName": "orders",
        "AlarmDescription": "Too many",
        "AWSAccountId": ACCOUNT,
        "AlarmArn": arn,
        "Region": "US East (N. Virginia)",
    }
    assert (told["OldStateValue"], told["NewStateValue"]) == ("INSUFFICIENT_DATA", "ALARM")
    assert told["NewStateReason"].startswith("Threshold Crossed: 1 datapoint [5.0 (")
    assert told["AlarmActions"] == [topic]
    assert told["Trigger"] == {
        "MetricName": "orders",
        "Namespace": "App",
        "StatisticType": "Statistic",
        "Statistic": "SUM",
        "Unit": None,
        "Dimensions": [{"value": "f", "name": "FunctionName"}],
        "Period": 60,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 1.0,
        "TreatMissingData": "missing",
        "EvaluateLowSampleCountPercentile": "",
    }
    (done,) = world.actions("orders")
    assert done["summary"] == f"Successfully executed action {topic}"
    assert (done["actionState"], done["notificationResource"], done["error"]) == ("Succeeded", topic, None)
    assert json.loads(json.loads(done["publishedMessage"])["default"]) == told


def test_a_function_that_lets_alarms_invoke_it_gets_the_event(world: World) -> None:
    function = str(world.create("told", TELL)["FunctionArn"])
    arn = world.put("calls", AlarmActions=[function], OKActions=[function])
    world.force("calls")
    assert "not authorized to perform: lambda:InvokeFunction" in world.actions("calls")[0]["error"]
    assert world.actions("calls")[0]["summary"].startswith(f"Failed to execute action {function}. Received error:")
    world.functions.add_permission(
        FunctionName="told",
        StatementId="alarms",
        Action="lambda:InvokeFunction",
        Principal=ALARMS,
        SourceAccount=ACCOUNT,
        SourceArn=arn,
    )
    world.force("calls", "OK")
    (event,) = [json.loads(line.removeprefix("GOT ")) for line in world.lines("told", "GOT ")]
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html
    assert (event["source"], event["alarmArn"], event["accountId"]) == ("aws.cloudwatch", arn, ACCOUNT)
    detail = event["alarmData"]
    assert (detail["previousState"]["value"], detail["state"]["value"]) == ("ALARM", "OK")
    assert detail["state"]["reason"] == "by hand"
    (metric,) = detail["configuration"]["metrics"]
    assert metric["metricStat"] == {
        "metric": {"namespace": "App", "name": "calls", "dimensions": {}},
        "period": 60,
        "stat": "Sum",
    }


def test_eventbridge_hears_of_states_and_settings(world: World) -> None:
    url, queue = world.heard("events", "events.amazonaws.com")
    events = world.client("events")
    pattern = {"source": ["aws.cloudwatch"], "detail": {"alarmName": ["bridge", "over"]}}
    events.put_rule(Name="alarms", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="alarms", Targets=[{"Id": "q", "Arn": queue}])
    arn = world.put("bridge")
    world.cloudwatch.put_composite_alarm(AlarmName="over", AlarmRule="ALARM(bridge)")
    world.force("bridge")
    world.put("bridge", Threshold=9)
    world.clock.settle()
    found = []
    while messages := world.receive(url):
        found += [json.loads(message["Body"]) for message in messages]
        for message in messages:
            world.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    kinds = [(event["detail-type"].removeprefix("CloudWatch Alarm "), event["detail"]["alarmName"]) for event in found]
    assert kinds == [
        ("Configuration Change", "bridge"),
        ("Configuration Change", "over"),
        ("State Change", "over"),
        ("State Change", "bridge"),
        ("State Change", "over"),
        ("Configuration Change", "bridge"),
    ]
    created, changed, updated = found[0], found[3], found[5]
    assert (created["detail"]["operation"], created["detail"]["configuration"]["threshold"]) == ("create", 1.0)
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
    assert (changed["account"], changed["region"], changed["resources"]) == (ACCOUNT, "us-east-1", [arn])
    assert changed["detail"]["state"]["value"] == "ALARM"
    assert changed["detail"]["previousState"]["reason"] == "Unchecked: Initial alarm creation"
    assert found[4]["detail"]["configuration"] == {"alarmRule": "ALARM(bridge)"}
    assert updated["detail"]["previousConfiguration"]["threshold"] == 1.0


def test_actions_that_are_off_are_not_taken(world: World) -> None:
    topic = world.sns.create_topic(Name="quiet")["TopicArn"]
    world.put("quiet", AlarmActions=[topic], ActionsEnabled=False)
    world.force("quiet")
    assert world.actions("quiet") == []
    world.cloudwatch.enable_alarm_actions(AlarmNames=["quiet"])
    world.force("quiet", "OK")
    world.force("quiet")
    assert len(world.actions("quiet")) == 1


def test_actions_of_a_composite_alarm_that_are_off_are_not_taken(world: World) -> None:
    topic = world.sns.create_topic(Name="quieter")["TopicArn"]
    world.put("loud", TreatMissingData="ignore")
    world.cloudwatch.put_composite_alarm(
        AlarmName="quieter", AlarmRule="ALARM(loud)", AlarmActions=[topic], ActionsEnabled=False
    )
    world.force("loud")
    assert world.actions("quieter") == []


@pytest.mark.parametrize(
    ("member", "into", "out"),
    [
        ("OKActions", "OK", "ALARM"),
        ("AlarmActions", "ALARM", "OK"),
        ("InsufficientDataActions", "INSUFFICIENT_DATA", "OK"),
    ],
)
def test_each_state_has_actions_of_its_own_taken_on_a_change(world: World, member: str, into: str, out: str) -> None:
    topic = world.sns.create_topic(Name=member)["TopicArn"]
    actions: dict[str, Any] = {member: [topic]}
    world.put(f"on-{into}", TreatMissingData="ignore", **actions)
    world.force(f"on-{into}", out)
    world.force(f"on-{into}", into)
    world.force(f"on-{into}", into)
    assert [done["actionState"] for done in world.actions(f"on-{into}")] == ["Succeeded"]


def test_actions_held_back_are_taken_once_for_a_state_that_lasts(world: World) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-suppression.html"""
    topic = world.sns.create_topic(Name="held")["TopicArn"]
    for name in ("held-child", "hush"):
        world.put(name, TreatMissingData="ignore")
    composite = {
        "AlarmName": "held",
        "AlarmRule": "ALARM(held-child)",
        "AlarmActions": [topic],
        "OKActions": [topic],
        "ActionsSuppressor": "hush",
        "ActionsSuppressorWaitPeriod": 60,
        "ActionsSuppressorExtensionPeriod": 0,
    }
    world.cloudwatch.put_composite_alarm(**composite)
    assert world.actions("held") == []
    world.clock.advance(61)
    world.clock.settle()
    assert len(world.actions("held")) == 1

    world.cloudwatch.put_composite_alarm(**composite)
    world.force("hush")
    world.force("held-child")
    world.force("held-child", "OK")
    world.force("hush", "OK")
    assert len(world.actions("held")) == 1

    world.force("hush")
    world.force("held-child")
    assert len(world.actions("held")) == 1
    world.force("hush", "OK")
    assert len(world.actions("held")) == 2


def test_a_composite_alarms_notification_names_its_children(world: World) -> None:
    url, queue = world.heard("composite", "sns.amazonaws.com")
    topic = world.sns.create_topic(Name="composite")["TopicArn"]
    world.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    child = world.put("child")
    world.cloudwatch.put_composite_alarm(AlarmName="parent", AlarmRule="ALARM(child)", AlarmActions=[topic])
    world.force("child")
    (message,) = world.receive(url)
    told = json.loads(json.loads(message["Body"])["Message"])
    assert (told["AlarmRule"], told["NewStateValue"]) == ("ALARM(child)", "ALARM")
    (triggering,) = told["TriggeringChildren"]
    assert (triggering["Arn"], triggering["State"]["Value"]) == (child, "ALARM")


def test_what_is_not_there_or_not_allowed_is_told_in_history(world: World) -> None:
    closed = world.sns.create_topic(Name="closed")["TopicArn"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sns:Publish"}]}
    policy["Statement"][0]["Resource"] = closed  # type: ignore[index]
    world.sns.set_topic_attributes(TopicArn=closed, AttributeName="Policy", AttributeValue=json.dumps(policy))
    gone = f"arn:aws:sns:us-east-1:{ACCOUNT}:gone"
    world.put("unheard", AlarmActions=[closed, gone])
    world.force("unheard")
    failed = {done["notificationResource"]: done for done in world.actions("unheard")}
    assert {done["actionState"] for done in failed.values()} == {"Failed"}
    assert "not authorized to perform: SNS:Publish" in failed[closed]["error"]
    assert "not found" in failed[gone]["error"]


def test_an_alarm_on_the_executed_version_tells_the_new_version_from_the_old(world: World) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html: what a canary's alarm needs."""
    world.create("canary", TELL, Publish=True)
    world.functions.update_function_code(FunctionName="canary", ZipFile=world.package(FAIL), Publish=True)
    world.functions.create_alias(
        FunctionName="canary",
        Name="live",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}},
    )
    of_alias = {"FunctionName": "canary", "Resource": "canary:live"}
    for name, dimensions in {
        "old": {**of_alias, "ExecutedVersion": "1"},
        "new": {**of_alias, "ExecutedVersion": "2"},
    }.items():
        world.put(
            name,
            Namespace="AWS/Lambda",
            MetricName="Errors",
            Threshold=0,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        )
    now = world.clock.now()
    world.clock.advance(60 - now % 60 + 10)
    ran = {world.functions.invoke(FunctionName="canary:live")["ExecutedVersion"] for _ in range(20)}
    assert ran == {"1", "2"}
    world.clock.advance(60)
    found = world.cloudwatch.describe_alarms(AlarmNames=["old", "new"])["MetricAlarms"]
    assert {alarm["AlarmName"]: alarm["StateValue"] for alarm in found} == {"old": "OK", "new": "ALARM"}


def test_rights_to_alarms_are_judged_by_alarm_and_by_its_tags(world: World) -> None:
    world.put("mine", Tags=[{"Key": "team", "Value": "red"}])
    world.put("theirs")
    iam = world.client("iam")
    iam.create_user(UserName="red")
    statement = {
        "Effect": "Allow",
        "Action": "cloudwatch:SetAlarmState",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/team": "red"}},
    }
    iam.put_user_policy(
        UserName="red",
        PolicyName="p",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    key = iam.create_access_key(UserName="red")["AccessKey"]
    credentials = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    red = world.sandbox.gateway.client("cloudwatch", credentials)
    red.set_alarm_state(AlarmName="mine", StateValue="OK", StateReason="mine")
    with pytest.raises(ClientError) as caught:
        red.set_alarm_state(AlarmName="theirs", StateValue="OK", StateReason="theirs")
    assert caught.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")
