"""The tree of a REST API: resources, their methods, integrations and responses.

https://docs.aws.amazon.com/apigateway/latest/api/API_Operations.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.endpoints import patching, rest_checks
from sandbox.endpoints.apis import Members
from sandbox.endpoints.rest_apis import Resource, RestApi
from sandbox.endpoints.rest_checks import bad, not_found, unsupported
from sandbox.gateway import moto_adapter
from sandbox.gateway.call import AwsError, Call, Operation


class RestMethods:
    """Operations on an API's tree. `api` finds the API that a call names."""

    def __init__(self, api: Callable[[Call], RestApi]) -> None:
        self._api = api
        self.operations: Mapping[str, Operation] = {
            "CreateResource": self._create_resource,
            "GetResource": lambda call: self._resource(call).describe(methods=_embeds(call)),
            "GetResources": self._list_resources,
            "UpdateResource": self._update_resource,
            "DeleteResource": self._delete_resource,
            "PutMethod": self._put_method,
            "GetMethod": lambda call: dict(self._method(call)),
            "UpdateMethod": self._update_method,
            "DeleteMethod": self._delete_method,
            "PutIntegration": self._put_integration,
            "GetIntegration": lambda call: dict(self._integration(call)),
            "UpdateIntegration": self._update_integration,
            "DeleteIntegration": self._delete_integration,
            "PutMethodResponse": self._put_method_response,
            "GetMethodResponse": lambda call: self._response(call, self._method(call), "methodResponses"),
            "UpdateMethodResponse": self._update_method_response,
            "DeleteMethodResponse": lambda call: self._drop_response(call, self._method(call), "methodResponses"),
            "PutIntegrationResponse": self._put_integration_response,
            "GetIntegrationResponse": lambda call: self._response(
                call, self._integration(call), "integrationResponses"
            ),
            "UpdateIntegrationResponse": self._update_integration_response,
            "DeleteIntegrationResponse": lambda call: self._drop_response(
                call, self._integration(call), "integrationResponses"
            ),
        }

    # -- resources -------------------------------------------------------------------------------------

    def _resource(self, call: Call) -> Resource:
        found = self._api(call).resources.get(str(call.params.get("resourceId")))
        if found is None:
            raise not_found("Invalid Resource identifier specified")
        return found

    def _create_resource(self, call: Call) -> Members:
        api, part = self._api(call), str(call.params.get("pathPart") or "")
        parent = api.resources.get(str(call.params.get("parentId")))
        if parent is None:
            raise not_found("Invalid Resource identifier specified")
        rest_checks.check_part(part)
        with api.lock:
            if api.child(parent, part) is not None:
                raise conflict(f"Another resource with the same parent already has this name: {part}")
            if parent.part.endswith("+}"):
                raise bad(f"Cannot create a child of a resource with a greedy path variable: {parent.path}")
            variables = [each for each in api.resources.values() if each.parent == parent.id and each.part[:1] == "{"]
            if part.startswith("{") and any(each.part.endswith("+}") == part.endswith("+}") for each in variables):
                raise bad(
                    f"A sibling ({variables[0].part}) of this resource already has a variable path part -- only "
                    "one is allowed"
                )
            return api.add_resource(parent, part).describe(methods=False)

    def _list_resources(self, call: Call) -> Members:
        found = [each.describe(methods=_embeds(call)) for each in self._api(call).resources.values()]
        return page(call, sorted(found, key=lambda each: str(each["path"])))

    def _update_resource(self, call: Call) -> Members:
        api, resource = self._api(call), self._resource(call)
        for operation in call.params.get("patchOperations") or []:
            if operation.get("path") != "/pathPart" or operation.get("op") != "replace":
                raise unsupported(f"the patch path {operation.get('path')}", "/pathPart can be replaced")
            rest_checks.check_part(str(operation["value"]))
            resource.part = str(operation["value"])
            _rename(api)
        return resource.describe(methods=False)

    def _delete_resource(self, call: Call) -> None:
        api, resource = self._api(call), self._resource(call)
        if resource.parent is None:
            raise bad("Root resource cannot be deleted")
        with api.lock:
            gone = {resource.id}
            while True:
                more = {each.id for each in api.resources.values() if each.parent in gone} - gone
                if not more:
                    break
                gone |= more
            for identifier in gone:
                del api.resources[identifier]

    # -- methods and integrations ----------------------------------------------------------------------

    def _method(self, call: Call) -> Members:
        found = self._resource(call).methods.get(str(call.params.get("httpMethod")).upper())
        if found is None:
            raise not_found("Invalid Method identifier specified")
        return found

    def _put_method(self, call: Call) -> Members:
        api, resource = self._api(call), self._resource(call)
        method = {
            name: value
            for name, value in call.params.items()
            if name not in ("restApiId", "resourceId") and value is not None
        }
        method["httpMethod"] = str(method["httpMethod"]).upper()
        method.setdefault("apiKeyRequired", False)
        rest_checks.check_method(api, method)
        with api.lock:
            if method["httpMethod"] in resource.methods:
                raise conflict("Method already exists for this resource")
            resource.methods[method["httpMethod"]] = method
        return dict(method)

    def _update_method(self, call: Call) -> Members:
        api, method = self._api(call), self._method(call)
        return self._patch(
            call, method, "PutMethod", lambda draft: rest_checks.check_method(api, draft), ("httpMethod",)
        )

    def _delete_method(self, call: Call) -> None:
        self._method(call)
        del self._resource(call).methods[str(call.params["httpMethod"]).upper()]

    def _integration(self, call: Call) -> Members:
        found = self._method(call).get("methodIntegration")
        if found is None:
            raise not_found("Invalid Integration identifier specified")
        integration: Members = found
        return integration

    def _put_integration(self, call: Call) -> Members:
        method, params = self._method(call), call.params
        integration = {
            name: value
            for name, value in params.items()
            if name not in ("restApiId", "resourceId", "httpMethod", "integrationHttpMethod") and value is not None
        }
        if params.get("integrationHttpMethod"):
            integration["httpMethod"] = params["integrationHttpMethod"]
        integration.setdefault("passthroughBehavior", "WHEN_NO_MATCH")
        integration.setdefault("cacheNamespace", params["resourceId"])
        integration.setdefault("cacheKeyParameters", [])
        rest_checks.check_integration(integration)
        method["methodIntegration"] = integration
        return dict(integration)

    def _update_integration(self, call: Call) -> Members:
        return self._patch(call, self._integration(call), "PutIntegration", rest_checks.check_integration)

    def _delete_integration(self, call: Call) -> None:
        self._integration(call)
        del self._method(call)["methodIntegration"]

    def _patch(self, call: Call, members: Members, named: str, check: Any, fixed: tuple[str, ...] = ()) -> Members:
        shape = moto_adapter.operation_model("apigateway", named).output_shape
        draft = json.loads(json.dumps(members))
        patching.apply(draft, shape, call.params.get("patchOperations") or [], fixed)
        check(draft)
        members.clear()
        members.update(draft)
        return dict(members)

    def _response(self, call: Call, owner: Members, place: str) -> Members:
        found = (owner.get(place) or {}).get(str(call.params.get("statusCode")))
        if found is None:
            raise not_found("Invalid Response status code specified")
        return dict(found)

    def _drop_response(self, call: Call, owner: Members, place: str) -> None:
        self._response(call, owner, place)
        del owner[place][str(call.params["statusCode"])]

    @staticmethod
    def _set_response(call: Call, owner: Members, place: str) -> Members:
        names = ("statusCode", "selectionPattern", "responseParameters", "responseTemplates", "responseModels")
        given = {name: call.params[name] for name in (*names, "contentHandling") if call.params.get(name) is not None}
        owner.setdefault(place, {})[str(call.params["statusCode"])] = given
        return dict(given)

    def _put_method_response(self, call: Call) -> Members:
        return self._set_response(call, self._method(call), "methodResponses")

    def _put_integration_response(self, call: Call) -> Members:
        integration = self._integration(call)
        rest_checks.check_integration_response(integration, call.params)
        if str(call.params["statusCode"]) not in (self._method(call).get("methodResponses") or {}):
            raise not_found("Invalid Response status code specified")
        return self._set_response(call, integration, "integrationResponses")

    def _update_method_response(self, call: Call) -> Members:
        self._response(call, self._method(call), "methodResponses")
        owner = self._method(call)["methodResponses"][str(call.params["statusCode"])]
        return self._patch(call, owner, "PutMethodResponse", lambda draft: None)

    def _update_integration_response(self, call: Call) -> Members:
        integration = self._integration(call)
        self._response(call, integration, "integrationResponses")
        owner = integration["integrationResponses"][str(call.params["statusCode"])]
        return self._patch(
            call,
            owner,
            "PutIntegrationResponse",
            lambda draft: rest_checks.check_integration_response(integration, draft),
        )


def conflict(message: str) -> AwsError:
    return AwsError("ConflictException", message, 409)


def page(call: Call, items: list[Members]) -> Members:
    """One page of a list: `limit` (25 by default, at most 500) from `position` on."""
    try:
        begin = int(call.params.get("position") or 0)
    except ValueError as error:
        raise bad("Invalid position parameter specified") from error
    limit = int(call.params.get("limit") or 500)
    more = {"position": str(begin + limit)} if begin + limit < len(items) else {}
    return {"items": items[begin : begin + limit], **more}


def _embeds(call: Call) -> bool:
    return "methods" in (call.params.get("embed") or [])


def _rename(api: RestApi) -> None:
    """Paths anew from the parts: a part has changed."""
    for resource in sorted(api.resources.values(), key=lambda each: each.path.count("/")):
        if resource.parent is not None:
            resource.path = f"{api.resources[resource.parent].path.rstrip('/')}/{resource.part}"
