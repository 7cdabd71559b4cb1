"""The elements of policy documents, as the grammars of all kinds of policy share them.

What AWS says of a flaw differs from service to service: the words are in the modules of the kinds of policy. Those
here are IAM's, and reported (see `grammar`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sandbox.access import conditions, spans
from sandbox.access.policy import MalformedPolicy

#: Whether a principal of a policy (an ARN of IAM or STS, or an account's number) exists, as far as one can know.
Exists = Callable[[str], bool]

#: The longest document that any API of AWS takes (the model of iam:CreatePolicy).
MOST_CHARACTERS = 131_072


class QuotaExceeded(MalformedPolicy):
    """A policy that is right but too large. `size` is counted as the quota counts."""

    def __init__(self, reason: str, size: int, quota: int) -> None:
        super().__init__(reason)
        self.size = size
        self.quota = quota


class InvalidPrincipal(MalformedPolicy):
    """A policy that names somebody who is not there, or whom such a policy can't name. `principal` is the name."""

    def __init__(self, reason: str, principal: str) -> None:
        super().__init__(reason)
        self.principal = principal


# -- reading ---


def text_of(document: str | bytes, words: str) -> str:
    if len(document) > MOST_CHARACTERS:
        raise QuotaExceeded(
            f"The policy has {len(document)} characters: more than {MOST_CHARACTERS} are never a policy.",
            len(document),
            MOST_CHARACTERS,
        )
    if isinstance(document, str):
        return document
    try:
        return document.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedPolicy(words) from error


def read(text: str, words: str) -> dict[str, Any]:
    try:
        value = spans.read(text).plain()
    except spans.JsonError as error:
        raise MalformedPolicy(words) from error
    if not isinstance(value, dict):
        raise MalformedPolicy(words)
    return value


def strings(value: Any) -> list[str] | None:
    """The strings of an element that is one or a list of them; None for anything else."""
    values = value if isinstance(value, list) else [value]
    return values if all(isinstance(each, str) for each in values) else None


# -- statements ---

STATEMENT_ELEMENTS = frozenset(
    {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)
_EXCLUSIVE = (("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal"))


def statements_of(document: Mapping[str, Any]) -> list[Any]:
    given = document["Statement"]
    return given if isinstance(given, list) else [given]


class BadOperator(ValueError):
    """An operator that there is not, or values that can't be an operator's."""


def condition_entries(block: Any) -> Iterator[tuple[str, str, list[str]]]:
    """Operator, key and values of each condition; BadOperator for what is no Condition element."""
    if not isinstance(block, Mapping):
        raise BadOperator("Condition")
    for name, keys in block.items():
        bare, _, if_exists = conditions.split(name)
        known = bare in conditions.OPERATORS or (bare == "Null" and not if_exists)
        if not isinstance(keys, Mapping) or (keys and not known):
            raise BadOperator(name)
        for key, value in keys.items():
            values = value if isinstance(value, list) else [value]
            if not all(isinstance(each, str | bool | int | float) for each in values):
                raise BadOperator(name)
            yield name, key, [str(each).lower() if isinstance(each, bool) else str(each) for each in values]


def statement_syntax(statement: Any, words: str) -> None:
    """Elements, their types and combinations: what is the same for every policy of IAM's own."""
    if not isinstance(statement, dict) or not statement.keys() <= STATEMENT_ELEMENTS:
        raise MalformedPolicy(words)
    if any(one in statement and other in statement for one, other in _EXCLUSIVE):
        raise MalformedPolicy(words)
    if not isinstance(statement.get("Effect"), str) or not isinstance(statement.get("Sid", ""), str):
        raise MalformedPolicy(words)
    for element in ("Action", "NotAction", "Resource", "NotResource"):
        if element in statement and strings(statement[element]) is None:
            raise MalformedPolicy(words)
    try:
        for _ in condition_entries(statement.get("Condition", {})):
            pass
    except BadOperator as error:
        raise MalformedPolicy(words) from error


_SID = re.compile(r"[0-9A-Za-z]*")


def unique_sids(statements: Sequence[Mapping[str, Any]], alphabet: str | None, unique: str) -> None:
    seen = set()
    for statement in statements:
        sid = statement.get("Sid", "")
        if alphabet is not None and not _SID.fullmatch(sid):
            raise MalformedPolicy(alphabet)
        if sid and sid in seen:
            raise MalformedPolicy(unique)
        seen.add(sid)


# -- actions, resources, dates, principals ---

_VENDOR = re.compile(r"[A-Za-z0-9\-.]+")


def check_action(action: str) -> None:
    if action == "*":
        return
    vendor, colon, rest = action.partition(":")
    if not colon:
        raise MalformedPolicy("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    if ":" in rest:
        raise MalformedPolicy("Actions/Condition can contain only one colon.")
    if vendor != "*" and not _VENDOR.fullmatch(vendor):
        raise MalformedPolicy(f"Vendor {vendor} is not valid")


_DATE = re.compile(
    r"-?\d{1,9}(?:-(?:0?[1-9]|1[0-2])(?:-(?:0?[1-9]|[12]\d|3[01])"
    r"(?:[tT](?:[01]?\d|2[0-3])(?::[0-5]?\d(?::[0-5]?\d(?:\.\d{1,9})?)?)?"
    r"(?:[zZ]|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?)?)?)?",
    re.ASCII,
)


def is_date(text: str) -> bool:
    """Whether a text is a date of ISO 8601 or a time in seconds.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_Date
    """
    if text.isascii() and text.isdecimal():
        return len(text) < 20 and int(text) < 2**63
    return _DATE.fullmatch(text) is not None


#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc")

#: How the resource part of an IAM ARN begins, as IAM itself lists it; and what has come since.
_IAM_PATHS = (
    "user/,federated-user/,role/,group/,instance-profile/,mfa/,server-certificate/,policy/,sms-mfa/,saml-provider/,"
    "oidc-provider/,report/,access-report/"
)
_LATER_IAM_PATHS = ("root", "assumed-role/", "delegation-request/", "role-template/", "contextProvider/")
#: What S3 has of its own in each Region.
_S3_REGIONAL = ("*", "accesspoint/", "job/", "storage-lens", "access-grants/", "async-request/")


def resource_flaw(resource: str) -> str:
    """What IAM says of a resource that is no ARN; empty for one that is."""
    if resource == "*":
        return ""
    parts = resource.split(":", 5)
    if len(parts) == 1 or parts[0] != "arn":
        return f'Resource {resource} must be in ARN format or "*".'
    partition = parts[1]
    if partition != "*" and partition not in PARTITIONS:
        rest = (*parts[2:5], ":".join(parts[5:]))
        shown = ":".join(part or "*" for part in (*rest, "*", "*", "*", "*")[:4])
        return f'Partition "{partition}" is not valid for resource "arn:{partition}:{shown}".'
    if len(parts) == 2:
        return "Resource vendor must be fully qualified and cannot contain regexes."
    if len(parts) < 6:
        return ""
    service, region, last = parts[2], parts[3], parts[5]
    if service == "iam":
        if region:
            return f"IAM resource {resource} cannot contain region information."
        if last != "*" and not last.startswith((*_IAM_PATHS.split(","), *_LATER_IAM_PATHS)):
            return f'IAM resource path must either be "*" or start with {_IAM_PATHS}.'
    if service == "s3" and region and not last.startswith(_S3_REGIONAL):
        return f"Resource {resource} can not contain region information."
    return ""


_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_PRINCIPAL_ARN = re.compile(
    r"arn:aws(?:-[a-z]+)*:(?:iam::\d{12}:(?:root|(?:user|role)/[\x21-\x7e]{1,576})"
    r"|sts::\d{12}:(?:assumed-role|federated-user)/[\x21-\x7e]{1,700})",
    re.ASCII,
)
_UNIQUE_ID = re.compile(r"A(?:IDA|ROA)[A-Z0-9]{12,}")
#: CloudFront's origin access identities, which only S3 takes.
CLOUDFRONT_USER = re.compile(r"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity [A-Z0-9]+")
_SERVICE = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,200}[a-z0-9])?\.amazon(?:aws)?\.com(?:\.cn)?|aws\.internal")


def is_principal(key: str, value: str, exists: Exists | None) -> bool:
    """Whether a principal has the form of its key, and is there as far as `exists` knows.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    if key == "Service":
        return _SERVICE.fullmatch(value) is not None
    if key == "Federated":
        return 0 < len(value) <= 2048 and value.isascii() and " " not in value and "*" not in value
    if key == "CanonicalUser":
        return value.isascii() and value.isalnum()
    if value == "*":
        return True
    if "*" in value or "?" in value:
        return False
    if not (_ACCOUNT.fullmatch(value) or _PRINCIPAL_ARN.fullmatch(value) or _UNIQUE_ID.fullmatch(value)):
        return False
    return exists is None or exists(value)
