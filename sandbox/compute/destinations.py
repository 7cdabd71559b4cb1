"""Where asynchronous events end up: the record for a destination, the message for a dead-letter queue, delivery.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sandbox.compute.timestamps import zulu

Condition = Literal["Success", "RetriesExhausted", "EventAgeExceeded", "ZeroReservedConcurrency"]

#: A dead-letter message carries this much of the error's text, in bytes.
MAX_ERROR_MESSAGE = 1024

#: (service, credentials, Region) to a boto3 client: Gateway.client.
MakeClient = Callable[[str, Mapping[str, str], str], Any]


@dataclass(frozen=True, slots=True)
class Ended:
    """An event that has ended. `executed` is empty if no attempt ran; then `response` is empty too.

    `status` is what the last attempt answered: 200, or 429 for a throttle.
    """

    request_id: str
    function: str
    function_arn: str
    condition: Condition
    invocations: int
    payload: bytes
    status: int
    executed: str
    function_error: str
    response: bytes


def record(ended: Ended, at: float) -> dict[str, Any]:
    """The record that a destination gets; `at` is Unix seconds."""
    content: dict[str, Any] = {
        "version": "1.0",
        "timestamp": zulu(at),
        "requestContext": {
            "requestId": ended.request_id,
            "functionArn": ended.function_arn,
            "condition": ended.condition,
            "approximateInvokeCount": ended.invocations,
        },
        "requestPayload": _json(ended.payload),
    }
    if ended.executed:
        context: dict[str, Any] = {"statusCode": ended.status, "executedVersion": ended.executed}
        if ended.function_error:
            context["functionError"] = ended.function_error
        content["responseContext"] = context
        content["responsePayload"] = _json(ended.response)
    return content


def dead_letter_attributes(ended: Ended) -> dict[str, dict[str, str]]:
    """The message attributes beside the event in a dead-letter queue or topic."""
    answer = _json(ended.response)
    text = str(answer.get("errorMessage") or "") if isinstance(answer, dict) else ""
    message = text or ("Rate Exceeded." if ended.status == 429 else ended.condition)
    return {
        "RequestID": {"DataType": "String", "StringValue": ended.request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": str(ended.status)},
        "ErrorMessage": {
            "DataType": "String",
            "StringValue": message.encode()[:MAX_ERROR_MESSAGE].decode("utf-8", "ignore"),
        },
    }


def deliver(client: MakeClient, credentials: Mapping[str, str], arn: str, ended: Ended, at: float) -> None:
    """Send an event's record to a destination with the execution role's rights. What the service refuses is raised."""
    content = record(ended, at)
    text = json.dumps(content)
    service, region = _place(arn, ended)
    if service == "sqs":
        queue = client("sqs", credentials, region)
        queue.send_message(QueueUrl=queue_url(queue, arn), MessageBody=text)
    elif service == "sns":
        client("sns", credentials, region).publish(TopicArn=arn, Message=text)
    elif service == "lambda":
        client("lambda", credentials, region).invoke(FunctionName=arn, InvocationType="Event", Payload=text.encode())
    elif service == "events":
        outcome = "Success" if ended.condition == "Success" else "Failure"
        answer = client("events", credentials, region).put_events(
            Entries=[
                {
                    "Source": "lambda",
                    "DetailType": f"Lambda Function Invocation Result - {outcome}",
                    "Resources": [arn, ended.function_arn],
                    "Detail": text,
                    "EventBusName": arn,
                }
            ]
        )
        if answer.get("FailedEntryCount"):
            raise RuntimeError(f"EventBridge refused the record: {answer['Entries']}")
    elif service == "s3":
        moment = datetime.fromtimestamp(at, UTC)
        key = f"aws/lambda/async/{ended.function}/{moment:%Y/%m/%d}/{moment:%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"
        client("s3", credentials, region).put_object(Bucket=arn.rpartition(":")[2], Key=key, Body=text.encode())
    else:
        raise RuntimeError(f"no destination is of the service {service}")


def deliver_dead_letter(client: MakeClient, credentials: Mapping[str, str], arn: str, ended: Ended) -> None:
    """Send the event itself to a dead-letter queue or topic. What the service refuses is raised."""
    attributes = dead_letter_attributes(ended)
    body = ended.payload.decode("utf-8", "replace")
    service, region = _place(arn, ended)
    if service == "sqs":
        queue = client("sqs", credentials, region)
        queue.send_message(QueueUrl=queue_url(queue, arn), MessageBody=body, MessageAttributes=attributes)
    else:
        client("sns", credentials, region).publish(TopicArn=arn, Message=body, MessageAttributes=attributes)


def _place(arn: str, ended: Ended) -> tuple[str, str]:
    """The service and the Region of a destination; a bucket's ARN names no Region, so there it is the function's."""
    _, _, service, region, _ = arn.split(":", 4)
    return service, region or ended.function_arn.split(":")[3]


def queue_url(sqs: Any, arn: str) -> str:
    """A queue's URL, by its ARN. It is not asked for: the execution role need not be allowed sqs:GetQueueUrl."""
    _, _, _, _, account, name = arn.split(":", 5)
    return f"{sqs.meta.endpoint_url}/{account}/{name}"


def _json(payload: bytes) -> Any:
    if not payload:
        return None
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode("utf-8", "replace")
