"""A stack as it is kept: what it was made of, its resources and the things behind them, its outputs and its events."""

from __future__ import annotations

import datetime
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.clock import Clock
from sandbox.templates.evaluation import Made
from sandbox.templates.evaluation import Stack as Pseudo
from sandbox.templates.events import StackEvent, resource_event, stack_event
from sandbox.templates.parameters import ParameterValue
from sandbox.templates.states import ResourceStatus, StackStatus
from sandbox.templates.template import Template

_MILLISECOND = datetime.timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Definition:
    """What a stack is made of. `text` is the template as it was given, `template` what its transforms made of it."""

    text: str
    template: Template
    parameters: Mapping[str, ParameterValue]
    tags: Mapping[str, str] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    notification_arns: tuple[str, ...] = ()
    transforms: tuple[str, ...] = ()

    @property
    def texts(self) -> dict[str, str]:
        """The parameters' values as they were given."""
        return {name: one.text for name, one in self.parameters.items()}


@dataclass(frozen=True, slots=True)
class Physical:
    """A thing that was made for a resource, and all that must be known to change and delete it.

    `properties` are evaluated, with dynamic references as they stand; `given` is what the type was given, with what
    they refer to; `shown` is what events tell, without secrets. `needs` are the resources that were there before it.
    `no_echo` says that what Fn::GetAtt gives of it is not shown.
    """

    type: str
    id: str
    properties: Mapping[str, Any]
    given: Mapping[str, Any]
    shown: Mapping[str, Any]
    stack_tags: Mapping[str, str]
    needs: frozenset[str] = frozenset()
    deletion_policy: str | None = None
    replace_policy: str | None = None
    metadata: Any = None
    update_policy: Any = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    ref: str | None = None
    no_echo: bool = False

    @property
    def made(self) -> Made:
        """As expressions see it."""
        return Made(self.id, self.attributes, self.ref)


@dataclass(slots=True)
class StackResource:
    """A resource of a stack. `physical` is what references to it mean; None before it is there and once it is gone.

    `attempted` is what an update in place that is not known to have succeeded wanted to make of it.
    """

    logical_id: str
    type: str
    status: ResourceStatus
    time: datetime.datetime
    physical_id: str = ""
    reason: str | None = None
    physical: Physical | None = None
    attempted: Physical | None = None
    description: str | None = None

    @property
    def failed_creation(self) -> bool:
        """Whether it never came up: the next operation makes it anew."""
        return self.status == "CREATE_FAILED"


@dataclass(frozen=True, slots=True)
class StackOutput:
    """An output as DescribeStacks tells it."""

    name: str
    value: str
    description: str | None = None
    export: str | None = None

    def shape(self) -> dict[str, str]:
        shape = {"OutputKey": self.name, "OutputValue": self.value}
        if self.description is not None:
            shape["Description"] = self.description
        if self.export is not None:
            shape["ExportName"] = self.export
        return shape


@dataclass(frozen=True, slots=True)
class Stable:
    """The last state in which all was well, which a rollback leads back to."""

    definition: Definition | None
    physicals: Mapping[str, Physical]
    outputs: tuple[StackOutput, ...] = ()
    imports: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Left:
    """A thing that goes in the clean-up: it was replaced, or its resource is no longer in the template.

    With `retained` it stays where it is, and is no longer the stack's.
    """

    logical_id: str
    physical: Physical
    retained: bool


@dataclass(slots=True)
class StackRecord:
    """One stack. `lock` guards what changes; nobody holds it over a call.

    `stable` is set while an update is under way or has failed. `left` waits for the clean-up.
    """

    name: str
    id: str
    account: str
    region: str
    created: datetime.datetime
    status: StackStatus
    definition: Definition | None = None
    reason: str | None = None
    updated: datetime.datetime | None = None
    deleted: datetime.datetime | None = None
    role_arn: str | None = None
    parent_id: str | None = None
    root_id: str | None = None
    change_set_id: str | None = None
    disable_rollback: bool = False
    retain_except_on_create: bool = False
    timeout_minutes: int | None = None
    protected: bool = False
    resources: dict[str, StackResource] = field(default_factory=dict)
    outputs: list[StackOutput] = field(default_factory=list)
    imports: frozenset[str] = frozenset()
    events: list[StackEvent] = field(default_factory=list)
    stable: Stable | None = None
    left: list[Left] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def pseudo(self) -> Pseudo:
        """What pseudo parameters tell of the stack."""
        return self.pseudo_with(self.definition.notification_arns if self.definition is not None else ())

    def pseudo_with(self, notification_arns: tuple[str, ...]) -> Pseudo:
        """The same, with other topics for its events."""
        return pseudo(self.name, self.id, self.account, self.region, notification_arns)

    @property
    def physicals(self) -> dict[str, Physical]:
        """The things that are there, by the resource."""
        with self.lock:
            return {name: one.physical for name, one in self.resources.items() if one.physical is not None}

    @property
    def exports(self) -> dict[str, str]:
        """The exports' values, by name."""
        return {one.export: one.value for one in self.outputs if one.export is not None}

    def tell(
        self, clock: Clock, status: StackStatus, reason: str | None = None, *, token: str | None = None
    ) -> StackEvent:
        """Gives the stack a status, with its event."""
        with self.lock:
            self.status, self.reason = status, reason
            event = stack_event(self.id, self.name, status, self._time(clock), reason, token=token)
            self.events.append(event)
            return event

    def tell_of(
        self,
        clock: Clock,
        resource: StackResource,
        status: ResourceStatus,
        reason: str | None = None,
        *,
        shown: Mapping[str, Any] | None = None,
        physical_id: str | None = None,
        token: str | None = None,
    ) -> StackEvent:
        """Gives a resource a status, with its event. `physical_id`, if it is given, is told and not kept."""
        with self.lock:
            time = self._time(clock)
            resource.status, resource.reason, resource.time = status, reason, time
            told = resource.physical_id if physical_id is None else physical_id
            event = resource_event(
                self.id, self.name, resource.logical_id, told, resource.type, status, time, reason, shown, token=token
            )
            self.events.append(event)
            return event

    def _time(self, clock: Clock) -> datetime.datetime:
        """Now, in whole milliseconds, and later than the event before."""
        now = clock.datetime()
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        return max(now, self.events[-1].time + _MILLISECOND) if self.events else now


def pseudo(name: str, identifier: str, account: str, region: str, notification_arns: tuple[str, ...] = ()) -> Pseudo:
    """What pseudo parameters tell of a stack, in the partition that its Region belongs to."""
    china, government = region.startswith("cn-"), region.startswith("us-gov-")
    return Pseudo(
        name,
        identifier,
        account,
        region,
        "aws-cn" if china else "aws-us-gov" if government else "aws",
        "amazonaws.com.cn" if china else "amazonaws.com",
        notification_arns,
    )


def new_id(name: str, account: str, region: str) -> str:
    """The ARN of a new stack."""
    partition = pseudo(name, "", account, region).partition
    return f"arn:{partition}:cloudformation:{region}:{account}:stack/{name}/{uuid.uuid4()}"


def begin_update(stack: StackRecord, definition: Definition) -> None:
    """Notes what a rollback would lead back to, and the definition that the stack has from now on."""
    if stack.stable is None:
        usable = stack.status != "CREATE_FAILED"
        stack.stable = Stable(stack.definition, stack.physicals if usable else {}, tuple(stack.outputs), stack.imports)
    stack.definition = definition
