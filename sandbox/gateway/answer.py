"""Who answers a call: a service of ours, else moto; and what neither can do is refused by name."""

from __future__ import annotations

import json
import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sandbox.clock import Clock
from sandbox.deliveries import s3_events
from sandbox.gateway import deletions, moto_adapter, moto_deliveries, refusals, wire
from sandbox.gateway.call import AwsError, Call, Service
from sandbox.gateway.message import Request, Response
from sandbox.gateway.moto_adapter import NotInMoto

log = logging.getLogger(__name__)

#: A waiting ReceiveMessage looks again at least this often, in wall seconds, whatever wakes it or not.
_LOOK_AGAIN_SECONDS = 1.0
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
_MAX_WAIT_SECONDS = 20


@dataclass(slots=True)
class Asked:
    """A call together with the request it came in."""

    call: Call
    protocol: str
    signing_name: str
    request: Request


@dataclass(slots=True)
class Answer:
    """A response; `result` is what one of our services returned, `error` code and message of a failed call."""

    response: Response
    result: Mapping[str, Any] | None = None
    error: tuple[str, str] | None = None


class Answerer:
    """Our services, and moto behind them. moto is asked for one call of a service at a time: it is not thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._services: dict[str, Service] = {}
        self._locks: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)
        self._arrival = threading.Condition()
        self._arrivals = 0
        self._closed = False
        moto_adapter.on_message(self._message_came)

    def add(self, service: Service) -> None:
        """Let `service` answer; ValueError for a name that AWS does not have, or one taken already."""
        if service.name in self._services:
            raise ValueError(f"{service.name} is answered already")
        unknown = set(service.operations) | set(service.refused)
        unknown -= moto_adapter.operation_names(service.name)
        if unknown:
            raise ValueError(f"AWS's {service.name} has no operation {', '.join(sorted(unknown))}")
        self._services[service.name] = service

    def close(self) -> None:
        """Let those who wait for messages go."""
        self._closed = True
        self._message_came("")

    def answer(self, asked: Asked) -> Answer:
        """What the call gives; AwsError for whatever goes wrong."""
        call = asked.call
        service = self._services.get(call.service)
        operation = service.operations.get(call.operation) if service is not None else None
        if operation is not None:
            return self._ours(asked, operation)
        refusal = self.refusal(call)
        if refusal is not None:
            raise refusal
        if asked.protocol == "cbor":
            raise refusals.unsupported(call.service, call.operation, "not over the protocol rpc-v2-cbor; JSON works")
        if (call.service, call.operation) == ("sqs", "ReceiveMessage"):
            return self._receive_message(asked)
        if (call.service, call.operation) == ("s3", "DeleteObjects"):
            return self._delete_objects(asked)
        return self._ask_moto(asked)

    def refusal(self, call: Call) -> AwsError | None:
        """The error for a call that is refused by its name, whoever makes it; None for others."""
        service = self._services.get(call.service)
        reason: str | None = None
        if service is not None:
            if call.operation in service.operations:
                return None
            reason = service.refused.get(call.operation)
        if reason is None:
            reason = refusals.refused(call.service, call.operation, call.params)
        if reason is None and (call.service == "lambda" or (service is not None and service.whole)):
            reason = "it is not built"
        return None if reason is None else refusals.unsupported(call.service, call.operation, reason)

    def _ours(self, asked: Asked, operation: Callable[[Call], Mapping[str, Any] | None]) -> Answer:
        call = asked.call
        try:
            result = operation(call)
            response = wire.result(call.service, call.operation, asked.protocol, result, call.request_id)
        except AwsError:
            raise
        except Exception as error:
            log.exception("%s:%s failed", call.service, call.operation)
            raise _fault(call, error) from error
        return Answer(response, result)

    def _ask_moto(self, asked: Asked) -> Answer:
        call = asked.call
        try:
            with self._locks[call.service], moto_deliveries.caused_by(call):
                response = moto_adapter.answer(
                    call.service,
                    call.operation,
                    asked.request,
                    access_key=call.principal.access_key or "ANONYMOUSANONYMOUSAN",
                    protocol=asked.protocol,
                    signing_name=asked.signing_name,
                    account=call.account,
                    region=call.region,
                    request_id=call.request_id,
                    by_aws=call.principal.is_aws,
                )
        except NotInMoto as error:
            raise refusals.unsupported(call.service, call.operation, str(error)) from error
        except Exception as error:
            log.exception("%s:%s failed inside moto", call.service, call.operation)
            raise _fault(call, error) from error
        if response.status >= 500:
            log.error(
                "moto answered %s:%s with %d: %.500r", call.service, call.operation, response.status, response.body
            )
            raise _fault(call, RuntimeError(f"status {response.status}"))
        if call.service == "s3":
            response.headers.setdefault("x-amz-request-id", call.request_id)
            response.headers.setdefault("x-amz-id-2", s3_events.host_id(call.request_id))
        return Answer(response, None, moto_adapter.error_of(response))

    def _delete_objects(self, asked: Asked) -> Answer:
        call = asked.call
        objects = (call.params.get("Delete") or {}).get("Objects") or []
        kept = [each for place, each in enumerate(objects) if place not in call.withheld]
        if call.withheld and not kept:
            answer = Answer(deletions.nothing_deleted())
        else:
            asked.request = deletions.asking_for(asked.request, call.params, kept)
            answer = self._ask_moto(asked)
        if call.withheld and answer.error is None:
            refused = ((objects[place], why) for place, why in call.withheld.items())
            answer.response = deletions.with_errors(answer.response, refused)
        return answer

    # -- SQS: waiting for messages -----------------------------------------------------------------------

    def _message_came(self, queue_name: str) -> None:
        with self._arrival:
            self._arrivals += 1
            self._arrival.notify_all()

    def _receive_message(self, asked: Asked) -> Answer:
        # moto waits inside ReceiveMessage, and nobody else could use its queues meanwhile; so we do the waiting.
        call = asked.call
        queue = str(call.params.get("QueueUrl", "")).rstrip("/").rpartition("/")[2]
        wait = call.params.get("WaitTimeSeconds")
        if wait is None:
            wait = moto_adapter.queue_wait_seconds(call.region, queue, call.account)
        if not 0 <= int(wait) <= _MAX_WAIT_SECONDS:
            return self._ask_moto(asked)
        once = _without_wait(asked)
        deadline = self._clock.now() + int(wait)
        while True:
            seen = self._arrivals
            answer = self._ask_moto(once)
            if self._clock.now() >= deadline or answer.error or b"ReceiptHandle" in answer.response.body:
                return answer
            wake = min(deadline, moto_adapter.next_visible_at(call.region, queue, call.account) or deadline)
            timer = self._clock.at(wake, lambda: self._message_came(""))
            with self._arrival:
                self._arrival.wait_for(lambda: self._closed or self._arrivals != seen, _LOOK_AGAIN_SECONDS)  # noqa: B023
            timer.cancel()
            if self._closed:
                return answer


def _without_wait(asked: Asked) -> Asked:
    """The same ReceiveMessage, not waiting."""
    if asked.protocol == "json":
        body = json.dumps({**json.loads(asked.request.body or b"{}"), "WaitTimeSeconds": 0})
    else:
        pairs = [pair for pair in moto_adapter.form_pairs(asked.request.body) if pair[0] != "WaitTimeSeconds"]
        body = urlencode([*pairs, ("WaitTimeSeconds", "0")])
    return Asked(asked.call, asked.protocol, asked.signing_name, asked.request.with_body(body.encode(), {}))


def _fault(call: Call, error: Exception) -> AwsError:
    # With a status of 500 SDKs would call four times, and do the same damage each time.
    return AwsError(
        "InternalFailure",
        f"coldstart failed inside {call.service}:{call.operation} ({type(error).__name__}: {error}); "
        "the sandbox's log has the details",
        400,
    )
