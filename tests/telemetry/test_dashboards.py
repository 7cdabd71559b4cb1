"""Dashboards: kept if their body is one, and which are none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.telemetry.conftest import Telemetry

GRAPH = {
    "type": "metric",
    "x": 0,
    "y": 0,
    "width": 12,
    "height": 6,
    "properties": {
        "metrics": [["AWS/Lambda", "Errors", "FunctionName", "f", {"stat": "Sum"}], [{"expression": "m1 * 2"}]],
        "region": "us-east-1",
    },
}
NOTE = {"type": "text", "properties": {"markdown": "# Orders"}}


def put(telemetry: Telemetry, name: str, *widgets: Any) -> str:
    body = json.dumps({"widgets": list(widgets)})
    answer = telemetry.call("PutDashboard", DashboardName=name, DashboardBody=body)
    assert answer["DashboardValidationMessages"] == []
    return body


def test_a_dashboard_keeps_the_tags_that_it_was_made_with(telemetry: Telemetry) -> None:
    body, arn = json.dumps({"widgets": []}), "arn:aws:cloudwatch::123456789012:dashboard/tagged"
    for value in ("shop", "ignored"):
        tags = [{"Key": "team", "Value": value}]
        telemetry.call("PutDashboard", DashboardName="tagged", DashboardBody=body, Tags=tags)

    def tags_now() -> dict[str, str]:
        return {each["Key"]: each["Value"] for each in telemetry.call("ListTagsForResource", ResourceARN=arn)["Tags"]}

    assert tags_now() == {"team": "shop"}
    telemetry.call("TagResource", ResourceARN=arn, Tags=[{"Key": "stage", "Value": "test"}])
    telemetry.call("UntagResource", ResourceARN=arn, TagKeys=["team"])
    assert tags_now() == {"stage": "test"}
    reserved = [{"Key": "aws:own", "Value": "1"}]
    assert telemetry.refusal("TagResource", ResourceARN=arn, Tags=reserved).code == "InvalidParameterValue"
    telemetry.call("DeleteDashboards", DashboardNames=["tagged"])
    assert telemetry.refusal("ListTagsForResource", ResourceARN=arn).code == "ResourceNotFoundException"


def test_a_dashboard_is_kept_listed_and_deleted(telemetry: Telemetry) -> None:
    body = put(telemetry, "orders", GRAPH, NOTE)
    put(telemetry, "other")
    found = telemetry.call("GetDashboard", DashboardName="orders", region="eu-west-1")
    assert found == {
        "DashboardName": "orders",
        "DashboardArn": "arn:aws:cloudwatch::123456789012:dashboard/orders",
        "DashboardBody": body,
    }
    (entry,) = telemetry.call("ListDashboards", DashboardNamePrefix="or")["DashboardEntries"]
    assert (entry["DashboardName"], entry["Size"], entry["LastModified"]) == (
        "orders",
        len(body),
        telemetry.clock.datetime(),
    )
    assert telemetry.refusal("DeleteDashboards", DashboardNames=["gone", "orders"]).code == "ResourceNotFound"
    assert telemetry.refusal("GetDashboard", DashboardName="orders").code == "ResourceNotFound"
    assert [each["DashboardName"] for each in telemetry.call("ListDashboards")["DashboardEntries"]] == ["other"]


@pytest.mark.parametrize(
    ("widget", "path", "says"),
    [
        ("no", "/widgets/0", "Should be object"),
        ({"type": "pie", "properties": {}}, "/widgets/0/type", "allowed values"),
        ({"type": "text"}, "/widgets/0", "'properties'"),
        ({"type": "text", "properties": {}}, "/widgets/0/properties", "'markdown'"),
        ({**GRAPH, "width": 25}, "/widgets/0/width", "<= 24"),
        ({**GRAPH, "x": "left"}, "/widgets/0/x", "Should be integer"),
        ({**GRAPH, "properties": {"region": "r"}}, "/widgets/0/properties", "'metrics'"),
        (
            {**GRAPH, "properties": {"metrics": [["A", 5, "b"]], "region": "r"}},
            "/widgets/0/properties/metrics/0/1",
            "string",
        ),
        ({**GRAPH, "properties": {"metrics": [["A", "b"]]}}, "/widgets/0/properties", "'region'"),
        ({"type": "alarm", "properties": {"alarms": ["a"]}}, "/widgets/0/properties/alarms", "ARNs"),
        ({"type": "log", "properties": {"region": "r"}}, "/widgets/0/properties", "'query'"),
    ],
)
def test_what_is_no_dashboard(telemetry: Telemetry, widget: Any, path: str, says: str) -> None:
    error = telemetry.refusal("PutDashboard", DashboardName="d", DashboardBody=json.dumps({"widgets": [widget]}))
    assert error.code == "InvalidParameterInput"
    assert "The dashboard body is invalid, there are 1 validation errors" in error.message
    (finding,) = error.members["dashboardValidationMessages"]
    assert finding["DataPath"] == path
    assert says in finding["Message"]


@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        ("a b", "{}", "contains invalid characters"),
        ("d", "{", "must be a valid JSON object"),
        ("d", "[]", "must be a valid JSON object"),
        ("d", "{}", "'widgets'"),
    ],
)
def test_wrong_names_and_bodies(telemetry: Telemetry, name: str, body: str, says: str) -> None:
    assert says in telemetry.refusal("PutDashboard", DashboardName=name, DashboardBody=body).message
