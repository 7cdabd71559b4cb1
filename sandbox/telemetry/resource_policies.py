"""Resource policies of CloudWatch Logs: which services may write log events into an account's log groups.

They hang on an account and Region, not on a log group: their Resource says which groups they are for.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutResourcePolicy.html
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.clock import Clock
from sandbox.gateway.call import AwsError, Call, Operation

#: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
MAX_POLICIES = 10
MAX_CHARACTERS = 5120
PAGE = 50


@dataclass(frozen=True, slots=True)
class ResourcePolicy:
    """A policy, and when it was put, Unix milliseconds."""

    name: str
    document: str
    updated: int

    def described(self) -> dict[str, Any]:
        return {"policyName": self.name, "policyDocument": self.document, "lastUpdatedTime": self.updated}


class ResourcePolicies:
    """PutResourcePolicy and its like. (The gateway has checked the document's grammar before.)"""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[tuple[str, str], dict[str, ResourcePolicy]] = {}
        self._lock = threading.Lock()
        self.operations: Mapping[str, Operation] = {
            "DeleteResourcePolicy": self._delete,
            "DescribeResourcePolicies": self._describe,
            "PutResourcePolicy": self._put,
        }

    def of(self, arn: str) -> dict[str, Any] | None:
        """All policies of the account and Region of a log group's or stream's ARN, as one; None if there is none."""
        parts = arn.split(":", 5)
        with self._lock:
            kept = list(self._kept.get((parts[4], parts[3]), {}).values()) if len(parts) == 6 else []
        statements: list[Any] = []
        for policy in kept:
            found = json.loads(policy.document)["Statement"]
            statements += found if isinstance(found, list) else [found]
        # Statements of several policies may have the same Sid.
        named = [{key: value for key, value in each.items() if key != "Sid"} for each in statements]
        return {"Version": "2012-10-17", "Statement": named} if named else None

    def _put(self, call: Call) -> dict[str, Any]:
        _refuse_scopes(call)
        name, document = call.params.get("policyName"), call.params.get("policyDocument")
        if not name or not document:
            raise _invalid("policyName and policyDocument must be given.")
        if len(document) > MAX_CHARACTERS:
            raise _invalid(f"policyDocument must have length less than or equal to {MAX_CHARACTERS}.")
        with self._lock:
            kept = self._kept.setdefault((call.account, call.region), {})
            if name not in kept and len(kept) >= MAX_POLICIES:
                raise AwsError("LimitExceededException", "Resource limit exceeded.")
            policy = kept[name] = ResourcePolicy(name, document, self._clock.now_ms())
        return {"resourcePolicy": policy.described()}

    def _delete(self, call: Call) -> None:
        _refuse_scopes(call)
        name = call.params.get("policyName")
        with self._lock:
            if self._kept.get((call.account, call.region), {}).pop(name or "", None) is None:
                raise AwsError("ResourceNotFoundException", f"Policy with name [{name}] does not exist.")

    def _describe(self, call: Call) -> dict[str, Any]:
        _refuse_scopes(call)
        limit = call.params.get("limit") or PAGE
        if not 1 <= limit <= PAGE:
            raise _invalid(f"limit must lie between 1 and {PAGE}.")
        after = call.params.get("nextToken") or ""
        with self._lock:
            kept = self._kept.get((call.account, call.region), {})
            found = [kept[name] for name in sorted(kept) if name > after]
        answer: dict[str, Any] = {"resourcePolicies": [policy.described() for policy in found[:limit]]}
        if len(found) > limit:
            answer["nextToken"] = found[limit - 1].name
        return answer


def _refuse_scopes(call: Call) -> None:
    for member in ("resourceArn", "expectedRevisionId"):
        if call.params.get(member):
            raise _invalid(f"{member} is not supported by this sandbox.")
    if call.params.get("policyScope") == "RESOURCE":
        raise _invalid("policyScope RESOURCE is not supported by this sandbox.")


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)
