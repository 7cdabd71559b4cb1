"""The events that a function gets from a front door, in both formats.

2.0 (HTTP APIs, function URLs): https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
1.0 (REST APIs, HTTP APIs): https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from sandbox.endpoints.arrival import Arrival


@dataclass(frozen=True, slots=True)
class Where:
    """Where a request has come to. `route_key` is an HTTP API's, `resource` and `resource_id` a REST API's."""

    account: str
    api_id: str
    stage: str
    route_key: str = ""
    resource: str = ""
    resource_id: str = ""
    path_parameters: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)


def clf_time(moment: datetime) -> str:
    """`12/Mar/2020:19:03:58 +0000`"""
    return moment.strftime("%d/%b/%Y:%H:%M:%S +0000")


def version_2(arrival: Arrival, where: Where, authorizer: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """An event of format 2.0: names in lower case, several values joined by commas, cookies apart."""
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, value in arrival.headers:
        lower = name.lower()
        if lower == "cookie":
            cookies += [cookie.strip() for cookie in value.split(";") if cookie.strip()]
        else:
            headers[lower] = f"{headers[lower]},{value}" if lower in headers else value
    query: dict[str, str] = {}
    for name, value in arrival.query:
        query[name] = f"{query[name]},{value}" if name in query else value
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": where.route_key,
        "rawPath": arrival.path,
        "rawQueryString": arrival.request.query,
    }
    if cookies:
        event["cookies"] = cookies
    event["headers"] = headers
    if query:
        event["queryStringParameters"] = query
    event["requestContext"] = _context_2(arrival, where, authorizer)
    if where.path_parameters:
        event["pathParameters"] = dict(where.path_parameters)
    if where.variables:
        event["stageVariables"] = dict(where.variables)
    body, encoded = arrival.body(binary=not arrival.is_text())
    if body is not None:
        event["body"] = body
    event["isBase64Encoded"] = encoded
    return event


def _context_2(arrival: Arrival, where: Where, authorizer: Mapping[str, Any] | None) -> dict[str, Any]:
    context: dict[str, Any] = {"accountId": where.account, "apiId": where.api_id}
    if authorizer is not None:
        context["authorizer"] = dict(authorizer)
    return {
        **context,
        "domainName": arrival.host,
        "domainPrefix": arrival.host.partition(".")[0],
        "http": {
            "method": arrival.method,
            "path": arrival.path,
            "protocol": "HTTP/1.1",
            "sourceIp": arrival.request.source_ip,
            "userAgent": arrival.header("user-agent") or "",
        },
        "requestId": arrival.request_id,
        "routeKey": where.route_key,
        "stage": where.stage,
        "time": clf_time(arrival.time),
        "timeEpoch": int(arrival.time.timestamp() * 1000),
    }


def version_1(
    arrival: Arrival,
    where: Where,
    context: Mapping[str, Any],
    *,
    path: str,
    binary: bool,
    version: str | None = None,
) -> dict[str, Any]:
    """An event of format 1.0. `path` is the one that the function sees; an HTTP API names the `version`, too."""
    event: dict[str, Any] = {} if version is None else {"version": version}
    body, encoded = arrival.body(binary=binary)
    return {
        **event,
        "resource": where.resource,
        "path": unquote(path),
        "httpMethod": arrival.method,
        "headers": single(arrival.headers),
        "multiValueHeaders": several(arrival.headers),
        "queryStringParameters": single(arrival.query) or None,
        "multiValueQueryStringParameters": several(arrival.query) or None,
        "pathParameters": dict(where.path_parameters) or None,
        "stageVariables": dict(where.variables) or None,
        "requestContext": dict(context),
        "body": body,
        "isBase64Encoded": encoded,
    }


def context_1(arrival: Arrival, where: Where, *, path: str) -> dict[str, Any]:
    """The requestContext of format 1.0, without authorizer and identity of an IAM caller."""
    return {
        "accountId": where.account,
        "apiId": where.api_id,
        "domainName": arrival.host,
        "domainPrefix": arrival.host.partition(".")[0],
        "extendedRequestId": extended_id(arrival.request_id),
        "httpMethod": arrival.method,
        "identity": {
            "accessKey": None,
            "accountId": None,
            "caller": None,
            "cognitoAuthenticationProvider": None,
            "cognitoAuthenticationType": None,
            "cognitoIdentityId": None,
            "cognitoIdentityPoolId": None,
            "principalOrgId": None,
            "sourceIp": arrival.request.source_ip,
            "user": None,
            "userAgent": arrival.header("user-agent"),
            "userArn": None,
        },
        "path": unquote(path),
        "protocol": "HTTP/1.1",
        "requestId": arrival.request_id,
        "requestTime": clf_time(arrival.time),
        "requestTimeEpoch": int(arrival.time.timestamp() * 1000),
        "resourceId": where.resource_id,
        "resourcePath": where.resource,
        "stage": where.stage,
    }


def single(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Of several values of a name the last one."""
    return dict(pairs)


def several(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    """All values of each name."""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values


def extended_id(request_id: str) -> str:
    """The extended request id: 16 characters, the last of them `=`, as AWS's look."""
    return request_id.replace("-", "")[:15] + "="
