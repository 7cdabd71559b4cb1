"""What S3 tells of what happened to an object: the record for functions, queues and topics, the event for EventBridge.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

from sandbox.compute.timestamps import zulu

#: Which calls raise which events. (A form's POST is refused where it is made, so s3:ObjectCreated:Post stays away.)
RAISED: Mapping[str, str] = {
    "CompleteMultipartUpload": "s3:ObjectCreated:CompleteMultipartUpload",
    "CopyObject": "s3:ObjectCreated:Copy",
    "DeleteObjectTagging": "s3:ObjectTagging:Delete",
    "PutObject": "s3:ObjectCreated:Put",
    "PutObjectAcl": "s3:ObjectAcl:Put",
    "PutObjectTagging": "s3:ObjectTagging:Put",
    "RestoreObject": "s3:ObjectRestore:Post",
}
DELETED = "s3:ObjectRemoved:Delete"
MARKER_CREATED = "s3:ObjectRemoved:DeleteMarkerCreated"

_TO_BUS: Mapping[str, str] = {
    "ObjectCreated": "Object Created",
    "ObjectRemoved": "Object Deleted",
    "ObjectRestore": "Object Restore Initiated",
    "ObjectAcl": "Object ACL Updated",
    "ObjectTagging:Put": "Object Tags Added",
    "ObjectTagging:Delete": "Object Tags Deleted",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened to an object.

    `event` is a type as notifications name it (`s3:ObjectCreated:Put`), `at` sandbox time in Unix seconds. `size` in
    bytes and `etag` (without quotes) are None where S3 tells none; `version` is empty where the bucket has no versions.
    `user` and `requester` are the caller's principal id (`AWS:AIDA...`) and account, `operation` the call.
    `sequencer` grows with time.
    """

    event: str
    bucket: str
    owner: str
    region: str
    key: str
    at: float
    size: int | None
    etag: str | None
    version: str
    user: str
    requester: str
    source_ip: str
    request_id: str
    operation: str
    sequencer: str

    @property
    def bucket_arn(self) -> str:
        return f"arn:aws:s3:::{self.bucket}"


class Sequencers:
    """Hands out sequencers: of two, the later is the greater text."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._latest = 0
        self._lock = threading.Lock()

    def next(self, at: float) -> str:
        """The sequencer of what happens at `at` (Unix seconds): 18 hexadecimal digits."""
        with self._lock:
            self._latest = max(self._latest, int(at))
            return f"00{self._latest:08X}{next(self._numbers) & 0xFFFFFFFF:08X}"


def records(change: Change, configuration: str) -> dict[str, Any]:
    """The message for a function, a queue or a topic; `configuration` is the id of the configuration that matched."""
    content: dict[str, Any] = {"key": quote_plus(change.key, safe="/*")}
    if change.size is not None:
        content["size"] = change.size
    if change.etag is not None:
        content["eTag"] = change.etag
    if change.version:
        content["versionId"] = change.version
    if _ordered(change):
        content["sequencer"] = change.sequencer
    return {
        "Records": [
            {
                "eventVersion": "2.3" if change.event.startswith(("s3:ObjectAcl", "s3:ObjectTagging")) else "2.1",
                "eventSource": "aws:s3",
                "awsRegion": change.region,
                "eventTime": zulu(change.at),
                "eventName": change.event.removeprefix("s3:"),
                "userIdentity": {"principalId": change.user},
                "requestParameters": {"sourceIPAddress": change.source_ip},
                "responseElements": {
                    "x-amz-request-id": change.request_id,
                    "x-amz-id-2": host_id(change.request_id),
                },
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": configuration,
                    "bucket": {
                        "name": change.bucket,
                        "ownerIdentity": {"principalId": owner_id(change.owner)},
                        "arn": change.bucket_arn,
                    },
                    "object": content,
                },
            }
        ]
    }


def bus_event(change: Change) -> tuple[str, dict[str, Any]]:
    """EventBridge's detail type and detail."""
    content: dict[str, Any] = {"key": change.key}
    if change.size is not None:
        content["size"] = change.size
    if change.etag is not None:
        content["etag"] = change.etag
    if change.version:
        content["version-id"] = change.version
    detail: dict[str, Any] = {
        "version": "0",
        "bucket": {"name": change.bucket},
        "object": content,
        "request-id": change.request_id,
        "requester": change.requester,
        "source-ip-address": change.source_ip,
    }
    if _ordered(change):
        content["sequencer"] = change.sequencer
        detail["reason"] = "DeleteObject" if change.operation == "DeleteObjects" else change.operation
    if change.event == DELETED:
        detail["deletion-type"] = "Permanently Deleted"
    elif change.event == MARKER_CREATED:
        detail["deletion-type"] = "Delete Marker Created"
    _, group, kind = change.event.split(":")
    return _TO_BUS.get(group) or _TO_BUS[f"{group}:{kind}"], detail


def test_message(bucket: str, request_id: str, at: float) -> dict[str, str]:
    """What S3 sends to a queue or topic that a bucket is to notify, to try it. (It sends none to functions.)

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-to-enable-disable-notification-intro.html
    """
    return {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": zulu(at),
        "Bucket": bucket,
        "RequestId": request_id,
        "HostId": host_id(request_id),
    }


def owner_id(account: str) -> str:
    """The customer's id of an account: opaque, and always the same for one account."""
    digest = hashlib.sha256(account.encode()).digest()
    return "A" + base64.b32encode(digest).decode().rstrip("=")[:13]


def host_id(request_id: str) -> str:
    """The second id of a request, of the length that S3's have."""
    return base64.b64encode(hashlib.sha384(request_id.encode()).digest()).decode()


def _ordered(change: Change) -> bool:
    """Only what makes and deletes objects has a sequencer."""
    return change.event.startswith(("s3:ObjectCreated", "s3:ObjectRemoved"))
