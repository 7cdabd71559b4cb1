"""Tries the learner's policy: the service does its work with it, a stranger's calls are refused, AWS finds nothing.

The code that runs under the learner's role is always the lab's own. It is put into the function before each trial, so
that only the role is the learner's: under a name of its own a probe would miss what is allowed by the function's name.
"""

from __future__ import annotations

import hmac
import json
import random
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.contract import Answers, Incorrect, NotAttempted, Uncheckable
from checks.functions import Answer, deploy, invoke, set_variables
from checks.lab06 import measure, shop
from checks.lab06.gap import MOST_EXCESS, Gap
from checks.lab06.night import denial_in
from checks.readings import ARRIVAL_SECONDS, POLL_SECONDS, invocations

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

PROBE = Path(__file__).parent / "probe" / "app.py"
PROBE_SECONDS = 30
#: How long a log line may be on its way in the sandbox, in seconds: it never is.
LOCAL_SECONDS = 2.0
#: Error codes with which services say that a permission is missing.
DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "AuthorizationErrorException",
        "UnauthorizedOperation",
    }
)
#: Findings of Access Analyzer that a policy must not have.
GRAVE = ("ERROR", "SECURITY_WARNING")


# -- the learner's policy --------------------------------------------------------------------------------------


def require_own_policy(cloud: Cloud, answers: Answers) -> str:
    """The text of the learner's policy file, with its names filled in. It must be what IAM has on the role.

    NotAttempted while it is the incident's; Incorrect if it is no JSON, or another one than the role's.
    """
    text = answers.file(shop.POLICY_FILE)
    try:
        document = json.loads(text)
    except ValueError as error:
        raise Incorrect(
            f"{shop.POLICY_FILE} can't be read as JSON: {error}.",
            "a policy document.",
            "IAM takes JSON to the letter: no comments, no comma behind the last item.",
        ) from None
    if document == json.loads(measure.incident_policy()):
        raise NotAttempted(f"{shop.POLICY_FILE} is still the policy of the incident. Edit it, then put it on the role.")
    on_role = _inline(cloud, shop.ORDERS_ROLE, shop.POLICY_NAME)
    filled = shop.policy_text(cloud, text)
    if on_role == json.loads(filled):
        return filled
    if on_role == json.loads(shop.policy_text(cloud, measure.incident_policy())):
        raise NotAttempted(
            f"The role {shop.ORDERS_ROLE} still has the policy of the incident. Run the cell that puts your file on "
            "it; if IAM refuses the file, the cell says why."
        )
    raise Incorrect(
        f"The policy {shop.POLICY_NAME} on the role {shop.ORDERS_ROLE} is another one than the file's.",
        f"what {shop.POLICY_FILE} says: run the cell that puts it on the role.",
        "What is in the repository and what is in force must be the same, or nobody can review it.",
    )


def _inline(cloud: Cloud, role: str, name: str) -> Any:
    iam = cloud.client("iam")
    try:
        return iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    except iam.exceptions.NoSuchEntityException:
        return None


def must_be_clean(cloud: Cloud, text: str) -> None:
    """Incorrect if Access Analyzer has an error or a security warning for the policy."""
    pages = cloud.client("accessanalyzer").get_paginator("validate_policy")
    found = [
        one
        for page in pages.paginate(policyDocument=text, policyType="IDENTITY_POLICY")
        for one in page["findings"]
        if one["findingType"] in GRAVE
    ]
    if not found:
        return
    first = found[0]
    raise Incorrect(
        f"ValidatePolicy has {len(found)} findings of this weight; the first is {first['findingType']} "
        f"{first['issueCode']} at {_place(first)}: {first['findingDetails']}",
        "no finding ERROR or SECURITY_WARNING.",
        "An error means that a part of the policy does nothing, so that you believe what is not so. A security warning "
        "means that it does more than it seems to.",
    )


def _place(finding: Mapping[str, Any]) -> str:
    steps = finding["locations"][0]["path"] if finding["locations"] else []
    words = [str(one.get("value", one.get("index", ""))) for one in steps]
    return ".".join(word for word in words if word) or "the document"


# -- the service -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Service:
    """An orders function and its role."""

    function: str
    role: str


ORDERS = Service(shop.ORDERS, shop.ORDERS_ROLE)
PRODUCTION = Service(shop.PRODUCTION, shop.PRODUCTION_ROLE)


def must_work(cloud: Cloud, draw: random.Random, service: Service) -> None:
    """Orders that nobody has seen: placed, read, listed, with their receipts and log lines. Incorrect names what is
    missing."""
    shop.deploy_orders(cloud, service.function, service.role)
    # A new environment: one that is warm may still have the key from before.
    set_variables(cloud, service.function, PROBE=secrets.token_hex(4))
    key = json.loads(cloud.client("secretsmanager").get_secret_value(SecretId=shop.PAYMENT_KEY)["SecretString"])["key"]
    placed = []
    calls = []
    for _ in range(2):
        order_id, cents = f"order-{draw.randrange(16**8):08x}", draw.randrange(300, 90_000)
        answer = _answered(cloud, service, {"place": order_id, "total_cents": cents}, "Placing an order")
        signature = hmac.new(key.encode(), f"{order_id}:{cents}".encode(), "sha256").hexdigest()
        if not isinstance(answer.result, dict) or answer.result.get("signature") != signature:
            raise Uncheckable(f"{service.function} answered {str(answer.result)[:120]}. Run the check again.")
        _must_have_receipt(cloud, order_id)
        placed.append(order_id)
        calls.append(answer)
    for order_id in placed:
        answer = _answered(cloud, service, {"read": order_id}, "Reading an order")
        if answer.result.get("order_id") != order_id or answer.result.get("status") != "paid":
            raise Uncheckable(f"{service.function} answered {str(answer.result)[:120]}. Run the check again.")
    listed = _answered(cloud, service, {"list": True}, "Listing the tenant's orders")
    if not set(placed) <= {one["order_id"] for one in listed.result["orders"]}:
        raise Uncheckable("A new order is not in the list yet. Run the check again.")
    _must_be_logged(cloud, service, calls)


def _answered(cloud: Cloud, service: Service, event: Mapping[str, Any], what: str) -> Answer:
    answer = invoke(cloud, service.function, dict(event))
    if not answer.error:
        return answer
    missing = denial_in(answer.error)
    if missing is None:
        seen = f"{what} failed: {answer.reason[:200]}."
    else:
        seen = f"{what} failed: {missing.action} on {missing.resource} was refused ({missing.why})."
    raise Incorrect(
        seen,
        f"every call that the function makes in its work is allowed by the role {service.role}.",
        "A role that is too tight fails in the night, at the one order in a hundred that takes the path which nobody "
        "recorded. Read, list and place, once each, before you call it done.",
    )


def _must_have_receipt(cloud: Cloud, order_id: str) -> None:
    storage, key = cloud.client("s3"), f"{shop.TENANT}/{order_id}.json"
    told = storage.head_object(Bucket=shop.receipts_bucket(cloud), Key=key)
    if told.get("ServerSideEncryption") != shop.ENCRYPTION:
        raise Uncheckable(f"The receipt {key} is encrypted with {told.get('ServerSideEncryption')}.")


def _must_be_logged(cloud: Cloud, service: Service, calls: Sequence[Answer]) -> None:
    end = time.monotonic() + (ARRIVAL_SECONDS if cloud.target == "account" else LOCAL_SECONDS)
    wanted = {one.request_id for one in calls}
    while wanted - {one.request_id for one in invocations(cloud, service.function)}:
        if time.monotonic() < end:
            time.sleep(POLL_SECONDS)
            continue
        raise Incorrect(
            f"The orders were placed, and {service.function}'s log has no line of them.",
            "logs:CreateLogStream and logs:PutLogEvents on its own log group, /aws/lambda/"
            f"{service.function}, and what is below it.",
            "Without these a function works, and nobody will ever know what it did. Lambda says nothing about it.",
        )


# -- the gap ---------------------------------------------------------------------------------------------------


def must_be_narrow(cloud: Cloud, service: Service, most: int = MOST_EXCESS) -> Gap:
    """Incorrect unless the role grants what the work needs, and at most so many pairs beyond."""
    found = measure.gap_of(cloud, service.role, service.function)
    if found.missing:
        raise Incorrect(
            f"The role {service.role} lacks {measure.spoken(found.missing)}.",
            "everything that the work needs, for the next order as well as for those on record.",
            "The gap of a role that can't do its work says nothing. A recorded policy knows yesterday's orders by name "
            "and no new one.",
        )
    if found.size > most:
        raise Incorrect(
            f"The privilege gap of {service.role} is {found.size}: it may also {measure.spoken(found.excess)}.",
            f"a gap of at most {most}.",
            "Every pair beyond need is what a stolen session can do, and nobody would miss.",
        )
    return found


# -- attacks ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attack:
    """A call that the role must refuse. `words` say what would be done, `why` what that would mean."""

    words: str
    service: str
    method: str
    params: Mapping[str, Any]
    why: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is only asked of the simulator, because to try it would do harm."""

    words: str
    action: str
    resource: str
    why: str
    context: Mapping[str, str] = field(default_factory=dict)


def must_withstand(cloud: Cloud, draw: random.Random) -> None:
    """Attacks from within the function, each a real call; then what the simulator says of those that would do harm."""
    nonce = f"{draw.randrange(16**8):08x}"
    with _bait(cloud, nonce):
        attacks = real_attacks(cloud, nonce)
        draw.shuffle(attacks)
        own = Attack("read an own order", "dynamodb", "get_item", _item(shop.TENANT, nonce), "")
        control, *answers = _try(cloud, [own, *attacks])
        if control["code"]:
            raise Incorrect(
                f"From within the function an order of {shop.TENANT} could not be read: {control['message'][:200]}",
                "the calls of its work are allowed.",
                "A role that refuses everything withstands every attack, and sells nothing.",
            )
        for attack, answer in zip(attacks, answers, strict=True):
            if answer["code"] not in DENIED:
                how = f"answered {answer['code']}, not refused" if answer["code"] else "answered"
                raise Incorrect(
                    f"From within the function, the call to {attack.words} was {how}.",
                    "AccessDenied.",
                    attack.why,
                )
    for question in questions(cloud):
        decision = simulate(cloud, shop.ORDERS_ROLE, question)
        if decision == "allowed":
            raise Incorrect(
                f"By SimulatePrincipalPolicy the role {shop.ORDERS_ROLE} may {question.words} ({question.action}).",
                "implicitDeny or explicitDeny.",
                question.why,
            )


def real_attacks(cloud: Cloud, nonce: str) -> list[Attack]:
    """Calls that a stranger would try with the session's keys; what they touch is bait, or changes nothing."""
    orders, customers = {"TableName": shop.ORDERS_TABLE}, {"TableName": shop.CUSTOMERS_TABLE}
    bucket, other = shop.receipts_bucket(cloud), shop.OTHER_TENANT
    of_other = {":tenant": {"S": other}}
    sql = f'SELECT * FROM "{shop.ORDERS_TABLE}"'
    tables = "One table holds all tenants: what keeps them apart is this policy alone."
    people = "That is the incident: addresses in a stranger's bucket."
    upload = {"Bucket": bucket, "Body": "{}"}
    return [
        Attack("read a customer", "dynamodb", "get_item", {**customers, "Key": {"customer_id": {"S": nonce}}}, people),
        Attack("scan the customers", "dynamodb", "scan", {**customers, "Limit": 1}, people),
        Attack(f"read an order of {other}", "dynamodb", "get_item", _item(other, nonce), tables),
        Attack(
            f"list the orders of {other}",
            "dynamodb",
            "query",
            {**orders, "KeyConditionExpression": "tenant = :tenant", "ExpressionAttributeValues": of_other},
            tables,
        ),
        Attack(
            f"write an order for {other}",
            "dynamodb",
            "put_item",
            {**orders, "Item": {"tenant": {"S": other}, "order_id": {"S": nonce}}},
            tables,
        ),
        Attack(
            "scan all orders",
            "dynamodb",
            "scan",
            {**orders, "Limit": 1},
            "A Scan names no leading key, and ForAllValues is true of no values at all (fact iam-set-operators).",
        ),
        Attack(
            "read all orders by PartiQL",
            "dynamodb",
            "execute_statement",
            {"Statement": sql},
            "PartiQL has actions of its own. dynamodb:* and dynamodb:Partiql* grant them.",
        ),
        Attack(
            f"read orders of {shop.TENANT} and {other} in one batch",
            "dynamodb",
            "batch_get_item",
            {"RequestItems": {shop.ORDERS_TABLE: {"Keys": [_item(who, nonce)["Key"] for who in shop.TENANTS]}}},
            "With ForAnyValue one own key in the batch opens all the others.",
        ),
        Attack(
            "delete an order",
            "dynamodb",
            "delete_item",
            _item(shop.TENANT, nonce),
            "The service never deletes. Who can, can hide what was done.",
        ),
        Attack(
            "read hr/salaries",
            "secretsmanager",
            "get_secret_value",
            {"SecretId": shop.SALARIES},
            "Another team's secrets lie in the same account. The account is no wall between them.",
        ),
        Attack(
            "upload a receipt without asking for encryption",
            "s3",
            "put_object",
            {**upload, "Key": f"{shop.TENANT}/{nonce}.json"},
            "Which key protects a receipt is not for the function to choose. IfExists, and a negated operator beside "
            "an Allow, let through what brings no header (fact iam-missing-key).",
        ),
        Attack(
            f"upload a receipt for {other}",
            "s3",
            "put_object",
            {**upload, "Key": f"{other}/{nonce}.json", "ServerSideEncryption": shop.ENCRYPTION},
            "A forged receipt in another tenant's folder.",
        ),
        Attack(
            f"read a receipt of {other}",
            "s3",
            "get_object",
            {"Bucket": bucket, "Key": f"{other}/{nonce}.json"},
            "The service writes receipts, and reads none.",
        ),
        Attack(
            "list the receipts",
            "s3",
            "list_objects_v2",
            {"Bucket": bucket, "MaxKeys": 1},
            "A list is the map for what is taken next.",
        ),
        Attack(
            "publish to marketing-news",
            "sns",
            "publish",
            {"TopicArn": shop.topic_arn(cloud, shop.OTHER_TOPIC), "Message": nonce},
            "Mail to every customer, in the shop's name.",
        ),
        Attack(
            "read the queue of orders",
            "sqs",
            "receive_message",
            {"QueueUrl": shop.queue_url(cloud), "VisibilityTimeout": 0},
            "The function tells a topic. What is behind it is not its business.",
        ),
        Attack(
            "read the log of newsletter",
            "logs",
            "filter_log_events",
            {"logGroupName": f"/aws/lambda/{shop.NEWSLETTER}"},
            "Logs hold what nobody meant to write down.",
        ),
        Attack(
            "look at the configuration of newsletter",
            "lambda",
            "get_function_configuration",
            {"FunctionName": shop.NEWSLETTER},
            "Its environment variables are part of it.",
        ),
        Attack("list the roles", "iam", "list_roles", {"MaxItems": 1}, "The first question of every intruder."),
    ]


def _item(tenant: str, order_id: str) -> dict[str, Any]:
    return {"TableName": shop.ORDERS_TABLE, "Key": shop.item({"tenant": tenant, "order_id": order_id})}


def questions(cloud: Cloud) -> list[Question]:
    """What would do harm if it were tried, and so is asked of the simulator."""
    bucket = f"arn:aws:s3:::{shop.receipts_bucket(cloud)}"
    passing = {"iam:PassedToService": "lambda.amazonaws.com"}
    admin = shop.role_arn(cloud, shop.ADMIN_ROLE)
    encrypted = {"s3:x-amz-server-side-encryption": shop.ENCRYPTION}
    return [
        Question(
            "pass the role shop-admin on", "iam:PassRole", admin, "Round 5: it may then do what that may.", passing
        ),
        Question(
            "give its own role more policies",
            "iam:PutRolePolicy",
            shop.role_arn(cloud, shop.ORDERS_ROLE),
            "Who may write its own policy has every permission already.",
        ),
        Question(
            "replace the payment key",
            "secretsmanager:PutSecretValue",
            shop.secret_arn(cloud, shop.PAYMENT_KEY),
            "It reads the key. A wildcard behind secretsmanager: lets it write one as well.",
        ),
        Question(
            "open the payment key to others",
            "secretsmanager:PutResourcePolicy",
            shop.secret_arn(cloud, shop.PAYMENT_KEY),
            "An action of Permissions management: it gives away what the role itself may not.",
        ),
        Question(
            "delete the table of orders",
            "dynamodb:DeleteTable",
            shop.table_arn(cloud, shop.ORDERS_TABLE),
            "A star behind dynamodb: means the table as well as its items.",
        ),
        Question(
            "upload to a stranger's bucket",
            "s3:PutObject",
            "arn:aws:s3:::strangers-bucket/customers.json",
            "That is how the addresses left the house.",
            encrypted,
        ),
        Question("change the bucket's policy", "s3:PutBucketPolicy", bucket, "The bucket would be the whole world's."),
        Question(
            "subscribe somebody to the orders",
            "sns:Subscribe",
            shop.topic_arn(cloud, shop.TOPIC),
            "A copy of every order, from then on.",
        ),
    ]


def simulate(cloud: Cloud, role: str, question: Question) -> str:
    """What IAM's policy simulator says of a role: `allowed`, `implicitDeny` or `explicitDeny`."""
    entries = [
        {"ContextKeyName": name, "ContextKeyType": "string", "ContextKeyValues": [value]}
        for name, value in question.context.items()
    ]
    told = cloud.client("iam").simulate_principal_policy(
        PolicySourceArn=shop.role_arn(cloud, role),
        ActionNames=[question.action],
        ResourceArns=[question.resource],
        ContextEntries=entries,
    )
    return str(told["EvaluationResults"][0]["EvalDecision"])


def _try(cloud: Cloud, attacks: Sequence[Attack]) -> list[Mapping[str, str]]:
    """Make these calls from within the orders function, with its role, and put the service back."""
    calls = [{"service": one.service, "method": one.method, "params": one.params} for one in attacks]
    with _probing(cloud) as ask:
        answer = ask({"calls": calls})
    result = answer.result if isinstance(answer.result, dict) else {}
    session = f":assumed-role/{shop.ORDERS_ROLE}/{shop.ORDERS}"
    if answer.error or not str(result.get("arn", "")).endswith(session):
        raise Uncheckable(f"The probe could not run with the role {shop.ORDERS_ROLE}: {answer.reason[:200]}")
    answers: list[Mapping[str, str]] = result["answers"]
    return answers


@contextmanager
def _probing(cloud: Cloud) -> Iterator[Callable[[Mapping[str, Any]], Answer]]:
    """The function orders runs the probe's code within the block, and the shop's own after it."""
    try:
        deploy(cloud, shop.ORDERS, [PROBE], role=shop.ORDERS_ROLE, timeout_s=PROBE_SECONDS)
        yield lambda event: invoke(cloud, shop.ORDERS, dict(event))
    finally:
        shop.deploy_orders(cloud, shop.ORDERS, shop.ORDERS_ROLE)


@contextmanager
def _bait(cloud: Cloud, nonce: str) -> Iterator[None]:
    """What the attacks are after, made for them and taken away again: orders, a customer, receipts."""
    tables, storage, bucket = cloud.client("dynamodb"), cloud.client("s3"), shop.receipts_bucket(cloud)
    of_customer = shop.item({"customer_id": nonce})
    receipts = [f"{tenant}/{nonce}.json" for tenant in shop.TENANTS]
    for tenant in shop.TENANTS:
        tables.put_item(
            TableName=shop.ORDERS_TABLE, Item=shop.item({"tenant": tenant, "order_id": nonce, "status": "bait"})
        )
    tables.put_item(TableName=shop.CUSTOMERS_TABLE, Item=of_customer)
    storage.put_object(Bucket=bucket, Key=receipts[1], Body=b"{}", ServerSideEncryption=shop.ENCRYPTION)
    try:
        yield
    finally:
        for tenant in shop.TENANTS:
            tables.delete_item(**_item(tenant, nonce))
        tables.delete_item(TableName=shop.CUSTOMERS_TABLE, Key=of_customer)
        for key in receipts:
            storage.delete_object(Bucket=bucket, Key=key)
