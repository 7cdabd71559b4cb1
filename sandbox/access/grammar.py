"""What services check when a policy is put: the grammar, in the words with which AWS refuses.

`policy.parse` tells whether a document can be evaluated; a service that stores one asks for more, and each in its own
words. Where the words come from is said beside them, with one of three marks:

- documented: on a page of AWS's documentation, which is named;
- reported: seen in real answers of AWS, as people quote them in public issues and as moto's test cases hold them;
- ours: we know that AWS refuses, or that it must, but not with which sentence.

The order of the checks for identity-based policies is IAM's as moto's cases hold it: syntax, version, the "legacy
parsing", statement ids, actions, resources. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sandbox.access.elements import Exists, InvalidPrincipal, QuotaExceeded, text_of
from sandbox.access.identity_policies import check_identity
from sandbox.access.organization_policies import check_organization
from sandbox.access.policy import MalformedPolicy, Policy, parse
from sandbox.access.resource_policies import RESOURCE_POLICIES, check_resource
from sandbox.access.trust_policies import check_trust

__all__ = [
    "INLINE_QUOTAS",
    "QUOTAS",
    "DocumentKind",
    "Exists",
    "InvalidPrincipal",
    "MalformedPolicy",
    "Quota",
    "QuotaExceeded",
    "check",
    "size",
]

#: What a policy is for. `identity` is an inline policy of a user, role or group; `managed` a managed one; the service
#: names are resource policies of that service.
DocumentKind = Literal[
    "identity",
    "managed",
    "session",
    "trust",
    "service-control",
    "resource-control",
    "s3",
    "sqs",
    "sns",
    "lambda",
    "secretsmanager",
    "kms",
    "dynamodb",
    "kinesis",
    "events",
    "logs",
]


def check(
    document: str | bytes, kind: DocumentKind, *, exists: Exists | None = None, resource: str | None = None
) -> Policy:
    """The policy of a document, checked as AWS does when such a policy is put.

    `exists` is asked about the users, roles and accounts that the policy names as principals: AWS refuses a policy
    with a principal that is not there. `resource` is the ARN of what the policy is attached to, where the service
    asks the policy to speak of nothing else (S3's buckets).
    Raises MalformedPolicy with AWS's words; QuotaExceeded and InvalidPrincipal are two special cases of it.
    """
    words = RESOURCE_POLICIES.get(kind)
    no_json = words.no_json if words is not None else _NO_JSON[kind]
    text = text_of(document, no_json)
    if kind == "trust":
        check_trust(text, no_json, exists)
    elif kind == "service-control" or kind == "resource-control":
        check_organization(text, no_json, kind)
    elif words is not None:
        # First, because what follows takes its time for each action.
        _check_size(text, kind)
        check_resource(text, words, exists, resource)
    else:
        check_identity(text, no_json, managed=kind == "managed")
    _check_size(text, kind)
    try:
        return parse(text)
    except MalformedPolicy as error:
        # What the services' own checks pass over: a value of a condition or a variable that can't be evaluated.
        raise MalformedPolicy(words.syntax if words is not None else _SYNTAX[kind]) from error


#: What AWS says of a text that is no JSON: reported, the last two ours. Services have theirs in `resource_policies`.
_NO_JSON: Mapping[str, str] = {
    "identity": "Syntax errors in policy.",
    "managed": "Syntax errors in policy.",
    "session": "The policy is not in the valid JSON format.",
    "trust": "This policy contains invalid Json",
    "service-control": "The policy is not a JSON document.",
    "resource-control": "The policy is not a JSON document.",
}

#: What AWS says of a document that is JSON, but no policy: reported, the last two ours.
_SYNTAX: Mapping[str, str] = {
    "identity": "Syntax errors in policy.",
    "managed": "Syntax errors in policy.",
    "session": "Syntax errors in policy.",
    "trust": "Syntax error in policy.",
    "service-control": "The policy does not follow the grammar of policies.",
    "resource-control": "The policy does not follow the grammar of policies.",
}

# -- sizes ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Quota:
    """How long a policy may be, and what AWS says of a longer one. Some quotas leave white space out."""

    characters: int
    words: str
    white_space: bool = True


#: The quotas of single documents. Inline policies of one user, role or group have one together: INLINE_QUOTAS.
#: IAM and STS: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
#: Organizations: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
#: S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
#: KMS: https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html
#: Secrets Manager and Lambda: the models of PutResourcePolicy; SNS: the model of SetTopicAttributes.
#: The first two sentences are reported, the others ours.
QUOTAS: Mapping[str, Quota] = {
    "managed": Quota(6_144, "Cannot exceed quota for PolicySize: 6144", white_space=False),
    "trust": Quota(2_048, "Cannot exceed quota for ACLSizePerRole: 2048", white_space=False),
    "service-control": Quota(5_120, "The policy content exceeds the maximum size of 5120 characters."),
    "resource-control": Quota(5_120, "The policy content exceeds the maximum size of 5120 characters."),
    "s3": Quota(20_480, "Policy exceeds the maximum allowed document size."),
    "sns": Quota(30_720, "Invalid parameter: Policy exceeds the maximum size of 30 KB"),
    "lambda": Quota(20_480, "The final policy size is bigger than the limit (20480)."),
    "secretsmanager": Quota(20_480, "This resource policy is longer than 20480 characters."),
    "kms": Quota(32_768, "The key policy is longer than 32768 bytes."),
}

#: The characters, without white space, that all inline policies of one user, group or role have together.
INLINE_QUOTAS: Mapping[str, int] = {"user": 2_048, "group": 5_120, "role": 10_240}

_WHITE_SPACE = re.compile(r"\s+")


def size(document: str) -> int:
    """How many characters IAM counts: all but white space."""
    return len(_WHITE_SPACE.sub("", document))


def _check_size(text: str, kind: DocumentKind) -> None:
    quota = QUOTAS.get(kind)
    if quota is None:
        return
    counted = len(text) if quota.white_space else size(text)
    if counted > quota.characters:
        raise QuotaExceeded(quota.words, counted, quota.characters)
