"""OpenAPI 3 definitions of HTTP APIs, as SAM and others write them.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-open-api.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.gateway.call import AwsError

Members = dict[str, Any]

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_ANY = "x-amazon-apigateway-any-method"
_INTEGRATION = "x-amazon-apigateway-integration"
#: Members of an integration extension, and what CreateIntegration calls them.
_INTEGRATION_MEMBERS = {
    "type": "IntegrationType",
    "uri": "IntegrationUri",
    "httpMethod": "IntegrationMethod",
    "payloadFormatVersion": "PayloadFormatVersion",
    "timeoutInMillis": "TimeoutInMillis",
    "connectionType": "ConnectionType",
    "connectionId": "ConnectionId",
    "credentials": "CredentialsArn",
    "description": "Description",
    "requestParameters": "RequestParameters",
    "responseParameters": "ResponseParameters",
    "integrationSubtype": "IntegrationSubtype",
}
_CORS_MEMBERS = {
    "allowOrigins": "AllowOrigins",
    "allowMethods": "AllowMethods",
    "allowHeaders": "AllowHeaders",
    "exposeHeaders": "ExposeHeaders",
    "maxAge": "MaxAge",
    "allowCredentials": "AllowCredentials",
}


@dataclass
class Found:
    """What a definition holds. A route may name its authorizer (AuthorizerName) before that has an id."""

    routes: list[tuple[str, Members | None, Members]] = field(default_factory=list)
    authorizers: dict[str, Members] = field(default_factory=dict)
    cors: Members | None = None
    tags: dict[str, str] = field(default_factory=dict)
    description: str = ""
    version: str = ""


def _bad(message: str) -> AwsError:
    return AwsError("BadRequestException", message, 400)


def title(document: Mapping[str, Any]) -> str:
    """The API's name; BadRequestException for what is no OpenAPI 3.0 definition."""
    if not str(document.get("openapi", "")).startswith("3.0"):
        what = document.get("openapi") or document.get("swagger") or "nothing that says so"
        raise _bad(f"HTTP APIs are imported from OpenAPI 3.0 definitions, not from {what}")
    return str((document.get("info") or {}).get("title") or "")


def read(document: Mapping[str, Any]) -> Found:
    """Routes, integrations, authorizers and CORS of a definition; BadRequestException for a malformed one."""
    try:
        return _read(document)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _bad(f"Unable to parse API definition because of a malformed definition ({error})") from error


def _read(document: Mapping[str, Any]) -> Found:
    found = Found()
    info = document.get("info") or {}
    found.description, found.version = str(info.get("description") or ""), str(info.get("version") or "")
    for tag in document.get("tags") or []:
        if "x-amazon-apigateway-tag-value" in tag:
            found.tags[str(tag["name"])] = str(tag["x-amazon-apigateway-tag-value"])
    if document.get("x-amazon-apigateway-importexport-version") not in (None, "1.0"):
        raise _bad("x-amazon-apigateway-importexport-version must be 1.0")
    cors = document.get("x-amazon-apigateway-cors")
    if isinstance(cors, Mapping):
        found.cors = {_CORS_MEMBERS[name]: value for name, value in cors.items() if name in _CORS_MEMBERS}
    components = document.get("components") or {}
    for name, scheme in (components.get("securitySchemes") or {}).items():
        authorizer = _authorizer(str(name), scheme)
        if authorizer is not None:
            found.authorizers[str(name)] = authorizer
    shared = components.get("x-amazon-apigateway-integrations") or {}
    for path, item in (document.get("paths") or {}).items():
        if not isinstance(item, Mapping):
            raise _bad(f"the path {path} is no object")
        for method, operation in item.items():
            if method in _METHODS or method == _ANY:
                verb = "ANY" if method == _ANY else method.upper()
                # SAM writes `$default`, exports of API Gateway `/$default`.
                key = "$default" if path.lstrip("/") == "$default" else f"{verb} {path}"
                found.routes.append((key, _integration(operation, shared), _route(operation, document, found)))
    return found


def _integration(operation: Mapping[str, Any], shared: Mapping[str, Any]) -> Members | None:
    given = operation.get(_INTEGRATION)
    if given is None:
        return None
    if "$ref" in given:
        given = shared.get(str(given["$ref"]).rpartition("/")[2]) or {}
    members = {_INTEGRATION_MEMBERS[name]: value for name, value in given.items() if name in _INTEGRATION_MEMBERS}
    members["IntegrationType"] = str(members.get("IntegrationType", "")).upper()
    if "TimeoutInMillis" in members:
        members["TimeoutInMillis"] = int(members["TimeoutInMillis"])
    if "PayloadFormatVersion" in members:
        members["PayloadFormatVersion"] = str(members["PayloadFormatVersion"])
    return members


def _route(operation: Mapping[str, Any], document: Mapping[str, Any], found: Found) -> Members:
    route: Members = {}
    if operation.get("operationId"):
        route["OperationName"] = operation["operationId"]
    security = operation.get("security", document.get("security"))
    for requirement in security or []:
        for name, scopes in requirement.items():
            if name in found.authorizers:
                kind = found.authorizers[name]["AuthorizerType"]
                route["AuthorizationType"] = "JWT" if kind == "JWT" else "CUSTOM"
                route["AuthorizerName"] = name
                if scopes:
                    route["AuthorizationScopes"] = list(scopes)
            elif name.lower() in ("sigv4", "aws_iam"):
                route["AuthorizationType"] = "AWS_IAM"
    auth = operation.get("x-amazon-apigateway-auth") or {}
    if str(auth.get("type", "")).upper() == "AWS_IAM":
        route["AuthorizationType"] = "AWS_IAM"
    return route


def _authorizer(name: str, scheme: Mapping[str, Any]) -> Members | None:
    given = scheme.get("x-amazon-apigateway-authorizer")
    if not isinstance(given, Mapping):
        return None
    kind = str(given.get("type", "")).lower()
    source = given.get("identitySource")
    sources = [each.strip() for each in source.split(",")] if isinstance(source, str) else list(source or [])
    members: Members = {"Name": name, "IdentitySource": sources}
    if kind == "jwt":
        jwt = given.get("jwtConfiguration") or {}
        return members | {
            "AuthorizerType": "JWT",
            "JwtConfiguration": {"Issuer": jwt.get("issuer"), "Audience": list(jwt.get("audience") or [])},
        }
    members |= {
        "AuthorizerType": kind.upper(),
        "AuthorizerUri": given.get("authorizerUri"),
        "AuthorizerPayloadFormatVersion": str(given.get("authorizerPayloadFormatVersion") or "2.0"),
        "AuthorizerResultTtlInSeconds": int(given.get("authorizerResultTtlInSeconds") or 0),
        "EnableSimpleResponses": bool(given.get("enableSimpleResponses")),
    }
    if given.get("authorizerCredentials"):
        members["AuthorizerCredentialsArn"] = given["authorizerCredentials"]
    return members
