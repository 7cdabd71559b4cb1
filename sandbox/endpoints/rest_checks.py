"""What a REST API's parts must be, and what of them is refused by name: mapping templates, caching, custom domains."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from sandbox.endpoints.apis import Members
from sandbox.endpoints.cognito_authorizer import issuer_of
from sandbox.endpoints.functions import function_of
from sandbox.endpoints.rest_apis import RestApi
from sandbox.endpoints.routes import BadKey, parse_path
from sandbox.gateway.call import AwsError

METHODS = ("ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
#: Fact apigw-timeouts.
MAX_TIMEOUT_MS = 29_000
#: An integration with the client's own rights. https://docs.aws.amazon.com/apigateway/latest/api/API_Integration.html
CALLER_CREDENTIALS = "arn:aws:iam::*:user/*"
_PARAMETER = re.compile(r"method\.request\.(path|querystring|header|multivalueheader|multivaluequerystring)\.(.+)")

_STAGE_VARIABLE = re.compile(r"\$\{stageVariables\.\w+\}")


def bad(message: str) -> AwsError:
    return AwsError("BadRequestException", message, 400)


def not_found(message: str) -> AwsError:
    return AwsError("NotFoundException", message, 404)


def unsupported(member: str, reason: str) -> AwsError:
    """A parameter that AWS knows and this sandbox doesn't."""
    return bad(f"This sandbox does not support {member}: {reason}")


def is_static(template: str) -> bool:
    """Whether a template holds nothing that would have to be evaluated."""
    return "$" not in template and "#" not in template


def check_part(part: str) -> None:
    """BadRequestException for what can't be a resource's path part."""
    try:
        parse_path(f"/{part}")
    except BadKey as error:
        raise bad(
            "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the "
            f"beginning and the end. ({error})"
        ) from error
    if "/" in part or not part:
        raise bad("Resource's path part must be specified and hold no slash")


def check_method(api: RestApi, method: Members) -> None:
    """BadRequestException for a method that could not be called."""
    if method["httpMethod"] not in METHODS:
        raise bad(f"Invalid HTTP method specified: {method['httpMethod']}")
    kind = method.get("authorizationType")
    if kind in ("CUSTOM", "COGNITO_USER_POOLS"):
        authorizer = api.authorizers.get(str(method.get("authorizerId"))) or {}
        if (authorizer.get("type") == "COGNITO_USER_POOLS") != (kind == "COGNITO_USER_POOLS") or not authorizer:
            raise bad(
                "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS "
                "requires a valid authorizer."
            )
    elif kind not in ("NONE", "AWS_IAM"):
        raise bad("Authorization type for method is not valid: it must be NONE, AWS_IAM, CUSTOM or COGNITO_USER_POOLS")
    if method.get("requestValidatorId") and method["requestValidatorId"] not in api.validators:
        raise bad("Invalid Request Validator identifier specified")
    for name in method.get("requestParameters") or {}:
        if _PARAMETER.fullmatch(name) is None:
            raise bad(
                f"Invalid mapping expression specified: Validation Result: warnings : [], errors : [Parameter name "
                f"should start with method.request: {name}]"
            )
    for model in (method.get("requestModels") or {}).values():
        if model not in api.models and model not in ("Empty", "Error"):
            raise bad(f"Invalid model identifier specified: {model}")


def check_integration(integration: Members) -> None:
    """BadRequestException for an integration that can't be called, or not here."""
    kind, uri = integration.get("type"), str(integration.get("uri") or "")
    if kind in ("AWS", "HTTP"):
        raise unsupported(f"integration type {kind}", "mapping templates are not built; the PROXY types and MOCK work")
    if kind not in ("AWS_PROXY", "HTTP_PROXY", "MOCK"):
        raise bad("Enumeration value for parameter type must be one of AWS, AWS_PROXY, HTTP, HTTP_PROXY, MOCK")
    if integration.get("connectionId") or integration.get("connectionType") == "VPC_LINK":
        raise unsupported("connectionType VPC_LINK", "there are no VPCs behind it")
    if integration.get("cacheKeyParameters"):
        raise unsupported("cacheKeyParameters", "answers are not cached")
    _check_conversion(integration, kind)
    if integration.get("tlsConfig"):
        raise unsupported("tlsConfig", "there is no TLS behind it")
    if integration.get("responseTransferMode") not in (None, "BUFFERED"):
        raise unsupported(f"responseTransferMode {integration['responseTransferMode']}", "answers come in one piece")
    timeout = integration.setdefault("timeoutInMillis", MAX_TIMEOUT_MS)
    if not 50 <= int(timeout) <= MAX_TIMEOUT_MS:
        raise bad("Timeout should be between 50 ms and 29000 ms")
    integration["timeoutInMillis"] = int(timeout)
    if kind == "AWS_PROXY":
        if function_of(uri) is None and "${stageVariables." not in uri:
            raise unsupported(f"uri {uri}", "AWS_PROXY integrations reach functions only")
        if str(integration.get("httpMethod") or "POST").upper() != "POST":
            # Accepted by AWS, and then each call fails: the function can't be invoked by another method.
            raise bad("Lambda functions are invoked by POST: set integrationHttpMethod (httpMethod) to POST")
        if integration.get("requestParameters"):
            raise unsupported("requestParameters of AWS_PROXY", "the request goes through as it is")
    elif kind == "HTTP_PROXY":
        if not uri.startswith(("http://", "https://")):
            raise bad(f"Invalid HTTP endpoint specified for URI: {uri}")
        for target in integration.get("requestParameters") or {}:
            if not target.startswith("integration.request.path."):
                raise unsupported(f"requestParameters {target}", "of parameter mappings those of the path work")
    for kind_of, template in (integration.get("requestTemplates") or {}).items():
        if kind == "MOCK" and (not is_static(template) or _mock_status(template) is None):
            raise unsupported(
                f"requestTemplates {kind_of}", 'mapping templates are not built; MOCK takes a fixed {"statusCode": 200}'
            )
        if kind == "HTTP_PROXY":
            raise unsupported("requestTemplates of HTTP_PROXY", "the request goes through as it is")


def _check_conversion(part: Members, kind: str) -> None:
    """What a function is given and what MOCK answers are texts anyway: bytes are base64 there.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings-workflow.html
    """
    handling = part.get("contentHandling")
    if handling not in (None, "CONVERT_TO_BINARY", "CONVERT_TO_TEXT"):
        raise bad("Enumeration value for parameter contentHandling must be one of CONVERT_TO_BINARY, CONVERT_TO_TEXT")
    if handling == "CONVERT_TO_BINARY" or (handling is not None and kind == "HTTP_PROXY"):
        raise unsupported(f"contentHandling {handling} of {kind}", "bodies go through as they are")


def _mock_status(template: str) -> int | None:
    try:
        return int(json.loads(template)["statusCode"])
    except (ValueError, KeyError, TypeError):
        return None


def mock_status(integration: Mapping[str, Any]) -> int | None:
    """The status that a MOCK integration's template chooses."""
    templates = integration.get("requestTemplates") or {}
    return next((_mock_status(template) for template in templates.values()), None)


def check_integration_response(integration: Mapping[str, Any], response: Members) -> None:
    """BadRequestException for what would have to be evaluated."""
    if integration.get("type") != "MOCK":
        return  # A proxy's answers never meet it.
    for kind, template in (response.get("responseTemplates") or {}).items():
        if template and not is_static(template):
            raise unsupported(f"responseTemplates {kind}", "mapping templates are not built; fixed texts work")
    for name, value in (response.get("responseParameters") or {}).items():
        if not name.startswith("method.response.header.") or re.fullmatch(r"'.*'", str(value)) is None:
            raise unsupported(f"responseParameters {name}={value}", "fixed texts in quotes, for headers, work")
    _check_conversion(response, "MOCK")


def check_authorizer(authorizer: Members) -> None:
    """BadRequestException for an authorizer that could not be asked."""
    kind = authorizer.get("type")
    if kind == "COGNITO_USER_POOLS":
        _check_user_pools(authorizer)
        return
    if kind not in ("TOKEN", "REQUEST"):
        raise bad(f"Invalid authorizer type {kind}: it must be TOKEN, REQUEST or COGNITO_USER_POOLS")
    if function_of(str(authorizer.get("authorizerUri") or "")) is None:
        raise bad(
            "Invalid Authorizer URI: Authorizer URI should be a valid API Gateway ARN that represents a Lambda "
            "function invocation."
        )
    ttl = authorizer.setdefault("authorizerResultTtlInSeconds", 300)
    if not 0 <= int(ttl) <= 3600:
        raise bad("Authorizer result TTL must be between 0 and 3600 seconds")
    source = authorizer.get("identitySource")
    if kind == "TOKEN" and not str(source or "").startswith("method.request.header."):
        raise bad("Identity source for a TOKEN authorizer must be a header: method.request.header.NAME")
    if kind == "REQUEST" and ttl and not source:
        raise bad("Identity source is required for a REQUEST authorizer with caching")


def _check_user_pools(authorizer: Members) -> None:
    pools = authorizer.get("providerARNs") or []
    if not pools:
        raise bad("COGNITO_USER_POOLS authorizers must have at least one provider ARN")
    for arn in pools:
        # Filled in with each request; with a name of any pool's form it must be an ARN by now.
        if issuer_of(_STAGE_VARIABLE.sub("us-east-1_Variable", str(arn))) is None:
            raise bad(f"Invalid Provider ARN: {arn} is no user pool's")
    if not str(authorizer.get("identitySource") or "").startswith("method.request.header."):
        raise bad("Identity source for a COGNITO_USER_POOLS authorizer must be a header: method.request.header.NAME")
    authorizer.setdefault("authType", "cognito_user_pools")


def check_stage(members: Mapping[str, Any]) -> None:
    """BadRequestException for what a stage can't do here."""
    if members.get("cacheClusterEnabled"):
        raise unsupported("cacheClusterEnabled", "answers are not cached")
    if members.get("canarySettings"):
        raise unsupported("canarySettings", "canaries of stages are not built")
    if members.get("clientCertificateId"):
        raise unsupported("clientCertificateId", "there is no TLS behind it")
    if members.get("documentationVersion"):
        raise unsupported("documentationVersion", "documentation is not built")
    for where, settings in (members.get("methodSettings") or {}).items():
        if settings.get("cachingEnabled"):
            raise unsupported(f"cachingEnabled of {where}", "answers are not cached")
        if settings.get("loggingLevel") not in (None, "OFF", "ERROR", "INFO"):
            raise bad(f"Invalid logging level {settings['loggingLevel']} of {where}: it must be OFF, ERROR or INFO")
