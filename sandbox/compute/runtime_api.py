"""The Runtime API and the Extensions API of one environment: which call is legal when, and what it answers.

A state machine without input or output: requests come in with a token for the connection that they came on, and
answers go out as bytes for such a token.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.compute.contract import Invocation
from sandbox.compute.http_connection import Request, json_response, response

#: The largest answer of a function: 6 MB and room for an envelope (fact lambda-payload).
MOST_RESPONSE = 6 * 1024 * 1024 + 100
#: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MOST_EXTENSIONS = 10

_RUNTIME = "/2018-06-01/runtime/"
_EXTENSION = "/2020-01-01/extension/"
#: These exist in Lambda and not here: the version of a path, and the API's name.
_REFUSED = {"/2022-07-01/telemetry": "Telemetry", "/2020-08-15/logs": "Logs"}

_ACCEPTED = {"status": "OK"}

#: Bytes to send, and where to.
Answer = tuple[Hashable, bytes]


@dataclass(frozen=True, slots=True)
class Posted:
    """What a runtime or an extension posted: an answer, or an error with its type."""

    body: bytes
    error_type: str = ""
    too_large: int = 0


@dataclass(slots=True)
class Extension:
    """A registered extension. `waits_on` is the connection that it asks for its next event on."""

    name: str
    external: bool
    events: frozenset[str] = frozenset()
    identifier: str = field(default_factory=lambda: str(uuid.uuid4()))
    waits_on: Hashable | None = None
    ready: bool = False
    error: Posted | None = None
    exited: bool = False


class RuntimeApi:
    """One life of the processes of an environment, from their start to their end."""

    def __init__(self, function_name: str, version: str, handler: str, account: str, external: frozenset[str]) -> None:
        self._function = {"functionName": function_name, "functionVersion": version, "handler": handler}
        self._account = account
        #: The names of the executables in /opt/extensions; who registers under another name is an internal extension.
        self._external = external
        self._extensions: dict[str, Extension] = {}
        self._runtime_waits_on: Hashable | None = None
        self._state = "Started"
        self._request_id = ""
        self._shutdown: dict[str, Any] | None = None
        self.init_error: Posted | None = None
        #: What the runtime posted for the present invocation.
        self.posted: Posted | None = None

    # -- what the environment asks ---------------------------------------------------------------

    @property
    def registered(self) -> bool:
        """Every external extension has registered, so the runtime may be started."""
        return self._external <= {one.name for one in self._extensions.values()}

    @property
    def at_rest(self) -> bool:
        """The runtime and all extensions wait for what comes next: Init or the invocation is over."""
        if self._runtime_waits_on is None or self._state != "Ready" or not self.registered:
            return False
        return all(one.waits_on is not None for one in self._extensions.values() if self._must_return(one))

    @property
    def extension_error(self) -> tuple[str, Posted] | None:
        """The extension that has reported an error, by name."""
        return next(((one.name, one.error) for one in self._extensions.values() if one.error is not None), None)

    @property
    def extensions(self) -> list[Extension]:
        return list(self._extensions.values())

    def _must_return(self, extension: Extension) -> bool:
        """Init waits for every extension's first question, an invocation for those that are told of it."""
        return not extension.exited and (not self._request_id or "INVOKE" in extension.events)

    # -- what the environment does ---------------------------------------------------------------

    def invoke(self, invocation: Invocation, deadline_ms: int) -> list[Answer]:
        """Hand an event to the runtime and to the extensions that asked for INVOKE."""
        assert self._runtime_waits_on is not None
        self._request_id = invocation.request_id
        self.posted = None
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.invoked_arn,
        }
        for name, value in (
            ("Trace-Id", invocation.trace_id),
            ("Client-Context", invocation.client_context),
            ("Cognito-Identity", invocation.cognito_identity),
        ):
            if value:
                headers[f"Lambda-Runtime-{name}"] = value
        answers = [(self._runtime_waits_on, response(200, invocation.payload, headers))]
        self._runtime_waits_on = None
        self._state = "Running"
        event: dict[str, Any] = {
            "eventType": "INVOKE",
            "deadlineMs": deadline_ms,
            "requestId": invocation.request_id,
            "invokedFunctionArn": invocation.invoked_arn,
        }
        if invocation.trace_id:
            event["tracing"] = {"type": "X-Amzn-Trace-Id", "value": invocation.trace_id}
        return answers + self._tell("INVOKE", event)

    def shut_down(self, reason: str, deadline_ms: int) -> list[Answer]:
        """Tell the extensions that asked for SHUTDOWN. `reason` is spindown, timeout or failure."""
        self._shutdown = {"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline_ms}
        return self._tell("SHUTDOWN", self._shutdown)

    def exited(self, name: str) -> None:
        """The process of an external extension has ended."""
        for one in self._extensions.values():
            if one.name == name:
                one.exited = True

    def request(self, connection: Hashable, request: Request) -> bytes | None:
        """The answer to a request, or None if it waits for an event."""
        path, method = request.path.split("?")[0], request.method
        if path.startswith(_RUNTIME):
            return self._runtime_call(connection, method, path.removeprefix(_RUNTIME), request)
        if path.startswith(_EXTENSION):
            return self._extension_call(connection, method, path.removeprefix(_EXTENSION), request)
        if path.rstrip("/") in _REFUSED:
            name = _REFUSED[path.rstrip("/")]
            return _error(501, f"{name}.NotSupported", f"This sandbox does not support the {name} API")
        return _error(404, "NotFound", f"There is no {method} {request.path} here")

    # -- the runtime's calls ---------------------------------------------------------------------

    def _runtime_call(self, connection: Hashable, method: str, path: str, request: Request) -> bytes | None:
        if (method, path) == ("GET", "invocation/next"):
            return self._runtime_next(connection)
        if (method, path) == ("POST", "init/error"):
            return self._runtime_init_error(request)
        parts = path.split("/")
        if method == "POST" and len(parts) == 3 and parts[0] == "invocation":
            handlers: Mapping[str, Callable[[str, Request], bytes]] = {
                "response": self._response,
                "error": self._invocation_error,
            }
            if parts[2] in handlers:
                return handlers[parts[2]](parts[1], request)
        return _error(404, "NotFound", f"There is no {method} {request.path} here")

    def _runtime_next(self, connection: Hashable) -> bytes | None:
        if self._state not in ("Started", "Ready", "ResponseSent"):
            return self._illegal("Ready")
        self._runtime_waits_on = connection
        self._state = "Ready"
        return None

    def _runtime_init_error(self, request: Request) -> bytes:
        if self._state != "Started":
            return self._illegal("InitError")
        self._state = "InitError"
        self.init_error = _posted_error(request, "lambda-runtime-function-error-type")
        return json_response(202, _ACCEPTED)

    def _response(self, request_id: str, request: Request) -> bytes:
        refusal = self._not_running(request_id, "InvocationResponse")
        if refusal is not None:
            return refusal
        if request.headers.get("lambda-runtime-function-response-mode", "").lower() == "streaming":
            return _error(501, "ResponseStreaming.NotSupported", "This sandbox does not support response streaming")
        self._state = "ResponseSent"
        if request.size > MOST_RESPONSE:
            self.posted = Posted(b"", "Function.ResponseSizeTooLarge", request.size)
            return _error(
                413, "RequestEntityTooLarge", f"Exceeded maximum allowed payload size ({MOST_RESPONSE} bytes)."
            )
        self.posted = Posted(request.body)
        return json_response(202, _ACCEPTED)

    def _invocation_error(self, request_id: str, request: Request) -> bytes:
        refusal = self._not_running(request_id, "InvocationErrorResponse")
        if refusal is not None:
            return refusal
        self._state = "ResponseSent"
        self.posted = _posted_error(request, "lambda-runtime-function-error-type")
        return json_response(202, _ACCEPTED)

    def _not_running(self, request_id: str, wanted: str) -> bytes | None:
        if self._state != "Running":
            return self._illegal(wanted)
        if request_id != self._request_id:
            return _error(400, "InvalidRequestID", f"Invalid request ID {request_id}: expected {self._request_id}")
        return None

    def _illegal(self, wanted: str) -> bytes:
        return _error(
            403,
            "InvalidStateTransition",
            f"State transition from {self._state} to {wanted} failed for runtime. "
            "Error: State transition is not allowed",
        )

    # -- the extensions' calls -------------------------------------------------------------------

    def _extension_call(self, connection: Hashable, method: str, path: str, request: Request) -> bytes | None:
        if (method, path) == ("POST", "register"):
            return self._register(request)
        if (method, path) not in (("GET", "event/next"), ("POST", "init/error"), ("POST", "exit/error")):
            return _error(404, "NotFound", f"There is no {method} {request.path} here")
        identifier = request.headers.get("lambda-extension-identifier", "")
        if not identifier:
            return _error(403, "Extension.MissingExtensionIdentifier", "Missing header Lambda-Extension-Identifier")
        extension = self._extensions.get(identifier)
        if extension is None:
            return _error(403, "Extension.UnknownExtensionIdentifier", f"Unknown extension {identifier}")
        if path == "event/next":
            if extension.waits_on is not None:
                return _error(
                    403,
                    "InvalidStateTransition",
                    f"State transition from Ready to Ready failed for extension {extension.name}. "
                    "Error: State transition is not allowed",
                )
            extension.ready = True
            if self._shutdown is not None and "SHUTDOWN" in extension.events:
                # It was still at work when the others were told.
                return _event(self._shutdown)
            extension.waits_on = connection
            return None
        kind = request.headers.get("lambda-extension-function-error-type", "")
        if not kind:
            return _error(403, "Extension.MissingErrorType", "Missing header Lambda-Extension-Function-Error-Type")
        if path == "init/error" and extension.ready:
            return _error(
                403,
                "InvalidStateTransition",
                f"State transition from Ready to InitError failed for extension {extension.name}. "
                "Error: State transition is not allowed",
            )
        extension.error = _posted_error(request, "lambda-extension-function-error-type")
        return json_response(202, _ACCEPTED)

    def _register(self, request: Request) -> bytes:
        name = request.headers.get("lambda-extension-name", "")
        if not name:
            return _error(403, "Extension.InvalidExtensionName", "Missing header Lambda-Extension-Name")
        if self._state != "Started":
            return _error(403, "Extension.RegistrationClosed", "Extension registration closed already")
        if any(one.name == name for one in self._extensions.values()):
            return _error(403, "Extension.AlreadyRegistered", f"Extension {name} has registered already")
        if len(self._extensions) >= MOST_EXTENSIONS:
            return _error(
                403, "Extension.TooManyExtensions", f"Extension limit ({MOST_EXTENSIONS}) reached: {name} refused"
            )
        try:
            events = frozenset(json.loads(request.body or b"{}").get("events", ()))
        except (ValueError, AttributeError, TypeError):
            return _error(403, "InvalidRequestFormat", "The body must be a JSON object with a list of events")
        unknown = sorted(str(event) for event in events - {"INVOKE", "SHUTDOWN"})
        if unknown:
            return _error(403, "Extension.InvalidEventType", f"{', '.join(unknown)}: no such event")
        external = name in self._external
        if not external and "SHUTDOWN" in events:
            return _error(
                403,
                "ShutdownEventNotSupportedForInternalExtension",
                "SHUTDOWN event not supported for internal extensions",
            )
        extension = Extension(name, external, events)
        self._extensions[extension.identifier] = extension
        answer = dict(self._function)
        if "accountid" in request.headers.get("lambda-extension-accept-feature", "").lower():
            answer["accountId"] = self._account
        return json_response(200, answer, {"Lambda-Extension-Identifier": extension.identifier})

    def _tell(self, kind: str, event: dict[str, Any]) -> list[Answer]:
        answers: list[Answer] = []
        for extension in self._extensions.values():
            if kind in extension.events and extension.waits_on is not None:
                answers.append((extension.waits_on, _event(event)))
                extension.waits_on = None
        return answers


def _event(event: dict[str, Any]) -> bytes:
    return json_response(200, event, {"Lambda-Extension-Event-Identifier": str(uuid.uuid4())})


def _error(status: int, kind: str, message: str) -> bytes:
    return json_response(status, {"errorMessage": message, "errorType": kind})


def _posted_error(request: Request, header: str) -> Posted:
    """The error's type stands in its body; the header is for those that post none."""
    kind = ""
    try:
        body = json.loads(request.body)
        kind = str(body.get("errorType") or "")
    except (ValueError, AttributeError):
        pass
    return Posted(request.body, kind or request.headers.get(header, "") or "Runtime.Unknown")
