"""The service `apigatewayv2`: HTTP APIs made and changed by calls.

WebSocket APIs, custom domains, VPC links, portals and parameter mappings are refused by name.
https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/operations.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.clock import Clock
from sandbox.endpoints import http_import
from sandbox.endpoints.apis import Members, new_id, time_of
from sandbox.endpoints.door import Door
from sandbox.endpoints.functions import function_of
from sandbox.endpoints.http_apis import HttpApi
from sandbox.endpoints.http_checks import (
    WEBSOCKET,
    bad,
    check_authorizer,
    check_cors,
    check_integration,
    check_route,
    document_of,
    expect_unused,
    not_found,
    unsupported,
)
from sandbox.endpoints.http_door import HttpDoor
from sandbox.endpoints.http_stages import HttpStages, page
from sandbox.gateway.call import AwsError, Call, Operation

_DOMAINS = "custom domain names are not built"
_PORTALS = "portals are not built"
_REFUSED_BY_WORD = (
    ("IntegrationResponse", WEBSOCKET),
    ("RouteResponse", WEBSOCKET),
    ("Model", WEBSOCKET),
    ("RoutingRule", _DOMAINS),
    ("DomainName", _DOMAINS),
    ("ApiMapping", _DOMAINS),
    ("VpcLink", "there are no VPCs behind it"),
    ("Portal", _PORTALS),
    ("ProductPage", _PORTALS),
    ("ProductRestEndpointPage", _PORTALS),
)


class HttpApis:
    """The service `apigatewayv2`."""

    name = "apigatewayv2"
    whole = True

    def __init__(self, clock: Clock, door: Door, answering: HttpDoor, operation_names: frozenset[str]) -> None:
        self._clock = clock
        self._door = door
        self._answering = answering
        self._apis: dict[tuple[str, str, str], HttpApi] = {}
        self._stages = HttpStages(clock, self._api, answering.forget)
        self.operations: Mapping[str, Operation] = {
            "CreateApi": self._create_api,
            "ImportApi": self._import_api,
            "ReimportApi": self._reimport_api,
            "GetApi": lambda call: dict(self._api(call).members),
            "GetApis": self._get_apis,
            "UpdateApi": self._update_api,
            "DeleteApi": self._delete_api,
            "DeleteCorsConfiguration": self._delete_cors,
            "DeleteRouteRequestParameter": self._refuse_request_parameter,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "GetTags": lambda call: {"Tags": dict(self._tagged(call.params["ResourceArn"], call))},
            **self._stages.operations,
            **self._parts("Route", "routes", check_route),
            **self._parts("Integration", "integrations", check_integration),
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
            raise unsupported("ProtocolType WEBSOCKET", WEBSOCKET)
        if params.get("CredentialsArn") and not params.get("Target"):
            raise bad("CredentialsArn is only supported with Target")
        if params.get("RouteKey") and not params.get("Target"):
            raise bad("RouteKey is only supported with Target")
        api = self._new_api(call, str(params.get("Name") or ""))
        for member in ("Description", "CorsConfiguration", "Version", "Tags", "DisableExecuteApiEndpoint"):
            if params.get(member) is not None:
                api.members[member] = params[member]
        check_cors(api.members.get("CorsConfiguration"))
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
                "CreatedDate": time_of(self._clock),
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
        check_integration(api, integration)
        integration |= {"IntegrationId": new_id(7), "ApiGatewayManaged": True}
        api.integrations[integration["IntegrationId"]] = integration
        route: Members = {
            "RouteKey": params.get("RouteKey") or "$default",
            "Target": f"integrations/{integration['IntegrationId']}",
        }
        check_route(api, route)
        route |= {"RouteId": new_id(7), "ApiGatewayManaged": True}
        api.routes[route["RouteId"]] = route
        self._stages.add(api, {"StageName": "$default", "AutoDeploy": True, "ApiGatewayManaged": True})

    def _import_api(self, call: Call) -> Members:
        document = document_of(call.params)
        api = self._new_api(call, http_import.title(document))
        self._fill(api, document)
        self._open(api)
        return dict(api.members)

    def _reimport_api(self, call: Call) -> Members:
        api = self._api(call)
        document = document_of(call.params)
        draft = HttpApi(api.account, api.region, dict(api.members))
        draft.members.pop("CorsConfiguration", None)
        self._fill(draft, document)
        with api.lock:
            draft.members["Name"] = http_import.title(document)
            api.members.clear()
            api.members.update(draft.members)
            api.routes, api.integrations, api.authorizers = draft.routes, draft.integrations, draft.authorizers
            api.changed(time_of(self._clock))
        return dict(api.members)

    def _fill(self, api: HttpApi, document: Mapping[str, Any]) -> None:
        found = http_import.read(document)
        if found.cors is not None:
            check_cors(found.cors)
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
                check_integration(api, integration)
                integration["IntegrationId"] = new_id(7)
                api.integrations[integration["IntegrationId"]] = integration
                route["Target"] = f"integrations/{integration['IntegrationId']}"
            if "AuthorizerName" in route:
                route["AuthorizerId"] = ids[route.pop("AuthorizerName")]
            route["RouteKey"] = key
            check_route(api, route)
            route["RouteId"] = new_id(7)
            api.routes[route["RouteId"]] = route

    def _get_apis(self, call: Call) -> Members:
        own = [api for api in self._apis.values() if (api.account, api.region) == (call.account, call.region)]
        return page(call, [dict(api.members) for api in own])

    def _update_api(self, call: Call) -> Members:
        api, params = self._api(call), call.params
        for member in ("Target", "RouteKey", "CredentialsArn"):
            if params.get(member):
                raise unsupported(member, "change the integration or the route")
        with api.lock:
            check_cors(params.get("CorsConfiguration"))
            for member in ("Name", "Description", "CorsConfiguration", "Version", "DisableExecuteApiEndpoint"):
                if params.get(member) is not None:
                    api.members[member] = params[member]
            api.changed(time_of(self._clock))
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
                api.changed(time_of(self._clock))
            return dict(part)

        def update(call: Call) -> Members:
            api, part = find(call)
            given = {name: value for name, value in call.params.items() if name != "ApiId" and value is not None}
            with api.lock:
                draft = {**part, **given}
                check(api, draft)
                part.clear()
                part.update(draft)
                api.changed(time_of(self._clock))
            return dict(part)

        def delete(call: Call) -> None:
            api, part = find(call)
            with api.lock:
                expect_unused(api, kind, part[identifier])
                del getattr(api, place)[part[identifier]]
                api.changed(time_of(self._clock))

        return {
            f"Create{kind}": create,
            f"Get{kind}": lambda call: dict(find(call)[1]),
            f"Get{kind}s": lambda call: page(call, [dict(each) for each in getattr(self._api(call), place).values()]),
            f"Update{kind}": update,
            f"Delete{kind}": delete,
        }

    def _check_authorizer(self, api: HttpApi, authorizer: Members) -> None:
        check_authorizer(api, authorizer, self._answering.knows_issuer)

    @staticmethod
    def _refuse_request_parameter(call: Call) -> None:
        raise unsupported("RequestParameters", WEBSOCKET)

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

    def _api(self, call: Call) -> HttpApi:
        api_id = str(call.params.get("ApiId"))
        api = self._apis.get((call.account, call.region, api_id))
        if api is None:
            raise AwsError("NotFoundException", f"Invalid API identifier specified {call.account}:{api_id}", 404)
        return api
