"""What belongs to a REST API besides its resources: deployments, stages, authorizers, models, validators, gateway
responses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.clock import Clock
from sandbox.endpoints import access_log, execution_log, gateway_responses, patching, rest_checks
from sandbox.endpoints.apis import Members, Stage, new_id, time_of
from sandbox.endpoints.rest_apis import RestApi
from sandbox.endpoints.rest_checks import bad, not_found, unsupported
from sandbox.gateway import moto_adapter
from sandbox.gateway.call import AwsError, Call, Operation

#: Members of a stage's method settings, and how a patch path names them.
_SETTINGS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "throttling/burstLimit": ("throttlingBurstLimit", int),
    "throttling/rateLimit": ("throttlingRateLimit", float),
    "metrics/enabled": ("metricsEnabled", lambda text: text.lower() == "true"),
    "logging/loglevel": ("loggingLevel", str),
    "logging/dataTrace": ("dataTraceEnabled", lambda text: text.lower() == "true"),
    "caching/enabled": ("cachingEnabled", lambda text: text.lower() == "true"),
    "caching/ttlInSeconds": ("cacheTtlInSeconds", int),
    "caching/dataEncrypted": ("cacheDataEncrypted", lambda text: text.lower() == "true"),
}


class RestParts:
    """Operations on the parts of an API. `api` finds the one that a call names."""

    def __init__(
        self,
        clock: Clock,
        api: Callable[[Call], RestApi],
        forget: Callable[[RestApi, Stage], None],
        has_logging_role: Callable[[str, str], bool],
    ) -> None:
        self._clock = clock
        self._has_logging_role = has_logging_role
        self._api = api
        self._forget = forget
        self.operations: Mapping[str, Operation] = {
            "CreateDeployment": self._create_deployment,
            "GetDeployment": self._get_deployment,
            "GetDeployments": lambda call: {"items": [dict(each[0]) for each in api(call).deployments.values()]},
            "UpdateDeployment": self._update_deployment,
            "DeleteDeployment": self._delete_deployment,
            "CreateStage": self._create_stage,
            "GetStage": lambda call: dict(self._stage(call).members),
            "GetStages": self._get_stages,
            "UpdateStage": self._update_stage,
            "DeleteStage": self._delete_stage,
            "FlushStageAuthorizersCache": lambda call: self._forget(api(call), self._stage(call)),
            "PutGatewayResponse": self._put_gateway_response,
            "GetGatewayResponse": self._get_gateway_response,
            "GetGatewayResponses": lambda call: {
                "items": [
                    gateway_responses.describe(kind, api(call).gateway_responses) for kind in gateway_responses.TYPES
                ]
            },
            "UpdateGatewayResponse": self._update_gateway_response,
            "DeleteGatewayResponse": self._delete_gateway_response,
            **self._kept("Authorizer", "authorizers", "authorizerId", "id", rest_checks.check_authorizer),
            **self._kept("RequestValidator", "validators", "requestValidatorId", "id", _check_validator),
            **self._kept("Model", "models", "modelName", "name", _check_model),
        }

    # -- deployments -----------------------------------------------------------------------------------

    def _create_deployment(self, call: Call) -> Members:
        api, params = self._api(call), call.params
        for member in ("cacheClusterEnabled", "canarySettings"):
            if params.get(member):
                raise unsupported(member, "it is not built")
        methods = [method for each in api.resources.values() for method in each.methods.values()]
        if not methods:
            raise bad("The REST API doesn't contain any methods")
        if any("methodIntegration" not in method for method in methods):
            raise bad("No integration defined for method")
        with api.lock:
            deployment = api.deploy(time_of(self._clock), params.get("description"))
            name = params.get("stageName")
            if name:
                stage = api.stages.get(name)
                if stage is None:
                    given = {"stageName": name, "deploymentId": deployment["id"]}
                    stage = self._new_stage(api, given)
                stage.members["deploymentId"] = deployment["id"]
                stage.members["lastUpdatedDate"] = time_of(self._clock)
                if params.get("stageDescription"):
                    stage.members["description"] = params["stageDescription"]
                if params.get("variables"):
                    stage.members["variables"] = dict(params["variables"])
                if params.get("tracingEnabled") is not None:
                    stage.members["tracingEnabled"] = params["tracingEnabled"]
                self._forget(api, stage)
        return dict(deployment)

    def _deployment(self, call: Call) -> Members:
        found = self._api(call).deployments.get(str(call.params.get("deploymentId")))
        if found is None:
            raise not_found("Invalid Deployment identifier specified")
        return found[0]

    def _get_deployment(self, call: Call) -> Members:
        return dict(self._deployment(call))

    def _update_deployment(self, call: Call) -> Members:
        members = self._deployment(call)
        shape = moto_adapter.operation_model("apigateway", "CreateDeployment").output_shape
        patching.apply(members, shape, call.params.get("patchOperations") or [], ("id", "createdDate", "apiSummary"))
        return dict(members)

    def _delete_deployment(self, call: Call) -> None:
        api, identifier = self._api(call), self._deployment(call)["id"]
        if any(stage.members["deploymentId"] == identifier for stage in api.stages.values()):
            raise bad("Active stages pointing to this deployment must be moved or deleted")
        del api.deployments[identifier]

    # -- stages ----------------------------------------------------------------------------------------

    def _stage(self, call: Call) -> Stage:
        stage = self._api(call).stages.get(str(call.params.get("stageName")))
        if stage is None:
            raise not_found("Invalid stage identifier specified")
        return stage

    def _create_stage(self, call: Call) -> Members:
        api = self._api(call)
        given = {name: value for name, value in call.params.items() if name != "restApiId" and value is not None}
        with api.lock:
            if given["stageName"] in api.stages:
                raise AwsError("ConflictException", "Stage already exists", 409)
            return dict(self._new_stage(api, given).members)

    def _new_stage(self, api: RestApi, given: Members) -> Stage:
        rest_checks.check_stage(given)
        if given.get("deploymentId") not in api.deployments:
            raise bad("Deployment id does not exist")
        now = time_of(self._clock)
        stage = Stage(
            str(given["stageName"]),
            {
                "cacheClusterEnabled": False,
                "cacheClusterStatus": "NOT_AVAILABLE",
                "createdDate": now,
                "lastUpdatedDate": now,
                "methodSettings": {},
                "tracingEnabled": False,
                **{name: value for name, value in given.items() if name != "cacheClusterSize"},
            },
        )
        api.stages[stage.name] = stage
        return stage

    def _get_stages(self, call: Call) -> Members:
        wanted = call.params.get("deploymentId")
        stages = self._api(call).stages.values()
        return {"item": [dict(each.members) for each in stages if wanted in (None, each.members["deploymentId"])]}

    def _update_stage(self, call: Call) -> Members:
        api, stage = self._api(call), self._stage(call)
        shape = moto_adapter.operation_model("apigateway", "CreateStage").output_shape
        dates = {name: stage.members[name] for name in ("createdDate", "lastUpdatedDate")}
        draft = json.loads(json.dumps({name: each for name, each in stage.members.items() if name not in dates}))
        others: list[Mapping[str, Any]] = []
        for operation in call.params.get("patchOperations") or []:
            if not _patch_settings(draft, operation):
                others.append(operation)
        patching.apply(draft, shape, others, ("stageName", "createdDate", "lastUpdatedDate", "tags"))
        rest_checks.check_stage(draft)
        levels = [each.get("loggingLevel") or "OFF" for each in (draft.get("methodSettings") or {}).values()]
        if set(levels) - {"OFF"} and not self._has_logging_role(api.account, api.region):
            raise bad(execution_log.NO_ROLE)
        if draft["deploymentId"] not in api.deployments:
            raise bad("Deployment id does not exist")
        log = draft.get("accessLogSettings") or {}
        if log.get("destinationArn"):
            access_log.check_destination(str(log["destinationArn"]))
        with api.lock:
            stage.members.clear()
            stage.members.update(draft | dates | {"lastUpdatedDate": time_of(self._clock)})
        return dict(stage.members)

    def _delete_stage(self, call: Call) -> None:
        del self._api(call).stages[self._stage(call).name]

    # -- gateway responses -----------------------------------------------------------------------------

    def _put_gateway_response(self, call: Call) -> Members:
        api = self._api(call)
        names = ("responseType", "statusCode", "responseParameters", "responseTemplates")
        given = {name: call.params[name] for name in names if call.params.get(name) is not None}
        gateway_responses.check(given)
        api.gateway_responses[given["responseType"]] = given
        return gateway_responses.describe(given["responseType"], api.gateway_responses)

    def _get_gateway_response(self, call: Call) -> Members:
        kind = str(call.params.get("responseType"))
        if kind not in gateway_responses.TYPES:
            raise bad(f"Invalid response type: {kind}")
        return gateway_responses.describe(kind, self._api(call).gateway_responses)

    def _update_gateway_response(self, call: Call) -> Members:
        api = self._api(call)
        draft = self._get_gateway_response(call)
        shape = moto_adapter.operation_model("apigateway", "PutGatewayResponse").output_shape
        patching.apply(draft, shape, call.params.get("patchOperations") or [], ("responseType", "defaultResponse"))
        gateway_responses.check(draft)
        api.gateway_responses[draft["responseType"]] = {
            name: value for name, value in draft.items() if name != "defaultResponse"
        }
        return gateway_responses.describe(draft["responseType"], api.gateway_responses)

    def _delete_gateway_response(self, call: Call) -> None:
        if self._api(call).gateway_responses.pop(str(call.params.get("responseType")), None) is None:
            raise not_found("Gateway response type not defined on api")

    # -- authorizers, models, validators ---------------------------------------------------------------

    def _kept(
        self, kind: str, place: str, parameter: str, key: str, check: Callable[[Members], None]
    ) -> dict[str, Operation]:
        """Create, Get, Update, Delete of one kind of part, and the list of them."""

        def find(call: Call) -> tuple[RestApi, Members]:
            api = self._api(call)
            found = getattr(api, place).get(call.params.get(parameter))
            if found is None:
                raise not_found(f"Invalid {kind} identifier specified")
            return api, found

        def create(call: Call) -> Members:
            api = self._api(call)
            given = {name: value for name, value in call.params.items() if name != "restApiId" and value is not None}
            check(given)
            named = [each["name"] for each in getattr(api, place).values()]
            if given.get("name") in named:
                raise AwsError("ConflictException", f"{kind} name already exists for this REST API", 409)
            given["id"] = new_id(6)
            getattr(api, place)[given[key]] = given
            return dict(given)

        def update(call: Call) -> Members:
            found = find(call)[1]
            shape = moto_adapter.operation_model("apigateway", f"Create{kind}").output_shape
            draft = json.loads(json.dumps(found))
            patching.apply(draft, shape, call.params.get("patchOperations") or [], ("id",))
            check(draft)
            found.clear()
            found.update(draft)
            return dict(found)

        def delete(call: Call) -> None:
            api, found = find(call)
            for resource in api.resources.values():
                for method in resource.methods.values():
                    used = (method.get("authorizerId"), method.get("requestValidatorId"))
                    if found[key] in (*used, *(method.get("requestModels") or {}).values()):
                        raise AwsError(
                            "ConflictException",
                            f"Cannot delete {kind} '{found[key]}', is referenced in method "
                            f"{resource.path}/{method['httpMethod']}",
                            409,
                        )
            del getattr(api, place)[found[key]]

        return {
            f"Create{kind}": create,
            f"Get{kind}": lambda call: dict(find(call)[1]),
            f"Get{kind}s": lambda call: {"items": [dict(each) for each in getattr(self._api(call), place).values()]},
            f"Update{kind}": update,
            f"Delete{kind}": delete,
        }


def _patch_settings(members: Members, operation: Mapping[str, Any]) -> bool:
    """Change a stage's method settings; False if the path is for something else.

    https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html#UpdateStage-Patch
    """
    path = str(operation.get("path", ""))
    found = next((name for name in _SETTINGS if path.endswith(f"/{name}")), None)
    if found is None:
        return False
    where = path.removesuffix(f"/{found}").lstrip("/").rpartition("/")
    key = f"{where[0]}/{where[2]}"
    settings = members.setdefault("methodSettings", {}).setdefault(key, {})
    name, convert = _SETTINGS[found]
    if operation.get("op") == "remove":
        settings.pop(name, None)
        return True
    try:
        settings[name] = convert(str(operation.get("value")))
    except ValueError as error:
        raise bad(f"Invalid value {operation.get('value')!r} for {path}") from error
    return True


def _check_validator(validator: Members) -> None:
    validator.setdefault("validateRequestBody", False)
    validator.setdefault("validateRequestParameters", False)


def _check_model(model: Members) -> None:
    if not str(model.get("name") or "").isalnum():
        raise bad(f"Model name must be alphanumeric: {model.get('name')}")
    try:
        schema = json.loads(model.get("schema") or "{}")
    except (ValueError, RecursionError) as error:
        raise bad(f"Invalid model schema specified: {error}") from error
    if not isinstance(schema, dict):
        raise bad("Invalid model schema specified: it is no object")
    model.setdefault("schema", "{}")
