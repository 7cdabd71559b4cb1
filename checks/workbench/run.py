"""`./coldstart lab`: judge and JupyterLab up together, the start page open, and all of it gone after Ctrl-C."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Mapping
from contextlib import closing, suppress
from typing import Any

from checks import state
from checks.command import CommandError
from checks.supervise import Child, Ended, Stopped, end, end_leftovers, identity, is_running, python, stoppable
from checks.workbench import start_page, surroundings

FIRST_PORT = 8888
PORTS_TRIED = 50
START_SECONDS = 60.0
RECORD = "lab.json"


def run(*, browser: bool, port: int | None) -> None:
    """Start everything, say where it is, and stay until it is stopped. Raises CommandError."""
    earlier = state.read(RECORD)
    if _is_up(earlier):
        _already_running(earlier, browser=browser, port=port)
        return
    end_leftovers(earlier.get("children", []))
    state.forget(RECORD)
    state.forget("labs.json")

    port = _own_port(port) if port is not None else _free_port()
    state.write(RECORD, {"command": identity(os.getpid()), "port": port})
    children: list[Child] = []
    with stoppable():
        try:
            say("Starting the judge and JupyterLab ...")
            url = _start(children, port)
            say(f"JupyterLab:  {url}")
            say("Ctrl-C ends everything.")
            if browser:
                open_browser(url)
            _stay(children)
        except Stopped:
            say("\nEnding JupyterLab, the judge and the sandboxes.")
        finally:
            end(children)
            state.forget(RECORD)
            state.forget("labs.json")


def _start(children: list[Child], port: int) -> str:
    folder = state.state_folder()
    environment = surroundings(os.environ, folder)
    judge = Child(
        "The judge",
        python("-m", "checks.judge", "--state-dir", str(folder), "--course", str(state.course_folder())),
        env=environment,
        log=folder / "judge.log",
    )
    children.append(judge)
    jupyter = Child(
        "JupyterLab",
        python("-m", "checks.workbench", "--port", str(port)),
        env=environment,
        log=folder / "jupyterlab.log",
    )
    children.append(jupyter)
    token = secrets.token_urlsafe(24)
    url = f"http://127.0.0.1:{port}{start_page(state.course_folder() / 'labs')}?token={token}"
    state.write(
        RECORD,
        {
            "command": identity(os.getpid()),
            "children": [identity(child.pid) for child in children],
            "port": port,
            "url": url,
        },
    )
    told = _judge_address(judge)
    variables = {"COLDSTART_JUDGE_URL": told["url"], "COLDSTART_JUDGE_TOKEN": told["token"]}
    jupyter.tell(json.dumps({"token": token, "variables": variables}))
    deadline = time.monotonic() + START_SECONDS
    while not _answers(port):
        if not jupyter.running:
            raise Ended(jupyter.last_words())
        if time.monotonic() > deadline:
            raise Ended(f"JupyterLab did not answer within {START_SECONDS:.0f} s; {jupyter.log} says why.")
        time.sleep(0.02)
    return url


def _judge_address(judge: Child) -> Mapping[str, str]:
    line = judge.first_line(START_SECONDS)
    try:
        told = json.loads(line)
        return {"url": told["url"], "token": told["token"]}
    except (ValueError, KeyError, TypeError):
        raise CommandError(f"the judge said {line!r} instead of its address; {judge.log} may say why") from None


def _stay(children: list[Child]) -> None:
    judge, jupyter = children
    judged = True
    while jupyter.running:
        if judged and not judge.running:
            judged = False
            say(f"{judge.last_words()} Your notebooks are unharmed: save them, press Ctrl-C, start ./coldstart again.")
        with suppress(subprocess.TimeoutExpired):
            jupyter.process.wait(1.0)
    if jupyter.process.returncode:
        raise Ended(jupyter.last_words())
    say("JupyterLab was shut down; ending the judge and the sandboxes.")


def _is_up(record: Mapping[str, Any]) -> bool:
    """Does the start that wrote this record run? One that is still coming up is waited for."""
    deadline = time.monotonic() + START_SECONDS
    while is_running(record.get("command")) and time.monotonic() < deadline:
        if _answers(int(record.get("port", 0))) and "url" in (record := state.read(RECORD)):
            return True
        time.sleep(0.1)
    return False


def _already_running(record: Mapping[str, Any], *, browser: bool, port: int | None) -> None:
    if port is not None and port != record["port"]:
        raise CommandError(
            f"Coldstart is already running from this folder, on port {record['port']}: open {record['url']}, "
            "or end it there with Ctrl-C first"
        )
    say("Coldstart is already running from this folder.")
    say(f"JupyterLab:  {record['url']}")
    if browser:
        open_browser(str(record["url"]))


def _own_port(port: int) -> int:
    if not _free(port):
        raise CommandError(f"port {port} is in use by another program: leave --port out, or give another one")
    return port


def _free_port() -> int:
    for port in range(FIRST_PORT, FIRST_PORT + PORTS_TRIED):
        if _free(port):
            if port != FIRST_PORT:
                say(f"Port {FIRST_PORT} is in use by another program; taking {port}.")
            return port
    raise CommandError(
        f"ports {FIRST_PORT} to {FIRST_PORT + PORTS_TRIED - 1} are all in use: give a free one with --port"
    )


def _free(port: int) -> bool:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        # As servers do: a port whose last connections are still ebbing away is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def _answers(port: int) -> bool:
    """Does a Jupyter server answer on this port?"""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/api")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def open_browser(url: str) -> None:
    """Open the page where there is a screen. A browser in the terminal would only hide the URL."""
    screen = sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
    if not screen or not webbrowser.open(url):
        say("Open this address in your browser.")


def say(line: str) -> None:
    print(line, flush=True)
