"""The figures of the course's first promise, each measured as a user would meet it."""

from __future__ import annotations

import io
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil

from sandbox.nursery import Nursery
from tests.bench.peers import HANDLERS, ROOT, STORE, MiniStack, Rie, client, end

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the result. `limit` is None for context that nothing is held to."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    at_least: bool = False
    detail: str = ""

    @property
    def holds(self) -> bool | None:
        if self.limit is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def package(handler: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("app.py")
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, HANDLERS[handler])
    return buffer.getvalue()


def runtime() -> str:
    return f"python{sys.version_info[0]}.{sys.version_info[1]}"


class Ours:
    """A sandbox of ours with the benchmark's functions."""

    def __init__(self) -> None:
        self._nursery = Nursery()
        self._nursery.start()
        self._handle = self._nursery.fork()
        self.endpoint = self._handle.endpoint
        self.credentials = dict(self._handle.learner)
        self.caller = client("lambda", self.endpoint, self.credentials)
        iam = client("iam", self.endpoint, self.credentials)
        self._role = iam.create_role(RoleName="bench", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        iam.attach_role_policy(
            RoleName="bench", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
        )

    def create(self, name: str, handler: str, *, code: bytes | None = None) -> None:
        self.caller.create_function(
            FunctionName=name,
            Role=self._role,
            Runtime=runtime(),
            Handler="app.handler",
            Code={"ZipFile": code or package(handler)},
            MemorySize=1769,
            Timeout=60,
        )
        self.caller.get_waiter("function_active_v2").wait(FunctionName=name)

    def renew(self, name: str, round: int) -> None:
        """Make the next call a cold one: a changed configuration gets new environments."""
        self.caller.update_function_configuration(FunctionName=name, Environment={"Variables": {"ROUND": str(round)}})
        self.caller.get_waiter("function_updated_v2").wait(FunctionName=name)

    def close(self) -> None:
        self._nursery.close()


@contextmanager
def ours() -> Iterator[Ours]:
    sandbox = Ours()
    try:
        yield sandbox
    finally:
        sandbox.close()


def timed_call(caller: Any, function: str) -> float:
    """Milliseconds of one answered call. RuntimeError if the answer is not the handler's."""
    began = time.perf_counter()
    answer = caller.invoke(FunctionName=function, Payload=b"{}")
    payload = answer["Payload"].read()
    took = (time.perf_counter() - began) * 1000
    if "FunctionError" in answer or json.loads(payload) != {"ok": True}:
        raise RuntimeError(f"{function} answered {payload[:200]!r}")
    return took


def cold(rounds: int) -> list[Figure]:
    """The first call of a new environment, ours and the emulator's in turn; both servers already listen."""
    figures = []
    with ours() as sandbox:
        for handler in HANDLERS:
            sandbox.create(f"cold-{handler}", handler)
            peer = Rie(handler)
            peer_caller = client("lambda", peer.endpoint)
            mine: list[float] = []
            theirs: list[float] = []
            for round in range(rounds + 1):
                sandbox.renew(f"cold-{handler}", round)
                mine.append(timed_call(sandbox.caller, f"cold-{handler}"))
                peer.start()
                try:
                    theirs.append(timed_call(peer_caller, "function"))
                finally:
                    peer.stop()
            a, b = statistics.median(mine[1:]), statistics.median(theirs[1:])
            detail = f"{a:.1f} ms against RIE's {b:.1f} ms, medians of {rounds} in turn"
            figures.append(Figure(f"cold start, {handler} handler, to RIE", a / b, "times", 1.5, detail=detail))
    return figures


def warm(rounds: int) -> list[Figure]:
    """Warm calls, one after the other, in blocks taken in turn."""
    block = 50
    with ours() as sandbox:
        sandbox.create("warm", "bare")
        emulator, stack = Rie("bare"), MiniStack()
        try:
            emulator.start()
            stack.start()
            peer = client("lambda", emulator.endpoint)
            mini = client("lambda", stack.endpoint)
            mini.create_function(
                FunctionName="warm",
                Role="arn:aws:iam::000000000000:role/bench",
                Runtime=runtime(),
                Handler="app.handler",
                Code={"ZipFile": package("bare")},
                MemorySize=1769,
            )
            callers = {"ours": (sandbox.caller, "warm"), "rie": (peer, "function"), "ministack": (mini, "warm")}
            taken: dict[str, list[float]] = {name: [] for name in callers}
            for caller, function in callers.values():
                for _ in range(20):
                    timed_call(caller, function)
            for _ in range(max(rounds // block, 1)):
                for name, (caller, function) in callers.items():
                    taken[name] += [timed_call(caller, function) for _ in range(block)]
        finally:
            emulator.stop()
            stack.stop()
    a, b, c = (statistics.median(taken[name]) for name in ("ours", "rie", "ministack"))
    each = len(taken["ours"])
    return [
        Figure("warm call p50 to RIE", a / b, "times", 3.0, detail=f"{a:.2f} ms against {b:.2f} ms, {each} calls each"),
        Figure("warm call p50 to MiniStack", a / c, "times", 0.5, detail=f"{a:.2f} ms against {c:.2f} ms"),
    ]


def throughput(seconds: float) -> list[Figure]:
    """8 threads of a client in its own process, on the same two cores."""
    with ours() as sandbox:
        sandbox.create("load", "bare")
        environment = {**os.environ, **sandbox.credentials}
        for length in (1.0, seconds):
            done = subprocess.run(
                [sys.executable, "-m", "tests.bench.load", sandbox.endpoint, "load", "8", str(length)],
                cwd=ROOT,
                env=environment,
                check=True,
                capture_output=True,
                timeout=length + 60,
            )
    result = json.loads(done.stdout)
    if result["failed"]:
        raise RuntimeError(f"{result['failed']} of the calls failed")
    rate = result["ok"] / result["seconds"]
    detail = f"{result['ok']} calls in {result['seconds']:.1f} s, none failed"
    return [Figure("8 threads", rate, "calls/s", 400.0, at_least=True, detail=detail)]


def crowd(count: int) -> list[Figure]:
    """`count` calls at once of a handler that waits until all are in: each needs an environment of its own."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        entry = zipfile.ZipInfo("app.py")
        entry.external_attr = 0o644 << 16
        archive.writestr(
            entry,
            "import os, time\n\n\ndef handler(event, context):\n    time.sleep(12)\n"
            "    return {'stream': os.environ['AWS_LAMBDA_LOG_STREAM_NAME']}\n",
        )
    answers: list[Any] = []
    with ours() as sandbox:
        sandbox.create("crowd", "bare", code=code.getvalue())

        def call() -> None:
            answer = sandbox.caller.invoke(FunctionName="crowd", Payload=b"{}")
            answers.append((answer.get("FunctionError"), json.loads(answer["Payload"].read())))

        began = time.perf_counter()
        threads = [threading.Thread(target=call) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.perf_counter() - began
    errors = [answer for answer in answers if answer[0]]
    streams = {answer[1].get("stream") for answer in answers if not answer[0]}
    detail = (
        f"{len(errors)} errors, {count - len(answers)} unanswered; all in {took - 12:.1f} s beyond the handler's 12 s"
    )
    return [Figure(f"environments at once, of {count}", len(streams), "environments", count, True, detail)]


def start(rounds: int) -> list[Figure]:
    """`python -m sandbox.serve` from nothing to its first answer, and the memory of all its processes then."""
    times, memory = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "sandbox.serve", "--port", "0"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            assert process.stdout is not None
            endpoint = ""
            while not endpoint:
                line = process.stdout.readline().decode()
                if not line:
                    raise RuntimeError("the sandbox ended before it answered")
                if found := re.search(r"AWS_ENDPOINT_URL=\D*(http://[\d.:]+)", line):
                    endpoint = found[1]
            with urllib.request.urlopen(f"{endpoint}/_sandbox/clock", timeout=5) as answer:
                answer.read()
            times.append(time.perf_counter() - began)
            parent = psutil.Process(process.pid)
            family = [parent, *parent.children(recursive=True)]
            memory.append(sum(proportional_bytes(each) for each in family) / 2**20)
        finally:
            end(process)
    return [
        Figure("sandbox, start to first answer", statistics.median(times), "s", 1.5, detail=f"median of {rounds}"),
        Figure(
            "sandbox at rest, all processes", statistics.median(memory), "MB", 300.0, detail="proportional set size"
        ),
    ]


def proportional_bytes(process: psutil.Process) -> int:
    """PSS where the system tells it (shared pages count once over all), else resident bytes."""
    full = process.memory_full_info()
    return int(getattr(full, "pss", 0) or full.rss)


def second_start(rounds: int) -> list[Figure]:
    """`./coldstart` with the set-up done, to a JupyterLab that answers."""
    times = []
    for _ in range(rounds):
        state = STORE / "state"
        environment = {**os.environ, "COLDSTART_STATE": str(state)}
        began = time.perf_counter()
        process = subprocess.Popen(
            [str(ROOT / "coldstart"), "--no-browser"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            assert process.stdout is not None
            url = ""
            while not url:
                line = process.stdout.readline().decode()
                if not line:
                    raise RuntimeError("./coldstart ended before it printed its address")
                if found := re.search(r"http://\S+", line):
                    url = found[0]
            with urllib.request.urlopen(url, timeout=10) as answer:
                if answer.status != 200:
                    raise RuntimeError(f"JupyterLab answered {answer.status}")
            times.append(time.perf_counter() - began)
        finally:
            end(process)
    return [Figure("./coldstart, second start", statistics.median(times), "s", 4.0, detail=f"median of {rounds}")]


def verdict(rounds: int) -> list[Figure]:
    """A prediction's verdict makes no call at all, so its whole round trip is the judge's own."""
    from checks.judge_client import JudgeClient

    state = STORE / "judge"
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "checks.judge", "--state-dir", str(state), "--port", "0"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        judge = JudgeClient({"COLDSTART_JUDGE_URL": told["url"], "COLDSTART_JUDGE_TOKEN": told["token"]})
        judge.ask("POST", "/labs/00/start", {"folder": str(ROOT / "labs" / "00-start-here")})
        own, beyond = [], []
        for _ in range(rounds):
            answers = {"answers": {"second_call_is_faster": True}}
            own.append(round_trip(judge, "00.1.predict", answers)[0])
            whole, took = round_trip(judge, "00.1", {"answers": {}})
            beyond.append(whole - took)
    finally:
        end(process)
    detail = (
        f"prediction {statistics.median(own):.1f} ms; a check that calls: {statistics.median(beyond):.1f} ms beyond"
    )
    return [Figure("verdict beyond its calls", max(map(statistics.median, (own, beyond))), "ms", 300.0, detail=detail)]


def round_trip(judge: Any, check: str, body: dict[str, Any]) -> tuple[float, float]:
    """Milliseconds of the whole, and of the check's own function."""
    began = time.perf_counter()
    told = judge.ask("POST", f"/labs/00/checks/{check}", body)
    whole = (time.perf_counter() - began) * 1000
    return whole, float(told.get("took_ms", told.get("verdict", {}).get("took_ms", 0)))


MEASURES: dict[str, tuple[Callable[[Any], list[Figure]], Any, Any]] = {
    "cold": (cold, 25, 5),
    "warm": (warm, 1000, 100),
    "throughput": (throughput, 10.0, 2.0),
    "crowd": (crowd, 100, 100),
    "start": (start, 5, 1),
    "second-start": (second_start, 5, 1),
    "verdict": (verdict, 20, 3),
}

__all__ = ["MEASURES", "Figure"]
