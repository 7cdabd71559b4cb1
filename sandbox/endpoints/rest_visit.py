"""One request on its way through a REST API: what is known of it, and the event it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.endpoints import events
from sandbox.endpoints.apis import Members, Stage
from sandbox.endpoints.arrival import Arrival
from sandbox.endpoints.events import Where
from sandbox.endpoints.rest_apis import Resource, RestApi, Snapshot
from sandbox.gateway.call import Principal

#: The name of all methods in a stage's method settings.
ALL_METHODS = "*/*"


@dataclass
class RestVisit:
    """A request, and what has been found out about it. `log` are further $context variables."""

    api: RestApi
    arrival: Arrival
    stage: Stage
    snapshot: Snapshot
    resource: Resource = field(default_factory=lambda: Resource("", "", None, ""))
    method: Members = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    authorizer: dict[str, Any] | None = None
    principal: Principal | None = None
    key: Members | None = None
    #: The API key that an authorizer gave (usageIdentifierKey).
    usage_key: str | None = None
    #: How long the integration took, in milliseconds; None if it was not called.
    integration_ms: float | None = None
    #: The event that the function got, and its answer as it came.
    sent: dict[str, Any] | None = None
    answered: bytes | None = None
    log: dict[str, Any] = field(default_factory=dict)

    @property
    def stage_variables(self) -> dict[str, str]:
        return dict(self.stage.members.get("variables") or {})

    @property
    def settings(self) -> Mapping[str, Any]:
        """The stage's settings for the method: its own over those of all methods.

        https://docs.aws.amazon.com/apigateway/latest/api/API_MethodSetting.html
        """
        settings = self.stage.members.get("methodSettings") or {}
        if not settings:
            return {}
        # In their names a path's slashes are encoded: `~1pets~1{id}/GET`.
        path = self.resource.path.replace("/", "~1")
        merged: dict[str, Any] = dict(settings.get(ALL_METHODS) or {})
        for method in ("*", self.method.get("httpMethod"), self.arrival.method):
            merged |= settings.get(f"{path}/{method}") or {}
        return merged

    def took(self, milliseconds: float) -> None:
        """Note how long the integration took."""
        self.integration_ms = max(milliseconds, 0.0)
        self.log["integrationLatency"] = self.log["integration.latency"] = int(self.integration_ms)

    @property
    def path(self) -> str:
        """The path without the stage."""
        return self.arrival.path[len(self.stage.name) + 1 :] or "/"

    @property
    def method_arn(self) -> str:
        """What execute-api:Invoke is asked for, and what an authorizer's policy speaks of."""
        return f"{self.api.execution_arn}/{self.stage.name}/{self.arrival.method}{self.path}"

    @property
    def source_arn(self) -> str:
        """aws:SourceArn of the invocation: the resource's path, not the request's."""
        return f"{self.api.execution_arn}/{self.stage.name}/{self.arrival.method}{self.resource.path}"

    @property
    def where(self) -> Where:
        return Where(
            account=self.api.account,
            api_id=self.api.id,
            stage=self.stage.name,
            resource=self.resource.path,
            resource_id=self.resource.id,
            path_parameters=self.variables,
            variables=self.stage_variables,
        )

    def denial(self, who: str) -> str:
        """How AWS words that a resource policy or an identity's does not allow it; the account's number is masked."""
        account = self.api.account
        arn = self.method_arn.replace(f":{account}:", f":********{account[-4:]}:")
        return f"User: {who} is not authorized to perform: execute-api:Invoke on resource: {arn}"

    def context(self) -> dict[str, Any]:
        """requestContext, identity included."""
        context = events.context_1(self.arrival, self.where, path=self.arrival.path)
        identity = context["identity"]
        if self.principal is not None:
            identity |= {
                "accessKey": self.principal.access_key,
                "accountId": self.principal.account,
                "caller": self.principal.user_id,
                "user": self.principal.user_id,
                "userArn": self.principal.arn,
            }
        if self.key is not None:
            identity |= {"apiKey": self.key["value"], "apiKeyId": self.key["id"]}
        if self.authorizer is not None:
            context["authorizer"] = dict(self.authorizer)
        context["deploymentId"] = self.stage.members.get("deploymentId")
        return context

    def event(self) -> dict[str, Any]:
        """The event that the function gets."""
        return events.version_1(self.arrival, self.where, self.context(), path=self.path, binary=self.is_binary())

    def is_binary(self) -> bool:
        """Whether the body is of a binary type of the API.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/lambda-proxy-binary-media.html
        """
        return self._among(self.arrival.header("content-type"))

    def accepts_binary(self) -> bool:
        """Whether the client's first Accept is a binary type of the API."""
        return self._among((self.arrival.header("accept") or "").partition(",")[0])

    def _among(self, kind: str | None) -> bool:
        types = self.snapshot.binary_media_types
        if "*/*" in types:
            return True
        wanted = (kind or "").partition(";")[0].strip().lower()
        return any(each.lower() in (wanted, f"{wanted.partition('/')[0]}/*") for each in types)

    @property
    def values(self) -> dict[str, Any]:
        """The $context variables.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
        """
        context = self.context()
        identity = {f"identity.{name}": value for name, value in context.pop("identity").items()}
        own = context.pop("authorizer", None) or {}
        claims = own.pop("claims", {}) if isinstance(own.get("claims"), dict) else {}
        named = {**own, **{f"claims.{name}": value for name, value in claims.items()}}
        authorizer = {f"authorizer.{name}": value for name, value in named.items()}
        return {**context, **identity, **authorizer}
