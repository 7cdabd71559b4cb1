"""The operations of S3 that are answered here: a bucket's notifications."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.clock import Clock
from sandbox.deliveries.bucket_notifications import read_notifications, unsupported_event
from sandbox.gateway import moto_deliveries, refusals
from sandbox.gateway.call import AwsError, Call, Operation
from sandbox.gateway.moto_resources import arn_of, bucket


class S3Notifications:
    """PutBucketNotificationConfiguration and GetBucketNotificationConfiguration."""

    name = "s3"
    whole = False
    refused: Mapping[str, str] = {}

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.operations: Mapping[str, Operation] = {
            "GetBucketNotificationConfiguration": self._get,
            "PutBucketNotificationConfiguration": self._put,
        }

    def _put(self, call: Call) -> None:
        kept = _bucket(call)
        configuration = call.params.get("NotificationConfiguration") or {}
        reason = unsupported_event(configuration)
        if reason is not None:
            raise refusals.unsupported("s3", call.operation, reason)
        made = read_notifications(configuration, kept.region_name)
        moto_deliveries.set_notifications(kept, made)
        moto_deliveries.send_test_messages(kept, call.request_id, self._clock.now())

    def _get(self, call: Call) -> dict[str, Any]:
        return moto_deliveries.notifications_of(_bucket(call)).described()


def _bucket(call: Call) -> Any:
    name = str(call.params.get("Bucket", ""))
    arn = arn_of(f"arn:aws:s3:::{name}")
    kept = bucket(arn) if arn is not None else None
    if kept is None:
        raise AwsError("NoSuchBucket", "The specified bucket does not exist", 404, BucketName=name)
    return kept
