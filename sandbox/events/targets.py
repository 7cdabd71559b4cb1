"""What rules can send events to, and how: each kind of target judged by its policy, then given the event.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html and
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import ClientError

from sandbox.clock import Clock
from sandbox.events import http_calls
from sandbox.events.api_destinations import ApiDestinations
from sandbox.events.event import Event
from sandbox.events.undelivered import Undelivered
from sandbox.gateway import moto_deliveries, moto_events
from sandbox.gateway.call import AwsError
from sandbox.gateway.moto_deliveries import EVENTS, Judge
from sandbox.gateway.moto_resources import Arn, arn_of

#: What an asynchronous invocation takes, in bytes.
MAX_FUNCTION_BYTES = 1024 * 1024

#: Errors of services that pass: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
_PASSING = frozenset({"InternalFailure", "InternalError", "ServiceUnavailable"})
_THROTTLES = frozenset({"Throttling", "ThrottlingException", "RequestThrottled", "TooManyRequestsException"})


class Compute(Protocol):
    """What EventBridge needs of Lambda."""

    def invoke_internal(
        self,
        function: str,
        payload: bytes,
        *,
        account: str,
        region: str,
        request_id: str | None = None,
        synchronous: bool = True,
        trace: str = "",
    ) -> Any: ...


class Logs(Protocol):
    """What EventBridge needs of CloudWatch Logs."""

    def known(self, group: str, stream: str, *, account: str, region: str) -> tuple[bool, bool]: ...
    def put(
        self, group: str, stream: str, events: list[tuple[int, str]], *, account: str = ..., region: str = ...
    ) -> None: ...


#: Starts a state machine's execution for EventBridge: its ARN, the execution's name and its input, a JSON text.
#: AwsError if it does not start.
StartExecution = Callable[[str, str, str], None]
#: Puts an event on a bus, by its ARN.
Forward = Callable[[Arn, Event], None]


@dataclass(frozen=True, slots=True)
class Sender:
    """The rule that sends."""

    arn: str
    name: str
    bus: str
    account: str
    region: str


class Targets:
    """Gives events to targets. `client` makes a client with the sandbox's own rights for a service and a Region.

    `resolve` tells where this sandbox answers for an AWS URL.
    """

    def __init__(
        self,
        clock: Clock,
        compute: Compute,
        logs: Logs,
        client: Callable[[str, str], Any],
        judge: Judge,
        start_execution: StartExecution,
        destinations: ApiDestinations,
        resolve: http_calls.Resolve,
    ) -> None:
        self._clock = clock
        self._compute = compute
        self._logs = logs
        self._client = client
        self._judge = judge
        self._start_execution = start_execution
        self._destinations = destinations
        self._resolve = resolve
        #: Set by who has the buses.
        self.forward: Forward = _nowhere

    def objection(self, arn: Arn) -> str | None:
        """Why there can be no target with this ARN; None if there can."""
        kind = _kind(arn)
        if kind is None:
            return (
                f"events can't be delivered to {arn.text}; functions, standard queues and topics, log groups, state "
                "machines, API destinations and event buses work"
            )
        return None

    def takes_its_time(self, arn: Arn) -> bool:
        """Whether giving an event to this target can take seconds."""
        return _kind(arn) == "api-destination"

    def reserve(self, arn: Arn, latest: float) -> float | None:
        """Take a place among what is sent to a target that takes so much a second; seconds until its turn.

        None if that would be after `latest`, Unix seconds.
        """
        destination = self._destinations.find(arn)
        if destination is None:
            return 0.0
        return self._destinations.reserve(destination, self._clock.now(), latest)

    def send(self, sender: Sender, arn: Arn, target: Mapping[str, Any], event: Event, payload: str) -> None:
        """Give `payload`, what was made of `event`, to a target; Undelivered if it does not take it."""
        role_arn = target.get("RoleArn")
        role = arn_of(role_arn) if role_arn is not None else None
        if role_arn is not None and (role is None or role.account != sender.account):
            raise _denied(arn, "its role is not one of the rule's account")
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-cross-account.html
        if arn.account != sender.account and role is None and _kind(arn) != "events":
            raise _denied(arn, "a target in another account needs a role")
        kind = _kind(arn)
        if kind == "lambda":
            self._to_function(sender, arn, role_arn, event, payload)
        elif kind in ("sqs", "sns"):
            self._to_queue_or_topic(sender, arn, role_arn, payload)
        elif kind == "events":
            self._to_bus(sender, arn, role_arn, event)
        elif kind == "logs":
            self._to_log_group(sender, arn, payload)
        elif kind == "stepfunctions":
            self._to_state_machine(sender, arn, role_arn, event, payload)
        elif kind == "api-destination":
            self._to_api_destination(sender, arn, role_arn, target.get("HttpParameters") or {}, event, payload)
        else:
            raise Undelivered("INVALID_PARAMETER", f"events can't be delivered to {arn.text}")

    def send_dead_letter(self, sender: Sender, queue: Arn, body: str, attributes: Mapping[str, str]) -> None:
        """Put a message in a dead-letter queue; Undelivered if it can't be.

        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html#eb-dlq-perms
        """
        named = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value}
        self._to_queue_or_topic(sender, queue, None, body, named)

    # -- the kinds ---------------------------------------------------------------------------------------------

    def _to_function(self, sender: Sender, arn: Arn, role_arn: str | None, event: Event, payload: str) -> None:
        _expect_taken(sender, arn, role_arn)
        _expect_json(payload)
        content = payload.encode("utf-8", "replace")
        if len(content) > MAX_FUNCTION_BYTES:
            raise Undelivered(
                "SDK_CLIENT_ERROR", f"{len(content)} byte payload is too large for the Event invocation type"
            )
        try:
            self._compute.invoke_internal(
                arn.text, content, account=arn.account, region=arn.region, synchronous=False, trace=event.trace
            )
        except AwsError as error:
            raise _of_service(error.code, error.message, error.status) from error

    def _to_queue_or_topic(
        self,
        sender: Sender,
        arn: Arn,
        role_arn: str | None,
        payload: str,
        attributes: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        _expect_taken(sender, arn, role_arn)
        client = self._client(arn.service, arn.region)
        try:
            if arn.service == "sqs":
                client.send_message(
                    QueueUrl=f"{client.meta.endpoint_url}/{arn.account}/{arn.resource}",
                    MessageBody=payload,
                    MessageAttributes=dict(attributes or {}),
                )
            else:
                client.publish(TopicArn=arn.text, Message=payload)
        except ClientError as error:
            detail = error.response["Error"]
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            raise _of_service(detail["Code"], detail["Message"], status) from error

    def _to_bus(self, sender: Sender, arn: Arn, role_arn: str | None, event: Event) -> None:
        """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-bus-to-bus.html"""
        if event.forwarded:
            code = "THIRD_REGION_HOP_DETECTED" if arn.region != sender.region else "THIRD_ACCOUNT_HOP_DETECTED"
            raise Undelivered(code, "Events received from another event bus cannot be forwarded to this event bus.")
        if not moto_events.bus_exists(arn):
            raise Undelivered("NO_RESOURCE", f"Event bus {arn.text} does not exist.")
        if arn.account != sender.account or role_arn is not None:
            # Without a role another account's bus takes events as sent by the whole account.
            context = {
                **_context(sender),
                "events:source": str(event.content["source"]),
                "events:detail-type": str(event.content["detail-type"]),
                "events:eventBusInvocation": "true",
            }
            if not self._judge(f"arn:aws:iam::{sender.account}:root", "events:PutEvents", arn.text, context, role_arn):
                raise _denied(arn)
        self.forward(arn, event)

    def _to_log_group(self, sender: Sender, arn: Arn, payload: str) -> None:
        """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-cloudwatchlogs-permissions"""
        group = _log_group(arn)
        stream = str(uuid.uuid4())
        for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
            resource = f"arn:aws:logs:{arn.region}:{arn.account}:log-group:{group}:log-stream:{stream}"
            if not self._judge(EVENTS, action, resource, _context(sender)):
                raise _denied(arn)
        if not self._logs.known(group, stream, account=arn.account, region=arn.region)[0]:
            raise Undelivered("NO_RESOURCE", "The specified log group does not exist.")
        self._logs.put(group, stream, [(self._clock.now_ms(), payload)], account=arn.account, region=arn.region)

    def _to_state_machine(self, sender: Sender, arn: Arn, role_arn: str | None, event: Event, payload: str) -> None:
        if role_arn is None or not self._judge(EVENTS, "states:StartExecution", arn.text, _context(sender), role_arn):
            raise _denied(arn)
        _expect_json(payload)
        try:
            self._start_execution(arn.text, f"{event.id}_{uuid.uuid4()}", payload)
        except AwsError as error:
            raise _of_service(error.code, error.message, error.status) from error

    def _to_api_destination(
        self,
        sender: Sender,
        arn: Arn,
        role_arn: str | None,
        parameters: Mapping[str, Any],
        event: Event,
        payload: str,
    ) -> None:
        # AWS's own examples name it in policies with its id and without (Fn::GetAtt ArnForPolicy).
        action, short = "events:InvokeApiDestination", arn.text.rpartition("/")[0]
        if role_arn is None or not self._judge(EVENTS, action, arn.text, _context(sender), role_arn, also=short):
            raise _denied(arn)
        destination = self._destinations.find(arn)
        if destination is None:
            raise Undelivered("NO_RESOURCE", f"The API destination {arn.text} does not exist.")
        connection = self._destinations.connection_of(destination)
        if connection is None:
            raise Undelivered("INVALID_PARAMETER", f"The connection {destination.connection_arn} is not authorized.")
        http_calls.send(destination, connection, parameters, payload, event.trace, self._resolve)


def _kind(arn: Arn) -> str | None:
    """What a target is; None for what events are not delivered to."""
    if arn.service == "lambda":
        return "lambda" if arn.resource.startswith("function:") else None
    if arn.service in ("sqs", "sns"):
        return arn.service if not arn.resource.endswith(".fifo") and ":" not in arn.resource else None
    if arn.service == "events":
        kind = arn.resource.partition("/")[0]
        return {"event-bus": "events", "api-destination": kind}.get(kind)
    if arn.service == "logs":
        return "logs" if _log_group(arn) else None
    if arn.service == "states":
        return "stepfunctions" if arn.resource.startswith("stateMachine:") else None
    return None


def _log_group(arn: Arn) -> str:
    kind, _, name = arn.resource.partition(":")
    return name.removesuffix(":*") if kind == "log-group" else ""


def _context(sender: Sender) -> Mapping[str, str]:
    return {"aws:SourceArn": sender.arn, "aws:SourceAccount": sender.account}


def _denied(arn: Arn, why: str = "") -> Undelivered:
    because = f" ({why})" if why else ""
    return Undelivered("NO_PERMISSIONS", f"{EVENTS} is not authorized to send events to {arn.text}{because}.")


def _expect_taken(sender: Sender, arn: Arn, role_arn: str | None) -> None:
    found = moto_deliveries.objection(EVENTS, arn, sender.arn, sender.account, role_arn)
    if found == "absent":
        raise Undelivered("NO_RESOURCE", f"The target {arn.text} does not exist.")
    if found is not None:
        raise _denied(arn)


def _expect_json(payload: str) -> None:
    try:
        json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise Undelivered("INVALID_JSON", f"The input for the target is not valid JSON: {error}") from error


def _of_service(code: str, message: str, status: int) -> Undelivered:
    name = code.rpartition(".")[2]
    if name in _THROTTLES or status == 429:
        return Undelivered("THROTTLING", message, passing=True)
    if name in _PASSING or status >= 500:
        return Undelivered("ERROR_FROM_TARGET", message, passing=True)
    if name in ("ResourceNotFoundException", "NonExistentQueue", "QueueDoesNotExist", "NotFound"):
        return Undelivered("NO_RESOURCE", message)
    return Undelivered("ERROR_FROM_TARGET", message)


def _nowhere(arn: Arn, event: Event) -> None:
    raise Undelivered("NO_RESOURCE", f"nothing takes events to {arn.text}")
