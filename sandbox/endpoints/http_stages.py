"""Deployments and stages of HTTP APIs.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-stages.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sandbox.clock import Clock
from sandbox.endpoints.apis import Members, Stage, time_of
from sandbox.endpoints.http_apis import HttpApi
from sandbox.endpoints.http_checks import bad, check_stage, not_found
from sandbox.gateway.call import AwsError, Call, Operation


class HttpStages:
    """Operations on deployments and stages. `api` finds the API that a call names."""

    def __init__(self, clock: Clock, api: Callable[[Call], HttpApi], forget: Callable[[HttpApi, Stage], None]) -> None:
        self._clock = clock
        self._api = api
        self._forget = forget
        self.operations: Mapping[str, Operation] = {
            "CreateDeployment": self._create_deployment,
            "GetDeployment": lambda call: self._deployment(call),
            "GetDeployments": lambda call: page(
                call, [dict(each.members) for each in self._api(call).deployments.values()]
            ),
            "UpdateDeployment": self._update_deployment,
            "DeleteDeployment": self._delete_deployment,
            "CreateStage": self._create_stage,
            "GetStage": lambda call: dict(self._stage(call).members),
            "GetStages": lambda call: page(call, [dict(each.members) for each in self._api(call).stages.values()]),
            "UpdateStage": self._update_stage,
            "DeleteStage": self._delete_stage,
            "DeleteRouteSettings": self._delete_route_settings,
            "DeleteAccessLogSettings": self._delete_access_log,
            "ResetAuthorizersCache": self._reset_cache,
        }

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
            deployment = api.deploy(time_of(self._clock), call.params.get("Description"))
            if stage is not None:
                stage.members["DeploymentId"] = deployment.members["DeploymentId"]
                stage.members["LastUpdatedDate"] = time_of(self._clock)
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
            return dict(self.add(api, given).members)

    def add(self, api: HttpApi, given: Members) -> Stage:
        """Give an API a stage."""
        now = time_of(self._clock)
        check_stage(api, given)
        stage = Stage(
            str(given["StageName"]),
            {
                "AutoDeploy": False,
                "CreatedDate": now,
                "DefaultRouteSettings": {"DetailedMetricsEnabled": False},
                "LastUpdatedDate": now,
                "RouteSettings": {},
                "StageVariables": {},
                "Tags": {},
                **given,
            },
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
            check_stage(api, {**stage.members, **given} if "DeploymentId" in given else given)
            stage.members.update(given)
            stage.members["LastUpdatedDate"] = time_of(self._clock)
            if given.get("AutoDeploy"):
                api.changed(time_of(self._clock))
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
        self._forget(self._api(call), self._stage(call))

    def _stage(self, call: Call) -> Stage:
        stage = self._api(call).stages.get(str(call.params.get("StageName")))
        if stage is None:
            raise not_found("Stage")
        return stage


def page(call: Call, items: list[Members]) -> Members:
    """One page of a list: MaxResults of them from NextToken on."""
    try:
        begin = int(call.params.get("NextToken") or 0)
        limit = int(call.params.get("MaxResults") or 500)
    except ValueError as error:
        raise bad("Invalid NextToken or MaxResults") from error
    more = {"NextToken": str(begin + limit)} if begin + limit < len(items) else {}
    return {"Items": items[begin : begin + limit], **more}
