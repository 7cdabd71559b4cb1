"""What the engine lends to the work on one resource, and what it tells of an error there."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.clock import Clock
from sandbox.gateway.call import AwsError
from sandbox.templates.errors import TemplateError
from sandbox.templates.events import handler_message
from sandbox.templates.stacks.parallel import Hold
from sandbox.templates.types.resource_type import Failed, Unsupported, Work

if TYPE_CHECKING:
    from sandbox.templates.stacks.operation import Operation

#: How often a condition is looked at that nothing announces, in wall seconds: at first, and at last.
_LOOK_SECONDS, _LOOK_SELDOM_SECONDS = 0.005, 0.25

#: For so long, in wall seconds, something that has been told to stop is waited for: it takes no sandbox time.
_STOPPED_SECONDS = 10.0

#: Services whose name in an error is not simply their id without spaces, as the AWS SDK for Java 2 writes it.
_SERVICE_NAMES = {
    "API Gateway": "ApiGateway",
    "ApiGatewayV2": "ApiGatewayV2",
    "CloudWatch Logs": "CloudWatchLogs",
    "Cognito Identity Provider": "CognitoIdentityProvider",
    "DynamoDB": "DynamoDb",
    "EC2": "Ec2",
    "EventBridge": "EventBridge",
    "IAM": "Iam",
    "KMS": "Kms",
    "SFN": "Sfn",
    "SNS": "Sns",
    "SQS": "Sqs",
    "SSM": "Ssm",
    "STS": "Sts",
}


class GivenUp(Exception):
    """The work is no longer wanted: another resource failed, somebody cancelled it, or the sandbox closes."""


class Untouched(TemplateError):
    """An update was refused before anything was done: there is nothing to take back."""


class Halt:
    """Set when the work of a phase is to stop where it waits. What is set in a stack is set in those nested in it."""

    def __init__(self, above: Halt | None = None) -> None:
        self._changed = threading.Condition()
        self._set = False
        self._below: weakref.WeakSet[Halt] = weakref.WeakSet()
        if above is not None:
            above._below.add(self)
            self._set = above.is_set

    @property
    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        with self._changed:
            self._set = True
            self._changed.notify_all()
        for one in list(self._below):
            one.set()

    def wake(self) -> None:
        """Lets all who wait look again."""
        with self._changed:
            self._changed.notify_all()

    def wait(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Waits until it is set, `until` is true after a `wake`, or wall seconds have gone by."""
        with self._changed:
            self._changed.wait_for(lambda: self._set or until(), seconds)


class Word:
    """A word that another thread says, once: from then on the clock is held, until the one who waits has gone on."""

    def __init__(self, clock: Clock, halt: Halt) -> None:
        self._clock = clock
        self._halt = halt
        self._lock = threading.Lock()
        self._said = threading.Event()
        self._held = ExitStack()
        self._over = False

    @property
    def said(self) -> bool:
        return self._said.is_set()

    def say(self) -> None:
        with self._lock:
            if not self._over:
                self._held.enter_context(self._clock.busy())
            self._said.set()
        self._halt.wake()

    def wait(self, seconds: float) -> None:
        """Waits until it has been said, or wall seconds have gone by."""
        self._said.wait(seconds)

    def close(self) -> None:
        """Nobody waits any more."""
        with self._lock:
            self._over = True
            self._held.close()


class Actor:
    """Lends clients and waiting to the work on one resource (resource_type.Acting)."""

    def __init__(self, operation: Operation, hold: Hold, halt: Halt) -> None:
        self.clock: Clock = operation.clock
        self.operation = operation
        self.halt = halt
        self.hold = hold
        self._clients: list[Any] = []

    def client(self, service: str, region: str | None = None) -> Any:
        client = self.operation.rights.client(service, region or self.operation.stack.region)
        self._clients.append(client)
        return client

    def wait(self, until: Callable[[], bool], seconds: float) -> bool:
        end = self.clock.now() + seconds
        pause = _LOOK_SECONDS
        while True:
            last = self.clock.now() >= end
            if until():
                return True
            if last:
                return False
            with self.hold.paused():
                self.halt.wait(pause)
            if self.halt.is_set:
                raise GivenUp
            pause = min(pause * 1.5, _LOOK_SELDOM_SECONDS)

    def wait_for_word(self, until: Callable[[], bool], seconds: float) -> bool:
        """As `wait`, for what somebody announces by `halt.wake`: nothing is looked at before."""
        with closing(Word(self.clock, self.halt)) as late:
            timer = self.clock.after(seconds, late.say)
            try:
                with self.hold.paused():
                    while not until() and not self.halt.is_set and not late.said:
                        self.halt.wait(60.0, lambda: until() or late.said)
            finally:
                timer.cancel()
        if until():
            return True
        if self.halt.is_set:
            raise GivenUp
        return False

    def wait_for_deployment(self, identifier: str, seconds: float) -> bool:
        with closing(Word(self.clock, self.halt)) as word:
            self.operation.engine.when_deployed(identifier, word.say)
            return self.wait_for_word(lambda: word.said, seconds)

    def wait_for_stop(self, identifier: str) -> None:
        with closing(Word(self.clock, self.halt)) as word:
            self.operation.engine.when_deployed(identifier, word.say)
            with self.hold.paused():
                word.wait(_STOPPED_SECONDS)

    # -- the types that are the engine's own (types/cloudformation.py) ----------------------------------------

    def create_stack(self, work: Work) -> str:
        return self.operation.engine.nested.create(work, self)

    def update_stack(self, work: Work) -> None:
        self.operation.engine.nested.update(work, self)

    def delete_stack(self, work: Work) -> None:
        self.operation.engine.nested.delete(work, self)

    def stack_outputs(self, work: Work) -> Mapping[str, str]:
        return self.operation.engine.nested.outputs(work, self)

    def ask(self, work: Work, request: Literal["Create", "Update", "Delete"]) -> None:
        self.operation.engine.custom.ask(work, request, self)

    # -- errors ------------------------------------------------------------------------------------------

    def reason(self, error: Exception, token: str) -> str:
        """What a resource's event tells of an error."""
        if isinstance(error, ClientError):
            details = error.response.get("Error", {})
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
            request = error.response.get("ResponseMetadata", {}).get("RequestId", "")
            service = self._service_of(error.operation_name)
            message = f"{details.get('Message', '')} (Service: {service}, Status Code: {status}, Request ID: {request})"
            return handler_message(message, str(details.get("Code", "")), token)
        if isinstance(error, Failed):
            # Its code is a handler's already.
            details = f"(RequestToken: {token}, HandlerErrorCode: {error.code})"
            return f'Resource handler returned message: "{error.message}" {details}'
        if isinstance(error, (TemplateError, AwsError)):
            return error.message
        if isinstance(error, (Unsupported, BotoCoreError)):
            return str(error)
        return f"Internal failure in the sandbox: {type(error).__name__}: {error}"

    def _service_of(self, operation: str) -> str:
        for client in reversed(self._clients):
            if operation in client.meta.service_model.operation_names:
                identifier = str(client.meta.service_model.service_id)
                return _SERVICE_NAMES.get(identifier, identifier.replace(" ", ""))
        return "CloudFormation"
