"""Custom resources: a request to a function or a topic, and the answer that comes to a presigned URL.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-custom-resources.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from sandbox.clock import Clock
from sandbox.gateway.call import Call
from sandbox.gateway.pipeline import Gateway
from sandbox.templates.errors import TemplateError
from sandbox.templates.stacks.actor import Actor, Halt, Untouched
from sandbox.templates.types import fitting
from sandbox.templates.types.resource_type import Work

#: The account in which answers arrive: CloudFormation's own, as far as a learner can tell.
ACCOUNT = "876543210987"
#: Sandbox seconds. https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html
SERVICE_TIMEOUT = 3600
#: Bytes. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
LARGEST_ANSWER = 4096

_SESSION_SECONDS = 12 * 3600
_URL_SECONDS = 7200
_SUBJECT = "AWS CloudFormation custom resource request"

RequestType = Literal["Create", "Update", "Delete"]


@dataclass(slots=True)
class Waiting:
    """A request whose answer is awaited."""

    halt: Halt
    answer: bytes | None = None


class CustomResources:
    """Asks functions and topics to make, change and delete what CloudFormation itself can't."""

    def __init__(self, clock: Clock, gateway: Gateway) -> None:
        self._clock = clock
        self._gateway = gateway
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, str], Waiting] = {}
        self._buckets: set[str] = set()
        self._ends = float("-inf")
        self._credentials: Mapping[str, str] = {}
        gateway.on_call(self._called)

    def ask(self, work: Work, request: RequestType, actor: Actor) -> None:
        """Sends a request, waits for the answer, and takes it down in `work`. TemplateError if none comes, or
        if it says that it failed."""
        patience = float(work.properties.get("ServiceTimeout") or SERVICE_TIMEOUT)
        token = fitting.text(work["ServiceToken"])
        if request == "Update" and fitting.text(work.before.get("ServiceToken", token)) != token:
            raise Untouched("Modifying service token is not allowed.")
        request_id = str(uuid.uuid4())
        bucket = f"cloudformation-custom-resource-response-{work.stack.region.replace('-', '')}"
        key = f"{work.stack.id}|{work.logical_id}|{request_id}"
        event = {
            "RequestType": request,
            "ServiceToken": token,
            "ResponseURL": self._url(bucket, key),
            "StackId": work.stack.id,
            "RequestId": request_id,
            "LogicalResourceId": work.logical_id,
            "ResourceType": work.type,
            "ResourceProperties": _texts(dict(work.properties)),
        }
        if request != "Create":
            event["PhysicalResourceId"] = work.physical_id
        if request == "Update":
            event["OldResourceProperties"] = _texts(dict(work.before))
        waiting = Waiting(actor.halt)
        with self._lock:
            self._waiting[bucket, key] = waiting
        sent = False
        try:
            try:
                self._send(token, event, actor)
            except ClientError as error:
                # Not the service's own error: that a function is not there says nothing of the thing that it made.
                raise TemplateError(_told(error, token)) from error
            sent = True
            answered = actor.wait_for_word(lambda: waiting.answer is not None, patience)
        except BaseException:
            if request == "Create" and sent and waiting.answer is None:
                work.made(work.generated(1024))
            raise
        finally:
            with self._lock:
                del self._waiting[bucket, key]
        if not answered or waiting.answer is None:
            if request == "Create":
                # Somebody may have made something: so it is asked to delete it, by a name that CloudFormation gives.
                work.made(work.generated(1024))
            raise TemplateError(
                "CloudFormation did not receive a response from your Custom Resource. Please check your logs for "
                f"requestId [{request_id}]. If you are using the Python cfn-response module, you may need to update "
                "your Lambda function code so that CloudFormation can attach the updated version."
            )
        self._take(work, request, request_id, waiting.answer)

    # -- the request -------------------------------------------------------------------------------------

    @staticmethod
    def _send(token: str, event: Mapping[str, Any], actor: Actor) -> None:
        service, region = (token.split(":") + [""] * 4)[2:4]
        body = json.dumps(event)
        if service == "lambda":
            actor.client("lambda", region or None).invoke(FunctionName=token, InvocationType="Event", Payload=body)
        elif service == "sns":
            actor.client("sns", region or None).publish(TopicArn=token, Subject=_SUBJECT, Message=body)
        else:
            raise TemplateError(f"Invalid service token: {token}")

    def _url(self, bucket: str, key: str) -> str:
        """A presigned URL that the answer can be put to."""
        credentials = self._session()
        with self._lock:
            there = bucket in self._buckets
        if not there:
            self._gateway.client("s3", credentials).create_bucket(Bucket=bucket)
            with self._lock:
                self._buckets.add(bucket)
        request = AWSRequest("PUT", f"{self._gateway.endpoint_url}/{bucket}/{quote(key, safe='')}")
        signer = S3SigV4QueryAuth(
            Credentials(
                credentials["AWS_ACCESS_KEY_ID"],
                credentials["AWS_SECRET_ACCESS_KEY"],
                credentials["AWS_SESSION_TOKEN"],
            ),
            "s3",
            "us-east-1",
            expires=_URL_SECONDS,
        )
        signer.add_auth(request)
        return str(request.url)

    def _session(self) -> Mapping[str, str]:
        with self._lock:
            if self._ends - self._clock.now() < _SESSION_SECONDS / 2:
                self._credentials = self._gateway.platform_session(ACCOUNT, _SESSION_SECONDS)
                self._ends = self._clock.now() + _SESSION_SECONDS
            return self._credentials

    # -- the answer --------------------------------------------------------------------------------------

    def _called(self, call: Call, result: object) -> None:
        """Hears of every call: one that puts an answer is what somebody here waits for."""
        if call.service != "s3" or call.operation != "PutObject" or call.principal.account != ACCOUNT:
            return
        with self._lock:
            waiting = self._waiting.get((str(call.params.get("Bucket")), str(call.params.get("Key"))))
        if waiting is not None and waiting.answer is None:
            body = call.params.get("Body") or b""
            waiting.answer = body.encode() if isinstance(body, str) else bytes(body)
            waiting.halt.wake()

    def _take(self, work: Work, request: RequestType, request_id: str, body: bytes) -> None:
        try:
            answer = _answer(body)
        except ValueError as error:
            if request == "Create":
                work.made(work.generated(1024))
            raise TemplateError(str(error)) from error
        given = answer.get("PhysicalResourceId")
        if answer["Status"] != "SUCCESS":
            if request == "Create":
                work.made(str(given) if given else work.generated(1024))
            raise TemplateError(
                "Received response status [FAILED] from custom resource. Message returned: "
                f"{answer.get('Reason') or ''} (RequestId: {request_id})"
            )
        if request == "Delete":
            return
        if not given or not isinstance(given, str):
            if request == "Create":
                work.made(work.generated(1024))
            raise TemplateError("Invalid PhysicalResourceId")
        work.physical_id = given
        data = answer.get("Data")
        work.found = data if isinstance(data, dict) else {}
        work.secret = str(answer.get("NoEcho", False)).lower() == "true"


def _told(error: ClientError, token: str) -> str:
    """A refusal of the request, as the events of a custom resource tell it."""
    details, answer = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
    service = {"lambda": "AWSLambdaInternal", "sns": "AmazonSNS"}.get(token.split(":")[2], token.split(":")[2])
    return (
        f"{details.get('Message', '')} (Service: {service}; Status Code: {answer.get('HTTPStatusCode', 400)}; "
        f"Error Code: {details.get('Code', '')}; Request ID: {answer.get('RequestId', '')}; Proxy: null)"
    )


def _answer(body: bytes) -> dict[str, Any]:
    """The answer that a body is; ValueError, in CloudFormation's words, if it is none."""
    if len(body) > LARGEST_ANSWER:
        raise ValueError("Response object is too long.")
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError("Invalid response object: it is not JSON.") from error
    if not isinstance(answer, dict) or answer.get("Status") not in ("SUCCESS", "FAILED"):
        raise ValueError("Invalid response object: Value of property Status must be SUCCESS or FAILED.")
    if answer["Status"] == "FAILED" and not answer.get("Reason"):
        answer["Reason"] = "Reason was not given."
    return answer


def _texts(value: Any) -> Any:
    """Properties as a custom resource gets them: all scalars are texts."""
    if isinstance(value, dict):
        return {key: _texts(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_texts(one) for one in value]
    return value if value is None else fitting.text(value)
