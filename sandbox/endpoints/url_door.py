"""What a function URL answers: authorization, the event, the function's answer, CORS.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

from __future__ import annotations

import json

from sandbox.compute.function_urls import FunctionUrl
from sandbox.endpoints import answers, cors, events
from sandbox.endpoints.arrival import Arrival, message
from sandbox.endpoints.callers import Callers, iam_context, request_keys
from sandbox.endpoints.events import Where
from sandbox.endpoints.functions import INVOKE, Functions, Judge, Rejected
from sandbox.endpoints.measurements import Measurements
from sandbox.gateway.call import AwsError, Principal
from sandbox.gateway.identify import ANONYMOUS
from sandbox.gateway.message import Response

INVOKE_URL = "lambda:InvokeFunctionUrl"
#: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
_FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)
#: Python has no response streaming of its own in Lambda: what RESPONSE_STREAM would stream comes in one piece.
BUFFERED_HEADER = "X-Coldstart-Streaming"
BUFFERED = "buffered: the sandbox does not stream"


class UrlDoor:
    """Answers for function URLs."""

    def __init__(self, functions: Functions, callers: Callers, judge: Judge, measurements: Measurements) -> None:
        self._functions = functions
        self._callers = callers
        self._judge = judge
        self._measurements = measurements

    def answer(self, url: FunctionUrl, arrival: Arrival) -> Response:
        """The response to one request."""
        settings = url.config.get("Cors")
        response = cors.preflight(settings, arrival) if settings else None
        executed = None
        if response is not None:
            response.status = 200
        else:
            response, executed = self._serve(url, arrival)
            if settings and arrival.origin is not None:
                cors.apply(settings, arrival, response)
        response.headers["x-amzn-RequestId"] = arrival.request_id
        response.headers["X-Amzn-Trace-Id"] = arrival.trace
        if url.config.get("InvokeMode") == "RESPONSE_STREAM":
            response.headers[BUFFERED_HEADER] = BUFFERED
        self._measurements.url(url, arrival, response, executed)
        return response

    def _serve(self, url: FunctionUrl, arrival: Arrival) -> tuple[Response, str | None]:
        """The response, and the version that ran; None if none did."""
        try:
            principal = self._principal(url, arrival)
        except AwsError as error:
            return _error(error.status, error.code, error.message), None
        if not self._may(url, arrival, principal):
            return _error(403, "AccessDeniedException", _FORBIDDEN), None
        anonymous = principal is ANONYMOUS
        where = Where(
            "anonymous" if anonymous else principal.account, arrival.host.partition(".")[0], "$default", "$default"
        )
        event = events.version_2(arrival, where, None if anonymous else {"iam": iam_context(principal)})
        try:
            outcome = self._functions.run(url.arn, event, None, trace=arrival.trace)
        except Rejected as rejected:
            refusal = rejected.error
            headers = {"Content-Type": "application/json", "x-amzn-ErrorType": refusal.code}
            body = {"message": refusal.message, **refusal.members}
            return Response(refusal.status, headers, json.dumps(body).encode()), None
        if outcome.result.function_error:
            return _failed(), outcome.executed
        try:
            return answers.version_2(outcome.result.payload, default_type="application/json"), outcome.executed
        except answers.Malformed:
            return _failed(), outcome.executed

    def _principal(self, url: FunctionUrl, arrival: Arrival) -> Principal:
        if url.config["AuthType"] == "NONE":
            return ANONYMOUS
        return self._callers.identify(arrival, "lambda", url.function.region)

    def _may(self, url: FunctionUrl, arrival: Arrival, principal: Principal) -> bool:
        """Both actions are needed: fact function-url-auth."""
        keys = {**request_keys(arrival), "lambda:FunctionUrlAuthType": url.config["AuthType"]}
        return self._judge.allows(principal, INVOKE_URL, url.arn, keys) and self._judge.allows(
            principal, INVOKE, url.arn, {**keys, "lambda:InvokedViaFunctionUrl": True}
        )


def _error(status: int, code: str, text: str) -> Response:
    return message(status, text, {"x-amzn-ErrorType": code}, key="Message")


def _failed() -> Response:
    """A function that fails, times out or answers badly.

    All of these count as 5XX: https://docs.aws.amazon.com/lambda/latest/dg/urls-monitoring.html
    """
    return Response(502, {"Content-Type": "application/json"}, b"Internal Server Error")
