"""What gets bad input: a clear AWS-shaped error, nothing lost, and no process left behind."""

from __future__ import annotations

import json
import os
import secrets
import signal
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from sandbox.nursery import Nursery, SandboxHandle

ECHO = "def handler(event, context):\n    return event\n"


def refusal(call: Any, **arguments: Any) -> tuple[str, str, int]:
    """Code, message and status of the error that a call must be refused with."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    response = refused.value.response
    return response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


# -- code that is none


def bomb(make_zip: Any) -> bytes:
    # A quarter of a gigabyte and one byte: more than a function and its layers may unpack to (fact lambda-zip-size).
    return make_zip({"app.py": ECHO, "zeros": bytes(250 * 1024 * 1024 + 1)})


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (lambda make_zip: b"this is no zip", "unzip"),
        (lambda make_zip: b"", ""),
        (lambda make_zip: make_zip({"app.py": ECHO * 1000})[:-30], "unzip"),
        (lambda make_zip: make_zip({"app.py": ECHO, "../../evil.py": ECHO}), ""),
        (lambda make_zip: make_zip({"/evil.py": ECHO}), ""),
        (bomb, "262144000"),
    ],
    ids=["no-zip", "empty", "cut-off", "climbing-path", "absolute-path", "too-large"],
)
def test_a_broken_zip_is_refused_and_makes_no_function(functions: Any, make_zip: Any, code: Any, says: str) -> None:
    error, message, status = refusal(
        functions.client.create_function,
        FunctionName="broken",
        Runtime="python3.11",
        Role=functions.role,
        Handler="app.handler",
        Code={"ZipFile": code(make_zip)},
    )
    assert (error, status) == ("InvalidParameterValueException", 400)
    assert says in message
    assert refusal(functions.client.get_function, FunctionName="broken")[0] == "ResourceNotFoundException"


def test_a_broken_update_leaves_the_running_code(functions: Any) -> None:
    name = functions.create(ECHO)
    error, message, _ = refusal(functions.client.update_function_code, FunctionName=name, ZipFile=b"this is no zip")
    assert error == "InvalidParameterValueException"
    assert "unzip" in message
    assert functions.call(name, {"still": "here"}) == {"still": "here"}


@pytest.mark.parametrize(
    ("source", "handler", "kind", "says"),
    [
        (ECHO, "app.absent", "Runtime.HandlerNotFound", "Handler 'absent' missing on module 'app'"),
        (ECHO, "absent.handler", "Runtime.ImportModuleError", "No module named 'absent'"),
        (ECHO, "handler", "Runtime.MalformedHandlerName", "Bad handler 'handler'"),
        ("def handler(:\n", "app.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app'"),
        ("raise KeyError('table')\n", "app.handler", "KeyError", "table"),
        ("import sys\nsys.exit(3)\n", "app.handler", "Runtime.ExitError", "exit"),
        ("def handler(event, context):\n    return {1, 2}\n", "app.handler", "Runtime.MarshalError", "set"),
    ],
    ids=["no-handler", "no-module", "no-dot", "syntax-error", "raises-in-init", "exits-in-init", "no-json"],
)
def test_code_that_can_not_run_answers_with_lambdas_error(
    functions: Any, source: str, handler: str, kind: str, says: str
) -> None:
    name = functions.create(source, Handler=handler)
    error, message = functions.failure(name)
    assert error == kind
    assert says in message
    # It is no accident of the first call, and mending it is enough.
    assert functions.failure(name)[0] == kind


def test_mended_code_runs(functions: Any, make_zip: Any) -> None:
    name = functions.create("def handler(:\n")
    assert functions.failure(name)[0] == "Runtime.UserCodeSyntaxError"
    functions.client.update_function_code(FunctionName=name, ZipFile=make_zip({"app.py": ECHO}))
    functions.wait_until_ready(name)
    assert functions.call(name, 1) == 1


@pytest.mark.parametrize("runtime", ["python2.7", "python4.0", "cobol"])
def test_a_runtime_that_lambda_does_not_have_is_refused_by_name(functions: Any, make_zip: Any, runtime: str) -> None:
    error, message, status = refusal(
        functions.client.create_function,
        FunctionName="unknown",
        Runtime=runtime,
        Role=functions.role,
        Handler="app.handler",
        Code={"ZipFile": make_zip({"app.py": ECHO})},
    )
    assert (error, status) == ("InvalidParameterValueException", 400)
    assert runtime in message


@pytest.mark.parametrize("runtime", ["nodejs22.x", "java21", "provided.al2023"])
def test_a_runtime_that_does_not_run_here_is_refused_naming_what_runs(
    functions: Any, make_zip: Any, runtime: str
) -> None:
    error, message, _ = refusal(
        functions.client.create_function,
        FunctionName="foreign",
        Runtime=runtime,
        Role=functions.role,
        Handler="app.handler",
        Code={"ZipFile": make_zip({"app.py": ECHO})},
    )
    assert error == "InvalidParameterValueException"
    assert runtime in message
    assert "python3.1" in message


# -- payloads


def test_a_payload_of_seven_megabytes_is_refused_and_the_function_not_called(functions: Any) -> None:
    name = functions.create(
        "calls = 0\ndef handler(event, context):\n    global calls\n    calls += 1\n    return calls\n"
    )
    payload = json.dumps("x" * 7_000_000).encode()
    error, message, status = refusal(functions.client.invoke, FunctionName=name, Payload=payload)
    assert (error, status) == ("RequestTooLargeException", 413)
    assert "6291456" in message
    assert functions.call(name) == 1


def test_a_payload_of_just_under_six_megabytes_passes(functions: Any) -> None:
    name = functions.create("def handler(event, context):\n    return len(event)\n")
    assert functions.call(name, "x" * 6_000_000) == 6_000_000


def test_an_answer_of_seven_megabytes_is_a_function_error(functions: Any) -> None:
    name = functions.create("def handler(event, context):\n    return 'x' * event\n")
    kind, message = functions.failure(name, 7_000_000)
    assert kind == "Function.ResponseSizeTooLarge"
    assert "maximum allowed payload size" in message
    assert functions.call(name, 3) == "xxx"


def test_a_payload_that_is_no_json_is_refused(functions: Any) -> None:
    name = functions.create(ECHO)
    error, message, status = refusal(functions.client.invoke, FunctionName=name, Payload=b"{not json")
    assert (error, status) == ("InvalidRequestContentException", 400)
    assert "parse" in message


# -- functions that do not end


@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        "time.sleep(3600)",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(3600)",
        "[threading.Thread(target=time.sleep, args=(3600,)).start() for _ in range(5)]; time.sleep(3600)",
    ],
    ids=["spins", "sleeps", "ignores-sigterm", "threads"],
)
def test_a_function_that_never_ends_is_timed_out_and_called_again(functions: Any, body: str) -> None:
    name = functions.create(
        f"""
        import signal, threading, time
        def handler(event, context):
            if event == "hang":
                {body}
            return "alive"
        """,
        Timeout=1,
        MemorySize=1769,
    )
    began = time.monotonic()
    kind, message = functions.failure(name, "hang")
    assert time.monotonic() - began < 10
    assert kind == "Sandbox.Timedout"
    assert message.endswith("Error: Task timed out after 1.00 seconds")
    assert functions.call(name) == "alive"


def test_a_module_that_never_loads_is_timed_out(functions: Any) -> None:
    name = functions.create("import time\ntime.sleep(3600)\n", Timeout=1)
    began = time.monotonic()
    kind, message = functions.failure(name)
    assert kind == "Sandbox.Timedout"
    assert "Task timed out after 1.00 seconds" in message
    # 10 s of Init (fact lambda-init-limit), and the second Init inside the invocation.
    assert time.monotonic() - began < 25


FORKS = """
    import os, time
    def spawn(count):
        started = 0
        for _ in range(count):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    time.sleep(3600)
                os._exit(0)
            os.wait()
            started += 1
        return started
    def handler(event, context):
        started = spawn(event["count"])
        if event.get("hang"):
            time.sleep(3600)
        if event.get("crash"):
            os._exit(9)
        return started
"""


def test_what_a_function_forks_goes_with_its_environment(functions: Any, wait_until: Any) -> None:
    name = functions.create(FORKS)
    before = len(functions.processes())
    assert before == 0
    assert functions.call(name, {"count": 20}) == 20
    assert len(functions.processes()) >= 21
    functions.remove_all()
    wait_until(lambda: not functions.processes(), "forked processes are gone")


@pytest.mark.parametrize("end", ["hang", "crash"])
def test_what_a_function_forked_goes_when_it_is_reset(functions: Any, wait_until: Any, end: str) -> None:
    name = functions.create(FORKS, Timeout=1)
    assert functions.failure(name, {"count": 20, end: True})[0] in ("Sandbox.Timedout", "Runtime.ExitError")
    wait_until(lambda: len(functions.processes()) < 20, "the twenty of the broken environment are gone")
    assert functions.call(name, {"count": 0}) == 0


@pytest.mark.parametrize("how", ["stopped", "killed", "its nursery killed"])
def test_a_sandbox_that_ends_leaves_no_process(functions_of: Any, wait_until: Any, how: str) -> None:
    """Idle, forked and hung environments alike, and the sandbox's own helpers."""
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    nursery = Nursery()
    nursery.start()
    try:
        sandbox = nursery.fork()
        functions = functions_of(sandbox)
        idle = functions.create(ECHO)
        forks = functions.create(FORKS, Timeout=900)
        assert functions.call(idle, 1) == 1
        assert functions.call(forks, {"count": 3}) == 3
        functions.client.invoke(
            FunctionName=forks, InvocationType="Event", Payload=json.dumps({"count": 3, "hang": True}).encode()
        )
        wait_until(lambda: len(functions.processes()) >= 8, "idle, forked and hung processes run")
        ours = {child.pid for child in psutil.Process().children(recursive=True)} - before
        assert sandbox.pid in ours
        if how == "stopped":
            nursery.stop(sandbox)
        elif how == "killed":
            os.kill(sandbox.pid, signal.SIGKILL)
        else:
            os.kill(psutil.Process(sandbox.pid).ppid(), signal.SIGKILL)
        wait_until(lambda: not functions.processes(), "processes of functions are gone")
    finally:
        nursery.close()
    wait_until(lambda: not [pid for pid in ours if alive(pid)], "the sandbox's own processes are gone")


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    "end", ["os._exit(0)", "os._exit(9)", "sys.exit(1)", "os.kill(os.getpid(), signal.SIGKILL)", "ctypes.string_at(0)"]
)
def test_a_function_that_ends_its_process_answers_with_an_exit_error(functions: Any, end: str) -> None:
    name = functions.create(
        f"""
        import ctypes, os, signal, sys
        def handler(event, context):
            if event:
                {end}
            return "alive"
        """
    )
    assert functions.call(name) == "alive"
    kind, message = functions.failure(name, 1)
    assert kind == "Runtime.ExitError"
    assert "RequestId: " in message
    assert functions.call(name) == "alive"


def test_a_function_that_eats_its_memory_is_killed_for_it(functions: Any) -> None:
    name = functions.create(
        """
        def handler(event, context):
            if event:
                kept = [bytearray(10_000_000) for _ in range(100)]
            return "alive"
        """,
        MemorySize=128,
    )
    kind, message = functions.failure(name, 1)
    assert kind in ("Runtime.OutOfMemory", "Runtime.ExitError")
    assert "RequestId: " in message
    assert functions.call(name) == "alive"


# -- a disk full of logs


def stored(cloud: Any, function: str) -> list[str]:
    pages = cloud.client("logs").get_paginator("filter_log_events")
    return [
        event["message"] for page in pages.paginate(logGroupName=f"/aws/lambda/{function}") for event in page["events"]
    ]


def test_a_flood_of_logs_is_cut_and_said_to_be(functions: Any, cloud: Any) -> None:
    name = functions.create(
        """
        import sys
        def handler(event, context):
            line = "x" * 1000 + "\\n"
            for _ in range(event):
                sys.stdout.write(line)
            return "done"
        """,
        Timeout=120,
        MemorySize=1769,
    )
    assert functions.call(name, 100_000) == "done"
    messages = stored(cloud, name)
    kept = sum(len(message) for message in messages)
    assert kept < 60_000_000
    assert any("x" * 1000 in message for message in messages)
    assert [message for message in messages if message.startswith("REPORT RequestId:")]
    # What was left out is told in the log itself.
    assert [message for message in messages if "dropped" in message.lower() or "truncated" in message.lower()]
    assert functions.call(name, 1) == "done"


def test_one_endless_line_is_no_endless_event(functions: Any, cloud: Any) -> None:
    name = functions.create(
        """
        import sys
        def handler(event, context):
            sys.stdout.write("x" * event)
            sys.stdout.flush()
            return "done"
        """,
        Timeout=60,
        MemorySize=1769,
    )
    assert functions.call(name, 20_000_000) == "done"
    # An event of CloudWatch Logs holds 1 MB at most (PutLogEvents' reference: 1,048,576 bytes, overhead included).
    assert max(len(message) for message in stored(cloud, name)) <= 1_048_576


def test_the_sandbox_answers_others_while_a_function_floods_its_logs(functions: Any, cloud: Any) -> None:
    flood = functions.create(
        """
        import sys, time
        def handler(event, context):
            end = time.monotonic() + 3
            while time.monotonic() < end:
                sys.stdout.write("x" * 1000 + "\\n")
        """,
        Timeout=10,
        MemorySize=1769,
    )
    other = functions.create(ECHO)
    assert functions.call(other, 0) == 0
    functions.client.invoke(FunctionName=flood, InvocationType="Event", Payload=b"null")
    for number in range(5):
        began = time.monotonic()
        assert functions.call(other, number) == number
        assert time.monotonic() - began < 2


def test_a_full_tmp_is_the_functions_own_error(functions: Any) -> None:
    name = functions.create(
        """
        import os, tempfile
        def handler(event, context):
            path = os.path.join(tempfile.gettempdir(), "fill")
            try:
                with open(path, "wb") as file:
                    for _ in range(event):
                        file.write(bytes(1_000_000))
            except OSError as error:
                return error.strerror
            finally:
                os.unlink(path)
            return "written"
        """,
        Timeout=60,
        MemorySize=1769,
    )
    assert functions.call(name, 10) == "written"
    assert functions.call(name, 600) == "No space left on device"
    assert functions.call(name, 10) == "written"


# -- what a function sees


@pytest.mark.parametrize("module", ["moto", "pytest", "werkzeug", "sandbox", "checks", "psutil", "yaml"])
def test_nothing_of_the_projects_own_environment_can_be_imported(functions: Any, module: str) -> None:
    name = functions.create(f"import {module}\n\n\n{ECHO}")
    kind, message = functions.failure(name)
    assert kind == "Runtime.ImportModuleError"
    assert message.endswith(f"Unable to import module 'app': No module named '{module}'")


def test_what_the_runtime_has_can_be_imported(functions: Any) -> None:
    name = functions.create(
        """
        import boto3, botocore, dateutil, jmespath, s3transfer, urllib3
        def handler(event, context):
            return boto3.client("sts").get_caller_identity()["Arn"]
        """,
        Timeout=30,
        MemorySize=1769,
    )
    assert ":assumed-role/fn/" in functions.call(name)


LOOK_AROUND = """
    import os, pathlib, tempfile
    def handler(event, context):
        if event.get("write"):
            pathlib.Path(tempfile.gettempdir(), event["write"]).write_text("secret of another function")
            return [tempfile.gettempdir()]
        places = {"/tmp", "/var/tmp", tempfile.gettempdir(), *event["places"]}
        return [
            os.path.join(folder, file)
            for place in places for folder, _, files in os.walk(place) for file in files
            if event["find"] in file
        ]
"""


def test_an_environment_does_not_see_the_tmp_of_another(functions: Any) -> None:
    secret = f"secret-{secrets.token_hex(6)}"
    one, other = functions.create(LOOK_AROUND), functions.create(LOOK_AROUND, Timeout=60)
    places = functions.call(one, {"write": secret})
    assert functions.call(one, {"find": secret, "places": places}) != []
    assert functions.call(other, {"find": secret, "places": places}) == []


@pytest.fixture(scope="module")
def initiated() -> Iterator[tuple[SandboxHandle, str]]:
    """A sandbox started by a process that knows the judge's token, and the token."""
    token = f"token-{secrets.token_hex(8)}"
    nursery = Nursery()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("COLDSTART_JUDGE_TOKEN", token)
        environment.setenv("COLDSTART_JUDGE_URL", f"http://127.0.0.1:1/{token}")
        environment.setenv("MY_PRIVATE_KEY", token)
        nursery.start()
    yield nursery.fork(), token
    nursery.close()


@pytest.fixture(scope="module")
def uninitiated(initiated: tuple[SandboxHandle, str], functions_of: Any) -> Iterator[Any]:
    """Functions in that sandbox."""
    made = functions_of(initiated[0])
    yield made
    made.remove_all()


def test_a_function_knows_nothing_of_the_judge_and_the_learner(
    uninitiated: Any, initiated: tuple[SandboxHandle, str]
) -> None:
    sandbox, token = initiated
    name = uninitiated.create(
        """
        import os
        def handler(event, context):
            with open("/proc/self/environ") as file:
                return {"variables": dict(os.environ), "started_with": file.read()}
        """
    )
    seen = uninitiated.call(name)
    assert token not in json.dumps(seen)
    assert seen["variables"]["MARKER"] == uninitiated.marker
    secret = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    for credentials in (sandbox.learner, sandbox.judge):
        for variable in secret:
            assert credentials[variable] not in json.dumps(seen)
    assert not [variable for variable in seen["variables"] if variable.startswith("COLDSTART")]


def test_a_function_can_not_read_the_variables_of_the_processes_around_it(
    uninitiated: Any, initiated: tuple[SandboxHandle, str]
) -> None:
    _, token = initiated
    name = uninitiated.create(
        """
        import os, pathlib
        def handler(event, context):
            found = []
            for entry in pathlib.Path("/proc").iterdir():
                try:
                    if entry.name.isdigit() and event.encode() in (entry / "environ").read_bytes():
                        found.append(int(entry.name))
                except OSError:
                    pass
            return found
        """
    )
    assert uninitiated.call(name, token) == []
    # The look finds what is there to find: the function's own process has the marker.
    assert uninitiated.call(name, uninitiated.marker) != []
