"""The platform's own log lines, to the byte, as text and as JSON.

Text: https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html (facts lambda-log-lines, lambda-log-init-start,
lambda-log-timeout-format). JSON: https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html, and
what each system log level lets through:
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html.
"""

from __future__ import annotations

import hashlib
import json
import re
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sandbox.compute.contract import EnvironmentSpec, Status

_LEVELS = {"TRACE": 0, "DEBUG": 1, "INFO": 2, "WARN": 3, "ERROR": 4, "FATAL": 5}

#: What AWS lets through as an error type in its own lines; anything else is Runtime.Unknown there.
_PLATFORM_TYPE = re.compile(r"(Runtime|Function|Extension|Sandbox)\.[A-Z][A-Za-z]+")

#: The words that Lambda has for the signals of section 7 of signal(7).
_SIGNALS = {
    signal.SIGHUP: "hangup",
    signal.SIGINT: "interrupt",
    signal.SIGQUIT: "quit",
    signal.SIGILL: "illegal instruction",
    signal.SIGTRAP: "trace/breakpoint trap",
    signal.SIGABRT: "aborted",
    signal.SIGBUS: "bus error",
    signal.SIGFPE: "floating point exception",
    signal.SIGKILL: "killed",
    signal.SIGUSR1: "user defined signal 1",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGUSR2: "user defined signal 2",
    signal.SIGPIPE: "broken pipe",
    signal.SIGALRM: "alarm clock",
    signal.SIGTERM: "terminated",
}

Phase = Literal["init", "invoke"]


@dataclass(frozen=True, slots=True)
class Ending:
    """How an Init or an invocation ended, as the platform's lines tell it."""

    status: Status = "success"
    error_type: str = ""
    #: A further sentence of the platform, such as "Runtime exited with error: exit status 1".
    reason: str = ""


def exit_reason(status: int) -> str:
    """What Lambda says of a runtime that ended with this wait status."""
    code = status >> 8 & 0xFF
    number = status & 0x7F
    if number:
        return f"Runtime exited with error: signal: {_SIGNALS.get(signal.Signals(number), f'signal {number}')}"
    if code:
        return f"Runtime exited with error: exit status {code}"
    return "Runtime exited without providing a reason"


def platform_error_type(error_type: str) -> str:
    """The error type as the platform's lines show it."""
    return error_type if _PLATFORM_TYPE.fullmatch(error_type) else "Runtime.Unknown"


def trace_fields(trace_id: str) -> dict[str, str]:
    """The members of an X-Amzn-Trace-Id header: Root, Parent, Sampled."""
    return dict(part.split("=", 1) for part in trace_id.split(";") if "=" in part)


def runtime_version(spec: EnvironmentSpec) -> tuple[str, str]:
    """A runtime version and its ARN. The number and the hash are ours, fixed for each runtime."""
    name = spec.runtime.removeprefix("python")
    digest = hashlib.sha256(spec.runtime.encode()).hexdigest()
    return f"python:{name}.v{40 + int(digest[:2], 16) % 50}", f"arn:aws:lambda:{spec.region}::runtime:{digest}"


class Report:
    """The platform's lines of one environment. Each method gives the log events to write, none or more."""

    def __init__(self, spec: EnvironmentSpec) -> None:
        self._spec = spec
        self._json = spec.log_format == "JSON"
        self._least = _LEVELS.get(spec.system_log_level.upper(), _LEVELS["INFO"])

    def init_start(self, now: float) -> list[str]:
        version, arn = runtime_version(self._spec)
        if not self._json:
            return [f"INIT_START Runtime Version: {version}\tRuntime Version ARN: {arn}"]
        record = {
            "initializationType": self._spec.initialization_type,
            "phase": "init",
            "runtimeVersion": version,
            "runtimeVersionArn": arn,
            "functionName": self._spec.function_name,
            "functionVersion": self._spec.version,
            "instanceId": self._spec.log_stream,
            "instanceMaxMemory": self._spec.memory_mb * 1024 * 1024,
        }
        return self._event("INFO", now, "platform.initStart", record)

    def init_report(self, now: float, phase: Phase, duration_ms: float, ending: Ending) -> list[str]:
        """Text has a line for an Init that failed, and for every Init of provisioned concurrency."""
        failed = ending.status != "success"
        ahead = self._spec.initialization_type != "on-demand"
        if not self._json:
            if not failed:
                return [f"INIT_REPORT Init Duration: {duration_ms:.2f} ms"] if ahead else []
            return [f"INIT_REPORT Init Duration: {duration_ms:.2f} ms\tPhase: {phase}\t{_ended(ending)}"]
        done: dict[str, Any] = {
            "initializationType": self._spec.initialization_type,
            "phase": phase,
            "status": ending.status,
        }
        if failed and ending.error_type:
            done["errorType"] = platform_error_type(ending.error_type)
        report = {**done, "metrics": {"durationMs": round(duration_ms, 3)}}
        return [
            *self._event("WARN" if failed else "DEBUG", now, "platform.initRuntimeDone", done),
            *self._event("WARN" if failed else "INFO" if ahead else "DEBUG", now, "platform.initReport", report),
        ]

    def extension(self, now: float, name: str, *, ready: bool, events: Iterable[str]) -> list[str]:
        """How far an extension has come by the end of Init, and what it will be told of."""
        state, told_of = "Ready" if ready else "Registered", sorted(events)
        if not self._json:
            return [f"EXTENSION\tName: {name}\tState: {state}\tEvents: [{', '.join(told_of)}]"]
        return self._event(
            "INFO" if ready else "WARN", now, "platform.extension", {"name": name, "state": state, "events": told_of}
        )

    def start(self, now: float, request_id: str, trace_id: str) -> list[str]:
        if not self._json:
            return [f"START RequestId: {request_id} Version: {self._spec.version}"]
        record = {"requestId": request_id, "version": self._spec.version, **self._tracing(trace_id)}
        return self._event("INFO", now, "platform.start", record)

    def end(
        self,
        now: float,
        request_id: str,
        trace_id: str,
        ending: Ending,
        *,
        duration_ms: float,
        billed_ms: int,
        max_memory_mb: int,
        init_ms: float | None,
        produced_bytes: int,
    ) -> list[str]:
        """Everything that closes an invocation: what went wrong, END and REPORT, with its trace if that is sampled."""
        if self._json:
            return self._end_as_json(
                now, request_id, trace_id, ending, duration_ms, billed_ms, max_memory_mb, init_ms, produced_bytes
            )
        lines = []
        if ending.reason:
            lines.append(f"RequestId: {request_id} Error: {ending.reason}\n{ending.error_type}")
        lines.append(f"END RequestId: {request_id}")
        report = (
            f"REPORT RequestId: {request_id}\tDuration: {duration_ms:.2f} ms\tBilled Duration: {billed_ms} ms\t"
            f"Memory Size: {self._spec.memory_mb} MB\tMax Memory Used: {max_memory_mb} MB\t"
        )
        if init_ms is not None:
            report += f"Init Duration: {init_ms:.2f} ms\t"
        # An exception that the runtime itself has told of is the function's affair: no status.
        if ending.status == "timeout" or (ending.status != "success" and _PLATFORM_TYPE.fullmatch(ending.error_type)):
            report += _ended(ending)
        fields = trace_fields(trace_id)
        if self._spec.tracing == "Active" and fields.get("Sampled") == "1":
            report += (
                f"\nXRAY TraceId: {fields.get('Root', '')}\tSegmentId: {fields.get('Parent', '')}\tSampled: true\t"
            )
        lines.append(report)
        return lines

    def dropped(self, now: float, records: int, size: int, limit: int) -> list[str]:
        """Tells of output that was not kept. In text this line is ours: Lambda has none."""
        reason = f"more than {limit // (1 << 20)} MB of log in one invocation"
        if not self._json:
            return [f"LOGS_DROPPED Records: {records}\tBytes: {size}\tReason: {reason}"]
        record = {"reason": reason, "droppedRecords": records, "droppedBytes": size}
        return self._event("WARN", now, "platform.logsDropped", record)

    def _end_as_json(
        self,
        now: float,
        request_id: str,
        trace_id: str,
        ending: Ending,
        duration_ms: float,
        billed_ms: int,
        max_memory_mb: int,
        init_ms: float | None,
        produced_bytes: int,
    ) -> list[str]:
        failed = ending.status != "success"
        kind = {"errorType": platform_error_type(ending.error_type)} if ending.status in ("error", "failure") else {}
        duration = round(duration_ms, 3)
        done = {
            "requestId": request_id,
            "status": ending.status,
            **kind,
            "metrics": {"durationMs": duration, "producedBytes": produced_bytes},
            **self._tracing(trace_id),
        }
        metrics: dict[str, Any] = {
            "durationMs": duration,
            "billedDurationMs": billed_ms,
            "memorySizeMB": self._spec.memory_mb,
            "maxMemoryUsedMB": max_memory_mb,
        }
        if init_ms is not None:
            metrics["initDurationMs"] = round(init_ms, 3)
        report = {
            "requestId": request_id,
            "metrics": metrics,
            "status": "error" if ending.status == "failure" else ending.status,
            **kind,
            **self._tracing(trace_id),
        }
        return [
            *self._event("WARN" if failed else "DEBUG", now, "platform.runtimeDone", done),
            *self._event("WARN" if failed else "INFO", now, "platform.report", report),
        ]

    def _tracing(self, trace_id: str) -> dict[str, Any]:
        fields = trace_fields(trace_id)
        if not fields.get("Root") or fields.get("Sampled") != "1":
            return {}
        return {"tracing": {"spanId": fields.get("Parent", ""), "type": "X-Amzn-Trace-Id", "value": trace_id}}

    def _event(self, level: str, now: float, kind: str, record: dict[str, Any]) -> list[str]:
        if _LEVELS[level] < self._least:
            return []
        time = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        return [json.dumps({"time": time, "type": kind, "record": record}, separators=(",", ":"))]


def _ended(ending: Ending) -> str:
    if ending.status == "timeout":
        return "Status: timeout"
    return f"Status: error\tError Type: {platform_error_type(ending.error_type)}"
