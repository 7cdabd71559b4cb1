"""Alarms, composite alarms and dashboards, as a template makes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.templates.types import schemas
from sandbox.templates.types.resource_type import Failed
from tests.templates.types.conftest import STACK_ID, Bench

ALARM = "AWS::CloudWatch::Alarm"
ERRORS = {
    "Namespace": "AWS/Lambda",
    "MetricName": "Errors",
    "Dimensions": [{"Name": "FunctionName", "Value": "checkout"}],
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 3,
    "Threshold": 1,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
}
SYSTEM_TAGS = {
    "project": "coldstart",
    "aws:cloudformation:stack-name": "shop",
    "aws:cloudformation:stack-id": STACK_ID,
}


def described(bench: Bench, name: str) -> dict[str, Any]:
    answer = bench.client("cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    (found,) = answer["MetricAlarms"] + answer["CompositeAlarms"]
    return dict(found)


def tags(bench: Bench, arn: str) -> dict[str, str]:
    answer = bench.client("cloudwatch").list_tags_for_resource(ResourceARN=arn)
    return {one["Key"]: one["Value"] for one in answer["Tags"]}


def test_an_alarm_has_its_settings_its_tags_and_a_name_of_the_stack(bench: Bench) -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:pager"
    given = {**ERRORS, "TreatMissingData": "notBreaching", "DatapointsToAlarm": 2, "AlarmActions": [topic]}
    alarm = bench.create(ALARM, {**given, "Tags": [{"Key": "team", "Value": "shop"}]}, "Failing")
    name = bench.ref(alarm)
    assert name.startswith("shop-Failing-")
    found = described(bench, name)
    assert {key: found[key] for key in given} == given
    assert bench.attributes(alarm) == {"Arn": found["AlarmArn"]}
    assert tags(bench, found["AlarmArn"]) == {
        "team": "shop",
        **SYSTEM_TAGS,
        "aws:cloudformation:logical-id": "Failing",
    }


def test_an_update_replaces_the_settings_and_keeps_the_state(bench: Bench) -> None:
    alarm = bench.create(ALARM, {**ERRORS, "TreatMissingData": "breaching", "AlarmDescription": "bad"})
    name = alarm.physical_id
    bench.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="OK", StateReason="by hand")
    bench.update(alarm, {**ERRORS, "Threshold": 5, "Tags": [{"Key": "team", "Value": "shop"}]})
    found = described(bench, name)
    assert (found["Threshold"], found["StateValue"]) == (5.0, "OK")
    assert not {"TreatMissingData", "AlarmDescription"} & found.keys()
    assert tags(bench, found["AlarmArn"])["team"] == "shop"


def test_an_alarm_on_metric_math_and_a_percentile(bench: Bench) -> None:
    def query(identifier: str, metric: str) -> dict[str, Any]:
        stat = {"Metric": {"Namespace": "AWS/Lambda", "MetricName": metric}, "Period": 60, "Stat": "Sum"}
        return {"Id": identifier, "MetricStat": stat, "ReturnData": False}

    rate = {"Id": "rate", "Expression": "errors / calls", "ReturnData": True}
    criteria = {"EvaluationPeriods": 1, "Threshold": 0.05, "ComparisonOperator": "GreaterThanThreshold"}
    metrics = [query("errors", "Errors"), query("calls", "Invocations"), rate]
    alarm = bench.create(ALARM, {**criteria, "Metrics": metrics})
    found = described(bench, alarm.physical_id)
    assert [one["Id"] for one in found["Metrics"]] == ["errors", "calls", "rate"]
    slow = {**ERRORS, "MetricName": "Duration", "ExtendedStatistic": "p95", "Statistic": None}
    alarm = bench.create(ALARM, {name: value for name, value in slow.items() if value is not None})
    assert described(bench, alarm.physical_id)["ExtendedStatistic"] == "p95"


def test_an_alarm_of_that_name_is_not_taken_over(bench: Bench) -> None:
    given = {**ERRORS, "AlarmName": "taken"}
    first = bench.create(ALARM, given)
    with pytest.raises(Failed, match="taken already exists"):
        bench.create(ALARM, given)
    with pytest.raises(Failed, match="taken already exists"):
        bench.create("AWS::CloudWatch::CompositeAlarm", {"AlarmName": "taken", "AlarmRule": "TRUE"})
    bench.delete(first)
    bench.delete(first)
    assert not bench.client("cloudwatch").describe_alarms(AlarmNames=["taken"])["MetricAlarms"]


def test_a_composite_alarm_follows_its_rule(bench: Bench) -> None:
    child = bench.create(ALARM, ERRORS, "Child")
    rule = f'ALARM("{child.physical_id}")'
    both = bench.create("AWS::CloudWatch::CompositeAlarm", {"AlarmRule": rule, "AlarmDescription": "one"}, "Both")
    name = bench.ref(both)
    assert name.startswith("shop-Both-")
    assert bench.attributes(both) == {"Arn": f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{name}"}
    bench.client("cloudwatch").set_alarm_state(AlarmName=child.physical_id, StateValue="ALARM", StateReason="by hand")
    assert described(bench, name)["StateValue"] == "ALARM"
    both = bench.update(both, {"AlarmRule": f"NOT {rule}", "Tags": [{"Key": "team", "Value": "shop"}]})
    found = described(bench, name)
    assert (found["StateValue"], "AlarmDescription" in found) == ("OK", False)
    assert tags(bench, found["AlarmArn"])["team"] == "shop"
    with pytest.raises(ClientError, match="composite alarm"):
        bench.delete(child)
    bench.delete(both)
    bench.delete(child)


def test_a_dashboard_is_kept_as_it_is_written(bench: Bench) -> None:
    text = {"type": "text", "x": 0, "y": 0, "width": 6, "height": 2, "properties": {"markdown": "# Orders"}}
    kind = "AWS::CloudWatch::Dashboard"
    body = json.dumps({"widgets": [text]})
    dashboard = bench.create(kind, {"DashboardBody": body}, "Orders")
    name = bench.ref(dashboard)
    cloudwatch = bench.client("cloudwatch")
    found = cloudwatch.get_dashboard(DashboardName=name)
    assert found["DashboardBody"] == body
    given = {"DashboardBody": json.dumps({"widgets": []}), "Tags": [{"Key": "team", "Value": "shop"}]}
    dashboard = bench.update(dashboard, given)
    assert json.loads(cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]) == {"widgets": []}
    expected = {"team": "shop", **SYSTEM_TAGS, "aws:cloudformation:logical-id": "Orders"}
    assert tags(bench, found["DashboardArn"]) == expected
    with pytest.raises(Failed, match=f"{name} already exists"):
        bench.create(kind, {"DashboardName": name, "DashboardBody": body})
    bench.delete(dashboard)
    with pytest.raises(ClientError, match="does not exist"):
        cloudwatch.get_dashboard(DashboardName=name)


def test_a_learner_sets_no_tags_that_are_awss(bench: Bench) -> None:
    cloudwatch = bench.sandbox.gateway.client("cloudwatch", bench.sandbox.gateway.learner)
    alarm = bench.create(ALARM, ERRORS)
    own = [{"Key": "aws:cloudformation:stack-name", "Value": "other"}]
    with pytest.raises(ClientError, match="reserved"):
        cloudwatch.tag_resource(ResourceARN=bench.attributes(alarm)["Arn"], Tags=own)
    # Its own beside those that CloudFormation gave.
    cloudwatch.tag_resource(ResourceARN=bench.attributes(alarm)["Arn"], Tags=[{"Key": "team", "Value": "shop"}])
    assert tags(bench, bench.attributes(alarm)["Arn"])["team"] == "shop"


def test_attributes_that_these_types_do_not_have() -> None:
    assert schemas.attributes(ALARM) == {"Arn"}
    assert schemas.refused_attribute("AWS::CloudWatch::Dashboard", "Arn") is not None
