"""The orders service as March's script made it: twelve API calls, one after the other, whatever became of the last."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from checks.functions import ROLE_SECONDS, package, remove, runtime, wait_until_updated

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

#: What everything is called that the script makes.
NAME = "orders-by-hand"
LOG_GROUP = f"/shop/{NAME}"
LOG_DAYS = 7


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the script: its number, what was called, and the error code that came back (empty if none)."""

    number: int
    operation: str
    code: str

    def __str__(self) -> str:
        return f"{self.number:>2}  {self.operation:<34} {self.code or 'ok'}"


def by_hand(cloud: Cloud, code: Path) -> list[Call]:
    """Make the service call by call, going on after an error as a shell script does. `code` is a folder of Python."""
    done: list[Call] = []
    for number, (operation, work) in enumerate(_script(cloud, code), start=1):
        try:
            work()
            error = ""
        except ClientError as refusal:
            error = str(refusal.response["Error"]["Code"])
        done.append(Call(number, operation, error))
        print(done[-1])
    return done


def _script(cloud: Cloud, code: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The calls in their order, each with what it is called. What a call needs of those before is read back."""
    iam, tables, queues, logs = (cloud.client(name) for name in ("iam", "dynamodb", "sqs", "logs"))
    functions, apis = cloud.client("lambda"), cloud.client("apigatewayv2")
    here = f"{cloud.region}:{cloud.account}"
    role = f"arn:aws:iam::{cloud.account}:role/{NAME}"
    function = f"arn:aws:lambda:{here}:function:{NAME}"
    trust = _policy("sts:AssumeRole", Principal={"Service": "lambda.amazonaws.com"})
    yield "iam CreateRole", lambda: iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=trust)
    may = ["dynamodb:PutItem", "dynamodb:GetItem", "sqs:SendMessage", "logs:CreateLogStream", "logs:PutLogEvents"]
    on = [
        f"arn:aws:dynamodb:{here}:table/{NAME}",
        f"arn:aws:sqs:{here}:{NAME}",
        f"arn:aws:logs:{here}:log-group:{LOG_GROUP}:*",
    ]
    granted = _policy(may, Resource=on)
    yield (
        "iam PutRolePolicy",
        lambda: iam.put_role_policy(RoleName=NAME, PolicyName=NAME, PolicyDocument=granted),
    )
    key = {
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    }
    yield (
        "dynamodb CreateTable",
        lambda: tables.create_table(TableName=NAME, BillingMode="PAY_PER_REQUEST", **key),
    )
    tables.get_waiter("table_exists").wait(TableName=NAME, WaiterConfig={"Delay": 1})
    yield "sqs CreateQueue", lambda: queues.create_queue(QueueName=NAME)
    yield "logs CreateLogGroup", lambda: logs.create_log_group(logGroupName=LOG_GROUP)
    yield (
        "logs PutRetentionPolicy",
        lambda: logs.put_retention_policy(logGroupName=LOG_GROUP, retentionInDays=LOG_DAYS),
    )
    yield "lambda CreateFunction", lambda: _create_function(cloud, role, code)
    made: dict[str, str] = {}

    def create_api() -> None:
        made["api"] = apis.create_api(Name=NAME, ProtocolType="HTTP")["ApiId"]

    def create_integration() -> None:
        answer = apis.create_integration(
            ApiId=made["api"], IntegrationType="AWS_PROXY", IntegrationUri=function, PayloadFormatVersion="2.0"
        )
        made["integration"] = answer["IntegrationId"]

    yield "apigatewayv2 CreateApi", create_api
    yield "apigatewayv2 CreateIntegration", create_integration
    yield (
        "apigatewayv2 CreateRoute",
        lambda: apis.create_route(
            ApiId=made["api"], RouteKey="POST /orders", Target=f"integrations/{made['integration']}"
        ),
    )
    yield (
        "apigatewayv2 CreateStage",
        lambda: apis.create_stage(ApiId=made["api"], StageName="$default", AutoDeploy=True),
    )
    yield (
        "lambda AddPermission",
        lambda: functions.add_permission(
            FunctionName=NAME,
            StatementId="api-may-invoke",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:aws:execute-api:{here}:{made['api']}/*",
        ),
    )


def _policy(actions: str | list[str], **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, **more}]})


def _create_function(cloud: Cloud, role: str, code: Path) -> None:
    """Create it; in an account a role that was just made may not be known to Lambda yet, for some seconds."""
    functions, end = cloud.client("lambda"), time.monotonic() + ROLE_SECONDS
    url = cloud.client("sqs").get_queue_url(QueueName=NAME)["QueueUrl"]
    while True:
        try:
            functions.create_function(
                FunctionName=NAME,
                Role=role,
                Runtime=runtime(),
                Handler="app.handler",
                Timeout=5,
                Code={"ZipFile": package([code / "app.py"])},
                Environment={"Variables": {"TABLE": NAME, "QUEUE_URL": url}},
                LoggingConfig={"LogGroup": LOG_GROUP, "LogFormat": "JSON"},
            )
            break
        except functions.exceptions.InvalidParameterValueException as refusal:
            if "assumed by Lambda" not in str(refusal) or cloud.target == "local" or time.monotonic() > end:
                raise
            time.sleep(1.0)
    wait_until_updated(cloud, NAME)


# -- what came of it -------------------------------------------------------------------------------------------


def apis_by_hand(cloud: Cloud) -> list[tuple[str, str]]:
    """The APIs that the script made, oldest first: ids with their URLs."""
    pages = cloud.client("apigatewayv2").get_paginator("get_apis").paginate()
    found = [one for page in pages for one in page["Items"] if one["Name"] == NAME]
    return [(one["ApiId"], one["ApiEndpoint"]) for one in sorted(found, key=lambda one: one["CreatedDate"])]


def let_in(cloud: Cloud) -> set[str]:
    """The ids of the APIs that the hand-made function's own policy lets in."""
    functions = cloud.client("lambda")
    try:
        policy = json.loads(functions.get_policy(FunctionName=NAME)["Policy"])
    except functions.exceptions.ResourceNotFoundException:
        return set()
    sources = [one["Condition"]["ArnLike"]["AWS:SourceArn"] for one in policy["Statement"]]
    return {source.split(":")[5].partition("/")[0] for source in sources}


def clear(cloud: Cloud) -> None:
    """Remove what the script makes, as far as it is there."""
    for api, _ in apis_by_hand(cloud):
        apis = cloud.client("apigatewayv2")
        for one in apis.get_stages(ApiId=api)["Items"]:
            apis.delete_stage(ApiId=api, StageName=one["StageName"])
        apis.delete_api(ApiId=api)
    remove(cloud, NAME)
    logs, queues, tables, iam = (cloud.client(name) for name in ("logs", "sqs", "dynamodb", "iam"))
    with suppress(logs.exceptions.ResourceNotFoundException):
        logs.delete_log_group(logGroupName=LOG_GROUP)
    with suppress(queues.exceptions.QueueDoesNotExist):
        queues.delete_queue(QueueUrl=queues.get_queue_url(QueueName=NAME)["QueueUrl"])
    with suppress(tables.exceptions.ResourceNotFoundException):
        tables.delete_table(TableName=NAME)
        tables.get_waiter("table_not_exists").wait(TableName=NAME, WaiterConfig={"Delay": 1})
    with suppress(iam.exceptions.NoSuchEntityException):
        for one in iam.list_role_policies(RoleName=NAME)["PolicyNames"]:
            iam.delete_role_policy(RoleName=NAME, PolicyName=one)
        iam.delete_role(RoleName=NAME)
