"""The metrics of the front doors: one set of values a request, under the dimensions that CloudWatch shows them by.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html (REST APIs),
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html (HTTP APIs),
https://docs.aws.amazon.com/lambda/latest/dg/urls-monitoring.html (function URLs)
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

from sandbox.clock import Clock
from sandbox.compute.arns import LATEST
from sandbox.compute.function_urls import FunctionUrl
from sandbox.compute.measurements import NAMESPACE as LAMBDA
from sandbox.compute.measurements import Dimensions, Metrics
from sandbox.endpoints.arrival import Arrival
from sandbox.gateway.message import Response

NAMESPACE = "AWS/ApiGateway"


class Measurements:
    """Puts the metrics of every API and function URL."""

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics

    def rest(
        self,
        place: tuple[str, str],
        sets: tuple[Dimensions, ...],
        arrival: Arrival,
        response: Response,
        integration_ms: float | None,
    ) -> None:
        """One request of a REST API. `place` is account and Region; `integration_ms` is None if it was not called."""
        values: dict[str, tuple[float, str]] = {
            "Count": (1.0, "Count"),
            # Their averages are rates: a request without an error counts as zero.
            "4XXError": (float(400 <= response.status < 500), "Count"),
            "5XXError": (float(response.status >= 500), "Count"),
            "Latency": (self._latency(arrival), "Milliseconds"),
        }
        if integration_ms is not None:
            values["IntegrationLatency"] = (integration_ms, "Milliseconds")
        self._put(NAMESPACE, place, sets, values, arrival)

    def http(
        self,
        place: tuple[str, str],
        sets: tuple[Dimensions, ...],
        arrival: Arrival,
        response: Response,
        integration_ms: float | None,
    ) -> None:
        """One request of an HTTP API."""
        values: dict[str, tuple[float, str]] = {
            "Count": (1.0, "Count"),
            "4xx": (float(400 <= response.status < 500), "Count"),
            "5xx": (float(response.status >= 500), "Count"),
            "Latency": (self._latency(arrival), "Milliseconds"),
            "DataProcessed": (float(len(arrival.request.body) + len(response.body)), "Bytes"),
        }
        if integration_ms is not None:
            values["IntegrationLatency"] = (integration_ms, "Milliseconds")
        self._put(NAMESPACE, place, sets, values, arrival)

    def url(self, url: FunctionUrl, arrival: Arrival, response: Response, executed: str | None) -> None:
        """One request of a function URL; `executed` is the version that ran, None if none did."""
        name = url.function.name
        of_function: Dimensions = (("FunctionName", name),)
        of_resource: Dimensions = (*of_function, ("Resource", f"{name}:{url.alias or LATEST}"))
        sets: tuple[Dimensions, ...] = (of_function, of_resource)
        if executed is not None:
            sets = (*sets, (("ExecutedVersion", executed), *of_resource))
        values = {
            "UrlRequestCount": (1.0, "Count"),
            "Url4xxCount": (float(400 <= response.status < 500), "Count"),
            "Url5xxCount": (float(response.status >= 500), "Count"),
            "UrlRequestLatency": (self._latency(arrival), "Milliseconds"),
        }
        self._put(LAMBDA, (url.function.account, url.function.region), sets, values, arrival)

    def _latency(self, arrival: Arrival) -> float:
        """Milliseconds of sandbox time since the request came."""
        return max((self._clock.now() - arrival.time.timestamp()) * 1000, 0.0)

    def _put(
        self,
        namespace: str,
        place: tuple[str, str],
        sets: tuple[Dimensions, ...],
        values: Mapping[str, tuple[float, str]],
        arrival: Arrival,
    ) -> None:
        account, region = place
        at = arrival.time.timestamp()
        for dimensions in sets:
            for name, (value, unit) in values.items():
                self._metrics.put(namespace, name, dimensions, value, unit, at, account=account, region=region)


@functools.lru_cache(maxsize=1024)
def rest_sets(api_name: str, api_id: str, stage: str, method: tuple[str, str] | None) -> tuple[Dimensions, ...]:
    """The dimensions of a REST API's request; `method` (resource path, HTTP method) where the stage details metrics.

    Of the API's name its ASCII characters are left; where it has none, the API's id stands for it.
    """
    name = api_name.encode("ascii", "ignore").decode() or api_id
    of_api: Dimensions = (("ApiName", name),)
    of_stage: Dimensions = (*of_api, ("Stage", stage))
    if method is None:
        return of_api, of_stage
    resource, verb = method
    return of_api, of_stage, (("ApiName", name), ("Method", verb), ("Resource", resource), ("Stage", stage))


@functools.lru_cache(maxsize=1024)
def http_sets(api_id: str, stage: str, route_key: str | None) -> tuple[Dimensions, ...]:
    """The dimensions of an HTTP API's request; `route_key` where the stage details metrics."""
    of_api: Dimensions = (("ApiId", api_id),)
    of_stage: Dimensions = (*of_api, ("Stage", stage))
    if route_key is None:
        return of_api, of_stage
    method, _, path = route_key.partition(" ")
    return of_api, of_stage, (("ApiId", api_id), ("Method", method), ("Resource", path or method), ("Stage", stage))
