"""Revisions: where an AppSpec file comes from.

https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_RevisionLocation.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox.delivery.errors import error, invalid_revision
from sandbox.delivery.store import Application, Revision

#: Where the text of an inline revision stands, by its type. `String` is the older form.
INLINE = {"AppSpecContent": "appSpecContent", "String": "string"}
#: As much as an AppSpec file in a bucket may have, bytes: far more than any has.
MAX_BYTES = 262_144


def checked(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """A RevisionLocation as it is kept; AwsError RevisionRequiredException or InvalidRevisionException if it is none.

    The sha256 of an inline revision must be that of its content, and is filled in where it is missing.
    """
    if not given:
        raise error("RevisionRequired", "Revision is missing")
    kind = given.get("revisionType")
    if kind in INLINE:
        raw = given.get(INLINE[kind]) or {}
        content = raw.get("content")
        if not content:
            raise invalid_revision(f"A revision of the type {kind} must have {INLINE[kind]}.content")
        digest = hashlib.sha256(content.encode()).hexdigest()
        claimed = raw.get("sha256")
        if claimed and claimed.lower() != digest:
            raise invalid_revision(f"The sha256 of the revision is {digest}, and {claimed} was specified")
        return {"revisionType": kind, INLINE[kind]: {"content": content, "sha256": digest}}
    if kind == "S3":
        place = given.get("s3Location") or {}
        if not place.get("bucket") or not place.get("key"):
            raise invalid_revision("A revision of the type S3 must have s3Location.bucket and s3Location.key")
        if place.get("bundleType") not in ("YAML", "JSON"):
            raise invalid_revision("BundleType must be either YAML or JSON")
        return {"revisionType": kind, "s3Location": dict(place)}
    if kind == "GitHub":
        raise invalid_revision("A revision of the type GitHub can't be deployed to the compute platform Lambda")
    raise invalid_revision(f"The revision type {kind!r} is none of S3, String, AppSpecContent")


def of(application: Application, location: Mapping[str, Any]) -> Revision | None:
    """The revision that an application has at a location."""
    return next((each for each in list(application.revisions) if each.location == location), None)


def used(application: Application, location: Mapping[str, Any], at: datetime) -> None:
    """Note that a revision is deployed: with its first deployment an application knows it."""
    revision = of(application, location)
    if revision is None:
        revision = Revision(location, at)
        application.revisions.append(revision)
    revision.first_used = revision.first_used or at
    revision.last_used = at


def inline_content(location: Mapping[str, Any]) -> str | None:
    """The text of an inline revision; None for one in a bucket."""
    member = INLINE.get(location["revisionType"])
    return str(location[member]["content"]) if member is not None else None
