"""The platform's log lines, to the byte."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from sandbox.compute.contract import EnvironmentSpec
from sandbox.compute.report import Ending, Report, exit_reason, platform_error_type

ID = "6f747b47-e3d1-4a2f-9d4c-0a3f4e1c2b3a"
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
NOW = 1795238713.307


def report(**changes: Any) -> Report:
    values: dict[str, Any] = {
        "account": "123456789012",
        "region": "eu-west-1",
        "function_name": "probe",
        "version": "7",
        "arn": "arn:aws:lambda:eu-west-1:123456789012:function:probe",
        "handler": "app.handler",
        "runtime": "python3.13",
        "memory_mb": 128,
        "timeout_s": 3,
        "code": Path("/nowhere"),
        "log_group": "/aws/lambda/probe",
        "log_stream": "stream",
        "endpoint_url": "",
        **changes,
    }
    return Report(EnvironmentSpec(**values))


def ended(made: Report, ending: Ending, *, init_ms: float | None = None, trace: str = "") -> list[str]:
    return made.end(
        NOW,
        ID,
        trace,
        ending,
        duration_ms=12.344,
        billed_ms=140,
        max_memory_mb=36,
        init_ms=init_ms,
        produced_bytes=2,
    )


HEAD = (
    f"REPORT RequestId: {ID}\tDuration: 12.34 ms\tBilled Duration: 140 ms\t"
    "Memory Size: 128 MB\tMax Memory Used: 36 MB\t"
)
EXITED = Ending("failure", "Runtime.ExitError", "Runtime exited with error: exit status 1")


@pytest.mark.parametrize(
    ("case", "ending", "init_ms", "expected"),
    [
        ("warm", Ending(), None, [f"END RequestId: {ID}", HEAD]),
        ("cold", Ending(), 120.5, [f"END RequestId: {ID}", f"{HEAD}Init Duration: 120.50 ms\t"]),
        ("timeout", Ending("timeout", "Sandbox.Timedout"), None, [f"END RequestId: {ID}", f"{HEAD}Status: timeout"]),
        ("an exception has no status", Ending("error", "KeyError"), None, [f"END RequestId: {ID}", HEAD]),
        (
            "the runtime's own error",
            Ending("error", "Runtime.ImportModuleError"),
            None,
            [f"END RequestId: {ID}", f"{HEAD}Status: error\tError Type: Runtime.ImportModuleError"],
        ),
        (
            "crash",
            EXITED,
            None,
            [
                f"RequestId: {ID} Error: Runtime exited with error: exit status 1\nRuntime.ExitError",
                f"END RequestId: {ID}",
                f"{HEAD}Status: error\tError Type: Runtime.ExitError",
            ],
        ),
        (
            "crash on a cold start",
            EXITED,
            99.999,
            [
                f"RequestId: {ID} Error: Runtime exited with error: exit status 1\nRuntime.ExitError",
                f"END RequestId: {ID}",
                f"{HEAD}Init Duration: 100.00 ms\tStatus: error\tError Type: Runtime.ExitError",
            ],
        ),
    ],
)
def test_text_that_closes_an_invocation(case: str, ending: Ending, init_ms: float | None, expected: list[str]) -> None:
    assert ended(report(), ending, init_ms=init_ms) == expected, case


def test_sampled_active_trace_has_its_line_within_the_report() -> None:
    lines = ended(report(tracing="Active"), Ending(), trace=TRACE)
    assert lines[-1] == (
        f"{HEAD}\nXRAY TraceId: 1-5759e988-bd862e3fe1be46a994272793\tSegmentId: 53995c3f42cd8ad8\tSampled: true\t"
    )


@pytest.mark.parametrize(
    ("tracing", "trace"), [("PassThrough", TRACE), ("Active", TRACE.replace("Sampled=1", "Sampled=0")), ("Active", "")]
)
def test_no_trace_line_without_active_and_sampled(tracing: str, trace: str) -> None:
    assert ended(report(tracing=tracing), Ending(), trace=trace)[-1] == HEAD


def test_text_that_opens() -> None:
    made = report()
    (line,) = made.init_start(NOW)
    version, _, arn = line.removeprefix("INIT_START Runtime Version: ").partition("\tRuntime Version ARN: ")
    assert version.startswith("python:3.13.v")
    assert arn.startswith("arn:aws:lambda:eu-west-1::runtime:")
    assert made.start(NOW, ID, "") == [f"START RequestId: {ID} Version: 7"]


@pytest.mark.parametrize(
    ("kind", "phase", "ending", "expected"),
    [
        ("on-demand", "init", Ending(), []),
        ("provisioned-concurrency", "init", Ending(), ["INIT_REPORT Init Duration: 85.20 ms"]),
        (
            "on-demand",
            "init",
            Ending("error", "Runtime.ImportModuleError"),
            ["INIT_REPORT Init Duration: 85.20 ms\tPhase: init\tStatus: error\tError Type: Runtime.ImportModuleError"],
        ),
        (
            "on-demand",
            "invoke",
            Ending("error", "ZeroDivisionError"),
            ["INIT_REPORT Init Duration: 85.20 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.Unknown"],
        ),
        (
            "on-demand",
            "init",
            Ending("timeout", "Sandbox.Timedout"),
            ["INIT_REPORT Init Duration: 85.20 ms\tPhase: init\tStatus: timeout"],
        ),
    ],
)
def test_text_of_init(kind: Any, phase: Any, ending: Ending, expected: list[str]) -> None:
    assert report(initialization_type=kind).init_report(NOW, phase, 85.2, ending) == expected


def test_an_extension_is_told_of_with_its_events() -> None:
    text = report()
    assert text.extension(NOW, "watcher", ready=True, events={"SHUTDOWN", "INVOKE"}) == [
        "EXTENSION\tName: watcher\tState: Ready\tEvents: [INVOKE, SHUTDOWN]"
    ]
    assert text.extension(NOW, "watcher", ready=False, events=()) == [
        "EXTENSION\tName: watcher\tState: Registered\tEvents: []"
    ]
    (event,) = report(log_format="JSON").extension(NOW, "watcher", ready=True, events=["INVOKE"])
    assert json.loads(event)["type"] == "platform.extension"
    assert json.loads(event)["record"] == {"name": "watcher", "state": "Ready", "events": ["INVOKE"]}
    assert report(log_format="JSON", system_log_level="WARN").extension(NOW, "watcher", ready=True, events=()) == []


def test_json_events_of_an_invocation() -> None:
    made = report(log_format="JSON", system_log_level="DEBUG")
    start = json.loads(made.start(NOW, ID, TRACE)[0])
    assert start["type"] == "platform.start"
    assert start["time"] == "2026-11-21T05:25:13.307Z"
    assert start["record"]["version"] == "7"
    assert start["record"]["tracing"] == {
        "spanId": "53995c3f42cd8ad8",
        "type": "X-Amzn-Trace-Id",
        "value": TRACE,
    }
    done, closing = (json.loads(line) for line in ended(made, Ending(), init_ms=120.5))
    assert done["type"] == "platform.runtimeDone"
    assert done["record"] == {
        "requestId": ID,
        "status": "success",
        "metrics": {"durationMs": 12.344, "producedBytes": 2},
    }
    assert closing["type"] == "platform.report"
    assert closing["record"] == {
        "requestId": ID,
        "metrics": {
            "durationMs": 12.344,
            "billedDurationMs": 140,
            "memorySizeMB": 128,
            "maxMemoryUsedMB": 36,
            "initDurationMs": 120.5,
        },
        "status": "success",
    }


def test_json_of_a_crash_names_its_type() -> None:
    done, closing = (json.loads(line) for line in ended(report(log_format="JSON"), EXITED))
    assert (done["record"]["status"], done["record"]["errorType"]) == ("failure", "Runtime.ExitError")
    assert (closing["record"]["status"], closing["record"]["errorType"]) == ("error", "Runtime.ExitError")


@pytest.mark.parametrize(
    ("level", "ending", "expected"),
    [
        ("DEBUG", Ending(), ["initStart", "initRuntimeDone", "initReport", "start", "runtimeDone", "report"]),
        ("INFO", Ending(), ["initStart", "start", "report"]),
        ("WARN", Ending(), []),
        ("WARN", EXITED, ["initRuntimeDone", "initReport", "runtimeDone", "report"]),
    ],
)
def test_system_log_level_lets_through(level: str, ending: Ending, expected: list[str]) -> None:
    made = report(log_format="JSON", system_log_level=level)
    lines = [
        *made.init_start(NOW),
        *made.init_report(NOW, "init", 85.2, ending),
        *made.start(NOW, ID, ""),
        *ended(made, ending),
    ]
    assert [json.loads(line)["type"].removeprefix("platform.") for line in lines] == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (0, "Runtime exited without providing a reason"),
        (1 << 8, "Runtime exited with error: exit status 1"),
        (255 << 8, "Runtime exited with error: exit status 255"),
        (signal.SIGSEGV, "Runtime exited with error: signal: segmentation fault"),
        (signal.SIGKILL, "Runtime exited with error: signal: killed"),
        (signal.SIGABRT | 0x80, "Runtime exited with error: signal: aborted"),
    ],
)
def test_reason_of_an_exit(status: int, expected: str) -> None:
    assert exit_reason(status) == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("Runtime.OutOfMemory", "Runtime.OutOfMemory"),
        ("Function.ResponseSizeTooLarge", "Function.ResponseSizeTooLarge"),
        ("Extension.Crash", "Extension.Crash"),
        ("ValueError", "Runtime.Unknown"),
        ("Runtime.not a type", "Runtime.Unknown"),
    ],
)
def test_error_types_of_platform_lines(kind: str, expected: str) -> None:
    assert platform_error_type(kind) == expected
