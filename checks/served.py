"""`./coldstart sandbox ...`: a sandbox in the foreground, and what its terminal and others need to use it."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import time

from checks import held, state
from checks.command import CommandError
from checks.supervise import Child, Ended, Stopped, end, end_leftovers, identity, is_running, python, stoppable
from checks.workbench import FOLDER

RECORD = "sandbox.json"
START_SECONDS = 60.0


def serve(port: int, seed: int) -> None:
    """Run a sandbox until it is stopped. Raises CommandError if it can't start, or ends by itself."""
    earlier = state.read(RECORD)
    if not is_running(earlier.get("command")):
        end_leftovers([earlier.get("process")])
        state.forget(RECORD)
    elif port and str(earlier.get("endpoint", "")).endswith(f":{port}"):
        # Before a child would begin the log of the one that runs anew.
        raise CommandError(
            f"a sandbox is served at {earlier['endpoint']} already: use that one, or take another port with --port"
        )
    child = Child(
        "The sandbox",
        python("-m", "sandbox.serve", "--port", str(port), "--seed", str(seed)),
        env={**os.environ, "PYTHONPATH": str(state.ROOT)},
        log=state.state_folder() / f"sandbox-{port}.log",
    )
    # A second sandbox must not take the first one's record away.
    mine = {"command": identity(os.getpid()), "process": identity(child.pid)}
    with stoppable():
        try:
            told: dict[str, str] = {}
            generation = 0
            for line in child.lines(START_SECONDS):
                print(line, flush=True)
                name, assigned, value = line.partition("=")
                if name == "AWS_ENDPOINT_URL":
                    # The first line of a sandbox; a later one is a fresh sandbox, with credentials of its own.
                    told.clear()
                    generation += 1
                if assigned and name.startswith("AWS_"):
                    told[name] = value
                if {"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} <= told.keys():
                    credentials = {key: told[key] for key in told if key != "AWS_ENDPOINT_URL"}
                    region = told.get("AWS_REGION") or told.get("AWS_DEFAULT_REGION") or held.REGION
                    record = {"endpoint": told["AWS_ENDPOINT_URL"], "credentials": credentials, "region": region}
                    state.write(RECORD, {**record, **mine, "generation": generation})
            raise Ended(child.last_words())
        except Stopped:
            pass
        finally:
            end([child])
            if state.read(RECORD).get("process") == mine["process"]:
                state.forget(RECORD)


def env() -> None:
    """Print what a shell needs to use the sandbox that runs: the served one, else the lab started last."""
    labs, served = state.running_sandboxes()
    known = held.sandboxes(labs, served)
    if not known:
        raise CommandError("no sandbox is running: start one with ./coldstart sandbox serve, or a lab with ./coldstart")
    chosen = known[-1] if served else known[0]
    print("unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN")
    for name, value in sorted(chosen.items()):
        if name.startswith("AWS_"):
            print(f"export {name}={shlex.quote(value)}")
    print("export AWS_EC2_METADATA_DISABLED=true")
    print(f"export COLDSTART_PYTHON={shlex.quote(sys.executable)}")
    # The labs' aws before any other: AWS CLI v1 sends some services' calls to AWS whatever AWS_ENDPOINT_URL says.
    print(f'export PATH={shlex.quote(str(FOLDER / "bin"))}:"$PATH"')


def status() -> None:
    """Print one line for each running sandbox. Raises CommandError if there is none."""
    labs, served = state.running_sandboxes()
    if served:
        print(f"served   {served['endpoint']}   process {int(served['process'][0])}")
    for lab, record in sorted(labs.items()):
        print(f"lab {lab}   {record['endpoint']}   started {record.get('started', 'some time ago')}")
    if not served and not labs:
        raise CommandError("no sandbox is running: start one with ./coldstart sandbox serve, or a lab with ./coldstart")


def reset() -> None:
    """Make the served sandbox a fresh one, on the same port."""
    record = state.read(RECORD)
    if not is_running(record.get("process")):
        raise CommandError("no served sandbox is running: ./coldstart sandbox serve starts one")
    os.kill(int(record["process"][0]), signal.SIGHUP)
    deadline = time.monotonic() + START_SECONDS
    while state.read(RECORD).get("generation", 0) <= record["generation"]:
        if time.monotonic() > deadline or not is_running(record["process"]):
            raise CommandError(f"{record['endpoint']} did not come back: start it again with ./coldstart sandbox serve")
        time.sleep(0.02)
    print(f"{record['endpoint']} is a fresh sandbox now, with new credentials. In terminals that use it, run again:")
    print('eval "$(./coldstart sandbox env)"')
