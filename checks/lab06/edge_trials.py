"""What rounds 5 to 7 try out: a role that is passed on, topics that reach a queue, and functions that need a secret."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.functions import Answer, deploy, invoke, package, powertools_layer, remove, runtime, wait_until_updated
from checks.lab06 import reading, shop
from checks.lab06.sessions import Acting, Outcome, attempt
from checks.readings import Reading, invocations

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

ESCALATED = "escalated"

#: How long a message may be on its way in an account, in seconds.
ARRIVAL_SECONDS = 20.0

READERS = ("reads-each-time", "reads-cached", "reads-variable")


# -- 5: a role that is passed on -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Passed:
    """One try of the deployer: a function with this role, and what that function read (None if it never came to be)."""

    role: str
    created: Outcome
    read: Answer | None

    def __str__(self) -> str:
        if self.read is None:
            return str(self.created)
        return f"{self.created}; it says {self.read.error or json.dumps(self.read.result)}"


def stars_again(cloud: Cloud) -> None:
    """The deployer's role as the incident found it: its two stars, and no boundary."""
    iam = cloud.client("iam")
    with suppress(iam.exceptions.NoSuchEntityException):
        iam.delete_role_permissions_boundary(RoleName=shop.DEPLOYER_ROLE)
    shop.put_policy(cloud, shop.DEPLOYER_ROLE, shop.policy(*shop.deployer_statements()), shop.DEPLOYER_ROLE)


def put_statements(cloud: Cloud, role: str, statements: Sequence[shop.Statement]) -> None:
    """Let the role's own inline policy be these statements."""
    shop.put_policy(cloud, role, shop.policy(*statements), role)


def put_boundary(cloud: Cloud, role: str, statements: Sequence[shop.Statement]) -> None:
    """Make the managed policy `deployer-boundary` of these statements, and the role's permissions boundary of it."""
    iam = cloud.client("iam")
    with suppress(iam.exceptions.NoSuchEntityException):
        iam.delete_role_permissions_boundary(RoleName=role)
    shop.remove_policy(cloud, shop.DEPLOYER_BOUNDARY)
    made = iam.create_policy(PolicyName=shop.DEPLOYER_BOUNDARY, PolicyDocument=json.dumps(shop.policy(*statements)))[
        "Policy"
    ]["Arn"]
    iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=made)
    shop.settle(cloud)


def pass_on(cloud: Cloud, acting: Acting, file: Path, role: str) -> Passed:
    """Make the function `escalated` with this role, as somebody else, and call it, if it came to be."""
    remove(cloud, ESCALATED)
    created = attempt(
        f"create a function with {role}",
        acting.client("lambda").create_function,
        FunctionName=ESCALATED,
        Role=shop.role_arn(cloud, role),
        Runtime=runtime(),
        Handler="app.handler",
        Timeout=10,
        MemorySize=512,
        Code={"ZipFile": package([file])},
        Layers=[powertools_layer(cloud.region)],
    )
    if not created.allowed:
        return Passed(role, created, None)
    wait_until_updated(cloud, ESCALATED)
    return Passed(role, created, invoke(cloud, ESCALATED))


# -- 6: topics that reach a queue ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic that is subscribed to by the shop's queue, and a client of its owner's."""

    owner: str
    arn: str
    client: Any


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message of a trial that lies in the queue. `message_id` is SNS's, where SNS says it, else the queue's."""

    message_id: str
    topic: str
    trial: str


def topics(cloud: Cloud) -> list[Topic]:
    """The topics that try to reach the queue: its own, another team's, and one of another account, if there is one."""
    own = cloud.client("sns")
    found = [
        Topic("the shop's own", shop.topic_arn(cloud, shop.TOPIC), own),
        Topic("another team's", shop.topic_arn(cloud, shop.OTHER_TOPIC), own),
    ]
    theirs = shop.stranger(cloud)
    if theirs is not None:
        topics = theirs.client("sns")
        found.append(Topic("a stranger's", topics.create_topic(Name=shop.STRANGERS_TOPIC)["TopicArn"], topics))
    for one in found[1:]:
        one.client.subscribe(TopicArn=one.arn, Protocol="sqs", Endpoint=shop.queue_arn(cloud))
    return found


def set_queue_policy(cloud: Cloud, condition: Mapping[str, Any]) -> None:
    """Let SNS send to the queue, under this condition (none if it is empty)."""
    statement = {**shop.open_queue_policy(cloud)["Statement"][0], **({"Condition": condition} if condition else {})}
    cloud.client("sqs").set_queue_attributes(
        QueueUrl=shop.queue_url(cloud), Attributes={"Policy": json.dumps(shop.policy(statement))}
    )
    # SQS may take a minute. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
    shop.settle(cloud, 60.0)


def publish(cloud: Cloud, senders: Sequence[Topic], trial: str) -> list[Arrived]:
    """One message from each topic; those of this trial that then lie in the queue."""
    nonce = secrets.token_hex(6)
    for one in senders:
        one.client.publish(TopicArn=one.arn, Message=json.dumps({"trial": trial, "topic": one.arn, "nonce": nonce}))
    end = time.monotonic() + (ARRIVAL_SECONDS if cloud.target == "account" else 0.0)
    while True:
        found = [one for text, one in _in_queue(cloud) if nonce in text]
        if any(one.topic == senders[0].arn for one in found) or time.monotonic() > end:
            return found
        time.sleep(1.0)


def in_queue(cloud: Cloud) -> list[Arrived]:
    """The messages of trials that lie in the queue. They stay there."""
    return [one for _, one in _in_queue(cloud)]


def _in_queue(cloud: Cloud) -> list[tuple[str, Arrived]]:
    queues, url = cloud.client("sqs"), shop.queue_url(cloud)
    seen: dict[str, tuple[str, Arrived | None]] = {}
    receipts = []
    while True:
        got = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=30).get("Messages", [])
        if not got:
            break
        receipts += [one["ReceiptHandle"] for one in got]
        seen |= {one["MessageId"]: (one["Body"], _arrived(one["MessageId"], one["Body"])) for one in got}
    for start in range(0, len(receipts), 10):
        entries = [
            {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
            for number, receipt in enumerate(receipts[start : start + 10])
        ]
        queues.change_message_visibility_batch(QueueUrl=url, Entries=entries)
    return [(body, one) for body, one in seen.values() if one is not None]


def _arrived(queue_id: str, body: str) -> Arrived | None:
    """What a message's body tells, as SNS wraps it or raw; None for the shop's orders."""
    told = _object(body)
    inner = _object(told.get("Message")) if "TopicArn" in told else told
    if "trial" not in inner:
        return None
    return Arrived(
        str(told.get("MessageId", queue_id)), str(told.get("TopicArn", inner.get("topic"))), str(inner["trial"])
    )


def _object(text: Any) -> Mapping[str, Any]:
    try:
        told = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


# -- 7: functions that need a secret ---------------------------------------------------------------------------


def deploy_readers(cloud: Cloud, folder: Path) -> None:
    """The three functions that need the payment key, each its own way, and the role `viewer`: it may look at the
    configuration of functions, as a dashboard does, and read no secret."""
    group = f"arn:aws:logs:{cloud.region}:{cloud.account}:log-group:/aws/lambda/reads-*"
    shop.make_role(
        cloud,
        shop.READERS_ROLE,
        shop.allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], f"{group}:*"),
        shop.allow("secretsmanager:GetSecretValue", shop.secret_arn(cloud, shop.PAYMENT_KEY)),
        service="lambda.amazonaws.com",
    )
    looks = shop.allow(["lambda:ListFunctions", "lambda:GetFunctionConfiguration"], "*", Sid="LookAtFunctions")
    shop.make_role(cloud, shop.VIEWER_ROLE, looks)
    for name in READERS:
        value = payment_key(cloud) if name == "reads-variable" else shop.PAYMENT_KEY
        deploy(
            cloud,
            name,
            [folder / name / "app.py"],
            role=shop.READERS_ROLE,
            timeout_s=10,
            variables={"PAYMENT_KEY": value},
            anew=True,
        )


def payment_key(cloud: Cloud) -> str:
    """The payment key as it stands now, as Secrets Manager gives it."""
    return str(cloud.client("secretsmanager").get_secret_value(SecretId=shop.PAYMENT_KEY)["SecretString"])


def call_readers(cloud: Cloud, times: int) -> None:
    """Call the three functions, in turn."""
    for _ in range(times):
        for name in READERS:
            invoke(cloud, name)


def fingerprint(secret: str) -> str:
    """What the functions of round 7 tell of a key: enough to tell two keys apart."""
    return hashlib.sha256(secret.encode()).hexdigest()[:6]


def rotate(cloud: Cloud) -> None:
    """Give the payment key a new value, as a rotation does."""
    cloud.client("secretsmanager").put_secret_value(
        SecretId=shop.PAYMENT_KEY, SecretString=json.dumps({"key": secrets.token_hex(16)})
    )


def with_keys(cloud: Cloud, function: str) -> list[Reading]:
    """The function's calls that had a key at hand; `value("fingerprint")` tells which."""
    return [one for one in invocations(cloud, function) if one.value("fingerprint")]


def reads_of(cloud: Cloud, function: str) -> list[reading.Event]:
    """CloudTrail's events in which this function, as it is deployed now, read a secret."""
    calls = invocations(cloud, function)
    if not calls:
        return []
    # The history's times are whole seconds; Init may read too.
    began = min(one.init_start or one.start for one in calls).replace(microsecond=0)
    found = reading.events(cloud, name="GetSecretValue", role=shop.READERS_ROLE)
    return [one for one in found if one.session == function and not one.code and one.time >= began]
