"""External and internal extensions in a running environment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.compute.wardens import Mode, SpawnerFailed
from tests.compute.environment_support import Surroundings, answer, call, invocation, surroundings

#: An extension's beginning: a connection that says what it got.
HEAD = """#!/usr/bin/env python3
import http.client, json, os, sys, time
connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
def call(method, path, body=None, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, "/2020-01-01/extension/" + path, body, headers)
    response = connection.getresponse()
    return response.headers, json.loads(response.read())
def say(*words):
    print("watcher:", *words, flush=True)
def register(events):
    headers, told = call("POST", "register", json.dumps({"events": events}), Lambda_Extension_Name="watcher")
    return headers["Lambda-Extension-Identifier"]
def event():
    return call("GET", "event/next", Lambda_Extension_Identifier=me)[1]
"""

WATCHER = (
    HEAD
    + """
me = register(["INVOKE", "SHUTDOWN"])
say("registered", sorted(set(os.environ) & {"_HANDLER", "PYTHONPATH", "AWS_LAMBDA_FUNCTION_NAME"}))
while True:
    told = event()
    say(told["eventType"], told.get("requestId", told.get("shutdownReason")))
    if told["eventType"] == "SHUTDOWN":
        break
"""
)

HANDLER = """
    import os, time
    def handler(event, context):
        if event:
            exec(event)
        return os.getpid()
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


def layer(around: Surroundings, source: str) -> Path:
    return around.folder_with({"extensions/watcher": source})


def said(around: Surroundings) -> list[str]:
    return [line.removeprefix("watcher: ") for line in around.lines if line.startswith("watcher: ")]


def test_extension_is_told_of_invocations_and_of_the_end(around: Surroundings) -> None:
    environment = around.environment(HANDLER, layers=(layer(around, WATCHER),))
    first, second = environment.invoke(invocation()), environment.invoke(invocation())
    environment.shutdown()
    assert said(around) == [
        "registered ['AWS_LAMBDA_FUNCTION_NAME']",
        f"INVOKE {first.request_id}",
        f"INVOKE {second.request_id}",
        "SHUTDOWN SPINDOWN",
    ]
    assert around.lines.index("watcher: registered ['AWS_LAMBDA_FUNCTION_NAME']") == 1
    assert around.lines[2] == "EXTENSION\tName: watcher\tState: Ready\tEvents: [INVOKE, SHUTDOWN]"
    assert around.lines[3].startswith("START RequestId: ")


def test_extension_is_part_of_init_and_of_the_duration(around: Surroundings) -> None:
    source = WATCHER.replace("me = register", "time.sleep(0.2)\nme = register").replace(
        'say(told["eventType"]', 'time.sleep(0.3)\n    say(told["eventType"]'
    )
    environment = around.environment(HANDLER, layers=(layer(around, source),))
    result = environment.invoke(invocation())
    assert result.init_ms is not None
    assert result.init_ms > 200
    assert result.duration_ms > 290


def test_extension_not_told_of_invocations_does_not_hold_them_up(around: Surroundings) -> None:
    source = WATCHER.replace('["INVOKE", "SHUTDOWN"]', '["SHUTDOWN"]')
    environment = around.environment(HANDLER, layers=(layer(around, source),))
    call(environment)
    call(environment)
    environment.shutdown()
    assert said(around)[1:] == ["SHUTDOWN SPINDOWN"]


@pytest.mark.parametrize(("code", "reason"), [("time.sleep(30)", "TIMEOUT"), ("os._exit(1)", "FAILURE")])
def test_failure_ends_extensions_and_the_next_invocation_starts_them_again(
    around: Surroundings, code: str, reason: str
) -> None:
    environment = around.environment(HANDLER, layers=(layer(around, WATCHER),), timeout_s=1)
    call(environment)
    environment.invoke(invocation(code))
    assert said(around)[-1] == f"SHUTDOWN {reason}"
    call(environment)
    assert [line.split()[0] for line in said(around)].count("registered") == 2


def test_crash_of_an_extension_fails_the_invocation(around: Surroundings) -> None:
    source = HEAD + "\nme = register(['INVOKE'])\nevent()\nsys.exit(3)\n"
    environment = around.environment(HANDLER, layers=(layer(around, source),))
    result = environment.invoke(invocation("time.sleep(5)"))
    assert (result.status, result.error_type) == ("failure", "Extension.Crash")
    assert (
        answer(result)["errorMessage"] == f"RequestId: {result.request_id} Error: extension watcher exited with code 3"
    )


def test_extension_that_can_not_be_started_fails_init(around: Surroundings) -> None:
    folder = around.folder_with({"extensions/watcher": "neither a script nor a program"})
    environment = around.environment(HANDLER, layers=(folder,))
    result = environment.invoke(invocation())
    assert result.error_type == "Extension.LaunchError"
    assert "watcher: permission denied" in answer(result)["errorMessage"]
    assert "Phase: init\tStatus: error\tError Type: Extension.LaunchError" in around.lines[1]


def test_extension_reporting_an_init_error_fails_init(around: Surroundings) -> None:
    source = HEAD + (
        "\nme = register(['INVOKE'])\n"
        "call('POST', 'init/error', '{}', Lambda_Extension_Identifier=me,"
        " Lambda_Extension_Function_Error_Type='Extension.ConfigInvalid')\ntime.sleep(9)\n"
    )
    result = around.environment(HANDLER, layers=(layer(around, source),)).invoke(invocation())
    assert result.error_type == "Extension.ConfigInvalid"


SIGNALLED = """
    import http.client, json, os, signal, sys, threading, time
    def handler(event, context):
        pass
    def leave(*_):
        print("leaving", flush=True)
        time.sleep(0.05)
        print("left", flush=True)
        sys.exit(0)
    signal.signal(signal.SIGTERM, leave)
"""


def test_without_extensions_shutdown_gives_no_time(around: Surroundings) -> None:
    environment = around.environment(SIGNALLED)
    call(environment)
    began = time.monotonic()
    environment.shutdown()
    assert time.monotonic() - began < 0.5
    assert "leaving" not in around.lines


def test_internal_extension_earns_the_runtime_a_signal_and_time(around: Surroundings) -> None:
    environment = around.environment(
        SIGNALLED
        + """
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    path = "/2020-01-01/extension/"
    connection.request("POST", path + "register", '{"events":[]}', {"Lambda-Extension-Name": "inside"})
    response = connection.getresponse()
    response.read()
    me = {"Lambda-Extension-Identifier": response.headers["Lambda-Extension-Identifier"]}
    def listen():
        connection.request("GET", path + "event/next", headers=me)
        connection.getresponse()
    threading.Thread(target=listen, daemon=True).start()
""",
        # Before 3.12 the main thread waits in compiled code, where a handler in Python can't run.
        runtime="python3.12",
    )
    call(environment)
    environment.shutdown()
    assert around.lines[-2:] == ["leaving", "left"]


def test_shutdown_does_not_wait_longer_than_its_budget(around: Surroundings) -> None:
    source = WATCHER.replace("break", "time.sleep(30)")
    environment = around.environment(HANDLER, layers=(layer(around, source),))
    call(environment)
    began = time.monotonic()
    environment.shutdown()
    assert 1.0 < time.monotonic() - began < 4.0


def test_extension_stands_still_between_invocations(around: Surroundings) -> None:
    source = HEAD + (
        "\nimport threading\nme = register(['INVOKE'])\ncount = 0\n"
        "def work():\n    global count\n    while True:\n        count += 1\n        time.sleep(0.002)\n"
        "threading.Thread(target=work, daemon=True).start()\n"
        "while event():\n    say(count)\n"
    )
    environment = around.environment(HANDLER, layers=(layer(around, source),))
    call(environment)
    time.sleep(0.5)
    call(environment)
    first, second = map(int, said(around))
    assert second - first < 30
