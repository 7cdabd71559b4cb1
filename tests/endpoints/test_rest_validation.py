"""Bodies by models that nobody checked: nothing is fetched for them, and no pattern holds the sandbox up."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.endpoints.apis import WRAPPED, Rest


@pytest.fixture(scope="module")
def wrapped(front: Any) -> str:
    return str(front.function("wrapped", WRAPPED))


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A server with a schema that everything fits, and what it has been asked for."""
    seen: list[str] = []

    class Schemas(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Schemas)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/schema.json", seen
    server.shutdown()
    server.server_close()
    thread.join()


def answer(front: Any, function: str, schema: Any, body: Any) -> int:
    """The status of a request whose body is validated by the schema."""
    api = Rest(front, "judged", function)
    api.rest.create_model(restApiId=api.id, name="Body", contentType="application/json", schema=json.dumps(schema))
    validator = api.rest.create_request_validator(restApiId=api.id, name="body", validateRequestBody=True)["id"]
    api.method("POST", "/x", requestValidatorId=validator, requestModels={"application/json": "Body"})
    api.deploy()
    return int(api.call("POST", "/x", json.dumps(body), {"Content-Type": "application/json"}).status)


def test_a_reference_to_a_url_is_not_fetched(front: Any, wrapped: str, asked: tuple[str, list[str]]) -> None:
    url, seen = asked
    assert answer(front, wrapped, {"$ref": url}, {}) == 500
    assert seen == []


def test_a_reference_to_a_file_is_not_read(front: Any, wrapped: str, tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text("{}")
    assert answer(front, wrapped, {"$ref": schema.as_uri()}, {}) == 500


def test_a_pattern_that_backtracks_without_end_is_given_up(front: Any, wrapped: str) -> None:
    assert answer(front, wrapped, {"type": "string", "pattern": "^(a|aa)+$"}, "a" * 100 + "b") == 500


def test_a_pattern_is_looked_for_anywhere_in_a_text(front: Any, wrapped: str) -> None:
    schema = {"type": "object", "properties": {"id": {"type": "string", "pattern": "[0-9]{3}"}}}
    assert answer(front, wrapped, schema, {"id": "order 123"}) == 200
    assert answer(front, wrapped, schema, {"id": "order 12"}) == 400
