"""s3:DeleteObjects for a caller who may delete some of the objects: the others become errors beside them.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from xml.sax.saxutils import escape

from sandbox.gateway.message import Request, Response

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_END = b"</DeleteResult>"
_EMPTY = f'<?xml version="1.0" encoding="UTF-8"?>\n<DeleteResult xmlns="{_NAMESPACE}"></DeleteResult>'.encode()


def asking_for(request: Request, params: Mapping[str, Any], objects: Iterable[Mapping[str, Any]]) -> Request:
    """The request, written anew from what was read of it, for these of its objects."""
    body = f'<Delete xmlns="{_NAMESPACE}">{"".join(f"<Object>{_names(each)}</Object>" for each in objects)}'
    if params["Delete"].get("Quiet"):
        body += "<Quiet>true</Quiet>"
    return request.with_body(f"{body}</Delete>".encode(), {"content-md5": None})


def nothing_deleted() -> Response:
    return Response(200, {"Content-Type": "application/xml"}, _EMPTY)


def with_errors(response: Response, refused: Iterable[tuple[Mapping[str, Any], str]]) -> Response:
    """The response, with these objects and why they were not deleted."""
    before, end, after = response.body.rpartition(_END)
    if not end:
        return response
    errors = "".join(
        f"<Error>{_names(each)}<Code>AccessDenied</Code><Message>{escape(why)}</Message></Error>"
        for each, why in refused
    )
    return replace(response, body=before + errors.encode() + end + after)


def _names(each: Mapping[str, Any]) -> str:
    version = each.get("VersionId")
    key = f"<Key>{_text(each['Key'])}</Key>"
    return key if version is None else f"{key}<VersionId>{_text(version)}</VersionId>"


def _text(value: str) -> str:
    # A parser would make a line feed of it.
    return escape(value, {"\r": "&#13;"})
