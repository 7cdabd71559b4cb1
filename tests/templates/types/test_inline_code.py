"""Inline code as a package, and the module cfnresponse in it."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest

from sandbox.templates.types import cfnresponse, inline_code


def _names(source: str) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(inline_code.package(source))).namelist()


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def handler(event, context): pass\n", ["index.py"]),
        ("import json\nimport cfnresponse\n", ["index.py", "cfnresponse.py"]),
        ("def handler(event, context):\n    import cfnresponse\n", ["index.py", "cfnresponse.py"]),
        ("from cfnresponse import send\n", ["index.py"]),
        ("# about cfnresponse\n", ["index.py"]),
    ],
)
def test_the_response_module_comes_with_code_that_imports_it(source: str, names: list[str]) -> None:
    assert _names(source) == names


def test_the_same_code_is_the_same_package() -> None:
    assert inline_code.package("ONE = 1\n") == inline_code.package("ONE = 1\n")
    assert inline_code.package("ONE = 1\n") != inline_code.package("ONE = 2\n")


def test_an_answer_arrives_at_the_url_of_the_request() -> None:
    arrived: list[tuple[str, str, dict[str, object]]] = []

    class Bucket(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            arrived.append((self.path, self.headers["content-type"], json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Bucket)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        event = {
            "StackId": "arn:stack",
            "RequestId": "one",
            "LogicalResourceId": "Thing",
            "ResponseURL": f"http://127.0.0.1:{server.server_port}/answer?signed=yes",
        }
        cfnresponse.send(event, SimpleNamespace(log_stream_name="stream"), cfnresponse.SUCCESS, {"Answer": 42})
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert arrived == [
        (
            "/answer?signed=yes",
            "",
            {
                "Status": "SUCCESS",
                "Reason": "See the details in CloudWatch Log Stream: stream",
                "PhysicalResourceId": "stream",
                "StackId": "arn:stack",
                "RequestId": "one",
                "LogicalResourceId": "Thing",
                "NoEcho": False,
                "Data": {"Answer": 42},
            },
        )
    ]
