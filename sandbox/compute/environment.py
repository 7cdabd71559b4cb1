"""One execution environment: Init, invoke, freeze, reset after a failure, shutdown.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sandbox.compute import processes, runtimes
from sandbox.compute.contract import EnvironmentSpec, InitResult, Invocation, InvocationResult
from sandbox.compute.failures import (
    KILLED,
    OUT_OF_MEMORY,
    RUNTIME,
    TIMED_OUT,
    Failure,
    end_of,
    ending_of,
    message_of,
    outcome_of,
)
from sandbox.compute.journal import MOST_BYTES, Journal
from sandbox.compute.metering import INIT_VCPUS, Usage, billed_ms, metered, next_look, vcpus
from sandbox.compute.report import Ending, Report, platform_error_type
from sandbox.compute.runtime_api import Posted, RuntimeApi
from sandbox.compute.stage import Stage
from sandbox.compute.variables import variables
from sandbox.compute.wardens import SpawnerFailed

if TYPE_CHECKING:
    from sandbox.compute.host import EnvironmentHost

State = Literal["new", "initializing", "ready", "busy", "broken", "closed"]

#: Init on demand, and the least with provisioned concurrency (fact lambda-init-limit), in seconds.
INIT_LIMIT = 10.0
PROVISIONED_INIT_LIMIT = 130.0

#: How long Shutdown may take, in seconds, without extensions, with internal and with external ones
#: (fact lambda-shutdown-limit).
SHUTDOWN_BUDGET = {"none": 0.0, "internal": 0.5, "external": 2.0}
#: Of that, the part that the runtime gets after SIGTERM before the extensions are told. Ours.
_RUNTIME_PART = 0.3
#: How long a thawed runtime gets to come to rest before its SIGTERM, in milliseconds. Ours.
_ARRIVING_MS = 20

#: How fast a process can fill memory, in bytes a second: measured 1.8 GB/s, doubled.
_FASTEST_FILLING = 4e9
_SHORTEST_MEMORY_LOOK = 0.005
_LONGEST_MEMORY_LOOK = 0.05
#: A look may cost at most one part in this many of the time until the next.
_LOOK_SHARE = 20

#: How long the operating system may take to start a process, in seconds.
_START_PATIENCE = 60.0

_MB = 1024 * 1024
_CORES = os.cpu_count() or 1


class _Meter:
    """Measures one stretch of running of one stage."""

    def __init__(self, stage: Stage, *, fresh: bool) -> None:
        """`fresh`: the processes are about to be started, so all that they use counts."""
        self._stage = stage
        self._fresh = fresh
        self.started = time.monotonic()
        self._cpu = 0.0 if fresh else stage.cpu_seconds()
        self._queued = {} if fresh else processes.queued_seconds(stage.pids)
        self._most_cpu = 0.0
        self._most_queued = 0.0

    def usage(self, now: float) -> Usage:
        """Up to `now` (time.monotonic), of the processes as of the stage's last look."""
        # What a process used leaves the sum when it ends unseen: the sum never goes back.
        self._most_cpu = max(self._most_cpu, self._stage.cpu_seconds() - self._cpu)
        for thread, queued in processes.queued_seconds(self._stage.pids).items():
            # Threads wait at the same time: the longest wait is what an answer was late by.
            self._most_queued = max(self._most_queued, queued - self._queued.get(thread, 0.0))
        # Until the first of its processes runs, an environment waits for this machine.
        started = self._stage.started(now) if self._fresh else self.started
        return Usage(max(now - started, 0.0), self._most_cpu, self._most_queued)


class ExecutionEnvironment:
    """Runs one function's processes. One thread at a time may hold it: `init`, `invoke` and `shutdown` block."""

    def __init__(self, host: EnvironmentHost, spec: EnvironmentSpec) -> None:
        self.spec = spec
        self.id = uuid.uuid4().hex
        self.state: State = "new"
        #: Sandbox time of the last invocation's end, Unix seconds.
        self.last_used = host.clock.now()
        self._host = host
        self._clock = host.clock
        self._held = threading.Lock()
        ending = "\n" if spec.log_format == "Text" else ""
        self._journal = Journal(host.clock, partial(host.logs, spec), ending=ending)
        self._report = Report(spec)
        self._share = vcpus(spec.memory_mb)
        self._limit_bytes = spec.memory_mb * _MB
        self._stage: Stage | None = None
        self._api = self._new_api(frozenset())
        self._variables: dict[str, str] = {}
        self._layers: Path | None = None
        self._arguments: tuple[str, ...] = ()
        self._folder = ""
        self._temporary: Path | None = None
        #: Why the last stretch of running was cut short.
        self._verdict: Failure | None = None
        self._resident = 0
        self._peak = 0
        #: An Init that was done ahead and has not been reported yet.
        self._init_ms: float | None = None

    # -- what the service asks -------------------------------------------------------------------

    def init(self) -> InitResult:
        """Initialise now, outside an invocation. After a failure the next invocation tries again."""
        with self._held, self._host.running():
            if self.state != "new":
                return InitResult(self.state == "ready", 0.0)
            duration, failure = self._first_init()
            if failure is None:
                self._init_ms = duration if self.spec.initialization_type == "on-demand" else None
                self._freeze()
                self.state = "ready"
            self._journal.flush()
            if failure is None:
                return InitResult(True, duration)
            message = failure.reason or "Init timed out"
            if failure.posted is not None:
                message = message_of(failure.posted.body) or message
            return InitResult(False, duration, failure.error_type, message)

    def invoke(self, invocation: Invocation) -> InvocationResult:
        """Run one event through the function, after Init if that is still to be done."""
        with self._held, self._host.running():
            if self.state == "closed":
                raise RuntimeError(f"execution environment {self.id} is closed")
            return self._invoke(invocation)

    def shutdown(self, reason: str = "spindown") -> None:
        """End the environment: extensions are told and get their time, then everything is killed."""
        with self._held:
            if self.state == "closed":
                return
            if self._stage is not None:
                if self.state == "ready" and not self._stage.gone:
                    self._stage.resume()
                    self._say_goodbye(self._stage, reason)
                self._stage.close()
            if self._temporary is not None:
                shutil.rmtree(self._temporary, ignore_errors=True)
            self._journal.flush()
            self.state = "closed"
        self._host.forget(self.id)

    def kill(self) -> None:
        """End all processes at once, from any thread; an invocation under way fails."""
        stage = self._stage
        if stage is not None:
            stage.kill()

    # -- an invocation ---------------------------------------------------------------------------

    def _invoke(self, invocation: Invocation) -> InvocationResult:
        self._journal.begin()
        init_ms, self._init_ms = self._init_ms, None
        failure: Failure | None = None
        if self.state == "new":
            init_ms, failure = self._first_init()
            if failure is not None:
                init_ms = None
        elif self.state == "ready" and self._stage is not None:
            # Something may have ended while nobody looked.
            self._stage.serve(0)
            if self._stage.gone or self._runtime_ended():
                self._reset("failure")
        if self._stage is not None and self._stage.gone:
            self._abandon_stage()
        stage = self._ensure_stage()
        suppressed = self.state != "ready"
        meter = _Meter(stage, fresh=suppressed)
        failure = None
        if suppressed:
            self.state = "initializing"
            failure = self._initialise(stage, meter, self.spec.timeout_s, self._share)
            if failure is not None:
                spent = self._metered_ms(meter, self._share, failure, self.spec.timeout_s)
                self._journal.platform(self._report.init_report(self._clock.now(), "invoke", spent, ending_of(failure)))
        self.state = "busy"
        started = self._clock.now()
        self._journal.platform(self._report.start(started, invocation.request_id, invocation.trace_id))
        posted: Posted | None = None
        if failure is None:
            failure = self._run_handler(stage, meter, invocation)
            posted = self._api.posted
        # It was over when the last of its processes came back, not when this thread had time to see it.
        ended_at = stage.arrived if failure is None else time.monotonic()
        if failure is None:
            stage.stop()
        duration = self._metered_ms(meter, self._share, failure, self.spec.timeout_s, ended_at)
        stage.read_output()
        self._measure_peak(stage)
        failure = failure or self._late_failure(duration)
        if failure is not None and failure.status == "timeout":
            duration = self.spec.timeout_s * 1000.0
        return self._conclude(stage, invocation, failure, posted, started, duration, init_ms)

    def _run_handler(self, stage: Stage, meter: _Meter, invocation: Invocation) -> Failure | None:
        timeout = float(self.spec.timeout_s)
        spent = time.monotonic() - meter.started
        deadline = self._clock.now_ms() + int((timeout - min(spent, timeout)) * 1000)
        stage.resume()
        stage.send(self._api.invoke(invocation, deadline))
        return self._run(stage, meter, timeout, self._share, lambda: self._api.at_rest)

    def _late_failure(self, duration: float) -> Failure | None:
        """What a look in time would have caught: looks are some milliseconds apart."""
        if duration > self.spec.timeout_s * 1000.0:
            return TIMED_OUT
        if self._peak > self._limit_bytes:
            return OUT_OF_MEMORY
        return None

    def _conclude(
        self,
        stage: Stage,
        invocation: Invocation,
        failure: Failure | None,
        posted: Posted | None,
        started: float,
        duration: float,
        init_ms: float | None,
    ) -> InvocationResult:
        outcome = outcome_of(failure, posted)
        ending = ending_of(outcome)
        if failure is not None:
            # REPORT tells of an Init that failed as INIT_REPORT does; a handler's own exception has no status there.
            ending = replace(ending, error_type=platform_error_type(ending.error_type))
        failed = outcome.status != "success"
        payload = posted.body if posted is not None else b""
        if failed:
            payload = outcome.payload(invocation.request_id, self.spec.timeout_s)
        billed = billed_ms(duration, init_ms or 0.0)
        most_mb = min(-(-self._peak // _MB), self.spec.memory_mb)
        now = self._clock.now()
        if self._journal.dropped_records:
            self._journal.platform(
                self._report.dropped(now, self._journal.dropped_records, self._journal.dropped_bytes, MOST_BYTES)
            )
        self._journal.platform(
            self._report.end(
                now,
                invocation.request_id,
                invocation.trace_id,
                ending,
                duration_ms=duration,
                billed_ms=billed,
                max_memory_mb=most_mb,
                init_ms=init_ms,
                produced_bytes=len(payload),
            )
        )
        tail = self._journal.tail()
        if failure is None:
            self.state = "ready"
        else:
            self._reset("timeout" if failure.status == "timeout" else "failure")
        self._journal.flush()
        self.last_used = self._clock.now()
        return InvocationResult(
            request_id=invocation.request_id,
            status=outcome.status,
            payload=payload,
            function_error="Unhandled" if failed else "",
            error_type=outcome.error_type,
            duration_ms=duration,
            billed_ms=billed,
            init_ms=init_ms,
            max_memory_mb=most_mb,
            log_tail=tail,
            started=started,
            ended=now,
            usable=not stage.gone,
        )

    # -- Init ------------------------------------------------------------------------------------

    def _first_init(self) -> tuple[float, Failure | None]:
        """The Init phase: its duration in milliseconds, and what went wrong."""
        self._journal.begin()
        stage = self._ensure_stage()
        self.state = "initializing"
        self._journal.platform(self._report.init_start(self._clock.now()))
        # LogResult begins with what the function writes.
        self._journal.begin()
        limit = INIT_LIMIT
        if self.spec.initialization_type != "on-demand":
            limit = max(PROVISIONED_INIT_LIMIT, float(self.spec.timeout_s))
        meter = _Meter(stage, fresh=True)
        failure = self._initialise(stage, meter, limit, INIT_VCPUS)
        duration = self._metered_ms(meter, INIT_VCPUS, failure, limit, None if failure else stage.arrived)
        stage.read_output()
        self._journal.platform(
            self._report.init_report(self._clock.now(), "init", duration, ending_of(failure) if failure else Ending())
        )
        if failure is not None:
            self._reset("timeout" if failure.status == "timeout" else "failure")
        else:
            self.state = "ready"
        return duration, failure

    def _initialise(self, stage: Stage, meter: _Meter, limit: float, share: float) -> Failure | None:
        """Start the extensions, then the runtime, and wait until all of them ask for their next event."""
        self._peak = 0
        self._resident = 0
        extensions = self._extension_files()
        self._api = self._new_api(frozenset(extensions))
        stage.begin(self._api)
        if extensions:
            for index, (name, path) in enumerate(extensions.items(), start=1):
                stage.start(index, name, (path,), self._extension_variables(), self._folder)
            failure = self._run(stage, meter, limit, share, lambda: self._api.registered)
            if failure is not None:
                return failure
        stage.start(RUNTIME, "runtime", self._arguments, self._variables, self._folder)
        failure = self._run(stage, meter, limit, share, lambda: self._api.at_rest)
        stage.read_output()
        for one in self._api.extensions:
            self._journal.platform(
                self._report.extension(self._clock.now(), one.name, ready=one.waits_on is not None, events=one.events)
            )
        return failure

    def _run(self, stage: Stage, meter: _Meter, limit: float, share: float, done: Callable[[], bool]) -> Failure | None:
        """Let the processes run until `done`, until one fails, or until time or memory is used up."""
        self._verdict = None

        def look() -> float | None:
            began = time.monotonic()
            stage.look()
            if len(stage.pids) > processes.MOST_TASKS:
                self._verdict = KILLED
                return None
            if not stage.started(0.0) and began - meter.started > _START_PATIENCE:
                self._verdict = KILLED
                return None
            usage = meter.usage(began)
            if metered(usage, share) >= limit:
                self._verdict = TIMED_OUT
                return None
            self._resident = processes.resident_bytes(stage.pids)
            if len(stage.pids) > 1:
                self._peak = max(self._peak, self._resident)
            if self._resident > self._limit_bytes:
                self._peak = self._resident
                self._verdict = OUT_OF_MEMORY
                return None
            if processes.task_count(stage.pids) > processes.MOST_TASKS:
                self._verdict = KILLED
                return None
            self._journal.flush()
            cost = time.monotonic() - began
            return min(next_look(usage, share, limit, _CORES), max(self._memory_look(), cost * _LOOK_SHARE))

        first = min(limit / max(1.0, _CORES / share), self._memory_look())
        stage.pump(lambda: done() or self._trouble(stage) is not None, first, look)
        return self._verdict or self._trouble(stage)

    def _memory_look(self) -> float:
        """Seconds in which memory can't be filled, longer when many environments share this machine's cores."""
        safe = (self._limit_bytes - self._resident) / _FASTEST_FILLING
        crowd = max(1.0, self._host.busy / _CORES)
        return min(max(safe, _SHORTEST_MEMORY_LOOK), _LONGEST_MEMORY_LOOK) * crowd

    def _trouble(self, stage: Stage) -> Failure | None:
        """What has gone wrong with the processes, if anything."""
        if self._api.init_error is not None:
            return Failure("error", self._api.init_error.error_type, posted=self._api.init_error)
        reported = self._api.extension_error
        if reported is not None:
            return Failure("failure", reported[1].error_type, f"extension {reported[0]} reported an error")
        for index, process in stage.processes.items():
            failure = end_of(index, process)
            if failure is not None:
                return failure
        if stage.set_up_failed:
            return Failure("failure", "Runtime.InvalidEntrypoint", self._host.failure())
        return KILLED if stage.gone else None

    def _runtime_ended(self) -> bool:
        assert self._stage is not None
        return any(end_of(index, process) is not None for index, process in self._stage.processes.items())

    # -- the end, of an invocation and of the environment ----------------------------------------

    def _freeze(self) -> None:
        assert self._stage is not None
        self._stage.stop()
        self._measure_peak(self._stage)

    def _reset(self, reason: str) -> None:
        """Shut the processes down after a failure; /tmp stays (fact lambda-suppressed-init)."""
        stage = self._stage
        assert stage is not None
        self.state = "broken"
        if stage.gone:
            stage.hush()
            return
        if any("SHUTDOWN" in one.events for one in self._api.extensions):
            runtime = stage.processes.get(RUNTIME)
            stage.resume()
            if runtime is not None and runtime.pid and runtime.status is None:
                processes.send_signal([runtime.pid], signal.SIGKILL)
            self._tell_extensions(stage, reason, SHUTDOWN_BUDGET["external"])
        stage.clear()

    def _say_goodbye(self, stage: Stage, reason: str) -> None:
        extensions = self._api.extensions
        kind = "none"
        if extensions:
            kind = "external" if any(one.external for one in extensions) else "internal"
        budget = SHUTDOWN_BUDGET[kind]
        if not budget:
            return
        runtime = stage.processes[RUNTIME]
        # A process that was frozen on its way into a wait could miss the signal there: let it arrive.
        for _ in range(_ARRIVING_MS):
            if processes.waits(runtime.pid):
                break
            stage.serve(1)
        processes.terminate(runtime.pid)
        for_runtime = budget if kind == "internal" else budget * _RUNTIME_PART
        stage.pump(lambda: runtime.status is not None, for_runtime, lambda: None)
        if kind == "external":
            self._tell_extensions(stage, reason, budget - for_runtime)
        stage.read_output()

    def _tell_extensions(self, stage: Stage, reason: str, seconds: float) -> None:
        deadline = self._clock.now_ms() + int(seconds * 1000)
        stage.send(self._api.shut_down(reason.upper(), deadline))
        told = {one.name for one in self._api.extensions if "SHUTDOWN" in one.events}
        waited_for = [process for process in stage.processes.values() if process.name in told]
        stage.pump(lambda: all(process.status is not None for process in waited_for), seconds, lambda: None)

    # -- measures --------------------------------------------------------------------------------

    def _metered_ms(
        self,
        meter: _Meter,
        share: float,
        failure: Failure | None,
        limit: float,
        now: float | None = None,
    ) -> float:
        """Metered milliseconds so far; of what timed out, the limit."""
        if failure is TIMED_OUT:
            return limit * 1000.0
        return metered(meter.usage(now or time.monotonic()), share) * 1000.0

    def _measure_peak(self, stage: Stage) -> None:
        runtime = stage.processes.get(RUNTIME)
        if runtime is not None and runtime.pid and runtime.status is None:
            self._peak = max(self._peak, processes.peak_bytes(runtime.pid))
            if len(stage.pids) > 1:
                self._peak = max(self._peak, processes.resident_bytes(stage.pids))
        elif runtime is not None:
            self._peak = max(self._peak, runtime.peak)
        self._peak = max(self._peak, self._resident)

    # -- the stage, and what stands on it --------------------------------------------------------

    def _new_api(self, external: frozenset[str]) -> RuntimeApi:
        spec = self.spec
        return RuntimeApi(spec.function_name, spec.version, spec.handler, spec.account, external)

    def _ensure_stage(self) -> Stage:
        if self._stage is None:
            try:
                warden, interpreter, layers = self._host.warden(self.spec)
            except OSError as error:
                raise SpawnerFailed(f"an execution environment can't be started: {error}") from error
            self._layers = layers
            self._stage = Stage(warden, self._host.clock_fd, self._journal.output)
            plain = warden.mode == "plain"
            if plain and self._temporary is None:
                self._temporary = Path(tempfile.mkdtemp(prefix="tmp-", dir=self._host.root))
            self._furnish(interpreter, self._stage.address, plain=plain)
        return self._stage

    def _abandon_stage(self) -> None:
        """The warden itself has ended, and all with it: what comes next needs another."""
        assert self._stage is not None
        self._stage.close()
        self._stage = None
        self.state = "broken"

    def _furnish(self, interpreter: runtimes.Interpreter, address: str, *, plain: bool) -> None:
        if plain:
            assert self._temporary is not None
            runtime = str(self._host.plain_runtime_folder())
            task, layers, temporary = str(self.spec.code.resolve()), str(self._layers or ""), str(self._temporary)
            executable = interpreter.executable
            moved = {"COLDSTART_OPT": layers or "/opt/none", "TMPDIR": temporary, "HOME": temporary}
        else:
            runtime, task, layers = "/var/runtime", "/var/task", "/opt"
            executable = f"/var/lang/bin/python{interpreter.version}"
            moved = {}
        # https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper
        wrapper = self.spec.variables.get("AWS_LAMBDA_EXEC_WRAPPER")
        command = (executable, "-S", f"{runtime}/bootstrap.py", self.spec.handler)
        self._arguments = (wrapper, *command) if wrapper else command
        self._folder = task
        self._variables = variables(
            self.spec, address, task=task, runtime=runtime, layers=layers or "/opt", moved=moved
        )

    def _extension_files(self) -> dict[str, str]:
        """Names and paths of the external extensions: the files in /opt/extensions."""
        if self._layers is None:
            return {}
        folder = self._layers / "extensions"
        inside = "/opt/extensions" if self._temporary is None else str(folder)
        if not folder.is_dir():
            return {}
        return {path.name: f"{inside}/{path.name}" for path in sorted(folder.iterdir()) if path.is_file()}

    def _extension_variables(self) -> dict[str, str]:
        """What extensions see: not the runtime's own settings.

        https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
        """
        hidden = ("_HANDLER", "LAMBDARUNTIME_DIR", "PYTHONPATH", "_LAMBDA_TELEMETRY_LOG_FD", "COLDSTART_OPT")
        return {name: value for name, value in self._variables.items() if name not in hidden}
