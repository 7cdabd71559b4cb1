"""The metrics of front doors, read back from CloudWatch."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.endpoints.apis import WRAPPED, Http, Rest, url_of

FAILING = """
def handler(event, context):
    raise ValueError("no")
"""


@pytest.fixture(scope="module")
def wrapped(front: Any) -> str:
    return str(front.function("measured", WRAPPED))


@pytest.fixture(scope="module")
def failing(front: Any) -> str:
    return str(front.function("measured-failing", FAILING))


def statistic(front: Any, namespace: str, name: str, what: str = "Sum", **dimensions: str) -> float | None:
    """A statistic over the hour around now; None for a metric that has no data under exactly these dimensions."""
    now = front.clock.datetime()
    points = front.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=now - timedelta(minutes=30),
        EndTime=now + timedelta(minutes=30),
        Period=3600,
        Statistics=[what],
    )["Datapoints"]
    return sum(point[what] for point in points) if points else None


def of_api(front: Any, name: str, what: str = "Sum", **dimensions: str) -> float | None:
    return statistic(front, "AWS/ApiGateway", name, what, **dimensions)


def test_a_rest_api_counts_requests_errors_and_latencies(front: Any, wrapped: str, failing: str) -> None:
    api = Rest(front, "Zähler", wrapped)
    api.method("GET", "/x")
    api.function = failing
    front.permit(failing)
    api.method("GET", "/bad")
    api.deploy()
    statuses = [api.call("GET", path).status for path in ("/x", "/x", "/bad", "/nowhere")]
    assert statuses == [200, 200, 502, 403]
    for dimensions in ({"ApiName": "Zhler"}, {"ApiName": "Zhler", "Stage": "dev"}):
        assert of_api(front, "Count", **dimensions) == 4
        assert of_api(front, "Count", "SampleCount", **dimensions) == 4
        assert of_api(front, "4XXError", **dimensions) == 1
        assert of_api(front, "5XXError", **dimensions) == 1
        # Averages are rates.
        assert of_api(front, "5XXError", "Average", **dimensions) == 0.25
        assert of_api(front, "Latency", "SampleCount", **dimensions) == 4
        # What no integration was asked for has no integration's latency.
        assert of_api(front, "IntegrationLatency", "SampleCount", **dimensions) == 3
        inner = of_api(front, "IntegrationLatency", **dimensions)
        outer = of_api(front, "Latency", **dimensions)
        assert inner is not None
        assert outer is not None
        assert 0 < inner <= outer


def test_metrics_of_a_method_come_where_the_stage_details_them(front: Any, wrapped: str) -> None:
    api = Rest(front, "detailed", wrapped)
    api.method("GET", "/x/{id}")
    api.method("GET", "/y")
    api.deploy()
    api.patch_stage(("replace", "/~1x~1{id}/GET/metrics/enabled", "true"))
    assert [api.call("GET", path).status for path in ("/x/1", "/y")] == [200, 200]
    of_method = {"ApiName": "detailed", "Stage": "dev", "Method": "GET"}
    assert of_api(front, "Count", **of_method, Resource="/x/{id}") == 1
    assert of_api(front, "Count", **of_method, Resource="/y") is None
    api.patch_stage(("replace", "/*/*/metrics/enabled", "true"))
    assert api.call("GET", "/y").status == 200
    assert of_api(front, "Count", **of_method, Resource="/y") == 1


def test_an_http_api_counts_requests_errors_and_bytes(front: Any, wrapped: str) -> None:
    api = Http(front, "counted", wrapped)
    api.route("POST /x")
    api.stage()
    first = api.call("POST", "/x", b"0123456789")
    second = api.call("GET", "/nowhere")
    assert (first.status, second.status) == (200, 404)
    for dimensions in ({"ApiId": api.id}, {"ApiId": api.id, "Stage": "$default"}):
        assert of_api(front, "Count", **dimensions) == 2
        assert of_api(front, "4xx", **dimensions) == 1
        assert of_api(front, "5xx", **dimensions) == 0
        assert of_api(front, "Latency", "SampleCount", **dimensions) == 2
        assert of_api(front, "IntegrationLatency", "SampleCount", **dimensions) == 1
        assert of_api(front, "DataProcessed", **dimensions) == 10 + len(first.body) + len(second.body)
    of_route = {"ApiId": api.id, "Stage": "$default", "Method": "POST", "Resource": "/x"}
    assert of_api(front, "Count", **of_route) is None
    api.v2.update_stage(ApiId=api.id, StageName="$default", RouteSettings={"POST /x": {"DetailedMetricsEnabled": True}})
    assert api.call("POST", "/x").status == 200
    assert of_api(front, "Count", **of_route) == 1


def test_a_function_url_counts_requests_and_errors(front: Any, failing: str) -> None:
    url = url_of(front, "measured-failing")
    assert [front.call("GET", url).status for _ in range(2)] == [502, 502]
    front.client("lambda").remove_permission(FunctionName="measured-failing", StatementId="url")
    assert front.call("GET", url).status == 403

    def count(name: str, what: str = "Sum", **further: str) -> float | None:
        return statistic(front, "AWS/Lambda", name, what, FunctionName="measured-failing", **further)

    resource = {"Resource": "measured-failing:$LATEST"}
    assert [count("UrlRequestCount"), count("UrlRequestCount", **resource)] == [3, 3]
    assert [count("Url5xxCount"), count("Url4xxCount")] == [2, 1]
    assert count("UrlRequestLatency", "SampleCount") == 3
    assert count("UrlRequestCount", **resource, ExecutedVersion="$LATEST") == 2
