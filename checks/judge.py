"""The judge as a process outside the learner's kernel: JSON over HTTP on loopback, bearer tokens, limits on input.

`python -m checks.judge --state-dir .coldstart` prints one JSON line {"url", "token"} once it answers, and ends when its
standard input does.
"""

from __future__ import annotations

import argparse
import hmac
import json
import logging
import os
import re
import secrets
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from checks.course import CourseError, load_course, load_module
from checks.judging import Judge, Nursery, Refusal
from sandbox.loopback import is_meant_for

log = logging.getLogger(__name__)

LARGEST_BODY_BYTES = 1_000_000
DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token's bearer may do. `lab` binds it to one lab; `submit_only` leaves out all but starting, answering
    and finishing: no hint, no solution, no standing. No grant can write a verdict: there is no call for that."""

    lab: str | None = None
    submit_only: bool = False


Route = Callable[[Judge, str, str, dict[str, Any]], Any]

#: method, path (the lab's id, then the check's), what it does, whether a submit-only token may.
ROUTES: tuple[tuple[str, re.Pattern[str], Route, bool], ...] = tuple(
    (method, re.compile(f"/v1{path}"), route, allowed)
    for method, path, route, allowed in (
        ("POST", r"/labs/(\d\d)/start", lambda j, lab, _, body: j.start(lab, _text(body, "folder")), True),
        (
            "POST",
            r"/labs/(\d\d)/checks/([0-9a-z.]{1,40})",
            lambda j, lab, check, body: j.submit(lab, check, _answers(body)).to_json(),
            True,
        ),
        ("POST", r"/labs/(\d\d)/finish", lambda j, lab, _, body: j.finish(lab), True),
        ("POST", r"/labs/(\d\d)/hint", lambda j, lab, _, body: j.hint(lab, _text(body, "check")), False),
        ("POST", r"/labs/(\d\d)/giveup", lambda j, lab, _, body: j.give_up(lab, _text(body, "check")), False),
        ("POST", r"/labs/(\d\d)/solution", lambda j, lab, _, body: j.solution(lab, _text(body, "check")), False),
        ("GET", r"/labs/(\d\d)", lambda j, lab, _, body: j.describe(lab), False),
        ("GET", r"/progress", lambda j, lab, _, body: j.progress(), False),
    )
)


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise Refusal(400, f"{name} must be a text.")
    return value


def _answers(body: dict[str, Any]) -> dict[str, Any]:
    answers = body.get("answers", {})
    if not isinstance(answers, dict):
        raise Refusal(400, "answers must be an object of values by name.")
    return answers


def read_json(raw: bytes) -> dict[str, Any]:
    """A JSON object of at most DEEPEST levels, without NaN or infinities. Raises Refusal."""
    try:
        data = json.loads(raw or b"{}", parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"The request is not JSON: {error}.") from error
    if not isinstance(data, dict):
        raise Refusal(400, "The request must be a JSON object.")
    level: list[Any] = [data]
    for _ in range(DEEPEST):
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return data
    raise Refusal(400, f"The answer is nested more than {DEEPEST} levels deep.")


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


class JudgeServer:
    """The judge behind HTTP on 127.0.0.1. `token` may do what a learner may; `grant` makes narrower ones."""

    def __init__(self, judge: Judge, *, port: int = 0) -> None:
        self._grants: dict[str, Grant] = {}
        self._judge = judge
        self.token = self.grant(Grant())
        owner = self

        class Handler(_Handler):
            server_owner = owner

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="judge", daemon=True
        )
        self._thread.start()

    def grant(self, grant: Grant) -> str:
        """A new token with these rights."""
        token = secrets.token_urlsafe(32)
        self._grants[token] = grant
        return token

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, authorization: str, raw: bytes) -> tuple[int, Any]:
        """Status and JSON answer of one request."""
        try:
            grant = self._identify(authorization)
            for verb, pattern, route, for_all in ROUTES:
                match = pattern.fullmatch(path)
                if match is None or verb != method:
                    continue
                lab, check = (*match.groups(), "", "")[:2]
                if grant.lab is not None and lab != grant.lab:
                    raise Refusal(403, f"This token is for lab {grant.lab} only.")
                if grant.submit_only and not for_all:
                    raise Refusal(403, "This token can only start its lab, submit answers and finish.")
                return 200, route(self._judge, lab, check, read_json(raw))
            raise Refusal(404, f"The judge has no {method} {path}.")
        except Refusal as refusal:
            return refusal.status, {"error": refusal.message}
        except Exception as error:
            log.exception("%s %s failed", method, path)
            return 500, {"error": f"The judge failed ({type(error).__name__}: {error})."}

    def _identify(self, authorization: str) -> Grant:
        given = authorization.removeprefix("Bearer ").encode()
        for token, grant in self._grants.items():
            if hmac.compare_digest(token.encode(), given):
                return grant
        raise Refusal(401, "The judge does not know this token. Close the notebook and open it from ./coldstart.")


class _Handler(BaseHTTPRequestHandler):
    server_owner: JudgeServer
    protocol_version = "HTTP/1.1"
    # Headers and body go out in one piece: written apart they wait 40 ms for the peer's acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 600

    def _serve(self) -> None:
        if not is_meant_for(self.headers.get("Host"), self.headers.get("Origin")):
            self.close_connection = True
            self._send(403, {"error": "The judge answers to notebooks on this machine, not to web pages."})
            return
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if not 0 <= length <= LARGEST_BODY_BYTES:
            self.close_connection = True
            self._send(413, {"error": f"A request may have at most {LARGEST_BODY_BYTES} bytes."})
            return
        raw = self.rfile.read(length)
        path = self.path.partition("?")[0]
        self._send(*self.server_owner.answer(self.command, path, self.headers.get("Authorization", ""), raw))

    do_GET = _serve
    do_POST = _serve

    def _send(self, status: int, answer: Any) -> None:
        body = json.dumps(answer).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()
        except OSError:
            # The asker has gone, a kernel that was restarted say; the verdict is recorded all the same.
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        log.debug(format, *args)


class NurseryProcess:
    """The nursery, started in the background: the judge answers at once, and the first fork waits for it.

    Called, it gives the running nursery. Raises what kept it from starting.
    """

    def __init__(self) -> None:
        self._nursery: Any = None
        self._failure: Exception | None = None
        self._ready = threading.Event()
        threading.Thread(target=self._start, name="nursery", daemon=True).start()

    def _start(self) -> None:
        try:
            from sandbox.nursery import Nursery as Sandboxes

            nursery = Sandboxes()
            nursery.start()
            self._nursery = nursery
        except Exception as error:
            log.exception("the nursery did not start")
            self._failure = error
        finally:
            self._ready.set()

    def __call__(self) -> Nursery:
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        nursery: Nursery = self._nursery
        return nursery

    def close(self) -> None:
        self._ready.wait()
        if self._nursery is not None:
            self._nursery.close()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m checks.judge", description="Judge labs until stdin ends.")
    parser.add_argument("--state-dir", type=Path, required=True, help="folder for progress.json and labs.json")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: any free one)")
    parser.add_argument("--course", type=Path, default=None, help="root of the course (default: this project)")
    parser.add_argument("--seed", type=int, default=None, help="seed of every session (default: a new one each)")
    options = parser.parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    nursery = NurseryProcess()
    try:
        course = load_course(options.course)
        judge = Judge(course, nursery, state=options.state_dir, seed=options.seed)
        server = JudgeServer(judge, port=options.port)
    except (CourseError, OSError) as error:
        print(f"The judge can't start: {error}", file=sys.stderr)
        nursery.close()
        return 1
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    print(json.dumps({"url": server.url, "token": server.token}), flush=True)

    def wait_for_parent() -> None:
        # Not through sys.stdin: its lock, held by a daemon thread, would abort the interpreter as it ends.
        while os.read(sys.stdin.fileno(), 4096):
            pass
        ended.set()

    threading.Thread(target=wait_for_parent, name="parent", daemon=True).start()
    for lab in course.labs:
        try:
            load_module(lab)
        except CourseError as error:
            log.warning("%s", error)
    ended.wait()
    judge.close()
    server.close()
    nursery.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
