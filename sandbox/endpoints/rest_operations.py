"""The service `apigateway`: REST APIs, their resources, methods and integrations made and changed by calls.

Custom domains, VPC links, documentation, SDKs and certificates are refused by name.
https://docs.aws.amazon.com/apigateway/latest/api/API_Operations.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox.clock import Clock
from sandbox.endpoints import patching, rest_import
from sandbox.endpoints.apis import Members, new_id, time_of
from sandbox.endpoints.door import Door
from sandbox.endpoints.rest_account import RestAccounts
from sandbox.endpoints.rest_apis import RestApi
from sandbox.endpoints.rest_checks import bad, not_found, unsupported
from sandbox.endpoints.rest_door import RestDoor
from sandbox.endpoints.rest_methods import RestMethods, page
from sandbox.endpoints.rest_parts import RestParts
from sandbox.endpoints.usage_plans import UsagePlans
from sandbox.gateway import moto_adapter
from sandbox.gateway.call import Call, Operation

_REFUSED_BY_WORD = (
    ("DomainName", "custom domain names are not built"),
    ("BasePathMapping", "custom domain names are not built"),
    ("VpcLink", "there are no VPCs behind it"),
    ("Documentation", "documentation of APIs is not built"),
    ("ClientCertificate", "there is no TLS behind it"),
    ("Sdk", "no SDKs are made"),
    ("Export", "APIs are not exported"),
    ("FlushStageCache", "answers are not cached"),
    ("TestInvoke", "call the API by its URL"),
    ("ImportApiKeys", "make keys one by one, by CreateApiKey"),
    ("ModelTemplate", "mapping templates are not built"),
)


class RestApis:
    """The service `apigateway`."""

    name = "apigateway"
    whole = True

    def __init__(
        self, clock: Clock, door: Door, answering: RestDoor, plans: UsagePlans, accounts: RestAccounts
    ) -> None:
        self._clock = clock
        self._door = door
        self._answering = answering
        self._plans = plans
        self._apis: dict[tuple[str, str, str], RestApi] = {}
        methods = RestMethods(self.api)
        parts = RestParts(clock, self.api, answering.forget, accounts.has_logging_role)
        self.operations: Mapping[str, Operation] = {
            "CreateRestApi": self._create,
            "ImportRestApi": self._import,
            "PutRestApi": self._put,
            "GetRestApi": lambda call: self._describe(self.api(call)),
            "GetRestApis": self._list,
            "UpdateRestApi": self._update,
            "DeleteRestApi": self._delete,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "GetTags": lambda call: {"tags": dict(self._tagged(call))},
            **methods.operations,
            **parts.operations,
            **plans.operations,
            **accounts.operations,
        }
        self.refused: Mapping[str, str] = {
            name: next((why for word, why in _REFUSED_BY_WORD if word in name), "it is not built")
            for name in moto_adapter.operation_names(self.name)
            if name not in self.operations
        }

    # -- for others ------------------------------------------------------------------------------------

    def api(self, call: Call) -> RestApi:
        """The API that a call names; NotFoundException if there is none."""
        api = self._apis.get((call.account, call.region, str(call.params.get("restApiId"))))
        if api is None:
            raise not_found(f"Invalid API identifier specified {call.account}:{call.params.get('restApiId')}")
        return api

    def policy_of(self, arn: str) -> str | None:
        """The resource policy of the deployed API that an ARN of execute-api names; None if it has none.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-resource-policies.html
        """
        parts = arn.split(":", 5)
        names = parts[5].split("/") if len(parts) == 6 else []
        api = self._apis.get((parts[4], parts[3], names[0])) if len(names) > 1 else None
        stage = api.stages.get(names[1]) if api is not None else None
        snapshot = api.snapshot(stage) if api is not None and stage is not None else None
        return snapshot.policy if snapshot is not None else None

    def tags_of(self, arn: str) -> Mapping[str, str]:
        """The tags of the API, stage, key or plan of this ARN."""
        parts = arn.split(":", 5)
        names = parts[-1].strip("/").split("/")
        for api in list(self._apis.values()):
            if len(names) > 1 and names[0] == "restapis" and (api.id, api.region) == (names[1], parts[3]):
                if names[2:3] == ["stages"] and len(names) > 3:
                    stage = api.stages.get(names[3])
                    return dict(stage.members.get("tags") or {}) if stage is not None else {}
                return dict(api.members.get("tags") or {})
        return {}

    # -- APIs ------------------------------------------------------------------------------------------

    def _create(self, call: Call) -> Members:
        params = call.params
        if params.get("cloneFrom"):
            raise unsupported("cloneFrom", "import the definition")
        api = self._new(call, str(params.get("name") or ""))
        for member in (
            "description",
            "version",
            "binaryMediaTypes",
            "minimumCompressionSize",
            "apiKeySource",
            "tags",
            "disableExecuteApiEndpoint",
        ):
            if params.get(member) is not None:
                api.members[member] = params[member]
        if params.get("endpointConfiguration"):
            api.members["endpointConfiguration"] = params["endpointConfiguration"]
        if params.get("policy"):
            api.members["policy"] = _policy(params["policy"], api)
        _check_api(api.members)
        self._open(api)
        return self._describe(api)

    def _new(self, call: Call, name: str) -> RestApi:
        if not name:
            raise bad("Invalid API name specified. API name can't be empty.")
        members: Members = {
            "id": new_id(),
            "name": name,
            "createdDate": time_of(self._clock),
            "apiKeySource": "HEADER",
            "endpointConfiguration": {"types": ["EDGE"], "ipAddressType": "ipv4"},
            "disableExecuteApiEndpoint": False,
            "tags": {},
        }
        api = RestApi(call.account, call.region, members)
        api.models = {
            "Empty": _model("Empty", "This is a default empty schema model", "Empty Schema"),
            "Error": _model("Error", "This is a default error schema model", "Error Schema", message=True),
        }
        return api

    def _open(self, api: RestApi) -> None:
        self._apis[api.account, api.region, api.id] = api
        self._door.open(api.host, lambda arrival: self._answering.answer(api, arrival))

    def _import(self, call: Call) -> Members:
        document = rest_import.parse(call.params.get("body"))
        api = self._new(call, rest_import.title(document))
        _endpoint_of(call, api)
        rest_import.fill(api, document, _base_path(call))
        _check_api(api.members)
        self._open(api)
        return self._describe(api)

    def _put(self, call: Call) -> Members:
        api = self.api(call)
        document = rest_import.parse(call.params.get("body"))
        draft = self._new(call, str(api.members["name"]))
        draft.members = {**draft.members, **api.members, "rootResourceId": draft.members["rootResourceId"]}
        if call.params.get("mode") == "merge":
            draft.resources, draft.members["rootResourceId"] = dict(api.resources), api.members["rootResourceId"]
            draft.models |= api.models
            draft.authorizers, draft.validators = dict(api.authorizers), dict(api.validators)
            draft.gateway_responses = dict(api.gateway_responses)
        else:
            for member in ("policy", "binaryMediaTypes", "description", "version"):
                draft.members.pop(member, None)
            draft.members["apiKeySource"] = "HEADER"
            draft.members["name"] = rest_import.title(document) or api.members["name"]
        rest_import.fill(draft, document, _base_path(call))
        _endpoint_of(call, draft)
        _check_api(draft.members)
        with api.lock:
            api.members.clear()
            api.members.update(draft.members)
            for place in ("resources", "models", "authorizers", "validators", "gateway_responses"):
                setattr(api, place, getattr(draft, place))
        return self._describe(api)

    @staticmethod
    def _describe(api: RestApi) -> Members:
        found = dict(api.members)
        if found.get("policy"):
            # As AWS gives it back: its quotes escaped once more.
            found["policy"] = json.dumps(found["policy"])[1:-1]
        return found

    def _list(self, call: Call) -> Members:
        own = [api for api in self._apis.values() if (api.account, api.region) == (call.account, call.region)]
        return page(call, [self._describe(api) for api in own])

    def _update(self, call: Call) -> Members:
        api = self.api(call)
        shape = moto_adapter.operation_model(self.name, "CreateRestApi").output_shape
        with api.lock:
            draft = json.loads(json.dumps({name: each for name, each in api.members.items() if name != "createdDate"}))
            operations = call.params.get("patchOperations") or []
            for operation in operations:
                if patching.steps_of(operation.get("path", ""))[0] == "policy" and operation.get("value"):
                    draft["policy"] = _policy(operation["value"], api)
            others = [each for each in operations if not (each.get("path") == "/policy" and each.get("value"))]
            patching.apply(draft, shape, others, ("id", "createdDate", "rootResourceId", "tags", "warnings"))
            _check_api(draft)
            api.members.update(draft)
            for name in set(api.members) - set(draft) - {"createdDate"}:
                del api.members[name]
        return self._describe(api)

    def _delete(self, call: Call) -> None:
        api = self.api(call)
        self._plans.expect_unused(api)
        self._door.shut(api.host)
        self._apis.pop((api.account, api.region, api.id), None)

    # -- tags ------------------------------------------------------------------------------------------

    def _tagged(self, call: Call) -> dict[str, str]:
        names = str(call.params.get("resourceArn")).split(":", 5)[-1].strip("/").split("/")
        owner: Members | None = None
        if names[0] == "restapis" and len(names) > 1:
            api = self._apis.get((call.account, call.region, names[1]))
            owner = api.members if api is not None else None
            if api is not None and names[2:3] == ["stages"] and len(names) > 3:
                stage = api.stages.get(names[3])
                owner = stage.members if stage is not None else None
        elif len(names) == 2:
            owner = self._plans.find(call, names[0], names[1])
        if owner is None:
            raise not_found(f"Invalid resource identifier specified: {call.params.get('resourceArn')}")
        tags: dict[str, str] = owner.setdefault("tags", {})
        return tags

    def _tag(self, call: Call) -> None:
        self._tagged(call).update(call.params.get("tags") or {})

    def _untag(self, call: Call) -> None:
        tags = self._tagged(call)
        for key in call.params.get("tagKeys") or []:
            tags.pop(key, None)


def _model(name: str, description: str, title: str, *, message: bool = False) -> Members:
    schema: Members = {"$schema": "http://json-schema.org/draft-04/schema#", "title": title, "type": "object"}
    if message:
        schema["properties"] = {"message": {"type": "string"}}
    return {
        "id": new_id(6),
        "name": name,
        "description": description,
        "schema": json.dumps(schema),
        "contentType": "application/json",
    }


def _policy(text: str, api: RestApi) -> str:
    return rest_import.policy_text(text, api)


def _check_api(members: Mapping[str, Any]) -> None:
    if members.get("minimumCompressionSize") is not None:
        raise unsupported("minimumCompressionSize", "answers are not compressed")
    if members.get("apiKeySource") not in ("HEADER", "AUTHORIZER"):
        raise bad(f"Invalid API key source: {members.get('apiKeySource')}")
    types = (members.get("endpointConfiguration") or {}).get("types") or []
    if "PRIVATE" in types:
        raise unsupported("endpointConfiguration PRIVATE", "there are no VPCs behind it")


def _endpoint_of(call: Call, api: RestApi) -> None:
    kinds = (call.params.get("parameters") or {}).get("endpointConfigurationTypes")
    if kinds:
        api.members["endpointConfiguration"] = {"types": str(kinds).split(","), "ipAddressType": "ipv4"}


def _base_path(call: Call) -> str:
    parameters = call.params.get("parameters") or {}
    return str(parameters.get("basepath") or parameters.get("basePath") or "ignore")
