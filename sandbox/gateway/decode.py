"""From an HTTP request to service, operation and parameters, in any of AWS's protocols."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from sandbox.gateway import cbor, moto_adapter, services
from sandbox.gateway.call import DEFAULT_REGION, AwsError
from sandbox.gateway.message import Request
from sandbox.gateway.signature import Claim

_INVOKE = re.compile(r"/2015-03-31/functions/([^/?]+)/invocations\Z")
_RPC_CBOR = re.compile(r"/service/([A-Za-z0-9_.]+)/operation/([A-Za-z0-9]+)\Z")
_MAX_UNPACKED_BYTES = 256 * 1024 * 1024

#: Paths of REST services that sign with another service's name.
_PATH_SERVICES = (
    ("s3", "/v20180820/", "s3control"),
    ("apigateway", "/v2/", "apigatewayv2"),
    ("lambda", "/2015-03-31/", "lambda"),
)


@dataclass(slots=True)
class Target:
    """What a request is for. `operation` is empty if the service has none that fits; then `path_parameters` is too."""

    service: str
    signing_name: str
    protocol: str
    region: str
    operation: str
    named: str
    path_parameters: dict[str, Any]


def target(request: Request, claim: Claim | None) -> Target:
    """Service, protocol and operation of a request. `named` is what the caller called the operation."""
    if claim is not None:
        signing_name, region = claim.signing_name, claim.region
    else:
        signing_name, region = _unsigned_service(request), DEFAULT_REGION
    found = _by_target_header(request, signing_name, region) or _by_rpc_path(request, signing_name, region)
    if found is not None:
        return found
    action = _action(request)
    for service in services.candidates(signing_name):
        protocol = _model_protocol(service)
        if protocol in ("query", "ec2") and action is not None:
            known = _is_version(service, action[1])
            if known:
                return _target(service, signing_name, protocol, region, action[0])
    return _by_path(request, signing_name, region)


def _target(
    service: str, signing_name: str, protocol: str, region: str, named: str, path: dict[str, Any] | None = None
) -> Target:
    operation = named if named in moto_adapter.operation_names(service) else ""
    return Target(service, signing_name, protocol, region, operation, named, path or {})


def _by_target_header(request: Request, signing_name: str, region: str) -> Target | None:
    header = request.headers.get("x-amz-target")
    if header is None:
        return None
    prefix, _, named = header.rpartition(".")
    candidates = [name for name in services.candidates(signing_name) if _exists(name)]
    for service in candidates:
        if moto_adapter.service_model(service).metadata.get("targetPrefix") == prefix:
            return _target(service, signing_name, "json", region, named)
    service = candidates[0] if candidates else signing_name
    return Target(service, signing_name, "json", region, "", named or header, {})


def _by_rpc_path(request: Request, signing_name: str, region: str) -> Target | None:
    if request.headers.get("smithy-protocol") != "rpc-v2-cbor":
        return None
    match = _RPC_CBOR.search(request.path)
    named = match[2] if match else request.path
    candidates = [name for name in services.candidates(signing_name) if _exists(name)]
    if not candidates:
        return Target(signing_name, signing_name, "cbor", region, "", named, {})
    # The path names the service as X-Amz-Target would.
    prefix = match[1] if match else ""
    meant = (name for name in candidates if moto_adapter.service_model(name).metadata.get("targetPrefix") == prefix)
    service = next(meant, candidates[0])
    return _target(service, signing_name, "cbor", region, named)


def _action(request: Request) -> tuple[str, str] | None:
    """Action and Version of a query request."""
    pairs: dict[str, str] = {}
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        try:
            pairs = dict(moto_adapter.form_pairs(request.body))
        except UnicodeDecodeError:
            pairs = {}
    if "Action" not in pairs:
        pairs = dict(request.query_pairs())
    return (pairs["Action"], pairs.get("Version", "")) if "Action" in pairs else None


def _is_version(service: str, version: str) -> bool:
    alone = len(services.candidates(moto_adapter.service_model(service).signing_name)) == 1
    return alone or not version or moto_adapter.service_model(service).api_version == version


def _by_path(request: Request, signing_name: str, region: str) -> Target:
    if signing_name == "lambda" and request.method == "POST":
        # On the way of every invoke: the general router takes 0.2 ms.
        invoke = _INVOKE.match(request.path)
        if invoke is not None:
            return Target(
                "lambda", "lambda", "rest-json", region, "Invoke", "Invoke", {"FunctionName": unquote(invoke[1])}
            )
    names = [name for name in services.candidates(signing_name) if _exists(name)]
    for signing, prefix, service in _PATH_SERVICES:
        if signing == signing_name and request.path.startswith(prefix):
            names = [service]
    first = names[0] if names else signing_name
    named = f"{request.method} {unquote(request.path)}"
    for service in names:
        protocol = _model_protocol(service)
        if not protocol.startswith("rest"):
            continue
        found = moto_adapter.route(service, request)
        if found is not None:
            operation, path_parameters = found
            if (signing_name, operation) == ("s3express", "ListBuckets"):
                # The same request but for its host and its signature.
                operation = "ListDirectoryBuckets"
            return _target(service, signing_name, protocol, region, operation, path_parameters)
    action = _action(request)
    if not names:
        return Target(
            first, signing_name, "query" if action else "rest-json", region, "", action[0] if action else named, {}
        )
    return Target(first, signing_name, _model_protocol(first), region, "", action[0] if action else named, {})


def _model_protocol(service: str) -> str:
    """The protocol that requests of a service use when they show no sign of another."""
    if not _exists(service):
        return "rest-json"
    model = moto_adapter.service_model(service)
    protocol = str(model.metadata.get("protocol"))
    others = model.metadata.get("protocols") or [protocol]
    if protocol == "smithy-rpc-v2-cbor" or protocol == "json":
        # Of these, some (SQS, CloudWatch) still take the query protocol from older clients.
        return "query" if "query" in others or model.service_name == "sqs" else "json"
    return protocol


def _exists(service: str) -> bool:
    try:
        moto_adapter.service_model(service)
    except moto_adapter.NotInMoto:
        return False
    return True


def _unsigned_service(request: Request) -> str:
    prefix = request.headers.get("x-amz-target", "").rpartition(".")[0]
    if prefix in services.UNSIGNED_TARGETS:
        return services.UNSIGNED_TARGETS[prefix]
    if prefix.startswith("DynamoDB"):
        return "dynamodb"
    action = _action(request)
    if action is not None:
        return services.QUERY_VERSIONS.get(action[1], "sts")
    if request.path.startswith("/2015-03-31/"):
        return "lambda"
    return "s3"


# -- parameters ----------------------------------------------------------------------------------------


def parameters(request: Request, found: Target) -> dict[str, Any]:
    """The operation's parameters in botocore's shape; AwsError for a body that can't be read."""
    if found.service == "lambda" and found.operation == "Invoke":
        return _invoke_parameters(request, found)
    model = moto_adapter.operation_model(found.service, found.operation)
    if found.protocol == "cbor":
        return _cbor_parameters(request)
    if found.protocol == "json" or (found.protocol == "rest-json" and not _is_raw(model)):
        _expect_json(request, found)
    try:
        return moto_adapter.parse(model, found.protocol, request, found.path_parameters)
    except Exception as error:
        if found.protocol == "rest-xml":
            raise AwsError(
                "MalformedXML",
                "The XML you provided was not well-formed or did not validate against our published schema",
            ) from error
        code = "MalformedQueryString" if found.protocol in ("query", "ec2") else "SerializationException"
        raise AwsError(code, f"{found.service}:{found.operation} can't be read from this request: {error}") from error


def _invoke_parameters(request: Request, found: Target) -> dict[str, Any]:
    headers = request.headers
    given: dict[str, Any] = {"FunctionName": found.path_parameters["FunctionName"], "Payload": request.body}
    for name, header in (
        ("InvocationType", "x-amz-invocation-type"),
        ("LogType", "x-amz-log-type"),
        ("ClientContext", "x-amz-client-context"),
        ("DurableExecutionName", "x-amz-durable-execution-name"),
        ("TenantId", "x-amz-tenant-id"),
    ):
        if header in headers:
            given[name] = headers[header]
    qualifier = request.query_value("Qualifier") if request.query else None
    if qualifier is not None:
        given["Qualifier"] = qualifier
    return given


def _is_raw(model: Any) -> bool:
    """Whether the body is one member's bytes or text."""
    shape = model.input_shape
    payload = shape.serialization.get("payload") if shape is not None else None
    return payload is not None and shape.members[payload].type_name in ("blob", "string")


def _expect_json(request: Request, found: Target) -> None:
    if not request.body:
        return
    try:
        content = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise AwsError("SerializationException", f"the request body is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise AwsError(
            "SerializationException", f"the request body is a JSON {type(content).__name__}; it must be an object"
        )


def _cbor_parameters(request: Request) -> dict[str, Any]:
    try:
        content = cbor.decode(request.body) if request.body else {}
    except cbor.BadCbor as error:
        raise AwsError("SerializationException", str(error)) from error
    if not isinstance(content, dict):
        raise AwsError("SerializationException", "the request body must be a CBOR map")
    return content


def unpack(request: Request) -> bytes:
    """The body without its Content-Encoding gzip, which SDKs use for large CloudWatch requests."""
    if request.headers.get("content-encoding", "").strip().lower() != "gzip":
        return request.body
    try:
        unpacker = zlib.decompressobj(wbits=31)
        body = unpacker.decompress(request.body, _MAX_UNPACKED_BYTES)
    except (zlib.error, gzip.BadGzipFile) as error:
        raise AwsError("SerializationException", f"the request body is not gzip: {error}") from error
    if unpacker.unconsumed_tail:
        raise AwsError("RequestEntityTooLarge", f"the unpacked body is above {_MAX_UNPACKED_BYTES} bytes", 413)
    return body
