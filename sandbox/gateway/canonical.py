"""The one request that is decided about and answered: what of a request its operation has no place for is taken away.

Two read it: sandbox.gateway.decode, for what is asked and must be allowed, and moto, which does it. moto looks for a
parameter, even for the name of the operation, in other places too: in the query string of a JSON request, in text
within its body, in headers, in the host's name. So it is given only what has been read.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from sandbox.gateway import moto_adapter
from sandbox.gateway.call import AwsError
from sandbox.gateway.decode import Target
from sandbox.gateway.message import Request

_FORM = "application/x-www-form-urlencoded"
#: S3's headers that are not an operation's own but of every request.
_OF_EVERY_REQUEST = frozenset(
    {
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-decoded-content-length",
        "x-amz-sdk-checksum-algorithm",
        "x-amz-security-token",
        "x-amz-trailer",
        "x-amz-user-agent",
    }
)
_FREE_HEADERS = ("x-amz-meta-", "x-amz-checksum-")


def canonical(request: Request, target: Target) -> Request:
    """The request as `target`'s protocol writes it; AwsError if it can be read in two ways.

    Its signature is not valid any more: verify it before.
    """
    host = _host(request)
    if target.protocol in ("query", "ec2"):
        return _form(request, host)
    if target.protocol in ("json", "cbor"):
        return _rpc(request, target, host)
    return _rest(request, target, host)


def _host(request: Request) -> str | None:
    """The name to put in the place of the host's; None if that may stand.

    moto reads Regions and buckets from other names.
    """
    host = request.headers.get("host", "")
    name, _, port = host.partition(":")
    if name in ("127.0.0.1", "localhost") and (not port or port.isdecimal()):
        return None
    return "127.0.0.1:" + str(request.environ()["SERVER_PORT"])


def _rpc(request: Request, target: Target, host: str | None) -> Request:
    changes: dict[str, str | None] = {} if host is None else {"host": host}
    if target.protocol == "json":
        version = moto_adapter.service_model(target.service).metadata.get("jsonVersion", "1.0")
        content_type = f"application/x-amz-json-{version}"
        if request.headers.get("content-type") != content_type:
            changes["content-type"] = content_type
    return request.rewritten("/", "", changes, request.body)


def _form(request: Request, host: str | None) -> Request:
    changes: dict[str, str | None] = {} if host is None else {"host": host}
    pairs: list[tuple[str, str]] = []
    is_form = request.headers.get("content-type", "").startswith(_FORM)
    if is_form:
        pairs = moto_adapter.form_pairs(request.body)
    path = request.path
    if not any(name == "Action" for name, _ in pairs):
        pairs, is_form = request.query_pairs(), False
    given = [pair for pair in pairs if not pair[0].startswith("X-Amz-")]
    if len({name for name, _ in given}) < len(given):
        raise AwsError("MalformedQueryString", "The query string contains a parameter more than once.", 400)
    body = request.body if is_form and len(given) == len(pairs) else urlencode(given).encode()
    if request.headers.get("content-type") != _FORM:
        changes["content-type"] = _FORM
    if path.count("/") >= 2 and not any(name == "QueueUrl" for name, _ in given):
        # Older clients of SQS name the queue by the URL that they post to.
        queue = "http://" + request.headers.get("host", "") + path
        body += b"&" + urlencode({"QueueUrl": queue}).encode()
    return request.rewritten("/", "", changes, body)


def _rest(request: Request, target: Target, host: str | None) -> Request:
    changes: dict[str, str | None] = {} if host is None else {"host": host}
    places = _places(target.service, target.operation)
    kept, moved = [], {}
    seen = set()
    for part in request.query.split("&") if request.query else ():
        name, _, value = moto_adapter.form_pair(part)
        if name in places.lists or places.any_query or (name in places.query and name not in seen):
            kept.append(part)
            seen.add(name)
        elif name.lower() in places.headers and name.lower().startswith("x-amz-"):
            # Whoever presigns a URL may put S3's headers into it.
            moved[name.lower()] = value
    if target.service != "s3":
        # What moto takes a URL apart with would cut these off.
        path = request.path.replace("#", "%23").replace(";", "%3B")
        return request.rewritten(path, "&".join(kept), changes, request.body)
    changes |= {name: value for name, value in moved.items() if name not in request.headers}
    for name in request.headers:
        if name.startswith("x-amz-") and not (
            name in places.headers or name in _OF_EVERY_REQUEST or name.startswith(_FREE_HEADERS)
        ):
            changes[name] = None
    return request.rewritten(_bucket_and_key(target), "&".join(kept), changes, request.body)


def _bucket_and_key(target: Target) -> str:
    """The path-style path: the bucket may have been in the host's name."""
    bucket, key = target.path_parameters.get("Bucket"), target.path_parameters.get("Key")
    path = "/" + quote(bucket, safe=":~") if bucket else "/"
    return path if key is None else f"{path}/{quote(key, safe='/~')}"


@dataclass(frozen=True, slots=True)
class _Places:
    """The names in the query string and the headers that an operation has; `lists` may come several times."""

    query: frozenset[str]
    lists: frozenset[str]
    headers: frozenset[str]
    #: Whether a member takes all of the query string.
    any_query: bool


@functools.lru_cache(maxsize=1024)
def _places(service: str, operation: str) -> _Places:
    model = moto_adapter.operation_model(service, operation)
    query: set[str] = set(model.http_trait.query_args)
    lists: set[str] = set()
    headers: set[str] = set()
    any_query = False
    members = model.input_shape.members if model.input_shape is not None else {}
    for name, shape in members.items():
        location = shape.serialization.get("location")
        written = shape.serialization.get("name", name)
        if location == "querystring":
            any_query = any_query or shape.type_name == "map"
            (lists if shape.type_name == "list" else query).add(written)
        elif location == "header":
            headers.add(written.lower())
    return _Places(frozenset(query), frozenset(lists), frozenset(headers), any_query)
