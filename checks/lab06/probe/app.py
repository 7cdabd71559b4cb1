"""Makes the calls that it is asked for, with the execution role that it was given, and tells how each was answered."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    clients = {name: boto3.client(name) for name in {call["service"] for call in event["calls"]}}
    answers = []
    for call in event["calls"]:
        try:
            getattr(clients[call["service"]], call["method"])(**call["params"])
        except ClientError as error:
            answers.append({"code": error.response["Error"]["Code"], "message": error.response["Error"]["Message"]})
        except BotoCoreError as error:
            answers.append({"code": type(error).__name__, "message": str(error)})
        else:
            answers.append({"code": "", "message": ""})
    return {"arn": boto3.client("sts").get_caller_identity()["Arn"], "answers": answers}
