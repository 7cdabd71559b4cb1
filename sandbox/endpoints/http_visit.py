"""One request on its way through an HTTP API: what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.endpoints.apis import Stage
from sandbox.endpoints.arrival import Arrival
from sandbox.endpoints.events import Where
from sandbox.endpoints.http_apis import HttpApi, Snapshot
from sandbox.gateway.call import Principal


@dataclass
class HttpVisit:
    """One request on its way through an API, and what the access log will say of it."""

    api: HttpApi
    arrival: Arrival
    stage: Stage
    snapshot: Snapshot
    route: Mapping[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    #: requestContext.authorizer of format 2.0 and of format 1.0.
    authorizer: dict[str, Any] | None = None
    authorizer_1: dict[str, Any] | None = None
    principal: Principal | None = None
    #: How long the integration took, in milliseconds; None if it was not called.
    integration_ms: float | None = None
    log: dict[str, Any] = field(default_factory=dict)

    @property
    def stage_variables(self) -> dict[str, str]:
        return dict(self.stage.members.get("StageVariables") or {})

    @property
    def settings(self) -> Mapping[str, Any]:
        """The stage's settings for the route: its own over those of all routes."""
        members = self.stage.members
        own = (members.get("RouteSettings") or {}).get(str(self.route.get("RouteKey"))) or {}
        return {**(members.get("DefaultRouteSettings") or {}), **own}

    def took(self, milliseconds: float) -> None:
        """Note how long the integration took."""
        self.integration_ms = max(milliseconds, 0.0)
        self.log["integrationLatency"] = int(self.integration_ms)

    @property
    def where(self) -> Where:
        key = str(self.route["RouteKey"])
        return Where(
            account=self.api.account,
            api_id=self.api.id,
            stage=self.stage.name,
            route_key=key,
            resource=key.partition(" ")[2] or key,
            path_parameters=self.variables,
            variables=self.stage_variables,
        )

    @property
    def path(self) -> str:
        """The path without the stage."""
        if self.stage.name == "$default":
            return self.arrival.path
        return self.arrival.path[len(self.stage.name) + 1 :] or "/"

    @property
    def method_arn(self) -> str:
        """What execute-api:Invoke is asked for, and what an authorizer's policy speaks of."""
        return f"{self.api.execution_arn}/{self.stage.name}/{self.arrival.method}{self.path}"

    @property
    def source_arn(self) -> str:
        """aws:SourceArn of the invocation."""
        key = str(self.route["RouteKey"])
        if key == "$default":
            return f"{self.api.execution_arn}/{self.stage.name}/$default"
        return f"{self.api.execution_arn}/{self.stage.name}/{self.arrival.method}{key.partition(' ')[2]}"


def source(visit: HttpVisit, expression: str) -> str | None:
    """The value of an identity source: `$request.header.Authorization`, `$context.routeKey`, ..."""
    arrival = visit.arrival
    kind, _, name = expression.removeprefix("$").partition(".")
    if kind == "request":
        place, _, name = name.partition(".")
        if place == "header":
            return arrival.header(name.lower())
        return next((value for key, value in arrival.query if key == name), None)
    if kind == "stageVariables":
        return visit.stage_variables.get(name)
    known = {
        "routeKey": str(visit.route["RouteKey"]),
        "path": arrival.path,
        "httpMethod": arrival.method,
        "stage": visit.stage.name,
        "identity.sourceIp": arrival.request.source_ip,
        "apiId": visit.api.id,
        "domainName": arrival.host,
    }
    return known.get(name)
