"""OpenAPI definitions of APIs in a template: written out, or kept in S3."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox.templates.types.resource_type import Work


def defined(properties: Mapping[str, Any]) -> bool:
    """Whether an API is made from a definition."""
    return properties.get("Body") is not None or properties.get("BodyS3Location") is not None


def definition(work: Work, title: str | None = None) -> str:
    """The definition as a text; `title` is for one in the template that has no title. ClientError as S3 answers."""
    body = work["Body"]
    if body is None:
        place = work["BodyS3Location"]
        found = work.call(
            "s3",
            "GetObject",
            Bucket=place["Bucket"],
            Key=place["Key"],
            VersionId=place.get("Version"),
            IfMatch=place.get("ETag") or place.get("Etag"),
        )
        return str(found["Body"].read().decode("utf-8", "replace"))
    if isinstance(body, str):
        return body
    info = body.get("info") or {}
    if title and not info.get("title"):
        body = {**body, "info": {**info, "title": title}}
    return json.dumps(body, ensure_ascii=False)
