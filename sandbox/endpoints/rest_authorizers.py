"""Who may call a method of a REST API: IAM, user pools of Cognito, Lambda authorizers of types TOKEN and REQUEST.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
"""

from __future__ import annotations

from typing import Any

from sandbox import regular_expressions
from sandbox.clock import Clock
from sandbox.endpoints import cognito_authorizer, lambda_authorizer
from sandbox.endpoints.apis import Members
from sandbox.endpoints.callers import Callers, request_keys
from sandbox.endpoints.functions import Asker, Functions, Judge, Late, NotPermitted, Rejected, filled, function_of
from sandbox.endpoints.gateway_responses import GatewayError
from sandbox.endpoints.jwt_authorizer import KeysOf, Unauthorized
from sandbox.endpoints.lambda_authorizer import BadAnswer, Verdict
from sandbox.endpoints.rest_visit import RestVisit
from sandbox.gateway.call import AwsError
from sandbox.regular_expressions import InvalidExpression

#: An authorizer's function is an integration like others: fact apigw-timeouts.
AUTHORIZER_SECONDS = 29.0


class RestAuthorizers:
    """Authorizes requests, and remembers what functions answered."""

    def __init__(self, clock: Clock, functions: Functions, callers: Callers, judge: Judge, keys_of: KeysOf) -> None:
        self._clock = clock
        self._functions = functions
        self._callers = callers
        self._judge = judge
        self._keys_of = keys_of
        self._remembered = lambda_authorizer.Remembered()

    def forget(self, place: str) -> None:
        """Drop what a stage's authorizers answered."""
        self._remembered.forget(place)

    def authorize(self, visit: RestVisit) -> None:
        """GatewayError for a request that may not come in."""
        kind = visit.method["authorizationType"]
        if kind == "AWS_IAM":
            self._by_iam(visit)
        elif kind in ("CUSTOM", "COGNITO_USER_POOLS"):
            authorizer = visit.snapshot.authorizers.get(str(visit.method.get("authorizerId")))
            if authorizer is None:
                raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR")
            (self._by_function if kind == "CUSTOM" else self._by_user_pool)(visit, authorizer)

    def _by_iam(self, visit: RestVisit) -> None:
        try:
            principal = self._callers.identify(visit.arrival, "execute-api", visit.api.region)
        except AwsError as error:
            kind = {
                "MissingAuthenticationTokenException": "MISSING_AUTHENTICATION_TOKEN",
                "ExpiredTokenException": "EXPIRED_TOKEN",
            }.get(error.code, "INVALID_SIGNATURE")
            text = "Missing Authentication Token" if kind == "MISSING_AUTHENTICATION_TOKEN" else error.message
            raise GatewayError(kind, text) from error
        visit.principal = principal
        keys = request_keys(visit.arrival)
        if not self._judge.allows(principal, "execute-api:Invoke", visit.method_arn, keys):
            raise GatewayError("ACCESS_DENIED", visit.denial(principal.arn))

    def _by_user_pool(self, visit: RestVisit, authorizer: Members) -> None:
        token = self._source(visit, str(authorizer["identitySource"]))
        pools = [filled(str(each), visit.stage_variables) for each in authorizer["providerARNs"]]
        scopes = visit.method.get("authorizationScopes") or []
        form, now = authorizer.get("identityValidationExpression"), self._clock.now()
        try:
            claims = cognito_authorizer.claims_of(token, pools, scopes, form, self._keys_of, now)
        except Unauthorized as error:
            raise GatewayError("UNAUTHORIZED", str(error) or None) from error
        except InvalidExpression as error:
            raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", log={"authorizer.error": str(error)}) from error
        visit.authorizer = {"claims": cognito_authorizer.as_text(claims)}

    def _by_function(self, visit: RestVisit, authorizer: Members) -> None:
        sources = self._sources(visit, authorizer)
        place = f"{visit.api.id}/{visit.stage.name}"
        ttl = int(authorizer["authorizerResultTtlInSeconds"])
        key = (place, str(authorizer["id"]), *sources)
        now = self._clock.now()
        verdict = self._remembered.get(key, now) if ttl else None
        if verdict is None:
            verdict = self._ask(visit, authorizer, sources)
            if ttl:
                self._remembered.put(key, verdict, now + ttl)
        allowed, denied = verdict.allows(visit.method_arn, visit.api.account, request_keys(visit.arrival))
        if not allowed:
            words = "User is not authorized to access this resource"
            raise GatewayError("ACCESS_DENIED", f"{words} with an explicit deny" if denied else words)
        context = lambda_authorizer.as_scalars(verdict.context, text=True)
        visit.authorizer = {"principalId": verdict.principal_id, **context}
        visit.usage_key = verdict.usage_key

    def _sources(self, visit: RestVisit, authorizer: Members) -> list[str]:
        """The identity sources' values; UNAUTHORIZED if one lacks, or a token is not of the form that is asked for."""
        expressions = [each.strip() for each in str(authorizer.get("identitySource") or "").split(",") if each.strip()]
        values = [self._source(visit, each) for each in expressions]
        if any(not value for value in values):
            raise GatewayError("UNAUTHORIZED")
        sources = [str(value) for value in values]
        form = authorizer.get("identityValidationExpression")
        if authorizer["type"] != "TOKEN" or not form:
            return sources
        try:
            fits = regular_expressions.fits(str(form), sources[0])
        except InvalidExpression as error:
            raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", log={"authorizer.error": str(error)}) from error
        if not fits:
            raise GatewayError("UNAUTHORIZED")
        return sources

    @staticmethod
    def _source(visit: RestVisit, expression: str) -> str | None:
        if expression.startswith("method.request.header."):
            return visit.arrival.header(expression.rpartition("header.")[2].lower())
        if expression.startswith("method.request.querystring."):
            name = expression.rpartition("querystring.")[2]
            return next((value for key, value in visit.arrival.query if key == name), None)
        if expression.startswith("stageVariables."):
            return visit.stage_variables.get(expression.partition(".")[2])
        value = visit.values.get(expression.removeprefix("context."))
        return None if value is None else str(value)

    def _ask(self, visit: RestVisit, authorizer: Members, sources: list[str]) -> Verdict:
        function = function_of(str(authorizer["authorizerUri"]), visit.stage_variables)
        assert function is not None
        source_arn = f"{visit.api.execution_arn}/authorizers/{authorizer['id']}"
        asker = Asker(source_arn, visit.api.account, authorizer.get("authorizerCredentials"))
        event = _event(visit, authorizer, sources)
        try:
            result = self._functions.invoke(function, event, asker, AUTHORIZER_SECONDS, trace=visit.arrival.trace)
        except NotPermitted as error:
            raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", log={"authorizer.error": str(error)}) from error
        except (Rejected, Late) as error:
            raise GatewayError("AUTHORIZER_FAILURE", log={"authorizer.error": str(error)}) from error
        if result.function_error:
            # The one exception that means something: its text is exactly "Unauthorized".
            if lambda_authorizer.error_message(result.payload) == "Unauthorized":
                raise GatewayError("UNAUTHORIZED")
            raise GatewayError("AUTHORIZER_FAILURE", log={"authorizer.error": "the authorizer failed"})
        try:
            return lambda_authorizer.read(result.payload, simple=False)
        except BadAnswer as error:
            raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", log={"authorizer.error": str(error)}) from error


def _event(visit: RestVisit, authorizer: Members, sources: list[str]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html"""
    if authorizer["type"] == "TOKEN":
        return {"type": "TOKEN", "methodArn": visit.method_arn, "authorizationToken": sources[0]}
    event = visit.event()
    for member in ("body", "isBase64Encoded"):
        del event[member]
    return {"type": "REQUEST", "methodArn": visit.method_arn, **event}
