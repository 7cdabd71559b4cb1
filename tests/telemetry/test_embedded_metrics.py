"""Metrics in log lines."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from typing import Any

import pytest

from sandbox.telemetry.embedded_metrics import EmbeddedMetric, extract, looks_embedded
from tests.telemetry.conftest import NOW, NOW_MS, Telemetry

HOUR_MS = 3_600_000


def document(
    directive: dict[str, Any] | None = None, aws: dict[str, Any] | None = None, **members: Any
) -> dict[str, Any]:
    made = {
        "Namespace": "Shop",
        "Dimensions": [["service"]],
        "Metrics": [{"Name": "Orders", "Unit": "Count"}],
        **(directive or {}),
    }
    return {
        "_aws": {"Timestamp": NOW_MS, "CloudWatchMetrics": [made], **(aws or {})},
        "service": "orders",
        "Orders": 3,
        **members,
    }


def test_a_document_becomes_a_metric() -> None:
    line = json.dumps(document())
    assert looks_embedded(line)
    assert extract(line, NOW_MS).metrics == [
        EmbeddedMetric("Shop", "Orders", (("service", "orders"),), (3.0,), "Count", NOW, False)
    ]


def test_each_dimension_set_is_a_metric_of_its_own() -> None:
    directive = {"Dimensions": [["service", "env"], ["env"], []], "Metrics": [{"Name": "Orders"}]}
    found = extract(json.dumps(document(directive, env="test")), NOW_MS).metrics
    assert [(metric.dimensions, metric.unit) for metric in found] == [
        ((("env", "test"), ("service", "orders")), "None"),
        ((("env", "test"),), "None"),
        ((), "None"),
    ]


def test_arrays_and_high_resolution() -> None:
    directive = {"Metrics": [{"Name": "Took", "Unit": "Milliseconds", "StorageResolution": 1}]}
    (metric,) = extract(json.dumps(document(directive, Took=[1, 2.5])), NOW_MS).metrics
    assert metric.values == (1.0, 2.5)
    assert metric.high_resolution


def test_the_documents_time_counts_not_the_lines() -> None:
    (metric,) = extract(json.dumps(document(aws={"Timestamp": NOW_MS - HOUR_MS})), NOW_MS).metrics
    assert metric.at == NOW - 3600


@pytest.mark.parametrize(
    "line",
    ['plain text with "_aws" and "CloudWatchMetrics"', '{"_aws": ', "[]", '{"_aws": 3}', '{"Orders": 3}'],
)
def test_what_is_not_the_format_is_left_alone(line: str) -> None:
    result = extract(line, NOW_MS)
    assert (result.metrics, result.parsing_errors, result.validation_errors) == ([], 0, 0)


@pytest.mark.parametrize(
    "broken",
    [
        document(aws={"Timestamp": None}),
        document(aws={"Timestamp": "today"}),
        document(aws={"CloudWatchMetrics": {}}),
        document(aws={"CloudWatchMetrics": ["x"]}),
        document({"Namespace": None}),
        document({"Dimensions": None}),
        document({"Dimensions": ["service"]}),
        document({"Metrics": None}),
    ],
)
def test_a_broken_document_gives_nothing_and_counts_as_a_parsing_error(broken: dict[str, Any]) -> None:
    result = extract(json.dumps(broken), NOW_MS)
    assert (result.metrics, result.parsing_errors) == ([], 1)


@pytest.mark.parametrize(
    "invalid",
    [
        document(aws={"Timestamp": NOW_MS - 15 * 24 * HOUR_MS}),
        document(aws={"Timestamp": NOW_MS + 3 * HOUR_MS}),
        document(Orders="three"),
        document(Orders=True),
        document(Orders=[]),
        document(Orders=[1] * 101),
        document(Orders=10**400),
        document(Orders=float("nan")),
        document(service=3),
        document(service=""),
        document({"Dimensions": [["missing"]]}),
        document({"Metrics": [{"Name": "Missing"}]}),
        document({"Metrics": [{"Name": "Orders", "Unit": "Bushels"}]}),
        document({"Metrics": [{"Name": "Orders", "Unit": ["Count"]}]}),
        document({"Metrics": [{"Name": "Orders", "StorageResolution": 5}]}),
        document({"Namespace": ""}),
        document({"Metrics": [{"Name": "Orders"}] * 101}),
    ],
)
def test_an_invalid_part_gives_nothing_and_counts_as_a_validation_error(invalid: dict[str, Any]) -> None:
    result = extract(json.dumps(invalid), NOW_MS)
    assert (result.metrics, result.parsing_errors, result.validation_errors) == ([], 0, 1)


def test_one_bad_metric_does_not_cost_the_others() -> None:
    result = extract(json.dumps(document({"Metrics": [{"Name": "Missing"}, {"Name": "Orders"}]})), NOW_MS)
    assert [metric.name for metric in result.metrics] == ["Orders"]
    assert result.validation_errors == 1


def test_logs_hand_metrics_to_cloudwatch_and_count_faults(telemetry: Telemetry) -> None:
    telemetry.logs.put(
        "/aws/lambda/f",
        "s",
        [(NOW_MS, json.dumps(document()) + "\n"), (NOW_MS, json.dumps(document(Orders="x")) + "\n")],
    )
    telemetry.call("CreateLogGroup", logGroupName="/app")
    telemetry.call("CreateLogStream", logGroupName="/app", logStreamName="s")
    events = [{"timestamp": NOW_MS, "message": json.dumps(document(Orders=4))}]
    telemetry.call("PutLogEvents", logGroupName="/app", logStreamName="s", logEvents=events)

    def total(namespace: str, name: str, dimension: tuple[str, str]) -> float:
        (point,) = telemetry.call(
            "GetMetricStatistics",
            Namespace=namespace,
            MetricName=name,
            Dimensions=[{"Name": dimension[0], "Value": dimension[1]}],
            StartTime=NOW - 60,
            EndTime=NOW + 60,
            Period=60,
            Statistics=["Sum"],
        )["Datapoints"]
        return float(point["Sum"])

    assert total("Shop", "Orders", ("service", "orders")) == 7
    assert total("AWS/Logs", "EMFValidationErrors", ("LogGroupName", "/aws/lambda/f")) == 1


def test_what_powertools_prints_is_understood() -> None:
    from aws_lambda_powertools import Metrics
    from aws_lambda_powertools.metrics import MetricUnit

    metrics = Metrics(namespace="Shop", service="orders")
    metrics.add_metric(name="Placed", unit=MetricUnit.Count, value=2)
    metrics.add_metric(name="Placed", unit=MetricUnit.Count, value=3)
    printed = io.StringIO()
    with redirect_stdout(printed):
        metrics.flush_metrics()
    timestamp = json.loads(printed.getvalue())["_aws"]["Timestamp"]
    (metric,) = extract(printed.getvalue(), timestamp).metrics
    assert (metric.namespace, metric.name, metric.dimensions) == ("Shop", "Placed", (("service", "orders"),))
    assert metric.values == (2.0, 3.0)
