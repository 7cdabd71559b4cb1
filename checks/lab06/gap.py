"""The privilege gap: of the shop's pairs of action and resource, those that a role grants beyond what its work needs.

Pure: names and policies in, pairs out; the deciding is done by sandbox.access. The universe of pairs is stated here and
nowhere else: what a stranger with the function's credentials would try on the resources of this shop. A pair may say
more than action and resource: whose key, encrypted or not. It is no full list of AWS's actions: a gap of 0 says that
none of these is granted beyond need, and not that nothing else is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sandbox.access import Context, Policies, Principal, Request, Source, Values, decide

#: How many pairs beyond need the lab's checks let pass.
MOST_EXCESS = 2
#: Production's own gap, before the night: what mends it must not make it wider.
PRODUCTION_EXCESS = 4

Use = Literal["needed", "welcome", "excess"]

#: Keys that come with every item that orders writes.
_ITEM = ("tenant", "order_id", "total_cents", "status", "signature")
_NEW = "order-not-placed-yet"


@dataclass(frozen=True, slots=True)
class Shop:
    """The names in one account that the universe is about. `function` is the orders function, `role` its role."""

    account: str
    region: str
    function: str
    role: str
    payment_key_arn: str
    salaries_arn: str
    bucket: str
    tenant: str = "acme"
    other_tenant: str = "globex"

    def arn(self, service: str, rest: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{rest}"

    def role_arn(self, name: str) -> str:
        return f"arn:aws:iam::{self.account}:role/{name}"


@dataclass(frozen=True, slots=True)
class Pair:
    """An action on a resource, in the circumstances of `context`. `words` say it shortly.

    `welcome` is what may be granted or not: its work needs it once, or never again.
    """

    action: str
    resource: str
    words: str
    use: Use = "excess"
    context: Mapping[str, Values] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return f"{self.action} on {self.words}"


@dataclass(frozen=True, slots=True)
class Gap:
    """What policies grant of a universe: the needed that is granted, what goes beyond, what is needed and missing."""

    needed: tuple[Pair, ...]
    excess: tuple[Pair, ...]
    missing: tuple[Pair, ...]

    @property
    def size(self) -> int:
        """The privilege gap: the number of pairs granted beyond need."""
        return len(self.excess)


def gap(policies: Policies, shop: Shop, tags: Mapping[str, str] | None = None) -> Gap:
    """What a role's policies grant of the shop's universe. `tags` are the role's own."""
    pairs = universe(shop)
    granted = {pair for pair in pairs if allows(policies, shop, pair, tags or {})}
    return Gap(
        needed=tuple(pair for pair in pairs if pair.use == "needed" and pair in granted),
        excess=tuple(pair for pair in pairs if pair.use == "excess" and pair in granted),
        missing=tuple(pair for pair in pairs if pair.use == "needed" and pair not in granted),
    )


def identity(documents: Sequence[Source], boundary: Source | None = None) -> Policies:
    """A role's own policies, with no resource policy beside them: what the role grants by itself."""
    return Policies(identity=documents, boundary=boundary)


def allows(policies: Policies, shop: Shop, pair: Pair, tags: Mapping[str, str]) -> bool:
    """Whether the function's session may do this, by these policies."""
    return decide(request(shop, pair, tags), policies).allowed


def request(shop: Shop, pair: Pair, tags: Mapping[str, str]) -> Request:
    """The call that a pair stands for, with the keys that every call of the function brings.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
    """
    role = shop.role_arn(shop.role)
    session = f"arn:aws:sts::{shop.account}:assumed-role/{shop.role}/{shop.function}"
    common: dict[str, Values] = {
        "aws:PrincipalArn": role,
        "aws:PrincipalAccount": shop.account,
        "aws:PrincipalType": "AssumedRole",
        "aws:PrincipalIsAWSService": False,
        "aws:RequestedRegion": shop.region,
        "aws:ResourceAccount": shop.account,
        "aws:SecureTransport": True,
        "aws:ViaAWSService": False,
        "lambda:SourceFunctionArn": shop.arn("lambda", f"function:{shop.function}"),
        **{f"aws:PrincipalTag/{name}": value for name, value in tags.items()},
    }
    principal = Principal("AssumedRole", session, shop.account, role)
    return Request(principal, pair.action, pair.resource, Context({**common, **pair.context}), shop.account)


# -- the universe ----------------------------------------------------------------------------------------------


def universe(shop: Shop) -> tuple[Pair, ...]:
    """Every pair that counts, needed or not."""
    return (
        *_items(shop),
        *_tables(shop),
        *_secrets(shop),
        *_receipts(shop),
        *_messages(shop),
        *_roles(shop),
        *_functions(shop),
        *_logs(shop),
    )


def _items(shop: Shop) -> Iterator[Pair]:
    """Items of the two tables, by whose key they have; and what reads a table without any key."""
    orders, customers = shop.arn("dynamodb", "table/orders"), shop.arn("dynamodb", "table/customers")
    own, other = shop.tenant, shop.other_tenant
    single = ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem")
    several = ("Query", "BatchGetItem", "BatchWriteItem")
    needed = ("GetItem", "PutItem", "Query")
    for table, key, words in (
        (orders, own, f"orders of {own}"),
        (orders, other, f"orders of {other}, another tenant"),
        (customers, "customer-1", "customers"),
    ):
        for name in (*single, *several):
            use: Use = "needed" if key == own and name in needed else "excess"
            yield Pair(f"dynamodb:{name}", table, words, use, _of_item(name, key))
    for table, words in ((orders, "all orders"), (customers, "all customers")):
        whole: Mapping[str, Values] = {"dynamodb:Select": "ALL_ATTRIBUTES", "dynamodb:ReturnConsumedCapacity": "NONE"}
        yield Pair("dynamodb:Scan", table, words, context={**whole, "dynamodb:Attributes": []})
        by_sql: Mapping[str, Values] = {"dynamodb:FullTableScan": True, "dynamodb:Select": "ALL_ATTRIBUTES"}
        yield Pair("dynamodb:PartiQLSelect", table, words, context=by_sql)


def _of_item(action: str, key: str) -> dict[str, Values]:
    """The keys for fine-grained access, as DynamoDB fills them in for this action.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
    """
    keys: dict[str, Values] = {"dynamodb:LeadingKeys": [key], "dynamodb:ReturnConsumedCapacity": "NONE"}
    if action in ("GetItem", "Query", "BatchGetItem"):
        keys["dynamodb:Select"] = "ALL_ATTRIBUTES"
    else:
        keys["dynamodb:ReturnValues"] = "NONE"
    keys["dynamodb:Attributes"] = {"PutItem": _ITEM, "Query": ("tenant",)}.get(action, ("tenant", "order_id"))
    return keys


def _tables(shop: Shop) -> Iterator[Pair]:
    for table in ("orders", "customers"):
        for name in ("DescribeTable", "UpdateTable", "DeleteTable", "CreateBackup", "ExportTableToPointInTime"):
            yield Pair(f"dynamodb:{name}", shop.arn("dynamodb", f"table/{table}"), f"the table {table}")
        yield Pair("dynamodb:PutResourcePolicy", shop.arn("dynamodb", f"table/{table}"), f"the table {table}")


def _secrets(shop: Shop) -> Iterator[Pair]:
    others = ("DescribeSecret", "PutSecretValue", "UpdateSecret", "DeleteSecret", "RotateSecret", "PutResourcePolicy")
    for arn, words in ((shop.payment_key_arn, "shop/payment-key"), (shop.salaries_arn, "hr/salaries")):
        needed = arn == shop.payment_key_arn
        yield Pair("secretsmanager:GetSecretValue", arn, words, "needed" if needed else "excess")
        for name in others:
            yield Pair(f"secretsmanager:{name}", arn, words)
    # Behind a name stand six characters that nobody chose. A star there fits longer names, too.
    namesake = shop.arn("secretsmanager", "secret:shop/payment-key-archive-a1B2c3")
    yield Pair("secretsmanager:GetSecretValue", namesake, "shop/payment-key-archive")


def _receipts(shop: Shop) -> Iterator[Pair]:
    bucket = f"arn:aws:s3:::{shop.bucket}"
    encrypted: Mapping[str, Values] = {"s3:x-amz-server-side-encryption": "AES256"}
    for tenant in (shop.tenant, shop.other_tenant):
        own = tenant == shop.tenant
        place, words = f"{bucket}/{tenant}/{_NEW}.json", f"receipts of {tenant}{'' if own else ', another tenant'}"
        yield Pair("s3:PutObject", place, f"{words}, encrypted", "needed" if own else "excess", encrypted)
        yield Pair("s3:PutObject", place, f"{words}, encryption not asked for")
        for name in ("GetObject", "DeleteObject", "PutObjectAcl", "PutObjectTagging"):
            yield Pair(f"s3:{name}", place, words)
    elsewhere: Mapping[str, Values] = {**encrypted, "aws:ResourceAccount": "999999999999"}
    yield Pair("s3:PutObject", f"arn:aws:s3:::strangers-bucket/{_NEW}.json", "a stranger's bucket", context=elsewhere)
    for name in ("ListBucket", "GetBucketPolicy", "PutBucketPolicy", "PutEncryptionConfiguration", "DeleteBucket"):
        yield Pair(f"s3:{name}", bucket, "the receipts' bucket")


def _messages(shop: Shop) -> Iterator[Pair]:
    for topic in ("order-placed", "marketing-news"):
        arn, own = shop.arn("sns", topic), topic == "order-placed"
        yield Pair("sns:Publish", arn, f"the topic {topic}", "needed" if own else "excess")
        for name in ("Subscribe", "SetTopicAttributes", "AddPermission", "DeleteTopic"):
            yield Pair(f"sns:{name}", arn, f"the topic {topic}")
    for name in (
        "SendMessage",
        "ReceiveMessage",
        "DeleteMessage",
        "PurgeQueue",
        "SetQueueAttributes",
        "DeleteQueue",
    ):
        yield Pair(f"sqs:{name}", shop.arn("sqs", "order-events"), "the queue order-events")


def _roles(shop: Shop) -> Iterator[Pair]:
    to_lambda: Mapping[str, Values] = {"iam:PassedToService": "lambda.amazonaws.com"}
    for role in ("shop-admin", "deployer"):
        yield Pair("iam:PassRole", shop.role_arn(role), f"the role {role}", context=to_lambda)
        yield Pair("sts:AssumeRole", shop.role_arn(role), f"the role {role}")
    for name in ("PutRolePolicy", "AttachRolePolicy", "UpdateAssumeRolePolicy"):
        yield Pair(f"iam:{name}", shop.role_arn(shop.role), "its own role")


def _functions(shop: Shop) -> Iterator[Pair]:
    for function in ("newsletter", "orders-prod" if shop.function != "orders-prod" else "orders"):
        for name in ("InvokeFunction", "GetFunctionConfiguration", "UpdateFunctionCode"):
            yield Pair(f"lambda:{name}", shop.arn("lambda", f"function:{function}"), f"the function {function}")


def _logs(shop: Shop) -> Iterator[Pair]:
    """CreateLogGroup is welcome: the group is there after the first call, and some make it beforehand."""
    for function in (shop.function, "newsletter"):
        own = function == shop.function
        group = shop.arn("logs", f"log-group:/aws/lambda/{function}")
        words = f"the log of {function}"
        stream = f"{group}:log-stream:2026/11/22/[$LATEST]00000000000000000000000000000000"
        yield Pair("logs:CreateLogGroup", f"{group}:log-stream:", words, "welcome" if own else "excess")
        yield Pair("logs:CreateLogStream", stream, words, "needed" if own else "excess")
        yield Pair("logs:PutLogEvents", stream, words, "needed" if own else "excess")
        for name in ("FilterLogEvents", "DeleteLogGroup", "PutRetentionPolicy"):
            yield Pair(f"logs:{name}", f"{group}:log-stream:", words)
