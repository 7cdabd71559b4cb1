"""What the Lambda service and an execution environment say to each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

#: Receives log lines of one account and Region: log group, log stream, [(sandbox time in Unix ms, text)].
LogSink = Callable[[str, str, Sequence[tuple[int, str]]], None]


class Logs(Protocol):
    """Receives log lines of any account and Region."""

    def __call__(
        self, group: str, stream: str, events: Sequence[tuple[int, str]], *, account: str, region: str
    ) -> None: ...


Status = Literal["success", "failure", "error", "timeout"]


@dataclass(frozen=True, slots=True)
class EnvironmentSpec:
    """All that one execution environment is made from. Immutable: a change of configuration makes new environments.

    `code` and each of `layers` are unpacked folders, read-only; layers later in the list overlay earlier ones.
    `variables` are the function's own; `credentials` are the execution role's (AWS_ACCESS_KEY_ID, ...); the
    environment adds what Lambda defines (AWS_LAMBDA_FUNCTION_NAME, LAMBDA_TASK_ROOT, ...).
    """

    account: str
    region: str
    function_name: str
    version: str
    arn: str
    handler: str
    runtime: str
    memory_mb: int
    timeout_s: int
    code: Path
    log_group: str
    log_stream: str
    endpoint_url: str
    layers: tuple[Path, ...] = ()
    ephemeral_mb: int = 512
    variables: Mapping[str, str] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict)
    log_format: Literal["Text", "JSON"] = "Text"
    application_log_level: str = "INFO"
    system_log_level: str = "INFO"
    tracing: Literal["PassThrough", "Active"] = "PassThrough"
    initialization_type: Literal["on-demand", "provisioned-concurrency"] = "on-demand"


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event for one environment. `invoked_arn` is what the caller asked for, alias included."""

    request_id: str
    payload: bytes
    invoked_arn: str
    trace_id: str = ""
    client_context: str = ""
    cognito_identity: str = ""


@dataclass(frozen=True, slots=True)
class InvocationResult:
    """How an invocation ended. Durations are metered milliseconds (CPU share applied).

    `function_error` is "Unhandled" for anything but success. `usable` is false when the environment can take no
    further invocation; after a time-out or crash it stays usable: the next invocation starts with a suppressed init.
    `log_tail` is at most the last 4 KB of this invocation's log lines.
    """

    request_id: str
    status: Status
    payload: bytes
    function_error: Literal["", "Unhandled"]
    error_type: str
    duration_ms: float
    billed_ms: int
    init_ms: float | None
    max_memory_mb: int
    log_tail: bytes
    started: float
    ended: float
    usable: bool


@dataclass(frozen=True, slots=True)
class InitResult:
    """How an Init outside an invocation ended (provisioned concurrency, or ahead of the first invoke)."""

    ok: bool
    duration_ms: float
    error_type: str = ""
    error_message: str = ""
