"""What an HTTP API's parts must be, and what of them is refused by name: WebSocket APIs, parameter mappings, VPC links.

https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/operations.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sandbox import plain_yaml
from sandbox.endpoints import access_log, jwt_authorizer
from sandbox.endpoints.apis import Members
from sandbox.endpoints.functions import function_of
from sandbox.endpoints.http_apis import HttpApi
from sandbox.endpoints.routes import BadKey, parse_key
from sandbox.gateway.call import AwsError

WEBSOCKET = "WebSocket APIs are not built"

_MAX_TIMEOUT_MS = 30_000


def bad(message: str) -> AwsError:
    return AwsError("BadRequestException", message, 400)


def unsupported(member: str, reason: str) -> AwsError:
    """A parameter that AWS knows and this sandbox doesn't."""
    return bad(f"This sandbox does not support {member}: {reason}")


def not_found(what: str) -> AwsError:
    return AwsError("NotFoundException", f"Invalid {what} identifier specified", 404)


def check_route(api: HttpApi, route: Members) -> None:
    for member in ("ModelSelectionExpression", "RequestModels", "RequestParameters"):
        if route.get(member):
            raise unsupported(member, "WebSocket APIs only")
    for member in ("OperationName", "RouteResponseSelectionExpression"):
        if route.get(member) and member != "OperationName":
            raise unsupported(member, WEBSOCKET)
    if route.get("ApiKeyRequired"):
        raise bad("ApiKeyRequired is not currently supported for HTTP APIs")
    key = str(route.get("RouteKey") or "")
    try:
        parse_key(key)
    except BadKey as error:
        raise bad(f"The provided route key is not formatted properly for HTTP protocol: {key}; {error}") from error
    if any(each["RouteKey"] == key and each.get("RouteId") != route.get("RouteId") for each in api.routes.values()):
        raise AwsError("ConflictException", f"Route with key {key} already exists for this API", 409)
    target = route.get("Target")
    if target is not None and str(target).removeprefix("integrations/") not in api.integrations:
        raise bad(f"Invalid Target specified: {target}")
    kind = route.setdefault("AuthorizationType", "NONE")
    route.setdefault("ApiKeyRequired", False)
    if kind in ("JWT", "CUSTOM"):
        authorizer = api.authorizers.get(str(route.get("AuthorizerId")))
        if authorizer is None:
            raise bad(
                "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or JWT requires a "
                "valid authorizer."
            )
        if (authorizer["AuthorizerType"] == "JWT") != (kind == "JWT"):
            raise bad("Invalid AuthorizationType: the authorizer is of another type")
    elif kind not in ("NONE", "AWS_IAM"):
        raise bad(f"Invalid AuthorizationType: {kind}")
    if route.get("AuthorizationScopes") and kind != "JWT":
        raise bad("AuthorizationScopes are only supported with a JWT authorizer")


def check_integration(api: HttpApi, integration: Members) -> None:
    for member in ("RequestParameters", "ResponseParameters", "RequestTemplates", "TlsConfig", "ConnectionId"):
        if integration.get(member):
            raise unsupported(member, "requests and responses go through as they are")
    if integration.get("IntegrationSubtype"):
        raise unsupported(f"IntegrationSubtype {integration['IntegrationSubtype']}", "service integrations")
    if integration.setdefault("ConnectionType", "INTERNET") != "INTERNET":
        raise unsupported("ConnectionType VPC_LINK", "there are no VPCs behind it")
    kind, uri = integration.get("IntegrationType"), str(integration.get("IntegrationUri") or "")
    timeout = integration.setdefault("TimeoutInMillis", _MAX_TIMEOUT_MS)
    if not 50 <= timeout <= _MAX_TIMEOUT_MS:
        raise bad("Timeout should be between 50 ms and 30000 ms")
    form = integration.setdefault("PayloadFormatVersion", "1.0")
    if form not in ("1.0", "2.0"):
        raise bad(f"Invalid PayloadFormatVersion: {form}")
    if kind == "AWS_PROXY":
        integration.setdefault("IntegrationMethod", "POST")
        if function_of(uri) is None and "${stageVariables." not in uri:
            raise bad(f"Invalid function ARN or invalid uri: {uri}")
    elif kind == "HTTP_PROXY":
        if form != "1.0":
            raise bad("PayloadFormatVersion 2.0 is for Lambda integrations only")
        if not integration.get("IntegrationMethod"):
            raise bad("IntegrationMethod is required for HTTP_PROXY integrations")
        if not uri.startswith(("http://", "https://")):
            raise bad(f"Invalid HTTP endpoint specified for URI: {uri}")
    else:
        raise bad(f"HTTP APIs take integrations of type AWS_PROXY and HTTP_PROXY, not {kind}")


def check_authorizer(api: HttpApi, authorizer: Members, knows_issuer: Callable[[str], bool]) -> None:
    kind = authorizer.get("AuthorizerType")
    if any(
        each["Name"] == authorizer.get("Name") and each.get("AuthorizerId") != authorizer.get("AuthorizerId")
        for each in api.authorizers.values()
    ):
        raise bad(f"Authorizer with name {authorizer.get('Name')} already exists")
    source = authorizer.get("IdentitySource")
    sources = [source] if isinstance(source, str) else list(source or [])
    authorizer["IdentitySource"] = sources
    if kind == "JWT":
        jwt = authorizer.get("JwtConfiguration") or {}
        if not jwt.get("Issuer") or not jwt.get("Audience"):
            raise bad("JwtConfiguration with Issuer and Audience is required for a JWT authorizer")
        if len(sources) != 1:
            raise bad("A JWT authorizer takes one identity source")
        if not knows_issuer(str(jwt["Issuer"])):
            raise bad(jwt_authorizer.unreachable(str(jwt["Issuer"])))
        return
    if kind != "REQUEST":
        raise bad(f"Invalid AuthorizerType: {kind}")
    if function_of(str(authorizer.get("AuthorizerUri") or "")) is None:
        raise bad(
            f"Invalid Authorizer URI: {authorizer.get('AuthorizerUri')}. Authorizer URI should be a valid API "
            "Gateway ARN that represents a Lambda function invocation."
        )
    form = authorizer.get("AuthorizerPayloadFormatVersion")
    if form not in ("1.0", "2.0"):
        raise bad("AuthorizerPayloadFormatVersion is a required parameter for REQUEST authorizer")
    if authorizer.setdefault("EnableSimpleResponses", False) and form == "1.0":
        raise bad("EnableSimpleResponses is not supported for payload format version 1.0")
    ttl = authorizer.setdefault("AuthorizerResultTtlInSeconds", 0)
    if not 0 <= ttl <= 3600:
        raise bad("AuthorizerResultTtlInSeconds must be between 0 and 3600")
    if ttl and not sources:
        raise bad("Identity source is required when caching is enabled")


def expect_unused(api: HttpApi, kind: str, identifier: str) -> None:
    for route in api.routes.values():
        if kind == "Integration" and route.get("Target") == f"integrations/{identifier}":
            raise AwsError(
                "ConflictException",
                f"Cannot delete Integration '{identifier}'. Found 1 Route(s) that reference it: {route['RouteId']}",
                409,
            )
        if kind == "Authorizer" and route.get("AuthorizerId") == identifier:
            raise AwsError(
                "ConflictException",
                f"Cannot delete authorizer '{identifier}' as it is referenced by the route {route['RouteId']}",
                409,
            )


def check_cors(cors: Mapping[str, Any] | None) -> None:
    if cors and cors.get("AllowCredentials") and "*" in (cors.get("AllowOrigins") or []):
        raise bad("Invalid CORS configuration: AllowCredentials can't be used with the origin *")


def check_stage(api: HttpApi, given: Mapping[str, Any]) -> None:
    if given.get("ClientCertificateId"):
        raise unsupported("ClientCertificateId", WEBSOCKET)
    if given.get("DeploymentId") is not None:
        if given.get("AutoDeploy"):
            raise bad("Deployment ID cannot be set on a stage with AutoDeploy enabled")
        if given["DeploymentId"] not in api.deployments:
            raise bad(f"Deployment with id {given['DeploymentId']} does not exist")
    log = given.get("AccessLogSettings")
    if log:
        access_log.check_destination(str(log.get("DestinationArn") or ""))
    for settings in [given.get("DefaultRouteSettings") or {}, *(given.get("RouteSettings") or {}).values()]:
        for member in ("DataTraceEnabled", "LoggingLevel"):
            if settings.get(member) not in (None, False, "OFF"):
                raise bad("Execution logs are not supported on protocolType HTTP")


def document_of(params: Mapping[str, Any]) -> Mapping[str, Any]:
    if params.get("Basepath") not in (None, "ignore"):
        raise unsupported(f"Basepath {params['Basepath']}", "paths are taken as they are")
    text = str(params.get("Body") or "")
    try:
        document = json.loads(text) if text.lstrip().startswith("{") else plain_yaml.load(text)
    except (ValueError, RecursionError) as error:
        raise bad(f"Unable to parse API definition: {error}") from error
    if not isinstance(document, dict):
        raise bad("Unable to parse API definition because of a malformed definition")
    return document
