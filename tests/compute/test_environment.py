"""Functions that really run: the life of an execution environment."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sandbox.compute import environment as environment_module
from sandbox.compute import journal
from sandbox.compute.wardens import Mode, SpawnerFailed
from tests.compute.environment_support import ARN, Surroundings, answer, call, eventually, invocation, surroundings

ECHO = """
    def handler(event, context):
        return event
"""


@pytest.fixture(params=["namespaces", "plain"])
def around(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Surroundings]:
    mode: Mode = request.param
    with surroundings(tmp_path, mode) as made:
        try:
            made.host.prepare()
        except SpawnerFailed as error:
            pytest.skip(str(error))
        yield made


def kinds(lines: list[str]) -> list[str]:
    """The first word of each line."""
    return [line.split(maxsplit=1)[0] if line.strip() else "" for line in lines]


def figure(line: str, name: str) -> float:
    found = re.search(rf"\t?{name}: ([0-9.]+) ", line)
    assert found is not None, line
    return float(found[1])


# -- invocations ----------------------------------------------------------------------------------


def test_first_invocation_has_init_and_the_next_has_not(around: Surroundings) -> None:
    environment = around.environment(ECHO)
    assert environment.state == "new"
    cold, warm = environment.invoke(invocation({"n": 1})), environment.invoke(invocation({"n": 2}))
    assert (answer(cold), answer(warm)) == ({"n": 1}, {"n": 2})
    assert kinds(around.lines) == ["INIT_START", "START", "END", "REPORT", "START", "END", "REPORT"]
    first, second = (line for line in around.lines if line.startswith("REPORT"))
    assert cold.init_ms is not None
    assert figure(first, "Init Duration") == pytest.approx(cold.init_ms, abs=0.01)
    assert figure(first, "Billed Duration") == cold.billed_ms
    assert cold.billed_ms >= cold.init_ms + cold.duration_ms - 0.02
    assert (warm.init_ms, "Init Duration" in second) == (None, False)
    assert (cold.status, cold.function_error, cold.error_type, cold.usable) == ("success", "", "", True)
    assert environment.state == "ready"


def test_output_keeps_its_order_and_messages_stay_whole(around: Surroundings) -> None:
    environment = around.environment(
        """
        import logging, sys
        print("while initialising")
        def handler(event, context):
            print("first")
            logging.getLogger().warning("second\\nstill second")
            print("third", file=sys.stderr)
            print("no newline", end="")
        """
    )
    result = environment.invoke(invocation())
    lines = around.lines
    assert kinds(lines)[:3] == ["INIT_START", "while", "START"]
    assert lines[3] == "first"
    assert lines[4].startswith("[WARNING]\t")
    assert lines[4].endswith(f"Z\t{result.request_id}\tsecond\nstill second")
    assert lines[5:7] == ["third", "no newline"]
    assert kinds(lines)[7:] == ["END", "REPORT"]
    stamps = [at for at, _ in around.logged]
    assert stamps == sorted(stamps)
    assert result.log_tail.decode().splitlines()[0] == "while initialising"
    assert result.log_tail.decode().splitlines()[1:3] == [
        f"START RequestId: {result.request_id} Version: $LATEST",
        "first",
    ]


def test_a_process_that_ends_at_once_is_reported_with_its_memory(around: Surroundings) -> None:
    environment = around.environment("import os\ndef handler(event, context):\n    os._exit(1)\n")
    assert min(environment.invoke(invocation()).max_memory_mb for _ in range(5)) >= 5


@pytest.mark.parametrize(("log_format", "endings"), [("Text", {1}), ("JSON", {0})])
def test_events_of_the_text_format_end_with_a_line_feed(
    around: Surroundings, log_format: str, endings: set[int]
) -> None:
    source = "def handler(event, context):\n    print('one line')\n"
    around.environment(source, log_format=log_format).invoke(invocation())
    assert {len(text) - len(text.rstrip("\n")) for _, text in around.logged} == endings


def test_log_tail_is_the_last_four_kilobytes_of_this_invocation(around: Surroundings) -> None:
    environment = around.environment("def handler(event, context):\n    print(event * 200)\n    print('end')\n")
    environment.invoke(invocation("earlier"))
    tail = environment.invoke(invocation("0123456789" * 3)).log_tail
    assert len(tail) == 4096
    assert b"earlier" not in tail
    assert b"\nend\nEND RequestId" in tail


def test_context_is_the_invocation(around: Surroundings) -> None:
    environment = around.environment(
        """
        import os
        def handler(event, context):
            return {
                "id": context.aws_request_id, "arn": context.invoked_function_arn, "name": context.function_name,
                "version": context.function_version, "memory": context.memory_limit_in_mb,
                "group": context.log_group_name, "stream": context.log_stream_name,
                "left": context.get_remaining_time_in_millis(), "client": context.client_context.custom,
                "identity": context.identity.cognito_identity_id, "trace": os.environ["_X_AMZN_TRACE_ID"],
            }
        """,
        timeout_s=7,
        memory_mb=512,
        version="3",
    )
    given = invocation(
        invoked_arn=f"{ARN}:live",
        client_context='{"custom": {"a": "b"}}',
        cognito_identity='{"cognitoIdentityId": "us-east-1:1"}',
        trace_id="Root=1-5759e988-bd862e3fe1be46a994272793",
    )
    seen = answer(environment.invoke(given))
    assert 6000 < seen.pop("left") <= 7000
    assert seen == {
        "id": given.request_id,
        "arn": f"{ARN}:live",
        "name": "probe",
        "version": "3",
        "memory": "512",
        "group": "/aws/lambda/probe",
        "stream": "2026/11/21/[$LATEST]0123456789abcdef0123456789abcdef",
        "client": {"a": "b"},
        "identity": "us-east-1:1",
        "trace": "Root=1-5759e988-bd862e3fe1be46a994272793",
    }


def test_largest_event_and_answer_pass(around: Surroundings) -> None:
    environment = around.environment(ECHO)
    text = "x" * (6 * 1024 * 1024 - 100)
    assert call(environment, text) == text


def test_too_large_an_answer_is_an_error_with_its_size(around: Surroundings) -> None:
    environment = around.environment("def handler(event, context):\n    return 'x' * event\n")
    result = environment.invoke(invocation(7 * 1024 * 1024))
    assert (result.status, result.function_error) == ("error", "Unhandled")
    assert answer(result) == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size (7340034 bytes) exceeded maximum allowed payload size (6291556 bytes).",
    }
    assert around.lines[-1].endswith("\tStatus: error\tError Type: Function.ResponseSizeTooLarge")
    assert call(environment, 3) == "xxx"


def test_exception_is_answered_and_logged_without_the_bootstrap(around: Surroundings) -> None:
    environment = around.environment("def handler(event, context):\n    return {}['missing']\n")
    result = environment.invoke(invocation())
    told = answer(result)
    assert (result.status, result.function_error, result.error_type) == ("error", "Unhandled", "KeyError")
    assert (told["errorMessage"], told["errorType"], told["requestId"]) == ("'missing'", "KeyError", result.request_id)
    assert len(told["stackTrace"]) == 1
    assert 'app.py", line 2, in handler' in told["stackTrace"][0]
    (logged,) = (line for line in around.lines if line.startswith("[ERROR]"))
    assert logged.startswith("[ERROR] KeyError: 'missing'\nTraceback (most recent call last):\n")
    assert "Status" not in around.lines[-1]
    again = environment.invoke(invocation())
    assert again.init_ms is None


# -- what survives, and what stands still ---------------------------------------------------------


def test_globals_and_tmp_survive_between_invocations(around: Surroundings) -> None:
    environment = around.environment(
        """
        import os, tempfile
        count = 0
        def handler(event, context):
            global count
            count += 1
            open(os.path.join(tempfile.gettempdir(), f"{count}"), "w").close()
            return count, sorted(os.listdir(tempfile.gettempdir()))
        """
    )
    assert [call(environment) for _ in range(3)] == [[1, ["1"]], [2, ["1", "2"]], [3, ["1", "2", "3"]]]


def test_nothing_runs_between_invocations(around: Surroundings) -> None:
    """A thread, a child, and a grandchild in a session of its own stand still while the environment is frozen."""
    environment = around.environment(
        """
        import os, subprocess, sys, tempfile, threading, time
        folder = tempfile.gettempdir()
        count = 0
        def work():
            global count
            while True:
                count += 1
                time.sleep(0.002)
        threading.Thread(target=work, daemon=True).start()
        body = "import sys,time\\nwhile True:\\n  open(sys.argv[1],'a').write('.')\\n  time.sleep(0.002)"
        subprocess.Popen([sys.executable, "-S", "-c", body, folder + "/child"])
        if os.fork() == 0:
            os.setsid()
            os.execv(sys.executable, [sys.executable, "-S", "-c", body, folder + "/grandchild"])
        def handler(event, context):
            time.sleep(event)
            return [count] + [os.path.getsize(folder + "/" + name) for name in ("child", "grandchild")]
        """
    )
    before = call(environment, 0.2)
    assert min(before) > 0
    time.sleep(0.5)
    after = call(environment, 0)
    # Awake it would have been some 200; those few ran between the thaw and the handler's look, on a busy machine.
    assert all(later - earlier <= 25 for earlier, later in zip(before, after, strict=True)), (before, after)
    assert all(later - earlier >= 5 for earlier, later in zip(after, call(environment, 0.2), strict=True))


# -- failures -------------------------------------------------------------------------------------

COUNTED = """
    import ctypes, os, signal, sys, tempfile, time
    marks = os.path.join(tempfile.gettempdir(), "marks")
    count = 0
    def handler(event, context):
        global count
        count += 1
        with open(marks, "a") as file:
            file.write("x")
        if event:
            exec(event)
        return count, os.path.getsize(marks)
"""


def test_timeout_resets_the_environment_and_keeps_tmp(around: Surroundings) -> None:
    environment = around.environment(COUNTED, timeout_s=1)
    assert call(environment) == [1, 1]
    result = environment.invoke(invocation("time.sleep(30)"))
    assert (result.status, result.function_error, result.error_type) == ("timeout", "Unhandled", "Sandbox.Timedout")
    assert result.payload.decode() == (
        f'{{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: {result.request_id} '
        'Error: Task timed out after 1.00 seconds"}'
    )
    report = around.lines[-1]
    assert "\tDuration: 1000.00 ms\tBilled Duration: 1000 ms\tMemory Size: 1769 MB\tMax" in report
    assert report.endswith(" MB\tStatus: timeout")
    assert (environment.state, result.usable) == ("broken", True)
    seen = len(around.lines)
    again = environment.invoke(invocation())
    assert answer(again) == [1, 3]
    assert kinds(around.lines[seen:]) == ["START", "END", "REPORT"]
    assert (again.init_ms, "Init Duration" in around.lines[-1]) == (None, False)
    # The suppressed init is in the duration.
    assert again.duration_ms > 10


def test_timeout_is_by_the_metered_clock(around: Surroundings) -> None:
    """Half a second of computing on 128 MB is seven seconds in Lambda."""
    source = "import time\ndef handler(event, context):\n    end = time.process_time() + event\n"
    source += "    while time.process_time() < end: pass\n"
    slow = around.environment(source, memory_mb=128, timeout_s=3)
    began = time.monotonic()
    assert slow.invoke(invocation(0.5)).status == "timeout"
    assert time.monotonic() - began < 2.5
    fast = around.environment(source, memory_mb=1769, timeout_s=3)
    result = fast.invoke(invocation(0.5))
    assert result.status == "success"
    assert 450 < result.duration_ms < 1500


def test_computing_costs_by_memory_and_waiting_does_not(around: Surroundings) -> None:
    source = "import time\ndef handler(event, context):\n    end = time.process_time() + event\n"
    source += "    while time.process_time() < end: pass\n    time.sleep(0.1)\n"
    durations = []
    for memory in (442, 885, 1769):
        environment = around.environment(source, memory_mb=memory)
        environment.invoke(invocation(0))
        durations.append(environment.invoke(invocation(0.1)).duration_ms - 100)
    assert durations[0] == pytest.approx(400, rel=0.25)
    assert durations[1] == pytest.approx(200, rel=0.25)
    assert durations[2] == pytest.approx(100, rel=0.35)


def test_too_much_memory_ends_the_runtime(around: Surroundings) -> None:
    environment = around.environment(COUNTED, memory_mb=128)
    assert call(environment) == [1, 1]
    result = environment.invoke(invocation("hoard = [bytearray(1 << 20) for _ in range(4000)]; time.sleep(5)"))
    assert (result.status, result.error_type) == ("failure", "Runtime.OutOfMemory")
    assert answer(result) == {
        "errorType": "Runtime.OutOfMemory",
        "errorMessage": f"RequestId: {result.request_id} Error: Runtime exited with error: signal: killed",
    }
    assert result.max_memory_mb == 128
    assert around.lines[-1].endswith(
        "Memory Size: 128 MB\tMax Memory Used: 128 MB\tStatus: error\tError Type: Runtime.OutOfMemory"
    )
    assert call(environment) == [1, 3]


def test_memory_of_children_counts(around: Surroundings) -> None:
    environment = around.environment(COUNTED, memory_mb=128)
    body = "import time; hoard = [bytearray(1 << 20) for _ in range(300)]; time.sleep(9)"
    result = environment.invoke(
        invocation(f"import subprocess; subprocess.run([sys.executable, '-S', '-c', {body!r}]); time.sleep(9)")
    )
    assert result.error_type == "Runtime.OutOfMemory"


def test_most_memory_used_is_the_peak_not_the_end(around: Surroundings) -> None:
    environment = around.environment(
        "def handler(event, context):\n    hoard = bytearray(event << 20)\n    del hoard\n", memory_mb=512
    )
    small = environment.invoke(invocation(1)).max_memory_mb
    large = environment.invoke(invocation(200)).max_memory_mb
    assert small < 60
    assert 200 < large < 280


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("sys.exit(0)", "Runtime exited without providing a reason"),
        ("sys.exit(3)", "Runtime exited with error: exit status 3"),
        ("os._exit(1)", "Runtime exited with error: exit status 1"),
        ("ctypes.string_at(0)", "Runtime exited with error: signal: segmentation fault"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
    ],
)
def test_ended_runtime_is_reported_by_the_platform(around: Surroundings, code: str, reason: str) -> None:
    environment = around.environment(COUNTED)
    result = environment.invoke(invocation(code))
    assert (result.status, result.function_error, result.error_type) == ("failure", "Unhandled", "Runtime.ExitError")
    assert answer(result) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {result.request_id} Error: {reason}",
    }
    assert kinds(around.lines) == ["INIT_START", "START", "RequestId:", "END", "REPORT"]
    assert around.lines[2] == f"RequestId: {result.request_id} Error: {reason}\nRuntime.ExitError"
    assert around.lines[-1].endswith("\tStatus: error\tError Type: Runtime.ExitError")
    assert call(environment) == [1, 2]
    assert kinds(around.lines)[5:] == ["START", "END", "REPORT"]


def test_runtime_that_ends_while_frozen_is_started_again(around: Surroundings) -> None:
    environment = around.environment(
        """
        import os
        def handler(event, context):
            return os.getpid()
        """
    )
    call(environment)
    stage = environment._stage
    assert stage is not None
    pid = stage.processes[0].pid
    os.kill(pid, 9)
    eventually(lambda: not Path(f"/proc/{pid}").exists())
    seen = len(around.lines)
    call(environment)
    assert kinds(around.lines[seen:]) == ["START", "END", "REPORT"]


@pytest.mark.parametrize(
    ("files", "handler", "kind", "message"),
    [
        (
            {"other.py": ""},
            "app.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'app': No module named 'app'",
        ),
        ({"app.py": "import moto"}, "app.handler", "Runtime.ImportModuleError", "No module named 'moto'"),
        ({"app.py": "import numpy"}, "app.handler", "Runtime.ImportModuleError", "No module named 'numpy'"),
        ({"app.py": "import pytest"}, "app.handler", "Runtime.ImportModuleError", "No module named 'pytest'"),
        ({"app.py": "import sandbox"}, "app.handler", "Runtime.ImportModuleError", "No module named 'sandbox'"),
        ({"app.py": "def handler(:"}, "app.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app'"),
        ({"app.py": ""}, "app.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
        ({"app.py": ""}, "app", "Runtime.MalformedHandlerName", "Bad handler 'app'"),
        ({"app.py": "1 / 0"}, "app.handler", "ZeroDivisionError", "division by zero"),
    ],
)
def test_failed_init_is_tried_again_within_the_invocation(
    around: Surroundings, files: dict[str, str], handler: str, kind: str, message: str
) -> None:
    environment = around.environment(code=around.folder_with(files), handler=handler)
    result = environment.invoke(invocation())
    told = answer(result)
    assert (result.status, result.function_error, result.error_type) == ("error", "Unhandled", kind)
    assert told["errorType"] == kind
    assert message in told["errorMessage"]
    platform = [line for line in around.lines if re.match(r"INIT_|START|END|REPORT", line)]
    assert kinds(platform) == ["INIT_START", "INIT_REPORT", "INIT_REPORT", "START", "END", "REPORT"]
    shown = kind if kind.startswith("Runtime.") else "Runtime.Unknown"
    assert platform[1].endswith(f" ms\tPhase: init\tStatus: error\tError Type: {shown}")
    assert platform[2].endswith(f" ms\tPhase: invoke\tStatus: error\tError Type: {shown}")
    assert platform[5].endswith(f" MB\tStatus: error\tError Type: {shown}")
    assert result.init_ms is None
    assert sum(line.startswith("[ERROR]") for line in around.lines) == 2


def test_init_beyond_its_limit_is_done_within_the_invocation(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment_module, "INIT_LIMIT", 0.4)
    environment = around.environment("import time\ntime.sleep(0.6)\n" + "def handler(event, context):\n    return 1\n")
    result = environment.invoke(invocation())
    assert answer(result) == 1
    assert around.lines[1] == "INIT_REPORT Init Duration: 400.00 ms\tPhase: init\tStatus: timeout"
    assert kinds(around.lines)[2:] == ["START", "END", "REPORT"]
    assert result.duration_ms > 600
    assert result.init_ms is None


def test_init_within_an_invocation_is_under_the_functions_timeout(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment_module, "INIT_LIMIT", 0.2)
    environment = around.environment("import time\ntime.sleep(60)\n" + ECHO.strip(), timeout_s=1)
    result = environment.invoke(invocation())
    assert result.status == "timeout"
    assert "INIT_REPORT Init Duration: 1000.00 ms\tPhase: invoke\tStatus: timeout" in around.lines
    assert around.lines[-1].endswith("Status: timeout")


def test_environment_that_can_not_be_made_says_why(around: Surroundings) -> None:
    environment = around.environment(code=around.folder / "never-unpacked")
    result = environment.invoke(invocation())
    assert (result.status, result.error_type) == ("failure", "Runtime.InvalidEntrypoint")
    assert "no such file or directory" in answer(result)["errorMessage"].lower()


def test_wrapper_of_the_runtime_is_run_in_its_place(around: Surroundings) -> None:
    wrapper = """
        #!/bin/sh
        export WRAPPED="$2"
        exec "$@"
    """
    layer = around.folder_with({"wrap": wrapper})
    probe = around.environment("import os\ndef handler(event, context):\n    return os.environ['LAMBDA_TASK_ROOT']\n")
    place = "/opt/wrap" if call(probe) == "/var/task" else str(layer / "wrap")
    environment = around.environment(
        "import os\ndef handler(event, context):\n    return os.environ.get('WRAPPED')\n",
        layers=(layer,),
        variables={"AWS_LAMBDA_EXEC_WRAPPER": place},
    )
    assert call(environment) == "-S"
    missing = around.environment(ECHO, variables={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/nothing"})
    told = missing.invoke(invocation())
    assert told.error_type == "Runtime.InvalidEntrypoint"
    assert "fork/exec /opt/nothing: no such file or directory" in answer(told)["errorMessage"]


# -- Init ahead -----------------------------------------------------------------------------------


def test_init_of_provisioned_concurrency_is_not_the_first_callers(around: Surroundings) -> None:
    environment = around.environment(ECHO, initialization_type="provisioned-concurrency")
    ahead = environment.init()
    assert (ahead.ok, environment.state) == (True, "ready")
    assert kinds(around.lines) == ["INIT_START", "INIT_REPORT"]
    assert around.lines[1] == f"INIT_REPORT Init Duration: {ahead.duration_ms:.2f} ms"
    result = environment.invoke(invocation(1))
    assert (answer(result), result.init_ms) == (1, None)
    assert "Init Duration" not in around.lines[-1]


def test_init_ahead_on_demand_is_reported_with_the_first_invocation(around: Surroundings) -> None:
    environment = around.environment(ECHO)
    ahead = environment.init()
    assert environment.invoke(invocation()).init_ms == ahead.duration_ms
    assert environment.invoke(invocation()).init_ms is None


def test_failed_init_ahead_says_why(around: Surroundings) -> None:
    environment = around.environment("import nothing_like_it", initialization_type="provisioned-concurrency")
    ahead = environment.init()
    assert (ahead.ok, ahead.error_type, environment.state) == (False, "Runtime.ImportModuleError", "broken")
    assert ahead.error_message == "Unable to import module 'app': No module named 'nothing_like_it'"


# -- logs -----------------------------------------------------------------------------------------


def test_json_format_and_its_levels(around: Surroundings) -> None:
    environment = around.environment(
        """
        import logging
        def handler(event, context):
            for level in ("debug", "info", "warning"):
                getattr(logging.getLogger(), level)(level)
        """,
        log_format="JSON",
        application_log_level="INFO",
        system_log_level="DEBUG",
    )
    environment.invoke(invocation())
    events = [json.loads(line) for line in around.lines]
    assert [event.get("type") or event["message"] for event in events] == [
        *("platform.initStart", "platform.initRuntimeDone", "platform.initReport", "platform.start"),
        *("info", "warning", "platform.runtimeDone", "platform.report"),
    ]


def test_flood_of_output_is_cut_and_the_cut_is_told(around: Surroundings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MOST_BYTES", 100_000)
    environment = around.environment(
        "def handler(event, context):\n    for _ in range(3000): print('x' * 99)\n    print('end')\n"
    )
    environment.invoke(invocation())
    (told,) = (line for line in around.lines if line.startswith("LOGS_DROPPED"))
    found = re.fullmatch(r"LOGS_DROPPED Records: (\d+)\tBytes: (\d+)\tReason: .*", told)
    assert found is not None, told
    kept = sum(line == "x" * 99 for line in around.lines)
    assert kept + int(found[1]) in (3000, 3001)
    assert sum(map(len, around.lines)) < 101_000
    assert kinds(around.lines)[-3:] == ["LOGS_DROPPED", "END", "REPORT"]


def test_lines_of_a_long_invocation_are_there_before_its_end(around: Surroundings) -> None:
    environment = around.environment(
        "import time\ndef handler(event, context):\n    print('begun')\n    time.sleep(1.5)\n    return 1\n"
    )
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(environment.invoke, invocation())
        eventually(lambda: "begun" in around.lines)
        assert not running.done()
        assert answer(running.result()) == 1


# -- many at once ---------------------------------------------------------------------------------


def test_environments_run_side_by_side(around: Surroundings) -> None:
    code = around.folder_with(
        {"app.py": "import os, time\ndef handler(event, context):\n    time.sleep(0.3)\n    return os.getcwd()\n"}
    )
    environments = [around.environment(code=code) for _ in range(12)]
    began = time.monotonic()
    with ThreadPoolExecutor(12) as pool:
        results = list(pool.map(lambda one: one.invoke(invocation()), environments))
    assert [result.status for result in results] == ["success"] * 12
    assert time.monotonic() - began < 12 * 0.3
    # What they waited for each other on this machine is nobody's duration.
    assert max(result.duration_ms for result in results) < 800


def test_closed_environment_takes_nothing(around: Surroundings) -> None:
    environment = around.environment(ECHO)
    call(environment)
    environment.shutdown()
    environment.shutdown()
    assert environment.state == "closed"
    with pytest.raises(RuntimeError, match="closed"):
        environment.invoke(invocation())


def test_last_use_is_in_sandbox_time(around: Surroundings) -> None:
    environment = around.environment(ECHO)
    around.clock.advance(3600)
    result: Any = environment.invoke(invocation())
    assert environment.last_used == pytest.approx(around.clock.now(), abs=2)
    assert result.started == pytest.approx(around.clock.now(), abs=2)
    assert result.started <= result.ended <= environment.last_used
