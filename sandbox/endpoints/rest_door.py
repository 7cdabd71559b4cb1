"""What a REST API answers: stage, resource, authorization, API key, validation, throttling, integration, access log.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-rest-api.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.clock import Clock
from sandbox.endpoints import (
    access_log,
    answers,
    events,
    execution_log,
    gateway_responses,
    http_proxy,
    rest_checks,
    rest_validation,
)
from sandbox.endpoints.access_log import Logs
from sandbox.endpoints.apis import MAX_BODY_BYTES, Members, Stage
from sandbox.endpoints.arrival import Arrival
from sandbox.endpoints.callers import request_keys
from sandbox.endpoints.functions import Asker, Functions, Judge, Late, NotPermitted, Rejected, filled, function_of
from sandbox.endpoints.gateway_responses import GatewayError
from sandbox.endpoints.measurements import Measurements, rest_sets
from sandbox.endpoints.rest_account import RestAccounts
from sandbox.endpoints.rest_apis import RestApi
from sandbox.endpoints.rest_authorizers import RestAuthorizers
from sandbox.endpoints.rest_visit import RestVisit
from sandbox.endpoints.throttle import AccountThrottle
from sandbox.endpoints.usage_plans import UsagePlans
from sandbox.gateway.identify import ANONYMOUS
from sandbox.gateway.message import Response

#: What a client gets where the function can't be invoked, and where it fails or answers badly: fact
#: apigw-lambda-errors, https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway-errors.html
REJECTED_STATUS = 500
FAILED_STATUS = 502

#: Headers of a function's answer that the client gets under another name.
#: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
_REMAPPED = frozenset({"www-authenticate", "server", "date", "connection", "content-length"})


class RestDoor:
    """Answers for REST APIs. `resolve` finds the sandbox's own URLs."""

    def __init__(
        self,
        clock: Clock,
        functions: Functions,
        authorizers: RestAuthorizers,
        judge: Judge,
        logs: Logs,
        plans: UsagePlans,
        accounts: RestAccounts,
        resolve: Callable[[str], Mapping[str, Any] | None],
        measurements: Measurements,
        account: AccountThrottle,
    ) -> None:
        self._clock = clock
        self._functions = functions
        self._authorizers = authorizers
        self._judge = judge
        self._logs = logs
        self._plans = plans
        self._accounts = accounts
        self._resolve = resolve
        self._measurements = measurements
        self._account = account

    def forget(self, api: RestApi, stage: Stage) -> None:
        """Drop what the stage's authorizers answered."""
        self._authorizers.forget(f"{api.id}/{stage.name}")

    def answer(self, api: RestApi, arrival: Arrival) -> Response:
        """The response to one request."""
        stage = api.stages.get(arrival.segments[0])
        snapshot = api.snapshot(stage) if stage is not None else None
        if stage is None or snapshot is None or api.members.get("disableExecuteApiEndpoint"):
            # Without a stage there are no gateway responses either.
            error = GatewayError("ACCESS_DENIED", "Forbidden")
            error.error_type = "ForbiddenException"
            return _signed(gateway_responses.answer(error, {}, {}, {}, {}), arrival)
        visit = RestVisit(api, arrival, stage, snapshot)
        if stage.members.get("tracingEnabled"):
            arrival.sample()
        try:
            response = self._serve(visit)
        except GatewayError as error:
            visit.log.update(error.log)
            visit.log |= {"error.message": error.text, "error.responseType": error.kind}
            visit.log["error.messageString"] = json.dumps(error.text)
            response = gateway_responses.answer(
                error, snapshot.gateway_responses, visit.values, arrival.request.headers, visit.stage_variables
            )
        _signed(response, arrival)
        self._measure(visit, response)
        self._log(visit, response)
        self._log_execution(visit, response)
        return response

    def _serve(self, visit: RestVisit) -> Response:
        arrival, snapshot = visit.arrival, visit.snapshot
        found = snapshot.find(arrival.segments[1:] or ("",))
        if found is None:
            raise GatewayError("MISSING_AUTHENTICATION_TOKEN")
        visit.resource, visit.variables = found
        method = visit.resource.methods.get(arrival.method) or visit.resource.methods.get("ANY")
        if method is None:
            raise GatewayError("MISSING_AUTHENTICATION_TOKEN")
        visit.method = method
        if len(arrival.request.body) > MAX_BODY_BYTES:
            raise GatewayError("REQUEST_TOO_LARGE")
        self._authorizers.authorize(visit)
        if snapshot.policy is not None and method["authorizationType"] != "AWS_IAM":
            # With IAM authorization it was weighed together with the caller's own policies.
            keys = request_keys(arrival)
            if not self._judge.allows(ANONYMOUS, "execute-api:Invoke", visit.method_arn, keys):
                raise GatewayError("ACCESS_DENIED", visit.denial("anonymous"))
        if method.get("apiKeyRequired"):
            by_header = snapshot.key_source == "HEADER"
            value = arrival.header("x-api-key") if by_header else visit.usage_key
            visit.key = self._plans.admit(visit.api, visit.stage.name, value)
        self._throttle(visit)
        rest_validation.validate(method, snapshot, arrival, visit.variables)
        integration = method["methodIntegration"]
        if integration["type"] == "MOCK":
            return _mock(method, integration)
        if integration["type"] == "HTTP_PROXY":
            return self._forward(visit, integration)
        return self._invoke(visit, integration)

    def _throttle(self, visit: RestVisit) -> None:
        """The method's own limits, else those of all methods; then the account's.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
        """
        settings, now = visit.settings, self._clock.now()
        key = f"{visit.resource.path} {visit.method['httpMethod']}"
        rate, burst = settings.get("throttlingRateLimit"), settings.get("throttlingBurstLimit")
        passes = visit.stage.throttle.passes(key, rate, burst, now)
        if not (passes and self._account.passes(visit.api.account, visit.api.region, now)):
            raise GatewayError("THROTTLED")

    def _measure(self, visit: RestVisit, response: Response) -> None:
        api = visit.api
        detailed = visit.method and visit.settings.get("metricsEnabled")
        method = (visit.resource.path, str(visit.method["httpMethod"])) if detailed else None
        sets = rest_sets(str(api.members["name"]), api.id, visit.stage.name, method)
        self._measurements.rest((api.account, api.region), sets, visit.arrival, response, visit.integration_ms)

    # -- integrations ----------------------------------------------------------------------------------

    def _invoke(self, visit: RestVisit, integration: Members) -> Response:
        arrival = visit.arrival
        function = function_of(str(integration["uri"]), visit.stage_variables)
        if function is None:
            raise GatewayError("API_CONFIGURATION_ERROR")
        credentials = integration.get("credentials")
        as_caller = credentials == rest_checks.CALLER_CREDENTIALS
        asker = Asker(
            visit.source_arn,
            visit.api.account,
            None if as_caller else credentials,
            visit.principal if as_caller else None,
        )
        if as_caller and visit.principal is None:
            raise GatewayError("API_CONFIGURATION_ERROR")
        limit = float(integration["timeoutInMillis"]) / 1000
        begun = self._clock.now()
        try:
            visit.sent = visit.event()
            result = self._functions.invoke(function, visit.sent, asker, limit, trace=arrival.trace)
        except NotPermitted as error:
            why = "Execution failed due to configuration error: Invalid permissions on Lambda function"
            raise GatewayError(
                "API_CONFIGURATION_ERROR", status=REJECTED_STATUS, log=_integration_error(why)
            ) from error
        except Rejected as error:
            why = error.error.message
            raise GatewayError(
                "API_CONFIGURATION_ERROR", status=REJECTED_STATUS, log=_integration_error(why)
            ) from error
        except Late as error:
            raise GatewayError(
                "INTEGRATION_TIMEOUT", log=_integration_error("Execution failed due to a timeout error")
            ) from error
        finally:
            visit.took((self._clock.now() - begun) * 1000)
        visit.log["integrationStatus"] = visit.log["integration.status"] = 200
        visit.log["integration.requestId"] = result.request_id
        visit.answered = result.payload
        bad_answer = "Execution failed due to configuration error: Malformed Lambda proxy response"
        if result.function_error:
            raise GatewayError("API_CONFIGURATION_ERROR", status=FAILED_STATUS, log=_integration_error(bad_answer))
        try:
            response = answers.version_1(result.payload, strict=True)
            # A REST API makes bytes of base64 only where the client accepts a binary type of the API.
            if answers.is_base64(result.payload) and visit.accepts_binary():
                response.body = answers.decoded(response.body)
        except answers.Malformed as error:
            why = f"{bad_answer} ({error})"
            raise GatewayError("API_CONFIGURATION_ERROR", status=FAILED_STATUS, log=_integration_error(why)) from error
        return _remapped(response)

    def _forward(self, visit: RestVisit, integration: Members) -> Response:
        uri = filled(str(integration["uri"]), visit.stage_variables)
        variables = dict(visit.variables)
        for target, source in (integration.get("requestParameters") or {}).items():
            if str(source).startswith("method.request.path."):
                value = visit.variables.get(str(source).removeprefix("method.request.path."), "")
                variables[target.removeprefix("integration.request.path.")] = value
        method = str(integration.get("httpMethod") or "ANY")
        seconds = float(integration["timeoutInMillis"]) / 1000
        begun = self._clock.now()
        try:
            return _remapped(http_proxy.forward(visit.arrival, method, uri, variables, self._resolve, seconds))
        except TimeoutError as error:
            raise GatewayError("INTEGRATION_TIMEOUT") from error
        except http_proxy.Unreachable as error:
            raise GatewayError("INTEGRATION_FAILURE", f"Internal server error: {error}") from error
        finally:
            visit.took((self._clock.now() - begun) * 1000)

    # -- access log ------------------------------------------------------------------------------------

    def _log(self, visit: RestVisit, response: Response) -> None:
        settings = visit.stage.members.get("accessLogSettings") or {}
        if not settings.get("destinationArn") or not settings.get("format"):
            return
        took = int((self._clock.datetime() - visit.arrival.time).total_seconds() * 1000)
        access_log.write(
            self._logs,
            {"destination": settings["destinationArn"], "format": settings["format"]},
            f"{visit.api.id}/{visit.stage.name}",
            {
                **visit.values,
                "responseLatency": took,
                "responseLength": len(response.body),
                "status": response.status,
                **visit.log,
                "integration.error": visit.log.get("integrationErrorMessage"),
            },
            self._clock.now_ms(),
        )

    def _log_execution(self, visit: RestVisit, response: Response) -> None:
        level = str(visit.settings.get("loggingLevel") or "OFF") if visit.method else "OFF"
        api, stage = visit.api, visit.stage.name
        if level == "OFF" or not self._accounts.may_log(api.account, api.region):
            return
        data = bool(visit.settings.get("dataTraceEnabled"))
        now = self._clock.now_ms()
        found = [(now, line) for line in execution_log.lines(visit, response, level, data=data)]
        if found:
            group, stream = execution_log.group(api.id, stage), execution_log.stream(api.id, stage)
            self._logs.put(group, stream, found, account=api.account, region=api.region)


def _integration_error(why: str) -> dict[str, Any]:
    return {"integrationErrorMessage": why}


def _mock(method: Members, integration: Members) -> Response:
    """What a MOCK integration answers: fixed, by the status in its template.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-mock-integration.html
    """
    status = rest_checks.mock_status(integration)
    responses = integration.get("integrationResponses") or {}
    if status is None or not responses:
        raise GatewayError("API_CONFIGURATION_ERROR")
    chosen = next((each for each in responses.values() if each.get("selectionPattern") == str(status)), None)
    chosen = chosen or next((each for each in responses.values() if not each.get("selectionPattern")), None)
    if chosen is None:
        raise GatewayError("API_CONFIGURATION_ERROR")
    templates = chosen.get("responseTemplates") or {}
    kind = "application/json" if "application/json" in templates or not templates else next(iter(templates))
    headers = {"Content-Type": kind}
    for name, value in (chosen.get("responseParameters") or {}).items():
        headers[name.removeprefix("method.response.header.")] = str(value)[1:-1]
    return Response(int(chosen["statusCode"]), headers, str(templates.get(kind) or "").encode())


def _remapped(response: Response) -> Response:
    response.headers = {_new_name(name): value for name, value in response.headers.items()}
    response.further = tuple((_new_name(name), value) for name, value in response.further)
    return response


def _new_name(name: str) -> str:
    return f"x-amzn-Remapped-{name}" if name.lower() in _REMAPPED else name


def _signed(response: Response, arrival: Arrival) -> Response:
    response.headers["x-amzn-RequestId"] = arrival.request_id
    response.headers["x-amz-apigw-id"] = events.extended_id(arrival.request_id)
    response.headers["X-Amzn-Trace-Id"] = arrival.trace
    return response
