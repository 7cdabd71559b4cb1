"""Findings on the resources of a statement: the parts of each ARN, and policy variables in them."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

from sandbox.access import catalog
from sandbox.access.elements import PARTITIONS
from sandbox.access.patterns import Wildcard
from sandbox.access.review import Place, Review

#: https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
REGIONS = frozenset(
    [
        "af-south-1",
        "ap-east-1",
        "ap-east-2",
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-south-1",
        "ap-south-2",
        "ap-southeast-1",
        "ap-southeast-2",
        "ap-southeast-3",
        "ap-southeast-4",
        "ap-southeast-5",
        "ap-southeast-6",
        "ap-southeast-7",
        "ca-central-1",
        "ca-west-1",
        "cn-north-1",
        "cn-northwest-1",
        "eu-central-1",
        "eu-central-2",
        "eu-north-1",
        "eu-south-1",
        "eu-south-2",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "eusc-de-east-1",
        "il-central-1",
        "me-central-1",
        "me-south-1",
        "me-west-1",
        "mx-central-1",
        "sa-east-1",
        "sa-west-1",
        "us-east-1",
        "us-east-2",
        "us-gov-east-1",
        "us-gov-west-1",
        "us-iso-east-1",
        "us-iso-west-1",
        "us-isob-east-1",
        "us-isob-west-1",
        "us-isof-east-1",
        "us-isof-south-1",
        "eu-isoe-west-1",
        "us-west-1",
        "us-west-2",
    ]
)

_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
#: Above this many comparisons, redundant resources are not looked for.
_MOST_COMPARISONS = 100_000


def check_resources(review: Review, statement: Place, trust: bool) -> None:
    """Look at a statement's Resource or NotResource."""
    name = "Resource" if statement.member("Resource") is not None else "NotResource"
    element = statement.member(name)
    if element is None:
        if not trust:
            review.add("MISSING_RESOURCE", statement)
        return
    if trust:
        review.add("ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE", statement.key(name))
        return
    resources = element.each()
    if not resources:
        review.add("EMPTY_ARRAY_RESOURCE", element)
    for resource in resources:
        text = review.text(resource)
        if text is None:
            continue
        check_variables(review, resource, text)
        if text != "*":
            _arn(review, resource, text)
    _redundant(review, [resource for resource in resources if resource.text is not None])


def _redundant(review: Review, resources: Sequence[Place]) -> None:
    texts = [resource.text or "" for resource in resources]
    wide = [(index, Wildcard.of(text)) for index, text in enumerate(texts) if "*" in text or "?" in text]
    if len(wide) * len(texts) > _MOST_COMPARISONS:
        return
    seen: set[str] = set()
    redundant = []
    for index, text in enumerate(texts):
        covered = any(other != index and texts[other] != text and one.matches(text) for other, one in wide)
        if covered or text in seen:
            redundant.append(resources[index])
        seen.add(text)
    if redundant:
        review.add("REDUNDANT_RESOURCE", *redundant, count=len(redundant))


# -- ARNs ----------------------------------------------------------------------------------------------


def _arn(review: Review, place: Place, text: str) -> None:
    parts = text.split(":", 5)
    if parts[0] != "arn":
        review.add("INVALID_ARN_PREFIX", place)
        return
    if len(parts) < 6:
        review.add("MISSING_ARN_FIELD", place, fields=6)
        return
    _, partition, service, region, account, resource = parts
    if not _open(partition) and partition not in PARTITIONS:
        partitions = ", ".join(PARTITIONS)
        review.add("INVALID_PARTITION", place, service=service, partition=partition, partitions=partitions)
    if account and not _open(account) and account not in ("aws", "cloudfront") and not _ACCOUNT.fullmatch(account):
        review.add("INVALID_ARN_ACCOUNT", place, account=account)
    if region and not _open(region) and region not in REGIONS:
        review.add("INVALID_ARN_REGION", place, region=region)
    if "*" in service or "?" in service:
        review.add("WILDCARD_IN_SERVICE_NAME", place)
        return
    if service != service.lower() and service.lower() in _arn_services():
        review.add("INVALID_ARN_SERVICE_CASE", place, service=service)
        service = service.lower()
    if service not in _arn_services():
        review.add("INVALID_SERVICE", place, service=service)
        return
    _of_resource_type(review, place, service)
    _against_templates(review, place, service, region, account, resource)


def _of_resource_type(review: Review, place: Place, service: str) -> None:
    expected = {
        "AWS::S3::Bucket": "s3",
        "AWS::S3::AccessPoint": "s3",
        "AWS::S3::MultiRegionAccessPoint": "s3",
        "AWS::S3ObjectLambda::AccessPoint": "s3-object-lambda",
        "AWS::DynamoDB::Table": "dynamodb",
    }.get(review.resource_type or "")
    if expected is not None and service != expected:
        review.add("UNSUPPORTED_RESOURCE_ARN_IN_POLICY", place, resource_type=review.resource_type)


def _against_templates(review: Review, place: Place, service: str, region: str, account: str, resource: str) -> None:
    """The parts of an ARN against those of the resource types that its last part fits."""
    templates = _templates(service)
    fitting = [each.split(":", 5) for each in templates if catalog.admits_part(each, resource)]
    if not templates:
        return
    if not fitting:
        review.add("INVALID_ARN_RESOURCE", place)
        return
    if region and not any(each[3] for each in fitting):
        review.add("ARN_REGION_NOT_ALLOWED", place, service=service)
    if not region and all(each[3] for each in fitting):
        review.add("MISSING_ARN_REGION", place, service=service)
    if account and not any(each[4] for each in fitting):
        review.add("ARN_ACCOUNT_NOT_ALLOWED", place, service=service)
    if not account and all(each[4] for each in fitting):
        review.add("MISSING_ARN_ACCOUNT", place, resource=place.text)


def _open(part: str) -> bool:
    """Whether a part may stand for several values."""
    return "*" in part or "?" in part or "${" in part


@functools.cache
def _templates(service: str) -> tuple[str, ...]:
    return tuple(
        arn for each in catalog.resource_types(service).values() for arn in each.arns if arn.split(":", 3)[2] == service
    )


@functools.cache
def _arn_services() -> frozenset[str]:
    return catalog.services() | catalog.arn_services()


# -- policy variables ----------------------------------------------------------------------------------

_PLAIN = frozenset("*?$")


def check_variables(review: Review, place: Place, text: str) -> bool:
    """Look at the policy variables in a text; whether it has any.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    if "${" not in text:
        return False
    if not review.variables:
        review.add("VARIABLE_UNSUPPORTED_IN_VERSION", place)
        return True
    at = text.find("${")
    while at >= 0:
        end = text.find("}", at)
        if end < 0 or "${" in text[at + 2 : end]:
            review.add("MISSING_BRACE_IN_VARIABLE", place)
            return True
        _variable(review, place, text[at + 2 : end])
        at = text.find("${", end)
    return True


def _variable(review: Review, place: Place, inside: str) -> None:
    if inside in _PLAIN:
        return
    name, comma, default = inside.partition(",")
    if not name.strip():
        review.add("EMPTY_VARIABLE", place)
    elif " " in name.strip() or name != name.strip():
        review.add("UNSUPPORTED_SPACE_IN_VARIABLE", place)
    default = default.strip()
    if comma and not (len(default) >= 2 and default.startswith("'") and default.endswith("'")):
        review.add("MISSING_QUOTE_IN_VARIABLE", place)
