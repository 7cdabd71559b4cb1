"""Functions and their versions: what each is made of, and how Lambda describes it.

A version's configuration is immutable; an update gives $LATEST a new one, publishing copies it.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.compute.arns import LATEST, FunctionName, function_arn
from sandbox.compute.errors import function_not_found, not_found
from sandbox.compute.layers import LayerVersion
from sandbox.compute.packages import Package
from sandbox.compute.pool import Pool
from sandbox.compute.routing import Alias
from sandbox.compute.timestamps import timestamp
from sandbox.compute.traces import NO_TRACE, Trace

#: How long a new function is Pending and an update InProgress, in seconds of sandbox time. AWS takes one to a few
#: seconds; this is long enough for a script that doesn't wait to meet the same conflict as there.
SETTLING_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Configuration:
    """All that a version fixes. Two equal configurations make no new version."""

    package: Package
    role: str
    handler: str
    runtime: str
    timeout: int = 3
    memory: int = 128
    ephemeral: int = 512
    description: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    layers: tuple[LayerVersion, ...] = ()
    tracing: str = "PassThrough"
    dead_letter: str = ""
    architecture: str = "x86_64"
    log_format: str = "Text"
    application_log_level: str = "INFO"
    system_log_level: str = "INFO"
    log_group: str = ""

    def same_as(self, other: Configuration) -> bool:
        """Whether publishing would give the same version: code and configuration, the description aside."""
        return self._compared() == other._compared()

    def _compared(self) -> tuple[Any, ...]:
        return (
            self.package.sha256,
            self.role,
            self.handler,
            self.runtime,
            self.timeout,
            self.memory,
            self.ephemeral,
            dict(self.variables),
            tuple(layer.arn for layer in self.layers),
            self.tracing,
            self.dead_letter,
            self.architecture,
            self.log_format,
            self.application_log_level,
            self.system_log_level,
            self.log_group,
        )


MakePool = Callable[["Version", Configuration], Pool]


class Version:
    """One version of a function: $LATEST, which updates change, or a published one, which nothing changes.

    The state follows from the clock: Pending (after a create) or InProgress (after an update) until `settles_at`, then
    Active and Successful. While an update is in progress invocations go to the environments of before.
    """

    def __init__(
        self, function: Function, number: str, configuration: Configuration, make_pool: MakePool, now: float
    ) -> None:
        self.function = function
        self.number = number
        self.configuration = configuration
        self.revision = str(uuid.uuid4())
        self.modified = now
        self.settles_at = now + SETTLING_SECONDS
        self.created_pending = True
        self._make_pool = make_pool
        self._pool = make_pool(self, configuration)
        self._incoming: Pool | None = None

    @property
    def arn(self) -> str:
        """The version's own ARN: qualified, but for $LATEST."""
        return self.function.arn if self.number == LATEST else self.qualified_arn

    @property
    def qualified_arn(self) -> str:
        return f"{self.function.arn}:{self.number}"

    def pending(self, now: float) -> bool:
        """Whether the function is still being created."""
        return self.created_pending and now < self.settles_at

    def updating(self, now: float) -> bool:
        return now < self.settles_at

    def pool(self, now: float) -> Pool:
        """The environments that invocations at `now` go to."""
        if self._incoming is not None and now >= self.settles_at:
            self.settle()
        return self._pool

    def update(self, configuration: Configuration, now: float) -> None:
        """Change $LATEST. The environments of before serve until the update has settled."""
        with self.function.lock:
            self.configuration = configuration
            self.created_pending = False
            self.touch(now)
            self.settles_at = now + SETTLING_SECONDS
            self._incoming = self._make_pool(self, configuration)

    def touch(self, now: float) -> None:
        self.revision = str(uuid.uuid4())
        self.modified = now

    def settle(self) -> None:
        """Put an update into effect: the environments of before are shut down, those in use after their invocation."""
        with self.function.lock:
            incoming, self._incoming = self._incoming, None
            if incoming is None:
                return
            old, self._pool = self._pool, incoming
        old.retire()

    def retire(self) -> None:
        """Shut all environments down: the version is being deleted."""
        self.settle()
        self._pool.retire()

    def describe(self, now: float, *, qualifier: str | None = None) -> dict[str, Any]:
        """FunctionConfiguration. With a qualifier the ARN bears it."""
        configuration = self.configuration
        updating = self.updating(now)
        pending = updating and self.created_pending
        logging: dict[str, Any] = {"LogFormat": configuration.log_format, "LogGroup": self.log_group(configuration)}
        if configuration.log_format == "JSON":
            logging["ApplicationLogLevel"] = configuration.application_log_level
            logging["SystemLogLevel"] = configuration.system_log_level
        description: dict[str, Any] = {
            "FunctionName": self.function.name,
            "FunctionArn": self.arn if qualifier is None else f"{self.function.arn}:{qualifier}",
            "Runtime": configuration.runtime,
            "Role": configuration.role,
            "Handler": configuration.handler,
            "CodeSize": configuration.package.size,
            "CodeSha256": configuration.package.sha256,
            "Description": configuration.description,
            "Timeout": configuration.timeout,
            "MemorySize": configuration.memory,
            "LastModified": timestamp(self.modified),
            "Version": self.number,
            "TracingConfig": {"Mode": configuration.tracing},
            "RevisionId": self.revision,
            "State": "Pending" if pending else "Active",
            "LastUpdateStatus": "InProgress" if updating and not pending else "Successful",
            "PackageType": "Zip",
            "Architectures": [configuration.architecture],
            "EphemeralStorage": {"Size": configuration.ephemeral},
            "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
            "LoggingConfig": logging,
        }
        if pending:
            description["StateReason"] = "The function is being created."
            description["StateReasonCode"] = "Creating"
        elif updating:
            description["LastUpdateStatusReason"] = "The function is being updated."
            description["LastUpdateStatusReasonCode"] = "Creating"
        if configuration.variables:
            description["Environment"] = {"Variables": dict(configuration.variables)}
        if configuration.layers:
            description["Layers"] = [{"Arn": layer.arn, "CodeSize": layer.size} for layer in configuration.layers]
        if configuration.dead_letter:
            description["DeadLetterConfig"] = {"TargetArn": configuration.dead_letter}
        return description

    def log_group(self, configuration: Configuration) -> str:
        return configuration.log_group or f"/aws/lambda/{self.function.name}"


@dataclass(slots=True)
class ProvisionedSetting:
    """Provisioned concurrency of an alias or a version, as asked for. `version` is where its environments are."""

    qualifier: str
    requested: int
    version: str
    modified: float
    failure: str = ""


class Function:
    """A function with its versions and aliases, and all that is set on it. `lock` guards changes."""

    def __init__(self, account: str, region: str, name: str, first_version: int) -> None:
        self.account = account
        self.region = region
        self.name = name
        self.arn = function_arn(account, region, name)
        self.lock = threading.RLock()
        self.versions: dict[str, Version] = {}
        self.aliases: dict[str, Alias] = {}
        self.tags: dict[str, str] = {}
        self.next_version = first_version
        self.policies: dict[str, dict[str, dict[str, Any]]] = {}
        self.policy_revisions: dict[str, str] = {}
        self.event_invoke: dict[str, dict[str, Any]] = {}
        self.provisioned: dict[str, ProvisionedSetting] = {}
        self.recursive_loop = "Terminate"
        self.deleted = False

    @property
    def latest(self) -> Version:
        return self.versions[LATEST]

    @property
    def key(self) -> tuple[str, str, str]:
        return self.account, self.region, self.name

    def published(self) -> list[Version]:
        """The published versions, oldest first."""
        return [self.versions[number] for number in sorted((n for n in self.versions if n != LATEST), key=int)]

    def version(self, qualifier: str | None) -> Version:
        """The version that a qualifier names; an alias's main one. ResourceNotFoundException if there is none."""
        if qualifier is None:
            return self.versions[LATEST]
        alias = self.aliases.get(qualifier)
        version = self.versions.get(alias.version if alias is not None else qualifier)
        if version is None:
            raise function_not_found(f"{self.arn}:{qualifier}")
        return version

    def route(self, qualifier: str | None, trace: Trace = NO_TRACE) -> Version:
        """The version that one invocation goes to: an alias with weights chooses."""
        if qualifier is None:
            return self.versions[LATEST]
        alias = self.aliases.get(qualifier)
        version = self.versions.get(alias.choose(trace) if alias is not None else qualifier)
        if version is None:
            raise function_not_found(f"{self.arn}:{qualifier}")
        return version

    def alias(self, name: str) -> Alias:
        alias = self.aliases.get(name)
        if alias is None:
            raise not_found(f"Cannot find alias arn: {self.arn}:{name}")
        return alias


class Functions:
    """All functions of a sandbox. Version numbers are never used twice, not even by a function of the same name."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._functions: dict[tuple[str, str, str], Function] = {}
        self._next_version: dict[tuple[str, str, str], int] = {}

    def find(self, name: FunctionName) -> Function | None:
        return self._functions.get((name.account, name.region, name.name))

    def get(self, name: FunctionName) -> Function:
        """The function of this name; ResourceNotFoundException, worded with the ARN that was asked for."""
        function = self._functions.get((name.account, name.region, name.name))
        if function is None:
            raise function_not_found(name.arn)
        return function

    def of(self, account: str, region: str) -> list[Function]:
        """An account's functions in one Region, by name."""
        with self.lock:
            found = [f for f in self._functions.values() if (f.account, f.region) == (account, region)]
        return sorted(found, key=lambda function: function.name)

    def new(self, name: FunctionName) -> Function:
        """A function that is not yet added: its first version bears the next free number."""
        return Function(
            name.account, name.region, name.name, self._next_version.get((name.account, name.region, name.name), 1)
        )

    def add(self, function: Function) -> None:
        with self.lock:
            self._functions[function.key] = function

    def remove(self, function: Function) -> None:
        with self.lock:
            self._next_version[function.key] = function.next_version
            if self._functions.get(function.key) is function:
                del self._functions[function.key]
            function.deleted = True

    def all(self) -> list[Function]:
        with self.lock:
            return list(self._functions.values())
