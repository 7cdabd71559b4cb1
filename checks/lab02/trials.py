"""Deploys the learner's template for the judge: as a stack of its own, with the shop's code, and gone afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from checks.contract import Answers, Incorrect, NotAttempted
from checks.functions import runtime
from checks.lab02 import packaging, stacks
from sandbox.templates import read
from sandbox.templates.document import Document
from sandbox.templates.errors import TemplateError

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

#: The lab's files as they are solved: handlers that nobody has to change.
FILES = Path(__file__).parents[2] / "solutions" / "02-sam-templating"
#: What the learner's files begin as.
THURSDAY = Path(__file__).parent / "that-thursday"
#: What the judge's own stacks begin with.
PREFIX = "orders-trial"


def own_template(answers: Answers, file: str, beginning: Path) -> Document:
    """The learner's template. NotAttempted while it is as it was, Incorrect if it can't be read."""
    text = answers.file(file)
    try:
        document = read(text)
    except TemplateError as error:
        raise Incorrect(
            f"{file} can't be read: {error}",
            "a template in YAML.",
            "CloudFormation refuses it with the same words, before it makes anything.",
        ) from None
    if not isinstance(document.get("Resources"), dict):
        raise Incorrect(f"{file} has no Resources.", "at least one.", "A template without resources makes nothing.")
    if document == read(beginning.read_text(encoding="utf-8")):
        raise NotAttempted(f"{file} is still as the lab gave it to you.")
    return document


def code_of(document: Document, file: str, folder: Path, upload: Callable[[Path], str]) -> Document:
    """The document with its code in S3. `folder` is where its paths begin; Incorrect for a path that leads nowhere."""

    def uri(place: str) -> str:
        code = (folder / place).resolve()
        if not code.is_relative_to(folder.resolve()) or not code.is_dir():
            raise Incorrect(
                f"{file} takes code from {place[:80]!r}.",
                "a folder beside the template; the shop's code is in src/.",
                "Another machine has the repository and nothing else: the pipeline's, say.",
            )
        return upload(code)

    shared = document.get("Globals")
    function = shared.get("Function") if isinstance(shared, dict) else None
    if isinstance(shared, dict) and isinstance(function, dict):
        own = function.get("CodeUri")
        if isinstance(own, str) and not own.startswith("s3://"):
            document = {**document, "Globals": {**shared, "Function": {**function, "CodeUri": uri(own)}}}
    return packaging.with_code(document, uri)


def packaged(cloud: Cloud, document: Document, file: str, folder: Path) -> Document:
    """The document with the shop's code in the lab's bucket."""
    return code_of(document, file, folder, lambda code: packaging.upload(cloud, code))


def text_of(document: Document) -> str:
    """A document as CloudFormation takes it."""
    return json.dumps(document)


def parameters(**given: object) -> dict[str, object]:
    """The parameters of a deployment: these, and the runtime of the machine's own Python."""
    return {"Runtime": runtime(), **given}


def succeeded(deployment: stacks.Deployment, what: str) -> None:
    """Incorrect, naming the first failure, unless the deployment succeeded."""
    if deployment.succeeded and deployment.status != "NO_CHANGE":
        return
    raise Incorrect(
        f"{what} ended as {deployment.status}: {cause(deployment)}",
        "CREATE_COMPLETE or UPDATE_COMPLETE.",
        "The first resource that failed has the reason. What comes after it is cancelled for its sake.",
    )


def cause(deployment: stacks.Deployment) -> str:
    """The first failure of a deployment, in CloudFormation's words."""
    for one in deployment.events:
        if one.status.endswith("_FAILED") and "cancelled" not in one.reason:
            return f"{one.logical_id} ({one.type}): {one.reason[:400]}"
    return deployment.reason[:400] or "CloudFormation gives no reason"


@contextmanager
def removed(cloud: Cloud, *names: str) -> Iterator[None]:
    """Within the block these stacks may be made; after it they are gone, with what a policy had kept."""
    try:
        yield
    finally:
        for name in names:
            take_away(cloud, name)


def take_away(cloud: Cloud, stack: str) -> None:
    """Remove a stack and everything that it has ever made, protected and retained resources too."""
    id = stacks.described(cloud, stack).get("StackId") or _deleted(cloud, stack)
    if id is None:
        return
    made = made_by(cloud, id)
    for name in made.get("AWS::DynamoDB::Table", ()):
        unprotect(cloud, name)
    with suppress(RuntimeError):
        stacks.delete(cloud, id)
    for name in made.get("AWS::DynamoDB::Table", ()):
        with suppress(ClientError):
            cloud.client("dynamodb").delete_table(TableName=name)
    for url in made.get("AWS::SQS::Queue", ()):
        with suppress(ClientError):
            cloud.client("sqs").delete_queue(QueueUrl=url)
    for name in made.get("AWS::Logs::LogGroup", ()):
        with suppress(ClientError):
            cloud.client("logs").delete_log_group(logGroupName=name)
    for name in made.get("AWS::Lambda::Function", ()):
        # The group that Lambda makes for a function whose template names none.
        with suppress(ClientError):
            cloud.client("logs").delete_log_group(logGroupName=f"/aws/lambda/{name}")


def _deleted(cloud: Cloud, stack: str) -> str | None:
    """The id of the last deleted stack of this name: CloudFormation has its events for some time yet."""
    pages = cloud.client("cloudformation").get_paginator("list_stacks")
    gone = [
        one
        for page in pages.paginate(StackStatusFilter=["DELETE_COMPLETE"])
        for one in page["StackSummaries"]
        if one["StackName"] == stack
    ]
    return max(gone, key=lambda one: one["CreationTime"])["StackId"] if gone else None


def made_by(cloud: Cloud, stack: str) -> dict[str, list[str]]:
    """The physical ids of all that a stack has made, by their types, as its events tell."""
    made: dict[str, list[str]] = {}
    for one in stacks.events(cloud, stack):
        known = made.setdefault(one.type, [])
        if one.physical_id and one.type != "AWS::CloudFormation::Stack" and one.physical_id not in known:
            known.append(one.physical_id)
    return {kind: names for kind, names in made.items() if names}


def unprotect(cloud: Cloud, table: str) -> None:
    """Take a table's deletion protection away, if the table is there."""
    with suppress(ClientError):
        cloud.client("dynamodb").update_table(TableName=table, DeletionProtectionEnabled=False)


#: How to ask for one thing of a type, by its physical id.
_ASKED: Mapping[str, Callable[[Any, str], Any]] = {
    "AWS::DynamoDB::Table": lambda cloud, name: cloud.client("dynamodb").describe_table(TableName=name),
    "AWS::SQS::Queue": lambda cloud, url: cloud.client("sqs").get_queue_url(QueueName=url.rpartition("/")[2]),
    "AWS::Lambda::Function": lambda cloud, name: cloud.client("lambda").get_function(FunctionName=name),
    "AWS::IAM::Role": lambda cloud, name: cloud.client("iam").get_role(RoleName=name),
    "AWS::ApiGatewayV2::Api": lambda cloud, id: cloud.client("apigatewayv2").get_api(ApiId=id),
    "AWS::Logs::LogGroup": lambda cloud, name: _the_group(cloud, name),
}


def still_there(cloud: Cloud, kind: str, physical_id: str) -> bool:
    """Whether something that a stack made is still in the account; False for types that nobody asks for."""
    ask = _ASKED.get(kind)
    if ask is None:
        return False
    try:
        ask(cloud, physical_id)
    except (ClientError, LookupError):
        return False
    return True


def _the_group(cloud: Cloud, name: str) -> Mapping[str, Any]:
    """A log group as DescribeLogGroups has it. KeyError if there is none of this name."""
    for one in cloud.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]:
        if one["logGroupName"] == name:
            return dict(one)
    raise KeyError(name)


def log_group(cloud: Cloud, name: str) -> Mapping[str, Any] | None:
    """A log group as DescribeLogGroups has it; None if there is none of this name."""
    try:
        return _the_group(cloud, name)
    except KeyError:
        return None
