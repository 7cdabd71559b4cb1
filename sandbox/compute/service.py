"""The Lambda service: its parts put together, and the operation Invoke.

The service is ours as a whole: what is not built is refused by name.
https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import ClientError

from sandbox.clock import Clock
from sandbox.compute import constraints
from sandbox.compute.alias_operations import AliasOperations
from sandbox.compute.arns import FunctionName, named_function, parse_function
from sandbox.compute.asynchronous import Event, EventQueue
from sandbox.compute.background import Background
from sandbox.compute.configurations import ConfigurationReader
from sandbox.compute.contract import EnvironmentSpec
from sandbox.compute.credentials import RoleCredentials
from sandbox.compute.errors import invalid, too_large, unsupported
from sandbox.compute.event_invoke import EventInvokeConfigs
from sandbox.compute.event_sources import EventSources
from sandbox.compute.function_operations import FunctionOperations
from sandbox.compute.function_urls import FunctionUrl, FunctionUrls
from sandbox.compute.functions import Configuration, Function, Functions, Version
from sandbox.compute.invocations import MAX_ASYNCHRONOUS_BYTES, MAX_SYNCHRONOUS_BYTES, Invoker, Outcome
from sandbox.compute.layers import Layers
from sandbox.compute.measurements import Metrics
from sandbox.compute.packages import PackageStore
from sandbox.compute.permissions import Permissions
from sandbox.compute.pool import Host, Kind, Pool
from sandbox.compute.powertools_layer import default_cache
from sandbox.compute.recursion import Recursion
from sandbox.compute.reservations import Reservations
from sandbox.compute.runtimes import RUNTIMES
from sandbox.compute.tags import Tags
from sandbox.compute.timestamps import stream_date
from sandbox.compute.traces import read_trace
from sandbox.gateway.call import DEFAULT_REGION, AwsError, Call, Operation

LAMBDA = "lambda.amazonaws.com"

#: Threads: attempts of asynchronous events and batches of queues; pollers' looks and environments' Inits and ends.
RUNNING_THREADS = 128
KEEPING_THREADS = 16

_STREAMS = "response streaming comes with a later part of this sandbox"
_SIGNING = "code signing is not built"
_DURABLE = "durable functions are not built"
_MANAGED = "Lambda Managed Instances are not built"
_RUNTIME = "a runtime's patch version is that of the interpreter on this machine, and can't be pinned"
_POLICY = "whole policies are not taken; AddPermission, RemovePermission and GetPolicy work"

REFUSED: Mapping[str, str] = {
    "InvokeWithResponseStream": _STREAMS,
    "InvokeAsync": "it is deprecated; Invoke with InvocationType Event works",
    **dict.fromkeys(
        (
            "CreateCodeSigningConfig",
            "GetCodeSigningConfig",
            "UpdateCodeSigningConfig",
            "DeleteCodeSigningConfig",
            "ListCodeSigningConfigs",
            "ListFunctionsByCodeSigningConfig",
            "PutFunctionCodeSigningConfig",
            "GetFunctionCodeSigningConfig",
            "DeleteFunctionCodeSigningConfig",
        ),
        _SIGNING,
    ),
    **dict.fromkeys(
        (
            "CheckpointDurableExecution",
            "DeleteDurableExecution",
            "GetDurableExecution",
            "GetDurableExecutionHistory",
            "GetDurableExecutionState",
            "ListDurableExecutionsByFunction",
            "PauseDurableExecution",
            "ResumeDurableExecution",
            "SendDurableExecutionCallbackFailure",
            "SendDurableExecutionCallbackHeartbeat",
            "SendDurableExecutionCallbackSuccess",
            "StopDurableExecution",
        ),
        _DURABLE,
    ),
    **dict.fromkeys(
        (
            "CreateCapacityProvider",
            "GetCapacityProvider",
            "UpdateCapacityProvider",
            "DeleteCapacityProvider",
            "ListCapacityProviders",
            "ListFunctionVersionsByCapacityProvider",
            "GetFunctionScalingConfig",
            "PutFunctionScalingConfig",
        ),
        _MANAGED,
    ),
    "GetRuntimeManagementConfig": _RUNTIME,
    "PutRuntimeManagementConfig": _RUNTIME,
    "GetResourcePolicy": _POLICY,
    "PutResourcePolicy": _POLICY,
    "DeleteResourcePolicy": _POLICY,
}

#: Operations after which a message that was hidden may be in sight.
_REVEALING = frozenset({"ChangeMessageVisibility", "ChangeMessageVisibilityBatch", "SetQueueAttributes"})
_FREEING = frozenset({"DeleteMessage", "DeleteMessageBatch"})


class Gateway(Protocol):
    """What Lambda needs of the gateway."""

    @property
    def endpoint_url(self) -> str: ...
    def issue_session(self, role_arn: str, session_name: str, seconds: int) -> Mapping[str, str]: ...
    def role_trusts(self, role_arn: str, service_principal: str) -> bool: ...
    def permits(self, access_key: str, action: str, resource: str) -> bool: ...
    def client(
        self, service: str, credentials: Mapping[str, str] | None = None, region: str = DEFAULT_REGION
    ) -> Any: ...
    def on_call(self, listener: Callable[[Call, Mapping[str, Any] | None], None]) -> None: ...
    def on_message(self, listener: Callable[[str], None]) -> None: ...
    def next_visible_at(self, region: str, queue: str, account: str) -> float | None: ...


def preload() -> None:
    """Load what a first call would have to wait for. Starts no thread."""
    constraints.preload()


class LambdaService:
    """The service `lambda`.

    `root` is a folder of this sandbox, `cache` one that sandboxes share.
    """

    name = "lambda"
    whole = True

    def __init__(
        self,
        clock: Clock,
        gateway: Gateway,
        metrics: Metrics,
        host: Host,
        root: Path,
        *,
        seed: int,
        cache: Path | None = None,
    ) -> None:
        self._clock = clock
        self._gateway = gateway
        self._host = host
        self._running = Background(clock, "lambda-run", RUNNING_THREADS)
        self._keeping = Background(clock, "lambda-keep", KEEPING_THREADS)
        self._credentials = RoleCredentials(clock, gateway.issue_session)
        self.functions = Functions()
        packages = PackageStore(root / "packages")
        self._layers = Layers(clock, packages, self._fetch, cache or default_cache())
        self._invoker = Invoker(clock, metrics)
        self._events = EventQueue(clock, self._invoker, self._running, self._credentials, gateway.client)
        self._event_sources = EventSources(
            clock,
            self.functions,
            self._invoker,
            self._credentials,
            gateway.client,
            gateway.next_visible_at,
            gateway.permits,
            self._keeping,
            self._running,
        )
        self._reservations = Reservations(clock, self.functions, self._invoker, self._layers)
        self._permissions = Permissions(self.functions)
        self._urls = FunctionUrls(clock, self.functions)
        reader = ConfigurationReader(self._layers, lambda role: gateway.role_trusts(role, LAMBDA), RUNTIMES)
        parts = (
            FunctionOperations(
                clock, self.functions, packages, self._fetch, reader, self._make_pool, self._reservations
            ),
            AliasOperations(self.functions, seed, self._reservations.moved),
            self._layers,
            self._reservations,
            self._permissions,
            self._urls,
            EventInvokeConfigs(clock, self.functions),
            Recursion(self.functions),
            self._event_sources,
            Tags(self.functions, self._event_sources),
        )
        self.operations: Mapping[str, Operation] = {
            "Invoke": self._invoke,
            **{name: _checked(name, operation) for part in parts for name, operation in part.operations.items()},
        }
        self.refused: Mapping[str, str] = REFUSED
        gateway.on_call(self._called)
        gateway.on_message(self._event_sources.message_came)

    def close(self) -> None:
        """Stop pollers and queues. The environments end with their host."""
        self._event_sources.close()
        self._running.close()
        self._keeping.close()

    # -- for other services ----------------------------------------------------------------------

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
    ) -> Outcome | None:
        """Invoke a function for another service, by name or ARN; whether it may was decided before.

        Synchronously the outcome; AwsError if the function is unknown or the call throttled. Otherwise the event is
        queued, and there is none. `trace` is the X-Amzn-Trace-Id header that the service sends.
        """
        name = parse_function(function, account, region)
        found = self.functions.get(name)
        identifier = request_id or str(uuid.uuid4())
        if synchronous:
            return self._invoker.run(found, name.qualifier, payload, identifier, trace=read_trace(trace))
        found.version(name.qualifier)
        now = self._clock.now()
        self._events.accept(Event(found, name.qualifier, payload, identifier, now, trace=read_trace(trace)))
        return None

    def has(self, arn: str) -> bool:
        """Whether there is a function, version or alias with this ARN."""
        name = _function_of(arn)
        function = self.functions.find(name) if name is not None else None
        if function is None or name is None:
            return False
        try:
            function.version(name.qualifier)
        except AwsError:
            return False
        return True

    def send(self, arn: str, payload: bytes, trace: str) -> None:
        """Queue an event for another service, like `invoke_internal` that does not wait. AwsError if there is none."""
        account, region = _place_of(arn)
        self.invoke_internal(arn, payload, account=account, region=region, synchronous=False, trace=trace)

    def timeout_of(self, arn: str) -> int:
        """The time-out in seconds of the function, version or alias with this ARN; AwsError if there is none."""
        name = parse_function(arn, *_place_of(arn))
        return self.functions.get(name).version(name.qualifier).configuration.timeout

    def url_of(self, host: str) -> FunctionUrl | None:
        """The function URL of a host name; None if there is none."""
        return self._urls.find(host)

    def policy_of(self, arn: str) -> dict[str, Any] | None:
        """The resource policy of the function, version, alias or layer version with this ARN; None if it has none."""
        if ":layer:" in arn:
            return self._layers.policy(arn)
        name = _function_of(arn)
        return self._permissions.policy(name) if name is not None else None

    def tags_of(self, arn: str) -> Mapping[str, str]:
        """The tags of the function or event source mapping with this ARN; a version or alias has its function's."""
        if ":event-source-mapping:" in arn:
            mapping = self._event_sources.find(arn)
            return mapping.tags if mapping is not None else {}
        name = _function_of(arn)
        function = self.functions.find(name) if name is not None else None
        return function.tags if function is not None else {}

    def mapped_function(self, arn: str) -> str | None:
        """The ARN of the function that the event source mapping with this ARN invokes."""
        mapping = self._event_sources.find(arn)
        return mapping.target.arn if mapping is not None else None

    def _called(self, call: Call, result: Mapping[str, Any] | None) -> None:
        if (call.service, call.operation) == ("lambda", "DeleteFunction"):
            self._credentials.forget(named_function(call).name)
        if call.service != "sqs":
            return
        queue = str(call.params.get("QueueUrl", "")).rstrip("/").rpartition("/")[2]
        if call.operation in _REVEALING or (call.operation in _FREEING and queue.endswith(".fifo")):
            self._event_sources.message_came(queue)

    # -- Invoke ----------------------------------------------------------------------------------

    def _invoke(self, call: Call) -> dict[str, Any]:
        params = call.params
        kind = params.get("InvocationType") or "RequestResponse"
        if kind not in ("RequestResponse", "Event", "DryRun") or params.get("LogType") not in (None, "None", "Tail"):
            constraints.check("Invoke", params)
        for member in ("TenantId", "DurableExecutionName"):
            if params.get(member):
                raise unsupported(member, "it is not built")
        name = named_function(call)
        function = self.functions.get(name)
        payload = _payload(params.get("Payload"), MAX_ASYNCHRONOUS_BYTES if kind == "Event" else MAX_SYNCHRONOUS_BYTES)
        if kind == "RequestResponse":
            return self._respond(call, function, name, payload)
        version = function.version(name.qualifier)
        if kind == "DryRun":
            return {"StatusCode": 204, "ExecutedVersion": version.number, "Payload": b""}
        self._events.accept(
            Event(
                function,
                name.qualifier,
                payload,
                call.request_id,
                self._clock.now(),
                _client_context(params.get("ClientContext")),
                read_trace(call.trace),
            )
        )
        return {"StatusCode": 202, "Payload": b""}

    def _respond(self, call: Call, function: Function, name: FunctionName, payload: bytes) -> dict[str, Any]:
        outcome = self._invoker.run(
            function,
            name.qualifier,
            payload,
            call.request_id,
            client_context=_client_context(call.params.get("ClientContext")),
            trace=read_trace(call.trace),
        )
        result = outcome.result
        answer: dict[str, Any] = {
            "StatusCode": 200,
            "ExecutedVersion": outcome.executed,
            "Payload": result.payload,
        }
        if result.function_error:
            answer["FunctionError"] = result.function_error
        if call.params.get("LogType") == "Tail":
            answer["LogResult"] = base64.b64encode(result.log_tail).decode()
        return answer

    # -- environments ----------------------------------------------------------------------------

    def _make_pool(self, version: Version, configuration: Configuration) -> Pool:
        def spec(kind: Kind) -> EnvironmentSpec:
            return self._spec(version, configuration, kind)

        return Pool(self._clock, self._host, self._keeping, spec)

    def _spec(self, version: Version, configuration: Configuration, kind: Kind) -> EnvironmentSpec:
        function = version.function
        return EnvironmentSpec(
            account=function.account,
            region=function.region,
            function_name=function.name,
            version=version.number,
            arn=version.arn,
            handler=configuration.handler,
            runtime=configuration.runtime,
            memory_mb=configuration.memory,
            timeout_s=configuration.timeout,
            code=configuration.package.folder,
            log_group=version.log_group(configuration),
            log_stream=f"{stream_date(self._clock.now())}/[{version.number}]{uuid.uuid4().hex}",
            endpoint_url=self._gateway.endpoint_url,
            layers=tuple(layer.folder for layer in configuration.layers),
            ephemeral_mb=configuration.ephemeral,
            variables=configuration.variables,
            credentials=self._credentials.of(configuration.role, function.name),
            log_format="JSON" if configuration.log_format == "JSON" else "Text",
            application_log_level=configuration.application_log_level,
            system_log_level=configuration.system_log_level,
            tracing="Active" if configuration.tracing == "Active" else "PassThrough",
            initialization_type=kind,
        )

    def _fetch(self, bucket: str, key: str, version: str | None) -> bytes:
        where = {"Bucket": bucket, "Key": key, **({"VersionId": version} if version else {})}
        try:
            return bytes(self._gateway.client("s3").get_object(**where)["Body"].read())
        except ClientError as error:
            code, text = error.response["Error"]["Code"], error.response["Error"]["Message"]
            raise invalid(f"Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: {text}") from error


def _checked(name: str, operation: Operation) -> Operation:
    def check_and_answer(call: Call) -> Mapping[str, Any] | None:
        constraints.check(name, call.params)
        return operation(call)

    return check_and_answer


def _place_of(arn: str) -> tuple[str, str]:
    """Account and Region in a function's ARN."""
    parts = arn.split(":")
    return parts[4], parts[3]


def _function_of(arn: str) -> FunctionName | None:
    """The function that an ARN names; None if it names none, or several (`function:*`)."""
    parts = arn.split(":")
    if len(parts) < 7 or parts[5] != "function":
        return None
    try:
        return parse_function(arn, parts[4], parts[3])
    except AwsError:
        return None


def _payload(given: Any, limit: int) -> bytes:
    """The event as JSON text: no payload is an empty object."""
    payload = bytes(given or b"{}")
    if len(payload) > limit:
        raise too_large(limit, "InvokeFunction")
    try:
        json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise AwsError(
            "InvalidRequestContentException",
            f"Could not parse request body into json: Could not parse payload into json: {error}",
            400,
            Type="User",
        ) from error
    return payload


def _client_context(given: str | None) -> str:
    """The JSON text in the base64 of X-Amz-Client-Context."""
    if not given:
        return ""
    try:
        text = base64.b64decode(given, validate=True).decode()
        json.loads(text)
    except ValueError as error:
        raise AwsError(
            "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object.", 400
        ) from error
    return text
