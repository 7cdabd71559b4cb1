"""The shop's opening state on Sunday at 03:12: its data, its secrets, its functions, and roles that may too much."""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from checks.functions import Answer, deploy, invoke, remove
from checks.lab06.sessions import Acting, assume
from sandbox.account import LAB_TAG

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

Statement = Mapping[str, Any]

#: The handlers that the shop runs; the lab's folder has the same ones, and nobody has to change them.
HANDLERS = Path(__file__).parents[2] / "solutions" / "06-iam-least-privilege"
#: The policy that the learner tightens: a file of the lab's folder, and the inline policy's name on the role.
POLICY_FILE = "orders-policy.json"
POLICY_NAME = "orders"
#: The policy of the incident, with which the learner's file begins.
INCIDENT = Path(__file__).parent / "that-friday" / POLICY_FILE
#: What production runs with until tonight: it does the work, and says neither whose orders nor how receipts are kept.
PRODUCTION_POLICY = INCIDENT.with_name("production-policy.json")

ORDERS = "orders"
NEWSLETTER = "newsletter"
PRODUCTION = "orders-prod"
ROUND_FUNCTIONS = ("whoami", "escalated", "reads-each-time", "reads-cached", "reads-variable")

ORDERS_ROLE = "orders-execution"
NEWSLETTER_ROLE = "newsletter-execution"
PRODUCTION_ROLE = "orders-prod"
ADMIN_ROLE = "shop-admin"
DEPLOYER_ROLE = "deployer"
INTERN_ROLE = "intern"
#: For functions that need nothing but their log.
PLAIN_ROLE = "plain-execution"
#: Roles that round 7 makes: for the functions that read a secret, and for who looks at their configuration.
READERS_ROLE = "reads-execution"
VIEWER_ROLE = "viewer"
ROUND_ROLES = (READERS_ROLE, VIEWER_ROLE)
#: Roles that the rounds make for a trial of one policy each begin with this.
TRIAL_PREFIX = "trial-"
ROLES = (
    ORDERS_ROLE,
    NEWSLETTER_ROLE,
    PRODUCTION_ROLE,
    ADMIN_ROLE,
    DEPLOYER_ROLE,
    INTERN_ROLE,
    PLAIN_ROLE,
)

SUPPORT_POLICY = "shop-support"
INTERN_BOUNDARY = "intern-boundary"
DEPLOYER_BOUNDARY = "deployer-boundary"
#: Customer managed policies: those of the opening state, and those that the rounds make.
POLICIES = (SUPPORT_POLICY, INTERN_BOUNDARY, DEPLOYER_BOUNDARY)

ORDERS_TABLE = "orders"
CUSTOMERS_TABLE = "customers"
TABLES = (ORDERS_TABLE, CUSTOMERS_TABLE)
TENANT = "acme"
OTHER_TENANT = "globex"
TENANTS = (TENANT, OTHER_TENANT)

PAYMENT_KEY = "shop/payment-key"
SALARIES = "hr/salaries"
SECRETS = (PAYMENT_KEY, SALARIES)

QUEUE = "order-events"
TOPIC = "order-placed"
#: Another team's topic, in the same account.
OTHER_TOPIC = "marketing-news"
TOPICS = (TOPIC, OTHER_TOPIC)

#: The sandbox's second account, and the role in it that its organization's management account may assume. In a real
#: account the variable names one, or there is none.
SECOND_ACCOUNT = "210987654321"
SECOND_ACCOUNT_VARIABLE = "COLDSTART_SECOND_ACCOUNT"
SECOND_ACCOUNT_ROLE = "OrganizationAccountAccessRole"
STRANGERS_TOPIC = "free-vouchers"

ENCRYPTION = "AES256"
#: What the lab uses at most, run twice over: the measure of its cost in an account.
PLAN: Mapping[str, float] = {
    "lambda_requests": 600,
    "lambda_gb_s": 120,
    "dynamodb_writes": 600,
    "dynamodb_reads": 600,
    "secrets_months": 0.01,
    "secrets_calls": 300,
}
#: A new role, a new policy and a freed name take some seconds in an account until every service knows of them.
SETTLE_SECONDS = 60.0
POLL_SECONDS = 1.0


# -- names -----------------------------------------------------------------------------------------------------


def role_arn(cloud: Cloud, name: str) -> str:
    return f"arn:aws:iam::{cloud.account}:role/{name}"


def policy_arn(cloud: Cloud, name: str) -> str:
    return f"arn:aws:iam::{cloud.account}:policy/{name}"


def table_arn(cloud: Cloud, name: str) -> str:
    return f"arn:aws:dynamodb:{cloud.region}:{cloud.account}:table/{name}"


def topic_arn(cloud: Cloud, name: str) -> str:
    return f"arn:aws:sns:{cloud.region}:{cloud.account}:{name}"


def queue_arn(cloud: Cloud, name: str = QUEUE) -> str:
    return f"arn:aws:sqs:{cloud.region}:{cloud.account}:{name}"


def function_arn(cloud: Cloud, name: str) -> str:
    return f"arn:aws:lambda:{cloud.region}:{cloud.account}:function:{name}"


def secret_arn(cloud: Cloud, name: str) -> str:
    """A secret's ARN, with the six characters that Secrets Manager puts behind its name."""
    return str(cloud.client("secretsmanager").describe_secret(SecretId=name)["ARN"])


def receipts_bucket(cloud: Cloud) -> str:
    return f"shop-receipts-{cloud.account}"


def queue_url(cloud: Cloud) -> str:
    return str(cloud.client("sqs").get_queue_url(QueueName=QUEUE)["QueueUrl"])


# -- policies --------------------------------------------------------------------------------------------------


def policy(*statements: Statement) -> dict[str, Any]:
    """A policy document of these statements."""
    return {"Version": "2012-10-17", "Statement": [dict(one) for one in statements]}


def allow(actions: str | Sequence[str], resources: str | Sequence[str], **more: Any) -> dict[str, Any]:
    """A statement that allows; `Sid` and `Condition` by their names."""
    return {**more, "Effect": "Allow", "Action": actions, "Resource": resources}


def trust(*, service: str = "", account: str = "") -> str:
    """A role's trust policy, as IAM takes it: for a service, or for whom the account's own policies allow it."""
    principal = {"Service": service} if service else {"AWS": f"arn:aws:iam::{account}:root"}
    return json.dumps(policy({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}))


_HERE = re.compile(r"\bREGION:ACCOUNT\b|(?<=-)ACCOUNT\b|(?<=::)ACCOUNT\b")


def policy_text(cloud: Cloud, text: str) -> str:
    """A policy file's text with REGION and ACCOUNT filled in, so that the same file holds in every account."""
    return _HERE.sub(lambda found: found[0].replace("REGION", cloud.region).replace("ACCOUNT", cloud.account), text)


def production_policy(cloud: Cloud) -> dict[str, Any]:
    """The policy of production, as it was recorded last month and put in force."""
    document: dict[str, Any] = json.loads(policy_text(cloud, PRODUCTION_POLICY.read_text(encoding="utf-8")))
    return document


def put_policy(cloud: Cloud, role: str, document: Mapping[str, Any] | str, name: str = POLICY_NAME) -> None:
    """Put an inline policy on a role, and wait until it holds (at once in the sandbox)."""
    text = document if isinstance(document, str) else json.dumps(document)
    cloud.client("iam").put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=text)
    settle(cloud)


def settle(cloud: Cloud, seconds: float = 15.0) -> None:
    """In an account: wait until a change of IAM's has reached the services.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
    """
    if cloud.target == "account" and cloud.endpoint is None:
        cloud.clock.advance(seconds)


def patiently(cloud: Cloud, work: Callable[[], Any], *codes: str) -> Any:
    """`work`'s value; tried again in an account while it fails with one of these codes, for want of patience."""
    end = time.monotonic() + (SETTLE_SECONDS if cloud.target == "account" else 0.0)
    while True:
        try:
            return work()
        except ClientError as error:
            if error.response["Error"]["Code"] not in codes or time.monotonic() > end:
                raise
            time.sleep(POLL_SECONDS)


# -- the opening state -----------------------------------------------------------------------------------------


def make(cloud: Cloud) -> None:
    """Set the shop up as it stands on Sunday at 03:12. What an earlier run left goes first."""
    if cloud.target == "account":
        # Spending is held back until an estimate was made, by the judge's cloud as well as by the learner's.
        cloud.cost_estimate(PLAN)
    clear(cloud)
    _data(cloud)
    _messages(cloud)
    _roles(cloud)
    settle(cloud)
    deploy_orders(cloud, ORDERS, ORDERS_ROLE)
    deploy_orders(cloud, PRODUCTION, PRODUCTION_ROLE)
    deploy(
        cloud,
        NEWSLETTER,
        [HANDLERS / "newsletter.py"],
        role=NEWSLETTER_ROLE,
        handler="newsletter.handler",
        timeout_s=10,
        variables={"TABLE": CUSTOMERS_TABLE, "TOPIC_ARN": topic_arn(cloud, OTHER_TOPIC)},
    )


def deploy_orders(cloud: Cloud, name: str, role: str, *, tenant: str = TENANT) -> str:
    """The orders function under this name, with this role, for this tenant. Its ARN."""
    return deploy(
        cloud,
        name,
        [HANDLERS / "orders.py"],
        role=role,
        handler="orders.handler",
        timeout_s=10,
        variables={
            "TENANT": tenant,
            "TABLE": ORDERS_TABLE,
            "PAYMENT_KEY": PAYMENT_KEY,
            "TOPIC_ARN": topic_arn(cloud, TOPIC),
            "RECEIPTS": receipts_bucket(cloud),
        },
    )


def _data(cloud: Cloud) -> None:
    tables = cloud.client("dynamodb")
    for name, keys in ((ORDERS_TABLE, ("tenant", "order_id")), (CUSTOMERS_TABLE, ("customer_id",))):
        kinds = zip(keys, ("HASH", "RANGE"), strict=False)
        tables.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in kinds],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            BillingMode="PAY_PER_REQUEST",
        )
    for name in TABLES:
        tables.get_waiter("table_exists").wait(TableName=name)
    orders = [
        {"tenant": tenant, "order_id": f"order-{number}", "total_cents": 650 * number, "status": "paid"}
        # Another tenant's orders are as many as they are: another number in each run.
        for tenant, count in ((TENANT, 3), (OTHER_TENANT, 4 + secrets.randbelow(6)))
        for number in range(1, count + 1)
    ]
    customers = [
        {"customer_id": f"customer-{number}", "name": name, "email": f"{name.lower()}@example.com", "news": True}
        for number, name in enumerate(("Ada", "Ben", "Cleo", "Dora"), start=1)
    ]
    tables.batch_write_item(
        RequestItems={
            ORDERS_TABLE: [{"PutRequest": {"Item": item(one)}} for one in orders],
            CUSTOMERS_TABLE: [{"PutRequest": {"Item": item(one)}} for one in customers],
        }
    )
    vault = cloud.client("secretsmanager")
    for name, content in ((PAYMENT_KEY, {"key": secrets.token_hex(16)}), (SALARIES, {"Ada": 81_000, "Ben": 64_000})):
        create = partial(vault.create_secret, Name=name, SecretString=json.dumps(content))
        # A name that was freed a moment ago may not be free yet.
        patiently(cloud, create, "InvalidRequestException")
    storage, bucket = cloud.client("s3"), receipts_bucket(cloud)
    where = {} if cloud.region == "us-east-1" else {"LocationConstraint": cloud.region}
    storage.create_bucket(Bucket=bucket, **({"CreateBucketConfiguration": where} if where else {}))
    only_tls = {
        "Sid": "OnlyTLS",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    storage.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy(only_tls)))


def item(values: Mapping[str, Any]) -> dict[str, Any]:
    """An item as DynamoDB's low-level API has it: texts, whole numbers and truth values."""
    return {name: _typed(value) for name, value in values.items()}


def _typed(value: bool | int | str) -> dict[str, bool | str]:
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


def _messages(cloud: Cloud) -> None:
    topics, queues = cloud.client("sns"), cloud.client("sqs")
    for name in TOPICS:
        topics.create_topic(Name=name)
    # In an account a queue's name is free again a minute after its end.
    url = patiently(cloud, lambda: queues.create_queue(QueueName=QUEUE), "AWS.SimpleQueueService.QueueDeletedRecently")[
        "QueueUrl"
    ]
    queues.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(open_queue_policy(cloud))})
    topics.subscribe(
        TopicArn=topic_arn(cloud, TOPIC),
        Protocol="sqs",
        Endpoint=queue_arn(cloud),
        Attributes={"RawMessageDelivery": "true"},
    )


def open_queue_policy(cloud: Cloud) -> dict[str, Any]:
    """The queue's policy in the opening state: SNS may send, for whichever topic. Round 6 is about what is missing."""
    return policy(
        {
            "Sid": "TopicsMaySend",
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue_arn(cloud),
        }
    )


def star_statements() -> list[dict[str, Any]]:
    """What the Friday's deploy gave to the newsletter's role, "for it to work"."""
    return [allow(["dynamodb:*", "s3:*", "sns:*", "logs:*"], "*", Sid="MakeItWork")]


def deployer_statements() -> list[dict[str, Any]]:
    """What the deployer's role may: everything with functions, and to pass any role on."""
    return [allow("lambda:*", "*", Sid="Deploy"), allow("iam:PassRole", "*", Sid="MakeItWork")]


def _roles(cloud: Cloud) -> None:
    iam = cloud.client("iam")
    by_lambda, by_us = trust(service="lambda.amazonaws.com"), trust(account=cloud.account)
    managed = {
        SUPPORT_POLICY: policy(
            allow(
                ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"],
                table_arn(cloud, "*"),
                Sid="LookAfterOrders",
            ),
            allow("s3:GetObject", f"arn:aws:s3:::{receipts_bucket(cloud)}/*", Sid="ReadReceipts"),
        ),
        INTERN_BOUNDARY: policy(
            allow(
                ["dynamodb:GetItem", "dynamodb:Query", "s3:GetObject", "secretsmanager:*", "lambda:InvokeFunction"],
                "*",
                Sid="WhatInternsMayEverDo",
            )
        ),
    }
    for name, document in managed.items():
        iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document))
    logs = f"arn:aws:logs:{cloud.region}:{cloud.account}:log-group:/aws/lambda/*"
    own_log = allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], [logs, f"{logs}:*"])
    bucket = f"arn:aws:s3:::{receipts_bucket(cloud)}"
    inline: Mapping[str, tuple[str, Mapping[str, Any]]] = {
        ORDERS_ROLE: (by_lambda, json.loads(policy_text(cloud, INCIDENT.read_text(encoding="utf-8")))),
        NEWSLETTER_ROLE: (by_lambda, policy(*star_statements())),
        PRODUCTION_ROLE: (by_lambda, production_policy(cloud)),
        PLAIN_ROLE: (by_lambda, policy(own_log)),
        ADMIN_ROLE: (
            by_lambda,
            policy(
                own_log,
                allow(["dynamodb:*"], [table_arn(cloud, name) for name in TABLES], Sid="AllTables"),
                allow(["s3:*"], [bucket, f"{bucket}/*"], Sid="AllReceipts"),
                allow(["secretsmanager:*"], [secret_arn(cloud, PAYMENT_KEY)], Sid="TheShopsSecrets"),
            ),
        ),
        DEPLOYER_ROLE: (
            by_us,
            policy(*deployer_statements()),
        ),
        INTERN_ROLE: (
            by_us,
            policy(
                {
                    # Whoever wrote it gave the ticket's number, another one in each run.
                    "Sid": f"Ticket{1000 + secrets.randbelow(9000)}",
                    "Effect": "Deny",
                    "Action": "dynamodb:*",
                    "Resource": table_arn(cloud, CUSTOMERS_TABLE),
                }
            ),
        ),
    }
    for name, (who, granted) in inline.items():
        bounded = {"PermissionsBoundary": policy_arn(cloud, INTERN_BOUNDARY)} if name == INTERN_ROLE else {}
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=who, **bounded)
        called = POLICY_NAME if name == ORDERS_ROLE else name
        iam.put_role_policy(RoleName=name, PolicyName=called, PolicyDocument=json.dumps(granted))
    iam.attach_role_policy(RoleName=INTERN_ROLE, PolicyArn=policy_arn(cloud, SUPPORT_POLICY))


def second_account(cloud: Cloud) -> str:
    """The id of an account that is not ours; empty if there is none to work with."""
    named = os.environ.get(SECOND_ACCOUNT_VARIABLE, "")
    return named or (SECOND_ACCOUNT if cloud.endpoint is not None else "")


def stranger(cloud: Cloud) -> Acting | None:
    """A session in the second account; None if there is none to work with."""
    account = second_account(cloud)
    if not account:
        return None
    return assume(cloud, f"arn:aws:iam::{account}:role/{SECOND_ACCOUNT_ROLE}", session="stranger")


def trial_roles(cloud: Cloud) -> list[str]:
    """The names of the roles that the rounds made for their trials."""
    pages = cloud.client("iam").get_paginator("list_roles").paginate()
    names = [role["RoleName"] for page in pages for role in page["Roles"]]
    return [name for name in names if name.startswith(TRIAL_PREFIX)]


def make_role(cloud: Cloud, name: str, *statements: Statement, service: str = "", boundary: str = "") -> str:
    """Make a role anew, which the account's own principals may assume, or `service`. Its ARN.

    `boundary` is the name of a customer managed policy.
    """
    remove_role(cloud, name)
    iam = cloud.client("iam")
    bounded = {"PermissionsBoundary": policy_arn(cloud, boundary)} if boundary else {}
    who = trust(service=service) if service else trust(account=cloud.account)
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=who, **bounded)
    if statements:
        put_policy(cloud, name, policy(*statements), name)
    return str(made["Role"]["Arn"])


def let_in(cloud: Cloud, function: str, role: str) -> None:
    """Let a role invoke a function, by the function's own policy. The statement's Sid is a new one each time."""
    cloud.client("lambda").add_permission(
        FunctionName=function,
        StatementId=f"guest-{secrets.token_hex(3)}",
        Action="lambda:InvokeFunction",
        Principal=role_arn(cloud, role),
    )
    settle(cloud)


def work(cloud: Cloud, function: str = ORDERS, *, orders: int = 4) -> list[Answer]:
    """Some of a day's work for the orders function: orders are placed, looked up, and listed."""
    done = []
    for _ in range(orders):
        order_id = f"order-{secrets.token_hex(4)}"
        done.append(invoke(cloud, function, {"place": order_id, "total_cents": 500 + secrets.randbelow(9500)}))
        done.append(invoke(cloud, function, {"read": order_id}))
    return [*done, invoke(cloud, function, {"list": True})]


# -- clearing up -----------------------------------------------------------------------------------------------


def clear(cloud: Cloud) -> None:
    """Remove what the lab makes, as far as it is there. In an account nothing else may be touched."""
    for name in (ORDERS, PRODUCTION, NEWSLETTER, *ROUND_FUNCTIONS):
        remove(cloud, name)
    _clear_messages(cloud)
    _clear_data(cloud)
    for name in (*ROLES, *ROUND_ROLES, *trial_roles(cloud)):
        remove_role(cloud, name)
    for name in POLICIES:
        remove_policy(cloud, name)


def _clear_messages(cloud: Cloud) -> None:
    topics, queues = cloud.client("sns"), cloud.client("sqs")
    with suppress(queues.exceptions.QueueDoesNotExist):
        queues.delete_queue(QueueUrl=queue_url(cloud))
    there = {one["TopicArn"] for page in topics.get_paginator("list_topics").paginate() for one in page["Topics"]}
    for name in TOPICS:
        arn = topic_arn(cloud, name)
        if arn not in there:
            continue
        for one in topics.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]:
            if one["SubscriptionArn"].startswith("arn:"):
                topics.unsubscribe(SubscriptionArn=one["SubscriptionArn"])
        topics.delete_topic(TopicArn=arn)
    _clear_strangers(cloud)


def _clear_strangers(cloud: Cloud) -> None:
    """The topic in the second account, with its subscriptions."""
    session = stranger(cloud)
    if session is None:
        return
    topics = session.client("sns")
    for page in topics.get_paginator("list_topics").paginate():
        for arn in [one["TopicArn"] for one in page["Topics"] if one["TopicArn"].endswith(f":{STRANGERS_TOPIC}")]:
            for one in topics.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]:
                if one["SubscriptionArn"].startswith("arn:"):
                    topics.unsubscribe(SubscriptionArn=one["SubscriptionArn"])
            topics.delete_topic(TopicArn=arn)


def _clear_data(cloud: Cloud) -> None:
    tables, storage = cloud.client("dynamodb"), cloud.client("s3")
    going = []
    for name in TABLES:
        with suppress(tables.exceptions.ResourceNotFoundException):
            tables.delete_table(TableName=name)
            going.append(name)
    vault = cloud.client("secretsmanager")
    for name in SECRETS:
        with suppress(vault.exceptions.ResourceNotFoundException):
            vault.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    bucket = receipts_bucket(cloud)
    if bucket in {one["Name"] for one in storage.list_buckets()["Buckets"]}:
        for page in storage.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for one in page.get("Contents", []):
                storage.delete_object(Bucket=bucket, Key=one["Key"])
        storage.delete_bucket(Bucket=bucket)
    for name in going:
        tables.get_waiter("table_not_exists").wait(TableName=name)


def remove_role(cloud: Cloud, name: str) -> None:
    """Remove a role of the lab's with all its policies, if it is there."""
    iam = cloud.client("iam")
    try:
        role = iam.get_role(RoleName=name)["Role"]
    except iam.exceptions.NoSuchEntityException:
        return
    _expect_ours(cloud, f"role {name}", iam.list_role_tags(RoleName=name)["Tags"])
    for one in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=one)
    for one in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=one["PolicyArn"])
    if "PermissionsBoundary" in role:
        iam.delete_role_permissions_boundary(RoleName=name)
    iam.delete_role(RoleName=name)


def remove_policy(cloud: Cloud, name: str) -> None:
    """Remove a customer managed policy of the lab's with all its versions, if it is there."""
    iam, arn = cloud.client("iam"), policy_arn(cloud, name)
    try:
        iam.get_policy(PolicyArn=arn)
    except iam.exceptions.NoSuchEntityException:
        return
    _expect_ours(cloud, f"policy {name}", iam.list_policy_tags(PolicyArn=arn)["Tags"])
    for one in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
        if not one["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=arn, VersionId=one["VersionId"])
    iam.delete_policy(PolicyArn=arn)


def _expect_ours(cloud: Cloud, what: str, tags: Iterable[Mapping[str, str]]) -> None:
    """In an account a name such as `deployer` may be somebody else's: what has not the lab's tag stays."""
    if cloud.target == "account" and LAB_TAG not in {tag["Key"] for tag in tags}:
        raise RuntimeError(
            f"account {cloud.account} has a {what} that this lab did not make (it has no tag {LAB_TAG}): "
            "use an account of its own for the lab, or rename it"
        )
