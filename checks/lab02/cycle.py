"""Tries a template that is to be without a cycle: deploys it under a name of the judge's, and lets a receipt arrive.

The code that runs is always the lab's own; of the learner there is the template.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from checks.contract import Incorrect, Uncheckable
from checks.functions import invoke, runtime
from checks.lab02 import rounds, shop, stacks, trials
from checks.lab02.packaging import bucket_of
from sandbox.templates import TemplateError, read
from sandbox.templates.document import Document

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

FILE = "cycle/template.yaml"
#: So long a receipt may take until it is added up, in seconds of the cloud's time.
ARRIVAL_SECONDS = 60.0
ARRIVAL_SECONDS_LOCALLY = 8.0
_OUTPUTS = "Outputs named Bucket and Table, as they stand in the file that you began with."


def document_of(text: str) -> Document:
    """The learner's template as a document. Incorrect if it can't be read as one."""
    try:
        document = read(text)
        if not isinstance(document.get("Resources"), dict):
            raise TemplateError("Template format error: At least one Resources member must be defined.")
    except TemplateError as error:
        raise Incorrect(
            f"{FILE} can't be read as a template: {error}",
            "YAML with Resources, as the file had when you began.",
            "CloudFormation refuses it before it looks at any resource.",
        ) from None
    return document


def must_add_up(cloud: Cloud, text: str, chance: random.Random) -> None:
    """Deploy the template as stacks of its own, twice, upload a receipt to one, and expect its sum in the table."""
    document = document_of(text)
    stack = f"{shop.CYCLE}-{chance.randrange(16**6):06x}"
    packed = json.dumps(trials.packaged(cloud, document, FILE, shop.FILES / "cycle"))
    given = {"Runtime": runtime()} if "Runtime" in (document.get("Parameters") or {}) else {}
    both = (stack, f"{stack}-again")
    try:
        for name in both:
            _must_be_deployed(stacks.deploy(cloud, name, packed, **given))
        _must_work(cloud, stack, chance, both[1])
    finally:
        for name in both:
            _remove(cloud, name)


def _must_be_deployed(deployment: stacks.Deployment) -> None:
    if deployment.succeeded:
        return
    if "Circular dependency" in deployment.reason:
        raise Incorrect(
            deployment.reason.rstrip(".") + ".",
            "a template in which some resource needs none of the others.",
            "An arrow that leads back has to go: a name that is known beforehand needs no resource to be read from.",
        )
    if deployment.status == "REFUSED":
        raise Incorrect(
            f"CloudFormation refuses {FILE}: {deployment.reason[:300]}",
            "a template that it takes.",
            "It reads the whole template before it makes anything: a type, a name or a property is wrong, and nothing "
            "has been made yet.",
        )
    first = rounds.first_failure(deployment.events, deployment.stack)
    why = f"{first.logical_id}: {first.reason}" if first is not None else deployment.reason
    raise Incorrect(
        f"The template does not deploy as a stack {deployment.stack}. {why[:300]}",
        "one that deploys under any stack name, more than once in an account.",
        "Two stages are two stacks of one template. A name that is typed in, and not made from the stack's, is taken "
        "by the first.",
    )


def _must_work(cloud: Cloud, stack: str, chance: random.Random, other: str) -> None:
    """`other` is a second stack of the same template."""
    outputs = stacks.outputs(cloud, stack)
    if not {"Bucket", "Table"} <= outputs.keys():
        raise Incorrect(
            f"The stack has the outputs {', '.join(sorted(outputs)) or 'none'}.",
            _OUTPUTS,
            "Outputs are how others find what a stack made: the judge, the pipeline, the next stack.",
        )
    bucket, table = outputs["Bucket"], outputs["Table"]
    function = _told_by(cloud, bucket)
    key, receipt = f"receipts/{chance.randrange(16**8):08x}.json", [chance.randrange(50, 5000) for _ in range(3)]
    body = json.dumps({"lines": [{"cents": cents} for cents in receipt]}).encode()
    cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    answer = invoke(cloud, function, _event(bucket, key))
    if answer.error:
        raise Incorrect(
            f"{function} was told of a new receipt and failed: {answer.error[:240]}",
            "a function that may read the bucket's objects and write into the table.",
            "The permission went with the cycle. It is needed, only not by way of the bucket's Ref.",
        )
    cloud.client("dynamodb").delete_item(TableName=table, Key={"receipt": {"S": key}})
    again = f"receipts/{chance.randrange(16**8):08x}.json"
    cloud.client("s3").put_object(Bucket=bucket, Key=again, Body=body)
    found = _sum_of(cloud, table, again)
    if found != sum(receipt):
        said = "has no sum of it" if found is None else f"says {found}"
        raise Incorrect(
            f"A receipt was uploaded, and the table {said}.",
            f"its sum, {sum(receipt)}, some seconds later.",
            "Nobody calls this function: the bucket has to tell it.",
        )
    _must_be_narrow(cloud, function, bucket, stacks.outputs(cloud, other))


def _told_by(cloud: Cloud, bucket: str) -> str:
    """The function that the bucket tells of new objects."""
    try:
        told = cloud.client("s3").get_bucket_notification_configuration(Bucket=bucket)
    except ClientError as refusal:
        raise Incorrect(
            f"The output Bucket is {bucket[:80]!r}: {refusal.response['Error'].get('Message')}",
            "the name of the stack's bucket.",
            "Outputs are how others find what a stack made.",
        ) from None
    functions = [one["LambdaFunctionArn"] for one in told.get("LambdaFunctionConfigurations", [])]
    if not functions:
        raise Incorrect(
            f"The bucket {bucket} tells nobody of a new object.",
            "a notification of s3:ObjectCreated to the function.",
            "Without the event there is no cycle, and no service either.",
        )
    return str(functions[0])


def _event(bucket: str, key: str) -> dict[str, Any]:
    return {"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": key}}}]}


def _sum_of(cloud: Cloud, table: str, key: str) -> int | None:
    """The sum of a receipt, waited for."""
    items: list[Mapping[str, Any]] = []

    def there() -> bool:
        answer = cloud.client("dynamodb").get_item(TableName=table, Key={"receipt": {"S": key}}, ConsistentRead=True)
        items[:] = [answer["Item"]] if "Item" in answer else []
        return bool(items)

    end = time.monotonic() + ARRIVAL_SECONDS_LOCALLY
    with suppress(TimeoutError):
        if cloud.target == "local":
            while not there() and time.monotonic() < end:
                time.sleep(stacks.ASK_SECONDS_LOCALLY)
        else:
            stacks.wait(cloud, there, "the sum", ARRIVAL_SECONDS)
    return int(items[0]["total_cents"]["N"]) if items else None


def _must_be_narrow(cloud: Cloud, function: str, bucket: str, others: Mapping[str, str]) -> None:
    """The role may read this bucket, and neither another one nor remove anything.

    `others` are the outputs of another stack of the same template.
    """
    role = cloud.client("lambda").get_function_configuration(FunctionName=function)["Role"]
    tries = {
        "read another bucket": ("s3:GetObject", f"arn:aws:s3:::{bucket_of(cloud)}/code"),
        "read the other stack's bucket": ("s3:GetObject", f"arn:aws:s3:::{others['Bucket']}/receipts/one.json"),
        "write into the other stack's table": (
            "dynamodb:PutItem",
            f"arn:aws:dynamodb:{cloud.region}:{cloud.account}:table/{others['Table']}",
        ),
        "remove receipts": ("s3:DeleteObject", f"arn:aws:s3:::{bucket}/receipts/one.json"),
    }
    for what, (action, resource) in tries.items():
        told = cloud.client("iam").simulate_principal_policy(
            PolicySourceArn=role, ActionNames=[action], ResourceArns=[resource]
        )["EvaluationResults"]
        if told and told[0]["EvalDecision"] == "allowed":
            raise Incorrect(
                f"The function's role may {what}: {action} on {resource}.",
                "S3ReadPolicy on the one bucket.",
                "A star cuts the cycle as well, and opens every bucket of the account.",
            )


def _remove(cloud: Cloud, stack: str) -> None:
    try:
        for name in shop.buckets_of(cloud, stack):
            shop.empty(cloud, name)
        stacks.delete(cloud, stack)
        shop.clear_logs(cloud, [f"/aws/lambda/{stack}-"])
    except (ClientError, RuntimeError) as error:
        raise Uncheckable(f"The judge's stack {stack} could not be removed: {error}") from error
