"""Swagger 2.0 and OpenAPI 3.0 definitions of REST APIs, with API Gateway's extensions.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-import-api.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox import plain_yaml
from sandbox.access import MalformedPolicy
from sandbox.access import parse as parse_policy
from sandbox.endpoints import gateway_responses, rest_checks
from sandbox.endpoints.apis import Members, new_id
from sandbox.endpoints.rest_apis import Resource, RestApi
from sandbox.endpoints.rest_checks import bad

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "x-amazon-apigateway-any-method")
_LOCATIONS = {"path": "path", "query": "querystring", "header": "header"}
_INTEGRATION_MEMBERS = (
    "type",
    "uri",
    "httpMethod",
    "connectionType",
    "connectionId",
    "credentials",
    "requestParameters",
    "requestTemplates",
    "passthroughBehavior",
    "contentHandling",
    "timeoutInMillis",
    "cacheNamespace",
    "cacheKeyParameters",
    "tlsConfig",
    "responseTransferMode",
)


def parse(body: Any) -> Mapping[str, Any]:
    """The definition in a request's body; BadRequestException for what is none."""
    raw = body.read() if hasattr(body, "read") else body
    text = raw.decode("utf-8", "replace") if isinstance(raw, (bytes, bytearray)) else str(raw or "")
    try:
        document = json.loads(text) if text.lstrip().startswith("{") else plain_yaml.load(text)
    except (ValueError, RecursionError) as error:
        raise bad(f"Invalid OpenAPI input: {error}") from error
    if not isinstance(document, dict) or not (
        str(document.get("swagger")) == "2.0" or str(document.get("openapi", "")).startswith("3.0")
    ):
        raise bad("Invalid OpenAPI input: it is neither Swagger 2.0 nor OpenAPI 3.0")
    return document


def title(document: Mapping[str, Any]) -> str:
    """The API's name."""
    return str((document.get("info") or {}).get("title") or "")


def fill(api: RestApi, document: Mapping[str, Any], base_path: str) -> None:
    """Make an API of a definition; BadRequestException for a malformed one. `base_path` is `ignore`, `prepend` or
    `split`.
    """
    try:
        _fill(api, document, base_path)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise bad(f"Unable to parse API definition because of a malformed definition ({error})") from error


def _fill(api: RestApi, document: Mapping[str, Any], base_path: str) -> None:
    if not isinstance(document.get("paths", {}), Mapping):
        raise bad("Invalid OpenAPI input: paths is no object")
    info = document.get("info") or {}
    for member in ("description", "version"):
        if info.get(member):
            api.members[member] = str(info[member])
    if document.get("x-amazon-apigateway-binary-media-types"):
        api.members["binaryMediaTypes"] = [str(each) for each in document["x-amazon-apigateway-binary-media-types"]]
    if document.get("x-amazon-apigateway-api-key-source"):
        api.members["apiKeySource"] = str(document["x-amazon-apigateway-api-key-source"])
    if document.get("x-amazon-apigateway-minimum-compression-size") is not None:
        api.members["minimumCompressionSize"] = document["x-amazon-apigateway-minimum-compression-size"]
    if document.get("x-amazon-apigateway-policy"):
        api.members["policy"] = policy_text(json.dumps(document["x-amazon-apigateway-policy"]), api)
    for kind, given in (document.get("x-amazon-apigateway-gateway-responses") or {}).items():
        api.gateway_responses[kind] = _gateway_response(kind, given)
    schemas = document.get("definitions") or (document.get("components") or {}).get("schemas") or {}
    for name, schema in schemas.items():
        api.models[name] = {
            "id": new_id(6),
            "name": name,
            "schema": json.dumps(schema),
            "contentType": "application/json",
        }
    validators = _validators(api, document)
    authorizers = _authorizers(api, document)
    prefix = _prefix(document, base_path)
    for path, item in (document.get("paths") or {}).items():
        resource = api.place(prefix + path)
        for part in path.split("/"):
            if part:
                rest_checks.check_part(part)
        for name, operation in (item or {}).items():
            if name in _METHODS:
                verb = "ANY" if name.startswith("x-") else name.upper()
                shared = item.get("parameters") or []
                _add_method(api, resource, verb, operation or {}, shared, document, validators, authorizers)


def _prefix(document: Mapping[str, Any], base_path: str) -> str:
    given = document.get("basePath")
    servers = document.get("servers") or []
    if given is None and servers:
        given = ((servers[0].get("variables") or {}).get("basePath") or {}).get("default")
    path = str(given or "").rstrip("/")
    if base_path == "prepend" and path:
        return f"/{path.lstrip('/')}"
    if base_path == "split" and path:
        rest = path.lstrip("/").partition("/")[2]
        return f"/{rest}" if rest else ""
    return ""


def _add_method(
    api: RestApi,
    resource: Resource,
    verb: str,
    operation: Mapping[str, Any],
    shared: list[Any],
    document: Mapping[str, Any],
    validators: Mapping[str, str],
    authorizers: Mapping[str, Members],
) -> None:
    method: Members = {"httpMethod": verb, "authorizationType": "NONE", "apiKeyRequired": False}
    if operation.get("operationId"):
        method["operationName"] = operation["operationId"]
    _secure(method, operation, document, authorizers)
    parameters: dict[str, bool] = {}
    models: dict[str, str] = {}
    for given in [*shared, *(operation.get("parameters") or [])]:
        parameter = _referred(given, document)
        where = str(parameter.get("in"))
        if where in _LOCATIONS:
            name = f"method.request.{_LOCATIONS[where]}.{parameter['name']}"
            parameters[name] = bool(parameter.get("required"))
        elif where == "body":
            for kind in operation.get("consumes") or document.get("consumes") or ["application/json"]:
                models[kind] = _model_name(api, parameter.get("schema") or {}, resource, verb)
    content = (_referred(operation.get("requestBody") or {}, document)).get("content") or {}
    for kind, given in content.items():
        if given.get("schema"):
            models[kind] = _model_name(api, given["schema"], resource, verb)
    if parameters:
        method["requestParameters"] = parameters
    if models:
        method["requestModels"] = models
    validator = operation.get("x-amazon-apigateway-request-validator") or document.get(
        "x-amazon-apigateway-request-validator"
    )
    if validator:
        if validator not in validators:
            raise bad(
                f"Invalid request validator {validator!r}: it is not among x-amazon-apigateway-request-validators"
            )
        method["requestValidatorId"] = validators[validator]
    method["methodResponses"] = {
        str(status): {"statusCode": str(status)}
        for status in operation.get("responses") or {}
        if str(status).isdecimal()
    }
    rest_checks.check_method(api, method)
    given = operation.get("x-amazon-apigateway-integration")
    if given is not None:
        method["methodIntegration"] = _integration(given, resource)
    resource.methods[verb] = method


def _integration(given: Mapping[str, Any], resource: Resource) -> Members:
    integration: Members = {name: given[name] for name in _INTEGRATION_MEMBERS if given.get(name) is not None}
    integration["type"] = str(integration.get("type", "")).upper()
    if integration["type"] == "HTTP" or integration["type"] == "AWS":
        rest_checks.check_integration(integration)
    if "passthroughBehavior" in integration:
        integration["passthroughBehavior"] = str(integration["passthroughBehavior"]).upper()
    integration.setdefault("passthroughBehavior", "WHEN_NO_MATCH")
    integration.setdefault("cacheNamespace", resource.id)
    integration.setdefault("cacheKeyParameters", [])
    if "timeoutInMillis" in integration:
        integration["timeoutInMillis"] = int(integration["timeoutInMillis"])
    rest_checks.check_integration(integration)
    responses: dict[str, Members] = {}
    for pattern, response in (given.get("responses") or {}).items():
        status = str(response.get("statusCode") or "200")
        members: Members = {"statusCode": status}
        if pattern != "default":
            members["selectionPattern"] = str(pattern)
        for name in ("responseParameters", "responseTemplates", "contentHandling"):
            if response.get(name):
                members[name] = response[name]
        rest_checks.check_integration_response(integration, members)
        responses[status] = members
    if responses:
        integration["integrationResponses"] = responses
    return integration


def _secure(
    method: Members, operation: Mapping[str, Any], document: Mapping[str, Any], authorizers: Mapping[str, Members]
) -> None:
    auth = operation.get("x-amazon-apigateway-auth") or {}
    if str(auth.get("type", "")).upper() == "AWS_IAM":
        method["authorizationType"] = "AWS_IAM"
    schemes = _schemes(document)
    for requirement in operation.get("security", document.get("security")) or []:
        for name, scopes in requirement.items():
            scheme = schemes.get(name) or {}
            if name in authorizers:
                pools = authorizers[name]["type"] == "COGNITO_USER_POOLS"
                method["authorizationType"] = "COGNITO_USER_POOLS" if pools else "CUSTOM"
                method["authorizerId"] = authorizers[name]["id"]
                if scopes:
                    method["authorizationScopes"] = list(scopes)
            elif str(scheme.get("x-amazon-apigateway-authtype", "")).lower() == "awssigv4":
                method["authorizationType"] = "AWS_IAM"
            elif scheme.get("type") == "apiKey" and str(scheme.get("name", "")).lower() == "x-api-key":
                method["apiKeyRequired"] = True


def _schemes(document: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (
        document.get("securityDefinitions") or (document.get("components") or {}).get("securitySchemes") or {}
    )
    return found


def _authorizers(api: RestApi, document: Mapping[str, Any]) -> dict[str, Members]:
    made: dict[str, Members] = {}
    for name, scheme in _schemes(document).items():
        given = scheme.get("x-amazon-apigateway-authorizer")
        kind = str(scheme.get("x-amazon-apigateway-authtype", "")).lower()
        if not given:
            if kind == "cognito_user_pools":
                raise bad(f"Invalid OpenAPI input: {name} has no x-amazon-apigateway-authorizer")
            continue
        authorizer: Members = {"id": new_id(6), "name": name, "type": str(given.get("type", "")).upper()}
        if kind:
            authorizer["authType"] = kind
        for member in (
            "authorizerUri",
            "authorizerCredentials",
            "identityValidationExpression",
            "authorizerResultTtlInSeconds",
            "identitySource",
            "providerARNs",
        ):
            if given.get(member) is not None:
                authorizer[member] = given[member]
        if "authorizerResultTtlInSeconds" in authorizer:
            authorizer["authorizerResultTtlInSeconds"] = int(authorizer["authorizerResultTtlInSeconds"])
        if authorizer["type"] in ("TOKEN", "COGNITO_USER_POOLS"):
            authorizer.setdefault("identitySource", f"method.request.header.{scheme.get('name') or 'Authorization'}")
        rest_checks.check_authorizer(authorizer)
        known = next((each["id"] for each in api.authorizers.values() if each["name"] == name), None)
        authorizer["id"] = known or authorizer["id"]
        api.authorizers[authorizer["id"]] = authorizer
        made[name] = authorizer
    return made


def _validators(api: RestApi, document: Mapping[str, Any]) -> dict[str, str]:
    for name, given in (document.get("x-amazon-apigateway-request-validators") or {}).items():
        known = next((each["id"] for each in api.validators.values() if each["name"] == name), new_id(6))
        api.validators[known] = {
            "id": known,
            "name": name,
            "validateRequestBody": bool(given.get("validateRequestBody")),
            "validateRequestParameters": bool(given.get("validateRequestParameters")),
        }
    return {str(each["name"]): str(identifier) for identifier, each in api.validators.items()}


def _gateway_response(kind: str, given: Mapping[str, Any]) -> Members:
    response: Members = {"responseType": kind}
    if given.get("statusCode") is not None:
        response["statusCode"] = str(given["statusCode"])
    for member in ("responseParameters", "responseTemplates"):
        if given.get(member):
            response[member] = {str(name): str(value) for name, value in given[member].items()}
    gateway_responses.check(response)
    return response


def _model_name(api: RestApi, schema: Mapping[str, Any], resource: Resource, verb: str) -> str:
    """The model that a schema refers to; a schema written out becomes one."""
    reference = schema.get("$ref")
    if reference:
        return str(reference).rpartition("/")[2]
    words = (part for part in resource.path.replace("{", "/").replace("}", "").replace("+", "").split("/") if part)
    name = verb.capitalize() + "".join(word.capitalize() for word in words if word.isalnum()) + "Model"
    api.models[name] = {
        "id": new_id(6),
        "name": name,
        "schema": json.dumps(schema),
        "contentType": "application/json",
    }
    return name


def _referred(given: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = given.get("$ref") if isinstance(given, Mapping) else None
    if not reference:
        return given
    place: Any = document
    for step in _steps(str(reference)):
        place = place.get(step) if isinstance(place, Mapping) else None
    if not isinstance(place, Mapping):
        raise bad(f"Invalid OpenAPI input: {reference} leads nowhere")
    return place


def _steps(reference: str) -> Iterator[str]:
    return (step.replace("~1", "/").replace("~0", "~") for step in reference.removeprefix("#/").split("/"))


def policy_text(text: str, api: RestApi) -> str:
    """A resource policy with its short resources (`execute-api:/*`) written out; BadRequestException for none.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-resource-policies-create-attach.html
    """
    try:
        content = json.loads(text)
        given_statements = content["Statement"]
        statements = given_statements if isinstance(given_statements, list) else [given_statements]
        if not all(isinstance(statement, dict) for statement in statements):
            raise ValueError("a statement is no object")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise bad(
            "Invalid policy document. Please check the policy syntax and ensure that Principals are valid."
        ) from error
    for statement in statements:
        for member in ("Resource", "NotResource"):
            given = statement.get(member)
            if given is not None:
                several = [_written_out(each, api) for each in (given if isinstance(given, list) else [given])]
                statement[member] = several if isinstance(given, list) else several[0]
    document = json.dumps(content)
    try:
        parse_policy(document)
    except MalformedPolicy as error:
        raise bad(f"Invalid policy document. Please check the policy syntax: {error}") from error
    return document


def _written_out(resource: Any, api: RestApi) -> Any:
    if isinstance(resource, str) and resource.startswith("execute-api:/"):
        return f"{api.execution_arn}/{resource.removeprefix('execute-api:/')}"
    return resource
