"""Commands that are run from a cell, and calls to an API."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from checks.lab02 import tools
from sandbox.cloud import Cloud


def cloud(url: str = "") -> Cloud:
    """As much of a cloud as a command and a call need."""
    stand_in = SimpleNamespace(
        endpoint="http://127.0.0.1:1", environment={}, target="local", tags={}, url=lambda name: url + name
    )
    return cast(Cloud, stand_in)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a command `sam` that the test writes."""
    monkeypatch.setattr(tools, "BIN", tmp_path)
    file = tmp_path / "sam"
    file.touch(0o755)
    return file


def test_a_command_tells_how_it_ended_and_what_it_printed(command: Path, tmp_path: Path) -> None:
    command.write_text("#!/bin/sh\necho \"$1 in $(pwd)\"\necho 'Error: it is broken' >&2\nexit 3\n")
    ran = tools.sam(cloud(), "deploy", tmp_path, quiet=True)
    assert (ran.exit_code, ran.lines) == (3, (f"deploy in {tmp_path.name}", "Error: it is broken"))
    assert ran.complaint == "Error: it is broken"


def test_a_command_that_hangs_is_ended_with_what_it_has_started(
    command: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "LONGEST_SECONDS", 0.3)
    command.write_text("#!/bin/sh\necho begun\nsleep 600 &\nsleep 600\n")
    with pytest.raises(TimeoutError, match="sam build did not end"):
        tools.sam(cloud(), "build", tmp_path, quiet=True)


@pytest.fixture
def server() -> Iterator[str]:
    """A server that sends callers away with /away, and refuses the others."""

    class Doors(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302 if self.path == "/away" else 404)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(b'{"path": "%s"}' % self.path.encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Doors) as listening:
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
    thread.join()


def test_a_refusal_is_a_reply(server: str) -> None:
    reply = tools.call(cloud(server), "/none")
    assert (reply.status, reply.body) == (404, {"path": "/none"})


def test_no_redirection_is_followed(server: str) -> None:
    reply = tools.call(cloud(server), "/away")
    assert (reply.status, reply.body, reply.headers["location"]) == (302, {"path": "/away"}, "/elsewhere")
