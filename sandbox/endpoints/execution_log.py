"""Execution logs of REST APIs: how a request went through its method, in API Gateway's words.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html,
https://repost.aws/knowledge-center/api-gateway-logs (the lines)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from sandbox.endpoints import events
from sandbox.endpoints.functions import function_of
from sandbox.endpoints.rest_visit import RestVisit
from sandbox.gateway.message import Response

#: What CreateStage and UpdateStage say where the account has no role to write logs with.
NO_ROLE = "CloudWatch Logs role ARN must be set in account settings to enable logging"
#: Longer texts are cut off, as API Gateway cuts them off.
_MAX_TEXT = 1024
#: Values that are masked.
_SECRET = frozenset({"authorization", "x-api-key", "x-amz-security-token"})


def group(api_id: str, stage: str) -> str:
    """The log group of a stage."""
    return f"API-Gateway-Execution-Logs_{api_id}/{stage}"


def stream(api_id: str, stage: str) -> str:
    """The stage's log stream."""
    return hashlib.md5(f"{api_id}/{stage}".encode(), usedforsecurity=False).hexdigest()


def lines(visit: RestVisit, response: Response, level: str, *, data: bool) -> list[str]:
    """What the log says of a request; with level ERROR only why one failed. `data`: requests and answers, too."""
    failure = visit.log.get("integrationErrorMessage") or visit.log.get("error.message")
    if level == "ERROR":
        found: Iterable[str] = [str(failure)] if failure and response.status >= 400 else []
    else:
        found = [
            *_admission(visit),
            *_execution(visit, data),
            *([str(failure)] if failure else [*_answer(visit, response, data), "Successfully completed execution"]),
            f"Method completed with status: {response.status}",
        ]
    return [f"({visit.arrival.request_id}) {line}" for line in found]


def _admission(visit: RestVisit) -> Iterator[str]:
    request_id, stage = visit.arrival.request_id, f"{visit.api.id}/{visit.stage.name}"
    yield f"Extended Request Id: {events.extended_id(request_id)}"
    if visit.method["authorizationType"] == "CUSTOM":
        yield f"Starting authorizer: {visit.method.get('authorizerId')} for request: {request_id}"
        if visit.authorizer is None:
            yield f"Unauthorized request: {request_id}"
            return
        yield "Successfully completed authorizer execution"
    key = _masked(str(visit.key["value"])) if visit.key is not None else ""
    yield f"Verifying Usage Plan for request: {request_id}. API Key: {key} API Stage: {stage}"
    if not visit.method.get("apiKeyRequired"):
        yield (
            f"API Key {key} authorized because method '{visit.arrival.method} {visit.resource.path}' does not require "
            "API Key. Request will not contribute to throttle or quota limits"
        )
    elif visit.key is None:
        return
    yield f"Usage Plan check succeeded for API Key {key} and API Stage {stage}"


def _execution(visit: RestVisit, data: bool) -> Iterator[str]:
    arrival = visit.arrival
    yield f"Starting execution for request: {arrival.request_id}"
    yield f"HTTP Method: {arrival.method}, Resource Path: {visit.resource.path}"
    if data:
        yield f"Method request path: {_map(visit.variables.items())}"
        yield f"Method request query string: {_map(arrival.query)}"
        yield f"Method request headers: {_map(arrival.headers)}"
        yield f"Method request body before transformations: {_text(arrival.request.body)}"
    if visit.integration_ms is None:
        return
    integration = visit.method["methodIntegration"]
    uri = str(integration.get("uri"))
    function = function_of(uri, visit.stage_variables)
    if function is not None:
        uri = f"https://lambda.{function.split(':')[3]}.amazonaws.com/2015-03-31/functions/{function}/invocations"
    if data:
        yield f"Endpoint request URI: {uri}"
        if visit.sent is not None:
            yield f"Endpoint request body after transformations: {_text(json.dumps(visit.sent).encode())}"
    yield f"Sending request to {uri}"
    if "integrationStatus" in visit.log:
        status, latency = visit.log["integrationStatus"], visit.log["integrationLatency"]
        yield f"Received response. Status: {status}, Integration latency: {latency} ms"


def _answer(visit: RestVisit, response: Response, data: bool) -> Iterator[str]:
    if not data:
        return
    if visit.answered is not None:
        yield f"Endpoint response body before transformations: {_text(visit.answered)}"
    yield f"Method response body after transformations: {_text(response.body)}"
    yield f"Method response headers: {_map([*response.headers.items(), *response.further])}"


def _map(pairs: Iterable[tuple[str, Any]]) -> str:
    shown = (f"{name}={_masked(value) if name.lower() in _SECRET else value}" for name, value in pairs)
    return _text(("{" + ", ".join(shown) + "}").encode())


def _masked(value: str) -> str:
    return "*" * max(len(value) - 6, 0) + value[-6:]


def _text(raw: bytes) -> str:
    text = raw[:_MAX_TEXT].decode("utf-8", "replace")
    return f"{text} [TRUNCATED]" if len(raw) > _MAX_TEXT else text
