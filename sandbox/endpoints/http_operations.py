"""The service `apigatewayv2`: HTTP APIs made and changed by calls.

WebSocket APIs, custom domains, VPC links, portals and parameter mappings are refused by name.
https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/operations.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import yaml

from sandbox.clock import Clock
from sandbox.endpoints import access_log, http_import, jwt_authorizer
from sandbox.endpoints.door import Door
from sandbox.endpoints.functions import function_of
from sandbox.endpoints.http_apis import HttpApi, Members, Stage, new_id
from sandbox.endpoints.http_door import HttpDoor
from sandbox.endpoints.routes import BadKey, parse_key
from sandbox.gateway.call import AwsError, Call, Operation

_WEBSOCKET = "WebSocket APIs are not built"
_DOMAINS = "custom domain names are not built"
_PORTALS = "portals are not built"
_REFUSED_BY_WORD = (
    ("IntegrationResponse", _WEBSOCKET),
    ("RouteResponse", _WEBSOCKET),
    ("Model", _WEBSOCKET),
    ("RoutingRule", _DOMAINS),
    ("DomainName", _DOMAINS),
    ("ApiMapping", _DOMAINS),
    ("VpcLink", "there are no VPCs behind it"),
    ("Portal", _PORTALS),
    ("ProductPage", _PORTALS),
    ("ProductRestEndpointPage", _PORTALS),
)

_MAX_TIMEOUT_MS = 30_000


def bad(message: str) -> AwsError:
    return AwsError("BadRequestException", message, 400)


def unsupported(member: str, reason: str) -> AwsError:
    """A parameter that AWS knows and this sandbox doesn't."""
    return bad(f"This sandbox does not support {member}: {reason}")


def not_found(what: str) -> AwsError:
    return AwsError("NotFoundException", f"Invalid {what} identifier specified", 404)


class HttpApis:
    """The service `apigatewayv2`."""

    name = "apigatewayv2"
    whole = True

    def __init__(self, clock: Clock, door: Door, answering: HttpDoor, operation_names: frozenset[str]) -> None:
        self._clock = clock
        self._door = door
        self._answering = answering
        self._apis: dict[tuple[str, str, str], HttpApi] = {}
        self.operations: Mapping[str, Operation] = {
            "CreateApi": self._create_api,
            "ImportApi": self._import_api,
            "ReimportApi": self._reimport_api,
            "GetApi": lambda call: dict(self._api(call).members),
            "GetApis": self._get_apis,
            "UpdateApi": self._update_api,
            "DeleteApi": self._delete_api,
            "DeleteCorsConfiguration": self._delete_cors,
            "CreateDeployment": self._create_deployment,
            "GetDeployment": lambda call: self._deployment(call),
            "GetDeployments": lambda call: _page(
                call, [dict(each.members) for each in self._api(call).deployments.values()]
            ),
            "UpdateDeployment": self._update_deployment,
            "DeleteDeployment": self._delete_deployment,
            "CreateStage": self._create_stage,
            "GetStage": lambda call: dict(self._stage(call).members),
            "GetStages": lambda call: _page(call, [dict(each.members) for each in self._api(call).stages.values()]),
            "UpdateStage": self._update_stage,
            "DeleteStage": self._delete_stage,
            "DeleteRouteSettings": self._delete_route_settings,
            "DeleteAccessLogSettings": self._delete_access_log,
            "DeleteRouteRequestParameter": self._refuse_request_parameter,
            "ResetAuthorizersCache": self._reset_cache,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "GetTags": lambda call: {"Tags": dict(self._tagged(call.params["ResourceArn"], call))},
            **self._parts("Route", "routes", self._check_route),
            **self._parts("Integration", "integrations", self._check_integration),
            **self._parts("Authorizer", "authorizers", self._check_authorizer),
        }
        self.refused: Mapping[str, str] = {
            name: next((why for word, why in _REFUSED_BY_WORD if word in name), "it is not built")
            for name in operation_names
            if name not in self.operations
        }

    # -- for others ------------------------------------------------------------------------------------

    def tags_of(self, arn: str) -> Mapping[str, str]:
        """The tags of the API or stage of this ARN."""
        parts = arn.split(":", 5)
        names = parts[-1].strip("/").split("/")
        for api in list(self._apis.values()):
            if len(names) > 1 and names[0] == "apis" and api.id == names[1] and api.region == parts[3]:
                if names[2:3] == ["stages"] and len(names) > 3:
                    stage = api.stages.get(names[3])
                    return dict(stage.members.get("Tags") or {}) if stage is not None else {}
                return dict(api.members.get("Tags") or {})
        return {}

    # -- APIs ------------------------------------------------------------------------------------------

    def _create_api(self, call: Call) -> Members:
        params = call.params
        if params.get("ProtocolType") != "HTTP":
            raise unsupported("ProtocolType WEBSOCKET", _WEBSOCKET)
        if params.get("CredentialsArn") and not params.get("Target"):
            raise bad("CredentialsArn is only supported with Target")
        if params.get("RouteKey") and not params.get("Target"):
            raise bad("RouteKey is only supported with Target")
        api = self._new_api(call, str(params.get("Name") or ""))
        for member in ("Description", "CorsConfiguration", "Version", "Tags", "DisableExecuteApiEndpoint"):
            if params.get(member) is not None:
                api.members[member] = params[member]
        _check_cors(api.members.get("CorsConfiguration"))
        if params.get("Target"):
            self._quick_create(api, params)
        self._open(api)
        return dict(api.members)

    def _new_api(self, call: Call, name: str) -> HttpApi:
        if not name:
            raise bad("Name is required")
        api_id = new_id()
        host = f"https://{api_id}.execute-api.{call.region}.amazonaws.com"
        return HttpApi(
            call.account,
            call.region,
            {
                "ApiEndpoint": host,
                "ApiId": api_id,
                "ApiKeySelectionExpression": "$request.header.x-api-key",
                "CreatedDate": self._now(),
                "DisableExecuteApiEndpoint": False,
                "IpAddressType": "ipv4",
                "Name": name,
                "ProtocolType": "HTTP",
                "RouteSelectionExpression": "$request.method $request.path",
                "Tags": {},
            },
        )

    def _open(self, api: HttpApi) -> None:
        self._apis[api.account, api.region, api.id] = api
        self._door.open(api.host, lambda arrival: self._answering.answer(api, arrival))

    def _quick_create(self, api: HttpApi, params: Mapping[str, Any]) -> None:
        """A target makes an integration, a route that catches all, and a stage that follows changes.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-examples.html
        """
        target = str(params["Target"])
        is_function = function_of(target) is not None
        integration: Members = {
            "IntegrationType": "AWS_PROXY" if is_function else "HTTP_PROXY",
            "IntegrationUri": target,
            "PayloadFormatVersion": "2.0" if is_function else "1.0",
            **({} if is_function else {"IntegrationMethod": "ANY"}),
            **({"CredentialsArn": params["CredentialsArn"]} if params.get("CredentialsArn") else {}),
        }
        self._check_integration(api, integration)
        integration |= {"IntegrationId": new_id(7), "ApiGatewayManaged": True}
        api.integrations[integration["IntegrationId"]] = integration
        route: Members = {
            "RouteKey": params.get("RouteKey") or "$default",
            "Target": f"integrations/{integration['IntegrationId']}",
        }
        self._check_route(api, route)
        route |= {"RouteId": new_id(7), "ApiGatewayManaged": True}
        api.routes[route["RouteId"]] = route
        self._add_stage(api, {"StageName": "$default", "AutoDeploy": True, "ApiGatewayManaged": True})

    def _import_api(self, call: Call) -> Members:
        document = _document(call.params)
        api = self._new_api(call, http_import.title(document))
        self._fill(api, document)
        self._open(api)
        return dict(api.members)

    def _reimport_api(self, call: Call) -> Members:
        api = self._api(call)
        document = _document(call.params)
        draft = HttpApi(api.account, api.region, dict(api.members))
        self._fill(draft, document)
        with api.lock:
            draft.members["Name"] = http_import.title(document)
            api.members.update(draft.members)
            api.routes, api.integrations, api.authorizers = draft.routes, draft.integrations, draft.authorizers
            api.changed(self._now())
        return dict(api.members)

    def _fill(self, api: HttpApi, document: Mapping[str, Any]) -> None:
        found = http_import.read(document, api.account, api.region)
        if found.cors is not None:
            _check_cors(found.cors)
            api.members["CorsConfiguration"] = found.cors
        for member, value in (("Description", found.description), ("Version", found.version)):
            if value:
                api.members[member] = value
        if found.tags:
            api.members["Tags"] = {**(api.members.get("Tags") or {}), **found.tags}
        ids: dict[str, str] = {}
        for name, authorizer in found.authorizers.items():
            self._check_authorizer(api, authorizer)
            ids[name] = authorizer["AuthorizerId"] = new_id(6)
            api.authorizers[ids[name]] = authorizer
        for key, integration, route in found.routes:
            if integration is not None:
                self._check_integration(api, integration)
                integration["IntegrationId"] = new_id(7)
                api.integrations[integration["IntegrationId"]] = integration
                route["Target"] = f"integrations/{integration['IntegrationId']}"
            if "AuthorizerName" in route:
                route["AuthorizerId"] = ids[route.pop("AuthorizerName")]
            route["RouteKey"] = key
            self._check_route(api, route)
            route["RouteId"] = new_id(7)
            api.routes[route["RouteId"]] = route

    def _get_apis(self, call: Call) -> Members:
        own = [api for api in self._apis.values() if (api.account, api.region) == (call.account, call.region)]
        return _page(call, [dict(api.members) for api in own])

    def _update_api(self, call: Call) -> Members:
        api, params = self._api(call), call.params
        for member in ("Target", "RouteKey", "CredentialsArn"):
            if params.get(member):
                raise unsupported(member, "change the integration or the route")
        with api.lock:
            _check_cors(params.get("CorsConfiguration"))
            for member in ("Name", "Description", "CorsConfiguration", "Version", "DisableExecuteApiEndpoint"):
                if params.get(member) is not None:
                    api.members[member] = params[member]
            api.changed(self._now())
        return dict(api.members)

    def _delete_api(self, call: Call) -> None:
        api = self._api(call)
        self._door.shut(api.host)
        self._apis.pop((api.account, api.region, api.id), None)

    def _delete_cors(self, call: Call) -> None:
        self._api(call).members.pop("CorsConfiguration", None)

    # -- routes, integrations, authorizers -------------------------------------------------------------

    def _parts(self, kind: str, place: str, check: Callable[[HttpApi, Members], None]) -> dict[str, Operation]:
        """Create, Get, Update, Delete of one kind of part, and the list of them."""
        identifier = f"{kind}Id"

        def find(call: Call) -> tuple[HttpApi, Members]:
            api = self._api(call)
            part = getattr(api, place).get(call.params.get(identifier))
            if part is None:
                raise not_found(kind)
            return api, part

        def create(call: Call) -> Members:
            api = self._api(call)
            part = {name: value for name, value in call.params.items() if name != "ApiId" and value is not None}
            with api.lock:
                check(api, part)
                part[identifier] = new_id(7 if kind != "Authorizer" else 6)
                getattr(api, place)[part[identifier]] = part
                api.changed(self._now())
            return dict(part)

        def update(call: Call) -> Members:
            api, part = find(call)
            given = {name: value for name, value in call.params.items() if name != "ApiId" and value is not None}
            with api.lock:
                draft = {**part, **given}
                check(api, draft)
                part.clear()
                part.update(draft)
                api.changed(self._now())
            return dict(part)

        def delete(call: Call) -> None:
            api, part = find(call)
            with api.lock:
                self._expect_unused(api, kind, part[identifier])
                del getattr(api, place)[part[identifier]]
                api.changed(self._now())

        return {
            f"Create{kind}": create,
            f"Get{kind}": lambda call: dict(find(call)[1]),
            f"Get{kind}s": lambda call: _page(call, [dict(each) for each in getattr(self._api(call), place).values()]),
            f"Update{kind}": update,
            f"Delete{kind}": delete,
        }

    @staticmethod
    def _expect_unused(api: HttpApi, kind: str, identifier: str) -> None:
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

    @staticmethod
    def _check_route(api: HttpApi, route: Members) -> None:
        for member in ("ModelSelectionExpression", "RequestModels", "RequestParameters"):
            if route.get(member):
                raise unsupported(member, "WebSocket APIs only")
        for member in ("OperationName", "RouteResponseSelectionExpression"):
            if route.get(member) and member != "OperationName":
                raise unsupported(member, _WEBSOCKET)
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

    @staticmethod
    def _check_integration(api: HttpApi, integration: Members) -> None:
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

    def _check_authorizer(self, api: HttpApi, authorizer: Members) -> None:
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
            if not self._answering.knows_issuer(str(jwt["Issuer"])):
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

    @staticmethod
    def _refuse_request_parameter(call: Call) -> None:
        raise unsupported("RequestParameters", _WEBSOCKET)

    # -- deployments and stages ------------------------------------------------------------------------

    def _create_deployment(self, call: Call) -> Members:
        api = self._api(call)
        with api.lock:
            if not api.routes:
                raise bad("At least one route is required before deploying the Api.")
            stage_name = call.params.get("StageName")
            stage = None
            if stage_name is not None:
                stage = api.stages.get(stage_name)
                if stage is None:
                    raise not_found("Stage")
                if stage.members.get("AutoDeploy"):
                    raise bad("Deployment ID cannot be set on a stage with AutoDeploy enabled")
            deployment = api.deploy(self._now(), call.params.get("Description"))
            if stage is not None:
                stage.members["DeploymentId"] = deployment.members["DeploymentId"]
                stage.members["LastUpdatedDate"] = self._now()
        return dict(deployment.members)

    def _deployment(self, call: Call) -> Members:
        found = self._api(call).deployments.get(call.params["DeploymentId"])
        if found is None:
            raise not_found("Deployment")
        return found.members

    def _update_deployment(self, call: Call) -> Members:
        members = self._deployment(call)
        if call.params.get("Description") is not None:
            members["Description"] = call.params["Description"]
        return dict(members)

    def _delete_deployment(self, call: Call) -> None:
        api, identifier = self._api(call), self._deployment(call)["DeploymentId"]
        with api.lock:
            if any(stage.members.get("DeploymentId") == identifier for stage in api.stages.values()):
                raise bad("Active stages pointing to this deployment must be moved or deleted")
            del api.deployments[identifier]

    def _create_stage(self, call: Call) -> Members:
        api = self._api(call)
        given = {name: value for name, value in call.params.items() if name != "ApiId" and value is not None}
        with api.lock:
            if given["StageName"] in api.stages:
                raise AwsError("ConflictException", "Stage already exists", 409)
            return dict(self._add_stage(api, given).members)

    def _add_stage(self, api: HttpApi, given: Members) -> Stage:
        now = self._now()
        _check_stage(api, given)
        stage = Stage(
            {
                "AutoDeploy": False,
                "CreatedDate": now,
                "DefaultRouteSettings": {"DetailedMetricsEnabled": False},
                "LastUpdatedDate": now,
                "RouteSettings": {},
                "StageVariables": {},
                "Tags": {},
                **given,
            }
        )
        api.stages[stage.name] = stage
        if stage.members["AutoDeploy"]:
            api.changed(now)
        return stage

    def _update_stage(self, call: Call) -> Members:
        api, stage = self._api(call), self._stage(call)
        given = {
            name: value for name, value in call.params.items() if name not in ("ApiId", "Tags") and value is not None
        }
        with api.lock:
            _check_stage(api, {**stage.members, **given} if "DeploymentId" in given else given)
            stage.members.update(given)
            stage.members["LastUpdatedDate"] = self._now()
            if given.get("AutoDeploy"):
                api.changed(self._now())
        return dict(stage.members)

    def _delete_stage(self, call: Call) -> None:
        api, stage = self._api(call), self._stage(call)
        with api.lock:
            del api.stages[stage.name]

    def _delete_route_settings(self, call: Call) -> None:
        stage = self._stage(call)
        if (stage.members.get("RouteSettings") or {}).pop(call.params["RouteKey"], None) is None:
            raise AwsError("NotFoundException", f"Unable to find Route by key {call.params['RouteKey']}", 404)

    def _delete_access_log(self, call: Call) -> None:
        self._stage(call).members.pop("AccessLogSettings", None)

    def _reset_cache(self, call: Call) -> None:
        self._answering.forget(self._api(call), self._stage(call))

    # -- tags ------------------------------------------------------------------------------------------

    def _tagged(self, arn: str, call: Call) -> dict[str, str]:
        names = str(arn).split(":", 5)[-1].strip("/").split("/")
        api = self._apis.get((call.account, call.region, names[1])) if len(names) > 1 else None
        if api is None or names[0] != "apis":
            raise AwsError("NotFoundException", f"Invalid resource identifier specified: {arn}", 404)
        if names[2:3] == ["stages"] and len(names) > 3:
            stage = api.stages.get(names[3])
            if stage is None:
                raise not_found("Stage")
            tags: dict[str, str] = stage.members.setdefault("Tags", {})
            return tags
        own: dict[str, str] = api.members.setdefault("Tags", {})
        return own

    def _tag(self, call: Call) -> Members:
        self._tagged(call.params["ResourceArn"], call).update(call.params.get("Tags") or {})
        return {}

    def _untag(self, call: Call) -> None:
        tags = self._tagged(call.params["ResourceArn"], call)
        for key in call.params.get("TagKeys") or []:
            tags.pop(key, None)

    # -- inside ----------------------------------------------------------------------------------------

    def _now(self) -> datetime:
        return self._clock.datetime().replace(microsecond=0)

    def _api(self, call: Call) -> HttpApi:
        api_id = str(call.params.get("ApiId"))
        api = self._apis.get((call.account, call.region, api_id))
        if api is None:
            raise AwsError("NotFoundException", f"Invalid API identifier specified {call.account}:{api_id}", 404)
        return api

    def _stage(self, call: Call) -> Stage:
        stage = self._api(call).stages.get(str(call.params.get("StageName")))
        if stage is None:
            raise not_found("Stage")
        return stage


def _document(params: Mapping[str, Any]) -> Mapping[str, Any]:
    if params.get("Basepath") not in (None, "ignore"):
        raise unsupported(f"Basepath {params['Basepath']}", "paths are taken as they are")
    text = str(params.get("Body") or "")
    try:
        document = json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise bad(f"Unable to parse API definition: {error}") from error
    if not isinstance(document, dict):
        raise bad("Unable to parse API definition because of a malformed definition")
    return document


def _check_cors(cors: Mapping[str, Any] | None) -> None:
    if cors and cors.get("AllowCredentials") and "*" in (cors.get("AllowOrigins") or []):
        raise bad("Invalid CORS configuration: AllowCredentials can't be used with the origin *")


def _check_stage(api: HttpApi, given: Mapping[str, Any]) -> None:
    if given.get("ClientCertificateId"):
        raise unsupported("ClientCertificateId", _WEBSOCKET)
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


def _page(call: Call, items: list[Members]) -> Members:
    try:
        begin = int(call.params.get("NextToken") or 0)
        limit = int(call.params.get("MaxResults") or 500)
    except ValueError as error:
        raise bad("Invalid NextToken or MaxResults") from error
    more = {"NextToken": str(begin + limit)} if begin + limit < len(items) else {}
    return {"Items": items[begin : begin + limit], **more}
