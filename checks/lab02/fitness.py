"""What a deployed orders service is like: its table, sizes, traces, logs and rights, as the lab asks for its stage."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from checks.contract import Incorrect
from checks.lab02 import packaging, rights, stacks, trials
from checks.lab02.rights import Question
from checks.lab02.service import ALIAS, MEMORY_MB, PROTECTED, Service
from checks.readings import ARRIVAL_SECONDS, POLL_SECONDS, log_events


def must_be_fit(service: Service) -> None:
    """Encryption, recovery, protection, sizes, traces, logs and rights, as the lab asks for this stage. Incorrect."""
    _table(service)
    for function in service.functions:
        _function(service, function)
        _log(service, function)
        _role(service, function)


def _table(service: Service) -> None:
    tables = service.cloud.client("dynamodb")
    told = tables.describe_table(TableName=service.table)["Table"]
    where = f"The table of stage {service.stage}"
    if told.get("SSEDescription", {}).get("SSEType") != "KMS":
        raise Incorrect(
            f"{where} has no encryption of its own (DescribeTable shows no SSEDescription).",
            "SSESpecification with SSEEnabled: true.",
            "DynamoDB always encrypts. With a key of KMS in your account there is a record of who used it, and when.",
        )
    backups = tables.describe_continuous_backups(TableName=service.table)["ContinuousBackupsDescription"]
    if backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] != "ENABLED":
        raise Incorrect(
            f"{where} has no point-in-time recovery.",
            "PointInTimeRecoverySpecification, enabled.",
            "Without it, what a bad release has overwritten is gone.",
        )
    protected = bool(told.get("DeletionProtectionEnabled"))
    if protected != (service.stage == PROTECTED):
        raise Incorrect(
            f"{where} {'has' if protected else 'has no'} deletion protection.",
            f"deletion protection in {PROTECTED}, and only there.",
            "In prod nobody deletes this table by mistake. A stack of a test that can't be removed costs money and "
            "nerves.",
        )


def _function(service: Service, function: Mapping[str, Any]) -> None:
    name, wanted = function["FunctionName"], MEMORY_MB[service.stage]
    if function["MemorySize"] != wanted:
        raise Incorrect(
            f"{name} has {function['MemorySize']} MB in stage {service.stage}.",
            f"{wanted} MB.",
            "A mapping says what differs between stages in one place. What differs elsewhere is what nobody knows.",
        )
    if function.get("TracingConfig", {}).get("Mode") != "Active":
        raise Incorrect(
            f"Tracing of {name} is {function.get('TracingConfig', {}).get('Mode', 'not set')}.",
            "Active.",
            "PassThrough records what the caller decides; an HTTP API decides nothing.",
        )
    try:
        service.cloud.client("lambda").get_alias(FunctionName=name, Name=ALIAS)
    except ClientError:
        raise Incorrect(
            f"{name} has no alias {ALIAS}.",
            f"AutoPublishAlias: {ALIAS}.",
            "Callers hold on to the alias; versions come and go behind it.",
        ) from None


def _log(service: Service, function: Mapping[str, Any]) -> None:
    name = function["FunctionName"]
    group = function.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{name}"
    told = trials.log_group(service.cloud, group)
    days = None if told is None else told.get("retentionInDays")
    if days != service.retention:
        raise Incorrect(
            f"{name} logs to {group}, which keeps its lines {f'{days} days' if days else 'for ever'}; "
            f"LogRetentionDays was {service.retention}.",
            "a log group of the template, with the retention of the parameter, which the function writes to.",
            "A group that Lambda makes by itself keeps everything for ever, and is no part of the stack.",
        )
    owned = {one["PhysicalResourceId"] for one in stacks.resources(service.cloud, service.stack).values()}
    if group not in owned:
        raise Incorrect(
            f"{name} logs to {group}, which is no resource of the stack.",
            "AWS::Logs::LogGroup in the template.",
            "What is not in the template is not removed with it, nor made again.",
        )
    end = time.monotonic() + (ARRIVAL_SECONDS if service.cloud.target == "account" else 2.0)
    while not log_events(service.cloud, group):
        if time.monotonic() > end:
            raise Incorrect(
                f"{name} was called, and {group} has no line of it.",
                "a line for each call.",
                "A log group that nobody writes to is worse than none: it looks as if nothing had happened.",
            )
        time.sleep(POLL_SECONDS)


def _role(service: Service, function: Mapping[str, Any]) -> None:
    cloud, table = service.cloud, service.table
    here, account = f"{cloud.region}:{cloud.account}", f"arn:aws:iam::{cloud.account}"
    tables = f"arn:aws:dynamodb:{here}:table/"
    queue = f"arn:aws:sqs:{here}:{service.outputs['QueueUrl'].rpartition('/')[2]}"
    questions = (
        Question("scan its table", "dynamodb:Scan", tables + table),
        Question("change an order", "dynamodb:UpdateItem", tables + table),
        Question("delete an order", "dynamodb:DeleteItem", tables + table),
        Question("delete its table", "dynamodb:DeleteTable", tables + table),
        Question("write to another table", "dynamodb:PutItem", f"{tables}{table}-of-others"),
        Question("read another table", "dynamodb:GetItem", f"{tables}customers"),
        Question("send to another queue", "sqs:SendMessage", f"{queue}-of-others"),
        Question("read its queue", "sqs:ReceiveMessage", queue),
        Question("delete its queue", "sqs:DeleteQueue", queue),
        Question("read an object", "s3:GetObject", f"arn:aws:s3:::{packaging.bucket_of(cloud)}/anything"),
        Question("write an object", "s3:PutObject", f"arn:aws:s3:::{packaging.bucket_of(cloud)}/anything"),
        Question("change its own code", "lambda:UpdateFunctionCode", function["FunctionArn"]),
        Question("call other functions", "lambda:InvokeFunction", f"{function['FunctionArn']}-of-others"),
        Question("read any secret", "secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{here}:secret:payments"),
        Question("read any parameter", "ssm:GetParameter", f"arn:aws:ssm:{here}:parameter/payments"),
        Question("become another role", "sts:AssumeRole", f"{account}:role/administrators"),
        Question("hand over another role", "iam:PassRole", f"{account}:role/administrators"),
        Question("make a key for a user", "iam:CreateAccessKey", f"{account}:user/somebody"),
        Question("give itself more rights", "iam:PutRolePolicy", function["Role"]),
    )
    found = rights.allowed(cloud, function["Role"], questions)
    if found is not None:
        raise Incorrect(
            f"The role of {function['FunctionName']} may {found.words} ({found.action}).",
            "what app.py calls, on this stack's own table and queue: GetItem, PutItem, SendMessage.",
            "A policy template is a start. DynamoDBCrudPolicy also scans and deletes; a managed policy does so on "
            "every table.",
        )


def must_outlive_its_stack(service: Service) -> None:
    """Deletes a stack that is not protected: its table must still be there. Incorrect."""
    stacks.delete(service.cloud, service.stack)
    if not trials.still_there(service.cloud, "AWS::DynamoDB::Table", service.table):
        raise Incorrect(
            f"The stack of stage {service.stage} was deleted, and its table went with it.",
            "a DeletionPolicy that keeps the table.",
            "A stack is deleted by mistake in one command. What customers gave you must not be part of that.",
        )
    service.cloud.client("dynamodb").delete_table(TableName=service.table)
