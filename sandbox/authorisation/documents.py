"""Policies are checked when they are put: which parameter of which call has one, and how its service refuses it.

What is wrong with a document says `access.grammar`; here are the services' codes and statuses. Session policies are
checked where sessions are made (gateway/sts.py), the organization's policies in organization_operations.py, function
policies are made of AddPermission's parameters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.access import grammar
from sandbox.access.elements import MOST_CHARACTERS
from sandbox.access.policy import MalformedPolicy, Policy
from sandbox.access.request import Principal, PrincipalKind, fold
from sandbox.gateway import moto_adapter, moto_iam
from sandbox.gateway.call import AwsError, Call
from sandbox.gateway.call import Principal as Caller

#: The inline policies of a user, role or group, by their names: account, kind and name are given.
Inline = Callable[[str, str, str], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class _Refusal:
    """The code of a service's errors about policies, and that of one that is too large."""

    code: str
    too_large: str
    too_large_status: int = 400


_IAM = _Refusal("MalformedPolicyDocument", "LimitExceeded", 409)

#: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html and its like
#: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
#: https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html
#: https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html
#: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutResourcePolicy.html
#: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutResourcePolicy.html
#: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutResourcePolicy.html
#: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutPermission.html
#: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutResourcePolicy.html
_REFUSALS: Mapping[str, _Refusal] = {
    "iam": _IAM,
    "s3": _Refusal("MalformedPolicy", "MalformedPolicy"),
    "sqs": _Refusal("InvalidAttributeValue", "InvalidAttributeValue"),
    "sns": _Refusal("InvalidParameter", "InvalidParameter"),
    "kms": _Refusal("MalformedPolicyDocumentException", "LimitExceededException"),
    "secretsmanager": _Refusal("MalformedPolicyDocumentException", "MalformedPolicyDocumentException"),
    "dynamodb": _Refusal("ValidationException", "ValidationException"),
    "kinesis": _Refusal("InvalidArgumentException", "InvalidArgumentException"),
    "events": _Refusal("ValidationException", "PolicyLengthExceededException"),
    "logs": _Refusal("InvalidParameterException", "InvalidParameterException"),
}


@dataclass(frozen=True, slots=True)
class _Document:
    """Where a call has a policy. `path` leads to it: names of parameters, one below the other."""

    path: tuple[str, ...]
    kind: grammar.DocumentKind


#: By service and operation.
_DOCUMENTS: Mapping[tuple[str, str], _Document] = {
    ("iam", "CreatePolicy"): _Document(("PolicyDocument",), "managed"),
    ("iam", "CreatePolicyVersion"): _Document(("PolicyDocument",), "managed"),
    ("iam", "PutUserPolicy"): _Document(("PolicyDocument",), "identity"),
    ("iam", "PutRolePolicy"): _Document(("PolicyDocument",), "identity"),
    ("iam", "PutGroupPolicy"): _Document(("PolicyDocument",), "identity"),
    ("iam", "CreateRole"): _Document(("AssumeRolePolicyDocument",), "trust"),
    ("iam", "UpdateAssumeRolePolicy"): _Document(("PolicyDocument",), "trust"),
    ("s3", "PutBucketPolicy"): _Document(("Policy",), "s3"),
    ("sqs", "CreateQueue"): _Document(("Attributes", "Policy"), "sqs"),
    ("sqs", "SetQueueAttributes"): _Document(("Attributes", "Policy"), "sqs"),
    ("sns", "CreateTopic"): _Document(("Attributes", "Policy"), "sns"),
    ("sns", "SetTopicAttributes"): _Document(("AttributeValue",), "sns"),
    ("kms", "CreateKey"): _Document(("Policy",), "kms"),
    ("kms", "PutKeyPolicy"): _Document(("Policy",), "kms"),
    ("secretsmanager", "PutResourcePolicy"): _Document(("ResourcePolicy",), "secretsmanager"),
    ("secretsmanager", "ValidateResourcePolicy"): _Document(("ResourcePolicy",), "secretsmanager"),
    ("dynamodb", "CreateTable"): _Document(("ResourcePolicy",), "dynamodb"),
    ("dynamodb", "PutResourcePolicy"): _Document(("Policy",), "dynamodb"),
    ("kinesis", "PutResourcePolicy"): _Document(("Policy",), "kinesis"),
    ("events", "PutPermission"): _Document(("Policy",), "events"),
    ("logs", "PutResourcePolicy"): _Document(("policyDocument",), "logs"),
}

#: Whose inline policy an operation puts, and the parameter that names him.
_INLINE = {
    "PutUserPolicy": ("user", "UserName"),
    "PutRolePolicy": ("role", "RoleName"),
    "PutGroupPolicy": ("group", "GroupName"),
}


def check_documents(
    call: Call, *, exists: grammar.Exists | None = None, inline: Inline = moto_iam.inline_policies
) -> None:
    """Refuse a call that puts a malformed policy: AwsError with the service's own code and words.

    `exists` tells whether a principal that a policy names is there; by default users, roles and accounts of the
    organization are looked for, and others taken to exist. `inline` gives the inline policies that are there already.
    """
    where = _DOCUMENTS.get((call.service, call.operation))
    if where is None:
        return
    document = _document(call, where.path)
    if document is None:
        return
    refusal = _REFUSALS[call.service]
    if call.service == "iam":
        _expect_characters(document, where.path[-1])
    bucket = f"arn:aws:s3:::{call.params.get('Bucket')}" if where.kind == "s3" else None
    try:
        policy = grammar.check(document, where.kind, exists=exists or principal_exists, resource=bucket)
    except grammar.QuotaExceeded as error:
        raise AwsError(refusal.too_large, error.reason, refusal.too_large_status) from error
    except MalformedPolicy as error:
        raise AwsError(refusal.code, error.reason) from error
    if call.operation in _INLINE:
        _expect_room(call, document, inline)
    if where.kind == "kms" and not call.params.get("BypassPolicyLockoutSafetyCheck"):
        _expect_no_lockout(call.principal, policy)
    if where.kind == "secretsmanager" and call.params.get("BlockPublicPolicy") and _is_public(policy):
        raise AwsError(
            "PublicPolicyException",
            "You can't attach a resource-based policy that allows broad access to the secret.",  # documented
        )


def _document(call: Call, path: tuple[str, ...]) -> str | None:
    """The text of the policy; None if the call brings none. An empty text takes a queue's policy away."""
    if call.operation == "SetTopicAttributes" and call.params.get("AttributeName") != "Policy":
        return None
    value: Any = call.params
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if value is None or (value == "" and call.service == "sqs"):
        return None
    return str(value)


#: What documents of IAM may have: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_FOREIGN = re.compile("[^\t\n\r\x20-\xff]")


def _expect_characters(document: str, parameter: str) -> None:
    name = parameter[:1].lower() + parameter[1:]
    if len(document) > MOST_CHARACTERS:
        raise AwsError(
            "ValidationError",
            f"1 validation error detected: Value at '{name}' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MOST_CHARACTERS}",
        )
    if _FOREIGN.search(document):
        # Reported.
        raise AwsError(
            "ValidationError",
            f"The specified value for {name} is invalid. It must contain only printable ASCII characters.",
        )


def _expect_room(call: Call, document: str, inline: Inline) -> None:
    """All inline policies of one user, role or group have a quota together. The sentence is reported.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    kind, parameter = _INLINE[call.operation]
    name = str(call.params.get(parameter))
    others = inline(call.account, kind, name)
    quota = grammar.INLINE_QUOTAS[kind]
    total = sum(grammar.size(text) for policy, text in others.items() if policy != call.params.get("PolicyName"))
    if total + grammar.size(document) > quota:
        raise AwsError("LimitExceeded", f"Maximum policy size of {quota} bytes exceeded for {kind} {name}", 409)


# -- who is there --------------------------------------------------------------------------------------


def principal_exists(name: str) -> bool:
    """Whether a user, a role or an account is there. Of accounts that are not the organization's nothing is known."""
    parts = name.split(":", 5)
    if len(parts) != 6:
        return True
    account, named = parts[4], parts[5]
    if not moto_adapter.has_account(account) or named == "root":
        return True
    kind, _, rest = named.partition("/")
    if kind in ("user", "role"):
        return moto_iam.identity(name) is not None
    if kind == "assumed-role":
        return moto_iam.arn_by_name(account, "role", rest.partition("/")[0]) is not None
    return True


# -- what a policy may not come to ---------------------------------------------------------------------

_KINDS: Mapping[str, PrincipalKind] = {
    "Root": "Root",
    "IAMUser": "User",
    "AssumedRole": "AssumedRole",
    "FederatedUser": "FederatedUser",
}


def _expect_no_lockout(caller: Caller, policy: Policy) -> None:
    """The caller must be able to change a key's policy again; conditions are not looked at. The sentence is reported.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html
    """
    kind = _KINDS.get(caller.kind)
    if kind is None:
        # A service, or the sandbox itself.
        return
    principal = Principal(kind, caller.arn, caller.account, caller.role_arn)
    for statement in policy.statements:
        named = statement.principals is not None and statement.principals.naming(principal) is not None
        acts = statement.actions.match("kms:putkeypolicy") is not statement.not_action
        if statement.effect == "Allow" and named and acts and not statement.not_principal:
            return
    raise AwsError(
        "MalformedPolicyDocumentException",
        "The new key policy will not allow you to update the key policy in the future.",
    )


#: With one of these a policy speaks of certain callers, by Secrets Manager's page
#: https://docs.aws.amazon.com/secretsmanager/latest/userguide/manage_secret-policy.html
_FIXED = {
    "aws:sourcearn",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:sourceaccount",
    "aws:principalorgid",
    "aws:principalarn",
    "aws:principalaccount",
}


def _is_public(policy: Policy) -> bool:
    for statement in policy.statements:
        everyone = statement.principals is not None and (statement.principals.everyone or statement.not_principal)
        fixed = _FIXED & set(_keys(statement.document))
        if statement.effect == "Allow" and everyone and not fixed:
            return True
    return False


def _keys(statement: Mapping[str, Any]) -> Iterator[str]:
    for block in (statement.get("Condition") or {}).values():
        yield from map(fold, block)
