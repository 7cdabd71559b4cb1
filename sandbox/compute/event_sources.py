"""Event source mappings: the operations on them, their states, and a poller behind each that is enabled.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html and
https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from sandbox.clock import Clock
from sandbox.compute.arns import FunctionName, parse_function
from sandbox.compute.background import Background
from sandbox.compute.credentials import May, RoleCredentials
from sandbox.compute.errors import conflict, invalid, not_found, unsupported
from sandbox.compute.event_filters import MAX_FILTERS, InvalidPattern, Match, compile_sqs_filter
from sandbox.compute.functions import Function, Functions
from sandbox.compute.invocations import Invoker, Outcome
from sandbox.compute.paging import page
from sandbox.compute.queue_poller import QueuePoller, Settings
from sandbox.gateway.call import AwsError, Call, Operation

#: How long a mapping takes to become what it was told to be, in seconds of sandbox time; in AWS up to a minute.
TRANSITION_SECONDS = 0.1

_QUEUE = re.compile(r"arn:aws[a-zA-Z-]*:sqs:[a-z0-9-]+:\d{12}:([A-Za-z0-9_.-]+)")

#: Parameters of other event sources, and what a queue's mapping could have and this sandbox hasn't.
_NOT_FOR_QUEUES = (
    "StartingPosition",
    "StartingPositionTimestamp",
    "ParallelizationFactor",
    "DestinationConfig",
    "MaximumRecordAgeInSeconds",
    "BisectBatchOnFunctionError",
    "MaximumRetryAttempts",
    "TumblingWindowInSeconds",
    "Topics",
    "Queues",
    "SourceAccessConfigurations",
    "SelfManagedEventSource",
    "AmazonManagedKafkaEventSourceConfig",
    "SelfManagedKafkaEventSourceConfig",
    "DocumentDBEventSourceConfig",
)
_UNSUPPORTED = {
    "KMSKeyArn": "filter criteria are not encrypted here",
    "MetricsConfig": "event source mappings have no metrics of their own here",
    "LoggingConfig": "event source mappings have no logs of their own here",
    "ProvisionedPollerConfig": "pollers scale by themselves here",
}

MakeClient = Callable[[str, Mapping[str, str] | None, str], Any]
#: (Region, queue name, account) to the Unix time at which a hidden message comes in sight, or None.
NextVisible = Callable[[str, str, str], float | None]


@dataclass(slots=True, eq=False)
class EventSourceMapping:
    """A queue, a function, and how the one feeds the other. `transition` is shown until `settles_at`."""

    uuid: str
    arn: str
    target: FunctionName
    settings: Settings
    patterns: tuple[str, ...]
    enabled: bool
    modified: datetime
    transition: str
    settles_at: float
    tags: dict[str, str] = field(default_factory=dict)
    last_result: str = "No records processed"
    poller: QueuePoller | None = None

    def state(self, now: float) -> str:
        if now < self.settles_at:
            return self.transition
        return "Enabled" if self.enabled else "Disabled"

    def describe(self, now: float) -> dict[str, Any]:
        """EventSourceMappingConfiguration."""
        settings = self.settings
        description: dict[str, Any] = {
            "UUID": self.uuid,
            "EventSourceMappingArn": self.arn,
            "EventSourceArn": settings.queue_arn,
            "FunctionArn": self.target.arn,
            "BatchSize": settings.batch_size,
            "MaximumBatchingWindowInSeconds": settings.window_seconds,
            "LastModified": self.modified,
            "LastProcessingResult": self.last_result,
            "State": self.state(now),
            "StateTransitionReason": "USER_INITIATED",
            "FunctionResponseTypes": ["ReportBatchItemFailures"] if settings.report_failures else [],
        }
        if self.patterns:
            description["FilterCriteria"] = {"Filters": [{"Pattern": pattern} for pattern in self.patterns]}
        if settings.maximum_concurrency is not None:
            description["ScalingConfig"] = {"MaximumConcurrency": settings.maximum_concurrency}
        return description


class _FunctionTarget:
    """The function behind a mapping, looked up anew for each batch: it may be deleted and made again."""

    def __init__(
        self,
        name: FunctionName,
        clock: Clock,
        functions: Functions,
        invoker: Invoker,
        credentials: RoleCredentials,
        client: MakeClient,
    ) -> None:
        self._name = name
        self._clock = clock
        self._functions = functions
        self._invoker = invoker
        self._credentials = credentials
        self._client = client

    def ready_at(self) -> float | None:
        function = self._functions.find(self._name)
        if function is None:
            return None
        version = function.version(self._name.qualifier)
        return version.settles_at if version.pending(self._clock.now()) else 0.0

    def invoke(self, payload: bytes) -> Outcome:
        return self._invoker.run(self._functions.get(self._name), self._name.qualifier, payload, str(uuid.uuid4()))

    def sqs(self) -> Any:
        function = self._functions.get(self._name)
        role = function.version(self._name.qualifier).configuration.role
        return self._client("sqs", self._credentials.of(role, function.name), self._name.region)


class EventSources:
    """All event source mappings of a sandbox."""

    def __init__(
        self,
        clock: Clock,
        functions: Functions,
        invoker: Invoker,
        credentials: RoleCredentials,
        client: MakeClient,
        next_visible: NextVisible,
        may: May,
        background: Background,
        batches: Background,
    ) -> None:
        self._clock = clock
        self._functions = functions
        self._invoker = invoker
        self._credentials = credentials
        self._client = client
        self._next_visible = next_visible
        self._may = may
        self._background = background
        self._batches = batches
        self._lock = threading.RLock()
        self._mappings: dict[str, EventSourceMapping] = {}
        #: Queue name to its mappings: asked on every message.
        self._by_queue: dict[str, tuple[EventSourceMapping, ...]] = {}
        self.operations: Mapping[str, Operation] = {
            "CreateEventSourceMapping": self._create,
            "GetEventSourceMapping": self._get,
            "ListEventSourceMappings": self._list,
            "UpdateEventSourceMapping": self._update,
            "DeleteEventSourceMapping": self._delete,
        }

    def message_came(self, queue: str) -> None:
        """A message has come into a queue of this name, or may have come in sight."""
        for mapping in self._by_queue.get(queue, ()):
            if mapping.poller is not None:
                mapping.poller.wake()

    def find(self, arn: str) -> EventSourceMapping | None:
        """The mapping with this ARN."""
        return self._mappings.get(arn.rpartition(":")[2])

    def close(self) -> None:
        with self._lock:
            mappings = list(self._mappings.values())
        for mapping in mappings:
            if mapping.poller is not None:
                mapping.poller.stop()

    # -- operations ------------------------------------------------------------------------------

    def _create(self, call: Call) -> dict[str, Any]:
        params = call.params
        target = parse_function(params["FunctionName"], call.account, call.region)
        function = self._functions.get(target)
        function.version(target.qualifier)
        source = params.get("EventSourceArn")
        if not source:
            raise invalid("Unrecognized event source. EventSourceArn is required, and names an SQS queue here.")
        service = source.split(":")[2]
        if service != "sqs":
            raise unsupported(f"event source mappings of {service} ({source})", "queues of SQS alone are polled")
        if not _QUEUE.fullmatch(source):
            raise invalid(f"Unrecognized event source: {source}")
        settings, patterns = self._changed(Settings(source), (), params)
        self._check_rights(function, target, source)
        self._check_queue(function, target, source, settings)
        now = self._clock.now()
        with self._lock:
            for other in self._mappings.values():
                if other.settings.queue_arn == source and other.target == target:
                    raise conflict(
                        f'An event source mapping with SQS arn (" {source} ") and function (" {target.name} ") already '
                        f"exists. Please update or delete the existing mapping with UUID {other.uuid}"
                    )
            identifier = str(uuid.uuid4())
            mapping = EventSourceMapping(
                identifier,
                f"arn:aws:lambda:{call.region}:{call.account}:event-source-mapping:{identifier}",
                target,
                settings,
                patterns,
                params.get("Enabled", True) is not False,
                self._clock.datetime(),
                "Creating",
                now + TRANSITION_SECONDS,
                dict(params.get("Tags") or {}),
            )
            self._mappings[identifier] = mapping
            self._index()
        self._clock.at(mapping.settles_at, lambda: self._settle(mapping))
        return mapping.describe(now)

    def _get(self, call: Call) -> dict[str, Any]:
        return self._named(call).describe(self._clock.now())

    def _list(self, call: Call) -> dict[str, Any]:
        source, function = call.params.get("EventSourceArn"), call.params.get("FunctionName")
        target = parse_function(function, call.account, call.region) if function else None
        now = self._clock.now()
        with self._lock:
            found = [
                mapping
                for mapping in self._mappings.values()
                if (mapping.target.account, mapping.target.region) == (call.account, call.region)
                and (not source or mapping.settings.queue_arn == source)
                and (target is None or _same_function(mapping.target, target))
            ]
        return page(call.params, [mapping.describe(now) for mapping in found], "EventSourceMappings", 100)

    def _update(self, call: Call) -> dict[str, Any]:
        params = call.params
        with self._lock:
            mapping = self._changeable(call, "update")
            if params.get("FunctionName"):
                target = parse_function(params["FunctionName"], call.account, call.region)
                self._functions.get(target).version(target.qualifier)
            else:
                target = mapping.target
            settings, patterns = self._changed(mapping.settings, mapping.patterns, params)
            enabled = mapping.enabled if params.get("Enabled") is None else params["Enabled"]
            now = self._clock.now()
            if enabled == mapping.enabled:
                mapping.transition = "Updating"
            else:
                mapping.transition = "Enabling" if enabled else "Disabling"
            mapping.target, mapping.settings, mapping.patterns, mapping.enabled = target, settings, patterns, enabled
            mapping.modified, mapping.settles_at = self._clock.datetime(), now + TRANSITION_SECONDS
        self._clock.at(mapping.settles_at, lambda: self._settle(mapping))
        return mapping.describe(now)

    def _delete(self, call: Call) -> dict[str, Any]:
        with self._lock:
            mapping = self._changeable(call, "delete")
            now = self._clock.now()
            mapping.enabled = False
            mapping.transition, mapping.settles_at = "Deleting", now + TRANSITION_SECONDS
            poller, mapping.poller = mapping.poller, None
        if poller is not None:
            poller.stop()
        self._clock.at(mapping.settles_at, lambda: self._settle(mapping))
        return mapping.describe(now)

    def _named(self, call: Call) -> EventSourceMapping:
        mapping = self._mappings.get(call.params["UUID"])
        now = self._clock.now()
        if (
            mapping is None
            or (mapping.target.account, mapping.target.region) != (call.account, call.region)
            or (mapping.transition == "Deleting" and now >= mapping.settles_at)
        ):
            raise not_found("The resource you requested does not exist.")
        return mapping

    def _changeable(self, call: Call, what: str) -> EventSourceMapping:
        mapping = self._named(call)
        if self._clock.now() < mapping.settles_at:
            raise AwsError(
                "ResourceInUseException",
                f"Cannot {what} the event source mapping because it is in use: its state is {mapping.transition}.",
                400,
            )
        return mapping

    # -- at work ---------------------------------------------------------------------------------

    def _settle(self, mapping: EventSourceMapping) -> None:
        with self._lock:
            if self._clock.now() < mapping.settles_at:
                return
            old, mapping.poller = mapping.poller, None
            if mapping.transition == "Deleting":
                self._mappings.pop(mapping.uuid, None)
                self._index()
            elif mapping.enabled:
                mapping.poller = self._poller(mapping)
            new = mapping.poller
        if old is not None:
            old.stop()
        if new is not None:
            new.start()

    def _poller(self, mapping: EventSourceMapping) -> QueuePoller:
        def told(result: str) -> None:
            mapping.last_result = result

        target = _FunctionTarget(
            mapping.target, self._clock, self._functions, self._invoker, self._credentials, self._client
        )
        _, _, _, region, account, queue = mapping.settings.queue_arn.split(":", 5)
        return QueuePoller(
            self._clock,
            target,
            mapping.settings,
            self._background,
            self._batches,
            lambda: self._next_visible(region, queue, account),
            told,
        )

    def _index(self) -> None:
        index: dict[str, tuple[EventSourceMapping, ...]] = {}
        for mapping in self._mappings.values():
            queue = mapping.settings.queue_arn.rpartition(":")[2]
            index[queue] = (*index.get(queue, ()), mapping)
        self._by_queue = index

    # -- what a request says ---------------------------------------------------------------------

    def _changed(
        self, before: Settings, patterns: tuple[str, ...], params: Mapping[str, Any]
    ) -> tuple[Settings, tuple[str, ...]]:
        for member, reason in _UNSUPPORTED.items():
            if params.get(member):
                raise unsupported(member, reason)
        for member in _NOT_FOR_QUEUES:
            if params.get(member) not in (None, [], {}):
                raise invalid(f"{member} is not a parameter of mappings of SQS queues.")
        changes: dict[str, Any] = {}
        if params.get("BatchSize") is not None:
            changes["batch_size"] = params["BatchSize"]
        if params.get("MaximumBatchingWindowInSeconds") is not None:
            changes["window_seconds"] = params["MaximumBatchingWindowInSeconds"]
        if params.get("FunctionResponseTypes") is not None:
            changes["report_failures"] = "ReportBatchItemFailures" in params["FunctionResponseTypes"]
        if params.get("ScalingConfig") is not None:
            changes["maximum_concurrency"] = params["ScalingConfig"].get("MaximumConcurrency")
        if params.get("FilterCriteria") is not None:
            patterns, changes["filters"] = _filters(params["FilterCriteria"])
        settings = replace(before, **changes)
        if settings.queue_arn.endswith(".fifo"):
            if settings.batch_size > 10:
                raise invalid("Maximum batch size for FIFO queues is 10.")
            if settings.window_seconds:
                raise invalid("Batching window is not supported for FIFO queues.")
        if settings.batch_size > 10 and settings.window_seconds < 1:
            raise invalid(
                "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
            )
        return settings, patterns

    def _check_rights(self, function: Function, target: FunctionName, source: str) -> None:
        # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html (execution role permissions)
        role = function.version(target.qualifier).configuration.role
        key = self._credentials.of(role, function.name)["AWS_ACCESS_KEY_ID"]
        for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
            if not self._may(key, f"sqs:{action}", source):
                raise invalid(f"The provided execution role does not have permissions to call {action} on SQS")

    def _check_queue(self, function: Function, target: FunctionName, source: str, settings: Settings) -> None:
        _, _, _, _, account, name = source.split(":", 5)
        # A mapping's queue is of the function's Region: one of another is not found.
        sqs = self._client("sqs", None, target.region)
        try:
            url = sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
            attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
        except ClientError as error:
            code, text = error.response["Error"]["Code"], error.response["Error"]["Message"]
            raise invalid(
                f"Error occurred while ReceiveMessage. SQS Error Code: {code}. SQS Error Message: {text}"
            ) from error
        timeout = function.version(target.qualifier).configuration.timeout
        visibility = int(attributes["VisibilityTimeout"])
        if visibility < timeout:
            raise invalid(
                f"Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds"
            )


def _filters(criteria: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[Match, ...]]:
    patterns = tuple(item["Pattern"] for item in criteria.get("Filters") or () if item.get("Pattern"))
    if len(patterns) > MAX_FILTERS:
        raise invalid(f"A mapping takes at most {MAX_FILTERS} filters, not {len(patterns)}.")
    try:
        return patterns, tuple(compile_sqs_filter(pattern) for pattern in patterns)
    except InvalidPattern as error:
        raise invalid(f"Invalid filter pattern definition. ({error})") from error


def _same_function(mapped: FunctionName, asked: FunctionName) -> bool:
    return (mapped.account, mapped.region, mapped.name) == (asked.account, asked.region, asked.name) and (
        asked.qualifier is None or asked.qualifier == mapped.qualifier
    )
