"""The resource-based policy that bears on a need, from where the resource's service keeps it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_identity-vs-resource.html
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.access import MalformedPolicy, PolicyKind, Source, parse
from sandbox.authorisation.need import Need
from sandbox.gateway import moto_policies
from sandbox.gateway.moto_resources import Arn, arn_of

log = logging.getLogger(__name__)

#: The policy of a resource that a service of the sandbox's own keeps, by the resource's ARN; None if it has none.
PolicyReader = Callable[[str], Mapping[str, Any] | str | None]

#: What the policies of a service's resources are called.
_NAMES = {
    "dynamodb": "table policy",
    "ecr": "repository policy",
    "events": "event bus policy",
    "iam": "trust policy",
    "kinesis": "stream policy",
    "kms": "key policy",
    "lambda": "function policy",
    "logs": "log group policy",
    "s3": "bucket policy",
    "secretsmanager": "secret policy",
    "sns": "topic policy",
    "sqs": "queue policy",
}


class ResourcePolicies:
    """Finds the policy of a resource: with one of `readers`, by the service in its ARN, else in moto's state."""

    def __init__(self, readers: Mapping[str, PolicyReader]) -> None:
        self._readers = readers

    def of(self, need: Need) -> tuple[Source | None, bool]:
        """The policy, and whether it must allow by itself: true of trust policies and of keys'.

        https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html,
        https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_update-role-trust-policy.html
        """
        arn = arn_of(need.resource)
        if arn is None:
            return None, False
        service = arn.service
        if service == "iam":
            # A role's trust policy speaks of who may take it, not of who may look at it, change it or pass it.
            if not need.action.lower().startswith("sts:"):
                return None, False
            return self._source(arn, moto_policies.policy(arn)), True
        if service == "kms" and not need.action.lower().startswith("kms:"):
            # A key's policy speaks of KMS's own actions; those of others (kinesis:StartStreamEncryption) only name it.
            return None, False
        reader = self._readers.get(service)
        if reader is None:
            found = self._source(arn, moto_policies.policy(arn))
            return found, service == "kms" and found is not None
        document = reader(need.resource)
        if document is not None and not isinstance(document, str):
            document = json.dumps(document)
        return self._source(arn, document), False

    @staticmethod
    def _source(arn: Arn, document: str | None) -> Source | None:
        if not document:
            return None
        return source("resource", _NAMES.get(arn.service, "resource policy"), document, arn.text)


@functools.lru_cache(maxsize=2048)
def source(kind: PolicyKind, name: str, document: str, attached_to: str) -> Source:
    """A policy as the evaluator takes it.

    Policies are checked when they are put; one that can't be read all the same is a fault of the sandbox, and the log
    says so. Of such a one what can be read counts, and what can't be judged is not allowed.
    """
    try:
        policy = parse(document)
    except MalformedPolicy as error:
        log.error("%s policy %s of %s can't be read: %s", kind, name, attached_to, error)
        policy = parse({"Version": "2012-10-17", "Statement": _readable(kind, document)})
    return Source(kind, name, policy, attached_to)


def _readable(kind: PolicyKind, document: str) -> list[Any]:
    """The statements that can be read. One that can't be is left out if it would allow, else it denies everything."""
    deny: dict[str, Any] = {"Sid": "CannotBeRead", "Effect": "Deny", "Action": "*", "Resource": "*"}
    if kind in ("resource", "resource-control"):
        deny["Principal"] = "*"
    try:
        content = json.loads(document)
        statements = content["Statement"]
        version = content.get("Version", "2008-10-17")
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return [deny]
    readable: list[Any] = []
    for statement in statements if isinstance(statements, list) else [statements]:
        try:
            parse({"Version": version, "Statement": [statement]})
        except MalformedPolicy:
            if not isinstance(statement, dict) or statement.get("Effect") != "Allow":
                readable.append(deny)
        else:
            readable.append(statement)
    return readable if version == "2012-10-17" else [deny]
