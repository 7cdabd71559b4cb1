"""Results and errors as the service's own protocol writes them: json, rest-json, query, rest-xml, ec2 and CBOR.

JSON is written here, it is on the way of every invoke and log read; the XML protocols are left to moto's serialisers.
Protocols: https://smithy.io/2.0/aws/protocols/index.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from xml.sax.saxutils import escape

from sandbox.gateway import cbor, moto_adapter
from sandbox.gateway.call import AwsError
from sandbox.gateway.message import Response

JSON_CONTENT = "application/x-amz-json-1.0"


def result(service: str, operation: str, protocol: str, value: Mapping[str, Any] | None, request_id: str) -> Response:
    """The response to a call that succeeded with `value`, botocore's output shape."""
    model = moto_adapter.operation_model(service, operation)
    if protocol in ("query", "ec2", "rest-xml"):
        response = moto_adapter.serialise(model, protocol, value or {}, request_id)
        response.headers["x-amzn-RequestId"] = request_id
        return response
    output = model.output_shape
    headers = {"x-amzn-RequestId": request_id}
    if protocol == "cbor":
        headers |= {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        body = cbor.encode(_members(output, value or {}, text=False) if output is not None else {})
        return Response(200, headers, body)
    if protocol == "json":
        headers["Content-Type"] = f"application/x-amz-json-{model.service_model.metadata.get('jsonVersion', '1.0')}"
        content = _members(output, value or {}, text=True) if output is not None else {}
        return Response(200, headers, _dump(content))
    return _rest_json(model, value or {}, headers)


def _rest_json(model: Any, value: Mapping[str, Any], headers: dict[str, str]) -> Response:
    status = int(model.http.get("responseCode", 200))
    output = model.output_shape
    if output is None:
        return Response(status, headers, b"" if status == 204 else b"{}")
    for name, shape in output.members.items():
        given = value.get(name)
        location = shape.serialization.get("location")
        if given is None or location is None:
            continue
        if location == "statusCode":
            status = int(given)
        elif location == "header":
            headers[shape.serialization.get("name", name)] = _header_text(shape, given)
        elif location == "headers":
            prefix = shape.serialization.get("name", "")
            headers.update({prefix + key: str(item) for key, item in given.items()})
    headers["Content-Type"] = "application/json"
    payload = output.serialization.get("payload")
    if payload is None:
        body = _dump(_members(output, value, text=True))
        return Response(status, headers, b"" if status == 204 else body)
    given = value.get(payload)
    shape = output.members[payload]
    if given is None:
        return Response(status, headers, b"")
    if shape.type_name in ("blob", "string"):
        return Response(status, headers, given.encode() if isinstance(given, str) else bytes(given))
    return Response(status, headers, _dump(_convert(shape, given, text=True)))


def _header_text(shape: Any, value: Any) -> str:
    if shape.type_name == "timestamp":
        return format_datetime(_aware(value), usegmt=True)
    if shape.type_name == "boolean":
        return "true" if value else "false"
    return str(value)


def _dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _members(shape: Any, value: Mapping[str, Any], *, text: bool) -> dict[str, Any]:
    """A structure's members by their names on the wire. With `text`, blobs and times become JSON values."""
    content = {}
    for name, member in shape.members.items():
        given = value.get(name)
        if given is None or "location" in member.serialization:
            continue
        content[member.serialization.get("name", name)] = _convert(member, given, text=text)
    return content


def _convert(shape: Any, value: Any, *, text: bool) -> Any:
    kind = shape.type_name
    if kind == "structure":
        return value if shape.is_document_type else _members(shape, value, text=text)
    if kind == "list":
        member = shape.member
        return [_convert(member, item, text=text) for item in value]
    if kind == "map":
        member = shape.value
        return {key: _convert(member, item, text=text) for key, item in value.items()}
    if kind == "timestamp":
        return _time_text(shape, value) if text else _aware(value)
    if kind == "blob":
        raw = value.encode() if isinstance(value, str) else bytes(value)
        return base64.b64encode(raw).decode() if text else raw
    return value


def _time_text(shape: Any, value: Any) -> Any:
    moment = _aware(value)
    form = shape.serialization.get("timestampFormat", "unixTimestamp")
    if form == "iso8601":
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if form == "rfc822":
        return format_datetime(moment.astimezone(UTC), usegmt=True)
    return round(moment.timestamp(), 3)


def _aware(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return datetime.fromtimestamp(float(value), UTC)


# -- errors --------------------------------------------------------------------------------------------


def error(service: str, protocol: str, failure: AwsError, request_id: str) -> Response:
    """The response to a call that failed. `service` need not exist."""
    if protocol in ("query", "rest-xml", "ec2"):
        return _xml_error(service, protocol, failure, request_id)
    shape = _error_shape(service, failure.code)
    headers = {"x-amzn-RequestId": request_id, "x-amzn-ErrorType": failure.code}
    body: dict[str, Any] = {"__type": failure.code}
    body["Message" if shape is not None and "Message" in shape.members else "message"] = failure.message
    for name, value in failure.members.items():
        member = shape.members.get(name) if shape is not None else None
        if member is not None and member.serialization.get("location") == "header":
            headers[member.serialization.get("name", name)] = _header_text(member, value)
        else:
            body[name] = _convert(member, value, text=protocol != "cbor") if member is not None else value
    if protocol == "cbor":
        headers |= {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        return Response(failure.status, headers, cbor.encode(body))
    headers["Content-Type"] = "application/json" if protocol == "rest-json" else JSON_CONTENT
    query_code = _query_code(service, shape, failure.code)
    if query_code is not None:
        headers["x-amzn-query-error"] = f"{query_code};Sender"
    return Response(failure.status, headers, _dump(body))


def _error_shape(service: str, code: str) -> Any | None:
    try:
        model = moto_adapter.service_model(service)
        return model.shape_for_error_code(code) or (model.shape_for(code) if code in model.shape_names else None)
    except moto_adapter.NotInMoto:
        return None


#: What the query protocol calls the errors that every service has.
_COMMON_QUERY_CODES = {
    "AccessDeniedException": "AccessDenied",
    "ExpiredTokenException": "ExpiredToken",
    "IncompleteSignatureException": "IncompleteSignature",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "UnrecognizedClientException": "InvalidClientTokenId",
}


def _query_code(service: str, shape: Any | None, code: str) -> str | None:
    """The code that a client of the service's former query protocol knows the error by."""
    try:
        if "awsQueryCompatible" not in moto_adapter.service_model(service).metadata:
            return None
    except moto_adapter.NotInMoto:
        return None
    if shape is None:
        return _COMMON_QUERY_CODES.get(code)
    return str(shape.metadata.get("error", {}).get("code", shape.name))


def _xml_error(service: str, protocol: str, failure: AwsError, request_id: str) -> Response:
    code, message = escape(failure.code), escape(moto_adapter.xml_text(failure.message))
    further = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in failure.members.items())
    headers = {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}
    if service == "s3":
        headers["x-amz-request-id"] = request_id
        headers["Content-Type"] = "application/xml"
        body = (
            f"<Error><Code>{code}</Code><Message>{message}</Message>{further}"
            f"<RequestId>{request_id}</RequestId><HostId>coldstart</HostId></Error>"
        )
    elif protocol == "ec2":
        body = (
            f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message>{further}</Error></Errors>"
            f"<RequestID>{request_id}</RequestID></Response>"
        )
    else:
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>{further}</Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    return Response(failure.status, headers, f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'.encode())
