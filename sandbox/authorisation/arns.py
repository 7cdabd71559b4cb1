"""ARNs: their parts, and building one for a call's account and region.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sandbox.authorisation.need import Underivable
from sandbox.gateway.call import Call

#: No ARN is longer; what is, is not read as one.
MAX_LENGTH = 2_048


class Arn(NamedTuple):
    """An ARN's parts. `resource` is all that follows the account."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return ":".join(("arn", *self))


def parse(text: str) -> Arn | None:
    """The parts of an ARN; None for what isn't one."""
    if not text.startswith("arn:") or len(text) > MAX_LENGTH:
        return None
    parts = text.split(":", 5)
    return Arn(*parts[1:]) if len(parts) == 6 else None


def partition(region: str) -> str:
    """The partition of a region."""
    if region.startswith("cn-"):
        return "aws-cn"
    if region.startswith("us-gov-"):
        return "aws-us-gov"
    return "aws"


def in_partition(
    call: Call, service: str, resource: str, *, region: str | None = None, account: str | None = None
) -> str:
    """The ARN of a resource where a call is made: its partition, and by default its region and account."""
    named_region = call.region if region is None else region
    named_account = call.account if account is None else account
    return f"arn:{partition(call.region)}:{service}:{named_region}:{named_account}:{resource}"


def of_region(call: Call, arn: str) -> str:
    """The ARN, if it is of the region that is called or of none: an endpoint knows its own region's resources only.

    What answers the call goes by the name in the ARN, so the resource that is asked about must not be another one.
    """
    found = parse(arn)
    if found is not None and found.region not in ("", "*", call.region):
        raise Underivable(f"{call.service}:{call.operation} in {call.region} names {arn}, of another region")
    return arn


_FUNCTION = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:)?(?:((?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?(?:(\d{12}):)?"
    r"(?:function:)?([a-zA-Z0-9-_]+)(?::(\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)


def function_arn(call: Call, given: str, qualifier: str | None = None) -> str:
    """The ARN of a function in any of the forms that Lambda takes: name, partial ARN or ARN, each with or without a
    qualifier. https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_RequestSyntax"""
    found = _FUNCTION.fullmatch(given)
    if found is None:
        raise Underivable(f"{call.service}:{call.operation}: {given!r} is no function's name or ARN")
    region, account, name, named_qualifier = found.groups()
    chosen = qualifier or named_qualifier
    resource = f"function:{name}:{chosen}" if chosen else f"function:{name}"
    arn = in_partition(call, "lambda", resource, region=region, account=account)
    return arn if call.service != "lambda" else of_region(call, arn)
