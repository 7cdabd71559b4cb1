"""A peer that answers `sam deploy` at once: canned successes of S3 and CloudFormation, nothing behind them.

`python -m tests.bench.canned PORT RESOURCES`: RESOURCES is JSON, a list of logical id and type of what the stack is
said to have. A stack is not there until a change set of its name is executed, and has all its events from then on. A
call that is not expected is answered with an error, so that no figure comes of a deployment that went another way.
"""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from tests.bench.peers import ROOT, end, free_port, wait_for_port

NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
PREFIX = "arn:aws:cloudformation:us-east-1:123456789012:"


class Canned:
    """The peer in a process of its own."""

    def __init__(self, resources: list[tuple[str, str]]) -> None:
        self._resources = resources
        self._port = free_port()
        self.endpoint = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.bench.canned", str(self._port), json.dumps(self._resources)]
        self._process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
        wait_for_port(self._port, self._process, 10)

    def stop(self) -> None:
        if self._process is not None:
            end(self._process)
            self._process = None


class Stacks:
    """The answers, as XML. KeyError for an operation that is not expected."""

    def __init__(self, resources: list[tuple[str, str]]) -> None:
        self._resources = resources
        self._began = now()
        #: The names of executed stacks, with the time.
        self._executed: dict[str, str] = {}

    def answer(self, form: dict[str, str]) -> tuple[int, str]:
        """Status and body of a call."""
        operation, name = form["Action"], form["StackName"].rpartition("stack/")[2].partition("/")[0]
        if operation == "ExecuteChangeSet":
            self._executed[name] = now()
        if operation == "DescribeStacks" and name not in self._executed:
            error = f"<Code>ValidationError</Code><Message>Stack with id {name} does not exist</Message>"
            return 400, f'<ErrorResponse xmlns="{NAMESPACE}"><Error>{error}</Error></ErrorResponse>'
        result = {
            "CreateChangeSet": self._change_set,
            "DescribeChangeSet": self._change_set,
            "DescribeStackEvents": self._events,
            "DescribeStacks": self._stacks,
            "ExecuteChangeSet": lambda name: "",
        }[operation](name)
        return 200, f'<{operation}Response xmlns="{NAMESPACE}">' + tag(f"{operation}Result", result) + (
            f"</{operation}Response>"
        )

    def _change_set(self, name: str) -> str:
        changes = "".join(
            tag(
                "member",
                tag("Type", "Resource")
                + tag(
                    "ResourceChange", tag("Action", "Add") + tag("LogicalResourceId", one) + tag("ResourceType", kind)
                ),
            )
            for one, kind in self._resources
        )
        return (
            tag("Id", f"{PREFIX}changeSet/one/1")
            + tag("ChangeSetId", f"{PREFIX}changeSet/one/1")
            + tag("StackId", f"{PREFIX}stack/{name}/1")
            + tag("StackName", name)
            + tag("Status", "CREATE_COMPLETE")
            + tag("ExecutionStatus", "AVAILABLE")
            + tag("Changes", changes)
        )

    def _events(self, name: str) -> str:
        stack = (name, "AWS::CloudFormation::Stack")
        told = [(*stack, "REVIEW_IN_PROGRESS")]
        if name in self._executed:
            both = ("CREATE_IN_PROGRESS", "CREATE_COMPLETE")
            made = [(*one, status) for one in self._resources for status in both]
            told = [*told, (*stack, both[0]), *made, (*stack, both[1])]
        events = []
        for number, (logical_id, kind, status) in enumerate(told):
            events.append(
                tag("StackId", f"{PREFIX}stack/{name}/1")
                + tag("EventId", str(number))
                + tag("StackName", name)
                + named(logical_id, kind)
                + tag("PhysicalResourceId", f"{PREFIX}stack/{name}/1" if kind == stack[1] else logical_id)
                + tag("Timestamp", self._executed[name] if number else self._began)
                + tag("ResourceStatus", status)
            )
        return tag("StackEvents", "".join(tag("member", one) for one in reversed(events)))

    def _stacks(self, name: str) -> str:
        shape = (
            tag("StackId", f"{PREFIX}stack/{name}/1")
            + tag("StackName", name)
            + tag("CreationTime", self._executed[name])
            + tag("StackStatus", "CREATE_COMPLETE")
            + tag("Outputs", tag("member", tag("OutputKey", "Table") + tag("OutputValue", "orders")))
        )
        return tag("Stacks", tag("member", shape))


def now() -> str:
    """As answers tell a time."""
    return datetime.datetime.now(datetime.UTC).isoformat()


def tag(name: str, content: str) -> str:
    """An element, of elements or of text."""
    return f"<{name}>{content if content.startswith('<') else escape(content)}</{name}>"


def named(logical_id: str, kind: str) -> str:
    """The members that name a resource."""
    return tag("LogicalResourceId", logical_id) + tag("ResourceType", kind)


class Answering(BaseHTTPRequestHandler):
    """CloudFormation's calls are POSTs; every PUT is an object for S3."""

    protocol_version = "HTTP/1.1"
    # An answer goes in one packet, at once: two would wait for the client's acknowledgement of the first.
    wbufsize = -1
    disable_nagle_algorithm = True
    stacks: Stacks

    def handle_expect_100(self) -> bool:
        """Before the body of a PUT comes, the client waits for this."""
        went_on = super().handle_expect_100()
        self.wfile.flush()
        return went_on

    def _answer(self, status: int, body: str) -> None:
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", '"0"')
        self.end_headers()
        self.wfile.write(data)

    def _read(self) -> str:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")

    def do_PUT(self) -> None:
        self._read()
        self._answer(200, "")

    def do_POST(self) -> None:
        form = {name: values[0] for name, values in parse_qs(self._read()).items()}
        try:
            status, body = self.stacks.answer(form)
        except KeyError as error:
            status, body = (
                500,
                f"<ErrorResponse><Error><Code>NotCanned</Code><Message>{error}</Message></Error></ErrorResponse>",
            )
        self._answer(status, body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: an answer costs as little as it can."""


def main() -> None:
    Answering.stacks = Stacks([(name, kind) for name, kind in json.loads(sys.argv[2])])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Answering).serve_forever()


if __name__ == "__main__":
    main()
