"""The front doors of a sandbox, put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from sandbox.clock import Clock
from sandbox.compute.function_urls import FunctionUrl
from sandbox.compute.measurements import Metrics
from sandbox.endpoints import functions
from sandbox.endpoints.access_log import Logs
from sandbox.endpoints.callers import Callers
from sandbox.endpoints.door import Answer, Door
from sandbox.endpoints.functions import Functions, Judge
from sandbox.endpoints.http_door import HttpDoor
from sandbox.endpoints.http_operations import HttpApis
from sandbox.endpoints.jwt_authorizer import KeysOf
from sandbox.endpoints.measurements import Measurements
from sandbox.endpoints.rest_account import RestAccounts
from sandbox.endpoints.rest_authorizers import RestAuthorizers
from sandbox.endpoints.rest_door import RestDoor
from sandbox.endpoints.rest_operations import RestApis
from sandbox.endpoints.throttle import AccountThrottle
from sandbox.endpoints.url_door import UrlDoor
from sandbox.endpoints.usage_plans import UsagePlans
from sandbox.gateway import moto_adapter
from sandbox.gateway.call import Service
from sandbox.gateway.identify import KeyFinder


def preload() -> None:
    """Load what a sandbox would have to wait for. Starts no thread."""
    for service in (HttpApis.name, RestApis.name):
        moto_adapter.operation_names(service)


class Compute(functions.Compute, Protocol):
    """What the front doors need of Lambda."""

    def url_of(self, host: str) -> FunctionUrl | None: ...


class Endpoints:
    """REST APIs, HTTP APIs and function URLs: `services` are for the gateway, `resolve` for `/_sandbox/resolve`."""

    def __init__(
        self,
        clock: Clock,
        compute: Compute,
        logs: Logs,
        metrics: Metrics,
        judge: Judge,
        find_key: KeyFinder,
        keys_of: KeysOf,
    ) -> None:
        self._door = Door(clock)
        self._compute = compute
        invoker = Functions(clock, compute, judge)
        callers = Callers(clock, find_key)
        measurements, account = Measurements(clock, metrics), AccountThrottle()
        self._urls = UrlDoor(invoker, callers, judge, measurements)
        answering = HttpDoor(clock, invoker, callers, judge, logs, self._door.resolve, keys_of, measurements, account)
        self._http = HttpApis(clock, self._door, answering, moto_adapter.operation_names(HttpApis.name))
        plans, accounts = UsagePlans(clock), RestAccounts(judge)
        authorizers = RestAuthorizers(clock, invoker, callers, judge, keys_of)
        rest = RestDoor(
            clock, invoker, authorizers, judge, logs, plans, accounts, self._door.resolve, measurements, account
        )
        self._rest = RestApis(clock, self._door, rest, plans, accounts)
        self._door.add(self._function_url)
        self.services: tuple[Service, ...] = (self._http, self._rest)

    @property
    def resolve(self) -> Callable[[str], Mapping[str, Any] | None]:
        return self._door.resolve

    def tags_of(self, arn: str) -> Mapping[str, str]:
        """The tags of what an ARN of API Gateway names."""
        return self._rest.tags_of(arn) or self._http.tags_of(arn)

    def policy_of(self, arn: str) -> str | None:
        """The resource policy of the API that an ARN of execute-api names; None if it has none."""
        return self._rest.policy_of(arn)

    def close(self) -> None:
        """Stop listening."""
        self._door.close()

    def _function_url(self, host: str) -> Answer | None:
        if ".lambda-url." not in host:
            return None
        url = self._compute.url_of(host)
        return None if url is None else lambda arrival: self._urls.answer(url, arrival)
