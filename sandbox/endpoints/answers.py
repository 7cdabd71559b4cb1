"""What a function's answer becomes for the client, in both formats.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html#http-api-develop-integrations-lambda.response
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-output-format
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any

from sandbox.gateway.message import Response

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FORMAT_1 = frozenset(
    {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded", "cookies", "statusDescription"}
)


class Malformed(Exception):
    """The function's answer has not the form that is asked for. The text says what is wrong."""


def version_2(payload: bytes, *, default_type: str = "text/plain;charset=utf-8") -> Response:
    """Format 2.0; what has no statusCode is taken for the body of a 200. Malformed if it can't be sent.

    `default_type` is the Content-Type of an answer that has a statusCode and names none itself.
    """
    answer = _json(payload)
    if not isinstance(answer, dict) or "statusCode" not in answer:
        body = answer if isinstance(answer, str) else json.dumps(answer, separators=(",", ":"))
        return Response(200, {"Content-Type": "application/json"}, body.encode())
    headers = _headers(answer.get("headers"))
    cookies = answer.get("cookies") or []
    if not isinstance(cookies, list):
        raise Malformed("cookies is no list")
    response = Response(
        _status(answer["statusCode"]), headers, _body(answer), tuple(("Set-Cookie", _text(each)) for each in cookies)
    )
    if response.body and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = default_type
    return response


def version_1(payload: bytes, *, strict: bool, default_type: str = "application/json") -> Response:
    """Format 1.0; Malformed if it can't be sent. A REST API (`strict`) takes no members that it does not know."""
    answer = _json(payload)
    if not isinstance(answer, dict):
        raise Malformed("the answer is no JSON object")
    unknown = set(answer) - _FORMAT_1
    if strict and unknown:
        raise Malformed(f"the answer has the unknown member {sorted(unknown)[0]}")
    if "statusCode" not in answer:
        if strict and not answer:
            raise Malformed("the answer is empty")
        if not strict:
            raise Malformed("the answer has no statusCode")
    several = answer.get("multiValueHeaders") or {}
    if not isinstance(several, dict):
        raise Malformed("multiValueHeaders is no object")
    headers = _headers(answer.get("headers"))
    further: list[tuple[str, str]] = []
    for name, values in several.items():
        if not isinstance(values, list):
            raise Malformed(f"multiValueHeaders.{name} is no list")
        # A name in both: the values of multiValueHeaders stand for it.
        for known in [each for each in headers if each.lower() == name.lower()]:
            del headers[known]
        further += [(name, _text(value)) for value in values]
    _check_names(several)
    response = Response(
        _status(answer.get("statusCode", 200)), headers, _body(answer, decode=not strict), tuple(further)
    )
    if not any(name.lower() == "content-type" for name in (*headers, *several)):
        headers["Content-Type"] = default_type
    return response


def is_base64(payload: bytes) -> bool:
    """Whether a well-formed answer says that its body is base64."""
    answer = _json(payload)
    return isinstance(answer, dict) and answer.get("isBase64Encoded") is True


def decoded(body: bytes) -> bytes:
    """A base64 body as bytes; Malformed if it is none."""
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("the body is not base64") from error


def _json(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise Malformed("the answer is no JSON") from error


def _status(value: Any) -> int:
    try:
        status = int(value)
    except (TypeError, ValueError) as error:
        raise Malformed(f"statusCode is {value!r}") from error
    if isinstance(value, bool) or not 100 <= status <= 599:
        raise Malformed(f"statusCode is {value!r}")
    return status


def _headers(given: Any) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise Malformed("headers is no object")
    _check_names(given)
    return {name: _text(value) for name, value in given.items()}


def _check_names(given: Mapping[str, Any]) -> None:
    wrong = next((name for name in given if not _NAME.fullmatch(name)), None)
    if wrong is not None:
        raise Malformed(f"{wrong!r} is no header name")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        raise Malformed("a header's value is no text")
    return "" if value is None else str(value)


def _body(answer: Mapping[str, Any], *, decode: bool = True) -> bytes:
    body = answer.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        if isinstance(body, bool) or not isinstance(body, (int, float)):
            raise Malformed(f"body is a JSON {type(body).__name__}, not a string")
        body = json.dumps(body)
    raw = body.encode("utf-8", "replace")
    return decoded(raw) if decode and answer.get("isBase64Encoded") is True else raw
