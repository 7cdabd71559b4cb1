"""Lab 02's opening state, what its stacks are called, and how all that it made goes again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.lab02 import by_hand, doors, stacks, trials
from checks.lab02.packaging import bucket_of
from sandbox.account import LAB_TAG

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

#: The lab's files as they are solved: handlers that nobody has to change.
FILES = Path(__file__).parents[2] / "solutions" / "02-sam-templating"
#: The same files as a learner finds them.
STARTER = FILES.parents[1] / "labs" / FILES.name

FIRST = "orders-first"
DEV, PROD = "orders-env-dev", "orders-env-prod"
VERSIONS = "orders-versions"
CHANGES = "orders-changes"
FAILING = "orders-failing"
CYCLE = "orders-cycle"
LAYERS = "orders-layers"
#: The stacks of the rounds. Those that the judge makes for a moment begin with one of these names.
STACKS = (FIRST, DEV, PROD, VERSIONS, CHANGES, FAILING, CYCLE, LAYERS)

#: The stacks of Build and Break. They keep their tables when they go, and may protect them.
KEEPING = ("orders-dev", "orders-staging", "orders-prod", "shop-prod")

#: The SAM CLI's own stack, which holds the bucket that it uploads to (`--resolve-s3`).
MANAGED = "aws-sam-cli-managed-default"
_GONE = ("DELETE_COMPLETE",)

#: What the lab uses at most, run twice over: the measure of its cost in an account.
PLAN: Mapping[str, float] = {
    "lambda_requests": 600,
    "lambda_gb_s": 120,
    "http_api_requests": 400,
    "dynamodb_writes": 400,
    "dynamodb_reads": 400,
    "logs_gb": 0.01,
}


def make(cloud: Cloud) -> None:
    """The opening state: an empty bucket for code. All else is made by the rounds."""
    if cloud.target == "account":
        # Spending is held back until an estimate was made, by the judge's cloud as well as by the learner's.
        cloud.cost_estimate(PLAN)
    make_bucket(cloud)


def make_bucket(cloud: Cloud) -> None:
    """The bucket for the lab's code, unless it is there."""
    storage, bucket = cloud.client("s3"), bucket_of(cloud)
    if bucket not in {one["Name"] for one in storage.list_buckets()["Buckets"]}:
        where = {} if cloud.region == "us-east-1" else {"LocationConstraint": cloud.region}
        storage.create_bucket(Bucket=bucket, **({"CreateBucketConfiguration": where} if where else {}))


def clear(cloud: Cloud) -> None:
    """Remove what the lab makes, as far as it is there. In an account nothing else may be touched."""
    there = all_stacks(cloud)
    going = [one for one in there if one["StackName"].startswith(STACKS) and "ParentId" not in one]
    groups = [f"/aws/lambda/{one['StackName']}-" for one in going]
    kept = [
        one for one in all_stacks(cloud) if one["StackName"] in KEEPING or one["StackName"].startswith(trials.PREFIX)
    ]
    for one in [*going, *kept]:
        expect_ours(cloud, one)
    for one in kept:
        trials.take_away(cloud, one["StackId"])
    _clear_doors(cloud)
    if made_by_the_lab(cloud):
        going += [one for one in all_stacks(cloud) if one["StackName"] == MANAGED]
    for one in going:
        for name in buckets_of(cloud, one["StackId"]):
            empty(cloud, name)
        cloud.client("cloudformation").delete_stack(StackName=one["StackId"])
    for one in going:
        stacks.delete(cloud, one["StackId"])
    by_hand.clear(cloud)
    clear_logs(cloud, groups)
    clear_bucket(cloud)


def clear_bucket(cloud: Cloud) -> None:
    """Remove the bucket for the lab's code, if it is there."""
    if bucket_of(cloud) in _buckets(cloud):
        empty(cloud, bucket_of(cloud))
        cloud.client("s3").delete_bucket(Bucket=bucket_of(cloud))


def all_stacks(cloud: Cloud) -> list[dict[str, Any]]:
    """The stacks that there are, as DescribeStacks has them."""
    pages = cloud.client("cloudformation").get_paginator("describe_stacks").paginate()
    return [one for page in pages for one in page["Stacks"] if one["StackStatus"] not in _GONE]


def _buckets(cloud: Cloud) -> dict[str, Any]:
    return {one["Name"]: one["CreationDate"] for one in cloud.client("s3").list_buckets()["Buckets"]}


def made_by_the_lab(cloud: Cloud) -> bool:
    """Whether the SAM CLI made its own stack in this lab: it is younger than the lab's own bucket.

    One that was there before belongs to whoever uses the account with `sam`.
    """
    if cloud.target == "local":
        return True
    own, managed = _buckets(cloud).get(bucket_of(cloud)), stacks.described(cloud, MANAGED)
    return bool(own and managed and managed["CreationTime"] >= own)


def buckets_of(cloud: Cloud, stack: str) -> Iterable[str]:
    """The names of the buckets that a stack has; none if there is no such stack."""
    if not stacks.described(cloud, stack):
        return
    for one in stacks.resources(cloud, stack).values():
        if (
            one["ResourceType"] == "AWS::S3::Bucket"
            and one["ResourceStatus"] not in _GONE
            and one.get("PhysicalResourceId")
        ):
            yield str(one["PhysicalResourceId"])


def empty(cloud: Cloud, bucket: str) -> None:
    """Remove all objects of a bucket, in all versions, if it is there."""
    storage = cloud.client("s3")
    with suppress(storage.exceptions.NoSuchBucket):
        for page in storage.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                storage.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])


def clear_logs(cloud: Cloud, beginnings: Iterable[str]) -> None:
    """Remove the log groups that Lambda made by itself for functions of a stack: `/aws/lambda/orders-first-`."""
    logs = cloud.client("logs")
    for beginning in beginnings:
        for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=beginning):
            for one in page["logGroups"]:
                with suppress(logs.exceptions.ResourceNotFoundException):
                    logs.delete_log_group(logGroupName=one["logGroupName"])


def _clear_doors(cloud: Cloud) -> None:
    """The statement that round 3 put back by hand: it is not CloudFormation's to remove."""
    function = stacks.resources(cloud, FIRST).get("Orders") if stacks.described(cloud, FIRST) else None
    name = function.get("PhysicalResourceId") if function else None
    for sid in doors.doors(cloud, name) if name else ():
        cloud.client("lambda").remove_permission(FunctionName=name, StatementId=sid)


def expect_ours(cloud: Cloud, stack: Mapping[str, Any]) -> None:
    """In an account a name such as `orders-first` may be somebody else's: what has not the lab's tag stays."""
    if cloud.target == "account" and LAB_TAG not in {tag["Key"] for tag in stack.get("Tags", [])}:
        raise RuntimeError(
            f"account {cloud.account} has a stack {stack['StackName']} that this lab did not make (it has no tag "
            f"{LAB_TAG}): use an account of its own for the lab, or rename it"
        )
