"""Calls as the gateway decodes them, and a state that knows what a test tells it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.authorisation.look_up import Kind, Nothing
from sandbox.gateway.call import Call, Principal

ACCOUNT = "123456789012"
REGION = "us-east-1"
ANN = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/staff/ann", "AIDAANN", "IAMUser")
SESSION = Principal(
    ACCOUNT,
    f"arn:aws:sts::{ACCOUNT}:assumed-role/orders/one",
    "AROAORDERS:one",
    "AssumedRole",
    role_arn=f"arn:aws:iam::{ACCOUNT}:role/orders",
)
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def called(service: str, operation: str, /, *, by: Principal = ANN, region: str = REGION, **params: Any) -> Call:
    """A call with parameters in botocore's shape."""
    return Call(service, operation, params, by, by.account, region, "request-1", NOON, user_agent="Boto3/1.44")


class Known(Nothing):
    """A state: ARNs by kind and what is given, and the rest by ARN."""

    def __init__(
        self,
        arns: Mapping[tuple[Kind, str], str] | None = None,
        *,
        partition_keys: Mapping[tuple[str, str | None], str] | None = None,
        encryption_keys: Mapping[str, str] | None = None,
        bucket_owners: Mapping[str, str] | None = None,
        tagged: frozenset[tuple[str, str]] = frozenset(),
        boundaries: Mapping[str, str] | None = None,
        mappings: Mapping[str, str] | None = None,
    ) -> None:
        self._arns = arns or {}
        self._partition_keys = partition_keys or {}
        self._encryption_keys = encryption_keys or {}
        self._bucket_owners = bucket_owners or {}
        self._tagged = tagged
        self._boundaries = boundaries or {}
        self._mappings = mappings or {}

    def arn(self, account: str, region: str, kind: Kind, given: str) -> str | None:
        return self._arns.get((kind, given))

    def partition_key(self, table_arn: str, index: str | None) -> str | None:
        return self._partition_keys.get((table_arn.rpartition("/")[2], index))

    def bucket_owner(self, bucket: str) -> str | None:
        return self._bucket_owners.get(bucket)

    def object_has_tags(self, bucket: str, key: str, version: str | None) -> bool | None:
        return (bucket, key) in self._tagged

    def encryption_key(self, arn: str) -> str | None:
        return self._encryption_keys.get(arn)

    def permissions_boundary(self, arn: str) -> str | None:
        return self._boundaries.get(arn)

    def mapped_function(self, mapping_arn: str) -> str | None:
        return self._mappings.get(mapping_arn)
