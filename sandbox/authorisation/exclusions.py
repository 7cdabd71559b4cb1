"""Policies that a simulation leaves out, as if they were not attached.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_PolicyIdentifier.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.access.patterns import Wildcard
from sandbox.authorisation.context_keys import invalid
from sandbox.gateway.moto_iam import AttachedPolicy

_MAX = 256
_TYPES = ("inline", "aws-managed", "user-managed", "permission-boundary", "scp", "rcp")
_MEMBERS = ("PolicyType", "PolicyArn", "InlinePolicyIdentifier")
#: Wildcards may stand in the policy's name only.
_POLICY = re.compile(r"arn:aws[a-z-]*:iam::(aws|\d{12}):policy/[\x21-\x7e]+")
_NAME = re.compile(r"[\w+=,.@*?-]{1,128}", re.ASCII)


def expect_identifiers(identifiers: Sequence[Mapping[str, Any]]) -> None:
    """AwsError InvalidInput for identifiers that are none; those that match no policy are left alone."""
    if len(identifiers) > _MAX:
        raise invalid(f"PolicyExclusionList has {len(identifiers)} members: there are at most {_MAX}.")
    for identifier in identifiers:
        named = [member for member in _MEMBERS if identifier.get(member)]
        if len(named) != 1:
            raise invalid(f"Invalid policy identifier: give exactly one of {', '.join(_MEMBERS)}.")
        if named == ["PolicyType"] and identifier["PolicyType"] not in _TYPES:
            raise invalid(f"Invalid policy identifier: {identifier['PolicyType']} is none of {', '.join(_TYPES)}.")
        if named == ["PolicyArn"]:
            arn = str(identifier["PolicyArn"])
            if _POLICY.fullmatch(arn) is None or arn.count("*") > 1:
                raise invalid(f"Invalid policy identifier: {arn} is no ARN of a managed policy with at most one *.")
        if named == ["InlinePolicyIdentifier"]:
            inline = identifier["InlinePolicyIdentifier"]
            name = str(inline.get("AttachmentName") or "")
            if inline.get("AttachmentType") not in ("user", "group", "role"):
                raise invalid("Invalid policy identifier: AttachmentType is none of user, group, role.")
            if _NAME.fullmatch(name) is None or name.count("*") > 1 or not inline.get("PolicyName"):
                raise invalid("Invalid policy identifier: PolicyName or AttachmentName is not valid.")


def excluded(policy: AttachedPolicy, identifiers: Sequence[Mapping[str, Any]]) -> bool:
    """Whether one of the identifiers means this policy."""
    return any(_means(identifier, policy) for identifier in identifiers)


def _means(identifier: Mapping[str, Any], policy: AttachedPolicy) -> bool:
    managed = policy.name.startswith("arn:")
    match identifier.get("PolicyType"):
        case "inline":
            return not managed
        case "aws-managed":
            return managed and policy.name.split(":")[4] == "aws"
        case "user-managed":
            return managed and policy.name.split(":")[4] != "aws"
    if identifier.get("PolicyArn"):
        return managed and Wildcard.of(str(identifier["PolicyArn"])).matches(policy.name)
    inline = identifier.get("InlinePolicyIdentifier")
    if not inline or managed or inline["PolicyName"] != policy.name:
        return False
    kind, _, name = policy.attached_to.partition("/")
    return bool(kind == inline["AttachmentType"]) and Wildcard.of(str(inline["AttachmentName"])).matches(name)
