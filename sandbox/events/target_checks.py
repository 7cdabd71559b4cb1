"""Targets as PutTargets is given them: what is wrong with one, in EventBridge's words.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from sandbox.events.connections import check_header
from sandbox.events.errors import invalid, unsupported, violated
from sandbox.events.input_transformer import InvalidTransformation, parse_path, parse_transformer
from sandbox.events.targets import Targets
from sandbox.gateway.moto_resources import Arn, arn_of

MAX_INPUT, MAX_TEMPLATE, MAX_PATHS = 8192, 8192, 100
MAX_RETRIES = 185
MIN_AGE_SECONDS, MAX_AGE_SECONDS = 60, 86_400

_ID = re.compile(r"[.\-_A-Za-z0-9]{1,64}", re.ASCII)
_INPUTS = ("Input", "InputPath", "InputTransformer")
#: Parameters of kinds of targets that there are none of here.
_OF_OTHER_KINDS = (
    "KinesisParameters",
    "RunCommandParameters",
    "EcsParameters",
    "BatchParameters",
    "RedshiftDataParameters",
    "SageMakerPipelineParameters",
    "AppSyncParameters",
)


def check_target(target: Mapping[str, Any], targets: Targets) -> None:
    """AwsError if there can be no such target."""
    name = str(target.get("Id", ""))
    if not _ID.fullmatch(name):
        raise violated(
            name, "targets.1.member.id", r"Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+"
        )
    arn = arn_of(str(target.get("Arn", "")))
    if arn is None:
        raise invalid(f"Parameter {target.get('Arn')} is not valid. Reason: Provided Arn is not in correct format.")
    objection = targets.objection(arn)
    if objection is not None:
        raise unsupported("PutTargets", objection)
    to_endpoint = targets.takes_its_time(arn)
    if (arn.service == "states" or to_endpoint) and not target.get("RoleArn"):
        raise invalid(f"RoleArn is required for target {arn.text}.")
    if target.get("SqsParameters"):
        raise unsupported(
            "PutTargets", f"SqsParameters of the target {name}: FIFO and fair queues are not fed by rules"
        )
    for header, value in ((target.get("HttpParameters") or {}).get("HeaderParameters") or {}).items():
        check_header(str(header), str(value))
    for member in (*_OF_OTHER_KINDS, *(() if to_endpoint else ("HttpParameters",))):
        if target.get(member):
            raise unsupported("PutTargets", f"{member} of the target {name}: it is not for {arn.text}")
    _check_input(name, arn, target)
    _check_failures(name, target)


def _check_input(name: str, arn: Arn, target: Mapping[str, Any]) -> None:
    given = [member for member in _INPUTS if target.get(member) is not None]
    if len(given) > 1:
        raise invalid(f"Only one of Input, InputPath, or InputTransformer must be provided for target {name}.")
    if given and arn.service == "events" and arn.resource.startswith("event-bus/"):
        raise invalid(f"Modifying the input for target {name} is not supported.")
    if target.get("Input") is not None:
        if len(target["Input"]) > MAX_INPUT:
            raise violated(
                target["Input"], "targets.1.member.input", f"Member must have length less than or equal to {MAX_INPUT}"
            )
        try:
            json.loads(target["Input"])
        except (ValueError, RecursionError) as error:
            raise invalid(f"JSON syntax error in input for target {name}.") from error
    try:
        if target.get("InputPath") is not None:
            parse_path(target["InputPath"])
        transformer = target.get("InputTransformer")
        if transformer is not None:
            paths, template = transformer.get("InputPathsMap") or {}, str(transformer.get("InputTemplate") or "")
            if not 1 <= len(template) <= MAX_TEMPLATE:
                raise violated(
                    template,
                    "targets.1.member.inputTransformer.inputTemplate",
                    f"Member must have length between 1 and {MAX_TEMPLATE}",
                )
            if len(paths) > MAX_PATHS:
                raise violated(
                    str(len(paths)),
                    "targets.1.member.inputTransformer.inputPathsMap",
                    f"Member must have length less than or equal to {MAX_PATHS}",
                )
            parse_transformer(paths, template)
    except InvalidTransformation as error:
        raise invalid(f"Invalid input of target {name}: {error}.") from error


def _check_failures(name: str, target: Mapping[str, Any]) -> None:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html#eb-dlq-considerations"""
    policy = target.get("RetryPolicy") or {}
    for member, low, high in (
        ("MaximumRetryAttempts", 0, MAX_RETRIES),
        ("MaximumEventAgeInSeconds", MIN_AGE_SECONDS, MAX_AGE_SECONDS),
    ):
        value = policy.get(member)
        if value is not None and not low <= value <= high:
            limit = f"less than or equal to {high}" if value > high else f"greater than or equal to {low}"
            raise violated(
                str(value),
                f"targets.1.member.retryPolicy.{member[0].lower()}{member[1:]}",
                f"Member must have value {limit}",
            )
    dead_letters = (target.get("DeadLetterConfig") or {}).get("Arn")
    if dead_letters is not None:
        queue = arn_of(dead_letters)
        if queue is None or queue.service != "sqs" or queue.resource.endswith(".fifo"):
            raise invalid(
                f"Parameter DeadLetterConfig.Arn of target {name} is not valid. "
                "Reason: It must be the ARN of a standard SQS queue."
            )
