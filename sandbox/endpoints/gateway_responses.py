"""Gateway responses: what a REST API answers by itself, and how an API changes it.

https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from sandbox.endpoints.apis import Members
from sandbox.endpoints.rest_checks import bad, unsupported
from sandbox.gateway.message import Response

DEFAULT_TEMPLATE = '{"message":$context.error.messageString}'
#: Type to status, the error's name in x-amzn-ErrorType, and the text.
TYPES: Mapping[str, tuple[int | None, str, str]] = {
    "ACCESS_DENIED": (403, "AccessDeniedException", "Forbidden"),
    "API_CONFIGURATION_ERROR": (500, "InternalServerErrorException", "Internal server error"),
    "AUTHORIZER_CONFIGURATION_ERROR": (500, "AuthorizerConfigurationException", ""),
    "AUTHORIZER_FAILURE": (500, "AuthorizerFailureException", ""),
    "BAD_REQUEST_BODY": (400, "BadRequestException", "Invalid request body"),
    "BAD_REQUEST_PARAMETERS": (400, "BadRequestException", "Invalid request parameters"),
    "DEFAULT_4XX": (None, "", ""),
    "DEFAULT_5XX": (None, "", ""),
    "EXPIRED_TOKEN": (403, "ExpiredTokenException", "The security token included in the request is expired"),
    "INTEGRATION_FAILURE": (504, "InternalServerErrorException", "Internal server error"),
    "INTEGRATION_TIMEOUT": (504, "InternalServerErrorException", "Endpoint request timed out"),
    "INVALID_API_KEY": (403, "ForbiddenException", "Forbidden"),
    "INVALID_SIGNATURE": (403, "InvalidSignatureException", "Forbidden"),
    "MISSING_AUTHENTICATION_TOKEN": (403, "MissingAuthenticationTokenException", "Missing Authentication Token"),
    "QUOTA_EXCEEDED": (429, "LimitExceededException", "Limit Exceeded"),
    "REQUEST_TOO_LARGE": (413, "RequestTooLargeException", "Request Too Long"),
    "RESOURCE_NOT_FOUND": (404, "NotFoundException", "Resource not found"),
    "THROTTLED": (429, "TooManyRequestsException", "Too Many Requests"),
    "UNAUTHORIZED": (401, "UnauthorizedException", "Unauthorized"),
    "UNSUPPORTED_MEDIA_TYPE": (415, "UnsupportedMediaTypeException", "Unsupported Media Type"),
    "WAF_FILTERED": (403, "ForbiddenException", "Forbidden"),
}

_NAME = r"(?:context|stageVariables)\.[A-Za-z0-9_.\-]*[A-Za-z0-9_]"
_VARIABLE = re.compile(rf"\$\{{({_NAME})\}}|\$({_NAME})")


class GatewayError(Exception):
    """The API answers by itself. `status` where it is not the type's own; `log` goes to the access log."""

    def __init__(
        self,
        kind: str,
        text: str | None = None,
        *,
        status: int | None = None,
        log: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(text or TYPES[kind][2])
        self.kind = kind
        self.status = status or TYPES[kind][0] or 500
        self.error_type = TYPES[kind][1]
        #: An empty text is what AWS gives as null.
        self.text = (text if text is not None else TYPES[kind][2]) or None
        self.log = dict(log or {})


def check(response: Members) -> None:
    """BadRequestException for a response that is none, or would have to be evaluated."""
    if response["responseType"] not in TYPES:
        raise bad(f"Invalid response type: {response['responseType']}")
    for kind, template in (response.get("responseTemplates") or {}).items():
        if "#" in template or "$" in _VARIABLE.sub("", template):
            raise unsupported(f"responseTemplates {kind}", "of templates $context and $stageVariables work")
    for name, value in (response.get("responseParameters") or {}).items():
        if not name.startswith("gatewayresponse.header."):
            raise unsupported(f"responseParameters {name}", "headers work")
        if not str(value).startswith(("'", "method.request.header.", "context.", "stageVariables.")):
            raise unsupported(f"responseParameters {name}={value}", "texts in quotes, headers and context work")


def describe(kind: str, own: Mapping[str, Members]) -> Members:
    """The response of a type as GetGatewayResponse tells it."""
    if kind in own:
        return {**own[kind], "defaultResponse": False}
    found: Members = {
        "responseType": kind,
        "responseParameters": {},
        "responseTemplates": {"application/json": DEFAULT_TEMPLATE},
        "defaultResponse": True,
    }
    status = TYPES[kind][0]
    return found if status is None else {**found, "statusCode": str(status)}


def answer(
    error: GatewayError,
    own: Mapping[str, Members],
    values: Mapping[str, Any],
    headers: Mapping[str, str],
    variables: Mapping[str, str],
) -> Response:
    """The response for an error: the API's own of its type, else that of 4XX or 5XX, else AWS's.

    `values` are the $context variables, `headers` the request's (names in lower case).
    """
    general = "DEFAULT_4XX" if error.status < 500 else "DEFAULT_5XX"
    custom = own.get(error.kind) or own.get(general) or {}
    status = int(custom.get("statusCode") or error.status)
    known = {
        **values,
        "error.message": error.text,
        "error.messageString": json.dumps(error.text),
        "error.responseType": error.kind,
    }

    def value_of(match: re.Match[str]) -> str:
        place, _, name = str(match[1] or match[2]).partition(".")
        value = known.get(name) if place == "context" else variables.get(name)
        return "" if value is None else str(value)

    templates = custom.get("responseTemplates") or {"application/json": DEFAULT_TEMPLATE}
    kind = "application/json" if "application/json" in templates else next(iter(templates))
    given = {"Content-Type": kind, "x-amzn-ErrorType": error.error_type}
    for name, value in (custom.get("responseParameters") or {}).items():
        header = name.removeprefix("gatewayresponse.header.")
        if value.startswith("'"):
            given[header] = value[1:-1]
        elif value.startswith("method.request.header."):
            given[header] = headers.get(value.rpartition(".")[2].lower(), "")
        else:
            given[header] = _VARIABLE.sub(value_of, f"${value}")
    return Response(status, given, _VARIABLE.sub(value_of, templates[kind]).encode())
