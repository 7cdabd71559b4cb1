"""What an HTTP API answers: stage, route, throttling, authorization, integration, CORS, access log.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.clock import Clock
from sandbox.endpoints import access_log, answers, cors, events, http_proxy, jwt_authorizer, lambda_authorizer
from sandbox.endpoints.access_log import Logs
from sandbox.endpoints.apis import MAX_BODY_BYTES, Members, Stage
from sandbox.endpoints.arrival import Arrival, message
from sandbox.endpoints.callers import Callers, iam_context, request_keys
from sandbox.endpoints.functions import Asker, Functions, Judge, Late, NotPermitted, Rejected, filled, function_of
from sandbox.endpoints.http_apis import HttpApi
from sandbox.endpoints.http_visit import HttpVisit, source
from sandbox.endpoints.measurements import Measurements, http_sets
from sandbox.endpoints.throttle import AccountThrottle
from sandbox.gateway.call import AwsError
from sandbox.gateway.message import Response

#: What a client gets where the function can't be invoked (a throttled one, too), and where it fails, times out by
#: itself or answers badly: fact apigw-lambda-errors,
#: https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway-errors.html
#: That page makes no difference between the kinds of APIs. Users show 500 for failing functions behind HTTP APIs:
#: https://github.com/theam/aws-lambda-haskell-runtime/issues/105, https://github.com/denoland/deno_registry2/issues/87
REJECTED_STATUS = 500
FAILED_STATUS = 502
#: An integration that is late: {"message":"Service Unavailable"}, as in
#: https://github.com/cortexlabs/cortex/issues/1225. With a REST API it is 504 (gateway response INTEGRATION_TIMEOUT).
LATE_STATUS = 503
AUTHORIZER_SECONDS = 10.0

_NOT_PERMITTED = (
    "The IAM role configured on the integration or API Gateway doesn't have permissions to call the integration. "
    "Check the permissions and try again."
)


class Refused(Exception):
    """The request does not come to its integration. Carries the answer."""

    def __init__(self, response: Response, **log: Any) -> None:
        super().__init__(response.status)
        self.response = response
        self.log = log


class HttpDoor:
    """Answers for HTTP APIs. `resolve` finds the sandbox's own URLs, `keys_of` an issuer's keys."""

    def __init__(
        self,
        clock: Clock,
        functions: Functions,
        callers: Callers,
        judge: Judge,
        logs: Logs,
        resolve: Callable[[str], Mapping[str, Any] | None],
        keys_of: jwt_authorizer.KeysOf,
        measurements: Measurements,
        account: AccountThrottle,
    ) -> None:
        self._clock = clock
        self._functions = functions
        self._callers = callers
        self._judge = judge
        self._logs = logs
        self._resolve = resolve
        self._keys_of = keys_of
        self._measurements = measurements
        self._account = account
        self._remembered = lambda_authorizer.Remembered()

    def knows_issuer(self, issuer: str) -> bool:
        """Whether tokens of an issuer can be checked on this machine."""
        return self._keys_of(issuer) is not None

    def forget(self, api: HttpApi, stage: Stage) -> None:
        """Drop what the stage's authorizers answered."""
        self._remembered.forget(f"{api.id}/{stage.name}")

    def answer(self, api: HttpApi, arrival: Arrival) -> Response:
        """The response to one request."""
        settings = api.members.get("CorsConfiguration")
        if api.members.get("DisableExecuteApiEndpoint"):
            return message(404, "Not Found")
        stage = api.stages.get(arrival.segments[0]) or api.stages.get("$default")
        snapshot = api.snapshot(stage) if stage is not None else None
        if stage is None or snapshot is None:
            return self._signed(message(404, "Not Found"), arrival)
        visit = HttpVisit(api, arrival, stage, snapshot)
        try:
            response = cors.preflight(settings, arrival) if settings else None
            if response is None:
                response = self._serve(visit)
        except Refused as refused:
            response = refused.response
            visit.log.update(refused.log)
        if settings and arrival.origin is not None and response.status != 204:
            cors.apply(settings, arrival, response)
        self._signed(response, arrival)
        self._measure(visit, response)
        self._log(visit, response)
        return response

    @staticmethod
    def _signed(response: Response, arrival: Arrival) -> Response:
        response.headers["Apigw-Requestid"] = events.extended_id(arrival.request_id)
        return response

    def _serve(self, visit: HttpVisit) -> Response:
        segments = visit.arrival.segments if visit.stage.name == "$default" else visit.arrival.segments[1:]
        found = visit.snapshot.router.find(visit.arrival.method, segments or ("",))
        if found is None:
            raise Refused(message(404, "Not Found"))
        visit.route, visit.variables = found
        self._throttle(visit)
        if len(visit.arrival.request.body) > MAX_BODY_BYTES:
            raise Refused(message(413, "Request Entity Too Large"))
        self._authorize(visit)
        target = str(visit.route.get("Target") or "").removeprefix("integrations/")
        integration = visit.snapshot.integrations.get(target)
        if integration is None:
            raise Refused(message(500, "Internal Server Error"), integrationErrorMessage="The route has no integration")
        if integration["IntegrationType"] == "HTTP_PROXY":
            return self._forward(visit, integration)
        return self._invoke(visit, integration)

    def _throttle(self, visit: HttpVisit) -> None:
        """The route's own limits, else the stage's; then the account's.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html
        """
        settings, now = visit.settings, self._clock.now()
        rate, burst = settings.get("ThrottlingRateLimit"), settings.get("ThrottlingBurstLimit")
        passes = visit.stage.throttle.passes(str(visit.route["RouteKey"]), rate, burst, now)
        if not (passes and self._account.passes(visit.api.account, visit.api.region, now)):
            raise Refused(message(429, "Too Many Requests"))

    def _measure(self, visit: HttpVisit, response: Response) -> None:
        detailed = visit.route and visit.settings.get("DetailedMetricsEnabled")
        sets = http_sets(visit.api.id, visit.stage.name, str(visit.route["RouteKey"]) if detailed else None)
        place = (visit.api.account, visit.api.region)
        self._measurements.http(place, sets, visit.arrival, response, visit.integration_ms)

    # -- integrations ----------------------------------------------------------------------------------

    def _invoke(self, visit: HttpVisit, integration: Members) -> Response:
        arrival, where = visit.arrival, visit.where
        function = function_of(str(integration["IntegrationUri"]), visit.stage_variables)
        if function is None:
            raise Refused(message(REJECTED_STATUS, "Internal Server Error"))
        newer = integration["PayloadFormatVersion"] == "2.0"
        event = events.version_2(arrival, where, visit.authorizer) if newer else self._event_1(visit)
        asker = Asker(visit.source_arn, visit.api.account, integration.get("CredentialsArn"))
        limit = float(integration["TimeoutInMillis"]) / 1000
        begun = self._clock.now()
        try:
            result = self._functions.invoke(function, event, asker, limit, trace=arrival.trace)
        except NotPermitted as error:
            raise _failed(REJECTED_STATUS, _NOT_PERMITTED) from error
        except Rejected as error:
            raise _failed(REJECTED_STATUS, error.error.message, error.error.status) from error
        except Late as error:
            text = f"Endpoint request timed out after {limit:g} s"
            raise _failed(LATE_STATUS, text, words="Service Unavailable") from error
        finally:
            visit.took((self._clock.now() - begun) * 1000)
        visit.log["integrationStatus"] = visit.log["integration.status"] = 200
        visit.log["integration.requestId"] = result.request_id
        if result.function_error:
            why = (
                f"The Lambda function returned the following error: {lambda_authorizer.error_message(result.payload)}. "
            )
            raise _failed(FAILED_STATUS, why + "Check your Lambda function code and try again.", 200)
        try:
            return answers.version_2(result.payload) if newer else answers.version_1(result.payload, strict=False)
        except answers.Malformed as error:
            why = "The response from the Lambda function doesn't match the format that API Gateway expects. Check your "
            raise _failed(FAILED_STATUS, f"{why}Lambda function code and try again. ({error})", 200) from error

    def _event_1(self, visit: HttpVisit) -> dict[str, Any]:
        arrival, where = visit.arrival, visit.where
        context = events.context_1(arrival, where, path=arrival.path)
        context["resourceId"] = where.route_key
        if visit.authorizer_1 is not None:
            context["authorizer"] = visit.authorizer_1
        if visit.principal is not None:
            context["identity"] |= {
                "accessKey": visit.principal.access_key,
                "accountId": visit.principal.account,
                "caller": visit.principal.user_id,
                "user": visit.principal.user_id,
                "userArn": visit.principal.arn,
            }
        binary = not arrival.is_text()
        return events.version_1(arrival, where, context, path=arrival.path, binary=binary, version="1.0")

    def _forward(self, visit: HttpVisit, integration: Members) -> Response:
        uri = filled(str(integration["IntegrationUri"]), visit.stage_variables)
        seconds = float(integration["TimeoutInMillis"]) / 1000
        method = str(integration.get("IntegrationMethod") or "ANY")
        begun = self._clock.now()
        try:
            return http_proxy.forward(visit.arrival, method, uri, visit.variables, self._resolve, seconds)
        except TimeoutError as error:
            raise _failed(LATE_STATUS, "Endpoint request timed out", words="Service Unavailable") from error
        except http_proxy.Unreachable as error:
            raise Refused(message(LATE_STATUS, f"Service Unavailable: {error}")) from error
        finally:
            visit.took((self._clock.now() - begun) * 1000)

    # -- authorization ---------------------------------------------------------------------------------

    def _authorize(self, visit: HttpVisit) -> None:
        kind = visit.route.get("AuthorizationType", "NONE")
        if kind == "AWS_IAM":
            self._authorize_iam(visit)
        elif kind in ("JWT", "CUSTOM"):
            authorizer = visit.snapshot.authorizers.get(str(visit.route.get("AuthorizerId")))
            if authorizer is None:
                raise Refused(message(500, "Internal Server Error"))
            (self._authorize_jwt if kind == "JWT" else self._authorize_function)(visit, authorizer)

    def _authorize_iam(self, visit: HttpVisit) -> None:
        try:
            principal = self._callers.identify(visit.arrival, "execute-api", visit.api.region)
        except AwsError as error:
            raise Refused(message(403, "Forbidden"), **{"authorizer.error": error.message}) from error
        keys = request_keys(visit.arrival)
        if not self._judge.allows(principal, "execute-api:Invoke", visit.method_arn, keys):
            raise Refused(message(403, "Forbidden"))
        visit.principal = principal
        visit.authorizer = {"iam": iam_context(principal)}

    def _authorize_jwt(self, visit: HttpVisit, authorizer: Members) -> None:
        token = source(visit, authorizer["IdentitySource"][0])
        try:
            claims = jwt_authorizer.claims_of(token, authorizer["JwtConfiguration"], self._keys_of, self._clock.now())
            scopes = jwt_authorizer.scopes_of(claims, visit.route.get("AuthorizationScopes") or [])
        except jwt_authorizer.Unauthorized as error:
            headers = {"www-authenticate": jwt_authorizer.challenge(str(error))}
            raise Refused(message(401, "Unauthorized", headers), **{"authorizer.error": str(error)}) from error
        except jwt_authorizer.Forbidden as error:
            raise Refused(message(403, "Forbidden")) from error
        texts = jwt_authorizer.as_text(claims)
        visit.authorizer = {"jwt": {"claims": texts, "scopes": scopes}}
        visit.authorizer_1 = {"claims": texts, "scopes": scopes}
        visit.log |= {f"authorizer.claims.{name}": value for name, value in texts.items()}

    def _authorize_function(self, visit: HttpVisit, authorizer: Members) -> None:
        sources = [source(visit, each) for each in authorizer["IdentitySource"]]
        if any(not each for each in sources):
            raise Refused(message(401, "Unauthorized"))
        place = f"{visit.api.id}/{visit.stage.name}"
        key = (place, str(authorizer["AuthorizerId"]), *(str(each) for each in sources))
        ttl = authorizer["AuthorizerResultTtlInSeconds"]
        now = self._clock.now()
        verdict = self._remembered.get(key, now) if ttl else None
        if verdict is None:
            verdict = self._ask(visit, authorizer, [str(each) for each in sources])
            if ttl:
                self._remembered.put(key, verdict, now + ttl)
        allowed, _ = verdict.allows(visit.method_arn, visit.api.account, request_keys(visit.arrival))
        if not allowed:
            raise Refused(message(403, "Forbidden"))
        visit.authorizer = {"lambda": dict(verdict.context)}
        context = lambda_authorizer.as_scalars(verdict.context, text=True)
        visit.authorizer_1 = {**context, **({"principalId": verdict.principal_id} if verdict.principal_id else {})}
        visit.log |= {f"authorizer.{name}": value for name, value in visit.authorizer_1.items()}

    def _ask(self, visit: HttpVisit, authorizer: Members, sources: list[str]) -> lambda_authorizer.Verdict:
        function = function_of(str(authorizer["AuthorizerUri"]), visit.stage_variables)
        assert function is not None
        event = self._authorizer_event(visit, authorizer, sources)
        source_arn = f"{visit.api.execution_arn}/authorizers/{authorizer['AuthorizerId']}"
        asker = Asker(source_arn, visit.api.account, authorizer.get("AuthorizerCredentialsArn"))
        try:
            result = self._functions.invoke(function, event, asker, AUTHORIZER_SECONDS, trace=visit.arrival.trace)
            if result.function_error:
                raise lambda_authorizer.BadAnswer(lambda_authorizer.error_message(result.payload))
            simple = bool(authorizer.get("EnableSimpleResponses"))
            return lambda_authorizer.read(result.payload, simple=simple)
        except (NotPermitted, Rejected, Late, lambda_authorizer.BadAnswer) as error:
            why = str(error) or "the authorizer took too long"
            raise Refused(message(500, "Internal Server Error"), **{"authorizer.error": why}) from error

    def _authorizer_event(self, visit: HttpVisit, authorizer: Members, sources: list[str]) -> dict[str, Any]:
        """https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html"""
        if authorizer["AuthorizerPayloadFormatVersion"] == "2.0":
            event = events.version_2(visit.arrival, visit.where)
            for member in ("body", "isBase64Encoded"):
                event.pop(member, None)
            head = {"version": "2.0", "type": "REQUEST", "routeArn": visit.method_arn}
            return {**head, "identitySource": sources, **event}
        event = self._event_1(visit)
        for member in ("body", "isBase64Encoded", "multiValueHeaders", "multiValueQueryStringParameters"):
            event.pop(member, None)
        joined = ",".join(sources)
        head = {
            "type": "REQUEST",
            "methodArn": visit.method_arn,
            "identitySource": joined,
            "authorizationToken": joined,
        }
        return {**event, **head}

    # -- access log ------------------------------------------------------------------------------------

    def _log(self, visit: HttpVisit, response: Response) -> None:
        settings = visit.stage.members.get("AccessLogSettings")
        if not settings or not settings.get("DestinationArn") or not settings.get("Format"):
            return
        arrival = visit.arrival
        took = int((self._clock.datetime() - arrival.time).total_seconds() * 1000)
        key = str(visit.route.get("RouteKey") or "")
        failure = {}
        if (
            response.status >= 400
            and response.headers.get("Content-Type") == "application/json"
            and not ("integrationStatus" in visit.log and "integrationErrorMessage" not in visit.log)
        ):
            text = json.loads(response.body).get("message")
            failure = {"error.message": text, "error.messageString": json.dumps(text)}
        access_log.write(
            self._logs,
            {"destination": settings["DestinationArn"], "format": settings["Format"]},
            f"{visit.api.id}/{visit.stage.name}",
            {
                "accountId": visit.api.account,
                "apiId": visit.api.id,
                "domainName": arrival.host,
                "domainPrefix": visit.api.id,
                "extendedRequestId": events.extended_id(arrival.request_id),
                "httpMethod": arrival.method,
                "identity.sourceIp": arrival.request.source_ip,
                "identity.userAgent": arrival.header("user-agent"),
                "identity.caller": visit.principal.user_id if visit.principal is not None else None,
                "identity.userArn": visit.principal.arn if visit.principal is not None else None,
                "path": arrival.path,
                "protocol": "HTTP/1.1",
                "requestId": events.extended_id(arrival.request_id),
                "requestTime": events.clf_time(arrival.time),
                "requestTimeEpoch": int(arrival.time.timestamp() * 1000),
                "responseLatency": took,
                "responseLength": len(response.body),
                "routeKey": key,
                "stage": visit.stage.name,
                "status": response.status,
                **failure,
                **visit.log,
                "integration.latency": visit.log.get("integrationLatency"),
                "integration.error": visit.log.get("integrationErrorMessage"),
            },
            self._clock.now_ms(),
        )


def _failed(status: int, why: str, answered: int | None = None, *, words: str = "Internal Server Error") -> Refused:
    log: dict[str, Any] = {"integrationErrorMessage": why}
    if answered is not None:
        log["integrationStatus"] = answered
    return Refused(message(status, words), **log)
