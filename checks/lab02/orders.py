"""Tries the orders service that the learner's template makes: what it answers, and what it is like in every stage."""

from __future__ import annotations

import json
import random
import re
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from checks import execution
from checks.contract import Answers, Incorrect
from checks.lab02 import fitness, stacks, tools, trials
from checks.lab02.service import ALIAS, Service
from sandbox.templates.document import Document

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

FILE = "orders/template.yaml"
FOLDER = trials.FILES / "orders"
BEGINNING = trials.THURSDAY / "template.yaml"

#: Values of LogRetentionDays that every template must take; CloudWatch Logs knows more.
RETENTIONS = (1, 3, 5, 14, 30, 60, 90)
OUTPUTS = ("ApiUrl", "TableName", "QueueUrl")
#: A message that nobody can read is given up after so many receives at most.
MOST_RECEIVES = 5
#: How long a failed message is kept: the longest that SQS keeps any, in seconds.
KEPT_SECONDS = 14 * 86_400
VERSION_HEADER = "x-orders-version"
LINT_SECONDS = 60.0
#: How the SAM CLI shows what cfn-lint finds: `[[W7001: ...] (...) matched 20]`.
_FINDING = re.compile(r"\[+[EWI]\d{4}:")


def own_template(answers: Answers) -> Document:
    """The learner's template of the orders service. NotAttempted, Incorrect."""
    return trials.own_template(answers, FILE, BEGINNING)


def built(cloud: Cloud, answers: Answers) -> None:
    """The check: lint, every stage, two of them side by side, with parameters that nobody has seen, and all rows."""
    document, text = own_template(answers), answers.file(FILE)
    draw = answers.random
    stages = ["prod", *draw.sample(["dev", "staging"], 2)]
    retentions = draw.sample(RETENTIONS, len(stages))
    nonce = f"{draw.randrange(16**6):06x}"
    names = [f"{trials.PREFIX}-{nonce}-{stage}" for stage in stages]
    given = list(zip(names, stages, retentions, strict=True))
    with ThreadPoolExecutor(1) as pool, trials.removed(cloud, *names):
        packed = trials.text_of(trials.packaged(cloud, document, FILE, FOLDER))
        _closed_to_other_stages(cloud, names[0], packed)
        services = [deployed(cloud, name, packed, stage, retention) for name, stage, retention in given[:2]]
        _must_serve(services[0], draw)
        # The linter takes seconds of a processor: beside the second stage's trials, and not for one that fails already.
        linted = pool.submit(lint, text, cloud.region)
        _must_serve(services[1], draw)
        must_be_clean(linted)
        # What is wrong with a template is nearly always seen in two stages: the third is made last.
        name, stage, retention = given[2]
        last = deployed(cloud, name, packed, stage, retention)
        must_answer(last, draw)
        fitness.must_be_fit(last)
        fitness.must_outlive_its_stack(services[1])


def _must_serve(service: Service, draw: random.Random) -> None:
    must_answer(service, draw)
    must_announce(service, draw)
    fitness.must_be_fit(service)


# -- before anything is made -----------------------------------------------------------------------------------


def lint(text: str, region: str) -> execution.Ended:
    """`sam validate --lint` of a template, confined: the text is the learner's."""
    with tempfile.TemporaryDirectory(prefix="coldstart-lint-") as folder:
        scratch = Path(folder).resolve()
        (scratch / "template.yaml").write_text(text, encoding="utf-8")
        variables = {**tools.machine(), "HOME": str(scratch), "TMPDIR": str(scratch), "AWS_REGION": region}
        return execution.run(["sam", "validate", "--lint", "--region", region], scratch, variables, LINT_SECONDS)


def must_be_clean(linted: Future[execution.Ended]) -> None:
    ended = linted.result()
    if ended.exit_code == 0:
        return
    lines = [line.strip() for line in ended.output.splitlines() if line.strip()]
    found = next((line for line in lines if _FINDING.match(line)), lines[-1] if lines else "")
    raise Incorrect(
        f"sam validate --lint finds fault with {FILE}: {found[:300]}",
        "not a single finding.",
        "The linter knows every type and property. What it finds in a second is found in minutes by a deployment, "
        "after half of it is made.",
    )


def _closed_to_other_stages(cloud: Cloud, stack: str, text: str) -> None:
    planned = stacks.plan(cloud, stack, text, **trials.parameters(Stage="production", LogRetentionDays=14))
    if "Stage" in planned.reason and "llowed" in planned.reason:
        return
    if planned.reason and not planned.empty:
        raise Incorrect(
            f"A deployment with Stage=production was refused, but not by AllowedValues: {planned.reason[:300]}",
            "the parameters Stage (dev, staging or prod), LogRetentionDays and Runtime, and no other stage.",
            "Whoever deploys it, the pipeline above all, knows the template by its parameters.",
        )
    raise Incorrect(
        "A deployment with Stage=production was not refused.",
        "AllowedValues for Stage: dev, staging, prod.",
        "A stage that nobody meant has no size and no protection of its own. It falls through every condition.",
    )


def deployed(cloud: Cloud, name: str, text: str, stage: str, retention: int) -> Service:
    """Deploy it. Incorrect if that fails, or an output is missing."""
    given = trials.parameters(Stage=stage, LogRetentionDays=retention)
    trials.succeeded(stacks.deploy(cloud, name, text, **given), f"The deployment with Stage={stage}")
    return service_of(cloud, name, stage, retention)


def service_of(cloud: Cloud, name: str, stage: str, retention: int) -> Service:
    """What stands after a deployment. Incorrect if an output is missing, or there is no function."""
    told = stacks.outputs(cloud, name)
    missing = [one for one in OUTPUTS if not told.get(one)]
    if missing:
        raise Incorrect(
            f"The stack has no output {missing[0]}; it has {', '.join(sorted(told)) or 'none'}.",
            f"the outputs {', '.join(OUTPUTS)}.",
            "Names that CloudFormation makes can't be guessed. Outputs are how others, your scripts too, find them.",
        )
    found = [
        cloud.client("lambda").get_function_configuration(FunctionName=one["PhysicalResourceId"])
        for one in stacks.resources(cloud, name).values()
        if one["ResourceType"] == "AWS::Lambda::Function"
    ]
    if not found:
        raise Incorrect("The stack has no function.", "the orders function.", "Without it there is no service.")
    return Service(cloud, name, stage, retention, told, found)


# -- what it answers -------------------------------------------------------------------------------------------


def must_answer(service: Service, draw: random.Random) -> None:
    """An order that nobody has seen is placed and found, an unknown one is not. Incorrect."""
    order = {"customer": f"customer-{draw.randrange(16**6):06x}", "total_cents": draw.randrange(100, 99_999)}
    placed = service.call("POST", "/orders", order)
    body = placed.body if isinstance(placed.body, dict) else {}
    if placed.status != 201 or body.get("total_cents") != order["total_cents"] or "order_id" not in body:
        raise Incorrect(
            f"In stage {service.stage}, POST /orders answered {placed.status}: {str(placed.body)[:200]}",
            "201, and the order.",
            "The function's log has the reason: a variable that is missing, a permission, a route.",
        )
    must_be_of_a_version(placed)
    found = service.call("GET", f"/orders/{body['order_id']}")
    if found.status != 200 or found.body != body:
        raise Incorrect(
            f"In stage {service.stage}, GET of the new order answered {found.status}: {str(found.body)[:200]}",
            "200, and the same order.",
            "An order that can't be found again was not taken.",
        )
    unknown = service.call("GET", f"/orders/order-{draw.randrange(16**12):012x}")
    if unknown.status != 404:
        raise Incorrect(
            f"In stage {service.stage}, GET of an order that there is not answered {unknown.status}.",
            "404.",
            "The service itself answers that: something between it and the caller does not pass the answer on.",
        )
    key = {"order_id": {"S": body["order_id"]}}
    try:
        kept = service.cloud.client("dynamodb").get_item(TableName=service.table, Key=key).get("Item")
    except ClientError as error:
        kept = None
        reason = f" ({error.response['Error'].get('Message', '')[:120]})"
    else:
        reason = ""
    if not kept:
        raise Incorrect(
            f"The output TableName is {service.table}, which does not have the order that was just placed{reason}.",
            "the table that this stack's function writes to.",
            "That was Tuesday's incident: one stage that works on the data of another, and every answer looks right.",
        )


def must_be_of_a_version(reply: tools.Reply) -> None:
    """Incorrect unless a published version answered."""
    version = reply.headers.get(VERSION_HEADER, "")
    if not version.isdigit():
        raise Incorrect(
            f"The API's call was answered by version {version or 'unknown'} of the function.",
            f"a published version, by way of the alias {ALIAS}.",
            "What calls $LATEST has no version to go back to: each update is live at once, and whole.",
        )


def must_announce(service: Service, draw: random.Random) -> None:
    """The order's message lies in the queue; one that is never deleted ends in the dead-letter queue. Incorrect."""
    queues, url = service.cloud.client("sqs"), service.outputs["QueueUrl"]
    try:
        given = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"]).get("Attributes", {})
    except ClientError as error:
        raise Incorrect(
            f"The output QueueUrl is {url[:120]}, and SQS says: {error.response['Error'].get('Message', '')[:120]}",
            "the queue's URL: what !Ref gives for it.",
            "Who reads the orders' events has nothing else to find the queue by.",
        ) from None
    body = f"poison {draw.randrange(16**8):08x}"
    queues.send_message(QueueUrl=url, MessageBody=body)
    seen = _received_until_gone(queues, url)
    if not any("order-placed" in text for text in seen):
        raise Incorrect(
            f"An order was placed in stage {service.stage}, and no message order-placed lay in the queue.",
            "a message for each order in the queue of the output QueueUrl.",
            "The function sends it to the queue in its variable QUEUE_URL.",
        )
    if body not in seen or not given.get("RedrivePolicy"):
        raise Incorrect(
            f"The queue of stage {service.stage} has no redrive policy.",
            "a dead-letter queue for messages that were received a few times in vain.",
            "One message that nobody can read comes back until it is too old, and takes the place of others.",
        )
    if seen[body] > MOST_RECEIVES:
        raise Incorrect(
            f"After {seen[body]} receives the poison message was still in the queue.",
            f"given up after {MOST_RECEIVES} at most (maxReceiveCount).",
            "Each try costs a function's time and delays what is behind it.",
        )
    dead = json.loads(given["RedrivePolicy"])["deadLetterTargetArn"].rpartition(":")[2]
    dead_url = queues.get_queue_url(QueueName=dead)["QueueUrl"]
    if body not in _received_until_gone(queues, dead_url, most=3):
        raise Incorrect(
            f"The poison message is not in {dead}.",
            "the dead-letter queue has it, and can be read.",
            "A message that is given up must lie where somebody finds it.",
        )
    kept = int(
        queues.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["All"])["Attributes"].get(
            "MessageRetentionPeriod", 0
        )
    )
    if kept < KEPT_SECONDS:
        raise Incorrect(
            f"{dead} keeps a message for {kept / 86_400:.0f} days.",
            "14 days, the longest that there is.",
            "A message's age goes on when it is moved: after four days, over a long weekend, nobody has seen it.",
        )


def _received_until_gone(queues: Any, url: str, most: int = MOST_RECEIVES + 2) -> dict[str, int]:
    """How often each message could be received, by its body, when nobody deletes it."""
    seen: dict[str, int] = {}
    for _ in range(most):
        # What is received at once is left visible, so that the next try gets it too.
        told = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, WaitTimeSeconds=0)
        if not told.get("Messages"):
            break
        for one in told["Messages"]:
            seen[one["Body"]] = seen.get(one["Body"], 0) + 1
    return seen
